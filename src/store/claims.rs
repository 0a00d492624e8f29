//! The journal as replay sees it: taking what is to be sent, and what became of it.
//!
//! Called by `engine::replay` alone. A target must never be settled without the server's word, and
//! what was sent is noted before it is sent.

use super::leaving::Leaving;
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use super::take::{Taken, due, is_due, take, take_append};
use super::target::{COPIED, REJECTED, SENT_APPEND, Target, Verb, close_with_heirs};
use super::{Claim, OpenOp, Reader, Result, Writer, binding, journal, mailboxes, note, transit};
use crate::model::{
    AccountKey, Flag, FlagChange, MailboxKey, OpKey, TargetKey, TargetState, Uid, UidValidity,
};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 500;

impl Writer {
    /// Takes up to `limit` messages' pending changes that are due, nets them out per message and
    /// marks them in flight. What nets out to nothing settles without a word. `can_move`: whether
    /// the server has MOVE, which decides on how a move is begun.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn claim(
        &mut self,
        account: AccountKey,
        now_secs: i64,
        limit: u32,
        can_move: bool,
    ) -> Result<Vec<Claim>> {
        let is_any = !due(&self.conn, account, now_secs)?.is_empty()
            || !Target::open_appends(&self.conn, account.0)?.is_empty();
        if !is_any {
            return Ok(Vec::new());
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (claims, cancelled, gone) = self.write_journal("taking changes to send", |tx| {
            let mut claims = Vec::new();
            let mut cancelled = Vec::new();
            let mut gone = Vec::new();
            for (message, mailbox) in due(tx, account, now_secs)? {
                if claims.len() >= limit {
                    break;
                }
                match take(tx, message, mailbox, now_secs, can_move)? {
                    Taken::Claim(claim) => claims.push(*claim),
                    Taken::CancelledOut => cancelled.push((message, mailbox)),
                    Taken::Gone(target) => gone.push(target),
                    Taken::NotYet => {}
                }
            }
            for target in Target::open_appends(tx, account.0)? {
                if claims.len() >= limit {
                    break;
                }
                if is_due(target.next_try, now_secs)
                    && let Some(claim) = take_append(tx, &target)?
                {
                    claims.push(claim);
                }
            }
            Ok((claims, cancelled, gone))
        })?;
        journal::refold(self, &cancelled)?;
        binding::sources_gone(self, &gone)?;
        Ok(claims)
    }

    /// The server confirmed these: what they wanted is base now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn settle(&mut self, targets: &[TargetKey]) -> Result<Vec<MailboxKey>> {
        let keys: BTreeSet<i64> = targets.iter().map(|t| t.0).collect();
        let (changed, others) = self.write("settling changes", |tx| {
            let mut tally = Tally::default();
            let mut others = Vec::new();
            for key in &keys {
                let Some(target) = Target::of(tx, *key)?.filter(|t| t.state < 2) else {
                    continue;
                };
                if target.verb == Verb::Flags {
                    // The row is folded without it at once, so that there is nothing left to show.
                    settle_flags(tx, &target, targets, &mut tally)?;
                } else {
                    others.push(*key);
                }
            }
            tally.write(tx)?;
            Ok((tally.changed(), others))
        })?;
        self.write_journal("settling changes", |tx| {
            set_state(tx, targets, 2, "", 0).doing("settling changes")
        })?;
        let mut all = changed;
        all.extend(journal::reconcile(self, &others)?);
        Ok(all)
    }

    /// Copies were made and confirmed; where their sources are to be removed, that is still to be
    /// done. `copied`: where the server said they are.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_copied(
        &mut self,
        targets: &[TargetKey],
        copied: &[(TargetKey, UidValidity, Uid)],
    ) -> Result<()> {
        self.write_journal("noting what was copied", |tx| {
            for target in targets {
                tx.prepare_cached(
                    "UPDATE own.op_target SET sent = ?2 WHERE key = ?1 AND state < 2
                       AND verb = 'move' AND sent <> 'move'",
                )
                .and_then(|mut s| s.execute((target.0, COPIED)))
                .doing("noting what was copied")?;
            }
            for (target, era, uid) in copied {
                // Whoever acts on the copy finds it under this id even if the caches are lost.
                tx.prepare_cached(
                    "UPDATE own.op_target SET uid_validity = ?2, uid = ?3, mailbox_name =
                       (SELECT to_name FROM own.op_target WHERE key = ?1)
                     WHERE via = ?1 AND via <> 0 AND state < 2",
                )
                .and_then(|mut s| s.execute((target.0, era.get(), uid.get())))
                .doing("noting what was copied")?;
            }
            Ok(())
        })?;
        if copied.is_empty() {
            return Ok(());
        }
        self.write("noting where copies went", |tx| {
            for (key, era, uid) in copied {
                let Some(target) = Target::of(tx, key.0)? else {
                    continue;
                };
                let now = mailboxes::cursor(tx, MailboxKey(target.to_mailbox))?.uid_validity;
                if now.is_none_or(|now| now == *era) {
                    transit::put_hint(tx, &target, i64::from(uid.get()))?;
                }
            }
            Ok(())
        })
    }

    /// The destinations of copies whose answer was lost have been looked through since: what is
    /// there was copied, what is not there is to be copied again. Nothing of it is in flight then.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn looked_for(&mut self, targets: &[TargetKey]) -> Result<()> {
        let done = self.write_journal("looking for copies", |tx| {
            let mut done = Vec::new();
            for key in targets {
                let Some(target) = Target::of(tx, key.0)?.filter(|t| t.state < 2) else {
                    continue;
                };
                let is_there = has_arrived(tx, &target)?;
                if is_there && target.verb != Verb::Move {
                    done.push(*key);
                    continue;
                }
                let sent = if is_there { COPIED } else { "" };
                tx.prepare_cached(
                    "UPDATE own.op_target SET state = 0, sent = ?2 WHERE key = ?1 AND state < 2",
                )
                .and_then(|mut s| s.execute((key.0, sent)))
                .doing("looking for copies")?;
            }
            Ok(done)
        })?;
        self.settle(&done).map(drop)
    }

    /// These were claimed and certainly not done: the server does not know of them.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn unsent(&mut self, targets: &[TargetKey]) -> Result<()> {
        if targets.is_empty() {
            return Ok(());
        }
        self.write_journal("putting changes back", |tx| {
            for target in targets {
                tx.prepare_cached(
                    "UPDATE own.op_target SET state = 0,
                       sent = CASE WHEN sent = 'copied' OR verb = 'flags' THEN sent ELSE '' END
                     WHERE key = ?1 AND state < 2",
                )
                .and_then(|mut s| s.execute([target.0]))
                .doing("putting changes back")?;
            }
            Ok(())
        })
    }

    /// The server could only mark these as deleted: that is what is shown, with the reason.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn left_marked(&mut self, targets: &[TargetKey], reason: &str) -> Result<Vec<MailboxKey>> {
        self.write("showing what is marked as deleted", |tx| {
            let mut tally = Tally::default();
            for key in targets {
                if let Some(left) = Leaving::of(tx, key.0)? {
                    let mut base = left.base.clone();
                    base.insert(Flag::Deleted);
                    let mod_seq = left.mod_seq;
                    left.rebase(tx, base, mod_seq, &mut tally)?;
                }
            }
            tally.write(tx)
        })?;
        self.reject(targets, reason)
    }

    /// Notes that copies from elsewhere are about to be handed to the server.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn note_appending(&mut self, target: TargetKey) -> Result<()> {
        self.write_journal("noting what is sent", |tx| {
            note_bound(tx, target.0)?;
            tx.prepare_cached("UPDATE own.op_target SET sent = ?2 WHERE key = ?1 AND state = 1")
                .and_then(|mut s| s.execute((target.0, SENT_APPEND)))
                .doing("noting what is sent")
                .map(drop)
        })
    }

    /// Keeps the texts of messages that are about to be deleted for good, as far as they are here,
    /// so that the deletion can be undone.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn keep_texts(&mut self, targets: &[TargetKey], now_secs: i64) -> Result<()> {
        self.write_journal("keeping texts", |tx| {
            for key in targets {
                let Some(target) = Target::of(tx, key.0)?
                    .filter(|t| t.verb == Verb::Remove && t.after == 0 && !t.is_kept)
                else {
                    continue;
                };
                let kept = tx
                    .prepare_cached(
                        "INSERT OR IGNORE INTO own.kept (target, at, size, bytes)
                         SELECT ?1, ?2, size, bytes FROM whole WHERE message = ?3",
                    )
                    .and_then(|mut s| s.execute((key.0, now_secs, target.message)))
                    .doing("keeping texts")?;
                let Some(leaving) = Leaving::of(tx, key.0)?.filter(|_| kept > 0) else {
                    continue;
                };
                let flags = FlagChange {
                    add: leaving.base,
                    ..FlagChange::default()
                };
                tx.prepare_cached("UPDATE own.op_target SET kept = 1, effect = ?2 WHERE key = ?1")
                    .and_then(|mut s| s.execute((key.0, sql::change_text(&flags))))
                    .doing("keeping texts")?;
            }
            Ok(())
        })
    }

    /// The server refused these: they are taken back on the screen.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn reject(&mut self, targets: &[TargetKey], reason: &str) -> Result<Vec<MailboxKey>> {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        let touched = self.write_journal("taking back refused changes", |tx| {
            close_with_heirs(tx, targets.iter().map(|t| t.0), REJECTED, &reason)
        })?;
        journal::reconcile(self, &touched)
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
                "SELECT 1 FROM own.op_target WHERE account = ?1 AND state = 1 AND state < 2
                 UNION ALL SELECT 1 FROM own.op_tree WHERE account = ?1 AND state = 1",
            )
            .and_then(|mut s| s.exists([account.0]))
            .doing(doing)?;
        if !is_any {
            return Ok(0);
        }
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.op_tree SET state = 0 WHERE account = ?1 AND state = 1",
                [account.0],
            )
            .doing(doing)?;
            tx.execute(
                "UPDATE own.op_target SET state = 0 WHERE account = ?1 AND state = 1 AND state < 2",
                [account.0],
            )
            .doing(doing)
            .map(sql::len)
        })
    }
}

