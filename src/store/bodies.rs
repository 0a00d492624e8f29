//! Texts: whole messages and parts, compressed, exactly as they came.
//!
//! Called by the fetch and by the reader of messages. `content.db` is a cache: an entry that cannot
//! be read must never be an error, it is fetched again.

use super::sql::{self, Doing};
use super::{Reader, Result, Writer};
use crate::model::{AccountKey, BodyStructure, MailboxKey, MessageKey, PartId, Placed, TargetKey};
use rusqlite::{Connection, OptionalExtension};
use std::cell::RefCell;

/// zstd's level: three quarters of what the best one saves at a tenth of its time.
const LEVEL: i32 = 3;
/// The level for mail that is kept here: somebody waits until it is on the disk, and the server keeps
/// the maildrop locked for so long.
pub(super) const QUICK: i32 = 1;

impl Reader {
    /// The exact bytes of a whole message, if they are here.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn raw(&self, message: MessageKey) -> Result<Option<Vec<u8>>> {
        self.conn
            .prepare_cached("SELECT size, bytes FROM whole WHERE message = ?1")
            .and_then(|mut s| s.query_row([message.0], unpack).optional())
            .doing("reading a text")
            .map(Option::flatten)
    }

    /// A part as fetched: its MIME header, an empty line, its encoded bytes. The part with the
    /// empty id holds the message's header alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn part(&self, message: MessageKey, part: &PartId) -> Result<Option<Vec<u8>>> {
        self.conn
            .prepare_cached("SELECT size, bytes FROM content.part WHERE message = ?1 AND part = ?2")
            .and_then(|mut s| {
                s.query_row((message.0, part.to_string()), unpack)
                    .optional()
            })
            .doing("reading a text")
            .map(Option::flatten)
    }
}

impl Reader {
    /// The text that was kept of a message when it was deleted for good.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept_text(&self, deletion: TargetKey) -> Result<Option<Vec<u8>>> {
        self.conn
            .prepare_cached("SELECT size, bytes FROM own.kept WHERE target = ?1")
            .and_then(|mut s| s.query_row([deletion.0], unpack).optional())
            .doing("reading a text")
            .map(Option::flatten)
    }

    /// Messages of an account whose texts are missing here and wanted by another account.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn texts_wanted_elsewhere(&self, account: AccountKey) -> Result<Vec<Placed>> {
        self.conn
            .prepare_cached(
                "SELECT t.message, t.mailbox FROM own.op_target t
                 WHERE t.state < 2 AND t.verb = 'append' AND t.from_account = ?1 AND t.mailbox <> 0
                   AND t.message <> 0
                   AND NOT EXISTS (SELECT 1 FROM whole WHERE message = t.message)
                 ORDER BY t.key",
            )
            .and_then(|mut s| {
                s.query_map([account.0], |row| {
                    Ok(Placed {
                        message: MessageKey(row.get(0)?),
                        mailbox: MailboxKey(row.get(1)?),
                    })
                })?
                .collect()
            })
            .doing("reading the journal")
    }
}

