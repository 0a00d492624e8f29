//! The words about what is written and sent: drafts, the outbox, completion.
//!
//! Part of the bus. A command that changes something must be answered only when it is on disk.

use super::RequestId;
use crate::model::{
    AccountKey, Address, Attached, Caret, Draft, DraftKey, DraftStart, Identity, Moment,
    OutboxItem, OutboxKey, Safe, SendWhen,
};
use std::path::PathBuf;

/// What the front wants of the engine while something is written or waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WritingCommand {
    /// Begins or takes up a draft, and keeps it; answered by [`WritingEvent::Opened`].
    Open {
        /// Ties the reply.
        request: RequestId,
        /// What with.
        start: DraftStart,
    },
    /// Keeps a draft as it is now; answered by [`WritingEvent::Kept`].
    Keep {
        /// Which.
        key: DraftKey,
        /// How it is now.
        draft: Box<Draft>,
        /// Where the cursor is.
        caret: Caret,
        /// Counts up with each change; comes back in the answer.
        revision: u64,
    },
    /// The composer was left: the copy in the Drafts mailbox is brought up to date. A draft in which
    /// nothing was written goes without a trace.
    Leave {
        /// Which.
        key: DraftKey,
    },
    /// Throws a draft away, here and in the Drafts mailbox. Can be taken up again by
    /// [`DraftStart::Kept`] until the program ends.
    Discard {
        /// Ties the reply: [`WritingEvent::Discarded`].
        request: RequestId,
        /// Which.
        key: DraftKey,
    },
    /// Asks for [`WritingEvent::Reviewed`].
    Review {
        /// Ties the reply.
        request: RequestId,
        /// Which draft; it was kept before.
        key: DraftKey,
    },
    /// Puts a draft into the outbox; answered by [`WritingEvent::Queued`].
    Send {
        /// Ties the reply.
        request: RequestId,
        /// Which draft; it was kept before.
        key: DraftKey,
        /// When.
        when: SendWhen,
    },
    /// Takes a message out of the outbox and opens its draft again; answered by
    /// [`WritingEvent::Opened`], or `Failed` where it is on its way or gone.
    TakeBack {
        /// Ties the reply.
        request: RequestId,
        /// Which.
        item: OutboxKey,
    },
    /// Asks for [`WritingEvent::Outbox`].
    LoadOutbox {
        /// Ties the reply.
        request: RequestId,
    },
    /// Tries a message now, whatever it waits for. Of an unconfirmed one: send it once more.
    Retry {
        /// Ties a `Failed`.
        request: RequestId,
        /// Which.
        item: OutboxKey,
    },
    /// Takes a message out of the outbox; answered by [`WritingEvent::Cancelled`].
    Cancel {
        /// Ties the reply.
        request: RequestId,
        /// Which.
        item: OutboxKey,
    },
    /// The user says of an unconfirmed message that it was delivered: it is filed.
    WasSent {
        /// Ties a `Failed`.
        request: RequestId,
        /// Which.
        item: OutboxKey,
    },
    /// Asks for [`WritingEvent::Completions`], which comes more than once: first from what is here.
    Complete {
        /// Ties the replies; a later request ends those of an earlier one.
        request: RequestId,
        /// The account that writes.
        account: AccountKey,
        /// What was typed of a name or an address.
        typed: String,
    },
    /// Asks for [`WritingEvent::Paths`]: what the typed path could become.
    ListPaths {
        /// Ties the reply.
        request: RequestId,
        /// What was typed; `~` is the home folder.
        typed: String,
    },
    /// Looks at a file that is to be attached; answered by [`WritingEvent::Attached`].
    Attach {
        /// Ties the reply.
        request: RequestId,
        /// Which, `~` and relative paths as typed.
        path: PathBuf,
    },
    /// Asks for [`WritingEvent::Misspelt`].
    Spell {
        /// Ties the reply.
        request: RequestId,
        /// The text.
        text: String,
    },
}

/// A question before something is sent, or something good to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewNote {
    /// One sentence.
    pub text: Safe,
    /// Whether it cannot be sent as it is.
    pub is_fatal: bool,
}

