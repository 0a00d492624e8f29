//! Taking operations back and doing them again.
//!
//! Called by `engine` and `cli`. What the server was never told of is cancelled without a word to
//! it; everything else is taken back by an operation of its own, which can be redone.

use super::journal::{Deed, NewOp, Noted, To, Wish};
use super::keys::What;
use super::messages::Home;
use super::note::{kind as kind_of, note};
use super::sql::{self, Doing};
use super::target::{CANCELLED, Target, Verb, close_with_heirs};
use super::tree_ops::{self, NewTree};
use super::{Recorded, Result, Writer};
use crate::model::{OpKey, OpKind};
use rusqlite::{Connection, OptionalExtension};

/// What taking an operation back comes to.
#[derive(Default)]
struct Back {
    wishes: Vec<Wish>,
    tree: Vec<NewTree>,
    /// Targets the server was never told of.
    cancelled: Vec<i64>,
    /// Accounts whose tree has a change less.
    trees: Vec<i64>,
    /// What cannot be taken back, and why.
    lost: usize,
    why: &'static str,
}

impl Writer {
    /// Takes back the last operation that is not an undo and was not taken back. `None`: nothing to undo.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn undo(&mut self, now_secs: i64) -> Result<Option<Recorded>> {
        let Some((op, ..)) = last_done(&self.conn)? else {
            return Ok(None);
        };
        self.reserve_for(op)?;
        let noted = self.write_journal("undoing a change", |tx| {
            let Some((op, kind, label)) = last_done(tx)? else {
                return Ok(None);
            };
            take_back(tx, op, &kind, &label, now_secs).map(Some)
        })?;
        noted
            .map(|(noted, label)| self.show(noted, label, String::new()))
            .transpose()
    }

    /// Takes back of an operation what the server was never told of. `None`: there is no such.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn cancel(&mut self, op: OpKey) -> Result<Option<Recorded>> {
        let noted = self.write_journal("cancelling a change", |tx| {
            let Some(label) = label_of(tx, op.0)? else {
                return Ok(None);
            };
            let unknown: Vec<i64> = Target::of_op(tx, op.0)?
                .iter()
                .filter(|t| t.is_unknown_to_server())
                .map(|t| t.key)
                .collect();
            let mut back = Back {
                cancelled: unknown,
                ..Back::default()
            };
            back.trees = tree_ops::cancel(tx, op.0)?;
            let mut noted = Noted::default();
            close(tx, &mut noted, &back)?;
            if noted.is_nothing() {
                return Ok(Some((
                    noted,
                    format!("Cannot be cancelled: the server was told already: {label}"),
                )));
            }
            if !is_open(tx, op.0)? {
                mark_undone(tx, op.0)?;
            }
            noted.op = op.0;
            Ok(Some((noted, format!("Cancelled: {}", lower_first(&label)))))
        })?;
        noted
            .map(|(noted, label)| self.show(noted, label, String::new()))
            .transpose()
    }

    /// Makes what waits of an operation due at once.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn retry(&mut self, op: OpKey) -> Result<()> {
        self.write_journal("retrying a change", |tx| {
            for sql in [
                "UPDATE own.op_target SET next_try = 0 WHERE op = ?1 AND state < 2",
                "UPDATE own.op_tree SET next_try = 0 WHERE op = ?1 AND state < 2",
            ] {
                tx.execute(sql, [op.0]).doing("retrying a change")?;
            }
            Ok(())
        })
    }

    /// Does again what was undone last, unless something else was done since.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn redo(&mut self, now_secs: i64) -> Result<Option<Recorded>> {
        let Some((_, op, ..)) = last_undone(&self.conn)? else {
            return Ok(None);
        };
        self.reserve_for(op)?;
        let noted = self.write_journal("redoing a change", |tx| {
            let Some((undo, op, kind, label)) = last_undone(tx)? else {
                return Ok(None);
            };
            let mut tree = Vec::new();
            let wishes = again(tx, undo, op, &mut tree)?;
            tree.extend(tree_ops::again(tx, op)?);
            let new = NewOp {
                kind: &kind,
                now_secs,
                undoes: None,
                redoes: Some(undo),
                is_automatic: false,
            };
            let noted = note(tx, &new, &wishes, &tree, |_| label.clone(), true)?;
            mark_undone(tx, undo)?;
            Ok(Some((noted, format!("Redone: {}", lower_first(&label)))))
        })?;
        noted
            .map(|(noted, label)| self.show(noted, label, String::new()))
            .transpose()
    }

    /// Makes sure that there are keys for the copies that an undo or a redo may make.
    fn reserve_for(&mut self, op: i64) -> Result<()> {
        let count: i64 = self
            .conn
            .query_row(
                "SELECT count(*) FROM own.op_target WHERE op = ?1",
                [op],
                |row| row.get(0),
            )
            .doing("reading the journal")?;
        self.reserve(What::Message, usize::try_from(count).unwrap_or(0))?;
        self.reserve(What::Mailbox, 100)
    }
}

