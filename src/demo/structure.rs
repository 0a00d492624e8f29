//! A small MIME splitter of the peer's own, and its wire forms: ENVELOPE, BODYSTRUCTURE, sections.
//!
//! Called by the IMAP sessions. It shares no code with the client's parser, so that the two check
//! each other. It must never nest deeper than [`DEPTH_MAX`], whatever a message holds.

use super::address;
use std::ops::Range;

/// The deepest nesting that is split; what lies deeper is one leaf.
const DEPTH_MAX: usize = 24;

/// A header field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The name as written.
    pub(crate) name: String,
    /// All its bytes with the last CRLF.
    pub(crate) span: Range<usize>,
    /// The value, unfolded and trimmed.
    pub(crate) value: Vec<u8>,
}

/// A Content-Type or Content-Disposition value: the word, and its parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    /// `text/plain`, `attachment`, in lower case.
    pub(crate) word: String,
    /// Names in lower case, and values.
    pub(crate) pairs: Vec<(String, String)>,
}

impl Parameters {
    fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut pieces = split_unquoted(&text, ';').into_iter();
        let word = pieces
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let pair = |piece: String| {
            let (name, value) = piece.split_once('=')?;
            let value = unquote(value.trim());
            Some((name.trim().to_ascii_lowercase(), value))
        };
        let pairs = pieces.filter_map(pair).collect();
        Self { word, pairs }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs.find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Splits at a separator that stands outside of quotes.
fn split_unquoted(text: &str, separator: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in text.chars() {
        if c == separator && !is_quoted {
            pieces.push(String::new());
            continue;
        }
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = c == '\\' && !is_escaped;
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// One node of the MIME tree, as ranges of the message.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The header with its empty line.
    pub(crate) header: Range<usize>,
    /// The body.
    pub(crate) body: Range<usize>,
    /// The header's fields in order.
    pub(crate) fields: Vec<Field>,
    /// Content-Type, with its default.
    pub(crate) kind: Parameters,
    /// The parts of a multipart.
    pub(crate) children: Vec<Self>,
    /// The message in a message/rfc822.
    pub(crate) message: Option<Box<Self>>,
    lines: usize,
}

/// Splits a whole message.
pub(crate) fn split(raw: &[u8]) -> Part {
    split_at(raw, 0..raw.len(), "text/plain", 0)
}

fn split_at(raw: &[u8], span: Range<usize>, default_kind: &str, depth: usize) -> Part {
    let (fields, body_at) = read_fields(raw, span.clone());
    let body = body_at..span.end;
    let kind = fields
        .iter()
        .find(|f| f.name.eq_ignore_ascii_case("Content-Type"))
        .map(|f| Parameters::parse(&f.value))
        .filter(|k| k.word.split('/').filter(|w| !w.is_empty()).count() == 2)
        .unwrap_or_else(|| Parameters {
            word: default_kind.into(),
            pairs: Vec::new(),
        });
    let bytes = raw.get(body.clone()).unwrap_or_default();
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    let mut part = Part {
        header: span.start..body_at,
        body: body.clone(),
        fields,
        kind,
        children: Vec::new(),
        message: None,
        lines,
    };
    if depth >= DEPTH_MAX {
        return part;
    }
    if part.kind.word == "message/rfc822" {
        let inner = split_at(raw, body, "text/plain", depth + 1);
        part.message = Some(Box::new(inner));
    } else if part.kind.word.starts_with("multipart/")
        && let Some(boundary) = part.kind.get("boundary")
    {
        let default = if part.kind.word == "multipart/digest" {
            "message/rfc822"
        } else {
            "text/plain"
        };
        part.children = split_bodies(raw, body, boundary)
            .into_iter()
            .map(|inner| split_at(raw, inner, default, depth + 1))
            .collect();
    }
    part
}

/// The lines of `span` with their ends, as ranges.
fn lines(raw: &[u8], span: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = span.start;
    std::iter::from_fn(move || {
        let rest = raw.get(at..span.end).filter(|r| !r.is_empty())?;
        let size = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
        let line = at..at + size;
        at += size;
        Some(line)
    })
}

fn read_fields(raw: &[u8], span: Range<usize>) -> (Vec<Field>, usize) {
    let mut fields: Vec<Field> = Vec::new();
    for line in lines(raw, span.clone()) {
        let bytes = raw.get(line.clone()).unwrap_or_default();
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            return (fields, line.end);
        }
        let text = bytes.trim_ascii_end();
        if bytes.starts_with(b" ") || bytes.starts_with(b"\t") {
            if let Some(last) = fields.last_mut() {
                last.span.end = line.end;
                last.value.push(b' ');
                last.value.extend_from_slice(text.trim_ascii_start());
            }
            continue;
        }
        let colon = text.iter().position(|b| *b == b':').unwrap_or(0);
        let (name, value) = text.split_at_checked(colon).unwrap_or_default();
        fields.push(Field {
            name: String::from_utf8_lossy(name).trim().to_owned(),
            span: line,
            value: value.get(1..).unwrap_or_default().trim_ascii().to_vec(),
        });
    }
    (fields, span.end)
}

/// The bodies between the boundary lines; the line end before a boundary belongs to it.
fn split_bodies(raw: &[u8], span: Range<usize>, boundary: &str) -> Vec<Range<usize>> {
    let mut bodies = Vec::new();
    let mut open: Option<usize> = None;
    for line in lines(raw, span.clone()) {
        let text = raw.get(line.clone()).unwrap_or_default().trim_ascii_end();
        let Some(tail) = text
            .strip_prefix(b"--")
            .and_then(|t| t.strip_prefix(boundary.as_bytes()))
            .filter(|t| t.is_empty() || t == b"--")
        else {
            continue;
        };
        if let Some(start) = open.take() {
            let before = raw.get(start..line.start).unwrap_or_default();
            let end_of_line = if before.ends_with(b"\r\n") {
                2
            } else {
                usize::from(before.ends_with(b"\n"))
            };
            bodies.push(start..line.start - end_of_line);
        }
        if tail == b"--" {
            return bodies;
        }
        open = Some(line.end);
    }
    bodies.extend(open.map(|start| start..span.end));
    bodies
}

impl Part {
    /// The first field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        fields
            .find(|f| f.name.eq_ignore_ascii_case(name))
            .map(|f| f.value.as_slice())
    }

