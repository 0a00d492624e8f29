//! The copies of drafts that servers have: which are there, on their way, or to be removed.
//!
//! Called by `engine`. The former copy must never be given up before the new one is confirmed, and
//! what may be on the server is remembered until the server has said that it is not.

use super::drafts::DraftRow;
use super::sql::{self, Doing};
use super::{Reader, Result, Writer, tree_plan};
use crate::model::{AccountKey, DraftKey, Role, Uid, UidValidity};
use rusqlite::{Connection, OptionalExtension, Row};

/// What is known of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// It was sent, and the server did not say that it has it, or under which id.
    Sending,
    /// The server has it.
    There,
    /// It is to be removed.
    Leaving,
    /// It was sent, not answered, and not found; a slow server may still put it there.
    Lost,
}

impl CopyState {
    const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Sending,
            1 => Self::There,
            2 => Self::Leaving,
            _ => Self::Lost,
        }
    }
}

/// A copy of a draft on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftCopy {
    /// Its key.
    pub key: i64,
    /// The draft.
    pub draft: DraftKey,
    /// The mailbox, as the server calls it.
    pub mailbox: String,
    /// Its Message-ID, without angle brackets; may be empty where another client wrote it.
    pub message_id: String,
    /// Where it is, if that was told.
    pub at: Option<(UidValidity, Uid)>,
    /// What is known of it.
    pub state: CopyState,
    /// Since when, in seconds since 1970; of one to be removed: from when on.
    pub since_secs: i64,
}

/// A message of a mailbox of drafts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptedCopy {
    /// Its account.
    pub account: AccountKey,
    /// The mailbox, as the server calls it.
    pub mailbox: String,
    /// Its Message-ID, without angle brackets; may be empty.
    pub message_id: String,
    /// Its id there, where it is known.
    pub at: Option<(UidValidity, Uid)>,
}

/// A draft whose copy is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftDue {
    /// The draft.
    pub draft: DraftKey,
    /// Its version.
    pub version: u64,
}

impl Writer {
    /// Notes that a copy is about to be sent; its key.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin_copy(
        &mut self,
        row: &DraftRow,
        mailbox: &str,
        message_id: &str,
        now_secs: i64,
    ) -> Result<i64> {
        let doing = "copying a draft";
        self.write_journal(doing, |tx| {
            tx.prepare_cached(
                "INSERT INTO own.draft_copy (draft, account, mailbox, message_id, version, state, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)",
            )
            .and_then(|mut s| {
                s.execute((
                    row.key.0,
                    row.account.0,
                    mailbox,
                    message_id,
                    sql::signed(row.version),
                    now_secs,
                ))
            })
            .doing(doing)?;
            Ok(tx.last_insert_rowid())
        })
    }

    /// A draft was taken up from a message that another client put there: that is its copy.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn adopt_copy(&mut self, draft: DraftKey, copy: &AdoptedCopy) -> Result<()> {
        let doing = "taking up a draft";
        let Some((era, uid)) = copy.at else {
            return Ok(());
        };
        self.write_journal(doing, |tx| {
            tx.execute(
                "INSERT INTO own.draft_copy
                   (draft, account, mailbox, message_id, uid_validity, uid, version, state, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 1, 0)",
                (
                    draft.0,
                    copy.account.0,
                    &copy.mailbox,
                    &copy.message_id,
                    era.get(),
                    uid.get(),
                ),
            )
            .doing(doing)?;
            tx.execute(
                "UPDATE own.draft SET copied = version WHERE key = ?1",
                [draft.0],
            )
            .doing(doing)
            .map(drop)
        })
    }

    /// The server has a copy: the former ones are to be removed; or this one, where the draft has
    /// gone on. Without an id it can only be found by its Message-ID.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn copy_arrived(&mut self, copy: i64, at: Option<(UidValidity, Uid)>) -> Result<()> {
        let doing = "copying a draft";
        let (era, uid) = at.map_or((0, 0), |(era, uid)| (era.get(), uid.get()));
        self.write_journal(doing, |tx| {
            let wanted: Option<(i64, i64, bool)> = tx
                .prepare_cached(
                    "SELECT c.draft, c.version, EXISTS (SELECT 1 FROM own.draft d
                       WHERE d.key = c.draft AND d.state < 2 AND d.copied < c.version)
                     FROM own.draft_copy c WHERE c.key = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([copy], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        .optional()
                })
                .doing(doing)?;
            let Some((draft, version, is_wanted)) = wanted else {
                return Ok(());
            };
            if is_wanted {
                tx.execute(
                    "UPDATE own.draft_copy SET state = 2, since = 0 WHERE draft = ?1 AND state = 1",
                    [draft],
                )
                .doing(doing)?;
                tx.execute(
                    "UPDATE own.draft SET copied = ?2 WHERE key = ?1",
                    (draft, version),
                )
                .doing(doing)?;
            }
            tx.execute(
                "UPDATE own.draft_copy SET state = ?2, uid_validity = ?3, uid = ?4, since = 0
                 WHERE key = ?1",
                (copy, if is_wanted { 1 } else { 2 }, era, uid),
            )
            .doing(doing)
            .map(drop)
        })
    }

    /// A copy that was sent was not found: it is looked for again for a while.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn copy_lost(&mut self, copy: i64, now_secs: i64) -> Result<()> {
        let doing = "copying a draft";
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.draft_copy SET state = 3, since = ?2 WHERE key = ?1 AND state = 0",
                (copy, now_secs),
            )
            .doing(doing)
            .map(drop)
        })
    }

    /// The server does not have a copy, or no more. If no other is there, the draft is to
    /// be copied anew.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn copy_gone(&mut self, copy: i64) -> Result<()> {
        let doing = "copying a draft";
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.draft SET copied = 0
                 WHERE key = (SELECT draft FROM own.draft_copy WHERE key = ?1)
                   AND NOT EXISTS (SELECT 1 FROM own.draft_copy c
                     WHERE c.draft = own.draft.key AND c.key <> ?1 AND c.state = 1)",
                [copy],
            )
            .doing(doing)?;
            tx.execute("DELETE FROM own.draft_copy WHERE key = ?1", [copy])
                .doing(doing)
                .map(drop)
        })
    }

    /// A draft cannot be copied now: not before then.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn delay_copy(&mut self, draft: DraftKey, until_secs: i64) -> Result<()> {
        let doing = "copying a draft";
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.draft SET copy_at = ?2 WHERE key = ?1",
                (draft.0, until_secs),
            )
            .doing(doing)
            .map(drop)
        })
    }
}

