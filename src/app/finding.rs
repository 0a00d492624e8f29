//! Words looked for in the message that is read: where they are, and which place is at hand.
//!
//! Held by `reader`, which lays rows out so that every place can be seen; drawn by `ui`. It must never
//! point at a line that is not there: whoever changes the lines has it look again.

use super::header_lines::HeaderLine;
use super::reader::{Reader, Row};
use crate::model::{Found, Line, Query, Safe, Term, find_words, minds_case};
use std::collections::BTreeMap;
use std::ops::Range;

/// More places than this are not counted.
const PLACES_MAX: usize = 10_000;

/// A line of the reader that can hold a place, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    /// A line of the headers.
    Header(usize),
    /// A line of the text.
    Line(usize),
    /// A line of the source.
    Source(usize),
}

/// A run of bytes in a line that was found, and whether it belongs to the place at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The bytes of the line's text.
    pub bytes: Range<usize>,
    /// Whether it is at hand.
    pub is_at_hand: bool,
}

/// What is looked for, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// The words.
    words: Vec<String>,
    /// Whether they were typed here; else the list was searched for them.
    is_own: bool,
    /// The first line of each place.
    places: Vec<Spot>,
    /// The runs of each line, with the place that each belongs to.
    marks: BTreeMap<Spot, Vec<(Range<usize>, usize)>>,
    at: Option<usize>,
    /// The first line that was visible when the search began.
    from: Option<Spot>,
}

impl Finding {
    /// Words of the list's search, none of which is at hand.
    pub(super) fn of_list(words: Vec<String>) -> Self {
        Self {
            words,
            ..Self::default()
        }
    }

    /// A search that begins at that line.
    pub(super) fn begin(from: Option<Spot>) -> Self {
        Self {
            is_own: true,
            from,
            ..Self::default()
        }
    }

    /// Looks for another text.
    pub(super) fn set_text(&mut self, text: &str) {
        self.words = vec![text.to_owned()];
        self.at = None;
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether it was typed in the reader.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.is_own
    }

    /// How many places there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where the search began.
    pub(super) const fn from(&self) -> Option<Spot> {
        self.from
    }

    /// The line of the place at hand.
    #[must_use]
    pub fn spot(&self) -> Option<Spot> {
        self.at.and_then(|at| self.places.get(at)).copied()
    }

    /// Whether a line of the text holds a place.
    pub(super) fn is_in_line(&self, line: usize) -> bool {
        self.marks.contains_key(&Spot::Line(line))
    }

    /// What was found in a line, from left to right.
    #[must_use]
    pub fn marks(&self, spot: Spot) -> Vec<Mark> {
        let all = self.marks.get(&spot).into_iter().flatten();
        all.map(|(bytes, place)| Mark {
            bytes: bytes.clone(),
            is_at_hand: self.is_own && self.at == Some(*place),
        })
        .collect()
    }

    /// Looks again, in these lines. The place at hand is kept where there still is one of its number.
    pub(super) fn look(&mut self, headers: &[HeaderLine], body: &[Line], source: Option<&[Safe]>) {
        self.marks.clear();
        self.places.clear();
        let minds = self.is_own && self.words.iter().any(|w| minds_case(w));
        let search = |lines: &[&str]| find_words(lines, &self.words, minds, PLACES_MAX);
        let (spots, found): (Vec<Spot>, Vec<Found>) = if let Some(source) = source {
            let lines: Vec<&str> = source.iter().map(Safe::as_str).collect();
            ((0..lines.len()).map(Spot::Source).collect(), search(&lines))
        } else {
            let texts: Vec<String> = body.iter().map(text_of).collect();
            let headers = headers.iter().map(|h| h.text.as_str());
            // A gap, so that nothing is found from the headers into the text.
            let gap = std::iter::once("\n");
            let lines: Vec<&str> = headers
                .chain(gap)
                .chain(texts.iter().map(String::as_str))
                .collect();
            let headers = lines.len() - texts.len();
            let heads = (0..headers).map(Spot::Header);
            let spots = heads.chain((0..texts.len()).map(Spot::Line)).collect();
            (spots, search(&lines))
        };
        for (n, pieces) in found.iter().enumerate() {
            let first = pieces.first().and_then(|p| spots.get(p.line));
            let Some(first) = first else { continue };
            self.places.push(*first);
            for piece in pieces {
                if let Some(spot) = spots.get(piece.line) {
                    let marks = self.marks.entry(*spot).or_default();
                    marks.push((piece.bytes.clone(), n));
                }
            }
        }
        self.at = self.at.filter(|at| *at < self.places.len());
        if self.is_own && self.at.is_none() {
            self.start();
        }
    }

    /// Takes the first place at or after where the search began, else the first of all.
    pub(super) fn start(&mut self) {
        let from = self.from.unwrap_or(Spot::Header(0));
        let after = self.places.iter().position(|spot| *spot >= from);
        self.at = after.or_else(|| (!self.places.is_empty()).then_some(0));
    }

