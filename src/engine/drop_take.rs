//! Messages on their way from a maildrop into the store: packed side by side, stored in batches.
//!
//! Called by a POP3 round. A message must be durable, with what is known of it, before anybody is told
//! that it is stored; and the list shows it with the batch that it came in.

use super::account::{Account, Failure};
use super::clock;
use super::digest::{digest, probe};
use super::drop_round::show;
use crate::bus::Event;
use crate::mime;
use crate::model::{
    Fetched, FetchedMessage, FlagSet, Local, MailboxKey, ModSeq, Moment, Safe, Uid,
};
use crate::net::Error;
use crate::net::pop3::{Outcome, Retrieved};
use crate::store::{
    self, Cursor, DropNew, LocalNew, LocalPut, Packed, PullChange, ServerStatus, Writer,
};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A batch holds so many messages at most,
const BATCH_COUNT: usize = 200;
/// or so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// The first batch is small, so that there is soon something to read.
const FIRST_BATCH: usize = 20;
/// So many batches are packed at once.
const PACKING_MAX: usize = 2;

/// A message that is fetched.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) number: u32,
    pub(super) size: u64,
    pub(super) uidl: String,
    pub(super) place: u32,
    /// The row of the message whose header is here already.
    pub(super) completes: Option<i64>,
}

/// What became of all that was fetched.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The rows of what was stored, by number.
    pub(super) stored: HashMap<u32, i64>,
    /// What turned out to be known, and where.
    pub(super) recognised: Vec<(u32, usize)>,
    /// Why one of them could not be had, or not for certain, if that is so.
    pub(super) refused: Option<Error>,
    /// What did not come.
    pub(super) missing: Vec<u32>,
}

/// Takes messages and stores them.
pub(super) struct Taking {
    account: Arc<Account>,
    inbox: Option<(MailboxKey, String)>,
    counted: i64,
    total: usize,
    done: usize,
    raws: Vec<Arrived>,
    bytes: usize,
    batches: usize,
    packing: VecDeque<JoinHandle<store::Result<Vec<Prepared>>>>,
    taken: Taken,
}

/// A message as it came.
struct Arrived {
    wanted: Wanted,
    raw: Vec<u8>,
    is_whole: bool,
    is_certain: bool,
}

/// A message that is ready to be stored, with what lists show of it.
struct Prepared {
    number: u32,
    completes: Option<i64>,
    new: DropNew,
    fetched: Fetched,
}

impl Taking {
    pub(super) async fn new(
        account: &Arc<Account>,
        total: usize,
        counted: i64,
    ) -> Result<Self, Failure> {
        Ok(Self {
            account: Arc::clone(account),
            inbox: account.inbox().await?,
            counted,
            total,
            done: 0,
            raws: Vec::new(),
            bytes: 0,
            batches: 0,
            packing: VecDeque::new(),
            taken: Taken::default(),
        })
    }

    /// Takes what arrives until nothing more does. Where `is_whole`, `recognise` says which row has
    /// those bytes already.
    pub(super) async fn take_all(
        &mut self,
        wanted: &[Wanted],
        mut arriving: mpsc::Receiver<Retrieved>,
        is_whole: bool,
        recognise: impl Fn(u32, &[u8]) -> Option<usize>,
    ) -> Result<(), Failure> {
        let mut by_number: HashMap<u32, &Wanted> = wanted.iter().map(|w| (w.number, w)).collect();
        while let Some(Retrieved { number, outcome }) = arriving.recv().await {
            let Some(wanted) = by_number.remove(&number) else {
                continue;
            };
            let (raw, is_certain) = match outcome {
                Outcome::Whole(raw) => (raw, true),
                Outcome::Doubtful(raw) => {
                    self.refuse(doubtful(wanted));
                    (raw, false)
                }
                Outcome::Refused(error) => {
                    self.refuse(error);
                    self.taken.missing.push(number);
                    continue;
                }
                Outcome::TooLarge { size } => {
                    self.refuse(too_large(wanted, size));
                    self.taken.missing.push(number);
                    continue;
                }
            };
            match recognise(number, &raw) {
                Some(at) => self.taken.recognised.push((number, at)),
                None => {
                    let arrived = Arrived {
                        wanted: wanted.clone(),
                        raw,
                        is_whole,
                        is_certain,
                    };
                    self.push(arrived).await?;
                }
            }
        }
        self.pack().await
    }

    fn refuse(&mut self, error: Error) {
        self.taken.refused.get_or_insert(error);
    }

