//! DELETE (RFC 9051 §6.3.5): a mailbox goes, with all that is in it.
//!
//! Called by the replay in `engine`. The mailbox must not be open on this connection meanwhile:
//! servers hang up, or go on as if nothing had been.

use super::command::Command;
use super::session::{Pace, Session, accept};
use crate::net::error::Result;

impl Session {
    /// Deletes a mailbox. If it is the selected one, none is selected afterwards.
    ///
    /// # Errors
    /// With the server's code when it refuses, or when the connection ends.
    pub async fn delete_mailbox(&mut self, name: &str) -> Result<()> {
        self.begin(Pace::Bulk).await?;
        let wire = self.state.wire_name(name);
        let command = Command::new("DELETE").string(&wire, &self.state.capabilities)?;
        self.step_out_of(&wire);
        let said = self.exec(&command, Some).await?;
        accept(said, "delete this folder").map(drop)
    }
}
