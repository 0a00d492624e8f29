//! Pure values that every layer speaks in: no async, no I/O, no clock, no environment.
//!
//! Used by all layers; depends on none. A value of a type in here is valid by construction.

mod addr_spec;
mod address;
mod card;
mod columns;
mod danger;
mod draft;
mod find;
mod flag;
mod folders;
mod key;
mod later;
mod mailbox;
mod message;
mod op;
mod outbox;
pub mod part;
mod pixels;
mod query;
mod reading;
mod recipients;
mod safe;
mod secret;
mod size;
mod sync;
mod uid;
mod view;

pub use addr_spec::{Standing, check as check_address, wire_address};
pub use address::Address;
pub use card::{Card, CardKind, CardLine, InviteCard, Leave, ListCard, PartStat, Person, Tone};
pub use columns::columns;
pub use danger::{begins_as_program, why_not_opened};
pub use draft::{
    Attached, Caret, Content, Draft, DraftField, DraftKind, DraftStart, ExtraField, Identity,
    Sending,
};
pub use find::{Found, Piece, find_words, minds_case};
pub use flag::{Flag, FlagChange, FlagSet, Keyword};
pub use folders::{
    DeletePlan, check_new_name, check_rename, has_all_below_inbox, may_rename, plan_delete,
};
pub use key::{
    AccountKey, DraftKey, LocalKey, MailboxKey, MessageKey, OpKey, OutboxKey, Placed, TargetKey,
    ThreadKey, TreeKey,
};
pub use later::{TIME_EXAMPLES, read_time};
pub use mailbox::{Mailbox, Namespace, Quota, Right, Rights, Role};
pub use message::{Envelope, Fetched, FetchedMessage, Local, Moment};
pub use op::{Destination, FolderChange, MailboxId, Op, OpKind, TargetState};
pub use outbox::{OutboxItem, OutboxRecipient, OutboxState, RecipientState, SendWhen};
pub use part::{BodyStructure, Holds, Part, PartId};
pub use pixels::{Fit, Pixels, Rgb};
pub use query::{DEPTH_MAX, Query, QueryError, Term};
pub use reading::{
    Attachment, Emphasis, HiddenText, Line, LineKind, Link, Picture, PictureSource, Reading, Span,
};
pub use recipients::{Entry, Recipients, is_same_mailbox};
pub use safe::{Safe, mixes_scripts};
pub use secret::Secret;
pub use size::{grouped, quota_text, size_text};
pub use sync::SyncMode;
pub use uid::{ModSeq, Uid, UidSet, UidValidity};
pub use view::{Folding, ListRow, Rest, Scope, Sort, ViewSpec};

/// A value that cannot be what it claims to be, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} {why}")]
pub struct Invalid {
    /// What was given, shortened.
    pub value: String,
    /// Why it is refused, as the rest of a sentence: "is not a flag".
    pub why: &'static str,
}

impl Invalid {
    /// Names the value (cut to 60 characters) and the reason.
    #[must_use]
    pub fn new(value: &str, why: &'static str) -> Self {
        Self {
            value: value.chars().take(60).collect(),
            why,
        }
    }
}
