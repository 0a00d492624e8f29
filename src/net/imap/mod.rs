//! IMAP4rev1 (RFC 3501, RFC 9051) and the extensions that are used when offered.
//!
//! Called by `engine`. Sequence numbers never leave this module.

use super::{Login, Options, Result, Server};
use crate::model::{
    FetchedMessage, FlagChange, FlagSet, ModSeq, PartId, Role, Uid, UidSet, UidValidity,
};
use tokio::sync::mpsc;

/// One authenticated session: the only reader and writer of its connection. Not cancel-safe unless
/// a method says so: drop the session where a call was abandoned.
#[derive(Debug)]
pub struct Session {}

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

/// Why [`Session::idle`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleEnd {
    /// Something was said: see [`Session::take_notices`].
    Told,
    /// The caller's future was ready.
    Woken,
}

/// What the server can do, asked by purpose.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {}

impl Capabilities {
    /// Whether the server announced `name` (any case).
    #[must_use]
    pub fn has(&self, _name: &str) -> bool {
        todo!()
    }
    /// Whether CONDSTORE is usable.
    #[must_use]
    pub fn can_condstore(&self) -> bool {
        todo!()
    }
    /// Whether QRESYNC is enabled.
    #[must_use]
    pub fn can_qresync(&self) -> bool {
        todo!()
    }
    /// Whether IDLE is offered.
    #[must_use]
    pub fn can_idle(&self) -> bool {
        todo!()
    }
    /// All names, in order, for `doctor`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
}

impl Session {
    /// Connects, makes it safe, checks the greeting, logs in, learns the capabilities, compresses
    /// where it pays. Sends no credential before the connection is as safe as asked for.
    pub async fn open(_server: &Server, _login: &Login, _options: &Options) -> Result<Self> {
        todo!()
    }
    /// What the server can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        todo!()
    }
    /// What was said outside of what was asked since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        todo!()
    }
    /// One flight: ID, ENABLE, NAMESPACE, LIST with STATUS of all namespaces, SELECT.
    pub async fn start(&mut self, _start: &Start) -> Result<Started> {
        todo!()
    }
    /// Lists all mailboxes of all namespaces with their status.
    pub async fn list(&mut self) -> Result<Vec<Listed>> {
        todo!()
    }
    /// Selects a mailbox; with `known` and QRESYNC its changes come along.
    pub async fn select(&mut self, _name: &str, _known: Option<Known>) -> Result<Selected> {
        todo!()
    }
    /// Selects several mailboxes one after the other and fetches the summaries of what is new in
    /// each (from `uid_next` on), all in one flight: for a resync after reconnecting.
    pub async fn visit(
        &mut self,
        _mailboxes: &[(String, Option<Known>, Option<Uid>)],
    ) -> Result<Vec<std::result::Result<(Selected, Vec<FetchedMessage>), String>>> {
        todo!()
    }
    /// The newest `count` messages of the selected mailbox (by position), and the complete set of
    /// its ids, in one flight.
    pub async fn first_window(&mut self, _count: u32) -> Result<(Vec<FetchedMessage>, UidSet)> {
        todo!()
    }
    /// The complete set of ids of the selected mailbox, checked against its count.
    pub async fn uids(&mut self) -> Result<UidSet> {
        todo!()
    }
    /// Fetches window after window, two in flight, each sent to `sink` when complete. Ends early,
    /// cleanly, when the receiver is gone.
    pub async fn fetch(
        &mut self,
        _windows: Vec<UidSet>,
        _items: Items,
        _sink: mpsc::Sender<Window>,
    ) -> Result<()> {
        todo!()
    }
    /// Flags of what changed since `since` (RFC 7162 CHANGEDSINCE), as notices.
    pub async fn changed_since(&mut self, _since: ModSeq) -> Result<Vec<Notice>> {
        todo!()
    }
    /// Whole messages (BODY.PEEK[]), each sent to `sink`; in 1 MiB pieces where large.
    pub async fn fetch_raw(
        &mut self,
        _uids: &[(Uid, u64)],
        _sink: mpsc::Sender<(Uid, Vec<u8>)>,
    ) -> Result<()> {
        todo!()
    }
    /// Header and some parts of one message in one flight: each part as its MIME header, an empty
    /// line and its bytes; the empty part id stands for the message's header.
    pub async fn fetch_parts(
        &mut self,
        _uid: Uid,
        _parts: &[PartId],
    ) -> Result<Vec<(PartId, Vec<u8>)>> {
        todo!()
    }
    /// The first `bytes` of one section (a part's body, encoded) from `offset` on; shorter at the end.
    pub async fn fetch_piece(
        &mut self,
        _uid: Uid,
        _part: &PartId,
        _offset: u64,
        _bytes: u32,
    ) -> Result<Vec<u8>> {
        todo!()
    }
    /// Changes flags of a set (UID STORE, silent), one turn. What was reported comes as notices.
    pub async fn change_flags(
        &mut self,
        _uids: &UidSet,
        _change: &FlagChange,
    ) -> Result<Vec<Notice>> {
        todo!()
    }
    /// Waits for the server to say something, or for `wake`. Renews IDLE by itself; where IDLE is
    /// not offered, asks with NOOP at `poll`.
    pub async fn idle<F: Future<Output = ()> + Send>(&mut self, _wake: F) -> Result<IdleEnd> {
        todo!()
    }
    /// Asks whether there is anything to say (NOOP).
    pub async fn noop(&mut self) -> Result<()> {
        todo!()
    }
    /// Says goodbye, waiting at most two seconds.
    pub async fn logout(self) {
        todo!()
    }
}
