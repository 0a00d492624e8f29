//! A list over the panes that the engine tells: its cursor stops at some lines and passes the others.
//!
//! Used by `activity` and `outbox`. What is shown must never stay as it was when something changed:
//! as long as such a list is open, it asks again.

use super::{App, Code, Effect, Key, Overlay};
use crate::bus::RequestId;

/// The cursor of such a list, and what is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stops<R> {
    on: Option<R>,
    /// Where the cursor was, for when what it was on is gone.
    at: usize,
    top: usize,
    is_loaded: bool,
    is_fresh: bool,
    asked: Option<RequestId>,
}

impl<R> Default for Stops<R> {
    fn default() -> Self {
        Self {
            on: None,
            at: 0,
            top: 0,
            is_loaded: false,
            is_fresh: false,
            asked: None,
        }
    }
}

impl<R: Copy + PartialEq> Stops<R> {
    /// What the cursor is on.
    pub(super) const fn on(&self) -> Option<R> {
        self.on
    }

    /// The first visible line.
    pub(super) const fn top(&self) -> usize {
        self.top
    }

    /// Whether anything was told yet.
    pub(super) const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// Has it asked for anew, whatever was asked before.
    pub(super) const fn renew(&mut self) {
        (self.asked, self.is_fresh) = (None, false);
    }

    /// Whether that request was for this list; then it is answered.
    fn is_answered(&mut self, request: RequestId) -> bool {
        let is_ours = self.asked == Some(request);
        if is_ours {
            self.asked = None;
        }
        is_ours
    }

    fn move_to(&mut self, lines: &[Option<R>], at: usize, height: usize) {
        let stops: Vec<usize> = places(lines).collect();
        self.at = at.min(stops.len().saturating_sub(1));
        let line = stops.get(self.at).copied();
        self.on = line.and_then(|line| lines.get(line).copied().flatten());
        let line = line.unwrap_or(0);
        // What is told below a line is shown with it.
        let next = stops.get(self.at + 1).copied().unwrap_or(lines.len());
        let end = next.max(line + 1).min(line + height.max(1));
        let low = end.saturating_sub(height);
        self.top = self.top.clamp(low, line.max(low));
    }

    /// Keeps the cursor on what it is on, or else in its place.
    fn settle(&mut self, lines: &[Option<R>], height: usize) {
        let found = places(lines).position(|n| lines.get(n).copied().flatten() == self.on);
        self.move_to(lines, found.unwrap_or(self.at), height);
        self.top = self.top.min(lines.len().saturating_sub(height));
    }
}

/// The lines that the cursor can be on.
fn places<R>(lines: &[Option<R>]) -> impl Iterator<Item = usize> {
    let all = lines.iter().enumerate();
    all.filter(|(_, row)| row.is_some()).map(|(n, _)| n)
}

/// A list of that kind.
pub(super) trait Told: Sized {
    /// What a line stands for.
    type Row: Copy + PartialEq;

    /// The list, if it is what is open.
    fn shown(overlay: &mut Overlay) -> Option<&mut Self>;

    /// The same, to look at.
    fn seen(overlay: &Overlay) -> Option<&Self>;

    /// Its cursor.
    fn stops(&mut self) -> &mut Stops<Self::Row>;

    /// What each line stands for; `None`: nothing that the cursor can be on.
    fn rows(&self, app: &App) -> Vec<Option<Self::Row>>;

    /// Asks the engine for what it shows.
    fn ask(request: RequestId) -> Effect;
}

fn open<L: Told>(app: &mut App) -> Option<&mut L> {
    app.overlay.as_mut().and_then(L::shown)
}

/// Something changed: what is shown may no longer be so.
pub(super) fn set_stale<L: Told>(app: &mut App) {
    if let Some(list) = open::<L>(app) {
        list.stops().is_fresh = false;
    }
}

/// Who takes what was asked for with that request: the list, if it is still open and asked for it.
pub(super) fn receiver<L: Told>(app: &mut App, request: RequestId) -> Option<&mut L> {
    let list = open::<L>(app)?;
    if !list.stops().is_answered(request) {
        return None;
    }
    list.stops().is_loaded = true;
    Some(list)
}

/// The request came to nothing. It is made again when something changes.
pub(super) fn failed<L: Told>(app: &mut App, request: RequestId) {
    if let Some(list) = open::<L>(app) {
        list.stops().is_answered(request);
    }
}

/// Asks where it may be otherwise now, and keeps the cursor in sight.
pub(super) fn settle<L: Told>(app: &mut App) -> Option<Effect> {
    with::<L>(app, Stops::settle);
    let stops = open::<L>(app)?.stops();
    if stops.is_fresh || stops.asked.is_some() {
        return None;
    }
    let request = app.request();
    let stops = open::<L>(app)?.stops();
    (stops.asked, stops.is_fresh) = (Some(request), true);
    Some(L::ask(request))
}

/// Moves the cursor by so many stops.
pub(super) fn move_by<L: Told>(app: &mut App, rows: i64) {
    with::<L>(app, |stops, lines, height| {
        let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
        let at = if rows < 0 {
            stops.at.saturating_sub(by)
        } else {
            stops.at.saturating_add(by)
        };
        stops.move_to(lines, at, height);
    });
}

/// Moves the cursor to the visible line of that number, or to the stop above it.
pub(super) fn move_to_line<L: Told>(app: &mut App, line: usize) {
    with::<L>(app, |stops, lines, height| {
        let wanted = stops.top.saturating_add(line);
        let above = places(lines).take_while(|n| *n <= wanted).count();
        let at = above.checked_sub(1).unwrap_or(stops.at);
        stops.move_to(lines, at, height);
    });
}

fn with<L: Told>(app: &mut App, change: impl FnOnce(&mut Stops<L::Row>, &[Option<L::Row>], usize)) {
    let height = app.overlay_height();
    let lines = app.overlay.as_ref().and_then(L::seen).map(|l| l.rows(app));
    if let (Some(lines), Some(list)) = (lines, open::<L>(app)) {
        change(list.stops(), &lines, height);
    }
}

/// Whether that key closes the list.
pub(super) fn is_closing(key: Key) -> bool {
    matches!(key.code(), Code::Esc | Code::Char('q' | 'h')) || key.is_ctrl('c') || key.is_ctrl('g')
}

/// Moves the cursor, if that is what the key is for.
pub(super) fn move_with<L: Told>(app: &mut App, key: Key) {
    let page = i64::try_from(app.overlay_height().max(1)).unwrap_or(1);
    let rows = match key.code() {
        _ if key.is_ctrl('d') || key.is_ctrl('f') => page,
        _ if key.is_ctrl('u') || key.is_ctrl('b') => -page,
        Code::Down | Code::Char('j') => 1,
        Code::Up | Code::Char('k') => -1,
        Code::PageDown => page,
        Code::PageUp => -page,
        Code::Home | Code::Char('g') => i64::MIN,
        Code::End | Code::Char('G') => i64::MAX,
        _ => return,
    };
    move_by::<L>(app, rows);
}