impl Reader {
    /// Copies of an account's drafts about which something is to be done: to be looked for, or to be
    /// removed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_copies(&self, account: AccountKey, now_secs: i64) -> Result<Vec<DraftCopy>> {
        self.conn
            .prepare_cached(
                "SELECT key, draft, mailbox, message_id, uid_validity, uid, state, since
                 FROM own.draft_copy
                 WHERE account = ?1 AND state <> 1 AND NOT (state = 2 AND since > ?2) ORDER BY key",
            )
            .and_then(|mut s| s.query_map((account.0, now_secs), copy_row)?.collect())
            .doing("reading drafts")
    }

    /// When the next copy of an account is to be removed that is not to be yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_removal(&self, account: AccountKey, now_secs: i64) -> Result<Option<i64>> {
        self.conn
            .prepare_cached(
                "SELECT min(since) FROM own.draft_copy
                 WHERE account = ?1 AND state = 2 AND since > ?2",
            )
            .and_then(|mut s| s.query_row((account.0, now_secs), |row| row.get(0)))
            .doing("reading drafts")
    }

    /// The drafts of an account whose copies are out of date: those that were left, and those that
    /// were not changed since `quiet_secs`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn drafts_to_copy(
        &self,
        account: AccountKey,
        quiet_secs: i64,
        now_secs: i64,
    ) -> Result<Vec<DraftDue>> {
        self.conn
            .prepare_cached(
                "SELECT key, version FROM own.draft
                 WHERE account = ?1 AND state < 2 AND copied < version AND copy_at <= ?3
                   AND (state = 1 OR changed_at <= ?2) ORDER BY key",
            )
            .and_then(|mut s| {
                s.query_map((account.0, quiet_secs, now_secs), |row| {
                    Ok(DraftDue {
                        draft: DraftKey(row.get(0)?),
                        version: sql::unsigned(row.get(1)?),
                    })
                })?
                .collect()
            })
            .doing("reading drafts")
    }

    /// What a mailbox for that use is called where there is none yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn name_for(&self, account: AccountKey, role: Role) -> Result<String> {
        tree_plan::name_for(&self.conn, account.0, role)
    }

    /// The draft that a message of a mailbox is the copy of, by its id there or by its Message-ID.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn draft_of_copy(&self, copy: &AdoptedCopy) -> Result<Option<DraftKey>> {
        let (era, uid) = copy.at.map_or((0, 0), |(era, uid)| (era.get(), uid.get()));
        self.conn
            .prepare_cached(
                "SELECT d.key FROM own.draft_copy c JOIN own.draft d ON d.key = c.draft
                 WHERE c.account = ?1
                   AND ((c.mailbox = ?2 AND c.uid_validity = ?3 AND c.uid = ?4 AND ?4 > 0)
                     OR (c.message_id = ?5 AND ?5 <> '' AND c.version > 0))
                 ORDER BY c.key DESC LIMIT 1",
            )
            .and_then(|mut s| {
                s.query_row(
                    (copy.account.0, &copy.mailbox, era, uid, &copy.message_id),
                    |row| row.get(0).map(DraftKey),
                )
                .optional()
            })
            .doing("reading drafts")
    }
}

/// All copies of a draft are to be removed, those that are there from `from_secs` on.
pub(super) fn remove_all(tx: &Connection, draft: i64, from_secs: i64) -> Result<()> {
    tx.execute(
        "UPDATE own.draft_copy SET state = 2, since = ?2 WHERE draft = ?1 AND state IN (1, 2)",
        (draft, from_secs),
    )
    .doing("putting a draft away")
    .map(drop)
}

/// A draft is taken up again: the copy that was to be removed may stay.
pub(super) fn keep_latest(tx: &Connection, draft: i64) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE own.draft_copy SET state = 1
         WHERE key = (SELECT max(c.key) FROM own.draft_copy c JOIN own.draft d ON d.key = c.draft
           WHERE c.draft = ?1 AND c.state = 2 AND d.copied > 0 AND c.version IN (0, d.copied))",
        [draft],
    )
    .map(drop)
}

fn copy_row(row: &Row<'_>) -> rusqlite::Result<DraftCopy> {
    let era = UidValidity::new(row.get(4)?);
    let uid = Uid::new(row.get(5)?);
    Ok(DraftCopy {
        key: row.get(0)?,
        draft: DraftKey(row.get(1)?),
        mailbox: row.get(2)?,
        message_id: row.get(3)?,
        at: era.zip(uid),
        state: CopyState::from_number(row.get(6)?),
        since_secs: row.get(7)?,
    })
}
