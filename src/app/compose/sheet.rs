//! The text of a draft under edit: lines, a cursor, undo, and the rows that are on the screen.
//!
//! Used by the composer. A key must never cost more than what is on the screen and what it changes,
//! however long the text is; every character in here is clean.

use super::clean;
use super::finding::hits;
use super::undo::{Change, Changes, Kind};
use super::wrapping::{Span, TAB, cols_of, rewrapped, row_starts, width};
use crate::model::Safe;
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;

/// A place in the text: a line, and a byte of it that begins a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) byte: usize,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Left,
    Right,
    WordLeft,
    WordRight,
    RowStart,
    RowEnd,
    Start,
    End,
}

/// A row as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetRow {
    /// Its text, tabs as blanks.
    pub text: Safe,
    /// How deep a quote it is part of.
    pub quote: u8,
}

/// The text.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// Never empty.
    lines: Vec<String>,
    at: Place,
    /// The column that moves up and down keep to.
    goal: Option<usize>,
    cols: usize,
    height: usize,
    /// The first row shown: its line, and which row of that line.
    top: (usize, usize),
    /// Where the rows of the line of the cursor begin, in so many columns: it may be a long one.
    wrapped: Option<(usize, usize, Vec<usize>)>,
    changes: Changes,
}

impl Sheet {
    /// A sheet with that text, made clean, and the cursor in front of it.
    #[must_use]
    pub(super) fn new(text: &str) -> Self {
        let clean = clean::text(text);
        Self {
            lines: clean.split('\n').map(str::to_owned).collect(),
            cols: 78,
            height: 10,
            ..Self::default()
        }
    }

    /// The whole text. Takes time in proportion to it.
    #[must_use]
    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Whether the cursor is in the first row of all.
    #[must_use]
    pub(super) fn is_at_top(&self) -> bool {
        self.at.line == 0 && self.row_of(self.at).0 == 0
    }

    /// The cursor as line and characters before it.
    #[must_use]
    pub(super) fn caret(&self) -> (u32, u32) {
        let before = self.line(self.at.line).get(..self.at.byte);
        let chars = before.map_or(0, |text| text.chars().count());
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (narrow(self.at.line), narrow(chars))
    }

    /// Puts the cursor there, as near as there is such a place.
    pub(super) fn set_caret(&mut self, line: u32, column: u32) {
        let wide = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let line = wide(line).min(self.lines.len().saturating_sub(1));
        let text = self.line(line);
        let byte = text.char_indices().nth(wide(column));
        let byte = byte.map_or(text.len(), |(byte, _)| byte);
        self.go(self.boundary(Place { line, byte }));
    }

    /// Tells how much is shown, and brings the cursor in sight; with other room all rows are taken in.
    pub(super) fn settle(&mut self, cols: usize, height: usize) {
        if (self.cols, self.height) != (cols.max(2), height) {
            (self.cols, self.height, self.top) = (cols.max(2), height, (0, 0));
        }
        self.follow();
    }

    /// The rows on the screen.
    #[must_use]
    pub fn rows(&self) -> Vec<SheetRow> {
        let mut rows = Vec::new();
        let (mut number, mut skip) = self.top;
        while rows.len() < self.height
            && let Some(line) = self.lines.get(number)
        {
            let (starts, quote) = (self.starts(number), quote_of(line));
            let left = self.height - rows.len();
            for (n, start) in starts.iter().enumerate().skip(skip).take(left) {
                let end = starts.get(n + 1).copied().unwrap_or(line.len());
                let mut text = line.get(*start..end).unwrap_or_default();
                if end < line.len() {
                    // What hangs over the edge must not look as if something were cut off.
                    text = text.trim_end_matches([' ', '\t']);
                }
                let text = Safe::line(&text.replace('\t', TAB));
                rows.push(SheetRow { text, quote });
            }
            (number, skip) = (number + 1, 0);
        }
        rows
    }

