//! What commands ask of the network: one round for some accounts, or one message.
//!
//! Used by the commands that change or fetch. The one implementation drives the engine; the trait
//! keeps its runtime out of the commands. A call blocks until it is done.

use super::accounts;
use super::exit::Failure;
use super::place::Place;
pub use crate::engine::SyncReport;
use crate::engine::clock;
use crate::engine::owner::{self, Owner, Taken};
use crate::engine::{REST_LOST, Setup, Wanted, ask_for_rest, fetch_once, fetch_rest, run_once};
use crate::model::Placed;
use crate::store::Store;
use std::time::Duration;

/// How long another process is given to send what it was told of.
const OTHER_PATIENCE: Duration = Duration::from_secs(3);
/// How long it is given where it is sending: a server may take ten minutes for its last word.
const SENDING_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long it is given to fetch a message.
const FETCH_PATIENCE: Duration = Duration::from_secs(30);
/// How long it is given where it was asked for a whole round.
const SYNC_PATIENCE: Duration = Duration::from_secs(15);
/// How long a round of another command is waited for.
const ROUND_PATIENCE: Duration = Duration::from_secs(60);
const OTHER_STEP: Duration = Duration::from_millis(30);

/// The servers of the configured accounts.
pub trait Network {
    /// Sends and receives once for each of these accounts, at the same time; reports in this order.
    fn sync(&self, accounts: &[&str]) -> Vec<SyncReport>;
    /// Sends what the journal holds of these accounts, and nothing else; reports in this order.
    fn replay(&self, accounts: &[&str]) -> Vec<SyncReport>;
    /// Sends what the outbox holds of these accounts, and files the copies; reports in this order.
    fn send(&self, accounts: &[&str]) -> Vec<SyncReport>;
    /// Fetches the whole text of a message of that account into the store.
    ///
    /// # Errors
    /// One sentence that says what, where, and what to do.
    fn fetch(&self, account: &str, placed: Placed) -> Result<(), String>;
}

/// The runtime that drives connections: the store has threads of its own.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("the network runtime cannot be started: {error}")))
}

/// The network of this place.
pub(super) fn network(place: &Place) -> Box<dyn Network> {
    let setup = accounts::setup(&place.loaded.config, &place.data_dir, None);
    Box::new(Engines { setup })
}

/// Drives the engine's rounds.
struct Engines {
    setup: Setup,
}

impl Engines {
    fn rounds(&self, names: &[&str], wanted: Wanted) -> Vec<SyncReport> {
        let failed = |name: &str, error: String| SyncReport {
            account: name.to_owned(),
            is_ok: false,
            added: 0,
            changed: 0,
            removed: 0,
            sent: 0,
            pending: 0,
            error,
            seconds: 0.0,
            by_other: None,
        };
        let asked = match wanted {
            Wanted::Everything => self.ask_other(),
            Wanted::Replay | Wanted::Outbox => None,
        };
        if let Some(pid) = asked {
            let report = |name: &&str| SyncReport {
                is_ok: true,
                pending: self.waiting(name),
                by_other: Some(pid.clone()),
                ..failed(name, String::new())
            };
            return names.iter().map(report).collect();
        }
        let outcome = self.run_as_owner(|store| {
            let setups: Vec<_> = names
                .iter()
                .map(|name| {
                    self.setup
                        .accounts
                        .iter()
                        .find(|a| a.name == *name)
                        .cloned()
                })
                .collect();
            async move {
                let mut rounds = tokio::task::JoinSet::new();
                for (at, setup) in setups.into_iter().enumerate() {
                    let store = store.clone();
                    rounds.spawn(async move {
                        let report = match setup {
                            Some(setup) => run_once(&store, &setup, wanted)
                                .await
                                .map_err(|e| e.to_string()),
                            None => Err("the account has no server to fetch from".to_owned()),
                        };
                        (at, report)
                    });
                }
                rounds.join_all().await
            }
        });
        match outcome {
            Ok(mut reports) => {
                reports.sort_by_key(|(at, _)| *at);
                let with_name = reports.into_iter().zip(names);
                with_name
                    .map(|((_, report), name)| report.unwrap_or_else(|e| failed(name, e)))
                    .collect()
            }
            Err(error) => names
                .iter()
                .map(|name| failed(name, error.clone()))
                .collect(),
        }
    }

    /// Runs async work as the network owner of the data folder.
    fn run_as_owner<T, F: Future<Output = T>>(
        &self,
        work: impl FnOnce(Store) -> F,
    ) -> Result<T, String> {
        let _owner = Owner::acquire(&self.setup.data_dir).map_err(|taken| {
            // The other process sends what was written to the journal, as soon as it is told.
            owner::ring(&self.setup.data_dir);
            self.wait_for_other(OTHER_PATIENCE);
            format!("{taken}; it was told, and sends what waits")
        })?;
        self.run(work)
    }

