//! The folders: unified ones, accounts with their connection, the tree, unread counts.
//!
//! Called by `draw`. Must never measure or draw a row that is not visible.

use super::canvas::Canvas;
use super::theme::Paint;
use crate::app::{AccountView, App, Area, Context, Link, SideRow, Target, link_word};
use crate::model::{Safe, SyncMode};
use crate::ui::Text;

/// Draws the sidebar.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area) {
    if area.is_empty() {
        return;
    }
    if app.sidebar.rows().is_empty() {
        let text = if app.is_tree_loaded {
            "No folders yet"
        } else {
            ""
        };
        let style = canvas.style(Paint::Dim);
        canvas.put_rest(area.row(0), 1, &text, style);
        return;
    }
    let rows = app
        .sidebar
        .rows()
        .iter()
        .enumerate()
        .skip(app.sidebar.top());
    for (y, (index, row)) in (0..area.h).zip(rows) {
        draw_row(app, canvas, area.row(y), row, index == app.sidebar.cursor());
    }
}

fn draw_row(app: &App, canvas: &mut Canvas, area: Area, row: &SideRow, has_cursor: bool) {
    let glyphs = canvas.theme.glyphs();
    let is_here = app.here.as_ref() == Some(&row.target);
    if has_cursor && app.focus == Context::Sidebar {
        let style = canvas.style(Paint::Cursor);
        canvas.tint(area, style);
    }
    if is_here || (has_cursor && app.focus == Context::Sidebar) {
        let style = canvas.style(Paint::Mark);
        canvas.put(area, 0, 1, &glyphs.cursor, style);
    }
    let is_heading = matches!(row.target, Target::Account(_) | Target::Unified);
    let paint = if is_heading {
        Paint::Title
    } else if row.unread > 0 {
        Paint::Unread
    } else if row.is_selectable {
        Paint::Plain
    } else {
        Paint::Dim
    };
    let mut style = canvas.style(paint);
    if is_here {
        style = style.patch(canvas.style(Paint::Strong));
    }
    let end = area.w.saturating_sub(1);
    let right = if let Target::Account(key) = row.target {
        app.account(key)
            .map_or(0, |account| draw_link(canvas, area, row, account, app))
    } else {
        let count = if row.unread > 0 {
            row.unread.to_string()
        } else {
            String::new()
        };
        let used = canvas.put_right(area, end, 7, &Safe::line(&count), style);
        if row.is_pending {
            let style = canvas.style(Paint::Warning);
            let gap = u16::from(used > 0);
            let at = end.saturating_sub(used + gap);
            used + gap + canvas.put_right(area, at, 1, &glyphs.pending, style)
        } else {
            used
        }
    };
    let x = 1 + if is_heading {
        0
    } else {
        1 + row.depth.saturating_mul(2).min(area.w / 3)
    };
    let fold = match row.fold {
        Some(true) => glyphs.unfolded,
        Some(false) => glyphs.folded,
        None => " ",
    };
    let dim = canvas.style(Paint::Dim);
    canvas.put(area, x, 1, &fold, dim);
    let room = end.saturating_sub(x + 2 + right + u16::from(right > 0));
    canvas.put(area, x + 2, room, &row.label, style);
}

/// How an account stands: a mark, and the word where there is room. Returns the columns used.
fn draw_link(
    canvas: &mut Canvas,
    area: Area,
    row: &SideRow,
    account: &AccountView,
    app: &App,
) -> u16 {
    let (mark, paint) = link_mark(canvas, &account.link);
    let word = match &account.link {
        Link::Idle if app.is_offline => "offline",
        Link::Idle if account.mode == SyncMode::Manual => "by hand",
        link => link_word(link),
    };
    let style = canvas.style(paint);
    let dim = canvas.style(Paint::Dim);
    let end = area.w.saturating_sub(1);
    let has_room = row.label.cols() + word.cols() + 6 <= end;
    let word = if has_room { word } else { "" };
    let used = canvas.put_right(area, end, 12, &word, dim);
    let gap = u16::from(used > 0);
    canvas.put_right(area, end.saturating_sub(used + gap), 1, &mark, style);
    used + gap + 1
}

/// The mark of a connection: its shape says it, its colour repeats it.
pub(super) fn link_mark(canvas: &Canvas, link: &Link) -> (&'static str, Paint) {
    let glyphs = canvas.theme.glyphs();
    match link {
        Link::InStep { is_watched: true } => (glyphs.watching, Paint::Good),
        Link::InStep { is_watched: false } | Link::Checked { .. } => (glyphs.in_step, Paint::Good),
        Link::Connecting | Link::Syncing { .. } => (glyphs.syncing, Paint::Warning),
        Link::Waiting { .. } => (glyphs.waiting, Paint::Warning),
        Link::Stopped { .. } => (glyphs.stopped, Paint::Error),
        Link::Idle => (glyphs.idle, Paint::Dim),
    }
}