pub(super) const OPEN: &str = "SELECT o.key, t.account, o.argument, o.label, min(t.state),
    max(t.attempts), max(t.reason), count(*), max(t.next_try)
  FROM (SELECT op, account, state, attempts, reason, next_try FROM own.op_target WHERE state < 2
    UNION ALL SELECT op, account, state, attempts, reason, 0 FROM own.op_target WHERE state = 3
    UNION ALL SELECT op, account, state, attempts, reason, next_try FROM own.op_tree
      WHERE state < 2 OR state = 3) t
    JOIN own.op o ON o.key = t.op
  GROUP BY o.key, t.account ORDER BY o.key, t.account";

/// Notes from which id on a copy must be, if it is made now.
pub(super) fn note_bound(tx: &Connection, target: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE own.op_target SET bound = coalesce((SELECT uid_next FROM mailbox
           WHERE key = own.op_target.to_mailbox), 0) WHERE key = ?1",
    )
    .and_then(|mut s| s.execute([target]))
    .doing("taking changes to send")
    .map(drop)
}

/// Whether the mailbox itself has shown what a target was to bring. Where its row was lost with the
/// caches, the copy is among what was fetched again. What was to be done with it there proves nothing:
/// nothing of it is sent before this is known, and it may have been taken back.
fn has_arrived(tx: &Connection, target: &Target) -> Result<bool> {
    let is_copy_there = tx
        .prepare_cached(
            "SELECT 1 FROM own.op_target t
               CROSS JOIN placement p ON p.mailbox = t.to_mailbox AND p.uid > 0
                 AND p.uid >= t.bound AND p.message <> t.message
               CROSS JOIN message m ON m.key = p.message
               CROSS JOIN message s ON s.key = t.message
             WHERE t.key = ?1 AND (m.message_id, m.size, m.subject, m.sender)
               = (s.message_id, s.size, s.subject, s.sender) AND m.date IS s.date",
        )
        .and_then(|mut s| s.exists([target.key]))
        .doing("looking for copies")?;
    if is_copy_there {
        return Ok(true);
    }
    if Placement::of(tx, target.made, target.to_mailbox)?.is_some_and(|p| p.uid > 0) {
        return Ok(true);
    }
    let later = Leaving::after(tx, target.made, target.to_mailbox, target.key)?;
    Ok(later.is_some_and(|l| l.uid > 0))
}