    /// Where a screen has the network role it is asked to send and receive, and given a moment for it;
    /// its process id then. A command that has the role is waited for.
    fn ask_other(&self) -> Option<String> {
        let dir = &self.setup.data_dir;
        let begun = clock::monotonic();
        while let Err(Taken::By { pid }) = Owner::acquire(dir) {
            if owner::ask_to_sync(dir) {
                self.wait_for_other(SYNC_PATIENCE);
                return Some(pid);
            }
            if begun.elapsed() >= ROUND_PATIENCE {
                break;
            }
            std::thread::sleep(OTHER_STEP);
        }
        None
    }

    /// What of an account has not been sent yet.
    fn waiting(&self, name: &str) -> u32 {
        let count = || -> crate::store::Result<u32> {
            let reader = Store::open(&self.setup.data_dir)?.reader()?;
            let Some(row) = reader.accounts()?.into_iter().find(|a| a.name == name) else {
                return Ok(0);
            };
            Ok(row.pending + reader.outbox_counts(Some(row.key))?.waiting)
        };
        count().unwrap_or_default()
    }

    /// Waits until another process has sent all there is, but not for long: only a message that is
    /// under way is waited for as long as that may take.
    fn wait_for_other(&self, patience: Duration) {
        let Ok(store) = Store::open(&self.setup.data_dir) else {
            return;
        };
        let look = || -> crate::store::Result<(bool, bool)> {
            let reader = store.reader()?;
            let (is_sending, is_due) = reader.outbox_bustle(clock::now_secs())?;
            let is_pending = reader.accounts()?.iter().any(|row| row.pending > 0);
            Ok((is_sending, is_due || is_pending))
        };
        let begun = clock::monotonic();
        while let Ok((is_sending, is_waiting)) = look() {
            let waited = begun.elapsed();
            let is_over = waited >= patience && (!is_sending || waited >= SENDING_PATIENCE);
            if is_over || !(is_sending || is_waiting) {
                return;
            }
            std::thread::sleep(OTHER_STEP);
        }
    }

    /// Has the process that looks into the maildrop fetch the rest of a message, and waits for it.
    fn have_fetched(&self, placed: Placed, taken: &Taken) -> Result<(), String> {
        let is_there = self.run(|store| async move { ask_for_rest(&store, placed).await })??;
        if !is_there {
            return Err(REST_LOST.to_owned());
        }
        owner::ring(&self.setup.data_dir);
        let store = Store::open(&self.setup.data_dir).map_err(|e| e.to_string())?;
        let reader = store.reader().map_err(|e| e.to_string())?;
        let begun = clock::monotonic();
        while begun.elapsed() < FETCH_PATIENCE {
            if matches!(reader.raw(placed.message), Ok(Some(_))) {
                return Ok(());
            }
            std::thread::sleep(OTHER_STEP);
        }
        Err(format!(
            "{taken}; it was asked to fetch the message, try again in a moment"
        ))
    }

    /// Runs async work on the store.
    fn run<T, F: Future<Output = T>>(&self, work: impl FnOnce(Store) -> F) -> Result<T, String> {
        let store = Store::open(&self.setup.data_dir).map_err(|e| e.to_string())?;
        let runtime = runtime().map_err(|e| e.sentence().to_owned())?;
        Ok(runtime.block_on(work(store)))
    }
}

impl Network for Engines {
    fn sync(&self, accounts: &[&str]) -> Vec<SyncReport> {
        self.rounds(accounts, Wanted::Everything)
    }

    fn replay(&self, accounts: &[&str]) -> Vec<SyncReport> {
        self.rounds(accounts, Wanted::Replay)
    }

    fn send(&self, accounts: &[&str]) -> Vec<SyncReport> {
        self.rounds(accounts, Wanted::Outbox)
    }

    fn fetch(&self, account: &str, placed: Placed) -> Result<(), String> {
        let setup = self
            .setup
            .accounts
            .iter()
            .find(|a| a.name == account)
            .cloned();
        let setup = setup.ok_or_else(|| "the account has no server to fetch from".to_owned())?;
        if setup.is_local() {
            return match Owner::acquire(&self.setup.data_dir) {
                Ok(_owner) => {
                    self.run(|store| async move { fetch_rest(&store, &setup, placed).await })?
                }
                Err(taken) => self.have_fetched(placed, &taken),
            };
        }
        // It only reads on the server, so it needs no role: another process may go on with its work.
        self.run(|store| async move { fetch_once(&store, &setup, placed).await })?
    }
}
