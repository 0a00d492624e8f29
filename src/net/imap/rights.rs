//! MYRIGHTS (RFC 4314 §3.5): what the user may do in mailboxes.
//!
//! Called by `engine`, and by `list` for mailboxes that are not the user's own. What was not told
//! must never be taken for a prohibition: it is `None`.

use super::command::Command;
use super::response::{Condition, Response};
use super::session::{Pace, Session};
use super::status::is_same_name;
use crate::model::Rights;
use crate::net::error::Result;

/// How many MYRIGHTS commands are under way at once.
const FLIGHT: usize = 200;

impl Session {
    /// What the user may do in each of the mailboxes, in their order; `None` where the server does
    /// not tell.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn my_rights(&mut self, names: &[String]) -> Result<Vec<Option<Rights>>> {
        if !self.state.capabilities.can_acl() {
            return Ok(vec![None; names.len()]);
        }
        self.begin(Pace::Bulk).await?;
        let wires: Vec<Vec<u8>> = names.iter().map(|n| self.state.wire_name(n)).collect();
        self.ask_rights(&wires).await
    }

    /// The same for names as they are on the wire, in a call that was begun.
    pub(super) async fn ask_rights(&mut self, wires: &[Vec<u8>]) -> Result<Vec<Option<Rights>>> {
        let mut found = Vec::new();
        for flight in wires.chunks(FLIGHT) {
            let mut tags = Vec::new();
            for wire in flight {
                let command = Command::new("MYRIGHTS").string(wire, &self.state.capabilities);
                tags.push(match command {
                    Ok(command) if !command.has_pauses() => Some(self.send(&command).await?),
                    // What cannot be sent with the others is not asked about.
                    _ => None,
                });
            }
            for (wire, tag) in flight.iter().zip(tags) {
                let Some(tag) = tag else {
                    found.push(None);
                    continue;
                };
                let mut rights = None;
                let said = self
                    .finish(tag, |response| match response {
                        Response::MyRights(of, told) if is_same_name(&of, wire) => {
                            rights = Some(told);
                            None
                        }
                        other => Some(other),
                    })
                    .await?;
                found.push(rights.filter(|_| said.condition == Condition::Ok));
            }
        }
        Ok(found)
    }
}
