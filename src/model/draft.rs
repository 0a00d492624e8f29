//! A message that is being written, as it is kept in the store until it is sent.
//!
//! Made by `mime` (reply, forward, mailto) and changed by `app`; `mime::compose` turns it into bytes.
//! Holds attachments by reference. A value in here must never be able to make a header field of its
//! own: names and values of added fields are checked when they are made, and when they are read.

use super::{AccountKey, Address, DraftKey, Flag, Invalid, MessageKey, PartId, Placed, Recipients};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a draft became of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftKind {
    /// Written from nothing, or from a `mailto:` link.
    #[default]
    New,
    /// An answer, to one or to all.
    Reply,
    /// A message passed on within the text, or attached.
    Forward,
    /// A message passed on as it is, with fields of RFC 5322 section 3.6.6 in front.
    Bounce,
    /// A sent message or a draft, taken up again.
    EditAsNew,
}

/// One of the addresses that the user writes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The account that sends for it.
    pub account: AccountKey,
    /// The name and the address.
    pub address: Address,
    /// What is put below the text; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signature: String,
}

/// Where the bytes of an attachment are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A file.
    Path(#[serde(with = "path_form")] PathBuf),
    /// A part of a message of ours.
    Part {
        /// The message.
        message: MessageKey,
        /// The part.
        part: PartId,
    },
    /// A whole message of ours.
    Message(MessageKey),
    /// Bytes that are nowhere else.
    Bytes(#[serde(with = "base64_form")] Vec<u8>),
}

/// Something that goes with the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Where its bytes are.
    pub content: Content,
    /// The name it is sent under.
    pub name: String,
    /// `type/subtype`.
    pub mime_type: String,
    /// The charset of a text, where it is known; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub charset: String,
    /// Its size, where it is known; for the screen only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

/// A header field that the user added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct ExtraField {
    name: String,
    value: String,
}

