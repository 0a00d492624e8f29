//! JSON Lines whose every line is valid and clean on a terminal, whatever the mail holds.
//!
//! Used by every listing. A line must never hold a C0 or C1 control, DEL, a line separator or a
//! control of direction as itself: they are written as `\uXXXX`, which reads back as the same text.

use serde::Serialize;

/// One object as a line without its break.
pub(super) fn line<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    // serde_json escapes C0 itself. All that is left can only stand inside strings.
    let plain = serde_json::to_string(value)?;
    if plain.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(plain);
    }
    let mut clean = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        if is_steering(c) {
            clean.extend(format!("\\u{:04x}", u32::from(c)).chars());
        } else {
            clean.push(c);
        }
    }
    Ok(clean)
}

const fn is_steering(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn what_steers_a_terminal_is_escaped_and_reads_back_the_same() {
        let text = "a\x1b]0;x\x07\u{9b}31m\u{7f}\u{202e}evil\u{2066}\u{2028}\r\n\"\\é日👩";
        let line = line(&[text]).unwrap();
        assert!(
            !line.chars().any(|c| c.is_control() || is_steering(c)),
            "{line}"
        );
        assert!(
            line.contains("é日👩"),
            "other scripts stay as they are: {line}"
        );
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
    }

    proptest! {
        #[test]
        fn any_text_reads_back_the_same(text in any::<String>()) {
            let line = line(&(&text, 7)).unwrap();
            assert!(!line.chars().any(|c| c.is_control() || is_steering(c)));
            assert_eq!(serde_json::from_str::<(String, i32)>(&line).unwrap(), (text, 7));
        }
    }
}
