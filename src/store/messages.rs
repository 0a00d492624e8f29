//! Messages and where they lie: what a pull writes, and what is read of one message.
//!
//! Called by `engine::pull` and the reader. A pull must never write visible flags but through the fold.

use super::insert::{self, Added, Inserter, New};
use super::keys::What;
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use super::{PullChange, Reader, Result, Summary, Writer, journal};
use crate::model::{
    AccountKey, Envelope, Fetched, FetchedMessage, FlagSet, MailboxKey, MessageKey, Moment, Placed,
    ThreadKey, Uid, UidSet, UidValidity,
};
use rusqlite::{Connection, OptionalExtension, Row};

/// The mailbox that a transaction writes to.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) mailbox: i64,
    pub(super) account: i64,
    pub(super) name: String,
    pub(super) uid_validity: i64,
    /// How many placements are of an era that is over.
    pub(super) stale: i64,
    /// Whether the first pull is through: what comes now is news.
    pub(super) is_complete: bool,
}

impl Home {
    /// The mailbox, if it is there and in that era.
    fn of(conn: &Connection, mailbox: MailboxKey, era: UidValidity) -> Result<Option<Self>> {
        conn.prepare_cached(
            "SELECT account, name, stale, is_complete FROM mailbox
             WHERE key = ?1 AND uid_validity = ?2",
        )
        .and_then(|mut s| {
            s.query_row((mailbox.0, era.get()), |row| {
                Ok(Self {
                    mailbox: mailbox.0,
                    account: row.get(0)?,
                    name: row.get(1)?,
                    uid_validity: i64::from(era.get()),
                    stale: row.get(2)?,
                    is_complete: row.get(3)?,
                })
            })
            .optional()
        })
        .doing("reading a folder")
    }
}

impl Home {
    /// The mailbox, whatever its era; a nameless one where it is gone.
    pub(super) fn any(conn: &Connection, mailbox: i64) -> Result<Self> {
        conn.prepare_cached(
            "SELECT account, name, coalesce(uid_validity, 0), stale, is_complete FROM mailbox
             WHERE key = ?1",
        )
        .and_then(|mut s| {
            s.query_row([mailbox], |row| {
                Ok(Self {
                    mailbox,
                    account: row.get(0)?,
                    name: row.get(1)?,
                    uid_validity: row.get(2)?,
                    stale: row.get(3)?,
                    is_complete: row.get(4)?,
                })
            })
            .optional()
        })
        .doing("reading a folder")
        .map(|found| {
            found.unwrap_or(Self {
                mailbox,
                account: 0,
                name: String::new(),
                uid_validity: 0,
                stale: 0,
                is_complete: false,
            })
        })
    }
}

impl Writer {
    /// Adds or updates messages, in one transaction. Writes only base flags, then refolds. What is
    /// of another era than the mailbox is in is not written.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_messages(
        &mut self,
        mailbox: MailboxKey,
        uid_validity: UidValidity,
        messages: &[FetchedMessage],
    ) -> Result<PullChange> {
        if messages.is_empty() {
            return Ok(PullChange::default());
        }
        self.reserve(What::Message, messages.len())?;
        self.write("writing messages", |tx| {
            let Some(home) = Home::of(tx, mailbox, uid_validity)? else {
                return Ok(PullChange::default());
            };
            put_all(tx, &home, messages)
        })
    }

    /// Removes messages from a mailbox that the server said are gone. Changes that waited for them
    /// are refused, with the reason.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove(
        &mut self,
        mailbox: MailboxKey,
        uid_validity: UidValidity,
        uids: &UidSet,
    ) -> Result<PullChange> {
        let gone = self.write("removing messages", |tx| {
            if Home::of(tx, mailbox, uid_validity)?.is_none() {
                return Ok(Vec::new());
            }
            let mut tally = Tally::default();
            let mut gone = Vec::new();
            for (first, last) in uids.ranges() {
                gone.extend(uids_between(tx, mailbox, first, last).doing("removing messages")?);
            }
            let mut messages = Vec::with_capacity(gone.len());
            for uid in gone {
                if let Some(placement) = Placement::by_uid(tx, mailbox.0, uid)? {
                    forget_placement(tx, &placement, &mut tally)?;
                    messages.push((placement.message, placement.is_pending));
                }
            }
            tally.write(tx)?;
            Ok(messages)
        })?;
        if gone.iter().any(|(_, is_pending)| *is_pending) {
            let waited: Vec<i64> = gone.iter().filter(|g| g.1).map(|g| g.0).collect();
            journal::reject_gone(self, mailbox, &waited)?;
        }
        Ok(PullChange {
            removed: sql::len(gone.len()),
            ..PullChange::default()
        })
    }
}

