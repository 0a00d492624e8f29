//! The rows of a page, ready to show.
//!
//! Called by `engine` for what is on the screen and a little around it. Text must never leave here
//! but through `Safe`, and no row may cost more than a few look-ups.

use super::scan::{Plan, thread_items};
use super::search::{Filter, in_mailboxes};
use super::sql::{self, Doing};
use super::view::{Slot, View};
use super::{Reader, Result};
use crate::model::{
    AccountKey, FlagSet, ListRow, MailboxKey, MessageKey, Rest, Role, Safe, ThreadKey, ViewSpec,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};
use std::collections::BTreeSet;

/// How many names a row shows.
const NAMES_MAX: usize = 8;
/// How many messages of a thread are asked for their senders.
const SENDERS_MAX: usize = 64;

/// What a row is made of, by message and mailbox.
pub(super) const ROW: &str =
    "SELECT p.thread, p.arrived, p.flags, p.words, p.is_pending, m.account,
    m.is_here, m.has_attachment, m.size, m.subject, m.sender, m.preview, m.recipients, b.role,
    CASE WHEN m.local = 0 OR m.is_here THEN 0 ELSE
      (SELECT CASE WHEN r.drop_size = 0 THEN 0 ELSE
         coalesce((SELECT 1 + max(d.is_wanted) FROM local.maildrop d WHERE d.raw = r.key), 3) END
       FROM local.raw r WHERE r.key = m.local) END
  FROM placement p CROSS JOIN message m ON m.key = p.message
    CROSS JOIN mailbox b ON b.key = p.mailbox
  WHERE p.message = ?1 AND p.mailbox = ?2";

impl Reader {
    /// The rows of a view from `offset` on, ready to show. A message that went since the view was
    /// made is left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn rows(&self, view: &View, offset: u32, len: u32) -> Result<Vec<ListRow>> {
        let end = offset.saturating_add(len).min(view.len());
        let Some(spec) = view.spec().filter(|_| offset < end) else {
            return Ok(Vec::new());
        };
        let filter = Filter::new(&self.conn, spec.filter.as_ref())?;
        let plan = match &spec.threads {
            Some(_) if !view.is_complete() => Some(Plan::new(&self.conn, spec)?),
            _ => None,
        };
        let mut page = Page::new(&self.conn, view, spec, &filter, plan).doing("reading rows")?;
        (offset..end)
            .filter_map(|at| view.slot(at).map(|slot| (at, slot)))
            .filter_map(|(at, slot)| page.row(at, slot).transpose())
            .collect::<rusqlite::Result<_>>()
            .doing("reading rows")
    }
}

struct Page<'a> {
    view: &'a View,
    spec: &'a ViewSpec,
    row: CachedStatement<'a>,
    /// Senders of a thread, the latest first.
    senders: CachedStatement<'a>,
    /// For the counts of threads where only the head of the view is known.
    plan: Option<Plan>,
    conn: &'a Connection,
}

