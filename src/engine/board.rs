//! What an account's connections have to do: one board per account, read by its lanes.
//!
//! Written by `dispatch` (the user's wishes) and by the lanes (what they find). A wish stays on the
//! board until the work is done, so a lost connection loses none.

use crate::bus::SyncMode;
use crate::model::{MailboxKey, PartId, Placed};
use crate::net::Error;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// What is wanted of one message.
#[derive(Debug)]
pub(crate) enum Want {
    /// Its text, put into the store.
    Text,
    /// All of its bytes, put into the store.
    Raw,
    /// One part's encoded bytes, sent in pieces as they come.
    Part(PartId, mpsc::Sender<Vec<u8>>),
}

/// A fetch that somebody waits for.
#[derive(Debug)]
pub(crate) struct Fetch {
    /// Which message.
    pub(crate) placed: Placed,
    /// What of it.
    pub(crate) want: Want,
    /// How often a connection broke over it.
    pub(crate) failures: u8,
    /// Told when it is done; the receiver gone means nobody waits any more.
    pub(crate) done: oneshot::Sender<Result<(), Error>>,
}

/// Why a lane works or does not.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) mode: SyncMode,
    pub(crate) is_offline: bool,
    /// Whether the mailboxes are kept on this computer, where they can always be reached.
    pub(crate) is_local: bool,
    pub(crate) is_stopping: bool,
    /// The user wants to be connected now, whatever the mode; cleared when a round is done.
    pub(crate) is_sync_wanted: bool,
    /// The mailbox on the screen.
    pub(crate) looked_at: Option<MailboxKey>,
    /// Mailboxes to be pulled.
    pub(crate) pulls: VecDeque<MailboxKey>,
    /// Whether the tree is to be listed anew.
    pub(crate) is_list_due: bool,
    /// Whether flags are to be compared everywhere, where the server does not count its changes.
    pub(crate) is_thorough: bool,
    /// Whether the journal has something for the server.
    pub(crate) is_replay_due: bool,
    /// Whether copies of sent mail are to be filed, or unconfirmed mail is to be looked for.
    pub(crate) is_filing_due: bool,
    /// Whether mail is to be sent now in a mode that sends only when asked, or in rounds.
    pub(crate) is_sending_wanted: bool,
    /// Set where the outgoing server refused us: nothing is sent until the user asks.
    pub(crate) is_sending_refused: bool,
    /// Whether texts or references may be missing.
    pub(crate) is_background_due: bool,
    /// Fetches that somebody waits for, the most urgent first.
    pub(crate) fetches: VecDeque<Fetch>,
    /// Messages whose text will probably be wanted next.
    pub(crate) ahead: VecDeque<Placed>,
    /// Set where a lane found the account refused: no connection until the user asks.
    pub(crate) is_refused: bool,
    /// Grows when every connection must be made anew (after a suspend, on "sync now").
    pub(crate) generation: u64,
    /// Whether the working lane is in the middle of something long.
    pub(crate) is_work_busy: bool,
    /// Whether the working lane has come through its first flight on this connection.
    pub(crate) is_settled: bool,
    /// How many connections the server grants.
    pub(crate) lanes_max: u8,
    /// When the front last wanted anything.
    pub(crate) active_at: Instant,
}

impl Wishes {
    /// Queues a pull of a mailbox unless it is queued.
    pub(crate) fn want_pull(&mut self, mailbox: MailboxKey) {
        if !self.pulls.contains(&mailbox) {
            self.pulls.push_back(mailbox);
        }
    }

    /// Whether a connection should stand now.
    pub(crate) fn is_connection_wanted(&self) -> bool {
        if self.is_local {
            return !self.is_stopping;
        }
        if self.is_offline || self.is_stopping || self.is_refused {
            return false;
        }
        self.mode == SyncMode::Push
            || self.is_sync_wanted
            || !self.fetches.is_empty()
            || self.is_filing_due
            || (self.is_replay_due && self.mode == SyncMode::OnStart)
    }

    /// Whether nothing may go over the network, whatever the account keeps here.
    pub(crate) const fn is_cut_off(&self) -> bool {
        self.is_stopping || self.is_offline
    }

    /// Whether no lane may work.
    pub(crate) const fn is_off(&self) -> bool {
        self.is_stopping || (self.is_offline && !self.is_local)
    }

    /// Whether the lanes stay connected when they have nothing to do.
    pub(crate) fn is_kept_open(&self) -> bool {
        self.is_local || self.mode == SyncMode::Push
    }

    /// Whether there is a round every so often: in that mode, and for a maildrop, which cannot tell
    /// of new mail by itself, where one would otherwise be told at once.
    pub(crate) fn has_rounds(&self) -> bool {
        self.mode == SyncMode::Interval || (self.is_local && self.mode == SyncMode::Push)
    }

    /// Whether the maildrop is to be looked into now.
    pub(crate) const fn is_round_wanted(&self) -> bool {
        self.is_sync_wanted && !self.is_offline && !self.is_refused
    }

    /// Whether what is due may be sent now.
    pub(crate) const fn may_send(&self) -> bool {
        let is_at_once = matches!(self.mode, SyncMode::Push | SyncMode::OnStart);
        let is_off = self.is_offline || self.is_stopping || self.is_sending_refused;
        !is_off && (is_at_once || self.is_sending_wanted)
    }
}

/// The board: the wishes, and a bell that no lane can miss.
#[derive(Debug)]
pub(crate) struct Board {
    wishes: Mutex<Wishes>,
    bell: watch::Sender<u64>,
}

impl Board {
    pub(crate) fn new(mode: SyncMode, is_offline: bool, is_local: bool) -> Self {
        let wishes = Wishes {
            mode,
            is_offline,
            is_local,
            is_stopping: false,
            is_sync_wanted: mode != SyncMode::Manual,
            looked_at: None,
            pulls: VecDeque::new(),
            is_list_due: false,
            is_thorough: false,
            is_replay_due: false,
            is_filing_due: false,
            is_sending_wanted: mode != SyncMode::Manual,
            is_sending_refused: false,
            is_background_due: false,
            fetches: VecDeque::new(),
            ahead: VecDeque::new(),
            is_refused: false,
            generation: 0,
            is_work_busy: false,
            is_settled: false,
            lanes_max: 3,
            active_at: Instant::now(),
        };
        Self {
            wishes: Mutex::new(wishes),
            bell: watch::Sender::new(0),
        }
    }

    /// Reads the board.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Wishes) -> T) -> T {
        look(&self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes on the board without ringing: for what only the writing lane needs to know.
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut Wishes) -> T) -> T {
        change(&mut self.wishes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes on the board and rings.
    pub(crate) fn post<T>(&self, change: impl FnOnce(&mut Wishes) -> T) -> T {
        let result = self.note(change);
        self.ring();
        result
    }

    /// Rings: for what was noted before.
    pub(crate) fn ring(&self) {
        self.bell.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// A bell to wait for changes with.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}
