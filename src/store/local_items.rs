//! The messages of the mailboxes that are kept on this computer.
//!
//! Called by the engine's local session and its POP3 rounds. The bytes of a message and the row that
//! says where it lies must never be written but in one transaction, nor go but when nothing lies
//! anywhere any more.

use super::bodies::{QUICK, pack, unpack};
use super::sql::{self, Doing};
use super::{Error, Reader, Result, Writer, local};
use crate::model::{
    Flag, FlagChange, FlagSet, Local, LocalKey, ModSeq, Moment, Uid, UidSet, UidValidity,
};
use rusqlite::{Connection, OptionalExtension, Row};

/// The bytes of a message, ready to be kept.
#[derive(Debug, Clone)]
pub struct Packed {
    /// How many bytes it is.
    size: usize,
    /// Its Message-ID, without angle brackets.
    message_id: String,
    /// Of a message of which only the header is here: how large all of it is.
    drop_size: u64,
    bytes: Vec<u8>,
}

impl Packed {
    /// Packs a whole message. Takes time: not for an async task.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn whole(raw: &[u8], message_id: &str) -> Result<Self> {
        Self::new(raw, message_id, 0)
    }

    /// Packs a header; `size` is how large the message is that it belongs to.
    ///
    /// # Errors
    /// When it cannot be compressed.
    pub fn header(raw: &[u8], message_id: &str, size: u64) -> Result<Self> {
        Self::new(raw, message_id, size.max(1))
    }

    fn new(raw: &[u8], message_id: &str, drop_size: u64) -> Result<Self> {
        Ok(Self {
            size: raw.len(),
            message_id: message_id.to_owned(),
            drop_size,
            bytes: pack(raw, QUICK)?,
        })
    }
}

/// A message that is put into a local mailbox.
#[derive(Debug, Clone)]
pub struct LocalNew {
    /// Its bytes.
    pub packed: Packed,
    /// Its flags and keywords.
    pub flags: FlagSet,
    /// When it arrived.
    pub arrived: Moment,
}

/// Where messages were put: one id after the other from `first` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPut {
    /// The era of the mailbox.
    pub uid_validity: UidValidity,
    /// The id of the first of them.
    pub first: Uid,
    /// The modification sequence of all of them.
    pub mod_seq: ModSeq,
    /// Where their bytes are, in their order.
    pub keys: Vec<LocalKey>,
}

/// A message that lies in a local mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalItem {
    /// Its id there.
    pub uid: Uid,
    /// Where its bytes are.
    pub local: Local,
    /// How large it is, on the server where only its header is here.
    pub size: u64,
    /// Its flags and keywords.
    pub flags: FlagSet,
    /// When it arrived.
    pub arrived: Moment,
    /// When it last changed.
    pub mod_seq: ModSeq,
}

const ITEM: &str =
    "i.uid, i.raw, r.size, r.drop_size, i.flags, i.words, i.arrived, i.arrived_offset,
    i.mod_seq FROM local.item i JOIN local.raw r ON r.key = i.raw";

fn item(row: &Row<'_>) -> rusqlite::Result<LocalItem> {
    let (size, drop_size): (i64, i64) = (row.get(2)?, row.get(3)?);
    Ok(LocalItem {
        uid: uid(row, 0)?,
        local: Local {
            key: LocalKey(row.get(1)?),
            is_whole: drop_size == 0,
        },
        size: sql::unsigned(if drop_size == 0 { size } else { drop_size }),
        flags: FlagSet::from_stored(sql::bits(row.get(4)?), &row.get::<_, String>(5)?),
        arrived: Moment {
            unix_secs: row.get(6)?,
            offset_mins: row.get(7)?,
        },
        mod_seq: ModSeq(sql::unsigned(row.get(8)?)),
    })
}

fn uid(row: &Row<'_>, at: usize) -> rusqlite::Result<Uid> {
    let value: i64 = row.get(at)?;
    let uid = u32::try_from(value).ok().and_then(Uid::new);
    uid.ok_or(rusqlite::Error::IntegralValueOutOfRange(at, value))
}

