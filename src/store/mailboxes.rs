//! Accounts, mailboxes with their counts, and how far each is in step.
//!
//! Called by `engine` for the tree and by the pull. Counts must never be worked out by scanning.

use super::placements::Tally;
use super::sql::{self, Doing};
use super::{AccountRow, Cursor, Reader, Result, ServerStatus, Writer, binding, eras, transit};
use crate::model::{
    AccountKey, Mailbox, MailboxKey, ModSeq, Namespace, Rights, Role, Uid, UidValidity,
};
use rusqlite::{Connection, OptionalExtension, Row};

/// Namespaces as the column holds them; one's own is the empty text.
pub(super) const OTHER_USERS: &str = "other_users";
pub(super) const SHARED: &str = "shared";

impl Writer {
    /// The key of the account of that name, made on first use.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn account(&mut self, name: &str) -> Result<AccountKey> {
        if let Some(key) = account(&self.conn, name)? {
            return Ok(key);
        }
        self.write("adding an account", |tx| {
            tx.execute(
                "INSERT INTO own.account (name) VALUES (?1) ON CONFLICT DO NOTHING",
                [name],
            )
            .doing("adding an account")?;
            Ok(account(tx, name)?.unwrap_or(AccountKey(tx.last_insert_rowid())))
        })
    }

    /// Moves the cursor after a pull, and takes over what SELECT or STATUS said. When the first
    /// pull of an era is complete, what is left of the era before goes.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_cursor(
        &mut self,
        mailbox: MailboxKey,
        cursor: Cursor,
        status: ServerStatus,
    ) -> Result<()> {
        let is_complete_now = self.write("writing how far a folder is in step", |tx| {
            let doing = "writing how far a folder is in step";
            let (before, stale): (Cursor, bool) = tx
                .prepare_cached(
                    "SELECT uid_validity, uid_next, mod_seq, is_complete, stale FROM mailbox
                     WHERE key = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([mailbox.0], |row| Ok((cursor_at(row, 0)?, row.get(4)?)))
                        .optional()
                })
                .doing(doing)?
                .unwrap_or_default();
            if cursor.mod_seq < before.mod_seq {
                // The server counts anew: what was noted before would make its news look old.
                tx.execute(
                    "UPDATE placement SET mod_seq = 0 WHERE mailbox = ?1 AND mod_seq > 0",
                    [mailbox.0],
                )
                .doing(doing)?;
            }
            tx.prepare_cached(
                "UPDATE mailbox SET uid_validity = ?2, uid_next = ?3, mod_seq = ?4,
                   is_complete = ?5 WHERE key = ?1",
            )
            .and_then(|mut s| {
                s.execute((
                    mailbox.0,
                    cursor.uid_validity.map(UidValidity::get),
                    cursor.uid_next.map(Uid::get),
                    sql::signed(cursor.mod_seq.0),
                    cursor.is_complete,
                ))
            })
            .doing(doing)?;
            put_status(tx, mailbox.0, &status)?;
            Ok(cursor.is_complete && (stale || !before.is_complete))
        })?;
        if is_complete_now {
            eras::end_old(self, mailbox)?;
        }
        Ok(())
    }

    /// The whole mailbox was looked through: what was to have arrived before that, and is not in
    /// it, is gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn end_awaited(&mut self, mailbox: MailboxKey) -> Result<()> {
        if !transit::is_any_awaited(&self.conn, mailbox.0)? {
            return Ok(());
        }
        let waited = self.write("looking for messages on their way", |tx| {
            let mut tally = Tally::default();
            let waited = transit::end_awaited(tx, mailbox.0, &mut tally)?;
            tally.write(tx)?;
            Ok(waited)
        })?;
        binding::sources_gone(self, &waited)
    }
}

