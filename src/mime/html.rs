//! HTML to lines, by html2text, with everything around it that untrusted mail needs.
//!
//! Called by `render`. Nothing is ever fetched, nothing hidden is shown, and whatever the library
//! cannot do within its bounds, or panics over, is read as text without its tags.

use super::dom::Image;
use super::dom::{RULE, is_tame, prepare};
use super::links::Links;
use super::text::{self, Flow, note, quote_shown};
use super::wrap::{Mark, columns, wrap};
use crate::model::{Emphasis, Line, LineKind, Safe, Span};
use html2text::config;
use html2text::render::{TaggedLine, TaggedLineElement, TextDecorator};
use linkify::{LinkFinder, LinkKind};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A longer text is read without its tags only.
pub(crate) const HTML_MAX: usize = 1024 * 1024;
/// Stand before each line of a quote and of a heading. html2text lets no control through from the
/// mail itself, so they cannot be forged.
const QUOTE_MARK: &str = "\u{1}\u{1}";
const HEADING_MARK: &str = "\u{2}";

/// The charset that the head of a page names, for mail that names none itself.
pub(crate) fn meta_charset(bytes: &[u8]) -> Option<String> {
    const LOOK_AT: usize = 2048;
    let head = bytes.get(..LOOK_AT).unwrap_or(bytes).to_ascii_lowercase();
    let at = memchr::memmem::find(&head, b"charset=")? + b"charset=".len();
    let label = head
        .get(at..)?
        .iter()
        .skip_while(|b| matches!(b, b'"' | b'\'' | b' '))
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.'))
        .map(|b| char::from(*b))
        .collect::<String>();
    // A page that can be read as ASCII so far is not in UTF-16, whatever it says.
    Some(label).filter(|l| !l.is_empty() && !l.starts_with("utf-16"))
}

/// What became of a text.
pub(crate) struct Html {
    pub(crate) lines: Vec<Line>,
    pub(crate) blocked_images: u32,
    /// The pictures that spans of the lines stand for.
    pub(crate) pictures: Vec<Image>,
}

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a call whose panic is caught and answered: a panic hook must then
/// leave the terminal alone.
#[must_use]
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// Runs `work`; a panic in it is `None`.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = IS_GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work)).ok();
    IS_GUARDED.set(before);
    result
}

/// Lines of at most `width` columns, quote marks included.
pub(crate) fn lines(html: &str, width: usize, links: &mut Links) -> Html {
    if html.len() <= HTML_MAX && is_tame(html) {
        let mut trial = links.clone();
        if let Some(Some(done)) = guarded(|| lay_out(html, width, &mut trial)) {
            *links = trial;
            return done;
        }
    }
    stripped(html, width, links)
}

/// The words of a text without its tags: what is left when nothing better can be done.
fn stripped(html: &str, width: usize, links: &mut Links) -> Html {
    let mut end = text::TEXT_MAX.min(html.len());
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let html = html.get(..end).unwrap_or_default();
    let words = guarded(|| mail_parser::decoders::html::html_to_text(html))
        .unwrap_or_else(|| html.replace('<', " <"));
    let mut lines = vec![note(
        "The layout of this message is too unusual to be shown; these are its words.",
    )];
    lines.extend(text::lines(&words, Flow::default(), width, links));
    Html {
        lines,
        blocked_images: 0,
        pictures: Vec::new(),
    }
}

fn lay_out(html: &str, width: usize, links: &mut Links) -> Option<Html> {
    let config = config::with_decorator(Decorator)
        .allow_width_overflow()
        .empty_img_mode(config::ImageRenderMode::IgnoreEmpty);
    let prepared = prepare(&config, html, links)?;
    let tree = config.dom_to_render_tree(&prepared.dom).ok()?;
    let found = config.render_to_lines(tree, width).ok()?;
    let mut writer = Writer {
        width,
        links,
        link_before: None,
        lines: Vec::new(),
    };
    for line in found.iter().take(text::LINES_MAX) {
        writer.line(line);
    }
    let mut lines = writer.lines;
    text::trim(&mut lines);
    if found.len() > text::LINES_MAX {
        lines.push(note(
            "The rest is too long to be shown. Save the message to read it all.",
        ));
    }
    Some(Html {
        lines,
        blocked_images: prepared.blocked_images,
        pictures: prepared.pictures,
    })
}

/// What html2text is told to note on each piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Note {
    #[default]
    Nothing,
    Link(usize),
    Picture(Option<usize>),
    Italic,
    Bold,
    Struck,
    Code,
}

#[derive(Clone)]
struct Decorator;

impl TextDecorator for Decorator {
    type Annotation = Note;

