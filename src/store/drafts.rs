//! Drafts: what is being written, kept so that neither a crash nor a closed window loses a word.
//!
//! Called by `engine` for the composer and the outbox. A draft must never be dropped while words of
//! the user are in it and nothing else has them: it is sent, or discarded by its writer.

use super::sql::Doing;
use super::{Reader, Result, Writer, draft_copies};
use crate::model::{AccountKey, Caret, Content, Draft, DraftKey};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How long drafts stay that were sent or discarded, so that they can be taken up again.
const KEPT_SECS: i64 = 30 * 24 * 3600;

/// Where a draft stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftState {
    /// In a composer.
    Written,
    /// Put away for later.
    Left,
    /// In the outbox, or sent.
    Sent,
    /// Thrown away.
    Discarded,
}

impl DraftState {
    const fn number(self) -> i64 {
        match self {
            Self::Written => 0,
            Self::Left => 1,
            Self::Sent => 2,
            Self::Discarded => 3,
        }
    }

    const fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Written,
            1 => Self::Left,
            2 => Self::Sent,
            _ => Self::Discarded,
        }
    }
}

/// A draft as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRow {
    /// Its key.
    pub key: DraftKey,
    /// The account that sends it.
    pub account: AccountKey,
    /// The draft; bytes of attachments only where one draft was asked for.
    pub draft: Draft,
    /// Where the cursor was.
    pub caret: Caret,
    /// Where it stands.
    pub state: DraftState,
    /// Counts the changes of its content.
    pub version: u64,
    /// Whether its writer ended without leaving it.
    pub is_recovered: bool,
    /// When it was changed last, in seconds since 1970.
    pub changed_secs: i64,
    /// Whether the mailbox of drafts has it as it is.
    pub is_copied: bool,
}

/// What became of taking up a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// It is there to be written.
    Opened(Box<DraftRow>),
    /// Another process writes it.
    Elsewhere,
    /// It is on its way, or was sent.
    Sent,
    /// There is no such draft.
    Gone,
}

/// What became of a draft that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It stays.
    Kept(AccountKey),
    /// Nothing was written in it, and it is gone.
    Dropped(AccountKey),
    /// It was not open.
    Nothing,
}

