//! Mail submission: the one way in which a message leaves (RFC 6409, RFC 5321).
//!
//! [`Submitter::open`] gives an authenticated connection, [`Submitter::submit`] hands one message over
//! and says what is known of it afterwards, for each recipient. Called by the outbox in `engine`, and by
//! `doctor`. Must never say that a message was sent without the server's own word for it, and never
//! try anything twice by itself.
//!
//! Of what lies under it, `stream` and `tls` are those of IMAP; `lettre` drives the dialogue, over a
//! gate (`gate`) that frames and bounds all that a server says.

mod address;
mod auth;
mod dialogue;
mod extensions;
mod gate;
#[cfg(test)]
mod hostile_tests;
mod manner;
mod open;
mod reply;
mod starttls;
mod stuffing;
mod submission;
mod submit;

pub use address::Path;
pub use extensions::Extensions;
pub use manner::{Hello, Manner, Patience};
pub use reply::{Enhanced, Reply};
pub use submission::{Dsn, Phase, RefusedRecipient, Stage, Standing, Submission, Submitted, Unfit};

use crate::net::error::{Error, Result};
use crate::net::stream::Counters;
use dialogue::Dialogue;
use std::sync::Arc;
use std::time::Duration;

/// How long a farewell may take. Nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(5);

/// An authenticated connection to a submission server, for any number of messages one after the
/// other. No call is cancel-safe: one that was dropped half-way ends the connection.
#[derive(Debug)]
pub struct Submitter {
    dialogue: Dialogue,
    extensions: Extensions,
    patience: Patience,
    counters: Arc<Counters>,
    phase: Phase,
    /// Whether a transaction was begun and not ended.
    is_dirty: bool,
}

impl Submitter {
    /// What the server announced, under TLS where there is TLS.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether another message may be tried on this connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.dialogue.is_over()
    }

    /// How far the last [`submit`](Self::submit) had come. Of use where that call was dropped; else
    /// its outcome tells more.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Bytes that went over the wire.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Asks for nothing, so that the server keeps the connection, or shows that it does not.
    ///
    /// # Errors
    /// When the connection is of no more use.
    pub async fn noop(&mut self) -> Result<()> {
        let reply = self.dialogue.ask("NOOP", self.patience.command).await?;
        if reply.is_positive() {
            return Ok(());
        }
        self.dialogue.end();
        Err(Error::transient(format!(
            "The server ended the connection: {reply}"
        )))
    }

    /// Says goodbye. What comes of it does not matter.
    pub async fn quit(mut self) {
        drop(self.dialogue.ask("QUIT", FAREWELL).await);
    }
}
