//! The outbox: what was put in, how it stands, and what the user decides about it.
//!
//! Called by `engine` and `cli`; `outbox_claims` is what the sender needs, `outbox_copies` what files
//! the copy. A recipient that is known to have a message must never become due again.

use super::spool::Sealed;
use super::sql::{self, Doing};
use super::{Reader, Result, Writer};
use crate::model::{
    AccountKey, DraftKey, Flag, FlagChange, MessageKey, Moment, OpKind, OutboxItem, OutboxKey,
    OutboxRecipient, OutboxState, Placed, RecipientState, Safe,
};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeSet;

/// Filed: nothing is left to be done. Not a state that is shown.
pub(super) const FILED: i64 = 8;
/// How long what was filed or cancelled is remembered.
const REMEMBERED_SECS: i64 = 30 * 24 * 3600;

/// A message to be put into the outbox; its bytes are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOutboxItem {
    /// The account that sends it.
    pub account: AccountKey,
    /// The draft it was made from.
    pub draft: Option<DraftKey>,
    /// Held, queued or scheduled.
    pub state: OutboxState,
    /// Not to be sent before, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Its subject, decoded.
    pub subject: String,
    /// Its Message-ID without angle brackets.
    pub message_id: String,
    /// The sender of the envelope.
    pub sender: String,
    /// The recipients of the envelope, each once.
    pub recipients: Vec<String>,
    /// Whether there is a byte above 127 in it.
    pub has_8bit: bool,
    /// Whether its header holds such bytes (RFC 6532).
    pub has_utf8_header: bool,
    /// Whether a report of delivery is wished for (RFC 3461).
    pub wants_report: bool,
    /// The message that it answers or passes on, and the flag which that gets.
    pub mark: Option<(MessageKey, Flag)>,
}

/// What became of the wish to take a message out of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is out; the draft that it was made from.
    Out(Option<DraftKey>),
    /// Some have it already: the rest is not sent, and the copy is filed as before.
    Rest(Option<DraftKey>),
    /// It is on its way: too late.
    OnItsWay,
    /// It was delivered, or there is no such message.
    Gone,
}

/// How many messages wait, and how many need the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Those that wait or are under way.
    pub waiting: u32,
    /// Those that are unconfirmed or failed.
    pub stuck: u32,
}

pub(super) const fn code(state: OutboxState) -> i64 {
    match state {
        OutboxState::Held => 0,
        OutboxState::Queued => 1,
        OutboxState::Scheduled => 2,
        OutboxState::Sending => 3,
        OutboxState::Unconfirmed => 4,
        OutboxState::Failed => 5,
        OutboxState::Sent => 6,
        OutboxState::Cancelled => 7,
    }
}

const fn state(code: i64) -> OutboxState {
    match code {
        0 => OutboxState::Held,
        2 => OutboxState::Scheduled,
        3 => OutboxState::Sending,
        4 => OutboxState::Unconfirmed,
        5 => OutboxState::Failed,
        6 | FILED => OutboxState::Sent,
        7 => OutboxState::Cancelled,
        _ => OutboxState::Queued,
    }
}

pub(super) const fn recipient_code(state: RecipientState) -> i64 {
    match state {
        RecipientState::Due => 0,
        RecipientState::Delivered => 1,
        RecipientState::Unknown => 2,
        RecipientState::Refused => 3,
    }
}

const fn recipient_state(code: i64) -> RecipientState {
    match code {
        1 => RecipientState::Delivered,
        2 => RecipientState::Unknown,
        3 => RecipientState::Refused,
        _ => RecipientState::Due,
    }
}

impl Writer {
    /// Puts a message in, durably.
    ///
    /// # Errors
    /// When it cannot be written: then it is not in, and its file is cleared away later.
    pub fn put_in_outbox(
        &mut self,
        new: &NewOutboxItem,
        bytes: &Sealed,
        now_secs: i64,
    ) -> Result<OutboxKey> {
        let doing = "putting a message into the outbox";
        self.write_journal(doing, |tx| put(tx, new, bytes, now_secs).doing(doing))
    }

