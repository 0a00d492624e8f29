//! UID COPY and UID MOVE (RFC 9051 §6.4.7, RFC 6851), and what becomes of a set of messages.
//!
//! Called by the replay in `engine`. Where copies went is the server's word alone: what does not fit
//! what was asked must be dropped, never guessed at.

use super::command::{Command, in_pieces};
use super::copied::Mapping;
use super::response::{Condition, Response, Said};
use super::session::{Pace, Session, refusal};
use super::types::Transferred;
use crate::model::UidSet;
use crate::net::error::{Error, Result};
use std::time::Duration;

/// How many messages a slow server takes on in a second, without a word meanwhile.
const PER_SECOND: u64 = 10;
/// So many seconds more than the usual silence at most.
const PATIENCE_MAX: u64 = 600;

/// What the answers to a transfer have brought so far.
#[derive(Debug)]
pub(super) struct Transfer {
    mapping: Mapping,
    refused: Option<Error>,
    doing: &'static str,
    /// How much longer than usual the server may work without a word.
    patience: Duration,
}

impl Transfer {
    /// Nothing yet; `doing` completes "The server refused to …".
    pub(super) fn new(asked: &UidSet, doing: &'static str) -> Self {
        Self {
            mapping: Mapping::new(asked),
            refused: None,
            doing,
            patience: patience(asked.len()),
        }
    }

    /// Waits as for so many messages.
    pub(super) fn patient_for(mut self, messages: u32) -> Self {
        self.patience = patience(messages.into());
        self
    }

    /// Looks for COPYUID, which comes in a response of its own with MOVE; all else changes the state.
    fn take(&mut self, response: Response) -> Option<Response> {
        if let Response::Said(said) = &response {
            self.mapping.hear(said);
        }
        Some(response)
    }

    /// Takes over a completion; whether it was an OK.
    fn done(&mut self, said: Said) -> bool {
        self.mapping.hear(&said);
        let is_ok = said.condition == Condition::Ok;
        if !is_ok {
            let refused = refusal(said, self.doing);
            self.refused.get_or_insert(refused);
        }
        is_ok
    }
}

fn patience(messages: u64) -> Duration {
    Duration::from_secs((messages / PER_SECOND).min(PATIENCE_MAX))
}

impl Session {
    /// Copies messages of the selected mailbox to the end of another one (UID COPY), in one flight.
    /// `to` is its full name in UTF-8. A refusal (NO or BAD) is in what is returned.
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then anything may have been done.
    pub async fn copy_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred> {
        self.transfer("UID COPY", uids, to, "copy messages there")
            .await
    }

    /// Moves messages of the selected mailbox to another one (UID MOVE), in one flight. Only where
    /// [`can_move`](super::Capabilities::can_move). Ids that are not there are passed over by the
    /// server without a word.
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then anything may have been done.
    pub async fn move_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred> {
        self.transfer("UID MOVE", uids, to, "move messages there")
            .await
    }

    async fn transfer(
        &mut self,
        verb: &str,
        uids: &UidSet,
        to: &str,
        doing: &'static str,
    ) -> Result<Transferred> {
        self.begin(Pace::Bulk).await?;
        let wire = self.state.wire_name(to);
        let mut transfer = Transfer::new(uids, doing);
        let mut commands = Vec::new();
        for set in in_pieces(uids) {
            match Command::new(&format!("{verb} {set}")).string(&wire, &self.state.capabilities) {
                Ok(command) => commands.push(command),
                Err(error) => {
                    transfer.refused = Some(error);
                    return Ok(self.transferred(transfer));
                }
            }
        }
        self.run_transfer(&commands, &mut transfer).await?;
        Ok(self.transferred(transfer))
    }

    /// Sends the commands in one flight and reads all their answers. A name that the server has to
    /// agree to first makes each wait for the one before.
    pub(super) async fn run_transfer(
        &mut self,
        commands: &[Command],
        transfer: &mut Transfer,
    ) -> Result<()> {
        self.hear_later(transfer.patience);
        if commands.iter().any(Command::has_pauses) {
            for command in commands {
                let said = self.exec(command, |r| transfer.take(r)).await?;
                if !transfer.done(said) {
                    break;
                }
            }
            return Ok(());
        }
        let mut tags = Vec::new();
        for command in commands {
            tags.push(self.send(command).await?);
        }
        for tag in tags {
            let said = self.finish(tag, |r| transfer.take(r)).await?;
            transfer.done(said);
        }
        Ok(())
    }

    /// What became of it, with all that was reported meanwhile.
    pub(super) fn transferred(&mut self, transfer: Transfer) -> Transferred {
        Transferred {
            notices: self.state.take_notices(),
            copied: transfer.mapping.copied(),
            refused: transfer.refused,
        }
    }
}
