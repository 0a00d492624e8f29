//! What has not been fetched yet: texts and References, the newest first.
//!
//! Called by the background fetch. Must never walk over what is here already.

use super::sql::{self, Doing};
use super::{Reader, Result};
use crate::model::{AccountKey, MailboxKey, MessageKey, Placed, Uid, UidSet};
use std::collections::BTreeSet;

pub(super) const TEXTS: &str = "SELECT m.key, p.mailbox, p.uid, m.size
  FROM message m INDEXED BY message_missing CROSS JOIN placement p ON p.message = m.key
  WHERE m.account = ?1 AND m.is_here = 0 AND m.arrived >= ?2 AND m.size <= ?3 AND p.uid > 0
  ORDER BY m.arrived DESC";

pub(super) const REFERENCES: &str = "SELECT uid FROM placement INDEXED BY placement_no_refs
  WHERE mailbox = ?1 AND has_refs = 0 AND uid > 0 ORDER BY uid DESC LIMIT ?2";

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

    /// Up to `limit` ids of a mailbox whose References were not asked for, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn missing_references(&self, mailbox: MailboxKey, limit: u32) -> Result<UidSet> {
        let mut statement = self
            .conn
            .prepare_cached(REFERENCES)
            .doing("looking for threads to complete")?;
        let uids: rusqlite::Result<Vec<u32>> = statement
            .query_map((mailbox.0, limit), |row| row.get(0))
            .and_then(Iterator::collect);
        let uids = uids.doing("looking for threads to complete")?;
        Ok(uids.into_iter().filter_map(Uid::new).collect())
    }
}
