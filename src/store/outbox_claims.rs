//! The outbox for whoever sends: what is due, what is under way, what became of it.
//!
//! Called by the sender in `engine`, which alone has the network role. That a message is being sent
//! must be on the disk before any byte of it leaves, and that its end is sent before its end is.

use super::outbox::{FILED, code, recipient_code};
use super::sql::{self, Doing};
use super::{Reader, Result, Writer};
use crate::model::{AccountKey, OutboxKey, OutboxState, RecipientState};
use rusqlite::{Connection, OptionalExtension};

/// A date of a retry that lies further ahead is that of a wrong clock.
const AHEAD_SECS: i64 = 2 * 3600;
/// How long at least is waited where a server limits how much may be sent, in seconds.
pub const LIMIT_SECS: i64 = 600;
/// What is said of a message whose fate a crash left open.
const INTERRUPTED: &str = "the program ended before the server had confirmed the message";

/// A message to be sent now: to whom it is due, and what has to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxClaim {
    /// Its key.
    pub key: OutboxKey,
    /// The name of its file.
    pub file: String,
    /// The sender of the envelope.
    pub sender: String,
    /// Those who are to get it.
    pub recipients: Vec<String>,
    /// Its bytes.
    pub size: u64,
    /// Whether there is a byte above 127 in it.
    pub has_8bit: bool,
    /// Whether its header holds such bytes.
    pub has_utf8_header: bool,
    /// Whether a report of delivery is wished for.
    pub wants_report: bool,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it was tried first.
    pub first_try: i64,
    /// What went wrong last.
    pub error: String,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// What is known of each recipient that was claimed: address, state, and what the server said.
    pub recipients: Vec<(String, RecipientState, String)>,
    /// What went wrong, in plain words; empty if nothing.
    pub error: String,
    /// When the rest is tried again, in seconds since 1970; `None`: never by itself.
    pub next_try: Option<i64>,
    /// Whether a copy is wanted once somebody has it.
    pub wants_copy: bool,
}

impl Writer {
    /// Claims the next message that is due, and counts the attempt: both on the disk before it
    /// returns. One that is not due is not claimed, whoever wants it.
    ///
    /// # Errors
    /// When the outbox cannot be written: then nothing may be sent.
    pub fn claim_outbox(
        &mut self,
        account: AccountKey,
        now_secs: i64,
    ) -> Result<Option<OutboxClaim>> {
        self.write_journal("taking a message out to send it", |tx| {
            claim(tx, account, now_secs).doing("taking a message out to send it")
        })
    }

    /// Notes that the end of a message is about to be sent. From then on it may be delivered.
    ///
    /// # Errors
    /// When that cannot be written: then the end must not be sent.
    pub fn note_outbox_ending(&mut self, item: OutboxKey) -> Result<()> {
        self.write_journal("sending a message", |tx| {
            tx.execute(
                "UPDATE own.outbox SET is_ending = 1 WHERE key = ?1 AND state = 3",
                [item.0],
            )
            .doing("sending a message")
            .map(drop)
        })
    }

    /// Writes down what an attempt came to; where the message stands now.
    ///
    /// # Errors
    /// When it cannot be written: the message stays as it is, under way.
    pub fn note_attempt(
        &mut self,
        item: OutboxKey,
        attempted: &Attempted,
        now_secs: i64,
    ) -> Result<OutboxState> {
        self.write_journal("noting what became of a message", |tx| {
            note(tx, item.0, attempted, now_secs).doing("noting what became of a message")
        })
    }

