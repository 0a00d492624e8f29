//! What of a message is signed or encrypted, and the message as it reads once that was opened.
//!
//! Called by `card` and `engine::unseal`: OpenPGP (RFC 3156, RFC 9580), also within a text, and S/MIME
//! (RFC 8551). What is shown as signed must be made of the very bytes that were checked, and nothing
//! from outside may stand in one frame with it (EFAIL).

use super::browser::Page;
use super::card::{Viewer, cards};
use super::choose::{Form, own_parts};
use super::headers::{line_at, parse_headers, trim_break};
use super::params::Field;
use super::render::{Message, Source, reading};
use super::tree::{Node, node_of};
use crate::model::{
    CardKind, CardLine, HiddenText, Line, LineKind, Part, PartId, PictureSource, Reading, Safe,
    Span,
};

const BEGIN_SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const END_SIGNED: &str = "-----END PGP SIGNATURE-----";
const BEGIN_MESSAGE: &str = "-----BEGIN PGP MESSAGE-----";
const END_MESSAGE: &str = "-----END PGP MESSAGE-----";
const OPENED: u16 = PartId::OPENED;
/// So many texts are looked through for armour.
const TEXTS_MAX: usize = 5;

/// How something is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealKind {
    /// Signed with OpenPGP, the signature beside it.
    PgpSigned,
    /// Encrypted with OpenPGP.
    PgpEncrypted,
    /// A text signed with OpenPGP in itself.
    PgpSignedText,
    /// A text encrypted with OpenPGP in itself.
    PgpEncryptedText,
    /// Signed by S/MIME, the signature beside it.
    SmimeSigned,
    /// S/MIME that holds what it signs.
    SmimeOpaque,
    /// Encrypted by S/MIME.
    SmimeEncrypted,
}

impl SealKind {
    /// Whether nobody can read it as it is.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(
            self,
            Self::PgpEncrypted | Self::PgpEncryptedText | Self::SmimeEncrypted
        )
    }

    /// Whether it is S/MIME.
    #[must_use]
    pub const fn is_smime(self) -> bool {
        matches!(
            self,
            Self::SmimeSigned | Self::SmimeOpaque | Self::SmimeEncrypted
        )
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::PgpSignedText | Self::PgpEncryptedText)
    }
}

/// Something sealed, cut out of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// How.
    pub kind: SealKind,
    /// The part that it is.
    pub at: PartId,
    /// What was signed, with the line breaks of the wire; or what is to be opened.
    pub content: Vec<u8>,
    /// The signature, where it stands beside the content.
    pub signature: Vec<u8>,
    /// Text of the same part that stands outside of it.
    pub outside: String,
    /// Whether there is nothing else in the message.
    pub is_whole: bool,
}

/// A sealed part after it was checked or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// The part that it was.
    pub at: PartId,
    /// What was in it, as an entity with its own header; `None` where nothing may be shown.
    pub entity: Option<Vec<u8>>,
    /// Text of the same part that stood outside of it.
    pub outside: String,
    /// Whether it was encrypted.
    pub is_decrypted: bool,
    /// What stands on the card.
    pub lines: Vec<CardLine>,
}

impl Opened {
    /// A part of it, decoded.
    #[must_use]
    pub fn part(&self, id: &PartId) -> Option<super::DecodedPart> {
        super::part(self.entity.as_deref()?, id)
    }

    /// The page for the browser of what was in it, if it has one.
    #[must_use]
    pub fn page(&self) -> Option<Page> {
        super::page(Source::Whole(self.entity.as_deref()?), &[])
    }

    /// What does not hold of what stood outside of it, in a word and in a sentence.
    const fn outside_words(&self) -> (&'static str, &'static str) {
        if self.is_decrypted {
            (
                "not encrypted",
                "Not encrypted: anybody may have put this there",
            )
        } else {
            ("not signed", "Not signed: anybody may have put this there")
        }
    }
}

