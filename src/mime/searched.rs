//! The words of a message for the index.
//!
//! Called by `engine`. What no reader sees must not be found: hidden texts and addresses of links are left out.

use super::choose::Form;
use super::render::{Source, reading};
use crate::model::LineKind;

/// More of a text is not indexed.
const BYTES_MAX: usize = 1024 * 1024;
/// So wide that no word is cut.
const COLS: u16 = 2000;

/// The text of a message as one reads it, on one line.
#[must_use]
pub fn searched_text(source: Source<'_>) -> String {
    let reading = reading(source, COLS, Form::Auto);
    let mut text = String::new();
    for line in &reading.body {
        if matches!(line.kind, LineKind::Note | LineKind::Rule) {
            continue;
        }
        for span in line.spans.iter().filter(|span| !span.emphasis.is_ours) {
            text.push_str(span.text.as_str());
        }
        text.push(' ');
        if text.len() > BYTES_MAX {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_found_and_what_is_hidden_is_not() {
        let page = "Content-Type: text/html\r\n\r\n<style>p{color:red}</style><p>The last \
                    <b>word</b></p><div style=display:none>preheader</div><a href=http://x.test/deep>here</a>";
        let text = searched_text(Source::Whole(page.as_bytes()));
        assert!(text.contains("The last word"), "{text}");
        assert!(text.contains("here"), "{text}");
        for hidden in ["color", "preheader", "deep", "[1]"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        let long = format!("\r\n{}end-of-it", "word ".repeat(1000));
        assert!(searched_text(Source::Whole(long.as_bytes())).contains("end-of-it"));
    }
}
