//! The first line of an answer: yes or no, and why (RFC 1939 §3, RFC 2449 §8, RFC 3206).
//!
//! Read by `link`, judged by the verbs. Whether to try again must never be read from a server's words
//! where it sent a code.

use super::link::bare;
use crate::net::error::{Class, Error, quoted};

/// The longest response code that is taken for one.
const CODE_MAX: usize = 64;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// Whether it is `+OK`.
    pub(super) is_ok: bool,
    /// The response code in capitals, if there is one: `IN-USE`.
    pub(super) code: Option<String>,
    /// The words behind it.
    pub(super) text: String,
    /// Whether it is `+` alone: the server wants more (RFC 5034 §4).
    pub(super) is_challenge: bool,
}

impl Reply {
    /// Reads a line with its end; `None` where it is no answer.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let line = bare(line);
        let (rest, is_ok, is_challenge) = if let Some(rest) = after(line, b"+OK") {
            (rest, true, false)
        } else if let Some(rest) = after(line, b"-ERR") {
            (rest, false, false)
        } else {
            (after(line, b"+")?, false, true)
        };
        let text = String::from_utf8_lossy(rest);
        let text = text.trim();
        let (code, text) = if is_challenge {
            (None, text)
        } else {
            split_code(text)
        };
        Some(Self {
            is_ok,
            code,
            text: text.to_owned(),
            is_challenge,
        })
    }

    /// What a refusal means for the next attempt.
    fn class(&self) -> Class {
        match self.code.as_deref() {
            Some("IN-USE" | "LOGIN-DELAY" | "SYS/TEMP") => Class::Transient,
            Some("AUTH") => Class::Auth,
            _ => Class::Rejected,
        }
    }

    /// The error for an answer that is no yes: the server refused to do `what`.
    pub(super) fn refusal(&self, what: &str) -> Error {
        let words = self.words();
        Error::new(self.class(), format!("The server refused to {what}{words}"))
            .code(self.code.clone())
    }

    /// The error for a login that was refused. Wrong credentials stop the account; a maildrop that is
    /// busy does not.
    pub(super) fn login_refusal(&self, host: &str, told: Option<String>) -> Error {
        let class = match (self.code.as_deref(), self.class()) {
            (None, _) if sounds_busy(&self.text) => Class::Transient,
            (Some("SYS/PERM"), _) => Class::Rejected,
            (_, Class::Rejected) => Class::Auth,
            (_, class) => class,
        };
        let hint = match (self.code.as_deref(), class) {
            (Some("IN-USE"), _) => {
                "Another program is fetching mail from this account; it will be tried again later."
            }
            (Some("LOGIN-DELAY"), _) => {
                "The server wants more time between two logins; it will be tried again later."
            }
            (_, Class::Auth) => {
                "Check the user name and the password; some providers want a password made for this program, or a token, or that POP3 is allowed in their settings first."
            }
            (_, Class::Rejected) => {
                "It needs somebody to change the account: maybe POP3 has to be allowed in the provider's settings first."
            }
            _ => "It will be tried again later.",
        };
        let more = told
            .map(|told| format!(" ({})", quoted(&told)))
            .unwrap_or_default();
        let words = self.words();
        Error::new(class, format!("{host} refused the login{words}{more}"))
            .hint(hint)
            .code(self.code.clone())
    }

    /// What the server said, for the end of a sentence.
    fn words(&self) -> String {
        let code = self.code.as_ref().map(|code| format!("[{code}] "));
        let said = code.unwrap_or_default() + &self.text;
        if said.is_empty() {
            ".".to_owned()
        } else {
            format!(": {}", quoted(&said))
        }
    }
}

/// What stands behind a status indicator, which ends at a blank or with the line.
fn after<'a>(line: &'a [u8], indicator: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(indicator.len())?;
    let is_end = rest.first().is_none_or(|b| matches!(b, b' ' | b'\t'));
    (start.eq_ignore_ascii_case(indicator) && is_end).then_some(rest)
}

/// A response code and what follows it (RFC 2449 §8).
fn split_code(text: &str) -> (Option<String>, &str) {
    let found = text
        .strip_prefix('[')
        .and_then(|inside| inside.split_once(']'));
    let is_code = |code: &str| {
        (1..=CODE_MAX).contains(&code.len())
            && code
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-/_.".contains(&b))
    };
    match found {
        Some((code, rest)) if is_code(code) => (Some(code.to_ascii_uppercase()), rest.trim_start()),
        _ => (None, text),
    }
}

/// Quirk: servers without response codes say only in words that the maildrop is held by another session
/// (RFC 1939 §4 has no other way), or that they cannot look the password up now.
fn sounds_busy(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = [
        "lock",
        "busy",
        "in use",
        "try again",
        "try later",
        "temporar",
        "too many",
        "already open",
    ];
    // "Account locked" is for a human to undo, and trying again would keep it so.
    let is_shut = text.contains("account") && (text.contains("locked") || text.contains("blocked"));
    !is_shut && words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Reply> {
        Reply::parse(line.as_bytes())
    }

    #[test]
    fn an_answer_is_known_by_its_first_word_and_nothing_else_is_one() {
        assert!(parse("+OK\r\n").unwrap().is_ok);
        assert!(parse("+ok ready\n").unwrap().is_ok);
        assert!(!parse("-ERR no\r\n").unwrap().is_ok);
        assert!(parse("+ \r\n").unwrap().is_challenge);
        assert!(parse("+\r\n").unwrap().is_challenge);
        for bad in [
            "", "\r\n", "OK", "+OKAY", "-ERROR x", "* OK", "220 x", " +OK", "++",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_refused_login_stops_the_account_only_where_the_password_is_wrong() {
        for (line, class, code) in [
            ("-ERR [IN-USE] x", Class::Transient, Some("IN-USE")),
            ("-ERR [in-use] x", Class::Transient, Some("IN-USE")),
            (
                "-ERR [LOGIN-DELAY] x",
                Class::Transient,
                Some("LOGIN-DELAY"),
            ),
            ("-ERR [SYS/TEMP] x", Class::Transient, Some("SYS/TEMP")),
            (
                "-ERR [SYS/PERM] try again",
                Class::Rejected,
                Some("SYS/PERM"),
            ),
            ("-ERR [AUTH] maildrop locked", Class::Auth, Some("AUTH")),
            ("-ERR", Class::Auth, None),
            ("-ERR wrong password", Class::Auth, None),
            ("-ERR unable to lock maildrop", Class::Transient, None),
            ("-ERR Mailbox is busy, try later", Class::Transient, None),
            ("-ERR account locked, see the web", Class::Auth, None),
            ("-ERR [not a code] x", Class::Auth, None),
        ] {
            let error = parse(line).unwrap().login_refusal("h", None);
            assert_eq!(
                (error.class, error.code.as_deref()),
                (class, code),
                "{line}"
            );
            assert!(!error.hint.is_empty());
        }
    }

    #[test]
    fn a_refusal_shows_the_servers_words_bounded() {
        let long = format!("-ERR [SYS/TEMP] {}", "x".repeat(3000));
        let error = parse(&long).unwrap().refusal("do it");
        assert_eq!(error.class, Class::Transient);
        assert!(error.summary.len() < 500 && error.summary.contains("[SYS/TEMP] xxx"));
        assert_eq!(
            parse("-ERR").unwrap().refusal("do it").summary,
            "The server refused to do it."
        );
    }
}