/// The files of a message after its sealed part was opened, with their names: those in it, numbered as
/// [`opened_part`] takes it, and those outside.
#[must_use]
pub fn opened_files(raw: &[u8], opened: &Opened) -> Vec<(PartId, String)> {
    let Some(entity) = opened.entity.as_deref() else {
        let files = super::files(Source::Whole(raw)).into_iter();
        return files.map(|file| (file.part, file.name)).collect();
    };
    let inside = super::files(Source::Whole(entity)).into_iter().map(|file| {
        let id = PartId([&[OPENED], file.part.0.as_slice()].concat());
        (id, file.name)
    });
    let message = Message::open(Source::Whole(raw));
    let outside = message.only(|id| !id.0.starts_with(&opened.at.0)).files();
    inside
        .chain(outside.into_iter().map(|file| (file.part, file.name)))
        .collect()
}

/// Takes away what would be fetched from the web for a text that was encrypted: asking for a picture
/// could tell somebody what is in it.
pub fn hide_remote(reading: &mut Reading) {
    for picture in &mut reading.pictures {
        if matches!(picture.source, PictureSource::Remote(_)) {
            picture.source = PictureSource::Inline(String::new());
        }
    }
}

/// The outermost sealed part of a message, as far as it can be told from what is here.
pub(super) fn find(message: &Message<'_>) -> Option<(SealKind, PartId)> {
    let own = own_parts(&message.structure);
    let outer = own.iter().find_map(|part| {
        let kind = kind_of(part, &own, || message.content(part))?;
        Some((kind, part.id.clone()))
    });
    outer.or_else(|| {
        let texts = own.iter().filter(|p| p.mime_type == "text/plain");
        let texts = texts.filter(|p| p.disposition != "attachment");
        texts.take(TEXTS_MAX).find_map(|part| {
            let text = message.text(part)?.text;
            armour(&text).map(|found| (found.kind, part.id.clone()))
        })
    })
}

fn kind_of(part: &Part, all: &[&Part], content: impl Fn() -> Option<Field>) -> Option<SealKind> {
    let child = |number: u16| {
        let id: Vec<u16> = part.id.0.iter().copied().chain([number]).collect();
        let found = all.iter().find(|p| p.id.0 == id);
        found.map_or("", |p| p.mime_type.as_str())
    };
    match part.mime_type.as_str() {
        "multipart/signed" => match child(2) {
            "application/pgp-signature" => Some(SealKind::PgpSigned),
            "application/pkcs7-signature" | "application/x-pkcs7-signature" => {
                Some(SealKind::SmimeSigned)
            }
            _ => None,
        },
        "multipart/encrypted" if child(1) == "application/pgp-encrypted" => {
            Some(SealKind::PgpEncrypted)
        }
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            let kind = content().and_then(|c| c.text("smime-type"));
            match kind.map(|kind| kind.to_ascii_lowercase()).as_deref() {
                Some("signed-data") => Some(SealKind::SmimeOpaque),
                // Neither says that anybody signed, or hides anything (RFC 8551 sections 3.6 and 3.8).
                Some("certs-only" | "compressed-data") => None,
                None if part.name.to_ascii_lowercase().ends_with(".p7s") => {
                    Some(SealKind::SmimeOpaque)
                }
                None if part.name.to_ascii_lowercase().ends_with(".p7c") => None,
                Some(_) | None => Some(SealKind::SmimeEncrypted),
            }
        }
        _ => None,
    }
}

/// Whether the outermost sealed part of a message is encrypted.
#[must_use]
pub fn is_encrypted(source: Source<'_>) -> bool {
    find(&Message::open(source)).is_some_and(|(kind, _)| kind.is_encrypted())
}

/// Cuts the outermost sealed part out of a message.
#[must_use]
pub fn seal(raw: &[u8]) -> Option<Seal> {
    let message = Message::open(Source::Whole(raw));
    let (kind, at) = find(&message)?;
    let node = node_of(message.nodes(), &at.0)?;
    let mut seal = Seal {
        kind,
        at: at.clone(),
        content: Vec::new(),
        signature: Vec::new(),
        outside: String::new(),
        // A root without parts has the number 1.
        is_whole: at.0.is_empty() || node_of(message.nodes(), &[]).is_none(),
    };
    let below = |number: u16| {
        let id: Vec<u16> = at.0.iter().copied().chain([number]).collect();
        node_of(message.nodes(), &id)
    };
    match kind {
        SealKind::PgpSigned | SealKind::SmimeSigned => {
            seal.content = signed_bytes(raw, node)?;
            seal.signature = below(2)?.decoded(raw);
        }
        SealKind::PgpEncrypted => seal.content = below(2)?.decoded(raw),
        SealKind::SmimeOpaque | SealKind::SmimeEncrypted => {
            seal.content = node.decoded(raw);
            seal.kind = smime_kind(&seal.content).unwrap_or(kind);
        }
        SealKind::PgpSignedText | SealKind::PgpEncryptedText => {
            let text = message.text(&node.part)?.text;
            let found = armour(&text)?;
            seal.content = found.inside.as_bytes().to_vec();
            seal.outside = found.outside;
            seal.is_whole &= seal.outside.is_empty();
        }
    }
    Some(seal)
}

