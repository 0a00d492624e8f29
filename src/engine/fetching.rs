//! Brings texts and parts into the store: what the user opened, what comes next, what is kept.
//!
//! Called by the lanes. Opening must never wait behind background work.

use super::account::{Account, Failure};
use super::board::{Fetch, Want};
use super::clock;
use super::first_words;
use super::lane::Lane;
use super::pull::is_answer;
use super::setup::Keep;
use super::waiting::as_net;
use crate::mime;
use crate::model::{MailboxKey, MessageKey, PartId, Placed, Uid, UidValidity};
use crate::net::imap::Items;
use crate::net::{Class, Error};
use crate::store::MissingReferences;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Up to this size a message is fetched whole when it is opened: one turn, and all of it is here.
const WHOLE_MAX: u64 = 256 * 1024;
/// How often a fetch is tried again on another connection.
const RETRIES_MAX: u8 = 2;
/// The most of a part that is asked for at a time.
const PIECE: u32 = 1024 * 1024;
/// The first piece of a part, and the smallest.
const PIECE_FIRST: u32 = 128 * 1024;
const PIECE_MIN: u32 = 16 * 1024;
/// A piece that took less is followed by a larger one; one that took more, by a smaller one.
const PIECE_SHORT: Duration = Duration::from_secs(1);
const PIECE_LONG: Duration = Duration::from_secs(5);
/// Background work is done in slices of so many messages.
const SLICE: u32 = 64;
/// References are asked for in slices of so many messages.
const REFERENCES_SLICE: u32 = 500;
/// The longest rest between two slices of background work.
const REST_MAX: Duration = Duration::from_millis(500);

/// How often the server is asked how much room there is.
const QUOTA_EVERY: Duration = Duration::from_secs(300);

