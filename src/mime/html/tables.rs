//! What a table of a page becomes: rows of data, rows of a layout, or what it holds, one below another.
//!
//! Called by `flow` when a table ends. Most tables of mail lay out the page: only what reads like data
//! is kept side by side. Nothing that a cell holds may get lost on the way.

use super::block::{Block, Cell, Content, Gap, Inline, Rows};
use super::look::Align;
use crate::mime::wrap::columns;
use crate::model::LineKind;

/// More of a cell's text is no entry of a table.
const CELL_COLS_MAX: usize = 60;
const HEADED_CELL_COLS_MAX: usize = 400;
const CELL_TEXTS_MAX: usize = 5;
/// Cells that are longer together are not read side by side.
const ROW_COLS_MAX: usize = 96;
const BRIEF_COLS: usize = 24;
/// Texts of several lines that are longer are not read side by side.
const COLUMN_COLS: usize = 32;
/// A cell that spans more columns spans one.
const SPAN_MAX: usize = 20;
const COLUMNS_MAX: usize = 60;

/// A cell as it was found.
#[derive(Debug, Default)]
pub(super) struct FoundCell {
    pub(super) blocks: Vec<Block>,
    pub(super) is_head: bool,
    pub(super) is_right: bool,
    pub(super) span: usize,
    pub(super) rows: usize,
    /// The space that its last block wants below.
    pub(super) after: Gap,
}

/// A table as it was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Vec<FoundCell>>,
    pub(super) is_presentation: bool,
    pub(super) group: usize,
    pub(super) quote: usize,
    pub(super) indent: usize,
    pub(super) kind: LineKind,
}

impl FoundCell {
    fn seen(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|b| b.is_seen())
    }

    fn is_empty(&self) -> bool {
        self.seen().next().is_none()
    }

    fn cols(&self) -> usize {
        let texts = self.seen().filter_map(Block::text);
        texts.map(Inline::cols).max().unwrap_or(0)
    }

    /// Whether it is a few short texts, as an entry of a table is.
    fn is_entry(&self, cols_max: usize) -> bool {
        let is_plain = |b: &Block| {
            let is_text = matches!(b.content, Content::Text(_) | Content::Hidden(_));
            let is_brief = b.text().is_none_or(|t| t.cols() <= BRIEF_COLS);
            let is_title = b.kind == LineKind::Heading && !is_brief;
            is_text && !is_title && b.marker.is_none() && !b.is_picture
        };
        self.blocks.iter().all(is_plain)
            && self.seen().count() <= CELL_TEXTS_MAX
            && self.cols() <= cols_max
    }

    fn lone_text(&self) -> Option<&Inline> {
        let mut seen = self.seen();
        let first = seen.next()?.text();
        first.filter(|_| seen.next().is_none())
    }

    fn is_picture(&self) -> bool {
        let mut seen = self.seen().peekable();
        let is_some = seen.peek().is_some();
        is_some && seen.all(|b| b.text().is_some_and(|t| t.lone_picture().is_some()))
    }

    /// The cell, and what of it takes no place in a row.
    fn into_cell(self) -> (Cell, Vec<Block>) {
        let mut is_right = self.is_right;
        let mut texts = Vec::new();
        let mut rest = Vec::new();
        for block in self.blocks {
            is_right |= block.align == Align::Right;
            match block.content {
                Content::Text(mut text) => {
                    if block.kind == LineKind::Heading {
                        text.make_bold();
                    }
                    texts.push(text);
                }
                _ => rest.push(block),
            }
        }
        let cell = Cell {
            texts,
            is_right,
            span: self.span.clamp(1, SPAN_MAX),
            is_head: self.is_head,
        };
        (cell, rest)
    }
}

impl Found {
    /// Turns the table into blocks.
    pub(super) fn into_blocks(mut self) -> Vec<Block> {
        self.spread_rows();
        if self.is_data() {
            self.data()
        } else {
            self.layout()
        }
    }

    /// Puts empty cells where cells of rows above reach down.
    fn spread_rows(&mut self) {
        if self.rows.iter().flatten().all(|c| c.rows <= 1) {
            return;
        }
        let mut below: Vec<usize> = Vec::new();
        for row in &mut self.rows {
            let mut out = Vec::with_capacity(row.len());
            let mut cells = std::mem::take(row).into_iter().peekable();
            let mut at = 0;
            while at < COLUMNS_MAX {
                if let Some(left) = below.get_mut(at).filter(|left| **left > 0) {
                    *left -= 1;
                    out.push(FoundCell {
                        span: 1,
                        ..FoundCell::default()
                    });
                    at += 1;
                    continue;
                }
                let Some(cell) = cells.next() else {
                    if below.iter().skip(at).all(|left| *left == 0) {
                        break;
                    }
                    at += 1;
                    continue;
                };
                let span = cell.span.clamp(1, SPAN_MAX);
                if cell.rows > 1 {
                    below.resize(below.len().max(at + span), 0);
                    let reach = below.iter_mut().skip(at).take(span);
                    reach.for_each(|left| *left = cell.rows - 1);
                }
                at += span;
                out.push(cell);
            }
            out.extend(cells);
            *row = out;
        }
    }

