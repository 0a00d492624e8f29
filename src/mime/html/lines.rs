//! Blocks to lines of a width, with their quote marks, indents, markers and links.
//!
//! Called by `html`. Must never give a line wider than asked for, unless one single character is, nor
//! two empty lines in a row.

use super::block::{Block, Content, Gap, Inline, Rows, Style, number_cols};
use super::grid::{Plan, blanks, cols_of, record};
use super::look::Align;
use crate::mime::links::Links;
use crate::mime::text::{LINES_MAX, note, quote_shown};
use crate::mime::wrap::{Mark, columns, wrap};
use crate::model::{Emphasis, HiddenText, Line, LineKind, Safe, Span};
use linkify::{LinkFinder, LinkKind};
use std::collections::HashMap;

/// Longer paragraphs in a layout want space around them.
const LONG_COLS: usize = 72;
/// On paper so wide, nothing stands at the right.
const RIGHT_COLS_MAX: usize = 1_000;
/// More hidden texts are counted, and not kept.
const HIDDEN_MAX: usize = 100;

/// A page in lines.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub(super) lines: Vec<Line>,
    pub(super) hidden: Vec<HiddenText>,
    pub(super) hidden_texts: u32,
    pub(super) has_table: bool,
    pub(super) is_cut: bool,
}

struct Writer<'a> {
    width: usize,
    links: &'a mut Links,
    plans: HashMap<usize, Plan>,
    laid: Laid,
}

/// Lays the blocks out.
pub(super) fn lay_out(mut blocks: Vec<Block>, width: usize, links: &mut Links) -> Laid {
    join_groups(&mut blocks);
    let plans = plan(&blocks, width);
    let mut writer = Writer {
        width,
        links,
        plans,
        laid: Laid::default(),
    };
    let mut before: Option<&Block> = None;
    let mut is_ruled = true;
    for block in &blocks {
        if writer.laid.lines.len() >= LINES_MAX {
            writer.laid.is_cut = true;
            break;
        }
        // One rule says all that several do, and none is needed at the beginning.
        let is_rule = block.content == Content::Rule;
        if is_rule && is_ruled {
            continue;
        }
        if block.is_seen() {
            is_ruled = is_rule;
            if let Some(before) = before
                && needs_space(before, block)
            {
                writer.space(before.quote.min(block.quote));
            }
            before = Some(block);
        }
        writer.block(block);
    }
    let mut laid = writer.laid;
    while laid
        .lines
        .last()
        .is_some_and(|l| l.spans.is_empty() || l.kind == LineKind::Rule)
    {
        laid.lines.pop();
    }
    laid
}

/// Rows of layouts that stand right below one another share their columns.
fn join_groups(blocks: &mut [Block]) {
    let mut last: Option<(usize, usize, usize, usize)> = None;
    for block in blocks.iter_mut().filter(|b| b.is_seen()) {
        let (quote, indent, gap) = (block.quote, block.indent, block.gap);
        let Content::Rows(rows) = &mut block.content else {
            last = None;
            continue;
        };
        let columns = rows.rows.iter().map(Vec::len).max().unwrap_or(0);
        match last {
            Some((group, q, i, n))
                if !rows.is_data && gap < Gap::Full && (q, i, n) == (quote, indent, columns) =>
            {
                rows.group = group;
            }
            _ if rows.is_data => last = None,
            _ => last = Some((rows.group, quote, indent, columns)),
        }
    }
}

fn plan(blocks: &[Block], width: usize) -> HashMap<usize, Plan> {
    let mut groups: HashMap<usize, (usize, Vec<&Rows>)> = HashMap::new();
    for block in blocks {
        if let Content::Rows(rows) = &block.content {
            let (room, all) = groups.entry(rows.group).or_insert((usize::MAX, Vec::new()));
            *room = (*room).min(room_of(block, width));
            all.push(rows);
        }
    }
    let plans = groups.into_iter();
    plans
        .map(|(group, (room, rows))| (group, Plan::new(&rows, room)))
        .collect()
}

