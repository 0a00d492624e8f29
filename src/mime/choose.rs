//! Which parts of a message make up what one reads.
//!
//! Called by `render`. Must never show a part of an attached message as the sender's own words, nor
//! join parts into one text (EFAIL): each is shown on its own.

use crate::model::{BodyStructure, Part};
use std::collections::{HashMap, HashSet};

/// More text parts are not shown.
pub(crate) const TEXTS_MAX: usize = 200;

/// Which form of a text is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Plain text where it says anything, else HTML.
    #[default]
    Auto,
    /// Plain text.
    Plain,
    /// HTML.
    Html,
}

/// The parts to be shown, in their order.
pub(crate) struct Chosen<'a> {
    pub(crate) parts: Vec<&'a Part>,
    /// Whether the other form of some part was left out.
    pub(crate) has_other_form: bool,
    /// Whether there were more text parts than can be shown.
    pub(crate) is_cut: bool,
}

/// The children of one multipart/alternative that hold plain text and HTML, the last of each.
#[derive(Default)]
struct Choice<'a> {
    plain: Option<(u16, &'a Part)>,
    html: Option<(u16, &'a Part)>,
}

/// Chooses; `says_something` is asked whether a plain part is worth reading beside its HTML form.
pub(crate) fn choose<'a>(
    structure: &'a BodyStructure,
    form: Form,
    mut says_something: impl FnMut(&Part, &Part) -> bool,
) -> Chosen<'a> {
    let own = own_parts(structure);
    let by_id: HashMap<&[u16], &Part> = own.iter().map(|p| (p.id.0.as_slice(), *p)).collect();
    let mut all: Vec<&Part> = own.iter().copied().filter(|p| is_text(p)).collect();
    if all.is_empty() {
        // A text with a name is a file, unless it is all there is to read.
        all.extend(own.iter().copied().find(|p| is_lone_text(p)));
    }
    let texts = all.get(..TEXTS_MAX).unwrap_or(&all);
    let mut choices: HashMap<&[u16], Choice<'a>> = HashMap::new();
    for part in texts {
        for (group, child) in alternatives(part, &by_id) {
            let choice = choices.entry(group).or_default();
            let place = if part.mime_type == "text/html" {
                &mut choice.html
            } else {
                &mut choice.plain
            };
            *place = Some((child, part));
        }
    }
    let taken: HashMap<&[u16], u16> = choices
        .iter()
        .filter_map(|(group, choice)| {
            let plain = choice.plain.map(|(child, _)| child);
            let html = choice.html.map(|(child, _)| child);
            let child = match form {
                Form::Plain => plain.or(html),
                Form::Html => html.or(plain),
                Form::Auto => match (choice.plain, choice.html) {
                    (Some((plain, text)), Some((html, page))) => {
                        Some(if says_something(text, page) {
                            plain
                        } else {
                            html
                        })
                    }
                    _ => plain.or(html),
                },
            };
            Some((*group, child?))
        })
        .collect();
    let is_taken = |part: &Part| {
        alternatives(part, &by_id)
            .all(|(group, child)| taken.get(group).is_none_or(|t| *t == child))
    };
    Chosen {
        parts: texts.iter().copied().filter(|p| is_taken(p)).collect(),
        has_other_form: choices.values().any(|c| match (c.plain, c.html) {
            (Some((plain, _)), Some((html, _))) => plain != html,
            _ => false,
        }),
        is_cut: all.len() > TEXTS_MAX,
    }
}

/// The parts that are not inside an attached message.
pub(crate) fn own_parts(structure: &BodyStructure) -> Vec<&Part> {
    let messages: HashSet<&[u16]> = structure
        .parts
        .iter()
        .filter(|p| p.mime_type.starts_with("message/"))
        .map(|p| p.id.0.as_slice())
        .collect();
    let is_own = |part: &&Part| {
        let id = part.id.0.as_slice();
        messages.is_empty()
            || (1..id.len()).all(|n| id.get(..n).is_none_or(|above| !messages.contains(above)))
    };
    structure.parts.iter().filter(is_own).collect()
}

fn is_text(part: &Part) -> bool {
    matches!(part.mime_type.as_str(), "text/plain" | "text/html") && !part.is_attachment()
}

fn is_lone_text(part: &Part) -> bool {
    matches!(part.mime_type.as_str(), "text/plain" | "text/html")
        && part.disposition != "attachment"
}

/// The alternatives that a part lies in, and in which of their children.
fn alternatives<'a>(
    part: &'a Part,
    by_id: &HashMap<&[u16], &Part>,
) -> impl Iterator<Item = (&'a [u16], u16)> {
    let id = part.id.0.as_slice();
    id.iter().enumerate().filter_map(|(at, child)| {
        let group = id.get(..at)?;
        let is_alternative = by_id.get(group)?.mime_type == "multipart/alternative";
        is_alternative.then_some((group, *child))
    })
}

