//! What concerns a draft and the outbox at once: the one becomes a message of the other, and back.
//!
//! Called by `engine`. A draft must never be both being written and on its way, nor neither: each
//! step is one transaction of `own.db`.

use super::drafts::{self, DraftState};
use super::outbox::{self, NewOutboxItem, Withdrawn};
use super::spool::Sealed;
use super::sql::Doing;
use super::{Result, Writer};
use crate::model::{Draft, DraftKey, OutboxKey, Recipients, wire_address};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeSet;

impl Writer {
    /// Puts a message into the outbox, and its draft away; its copies on the server go once it can
    /// no longer be taken back. `None`: the draft was sent or discarded meanwhile, and nothing is done.
    ///
    /// # Errors
    /// When it cannot be written: then the draft is as it was.
    pub fn send_draft(
        &mut self,
        draft: DraftKey,
        new: &NewOutboxItem,
        bytes: &Sealed,
        now_secs: i64,
    ) -> Result<Option<OutboxKey>> {
        let doing = "putting a message into the outbox";
        self.write_journal(doing, |tx| {
            let remove_secs = new.not_before.unwrap_or(now_secs);
            if !drafts::end(tx, draft, DraftState::Sent, now_secs, remove_secs)? {
                return Ok(None);
            }
            outbox::put(tx, new, bytes, now_secs).doing(doing).map(Some)
        })
    }

    /// Takes a message out, unless it is on its way. The draft that it was made from is a draft again.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn withdraw(&mut self, item: OutboxKey, now_secs: i64) -> Result<Withdrawn> {
        let doing = "taking a message out of the outbox";
        self.write_journal(doing, |tx| {
            let done = outbox::withdraw(tx, item, now_secs).doing(doing)?;
            if let Withdrawn::Out(Some(draft)) | Withdrawn::Rest(Some(draft)) = done {
                drafts::put_back(tx, draft, now_secs).doing(doing)?;
                leave_out(tx, item, draft).doing(doing)?;
            }
            Ok(done)
        })
    }

    /// Takes a message out of the outbox and gives its draft to `writer`. `None`: it was made from no
    /// draft, and stays where it is.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn take_back(
        &mut self,
        item: OutboxKey,
        writer: i64,
        now_secs: i64,
    ) -> Result<Option<Withdrawn>> {
        let doing = "taking a message out of the outbox";
        self.write_journal(doing, |tx| {
            if !has_draft(tx, item).doing(doing)? {
                return Ok(None);
            }
            let done = outbox::withdraw(tx, item, now_secs).doing(doing)?;
            if let Withdrawn::Out(Some(draft)) | Withdrawn::Rest(Some(draft)) = done {
                drafts::take_up(tx, draft, writer).doing(doing)?;
                leave_out(tx, item, draft).doing(doing)?;
            }
            Ok(Some(done))
        })
    }
}

/// Takes those out of a draft who have the message already: sent again, it must not reach them twice.
fn leave_out(tx: &Connection, item: OutboxKey, key: DraftKey) -> rusqlite::Result<()> {
    let delivered: BTreeSet<String> = tx
        .prepare_cached(
            "SELECT lower(address) FROM own.outbox_recipient WHERE item = ?1 AND state = 1",
        )?
        .query_map([item.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if delivered.is_empty() {
        return Ok(());
    }
    let content: Option<String> = tx
        .query_row(
            "SELECT content FROM own.draft WHERE key = ?1",
            [key.0],
            |row| row.get(0),
        )
        .optional()?;
    let Some(mut draft) = content.and_then(|text| serde_json::from_str::<Draft>(&text).ok()) else {
        return Ok(());
    };
    for field in [&mut draft.to, &mut draft.cc, &mut draft.bcc] {
        let has_it = |address: &str| delivered.contains(&wire_address(address).to_lowercase());
        let left = field.entries().iter();
        let left: Vec<&str> = left
            .filter(|entry| !has_it(&entry.address.address))
            .map(|entry| entry.text.as_str())
            .collect();
        if left.len() < field.entries().len() {
            *field = Recipients::read(&left.join(", "));
        }
    }
    if let Ok(content) = serde_json::to_string(&draft) {
        tx.execute(
            "UPDATE own.draft SET content = ?2, version = version + 1 WHERE key = ?1",
            (key.0, content),
        )?;
    }
    Ok(())
}

fn has_draft(tx: &Connection, item: OutboxKey) -> rusqlite::Result<bool> {
    let draft: Option<i64> = tx
        .query_row(
            "SELECT o.draft FROM own.outbox o JOIN own.draft d ON d.key = o.draft WHERE o.key = ?1",
            [item.0],
            |row| row.get(0),
        )
        .optional()?;
    Ok(draft.is_some())
}
