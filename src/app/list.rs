//! The message list: a window of rows around the visible part, a cursor pinned to its message.
//!
//! `update` feeds it replies and asks it what to request; `ui` draws its visible rows. It must
//! never hold more rows than a few screens, and never wait before the cursor moves.

use crate::bus::{Command, RequestId};
use crate::model::{Folding, ListRow, Placed, Scope, Sort, ViewSpec};
use std::collections::BTreeSet;

/// Rows kept between the cursor and the edge of the list while there are more.
const MARGIN: u32 = 2;

/// A window is three times as long as the visible part, and that is taken to have at least so many
/// rows: small lists would ask at every other step.
const SPAN_MIN: u32 = 20;

/// A window request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    request: RequestId,
    /// The message whose place was asked for, and where it was then.
    around: Option<(Placed, u32)>,
}

/// The list of one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    view: ViewSpec,
    rows: Vec<ListRow>,
    offset: u32,
    total: u32,
    is_complete: bool,
    is_loaded: bool,
    is_stale: bool,
    asked: Option<Asked>,
    asked_last: Option<(u32, u32)>,
    cursor: u32,
    top: u32,
    pin: Option<Placed>,
    selected: BTreeSet<Placed>,
    anchor: Option<u32>,
}

/// Where a row is.
#[must_use]
pub(super) const fn placed(row: &ListRow) -> Placed {
    Placed {
        message: row.message,
        mailbox: row.mailbox,
    }
}

impl List {
    /// A list of that scope, nothing loaded.
    #[must_use]
    pub fn new(scope: Scope, has_threads: bool) -> Self {
        Self {
            view: ViewSpec {
                scope,
                filter: None,
                sort: Sort::Newest,
                threads: has_threads.then(Folding::default),
            },
            rows: Vec::new(),
            offset: 0,
            total: 0,
            is_complete: false,
            is_loaded: false,
            is_stale: true,
            asked: None,
            asked_last: None,
            cursor: 0,
            top: 0,
            pin: None,
            selected: BTreeSet::new(),
            anchor: None,
        }
    }

    /// What is shown.
    #[must_use]
    pub const fn view(&self) -> &ViewSpec {
        &self.view
    }

