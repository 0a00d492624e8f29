//! The line of keys that work here: which of them fit, and where each stands.
//!
//! Drawn by `ui`, clicked through `mouse`. It must never name a key that does nothing now; the
//! palette and the help always come last and are the last to go.

use super::actions::{Availability, actions};
use super::{App, Chord, Composer, Context, Key, Overlay, PickerKind, PromptKind};
use crate::model::{DraftField, DraftKind, Safe, columns};

/// One key with the word for what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Its first column in the line.
    pub x: u16,
    /// The columns it takes, key and word.
    pub w: u16,
    /// The key, as shown.
    pub key: Safe,
    /// What it does.
    pub label: Safe,
    /// What a click on it presses.
    pub press: Vec<Key>,
}

/// The hints that fit into so many columns.
#[must_use]
pub fn hints(app: &App, cols: u16) -> Vec<Hint> {
    let (all, is_pane) = match (&app.overlay, app.composer()) {
        (Some(overlay), _) => (of_overlay(overlay), false),
        (None, Some(composer)) => (of_composer(composer), false),
        (None, None) => (of_pane(app), true),
    };
    fit(&all, is_pane, cols)
}

type Entry = (Safe, &'static str);

fn of_pane(app: &App) -> Vec<Entry> {
    let mut ranked: Vec<_> = actions()
        .iter()
        .filter(|a| a.rank(app.focus) > 0)
        .filter(|a| (a.available)(app) == Availability::Yes)
        .collect();
    ranked.sort_by_key(|a| a.hint.0);
    let is_searched = app.focus == Context::Reader && app.reader.is_searched();
    let has_link = app.focus == Context::Reader && app.reader.link.is_some();
    let first: &[(&str, &str)] = match (is_searched, app.thread_view()) {
        (true, _) => &SEARCH_KEYS,
        (false, _) if has_link => &LINK_KEYS,
        (false, Some(_)) => &THREAD_KEYS,
        (false, None) => &[],
    };
    let is_said = |id: &str| first.iter().any(|(said, _)| *said == id);
    let others = ranked.iter().filter(|a| !is_said(a.id));
    first
        .iter()
        .copied()
        .chain(others.map(|a| (a.id, a.word_now(app))))
        .map(|(id, word)| (app.keymap.first(id, app.focus), word))
        .filter(|(key, _)| !key.is_empty())
        .collect()
}

/// What works, before all else, in a conversation.
const THREAD_KEYS: [(&str, &str); 4] = [
    ("next-message", "next"),
    ("open-link", "fold"),
    ("read-on", "page"),
    ("back", "back"),
];

/// What works, before all else, while a link is at hand.
const LINK_KEYS: [(&str, &str); 4] = [
    ("open-link", "open link"),
    ("next-link", "next"),
    ("previous-link", "previous"),
    ("back", "leave it"),
];

/// What works, before all else, while words are looked for in the message.
const SEARCH_KEYS: [(&str, &str); 3] = [
    ("next-match", "next match"),
    ("previous-match", "previous"),
    ("back", "end the search"),
];

/// The keys that work in a draft.
fn of_composer(composer: &Composer) -> Vec<Entry> {
    let is_bounce = composer.kind() == DraftKind::Bounce;
    let keys: &[(&'static str, &'static str)] = match (composer.review(), composer.focus()) {
        (Some(review), _) if review.is_sending() => &[("", "being put into the outbox")],
        (Some(_), _) => of_review(is_bounce),
        _ if composer.completing().is_some() => &[
            ("Enter", "take it"),
            ("Down", "next"),
            ("Esc", "close the list"),
            ("", "type on"),
        ],
        (None, DraftField::From) => &[
            ("Enter", "choose who writes"),
            ("Right", "next one"),
            ("Ctrl-X", "check and send"),
            ("Esc", "leave"),
            ("F1", "all keys"),
            ("Tab", "next field"),
        ],
        (None, DraftField::Attachments) => &[
            ("x", "take off"),
            ("Right", "next file"),
            ("a", "attach"),
            ("Ctrl-X", "check and send"),
            ("Esc", "leave"),
            ("F1", "all keys"),
            ("Tab", "next field"),
        ],
        (None, DraftField::Body) => &[
            ("Ctrl-X", "check and send"),
            ("Esc", "leave"),
            ("F1", "all keys"),
            ("Ctrl-A", "attach"),
            ("Ctrl-E", "editor"),
            ("Ctrl-Z", "undo"),
            ("Ctrl-F", "find"),
            ("Ctrl-S", "keep"),
            ("Ctrl-K", "cut the line"),
        ],
        (None, _) if is_bounce => &[
            ("Ctrl-X", "check and send"),
            ("Esc", "leave"),
            ("F1", "all keys"),
            ("Tab", "next field"),
            ("Ctrl-S", "keep"),
            ("Ctrl-T", "sender"),
        ],
        (None, _) => &[
            ("Ctrl-X", "check and send"),
            ("Esc", "leave"),
            ("F1", "all keys"),
            ("Tab", "next field"),
            ("Ctrl-A", "attach"),
            ("Ctrl-E", "editor"),
            ("Ctrl-S", "keep"),
            ("Ctrl-T", "sender"),
        ],
    };
    keys.iter()
        .map(|(key, label)| (Safe::fixed(key), *label))
        .collect()
}

/// The keys that work in a review. What is passed on as it is takes no files and no other form.
const fn of_review(is_bounce: bool) -> &'static [(&'static str, &'static str)] {
    if is_bounce {
        return &[
            ("y", "send"),
            ("l", "later"),
            ("Esc", "edit"),
            ("p", "keep"),
            ("q", "discard"),
            ("F1", "all keys"),
        ];
    }
    &[
        ("y", "send"),
        ("l", "later"),
        ("Esc", "edit"),
        ("a", "attach"),
        ("p", "keep"),
        ("q", "discard"),
        ("F1", "all keys"),
        ("s", "sign"),
        ("x", "encrypt"),
        ("m", "markdown"),
        ("r", "report"),
    ]
}

