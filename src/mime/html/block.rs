//! What a page is made of before it meets a width: paragraphs, rows and rules in one flat list.
//!
//! Made by `flow`, laid out by `lines` and `grid`. Texts in here are clean already, so that the ranges
//! of their marks hold; a text never holds a line break.

use super::facts::{is_filler, is_fixed_blank};
use super::look::Align;
use crate::mime::wrap::{Mark, columns};
use crate::model::{Emphasis, LineKind, Safe};

/// More fixed blanks in a row are kept nowhere: at the beginning of a text, and within it.
const LEAD_MAX: usize = 8;
const BLANKS_MAX: usize = 3;

/// How a piece of text is set off, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub(super) emphasis: Emphasis,
    pub(super) link: Option<usize>,
    pub(super) picture: Option<usize>,
}

/// The columns of the numbers that stand behind links, where pieces belong to these.
pub(super) fn number_cols(links: impl Iterator<Item = Option<usize>>) -> usize {
    let mut cols = 0;
    let mut last = None;
    for link in links.chain([None]) {
        if let Some(ended) = last.filter(|_| link != last) {
            let number: usize = ended;
            cols += (number + 1).to_string().len() + 2;
        }
        last = link;
    }
    cols
}

/// A text in one line, with what lies on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Inline {
    pub(super) text: String,
    pub(super) marks: Vec<Mark>,
    /// Whether a blank comes before the next word.
    is_apart: bool,
    /// How many blanks the text ends in.
    blanks: usize,
    /// Whether a blank was kept though there is nothing else: an empty line that is meant.
    pub(super) is_meant: bool,
    /// Bytes in large letters, and in small ones.
    pub(super) large: usize,
    pub(super) small: usize,
}

impl Inline {
    pub(super) fn is_blank(&self) -> bool {
        self.text.chars().all(|c| c == ' ' || is_fixed_blank(c))
    }

    pub(super) fn cols(&self) -> usize {
        columns(&self.text)
    }

    /// The columns that it takes with the numbers behind its links.
    pub(super) fn shown_cols(&self) -> usize {
        let links = self.marks.iter().map(|m| m.link);
        self.cols() + number_cols(links)
    }

