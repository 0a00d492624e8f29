//! Walks a tree and writes down what a reader sees of it, as a flat list of blocks.
//!
//! Called by `html`. What the elements mean is in `elements`. Must never recurse over what a mail
//! nested, and must take each node once.

use super::block::{Block, Content, Gap, Inline, Style};
use super::facts::Facts;
use super::look::Align;
use super::pictures::Image;
use super::tables::{Found, FoundCell};
use super::tree::{Data, Id, Step, Tree};
use crate::mime::links::Links;
use crate::mime::text::expand_tabs;
use crate::model::{Emphasis, LineKind};

/// More of a hidden text is not kept.
const HIDDEN_MAX: usize = 2_000;
/// Letters as large as those of a headline, and as small as those of a footer.
const LARGE_PX: f32 = 22.0;
const SMALL_PX: f32 = 11.5;
const HEADLINE_COLS_MAX: usize = 90;

/// What holds for everything inside an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ctx {
    pub(super) emphasis: Emphasis,
    pub(super) link: Option<usize>,
    pub(super) align: Align,
    pub(super) quote: usize,
    pub(super) indent: usize,
    pub(super) kind: LineKind,
    pub(super) is_pre: bool,
    pub(super) is_rtl: bool,
    pub(super) font_px: Option<f32>,
    pub(super) list_level: Option<u8>,
    /// The digits to write with, above or below the line.
    pub(super) script: Option<&'static [char; 10]>,
}

/// Where blocks are gathered: the page, or a cell.
#[derive(Debug, Default)]
struct Sink {
    blocks: Vec<Block>,
    inline: Inline,
    gap: Gap,
    marker: Option<String>,
    /// Of a cell: what it says of itself.
    cell: FoundCell,
}

/// A list that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// The number of the next item, and how it is written.
    pub(super) number: Option<(i64, char)>,
    pub(super) has_bullets: bool,
    /// The columns of its longest number, so that all end in one column.
    pub(super) cols: usize,
}

/// A page as blocks, and what was counted on the way.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) blocks: Vec<Block>,
    pub(super) pictures: Vec<Image>,
    pub(super) trackers: u32,
}

pub(super) struct Flow<'a> {
    pub(super) tree: &'a Tree,
    pub(super) facts: &'a Facts,
    pub(super) links: &'a mut Links,
    pub(super) page: Page,
    pub(super) lists: Vec<List>,
    pub(super) tables: Vec<Found>,
    /// The words of the link that is open.
    pub(super) link_words: String,
    /// The element that strikes out what is in it.
    pub(super) striking: Option<Id>,
    contexts: Vec<Ctx>,
    base: Sink,
    /// The cells that are open, the innermost last.
    cells: Vec<Sink>,
    /// How many hidden elements are open, and their text.
    hidden_depth: usize,
    hidden: String,
    groups: usize,
}

/// Walks the whole tree.
pub(super) fn page(tree: &Tree, facts: &Facts, links: &mut Links) -> Page {
    let mut flow = Flow {
        tree,
        facts,
        links,
        page: Page::default(),
        lists: Vec::new(),
        tables: Vec::new(),
        link_words: String::new(),
        striking: None,
        contexts: Vec::new(),
        base: Sink::default(),
        cells: Vec::new(),
        hidden_depth: 0,
        hidden: String::new(),
        groups: 0,
    };
    let mut step = Some(Step::Enter(0));
    while let Some(now) = step {
        step = match now {
            Step::Enter(id) if flow.enter(id) => Some(tree.into(id)),
            // What is passed over was not entered either.
            Step::Enter(id) => tree.past(id),
            Step::Leave(id) => {
                flow.leave(id);
                tree.past(id)
            }
        };
    }
    flow.flush();
    Page {
        blocks: flow.base.blocks,
        ..flow.page
    }
}

