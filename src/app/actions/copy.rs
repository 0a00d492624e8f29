//! The copy menu: what of a message can be put on the clipboard, one key each.
//!
//! Called through the table. Nothing may reach the clipboard but by a key of the user's, and nothing
//! that is not shown.

use super::Count;
use crate::app::picker::Choice;
use crate::app::{App, Context, Effect, Item, PickerKind, Row, list::placed};
use crate::model::{Line, Reading, Recipients, Safe};

/// The words that a long text is told by in the menu, in columns.
const DETAIL_MAX: usize = 60;

pub(super) fn copy(app: &mut App, _: Count) -> Vec<Effect> {
    let is_read_one = app.subject_row().map(placed) == app.reader.placed;
    let reading = app.reader.reading();
    let reading = reading.filter(|_| is_read_one || app.focus == Context::Reader);
    let items = match reading {
        Some(reading) => of_message(app, reading),
        None => of_row(app),
    };
    app.open_picker("Copy", PickerKind::Menu, items)
}

fn item(key: &'static str, label: &'static str, what: &'static str, text: String) -> Option<Item> {
    if text.trim().is_empty() {
        return None;
    }
    let first: String = text.chars().take(DETAIL_MAX).collect();
    let detail = Safe::line(first.trim());
    let choice = Choice::Copy(what, text);
    Some(Item::menu(key, label, choice).with_detail(detail))
}

fn of_row(app: &App) -> Vec<Item> {
    let Some(row) = app.subject_row() else {
        return Vec::new();
    };
    let subject = row.subject.as_str().to_owned();
    let who = row.who.as_str().to_owned();
    let items = [
        item("s", "Subject", "the subject", subject),
        item("w", "Name", "the name", who),
    ];
    items.into_iter().flatten().collect()
}

fn of_message(app: &App, reading: &Reading) -> Vec<Item> {
    let header = |name: &str| {
        let mut all = reading.all_headers.iter();
        let found = all.find(|h| h.0.as_str().eq_ignore_ascii_case(name));
        found.map_or("", |h| h.1.as_str())
    };
    let addresses = |names: &[&str]| {
        let mut all: Vec<String> = Vec::new();
        for name in names {
            let list = Recipients::read(header(name));
            for address in list.valid() {
                if !all.contains(&address.address) {
                    all.push(address.address.clone());
                }
            }
        }
        all
    };
    let sender = addresses(&["From"]).into_iter().next().unwrap_or_default();
    let everybody = addresses(&["From", "To", "Cc", "Reply-To"]);
    let everybody = if everybody.len() > 1 {
        everybody.join(", ")
    } else {
        String::new()
    };
    let id = header("Message-ID").trim_matches(['<', '>']).to_owned();
    let top = top_line(app);
    let block = blocks(reading).into_iter().find(|b| b.last >= top);
    let block = block.map(|b| b.text).unwrap_or_default();
    let saved = app.saved.first().map(|path| path.display().to_string());
    let subject = header("Subject").to_owned();
    let items = [
        item("a", "Sender's address", "the address", sender),
        item("A", "All addresses", "the addresses", everybody),
        item("s", "Subject", "the subject", subject),
        item("i", "Message id", "the message id", id),
        link(app, reading),
        item("b", "Paragraph at the top", "the paragraph", block),
        blocks_item(reading),
        item("t", "Whole text", "the text", text_of(&reading.body)),
        item(
            "p",
            "Path of the saved file",
            "the path",
            saved.unwrap_or_default(),
        ),
    ];
    items.into_iter().flatten().collect()
}

/// The link at hand or the only one; else the choice of one.
fn link(app: &App, reading: &Reading) -> Option<Item> {
    let one = app.reader.link.or((reading.links.len() == 1).then_some(0));
    if let Some(link) = one.and_then(|n| reading.links.get(n)) {
        return item("l", "Link", "the link", link.target.clone());
    }
    if reading.links.is_empty() {
        return None;
    }
    let detail = Safe::line(&format!("one of {}", reading.links.len()));
    Some(Item::menu("l", "Link", Choice::CopyLinks).with_detail(detail))
}

/// Asks which link is to be copied.
pub(crate) fn choose_link(app: &mut App) -> Vec<Effect> {
    let reading = app.reader.reading();
    let links = reading.map(|r| r.links.as_slice()).unwrap_or_default();
    let items = links.iter().enumerate().map(|(n, link)| {
        let key = if n < 9 {
            Safe::line(&(n + 1).to_string())
        } else {
            Safe::default()
        };
        let choice = Choice::Copy("the link", link.target.clone());
        let label = if link.text.is_empty() {
            link.shown.clone()
        } else {
            link.text.clone()
        };
        Item {
            key,
            ..Item::new(label, choice).with_detail(link.shown.clone())
        }
    });
    let items = items.collect();
    app.open_picker("Copy a link", PickerKind::Menu, items)
}

/// A paragraph: lines of one level without a gap.
struct Block {
    last: usize,
    text: String,
}

fn blocks(reading: &Reading) -> Vec<Block> {
    let mut all: Vec<Block> = Vec::new();
    let mut before: Option<&Line> = None;
    for (n, line) in reading.body.iter().enumerate() {
        let text: String = line.spans.iter().map(|s| s.text.as_str()).collect();
        if text.trim().is_empty() {
            before = None;
            continue;
        }
        let goes_on = before.is_some_and(|b| b.quote == line.quote && b.kind == line.kind);
        match all.last_mut().filter(|_| goes_on) {
            Some(block) => {
                block.last = n;
                block.text.push('\n');
                block.text.push_str(text.trim_end());
            }
            None => all.push(Block {
                last: n,
                text: text.trim_end().to_owned(),
            }),
        }
        before = Some(line);
    }
    all
}

/// The first line of the text that is visible.
fn top_line(app: &App) -> usize {
    let visible = app.reader.rows().iter().skip(app.reader.scroll());
    let mut lines = visible.filter_map(|row| match row {
        Row::Line(n) | Row::Folded { first: n, .. } => Some(*n),
        _ => None,
    });
    lines.next().unwrap_or(0)
}

fn blocks_item(reading: &Reading) -> Option<Item> {
    let count = blocks(reading).len();
    let detail = Safe::line(&format!("one of {count}"));
    let item = Item::menu("B", "Paragraph…", Choice::CopyBlocks).with_detail(detail);
    (count > 1).then_some(item)
}

/// Asks which paragraph is to be copied.
pub(crate) fn choose_block(app: &mut App) -> Vec<Effect> {
    let top = top_line(app);
    let blocks = app.reader.reading().map(blocks).unwrap_or_default();
    let at = blocks.iter().position(|b| b.last >= top).unwrap_or(0);
    let items = blocks.into_iter().map(|block| {
        let label = Safe::line(block.text.lines().next().unwrap_or_default());
        let lines = block.text.lines().count();
        let detail = match lines {
            1 => Safe::default(),
            n => Safe::line(&format!("{n} lines")),
        };
        Item::new(label, Choice::Copy("the paragraph", block.text)).with_detail(detail)
    });
    let items = items.collect();
    let effects = app.open_picker("Copy a paragraph", PickerKind::Fuzzy, items);
    if let Some(crate::app::Overlay::Picker(picker)) = &mut app.overlay {
        let _is_there = picker.move_to(at);
    }
    effects
}

/// The whole text, quotes marked.
fn text_of(body: &[Line]) -> String {
    let lines = body
        .iter()
        .map(|line| line.in_plain().trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}
