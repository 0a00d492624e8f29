//! Once a day, while nobody is at the keys: looks for damage in the store and tidies it up.
//!
//! Started by `dispatch` in the process that has the network role. The screen must never wait for
//! it, nor the program's end: the long look has a connection and a thread of its own.

use super::account::Account;
use super::changes::Changes;
use super::clock;
use super::store_thread::Db;
use crate::bus::{Event, Problem};
use crate::model::Safe;
use crate::store::{Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long after the start, at the earliest.
const AFTER: Duration = Duration::from_secs(10);
/// How long nobody must have wanted anything.
const IDLE: Duration = Duration::from_secs(5);

/// Waits for an idle moment, looks, tells what was found, tidies up.
pub(crate) async fn run(db: Db, accounts: Vec<Arc<Account>>, changes: Arc<Changes>) {
    tokio::time::sleep(AFTER).await;
    let now = clock::now_secs();
    if !db.read(move |r| r.is_check_due(now)).await.unwrap_or(false) {
        return;
    }
    while !is_idle(&accounts) {
        tokio::time::sleep(IDLE).await;
    }
    match look(&db).await {
        Ok(()) => {}
        Err(error @ Error::Corrupt { .. }) => {
            tracing::error!(%error, "damage found");
            changes.event(Event::Problem(Problem {
                account: None,
                summary: Safe::line(&error.to_string()),
                hint: Safe::default(),
            }));
            let _told = db.write_bulk(move |w| w.note_check(now)).await;
            return;
        }
        Err(error) => {
            tracing::warn!(%error, "the store could not be checked");
            return;
        }
    }
    let tidied = db
        .write_bulk(move |w| {
            w.note_check(now)?;
            w.prune_drafts(now)?;
            w.tidy(now)
        })
        .await;
    if let Err(error) = tidied {
        tracing::warn!(%error, "the store could not be tidied");
    }
}

fn is_idle(accounts: &[Arc<Account>]) -> bool {
    accounts.iter().all(|account| {
        account
            .board
            .look(|w| w.active_at.elapsed() >= IDLE && !w.is_work_busy)
    })
}

/// The slow look for damage. Its thread is not waited for when the program ends.
async fn look(db: &Db) -> Result<()> {
    let reader = db.another_reader()?;
    let (answer, wait) = oneshot::channel();
    let spawned = std::thread::Builder::new()
        .name("store-check".to_owned())
        .spawn(move || {
            let _unread = answer.send(reader.check());
        });
    drop(spawned);
    // Without a thread there is no answer, and the next start tries again.
    wait.await.unwrap_or_else(|_| Err(Error::Busy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// What is told within a minute.
    async fn told(dir: &std::path::Path) -> Option<Event> {
        let db = Db::start(&Store::open(dir).unwrap()).unwrap();
        let changes = Arc::new(Changes::default());
        run(db.clone(), Vec::new(), Arc::clone(&changes)).await;
        let told = tokio::time::timeout(Duration::from_secs(60), changes.take()).await;
        db.close();
        told.ok()
            .and_then(|gathered| gathered.news.into_iter().next())
    }

    /// Overwrites the middle of the mirror, which was tidied up, with rubbish.
    fn spoil(dir: &std::path::Path) {
        use std::io::{Seek, SeekFrom, Write};
        let path = dir.join("mirror.db");
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
        file.seek(SeekFrom::Start(middle)).unwrap();
        file.write_all(&[0xa5; 4096]).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn damage_is_told_and_a_sound_store_is_not_looked_at_twice_a_day() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(told(dir.path()).await, None);
        spoil(dir.path());
        assert_eq!(told(dir.path()).await, None, "looked at today");
        let store = Store::open(dir.path()).unwrap();
        store.writer().unwrap().note_check(0).unwrap();
        let Some(Event::Problem(problem)) = told(dir.path()).await else {
            panic!("nothing was told");
        };
        assert!(problem.summary.as_str().contains("mirror.db is damaged"));
    }
}
