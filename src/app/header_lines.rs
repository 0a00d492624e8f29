//! The headers of a message as lines: the title, names beside values, the date, and what else has room there.
//!
//! Called by `reader`, once per change. A value must never be cut where it could have gone on in another line
//! without saying so.

use super::reader::{Headers, Reader, Row};
use super::reader_rows::{Facts, facts, wrap};
use crate::model::{Safe, columns};

/// The columns of the name of one of the few headers, gap included.
const NAME_COLS: u16 = 6;
/// The columns that a date in words takes beside the sender, gap included.
const DATE_COLS: usize = 24;
/// The columns that the form of the text takes beside a header, with its key and a gap.
const FORM_COLS: usize = 20;

/// One line of the headers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderLine {
    /// The header's name; empty where a line goes on.
    pub name: Safe,
    /// A piece of its value.
    pub text: Safe,
    /// Whether the date stands here: at the right end, or alone where there is a name and no text.
    pub is_dated: bool,
    /// Whether it is the subject, which stands first and without its name.
    pub is_title: bool,
    /// Whether the facts stand at its right end.
    pub has_facts: bool,
}

impl Reader {
    /// Puts the facts at the right of the last header that has room, where they are so few; whether it did.
    pub(super) fn put_facts_beside(&mut self) -> bool {
        let Some(reading) = self.reading() else {
            return false;
        };
        if self.is_linear || self.headers == Headers::Full || facts(reading) != Facts::Form {
            return false;
        }
        let room = usize::from(reading.width).saturating_sub(FORM_COLS);
        let name_cols = usize::from(self.name_cols());
        let has_room = |line: &&mut HeaderLine| {
            let before = if line.is_title { 0 } else { name_cols };
            !line.is_dated && before + columns(line.text.as_str()) <= room
        };
        let found = self.header_lines.iter_mut().rfind(has_room);
        found.map(|line| line.has_facts = true).is_some()
    }

    /// What stands for that row in a conversation, where the line above the message says what few headers do.
    pub(super) fn under_head(&self, row: Row) -> Option<Row> {
        match row {
            row if self.headers != Headers::Short => Some(row),
            Row::Header(n) => {
                let line = self.header_lines.get(n);
                line.is_some_and(|l| l.has_facts).then_some(Row::Facts)
            }
            Row::Rule => None,
            row => Some(row),
        }
    }

    /// The headers wrapped beside their names, each to a few lines.
    pub(super) fn wrapped_headers(&self) -> Vec<HeaderLine> {
        let width = usize::from(self.reading().map_or(80, |r| r.width));
        let is_short = self.headers != Headers::Full;
        let all = self.shown_headers();
        let mut lines = Vec::new();
        let find = |name: &str| all.iter().find(|h| h.0.as_str().eq_ignore_ascii_case(name));
        // A date that can be read is told once, in words; else as it was written.
        let has_date = is_short && self.reading().is_some_and(|r| r.date_secs.is_some());
        let least = usize::from(self.name_cols());
        let from = find("From").map(|h| columns(h.1.as_str()));
        let is_beside = has_date && from.is_some_and(|from| least + from + DATE_COLS <= width);
        let subject = find("Subject").map(|h| h.1.clone()).unwrap_or_default();
        let pieces = wrap(&subject, width, 3);
        lines.extend(pieces.into_iter().map(|text| HeaderLine {
            text,
            is_title: true,
            ..HeaderLine::default()
        }));
        for (name, value) in all {
            let is = |other: &str| name.as_str().eq_ignore_ascii_case(other);
            if is_short && is("Subject") {
                continue;
            }
            if has_date && is("Date") {
                let line = HeaderLine {
                    name: name.clone(),
                    is_dated: true,
                    ..HeaderLine::default()
                };
                lines.extend((!is_beside).then_some(line));
                continue;
            }
            let is_dated = is_beside && is("From");
            // Behind the names of all headers there is a colon.
            let name_cols = (columns(name.as_str()) + if is_short { 1 } else { 2 }).max(least);
            let lines_max = if is_short { 2 } else { 12 };
            let room = width.saturating_sub(name_cols);
            let pieces = wrap(value, room, lines_max).into_iter().enumerate();
            lines.extend(pieces.map(|(n, text)| HeaderLine {
                name: if n == 0 {
                    name.clone()
                } else {
                    Safe::default()
                },
                text,
                is_dated: is_dated && n == 0,
                ..HeaderLine::default()
            }));
        }
        lines
    }

    /// The columns that names of headers have at least.
    #[must_use]
    pub fn name_cols(&self) -> u16 {
        match self.headers {
            // Names of all lengths: aligned as far as that leaves room for what they hold.
            Headers::Full => self.reading().map_or(80, |r| r.width) / 5,
            Headers::Short | Headers::Source => NAME_COLS,
        }
    }
}
