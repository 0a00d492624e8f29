//! Finds words in lines of text as a person means them: without accents, and without case unless asked.
//!
//! Used by the search within a message. A place that is given must always begin and end a character,
//! and the cost must stay linear in the text.

use icu_normalizer::DecomposingNormalizerBorrowed;
use memchr::memmem;
use std::ops::Range;

/// One run of found text: the line, and the bytes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The line, by its index.
    pub line: usize,
    /// The bytes of it.
    pub bytes: Range<usize>,
}

/// One find: a piece for each line that it goes over, at least one.
pub type Found = Vec<Piece>;

/// Whether this is looked for with its case: when it has a capital.
#[must_use]
pub fn minds_case(wanted: &str) -> bool {
    wanted.chars().any(char::is_uppercase)
}

/// The first `max` places of any of these words in the lines, in their order. A line's end counts as
/// a blank, so that what was wrapped is found, too.
#[must_use]
pub fn find_words(lines: &[&str], wanted: &[String], minds_case: bool, max: usize) -> Vec<Found> {
    let needles: Vec<String> = wanted.iter().map(|w| needle(w, minds_case)).collect();
    let hay = Haystack::new(lines, minds_case);
    let mut all: Vec<Range<usize>> = Vec::new();
    for needle in needles.iter().filter(|n| !n.is_empty()) {
        let places = memmem::find_iter(hay.text.as_bytes(), needle.as_bytes());
        all.extend(places.take(max).map(|at| at..at + needle.len()));
    }
    all.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut end = 0;
    // Of words that overlap, the first is enough.
    all.retain(|range| {
        let is_free = range.start >= end;
        if is_free {
            end = range.end;
        }
        is_free
    });
    all.truncate(max);
    let all = all.into_iter().map(|range| hay.pieces(lines, range));
    let mut all: Vec<Found> = all.filter(|found| !found.is_empty()).collect();
    all.dedup();
    all
}

/// What is looked for: blanks are one blank, as at the end of a line.
fn needle(wanted: &str, minds_case: bool) -> String {
    let words: Vec<&str> = wanted.split_whitespace().collect();
    let mut folded = String::new();
    for c in words.join(" ").chars() {
        fold(c, minds_case, &mut folded);
    }
    // A blank behind it asks for the end of a word.
    if wanted.ends_with(char::is_whitespace) && !folded.is_empty() {
        folded.push(' ');
    }
    folded
}

/// All lines folded into one text.
struct Haystack {
    text: String,
    /// Where each line begins in the text.
    starts: Vec<usize>,
    /// For each line in which bytes moved: which byte each one came from.
    maps: Vec<Option<Vec<u32>>>,
}

impl Haystack {
    fn new(lines: &[&str], minds_case: bool) -> Self {
        let bytes: usize = lines.iter().map(|l| l.len() + 1).sum();
        let mut text = String::with_capacity(bytes);
        let (mut starts, mut maps) = (Vec::new(), Vec::new());
        for line in lines {
            starts.push(text.len());
            maps.push(push_line(line, minds_case, &mut text));
            text.push(' ');
        }
        Self { text, starts, maps }
    }

    /// The pieces of the lines that a run of the text came from.
    fn pieces(&self, lines: &[&str], range: Range<usize>) -> Found {
        let after = self.starts.partition_point(|start| *start <= range.start);
        let mut found = Vec::new();
        for n in after.saturating_sub(1)..lines.len() {
            let (Some(start), Some(line)) = (self.starts.get(n), lines.get(n)) else {
                break;
            };
            if *start >= range.end {
                break;
            }
            let from = self.source(n, range.start.saturating_sub(*start), line);
            let to = self.source(n, range.end - start, line);
            let next = line.get(from..).and_then(|rest| rest.chars().next());
            // A letter that folds into two is found as a whole.
            let to = to.max(next.map_or(from, |c| from + c.len_utf8()));
            if from < to {
                let bytes = from..to;
                found.push(Piece { line: n, bytes });
            }
        }
        found
    }

    /// The byte of the line that a byte of its folded text came from.
    fn source(&self, line: usize, at: usize, text: &str) -> usize {
        let came = match self.maps.get(line) {
            Some(Some(map)) => map.get(at).and_then(|n| usize::try_from(*n).ok()),
            _ => Some(at),
        };
        came.unwrap_or(text.len()).min(text.len())
    }
}