/// The columns that a block's text may take.
fn room_of(block: &Block, width: usize) -> usize {
    let room = width.saturating_sub(Line::quote_cols(quote_shown(block.quote, width)));
    room.saturating_sub(indent_of(block, width)).max(1)
}

fn indent_of(block: &Block, width: usize) -> usize {
    let room = width.saturating_sub(Line::quote_cols(quote_shown(block.quote, width)));
    block.indent.min(room / 2)
}

fn needs_space(before: &Block, block: &Block) -> bool {
    let is_row = |b: &Block| matches!(&b.content, Content::Rows(rows) if !rows.is_data);
    let is_long = |b: &Block| {
        b.kind == LineKind::Heading
            || matches!(&b.content, Content::Rows(rows) if rows.is_data || rows.is_tall())
            || b.text()
                .is_some_and(|t| t.cols() > LONG_COLS || t.lone_picture().is_some())
    };
    let is_picture = |b: &Block| b.text().is_some_and(|t| t.lone_picture().is_some());
    match block.gap {
        Gap::None => false,
        Gap::Row if is_picture(before) && is_picture(block) => false,
        Gap::Row => is_long(before) || is_long(block),
        Gap::Table => !(is_row(before) && is_row(block)) || is_long(before) || is_long(block),
        Gap::Full => true,
    }
}

