//! Parts that lie inside of parts: of attached messages, in `winmail.dat`, uuencoded in a text.
//!
//! Called by `files` and `engine`. They are numbered on from the part that holds them, as IMAP does for
//! attached messages (RFC 9051 section 6.4.5.1): `4.2` is the second part of the message that is part 4,
//! or the second file of the winmail.dat that is. Must never recurse, however deep they lie.

use super::kinds::type_of_name;
use super::tree::{DEPTH_MAX, DecodedPart, Node, is_type, node_of, scan};
use super::{charset, tnef, uu, words};
use crate::model::{BodyStructure, Holds, Part, PartId};

/// A file that lies inside of a part which is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InnerFile {
    /// Its name, decoded, not made safe.
    pub(crate) name: String,
    pub(crate) mime_type: String,
    pub(crate) size_bytes: u64,
}

/// One part of a message, wherever it lies, decoded; of the empty id the message, of groups the bytes as
/// they are.
#[must_use]
pub fn part(raw: &[u8], id: &PartId) -> Option<DecodedPart> {
    let message = Held {
        bytes: raw,
        mime_type: "message/rfc822",
        name: "",
    };
    if id.0.is_empty() {
        return Some(DecodedPart {
            bytes: raw.to_vec(),
            mime_type: message.mime_type.to_owned(),
            ..DecodedPart::default()
        });
    }
    let (inner, used) = step(&message, &id.0)?;
    part_inside(inner, id.0.get(used..)?)
}

/// The part of that number, counted on from `outer`.
#[must_use]
pub fn part_inside(outer: DecodedPart, rest: &[u16]) -> Option<DecodedPart> {
    let (mut held, mut rest) = (outer, rest);
    for _ in 0..=DEPTH_MAX {
        if rest.is_empty() {
            return Some(held);
        }
        let (inner, used) = step(&Held::of(&held), rest)?;
        rest = rest.get(used..)?;
        held = inner;
    }
    None
}

/// The decoded bytes of one part; see [`part`].
#[must_use]
pub fn part_body(raw: &[u8], id: &PartId) -> Option<Vec<u8>> {
    part(raw, id).map(|part| part.bytes)
}

/// The part of a structure that must be fetched to have the part of that number, and the numbers that
/// lead on from there. A structure that names the part itself gives that.
#[must_use]
pub fn holder<'a>(structure: &BodyStructure, id: &'a PartId) -> Option<(PartId, &'a [u16])> {
    (1..=id.0.len()).rev().find_map(|len| {
        let (head, rest) = id.0.split_at_checked(len)?;
        let part = structure.parts.iter().find(|p| p.id.0 == head)?;
        let may_hold = rest.is_empty() || !part.is_multipart();
        may_hold.then(|| (part.id.clone(), rest))
    })
}

/// A part that may hold others.
struct Held<'a> {
    bytes: &'a [u8],
    mime_type: &'a str,
    name: &'a str,
}

impl<'a> Held<'a> {
    fn of(part: &'a DecodedPart) -> Self {
        Self {
            bytes: &part.bytes,
            mime_type: &part.mime_type,
            name: &part.name,
        }
    }
}

/// One step down: the part, and how many numbers led to it.
fn step(held: &Held<'_>, rest: &[u16]) -> Option<(DecodedPart, usize)> {
    let bytes = held.bytes;
    match Holds::of(held.mime_type, held.name) {
        Some(Holds::Message) => {
            let nodes = scan(bytes);
            let exact = node_of(&nodes, rest);
            let holds = |n: &&Node| !n.part.is_multipart() && rest.starts_with(&n.part.id.0);
            let node = exact.or_else(|| nodes.iter().find(holds))?;
            Some((decoded(node, bytes), node.part.id.0.len()))
        }
        Some(Holds::Winmail) => {
            let tnef = tnef::parse(bytes)?;
            let at = place(rest)?;
            let file = tnef.files.get(at)?;
            let inner = winmail_file(file);
            let part = DecodedPart {
                bytes: file.bytes.to_vec(),
                mime_type: inner.mime_type,
                name: inner.name,
                charset: String::new(),
            };
            Some((part, 1))
        }
        None if held.mime_type == "text/plain" => {
            let found = uu::find(bytes);
            let file = found.get(place(rest)?)?;
            let inner = uu_file(file);
            let part = DecodedPart {
                bytes: file.decoded(bytes),
                mime_type: inner.mime_type,
                name: inner.name,
                charset: String::new(),
            };
            Some((part, 1))
        }
        None => None,
    }
}

fn place(rest: &[u16]) -> Option<usize> {
    usize::from(*rest.first()?).checked_sub(1)
}

fn decoded(node: &Node, raw: &[u8]) -> DecodedPart {
    let part = &node.part;
    let bytes = if part.is_multipart() {
        node.encoded(raw).to_vec()
    } else {
        node.decoded(raw)
    };
    DecodedPart {
        bytes,
        mime_type: part.mime_type.clone(),
        charset: part.charset.clone(),
        name: part.name.clone(),
    }
}

/// What is told of a file in a `winmail.dat`.
pub(crate) fn winmail_file(file: &tnef::File<'_>) -> InnerFile {
    let is_said = is_type(&file.mime_type) && !file.mime_type.starts_with("multipart/");
    let mime_type = match (file.is_message, is_said) {
        (true, _) => "application/ms-tnef".to_owned(),
        (false, true) => file.mime_type.clone(),
        (false, false) => type_of_name(&file.name).to_owned(),
    };
    // A message is called by its subject, like any that is attached.
    let subject = file.is_message.then(|| tnef::parse(file.bytes)).flatten();
    let subject = subject
        .map(|inner| inner.subject)
        .filter(|s| !s.trim().is_empty());
    InnerFile {
        name: subject.map_or_else(
            || file.name.clone(),
            |s| format!("{}.tnef", s.replace(['/', '\\'], "_")),
        ),
        mime_type,
        size_bytes: u64::try_from(file.bytes.len()).unwrap_or(u64::MAX),
    }
}

/// The files of a `winmail.dat` that its page may show, as parts of the one that it is.
pub(super) fn winmail_parts(id: &PartId, tnef: &tnef::Tnef<'_>) -> Vec<Part> {
    let files = (1..u16::MAX).zip(&tnef.files);
    let named = files.filter(|(_, file)| !file.content_id.is_empty());
    named
        .map(|(n, file)| Part {
            id: PartId([id.0.as_slice(), &[n]].concat()),
            mime_type: winmail_file(file).mime_type,
            content_id: file.content_id.clone(),
            size_bytes: u64::try_from(file.bytes.len()).unwrap_or(u64::MAX),
            ..Part::default()
        })
        .collect()
}

/// What is told of a uuencoded file.
pub(crate) fn uu_file(file: &uu::File) -> InnerFile {
    // Some programs write encoded words there too.
    let name = if file.name.starts_with(b"=?") {
        words::decode_words(&file.name)
    } else {
        charset::guess(&file.name)
    };
    InnerFile {
        mime_type: type_of_name(&name).to_owned(),
        name,
        size_bytes: file.size_bytes,
    }
}
