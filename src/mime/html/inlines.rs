//! Links, buttons, fields and pictures: what stands within the text of a page.
//!
//! Called by `elements`. A link whose words name another host than its own must be seen to do so, and a
//! link that is nothing but a picture must still be reached.

use super::block::{Gap, Style};
use super::flow::{Ctx, Flow};
use super::look::{Display, Look};
use super::pictures::{Image, where_to};
use super::tree::Id;
use crate::model::{Emphasis, Safe};

/// Longer words are no label of a button.
const LABEL_MAX: usize = 48;

impl Flow<'_> {
    pub(super) fn begin_link(&mut self, id: Id, mut ctx: Ctx, look: &Look) -> Ctx {
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

    pub(super) fn end_link(&mut self, id: Id, ctx: &Ctx, look: &Look) {
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

    pub(super) fn control(&mut self, id: Id, name: &str, ctx: Ctx) -> Option<Ctx> {
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

    pub(super) fn picture(&mut self, id: Id, ctx: &Ctx) {
        let fact = self.facts.of(id);
        let image = Image::of(self.tree, id, fact);
        if image.is_tracker() {
            self.page.trackers += 1;
            return;
        }
        if image.is_spacer() {
            return;
        }
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
        let is_plain = image.is_sign() || image.is_small();
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
