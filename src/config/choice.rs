//! The keys whose value is one of a few words.
//!
//! Used by the structs in `mod.rs`. The word of a choice must never change: it is in users' files.

use serde::{Deserialize, Serialize};

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// TLS from the first byte.
    #[default]
    Implicit,
    /// STARTTLS or STLS, required.
    Starttls,
    /// In clear.
    None,
}

/// How a connection to a directory is made safe where its URL does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LdapTls {
    /// StartTLS, required.
    #[default]
    Starttls,
    /// In clear.
    None,
}

/// Whether a copy of sent mail is put on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaveSent {
    /// Unless the provider does it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// As the terminal is, where it says so; else for a dark one.
    #[default]
    Auto,
    /// For a dark terminal.
    Dark,
    /// For a light terminal.
    Light,
    /// Without colour.
    None,
}

/// Where the preview is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// As the window's size allows.
    #[default]
    Auto,
    /// Beside the list, where it fits.
    Beside,
    /// Below the list, where it fits.
    Below,
    /// Nowhere: list and reader take turns.
    ListOnly,
}

/// How pictures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pictures {
    /// As well as the terminal can, as far as it can be told.
    #[default]
    Auto,
    /// By kitty's protocol.
    Kitty,
    /// By iTerm2's protocol.
    Iterm2,
    /// As sixels.
    Sixel,
    /// As blocks of two colours.
    Blocks,
    /// Not at all.
    Off,
}

/// How lists write dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dates {
    /// As short as the age allows.
    #[default]
    Short,
    /// In full, as ISO 8601 has it.
    Iso,
}

/// Which form of a message is shown, where it has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prefer {
    /// The plain text where it says anything, else the HTML.
    #[default]
    Auto,
    /// The plain text.
    Plain,
    /// The HTML.
    Html,
}

/// Which keys to start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keymap {
    /// Ours.
    #[default]
    Vim,
    /// As in mutt and neomutt.
    Mutt,
    /// As in Gmail's web pages.
    Gmail,
    /// As in alpine.
    Alpine,
}
