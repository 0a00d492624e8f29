//! Reading placements in the order of a view.
//!
//! Called by `order`. The newest first is the order of the table itself; a scan must never join
//! what the view does not ask for.

use super::Result;
use super::search::{Filter, in_mailboxes};
use super::sql::{self, Doing, meta};
use super::threads::id_hash;
use super::tree::{Member, arrange};
use crate::model::{Flag, Scope, Sort, ViewSpec};
use rusqlite::{Connection, Row};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

/// What a view reads of a placement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) arrived: i64,
    pub(super) uid: i64,
    pub(super) message: i64,
    pub(super) thread: i64,
    pub(super) flags: u8,
    /// The number of its mailbox in the plan.
    pub(super) mailbox: u16,
}

impl Item {
    pub(super) const fn is_unread(&self) -> bool {
        self.flags & Flag::Seen.bit() == 0
    }

    /// The order of the list: the newest first, then the later id, then the mailbox.
    fn rank(&self) -> (i64, i64, Reverse<u16>) {
        (self.arrived, self.uid, Reverse(self.mailbox))
    }

    fn from_row(row: &Row<'_>, mailbox: u16) -> rusqlite::Result<Self> {
        Ok(Self {
            arrived: row.get(0)?,
            uid: row.get(1)?,
            message: row.get(2)?,
            thread: row.get(3)?,
            flags: sql::bits(row.get(4)?),
            mailbox,
        })
    }
}

const ITEM: &str = "p.arrived, p.uid, p.message, p.thread, p.flags, p.mailbox";

/// A view's specification with everything looked up.
#[derive(Debug)]
pub(super) struct Plan {
    /// Mailboxes in ascending order of their keys.
    pub(super) mailboxes: Vec<i64>,
    /// The thread, where the scope is one.
    pub(super) thread: Option<i64>,
    pub(super) sort: Sort,
    pub(super) filter: Filter,
    /// Whether a message can lie in two of the mailboxes.
    pub(super) can_repeat: bool,
    /// How many messages there can be at most.
    total: i64,
    /// Every key is below this.
    next_key: i64,
}

impl Plan {
    pub(super) fn new(conn: &Connection, spec: &ViewSpec) -> Result<Self> {
        let filter = Filter::new(conn, spec.filter.as_ref())?;
        Self::with(conn, spec, filter).doing("reading a list")
    }

