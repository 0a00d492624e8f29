//! The first words of messages, made of their texts where the server gives none.
//!
//! Made with each text that is stored. A store that was filled before has them made once, by `run`, which
//! `dispatch` starts: in small batches with pauses, so that neither the screen nor a sync waits for it.
//! Nothing is ever fetched for them.

use super::changes::Changes;
use super::store_thread::Db;
use super::texts::{Held, held};
use crate::mime;
use crate::model::{MailboxKey, MessageKey};
use crate::store::{Result, Wordless};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long after the start: the first screen comes before.
const AFTER: Duration = Duration::from_secs(3);
/// So many texts are read at a time,
const BATCH_COUNT: usize = 64;
/// or so many bytes, and one message more.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// The rest after a batch, in times of what it took, and at least.
const REST_TIMES: u32 = 3;
const REST_MIN: Duration = Duration::from_millis(20);
/// How often lists are told.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// The first words of whole messages.
pub(super) fn of_all(raws: &[(MessageKey, Vec<u8>)]) -> Vec<(MessageKey, String)> {
    let words = |raw: &[u8]| mime::first_words(mime::Source::Whole(raw));
    raws.iter().map(|(key, raw)| (*key, words(raw))).collect()
}

/// Makes and keeps those of a message of which header and texts were stored.
pub(super) async fn keep(db: &Db, message: MessageKey) -> Result<()> {
    let found = db.read_long(move |r| held(r, message, None)).await?;
    let Some(held) = found else {
        return Ok(());
    };
    let words = of_held(vec![(message, held)]).await;
    db.write(move |w| w.put_first_words(&words, mime::are_no_words).map(drop))
        .await
}

/// Goes once through what the store holds.
pub(crate) async fn run(db: Db, changes: Arc<Changes>) {
    tokio::time::sleep(AFTER).await;
    let mut shown = BTreeSet::new();
    let mut told = Instant::now();
    loop {
        let begun = Instant::now();
        match batch(&db, &mut shown).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "first words could not be kept");
                break;
            }
        }
        if told.elapsed() >= TOLD_EVERY && !shown.is_empty() {
            changes.mailboxes(std::mem::take(&mut shown));
            told = Instant::now();
        }
        tokio::time::sleep((begun.elapsed() * REST_TIMES).max(REST_MIN)).await;
    }
    if !shown.is_empty() {
        changes.mailboxes(shown);
    }
}

/// Whether there may be more.
async fn batch(db: &Db, shown: &mut BTreeSet<MailboxKey>) -> Result<bool> {
    let next = db
        .read_long(|r| {
            let Some(next) = r.wordless(BATCH_COUNT, mime::are_no_words)? else {
                return Ok(None);
            };
            let Wordless { messages, mut from } = next;
            let mut texts = Vec::new();
            let mut bytes = 0;
            for message in messages {
                if let Some(held) = held(r, message, None)? {
                    bytes += held.len();
                    texts.push((message, held));
                }
                if bytes >= BATCH_BYTES {
                    from = message.0;
                    break;
                }
            }
            Ok(Some((texts, from)))
        })
        .await?;
    let Some((texts, from)) = next else {
        return Ok(false);
    };
    let words = of_held(texts).await;
    let found = db
        .write_bulk(move |w| {
            let found = w.put_first_words(&words, mime::are_no_words)?;
            w.note_first_words(from)?;
            Ok(found)
        })
        .await?;
    shown.extend(found);
    Ok(from > 0)
}

/// Beside the async tasks. A text that a parser fails on has no words, nor those of its batch.
async fn of_held(texts: Vec<(MessageKey, Held)>) -> Vec<(MessageKey, String)> {
    let make = move || {
        let words = |held: &Held| mime::first_words(held.source());
        texts
            .iter()
            .map(|(key, held)| (*key, words(held)))
            .collect()
    };
    tokio::task::spawn_blocking(make).await.unwrap_or_default()
}
