//! What is done to a frame's cells because terminals differ in how wide they draw.
//!
//! Called by `terminal`. A frame must look the same whatever width a terminal gives to a family or a flag.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Makes the cell behind a wide character differ from any blank, so that it is written again when
/// something narrow takes its place. Without this a terminal may keep half of a character there.
pub(super) fn mark_second_halves(buffer: &mut Buffer) {
    let mut is_behind_wide = false;
    for cell in &mut buffer.content {
        if is_behind_wide {
            cell.modifier.insert(Modifier::HIDDEN);
        }
        is_behind_wide = !is_behind_wide && is_wide(cell);
    }
}

/// The cells behind signs of several characters, as far as a terminal may reach that draws these
/// characters one by one. It wipes them out, even those that are as they were in the frame before.
pub(super) fn wiped(buffer: &Buffer) -> Vec<(u16, u16, Cell)> {
    let mut found = Vec::new();
    let cols = usize::from(buffer.area.width).max(1);
    for (y, row) in (buffer.area.y..).zip(buffer.content.chunks(cols)) {
        let (mut reach, mut is_behind_wide) = (0, false);
        for (at, (x, cell)) in (buffer.area.x..).zip(row).enumerate() {
            if is_behind_wide {
                is_behind_wide = false;
                continue;
            }
            is_behind_wide = is_wide(cell);
            if at < reach {
                found.push((x, y, cell.clone()));
            }
            if !cell.symbol().is_ascii() {
                reach = reach.max(at + widest(cell.symbol()));
            }
        }
    }
    found
}

fn is_wide(cell: &Cell) -> bool {
    let symbol = cell.symbol();
    !symbol.is_ascii() && symbol.width() > 1
}

/// The columns of a sign where each of its characters is drawn by itself.
fn widest(symbol: &str) -> usize {
    let width = |c| match c {
        // Half a flag.
        '\u{1f1e6}'..='\u{1f1ff}' => 2,
        // As an emoji: makes the character before it wide.
        '\u{fe0f}' => 1,
        c => c.width().unwrap_or(0),
    };
    symbol.chars().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    fn wiped_in(text: &str) -> String {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 12, 2));
        buffer.set_string(0, 1, text, Style::new());
        let wiped = wiped(&buffer);
        assert!(wiped.iter().all(|(_, y, _)| *y == 1), "{text}");
        wiped.iter().map(|(.., cell)| cell.symbol()).collect()
    }

    #[test]
    fn what_a_terminal_may_wipe_out_behind_a_sign_is_known() {
        for (text, wiped) in [
            ("abcdef", ""),
            ("日本e\u{301}x", ""),
            ("\u{1f389}ab", ""),
            // A rainbow flag, a family of four, a tone of skin.
            ("\u{1f3f3}\u{fe0f}\u{200d}\u{1f308} and", " a"),
            (
                "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}abcdefgh",
                "abcdef",
            ),
            ("\u{1f44d}\u{1f3fd}日x", "日"),
            ("\u{1f1e9}\u{1f1ea}abc", "ab"),
        ] {
            assert_eq!(wiped_in(text), wiped, "{text}");
        }
    }
}
