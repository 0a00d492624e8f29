//! Threads, kept up message by message, whatever the order of arrival.
//!
//! Called by `insert` and `messages`. Every id that was ever mentioned has a row that names its
//! thread, so a parent that comes after its children finds them. Two threads that turn out to be
//! one become the older of the two; a thread must never be split again.

use super::sql::{meta, set_meta};
use crate::model::Envelope;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Result};

/// How many ids of one message are looked at: the oldest and the latest ones.
const IDS_MAX: usize = 64;
/// How long after a message an answer that names no parent still belongs to it by its subject.
const SUBJECT_SECS: i64 = 14 * 24 * 3600;
/// The length of a period of `thread_subject`: what lies within reach is in two of them at most.
const PERIOD_SECS: i64 = 2 * SUBJECT_SECS;
/// How many new ids are collected before they are moved.
const NEW_MAX: i64 = 50_000;
/// How many messages of one subject such an answer can draw together.
const SUBJECT_MAX: i64 = 100;

/// A stable 62-bit hash of an id within an account. Two ids that meet share a thread, no more.
fn hash(kind: u8, account: i64, text: &str) -> i64 {
    let mut h: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = account.to_le_bytes().into_iter().chain(text.bytes());
    for byte in std::iter::once(kind).chain(bytes) {
        h = (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((h ^ (h >> 31)) >> 2).cast_signed()
}

/// The hash of a Message-ID.
pub(super) fn id_hash(account: i64, id: &str) -> i64 {
    hash(b'i', account, id)
}

/// The hash of the id that a message answers: the last of its References, else In-Reply-To.
/// Zero where it answers nothing.
pub(super) fn parent_hash(account: i64, references: &[String], in_reply_to: &[String]) -> i64 {
    references
        .last()
        .or(in_reply_to.first())
        .map_or(0, |id| id_hash(account, id))
}

/// What of a message decides its thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) thread_id: Option<&'a str>,
    pub(super) envelope: &'a Envelope,
    pub(super) references: &'a [String],
    pub(super) arrived: i64,
}

pub(super) const FIND: &str = "SELECT thread FROM thread_id_new WHERE hash = ?1
  UNION ALL SELECT thread FROM thread_id WHERE hash = ?1 LIMIT 1";

/// The statements of one transaction.
pub(super) struct Threads<'c> {
    conn: &'c Connection,
    account: i64,
    find: CachedStatement<'c>,
    add: CachedStatement<'c>,
    merged: CachedStatement<'c>,
    /// Ids that were not found, kept to save allocations.
    new: Vec<i64>,
    /// How many ids were added.
    added: i64,
    /// How many threads became part of another one.
    pub(super) merges: u32,
}

impl<'c> Threads<'c> {
    pub(super) fn new(conn: &'c Connection, account: i64) -> Result<Self> {
        Ok(Self {
            conn,
            account,
            find: conn.prepare_cached(FIND)?,
            add: conn.prepare_cached(
                "INSERT OR IGNORE INTO thread_id_new (hash, thread) VALUES (?1, ?2)",
            )?,
            merged: conn.prepare_cached("SELECT into_ FROM thread_merged WHERE thread = ?1")?,
            new: Vec::new(),
            added: 0,
            merges: 0,
        })
    }

    /// To be called at the end of the transaction: moves new ids to the others when there are many.
    pub(super) fn finish(self) -> Result<()> {
        if self.added == 0 {
            return Ok(());
        }
        let new = meta(self.conn, "main", "new_ids")?.unwrap_or(0) + self.added;
        if new > NEW_MAX {
            self.conn.execute_batch(
                "INSERT OR IGNORE INTO thread_id SELECT hash, thread FROM thread_id_new ORDER BY hash;
                 DELETE FROM thread_id_new;",
            )?;
        }
        set_meta(
            self.conn,
            "main",
            "new_ids",
            if new > NEW_MAX { 0 } else { new },
        )
    }

    /// The thread of a new message, which may draw others together.
    pub(super) fn of_new(&mut self, message: i64, facts: &Facts<'_>) -> Result<i64> {
        if let Some(id) = facts.thread_id {
            let hash = hash(b't', self.account, id);
            return self.join(std::iter::once(hash), &[], message, false);
        }
        let own = Some(&facts.envelope.message_id);
        let answered = facts.envelope.in_reply_to.iter();
        let account = self.account;
        let ids = own
            .into_iter()
            .chain(answered.clone())
            .chain(limited(facts.references))
            .filter(|id| !id.is_empty())
            .map(|id| id_hash(account, id));
        if facts.references.is_empty() && answered.len() == 0 {
            let (subject, is_reply) = super::text::base_subject(&facts.envelope.subject);
            if !subject.is_empty() {
                let subject = hash(b's', account, &subject);
                let same = self.of_subject(subject, facts.arrived, is_reply)?;
                let thread = self.join(ids, &same, message, false)?;
                self.put_subject(subject, facts.arrived, is_reply, message, thread)?;
                return Ok(thread);
            }
        }
        self.join(ids, &[], message, false)
    }

