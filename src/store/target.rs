//! One row of `own.op_target`: a change of one message, as the journal holds it.
//!
//! Used by `journal` (recording), `claims` (sending), `transit` (showing). A target that is settled,
//! refused or cancelled must never become open again.

use super::sql::Doing;
use super::{Result, binding};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeSet;

/// What a target does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Sets and clears flags.
    Flags,
    /// Moves within an account.
    Move,
    /// Copies within an account.
    Copy,
    /// Puts a copy into another account, or puts back what was deleted.
    Append,
    /// Deletes for good.
    Remove,
}

impl Verb {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flags => "flags",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Append => "append",
            Self::Remove => "remove",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::Move, Self::Copy, Self::Append, Self::Remove]
            .into_iter()
            .find(|v| v.name() == name)
            .unwrap_or(Self::Flags)
    }

    /// Whether the message is shown no more where it lies.
    pub(super) const fn departs(self) -> bool {
        matches!(self, Self::Move | Self::Remove)
    }

    /// Whether a message is shown where it is to be.
    pub(super) const fn arrives(self) -> bool {
        matches!(self, Self::Move | Self::Copy | Self::Append)
    }
}

/// Waits to be sent.
pub(super) const QUEUED: i64 = 0;
/// Confirmed.
pub(super) const SETTLED: i64 = 2;
/// Refused.
pub(super) const REJECTED: i64 = 3;
/// Taken back before the server was told.
pub(super) const CANCELLED: i64 = 4;

/// Sent as MOVE; the answer is not known.
pub(super) const SENT_MOVE: &str = "move";
/// Sent as COPY; the answer is not known.
pub(super) const SENT_COPY: &str = "copy";
/// The copy is confirmed; the source is still to be removed.
pub(super) const COPIED: &str = "copied";
/// Sent as APPEND; the answer is not known.
pub(super) const SENT_APPEND: &str = "append";
/// Sent for removal; the answer is not known.
pub(super) const SENT_REMOVE: &str = "remove";

/// A target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) key: i64,
    pub(super) op: i64,
    pub(super) account: i64,
    pub(super) mailbox: i64,
    pub(super) message: i64,
    pub(super) verb: Verb,
    pub(super) from_account: i64,
    pub(super) to_account: i64,
    pub(super) to_mailbox: i64,
    pub(super) to_name: String,
    pub(super) made: i64,
    pub(super) via: i64,
    pub(super) after: i64,
    pub(super) state: i64,
    pub(super) next_try: i64,
    pub(super) sent: String,
    pub(super) effect: String,
    pub(super) is_kept: bool,
}

const COLUMNS: &str = "t.key, t.op, t.account, t.mailbox, t.message, t.verb, t.from_account,
  t.to_account, t.to_mailbox, t.to_name, t.made, t.via, t.after, t.state, t.next_try, t.sent,
  t.effect, t.kept";

