//! Eras of ids: what happens to a mailbox's placements when its UIDVALIDITY changes.
//!
//! Called by the pull. A placement of an era that is over has minus its message's key for an id:
//! it is still shown, but must never be named to the server.

use super::insert::New;
use super::leaving::Leaving;
use super::messages::{Home, forget_placement};
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use super::{Cursor, Result, Writer, binding, mailboxes};
use crate::model::{MailboxKey, ModSeq, UidValidity};
use rusqlite::{Connection, OptionalExtension};

impl Writer {
    /// Starts or continues the era `uid_validity` of a mailbox. On a new era the placements are
    /// re-keyed later by what is fetched (EMAILID, else Message-ID, size and date); until then none
    /// of the old ids is valid. Returns the cursor that holds now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin_era(&mut self, mailbox: MailboxKey, uid_validity: UidValidity) -> Result<Cursor> {
        let now = mailboxes::cursor(&self.conn, mailbox)?;
        if now.uid_validity == Some(uid_validity) {
            return Ok(now);
        }
        self.write("starting a folder anew", |tx| {
            let doing = "starting a folder anew";
            for sql in [
                "UPDATE placement SET uid = -message, mod_seq = 0 WHERE mailbox = ?1 AND uid > 0",
                "UPDATE leaving SET uid = -message, mod_seq = 0 WHERE mailbox = ?1 AND uid > 0",
                // What the server said of ids holds no more.
                "UPDATE placement SET hint = 0 WHERE mailbox = ?1 AND uid < 0 AND hint <> 0",
                "UPDATE leaving SET hint = 0 WHERE mailbox = ?1 AND uid < 0 AND hint <> 0",
                "UPDATE own.op_target SET bound = 0 WHERE to_mailbox = ?1 AND bound <> 0",
            ] {
                tx.execute(sql, [mailbox.0]).doing(doing)?;
            }
            let cursor = Cursor {
                uid_validity: Some(uid_validity),
                uid_next: None,
                mod_seq: ModSeq(0),
                is_complete: false,
            };
            tx.execute(
                "UPDATE mailbox SET uid_validity = ?2, uid_next = NULL, mod_seq = 0,
                   is_complete = 0, stale = total + (SELECT count(*) FROM leaving WHERE mailbox = ?1)
                 WHERE key = ?1",
                (mailbox.0, uid_validity.get()),
            )
            .doing(doing)?;
            Ok(cursor)
        })
    }
}

/// Finds the placement of an era before that `new` is, and gives it its new id. Returns its message.
pub(super) fn rekey(tx: &Connection, home: &Home, new: &New<'_>) -> Result<Option<i64>> {
    let Some(message) = same(tx, home, new).doing("matching messages of a folder begun anew")?
    else {
        return Ok(None);
    };
    let mut tally = Tally::default();
    let base = new.fetched.flags.clone().unwrap_or_default();
    let mod_seq = new.fetched.mod_seq.map_or(0, |m| sql::signed(m.0));
    let old = Placement::of(tx, message, home.mailbox)?.filter(|p| p.uid < 0 && p.via == 0);
    if let Some(old) = old {
        let mut now = old.clone();
        now.uid = i64::from(new.uid);
        now.base = base;
        now.mod_seq = mod_seq;
        now.refold(tx, &old, &[], &mut tally)?;
    } else {
        let left = Leaving::all_in(tx, home.mailbox)?
            .into_iter()
            .find(|l| l.message == message && l.uid < 0 && l.via == 0);
        let Some(mut left) = left else {
            return Ok(None);
        };
        left.uid = i64::from(new.uid);
        left.rebase(tx, base, mod_seq, &mut tally)?;
    }
    tally.write(tx)?;
    tx.prepare_cached("UPDATE mailbox SET stale = max(0, stale - 1) WHERE key = ?1")
        .and_then(|mut s| s.execute([home.mailbox]))
        .doing("matching messages of a folder begun anew")?;
    binding::rename_targets(
        tx,
        message,
        home.mailbox,
        home.uid_validity,
        i64::from(new.uid),
    )?;
    Ok(Some(message))
}

/// The message, still under an old id in this mailbox, that `new` is the same as.
fn same(tx: &Connection, home: &Home, new: &New<'_>) -> rusqlite::Result<Option<i64>> {
    if let Some(id) = &new.fetched.email_id {
        return tx
            .prepare_cached(
                "SELECT p.message FROM message m JOIN (
                   SELECT message FROM placement WHERE mailbox = ?2 AND uid < 0 AND via = 0
                   UNION ALL SELECT message FROM leaving WHERE mailbox = ?2 AND uid < 0 AND via = 0
                 ) p ON p.message = m.key WHERE m.email_id = ?1 LIMIT 1",
            )?
            .query_row((id, home.mailbox), |row| row.get(0))
            .optional();
    }
    if new.envelope.message_id.is_empty() {
        return Ok(None);
    }
    tx.prepare_cached(
        "SELECT p.message FROM (
           SELECT message FROM placement WHERE mailbox = ?1 AND arrived = ?2 AND uid < 0 AND via = 0
           UNION ALL SELECT message FROM leaving
             WHERE mailbox = ?1 AND arrived = ?2 AND uid < 0 AND via = 0
         ) p JOIN message m ON m.key = p.message
         WHERE m.size = ?3 AND m.message_id = ?4 LIMIT 1",
    )?
    .query_row(
        (
            home.mailbox,
            new.arrived.unix_secs,
            sql::signed(new.fetched.size_bytes.unwrap_or(0)),
            &new.envelope.message_id,
        ),
        |row| row.get(0),
    )
    .optional()
}

/// Ends the era before: what was not matched goes, and what waited for it is refused in words.
/// Also refuses what waits, since `mirror.db` was lost, for a message that did not come again.
pub(super) fn end_old(writer: &mut Writer, mailbox: MailboxKey) -> Result<()> {
    let left = writer.write("clearing up a folder begun anew", |tx| {
        let mut old = tx
            .prepare_cached(
                "SELECT message FROM placement WHERE mailbox = ?1 AND uid < 0 AND via = 0",
            )
            .doing("clearing up a folder begun anew")?;
        let messages: Vec<i64> = old
            .query_map([mailbox.0], |row| row.get(0))
            .and_then(Iterator::collect)
            .doing("clearing up a folder begun anew")?;
        let mut tally = Tally::default();
        for message in messages {
            if let Some(placement) = Placement::of(tx, message, mailbox.0)? {
                forget_placement(tx, &placement, &mut tally)?;
            }
        }
        let mut left = Vec::new();
        for row in Leaving::all_in(tx, mailbox.0)? {
            if row.uid < 0 && row.via == 0 {
                row.delete(tx, &mut tally)?;
                left.push(row.target);
            }
        }
        tally.write(tx)?;
        tx.execute("UPDATE mailbox SET stale = 0 WHERE key = ?1", [mailbox.0])
            .doing("clearing up a folder begun anew")?;
        Ok(left)
    })?;
    if !left.is_empty() {
        binding::sources_gone(writer, &left)?;
    }
    binding::reject_lost(writer, mailbox)
}