/// What the review screen shows beside the draft itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Everybody who gets it, Bcc included, as the server is told.
    pub recipients: Vec<Safe>,
    /// Its size on the wire in bytes.
    pub size_bytes: u64,
    /// The server that takes it, and how: "smtp.example.org, encrypted".
    pub server: Safe,
    /// What its parts are: "text", "HTML made of Markdown", "plan.pdf, 120 K".
    pub parts: Vec<Safe>,
    /// Questions and faults, the fatal ones first.
    pub notes: Vec<ReviewNote>,
    /// Whether it can be signed and encrypted here; else why not.
    pub crypto: Result<(), Safe>,
    /// How long it can be taken back after sending, in seconds.
    pub undo_secs: u32,
}

/// A draft that is kept here, as the outbox screen lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDraft {
    /// Its key.
    pub key: DraftKey,
    /// Its account.
    pub account: AccountKey,
    /// Its recipients, as typed, made clean.
    pub to: Safe,
    /// Its subject, made clean.
    pub subject: Safe,
    /// When it was changed last.
    pub changed: Moment,
    /// Whether it was being written when the program ended without a word.
    pub is_recovered: bool,
    /// Whether the Drafts mailbox has it as it is.
    pub is_uploaded: bool,
}

/// A proposal for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is put into the field.
    pub address: Address,
    /// Where it is from, for the list: "written to 12 times", "vCard", "LDAP"; may be empty.
    pub source: Safe,
}

/// What a typed path could become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathItem {
    /// The path to put into the field.
    pub path: PathBuf,
    /// Its last part, made clean.
    pub name: Safe,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// What the engine tells of what is written and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WritingEvent {
    /// A draft is there to be written.
    Opened {
        /// The request.
        request: RequestId,
        /// Its key.
        key: DraftKey,
        /// The draft.
        draft: Box<Draft>,
        /// Where the cursor was, or should begin.
        caret: Caret,
        /// All identities that may write it, of all accounts.
        identities: Vec<Identity>,
        /// What is good to know: fields of a link that were not taken.
        notes: Vec<Safe>,
    },
    /// A draft is on disk as it was at this revision.
    Kept {
        /// Which.
        key: DraftKey,
        /// The revision.
        revision: u64,
    },
    /// A draft is gone.
    Discarded {
        /// The request.
        request: RequestId,
        /// Which: can be opened again for now.
        key: DraftKey,
    },
    /// Reply to [`WritingCommand::Review`].
    Reviewed {
        /// The request.
        request: RequestId,
        /// What there is to see.
        review: Box<Review>,
    },
    /// A message is in the outbox, on disk.
    Queued {
        /// The request.
        request: RequestId,
        /// Its key there.
        item: OutboxKey,
        /// What was done, as a sentence: "To be sent in 5 seconds", "To be sent tomorrow at 08:00".
        label: Safe,
    },
    /// Reply to [`WritingCommand::Cancel`].
    Cancelled {
        /// The request.
        request: RequestId,
        /// What was done, as a sentence.
        label: Safe,
    },
    /// Reply to [`WritingCommand::LoadOutbox`].
    Outbox {
        /// The request.
        request: RequestId,
        /// What waits, is under way or failed; the oldest first.
        items: Vec<OutboxItem>,
        /// Drafts that are kept here, the latest first.
        drafts: Vec<KeptDraft>,
    },
    /// The outbox changed: ask again where it is shown.
    OutboxChanged {
        /// How many messages wait or are under way.
        waiting: u32,
        /// How many need the user: unconfirmed or failed.
        stuck: u32,
        /// Drafts that were being written when the program ended without a word.
        recovered: u32,
    },
    /// A message was delivered, all of it or in part.
    Sent {
        /// Which.
        item: OutboxKey,
        /// A sentence: "Sent to ann@example.org and 2 others".
        label: Safe,
    },
    /// Reply to [`WritingCommand::Complete`].
    Completions {
        /// The request.
        request: RequestId,
        /// The best first.
        items: Vec<Completion>,
        /// Whether no more will come.
        is_final: bool,
    },
    /// Reply to [`WritingCommand::ListPaths`].
    Paths {
        /// The request.
        request: RequestId,
        /// In the order of names, folders first.
        items: Vec<PathItem>,
    },
    /// Reply to [`WritingCommand::Attach`].
    Attached {
        /// The request.
        request: RequestId,
        /// What goes into the draft.
        attached: Attached,
    },
    /// Reply to [`WritingCommand::Spell`].
    Misspelt {
        /// The request.
        request: RequestId,
        /// The words, each once, with proposals.
        words: Vec<(Safe, Vec<Safe>)>,
    },
}
