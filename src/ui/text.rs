//! What may be drawn: text that is known to be clean, by type.
//!
//! `canvas` takes nothing else. [`Text`] must never be implemented for a type that can hold a text
//! from outside as it came.

use crate::model::{Safe, columns};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text that may reach a cell: made clean by [`Safe`], or written in this program.
pub trait Text {
    /// The clean text.
    fn clean(&self) -> &str;

    /// The columns it takes.
    fn cols(&self) -> u16 {
        u16::try_from(columns(self.clean())).unwrap_or(u16::MAX)
    }
}

/// The end of a text that fits into so many columns.
pub(super) fn tail(text: &Safe, cols: u16) -> Safe {
    let mut kept: Vec<&str> = Vec::new();
    let mut used = 0;
    for cluster in text.as_str().graphemes(true).rev() {
        used += cluster.width();
        if used > usize::from(cols) {
            break;
        }
        kept.push(cluster);
    }
    kept.reverse();
    Safe::line(&kept.concat())
}

impl Text for Safe {
    fn clean(&self) -> &str {
        self.as_str()
    }
}

impl Text for &'static str {
    fn clean(&self) -> &str {
        self
    }
}

/// How much of a text fits: the bytes that do, the columns they take, and whether that is all.
///
/// Looks at no more of the text than fits.
pub(super) fn fit(text: &str, cols: usize, ellipsis_cols: usize) -> (usize, usize, bool) {
    let (mut bytes, mut used) = (0, 0);
    let (mut cut_bytes, mut cut_used) = (0, 0);
    for cluster in text.graphemes(true) {
        let width = cluster.width();
        if used + width > cols {
            return (cut_bytes, cut_used, false);
        }
        bytes += cluster.len();
        used += width;
        if used + ellipsis_cols <= cols {
            (cut_bytes, cut_used) = (bytes, used);
        }
    }
    (bytes, used, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_leaves_room_for_the_mark() {
        assert_eq!(fit("abc", 3, 1), (3, 3, true));
        assert_eq!(fit("abcd", 3, 1), (2, 2, false));
        assert_eq!(fit("日本語", 5, 1), (6, 4, false));
        assert_eq!(fit("日本語", 4, 1), (3, 2, false));
        assert_eq!(fit("👩\u{200d}👧x", 2, 1), (0, 0, false));
        assert_eq!(fit("e\u{301}e\u{301}", 2, 1), (6, 2, true));
        assert_eq!(fit("abc", 0, 1), (0, 0, false));
    }
}
