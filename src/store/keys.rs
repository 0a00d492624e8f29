//! Giving out keys of mailboxes and messages.
//!
//! Called before rows are made. A key must never be given out twice, not even after `mirror.db`
//! was lost: so `own.db` notes a bound ahead of the keys in use, and only rarely has to be written.

use super::sql::{Doing, meta, set_meta};
use super::{Result, Writer};
use rusqlite::Connection;

/// How far ahead of the need the bound is set.
const AHEAD: i64 = 1 << 16;

/// What keys are for.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// Mailboxes.
    Mailbox,
    /// Messages.
    Message,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::Message => "message",
        }
    }
    const fn next(self) -> &'static str {
        match self {
            Self::Mailbox => "next_mailbox",
            Self::Message => "next_message",
        }
    }
}

impl Writer {
    /// Makes sure, durably, that `count` keys can be taken in the next transaction.
    pub(super) fn reserve(&mut self, what: What, count: usize) -> Result<()> {
        let count = i64::try_from(count).unwrap_or(0);
        let next = next(&self.conn, what).doing("reserving keys")?;
        if next + count <= floor(&self.conn, what).doing("reserving keys")? {
            return Ok(());
        }
        self.write("reserving keys", |tx| {
            raise(tx, what, next + count + AHEAD).doing("reserving keys")
        })
    }
}

/// Takes `count` keys, of which the first is returned.
pub(super) fn take(tx: &Connection, what: What, count: usize) -> rusqlite::Result<i64> {
    let count = i64::try_from(count).unwrap_or(0);
    let first = next(tx, what)?;
    if first + count > floor(tx, what)? {
        // Another process used up the reserve since.
        raise(tx, what, first + count + AHEAD)?;
    }
    set_meta(tx, "main", what.next(), first + count)?;
    Ok(first)
}

fn next(conn: &Connection, what: What) -> rusqlite::Result<i64> {
    Ok(meta(conn, "main", what.next())?.unwrap_or(1))
}

fn floor(conn: &Connection, what: What) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT next FROM own.floor WHERE what = ?1")?
        .query_row([what.name()], |row| row.get(0))
}

fn raise(tx: &Connection, what: What, to: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE own.floor SET next = max(next, ?2) WHERE what = ?1")?
        .execute((what.name(), to))
        .map(drop)
}