    /// Content-Transfer-Encoding, with its default.
    pub(crate) fn encoding(&self) -> String {
        self.field("Content-Transfer-Encoding").map_or_else(
            || "7bit".into(),
            |v| String::from_utf8_lossy(v).into_owned(),
        )
    }

    /// The part at a section number (RFC 9051 §6.4.5.1).
    pub(crate) fn find(&self, path: &[u32]) -> Option<&Self> {
        let mut part = self;
        let mut is_message = true;
        for number in path {
            if !is_message && let Some(message) = &part.message {
                part = message;
            }
            let index = usize::try_from(*number).ok()?.checked_sub(1)?;
            if part.children.is_empty() {
                // The only part of a message that is no multipart is its body.
                part = (index == 0).then_some(part)?;
            } else {
                part = part.children.get(index)?;
            }
            is_message = false;
        }
        Some(part)
    }

    /// Depth first, this one first.
    pub(crate) fn walk(&self) -> Vec<&Self> {
        let inner = self.message.as_deref().into_iter();
        let below = self.children.iter().chain(inner);
        std::iter::once(self)
            .chain(below.flat_map(Self::walk))
            .collect()
    }

    /// BODYSTRUCTURE, or BODY where `is_extended` is not asked for.
    pub(crate) fn body_structure(&self, is_extended: bool) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_structure(&mut out, is_extended);
        out
    }

    fn write_structure(&self, out: &mut Vec<u8>, is_extended: bool) {
        out.push(b'(');
        let (kind, subtype) = self.kind.word.split_once('/').unwrap_or(("text", "plain"));
        if self.children.is_empty() {
            out.extend(string(kind.to_ascii_uppercase().as_bytes()));
            out.push(b' ');
        } else {
            for child in &self.children {
                child.write_structure(out, is_extended);
            }
            out.push(b' ');
        }
        out.extend(string(subtype.to_ascii_uppercase().as_bytes()));
        if self.children.is_empty() {
            self.write_leaf(out, is_extended);
        } else if is_extended {
            out.push(b' ');
            out.extend(pairs(&self.kind.pairs));
        }
        if is_extended {
            // body-fld-md5 only stands in leaves; disposition, language and location in both.
            if self.children.is_empty() {
                out.extend_from_slice(b" NIL");
            }
            out.push(b' ');
            match self.field("Content-Disposition").map(Parameters::parse) {
                Some(d) => {
                    out.push(b'(');
                    out.extend(string(d.word.to_ascii_uppercase().as_bytes()));
                    out.push(b' ');
                    out.extend(pairs(&d.pairs));
                    out.push(b')');
                }
                None => out.extend_from_slice(b"NIL"),
            }
            for name in ["Content-Language", "Content-Location"] {
                out.push(b' ');
                out.extend(nstring(self.field(name)));
            }
        }
        out.push(b')');
    }

    fn write_leaf(&self, out: &mut Vec<u8>, is_extended: bool) {
        out.push(b' ');
        out.extend(pairs(&self.kind.pairs));
        for name in ["Content-ID", "Content-Description"] {
            out.push(b' ');
            out.extend(nstring(self.field(name)));
        }
        out.push(b' ');
        out.extend(string(self.encoding().as_bytes()));
        out.extend(format!(" {}", self.body.len()).bytes());
        if let Some(message) = &self.message {
            out.push(b' ');
            out.extend(message.envelope());
            out.push(b' ');
            message.write_structure(out, is_extended);
        }
        if self.message.is_some() || self.kind.word.starts_with("text/") {
            out.extend(format!(" {}", self.lines).bytes());
        }
    }

    /// ENVELOPE (RFC 9051 §7.5.2); values as they stand in the header, unfolded.
    pub(crate) fn envelope(&self) -> Vec<u8> {
        let addresses = |name: &str| self.field(name).map(address::wire).unwrap_or_default();
        let from = addresses("From");
        let or_from = |list: Vec<u8>| if list.is_empty() { from.clone() } else { list };
        let mut items = vec![
            nstring(self.field("Date")),
            nstring(self.field("Subject")),
            from.clone(),
            or_from(addresses("Sender")),
            or_from(addresses("Reply-To")),
            addresses("To"),
            addresses("Cc"),
            addresses("Bcc"),
            nstring(self.field("In-Reply-To")),
            nstring(self.field("Message-ID")),
        ];
        for item in &mut items {
            if item.is_empty() {
                item.extend_from_slice(b"NIL");
            }
        }
        let mut out = b"(".to_vec();
        out.extend(items.join(&b' '));
        out.push(b')');
        out
    }
}

