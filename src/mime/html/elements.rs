//! What the elements of HTML mean for a reader.
//!
//! Called by `flow` on the way in and out of each. Nothing that a sender writes may look like a sign of
//! ours: what we add is marked as ours.

use super::block::{Content, Gap, Style};
use super::flow::{Ctx, Flow, List};
use super::look::{Align, Display, Look};
use super::pictures::{Image, where_to};
use super::tables::FoundCell;
use super::tree::Id;
use crate::model::{Emphasis, LineKind, Safe};

/// Digits above and below the line.
const SUPERSCRIPT: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
const SUBSCRIPT: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
/// Longer words are no label of a button.
const LABEL_MAX: usize = 48;

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
    fn attr(&self, id: Id, name: &str) -> Option<&str> {
        self.tree.attr(id, name)
    }

    fn has_class(&self, id: Id, is_it: impl Fn(&str) -> bool) -> bool {
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
        Some(ctx)
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
            _ if is_block(name) => match look.has_no_margin {
                Some(false) if look.display != Some(Display::Inline) => Gap::Row,
                _ => Gap::None,
            },
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
        let is_signature = |c: &str| {
            matches!(
                c,
                "AppleMailSignature"
                    | "gmail_signature"
                    | "moz-signature"
                    | "Signature"
                    | "signature"
                    | "x_Signature"
            ) || c.starts_with("ms-outlook-mobile-signature")
        };
        let is_footer = |c: &str| c.to_ascii_lowercase().contains("footer");
        if self.has_class(id, |c| is_signature(c) || is_footer(c)) && ctx.kind == LineKind::Text {
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

    fn words_of_ours(&mut self, sign: &str, ctx: &Ctx) {
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
                self.lists.push(List {
                    number,
                    has_bullets: !self.facts.of(id).look.is_without_bullets,
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
                ..
            }) => {
                let number = own.unwrap_or(*next);
                *next = number.saturating_add(1);
                format!("{}. ", numeral(number, *style))
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

    fn begin_link(&mut self, id: Id, mut ctx: Ctx, look: &Look) -> Ctx {
        let target = self.tree.attr(id, "href");
        ctx.link = target.and_then(|target| self.links.add(target));
        self.link_words.clear();
        if ctx.link.is_some() && self.is_button(id, look) {
            self.part(Gap::Table);
            self.words_of_ours("[ ", &ctx);
        } else if look.display == Some(Display::Block) {
            self.part(Gap::None);
        }
        ctx
    }

    /// Whether a link looks like something to press.
    fn is_button(&self, id: Id, look: &Look) -> bool {
        let fact = self.facts.of(id);
        if fact.text_bytes == 0 || fact.text_bytes > LABEL_MAX || fact.pictures > 1 {
            return false;
        }
        let is_coloured = |look: &Look| {
            let is_colour = look.background.is_some_and(|c| c != [255; 3]);
            is_colour || look.has_picture_behind
        };
        let is_named = |c: &str| {
            let c = c.to_ascii_lowercase();
            let is_part = c.split(['-', '_']).any(|w| matches!(w, "btn" | "cta"));
            is_part || c.ends_with("button") || c.ends_with("btn")
        };
        let is_boxed = (is_coloured(look) || look.has_border)
            && (look.has_padding || look.display == Some(Display::InlineBlock));
        if is_boxed || self.has_class(id, is_named) {
            return true;
        }
        // Alone in a coloured cell.
        let parent = self
            .tree
            .parent(id)
            .filter(|p| matches!(self.tree.name(*p), "td" | "th"));
        parent.is_some_and(|cell| {
            let around = self.facts.of(cell);
            is_coloured(&around.look)
                && around.text_bytes == fact.text_bytes
                && (look.has_padding || look.display == Some(Display::InlineBlock))
        })
    }

    fn end_link(&mut self, id: Id, ctx: &Ctx, look: &Look) {
        let Some(number) = ctx.link else {
            return;
        };
        let is_button = self.is_button(id, look);
        if is_button {
            self.words_of_ours(" ]", ctx);
        }
        let words = std::mem::take(&mut self.link_words);
        let words = Safe::line(&words.split_whitespace().collect::<Vec<_>>().join(" "));
        self.links.carry(number, &words, true);
        if let Some(host) = self.links.other_host(number, &words) {
            let emphasis = Emphasis {
                is_ours: true,
                ..Emphasis::default()
            };
            let note = format!("\u{a0}(leads to {host})");
            let style = Style {
                emphasis,
                ..Style::default()
            };
            self.piece(&note, style);
        }
        if is_button {
            self.part(Gap::Table);
        } else if look.display == Some(Display::Block) {
            self.part(Gap::None);
        }
    }

    fn control(&mut self, id: Id, name: &str, ctx: Ctx) -> Option<Ctx> {
        let kind = self
            .attr(id, "type")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let value = self.attr(id, "value").unwrap_or_default().to_owned();
        let is_on = self.attr(id, "checked").is_some();
        let sign = match (name, kind.as_str()) {
            ("input", "hidden") => return None,
            ("button", _) => {
                self.words_of_ours("[ ", &ctx);
                return Some(ctx);
            }
            ("input", "submit" | "button" | "reset") => format!("[ {value} ]"),
            ("input", "checkbox") => if is_on { "[x] " } else { "[ ] " }.to_owned(),
            ("input", "radio") => if is_on { "(x) " } else { "( ) " }.to_owned(),
            ("select", _) => {
                let chosen = |id: &Id| self.attr(*id, "selected").is_some();
                let all = self
                    .tree
                    .children(id)
                    .filter(|c| self.tree.name(*c) == "option");
                let all: Vec<Id> = all.collect();
                let shown = all
                    .iter()
                    .copied()
                    .find(|id| chosen(id))
                    .or(all.first().copied());
                let text = shown.map(|id| self.text_in(id)).unwrap_or_default();
                format!("[ {} ]", text.trim())
            }
            _ if !value.is_empty() => format!("[{value}]"),
            _ => "[____]".to_owned(),
        };
        self.piece(&sign, Style::default());
        None
    }

    /// The text right inside a node.
    fn text_in(&self, id: Id) -> String {
        let texts = self
            .tree
            .children(id)
            .filter_map(|c| match &self.tree.node(c)?.data {
                super::tree::Data::Text(text) => Some(text.as_str()),
                _ => None,
            });
        texts.collect()
    }

    fn picture(&mut self, id: Id, ctx: &Ctx) {
        let fact = self.facts.of(id);
        let image = Image::of(self.tree, id, fact);
        if image.is_tracker() {
            self.page.trackers += 1;
            return;
        }
        if image.is_spacer() {
            return;
        }
        self.page.blocked_images += u32::from(image.is_remote());
        let link = self.enclosing_link(id);
        // A face beside a name that leads to the same place says nothing more.
        let is_told = link.is_some_and(|target| self.facts.is_told(target));
        if is_told && !image.is_large() {
            return;
        }
        let is_decoration = self
            .attr(id, "alt")
            .is_some_and(|alt| alt.trim().is_empty());
        let label = if !image.alt.is_empty() {
            Some(image.alt.clone())
        } else if image.has_place_unsaid(is_decoration) {
            Some(String::new())
        } else {
            // A link that is nothing but a picture must still be reached.
            let target = link.filter(|target| !self.facts.is_told(target));
            target.and_then(where_to)
        };
        let Some(label) = label else {
            return;
        };
        self.note_words(&label, ctx);
        let is_plain = image.is_sign() || (image.is_small() && ctx.link.is_some());
        let text = match label.as_str() {
            _ if is_plain => label,
            "" => "[picture]".to_owned(),
            label => format!("[picture: {label}]"),
        };
        let style = Style {
            emphasis: Emphasis {
                is_ours: !is_plain,
                ..Emphasis::default()
            },
            link: ctx.link,
            picture: (!is_plain).then_some(self.page.pictures.len()),
        };
        let is_wide = image.width_px.is_some_and(|px| px >= 200);
        let is_apart = !is_plain && !image.is_small() && (is_wide || self.is_line_empty());
        if !is_plain {
            self.page.pictures.push(image);
        }
        if is_apart {
            self.flush();
        }
        self.piece(&text, style);
        if is_apart {
            self.flush();
        }
    }

    /// Where the link around a node leads.
    fn enclosing_link(&self, id: Id) -> Option<&str> {
        let above = std::iter::successors(self.tree.parent(id), |id| self.tree.parent(*id));
        let link = above.take(8).find(|id| self.tree.name(*id) == "a")?;
        self.attr(link, "href")
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