impl Reader {
    /// The ids of a mailbox, those with a flag only where one is given.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_uids(&self, mailbox: i64, with: Option<Flag>) -> Result<UidSet> {
        let bit = with.map_or(0, Flag::bit);
        self.conn
            .prepare_cached("SELECT uid FROM local.item WHERE mailbox = ?1 AND flags & ?2 = ?2")
            .and_then(|mut s| s.query_map((mailbox, bit), |row| uid(row, 0))?.collect())
            .doing("reading the ids of a folder")
    }

    /// What lies in a mailbox under these ids.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_items(&self, mailbox: i64, uids: &UidSet) -> Result<Vec<LocalItem>> {
        items(&self.conn, mailbox, uids)
    }

    /// What changed in a mailbox since then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_changed_since(&self, mailbox: i64, since: ModSeq) -> Result<Vec<LocalItem>> {
        let sql = format!("SELECT {ITEM} WHERE i.mailbox = ?1 AND i.mod_seq > ?2");
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut s| {
                s.query_map((mailbox, sql::signed(since.0)), item)?
                    .collect()
            })
            .doing("reading messages")
    }

    /// The ids from `first` on of messages with that Message-ID (without angle brackets).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn local_with_message_id(&self, mailbox: i64, id: &str, first: Uid) -> Result<UidSet> {
        self.conn
            .prepare_cached(
                "SELECT i.uid FROM local.raw r JOIN local.item i ON i.raw = r.key
                 WHERE r.message_id = ?2 AND i.mailbox = ?1 AND i.uid >= ?3",
            )
            .and_then(|mut s| {
                s.query_map((mailbox, id, first.get()), |row| uid(row, 0))?
                    .collect()
            })
            .doing("looking for a message")
    }

    /// The bytes of a message, or of its header where no more is here; `None` where it is gone.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where they cannot be unpacked.
    pub fn local_raw(&self, key: LocalKey) -> Result<Option<Vec<u8>>> {
        let found = self
            .conn
            .prepare_cached("SELECT size, bytes FROM local.raw WHERE key = ?1")
            .and_then(|mut s| s.query_row([key.0], unpack).optional())
            .doing("reading a text")?;
        match found {
            None => Ok(None),
            Some(Some(bytes)) => Ok(Some(bytes)),
            Some(None) => Err(Error::Corrupt {
                file: self
                    .dir
                    .join(super::migrate::LOCAL.file)
                    .display()
                    .to_string(),
                detail: format!("the text of message {key} cannot be unpacked"),
                remedy: "put back a copy of the file".to_owned(),
            }),
        }
    }
}

fn items(conn: &Connection, mailbox: i64, uids: &UidSet) -> Result<Vec<LocalItem>> {
    let sql = format!("SELECT {ITEM} WHERE i.mailbox = ?1 AND i.uid BETWEEN ?2 AND ?3");
    let mut statement = conn.prepare_cached(&sql).doing("reading messages")?;
    let mut found = Vec::new();
    for (first, last) in uids.ranges() {
        let rows = statement
            .query_map((mailbox, first.get(), last.get()), item)
            .doing("reading messages")?;
        for row in rows {
            found.push(row.doing("reading messages")?);
        }
    }
    Ok(found)
}

impl Writer {
    /// Puts messages into a mailbox; on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::NoMailbox`]; when the store cannot be written.
    pub fn append_local(
        &mut self,
        account: &str,
        mailbox: &str,
        new: &[LocalNew],
    ) -> Result<LocalPut> {
        self.write_local("keeping messages", |tx| append(tx, account, mailbox, new))
    }