    /// Tries a message again, now; what is not known to be delivered becomes due. Whether that was
    /// possible.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn retry_outbox(&mut self, item: OutboxKey, now_secs: i64) -> Result<bool> {
        self.write_journal("trying a message again", |tx| {
            let doing = "trying a message again";
            let again = tx
                .execute(
                    "UPDATE own.outbox SET state = 1, not_before = 0, next_try = 0, first_try = 0,
                       error = '', is_ending = 0, changed_at = ?2
                     WHERE key = ?1 AND state IN (0, 1, 2, 4, 5)",
                    (item.0, now_secs),
                )
                .doing(doing)?;
            if again > 0 {
                tx.execute(
                    "UPDATE own.outbox_recipient SET state = 0, said = ''
                     WHERE item = ?1 AND state <> 1",
                    [item.0],
                )
                .doing(doing)?;
                return Ok(true);
            }
            let filed = tx
                .execute(
                    "UPDATE own.outbox SET copy_next = 0 WHERE key = ?1 AND state = 6",
                    [item.0],
                )
                .doing(doing)?;
            Ok(filed > 0)
        })
    }

    /// The user says of an unconfirmed message that it was delivered. Whether it was one.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn was_sent(&mut self, item: OutboxKey, wants_copy: bool, now_secs: i64) -> Result<bool> {
        self.write_journal("settling a message", |tx| {
            // Whether there is a copy already is not known: it is looked for.
            let copy = if wants_copy { 2 } else { 3 };
            settle_unconfirmed(tx, item, copy, now_secs).doing("settling a message")
        })
    }

    /// Gives the originals of what was delivered their mark; the mailboxes that changed.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn mark_originals(
        &mut self,
        account: AccountKey,
        now_secs: i64,
    ) -> Result<Vec<super::Recorded>> {
        let due = marks_due(&self.conn, account).doing("marking what was answered")?;
        let mut recorded = Vec::new();
        for (item, message, flag) in due {
            if let Ok(flag) = Flag::from_name(&flag) {
                let places = places(&self.conn, message).doing("marking what was answered")?;
                let kind = OpKind::Flags(FlagChange::one(flag, true));
                if !places.is_empty() {
                    recorded.push(self.record_automatic(&kind, &places, now_secs)?);
                }
            }
            self.write_journal("marking what was answered", |tx| {
                tx.execute("UPDATE own.outbox SET mark = '' WHERE key = ?1", [item])
                    .doing("marking what was answered")
            })?;
        }
        Ok(recorded)
    }

    /// Forgets what was filed or cancelled long ago.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn prune_outbox(&mut self, now_secs: i64) -> Result<()> {
        self.write_journal("tidying the outbox", |tx| {
            tx.execute(
                "DELETE FROM own.outbox WHERE state IN (7, 8) AND changed_at < ?1",
                [now_secs - REMEMBERED_SECS],
            )
            .and_then(|_| {
                tx.execute(
                    "DELETE FROM own.outbox_recipient WHERE item NOT IN (SELECT key FROM own.outbox)",
                    (),
                )
            })
            .doing("tidying the outbox")
            .map(drop)
        })
    }
}

