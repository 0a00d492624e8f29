//! NOTIFY (RFC 5465): the server tells of every mailbox, not only of the selected one.
//!
//! Called by the watch in `engine`, once for each session. What is told comes as notices, also while
//! idling; a server that refuses leaves the session as it was.

use super::command::Command;
use super::response::Condition;
use super::session::{Pace, Session};
use crate::net::error::Result;

/// Changes of the selected mailbox come as without NOTIFY; of the others as STATUS and LIST.
const WANTED: &str = "NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange)) \
    (personal (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange))";

impl Session {
    /// Asks to be told of all mailboxes of the user. `false`: the server cannot, or will not.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn notify(&mut self) -> Result<bool> {
        if !self.state.capabilities.has("NOTIFY") {
            return Ok(false);
        }
        self.begin(Pace::Small).await?;
        let tag = self.send(&Command::new(WANTED)).await?;
        let said = self.finish(tag, Some).await?;
        Ok(said.condition == Condition::Ok)
    }
}
