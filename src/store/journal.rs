//! The journal: recording what the user wants, durably, before any row shows it.
//!
//! Called by `engine` and `cli` for every change. An operation must be in `own.db`, on the disk,
//! before any row shows it; see the module above for the order of the files.

use super::keys::{self, What};
use super::messages::Home;
use super::placements::{Placement, Stay, Tally, pending};
use super::sql::{self, Doing};
use super::target::Verb;
use super::tree_ops::{self, NewTree};
use super::{Error, Recorded, Result, Writer, fold, transit};
use crate::model::{
    AccountKey, Destination, Flag, FlagChange, FolderChange, MailboxId, MailboxKey, OpKey, OpKind,
    Placed, Role,
};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};

/// What is wanted of one message where it lies.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) message: i64,
    pub(super) mailbox: i64,
    pub(super) what: Deed,
    /// The target that this takes back, in an undo.
    pub(super) undoes: i64,
}

/// What is to be done with it.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    Flags(FlagChange),
    Transfer(To, bool),
    Remove,
    /// Back from what was kept of it.
    Restore(To, String),
}

/// A mailbox that messages go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct To {
    pub(super) account: i64,
    /// 0: it is still to be made.
    pub(super) mailbox: i64,
    pub(super) name: String,
}

/// An operation to be written.
pub(super) struct NewOp<'a> {
    pub(super) kind: &'a OpKind,
    pub(super) now_secs: i64,
    pub(super) undoes: Option<i64>,
    pub(super) redoes: Option<i64>,
    pub(super) is_automatic: bool,
}

/// An operation that was written.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) op: i64,
    /// How many messages it changes.
    pub(super) count: usize,
    /// Its targets, and others whose rows have to be shown anew, in the order to do that in.
    pub(super) touched: Vec<i64>,
    /// Where flags changed: message and mailbox.
    pub(super) places: Vec<(i64, i64)>,
    /// Who has something to send.
    pub(super) accounts: BTreeSet<i64>,
    /// Whose tree changed.
    pub(super) trees: BTreeSet<i64>,
    /// The mailboxes that messages are taken from, by name.
    pub(super) sources: BTreeSet<String>,
}

impl Noted {
    pub(super) fn is_nothing(&self) -> bool {
        self.touched.is_empty() && self.places.is_empty() && self.trees.is_empty()
    }
}

impl Writer {
    /// Records a change: operation, targets and refolded rows, durable before it returns. Only what
    /// really changes something is recorded.
    ///
    /// # Errors
    /// When the journal cannot be written, or the change names a mailbox that is not there; nothing
    /// was changed then.
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
        let targets: BTreeSet<(i64, i64)> =
            targets.iter().map(|t| (t.message.0, t.mailbox.0)).collect();
        self.reserve(What::Message, targets.len())?;
        self.reserve(What::Mailbox, 2)?;
        let noted = self.write_journal("recording a change", |tx| {
            let op = NewOp {
                kind,
                now_secs,
                undoes: None,
                redoes: None,
                is_automatic,
            };
            let mut tree = Vec::new();
            let wishes = wishes(tx, kind, &targets, &mut tree)?;
            note(tx, &op, &wishes, &tree, |count| kind.label(count), false)
        })?;
        let label = if noted.is_nothing() {
            "Nothing to change".to_owned()
        } else {
            kind.label(noted.count)
        };
        let undo = undo_text(kind, &noted);
        self.show(noted, label, undo)
    }

    /// The second half of a change: the rows show it.
    pub(super) fn show(&mut self, noted: Noted, label: String, undo: String) -> Result<Recorded> {
        let is_nothing = noted.is_nothing();
        let changed = if is_nothing {
            Vec::new()
        } else {
            let (changed, unmade) = self.write("showing a change", |tx| {
                let mut unmade = Vec::new();
                for account in &noted.trees {
                    unmade.extend(tree_ops::refold(tx, *account)?);
                }
                let mut tally = Tally::default();
                for key in &noted.touched {
                    transit::reconcile(tx, *key, &mut tally)?;
                }
                for (message, mailbox) in &noted.places {
                    transit::refold(tx, *message, *mailbox, &mut tally)?;
                }
                tally.write(tx)?;
                let mut changed = tally.changed();
                for account in &noted.trees {
                    changed.extend(tree_ops::mailboxes_of(tx, *account)?);
                }
                Ok((changed, unmade))
            })?;
            tree_ops::drop_unmade(self, &unmade, "the folder is not to be made any more")?;
            changed
        };
        Ok(Recorded {
            op: (!is_nothing).then_some(OpKey(noted.op)),
            label,
            undo,
            changed,
            accounts: noted.accounts.into_iter().map(AccountKey).collect(),
        })
    }
}

