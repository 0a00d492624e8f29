//! Where the rows of a line begin when it is shown in so many columns.
//!
//! Used by `sheet`. Takes time in proportion to the line; a row must never be wider than the columns
//! there are, but for blanks at its end, which hang over.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The columns of a tab. It is kept in the text as it is.
pub(super) const TAB: &str = "    ";

/// The columns that a character takes, as people see characters.
pub(super) fn cols_of(cluster: &str) -> usize {
    if cluster == "\t" {
        TAB.len()
    } else {
        cluster.width()
    }
}

/// The columns that a piece of a row takes.
pub(super) fn width(text: &str) -> usize {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return text.len();
    }
    text.graphemes(true).map(cols_of).sum()
}

/// What fills the rows of one line.
struct Rows {
    cols: usize,
    starts: Vec<usize>,
    /// The columns used in the last row.
    used: usize,
    /// The place behind the last blank, and the columns up to there.
    gap: Option<(usize, usize)>,
}

impl Rows {
    fn push(&mut self, at: usize, len: usize, cols: usize, is_blank: bool) {
        if !is_blank && self.used > 0 && self.used + cols > self.cols {
            let begin = self.starts.last().copied().unwrap_or(0);
            match self.gap.take().filter(|gap| gap.0 > begin) {
                Some((after, used)) => {
                    self.starts.push(after);
                    self.used = self.used.saturating_sub(used);
                }
                None => {
                    self.starts.push(at);
                    self.used = 0;
                }
            }
        }
        self.used += cols;
        if is_blank {
            self.gap = Some((at + len, self.used));
        }
    }
}

/// The places in `text` where its rows begin; the first is always 0.
pub(super) fn row_starts(text: &str, cols: usize) -> Vec<usize> {
    let mut rows = Rows {
        cols: cols.max(2),
        starts: vec![0],
        used: 0,
        gap: None,
    };
    if text.is_ascii() {
        if text.len() <= cols && !text.contains('\t') {
            return rows.starts;
        }
        for (at, byte) in text.bytes().enumerate() {
            let cols = if byte == b'\t' { TAB.len() } else { 1 };
            rows.push(at, 1, cols, matches!(byte, b' ' | b'\t'));
        }
    } else {
        for (at, cluster) in text.grapheme_indices(true) {
            let is_blank = matches!(cluster, " " | "\t");
            rows.push(at, cluster.len(), cols_of(cluster), is_blank);
        }
    }
    rows.starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, cols: usize) -> Vec<&str> {
        let starts = row_starts(text, cols);
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts
            .iter()
            .zip(ends)
            .map(|(a, b)| text.get(*a..b).unwrap())
            .collect()
    }

    #[test]
    fn rows_break_behind_blanks_and_blanks_hang_over() {
        assert_eq!(rows("one two three", 8), ["one two ", "three"]);
        assert_eq!(rows("one two  three", 7), ["one two  ", "three"]);
        assert_eq!(rows("", 7), [""]);
        assert_eq!(rows("     ", 3), ["     "]);
    }

    #[test]
    fn a_word_that_fits_into_no_row_is_broken_between_characters() {
        assert_eq!(rows("abcdefgh ij", 3), ["abc", "def", "gh ", "ij"]);
        assert_eq!(rows("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(rows("👩\u{200d}👧👩\u{200d}👧", 3).len(), 2);
        assert_eq!(rows("a abcdefgh", 4), ["a ", "abcd", "efgh"]);
    }

    #[test]
    fn no_row_is_wider_than_the_columns_but_for_blanks() {
        let text = "\tif (x) {\treturn 日本 and a-very-long-word-indeed;  } é e\u{301}";
        for cols in 4..40 {
            for row in rows(text, cols) {
                assert!(width(row.trim_end()) <= cols, "{row:?} in {cols}");
            }
        }
    }
}