    /// How many rows the view has, as far as known.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.total
    }

    /// Whether anything is known of the view yet.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Whether the view is known to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The row of the cursor.
    #[must_use]
    pub const fn cursor(&self) -> u32 {
        self.cursor
    }

    /// The first visible row.
    #[must_use]
    pub const fn top(&self) -> u32 {
        self.top
    }

    /// The selected messages.
    #[must_use]
    pub const fn selected(&self) -> &BTreeSet<Placed> {
        &self.selected
    }

    /// Where the range that is being selected began.
    #[must_use]
    pub const fn anchor(&self) -> Option<u32> {
        self.anchor
    }

    /// The row at that place, if it is loaded.
    #[must_use]
    pub fn row(&self, index: u32) -> Option<&ListRow> {
        let at = usize::try_from(index.checked_sub(self.offset)?).ok()?;
        self.rows.get(at)
    }

    /// The row under the cursor, if it is loaded.
    #[must_use]
    pub fn current(&self) -> Option<&ListRow> {
        self.row(self.cursor)
    }

    /// The loaded rows with their places.
    pub fn loaded(&self) -> impl Iterator<Item = (u32, &ListRow)> {
        (self.offset..).zip(&self.rows)
    }

    /// The loaded row of that message and its place.
    #[must_use]
    pub fn find(&self, wanted: Placed) -> Option<(u32, &ListRow)> {
        (self.offset..)
            .zip(&self.rows)
            .find(|(_, row)| placed(row) == wanted)
    }

    /// Whether the row at that place is selected, or in the range that is being selected.
    #[must_use]
    pub fn is_selected(&self, index: u32) -> bool {
        self.range().is_some_and(|(a, b)| (a..=b).contains(&index))
            || self
                .row(index)
                .is_some_and(|row| self.selected.contains(&placed(row)))
    }

    /// The range that is being selected, first and last row.
    #[must_use]
    pub fn range(&self) -> Option<(u32, u32)> {
        self.anchor
            .map(|a| (a.min(self.cursor), a.max(self.cursor)))
    }

    /// Shows something else: rows, cursor and selection are given up.
    pub fn show(&mut self, scope: Scope) {
        let threads = self.view.threads.as_ref().map(|folding| Folding {
            is_open: folding.is_open,
            except: BTreeSet::new(),
        });
        let sort = self.view.sort;
        *self = Self::new(scope, false);
        self.view.threads = threads;
        self.view.sort = sort;
    }

    /// Changes the view within its scope; the cursor stays on its message where it can.
    pub fn change_view(&mut self, change: impl FnOnce(&mut ViewSpec)) {
        let before = self.view.clone();
        change(&mut self.view);
        if self.view == before {
            return;
        }
        // What was asked for belongs to the old view.
        self.asked = None;
        self.is_stale = true;
        self.anchor = None;
    }

    /// The rows may be out of date.
    pub const fn set_stale(&mut self) {
        self.is_stale = true;
    }

    /// Moves the cursor by so many rows.
    pub fn move_by(&mut self, rows: i64) {
        let last = i64::from(self.total.saturating_sub(1));
        let to = (i64::from(self.cursor) + rows).clamp(0, last);
        self.move_to(u32::try_from(to).unwrap_or(0));
    }

    /// Moves the cursor to a row.
    pub fn move_to(&mut self, row: u32) {
        self.cursor = row.min(self.total.saturating_sub(1));
        self.pin = self.current().map(placed);
    }

    /// Scrolls the visible part; the cursor is taken along at its edges.
    pub fn scroll_by(&mut self, rows: i64, height: u32) {
        let top_max = self.total.saturating_sub(height);
        let top = (i64::from(self.top) + rows).clamp(0, i64::from(top_max));
        self.top = u32::try_from(top).unwrap_or(0);
        let margin = margin(height);
        let low = if self.top == 0 { 0 } else { self.top + margin };
        let high = if self.top >= top_max {
            self.total.saturating_sub(1)
        } else {
            (self.top + height).saturating_sub(1 + margin)
        };
        self.move_to(self.cursor.clamp(low, high.max(low)));
    }

    /// Puts the row of the cursor at that height of the visible part.
    pub fn align(&mut self, from_top: u32, height: u32) {
        let top_max = self.total.saturating_sub(height);
        self.top = self.cursor.saturating_sub(from_top).min(top_max);
    }

    /// Selects or deselects a message.
    pub fn toggle(&mut self, what: Placed) {
        if !self.selected.remove(&what) {
            self.selected.insert(what);
        }
    }

    /// Selects messages.
    pub fn select(&mut self, what: impl IntoIterator<Item = Placed>) {
        self.selected.extend(what);
    }

    /// Takes messages out before the engine has told that they are gone. The cursor goes to the next
    /// row that stays, or else to the last one; the list is asked for anew.
    pub fn take_out(&mut self, gone: &BTreeSet<Placed>) {
        let stays = |row: &ListRow| !gone.contains(&placed(row));
        let (mut next, mut last, mut above, mut above_top) = (None, None, 0, 0);
        for (index, row) in (self.offset..).zip(&self.rows) {
            if !stays(row) {
                above += u32::from(next.is_none());
                above_top += u32::from(index < self.top);
                continue;
            }
            if index >= self.cursor && next.is_none() {
                next = Some(index - above);
            }
            last = Some(index - above);
        }
        let is_loaded = self.current().is_some();
        let before = self.rows.len();
        self.rows.retain(stays);
        let count = u32::try_from(before - self.rows.len()).unwrap_or(0);
        self.total = self.total.saturating_sub(count);
        self.top = self.top.saturating_sub(above_top);
        if let Some(to) = next.or(last).filter(|_| is_loaded) {
            self.cursor = to;
        }
        self.pin = self.current().map(placed);
        self.selected.retain(|p| !gone.contains(p));
        self.anchor = None;
        // What is on its way still has them.
        self.asked = None;
        self.is_stale = true;
    }

    /// The cursor goes to that message, if it is in the list when that is read next.
    pub const fn expect(&mut self, what: Placed) {
        self.pin = Some(what);
    }

    /// Begins or ends the selection of a range.
    pub const fn set_anchor(&mut self, anchor: Option<u32>) {
        self.anchor = anchor;
    }

    /// Selects nothing. Whether there was anything selected.
    pub fn clear_selection(&mut self) -> bool {
        let had = !self.selected.is_empty() || self.anchor.is_some();
        self.selected.clear();
        self.anchor = None;
        had
    }

    /// Makes the cursor visible, and says what must be asked of the engine for it, if anything.
    pub fn settle(&mut self, height: u32, next: impl FnOnce() -> RequestId) -> Option<Command> {
        self.cursor = self.cursor.min(self.total.saturating_sub(1));
        self.keep_visible(height);
        if self.pin.is_none() {
            self.pin = self.current().map(placed);
        }
        if self.asked.is_some() || height == 0 || (!self.is_stale && self.covers(height)) {
            return None;
        }
        let span = height.max(SPAN_MIN);
        let wanted = (self.top.saturating_sub(span), span.saturating_mul(3));
        // An answer that did not cover what was asked for is not asked for again in a circle.
        if !self.is_stale && self.asked_last == Some(wanted) {
            return None;
        }
        self.asked_last = Some(wanted);
        let request = next();
        let around = self.pin.filter(|_| self.is_stale);
        self.asked = Some(Asked {
            request,
            around: around.map(|p| (p, self.cursor)),
        });
        self.is_stale = false;
        Some(Command::LoadWindow {
            request,
            view: self.view.clone(),
            offset: wanted.0,
            len: wanted.1,
            around,
        })
    }

    fn keep_visible(&mut self, height: u32) {
        let margin = margin(height);
        let top_max = self.total.saturating_sub(height);
        let low = (self.cursor + margin + 1).saturating_sub(height);
        let high = self.cursor.saturating_sub(margin);
        self.top = self.top.clamp(low.min(high), high).min(top_max);
    }

    /// Whether the visible rows and half a screen around them are loaded.
    fn covers(&self, height: u32) -> bool {
        let first = self.top.saturating_sub(height / 2);
        let last = (self.top + height + height / 2).min(self.total);
        let end = self.offset + u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.is_loaded && self.offset <= first && last <= end
    }

    /// Whether that request is the one that is waited for.
    #[must_use]
    pub fn awaits(&self, request: RequestId) -> bool {
        self.asked.is_some_and(|a| a.request == request)
    }

    /// The request came to nothing. It is not made again before something changes.
    pub const fn give_up(&mut self) {
        self.asked = None;
        self.is_loaded = true;
    }

    /// The request was not taken: it has to be made again.
    pub const fn ask_again(&mut self) {
        self.asked = None;
        self.is_stale = true;
    }

    /// Lets the cursor stay in its row, whatever message comes to be there.
    pub const fn unpin(&mut self) {
        self.pin = None;
    }

    /// Takes a reply that was waited for.
    pub fn receive(&mut self, window: Window, height: u32) {
        let asked = self.asked.take();
        self.rows = window.rows;
        self.offset = window.offset.min(window.total);
        if self.total != window.total {
            self.asked_last = None;
        }
        self.total = window.total;
        self.is_complete = window.is_complete;
        self.is_loaded = true;
        let found = self.pin.and_then(|pin| {
            let told = asked.and_then(|a| a.around).filter(|(p, _)| *p == pin);
            let seen = self.find(pin).map(|(index, _)| index);
            seen.or_else(|| told.and(window.around))
        });
        match found {
            Some(index) => self.follow(index, height),
            None => {
                self.cursor = self.cursor.min(self.total.saturating_sub(1));
                self.pin = self.current().map(placed);
            }
        }
    }

    /// The message under the cursor is at `index` now: the cursor goes there, and the visible part
    /// with it, unless the list stands at its very top and the cursor remains visible.
    fn follow(&mut self, index: u32, height: u32) {
        let delta = i64::from(index) - i64::from(self.cursor);
        self.cursor = index;
        self.anchor = self.anchor.map(|a| shifted(a, delta));
        if self.top != 0 || index >= height {
            self.top = shifted(self.top, delta);
        }
    }
}

fn shifted(value: u32, delta: i64) -> u32 {
    u32::try_from((i64::from(value) + delta).max(0)).unwrap_or(u32::MAX)
}

fn margin(height: u32) -> u32 {
    MARGIN.min(height.saturating_sub(1) / 2)
}

/// A window as the engine sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where the first row is.
    pub offset: u32,
    /// The rows.
    pub rows: Vec<ListRow>,
    /// How many rows the view has.
    pub total: u32,
    /// Where the message is that was asked for.
    pub around: Option<u32>,
    /// Whether the view is known to its end.
    pub is_complete: bool,
}
