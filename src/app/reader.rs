//! The message that is read or previewed: what was asked for, what is here, how far it is scrolled.
//!
//! `update` feeds it replies; `ui` draws the rows that are visible. The rows are laid out once per
//! change, never per frame; a reply for another message must never be shown.

use super::gallery::{self, Gallery};
use super::{App, Context, size_text};
use crate::bus::{Form, Link, RequestId};
use crate::model::{Attachment, Line, LineKind, Placed, Reading, Rest, Safe};
use unicode_width::UnicodeWidthStr;

/// Quoted blocks of fewer lines are not worth folding.
const FOLD_LINES_MIN: usize = 3;

/// Which headers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Headers {
    /// The few that a reader wants.
    #[default]
    Short,
    /// All of them.
    Full,
    /// The source of the whole message instead of its text.
    Source,
}

/// What can be shown of the message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Body {
    /// No message is chosen.
    #[default]
    Nothing,
    /// It was asked for.
    Loading,
    /// It is here.
    Here(Box<Reading>),
    /// It cannot be had, and why.
    Unavailable(Safe),
}

/// One row of the reader, pointing into the [`Reading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// A header, by its index.
    Header(usize),
    /// The line that says what else there is: files, links, pictures.
    Facts,
    /// Attachments, as many as fit beside one another.
    Files {
        /// The first of them, by its index.
        first: usize,
        /// How many there are.
        count: usize,
    },
    /// A rule between headers and text.
    Rule,
    /// A line of what is said where only the header is here.
    Rest(usize),
    /// A line of the text.
    Line(usize),
    /// So many quoted lines, folded, from this one on.
    Folded {
        /// The first folded line.
        first: usize,
        /// How many there are.
        count: usize,
    },
    /// A line of the source.
    Source(usize),
    /// A row of a picture.
    Picture {
        /// Its number in the gallery.
        picture: usize,
        /// Its row, from 0.
        row: u16,
        /// How deep it is quoted.
        quote: u8,
    },
    /// The name of an attached picture.
    Caption(usize),
    /// Nothing.
    Gap,
    /// That from here on the text is quoted so deep, where the lines themselves do not show it.
    Quoted(u8),
}

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
}

/// A text that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub request: RequestId,
    /// The message.
    pub placed: Placed,
    /// The columns it was asked for.
    pub width: u16,
    /// The form it was asked for.
    pub form: Form,
}

/// The reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The message that is to be shown.
    pub placed: Option<Placed>,
    /// What there is of it.
    pub body: Body,
    /// Bytes here and bytes in all, while they are fetched.
    pub progress: Option<(u64, u64)>,
    /// The form that is wanted.
    pub form: Form,
    /// The headers that are shown.
    pub headers: Headers,
    /// The source, once it was asked for and is here.
    pub source: Vec<Safe>,
    /// Whether the wait has become long enough to be worth a word.
    pub is_slow: bool,
    /// The link at hand.
    pub link: Option<usize>,
    /// Whether it was marked as read since it was turned to.
    pub is_marked: bool,
    /// Quotes deeper than this are folded.
    pub quotes: u8,
    /// The text that is waited for.
    pub asked: Option<Asked>,
    /// The source that is waited for.
    pub asked_source: Option<RequestId>,
    /// What was asked for last, answered or not: never asked for twice in a row.
    pub tried: Option<(Placed, u16, Form)>,
    /// Whether quotes are told in words.
    pub(super) is_linear: bool,
    /// Its pictures.
    pub(crate) gallery: Gallery,
    scroll: usize,
    rows: Vec<Row>,
    header_lines: Vec<HeaderLine>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            placed: None,
            body: Body::Nothing,
            progress: None,
            form: Form::Auto,
            headers: Headers::Short,
            source: Vec::new(),
            is_slow: false,
            link: None,
            is_marked: false,
            quotes: 1,
            asked: None,
            asked_source: None,
            tried: None,
            is_linear: false,
            gallery: Gallery::default(),
            scroll: 0,
            rows: Vec::new(),
            header_lines: Vec::new(),
        }
    }
}

