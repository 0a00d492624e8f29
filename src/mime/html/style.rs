//! As much of CSS as it takes to know what a sender hides.
//!
//! Called by `facts`. Knows single-word selectors and a handful of properties; must take linear time
//! on any text, which the style sheets of mail are known to try.

use super::look::look;
use std::borrow::Cow;
use std::collections::HashSet;

/// More of a style sheet is not read.
const SHEET_MAX: usize = 512 * 1024;

/// The single-word selectors (`.a`, `#b`, `div.c`) under which a text is hidden.
#[derive(Debug, Default)]
pub(super) struct HiddenRules {
    selectors: HashSet<String>,
}

impl HiddenRules {
    pub(super) fn is_empty(&self) -> bool {
        self.selectors.is_empty()
    }

    /// Reads one style sheet. Rules for other media, such as phones, are passed over.
    pub(super) fn add(&mut self, sheet: &str) {
        let mut end = SHEET_MAX.min(sheet.len());
        while !sheet.is_char_boundary(end) {
            end -= 1;
        }
        let sheet = without_comments(sheet.get(..end).unwrap_or_default());
        let mut rest = sheet.as_str();
        while let Some((selectors, body)) = rest.split_once('{') {
            // What ends without a block, such as @import, stands before the last semicolon.
            let selectors = selectors.rsplit(';').next().unwrap_or(selectors).trim();
            if selectors.starts_with('@') {
                rest = after_block(body);
                continue;
            }
            let (declarations, after) = body.split_once('}').unwrap_or((body, ""));
            rest = after;
            if is_hidden(declarations) {
                self.selectors
                    .extend(selectors.split(',').filter_map(simple));
            }
        }
    }

    /// Whether an element of that name and attributes is hidden.
    pub(super) fn hides<'a>(&self, name: &str, attr: &dyn Fn(&str) -> Option<&'a str>) -> bool {
        let has = |mark: char, word: &str| {
            self.selectors.contains(&format!("{mark}{word}"))
                || self.selectors.contains(&format!("{name}{mark}{word}"))
        };
        attr("id").is_some_and(|id| has('#', id.trim()))
            || attr("class").is_some_and(|c| c.split_whitespace().take(50).any(|c| has('.', c)))
    }
}

fn is_hidden(declarations: &str) -> bool {
    let look = look(&|name| (name == "style").then_some(declarations));
    look.is_hidden || look.has_no_size
}

/// A selector of one word with exactly one class or id.
fn simple(selector: &str) -> Option<String> {
    let selector = selector.trim();
    let marks = selector.chars().filter(|c| matches!(c, '.' | '#')).count();
    let is_simple = marks == 1
        && selector.len() <= 128
        && selector
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '#' | '-' | '_'));
    is_simple.then(|| selector.to_owned())
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    // The marks of old browsers around a whole sheet.
    out.replace("<!--", "").replace("-->", "")
}

fn after_block(body: &str) -> &str {
    let mut depth = 1usize;
    for (at, b) in body.bytes().enumerate() {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return body.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// The declarations of a style, in lower case and without what only ranks them.
pub(super) fn properties(style: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    style.split(';').filter_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        let value = match lower(value.trim()) {
            Cow::Borrowed(value) => Cow::Borrowed(ranked(value)),
            Cow::Owned(value) => Cow::Owned(ranked(&value).to_owned()),
        };
        Some((lower(property.trim()), value))
    })
}

fn ranked(value: &str) -> &str {
    value.trim_end_matches("!important").trim_end()
}

/// In lower case; most styles are written so.
fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// `0`, `0px`, `0.0em`: a number that is zero, whatever its unit.
pub(super) fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.parse::<f32>().is_ok_and(|n| n.abs() < 0.01)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_hides_by_class_and_id_but_not_for_other_media() {
        let mut rules = HiddenRules::default();
        rules.add(
            "@import url(x); .a, p.b { display:none } /* .x{display:none} */ #c{visibility:hidden}\
             @media (max-width:600px) { .phone { display:none } } .d .e { display:none } .f{color:red}",
        );
        let hides = |name: &str, attribute: &str, value: &'static str| {
            rules.hides(name, &|a| (a == attribute).then_some(value))
        };
        assert!(hides("div", "class", "z a"));
        assert!(hides("p", "class", "b") && !hides("div", "class", "b"));
        assert!(hides("div", "id", "c"));
        for shown in ["x", "phone", "e", "f"] {
            assert!(!hides("div", "class", shown), "{shown}");
        }
    }

    #[test]
    fn hostile_sheets_end() {
        for piece in ["{", "}", "/*", "@media{", "@", "a{b:c", "#", ",.a"] {
            HiddenRules::default().add(&piece.repeat(50_000));
        }
    }
}
