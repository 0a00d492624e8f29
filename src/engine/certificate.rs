//! What `gpgsm` says of the certificate of a signature, in words for the card.
//!
//! Called by `unseal`. A certificate is worth what its issuer's word is worth: a signature may only be
//! called good where GnuPG trusts the root above it, and only for the addresses that were certified.

use super::verdict::{Standing, Verdict, day};
use crate::model::{CardLine, Tone};

/// Why a certificate proves nothing, though the signature fits it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    NotTrusted,
    NoIssuer,
    Revoked,
    Expired,
    Other,
}

impl Doubt {
    /// A code of libgpg-error, as it stands behind TRUST_UNDEFINED and TRUST_NEVER.
    pub(super) fn read(code: Option<&String>) -> Self {
        match code.map_or("", String::as_str) {
            "94" => Self::Revoked,
            "98" => Self::NotTrusted,
            "101" => Self::Expired,
            "185" => Self::NoIssuer,
            _ => Self::Other,
        }
    }
}

/// A certificate as `gpgsm` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Certificate {
    name: String,
    addresses: Vec<String>,
    issuer: String,
    pub(super) fingerprint: String,
    /// The fingerprint of its issuer's, where that is here.
    pub(super) above: String,
}

impl Certificate {
    /// The first one of a listing with colons (GnuPG's `doc/DETAILS`).
    pub(super) fn read(listing: &[u8]) -> Self {
        const ADDRESSES_MAX: usize = 100;
        let text = String::from_utf8_lossy(listing);
        let mut found = Self::default();
        let mut count = 0;
        for line in text.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let field = |at: usize| fields.get(at).map_or("", |f| *f).replace("\\x3a", ":");
            match field(0).as_str() {
                "crt" | "crs" => {
                    count += 1;
                    found.issuer = common_name(&field(9));
                }
                "fpr" => (found.fingerprint, found.above) = (field(9), field(12)),
                "uid" => {
                    let id = field(9);
                    // An address that was certified stands alone. One within a name is but a word of it.
                    match id.strip_prefix('<').and_then(|id| id.strip_suffix('>')) {
                        Some(address) if found.addresses.len() < ADDRESSES_MAX => {
                            found.addresses.push(address.to_owned());
                        }
                        Some(_) => {}
                        None if found.name.is_empty() => found.name = common_name(&id),
                        None => {}
                    }
                }
                _ => {}
            }
            if count > 1 {
                // More than one for a fingerprint: none of them can be told to be the signer's.
                return Self::default();
            }
        }
        found
    }

    /// Whether it is the last one of its chain.
    pub(super) fn is_root(&self) -> bool {
        self.above.is_empty() || self.above == self.fingerprint
    }

    fn is_of(&self, address: &str) -> bool {
        self.addresses
            .iter()
            .any(|a| a.eq_ignore_ascii_case(address))
    }

    /// Whose it is: the name, and of the addresses the sender's if that is among them.
    fn holder(&self, from: &str) -> String {
        let own = self.addresses.iter().find(|a| a.eq_ignore_ascii_case(from));
        match own.or_else(|| self.addresses.first()) {
            Some(address) => format!("{} <{address}>", self.name),
            None => self.name.clone(),
        }
    }
}

/// The name in a distinguished name, as the listing (`CN=Ann,O=X`) and the status (`/CN=Ann/O=X`) have it.
fn common_name(dn: &str) -> String {
    let separator = if dn.starts_with('/') { '/' } else { ',' };
    let mut pieces = vec![String::new()];
    let mut is_escaped = false;
    for c in dn.chars() {
        match (c, pieces.last_mut()) {
            ('\\', _) if !is_escaped => {
                is_escaped = true;
                continue;
            }
            (c, _) if c == separator && !is_escaped => pieces.push(String::new()),
            (c, Some(last)) => last.push(c),
            _ => {}
        }
        is_escaped = false;
    }
    let name = pieces.iter().find_map(|piece| piece.strip_prefix("CN="));
    name.unwrap_or(dn).trim().to_owned()
}

/// What stands on the card of a signature of S/MIME. `root` is the last certificate above `own`.
pub(super) fn lines(
    verdict: &Verdict,
    from: &str,
    own: &Certificate,
    root: &Certificate,
) -> Vec<CardLine> {
    let when = verdict.made.map(day).unwrap_or_default();
    let named = common_name(&verdict.name);
    match verdict.standing {
        Standing::Bad => {
            let text = format!("BAD signature: this was changed, or was not signed by {named}");
            return vec![CardLine::new(Tone::Warning, &text)];
        }
        Standing::NoKey => {
            let text = "Signed, but the signer's certificate is neither in the message nor here: import it (gpgsm --import FILE), and check again";
            return vec![CardLine::new(Tone::Warning, text)];
        }
        Standing::Unknown => {
            let text = "The signature could not be checked: gpgsm cannot read it. Ask the sender to send the message again";
            return vec![CardLine::new(Tone::Warning, text)];
        }
        Standing::Good | Standing::Expired | Standing::KeyExpired | Standing::KeyRevoked => {}
    }
    let who = if own.name.is_empty() {
        named
    } else {
        own.holder(from)
    };
    let is_sender = own.is_of(from);
    let issuer = &own.issuer;
    let is_over = verdict.standing != Standing::Good;
    match verdict.doubt {
        None if verdict.is_trusted && is_sender && !is_over => vec![
            CardLine::new(
                Tone::Good,
                &format!("Good signature of {who} (certified by {issuer}{when})"),
            ),
            CardLine::new(
                Tone::Dim,
                "Whether the certificate was revoked was not looked up",
            ),
        ],
        None if verdict.is_trusted && !is_over => {
            let text = format!(
                "Signed by another than the sender: by {who} (certified by {issuer}{when})"
            );
            vec![CardLine::new(Tone::Warning, &text)]
        }
        doubt => {
            let doubt = doubt.unwrap_or(if is_over {
                Doubt::Expired
            } else {
                Doubt::Other
            });
            doubtful(doubt, &format!("{who}{when}"), own, root, is_sender)
        }
    }
}

