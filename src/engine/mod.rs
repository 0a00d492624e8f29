//! The worker between the front and the servers: commands in, events out, nothing on the screen waits.
//!
//! Started by `run` for the terminal front and by `cli` for single commands. The engine owns every
//! task it starts and ends them all on [`Command::Quit`].

mod account;
mod asked;
mod backoff;
mod board;
mod cards;
mod certificate;
mod changes;
pub mod clock;
mod contacts;
mod contents;
mod crypto;
mod digest;
mod dispatch;
mod draft_copy;
mod drafts;
mod drop_plan;
mod drop_probe;
mod drop_round;
mod drop_take;
mod export;
mod fetching;
mod filing;
mod first_words;
mod gather;
mod horizon;
mod import;
mod indexer;
mod inside;
mod invites;
mod landing;
mod lane;
mod local;
mod local_words;
mod lookup;
mod maildrop;
mod once;
mod opened;
mod ops;
mod originals;
mod outbox;
mod outcome;
pub mod owner;
mod pages;
mod paths;
mod people;
mod pictures;
mod posting;
mod program;
mod pull;
mod remote;
mod replay;
mod replay_tree;
mod rest;
mod review;
mod roles;
mod sender;
mod setup;
mod spelling;
pub mod staging;
mod store_thread;
mod taking;
mod teller;
mod templates;
mod texts;
mod transfers;
mod tree;
mod unseal;
mod upkeep;
mod verdict;
mod views;
mod waiting;
mod watch;
mod writers;
mod writing;

pub use asked::search_once;
pub use contacts::look_at_contacts;
pub use crypto::{CryptoError, Gpg};
pub use export::Texts;
pub use import::{Importer, Incoming, Put};
pub use indexer::index_once;
pub use landing::write_new;
pub use lookup::directory_of;
pub use once::{
    REST_LOST, SyncReport, Wanted, ask_for_rest, fetch_once, fetch_rest, list_once, run_once,
};
pub use outbox::settle_outbox;
pub use setup::{
    AccountSetup, Keep, LIST_EVERY, LoginSource, Maildrop, Outgoing, SaveSent, Sender, Setup,
    Writing,
};
pub use spelling::look_at_spelling;

use crate::bus::{COMMANDS_MAX, Command, EVENTS_MAX, Event};
use crate::store::{self, Store};
use account::Account;
use changes::Changes;
use std::sync::Arc;
use store_thread::Db;
use tokio::sync::mpsc;

/// A running engine, seen from the front.
#[derive(Debug)]
pub struct Engine {
    /// Where commands go. The front only ever tries to send.
    pub commands: mpsc::Sender<Command>,
    /// Where events come from.
    pub events: mpsc::Receiver<Event>,
    task: tokio::task::JoinHandle<()>,
}

impl Engine {
    /// Opens the store and starts the accounts. Returns before anything is connected.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn start(setup: Setup) -> store::Result<Self> {
        let store = Store::open(&setup.data_dir)?;
        let db = Db::start(&store)?;
        let changes = Arc::new(Changes::default());
        let keys = {
            let mut writer = store.writer()?;
            let names = setup.accounts.iter().map(|a| a.name.as_str());
            names
                .map(|name| writer.account(name))
                .collect::<store::Result<Vec<_>>>()?
        };
        let mut accounts = Vec::new();
        for (account, key) in setup.accounts.iter().zip(keys) {
            accounts.push(Arc::new(Account::new(
                key,
                account.clone(),
                db.clone(),
                Arc::clone(&changes),
                setup.is_offline,
            )));
        }
        Account::introduce(&accounts);
        let roles: Vec<_> = accounts
            .iter()
            .flat_map(|a| {
                a.setup
                    .roles
                    .iter()
                    .map(|(role, name)| (a.key, *role, name.clone()))
            })
            .collect();
        db.prepare(move |w| {
            for (account, role, name) in &roles {
                w.keep_role_in(*account, *role, name);
            }
        });
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (outbox, events) = mpsc::channel(EVENTS_MAX);
        let dispatch = dispatch::Dispatch::new(setup, db, accounts, changes, outbox);
        let task = tokio::spawn(dispatch.run(inbox));
        Ok(Self {
            commands,
            events,
            task,
        })
    }

    /// Waits until the engine has ended, at most three seconds; send [`Command::Quit`] first.
    pub async fn join(self) {
        drop(self.commands);
        drop(self.events);
        let _late = tokio::time::timeout(std::time::Duration::from_secs(3), self.task).await;
    }
}
