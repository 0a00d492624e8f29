//! The mouse: clicks on rows, folders and hints, the wheel, the lines between panes.
//!
//! Called by `update`. Whatever a click does must also be possible by key.

use super::actions::actions;
use super::overlay::{ANSWERS_GAP, act};
use super::picker::Picked;
use super::{Activity, Outbox, compose, stops};
use super::{App, Area, Chord, Confirm, Context, Drag, Effect, Mouse, MouseKind, Overlay, Split};
use super::{Code, Key, Row, dispatch, find, hints};

/// How many rows one turn of the wheel scrolls.
const WHEEL_ROWS: i64 = 3;

/// Takes a mouse event.
pub(super) fn event(app: &mut App, mouse: Mouse) -> Vec<Effect> {
    match mouse.kind {
        MouseKind::Down => down(app, mouse.x, mouse.y),
        MouseKind::Drag => {
            drag(app, mouse.x, mouse.y);
            Vec::new()
        }
        MouseKind::Up => {
            app.drag = None;
            Vec::new()
        }
        MouseKind::WheelUp => wheel(app, mouse, -WHEEL_ROWS),
        MouseKind::WheelDown => wheel(app, mouse, WHEEL_ROWS),
    }
}

fn down(app: &mut App, x: u16, y: u16) -> Vec<Effect> {
    let panes = app.panes();
    if panes.hints.contains(x, y) {
        let all = hints(app, panes.hints.w);
        let at = all.into_iter().find(|h| x >= h.x && x - h.x < h.w);
        let keys = at.map(|h| h.press).unwrap_or_default();
        return keys
            .into_iter()
            .flat_map(|key| dispatch::key(app, key))
            .collect();
    }
    if app.overlay.is_some() {
        return down_on_overlay(app, x, y);
    }
    if app.composer().is_some() {
        return compose::click(app, x, y);
    }
    if panes.sidebar_line.contains(x, y) {
        app.drag = Some(Drag::Sidebar);
    } else if panes.split_line.contains(x, y) {
        app.drag = Some(Drag::Split);
    } else if panes.sidebar.contains(x, y) {
        let row = app.sidebar.top() + usize::from(y - panes.sidebar.y);
        if row < app.sidebar.rows().len() {
            app.sidebar.move_to(row);
            return run(app, "open-folder");
        }
    } else if panes.list.contains(x, y) {
        return down_on_list(app, u32::from(y - panes.list.y));
    } else if panes.reader.contains(x, y) {
        app.focus = Context::Reader;
        return down_on_reader(app, x - panes.reader.x, usize::from(y - panes.reader.y));
    }
    Vec::new()
}

/// A click moves there; a click on the row that already has the cursor opens it.
fn down_on_list(app: &mut App, y: u32) -> Vec<Effect> {
    let row = app.list.top() + y;
    if row >= app.list.total() {
        app.focus = Context::List;
        return Vec::new();
    }
    let was_there = app.focus == Context::List && app.list.cursor() == row;
    app.focus = Context::List;
    app.list.move_to(row);
    if was_there {
        run(app, "open")
    } else {
        Vec::new()
    }
}

/// A click on a folded quote unfolds all; a click on a line with a link takes it in hand.
fn down_on_reader(app: &mut App, x: u16, y: usize) -> Vec<Effect> {
    if super::conversation::click(app, y) {
        return Vec::new();
    }
    let Some(row) = app.reader.rows().get(app.reader.scroll() + y).copied() else {
        return Vec::new();
    };
    match row {
        Row::Folded { .. } => run(app, "fold-quotes"),
        Row::Rest(_) => run(app, "fetch-whole"),
        Row::Files { .. } => run(app, "attachments"),
        Row::Card(row) => {
            let action = app.reader.card_rows().get(row).map_or("", |row| row.action);
            run(app, action)
        }
        Row::Line(line) => {
            let Some(link) = app.reader.link_at(line, usize::from(x)) else {
                return Vec::new();
            };
            if app.reader.link == Some(link) {
                return run(app, "open-link");
            }
            app.reader.link = Some(link);
            Vec::new()
        }
        Row::Inside => run(app, "back"),
        Row::Header(_)
        | Row::Facts
        | Row::Rule
        | Row::Source(_)
        | Row::Picture { .. }
        | Row::Caption(_)
        | Row::Gap
        | Row::Quoted(_) => Vec::new(),
    }
}

