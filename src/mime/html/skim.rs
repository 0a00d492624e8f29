//! The first words of a page, without a tree: its tags are walked once, and only as far as words are wanted.
//!
//! Called by `first_words` for every message that is stored, which a tree would slow down. Must take linear
//! time, and never give out what the page hides; what it cannot read, it leaves out.

use super::elements::{is_footer_class, is_signature_class};
use super::look::{Colour, Look, is_same, look};
use super::style::HiddenRules;
use crate::mime::text::Paragraph;
use mail_parser::decoders::html::add_html_token;
use memchr::{memchr, memchr2};

/// The longest name of an entity, with its marks.
const ENTITY_MAX: usize = 34;
/// More attributes of a tag are not read.
const ATTRIBUTES_MAX: usize = 50;
/// More levels of quotes are one.
const QUOTES_MAX: usize = 50;

/// The lines at the beginning of a page, until they hold `enough` bytes of unquoted words.
pub(crate) fn skim(html: &str, enough: usize) -> Vec<Paragraph> {
    let mut skim = Skim::default();
    let mut rest = html;
    while skim.gathered < enough && !rest.is_empty() {
        let at = memchr(b'<', rest.as_bytes()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(at);
        skim.text(text);
        rest = skim.markup(after);
    }
    skim.end_line();
    skim.lines
}

/// What is left out until its element ends.
struct Leaving {
    name: String,
    depth: usize,
}

struct Skim {
    lines: Vec<Paragraph>,
    line: String,
    /// Bytes of unquoted words so far, blanks included.
    gathered: usize,
    quotes: usize,
    leaving: Option<Leaving>,
    /// The element whose letters have no size, until something in it gives them one.
    sizeless: Option<Leaving>,
    rules: HiddenRules,
    /// What the words lie on, as far as is known.
    ground: Option<Colour>,
    /// Whether quotation marks of attributes are not to be relied on.
    is_torn: bool,
    name: String,
}

impl Default for Skim {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            line: String::new(),
            gathered: 0,
            quotes: 0,
            leaving: None,
            sizeless: None,
            rules: HiddenRules::default(),
            ground: Some([255; 3]),
            is_torn: false,
            name: String::new(),
        }
    }
}

impl Skim {
    fn text(&mut self, text: &str) {
        if self.leaving.is_some() || self.sizeless.is_some() || text.is_empty() {
            return;
        }
        let before = self.line.len();
        let mut rest = text;
        while let Some(at) = memchr(b'&', rest.as_bytes()) {
            let (plain, entity) = rest.split_at(at);
            self.line.push_str(plain);
            rest = self.entity(entity);
        }
        self.line.push_str(rest);
        if self.quotes == 0 && !text.trim().is_empty() {
            self.gathered += self.line.len() - before;
        }
    }

