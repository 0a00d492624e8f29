//! Text for people and parts for scripts, from the bytes of a message; and text made to fit.
//!
//! Used by the listings and by `show`: the one place of the command line that asks `mime` and the
//! query language. Must never print; what it returns is not yet made safe unless it says so.

use crate::mime;
use crate::model::{
    Attachment, BodyStructure, Line, Part, PartId, Query, QueryError, Reading, Safe, Span, Term,
};
use unicode_width::UnicodeWidthChar as _;

/// Reads a query as of today.
pub(super) fn query(text: &str, _today: i32) -> Result<Query, QueryError> {
    let words = text
        .split_whitespace()
        .map(|word| Query::Term(Term::Text(word.to_owned())));
    Ok(Query::And(words.collect()))
}

/// The message as the reader shows it.
pub(super) fn reading(raw: &[u8], width: u16) -> Reading {
    let structure = mime::structure(raw);
    let part = structure.texts().next();
    let text = part.and_then(|part| text_of(raw, part)).unwrap_or_default();
    let line = |text: &str| Line {
        spans: vec![Span {
            text: Safe::line(text),
            ..Span::default()
        }],
        ..Line::default()
    };
    let fields = headers(raw);
    let field = |name: &str| fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    let shown = |(name, value): &(String, String)| (Safe::line(name), Safe::line(value));
    Reading {
        headers: ["From", "To", "Cc", "Date", "Subject"]
            .into_iter()
            .filter_map(field)
            .map(shown)
            .collect(),
        all_headers: fields.iter().map(shown).collect(),
        body: text
            .lines()
            .flat_map(|l| textwrap::wrap(l, usize::from(width)))
            .map(|l| line(&l))
            .collect(),
        attachments: structure.attachments().map(attachment).collect(),
        is_html: part.is_some_and(|part| part.mime_type == "text/html"),
        width,
        ..Reading::default()
    }
}

fn attachment(part: &Part) -> Attachment {
    Attachment {
        part: part.id.clone(),
        name: Safe::line(&part.name),
        mime_type: Safe::line(&part.mime_type),
        size_bytes: part.size_bytes,
    }
}

/// A name for the file of an attachment: one that can do no harm.
pub(super) fn file_name(part: &Part) -> String {
    let base = part.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = Safe::line(base)
        .as_str()
        .trim_start_matches(['.', '-', ' '])
        .to_owned();
    if name.is_empty() {
        "attachment".to_owned()
    } else {
        name.chars().take(60).collect()
    }
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
    text_of(raw, part)
}

fn text_of(raw: &[u8], part: &Part) -> Option<String> {
    let bytes = mime::part_body(raw, &part.id)?;
    let charset = encoding_rs::Encoding::for_label(part.charset.as_bytes());
    let (text, _, _) = charset.unwrap_or(encoding_rs::UTF_8).decode(&bytes);
    Some(text.into_owned())
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

    #[test]
    fn wide_characters_take_two_columns_of_a_fitted_text() {
        assert_eq!(fit("日本語", 5), "日本 ");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(cut("abc", 2), "ab");
    }
}
