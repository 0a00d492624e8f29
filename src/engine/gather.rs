//! Keeps what is known of people up to date: looks through new mail, reads the files of contacts.
//!
//! Started by `dispatch`. A pull and the screen must never wait for it: it works in small pieces,
//! and not at all while an account fetches, unless somebody asks for an address.

use super::account::Account;
use super::contacts::Contacts;
use super::people::{Directory, Known};
use super::store_thread::Db;
use crate::store::{People, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// So many messages are looked through at a time.
const PIECE: u32 = 1000;
/// How long after the start nobody is helped by it.
const FIRST: Duration = Duration::from_secs(10);
/// How often new mail is looked through while nobody asks.
const EVERY: Duration = Duration::from_secs(60);
/// How often files of contacts are looked at, at most.
const CARDS_EVERY: Duration = Duration::from_secs(2);
/// How long a round may go on that somebody waits for, before they get what there is.
const PIECES_AT_ONCE: u32 = 20;

/// Goes on until it is dropped.
pub(crate) async fn run(directory: Arc<Directory>, db: Db, accounts: Vec<Arc<Account>>) {
    let contacts = Contacts::new(directory.setup.vcards.clone());
    let mut gatherer = Gatherer {
        contacts: Some(contacts),
        looked_at: None,
        directory,
        db,
        accounts,
        is_read: false,
    };
    let mut pause = FIRST;
    loop {
        let is_asked = tokio::select! {
            () = gatherer.directory.wanted.notified() => true,
            () = tokio::time::sleep(pause) => false,
        };
        pause = EVERY;
        while gatherer.round(is_asked).await {}
    }
}

struct Gatherer {
    directory: Arc<Directory>,
    db: Db,
    accounts: Vec<Arc<Account>>,
    /// The files of contacts; away while they are read.
    contacts: Option<Contacts>,
    /// When they were looked at last.
    looked_at: Option<Instant>,
    /// Whether what the store knows was read.
    is_read: bool,
}

impl Gatherer {
    /// One round; whether another one should follow at once.
    async fn round(&mut self, is_asked: bool) -> bool {
        let mut is_more = false;
        let mut is_changed = !self.is_read;
        for _ in 0..PIECES_AT_ONCE {
            if !is_asked && self.is_busy() {
                is_more = false;
                break;
            }
            match self.piece().await {
                Ok(Some(more)) => {
                    is_changed = true;
                    is_more = more;
                    if !more {
                        break;
                    }
                }
                Ok(None) => {
                    is_more = false;
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "addresses could not be gathered");
                    is_more = false;
                    break;
                }
            }
        }
        let people = if is_changed {
            self.people().await
        } else {
            None
        };
        self.is_read |= people.is_some();
        let cards = self.cards().await;
        self.directory.known.send_modify(|known: &mut Known| {
            if let Some(people) = people {
                known.people = Arc::new(people);
            }
            if let Some(cards) = cards {
                known.cards = Arc::new(cards);
            }
            known.round += 1;
        });
        is_more
    }

    fn is_busy(&self) -> bool {
        self.accounts
            .iter()
            .any(|account| account.board.look(|w| w.is_work_busy))
    }

    /// Looks through some messages: whether there are more; `None`: there were none.
    async fn piece(&self) -> Result<Option<bool>> {
        let own = self.directory.own.clone();
        let found = self
            .db
            .read_long(move |r| r.find_people(&own, PIECE))
            .await?;
        if found.is_empty() {
            return Ok(None);
        }
        let is_more = found.is_more;
        let is_written = self.db.write_bulk(move |w| w.put_people(&found)).await?;
        // Where another process was quicker, the next piece begins where it ended.
        Ok(Some(is_more || !is_written))
    }

    async fn people(&self) -> Option<People> {
        let own = self.directory.own.clone();
        match self.db.read_long(move |r| r.people(&own)).await {
            Ok(people) => Some(people),
            Err(error) => {
                tracing::warn!(%error, "known addresses could not be read");
                None
            }
        }
    }

    /// The contacts, where their files changed.
    async fn cards(&mut self) -> Option<People> {
        let is_fresh = self.looked_at.is_some_and(|at| at.elapsed() < CARDS_EVERY);
        if is_fresh || self.directory.setup.vcards.is_empty() {
            return None;
        }
        let mut contacts = self.contacts.take().unwrap_or_else(|| {
            // A file that could not be borne before may have been mended.
            Contacts::new(self.directory.setup.vcards.clone())
        });
        let read = tokio::task::spawn_blocking(move || {
            let people = contacts.refresh();
            (contacts, people)
        });
        self.looked_at = Some(Instant::now());
        match read.await {
            Ok((contacts, people)) => {
                self.contacts = Some(contacts);
                people
            }
            Err(_) => {
                tracing::warn!("the files of contacts could not be read");
                None
            }
        }
    }
}