    /// Goes on by so many places, around the end. Whether it went around.
    pub(super) fn step(&mut self, by: i64) -> bool {
        let Ok(count) = i64::try_from(self.places.len()) else {
            return false;
        };
        if count == 0 {
            return false;
        }
        let Some(at) = self.at.and_then(|at| i64::try_from(at).ok()) else {
            self.start();
            return false;
        };
        let to = at.saturating_add(by);
        self.at = usize::try_from(to.rem_euclid(count)).ok();
        !(0..count).contains(&to)
    }

    /// Which of how many places is at hand: "3 of 7"; empty where nothing is looked for.
    #[must_use]
    pub fn told(&self) -> String {
        let count = self.places.len();
        match self.at {
            _ if self.words.iter().all(|w| w.trim().is_empty()) => String::new(),
            _ if count == 0 => "no match".to_owned(),
            Some(at) if count == PLACES_MAX => format!("{} of {count} or more", at + 1),
            Some(at) => format!("{} of {count}", at + 1),
            None => format!("{count} matches"),
        }
    }
}

/// The text of a line, as its marks count it.
fn text_of(line: &Line) -> String {
    line.spans.iter().map(|span| span.text.as_str()).collect()
}

/// The words that a query demands of headers or text, as far as they can be shown.
pub(super) fn words_of(query: &Query) -> Vec<String> {
    const WORDS_MAX: usize = 32;
    let mut words = Vec::new();
    // A query is never nested deeper than the parser allows.
    collect(query, &mut words);
    words.truncate(WORDS_MAX);
    words
}

fn collect(query: &Query, words: &mut Vec<String>) {
    match query {
        Query::Term(
            Term::Text(text)
            | Term::Body(text)
            | Term::Subject(text)
            | Term::From(text)
            | Term::To(text)
            | Term::Cc(text),
        ) if !text.trim().is_empty() => words.push(text.clone()),
        Query::Term(_) | Query::Not(_) => {}
        Query::And(all) | Query::Or(all) => {
            for one in all {
                collect(one, words);
            }
        }
    }
}

impl Reader {
    /// The line that a row shows, where words can be found in it.
    const fn spot(row: Row) -> Option<Spot> {
        match row {
            Row::Header(n) => Some(Spot::Header(n)),
            Row::Line(n) | Row::Folded { first: n, .. } => Some(Spot::Line(n)),
            Row::Source(n) => Some(Spot::Source(n)),
            Row::Inside
            | Row::Facts
            | Row::Files { .. }
            | Row::Card(_)
            | Row::Rule
            | Row::Rest(_)
            | Row::Picture { .. }
            | Row::Caption(_)
            | Row::Gap
            | Row::Quoted(_) => None,
        }
    }

    /// Whether words were typed to be found in this message.
    #[must_use]
    pub fn is_searched(&self) -> bool {
        self.finding.as_ref().is_some_and(Finding::is_own)
    }

    /// Begins a search at what is visible.
    pub(super) fn begin_search(&mut self) {
        let visible = self.rows().iter().skip(self.scroll());
        let from = visible.copied().find_map(Self::spot);
        self.finding = Some(Finding::begin(from));
    }

    /// Looks for a text from where the search began on, and shows the first place.
    pub(super) fn search(&mut self, text: &str, height: usize) {
        if let Some(finding) = self.finding.as_mut().filter(|f| f.is_own()) {
            finding.set_text(text);
            self.lay_out();
            if let Some(finding) = &mut self.finding {
                finding.start();
            }
            self.show_place(height);
        }
    }

    /// Goes on by so many places. Whether that went around the end.
    pub(super) fn step_place(&mut self, by: i64, height: usize) -> bool {
        let went_around = self.finding.as_mut().is_some_and(|f| f.step(by));
        self.show_place(height);
        went_around
    }

    /// Ends a search that was typed here; `true`: the message is shown from where it began.
    pub(super) fn end_search(&mut self, goes_back: bool, height: usize) {
        let Some(finding) = self.finding.take_if(|f| f.is_own()) else {
            return;
        };
        self.lay_out();
        if goes_back && let Some(row) = finding.from().and_then(|spot| self.row_of(spot)) {
            self.scroll_to(row, height);
        }
    }

    /// The words that the list was searched for are shown where nothing is looked for here.
    pub(super) fn set_list_words(&mut self, words: Vec<String>) {
        let is_so = match &self.finding {
            Some(finding) => finding.is_own() || finding.words() == words,
            None => words.is_empty(),
        };
        if !is_so {
            self.finding = (!words.is_empty()).then(|| Finding::of_list(words));
            self.lay_out();
        }
    }

    /// The row of a line, or of the fold that hides it.
    pub(super) fn row_of(&self, spot: Spot) -> Option<usize> {
        self.rows().iter().position(|row| match (*row, spot) {
            (Row::Folded { first, count }, Spot::Line(n)) => (first..first + count).contains(&n),
            (row, spot) => Self::spot(row) == Some(spot),
        })
    }

    /// Makes the place at hand visible.
    fn show_place(&mut self, height: usize) {
        let spot = self.finding.as_ref().and_then(Finding::spot);
        let Some(row) = spot.and_then(|spot| self.row_of(spot)) else {
            return;
        };
        if !(self.scroll()..self.scroll() + height).contains(&row) {
            self.scroll_to(row.saturating_sub(height / 3), height);
        }
    }
}