    /// Changes flags. What changed, with its new flags.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn flag_local(
        &mut self,
        mailbox: i64,
        uids: &UidSet,
        change: &FlagChange,
    ) -> Result<Vec<LocalItem>> {
        let doing = "changing flags";
        self.write_local(doing, |tx| {
            let mod_seq = next_mod_seq(tx, mailbox)?;
            let mut changed = Vec::new();
            for mut one in items(tx, mailbox, uids)? {
                let before = one.flags.clone();
                one.flags.apply(change);
                if one.flags == before {
                    continue;
                }
                one.mod_seq = mod_seq;
                tx.prepare_cached(
                    "UPDATE local.item SET flags = ?3, words = ?4, mod_seq = ?5
                     WHERE mailbox = ?1 AND uid = ?2",
                )
                .and_then(|mut s| {
                    s.execute((
                        mailbox,
                        one.uid.get(),
                        one.flags.bits(),
                        one.flags.words(),
                        sql::signed(mod_seq.0),
                    ))
                })
                .doing(doing)?;
                changed.push(one);
            }
            Ok(changed)
        })
    }

    /// Copies messages into another mailbox of the account, or moves them. The era there, and each
    /// id with the one it has there.
    ///
    /// # Errors
    /// [`Error::NoMailbox`]; when the store cannot be written.
    pub fn transfer_local(
        &mut self,
        account: &str,
        from: i64,
        uids: &UidSet,
        to: &str,
        is_move: bool,
    ) -> Result<(UidValidity, Vec<(Uid, Uid)>)> {
        let doing = if is_move {
            "moving messages"
        } else {
            "copying messages"
        };
        self.write_local(doing, |tx| {
            let Some(target) = local::key(tx, account, to)? else {
                return Err(Error::NoMailbox {
                    name: to.to_owned(),
                });
            };
            let moved = items(tx, from, uids)?;
            let (era, first, mod_seq) = take_uids(tx, target, moved.len())?;
            let mut pairs = Vec::with_capacity(moved.len());
            for (old, new) in moved.iter().zip(first..) {
                put_item(
                    tx,
                    target,
                    new,
                    old.local.key,
                    &old.flags,
                    old.arrived,
                    mod_seq,
                )?;
                pairs.extend(Uid::new(new).map(|new| (old.uid, new)));
                if is_move {
                    remove(tx, from, old.uid)?;
                }
            }
            if is_move {
                next_mod_seq(tx, from)?;
            }
            Ok((era, pairs))
        })
    }

    /// Removes messages that are marked as deleted, of these ids or of all; which were removed.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn expunge_local(&mut self, mailbox: i64, uids: Option<&UidSet>) -> Result<UidSet> {
        let all = UidSet::range(Uid::MIN, Uid::MAX);
        self.write_local("removing messages", |tx| {
            let mut gone = UidSet::new();
            for one in items(tx, mailbox, uids.unwrap_or(&all))? {
                if one.flags.has(Flag::Deleted) {
                    remove(tx, mailbox, one.uid)?;
                    drop_raw(tx, one.local.key)?;
                    gone.insert(one.uid);
                }
            }
            next_mod_seq(tx, mailbox)?;
            Ok(gone)
        })
    }
}

/// Puts messages into a mailbox, within a transaction.
pub(super) fn append(
    tx: &Connection,
    account: &str,
    mailbox: &str,
    new: &[LocalNew],
) -> Result<LocalPut> {
    let Some(target) = local::key(tx, account, mailbox)? else {
        return Err(Error::NoMailbox {
            name: mailbox.to_owned(),
        });
    };
    let (uid_validity, first, mod_seq) = take_uids(tx, target, new.len())?;
    let mut keys = Vec::with_capacity(new.len());
    for (one, uid) in new.iter().zip(first..) {
        let key = put_raw(tx, &one.packed)?;
        put_item(tx, target, uid, key, &one.flags, one.arrived, mod_seq)?;
        keys.push(key);
    }
    Ok(LocalPut {
        uid_validity,
        first: Uid::new(first).unwrap_or(Uid::MIN),
        mod_seq,
        keys,
    })
}

fn put_raw(tx: &Connection, packed: &Packed) -> Result<LocalKey> {
    tx.prepare_cached(
        "INSERT INTO local.raw (size, message_id, drop_size, bytes) VALUES (?1, ?2, ?3, ?4)",
    )
    .and_then(|mut s| {
        s.insert((
            i64::from(sql::len(packed.size)),
            &packed.message_id,
            sql::signed(packed.drop_size),
            &packed.bytes,
        ))
    })
    .map(LocalKey)
    .doing("keeping messages")
}