    async fn push(&mut self, arrived: Arrived) -> Result<(), Failure> {
        self.bytes += arrived.raw.len();
        self.raws.push(arrived);
        let count_max = if self.batches == 0 {
            FIRST_BATCH
        } else {
            BATCH_COUNT
        };
        if self.raws.len() >= count_max || self.bytes >= BATCH_BYTES {
            self.pack().await?;
        }
        Ok(())
    }

    /// Has the batch packed on a thread of its own; stores the oldest when there are enough.
    async fn pack(&mut self) -> Result<(), Failure> {
        if !self.raws.is_empty() {
            let raws = std::mem::take(&mut self.raws);
            self.bytes = 0;
            self.batches += 1;
            let prepare = move || raws.into_iter().map(prepared).collect();
            self.packing.push_back(tokio::task::spawn_blocking(prepare));
        }
        while self.packing.len() >= PACKING_MAX {
            self.store_next().await?;
        }
        Ok(())
    }

    async fn store_next(&mut self) -> Result<(), Failure> {
        let Some(packing) = self.packing.pop_front() else {
            return Ok(());
        };
        // A panic in a parser ends this round, and nothing was deleted.
        let prepared = packing.await.unwrap_or(Err(store::Error::Busy))?;
        let count = prepared.len();
        let (name, now) = (self.account.setup.name.clone(), self.counted);
        let inbox = self.inbox.clone();
        let stored = self
            .account
            .db
            .write_bulk(move |w| store(w, &name, inbox.as_ref(), prepared, now))
            .await?;
        self.taken.stored.extend(stored.rows);
        if !stored.completed.is_empty() {
            self.account.board.post(|w| {
                for mailbox in stored.completed {
                    w.want_pull(mailbox);
                }
            });
        }
        self.done += count;
        show(&self.account, self.done, self.total);
        let Some((inbox, _)) = &self.inbox else {
            self.account.board.post(|w| w.is_list_due = true);
            return Ok(());
        };
        match stored.mirrored {
            Some(change) => {
                self.account.count(*inbox, &change);
                if let Some((who, subject)) = &change.latest_unread {
                    self.account.changes.event(Event::Arrived {
                        mailbox: *inbox,
                        count: change.added,
                        who: Safe::line(who),
                        subject: Safe::line(subject),
                    });
                }
                self.account.changes.mailboxes([*inbox]);
            }
            None => self.account.board.post(|w| w.want_pull(*inbox)),
        }
        Ok(())
    }

    /// Stores what is left.
    pub(super) async fn finish(mut self) -> Result<Taken, Failure> {
        while !self.packing.is_empty() {
            self.store_next().await?;
        }
        Ok(self.taken)
    }
}

fn too_large(wanted: &Wanted, size: u64) -> Error {
    let mib = size / (1024 * 1024);
    Error::new(
        crate::net::Class::Rejected,
        format!(
            "Message {} of the maildrop has {mib} MiB, which is more than is taken.",
            wanted.number
        ),
    )
    .hint("Set max_size of the account: of larger messages only the header is fetched.")
}

fn doubtful(wanted: &Wanted) -> Error {
    Error::new(
        crate::net::Class::Rejected,
        format!(
            "The server does not mark lines that begin with a dot, so that message {} of the maildrop may not be here as it is.",
            wanted.number
        ),
    )
    .hint("It is never deleted there by itself; tell the provider.")
}

fn prepared(arrived: Arrived) -> store::Result<Prepared> {
    let Arrived {
        wanted,
        raw,
        is_whole,
        is_certain,
    } = arrived;
    let fetched = mime::summary(&raw, is_whole);
    let message_id = fetched
        .envelope
        .as_ref()
        .map_or("", |envelope| envelope.message_id.as_str());
    let packed = if is_whole {
        Packed::whole(&raw, message_id)?
    } else {
        Packed::header(header_of(&raw), message_id, wanted.size)?
    };
    let new = DropNew {
        message: LocalNew {
            packed,
            flags: FlagSet::new(),
            arrived: moment(&raw),
        },
        uidl: wanted.uidl,
        size: wanted.size,
        probe: probe(&raw),
        digest: if is_whole {
            digest(&raw)
        } else {
            String::new()
        },
        place: wanted.place,
        is_certain,
    };
    let size = if is_whole {
        u64::try_from(raw.len()).unwrap_or(u64::MAX)
    } else {
        wanted.size
    };
    Ok(Prepared {
        number: wanted.number,
        completes: wanted.completes,
        fetched: Fetched {
            flags: Some(FlagSet::new()),
            arrived: Some(new.message.arrived),
            size_bytes: Some(size),
            ..fetched
        },
        new,
    })
}