/// What S/MIME says of itself where its header does not, or wrongly: the object identifier that it
/// begins with (RFC 5652 section 3, RFC 5083 section 2).
fn smime_kind(der: &[u8]) -> Option<SealKind> {
    const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    const ENVELOPED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
    const AUTH_ENVELOPED: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";
    // A sequence; its length takes one byte, or as many more as that one says.
    let rest = der.strip_prefix(b"\x30")?;
    let (length, rest) = rest.split_first()?;
    let more = if *length > 0x80 {
        usize::from(*length & 0x7f)
    } else {
        0
    };
    let rest = rest.get(more..)?;
    if rest.starts_with(SIGNED) {
        Some(SealKind::SmimeOpaque)
    } else if rest.starts_with(ENVELOPED) || rest.starts_with(AUTH_ENVELOPED) {
        Some(SealKind::SmimeEncrypted)
    } else {
        None
    }
}

/// What a `multipart/signed` signs: its first part to the letter, up to the break before the next
/// delimiter (RFC 1847 section 2.1), in the form of the wire.
fn signed_bytes(raw: &[u8], node: &Node) -> Option<Vec<u8>> {
    let header = parse_headers(raw.get(node.header.clone())?);
    let boundary = Field::parse(header.get("Content-Type")?).bytes("boundary")?;
    let delimiter = [b"--", boundary.trim_ascii_end()].concat();
    let mut at = node.body.start;
    let mut begin = None;
    while let Some(line) = line_at(raw, at) {
        let next = at + line.len();
        if trim_break(line).trim_ascii_end() == delimiter {
            match begin {
                None => begin = Some(next),
                Some(begin) => return Some(with_wire_breaks(trim_break(raw.get(begin..at)?))),
            }
        }
        at = next;
    }
    None
}

/// The text with CR LF at the end of each line.
fn with_wire_breaks(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 40);
    let mut before = 0;
    for b in text {
        if *b == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*b);
        before = *b;
    }
    out
}

struct Armour<'a> {
    kind: SealKind,
    inside: &'a str,
    outside: String,
}

/// The first armoured piece of a text; its marks must stand alone on their lines.
fn armour(text: &str) -> Option<Armour<'_>> {
    if !text.contains("-----BEGIN PGP ") {
        return None;
    }
    let mut begin = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let mark = line.trim_end();
        match begin {
            None if mark == BEGIN_SIGNED => begin = Some((at, END_SIGNED, SealKind::PgpSignedText)),
            None if mark == BEGIN_MESSAGE => {
                begin = Some((at, END_MESSAGE, SealKind::PgpEncryptedText));
            }
            Some((from, last, kind)) if mark == last => {
                let (before, after) = (text.get(..from)?, text.get(end..)?);
                return Some(Armour {
                    kind,
                    inside: text.get(from..end)?,
                    outside: [before.trim(), after.trim()].join("\n\n").trim().to_owned(),
                });
            }
            _ => {}
        }
        at = end;
    }
    None
}

/// The plain text that was in an armoured piece, as an entity.
fn text_entity(text: &[u8]) -> Vec<u8> {
    let head =
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    [head.as_slice(), text].concat()
}

impl Seal {
    /// The entity that was signed or encrypted, of the bytes that came out.
    #[must_use]
    pub fn entity(&self, out: Vec<u8>) -> Vec<u8> {
        if self.kind.is_text() {
            text_entity(&out)
        } else {
            out
        }
    }
}

