//! One line of text being typed: cursor, deletion by word, history.
//!
//! Used by prompts and by everything that filters while one types. The text must never hold a
//! character that is not clean: what comes in goes through [`Safe`] first.

use crate::model::Safe;
use unicode_segmentation::UnicodeSegmentation;

use super::{Code, Key};

/// How many characters a line may have.
const CHARS_MAX: usize = 1000;

/// A line under edit: the text before the cursor and the text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    before: String,
    after: String,
    chars_max: usize,
}

impl Default for Edit {
    fn default() -> Self {
        Self {
            before: String::new(),
            after: String::new(),
            chars_max: CHARS_MAX,
        }
    }
}

impl Edit {
    /// A line with that text and the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut edit = Self::default();
        edit.insert(text);
        edit
    }

    /// The same, for a line that may be so long.
    #[must_use]
    pub fn long(text: &str, chars_max: usize) -> Self {
        let mut edit = Self {
            chars_max,
            ..Self::default()
        };
        edit.insert(text);
        edit
    }

    /// The same with that text behind the cursor.
    #[must_use]
    pub fn followed_by(mut self, text: &str) -> Self {
        let before = std::mem::take(&mut self.before);
        self.insert(text);
        self.after = std::mem::replace(&mut self.before, before);
        self
    }

    /// The bytes of the text.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// The text left of the cursor, for the screen.
    #[must_use]
    pub fn before(&self) -> Safe {
        Safe::line(&self.before)
    }

    /// The text from the cursor on, for the screen.
    #[must_use]
    pub fn after(&self) -> Safe {
        Safe::line(&self.after)
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// Puts text in at the cursor, made clean.
    pub fn insert(&mut self, text: &str) {
        let used = self.before.chars().count() + self.after.chars().count();
        let room = self.chars_max.saturating_sub(used);
        self.before
            .extend(Safe::line(text).as_str().chars().take(room));
    }

    /// Replaces the last word before the cursor.
    pub fn complete(&mut self, word: &str) {
        while self.before.chars().next_back().is_some_and(|c| c != ' ') {
            self.before.pop();
        }
        self.insert(word);
    }

    /// Deletes the last level before the cursor of a name whose levels are separated so.
    pub fn drop_level(&mut self, delimiter: Option<char>) {
        let Some(delimiter) = delimiter else {
            self.before.clear();
            return;
        };
        let kept = self.before.strip_suffix(delimiter).unwrap_or(&self.before);
        let kept = kept
            .rfind(delimiter)
            .map_or(0, |at| at + delimiter.len_utf8());
        self.before.truncate(kept);
    }

    /// The word that is being typed: what stands between the last blank and the cursor.
    #[must_use]
    pub fn word(&self) -> &str {
        self.before.rsplit(' ').next().unwrap_or_default()
    }

    /// Takes the key if it edits the line. `false`: it means something else.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        let is = |code| key.is(code);
        if is(Code::Backspace) || key.is_ctrl('h') {
            pop_back(&mut self.before);
        } else if is(Code::Delete) || key.is_ctrl('d') {
            pop_front(&mut self.after);
        } else if is(Code::Left) || key.is_ctrl('b') {
            let cluster = pop_back(&mut self.before);
            self.after.insert_str(0, &cluster);
        } else if is(Code::Right) || key.is_ctrl('f') {
            let cluster = pop_front(&mut self.after);
            self.before.push_str(&cluster);
        } else if is(Code::Home) || key.is_ctrl('a') {
            self.after.insert_str(0, &std::mem::take(&mut self.before));
        } else if is(Code::End) || key.is_ctrl('e') {
            self.before.push_str(&std::mem::take(&mut self.after));
        } else if key.is_ctrl('u') {
            self.before.clear();
        } else if key.is_ctrl('k') {
            self.after.clear();
        } else if key.is_ctrl('w') || key == Key::new(Code::Backspace, false, true, false) {
            pop_word(&mut self.before);
        } else if key.is_alt('b') || key == Key::new(Code::Left, true, false, false) {
            let word = pop_word(&mut self.before);
            self.after.insert_str(0, &word);
        } else if key.is_alt('f') || key == Key::new(Code::Right, true, false, false) {
            let word = pop_word_front(&mut self.after);
            self.before.push_str(&word);
        } else {
            return false;
        }
        true
    }
}