impl Reader {
    /// What waits, is under way, or could not be sent; the oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxItem>> {
        self.items("state < 7")
    }

    /// One message of the outbox, however it stands; `None` where there is none. One that is wholly
    /// done with is `Sent`, and [`is_filed`](Self::is_filed).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outbox_item(&self, item: OutboxKey) -> Result<Option<OutboxItem>> {
        Ok(self.items(&format!("key = {}", item.0))?.pop())
    }

    /// Whether a message was delivered, and its copy is where it should be.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_filed(&self, item: OutboxKey) -> Result<bool> {
        self.conn
            .prepare_cached("SELECT 1 FROM own.outbox WHERE key = ?1 AND state = 8")
            .and_then(|mut s| s.exists([item.0]))
            .doing("reading the outbox")
    }

    /// How many there are, of one account or of all.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn outbox_counts(&self, account: Option<AccountKey>) -> Result<OutboxCounts> {
        self.conn
            .prepare_cached(
                "SELECT coalesce(sum(state IN (0, 1, 2, 3, 6)), 0), coalesce(sum(state IN (4, 5)), 0)
                 FROM own.outbox WHERE state < 7 AND (?1 = 0 OR account = ?1)",
            )
            .and_then(|mut s| {
                s.query_row([account.map_or(0, |a| a.0)], |row| {
                    Ok(OutboxCounts {
                        waiting: sql::count(row.get(0)?),
                        stuck: sql::count(row.get(1)?),
                    })
                })
            })
            .doing("reading the outbox")
    }

    /// The files that rows name: of what was filed there is none.
    pub(super) fn outbox_files(&self) -> Result<BTreeSet<String>> {
        self.conn
            .prepare_cached("SELECT file FROM own.outbox WHERE state <> 8")
            .and_then(|mut s| s.query_map((), |row| row.get(0))?.collect())
            .doing("reading the outbox")
    }

    fn items(&self, condition: &str) -> Result<Vec<OutboxItem>> {
        let mut items: Vec<OutboxItem> = self
            .conn
            .prepare_cached(&format!(
                "SELECT key, account, draft, subject, state, attempts,
                   CASE state WHEN 6 THEN copy_error ELSE error END, not_before, created_at, size
                 FROM own.outbox WHERE {condition} ORDER BY key"
            ))
            .and_then(|mut s| s.query_map((), item_row)?.collect())
            .doing("reading the outbox")?;
        for item in &mut items {
            item.recipients = self
                .conn
                .prepare_cached(
                    "SELECT address, state, said FROM own.outbox_recipient
                     WHERE item = ?1 ORDER BY place",
                )
                .and_then(|mut s| s.query_map([item.key.0], recipient_row)?.collect())
                .doing("reading the outbox")?;
        }
        Ok(items)
    }
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<OutboxItem> {
    let draft: i64 = row.get(2)?;
    let not_before: i64 = row.get(7)?;
    Ok(OutboxItem {
        key: OutboxKey(row.get(0)?),
        account: AccountKey(row.get(1)?),
        draft: (draft != 0).then_some(DraftKey(draft)),
        subject: Safe::line(row.get_ref(3)?.as_str().unwrap_or_default()),
        recipients: Vec::new(),
        state: state(row.get(4)?),
        attempts: sql::count(row.get(5)?),
        error: Safe::line(row.get_ref(6)?.as_str().unwrap_or_default()),
        not_before: (not_before != 0).then_some(at(not_before)),
        created: at(row.get(8)?),
        size_bytes: sql::unsigned(row.get(9)?),
        sent_bytes: 0,
    })
}

const fn at(unix_secs: i64) -> Moment {
    Moment {
        unix_secs,
        offset_mins: 0,
    }
}

fn recipient_row(row: &Row<'_>) -> rusqlite::Result<OutboxRecipient> {
    Ok(OutboxRecipient {
        address: Safe::line(row.get_ref(0)?.as_str().unwrap_or_default()),
        state: recipient_state(row.get(1)?),
        said: Safe::line(row.get_ref(2)?.as_str().unwrap_or_default()),
    })
}

pub(super) fn put(
    tx: &Connection,
    new: &NewOutboxItem,
    bytes: &Sealed,
    now_secs: i64,
) -> rusqlite::Result<OutboxKey> {
    let has_twin = has_twin(tx, new.account, &new.message_id)?;
    let (original, mark) = new.mark.map_or((0, ""), |(m, flag)| (m.0, flag.name()));
    tx.prepare_cached(
        "INSERT INTO own.outbox (account, state, draft, file, size, has_8bit, has_utf8_header,
           wants_report, sender, subject, message_id, has_twin, original, mark, not_before,
           created_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?16)",
    )?
    .execute(rusqlite::params![
        new.account.0,
        code(new.state),
        new.draft.map_or(0, |d| d.0),
        bytes.name,
        sql::signed(bytes.size),
        new.has_8bit,
        new.has_utf8_header,
        new.wants_report,
        new.sender,
        new.subject,
        new.message_id,
        has_twin,
        original,
        mark,
        new.not_before.unwrap_or(0),
        now_secs,
    ])?;
    let key = tx.last_insert_rowid();
    let mut insert = tx.prepare_cached(
        "INSERT INTO own.outbox_recipient (item, place, address) VALUES (?1, ?2, ?3)",
    )?;
    for (place, address) in (0_i64..).zip(&new.recipients) {
        insert.execute((key, place, address))?;
    }
    Ok(OutboxKey(key))
}