fn of_overlay(overlay: &Overlay) -> Vec<Entry> {
    let keys: &[(&'static str, &'static str)] = match overlay {
        Overlay::Help(_) => &[
            ("Esc", "close"),
            ("PgDn", "page"),
            ("Down", "scroll"),
            ("", "type to find a key"),
        ],
        Overlay::Picker(picker) => match picker.kind {
            PickerKind::Palette => &[
                ("Enter", "do it"),
                ("Esc", "close"),
                ("", "type what you want to do"),
            ],
            PickerKind::Fuzzy => &[
                ("Enter", "choose"),
                ("Esc", "close"),
                ("", "type to narrow down"),
            ],
            PickerKind::Menu => &[("Enter", "choose"), ("Esc", "close")],
            PickerKind::Links => &[("Enter", "open"), ("y", "copy"), ("Esc", "close")],
            PickerKind::Attachments(_) => &[
                ("Enter", "open"),
                ("s", "save"),
                ("S", "save all"),
                ("|", "pipe"),
                ("f", "forward"),
                ("y", "copy name"),
                ("Esc", "close"),
            ],
        },
        Overlay::Prompt(prompt) if prompt.is_at_folder() => &[
            ("Enter", "open the folder"),
            ("Tab", "complete"),
            ("Esc", "close"),
        ],
        Overlay::Prompt(prompt) => of_prompt(prompt.kind),
        Overlay::Confirm(question) => {
            let answers = question.answers().into_iter();
            return answers
                .map(|(key, word)| (Safe::fixed(key), word))
                .collect();
        }
        Overlay::Output(_) => &[("Space", "page"), ("y", "copy"), ("Esc", "close")],
        Overlay::Outbox(list) => list.hints(),
        Overlay::Activity(_) => &[
            ("r", "try again"),
            ("x", "take back"),
            ("Enter", "more"),
            ("Esc", "close"),
        ],
    };
    keys.iter()
        .map(|(key, label)| (Safe::fixed(key), *label))
        .collect()
}

/// The keys that work in a line that is asked for.
const fn of_prompt(kind: PromptKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        PromptKind::Search => &[
            ("Enter", "keep these"),
            ("Esc", "show all again"),
            ("Up", "earlier searches"),
        ],
        PromptKind::Rule => &[("Enter", "select"), ("Esc", "close"), ("Up", "earlier")],
        PromptKind::Tags => &[("Enter", "set"), ("Tab", "complete"), ("Esc", "close")],
        PromptKind::Command => &[("Enter", "do it"), ("Tab", "complete"), ("Esc", "close")],
        PromptKind::NewFolder(_) => &[
            ("Enter", "make it"),
            ("Tab", "complete"),
            ("Ctrl-W", "drop a level"),
            ("Esc", "close"),
        ],
        PromptKind::Pipe => &[("Enter", "run it"), ("Up", "earlier"), ("Esc", "close")],
        PromptKind::FindHere => &[
            ("Enter", "go there"),
            ("Down", "next"),
            ("Up", "previous"),
            ("Esc", "close"),
        ],
        PromptKind::Find => &[
            ("Down", "next"),
            ("Up", "previous"),
            ("Enter", "stay there"),
            ("Esc", "close"),
        ],
        PromptKind::Later => &[("Enter", "send then"), ("Esc", "close")],
        PromptKind::Attach => &[("Enter", "attach"), ("Tab", "complete"), ("Esc", "close")],
        PromptKind::RenameFolder(_) => &[
            ("Enter", "rename"),
            ("Ctrl-W", "drop a level"),
            ("Esc", "close"),
        ],
    }
}

/// Places as many as fit. Of a pane, the last two always stay: they lead to all others.
fn fit(all: &[Entry], keeps_last: bool, cols: u16) -> Vec<Hint> {
    let width = |entry: &Entry| {
        let key = columns(entry.0.as_str());
        key + columns(entry.1) + usize::from(key > 0)
    };
    let kept = if keeps_last { all.len().min(2) } else { 0 };
    let (others, last) = all.split_at_checked(all.len() - kept).unwrap_or((all, &[]));
    let gap = 2;
    let last_width: usize = last.iter().map(|e| width(e) + gap).sum();
    let mut room = usize::from(cols).saturating_sub(1 + last_width);
    let mut shown: Vec<&Entry> = Vec::new();
    for entry in others {
        let needed = width(entry) + gap;
        if needed > room {
            break;
        }
        room -= needed;
        shown.push(entry);
    }
    shown.extend(last);
    let mut x = 1;
    let mut placed = Vec::new();
    for entry in shown {
        let w = width(entry);
        if x + w > usize::from(cols) {
            break;
        }
        let chord = Chord::parse(entry.0.as_str());
        placed.push(Hint {
            x: u16::try_from(x).unwrap_or(u16::MAX),
            w: u16::try_from(w).unwrap_or(u16::MAX),
            key: entry.0.clone(),
            label: Safe::fixed(entry.1),
            press: chord.map(|c| c.keys().to_vec()).unwrap_or_default(),
        });
        x += w + gap;
    }
    placed
}
