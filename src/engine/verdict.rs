//! What `gpg` or `gpgsm` says of a signature, in words for the card.
//!
//! Called by `unseal`. "Good" may only be said where the program says VALIDSIG of every signature there
//! is and nothing speaks against one; whose key it is, is told apart from that.

use super::certificate::Doubt;
use super::crypto::{Code, Status};
use crate::model::{CardLine, Tone};

/// One signature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Verdict {
    pub(super) standing: Standing,
    /// The key as the status names it: a fingerprint or an id.
    pub(super) key: String,
    /// The name on the key, as the status gives it.
    pub(super) name: String,
    /// When it was made, in seconds since 1970.
    pub(super) made: Option<i64>,
    /// Whether the key is known to be its owner's: TRUST_FULLY or TRUST_ULTIMATE.
    pub(super) is_trusted: bool,
    /// Why it is not.
    pub(super) doubt: Option<Doubt>,
}

/// How a signature stands to what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// It fits what was signed.
    Good,
    /// It fits, but is over.
    Expired,
    /// It fits; the key is over.
    KeyExpired,
    /// It fits; the key was taken back.
    KeyRevoked,
    /// It does not fit.
    Bad,
    /// There is no key to check it with.
    NoKey,
    /// It could not be checked.
    #[default]
    Unknown,
}

/// The addresses of a key, each with whether it is known to be the owner's.
pub(super) type Owners = Vec<(String, bool)>;

/// The signatures in the order of the status (GnuPG's `doc/DETAILS`).
pub(super) fn verdicts(status: &Status) -> Vec<Verdict> {
    let mut all: Vec<Verdict> = Vec::new();
    for line in status.lines() {
        let Some((word, rest)) = line.split_first() else {
            continue;
        };
        let key = rest.first().cloned().unwrap_or_default();
        let name = || rest.get(1..).unwrap_or_default().join(" ");
        let standing = match word.as_str() {
            "GOODSIG" => Standing::Good,
            "EXPSIG" => Standing::Expired,
            "EXPKEYSIG" => Standing::KeyExpired,
            "REVKEYSIG" => Standing::KeyRevoked,
            "BADSIG" => Standing::Bad,
            "ERRSIG" => match rest.get(5).map(String::as_str) {
                Some("9") => Standing::NoKey,
                _ => Standing::Unknown,
            },
            "VALIDSIG" => {
                if let Some(last) = all.last_mut() {
                    last.key = rest.first().cloned().unwrap_or_default();
                    last.made = rest.get(2).and_then(|time| seconds(time));
                }
                continue;
            }
            "TRUST_FULLY" | "TRUST_ULTIMATE" => {
                if let Some(last) = all.last_mut() {
                    last.is_trusted = true;
                }
                continue;
            }
            "TRUST_UNDEFINED" | "TRUST_NEVER" | "TRUST_MARGINAL" => {
                if let Some(last) = all.last_mut() {
                    last.doubt = Some(Doubt::read(rest.first()));
                }
                continue;
            }
            // Only `gpgsm` tells it so.
            "ERROR" if key == "verify.findkey" => match Code::of(rest) {
                Some(Code::NoPublicKey) => Standing::NoKey,
                _ => Standing::Unknown,
            },
            _ => continue,
        };
        all.push(Verdict {
            standing,
            name: if matches!(word.as_str(), "ERRSIG" | "ERROR") {
                String::new()
            } else {
                unescape(&name())
            },
            key,
            ..Verdict::default()
        });
    }
    // A good signature without VALIDSIG was not checked to the end.
    for verdict in &mut all {
        if verdict.made.is_none() && !matches!(verdict.standing, Standing::Bad | Standing::NoKey) {
            verdict.standing = Standing::Unknown;
        }
    }
    all
}