fn uids_between(
    tx: &Connection,
    mailbox: MailboxKey,
    first: Uid,
    last: Uid,
) -> rusqlite::Result<Vec<i64>> {
    tx.prepare_cached("SELECT uid FROM placement WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3")?
        .query_map((mailbox.0, first.get(), last.get()), |row| row.get(0))?
        .collect()
}

fn put_all(tx: &Connection, home: &Home, messages: &[FetchedMessage]) -> Result<PullChange> {
    let mut change = PullChange::default();
    let mut tally = Tally::default();
    let mut inserter = Inserter::new(tx, home).doing("writing messages")?;
    let mut new: Vec<New<'_>> = Vec::new();
    let may_know = knows_any(tx, home, messages).doing("writing messages")?;
    for message in messages {
        let known = if may_know {
            Placement::by_uid(tx, home.mailbox, i64::from(message.uid.get()))?
        } else {
            None
        };
        match known {
            Some(old) => {
                if update(tx, home, &mut inserter, &old, &message.fetched, &mut tally)? {
                    change.changed += 1;
                }
            }
            None => new.extend(New::of(message)),
        }
    }
    // Rows that moved together look different too.
    change.changed += inserter.threads.merges;
    new.sort_by_key(|n| n.uid);
    new.dedup_by_key(|n| n.uid);
    let unbound = journal::unbound(tx, home)?;
    let mut latest: Option<(i64, u32, &Envelope)> = None;
    inserter.add_all(new, |one, added| {
        if added.is_rekeyed {
            return Ok(());
        }
        change.added += 1;
        let flags = count_added(one.fetched, home.mailbox, &mut tally);
        if flags == 1 && latest.is_none_or(|l| (l.0, l.1) < (one.arrived.unix_secs, one.uid)) {
            latest = Some((one.arrived.unix_secs, one.uid, one.envelope));
        }
        bind(tx, home, &unbound, one, added, &mut tally)
    })?;
    change.latest_unread = latest.map(|(_, _, envelope)| {
        let sender = envelope.from.first().map_or("", |a| a.shown());
        (sender.to_owned(), envelope.subject.clone())
    });
    inserter.threads.finish().doing("writing messages")?;
    tally.write(tx)?;
    Ok(change)
}

/// Counts a new placement; 1 if it is unread.
fn count_added(fetched: &Fetched, mailbox: i64, tally: &mut Tally) -> i64 {
    let unread = sql::unread(fetched.flags.as_ref().map_or(0, FlagSet::bits));
    let counts = tally.of(mailbox);
    counts.total += 1;
    counts.unread += unread;
    counts.base_unread += unread;
    unread
}

/// Whether any of the ids may be in the mailbox: a first pull, window after window, has none.
fn knows_any(tx: &Connection, home: &Home, messages: &[FetchedMessage]) -> rusqlite::Result<bool> {
    let uids = || messages.iter().map(|m| m.uid.get());
    let range = (home.mailbox, uids().min(), uids().max());
    tx.prepare_cached(
        "SELECT 1 FROM placement WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 LIMIT 1",
    )?
    .exists(range)
}