/// Whether a plain text is worth reading, when `html_len` bytes of HTML say the same. It is not when
/// it is empty, is HTML itself, or only sends the reader to the other form.
pub(crate) fn says_something(plain: &str, html_len: usize) -> bool {
    const SHORT_WORDS: usize = 40;
    const LONG_HTML: usize = 2000;
    let text = plain.trim();
    if !text.contains(char::is_alphanumeric) {
        return false;
    }
    let head: String = text.chars().take(2000).collect::<String>().to_lowercase();
    if ["<html", "<!doctype html", "<body", "<table", "<div"]
        .iter()
        .any(|tag| head.starts_with(tag))
    {
        return false;
    }
    let is_short = head.split_whitespace().take(SHORT_WORDS).count() < SHORT_WORDS;
    if !is_short || html_len < LONG_HTML {
        return true;
    }
    !sends_away(&head)
}

/// Whether a text, in lower case, sends the reader to another form of it.
pub(crate) fn sends_away(text: &str) -> bool {
    const SIGNS: [&str; 20] = [
        "in your browser",
        "in a browser",
        "in browser",
        "web version",
        "online version",
        "im browser",
        "html version",
        "html email",
        "html e-mail",
        "html mail",
        "html-mail",
        "html message",
        "html format",
        "html-format",
        "support html",
        "supports html",
        "display html",
        "view html",
        "enable html",
        "read html",
    ];
    // Each of them has one of these, and most texts have none.
    let may = ["browser", "version", "html"]
        .iter()
        .any(|w| text.contains(w));
    may && SIGNS.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PartId;

    fn structure(parts: &[(&str, &str)]) -> BodyStructure {
        let part = |(id, mime_type): &(&str, &str)| Part {
            id: PartId::parse(id).unwrap(),
            mime_type: (*mime_type).to_owned(),
            ..Part::default()
        };
        BodyStructure {
            parts: parts.iter().map(part).collect(),
        }
    }

    fn chosen(parts: &[(&str, &str)], form: Form, says: bool) -> String {
        let structure = structure(parts);
        let chosen = choose(&structure, form, |_, _| says);
        let ids: Vec<String> = chosen.parts.iter().map(|p| p.id.to_string()).collect();
        format!(
            "{}{}",
            ids.join(" "),
            if chosen.has_other_form { " +" } else { "" }
        )
    }

    #[test]
    fn of_two_forms_one_is_shown() {
        let both = [
            ("", "multipart/alternative"),
            ("1", "text/plain"),
            ("2", "text/html"),
        ];
        assert_eq!(chosen(&both, Form::Auto, true), "1 +");
        assert_eq!(chosen(&both, Form::Auto, false), "2 +");
        assert_eq!(chosen(&both, Form::Plain, false), "1 +");
        assert_eq!(chosen(&both, Form::Html, true), "2 +");
        let one = [("1", "text/html")];
        assert_eq!(chosen(&one, Form::Plain, true), "1");
    }

    #[test]
    fn forms_inside_other_groups_are_found() {
        let nested = [
            ("", "multipart/mixed"),
            ("1", "multipart/alternative"),
            ("1.1", "text/plain"),
            ("1.2", "multipart/related"),
            ("1.2.1", "text/html"),
            ("1.2.2", "image/png"),
            ("2", "text/plain"),
        ];
        assert_eq!(chosen(&nested, Form::Auto, true), "1.1 2 +");
        assert_eq!(chosen(&nested, Form::Html, true), "1.2.1 2 +");
    }

    #[test]
    fn words_of_attached_messages_are_not_the_senders() {
        let forward = [
            ("", "multipart/mixed"),
            ("1", "text/plain"),
            ("2", "message/rfc822"),
            ("2.1", "text/plain"),
            ("2.2", "text/html"),
        ];
        assert_eq!(chosen(&forward, Form::Auto, true), "1");
    }

    #[test]
    fn a_named_text_is_read_when_there_is_no_other() {
        let mut structure = structure(&[
            ("", "multipart/mixed"),
            ("1", "image/png"),
            ("2", "text/plain"),
        ]);
        structure.parts[2].name = "notes.txt".to_owned();
        let count = |s: &BodyStructure| choose(s, Form::Auto, |_, _| true).parts.len();
        assert_eq!(count(&structure), 1);
        structure.parts[2].disposition = "attachment".to_owned();
        assert_eq!(count(&structure), 0);
    }

    #[test]
    fn boilerplate_gives_way_to_the_page_and_short_words_do_not() {
        for empty in [
            "",
            " \n ",
            "---",
            "\u{a0}",
            "<html><body>x",
            "View this email in your browser: http://x",
        ] {
            assert!(!says_something(empty, 50_000), "{empty}");
        }
        for real in ["OK", "Thanks, see you in Rome", "Your code is 123456"] {
            assert!(says_something(real, 50_000), "{real}");
        }
        let long = format!("{} view in your browser", "word ".repeat(60));
        assert!(says_something(&long, 50_000));
        assert!(says_something("open it in your browser", 300));
    }
}
