//! SQLite: plain blocking calls, one writer, readers on their own connections.
//!
//! Called by `engine` (and by `cli` for reading). Must never see the network or an async runtime.
//!
//! Four files lie in the data directory, because they are worth differently much:
//!
//! | file | holds | synchronous | when damaged |
//! |---|---|---|---|
//! | `own.db` | accounts, journal, drafts, outbox, people: what only we know | FULL | never touched; the user is told |
//! | `local.db` | mail that is kept here and nowhere else (POP3) | FULL | never touched; the user is told |
//! | `mirror.db` | mailboxes, messages, placements, threads | NORMAL | set aside, made anew |
//! | `content.db` | texts, compressed | NORMAL | set aside, made anew |
//!
//! Beside them the folder `outbox` holds the bytes of messages that wait to be sent (`spool`): a file is
//! on the disk before the row that names it, and goes after it.
//!
//! The writer opens `mirror.db` and attaches the others. A transaction over several files in WAL
//! mode is atomic in each of them, but not over all: a crash can come between two of the commits.
//! So what spans two files is done in two transactions, in the order in which half of it is true:
//!
//! - *record*, *reject*: `own.db` first, the refolded rows after. The fold is pure, and whoever
//!   opens the store next folds again every row that is or was pending.
//! - *settle*: the base moves in `mirror.db` first, the target is settled after. In between the
//!   target is in flight with its change already in the base: sending it again changes nothing.
//! - *settle* of what moves, copies or removes: `own.db` first, the row that leaves is taken off
//!   after; opening takes off what a crash left.
//! - *removal*: the placement goes first, its targets are rejected after; opening looks for open
//!   targets whose placement is gone.
//!
//! A target carries a durable name of its message (mailbox name, UIDVALIDITY, UID) beside the keys.
//! When `mirror.db` is lost, targets are unbound (keys 0) and bound again when the message is put
//! again. Keys are never given out twice, because `own.db` remembers how far they were given out.
//!
//! Several processes may use the files at once. Every write begins with `BEGIN IMMEDIATE` and reads
//! what it builds on inside; neither `Writer` nor `Reader` keeps anything of the files in memory.

mod answers;
mod binding;
mod bodies;
mod claims;
mod draft_copies;
mod drafts;
mod drop_clock;
mod eras;
mod first_words;
mod fold;
mod folder;
mod hosts;
mod identities;
mod insert;
mod journal;
mod keys;
mod leaving;
mod local;
mod local_items;
mod mailboxes;
mod maildrop;
mod messages;
mod migrate;
mod missing;
mod note;
mod open;
mod order;
mod outbox;
mod outbox_claims;
mod outbox_copies;
mod people;
mod people_index;
mod pictures;
mod placements;
mod rows;
mod scan;
mod search;
mod sending;
mod spool;
mod sql;
mod take;
mod target;
mod text;
mod threads;
mod tidy;
mod transit;
mod tree;
mod tree_claims;
mod tree_fold;
mod tree_ops;
mod tree_plan;
mod tree_put;
mod undo;
mod view;
mod words;

pub use draft_copies::{AdoptedCopy, CopyState, DraftCopy, DraftDue};
pub use drafts::{DraftRow, DraftState, Left, Opening};
pub use first_words::Wordless;
pub use folder::make_private_folder;
pub use identities::Identity;
pub use local::{LOCAL_DELIMITER, LocalMailbox};
pub use local_items::{LocalItem, LocalNew, LocalPut, Packed};
pub use maildrop::{Deletion, DropNew, DropPut, DropRow, DropSeen, Lies};
pub use missing::MissingReferences;
pub use outbox::{NewOutboxItem, OutboxCounts, Withdrawn};
pub use outbox_claims::{Attempted, LIMIT_SECS, OutboxClaim};
pub use outbox_copies::{CopyDue, Unconfirmed};
pub use people::PeopleFound;
pub use people_index::{People, Person};
pub use spool::{Sealed, Spool};
pub use view::View;

