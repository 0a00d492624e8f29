//! Addresses as they go into MAIL and RCPT (RFC 5321 §4.1.2, RFC 6531 §3.3).
//!
//! Made by whoever fills an envelope. A [`Path`] must never hold what could end the address or the
//! line that it stands in.

use crate::model::Invalid;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest address. RFC 5321 §4.5.3.1 promises 254, and forbids nobody to take more.
const PATH_MAX: usize = 320;

/// A checked `local@domain`. Two are equal when the server could not tell them apart: the domain's
/// case and way of writing do not count.
#[derive(Debug, Clone)]
pub struct Path {
    written: String,
    local_len: usize,
    /// The domain in ASCII, lower case.
    domain: String,
}

impl Path {
    /// Checks an address.
    ///
    /// # Errors
    /// When it is none, or one that cannot go over the wire unharmed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let no = |why| Err(Invalid::new(text, why));
        if text.len() > PATH_MAX {
            return no("is too long for an address");
        }
        let Some((local, domain)) = text.rsplit_once('@') else {
            return no("is not an address: it has no @");
        };
        if !is_quoted(local) && !is_dotted(local) {
            return no("is not an address: what stands before the @ is not allowed there");
        }
        let Some(domain) = ascii_domain(domain) else {
            return no("is not an address: what stands after the @ is not a domain");
        };
        Ok(Self {
            written: text.to_owned(),
            local_len: local.len(),
            domain,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Whether only a server with SMTPUTF8 can take it.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.local().is_ascii()
    }

    /// The form for the wire. Other alphabets in the domain need no SMTPUTF8: they have an ASCII
    /// form (RFC 5890), which every server knows.
    #[must_use]
    pub fn wire(&self) -> String {
        if self.needs_utf8() {
            let (domain, _) = idna::domain_to_unicode(&self.domain);
            format!("{}@{domain}", self.local())
        } else {
            format!("{}@{}", self.local(), self.domain)
        }
    }

    fn local(&self) -> &str {
        self.written.get(..self.local_len).unwrap_or_default()
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.local() == other.local() && self.domain == other.domain
    }
}

impl Eq for Path {}

impl Hash for Path {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local().hash(state);
        self.domain.hash(state);
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written)
    }
}

/// Letters of other alphabets are allowed wherever ASCII ones are (RFC 6531 §3.3).
fn is_foreign(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace()
}

/// A dot-string. Dots may stand anywhere: there are providers that gave out such addresses.
fn is_dotted(local: &str) -> bool {
    let fits =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || is_foreign(c);
    !local.is_empty() && local.chars().all(fits)
}

/// A quoted string: anything printable, with `"` and `\` behind a backslash.
fn is_quoted(local: &str) -> bool {
    let inside = local.strip_prefix('"').and_then(|l| l.strip_suffix('"'));
    let Some(inside) = inside else {
        return false;
    };
    let mut is_escaped = false;
    for c in inside.chars() {
        let is_printable = c == ' ' || c.is_ascii_graphic() || is_foreign(c);
        // `>` inside of quotes is legal, and a temptation that no known address needs.
        if !is_printable || c == '>' || (c == '"' && !is_escaped) {
            return false;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    !is_escaped
}

fn ascii_domain(domain: &str) -> Option<String> {
    if let Some(literal) = domain.strip_prefix('[') {
        let inside = literal.strip_suffix(']')?;
        let is_address = match inside.get(..5).filter(|p| p.eq_ignore_ascii_case("ipv6:")) {
            Some(prefix) => inside.strip_prefix(prefix)?.parse::<Ipv6Addr>().is_ok(),
            None => inside.parse::<Ipv4Addr>().is_ok(),
        };
        return is_address.then(|| domain.to_ascii_lowercase());
    }
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).ok()?
    };
    is_domain(&ascii).then_some(ascii)
}

/// A name of labels. An underscore is not allowed in host names and yet exists.
pub(super) fn is_domain(ascii: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    ascii.len() <= 253 && ascii.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, proptest};

    #[test]
    fn addresses_that_exist_are_taken_and_written_for_the_wire() {
        for (written, wire) in [
            ("ann@Example.ORG", "ann@example.org"),
            ("a..b.@docomo.example", "a..b.@docomo.example"),
            ("\"a b@c\"@example.org", "\"a b@c\"@example.org"),
            ("\"a\\\"\\\\b\"@example.org", "\"a\\\"\\\\b\"@example.org"),
            ("root@localhost", "root@localhost"),
            ("x+y=z@[127.0.0.1]", "x+y=z@[127.0.0.1]"),
            ("x@[IPv6:::1]", "x@[ipv6:::1]"),
            ("jo@Bücher.example", "jo@xn--bcher-kva.example"),
            ("jörg@bücher.example", "jörg@bücher.example"),
        ] {
            assert_eq!(Path::parse(written).unwrap().wire(), wire);
        }
        assert!(Path::parse("jörg@example.org").unwrap().needs_utf8());
        assert!(!Path::parse("jo@bücher.example").unwrap().needs_utf8());
    }

    #[test]
    fn what_could_end_the_command_is_refused() {
        for bad in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a b@example.org",
            "a>b@example.org",
            "\"a>b\"@example.org",
            "\"a\"b\"@example.org",
            "\"a\\\"@example.org",
            "\"@example.org",
            "<ann@example.org>",
            "ann@example.org>\r\nRCPT TO:<bob@example.org",
            "ann\r\n@example.org",
            "\"ann\r\nDATA\"@example.org",
            "ann@example.org\r\nDATA",
            "ann@example.org> SIZE=1",
            "ann\0@example.org",
            "ann\u{85}@example.org",
            "ann\u{2028}@example.org",
            "ann@exa mple.org",
            "ann@example..org",
            "ann@example.org.",
            "ann@[127.0.0.1",
            "ann@[127.0.0.1]>",
            "ann@[example]",
            "ann@exam\u{2028}ple.org",
        ] {
            assert!(Path::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Path::parse(&format!("{}@example.org", "a".repeat(320))).is_err());
    }

    #[test]
    fn the_domains_case_makes_no_other_recipient_and_the_locals_does() {
        let path = |text| Path::parse(text).unwrap();
        assert_eq!(path("ann@EXAMPLE.org"), path("ann@example.ORG"));
        assert_eq!(path("jo@BÜCHER.example"), path("jo@xn--bcher-kva.example"));
        assert_ne!(path("Ann@example.org"), path("ann@example.org"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_text_makes_an_address_that_leaves_its_brackets(
            text in "([a-z\"\\\\<> @.\r\n\t\0\u{7f}\u{85}ö\u{2028}\\[\\]]|\\PC){0,12}@(\\PC|[a-z.>\r\n \\[\\]1]){1,10}"
        ) {
            if let Ok(path) = Path::parse(&text) {
                let wire = path.wire();
                let bad = |c: char| c.is_control() || c == '>' || c == '<' && !wire.starts_with('"');
                assert!(!wire.contains(bad), "{wire:?}");
                assert!(!wire.is_empty() && wire.contains('@'));
                assert!(path.needs_utf8() || wire.is_ascii());
            }
        }
    }
}
