//! What the user may set about the front, as plain values.
//!
//! Filled by `run` from the configuration. Nothing here may read a clock, a file or the
//! environment: the local time offset and the query parser come in as functions.

use super::LayoutMode;
use crate::bus::Form;
use crate::model::{Query, QueryError, Term};

/// Which colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Colours {
    /// For a dark terminal.
    #[default]
    Dark,
    /// For a light terminal.
    Light,
    /// None at all: weight, underline and reversal only (`NO_COLOR`).
    None,
}

impl Colours {
    /// All, in the order in which a key cycles through them.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::None];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::None => "none",
        }
    }

    /// The colours of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// How pictures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pictures {
    /// Not at all: a line says what there is.
    #[default]
    Off,
    /// As blocks of two colours in a cell.
    Blocks {
        /// Whether the terminal knows all colours; else it knows 256.
        is_true: bool,
    },
    /// By kitty's protocol, where cells say what they show.
    Kitty,
    /// By kitty's protocol, laid over cells: for terminals that know only that.
    KittyPlaced,
    /// By iTerm2's protocol.
    Iterm2,
    /// As sixels.
    Sixel,
}

/// How dates are written in lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DateStyle {
    /// `10:32` today, `Apr 05` this year, else `2025-11-02`.
    #[default]
    Short,
    /// Always `2025-11-02`, with the time where there is room.
    Iso,
}

/// A set of default keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Preset {
    /// The keys of the action table.
    #[default]
    Vim,
    /// Those, with what mutt users press.
    Mutt,
    /// Those, with what Gmail users press.
    Gmail,
    /// Those, with what alpine users press.
    Alpine,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 4] = [Self::Vim, Self::Mutt, Self::Gmail, Self::Alpine];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vim => "vim",
            Self::Mutt => "mutt",
            Self::Gmail => "gmail",
            Self::Alpine => "alpine",
        }
    }

    /// The preset of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

/// The user's keys for one action in one context (`[keys.list]` and so on).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOverride {
    /// `list`, `reader`, `sidebar`, or `all`.
    pub context: String,
    /// The action's id.
    pub action: String,
    /// Its chords there, instead of the preset's; empty: none.
    pub chords: Vec<String>,
}

/// The size of a cell where nobody tells it.
const CELL_PX: (u16, u16) = (8, 16);

/// Reads a query, given today as days since 1970 in local time.
pub type ParseQuery = fn(&str, i32) -> Result<Query, QueryError>;

/// Everything about the front that can be set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Colours.
    pub colours: Colours,
    /// Whether only ASCII is used for lines and marks.
    pub is_ascii: bool,
    /// Whether plain lines are drawn, for a screen reader.
    pub is_linear: bool,
    /// Dates in lists.
    pub date_style: DateStyle,
    /// Which form of a message is shown where it has two.
    pub prefer: Form,
    /// Seconds after which a message in the preview counts as read; one opened in the reader counts
    /// at once. `None`: never by itself.
    pub mark_read_after: Option<u32>,
    /// Where the preview goes.
    pub layout: LayoutMode,
    /// Whether messages are grouped by thread at the start.
    pub has_threads: bool,
    /// Whether a thread is read as one conversation.
    pub has_conversation: bool,
    /// Whether new mail rings.
    pub has_bell: bool,
    /// Whether the preview explains the first keys until one is pressed.
    pub has_tour: bool,
    /// How pictures are shown.
    pub pictures: Pictures,
    /// The width and height of a cell in pixels.
    pub cell_px: (u16, u16),
    /// The default keys.
    pub preset: Preset,
    /// The user's own keys.
    pub key_overrides: Vec<KeyOverride>,
    /// Local time minus UTC in minutes at a moment (seconds since 1970).
    pub utc_offset_mins: fn(i64) -> i32,
    /// The folder of templates.
    pub templates: Option<String>,
    /// The programs that print, with their arguments; the first that is there does.
    pub printers: Vec<Vec<String>>,
    /// Whether a program of the user's fills the clipboard.
    pub has_copy_command: bool,
    /// The query language.
    pub parse_query: ParseQuery,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            colours: Colours::default(),
            is_ascii: false,
            is_linear: false,
            date_style: DateStyle::default(),
            prefer: Form::Auto,
            mark_read_after: Some(2),
            layout: LayoutMode::default(),
            has_threads: true,
            has_conversation: false,
            has_bell: false,
            has_tour: false,
            pictures: Pictures::default(),
            cell_px: CELL_PX,
            preset: Preset::default(),
            key_overrides: Vec::new(),
            utc_offset_mins: |_| 0,
            templates: None,
            printers: Vec::new(),
            has_copy_command: false,
            parse_query: every_word,
        }
    }
}

/// The simplest query language: every word must occur.
///
/// # Errors
/// None; the type is that of [`ParseQuery`].
pub fn every_word(text: &str, _today: i32) -> Result<Query, QueryError> {
    let words = text
        .split_whitespace()
        .map(|word| Query::Term(Term::Text(word.to_owned())));
    Ok(Query::And(words.collect()))
}
