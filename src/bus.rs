//! The one vocabulary between the front (`app`, `cli`) and the engine: commands down, events up.
//!
//! Replies carry the [`RequestId`] they answer; notices carry only what changed and may be merged.
//! Both channels are bounded and the front only ever tries to send, so that neither side can wait
//! for the other.

mod taking;
mod writing;

use crate::model::{
    AccountKey, Fit, ListRow, Mailbox, MailboxKey, OpKey, OpKind, PartId, PartStat, PictureSource,
    Pixels, Placed, Quota, Reading, Safe, TargetState, ViewSpec,
};
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::model::SyncMode;
pub use taking::{Take, TakeEvent, Taken, Whither};
pub use writing::{
    Completion, KeptDraft, PathItem, Review, ReviewNote, WritingCommand, WritingEvent,
};

/// How many commands may wait for the engine.
pub const COMMANDS_MAX: usize = 256;
/// How many events may wait for the front.
pub const EVENTS_MAX: usize = 1024;

/// Ties a reply to its command. A reply with an id that is no longer awaited is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RequestId(pub u64);

/// Which form of a text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// Plain text where it says anything, else HTML.
    #[default]
    Auto,
    /// Plain text.
    Plain,
    /// HTML.
    Html,
}

/// What the front wants of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Asks for [`Event::Tree`].
    LoadTree,
    /// Asks for [`Event::Window`]: `len` rows of the view from `offset` on. Where `around` is given
    /// and in the view, the window is placed so that this message keeps its distance from `offset`.
    LoadWindow {
        /// Ties the reply.
        request: RequestId,
        /// The view.
        view: ViewSpec,
        /// The first row wanted, from 0.
        offset: u32,
        /// How many rows.
        len: u32,
        /// A message whose place in the view is wanted, with the reply.
        around: Option<Placed>,
    },
    /// Asks for [`Event::Message`]; fetches what is missing before all else.
    OpenMessage {
        /// Ties the reply.
        request: RequestId,
        /// The message, where it was opened.
        placed: Placed,
        /// The part of it that is opened as a message of its own; empty: the message.
        inside: PartId,
        /// The columns there are for the text.
        width: u16,
        /// Which form.
        form: Form,
    },
    /// Fetches all of these messages, of which only the header was fetched from a maildrop: now, or
    /// as soon as it can be looked into.
    FetchWhole(Vec<Placed>),
    /// Asks for [`Event::Source`]: the exact bytes, made clean for the screen.
    LoadSource {
        /// Ties the reply.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// The part whose bytes are wanted, decoded; empty: the message.
        inside: PartId,
    },
    /// Fetches the texts of these messages soon: the neighbours of the open one.
    Prefetch(Vec<Placed>),
    /// Tells which mailbox is looked at, so that it is synchronised and watched first.
    LookAt(Option<MailboxKey>),
    /// Records a change; answered by [`Event::Applied`].
    Apply {
        /// Ties the reply.
        request: RequestId,
        /// What.
        kind: OpKind,
        /// Of which messages; none where the kind names a mailbox.
        targets: Vec<Placed>,
        /// Whether nobody asked for it, so that undo passes it over: read by being shown.
        is_automatic: bool,
    },
    /// Takes back the last change that was not taken back yet; answered by [`Event::Applied`].
    Undo {
        /// Ties the reply.
        request: RequestId,
    },
    /// Does again what was undone last.
    Redo {
        /// Ties the reply.
        request: RequestId,
    },
    /// Asks for [`Event::Activity`].
    LoadActivity {
        /// Ties the reply.
        request: RequestId,
    },
    /// Tries what waits of an operation now, whatever it waits for.
    RetryOp(OpKey),
    /// Takes an operation back as far as the server was not told of it; answered by
    /// [`Event::Applied`].
    CancelOp {
        /// Ties the reply.
        request: RequestId,
        /// Which.
        op: OpKey,
    },
    /// Saves attachments, or the message, under cleaned names, never over a file; answered by [`Event::Saved`].
    Save {
        /// Ties the reply.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// Which parts; empty: all attachments. The part with the empty id is the message itself.
        parts: Vec<PartId>,
        /// Into which folder; `None`: the configured one.
        folder: Option<PathBuf>,
    },
    /// Makes a cleaned page of a message for the browser; answered by [`Event::Page`].
    MakePage {
        /// Ties the reply.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// The part of it that is read as a message of its own; empty: the message.
        inside: PartId,
    },
    /// Does what a card of a message offers, after the user has agreed; answered by [`Event::CardDone`].
    Card {
        /// Ties the reply.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// What.
        deed: CardDeed,
    },
    /// Asks for [`Event::Picture`]. Nothing is fetched from the web for it.
    LoadPicture {
        /// Ties the reply.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// Where the picture is.
        source: PictureSource,
        /// The width and height that the sender wants it to have.
        wanted: (Option<u32>, Option<u32>),
        /// What it is to fit.
        fit: Fit,
        /// Whether the mail server may be asked for it.
        may_fetch: bool,
    },
    /// Fetches pictures from the web: only after the user said so. Answered by [`Event::Fetched`].
    FetchPictures {
        /// Ties the reply.
        request: RequestId,
        /// Their addresses.
        urls: Vec<String>,
    },
    /// From now on a sender's remote pictures are loaded, or are not.
    AllowPictures {
        /// The sender's address.
        address: String,
        /// Whether they are.
        is_allowed: bool,
    },
    /// Takes something out of a message; [`Command::Cancel`] stops it.
    Take(Take),
    /// Something about what is written or waits to be sent.
    Writing(WritingCommand),
    /// Sends and receives now: one account or all.
    SyncNow(Option<AccountKey>),
    /// Switches an account's mode until the end of the session.
    SetMode {
        /// The account; `None`: all.
        account: Option<AccountKey>,
        /// The mode.
        mode: SyncMode,
    },
    /// Closes all connections and opens none (`true`), or goes back online.
    SetOffline(bool),
    /// Stops a running job: a save, a big download.
    Cancel(RequestId),
    /// Lets running transactions end, closes connections, stops.
    Quit,
}

