//! What all parts of one account share: its setup, store, board, and its standing on the screen.
//!
//! Made by `engine::mod`, used by its lanes and by `texts`. Holds no connection.

use super::board::Board;
use super::changes::Changes;
use super::setup::AccountSetup;
use super::store_thread::Db;
use crate::bus::{Event, Link, Problem};
use crate::model::{AccountKey, OutboxKey, Quota, Safe};
use crate::net;
use crate::store;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// One account of a running engine.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) key: AccountKey,
    pub(crate) setup: AccountSetup,
    pub(crate) db: Db,
    pub(crate) board: Board,
    pub(crate) changes: Arc<Changes>,
    link: Mutex<Link>,
    quota: Mutex<Option<Quota>>,
    tally: Mutex<Tally>,
    /// The message that is being sent, and how many of its bytes are on their way.
    pub(crate) progress: Mutex<Option<(OutboxKey, u64)>>,
    /// The other accounts of this engine, for changes that concern two.
    peers: Mutex<Vec<Weak<Self>>>,
}

/// Why the work of a lane ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The network or the server.
    #[error(transparent)]
    Net(#[from] net::Error),
    /// Our own store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Account {
    pub(crate) fn new(
        key: AccountKey,
        setup: AccountSetup,
        db: Db,
        changes: Arc<Changes>,
        is_offline: bool,
    ) -> Self {
        let board = Board::new(setup.mode, is_offline, setup.is_local());
        Self {
            key,
            setup,
            db,
            board,
            changes,
            link: Mutex::new(Link::Idle),
            quota: Mutex::default(),
            tally: Mutex::default(),
            progress: Mutex::default(),
            peers: Mutex::default(),
        }
    }

    /// Lets accounts of one engine know each other.
    pub(crate) fn introduce(accounts: &[Arc<Self>]) {
        for account in accounts {
            let others = accounts.iter().filter(|a| !Arc::ptr_eq(a, account));
            *account.peers.lock().unwrap_or_else(PoisonError::into_inner) =
                others.map(Arc::downgrade).collect();
        }
    }

    /// Something that other accounts wait for was done.
    pub(crate) fn ring_peers(&self) {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        for peer in peers.iter().filter_map(Weak::upgrade) {
            peer.board.post(|w| w.is_replay_due = true);
        }
    }

    /// How much room there is on the server, as last told.
    pub(crate) fn quota(&self) -> Option<Quota> {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how much room there is.
    pub(crate) fn set_quota(&self, quota: Option<Quota>) {
        let mut held = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != quota {
            *held = quota;
            drop(held);
            self.changes.tree();
        }
    }

    /// How it stands with its server.
    pub(crate) fn link(&self) -> Link {
        self.link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shows how it stands with its server.
    pub(crate) fn set_link(&self, link: Link) {
        let mut held = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != link {
            *held = link;
            drop(held);
            self.changes.tree();
        }
    }

    /// Shows how a lane stands. Of mailboxes that are kept here there is nothing to show: what counts
    /// is how it stands with the maildrop.
    pub(crate) fn set_lane_link(&self, link: Link) {
        if !self.setup.is_local() {
            self.set_link(link);
        }
    }

    /// Tells the user what went wrong.
    pub(crate) fn tell(&self, summary: &str, hint: &str) {
        tracing::warn!(account = %self.setup.name, "{summary}");
        self.changes
            .event(Event::Problem(self.problem(summary, hint)));
    }

    /// A problem of this account in words.
    pub(crate) fn problem(&self, summary: &str, hint: &str) -> Problem {
        Problem {
            account: Some(self.key),
            summary: Safe::line(&format!("{}: {summary}", self.setup.name)),
            hint: Safe::line(hint),
        }
    }
}

impl Failure {
    /// One sentence for the user.
    pub(crate) fn summary(&self) -> String {
        self.to_string()
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &str {
        match self {
            Self::Net(e) => &e.hint,
            Self::Store(_) => "see `pillarbox doctor`",
        }
    }
}

impl Account {
    /// Counts what a pull changed and tells the front.
    pub(crate) fn count(&self, key: crate::model::MailboxKey, change: &store::PullChange) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.added += u64::from(change.added);
        tally.changed += u64::from(change.changed);
        tally.removed += u64::from(change.removed);
        drop(tally);
        if change.added > 0 {
            self.board.note(|w| w.is_background_due = true);
        }
        if change.added + change.changed + change.removed > 0 {
            self.changes.mailboxes([key]);
        }
    }

    /// What was done since the engine started.
    pub(crate) fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts changes that the server confirmed.
    pub(crate) fn count_sent(&self, count: usize) {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sent += count as u64;
    }

    /// Whether the working lane should leave a long pull of `key` for something the user waits for.
    pub(crate) fn has_something_more_urgent(&self, key: crate::model::MailboxKey) -> bool {
        self.board.look(|w| {
            w.is_off()
                || w.is_replay_due
                || w.looked_at
                    .is_some_and(|k| k != key && w.pulls.contains(&k))
                || (w.lanes_max < 3 && !w.fetches.is_empty())
        })
    }
}

/// What was done, for `pillarbox sync`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) removed: u64,
    pub(crate) sent: u64,
}
