//! What was seen in maildrops (RFC 1939), and what became of it.
//!
//! Called by the engine's POP3 rounds. A message must never be known here that is not on the disk in
//! the same transaction: what is known is not fetched again, and may be deleted on the server.

use super::local_items::{LocalNew, LocalPut, Packed, append, replace_raw};
use super::sql::{self, Doing};
use super::{Reader, Result, Writer};
use crate::model::{LocalKey, MailboxKey, MessageKey, Rest, Role};
use rusqlite::{Connection, OptionalExtension, Row};

/// What became of a message that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// It lies in a folder other than the trash.
    Somewhere,
    /// It lies in the trash, and nowhere else.
    InTrash,
    /// It was deleted for good, or went to another account.
    Nowhere,
}

/// How far the deletion of a message on the server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// None was sent.
    None,
    /// It was sent, and whether the server has done it is not known.
    Sent,
    /// The server said that it has done it.
    Confirmed,
}

/// A message that was seen in a maildrop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropRow {
    /// Its row.
    pub key: i64,
    /// Its unique id; empty where the server gives none.
    pub uidl: String,
    /// Its size as the server announced it.
    pub size: u64,
    /// The digest of its beginning.
    pub probe: String,
    /// The digest of all of it; empty while only its header is here.
    pub digest: String,
    /// Where its bytes are, if they still are.
    pub local: LocalKey,
    /// Grows with the order in which the server lists.
    pub place: u32,
    /// When it was first seen, by the clock of [`Writer::count_time`].
    pub first_seen: i64,
    /// When it was here as a whole; 0: it is not, or not for certain.
    pub stored_at: i64,
    /// Whether it is to be fetched whole, though it is large.
    pub is_wanted: bool,
    /// How far its deletion there has come.
    pub deletion: Deletion,
    /// Where it lies here.
    pub lies: Lies,
}

/// A message that comes out of a maildrop.
#[derive(Debug, Clone)]
pub struct DropNew {
    /// What is kept of it.
    pub message: LocalNew,
    /// Its unique id; empty where the server gives none.
    pub uidl: String,
    /// Its size as the server announced it.
    pub size: u64,
    /// The digest of its beginning.
    pub probe: String,
    /// The digest of all of it; empty where only its header is kept.
    pub digest: String,
    /// Grows with the order in which the server lists.
    pub place: u32,
    /// Whether what is kept is surely all that was asked for. If not, nothing but its deletion here has
    /// it deleted on the server.
    pub is_certain: bool,
}

/// Where messages of a maildrop were put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropPut {
    /// Where in the mailbox.
    pub put: LocalPut,
    /// The rows of what is known of them, in their order.
    pub rows: Vec<i64>,
}

/// What a listing says of a message that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropSeen {
    /// Its row.
    pub key: i64,
    /// Its unique id now.
    pub uidl: String,
    /// Its size now.
    pub size: u64,
    /// Its place now.
    pub place: u32,
}

const ROWS: &str = "SELECT d.key, d.uidl, d.size, d.probe, d.digest, d.raw, d.place, d.first_seen,
    d.stored_at, d.is_wanted, d.deletion,
    (SELECT max(coalesce(b.role, '') <> ?2) FROM local.item i JOIN local.mailbox b ON b.key = i.mailbox
     WHERE i.raw = d.raw)
  FROM local.maildrop d WHERE d.account = ?1 ORDER BY d.place, d.key";

fn row(row: &Row<'_>) -> rusqlite::Result<DropRow> {
    Ok(DropRow {
        key: row.get(0)?,
        uidl: row.get(1)?,
        size: sql::unsigned(row.get(2)?),
        probe: row.get(3)?,
        digest: row.get(4)?,
        local: LocalKey(row.get(5)?),
        place: sql::count(row.get(6)?),
        first_seen: row.get(7)?,
        stored_at: row.get(8)?,
        is_wanted: row.get(9)?,
        deletion: match row.get::<_, i64>(10)? {
            0 => Deletion::None,
            1 => Deletion::Sent,
            _ => Deletion::Confirmed,
        },
        lies: match row.get::<_, Option<bool>>(11)? {
            Some(true) => Lies::Somewhere,
            Some(false) => Lies::InTrash,
            None => Lies::Nowhere,
        },
    })
}

impl Reader {
    /// What was seen in the maildrop of an account and not found gone since.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn maildrop(&self, account: &str) -> Result<Vec<DropRow>> {
        self.conn
            .prepare_cached(ROWS)
            .and_then(|mut s| s.query_map([account, Role::Trash.name()], row)?.collect())
            .doing("reading what is known of the maildrop")
    }

    /// Of a message of which only the header is here: where that is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn header_only(&self, message: MessageKey) -> Result<Option<LocalKey>> {
        header_only(&self.conn, message)
    }
}

impl Reader {
    /// How the rest of a message stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rest(&self, message: MessageKey) -> Result<Rest> {
        let Some(local) = self.header_only(message)? else {
            return Ok(Rest::Here);
        };
        self.conn
            .prepare_cached("SELECT max(is_wanted) FROM local.maildrop WHERE raw = ?1")
            .and_then(|mut s| s.query_row([local.0], |row| row.get::<_, Option<bool>>(0)))
            .doing("reading a message")
            .map(|is_wanted| match is_wanted {
                None => Rest::Lost,
                Some(true) => Rest::Asked,
                Some(false) => Rest::OnServer,
            })
    }
}