/// The message as it reads after its sealed part was opened. Parts in it have addresses that begin
/// with 0, see [`opened_part`].
#[must_use]
pub fn opened_reading(
    raw: &[u8],
    opened: &Opened,
    width: u16,
    form: Form,
    viewer: &Viewer,
) -> Reading {
    let source = Source::Whole(raw);
    let mut shown = match &opened.entity {
        Some(entity) => framed(raw, opened, entity, width, form),
        None => reading(source, width, form),
    };
    shown.cards = cards(source, viewer);
    if let Some(entity) = &opened.entity {
        // What an invitation or a report says counts where it was sealed, too.
        let inner = cards(Source::Whole(entity), viewer).into_iter();
        let is_new = |kind: &CardKind| matches!(kind, CardKind::Report(_));
        shown.cards.extend(inner.filter(|card| is_new(&card.kind)));
    }
    for card in &mut shown.cards {
        if card.kind == CardKind::Seal {
            card.lines.clone_from(&opened.lines);
        }
    }
    shown
}

fn framed(raw: &[u8], opened: &Opened, entity: &[u8], width: u16, form: Form) -> Reading {
    let mut inside = reading(Source::Whole(entity), width, form);
    for file in &mut inside.attachments {
        file.part.0.insert(0, OPENED);
    }
    for picture in &mut inside.pictures {
        if let PictureSource::Part(id) = &mut picture.source {
            id.0.insert(0, OPENED);
        }
    }
    if opened.is_decrypted {
        hide_remote(&mut inside);
    }
    let message = Message::open(Source::Whole(raw));
    let outer = message.only(|id| !id.0.starts_with(&opened.at.0));
    let label = if opened.is_decrypted {
        "Decrypted"
    } else {
        "Signed"
    };
    let (word, other) = opened.outside_words();
    let mut outside = outer.reading(width, form);
    for file in &mut outside.attachments {
        file.outside = word;
    }
    if outer.structure.texts().next().is_none() {
        outside.body.clear();
    }
    if !opened.outside.is_empty() {
        let rest = text_entity(opened.outside.as_bytes());
        outside = joined(outside, reading(Source::Whole(&rest), width, form));
    }
    let has_outside = !outside.body.is_empty();
    if opened.is_decrypted || has_outside {
        put_frame(&mut inside, label);
    }
    if has_outside {
        put_frame(&mut outside, other);
    }
    let headers = std::mem::take(&mut outside.headers);
    let all_headers = std::mem::take(&mut outside.all_headers);
    let date_secs = outside.date_secs;
    Reading {
        headers,
        all_headers,
        date_secs,
        is_decrypted: opened.is_decrypted,
        ..joined(inside, outside)
    }
}

/// Two readings below one another; the first one's headers stand.
fn joined(mut first: Reading, second: Reading) -> Reading {
    let (links, pictures) = (first.links.len(), first.pictures.len());
    let above = first.body.len();
    first.body.extend(second.body.into_iter().map(|mut line| {
        for span in &mut line.spans {
            span.link = span.link.map(|link| link + links);
            span.picture = span.picture.map(|picture| picture + pictures);
        }
        line
    }));
    first.links.extend(second.links);
    first.pictures.extend(second.pictures);
    first.attachments.extend(second.attachments);
    first.is_html |= second.is_html;
    first.has_other_form |= second.has_other_form;
    first.trackers = first.trackers.saturating_add(second.trackers);
    first.hidden_texts = first.hidden_texts.saturating_add(second.hidden_texts);
    first.hidden.extend(lower(second.hidden, above));
    first
}

/// Hidden texts of a reading that comes to stand below so many lines.
fn lower(hidden: Vec<HiddenText>, lines: usize) -> impl Iterator<Item = HiddenText> {
    hidden.into_iter().map(move |hidden| HiddenText {
        at: hidden.at + lines,
        ..hidden
    })
}

fn put_frame(reading: &mut Reading, text: &'static str) {
    reading.body.insert(0, frame(text));
    reading.hidden = lower(std::mem::take(&mut reading.hidden), 1).collect();
}

fn frame(text: &'static str) -> Line {
    Line {
        kind: LineKind::Frame,
        spans: vec![Span {
            text: Safe::fixed(text),
            ..Span::default()
        }],
        ..Line::default()
    }
}

/// The part of what was opened that has this address; `None` where the address is not of that kind.
#[must_use]
pub fn opened_part(id: &PartId) -> Option<PartId> {
    match id.0.split_first() {
        Some((&OPENED, rest)) => Some(PartId(rest.to_vec())),
        _ => None,
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