impl Writer {
    /// Begins a draft. `writer` is the session that writes it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn begin_draft(
        &mut self,
        draft: Draft,
        caret: Caret,
        writer: i64,
        now_secs: i64,
    ) -> Result<DraftKey> {
        let doing = "keeping a draft";
        let begun = words_of(&draft);
        let parts = Parts::of(draft)?;
        self.write_journal(doing, |tx| {
            tx.prepare_cached(
                "INSERT INTO own.draft (account, content, aside, caret, begun, writer, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut s| {
                s.execute((
                    parts.account,
                    &parts.content,
                    &parts.aside,
                    caret_text(caret),
                    begun,
                    writer,
                    now_secs,
                ))
            })
            .doing(doing)?;
            let key = tx.last_insert_rowid();
            parts.put_bytes(tx, key).doing(doing)?;
            Ok(DraftKey(key))
        })
    }

    /// Keeps a draft as it is now; whether it is still there to be kept. One that was sent or
    /// discarded meanwhile stays as it is.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep_draft(
        &mut self,
        key: DraftKey,
        draft: Draft,
        caret: Caret,
        now_secs: i64,
    ) -> Result<bool> {
        let doing = "keeping a draft";
        let parts = Parts::of(draft)?;
        self.write_journal(doing, |tx| {
            let before: Option<(i64, String, String)> = tx
                .prepare_cached(
                    "SELECT account, content, aside FROM own.draft WHERE key = ?1 AND state < 2",
                )
                .and_then(|mut s| {
                    s.query_row([key.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        .optional()
                })
                .doing(doing)?;
            let Some((account, content, aside)) = before else {
                return Ok(false);
            };
            let is_same =
                account == parts.account && content == parts.content && aside == parts.aside;
            if is_same {
                tx.prepare_cached("UPDATE own.draft SET caret = ?2 WHERE key = ?1")
                    .and_then(|mut s| s.execute((key.0, caret_text(caret))))
                    .doing(doing)?;
                return Ok(true);
            }
            tx.prepare_cached(
                "UPDATE own.draft SET account = ?2, content = ?3, aside = ?4, caret = ?5,
                   version = version + 1, changed_at = ?6, copy_at = 0 WHERE key = ?1",
            )
            .and_then(|mut s| {
                s.execute((
                    key.0,
                    parts.account,
                    &parts.content,
                    &parts.aside,
                    caret_text(caret),
                    now_secs,
                ))
            })
            .doing(doing)?;
            parts.put_bytes(tx, key.0).doing(doing)?;
            Ok(true)
        })
    }

    /// Takes up a draft that is kept here. `is_alive` tells of a session whether it still writes.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn open_draft(
        &mut self,
        key: DraftKey,
        writer: i64,
        is_alive: impl Fn(i64) -> bool,
    ) -> Result<Opening> {
        let doing = "opening a draft";
        self.write_journal(doing, |tx| {
            let found: Option<(i64, i64)> = tx
                .prepare_cached("SELECT state, writer FROM own.draft WHERE key = ?1")
                .and_then(|mut s| {
                    s.query_row([key.0], |row| Ok((row.get(0)?, row.get(1)?)))
                        .optional()
                })
                .doing(doing)?;
            let Some((state, holder)) = found else {
                return Ok(Opening::Gone);
            };
            match DraftState::from_number(state) {
                DraftState::Sent => return Ok(Opening::Sent),
                DraftState::Written if holder != writer && is_alive(holder) => {
                    return Ok(Opening::Elsewhere);
                }
                _ => {}
            }
            // As it was found, so that the screen can say that it was recovered.
            let row = row_of(tx, key)?;
            take_up(tx, key, writer).doing(doing)?;
            Ok(row.map_or(Opening::Gone, |row| Opening::Opened(Box::new(row))))
        })
    }

    /// The composer was left. A draft in which nothing was written goes, without a trace where it
    /// left none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn leave_draft(&mut self, key: DraftKey, now_secs: i64) -> Result<Left> {
        let doing = "leaving a draft";
        self.write_journal(doing, |tx| {
            let Some(row) = row_of(tx, key)?.filter(|row| row.state == DraftState::Written) else {
                return Ok(Left::Nothing);
            };
            if drop_untouched(tx, key)? {
                return Ok(Left::Dropped(row.account));
            }
            if row.draft.is_blank() {
                end(tx, key, DraftState::Discarded, now_secs, 0)?;
                return Ok(Left::Dropped(row.account));
            }
            tx.execute(
                "UPDATE own.draft SET state = 1, writer = 0, copy_at = 0 WHERE key = ?1",
                [key.0],
            )
            .doing(doing)?;
            Ok(Left::Kept(row.account))
        })
    }

    /// Throws a draft away; whether there was one. It stays for a while, to be taken up again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn discard_draft(&mut self, key: DraftKey, now_secs: i64) -> Result<bool> {
        self.write_journal("discarding a draft", |tx| {
            end(tx, key, DraftState::Discarded, now_secs, 0)
        })
    }

    /// Marks drafts as recovered whose writers ended without leaving them; how many those are that
    /// nobody has taken up since.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn recover_drafts(&mut self, is_alive: impl Fn(i64) -> bool) -> Result<u32> {
        let doing = "looking for drafts";
        self.write_journal(doing, |tx| {
            let open: Vec<(i64, i64)> = tx
                .prepare_cached("SELECT key, writer FROM own.draft WHERE state = 0")
                .and_then(|mut s| {
                    s.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
                        .collect()
                })
                .doing(doing)?;
            for (key, writer) in open {
                if is_alive(writer) || drop_untouched(tx, DraftKey(key))? {
                    continue;
                }
                tx.execute(
                    "UPDATE own.draft SET state = 1, writer = 0, is_recovered = 1 WHERE key = ?1",
                    [key],
                )
                .doing(doing)?;
            }
            recovered(tx)
        })
    }

    /// Forgets drafts that were sent or discarded long ago, unless what was made of them still waits.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn prune_drafts(&mut self, now_secs: i64) -> Result<()> {
        let doing = "clearing old drafts";
        self.write_journal(doing, |tx| {
            let old: Vec<i64> = tx
                .prepare_cached(
                    "SELECT key FROM own.draft WHERE state >= 2 AND changed_at < ?1
                       AND NOT EXISTS (SELECT 1 FROM own.draft_copy WHERE draft = own.draft.key)
                       AND NOT EXISTS (SELECT 1 FROM own.outbox o
                         WHERE o.draft = own.draft.key AND o.state < 6)",
                )
                .and_then(|mut s| {
                    s.query_map([now_secs - KEPT_SECS], |row| row.get(0))?
                        .collect()
                })
                .doing(doing)?;
            for key in old {
                remove(tx, key).doing(doing)?;
            }
            Ok(())
        })
    }
}

