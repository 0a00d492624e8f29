//! The journal: recording what the user wants, taking it back, doing it again.
//!
//! Called by `engine` for every change. An operation must be in `own.db`, on the disk, before any
//! row shows it; see the module above for the order of the files.

use super::messages::Home;
use super::placements::{Placement, Tally, pending};
use super::sql::{self, Doing};
use super::{Recorded, Result, Writer, fold};
use crate::model::{AccountKey, FlagChange, MailboxKey, OpKey, OpKind, Placed};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted of one message where it lies.
struct Wish {
    message: i64,
    mailbox: i64,
    change: FlagChange,
}

/// An operation to be written.
struct NewOp<'a> {
    kind: &'a OpKind,
    now_secs: i64,
    undoes: Option<i64>,
    redoes: Option<i64>,
    is_automatic: bool,
}

/// An operation that was written.
#[derive(Default)]
struct Noted {
    op: i64,
    /// Where it changes something: message and mailbox.
    places: Vec<(i64, i64)>,
    accounts: BTreeSet<i64>,
}

impl Writer {
    /// Records a change: operation, targets and refolded rows, durable before it returns. Only what
    /// really changes something is recorded.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing was changed then.
    pub fn record(&mut self, kind: &OpKind, targets: &[Placed], now_secs: i64) -> Result<Recorded> {
        self.record_as(kind, targets, now_secs, false)
    }

    /// The same for what nobody asked for: a message marked as read by being read. Undo and redo
    /// pass it over.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing was changed then.
    pub fn record_automatic(
        &mut self,
        kind: &OpKind,
        targets: &[Placed],
        now_secs: i64,
    ) -> Result<Recorded> {
        self.record_as(kind, targets, now_secs, true)
    }

    fn record_as(
        &mut self,
        kind: &OpKind,
        targets: &[Placed],
        now_secs: i64,
        is_automatic: bool,
    ) -> Result<Recorded> {
        let OpKind::Flags(change) = kind else {
            return Err(super::Error::Busy);
        };
        let wishes: Vec<Wish> = targets
            .iter()
            .map(|t| (t.message.0, t.mailbox.0))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|(message, mailbox)| Wish {
                message,
                mailbox,
                change: change.clone(),
            })
            .collect();
        let noted = self.write_journal("recording a change", |tx| {
            let op = NewOp {
                kind,
                now_secs,
                undoes: None,
                redoes: None,
                is_automatic,
            };
            note(tx, &op, &wishes, |count| kind.label(count), false)
        })?;
        let label = if noted.places.is_empty() {
            "Nothing to change".to_owned()
        } else {
            kind.label(noted.places.len())
        };
        self.show(noted, label)
    }

    /// Takes back the last operation that is not an undo and was not taken back. `None`: nothing to undo.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn undo(&mut self, now_secs: i64) -> Result<Option<Recorded>> {
        let noted = self.write_journal("undoing a change", |tx| {
            let Some((op, kind, label)) = last_done(tx)? else {
                return Ok(None);
            };
            let wishes = wishes_of(tx, op, FlagChange::inverse)?;
            let label = format!("Undone: {}", lower_first(&label));
            let OpKind::Flags(change) = kind else {
                return Err(super::Error::Busy);
            };
            let new = NewOp {
                kind: &OpKind::Flags(change.inverse()),
                now_secs,
                undoes: Some(op),
                redoes: None,
                is_automatic: false,
            };
            let noted = note(tx, &new, &wishes, |_| label.clone(), true)?;
            mark_undone(tx, op)?;
            Ok(Some((noted, label)))
        })?;
        noted
            .map(|(noted, label)| self.show(noted, label))
            .transpose()
    }

    /// Does again what was undone last, unless something else was done since.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn redo(&mut self, now_secs: i64) -> Result<Option<Recorded>> {
        let noted = self.write_journal("redoing a change", |tx| {
            let Some((undo, op, kind, label)) = last_undone(tx)? else {
                return Ok(None);
            };
            let wishes = wishes_of(tx, op, FlagChange::clone)?;
            let new = NewOp {
                kind: &kind,
                now_secs,
                undoes: None,
                redoes: Some(undo),
                is_automatic: false,
            };
            let noted = note(tx, &new, &wishes, |_| label.clone(), true)?;
            mark_undone(tx, undo)?;
            Ok(Some((noted, format!("Redone: {}", lower_first(&label)))))
        })?;
        noted
            .map(|(noted, label)| self.show(noted, label))
            .transpose()
    }

    /// The second half of a change: the rows show it.
    fn show(&mut self, noted: Noted, label: String) -> Result<Recorded> {
        let changed = refold(self, &noted.places)?;
        Ok(Recorded {
            op: (!noted.places.is_empty()).then_some(OpKey(noted.op)),
            label,
            undo: String::new(),
            changed,
            accounts: noted.accounts.into_iter().map(AccountKey).collect(),
        })
    }
}

