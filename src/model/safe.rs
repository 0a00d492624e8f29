//! Text that may reach the terminal: the one place where text from outside is made clean.
//!
//! Every string from a mail, a server, a file name or a configuration becomes `Safe` here before
//! `ui` or `cli` prints it. A `Safe` value must never hold a C0 or C1 control, DEL, a bidirectional
//! override or isolate, a line separator, an invisible tag or more than eight marks on one base.

use std::fmt;

/// The longest run of combining marks that is kept on one base character.
const MARKS_MAX: usize = 8;

/// Text without any character that could steer a terminal or deceive the eye. One line: no breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Safe(String);

impl Safe {
    /// Makes one safe line of `text`: breaks and tabs become blanks, other controls become visible
    /// marks, bidirectional controls become `‹›`-style marks, invisible characters vanish.
    #[must_use]
    pub fn line(text: &str) -> Self {
        if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Self(text.to_owned());
        }
        let mut out = String::with_capacity(text.len());
        let mut marks = 0usize;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if is_mark(c) {
                marks += 1;
                if marks <= MARKS_MAX {
                    out.push(c);
                }
                continue;
            }
            marks = 0;
            match c {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push(' '),
                _ => push_clean(&mut out, c),
            }
        }
        Self(out)
    }

    /// Makes safe lines of `text`, one for each line of it.
    pub fn lines(text: &str) -> impl Iterator<Item = Self> + '_ {
        text.lines().map(Self::line)
    }

    /// A text of our own, known to be clean when it is written.
    #[must_use]
    pub fn fixed(text: &'static str) -> Self {
        Self::line(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Joins safe pieces; what is safe stays safe.
    #[must_use]
    pub fn join(parts: &[Self], between: &'static str) -> Self {
        let parts: Vec<&str> = parts.iter().map(Self::as_str).collect();
        Self(parts.join(Self::fixed(between).as_str()))
    }
}

/// Combining marks that can pile up: the blocks used for floods, not every mark of every script
/// (Indic and Arabic marks are counted too, and eight of them on one base never occur).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{200d}')
}

fn push_clean(out: &mut String, c: char) {
    match c {
        // C0 and DEL have pictures of their own; C1 shares one.
        '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
        '\x7f' => out.push('\u{2421}'),
        '\u{80}'..='\u{9f}' => out.push('\u{fffd}'),
        // Direction marks, embeddings, overrides and isolates: shown, so that a forged name is seen.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            out.push('\u{2426}');
        }
        // Invisible: soft hyphen, zero-width space and non-joiner, word joiner and invisible
        // operators, byte order mark, fillers, interlinear marks, variation and language tags.
        '\u{ad}'
        | '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'
        | '\u{200c}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => {}
        _ => out.push(c),
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_reaches_the_screen_but_each_is_seen() {
        let safe = Safe::line("a\x1b[31mb\x07\u{9b}2Jc\x7f\r\nd\te\0");
        assert_eq!(safe.as_str(), "a␛[31mb␇\u{fffd}2Jc␡ d e␀");
    }

    #[test]
    fn direction_overrides_are_marked_and_invisible_characters_vanish() {
        assert_eq!(
            Safe::line("moc.\u{202e}evil\u{2066}x").as_str(),
            "moc.␦evil␦x"
        );
        assert_eq!(
            Safe::line("pay\u{200b}pal\u{feff}\u{e0041}").as_str(),
            "paypal"
        );
    }

    #[test]
    fn a_flood_of_marks_is_cut_and_ordinary_accents_and_emoji_stay() {
        let flood: String = std::iter::once('e')
            .chain(std::iter::repeat_n('\u{301}', 50))
            .collect();
        assert_eq!(Safe::line(&flood).as_str().chars().count(), 1 + MARKS_MAX);
        assert_eq!(
            Safe::line("e\u{301} 👩\u{200d}👧 日本").as_str(),
            "e\u{301} 👩\u{200d}👧 日本"
        );
    }
}
