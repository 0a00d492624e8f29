//! A draft to the bytes of a message (RFC 5322, RFC 2045), attachments streamed.
//!
//! Called by `engine` and `cli`, which give the time, the random numbers and the readers. What is
//! written must never name a Bcc recipient, this computer or this program, and never hold a field
//! that was not asked for.

use super::bounce;
use super::encode::{Copying, Shape, Strict};
use super::field::{Fields, one_line};
use super::leaf::{self, Leaf};
use super::markdown;
use crate::model::{
    Address, Attached, Content, Draft, DraftKind, Moment, Recipients, Standing, check_address,
    is_same_mailbox, wire_address,
};
use std::fmt::Write as _;
use std::io::{self, Read, Write};

/// Whether bytes beyond ASCII may be written as they are (8BITMIME, RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EightBit {
    /// Never: what cannot be encoded within its type is attached as a file.
    Never,
    /// Only inside of attached messages, which may not be encoded (RFC 2046 section 5.2.1).
    #[default]
    WhereNeeded,
    /// In texts too.
    Freely,
}

/// What the message is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be sent: every recipient must be valid, and Bcc is left out.
    Sending,
    /// To be kept in a mailbox of drafts: Bcc is kept, and half an address too.
    Keeping,
}

/// What is the message's alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its date.
    pub date: Moment,
    /// Random; names the message and divides its parts.
    pub token: [u8; 16],
}

impl Stamp {
    fn hex(&self) -> String {
        self.token.iter().fold(String::new(), |mut text, b| {
            // Writing into a String cannot fail.
            let _written = write!(text, "{b:02x}");
            text
        })
    }

    /// The Message-ID, without angle brackets: random, at the host of the sender's address.
    #[must_use]
    pub fn message_id(&self, sender: &str) -> String {
        let wire = wire_address(sender);
        let host = wire.rsplit_once('@').map_or("", |(_, host)| host);
        let host = if host.is_ascii() && !host.is_empty() {
            host
        } else {
            "localhost.invalid"
        };
        format!("{}@{host}", self.hex())
    }

    /// A delimiter that occurs in no encoded text: `=_` is neither base64 nor quoted-printable.
    pub(super) fn boundary(&self, level: u8) -> String {
        format!("=_{}_{level}", self.hex())
    }
}

/// How a draft is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// What for.
    pub purpose: Purpose,
    /// Whether bytes beyond ASCII may be written as they are.
    pub eight_bit: EightBit,
    /// Date and random number.
    pub stamp: Stamp,
}

/// Opens what is attached. The same content may be opened twice, and must give the same bytes.
pub trait Contents {
    /// A reader of a file, a part (decoded) or a message (as it is).
    ///
    /// # Errors
    /// When it cannot be opened.
    fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read + '_>>;
}

/// Opens nothing, for drafts without attachments.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoContents;

impl Contents for NoContents {
    fn open(&mut self, _: &Content) -> io::Result<Box<dyn Read + '_>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// The size of the message.
    pub size_bytes: u64,
    /// Whether it needs a server with 8BITMIME (RFC 6152).
    pub needs_8bitmime: bool,
    /// Whether it needs a server with SMTPUTF8 (RFC 6531).
    pub needs_smtputf8: bool,
}

/// The sender and recipients that the server is told (RFC 5321 section 3.3), Bcc included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// MAIL FROM.
    pub sender: String,
    /// RCPT TO, each once.
    pub recipients: Vec<String>,
    /// Whether one of them can only be told with SMTPUTF8.
    pub needs_smtputf8: bool,
}

/// Why a draft cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The sender's address is none.
    #[error("your address {0:?} {1}")]
    Sender(String, &'static str),
    /// A recipient's address is none.
    #[error("{text:?} in {field} {why}")]
    Recipient {
        /// The field.
        field: &'static str,
        /// As typed.
        text: String,
        /// What is wrong, as the rest of a sentence.
        why: &'static str,
    },
    /// Nobody to send it to.
    #[error("there is no recipient")]
    NoRecipient,
    /// It is to be signed or encrypted, which is done on what [`Composer::entity`] writes.
    #[error("a message to be signed or encrypted is not written in clear")]
    InClear,
    /// A bounce has no original, or its original has no readable header.
    #[error("there is no message to pass on")]
    NoOriginal,
    /// An attachment cannot be read.
    #[error("{name:?} cannot be read: {fault}")]
    Reading {
        /// The name of the attachment.
        name: String,
        /// Why.
        fault: io::Error,
    },
    /// Something holds what no mail may hold.
    #[error("{name:?} {why}")]
    Unfit {
        /// The name of the attachment.
        name: String,
        /// What, as the rest of a sentence.
        why: String,
    },
    /// The message cannot be written.
    #[error("the message cannot be written: {0}")]
    Writing(io::Error),
}