/// Folds placements anew in a transaction of its own; the mailboxes that changed.
pub(super) fn refold(writer: &mut Writer, places: &[(i64, i64)]) -> Result<Vec<MailboxKey>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    writer.write("showing a change", |tx| {
        let mut tally = Tally::default();
        for (message, mailbox) in places {
            if let Some(old) = Placement::of(tx, *message, *mailbox)? {
                old.clone().refold(tx, &old, &[], &mut tally)?;
            }
        }
        tally.write(tx)?;
        Ok(tally.changed())
    })
}

/// Writes an operation with a target for each wish that changes something. One without any is
/// written only if it `is_kept`, so that undo and redo find their way.
fn note(
    tx: &Connection,
    new: &NewOp<'_>,
    wishes: &[Wish],
    label: impl Fn(usize) -> String,
    is_kept: bool,
) -> Result<Noted> {
    let mut real: Vec<(Placement, FlagChange)> = Vec::new();
    for wish in wishes {
        if let Some(placement) = Placement::of(tx, wish.message, wish.mailbox)? {
            let effect = wish.change.effect_on(&placement.flags);
            if !effect.is_empty() {
                real.push((placement, effect));
            }
        }
    }
    if real.is_empty() && !is_kept {
        return Ok(Noted::default());
    }
    let op = add_op(tx, new, &label(real.len())).doing("recording a change")?;
    let mut noted = Noted {
        op,
        ..Noted::default()
    };
    let mut homes: BTreeMap<i64, Home> = BTreeMap::new();
    for (placement, effect) in &real {
        let home = match homes.entry(placement.mailbox) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(gap) => {
                gap.insert(Home::any(tx, placement.mailbox)?)
            }
        };
        add_target(tx, op, home, placement, effect).doing("recording a change")?;
        noted.places.push((placement.message, placement.mailbox));
        if !cancel_out(tx, placement)? {
            noted.accounts.insert(home.account);
        }
    }
    Ok(noted)
}

fn add_op(tx: &Connection, new: &NewOp<'_>, label: &str) -> rusqlite::Result<i64> {
    let OpKind::Flags(change) = new.kind else {
        return Ok(0);
    };
    tx.prepare_cached(
        "INSERT INTO own.op (kind, argument, label, created_at, undoes, redoes, is_automatic)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .insert((
        new.kind.name(),
        sql::change_text(change),
        label,
        new.now_secs,
        new.undoes,
        new.redoes,
        new.is_automatic,
    ))
}

fn add_target(
    tx: &Connection,
    op: i64,
    home: &Home,
    placement: &Placement,
    effect: &FlagChange,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO own.op_target (op, account, mailbox, message, mailbox_name, uid_validity, uid,
           message_id, effect)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
           coalesce((SELECT message_id FROM message WHERE key = ?4), ''), ?8)",
    )?
    .execute((
        op,
        home.account,
        placement.mailbox,
        placement.message,
        &home.name,
        home.uid_validity,
        placement.uid.max(0),
        sql::change_text(effect),
    ))
    .map(drop)
}

/// Settles the open targets of a message at once where they cancel out and none of them was ever
/// sent. Whether they did.
pub(super) fn cancel_out(tx: &Connection, placement: &Placement) -> Result<bool> {
    let open = pending(tx, placement.message, placement.mailbox)?;
    let may_be_known = open.iter().any(|p| p.is_in_flight || !p.sent.is_empty());
    if may_be_known || !fold::net(&placement.base, &open).is_empty() {
        return Ok(false);
    }
    tx.prepare_cached(
        "UPDATE own.op_target SET state = 2 WHERE message = ?1 AND mailbox = ?2 AND state = 0",
    )
    .and_then(|mut s| s.execute((placement.message, placement.mailbox)))
    .doing("settling changes that cancel out")?;
    Ok(true)
}