    /// Puts off everything of an account that would be tried now, for nothing would come of it.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn put_off_outbox(
        &mut self,
        account: AccountKey,
        error: &str,
        now_secs: i64,
        next_try: i64,
    ) -> Result<()> {
        self.write_journal("putting messages off", |tx| {
            tx.execute(
                "UPDATE own.outbox SET error = ?2, next_try = ?4
                 WHERE account = ?1 AND state IN (0, 1, 2) AND not_before <= ?3 AND next_try < ?4",
                (account.0, error, now_secs, next_try),
            )
            .doing("putting messages off")
            .map(drop)
        })
    }

    /// Makes due what only waits for its next try, for the user asks for it. Where a server limits how
    /// much may be sent, that is waited out: one of the first tries is then put off unusually long.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn hurry_outbox(&mut self, account: AccountKey, now_secs: i64) -> Result<()> {
        let doing = "making messages due";
        let is_any = self
            .conn
            .prepare_cached(
                "SELECT 1 FROM own.outbox WHERE account = ?1 AND state IN (0, 1, 2) AND next_try > ?2",
            )
            .and_then(|mut s| s.exists((account.0, now_secs)))
            .doing(doing)?;
        if !is_any {
            return Ok(());
        }
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.outbox SET next_try = 0
                 WHERE account = ?1 AND state IN (0, 1, 2) AND next_try > ?2 AND NOT EXISTS (
                   SELECT 1 FROM own.outbox WHERE account = ?1 AND state IN (0, 1, 2)
                     AND attempts BETWEEN 1 AND 5 AND next_try - changed_at >= ?3)",
                (account.0, now_secs, LIMIT_SECS),
            )
            .doing(doing)
            .map(drop)
        })
    }

    /// Settles what a process left behind that had the network role and is gone, of one account or
    /// of all: what it had not sent to its end is due again, of the rest nobody knows.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn recover_outbox(&mut self, account: Option<AccountKey>, now_secs: i64) -> Result<u32> {
        let account = account.map_or(0, |a| a.0);
        let doing = "settling the outbox";
        let left: bool = self
            .conn
            .prepare_cached("SELECT 1 FROM own.outbox WHERE state = 3 AND (?1 = 0 OR account = ?1)")
            .and_then(|mut s| s.exists([account]))
            .doing(doing)?;
        if !left {
            return Ok(0);
        }
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.outbox_recipient SET state = 2 WHERE state = 0 AND item IN
                   (SELECT key FROM own.outbox WHERE state = 3 AND is_ending = 1
                      AND (?1 = 0 OR account = ?1))",
                [account],
            )
            .doing(doing)?;
            let changed = tx
                .execute(
                    "UPDATE own.outbox SET state = CASE is_ending WHEN 1 THEN 4 ELSE 1 END,
                       error = CASE is_ending WHEN 1 THEN ?2 ELSE error END,
                       is_ending = 0, changed_at = ?3
                     WHERE state = 3 AND (?1 = 0 OR account = ?1)",
                    (account, INTERRUPTED, now_secs),
                )
                .doing(doing)?;
            Ok(sql::len(changed))
        })
    }
}

impl Reader {
    /// When the next message of an account is due, in seconds since 1970; `None`: none waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_outbox_due(&self, account: AccountKey, now_secs: i64) -> Result<Option<i64>> {
        self.conn
            .prepare_cached(&format!(
                "SELECT min(CASE WHEN {DUE} THEN 0 ELSE max(not_before, next_try) END)
                 FROM own.outbox WHERE account = ?1 AND state IN (0, 1, 2)"
            ))
            .and_then(|mut s| s.query_row((account.0, now_secs, AHEAD_SECS), |row| row.get(0)))
            .doing("reading the outbox")
    }

    /// Whether a message is being sent (first), or would be now (second).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outbox_bustle(&self, now_secs: i64) -> Result<(bool, bool)> {
        self.conn
            .prepare_cached(&format!(
                "SELECT coalesce(max(state = 3), 0), coalesce(max(state IN (0, 1, 2) AND {DUE}), 0)
                 FROM own.outbox WHERE state < ?1"
            ))
            .and_then(|mut s| {
                s.query_row((7, now_secs, AHEAD_SECS), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
            })
            .doing("reading the outbox")
    }
}

/// Whether a message is due at `?2`. A clock that was ahead must not keep one back for years: a retry
/// is never further off than `?3`, and one that is held was put in before now.
const DUE: &str = "(not_before <= ?2 OR (state = 0 AND created_at > ?2 + ?3))
    AND (next_try <= ?2 OR next_try > ?2 + ?3)";

