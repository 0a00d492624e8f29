//! Writing an operation to the journal: one row for what the user did, one for each change it is.
//!
//! Called by `journal` and `undo`, inside their transactions. Only what really changes something
//! must be written.

use super::Result;
use super::fold;
use super::journal::{Deed, NewOp, Noted, To, Wish};
use super::keys::{self, What};
use super::messages::Home;
use super::placements::{Placement, Stay, pending};
use super::sql::{self, Doing};
use super::target::{SETTLED, Verb, set_state};
use super::tree_ops::{self, NewTree};
use crate::model::OpKind;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Writes an operation with a target for each wish that changes something. One without any is
/// written only if it `is_kept`, so that undo and redo find their way.
pub(super) fn note(
    tx: &Connection,
    new: &NewOp<'_>,
    wishes: &[Wish],
    tree: &[NewTree],
    label: impl Fn(usize) -> String,
    is_kept: bool,
) -> Result<Noted> {
    let mut real: Vec<(Placement, &Wish, Deed)> = Vec::new();
    let mut restored: Vec<&Wish> = Vec::new();
    for wish in wishes {
        if matches!(wish.what, Deed::Restore(..)) {
            restored.push(wish);
            continue;
        }
        let Some(placement) = Placement::of(tx, wish.message, wish.mailbox)? else {
            continue;
        };
        let what = match &wish.what {
            Deed::Flags(change) => {
                let effect = change.effect_on(&placement.flags);
                if effect.is_empty() {
                    continue;
                }
                Deed::Flags(effect)
            }
            other => other.clone(),
        };
        real.push((placement, wish, what));
    }
    // Copies stand in the order in which the messages stood.
    real.sort_by_key(|(p, ..)| (p.mailbox, p.arrived, p.uid));
    let count = real.len() + restored.len();
    if count == 0 && tree.is_empty() && !is_kept {
        return Ok(Noted::default());
    }
    let op = add_op(tx, new, &label(count)).doing("recording a change")?;
    let mut noted = Noted {
        op,
        count,
        ..Noted::default()
    };
    for change in tree {
        if count > 0 {
            noted.made.push(change.name.clone());
        }
        tree_ops::add(tx, op, change)?;
        noted.trees.insert(change.account);
        noted.accounts.insert(change.account);
    }
    let mut homes: BTreeMap<i64, Home> = BTreeMap::new();
    for (placement, wish, what) in real {
        let home = match homes.entry(placement.mailbox) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(gap) => {
                gap.insert(Home::any(tx, placement.mailbox)?)
            }
        };
        note_one(tx, &mut noted, home, &placement, wish.undoes, &what)?;
    }
    for wish in restored {
        note_restored(tx, &mut noted, wish)?;
    }
    Ok(noted)
}

/// Writes the targets for one message.
fn note_one(
    tx: &Connection,
    noted: &mut Noted,
    home: &Home,
    placement: &Placement,
    undoes: i64,
    what: &Deed,
) -> Result<()> {
    let row = NewTarget {
        op: noted.op,
        home,
        placement,
        undoes,
        verb: Verb::Flags,
        effect: String::new(),
        to: None,
        made: 0,
        after: 0,
    };
    match what {
        Deed::Flags(effect) => {
            let text = sql::change_text(effect);
            NewTarget {
                effect: text,
                ..row
            }
            .add(tx)?;
            if !placement.is_pending {
                // Nothing waits that it could cancel out, nor be folded with.
                let mut flags = placement.flags.clone();
                flags.apply(effect);
                noted.marked.push((placement.clone(), flags));
                noted.accounts.insert(home.account);
                return Ok(());
            }
            noted.places.push((placement.message, placement.mailbox));
            if !cancel_out(tx, placement)? {
                noted.accounts.insert(home.account);
            }
        }
        Deed::Transfer(to, is_move) => note_transfer(tx, noted, row, to, *is_move)?,
        Deed::Remove => {
            let verb = Verb::Remove;
            let key = NewTarget { verb, ..row }.add(tx)?;
            noted.leaving.push((key, placement.clone()));
            noted.accounts.insert(home.account);
            noted.sources.insert(home.name.clone());
        }
        Deed::Restore(..) => {}
    }
    Ok(())
}

/// Writes the targets that bring one message somewhere else.
fn note_transfer(
    tx: &Connection,
    noted: &mut Noted,
    row: NewTarget<'_>,
    to: &To,
    is_move: bool,
) -> Result<()> {
    let home = row.home;
    noted.sources.insert(home.name.clone());
    let to_here = Some(to);
    if to.account == home.account {
        noted.accounts.insert(home.account);
        if is_move {
            let key = NewTarget {
                verb: Verb::Move,
                to: to_here,
                made: row.placement.message,
                ..row
            };
            noted.leaving.push((key.add(tx)?, row.placement.clone()));
            return Ok(());
        }
        let copy = NewTarget {
            verb: Verb::Copy,
            to: to_here,
            made: take_key(tx)?,
            ..row
        };
        noted.touched.push(copy.add(tx)?);
        return Ok(());
    }
    let append = NewTarget {
        verb: Verb::Append,
        to: to_here,
        made: take_key(tx)?,
        ..row
    };
    let key = append.add(tx)?;
    noted.touched.push(key);
    noted.accounts.insert(to.account);
    // Its text may have to be fetched first.
    noted.accounts.insert(home.account);
    if is_move {
        let remove = NewTarget {
            verb: Verb::Remove,
            after: key,
            to: None,
            made: 0,
            ..append
        };
        noted.touched.push(remove.add(tx)?);
    }
    Ok(())
}

