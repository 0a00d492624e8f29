//! SUBSCRIBE and UNSUBSCRIBE (RFC 9051 §6.3.7, §6.3.8).
//!
//! Called by the replay in `engine`. May be repeated without harm.

use super::command::Command;
use super::session::{Pace, Session, accept};
use crate::net::error::Result;

impl Session {
    /// Subscribes to a mailbox, or ends that.
    ///
    /// # Errors
    /// With the server's code when it refuses, or when the connection ends.
    pub async fn subscribe(&mut self, name: &str, is_on: bool) -> Result<()> {
        self.begin(Pace::Small).await?;
        let (verb, doing) = if is_on {
            ("SUBSCRIBE", "subscribe to this folder")
        } else {
            ("UNSUBSCRIBE", "unsubscribe from this folder")
        };
        let wire = self.state.wire_name(name);
        let command = Command::new(verb).string(&wire, &self.state.capabilities)?;
        let said = self.exec(&command, Some).await?;
        accept(said, doing).map(drop)
    }
}