    fn columns(&self) -> usize {
        let spans = |row: &Vec<FoundCell>| row.iter().map(|c| c.span.clamp(1, SPAN_MAX)).sum();
        self.rows.iter().map(spans).max().unwrap_or(0)
    }

    fn is_data(&self) -> bool {
        let is_wide = (2..=COLUMNS_MAX).contains(&self.columns());
        let cells = || self.rows.iter().flatten();
        let has_head = cells().any(|c| c.is_head && !c.is_empty());
        if !is_wide || cells().any(|c| !c.is_entry(HEADED_CELL_COLS_MAX)) {
            return false;
        }
        if has_head {
            return true;
        }
        let full = |row: &&Vec<FoundCell>| row.iter().filter(|c| !c.is_empty()).count() > 1;
        let full_rows = self.rows.iter().filter(full).count();
        let lone_rows = self.rows.len() - full_rows;
        !self.is_presentation
            && full_rows > 1
            && lone_rows <= full_rows
            && cells().all(|c| c.cols() <= CELL_COLS_MAX && !c.is_picture())
            && !self.rows.iter().any(|row| bullet(row).is_some())
    }

    fn data(self) -> Vec<Block> {
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut rest = Vec::new();
        for row in self.rows {
            let mut out = Vec::with_capacity(row.len());
            for cell in row {
                let (cell, left) = cell.into_cell();
                rest.extend(left);
                out.push(cell);
            }
            if out.iter().any(|c| !c.is_empty()) {
                rows.push(out);
            }
        }
        let is_head = |row: &&Vec<Cell>| row.iter().all(|c| c.is_head || c.is_empty());
        let mut heads = rows.iter().take_while(is_head).count();
        if heads == 0 {
            // A first row that alone is strong names the columns too.
            let is_bold = |row: &Vec<Cell>| {
                let mut cells = row.iter().filter(|c| !c.is_empty());
                cells.clone().count() > 1 && cells.all(|c| c.texts.iter().all(Inline::is_bold))
            };
            heads = usize::from(
                rows.first().is_some_and(is_bold)
                    && rows.len() > 2
                    && rows.iter().skip(1).filter(|r| is_bold(r)).count() * 2 < rows.len(),
            );
        }
        if heads >= rows.len() {
            heads = 0;
        }
        for (n, cell) in rows.iter_mut().enumerate().flat_map(|(n, row)| {
            let cells = row.iter_mut();
            cells.map(move |cell| (n, cell))
        }) {
            if cell.is_head || n < heads {
                cell.texts.iter_mut().for_each(Inline::make_bold);
            }
        }
        let content = Content::Rows(Rows {
            rows,
            heads,
            is_data: true,
            group: self.group,
        });
        let mut blocks = vec![Block {
            content,
            gap: Gap::Full,
            quote: self.quote,
            indent: self.indent,
            marker: None,
            kind: self.kind,
            align: Align::Start,
            is_pre: false,
            is_picture: false,
        }];
        blocks.extend(rest);
        blocks
    }

    fn layout(self) -> Vec<Block> {
        let Self {
            rows,
            group,
            quote,
            indent,
            kind,
            ..
        } = self;
        let mut out = Vec::new();
        let mut was_item = false;
        let mut after = Gap::None;
        for row in rows {
            let from = out.len();
            let mut gap = Gap::Row.max(std::mem::take(&mut after));
            let item = bullet(&row);
            if was_item && item.is_some() {
                gap = Gap::None;
            }
            was_item = item.is_some();
            if let Some(marker) = item {
                itemised(row, marker, &mut out);
            } else if reads_as_row(&row) {
                let cells = side_by_side(row, &mut out);
                out.push(Block {
                    content: Content::Rows(Rows {
                        rows: vec![cells],
                        heads: 0,
                        is_data: false,
                        group,
                    }),
                    gap: Gap::Row,
                    quote,
                    indent: 0,
                    marker: None,
                    kind,
                    align: Align::Start,
                    is_pre: false,
                    is_picture: false,
                });
            } else {
                after = one_below_another(row, &mut out);
            }
            raise(out.get_mut(from), gap);
            // What stood in cells stands where the table stood.
            let moved = out.iter_mut().skip(from);
            moved.for_each(|block| block.indent += indent);
        }
        out
    }
}

