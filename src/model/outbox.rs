//! What waits to be sent: its states, and what is known for each recipient.
//!
//! Written by `store` and `engine`, shown by `app` and `cli`. A state must never say that a message
//! was delivered, or was not, where that is not known.

use super::{AccountKey, DraftKey, Moment, OutboxKey, Safe};

/// Where a message stands on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// Can be taken back without a trace until `not_before`: the undo window.
    Held,
    /// To be sent as soon as there is a connection, or at its next try.
    Queued,
    /// To be sent at a time that the user chose.
    Scheduled,
    /// Being handed to the server. After a crash this is read as [`Self::Queued`] where the end of
    /// the message was not on its way yet, else as [`Self::Unconfirmed`].
    Sending,
    /// The server may have it, and did not say so: only the user can decide.
    Unconfirmed,
    /// Refused for good, or given up: kept until the user edits or cancels it.
    Failed,
    /// Delivered; its copy is to be filed in Sent.
    Sent,
    /// Taken back by the user; kept for a while.
    Cancelled,
}

/// What is known of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RecipientState {
    /// Was not given it yet.
    #[default]
    Due,
    /// Has it: never gets it again.
    Delivered,
    /// May have it.
    Unknown,
    /// Refused for good.
    Refused,
}

/// One recipient of a message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRecipient {
    /// The address, made clean.
    pub address: Safe,
    /// What is known.
    pub state: RecipientState,
    /// What the server said last of this one; may be empty.
    pub said: Safe,
}

/// A message that waits, is under way, or could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Its key.
    pub key: OutboxKey,
    /// The account that sends it.
    pub account: AccountKey,
    /// The draft it was made from, which comes back when it is taken back; `None`: given as bytes.
    pub draft: Option<DraftKey>,
    /// Its subject, made clean.
    pub subject: Safe,
    /// Its recipients, Bcc included.
    pub recipients: Vec<OutboxRecipient>,
    /// Where it stands.
    pub state: OutboxState,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last, in plain words; empty if nothing.
    pub error: Safe,
    /// Not to be sent before this.
    pub not_before: Option<Moment>,
    /// When it was put here.
    pub created: Moment,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How far the transfer is, while it is under way.
    pub sent_bytes: u64,
}

/// When a message is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SendWhen {
    /// As soon as the undo window is over.
    #[default]
    Now,
    /// At this time.
    At(Moment),
}