/// The bytes as they were; `None` where they are damaged.
pub(super) fn unpack(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Vec<u8>>> {
    let size = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
    let packed = row.get_ref(1)?.as_blob().unwrap_or_default();
    Ok(zstd::bulk::decompress(packed, size)
        .ok()
        .filter(|bytes| bytes.len() == size))
}

impl Writer {
    /// Keeps the exact bytes of a message.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_raw(&mut self, message: MessageKey, raw: &[u8]) -> Result<()> {
        self.put_packed(&[(message.0, raw.len(), pack(raw, LEVEL)?)])
    }

    /// Keeps several messages' bytes in one transaction.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_raws(&mut self, raws: &[(MessageKey, Vec<u8>)]) -> Result<()> {
        // Compressed before the lock is taken.
        let packed: Result<Vec<_>> = raws
            .iter()
            .map(|(message, raw)| Ok((message.0, raw.len(), pack(raw, LEVEL)?)))
            .collect();
        self.put_packed(&packed?)
    }

    /// The texts first, what says that they are here after: a crash in between costs a fetch.
    fn put_packed(&mut self, packed: &[(i64, usize, Vec<u8>)]) -> Result<()> {
        if packed.is_empty() {
            return Ok(());
        }
        let doing = "keeping texts";
        let here = self.write(doing, |tx| {
            let mut here = Vec::with_capacity(packed.len());
            for (message, size, bytes) in packed {
                if is_known(tx, *message).doing(doing)? {
                    tx.prepare_cached(
                        "INSERT OR REPLACE INTO content.raw (message, size, bytes) VALUES (?1, ?2, ?3)",
                    )
                    .and_then(|mut s| s.execute((message, i64::from(sql::len(*size)), bytes)))
                    .doing(doing)?;
                    // The whole message holds its parts.
                    tx.prepare_cached("DELETE FROM content.part WHERE message = ?1")
                        .and_then(|mut s| s.execute([message]))
                        .doing(doing)?;
                    here.push(*message);
                }
            }
            Ok(here)
        })?;
        self.mark_here(&here)
    }

    /// Keeps a part (see [`Reader::part`]).
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_part(&mut self, message: MessageKey, part: &PartId, bytes: &[u8]) -> Result<()> {
        let doing = "keeping a text";
        let packed = pack(bytes, LEVEL)?;
        let is_whole = self.write(doing, |tx| {
            if !is_known(tx, message.0).doing(doing)? {
                return Ok(false);
            }
            tx.prepare_cached(
                "INSERT OR REPLACE INTO content.part (message, part, size, bytes)
                 VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut s| {
                s.execute((
                    message.0,
                    part.to_string(),
                    i64::from(sql::len(bytes.len())),
                    packed,
                ))
            })
            .doing(doing)?;
            has_texts(tx, message.0).doing(doing)
        })?;
        if is_whole {
            self.mark_here(&[message.0])?;
        }
        Ok(())
    }

    fn mark_here(&mut self, messages: &[i64]) -> Result<()> {
        self.write("keeping texts", |tx| {
            for message in messages {
                tx.prepare_cached("UPDATE message SET is_here = 1 WHERE key = ?1 AND is_here = 0")
                    .and_then(|mut s| s.execute([message]))
                    .doing("keeping texts")?;
            }
            Ok(())
        })
    }
}

thread_local! {
    /// What zstd works in. To make it anew for each message takes longer than to pack a small one.
    static PACKER: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn pack(bytes: &[u8], level: i32) -> Result<Vec<u8>> {
    let packed = PACKER.with_borrow_mut(|packer| {
        let mut ready = match packer.take() {
            Some(ready) => ready,
            None => zstd::bulk::Compressor::new(level)?,
        };
        ready.set_compression_level(level)?;
        packer.insert(ready).compress(bytes)
    });
    packed.map_err(|e| super::Error::Disk {
        file: super::migrate::CONTENT.file.to_owned(),
        detail: format!("a text cannot be compressed: {e}"),
    })
}

/// Whether the message is still there; one that went while its text was fetched needs none.
fn is_known(tx: &Connection, message: i64) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM message WHERE key = ?1")?
        .exists([message])
}

/// Whether everything that one reads of a message is here in parts: its header and its text parts.
fn has_texts(tx: &Connection, message: i64) -> rusqlite::Result<bool> {
    let structure: Option<String> = tx
        .prepare_cached("SELECT structure FROM cold WHERE message = ?1")?
        .query_row([message], |row| row.get(0))
        .optional()?;
    let structure: Option<BodyStructure> =
        structure.and_then(|text| serde_json::from_str(&text).ok());
    let Some(structure) = structure else {
        return Ok(false);
    };
    let mut wanted = vec![String::new()];
    wanted.extend(structure.needed().map(|p| p.id.to_string()));
    let mut find =
        tx.prepare_cached("SELECT 1 FROM content.part WHERE message = ?1 AND part = ?2")?;
    for part in wanted {
        if !find.exists((message, part))? {
            return Ok(false);
        }
    }
    Ok(true)
}
