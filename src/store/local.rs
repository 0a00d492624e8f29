//! The mailboxes that are kept on this computer: the tree of `local.db`.
//!
//! Called by the engine's local session, which is to the rest of the engine what a server's is. A
//! mailbox and what it holds must never go but by a command that says so.

use super::sql::{self, Doing};
use super::{Error, Reader, Result, ServerStatus, Writer};
use crate::model::{ModSeq, Role, Uid, UidValidity};
use rusqlite::{Connection, OptionalExtension, Row};

/// What the names of local mailboxes are parted by.
pub const LOCAL_DELIMITER: char = '/';

/// A mailbox that is kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalMailbox {
    /// Its row.
    pub key: i64,
    /// Its full name.
    pub name: String,
    /// What it is for.
    pub role: Option<Role>,
    /// Whether it is subscribed to.
    pub is_subscribed: bool,
    /// How it stands; everything is told.
    pub status: ServerStatus,
}

const COLUMNS: &str = "key, name, role, is_subscribed, uid_validity, uid_next, mod_seq,
    (SELECT count(*) FROM local.item WHERE mailbox = b.key),
    (SELECT count(*) FROM local.item WHERE mailbox = b.key AND flags & 1 = 0)";

fn mailbox(row: &Row<'_>) -> rusqlite::Result<LocalMailbox> {
    let number = |at: usize| row.get::<_, i64>(at).map(sql::count);
    Ok(LocalMailbox {
        key: row.get(0)?,
        name: row.get(1)?,
        role: row
            .get::<_, Option<String>>(2)?
            .as_deref()
            .and_then(Role::from_name),
        is_subscribed: row.get(3)?,
        status: ServerStatus {
            uid_validity: UidValidity::new(number(4)?),
            uid_next: Uid::new(number(5)?),
            mod_seq: Some(ModSeq(sql::unsigned(row.get(6)?))),
            messages: Some(number(7)?),
            unseen: Some(number(8)?),
        },
    })
}

impl Reader {
    /// The mailboxes of an account that are kept here, by name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_mailboxes(&self, account: &str) -> Result<Vec<LocalMailbox>> {
        let sql = format!("SELECT {COLUMNS} FROM local.mailbox b WHERE account = ?1 ORDER BY name");
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_map([account], mailbox)?.collect())
            .doing("reading the folders")
    }

    /// One of them; `None` where there is none of that name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_mailbox(&self, account: &str, name: &str) -> Result<Option<LocalMailbox>> {
        let sql = format!("SELECT {COLUMNS} FROM local.mailbox b WHERE account = ?1 AND name = ?2");
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut s| s.query_row([account, name], mailbox).optional())
            .doing("reading the folders")
    }

    /// Grows with each change of what is kept here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_changes(&self) -> Result<i64> {
        sql::meta(&self.conn, "local", "changes")
            .doing("reading the folders")
            .map(Option::unwrap_or_default)
    }
}

