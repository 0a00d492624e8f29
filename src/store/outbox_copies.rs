//! The outbox for whoever files copies of what was sent, and looks for what may have been.
//!
//! Called by the working lane in `engine`. That a copy may be there must be on the disk before it is
//! sent, and a copy is forgotten only when it is known to be there.

use super::outbox::{FILED, settle_unconfirmed};
use super::sql::{self, Doing};
use super::{Reader, Result, Writer, tree_plan};
use crate::model::{AccountKey, OutboxKey, Role, Uid, UidValidity};

/// A message whose copy is to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyDue {
    /// Its key.
    pub key: OutboxKey,
    /// The name of its file.
    pub file: String,
    /// Its bytes.
    pub size: u64,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// Whether another message here has that id.
    pub has_twin: bool,
    /// Whether it may have been filed: it is to be looked for first.
    pub is_doubtful: bool,
    /// If so, the era and the first id that the copy can have; `None`: any.
    pub bound: Option<(UidValidity, Uid)>,
    /// How often it was looked for in vain.
    pub looks: u32,
}

/// A message that may have been delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unconfirmed {
    /// Its key.
    pub key: OutboxKey,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
}

impl Reader {
    /// The copies of an account that are to be filed now.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn copies_due(&self, account: AccountKey, now_secs: i64) -> Result<Vec<CopyDue>> {
        self.conn
            .prepare_cached(
                "SELECT key, file, size, message_id, has_twin, copy, copy_era, copy_bound, copy_looks
                 FROM own.outbox WHERE account = ?1 AND state < 7 AND copy IN (1, 2)
                   AND (copy_next <= ?2 OR copy_next > ?2 + 7200) ORDER BY key",
            )
            .and_then(|mut s| {
                s.query_map((account.0, now_secs), |row| {
                    let era = u32::try_from(row.get::<_, i64>(6)?).ok();
                    let era = era.and_then(UidValidity::new);
                    let bound = u32::try_from(row.get::<_, i64>(7)?).ok().and_then(Uid::new);
                    Ok(CopyDue {
                        key: OutboxKey(row.get(0)?),
                        file: row.get(1)?,
                        size: sql::unsigned(row.get(2)?),
                        message_id: row.get(3)?,
                        has_twin: row.get(4)?,
                        is_doubtful: row.get::<_, i64>(5)? == 2,
                        bound: era.zip(bound),
                        looks: sql::count(row.get(8)?),
                    })
                })?
                .collect()
            })
            .doing("reading the outbox")
    }

    /// When the next copy of an account is to be filed, in seconds since 1970; `None`: none waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_copy_due(&self, account: AccountKey) -> Result<Option<i64>> {
        self.conn
            .prepare_cached(
                "SELECT min(copy_next) FROM own.outbox
                 WHERE account = ?1 AND state < 7 AND copy IN (1, 2)",
            )
            .and_then(|mut s| s.query_row([account.0], |row| row.get(0)))
            .doing("reading the outbox")
    }

    /// Messages of an account that may have been delivered, and of which a copy would tell: nobody
    /// is known to have them, so that we filed none, and no other message has their id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unconfirmed(&self, account: AccountKey) -> Result<Vec<Unconfirmed>> {
        self.conn
            .prepare_cached(
                "SELECT key, message_id FROM own.outbox
                 WHERE account = ?1 AND state = 4 AND copy = 0 AND has_twin = 0 ORDER BY key",
            )
            .and_then(|mut s| {
                s.query_map([account.0], |row| {
                    Ok(Unconfirmed {
                        key: OutboxKey(row.get(0)?),
                        message_id: row.get(1)?,
                    })
                })?
                .collect()
            })
            .doing("reading the outbox")
    }
}

impl Reader {
    /// What a mailbox for that use is to be called where the account has none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn name_for_role(&self, account: AccountKey, role: Role) -> Result<String> {
        tree_plan::name_for(&self.conn, account.0, role)
    }
}

impl Writer {
    /// Notes that a copy is about to be sent, and which ids it can have.
    ///
    /// # Errors
    /// When the outbox cannot be written: then it must not be sent.
    pub fn note_copying(
        &mut self,
        item: OutboxKey,
        bound: Option<(UidValidity, Uid)>,
    ) -> Result<()> {
        let (era, first) = bound.map_or((0, 0), |(era, uid)| (era.get(), uid.get()));
        self.copy(
            "copy = 2, copy_era = ?2, copy_bound = ?3",
            (item.0, era, first),
        )
    }

    /// A copy is where it should be, or none is wanted.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn copy_filed(&mut self, item: OutboxKey, now_secs: i64) -> Result<()> {
        self.copy(
            &format!(
                "copy = 3, copy_error = '', changed_at = ?2 + 0 * ?3,
               state = CASE state WHEN 6 THEN {FILED} ELSE state END"
            ),
            (item.0, now_secs, 0),
        )
    }

    /// A copy could not be filed for the moment. `is_certain`: it is known not to be there.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn put_off_copy(
        &mut self,
        item: OutboxKey,
        error: &str,
        next_secs: i64,
        is_certain: bool,
    ) -> Result<()> {
        let copy = if is_certain { "copy = 1, " } else { "" };
        self.copy(
            &format!("{copy}copy_error = ?2, copy_next = ?3, copy_looks = copy_looks + 1"),
            (item.0, error, next_secs),
        )
    }

    /// An unconfirmed message was found, so it was delivered. `is_filed`: where copies are.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn found_sent(&mut self, item: OutboxKey, needs_copy: bool, now_secs: i64) -> Result<bool> {
        self.write_journal("settling a message", |tx| {
            let copy = if needs_copy { 1 } else { 3 };
            settle_unconfirmed(tx, item, copy, now_secs).doing("settling a message")
        })
    }

    fn copy(&mut self, change: &str, values: impl rusqlite::Params) -> Result<()> {
        self.write_journal("filing a copy", |tx| {
            tx.execute(
                &format!("UPDATE own.outbox SET {change} WHERE key = ?1"),
                values,
            )
            .doing("filing a copy")
            .map(drop)
        })
    }
}
