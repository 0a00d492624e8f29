//! What the elements of HTML mean for a reader.
//!
//! Called by `flow` on the way in and out of each. Nothing that a sender writes may look like a sign of
//! ours: what we add is marked as ours.

use super::block::{Content, Gap, Style};
use super::flow::{Ctx, Flow, List};
use super::look::{Align, Display, Look};
use super::tables::FoundCell;
use super::tree::Id;
use crate::model::LineKind;

/// Digits above and below the line.
const SUPERSCRIPT: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
const SUBSCRIPT: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];

/// Stands before and behind what is struck out, as in Markdown.
const STRUCK: &str = "~~";

/// Whether what has this class is the sender's signature.
pub(super) fn is_signature_class(class: &str) -> bool {
    matches!(
        class,
        "AppleMailSignature"
            | "gmail_signature"
            | "moz-signature"
            | "Signature"
            | "signature"
            | "x_Signature"
    ) || class.starts_with("ms-outlook-mobile-signature")
}

/// Whether what has this class stands below the text.
pub(super) fn is_footer_class(class: &str) -> bool {
    class.to_ascii_lowercase().contains("footer")
}

const fn is_block(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"address"
            | b"article"
            | b"aside"
            | b"body"
            | b"center"
            | b"details"
            | b"dialog"
            | b"div"
            | b"fieldset"
            | b"figcaption"
            | b"footer"
            | b"form"
            | b"header"
            | b"hgroup"
            | b"html"
            | b"legend"
            | b"main"
            | b"nav"
            | b"optgroup"
            | b"option"
            | b"search"
            | b"section"
            | b"summary"
            | b"caption"
    )
}

