//! UID STORE (RFC 9051 §6.4.6): flags of a set of messages.
//!
//! Called by the replay in `engine`. Sets and clears only what it was told to, so that it may be
//! repeated without harm.

use super::command::{Command, in_pieces};
use super::session::{Pace, Session, accept};
use super::types::Notice;
use crate::model::{FlagChange, UidSet};
use crate::net::error::Result;

impl Session {
    /// Changes flags of a set (UID STORE, silent), one turn. What was reported comes as notices.
    pub async fn change_flags(
        &mut self,
        uids: &UidSet,
        change: &FlagChange,
    ) -> Result<Vec<Notice>> {
        self.begin(Pace::Bulk).await?;
        let mut tags = Vec::new();
        for set in in_pieces(uids) {
            for (sign, flags) in [('+', &change.add), ('-', &change.remove)] {
                if !flags.is_empty() {
                    let text = format!("UID STORE {set} {sign}FLAGS.SILENT ({flags})");
                    tags.push(self.send(&Command::new(&text)).await?);
                }
            }
        }
        let mut refused = None;
        for tag in tags {
            let said = self.finish(tag, Some).await?;
            refused = refused.or(accept(said, "change these flags").err());
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(self.state.take_notices()),
        }
    }
}