impl Reader {
    /// Turns to another message, or to none.
    pub fn turn_to(&mut self, placed: Option<Placed>) {
        if self.placed == placed {
            return;
        }
        let headers = match self.headers {
            Headers::Source => Headers::Short,
            other => other,
        };
        *self = Self {
            placed,
            headers,
            body: placed.map_or(Body::Nothing, |_| Body::Loading),
            ..Self::default()
        };
    }

    /// The message's text, if it is here.
    #[must_use]
    pub fn reading(&self) -> Option<&Reading> {
        match &self.body {
            Body::Here(reading) => Some(reading),
            Body::Nothing | Body::Loading | Body::Unavailable(_) => None,
        }
    }

    /// The rows, all of them.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The first visible row.
    #[must_use]
    pub const fn scroll(&self) -> usize {
        self.scroll
    }

    /// The headers as they are shown, line by line: name and piece of the value.
    #[must_use]
    pub fn header_lines(&self) -> &[HeaderLine] {
        &self.header_lines
    }

    /// The headers that are shown now.
    #[must_use]
    pub fn shown_headers(&self) -> &[(Safe, Safe)] {
        let Some(reading) = self.reading() else {
            return &[];
        };
        match self.headers {
            Headers::Full => &reading.all_headers,
            Headers::Short | Headers::Source => &reading.headers,
        }
    }

    /// Takes the text. Scrolling is kept when more of the same message arrives.
    pub fn receive(&mut self, reading: Box<Reading>, progress: Option<(u64, u64)>, height: usize) {
        self.link = self.link.filter(|l| *l < reading.links.len());
        if self
            .reading()
            .is_some_and(|before| before.rest != reading.rest)
        {
            // The source was that of the header alone.
            self.source.clear();
            self.headers = match self.headers {
                Headers::Source => Headers::Short,
                other => other,
            };
        }
        self.gallery.take(&reading);
        self.body = Body::Here(reading);
        self.progress = progress;
        self.is_slow = false;
        self.lay_out();
        self.scroll_to(self.scroll, height);
    }

    /// Takes the source.
    pub fn receive_source(&mut self, lines: Vec<Safe>) {
        self.source = lines;
        self.asked_source = None;
        self.lay_out();
    }

    /// Notes whether the sender's pictures are loaded.
    pub(super) fn allow_sender(&mut self, is_allowed: bool) {
        if let Body::Here(reading) = &mut self.body {
            reading.is_sender_allowed = is_allowed;
        }
    }

    /// Lays the rows out anew, after anything that decides which rows there are.
    pub fn lay_out(&mut self) {
        let mut rows = Vec::new();
        if self.headers == Headers::Source {
            rows.extend((0..self.source.len()).map(Row::Source));
            self.rows = rows;
            return;
        }
        self.header_lines = self.wrapped_headers();
        rows.extend((0..self.header_lines.len()).map(Row::Header));
        if let Some(reading) = self.reading() {
            if has_facts(reading) {
                rows.push(Row::Facts);
            }
            pack(reading, &mut rows);
            rows.push(Row::Rule);
            if reading.rest != Rest::Here {
                rows.extend((0..REST_LINES).map(Row::Rest));
            }
            let from = rows.len();
            fold(reading, &self.gallery, self.quotes, &mut rows);
            if self.is_linear {
                tell_quotes(reading, from, &mut rows);
            }
            self.gallery.push_attached(&mut rows);
        }
        self.rows = rows;
    }

