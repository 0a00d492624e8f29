//! The MIME tree of a message: where each part begins and ends, without recursion.
//!
//! Called by `render`, `engine` (through the functions of the same name) and `store` imports. Must
//! never go deeper than [`DEPTH_MAX`], find more than [`PARTS_MAX`] parts, or lose text: what cannot
//! be taken apart stays one part. Parts are numbered as RFC 9051 section 6.4.5.1 does.
//!
//! An attached message is one part here and is not taken apart: its parts are no parts of what one
//! reads. `inner` finds them all the same by their IMAP number.

use super::headers::{Headers, field_name, line_at, parse_headers, parse_until, trim_break};
use super::params::Field;
use super::{charset, html, transfer};
use crate::model::{BodyStructure, Holds, Part, PartId};
use std::ops::Range;

/// A group inside so many groups is taken for a file.
pub(crate) const DEPTH_MAX: usize = 100;
/// What follows so many parts belongs to the last of them.
pub(crate) const PARTS_MAX: usize = 10_000;
/// RFC 2046 allows 70; no sane writer goes beyond this.
const BOUNDARY_MAX: usize = 1000;

/// One part and where it lies in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) part: Part,
    pub(crate) header: Range<usize>,
    pub(crate) body: Range<usize>,
}

impl Node {
    /// The body as transferred.
    pub(crate) fn encoded<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        raw.get(self.body.clone()).unwrap_or_default()
    }

    /// The body decoded.
    pub(crate) fn decoded(&self, raw: &[u8]) -> Vec<u8> {
        transfer::decode(&self.part.encoding, self.encoded(raw))
    }
}

/// The parts of a message.
#[must_use]
pub fn structure(raw: &[u8]) -> BodyStructure {
    BodyStructure {
        parts: scan(raw).into_iter().map(|node| node.part).collect(),
    }
}

/// The text of one part, read in the charset that it names, or that its page names, or by guess.
#[must_use]
pub fn part_text(raw: &[u8], part: &Part) -> Option<String> {
    let bytes = super::inner::part_body(raw, &part.id)?;
    let label = html::label(&part.mime_type, part.charset.clone(), &bytes);
    Some(charset::decode(label.as_bytes(), &bytes))
}

/// A part that was fetched on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecodedPart {
    /// Its decoded bytes.
    pub bytes: Vec<u8>,
    /// `type/subtype` in lower case.
    pub mime_type: String,
    /// The charset as written, else empty.
    pub charset: String,
    /// The file name, decoded, not made safe; empty when there is none.
    pub name: String,
}

/// Decodes a part that was fetched as its MIME header, an empty line and its encoded body. What it is the
/// structure has told: some servers do not send its header.
#[must_use]
pub fn decode_part(raw: &[u8], part: Part) -> DecodedPart {
    let headers = parse_headers(raw);
    let own = headers.get("Content-Transfer-Encoding");
    let encoding = own.map_or(part.encoding, |raw| Field::parse(raw).value);
    let body = raw.get(headers.body_at..).unwrap_or_default();
    DecodedPart {
        bytes: transfer::decode(&encoding, body),
        mime_type: part.mime_type,
        charset: part.charset,
        name: part.name,
    }
}

/// Whether a part of that type holds a message of its own.
pub(crate) fn is_message(mime_type: &str) -> bool {
    Holds::of(mime_type, "") == Some(Holds::Message)
}

/// What a part lies in, as far as it says what the part is when the part itself does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parent {
    Message,
    Digest,
}

/// What the fields of a part say of it, and the boundary if it is a group.
pub(crate) fn describe(headers: &Headers<'_>, parent: Parent) -> (Part, Option<Vec<u8>>) {
    let content = headers.get("Content-Type").map(Field::parse);
    let disposition = headers.get("Content-Disposition").map(Field::parse);
    let encoding = headers.get("Content-Transfer-Encoding").map(Field::parse);
    let mut mime_type = content.as_ref().map_or("", |c| &c.value).to_owned();
    if !is_type(&mime_type) {
        // RFC 2045 section 5.2, RFC 2046 section 5.1.5.
        mime_type = match parent {
            Parent::Digest if mime_type.is_empty() => "message/rfc822".to_owned(),
            _ => "text/plain".to_owned(),
        };
    }
    let param = |field: &Option<Field>, name: &str| {
        let text = field.as_ref().and_then(|f| f.text(name));
        text.filter(|t| !t.is_empty())
    };
    let boundary = content
        .as_ref()
        .filter(|_| mime_type.starts_with("multipart/"))
        .and_then(|c| c.bytes("boundary"))
        .map(|b| b.trim_ascii_end().to_vec())
        .filter(|b| !b.is_empty() && b.len() <= BOUNDARY_MAX);
    let is_text = mime_type.starts_with("text/");
    let part = Part {
        charset: param(&content, "charset")
            .filter(|_| is_text)
            .unwrap_or_default(),
        encoding: encoding.map(|e| e.value).unwrap_or_default(),
        name: param(&disposition, "filename")
            .or_else(|| param(&content, "name"))
            .unwrap_or_default(),
        content_id: headers
            .ids("Content-ID")
            .into_iter()
            .next()
            .unwrap_or_default(),
        disposition: disposition.map(|d| d.value).unwrap_or_default(),
        mime_type,
        ..Part::default()
    };
    (part, boundary)
}