/// Writes the target that puts a deleted message back.
fn note_restored(tx: &Connection, noted: &mut Noted, wish: &Wish) -> Result<()> {
    let Deed::Restore(to, effect) = &wish.what else {
        return Ok(());
    };
    let key = tx
        .prepare_cached(
            "INSERT INTO own.op_target (op, account, mailbox, message, mailbox_name, uid_validity,
               uid, message_id, effect, verb, from_account, to_account, to_mailbox, to_name, made,
               undoes)
             VALUES (?1, ?2, 0, ?3, '', 0, 0,
               coalesce((SELECT message_id FROM message WHERE key = ?3), ''), ?4, 'append', ?2, ?2,
               ?5, ?6, ?3, ?7)",
        )
        .and_then(|mut s| {
            s.insert((
                noted.op,
                to.account,
                wish.message,
                effect,
                to.mailbox,
                &to.name,
                wish.undoes,
            ))
        })
        .doing("recording a change")?;
    noted.touched.push(key);
    noted.accounts.insert(to.account);
    Ok(())
}

fn take_key(tx: &Connection) -> Result<i64> {
    keys::take(tx, What::Message, 1).doing("recording a change")
}

fn add_op(tx: &Connection, new: &NewOp<'_>, label: &str) -> rusqlite::Result<i64> {
    tx.prepare_cached(
        "INSERT INTO own.op (kind, argument, label, created_at, undoes, redoes, is_automatic)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .insert((
        new.kind.name(),
        kind_text(new.kind),
        label,
        new.now_secs,
        new.undoes,
        new.redoes,
        new.is_automatic,
    ))
}

/// A kind as `own.op.argument` holds it.
fn kind_text(kind: &OpKind) -> String {
    match kind {
        OpKind::Flags(change) => sql::change_text(change),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

/// The kind that [`kind_text`] wrote.
pub(super) fn kind(text: &str) -> OpKind {
    serde_json::from_str(text).unwrap_or_else(|_| OpKind::Flags(sql::change(text)))
}

/// A target to be written.
#[derive(Clone)]
struct NewTarget<'a> {
    op: i64,
    home: &'a Home,
    placement: &'a Placement,
    undoes: i64,
    verb: Verb,
    effect: String,
    to: Option<&'a To>,
    made: i64,
    after: i64,
}

impl NewTarget<'_> {
    fn add(&self, tx: &Connection) -> Result<i64> {
        let Self {
            home, placement, ..
        } = self;
        let to = self.to;
        let is_append = self.verb == Verb::Append;
        let account = to.filter(|_| is_append).map_or(home.account, |t| t.account);
        tx.prepare_cached(
            "INSERT INTO own.op_target (op, account, mailbox, message, mailbox_name, uid_validity,
               uid, message_id, effect, verb, from_account, to_account, to_mailbox, to_name, made,
               via, after, undoes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
               coalesce((SELECT message_id FROM message WHERE key = ?4), ''), ?8, ?9, ?10, ?11, ?12,
               ?13, ?14, ?15, ?16, ?17)",
        )
        .and_then(|mut s| {
            s.insert(rusqlite::params![
                self.op,
                account,
                placement.mailbox,
                placement.message,
                home.name,
                home.uid_validity,
                placement.uid.max(0),
                self.effect,
                self.verb.name(),
                if is_append { home.account } else { 0 },
                to.map_or(0, |t| t.account),
                to.map_or(0, |t| t.mailbox),
                to.map_or("", |t| t.name.as_str()),
                self.made,
                placement.via,
                self.after,
                self.undoes,
            ])
        })
        .doing("recording a change")
    }
}

/// Settles the open changes of flags of a message at once where they cancel out and none of them
/// was ever sent. Whether they did.
pub(super) fn cancel_out(tx: &Connection, placement: &Placement) -> Result<bool> {
    let stay = Stay::here(placement.via);
    let open = pending(tx, placement.message, placement.mailbox, stay)?;
    let may_be_known = open.iter().any(|p| p.is_in_flight || !p.sent.is_empty());
    if may_be_known || !fold::net(&placement.base, &open).is_empty() {
        return Ok(false);
    }
    if let (Some(first), Some(last)) = (open.first(), open.last()) {
        // A copy that is made in between is to have what was set before it, and not what came after.
        let is_copied_between = tx
            .prepare_cached(
                "SELECT 1 FROM own.op_target WHERE message = ?1 AND mailbox = ?2 AND state < 2
                   AND verb = 'copy' AND key BETWEEN ?3 AND ?4",
            )
            .and_then(|mut s| {
                s.exists((
                    placement.message,
                    placement.mailbox,
                    first.target.0,
                    last.target.0,
                ))
            })
            .doing("settling changes that cancel out")?;
        if is_copied_between {
            return Ok(false);
        }
    }
    for one in open {
        set_state(tx, one.target.0, SETTLED, "")?;
    }
    Ok(true)
}
