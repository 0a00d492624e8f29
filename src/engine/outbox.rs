//! The way into the outbox.
//!
//! Called by `posting`. A message must be in it and its draft marked as sent in one transaction.

use crate::model::{AccountKey, DraftKey, Flag, MessageKey, OutboxKey, SendWhen};
use crate::store::{Error, Result, Writer};
use std::time::Duration;
use tempfile::NamedTempFile;

/// A message that was composed.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the outbox, which this version has not yet")]
pub(super) struct NewOutbox {
    /// The account that sends it.
    pub(super) account: AccountKey,
    /// The draft it was made from.
    pub(super) draft: Option<DraftKey>,
    /// Its Message-ID, without angle brackets.
    pub(super) message_id: String,
    /// MAIL FROM.
    pub(super) sender: String,
    /// RCPT TO, each once.
    pub(super) recipients: Vec<String>,
    /// Its size.
    pub(super) size_bytes: u64,
    /// Whether it needs 8BITMIME.
    pub(super) has_8bit: bool,
    /// Whether it needs SMTPUTF8.
    pub(super) has_utf8_header: bool,
    /// Whether a report is asked for.
    pub(super) wants_report: bool,
    /// The message that is to be marked, and how.
    pub(super) mark: Option<(MessageKey, Flag)>,
    /// Its subject.
    pub(super) subject: String,
    /// When it is to be sent.
    pub(super) when: SendWhen,
}

/// Puts a message into the outbox.
pub(super) fn queue(
    _writer: &mut Writer,
    new: &NewOutbox,
    file: NamedTempFile,
    _undo: Duration,
    _now_secs: i64,
) -> Result<OutboxKey> {
    tracing::debug!(?new, file = %file.path().display(), "a message was composed");
    Err(Error::Disk {
        file: "the outbox".to_owned(),
        detail: "this version cannot send".to_owned(),
    })
}
