//! Mailboxes (RFC 9051 §2.3) and their special uses (RFC 6154). The screen says "folder".
//!
//! Used by `net` (LIST), `store` (the tree) and `app` (the sidebar).

use super::{AccountKey, MailboxKey};
use serde::{Deserialize, Serialize};

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Where mail arrives.
    Inbox,
    /// Where unfinished messages wait.
    Drafts,
    /// Copies of what was sent.
    Sent,
    /// What is kept out of sight.
    Archive,
    /// Unwanted mail.
    Junk,
    /// What is to be deleted.
    Trash,
}

impl Role {
    /// Every role, in the order in which a sidebar shows them.
    pub const ALL: [Self; 6] = [
        Self::Inbox,
        Self::Drafts,
        Self::Sent,
        Self::Archive,
        Self::Junk,
        Self::Trash,
    ];

    /// The name in commands, JSON and the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Drafts => "drafts",
            Self::Sent => "sent",
            Self::Archive => "archive",
            Self::Junk => "junk",
            Self::Trash => "trash",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }

    /// The LIST attribute (RFC 6154 §2); INBOX has none, it is known by its name.
    #[must_use]
    pub fn from_attribute(attribute: &str) -> Option<Self> {
        let name = attribute.strip_prefix('\\')?.to_ascii_lowercase();
        Self::from_name(&name).filter(|r| *r != Self::Inbox)
    }
}

/// A mailbox as the tree shows it. Counts come from the local store alone, with pending changes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Our key.
    pub key: MailboxKey,
    /// The account it belongs to.
    pub account: AccountKey,
    /// The full name in UTF-8, with its delimiters: `Projects/alpha`.
    pub name: String,
    /// What separates the levels of the name; `None` for a flat name.
    pub delimiter: Option<char>,
    /// What it is for, if anything special.
    pub role: Option<Role>,
    /// Whether the user subscribed to it.
    pub is_subscribed: bool,
    /// Whether it can hold messages (not `\Noselect` or `\NonExistent`).
    pub is_selectable: bool,
    /// How many messages are in it, as far as known (the server's count until all are listed).
    pub total: u32,
    /// How many of them are unread.
    pub unread: u32,
}

impl Mailbox {
    /// The last level of the name.
    #[must_use]
    pub fn leaf(&self) -> &str {
        self.delimiter
            .and_then(|d| self.name.rsplit(d).next())
            .unwrap_or(&self.name)
    }

    /// How many levels lie above it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.delimiter.map_or(0, |d| self.name.matches(d).count())
    }
}
