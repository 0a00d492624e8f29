//! What commands ask of the network: one round for some accounts, or one message.
//!
//! Used by the commands that change or fetch. The one implementation drives the engine; the trait
//! keeps its runtime out of the commands. A call blocks until it is done.

use super::place::Place;
use crate::model::Placed;

/// What one round did for one account.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncReport {
    /// The account's name.
    pub account: String,
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

/// The servers of the configured accounts.
pub trait Network {
    /// Sends and receives once for each of these accounts, at the same time; reports in this order.
    fn sync(&self, accounts: &[&str]) -> Vec<SyncReport>;
    /// Sends what the journal holds of these accounts, and nothing else; reports in this order.
    fn replay(&self, accounts: &[&str]) -> Vec<SyncReport>;
    /// Fetches the whole text of a message of that account into the store.
    ///
    /// # Errors
    /// One sentence that says what, where, and what to do.
    fn fetch(&self, account: &str, placed: Placed) -> Result<(), String>;
}

/// The network of this place.
pub(super) fn network(_place: &Place) -> Box<dyn Network> {
    Box::new(NoNetwork)
}

/// Reaches nobody: every change is kept.
struct NoNetwork;

impl Network for NoNetwork {
    fn sync(&self, accounts: &[&str]) -> Vec<SyncReport> {
        let report = |account: &&str| SyncReport {
            account: (*account).to_owned(),
            added: 0,
            changed: 0,
            removed: 0,
            sent: 0,
            pending: 0,
            error: "this build cannot reach servers".to_owned(),
            seconds: 0.0,
        };
        accounts.iter().map(report).collect()
    }

    fn replay(&self, accounts: &[&str]) -> Vec<SyncReport> {
        self.sync(accounts)
    }

    fn fetch(&self, _account: &str, _placed: Placed) -> Result<(), String> {
        Err("this build cannot reach servers".to_owned())
    }
}
