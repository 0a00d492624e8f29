//! A view in memory: which message stands in which row, in twelve bytes a message.
//!
//! Made by `order`, kept by `engine`, turned into rows by `rows`. Must never hold text.

use crate::model::{MailboxKey, MessageKey, Placed, ViewSpec};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The order of a view: which message stands in which row. Cheap to keep (some bytes a row) and to
/// clone (it is shared).
#[derive(Debug, Clone, Default)]
pub struct View {
    inner: Arc<Inner>,
}

/// What clones of a view share.
#[derive(Debug, Default)]
struct Inner {
    spec: Option<ViewSpec>,
    /// What the rows' mailbox numbers stand for.
    mailboxes: Vec<i64>,
    rows: Vec<Slot>,
    /// Messages that stand behind the one of their row.
    hidden: Vec<Hidden>,
    /// Counts that do not fit into a slot.
    large: BTreeMap<u32, (u32, u32)>,
    is_complete: bool,
}

/// One row: a 40-bit message key, a mailbox number, depth and counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    key: Key,
    pub(super) depth: u8,
    pub(super) mailbox: u16,
    count: u16,
    unread: u16,
}

/// A message that is part of a row without being shown in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden {
    key: Key,
    pub(super) row: u32,
}

/// A message key in five bytes: room for a million million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key([u8; 5]);

impl Key {
    fn new(key: i64) -> Self {
        let [a, b, c, d, e, ..] = key.to_le_bytes();
        Self([a, b, c, d, e])
    }
    fn get(self) -> i64 {
        let [a, b, c, d, e] = self.0;
        i64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }
}

impl Slot {
    /// A row of one message.
    pub(super) fn one(message: i64, mailbox: u16, is_unread: bool) -> Self {
        Self {
            key: Key::new(message),
            depth: 0,
            mailbox,
            count: 1,
            unread: u16::from(is_unread),
        }
    }

    /// A message of a thread that is shown unfolded.
    pub(super) fn deep(message: i64, mailbox: u16, is_unread: bool, depth: u8) -> Self {
        Self {
            depth,
            ..Self::one(message, mailbox, is_unread)
        }
    }

    pub(super) fn message(&self) -> i64 {
        self.key.get()
    }
}

impl Hidden {
    pub(super) fn new(message: i64, row: u32) -> Self {
        Self {
            key: Key::new(message),
            row,
        }
    }
}

impl View {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        super::sql::len(self.inner.rows.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is the whole view, or only its head.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.inner.is_complete
    }

    /// The row in which a message stands (of a folded thread: its row). A message that lies in
    /// several mailboxes of the view stands in it once.
    #[must_use]
    pub fn position(&self, placed: Placed) -> Option<u32> {
        let key = Key::new(placed.message.0);
        let row = self.inner.rows.iter().position(|r| r.key == key);
        row.and_then(|row| u32::try_from(row).ok()).or_else(|| {
            let hidden = self.inner.hidden.iter().find(|h| h.key == key);
            hidden.map(|h| h.row)
        })
    }

    /// The message and the mailbox of a row.
    #[must_use]
    pub fn placed(&self, row: u32) -> Option<Placed> {
        let slot = self.slot(row)?;
        Some(Placed {
            message: MessageKey(slot.message()),
            mailbox: MailboxKey(self.mailbox(slot.mailbox)),
        })
    }

    pub(super) fn slot(&self, row: u32) -> Option<&Slot> {
        self.inner.rows.get(usize::try_from(row).ok()?)
    }

    pub(super) fn spec(&self) -> Option<&ViewSpec> {
        self.inner.spec.as_ref()
    }