fn down_on_overlay(app: &mut App, x: u16, y: u16) -> Vec<Effect> {
    let area = app.overlay_area();
    let inner = area.inner();
    if !area.contains(x, y) {
        return dispatch::key(app, Key::plain(Code::Esc));
    }
    let height = app.overlay_height();
    match app.overlay.take() {
        Some(Overlay::Picker(mut picker)) => {
            let first = inner.y + u16::from(picker.is_fuzzy());
            let hit = inner.contains(x, y) && y >= first;
            let at = picker.top() + usize::from(y.saturating_sub(first));
            if hit && usize::from(y - first) < height && picker.move_to(at) {
                let picked = picker.key(Key::plain(Code::Enter), height);
                return act(app, picker, picked);
            }
            act(app, picker, Picked::Nothing)
        }
        Some(Overlay::Confirm(question)) => {
            let press = answer_at(&question, inner, x, y);
            app.overlay = Some(Overlay::Confirm(question));
            press.map_or_else(Vec::new, |key| dispatch::key(app, key))
        }
        Some(Overlay::Activity(list)) => {
            let line = usize::from(y.saturating_sub(inner.y));
            app.overlay = Some(Overlay::Activity(list));
            stops::move_to_line::<Activity>(app, line);
            Vec::new()
        }
        Some(Overlay::Outbox(list)) => {
            let line = usize::from(y.saturating_sub(inner.y));
            app.overlay = Some(Overlay::Outbox(list));
            stops::move_to_line::<Outbox>(app, line);
            Vec::new()
        }
        other => {
            app.overlay = other;
            Vec::new()
        }
    }
}

/// The key of the answer under the mouse: they stand in the last row of the box.
fn answer_at(question: &Confirm, inner: Area, x: u16, y: u16) -> Option<Key> {
    let row = inner.inset(1);
    if y + 1 != inner.y.saturating_add(inner.h) {
        return None;
    }
    let mut left = row.x;
    for (key, word) in question.answers() {
        let cols = u16::try_from(key.len() + 1 + word.len()).unwrap_or(u16::MAX);
        if (left..left.saturating_add(cols)).contains(&x) {
            let chord = Chord::parse(key).ok()?;
            return chord.keys().first().copied();
        }
        left = left.saturating_add(cols + ANSWERS_GAP);
    }
    None
}

fn wheel(app: &mut App, mouse: Mouse, rows: i64) -> Vec<Effect> {
    let panes = app.panes();
    let height = app.overlay_height();
    let is_writing = app.composer().is_some();
    match &mut app.overlay {
        Some(Overlay::Help(help)) => help.scroll_by(rows, height),
        Some(Overlay::Picker(picker)) => picker.move_by(rows.signum()),
        Some(Overlay::Output(output)) => output.scroll_by(rows, height),
        Some(Overlay::Prompt(_) | Overlay::Confirm(_)) => {}
        Some(Overlay::Activity(_)) => stops::move_by::<Activity>(app, rows.signum()),
        Some(Overlay::Outbox(_)) => stops::move_by::<Outbox>(app, rows.signum()),
        None if is_writing => compose::wheel(app, rows),
        None if panes.sidebar.contains(mouse.x, mouse.y) => {
            app.sidebar.scroll_by(rows, usize::from(panes.sidebar.h));
        }
        None if panes.reader.contains(mouse.x, mouse.y) => {
            drop(super::actions::scroll(app, rows));
        }
        None if panes.list.contains(mouse.x, mouse.y) => {
            app.list.scroll_by(rows, u32::from(panes.list.h));
        }
        None => {}
    }
    Vec::new()
}

fn drag(app: &mut App, x: u16, y: u16) {
    let panes = app.panes();
    match app.drag {
        Some(Drag::Sidebar) => app.sidebar_cols = Some(x.max(1)),
        Some(Drag::Split) => {
            let (at, whole) = match panes.split {
                Split::Beside => (x.saturating_sub(panes.main.x), panes.main.w),
                Split::Below => (y.saturating_sub(panes.main.y), panes.main.h),
                Split::None => return,
            };
            let share = (u32::from(at) * 1000).div_ceil(u32::from(whole.max(1)));
            app.split = Some(u16::try_from(share.clamp(50, 950)).unwrap_or(500));
        }
        None => {}
    }
}

fn run(app: &mut App, id: &str) -> Vec<Effect> {
    let found = find(id).filter(|(_, action)| action.is_in(app.focus) || id == "open-folder");
    match found {
        Some((index, _)) if index < actions().len() => dispatch::run(app, index, None),
        _ => Vec::new(),
    }
}