/// Brings rows in line with the journal, in a transaction of its own; the mailboxes that changed.
pub(super) fn reconcile(writer: &mut Writer, targets: &[i64]) -> Result<Vec<MailboxKey>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    writer.write("showing a change", |tx| {
        let mut tally = Tally::default();
        for key in targets {
            transit::reconcile(tx, *key, &mut tally)?;
        }
        tally.write(tx)?;
        Ok(tally.changed())
    })
}

/// Folds placements anew in a transaction of its own; the mailboxes that changed.
pub(super) fn refold(writer: &mut Writer, places: &[(i64, i64)]) -> Result<Vec<MailboxKey>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    writer.write("showing a change", |tx| {
        let mut tally = Tally::default();
        for (message, mailbox) in places {
            transit::refold(tx, *message, *mailbox, &mut tally)?;
        }
        tally.write(tx)?;
        Ok(tally.changed())
    })
}

/// What undo will do, as the rest of a sentence.
fn undo_text(kind: &OpKind, noted: &Noted) -> String {
    let (it, them) = match noted.count {
        1 => ("it", String::new()),
        n => ("them", format!("{n} messages ")),
    };
    match kind {
        OpKind::Flags(_) | OpKind::ReadAll(_) => String::new(),
        OpKind::Move(_) => {
            let back = match noted.sources.first() {
                Some(name) if noted.sources.len() == 1 => format!("back to {name}"),
                _ => "back".to_owned(),
            };
            if them.is_empty() {
                format!("moves {it} {back}")
            } else {
                format!("moves {them}{back}")
            }
        }
        OpKind::Copy(_) => match noted.count {
            1 => "deletes the copy".to_owned(),
            n => format!("deletes the {n} copies"),
        },
        OpKind::Delete | OpKind::Empty(_) => format!("brings {it} back"),
        OpKind::Folder(change) => match change {
            FolderChange::Create(_) => "deletes it again".to_owned(),
            FolderChange::Rename { from, .. } => format!("calls it {} again", from.name),
            FolderChange::Delete { .. } => "makes it again".to_owned(),
            FolderChange::Subscribe(_, true) => "unsubscribes".to_owned(),
            FolderChange::Subscribe(_, false) => "subscribes again".to_owned(),
        },
    }
}

/// What an operation means for each message, and for the tree.
pub(super) fn wishes(
    tx: &Connection,
    kind: &OpKind,
    targets: &BTreeSet<(i64, i64)>,
    tree: &mut Vec<NewTree>,
) -> Result<Vec<Wish>> {
    let of = |places: &BTreeSet<(i64, i64)>, what: &Deed| {
        places
            .iter()
            .map(|(message, mailbox)| Wish {
                message: *message,
                mailbox: *mailbox,
                what: what.clone(),
                undoes: 0,
            })
            .collect()
    };
    match kind {
        OpKind::Flags(change) => Ok(of(targets, &Deed::Flags(change.clone()))),
        OpKind::ReadAll(mailbox) => {
            let seen = FlagChange::one(Flag::Seen, true);
            let unread = places_in(tx, mailbox, "flags & 1 = 0")?;
            Ok(of(&unread, &Deed::Flags(seen)))
        }
        OpKind::Move(to) => transfers(tx, to, targets, true, tree),
        OpKind::Copy(to) => transfers(tx, to, targets, false, tree),
        OpKind::Delete => Ok(of(targets, &Deed::Remove)),
        OpKind::Empty(mailbox) => Ok(of(&places_in(tx, mailbox, "1")?, &Deed::Remove)),
        OpKind::Folder(change) => {
            tree.extend(tree_ops::plan(tx, change)?);
            Ok(Vec::new())
        }
    }
}