/// The status writes bytes that could be taken for something else as `%20`.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let code = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(code) => {
                out.push(code);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Verdict {
    /// Whether it fits what was signed, by a key that is in force.
    pub(super) const fn is_good(&self) -> bool {
        matches!(self.standing, Standing::Good)
    }

    /// Whether what was signed may be shown as such: it was not changed.
    pub(super) const fn fits(&self) -> bool {
        matches!(
            self.standing,
            Standing::Good | Standing::Expired | Standing::KeyExpired | Standing::KeyRevoked
        )
    }

    /// What stands on the card. `from` is the address of the sender; `owners` those of the key.
    pub(super) fn lines(&self, from: &str, owners: &Owners) -> Vec<CardLine> {
        let key = short_key(&self.key);
        let name = if self.name.is_empty() {
            format!("key {key}")
        } else {
            self.name.clone()
        };
        let mut lines = Vec::new();
        let mut say = |tone, text: String| lines.push(CardLine::new(tone, &text));
        let when = self.made.map(day).unwrap_or_default();
        match self.standing {
            Standing::Good => {
                let is_sender = |own: &&(String, bool)| own.0.eq_ignore_ascii_case(from);
                match owners.iter().find(is_sender) {
                    Some((_, true)) => say(
                        Tone::Good,
                        format!("Good signature of {name} (key {key}{when})"),
                    ),
                    Some((_, false)) => say(
                        Tone::Plain,
                        format!(
                            "The signature fits the key {key}, which says it is of {name}{when}; you have not certified that it is theirs"
                        ),
                    ),
                    None => {
                        let whose = if self.is_trusted {
                            "of"
                        } else {
                            "of somebody who says to be"
                        };
                        say(
                            Tone::Warning,
                            format!(
                                "Signed by another than the sender: by the key {key} {whose} {name}{when}"
                            ),
                        );
                    }
                }
            }
            Standing::Expired => say(
                Tone::Warning,
                format!("The signature of {name} fits, but is expired (key {key}{when})"),
            ),
            Standing::KeyExpired => say(
                Tone::Warning,
                format!("The signature of {name} fits, but the key {key} is expired{when}"),
            ),
            Standing::KeyRevoked => say(
                Tone::Warning,
                format!(
                    "The signature of {name} fits, but the key {key} was revoked: it may be in other hands{when}"
                ),
            ),
            Standing::Bad => say(
                Tone::Warning,
                format!("BAD signature: this was changed, or was not signed by {name}"),
            ),
            Standing::NoKey => say(
                Tone::Warning,
                format!("Signed with the key {key}, which is not here: import it, and check again"),
            ),
            Standing::Unknown => say(
                Tone::Warning,
                format!("The signature could not be checked (key {key})"),
            ),
        }
        lines
    }
}

/// The end of a fingerprint, in groups of four.
fn short_key(key: &str) -> String {
    let hex: Vec<char> = key.chars().filter(char::is_ascii_hexdigit).collect();
    let tail = hex.get(hex.len().saturating_sub(16)..).unwrap_or_default();
    let groups: Vec<String> = tail.chunks(4).map(|four| four.iter().collect()).collect();
    groups.join(" ")
}

/// The time of a status: seconds since 1970, or, of `gpgsm`, `20261125T143515` (UTC).
fn seconds(time: &str) -> Option<i64> {
    if !time.contains('T') {
        return time.parse().ok();
    }
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", time).ok()?;
    let there = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(there.timestamp().as_second())
}

/// A time for the end of a sentence, as the reader's clock shows it.
pub(super) fn day(secs: i64) -> String {
    let stamp = jiff::Timestamp::from_second(secs).ok();
    stamp.map_or_else(String::new, |stamp| {
        let here = stamp.to_zoned(jiff::tz::TimeZone::system());
        here.strftime(", %-d %b %Y %H:%M").to_string()
    })
}