fn claim(
    tx: &Connection,
    account: AccountKey,
    now_secs: i64,
) -> rusqlite::Result<Option<OutboxClaim>> {
    let found = tx
        .prepare_cached(&format!(
            "SELECT key, file, sender, size, has_8bit, has_utf8_header, wants_report, attempts,
               first_try, error
             FROM own.outbox WHERE account = ?1 AND state IN (0, 1, 2) AND {DUE}
             ORDER BY key LIMIT 1"
        ))?
        .query_row((account.0, now_secs, AHEAD_SECS), |row| {
            let first_try: i64 = row.get(8)?;
            Ok(OutboxClaim {
                key: OutboxKey(row.get(0)?),
                file: row.get(1)?,
                sender: row.get(2)?,
                recipients: Vec::new(),
                size: sql::unsigned(row.get(3)?),
                has_8bit: row.get(4)?,
                has_utf8_header: row.get(5)?,
                wants_report: row.get(6)?,
                attempts: sql::count(row.get(7)?).saturating_add(1),
                first_try: if first_try == 0 { now_secs } else { first_try },
                error: row.get(9)?,
            })
        })
        .optional()?;
    let Some(mut claim) = found else {
        return Ok(None);
    };
    claim.recipients = tx
        .prepare_cached(
            "SELECT address FROM own.outbox_recipient WHERE item = ?1 AND state = 0 ORDER BY place",
        )?
        .query_map([claim.key.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    tx.execute(
        "UPDATE own.outbox SET state = 3, attempts = ?2, first_try = ?3, is_ending = 0,
           not_before = 0, changed_at = ?4 WHERE key = ?1",
        (claim.key.0, claim.attempts, claim.first_try, now_secs),
    )?;
    Ok(Some(claim))
}

fn note(
    tx: &Connection,
    item: i64,
    attempted: &Attempted,
    now_secs: i64,
) -> rusqlite::Result<OutboxState> {
    for (address, state, said) in &attempted.recipients {
        tx.prepare_cached(
            "UPDATE own.outbox_recipient SET state = ?3, said = ?4
             WHERE item = ?1 AND address = ?2 AND state <> 1",
        )?
        .execute((item, address, recipient_code(*state), said))?;
    }
    tx.execute(
        "UPDATE own.outbox SET error = ?2, next_try = ?3, is_ending = 0, changed_at = ?4,
           copy = CASE WHEN copy = 0 AND EXISTS (SELECT 1 FROM own.outbox_recipient
             WHERE item = ?1 AND state = 1) THEN ?5 ELSE copy END
         WHERE key = ?1",
        (
            item,
            &attempted.error,
            attempted.next_try.unwrap_or(0),
            now_secs,
            if attempted.wants_copy { 1 } else { 3 },
        ),
    )?;
    restate(tx, item, attempted.next_try.is_none(), now_secs)
}

/// Gives a message the state that its recipients and its copy add up to.
pub(super) fn restate(
    tx: &Connection,
    item: i64,
    is_given_up: bool,
    now_secs: i64,
) -> rusqlite::Result<OutboxState> {
    let (due, unknown, refused, copy): (bool, bool, bool, i64) = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM own.outbox_recipient WHERE item = key AND state = 0),
               EXISTS (SELECT 1 FROM own.outbox_recipient WHERE item = key AND state = 2),
               EXISTS (SELECT 1 FROM own.outbox_recipient WHERE item = key AND state = 3),
               copy FROM own.outbox WHERE key = ?1",
        )?
        .query_row([item], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let state = if unknown {
        OutboxState::Unconfirmed
    } else if due && !is_given_up {
        OutboxState::Queued
    } else if due || refused {
        OutboxState::Failed
    } else {
        OutboxState::Sent
    };
    let is_done = state == OutboxState::Sent && copy == 3;
    tx.execute(
        "UPDATE own.outbox SET state = ?2, changed_at = ?3 WHERE key = ?1",
        (item, if is_done { FILED } else { code(state) }, now_secs),
    )?;
    Ok(state)
}