/// The messages of a mailbox that meet a condition of ours.
fn places_in(
    tx: &Connection,
    mailbox: &MailboxId,
    condition: &'static str,
) -> Result<BTreeSet<(i64, i64)>> {
    let to = named(tx, mailbox)?;
    tx.prepare_cached(&format!(
        "SELECT message, mailbox FROM placement WHERE mailbox = ?1 AND {condition}"
    ))
    .and_then(|mut s| {
        s.query_map([to.mailbox], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    })
    .doing("reading the messages of a folder")
}

fn transfers(
    tx: &Connection,
    to: &Destination,
    targets: &BTreeSet<(i64, i64)>,
    is_move: bool,
    tree: &mut Vec<NewTree>,
) -> Result<Vec<Wish>> {
    let mut by_mailbox: BTreeMap<i64, To> = BTreeMap::new();
    let mut by_account: BTreeMap<i64, To> = BTreeMap::new();
    let mut wishes = Vec::new();
    for (message, mailbox) in targets {
        let to = match by_mailbox.get(mailbox) {
            Some(to) => to.clone(),
            None => {
                let home = Home::any(tx, *mailbox)?;
                let found = match to {
                    Destination::Mailbox(id) => named(tx, id)?,
                    Destination::Role(role) => match by_account.get(&home.account) {
                        Some(to) => to.clone(),
                        None => for_role(tx, home.account, *role, tree)?,
                    },
                };
                by_account.insert(home.account, found.clone());
                by_mailbox.insert(*mailbox, found.clone());
                found
            }
        };
        if is_move && to.mailbox == *mailbox {
            continue;
        }
        wishes.push(Wish {
            message: *message,
            mailbox: *mailbox,
            what: Deed::Transfer(to, is_move),
            undoes: 0,
        });
    }
    Ok(wishes)
}

/// The mailbox of that name that messages can go to.
pub(super) fn named(tx: &Connection, id: &MailboxId) -> Result<To> {
    let found: Option<(i64, String)> = tx
        .prepare_cached(
            "SELECT key, coalesce(server_name, name) FROM mailbox
             WHERE account = ?1 AND name = ?2 AND is_gone = 0 AND is_selectable = 1",
        )
        .and_then(|mut s| {
            s.query_row((id.account.0, &id.name), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
        })
        .doing("reading a folder")?;
    let Some((mailbox, name)) = found else {
        return Err(Error::NoMailbox {
            name: id.name.clone(),
        });
    };
    Ok(To {
        account: id.account.0,
        mailbox,
        name,
    })
}

/// The mailbox of an account for that use; one that is to be made where there is none.
fn for_role(tx: &Connection, account: i64, role: Role, tree: &mut Vec<NewTree>) -> Result<To> {
    let found: Option<(i64, String)> = tx
        .prepare_cached(
            "SELECT key, coalesce(server_name, name) FROM mailbox
             WHERE account = ?1 AND role = ?2 AND is_gone = 0 AND is_selectable = 1
             ORDER BY namespace <> '', length(name), name LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row((account, role.name()), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .doing("reading a folder")?;
    if let Some((mailbox, name)) = found {
        return Ok(To {
            account,
            mailbox,
            name,
        });
    }
    let name = tree_ops::name_for(tx, account, role)?;
    let is_there = MailboxId {
        account: AccountKey(account),
        name: name.clone(),
    };
    if let Ok(to) = named(tx, &is_there) {
        return Ok(to);
    }
    tree.push(NewTree::create(account, &name, Some(role)));
    Ok(To {
        account,
        mailbox: 0,
        name,
    })
}

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
            let effect = sql::change_text(effect);
            NewTarget { effect, ..row }.add(tx)?;
            noted.places.push((placement.message, placement.mailbox));
            if !cancel_out(tx, placement)? {
                noted.accounts.insert(home.account);
            }
        }
        Deed::Transfer(to, is_move) if to.account == home.account => {
            let (verb, made) = if *is_move {
                (Verb::Move, placement.message)
            } else {
                (Verb::Copy, take_key(tx)?)
            };
            let to = Some(to);
            let key = NewTarget {
                verb,
                to,
                made,
                ..row
            }
            .add(tx)?;
            noted.touched.push(key);
            noted.accounts.insert(home.account);
            noted.sources.insert(home.name.clone());
        }
        Deed::Transfer(to, is_move) => {
            let made = take_key(tx)?;
            let append = NewTarget {
                verb: Verb::Append,
                to: Some(to),
                made,
                ..row
            };
            let key = append.add(tx)?;
            noted.touched.push(key);
            noted.accounts.insert(to.account);
            if *is_move {
                let remove = NewTarget {
                    verb: Verb::Remove,
                    after: key,
                    to: None,
                    made: 0,
                    ..append
                };
                noted.touched.push(remove.add(tx)?);
                noted.accounts.insert(home.account);
            }
            noted.sources.insert(home.name.clone());
        }
        Deed::Remove => {
            let verb = Verb::Remove;
            noted.touched.push(NewTarget { verb, ..row }.add(tx)?);
            noted.accounts.insert(home.account);
            noted.sources.insert(home.name.clone());
        }
        Deed::Restore(..) => {}
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
    for one in open {
        super::target::set_state(tx, one.target.0, super::target::SETTLED, "")?;
    }
    Ok(true)
}
