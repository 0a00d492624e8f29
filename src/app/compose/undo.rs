//! What was changed in a text, so that it can be taken back and made again.
//!
//! Used by `sheet`. It must never hold more than its limit: the oldest changes go first.

use super::sheet::Place;
use std::collections::VecDeque;

/// The bytes that are kept of removed and inserted text.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The changes that are kept.
const CHANGES_MAX: usize = 2_000;

/// Text that took the place of other text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Where it begins.
    pub(super) from: Place,
    /// What was there.
    pub(super) removed: String,
    /// What is there now.
    pub(super) inserted: String,
    /// Where the cursor was.
    pub(super) cursor: Place,
}

impl Change {
    /// Where the new text ends.
    pub(super) fn end_of_inserted(&self) -> Place {
        end(self.from, &self.inserted)
    }

    /// Where the old text ended.
    pub(super) fn end_of_removed(&self) -> Place {
        end(self.from, &self.removed)
    }

    fn size(&self) -> usize {
        self.removed.len() + self.inserted.len()
    }
}

fn end(from: Place, text: &str) -> Place {
    match text.rsplit_once('\n') {
        None => Place {
            byte: from.byte + text.len(),
            ..from
        },
        Some((before, last)) => Place {
            line: from.line + before.matches('\n').count() + 1,
            byte: last.len(),
        },
    }
}

/// How a change came about: letters typed one after the other are one change, so are those deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A letter was typed.
    Typed,
    /// A piece was deleted.
    Deleted,
    /// Anything else: it stands for itself.
    Other,
}

/// The changes, the latest last.
#[derive(Debug, Clone, Default)]
pub(super) struct Changes {
    done: VecDeque<Change>,
    undone: Vec<Change>,
    /// What the last one can be joined with.
    open: Option<Kind>,
    bytes: usize,
}

impl Changes {
    /// What comes next stands for itself.
    pub(super) const fn seal(&mut self) {
        self.open = None;
    }

    /// Remembers a change.
    pub(super) fn push(&mut self, change: Change, kind: Kind) {
        self.undone.clear();
        self.bytes += change.size();
        let is_joined = self.open == Some(kind)
            && kind != Kind::Other
            && self.done.back_mut().is_some_and(|last| join(last, &change));
        if !is_joined {
            self.done.push_back(change);
        }
        self.open = Some(kind);
        while self.done.len() > CHANGES_MAX || (self.bytes > BYTES_MAX && self.done.len() > 1) {
            let gone = self.done.pop_front().map_or(0, |c| c.size());
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }

    /// The change that is to be taken back now.
    pub(super) fn undo(&mut self) -> Option<Change> {
        let change = self.done.pop_back()?;
        self.bytes = self.bytes.saturating_sub(change.size());
        self.open = None;
        self.undone.push(change.clone());
        Some(change)
    }

    /// The change that is to be made again now.
    pub(super) fn redo(&mut self) -> Option<Change> {
        let change = self.undone.pop()?;
        self.bytes += change.size();
        self.open = None;
        self.done.push_back(change.clone());
        Some(change)
    }
}

/// Makes two changes one, where the second goes on with the first.
fn join(last: &mut Change, next: &Change) -> bool {
    let is_typed = last.removed.is_empty() && next.removed.is_empty();
    let is_deleted = last.inserted.is_empty() && next.inserted.is_empty();
    // Each word can be taken back by itself.
    let is_word = next.inserted.starts_with(' ') && !last.inserted.ends_with(' ');
    if is_typed && last.end_of_inserted() == next.from && !is_word {
        last.inserted.push_str(&next.inserted);
        return true;
    }
    if is_deleted && next.end_of_removed() == last.from {
        last.removed.insert_str(0, &next.removed);
        last.from = next.from;
        return true;
    }
    if is_deleted && next.from == last.from {
        last.removed.push_str(&next.removed);
        return true;
    }
    false
}
