//! Plain text to lines: quoting, flowed paragraphs (RFC 3676), the signature, links.
//!
//! Called by `render`, and by `html` when HTML can only be read as text. Must take linear time and
//! never give a line wider than asked for.

use super::links::Links;
use super::reflow::reflow;
use super::wrap::{Mark, wrap};
use crate::model::{Emphasis, Line, LineKind, Safe, Span};
use linkify::{LinkFinder, LinkKind};

/// More of a text is not shown, nor more lines.
pub(crate) const TEXT_MAX: usize = 2 * 1024 * 1024;
pub(crate) const LINES_MAX: usize = 100_000;
const QUOTE_MAX: u8 = 9;

/// How a text part says it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// `format=flowed`.
    pub(crate) is_flowed: bool,
    /// `delsp=yes`.
    pub(crate) deletes_blank: bool,
}

/// Lines of at most `width` columns, quote marks included.
pub(crate) fn lines(text: &str, flow: Flow, width: usize, links: &mut Links) -> Vec<Line> {
    let (text, is_cut) = cut(text);
    let mut out = Vec::new();
    let mut is_signature = false;
    let mut paragraphs = paragraphs(text, flow);
    if !flow.is_flowed {
        paragraphs = reflow(paragraphs, width);
    }
    for paragraph in paragraphs {
        if paragraph.quote > 0 {
            is_signature = false;
        } else if paragraph.text == "-- " {
            is_signature = true;
        }
        let kind = if is_signature {
            LineKind::Signature
        } else {
            LineKind::Text
        };
        let quote = quote_shown(paragraph.quote, width);
        let room = width.saturating_sub(Line::quote_cols(quote));
        for spans in linked(&expand_tabs(&paragraph.text), room, links) {
            out.push(Line { quote, kind, spans });
        }
        if out.len() >= LINES_MAX {
            break;
        }
    }
    let was_long = out.len() >= LINES_MAX;
    trim(&mut out);
    if is_cut || was_long {
        out.push(note(
            "The rest is too long to be shown. Save the message to read it all.",
        ));
    }
    out
}

/// A line of our own.
pub(crate) fn note(text: &'static str) -> Line {
    own_note(Safe::fixed(text))
}

/// A line of our own that names something of the message.
pub(crate) fn own_note(text: Safe) -> Line {
    Line {
        quote: 0,
        kind: LineKind::Note,
        spans: vec![Span {
            text,
            emphasis: Emphasis {
                is_ours: true,
                ..Emphasis::default()
            },
            link: None,
            picture: None,
        }],
    }
}

/// The depth of quoting that a screen of `width` columns can show beside the text.
pub(crate) fn quote_shown(depth: usize, width: usize) -> u8 {
    let room = width / 2 / Line::quote_cols(1);
    u8::try_from(depth.min(room))
        .unwrap_or(QUOTE_MAX)
        .min(QUOTE_MAX)
}

/// Takes empty lines off both ends.
pub(crate) fn trim(lines: &mut Vec<Line>) {
    let is_blank = |l: &Line| l.spans.iter().all(|s| s.text.as_str().trim().is_empty());
    while lines.last().is_some_and(is_blank) {
        lines.pop();
    }
    let first = lines.iter().position(|l| !is_blank(l)).unwrap_or(0);
    lines.drain(..first);
}

pub(super) fn cut(text: &str) -> (&str, bool) {
    let mut end = TEXT_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (text.get(..end).unwrap_or(text), end < text.len())
}

/// A line as it was written, or a flowed paragraph.
#[derive(Debug, Default)]
pub(super) struct Paragraph {
    pub(super) quote: usize,
    pub(super) text: String,
}

pub(super) fn paragraphs(text: &str, flow: Flow) -> Vec<Paragraph> {
    let mut out: Vec<Paragraph> = Vec::new();
    let mut goes_on = false;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if !flow.is_flowed {
            let (quote, text) = unquote(line);
            out.push(Paragraph {
                quote,
                text: text.to_owned(),
            });
            continue;
        }
        let stripped = line.trim_start_matches('>');
        let quote = line.len() - stripped.len();
        // One blank was put before what would else be taken for a quote or a "From " line.
        let text = stripped.strip_prefix(' ').unwrap_or(stripped);
        let is_flowed = text.ends_with(' ') && text != "-- ";
        let kept = match text.strip_suffix(' ') {
            Some(kept) if is_flowed && flow.deletes_blank => kept,
            _ => text,
        };
        match out.last_mut() {
            Some(last) if goes_on && last.quote == quote && text != "-- " => {
                last.text.push_str(kept);
            }
            _ => out.push(Paragraph {
                quote,
                text: kept.to_owned(),
            }),
        }
        goes_on = is_flowed;
    }
    out
}

