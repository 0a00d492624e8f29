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

/// Whose a mailbox is (RFC 2342).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Namespace {
    /// The user's own.
    #[default]
    Personal,
    /// Another user's, who lets this one in.
    OtherUsers,
    /// Everybody's.
    Shared,
}

/// One right of RFC 4314 §2.1 that decides whether an action is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// `r`: reading messages.
    Read,
    /// `s`: changing \Seen.
    Seen,
    /// `w`: changing other flags and keywords.
    Write,
    /// `i`: putting messages into it.
    Insert,
    /// `k`: making mailboxes below it.
    Create,
    /// `x`: deleting or renaming it.
    DeleteMailbox,
    /// `t`: marking messages as deleted.
    DeleteMessages,
    /// `e`: expunging.
    Expunge,
}

impl Right {
    const fn letter(self) -> u8 {
        match self {
            Self::Read => b'r',
            Self::Seen => b's',
            Self::Write => b'w',
            Self::Insert => b'i',
            Self::Create => b'k',
            Self::DeleteMailbox => b'x',
            Self::DeleteMessages => b't',
            Self::Expunge => b'e',
        }
    }
}

/// What the user may do in a mailbox (MYRIGHTS, RFC 4314 §3.8); all where the server does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights(u32);

impl Default for Rights {
    fn default() -> Self {
        Self::ALL
    }
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self(u32::MAX);

    /// From the letters of MYRIGHTS. The old `c` and `d` stand for what they meant (§2.1.1).
    #[must_use]
    pub fn from_letters(letters: &str) -> Self {
        let mut bits = 0;
        for letter in letters.bytes() {
            let own = [letter];
            let meant: &[u8] = match letter {
                b'c' => b"kx",
                b'd' => b"te",
                _ => &own,
            };
            for letter in meant.iter().filter(|b| b.is_ascii_lowercase()) {
                bits |= 1 << (letter - b'a');
            }
        }
        Self(bits)
    }

    /// Whether it includes that right.
    #[must_use]
    pub const fn has(self, right: Right) -> bool {
        self.0 & (1 << (right.letter() - b'a')) != 0
    }

    /// The letters, in order; empty where all is allowed because nothing was told.
    #[must_use]
    pub fn letters(self) -> String {
        if self == Self::ALL {
            return String::new();
        }
        (b'a'..=b'z')
            .filter(|b| self.0 & (1 << (b - b'a')) != 0)
            .map(char::from)
            .collect()
    }
}

/// How much room there is on the server (RFC 9208), of what counts in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Used, in units of 1024 bytes.
    pub used_kib: u64,
    /// Granted, in units of 1024 bytes.
    pub limit_kib: u64,
}

impl Quota {
    /// How many hundredths are used; `None` where nothing is granted.
    #[must_use]
    pub const fn percent(self) -> Option<u64> {
        self.used_kib
            .saturating_mul(100)
            .checked_div(self.limit_kib)
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
    /// Whose it is.
    pub namespace: Namespace,
    /// What the user may do in it.
    pub rights: Rights,
    /// Whether a change of it (made, renamed, subscribed) waits for the server.
    pub is_pending: bool,
}

impl Mailbox {
    /// The last level of the name.
    #[must_use]
    pub fn leaf(&self) -> &str {
        self.delimiter
            .and_then(|d| self.name.rsplit(d).next())
            .unwrap_or(&self.name)
    }

    /// The name of the mailbox above it; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        let (parent, _) = self.name.rsplit_once(self.delimiter?)?;
        Some(parent)
    }

    /// Whether it lies somewhere below the mailbox of that name.
    #[must_use]
    pub fn is_below(&self, name: &str) -> bool {
        self.delimiter.is_some_and(|d| {
            self.name
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(d))
        })
    }

    /// How many levels lie above it.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.delimiter.map_or(0, |d| self.name.matches(d).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_what_the_letters_say_old_ones_included() {
        let read_only = Rights::from_letters("lr");
        assert!(read_only.has(Right::Read) && !read_only.has(Right::Insert));
        let old = Rights::from_letters("lrswicd");
        assert!(old.has(Right::Create) && old.has(Right::DeleteMailbox) && old.has(Right::Expunge));
        assert!(Rights::default().has(Right::Expunge) && Rights::default().letters().is_empty());
        assert_eq!(Rights::from_letters("rl").letters(), "lr");
    }
}
