//! Rows of cells in columns that fit: side by side, wrapped within their columns, or one below another.
//!
//! Called by `lines`. Must never give a line wider than asked for, and leaves out no cell.

use super::block::{Cell, Inline, Rows, number_cols};
use crate::mime::wrap::{columns, wrap};
use crate::model::{Emphasis, Safe, Span};

/// Columns between columns.
const BETWEEN: usize = 2;
/// A table of more columns is not wrapped within them, on a screen that is not wide.
const COLUMNS_MAX: usize = 6;
const WIDE_COLS: usize = 96;
/// A shorter cell, such as a date or the name of a column, is not broken.
const BRIEF_COLS: usize = 10;
/// Longer words are broken within a column.
const WORD_MAX: usize = 16;

/// What rows of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// The width of each column; 0 where nothing stands in it. Empty: they do not fit.
    widths: Vec<usize>,
    /// Whether a column holds numbers.
    is_number: Vec<bool>,
}

impl Plan {
    /// Plans the columns of rows that stand below one another.
    pub(super) fn new(groups: &[&Rows], room: usize) -> Self {
        let count = groups.iter().flat_map(|g| &g.rows).map(|r| spans(r)).max();
        let count = count.unwrap_or(0);
        let mut natural = vec![0usize; count];
        let mut least = vec![0usize; count];
        let mut numbers = vec![(0usize, 0usize); count];
        for group in groups {
            for (n, row) in group.rows.iter().enumerate() {
                for (at, cell) in places(row).filter(|(_, cell)| cell.span <= 1) {
                    let is_head = n < group.heads;
                    let is_number = !is_head && cell.texts.iter().all(is_number);
                    let slots = (natural.get_mut(at), least.get_mut(at), numbers.get_mut(at));
                    let (Some(natural), Some(least), Some(numbers)) = slots else {
                        continue;
                    };
                    *natural = (*natural).max(cell.cols());
                    let word = if is_number || cell.cols() <= BRIEF_COLS {
                        cell.cols()
                    } else {
                        cell.texts.iter().map(longest_word).max().unwrap_or(0)
                    };
                    *least = (*least).max(word.min(WORD_MAX));
                    if !is_head && !cell.is_empty() {
                        numbers.0 += usize::from(is_number);
                        numbers.1 += usize::from(!is_number);
                    }
                }
            }
        }
        // Cells over several columns widen the last of them where they must.
        for row in groups.iter().flat_map(|g| &g.rows) {
            for (at, cell) in places(row).filter(|(_, cell)| cell.span > 1) {
                let over = at..(at + cell.span).min(count);
                let have = sum(natural.get(over.clone()).unwrap_or_default());
                let is_new = have == 0;
                if let Some(last) = over.clone().next_back().and_then(|n| natural.get_mut(n))
                    && (is_new || over.end == count)
                {
                    *last += cell.cols().saturating_sub(have).min(24);
                }
            }
        }
        let is_data = groups.iter().any(|g| g.is_data);
        let widths = fit(&natural, &least, room, is_data);
        Self {
            widths,
            is_number: numbers
                .iter()
                .map(|(yes, no)| *yes > 0 && *no == 0)
                .collect(),
        }
    }

    /// Whether the rows can stand side by side.
    pub(super) fn fits(&self) -> bool {
        !self.widths.is_empty()
    }

    /// The lines of one row.
    pub(super) fn row(&self, row: &[Cell]) -> Vec<Vec<Span>> {
        let cells: Vec<(usize, usize, bool, Vec<Vec<Span>>)> = places(row)
            .map(|(at, cell)| {
                let over = self.widths.get(at..).unwrap_or_default();
                let over = over.get(..cell.span.max(1)).unwrap_or(over);
                let width = sum(over);
                let is_number = self.is_number.get(at) == Some(&true) && cell.span <= 1;
                let texts = cell.texts.iter();
                let lines = texts.flat_map(|text| wrap(&text.text, &text.marks, width.max(1)));
                (
                    self.left_of(at),
                    width,
                    cell.is_right || is_number,
                    lines.collect(),
                )
            })
            .collect();
        let height = cells.iter().map(|c| c.3.len()).max().unwrap_or(0);
        (0..height)
            .map(|y| {
                let mut spans: Vec<Span> = Vec::new();
                let mut used = 0;
                for (left, width, is_right, lines) in &cells {
                    let Some(line) = lines.get(y).filter(|l| !l.is_empty()) else {
                        continue;
                    };
                    let cols = cols_of(line);
                    let shown = cols + number_cols(line.iter().map(|s| s.link));
                    let spare = if *is_right {
                        width.saturating_sub(shown)
                    } else {
                        0
                    };
                    let at = (left + spare).max(used);
                    spans.extend(blanks(at - used));
                    spans.extend(line.iter().cloned());
                    used = at + cols;
                }
                spans
            })
            .collect()
    }