fn pairs(pairs: &[(String, String)]) -> Vec<u8> {
    if pairs.is_empty() {
        return b"NIL".to_vec();
    }
    let one = |(name, value): &(String, String)| {
        let mut out = string(name.to_ascii_uppercase().as_bytes());
        out.push(b' ');
        out.extend(string(value.as_bytes()));
        out
    };
    let all: Vec<Vec<u8>> = pairs.iter().map(one).collect();
    let mut out = b"(".to_vec();
    out.extend(all.join(&b' '));
    out.push(b')');
    out
}

/// A string in its shortest safe form: quoted, or a literal where it must be.
pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
    let is_plain = bytes.len() < 1000 && bytes.iter().all(|b| matches!(b, b' '..=b'~'));
    if !is_plain {
        let mut out = literal_head(bytes.len()).into_bytes();
        out.extend_from_slice(bytes);
        return out;
    }
    let mut out = vec![b'"'];
    for b in bytes {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*b);
    }
    out.push(b'"');
    out
}

/// The announcement of a literal.
pub(crate) fn literal_head(size: usize) -> String {
    format!("{{{size}}}\r\n")
}

/// A string, or NIL.
pub(crate) fn nstring(bytes: Option<&[u8]>) -> Vec<u8> {
    bytes.map_or_else(|| b"NIL".to_vec(), string)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = "From: \"Bo \\\"B\\\" F\" <bo@example.org>\r\nTo: team: ann@example.org, \
        Cy (the boss) <cy@example.net>;\r\nSubject: two\r\n words\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"a;b\"\r\n\r\nskip\r\n--a;b\r\n\r\nhello\r\n\r\n\
        --a;b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ndeep\r\n--a;b--\r\nend\r\n";

    fn text(raw: &str, range: &Range<usize>) -> String {
        raw.get(range.clone()).unwrap().to_owned()
    }

    #[test]
    fn sections_are_found_by_number() {
        let root = split(NESTED.as_bytes());
        assert_eq!(text(NESTED, &root.find(&[1]).unwrap().body), "hello\r\n");
        let inner = root.find(&[2]).unwrap();
        assert_eq!(text(NESTED, &inner.body), "Subject: in\r\n\r\ndeep");
        assert_eq!(text(NESTED, &root.find(&[2, 1]).unwrap().body), "deep");
        assert!(root.find(&[3]).is_none());
        assert!(root.find(&[1, 2]).is_none());
        let single = split(b"Subject: x\r\n\r\nbody");
        assert_eq!(single.find(&[1]).unwrap().body, 14..18);
    }

    #[test]
    fn the_envelope_keeps_groups_comments_and_quotes() {
        let root = split(NESTED.as_bytes());
        let envelope = String::from_utf8(root.envelope()).unwrap();
        let from = r#"(("Bo \"B\" F" NIL "bo" "example.org"))"#;
        let to = r#"((NIL NIL "team" NIL)(NIL NIL "ann" "example.org")("Cy" NIL "cy" "example.net")(NIL NIL NIL NIL))"#;
        assert_eq!(
            envelope,
            format!(r#"(NIL "two words" {from} {from} {from} {to} NIL NIL NIL NIL)"#)
        );
    }

    #[test]
    fn the_body_structure_names_every_part() {
        let root = split(NESTED.as_bytes());
        let wire = String::from_utf8(root.body_structure(true)).unwrap();
        assert!(wire.starts_with(r#"(("TEXT" "PLAIN" NIL NIL NIL "7bit" 7 1 NIL NIL NIL NIL)("MESSAGE" "RFC822" NIL NIL NIL "7bit" 19 (NIL "in" NIL"#), "{wire}");
        assert!(
            wire.ends_with(r#" "MIXED" ("BOUNDARY" "a;b") NIL NIL NIL)"#),
            "{wire}"
        );
    }

    #[test]
    fn deep_nesting_ends_in_a_leaf() {
        let mut raw = String::new();
        for _ in 0..500 {
            raw.push_str("Content-Type: message/rfc822\r\n\r\n");
        }
        assert_eq!(split(raw.as_bytes()).walk().len(), DEPTH_MAX + 1);
    }
}
