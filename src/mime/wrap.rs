//! Breaks one safe line of text into lines that fit, with the styles and links that lie on it.
//!
//! Called by `text` and `html`. Must never give a line wider than asked for, unless one single
//! character is, and never lose a character but the blanks at a break.

use crate::model::{Emphasis, Safe, Span};
use std::ops::Range;
use textwrap::WordSeparator;
use textwrap::core::Word;
use unicode_segmentation::UnicodeSegmentation;

/// A style on a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) range: Range<usize>,
    pub(crate) emphasis: Emphasis,
    pub(crate) link: Option<usize>,
    pub(crate) picture: Option<usize>,
}

pub(crate) use crate::model::columns;

/// The byte ranges of the lines that `text` breaks into.
pub(crate) fn breaks(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    if text.len() <= width || columns(text) <= width {
        return std::iter::once(0..text.len()).collect();
    }
    let mut lines = Breaker {
        text,
        width,
        from: 0,
        used: 0,
        done: Vec::new(),
    };
    let mut at = 0;
    let words: Vec<(usize, Word<'_>)> = WordSeparator::UnicodeBreakProperties
        .find_words(text)
        .map(|word| {
            let begin = at;
            at += word.word.len() + word.whitespace.len();
            (begin, word)
        })
        .collect();
    // The end of an address that is not to be broken, as the words in it come by.
    let mut whole_to = 0;
    for (n, (at, word)) in words.iter().enumerate() {
        if *at >= whole_to {
            let address = address(text, words.get(n..).unwrap_or_default());
            let address = address.filter(|a| columns(a) <= width);
            whole_to = address.map_or(0, |a| at + a.len());
            lines.word(*at, address.unwrap_or(word.word));
        }
        lines.used += word.whitespace.len();
    }
    lines.finish(text.len());
    lines.done
}

/// The address of a page that begins with the first of these words. Lines may be broken behind each of
/// its slashes, and half of an address leads nowhere.
fn address<'a>(text: &'a str, words: &[(usize, Word<'_>)]) -> Option<&'a str> {
    /// Addresses of more pieces fit into no line.
    const PIECES_MAX: usize = 100;
    let (from, _) = words.first()?;
    let rest = text.get(*from..)?;
    let scheme = rest.trim_start_matches(['(', '<', '[', '"', '\'']);
    if !scheme.starts_with("http://") && !scheme.starts_with("https://") {
        return None;
    }
    let is_last = |n: usize, word: &Word<'_>| !word.whitespace.is_empty() || n + 1 == words.len();
    let mut pieces = words.iter().take(PIECES_MAX).enumerate();
    let (_, (at, word)) = pieces.find(|(n, (_, word))| is_last(*n, word))?;
    text.get(*from..at + word.word.len())
}

struct Breaker<'a> {
    text: &'a str,
    width: usize,
    /// Where the line being filled begins, and how many columns of it are used.
    from: usize,
    used: usize,
    done: Vec<Range<usize>>,
}

impl Breaker<'_> {
    fn word(&mut self, at: usize, word: &str) {
        let wide = columns(word);
        if self.used + wide <= self.width {
            self.used += wide;
            return;
        }
        if self.used > 0 && at > self.from {
            self.finish(at);
        }
        if wide <= self.width {
            self.used += wide;
            return;
        }
        // One word that fits into no line is cut between what a reader sees as characters.
        let mut at = at;
        for piece in word.graphemes(true) {
            let wide = columns(piece);
            if self.used > 0 && self.used + wide > self.width {
                self.finish(at);
            }
            self.used += wide;
            at += piece.len();
        }
    }

    /// Ends the line before `at`, without the blanks there.
    fn finish(&mut self, at: usize) {
        let line = self.text.get(self.from..at).unwrap_or_default();
        let kept = line.trim_end_matches(' ').len();
        if kept > 0 || self.done.is_empty() {
            self.done.push(self.from..self.from + kept);
        }
        self.from = at;
        self.used = 0;
    }
}

/// Breaks `text` and cuts the styles that lie on it. The marks are ascending and do not overlap.
pub(crate) fn wrap(text: &str, marks: &[Mark], width: usize) -> Vec<Vec<Span>> {
    let mut next = 0;
    breaks(text, width)
        .into_iter()
        .map(|line| {
            while marks.get(next).is_some_and(|m| m.range.end <= line.start) {
                next += 1;
            }
            spans(text, line, marks.get(next..).unwrap_or_default())
        })
        .collect()
}

fn spans(text: &str, line: Range<usize>, marks: &[Mark]) -> Vec<Span> {
    let mut out = Vec::new();
    let mut at = line.start;
    let mut push = |range: Range<usize>, mark: Option<&Mark>| {
        if let Some(piece) = text.get(range).filter(|p| !p.is_empty()) {
            out.push(Span {
                text: Safe::line(piece),
                emphasis: mark.map(|m| m.emphasis).unwrap_or_default(),
                link: mark.and_then(|m| m.link),
                picture: mark.and_then(|m| m.picture),
            });
        }
    };
    for mark in marks.iter().take_while(|m| m.range.start < line.end) {
        let from = mark.range.start.max(at);
        let to = mark.range.end.min(line.end);
        push(at..from, None);
        push(from..to, Some(mark));
        at = to.max(at);
    }
    push(at..line.end, None);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_fits_into_a_line_is_not_broken() {
        let text = "see (https://example.org/a/b) and https://example.org/much/too/long/to/fit";
        assert_eq!(
            lines(text, 26),
            [
                "see",
                "(https://example.org/a/b)",
                "and https://example.org/",
                "much/too/long/to/fit"
            ]
        );
    }

    fn lines(text: &str, width: usize) -> Vec<&str> {
        breaks(text, width)
            .into_iter()
            .map(|r| text.get(r).unwrap())
            .collect()
    }

    #[test]
    fn lines_break_between_words_and_fit() {
        assert_eq!(lines("one two three", 8), ["one two", "three"]);
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
        assert_eq!(
            lines("  indented text here", 12),
            ["  indented", "text here"]
        );
        assert_eq!(lines("fits", 80), ["fits"]);
        assert_eq!(lines("", 10), [""]);
        assert_eq!(lines("a          b", 4), ["a", "b"]);
    }

    #[test]
    fn a_word_too_long_is_cut_between_characters() {
        assert_eq!(lines("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("x abcdefghij y", 4), ["x", "abcd", "efgh", "ij y"]);
        assert_eq!(lines("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(lines("日本", 1), ["日", "本"]);
        assert_eq!(
            lines("e\u{301}e\u{301}e\u{301}", 2),
            ["e\u{301}e\u{301}", "e\u{301}"]
        );
    }

    #[test]
    fn a_link_goes_on_over_a_break() {
        let link = |range| Mark {
            range,
            emphasis: Emphasis::default(),
            link: Some(3),
            picture: None,
        };
        let lines = wrap("see one two now", &[link(4..11)], 8);
        let seen: Vec<Vec<(&str, Option<usize>)>> = lines
            .iter()
            .map(|l| l.iter().map(|s| (s.text.as_str(), s.link)).collect())
            .collect();
        assert_eq!(
            seen,
            [
                vec![("see ", None), ("one", Some(3))],
                vec![("two", Some(3)), (" now", None)],
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_wide_and_nothing_but_blanks_is_lost(text in "\\PC{0,200}", width in 2usize..40) {
            let text = Safe::line(&text);
            let lines = lines(text.as_str(), width);
            for line in &lines {
                proptest::prop_assert!(columns(line) <= width.max(2) || line.graphemes(true).count() == 1, "{line:?}");
            }
            let squeeze = |s: &str| s.replace(' ', "");
            proptest::prop_assert_eq!(squeeze(&lines.concat()), squeeze(text.as_str()));
        }
    }
}
