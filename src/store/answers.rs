//! What was answered to invitations from here.
//!
//! Called by `engine`. An answer counts as long as the message that carries it was not taken back; an
//! event is known by the id that its organizer gave it.

use super::sql::Doing;
use super::{Reader, Result, Writer};
use crate::model::{AccountKey, DraftKey, PartStat};
use rusqlite::{Connection, OptionalExtension as _};

impl Reader {
    /// The last answer to an event, and when it was given, in seconds since 1970.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn answer(
        &self,
        account: AccountKey,
        uid: &str,
        recurrence: &str,
    ) -> Result<Option<(PartStat, i64)>> {
        let found: Option<(String, i64)> = self
            .conn
            .prepare_cached(
                "SELECT state, answered FROM own.answer
                 WHERE account = ?1 AND uid = ?2 AND recurrence = ?3",
            )
            .and_then(|mut s| {
                s.query_row((account.0, uid, recurrence), |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
            })
            .doing("reading an answer")?;
        Ok(found.and_then(|(word, at)| Some((PartStat::from_word(&word)?, at))))
    }
}

impl Writer {
    /// Remembers an answer, and the draft that carries it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_answer(
        &mut self,
        account: AccountKey,
        (uid, recurrence): (&str, &str),
        state: PartStat,
        draft: DraftKey,
        now_secs: i64,
    ) -> Result<()> {
        let doing = "remembering an answer";
        self.write_journal(doing, |tx| {
            tx.execute(
                "INSERT OR REPLACE INTO own.answer (account, uid, recurrence, state, answered, draft)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (account.0, uid, recurrence, state.word(), now_secs, draft.0),
            )
            .doing(doing)?;
            Ok(())
        })
    }
}

/// The message with the answer was taken back: it was not given.
pub(super) fn forget(tx: &Connection, draft: DraftKey) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM own.answer WHERE draft = ?1")?
        .execute([draft.0])?;
    Ok(())
}
