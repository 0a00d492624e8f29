//! What the review says: who gets the message, what it is, what is wrong with it, and its text.
//!
//! Asked by `review` and by `ui`. What is wrong must never stand below what is right.

use super::Composer;
use super::place::TEXT_COLS_MAX;
use super::review::ReviewState;
use super::sheet::{Sheet, SheetRow};
use crate::app::{Area, size_text, wrap};
use crate::model::{DraftKind, Safe};

/// The columns of the labels of the review.
pub const REVIEW_LABEL_COLS: u16 = 16;
/// The rows that one fact takes at most.
const ROWS_MAX: usize = 4;
/// So much of a text is shown.
const TEXT_BYTES_MAX: usize = 40_000;
/// The most recipients that have a line of their own.
const RECIPIENTS_MAX: usize = 200;
/// The most misspelt words that are named.
const MISSPELT_MAX: usize = 12;

/// How a line of the review is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// What is so.
    Plain,
    /// Something to think about.
    Question,
    /// It cannot be sent like this.
    Fatal,
    /// Of less weight.
    Quiet,
}

/// A line of the review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewLine {
    /// What it is about; empty: it goes on with what stands above.
    pub label: &'static str,
    /// What is so.
    pub text: Safe,
    /// How it is meant.
    pub weight: Weight,
}

/// A row of the review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewRow {
    /// What is so.
    Fact(ReviewLine),
    /// What is above are facts, what is below is the text.
    Rule,
    /// A row of the text.
    Text(SheetRow),
}

fn quiet(text: &'static str) -> ReviewLine {
    ReviewLine {
        label: "",
        text: Safe::fixed(text),
        weight: Weight::Quiet,
    }
}

impl Composer {
    /// What the review says, line by line.
    #[must_use]
    pub fn review_lines(&self) -> Vec<ReviewLine> {
        let Some(state) = &self.review else {
            return Vec::new();
        };
        let line = |label, text: Safe| ReviewLine {
            label,
            text,
            weight: Weight::Plain,
        };
        let mut lines = Vec::new();
        if let Some(found) = &state.found {
            for note in &found.notes {
                let weight = if note.is_fatal {
                    Weight::Fatal
                } else {
                    Weight::Question
                };
                let label = if note.is_fatal {
                    "Cannot be sent"
                } else {
                    "Please check"
                };
                lines.push(ReviewLine {
                    label,
                    text: note.text.clone(),
                    weight,
                });
            }
            if !found.notes.is_empty() {
                lines.push(line("", Safe::default()));
            }
        } else {
            lines.push(quiet("Checking it…"));
            lines.push(line("", Safe::default()));
        }
        let address = Safe::line(&self.base.identity.address.to_string());
        lines.push(line("From", address));
        self.push_recipients(state, &mut lines);
        let subject = self.text_of(crate::model::DraftField::Subject);
        let subject = match subject.trim() {
            "" => Safe::fixed("(none)"),
            text => Safe::line(text),
        };
        lines.push(line("Subject", subject));
        if let Some(found) = &state.found {
            let parts = found.parts.iter().enumerate();
            lines.extend(parts.map(|(n, p)| line(if n == 0 { "Parts" } else { "" }, p.clone())));
            // What cannot be composed has no size.
            if found.size_bytes > 0 {
                lines.push(line("Size", Safe::line(&size_text(found.size_bytes))));
            }
            let server = Some(&found.server).filter(|server| !server.is_empty());
            let server = server.cloned().unwrap_or_else(|| Safe::fixed("none"));
            lines.push(line("Server", server));
            lines.push(line("Options", self.options()));
            let wants_keys = self.base.sending.is_signed || self.base.sending.is_encrypted;
            if let Some(why) = found.crypto.as_ref().err().filter(|_| wants_keys) {
                lines.push(ReviewLine {
                    weight: Weight::Quiet,
                    ..line(
                        "",
                        Safe::join(&[Safe::fixed("No signing:"), why.clone()], " "),
                    )
                });
            }
        }
        lines.extend(state.spelling_line());
        lines
    }

