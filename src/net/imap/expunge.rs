//! UID EXPUNGE (RFC 4315 §2.1), EXPUNGE (RFC 9051 §6.4.3), and what an EXPUNGE would remove.
//!
//! Called by the replay in `engine`. Which messages are marked must never be answered by silence:
//! others' marked messages would be removed with ours.

use super::command::{Command, in_pieces};
use super::session::{Pace, Session};
use super::transfer::Transfer;
use super::types::Transferred;
use crate::model::UidSet;
use crate::net::error::Result;

const DOING: &str = "remove deleted messages";

impl Session {
    /// Removes those of the messages that are marked as deleted, and no others (UID EXPUNGE), in one
    /// flight. Only where [`can_uidplus`](super::Capabilities::can_uidplus).
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then anything may have been done.
    pub async fn expunge_messages(&mut self, uids: &UidSet) -> Result<Transferred> {
        self.begin(Pace::Bulk).await?;
        let pieces = in_pieces(uids);
        let commands: Vec<Command> = pieces
            .iter()
            .map(|set| Command::new(&format!("UID EXPUNGE {set}")))
            .collect();
        let mut transfer = Transfer::new(uids, DOING);
        self.run_transfer(&commands, &mut transfer).await?;
        Ok(self.transferred(transfer))
    }

    /// Removes every message of the selected mailbox that is marked as deleted, whoever marked it
    /// (EXPUNGE).
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then anything may have been done.
    pub async fn expunge_marked(&mut self) -> Result<Transferred> {
        self.begin(Pace::Bulk).await?;
        let exists = self.state.mailbox.as_ref().map_or(0, |m| m.exists);
        let mut transfer = Transfer::new(&UidSet::new(), DOING).patient_for(exists);
        self.run_transfer(&[Command::new("EXPUNGE")], &mut transfer)
            .await?;
        Ok(self.transferred(transfer))
    }
}
