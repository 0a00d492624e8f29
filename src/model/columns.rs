//! How many columns a text takes on a terminal.
//!
//! Used by every layer that measures text. Must count as the grid is filled, cluster by cluster: a text
//! measured as a whole can be narrower than its cells (the Arabic ligature of lam and alef is).

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

/// The columns that a text takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_the_cells_that_it_fills() {
        for (text, wide) in [
            ("plan", 4),
            ("日本", 4),
            ("e\u{301}te\u{301}", 3),
            ("👩‍👩‍👧", 2),
            // Two letters that a shaping terminal may join, in two cells all the same.
            ("لا", 2),
            ("الاشتراك", 8),
            // What parts two letters takes no cell.
            ("می\u{200c}خواهم", 7),
        ] {
            assert_eq!(columns(text), wide, "{text}");
        }
    }
}
