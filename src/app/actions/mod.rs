//! Actions: everything a user can ask for, as rows of one table.
//!
//! Keys, hints, which-key, help, palette and the command line of the screen all come from
//! [`actions`]. An action must never be described anywhere else.

mod cards;
mod change;
mod copy;
mod filing;
mod find;
mod folders;
mod motion;
mod page;
mod pictures;
mod program;
mod read;
mod select;
mod table;
mod take;
mod tree;
mod view;
mod write;

#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod write_tests;

pub(crate) use copy::{choose_block, choose_link};
pub(crate) use find::{
    find_here, give_up_search, refresh as refresh_search, settle_search, step_in_prompt,
};
pub(crate) use motion::scroll;
pub(in crate::app) use page::{made as page_made, make as make_page};
pub(crate) use read::{ask_to_open, copy_link, enter};
pub(crate) use view::apply_filter;
pub(in crate::app) use write::templates_listed;

use super::{App, Effect};
use crate::model::Safe;

/// A pane that can have the keys; keys mean what they mean in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The message list.
    List,
    /// The message.
    Reader,
    /// The folders.
    Sidebar,
}

impl Context {
    /// Every context.
    pub const ALL: [Self; 3] = [Self::List, Self::Reader, Self::Sidebar];

    /// The name in the configuration and in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Reader => "reader",
            Self::Sidebar => "sidebar",
        }
    }

    /// The context of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::List => LIST,
            Self::Reader => READER,
            Self::Sidebar => SIDEBAR,
        }
    }
}

const LIST: u8 = 1;
const READER: u8 = 2;
const SIDEBAR: u8 = 4;
const MAIL: u8 = LIST | READER;
const ROWS: u8 = LIST | SIDEBAR;
const ALL: u8 = LIST | READER | SIDEBAR;

/// What an action is about: the headings of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Moving.
    Move,
    /// Going to folders.
    Folders,
    /// Reading.
    Read,
    /// Writing and sending.
    Write,
    /// Changing messages.
    Change,
    /// Selecting messages.
    Select,
    /// Changing folders.
    Tree,
    /// What is shown, and how.
    View,
    /// Sending and receiving.
    Sync,
    /// The program itself.
    Program,
}

impl Group {
    /// Every group, in the order of the help.
    pub const ALL: [Self; 10] = [
        Self::Move,
        Self::Folders,
        Self::Read,
        Self::Write,
        Self::Change,
        Self::Select,
        Self::Tree,
        Self::View,
        Self::Sync,
        Self::Program,
    ];

    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "Moving",
            Self::Folders => "Folders",
            Self::Read => "Reading",
            Self::Write => "Writing",
            Self::Change => "Changing messages",
            Self::Select => "Selecting",
            Self::Tree => "Changing folders",
            Self::View => "List and layout",
            Self::Sync => "Sending and receiving",
            Self::Program => "Program",
        }
    }
}

/// Whether an action can be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Yes,
    /// It cannot, and why: the rest of the sentence "not now: …". `{id}` stands for the key of the
    /// action of that name.
    No(&'static str),
}

/// A count typed before a key.
pub type Count = Option<u32>;

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// Its name for `:`, the configuration and scripts; never changes.
    pub id: &'static str,
    /// What it does, as a command to the program.
    pub title: &'static str,
    /// Its rank in the line of keys (1 first, 0 never) and the word for it there.
    pub hint: (u8, &'static str),
    /// Its heading in the help.
    pub group: Group,
    contexts: u8,
    /// Its default chords. `space@list` holds in that context only.
    pub keys: &'static [&'static str],
    /// Whether it can be done now.
    pub available: fn(&App) -> Availability,
    /// Does it.
    pub run: fn(&mut App, Count) -> Vec<Effect>,
    /// Further words it is found by.
    pub words: &'static str,
    /// Where its rank in the line of keys holds.
    hinted: u8,
    /// What it would do now, where that says more than the title.
    now: Option<fn(&App) -> Option<Safe>>,
}

impl Action {
    /// Whether it exists in that context.
    #[must_use]
    pub const fn is_in(&self, context: Context) -> bool {
        self.contexts & context.bit() != 0
    }

    /// Its rank in the line of keys of that context; 0: never there.
    #[must_use]
    pub const fn rank(&self, context: Context) -> u8 {
        if self.is_in(context) && self.hinted & context.bit() != 0 {
            self.hint.0
        } else {
            0
        }
    }

    /// What it would do now.
    #[must_use]
    pub fn title_now(&self, app: &App) -> Safe {
        let now = self.now.and_then(|now| now(app));
        now.unwrap_or_else(|| Safe::fixed(self.title))
    }

    /// The word for what it would do now, in the line of keys.
    #[must_use]
    pub(super) fn word_now(&self, app: &App) -> &'static str {
        if self.id == "open" && write::is_draft(app) {
            "write on"
        } else {
            self.hint.1
        }
    }

    /// The same, in the line of keys of these contexts only.
    const fn hinted(self, contexts: u8) -> Self {
        Self {
            hinted: contexts,
            ..self
        }
    }

    /// The same, with a title for now.
    const fn now(self, now: fn(&App) -> Option<Safe>) -> Self {
        Self {
            now: Some(now),
            ..self
        }
    }

    /// The contexts it exists in.
    pub fn contexts(&self) -> impl Iterator<Item = Context> + '_ {
        Context::ALL.into_iter().filter(|c| self.is_in(*c))
    }

    /// Its default chords in that context, as written in the table.
    pub fn keys_in(&self, context: Context) -> impl Iterator<Item = &'static str> {
        let is_in = self.is_in(context);
        self.keys.iter().filter_map(move |text| {
            // A lone `@` is a key, not a mark.
            let (chord, place) = match text.split_once('@') {
                Some((chord, place)) if !chord.is_empty() => (chord, Some(place)),
                _ => (*text, None),
            };
            let holds = place.is_none_or(|place| place == context.name());
            (is_in && holds).then_some(chord)
        })
    }
}

/// The table: every action, in the order of the help.
#[must_use]
pub const fn actions() -> &'static [Action] {
    table::TABLE
}

/// The action of that name, and its index in the table.
#[must_use]
pub fn find(id: &str) -> Option<(usize, &'static Action)> {
    actions().iter().enumerate().find(|(_, a)| a.id == id)
}