/// `type/subtype` of characters that a type may have.
pub(super) fn is_type(text: &str) -> bool {
    let is_token = |t: &str| {
        let is_in = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+%*'`|~".contains(c);
        !t.is_empty() && t.len() <= 127 && t.chars().all(is_in)
    };
    text.split_once('/')
        .is_some_and(|(t, s)| is_token(t) && is_token(s))
}

/// Finds the parts of `raw`, the root first. There is always at least one.
pub(crate) fn scan(raw: &[u8]) -> Vec<Node> {
    let mut scanner = Scanner {
        raw,
        dashes: memchr::memmem::Finder::new(b"\n--"),
        nodes: Vec::new(),
        open: Vec::new(),
    };
    let mut next = scanner.entity(message_start(raw), PartId::default());
    while let Some((from, id)) = next {
        next = scanner.entity(from, id);
    }
    scanner.close_all(raw.len(), 0);
    scanner.nodes
}

/// The part of that number. Parts are found in the order of their numbers, so none is passed over that
/// need not be.
pub(crate) fn node_of<'a>(nodes: &'a [Node], id: &[u16]) -> Option<&'a Node> {
    let at = nodes.binary_search_by(|n| n.part.id.0.as_slice().cmp(id));
    at.ok().and_then(|at| nodes.get(at))
}

/// Empty lines before the first field are nobody's; a text that begins with one keeps it.
pub(crate) fn message_start(raw: &[u8]) -> usize {
    let blank = raw
        .iter()
        .position(|b| !matches!(b, b'\r' | b'\n'))
        .unwrap_or(0);
    let is_field = || !parse_until(raw, blank, |_| false).fields.is_empty();
    if blank > 0 && is_field() { blank } else { 0 }
}

/// A group whose end was not met yet.
struct Open {
    node: usize,
    boundary: Vec<u8>,
    parent: Parent,
    /// How many parts it has so far.
    count: u16,
}

struct Scanner<'a> {
    raw: &'a [u8],
    /// Looks for what may be a delimiter; to make one anew for each line would cost more than the search.
    dashes: memchr::memmem::Finder<'static>,
    nodes: Vec<Node>,
    open: Vec<Open>,
}

/// A delimiter line: which open group it belongs to, and whether it is the last one.
struct Delimiter {
    level: usize,
    is_last: bool,
}

