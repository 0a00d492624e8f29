//! Tells the front what changed, merged: one notice for many changes.
//!
//! Started by `dispatch`. The tree must be told before the changes that are seen in it.

use super::account::Account;
use super::changes::{Changes, Gathered};
use super::dispatch::Tree;
use super::store_thread::Db;
use super::views;
use crate::bus::{AccountView, Event, WritingEvent};
use crate::model::{AccountKey, MailboxKey, Safe};
use crate::store::Result;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The shortest time between two batches of notices to the front.
const TELL_EVERY: Duration = Duration::from_millis(25);

/// What the telling task works with.
pub(super) struct Teller {
    pub(super) db: Db,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) changes: Arc<Changes>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) views: mpsc::Sender<views::Message>,
    pub(super) tree: Tree,
}

/// Tells the front what changed, merged, with the tree where it differs from the last one told.
pub(super) async fn tell(teller: Teller) {
    loop {
        let Gathered {
            mailboxes,
            is_tree,
            is_outbox,
            news,
        } = teller.changes.take().await;
        if is_tree || !mailboxes.is_empty() {
            teller.tell_tree(is_tree).await;
        }
        if !mailboxes.is_empty() {
            let keys: Arc<BTreeSet<MailboxKey>> = Arc::new(mailboxes);
            let _gone = teller
                .views
                .send(views::Message::Changed(Arc::clone(&keys)))
                .await;
            let _gone = teller
                .events
                .send(Event::Changed(keys.iter().copied().collect()))
                .await;
        }
        if is_outbox {
            teller.tell_outbox().await;
        }
        for event in news {
            if teller.events.send(event).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(TELL_EVERY).await;
    }
}

impl Teller {
    async fn tell_outbox(&self) {
        let read = self
            .db
            .read(|r| Ok((r.outbox_counts(None)?, r.recovered_drafts()?)))
            .await;
        let Ok((counts, recovered)) = read else {
            return;
        };
        let event = WritingEvent::OutboxChanged {
            waiting: counts.waiting,
            stuck: counts.stuck,
            recovered,
        };
        let _gone = self.events.send(Event::Writing(event)).await;
    }

    async fn tell_tree(&self, is_asked: bool) {
        let keys: Vec<AccountKey> = self.accounts.iter().map(|a| a.key).collect();
        let read = self
            .db
            .read(move |r| {
                let rows = r.accounts()?;
                keys.into_iter()
                    .map(|key| {
                        let pending = rows
                            .iter()
                            .find(|row| row.key == key)
                            .map_or(0, |row| row.pending);
                        Ok((pending, r.mailboxes(key)?))
                    })
                    .collect::<Result<Vec<_>>>()
            })
            .await;
        let Ok(read) = read else { return };
        let tree: Vec<AccountView> = self
            .accounts
            .iter()
            .zip(read)
            .map(|(account, (pending, mailboxes))| AccountView {
                key: account.key,
                name: Safe::line(&account.setup.name),
                address: Safe::line(&account.setup.address),
                mode: account.board.look(|w| w.mode),
                link: account.link(),
                pending,
                quota: account.quota(),
                is_maildrop: account.setup.is_local(),
                mailboxes,
            })
            .collect();
        let is_new = {
            let mut held = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = *held != tree;
            held.clone_from(&tree);
            is_new
        };
        if is_new || is_asked {
            let _gone = self.events.send(Event::Tree(tree)).await;
        }
    }
}
