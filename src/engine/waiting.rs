//! Between two connections: waiting until one is wanted, calling one off, and the back-off.
//!
//! Called by whatever keeps a connection of an account: lanes and maildrops. No wait in here may
//! outlive the wish to be connected.

use super::account::{Account, Failure};
use super::backoff::Backoff;
use super::board::Wishes;
use crate::bus::Link;
use crate::model::Safe;
use crate::net::{Class, Error};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a connection may take to end politely when it is called off.
const GRACE: Duration = Duration::from_secs(1);

/// Does the work of a connection; `None` where it is called off. A connection that may be dead (the
/// machine slept) ends at once, for it would be silent; others have a moment to say goodbye when it
/// `is_over`.
pub(crate) async fn until_called_off<T>(
    account: &Account,
    generation: u64,
    is_over: impl Fn(&Wishes) -> bool,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut bell = account.board.listen();
    let called_off = async {
        wait_until(account, &mut bell, |w| {
            is_over(w) || w.generation != generation
        })
        .await;
        if account.board.look(&is_over) {
            tokio::time::sleep(GRACE).await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = called_off => None,
    }
}

/// The server grants fewer connections: remembers it, so that the working lane has one.
pub(crate) fn yield_a_lane(account: &Account, failure: &Failure) {
    let Failure::Net(error) = failure else { return };
    let summary = error.summary.to_ascii_lowercase();
    let is_limit = error.code.as_deref() == Some("LIMIT")
        || summary.contains("too many")
        || summary.contains("maximum number of connections");
    if is_limit {
        account
            .board
            .post(|w| w.lanes_max = w.lanes_max.saturating_sub(1).max(1));
    }
}

/// Waits until `wanted` holds; `false` when the account stops.
pub(crate) async fn wait_until(
    account: &Account,
    bell: &mut watch::Receiver<u64>,
    wanted: impl Fn(&Wishes) -> bool,
) -> bool {
    loop {
        let (is_stopping, is_wanted) = account.board.look(|w| (w.is_stopping, wanted(w)));
        if is_stopping {
            return false;
        }
        if is_wanted {
            return true;
        }
        if bell.changed().await.is_err() {
            return false;
        }
    }
}

/// Says what went wrong, and waits for the next attempt: the back-off, or the user.
pub(crate) async fn pause(
    account: &Account,
    bell: &mut watch::Receiver<u64>,
    backoff: &mut Backoff,
    failure: &Failure,
    generation: u64,
) {
    account.board.note(|w| w.pulls.clear());
    // A wrong password would lock the account; a bad certificate may be a café's portal and pass.
    let is_final = matches!(failure, Failure::Net(e) if e.class == Class::Auth);
    tracing::info!(account = %account.setup.name, %failure, "connection ended");
    if is_final {
        account.board.note(|w| {
            w.is_refused = true;
            w.is_sync_wanted = false;
            refuse_fetches(w, failure);
        });
        let why = Safe::line(&failure.summary());
        account.set_link(Link::Stopped {
            why,
            can_retry: true,
        });
        account.tell(&failure.summary(), failure.hint());
        return;
    }
    let wait = backoff.next(fastrand::f64());
    account.board.note(|w| refuse_fetches(w, failure));
    if account.board.look(|w| w.generation) != generation {
        return;
    }
    let secs = u32::try_from(wait.as_secs().max(1)).unwrap_or(u32::MAX);
    let put_off = put_off(failure);
    account.set_link(Link::Waiting {
        secs,
        is_put_off: put_off.is_some(),
        why: put_off.unwrap_or_else(|| Safe::line(&failure.summary())),
    });
    let deadline = Instant::now() + wait;
    loop {
        let (is_changed, is_off) = account.board.look(|w| {
            (
                w.generation != generation || !w.fetches.is_empty(),
                w.is_off(),
            )
        });
        if is_changed || is_off {
            if is_off {
                account.set_link(Link::Idle);
            }
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => return,
            rung = bell.changed() => if rung.is_err() { return },
        }
    }
}

/// Why the server wants us to come later, where it said so (RFC 2449 §8, RFC 3206): it is no trouble,
/// and nothing is broken.
fn put_off(failure: &Failure) -> Option<Safe> {
    let Failure::Net(error) = failure else {
        return None;
    };
    match error.code.as_deref() {
        Some("IN-USE") => Some(Safe::fixed("another program fetches")),
        Some("LOGIN-DELAY") => Some(Safe::fixed("the server asks to wait")),
        _ => None,
    }
}

/// Tells everybody who waits for a message that the server cannot be reached.
fn refuse_fetches(wishes: &mut Wishes, failure: &Failure) {
    for fetch in wishes.fetches.drain(..) {
        let _gone = fetch.done.send(Err(as_net(failure)));
    }
    wishes.ahead.clear();
}

/// A failure as a network error, for those who wait for a fetch.
pub(crate) fn as_net(failure: &Failure) -> Error {
    match failure {
        Failure::Net(error) => error.clone(),
        Failure::Store(error) => Error {
            class: Class::Transient,
            summary: error.to_string(),
            hint: "see `pillarbox doctor`".to_owned(),
            code: None,
        },
    }
}