use crate::model::{
    AccountKey, BodyStructure, Envelope, FlagChange, FlagSet, FolderChange, MailboxKey, MessageKey,
    ModSeq, Moment, Namespace, OpKey, OpKind, Placed, Rights, Role, TargetKey, TargetState,
    ThreadKey, TreeKey, Uid, UidValidity,
};
use rusqlite::Connection;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What can go wrong in the store. `doing` says what was being done, for the message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the database for too long.
    #[error("the mail store is busy: another Pillarbox is writing to it; try again")]
    Busy,
    /// A file is damaged.
    #[error("{file} is damaged ({detail}); {remedy}")]
    Corrupt {
        /// Which file.
        file: String,
        /// What SQLite said.
        detail: String,
        /// What was done about it, or what to do.
        remedy: String,
    },
    /// The files were written by a newer version.
    #[error(
        "{file} was written by a newer Pillarbox (schema {found}, this one knows {known}); update Pillarbox"
    )]
    TooNew {
        /// Which file.
        file: String,
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// The disk is full or cannot be written.
    #[error("cannot write {file}: {detail}")]
    Disk {
        /// Which file.
        file: String,
        /// What the system said.
        detail: String,
    },
    /// A change names a mailbox that is not there, or cannot hold messages.
    #[error("there is no folder {name}; make it first")]
    NoMailbox {
        /// Its name.
        name: String,
    },
    /// A change would make a mailbox that is there already.
    #[error("there is a folder {name} already; choose another name")]
    MailboxExists {
        /// Its name.
        name: String,
    },
    /// The user did not agree to lose so much.
    #[error("the folder {name} holds {messages} messages, and they would be gone for good")]
    MailboxNotEmpty {
        /// Its name.
        name: String,
        /// How many messages it holds, with what is below it.
        messages: u32,
    },
    /// The inbox is neither renamed nor deleted.
    #[error("the inbox can be neither renamed nor deleted")]
    Inbox,
    /// Anything else SQLite says.
    #[error("the mail store failed while {doing}: {source}")]
    Sql {
        /// What was being done: "reading rows".
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// The result of a store call.
pub type Result<T> = std::result::Result<T, Error>;

/// The files of one data directory, opened and migrated.
#[derive(Debug, Clone)]
pub struct Store {
    /// The data directory, absolute.
    dir: PathBuf,
}

/// The one writing connection of this process.
#[derive(Debug)]
pub struct Writer {
    conn: Connection,
    /// What `data_version` was when it was last asked for.
    seen: i64,
    /// Where an account keeps mail of that use, by the configuration: made where it is missing.
    role_names: BTreeMap<(AccountKey, Role), String>,
    /// How many rows this connection had changed when the logs were last emptied between jobs.
    emptied_at: u64,
    /// Set when the journal could not be brought to the disk: nothing is recorded any more.
    is_broken: bool,
}

/// A reading connection; any number may exist.
#[derive(Debug)]
pub struct Reader {
    conn: Connection,
    /// The data directory, for [`Reader::check`].
    dir: PathBuf,
    /// What `data_version` was when it was last asked for.
    seen: Cell<i64>,
}

/// An account as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Its key.
    pub key: AccountKey,
    /// Its name in the configuration.
    pub name: String,
    /// Changes not yet confirmed by the server.
    pub pending: u32,
}

/// What STATUS or SELECT says of a mailbox; `None`: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerStatus {
    /// MESSAGES.
    pub messages: Option<u32>,
    /// UNSEEN.
    pub unseen: Option<u32>,
    /// UIDNEXT.
    pub uid_next: Option<Uid>,
    /// UIDVALIDITY.
    pub uid_validity: Option<UidValidity>,
    /// HIGHESTMODSEQ.
    pub mod_seq: Option<ModSeq>,
}

/// A mailbox as a complete LIST gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Full name in UTF-8.
    pub name: String,
    /// Delimiter.
    pub delimiter: Option<char>,
    /// Special use.
    pub role: Option<Role>,
    /// Whether it is subscribed.
    pub is_subscribed: bool,
    /// Whether it can be selected.
    pub is_selectable: bool,
    /// What LIST-STATUS said.
    pub status: ServerStatus,
    /// Whose it is.
    pub namespace: Namespace,
    /// What the user may do in it; `None`: not told, what is known stays.
    pub rights: Option<Rights>,
}

/// How far a mailbox is in step with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The era of the ids we know; `None` before the first pull.
    pub uid_validity: Option<UidValidity>,
    /// The first id we have not asked for (UIDNEXT of the last pull); `None` before the first.
    pub uid_next: Option<Uid>,
    /// Flags are in step up to here; 0 where the server has no CONDSTORE.
    pub mod_seq: ModSeq,
    /// Whether every message below `uid_next` is in the store (`false`: the first pull goes on).
    pub is_complete: bool,
}