/// Takes in what was fetched of a message that is there. Whether its flags changed.
fn update(
    tx: &Connection,
    home: &Home,
    inserter: &mut Inserter<'_>,
    old: &Placement,
    fetched: &Fetched,
    tally: &mut Tally,
) -> Result<bool> {
    insert::complete(tx, old.message, fetched).doing("writing messages")?;
    if let Some(references) = &fetched.references {
        insert::put_references(tx, &mut inserter.threads, home.account, old, references)
            .doing("writing messages")?;
    }
    let Some(flags) = &fetched.flags else {
        return Ok(false);
    };
    let mod_seq = fetched.mod_seq.map_or(0, |m| sql::signed(m.0));
    if mod_seq != 0 && mod_seq < old.mod_seq {
        // An answer that was overtaken by a later one on another connection.
        return Ok(false);
    }
    let mut now = old.clone();
    now.base = flags.clone();
    now.mod_seq = mod_seq.max(old.mod_seq);
    let is_changed = now.base != old.base;
    now.rebase(tx, old, tally)?;
    Ok(is_changed)
}

/// Binds the journal's targets that waited for this message since `mirror.db` was lost.
fn bind(
    tx: &Connection,
    home: &Home,
    unbound: &std::collections::BTreeSet<i64>,
    new: &New<'_>,
    added: Added,
    tally: &mut Tally,
) -> Result<()> {
    if !unbound.contains(&i64::from(new.uid)) {
        return Ok(());
    }
    journal::bind(tx, home, i64::from(new.uid), added.message)?;
    match Placement::of(tx, added.message, home.mailbox)? {
        Some(old) => old.clone().refold(tx, &old, &[], tally),
        None => Ok(()),
    }
}

/// Removes a placement, its counts, and the message if it lies nowhere else.
pub(super) fn forget_placement(
    tx: &Connection,
    placement: &Placement,
    tally: &mut Tally,
) -> Result<()> {
    let doing = "removing messages";
    tx.prepare_cached("DELETE FROM placement WHERE mailbox = ?1 AND arrived = ?2 AND uid = ?3")
        .and_then(|mut s| s.execute((placement.mailbox, placement.arrived, placement.uid)))
        .doing(doing)?;
    let counts = tally.of(placement.mailbox);
    counts.total -= 1;
    counts.unread -= sql::unread(placement.flags.bits());
    counts.base_unread -= sql::unread(placement.base.bits());
    counts.is_touched = true;
    let lies_elsewhere = tx
        .prepare_cached("SELECT 1 FROM placement WHERE message = ?1")
        .and_then(|mut s| s.exists([placement.message]))
        .doing(doing)?;
    if lies_elsewhere {
        return Ok(());
    }
    // A message with an EMAILID may only have been moved: its text is kept until idle moments.
    let is_kept = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO orphan (message)
             SELECT key FROM message WHERE key = ?1 AND email_id IS NOT NULL",
        )
        .and_then(|mut s| s.execute([placement.message]))
        .doing(doing)?;
    if is_kept == 0 {
        forget_message(tx, placement.message).doing(doing)?;
    }
    Ok(())
}

/// Removes a message and its text.
pub(super) fn forget_message(tx: &Connection, message: i64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM message WHERE key = ?1",
        "DELETE FROM cold WHERE message = ?1",
        "DELETE FROM content.raw WHERE message = ?1",
        "DELETE FROM content.part WHERE message = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([message])?;
    }
    Ok(())
}

/// Removes every placement of a mailbox.
pub(super) fn remove_all(tx: &Connection, mailbox: i64) -> Result<()> {
    let all: Vec<i64> = tx
        .prepare_cached("SELECT uid FROM placement WHERE mailbox = ?1")
        .and_then(|mut s| s.query_map([mailbox], |row| row.get(0))?.collect())
        .doing("removing messages")?;
    let mut tally = Tally::default();
    for uid in all {
        if let Some(placement) = Placement::by_uid(tx, mailbox, uid)? {
            forget_placement(tx, &placement, &mut tally)?;
        }
    }
    tally.write(tx)
}

