//! The marks on text that was looked for.
//!
//! Called by `reader`. Must never move a character: it only lays a style over what is drawn.

use super::canvas::Canvas;
use super::theme::Paint;
use crate::app::{Area, Mark};
use crate::model::{Safe, columns};
use ratatui::style::Style;

/// Writes a text from column `x` on, and marks what was found in it. `at` is the place of the text's
/// first byte in its line, as `marks` count. Returns the columns used.
pub(super) fn put(
    canvas: &mut Canvas,
    area: Area,
    x: u16,
    text: &Safe,
    style: Style,
    (marks, at): (&[Mark], usize),
) -> u16 {
    let used = canvas.put_rest(area, x, text, style);
    let cols = |bytes: usize| {
        let shown = text.as_str().get(..bytes);
        u16::try_from(shown.map_or(0, columns)).unwrap_or(u16::MAX)
    };
    let end = at + text.as_str().len();
    for mark in marks {
        let (from, to) = (mark.bytes.start.max(at), mark.bytes.end.min(end));
        if from >= to {
            continue;
        }
        let (left, right) = (cols(from - at).min(used), cols(to - at).min(used));
        let run = Area {
            x: area.x + x + left,
            w: right.saturating_sub(left),
            ..area.row(0)
        };
        let paint = if mark.is_at_hand {
            Paint::FoundAtHand
        } else {
            Paint::Found
        };
        canvas.tint(run, canvas.style(paint));
    }
    used
}
