//! Working out a view: which messages, in which order, grouped or not.
//!
//! Called by `engine` through the reader. The head of a view must be exactly the beginning of the
//! whole view, apart from counts, and cost nothing that grows with the mailbox.

use super::scan::{Item, Plan, newest, sorted, thread_items, tree_of};
use super::sql::{self, Doing};
use super::view::{Builder, Hidden, Slot};
use super::{Reader, Result, View};
use crate::model::{Folding, Sort, ThreadKey, ViewSpec};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};

impl Reader {
    /// The first `rows` rows of a view, or a few more: costs nothing that grows with the mailbox
    /// where the newest come first, or the oldest without threads. Other orders have to be sorted
    /// as a whole: then the whole view is returned.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn view_head(&self, spec: &ViewSpec, rows: u32) -> Result<View> {
        let plan = Plan::new(&self.conn, spec)?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        match (plan.sort, &spec.threads) {
            (Sort::Newest, _) => grouped(&self.conn, &plan, spec, Some(rows)),
            (Sort::Oldest, None) => plain(&self.conn, &plan, spec, Some(rows)),
            _ => whole(&self.conn, &plan, spec),
        }
        .doing("reading a list")
    }

    /// The whole view.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn view(&self, spec: &ViewSpec) -> Result<View> {
        let plan = Plan::new(&self.conn, spec)?;
        whole(&self.conn, &plan, spec).doing("reading a list")
    }
}

fn whole(conn: &Connection, plan: &Plan, spec: &ViewSpec) -> rusqlite::Result<View> {
    if plan.sort == Sort::Newest || spec.threads.is_some() {
        grouped(conn, plan, spec, None)
    } else {
        plain(conn, plan, spec, None)
    }
}

/// Every message a row of its own, in any order but the newest first.
fn plain(
    conn: &Connection,
    plan: &Plan,
    spec: &ViewSpec,
    rows: Option<usize>,
) -> rusqlite::Result<View> {
    let mut builder = Builder::default();
    let mut seen = Seen::new(plan, rows.is_some());
    let mut is_cut = false;
    sorted(conn, plan, |item| {
        if seen.is_known(item.message) {
            return true;
        }
        if rows.is_some_and(|n| builder.rows.len() >= n) {
            is_cut = true;
            return false;
        }
        builder
            .rows
            .push(Slot::one(item.message, item.mailbox, item.is_unread()));
        true
    })?;
    Ok(builder.finish(spec, plan.mailboxes.clone(), !is_cut))
}

/// The newest first, threads grouped if so wished; other orders of groups come from that.
fn grouped(
    conn: &Connection,
    plan: &Plan,
    spec: &ViewSpec,
    rows: Option<usize>,
) -> rusqlite::Result<View> {
    let mut groups = Groups::new(plan, spec.threads.as_ref(), rows.is_some());
    let mut is_cut = false;
    newest(conn, plan, rows, |item| {
        if rows.is_some_and(|n| groups.builder.rows.len() >= n) && groups.begins_row(item) {
            is_cut = true;
            return false;
        }
        groups.take(item);
        true
    })?;
    let Groups {
        mut builder,
        mut unfolded,
        ..
    } = groups;
    if plan.sort != Sort::Newest {
        let place = by_sort(conn, plan, &mut builder)?;
        for (row, _) in &mut unfolded {
            *row = at(&place, *row);
        }
    }
    unfolded.sort_unstable();
    expand(conn, plan, &mut builder, &unfolded)?;
    Ok(builder.finish(spec, plan.mailboxes.clone(), !is_cut))
}

fn at(place: &[u32], row: u32) -> u32 {
    usize::try_from(row)
        .ok()
        .and_then(|r| place.get(r).copied())
        .unwrap_or(row)
}

/// Threads as they are met, the newest message first.
struct Groups<'a> {
    folding: Option<&'a Folding>,
    builder: Builder,
    row_of: RowOf,
    seen: Seen,
    /// Rows that are to be unfolded, and their threads.
    unfolded: Vec<(u32, i64)>,
    is_head: bool,
}

impl<'a> Groups<'a> {
    fn new(plan: &Plan, folding: Option<&'a Folding>, is_head: bool) -> Self {
        let is_small = is_head || folding.is_none();
        Self {
            folding,
            builder: Builder::default(),
            row_of: RowOf::new(plan, is_small),
            seen: Seen::new(plan, is_head),
            unfolded: Vec::new(),
            is_head,
        }
    }

    /// Whether that message would begin a row.
    fn begins_row(&self, item: &Item) -> bool {
        !self.seen.knows(item.message)
            && (self.folding.is_none() || self.row_of.get(item.thread).is_none())
    }

    fn take(&mut self, item: &Item) {
        if self.seen.is_known(item.message) {
            return;
        }
        let row = sql::len(self.builder.rows.len());
        let slot = Slot::one(item.message, item.mailbox, item.is_unread());
        let Some(folding) = self.folding else {
            self.builder.rows.push(slot);
            return;
        };
        let is_unfolded = || folding.is_unfolded(ThreadKey(item.thread));
        match self.row_of.get(item.thread) {
            None => {
                self.row_of.put(item.thread, row);
                self.builder.rows.push(slot);
                // Of a head it is not known yet whether more of the thread follows.
                if self.is_head && is_unfolded() {
                    self.unfolded.push((row, item.thread));
                }
            }
            Some(row) => {
                let is_second = self.builder.is_single(row);
                self.builder.count(row, item.is_unread());
                self.builder.hidden.push(Hidden::new(item.message, row));
                if is_second && !self.is_head && is_unfolded() {
                    self.unfolded.push((row, item.thread));
                }
            }
        }
    }
}