/// What a card offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardDeed {
    /// Leaves a list by one request (RFC 8058).
    Unsubscribe {
        /// The address that was shown, an `https` one.
        url: String,
    },
    /// Checks the signature, or decrypts the text.
    Check,
    /// Answers an invitation, through the outbox; [`WritingEvent::Queued`] tells of it.
    Answer(PartStat),
}

/// How an account stands with its server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// Not connected, and not meant to be (manual, between intervals, switched off).
    #[default]
    Idle,
    /// Being connected.
    Connecting,
    /// Connected and in step; `is_watched`: the server tells of changes at once.
    InStep {
        /// Whether changes are told at once.
        is_watched: bool,
    },
    /// Synchronising.
    Syncing {
        /// The mailbox at hand, as shown; empty: the maildrop.
        mailbox: Safe,
        /// Messages done.
        done: u32,
        /// Messages there are to do; 0 if not known.
        total: u32,
    },
    /// Nothing stays connected: the maildrop was looked into.
    Checked {
        /// When, in seconds since 1970.
        secs: i64,
    },
    /// Not connected, will try again.
    Waiting {
        /// Seconds until the next attempt, when this was said.
        secs: u32,
        /// Whether the server can be reached, and wants us to come later.
        is_put_off: bool,
        /// Why, in plain words.
        why: Safe,
    },
    /// Not connected, will not try again by itself (wrong password, refused certificate).
    Stopped {
        /// Why and what to do.
        why: Safe,
        /// Whether asking for mail makes it try again.
        can_retry: bool,
    },
}

/// One account as the sidebar and the status line show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Its key.
    pub key: AccountKey,
    /// Its name in the configuration, made clean.
    pub name: Safe,
    /// Its address, made clean.
    pub address: Safe,
    /// Its mode.
    pub mode: SyncMode,
    /// How it stands with its server.
    pub link: Link,
    /// Changes that the server has not confirmed.
    pub pending: u32,
    /// How much room there is on the server, where it tells.
    pub quota: Option<Quota>,
    /// Whether its mail comes from a maildrop (POP3), which cannot tell of news by itself.
    pub is_maildrop: bool,
    /// Its mailboxes in the order of the tree: roles first, then by name, children after parents.
    pub mailboxes: Vec<Mailbox>,
}

/// An operation that is not settled, for the list of what goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpView {
    /// Its key.
    pub op: OpKey,
    /// The account whose server is to be told.
    pub account: AccountKey,
    /// What was done, as a sentence.
    pub label: Safe,
    /// The least advanced state of what it changes.
    pub state: TargetState,
    /// How many single changes of it are not settled.
    pub left: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// What the server said last, in plain words; empty if nothing.
    pub error: Safe,
    /// Seconds until it is tried again by itself; 0: as soon as there is a connection.
    pub wait_secs: u32,
}