fn header_only(conn: &Connection, message: MessageKey) -> Result<Option<LocalKey>> {
    conn.prepare_cached(
        "SELECT r.key FROM message m JOIN local.raw r ON r.key = m.local
         WHERE m.key = ?1 AND m.local <> 0 AND r.drop_size > 0",
    )
    .and_then(|mut s| {
        s.query_row([message.0], |row| row.get(0).map(LocalKey))
            .optional()
    })
    .doing("reading a message")
}

impl Writer {
    /// The same as [`Reader::header_only`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn header_only(&self, message: MessageKey) -> Result<Option<LocalKey>> {
        header_only(&self.conn, message)
    }

    /// The mailboxes in which the message lies that was seen in a maildrop.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mailboxes_of_drop(&self, key: i64) -> Result<Vec<MailboxKey>> {
        self.conn
            .prepare_cached(
                "SELECT DISTINCT m.key FROM local.maildrop d
                 JOIN local.item i ON i.raw = d.raw
                 JOIN local.mailbox b ON b.key = i.mailbox
                 JOIN account a ON a.name = b.account
                 JOIN mailbox m ON m.account = a.key AND m.name = b.name
                 WHERE d.key = ?1",
            )
            .and_then(|mut s| {
                s.query_map([key], |row| row.get(0).map(MailboxKey))?
                    .collect()
            })
            .doing("reading where a message lies")
    }

    /// Puts messages that came out of a maildrop into a mailbox, with what is known of them: on the
    /// disk when this returns. `counted` is the time by [`Writer::count_time`].
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_drop(
        &mut self,
        account: &str,
        mailbox: &str,
        new: &[DropNew],
        counted: i64,
    ) -> Result<DropPut> {
        let doing = "keeping messages";
        self.write_local(doing, |tx| {
            let messages: Vec<LocalNew> = new.iter().map(|n| n.message.clone()).collect();
            let put = append(tx, account, mailbox, &messages)?;
            let mut statement = tx
                .prepare_cached(
                    "INSERT INTO local.maildrop (account, uidl, size, probe, digest, raw, place,
                       first_seen, stored_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )
                .doing(doing)?;
            let mut rows = Vec::with_capacity(new.len());
            for (one, key) in new.iter().zip(&put.keys) {
                let is_here = one.is_certain && !one.digest.is_empty();
                let stored_at = if is_here { counted } else { 0 };
                let row = statement
                    .insert((
                        account,
                        &one.uidl,
                        sql::signed(one.size),
                        &one.probe,
                        &one.digest,
                        key.0,
                        one.place,
                        counted,
                        stored_at,
                    ))
                    .doing(doing)?;
                rows.push(row);
            }
            Ok(DropPut { put, rows })
        })
    }

    /// Puts all of a message where only its header was. `stored_at` is the time by
    /// [`Writer::count_time`], or 0 where it is not certain that it is all of it. `false`: it was deleted
    /// here meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn complete_drop(
        &mut self,
        key: i64,
        packed: &Packed,
        digest: &str,
        stored_at: i64,
    ) -> Result<bool> {
        let doing = "keeping messages";
        self.write_local(doing, |tx| {
            let raw: Option<i64> = tx
                .prepare_cached("SELECT raw FROM local.maildrop WHERE key = ?1")
                .and_then(|mut s| s.query_row([key], |row| row.get(0)).optional())
                .doing(doing)?;
            let Some(raw) = raw else { return Ok(false) };
            let is_replaced = replace_raw(tx, LocalKey(raw), packed)?;
            tx.prepare_cached(
                "UPDATE local.maildrop SET digest = ?2, stored_at = ?3, is_wanted = 0 WHERE key = ?1",
            )
            .and_then(|mut s| s.execute((key, digest, stored_at)))
            .doing(doing)?;
            Ok(is_replaced)
        })
    }

    /// Takes in what a complete listing says: that rows are gone, and what is other than it was of
    /// those that are not. None of these was deleted.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_listing(&mut self, account: &str, gone: &[i64], seen: &[DropSeen]) -> Result<()> {
        let doing = "noting what is in the maildrop";
        if gone.is_empty() && seen.is_empty() {
            return Ok(());
        }
        self.write_local(doing, |tx| {
            for key in gone {
                tx.prepare_cached("DELETE FROM local.maildrop WHERE key = ?1 AND account = ?2")
                    .and_then(|mut s| s.execute((key, account)))
                    .doing(doing)?;
            }
            for one in seen {
                tx.prepare_cached(
                    "UPDATE local.maildrop SET uidl = ?2, size = ?3, place = ?4, deletion = 0
                     WHERE key = ?1",
                )
                .and_then(|mut s| s.execute((one.key, &one.uidl, sql::signed(one.size), one.place)))
                .doing(doing)?;
            }
            Ok(())
        })
    }

    /// Notes how far deletions on the server have come.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_deletions(&mut self, keys: &[i64], deletion: Deletion) -> Result<()> {
        let doing = "noting what is in the maildrop";
        self.write_local(doing, |tx| {
            for key in keys {
                tx.prepare_cached("UPDATE local.maildrop SET deletion = ?2 WHERE key = ?1")
                    .and_then(|mut s| s.execute((key, deletion as i64)))
                    .doing(doing)?;
            }
            Ok(())
        })
    }

    /// Asks for all of a message of which only the header is here. `false`: it is no longer in the
    /// maildrop.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn want_whole(&mut self, local: LocalKey) -> Result<bool> {
        let doing = "asking for a message";
        self.write_local(doing, |tx| {
            tx.prepare_cached(
                "UPDATE local.maildrop SET is_wanted = 1 WHERE raw = ?1 AND stored_at = 0",
            )
            .and_then(|mut s| s.execute([local.0]))
            .doing(doing)
            .map(|changed| changed > 0)
        })
    }
}