fn doubtful(
    doubt: Doubt,
    who: &str,
    own: &Certificate,
    root: &Certificate,
    is_sender: bool,
) -> Vec<CardLine> {
    let (but, remedy) = match doubt {
        Doubt::NotTrusted => (
            format!("you do not trust who issued it: {}", root.name),
            format!(
                "If {} itself names the fingerprint {}, put that into trustlist.txt in the folder of GnuPG",
                root.name, root.fingerprint
            ),
        ),
        Doubt::NoIssuer => (
            format!("the certificate of its issuer is not here: {}", own.issuer),
            "Import that (gpgsm --import FILE), and check again".to_owned(),
        ),
        Doubt::Revoked => (
            "it was revoked: the key may be in other hands".to_owned(),
            "Ask the sender in another way whether the message is theirs".to_owned(),
        ),
        Doubt::Expired => (
            "it is expired, or one above it".to_owned(),
            "Ask the sender to renew it".to_owned(),
        ),
        Doubt::Other => (
            "GnuPG does not accept it".to_owned(),
            "Ask the sender for a message with another one".to_owned(),
        ),
    };
    let is_only_unknown = matches!(doubt, Doubt::NotTrusted | Doubt::NoIssuer);
    let tone = if is_sender && is_only_unknown {
        Tone::Plain
    } else {
        Tone::Warning
    };
    let text = if is_sender {
        format!("The signature fits a certificate of {who}, but {but}")
    } else {
        format!("Signed by another than the sender: by the certificate of {who}, and {but}")
    };
    vec![
        CardLine::new(tone, &text),
        CardLine::new(Tone::Dim, &remedy),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::crypto::Status;
    use super::super::verdict::verdicts;
    use super::*;

    const LISTING: &str = "crt:f:2048:1:773E:20261125T143432:20350211T143432:72::CN=Test CA,O=X::esES::::::23:\n\
        fpr:::::::::A670:::D01B:\nuid:f::::::::CN=Ann \\<boss@here.test\\>,O=X::\nuid:f::::::::<ann@here.test>::\n";

    fn said(trust: &str, from: &str) -> (Tone, String) {
        let status = format!(
            "[GNUPG:] GOODSIG A670 /CN=Ann\n[GNUPG:] VALIDSIG A670 2026-11-25 20261125T143515 20350211T143432 0 0 1 8 00\n\
             [GNUPG:] {trust}\n"
        );
        let verdicts = verdicts(&Status::read(status.as_bytes()));
        let own = Certificate::read(LISTING.as_bytes());
        let root = Certificate {
            name: "Test CA".to_owned(),
            fingerprint: "D01B".to_owned(),
            ..Certificate::default()
        };
        let lines = lines(&verdicts[0], from, &own, &root);
        let text: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
        (lines[0].tone, text.join("\n"))
    }

    #[test]
    fn only_the_certified_address_of_a_trusted_chain_is_good() {
        let (tone, text) = said("TRUST_FULLY 0 shell", "ANN@here.test");
        assert!(
            tone == Tone::Good && text.contains("certified by Test CA"),
            "{text}"
        );
        // Anybody can be called like that.
        let (tone, text) = said("TRUST_FULLY 0 shell", "boss@here.test");
        assert!(
            tone == Tone::Warning && text.contains("another than the sender"),
            "{text}"
        );
        for (trust, tone, words) in [
            ("TRUST_UNDEFINED 98", Tone::Plain, "fingerprint D01B"),
            ("TRUST_UNDEFINED 185", Tone::Plain, "gpgsm --import"),
            ("TRUST_NEVER 94", Tone::Warning, "revoked"),
            ("TRUST_UNDEFINED 101", Tone::Warning, "expired"),
            ("TRUST_UNDEFINED 1", Tone::Warning, "does not accept"),
            ("NEWSIG", Tone::Warning, "does not accept"),
        ] {
            let (found, text) = said(trust, "ann@here.test");
            assert!(found == tone && text.contains(words), "{trust}: {text}");
        }
    }

    #[test]
    fn a_name_is_read_out_of_both_forms() {
        for (dn, name) in [
            ("/CN=Ann/O=X", "Ann"),
            ("O=X,CN=Ann\\, the first", "Ann, the first"),
            ("O=X", "O=X"),
        ] {
            assert_eq!(common_name(dn), name);
        }
    }
}
