//! What a message list shows: which messages, in which order, and the rows themselves.
//!
//! `app` asks for windows of a view, `engine` answers from `store`. Nothing here grows with the
//! size of a mailbox.

use super::{AccountKey, FlagSet, MailboxKey, MessageKey, Query, Role, Safe, ThreadKey};
use std::collections::BTreeSet;

/// Where a view takes its messages from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One mailbox.
    Mailbox(MailboxKey),
    /// Every mailbox of that role: the unified inbox, all Sent mail.
    Role(Role),
    /// Every mailbox of one account, or of all.
    Everywhere(Option<AccountKey>),
    /// Every message of one thread, in every mailbox, oldest first.
    Thread(ThreadKey),
}

/// The order of a view. Within equal values the later UID comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// The latest arrival first.
    #[default]
    Newest,
    /// The earliest arrival first.
    Oldest,
    /// By sender's name.
    From,
    /// By subject without `Re:` and the like.
    Subject,
    /// The largest first.
    Size,
}

/// Which threads are shown as one row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Folding {
    /// Whether threads not named below are unfolded.
    pub is_open: bool,
    /// The threads for which the opposite holds.
    pub except: BTreeSet<ThreadKey>,
}

impl Folding {
    /// Whether that thread is shown message by message.
    #[must_use]
    pub fn is_unfolded(&self, thread: ThreadKey) -> bool {
        self.is_open != self.except.contains(&thread)
    }
}

/// A view: everything that decides which rows there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewSpec {
    /// Where from.
    pub scope: Scope,
    /// Only messages that match.
    pub filter: Option<Query>,
    /// In this order.
    pub sort: Sort,
    /// `None`: every message is a row of its own; else threads are grouped.
    pub threads: Option<Folding>,
}

/// One row of a list. All text is clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// The message (of a folded thread: the latest one).
    pub message: MessageKey,
    /// The mailbox that the row stands for.
    pub mailbox: MailboxKey,
    /// The account of that mailbox.
    pub account: AccountKey,
    /// Its thread.
    pub thread: ThreadKey,
    /// How many messages of the view the row stands for: 1, or all of a folded thread.
    pub count: u32,
    /// How many of them are unread.
    pub unread: u32,
    /// 0 for a message on its own or the first of an unfolded thread; else its depth in it.
    pub depth: u8,
    /// Sender; in folded threads the senders, latest last; in Sent and Drafts the recipients.
    pub who: Safe,
    /// Subject.
    pub subject: Safe,
    /// The first words of the text, where known.
    pub preview: Safe,
    /// When it arrived, in seconds since 1970.
    pub arrived_secs: i64,
    /// Flags and keywords, pending changes included.
    pub flags: FlagSet,
    /// The keywords as shown.
    pub tags: Vec<Safe>,
    /// Whether it has attachments.
    pub has_attachment: bool,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Whether a change of it has not been confirmed by the server.
    pub is_pending: bool,
    /// Whether its text can be read without the network.
    pub is_here: bool,
    /// How the rest of it stands, where only its header was fetched from a maildrop.
    pub rest: Rest,
}

/// How all but the header of a message stands, that comes from a maildrop (POP3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Rest {
    /// It is here; or it comes by itself when it is read.
    #[default]
    Here,
    /// It is on the server until it is asked for.
    OnServer,
    /// It was asked for, and comes when the maildrop is looked into.
    Asked,
    /// It is not on the server any more.
    Lost,
}
