//! Changes of the tree in the journal: recording them, showing them, and what became of them.
//!
//! Called by `journal` and `undo`, and by `engine::replay`. The tree that is shown must never be
//! written but by the fold.

use super::keys::{self, What};
use super::messages::remove_all;
use super::sql::{self, Doing};
use super::tree_fold::{self, Base, Change, Origin};
use super::tree_plan::delimiter;
use super::{Result, Writer, binding};
use crate::model::{MailboxKey, Role};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// Of a mailbox made or deleted: it is not, or was not, subscribed to.
pub(super) const NOT_FOLLOWED: &str = "-";

/// A change of the tree to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewTree {
    pub(super) account: i64,
    pub(super) change: Change,
    pub(super) name: String,
    role: Option<Role>,
    agreed: u32,
}

impl NewTree {
    /// Makes a mailbox, perhaps for a special use.
    pub(super) fn create(account: i64, name: &str, role: Option<Role>) -> Self {
        Self {
            role,
            ..Self::plain(account, name, Change::Create(name.to_owned(), true))
        }
    }

    pub(super) fn plain(account: i64, name: &str, change: Change) -> Self {
        Self {
            account,
            change,
            name: name.to_owned(),
            role: None,
            agreed: 0,
        }
    }

    pub(super) fn delete(account: i64, name: &str, agreed: u32) -> Self {
        Self {
            agreed,
            ..Self::plain(account, name, Change::Delete(name.to_owned()))
        }
    }

    pub(super) fn rename(account: i64, from: &str, to: &str) -> Self {
        Self::plain(
            account,
            from,
            Change::Rename(from.to_owned(), to.to_owned()),
        )
    }

    pub(super) fn subscribe(account: i64, name: &str, is_on: bool) -> Self {
        Self::plain(account, name, Change::Subscribe(name.to_owned(), is_on))
    }

    const fn verb(&self) -> &'static str {
        match self.change {
            Change::Create(..) => "create",
            Change::Rename(..) => "rename",
            Change::Delete(_) => "delete",
            Change::Subscribe(_, true) => "subscribe",
            Change::Subscribe(_, false) => "unsubscribe",
        }
    }
}

/// Writes a change of the tree.
pub(super) fn add(tx: &Connection, op: i64, new: &NewTree) -> Result<()> {
    let to = match &new.change {
        Change::Rename(_, to) => to.as_str(),
        _ => "",
    };
    // Whether it is, or was, subscribed to.
    let is_followed = match &new.change {
        Change::Create(_, is_on) => *is_on,
        Change::Delete(name) => tx
            .prepare_cached(
                "SELECT 1 FROM mailbox WHERE account = ?1 AND name = ?2 AND is_gone = 0
                   AND is_subscribed = 1",
            )
            .and_then(|mut s| s.exists((new.account, name)))
            .doing("reading a folder")?,
        _ => true,
    };
    let followed = if is_followed { "" } else { NOT_FOLLOWED };
    tx.prepare_cached(
        "INSERT INTO own.op_tree (op, account, verb, name, to_name, role, agreed, followed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut s| {
        s.execute((
            op,
            new.account,
            new.verb(),
            &new.name,
            to,
            new.role.map_or("", Role::name),
            new.agreed,
            followed,
        ))
    })
    .doing("recording a change")
    .map(drop)
}

/// A row of `own.op_tree`.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) key: i64,
    pub(super) op: i64,
    pub(super) account: i64,
    pub(super) verb: String,
    pub(super) name: String,
    pub(super) to_name: String,
    pub(super) role: Option<Role>,
    pub(super) agreed: u32,
    pub(super) state: i64,
    pub(super) next_try: i64,
    pub(super) is_sent: bool,
    pub(super) followed: String,
}

impl Row {
    pub(super) fn change(&self) -> Change {
        match self.verb.as_str() {
            "create" => Change::Create(self.name.clone(), self.followed != NOT_FOLLOWED),
            "rename" => Change::Rename(self.name.clone(), self.to_name.clone()),
            "delete" => Change::Delete(self.name.clone()),
            other => Change::Subscribe(self.name.clone(), other == "subscribe"),
        }
    }
}