    /// The same in rows of so many columns, and behind it the text as it goes out.
    #[must_use]
    pub fn review_rows(&self, cols: u16) -> Vec<ReviewRow> {
        let room = usize::from(cols.saturating_sub(REVIEW_LABEL_COLS + 1));
        let mut rows = Vec::new();
        for line in self.review_lines() {
            let pieces = wrap(&line.text, room, ROWS_MAX);
            let mut label = line.label;
            for text in pieces {
                rows.push(ReviewRow::Fact(ReviewLine {
                    label: std::mem::take(&mut label),
                    text,
                    weight: line.weight,
                }));
            }
        }
        let text = self.body.text();
        if self.kind() == DraftKind::Bounce || text.trim().is_empty() {
            return rows;
        }
        rows.push(ReviewRow::Rule);
        let end = text.floor_char_boundary(TEXT_BYTES_MAX);
        let mut sheet = Sheet::new(text.get(..end).unwrap_or_default());
        let cols = cols.saturating_sub(2).min(TEXT_COLS_MAX);
        sheet.settle(usize::from(cols), TEXT_BYTES_MAX);
        rows.extend(sheet.rows().into_iter().map(ReviewRow::Text));
        if end < text.len() {
            rows.push(ReviewRow::Fact(quiet("The rest is left out here.")));
        }
        rows
    }

    /// How many rows of the review lie below those that are shown in that area.
    #[must_use]
    pub fn review_below(&self, area: Area) -> usize {
        let top = self.review.as_ref().map_or(0, ReviewState::top);
        let end = top.saturating_add(usize::from(area.h));
        self.review_rows(area.w).len().saturating_sub(end)
    }

    fn push_recipients(&self, state: &ReviewState, lines: &mut Vec<ReviewLine>) {
        let Some(found) = &state.found else {
            return;
        };
        let shown = found.recipients.iter().take(RECIPIENTS_MAX).enumerate();
        lines.extend(shown.map(|(n, who)| ReviewLine {
            label: if n == 0 { "Goes to" } else { "" },
            text: who.clone(),
            weight: Weight::Plain,
        }));
        let more = found.recipients.len().saturating_sub(RECIPIENTS_MAX);
        if more > 0 {
            lines.push(ReviewLine {
                label: "",
                text: Safe::line(&format!("and {more} more")),
                weight: Weight::Question,
            });
        }
    }

    fn options(&self) -> Safe {
        let sending = self.base.sending;
        let all = [
            (sending.is_signed, "signed"),
            (sending.is_encrypted, "encrypted"),
            (sending.is_markdown, "Markdown as HTML"),
            (sending.wants_report, "asks for a report of delivery"),
        ];
        let on: Vec<Safe> = all
            .into_iter()
            .filter(|(is_on, _)| *is_on)
            .map(|(_, word)| Safe::fixed(word))
            .collect();
        if on.is_empty() {
            Safe::fixed("plain: not signed, not encrypted")
        } else {
            Safe::join(&on, ", ")
        }
    }
}

impl ReviewState {
    /// Words that are perhaps misspelt, each with the best proposal.
    fn spelling_line(&self) -> Option<ReviewLine> {
        let shown = self.misspelt.iter().take(MISSPELT_MAX);
        let mut words: Vec<String> = shown
            .map(|(word, proposals)| match proposals.first() {
                Some(better) => format!("{word} ({better})"),
                None => word.to_string(),
            })
            .collect();
        let more = self.misspelt.len().saturating_sub(MISSPELT_MAX);
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        (!words.is_empty()).then(|| ReviewLine {
            label: "Spelling",
            text: Safe::line(&words.join(", ")),
            weight: Weight::Quiet,
        })
    }
}
