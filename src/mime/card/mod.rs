//! What we say of a message in our own frame: one card for each thing that is worth a word.
//!
//! Called by `engine` and `cli` beside `reading`. A card must never pass a claim of the message on as
//! our own, and never say more than was checked.

mod report;

use super::render::{Message, Source};
use crate::model::Card;

/// The cards of a message, those that warn first.
#[must_use]
pub fn cards(source: Source<'_>) -> Vec<Card> {
    let message = Message::open(source);
    let mut cards = Vec::new();
    cards.extend(report::card(&message));
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
