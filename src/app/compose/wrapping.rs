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
    const fn is_over(&self, cols: usize) -> bool {
        self.used > 0 && self.used + cols > self.cols
    }

    fn push(&mut self, at: usize, len: usize, cols: usize, is_blank: bool) {
        if !is_blank && self.is_over(cols) {
            let begin = self.starts.last().copied().unwrap_or(0);
            if let Some((after, used)) = self.gap.take().filter(|gap| gap.0 > begin) {
                self.starts.push(after);
                self.used = self.used.saturating_sub(used);
            }
            // A word that fills a row may be followed by a character of two columns.
            if self.is_over(cols) {
                self.starts.push(at);
                self.used = 0;
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

/// A change within a line: where it begins, where it ended in the old text, and in the new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) old_end: usize,
    pub(super) new_end: usize,
}

/// The same as [`row_starts`] of a line that was changed there, from where its rows began before.
/// Takes time in proportion to the rows that come out otherwise.
pub(super) fn rewrapped(text: &str, cols: usize, old: &[usize], span: Span) -> Vec<usize> {
    // What is shorter now may fit into the row above; a mark may belong to the character before it.
    let row = old.partition_point(|start| *start <= span.from);
    let kept = old.get(..row.saturating_sub(2).max(1)).unwrap_or(&[0]);
    let begin = kept.last().copied().unwrap_or(0);
    let mut rows = Rows {
        cols: cols.max(2),
        starts: kept.to_vec(),
        used: 0,
        gap: None,
    };
    let rest = text.get(begin..).unwrap_or_default();
    for (at, cluster) in rest.grapheme_indices(true) {
        let count = rows.starts.len();
        let is_blank = matches!(cluster, " " | "\t");
        rows.push(begin + at, cluster.len(), cols_of(cluster), is_blank);
        let last = rows.starts.last().copied().unwrap_or(0);
        if rows.starts.len() > count && last > span.new_end {
            let before = last - span.new_end + span.old_end;
            if let Ok(same) = old.binary_search(&before) {
                // From here on all rows are as they were.
                let tail = old.iter().skip(same + 1);
                rows.starts
                    .extend(tail.map(|start| start - span.old_end + span.new_end));
                return rows.starts;
            }
        }
    }
    rows.starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_is_wrapped_as_if_it_were_new() {
        let mut dice = fastrand::Rng::with_seed(7);
        let pieces = [
            "a",
            "b",
            " ",
            " ",
            "wörter",
            "日",
            "e\u{301}",
            "\t",
            "👩\u{200d}👧",
            "\u{301}",
            "🇩🇪",
            "🇩",
            "longer-than-the-row-by-far",
        ];
        let pick = |dice: &mut fastrand::Rng, most| -> String {
            let count = dice.usize(0..most);
            let all = (0..count).map(|_| pieces[dice.usize(..pieces.len())]);
            all.collect()
        };
        for _ in 0..400 {
            let cols = dice.usize(2..14);
            let mut text = pick(&mut dice, 60);
            let mut starts = row_starts(&text, cols);
            for _ in 0..20 {
                let inserted = pick(&mut dice, 3);
                let mut ends = [dice.usize(..=text.len()), dice.usize(..=text.len())];
                if dice.bool() {
                    ends[1] = (ends[0] + 2).min(text.len());
                }
                ends.sort_unstable();
                let [from, old_end] = ends.map(|mut at| {
                    while !text.is_char_boundary(at) {
                        at -= 1;
                    }
                    at
                });
                text.replace_range(from..old_end, &inserted);
                let new_end = from + inserted.len();
                let span = Span {
                    from,
                    old_end,
                    new_end,
                };
                starts = rewrapped(&text, cols, &starts, span);
                assert_eq!(starts, row_starts(&text, cols), "{text:?} in {cols}");
            }
        }
    }

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
