//! Prepares the tree of an HTML text for rendering: what is hidden goes, pictures are named, links
//! get numbers, tables that only lay out the page become blocks.
//!
//! Called by `html`. Nothing in here may recurse over what a mail nested, and a text whose tags could
//! make the parser slow must be refused before it is parsed ([`is_tame`]).

use super::links::Links;
use super::style::{HiddenRules, is_style_hidden};
use crate::model::Picture;
use html2text::config::Config;
use html2text::render::TextDecorator;
use html2text::{Comment, Element, Handle, RcDom};
use std::ops::{Deref, Range};
use std::rc::Rc;

type Node = <Handle as Deref>::Target;

/// Deeper trees are read as text.
const DEPTH_MAX: usize = 200;
/// More tags are too many to be laid out quickly.
const TAGS_MAX: usize = 60_000;
const NODES_MAX: usize = 200_000;
/// A cell that spans more rows or columns spans none.
const SPAN_MAX: u32 = 20;
/// Stands for a rule across the text where html2text would drop it.
pub(crate) const RULE: char = '\u{e123}';
/// The pieces that are put into a tree; there is no other way to make nodes of them.
const PIECES: &str = "<div>\u{e123}</div><div>\u{a0} </div><span></span>";

/// A tree that is ready to be rendered, and how many remote pictures it has.
pub(crate) struct Prepared {
    pub(crate) dom: RcDom,
    pub(crate) blocked_images: u32,
    pub(crate) pictures: Vec<Image>,
}

/// A picture as the page has it.
pub(crate) struct Image {
    pub(crate) source: String,
    pub(crate) alt: String,
    pub(crate) width_px: Option<u32>,
    pub(crate) height_px: Option<u32>,
}

/// Whether the parser can read this in a time that grows with its length alone. Counts what its
/// cost grows with: tags, open elements, open formatting, attributes.
pub(crate) fn is_tame(html: &str) -> bool {
    let mut tags = 0usize;
    let mut blocks = 0usize;
    let (mut depth, mut depth_max) = (0usize, 0usize);
    let (mut styles, mut styles_max) = (0usize, 0usize);
    for tag in html.split('<').skip(1) {
        let (is_end, tag) = match tag.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, tag),
        };
        let name_len = tag.bytes().position(|b| !b.is_ascii_alphanumeric());
        let name = tag.get(..name_len.unwrap_or(tag.len())).unwrap_or("");
        if name.is_empty() {
            continue;
        }
        tags += 1;
        let inner = tag.split('>').next().unwrap_or(tag);
        if inner.len() > 1000 && attributes(inner) > 200 {
            return false;
        }
        match (kind(name), is_end) {
            (Kind::Void, _) | (Kind::SelfClosing, true) => {}
            (Kind::SelfClosing, false) => blocks += 1,
            (Kind::Style, false) => styles += 1,
            (Kind::Style, true) => styles = styles.saturating_sub(1),
            (Kind::Block, false) => {
                blocks += 1;
                depth += 1;
            }
            (Kind::Block, true) => depth = depth.saturating_sub(1),
        }
        depth_max = depth_max.max(depth);
        styles_max = styles_max.max(styles);
        if tags > TAGS_MAX || depth_max > 1000 || styles_max * blocks > 400_000 {
            return false;
        }
    }
    true
}

/// Blanks outside quotes, nearly.
fn attributes(tag: &str) -> usize {
    let mut quote = None;
    tag.bytes()
        .filter(|b| {
            match quote {
                Some(q) if q == *b => quote = None,
                None if matches!(b, b'"' | b'\'') => quote = Some(*b),
                _ => {}
            }
            quote.is_none() && (b.is_ascii_whitespace() || *b == b'/')
        })
        .count()
}

enum Kind {
    Void,
    /// Ended by the next of its kind, so that a missing end tag means nothing.
    SelfClosing,
    /// Opened anew in each block while it is open.
    Style,
    Block,
}

