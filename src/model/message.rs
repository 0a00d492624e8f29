//! What is known of a message before its text is read: envelope, dates, and what a fetch brings.
//!
//! Made by `net` from FETCH responses and by `mime` from bytes; kept by `store`.

use super::{Address, BodyStructure, FlagSet, LocalKey, ModSeq, Uid};

/// A point in time with the offset it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z; may be negative or absurd, as the sender liked.
    pub unix_secs: i64,
    /// Offset from UTC in minutes, as written.
    pub offset_mins: i16,
}

/// The ENVELOPE of RFC 9051 §7.5.2, decoded (RFC 2047) but not made safe for the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The Date field, where it can be read.
    pub date: Option<Moment>,
    /// The decoded subject; empty when there is none.
    pub subject: String,
    /// From.
    pub from: Vec<Address>,
    /// Reply-To, where it differs from From.
    pub reply_to: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Bcc.
    pub bcc: Vec<Address>,
    /// The ids in In-Reply-To, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// The Message-ID, without angle brackets; empty when there is none.
    pub message_id: String,
}

/// What one FETCH says of one message. Every field but the UID may be missing.
#[derive(Debug, Clone, Default)]
pub struct Fetched {
    /// Its flags.
    pub flags: Option<FlagSet>,
    /// When it arrived (INTERNALDATE).
    pub arrived: Option<Moment>,
    /// RFC822.SIZE in bytes.
    pub size_bytes: Option<u64>,
    /// Its modification sequence (RFC 7162).
    pub mod_seq: Option<ModSeq>,
    /// Its envelope.
    pub envelope: Option<Envelope>,
    /// Its parts.
    pub structure: Option<BodyStructure>,
    /// The first words of its text (RFC 8970).
    pub preview: Option<String>,
    /// EMAILID (RFC 8474) or X-GM-MSGID: the same in every mailbox of the account.
    pub email_id: Option<String>,
    /// THREADID (RFC 8474) or X-GM-THRID.
    pub thread_id: Option<String>,
    /// The ids in References, oldest first, without angle brackets; `None` when not asked for.
    pub references: Option<Vec<String>>,
    /// Where its bytes are kept, of mail that is kept on this computer. No server can say that.
    pub local: Option<Local>,
}

/// Where the bytes of a message are kept on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Its row.
    pub key: LocalKey,
    /// Whether all of it is here, and not its header alone.
    pub is_whole: bool,
}

/// A [`Fetched`] that is known to belong to a UID that was asked for.
#[derive(Debug, Clone)]
pub struct FetchedMessage {
    /// Its id in the selected mailbox.
    pub uid: Uid,
    /// What was said of it.
    pub fetched: Fetched,
}
