//! SQLite: plain blocking calls, one writer, readers on their own connections.
//!
//! Called by `engine` (and by `cli` for reading). Must never see the network or an async runtime.

use crate::model::{
    AccountKey, BodyStructure, Envelope, FetchedMessage, FlagChange, FlagSet, ListRow, Mailbox,
    MailboxKey, MessageKey, ModSeq, Moment, OpKey, OpKind, PartId, Placed, Role, TargetKey,
    TargetState, ThreadKey, Uid, UidSet, UidValidity, ViewSpec,
};
use std::path::Path;

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
pub struct Store {}

/// The one writing connection of this process.
#[derive(Debug)]
pub struct Writer {}

/// A reading connection; any number may exist.
#[derive(Debug)]
pub struct Reader {}

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
    /// Where.
    pub mailbox: MailboxKey,
    /// The era that `uid` belongs to.
    pub uid_validity: UidValidity,
    /// Which message.
    pub uid: Uid,
    /// What to change.
    pub change: FlagChange,
}

/// What recording, undoing or redoing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The new operation; `None` where nothing was to be changed.
    pub op: Option<OpKey>,
    /// What was done, as a sentence.
    pub label: String,
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
    /// Messages whose flags changed.
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
}

/// The order of a view: which message stands in which row. Cheap to keep (some bytes a row).
#[derive(Debug, Clone, Default)]
pub struct View {}

impl View {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        todo!()
    }
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Whether it is the whole view, or only its head.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        todo!()
    }
    /// The row in which a message stands (of a folded thread: its row).
    #[must_use]
    pub fn position(&self, _placed: Placed) -> Option<u32> {
        todo!()
    }
}

impl Store {
    /// Opens or creates the files of `dir`, migrates them with a backup, repairs what a crash left.
    /// Quick: damage is looked for in the background by [`Reader::check`].
    pub fn open(_dir: &Path) -> Result<Self> {
        todo!()
    }
    /// Opens the writing connection.
    pub fn writer(&self) -> Result<Writer> {
        todo!()
    }
    /// Opens a reading connection.
    pub fn reader(&self) -> Result<Reader> {
        todo!()
    }
}

impl Reader {
    /// All accounts.
    pub fn accounts(&self) -> Result<Vec<AccountRow>> {
        todo!()
    }
    /// The mailboxes of an account, in the order of the tree, with counts.
    pub fn mailboxes(&self, _account: AccountKey) -> Result<Vec<Mailbox>> {
        todo!()
    }
    /// What the last LIST said of each mailbox of the account, to compare with the next one.
    pub fn statuses(
        &self,
        _account: AccountKey,
    ) -> Result<Vec<(MailboxKey, String, ServerStatus)>> {
        todo!()
    }
    /// How far a mailbox is in step.
    pub fn cursor(&self, _mailbox: MailboxKey) -> Result<Cursor> {
        todo!()
    }
    /// The ids that are in the store for a mailbox.
    pub fn uids(&self, _mailbox: MailboxKey) -> Result<UidSet> {
        todo!()
    }
    /// The first `rows` rows of a view, or a few more: costs nothing that grows with the mailbox.
    pub fn view_head(&self, _spec: &ViewSpec, _rows: u32) -> Result<View> {
        todo!()
    }
    /// The whole view.
    pub fn view(&self, _spec: &ViewSpec) -> Result<View> {
        todo!()
    }
    /// The rows of a view from `offset` on, ready to show.
    pub fn rows(&self, _view: &View, _offset: u32, _len: u32) -> Result<Vec<ListRow>> {
        todo!()
    }
    /// All that commands print of a message (where it lies in several mailboxes: `mailbox`, else the first).
    pub fn summary(
        &self,
        _message: MessageKey,
        _mailbox: Option<MailboxKey>,
    ) -> Result<Option<Summary>> {
        todo!()
    }
    /// The id of a message in a mailbox and its era.
    pub fn uid(&self, _placed: Placed) -> Result<Option<(UidValidity, Uid)>> {
        todo!()
    }
    /// The exact bytes of a whole message, if they are here.
    pub fn raw(&self, _message: MessageKey) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    /// A part as fetched: its MIME header, an empty line, its encoded bytes. The part with the
    /// empty id holds the message's header alone.
    pub fn part(&self, _message: MessageKey, _part: &PartId) -> Result<Option<Vec<u8>>> {
        todo!()
    }
    /// Up to `limit` messages without their text, newest first, of mailboxes of the account:
    /// arrived at `since_secs` or later, at most `size_max` bytes.
    pub fn missing_texts(
        &self,
        _account: AccountKey,
        _since_secs: i64,
        _size_max: u64,
        _limit: u32,
    ) -> Result<Vec<(Placed, Uid, u64)>> {
        todo!()
    }
    /// Up to `limit` ids of a mailbox whose References were not asked for, newest first.
    pub fn missing_references(&self, _mailbox: MailboxKey, _limit: u32) -> Result<UidSet> {
        todo!()
    }
    /// Operations that are not settled.
    pub fn open_ops(&self) -> Result<Vec<OpenOp>> {
        todo!()
    }
    /// Looks for damage (`quick_check`); may take long, belongs in the background.
    pub fn check(&self) -> Result<()> {
        todo!()
    }
}