/// The last operation that can be undone: its key, kind and label.
fn last_done(tx: &Connection) -> Result<Option<(i64, OpKind, String)>> {
    tx.prepare_cached(
        "SELECT key, argument, label FROM own.op o WHERE undoes IS NULL AND is_undone = 0
           AND is_automatic = 0
           AND EXISTS (SELECT 1 FROM own.op_target WHERE op = o.key AND state < 3)
         ORDER BY key DESC LIMIT 1",
    )
    .and_then(|mut s| {
        s.query_row((), |row| {
            let argument: String = row.get(1)?;
            Ok((
                row.get(0)?,
                OpKind::Flags(sql::change(&argument)),
                row.get(2)?,
            ))
        })
        .optional()
    })
    .doing("reading the journal")
}

/// The last undo that can be taken back, if nothing new was done since: its key, and key, kind and
/// label of what it undid.
fn last_undone(tx: &Connection) -> Result<Option<(i64, i64, OpKind, String)>> {
    tx.prepare_cached(
        "SELECT u.key, o.key, o.argument, o.label FROM own.op u JOIN own.op o ON o.key = u.undoes
         WHERE u.is_undone = 0 AND NOT EXISTS (SELECT 1 FROM own.op n
           WHERE n.key > u.key AND n.undoes IS NULL AND n.redoes IS NULL
             AND n.is_automatic = 0)
         ORDER BY u.key DESC LIMIT 1",
    )
    .and_then(|mut s| {
        s.query_row((), |row| {
            let argument: String = row.get(2)?;
            let kind = OpKind::Flags(sql::change(&argument));
            Ok((row.get(0)?, row.get(1)?, kind, row.get(3)?))
        })
        .optional()
    })
    .doing("reading the journal")
}

fn mark_undone(tx: &Connection, op: i64) -> Result<()> {
    tx.prepare_cached("UPDATE own.op SET is_undone = 1 WHERE key = ?1")
        .and_then(|mut s| s.execute([op]))
        .doing("recording a change")
        .map(drop)
}

/// What each target of an operation did, turned by `turn`; without what was refused.
fn wishes_of(
    tx: &Connection,
    op: i64,
    turn: impl Fn(&FlagChange) -> FlagChange,
) -> Result<Vec<Wish>> {
    tx.prepare_cached(
        "SELECT message, mailbox, effect FROM own.op_target WHERE op = ?1 AND state < 3",
    )
    .and_then(|mut s| {
        s.query_map([op], |row| {
            let effect: String = row.get(2)?;
            Ok(Wish {
                message: row.get(0)?,
                mailbox: row.get(1)?,
                change: turn(&sql::change(&effect)),
            })
        })?
        .collect()
    })
    .doing("reading the journal")
}

fn lower_first(label: &str) -> String {
    let mut chars = label.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}

/// The ids in this mailbox that the journal waits for since `mirror.db` was lost.
pub(super) fn unbound(tx: &Connection, home: &Home) -> Result<BTreeSet<i64>> {
    tx.prepare_cached(
        "SELECT uid FROM own.op_target WHERE message = 0 AND mailbox = 0 AND account = ?1
           AND mailbox_name = ?2 AND uid_validity = ?3",
    )
    .and_then(|mut s| {
        s.query_map((home.account, &home.name, home.uid_validity), |row| {
            row.get(0)
        })?
        .collect()
    })
    .doing("reading the journal")
}

/// Binds targets that waited for that id to the message that has it.
pub(super) fn bind(tx: &Connection, home: &Home, uid: i64, message: i64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE own.op_target SET message = ?5, mailbox = ?6 WHERE message = 0 AND mailbox = 0
           AND account = ?1 AND mailbox_name = ?2 AND uid_validity = ?3 AND uid = ?4",
    )
    .and_then(|mut s| {
        s.execute((
            home.account,
            &home.name,
            home.uid_validity,
            uid,
            message,
            home.mailbox,
        ))
    })
    .doing("binding the journal")
    .map(drop)
}

/// Gives targets the new durable name of their message.
pub(super) fn rename_targets(
    tx: &Connection,
    message: i64,
    mailbox: i64,
    uid_validity: i64,
    uid: i64,
) -> Result<()> {
    tx.prepare_cached(
        "UPDATE own.op_target SET uid_validity = ?3, uid = ?4 WHERE message = ?1 AND mailbox = ?2",
    )
    .and_then(|mut s| s.execute((message, mailbox, uid_validity, uid)))
    .doing("binding the journal")
    .map(drop)
}

/// Refuses what waits for messages that are gone from a mailbox.
pub(super) fn reject_gone(
    writer: &mut Writer,
    mailbox: MailboxKey,
    messages: &[i64],
) -> Result<()> {
    writer.write_journal("writing the journal", |tx| {
        let reason = gone(tx, mailbox.0)?;
        for message in messages {
            tx.prepare_cached(
                "UPDATE own.op_target SET state = 3, reason = ?3
                 WHERE message = ?1 AND mailbox = ?2 AND state < 2",
            )
            .and_then(|mut s| s.execute((message, mailbox.0, &reason)))
            .doing("writing the journal")?;
        }
        Ok(())
    })
}

