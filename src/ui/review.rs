//! The last look at a draft: each fact on a line, faults first, and below them the text.
//!
//! Called by `compose`. A fault must never be told by colour alone: it says that it is one.

use super::canvas::Canvas;
use super::compose::quote_paint;
use super::theme::Paint;
use crate::app::{Area, Composer, REVIEW_LABEL_COLS, ReviewLine, ReviewRow, ReviewState, Weight};
use crate::model::{Safe, columns};
use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation;

/// Draws the review.
pub(super) fn draw(canvas: &mut Canvas, area: Area, composer: &Composer) {
    let Some(review) = composer.review() else {
        return;
    };
    let rows = composer.review_rows(area.w);
    let top = rows.len().saturating_sub(usize::from(area.h));
    let shown = rows.iter().skip(review.top().min(top));
    for (y, row) in (0..area.h).zip(shown) {
        let at = area.row(y);
        match row {
            ReviewRow::Fact(line) => fact(canvas, at, line),
            ReviewRow::Rule => {
                let glyph = canvas.theme.glyphs().across;
                let style = canvas.style(Paint::Line);
                canvas.repeat(at, 0, at.w, glyph, style);
            }
            ReviewRow::Text(row) => {
                let style = canvas.style(quote_paint(row.quote));
                canvas.put_rest(at, 1, &row.text, style);
                if row.quote == 0 {
                    spelling(canvas, at, &row.text, review);
                }
            }
        }
    }
}

/// Marks the words of a row that are perhaps misspelt, each of which the facts name.
fn spelling(canvas: &mut Canvas, row: Area, text: &Safe, review: &ReviewState) {
    let style = canvas.style(Paint::Warning);
    let style = style.add_modifier(Modifier::UNDERLINED);
    for (at, word) in text.as_str().unicode_word_indices() {
        if review.is_misspelt(word) {
            let before = columns(text.as_str().get(..at).unwrap_or_default());
            let x = u16::try_from(before).unwrap_or(u16::MAX).saturating_add(1);
            canvas.put_rest(row, x, &Safe::line(word), style);
        }
    }
}

fn fact(canvas: &mut Canvas, row: Area, line: &ReviewLine) {
    let dim = canvas.style(Paint::Dim);
    let (label, text) = match line.weight {
        Weight::Plain => (dim, canvas.style(Paint::Plain)),
        Weight::Quiet => (dim, dim),
        Weight::Question => (canvas.style(Paint::Warning), canvas.style(Paint::Plain)),
        Weight::Fatal => (canvas.style(Paint::Error), canvas.style(Paint::Plain)),
    };
    canvas.put(row, 1, REVIEW_LABEL_COLS - 2, &line.label, label);
    canvas.put_rest(row, REVIEW_LABEL_COLS, &line.text, text);
}
