//! What is said of texts that are not in the message: pieces of a longer one, files that lie elsewhere.
//!
//! Called by `render`. Must never make a link of what a stranger calls the place of a file: it is named,
//! and nothing is fetched (RFC 2046 sections 5.2.2 and 5.2.3, RFC 2017).

use super::choose::own_parts;
use super::params::Field;
use super::render::Message;
use super::text::own_note;
use crate::model::{Line, Part, Safe};

/// More is not said.
const LINES_MAX: usize = 50;

/// Adds a line for each such part.
pub(super) fn write(message: &Message<'_>, body: &mut Vec<Line>) {
    let parts = own_parts(&message.structure).into_iter();
    let said = parts.filter_map(|part| said_of(message, part));
    body.extend(said.take(LINES_MAX).map(|text| own_note(Safe::line(&text))));
}

fn said_of(message: &Message<'_>, part: &Part) -> Option<String> {
    match part.mime_type.as_str() {
        "message/partial" => Some(piece(message.content(part).as_ref())),
        "message/external-body" => Some(place(message.content(part).as_ref())),
        _ => None,
    }
}

/// A piece of a message that was sent in several.
fn piece(content: Option<&Field>) -> String {
    let number = |name| {
        let text = content.and_then(|c| c.text(name));
        text.and_then(|t| t.trim().parse::<u32>().ok())
    };
    let which = match (number("number"), number("total")) {
        (Some(number), Some(total)) => format!("piece {number} of {total}"),
        (Some(number), None) => format!("piece {number}"),
        (None, _) => "a piece".to_owned(),
    };
    format!("[This is {which} of a message that was sent in pieces.]")
}

/// A file that lies elsewhere.
fn place(content: Option<&Field>) -> String {
    let text = |name| {
        let text = content.and_then(|c| c.text(name)).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (kind, name) = (text("access-type"), text("name"));
    let (site, directory) = (text("site"), text("directory"));
    let place = match kind.to_ascii_lowercase().as_str() {
        "url" => text("url").split_whitespace().collect(),
        "mail-server" => format!("to be asked for by a message to {}", text("server")),
        _ => [site, directory, name]
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .collect::<Vec<_>>()
            .join("/"),
    };
    let place = place.trim();
    match (kind.is_empty(), place.is_empty()) {
        (_, true) => {
            "[A part of this message lies elsewhere, and it does not say where.]".to_owned()
        }
        (true, false) => format!("[A part of this message lies elsewhere: {place}]"),
        (false, false) => format!("[A part of this message lies elsewhere ({kind}): {place}]"),
    }
}

#[cfg(test)]
mod tests {
    use crate::mime::{Form, Source, reading};

    fn said(content: &str) -> String {
        let raw = format!("Content-Type: {content}\n\nContent-Type: image/png\n\n");
        let found = reading(Source::Whole(raw.as_bytes()), 200, Form::Auto);
        let lines = found.body.iter().flat_map(|l| &l.spans);
        lines.map(|s| s.text.as_str()).collect()
    }

    #[test]
    fn a_file_that_lies_elsewhere_is_named_and_is_no_link() {
        for (content, place) in [
            (
                "message/external-body; access-type=ANON-FTP; name=\"a.png\"; site=\"x.org\"; directory=\"pub\"",
                "[A part of this message lies elsewhere (ANON-FTP): x.org/pub/a.png]",
            ),
            (
                "message/external-body; access-type=URL; url=\"https://x.org/\n a.png\"",
                "[A part of this message lies elsewhere (URL): https://x.org/a.png]",
            ),
            (
                "message/external-body",
                "[A part of this message lies elsewhere, and it does not say where.]",
            ),
        ] {
            assert_eq!(said(content), place);
        }
    }

    #[test]
    fn a_piece_of_a_message_says_which_one_it_is() {
        assert!(
            said("message/partial; id=x; number=2; total=3")
                .starts_with("[This is piece 2 of 3 of")
        );
        assert!(said("message/partial; number=\"\u{1b}[31m\"").starts_with("[This is a piece of"));
    }
}
