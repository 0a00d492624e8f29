//! Header and parts of one message, and pieces of a part (RFC 9051 §6.4.5.1).
//!
//! Called by `engine` when a message is opened or an attachment is saved.

use super::command::Command;
use super::fetched::Section;
use super::gate::{Limits, MESSAGE_MAX, TEXT_MAX};
use super::raw::Pieces;
use super::response::Response;
use super::session::{Pace, Session, accept};
use crate::model::{PartId, Uid};
use crate::net::error::{Class, Error, Result};
use bytes::Bytes;

impl Session {
    /// Header and some parts of one message in one flight: each part as its MIME header, an empty
    /// line and its bytes; the empty part id stands for the message's header.
    pub async fn fetch_parts(
        &mut self,
        uid: Uid,
        parts: &[PartId],
    ) -> Result<Vec<(PartId, Vec<u8>)>> {
        self.begin(Pace::Bulk).await?;
        self.limit(Limits {
            text: TEXT_MAX,
            literal: MESSAGE_MAX,
            total: MESSAGE_MAX,
        });
        let wanted: Vec<String> = parts
            .iter()
            .map(|part| match part.0.as_slice() {
                [] => "BODY.PEEK[HEADER]".to_owned(),
                _ => format!("BODY.PEEK[{part}.MIME] BODY.PEEK[{part}]"),
            })
            .collect();
        let wanted = wanted.join(" ");
        let command = Command::new(&format!("UID FETCH {uid} (UID {wanted})"));
        let sections = self.sections(uid, &command).await?;
        let mut found = Vec::new();
        for part in parts {
            if part.0.is_empty() {
                if let Some(header) = bytes_of(&sections, "HEADER") {
                    found.push((part.clone(), header.to_vec()));
                }
                continue;
            }
            let Some(body) = bytes_of(&sections, &part.to_string()) else {
                continue;
            };
            let mut header = bytes_of(&sections, &format!("{part}.MIME")).unwrap_or_default();
            if header.trim_ascii().is_empty() && *part.0 == [1] {
                // Quirk: some servers keep the header of the only part with the message alone.
                header = self.mime_header(uid).await?;
            }
            found.push((part.clone(), with_header(&header, &body)));
        }
        Ok(found)
    }

    async fn mime_header(&mut self, uid: Uid) -> Result<Bytes> {
        let fields =
            "BODY.PEEK[HEADER.FIELDS (CONTENT-TYPE CONTENT-TRANSFER-ENCODING CONTENT-DISPOSITION)]";
        let command = Command::new(&format!("UID FETCH {uid} (UID {fields})"));
        let sections = self.sections(uid, &command).await?;
        let header = sections
            .into_iter()
            .find(|s| s.name.starts_with("HEADER.FIELDS"));
        Ok(header.and_then(|s| s.bytes).unwrap_or_default())
    }

    /// Everything that comes of one message; an error where it is gone.
    async fn sections(&mut self, uid: Uid, command: &Command) -> Result<Vec<Section>> {
        let mut sections: Vec<Section> = Vec::new();
        let mut is_there = false;
        let said = self
            .exec(command, |response| match response {
                Response::Fetch(_, data) if data.uid == Some(uid) && !data.sections.is_empty() => {
                    is_there = true;
                    sections.extend(data.sections);
                    None
                }
                other => Some(other),
            })
            .await?;
        accept(said, "read a message")?;
        if is_there {
            Ok(sections)
        } else {
            Err(Error::new(
                Class::Rejected,
                "The message is no longer on the server.",
            ))
        }
    }

    /// The first `bytes` of one section (a part's body, encoded) from `offset` on; shorter at the end.
    pub async fn fetch_piece(
        &mut self,
        uid: Uid,
        part: &PartId,
        offset: u64,
        bytes: u32,
    ) -> Result<Vec<u8>> {
        self.begin(Pace::Bulk).await?;
        self.limit_piece(bytes);
        let section = part.to_string();
        let text = format!("UID FETCH {uid} (UID BODY.PEEK[{section}]<{offset}.{bytes}>)");
        let tag = self.send(&Command::new(&text)).await?;
        let mut pieces = Pieces::new(uid, &section);
        let said = self.finish(tag, |r| pieces.take(r, offset)).await?;
        accept(said, "read a message")?;
        let piece = pieces.found.remove(&offset).flatten();
        piece
            .map(|piece| piece.to_vec())
            .ok_or_else(|| Error::new(Class::Rejected, "The server no longer has this part."))
    }
}

/// The first of that name: what comes again is not believed.
fn bytes_of(sections: &[Section], name: &str) -> Option<Bytes> {
    let named = sections.iter().find(|s| s.name == name);
    named.and_then(|s| s.bytes.clone())
}

/// A header, its empty line, and the body behind it.
fn with_header(header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut whole = header.to_vec();
    let is_ended = whole.ends_with(b"\r\n\r\n") || whole.ends_with(b"\n\n") || *whole == *b"\r\n";
    if !is_ended {
        if !whole.is_empty() && !whole.ends_with(b"\n") {
            whole.extend_from_slice(b"\r\n");
        }
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(body);
    whole
}
