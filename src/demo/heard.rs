//! What a peer has heard: its commands and how many connections there were.
//!
//! Kept by the peers of every protocol, asked by tests. Must never hold a secret: the sessions leave
//! them out before they note a command.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Commands in the order in which they came, of all sessions together.
#[derive(Debug)]
pub(super) struct Heard<T> {
    commands: Mutex<Vec<T>>,
    opened: AtomicUsize,
}

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self {
            commands: Mutex::default(),
            opened: AtomicUsize::new(0),
        }
    }
}

impl<T: Clone> Heard<T> {
    pub(super) fn note(&self, command: T) {
        self.with(|all| all.push(command));
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.with(|all| all.clone())
    }

    /// All, which are forgotten then.
    pub(super) fn take(&self) -> Vec<T> {
        self.with(std::mem::take)
    }

    /// Counts a connection; gives its number, the first being 1.
    pub(super) fn open(&self) -> usize {
        self.opened.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// How many connections there were.
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    fn with<R>(&self, work: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let commands = self.commands.lock();
        work(&mut commands.unwrap_or_else(PoisonError::into_inner))
    }
}