fn kind(name: &str) -> Kind {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "area" | "base" | "br" | "col" | "embed" | "hr" | "img" | "input" | "link" | "meta"
        | "param" | "source" | "track" | "wbr" | "o" | "v" => Kind::Void,
        "p" | "li" | "td" | "th" | "tr" | "dd" | "dt" | "option" | "tbody" | "thead" | "tfoot" => {
            Kind::SelfClosing
        }
        "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike"
        | "strong" | "tt" | "u" => Kind::Style,
        _ => Kind::Block,
    }
}

/// Parses and prepares; `None` when the tree is too big or too deep.
pub(crate) fn prepare<D: TextDecorator>(
    config: &Config<D>,
    html: &str,
    links: &mut Links,
) -> Option<Prepared> {
    let dom = config.parse_html(html.as_bytes()).ok()?;
    let pieces = Pieces::new(config)?;
    let mut walk = Walk {
        nodes: vec![Seen::new(dom.document.clone())],
        hidden: HiddenRules::default(),
        blocked_images: 0,
        pictures: Vec::new(),
    };
    walk.collect()?;
    walk.judge_tables();
    let fates = walk.fates(&pieces, links);
    walk.apply(fates, &pieces);
    Some(Prepared {
        dom,
        blocked_images: walk.blocked_images,
        pictures: walk.pictures,
    })
}

/// Nodes to copy from.
struct Pieces {
    block: Handle,
    span: Handle,
    rule: Handle,
    gap: Handle,
}

impl Pieces {
    fn new<D: TextDecorator>(config: &Config<D>) -> Option<Self> {
        let dom = config.parse_html(PIECES.as_bytes()).ok()?;
        let html = dom.document.children.borrow().first().cloned()?;
        let body = html.children.borrow().last().cloned()?;
        let child = |parent: &Handle, n: usize| parent.children.borrow().get(n).cloned();
        let block = child(&body, 0)?;
        Some(Self {
            rule: child(&block, 0)?,
            gap: child(&child(&body, 1)?, 0)?,
            span: child(&body, 2)?,
            block,
        })
    }
}

/// One node of the tree and what was learnt of it.
struct Seen {
    node: Handle,
    parent: usize,
    depth: usize,
    /// Where its children are.
    children: Range<usize>,
    /// The nearest table around it, and the nearest cell.
    table: Option<usize>,
    cell: Option<usize>,
    is_in_link: bool,
    /// Of a table: what tells layout from data. Of a cell: whether it holds blocks, and its words.
    facts: Facts,
}

#[derive(Default)]
struct Facts {
    has_table: bool,
    has_head: bool,
    has_block: bool,
    has_font_size: bool,
    is_presentation: bool,
    rows: u32,
    columns: u32,
    text_bytes: usize,
}

impl Seen {
    fn new(node: Handle) -> Self {
        Self {
            node,
            parent: 0,
            depth: 0,
            children: 0..0,
            table: None,
            cell: None,
            is_in_link: false,
            facts: Facts::default(),
        }
    }

    fn name(&self) -> &str {
        match &self.node.data {
            Element { name, .. } => &name.local,
            _ => "",
        }
    }

    fn attr(&self, wanted: &str) -> Option<String> {
        let Element { attrs, .. } = &self.node.data else {
            return None;
        };
        let attrs = attrs.borrow();
        let found = attrs.iter().find(|a| &*a.name.local == wanted)?;
        Some(found.value.to_string())
    }

    /// Sets an attribute that a picture or link may not have yet, by way of one that it has.
    fn set_attr(&self, wanted: &str, value: &str) {
        let Element { attrs, .. } = &self.node.data else {
            return;
        };
        let mut attrs = attrs.borrow_mut();
        if let Some(found) = attrs.iter_mut().find(|a| &*a.name.local == wanted) {
            found.value = value.into();
        } else if let Some(mut made) = attrs.first().cloned() {
            made.name.local = wanted.into();
            made.value = value.into();
            attrs.push(made);
        }
    }

    fn remove_attr(&self, wanted: &str) {
        if let Element { attrs, .. } = &self.node.data {
            attrs.borrow_mut().retain(|a| &*a.name.local != wanted);
        }
    }
}

