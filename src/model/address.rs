//! One e-mail address as it stood in a header, decoded but not made safe for the screen.
//!
//! Used by `mime`, `net` (envelopes), `store` and the JSON output.

use super::{Safe, Standing, check_address, mixes_scripts};
use serde::{Deserialize, Serialize};

/// Longer names are not proposed whole.
const NAME_CHARS_MAX: usize = 100;

/// A mailbox address of RFC 5322 §3.4: the name it claims and the address proper.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// The decoded display name; empty when there is none.
    pub name: String,
    /// `local@domain` as written; may be anything when the header was broken.
    pub address: String,
}

impl Address {
    /// What a list shows for this address: the name, or the address where the name is empty or
    /// could deceive.
    #[must_use]
    pub fn shown(&self) -> &str {
        let name = self.bare_name();
        if self.address.is_empty() || (!name.is_empty() && !self.is_name_doubtful()) {
            name
        } else {
            &self.address
        }
    }

    /// The name without the single quotes that some programs put around all of it.
    fn bare_name(&self) -> &str {
        let name = self.name.trim();
        let inner = name.strip_prefix('\'').and_then(|n| n.strip_suffix('\''));
        inner.unwrap_or(name).trim()
    }

    /// Whether the name could pass for something it is not: it holds an `@`, a character that is
    /// not seen, or letters of alphabets that look alike in one word.
    #[must_use]
    pub fn is_name_doubtful(&self) -> bool {
        let is_unseen = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        self.name.contains('@')
            || self.name.contains(is_unseen)
            || self
                .name
                .split(|c: char| !c.is_alphanumeric())
                .any(mixes_scripts)
    }

    /// The address as it may be proposed and put into a field: one that can be sent to, with a name
    /// on one line that cannot pass for something else, or none. `None`: it cannot be sent to.
    #[must_use]
    pub fn proposal(&self) -> Option<Self> {
        if check_address(&self.address) != Standing::Valid {
            return None;
        }
        let name = if self.is_name_doubtful() {
            String::new()
        } else {
            let name = Safe::line(self.name.trim());
            let name: String = name.as_str().chars().take(NAME_CHARS_MAX).collect();
            name.trim_matches([' ', '\'', '"']).to_owned()
        };
        Some(Self {
            name,
            address: self.address.clone(),
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.bare_name();
        if name.is_empty() {
            f.write_str(&self.address)
        } else {
            write!(f, "{name} <{}>", self.address)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed_can_be_sent_to_and_has_an_honest_name_or_none() {
        let name = |name: &str, address: &str| {
            let address = Address {
                name: name.to_owned(),
                address: address.to_owned(),
            };
            address.proposal().map(|a| a.name)
        };
        let ann = "ann@example.org";
        assert_eq!(name("boss@bank.example", ann).as_deref(), Some(""));
        assert_eq!(name("a\r\nBcc: x", ann).as_deref(), Some(""));
        assert_eq!(name(" 'Ann Example' ", ann).as_deref(), Some("Ann Example"));
        assert_eq!(name(&"x".repeat(5000), ann).unwrap().len(), NAME_CHARS_MAX);
        for address in ["", "ann", "ann@x>\r\nBcc: y@example.org", "a\0@example.org"] {
            assert_eq!(name("Ann", address), None, "{address:?}");
        }
    }

    #[test]
    fn a_name_that_could_deceive_gives_way_to_the_address() {
        let shown = |name: &str| {
            let address = Address {
                name: name.to_owned(),
                address: "x@evil".to_owned(),
            };
            address.shown().to_owned()
        };
        for name in [
            "",
            "  ",
            "boss@bank.com",
            "p\u{430}ypal",
            "a\u{202e}b",
            "a\0b",
        ] {
            assert_eq!(shown(name), "x@evil", "{name:?}");
        }
        assert_eq!(shown("Ann Иванова"), "Ann Иванова");
        let nameless = Address {
            name: "a@b".to_owned(),
            address: String::new(),
        };
        assert_eq!(nameless.shown(), "a@b");
        let quoted = Address {
            name: "'Ann O'Neil'".to_owned(),
            address: "a@b".to_owned(),
        };
        assert_eq!(quoted.shown(), "Ann O'Neil");
        assert_eq!(quoted.to_string(), "Ann O'Neil <a@b>");
    }
}