impl ExtraField {
    /// The longest name.
    const NAME_MAX: usize = 76;
    /// Fields that are written by the composer, or by the servers on the way.
    const RESERVED: [&'static str; 22] = [
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
        "return-path",
        "received",
        "received-spf",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "authentication-results",
        "x-original-to",
        "envelope-to",
        "apparently-to",
    ];
    /// Beginnings of such names.
    const RESERVED_STARTS: [&'static str; 3] = ["content-", "resent-", "arc-"];

    /// A field of that name (RFC 5322 section 2.2) with one line of text.
    ///
    /// # Errors
    /// When the name is none, or one that is not the user's to write, or the value holds a control.
    pub fn new(name: &str, value: &str) -> Result<Self, Invalid> {
        let is_in = |b: u8| b.is_ascii_graphic() && b != b':';
        if name.is_empty() || name.len() > Self::NAME_MAX || !name.bytes().all(is_in) {
            return Err(Invalid::new(name, "is not the name of a header field"));
        }
        let lower = name.to_ascii_lowercase();
        let starts = |start: &&str| lower.starts_with(*start);
        if Self::RESERVED.contains(&lower.as_str()) || Self::RESERVED_STARTS.iter().any(starts) {
            return Err(Invalid::new(name, "is written by Pillarbox or by servers"));
        }
        let value = value.trim();
        if value.contains(char::is_control) {
            return Err(Invalid::new(value, "holds a line break or another control"));
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, not encoded.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl TryFrom<(String, String)> for ExtraField {
    type Error = Invalid;

    fn try_from((name, value): (String, String)) -> Result<Self, Invalid> {
        Self::new(&name, &value)
    }
}

impl From<ExtraField> for (String, String) {
    fn from(field: ExtraField) -> Self {
        (field.name, field.value)
    }
}

/// How a draft is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sending {
    /// It is to be signed.
    pub is_signed: bool,
    /// It is to be encrypted.
    pub is_encrypted: bool,
    /// The text is Markdown and goes out as HTML beside the text itself.
    pub is_markdown: bool,
    /// The servers on the way are asked for a report (RFC 3461).
    pub wants_report: bool,
}

/// A message that is being written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What it became of.
    pub kind: DraftKind,
    /// Who writes it.
    pub identity: Identity,
    /// To.
    #[serde(default)]
    pub to: Recipients,
    /// Cc.
    #[serde(default)]
    pub cc: Recipients,
    /// Bcc: part of the envelope, never of what is sent.
    #[serde(default)]
    pub bcc: Recipients,
    /// Reply-To.
    #[serde(default)]
    pub reply_to: Recipients,
    /// The subject.
    #[serde(default)]
    pub subject: String,
    /// The text: a line is a paragraph, lines that begin with `>` are quotes.
    #[serde(default)]
    pub body: String,
    /// What goes with it.
    #[serde(default)]
    pub attachments: Vec<Attached>,
    /// The ids of the messages that it answers, without angle brackets.
    #[serde(default)]
    pub in_reply_to: Vec<String>,
    /// The ids of the thread, oldest first, without angle brackets.
    #[serde(default)]
    pub references: Vec<String>,
    /// Header fields that the user added.
    #[serde(default)]
    pub headers: Vec<ExtraField>,
    /// How it is to be sent.
    #[serde(default)]
    pub sending: Sending,
    /// The answer to an invitation that goes with the text (RFC 6047), as a calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// The message that it answers, passes on or takes up again.
    #[serde(default)]
    pub original: Option<MessageKey>,
}

impl Draft {
    /// An empty draft.
    #[must_use]
    pub fn new(kind: DraftKind, identity: Identity) -> Self {
        Self {
            kind,
            identity,
            to: Recipients::default(),
            cc: Recipients::default(),
            bcc: Recipients::default(),
            reply_to: Recipients::default(),
            subject: String::new(),
            body: String::new(),
            attachments: Vec::new(),
            in_reply_to: Vec::new(),
            references: Vec::new(),
            headers: Vec::new(),
            sending: Sending::default(),
            calendar: None,
            original: None,
        }
    }

    /// The text without the signature that came with the identity, and without blanks at the end.
    #[must_use]
    pub fn own_text(&self) -> &str {
        let text = self.body.trim_end();
        let signature = self.identity.signature.trim_end();
        let without = text.strip_suffix(signature).and_then(|rest| {
            let is_marked = !signature.is_empty() && (rest == "-- \n" || rest.ends_with("\n-- \n"));
            is_marked.then(|| rest.trim_end_matches("-- \n"))
        });
        without.unwrap_or(text).trim_end()
    }

    /// Whether there is nothing in it: no recipient, subject, attachment or text.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let people = [&self.to, &self.cc, &self.bcc, &self.reply_to];
        self.kind != DraftKind::Bounce
            && people.iter().all(|people| people.typed().trim().is_empty())
            && self.subject.trim().is_empty()
            && self.attachments.is_empty()
            && self.own_text().trim().is_empty()
    }

    /// The flag that its original gets when this is sent.
    #[must_use]
    pub const fn mark(&self) -> Option<(MessageKey, Flag)> {
        let flag = match self.kind {
            DraftKind::Reply => Flag::Answered,
            DraftKind::Forward | DraftKind::Bounce => Flag::Forwarded,
            DraftKind::New | DraftKind::EditAsNew => return None,
        };
        match self.original {
            Some(message) => Some((message, flag)),
            None => None,
        }
    }
}

/// What a draft begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftStart {
    /// Nothing. The account is the one that is looked at; `None`: the first.
    Blank(Option<AccountKey>),
    /// A `mailto:` link.
    Mailto(String),
    /// A message, answered to the one who wrote it.
    Reply(Placed),
    /// A message, answered to everybody.
    ReplyAll(Placed),
    /// A message, answered to the list that it came from.
    ReplyList(Placed),
    /// A message, passed on within the text.
    Forward(Placed),
    /// A message to a list, to be taken off it, as a message of that list asks for (RFC 2369).
    Unsubscribe(Placed),
    /// Messages, passed on as attachments.
    ForwardAttached(Vec<Placed>),
    /// A message, passed on as it is.
    Bounce(Placed),
    /// A sent message, to be written anew.
    EditAsNew(Placed),
    /// A draft of the Drafts mailbox, taken up: it is replaced there.
    Resume(Placed),
    /// A draft that is kept here.
    Kept(DraftKey),
    /// Nothing but that file of a message, to be passed on.
    WithPart(Placed, Box<Attached>),
    /// A template: a file of the configured folder, by its name.
    Template(String),
}

/// A part of the composer that the cursor can be in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DraftField {
    /// The identity.
    From,
    /// To.
    #[default]
    To,
    /// Cc.
    Cc,
    /// Bcc.
    Bcc,
    /// Reply-To.
    ReplyTo,
    /// The subject.
    Subject,
    /// The attachments.
    Attachments,
    /// The text.
    Body,
}

/// Where the cursor is in a draft, so that it is there again after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Caret {
    /// In which part.
    pub field: DraftField,
    /// The line of the text, from 0; of other fields 0.
    pub line: u32,
    /// How many characters are before it in that line.
    pub column: u32,
}