/// Puts rows that are in the order of their newest message into the order of the plan: each stands
/// where its newest message stands. Says where each row went.
fn by_sort(conn: &Connection, plan: &Plan, builder: &mut Builder) -> rusqlite::Result<Vec<u32>> {
    let mut row_of: HashMap<(i64, u16), u32> = HashMap::with_capacity(builder.rows.len());
    for (row, slot) in (0u32..).zip(&builder.rows) {
        row_of.insert((slot.message(), slot.mailbox), row);
    }
    let mut order = Vec::with_capacity(builder.rows.len());
    sorted(conn, plan, |item| {
        order.extend(row_of.remove(&(item.message, item.mailbox)));
        true
    })?;
    // What was changed by another process in between keeps a place at the end.
    let mut rest: Vec<u32> = row_of.into_values().collect();
    rest.sort_unstable();
    order.extend(rest);
    Ok(builder.reorder(&order))
}

/// Replaces rows of threads by the messages of these threads. `unfolded` is in the order of rows.
fn expand(
    conn: &Connection,
    plan: &Plan,
    builder: &mut Builder,
    unfolded: &[(u32, i64)],
) -> rusqlite::Result<()> {
    if unfolded.is_empty() {
        return Ok(());
    }
    let old = std::mem::take(&mut builder.rows);
    let mut place = Vec::with_capacity(old.len());
    let mut threads = unfolded.iter().peekable();
    for (row, slot) in (0u32..).zip(old) {
        place.push(sql::len(builder.rows.len()));
        match threads.next_if(|(at, _)| *at == row) {
            None => builder.rows.push(slot),
            Some((_, thread)) => {
                let items = thread_items(conn, plan, *thread)?;
                builder.forget_large(row);
                for (item, depth) in tree_of(conn, *thread, &items)? {
                    let is_unread = item.is_unread();
                    builder
                        .rows
                        .push(Slot::deep(item.message, item.mailbox, is_unread, depth));
                }
            }
        }
    }
    let is_unfolded = |row: u32| unfolded.binary_search_by_key(&row, |u| u.0).is_ok();
    builder.hidden.retain(|h| !is_unfolded(h.row));
    builder.moved(&place);
    Ok(())
}

/// The row of each thread: by position where the keys are dense, else by hash.
enum RowOf {
    /// Row plus one; zero for none.
    Dense(Vec<u32>),
    Sparse(HashMap<i64, u32>),
}

impl RowOf {
    fn new(plan: &Plan, is_small: bool) -> Self {
        match plan.dense().filter(|_| !is_small) {
            Some(keys) => Self::Dense(vec![0; keys]),
            None => Self::Sparse(HashMap::new()),
        }
    }

    fn get(&self, thread: i64) -> Option<u32> {
        match self {
            Self::Dense(rows) => {
                let row = rows.get(usize::try_from(thread).ok()?)?;
                row.checked_sub(1)
            }
            Self::Sparse(rows) => rows.get(&thread).copied(),
        }
    }

    fn put(&mut self, thread: i64, row: u32) {
        match self {
            Self::Dense(rows) => {
                let slot = usize::try_from(thread).ok().and_then(|t| rows.get_mut(t));
                if let Some(slot) = slot {
                    *slot = row.saturating_add(1);
                }
            }
            Self::Sparse(rows) => {
                rows.insert(thread, row);
            }
        }
    }
}

/// The messages that have a row, where one could turn up twice.
enum Seen {
    Never,
    Dense(Vec<u64>),
    Sparse(HashSet<i64>),
}

impl Seen {
    fn new(plan: &Plan, is_small: bool) -> Self {
        if !plan.can_repeat {
            return Self::Never;
        }
        match plan.dense().filter(|_| !is_small) {
            Some(keys) => Self::Dense(vec![0; keys / 64 + 1]),
            None => Self::Sparse(HashSet::new()),
        }
    }

    fn knows(&self, message: i64) -> bool {
        match self {
            Self::Never => false,
            Self::Dense(bits) => {
                let at = usize::try_from(message / 64).ok();
                at.and_then(|a| bits.get(a))
                    .is_some_and(|word| word >> (message % 64) & 1 == 1)
            }
            Self::Sparse(set) => set.contains(&message),
        }
    }

    /// Whether the message was met before; notes that it was met now.
    fn is_known(&mut self, message: i64) -> bool {
        let is_known = self.knows(message);
        match self {
            Self::Never => {}
            Self::Dense(bits) => {
                let at = usize::try_from(message / 64).ok();
                if let Some(word) = at.and_then(|a| bits.get_mut(a)) {
                    *word |= 1 << (message % 64);
                }
            }
            Self::Sparse(set) => {
                set.insert(message);
            }
        }
        is_known
    }
}
