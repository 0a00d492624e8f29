//! When the maildrop of an account is looked into: at the start, when asked, every so often.
//!
//! Started by `dispatch` for each POP3 account; `once` does a single round. There must never be two
//! sessions with one maildrop at a time (RFC 1939 §4).

use super::account::Account;
use super::backoff::Backoff;
use super::board::Wishes;
use super::clock;
use super::drop_round::round;
use super::waiting::{pause, until_called_off, wait_until};
use crate::bus::Link;
use crate::model::Safe;
use std::sync::Arc;
use tokio::time::Instant;

/// Looks into the maildrop whenever that is wanted, until the account stops.
pub(crate) async fn poll(account: Arc<Account>) {
    let mut backoff = Backoff::default();
    let mut bell = account.board.listen();
    let mut not_before = None;
    let mut told = String::new();
    loop {
        if !wait_until(&account, &mut bell, Wishes::is_round_wanted).await {
            return;
        }
        if !wait_for_turn(&account, not_before).await {
            continue;
        }
        let generation = account.board.look(|w| w.generation);
        account.set_link(Link::Connecting);
        // What is asked for from here on is asked for anew.
        account.board.note(|w| w.is_sync_wanted = false);
        let begun = Instant::now();
        match until_called_off(&account, generation, Wishes::is_cut_off, round(&account)).await {
            Some(Ok(round)) => {
                backoff.reset();
                not_before = round.login_delay.map(|delay| begun + delay);
                // All else is done. To ask again at once would be answered the same, and nobody wants
                // to read the same sentence at each round.
                let refused = round.refused.filter(|error| told != error.summary);
                if let Some(error) = refused {
                    account.tell(&error.summary, &error.hint);
                    told = error.summary;
                }
                account.set_link(checked());
            }
            None => {
                account.set_link(Link::Idle);
                // The machine slept: another session, with a connection that lives.
                account.board.note(|w| w.is_sync_wanted |= !w.is_offline);
            }
            Some(Err(failure)) => {
                account.board.note(|w| w.is_sync_wanted = true);
                pause(&account, &mut bell, &mut backoff, &failure, generation).await;
            }
        }
    }
}

fn checked() -> Link {
    let secs = clock::now_secs();
    Link::Checked { secs }
}

/// Waits as long as the server wants between two logins (LOGIN-DELAY, RFC 2449 §6.5). `false`: called
/// off meanwhile.
async fn wait_for_turn(account: &Account, not_before: Option<Instant>) -> bool {
    let Some(at) = not_before.filter(|at| *at > Instant::now()) else {
        return true;
    };
    let secs = at.saturating_duration_since(Instant::now()).as_secs();
    account.set_link(Link::Waiting {
        secs: u32::try_from(secs.max(1)).unwrap_or(u32::MAX),
        is_put_off: true,
        why: Safe::fixed("the server asks to wait"),
    });
    let mut bell = account.board.listen();
    let called_off = wait_until(account, &mut bell, |w| !w.is_round_wanted());
    tokio::time::timeout_at(at, called_off).await.is_err()
}
