//! One e-mail address as it stood in a header, decoded but not made safe for the screen.
//!
//! Used by `mime`, `net` (envelopes), `store` and the JSON output.

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
    /// could deceive (it holds an `@` that is not the address itself).
    #[must_use]
    pub fn shown(&self) -> &str {
        let name = self.name.trim();
        if name.is_empty() || name.contains('@') {
            &self.address
        } else {
            name
        }
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
