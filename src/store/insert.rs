//! Adding one message after the other to a mailbox, as fast as SQLite takes them.
//!
//! Called by `messages::put_messages`. Must never make a second row of a message that is known to
//! be the same (EMAILID, or the same placement of an era before).

use super::keys::{self, What};
use super::messages::Home;
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use super::text::without_marks;
use super::threads::{Facts, Threads, id_hash, parent_hash};
use super::{Result, eras, transit};
use crate::model::{Envelope, Fetched, FetchedMessage, FlagSet, Moment};
use rusqlite::{CachedStatement, Connection, OptionalExtension};
use std::collections::HashSet;

/// A message that is to be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct New<'a> {
    pub(super) uid: u32,
    pub(super) fetched: &'a Fetched,
    pub(super) envelope: &'a Envelope,
    pub(super) arrived: Moment,
}

impl<'a> New<'a> {
    /// What is to be added of a fetched message; `None` without an envelope.
    pub(super) fn of(message: &'a FetchedMessage) -> Option<Self> {
        let fetched = &message.fetched;
        let envelope = fetched.envelope.as_ref()?;
        Some(Self {
            uid: message.uid.get(),
            fetched,
            envelope,
            arrived: fetched.arrived.or(envelope.date).unwrap_or_default(),
        })
    }
}

/// Where an added message went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub(super) message: i64,
    /// It was shown in the mailbox before: under an id of an era that is over, or on its way.
    pub(super) is_known: bool,
}

/// The statements of one transaction.
pub(super) struct Inserter<'c> {
    conn: &'c Connection,
    home: &'c Home,
    pub(super) threads: Threads<'c>,
    /// The hashed ids of what is being added.
    own_ids: HashSet<i64>,
    message: CachedStatement<'c>,
    cold: CachedStatement<'c>,
    placement: CachedStatement<'c>,
}

