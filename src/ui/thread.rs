//! A thread as one conversation: a line for each message, and the texts of the unfolded ones.
//!
//! Called by `reader`. Draws the visible rows that `app::conversation` laid out, and nothing else.

use super::canvas::Canvas;
use super::dates::in_words;
use super::theme::Paint;
use crate::app::{App, Area, Body, Conversation, ThreadRow};
use crate::model::{Flag, ListRow, Safe};

/// Draws the conversation.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area, talk: &Conversation) {
    let visible = talk.rows().iter().skip(talk.scroll());
    let inner = area.inset(1);
    for (y, row) in (0..area.h).zip(visible) {
        match *row {
            ThreadRow::Head(n) => head(app, canvas, area.row(y), talk, n),
            ThreadRow::Text(n, row) => {
                if let Some(reader) = talk.reader(n, &app.reader) {
                    super::reader::draw_row(app, reader, canvas, inner.row(y), row);
                }
            }
            ThreadRow::Wait(n) => wait(app, canvas, inner.row(y), talk, n),
            ThreadRow::Gap => {}
        }
    }
}

/// The line of a message: who, the first words where it is folded, and when.
fn head(app: &App, canvas: &mut Canvas, area: Area, talk: &Conversation, n: usize) {
    let Some(message) = talk.messages().get(n) else {
        return;
    };
    let row = &message.row;
    let is_at_hand = n == talk.at();
    let is_unread = !row.flags.has(Flag::Seen);
    if is_at_hand {
        let style = canvas.style(Paint::Cursor);
        canvas.tint(area, style);
        let mark = canvas.style(Paint::Mark);
        canvas.put(area, 0, 1, &canvas.theme.glyphs().cursor, mark);
    }
    let on_bar = |paint| if is_at_hand { Paint::Cursor } else { paint };
    let glyphs = canvas.theme.glyphs();
    let fold = if talk.is_unfolded(n) {
        glyphs.unfolded
    } else {
        glyphs.folded
    };
    let dim = canvas.style(on_bar(Paint::Dim));
    canvas.put(area, 1, 1, &fold, dim);
    let settings = &app.settings;
    let date = in_words(
        row.arrived_secs,
        app.now_secs,
        settings.utc_offset_mins,
        settings.date_style,
    );
    let end = area.w.saturating_sub(1);
    let used = canvas.put_right(area, end, area.w / 3, &date, dim);
    let end = end.saturating_sub(used + 2);
    let mut x = 3;
    if is_unread {
        let mark = canvas.style(on_bar(Paint::Unread));
        x += canvas.put(area, x, 2, &glyphs.unread, mark) + 1;
    }
    let style = canvas.style(if is_unread {
        Paint::Unread
    } else {
        Paint::Strong
    });
    let who = writer(app, row);
    x += canvas.put(area, x, end.saturating_sub(x), &who, style) + 2;
    if !talk.is_unfolded(n) && x < end {
        canvas.put(area, x, end - x, &row.preview, dim);
    }
}

/// Who wrote it, where the list names those that it went to.
fn writer(app: &App, row: &ListRow) -> Safe {
    if app.is_own(row) {
        return Safe::join(&[Safe::fixed("Me to"), row.who.clone()], " ");
    }
    row.who.clone()
}

/// What is said where there is no text.
fn wait(app: &App, canvas: &mut Canvas, area: Area, talk: &Conversation, n: usize) {
    let body = talk.reader(n, &app.reader).map(|r| &r.body);
    let (text, paint) = match body {
        Some(Body::Unavailable(why)) => (why.clone(), Paint::Warning),
        _ => (Safe::fixed("Fetching the text."), Paint::Dim),
    };
    let style = canvas.style(paint);
    canvas.put_rest(area, 0, &text, style);
}

/// How far the conversation is scrolled.
pub(super) fn position(talk: &Conversation, height: u16) -> Safe {
    let count = talk.messages().len();
    let below = talk.rows().len();
    let below = below.saturating_sub(talk.scroll() + usize::from(height));
    let text = format!("message {} of {count}", talk.at() + 1);
    let more = match below {
        0 => String::new(),
        1 => ", 1 more line".to_owned(),
        n => format!(", {n} more lines"),
    };
    Safe::line(&format!("{text}{more}"))
}