pub(super) fn rows(
    conn: &Connection,
    condition: &'static str,
    params: impl rusqlite::Params,
) -> Result<Vec<Row>> {
    conn.prepare_cached(&format!(
        "SELECT key, op, account, verb, name, to_name, role, agreed, state, next_try, sent,
           followed
         FROM own.op_tree WHERE {condition} ORDER BY key"
    ))
    .and_then(|mut s| {
        s.query_map(params, |row| {
            Ok(Row {
                key: row.get(0)?,
                op: row.get(1)?,
                account: row.get(2)?,
                verb: row.get(3)?,
                name: row.get(4)?,
                to_name: row.get(5)?,
                role: Role::from_name(row.get_ref(6)?.as_str().unwrap_or_default()),
                agreed: sql::count(row.get(7)?),
                state: row.get(8)?,
                next_try: row.get(9)?,
                is_sent: row.get(10)?,
                followed: row.get(11)?,
            })
        })?
        .collect()
    })
    .doing("reading the journal")
}

/// Whether the user deleted a folder of that name, and the server's answer is awaited.
pub(super) fn is_deletion_open(conn: &Connection, account: i64, name: &str) -> Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM own.op_tree
         WHERE account = ?1 AND verb = 'delete' AND name = ?2 AND state < 2",
    )
    .and_then(|mut s| s.exists((account, name)))
    .doing("reading the journal")
}

/// Makes the tree of an account show what waits. Returns mailboxes that were to be made and will
/// not be; their rows still stand.
pub(super) fn refold(tx: &Connection, account: i64) -> Result<Vec<i64>> {
    let open = rows(tx, "account = ?1 AND state < 2", [account])?;
    let changes: Vec<(i64, Change)> = open.iter().map(|r| (r.key, r.change())).collect();
    let base = base(tx, account)?;
    let shown = tree_fold::fold(&base, &changes, delimiter(tx, account)?);
    let mut made: BTreeMap<i64, i64> = tx
        .prepare_cached(
            "SELECT made_by, key FROM mailbox WHERE account = ?1 AND server_name IS NULL",
        )
        .and_then(|mut s| {
            s.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("reading the folders")?;
    for one in shown {
        let key = match one.origin {
            Origin::Server(key) => key,
            Origin::MadeBy(by) => match made.remove(&by) {
                Some(key) => key,
                None => {
                    let role = open.iter().find(|r| r.key == by).and_then(|r| r.role);
                    make(tx, account, by, &one, role)?
                }
            },
        };
        tx.prepare_cached(
            "UPDATE mailbox SET name = ?2, is_subscribed = ?3, is_gone = ?4, is_pending = ?5
             WHERE key = ?1
               AND (name, is_subscribed, is_gone, is_pending) IS NOT (?2, ?3, ?4, ?5)",
        )
        .and_then(|mut s| {
            s.execute((
                key,
                &one.name,
                one.is_subscribed,
                one.is_gone,
                one.is_pending,
            ))
        })
        .doing("showing the folders")?;
    }
    Ok(made.into_values().collect())
}

pub(super) fn base(tx: &Connection, account: i64) -> Result<Vec<Base>> {
    tx.prepare_cached(
        "SELECT key, server_name, delimiter, base_subscribed FROM mailbox
         WHERE account = ?1 AND server_name IS NOT NULL",
    )
    .and_then(|mut s| {
        s.query_map([account], |row| {
            let delimiter: Option<String> = row.get(2)?;
            Ok(Base {
                key: row.get(0)?,
                name: row.get(1)?,
                delimiter: delimiter.and_then(|d| d.chars().next()),
                is_subscribed: row.get(3)?,
            })
        })?
        .collect()
    })
    .doing("reading the folders")
}

fn make(
    tx: &Connection,
    account: i64,
    by: i64,
    shown: &tree_fold::Shown,
    role: Option<Role>,
) -> Result<i64> {
    let key = keys::take(tx, What::Mailbox, 1).doing("adding a folder")?;
    tx.prepare_cached(
        "INSERT INTO mailbox (key, account, name, delimiter, role, is_subscribed, base_subscribed,
           is_selectable, is_pending, made_by)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, 0, 1, 1, ?6)",
    )
    .and_then(|mut s| {
        s.execute((
            key,
            account,
            &shown.name,
            shown.delimiter.map(String::from),
            role.map(Role::name),
            by,
        ))
    })
    .doing("adding a folder")?;
    Ok(key)
}

