//! What of the journal is due, and what is to be sent for it.
//!
//! Called by `claims`, inside its transaction. What is taken must be noted as under way before
//! anybody can send it.

use super::claims::note_bound;
use super::leaving::Leaving;
use super::placements::{Placement, Stay, pending};
use super::sql::{self, Doing};
use super::target::{
    COPIED, SENT_APPEND, SENT_COPY, SENT_MOVE, SENT_REMOVE, SETTLED, Target, Verb,
};
use super::{Claim, Result, Work, fold, mailboxes, note};
use crate::model::{
    AccountKey, FlagSet, MailboxKey, MessageKey, Moment, Placed, TargetKey, Uid, UidValidity,
};
use rusqlite::{Connection, OptionalExtension};

/// What came of looking at one message.
pub(super) enum Taken {
    Claim(Box<Claim>),
    /// Nothing to send; its targets are settled.
    CancelledOut,
    /// What it acts on is gone.
    Gone(i64),
    /// Not now: an answer is awaited, or its id is not known.
    NotYet,
}

pub(super) const DUE: &str = "SELECT message, mailbox FROM own.op_target
  WHERE account = ?1 AND state = 0 AND state < 2 AND message <> 0 AND verb <> 'append'
  GROUP BY message, mailbox HAVING min(next_try) <= ?2 OR min(next_try) > ?2 + 3600 ORDER BY min(key)";

/// Whether what waits until then is due. Nothing is put off for an hour: such a time was noted by a
/// clock that was wrong.
pub(super) const fn is_due(next_try: i64, now_secs: i64) -> bool {
    next_try <= now_secs || next_try > now_secs + 3600
}

