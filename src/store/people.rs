//! Who was written to and who wrote: gathered from the mirror into `own.db`, for the completion of
//! addresses.
//!
//! Called by `engine::people` in the background, piece by piece. Must never make a pull wait: it reads
//! what the pull wrote, and a message is counted once, by its key.

use super::people_index::{People, Person};
use super::sql::{self, Doing, meta, set_meta};
use super::{Reader, Result, Writer};
use crate::model::{AccountKey, Address, Role, is_same_mailbox, wire_address};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;

/// The rows of `own.meta`, see the schema.
const MARK: &str = "people_mark";
const MIRROR: &str = "people_mirror";
/// A message to more people than this does not tell who is known.
const RECIPIENTS_MAX: usize = 50;
/// How much more a message written counts than one had.
const WRITTEN: f64 = 6.0;

/// How often and how lately, as one number: the binary logarithm of the sum of what each message
/// counts, halved with every half-life since. Counted from 1970, so that it never has to be brought
/// up to date, and compares at any time.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Heat(pub(super) f64);

impl Heat {
    /// Of nobody.
    pub(super) const NONE: Self = Self(-1.0e6);
    const HALF_LIFE_HOURS: f64 = 60.0 * 24.0;

    /// What one message counts.
    fn of(weight: f64, at_secs: i64) -> Self {
        let hours = i32::try_from(at_secs.max(0) / 3600).unwrap_or(0);
        Self(weight.log2() + f64::from(hours) / Self::HALF_LIFE_HOURS)
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        let (more, less) = if self.0 >= other.0 {
            (self.0, other.0)
        } else {
            (other.0, self.0)
        };
        Self(more + (less - more).exp2().ln_1p() / std::f64::consts::LN_2)
    }
}

/// What some messages say of one person.
#[derive(Debug, Clone, PartialEq)]
struct Met {
    shown: String,
    name: String,
    named: i64,
    sent: u32,
    due: u32,
    received: u32,
    last_sent: i64,
    last_seen: i64,
    heat: Heat,
}

impl Met {
    /// One message; `None` where nobody can be written to there.
    fn new(address: &Address, at: i64, is_written: bool) -> Option<Self> {
        let Address { name, address } = address.proposal()?;
        Some(Self {
            shown: address,
            named: if name.is_empty() { 0 } else { at },
            name,
            sent: u32::from(is_written),
            due: 0,
            received: u32::from(!is_written),
            last_sent: if is_written { at } else { 0 },
            last_seen: at,
            heat: Heat::of(if is_written { WRITTEN } else { 1.0 }, at),
        })
    }

