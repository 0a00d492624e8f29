//! Many messages into a mailbox in one flight (RFC 9051 §6.3.12, with LITERAL+ of RFC 7888), and in one
//! command where that is offered (MULTIAPPEND, RFC 3502).
//!
//! Called by the import in `engine`. What became of each message must be known by the server's answer:
//! where the connection breaks, no more is told than was heard.

use super::append::{AT_ONCE_MAX, CHUNK, DOING, literal, nul_in, time_on_its_way};
use super::command::SMALL_LITERAL;
use super::copied::append_uid;
use super::response::{Condition, Response};
use super::session::{Pace, Session, Tag, refusal};
use super::types::{Append, Appended};
use crate::net::error::{Error, Result};

/// So many bytes are on their way before an answer is waited for.
const FLIGHT: usize = 1024 * 1024;

impl Session {
    /// Puts messages into a mailbox, in their order. `done` gets what became of each, one after the
    /// other. Small ones go out without waiting, where the server agrees to that.
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then messages of which `done` says nothing may be
    /// there or not.
    pub async fn append_all(
        &mut self,
        to: &str,
        messages: &[Append<'_>],
        done: &mut Vec<Appended>,
    ) -> Result<()> {
        let mut flight: Vec<&Append<'_>> = Vec::new();
        let mut bytes = 0;
        for message in messages {
            if self.can_fly(to, message) {
                flight.push(message);
                bytes += message.bytes.len();
            } else {
                self.fly(to, std::mem::take(&mut flight), done).await?;
                let Append {
                    flags,
                    arrived,
                    bytes,
                } = *message;
                done.push(self.append(to, flags, arrived, bytes).await?);
            }
            if bytes >= FLIGHT {
                self.fly(to, std::mem::take(&mut flight), done).await?;
                bytes = 0;
            }
        }
        self.fly(to, flight, done).await
    }

    /// Whether a message needs no leave of the server, and is not known to be in vain.
    fn can_fly(&self, to: &str, message: &Append<'_>) -> bool {
        let capabilities = self.capabilities();
        let limit = if capabilities.has("LITERAL+") {
            AT_ONCE_MAX
        } else if capabilities.has("LITERAL-") {
            SMALL_LITERAL
        } else {
            return false;
        };
        let size = u64::try_from(message.bytes.len()).unwrap_or(u64::MAX);
        let command = self.append_command(to, message.flags, message.arrived, size, true);
        message.bytes.len() <= limit
            && nul_in(message.bytes).is_none()
            && self.append_in_vain(size).is_none()
            && command.is_ok_and(|command| !command.has_pauses())
    }

    async fn fly(
        &mut self,
        to: &str,
        flight: Vec<&Append<'_>>,
        done: &mut Vec<Appended>,
    ) -> Result<()> {
        if flight.len() > 1 && self.capabilities().has("MULTIAPPEND") {
            // All of them, or none: then each for itself, to find out which is refused.
            if self.fly_as_one(to, &flight).await? {
                let taken = Appended::default;
                done.extend(std::iter::repeat_with(taken).take(flight.len()));
                return Ok(());
            }
        }
        let mut tags: Vec<Tag> = Vec::new();
        let bytes = self.take_off(&flight).await?;
        let mut waiting = 0;
        for message in flight {
            let size = u64::try_from(message.bytes.len()).unwrap_or(u64::MAX);
            let command = self.append_command(to, message.flags, message.arrived, size, true)?;
            let tag = self.send(&command).await?;
            self.push_literal(tag, message.bytes, &mut waiting).await?;
            self.push_line("");
            tags.push(tag);
        }
        self.hear_later(time_on_its_way(bytes));
        for tag in tags {
            let mut at = None;
            let said = self
                .finish(tag, |response| {
                    if let Response::Said(said) = &response {
                        at = at.or(append_uid(said));
                    }
                    Some(response)
                })
                .await?;
            done.push(if said.condition == Condition::Ok {
                let at = at.or(append_uid(&said));
                Appended { at, refused: None }
            } else {
                Appended::refused(refusal(said, DOING))
            });
        }
        Ok(())
    }

    /// One command for all of them; whether the server took them.
    async fn fly_as_one(&mut self, to: &str, flight: &[&Append<'_>]) -> Result<bool> {
        let bytes = self.take_off(flight).await?;
        let mut tag = None;
        let mut waiting = 0;
        for message in flight {
            let size = u64::try_from(message.bytes.len()).unwrap_or(u64::MAX);
            let tag = match tag {
                None => {
                    let command =
                        self.append_command(to, message.flags, message.arrived, size, true)?;
                    *tag.insert(self.send(&command).await?)
                }
                Some(tag) => {
                    self.push_line(&literal(message.flags, message.arrived, size, true));
                    tag
                }
            };
            self.push_literal(tag, message.bytes, &mut waiting).await?;
            if !self.is_open(tag) {
                // What it would make of the rest is not known: the connection is of no more use.
                let early = Error::protocol("The server answered before it had the whole message.");
                return Err(self.fail(early));
            }
        }
        self.push_line("");
        self.hear_later(time_on_its_way(bytes));
        let Some(tag) = tag else { return Ok(true) };
        let said = self.finish(tag, Some).await?;
        Ok(said.condition == Condition::Ok)
    }

    /// Begins a call that moves the bytes of these messages; how many they are.
    async fn take_off(&mut self, flight: &[&Append<'_>]) -> Result<usize> {
        if flight.is_empty() {
            return Ok(0);
        }
        self.begin(Pace::Bulk).await?;
        let bytes = flight.iter().map(|message| message.bytes.len()).sum();
        self.allow_for(bytes);
        Ok(bytes)
    }

    /// Queues the bytes of a literal, and writes out what waits where it is much.
    async fn push_literal(&mut self, tag: Tag, bytes: &[u8], waiting: &mut usize) -> Result<()> {
        self.gate().push(bytes);
        *waiting += bytes.len();
        if *waiting > CHUNK {
            *waiting = 0;
            self.write_out(tag).await?;
        }
        Ok(())
    }
}
