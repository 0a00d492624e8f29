//! Gathers what changed and tells the front, merged: one notice for many changes.
//!
//! Called by every part of the engine. Must never let a burst of changes become a burst of events.

use crate::bus::Event;
use crate::model::MailboxKey;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// How many single notices may wait; beyond this the oldest are dropped (they are only news).
const NEWS_MAX: usize = 200;

/// What changed since the front was told last.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    gathered: Mutex<Gathered>,
    bell: Notify,
}

/// A batch of changes.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Mailboxes with other rows or counts.
    pub(crate) mailboxes: BTreeSet<MailboxKey>,
    /// Whether the standing of an account or the tree changed.
    pub(crate) is_tree: bool,
    /// Whether the outbox changed.
    pub(crate) is_outbox: bool,
    /// Single notices.
    pub(crate) news: VecDeque<Event>,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.mailboxes.is_empty() && !self.is_tree && !self.is_outbox && self.news.is_empty()
    }
}

impl Changes {
    fn with(&self, change: impl FnOnce(&mut Gathered)) {
        change(&mut self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_one();
    }

    /// These mailboxes changed.
    pub(crate) fn mailboxes(&self, keys: impl IntoIterator<Item = MailboxKey>) {
        self.with(|g| g.mailboxes.extend(keys));
    }

    /// The tree or an account's standing changed.
    pub(crate) fn tree(&self) {
        self.with(|g| g.is_tree = true);
    }

    /// The outbox changed.
    pub(crate) fn outbox(&self) {
        self.with(|g| g.is_outbox = true);
    }

    /// Something to tell as it is.
    pub(crate) fn event(&self, event: Event) {
        self.with(|g| {
            if g.news.len() >= NEWS_MAX {
                g.news.pop_front();
            }
            g.news.push_back(event);
        });
    }

    /// Waits for changes and takes all of them.
    pub(crate) async fn take(&self) -> Gathered {
        loop {
            let gathered =
                std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
            if !gathered.is_empty() {
                return gathered;
            }
            self.bell.notified().await;
        }
    }
}