/// One message whose pending changes are to be sent now, netted out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The targets it stands for, to be settled, rejected or released together.
    pub targets: Vec<TargetKey>,
    /// Where it acts; of an append, where it puts the message.
    pub mailbox: MailboxKey,
    /// The era that `uid` belongs to.
    pub uid_validity: UidValidity,
    /// Which message; `None` of an append.
    pub uid: Option<Uid>,
    /// Our key of it; of an append, of the copy.
    pub message: MessageKey,
    /// What to do.
    pub work: Work,
}

/// What a claim is to do on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// To change flags.
    Flags(FlagChange),
    /// To move in one go.
    Move {
        /// Where to.
        to: MailboxKey,
    },
    /// To copy; `is_move`: the source is to be removed once the copy is confirmed.
    Copy {
        /// Where to.
        to: MailboxKey,
        /// Whether it is the first half of a move.
        is_move: bool,
    },
    /// The copy was sent once and the answer never came: to look whether it is there.
    Look {
        /// Where it would be.
        to: MailboxKey,
    },
    /// The copy is confirmed: to remove the source.
    RemoveCopied,
    /// To delete for good; `is_asked`: the user asked for that, so it may be undone.
    Remove {
        /// Whether it is not the second half of a move between accounts.
        is_asked: bool,
    },
    /// To put a message into the mailbox whose bytes are here, or can be had from another account.
    Append {
        /// The message whose bytes they are, where it lies.
        source: Placed,
        /// The account it lies in.
        source_account: AccountKey,
        /// The deletion whose kept text it is.
        kept: Option<TargetKey>,
        /// Flags to give it.
        flags: FlagSet,
        /// When it arrived first.
        arrived: Option<Moment>,
    },
}

/// A change of the tree that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeClaim {
    /// Its key, to settle, reject or release it by.
    pub key: TreeKey,
    /// The operation it belongs to.
    pub op: OpKey,
    /// What to do, with names as the server has them now.
    pub change: FolderChange,
    /// Of a mailbox to be made: what for.
    pub role: Option<Role>,
    /// Whether the server's tree, as last listed, is so already.
    pub is_done: bool,
    /// Of a mailbox to be made: whether it is to be subscribed to.
    pub is_followed: bool,
    /// Of a rename: mailboxes within that are subscribed to, under their old names.
    pub followed: Vec<String>,
}

/// What recording, undoing or redoing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The new operation; `None` where nothing was to be changed.
    pub op: Option<OpKey>,
    /// What was done, as a sentence.
    pub label: String,
    /// What undo will do to it, as the rest of a sentence; empty where the word says all.
    pub undo: String,
    /// Mailboxes whose rows or counts changed.
    pub changed: Vec<MailboxKey>,
    /// Accounts that have something to replay.
    pub accounts: Vec<AccountKey>,
}

/// What a pull changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PullChange {
    /// Messages new in the mailbox.
    pub added: u32,
    /// Messages whose flags changed, and threads that turned out to be one.
    pub changed: u32,
    /// Messages gone from the mailbox.
    pub removed: u32,
    /// Of the added ones, the latest that is unread: its sender and subject, for a notice.
    pub latest_unread: Option<(String, String)>,
}

/// Everything the commands print of a message in a mailbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The message and the mailbox.
    pub placed: Placed,
    /// Its account.
    pub account: AccountKey,
    /// Its thread.
    pub thread: ThreadKey,
    /// Its id in the mailbox; `None` while it is only here.
    pub uid: Option<Uid>,
    /// Its envelope.
    pub envelope: Envelope,
    /// When it arrived.
    pub arrived: Moment,
    /// Flags and keywords, pending changes included.
    pub flags: FlagSet,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Its parts, where known.
    pub structure: Option<BodyStructure>,
    /// Whether its whole text is here.
    pub has_raw: bool,
}

/// An operation that is not settled, for `pillarbox journal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOp {
    /// Its key.
    pub op: OpKey,
    /// The account it waits for.
    pub account: AccountKey,
    /// Its kind.
    pub kind: OpKind,
    /// What was done, as a sentence.
    pub label: String,
    /// The least advanced state of its targets in that account.
    pub state: TargetState,
    /// How often it was tried.
    pub attempts: u32,
    /// What the server said last; empty if nothing.
    pub error: String,
    /// How many single changes of it are open or were refused.
    pub left: u32,
    /// When the last of them is due, in seconds since 1970.
    pub next_try_secs: i64,
}

#[cfg(test)]
mod tests;