    fn with(conn: &Connection, spec: &ViewSpec, filter: Filter) -> rusqlite::Result<Self> {
        let list = |condition: &str, value: &dyn rusqlite::ToSql| {
            conn.prepare_cached(&format!(
                "SELECT key, account, total FROM mailbox WHERE {condition}
                 ORDER BY key LIMIT 65535"
            ))?
            .query_map([value], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<Vec<(i64, i64, i64)>>>()
        };
        let (found, thread, sort) = match &spec.scope {
            Scope::Mailbox(key) => (list("key = ?1", &key.0)?, None, spec.sort),
            Scope::Role(role) => (
                list("role = ?1 AND total > 0 AND is_gone = 0", &role.name())?,
                None,
                spec.sort,
            ),
            Scope::Everywhere(Some(account)) => (
                list("account = ?1 AND total > 0 AND is_gone = 0", &account.0)?,
                None,
                spec.sort,
            ),
            Scope::Everywhere(None) => (list("total > ?1 AND is_gone = 0", &0)?, None, spec.sort),
            Scope::Thread(thread) => {
                let of_thread =
                    "is_gone = 0 AND key IN (SELECT mailbox FROM placement WHERE thread = ?1)";
                (list(of_thread, &thread.0)?, Some(thread.0), Sort::Oldest)
            }
        };
        let accounts: BTreeSet<i64> = found.iter().map(|f| f.1).collect();
        Ok(Self {
            can_repeat: accounts.len() < found.len(),
            total: found.iter().map(|f| f.2).sum(),
            mailboxes: found.into_iter().map(|f| f.0).collect(),
            thread,
            sort,
            filter,
            next_key: meta(conn, "main", "next_message")?.unwrap_or(1),
        })
    }

    /// How many keys there are, where they are so dense that a table of all is worth its memory.
    pub(super) fn dense(&self) -> Option<usize> {
        let is_dense = self.next_key <= self.total.saturating_mul(4).saturating_add(1 << 16);
        usize::try_from(self.next_key).ok().filter(|_| is_dense)
    }

    /// The number of a mailbox.
    fn number(&self, mailbox: i64) -> Option<u16> {
        u16::try_from(self.mailboxes.binary_search(&mailbox).ok()?).ok()
    }

    fn scope(&self) -> String {
        match self.thread {
            Some(thread) => format!("p.thread = {thread}"),
            None => in_mailboxes(&self.mailboxes),
        }
    }

    /// The statement that reads one mailbox, the newest first.
    pub(super) fn newest_sql(&self) -> String {
        format!(
            "SELECT {ITEM} FROM placement p{} WHERE p.mailbox = ?1{}
             ORDER BY p.arrived DESC, p.uid DESC",
            self.filter.join(),
            self.filter.and()
        )
    }

    /// The statement that reads the next piece of one mailbox.
    pub(super) fn piece_sql(&self) -> String {
        format!(
            "SELECT {ITEM} FROM placement p{} WHERE p.mailbox = ?1 AND (p.arrived, p.uid) < (?2, ?3){}
             ORDER BY p.arrived DESC, p.uid DESC LIMIT ?4",
            self.filter.join(),
            self.filter.and()
        )
    }

    /// The statement that reads all in another order than the newest first.
    pub(super) fn sorted_sql(&self) -> String {
        let (order, join) = match self.sort {
            Sort::Newest => ("p.arrived DESC", self.filter.join()),
            Sort::Oldest => ("p.arrived ASC", self.filter.join()),
            Sort::From => ("sender_key(m.sender)", MESSAGE),
            Sort::Subject => ("subject_key(m.subject)", MESSAGE),
            Sort::Size => ("m.size DESC", MESSAGE),
        };
        format!(
            "SELECT {ITEM} FROM placement p{join} WHERE {}{} ORDER BY {order}, p.uid DESC, p.mailbox",
            self.scope(),
            self.filter.and()
        )
    }

    /// The statement that reads what of one thread is in the view.
    pub(super) fn thread_sql(&self) -> String {
        let scope = match self.thread {
            Some(_) => "1".to_owned(),
            None => in_mailboxes(&self.mailboxes).replacen("p.mailbox", "+p.mailbox", 1),
        };
        format!(
            "SELECT {ITEM} FROM placement p{} WHERE p.thread = ?1 AND {scope}{}",
            self.filter.join(),
            self.filter.and()
        )
    }
}

const MESSAGE: &str = " CROSS JOIN message m ON m.key = p.message";

/// Reads the view's messages, the newest first, until `each` says no.
pub(super) fn newest(
    conn: &Connection,
    plan: &Plan,
    rows: Option<usize>,
    mut each: impl FnMut(&Item) -> bool,
) -> rusqlite::Result<()> {
    if let Some(thread) = plan.thread {
        for item in thread_items(conn, plan, thread)? {
            if !each(&item) {
                break;
            }
        }
        return Ok(());
    }
    if let [mailbox] = plan.mailboxes.as_slice() {
        let mut statement = plan.filter.prepare(conn, &plan.newest_sql(), &[*mailbox])?;
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            if !each(&Item::from_row(row, 0)?) {
                break;
            }
        }
        return Ok(());
    }
    merged(conn, plan, rows, each)
}

