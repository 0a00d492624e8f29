//! Commands out: tags, the order of what is written, and the server's leave to go on.
//!
//! The sending half of `session`. What the server must agree to must never go out before it has, and
//! nothing may be left in the middle of a literal.

use super::command::Command;
use super::response::parse;
use super::session::{Event, Session, Tag};
use crate::net::error::{Class, Error, Result};
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::io::AsyncWrite;

impl Session {
    /// ID and ENABLE go ahead of the first command after login, in the same flight.
    pub(super) fn preface(&mut self) {
        if self.is_prefaced {
            return;
        }
        self.is_prefaced = true;
        let capabilities = &self.state.capabilities;
        let (can_id, can_enable) = (capabilities.has("ID"), capabilities.has("ENABLE"));
        let extension = ["QRESYNC", "CONDSTORE"]
            .into_iter()
            .find(|name| capabilities.has(name));
        if can_id {
            let version = env!("CARGO_PKG_VERSION");
            let id = format!("ID (\"name\" \"pillarbox\" \"version\" \"{version}\")");
            self.send_unattended(&Command::new(&id));
        }
        if let Some(extension) = extension.filter(|_| can_enable) {
            let enable = Command::new(&format!("ENABLE {extension}"));
            self.enabling = Some(self.send_unattended(&enable));
        }
    }

    fn push(&mut self, command: &Command) -> Tag {
        let tag = Tag(self.next_tag);
        self.next_tag = self.next_tag.wrapping_add(1);
        self.open.push(tag);
        tracing::debug!(target: "pillarbox::imap", %tag, verb = %command.verb(), "sent");
        let first = command
            .pieces()
            .first()
            .copied()
            .unwrap_or_default()
            .to_vec();
        let end: &[u8] = if command.pieces().len() == 1 {
            b"\r\n"
        } else {
            b""
        };
        let gate = self.gate();
        gate.push(format!("{tag} ").as_bytes());
        gate.push(&first);
        gate.push(end);
        tag
    }

    /// Sends a command. Several sent one after the other go out as one write.
    pub(super) async fn send(&mut self, command: &Command) -> Result<Tag> {
        let pieces = command.pieces();
        if pieces.len() > 1 && !self.open.is_empty() {
            // What is under way has to end first: its data could not be told from this one's.
            self.settle().await?;
            if !self.open.is_empty() {
                return Err(Error::new(
                    Class::Rejected,
                    "This server cannot take that name together with other commands.",
                ));
            }
        }
        let tag = self.push(command);
        for (i, piece) in pieces.iter().enumerate().skip(1) {
            if !self.go_ahead(tag).await? {
                // Refused; `finish` finds the completion.
                return Ok(tag);
            }
            let end: &[u8] = if i + 1 == pieces.len() { b"\r\n" } else { b"" };
            let piece = [piece, end].concat();
            self.gate().push(&piece);
        }
        Ok(tag)
    }

    /// Waits for the go-ahead; false: the command was completed instead.
    pub(super) async fn go_ahead(&mut self, tag: Tag) -> Result<bool> {
        loop {
            match self.event().await? {
                Event::GoAhead(_) => return Ok(true),
                Event::Untagged(frame) => self.state.apply(parse(&frame)),
                Event::Done(done, said) => {
                    let is_ours = done == tag;
                    self.completed(done, said);
                    if is_ours {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Sends a line that belongs to a command under way.
    pub(super) fn push_line(&mut self, line: &str) {
        let gate = self.gate();
        gate.push(line.as_bytes());
        gate.push(b"\r\n");
    }

    /// Sends a command whose completion says nothing that is needed, in the flight of the next one.
    pub(super) fn send_unattended(&mut self, command: &Command) -> Tag {
        let tag = self.push(command);
        self.unattended.push(tag);
        tag
    }

    /// Waits for the end of what was sent unattended.
    pub(super) async fn settle(&mut self) -> Result<()> {
        while let Some(tag) = self.unattended.first().copied() {
            self.unattended.remove(0);
            self.finish(tag, Some).await?;
        }
        Ok(())
    }

    /// Writes what is queued for a command, up to its end or the command's. What the server says
    /// meanwhile is heard, for it may wait for that; and as long as something goes out, its silence
    /// does not count.
    pub(super) async fn write_out(&mut self, tag: Tag) -> Result<()> {
        let mut left = self.gate().unsent();
        while self.is_open(tag) {
            let event = std::future::poll_fn(|cx| {
                if let Poll::Ready(Ok(())) = Pin::new(self.gate()).poll_flush(cx) {
                    return Poll::Ready(None);
                }
                let now = self.gate().unsent();
                if now < left {
                    left = now;
                    self.hear_anew();
                }
                // A failed write is told by the read that follows, with what the server said to it.
                pin!(self.event()).poll(cx).map(Some)
            });
            match event.await {
                None => return Ok(()),
                Some(event) => match event? {
                    Event::Untagged(frame) => self.state.apply(parse(&frame)),
                    Event::Done(tag, said) => self.completed(tag, said),
                    Event::GoAhead(_) => {}
                },
            }
        }
        Ok(())
    }

    /// Whether a command was sent and not completed.
    pub(super) fn is_open(&self, tag: Tag) -> bool {
        self.open.contains(&tag)
    }
}
