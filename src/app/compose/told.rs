//! The keys of a draft and of its review, for who looks for one: `F1`, and the README.
//!
//! Used by the composer's keys and by the tests that hold the README to the code. A key must never
//! be listed here that does nothing.

use crate::app::picker::Choice;
use crate::app::{App, Chord, Effect, Item, PickerKind};
use crate::model::Safe;

/// A key: how it is written, what it does, further words that it is found by.
pub type ToldKey = (&'static str, &'static str, &'static str);

/// The keys while a draft is written.
pub const DRAFT_KEYS: &[ToldKey] = &[
    ("ctrl-x", "Look at it once more, then send", "review y"),
    ("esc", "Leave; the draft is kept", "close back quit"),
    ("ctrl-a", "Attach a file", "add"),
    ("ctrl-e", "Edit the text in $EDITOR", "vim emacs external"),
    ("ctrl-s", "Put the draft on disk now", "save keep"),
    ("ctrl-t", "Write as somebody else", "identity from sender"),
    ("ctrl-o", "Have answers go elsewhere", "reply-to"),
    ("ctrl-f", "Find in the text", "search"),
    ("ctrl-z", "Undo", "take back"),
    ("ctrl-y", "Redo", "again"),
    ("ctrl-k", "Cut to the end of the line", "delete kill"),
    ("ctrl-u", "Cut to the start of the row", "delete"),
    ("ctrl-w", "Cut the word before", "delete"),
    ("alt-d", "Cut the word behind", "delete"),
    ("ctrl-left", "Go a word back", "move"),
    ("ctrl-right", "Go a word on", "move"),
    ("home", "Go to the start of the row", "move"),
    ("end", "Go to the end of the row", "move"),
    ("ctrl-home", "Go to the start of the text", "move top"),
    ("ctrl-end", "Go to the end of the text", "move bottom"),
    ("pgup", "Go a page up", "scroll"),
    ("pgdn", "Go a page down", "scroll"),
    ("tab", "Go to the next field", "move"),
    ("shift-tab", "Go to the previous field", "move"),
    ("ctrl-l", "Draw the screen anew", "refresh"),
    ("f1", "Show all keys", "help"),
];

/// The keys of the review.
pub const REVIEW_KEYS: &[ToldKey] = &[
    ("y", "Send it", "now"),
    (
        "l",
        "Send it later, at a time that is asked for",
        "schedule",
    ),
    ("e", "Go back to the text", "edit"),
    ("a", "Attach a file", "add"),
    ("p", "Leave; the draft is kept", "postpone"),
    ("q", "Throw it away, after a question", "discard delete"),
    ("s", "Sign it, or not", "gpg pgp"),
    ("x", "Encrypt it, or not", "gpg pgp"),
    ("m", "Send the text as HTML too, read as Markdown", "format"),
    ("r", "Ask for a report of delivery, or not", "dsn"),
    ("f1", "Show all keys", "help"),
];

/// Shows all keys that work here; choosing one presses it.
pub(super) fn all_keys(app: &mut App) -> Vec<Effect> {
    let is_review = app.composer().is_some_and(|c| c.review().is_some());
    let (title, keys) = if is_review {
        ("Keys in the review", REVIEW_KEYS)
    } else {
        ("Keys in a draft", DRAFT_KEYS)
    };
    let items = keys.iter().filter_map(|(chord, label, words)| {
        let chord = Chord::parse(chord).ok()?;
        let key = *chord.keys().first()?;
        Some(Item {
            key: Safe::line(&chord.to_string()),
            words,
            ..Item::new(Safe::fixed(label), Choice::Press(key))
        })
    });
    let items = items.collect();
    app.open_picker(title, PickerKind::Palette, items)
}