impl Target {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let account = row.get(2)?;
        let from_account: i64 = row.get(6)?;
        Ok(Self {
            key: row.get(0)?,
            op: row.get(1)?,
            account,
            mailbox: row.get(3)?,
            message: row.get(4)?,
            verb: Verb::from_name(row.get_ref(5)?.as_str().unwrap_or_default()),
            from_account: if from_account == 0 {
                account
            } else {
                from_account
            },
            to_account: row.get(7)?,
            to_mailbox: row.get(8)?,
            to_name: row.get(9)?,
            made: row.get(10)?,
            via: row.get(11)?,
            after: row.get(12)?,
            state: row.get(13)?,
            next_try: row.get(14)?,
            sent: row.get(15)?,
            effect: row.get(16)?,
            is_kept: row.get(17)?,
        })
    }

    /// The targets that a condition names, in their order. Only fixed text may be given.
    fn all(
        conn: &Connection,
        condition: &'static str,
        params: impl rusqlite::Params,
    ) -> Result<Vec<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM own.op_target t WHERE {condition} ORDER BY t.key"
        ))
        .and_then(|mut s| s.query_map(params, Self::from_row)?.collect())
        .doing("reading the journal")
    }

    /// The target of that key.
    pub(super) fn of(conn: &Connection, key: i64) -> Result<Option<Self>> {
        conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM own.op_target t WHERE t.key = ?1"
        ))
        .and_then(|mut s| s.query_row([key], Self::from_row).optional())
        .doing("reading the journal")
    }

    /// The targets of an operation.
    pub(super) fn of_op(conn: &Connection, op: i64) -> Result<Vec<Self>> {
        Self::all(conn, "t.op = ?1", [op])
    }

    /// What is open of a message where it lies, without what only reads it there.
    pub(super) fn open_at(conn: &Connection, message: i64, mailbox: i64) -> Result<Vec<Self>> {
        Self::all(
            conn,
            "t.message = ?1 AND t.mailbox = ?2 AND t.state < 2 AND t.verb <> 'append'",
            (message, mailbox),
        )
    }

    /// What is open of an account and puts copies from elsewhere into it.
    pub(super) fn open_appends(conn: &Connection, account: i64) -> Result<Vec<Self>> {
        Self::all(
            conn,
            "t.account = ?1 AND t.state = 0 AND t.state < 2 AND t.verb = 'append'",
            [account],
        )
    }

    /// Everything that is open.
    pub(super) fn all_open(conn: &Connection) -> Result<Vec<Self>> {
        Self::all(conn, "t.state < 2", ())
    }

    /// What acts on a message that `via` brings.
    pub(super) fn open_via(conn: &Connection, via: i64) -> Result<Vec<Self>> {
        Self::all(conn, "t.via = ?1 AND t.via <> 0 AND t.state < 2", [via])
    }

    /// What has to wait for that target.
    pub(super) fn open_after(conn: &Connection, after: i64) -> Result<Vec<Self>> {
        Self::all(
            conn,
            "t.after = ?1 AND t.after <> 0 AND t.state < 2",
            [after],
        )
    }

    /// What of an operation concerns messages, for an undo: without what was refused.
    pub(super) fn done_of_op(conn: &Connection, op: i64) -> Result<Vec<Self>> {
        Self::all(conn, "t.op = ?1 AND t.state < 3", [op])
    }

    /// Whether the server was never told of it.
    pub(super) const fn is_unknown_to_server(&self) -> bool {
        self.state == QUEUED && self.sent.is_empty()
    }

    /// Whether a source that is gone means that it was done.
    pub(super) fn is_done_without_source(&self) -> bool {
        self.verb == Verb::Remove || (self.verb == Verb::Move && !self.sent.is_empty())
    }
}

/// Moves a target that is open to another state.
pub(super) fn set_state(conn: &Connection, key: i64, state: i64, reason: &str) -> Result<()> {
    conn.prepare_cached(
        "UPDATE own.op_target SET state = ?2, reason = ?3 WHERE key = ?1 AND state < 2",
    )
    .and_then(|mut s| s.execute((key, state, reason)))
    .doing("writing the journal")
    .map(drop)
}

/// Refuses or cancels targets with all that builds on them; every one that was changed, the latest
/// first, so that rows can be put back in that order.
pub(super) fn close_with_heirs(
    tx: &Connection,
    keys: impl IntoIterator<Item = i64>,
    state: i64,
    reason: &str,
) -> Result<Vec<i64>> {
    let mut closed = BTreeSet::new();
    let mut todo: Vec<(i64, i64)> = keys.into_iter().map(|k| (k, state)).collect();
    while let Some((key, state)) = todo.pop() {
        if !closed.insert(key) {
            continue;
        }
        set_state(tx, key, state, reason)?;
        binding::rehome_flags(tx, key)?;
        for heir in Target::open_via(tx, key)?
            .into_iter()
            .chain(Target::open_after(tx, key)?)
        {
            todo.push((heir.key, state));
        }
    }
    Ok(closed.into_iter().rev().collect())
}
