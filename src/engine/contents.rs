//! What a draft is composed of: files from the disk, parts and messages out of the store.
//!
//! Called by `posting`, `review` and `draft_copy`. What is attached must be read when the message is
//! written, and never be replaced by something else: what is not there any more is an error.

use super::board::Want;
use super::drafts::Drafts;
use super::texts::Why;
use crate::mime::{self, Contents};
use crate::model::{Content, Draft, DraftKind, MessageKey};
use crate::store::Reader;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

/// The messages of ours that a draft is composed of, each once.
pub(super) fn messages(draft: &Draft) -> Vec<MessageKey> {
    let mut found = Vec::new();
    let attached = draft.attachments.iter().filter_map(|a| match &a.content {
        Content::Part { message, .. } | Content::Message(message) => Some(*message),
        Content::Path(_) | Content::Bytes(_) => None,
    });
    let passed_on = (draft.kind == DraftKind::Bounce)
        .then_some(draft.original)
        .flatten();
    for message in attached.chain(passed_on) {
        if !found.contains(&message) {
            found.push(message);
        }
    }
    found
}

impl Drafts {
    /// Has the bytes of a message here, fetched where they are missing.
    pub(super) async fn have(&self, message: MessageKey) -> Result<(), Why> {
        let found = self
            .db
            .read(move |r| {
                Ok(match r.raw(message)? {
                    Some(_) => None,
                    None => Some(r.summary(message, None)?),
                })
            })
            .await?;
        let Some(missing) = found else {
            return Ok(());
        };
        let summary = missing.ok_or(Why::Gone)?;
        let texts = super::texts::Texts {
            account: self
                .accounts
                .iter()
                .find(|a| a.key == summary.account)
                .cloned(),
            ..self.texts(summary.placed)
        };
        texts.fetch(summary.placed, Want::Raw).await
    }
}

/// Opens what is attached to one draft.
pub(super) struct Kept {
    reader: Reader,
    /// The message that was unpacked last: its parts come one after the other.
    last: Option<(MessageKey, Vec<u8>)>,
}

impl Kept {
    pub(super) const fn new(reader: Reader) -> Self {
        Self { reader, last: None }
    }

    fn raw(&mut self, message: MessageKey) -> io::Result<&[u8]> {
        if self.last.as_ref().is_none_or(|(key, _)| *key != message) {
            let raw = self.reader.raw(message).map_err(io::Error::other)?;
            let raw = raw.ok_or_else(|| {
                let why = "the message that it belongs to is not here";
                io::Error::new(io::ErrorKind::NotFound, why)
            })?;
            self.last = Some((message, raw));
        }
        Ok(self.last.as_ref().map_or(&[], |(_, raw)| raw))
    }
}

impl Contents for Kept {
    fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read + '_>> {
        match content {
            Content::Path(path) => Ok(Box::new(open_file(path)?)),
            Content::Message(message) => Ok(Box::new(self.raw(*message)?)),
            Content::Part { message, part } => {
                let bytes = mime::part_body(self.raw(*message)?, part);
                let bytes = bytes.ok_or_else(|| {
                    let why = "the message that it belongs to has no such part";
                    io::Error::new(io::ErrorKind::NotFound, why)
                })?;
                Ok(Box::new(Cursor::new(bytes)))
            }
            Content::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
        }
    }
}

/// Opens a file that can be read to its end: no pipe, which might never have one.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let says = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, what.to_owned()));
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return says("it is a folder");
    }
    if !found.is_file() {
        return says("it is not a file");
    }
    File::open(path)
}