/// What becomes of a node.
enum Fate {
    Stays,
    Goes,
    Becomes(Handle),
}

struct Walk {
    /// Level by level, so that the children of a node lie side by side.
    nodes: Vec<Seen>,
    hidden: HiddenRules,
    blocked_images: u32,
    pictures: Vec<Image>,
}

impl Walk {
    fn collect(&mut self) -> Option<()> {
        let mut at = 0;
        while let Some(seen) = self.nodes.get(at) {
            let (depth, table, cell) = (seen.depth + 1, seen.table, seen.cell);
            if depth > DEPTH_MAX || self.nodes.len() > NODES_MAX {
                return None;
            }
            let name = seen.name().to_owned();
            let is_in_link = seen.is_in_link || name == "a";
            let children: Vec<Handle> = seen.node.children.borrow().clone();
            let from = self.nodes.len();
            let below = if name == "table" {
                (Some(at), None)
            } else {
                (table, cell)
            };
            let below = if is_cell(&name) {
                (below.0, Some(at))
            } else {
                below
            };
            for node in children {
                self.nodes.push(Seen {
                    parent: at,
                    depth,
                    table: below.0,
                    cell: below.1,
                    is_in_link,
                    ..Seen::new(node)
                });
            }
            let to = self.nodes.len();
            if name == "style" {
                self.hidden
                    .add(&text_of(self.nodes.get(from..to).unwrap_or_default()));
            }
            self.learn(at, &name);
            if let Some(seen) = self.nodes.get_mut(at) {
                seen.children = from..to;
            }
            at += 1;
        }
        Some(())
    }

    /// Notes on the table and cell around a node what it says of them.
    fn learn(&mut self, at: usize, name: &str) {
        let Some(seen) = self.nodes.get(at) else {
            return;
        };
        let (table, cell, parent) = (seen.table, seen.cell, seen.parent);
        let is_text = name.is_empty() && !matches!(seen.node.data, Comment { .. });
        let text_bytes = match cell {
            Some(_) if is_text => text_of(std::slice::from_ref(seen)).trim().len(),
            _ => 0,
        };
        let is_presentation = name == "table"
            && matches!(seen.attr("role").as_deref(), Some("presentation" | "none"));
        let sets_font = seen
            .attr("style")
            .is_some_and(|s| s.to_ascii_lowercase().contains("font-size"));
        let row = is_cell(name).then_some(parent);
        let mut fact = |at: Option<usize>, f: &dyn Fn(&mut Facts)| {
            if let Some(seen) = at.and_then(|at| self.nodes.get_mut(at)) {
                f(&mut seen.facts);
            }
        };
        fact(cell, &|f| {
            f.text_bytes += text_bytes;
            f.has_block |= is_block(name);
        });
        fact(row, &|f| f.columns += 1);
        match name {
            "table" => {
                fact(table, &|f| f.has_table = true);
                fact(Some(at), &|f| f.is_presentation = is_presentation);
            }
            "th" => fact(table, &|f| f.has_head = true),
            "tr" => fact(table, &|f| f.rows += 1),
            _ => {}
        }
        let mut above = sets_font.then_some(parent);
        while let Some(seen) = above.and_then(|at| self.nodes.get_mut(at)) {
            // Whoever is marked already has marked all above.
            above = (!std::mem::replace(&mut seen.facts.has_font_size, true) && seen.depth > 0)
                .then_some(seen.parent);
        }
    }

    /// Hands what rows and cells know up to their tables.
    fn judge_tables(&mut self) {
        for at in 0..self.nodes.len() {
            let Some(seen) = self.nodes.get(at) else {
                break;
            };
            let table = seen.table;
            let columns = if seen.name() == "tr" {
                seen.facts.columns
            } else {
                0
            };
            let is_big =
                is_cell(seen.name()) && (seen.facts.has_block || seen.facts.text_bytes > 200);
            if let Some(table) = table.and_then(|t| self.nodes.get_mut(t)) {
                table.facts.columns = table.facts.columns.max(columns);
                table.facts.has_block |= is_big;
            }
        }
    }

