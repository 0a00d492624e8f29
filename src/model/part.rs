//! The MIME tree of a message without its bytes (RFC 9051 §7.5.2 BODYSTRUCTURE, RFC 2045).
//!
//! Made by `net` from BODYSTRUCTURE and by `mime` from bytes; `engine` chooses from it what to
//! fetch. The tree is held flat: no function here may recurse over what a server or a mail nested.

use serde::{Deserialize, Serialize};

/// The address of a part (RFC 9051 §6.4.5.1), such as `1.2`. The whole message is the empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartId(pub Vec<u16>);

impl std::fmt::Display for PartId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, n) in self.0.iter().enumerate() {
            write!(f, "{}{n}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl PartId {
    /// The first component of the addresses of parts that lie in what was checked or decrypted. IMAP
    /// has no part 0.
    pub const OPENED: u16 = 0;

    /// Whether the part lies in what was checked or decrypted.
    #[must_use]
    pub fn is_opened(&self) -> bool {
        self.0.first() == Some(&Self::OPENED)
    }

    /// Reads `1.2`; the empty text is the whole message.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        text.split('.')
            .map(|n| n.parse().ok().filter(|n| *n > 0))
            .collect::<Option<Vec<u16>>>()
            .map(Self)
    }
}

/// A larger part that is no text is only fetched when somebody asks for it.
const NEEDED_MAX: u64 = 1024 * 1024;

/// One node of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Part {
    /// Its address.
    #[serde(rename = "i")]
    pub id: PartId,
    /// `type/subtype` in lower case: `text/plain`, `multipart/mixed`.
    #[serde(rename = "t")]
    pub mime_type: String,
    /// The charset of a text part as written, else empty.
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    pub charset: String,
    /// Content-Transfer-Encoding in lower case.
    #[serde(rename = "e", default, skip_serializing_if = "String::is_empty")]
    pub encoding: String,
    /// Size in bytes as transferred (encoded); 0 for multiparts.
    #[serde(rename = "s", default)]
    pub size_bytes: u64,
    /// The file name, decoded, not made safe; empty when there is none.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Content-ID without angle brackets; empty when there is none.
    #[serde(rename = "d", default, skip_serializing_if = "String::is_empty")]
    pub content_id: String,
    /// `attachment`, `inline`, other words in lower case, or empty.
    #[serde(rename = "p", default, skip_serializing_if = "String::is_empty")]
    pub disposition: String,
}

impl Part {
    /// Whether it only groups other parts.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.mime_type.starts_with("multipart/")
    }

    /// Whether a card tells what is in it, so that it is fetched with the text.
    #[must_use]
    pub fn is_card(&self) -> bool {
        const BYTES_MAX: u64 = 512 * 1024;
        let is_told = matches!(
            self.mime_type.as_str(),
            "message/delivery-status"
                | "message/global-delivery-status"
                | "message/disposition-notification"
                | "message/global-disposition-notification"
                | "text/rfc822-headers"
                | "text/calendar"
        );
        is_told && self.size_bytes <= BYTES_MAX
    }

    /// Whether a reader lists it as an attachment: marked as one, or named, or neither text nor a
    /// group; a picture that the HTML shows inline (Content-ID, not marked) is none.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        if self.is_multipart() {
            return false;
        }
        if self.disposition == "attachment" {
            return true;
        }
        let is_text = matches!(self.mime_type.as_str(), "text/plain" | "text/html");
        if is_text {
            return !self.name.is_empty();
        }
        let is_shown_inline = self.mime_type.starts_with("image/") && !self.content_id.is_empty();
        let is_signature = matches!(
            self.mime_type.as_str(),
            "application/pgp-signature"
                | "application/pkcs7-signature"
                | "application/x-pkcs7-signature"
        );
        !is_shown_inline && !is_signature
    }
}

/// What lies inside of a part that is no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// A message (RFC 2046 section 5.2.1).
    Message,
    /// What Outlook wraps a message in (MS-OXTNEF).
    Winmail,
}

impl Holds {
    /// What a part of that type and name holds; `None` where it can only be saved.
    #[must_use]
    pub fn of(mime_type: &str, name: &str) -> Option<Self> {
        let is_unknown = matches!(mime_type, "application/octet-stream" | "text/plain");
        let ends = |end: &str| {
            let from = name.len().checked_sub(end.len());
            let tail = from.and_then(|from| name.get(from..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        match mime_type {
            "message/rfc822" | "message/global" | "message/news" => Some(Self::Message),
            "application/ms-tnef" | "application/vnd.ms-tnef" => Some(Self::Winmail),
            _ if is_unknown && ends(".eml") => Some(Self::Message),
            _ if is_unknown && name.eq_ignore_ascii_case("winmail.dat") => Some(Self::Winmail),
            _ => None,
        }
    }
}

/// All parts of a message in depth-first order, the root first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyStructure {
    /// The parts. A message that is a single part has one, with the id `1`.
    pub parts: Vec<Part>,
}

impl BodyStructure {
    /// The parts a reader lists as attachments.
    pub fn attachments(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|p| p.is_attachment())
    }

    /// The text parts that make up what one reads, attachments left out. A text with a file name is
    /// an attachment, unless it is all there is to read.
    pub fn texts(&self) -> impl Iterator<Item = &Part> {
        let is_text = |p: &&Part| matches!(p.mime_type.as_str(), "text/plain" | "text/html");
        let texts = self.parts.iter().filter(is_text);
        let own = texts.clone().filter(|p| !p.is_attachment());
        let lone = match own.clone().next() {
            Some(_) => None,
            None => texts.clone().find(|p| p.disposition != "attachment"),
        };
        own.chain(lone)
    }

    /// The parts that must be here to read a message: its texts, what a card tells of (RFC 3464, 6047,
    /// 8098), and what is read without being a text.
    pub fn needed(&self) -> impl Iterator<Item = &Part> {
        let is_needed = |p: &&Part| {
            let is_winmail = Holds::of(&p.mime_type, &p.name) == Some(Holds::Winmail);
            let is_pointer = p.mime_type == "message/external-body";
            p.is_card() || (is_winmail || is_pointer) && p.size_bytes <= NEEDED_MAX
        };
        self.texts().chain(self.parts.iter().filter(is_needed))
    }

    /// The part of that address.
    #[must_use]
    pub fn part(&self, id: &PartId) -> Option<&Part> {
        self.parts.iter().find(|p| p.id == *id)
    }
}