    /// The line below the names of the columns.
    pub(super) fn rule(&self) -> Vec<Span> {
        let mut text = String::new();
        for (at, width) in self.widths.iter().enumerate().filter(|(_, w)| **w > 0) {
            let left = self.left_of(at);
            text.push_str(&" ".repeat(left.saturating_sub(columns(&text))));
            text.push_str(&"─".repeat(*width));
        }
        vec![ours(&text)]
    }

    fn left_of(&self, at: usize) -> usize {
        let before = self.widths.get(..at).unwrap_or(&self.widths);
        sum(before)
            + if before.iter().any(|w| *w > 0) {
                BETWEEN
            } else {
                0
            }
    }
}

/// The columns that these take side by side.
fn sum(widths: &[usize]) -> usize {
    let used = widths.iter().filter(|w| **w > 0);
    used.clone().sum::<usize>() + used.count().saturating_sub(1) * BETWEEN
}

/// The widths that the columns get; none, where the table is better read row by row.
fn fit(natural: &[usize], least: &[usize], room: usize, is_data: bool) -> Vec<usize> {
    if sum(natural) <= room {
        return natural.to_vec();
    }
    let used = natural.iter().filter(|w| **w > 0).count();
    let mut widths: Vec<usize> = natural
        .iter()
        .zip(least)
        .map(|(n, l)| *(n.min(l)))
        .collect();
    let is_too_many = used > COLUMNS_MAX && room < WIDE_COLS;
    if used < 2 || is_too_many || sum(&widths) > room || (!is_data && used > 3) {
        return Vec::new();
    }
    // What is left goes to whoever lacks most of what they would like.
    let mut spare = room - sum(&widths);
    while spare > 0 {
        let lacks = |(n, w): (&usize, &usize)| n.saturating_sub(*w);
        let most = natural.iter().zip(&widths).map(lacks).enumerate();
        let Some((at, lack)) = most.max_by_key(|(_, lack)| *lack) else {
            break;
        };
        if lack == 0 {
            break;
        }
        let step = (lack / 8).clamp(1, spare);
        if let Some(width) = widths.get_mut(at) {
            *width += step;
        }
        spare -= step;
    }
    widths
}

fn spans(row: &[Cell]) -> usize {
    row.iter().map(|c| c.span.max(1)).sum()
}

/// The cells that hold something, each with its column.
fn places(row: &[Cell]) -> impl Iterator<Item = (usize, &Cell)> {
    let mut at = 0;
    row.iter()
        .map(move |cell| {
            let here = at;
            at += cell.span.max(1);
            (here, cell)
        })
        .filter(|(_, cell)| !cell.is_empty())
}

fn longest_word(text: &Inline) -> usize {
    text.text.split(' ').map(columns).max().unwrap_or(0)
}

/// Whether a text is a number, an amount, a share, or stands for one that is missing.
fn is_number(text: &Inline) -> bool {
    let text = text.text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_sign = |c: char| {
        c.is_ascii_digit()
            || c.is_alphabetic()
            || matches!(
                c,
                '.' | ',' | '\'' | '+' | '-' | '−' | '–' | '%' | '(' | ')' | ' ' | '\u{a0}'
            )
            || matches!(c, '$' | '€' | '£' | '¥' | '₹' | '#' | '×' | '*' | '°')
    };
    let is_code = letters == 0 || is_unit(text);
    let is_none = matches!(text, "-" | "–" | "—");
    // A date or a time is not summed up.
    let is_amount = digits > 0 && text.chars().all(is_sign) && !text.contains(['/', ':']);
    let dashes = text.trim_start_matches('-').matches('-').count();
    // What has many points is a version, and what has many digits names something.
    let mut groups = text.split(['.', ',', ' ', '\u{a0}']);
    let is_long = groups.any(|g| g.bytes().filter(u8::is_ascii_digit).count() > 9);
    let is_version = text.matches('.').count() > 1 && text.split('.').skip(1).any(|g| g.len() < 3);
    let is_sum = is_amount && is_code && dashes == 0 && !is_long && !is_version;
    is_none || (is_sum && columns(text) <= 20)
}

