//! The lanes that relieve the working one: watching the inbox, and fetching what the user opened.
//!
//! Started by `dispatch` for each account. Neither is needed: where the server grants one connection
//! only, the working lane does it all.

use super::account::{Account, Failure};
use super::backoff::Backoff;
use super::board::Wishes;
use super::lane::{LIVED, Lane, connect};
use super::waiting::{until_called_off, wait_until, yield_a_lane};
use crate::bus::SyncMode;
use crate::net::imap::IdleEnd;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the fetching lane waits for the next fetch before it hangs up.
const FETCH_LINGER: Duration = Duration::from_secs(60);
/// How long the fetching lane waits before it connects again after a failure.
const FETCH_PAUSE: Duration = Duration::from_secs(1);

/// Runs the watching lane: a connection of its own that idles on the inbox.
pub(crate) async fn watch(account: Arc<Account>) {
    let mut backoff = Backoff::default();
    let mut bell = account.board.listen();
    loop {
        // The working lane connects first and finds the tree; while it cannot, nor can this one.
        let is_wanted = |w: &Wishes| {
            w.is_connection_wanted() && w.mode == SyncMode::Push && w.lanes_max > 1 && w.is_settled
        };
        if !wait_until(&account, &mut bell, is_wanted).await {
            return;
        }
        if !account.inbox().await.is_ok_and(|inbox| inbox.is_some()) {
            // It is the first flight of the next connection that may find one.
            if bell.changed().await.is_err() {
                return;
            }
            continue;
        }
        let generation = account.board.look(|w| w.generation);
        let begun = Instant::now();
        let life = async {
            let mut lane = connect(&account).await?;
            lane.watch_inbox(generation).await?;
            lane.session.logout().await;
            Ok::<(), Failure>(())
        };
        let outcome = until_called_off(&account, generation, Wishes::is_off, life).await;
        if begun.elapsed() > LIVED {
            backoff.reset();
        }
        if let Some(Err(failure)) = outcome {
            tracing::info!(account = %account.setup.name, %failure, "watching ended");
            yield_a_lane(&account, &failure);
            nap(&account, backoff.next(fastrand::f64())).await;
        }
    }
}

/// Waits, but not longer than anybody wants this account to be connected as it was.
async fn nap(account: &Account, how_long: Duration) {
    let generation = account.board.look(|w| w.generation);
    let nap = tokio::time::sleep(how_long);
    let _over = until_called_off(account, generation, Wishes::is_off, nap).await;
}

impl Lane {
    async fn watch_inbox(&mut self, generation: u64) -> Result<(), Failure> {
        let Some((mailbox, name)) = self.account.inbox().await? else {
            return Ok(());
        };
        let selected = self
            .session
            .select(&name, self.known(mailbox).await?)
            .await?;
        self.opened(mailbox, &selected, true);
        self.absorb_selected(mailbox, &selected).await?;
        // Not every server tells of everything (a deletion, most often not), so the tree is still
        // compared from time to time.
        let is_told_of_all = self.session.notify().await?;
        tracing::debug!(account = %self.account.setup.name, is_told_of_all, "watching");
        loop {
            let is_wanted = self.account.board.look(|w| {
                w.is_connection_wanted()
                    && w.mode == SyncMode::Push
                    && w.lanes_max > 1
                    && w.generation == generation
            });
            if !is_wanted {
                return Ok(());
            }
            // Any ring is looked at, so that going offline ends the watch at once.
            let mut bell = self.bell.clone();
            bell.mark_unchanged();
            let account = Arc::clone(&self.account);
            let ended = async move {
                loop {
                    let goes_on = account.board.look(|w| {
                        w.is_connection_wanted()
                            && w.mode == SyncMode::Push
                            && w.lanes_max > 1
                            && w.generation == generation
                    });
                    if !goes_on || bell.changed().await.is_err() {
                        return;
                    }
                }
            };
            if self.session.idle(ended).await? == IdleEnd::Told {
                self.absorb_notices().await?;
            }
        }
    }
}

/// Runs the fetching lane: serves what the user opened while the working lane is busy.
pub(crate) async fn fetch(account: Arc<Account>) {
    let mut bell = account.board.listen();
    loop {
        let is_wanted = |w: &Wishes| w.is_work_busy && w.lanes_max > 2 && !w.fetches.is_empty();
        if !wait_until(&account, &mut bell, is_wanted).await {
            return;
        }
        let generation = account.board.look(|w| w.generation);
        let life = async {
            let mut lane = connect(&account).await?;
            lane.serve_fetches().await?;
            lane.session.logout().await;
            Ok::<(), Failure>(())
        };
        if let Some(Err(failure)) =
            until_called_off(&account, generation, Wishes::is_off, life).await
        {
            tracing::info!(account = %account.setup.name, %failure, "fetching ended");
            yield_a_lane(&account, &failure);
            nap(&account, FETCH_PAUSE).await;
        }
    }
}

impl Lane {
    async fn serve_fetches(&mut self) -> Result<(), Failure> {
        loop {
            let next = self.account.board.note(|w| w.fetches.pop_front());
            if let Some(fetch) = next {
                self.serve_fetch(fetch).await?;
            } else if !self.linger_for_fetch().await {
                return Ok(());
            }
        }
    }

    async fn linger_for_fetch(&mut self) -> bool {
        let mut bell = self.bell.clone();
        let until = tokio::time::Instant::now() + FETCH_LINGER;
        loop {
            bell.mark_unchanged();
            let (is_wanted, is_over) = self
                .account
                .board
                .look(|w| (!w.fetches.is_empty(), w.is_offline || w.is_stopping));
            if is_wanted || is_over {
                return is_wanted && !is_over;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return false,
                rung = bell.changed() => if rung.is_err() { return false },
            }
        }
    }
}