impl Reader {
    /// A draft with everything that belongs to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn draft(&self, key: DraftKey) -> Result<Option<DraftRow>> {
        row_of(&self.conn, key)
    }

    /// The drafts that are kept here, the latest first, without the bytes of their attachments.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn drafts(&self) -> Result<Vec<DraftRow>> {
        self.conn
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM own.draft WHERE state < 2 ORDER BY changed_at DESC, key DESC"
            ))
            .and_then(|mut s| {
                s.query_map((), read_row)?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .doing("reading drafts")
            .map(|rows| rows.into_iter().flatten().map(|(row, _)| row).collect())
    }

    /// How many drafts were recovered and not taken up since.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recovered_drafts(&self) -> Result<u32> {
        recovered(&self.conn)
    }
}

/// Ends a draft: its copies on servers are to be removed, from `remove_secs` on. Whether there was
/// one.
pub(super) fn end(
    tx: &Connection,
    key: DraftKey,
    state: DraftState,
    now_secs: i64,
    remove_secs: i64,
) -> Result<bool> {
    let doing = "putting a draft away";
    let ended = tx
        .execute(
            "UPDATE own.draft SET state = ?2, writer = 0, is_recovered = 0, changed_at = ?3
             WHERE key = ?1 AND state < 2",
            (key.0, state.number(), now_secs),
        )
        .doing(doing)?;
    draft_copies::remove_all(tx, key.0, remove_secs)?;
    Ok(ended > 0)
}

pub(super) fn take_up(tx: &Connection, key: DraftKey, writer: i64) -> rusqlite::Result<()> {
    draft_copies::keep_latest(tx, key.0)?;
    tx.execute(
        "UPDATE own.draft SET state = 0, writer = ?2, is_recovered = 0 WHERE key = ?1",
        (key.0, writer),
    )
    .map(drop)
}

/// What was to be sent is not: the draft waits to be taken up.
pub(super) fn put_back(tx: &Connection, key: DraftKey, now_secs: i64) -> rusqlite::Result<()> {
    draft_copies::keep_latest(tx, key.0)?;
    tx.execute(
        "UPDATE own.draft SET state = 1, writer = 0, changed_at = ?2 WHERE key = ?1 AND state = 2",
        (key.0, now_secs),
    )
    .map(drop)
}

fn recovered(conn: &Connection) -> Result<u32> {
    conn.prepare_cached("SELECT count(*) FROM own.draft WHERE state < 2 AND is_recovered = 1")
        .and_then(|mut s| s.query_row((), |row| row.get(0)))
        .doing("reading drafts")
}

/// Removes a draft in which nothing was written; whether it was one.
fn drop_untouched(tx: &Connection, key: DraftKey) -> Result<bool> {
    let doing = "leaving a draft";
    let (begun, has_copy): (i64, bool) = tx
        .prepare_cached(
            "SELECT begun, EXISTS (SELECT 1 FROM own.draft_copy c
               WHERE c.draft = d.key AND c.version > 0)
             FROM own.draft d WHERE key = ?1",
        )
        .and_then(|mut s| s.query_row([key.0], |row| Ok((row.get(0)?, row.get(1)?))))
        .doing(doing)?;
    let row = row_of(tx, key)?;
    let is_untouched = row.is_some_and(|row| !has_copy && begun == words_of(&row.draft));
    if is_untouched {
        // A copy of another client's that it was taken up from stays as it is.
        remove(tx, key.0).doing(doing)?;
        tx.execute("DELETE FROM own.draft_copy WHERE draft = ?1", [key.0])
            .doing(doing)?;
    }
    Ok(is_untouched)
}

fn remove(tx: &Connection, key: i64) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM own.draft_bytes WHERE draft = ?1", [key])?;
    tx.execute("DELETE FROM own.draft WHERE key = ?1", [key])
        .map(drop)
}

const COLUMNS: &str =
    "key, account, content, caret, state, version, is_recovered, changed_at, copied, aside";

