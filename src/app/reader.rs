//! The message that is read or previewed: what was asked for, what is here, how far it is scrolled.
//!
//! `update` feeds it replies; `ui` draws the rows that are visible. The rows are laid out once per
//! change, never per frame; a reply for another message must never be shown.

use super::Finding;
use super::gallery::Gallery;
use super::header_lines::HeaderLine;
use super::reader_rows::{Facts, REST_LINES, card_rows, cut, facts, fold, pack, tell_quotes};
use crate::bus::{Form, RequestId};
use crate::model::{Line, PartId, Placed, Reading, Rest, Safe, Tone, columns};

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
    /// Whose part it is, where a part of a message is read.
    Inside,
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
        /// On the last row, when its key stands there: how many more there are.
        more: Option<usize>,
    },
    /// A line of a card, by its index.
    Card(usize),
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

/// One row of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardRow {
    /// A piece of one of its lines.
    pub text: Safe,
    /// How the line is meant.
    pub tone: Tone,
    /// The action whose key stands behind it; empty: none.
    pub action: &'static str,
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

/// A part that was opened as a message of its own, and where in the one around it one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The part.
    pub part: PartId,
    /// What the message around it is called.
    pub outer: Safe,
    scroll: usize,
}

/// The reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The message that is to be shown.
    pub placed: Option<Placed>,
    /// The parts of it that were opened one inside the other; the last one is shown.
    pub insides: Vec<Inside>,
    /// What there is of it.
    pub body: Body,
    /// Bytes here and bytes in all, while they are fetched.
    pub progress: Option<(u64, u64)>,
    /// The form that is wanted.
    pub form: Form,
    /// The headers that are shown.
    pub headers: Headers,
    /// The source, once it was asked for and is here, in lines that fit.
    pub source: Vec<Safe>,
    /// Its lines as they are.
    whole_source: Vec<Safe>,
    /// Whether the wait has become long enough to be worth a word.
    pub is_slow: bool,
    /// The link at hand.
    pub link: Option<usize>,
    /// Whether it was marked as read since it was turned to.
    pub is_marked: bool,
    /// Quotes deeper than this are folded.
    pub quotes: u8,
    /// Whether what the sender hides is shown.
    pub shows_hidden: bool,
    /// The text that is waited for.
    pub asked: Option<Asked>,
    /// The source that is waited for.
    pub asked_source: Option<RequestId>,
    /// What was asked for last, answered or not: never asked for twice in a row.
    pub tried: Option<(Placed, u16, Form)>,
    /// The words that are looked for in it.
    pub finding: Option<Finding>,
    /// Whether quotes are told in words.
    pub(super) is_linear: bool,
    /// Its pictures.
    pub(crate) gallery: Gallery,
    scroll: usize,
    /// Where one was in a message that is shown again, until its text is here.
    returns_to: usize,
    rows: Vec<Row>,
    pub(super) header_lines: Vec<HeaderLine>,
    card_rows: Vec<CardRow>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            placed: None,
            insides: Vec::new(),
            body: Body::Nothing,
            progress: None,
            form: Form::Auto,
            headers: Headers::Short,
            source: Vec::new(),
            whole_source: Vec::new(),
            is_slow: false,
            link: None,
            is_marked: false,
            quotes: 1,
            shows_hidden: false,
            asked: None,
            asked_source: None,
            tried: None,
            finding: None,
            is_linear: false,
            gallery: Gallery::default(),
            scroll: 0,
            returns_to: 0,
            rows: Vec::new(),
            header_lines: Vec::new(),
            card_rows: Vec::new(),
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

    /// The part that is shown as a message of its own; empty: the message.
    #[must_use]
    pub fn inside(&self) -> PartId {
        let last = self.insides.last();
        last.map(|inside| inside.part.clone()).unwrap_or_default()
    }

    /// Opens a part as a message of its own.
    pub fn enter(&mut self, part: PartId) {
        let subject = self.reading().and_then(|reading| {
            let found = reading.headers.iter().find(|h| h.0.as_str() == "Subject");
            found.map(|h| h.1.clone())
        });
        let outer = subject.filter(|s| !s.is_empty());
        let outer = outer.unwrap_or(Safe::fixed("(no subject)"));
        let scroll = self.scroll;
        self.turn_inside(|insides| {
            insides.push(Inside {
                part,
                outer,
                scroll,
            });
        });
    }

    /// Goes back to the message around the part that is shown; `false` where it is none.
    pub fn leave(&mut self) -> bool {
        let Some(last) = self.insides.last().cloned() else {
            return false;
        };
        self.turn_inside(|insides| drop(insides.pop()));
        self.returns_to = last.scroll;
        true
    }

    /// Shows another part of the same message, whose text is still to come.
    fn turn_inside(&mut self, change: impl FnOnce(&mut Vec<Inside>)) {
        let placed = self.placed;
        let mut insides = std::mem::take(&mut self.insides);
        change(&mut insides);
        let (asked, is_marked) = (self.asked, self.is_marked);
        *self = Self {
            placed,
            insides,
            asked,
            is_marked,
            body: Body::Loading,
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

    /// The cards as they are shown, row by row.
    #[must_use]
    pub fn card_rows(&self) -> &[CardRow] {
        &self.card_rows
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
    pub fn receive(
        &mut self,
        mut reading: Box<Reading>,
        progress: Option<(u64, u64)>,
        height: usize,
    ) {
        self.link = self.link.filter(|l| *l < reading.links.len());
        if self
            .reading()
            .is_some_and(|before| before.rest != reading.rest)
        {
            // The source was that of the header alone.
            self.source.clear();
            self.whole_source.clear();
            self.headers = match self.headers {
                Headers::Source => Headers::Short,
                other => other,
            };
        }
        reading.show_hidden(self.shows_hidden);
        self.gallery.take(&reading);
        self.body = Body::Here(reading);
        self.progress = progress;
        self.is_slow = false;
        self.lay_out();
        let returns_to = std::mem::take(&mut self.returns_to);
        self.scroll_to(self.scroll.max(returns_to), height);
    }

    /// Takes the source.
    pub fn receive_source(&mut self, lines: Vec<Safe>) {
        self.whole_source = lines;
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
            let cols = self.reading().map_or(80, |r| usize::from(r.width));
            self.source = cut(&self.whole_source, cols);
            rows.extend((0..self.source.len()).map(Row::Source));
            self.rows = rows;
            self.look();
            return;
        }
        self.header_lines = self.wrapped_headers();
        self.card_rows = self.reading().map(card_rows).unwrap_or_default();
        self.look();
        if !self.insides.is_empty() && self.reading().is_some() {
            rows.push(Row::Inside);
        }
        let is_beside = self.put_facts_beside();
        rows.extend((0..self.header_lines.len()).map(Row::Header));
        if let Some(reading) = self.reading() {
            let is_told = self.is_linear && !reading.attachments.is_empty();
            let has_facts = !is_beside && facts(reading) != Facts::None || is_told;
            if has_facts {
                rows.push(Row::Facts);
            }
            pack(reading, has_facts, self.is_linear, &mut rows);
            rows.extend((0..self.card_rows.len()).map(Row::Card));
            rows.push(Row::Rule);
            if reading.rest != Rest::Here {
                rows.extend((0..REST_LINES).map(Row::Rest));
            }
            let found = self.finding.as_ref();
            let from = rows.len();
            fold(reading, &self.gallery, self.quotes, found, &mut rows);
            if self.is_linear {
                tell_quotes(reading, from, &mut rows);
            }
            self.gallery.push_attached(&mut rows);
        }
        self.rows = rows;
    }

    /// Looks anew for what is looked for.
    fn look(&mut self) {
        let Some(mut finding) = self.finding.take() else {
            return;
        };
        let source = (self.headers == Headers::Source).then_some(self.source.as_slice());
        let body = self.reading().map_or(&[][..], |r| &r.body);
        finding.look(&self.header_lines, body, source);
        self.finding = Some(finding);
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
        let mut owed = 0;
        for span in &line.spans {
            x += columns(span.text.as_str()) - usize::from(span.blank_after_number(owed));
            // The number behind it belongs to it.
            let number = span.link.map_or(0, |n| (n + 1).to_string().len() + 2);
            x += number;
            owed = u16::try_from(number).unwrap_or(0);
            if column < x {
                return span.link;
            }
        }
        None
    }

    /// The row that the link at hand or the place that was found is in.
    pub(super) fn wanted_row(&self) -> Option<Row> {
        let spot = self.finding.as_ref().and_then(Finding::spot);
        let row = match spot {
            Some(spot) => self.row_of(spot),
            None => self.link_row(),
        };
        row.and_then(|n| self.rows.get(n)).copied()
    }

    /// Makes the link at hand visible.
    pub fn show_link(&mut self, height: usize) {
        if let Some(row) = self.link_row()
            && !(self.scroll..self.scroll + height).contains(&row)
        {
            self.scroll_to(row.saturating_sub(height / 3), height);
        }
    }

    /// The row of the link at hand.
    fn link_row(&self) -> Option<usize> {
        let (link, reading) = (self.link?, self.reading()?);
        let line = reading
            .body
            .iter()
            .position(|l| l.spans.iter().any(|s| s.link == Some(link)));
        self.rows.iter().position(|row| match row {
            Row::Line(n) => Some(*n) == line,
            Row::Folded { first, count } => {
                line.is_some_and(|n| (*first..*first + *count).contains(&n))
            }
            Row::Inside
            | Row::Header(_)
            | Row::Facts
            | Row::Files { .. }
            | Row::Card(_)
            | Row::Rule
            | Row::Rest(_)
            | Row::Source(_)
            | Row::Picture { .. }
            | Row::Caption(_)
            | Row::Gap
            | Row::Quoted(_) => false,
        })
    }
}