/// Refuses everything that waits for a mailbox.
pub(super) fn reject_of_mailbox(
    writer: &mut Writer,
    mailbox: MailboxKey,
    reason: &str,
) -> Result<()> {
    let doing = "writing the journal";
    let waits = writer
        .conn
        .prepare_cached("SELECT 1 FROM own.op_target WHERE state < 2 AND mailbox = ?1")
        .and_then(|mut s| s.exists([mailbox.0]))
        .doing(doing)?;
    if !waits {
        return Ok(());
    }
    writer.write_journal(doing, |tx| {
        tx.execute(
            "UPDATE own.op_target SET state = 3, reason = ?2 WHERE state < 2 AND mailbox = ?1",
            (mailbox.0, reason),
        )
        .doing(doing)
        .map(drop)
    })
}

/// Refuses what waits for messages that the mailbox, now completely known, does not hold.
pub(super) fn reject_lost(writer: &mut Writer, mailbox: MailboxKey) -> Result<()> {
    let lost = lost(&writer.conn, mailbox).doing("reading the journal")?;
    if lost.is_empty() {
        return Ok(());
    }
    writer.write_journal("writing the journal", |tx| {
        let reason = gone(tx, mailbox.0)?;
        for target in lost {
            tx.prepare_cached(
                "UPDATE own.op_target SET state = 3, reason = ?2 WHERE key = ?1 AND state < 2",
            )
            .and_then(|mut s| s.execute((target, &reason)))
            .doing("writing the journal")?;
        }
        Ok(())
    })
}

fn lost(conn: &Connection, mailbox: MailboxKey) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(
        "SELECT t.key FROM own.op_target t, mailbox m WHERE m.key = ?1 AND t.state < 2
           AND (t.mailbox = m.key OR t.mailbox = 0 AND t.account = m.account
             AND t.mailbox_name = m.name)
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = t.message
             AND p.mailbox = t.mailbox)",
    )?
    .query_map([mailbox.0], |row| row.get(0))?
    .collect()
}

fn gone(conn: &Connection, mailbox: i64) -> Result<String> {
    let name = Home::any(conn, mailbox)?.name;
    Ok(format!("the message is no longer in the folder {name}"))
}

/// After a crash: binds what can be bound, refuses what waits for nothing, folds what was pending.
/// Only reads where nothing is wrong.
pub(super) fn repair(writer: &mut Writer) -> Result<()> {
    let loose = loose(&writer.conn).doing("repairing after a crash")?;
    if !loose.is_empty() {
        writer.write_journal("repairing after a crash", |tx| {
            for (target, mailbox, message) in loose {
                tx.execute(
                    "UPDATE own.op_target SET mailbox = ?2, message = ?3 WHERE key = ?1",
                    (target, mailbox, message),
                )
                .doing("repairing after a crash")?;
            }
            Ok(())
        })?;
    }
    let places: Vec<(i64, i64)> = writer
        .conn
        .prepare_cached(
            "SELECT message, mailbox FROM own.op_target WHERE state < 2 AND message <> 0
             UNION SELECT message, mailbox FROM placement WHERE is_pending = 1",
        )
        .and_then(|mut s| {
            s.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("repairing after a crash")?;
    let mut wrong = Vec::new();
    for (message, mailbox) in places {
        match Placement::of(&writer.conn, message, mailbox)? {
            None => reject_gone(writer, MailboxKey(mailbox), &[message])?,
            Some(p) => {
                let open = pending(&writer.conn, message, mailbox)?;
                if fold::visible(&p.base, &open) != p.flags || open.is_empty() == p.is_pending {
                    wrong.push((message, mailbox));
                }
            }
        }
    }
    refold(writer, &wrong).map(drop)
}

/// Unbound targets whose message is there after all: target, mailbox, message.
fn loose(conn: &Connection) -> rusqlite::Result<Vec<(i64, i64, i64)>> {
    conn.prepare_cached(
        "SELECT t.key, m.key, p.message FROM own.op_target t
           CROSS JOIN mailbox m ON m.account = t.account AND m.name = t.mailbox_name
             AND m.uid_validity = t.uid_validity
           CROSS JOIN placement p ON p.mailbox = m.key AND p.uid = t.uid
         WHERE t.message = 0 AND t.mailbox = 0",
    )?
    .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
    .collect()
}
