//! Journal operations: what a user wants changed, as a value.
//!
//! Made by `app` and `cli`, recorded by `store::journal`, done by `engine::replay`. A new kind is a
//! new variant; no `match` on it has a wildcard arm, so the compiler names every place to answer.

use super::{AccountKey, FlagChange, FlagSet, OpKey, Role};
use serde::{Deserialize, Serialize};

/// A mailbox named so that the name survives the loss of every cache.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MailboxId {
    /// The account.
    pub account: AccountKey,
    /// The full name in UTF-8.
    pub name: String,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// One mailbox, perhaps of another account.
    Mailbox(MailboxId),
    /// The mailbox for that use, of each message's own account; made where there is none.
    Role(Role),
}

/// A change of the tree of mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderChange {
    /// Makes a mailbox.
    Create(MailboxId),
    /// Gives a mailbox, with all that is below it, another name: renames, moves, throws away.
    Rename {
        /// What it is called now.
        from: MailboxId,
        /// What it is to be called.
        to: String,
    },
    /// Deletes a mailbox for good, with what is below it.
    Delete {
        /// Which.
        mailbox: MailboxId,
        /// How many messages the user agreed to lose: with more in it, nothing is deleted.
        agreed: u32,
    },
    /// Subscribes (`true`) or unsubscribes.
    Subscribe(MailboxId, bool),
}

impl FolderChange {
    /// The mailbox it is about, under its name before the change.
    #[must_use]
    pub const fn mailbox(&self) -> &MailboxId {
        match self {
            Self::Create(mailbox) | Self::Subscribe(mailbox, _) => mailbox,
            Self::Rename { from, .. } => from,
            Self::Delete { mailbox, .. } => mailbox,
        }
    }
}

/// The kind of an operation, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpKind {
    /// Sets and clears flags and keywords.
    Flags(FlagChange),
    /// Moves messages.
    Move(Destination),
    /// Copies messages.
    Copy(Destination),
    /// Deletes messages for good, where they lie.
    Delete,
    /// Deletes for good all messages of a mailbox.
    Empty(MailboxId),
    /// Marks all messages of a mailbox as read.
    ReadAll(MailboxId),
    /// Changes the tree.
    Folder(FolderChange),
}

impl OpKind {
    /// The name in `journal --json`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Flags(_) | Self::ReadAll(_) => "flags",
            Self::Move(_) => "move",
            Self::Copy(_) => "copy",
            Self::Delete | Self::Empty(_) => "delete",
            Self::Folder(FolderChange::Create(_)) => "create",
            Self::Folder(FolderChange::Rename { .. }) => "rename",
            Self::Folder(FolderChange::Delete { .. }) => "delete-mailbox",
            Self::Folder(FolderChange::Subscribe(_, true)) => "subscribe",
            Self::Folder(FolderChange::Subscribe(_, false)) => "unsubscribe",
        }
    }

    /// What was done to `count` messages, as a sentence without its full stop: "Starred 3 messages".
    #[must_use]
    pub fn label(&self, count: usize) -> String {
        let what = match count {
            1 => "message".to_owned(),
            n => format!("{n} messages"),
        };
        match self {
            Self::Flags(change) => {
                let verbs: Vec<String> = flag_verbs(&change.add, true)
                    .into_iter()
                    .chain(flag_verbs(&change.remove, false))
                    .collect();
                upper_first(&format!("{} {what}", verbs.join(", ")))
            }
            Self::Move(Destination::Role(Role::Archive)) => format!("Archived {what}"),
            Self::Move(Destination::Role(Role::Junk)) => format!("Moved {what} to Junk"),
            Self::Move(Destination::Role(role)) => {
                format!("Moved {what} to {}", upper_first(role.name()))
            }
            Self::Move(Destination::Mailbox(to)) => format!("Moved {what} to {}", to.name),
            Self::Copy(Destination::Role(role)) => {
                format!("Copied {what} to {}", upper_first(role.name()))
            }
            Self::Copy(Destination::Mailbox(to)) => format!("Copied {what} to {}", to.name),
            Self::Delete => format!("Deleted {what} for good"),
            Self::Empty(mailbox) => format!("Emptied {}: deleted {what} for good", mailbox.name),
            Self::ReadAll(mailbox) => format!("Marked {what} in {} read", mailbox.name),
            Self::Folder(change) => folder_label(change),
        }
    }
}

fn folder_label(change: &FolderChange) -> String {
    match change {
        FolderChange::Create(mailbox) => format!("Created folder {}", mailbox.name),
        FolderChange::Rename { from, to } => {
            let leaf = |name: &str| name.rsplit(['/', '.']).next().unwrap_or(name).to_owned();
            let verb = if leaf(&from.name) == leaf(to) {
                "Moved"
            } else {
                "Renamed"
            };
            format!("{verb} folder {} to {to}", from.name)
        }
        FolderChange::Delete { mailbox, .. } => format!("Deleted folder {}", mailbox.name),
        FolderChange::Subscribe(mailbox, true) => format!("Subscribed to {}", mailbox.name),
        FolderChange::Subscribe(mailbox, false) => format!("Unsubscribed from {}", mailbox.name),
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

fn flag_verbs(set: &FlagSet, on: bool) -> Vec<String> {
    use super::Flag;
    let verb = |flag| match (flag, on) {
        (Flag::Seen, true) => "marked read",
        (Flag::Seen, false) => "marked unread",
        (Flag::Flagged, true) => "starred",
        (Flag::Flagged, false) => "unstarred",
        (Flag::Answered, true) => "marked answered",
        (Flag::Answered, false) => "marked unanswered",
        (Flag::Forwarded, true) => "marked forwarded",
        (Flag::Forwarded, false) => "marked not forwarded",
        (Flag::Draft, true) => "marked draft",
        (Flag::Draft, false) => "marked not draft",
        (Flag::Deleted, true) => "marked deleted",
        (Flag::Deleted, false) => "marked not deleted",
    };
    let tag = if on { "tagged" } else { "untagged" };
    set.flags()
        .map(|f| verb(f).to_owned())
        .chain(set.keywords().map(|k| format!("{tag} {}", k.as_str())))
        .collect()
}

/// How far one target of an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Waits to be sent.
    Queued,
    /// Was sent; the answer is not known.
    InFlight,
    /// Is confirmed by the server.
    Settled,
    /// Was refused by the server and taken back on the screen.
    Rejected,
}

/// An operation as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Its key.
    pub key: OpKey,
    /// What it does.
    pub kind: OpKind,
    /// What was done, as a sentence.
    pub label: String,
    /// The operation that this one takes back, if it is an undo.
    pub undoes: Option<OpKey>,
}
