//! Changes of the tree as replay sees them: taking the next one, and what became of it.
//!
//! Called by `engine::replay`. They are done in their order, one after the other; none must be
//! settled without the server's word.

use super::sql::Doing;
use super::take::is_due;
use super::tree_fold::{self, Change, is_within};
use super::tree_ops::{NOT_FOLLOWED, Row, apply, base, rows, show};
use super::tree_plan::delimiter;
use super::{Reader, Result, TreeClaim, Writer, binding};
use crate::model::{AccountKey, FolderChange, MailboxId, MailboxKey, OpKey, TreeKey};
use rusqlite::Connection;

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 500;

impl Reader {
    /// Whether a change of an account's tree was sent and its answer is not known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_tree_unsure(&self, account: AccountKey) -> Result<bool> {
        let open = rows(&self.conn, "account = ?1 AND state < 2", [account.0])?;
        Ok(open.iter().any(|r| r.is_sent))
    }
}

impl Writer {
    /// Takes the next change of an account's tree that is due; they are done one after the other.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn claim_tree(&mut self, account: AccountKey, now_secs: i64) -> Result<Option<TreeClaim>> {
        let open = "account = ?1 AND state < 2";
        if rows(&self.conn, open, [account.0])?.is_empty() {
            return Ok(None);
        }
        self.write_journal("taking changes to send", |tx| {
            let Some(row) = rows(tx, open, [account.0])?.into_iter().next() else {
                return Ok(None);
            };
            if row.state != 0 || !is_due(row.next_try, now_secs) || has_to_wait(tx, &row)? {
                return Ok(None);
            }
            let is_done = is_done(tx, &row)?;
            let followed = match row.change() {
                Change::Rename(from, _) if !row.is_sent => followed(tx, account.0, &from)?,
                _ => row.followed.clone(),
            };
            tx.prepare_cached(
                "UPDATE own.op_tree SET state = 1, attempts = attempts + 1, sent = 1, followed = ?2
                 WHERE key = ?1",
            )
            .and_then(|mut s| s.execute((row.key, &followed)))
            .doing("taking changes to send")?;
            let id = |name: &str| MailboxId {
                account,
                name: name.to_owned(),
            };
            let change = match row.change() {
                Change::Create(name, _) => FolderChange::Create(id(&name)),
                Change::Rename(from, to) => FolderChange::Rename {
                    from: id(&from),
                    to,
                },
                Change::Delete(name) => FolderChange::Delete {
                    mailbox: id(&name),
                    agreed: row.agreed,
                },
                Change::Subscribe(name, is_on) => FolderChange::Subscribe(id(&name), is_on),
            };
            Ok(Some(TreeClaim {
                key: TreeKey(row.key),
                op: OpKey(row.op),
                change,
                role: row.role,
                is_done,
                is_followed: followed != NOT_FOLLOWED,
                followed: followed.lines().map(str::to_owned).collect(),
            }))
        })
    }

    /// The server did it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn settle_tree(&mut self, key: TreeKey) -> Result<()> {
        let Some(row) = rows(&self.conn, "key = ?1", [key.0])?.into_iter().next() else {
            return Ok(());
        };
        let gone = self.write("settling changes", |tx| apply(tx, &row))?;
        for mailbox in gone {
            let reason = format!("the folder {} was deleted", row.name);
            binding::reject_of_mailbox(self, MailboxKey(mailbox), true, &reason)?;
        }
        self.write_journal("settling changes", |tx| {
            if let Change::Rename(from, to) = row.change() {
                rename_targets(tx, row.account, &from, &to)?;
            }
            set_state(tx, &[row.key], 2, "", 0)
        })?;
        show(self, row.account, "the folder was not made")
    }

    /// The server refused it: what is left of the operation is taken back with it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn reject_tree(&mut self, key: TreeKey, reason: &str) -> Result<()> {
        let Some(row) = rows(&self.conn, "key = ?1", [key.0])?.into_iter().next() else {
            return Ok(());
        };
        self.write_journal("taking back refused changes", |tx| {
            let rest: Vec<i64> = rows(tx, "op = ?1 AND state < 2", [row.op])?
                .iter()
                .filter(|r| r.key >= row.key)
                .map(|r| r.key)
                .collect();
            set_state(tx, &rest, 3, reason, 0)
        })?;
        show(self, row.account, reason)
    }

    /// Not answered or not now: it waits, not before `next_try_secs`. `is_known`: the server may
    /// have done it.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn release_tree(&mut self, key: TreeKey, reason: &str, next_try_secs: i64) -> Result<()> {
        self.write_journal("putting changes back", |tx| {
            set_state(tx, &[key.0], 0, reason, next_try_secs)
        })
    }
}

