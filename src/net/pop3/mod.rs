//! POP3 (RFC 1939, RFC 2449): one session with a maildrop, from the login to QUIT.
//!
//! [`Session::open`] gives a session in the transaction state; its verbs are those of the protocol.
//! Called by `engine` for accounts whose mail is fetched, and by `doctor`. Must never hand out a message
//! whose end did not come, nor say that something was deleted before the server said so at QUIT.
//!
//! `link` moves bytes both ways at once, `reply` reads what a command came to, `unstuff` finds the end
//! of a message, and the verbs build on these three.

mod auth;
mod delete;
mod fetch;
#[cfg(test)]
mod hostile_tests;
mod link;
mod listing;
mod offers;
mod open;
#[cfg(test)]
mod peer_tests;
mod reply;
mod stls;
mod unstuff;

pub use delete::Marked;
pub use fetch::{Outcome, Retrieved};
pub use listing::Scan;
pub use offers::{Expire, Offers};

use crate::net::error::{Class, Error, Result};
use crate::net::stream::Counters;
use link::Link;
use reply::Reply;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

/// An authorized session in the transaction state (RFC 1939 §5). The server holds the maildrop for it,
/// and nobody else gets in until it ends.
///
/// No call is cancel-safe: one that was dropped half-way, or that failed for another reason than a
/// refusal by the server, ends the session, and every later call says so. A session that ends without
/// [`quit`](Self::quit) has deleted nothing.
#[derive(Debug)]
pub struct Session {
    link: Link,
    offers: Offers,
    message_max: u64,
    counters: Arc<Counters>,
}

impl Session {
    /// What the server offers to who has logged in (CAPA, RFC 2449).
    #[must_use]
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// Bytes that went over the wire.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Whether another command may be tried.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.link.is_in_step()
    }

    /// STAT: how many messages there are, and their size together.
    ///
    /// # Errors
    /// When the server refuses, or the connection is lost.
    pub async fn stat(&mut self) -> Result<(u32, u64)> {
        let reply = self.done("STAT", "say how much mail there is").await?;
        let mut words = reply.text.split_ascii_whitespace();
        let count = words.next().and_then(|word| word.parse().ok());
        let size = words.next().and_then(|word| word.parse().ok());
        match (count, size) {
            (Some(count), Some(size)) => Ok((count, size)),
            _ => Err(self.link.over(Error::protocol(
                "The server's answer to STAT holds no numbers.",
            ))),
        }
    }

    /// NOOP: keeps the server from giving up the session.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn noop(&mut self) -> Result<()> {
        self.done("NOOP", "go on").await.map(drop)
    }

    /// RSET: what was marked as deleted is not, after all.
    ///
    /// # Errors
    /// When the server refuses, or the connection is lost.
    pub async fn reset(&mut self) -> Result<()> {
        self.done("RSET", "take deletions back").await.map(drop)
    }

    /// QUIT: the server carries out the deletions (the update state, RFC 1939 §6) and lets the maildrop
    /// go. Only after `Ok` they are known to be done.
    ///
    /// # Errors
    /// When the server says that it could not delete everything, or when nobody knows because the
    /// answer did not come. The next session shows what is still there.
    pub async fn quit(mut self) -> Result<()> {
        let reply = self.ask("QUIT").await?;
        drop(self.link.shutdown().await);
        if reply.is_ok {
            return Ok(());
        }
        let mut error = reply.refusal("end the session as it should");
        // What is left is deleted in a later session, whatever the reason was.
        if error.class == Class::Rejected {
            error.class = Class::Transient;
        }
        Err(error)
    }

    /// One command with an answer of one line, which has to be yes.
    async fn done(&mut self, command: &str, what: &str) -> Result<Reply> {
        let reply = self.ask(command).await?;
        if reply.is_ok {
            return Ok(reply);
        }
        Err(reply.refusal(what))
    }

    /// One command with an answer of one line.
    async fn ask(&mut self, command: &str) -> Result<Reply> {
        self.link.enter()?;
        self.link.say(command);
        self.link.reply().await
    }
}

impl Link {
    /// Says to the network that nothing more is coming.
    async fn shutdown(&mut self) -> std::io::Result<()> {
        let ending = self.wire_mut().shutdown();
        tokio::time::timeout(link::FAREWELL, ending)
            .await
            .unwrap_or(Ok(()))
    }
}