/// The addresses of a key from a listing with colons: of `uid` lines those in force (GnuPG's
/// `doc/DETAILS`).
pub(super) fn owners(listing: &[u8]) -> Owners {
    const OWNERS_MAX: usize = 100;
    let text = String::from_utf8_lossy(listing);
    let mut all = Owners::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let (Some(&kind), Some(&validity), Some(&uid)) =
            (fields.first(), fields.get(1), fields.get(9))
        else {
            continue;
        };
        if kind != "uid" || matches!(validity, "r" | "e" | "d" | "i") || all.len() >= OWNERS_MAX {
            continue;
        }
        let uid = uid.replace("\\x3a", ":");
        let address = match uid.rsplit_once('<') {
            Some((_, rest)) => rest.split('>').next().unwrap_or_default(),
            None => uid.as_str(),
        };
        if address.contains('@') {
            all.push((address.to_owned(), matches!(validity, "f" | "u")));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: &str, from: &str, owners: &[(&str, bool)]) -> Vec<(Tone, String)> {
        let status = Status::read(status.as_bytes());
        let owners: Owners = owners
            .iter()
            .map(|(a, is)| ((*a).to_owned(), *is))
            .collect();
        let all = verdicts(&status);
        let lines = all.iter().flat_map(|v| v.lines(from, &owners));
        lines
            .map(|l| (l.tone, l.text.as_str().to_owned()))
            .collect()
    }

    const VALID: &str = "[GNUPG:] VALIDSIG AAAABBBBCCCCDDDDEEEEFFFF0000111122223333 2026-01-01 1767222000 0 4 0 1 10 00 AAAA\n";

    #[test]
    fn good_is_said_only_of_the_senders_certified_key() {
        let good = format!(
            "[GNUPG:] GOODSIG 0000111122223333 Ann%0a[GNUPG:] <ann@x.test>\n{VALID}[GNUPG:] TRUST_ULTIMATE\n"
        );
        let lines = said(&good, "ANN@x.test", &[("ann@x.test", true)]);
        assert_eq!(lines[0].0, Tone::Good);
        assert!(
            lines[0].1.starts_with(
                "Good signature of Ann [GNUPG:] <ann@x.test> (key 0000 1111 2222 3333,"
            ),
            "{lines:?}"
        );
        let lines = said(&good, "ann@x.test", &[("ann@x.test", false)]);
        assert!(
            lines[0].0 == Tone::Plain && lines[0].1.contains("you have not certified"),
            "{lines:?}"
        );
        let lines = said(&good, "boss@x.test", &[("ann@x.test", true)]);
        assert!(
            lines[0].0 == Tone::Warning && lines[0].1.contains("another than the sender"),
            "{lines:?}"
        );
        let unproved = "[GNUPG:] GOODSIG 0000111122223333 Ann <ann@x.test>\n";
        let lines = said(unproved, "ann@x.test", &[("ann@x.test", true)]);
        assert!(
            lines[0].0 == Tone::Warning && lines[0].1.contains("could not be checked"),
            "{lines:?}"
        );
    }

    #[test]
    fn everything_else_is_a_warning_with_its_reason() {
        for (status, words) in [
            ("[GNUPG:] BADSIG 0000111122223333 Ann <ann@x.test>\n".to_owned(), "BAD signature"),
            ("[GNUPG:] ERRSIG 0000111122223333 1 10 00 1767222000 9 AAAA\n[GNUPG:] NO_PUBKEY 0000111122223333\n".to_owned(), "not here: import it"),
            ("[GNUPG:] ERRSIG 0000111122223333 1 10 00 1767222000 4 AAAA\n".to_owned(), "could not be checked"),
            (format!("[GNUPG:] EXPKEYSIG 00 Ann <ann@x.test>\n{VALID}"), "is expired"),
            (format!("[GNUPG:] REVKEYSIG 00 Ann <ann@x.test>\n{VALID}"), "was revoked"),
            (format!("[GNUPG:] EXPSIG 00 Ann <ann@x.test>\n{VALID}"), "but is expired"),
        ] {
            let lines = said(&status, "ann@x.test", &[("ann@x.test", true)]);
            assert!(lines[0].0 == Tone::Warning && lines[0].1.contains(words), "{status}: {lines:?}");
        }
    }

    #[test]
    fn the_addresses_of_a_key_are_those_in_force() {
        let listing = b"pub:u:255:22:AA:1:::u:::\nuid:u::::1::H::Ann <ann@x.test>::::\n\
            uid:r::::1::H::Old <old@x.test>::::\nuid:-::::1::H::work@x.test::::\nsub:u::::::\n";
        let found = owners(listing);
        assert_eq!(
            found,
            [
                ("ann@x.test".to_owned(), true),
                ("work@x.test".to_owned(), false)
            ]
        );
    }
}