impl Flow<'_> {
    pub(super) fn ctx(&self) -> Ctx {
        self.contexts.last().copied().unwrap_or(Ctx {
            emphasis: Emphasis::default(),
            link: None,
            align: Align::Start,
            quote: 0,
            indent: 0,
            kind: LineKind::Text,
            is_pre: false,
            is_rtl: false,
            font_px: None,
            list_level: None,
            script: None,
        })
    }

    fn enter(&mut self, id: Id) -> bool {
        match self.tree.node(id).map(|n| &n.data) {
            None => return false,
            Some(Data::Text(text)) => {
                let ctx = self.ctx();
                self.text(text, &ctx);
                return false;
            }
            Some(Data::Nothing) if self.hidden_depth > 0 => return false,
            Some(Data::Nothing) => {
                let ctx = self.ctx();
                self.contexts.push(ctx);
                return true;
            }
            Some(Data::Element(..)) => {}
        }
        if self.hidden_depth > 0 || self.facts.of(id).is_hidden {
            return self.enter_hidden(id);
        }
        let Some(ctx) = self.begin(id) else {
            return false;
        };
        self.contexts.push(ctx);
        true
    }

    fn leave(&mut self, id: Id) {
        if self.hidden_depth > 0 {
            self.hidden_depth -= 1;
            if self.hidden_depth == 0 {
                self.keep_hidden();
            }
            return;
        }
        if !self.tree.name(id).is_empty() {
            self.end(id);
        }
        self.contexts.pop();
    }

    fn enter_hidden(&mut self, id: Id) -> bool {
        match self.tree.name(id) {
            "script" | "style" | "title" | "template" | "noscript" | "head" => return false,
            "img" => {
                let image = Image::of(self.tree, id, self.facts.of(id));
                self.page.trackers += u32::from(image.is_remote());
            }
            _ => {}
        }
        self.hidden_depth += 1;
        true
    }

    fn keep_hidden(&mut self) {
        let text = std::mem::take(&mut self.hidden);
        let mut inline = Inline::default();
        inline.push(&text, Style::default());
        let text = inline.trimmed().text;
        let has_words = text
            .split(' ')
            .any(|w| w.chars().filter(|c| c.is_alphabetic()).count() > 1);
        if has_words {
            let at = self.ctx();
            self.put(Content::Hidden(text), &at);
        }
    }

    fn sink(&mut self) -> &mut Sink {
        self.cells.last_mut().unwrap_or(&mut self.base)
    }

    /// Adds words as they stand in the page.
    pub(super) fn text(&mut self, text: &str, ctx: &Ctx) {
        if self.hidden_depth > 0 {
            if self.hidden.len() < HIDDEN_MAX {
                self.hidden.push_str(text);
                self.hidden.push(' ');
            }
            return;
        }
        if !ctx.is_pre {
            self.words(text, ctx);
            return;
        }
        for (n, line) in text.split('\n').enumerate() {
            if n > 0 {
                self.end_pre_line(ctx);
            }
            let line = expand_tabs(line.trim_end_matches('\r'));
            if !line.is_empty() {
                let style = self.style(ctx);
                self.sink().inline.add(&line, style);
                self.note_words(&line, ctx);
            }
        }
    }

    fn words(&mut self, text: &str, ctx: &Ctx) {
        let style = self.style(ctx);
        let small = ctx.script.filter(|_| ctx.link.is_none());
        let small = small.and_then(|digits| in_digits(text, digits));
        let inline = &mut self.sink().inline;
        let bytes = inline.push(small.as_deref().unwrap_or(text), style);
        match ctx.font_px {
            Some(px) if px >= LARGE_PX => inline.large += bytes,
            Some(px) if px <= SMALL_PX => inline.small += bytes,
            _ => {}
        }
        self.note_words(text, ctx);
    }

    fn style(&self, ctx: &Ctx) -> Style {
        Style {
            emphasis: ctx.emphasis,
            link: ctx.link,
            picture: None,
        }
    }

    pub(super) fn note_words(&mut self, text: &str, ctx: &Ctx) {
        if ctx.link.is_some() && self.link_words.len() < 400 {
            self.link_words.push_str(text);
        }
    }

    /// Adds a piece of ours, or the words of a picture.
    pub(super) fn piece(&mut self, text: &str, style: Style) {
        self.sink().inline.push(text, style);
    }

    /// Ends the paragraph that is being written.
    pub(super) fn flush(&mut self) {
        let ctx = self.ctx();
        self.flush_as(&ctx);
    }

    fn flush_as(&mut self, ctx: &Ctx) {
        let inline = std::mem::take(&mut self.sink().inline);
        if inline.is_blank() {
            if inline.is_meant {
                self.gap(Gap::Full);
            }
            return;
        }
        let inline = inline.trimmed();
        let mut ctx = *ctx;
        let len = inline.text.len();
        if ctx.kind == LineKind::Text && inline.large * 10 >= len * 8 && len <= HEADLINE_COLS_MAX {
            ctx.kind = LineKind::Heading;
        } else if ctx.kind == LineKind::Text && inline.small * 10 >= len * 9 {
            ctx.kind = LineKind::Signature;
        }
        match ctx.list_level {
            Some(level) => self.put_word_item(inline, level, &ctx),
            None => self.put(Content::Text(inline), &ctx),
        }
    }

    /// An item of a list as Word writes them: a paragraph that begins with its sign.
    fn put_word_item(&mut self, inline: Inline, level: u8, ctx: &Ctx) {
        let lead = inline
            .text
            .split([' ', '\u{a0}'])
            .next()
            .unwrap_or_default();
        let is_sign = lead.chars().count() <= 4
            && (matches!(lead, "·" | "o" | "§" | "•" | "-" | "–" | "Ø" | "v" | "ü")
                || lead.ends_with(['.', ')']));
        let bytes = lead.len();
        let mut ctx = *ctx;
        let step = usize::from(level.clamp(1, 9) - 1) * 2;
        if !is_sign || bytes >= inline.text.len() {
            ctx.indent += step;
            self.put(Content::Text(inline), &ctx);
            return;
        }
        let marker = if lead.ends_with(['.', ')']) {
            format!("{lead} ")
        } else {
            "• ".to_owned()
        };
        ctx.indent += step + marker.chars().count();
        self.sink().marker = Some(marker);
        let inline = inline.without_lead(bytes);
        self.put(Content::Text(inline), &ctx);
    }

    /// Puts a block below the others.
    pub(super) fn put(&mut self, content: Content, ctx: &Ctx) {
        let pictures = &self.page.pictures;
        let is_large = |n: usize| pictures.get(n).is_some_and(Image::is_large);
        let is_picture =
            matches!(&content, Content::Text(text) if text.lone_picture().is_some_and(is_large));
        let sink = self.sink();
        let takes_place = !matches!(content, Content::Hidden(_));
        let block = Block {
            content,
            gap: if takes_place {
                std::mem::take(&mut sink.gap)
            } else {
                Gap::None
            },
            quote: ctx.quote,
            indent: ctx.indent,
            marker: if takes_place {
                sink.marker.take()
            } else {
                None
            },
            kind: ctx.kind,
            align: if ctx.is_rtl {
                Align::FromRight
            } else {
                ctx.align
            },
            is_pre: ctx.is_pre,
            is_picture,
        };
        sink.blocks.push(block);
    }

    fn end_pre_line(&mut self, ctx: &Ctx) {
        let inline = std::mem::take(&mut self.sink().inline);
        if inline.is_blank() {
            self.gap(Gap::Full);
        } else {
            self.put(Content::Text(inline.trimmed()), ctx);
        }
    }

    /// A line ends, and the paragraph goes on.
    pub(super) fn line_break(&mut self) {
        let ctx = self.ctx();
        if ctx.is_pre {
            self.end_pre_line(&ctx);
        } else if self.sink().inline.is_blank() {
            self.sink().inline = Inline::default();
            self.gap(Gap::Full);
        } else {
            self.flush_as(&ctx);
        }
    }

    /// Wants that much space above what comes next.
    pub(super) fn gap(&mut self, gap: Gap) {
        let sink = self.sink();
        // Within an item, nothing stands between its sign and its text.
        if sink.marker.is_none() {
            sink.gap = sink.gap.max(gap);
        }
    }

    /// Ends a paragraph and wants that much space.
    pub(super) fn part(&mut self, gap: Gap) {
        self.flush();
        self.gap(gap);
    }

    /// The next block begins with this sign.
    pub(super) fn mark(&mut self, marker: String) {
        self.sink().marker = Some(marker);
    }

    pub(super) fn is_line_empty(&mut self) -> bool {
        self.sink().inline.is_blank()
    }

    pub(super) fn take_gap(&mut self) -> Gap {
        std::mem::take(&mut self.sink().gap)
    }

    pub(super) fn drop_marker(&mut self) {
        self.sink().marker = None;
    }

    pub(super) fn begin_table(&mut self, is_presentation: bool, ctx: &Ctx) {
        self.part(Gap::Table);
        self.groups += 1;
        self.tables.push(Found {
            rows: Vec::new(),
            is_presentation,
            group: self.groups,
            quote: ctx.quote,
            indent: ctx.indent,
            kind: ctx.kind,
        });
    }

    pub(super) fn begin_cell(&mut self, cell: FoundCell) {
        self.cells.push(Sink {
            cell,
            ..Sink::default()
        });
    }

    pub(super) fn end_cell(&mut self) {
        self.flush();
        let Some(sink) = self.cells.pop() else {
            return;
        };
        let cell = FoundCell {
            blocks: sink.blocks,
            after: sink.gap,
            ..sink.cell
        };
        if let Some(table) = self.tables.last_mut() {
            match table.rows.last_mut() {
                Some(row) => row.push(cell),
                None => table.rows.push(vec![cell]),
            }
        }
    }

    pub(super) fn end_table(&mut self) {
        self.flush();
        let Some(table) = self.tables.pop() else {
            return;
        };
        let mut blocks = table.into_blocks();
        let sink = self.sink();
        if let Some(first) = blocks.iter_mut().find(|b| b.is_seen()) {
            first.gap = first.gap.max(std::mem::take(&mut sink.gap));
            if first.marker.is_none() {
                first.marker = sink.marker.take();
            }
        }
        sink.blocks.append(&mut blocks);
        self.gap(Gap::Table);
    }
}

/// A short number in other digits.
fn in_digits(text: &str, digits: &[char; 10]) -> Option<String> {
    let is_short = text.trim().len() <= 4;
    let digit = |c: char| digits.get(usize::try_from(c.to_digit(10)?).ok()?).copied();
    text.trim()
        .chars()
        .map(digit)
        .collect::<Option<String>>()
        .filter(|_| is_short)
}