impl<'c> Inserter<'c> {
    pub(super) fn new(conn: &'c Connection, home: &'c Home) -> rusqlite::Result<Self> {
        Ok(Self {
            conn,
            home,
            threads: Threads::new(conn, home.account)?,
            own_ids: HashSet::new(),
            message: conn.prepare_cached(
                "INSERT INTO message (key, account, has_attachment, size, arrived, arrived_offset,
                   date, date_offset, parent, subject, sender, preview, recipients, copies,
                   message_id, email_id, local, is_here)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                   ?18)",
            )?,
            cold: conn.prepare_cached(
                "INSERT INTO cold (message, reply_to, hidden, in_reply_to, structure)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            placement: conn.prepare_cached(
                "INSERT INTO placement (mailbox, arrived, uid, message, thread, flags, base, words,
                   base_words, mod_seq, has_refs, is_pending)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?7, ?8, ?9, 0)",
            )?,
        })
    }

    /// Adds messages, the newest first, so that rows of one list lie side by side in the file.
    pub(super) fn add_all<'a>(
        &mut self,
        mut new: Vec<New<'a>>,
        arrived: &mut Tally,
        mut each: impl FnMut(&New<'a>, Added) -> Result<()>,
    ) -> Result<()> {
        new.sort_by_key(|n| std::cmp::Reverse((n.arrived.unix_secs, n.uid)));
        self.own_ids = own_ids(self.home.account, &new);
        let mut key = keys::take(self.conn, What::Message, new.len()).doing("adding messages")?;
        for one in &new {
            let added = self.add(one, key, arrived)?;
            if added.message == key {
                key += 1;
            }
            each(one, added)?;
        }
        Ok(())
    }

    fn add(&mut self, new: &New<'_>, key: i64, arrived: &mut Tally) -> Result<Added> {
        let mut known = None;
        if self.home.stale > 0 {
            known = eras::rekey(self.conn, self.home, new)?;
        }
        if known.is_none() && self.home.is_awaiting {
            known = transit::bind(self.conn, self.home, new, arrived)?;
            if let Some(message) = known {
                complete(self.conn, message, new.fetched).doing("adding messages")?;
            }
        }
        if let Some(message) = known {
            return Ok(Added {
                message,
                is_known: true,
            });
        }
        let known = match new.fetched.email_id.as_deref() {
            Some(id) => self.by_email(id).doing("adding messages")?,
            None => None,
        };
        let message = known.map_or(key, |(message, _)| message);
        let facts = Facts {
            thread_id: new.fetched.thread_id.as_deref(),
            envelope: new.envelope,
            references: new.fetched.references.as_deref().unwrap_or_default(),
            arrived: new.arrived.unix_secs,
        };
        let thread = match known {
            Some((_, Some(thread))) => thread,
            _ => self
                .threads
                .of_new(message, &facts)
                .doing("adding messages")?,
        };
        if known.is_none() {
            self.put_message(new, key).doing("adding messages")?;
        }
        self.put_placement(new, message, thread)
            .doing("adding messages")?;
        Ok(Added {
            message,
            is_known: false,
        })
    }

    /// The message of that EMAILID that does not lie in this mailbox yet, and its thread where it
    /// lies anywhere.
    fn by_email(&self, id: &str) -> rusqlite::Result<Option<(i64, Option<i64>)>> {
        let found: Option<(i64, Option<i64>)> = self
            .conn
            .prepare_cached(
                "SELECT m.key, (SELECT thread FROM placement WHERE message = m.key) FROM message m
                 WHERE m.email_id = ?1 AND m.account = ?2 AND NOT EXISTS
                   (SELECT 1 FROM placement p WHERE p.message = m.key AND p.mailbox = ?3) LIMIT 1",
            )?
            .query_row((id, self.home.account, self.home.mailbox), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((message, None)) = found {
            self.conn
                .prepare_cached("DELETE FROM orphan WHERE message = ?1")?
                .execute([message])?;
        }
        Ok(found)
    }

    fn put_message(&mut self, new: &New<'_>, key: i64) -> rusqlite::Result<()> {
        let New {
            fetched,
            envelope,
            arrived,
            ..
        } = *new;
        let has_attachment = fetched
            .structure
            .as_ref()
            .is_some_and(|s| s.attachments().next().is_some());
        let references = fetched.references.as_deref().unwrap_or_default();
        self.message.execute(rusqlite::params![
            key,
            self.home.account,
            has_attachment,
            sql::signed(fetched.size_bytes.unwrap_or(0)),
            arrived.unix_secs,
            arrived.offset_mins,
            envelope.date.map(|d| d.unix_secs),
            envelope.date.map_or(0, |d| d.offset_mins),
            parent_hash(self.home.account, references, &envelope.in_reply_to),
            envelope.subject,
            sql::addresses_text(&envelope.from),
            fetched.preview.as_deref().unwrap_or_default(),
            sql::addresses_text(&envelope.to),
            sql::addresses_text(&envelope.cc),
            envelope.message_id,
            fetched.email_id,
            fetched.local.map_or(0, |local| local.key.0),
            fetched.local.is_some_and(|local| local.is_whole),
        ])?;
        let structure = fetched
            .structure
            .as_ref()
            .and_then(|s| serde_json::to_string(s).ok())
            .unwrap_or_default();
        let is_bare = structure.is_empty()
            && envelope.reply_to.is_empty()
            && envelope.bcc.is_empty()
            && envelope.in_reply_to.is_empty();
        if is_bare {
            return Ok(());
        }
        self.cold
            .execute((
                key,
                sql::addresses_text(&envelope.reply_to),
                sql::addresses_text(&envelope.bcc),
                envelope.in_reply_to.join("\n"),
                structure,
            ))
            .map(drop)
    }

    /// Whether References could tell more of the thread: not of what answers nothing, nor of what
    /// answers a message that comes with it, since the same References lead to that one. Of news
    /// they are always asked for: that costs little, and some programs name no other parent.
    fn needs_references(&self, new: &New<'_>) -> bool {
        let Fetched {
            references,
            thread_id,
            ..
        } = new.fetched;
        if references.is_some() || thread_id.is_some() {
            return false;
        }
        match new.envelope.in_reply_to.first() {
            Some(id) if *id == new.envelope.message_id => true,
            Some(id) => !self.own_ids.contains(&id_hash(self.home.account, id)),
            None => self.home.is_complete || without_marks(&new.envelope.subject).1,
        }
    }

    fn put_placement(&mut self, new: &New<'_>, message: i64, thread: i64) -> rusqlite::Result<()> {
        let none = FlagSet::new();
        let flags = new.fetched.flags.as_ref().unwrap_or(&none);
        let has_refs = !self.needs_references(new);
        self.placement
            .execute((
                self.home.mailbox,
                new.arrived.unix_secs,
                new.uid,
                message,
                thread,
                flags.bits(),
                flags.words(),
                new.fetched.mod_seq.map_or(0, |m| sql::signed(m.0)),
                has_refs,
            ))
            .map(drop)
    }
}

