//! Rows of `leaving`: what is shown no more where it lies, but is still there on the server.
//!
//! Used by `transit` and by the pull. A row must never be here and in `placement` for one stay of a
//! message in a mailbox.

use super::Result;
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use crate::model::FlagSet;
use rusqlite::{Connection, OptionalExtension, Row};

/// A message that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaving {
    /// The target that takes it away.
    pub(super) target: i64,
    pub(super) mailbox: i64,
    pub(super) arrived: i64,
    pub(super) uid: i64,
    pub(super) message: i64,
    pub(super) thread: i64,
    pub(super) base: FlagSet,
    pub(super) mod_seq: i64,
    pub(super) has_refs: bool,
    pub(super) via: i64,
    pub(super) hint: i64,
}

const COLUMNS: &str = "target, mailbox, arrived, uid, message, thread, base, base_words, mod_seq, \
     has_refs, via, hint";

impl Leaving {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            target: row.get(0)?,
            mailbox: row.get(1)?,
            arrived: row.get(2)?,
            uid: row.get(3)?,
            message: row.get(4)?,
            thread: row.get(5)?,
            base: FlagSet::from_stored(
                sql::bits(row.get(6)?),
                row.get_ref(7)?.as_str().unwrap_or_default(),
            ),
            mod_seq: row.get(8)?,
            has_refs: row.get(9)?,
            via: row.get(10)?,
            hint: row.get(11)?,
        })
    }

    fn one(
        conn: &Connection,
        condition: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<Option<Self>> {
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM leaving WHERE {condition}"))
            .and_then(|mut s| s.query_row(params, Self::from_row).optional())
            .doing("reading a message on its way")
    }

    /// What that target takes away.
    pub(super) fn of(conn: &Connection, target: i64) -> Result<Option<Self>> {
        Self::one(conn, "target = ?1", [target])
    }

    /// What leaves under that id.
    pub(super) fn by_uid(conn: &Connection, mailbox: i64, uid: i64) -> Result<Option<Self>> {
        Self::one(conn, "mailbox = ?1 AND uid = ?2 LIMIT 1", (mailbox, uid))
    }

    /// The stay of a message in a mailbox that ends with the first target after `key`.
    pub(super) fn after(
        conn: &Connection,
        message: i64,
        mailbox: i64,
        key: i64,
    ) -> Result<Option<Self>> {
        Self::one(
            conn,
            "message = ?1 AND mailbox = ?2 AND target > ?3 ORDER BY target LIMIT 1",
            (message, mailbox, key),
        )
    }

    /// Everything that leaves a mailbox, by the era its id is of.
    pub(super) fn all_in(conn: &Connection, mailbox: i64) -> Result<Vec<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM leaving WHERE mailbox = ?1 ORDER BY target"
        ))
        .and_then(|mut s| s.query_map([mailbox], Self::from_row)?.collect())
        .doing("reading messages on their way")
    }

    /// Whether anything leaves a mailbox at all.
    pub(super) fn is_any(conn: &Connection, mailbox: i64) -> Result<bool> {
        conn.prepare_cached("SELECT 1 FROM leaving WHERE mailbox = ?1 LIMIT 1")
            .and_then(|mut s| s.exists([mailbox]))
            .doing("reading messages on their way")
    }

    /// Takes a placement away: it is kept here, as the server has it.
    pub(super) fn take(
        conn: &Connection,
        placement: &Placement,
        target: i64,
        tally: &mut Tally,
    ) -> Result<()> {
        placement.delete(conn)?;
        Self::keep(conn, placement, target, tally)
    }

    /// Keeps what a placement was that has just been deleted.
    pub(super) fn keep(
        conn: &Connection,
        placement: &Placement,
        target: i64,
        tally: &mut Tally,
    ) -> Result<()> {
        let row = Self {
            target,
            mailbox: placement.mailbox,
            arrived: placement.arrived,
            uid: placement.uid,
            message: placement.message,
            thread: placement.thread,
            base: placement.base.clone(),
            mod_seq: placement.mod_seq,
            has_refs: placement.has_refs,
            via: placement.via,
            hint: placement.hint,
        };
        row.write(conn)?;
        let counts = tally.of(placement.mailbox);
        counts.total -= 1;
        counts.unread -= sql::unread(placement.flags.bits());
        counts.is_touched = true;
        Ok(())
    }

    /// Writes the row.
    pub(super) fn write(&self, conn: &Connection) -> Result<()> {
        conn.prepare_cached(&format!(
            "INSERT OR REPLACE INTO leaving ({COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        ))
        .and_then(|mut s| {
            s.execute((
                self.target,
                self.mailbox,
                self.arrived,
                self.uid,
                self.message,
                self.thread,
                self.base.bits(),
                self.base.words(),
                self.mod_seq,
                self.has_refs,
                self.via,
                self.hint,
            ))
        })
        .doing("writing a message on its way")
        .map(drop)
    }

    /// Takes in what the server says of its flags.
    pub(super) fn rebase(
        mut self,
        conn: &Connection,
        base: FlagSet,
        mod_seq: i64,
        tally: &mut Tally,
    ) -> Result<()> {
        if mod_seq != 0 && mod_seq < self.mod_seq {
            return Ok(());
        }
        if self.via == 0 {
            tally.of(self.mailbox).base_unread +=
                sql::unread(base.bits()) - sql::unread(self.base.bits());
        }
        self.mod_seq = mod_seq.max(self.mod_seq);
        self.base = base;
        self.write(conn)
    }

    /// Forgets the row: the server has it no more.
    pub(super) fn delete(&self, conn: &Connection, tally: &mut Tally) -> Result<()> {
        conn.prepare_cached("DELETE FROM leaving WHERE target = ?1")
            .and_then(|mut s| s.execute([self.target]))
            .doing("removing a message on its way")?;
        if self.via == 0 {
            tally.of(self.mailbox).base_unread -= sql::unread(self.base.bits());
        }
        Ok(())
    }
}