/// A draft that cannot be read, because a later version wrote it, is passed over, not lost.
fn read_row(row: &Row<'_>) -> rusqlite::Result<Option<(DraftRow, Aside)>> {
    let json = |at: usize| -> rusqlite::Result<String> { row.get(at) };
    let Ok(draft) = serde_json::from_str::<Draft>(&json(2)?) else {
        return Ok(None);
    };
    let version: i64 = row.get(5)?;
    let found = DraftRow {
        key: DraftKey(row.get(0)?),
        account: AccountKey(row.get(1)?),
        draft,
        caret: serde_json::from_str(&json(3)?).unwrap_or_default(),
        state: DraftState::from_number(row.get(4)?),
        version: super::sql::unsigned(version),
        is_recovered: row.get(6)?,
        changed_secs: row.get(7)?,
        is_copied: row.get::<_, i64>(8)? == version,
    };
    Ok(Some((
        found,
        serde_json::from_str(&json(9)?).unwrap_or_default(),
    )))
}

/// A draft with the bytes of its attachments.
pub(super) fn row_of(conn: &Connection, key: DraftKey) -> Result<Option<DraftRow>> {
    let doing = "reading a draft";
    let found = conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM own.draft WHERE key = ?1"))
        .and_then(|mut s| s.query_row([key.0], read_row).optional())
        .doing(doing)?;
    let Some((mut row, aside)) = found.flatten() else {
        return Ok(None);
    };
    for (index, hash) in aside {
        let bytes: Option<Vec<u8>> = conn
            .prepare_cached("SELECT bytes FROM own.draft_bytes WHERE draft = ?1 AND hash = ?2")
            .and_then(|mut s| s.query_row((key.0, hash), |row| row.get(0)).optional())
            .doing(doing)?;
        let attached = row.draft.attachments.get_mut(index);
        if let (Some(bytes), Some(attached)) = (bytes, attached) {
            attached.content = Content::Bytes(bytes);
        }
    }
    Ok(Some(row))
}

fn caret_text(caret: Caret) -> String {
    serde_json::to_string(&caret).unwrap_or_default()
}

/// Which attachments' bytes are put aside: their places, and hashes of the bytes.
type Aside = Vec<(usize, String)>;

/// A draft as the columns hold it.
struct Parts {
    account: i64,
    content: String,
    aside: String,
    bytes: BTreeMap<String, Vec<u8>>,
}

impl Parts {
    fn of(mut draft: Draft) -> Result<Self> {
        let mut aside = Aside::new();
        let mut bytes = BTreeMap::new();
        for (index, attached) in draft.attachments.iter_mut().enumerate() {
            if let Content::Bytes(held) = &mut attached.content {
                let held = std::mem::take(held);
                let hash = hash_of(&held);
                aside.push((index, hash.clone()));
                bytes.insert(hash, held);
            }
        }
        let text = |json: serde_json::Result<String>| {
            json.map_err(|e| super::Error::Disk {
                file: super::migrate::OWN.file.to_owned(),
                detail: format!("a draft cannot be written down: {e}"),
            })
        };
        Ok(Self {
            account: draft.identity.account.0,
            content: text(serde_json::to_string(&draft))?,
            aside: text(serde_json::to_string(&aside))?,
            bytes,
        })
    }

    /// Puts aside what is not there yet, and forgets what is not attached any more.
    fn put_bytes(&self, tx: &Connection, key: i64) -> rusqlite::Result<()> {
        let known: Vec<String> = tx
            .prepare_cached("SELECT hash FROM own.draft_bytes WHERE draft = ?1")?
            .query_map([key], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for hash in known.iter().filter(|hash| !self.bytes.contains_key(*hash)) {
            tx.execute(
                "DELETE FROM own.draft_bytes WHERE draft = ?1 AND hash = ?2",
                (key, hash),
            )?;
        }
        for (hash, bytes) in &self.bytes {
            if !known.contains(hash) {
                tx.execute(
                    "INSERT INTO own.draft_bytes (draft, hash, bytes) VALUES (?1, ?2, ?3)",
                    (key, hash, bytes),
                )?;
            }
        }
        Ok(())
    }
}

/// Tells contents of one draft apart; 128 bits and the length.
fn hash_of(bytes: &[u8]) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        bytes.hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}{:x}", half(0), half(1), bytes.len())
}

/// A hash of what a person would call written: not who writes, nor the signature that came with it.
fn words_of(draft: &Draft) -> i64 {
    let mut hasher = DefaultHasher::new();
    for people in [&draft.to, &draft.cc, &draft.bcc, &draft.reply_to] {
        people.typed().trim().hash(&mut hasher);
    }
    draft.subject.trim().hash(&mut hasher);
    draft.own_text().hash(&mut hasher);
    draft.attachments.len().hash(&mut hasher);
    for attached in &draft.attachments {
        attached.name.hash(&mut hasher);
    }
    hasher.finish().cast_signed()
}