/// Whether the letters of an amount name a currency or a unit.
fn is_unit(text: &str) -> bool {
    let mut words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|w| !w.is_empty());
    let Some(word) = words.next() else {
        return true;
    };
    let is_currency = word.chars().count() == 3 && word.chars().all(char::is_uppercase);
    let is_foreign = !word.is_ascii() && word.chars().count() <= 3;
    let is_known = matches!(
        word,
        "ms" | "s"
            | "h"
            | "min"
            | "kg"
            | "g"
            | "km"
            | "m"
            | "cm"
            | "mm"
            | "kB"
            | "MB"
            | "GB"
            | "TB"
            | "B"
            | "kr"
            | "Fr"
            | "Ft"
            | "lei"
            | "l"
            | "x"
            | "W"
            | "kWh"
    );
    words.next().is_none() && (is_currency || is_foreign || is_known)
}

pub(super) fn cols_of(spans: &[Span]) -> usize {
    spans.iter().map(|s| columns(s.text.as_str())).sum()
}

pub(super) fn blanks(count: usize) -> Option<Span> {
    (count > 0).then(|| Span {
        text: Safe::line(&" ".repeat(count)),
        ..Span::default()
    })
}

pub(super) fn ours(text: &str) -> Span {
    Span {
        text: Safe::line(text),
        emphasis: Emphasis {
            is_ours: true,
            ..Emphasis::default()
        },
        ..Span::default()
    }
}

/// A row that has no room for its columns: each cell behind its name, or behind the one before.
pub(super) fn record(rows: &Rows, row: &[Cell]) -> Vec<Inline> {
    let names: Vec<(usize, &Cell)> = rows
        .rows
        .get(..rows.heads)
        .and_then(|heads| heads.last())
        .map(|head| places(head).collect())
        .unwrap_or_default();
    places(row)
        .map(|(at, cell)| {
            let mut line = Inline::default();
            let name = names.iter().find(|(n, _)| *n == at);
            for text in name.iter().flat_map(|(_, name)| &name.texts) {
                line.append(text);
            }
            if !line.text.is_empty() && !line.text.ends_with(':') {
                line.add(":", super::block::Style::default());
            }
            for text in &cell.texts {
                line.append(text);
            }
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::html::block::Style;

    fn cell(text: &str) -> Cell {
        let mut inline = Inline::default();
        inline.push(text, Style::default());
        Cell {
            texts: vec![inline],
            span: 1,
            ..Cell::default()
        }
    }

    fn rows(rows: &[&[&str]]) -> Rows {
        Rows {
            rows: rows
                .iter()
                .map(|r| r.iter().map(|c| cell(c)).collect())
                .collect(),
            heads: 1,
            is_data: true,
            group: 1,
        }
    }

    fn drawn(rows: &Rows, room: usize) -> Vec<String> {
        let plan = Plan::new(&[rows], room);
        let lines = rows.rows.iter().flat_map(|r| plan.row(r));
        lines
            .map(|l| l.iter().map(|s| s.text.as_str()).collect())
            .collect()
    }

    #[test]
    fn numbers_stand_right_and_long_cells_are_wrapped_in_their_column() {
        let table = rows(&[
            &["Item", "Price"],
            &["Tea from a long way off", "3.50"],
            &["Pot", "120.00"],
        ]);
        assert_eq!(
            drawn(&table, 40),
            [
                "Item                      Price",
                "Tea from a long way off    3.50",
                "Pot                      120.00"
            ]
        );
        assert_eq!(
            drawn(&table, 23),
            [
                "Item              Price",
                "Tea from a long    3.50",
                "way off",
                "Pot              120.00"
            ]
        );
    }

    #[test]
    fn what_is_a_number_is_told_from_words_and_dates() {
        let is = |text: &str| is_number(cell(text).texts.first().unwrap());
        for number in [
            "3",
            "$1,200.00",
            "-4 %",
            "12 EUR",
            "(3.5)",
            "–",
            "1 234,50 €",
            "12 ms",
            "12,800円",
            "0.02 %",
        ] {
            assert!(is(number), "{number}");
        }
        for other in [
            "3 apples",
            "2026-11-25",
            "12:30",
            "1/2",
            "",
            "five",
            "A4 sheet",
            "01 Oct",
            "14C",
            "1.3.0",
            "904 2210045871",
        ] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn too_many_columns_are_read_row_by_row() {
        let names: Vec<String> = (0..8).map(|n| format!("Heading {n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let table = rows(&[&names, &["some longer words"; 8]]);
        assert!(!Plan::new(&[&table], 80).fits());
        assert!(Plan::new(&[&table], 160).fits());
        let record = record(&table, table.rows.last().unwrap());
        assert_eq!(record.len(), 8);
        assert_eq!(record.first().unwrap().text, "Heading 0: some longer words");
    }
}