/// Something that went wrong, for a person: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The account it concerns.
    pub account: Option<AccountKey>,
    /// One sentence: what and where.
    pub summary: Safe,
    /// What to do about it; may be empty.
    pub hint: Safe,
}

/// What the engine tells the front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Reply to [`Command::LoadTree`]; also sent by itself when accounts stand differently.
    Tree(Vec<AccountView>),
    /// Reply to [`Command::LoadWindow`].
    Window {
        /// The request.
        request: RequestId,
        /// Index of the first row in the view.
        offset: u32,
        /// The rows.
        rows: Vec<ListRow>,
        /// How many rows the view has, as far as known.
        total: u32,
        /// Where `around` is now.
        around: Option<u32>,
        /// Whether the view is known to its end (`false`: more is being read or synchronised).
        is_complete: bool,
    },
    /// Reply to [`Command::OpenMessage`]. Sent more than once while parts arrive.
    Message {
        /// The request.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// What can be read of it now.
        reading: Box<Reading>,
        /// Bytes that are here and bytes there are, while they are fetched; `None`: all is here.
        progress: Option<(u64, u64)>,
    },
    /// Reply to [`Command::OpenMessage`] and [`Command::LoadSource`] where there is no text to be had.
    Unavailable {
        /// The request.
        request: RequestId,
        /// Why and what to do: "not downloaded yet, and the server cannot be reached".
        why: Safe,
    },
    /// Reply to [`Command::LoadSource`].
    Source {
        /// The request.
        request: RequestId,
        /// The lines.
        lines: Vec<Safe>,
    },
    /// Reply to [`Command::Apply`], [`Command::Undo`], [`Command::Redo`]: it is on disk.
    Applied {
        /// The request.
        request: RequestId,
        /// The operation; `None` where there was nothing to do.
        op: Option<OpKey>,
        /// What was done, as a sentence: "Starred 3 messages", "Undone: starred 3 messages".
        label: Safe,
        /// Whether `u` can take it back.
        can_undo: bool,
        /// What `u` will do now, as the rest of "u …": "moves 3 messages back to INBOX"; empty where
        /// the plain word "undo" says it.
        undo: Safe,
    },
    /// Reply to [`Command::LoadActivity`].
    Activity {
        /// The request.
        request: RequestId,
        /// Operations that wait, are under way, or were refused.
        ops: Vec<OpView>,
    },
    /// Reply to [`Command::Save`].
    Saved {
        /// The request.
        request: RequestId,
        /// Where each file went.
        files: Vec<PathBuf>,
    },
    /// Reply to [`Command::Card`]: it is done, and the message reads otherwise now.
    CardDone {
        /// The request.
        request: RequestId,
        /// The message.
        placed: Placed,
        /// What was done, as a sentence; empty where something else tells of it.
        text: Safe,
    },
    /// Reply to [`Command::LoadPicture`].
    Picture {
        /// The request.
        request: RequestId,
        /// The picture; `None`: it is not here.
        pixels: Option<Arc<Pixels>>,
        /// Why it cannot be shown, although it is here.
        why: Safe,
    },
    /// Reply to [`Command::FetchPictures`].
    Fetched {
        /// The request.
        request: RequestId,
        /// How many are here now.
        done: usize,
        /// How many did not come.
        failed: usize,
        /// Why the last of those did not.
        why: Safe,
    },
    /// What came of a [`Command::Take`].
    Taken(TakeEvent),
    /// Reply to [`Command::MakePage`].
    Page {
        /// The request.
        request: RequestId,
        /// The page: nothing in it loads or runs.
        page: String,
        /// How many remote pictures were left out.
        left_out: u32,
    },
    /// Something about what is written or waits to be sent.
    Writing(WritingEvent),
    /// How far a save or a big download is, in bytes.
    Progress {
        /// The request.
        request: RequestId,
        /// Done.
        done: u64,
        /// In all.
        total: u64,
    },
    /// These mailboxes have other rows or counts than before: ask again for what is shown.
    Changed(Vec<MailboxKey>),
    /// New mail arrived in a mailbox that is watched or looked at.
    Arrived {
        /// Where.
        mailbox: MailboxKey,
        /// How many.
        count: u32,
        /// The latest one's sender.
        who: Safe,
        /// The latest one's subject.
        subject: Safe,
    },
    /// A request failed.
    Failed {
        /// The request.
        request: RequestId,
        /// What went wrong.
        problem: Problem,
    },
    /// Something went wrong that no request asked for.
    Problem(Problem),
    /// The engine has stopped; nothing follows.
    Stopped,
}
