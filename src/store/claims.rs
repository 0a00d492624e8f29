//! The journal as replay sees it: taking what is to be sent, and what became of it.
//!
//! Called by `engine::replay` alone. A target must never be settled without the server's word, and
//! what was sent is noted before it is sent.

use super::placements::{Placement, Tally, pending};
use super::sql::{self, Doing};
use super::{Claim, OpenOp, Reader, Result, Writer, fold, journal};
use crate::model::{
    AccountKey, FlagChange, MailboxKey, OpKey, OpKind, TargetKey, TargetState, Uid, UidValidity,
};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 500;

/// What came of looking at one message.
enum Taken {
    Claim(Claim),
    /// Nothing to send; its targets are settled.
    CancelledOut,
    /// Not now: an answer is awaited, or its id is not known.
    NotYet,
}

impl Writer {
    /// Takes up to `limit` messages' pending changes that are due, nets them out per message and
    /// marks them in flight. What nets out to nothing settles without a word.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn claim(&mut self, account: AccountKey, now_secs: i64, limit: u32) -> Result<Vec<Claim>> {
        if due(&self.conn, account, now_secs)?.is_empty() {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (claims, cancelled) = self.write_journal("taking changes to send", |tx| {
            let mut claims = Vec::new();
            let mut cancelled = Vec::new();
            for (message, mailbox) in due(tx, account, now_secs)? {
                if claims.len() >= limit {
                    break;
                }
                match take(tx, message, mailbox)? {
                    Taken::Claim(claim) => claims.push(claim),
                    Taken::CancelledOut => cancelled.push((message, mailbox)),
                    Taken::NotYet => {}
                }
            }
            Ok((claims, cancelled))
        })?;
        journal::refold(self, &cancelled)?;
        Ok(claims)
    }

    /// The server confirmed these: their changes become base.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn settle(&mut self, targets: &[TargetKey]) -> Result<Vec<MailboxKey>> {
        let changed = self.write("settling changes", |tx| {
            let mut tally = Tally::default();
            for ((message, mailbox), sent) in sent(tx, targets)? {
                let Some(old) = Placement::of(tx, message, mailbox)? else {
                    continue;
                };
                let mut now = old.clone();
                for change in sent {
                    now.base.apply(&change);
                }
                // The server's count of unread messages was told before it knew of this change.
                tally.of(mailbox).server_unseen +=
                    sql::unread(now.base.bits()) - sql::unread(old.base.bits());
                now.refold(tx, &old, targets, &mut tally)?;
            }
            tally.write(tx)?;
            Ok(tally.changed())
        })?;
        self.write_journal("settling changes", |tx| {
            set_state(tx, targets, 2, "", 0).doing("settling changes")
        })?;
        Ok(changed)
    }

    /// The server refused these: they are taken back on the screen.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn reject(&mut self, targets: &[TargetKey], reason: &str) -> Result<Vec<MailboxKey>> {
        let places = self.write_journal("taking back refused changes", |tx| {
            let places: Vec<(i64, i64)> = sent(tx, targets)?.into_keys().collect();
            set_state(tx, targets, 3, reason, 0).doing("taking back refused changes")?;
            Ok(places)
        })?;
        journal::refold(self, &places)
    }

    /// Not answered or not now: queued again, not before `next_try_secs`.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn release(
        &mut self,
        targets: &[TargetKey],
        reason: &str,
        next_try_secs: i64,
    ) -> Result<()> {
        self.write_journal("putting changes back", |tx| {
            set_state(tx, targets, 0, reason, next_try_secs).doing("putting changes back")
        })
    }

    /// For a new owner of the account's connections: what the one before left in flight is queued
    /// again. Sending it twice does no harm. Says how many targets that were.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn recover(&mut self, account: AccountKey) -> Result<u32> {
        let doing = "recovering unanswered changes";
        let is_any = self
            .conn
            .prepare_cached(
                "SELECT 1 FROM own.op_target WHERE account = ?1 AND state = 1 AND state < 2",
            )
            .and_then(|mut s| s.exists([account.0]))
            .doing(doing)?;
        if !is_any {
            return Ok(0);
        }
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.op_target SET state = 0 WHERE account = ?1 AND state = 1 AND state < 2",
                [account.0],
            )
            .doing(doing)
            .map(sql::len)
        })
    }
}

pub(super) const DUE: &str = "SELECT message, mailbox FROM own.op_target
  WHERE account = ?1 AND state = 0 AND state < 2 AND message <> 0
  GROUP BY message, mailbox HAVING max(next_try) <= ?2 ORDER BY min(key)";

