//! Takes the words of texts that are here into the index, in the background.
//!
//! Started by `dispatch` in the process that has the network role, and called by `cli` before it
//! searches. A pull and the screen must never wait for it: it works in small pieces, and not at all
//! while an account fetches.

use super::account::Account;
use super::clock;
use super::store_thread::Db;
use super::texts::{Held, held};
use crate::mime;
use crate::model::MessageKey;
use crate::store::{Reader, Result, Store};
use std::sync::Arc;
use std::time::Duration;

/// So many texts are taken in at a time, since what is written then keeps somebody waiting,
const PIECE: u32 = 25;
/// or so many bytes of messages, and one message more.
const PIECE_BYTES: usize = 4 * 1024 * 1024;
/// How long after the start nobody is helped by it.
const FIRST: Duration = Duration::from_secs(3);
/// How often new texts are looked for.
const EVERY: Duration = Duration::from_secs(20);
/// Between two pieces, for whatever else there is to do.
const BREATH: Duration = Duration::from_millis(20);

/// Goes on until it is dropped.
pub(crate) async fn run(db: Db, accounts: Vec<Arc<Account>>) {
    let is_busy = || accounts.iter().any(|a| a.board.look(|w| w.is_work_busy));
    tokio::time::sleep(FIRST).await;
    loop {
        while !is_busy() {
            match piece(&db).await {
                Ok(0) => break,
                Ok(_) => tokio::time::sleep(BREATH).await,
                Err(error) => {
                    tracing::warn!(%error, "texts could not be indexed");
                    break;
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Takes in some texts; how many.
async fn piece(db: &Db) -> Result<usize> {
    let held = db.read_long(|r| missing(r)).await?;
    let count = held.len();
    if count == 0 {
        return Ok(0);
    }
    let Ok(words) = tokio::task::spawn_blocking(move || words(held)).await else {
        return Ok(0);
    };
    db.write_bulk(move |w| w.put_words(&words)).await?;
    Ok(count)
}

/// Takes in all texts that are not in the index yet, for as long as `limit`; whether that was all.
///
/// # Errors
/// When the store cannot be read or written.
pub fn index_once(store: &Store, limit: Duration) -> Result<bool> {
    let begun = clock::monotonic();
    let (reader, mut writer) = (store.reader()?, store.writer()?);
    while begun.elapsed() < limit {
        let held = missing(&reader)?;
        if held.is_empty() {
            return Ok(true);
        }
        writer.put_words(&words(held))?;
    }
    Ok(false)
}

/// Texts that are not in the index: some, or as many as fit into so much memory, and one more.
fn missing(reader: &Reader) -> Result<Vec<(MessageKey, Option<Held>)>> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for key in reader.unindexed(PIECE)? {
        let text = held(reader, key, None)?;
        bytes += text.as_ref().map_or(0, Held::len);
        found.push((key, text));
        if bytes >= PIECE_BYTES {
            break;
        }
    }
    Ok(found)
}

/// Their words. A text that cannot be read has none, and is not tried for ever.
fn words(held: Vec<(MessageKey, Option<Held>)>) -> Vec<(MessageKey, String)> {
    let text = |held: Option<Held>| {
        let held = held?;
        let read = std::panic::AssertUnwindSafe(|| mime::searched_text(held.source()));
        std::panic::catch_unwind(read).ok()
    };
    let each = held.into_iter();
    each.map(|(key, held)| (key, text(held).unwrap_or_default()))
        .collect()
}