/// The same over several mailboxes: each is read piece by piece, and the newest of all is taken.
fn merged(
    conn: &Connection,
    plan: &Plan,
    rows: Option<usize>,
    mut each: impl FnMut(&Item) -> bool,
) -> rusqlite::Result<()> {
    let sql = plan.piece_sql();
    let piece = rows.map_or(512, |n| n.clamp(8, 512));
    let mut heap = BinaryHeap::new();
    let mut waiting: Vec<VecDeque<Item>> = Vec::new();
    let read = |number: u16, after: (i64, i64)| -> rusqlite::Result<VecDeque<Item>> {
        let mailbox = plan
            .mailboxes
            .get(usize::from(number))
            .copied()
            .unwrap_or_default();
        let limit = i64::try_from(piece).unwrap_or(512);
        let mut statement = plan
            .filter
            .prepare(conn, &sql, &[mailbox, after.0, after.1, limit])?;
        let mut found = statement.raw_query();
        let mut items = VecDeque::with_capacity(piece);
        while let Some(row) = found.next()? {
            items.push_back(Item::from_row(row, number)?);
        }
        Ok(items)
    };
    for (number, _) in (0u16..).zip(&plan.mailboxes) {
        let mut items = read(number, (i64::MAX, i64::MAX))?;
        heap.extend(items.pop_front().map(Ranked));
        waiting.push(items);
    }
    while let Some(Ranked(item)) = heap.pop() {
        if !each(&item) {
            break;
        }
        let Some(queue) = waiting.get_mut(usize::from(item.mailbox)) else {
            continue;
        };
        if queue.is_empty() {
            *queue = read(item.mailbox, (item.arrived, item.uid))?;
        }
        heap.extend(queue.pop_front().map(Ranked));
    }
    Ok(())
}

/// An item that compares by its place in the list.
struct Ranked(Item);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0.rank() == other.0.rank()
    }
}
impl Eq for Ranked {}
impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.rank().cmp(&other.0.rank())
    }
}

/// Reads the view's messages in the order of the plan, until `each` says no.
pub(super) fn sorted(
    conn: &Connection,
    plan: &Plan,
    mut each: impl FnMut(&Item) -> bool,
) -> rusqlite::Result<()> {
    let mut statement = plan.filter.prepare(conn, &plan.sorted_sql(), &[])?;
    let mut found = statement.raw_query();
    while let Some(row) = found.next()? {
        let Some(number) = plan.number(row.get(5)?) else {
            continue;
        };
        if !each(&Item::from_row(row, number)?) {
            break;
        }
    }
    Ok(())
}

/// What of a thread is in the view, the newest first, each message once.
pub(super) fn thread_items(
    conn: &Connection,
    plan: &Plan,
    thread: i64,
) -> rusqlite::Result<Vec<Item>> {
    let mut statement = plan.filter.prepare(conn, &plan.thread_sql(), &[thread])?;
    let mut found = statement.raw_query();
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        if let Some(number) = plan.number(row.get(5)?) {
            items.push(Item::from_row(row, number)?);
        }
    }
    items.sort_by_key(|i| Reverse(i.rank()));
    let mut seen = BTreeSet::new();
    items.retain(|i| seen.insert(i.message));
    Ok(items)
}

/// All messages of a thread with what they answer, the oldest first.
pub(super) const TREE: &str = "SELECT m.key, m.account, m.parent, m.message_id
  FROM placement p CROSS JOIN message m ON m.key = p.message
  WHERE p.thread = ?1 ORDER BY p.arrived, p.uid";

/// The items of a thread (the newest first) as a tree in reading order, with depths.
pub(super) fn tree_of(
    conn: &Connection,
    thread: i64,
    items: &[Item],
) -> rusqlite::Result<Vec<(Item, u8)>> {
    let mut shown: HashMap<i64, Item> = items.iter().map(|i| (i.message, *i)).collect();
    let mut members = Vec::new();
    let mut which = Vec::new();
    let mut statement = conn.prepare_cached(TREE)?;
    let mut found = statement.query([thread])?;
    let mut known = BTreeSet::new();
    while let Some(row) = found.next()? {
        let key: i64 = row.get(0)?;
        if !known.insert(key) {
            continue;
        }
        let id = row.get_ref(3)?.as_str().unwrap_or_default();
        let item = shown.remove(&key);
        members.push(Member {
            id: if id.is_empty() {
                -key
            } else {
                id_hash(row.get(1)?, id)
            },
            parent: row.get(2)?,
            is_shown: item.is_some(),
        });
        which.push(item);
    }
    Ok(arrange(&members)
        .into_iter()
        .filter_map(|(at, depth)| Some((which.get(at).copied().flatten()?, depth)))
        .collect())
}
