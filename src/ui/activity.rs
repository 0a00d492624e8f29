//! The list of what goes on: accounts with their connection and room, jobs, changes that wait.
//!
//! Called by `overlay`. A state must never be told by colour alone: each has its mark and its word.

use super::canvas::Canvas;
use super::sidebar::link_mark;
use super::text::Text;
use super::theme::Paint;
use crate::app::{Activity, ActivityLine, ActivityMark, ActivityRow, App, Area};

/// Draws the box.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area, list: &Activity) {
    canvas.frame(area, &"What goes on");
    let inner = area.inner();
    let lines = list.lines(app);
    for (y, line) in (0..inner.h).zip(lines.iter().skip(list.top())) {
        let has_cursor = line.row.is_some() && line.row == list.on();
        draw_line(app, canvas, inner.row(y), line, has_cursor);
    }
}

fn draw_line(app: &App, canvas: &mut Canvas, row: Area, line: &ActivityLine, has_cursor: bool) {
    if has_cursor {
        let style = canvas.style(Paint::Cursor);
        canvas.tint(row, style);
        let mark = canvas.style(Paint::Mark);
        canvas.put(row, 0, 1, &canvas.theme.glyphs().cursor, mark);
    }
    let glyphs = canvas.theme.glyphs();
    let (x, paint) = match line.row {
        Some(ActivityRow::Account(_)) => (1, Paint::Title),
        Some(ActivityRow::Job(_) | ActivityRow::Op(..)) => (3, Paint::Plain),
        None => (5, Paint::Dim),
    };
    let (mark, mark_paint) = match line.mark {
        ActivityMark::None => (" ", Paint::Plain),
        ActivityMark::Link(key) => app.account(key).map_or((" ", Paint::Plain), |account| {
            link_mark(canvas, &account.link)
        }),
        ActivityMark::Waiting => (glyphs.pending, Paint::Warning),
        ActivityMark::Running => (glyphs.syncing, Paint::Good),
        ActivityMark::Refused => (glyphs.stopped, Paint::Error),
    };
    // On the bar of the cursor only its own colours can be read.
    let on_bar = |paint| if has_cursor { Paint::Cursor } else { paint };
    let style = canvas.style(on_bar(mark_paint));
    canvas.put(row, x, 1, &mark, style);
    // The name goes first; how it stands has what is left, but not less than a third.
    let x = if line.row.is_some() { x + 2 } else { x };
    let end = row.w.saturating_sub(1);
    let whole = end.saturating_sub(x);
    let left = whole.saturating_sub(line.text.cols() + 2);
    let state = line.state.cols().min(left.max(whole / 2));
    let style = canvas.style(on_bar(if line.mark == ActivityMark::Refused {
        Paint::Error
    } else {
        Paint::Dim
    }));
    let used = canvas.put_right(row, end, state, &line.state, style);
    let room = whole.saturating_sub(used + u16::from(used > 0) * 2);
    let style = canvas.style(paint);
    canvas.put(row, x, room, &line.text, style);
}