    /// The thread of a message whose References came later.
    pub(super) fn of_old(&mut self, thread: i64, references: &[String]) -> Result<i64> {
        let account = self.account;
        let ids = limited(references)
            .filter(|id| !id.is_empty())
            .map(|id| id_hash(account, id));
        let thread = self.resolve(thread)?;
        self.join(ids, &[], thread, true)
    }

    /// Finds the threads of the ids, makes one of them, and gives it to the ids that had none.
    /// `start` is the thread to begin with; it `is_old` where other rows name it already.
    fn join(
        &mut self,
        ids: impl Iterator<Item = i64>,
        more: &[i64],
        start: i64,
        is_old: bool,
    ) -> Result<i64> {
        let mut found: Vec<i64> = Vec::new();
        if is_old {
            found.push(start);
        }
        let mut new = std::mem::take(&mut self.new);
        new.clear();
        for id in ids {
            match self.find.query_row([id], |row| row.get(0)).optional()? {
                Some(thread) => found.push(self.resolve(thread)?),
                None => new.push(id),
            }
        }
        for thread in more {
            found.push(self.resolve(*thread)?);
        }
        found.sort_unstable();
        found.dedup();
        let thread = found.first().copied().unwrap_or(start);
        for later in found.iter().skip(1) {
            self.merge(*later, thread)?;
        }
        for id in &new {
            self.add.execute((id, thread))?;
            self.added += 1;
        }
        self.new = new;
        Ok(thread)
    }

    fn resolve(&mut self, mut thread: i64) -> Result<i64> {
        while let Some(into) = self
            .merged
            .query_row([thread], |row| row.get(0))
            .optional()?
        {
            thread = into;
        }
        Ok(thread)
    }

    /// Makes `later` part of `thread`.
    fn merge(&mut self, later: i64, thread: i64) -> Result<()> {
        self.merges += 1;
        self.conn
            .prepare_cached("UPDATE placement SET thread = ?2 WHERE thread = ?1")?
            .execute((later, thread))?;
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO thread_merged (thread, into_) VALUES (?1, ?2)")?
            .execute((later, thread))?;
        Ok(())
    }

    /// The threads that a message without a named parent belongs to by its subject. Two such
    /// messages belong together when the later one is an answer and comes soon enough. To find all
    /// of them it is enough to look at the nearest answers on both sides, which hold together what
    /// is beyond them, and at what lies in between.
    fn of_subject(&self, subject: i64, arrived: i64, is_reply: bool) -> Result<Vec<i64>> {
        let mut threads: Vec<i64> = Vec::new();
        let to = arrived.saturating_add(SUBJECT_SECS);
        let after = self.of_period(subject, true, (arrived, to), "", 1)?;
        threads.extend(after.first().map(|f| f.0));
        if !is_reply {
            return Ok(threads);
        }
        let mut from = arrived.saturating_sub(SUBJECT_SECS);
        let before = self.of_period(subject, true, (from, arrived), "DESC", 1)?;
        if let Some((thread, at)) = before.first() {
            threads.push(*thread);
            from = *at;
        }
        let between = self.of_period(subject, false, (from, arrived), "DESC", SUBJECT_MAX)?;
        threads.extend(between.iter().map(|b| b.0));
        Ok(threads)
    }

    /// Threads and dates of messages of a subject that arrived between two dates, in order, up to
    /// `limit` of them in each period.
    fn of_period(
        &self,
        subject: i64,
        is_reply: bool,
        (from, to): (i64, i64),
        order: &str,
        limit: i64,
    ) -> Result<Vec<(i64, i64)>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT thread, arrived FROM thread_subject WHERE period = ?1 AND subject = ?2
               AND is_reply = ?3 AND arrived BETWEEN ?4 AND ?5 ORDER BY arrived {order} LIMIT ?6"
        ))?;
        let (first, last) = (from.div_euclid(PERIOD_SECS), to.div_euclid(PERIOD_SECS));
        let ends = if order.is_empty() {
            [first, last]
        } else {
            [last, first]
        };
        let mut out = Vec::new();
        for period in ends.into_iter().take(if first == last { 1 } else { 2 }) {
            let mut rows = statement.query((period, subject, is_reply, from, to, limit))?;
            while let Some(row) = rows.next()? {
                out.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(out)
    }

    fn put_subject(
        &self,
        subject: i64,
        arrived: i64,
        is_reply: bool,
        message: i64,
        thread: i64,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO thread_subject
                   (period, subject, is_reply, arrived, message, thread)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                arrived.div_euclid(PERIOD_SECS),
                subject,
                is_reply,
                arrived,
                message,
                thread,
            ))
            .map(drop)
    }
}

/// The first id and the last ones of a long list of References.
fn limited(ids: &[String]) -> impl Iterator<Item = &String> {
    let skipped = ids.len().saturating_sub(IDS_MAX);
    let first = ids.first().filter(|_| skipped > 0);
    first.into_iter().chain(ids.iter().skip(skipped))
}
