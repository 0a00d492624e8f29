//! By what a message is recognised that comes from elsewhere: its Message-ID and its size.
//!
//! Called by `engine` before messages are imported. Only what lies in the mailbox, as it is to be seen,
//! may count: what leaves it is not there any more.

use super::sql::{self, Doing};
use super::{Reader, Result};
use crate::model::{MailboxKey, MessageKey};

/// What a message of a mailbox is recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its key.
    pub message: MessageKey,
    /// Its Message-ID, without angle brackets; empty when there is none.
    pub message_id: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl Reader {
    /// Every message of a mailbox, by what it is recognised by.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn identities(&self, mailbox: MailboxKey) -> Result<Vec<Identity>> {
        self.conn
            .prepare_cached(
                "SELECT m.key, m.message_id, m.size FROM placement p
                 CROSS JOIN message m ON m.key = p.message WHERE p.mailbox = ?1",
            )
            .and_then(|mut s| {
                s.query_map([mailbox.0], |row| {
                    Ok(Identity {
                        message: MessageKey(row.get(0)?),
                        message_id: row.get(1)?,
                        size_bytes: sql::unsigned(row.get(2)?),
                    })
                })?
                .collect()
            })
            .doing("reading a folder")
    }
}
