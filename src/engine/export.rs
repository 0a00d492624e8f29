//! Brings the texts of many messages into the store, over one connection.
//!
//! Called by `cli` for `export`. It only reads on the server, so it needs no role: another process may
//! go on with its work.

use super::account::{Account, Failure};
use super::lane::{self, Lane};
use super::once::{Wanted, fetch_drop, prepare, sentence};
use super::pull::is_answer;
use super::setup::AccountSetup;
use super::store_thread::Db;
use crate::model::{MailboxKey, MessageKey, Placed, Uid, UidValidity};
use crate::net::imap::Start;
use crate::store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often a connection that broke is made anew for the same texts.
const ATTEMPTS: u32 = 2;

type Wished = BTreeMap<MailboxKey, (UidValidity, Vec<(MessageKey, Uid, u64)>)>;

/// Brings texts; connects when the first is asked for.
#[derive(Debug)]
pub struct Texts {
    db: Db,
    account: Arc<Account>,
    lane: Option<Lane>,
}

impl Texts {
    /// For an account of a store.
    ///
    /// # Errors
    /// What went wrong, as a sentence with what to do.
    pub async fn open(store: &Store, setup: &AccountSetup) -> Result<Self, String> {
        let db = Db::start(store).map_err(|e| e.to_string())?;
        let account = prepare(&db, setup, Wanted::Replay)
            .await
            .map_err(|e| e.to_string())?;
        Ok(Self {
            db,
            account,
            lane: None,
        })
    }

    /// Brings the texts of messages: as many as fit into memory. Some may be gone on the server, or be
    /// refused: why, is in what is returned.
    ///
    /// # Errors
    /// When the server cannot be reached, as a sentence with what to do.
    pub async fn bring(&mut self, wanted: &[Placed]) -> Result<Option<String>, String> {
        let mut attempt = 1;
        loop {
            let failure = match self.try_to_bring(wanted).await {
                Ok(refused) => return Ok(refused),
                Err(failure) => failure,
            };
            self.lane = None;
            let is_passing =
                matches!(&failure, Failure::Net(e) if e.class == crate::net::Class::Transient);
            if !is_passing || attempt >= ATTEMPTS {
                return Err(sentence(&failure));
            }
            attempt += 1;
        }
    }

    /// Of messages of a maildrop of which only the header is here, all is asked for at once; a look
    /// into the maildrop then brings it.
    async fn bring_rest(&self, wanted: &[Placed]) -> Result<Option<String>, Failure> {
        let wanted = wanted.to_vec();
        let asked = self
            .db
            .write(move |w| {
                let mut is_any = false;
                for placed in wanted {
                    if let Some(local) = w.header_only(placed.message)? {
                        is_any |= w.want_whole(local)?;
                    }
                }
                Ok(is_any)
            })
            .await?;
        if !asked {
            return Ok(Some(
                "the rest of a message is no longer on the server".to_owned(),
            ));
        }
        fetch_drop(&self.account).await?.session.logout().await;
        Ok(None)
    }

    async fn try_to_bring(&mut self, wanted: &[Placed]) -> Result<Option<String>, Failure> {
        if self.account.setup.is_local() {
            return self.bring_rest(wanted).await;
        }
        let mut lane = match self.lane.take() {
            Some(lane) => lane,
            None => {
                let mut lane = lane::connect(&self.account).await?;
                lane.session.start(&Start::default()).await?;
                lane
            }
        };
        let refused = lane.bring(wanted).await?;
        self.lane = Some(lane);
        Ok(refused)
    }

    /// Ends the connection, and what belongs to the store.
    pub async fn close(self) {
        if let Some(lane) = self.lane {
            lane.session.logout().await;
        }
        let db = self.db;
        let _closed = tokio::task::spawn_blocking(move || db.close()).await;
    }
}

impl Lane {
    /// Brings those texts that are not here into the store; the last reason why one did not come.
    pub(super) async fn bring(&mut self, wanted: &[Placed]) -> Result<Option<String>, Failure> {
        let (wanted, mut refused) = self.wished(wanted.to_vec()).await?;
        for (mailbox, (era, texts)) in wanted {
            if self.ensure_open(mailbox).await? != Some(era) {
                refused = Some(
                    "the folder is not what it was on the server; run `pillarbox sync`".to_owned(),
                );
                continue;
            }
            match self.fetch_raws(mailbox, &texts).await {
                Ok(()) => continue,
                Err(Failure::Net(error)) if is_answer(&error) => {}
                Err(failure) => return Err(failure),
            }
            // One of them was refused: each by itself, so that the others come.
            for text in texts {
                match self.fetch_raws(mailbox, &[text]).await {
                    Ok(()) => {}
                    Err(Failure::Net(error)) if is_answer(&error) => refused = Some(error.summary),
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(refused)
    }

    /// Where the server has them.
    async fn wished(&self, wanted: Vec<Placed>) -> Result<(Wished, Option<String>), Failure> {
        let found = self.account.db.read_long(move |r| {
            let mut by_mailbox = Wished::new();
            let mut refused = None;
            for placed in wanted {
                if r.raw(placed.message)?.is_some() {
                    continue;
                }
                let Some((mailbox, era, uid)) = r.uid(placed)? else {
                    refused = Some("the server does not have it yet".to_owned());
                    continue;
                };
                let size = r.message_size(placed.message)?;
                let (_, texts) = by_mailbox.entry(mailbox).or_insert((era, Vec::new()));
                texts.push((placed.message, uid, size));
            }
            Ok((by_mailbox, refused))
        });
        Ok(found.await?)
    }
}