impl Writer {
    /// Makes what an account whose mail is kept here cannot be without.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin_local(&mut self, account: &str, now_secs: i64) -> Result<()> {
        let doing = "making folders";
        let is_there = self
            .conn
            .prepare_cached("SELECT 1 FROM local.mailbox WHERE account = ?1 AND role = 'inbox'")
            .and_then(|mut s| s.exists([account]))
            .doing(doing)?;
        if is_there {
            return Ok(());
        }
        let usual = [
            ("INBOX", Role::Inbox),
            ("Drafts", Role::Drafts),
            ("Sent", Role::Sent),
            ("Archive", Role::Archive),
            ("Junk", Role::Junk),
            ("Trash", Role::Trash),
        ];
        self.write_local(doing, |tx| {
            for (name, role) in usual {
                create(tx, account, name, Some(role), now_secs)?;
            }
            Ok(())
        })
    }

    /// Makes a mailbox, and what its name lies in.
    ///
    /// # Errors
    /// [`Error::MailboxExists`]; when the store cannot be written.
    pub fn create_local(
        &mut self,
        account: &str,
        name: &str,
        role: Option<Role>,
        now_secs: i64,
    ) -> Result<()> {
        self.write_local("making a folder", |tx| {
            for (at, _) in name.match_indices(LOCAL_DELIMITER) {
                create(
                    tx,
                    account,
                    name.get(..at).unwrap_or_default(),
                    None,
                    now_secs,
                )?;
            }
            if create(tx, account, name, role, now_secs)? {
                return Ok(());
            }
            Err(Error::MailboxExists {
                name: name.to_owned(),
            })
        })
    }

    /// Renames a mailbox and what lies in it.
    ///
    /// # Errors
    /// [`Error::NoMailbox`], [`Error::MailboxExists`], [`Error::Inbox`].
    pub fn rename_local(
        &mut self,
        account: &str,
        from: &str,
        to: &str,
        now_secs: i64,
    ) -> Result<()> {
        let doing = "renaming a folder";
        if from.eq_ignore_ascii_case("INBOX") {
            return Err(Error::Inbox);
        }
        self.write_local(doing, |tx| {
            if key(tx, account, to)?.is_some() {
                return Err(Error::MailboxExists {
                    name: to.to_owned(),
                });
            }
            for (at, _) in to.match_indices(LOCAL_DELIMITER) {
                create(
                    tx,
                    account,
                    to.get(..at).unwrap_or_default(),
                    None,
                    now_secs,
                )?;
            }
            let below = format!("{from}{LOCAL_DELIMITER}");
            let changed = tx
                .prepare_cached(
                    "UPDATE local.mailbox SET name = ?3 || substr(name, length(?2) + 1)
                     WHERE account = ?1 AND (name = ?2 OR substr(name, 1, length(?4)) = ?4)",
                )
                .and_then(|mut s| s.execute([account, from, to, &below]))
                .doing(doing)?;
            if changed == 0 {
                return Err(Error::NoMailbox {
                    name: from.to_owned(),
                });
            }
            Ok(())
        })
    }

    /// Deletes a mailbox and what it holds; what lies below its name stays.
    ///
    /// # Errors
    /// [`Error::NoMailbox`], [`Error::Inbox`].
    pub fn delete_local(&mut self, account: &str, name: &str) -> Result<()> {
        let doing = "deleting a folder";
        if name.eq_ignore_ascii_case("INBOX") {
            return Err(Error::Inbox);
        }
        self.write_local(doing, |tx| {
            let Some(mailbox) = key(tx, account, name)? else {
                return Err(Error::NoMailbox {
                    name: name.to_owned(),
                });
            };
            for sql in [
                "DELETE FROM local.raw WHERE key IN (SELECT raw FROM local.item WHERE mailbox = ?1)
                   AND NOT EXISTS
                     (SELECT 1 FROM local.item i WHERE i.raw = raw.key AND i.mailbox <> ?1)",
                "DELETE FROM local.item WHERE mailbox = ?1",
                "DELETE FROM local.mailbox WHERE key = ?1",
            ] {
                tx.execute(sql, [mailbox]).doing(doing)?;
            }
            Ok(())
        })
    }

    /// Subscribes to a mailbox, or no more.
    ///
    /// # Errors
    /// [`Error::NoMailbox`]; when the store cannot be written.
    pub fn subscribe_local(&mut self, account: &str, name: &str, is_on: bool) -> Result<()> {
        let doing = "subscribing to a folder";
        self.write_local(doing, |tx| {
            let changed = tx
                .prepare_cached(
                    "UPDATE local.mailbox SET is_subscribed = ?3 WHERE account = ?1 AND name = ?2",
                )
                .and_then(|mut s| s.execute((account, name, is_on)))
                .doing(doing)?;
            if changed == 0 {
                return Err(Error::NoMailbox {
                    name: name.to_owned(),
                });
            }
            Ok(())
        })
    }

    /// A transaction on `local.db`, which is counted: whoever mirrors it sees that it changed.
    pub(super) fn write_local<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.write(doing, |tx| {
            let done = work(tx)?;
            tx.prepare_cached(
                "INSERT INTO local.meta (name, value) VALUES ('changes', 1)
                 ON CONFLICT (name) DO UPDATE SET value = value + 1",
            )
            .and_then(|mut s| s.execute(()))
            .doing(doing)?;
            Ok(done)
        })
    }
}

/// The row of a mailbox. The inbox is known whatever the case (RFC 9051 §5.1).
pub(super) fn key(conn: &Connection, account: &str, name: &str) -> Result<Option<i64>> {
    conn.prepare_cached(
        "SELECT key FROM local.mailbox
         WHERE account = ?1 AND (name = ?2 OR (role = 'inbox' AND lower(?2) = 'inbox'))",
    )
    .and_then(|mut s| s.query_row([account, name], |row| row.get(0)).optional())
    .doing("reading the folders")
}

/// Whether it was made, and not there before.
fn create(
    tx: &Connection,
    account: &str,
    name: &str,
    role: Option<Role>,
    now_secs: i64,
) -> Result<bool> {
    let doing = "making a folder";
    if key(tx, account, name)?.is_some() {
        return Ok(false);
    }
    // An era is never begun twice, whatever the clock says (RFC 9051 §2.3.1.1).
    let era = sql::meta(tx, "local", "next_era")
        .doing(doing)?
        .unwrap_or(1);
    let era = era.max(now_secs).clamp(1, i64::from(u32::MAX) - 1);
    sql::set_meta(tx, "local", "next_era", era + 1).doing(doing)?;
    tx.prepare_cached(
        "INSERT INTO local.mailbox (account, name, role, uid_validity) VALUES (?1, ?2, ?3, ?4)",
    )
    .and_then(|mut s| s.execute((account, name, role.map(Role::name), era)))
    .doing(doing)?;
    Ok(true)
}