/// Whether another message here has that id, or one of them answers it: then finding the id somewhere
/// proves nothing.
fn has_twin(tx: &Connection, account: AccountKey, id: &str) -> rusqlite::Result<bool> {
    let in_outbox = tx
        .prepare_cached("SELECT 1 FROM own.outbox WHERE message_id = ?1")?
        .exists([id])?;
    if in_outbox {
        return Ok(true);
    }
    tx.prepare_cached(
        "SELECT 1 FROM thread_id WHERE hash = ?1 UNION ALL SELECT 1 FROM thread_id_new WHERE hash = ?1",
    )?
    .exists([super::threads::id_hash(account.0, id)])
}

pub(super) fn withdraw(
    tx: &Connection,
    item: OutboxKey,
    now_secs: i64,
) -> rusqlite::Result<Withdrawn> {
    let found: Option<(i64, i64, i64, i64)> = tx
        .prepare_cached(
            "SELECT state, draft, copy, (SELECT count(*) FROM own.outbox_recipient
               WHERE item = key AND state = 1) FROM own.outbox WHERE key = ?1",
        )?
        .query_row([item.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((state, draft, copy, delivered)) = found else {
        return Ok(Withdrawn::Gone);
    };
    let draft = (draft != 0).then_some(DraftKey(draft));
    if let Some(draft) = draft.filter(|_| delivered == 0 && !matches!(state, 3 | 6..)) {
        super::answers::forget(tx, draft)?;
    }
    let (to, done) = match state {
        3 => return Ok(Withdrawn::OnItsWay),
        6.. => return Ok(Withdrawn::Gone),
        _ if delivered == 0 => (code(OutboxState::Cancelled), Withdrawn::Out(draft)),
        _ if copy == 3 => (FILED, Withdrawn::Rest(draft)),
        _ => (code(OutboxState::Sent), Withdrawn::Rest(draft)),
    };
    tx.execute(
        "UPDATE own.outbox SET state = ?2, error = '', changed_at = ?3 WHERE key = ?1",
        (item.0, to, now_secs),
    )?;
    if delivered > 0 {
        tx.execute(
            "DELETE FROM own.outbox_recipient WHERE item = ?1 AND state <> 1",
            [item.0],
        )?;
    }
    Ok(done)
}

/// Those who may have an unconfirmed message have it. What is to become of the copy: see the column.
pub(super) fn settle_unconfirmed(
    tx: &Connection,
    item: OutboxKey,
    copy: i64,
    now_secs: i64,
) -> rusqlite::Result<bool> {
    let is_one = tx
        .prepare_cached("SELECT 1 FROM own.outbox WHERE key = ?1 AND state = 4")?
        .exists([item.0])?;
    if !is_one {
        return Ok(false);
    }
    tx.execute(
        "UPDATE own.outbox_recipient SET state = 1 WHERE item = ?1 AND state = 2",
        [item.0],
    )?;
    tx.execute(
        "UPDATE own.outbox SET copy = CASE copy WHEN 0 THEN ?2 ELSE copy END, is_ending = 0,
           next_try = 0, changed_at = ?3 WHERE key = ?1",
        (item.0, copy, now_secs),
    )?;
    super::outbox_claims::restate(tx, item.0, false, now_secs)?;
    Ok(true)
}

/// Messages that were delivered to somebody and whose original has no mark yet.
fn marks_due(conn: &Connection, account: AccountKey) -> rusqlite::Result<Vec<(i64, i64, String)>> {
    conn.prepare_cached(
        "SELECT key, original, mark FROM own.outbox o WHERE account = ?1 AND mark <> ''
           AND EXISTS (SELECT 1 FROM own.outbox_recipient WHERE item = o.key AND state = 1)",
    )?
    .query_map([account.0], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?
    .collect()
}

/// Where a message lies.
fn places(conn: &Connection, message: i64) -> rusqlite::Result<Vec<Placed>> {
    conn.prepare_cached("SELECT mailbox FROM placement WHERE message = ?1")?
        .query_map([message], |row| {
            Ok(Placed {
                message: MessageKey(message),
                mailbox: crate::model::MailboxKey(row.get(0)?),
            })
        })?
        .collect()
}
