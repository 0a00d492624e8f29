//! `format=flowed` (RFC 3676), the writing half: the text of a draft to lines that any reader can
//! join again.
//!
//! Called by `compose` and `quote`; `text` reads it. A reader that joins what [`flow`] broke must
//! get the same paragraphs back, and a quote must never lose or gain a level.

use super::text::{Paragraph, unquote};
use super::wrap::columns;

/// What a line of our own is broken at; RFC 3676 section 4.2 allows 78.
pub(crate) const FLOW_COLS: usize = 72;
/// A quoted line that is longer is broken too: 998 bytes is the most that may be sent.
const QUOTE_MAX: usize = 900;
/// Longer lines than this were not ended by hand.
const FIXED_MAX: usize = 100;

/// The text of a draft as it is sent, each line ended by CRLF. A line of the draft is a paragraph;
/// one that begins with `>` is a quote, and is not broken. A blank at the end of a quoted line says
/// that the paragraph goes on in the next; elsewhere blanks at the end go.
pub(crate) fn flow(body: &str) -> String {
    let body = with_plain_breaks(body);
    let mut out = String::with_capacity(body.len() + body.len() / 40);
    let mut lines = body
        .trim_end_matches([' ', '\t', '\n'])
        .split('\n')
        .peekable();
    if lines.peek() == Some(&"") && body.trim().is_empty() {
        return out;
    }
    while let Some(line) = lines.next() {
        if line.starts_with('>') {
            let (quote, text) = unquote(line);
            let next = lines.peek().map(|next| unquote(next));
            let goes_on = next.is_some_and(|(q, text)| q == quote && !text.trim().is_empty());
            push_quoted(&mut out, quote, text, goes_on);
        } else if line == "-- " {
            push_line(&mut out, 0, line);
        } else {
            for piece in pieces(line.trim_end_matches([' ', '\t']), FLOW_COLS) {
                push_line(&mut out, 0, piece);
            }
        }
    }
    out
}

fn push_quoted(out: &mut String, quote: usize, text: &str, goes_on: bool) {
    let kept = text.trim_end_matches([' ', '\t']);
    if text == "-- " {
        return push_line(out, quote, text);
    }
    let is_flowed = goes_on && text.ends_with(' ') && !kept.is_empty() && kept != "--";
    let text = match text.get(..kept.len() + 1) {
        Some(flowed) if is_flowed => flowed,
        _ => kept,
    };
    if text.len() + quote < QUOTE_MAX {
        return push_line(out, quote, text);
    }
    for piece in pieces(text, FLOW_COLS) {
        push_line(out, quote, piece);
    }
}

/// One line with its quote marks, stuffed where a reader would take it for something else (RFC 3676
/// section 4.4).
fn push_line(out: &mut String, quote: usize, text: &str) {
    out.extend(std::iter::repeat_n('>', quote));
    let is_stuffed =
        quote > 0 && !text.is_empty() || text.starts_with([' ', '>']) || text.starts_with("From ");
    if is_stuffed {
        out.push(' ');
    }
    out.push_str(text);
    out.push_str("\r\n");
}

/// Breaks a paragraph behind blanks; each piece but the last ends with one. A word that is too long
/// stays whole.
pub(crate) fn pieces(text: &str, width: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut from, mut used) = (0, 0);
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        let cols = columns(word.trim_end_matches(' '));
        let before = text.get(from..at).unwrap_or_default();
        // A line of "-- " alone would begin a signature, and one of blanks is none.
        let may_end = before.ends_with(' ') && before != "-- " && !before.trim().is_empty();
        if used + cols > width && cols > 0 && may_end {
            found.push(before);
            (from, used) = (at, 0);
        }
        used += columns(word);
        at += word.len();
    }
    found.push(text.get(from..).unwrap_or_default());
    found
}

/// Paragraphs as lines of a draft: own ones whole, quoted ones broken with a blank at the end, as
/// [`flow`] reads them. Quoted lines of a text that is not flowed stay as they are, unless they are
/// so long that they must be paragraphs.
pub(super) fn draft_lines(paragraphs: &[Paragraph], is_flowed: bool) -> String {
    let mut out = String::new();
    for paragraph in paragraphs {
        let text = paragraph.text.as_str();
        let text = if text == "-- " { text } else { text.trim_end() };
        if paragraph.quote == 0 {
            out.push_str(text);
            out.push('\n');
            continue;
        }
        let room = FLOW_COLS.saturating_sub(paragraph.quote + 1).max(20);
        let is_whole = !is_flowed && columns(text) <= FIXED_MAX;
        for piece in pieces(text, if is_whole { usize::MAX } else { room }) {
            out.extend(std::iter::repeat_n('>', paragraph.quote));
            if !piece.is_empty() {
                out.push(' ');
                out.push_str(piece);
            }
            out.push('\n');
        }
    }
    out
}

