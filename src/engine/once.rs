//! One round of work without a screen: for `pillarbox sync` and for commands that change or fetch.
//!
//! Called by `cli`. Uses the same lanes as the running engine, so there is one way to synchronise.

use super::account::{Account, Failure, Tally};
use super::board::{Fetch, Want};
use super::changes::Changes;
use super::clock;
use super::drop_round;
use super::lane::{self, Lane};
use super::outcome;
use super::sender::{self, Round};
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
    /// The process that was asked to do it, where another one has the network role.
    pub by_other: Option<String>,
}

/// What a round is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: tree, pulls, replay, texts as configured.
    Everything,
    /// Only what the journal holds.
    Replay,
    /// Only what the outbox holds, with its copies.
    Outbox,
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
    let is_open = sender::recover(&account).await;
    account.board.note(|w| w.is_filing_due |= is_open);
    if wanted == Wanted::Everything {
        sender::hurry(&account).await;
    }
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
            let row = r.accounts()?.into_iter().find(|a| a.key == key);
            let waiting = r.outbox_counts(Some(key))?.waiting;
            Ok(row.map_or(0, |a| a.pending) + waiting)
        })
        .await?;
    let closing = db.clone();
    let _closed = tokio::task::spawn_blocking(move || closing.close()).await;
    let error = outcome.error();
    let seconds = begun.elapsed().as_secs_f64();
    let account = setup.name.clone();
    Ok(SyncReport {
        account,
        is_ok: error.is_empty(),
        added,
        changed,
        removed,
        sent,
        pending,
        error,
        seconds,
        by_other: None,
    })
}