fn take_back(
    tx: &Connection,
    op: i64,
    kind: &OpKind,
    label: &str,
    now_secs: i64,
) -> Result<(Noted, String)> {
    let mut back = Back::default();
    let targets = Target::done_of_op(tx, op)?;
    for target in targets.iter().rev() {
        take_back_one(tx, target, &targets, &mut back)?;
    }
    let (trees, lost) = tree_ops::take_back(tx, op, &mut back.tree)?;
    back.trees = trees;
    if lost > 0 {
        back.lost += lost;
        back.why = "the folder held messages, and they are gone for good";
    }
    let inverse = match kind {
        OpKind::Flags(change) => OpKind::Flags(change.inverse()),
        other => other.clone(),
    };
    let new = NewOp {
        kind: &inverse,
        now_secs,
        undoes: Some(op),
        redoes: None,
        is_automatic: false,
    };
    let wanted = back.wishes.len();
    let is_any = wanted + back.tree.len() + back.cancelled.len() + back.trees.len() > 0;
    let told = format!("Undone: {}", lower_first(label));
    if !is_any {
        mark_undone(tx, op)?;
        let why = format!("Cannot be undone: {}: {}", lower_first(label), back.why);
        return Ok((Noted::default(), why));
    }
    let mut noted = Noted::default();
    close(tx, &mut noted, &back)?;
    let done = note(tx, &new, &back.wishes, &back.tree, |_| told.clone(), true)?;
    let lost = back.lost + wanted.saturating_sub(done.count);
    if back.why.is_empty() {
        back.why = "it is no longer there";
    }
    noted.op = done.op;
    noted.count = done.count;
    noted.touched.extend(done.touched);
    noted.leaving.extend(done.leaving);
    noted.places.extend(done.places);
    noted.marked.extend(done.marked);
    noted.accounts.extend(done.accounts);
    noted.trees.extend(done.trees);
    mark_undone(tx, op)?;
    // Flags that are as they were already are no loss.
    let lost = if matches!(kind, OpKind::Flags(_) | OpKind::ReadAll(_)) {
        0
    } else {
        lost
    };
    let text = match lost {
        0 => told,
        n => format!("{told}; not of {n}: {}", back.why),
    };
    Ok((noted, text))
}

/// Closes what the server was never told of; the rows are shown later.
fn close(tx: &Connection, noted: &mut Noted, back: &Back) -> Result<()> {
    let closed = close_with_heirs(tx, back.cancelled.iter().copied(), CANCELLED, "")?;
    noted.touched.extend(closed);
    noted.trees.extend(back.trees.iter().copied());
    Ok(())
}

fn take_back_one(tx: &Connection, target: &Target, all: &[Target], back: &mut Back) -> Result<()> {
    let mut wish = |message: i64, mailbox: i64, what: Deed| {
        back.wishes.push(Wish {
            message,
            mailbox,
            what,
            undoes: target.key,
        });
    };
    match target.verb {
        Verb::Flags => {
            let effect = sql::change(&target.effect).inverse();
            wish(target.message, target.mailbox, Deed::Flags(effect));
        }
        _ if target.is_unknown_to_server() => back.cancelled.push(target.key),
        Verb::Move => match home_of(tx, target)? {
            Some(to) => wish(target.made, target.to_mailbox, Deed::Transfer(to, true)),
            None => {
                back.lost += 1;
                back.why = "the folder it came from is no longer there";
            }
        },
        Verb::Copy => wish(target.made, target.to_mailbox, Deed::Remove),
        Verb::Append => {
            let removal = all.iter().find(|t| t.after == target.key);
            match removal {
                Some(removal) if !removal.is_unknown_to_server() => match home_of(tx, removal)? {
                    Some(to) => wish(target.made, target.to_mailbox, Deed::Transfer(to, true)),
                    None => {
                        back.lost += 1;
                        back.why = "the folder it came from is no longer there";
                    }
                },
                _ => wish(target.made, target.to_mailbox, Deed::Remove),
            }
        }
        // Goes with the copy that it belongs to.
        Verb::Remove if target.after != 0 => {}
        Verb::Remove => match home_of(tx, target)? {
            Some(to) if target.is_kept => {
                let deed = Deed::Restore(to, target.effect.clone());
                wish(target.message, target.mailbox, deed);
            }
            _ => {
                back.lost += 1;
                back.why = "the server deleted it for good, and its text was not kept";
            }
        },
    }
    Ok(())
}

/// The mailbox that a target took its message from, if it is still there.
fn home_of(tx: &Connection, target: &Target) -> Result<Option<To>> {
    mailbox_at(tx, target.from_account, target.mailbox)
}

