//! Whole messages (BODY.PEEK[]), small ones together, large ones in pieces.
//!
//! Called by `engine` for keeping and showing messages. A message must never be given out unless all
//! of it came.

use super::command::{Command, in_pieces};
use super::gate::{Limits, MESSAGE_MAX};
use super::response::Response;
use super::session::{Pace, Session, Tag, accept};
use crate::model::{Uid, UidSet};
use crate::net::error::{Class, Error, Result};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use tokio::sync::mpsc;

/// Messages up to this size are fetched whole, larger ones in pieces of it.
pub(super) const PIECE: u32 = 1024 * 1024;
/// Bytes of whole messages that are asked for by one command.
const BATCH: u64 = 4 * 1024 * 1024;
/// Messages that are asked for by one command.
const BATCH_COUNT: usize = 500;
/// What a message may have more than its announced size: some servers only guess it.
const SLACK: usize = 8 * 1024 * 1024;
/// Room beyond a piece.
pub(super) const PIECE_SLACK: usize = 64 * 1024;
/// How many commands are under way at once.
const IN_FLIGHT: usize = 2;

impl Session {
    /// Whole messages (BODY.PEEK[]), each sent to `sink`; in 1 MiB pieces where large.
    pub async fn fetch_raw(
        &mut self,
        uids: &[(Uid, u64)],
        sink: mpsc::Sender<(Uid, Vec<u8>)>,
    ) -> Result<()> {
        self.begin(Pace::Bulk).await?;
        let (small, large): (Vec<_>, Vec<_>) =
            uids.iter().partition(|(_, size)| *size <= u64::from(PIECE));
        if self.fetch_small(&small, &sink).await? {
            for (uid, _) in large {
                let bytes = self.fetch_large(*uid).await?;
                if let Some(bytes) = bytes
                    && sink.send((*uid, bytes)).await.is_err()
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether somebody still listens.
    async fn fetch_small(
        &mut self,
        wanted: &[&(Uid, u64)],
        sink: &mpsc::Sender<(Uid, Vec<u8>)>,
    ) -> Result<bool> {
        self.limit(Limits {
            literal: SLACK,
            total: SLACK,
            ..Limits::default()
        });
        let mut batches = batches(wanted).into_iter();
        let mut under: VecDeque<(UidSet, Tag)> = VecDeque::new();
        let mut found: HashMap<Uid, Bytes> = HashMap::new();
        let mut is_heard = true;
        loop {
            while is_heard && under.len() < IN_FLIGHT {
                let Some(batch) = batches.next() else { break };
                let set = in_pieces(&batch).join(",");
                let command = Command::new(&format!("UID FETCH {set} (UID BODY.PEEK[])"));
                let tag = self.send(&command).await?;
                under.push_back((batch, tag));
            }
            let Some((batch, tag)) = under.pop_front() else {
                return Ok(is_heard);
            };
            let asked = |uid| batch.contains(uid) || under.iter().any(|(set, _)| set.contains(uid));
            let said = self
                .finish(tag, |response| take_body(response, &mut found, asked))
                .await?;
            if let Err(error) = accept(said, "read messages") {
                for (_, tag) in under {
                    self.finish(tag, Some).await?;
                }
                return Err(error);
            }
            for uid in batch.iter() {
                if let Some(bytes) = found.remove(&uid)
                    && is_heard
                {
                    is_heard = sink.send((uid, bytes.to_vec())).await.is_ok();
                }
            }
        }
    }

    /// One message in pieces, two under way; `None`: it is gone.
    async fn fetch_large(&mut self, uid: Uid) -> Result<Option<Vec<u8>>> {
        self.limit_piece(PIECE);
        let mut pieces = Pieces::new(uid, "");
        let mut message = Vec::new();
        let mut under: VecDeque<(u64, Tag)> = VecDeque::new();
        let mut next = 0_u64;
        let mut state = Whole::Growing;
        loop {
            while matches!(state, Whole::Growing) && under.len() < IN_FLIGHT {
                let text = format!("UID FETCH {uid} (UID BODY.PEEK[]<{next}.{PIECE}>)");
                under.push_back((next, self.send(&Command::new(&text)).await?));
                next += u64::from(PIECE);
            }
            let Some((offset, tag)) = under.pop_front() else {
                break;
            };
            let said = self.finish(tag, |r| pieces.take(r, offset)).await?;
            if !matches!(state, Whole::Growing) {
                continue;
            }
            if let Err(error) = accept(said, "read a message") {
                state = Whole::Failed(error);
                continue;
            }
            let piece = match pieces.found.remove(&offset) {
                // Nothing at all is said of a message that is gone.
                None => {
                    state = Whole::Gone;
                    continue;
                }
                Some(piece) => piece.unwrap_or_default(),
            };
            if message.len() + piece.len() > MESSAGE_MAX {
                let mega = MESSAGE_MAX / 1_000_000;
                let summary = format!("The message is larger than {mega} MB.");
                state = Whole::Failed(Error::new(Class::Rejected, summary));
                continue;
            }
            message.extend_from_slice(&piece);
            if piece.len() < usize::try_from(PIECE).unwrap_or(usize::MAX) {
                state = Whole::Complete;
            }
        }
        match state {
            Whole::Failed(error) => Err(error),
            Whole::Gone => Ok(None),
            Whole::Growing | Whole::Complete => Ok(Some(message)),
        }
    }

    /// Lets answers bring one piece of a section.
    pub(super) fn limit_piece(&mut self, bytes: u32) {
        let size = usize::try_from(bytes)
            .unwrap_or(usize::MAX)
            .saturating_add(PIECE_SLACK);
        self.limit(Limits {
            literal: size,
            total: size.saturating_add(PIECE_SLACK),
            ..Limits::default()
        });
    }
}

/// How far a message in pieces has come.
#[derive(Debug)]
enum Whole {
    Growing,
    Complete,
    Gone,
    Failed(Error),
}

/// Pieces of one section that came, by where they begin. A server may answer two commands at once.
#[derive(Debug)]
pub(super) struct Pieces {
    uid: Uid,
    section: String,
    /// `None` inside: the server has nothing there.
    pub(super) found: HashMap<u64, Option<Bytes>>,
}

impl Pieces {
    /// Nothing yet.
    pub(super) fn new(uid: Uid, section: &str) -> Self {
        Self {
            uid,
            section: section.to_owned(),
            found: HashMap::new(),
        }
    }

    /// Takes the piece that is awaited or the next one; where the server does not say where a piece
    /// begins, it is the one awaited.
    pub(super) fn take(&mut self, response: Response, awaited: u64) -> Option<Response> {
        let Response::Fetch(position, mut data) = response else {
            return Some(response);
        };
        if data.uid == Some(self.uid)
            && let Some(at) = data.sections.iter().position(|s| s.name == self.section)
        {
            let section = data.sections.swap_remove(at);
            let offset = section.origin.unwrap_or(awaited);
            if offset != awaited && offset != awaited + u64::from(PIECE) {
                return None;
            }
            self.found.entry(offset).or_insert(section.bytes);
            return None;
        }
        Some(Response::Fetch(position, data))
    }
}

/// Takes the whole body of a message that was asked for, the first one that comes.
fn take_body(
    response: Response,
    found: &mut HashMap<Uid, Bytes>,
    is_asked: impl Fn(Uid) -> bool,
) -> Option<Response> {
    let Response::Fetch(position, mut data) = response else {
        return Some(response);
    };
    let Some(uid) = data.uid.filter(|uid| is_asked(*uid)) else {
        return Some(Response::Fetch(position, data));
    };
    let whole = |s: &super::fetched::Section| s.name.is_empty() && s.origin.is_none();
    let Some(at) = data.sections.iter().position(whole) else {
        return Some(Response::Fetch(position, data));
    };
    if let Some(bytes) = data.sections.swap_remove(at).bytes {
        found.entry(uid).or_insert(bytes);
    }
    None
}

/// Messages in the order asked for, as many together as fit a batch.
fn batches(wanted: &[&(Uid, u64)]) -> Vec<UidSet> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for (uid, size) in wanted {
        if !batch.is_empty() && (bytes + size > BATCH || batch.len() >= BATCH_COUNT) {
            batches.push(batch.drain(..).collect());
            bytes = 0;
        }
        batch.push(*uid);
        bytes += size;
    }
    if !batch.is_empty() {
        batches.push(batch.into_iter().collect());
    }
    batches
}
