//! Messages and where they lie: what a pull writes, and what is read of one message.
//!
//! Called by `engine::pull` and the reader. A pull must never write visible flags but through the fold.

use super::insert::{self, Added, Inserter, New};
use super::keys::What;
use super::leaving::Leaving;
use super::placements::{Placement, Tally};
use super::sql::{self, Doing};
use super::{PullChange, Reader, Result, Summary, Writer, binding, transit};
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
    /// As the server has it; as shown where it is not there yet.
    pub(super) name: String,
    pub(super) uid_validity: i64,
    /// How many placements are of an era that is over.
    pub(super) stale: i64,
    /// Whether the first pull is through: what comes now is news.
    pub(super) is_complete: bool,
    /// Whether messages are on their way into it.
    pub(super) is_awaiting: bool,
}

impl Home {
    /// The mailbox, if it is there and in that era.
    fn of(conn: &Connection, mailbox: MailboxKey, era: UidValidity) -> Result<Option<Self>> {
        conn.prepare_cached(
            "SELECT account, coalesce(server_name, name), stale, is_complete FROM mailbox
             WHERE key = ?1 AND uid_validity = ?2",
        )
        .and_then(|mut s| {
            s.query_row((mailbox.0, era.get()), |row| {
                Ok(Self {
                    is_awaiting: false,
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
        .doing("reading a folder")?
        .map(|home| {
            Ok(Self {
                is_awaiting: transit::is_any_awaited(conn, mailbox.0)?,
                ..home
            })
        })
        .transpose()
    }
}

impl Home {
    /// The mailbox, whatever its era; a nameless one where it is gone.
    pub(super) fn any(conn: &Connection, mailbox: i64) -> Result<Self> {
        conn.prepare_cached(
            "SELECT account, coalesce(server_name, name), coalesce(uid_validity, 0), stale,
               is_complete FROM mailbox WHERE key = ?1",
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
                    is_awaiting: false,
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
                is_awaiting: false,
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
        let (gone, left) = self.write("removing messages", |tx| {
            if Home::of(tx, mailbox, uid_validity)?.is_none() {
                return Ok((Vec::new(), Vec::new()));
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
            let mut left = Vec::new();
            if Leaving::is_any(tx, mailbox.0)? {
                let is_gone = |l: &Leaving| {
                    u32::try_from(l.uid)
                        .ok()
                        .and_then(Uid::new)
                        .is_some_and(|uid| uids.contains(uid))
                };
                for row in Leaving::all_in(tx, mailbox.0)?
                    .iter()
                    .filter(|l| is_gone(l))
                {
                    row.delete(tx, &mut tally)?;
                    left.push(row.target);
                }
            }
            tally.write(tx)?;
            Ok((messages, left))
        })?;
        if gone.iter().any(|(_, is_pending)| *is_pending) {
            let waited: Vec<i64> = gone.iter().filter(|g| g.1).map(|g| g.0).collect();
            binding::reject_gone(self, mailbox, &waited)?;
        }
        if !left.is_empty() {
            binding::sources_gone(self, &left)?;
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
    let is_left = Leaving::is_any(tx, home.mailbox)?;
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
            None if is_left && update_left(tx, home, message, &mut tally)? => {}
            None => new.extend(New::of(message)),
        }
    }
    // Rows that moved together look different too.
    change.changed += inserter.threads.merges;
    new.sort_by_key(|n| n.uid);
    new.dedup_by_key(|n| n.uid);
    let unbound = binding::unbound(tx, home)?;
    let mut latest: Option<(i64, u32, &Envelope)> = None;
    let mut arrived = Tally::default();
    inserter.add_all(new, &mut arrived, |one, added| {
        if added.is_known {
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
    change.changed += sql::len(arrived.changed().len());
    arrived.write(tx)?;
    Ok(change)
}

/// Takes in what was fetched of a message that is on its way out. Whether there is one.
fn update_left(
    tx: &Connection,
    home: &Home,
    message: &FetchedMessage,
    tally: &mut Tally,
) -> Result<bool> {
    let uid = i64::from(message.uid.get());
    let Some(left) = Leaving::by_uid(tx, home.mailbox, uid)? else {
        return Ok(false);
    };
    insert::complete(tx, left.message, &message.fetched).doing("writing messages")?;
    if let Some(flags) = &message.fetched.flags {
        let mod_seq = message.fetched.mod_seq.map_or(0, |m| sql::signed(m.0));
        left.rebase(tx, flags.clone(), mod_seq, tally)?;
    }
    Ok(true)
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
    for target in binding::bind(tx, home, i64::from(new.uid), added.message)? {
        transit::reconcile(tx, target, tally)?;
    }
    Ok(())
}

/// Removes a placement, its counts, and the message if it lies nowhere else.
pub(super) fn forget_placement(
    tx: &Connection,
    placement: &Placement,
    tally: &mut Tally,
) -> Result<()> {
    placement.delete(tx)?;
    let counts = tally.of(placement.mailbox);
    counts.total -= 1;
    counts.unread -= sql::unread(placement.flags.bits());
    counts.base_unread -= placement.base_unread();
    counts.is_touched = true;
    forget_if_homeless(tx, placement.message)
}

/// Forgets a message that lies nowhere any more.
pub(super) fn forget_if_homeless(tx: &Connection, message: i64) -> Result<()> {
    let doing = "removing messages";
    let lies_elsewhere = tx
        .prepare_cached(
            "SELECT 1 FROM placement WHERE message = ?1
             UNION ALL SELECT 1 FROM leaving WHERE message = ?1",
        )
        .and_then(|mut s| s.exists([message]))
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
        .and_then(|mut s| s.execute([message]))
        .doing(doing)?;
    if is_kept == 0 {
        forget_message(tx, message).doing(doing)?;
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
    for row in Leaving::all_in(tx, mailbox)? {
        row.delete(tx, &mut tally)?;
        forget_if_homeless(tx, row.message)?;
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

    /// Those messages of a mailbox that have one of these ids in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn with_uids(&self, mailbox: MailboxKey, uids: &UidSet) -> Result<Vec<MessageKey>> {
        let doing = "reading the ids of a folder";
        let mut statement = self
            .conn
            .prepare_cached("SELECT message FROM placement WHERE mailbox = ?1 AND uid = ?2")
            .doing(doing)?;
        let mut found = Vec::new();
        for uid in uids.iter() {
            let row = statement.query_row((mailbox.0, uid.get()), |row| row.get(0));
            found.extend(row.optional().doing(doing)?.map(MessageKey));
        }
        Ok(found)
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

    /// How large a message is, in bytes; 0 where that is not known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn message_size(&self, message: MessageKey) -> Result<u64> {
        self.conn
            .prepare_cached("SELECT size FROM message WHERE key = ?1")
            .and_then(|mut s| s.query_row([message.0], |row| row.get(0)).optional())
            .doing("reading a message")
            .map(|size| size.map_or(0, sql::unsigned))
    }

    /// Where the server has a message that lies in a mailbox, and under which id: there, or, while
    /// it is on its way, where it comes from.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn uid(&self, placed: Placed) -> Result<Option<(MailboxKey, UidValidity, Uid)>> {
        self.conn
            .prepare_cached(UID)
            .and_then(|mut s| {
                s.query_row((placed.message.0, placed.mailbox.0), |row| {
                    Ok((
                        row.get(0)?,
                        row.get::<_, Option<u32>>(1)?,
                        row.get::<_, u32>(2)?,
                    ))
                })
                .optional()
            })
            .doing("reading a message")
            .map(|found| {
                let (mailbox, era, uid) = found?;
                Some((MailboxKey(mailbox), UidValidity::new(era?)?, Uid::new(uid)?))
            })
    }
}

pub(super) const UIDS: &str = "SELECT uid FROM placement WHERE mailbox = ?1 AND uid > 0
  UNION ALL SELECT uid FROM leaving WHERE mailbox = ?1 AND uid > 0";

/// There first, else where the message itself, or what it is a copy of, leaves or lies.
const UID: &str = "SELECT m.key, m.uid_validity, w.uid FROM (
    SELECT mailbox, uid, 0 AS rank FROM placement WHERE message = ?1 AND mailbox = ?2 AND uid > 0
    UNION ALL SELECT mailbox, uid, 1 FROM leaving WHERE message = ?1 AND uid > 0
    UNION ALL SELECT s.mailbox, s.uid, 2 FROM placement p
      JOIN own.op_target t ON t.key = p.via AND t.verb = 'copy'
      JOIN placement s ON s.message = t.message AND s.mailbox = t.mailbox AND s.uid > 0
      WHERE p.message = ?1 AND p.mailbox = ?2
  ) w JOIN mailbox m ON m.key = w.mailbox ORDER BY w.rank LIMIT 1";

pub(super) const SUMMARY: &str =
    "SELECT m.account, m.size, m.arrived, m.arrived_offset, m.date, m.date_offset,
    m.subject, m.sender, m.recipients, m.copies, m.message_id, c.reply_to, c.hidden, c.in_reply_to,
    c.structure, EXISTS (SELECT 1 FROM whole WHERE message = m.key)
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