fn mailbox_at(tx: &Connection, account: i64, mailbox: i64) -> Result<Option<To>> {
    let is_there = tx
        .prepare_cached("SELECT 1 FROM mailbox WHERE key = ?1 AND is_gone = 0")
        .and_then(|mut s| s.exists([mailbox]))
        .doing("reading a folder")?;
    if !is_there {
        return Ok(None);
    }
    let name = Home::any(tx, mailbox)?.name;
    Ok(Some(To {
        account,
        mailbox,
        name,
    }))
}

/// What an operation that was undone means for its messages where they lie now.
fn again(tx: &Connection, undo: i64, op: i64, tree: &mut Vec<NewTree>) -> Result<Vec<Wish>> {
    let undone = Target::of_op(tx, undo)?;
    let targets: Vec<Target> = Target::of_op(tx, op)?
        .into_iter()
        .filter(|t| t.state != super::target::REJECTED)
        .collect();
    let mut wishes = Vec::new();
    for target in &targets {
        let (mut message, mut mailbox) = (target.message, target.mailbox);
        // What was taken back by a copy from elsewhere is another message here.
        if let Some(copy) = undone.iter().find(|u| {
            u.verb == Verb::Append
                && u.made != 0
                && undoes(tx, u.key).is_ok_and(|k| k == target.key)
        }) {
            (message, mailbox) = (copy.made, copy.to_mailbox);
        }
        let what = match target.verb {
            Verb::Flags => Deed::Flags(sql::change(&target.effect)),
            Verb::Remove if target.after != 0 => continue,
            Verb::Remove => Deed::Remove,
            Verb::Move => Deed::Transfer(again_to(tx, target, tree)?, true),
            Verb::Copy => Deed::Transfer(again_to(tx, target, tree)?, false),
            Verb::Append => {
                let is_move = targets.iter().any(|t| t.after == target.key);
                Deed::Transfer(again_to(tx, target, tree)?, is_move)
            }
        };
        wishes.push(Wish {
            message,
            mailbox,
            what,
            undoes: 0,
        });
    }
    Ok(wishes)
}

/// Where a target brings its message; made again where that was taken back, too.
fn again_to(tx: &Connection, target: &Target, tree: &mut Vec<NewTree>) -> Result<To> {
    if let Some(to) = mailbox_at(tx, target.to_account, target.to_mailbox)? {
        return Ok(to);
    }
    let new = NewTree::create(target.to_account, &target.to_name, None);
    if !tree.iter().any(|t| t.name == new.name) && !tree_ops::is_made_by(tx, target.op)? {
        tree.push(new);
    }
    Ok(To {
        account: target.to_account,
        mailbox: 0,
        name: target.to_name.clone(),
    })
}

fn undoes(tx: &Connection, key: i64) -> Result<i64> {
    tx.prepare_cached("SELECT undoes FROM own.op_target WHERE key = ?1")
        .and_then(|mut s| s.query_row([key], |row| row.get(0)))
        .doing("reading the journal")
}

/// The last operation that can be undone: its key, kind and label.
fn last_done(tx: &Connection) -> Result<Option<(i64, OpKind, String)>> {
    tx.prepare_cached(
        "SELECT key, argument, label FROM own.op o WHERE undoes IS NULL AND is_undone = 0
           AND is_automatic = 0
           AND (EXISTS (SELECT 1 FROM own.op_target WHERE op = o.key AND state < 3)
             OR EXISTS (SELECT 1 FROM own.op_tree WHERE op = o.key AND state < 3))
         ORDER BY key DESC LIMIT 1",
    )
    .and_then(|mut s| {
        s.query_row((), |row| {
            let argument: String = row.get(1)?;
            Ok((row.get(0)?, kind_of(&argument), row.get(2)?))
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
            Ok((row.get(0)?, row.get(1)?, kind_of(&argument), row.get(3)?))
        })
        .optional()
    })
    .doing("reading the journal")
}

fn label_of(tx: &Connection, op: i64) -> Result<Option<String>> {
    tx.prepare_cached("SELECT label FROM own.op WHERE key = ?1")
        .and_then(|mut s| s.query_row([op], |row| row.get(0)).optional())
        .doing("reading the journal")
}

fn is_open(tx: &Connection, op: i64) -> Result<bool> {
    tx.prepare_cached(
        "SELECT 1 FROM own.op_target WHERE op = ?1 AND state < 3
         UNION ALL SELECT 1 FROM own.op_tree WHERE op = ?1 AND state < 3",
    )
    .and_then(|mut s| s.exists([op]))
    .doing("reading the journal")
}

fn mark_undone(tx: &Connection, op: i64) -> Result<()> {
    tx.prepare_cached("UPDATE own.op SET is_undone = 1 WHERE key = ?1")
        .and_then(|mut s| s.execute([op]))
        .doing("recording a change")
        .map(drop)
}

fn lower_first(label: &str) -> String {
    let mut chars = label.chars();
    chars
        .next()
        .map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