/// Adds the folded line; gives where its bytes came from, where that is not plain.
fn push_line(line: &str, minds_case: bool, text: &mut String) -> Option<Vec<u32>> {
    if line.is_ascii() {
        let start = text.len();
        text.push_str(line);
        if !minds_case && let Some(added) = text.get_mut(start..) {
            added.make_ascii_lowercase();
        }
        return None;
    }
    let mut map = Vec::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        let before = text.len();
        fold(c, minds_case, text);
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        map.extend(std::iter::repeat_n(at, text.len() - before));
    }
    Some(map)
}

/// Adds a letter without its accents, and without its case unless that counts.
fn fold(c: char, minds_case: bool, out: &mut String) {
    if c.is_ascii() {
        out.push(if minds_case {
            c
        } else {
            c.to_ascii_lowercase()
        });
        return;
    }
    let normal = DecomposingNormalizerBorrowed::new_nfkd();
    let mut bytes = [0; 4];
    let parts = normal.normalize(c.encode_utf8(&mut bytes));
    // Who types a word seldom types what only parts its letters.
    let is_passed = |c: &char| is_accent(*c) || *c == '\u{200c}';
    for c in parts.chars().filter(|c| !is_passed(c)) {
        let plain = match c {
            'ø' => "o",
            'Ø' => "O",
            'ł' => "l",
            'Ł' => "L",
            'ß' => "ss",
            'æ' => "ae",
            'Æ' => "AE",
            'œ' => "oe",
            'Œ' => "OE",
            'ı' => "i",
            'ς' => "σ",
            _ => "",
        };
        let letters = plain.chars().chain(plain.is_empty().then_some(c));
        for c in letters {
            if minds_case {
                out.push(c);
            } else {
                out.extend(c.to_lowercase());
            }
        }
    }
}

const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str], wanted: &str) -> Vec<Vec<String>> {
        let case = minds_case(wanted);
        let all = find_words(lines, &[wanted.to_owned()], case, 100);
        let text = |p: &Piece| lines[p.line].get(p.bytes.clone()).unwrap().to_owned();
        all.iter().map(|f| f.iter().map(text).collect()).collect()
    }

    #[test]
    fn case_counts_only_where_a_capital_was_typed_and_accents_never() {
        let lines = ["Plan, plan and PLAN", "Café cafe\u{301} CAFE"];
        assert_eq!(found(&lines, "plan").len(), 3);
        assert_eq!(found(&lines, "Plan"), [["Plan"]]);
        assert_eq!(found(&lines, "cafe"), [["Café"], ["cafe\u{301}"], ["CAFE"]]);
        assert_eq!(found(&lines, "CAFÉ"), [["CAFE"]]);
        assert_eq!(found(&["Ærøskøbing, Łódź, ﬁne"], "øsko"), [["øskø"]]);
        assert_eq!(found(&["Łódź"], "lodz"), [["Łódź"]]);
    }

    #[test]
    fn what_was_wrapped_is_found_over_the_end_of_the_line_but_not_over_a_gap() {
        let lines = ["meet on the third", "of May", "", "of June third"];
        assert_eq!(found(&lines, "third  of"), [["third", "of"]]);
        assert!(found(&lines, "may of").is_empty());
        assert_eq!(
            found(&["the end, then the", "x"], "the "),
            [["the "], ["the"]]
        );
    }

    #[test]
    fn letters_that_fold_into_two_and_wide_ones_are_found_as_a_whole() {
        assert_eq!(found(&["Straße"], "strasse"), [["Straße"]]);
        assert_eq!(found(&["Straße"], "s"), [["S"], ["ß"]]);
        assert_eq!(found(&["日本語の本"], "本"), [["本"], ["本"]]);
        assert!(found(&["", "x"], "").is_empty());
    }

    #[test]
    fn several_words_are_found_in_their_order_and_overlap_only_once() {
        let wanted = ["budget".to_owned(), "get".to_owned(), "the".to_owned()];
        let lines = ["get the budget"];
        let all = find_words(&lines, &wanted, false, 100);
        let starts: Vec<_> = all.iter().map(|f| f[0].bytes.start).collect();
        assert_eq!(starts, [0, 4, 8]);
        assert_eq!(find_words(&lines, &wanted, false, 2).len(), 2);
    }
}