/// The cells of a row; pictures stand above it, where they have lines of their own.
fn side_by_side(row: Vec<FoundCell>, out: &mut Vec<Block>) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(row.len());
    for cell in row {
        if cell.is_picture() {
            out.extend(cell.blocks);
            cells.push(Cell {
                span: cell.span.clamp(1, SPAN_MAX),
                ..Cell::default()
            });
            continue;
        }
        let (cell, rest) = cell.into_cell();
        out.extend(rest);
        cells.push(cell);
    }
    cells
}

/// Puts the cells of a row below one another. The space that the last of them wants below.
fn one_below_another(row: Vec<FoundCell>, out: &mut Vec<Block>) -> Gap {
    let from = out.len();
    let mut was_long = false;
    let mut after = Gap::None;
    for cell in row {
        let at = out.len();
        let is_long = cell.seen().nth(1).is_some();
        let between = if is_long || was_long {
            Gap::Table
        } else {
            Gap::Row
        };
        let between = between.max(after);
        if !cell.is_empty() {
            was_long = is_long;
            after = cell.after.min(Gap::Table);
        }
        out.extend(cell.blocks);
        if at > from {
            raise(out.get_mut(at), between);
        }
    }
    after
}

fn raise(block: Option<&mut Block>, gap: Gap) {
    if let Some(block) = block {
        block.gap = block.gap.max(gap);
    }
}

/// Whether the cells of a layout are read side by side: a name and its value, an item and its price.
fn reads_as_row(row: &[FoundCell]) -> bool {
    let full: Vec<&FoundCell> = row
        .iter()
        .filter(|c| !c.is_empty() && !c.is_picture())
        .collect();
    let is_many = full.len() > 1 && row.len() <= COLUMNS_MAX;
    if !is_many || full.iter().any(|c| !c.is_entry(HEADED_CELL_COLS_MAX)) {
        return false;
    }
    let long = full.iter().filter(|c| c.cols() > BRIEF_COLS).count();
    let cols: usize = full.iter().map(|c| c.cols() + 2).sum();
    let is_priced = full.last().is_some_and(|c| c.cols() <= BRIEF_COLS);
    let texts = full.iter().map(|c| c.seen().count()).max().unwrap_or(0);
    let is_brief = cols <= ROW_COLS_MAX && long <= 1;
    // Columns of several lines each are articles side by side.
    let is_even =
        full.iter().all(|c| c.seen().count() > 2) && full.iter().any(|c| c.cols() > COLUMN_COLS);
    (is_brief && !is_even) || (is_priced && long <= 1 && texts <= 3)
}

/// The sign that makes a row an item of a list: one in a cell of its own before the text.
fn bullet(row: &[FoundCell]) -> Option<String> {
    let mut full = row.iter().filter(|c| !c.is_empty());
    let (first, second) = (full.next()?, full.next()?);
    if full.next().is_some() || second.is_picture() {
        return None;
    }
    let text = first.lone_text()?;
    let sign = text.text.trim();
    let has_link = text.marks.iter().any(|m| m.link.is_some());
    let number = sign.trim_end_matches(['.', ')']);
    let is_number = number.len() < sign.len()
        && number.len() <= 2
        && number.bytes().all(|b| b.is_ascii_digit());
    let is_sign = columns(sign) <= 2 && sign.chars().all(|c| !c.is_alphanumeric() && c != '$');
    let is_bullet = matches!(
        sign,
        "•" | "·" | "◦" | "▪" | "‣" | "●" | "■" | "*" | "-" | "–"
    );
    if has_link || sign.is_empty() {
        None
    } else if is_bullet {
        Some("• ".to_owned())
    } else {
        (is_number || is_sign).then(|| format!("{sign} "))
    }
}

fn itemised(row: Vec<FoundCell>, marker: String, out: &mut Vec<Block>) {
    let cols = columns(&marker);
    let mut marker = Some(marker);
    let mut is_sign = true;
    for cell in row {
        if cell.is_empty() {
            out.extend(cell.blocks);
            continue;
        }
        if std::mem::take(&mut is_sign) {
            out.extend(cell.blocks.into_iter().filter(|b| !b.is_seen()));
            continue;
        }
        out.extend(cell.blocks.into_iter().map(|mut block| {
            block.indent += cols;
            if block.is_seen() && block.marker.is_none() {
                block.marker = marker.take();
            }
            block
        }));
    }
}
