//! What has not been fetched yet: texts and References, the newest first.
//!
//! Called by the background fetch. Must never walk over what is here already, nor have References
//! asked for that can tell nothing.

use super::insert::put_references;
use super::placements::Placement;
use super::sql::{self, Doing};
use super::threads::{Threads, id_hash};
use super::{PullChange, Reader, Result, Writer};
use crate::model::{AccountKey, MailboxKey, MessageKey, Placed, Uid, UidSet};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(super) const TEXTS: &str = "SELECT m.key, p.mailbox, p.uid, m.size
  FROM message m INDEXED BY message_missing CROSS JOIN placement p ON p.message = m.key
  WHERE m.account = ?1 AND m.is_here = 0 AND m.arrived >= ?2 AND m.size <= ?3 AND p.uid > 0
  ORDER BY m.arrived DESC";

pub(super) const REFERENCES: &str =
    "SELECT p.uid, p.message, p.thread, m.account, m.parent, m.message_id
  FROM placement p INDEXED BY placement_no_refs CROSS JOIN message m ON m.key = p.message
  WHERE p.mailbox = ?1 AND p.has_refs = 0 AND p.uid > 0 ORDER BY p.uid DESC LIMIT ?2";

/// The ids of what is here of a thread.
pub(super) const IDS: &str = "SELECT m.message_id FROM placement p
  CROSS JOIN message m ON m.key = p.message WHERE p.thread = ?1";

/// Messages whose References were not asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MissingReferences {
    /// To be asked for.
    pub wanted: UidSet,
    /// Their References can tell nothing: they answer nothing, or a message that is here.
    pub needless: Vec<MessageKey>,
}

impl Reader {
    /// Up to `limit` messages without their text, newest first, of mailboxes of the account:
    /// arrived at `since_secs` or later, at most `size_max` bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn missing_texts(
        &self,
        account: AccountKey,
        since_secs: i64,
        size_max: u64,
        limit: u32,
    ) -> Result<Vec<(Placed, Uid, u64)>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut out = Vec::new();
        let mut seen = BTreeSet::new();
        let mut each = || -> rusqlite::Result<()> {
            let mut statement = self.conn.prepare_cached(TEXTS)?;
            let mut rows = statement.query((account.0, since_secs, sql::signed(size_max)))?;
            while out.len() < limit
                && let Some(row) = rows.next()?
            {
                let message: i64 = row.get(0)?;
                let uid = row.get::<_, u32>(2)?;
                if let Some(uid) = Uid::new(uid).filter(|_| seen.insert(message)) {
                    let placed = Placed {
                        message: MessageKey(message),
                        mailbox: MailboxKey(row.get(1)?),
                    };
                    out.push((placed, uid, sql::unsigned(row.get(3)?)));
                }
            }
            Ok(())
        };
        each().doing("looking for texts to fetch")?;
        Ok(out)
    }

    /// Up to `limit` messages of a mailbox whose References were not asked for, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn missing_references(&self, mailbox: MailboxKey, limit: u32) -> Result<MissingReferences> {
        self.sort_references(mailbox, limit)
            .doing("looking for threads to complete")
    }

    fn sort_references(
        &self,
        mailbox: MailboxKey,
        limit: u32,
    ) -> rusqlite::Result<MissingReferences> {
        let mut statement = self.conn.prepare_cached(REFERENCES)?;
        let mut rows = statement.query((mailbox.0, limit))?;
        let mut out = MissingReferences::default();
        let mut threads: HashMap<i64, HashSet<i64>> = HashMap::new();
        while let Some(row) = rows.next()? {
            let (account, parent): (i64, i64) = (row.get(3)?, row.get(4)?);
            let text = |at: usize| row.get_ref(at).map(|v| v.as_str().unwrap_or_default());
            // What names no parent, or itself, was found worth asking when it came.
            let is_needless = if parent == 0 || parent == id_hash(account, text(5)?) {
                false
            } else {
                // What answers a message is in one thread with it.
                let here = match threads.entry(row.get(2)?) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let ids = self.ids_of(account, *place.key())?;
                        place.insert(ids)
                    }
                };
                here.contains(&parent)
            };
            if is_needless {
                out.needless.push(MessageKey(row.get(1)?));
            } else if let Some(uid) = Uid::new(row.get(0)?) {
                out.wanted.insert(uid);
            }
        }
        Ok(out)
    }

    /// The hashed ids of what is here of a thread.
    fn ids_of(&self, account: i64, thread: i64) -> rusqlite::Result<HashSet<i64>> {
        self.conn
            .prepare_cached(IDS)?
            .query_map([thread], |row| {
                let id = row.get_ref(0)?;
                Ok(id_hash(account, id.as_str().unwrap_or_default()))
            })?
            .collect()
    }
}

impl Writer {
    /// Notes that the References of these messages need not be asked for.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn skip_references(&mut self, messages: &[MessageKey]) -> Result<()> {
        let doing = "completing threads";
        self.write(doing, |tx| {
            for message in messages {
                tx.prepare_cached(
                    "UPDATE placement SET has_refs = 1 WHERE message = ?1 AND has_refs = 0",
                )
                .and_then(|mut s| s.execute([message.0]))
                .doing(doing)?;
            }
            Ok(())
        })
    }

    /// Takes in the References that were read from whole texts, of messages too for which the server
    /// would not have been asked: some answers show it nowhere else.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_references(
        &mut self,
        account: AccountKey,
        found: &[(MessageKey, Vec<String>)],
    ) -> Result<PullChange> {
        let doing = "completing threads";
        self.write(doing, |tx| {
            let mut threads = Threads::new(tx, account.0).doing(doing)?;
            for (message, references) in found {
                let all = Placement::all_of(tx, message.0)?;
                // Where one lies in several mailboxes, all are of one thread.
                let open = all.iter().find(|p| !p.has_refs);
                let told = all.first().filter(|_| !references.is_empty());
                if let Some(placement) = open.or(told) {
                    put_references(tx, &mut threads, account.0, placement, references)
                        .doing(doing)?;
                }
            }
            let changed = threads.merges;
            threads.finish().doing(doing)?;
            Ok(PullChange {
                changed,
                ..PullChange::default()
            })
        })
    }
}
