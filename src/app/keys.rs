//! Keys as this program names them, chords of them, and the text they are written in.
//!
//! `run` turns terminal events into [`Key`]s; `keymap` parses chords from the action table, the
//! presets and the configuration. A chord that is shown must never differ from what is dispatched.

use crate::model::Invalid;
use std::fmt;

/// What was pressed, without modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A character, in the case in which it arrives.
    Char(char),
    /// Enter or Return.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// A function key.
    F(u8),
}

/// The names of keys that are not written as themselves: as parsed, and as shown.
const NAMES: [(Code, &str, &str); 16] = [
    (Code::Char(' '), "space", "Space"),
    (Code::Enter, "enter", "Enter"),
    (Code::Esc, "esc", "Esc"),
    (Code::Tab, "tab", "Tab"),
    (Code::Backspace, "backspace", "Backspace"),
    (Code::Delete, "delete", "Delete"),
    (Code::Insert, "insert", "Insert"),
    (Code::Up, "up", "Up"),
    (Code::Down, "down", "Down"),
    (Code::Left, "left", "Left"),
    (Code::Right, "right", "Right"),
    (Code::PageUp, "pgup", "PgUp"),
    (Code::PageDown, "pgdn", "PgDn"),
    (Code::Home, "home", "Home"),
    (Code::End, "end", "End"),
    (Code::Enter, "return", "Enter"),
];

/// One key with its modifiers, in one normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    code: Code,
    has_ctrl: bool,
    has_alt: bool,
    has_shift: bool,
}

impl Key {
    /// A key in its normal form: shift is part of a character, control makes it lower case.
    #[must_use]
    pub fn new(code: Code, has_ctrl: bool, has_alt: bool, has_shift: bool) -> Self {
        let (code, has_shift) = match code {
            Code::Char(c) if has_ctrl => (Code::Char(c.to_ascii_lowercase()), false),
            Code::Char(c) => (Code::Char(c), false),
            other => (other, has_shift),
        };
        Self {
            code,
            has_ctrl,
            has_alt,
            has_shift,
        }
    }

    /// A key without modifiers.
    #[must_use]
    pub fn plain(code: Code) -> Self {
        Self::new(code, false, false, false)
    }

    /// What was pressed.
    #[must_use]
    pub const fn code(self) -> Code {
        self.code
    }

    /// The character that this key types, if it types one.
    #[must_use]
    pub const fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.has_ctrl && !self.has_alt => Some(c),
            _ => None,
        }
    }

    /// Whether it is that code with no modifier.
    #[must_use]
    pub fn is(self, code: Code) -> bool {
        self == Self::plain(code)
    }

    /// Whether it is control and that letter.
    #[must_use]
    pub fn is_ctrl(self, letter: char) -> bool {
        self == Self::new(Code::Char(letter), true, false, false)
    }

    /// Whether it is alt and that letter.
    #[must_use]
    pub fn is_alt(self, letter: char) -> bool {
        self == Self::new(Code::Char(letter), false, true, false)
    }

    /// Whether the key always keeps its meaning, whatever the configuration says.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        !self.has_ctrl
            && !self.has_alt
            && matches!(
                self.code,
                Code::Enter
                    | Code::Esc
                    | Code::Tab
                    | Code::Up
                    | Code::Down
                    | Code::Left
                    | Code::Right
                    | Code::PageUp
                    | Code::PageDown
                    | Code::Home
                    | Code::End
            )
    }

    /// The keys that one word of a chord stands for.
    fn parse_word(word: &str) -> Result<Vec<Self>, Invalid> {
        if let Some(code) = named(word) {
            return Ok(vec![Self::plain(code)]);
        }
        if let Some(key) = modified(word) {
            return Ok(vec![key]);
        }
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
        // Several letters are several keys (`gg`), but a long word is a name misspelt.
        if word.is_empty() || word.chars().count() > 3 || !word.chars().all(is_plain) {
            return Err(Invalid::new(
                word,
                "is not a key: write a character, ctrl-x, alt-x, shift-tab, space, enter, f1 or gg",
            ));
        }
        Ok(word.chars().map(|c| Self::plain(Code::Char(c))).collect())
    }
}

