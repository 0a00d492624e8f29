//! Whether a text of HTML can be parsed in a time that grows with its length alone.
//!
//! Called by `html`, before the parser sees the text. Must never cost more than one look at each byte.

/// More tags are too many to be laid out quickly.
const TAGS_MAX: usize = 150_000;
/// How often formatting may be compared with formatting that is open.
const FORMATS_MAX: usize = 1_000_000;
/// More elements that there can only be one of are not read: their attributes are all compared.
const ROOTS_MAX: usize = 200;

/// Whether the parser can read this in a time that grows with its length alone. Counts what its
/// cost grows with: tags, open elements, open formatting, attributes.
pub(super) fn is_tame(html: &str) -> bool {
    let mut tags = 0usize;
    let mut blocks = 0usize;
    let (mut depth, mut depth_max) = (0usize, 0usize);
    let (mut styles, mut styles_max) = (0usize, 0usize);
    let (mut formats, mut roots) = (0usize, 0usize);
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
            (Kind::Style, false) => {
                formats += styles;
                styles += 1;
            }
            (Kind::Style, true) => styles = styles.saturating_sub(1),
            (Kind::Block | Kind::Root, false) => {
                blocks += 1;
                depth += 1;
                roots += usize::from(kind(name) == Kind::Root);
            }
            (Kind::Block | Kind::Root, true) => depth = depth.saturating_sub(1),
        }
        depth_max = depth_max.max(depth);
        styles_max = styles_max.max(styles);
        let is_many = tags > TAGS_MAX || formats > FORMATS_MAX || roots > ROOTS_MAX;
        if is_many || depth_max > 1000 || styles_max * blocks > 400_000 {
            return false;
        }
    }
    true
}

/// Whether a text holds any tag that HTML knows; some senders call plain text a page.
pub(super) fn has_tags(html: &str) -> bool {
    html.split('<').skip(1).any(|tag| {
        let tag = tag.strip_prefix(['/', '!']).unwrap_or(tag);
        let len = tag.bytes().position(|b| !b.is_ascii_alphanumeric());
        let name = tag.get(..len.unwrap_or(tag.len())).unwrap_or_default();
        let next = tag.as_bytes().get(name.len());
        // `<a@b>` and `<http://x>` are addresses, whatever they begin with.
        let ends = next.is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
        ends && is_known(&name.to_ascii_lowercase())
    })
}

fn is_known(name: &str) -> bool {
    matches!(
        name,
        "a" | "b"
            | "big"
            | "blockquote"
            | "body"
            | "br"
            | "center"
            | "code"
            | "dd"
            | "div"
            | "dl"
            | "doctype"
            | "dt"
            | "em"
            | "font"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "hr"
            | "html"
            | "i"
            | "img"
            | "input"
            | "li"
            | "link"
            | "meta"
            | "ol"
            | "p"
            | "pre"
            | "s"
            | "script"
            | "section"
            | "small"
            | "span"
            | "strong"
            | "style"
            | "sub"
            | "sup"
            | "table"
            | "tbody"
            | "td"
            | "th"
            | "title"
            | "tr"
            | "tt"
            | "u"
            | "ul"
    )
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

#[derive(PartialEq, Eq)]
enum Kind {
    Void,
    /// There is one; another gives it the attributes that it has not.
    Root,
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
        "body" | "html" => Kind::Root,
        "p" | "li" | "td" | "th" | "tr" | "dd" | "dt" | "option" | "tbody" | "thead" | "tfoot" => {
            Kind::SelfClosing
        }
        "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike"
        | "strong" | "tt" | "u" => Kind::Style,
        _ => Kind::Block,
    }
}
