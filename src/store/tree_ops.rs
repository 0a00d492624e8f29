//! Changes of the tree in the journal: recording them, showing them, and what became of them.
//!
//! Called by `journal` and `undo`, and by `engine::replay`. The tree that is shown must never be
//! written but by the fold.

use super::keys::{self, What};
use super::messages::remove_all;
use super::sql::{self, Doing};
use super::tree_fold::{self, Base, Change, Origin, is_within};
use super::{Error, Result, TreeClaim, Writer, binding};
use crate::model::{AccountKey, FolderChange, MailboxId, MailboxKey, OpKey, Role, TreeKey};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 500;

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
            ..Self::plain(account, name, Change::Create(name.to_owned()))
        }
    }

    fn plain(account: i64, name: &str, change: Change) -> Self {
        Self {
            account,
            change,
            name: name.to_owned(),
            role: None,
            agreed: 0,
        }
    }

    fn delete(account: i64, name: &str, agreed: u32) -> Self {
        Self {
            agreed,
            ..Self::plain(account, name, Change::Delete(name.to_owned()))
        }
    }

    fn rename(account: i64, from: &str, to: &str) -> Self {
        Self::plain(
            account,
            from,
            Change::Rename(from.to_owned(), to.to_owned()),
        )
    }

    fn subscribe(account: i64, name: &str, is_on: bool) -> Self {
        Self::plain(account, name, Change::Subscribe(name.to_owned(), is_on))
    }

    const fn verb(&self) -> &'static str {
        match self.change {
            Change::Create(_) => "create",
            Change::Rename(..) => "rename",
            Change::Delete(_) => "delete",
            Change::Subscribe(_, true) => "subscribe",
            Change::Subscribe(_, false) => "unsubscribe",
        }
    }
}

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
fn delimiter(tx: &Connection, account: i64) -> Result<Option<char>> {
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

/// Writes a change of the tree.
pub(super) fn add(tx: &Connection, op: i64, new: &NewTree) -> Result<()> {
    let to = match &new.change {
        Change::Rename(_, to) => to.as_str(),
        _ => "",
    };
    tx.prepare_cached(
        "INSERT INTO own.op_tree (op, account, verb, name, to_name, role, agreed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
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
        ))
    })
    .doing("recording a change")
    .map(drop)
}

/// A row of `own.op_tree`.
#[derive(Debug, Clone)]
struct Row {
    key: i64,
    op: i64,
    account: i64,
    verb: String,
    name: String,
    to_name: String,
    role: Option<Role>,
    agreed: u32,
    state: i64,
    next_try: i64,
    is_sent: bool,
    followed: String,
}

impl Row {
    fn change(&self) -> Change {
        match self.verb.as_str() {
            "create" => Change::Create(self.name.clone()),
            "rename" => Change::Rename(self.name.clone(), self.to_name.clone()),
            "delete" => Change::Delete(self.name.clone()),
            other => Change::Subscribe(self.name.clone(), other == "subscribe"),
        }
    }
}

fn rows(
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

fn base(tx: &Connection, account: i64) -> Result<Vec<Base>> {
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
        binding::reject_of_mailbox(writer, MailboxKey(*key), reason)?;
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
            Change::Create(name) => tree.push(NewTree::delete(account, &name, 0)),
            Change::Rename(from, to) => tree.push(NewTree::rename(account, &to, &from)),
            Change::Delete(_) if row.agreed > 0 => lost += 1,
            Change::Delete(name) => tree.push(NewTree::create(account, &name, row.role)),
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
            if row.state != 0 || row.next_try > now_secs || has_to_wait(tx, &row)? {
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
                Change::Create(name) => FolderChange::Create(id(&name)),
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
            binding::reject_of_mailbox(self, MailboxKey(mailbox), &reason)?;
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
        Change::Create(name) => has(&name),
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

/// Makes the server's tree, as we know it, what the change made of it. Returns deleted mailboxes.
fn apply(tx: &Connection, row: &Row) -> Result<Vec<i64>> {
    let doing = "settling changes";
    match row.change() {
        Change::Create(name) => {
            adopt(tx, row.account, &name)?;
            tx.execute(
                "UPDATE mailbox SET base_subscribed = 1 WHERE account = ?1 AND server_name = ?2",
                (row.account, &name),
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

/// Before a new list is compared with what we know: renames that were sent and never answered have
/// been done where the list says so, and what was to be made may be there.
pub(super) fn recognise(
    tx: &Connection,
    account: i64,
    is_listed: impl Fn(&str) -> bool,
) -> Result<()> {
    for row in rows(tx, "account = ?1 AND state < 2", [account])? {
        match row.change() {
            Change::Create(name) if is_listed(&name) => {
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
