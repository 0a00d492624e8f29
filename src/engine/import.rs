//! Puts messages from elsewhere into a mailbox, over one connection, and none that is there already.
//!
//! Called by `cli` for `import`. The one place where an import speaks to a server. A message counts as
//! taken only when the server said so.

use super::account::{Account, Failure};
use super::lane::{self, Lane};
use super::once::{Wanted, prepare, sentence};
use super::setup::AccountSetup;
use super::store_thread::Db;
use crate::mime;
use crate::model::{FlagSet, MailboxKey, MessageKey, Moment, Placed};
use crate::net::imap::{Append, Appended, Start};
use crate::store::Store;
use std::collections::HashMap;
use std::sync::Arc;

/// A message that is to be put into a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its exact bytes.
    pub raw: Vec<u8>,
    /// Its flags and keywords.
    pub flags: FlagSet,
    /// When it arrived; where that is not told, its Date counts.
    pub arrived: Option<Moment>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is in the mailbox now.
    Taken,
    /// It was in the mailbox before.
    There,
    /// The server refused it; why.
    Refused(String),
    /// The server takes no more: it has no room, or the mailbox is gone; why.
    Full(String),
    /// The connection broke before that was known.
    Unknown,
}

/// Puts messages into one mailbox.
#[derive(Debug)]
pub struct Importer {
    db: Db,
    lane: Lane,
    mailbox: MailboxKey,
    /// The name that the server knows it by.
    name: String,
    known: Known,
}

/// What the mailbox holds that was not found in what is imported yet.
#[derive(Debug, Default)]
struct Known {
    /// How many with that Message-ID and that size.
    by_id: HashMap<(String, u64), u32>,
    /// Those without a Message-ID, by size: their bytes tell.
    nameless: HashMap<u64, Vec<MessageKey>>,
}

impl Importer {
    /// Connects, and looks at what the mailbox holds, unless `takes_all`. Who has the network role
    /// (`is_owner`) sends what the journal holds first: the mailbox may have been made just now.
    ///
    /// # Errors
    /// What went wrong, as a sentence with what to do.
    pub async fn open(
        store: &Store,
        setup: &AccountSetup,
        mailbox: MailboxKey,
        takes_all: bool,
        is_owner: bool,
    ) -> Result<Self, String> {
        let db = Db::start(store).map_err(|e| e.to_string())?;
        let account = prepare(&db, setup, Wanted::Replay)
            .await
            .map_err(|e| e.to_string())?;
        match Self::begin(&account, mailbox, takes_all, is_owner).await {
            Ok(Some((lane, name, known))) => Ok(Self {
                db,
                lane,
                mailbox,
                name,
                known,
            }),
            outcome => {
                let _closed = tokio::task::spawn_blocking(move || db.close()).await;
                Err(outcome.err().map_or_else(
                    || {
                        "the server does not have this folder yet; run `pillarbox sync` first"
                            .to_owned()
                    },
                    |failure| sentence(&failure),
                ))
            }
        }
    }

    async fn begin(
        account: &Arc<Account>,
        mailbox: MailboxKey,
        takes_all: bool,
        is_owner: bool,
    ) -> Result<Option<(Lane, String, Known)>, Failure> {
        let mut lane = lane::connect(account).await?;
        lane.session.start(&Start::default()).await?;
        if is_owner {
            lane.replay().await?;
        }
        if account.board.note(|w| std::mem::take(&mut w.is_list_due)) {
            lane.list_and_compare().await?;
        }
        let Some(name) = lane.server_name(mailbox).await? else {
            return Ok(None);
        };
        let mut known = Known::default();
        if !takes_all {
            lane.look_through(mailbox).await?;
            let all = account.db.read_long(move |r| r.identities(mailbox)).await?;
            for one in all {
                if one.message_id.is_empty() {
                    let same = known.nameless.entry(one.size_bytes).or_default();
                    same.push(one.message);
                } else {
                    let same = known.by_id.entry((one.message_id, one.size_bytes));
                    *same.or_default() += 1;
                }
            }
        }
        Ok(Some((lane, name, known)))
    }

