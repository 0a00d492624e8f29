//! What may become part of a draft: text without controls, whoever typed, pasted or quoted it.
//!
//! Used wherever text enters the composer. What comes out must never change when it is made safe
//! for the screen, but for tabs and line breaks: so what is shown is what is sent.

use crate::model::Safe;

/// Whether it steers the direction of text. In a field or a body it would only deceive.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text for the body: lines end in `\n`, tabs stay, every other control goes.
pub(super) fn text(from: &str) -> String {
    if from
        .bytes()
        .all(|b| (0x20..0x7f).contains(&b) || b == b'\n')
    {
        return from.to_owned();
    }
    let breaks = from.replace("\r\n", "\n");
    let breaks = breaks.replace(
        ['\r', '\u{2028}', '\u{2029}', '\u{85}', '\x0b', '\x0c'],
        "\n",
    );
    let kept: String = breaks
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_direction(*c)))
        .collect();
    let line = |line: &str| {
        let pieces: Vec<String> = line
            .split('\t')
            .map(|piece| Safe::line(piece).to_string())
            .collect();
        pieces.join("\t")
    };
    let lines: Vec<String> = kept.split('\n').map(line).collect();
    lines.join("\n")
}

/// Text for a field of one line: breaks and tabs become blanks.
pub(super) fn line(from: &str) -> String {
    let trimmed = from.trim_end_matches(['\n', '\r']);
    text(trimmed).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_what_turns_text_around_go_and_tabs_and_breaks_stay() {
        let wild = "a\x1b[31m\tb\r\nc\u{202e}d\u{200b}\u{9b}e\rf\u{feff}";
        assert_eq!(text(wild), "a[31m\tb\ncde\nf");
        assert_eq!(line("one\r\ntwo\x07\n"), "one two");
    }

    #[test]
    fn what_is_clean_is_shown_as_it_is() {
        let wild = "a\u{1b}\u{202e}\u{300}\u{200d}\u{1f469}\u{200d}\u{1f467}\t\u{9b}\u{93c}\u{7f}ü";
        let once = text(wild);
        assert_eq!(text(&once), once);
        for piece in once.split('\t') {
            assert_eq!(Safe::line(piece).as_str(), piece);
        }
    }
}
