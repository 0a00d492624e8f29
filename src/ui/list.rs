//! The message list: marks, who, subject, tags, date, by the columns there are.
//!
//! Called by `draw`. Looks at the visible rows alone, however many messages there are.

use super::canvas::Canvas;
use super::dates::date;
use super::text::Text;
use super::theme::Paint;
use crate::app::{App, Area, Context, DateStyle, size_text};
use crate::model::{Flag, ListRow, Rest, Safe};
use ratatui::style::Style;

/// The columns of a row.
#[derive(Debug, Clone, Copy)]
struct Columns {
    who: u16,
    subject: u16,
    signs: u16,
    size: u16,
    date: u16,
}

/// The columns from which on the size of each message is shown.
const SIZES_FROM: u16 = 110;
/// Cursor, selection, state, star, and a blank.
const MARKS: u16 = 5;

impl Columns {
    fn of(cols: u16, style: DateStyle) -> Self {
        let date = match (cols, style) {
            (0..=31, _) => 0,
            (32..=89, DateStyle::Short) | (32..=71, DateStyle::Iso) => 6,
            (90.., DateStyle::Iso) => 16,
            (72.., _) => 10,
        };
        let size = if cols >= SIZES_FROM { 7 } else { 0 };
        let signs = if cols >= 44 { 3 } else { 0 };
        let who = match cols {
            0..=25 => 0,
            26..=59 => cols / 4,
            60..=71 => 12,
            72..=99 => cols / 4,
            _ => (cols / 5 + 4).min(34),
        };
        let gaps = u16::from(who > 0) + u16::from(date > 0) + 1;
        let subject = cols.saturating_sub(MARKS + who + signs + size + date + gaps);
        Self {
            who,
            subject,
            signs,
            size,
            date,
        }
    }
}

/// Draws the list.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area) {
    if area.is_empty() {
        return;
    }
    let list = &app.list;
    if list.total() == 0 {
        empty(app, canvas, area);
        return;
    }
    let columns = Columns::of(area.w, app.settings.date_style);
    for y in 0..area.h {
        let index = list.top().saturating_add(u32::from(y));
        if index >= list.total() {
            break;
        }
        let line = area.row(y);
        if index == list.cursor() {
            cursor(app, canvas, line);
        }
        match list.row(index) {
            Some(row) => {
                let is_selected = list.is_selected(index);
                draw_row(app, canvas, line, columns, row, is_selected);
            }
            None => {
                let style = canvas.style(Paint::Dim);
                let glyph = canvas.theme.glyphs().placeholder;
                canvas.repeat(line, MARKS, 3, glyph, style);
            }
        }
    }
}

fn cursor(app: &App, canvas: &mut Canvas, line: Area) {
    let is_focused = app.focus == Context::List;
    let paint = if is_focused {
        Paint::Cursor
    } else {
        Paint::CursorElsewhere
    };
    let style = canvas.style(paint);
    canvas.tint(line, style);
    let mark = canvas.theme.glyphs().cursor;
    let style = canvas.style(if is_focused { Paint::Mark } else { Paint::Dim });
    canvas.put(line, 0, 1, &mark, style);
}

fn draw_row(
    app: &App,
    canvas: &mut Canvas,
    line: Area,
    columns: Columns,
    row: &ListRow,
    is_selected: bool,
) {
    let is_unread = !row.flags.has(Flag::Seen) || row.unread > 0;
    let text = canvas.style(if is_unread {
        Paint::Unread
    } else {
        Paint::Plain
    });
    let is_faint = row.flags.has(Flag::Deleted) || (row.depth > 0 && !is_unread);
    let text = if is_faint {
        canvas.style(Paint::Dim)
    } else {
        text
    };
    marks(canvas, line, row, is_selected);
    let mut x = MARKS;
    if columns.who > 0 {
        let dim = canvas.style(Paint::Dim);
        let to = if app.is_outgoing() {
            canvas.put(line, x, 3, &"To ", dim)
        } else {
            0
        };
        canvas.put(line, x + to, columns.who - to, &row.who, text);
        x += columns.who + 1;
    }
    subject(app, canvas, line, x, columns.subject, row, text);
    x += columns.subject + 1;
    let dim = canvas.style(Paint::Dim);
    if columns.signs > 0 {
        signs(canvas, line, x, row);
        x += columns.signs;
    }
    if columns.size > 0 {
        let size = Safe::line(&size_text(row.size_bytes));
        canvas.put_right(line, x + columns.size - 1, columns.size, &size, dim);
    }
    if columns.date > 0 {
        let at = date(
            row.arrived_secs,
            app.now_secs,
            app.settings.utc_offset_mins,
            app.settings.date_style,
            columns.date,
        );
        let style = if is_unread { text } else { dim };
        canvas.put_right(line, line.w.saturating_sub(1), columns.date, &at, style);
    }
}

fn marks(canvas: &mut Canvas, line: Area, row: &ListRow, is_selected: bool) {
    let glyphs = canvas.theme.glyphs();
    if is_selected {
        let style = canvas.style(Paint::Selected);
        canvas.put(line, 1, 1, &glyphs.selected, style);
    }
    let has = |flag| row.flags.has(flag);
    let (state, paint) = if has(Flag::Deleted) {
        (glyphs.deleted, Paint::Dim)
    } else if !has(Flag::Seen) {
        (glyphs.unread, Paint::Mark)
    } else if row.unread > 0 {
        (glyphs.partly_unread, Paint::Mark)
    } else if has(Flag::Draft) {
        (glyphs.draft, Paint::Dim)
    } else if has(Flag::Answered) {
        (glyphs.answered, Paint::Dim)
    } else if has(Flag::Forwarded) {
        (glyphs.forwarded, Paint::Dim)
    } else {
        (" ", Paint::Plain)
    };
    let style = canvas.style(paint);
    canvas.put(line, 2, 1, &state, style);
    if has(Flag::Flagged) {
        let style = canvas.style(Paint::Star);
        canvas.put(line, 3, 1, &glyphs.star, style);
    }
}