impl Reader {
    /// The ids that are in the store for a mailbox.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn uids(&self, mailbox: MailboxKey) -> Result<UidSet> {
        let mut statement = self
            .conn
            .prepare_cached(UIDS)
            .doing("reading the ids of a folder")?;
        let uids: rusqlite::Result<Vec<u32>> = statement
            .query_map([mailbox.0], |row| row.get(0))
            .and_then(Iterator::collect);
        let uids = uids.doing("reading the ids of a folder")?;
        Ok(uids.into_iter().filter_map(Uid::new).collect())
    }

    /// All that commands print of a message (where it lies in several mailboxes: `mailbox`, else
    /// the first).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn summary(
        &self,
        message: MessageKey,
        mailbox: Option<MailboxKey>,
    ) -> Result<Option<Summary>> {
        let placements = Placement::all_of(&self.conn, message.0)?;
        let placement = match mailbox {
            Some(mailbox) => placements.into_iter().find(|p| p.mailbox == mailbox.0),
            None => placements.into_iter().next(),
        };
        let Some(placement) = placement else {
            return Ok(None);
        };
        self.conn
            .prepare_cached(SUMMARY)
            .and_then(|mut s| {
                s.query_row([message.0], |row| summary(row, placement))
                    .optional()
            })
            .doing("reading a message")
    }

    /// The id of a message in a mailbox and its era.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn uid(&self, placed: Placed) -> Result<Option<(UidValidity, Uid)>> {
        self.conn
            .prepare_cached(
                "SELECT m.uid_validity, p.uid FROM placement p JOIN mailbox m ON m.key = p.mailbox
                 WHERE p.message = ?1 AND p.mailbox = ?2 AND p.uid > 0",
            )
            .and_then(|mut s| {
                s.query_row((placed.message.0, placed.mailbox.0), |row| {
                    Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, u32>(1)?))
                })
                .optional()
            })
            .doing("reading a message")
            .map(|found| {
                let (era, uid) = found?;
                Some((UidValidity::new(era?)?, Uid::new(uid)?))
            })
    }
}

pub(super) const UIDS: &str = "SELECT uid FROM placement WHERE mailbox = ?1 AND uid > 0";

pub(super) const SUMMARY: &str =
    "SELECT m.account, m.size, m.arrived, m.arrived_offset, m.date, m.date_offset,
    m.subject, m.sender, m.recipients, m.copies, m.message_id, c.reply_to, c.hidden, c.in_reply_to,
    c.structure, EXISTS (SELECT 1 FROM content.raw WHERE message = m.key)
  FROM message m LEFT JOIN cold c ON c.message = m.key WHERE m.key = ?1";

fn summary(row: &Row<'_>, placement: Placement) -> rusqlite::Result<Summary> {
    let text = |at: usize| {
        row.get::<_, Option<String>>(at)
            .map(Option::unwrap_or_default)
    };
    let addresses = |at: usize| text(at).map(|t| sql::addresses(&t));
    let (date, offset_mins) = (row.get::<_, Option<i64>>(4)?, row.get(5)?);
    let structure = text(14)?;
    Ok(Summary {
        placed: Placed {
            message: MessageKey(placement.message),
            mailbox: MailboxKey(placement.mailbox),
        },
        account: AccountKey(row.get(0)?),
        thread: ThreadKey(placement.thread),
        uid: u32::try_from(placement.uid).ok().and_then(Uid::new),
        envelope: Envelope {
            date: date.map(|unix_secs| Moment {
                unix_secs,
                offset_mins,
            }),
            subject: text(6)?,
            from: addresses(7)?,
            reply_to: addresses(11)?,
            to: addresses(8)?,
            cc: addresses(9)?,
            bcc: addresses(12)?,
            in_reply_to: text(13)?.lines().map(str::to_owned).collect(),
            message_id: text(10)?,
        },
        arrived: Moment {
            unix_secs: row.get(2)?,
            offset_mins: row.get(3)?,
        },
        flags: placement.flags,
        size_bytes: sql::unsigned(row.get(1)?),
        structure: serde_json::from_str(&structure).ok(),
        has_raw: row.get(15)?,
    })
}