    fn decorate_link_start(&mut self, url: &str) -> (String, Note) {
        // The target was replaced by its number when the tree was prepared.
        (String::new(), url.parse().map_or(Note::Nothing, Note::Link))
    }
    fn decorate_link_end(&mut self) -> String {
        String::new()
    }
    fn decorate_em_start(&self) -> (String, Note) {
        (String::new(), Note::Italic)
    }
    fn decorate_em_end(&self) -> String {
        String::new()
    }
    fn decorate_strong_start(&self) -> (String, Note) {
        (String::new(), Note::Bold)
    }
    fn decorate_strong_end(&self) -> String {
        String::new()
    }
    fn decorate_strikeout_start(&self) -> (String, Note) {
        (String::new(), Note::Struck)
    }
    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }
    fn decorate_code_start(&self) -> (String, Note) {
        (String::new(), Note::Code)
    }
    fn decorate_code_end(&self) -> String {
        String::new()
    }
    fn decorate_preformat_first(&self) -> Note {
        Note::Code
    }
    fn decorate_preformat_cont(&self) -> Note {
        Note::Code
    }
    fn decorate_image(&mut self, src: &str, title: &str) -> (String, Note) {
        // The source was replaced by the picture's number when the tree was prepared.
        (title.to_owned(), Note::Picture(src.parse().ok()))
    }
    fn header_prefix(&self, _level: usize) -> String {
        HEADING_MARK.to_owned()
    }
    fn quote_prefix(&self) -> String {
        QUOTE_MARK.to_owned()
    }
    fn unordered_item_prefix(&self) -> String {
        "* ".to_owned()
    }
    fn ordered_item_prefix(&self, i: i64) -> String {
        format!("{i}. ")
    }
    fn make_subblock_decorator(&self) -> Self {
        Self
    }
    fn decorate_superscript_start(&self) -> (String, Note) {
        ("^".to_owned(), Note::Nothing)
    }
    fn decorate_superscript_end(&self) -> String {
        String::new()
    }
}

/// Turns html2text's lines into ours.
struct Writer<'a> {
    width: usize,
    links: &'a mut Links,
    /// The link that the line before ended in.
    link_before: Option<usize>,
    lines: Vec<Line>,
}

impl Writer<'_> {
    fn line(&mut self, line: &TaggedLine<Vec<Note>>) {
        let mut depth = 0usize;
        let mut kind = LineKind::Text;
        let mut text = String::new();
        let mut marks: Vec<Mark> = Vec::new();
        for element in line.iter() {
            let TaggedLineElement::Str(piece) = element else {
                continue;
            };
            let mut rest = piece.s.as_str();
            if text.is_empty() {
                let inner = rest.trim_start_matches(['\u{1}', '\u{2}']);
                let lead = rest.get(..rest.len() - inner.len()).unwrap_or_default();
                depth += lead.matches(QUOTE_MARK).count();
                if lead.contains(HEADING_MARK) {
                    kind = LineKind::Heading;
                }
                rest = inner;
            }
            // A quote inside a list item or a cell cannot be a quoted line of its own.
            let rest = rest.replace(QUOTE_MARK, "> ").replace(HEADING_MARK, "");
            let from = text.len();
            text.push_str(Safe::line(&rest).as_str());
            push_mark(&mut marks, from..text.len(), &piece.tag);
        }
        let kept = text.trim_end_matches(is_blank).len();
        text.truncate(kept);
        self.add_bare_links(&text, &mut marks);
        let quote = quote_shown(depth, self.width);
        let room = self.width.saturating_sub(Line::quote_cols(quote)).max(1);
        if text.starts_with(RULE) {
            text = "─".repeat(room);
            kind = LineKind::Rule;
            marks.clear();
        }
        if text.is_empty() {
            // One empty line says all that several do.
            if self.lines.last().is_none_or(|l| !l.spans.is_empty()) {
                self.push(quote, LineKind::Text, Vec::new());
            }
            return;
        }
        let spans = if columns(&text) > room {
            wrap(&text, &marks, room)
        } else {
            wrap(&text, &marks, usize::MAX)
        };
        for spans in spans {
            self.push(quote, kind, spans);
        }
    }

    /// Links that the sender wrote out without making them any. One that ends with the line may go
    /// on in the next, and half a link leads elsewhere.
    fn add_bare_links(&mut self, text: &str, marks: &mut Vec<Mark>) {
        if !text.contains("://") {
            return;
        }
        for found in LinkFinder::new().kinds(&[LinkKind::Url]).links(text) {
            let range = found.start()..found.end();
            let is_free = marks
                .iter()
                .all(|m| m.range.end <= range.start || m.range.start >= range.end);
            if range.end == text.len() || !is_free {
                continue;
            }
            if let Some(number) = self.links.add(found.as_str()) {
                let emphasis = Emphasis::default();
                marks.push(Mark {
                    range,
                    emphasis,
                    link: Some(number),
                    picture: None,
                });
            }
        }
        marks.sort_by_key(|m| m.range.start);
    }

    fn push(&mut self, quote: u8, kind: LineKind, spans: Vec<Span>) {
        for (at, span) in spans.iter().enumerate() {
            if let Some(number) = span.link {
                let goes_on = at == 0 && self.link_before == Some(number);
                self.links.carry(number, &span.text, !goes_on);
            }
        }
        self.link_before = spans.last().and_then(|s| s.link);
        self.lines.push(Line { quote, kind, spans });
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{a0}' | '\u{2800}' | '\u{3164}')
}

fn push_mark(marks: &mut Vec<Mark>, range: std::ops::Range<usize>, notes: &[Note]) {
    let mut emphasis = Emphasis::default();
    let (mut link, mut picture) = (None, None);
    for note in notes {
        match note {
            Note::Nothing => {}
            Note::Link(number) => link = Some(*number),
            Note::Picture(number) => {
                emphasis.is_ours = true;
                picture = *number;
            }
            Note::Italic => emphasis.is_italic = true,
            Note::Bold => emphasis.is_bold = true,
            Note::Struck => emphasis.is_struck = true,
            Note::Code => emphasis.is_code = true,
        }
    }
    let is_plain = emphasis == Emphasis::default() && link.is_none();
    match marks.last_mut() {
        _ if is_plain || range.is_empty() => {}
        Some(last)
            if last.range.end == range.start
                && last.emphasis == emphasis
                && last.link == link
                && last.picture == picture =>
        {
            last.range.end = range.end;
        }
        _ => marks.push(Mark {
            range,
            emphasis,
            link,
            picture,
        }),
    }
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