    /// The headers wrapped beside their names, each to a few lines.
    fn wrapped_headers(&self) -> Vec<HeaderLine> {
        let width = usize::from(self.reading().map_or(80, |r| r.width));
        let is_short = self.headers != Headers::Full;
        let all = self.shown_headers();
        let mut lines = Vec::new();
        let find = |name: &str| all.iter().find(|h| h.0.as_str().eq_ignore_ascii_case(name));
        // A date that can be read is told once, in words; else as it was written.
        let has_date = is_short && self.reading().is_some_and(|r| r.date_secs.is_some());
        let least = usize::from(self.name_cols());
        let from = find("From").map(|h| h.1.as_str().width());
        let is_beside = has_date && from.is_some_and(|from| least + from + DATE_COLS <= width);
        if is_short {
            let subject = find("Subject").map(|h| h.1.clone()).unwrap_or_default();
            let pieces = wrap(&subject, width, 3);
            lines.extend(pieces.into_iter().map(|text| HeaderLine {
                text,
                is_title: true,
                ..HeaderLine::default()
            }));
        }
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
            let name_cols = (name.as_str().width() + 1).max(least);
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
                is_title: false,
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

    /// Scrolls so that this row is the first, as far as there are rows.
    pub fn scroll_to(&mut self, row: usize, height: usize) {
        self.scroll = row.min(self.rows.len().saturating_sub(height.max(1)));
    }

    /// Scrolls by so many rows.
    pub fn scroll_by(&mut self, rows: i64, height: usize) {
        let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if rows < 0 {
            self.scroll.saturating_sub(by)
        } else {
            self.scroll.saturating_add(by)
        };
        self.scroll_to(to, height);
    }

    /// Whether the last row is visible.
    #[must_use]
    pub fn is_at_end(&self, height: usize) -> bool {
        self.scroll.saturating_add(height) >= self.rows.len()
    }

    /// The link at that column of a line, counted from the left edge of the pane.
    #[must_use]
    pub fn link_at(&self, line: usize, column: usize) -> Option<usize> {
        let line = self.reading()?.body.get(line)?;
        let mut x = 1 + Line::quote_cols(line.quote);
        for span in &line.spans {
            x += span.text.as_str().width();
            // The number behind it belongs to it.
            let number = span.link.map_or(0, |n| (n + 1).to_string().len() + 2);
            x += number;
            if column < x {
                return span.link;
            }
        }
        None
    }

    /// Makes the link at hand visible.
    pub fn show_link(&mut self, height: usize) {
        let (Some(link), Some(reading)) = (self.link, self.reading()) else {
            return;
        };
        let line = reading
            .body
            .iter()
            .position(|l| l.spans.iter().any(|s| s.link == Some(link)));
        let row = self.rows.iter().position(|row| match row {
            Row::Line(n) => Some(*n) == line,
            Row::Folded { first, count } => {
                line.is_some_and(|n| (*first..*first + *count).contains(&n))
            }
            Row::Header(_)
            | Row::Facts
            | Row::Files { .. }
            | Row::Rule
            | Row::Rest(_)
            | Row::Source(_)
            | Row::Picture { .. }
            | Row::Caption(_)
            | Row::Gap
            | Row::Quoted(_) => false,
        });
        if let Some(row) = row
            && !(self.scroll..self.scroll + height).contains(&row)
        {
            self.scroll_to(row.saturating_sub(height / 3), height);
        }
    }
}

/// The columns of the name of one of the few headers, gap included.
const NAME_COLS: u16 = 6;
/// The columns that a date in words takes beside the sender, gap included.
const DATE_COLS: usize = 24;

/// How many lines there are for what is said of a message of which only the header is here.
const REST_LINES: usize = 4;

impl App {
    /// What is said of a message of which only the header is here, in lines.
    #[must_use]
    pub fn rest_lines(&self, reading: &Reading, cols: usize) -> Vec<Safe> {
        let size = size_text(reading.rest_bytes);
        let account = self.reader.placed.and_then(|p| self.mailbox(p.mailbox));
        let account = account.and_then(|m| self.account(m.account));
        let is_put_off = account.is_some_and(|a| matches!(a.link, Link::Waiting { .. }));
        let key = self.keymap.first("fetch-whole", Context::Reader);
        let text = match (reading.rest, self.is_offline) {
            (Rest::Here, _) => return Vec::new(),
            (Rest::Lost, _) => format!(
                "{size}; only the header was fetched, and the rest is no longer on the server."
            ),
            (Rest::OnServer, false) => format!(
                "{size}; only the header was fetched. Press {key} to fetch the whole message."
            ),
            (Rest::OnServer, true) => format!(
                "{size}; only the header was fetched. Press {key} to have the whole message fetched when you are online again."
            ),
            (Rest::Asked, false) if is_put_off => {
                format!("{size}; the whole message is fetched as soon as the server can be asked.")
            }
            (Rest::Asked, false) => format!("{size}; the whole message is being fetched."),
            (Rest::Asked, true) => {
                let online = self.keymap.first("toggle-offline", Context::Reader);
                format!(
                    "{size}; the whole message is fetched when you are online again ({online})."
                )
            }
        };
        wrap(&Safe::line(&text), cols, REST_LINES)
    }
}

/// Wraps a text at words to so many columns; what is beyond the last line ends in an ellipsis.
#[must_use]
pub fn wrap(text: &Safe, cols: usize, lines_max: usize) -> Vec<Safe> {
    // An address must not be broken at its hyphens.
    let options = textwrap::Options::new(cols.max(4))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut pieces: Vec<Safe> = textwrap::wrap(text.as_str(), options)
        .iter()
        .take(lines_max + 1)
        .map(|piece| Safe::line(piece))
        .collect();
    if pieces.len() > lines_max {
        pieces.truncate(lines_max);
        if let Some(last) = pieces.last_mut() {
            *last = Safe::join(&[last.clone(), Safe::fixed("…")], " ");
        }
    }
    pieces
}

/// Whether the line of facts says anything.
#[must_use]
pub(super) fn has_facts(reading: &Reading) -> bool {
    !reading.attachments.is_empty()
        || !reading.links.is_empty()
        || reading.blocked_images > 0
        || reading.is_html
        || reading.has_other_form
}

/// Puts as many attachments on a row as fit.
fn pack(reading: &Reading, rows: &mut Vec<Row>) {
    let mut first = 0;
    let mut used = 0;
    for (n, file) in reading.attachments.iter().enumerate() {
        let needed = file_cols(n, file);
        if n > first && used + needed > usize::from(reading.width) {
            let count = n - first;
            rows.push(Row::Files { first, count });
            (first, used) = (n, 0);
        }
        used += needed;
    }
    let count = reading.attachments.len() - first;
    if count > 0 {
        rows.push(Row::Files { first, count });
    }
}

/// The columns that an attachment takes: number, name, size, and a gap.
fn file_cols(n: usize, file: &Attachment) -> usize {
    let number = (n + 1).to_string().len() + 3;
    number + file.name.as_str().width() + 1 + size_text(file.size_bytes).len() + 3
}

/// The rows of the text, with blocks quoted deeper than `quotes` folded into one row each.
fn fold(reading: &Reading, gallery: &Gallery, quotes: u8, rows: &mut Vec<Row>) {
    let mut picture_before = None;
    let mut first = 0;
    let mut deep = 0;
    for (n, line) in reading.body.iter().enumerate() {
        if line.quote > quotes && line.kind != LineKind::Note {
            if deep == 0 {
                first = n;
            }
            deep += 1;
            continue;
        }
        close_fold(first, deep, rows);
        deep = 0;
        let picture = gallery.alone_in(line);
        match picture.and_then(|p| Some((p, gallery.rows(p)?))) {
            // What stands for it may go on in the next line.
            Some((picture, _)) if picture_before == Some(picture) => {}
            Some((picture, count)) => gallery::push(rows, picture, count, line.quote),
            None => rows.push(Row::Line(n)),
        }
        picture_before = picture;
    }
    close_fold(first, deep, rows);
}

/// Says in rows of their own where quotes begin and end.
fn tell_quotes(reading: &Reading, from: usize, rows: &mut Vec<Row>) {
    let mut before = 0;
    for row in rows.split_off(from) {
        let level = match row {
            Row::Line(n) | Row::Folded { first: n, .. } => {
                reading.body.get(n).map_or(0, |line| line.quote)
            }
            _ => before,
        };
        // A folded one says so itself.
        if level != before && !matches!(row, Row::Folded { .. }) {
            rows.push(Row::Quoted(level));
            before = level;
        }
        rows.push(row);
    }
}

fn close_fold(first: usize, count: usize, rows: &mut Vec<Row>) {
    if count >= FOLD_LINES_MIN {
        rows.push(Row::Folded { first, count });
    } else {
        rows.extend((first..first + count).map(Row::Line));
    }
}
