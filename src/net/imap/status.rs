//! STATUS (RFC 9051 §6.3.11): the counts of one mailbox without opening it.
//!
//! Called by `engine`, also to see what became of a change whose answer was lost.

use super::command::Command;
use super::response::Response;
use super::session::{Pace, Session, accept};
use super::state::merge;
use super::types::Status;
use crate::net::error::{Error, Result};

impl Session {
    /// The counts, era and next id of one mailbox.
    ///
    /// # Errors
    /// With the server's code (`NONEXISTENT`) when it refuses, or when the connection ends.
    pub async fn status(&mut self, name: &str) -> Result<Status> {
        self.begin(Pace::Small).await?;
        let wire = self.state.wire_name(name);
        let items = self.status_items();
        let command = Command::new("STATUS")
            .string(&wire, &self.state.capabilities)?
            .raw(&format!(" ({items})"));
        let mut found: Option<Status> = None;
        let said = self
            .exec(&command, |response| match response {
                Response::Status(of, status) if is_same_name(&of, &wire) => {
                    merge(found.get_or_insert_default(), status);
                    None
                }
                other => Some(other),
            })
            .await?;
        accept(said, "tell of this folder")?;
        found.ok_or_else(|| Error::protocol("The server told nothing of this folder."))
    }
}

/// INBOX has one name in any case.
pub(super) fn is_same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || (a.eq_ignore_ascii_case(b"INBOX") && b.eq_ignore_ascii_case(b"INBOX"))
}
