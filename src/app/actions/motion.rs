//! Actions that move: by rows, pages, unread messages and threads, from pane to pane, and back.
//!
//! Called through the table. A motion must never wait for the engine.

use super::{Availability, Count};
use crate::app::conversation;
use crate::app::gather::{Gather, Purpose, is_unread};
use crate::app::settle::turn_to;
use crate::app::{App, Context, Effect, list::placed};
use crate::model::{ListRow, Safe};

fn times(count: Count) -> i64 {
    i64::from(count.unwrap_or(1))
}

/// Moves the cursor of the focused pane by rows; in the reader, to other messages.
fn step(app: &mut App, rows: i64) -> Vec<Effect> {
    match app.focus {
        Context::Sidebar => app.sidebar.move_by(rows),
        Context::List => app.list.move_by(rows),
        Context::Reader => {
            if let Some(effects) = conversation::step(app, rows) {
                return effects;
            }
            let before = app.list.cursor();
            // A message that left the list (read, where only unread ones are shown) has left its
            // place to the next one, which must not be passed over.
            let has_left = app
                .reader
                .placed
                .is_some_and(|p| app.list.find(p).is_none());
            let is_next_here = has_left && rows > 0 && app.list.current().is_some();
            app.list.move_by(rows - i64::from(is_next_here));
            if app.list.cursor() == before && !is_next_here {
                let text = if rows > 0 {
                    "This is the last message"
                } else {
                    "This is the first message"
                };
                return app.say(Safe::fixed(text));
            }
            return read_here(app);
        }
    }
    Vec::new()
}

/// In the reader, turns to the message under the cursor.
fn read_here(app: &mut App) -> Vec<Effect> {
    if app.focus == Context::Reader
        && let Some(row) = app.list.current()
    {
        let to = placed(row);
        turn_to(app, Some(to));
    }
    Vec::new()
}

pub(super) fn next(app: &mut App, count: Count) -> Vec<Effect> {
    step(app, times(count))
}

pub(super) fn previous(app: &mut App, count: Count) -> Vec<Effect> {
    step(app, -times(count))
}

pub(super) fn scroll_down(app: &mut App, count: Count) -> Vec<Effect> {
    scroll(app, times(count))
}

/// Scrolls the message, or the conversation.
pub(crate) fn scroll(app: &mut App, rows: i64) -> Vec<Effect> {
    if !conversation::scroll_by(app, rows) {
        let height = app.reader_height();
        app.reader.scroll_by(rows, height);
    }
    Vec::new()
}

pub(super) fn scroll_up(app: &mut App, count: Count) -> Vec<Effect> {
    scroll(app, -times(count))
}

/// Moves by a part of the visible rows: whole pages keep two rows in sight.
fn page(app: &mut App, pages: i64, is_half: bool) -> Vec<Effect> {
    let panes = app.panes();
    let part = |height: u16| {
        let height = i64::from(height);
        if is_half {
            (height / 2).max(1)
        } else {
            (height - 2).max(1)
        }
    };
    match app.focus {
        Context::Sidebar => app.sidebar.move_by(pages * part(panes.sidebar.h)),
        Context::List => {
            let height = app.list_height();
            let rows = pages * part(u16::try_from(height).unwrap_or(u16::MAX));
            let cursor = app.list.cursor();
            app.list.scroll_by(rows, height);
            // The cursor goes as far as the rows do.
            let moved = i64::from(app.list.cursor()) - i64::from(cursor);
            app.list.move_by(rows - moved);
        }
        Context::Reader => {
            let height = usize::from(panes.reader.h);
            let is_at_end = conversation::is_at_end(app);
            if pages > 0 && is_at_end.unwrap_or_else(|| app.reader.is_at_end(height)) {
                return app.say(Safe::fixed("This is the end of the message"));
            }
            return scroll(app, pages * part(panes.reader.h));
        }
    }
    Vec::new()
}

pub(super) fn page_down(app: &mut App, count: Count) -> Vec<Effect> {
    page(app, times(count), false)
}

pub(super) fn page_up(app: &mut App, count: Count) -> Vec<Effect> {
    page(app, -times(count), false)
}

pub(super) fn half_page_down(app: &mut App, count: Count) -> Vec<Effect> {
    page(app, times(count), true)
}

pub(super) fn half_page_up(app: &mut App, count: Count) -> Vec<Effect> {
    page(app, -times(count), true)
}

fn go(app: &mut App, row: u32) -> Vec<Effect> {
    let at = usize::try_from(row).unwrap_or(usize::MAX);
    match app.focus {
        Context::Sidebar => app.sidebar.move_to(at),
        Context::List => app.list.move_to(row),
        Context::Reader if app.thread_view().is_some() => {
            let by = i64::try_from(at).unwrap_or(i64::MAX / 2);
            conversation::scroll_by(app, i64::MIN / 2);
            conversation::scroll_by(app, by);
        }
        Context::Reader => {
            let height = app.reader_height();
            app.reader.scroll_to(at, height);
        }
    }
    Vec::new()
}

/// The top, or with a count that row.
pub(super) fn first(app: &mut App, count: Count) -> Vec<Effect> {
    go(app, count.unwrap_or(1).saturating_sub(1))
}

