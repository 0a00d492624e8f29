//! What a change of the tree means: which mailboxes it concerns, in which order, and whether it may be.
//!
//! Called by `journal` before anything is written. A deletion must never be planned that loses more
//! messages than the user agreed to.

use super::sql::{self, Doing};
use super::tree_fold::is_within;
use super::tree_ops::NewTree;
use super::{Error, Result};
use crate::model::{FolderChange, MailboxId, Role};
use rusqlite::{Connection, OptionalExtension};

/// What a change of the tree means, mailbox by mailbox.
pub(super) fn plan(tx: &Connection, change: &FolderChange) -> Result<Vec<NewTree>> {
    let id = change.mailbox();
    let account = id.account.0;
    let is_inbox = id.name.eq_ignore_ascii_case("INBOX");
    if is_inbox
        && matches!(
            change,
            FolderChange::Rename { .. } | FolderChange::Delete { .. }
        )
    {
        return Err(Error::Inbox);
    }
    match change {
        FolderChange::Create(_) => {
            if shown_key(tx, account, &id.name)?.is_some() {
                return Err(Error::MailboxExists {
                    name: id.name.clone(),
                });
            }
            Ok(vec![NewTree::create(account, &id.name, None)])
        }
        FolderChange::Rename { to, .. } => {
            let delimiter = delimiter(tx, account)?;
            // A level that only holds others may not have been listed yet.
            if !holds_any(tx, account, &id.name, delimiter)? {
                there(tx, id)?;
            }
            if shown_key(tx, account, to)?.is_some() || is_within(to, &id.name, delimiter) {
                return Err(Error::MailboxExists { name: to.clone() });
            }
            Ok(vec![NewTree::rename(account, &id.name, to)])
        }
        FolderChange::Delete { agreed, .. } => {
            there(tx, id)?;
            plan_delete(tx, id, *agreed)
        }
        FolderChange::Subscribe(_, is_on) => {
            there(tx, id)?;
            let is_so = tx
                .prepare_cached(
                    "SELECT 1 FROM mailbox WHERE account = ?1 AND name = ?2 AND is_gone = 0
                       AND is_subscribed = ?3",
                )
                .and_then(|mut s| s.exists((account, &id.name, is_on)))
                .doing("reading a folder")?;
            if is_so {
                return Ok(Vec::new());
            }
            Ok(vec![NewTree::subscribe(account, &id.name, *is_on)])
        }
    }
}

/// The deepest first: a server deletes only what has nothing below it.
fn plan_delete(tx: &Connection, id: &MailboxId, agreed: u32) -> Result<Vec<NewTree>> {
    let account = id.account.0;
    let delimiter = delimiter(tx, account)?;
    let mut within: Vec<(String, u32)> = tx
        .prepare_cached(
            "SELECT name, CASE WHEN is_complete THEN total
               ELSE max(total, coalesce(server_messages, 0)) END
             FROM mailbox WHERE account = ?1 AND is_gone = 0",
        )
        .and_then(|mut s| {
            s.query_map([account], |row| Ok((row.get(0)?, sql::count(row.get(1)?))))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .doing("reading the folders")?;
    within.retain(|(name, _)| is_within(name, &id.name, delimiter));
    let messages: u32 = within.iter().map(|(_, n)| *n).sum();
    if messages > agreed {
        return Err(Error::MailboxNotEmpty {
            name: id.name.clone(),
            messages,
        });
    }
    within.sort_by(|a, b| b.0.cmp(&a.0));
    Ok(within
        .into_iter()
        .map(|(name, count)| NewTree::delete(account, &name, count))
        .collect())
}

fn there(tx: &Connection, id: &MailboxId) -> Result<i64> {
    shown_key(tx, id.account.0, &id.name)?.ok_or_else(|| Error::NoMailbox {
        name: id.name.clone(),
    })
}

/// Whether any mailbox lies below that name.
fn holds_any(tx: &Connection, account: i64, name: &str, delimiter: Option<char>) -> Result<bool> {
    let Some(delimiter) = delimiter else {
        return Ok(false);
    };
    tx.prepare_cached(
        "SELECT 1 FROM mailbox WHERE account = ?1 AND is_gone = 0
           AND substr(name, 1, length(?2)) = ?2 LIMIT 1",
    )
    .and_then(|mut s| s.exists((account, format!("{name}{delimiter}"))))
    .doing("reading the folders")
}

fn shown_key(tx: &Connection, account: i64, name: &str) -> Result<Option<i64>> {
    tx.prepare_cached(
        "SELECT key FROM mailbox WHERE account = ?1 AND name = ?2 AND is_gone = 0 LIMIT 1",
    )
    .and_then(|mut s| s.query_row((account, name), |row| row.get(0)).optional())
    .doing("reading a folder")
}

/// What separates the levels of names in an account.
pub(super) fn delimiter(tx: &Connection, account: i64) -> Result<Option<char>> {
    let text: Option<String> = tx
        .prepare_cached(
            "SELECT delimiter FROM mailbox WHERE account = ?1 AND delimiter IS NOT NULL
             ORDER BY namespace <> '', name <> 'INBOX' LIMIT 1",
        )
        .and_then(|mut s| s.query_row([account], |row| row.get(0)).optional())
        .doing("reading a folder")?;
    Ok(text.and_then(|t| t.chars().next()))
}

/// What a mailbox for that use is called where there is none yet: as others have it, and where the
/// server keeps everything below INBOX, there.
pub(super) fn name_for(tx: &Connection, account: i64, role: Role) -> Result<String> {
    let leaf = match role {
        Role::Inbox => return Ok("INBOX".to_owned()),
        Role::Archive => "Archive",
        Role::Drafts => "Drafts",
        Role::Sent => "Sent",
        Role::Junk => "Junk",
        Role::Trash => "Trash",
    };
    let Some(delimiter) = delimiter(tx, account)? else {
        return Ok(leaf.to_owned());
    };
    let prefix = format!("INBOX{delimiter}");
    let (others, below): (i64, i64) = tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(substr(server_name, 1, length(?2)) = ?2), 0)
             FROM mailbox WHERE account = ?1 AND namespace = '' AND server_name IS NOT NULL
               AND name <> 'INBOX'",
        )
        .and_then(|mut s| s.query_row((account, &prefix), |row| Ok((row.get(0)?, row.get(1)?))))
        .doing("reading the folders")?;
    if others > 0 && others == below {
        return Ok(format!("{prefix}{leaf}"));
    }
    Ok(leaf.to_owned())
}
