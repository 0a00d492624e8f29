//! Journal operations: what a user wants changed, as a value.
//!
//! Made by `app` and `cli`, recorded by `store::journal`, done by `engine::replay`. A new kind is a
//! new variant; no `match` on it has a wildcard arm, so the compiler names every place to answer.

use super::{AccountKey, FlagChange, FlagSet, OpKey};
use serde::{Deserialize, Serialize};

/// A mailbox named so that the name survives the loss of every cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxId {
    /// The account.
    pub account: AccountKey,
    /// The full name in UTF-8.
    pub name: String,
}

/// The kind of an operation, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpKind {
    /// Sets and clears flags and keywords.
    Flags(FlagChange),
}

impl OpKind {
    /// The name in `journal --json`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Flags(_) => "flags",
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
                let sentence = format!("{} {what}", verbs.join(", "));
                let mut chars = sentence.chars();
                chars
                    .next()
                    .map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
            }
        }
    }
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
