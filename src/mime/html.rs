//! HTML to lines: parsed by html5ever, read as mail means it, and laid out for a terminal.
//!
//! Called by `render`. Nothing is ever fetched, nothing hidden is shown, and whatever
//! cannot be done within bounds, or makes a library panic, is read as text without its tags.

mod block;
mod elements;
mod facts;
mod flow;
mod grid;
mod inlines;
mod lines;
mod look;
mod pictures;
mod quoted;
mod skim;
mod style;
mod tables;
mod tame;
mod tree;

use super::links::Links;
use super::text::{self, Flow, note};
use crate::model::{HiddenText, Line};
use facts::Facts;
pub(crate) use facts::{is_filler, is_fixed_blank};
use pictures::Image;
pub(crate) use quoted::{block_len, is_recipients};
pub(crate) use skim::skim;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tame::is_tame;
use tree::Tree;

/// A longer text is read without its tags only.
pub(crate) const HTML_MAX: usize = 2 * 1024 * 1024;

/// Tags and entities of a text for another parser, which takes time that grows with their square.
const MARKS_MAX: usize = 100_000;

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

/// The charset that a text is to be read in: the one that it names, or that its page names.
pub(crate) fn label(mime_type: &str, named: String, bytes: &[u8]) -> String {
    if named.is_empty() && mime_type == "text/html" {
        meta_charset(bytes).unwrap_or_default()
    } else {
        named
    }
}

/// What became of a text.
#[derive(Default)]
pub(crate) struct Html {
    pub(crate) lines: Vec<Line>,
    pub(crate) trackers: u32,
    /// The pictures that spans of the lines stand for.
    pub(crate) pictures: Vec<Image>,
    pub(crate) hidden: Vec<HiddenText>,
    pub(crate) hidden_texts: u32,
    /// Whether columns stand side by side, which another width would break.
    pub(crate) has_table: bool,
}

/// The sources of the pictures of a text.
pub(crate) struct Images(pub(crate) Vec<String>);

/// Finds the pictures of a text; `None` where it cannot be read within bounds.
pub(crate) fn images(html: &str) -> Option<Images> {
    let tree = Some(html)
        .filter(|h| is_readable(h))
        .and_then(Tree::parse)?;
    let pictures = (0..tree.len()).filter(|id| tree.name(*id) == "img");
    let sources = pictures.filter_map(|id| tree.attr(id, "src"));
    Some(Images(sources.map(str::to_owned).collect()))
}

/// Whether a text can be parsed within bounds, as far as its tags tell.
fn is_readable(html: &str) -> bool {
    html.len() <= HTML_MAX && is_tame(html)
}

/// Whether another parser, which knows no bounds, can be given a text.
pub(crate) fn is_harmless(html: &str) -> bool {
    let marks = html.bytes().filter(|b| matches!(b, b'<' | b'&')).count();
    marks <= MARKS_MAX && is_readable(html) && guarded(|| Tree::ends(html)) == Some(true)
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
    if !tame::has_tags(html) {
        let lines = text::lines(html, Flow::default(), width, links);
        return Html {
            lines,
            ..Html::default()
        };
    }
    if is_readable(html) {
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
        ..Html::default()
    }
}

fn lay_out(html: &str, width: usize, links: &mut Links) -> Option<Html> {
    let tree = Tree::parse(html)?;
    let facts = Facts::new(&tree);
    let mut page = flow::page(&tree, &facts, links);
    quoted::mark_quoted(&mut page.blocks);
    let mut laid = lines::lay_out(page.blocks, width, links);
    if laid.is_cut {
        laid.lines.push(note(
            "The rest is too long to be shown. Save the message to read it all.",
        ));
    }
    Some(Html {
        lines: laid.lines,
        trackers: page.trackers,
        pictures: page.pictures,
        hidden: laid.hidden,
        hidden_texts: laid.hidden_texts,
        has_table: laid.has_table,
    })
}

#[cfg(test)]
#[path = "html/tests.rs"]
mod tests;

#[cfg(test)]
mod mail_tests;