    /// Adds what else is known. What was sent from here and is met now was counted already.
    fn add(&mut self, other: &Self) {
        let met = self.due.min(other.sent);
        self.due = (self.due - met).saturating_add(other.due);
        self.sent = self.sent.saturating_add(other.sent - met);
        self.received = self.received.saturating_add(other.received);
        self.heat = self.heat.and(other.heat);
        if other.last_seen >= self.last_seen {
            self.shown.clone_from(&other.shown);
        }
        if !other.name.is_empty() && (self.name.is_empty() || other.named >= self.named) {
            self.name.clone_from(&other.name);
            self.named = other.named;
        }
        self.last_sent = self.last_sent.max(other.last_sent);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

/// Who an address is: in lower case, the host as every server knows it.
pub(super) fn identity(address: &str) -> String {
    wire_address(address).to_lowercase()
}

/// What a piece of the mirror says of people, to be written by [`Writer::put_people`].
#[derive(Debug)]
pub struct PeopleFound {
    mirror: i64,
    from: i64,
    to: i64,
    met: BTreeMap<(String, i64), Met>,
    /// Whether more of the mirror was not looked through yet.
    pub is_more: bool,
}

impl PeopleFound {
    /// Whether there was nothing to look through.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.from == self.to
    }

    fn meet(&mut self, account: i64, address: &Address, at: i64, is_written: bool) {
        let Some(met) = Met::new(address, at, is_written) else {
            return;
        };
        let key = (identity(&address.address), account);
        self.met
            .entry(key)
            .and_modify(|m| m.add(&met))
            .or_insert(met);
    }
}

/// What is read of a message.
struct Piece {
    key: i64,
    account: i64,
    arrived: i64,
    sender: String,
    recipients: String,
    copies: String,
}

fn piece(row: &Row<'_>) -> rusqlite::Result<Piece> {
    Ok(Piece {
        key: row.get(0)?,
        account: row.get(1)?,
        arrived: row.get(2)?,
        sender: row.get(3)?,
        recipients: row.get(4)?,
        copies: row.get(5)?,
    })
}

/// The messages that were not looked through yet.
pub(super) const NEXT_SQL: &str =
    "SELECT key, account, arrived, sender, recipients, copies FROM message
     WHERE key > ?1 ORDER BY key LIMIT ?2";
/// What the mailboxes are for that a message lies in.
pub(super) const ROLES_SQL: &str =
    "SELECT m.role FROM placement p JOIN mailbox m ON m.key = p.mailbox WHERE p.message = ?1";

impl Reader {
    /// Looks through the next `len` messages. Those that the user wrote (in the Sent mailbox, or
    /// from one of their addresses) tell who was written to, others who wrote. Junk tells nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find_people(&self, own: &[String], len: u32) -> Result<PeopleFound> {
        let doing = "gathering addresses";
        let number = |schema: &str, name: &str| meta(&self.conn, schema, name).doing(doing);
        let mirror = number("main", "id")?.unwrap_or_default();
        let from = if number("own", MIRROR)? == Some(mirror) {
            number("own", MARK)?.unwrap_or_default()
        } else {
            0
        };
        let mut found = PeopleFound {
            mirror,
            from,
            to: from,
            met: BTreeMap::new(),
            is_more: false,
        };
        let mut next = self.conn.prepare_cached(NEXT_SQL).doing(doing)?;
        let pieces = next.query_map((from, len), piece).doing(doing)?;
        let mut roles = self.conn.prepare_cached(ROLES_SQL).doing(doing)?;
        let mut looked_at = 0;
        for message in pieces {
            let message = message.doing(doing)?;
            found.to = message.key;
            looked_at += 1;
            let role = |row: &Row<'_>| row.get::<_, Option<String>>(0);
            let lies_in: Vec<Option<String>> = roles
                .query_map([message.key], role)
                .and_then(Iterator::collect)
                .doing(doing)?;
            take(&mut found, &message, &lies_in, own);
        }
        found.is_more = looked_at == len;
        Ok(found)
    }

    /// Everybody who is known, but for the user's own addresses, the best first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn people(&self, own: &[String]) -> Result<People> {
        let doing = "reading addresses";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT address, account, shown, name, sent, received, last_sent, last_seen, heat
                 FROM own.person ORDER BY address, account",
            )
            .doing(doing)?;
        let mut rows = statement.raw_query();
        let mut people: Vec<Person> = Vec::new();
        let own: std::collections::HashSet<String> = own.iter().map(|a| identity(a)).collect();
        while let Some(row) = rows.next().doing(doing)? {
            let person = person(row).doing(doing)?;
            if own.contains(&person.identity) {
                continue;
            }
            match people.last_mut().filter(|p| p.identity == person.identity) {
                Some(known) => known.join(person),
                None => people.push(person),
            }
        }
        Ok(People::new(people))
    }
}

/// Counts what one message tells.
fn take(found: &mut PeopleFound, message: &Piece, lies_in: &[Option<String>], own: &[String]) {
    let is_in = |role: Role| {
        lies_in
            .iter()
            .any(|name| name.as_deref() == Some(role.name()))
    };
    let is_kept = lies_in.iter().any(|name| {
        let is_of = |role: Role| name.as_deref() == Some(role.name());
        !is_of(Role::Junk) && !is_of(Role::Drafts)
    });
    if !is_kept {
        return;
    }
    let sender = sql::addresses_iter(&message.sender).next();
    let is_own = |a: &Address| own.iter().any(|o| is_same_mailbox(o, &a.address));
    if is_in(Role::Sent) || sender.as_ref().is_some_and(is_own) {
        let to = sql::addresses_iter(&message.recipients);
        let cc = sql::addresses_iter(&message.copies);
        for address in to.chain(cc).take(RECIPIENTS_MAX) {
            found.meet(message.account, &address, message.arrived, true);
        }
    } else if let Some(sender) = sender {
        found.meet(message.account, &sender, message.arrived, false);
    }
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        identity: row.get(0)?,
        accounts: vec![AccountKey(row.get(1)?)],
        address: Address {
            address: row.get(2)?,
            name: row.get(3)?,
        },
        sent: sql::count(row.get(4)?),
        received: sql::count(row.get(5)?),
        last_sent_secs: row.get(6)?,
        last_seen_secs: row.get(7)?,
        heat: Heat(row.get(8)?),
    })
}

