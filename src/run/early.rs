//! What was typed while the terminal was asked what it is, before the keyboard was read.
//!
//! Called by `run` at the start. Only what is surely a key or a paste is taken; answers of the terminal
//! and all other sequences must never become keys.

use crate::app::{Code, Input, Key};
use std::time::Duration;

const ESC: u8 = 0x1b;
/// After so long the rest of an answer that was cut does not come any more.
const REST_MAX: Duration = Duration::from_secs(3);
/// No string that is an answer has more characters.
const STRING_MAX: u8 = 64;

/// Whether these bytes end amid what may be an answer: more of it is about to come.
#[must_use]
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    let Some(from) = bytes.iter().rposition(|b| *b == ESC) else {
        return false;
    };
    match bytes.get(from + 1..).unwrap_or_default() {
        [] => true,
        [b'[', rest @ ..] => !rest.iter().any(|b| (0x40..=0x7e).contains(b)),
        _ => false,
    }
}

/// What the terminal has still to say, which would be taken for keys: the rest of an answer whose beginning
/// came before the keyboard was read, and strings (DCS, OSC) that are late.
#[derive(Debug, Default)]
pub(super) struct Rest {
    is_owed: bool,
    are_strings_owed: bool,
    /// How much more of a string may come; 0: none has begun.
    of_string: u8,
}

impl Rest {
    /// What is still to come after these bytes. Strings, too, where they were asked for in vain.
    #[must_use]
    pub(super) fn after(bytes: &[u8], are_strings_owed: bool) -> Self {
        // A single ESC may be a key; whoever asked has waited for what belongs to it.
        let is_cut = is_cut(bytes) && bytes.last() != Some(&ESC);
        Self {
            is_owed: is_cut,
            are_strings_owed,
            of_string: if are_strings_owed && is_in_string(bytes) {
                STRING_MAX
            } else {
                0
            },
        }
    }

    /// Whether that is a piece of an answer, and no input of the user's, so long after the start.
    pub(super) fn takes(&mut self, input: &Input, since: Duration) -> bool {
        // It comes soon or never.
        if since >= REST_MAX {
            *self = Self::default();
        }
        let Input::Key(key) = input else {
            return false;
        };
        if self.are_strings_owed {
            let is = |c| *key == Key::new(Code::Char(c), false, true, false);
            let is_bell = *key == Key::new(Code::Char('g'), true, false, false);
            if self.of_string > 0 {
                let is_end = is_bell || is('\\');
                self.of_string = if is_end { 0 } else { self.of_string - 1 };
                return true;
            }
            if is(']') || is('P') {
                self.of_string = STRING_MAX;
                return true;
            }
        }
        let typed = key.typed().filter(|_| self.is_owed);
        let is_piece = typed.is_some_and(|c| c.is_ascii_digit() || matches!(c, ';' | '?' | 'c'));
        self.is_owed = is_piece && typed != Some('c');
        is_piece
    }
}

/// Whether these bytes end within a string of the terminal's.
fn is_in_string(bytes: &[u8]) -> bool {
    let begins = |pair: &[u8]| matches!(pair, [ESC, b']' | b'P']);
    let Some(from) = bytes.windows(2).rposition(begins) else {
        return false;
    };
    let rest = bytes.get(from + 2..).unwrap_or_default();
    !rest.contains(&0x07) && !rest.contains(&ESC)
}

/// The inputs that these bytes stand for.
pub(super) fn inputs(bytes: &[u8]) -> Vec<Input> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let (input, left) = match (*first, after.first()) {
            (ESC, Some(b'[')) => sequence(after.get(1..).unwrap_or_default()),
            (ESC, Some(b'O')) => {
                let key = after.get(1).and_then(|last| named(b"", *last));
                (key, after.get(2..).unwrap_or_default())
            }
            (ESC, Some(c)) if c.is_ascii_graphic() => {
                let key = Key::new(Code::Char(char::from(*c)), false, true, false);
                let left = after.get(1..).unwrap_or_default();
                (Some(Input::Key(key)), left)
            }
            _ => plain(rest),
        };
        all.extend(input);
        rest = left;
    }
    all
}

/// What follows `ESC [`.
fn sequence(bytes: &[u8]) -> (Option<Input>, &[u8]) {
    let end = bytes.iter().position(|b| (0x40..=0x7e).contains(b));
    // One that is cut off is none.
    let Some((parameters, [last, left @ ..])) = end.and_then(|n| bytes.split_at_checked(n)) else {
        return (None, &[]);
    };
    if (parameters, *last) == (b"200", b'~') {
        return pasted(left);
    }
    (named(parameters, *last), left)
}

/// A paste up to its end; without one it is not known what else it would have been.
fn pasted(bytes: &[u8]) -> (Option<Input>, &[u8]) {
    const END: &[u8] = b"\x1b[201~";
    let Some(end) = bytes.windows(END.len()).position(|w| w == END) else {
        return (None, &[]);
    };
    let text = bytes.get(..end).unwrap_or_default();
    let left = bytes.get(end + END.len()..).unwrap_or_default();
    let text = String::from_utf8_lossy(text).into_owned();
    (Some(Input::Paste(text)), left)
}