/// Reads which folders an account has, and nothing of what is in them.
///
/// # Errors
/// What went wrong, as a sentence with what to do.
pub async fn list_once(store: &Store, setup: &AccountSetup) -> Result<(), String> {
    let db = Db::start(store).map_err(|e| e.to_string())?;
    let listed = async {
        let account = prepare(&db, setup, Wanted::Replay).await?;
        account.board.note(|w| w.is_list_due = true);
        replay_only(&account).await
    }
    .await;
    let _closed = tokio::task::spawn_blocking(move || db.close()).await;
    listed.map_err(|failure: Failure| sentence(&failure))
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

/// Why the rest of a message cannot be had.
pub const REST_LOST: &str = "the rest of it is no longer on the server";

/// Asks for all of a message of which only the header was fetched from a maildrop, and leaves it to
/// another process to look there. `false`: it is not there any more.
///
/// # Errors
/// What went wrong, as a sentence.
pub async fn ask_for_rest(store: &Store, placed: Placed) -> Result<bool, String> {
    let db = Db::start(store).map_err(|e| e.to_string())?;
    let noted = note_wish(&db, placed).await;
    let _closed = tokio::task::spawn_blocking(move || db.close()).await;
    noted.map_err(|e| e.to_string())
}

/// Fetches all of a message of which only the header was fetched from a maildrop: asks for it, and
/// looks into the maildrop once. Only who has the network role may do that.
///
/// # Errors
/// What went wrong, as a sentence with what to do.
pub async fn fetch_rest(store: &Store, setup: &AccountSetup, placed: Placed) -> Result<(), String> {
    let db = Db::start(store).map_err(|e| e.to_string())?;
    let fetched = async {
        let asked = note_wish(&db, placed).await?;
        if !asked {
            return Ok(false);
        }
        let account = prepare(&db, setup, Wanted::Replay).await?;
        end_round(fetch_drop(&account).await?).await?;
        Ok::<bool, Failure>(true)
    }
    .await;
    let closing = db.clone();
    let _closed = tokio::task::spawn_blocking(move || closing.close()).await;
    match fetched {
        Ok(true) => Ok(()),
        Ok(false) => Err(REST_LOST.to_owned()),
        Err(failure) => Err(sentence(&failure)),
    }
}

/// Notes that all of a message is wanted, for whoever looks into the maildrop next. `false`: it is not
/// there any more.
async fn note_wish(db: &Db, placed: Placed) -> store::Result<bool> {
    let message = placed.message;
    let Some(local) = db.read(move |r| r.header_only(message)).await? else {
        return Ok(true);
    };
    db.write(move |w| w.want_whole(local)).await
}

pub(super) fn sentence(failure: &Failure) -> String {
    super::outcome::with_hint(&failure.summary(), failure.hint())
}

pub(super) async fn prepare(
    db: &Db,
    setup: &AccountSetup,
    wanted: Wanted,
) -> store::Result<Arc<Account>> {
    let name = setup.name.clone();
    let key: AccountKey = db.write(move |w| w.account(&name)).await?;
    let mut setup = setup.clone();
    setup.mode = SyncMode::Manual;
    if wanted != Wanted::Everything {
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

/// What went wrong on the way in and on the way out.
struct Outcome {
    fetched: Result<(), Failure>,
    sent: Result<Round, Failure>,
}

impl Outcome {
    /// One sentence; empty if nothing.
    fn error(&self) -> String {
        let not_sent = match &self.sent {
            Ok(Round { failure: None }) => String::new(),
            Ok(Round {
                failure: Some(error),
            }) => format!("mail was not sent: {}", outcome::sentence(error)),
            Err(failure) => format!("mail was not sent: {}", sentence(failure)),
        };
        let not_fetched = self.fetched.as_ref().err().map(sentence);
        let both = not_fetched.into_iter().chain([not_sent]);
        let both: Vec<String> = both.filter(|text| !text.is_empty()).collect();
        both.join("; ")
    }
}

async fn round(account: &Arc<Account>, wanted: Wanted) -> Outcome {
    match wanted {
        Wanted::Everything => {
            // A server that is silent must not keep the other waiting.
            let (sent, fetched) = tokio::join!(sender::send_due(account), fetch_all(account));
            let fetched = match fetched {
                Ok(lane) => end_round(lane).await,
                Err(failure) => Err(failure),
            };
            Outcome { fetched, sent }
        }
        Wanted::Replay => Outcome {
            fetched: replay_only(account).await,
            sent: Ok(Round::default()),
        },
        Wanted::Outbox => {
            let sent = sender::send_due(account).await;
            let fetched = file_only(account).await;
            Outcome { fetched, sent }
        }
    }
}

async fn fetch_all(account: &Arc<Account>) -> Result<Lane, Failure> {
    if account.setup.is_local() {
        return fetch_drop(account).await;
    }
    let mut lane = lane::connect(account).await?;
    lane.work_once().await?;
    Ok(lane)
}

/// A look into the maildrop. What is kept here is brought into step whether that goes well or not.
pub(super) async fn fetch_drop(account: &Arc<Account>) -> Result<Lane, Failure> {
    let mut lane = lane::connect(account).await?;
    lane.work_once().await?;
    let fetched = drop_round::round(account).await;
    lane.clear_board().await?;
    match fetched?.refused {
        Some(error) => Err(error.into()),
        None => Ok(lane),
    }
}

/// What was sent meanwhile is filed, and shows.
async fn end_round(mut lane: Lane) -> Result<(), Failure> {
    lane.clear_board().await?;
    lane.session.logout().await;
    Ok(())
}

async fn replay_only(account: &Arc<Account>) -> Result<(), Failure> {
    let mut lane = lane::connect(account).await?;
    lane.session
        .start(&crate::net::imap::Start::default())
        .await?;
    lane.replay().await?;
    // What the changes led to besides, and where messages went.
    if account.board.note(|w| std::mem::take(&mut w.is_list_due)) {
        lane.list_and_compare().await?;
    }
    lane.look_into_later().await?;
    lane.session.logout().await;
    Ok(())
}

/// Connects only where there is a copy to file, or something to look for.
async fn file_only(account: &Arc<Account>) -> Result<(), Failure> {
    if !account.board.note(|w| std::mem::take(&mut w.is_filing_due)) {
        return Ok(());
    }
    let mut lane = lane::connect(account).await?;
    lane.session
        .start(&crate::net::imap::Start::default())
        .await?;
    lane.file_copies().await?;
    lane.replay().await?;
    if account.board.note(|w| std::mem::take(&mut w.is_list_due)) {
        lane.list_and_compare().await?;
    }
    if account.board.note(|w| std::mem::take(&mut w.is_filing_due)) {
        lane.file_copies().await?;
    }
    lane.look_into_later().await?;
    lane.session.logout().await;
    Ok(())
}