/// Puts all of a message where only its header was. Whether that was still there.
pub(super) fn replace_raw(tx: &Connection, key: LocalKey, packed: &Packed) -> Result<bool> {
    let doing = "keeping messages";
    let replaced = tx
        .prepare_cached(
            "UPDATE local.raw SET size = ?2, message_id = ?3, drop_size = ?4, bytes = ?5
             WHERE key = ?1",
        )
        .and_then(|mut s| {
            s.execute((
                key.0,
                i64::from(sql::len(packed.size)),
                &packed.message_id,
                sql::signed(packed.drop_size),
                &packed.bytes,
            ))
        })
        .doing(doing)?;
    let lies_in: Vec<i64> = tx
        .prepare_cached("SELECT DISTINCT mailbox FROM local.item WHERE raw = ?1")
        .and_then(|mut s| s.query_map([key.0], |row| row.get(0))?.collect())
        .doing(doing)?;
    for mailbox in lies_in {
        let mod_seq = next_mod_seq(tx, mailbox)?;
        tx.prepare_cached("UPDATE local.item SET mod_seq = ?3 WHERE mailbox = ?1 AND raw = ?2")
            .and_then(|mut s| s.execute((mailbox, key.0, sql::signed(mod_seq.0))))
            .doing(doing)?;
    }
    Ok(replaced > 0)
}

fn put_item(
    tx: &Connection,
    mailbox: i64,
    uid: u32,
    raw: LocalKey,
    flags: &FlagSet,
    arrived: Moment,
    mod_seq: ModSeq,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO local.item (mailbox, uid, raw, flags, words, arrived, arrived_offset, mod_seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut s| {
        s.execute((
            mailbox,
            uid,
            raw.0,
            flags.bits(),
            flags.words(),
            arrived.unix_secs,
            arrived.offset_mins,
            sql::signed(mod_seq.0),
        ))
    })
    .doing("keeping messages")
    .map(drop)
}

fn remove(tx: &Connection, mailbox: i64, uid: Uid) -> Result<()> {
    tx.prepare_cached("DELETE FROM local.item WHERE mailbox = ?1 AND uid = ?2")
        .and_then(|mut s| s.execute((mailbox, uid.get())))
        .doing("removing messages")
        .map(drop)
}

/// Lets go of the bytes of a message that lies nowhere any more.
fn drop_raw(tx: &Connection, key: LocalKey) -> Result<()> {
    tx.prepare_cached(
        "DELETE FROM local.raw WHERE key = ?1
           AND NOT EXISTS (SELECT 1 FROM local.item WHERE raw = ?1)",
    )
    .and_then(|mut s| s.execute([key.0]))
    .doing("removing messages")
    .map(drop)
}

fn next_mod_seq(tx: &Connection, mailbox: i64) -> Result<ModSeq> {
    tx.prepare_cached(
        "UPDATE local.mailbox SET mod_seq = mod_seq + 1 WHERE key = ?1 RETURNING mod_seq",
    )
    .and_then(|mut s| {
        s.query_row([mailbox], |row| row.get::<_, i64>(0))
            .optional()
    })
    .doing("writing to a folder")
    .map(|found| ModSeq(found.map_or(0, sql::unsigned)))
}

/// Takes as many ids of a mailbox; its era, the first of them, the modification sequence.
fn take_uids(tx: &Connection, mailbox: i64, count: usize) -> Result<(UidValidity, u32, ModSeq)> {
    let doing = "writing to a folder";
    let (era, first, mod_seq): (u32, u32, i64) = tx
        .prepare_cached(
            "UPDATE local.mailbox SET mod_seq = mod_seq + 1, uid_next = uid_next + ?2 WHERE key = ?1
             RETURNING uid_validity, uid_next - ?2, mod_seq",
        )
        .and_then(|mut s| {
            s.query_row((mailbox, sql::len(count)), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
        })
        .doing(doing)?;
    let era = UidValidity::new(era).ok_or(rusqlite::Error::QueryReturnedNoRows);
    Ok((era.doing(doing)?, first, ModSeq(sql::unsigned(mod_seq))))
}