/// Attachment, and a change that the server does not know of yet.
fn signs(canvas: &mut Canvas, line: Area, x: u16, row: &ListRow) {
    let glyphs = canvas.theme.glyphs();
    let dim = canvas.style(Paint::Dim);
    if row.rest != Rest::Here {
        let paint = if row.rest == Rest::Asked {
            Paint::Warning
        } else {
            Paint::Dim
        };
        let style = canvas.style(paint);
        canvas.put(line, x, 1, &glyphs.rest, style);
    } else if row.has_attachment {
        canvas.put(line, x, 1, &glyphs.attachment, dim);
    }
    if row.is_pending {
        let style = canvas.style(Paint::Warning);
        canvas.put(line, x + 1, 1, &glyphs.pending, style);
    }
}

/// Subject with its place in the thread, how many it stands for, tags, and the first words.
fn subject(
    app: &App,
    canvas: &mut Canvas,
    line: Area,
    x: u16,
    cols: u16,
    row: &ListRow,
    style: Style,
) {
    let dim = canvas.style(Paint::Dim);
    let end = x + cols;
    let mut x = x;
    if row.depth > 0 && app.list.view().threads.is_some() {
        let indent = u16::from(row.depth.min(8) - 1) * 2;
        x += indent.min(cols / 3);
        x += canvas.put(line, x, 1, &canvas.theme.glyphs().branch, dim) + 1;
    }
    let mut end = end - tags(canvas, line, end, cols, row);
    // Where sizes have no column of their own.
    if row.rest != Rest::Here && cols >= 24 && line.w < SIZES_FROM {
        let size = Safe::line(&size_text(row.size_bytes));
        end -= canvas.put_right(line, end, 8, &size, dim) + 1;
    }
    if row.count > 1 {
        let count = Safe::line(&format!("({})", row.count));
        let used = canvas.put_right(line, end, 7, &count, dim);
        end -= used + 1;
    }
    let room = end.saturating_sub(x);
    let nothing = "(no subject)";
    let used = if row.subject.is_empty() {
        canvas.put(line, x, room, &nothing, dim)
    } else {
        canvas.put(line, x, room, &row.subject, style)
    };
    let rest = room.saturating_sub(used);
    if rest >= 16 && !row.preview.is_empty() {
        canvas.put(line, x + used + 2, rest - 2, &row.preview, dim);
    }
}

/// The tags, at the right end of the subject. Returns the columns used.
fn tags(canvas: &mut Canvas, line: Area, end: u16, cols: u16, row: &ListRow) -> u16 {
    if row.tags.is_empty() || cols < 24 {
        return 0;
    }
    let tags: Vec<Safe> = row
        .tags
        .iter()
        .map(|t| Safe::join(&[Safe::fixed("#"), t.clone()], ""))
        .collect();
    let tags = Safe::join(&tags, " ");
    let style = canvas.style(Paint::Tag);
    let used = canvas.put_right(line, end, (cols / 3).min(24), &tags, style);
    used + 1
}

/// Says why there is nothing, and what to press.
fn empty(app: &App, canvas: &mut Canvas, area: Area) {
    let is_known = app.is_tree_loaded && app.list.is_loaded();
    let has_folders = app.accounts.iter().any(|a| !a.mailboxes.is_empty());
    let is_first = app.is_tree_loaded && !app.accounts.is_empty() && !has_folders;
    let lines: [Safe; 2] = if is_first && app.is_list_slow {
        [
            Safe::fixed("Fetching the folders from the server."),
            Safe::fixed("The first time takes a moment."),
        ]
    } else if !is_known {
        let word = if app.is_list_slow { "Loading…" } else { "" };
        [Safe::fixed(word), Safe::default()]
    } else if app.accounts.is_empty() {
        [
            Safe::fixed("There is no account yet."),
            Safe::fixed("Add one to the configuration file, then start again."),
        ]
    } else if app.user_filter.is_some() {
        let hint = if app.has_loaded_all() {
            "Esc shows all messages again."
        } else {
            "Still searching."
        };
        [Safe::fixed("Nothing matches."), Safe::fixed(hint)]
    } else if !app.has_loaded_all() {
        [
            Safe::fixed("Fetching the first messages."),
            Safe::fixed("They show here as they arrive."),
        ]
    } else {
        let folder = app.keymap.first("go-to-folder", Context::List);
        let sync = app.keymap.first("sync", Context::List);
        let hint = format!("{sync} asks the server, {folder} goes to another folder.");
        [Safe::fixed("No messages here."), Safe::line(&hint)]
    };
    let dim = canvas.style(Paint::Dim);
    let top = area.h / 3;
    for (y, text) in (top..).zip(&lines) {
        let row = area.row(y);
        let x = row.w.saturating_sub(text.cols()) / 2;
        let style = if y == top {
            canvas.style(Paint::Plain)
        } else {
            dim
        };
        canvas.put_rest(row, x, text, style);
    }
}