/// A path as text where it is text, else as the system has it.
mod path_form {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        System(OsString),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => to.serialize_str(text),
            None => path.as_os_str().serialize(to),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<PathBuf, D::Error> {
        Ok(match Form::deserialize(from)? {
            Form::Text(text) => PathBuf::from(text),
            Form::System(name) => PathBuf::from(name),
        })
    }
}

mod base64_form {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD
            .decode(String::deserialize(from)?)
            .map_err(Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        let identity = Identity {
            account: AccountKey(1),
            address: Address {
                name: "Ann".to_owned(),
                address: "ann@example.org".to_owned(),
            },
            signature: "Ann".to_owned(),
        };
        Draft::new(DraftKind::Reply, identity)
    }

    #[test]
    fn a_draft_comes_back_from_the_store_as_it_was() {
        let mut draft = draft();
        draft.to = Recipients::read("bo, \"Ü\" <u@x>");
        draft.headers = vec![ExtraField::new("X-Ticket", "Ü 1").unwrap()];
        draft.original = Some(MessageKey(7));
        let attached = |content| Attached {
            content,
            name: "a.bin".to_owned(),
            mime_type: "application/pdf".to_owned(),
            charset: String::new(),
            size_bytes: Some(3),
        };
        draft.attachments = vec![
            attached(Content::Path(PathBuf::from("/tmp/ü"))),
            attached(Content::Part {
                message: MessageKey(7),
                part: PartId(vec![1, 2]),
            }),
            attached(Content::Message(MessageKey(7))),
            attached(Content::Bytes(vec![0, 255, 10])),
        ];
        let json = serde_json::to_string(&draft).unwrap();
        assert_eq!(serde_json::from_str::<Draft>(&json).unwrap(), draft);
        assert!(json.contains("\"/tmp/ü\""), "{json}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_whose_name_is_no_text_is_kept_too() {
        use std::os::unix::ffi::OsStringExt;
        let path = PathBuf::from(std::ffi::OsString::from_vec(b"/tmp/\xff".to_vec()));
        let json = serde_json::to_string(&Content::Path(path.clone())).unwrap();
        let back: Content = serde_json::from_str(&json).unwrap();
        assert_eq!(back, Content::Path(path));
    }

    #[test]
    fn a_draft_of_an_older_version_lacks_fields_and_is_read() {
        let json =
            r#"{"kind":"new","identity":{"account":1,"address":{"name":"","address":"a@x"}}}"#;
        let draft: Draft = serde_json::from_str(json).unwrap();
        assert!(draft.to.is_empty() && !draft.sending.is_encrypted);
    }

    #[test]
    fn a_field_cannot_be_another_one_or_two() {
        assert!(ExtraField::new("X-Ticket", " 1 ").is_ok());
        for (name, value) in [
            ("", "x"),
            ("X Y", "x"),
            ("X:Y", "x"),
            ("X\r\nBcc", "x"),
            ("Bcc", "x"),
            ("bCC", "x"),
            ("Content-Type", "x"),
            ("Resent-To", "x"),
            ("X-A", "1\r\nBcc: x"),
            ("X-A", "1\nx"),
            ("X-A", "\0"),
            ("Xü", "x"),
        ] {
            assert!(ExtraField::new(name, value).is_err(), "{name:?} {value:?}");
            let json = serde_json::to_string(&(name, value)).unwrap();
            assert!(serde_json::from_str::<ExtraField>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_draft_with_nothing_but_a_signature_is_blank() {
        let mut draft = draft();
        draft.kind = DraftKind::New;
        assert!(draft.is_blank());
        for body in ["\n\n-- \nAnn\n", "-- \nAnn", " \n"] {
            draft.body = body.to_owned();
            assert!(draft.is_blank(), "{body:?}");
        }
        for body in ["Hi\n\n-- \nAnn\n", "Ann", "-- \nBo"] {
            draft.body = body.to_owned();
            assert!(!draft.is_blank(), "{body:?}");
        }
        assert_eq!(draft.own_text(), "-- \nBo");
        draft.body = "Hi\n\n-- \nAnn\n".to_owned();
        assert_eq!(draft.own_text(), "Hi");
    }

    #[test]
    fn the_original_is_marked_by_what_is_sent() {
        let mut draft = draft();
        assert_eq!(draft.mark(), None);
        draft.original = Some(MessageKey(7));
        assert_eq!(draft.mark(), Some((MessageKey(7), Flag::Answered)));
        draft.kind = DraftKind::Forward;
        assert_eq!(draft.mark(), Some((MessageKey(7), Flag::Forwarded)));
        draft.kind = DraftKind::EditAsNew;
        assert_eq!(draft.mark(), None);
    }
}