/// Takes over what the server said; what it did not say stays.
pub(super) fn put_status(tx: &Connection, mailbox: i64, status: &ServerStatus) -> Result<bool> {
    tx.prepare_cached(
        "UPDATE mailbox SET server_messages = coalesce(?2, server_messages),
           server_unseen = coalesce(?3, server_unseen),
           server_uid_next = coalesce(?4, server_uid_next),
           server_uid_validity = coalesce(?5, server_uid_validity),
           server_mod_seq = coalesce(?6, server_mod_seq)
         WHERE key = ?1 AND (server_messages, server_unseen, server_uid_next,
             server_uid_validity, server_mod_seq)
           IS NOT (coalesce(?2, server_messages), coalesce(?3, server_unseen),
             coalesce(?4, server_uid_next), coalesce(?5, server_uid_validity),
             coalesce(?6, server_mod_seq))",
    )
    .and_then(|mut s| {
        s.execute((
            mailbox,
            status.messages,
            status.unseen,
            status.uid_next.map(Uid::get),
            status.uid_validity.map(UidValidity::get),
            status.mod_seq.map(|m| sql::signed(m.0)),
        ))
    })
    .doing("writing what the server said of a folder")
    .map(|rows| rows > 0)
}

impl Reader {
    /// All accounts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountRow>> {
        self.conn
            .prepare_cached(
                "SELECT key, name, (SELECT count(*) FROM own.op_target
                     WHERE account = a.key AND state < 2)
                   + (SELECT count(*) FROM own.op_tree WHERE account = a.key AND state < 2)
                 FROM own.account a ORDER BY key",
            )
            .and_then(|mut s| {
                s.query_map((), |row| {
                    Ok(AccountRow {
                        key: AccountKey(row.get(0)?),
                        name: row.get(1)?,
                        pending: sql::count(row.get(2)?),
                    })
                })?
                .collect()
            })
            .doing("reading the accounts")
    }

    /// The mailboxes of an account as they are shown, in the order of the tree, with counts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn mailboxes(&self, account: AccountKey) -> Result<Vec<Mailbox>> {
        self.tree(account, "name, is_subscribed", "is_gone = 0")
    }

    /// The mailboxes that the server has, under the names that it has for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn server_mailboxes(&self, account: AccountKey) -> Result<Vec<Mailbox>> {
        self.tree(
            account,
            "server_name, base_subscribed",
            "server_name IS NOT NULL",
        )
    }

    fn tree(
        &self,
        account: AccountKey,
        names: &'static str,
        condition: &'static str,
    ) -> Result<Vec<Mailbox>> {
        let mut all: Vec<Mailbox> = self
            .conn
            .prepare_cached(&format!(
                "SELECT key, account, {names}, delimiter, role, is_selectable,
                   is_complete, total, unread, base_unread, server_messages, server_unseen,
                   namespace, rights, is_pending
                 FROM mailbox WHERE account = ?1 AND {condition}"
            ))
            .and_then(|mut s| s.query_map([account.0], mailbox_row)?.collect())
            .doing("reading the folders")?;
        let ranks: Vec<(String, usize)> = all
            .iter()
            .filter_map(|m| Some((m.name.clone(), rank(m.role?))))
            .collect();
        all.sort_by_cached_key(|m| (tree_rank(m, &ranks), levels(m)));
        Ok(all)
    }

    /// What the last LIST said of each mailbox of the account, to compare with the next one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn statuses(&self, account: AccountKey) -> Result<Vec<(MailboxKey, String, ServerStatus)>> {
        self.conn
            .prepare_cached(
                "SELECT key, server_name, server_messages, server_unseen, server_uid_next,
                   server_uid_validity, server_mod_seq FROM mailbox
                 WHERE account = ?1 AND server_name IS NOT NULL ORDER BY server_name",
            )
            .and_then(|mut s| {
                s.query_map([account.0], |row| {
                    Ok((MailboxKey(row.get(0)?), row.get(1)?, status_at(row, 2)?))
                })?
                .collect()
            })
            .doing("reading the folders")
    }

    /// How far a mailbox is in step.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self, mailbox: MailboxKey) -> Result<Cursor> {
        cursor(&self.conn, mailbox)
    }
}

impl Writer {
    /// How far a mailbox is in step; the empty cursor for one that is not there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn cursor(&self, mailbox: MailboxKey) -> Result<Cursor> {
        cursor(&self.conn, mailbox)
    }
}

/// How far a mailbox is in step; the empty cursor for one that is not there.
pub(super) fn cursor(conn: &Connection, mailbox: MailboxKey) -> Result<Cursor> {
    conn.prepare_cached(
        "SELECT uid_validity, uid_next, mod_seq, is_complete FROM mailbox WHERE key = ?1",
    )
    .and_then(|mut s| s.query_row([mailbox.0], |row| cursor_at(row, 0)).optional())
    .doing("reading how far a folder is in step")
    .map(Option::unwrap_or_default)
}