impl<'a> Page<'a> {
    fn new(
        conn: &'a Connection,
        view: &'a View,
        spec: &'a ViewSpec,
        filter: &Filter,
        plan: Option<Plan>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            view,
            spec,
            row: conn.prepare_cached(ROW)?,
            senders: filter.prepare(conn, &senders_sql(view.mailboxes(), filter), &[])?,
            plan,
            conn,
        })
    }

    fn row(&mut self, at: u32, slot: &Slot) -> rusqlite::Result<Option<ListRow>> {
        let mailbox = self.view.mailbox(slot.mailbox);
        let key = (slot.message(), mailbox);
        let found = self
            .row
            .query_row(key, |row| read(row, key, slot.depth))
            .optional()?;
        let Some((mut row, recipients)) = found else {
            return Ok(None);
        };
        let is_folded = self
            .spec
            .threads
            .as_ref()
            .is_some_and(|f| !f.is_unfolded(row.thread));
        (row.count, row.unread) = self.view.counts(at);
        if is_folded && !self.view.is_complete() {
            (row.count, row.unread) = self.counts_of(row.thread)?;
        }
        if let Some(recipients) = recipients {
            row.who = names(sql::addresses_iter(&recipients).map(|a| a.shown().to_owned()));
        } else if is_folded && row.count > 1 {
            let mut senders = self.senders_of(row.thread)?;
            senders.reverse();
            row.who = names(senders.into_iter());
        }
        Ok(Some(row))
    }

    /// How many messages a thread has in the view, and how many of them are unread.
    fn counts_of(&self, thread: ThreadKey) -> rusqlite::Result<(u32, u32)> {
        let Some(plan) = &self.plan else {
            return Ok((1, 0));
        };
        let items = thread_items(self.conn, plan, thread.0)?;
        let unread = items.iter().filter(|i| i.is_unread()).count();
        Ok((sql::len(items.len()), sql::len(unread)))
    }

    /// The last distinct senders of a thread, the latest first.
    fn senders_of(&mut self, thread: ThreadKey) -> rusqlite::Result<Vec<String>> {
        self.senders.raw_bind_parameter(1, thread.0)?;
        let mut rows = self.senders.raw_query();
        let mut seen = BTreeSet::new();
        let mut senders = Vec::new();
        while let Some(row) = rows.next()? {
            let sender = sender(row.get_ref(0)?.as_str().unwrap_or_default());
            if seen.insert(sender.clone()) {
                senders.push(sender);
            }
            if senders.len() >= NAMES_MAX {
                break;
            }
        }
        Ok(senders)
    }
}

/// The statement that reads the senders of a thread within a view.
pub(super) fn senders_sql(mailboxes: &[i64], filter: &Filter) -> String {
    // The plus keeps SQLite from walking through the mailbox instead of the thread.
    let scope = in_mailboxes(mailboxes).replacen("p.mailbox", "+p.mailbox", 1);
    format!(
        "SELECT m.sender FROM placement p CROSS JOIN message m ON m.key = p.message
         WHERE p.thread = ?1 AND {scope}{} ORDER BY p.arrived DESC LIMIT {SENDERS_MAX}",
        filter.and()
    )
}

/// A row of one message, and its recipients where they are what is shown.
fn read(
    row: &Row<'_>,
    (message, mailbox): (i64, i64),
    depth: u8,
) -> rusqlite::Result<(ListRow, Option<String>)> {
    let text =
        |at: usize| -> rusqlite::Result<&str> { Ok(row.get_ref(at)?.as_str().unwrap_or_default()) };
    let flags = FlagSet::from_stored(sql::bits(row.get(2)?), text(3)?);
    let is_outgoing = matches!(Role::from_name(text(13)?), Some(Role::Sent | Role::Drafts));
    let list_row = ListRow {
        message: MessageKey(message),
        mailbox: MailboxKey(mailbox),
        account: AccountKey(row.get(5)?),
        thread: ThreadKey(row.get(0)?),
        count: 1,
        unread: 0,
        depth,
        who: Safe::line(&sender(text(10)?)),
        subject: Safe::line(text(9)?),
        preview: Safe::line(text(11)?),
        arrived_secs: row.get(1)?,
        tags: flags.keywords().map(|k| Safe::line(k.as_str())).collect(),
        flags,
        has_attachment: row.get(7)?,
        size_bytes: sql::unsigned(row.get(8)?),
        is_pending: row.get(4)?,
        is_here: row.get(6)?,
        rest: rest(row.get(14)?),
    };
    let recipients = if is_outgoing {
        Some(text(12)?.to_owned())
    } else {
        None
    };
    Ok((list_row, recipients))
}

/// How the rest of a message stands, as statements say it.
pub(super) const fn rest(said: Option<i64>) -> Rest {
    match said {
        None | Some(0) => Rest::Here,
        Some(1) => Rest::OnServer,
        Some(2) => Rest::Asked,
        Some(_) => Rest::Lost,
    }
}

fn sender(list: &str) -> String {
    sql::addresses_iter(list)
        .next()
        .map_or_else(String::new, |a| a.shown().to_owned())
}

fn names(all: impl Iterator<Item = String>) -> Safe {
    let parts: Vec<Safe> = all.take(NAMES_MAX).map(|n| Safe::line(&n)).collect();
    Safe::join(&parts, ", ")
}
