//! What must be known of a tree before it is laid out: looks, what is hidden, how much text there is.
//!
//! Called by `html`, read by `flow`. Two looks at each node; nothing here decides by what is around a
//! node more than its ancestors once.

use super::look::{Colour, Look, is_same, look};
use super::style::HiddenRules;
use super::tree::{Data, Id, Step, Tree};
use std::collections::HashSet;

/// What is known of one node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fact {
    pub(super) look: Look,
    /// Whether the sender hides it, with all that it holds.
    pub(super) is_hidden: bool,
    /// Bytes of text in it, blanks apart.
    pub(super) text_bytes: usize,
    /// Pictures in it.
    pub(super) pictures: usize,
    sets_font: bool,
    /// Whether its words have the colour of what lies behind them.
    is_pale: bool,
    /// Whether it holds words of a link, which have a colour of their own.
    has_link: bool,
}

/// What is known of a tree.
#[derive(Debug)]
pub(super) struct Facts {
    facts: Vec<Fact>,
    none: Fact,
    /// Targets of links that have words somewhere.
    told: HashSet<String>,
}

/// What lies behind the text, as far as the sender said it in plain colours.
#[derive(Clone, Copy)]
struct Behind {
    colour: Option<Colour>,
    /// Whether there was a class since, which may say anything.
    is_known: bool,
}

impl Facts {
    pub(super) fn new(tree: &Tree) -> Self {
        let mut rules = HiddenRules::default();
        for id in 0..tree.len() {
            if tree.name(id) == "style" {
                for child in tree.children(id) {
                    if let Some(Data::Text(sheet)) = tree.node(child).map(|n| &n.data) {
                        rules.add(sheet);
                    }
                }
            }
        }
        let mut found = Self {
            facts: vec![Fact::default(); tree.len()],
            none: Fact::default(),
            told: HashSet::new(),
        };
        let mut behind = vec![Behind {
            colour: Some([255; 3]),
            is_known: true,
        }];
        for step in tree.steps() {
            match step {
                Step::Enter(id) => found.enter(tree, id, &rules, &mut behind),
                Step::Leave(id) => {
                    behind.pop();
                    found.leave(tree, id);
                }
            }
        }
        found
    }

    pub(super) fn of(&self, id: Id) -> &Fact {
        self.facts.get(id).unwrap_or(&self.none)
    }

    /// Whether a link to there has words somewhere in the text.
    pub(super) fn is_told(&self, target: &str) -> bool {
        self.told.contains(target.trim())
    }

    fn enter(&mut self, tree: &Tree, id: Id, rules: &HiddenRules, behind: &mut Vec<Behind>) {
        let around = behind.last().copied();
        let mut here = around.unwrap_or(Behind {
            colour: None,
            is_known: false,
        });
        let Some(node) = tree.node(id) else {
            return;
        };
        let mut fact = Fact::default();
        match &node.data {
            Data::Nothing => {}
            Data::Text(text) => {
                fact.text_bytes = text
                    .split(|c: char| c.is_whitespace() || is_filler(c))
                    .map(str::len)
                    .sum();
            }
            Data::Element(..) => {
                let attr = |name: &str| node.attr(name);
                fact.look = look(&attr);
                let look = &fact.look;
                here.is_known &= node.attr("class").is_none() || look.background.is_some();
                if look.background.is_some() || look.has_picture_behind {
                    here = Behind {
                        colour: look.background.filter(|_| !look.has_picture_behind),
                        is_known: !look.has_picture_behind,
                    };
                }
                let is_unseen = here.is_known
                    && matches!((look.colour, here.colour), (Some(a), Some(b)) if is_same(a, b));
                let is_ruled_out =
                    look.display.is_none() && !rules.is_empty() && rules.hides(node.name(), &attr);
                fact.is_hidden = look.is_hidden || is_ruled_out || node.attr("hidden").is_some();
                fact.is_pale = is_unseen;
                fact.has_link = node.name() == "a" && node.attr("href").is_some() && !is_unseen;
                fact.sets_font = look.font_px.is_some() && !look.has_no_size;
                fact.pictures = usize::from(node.name() == "img");
            }
        }
        behind.push(here);
        if let Some(place) = self.facts.get_mut(id) {
            *place = fact;
        }
    }

    fn leave(&mut self, tree: &Tree, id: Id) {
        let Some(fact) = self.facts.get_mut(id) else {
            return;
        };
        // Frames of newsletters set no size, and each text in them sets its own; pictures need none.
        let is_bare = fact.text_bytes > 0 && fact.pictures == 0 && !fact.sets_font;
        fact.is_hidden |= fact.look.has_no_size && is_bare;
        fact.has_link &= fact.text_bytes > 0 || tree.name(id) != "a";
        fact.is_hidden |= fact.is_pale && !fact.has_link;
        let fact = *fact;
        if tree.name(id) == "a"
            && fact.text_bytes > 0
            && let Some(target) = tree.attr(id, "href")
        {
            self.told.insert(target.trim().to_owned());
        }
        let is_text = !matches!(tree.name(id), "style" | "script" | "title" | "template");
        let above = tree.parent(id).and_then(|p| self.facts.get_mut(p));
        if let Some(above) = above.filter(|_| is_text && !fact.is_hidden) {
            above.text_bytes += fact.text_bytes;
            above.pictures += fact.pictures;
            above.sets_font |= fact.sets_font;
            above.has_link |= fact.has_link;
        }
    }
}

/// Invisible characters that fill the preview of an inbox, or stand where a word may break.
pub(crate) const fn is_filler(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{200b}'
            | '\u{200c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{fffc}'
    )
}

/// Blanks that are kept where others are one.
pub(crate) const fn is_fixed_blank(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{2800}' | '\u{3164}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that are hidden of those in a page.
    fn hidden(html: &str) -> Vec<String> {
        let tree = Tree::parse(html).unwrap();
        let facts = Facts::new(&tree);
        let mut found = Vec::new();
        let mut depth = 0usize;
        for step in tree.steps() {
            match step {
                Step::Enter(id) if depth > 0 || facts.of(id).is_hidden => depth += 1,
                Step::Leave(_) if depth > 0 => depth -= 1,
                _ => {}
            }
            if let (Step::Enter(id), true) = (step, depth > 0)
                && let Some(Data::Text(text)) = tree.node(id).map(|n| &n.data)
            {
                found.push(text.trim().to_owned());
            }
        }
        found
    }

    #[test]
    fn a_link_on_ground_of_its_words_colour_is_seen_since_links_have_a_colour_of_their_own() {
        for seen in [
            "<div style='color:#fff'><a href='https://x.example/'>here</a></div>",
            "<div style='color:#fff'><b><a href='https://x.example/'>here</a></b></div>",
            "<table bgcolor=#ffffff><tr><td style='color:white'>or <a href=x>here</a></table>",
        ] {
            assert_eq!(hidden(seen), [""; 0], "{seen}");
        }
        for (unseen, words) in [
            ("<div style='color:#fff'>here</div>", "here"),
            // No link, or one that says itself that it cannot be seen, or one without words.
            ("<div style='color:#fff'><a name=x>here</a></div>", "here"),
            (
                "<div><a href=x style='color:#fffffe'>here</a></div>",
                "here",
            ),
            (
                "<div style='color:#fff'>words <a href=x></a></div>",
                "words",
            ),
        ] {
            assert_eq!(hidden(unseen), [words], "{unseen}");
        }
    }
}
