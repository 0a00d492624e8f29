//! The index over the words of whole texts, in `search.db`.
//!
//! Filled by `engine` in the background, asked by `search`. It is a cache: what it does not know yet
//! is only not found, and it may be emptied at any time.

use super::sql::Doing;
use super::text::fold;
use super::{Reader, Result, Writer};
use crate::model::MessageKey;
use rusqlite::Connection;

/// Shorter ones are not looked for in texts: half of them would be found.
const LETTERS_MIN: usize = 2;
/// From so many letters on, what begins with them is found too.
const BEGINNING_MIN: usize = 3;
/// So many pages of the index are merged behind each piece that is taken in: some times what that fills.
const MERGED_PAGES: i64 = 64;

impl Reader {
    /// Messages whose texts are here and not in the index, the newest first, at most so many.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn unindexed(&self, count: u32) -> Result<Vec<MessageKey>> {
        self.conn
            .prepare_cached(
                "SELECT key FROM message WHERE is_here = 1 AND is_indexed = 0
                 ORDER BY key DESC LIMIT ?1",
            )
            .and_then(|mut s| {
                s.query_map([count], |row| row.get(0).map(MessageKey))?
                    .collect()
            })
            .doing("looking for texts without an index")
    }
}

impl Writer {
    /// Takes the words of messages into the index, each as one text.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_words(&mut self, texts: &[(MessageKey, String)]) -> Result<()> {
        let doing = "indexing texts";
        let prepared: Vec<(i64, String)> = texts
            .iter()
            .map(|(key, text)| (key.0, indexed(text)))
            .collect();
        self.write(doing, |tx| {
            let mut put = tx
                .prepare_cached("INSERT OR REPLACE INTO search.words (rowid, text) VALUES (?1, ?2)")
                .doing(doing)?;
            for one in &prepared {
                put.execute((one.0, &one.1)).doing(doing)?;
            }
            Ok(())
        })?;
        self.write(doing, |tx| {
            tx.prepare_cached("INSERT INTO search.words (words, rank) VALUES ('merge', ?1)")
                .and_then(|mut s| s.execute([MERGED_PAGES]))
                .map(drop)
                .doing(doing)
        })?;
        // After the words: a crash in between has them taken in once more.
        self.write(doing, |tx| {
            let mut mark = tx
                .prepare_cached("UPDATE message SET is_indexed = 1 WHERE key = ?1")
                .doing(doing)?;
            for one in &prepared {
                mark.execute([one.0]).doing(doing)?;
            }
            Ok(())
        })
    }

    /// Drops the words of messages that are gone.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn drop_lost_words(&mut self) -> Result<()> {
        let doing = "tidying the index";
        self.write(doing, |tx| {
            tx.execute(
                "DELETE FROM search.words WHERE rowid IN (SELECT id FROM search.words_docsize d
                   WHERE NOT EXISTS (SELECT 1 FROM main.message WHERE key = d.id))",
                (),
            )
            .map(drop)
            .doing(doing)
        })
    }
}

/// Empties the index, so that all texts are taken in anew.
pub(super) fn empty(tx: &Connection) -> rusqlite::Result<()> {
    tx.execute_batch(
        "INSERT INTO search.words (words) VALUES ('delete-all');
         UPDATE message SET is_indexed = 0 WHERE is_indexed = 1;",
    )
}

/// What is looked for in the index for a text that a user typed: its words in that order, the last one
/// as far as it was typed. `None`: nothing in it can be looked for.
pub(super) fn phrase(text: &str) -> Option<String> {
    let text = indexed(text);
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    let (count, has_ideograph) = (letters.clone().count(), letters.clone().any(is_ideograph));
    let words = text.trim().replace('"', " ");
    match count {
        BEGINNING_MIN.. => Some(format!("\"{words}\"*")),
        _ if count >= LETTERS_MIN || has_ideograph => Some(format!("\"{words}\"")),
        _ => None,
    }
}

/// A text as it is indexed: folded as all texts are compared, each ideograph a word of its own, since
/// nothing divides the words of their languages.
fn indexed(text: &str) -> String {
    let folded = fold(text);
    if !folded.chars().any(is_ideograph) {
        return folded.replace('\0', " ");
    }
    let mut out = String::with_capacity(folded.len() * 2);
    for c in folded.chars() {
        match c {
            '\0' => out.push(' '),
            c if is_ideograph(c) => out.extend([' ', c, ' ']),
            c => out.push(c),
        }
    }
    out
}

/// Letters of languages that are written without blanks: Chinese, Japanese, Thai and its neighbours.
const fn is_ideograph(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