/// A key that sends a sequence.
fn named(parameters: &[u8], last: u8) -> Option<Input> {
    let code = match (parameters, last) {
        (b"", b'A') => Code::Up,
        (b"", b'B') => Code::Down,
        (b"", b'C') => Code::Right,
        (b"", b'D') => Code::Left,
        (b"", b'H') | (b"1" | b"7", b'~') => Code::Home,
        (b"", b'F') | (b"4" | b"8", b'~') => Code::End,
        (b"2", b'~') => Code::Insert,
        (b"3", b'~') => Code::Delete,
        (b"5", b'~') => Code::PageUp,
        (b"6", b'~') => Code::PageDown,
        _ => return None,
    };
    Some(Input::Key(Key::plain(code)))
}

/// A key that sends what it says.
fn plain(bytes: &[u8]) -> (Option<Input>, &[u8]) {
    let key = |code| Some(Input::Key(Key::plain(code)));
    let Some((first, after)) = bytes.split_first() else {
        return (None, &[]);
    };
    match *first {
        b'\r' | b'\n' => (key(Code::Enter), after),
        b'\t' => (key(Code::Tab), after),
        0x08 | 0x7f => (key(Code::Backspace), after),
        ESC => (key(Code::Esc), after),
        control @ 1..=26 => {
            let letter = Code::Char(char::from(control - 1 + b'a'));
            let pressed = Key::new(letter, true, false, false);
            (Some(Input::Key(pressed)), after)
        }
        _ => {
            let found = (1..=4).find_map(|n| {
                let (c, left) = bytes.split_at_checked(n)?;
                // The shortest text there is, is one character.
                let c = std::str::from_utf8(c).ok()?.chars().next()?;
                Some(((!c.is_control()).then(|| key(Code::Char(c)))?, left))
            });
            found.unwrap_or((None, after))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<String> {
        let all = inputs(bytes).into_iter();
        all.map(|input| match input {
            Input::Key(key) => crate::app::Chord::of(vec![key]).to_string(),
            Input::Paste(text) => format!("paste {text}"),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn keys_around_an_answer_of_the_terminal_are_taken_and_the_answer_is_none() {
        assert_eq!(keys(b"jj\x1b[?62;4cG"), ["j", "j", "G"]);
        assert_eq!(keys(b"\x1b[?62;4"), [""; 0]);
        assert_eq!(keys("ü日".as_bytes()), ["ü", "日"]);
        assert_eq!(keys(b"\x1b[B\x1bOA\x1b[6~"), ["Down", "Up", "PgDn"]);
        assert_eq!(keys(b"\r\x0b"), ["Enter", "Ctrl-K"]);
        assert_eq!(keys(b"d\x1b"), ["d", "Esc"]);
    }

    #[test]
    fn a_paste_and_what_else_a_terminal_says_become_no_keys() {
        assert_eq!(keys(b"\x1b[200~dd\x1b[201~j"), ["paste dd", "j"]);
        assert_eq!(keys(b"j\x1b[200~dd"), ["j"]);
        assert_eq!(keys(b"\x1b[I\x1b[<0;3;4M\x1b[<0;3;4mx"), ["x"]);
        assert_eq!(keys(b"\xff\xfej"), ["j"]);
    }

    #[test]
    fn the_rest_of_an_answer_that_was_cut_is_no_key_and_what_follows_it_is_one() {
        let pressed_at = |rest: &mut Rest, typed: &[u8], since: Duration| -> String {
            let all = inputs(typed).into_iter();
            let keys = all
                .filter(|input| !rest.takes(input, since))
                .map(|i| match i {
                    Input::Key(key) => crate::app::Chord::of(vec![key]).to_string(),
                    other => panic!("{other:?}"),
                });
            keys.collect()
        };
        let pressed = |rest: &mut Rest, typed: &[u8]| pressed_at(rest, typed, Duration::ZERO);
        for cut in [
            &b"\x1b["[..],
            b"j\x1b[?",
            b"\x1b[?6",
            b"\x1b[?62;",
            b"\x1b[?62;4",
        ] {
            assert!(is_cut(cut));
            let mut rest = Rest::after(cut, false);
            assert_eq!(pressed(&mut rest, b"2;22cc5j"), "c5j");
        }
        // What cannot be of it ends it.
        assert_eq!(pressed(&mut Rest::after(b"\x1b[?62", false), b"j5c"), "j5c");
        for whole in [&b"jj\x1b[?62;4c"[..], b"5", b"", b"\x1b[B"] {
            assert!(!is_cut(whole));
            assert_eq!(pressed(&mut Rest::after(whole, true), b"5c"), "5c");
        }
        // A string that is late, whole or after its beginning.
        let colour = b"j\x1b]11;rgb:ffff/ffff/ffff\x1b\\k\x1bP>|term(1)\x1b\\l";
        let mut rest = Rest::after(b"\x1b[?62;4c", true);
        assert_eq!(pressed(&mut rest, colour), "jkl");
        let mut rest = Rest::after(b"\x1b[?62;4c\x1b]11;rg", true);
        assert_eq!(pressed(&mut rest, b"b:ffff/ff\x07rd"), "rd");
        let mut rest = Rest::after(b"", false);
        assert_eq!(pressed(&mut rest, b"\x1b]1"), "Alt-]1");
        let mut late = Rest::after(b"\x1b[?62", false);
        assert_eq!(pressed_at(&mut late, b"5c", Duration::from_secs(5)), "5c");
    }
}
