//! Keeps what is known of people up to date: looks through new mail, reads the files of contacts.
//!
//! Started by `dispatch`. A pull and the screen must never wait for it: it works in small pieces,
//! and not at all while an account fetches, unless somebody asks for an address.

use super::account::Account;
use super::people::{Directory, Known};
use super::store_thread::Db;
use crate::store::{People, Result};
use std::sync::Arc;
use std::time::Duration;

/// So many messages are looked through at a time.
const PIECE: u32 = 1000;
/// How long after the start nobody is helped by it.
const FIRST: Duration = Duration::from_secs(10);
/// How often new mail is looked through while nobody asks.
const EVERY: Duration = Duration::from_secs(60);
/// How long a round may go on that somebody waits for, before they get what there is.
const PIECES_AT_ONCE: u32 = 20;

/// Goes on until it is dropped.
pub(crate) async fn run(directory: Arc<Directory>, db: Db, accounts: Vec<Arc<Account>>) {
    let mut gatherer = Gatherer {
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
        self.directory.known.send_modify(|known: &mut Known| {
            if let Some(people) = people {
                known.people = Arc::new(people);
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
}
