//! What the verbs of a session take and give back.
//!
//! Used by `engine`. No sequence number and no wire form of a name may appear in here.

use crate::model::{
    FetchedMessage, FlagSet, ModSeq, Moment, Namespace, Rights, Role, Uid, UidSet, UidValidity,
};
use crate::net::Error;

/// What STATUS, LIST-STATUS or SELECT says; `None`: not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// MESSAGES or EXISTS.
    pub messages: Option<u32>,
    /// UNSEEN (the count, never SELECT's first unseen).
    pub unseen: Option<u32>,
    /// UIDNEXT.
    pub uid_next: Option<Uid>,
    /// UIDVALIDITY.
    pub uid_validity: Option<UidValidity>,
    /// HIGHESTMODSEQ.
    pub mod_seq: Option<ModSeq>,
}

/// A mailbox of a LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Full name, decoded to UTF-8.
    pub name: String,
    /// Delimiter.
    pub delimiter: Option<char>,
    /// Special use, from the attributes or because it is INBOX.
    pub role: Option<Role>,
    /// Whether it is subscribed.
    pub is_subscribed: bool,
    /// Whether it can be selected.
    pub is_selectable: bool,
    /// Its status, where LIST-STATUS is offered or STATUS was asked after it.
    pub status: Status,
    /// Whose it is.
    pub namespace: Namespace,
    /// What the user may do in it, where the server was asked and told (MYRIGHTS).
    pub rights: Option<Rights>,
}

/// Where copies went (COPYUID, APPENDUID; RFC 4315 §3). A hint: it must be verified by what the
/// mailbox itself says before anything relies on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The era of the new ids.
    pub uid_validity: UidValidity,
    /// Source id and new id, in the order of the source ids.
    pub pairs: Vec<(Uid, Uid)>,
}

/// What became of a copy, a move or an expunge. The connection stands.
#[derive(Debug, Clone, Default)]
pub struct Transferred {
    /// What was reported meanwhile of the selected mailbox: who is gone.
    pub notices: Vec<Notice>,
    /// Where copies went, where the server told; also of what it did before it refused the rest.
    pub copied: Option<Copied>,
    /// Why the server did not do all of it. Some of the messages may have been done.
    pub refused: Option<Error>,
}

/// A message that is to be put into a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Append<'a> {
    /// Its flags.
    pub flags: &'a FlagSet,
    /// When it arrived.
    pub arrived: Option<Moment>,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What became of an APPEND. The connection stands.
#[derive(Debug, Clone, Default)]
pub struct Appended {
    /// The era and the id of the new message, where the server told. A hint, as [`Copied`] is.
    pub at: Option<(UidValidity, Uid)>,
    /// Why the server did not take it, or would not.
    pub refused: Option<Error>,
}

/// Where a selected mailbox was when we last looked, for QRESYNC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The era.
    pub uid_validity: UidValidity,
    /// In step up to here.
    pub mod_seq: ModSeq,
}

/// What was said of the selected mailbox outside of what was asked: to be applied before anything
/// that is concluded from the call that returned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// There are so many messages now.
    Exists(u32),
    /// These are gone (VANISHED, or EXPUNGE mapped to ids).
    Gone(UidSet),
    /// One message is gone, and it is not known which: compare the id lists.
    GoneUnknown,
    /// A message's flags.
    Flags {
        /// Which.
        uid: Uid,
        /// Its flags now.
        flags: FlagSet,
        /// Its modification sequence, if said.
        mod_seq: Option<ModSeq>,
    },
    /// Flags of a message changed, and it is not known of which: pull.
    FlagsUnknown,
    /// Another mailbox changed (NOTIFY).
    Elsewhere(String, Status),
    /// The list of mailboxes changed (NOTIFY).
    ListChanged,
    /// The server wants the user to read this.
    Alert(String),
}

/// The answer to SELECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its status; `messages` and `uid_validity` are always there.
    pub status: Status,
    /// The era; a server without one gets an era that is new at each select.
    pub uid_validity: UidValidity,
    /// Whether it was opened read-only.
    pub is_read_only: bool,
    /// Whether new keywords can be made (`\*` in PERMANENTFLAGS).
    pub can_make_keywords: bool,
    /// Whether the QRESYNC data in `notices` is complete since what was [`Known`].
    pub is_resynced: bool,
    /// Changes that came with it.
    pub notices: Vec<Notice>,
}

/// What a FETCH asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Items {
    /// UID, FLAGS, INTERNALDATE, RFC822.SIZE, MODSEQ, ENVELOPE, BODYSTRUCTURE, EMAILID/THREADID or X-GM-*.
    Summary,
    /// UID, FLAGS, MODSEQ.
    Flags,
    /// UID, References (BODY.PEEK[HEADER.FIELDS (REFERENCES)]).
    References,
}

/// The messages of one window of a fetch, complete: every message of `asked` that the server has.
#[derive(Debug, Clone)]
pub struct Window {
    /// What was asked for.
    pub asked: UidSet,
    /// What came.
    pub messages: Vec<FetchedMessage>,
}

/// What the first flight after login asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// The mailbox to select, and where it was.
    pub select: Option<(String, Option<Known>)>,
    /// Whether to list all mailboxes with their status.
    pub list: bool,
}

/// What the first flight brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Started {
    /// The complete list, if asked for.
    pub list: Option<Vec<Listed>>,
    /// The selected mailbox; an error where the server refused it (it may have been deleted).
    pub selected: Option<std::result::Result<Selected, String>>,
}

/// Why [`Session::idle`](super::Session::idle) came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleEnd {
    /// Something was said: see [`Session::take_notices`](super::Session::take_notices).
    Told,
    /// The caller's future was ready.
    Woken,
}