fn named(word: &str) -> Option<Code> {
    let lower = word.to_ascii_lowercase();
    if let Some(found) = NAMES.iter().find(|n| n.1 == lower) {
        return Some(found.0);
    }
    let number = lower.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then_some(Code::F(number))
}

fn modified(word: &str) -> Option<Key> {
    let (mut ctrl, mut alt, mut shift) = (false, false, false);
    let mut rest = word;
    loop {
        let (before, after) = rest.split_once('-')?;
        if after.is_empty() {
            return None;
        }
        match before {
            "C" | "c" => ctrl = true,
            "M" | "m" | "A" => alt = true,
            "S" | "s" => shift = true,
            _ => match before.to_ascii_lowercase().as_str() {
                "ctrl" => ctrl = true,
                "alt" => alt = true,
                "shift" => shift = true,
                _ => return None,
            },
        }
        rest = after;
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => Some(Code::Char(c)),
            _ => named(rest),
        };
        if let Some(code) = code {
            return Some(Key::new(code, ctrl, alt, shift));
        }
    }
}

/// As a person reads it: `Ctrl-K`, `PgDn`, `j`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.has_ctrl, "Ctrl-"),
            (self.has_alt, "Alt-"),
            (self.has_shift, "Shift-"),
        ];
        for (_, name) in parts.iter().filter(|p| p.0) {
            f.write_str(name)?;
        }
        if let Some(found) = NAMES.iter().find(|n| n.0 == self.code) {
            return f.write_str(found.2);
        }
        match self.code {
            Code::Char(c) if self.has_ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::F(n) => write!(f, "F{n}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// One or more keys in a row that together do something: `gg`, `ctrl-k`, `F n`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chord(Vec<Key>);

impl Chord {
    /// Reads a chord: words apart by blanks; `gg` is two keys, `ctrl-k` and `space` are one.
    ///
    /// # Errors
    /// Names the word that is not a key.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut keys = Vec::new();
        for word in text.split_whitespace() {
            keys.extend(Key::parse_word(word)?);
        }
        if keys.is_empty() || keys.len() > 4 {
            return Err(Invalid::new(
                text,
                "is not a key chord: one to four keys, such as j, gg or ctrl-k",
            ));
        }
        Ok(Self(keys))
    }

    /// A chord of keys that were pressed.
    #[must_use]
    pub const fn of(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.0
    }

    /// Whether it is one key that no configuration takes away.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self.0.as_slice(), [key] if key.is_fixed())
    }
}

/// As a person reads it: `gg`, `Ctrl-K`, `g Enter`.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_tight = self
            .0
            .iter()
            .all(|k| matches!(k.typed(), Some(c) if c != ' '));
        for (i, key) in self.0.iter().enumerate() {
            let gap = if i == 0 || is_tight { "" } else { " " };
            write!(f, "{gap}{key}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chord_is_shown_as_it_is_known_and_reads_back_the_same() {
        for (text, shown) in [
            ("j", "j"),
            ("gg", "gg"),
            ("g!", "g!"),
            ("F n", "Fn"),
            ("ctrl-k", "Ctrl-K"),
            ("C-K", "Ctrl-K"),
            ("M-1", "Alt-1"),
            ("shift-tab", "Shift-Tab"),
            ("space", "Space"),
            ("g space", "g Space"),
            ("f5", "F5"),
            ("PgDn", "PgDn"),
            ("-", "-"),
            ("\\", "\\"),
            ("ctrl-alt-x", "Ctrl-Alt-X"),
        ] {
            let chord = Chord::parse(text).unwrap();
            assert_eq!(chord.to_string(), shown, "{text}");
            assert_eq!(Chord::parse(&chord.to_string()).unwrap(), chord, "{shown}");
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused_with_its_name() {
        for text in ["", "ctrl-", "hyper-x", "entr", "a b c d e", "f0x99"] {
            let error = Chord::parse(text).unwrap_err().to_string();
            assert!(error.contains("is not a key"), "{text}: {error}");
        }
    }

    #[test]
    fn shift_is_part_of_a_character_and_control_ignores_case() {
        let g = Key::new(Code::Char('G'), false, false, true);
        assert_eq!(Chord::parse("G").unwrap().keys(), [g]);
        let k = Key::new(Code::Char('K'), true, false, true);
        assert!(k.is_ctrl('k'));
    }
}
