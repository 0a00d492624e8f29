//! What is said to prove who we are: the texts of the SASL mechanisms.
//!
//! Called by the protocol adapters. Must never be given a stream that is not as safe as asked for;
//! nothing in here is logged.

use super::Login;
use super::error::{Class, Error, Result};
use crate::model::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A mechanism with its one message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sasl {
    /// Its name in AUTH=.
    pub(crate) name: &'static str,
    /// The message in base64.
    pub(crate) message: String,
    /// What ends the exchange after the server explained a refusal, in base64.
    pub(crate) give_up: &'static str,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The mechanism for this login, the best that `offers` says yes to; `None`: no SASL.
pub(crate) fn choose(
    login: &Login,
    host: &str,
    port: u16,
    offers: impl Fn(&str) -> bool,
) -> Result<Option<Sasl>> {
    match login {
        Login::Password { user, password } => {
            check(user, "user name")?;
            check(password.reveal(), "password")?;
            Ok(offers("PLAIN").then(|| plain(user, password)))
        }
        Login::Token { user, token } => {
            check(user, "user name")?;
            check(token.reveal(), "token")?;
            if token.reveal().contains('\x01') || user.contains('\x01') {
                return Err(refused("The token holds a control character."));
            }
            if offers("OAUTHBEARER") {
                return Ok(Some(oauth_bearer(user, token, host, port)));
            }
            if offers("XOAUTH2") {
                return Ok(Some(xoauth2(user, token)));
            }
            Err(
                refused("The server does not accept tokens (no OAUTHBEARER, no XOAUTH2).")
                    .hint("Use a password for this account, or ask the provider."),
            )
        }
    }
}

fn refused(summary: &str) -> Error {
    Error::new(Class::Auth, summary)
}

/// No protocol can carry these, and some servers cut at them: say so instead of failing oddly.
fn check(text: &str, what: &str) -> Result<()> {
    if text.is_empty() {
        return Err(refused(&format!("The {what} is empty.")));
    }
    if text.contains(['\0', '\r', '\n']) {
        return Err(refused(&format!(
            "The {what} holds a line break or a NUL, which cannot be sent."
        ))
        .hint("If it comes from a command, make it print the bare text."));
    }
    Ok(())
}

fn plain(user: &str, password: &Secret) -> Sasl {
    Sasl {
        name: "PLAIN",
        message: STANDARD.encode(format!("\0{user}\0{}", password.reveal())),
        give_up: "",
    }
}

/// RFC 7628 §3.1; a comma or equals sign in the name is escaped as RFC 5801 wants it.
fn oauth_bearer(user: &str, token: &Secret, host: &str, port: u16) -> Sasl {
    let name = user.replace('=', "=3D").replace(',', "=2C");
    let text = format!(
        "n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {}\x01\x01",
        token.reveal()
    );
    Sasl {
        name: "OAUTHBEARER",
        message: STANDARD.encode(text),
        give_up: "AQ==",
    }
}

fn xoauth2(user: &str, token: &Secret) -> Sasl {
    let text = format!("user={user}\x01auth=Bearer {}\x01\x01", token.reveal());
    Sasl {
        name: "XOAUTH2",
        message: STANDARD.encode(text),
        give_up: "",
    }
}

/// What a server's challenge after a refusal says (JSON in base64), for the user to read.
pub(crate) fn challenge_text(challenge: &[u8]) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(challenge).ok()?).ok()?;
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Login {
        Login::Password {
            user: "jo".into(),
            password: Secret::new(text.into()),
        }
    }

    #[test]
    fn plain_carries_any_text_but_what_no_server_can_take() {
        let sasl = choose(&password("pä ss"), "h", 1, |_| true)
            .unwrap()
            .unwrap();
        assert_eq!(
            STANDARD.decode(sasl.message).unwrap(),
            "\0jo\0pä ss".as_bytes()
        );
        for bad in ["a\0b", "a\rb", "a\n", ""] {
            assert_eq!(
                choose(&password(bad), "h", 1, |_| true).unwrap_err().class,
                Class::Auth
            );
        }
        assert_eq!(choose(&password("x"), "h", 1, |_| false).unwrap(), None);
    }

    #[test]
    fn tokens_prefer_the_standard_and_are_never_printed() {
        let login = Login::Token {
            user: "a=b,c".into(),
            token: Secret::new("tok".into()),
        };
        let sasl = choose(&login, "h", 993, |_| true).unwrap().unwrap();
        let text = String::from_utf8(STANDARD.decode(&sasl.message).unwrap()).unwrap();
        assert_eq!(
            text,
            "n,a=a=3Db=2Cc,\x01host=h\x01port=993\x01auth=Bearer tok\x01\x01"
        );
        assert_eq!(format!("{sasl:?}"), "OAUTHBEARER");
        let old = choose(&login, "h", 993, |m| m == "XOAUTH2")
            .unwrap()
            .unwrap();
        assert_eq!(old.name, "XOAUTH2");
        assert!(choose(&login, "h", 993, |_| false).is_err());
    }
}