impl Lane {
    /// Asks how much room there is, now and then.
    async fn ask_for_quota(&mut self) -> Result<(), Failure> {
        let is_due = self.quota_at.is_none_or(|at| at.elapsed() > QUOTA_EVERY);
        if !is_due || !self.session.capabilities().can_quota() {
            return Ok(());
        }
        self.quota_at = Some(Instant::now());
        match self.session.quota("INBOX").await {
            Ok(quota) => {
                self.account.set_quota(quota);
                Ok(())
            }
            Err(error) if is_answer(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Selects a mailbox unless it is; `None` where it is gone. Not a pull.
    pub(crate) async fn ensure_open(
        &mut self,
        key: MailboxKey,
    ) -> Result<Option<UidValidity>, Failure> {
        if let Some(open) = self.open.as_ref().filter(|o| o.mailbox == key) {
            return Ok(Some(open.uid_validity));
        }
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        let Some(mailbox) = mailboxes.into_iter().find(|m| m.key == key) else {
            return Ok(None);
        };
        self.absorb_notices().await?;
        match self.session.select(&mailbox.name, None).await {
            Ok(selected) => {
                self.opened(key, &selected, false);
                Ok(Some(selected.uid_validity))
            }
            Err(error) if is_answer(&error) => {
                self.open = None;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same for work that nobody waits for, whose ids come from the store: `None` also where the
    /// mailbox was begun anew, so that no id means another message. It is pulled then.
    async fn ensure_same_era(&mut self, key: MailboxKey) -> Result<Option<UidValidity>, Failure> {
        let era = self.ensure_open(key).await?;
        let cursor = self.account.db.read(move |r| r.cursor(key)).await?;
        if era.is_some() && era != cursor.uid_validity {
            self.account.board.note(|w| w.want_pull(key));
            return Ok(None);
        }
        Ok(era)
    }

    /// Serves one fetch and tells who waits. Only what ends the connection is an error here.
    pub(crate) async fn serve_fetch(&mut self, mut fetch: Fetch) -> Result<(), Failure> {
        if fetch.done.is_closed() {
            return Ok(());
        }
        let outcome = self.fetch_one(fetch.placed, &fetch.want).await;
        match outcome {
            Ok(()) => {
                let _gone = fetch.done.send(Ok(()));
                Ok(())
            }
            Err(failure) => {
                let ends = matches!(&failure, Failure::Net(e) if !is_answer(e));
                let is_passing = matches!(&failure, Failure::Net(e) if e.class == Class::Transient);
                fetch.failures += 1;
                // Once may be chance; a message that breaks every connection is given up.
                let is_retried = ends
                    && is_passing
                    && fetch.failures <= RETRIES_MAX
                    && !matches!(fetch.want, Want::Part(..));
                if is_retried {
                    // The connection was dead: the next one serves it, or tells.
                    self.account.board.post(|w| w.fetches.push_front(fetch));
                } else {
                    let _gone = fetch.done.send(Err(as_net(&failure)));
                }
                if ends { Err(failure) } else { Ok(()) }
            }
        }
    }

    async fn fetch_one(&mut self, placed: Placed, want: &Want) -> Result<(), Failure> {
        let uid = self.locate(placed).await?;
        match want {
            Want::Text => self.fetch_text(placed, uid).await,
            Want::Raw => {
                let size = self.size_of(placed).await?;
                self.fetch_raws(placed.mailbox, &[(placed.message, uid, size)])
                    .await
            }
            Want::Part(part, sink) => self.fetch_part(uid, part, sink).await,
        }
    }

    /// The id of a message on this connection, its mailbox selected.
    async fn locate(&mut self, placed: Placed) -> Result<Uid, Failure> {
        let mut found = self.account.db.read(move |r| r.uid(placed)).await?;
        if found.is_none() {
            // It may have arrived where it was sent to, and not be known there yet.
            self.pull(placed.mailbox).await?;
            found = self.account.db.read(move |r| r.uid(placed)).await?;
        }
        let mailbox = found.map_or(placed.mailbox, |(mailbox, ..)| mailbox);
        let era = self.ensure_open(mailbox).await?;
        match (found, era) {
            (Some((_, uid_validity, uid)), Some(era)) if uid_validity == era => {
                self.hear_of(uid).await?;
                Ok(uid)
            }
            _ => Err(Error {
                class: Class::Rejected,
                summary: "the message is no longer in this folder on the server".to_owned(),
                hint: "press F5 to synchronise".to_owned(),
                code: None,
            }
            .into()),
        }
    }

    /// Another lane may have brought a message of which this connection was not told yet: until then
    /// the server answers as if there were none.
    async fn hear_of(&mut self, uid: Uid) -> Result<(), Failure> {
        let next = self.open.as_ref().and_then(|open| open.uid_next);
        if next.is_none_or(|next| uid >= next) {
            self.session.noop().await?;
            self.absorb_notices().await?;
        }
        Ok(())
    }

    async fn size_of(&self, placed: Placed) -> Result<u64, Failure> {
        let summary = self
            .account
            .db
            .read(move |r| r.summary(placed.message, Some(placed.mailbox)))
            .await?;
        Ok(summary.map_or(0, |s| s.size_bytes))
    }

    /// What one needs to read a message: all of a small one, header and texts of a large one.
    async fn fetch_text(&mut self, placed: Placed, uid: Uid) -> Result<(), Failure> {
        let Placed { message, mailbox } = placed;
        let summary = self
            .account
            .db
            .read(move |r| r.summary(message, Some(mailbox)))
            .await?;
        let Some(summary) = summary.filter(|s| !s.has_raw) else {
            return Ok(());
        };
        let texts: Vec<PartId> = summary
            .structure
            .as_ref()
            .map(|s| {
                s.needed()
                    .filter(|p| p.size_bytes <= 4 * WHOLE_MAX)
                    .map(|p| p.id.clone())
                    .collect()
            })
            .unwrap_or_default();
        if summary.size_bytes <= WHOLE_MAX || summary.structure.is_none() {
            let wanted = [(message, uid, summary.size_bytes)];
            return self.fetch_raws(mailbox, &wanted).await;
        }
        let mut wanted = vec![PartId::default()];
        wanted.extend(texts);
        let parts = self.session.fetch_parts(uid, &wanted).await?;
        self.account
            .db
            .write(move |w| {
                for (id, bytes) in &parts {
                    w.put_part(message, id, bytes)?;
                }
                Ok(())
            })
            .await?;
        first_words::keep(&self.account.db, message).await?;
        self.account.changes.mailboxes([mailbox]);
        Ok(())
    }

    pub(crate) async fn fetch_raws(
        &mut self,
        mailbox: MailboxKey,
        wanted: &[(MessageKey, Uid, u64)],
    ) -> Result<(), Failure> {
        let uids: Vec<(Uid, u64)> = wanted.iter().map(|(_, uid, size)| (*uid, *size)).collect();
        let keys: BTreeMap<Uid, MessageKey> =
            wanted.iter().map(|(key, uid, _)| (*uid, *key)).collect();
        let (sink, mut arriving) = mpsc::channel::<(Uid, Vec<u8>)>(4);
        let account = std::sync::Arc::clone(&self.account);
        let storing = async move {
            let mut batch: Vec<(MessageKey, Vec<u8>)> = Vec::new();
            while let Some((uid, raw)) = arriving.recv().await {
                if let Some(key) = keys.get(&uid) {
                    batch.push((*key, raw));
                }
                let is_full = batch.iter().map(|(_, raw)| raw.len()).sum::<usize>() > 1024 * 1024;
                if is_full || batch.len() >= 32 {
                    put_raws(&account, mailbox, std::mem::take(&mut batch)).await?;
                }
            }
            if !batch.is_empty() {
                put_raws(&account, mailbox, batch).await?;
            }
            Ok::<(), Failure>(())
        };
        let (fetched, stored) = tokio::join!(self.session.fetch_raw(&uids, sink), storing);
        stored?;
        Ok(fetched?)
    }

    async fn fetch_part(
        &mut self,
        uid: Uid,
        part: &PartId,
        sink: &mpsc::Sender<Vec<u8>>,
    ) -> Result<(), Failure> {
        let (mut offset, mut size) = (0u64, PIECE_FIRST);
        loop {
            let begun = clock::monotonic();
            let piece = self.session.fetch_piece(uid, part, offset, size).await?;
            let len = piece.len();
            offset += len as u64;
            // Nobody waits any more: cancelled.
            if sink.send(piece).await.is_err() || len < size as usize {
                return Ok(());
            }
            size = next_size(size, begun.elapsed());
        }
    }

    /// Fetches the texts of messages that will probably be opened next.
    pub(crate) async fn fetch_ahead(&mut self) -> Result<(), Failure> {
        let Some(placed) = self.account.board.note(|w| w.ahead.pop_front()) else {
            return Ok(());
        };
        match self.fetch_one(placed, &Want::Text).await {
            Err(Failure::Net(e)) if is_answer(&e) => Ok(()),
            outcome => outcome,
        }
    }

    /// One slice of what is kept for offline reading; rests as long as it worked.
    pub(crate) async fn background(&mut self) -> Result<(), Failure> {
        self.ask_for_quota().await?;
        let begun = clock::monotonic();
        // Whole texts bring their References with them.
        let is_text_first = self.account.setup.keep == Keep::All;
        let has_more = (is_text_first && self.background_texts().await?)
            || self.background_references().await?
            || (!is_text_first && self.background_texts().await?);
        if !has_more {
            self.account.board.note(|w| w.is_background_due = false);
            return Ok(());
        }
        let mut bell = self.bell.clone();
        bell.mark_unchanged();
        let pause = begun.elapsed().min(REST_MAX);
        let _either = tokio::time::timeout(pause, bell.changed()).await;
        Ok(())
    }

    async fn background_texts(&mut self) -> Result<bool, Failure> {
        if self.account.setup.is_local() {
            // Of mail that is kept here everything is here; what is not is in the maildrop.
            return Ok(false);
        }
        let since = match self.account.setup.keep {
            Keep::Headers => return Ok(false),
            Keep::All => i64::MIN,
            Keep::Recent(age) => {
                clock::now_secs().saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
            }
        };
        let account = self.account.key;
        let missing = self
            .account
            .db
            .read_long(move |r| r.missing_texts(account, since, u64::MAX, SLICE))
            .await?;
        let mut by_mailbox: BTreeMap<MailboxKey, Vec<(MessageKey, Uid, u64)>> = BTreeMap::new();
        for (placed, uid, size) in missing {
            by_mailbox
                .entry(placed.mailbox)
                .or_default()
                .push((placed.message, uid, size));
        }
        // What came back empty-handed last time will not come now: messages that are gone.
        let slice: Vec<MessageKey> = by_mailbox
            .values()
            .flatten()
            .map(|(key, ..)| *key)
            .collect();
        if slice.is_empty() || self.last_texts == slice {
            return Ok(false);
        }
        self.last_texts = slice;
        for (mailbox, wanted) in by_mailbox {
            if self.ensure_same_era(mailbox).await?.is_none() {
                continue;
            }
            self.fetch_raws(mailbox, &wanted).await?;
        }
        Ok(true)
    }

    async fn background_references(&mut self) -> Result<bool, Failure> {
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        for mailbox in mailboxes
            .into_iter()
            .filter(|m| m.is_selectable && m.total > 0)
        {
            let key = mailbox.key;
            let missing = self
                .account
                .db
                .read_long(move |r| r.missing_references(key, REFERENCES_SLICE))
                .await?;
            let MissingReferences { wanted, needless } = missing;
            let is_skipping = !needless.is_empty();
            if is_skipping {
                self.account
                    .db
                    .write_bulk(move |w| w.skip_references(&needless))
                    .await?;
            }
            // Asked for before in vain: gone on the server, the next pull will tell.
            if wanted.is_empty() || self.last_references.get(&key) == Some(&wanted) {
                if is_skipping {
                    return Ok(true);
                }
                continue;
            }
            self.last_references.insert(key, wanted.clone());
            let Some(era) = self.ensure_same_era(key).await? else {
                continue;
            };
            self.fetch_windows(key, era, vec![wanted], Items::References, None)
                .await?;
            return Ok(true);
        }
        Ok(false)
    }
}

/// The size of the next piece of a part. Where a piece takes long, smaller ones show how far it is, and
/// the connection is free soon after it was stopped.
fn next_size(size: u32, took: Duration) -> u32 {
    if took < PIECE_SHORT {
        size.saturating_mul(2).min(PIECE)
    } else if took > PIECE_LONG {
        (size / 2).max(PIECE_MIN)
    } else {
        size
    }
}

/// Keeps whole texts, and takes from them what threads and lists lacked.
async fn put_raws(
    account: &Account,
    mailbox: MailboxKey,
    batch: Vec<(MessageKey, Vec<u8>)>,
) -> Result<(), Failure> {
    let key = account.key;
    let references: Vec<(MessageKey, Vec<String>)> = batch
        .iter()
        .map(|(message, raw)| (*message, mime::parse_headers(raw).ids("References")))
        .collect();
    let words = first_words::of_all(&batch);
    let (change, shown) = account
        .db
        .write_bulk(move |w| {
            w.put_raws(&batch)?;
            let shown = w.put_first_words(&words, mime::are_no_words)?;
            Ok((w.put_references(key, &references)?, shown))
        })
        .await?;
    account.count(mailbox, &change);
    if !shown.is_empty() {
        account.changes.mailboxes(shown);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_as_large_as_the_connection_is_fast() {
        let grown = (0..9).fold(PIECE_FIRST, |size, _| next_size(size, Duration::ZERO));
        assert_eq!(grown, PIECE);
        let long = Duration::from_secs(30);
        let shrunk = (0..9).fold(PIECE, |size, _| next_size(size, long));
        assert_eq!(shrunk, PIECE_MIN);
        assert_eq!(next_size(PIECE_FIRST, Duration::from_secs(3)), PIECE_FIRST);
    }
}