/// What was sent of flags is the server's truth now.
fn settle_flags(
    tx: &Connection,
    target: &Target,
    done: &[TargetKey],
    tally: &mut Tally,
) -> Result<()> {
    let change = sql::change(&target.sent);
    if let Some(left) = Leaving::after(tx, target.message, target.mailbox, target.key)? {
        let mut base = left.base.clone();
        base.apply(&change);
        let mod_seq = left.mod_seq;
        return left.rebase(tx, base, mod_seq, tally);
    }
    let Some(old) = Placement::of(tx, target.message, target.mailbox)? else {
        return Ok(());
    };
    let mut now = old.clone();
    now.base.apply(&change);
    // The server's count of unread messages was told before it knew of this change.
    tally.of(target.mailbox).server_unseen +=
        sql::unread(now.base.bits()) - sql::unread(old.base.bits());
    now.refold(tx, &old, done, tally)
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
    /// Of these copies, those that are still to be made.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn not_copied(&self, targets: &[TargetKey]) -> Result<Vec<TargetKey>> {
        let mut left = Vec::new();
        for key in targets {
            let target = Target::of(&self.conn, key.0)?;
            if target.is_some_and(|t| t.state < 2 && t.sent != COPIED) {
                left.push(*key);
            }
        }
        Ok(left)
    }

    /// Mailboxes of an account that got messages whose ids are not known yet, and for which
    /// something waits.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mailboxes_awaited(&self, account: AccountKey) -> Result<Vec<MailboxKey>> {
        self.conn
            .prepare_cached(
                "SELECT DISTINCT t.mailbox FROM own.op_target t JOIN own.op_target v ON v.key = t.via
                 WHERE t.account = ?1 AND t.state = 0 AND t.state < 2 AND v.state = 2
                   AND t.mailbox <> 0 AND NOT EXISTS (SELECT 1 FROM leaving l
                     WHERE l.message = t.message AND l.mailbox = t.mailbox AND l.uid > 0)
                   AND NOT EXISTS (SELECT 1 FROM placement p
                     WHERE p.message = t.message AND p.mailbox = t.mailbox AND p.uid > 0)",
            )
            .and_then(|mut s| {
                s.query_map([account.0], |row| Ok(MailboxKey(row.get(0)?)))?
                    .collect()
            })
            .doing("reading the journal")
    }

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
                        kind: note::kind(&argument),
                        label: row.get(3)?,
                        state: state(row.get(4)?),
                        attempts: sql::count(row.get(5)?),
                        error: row.get(6)?,
                        left: sql::count(row.get(7)?),
                        next_try_secs: row.get(8)?,
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