fn pop_back(text: &mut String) -> String {
    let cluster = text.graphemes(true).next_back().unwrap_or("").to_owned();
    text.truncate(text.len() - cluster.len());
    cluster
}

fn pop_front(text: &mut String) -> String {
    let cluster = text.graphemes(true).next().unwrap_or("").to_owned();
    text.drain(..cluster.len());
    cluster
}

fn pop_word(text: &mut String) -> String {
    let kept = text.trim_end();
    let kept = kept.trim_end_matches(|c: char| !c.is_whitespace()).len();
    text.split_off(kept)
}

fn pop_word_front(text: &mut String) -> String {
    let blank = text.len() - text.trim_start().len();
    let word = text
        .trim_start()
        .find(char::is_whitespace)
        .map_or(text.len(), |n| n + blank);
    let rest = text.split_off(word);
    std::mem::replace(text, rest)
}

/// What was entered before, latest last, and where one is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct History {
    lines: Vec<String>,
    back: usize,
}

impl History {
    /// Keeps a line; a line entered again moves to the end.
    pub(super) fn push(&mut self, line: &str) {
        self.back = 0;
        if line.trim().is_empty() {
            return;
        }
        self.lines.retain(|l| l != line);
        self.lines.push(line.to_owned());
        if self.lines.len() > 100 {
            self.lines.remove(0);
        }
    }

    /// The line before (`true`) or after the one that was given last.
    pub(super) fn step(&mut self, is_back: bool) -> Option<&str> {
        let back = if is_back {
            (self.back + 1).min(self.lines.len())
        } else {
            self.back.saturating_sub(1)
        };
        self.back = back;
        if back == 0 {
            return (!self.lines.is_empty()).then_some("");
        }
        self.lines.get(self.lines.len() - back).map(String::as_str)
    }

    /// The latest line.
    #[must_use]
    pub(super) fn last(&self) -> Option<&str> {
        self.lines.last().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Chord;

    fn typed(edit: &mut Edit, keys: &str) {
        for word in keys.split(' ') {
            for key in Chord::parse(word).unwrap().keys() {
                edit.key(*key);
            }
        }
    }

    #[test]
    fn the_cursor_moves_over_whole_characters_as_people_see_them() {
        let mut edit = Edit::new("a👩\u{200d}👧e\u{301}");
        typed(&mut edit, "left left x backspace backspace");
        assert_eq!(edit.text(), "👩\u{200d}👧e\u{301}");
        typed(&mut edit, "delete end backspace");
        assert_eq!(edit.text(), "");
    }

    #[test]
    fn words_go_as_a_whole() {
        let mut edit = Edit::new("from:ann is:unread  plan ");
        typed(&mut edit, "ctrl-w");
        assert_eq!(edit.text(), "from:ann is:unread  ");
        typed(&mut edit, "ctrl-w alt-b");
        assert_eq!(edit.before().as_str(), "");
        typed(&mut edit, "alt-f");
        assert_eq!(edit.before().as_str(), "from:ann");
    }

    #[test]
    fn pasted_controls_cannot_enter_the_line() {
        let mut edit = Edit::default();
        edit.insert("a\x1b[2J\nb");
        assert_eq!(edit.text(), "a␛[2J b");
    }

    #[test]
    fn history_goes_back_and_forth_and_holds_each_line_once() {
        let mut history = History::default();
        for line in ["one", "two", "one"] {
            history.push(line);
        }
        assert_eq!(history.step(true), Some("one"));
        assert_eq!(history.step(true), Some("two"));
        assert_eq!(history.step(true), Some("two"));
        assert_eq!(history.step(false), Some("one"));
        assert_eq!(history.step(false), Some(""));
    }
}