    /// The cell of the cursor among the rows on the screen: column and row.
    #[must_use]
    pub fn cell(&self) -> Option<(usize, usize)> {
        let (row, column) = self.row_of(self.at);
        let down = self.rows_between(self.top, (self.at.line, row), self.height)?;
        Some((column.min(self.cols.saturating_sub(1)), down))
    }

    /// Puts the cursor where that cell is.
    pub(super) fn click(&mut self, column: usize, row: usize) {
        self.changes.seal();
        let target = self.step_rows(self.top, i64::try_from(row).unwrap_or(0));
        self.go(self.in_row(target, column));
    }

    /// Puts text in at the cursor. Whether anything changed.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let text = self.clean_here(text);
        let kind = if text.chars().nth(1).is_none() && text != "\n" {
            Kind::Typed
        } else {
            Kind::Other
        };
        !text.is_empty() && self.change(self.at, self.at, &text, kind)
    }

    /// Takes all text away and puts other text in its place, as one change.
    pub(super) fn replace_all(&mut self, text: &str) -> bool {
        let (caret, end) = (self.caret(), self.end());
        let changed = self.change(Place::default(), end, &clean::text(text), Kind::Other);
        self.set_caret(caret.0, caret.1);
        changed
    }

    /// Puts another text behind the last line that is this mark, if what follows is `old`; else below
    /// all. Used for signatures.
    pub(super) fn replace_tail(&mut self, mark: &str, old: &str, new: &str) -> bool {
        let (old, new) = (clean::text(old.trim_end()), clean::text(new.trim_end()));
        let at = self.lines.iter().rposition(|line| line == mark);
        let tail = |at: usize| {
            let rest: Vec<&str> = self.lines.iter().skip(at + 1).map(String::as_str).collect();
            rest.join("\n")
        };
        let found = at.filter(|at| !old.is_empty() && tail(*at).trim_end() == old);
        let (caret, end) = (self.caret(), self.end());
        let changed = match (found, new.is_empty()) {
            (None, true) => return false,
            (None, false) => self.change(end, end, &format!("\n\n{mark}\n{new}\n"), Kind::Other),
            (Some(line), true) => self.change(Place { line, byte: 0 }, end, "", Kind::Other),
            (Some(line), false) => {
                let from = Place {
                    line: line + 1,
                    byte: 0,
                };
                self.change(from, end, &format!("{new}\n"), Kind::Other)
            }
        };
        self.set_caret(caret.0, caret.1);
        changed
    }

    /// Takes away what lies between the cursor and where that move leads.
    pub(super) fn delete(&mut self, to: Move) -> bool {
        let to = self.target(to);
        let (from, to) = (self.at.min(to), self.at.max(to));
        from != to && self.change(from, to, "", Kind::Deleted)
    }

    /// Takes away the rest of the line; at its end, the break.
    pub(super) fn kill(&mut self) -> bool {
        let end = self.line(self.at.line).len();
        if self.at.byte == end {
            return self.delete(Move::Right);
        }
        let to = Place {
            byte: end,
            ..self.at
        };
        self.change(self.at, to, "", Kind::Other)
    }

    /// Moves the cursor.
    pub(super) fn move_to(&mut self, to: Move) {
        self.changes.seal();
        self.go(self.target(to));
    }

    /// Moves the cursor by so many rows, keeping its column.
    pub(super) fn move_rows(&mut self, by: i64) {
        self.changes.seal();
        let (row, column) = self.row_of(self.at);
        let goal = self.goal.unwrap_or(column);
        let target = self.step_rows((self.at.line, row), by);
        self.go(self.in_row(target, goal));
        self.goal = Some(goal);
    }

    /// The rows that are shown at once.
    #[must_use]
    pub(super) fn page(&self) -> i64 {
        i64::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Takes the last change back.
    pub(super) fn undo(&mut self) -> bool {
        let Some(change) = self.changes.undo() else {
            return false;
        };
        let to = change.end_of_inserted();
        self.swap(change.from, to, &change.removed);
        self.go(self.boundary(change.cursor));
        true
    }

    /// Makes the change again that was taken back last.
    pub(super) fn redo(&mut self) -> bool {
        let Some(change) = self.changes.redo() else {
            return false;
        };
        let to = change.end_of_removed();
        let end = self.swap(change.from, to, &change.inserted);
        self.go(self.boundary(end));
        true
    }

    /// Goes to the next place of that text from the cursor on, or the one before it, without regard
    /// to case, beginning anew at the other end.
    pub(super) fn find(&mut self, wanted: &str, is_forward: bool, stays: bool) -> bool {
        let wanted = wanted.to_lowercase();
        if wanted.is_empty() {
            return false;
        }
        let count = self.lines.len();
        let here = self.at;
        for n in 0..=count {
            let number = if is_forward {
                (here.line + n) % count
            } else {
                (here.line + 2 * count - n) % count
            };
            let hits = hits(self.line(number), &wanted);
            let is_past = |byte: &usize| match (n, is_forward) {
                (0, true) if stays => *byte >= here.byte,
                (0, true) => *byte > here.byte,
                (0, false) => *byte < here.byte,
                _ => true,
            };
            let mut hits = hits.into_iter().filter(is_past);
            let found = if is_forward {
                hits.next()
            } else {
                hits.next_back()
            };
            if let Some(byte) = found {
                self.changes.seal();
                self.go(self.boundary(Place { line: number, byte }));
                return true;
            }
        }
        false
    }

    fn line(&self, number: usize) -> &str {
        self.lines.get(number).map_or("", String::as_str)
    }

    /// Where the rows of a line begin.
    fn starts(&self, line: usize) -> Cow<'_, [usize]> {
        match &self.wrapped {
            Some((of, cols, starts)) if (*of, *cols) == (line, self.cols) => Cow::Borrowed(starts),
            _ => Cow::Owned(row_starts(self.line(line), self.cols)),
        }
    }

    /// Makes text clean that goes in here. A joiner typed by itself belongs to what is before it.
    fn clean_here(&self, text: &str) -> String {
        let before = self.line(self.at.line).get(..self.at.byte);
        let before = before.and_then(|text| text.chars().next_back());
        if text == "\u{200d}" && before.is_some_and(|c| c >= '\u{600}') {
            return text.to_owned();
        }
        clean::text(text)
    }

    fn end(&self) -> Place {
        let line = self.lines.len().saturating_sub(1);
        Place {
            line,
            byte: self.line(line).len(),
        }
    }

    /// The nearest place at or before this one that begins a character as people see them.
    fn boundary(&self, place: Place) -> Place {
        let line = place.line.min(self.lines.len().saturating_sub(1));
        let text = self.line(line);
        let byte = place.byte.min(text.len());
        if text.is_ascii() || byte == text.len() {
            return Place { line, byte };
        }
        let starts = text.grapheme_indices(true).map(|(at, _)| at);
        let byte = starts.take_while(|at| *at <= byte).last().unwrap_or(0);
        Place { line, byte }
    }

    fn go(&mut self, to: Place) {
        (self.at, self.goal) = (to, None);
        self.follow();
    }

    /// Replaces what lies between two places and remembers how to take that back.
    fn change(&mut self, from: Place, to: Place, text: &str, kind: Kind) -> bool {
        let cursor = self.at;
        let (removed, end) = self.swap_out(from, to, text);
        if removed.is_empty() && text.is_empty() {
            return false;
        }
        self.changes.push(
            Change {
                from,
                removed,
                inserted: text.to_owned(),
                cursor,
            },
            kind,
        );
        self.go(end);
        true
    }

    fn swap(&mut self, from: Place, to: Place, text: &str) -> Place {
        self.swap_out(from, to, text).1
    }

    /// Replaces what lies between two places; gives what was there, and where the new text ends.
    fn swap_out(&mut self, from: Place, to: Place, text: &str) -> (String, Place) {
        let (from, to) = (self.within(from), self.within(to));
        let wrapped = self.wrapped.take();
        let rest = self
            .line(to.line)
            .get(to.byte..)
            .unwrap_or_default()
            .to_owned();
        let mut removed = String::new();
        if from.line == to.line {
            let gone = self.line(from.line).get(from.byte..to.byte);
            removed.push_str(gone.unwrap_or_default());
        } else {
            let first = self.line(from.line).get(from.byte..);
            removed.push_str(first.unwrap_or_default());
            let between = self.lines.drain(from.line + 1..=to.line);
            for (n, line) in (from.line + 1..).zip(between) {
                removed.push('\n');
                let kept = if n == to.line { to.byte } else { line.len() };
                removed.push_str(line.get(..kept).unwrap_or_default());
            }
        }
        let mut pieces = text.split('\n');
        let head = pieces.next().unwrap_or_default();
        let more: Vec<&str> = pieces.collect();
        let Some(first) = self.lines.get_mut(from.line) else {
            return (removed, from);
        };
        first.truncate(from.byte);
        first.push_str(head);
        let Some((last, middle)) = more.split_last() else {
            let byte = first.len();
            first.push_str(&rest);
            let line = from.line;
            if from.line == to.line
                && let Some((of, cols, old)) = wrapped.filter(|w| w.0 == line)
            {
                let span = Span {
                    from: from.byte,
                    old_end: to.byte,
                    new_end: byte,
                };
                self.wrapped = Some((of, cols, rewrapped(first, cols, &old, span)));
            }
            return (removed, Place { line, byte });
        };
        let new = middle.iter().map(|line| (*line).to_owned());
        let new = new.chain([format!("{last}{rest}")]);
        let at = from.line + 1;
        drop(self.lines.splice(at..at, new));
        let line = from.line + more.len();
        let byte = last.len();
        (removed, Place { line, byte })
    }

    fn within(&self, place: Place) -> Place {
        let line = place.line.min(self.lines.len().saturating_sub(1));
        let text = self.line(line);
        let mut byte = place.byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        Place { line, byte }
    }

    fn target(&self, to: Move) -> Place {
        let Place { line, byte } = self.at;
        let text = self.line(line);
        let (before, after) = text.split_at_checked(byte).unwrap_or((text, ""));
        let above = || {
            let line = line.checked_sub(1)?;
            let byte = self.line(line).len();
            Some(Place { line, byte })
        };
        let below = || {
            let line = line + 1;
            (line < self.lines.len()).then_some(Place { line, byte: 0 })
        };
        match to {
            Move::Left => match before.graphemes(true).next_back() {
                Some(last) => Place {
                    line,
                    byte: byte - last.len(),
                },
                None => above().unwrap_or(self.at),
            },
            Move::Right => match after.graphemes(true).next() {
                Some(next) => Place {
                    line,
                    byte: byte + next.len(),
                },
                None => below().unwrap_or(self.at),
            },
            Move::WordLeft if before.is_empty() => above().unwrap_or(self.at),
            Move::WordLeft => {
                let kept = before
                    .trim_end()
                    .trim_end_matches(|c: char| !c.is_whitespace());
                let byte = kept.len();
                Place { line, byte }
            }
            Move::WordRight if after.is_empty() => below().unwrap_or(self.at),
            Move::WordRight => {
                let word = after.trim_start();
                let blank = after.len() - word.len();
                let len = word.find(char::is_whitespace).unwrap_or(word.len());
                let byte = byte + blank + len;
                Place { line, byte }
            }
            Move::RowStart | Move::RowEnd => self.row_edge(to == Move::RowEnd),
            Move::Start => Place::default(),
            Move::End => self.end(),
        }
    }

    /// Where the row of the cursor begins, or ends.
    fn row_edge(&self, is_end: bool) -> Place {
        let line = self.at.line;
        let starts = self.starts(line);
        let (row, _) = self.row_of(self.at);
        let byte = if is_end {
            return self.in_row((line, row), usize::MAX);
        } else {
            starts.get(row).copied().unwrap_or(0)
        };
        Place { line, byte }
    }

    /// The row of its line that a place is in, and its column there.
    fn row_of(&self, place: Place) -> (usize, usize) {
        let text = self.line(place.line);
        let starts = self.starts(place.line);
        let row = starts.partition_point(|start| *start <= place.byte).max(1) - 1;
        let start = starts.get(row).copied().unwrap_or(0);
        (row, width(text.get(start..place.byte).unwrap_or_default()))
    }

    /// The place in that row that is nearest to the column.
    fn in_row(&self, (line, row): (usize, usize), column: usize) -> Place {
        let text = self.line(line);
        let starts = self.starts(line);
        let start = starts.get(row).copied().unwrap_or(0);
        let next = starts.get(row + 1).copied();
        let shown = text
            .get(start..next.unwrap_or(text.len()))
            .unwrap_or_default();
        let (mut byte, mut used) = (start, 0);
        for cluster in shown.graphemes(true) {
            used += cols_of(cluster);
            // In front of the next row one would be in it.
            let is_next = next == Some(byte + cluster.len());
            if used > column || is_next {
                break;
            }
            byte += cluster.len();
        }
        Place { line, byte }
    }

    /// The row so many rows away, as far as there are any.
    fn step_rows(&self, (mut line, mut row): (usize, usize), by: i64) -> (usize, usize) {
        let mut left = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        while left > 0 {
            if by > 0 {
                let count = self.starts(line).len();
                if row + left < count {
                    return (line, row + left);
                }
                if line + 1 >= self.lines.len() {
                    return (line, count.saturating_sub(1));
                }
                left -= count - row.min(count);
                (line, row) = (line + 1, 0);
            } else {
                if left <= row {
                    return (line, row - left);
                }
                if line == 0 {
                    return (0, 0);
                }
                left -= row + 1;
                line -= 1;
                row = self.starts(line).len() - 1;
            }
        }
        (line, row)
    }

    /// How many rows lie between two, `None` if more than `most` or in the wrong order.
    fn rows_between(&self, from: (usize, usize), to: (usize, usize), most: usize) -> Option<usize> {
        if to < from {
            return None;
        }
        let mut rows = 0;
        for line in from.0..to.0 {
            rows += self.starts(line).len();
            if rows > most + from.1 {
                return None;
            }
        }
        let rows = (rows + to.1).checked_sub(from.1)?;
        (rows < most).then_some(rows)
    }

    /// Keeps the cursor in sight.
    fn follow(&mut self) {
        let starts = self.starts(self.at.line).into_owned();
        self.wrapped = Some((self.at.line, self.cols, starts));
        let here = (self.at.line, self.row_of(self.at).0);
        self.top.0 = self.top.0.min(self.lines.len().saturating_sub(1));
        self.top.1 = self.top.1.min(self.starts(self.top.0).len() - 1);
        if here < self.top {
            self.top = here;
        } else if self.rows_between(self.top, here, self.height).is_none() {
            let up = i64::try_from(self.height.saturating_sub(1)).unwrap_or(0);
            self.top = self.step_rows(here, -up);
        }
    }
}

/// How many marks of a quote a line begins with.
fn quote_of(line: &str) -> u8 {
    let marks = line.chars().take_while(|c| matches!(c, '>' | ' '));
    u8::try_from(marks.filter(|c| *c == '>').count().min(9)).unwrap_or(9)
}

#[cfg(test)]
#[path = "sheet_tests.rs"]
mod tests;
