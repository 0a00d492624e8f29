//! RENAME (RFC 9051 §6.3.6): a mailbox and all below it get another name.
//!
//! Called by the replay in `engine`. The mailbox must not be open on this connection meanwhile: what
//! a server tells of it afterwards would be of no mailbox that is known.

use super::command::Command;
use super::session::{Pace, Session, accept};
use crate::net::error::Result;

impl Session {
    /// Renames a mailbox. If it is the selected one, or lies above that, none is selected afterwards.
    ///
    /// # Errors
    /// With the server's code when it refuses, or when the connection ends.
    pub async fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.begin(Pace::Bulk).await?;
        let (source, target) = (self.state.wire_name(from), self.state.wire_name(to));
        let capabilities = &self.state.capabilities;
        let command = Command::new("RENAME")
            .string(&source, capabilities)?
            .string(&target, capabilities)?;
        self.step_out_of(&source);
        let said = self.exec(&command, Some).await?;
        accept(said, "rename this folder").map(drop)
    }
}