    /// Reads what begins with `&`; what follows it.
    fn entity<'a>(&mut self, text: &'a str) -> &'a str {
        let bytes = text.as_bytes();
        let near = bytes.get(..ENTITY_MAX).unwrap_or(bytes);
        let end = memchr2(b';', b' ', near).filter(|end| near.get(*end) == Some(&b';'));
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
        if let Some(end) = end
            && let (Some(token), Some(after)) = (text.get(..=end), text.get(end + 1..))
            && token.get(1..end).is_some_and(is_name)
        {
            add_html_token(&mut self.line, token.as_bytes(), false);
            return after;
        }
        self.line.push('&');
        text.get(1..).unwrap_or_default()
    }

    /// Reads what begins with `<`; what follows it.
    fn markup<'a>(&mut self, text: &'a str) -> &'a str {
        let Some(inner) = text.strip_prefix('<') else {
            return "";
        };
        if let Some(comment) = inner.strip_prefix("!--") {
            let end = memchr::memmem::find(comment.as_bytes(), b"-->");
            return end.and_then(|at| comment.get(at + 3..)).unwrap_or_default();
        }
        let (is_end, tag) = match inner.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, inner),
        };
        let begins = tag.bytes().next();
        if begins.is_some_and(|b| matches!(b, b'!' | b'?')) {
            let end = memchr(b'>', tag.as_bytes());
            return end.and_then(|at| tag.get(at + 1..)).unwrap_or_default();
        }
        if !begins.is_some_and(|b| b.is_ascii_alphabetic()) {
            self.text("<");
            return inner;
        }
        let len = tag
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || b == b':'));
        let (name, attributes) = tag.split_at(len.unwrap_or(tag.len()));
        let mut own = std::mem::take(&mut self.name);
        own.clear();
        own.push_str(name);
        own.make_ascii_lowercase();
        let (attributes, after) = self.end_of_tag(attributes);
        let after = if is_end {
            self.leave(&own);
            after
        } else {
            self.enter(&own, attributes, after)
        };
        self.name = own;
        after
    }

    /// The attributes of a tag and what follows it.
    fn end_of_tag<'a>(&mut self, text: &'a str) -> (&'a str, &'a str) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while !self.is_torn
            && let Some(rest) = bytes.get(at..)
        {
            let Some(next) = memchr::memchr3(b'>', b'"', b'\'', rest) else {
                break;
            };
            at += next;
            let Some(mark) = bytes.get(at).copied().filter(|b| *b != b'>') else {
                return parts(text, at);
            };
            // Only behind `=` does it begin a value.
            let before = bytes.get(..at).unwrap_or_default().trim_ascii_end();
            at += 1;
            if before.last() == Some(&b'=') {
                let closing = bytes.get(at..).and_then(|rest| memchr(mark, rest));
                match closing {
                    Some(closing) => at += closing + 1,
                    // To look for it again at each tag would take too long.
                    None => self.is_torn = true,
                }
            }
        }
        parts(text, memchr(b'>', bytes).unwrap_or(bytes.len()))
    }

    fn enter<'a>(&mut self, name: &str, attributes: &str, after: &'a str) -> &'a str {
        if matches!(name, "style" | "script" | "title" | "template" | "textarea") {
            let (inside, behind) = raw_text(name, after);
            if name == "style" {
                self.rules.add(inside);
            }
            return behind;
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.depth += usize::from(leaving.name == name);
            return after;
        }
        if let Some(sizeless) = &mut self.sizeless {
            sizeless.depth += usize::from(sizeless.name == name);
        }
        if !is_inline(name) {
            self.end_line();
        }
        if !is_void(name) && !attributes.ends_with('/') {
            self.see(name, attributes);
        }
        after
    }

    /// What the attributes of an element mean for its words.
    fn see(&mut self, name: &str, attributes: &str) {
        let found: Vec<(&str, &str)> = Attributes(attributes).take(ATTRIBUTES_MAX).collect();
        let attr = |wanted: &str| {
            let mut all = found.iter();
            let (_, value) = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            Some(*value)
        };
        let here = if found.is_empty() {
            Look::default()
        } else {
            look(&attr)
        };
        let is_ruled_out =
            here.display.is_none() && !self.rules.is_empty() && self.rules.hides(name, &attr);
        let leaving = || {
            Some(Leaving {
                name: name.to_owned(),
                depth: 1,
            })
        };
        let is_hidden = here.is_hidden || is_ruled_out || attr("hidden").is_some();
        if is_hidden || is_left_out(name, attr("class"), attr("id")) || self.is_pale(&here) {
            self.leaving = leaving();
            return;
        }
        if here.has_no_size {
            self.sizeless = self.sizeless.take().or_else(leaving);
        } else if here.font_px.is_some() {
            self.sizeless = None;
        }
        // Some senders indent by way of a quote.
        let is_indent = here.has_no_border && here.has_no_margin.is_some();
        let is_quote = name == "blockquote" && !is_indent;
        if is_quote && self.quotes < QUOTES_MAX {
            self.quotes += 1;
        }
    }

    /// Whether the words have the colour of what they lie on. Only asked before the first words, where
    /// what they lie on is known.
    fn is_pale(&mut self, here: &Look) -> bool {
        if self.gathered > 0 {
            return false;
        }
        if here.has_picture_behind {
            self.ground = None;
        } else if here.background.is_some() {
            self.ground = here.background;
        }
        matches!((here.colour, self.ground), (Some(a), Some(b)) if is_same(a, b))
    }

    fn leave(&mut self, name: &str) {
        if ends(&mut self.leaving, name) {
            return;
        }
        if self.leaving.is_some() {
            return;
        }
        ends(&mut self.sizeless, name);
        if !is_inline(name) {
            self.end_line();
        }
        if name == "blockquote" {
            self.quotes = self.quotes.saturating_sub(1);
        }
    }

    fn end_line(&mut self) {
        if self.line.trim().is_empty() {
            self.line.clear();
            return;
        }
        self.lines.push(Paragraph {
            quote: self.quotes,
            text: std::mem::take(&mut self.line),
        });
    }
}