fn set_state(tx: &Connection, keys: &[i64], state: i64, reason: &str, next_try: i64) -> Result<()> {
    let reason: String = reason.chars().take(REASON_MAX).collect();
    for key in keys {
        tx.prepare_cached(
            "UPDATE own.op_tree SET state = ?2, reason = ?3, next_try = ?4
             WHERE key = ?1 AND state < 2",
        )
        .and_then(|mut s| s.execute((key, state, &reason, next_try)))
        .doing("writing the journal")?;
    }
    Ok(())
}

/// A deletion waits for what was to be done before in what it deletes.
fn has_to_wait(tx: &Connection, row: &Row) -> Result<bool> {
    if row.verb != "delete" {
        return Ok(false);
    }
    tx.prepare_cached(
        "SELECT 1 FROM own.op_target t JOIN mailbox m ON m.key IN (t.mailbox, t.to_mailbox)
         WHERE t.state < 2 AND t.op < ?3 AND m.account = ?1 AND m.server_name = ?2
           AND t.verb <> 'flags'",
    )
    .and_then(|mut s| s.exists((row.account, &row.name, row.op)))
    .doing("reading the journal")
}

/// What is subscribed to within a mailbox. Servers leave subscriptions where they were when a
/// mailbox is renamed (RFC 9051 §6.3.6), so they are to be renewed.
fn followed(tx: &Connection, account: i64, top: &str) -> Result<String> {
    let names: Vec<String> = base(tx, account)?
        .into_iter()
        .filter(|b| b.is_subscribed && is_within(&b.name, top, b.delimiter))
        .map(|b| b.name)
        .collect();
    Ok(names.join("\n"))
}

/// Whether the server's tree, as last listed, is as the change wants it.
fn is_done(tx: &Connection, row: &Row) -> Result<bool> {
    let has = |name: &str| {
        tx.prepare_cached("SELECT 1 FROM mailbox WHERE account = ?1 AND server_name = ?2")
            .and_then(|mut s| s.exists((row.account, name)))
            .doing("reading a folder")
    };
    match row.change() {
        Change::Create(name, _) => has(&name),
        Change::Rename(from, to) => Ok(row.is_sent && !has(&from)? && has(&to)?),
        Change::Delete(name) => Ok(row.is_sent && !has(&name)?),
        Change::Subscribe(name, is_on) => tx
            .prepare_cached(
                "SELECT 1 FROM mailbox WHERE account = ?1 AND server_name = ?2
                   AND base_subscribed = ?3",
            )
            .and_then(|mut s| s.exists((row.account, &name, is_on)))
            .doing("reading a folder"),
    }
}

/// Gives the targets of renamed mailboxes their new durable names.
fn rename_targets(tx: &Connection, account: i64, from: &str, to: &str) -> Result<()> {
    let delimiter = delimiter(tx, account)?;
    let open: Vec<(i64, i64, String, i64, String)> = tx
        .prepare_cached(
            "SELECT key, coalesce(nullif(from_account, 0), account), mailbox_name, to_account,
               to_name FROM own.op_target WHERE state < 2",
        )
        .and_then(|mut s| {
            s.query_map((), |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?
            .collect()
        })
        .doing("reading the journal")?;
    for (key, source, mailbox_name, to_account, to_name) in open {
        let new_source = (source == account)
            .then(|| tree_fold::renamed(&mailbox_name, from, to, delimiter))
            .flatten();
        let new_to = (to_account == account)
            .then(|| tree_fold::renamed(&to_name, from, to, delimiter))
            .flatten();
        if new_source.is_none() && new_to.is_none() {
            continue;
        }
        tx.prepare_cached(
            "UPDATE own.op_target SET mailbox_name = ?2, to_name = ?3 WHERE key = ?1",
        )
        .and_then(|mut s| {
            s.execute((
                key,
                new_source.as_ref().unwrap_or(&mailbox_name),
                new_to.as_ref().unwrap_or(&to_name),
            ))
        })
        .doing("writing the journal")?;
    }
    Ok(())
}
