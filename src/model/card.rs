//! What Pillarbox itself says of a message, in its own frame: reports, lists, senders, seals, invites.
//!
//! Made by `mime::cards`, kept in [`super::Reading`], drawn by `ui` between headers and text. A card
//! must never stand where the sender's words stand, or a message could write one itself.

use super::{PartId, Safe};

/// How a line of a card is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// A fact.
    #[default]
    Plain,
    /// What the card is about.
    Strong,
    /// A detail.
    Dim,
    /// Something that was checked and is right.
    Good,
    /// Something to be careful about.
    Warning,
}

/// One line of a card, before it is wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardLine {
    /// The words.
    pub text: Safe,
    /// How they are meant.
    pub tone: Tone,
    /// The action whose key stands behind them; empty: none.
    pub action: &'static str,
}

impl CardLine {
    /// A line of that tone; what is outside of ASCII or steers a terminal is made clean.
    #[must_use]
    pub fn new(tone: Tone, text: &str) -> Self {
        Self {
            text: Safe::line(text),
            tone,
            action: "",
        }
    }

    /// The same with the key of an action behind it.
    #[must_use]
    pub fn with(mut self, action: &'static str) -> Self {
        self.action = action;
        self
    }
}

/// What a card is about, and what its actions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardKind {
    /// A report of delivery or reading; with the part that holds the message it is about.
    Report(Option<PartId>),
    /// The sender: what was proved, and what does not fit.
    Sender,
    /// What is signed or encrypted, and what is known of it.
    Seal,
    /// A list that the message came from. Its line is for the command line: on the screen the line
    /// of facts has the key.
    List(Box<ListCard>),
}

/// A list, and how to leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCard {
    /// What it calls itself; may be empty.
    pub name: Safe,
    /// How to leave it, where it says so.
    pub way: Option<Leave>,
    /// Whether a signature that was proved covers the way; `None`: nothing was proved.
    pub is_signed: Option<bool>,
}

/// A way to leave a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// One request to that address (RFC 8058), which is an `https` one.
    OneClick {
        /// Where to.
        url: String,
        /// Its host, as shown.
        host: Safe,
    },
    /// A message.
    Mail {
        /// The `mailto:` link.
        url: String,
        /// Whom to, as shown.
        to: Safe,
    },
    /// A page for people.
    Page {
        /// Where it is.
        url: String,
        /// Its host, as shown.
        host: Safe,
    },
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What it is about.
    pub kind: CardKind,
    /// What it says.
    pub lines: Vec<CardLine>,
}