    /// Adds words; blanks and breaks between them are one blank.
    pub(super) fn push(&mut self, words: &str, style: Style) -> usize {
        let mut piece = String::with_capacity(words.len() + 1);
        for c in words.chars() {
            let is_fixed = is_fixed_blank(c);
            if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.is_apart |= !self.text.is_empty() || !piece.is_empty();
            } else if is_fixed {
                self.is_meant = true;
                let is_lead = self.text.is_empty() && piece.chars().all(is_fixed_blank);
                self.take_blank(&mut piece);
                if self.blanks < if is_lead { LEAD_MAX } else { BLANKS_MAX } {
                    // The blank stays one that does not break.
                    piece.push('\u{a0}');
                    self.blanks += 1;
                }
            } else if !is_filler(c) {
                self.take_blank(&mut piece);
                piece.push(c);
                self.blanks = 0;
            }
        }
        // A blank between two styles belongs to neither.
        let goes_on = |m: &Mark| {
            m.range.end == self.text.len()
                && (m.emphasis, m.link, m.picture) == (style.emphasis, style.link, style.picture)
        };
        match piece.strip_prefix(' ') {
            Some(rest) if !self.marks.last().is_some_and(goes_on) => {
                self.add(" ", Style::default());
                self.add(rest, style)
            }
            _ => self.add(&piece, style),
        }
    }

    fn take_blank(&mut self, piece: &mut String) {
        if std::mem::take(&mut self.is_apart) && self.blanks < BLANKS_MAX {
            piece.push(' ');
            self.blanks += 1;
        }
    }

    /// Adds a text as it is. Returns how many bytes that were.
    pub(super) fn add(&mut self, piece: &str, style: Style) -> usize {
        let from = self.text.len();
        self.text.push_str(Safe::line(piece).as_str());
        let range = from..self.text.len();
        let bytes = range.len();
        let is_plain = style == Style::default();
        match self.marks.last_mut() {
            _ if is_plain || range.is_empty() => {}
            Some(last)
                if last.range.end == range.start
                    && last.emphasis == style.emphasis
                    && last.link == style.link
                    && last.picture == style.picture =>
            {
                last.range.end = range.end;
            }
            _ => self.marks.push(Mark {
                range,
                emphasis: style.emphasis,
                link: style.link,
                picture: style.picture,
            }),
        }
        bytes
    }

    /// Adds another text behind a blank.
    pub(super) fn append(&mut self, other: &Self) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let at = self.text.len();
        self.text.push_str(&other.text);
        self.marks.extend(other.marks.iter().map(|mark| Mark {
            range: mark.range.start + at..mark.range.end + at,
            ..mark.clone()
        }));
    }

    /// The text without the blanks at its end.
    pub(super) fn trimmed(mut self) -> Self {
        let kept = self
            .text
            .trim_end_matches(|c| c == ' ' || is_fixed_blank(c));
        let kept = kept.len();
        self.text.truncate(kept);
        while self.marks.last().is_some_and(|m| m.range.start >= kept) {
            self.marks.pop();
        }
        if let Some(last) = self.marks.last_mut() {
            last.range.end = last.range.end.min(kept);
        }
        self
    }

    /// Takes the first bytes off, and the blanks behind them.
    pub(super) fn without_lead(mut self, bytes: usize) -> Self {
        let rest = self.text.get(bytes..).unwrap_or_default();
        let rest = rest.trim_start_matches(|c| c == ' ' || is_fixed_blank(c));
        let cut = self.text.len() - rest.len();
        self.text = rest.to_owned();
        self.marks.retain(|m| m.range.end > cut);
        for mark in &mut self.marks {
            let from = mark.range.start.saturating_sub(cut);
            mark.range = from..mark.range.end - cut;
        }
        self
    }

    /// Whether all of it is strong.
    pub(super) fn is_bold(&self) -> bool {
        let bold = self.marks.iter().filter(|m| m.emphasis.is_bold);
        !self.text.is_empty() && bold.map(|m| m.range.len()).sum::<usize>() >= self.text.len()
    }

    /// Makes all of it strong.
    pub(super) fn make_bold(&mut self) {
        let mut out = Vec::with_capacity(self.marks.len() * 2 + 1);
        let mut at = 0;
        let plain = |range| Mark {
            range,
            emphasis: Emphasis::default(),
            link: None,
            picture: None,
        };
        for mark in self.marks.drain(..) {
            if mark.range.start > at {
                out.push(plain(at..mark.range.start));
            }
            at = mark.range.end;
            out.push(mark);
        }
        if at < self.text.len() {
            out.push(plain(at..self.text.len()));
        }
        for mark in &mut out {
            mark.emphasis.is_bold = true;
        }
        self.marks = out;
    }

    /// The picture that is all there is.
    pub(super) fn lone_picture(&self) -> Option<usize> {
        match self.marks.as_slice() {
            [mark] if mark.range.len() >= self.text.len() => mark.picture,
            _ => None,
        }
    }
}

/// The space wanted above a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Gap {
    #[default]
    None,
    /// Between rows of a layout: an empty line where one of the two is long.
    Row,
    /// Between tables: an empty line, except between rows that belong together.
    Table,
    /// An empty line.
    Full,
}

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) texts: Vec<Inline>,
    pub(super) is_right: bool,
    pub(super) span: usize,
    pub(super) is_head: bool,
}

impl Cell {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.iter().all(Inline::is_blank)
    }

    pub(super) fn cols(&self) -> usize {
        self.texts.iter().map(Inline::shown_cols).max().unwrap_or(0)
    }
}

/// Rows of cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Vec<Cell>>,
    /// How many of the first rows name the columns.
    pub(super) heads: usize,
    /// Whether it is a table of data; else a row of a layout.
    pub(super) is_data: bool,
    /// Rows of one group share their columns.
    pub(super) group: usize,
}

impl Rows {
    /// Whether a cell has more than one line of its own.
    pub(super) fn is_tall(&self) -> bool {
        self.rows.iter().flatten().any(|c| c.texts.len() > 1)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Text(Inline),
    Rows(Rows),
    Rule,
    /// A text that the sender hides; takes no place.
    Hidden(String),
    /// A note of ours.
    Note(&'static str),
}

/// One of the things that stand below one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) content: Content,
    pub(super) gap: Gap,
    pub(super) quote: usize,
    pub(super) indent: usize,
    /// Stands before the first line, within the indent.
    pub(super) marker: Option<String>,
    pub(super) kind: LineKind,
    pub(super) align: Align,
    /// Blanks are kept, and lines break where they must only.
    pub(super) is_pre: bool,
    /// It is a picture, too large to stand beside words.
    pub(super) is_picture: bool,
}

impl Block {
    /// Whether it is words or rows, and so takes a place.
    pub(super) fn is_seen(&self) -> bool {
        !matches!(self.content, Content::Hidden(_))
    }

    pub(super) fn text(&self) -> Option<&Inline> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Rows(_) | Content::Rule | Content::Hidden(_) | Content::Note(_) => None,
        }
    }
}
