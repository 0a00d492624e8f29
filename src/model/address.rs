//! One e-mail address as it stood in a header, decoded but not made safe for the screen.
//!
//! Used by `mime`, `net` (envelopes), `store` and the JSON output.

use super::mixes_scripts;
use serde::{Deserialize, Serialize};

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
        let name = self.name.trim();
        if self.address.is_empty() || (!name.is_empty() && !self.is_name_doubtful()) {
            name
        } else {
            &self.address
        }
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
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.address)
        } else {
            write!(f, "{} <{}>", self.name, self.address)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
