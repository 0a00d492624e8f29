//! What a server offers: its answer to CAPA (RFC 2449), as questions that can be asked.
//!
//! Made by `open`. What was said before TLS must never get in here.

use std::time::Duration;

/// The longest name of a program that is kept.
const IMPLEMENTATION_MAX: usize = 200;
/// The most mechanisms that are kept.
const SASL_MAX: usize = 50;

/// For how long a server keeps messages (RFC 2449 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expire {
    /// For ever.
    Never,
    /// For so many days at least. With 0, a message is gone when it was fetched.
    Days(u32),
}

/// What a server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// Whether it answered CAPA. If not, what else it can do shows only when it is tried.
    pub is_known: bool,
    /// Whether commands may be sent before the answers to those before have come.
    pub can_pipeline: bool,
    /// Whether messages have ids that last (UIDL).
    pub has_uidl: bool,
    /// Whether the first lines of a message can be had (TOP).
    pub has_top: bool,
    /// Whether refusals carry a code (RFC 2449 §8).
    pub has_resp_codes: bool,
    /// Whether a refused login says whether the password was wrong (RFC 3206).
    pub has_auth_resp_code: bool,
    /// Whether USER and PASS are taken.
    pub has_user: bool,
    /// Whether TLS can be started.
    pub has_stls: bool,
    /// The shortest time between two logins.
    pub login_delay: Option<Duration>,
    /// For how long messages are kept.
    pub expire: Option<Expire>,
    /// The SASL mechanisms, in capitals.
    pub sasl: Vec<String>,
    /// The name of the server's program. From outside, and not yet made safe.
    pub implementation: Option<String>,
}

impl Offers {
    /// What is known of a server that knows no CAPA: nothing, so everything may be tried, one command
    /// after the other.
    pub(super) fn unknown() -> Self {
        Self {
            has_user: true,
            has_top: true,
            ..Self::default()
        }
    }

    /// Takes one line of the answer.
    pub(super) fn take(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        let number = |word: Option<&str>| word.and_then(|word| word.parse::<u32>().ok());
        match keyword.as_str() {
            "PIPELINING" => self.can_pipeline = true,
            "UIDL" => self.has_uidl = true,
            "TOP" => self.has_top = true,
            "RESP-CODES" => self.has_resp_codes = true,
            "AUTH-RESP-CODE" => self.has_auth_resp_code = true,
            "USER" => self.has_user = true,
            "STLS" => self.has_stls = true,
            "LOGIN-DELAY" => {
                let seconds = number(words.next());
                self.login_delay = seconds.map(|s| Duration::from_secs(s.into()));
            }
            "EXPIRE" => {
                let word = words.next();
                let is_never = word.is_some_and(|word| word.eq_ignore_ascii_case("never"));
                self.expire = if is_never {
                    Some(Expire::Never)
                } else {
                    number(word).map(Expire::Days)
                };
            }
            "SASL" => {
                let names = words.take(SASL_MAX).map(str::to_ascii_uppercase);
                self.sasl = names.collect();
            }
            "IMPLEMENTATION" => {
                let name: String = words.collect::<Vec<_>>().join(" ");
                self.implementation = Some(name.chars().take(IMPLEMENTATION_MAX).collect());
            }
            _ => {}
        }
    }

    /// Whether a SASL mechanism is offered.
    pub(super) fn has_mechanism(&self, name: &str) -> bool {
        self.sasl.iter().any(|mechanism| mechanism == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_capa_are_understood_in_any_case_and_others_passed_over() {
        let mut offers = Offers::default();
        for line in [
            "TOP",
            "uidl",
            "Pipelining",
            "SASL PLAIN xoauth2",
            "LOGIN-DELAY 900 USER",
            "EXPIRE 60",
            "EXPIRE NEVER USER",
            "IMPLEMENTATION Shlemazle-Plotz-v302",
            "X-UNHEARD-OF 1",
            "RESP-CODESX",
            "",
        ] {
            offers.take(line.as_bytes());
        }
        assert!(offers.has_top && offers.has_uidl && offers.can_pipeline);
        assert!(!offers.has_resp_codes && !offers.has_user);
        assert!(offers.has_mechanism("XOAUTH2") && !offers.has_mechanism("LOGIN"));
        assert_eq!(offers.login_delay, Some(Duration::from_secs(900)));
        assert_eq!(offers.expire, Some(Expire::Never));
        assert_eq!(
            offers.implementation.as_deref(),
            Some("Shlemazle-Plotz-v302")
        );
        offers.take(b"EXPIRE 0");
        offers.take(b"LOGIN-DELAY soon");
        assert_eq!(
            (offers.expire, offers.login_delay),
            (Some(Expire::Days(0)), None)
        );
    }
}
