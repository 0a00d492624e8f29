//! Many APPENDs in one flight (RFC 9051 §6.3.12, with LITERAL+ of RFC 7888).
//!
//! Called by the import in `engine`. What became of each message must be known by the server's answer
//! to its own command: where the connection breaks, no more is told than was heard.

use super::append::{AT_ONCE_MAX, CHUNK, DOING, nul_in, time_on_its_way};
use super::command::{Command, SMALL_LITERAL};
use super::copied::append_uid;
use super::response::{Condition, Response};
use super::session::{Pace, Session, Tag, refusal};
use super::types::{Append, Appended};
use crate::net::error::Result;

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
        let mut flight: Vec<(Command, &[u8])> = Vec::new();
        let mut bytes = 0;
        for message in messages {
            match self.for_flight(to, message) {
                Some(command) => {
                    flight.push((command, message.bytes));
                    bytes += message.bytes.len();
                }
                None => {
                    self.fly(std::mem::take(&mut flight), done).await?;
                    let Append {
                        flags,
                        arrived,
                        bytes,
                    } = *message;
                    done.push(self.append(to, flags, arrived, bytes).await?);
                }
            }
            if bytes >= FLIGHT {
                self.fly(std::mem::take(&mut flight), done).await?;
                bytes = 0;
            }
        }
        self.fly(flight, done).await
    }

    /// The command of a message that needs no leave of the server; `None`: it goes by itself.
    fn for_flight(&self, to: &str, message: &Append<'_>) -> Option<Command> {
        let capabilities = self.capabilities();
        let limit = if capabilities.has("LITERAL+") {
            AT_ONCE_MAX
        } else if capabilities.has("LITERAL-") {
            SMALL_LITERAL
        } else {
            return None;
        };
        let size = u64::try_from(message.bytes.len()).ok()?;
        let is_fit = message.bytes.len() <= limit
            && nul_in(message.bytes).is_none()
            && self.append_in_vain(size).is_none();
        let command = self.append_command(to, message.flags, message.arrived, size, true);
        command.ok().filter(|c| is_fit && !c.has_pauses())
    }

    async fn fly(&mut self, flight: Vec<(Command, &[u8])>, done: &mut Vec<Appended>) -> Result<()> {
        if flight.is_empty() {
            return Ok(());
        }
        self.begin(Pace::Bulk).await?;
        let bytes: usize = flight.iter().map(|(_, bytes)| bytes.len()).sum();
        self.allow_for(bytes);
        let mut tags: Vec<Tag> = Vec::new();
        let mut waiting = 0;
        for (command, bytes) in flight {
            let tag = self.send(&command).await?;
            self.gate().push(bytes);
            self.push_line("");
            tags.push(tag);
            waiting += bytes.len();
            if waiting > CHUNK {
                self.write_out(tag).await?;
                waiting = 0;
            }
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
}
