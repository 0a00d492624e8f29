//! The journal: recording what the user wants, durably, before any row shows it.
//!
//! Called by `engine` and `cli` for every change. An operation must be in `own.db`, on the disk,
//! before any row shows it; see the module above for the order of the files.

use super::keys::What;
use super::messages::Home;
use super::note::note;
use super::placements::{Placement, Tally};
use super::sql::Doing;
use super::tree_ops::{self, NewTree};
use super::tree_plan;
use super::{Error, Recorded, Result, Writer, transit};
use crate::model::{
    AccountKey, Destination, Flag, FlagChange, FlagSet, FolderChange, MailboxId, MailboxKey, OpKey,
    OpKind, Placed, Role,
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
    /// Its targets that take a message away from where it was seen just now.
    pub(super) leaving: Vec<(i64, Placement)>,
    /// Where flags changed that wait already: message and mailbox.
    pub(super) places: Vec<(i64, i64)>,
    /// Where flags changed and nothing waited: as it was seen just now, and what it is to show.
    pub(super) marked: Vec<(Placement, FlagSet)>,
    /// Who has something to send.
    pub(super) accounts: BTreeSet<i64>,
    /// Whose tree changed.
    pub(super) trees: BTreeSet<i64>,
    /// Mailboxes that are made because messages go into them.
    pub(super) made: Vec<String>,
    /// The mailboxes that messages are taken from, by name.
    pub(super) sources: BTreeSet<String>,
}

impl Noted {
    pub(super) fn is_nothing(&self) -> bool {
        self.touched.is_empty()
            && self.leaving.is_empty()
            && self.places.is_empty()
            && self.marked.is_empty()
            && self.trees.is_empty()
    }
}

/// Where accounts keep mail of a use, by the configuration.
type Roles = BTreeMap<(AccountKey, Role), String>;

impl Writer {
    /// Says where the configuration wants an account's mail of that use: such a mailbox is made
    /// where there is none.
    pub fn keep_role_in(&mut self, account: AccountKey, role: Role, name: &str) {
        self.role_names.insert((account, role), name.to_owned());
    }

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
        let roles = self.role_names.clone();
        let noted = self.write_journal("recording a change", |tx| {
            let op = NewOp {
                kind,
                now_secs,
                undoes: None,
                redoes: None,
                is_automatic,
            };
            let mut tree = Vec::new();
            let wishes = wishes(tx, kind, &targets, &roles, &mut tree)?;
            note(tx, &op, &wishes, &tree, |count| kind.label(count), false)
        })?;
        let label = if noted.is_nothing() {
            "Nothing to change".to_owned()
        } else if noted.made.is_empty() {
            kind.label(noted.count)
        } else {
            let made = noted.made.join(", ");
            format!("{} (made the folder {made})", kind.label(noted.count))
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
                for (key, placement) in &noted.leaving {
                    transit::take_away(tx, *key, placement, &mut tally)?;
                }
                for (seen, flags) in &noted.marked {
                    transit::mark(tx, seen, flags, &mut tally)?;
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
            FolderChange::Delete { agreed: 0, .. } => "makes it again".to_owned(),
            FolderChange::Delete { .. } => {
                "brings it back while the server was not told".to_owned()
            }
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
    roles: &Roles,
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
        OpKind::Move(to) => transfers(tx, to, targets, true, roles, tree),
        OpKind::Copy(to) => transfers(tx, to, targets, false, roles, tree),
        OpKind::Delete => Ok(of(targets, &Deed::Remove)),
        OpKind::Empty(mailbox) => Ok(of(&places_in(tx, mailbox, "1")?, &Deed::Remove)),
        OpKind::Folder(change) => {
            tree.extend(tree_plan::plan(tx, change)?);
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
    roles: &Roles,
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
                        None => for_role(tx, home.account, *role, roles, tree)?,
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
fn for_role(
    tx: &Connection,
    account: i64,
    role: Role,
    roles: &Roles,
    tree: &mut Vec<NewTree>,
) -> Result<To> {
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
    let name = match roles.get(&(AccountKey(account), role)) {
        Some(name) => name.clone(),
        None => tree_plan::name_for(tx, account, role)?,
    };
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