impl Flow<'_> {
    pub(super) fn attr(&self, id: Id, name: &str) -> Option<&str> {
        self.tree.attr(id, name)
    }

    pub(super) fn has_class(&self, id: Id, is_it: impl Fn(&str) -> bool) -> bool {
        let class = self.attr(id, "class").unwrap_or_default();
        let name = self.attr(id, "id").unwrap_or_default();
        class.split_whitespace().chain([name]).take(50).any(is_it)
    }

    /// Begins an element. What holds inside it; `None` to pass over it.
    pub(super) fn begin(&mut self, id: Id) -> Option<Ctx> {
        let tree = self.tree;
        let name = tree.name(id);
        let look = self.facts.of(id).look;
        let ctx = self.inside(id, name, &look);
        match name {
            "script" | "style" | "template" | "title" | "noscript" | "object" | "svg" | "head"
            | "rp" | "datalist" | "iframe" => return None,
            "br" => {
                self.line_break();
                return None;
            }
            "hr" => {
                self.part(Gap::None);
                self.put(Content::Rule, &ctx);
                return None;
            }
            "p" | "div" | "table" if look.has_line && self.is_divider(id) => {
                self.part(Gap::None);
                self.put(Content::Rule, &ctx);
                return None;
            }
            "img" => {
                self.picture(id, &ctx);
                return None;
            }
            "a" => return Some(self.begin_link(id, ctx, &look)),
            "input" | "select" | "textarea" | "button" => return self.control(id, name, ctx),
            "table" => {
                let role = self.attr(id, "role").unwrap_or_default();
                let is_presentation = matches!(role, "presentation" | "none");
                self.begin_table(is_presentation, &ctx);
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.rows.push(Vec::new());
                }
            }
            "td" | "th" => {
                let number = |name: &str| {
                    let found = tree.attr(id, name);
                    found.and_then(|n| n.trim().parse().ok()).unwrap_or(1)
                };
                self.begin_cell(FoundCell {
                    is_head: name == "th",
                    is_right: look.align == Some(Align::Right),
                    span: number("colspan"),
                    rows: number("rowspan").min(20),
                    ..FoundCell::default()
                });
                self.begin_struck(id, name, &look, &ctx);
                // The outer lists and signs do not reach into it.
                return Some(Ctx { indent: 0, ..ctx });
            }
            "li" | "ul" | "ol" | "menu" | "dir" | "dl" => {
                return Some(self.begin_list(id, name, ctx));
            }
            "q" => self.words_of_ours("“", &ctx),
            "rt" => self.words_of_ours("(", &ctx),
            _ => self.begin_block(id, name, &look),
        }
        self.begin_struck(id, name, &look, &ctx);
        Some(ctx)
    }

    /// What is struck out stands between signs as well: many terminals have no line for it, and it
    /// would read as if it were still so.
    fn begin_struck(&mut self, id: Id, name: &str, look: &Look, ctx: &Ctx) {
        let is_in_line = matches!(name, "td" | "th" | "p")
            || !matches!(name, "table" | "tr") && self.gap_of(id, name, look).is_none();
        let is_begun = self.striking.is_some() || self.ctx().emphasis.is_struck;
        if ctx.emphasis.is_struck && !is_begun && is_in_line && self.facts.of(id).text_bytes > 0 {
            self.striking = Some(id);
            self.words_of_ours(STRUCK, ctx);
        }
    }

    /// Whether an element is there for the line that it has, and across the page: what stands over
    /// some columns only divides these.
    fn is_divider(&self, id: Id) -> bool {
        let fact = self.facts.of(id);
        let above = std::iter::successors(self.tree.parent(id), |id| self.tree.parent(*id));
        let cell = above.take(4).find(|id| self.tree.name(*id) == "td");
        let is_across = cell.is_none_or(|cell| self.attr(cell, "colspan").is_none());
        fact.text_bytes == 0 && fact.pictures == 0 && is_across
    }

    /// The space that a block wants around it.
    fn gap_of(&self, id: Id, name: &str, look: &Look) -> Option<Gap> {
        Some(match name {
            "p" => {
                let is_tight = look.has_no_margin == Some(true)
                    || self.has_class(id, |c| c.starts_with("Mso") || c.starts_with("p1"));
                if is_tight { Gap::None } else { Gap::Full }
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if look.has_no_margin == Some(true) => Gap::Row,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "pre" | "figure"
            | "listing" | "xmp" => Gap::Full,
            "dt" | "dd" => Gap::None,
            _ if is_block(name) => {
                let is_apart = look.has_no_margin == Some(false) || look.has_padding;
                if is_apart && look.display != Some(Display::Inline) {
                    Gap::Row
                } else {
                    Gap::None
                }
            }
            _ if look.display == Some(Display::Block)
                && !matches!(name, "tbody" | "thead" | "tfoot") =>
            {
                Gap::None
            }
            _ => return None,
        })
    }

    fn begin_block(&mut self, id: Id, name: &str, look: &Look) {
        if let Some(gap) = self.gap_of(id, name, look) {
            self.part(gap);
        }
    }

    /// What holds inside an element.
    fn inside(&self, id: Id, name: &str, look: &Look) -> Ctx {
        let mut ctx = self.ctx();
        let emphasis = &mut ctx.emphasis;
        match name {
            "b" | "strong" | "dt" | "caption" | "legend" => emphasis.is_bold = true,
            "i" | "em" | "cite" | "dfn" | "var" => emphasis.is_italic = true,
            "u" | "ins" => emphasis.is_underlined = true,
            "s" | "strike" | "del" => emphasis.is_struck = true,
            "code" | "kbd" | "samp" | "tt" => emphasis.is_code = true,
            "pre" | "listing" | "xmp" => {
                emphasis.is_code = true;
                ctx.is_pre = true;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => ctx.kind = LineKind::Heading,
            "sup" => ctx.script = Some(&SUPERSCRIPT),
            "sub" => ctx.script = Some(&SUBSCRIPT),
            "center" => ctx.align = Align::Center,
            "table" => ctx.align = Align::Start,
            "dd" => ctx.indent += 2,
            "footer" => ctx.kind = LineKind::Signature,
            "font" => ctx.font_px = self.font_size(id).or(ctx.font_px),
            "p" => {
                let is_item = self.has_class(id, |c| c.starts_with("MsoListParagraph"));
                ctx.list_level = look.list_level.or(is_item.then_some(1)).or(ctx.list_level);
            }
            "blockquote" => {
                // Some senders indent by way of a quote.
                if look.has_no_border && look.has_no_margin.is_some() {
                    ctx.indent += 2;
                } else {
                    ctx.quote += 1;
                }
            }
            _ => {}
        }
        self.styled(id, name, look, ctx)
    }

    /// What a style and the classes of an element say.
    fn styled(&self, id: Id, name: &str, look: &Look, mut ctx: Ctx) -> Ctx {
        let own = [
            (look.is_bold, &mut ctx.emphasis.is_bold),
            (look.is_italic, &mut ctx.emphasis.is_italic),
            // Only links are underlined to be seen as such, and they are.
            (
                look.is_underlined.filter(|_| name != "a"),
                &mut ctx.emphasis.is_underlined,
            ),
            (look.is_struck, &mut ctx.emphasis.is_struck),
        ];
        for (said, place) in own {
            *place = said.unwrap_or(*place);
        }
        if name != "table" {
            // That of a table is where the table goes.
            ctx.align = look.align.unwrap_or(ctx.align);
        }
        ctx.is_pre = look.is_pre.unwrap_or(ctx.is_pre);
        ctx.font_px = look.font_px.filter(|_| !look.has_no_size).or(ctx.font_px);
        match self.attr(id, "dir") {
            Some("rtl" | "RTL") => ctx.is_rtl = true,
            Some("ltr" | "LTR") => ctx.is_rtl = false,
            _ => {}
        }
        // Its senders quote without saying so, but for this.
        ctx.quote += usize::from(self.has_class(id, |c| c == "yahoo_quoted"));
        if self.has_class(id, |c| is_signature_class(c) || is_footer_class(c))
            && ctx.kind == LineKind::Text
        {
            ctx.kind = LineKind::Signature;
        }
        ctx
    }

    fn font_size(&self, id: Id) -> Option<f32> {
        match self.attr(id, "size")?.trim() {
            "1" | "-2" => Some(10.0),
            "2" | "-1" => Some(13.0),
            "5" | "+2" => Some(24.0),
            "6" | "7" | "+3" | "+4" => Some(32.0),
            _ => Some(16.0),
        }
    }

    /// Ends an element.
    pub(super) fn end(&mut self, id: Id) {
        let tree = self.tree;
        let name = tree.name(id);
        let look = self.facts.of(id).look;
        let ctx = self.ctx();
        if self.striking == Some(id) {
            self.striking = None;
            self.words_of_ours(STRUCK, &ctx);
        }
        match name {
            "a" => self.end_link(id, &ctx, &look),
            "table" => self.end_table(),
            "td" | "th" => self.end_cell(),
            "ul" | "ol" | "menu" | "dir" => {
                self.flush();
                self.lists.pop();
                if self.lists.is_empty() {
                    self.gap(Gap::Full);
                }
            }
            "li" => {
                self.flush();
                self.drop_marker();
                self.take_gap();
            }
            "q" => self.words_of_ours("”", &ctx),
            "rt" => self.words_of_ours(")", &ctx),
            "button" => {
                self.words_of_ours(" ]", &ctx);
                self.part(Gap::None);
            }
            "form" => {
                self.flush();
                let has_fields = self.has_fields(id);
                if has_fields {
                    let plain = Ctx { indent: 0, ..ctx };
                    self.put(
                        Content::Note("A form: it can only be filled in in a browser."),
                        &plain,
                    );
                }
                self.gap(Gap::Full);
            }
            "dl" => self.part(Gap::Full),
            _ => {
                let gap = self.gap_of(id, name, &look);
                // Below a headline that wants no space, its text begins.
                let is_tight = gap == Some(Gap::Row) && ctx.kind == LineKind::Heading;
                if let Some(gap) = gap {
                    self.part(if is_tight { Gap::None } else { gap });
                }
            }
        }
    }

    fn has_fields(&self, form: Id) -> bool {
        let mut left: Vec<Id> = self.tree.children(form).collect();
        let mut looked = 0;
        while let Some(id) = left.pop() {
            looked += 1;
            let kind = self.attr(id, "type").unwrap_or_default();
            match self.tree.name(id) {
                "select" | "textarea" => return true,
                "input" if kind != "hidden" => return true,
                _ if looked > 2_000 => return false,
                _ => left.extend(self.tree.children(id)),
            }
        }
        false
    }

    pub(super) fn words_of_ours(&mut self, sign: &str, ctx: &Ctx) {
        let style = Style {
            emphasis: ctx.emphasis,
            link: ctx.link,
            picture: None,
        };
        self.piece(sign, style);
    }

    fn begin_list(&mut self, id: Id, name: &str, ctx: Ctx) -> Ctx {
        match name {
            "li" => self.begin_item(id, ctx),
            "dl" => {
                self.part(Gap::Full);
                ctx
            }
            _ => {
                self.flush();
                if self.lists.is_empty() {
                    self.gap(Gap::Full);
                }
                let start = self.attr(id, "start").and_then(|n| n.trim().parse().ok());
                let style = self.attr(id, "type").and_then(|t| t.chars().next());
                let number = (name == "ol").then(|| (start.unwrap_or(1), style.unwrap_or('1')));
                let items = self.tree.children(id);
                let items = items.filter(|c| self.tree.name(*c) == "li").take(200);
                let cols = number.map(|(first, style)| {
                    let numbers = (first..).zip(items).map(|(n, _)| numeral(n, style).len());
                    numbers.max().unwrap_or(1)
                });
                self.lists.push(List {
                    number,
                    has_bullets: !self.facts.of(id).look.is_without_bullets,
                    cols: cols.unwrap_or(0),
                });
                ctx
            }
        }
    }

    fn begin_item(&mut self, id: Id, mut ctx: Ctx) -> Ctx {
        self.flush();
        let depth = self.lists.len();
        let own = self.attr(id, "value").and_then(|n| n.trim().parse().ok());
        let is_bare = self.facts.of(id).look.is_without_bullets;
        let marker = match self.lists.last_mut() {
            Some(list) if is_bare || !list.has_bullets => {
                list.number = list.number.map(|(n, style)| (n.saturating_add(1), style));
                return ctx;
            }
            Some(List {
                number: Some((next, style)),
                cols,
                ..
            }) => {
                let number = own.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{:>1$}. ", numeral(number, *style), *cols)
            }
            Some(_) | None => match depth {
                0 | 1 => "• ".to_owned(),
                2 => "◦ ".to_owned(),
                _ => "▪ ".to_owned(),
            },
        };
        ctx.indent += marker.chars().count();
        self.mark(marker);
        ctx
    }
}

/// A number as the items of a list have it.
fn numeral(number: i64, style: char) -> String {
    let letters = |first: u8| {
        let n = u8::try_from(number - 1).ok().filter(|n| *n < 26)?;
        Some(char::from(first + n).to_string())
    };
    let roman = || {
        const SIGNS: [(i64, &str); 9] = [
            (100, "c"),
            (90, "xc"),
            (50, "l"),
            (40, "xl"),
            (10, "x"),
            (9, "ix"),
            (5, "v"),
            (4, "iv"),
            (1, "i"),
        ];
        let mut left = Some(number).filter(|n| (1..200).contains(n))?;
        let mut out = String::new();
        for (value, sign) in SIGNS {
            while left >= value {
                out.push_str(sign);
                left -= value;
            }
        }
        Some(out)
    };
    let written = match style {
        'a' => letters(b'a'),
        'A' => letters(b'A'),
        'i' => roman(),
        'I' => roman().map(|r| r.to_uppercase()),
        _ => None,
    };
    written.unwrap_or_else(|| number.to_string())
}