impl Writer {
    /// Writes what [`Reader::find_people`] found. `false`: somebody else was quicker, or the mirror
    /// is another one by now; nothing was written.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put_people(&mut self, found: &PeopleFound) -> Result<bool> {
        let doing = "noting addresses";
        self.write_journal(doing, |tx| {
            let number = |schema: &str, name: &str| meta(tx, schema, name).doing(doing);
            if number("main", "id")? != Some(found.mirror) {
                return Ok(false);
            }
            if number("own", MIRROR)? != Some(found.mirror) {
                forget_counts(tx, None).doing(doing)?;
                set_meta(tx, "own", MIRROR, found.mirror).doing(doing)?;
                set_meta(tx, "own", MARK, 0).doing(doing)?;
            }
            if number("own", MARK)?.unwrap_or_default() != found.from {
                return Ok(false);
            }
            for ((address, account), met) in &found.met {
                add(tx, address, *account, met).doing(doing)?;
            }
            set_meta(tx, "own", MARK, found.to).doing(doing)?;
            Ok(true)
        })
    }

    /// Notes that a message was sent to these people, before its copy is met in a mailbox.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_written(
        &mut self,
        account: AccountKey,
        to: &[Address],
        now_secs: i64,
    ) -> Result<()> {
        let doing = "noting addresses";
        self.write_journal(doing, |tx| {
            for address in to.iter().take(RECIPIENTS_MAX) {
                let Some(met) = Met::new(address, now_secs, true) else {
                    continue;
                };
                let met = Met {
                    sent: 0,
                    due: 1,
                    ..met
                };
                add(tx, &identity(&address.address), account.0, &met).doing(doing)?;
            }
            Ok(())
        })
    }
}

/// Counts anew from nothing, because the messages will be met again under other keys.
pub(super) fn forget_counts(tx: &Connection, account: Option<i64>) -> rusqlite::Result<()> {
    tx.execute(
        "UPDATE own.person SET sent = due, received = 0, heat = ?2 WHERE ?1 IS NULL OR account = ?1",
        (account, Heat::NONE.0),
    )
    .map(drop)
}

/// Adds to the row of a person, or makes it.
fn add(tx: &Connection, address: &str, account: i64, met: &Met) -> rusqlite::Result<()> {
    let known = tx
        .prepare_cached(
            "SELECT shown, name, named, sent, due, received, last_sent, last_seen, heat
             FROM own.person WHERE address = ?1 AND account = ?2",
        )?
        .query_row((address, account), |row| {
            Ok(Met {
                shown: row.get(0)?,
                name: row.get(1)?,
                named: row.get(2)?,
                sent: sql::count(row.get(3)?),
                due: sql::count(row.get(4)?),
                received: sql::count(row.get(5)?),
                last_sent: row.get(6)?,
                last_seen: row.get(7)?,
                heat: Heat(row.get(8)?),
            })
        })
        .optional()?;
    let mut all = known.unwrap_or_else(|| Met {
        sent: 0,
        due: 0,
        received: 0,
        heat: Heat::NONE,
        ..met.clone()
    });
    all.add(met);
    // What is due was sent: it counts from the start.
    all.sent = all.sent.saturating_add(met.due);
    tx.prepare_cached(
        "INSERT OR REPLACE INTO own.person (address, account, shown, name, named, sent, due, received,
           last_sent, last_seen, heat) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute((
        address,
        account,
        &all.shown,
        &all.name,
        all.named,
        all.sent,
        all.due,
        all.received,
        all.last_sent,
        all.last_seen,
        all.heat.0,
    ))
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[test]
    fn what_was_lately_outweighs_what_was_long_ago_and_often() {
        let now = 1_700_000_000;
        let old = (0..20)
            .map(|n| Heat::of(1.0, now - (500 + n) * DAY))
            .fold(Heat::NONE, Heat::and);
        let new = Heat::of(1.0, now - DAY);
        assert!(new > old);
        let often = (0..20)
            .map(|n| Heat::of(1.0, now - n * DAY))
            .fold(Heat::NONE, Heat::and);
        assert!(often > new && Heat::of(WRITTEN, now - DAY) > new);
        let twice = Heat::of(1.0, now).and(Heat::of(1.0, now));
        assert!((twice.0 - Heat::of(2.0, now).0).abs() < 1e-9);
        assert!((Heat::NONE.and(new).0 - new.0).abs() < 1e-9);
    }
}