    /// Whether a table holds data, and so is drawn as one.
    fn is_data(&self, table: Option<usize>) -> bool {
        let Some(facts) = table.and_then(|t| self.nodes.get(t)).map(|t| &t.facts) else {
            return false;
        };
        let can_be = !facts.has_table && !facts.is_presentation && facts.columns > 1;
        can_be && (facts.has_head || (facts.rows > 1 && !facts.has_block))
    }

    fn fates(&mut self, pieces: &Pieces, links: &mut Links) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(self.nodes.len());
        for at in 0..self.nodes.len() {
            let fate = self.fate(at, pieces, links);
            fates.push(fate);
        }
        fates
    }

    fn fate(&mut self, at: usize, pieces: &Pieces, links: &mut Links) -> Fate {
        let Some(seen) = self.nodes.get(at) else {
            return Fate::Goes;
        };
        let name = seen.name();
        if name.is_empty() {
            return Fate::Stays;
        }
        let copy = |piece: &Handle| Fate::Becomes(Node::new(piece.data.clone()));
        match name {
            "script" | "style" | "template" | "title" | "noscript" | "object" | "svg" => {
                return Fate::Goes;
            }
            "hr" => return copy(&pieces.block),
            "a" => {
                let number = seen.attr("href").and_then(|target| links.add(&target));
                match number {
                    Some(number) => seen.set_attr("href", &number.to_string()),
                    None => seen.remove_attr("href"),
                }
            }
            "td" | "th" => {
                // A cell over thousands of rows costs as much as thousands of cells.
                for span in ["rowspan", "colspan"] {
                    let wanted = seen.attr(span).and_then(|n| n.trim().parse::<u32>().ok());
                    if wanted.is_none_or(|n| n == 0 || n > SPAN_MAX) {
                        seen.remove_attr(span);
                    }
                }
            }
            "img" => {
                let source = seen.attr("src").unwrap_or_default();
                let alt = seen.attr("alt").unwrap_or_default();
                let (is_remote, fate) = picture(seen);
                self.blocked_images += u32::from(is_remote);
                if matches!(fate, Fate::Stays) {
                    seen.set_attr("src", &self.pictures.len().to_string());
                    self.pictures.push(Image {
                        source: source.trim().to_owned(),
                        alt,
                        width_px: pixels(seen, "width"),
                        height_px: pixels(seen, "height"),
                    });
                }
                return fate;
            }
            _ => {}
        }
        if self.is_hidden(seen) {
            return Fate::Goes;
        }
        match name {
            "table" if !self.is_data(Some(at)) => copy(&pieces.block),
            "tbody" | "thead" | "tfoot" | "tr" if !self.is_data(seen.table) => copy(&pieces.block),
            "td" | "th" if !self.is_data(seen.table) => {
                // Short cells side by side, such as a label and its value, stay side by side.
                let is_short = self.nodes.get(seen.parent).is_some_and(|row| {
                    self.nodes.get(row.children.clone()).is_some_and(|cells| {
                        cells
                            .iter()
                            .all(|c| !c.facts.has_block && c.facts.text_bytes < 60)
                    })
                });
                copy(if is_short {
                    &pieces.span
                } else {
                    &pieces.block
                })
            }
            _ => Fate::Stays,
        }
    }

    fn is_hidden(&self, seen: &Seen) -> bool {
        let style = seen.attr("style");
        style.is_some_and(|s| is_style_hidden(&s, seen.facts.has_font_size))
            || seen.attr("hidden").is_some()
            || (!self.hidden.is_empty() && self.hidden.hides(seen.name(), &|a| seen.attr(a)))
    }

    /// Whether a node is a picture worth showing with no words beside it.
    fn stands_alone(&self, parent: &Seen, child: usize) -> bool {
        let siblings = self.nodes.get(parent.children.clone()).unwrap_or_default();
        let is_small = |seen: &Seen| {
            ["width", "height"]
                .iter()
                .any(|side| pixels(seen, side).is_some_and(|px| px < Picture::WORTH_PX))
        };
        self.nodes
            .get(child)
            .is_some_and(|seen| seen.name() == "img" && !is_small(seen))
            && text_of(siblings).trim().is_empty()
    }

    fn apply(&self, fates: Vec<Fate>, pieces: &Pieces) {
        let kept: Vec<Option<Handle>> = self
            .nodes
            .iter()
            .zip(fates)
            .map(|(seen, fate)| match fate {
                Fate::Stays => Some(seen.node.clone()),
                Fate::Goes => None,
                Fate::Becomes(node) => Some(node),
            })
            .collect();
        for (at, seen) in self.nodes.iter().enumerate() {
            let Some(parent) = kept.get(at).and_then(Option::as_ref) else {
                continue;
            };
            let is_flat_row = seen.name() == "tr" && !Rc::ptr_eq(parent, &seen.node);
            let mut children: Vec<Handle> = Vec::with_capacity(seen.children.len());
            if seen.name() == "hr" {
                // In a block of its own, so that it does not go on the line before it.
                children.push(Node::new(pieces.rule.data.clone()));
            }
            for child in seen.children.clone() {
                let Some(Some(node)) = kept.get(child) else {
                    continue;
                };
                if is_flat_row
                    && !children.is_empty()
                    && self.nodes.get(child).is_some_and(|c| is_cell(c.name()))
                {
                    children.push(Node::new(pieces.gap.data.clone()));
                }
                let is_alone = self.stands_alone(seen, child);
                if is_alone {
                    let block = Node::new(pieces.block.data.clone());
                    node.parent.set(Some(Rc::downgrade(&block)));
                    block.children.borrow_mut().push(node.clone());
                    children.push(block);
                    continue;
                }
                children.push(node.clone());
            }
            if !Rc::ptr_eq(parent, &seen.node) {
                // A node that is dropped empties all nodes below it, also those used elsewhere.
                seen.node.children.borrow_mut().clear();
            }
            for child in &children {
                child.parent.set(Some(Rc::downgrade(parent)));
            }
            *parent.children.borrow_mut() = children;
        }
    }
}

