//! The outbox and the drafts kept here.
//!
//! Called by `overlay`. A state must never be told by colour alone: each has its word.

use super::canvas::Canvas;
use super::dates;
use super::text::Text;
use super::theme::Paint;
use crate::app::{App, Area, Outbox, OutboxLine, OutboxMark};
use crate::model::Safe;

/// Draws the box.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area, list: &Outbox) {
    canvas.frame(area, &"Outbox");
    let inner = area.inner();
    let lines = list.lines(app);
    for (y, line) in (0..inner.h).zip(lines.iter().skip(list.top())) {
        let has_cursor = line.row.is_some() && line.row == list.on();
        draw_line(app, canvas, inner.row(y), line, has_cursor);
    }
}

fn draw_line(app: &App, canvas: &mut Canvas, row: Area, line: &OutboxLine, has_cursor: bool) {
    let glyphs = canvas.theme.glyphs();
    if has_cursor {
        let style = canvas.style(Paint::Cursor);
        canvas.tint(row, style);
        let mark = canvas.style(Paint::Mark);
        canvas.put(row, 0, 1, &glyphs.cursor, mark);
    }
    let (mark, paint) = match line.mark {
        OutboxMark::None => (" ", Paint::Plain),
        OutboxMark::Waiting => (glyphs.pending, Paint::Warning),
        OutboxMark::Running => (glyphs.syncing, Paint::Good),
        OutboxMark::Stuck => (glyphs.stopped, Paint::Error),
    };
    // On the bar of the cursor only its own colours can be read.
    let on_bar = |paint| if has_cursor { Paint::Cursor } else { paint };
    let style = canvas.style(on_bar(paint));
    canvas.put(row, 1, 1, &mark, style);
    let (x, paint) = match (line.row, line.is_heading) {
        (Some(_), _) => (3, Paint::Plain),
        (None, true) => (1, Paint::Title),
        (None, false) => (5, Paint::Dim),
    };
    let end = row.w.saturating_sub(1);
    let style = canvas.style(on_bar(if line.mark == OutboxMark::Stuck {
        Paint::Error
    } else {
        Paint::Dim
    }));
    // The state has the half, and what the text leaves.
    let left = end.saturating_sub(x + line.text.cols() + 2);
    let used = canvas.put_right(row, end, left.max(end / 2), &state(app, line), style);
    let room = end.saturating_sub(x + used + u16::from(used > 0) * 2);
    let style = canvas.style(paint);
    canvas.put(row, x, room, &line.text, style);
}

/// The state with the time that belongs to it.
fn state(app: &App, line: &OutboxLine) -> Safe {
    let Some(at) = line.at else {
        return line.state.clone();
    };
    let settings = &app.settings;
    let when = dates::in_words(
        at.unix_secs,
        app.now_secs,
        settings.utc_offset_mins,
        settings.date_style,
    );
    Safe::join(&[line.state.clone(), when], " ")
}