/// The messages of an account with queued changes, in the order in which the user changed them.
pub(super) fn due(
    conn: &Connection,
    account: AccountKey,
    now_secs: i64,
) -> Result<Vec<(i64, i64)>> {
    conn.prepare_cached(DUE)
        .and_then(|mut s| {
            s.query_map((account.0, now_secs), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("reading the journal")
}

/// The server's view of one stay of a message: what it has, under which id.
struct Spot {
    uid: i64,
    base: FlagSet,
    stay: Stay,
    placement: Option<Placement>,
}

/// Where a target acts: on the stay that it ends, or the one during which it was recorded.
fn spot(tx: &Connection, target: &Target) -> Result<Option<Spot>> {
    let at_least = if target.verb.departs() {
        target.key - 1
    } else {
        target.key
    };
    if let Some(left) = Leaving::after(tx, target.message, target.mailbox, at_least)?
        && (!target.verb.departs() || left.target == target.key)
    {
        return Ok(Some(Spot {
            uid: left.uid,
            base: left.base,
            stay: Stay::until(left.via, left.target),
            placement: None,
        }));
    }
    if target.verb.departs() {
        return Ok(None);
    }
    let placement = Placement::of(tx, target.message, target.mailbox)?;
    Ok(placement.map(|p| Spot {
        uid: p.uid,
        base: p.base.clone(),
        stay: Stay::here(p.via),
        placement: Some(p),
    }))
}

/// Takes what comes first for a message where it lies: changes of flags all at once, anything else
/// by itself, since its order matters.
pub(super) fn take(
    tx: &Connection,
    message: i64,
    mailbox: i64,
    now_secs: i64,
    can_move: bool,
) -> Result<Taken> {
    let open = Target::open_at(tx, message, mailbox)?;
    let Some(first) = open.first() else {
        return Ok(Taken::NotYet);
    };
    let is_flags = first.verb == Verb::Flags;
    let together: Vec<&Target> = if is_flags {
        open.iter().take_while(|t| t.verb == Verb::Flags).collect()
    } else {
        vec![first]
    };
    if together
        .iter()
        .any(|t| t.state != 0 || !is_due(t.next_try, now_secs))
    {
        return Ok(Taken::NotYet);
    }
    // What brings a message comes before what is done with it there, even where the mailbox has
    // shown it already: whether a copy was made is asked of the mailbox.
    if first.via != 0 && Target::of(tx, first.via)?.is_some_and(|t| t.state < SETTLED) {
        return Ok(Taken::NotYet);
    }
    let Some(spot) = spot(tx, first)? else {
        return Ok(if is_flags {
            Taken::NotYet
        } else {
            Taken::Gone(first.key)
        });
    };
    let era: Option<u32> = tx
        .prepare_cached(
            "SELECT uid_validity FROM mailbox WHERE key = ?1 AND server_name IS NOT NULL",
        )
        .and_then(|mut s| s.query_row([mailbox], |row| row.get(0)).optional())
        .doing("reading a folder")?
        .flatten();
    let uid = u32::try_from(spot.uid).ok().and_then(Uid::new);
    let (Some(uid), Some(uid_validity)) = (uid, era.and_then(UidValidity::new)) else {
        return Ok(Taken::NotYet);
    };
    let at = At {
        mailbox: MailboxKey(mailbox),
        uid_validity,
        uid,
    };
    if is_flags {
        return take_flags(tx, &together, &spot, at);
    }
    take_transfer(tx, first, at, can_move)
}

/// Where a claim acts on the server.
#[derive(Clone, Copy)]
struct At {
    mailbox: MailboxKey,
    uid_validity: UidValidity,
    uid: Uid,
}

fn take_flags(tx: &Connection, targets: &[&Target], spot: &Spot, at: At) -> Result<Taken> {
    if let Some(placement) = &spot.placement
        && note::cancel_out(tx, placement)?
    {
        return Ok(Taken::CancelledOut);
    }
    let (Some(first), Some(last)) = (targets.first(), targets.last()) else {
        return Ok(Taken::NotYet);
    };
    let mut open = pending(tx, first.message, first.mailbox, spot.stay)?;
    open.retain(|p| p.target.0 <= last.key);
    let change = fold::net(&spot.base, &open);
    let keys: Vec<TargetKey> = targets.iter().map(|t| TargetKey(t.key)).collect();
    let text = sql::change_text(&change);
    for (i, target) in keys.iter().enumerate() {
        mark_sent(tx, *target, if i == 0 { text.as_str() } else { "" })?;
    }
    Ok(Taken::Claim(Box::new(Claim {
        targets: keys,
        mailbox: at.mailbox,
        uid_validity: at.uid_validity,
        uid: Some(at.uid),
        message: MessageKey(first.message),
        work: Work::Flags(change),
    })))
}

fn take_transfer(tx: &Connection, target: &Target, at: At, can_move: bool) -> Result<Taken> {
    if target.after != 0 {
        match Target::of(tx, target.after)?.map(|t| t.state) {
            Some(SETTLED) | None => {}
            Some(_) => return Ok(Taken::NotYet),
        }
    }
    let to = MailboxKey(target.to_mailbox);
    if target.verb.arrives() && !is_on_server(tx, target.to_mailbox)? {
        return Ok(Taken::NotYet);
    }
    let (work, sent) = match (target.verb, target.sent.as_str()) {
        (Verb::Remove, _) => (
            Work::Remove {
                is_asked: target.after == 0,
            },
            SENT_REMOVE,
        ),
        (_, SENT_COPY) => (Work::Look { to }, SENT_COPY),
        (_, COPIED) => (Work::RemoveCopied, COPIED),
        (Verb::Move, _) if can_move => (Work::Move { to }, SENT_MOVE),
        (Verb::Move, _) => (Work::Copy { to, is_move: true }, SENT_COPY),
        _ => (Work::Copy { to, is_move: false }, SENT_COPY),
    };
    if target.verb.arrives() && target.sent.is_empty() {
        note_bound(tx, target.key)?;
    }
    mark_sent(tx, TargetKey(target.key), sent)?;
    Ok(Taken::Claim(Box::new(Claim {
        targets: vec![TargetKey(target.key)],
        mailbox: at.mailbox,
        uid_validity: at.uid_validity,
        uid: Some(at.uid),
        message: MessageKey(target.message),
        work,
    })))
}

pub(super) fn take_append(tx: &Connection, target: &Target) -> Result<Option<Claim>> {
    let Some(era) = mailboxes::cursor(tx, MailboxKey(target.to_mailbox))?
        .uid_validity
        .or(UidValidity::new(1))
        .filter(|_| target.to_mailbox != 0)
    else {
        return Ok(None);
    };
    if !is_on_server(tx, target.to_mailbox)? {
        return Ok(None);
    }
    let to = MailboxKey(target.to_mailbox);
    if target.sent != SENT_APPEND && !has_text(tx, target)? {
        return Ok(None);
    }
    let row = Placement::of(tx, target.made, to.0)?;
    let flags = match &row {
        Some(placement) => placement.base.clone(),
        None => sql::change(&target.effect).add,
    };
    let restored: Option<i64> = tx
        .prepare_cached("SELECT undoes FROM own.op_target WHERE key = ?1 AND mailbox = 0 AND from_account = account")
        .and_then(|mut s| s.query_row([target.key], |row| row.get(0)).optional())
        .doing("reading the journal")?;
    let work = if target.sent == SENT_APPEND {
        Work::Look { to }
    } else {
        Work::Append {
            source: Placed {
                message: MessageKey(target.message),
                mailbox: MailboxKey(target.mailbox),
            },
            source_account: AccountKey(target.from_account),
            kept: restored
                .filter(|k| *k != 0 && target.mailbox == 0)
                .map(TargetKey),
            flags,
            arrived: arrived(tx, target.made)?,
        }
    };
    mark_sent(tx, TargetKey(target.key), &target.sent)?;
    Ok(Some(Claim {
        targets: vec![TargetKey(target.key)],
        mailbox: to,
        uid_validity: era,
        uid: None,
        message: MessageKey(target.made),
        work,
    }))
}

/// Whether the bytes that an append needs are here; else the account they lie in fetches them.
fn has_text(tx: &Connection, target: &Target) -> Result<bool> {
    tx.prepare_cached(
        "SELECT 1 FROM whole WHERE message = ?1
         UNION ALL SELECT 1 FROM own.kept WHERE target =
           (SELECT undoes FROM own.op_target WHERE key = ?2)",
    )
    .and_then(|mut s| s.exists((target.message, target.key)))
    .doing("reading a text")
}

fn arrived(tx: &Connection, message: i64) -> Result<Option<Moment>> {
    tx.prepare_cached("SELECT arrived, arrived_offset FROM message WHERE key = ?1")
        .and_then(|mut s| {
            s.query_row([message], |row| {
                Ok(Moment {
                    unix_secs: row.get(0)?,
                    offset_mins: row.get(1)?,
                })
            })
            .optional()
        })
        .doing("reading a message")
}

fn is_on_server(tx: &Connection, mailbox: i64) -> Result<bool> {
    tx.prepare_cached("SELECT 1 FROM mailbox WHERE key = ?1 AND server_name IS NOT NULL")
        .and_then(|mut s| s.exists([mailbox]))
        .doing("reading a folder")
}

/// Notes, before it is sent, that a target is under way, and how.
fn mark_sent(tx: &Connection, target: TargetKey, sent: &str) -> Result<()> {
    tx.prepare_cached(
        "UPDATE own.op_target SET state = 1, attempts = attempts + 1, sent = ?2 WHERE key = ?1",
    )
    .and_then(|mut s| s.execute((target.0, sent)))
    .doing("taking changes to send")
    .map(drop)
}