/// The header with the empty line after it.
fn header_of(raw: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
    }
    raw.get(..at).unwrap_or(raw)
}

/// When a message arrived: a maildrop does not say, its newest trace does (RFC 5321 §4.4).
fn moment(raw: &[u8]) -> Moment {
    let headers = mime::parse_headers(raw);
    let now = Moment {
        unix_secs: clock::now_secs(),
        offset_mins: 0,
    };
    let traced = headers
        .get("Received")
        .and_then(|value| value.rsplit(|byte| *byte == b';').next())
        .and_then(mime::parse_date);
    let dated = traced.or_else(|| headers.get("Date").and_then(mime::parse_date));
    // Nothing arrives in the future.
    dated
        .filter(|at| at.unix_secs > 0 && at.unix_secs <= now.unix_secs)
        .unwrap_or(now)
}

/// What storing a batch came to.
struct Stored {
    rows: Vec<(u32, i64)>,
    /// Mailboxes in which messages lie that are whole now.
    completed: Vec<MailboxKey>,
    /// What changed in the list; `None` where the mailbox has to be pulled to show it.
    mirrored: Option<PullChange>,
}

/// Stores a batch, and shows it.
fn store(
    writer: &mut Writer,
    account: &str,
    inbox: Option<&(MailboxKey, String)>,
    prepared: Vec<Prepared>,
    counted: i64,
) -> store::Result<Stored> {
    let mut stored = Stored {
        rows: Vec::new(),
        completed: Vec::new(),
        mirrored: None,
    };
    let (completing, fresh): (Vec<_>, Vec<_>) =
        prepared.into_iter().partition(|p| p.completes.is_some());
    for one in &completing {
        if let Some(key) = one.completes {
            let stored_at = if one.new.is_certain { counted } else { 0 };
            writer.complete_drop(key, &one.new.message.packed, &one.new.digest, stored_at)?;
            stored.rows.push((one.number, key));
            stored.completed.extend(writer.mailboxes_of_drop(key)?);
        }
    }
    if fresh.is_empty() {
        return Ok(stored);
    }
    let name = inbox.map_or("INBOX", |(_, name)| name.as_str());
    let mut new = Vec::with_capacity(fresh.len());
    let mut shown = Vec::with_capacity(fresh.len());
    for one in fresh {
        new.push(one.new);
        shown.push((one.number, one.fetched));
    }
    let put = writer.put_drop(account, name, &new, counted)?;
    let numbers = shown.iter().map(|(number, _)| *number);
    stored.rows.extend(numbers.zip(put.rows.iter().copied()));
    if let Some((inbox, _)) = inbox {
        let is_whole = |at: usize| new.get(at).is_some_and(|n| !n.digest.is_empty());
        let messages = mirrored(&put.put, shown, is_whole);
        stored.mirrored = mirror(writer, *inbox, &put.put, &messages)?;
    }
    Ok(stored)
}

fn mirrored(
    put: &LocalPut,
    shown: Vec<(u32, Fetched)>,
    is_whole: impl Fn(usize) -> bool,
) -> Vec<FetchedMessage> {
    let rows = shown.into_iter().zip(&put.keys).zip(put.first.get()..);
    let rows = rows
        .enumerate()
        .filter_map(|(at, (((_, fetched), key), uid))| {
            Some(FetchedMessage {
                uid: Uid::new(uid)?,
                fetched: Fetched {
                    mod_seq: Some(put.mod_seq),
                    email_id: Some(key.to_string()),
                    local: Some(Local {
                        key: *key,
                        is_whole: is_whole(at),
                    }),
                    ..fetched
                },
            })
        });
    rows.collect()
}

/// Shows a batch, where the mirror was in step up to it; `None` where it was not.
fn mirror(
    writer: &mut Writer,
    inbox: MailboxKey,
    put: &LocalPut,
    messages: &[FetchedMessage],
) -> store::Result<Option<PullChange>> {
    let cursor = writer.cursor(inbox)?;
    let is_in_step = cursor.is_complete
        && cursor.uid_validity == Some(put.uid_validity)
        && cursor.uid_next == Some(put.first)
        && cursor.mod_seq == ModSeq(put.mod_seq.0.saturating_sub(1));
    if !is_in_step {
        return Ok(None);
    }
    let change = writer.put_messages(inbox, put.uid_validity, messages)?;
    let last = messages.last().map_or(put.first, |m| m.uid);
    let now = Cursor {
        uid_next: Uid::new(last.get().saturating_add(1)),
        mod_seq: put.mod_seq,
        ..cursor
    };
    writer.put_cursor(inbox, now, ServerStatus::default())?;
    Ok(Some(change))
}
