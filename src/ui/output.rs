//! The box with what a program said.
//!
//! Called by `overlay`. It must never draw a line that is not clean, whatever the program printed.

use super::canvas::Canvas;
use super::theme::Paint;
use crate::app::{Area, Output};
use crate::model::Safe;

/// Draws the box.
pub(super) fn draw(canvas: &mut Canvas, area: Area, output: &Output) {
    canvas.frame(area, &output.title);
    let inner = area.inner();
    let plain = canvas.style(Paint::Plain);
    let visible = output.lines.iter().skip(output.top());
    for (y, line) in (0..inner.h).zip(visible) {
        canvas.put_rest(inner.row(y), 1, line, plain);
    }
    let below = output.lines.len();
    let below = below.saturating_sub(output.top() + usize::from(inner.h));
    if below > 0 {
        let text = Safe::line(&format!(" {below} more lines "));
        let dim = canvas.style(Paint::Dim);
        let end = area.w.saturating_sub(2);
        canvas.put_right(area.row(area.h.saturating_sub(1)), end, 24, &text, dim);
    }
}