/// The end, or with a count that row.
pub(super) fn last(app: &mut App, count: Count) -> Vec<Effect> {
    go(app, count.map_or(u32::MAX, |n| n.saturating_sub(1)))
}

/// The loaded rows after the cursor, or before it with the nearest first.
fn from_cursor(app: &App, is_forward: bool) -> Vec<(u32, &ListRow)> {
    let cursor = app.list.cursor();
    let loaded = app.list.loaded();
    if is_forward {
        return loaded.filter(|(n, _)| *n > cursor).collect();
    }
    let mut before: Vec<_> = loaded.filter(|(n, _)| *n < cursor).collect();
    before.reverse();
    before
}

pub(super) fn next_unread(app: &mut App, _: Count) -> Vec<Effect> {
    let rows = from_cursor(app, true);
    let found = rows.iter().find(|(_, row)| is_unread(row)).map(|r| r.0);
    let beyond = rows.last().map_or(app.list.cursor(), |r| r.0) + 1;
    if let Some(index) = found {
        app.list.move_to(index);
        return read_here(app);
    }
    if beyond >= app.list.total() {
        return app.say(Safe::fixed("No unread message further down"));
    }
    let view = app.list.view().clone();
    let request = app.request();
    let gather = Gather::new(request, view, beyond..u32::MAX, Purpose::NextUnread);
    let ask = gather.ask();
    app.gather = Some(gather);
    vec![Effect::Engine(ask)]
}

pub(super) fn previous_unread(app: &mut App, _: Count) -> Vec<Effect> {
    let rows = from_cursor(app, false);
    let found = rows.iter().find(|(_, row)| is_unread(row)).map(|r| r.0);
    let Some(index) = found else {
        return app.say(Safe::fixed("No unread message further up"));
    };
    app.list.move_to(index);
    read_here(app)
}

/// Goes to the first row of the thread after this one, or of the one before.
fn to_thread(app: &mut App, is_forward: bool) -> Vec<Effect> {
    if let Some(effects) = conversation::step(app, if is_forward { 1 } else { -1 }) {
        return effects;
    }
    let Some(current) = app.list.current().map(|row| row.thread) else {
        return Vec::new();
    };
    let rows = from_cursor(app, is_forward);
    let mut others = rows.iter().skip_while(|(_, row)| row.thread == current);
    let found = others.next().map(|(index, row)| {
        let same = others.take_while(|(_, r)| r.thread == row.thread);
        // Walking up one meets the last row of a thread first.
        let last = same.last().map_or(*index, |r| r.0);
        if is_forward { *index } else { last }
    });
    let Some(index) = found else {
        return Vec::new();
    };
    app.list.move_to(index);
    read_here(app)
}

pub(super) fn next_thread(app: &mut App, _: Count) -> Vec<Effect> {
    to_thread(app, true)
}

pub(super) fn previous_thread(app: &mut App, _: Count) -> Vec<Effect> {
    to_thread(app, false)
}

/// The panes one can move to, in the order of Tab.
fn panes(app: &App) -> Vec<Context> {
    let panes = app.panes();
    let mut order = Vec::new();
    if !panes.sidebar.is_empty() || app.cols < 80 || app.is_linear() {
        order.push(Context::Sidebar);
    }
    order.push(Context::List);
    if app.reader.placed.is_some() {
        order.push(Context::Reader);
    }
    order
}

fn move_focus(app: &mut App, is_forward: bool) -> Vec<Effect> {
    let order = panes(app);
    let at = order.iter().position(|c| *c == app.focus).unwrap_or(0);
    let step = if is_forward { 1 } else { order.len() - 1 };
    if let Some(next) = order.get((at + step) % order.len()) {
        app.focus = *next;
    }
    Vec::new()
}

pub(super) fn next_pane(app: &mut App, _: Count) -> Vec<Effect> {
    move_focus(app, true)
}

pub(super) fn previous_pane(app: &mut App, _: Count) -> Vec<Effect> {
    move_focus(app, false)
}

/// Whether nothing is left to go back from.
pub(super) fn is_at_root(app: &App) -> bool {
    app.focus == Context::List
        && app.list.selected().is_empty()
        && app.list.anchor().is_none()
        && app.user_filter.is_none()
}

pub(super) fn can_go_back(app: &App) -> Availability {
    if is_at_root(app) && !app.notices.has_error() {
        Availability::No("there is nothing to go back from; q quits")
    } else {
        Availability::Yes
    }
}

/// One step back: from the reader to the list, from a selection to none, from a filter to all.
pub(super) fn back(app: &mut App, _: Count) -> Vec<Effect> {
    match app.focus {
        Context::Reader => {
            let is_done = super::find::end(app) || app.reader.link.take().is_some();
            if !is_done && !super::read::leave(app) {
                app.focus = Context::List;
            }
        }
        Context::Sidebar => app.focus = Context::List,
        Context::List => {
            let is_done = app.notices.dismiss_error() || app.list.clear_selection();
            if !is_done {
                app.set_filter(None, Safe::default());
            }
        }
    }
    Vec::new()
}
