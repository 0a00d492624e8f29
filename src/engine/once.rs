//! One round of work without a screen: for `pillarbox sync` and for commands that change or fetch.
//!
//! Called by `cli`. Uses the same lanes as the running engine, so there is one way to synchronise.

use super::account::{Account, Failure, Tally};
use super::board::{Fetch, Want};
use super::changes::Changes;
use super::clock;
use super::lane::{self, Lane};
use super::setup::{AccountSetup, Keep};
use super::store_thread::Db;
use crate::bus::SyncMode;
use crate::model::{AccountKey, Placed};
use crate::store::{self, Store};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What one round did for one account.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncReport {
    /// The account's name.
    pub account: String,
    /// Whether all went well.
    pub is_ok: bool,
    /// Messages new here.
    pub added: u64,
    /// Messages whose flags changed.
    pub changed: u64,
    /// Messages gone.
    pub removed: u64,
    /// Changes that the server confirmed.
    pub sent: u64,
    /// Changes that still wait.
    pub pending: u32,
    /// What went wrong, and what to do; empty if nothing.
    pub error: String,
    /// How long it took.
    pub seconds: f64,
}

/// What a round is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: tree, pulls, replay, texts as configured.
    Everything,
    /// Only what the journal holds.
    Replay,
}

/// Works for one account until nothing is left to do.
///
/// # Errors
/// When the store fails; what the network does is in the report.
pub async fn run_once(
    store: &Store,
    setup: &AccountSetup,
    wanted: Wanted,
) -> store::Result<SyncReport> {
    let begun = clock::monotonic();
    let db = Db::start(store)?;
    let account = prepare(&db, setup, wanted).await?;
    let outcome = round(&account, wanted).await;
    let Tally {
        added,
        changed,
        removed,
        sent,
    } = account.tally();
    let key = account.key;
    let pending = db
        .read(move |r| {
            Ok(r.accounts()?
                .into_iter()
                .find(|a| a.key == key)
                .map_or(0, |a| a.pending))
        })
        .await?;
    let closing = db.clone();
    let _closed = tokio::task::spawn_blocking(move || closing.close()).await;
    let error = match &outcome {
        Ok(()) => String::new(),
        Err(failure) => sentence(failure),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let account = setup.name.clone();
    Ok(SyncReport {
        account,
        is_ok: outcome.is_ok(),
        added,
        changed,
        removed,
        sent,
        pending,
        error,
        seconds,
    })
}

/// Fetches all bytes of one message into the store.
///
/// # Errors
/// What went wrong, as a sentence with what to do.
pub async fn fetch_once(store: &Store, setup: &AccountSetup, placed: Placed) -> Result<(), String> {
    let db = Db::start(store).map_err(|e| e.to_string())?;
    let account = prepare(&db, setup, Wanted::Replay)
        .await
        .map_err(|e| e.to_string())?;
    let (done, told) = oneshot::channel();
    let fetched = async {
        let mut lane = lane::connect(&account).await?;
        lane.session
            .start(&crate::net::imap::Start::default())
            .await?;
        lane.serve_fetch(Fetch {
            placed,
            want: Want::Raw,
            failures: 0,
            done,
        })
        .await?;
        lane.session.logout().await;
        Ok::<(), Failure>(())
    }
    .await;
    let closing = db.clone();
    let _closed = tokio::task::spawn_blocking(move || closing.close()).await;
    fetched.map_err(|failure| sentence(&failure))?;
    told.await.map_or_else(
        |_| Err("the connection ended".to_owned()),
        |r| r.map_err(|e| sentence(&e.into())),
    )
}

fn sentence(failure: &Failure) -> String {
    let summary = failure.summary();
    match failure.hint() {
        "" => summary,
        // One sentence: what, then what to do.
        hint => format!("{}; {hint}", summary.trim_end_matches('.')),
    }
}

async fn prepare(db: &Db, setup: &AccountSetup, wanted: Wanted) -> store::Result<Arc<Account>> {
    let name = setup.name.clone();
    let key: AccountKey = db.write(move |w| w.account(&name)).await?;
    let mut setup = setup.clone();
    setup.mode = SyncMode::Manual;
    if wanted == Wanted::Replay {
        setup.keep = Keep::Headers;
    }
    let changes = Arc::new(Changes::default());
    let account = Account::new(key, setup, db.clone(), changes, false);
    account.board.note(|w| {
        w.is_sync_wanted = true;
        w.is_thorough = wanted == Wanted::Everything;
    });
    Ok(Arc::new(account))
}

async fn round(account: &Arc<Account>, wanted: Wanted) -> Result<(), Failure> {
    let mut lane: Lane = lane::connect(account).await?;
    match wanted {
        Wanted::Everything => lane.work_once().await?,
        Wanted::Replay => {
            lane.session
                .start(&crate::net::imap::Start::default())
                .await?;
            lane.replay().await?;
            // What the changes led to besides, and where messages went.
            if account.board.note(|w| std::mem::take(&mut w.is_list_due)) {
                lane.list_and_compare().await?;
            }
            lane.look_into_later().await?;
        }
    }
    lane.session.logout().await;
    Ok(())
}