    /// Puts some messages into the mailbox, as many as fit into memory. What became of each, in their
    /// order; and why it ended, where the connection broke: then all is over.
    pub async fn put(&mut self, messages: &[Incoming]) -> (Vec<Put>, Option<String>) {
        let mut outcomes = vec![Put::Unknown; messages.len()];
        let failure = self.try_to_put(messages, &mut outcomes).await.err();
        (outcomes, failure.map(|failure| sentence(&failure)))
    }

    async fn try_to_put(
        &mut self,
        messages: &[Incoming],
        outcomes: &mut [Put],
    ) -> Result<(), Failure> {
        let mut places = Vec::new();
        let mut appends = Vec::new();
        for (message, place) in messages.iter().zip(outcomes) {
            let envelope = mime::envelope(&message.raw);
            if self.has(&envelope.message_id, &message.raw).await? {
                *place = Put::There;
                continue;
            }
            places.push(place);
            appends.push(Append {
                flags: &message.flags,
                arrived: message.arrived.or(envelope.date),
                bytes: &message.raw,
            });
        }
        let mut done = Vec::new();
        let session = &mut self.lane.session;
        let ended = session.append_all(&self.name, &appends, &mut done).await;
        for (place, appended) in places.into_iter().zip(done) {
            *place = outcome(appended);
        }
        Ok(ended?)
    }

    /// Whether the mailbox has the message, apart from those that were found before: what is there
    /// twice is taken for two.
    async fn has(&mut self, id: &str, raw: &[u8]) -> Result<bool, Failure> {
        let size = u64::try_from(raw.len()).unwrap_or(u64::MAX);
        // A server may have made CRLF of every LF.
        let bare = memchr::memchr_iter(b'\n', raw)
            .filter(|at| at.checked_sub(1).and_then(|at| raw.get(at)) != Some(&b'\r'))
            .count();
        let sizes = [size, size + u64::try_from(bare).unwrap_or(0)];
        if !id.is_empty() {
            for size in sizes {
                let known = self.known.by_id.get_mut(&(id.to_owned(), size));
                if let Some(count) = known.filter(|count| **count > 0) {
                    *count -= 1;
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        for size in sizes {
            let candidates = self.known.nameless.get(&size).cloned().unwrap_or_default();
            for candidate in candidates {
                if self.is_same(candidate, raw).await? {
                    let same = self.known.nameless.entry(size).or_default();
                    same.retain(|message| *message != candidate);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether a message has those bytes, apart from how its lines end.
    async fn is_same(&mut self, message: MessageKey, raw: &[u8]) -> Result<bool, Failure> {
        let mailbox = self.mailbox;
        self.lane.bring(&[Placed { message, mailbox }]).await?;
        let db = &self.lane.account.db;
        let theirs = db.read_long(move |r| r.raw(message)).await?;
        let text = |bytes: &[u8]| {
            bytes
                .iter()
                .copied()
                .filter(|b| *b != b'\r')
                .collect::<Vec<_>>()
        };
        Ok(theirs.is_some_and(|theirs| theirs == raw || text(&theirs) == text(raw)))
    }

    /// Brings the mailbox into step, so that it shows what was put there, and ends.
    ///
    /// # Errors
    /// What went wrong, as a sentence with what to do.
    pub async fn close(mut self) -> Result<(), String> {
        let outcome = self.lane.look_through(self.mailbox).await;
        if outcome.is_ok() {
            self.lane.session.logout().await;
        }
        let db = self.db;
        let _closed = tokio::task::spawn_blocking(move || db.close()).await;
        outcome.map_err(|failure| sentence(&failure))
    }
}

fn outcome(appended: Appended) -> Put {
    let Some(error) = appended.refused else {
        return Put::Taken;
    };
    match error.code.as_deref() {
        Some("OVERQUOTA" | "TRYCREATE") => Put::Full(error.summary),
        _ => Put::Refused(error.summary),
    }
}