/// The mailboxes of an account.
pub(super) fn mailboxes_of(tx: &Connection, account: i64) -> Result<Vec<MailboxKey>> {
    tx.prepare_cached("SELECT key FROM mailbox WHERE account = ?1")
        .and_then(|mut s| {
            s.query_map([account], |row| Ok(MailboxKey(row.get(0)?)))?
                .collect()
        })
        .doing("reading the folders")
}

/// Shows the tree of an account anew. What was to go into a mailbox that will not be made is
/// refused, with the reason.
pub(super) fn show(writer: &mut Writer, account: i64, reason: &str) -> Result<()> {
    let unmade = writer.write("showing the folders", |tx| refold(tx, account))?;
    drop_unmade(writer, &unmade, reason)
}

/// Removes mailboxes that will not be made.
pub(super) fn drop_unmade(writer: &mut Writer, unmade: &[i64], reason: &str) -> Result<()> {
    for key in unmade {
        binding::reject_of_mailbox(writer, MailboxKey(*key), false, reason)?;
        writer.write("removing a folder", |tx| {
            remove_all(tx, *key)?;
            tx.execute(
                "DELETE FROM mailbox WHERE key = ?1 AND server_name IS NULL",
                [key],
            )
            .doing("removing a folder")
            .map(drop)
        })?;
    }
    Ok(())
}

/// After a crash: shows what the journal says of the trees.
pub(super) fn repair(writer: &mut Writer) -> Result<()> {
    let accounts: Vec<i64> = writer
        .conn
        .prepare_cached(
            "SELECT DISTINCT account FROM own.op_tree WHERE state < 2
             UNION SELECT DISTINCT account FROM mailbox
               WHERE is_gone = 1 OR is_pending = 1 OR server_name IS NULL",
        )
        .and_then(|mut s| s.query_map((), |row| row.get(0))?.collect())
        .doing("repairing after a crash")?;
    if accounts.is_empty() {
        return Ok(());
    }
    writer.reserve(What::Mailbox, 100)?;
    for account in accounts {
        show(writer, account, "the folder was not made")?;
    }
    Ok(())
}

/// Takes the changes of an operation back: those the server was never told of are cancelled, for
/// the others `tree` gets the opposite. Returns the accounts that have a change less, and how many
/// changes cannot be taken back.
pub(super) fn take_back(
    tx: &Connection,
    op: i64,
    tree: &mut Vec<NewTree>,
) -> Result<(Vec<i64>, usize)> {
    let accounts = cancel(tx, op)?;
    let mut lost = 0;
    for row in rows(tx, "op = ?1 AND state < 3", [op])?.into_iter().rev() {
        let account = row.account;
        match row.change() {
            Change::Create(name, _) => tree.push(NewTree::delete(account, &name, 0)),
            Change::Rename(from, to) => tree.push(NewTree::rename(account, &to, &from)),
            Change::Delete(_) if row.agreed > 0 => lost += 1,
            Change::Delete(name) => {
                let is_followed = row.followed != NOT_FOLLOWED;
                tree.push(NewTree {
                    change: Change::Create(name.clone(), is_followed),
                    ..NewTree::create(account, &name, row.role)
                });
            }
            Change::Subscribe(name, is_on) => {
                tree.push(NewTree::subscribe(account, &name, !is_on));
            }
        }
    }
    Ok((accounts, lost))
}

/// Cancels the changes of an operation that the server was never told of.
pub(super) fn cancel(tx: &Connection, op: i64) -> Result<Vec<i64>> {
    tx.prepare_cached(
        "UPDATE own.op_tree SET state = 4 WHERE op = ?1 AND state = 0 AND sent = 0
         RETURNING account",
    )
    .and_then(|mut s| s.query_map([op], |row| row.get(0))?.collect())
    .doing("cancelling a change")
}

/// The changes of an operation, to be made once more.
pub(super) fn again(tx: &Connection, op: i64) -> Result<Vec<NewTree>> {
    let again = rows(tx, "op = ?1 AND state <> 3", [op])?
        .into_iter()
        .map(|row| NewTree {
            account: row.account,
            change: row.change(),
            name: row.name.clone(),
            role: row.role,
            agreed: row.agreed,
        })
        .collect();
    Ok(again)
}

