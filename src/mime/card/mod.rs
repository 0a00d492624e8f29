//! What we say of a message in our own frame: one card for each thing that is worth a word.
//!
//! Called by `engine` and `cli` beside `reading`. A card must never pass a claim of the message on as
//! our own, and never say more than was checked.

mod auth;
mod invite;
mod list;
mod report;
mod seal;
mod sender;

pub use invite::answered;
pub(super) use list::mail_to_leave;

use super::render::{Message, Source};
use crate::model::Card;

/// Who reads, and whom they believe.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Their own addresses.
    pub own: Vec<String>,
    /// The zone of their clock.
    pub zone: jiff::tz::TimeZone,
    /// What it shows, in seconds since 1970.
    pub now_secs: i64,
    /// The server whose Authentication-Results are believed; empty: none.
    pub trusted: String,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
            now_secs: 0,
            trusted: String::new(),
        }
    }
}

/// The cards of a message, that of the sender first.
#[must_use]
pub fn cards(source: Source<'_>, viewer: &Viewer) -> Vec<Card> {
    let message = Message::open(source);
    let headers = &message.headers;
    let checked = auth::checked(headers, &viewer.trusted);
    let checked = checked.as_deref();
    let mut cards = Vec::new();
    cards.extend(sender::card(headers, checked));
    cards.extend(seal::card(&message));
    cards.extend(report::card(&message));
    cards.extend(invite::card(&message, viewer));
    cards.extend(list::card(headers, checked));
    cards
}

/// The beginning of a text that goes on a card: one line, no longer than that many characters.
fn short(text: &str, chars_max: usize) -> String {
    let mut words = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        for c in (!words.is_empty())
            .then_some(' ')
            .into_iter()
            .chain(word.chars())
        {
            if count == chars_max {
                words.push('…');
                return words;
            }
            words.push(c);
            count += 1;
        }
    }
    words
}