pub(super) const OPEN: &str = "SELECT o.key, t.account, o.argument, o.label, min(t.state),
    max(t.attempts), max(t.reason)
  FROM (SELECT op, account, state, attempts, reason FROM own.op_target WHERE state < 2
    UNION ALL SELECT op, account, state, attempts, reason FROM own.op_target WHERE state = 3) t
    JOIN own.op o ON o.key = t.op
  GROUP BY o.key, t.account ORDER BY o.key, t.account";

/// The messages of an account whose queued changes are all due, in the order in which the user
/// changed them.
fn due(conn: &Connection, account: AccountKey, now_secs: i64) -> Result<Vec<(i64, i64)>> {
    conn.prepare_cached(DUE)
        .and_then(|mut s| {
            s.query_map((account.0, now_secs), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("reading the journal")
}

fn take(tx: &Connection, message: i64, mailbox: i64) -> Result<Taken> {
    let open = pending(tx, message, mailbox)?;
    let Some(placement) = Placement::of(tx, message, mailbox)? else {
        return Ok(Taken::NotYet);
    };
    let era: Option<u32> = tx
        .prepare_cached("SELECT uid_validity FROM mailbox WHERE key = ?1")
        .and_then(|mut s| s.query_row([mailbox], |row| row.get(0)).optional())
        .doing("reading a folder")?
        .flatten();
    let uid = u32::try_from(placement.uid).ok().and_then(Uid::new);
    let (Some(uid), Some(uid_validity)) = (uid, era.and_then(UidValidity::new)) else {
        return Ok(Taken::NotYet);
    };
    if open.iter().any(|p| p.is_in_flight) {
        return Ok(Taken::NotYet);
    }
    if journal::cancel_out(tx, &placement)? {
        return Ok(Taken::CancelledOut);
    }
    let change = fold::net(&placement.base, &open);
    let targets: Vec<TargetKey> = open.iter().map(|p| p.target).collect();
    let text = sql::change_text(&change);
    for (i, target) in targets.iter().enumerate() {
        tx.prepare_cached(
            "UPDATE own.op_target SET state = 1, attempts = attempts + 1, sent = ?2 WHERE key = ?1",
        )
        .and_then(|mut s| s.execute((target.0, if i == 0 { text.as_str() } else { "" })))
        .doing("taking changes to send")?;
    }
    Ok(Taken::Claim(Claim {
        targets,
        mailbox: MailboxKey(mailbox),
        uid_validity,
        uid,
        change,
    }))
}

/// What was sent for the targets that are still open, by message and mailbox.
fn sent(tx: &Connection, targets: &[TargetKey]) -> Result<BTreeMap<(i64, i64), Vec<FlagChange>>> {
    let mut out: BTreeMap<(i64, i64), Vec<FlagChange>> = BTreeMap::new();
    for target in targets.iter().collect::<BTreeSet<_>>() {
        let found = tx
            .prepare_cached(
                "SELECT message, mailbox, sent FROM own.op_target WHERE key = ?1 AND state < 2",
            )
            .and_then(|mut s| {
                s.query_row([target.0], |row| {
                    let sent: String = row.get(2)?;
                    Ok(((row.get(0)?, row.get(1)?), sql::change(&sent)))
                })
                .optional()
            })
            .doing("reading the journal")?;
        if let Some((place, change)) = found {
            out.entry(place).or_default().push(change);
        }
    }
    Ok(out)
}

/// Moves targets that are still open to a state.
fn set_state(
    tx: &Connection,
    targets: &[TargetKey],
    state: i64,
    reason: &str,
    next_try: i64,
) -> rusqlite::Result<()> {
    let reason: String = reason.chars().take(REASON_MAX).collect();
    let mut statement = tx.prepare_cached(
        "UPDATE own.op_target SET state = ?2, reason = ?3, next_try = ?4
         WHERE key = ?1 AND state < 2",
    )?;
    for target in targets {
        statement.execute((target.0, state, &reason, next_try))?;
    }
    Ok(())
}

impl Reader {
    /// Operations that are not settled, one row for each account that they wait for; those that
    /// were refused stay listed for 30 days.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open_ops(&self) -> Result<Vec<OpenOp>> {
        self.conn
            .prepare_cached(OPEN)
            .and_then(|mut s| {
                s.query_map((), |row| {
                    let argument: String = row.get(2)?;
                    Ok(OpenOp {
                        op: OpKey(row.get(0)?),
                        account: AccountKey(row.get(1)?),
                        kind: OpKind::Flags(sql::change(&argument)),
                        label: row.get(3)?,
                        state: state(row.get(4)?),
                        attempts: sql::count(row.get(5)?),
                        error: row.get(6)?,
                    })
                })?
                .collect()
            })
            .doing("reading the journal")
    }
}

fn state(column: i64) -> TargetState {
    match column {
        0 => TargetState::Queued,
        1 => TargetState::InFlight,
        2 => TargetState::Settled,
        _ => TargetState::Rejected,
    }
}