impl ComposeError {
    pub(super) fn copying(name: &str, copying: Copying) -> Self {
        let name = name.to_owned();
        match copying {
            Copying::Reading(fault) => Self::Reading { name, fault },
            Copying::Writing(fault) if fault.kind() == io::ErrorKind::InvalidData => Self::Unfit {
                name,
                why: fault.to_string(),
            },
            Copying::Writing(fault) => Self::Writing(fault),
        }
    }

    pub(super) fn writing(fault: io::Error) -> Self {
        Self::copying("the message", Copying::Writing(fault))
    }
}

/// Where the message goes, by its envelope.
///
/// # Errors
/// When an address is not valid, or there is none.
pub fn route(draft: &Draft) -> Result<Route, ComposeError> {
    check_sender(draft)?;
    let mut route = Route {
        sender: wire_address(&draft.identity.address.address),
        ..Route::default()
    };
    let fields = [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)];
    let mut seen = std::collections::HashSet::new();
    for (field, recipients) in fields {
        check_recipients(field, recipients)?;
        for address in recipients.valid() {
            let wire = wire_address(&address.address);
            if seen.insert(wire.to_lowercase()) {
                route.recipients.push(wire);
            }
        }
    }
    if route.recipients.is_empty() {
        return Err(ComposeError::NoRecipient);
    }
    let all = route.recipients.iter().chain([&route.sender]);
    route.needs_smtputf8 = all.into_iter().any(|address| !address.is_ascii());
    Ok(route)
}

pub(super) fn check_sender(draft: &Draft) -> Result<(), ComposeError> {
    let address = &draft.identity.address.address;
    match check_address(address) {
        Standing::Valid => Ok(()),
        Standing::Unfinished(why) | Standing::Wrong(why) => {
            Err(ComposeError::Sender(address.clone(), why))
        }
    }
}

pub(super) fn check_recipients(
    field: &'static str,
    recipients: &Recipients,
) -> Result<(), ComposeError> {
    let Some(entry) = recipients.first_problem() else {
        return Ok(());
    };
    let why = match entry.standing {
        Standing::Unfinished(why) | Standing::Wrong(why) => why,
        Standing::Valid => return Ok(()),
    };
    Err(ComposeError::Recipient {
        field,
        text: entry.text.clone(),
        why,
    })
}

/// Writes one draft.
#[derive(Debug, Clone, Copy)]
pub struct Composer<'a> {
    draft: &'a Draft,
    how: How,
}

impl<'a> Composer<'a> {
    /// Will write that draft.
    #[must_use]
    pub const fn new(draft: &'a Draft, how: How) -> Self {
        Self { draft, how }
    }