/// Whether an operation makes mailboxes itself.
pub(super) fn is_made_by(tx: &Connection, op: i64) -> Result<bool> {
    tx.prepare_cached("SELECT 1 FROM own.op_tree WHERE op = ?1 AND verb = 'create'")
        .and_then(|mut s| s.exists([op]))
        .doing("reading the journal")
}

/// Makes the server's tree, as we know it, what the change made of it. Returns deleted mailboxes.
pub(super) fn apply(tx: &Connection, row: &Row) -> Result<Vec<i64>> {
    let doing = "settling changes";
    match row.change() {
        Change::Create(name, is_followed) => {
            adopt(tx, row.account, &name)?;
            tx.execute(
                "UPDATE mailbox SET base_subscribed = ?3 WHERE account = ?1 AND server_name = ?2",
                (row.account, &name, is_followed),
            )
            .doing(doing)?;
            Ok(Vec::new())
        }
        Change::Rename(from, to) => {
            rename_rows(tx, row.account, &from, &to)?;
            Ok(Vec::new())
        }
        Change::Delete(name) => {
            let gone: Vec<i64> = tx
                .prepare_cached("SELECT key FROM mailbox WHERE account = ?1 AND server_name = ?2")
                .and_then(|mut s| {
                    s.query_map((row.account, &name), |row| row.get(0))?
                        .collect()
                })
                .doing(doing)?;
            for key in &gone {
                remove_all(tx, *key)?;
                tx.execute("DELETE FROM mailbox WHERE key = ?1", [key])
                    .doing(doing)?;
            }
            Ok(gone)
        }
        Change::Subscribe(name, is_on) => {
            tx.execute(
                "UPDATE mailbox SET base_subscribed = ?3 WHERE account = ?1 AND server_name = ?2",
                (row.account, &name, is_on),
            )
            .doing(doing)?;
            Ok(Vec::new())
        }
    }
}

/// The mailbox that was to be made is on the server: its row is that mailbox from now on.
pub(super) fn adopt(tx: &Connection, account: i64, name: &str) -> Result<Option<i64>> {
    tx.prepare_cached(
        "UPDATE mailbox SET server_name = ?2, made_by = 0 WHERE key = (
           SELECT m.key FROM mailbox m JOIN own.op_tree t ON t.key = m.made_by
           WHERE m.account = ?1 AND m.server_name IS NULL AND t.name = ?2 AND t.state < 3 LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM mailbox WHERE account = ?1 AND server_name = ?2)
         RETURNING key",
    )
    .and_then(|mut s| s.query_row((account, name), |row| row.get(0)).optional())
    .doing("settling changes")
}

/// Renames mailboxes, with what is below, as the server has them.
fn rename_rows(tx: &Connection, account: i64, from: &str, to: &str) -> Result<()> {
    let doing = "settling changes";
    let all: Vec<Base> = base(tx, account)?;
    // Something of the new name that was listed before it was known to be the renamed one.
    for one in &all {
        if let Some(name) = tree_fold::renamed(&one.name, from, to, one.delimiter) {
            let taken: Vec<i64> = all
                .iter()
                .filter(|b| b.name == name && b.key != one.key)
                .map(|b| b.key)
                .collect();
            for key in taken {
                remove_all(tx, key)?;
                tx.execute("DELETE FROM mailbox WHERE key = ?1", [key])
                    .doing(doing)?;
            }
            tx.execute(
                "UPDATE mailbox SET server_name = ?2 WHERE key = ?1",
                (one.key, &name),
            )
            .doing(doing)?;
        }
    }
    Ok(())
}

/// Before a new list is compared with what we know: renames that were sent and never answered have
/// been done where the list says so, and what was to be made may be there.
pub(super) fn recognise(
    tx: &Connection,
    account: i64,
    is_listed: impl Fn(&str) -> bool,
) -> Result<()> {
    for row in rows(tx, "account = ?1 AND state < 2", [account])? {
        match row.change() {
            Change::Create(name, _) if is_listed(&name) => {
                adopt(tx, account, &name)?;
            }
            Change::Rename(from, to) if row.is_sent && !is_listed(&from) && is_listed(&to) => {
                rename_rows(tx, account, &from, &to)?;
            }
            _ => {}
        }
    }
    Ok(())
}
