//! The first words of messages whose texts are here and whose server gave none.
//!
//! Called where texts are stored, and by the engine's background task, which goes once through what a
//! store held before. Must never look at a message twice, nor replace words that say something.

use super::sql::{self, Doing};
use super::{Reader, Result, Writer};
use crate::model::{MailboxKey, MessageKey};
use rusqlite::OptionalExtension;
use std::collections::BTreeSet;

/// The row of `meta` that says how far the store was gone through: all from that key on were looked at.
const LOOKED_FROM: &str = "words_from";
/// How many messages are looked at for one batch.
const LOOKED_MAX: usize = 2000;

/// What is to be looked at next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wordless {
    /// Messages whose texts are here and of which no first words are known, the latest keys first.
    pub messages: Vec<MessageKey>,
    /// From which key on all are known when these are.
    pub from: i64,
}

impl Reader {
    /// The next messages without first words, `limit` at most; `None` when all were looked at.
    /// `gives_way` says which words are as good as none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn wordless(&self, limit: usize, gives_way: fn(&str) -> bool) -> Result<Option<Wordless>> {
        let doing = "looking for first words";
        let from = sql::meta(&self.conn, "main", LOOKED_FROM)
            .doing(doing)?
            .unwrap_or(i64::MAX);
        if from <= 0 {
            return Ok(None);
        }
        let mut next = Wordless {
            messages: Vec::new(),
            from: 0,
        };
        let mut each = || -> rusqlite::Result<()> {
            let mut statement = self.conn.prepare_cached(
                "SELECT key, is_here, preview FROM message WHERE key < ?1 ORDER BY key DESC",
            )?;
            let mut rows = statement.query([from])?;
            let mut looked = 0;
            while let Some(row) = rows.next()? {
                let key = row.get(0)?;
                looked += 1;
                let is_here: bool = row.get(1)?;
                if is_here && gives_way(row.get_ref(2)?.as_str().unwrap_or_default()) {
                    next.messages.push(MessageKey(key));
                }
                if next.messages.len() >= limit || looked >= LOOKED_MAX {
                    next.from = key;
                    break;
                }
            }
            Ok(())
        };
        each().doing(doing)?;
        Ok(Some(next))
    }
}

impl Writer {
    /// Keeps the first words of messages where what is known gives way to them. The mailboxes that
    /// show others now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_first_words(
        &mut self,
        found: &[(MessageKey, String)],
        gives_way: fn(&str) -> bool,
    ) -> Result<BTreeSet<MailboxKey>> {
        let doing = "keeping first words";
        let mut wanted = Vec::new();
        for (message, words) in found.iter().filter(|(_, words)| !words.is_empty()) {
            let known: Option<String> = self
                .conn
                .prepare_cached("SELECT preview FROM message WHERE key = ?1")
                .and_then(|mut s| s.query_row([message.0], |row| row.get(0)).optional())
                .doing(doing)?;
            if known.is_some_and(|known| known != *words && gives_way(&known)) {
                wanted.push((message.0, words));
            }
        }
        if wanted.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.write(doing, |tx| {
            let put = || -> rusqlite::Result<BTreeSet<MailboxKey>> {
                let mut set =
                    tx.prepare_cached("UPDATE message SET preview = ?2 WHERE key = ?1")?;
                let mut lies =
                    tx.prepare_cached("SELECT mailbox FROM placement WHERE message = ?1")?;
                let mut shown = BTreeSet::new();
                for (message, words) in &wanted {
                    set.execute((message, words))?;
                    let mut rows = lies.query([message])?;
                    while let Some(row) = rows.next()? {
                        shown.insert(MailboxKey(row.get(0)?));
                    }
                }
                Ok(shown)
            };
            put().doing(doing)
        })
    }

    /// Notes that all messages from that key on were looked at.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_first_words(&mut self, from: i64) -> Result<()> {
        let doing = "looking for first words";
        self.write(doing, |tx| {
            sql::set_meta(tx, "main", LOOKED_FROM, from).doing(doing)
        })
    }
}
