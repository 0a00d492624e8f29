//! The last look at a draft: each fact on a line, faults first.
//!
//! Called by `compose`. A fault must never be told by colour alone: it says that it is one.

use super::canvas::Canvas;
use super::theme::Paint;
use crate::app::{Area, Composer, Weight, wrap};

/// The columns of the labels.
const LABEL_COLS: u16 = 16;
/// The rows that one fact takes at most.
const ROWS_MAX: usize = 4;

/// Draws the review.
pub(super) fn draw(canvas: &mut Canvas, area: Area, composer: &Composer) {
    let Some(review) = composer.review() else {
        return;
    };
    let dim = canvas.style(Paint::Dim);
    let room = usize::from(area.w.saturating_sub(LABEL_COLS + 1));
    let mut y = 0;
    for line in composer.review_lines().iter().skip(review.top()) {
        if y >= area.h {
            break;
        }
        let (label, text) = match line.weight {
            Weight::Plain => (dim, canvas.style(Paint::Plain)),
            Weight::Quiet => (dim, dim),
            Weight::Question => (canvas.style(Paint::Warning), canvas.style(Paint::Plain)),
            Weight::Fatal => (canvas.style(Paint::Error), canvas.style(Paint::Plain)),
        };
        let row = area.row(y);
        canvas.put(row, 1, LABEL_COLS - 2, &line.label, label);
        let rows = wrap(&line.text, room, ROWS_MAX);
        for piece in &rows {
            canvas.put_rest(area.row(y), LABEL_COLS, piece, text);
            y += 1;
        }
        y += u16::from(rows.is_empty());
    }
}
