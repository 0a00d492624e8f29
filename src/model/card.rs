//! What Pillarbox itself says of a message, in its own frame: reports, lists, senders, seals, invites.
//!
//! Made by `mime::cards`, kept in [`super::Reading`], drawn by `ui` between headers and text. A card
//! must never stand where the sender's words stand, or a message could write one itself.

use super::{Address, PartId, Safe};

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
    /// A line of that tone; what steers a terminal is made clean.
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
    /// An invitation.
    Invite(Box<InviteCard>),
    /// A list that the message came from. Its line is for the command line: on the screen the line
    /// of facts has the key.
    List(Box<ListCard>),
}

/// How somebody stands to an event (RFC 5545 section 3.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartStat {
    /// Not answered.
    #[default]
    NeedsAction,
    /// Will come.
    Accepted,
    /// Will perhaps come.
    Tentative,
    /// Will not come.
    Declined,
    /// Sends somebody else.
    Delegated,
}

impl PartStat {
    /// As it is kept.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NeedsAction => "needs-action",
            Self::Accepted => "accepted",
            Self::Tentative => "tentative",
            Self::Declined => "declined",
            Self::Delegated => "delegated",
        }
    }

    /// The one of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::NeedsAction,
            Self::Accepted,
            Self::Tentative,
            Self::Declined,
            Self::Delegated,
        ];
        all.into_iter().find(|state| state.word() == word)
    }
}

/// Somebody who invites or is invited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// Who.
    pub address: Address,
    /// How they stand to it.
    pub state: PartStat,
}

/// An invitation: what is needed to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteCard {
    /// The event.
    pub uid: String,
    /// Which one of a recurring event; empty: all.
    pub recurrence: String,
    /// Whom an answer goes to, as shown.
    pub organizer: Safe,
    /// Whether one is invited and asked.
    pub can_answer: bool,
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

impl Card {
    /// Whether it tells of a mailing list, which takes no line of its own.
    #[must_use]
    pub const fn is_list(&self) -> bool {
        matches!(self.kind, CardKind::List(_))
    }
}