impl Writer<'_> {
    fn space(&mut self, quote: usize) {
        if self.laid.lines.last().is_some_and(|l| !l.spans.is_empty()) {
            self.push(quote_shown(quote, self.width), LineKind::Text, Vec::new());
        }
    }

    fn push(&mut self, quote: u8, kind: LineKind, mut spans: Vec<Span>) {
        for span in &mut spans {
            if span.text.as_str().contains('\u{a0}') {
                span.text = Safe::line(&span.text.as_str().replace('\u{a0}', " "));
            }
        }
        self.laid.lines.push(Line { quote, kind, spans });
    }

    fn block(&mut self, block: &Block) {
        let quote = quote_shown(block.quote, self.width);
        match &block.content {
            Content::Text(text) => self.text(block, text),
            Content::Rows(rows) => self.rows(block, rows),
            Content::Rule => {
                let room = self.width.saturating_sub(Line::quote_cols(quote)).max(1);
                let span = Span {
                    text: Safe::line(&"─".repeat(room)),
                    ..Span::default()
                };
                self.push(quote, LineKind::Rule, vec![span]);
            }
            Content::Hidden(text) => {
                self.laid.hidden_texts = self.laid.hidden_texts.saturating_add(1);
                if self.laid.hidden.len() < HIDDEN_MAX {
                    let room = self.width.saturating_sub(Line::quote_cols(quote)).max(1);
                    let text = format!("Hidden by the sender: {text}");
                    let lines = wrap(&text, &[], room).into_iter();
                    let lines = lines.map(|mut spans| {
                        spans.iter_mut().for_each(|s| s.emphasis.is_ours = true);
                        Line {
                            quote,
                            kind: LineKind::Note,
                            spans,
                        }
                    });
                    self.laid.hidden.push(HiddenText {
                        at: self.laid.lines.len(),
                        lines: lines.collect(),
                    });
                }
            }
            Content::Note(text) => {
                let line = note(text);
                self.push(quote, line.kind, line.spans);
            }
        }
    }

    fn text(&mut self, block: &Block, text: &Inline) {
        let room = room_of(block, self.width);
        let mut marks = text.marks.clone();
        self.add_bare_links(&text.text, &mut marks);
        let lines = wrap(&text.text, &marks, room);
        let is_right = match block.align {
            Align::FromRight => block.marker.is_none(),
            Align::Right => lines.len() == 1,
            Align::Start | Align::Center => false,
        };
        let is_right = is_right && room < RIGHT_COLS_MAX;
        for (n, spans) in lines.into_iter().enumerate() {
            let lead = if is_right {
                let numbers = number_cols(spans.iter().map(|s| s.link));
                room.saturating_sub(cols_of(&spans) + numbers)
            } else {
                0
            };
            self.line(block, n == 0, lead, spans);
        }
    }

    /// One line of a block, behind its indent or its marker.
    fn line(&mut self, block: &Block, is_first: bool, lead: usize, mut spans: Vec<Span>) {
        let quote = quote_shown(block.quote, self.width);
        let indent = indent_of(block, self.width);
        let marker = block
            .marker
            .as_deref()
            .filter(|_| is_first)
            .unwrap_or_default();
        let cols = columns(marker);
        // No marker may be wider than the text leaves room for.
        let marker = if cols > indent { "" } else { marker };
        let before = (indent + lead).saturating_sub(columns(marker));
        let mut head: Vec<Span> = blanks(before).into_iter().collect();
        if !marker.is_empty() {
            head.push(Span {
                text: Safe::line(marker),
                ..Span::default()
            });
        }
        if !spans.is_empty() {
            head.append(&mut spans);
        }
        self.push(quote, block.kind, head);
    }

    fn rows(&mut self, block: &Block, rows: &Rows) {
        let Some(plan) = self.plans.remove(&rows.group) else {
            return;
        };
        self.laid.has_table |= plan.fits();
        // Entries of more than one line need space between them.
        let is_apart = rows.heads == 0 && rows.is_tall();
        for (n, row) in rows.rows.iter().enumerate() {
            if self.laid.lines.len() >= LINES_MAX {
                break;
            }
            if plan.fits() {
                if n > 0 && is_apart {
                    self.space(block.quote);
                }
                for (y, spans) in plan.row(row).into_iter().enumerate() {
                    self.line(block, n == 0 && y == 0, 0, spans);
                }
                if n + 1 == rows.heads {
                    self.line(block, false, 0, plan.rule());
                }
            } else if rows.is_data {
                if n >= rows.heads {
                    self.record(block, rows, row, n > rows.heads);
                }
            } else {
                self.joined(block, row);
            }
        }
        self.plans.insert(rows.group, plan);
    }

    /// A row of a layout without room for its columns: its cells behind one another, or, where these
    /// have lines of their own, below one another.
    fn joined(&mut self, block: &Block, row: &[super::block::Cell]) {
        let is_tall = row.iter().any(|c| c.texts.len() > 1);
        let mut joined = Inline::default();
        for cell in row.iter().filter(|c| !c.is_empty()) {
            if is_tall {
                joined = Inline::default();
            } else if !joined.text.is_empty() {
                joined.add(" ", Style::default());
            }
            for text in cell.texts.iter().filter(|t| !t.is_blank()) {
                joined.append(text);
            }
            if is_tall {
                self.text(block, &joined);
            }
        }
        if !is_tall {
            self.text(block, &joined);
        }
    }

    /// A row without room for its columns, as lines of name and value.
    fn record(&mut self, block: &Block, rows: &Rows, row: &[super::block::Cell], is_next: bool) {
        if is_next {
            self.space(block.quote);
        }
        let room = room_of(block, self.width).saturating_sub(2).max(1);
        for text in record(rows, row) {
            for (n, spans) in wrap(&text.text, &text.marks, room).into_iter().enumerate() {
                self.line(block, false, if n == 0 { 0 } else { 2 }, spans);
            }
        }
    }

    /// Links that the sender wrote out without making them any.
    fn add_bare_links(&mut self, text: &str, marks: &mut Vec<Mark>) {
        if !text.contains("://") {
            return;
        }
        let mut found: Vec<Mark> = Vec::new();
        for link in LinkFinder::new().kinds(&[LinkKind::Url]).links(text) {
            let range = link.start()..link.end();
            let next = marks.partition_point(|m| m.range.end <= range.start);
            if marks.get(next).is_some_and(|m| m.range.start < range.end) {
                continue;
            }
            if let Some(number) = self.links.add(link.as_str()) {
                self.links.carry(number, &Safe::line(link.as_str()), true);
                found.push(Mark {
                    range,
                    emphasis: Emphasis::default(),
                    link: Some(number),
                    picture: None,
                });
            }
        }
        if !found.is_empty() {
            marks.append(&mut found);
            marks.sort_by_key(|m| m.range.start);
        }
    }
}
