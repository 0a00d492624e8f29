//! The mail of one account, as it lies on the server until it is fetched and deleted.
//!
//! Shared by the sessions of a [`Peer`](super::Peer); tests and the demo look at it and change it behind
//! the client's back. Never may two sessions hold it at once, nor a deletion be done without QUIT.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id, never given to another one.
    pub id: String,
    /// The exact bytes.
    pub raw: Arc<[u8]>,
}

#[derive(Debug, Default)]
struct Inner {
    messages: Vec<Mail>,
    delivered: u64,
    is_held: bool,
    released: Option<Instant>,
}

/// The mail of an account. Clones are the same maildrop.
#[derive(Debug, Clone, Default)]
pub struct Maildrop {
    inner: Arc<Mutex<Inner>>,
}

/// Why a session does not get the maildrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Another session has it.
    InUse,
    /// The last one is not long enough ago.
    TooSoon,
}

/// A session's hold on the maildrop, with the messages as they were when it began.
#[derive(Debug)]
pub(super) struct Hold {
    maildrop: Maildrop,
    pub(super) messages: Vec<Mail>,
}

impl Maildrop {
    /// Puts a message behind the others; its id. A session that is open sees it the next time.
    pub fn deliver(&self, raw: impl Into<Vec<u8>>) -> String {
        self.with(|inner| {
            inner.delivered += 1;
            let id = format!("demo.{:08}", inner.delivered);
            inner.messages.push(Mail {
                id: id.clone(),
                raw: raw.into().into(),
            });
            id
        })
    }

    /// What lies there.
    #[must_use]
    pub fn messages(&self) -> Vec<Mail> {
        self.with(|inner| inner.messages.clone())
    }

    /// Takes a message away, as another client would; whether it was there.
    pub fn remove(&self, id: &str) -> bool {
        self.with(|inner| {
            let before = inner.messages.len();
            inner.messages.retain(|mail| mail.id != id);
            inner.messages.len() < before
        })
    }

    /// Holds it, or lets it go again, as another client's session would.
    pub fn set_held(&self, is_held: bool) {
        self.with(|inner| inner.is_held = is_held);
    }

    /// Whether a session holds it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.with(|inner| inner.is_held)
    }

    /// Takes hold of it for a session.
    pub(super) fn hold(&self, delay: Option<Duration>) -> Result<Hold, Held> {
        self.with(|inner| {
            if inner.is_held {
                return Err(Held::InUse);
            }
            if let (Some(delay), Some(released)) = (delay, inner.released)
                && released.elapsed() < delay
            {
                return Err(Held::TooSoon);
            }
            inner.is_held = true;
            Ok(Hold {
                maildrop: self.clone(),
                messages: inner.messages.clone(),
            })
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hold {
    /// Deletes messages for good (the update state).
    pub(super) fn delete(&self, ids: &BTreeSet<&str>) {
        self.maildrop.with(|inner| {
            inner
                .messages
                .retain(|mail| !ids.contains(mail.id.as_str()));
        });
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.maildrop.with(|inner| {
            inner.is_held = false;
            inner.released = Some(Instant::now());
        });
    }
}