fn cursor_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Cursor> {
    Ok(Cursor {
        uid_validity: row.get::<_, Option<u32>>(at)?.and_then(UidValidity::new),
        uid_next: row.get::<_, Option<u32>>(at + 1)?.and_then(Uid::new),
        mod_seq: ModSeq(sql::unsigned(row.get(at + 2)?)),
        is_complete: row.get(at + 3)?,
    })
}

fn status_at(row: &Row<'_>, at: usize) -> rusqlite::Result<ServerStatus> {
    Ok(ServerStatus {
        messages: row.get(at)?,
        unseen: row.get(at + 1)?,
        uid_next: row.get::<_, Option<u32>>(at + 2)?.and_then(Uid::new),
        uid_validity: row
            .get::<_, Option<u32>>(at + 3)?
            .and_then(UidValidity::new),
        mod_seq: row
            .get::<_, Option<i64>>(at + 4)?
            .map(|m| ModSeq(sql::unsigned(m))),
    })
}

fn mailbox_row(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    let is_complete: bool = row.get(7)?;
    let (mut total, mut unread): (i64, i64) = (row.get(8)?, row.get(9)?);
    if !is_complete {
        // The server knows of messages that we have not listed yet; we know of changes that it
        // has not been told of.
        let waiting = unread - row.get::<_, i64>(10)?;
        total = total.max(row.get::<_, Option<i64>>(11)?.unwrap_or(0));
        unread = unread.max(row.get::<_, Option<i64>>(12)?.map_or(0, |n| n + waiting));
    }
    Ok(Mailbox {
        key: MailboxKey(row.get(0)?),
        account: AccountKey(row.get(1)?),
        name: row.get(2)?,
        is_subscribed: row.get(3)?,
        delimiter: row
            .get::<_, Option<String>>(4)?
            .and_then(|d| d.chars().next()),
        role: row
            .get::<_, Option<String>>(5)?
            .and_then(|r| Role::from_name(&r)),
        is_selectable: row.get(6)?,
        namespace: match row.get_ref(13)?.as_str().unwrap_or_default() {
            OTHER_USERS => Namespace::OtherUsers,
            SHARED => Namespace::Shared,
            _ => Namespace::Personal,
        },
        rights: row
            .get::<_, Option<String>>(14)?
            .map_or(Rights::ALL, |letters| Rights::from_letters(&letters)),
        is_pending: row.get(15)?,
        total: sql::count(total),
        unread: sql::count(unread.min(total)),
    })
}

fn rank(role: Role) -> usize {
    Role::ALL.iter().position(|r| *r == role).unwrap_or(0)
}

/// Roles come first; what lies below one follows it. Not below INBOX: some servers put everything
/// there, and then Drafts and Sent would end up behind all of it.
fn tree_rank(mailbox: &Mailbox, ranks: &[(String, usize)]) -> usize {
    if let Some(role) = mailbox.role {
        return rank(role);
    }
    let is_above = |name: &str| {
        mailbox.delimiter.is_some_and(|d| {
            mailbox
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(d))
        })
    };
    ranks
        .iter()
        .filter(|(name, rank)| *rank > 0 && is_above(name))
        .map(|(_, rank)| *rank)
        .next()
        .unwrap_or(Role::ALL.len())
}

/// The levels of a name for sorting: children after their parents, by name whatever the case.
fn levels(mailbox: &Mailbox) -> Vec<(String, String)> {
    let level = |part: &str| (super::text::fold(part), part.to_owned());
    match mailbox.delimiter {
        Some(d) => mailbox.name.split(d).map(level).collect(),
        None => vec![level(&mailbox.name)],
    }
}

fn account(conn: &Connection, name: &str) -> Result<Option<AccountKey>> {
    conn.prepare_cached("SELECT key FROM own.account WHERE name = ?1")
        .and_then(|mut s| s.query_row([name], |row| row.get(0)).optional())
        .doing("reading the accounts")
        .map(|key| key.map(AccountKey))
}