/// `> > text` and `>>text` are both quoted twice.
pub(super) fn unquote(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut rest = line;
    while let Some(after) = rest.strip_prefix('>') {
        depth += 1;
        rest = after;
        if after.starts_with(" >") {
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
    }
    if depth > 0 {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    (depth, rest)
}

pub(super) fn expand_tabs(text: &str) -> String {
    if !text.contains('\t') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for c in text.chars() {
        let blanks = if c == '\t' { 8 - column % 8 } else { 0 };
        column += blanks.max(1);
        if blanks > 0 {
            out.extend(std::iter::repeat_n(' ', blanks));
        } else {
            out.push(c);
        }
    }
    out
}

/// One paragraph, its links found, broken to fit.
fn linked(text: &str, width: usize, links: &mut Links) -> Vec<Vec<Span>> {
    let clean = Safe::line(text);
    let text = clean.as_str();
    let text = text.trim_end_matches(' ');
    let mut marks = Vec::new();
    if text.contains("://") || text.contains('@') {
        for found in LinkFinder::new()
            .kinds(&[LinkKind::Url, LinkKind::Email])
            .links(text)
        {
            let number = match found.kind() {
                LinkKind::Email => links.add_address(found.as_str()),
                _ => links.add(found.as_str()),
            };
            let Some(number) = number else { continue };
            links.carry(number, &Safe::line(found.as_str()), true);
            marks.push(Mark {
                range: found.start()..found.end(),
                emphasis: Emphasis::default(),
                link: Some(number),
                picture: None,
            });
        }
    }
    wrap(text, &marks, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &Line) -> String {
        let text: String = line.spans.iter().map(|s| s.text.as_str()).collect();
        format!("{}{text}", ">".repeat(usize::from(line.quote)))
    }

    fn show(text: &str, flow: Flow, width: usize) -> Vec<String> {
        lines(text, flow, width, &mut Links::default())
            .iter()
            .map(plain)
            .collect()
    }

    const FLOWED: Flow = Flow {
        is_flowed: true,
        deletes_blank: false,
    };

    #[test]
    fn quotes_become_levels_however_they_are_written() {
        assert_eq!(
            show("a\n> b\n>> c\n> > d\n>e\n>  f", Flow::default(), 80),
            ["a", ">b", ">>c", ">>d", ">e", "> f"]
        );
    }

    #[test]
    fn a_quoted_line_that_is_too_long_stays_quoted() {
        assert_eq!(
            show("> one two three four", Flow::default(), 12),
            [">one two", ">three four"]
        );
    }

    #[test]
    fn flowed_paragraphs_of_rfc_3676_are_joined() {
        assert_eq!(
            show(
                "`Take some more tea,' \nthe Hare said.\n\n>> deep \n>> er\n> up",
                FLOWED,
                80
            ),
            [
                "`Take some more tea,' the Hare said.",
                "",
                ">>deep er",
                ">up"
            ]
        );
        let delsp = Flow {
            is_flowed: true,
            deletes_blank: true,
        };
        assert_eq!(show("日本 \n語\nend", delsp, 80), ["日本語", "end"]);
        assert_eq!(
            show(" From x\n  two blanks\n >no quote", FLOWED, 80),
            ["From x", " two blanks", ">no quote"]
        );
    }

    #[test]
    fn the_signature_is_set_apart_and_never_flowed() {
        let found = lines("text \n-- \nAnn\nCo.", FLOWED, 80, &mut Links::default());
        let kinds: Vec<LineKind> = found.iter().map(|l| l.kind).collect();
        use LineKind::{Signature, Text};
        assert_eq!(kinds, [Text, Signature, Signature, Signature]);
        let found = lines(
            "a\n-- \nAnn\n> quoted",
            Flow::default(),
            80,
            &mut Links::default(),
        );
        assert_eq!(found.last().unwrap().kind, Text);
    }

    #[test]
    fn addresses_and_urls_are_links_and_nothing_else_is() {
        let mut links = Links::default();
        let text =
            "see https://x.org/a?b=c, (http://y.org) or write to a@b.org; ftp://z.org file.rs";
        let found = lines(text, Flow::default(), 30, &mut links);
        let links: Vec<String> = links.into_vec().into_iter().map(|l| l.target).collect();
        assert_eq!(
            links,
            ["https://x.org/a?b=c", "http://y.org/", "mailto:a@b.org"]
        );
        let carried: Vec<&str> = found
            .iter()
            .flat_map(|l| &l.spans)
            .filter(|s| s.link.is_some())
            .map(|s| s.text.as_str())
            .collect();
        assert_eq!(carried.concat(), "https://x.org/a?b=chttp://y.orga@b.org");
    }

    #[test]
    fn tabs_become_columns_and_controls_are_seen() {
        assert_eq!(
            show("a\tb\x1b[31m", Flow::default(), 80),
            ["a       b␛[31m"]
        );
    }

    #[test]
    fn long_and_hostile_texts_are_cut_and_fit() {
        let long = "x".repeat(TEXT_MAX + 10);
        let found = show(&long, Flow::default(), 100);
        assert!(found.iter().all(|l| l.len() <= 100));
        assert!(found.last().unwrap().contains("too long"));
        let many = show(&"a\n".repeat(LINES_MAX * 2), Flow::default(), 80);
        assert!(many.len() <= LINES_MAX + 1);
        let deep = lines(
            &format!("{} x", ">".repeat(100_000)),
            Flow::default(),
            20,
            &mut Links::default(),
        );
        assert_eq!(deep[0].quote, 5);
    }
}
