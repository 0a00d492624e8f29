//! Text for people and parts for scripts, from the bytes of a message; and text made to fit.
//!
//! Used by the listings and by `show`: the one place of the command line that asks `mime` and the
//! query language. Must never print; what it returns is not yet made safe unless it says so.

use crate::mime::{self, Form, Source};
pub(super) use crate::mime::{Given, GivenError, Stamp, Viewer, given};
use crate::model::{BodyStructure, PartId, Query, QueryError, Reading};
use unicode_width::UnicodeWidthChar as _;

/// Reads a query as of today.
pub(super) fn query(text: &str, today: i32) -> Result<Query, QueryError> {
    Query::parse(text, today)
}

/// The message as the reader shows it; made safe.
pub(super) fn reading(raw: &[u8], width: u16, viewer: &Viewer) -> Reading {
    let mut reading = mime::reading(Source::Whole(raw), width, Form::Auto);
    reading.cards = mime::cards(Source::Whole(raw), viewer);
    reading
}

/// The files of the message, under names that can do no harm.
pub(super) fn files(raw: &[u8]) -> Vec<mime::File> {
    mime::files(Source::Whole(raw))
}

/// The parts of the message.
pub(super) fn structure(raw: &[u8]) -> BodyStructure {
    mime::structure(raw)
}

/// The decoded bytes of a part.
pub(super) fn body(raw: &[u8], part: &PartId) -> Option<Vec<u8>> {
    mime::part_body(raw, part)
}

/// The HTML of the message, where it has any.
pub(super) fn html(raw: &[u8]) -> Option<String> {
    let structure = mime::structure(raw);
    let part = structure
        .texts()
        .find(|part| part.mime_type == "text/html")?;
    mime::part_text(raw, part)
}

/// All header fields in their order, decoded.
pub(super) fn headers(raw: &[u8]) -> Vec<(String, String)> {
    let fields = mime::parse_headers(raw).fields;
    let text = |field: &mime::RawField<'_>| {
        let name = String::from_utf8_lossy(field.name).into_owned();
        (name, mime::decode_words(field.value).trim().to_owned())
    };
    fields.iter().map(text).collect()
}

/// How often something was tried.
pub(super) fn tried(attempts: u32) -> String {
    match attempts {
        0 => "not tried yet".to_owned(),
        1 => "tried once".to_owned(),
        n => format!("tried {n} times"),
    }
}

/// The beginning of a text that fits into so many columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// A text cut or filled up to exactly so many columns.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    let used: usize = fitted.chars().map(|c| c.width().unwrap_or(0)).sum();
    fitted.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &[u8] = b"Subject: =?utf-8?q?caf=C3=A9?=\r\n folded\r\nX-Twice: 1\r\nX-Twice: 2\r\n\
        Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
        plain\r\n--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>caf\xe9</p>\r\n--b--\r\n";

    #[test]
    fn html_is_read_in_its_own_charset() {
        assert_eq!(html(MIXED).unwrap().trim(), "<p>caf\u{e9}</p>");
        assert_eq!(html(b"Subject: x\r\n\r\nplain\r\n"), None);
    }

    #[test]
    fn headers_keep_their_order_and_number_and_are_decoded() {
        let found = headers(MIXED);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            found.get(..3).unwrap(),
            [
                ("Subject", "caf\u{e9} folded"),
                ("X-Twice", "1"),
                ("X-Twice", "2")
            ]
        );
    }

    #[test]
    fn wide_characters_take_two_columns_of_a_fitted_text() {
        assert_eq!(fit("日本語", 5), "日本 ");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(cut("abc", 2), "ab");
    }
}
