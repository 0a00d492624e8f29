//! The way into the outbox.
//!
//! Called by `posting`. A message must be in it and its draft marked as sent in one transaction.

use super::store_thread::Db;
use crate::model::{AccountKey, DraftKey, Flag, MessageKey, OutboxKey, SendWhen};
use std::io::{BufWriter, Write};
use std::path::Path;

/// A message that was composed.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "read by the outbox, which this version has not yet"
)]
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

/// Puts a message into the outbox. `write` writes its bytes, and says what is to be known of it.
pub(super) async fn put(
    _db: &Db,
    folder: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<NewOutbox, String> + Send + 'static,
) -> Result<OutboxKey, String> {
    let folder = folder.to_owned();
    let writing = move || {
        let file = tempfile::tempfile_in(folder).map_err(|e| e.to_string())?;
        let mut out = BufWriter::new(file);
        let new = write(&mut out)?;
        let file = out.into_inner().map_err(|e| e.to_string())?;
        file.sync_all().map_err(|e| e.to_string())?;
        Ok::<_, String>(new)
    };
    let written = tokio::task::spawn_blocking(writing).await;
    let new = written.map_err(|_| "the message cannot be written".to_owned())??;
    tracing::debug!(?new, "a message was composed");
    Err("this version cannot send".to_owned())
}