/// Whether that was the end of what is left out.
fn ends(leaving: &mut Option<Leaving>, name: &str) -> bool {
    let Some(inside) = leaving.as_mut().filter(|inside| inside.name == name) else {
        return false;
    };
    inside.depth -= 1;
    if inside.depth > 0 {
        return false;
    }
    *leaving = None;
    true
}

fn parts(text: &str, at: usize) -> (&str, &str) {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    (before, after.get(1..).unwrap_or_default())
}

/// What an element holds in which tags are no tags, and what follows it.
fn raw_text<'a>(name: &str, text: &'a str) -> (&'a str, &'a str) {
    for at in memchr::memmem::find_iter(text.as_bytes(), b"</") {
        let Some((inside, end)) = text.split_at_checked(at) else {
            continue;
        };
        let found = end.get(2..2 + name.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            let behind = memchr(b'>', end.as_bytes()).and_then(|at| end.get(at + 1..));
            return (inside, behind.unwrap_or_default());
        }
    }
    (text, "")
}

/// The attributes of a tag, names and values, as they are written.
struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let is_between = |b: u8| b.is_ascii_whitespace() || matches!(b, b'/' | b'"' | b'\'' | b'=');
        let begin = self.0.bytes().position(|b| !is_between(b))?;
        let text = self.0.get(begin..)?;
        let end = |b: u8| b.is_ascii_whitespace() || b == b'=';
        let (name, rest) = text.split_at(text.bytes().position(end).unwrap_or(text.len()));
        let Some(value) = rest.trim_ascii_start().strip_prefix('=') else {
            self.0 = rest;
            return Some((name, ""));
        };
        let value = value.trim_ascii_start();
        let mark = value.bytes().next().filter(|b| matches!(b, b'"' | b'\''));
        let quoted = mark.and_then(|mark| {
            let inside = value.get(1..)?;
            let end = memchr(mark, inside.as_bytes())?;
            Some((inside.get(..end)?, inside.get(end + 1..)?))
        });
        let (value, rest) = quoted.unwrap_or_else(|| {
            let end = value.bytes().position(|b| b.is_ascii_whitespace());
            value.split_at(end.unwrap_or(value.len()))
        });
        self.0 = rest;
        Some((name, value))
    }
}

