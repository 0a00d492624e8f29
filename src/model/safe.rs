//! Text that may reach the terminal: the one place where text from outside is made clean.
//!
//! Every string from a mail, a server, a file name or a configuration becomes `Safe` here before
//! `ui` or `cli` prints it. A `Safe` value must never hold a C0 or C1 control, DEL, a bidirectional
//! override or isolate, a line separator, an invisible tag or more than eight marks on one base.

use std::fmt;
use unicode_width::UnicodeWidthChar;

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
            if !is_joiner(c) && is_mark(c) {
                marks += 1;
                if marks <= MARKS_MAX {
                    out.push(c);
                }
                continue;
            }
            // A joiner needs a base as a mark does, and so does not begin a new count.
            marks = if is_joiner(c) { marks + 1 } else { 0 };
            if marks > MARKS_MAX {
                continue;
            }
            match c {
                NON_JOINER => {
                    let before = out.chars().next_back();
                    let after = chars.peek().copied();
                    if before.is_some_and(is_joined) && after.is_some_and(is_joined) {
                        out.push(c);
                    }
                }
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

/// Parts letters that would be written joined, as Persian orthography asks for.
const NON_JOINER: char = '\u{200c}';

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Letters and marks of scripts in which neighbours join: there, and nowhere else, a non-joiner between
/// two of them is seen.
const fn is_joined(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{669}' | '\u{66e}'..='\u{6ff}' | '\u{700}'..='\u{8ff}'
        | '\u{900}'..='\u{df4}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        | '\u{1820}'..='\u{18aa}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
        && !is_direction(c)
        && !is_dropped(c)
}

/// Whatever takes no column of its own and so can pile up on the character before it. The rule of
/// the width tables covers the marks of every script; eight on one base occur in none.
fn is_mark(c: char) -> bool {
    c >= '\u{300}' && !is_dropped(c) && !is_direction(c) && c.width() == Some(0)
}

/// Direction marks, embeddings, overrides and isolates.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Invisible: soft hyphen, zero-width space, a non-joiner where nothing joins, word joiner and invisible operators,
/// byte order mark, fillers, interlinear marks, variation and language tags.
const fn is_dropped(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200c}' | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether letters of alphabets that look alike stand side by side, as in `pаypal` with a Cyrillic
/// `а`. Han, kana, Hangul and the like mix with Latin in honest text and look like nothing else.
#[must_use]
pub fn mixes_scripts(text: &str) -> bool {
    let script = |c: char| match c {
        'a'..='z'
        | 'A'..='Z'
        | '\u{c0}'..='\u{24f}'
        | '\u{1e00}'..='\u{1eff}'
        | '\u{2c60}'..='\u{2c7f}'
        | '\u{ff21}'..='\u{ff5a}' => 1,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => 2,
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => 4,
        '\u{530}'..='\u{58f}' => 8,
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => 16,
        _ => 0u32,
    };
    text.chars()
        .fold(0, |seen, c| seen | script(c))
        .count_ones()
        > 1
}

fn push_clean(out: &mut String, c: char) {
    match c {
        // C0 and DEL have pictures of their own; C1 shares one.
        '\0'..='\x1f' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
        '\x7f' => out.push('\u{2421}'),
        '\u{80}'..='\u{9f}' => out.push('\u{fffd}'),
        // Shown, so that a forged name is seen.
        _ if is_direction(c) => out.push('\u{2426}'),
        _ if is_dropped(c) => {}
        // A joiner between letters that need none only hides that two words differ.
        '\u{200d}'
            if out
                .chars()
                .next_back()
                .is_none_or(|before| before < '\u{600}') => {}
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
    fn letters_that_look_alike_are_told_from_honest_mixtures() {
        assert!(mixes_scripts("p\u{430}ypal"));
        assert!(mixes_scripts("\u{430}pple.com"));
        for honest in [
            "paypal",
            "Привет",
            "Zürich",
            "日本 ABC",
            "東京Tokyo",
            "Αθήνα",
            "",
        ] {
            assert!(!mixes_scripts(honest), "{honest}");
        }
    }

    #[test]
    fn marks_of_every_script_and_joiners_are_cut_and_joiners_in_words_vanish() {
        for mark in ['\u{93c}', '\u{eb1}', '\u{f71}', '\u{670}', '\u{a66f}'] {
            let flood: String = std::iter::repeat_n(mark, 50).collect();
            assert!(
                Safe::line(&flood).as_str().chars().count() <= MARKS_MAX,
                "{mark:?}"
            );
        }
        assert_eq!(Safe::line("pay\u{200d}pal").as_str(), "paypal");
        let joiners: String = std::iter::repeat_n('\u{200d}', 50).collect();
        let flood = format!("\u{1f469}{joiners}x");
        assert!(Safe::line(&flood).as_str().chars().count() <= 2 + MARKS_MAX);
    }

    #[test]
    fn a_non_joiner_stays_between_letters_that_would_join_and_vanishes_elsewhere() {
        for word in ["می\u{200c}خواهم", "नमस्\u{200c}ते", "خانه\u{200c}ها"]
        {
            assert_eq!(Safe::line(word).as_str(), word);
        }
        let spoofs = [
            ("pay\u{200c}pal", "paypal"),
            ("می\u{200c}", "می"),
            ("\u{200c}می", "می"),
            ("می\u{200c}x", "میx"),
            ("می\u{200c}\u{200c}\u{200c}خ", "می\u{200c}خ"),
        ];
        for (text, shown) in spoofs {
            assert_eq!(Safe::line(text).as_str(), shown);
        }
        let flood: String = std::iter::repeat_n("\u{64b}\u{200c}", 50).collect();
        let shown = Safe::line(&format!("م{flood}م"));
        assert!(shown.as_str().chars().count() <= 2 + MARKS_MAX, "{shown}");
    }

    #[test]
    fn what_is_safe_stays_as_it_is() {
        let wild = "می\u{200c}خ\u{200c}a\u{1b}\u{202e}\u{300}\u{200d}\u{1f469}\u{200d}\u{1f467}\t\u{9b}\u{93c}";
        let once = Safe::line(wild);
        assert_eq!(Safe::line(once.as_str()), once);
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