impl Scanner<'_> {
    /// Reads the part that begins at `from`; gives the beginning and the address of the next.
    fn entity(&mut self, from: usize, id: PartId) -> Option<(usize, PartId)> {
        let headers = parse_until(self.raw, from, |line| self.delimiter(line).is_some());
        let parent = self.open.last().map_or(Parent::Message, |o| o.parent);
        let (mut part, boundary) = describe(&headers, parent);
        let body_at = headers.body_at;
        let is_root = self.nodes.is_empty();
        let boundary = boundary.map(|b| {
            if is_root {
                self.true_boundary(b, body_at)
            } else {
                b
            }
        });
        let is_too_deep = self.open.len() >= DEPTH_MAX;
        let boundary = boundary.filter(|_| !is_too_deep);
        if part.is_multipart() && is_too_deep {
            part.mime_type = "application/octet-stream".to_owned();
        }
        part.id = match boundary {
            None if is_root => PartId(vec![1]),
            _ => id,
        };
        self.nodes.push(Node {
            part,
            header: from..body_at,
            body: body_at..self.raw.len(),
        });
        if let Some(boundary) = boundary {
            let node = self.nodes.len() - 1;
            let is_digest = self
                .nodes
                .last()
                .is_some_and(|n| n.part.mime_type == "multipart/digest");
            self.open.push(Open {
                node,
                boundary,
                parent: if is_digest {
                    Parent::Digest
                } else {
                    Parent::Message
                },
                count: 0,
            });
            return self.seek(body_at);
        }
        let leaf = self.nodes.len() - 1;
        let (end, next) = self.seek_end(body_at);
        self.end_leaf(leaf, end);
        next
    }

    /// The boundary that the message has, where it is not the one that its header names: messages
    /// that were rewritten on their way are like that.
    fn true_boundary(&self, named: Vec<u8>, from: usize) -> Vec<u8> {
        let body = self.raw.get(from..).unwrap_or_default();
        let line = [b"--", named.as_slice()].concat();
        if memchr::memmem::find(body, &line).is_some() {
            return named;
        }
        let begins_part = |at: usize| {
            let line = line_at(body, at)?;
            let next = field_name(trim_break(line_at(body, at + line.len())?))?;
            let is_content = next.get(..8)?.eq_ignore_ascii_case(b"content-");
            let boundary = trim_break(line).strip_prefix(b"--")?.trim_ascii_end();
            (is_content && (1..=BOUNDARY_MAX).contains(&boundary.len())).then_some(boundary)
        };
        let at_start = body.starts_with(b"--").then_some(0).into_iter();
        let found = at_start
            .chain(memchr::memmem::find_iter(body, b"\n--").map(|at| at + 1))
            .find_map(begins_part);
        found.map_or(named, <[u8]>::to_vec)
    }

    /// Where the next part begins, the text before it passed over.
    fn seek(&mut self, from: usize) -> Option<(usize, PartId)> {
        self.seek_end(from).1
    }

    /// Looks for the next delimiter line of any open group that another part follows. Gives the
    /// first delimiter's place as the end of what lay before it.
    fn seek_end(&mut self, from: usize) -> (usize, Option<(usize, PartId)>) {
        let mut first_end = None;
        let mut at = from;
        while let Some((line_from, line_to, found)) = self.next_delimiter(at) {
            let end = self.before_break(line_from, from);
            first_end.get_or_insert(end);
            self.close_all(end, found.level + 1);
            at = line_to;
            if found.is_last {
                self.close_all(end, found.level);
                continue;
            }
            if self.nodes.len() >= PARTS_MAX {
                break;
            }
            if let Some(open) = self.open.last_mut()
                && let Some(count) = open.count.checked_add(1)
            {
                open.count = count;
                let mut id = self.nodes.get(open.node).map(|n| n.part.id.clone());
                if let Some(id) = &mut id {
                    id.0.push(count);
                }
                return (first_end.unwrap_or(end), Some((at, id.unwrap_or_default())));
            }
        }
        (first_end.unwrap_or(self.raw.len()), None)
    }

    /// The next line that is a delimiter: its beginning, its end, and what it ends.
    fn next_delimiter(&self, from: usize) -> Option<(usize, usize, Delimiter)> {
        if self.open.is_empty() {
            return None;
        }
        let mut at = from;
        loop {
            let rest = self.raw.get(at..)?;
            if rest.starts_with(b"--") {
                let line = line_at(self.raw, at)?;
                if let Some(found) = self.delimiter(trim_break(line)) {
                    return Some((at, at + line.len(), found));
                }
            }
            at += self.dashes.find(rest)? + 1;
        }
    }

    /// Whether a line, its break taken off, delimits parts of an open group, the innermost first.
    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        self.open
            .iter()
            .enumerate()
            .rev()
            .find_map(|(level, open)| {
                let after = text.strip_prefix(open.boundary.as_slice())?;
                let is_last = after.starts_with(b"--");
                (is_last || after.is_empty()).then_some(Delimiter { level, is_last })
            })
    }

    /// The line break before a delimiter belongs to it (RFC 2046 section 5.1.1).
    fn before_break(&self, line_from: usize, not_before: usize) -> usize {
        let text = self.raw.get(not_before..line_from).unwrap_or_default();
        not_before + trim_break(text).len()
    }

    /// Ends the groups from `level` on.
    fn close_all(&mut self, end: usize, level: usize) {
        for open in self.open.drain(level.min(self.open.len())..) {
            let is_empty = open.count == 0;
            let Some(node) = self.nodes.get_mut(open.node) else {
                continue;
            };
            node.body.end = end.max(node.body.start);
            if is_empty {
                // A group whose delimiter never came is read as what it holds: text.
                node.part.mime_type = "text/plain".to_owned();
                node.part.size_bytes = size(&node.body);
                if node.part.id.0.is_empty() {
                    node.part.id = PartId(vec![1]);
                }
            }
        }
    }

    fn end_leaf(&mut self, leaf: usize, end: usize) {
        let raw = self.raw;
        let Some(node) = self.nodes.get_mut(leaf) else {
            return;
        };
        node.body.end = end.max(node.body.start);
        node.part.size_bytes = size(&node.body);
        if node.part.is_multipart() {
            node.part.mime_type = "text/plain".to_owned();
        }
        if is_message(&node.part.mime_type) && node.part.name.is_empty() {
            node.part.name = subject_of(&node.part.encoding, node.encoded(raw));
        }
    }
}

fn size(range: &Range<usize>) -> u64 {
    u64::try_from(range.len()).unwrap_or(u64::MAX)
}

/// The subject of an attached message, which is the best name it has.
fn subject_of(encoding: &str, body: &[u8]) -> String {
    const LOOK_AT: usize = 64 * 1024;
    let head = transfer::decode(encoding, body.get(..LOOK_AT).unwrap_or(body));
    let start = message_start(&head);
    parse_until(&head, start, |_| false).text("Subject")
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