/// Whether an element holds what is no part of the sender's words: signatures, footers, the lines that
/// mail programs put above a quote, and quotes that are not called so.
fn is_left_out(name: &str, classes: Option<&str>, id: Option<&str>) -> bool {
    const NO_WORDS: [&str; 3] = ["gmail_attr", "moz-cite-prefix", "yahoo_quoted"];
    if matches!(
        name,
        "footer" | "object" | "select" | "svg" | "math" | "noscript"
    ) {
        return true;
    }
    let words = classes.into_iter().chain(id);
    words
        .flat_map(str::split_whitespace)
        .any(|word| NO_WORDS.contains(&word) || is_signature_class(word) || is_footer_class(word))
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

fn is_inline(name: &str) -> bool {
    name.contains(':')
        || matches!(
            name,
            "a" | "abbr"
                | "acronym"
                | "b"
                | "bdi"
                | "bdo"
                | "big"
                | "cite"
                | "code"
                | "del"
                | "dfn"
                | "em"
                | "font"
                | "i"
                | "img"
                | "ins"
                | "kbd"
                | "label"
                | "mark"
                | "nobr"
                | "q"
                | "s"
                | "samp"
                | "small"
                | "span"
                | "strike"
                | "strong"
                | "sub"
                | "sup"
                | "time"
                | "tt"
                | "u"
                | "var"
                | "wbr"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(html: &str) -> Vec<String> {
        let found = skim(html, 1000);
        let told = found.iter().map(|line| {
            let words: Vec<&str> = line.text.split_whitespace().collect();
            format!("{}{}", ">".repeat(line.quote), words.join(" "))
        });
        told.collect()
    }

    #[test]
    fn words_are_read_block_by_block_and_entities_are_letters() {
        assert_eq!(
            lines("<p>Gr&uuml;&szlig;e <b>B</b>o &amp; Ann<br>a&#8217;s<td>1 < 2 &x &nosuch;</td>"),
            ["Grüße Bo & Ann", "a’s", "1 < 2 &x &nosuch;"]
        );
    }

    #[test]
    fn nothing_hidden_is_read_however_it_is_hidden() {
        for hidden in [
            "<div style=\"display:none\">x <div>y</div> z</div>",
            "<span style='mso-hide:all;font-size:1px'>x</span>",
            "<div style='font-size:0'>x<b>y</b></div>",
            "<td hidden>x<table><tr><td>y</td></tr></table>z</td>",
            "<div style='max-height:0;overflow:hidden'>x</div>",
            "<div style='color:#ffffff'>x</div>",
            "<table bgcolor=#eeeeee><tr><td><p style=color:#eee>x</p></td></tr></table>",
            "<style>.pre{display:none}</style><div class='a pre'>x</div>",
            "<STYLE>p{color:red}</STYLE><script>if (a < b) x</script><title>x</title>",
            "<!--[if mso]>x<![endif]--><!-- x --><![if !mso]><![endif]>",
            "<div class=gmail_signature>x</div>",
        ] {
            assert_eq!(lines(&format!("{hidden}<p>seen</p>")), ["seen"], "{hidden}");
        }
    }

    #[test]
    fn letters_of_no_size_end_where_something_gives_them_one() {
        let page = "<table style='font-size:0'><tr><td>x</td><td style='font-size:14px'>seen</td>";
        assert_eq!(lines(page), ["seen"]);
    }

    #[test]
    fn quotes_are_deeper_and_their_ends_are_known() {
        let page = "a<blockquote>b<blockquote>c</blockquote>d</blockquote>e\
            <blockquote style='margin:0 0 0 40px;border:none'>f</blockquote>";
        assert_eq!(lines(page), ["a", ">b", ">>c", ">d", "e", "f"]);
    }

    #[test]
    fn torn_tags_neither_swallow_the_text_nor_take_time() {
        assert_eq!(lines("<p title='a > b'>x</p>"), ["x"]);
        assert_eq!(lines("<a href=\"x>y</a> z"), ["y z"]);
        assert_eq!(lines("<p it's>x"), ["x"]);
        assert_eq!(lines("x<p"), ["x"]);
        assert_eq!(lines("x<!-- y"), ["x"]);
        for piece in [
            "<a b=\"",
            "<style>",
            "</",
            "&",
            "<!--",
            "<p a='",
            "<div hidden>",
            "<",
        ] {
            skim(&piece.repeat(20_000), 1000);
        }
        let deep = skim(&"<blockquote>x".repeat(20_000), 1000);
        assert!(deep.iter().all(|line| line.quote <= QUOTES_MAX));
    }

    #[test]
    fn no_more_is_read_than_was_wanted() {
        let found = skim(&"<p>some words</p>".repeat(1000), 30);
        assert_eq!(found.len(), 3);
    }
}