/// Every kind of line break becomes `\n`.
pub(crate) fn with_plain_breaks(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::text::{Flow, paragraphs};

    const FLOWED: Flow = Flow {
        is_flowed: true,
        deletes_blank: false,
    };

    /// What a reader makes of it: marks and text of each paragraph.
    fn read_back(sent: &str) -> Vec<String> {
        paragraphs(sent.strip_suffix("\r\n").unwrap_or(sent), FLOWED)
            .into_iter()
            .map(|p| format!("{}{}", ">".repeat(p.quote), p.text))
            .collect()
    }

    #[test]
    fn a_paragraph_is_broken_for_the_way_and_joined_by_the_reader() {
        let long = "word ".repeat(60).trim_end().to_owned();
        let sent = flow(&format!("Hello,\n\n{long}\nBye   \n-- \nAnn\n\n\n"));
        for line in sent.lines() {
            assert!(line.len() <= 78, "{line:?}");
        }
        assert!(sent.ends_with("\r\nBye\r\n-- \r\nAnn\r\n"), "{sent}");
        assert_eq!(
            read_back(&sent),
            ["Hello,", "", long.as_str(), "Bye", "-- ", "Ann"]
        );
    }

    #[test]
    fn what_a_reader_could_take_for_something_else_is_stuffed() {
        assert_eq!(
            flow("From me\n  indented\n> quoted\n>> twice\n> > twice too\n>\n>  indented"),
            " From me\r\n   indented\r\n> quoted\r\n>> twice\r\n>> twice too\r\n>\r\n>  indented\r\n"
        );
        let broken = flow(&format!("{} > not a quote", "x".repeat(71)));
        assert_eq!(
            read_back(&broken),
            [format!("{} > not a quote", "x".repeat(71))]
        );
    }

    #[test]
    fn a_quote_is_not_broken_and_goes_on_only_where_it_says_so() {
        let long = format!("> {}", "word ".repeat(100).trim_end());
        assert_eq!(flow(&long), format!("{long}\r\n"));
        assert_eq!(
            read_back(&flow("> one \n> two\nmine")),
            [">one two", "mine"]
        );
        assert_eq!(read_back(&flow("> one \nmine")), [">one", "mine"]);
        assert_eq!(read_back(&flow("> one \n>\n> two")), [">one", ">", ">two"]);
        let longest = format!("> {}", "word ".repeat(500).trim_end());
        let sent = flow(&longest);
        assert!(sent.lines().all(|l| l.len() < 998 && l.starts_with("> ")));
        assert_eq!(read_back(&sent), [longest.replacen("> ", ">", 1)]);
    }

    #[test]
    fn nothing_but_the_signature_begins_with_its_mark() {
        let tricky = format!("-- {}", "x".repeat(100));
        assert_eq!(read_back(&flow(&tricky)), [tricky]);
        assert_eq!(flow("--"), "--\r\n");
        assert_eq!(flow(""), "");
        assert_eq!(flow(" \n \r\n"), "");
    }

    proptest::proptest! {
        #[test]
        fn a_reader_gets_the_paragraphs_back(lines in proptest::collection::vec("(>|> |>> )?[ -]{0,3}(From )?([a-z>ü-]{1,30}[ ]{1,2}){0,12}[a-zü\\-]{0,90}", 0..6)) {
            let body = lines.join("\n");
            let sent = flow(&body);
            let wanted: Vec<String> = body
                .trim_end_matches([' ', '\n'])
                .split('\n')
                .map(|line| if line.starts_with('>') {
                    let (quote, text) = unquote(line);
                    let text = if text == "-- " { text } else { text.trim_end() };
                    format!("{}{text}", ">".repeat(quote))
                } else if line == "-- " {
                    line.to_owned()
                } else {
                    line.trim_end().to_owned()
                })
                .collect();
            // Quotes that go on are joined by design; here each is looked at on its own.
            let has_flowed_quote = body.lines().any(|l| l.starts_with('>') && l.ends_with(' '));
            if !has_flowed_quote && !body.trim().is_empty() {
                proptest::prop_assert_eq!(read_back(&sent), wanted);
            }
            proptest::prop_assert!(!sent.replace("\r\n", "").contains(['\r', '\n']));
        }

        #[test]
        fn what_a_draft_is_made_of_is_sent_as_it_was(depth in 0usize..4, words in proptest::collection::vec("[a-zü]{1,20}", 1..60)) {
            let text = words.join(" ");
            let made = draft_lines(&[Paragraph { quote: depth, text: text.clone() }], true);
            proptest::prop_assert_eq!(read_back(&flow(&made)), [format!("{}{text}", ">".repeat(depth))]);
        }
    }
}