/// A side of a picture, as the page says.
fn pixels(seen: &Seen, side: &str) -> Option<u32> {
    seen.attr(side)?.trim().trim_end_matches("px").parse().ok()
}

/// What becomes of a picture, and whether it lies on somebody's server.
fn picture(seen: &Seen) -> (bool, Fate) {
    let source = seen.attr("src").unwrap_or_default();
    let source = source.trim().to_ascii_lowercase();
    let is_remote = ["http:", "https:", "//", "ftp:"]
        .iter()
        .any(|s| source.starts_with(s));
    let is_tiny = |side: &str| pixels(seen, side).is_some_and(|px| px <= 3);
    let is_hidden = seen
        .attr("style")
        .is_some_and(|s| is_style_hidden(&s, false));
    if source.is_empty() || is_hidden || is_tiny("width") || is_tiny("height") {
        return (is_remote, Fate::Goes);
    }
    let alt = seen.attr("alt");
    let words = alt.as_deref().map_or("", str::trim);
    // An empty text says "decoration"; a link that is only a picture must still be reached.
    let is_decoration = words.is_empty() && (alt.is_some() || is_remote) && !seen.is_in_link;
    if is_decoration {
        return (is_remote, Fate::Goes);
    }
    let shown = if words.is_empty() {
        "[image]".to_owned()
    } else {
        format!("[image: {words}]")
    };
    seen.set_attr("alt", &shown);
    (is_remote, Fate::Stays)
}

fn is_cell(name: &str) -> bool {
    matches!(name, "td" | "th")
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "table"
            | "p"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "ul"
            | "ol"
            | "dl"
            | "blockquote"
            | "pre"
            | "hr"
            | "img"
    )
}

/// The text of text nodes; of others, nothing that matters here.
fn text_of(nodes: &[Seen]) -> String {
    let mut out = Vec::new();
    for seen in nodes.iter().filter(|s| s.name().is_empty()) {
        // Writing to memory cannot fail.
        let _written = seen.node.serialize(&mut out).is_ok();
    }
    String::from_utf8_lossy(&out).into_owned()
}