/// The hashed ids of messages.
fn own_ids(account: i64, new: &[New<'_>]) -> HashSet<i64> {
    new.iter()
        .map(|n| n.envelope.message_id.as_str())
        .filter(|id| !id.is_empty())
        .map(|id| id_hash(account, id))
        .collect()
}

/// Fills in what a message that is known lacked until now.
pub(super) fn complete(conn: &Connection, message: i64, fetched: &Fetched) -> rusqlite::Result<()> {
    if let Some(structure) = &fetched.structure {
        let has_attachment = structure.attachments().next().is_some();
        let text = serde_json::to_string(structure).unwrap_or_default();
        conn.prepare_cached(
            "INSERT INTO cold (message, reply_to, hidden, in_reply_to, structure)
             VALUES (?1, '', '', '', ?2)
             ON CONFLICT (message) DO UPDATE SET structure = excluded.structure
             WHERE structure = ''",
        )?
        .execute((message, text))?;
        conn.prepare_cached(
            "UPDATE message SET has_attachment = ?2 WHERE key = ?1 AND has_attachment <> ?2",
        )?
        .execute((message, has_attachment))?;
    }
    if let Some(local) = fetched.local {
        conn.prepare_cached(
            "UPDATE message SET local = ?2, is_here = ?3, size = ?4
             WHERE key = ?1 AND (local <> ?2 OR is_here <> ?3 OR size <> ?4)",
        )?
        .execute((
            message,
            local.key.0,
            local.is_whole,
            sql::signed(fetched.size_bytes.unwrap_or(0)),
        ))?;
    }
    // Words that were made of the text are better than what the server says later.
    if let Some(preview) = fetched.preview.as_ref().filter(|words| !words.is_empty()) {
        conn.prepare_cached("UPDATE message SET preview = ?2 WHERE key = ?1 AND preview = ''")?
            .execute((message, preview))?;
    }
    Ok(())
}

/// Takes in the References of a message that is known, with what they do to its thread.
pub(super) fn put_references(
    conn: &Connection,
    threads: &mut Threads<'_>,
    account: i64,
    placement: &Placement,
    references: &[String],
) -> rusqlite::Result<()> {
    if !placement.has_refs {
        conn.prepare_cached(
            "UPDATE placement SET has_refs = 1 WHERE message = ?1 AND has_refs = 0",
        )?
        .execute([placement.message])?;
    }
    if references.is_empty() {
        return Ok(());
    }
    conn.prepare_cached("UPDATE message SET parent = ?2 WHERE key = ?1 AND parent <> ?2")?
        .execute((placement.message, parent_hash(account, references, &[])))?;
    threads.of_old(placement.thread, references).map(drop)
}