    pub(super) const fn draft(&self) -> &'a Draft {
        self.draft
    }

    pub(super) const fn how(&self) -> &How {
        &self.how
    }

    /// Writes the whole message. On an error, what was written so far is no message.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub fn write(
        &self,
        contents: &mut dyn Contents,
        out: &mut dyn Write,
    ) -> Result<Written, ComposeError> {
        if self.draft.kind == DraftKind::Bounce {
            return bounce::write(self.draft, self.how.stamp, contents, out);
        }
        if self.draft.sending.is_signed || self.draft.sending.is_encrypted {
            return Err(ComposeError::InClear);
        }
        let header = self.header()?;
        let mut strict = Strict::new(out);
        strict.write_all(&header).map_err(ComposeError::writing)?;
        let has_8bit_header = strict.has_8bit;
        strict.has_8bit = false;
        self.write_entity(contents, &mut strict)?;
        let needs_smtputf8 = has_8bit_header
            || (self.how.purpose == Purpose::Sending && route(self.draft)?.needs_smtputf8);
        Ok(Written {
            size_bytes: strict.size_bytes,
            needs_8bitmime: strict.has_8bit || has_8bit_header,
            needs_smtputf8,
        })
    }

    /// The fields of the message up to MIME-Version; those of [`Self::entity`], or of what signing
    /// and encrypting made of it, follow.
    ///
    /// # Errors
    /// When an address is not valid.
    pub fn header(&self) -> Result<Vec<u8>, ComposeError> {
        let draft = self.draft;
        let from = &draft.identity.address;
        check_sender(draft)?;
        let mut fields = Fields::default();
        fields.date("Date", self.how.stamp.date);
        fields.addresses("From", std::slice::from_ref(from));
        self.people(&mut fields, "Reply-To", &draft.reply_to)?;
        self.people(&mut fields, "To", &draft.to)?;
        self.people(&mut fields, "Cc", &draft.cc)?;
        match self.how.purpose {
            Purpose::Keeping => self.people(&mut fields, "Bcc", &draft.bcc)?,
            Purpose::Sending => {
                route(draft)?;
                if draft.to.is_empty() && draft.cc.is_empty() {
                    // Some servers refuse a message that names nobody.
                    fields.fixed("To", "undisclosed-recipients:;");
                }
            }
        }
        fields.text("Subject", &draft.subject);
        let id = self.how.stamp.message_id(&from.address);
        fields.ids("Message-ID", &[id]);
        fields.ids("In-Reply-To", &draft.in_reply_to);
        fields.ids("References", &draft.references);
        for field in &draft.headers {
            fields.text(field.name(), field.value());
        }
        fields.fixed("MIME-Version", "1.0");
        Ok(fields.into_bytes())
    }

    fn people(
        &self,
        fields: &mut Fields,
        name: &'static str,
        recipients: &Recipients,
    ) -> Result<(), ComposeError> {
        let mut people: Vec<Address> = Vec::new();
        for address in recipients.valid() {
            if !people
                .iter()
                .any(|p| is_same_mailbox(&p.address, &address.address))
            {
                people.push(address.clone());
            }
        }
        let mut words = Vec::new();
        match self.how.purpose {
            Purpose::Sending => check_recipients(name, recipients)?,
            Purpose::Keeping => {
                let entries = recipients.entries().iter();
                let rest = entries.filter(|e| e.standing != Standing::Valid);
                words.extend(rest.map(|e| e.text.as_str()));
            }
        }
        fields.people(name, &people, &words);
        Ok(())
    }

    /// Writes the body with its MIME fields in front: what is signed or encrypted (RFC 3156, RFC
    /// 8551). A draft that is to be signed is written in seven bits and without blanks at the ends
    /// of lines.
    ///
    /// # Errors
    /// When an attachment cannot be read, or `out` not be written.
    pub fn entity(
        &self,
        contents: &mut dyn Contents,
        out: &mut dyn Write,
    ) -> Result<(), ComposeError> {
        self.write_entity(contents, &mut Strict::new(out))
    }

    fn write_entity(
        &self,
        contents: &mut dyn Contents,
        out: &mut Strict<'_>,
    ) -> Result<(), ComposeError> {
        if self.draft.attachments.is_empty() {
            return self.text(out);
        }
        let boundary = self.how.stamp.boundary(0);
        open_group(out, "multipart/mixed", &boundary)?;
        delimiter(out, &boundary, "")?;
        self.text(out)?;
        for attached in &self.draft.attachments {
            delimiter(out, &boundary, "")?;
            self.attachment(attached, contents, out)?;
        }
        delimiter(out, &boundary, "--")
    }

    fn text(&self, out: &mut Strict<'_>) -> Result<(), ComposeError> {
        let sending = self.draft.sending;
        let eight_bit = self.eight_bit() == EightBit::Freely;
        let plain = Leaf::flowed(&self.draft.body);
        let other = match &self.draft.calendar {
            Some(calendar) => Leaf::calendar(calendar),
            None if sending.is_markdown => Leaf::page(&markdown::page(&self.draft.body)),
            None => return plain.write(eight_bit, sending.is_signed, out),
        };
        let boundary = self.how.stamp.boundary(1);
        open_group(out, "multipart/alternative", &boundary)?;
        delimiter(out, &boundary, "")?;
        plain.write(eight_bit, sending.is_signed, out)?;
        delimiter(out, &boundary, "")?;
        other.write(eight_bit, sending.is_signed, out)?;
        delimiter(out, &boundary, "--")
    }

    const fn eight_bit(&self) -> EightBit {
        if self.draft.sending.is_signed {
            EightBit::Never
        } else {
            self.how.eight_bit
        }
    }

    fn attachment(
        &self,
        attached: &Attached,
        contents: &mut dyn Contents,
        out: &mut Strict<'_>,
    ) -> Result<(), ComposeError> {
        let name = one_line(&attached.name);
        let fault = |fault| ComposeError::Reading {
            name: name.clone(),
            fault,
        };
        let shape = if leaf::wants_look(attached) {
            let shape = Shape::of(open(contents, &attached.content).map_err(fault)?);
            Some(shape.map_err(fault)?)
        } else {
            None
        };
        let reader = open(contents, &attached.content).map_err(fault)?;
        let file = leaf::File::new(attached, &name, shape, self.eight_bit());
        file.write(reader, out)
    }
}

/// A reader of a content; bytes within the draft are read from there.
pub(super) fn open<'r>(
    contents: &'r mut dyn Contents,
    content: &'r Content,
) -> io::Result<Box<dyn Read + 'r>> {
    match content {
        Content::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
        Content::Path(_) | Content::Part { .. } | Content::Message(_) => contents.open(content),
    }
}

fn open_group(out: &mut Strict<'_>, kind: &str, boundary: &str) -> Result<(), ComposeError> {
    let mut fields = Fields::default();
    fields.params("Content-Type", kind, &[("boundary", boundary)]);
    let mut bytes = fields.into_bytes();
    bytes.extend_from_slice(b"\r\n");
    out.write_all(&bytes).map_err(ComposeError::writing)
}

/// A delimiter line. The line break in front of it belongs to it (RFC 2046 section 5.1.1).
pub(super) fn delimiter(
    out: &mut Strict<'_>,
    boundary: &str,
    end: &str,
) -> Result<(), ComposeError> {
    write!(out, "\r\n--{boundary}{end}\r\n").map_err(ComposeError::writing)
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