    pub(super) fn mailbox(&self, number: u16) -> i64 {
        self.inner
            .mailboxes
            .get(usize::from(number))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn mailboxes(&self) -> &[i64] {
        &self.inner.mailboxes
    }

    /// How many messages a row stands for, and how many of them are unread.
    pub(super) fn counts(&self, row: u32) -> (u32, u32) {
        if let Some(counts) = self.inner.large.get(&row) {
            return *counts;
        }
        self.slot(row)
            .map_or((0, 0), |s| (u32::from(s.count), u32::from(s.unread)))
    }
}

/// A view that is being made.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) rows: Vec<Slot>,
    pub(super) hidden: Vec<Hidden>,
    large: BTreeMap<u32, (u32, u32)>,
}

impl Builder {
    /// Adds one message to the counts of a row.
    pub(super) fn count(&mut self, row: u32, is_unread: bool) {
        let Some(slot) = usize::try_from(row).ok().and_then(|r| self.rows.get_mut(r)) else {
            return;
        };
        match (slot.count.checked_add(1), self.large.get_mut(&row)) {
            (Some(count), None) => {
                slot.count = count;
                slot.unread = slot.unread.saturating_add(u16::from(is_unread));
            }
            (_, Some((count, unread))) => {
                *count = count.saturating_add(1);
                *unread = unread.saturating_add(u32::from(is_unread));
            }
            (None, None) => {
                let unread = u32::from(slot.unread) + u32::from(is_unread);
                self.large.insert(row, (u32::from(u16::MAX) + 1, unread));
            }
        }
    }

    /// Whether a row stands for one message so far.
    pub(super) fn is_single(&self, row: u32) -> bool {
        let slot = usize::try_from(row).ok().and_then(|r| self.rows.get(r));
        slot.is_some_and(|s| s.count == 1)
    }

    /// Puts the rows into another order, which names each row once. Says where each row went.
    pub(super) fn reorder(&mut self, order: &[u32]) -> Vec<u32> {
        let mut place = vec![0u32; self.rows.len()];
        let mut rows = Vec::with_capacity(order.len());
        for (to, from) in (0u32..).zip(order) {
            let from = usize::try_from(*from).unwrap_or(usize::MAX);
            if let (Some(slot), Some(place)) = (self.rows.get(from), place.get_mut(from)) {
                rows.push(*slot);
                *place = to;
            }
        }
        self.rows = rows;
        self.moved(&place);
        place
    }

    /// Tells hidden messages and large counts where their rows went.
    pub(super) fn moved(&mut self, place: &[u32]) {
        let to = |row: u32| {
            usize::try_from(row)
                .ok()
                .and_then(|r| place.get(r).copied())
                .unwrap_or(row)
        };
        for hidden in &mut self.hidden {
            hidden.row = to(hidden.row);
        }
        self.large = std::mem::take(&mut self.large)
            .into_iter()
            .map(|(row, counts)| (to(row), counts))
            .collect();
    }

    /// Forgets a count that was too large for its slot.
    pub(super) fn forget_large(&mut self, row: u32) {
        self.large.remove(&row);
    }

    pub(super) fn finish(
        mut self,
        spec: &ViewSpec,
        mailboxes: Vec<i64>,
        is_complete: bool,
    ) -> View {
        self.rows.shrink_to_fit();
        self.hidden.shrink_to_fit();
        View {
            inner: Arc::new(Inner {
                spec: Some(spec.clone()),
                mailboxes,
                rows: self.rows,
                hidden: self.hidden,
                large: self.large,
                is_complete,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_twelve_bytes() {
        assert_eq!(size_of::<Slot>(), 12);
        assert_eq!(size_of::<Hidden>(), 12);
    }

    #[test]
    fn counts_beyond_what_a_slot_holds_are_exact() {
        let mut builder = Builder::default();
        builder.rows.push(Slot::one(7, 0, true));
        for _ in 0..70_000 {
            builder.count(0, false);
        }
        builder.count(0, true);
        let spec = crate::model::ViewSpec {
            scope: crate::model::Scope::Everywhere(None),
            filter: None,
            sort: crate::model::Sort::Newest,
            threads: None,
        };
        assert_eq!(builder.finish(&spec, vec![], true).counts(0), (70_002, 2));
    }
}