impl Writer {
    /// The key of the account of that name, made on first use.
    pub fn account(&mut self, _name: &str) -> Result<AccountKey> {
        todo!()
    }
    /// Makes the tree of an account equal to a complete LIST: adds, updates, and removes mailboxes
    /// with their placements. Says which mailboxes are new, changed or gone.
    pub fn put_tree(
        &mut self,
        _account: AccountKey,
        _tree: &[TreeEntry],
    ) -> Result<Vec<MailboxKey>> {
        todo!()
    }
    /// Starts or continues the era `uid_validity` of a mailbox. On a new era the placements are
    /// re-keyed later by what is fetched (EMAILID, else Message-ID, size and date); until then none
    /// of the old ids is valid. Returns the cursor that holds now.
    pub fn begin_era(
        &mut self,
        _mailbox: MailboxKey,
        _uid_validity: UidValidity,
    ) -> Result<Cursor> {
        todo!()
    }
    /// Adds or updates messages, in one transaction. Writes only base flags, then refolds.
    pub fn put_messages(
        &mut self,
        _mailbox: MailboxKey,
        _uid_validity: UidValidity,
        _messages: &[FetchedMessage],
    ) -> Result<PullChange> {
        todo!()
    }
    /// Removes messages from a mailbox that the server said are gone.
    pub fn remove(
        &mut self,
        _mailbox: MailboxKey,
        _uid_validity: UidValidity,
        _uids: &UidSet,
    ) -> Result<PullChange> {
        todo!()
    }
    /// Moves the cursor after a pull, and takes over what SELECT or STATUS said.
    pub fn put_cursor(
        &mut self,
        _mailbox: MailboxKey,
        _cursor: Cursor,
        _status: ServerStatus,
    ) -> Result<()> {
        todo!()
    }
    /// Keeps the exact bytes of a message.
    pub fn put_raw(&mut self, _message: MessageKey, _raw: &[u8]) -> Result<()> {
        todo!()
    }
    /// Keeps several messages' bytes in one transaction.
    pub fn put_raws(&mut self, _raws: &[(MessageKey, Vec<u8>)]) -> Result<()> {
        todo!()
    }
    /// Keeps a part (see [`Reader::part`]).
    pub fn put_part(&mut self, _message: MessageKey, _part: &PartId, _bytes: &[u8]) -> Result<()> {
        todo!()
    }
    /// Records a change: operation, targets and refolded rows, durable before it returns.
    pub fn record(
        &mut self,
        _kind: &OpKind,
        _targets: &[Placed],
        _now_secs: i64,
    ) -> Result<Recorded> {
        todo!()
    }
    /// Takes back the last operation that is not an undo and was not taken back. `None`: nothing to undo.
    pub fn undo(&mut self, _now_secs: i64) -> Result<Option<Recorded>> {
        todo!()
    }
    /// Does again what was undone last, unless something else was done since.
    pub fn redo(&mut self, _now_secs: i64) -> Result<Option<Recorded>> {
        todo!()
    }
    /// Takes up to `limit` messages' pending changes that are due, nets them out per message and
    /// marks them in flight. What nets out to nothing settles without a word.
    pub fn claim(
        &mut self,
        _account: AccountKey,
        _now_secs: i64,
        _limit: u32,
    ) -> Result<Vec<Claim>> {
        todo!()
    }
    /// The server confirmed these: their changes become base.
    pub fn settle(&mut self, _targets: &[TargetKey]) -> Result<Vec<MailboxKey>> {
        todo!()
    }
    /// The server refused these: they are taken back on the screen.
    pub fn reject(&mut self, _targets: &[TargetKey], _reason: &str) -> Result<Vec<MailboxKey>> {
        todo!()
    }
    /// Not answered or not now: queued again, not before `next_try_secs`.
    pub fn release(
        &mut self,
        _targets: &[TargetKey],
        _reason: &str,
        _next_try_secs: i64,
    ) -> Result<()> {
        todo!()
    }
    /// Drops what the server can give again, of one account or all; never the journal.
    pub fn clear_cache(&mut self, _account: Option<AccountKey>) -> Result<()> {
        todo!()
    }
    /// Gives space back and shortens the write-ahead log; for idle moments.
    pub fn tidy(&mut self, _now_secs: i64) -> Result<()> {
        todo!()
    }
}
