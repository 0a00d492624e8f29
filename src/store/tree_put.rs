//! Making the tree of mailboxes equal to what the server listed.
//!
//! Called after a complete LIST. A mailbox must never be removed because of a list that was cut.

use super::keys::{self, What};
use super::mailboxes::{OTHER_USERS, SHARED, put_status};
use super::messages::remove_all;
use super::sql::Doing;
use super::{Result, TreeEntry, Writer, binding, tree_ops};
use crate::model::{AccountKey, MailboxKey, Namespace, Rights};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

impl Writer {
    /// Makes the tree of an account equal to a complete LIST: adds, updates, and removes mailboxes
    /// with their placements. Says which mailboxes are new, changed or gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_tree(&mut self, account: AccountKey, tree: &[TreeEntry]) -> Result<Vec<MailboxKey>> {
        let listed: BTreeMap<&str, &TreeEntry> =
            tree.iter().map(|e| (e.name.as_str(), e)).collect();
        self.reserve(What::Mailbox, listed.len() + 100)?;
        let (changed, gone, unmade) = self.write("writing the folders", |tx| {
            tree_ops::recognise(tx, account.0, |name| listed.contains_key(name))?;
            let mut known: BTreeMap<String, i64> = tx
                .prepare_cached(
                    "SELECT server_name, key FROM mailbox
                     WHERE account = ?1 AND server_name IS NOT NULL",
                )
                .and_then(|mut s| {
                    s.query_map([account.0], |row| Ok((row.get(0)?, row.get(1)?)))?
                        .collect()
                })
                .doing("reading the folders")?;
            let mut changed = Vec::new();
            for (name, entry) in listed {
                let (key, is_changed) = match known.remove(name) {
                    Some(key) => (key, update(tx, key, entry)?),
                    None => (add(tx, account, entry)?, true),
                };
                if put_status(tx, key, &entry.status)? || is_changed {
                    changed.push(MailboxKey(key));
                }
            }
            for key in known.values() {
                remove_all(tx, *key)?;
                tx.execute("DELETE FROM mailbox WHERE key = ?1", [key])
                    .doing("removing a folder")?;
                changed.push(MailboxKey(*key));
            }
            let unmade = tree_ops::refold(tx, account.0)?;
            Ok((changed, known, unmade))
        })?;
        tree_ops::drop_unmade(self, &unmade, "the folder was not made")?;
        for (name, key) in gone {
            let reason = format!("the folder {name} is no longer on the server");
            let is_ours = tree_ops::is_deletion_open(&self.conn, account.0, &name)?;
            binding::reject_of_mailbox(self, MailboxKey(key), is_ours, &reason)?;
        }
        Ok(changed)
    }
}

const fn namespace(entry: &TreeEntry) -> &'static str {
    match entry.namespace {
        Namespace::Personal => "",
        Namespace::OtherUsers => OTHER_USERS,
        Namespace::Shared => SHARED,
    }
}

fn add(tx: &Connection, account: AccountKey, entry: &TreeEntry) -> Result<i64> {
    let key = keys::take(tx, What::Mailbox, 1).doing("adding a folder")?;
    tx.prepare_cached(
        "INSERT INTO mailbox (key, account, name, server_name, delimiter, role, is_subscribed,
           base_subscribed, is_selectable, namespace, rights)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut s| {
        s.execute((
            key,
            account.0,
            &entry.name,
            entry.delimiter.map(String::from),
            entry.role.map(crate::model::Role::name),
            entry.is_subscribed,
            entry.is_selectable,
            namespace(entry),
            entry.rights.map(Rights::letters),
        ))
    })
    .doing("adding a folder")?;
    Ok(key)
}

/// Updates what LIST says of a mailbox; whether anything was different.
fn update(tx: &Connection, key: i64, entry: &TreeEntry) -> Result<bool> {
    tx.prepare_cached(
        "UPDATE mailbox SET delimiter = ?2, role = ?3, base_subscribed = ?4, is_selectable = ?5,
           namespace = ?6, rights = coalesce(?7, rights)
         WHERE key = ?1
           AND (delimiter, role, base_subscribed, is_selectable, namespace, rights)
             IS NOT (?2, ?3, ?4, ?5, ?6, coalesce(?7, rights))
         RETURNING key",
    )
    .and_then(|mut s| {
        s.query_row(
            (
                key,
                entry.delimiter.map(String::from),
                entry.role.map(crate::model::Role::name),
                entry.is_subscribed,
                entry.is_selectable,
                namespace(entry),
                entry.rights.map(Rights::letters),
            ),
            |row| row.get::<_, i64>(0),
        )
        .optional()
    })
    .doing("writing the folders")
    .map(|row| row.is_some())
}
