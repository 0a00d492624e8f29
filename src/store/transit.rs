//! Messages on their way: bringing the rows in line with what the journal says of one target.
//!
//! Called after every change of a target's state, and for all of them after a crash. Must depend on
//! nothing but the journal and the rows, and change nothing when it is repeated.

use super::leaving::Leaving;
use super::messages::{Home, forget_if_homeless};
use super::placements::{Placement, Stay, Tally, pending};
use super::sql::{self, Doing};
use super::target::{QUEUED, SETTLED, Target, Verb};
use super::{Result, fold, insert::New};
use crate::model::FlagSet;
use rusqlite::{Connection, OptionalExtension};

/// Makes the rows show what the target is: on its way, done, or taken back.
pub(super) fn reconcile(tx: &Connection, key: i64, tally: &mut Tally) -> Result<()> {
    let Some(target) = Target::of(tx, key)? else {
        return Ok(());
    };
    if target.message == 0 && target.verb != Verb::Append {
        // Waits for its message to be fetched again.
        return Ok(());
    }
    match (target.verb, target.state) {
        (Verb::Flags, _) => refold(tx, target.message, target.mailbox, tally),
        (_, QUEUED | 1) => {
            // The copy is made of what is shown, so it comes first.
            if target.verb.arrives() {
                arrive(tx, &target, tally)?;
            }
            if target.verb.departs() {
                depart(tx, &target, tally)?;
            }
            Ok(())
        }
        (_, SETTLED) => {
            if target.verb.departs() {
                finish(tx, &target, tally)?;
            }
            Ok(())
        }
        _ => {
            if target.verb.arrives() {
                withdraw(tx, &target, tally)?;
            }
            if target.verb.departs() {
                give_back(tx, &target, tally)?;
            }
            Ok(())
        }
    }
}

/// Whether the rows of an open target are as they should be, as far as they can be.
pub(super) fn is_shown(conn: &Connection, target: &Target) -> Result<bool> {
    if target.verb.departs() && Leaving::of(conn, target.key)?.is_none() {
        let stays = Placement::of(conn, target.message, target.mailbox)?;
        if stays.is_some_and(|p| p.via <= target.key) {
            return Ok(false);
        }
    }
    if target.verb.arrives() {
        let is_here = target.to_mailbox != 0
            && (Placement::of(conn, target.made, target.to_mailbox)?.is_some()
                || has_moved_on(conn, target, target.to_mailbox)?);
        return Ok(is_here || source(conn, target)?.is_none());
    }
    Ok(true)
}

/// Folds what waits onto a placement anew.
pub(super) fn refold(tx: &Connection, message: i64, mailbox: i64, tally: &mut Tally) -> Result<()> {
    match Placement::of(tx, message, mailbox)? {
        Some(old) => old.clone().refold(tx, &old, &[], tally),
        None => Ok(()),
    }
}

/// The same for a change of flags that was just recorded, of a placement that was just read and for
/// which nothing waited.
pub(super) fn mark(
    tx: &Connection,
    seen: &Placement,
    flags: &FlagSet,
    tally: &mut Tally,
) -> Result<()> {
    if seen.mark(tx, flags, tally)? {
        return Ok(());
    }
    // Somebody else wrote between the journal and this.
    refold(tx, seen.message, seen.mailbox, tally)
}

/// The same as [`reconcile`] for a target that was just recorded, of a placement that was just
/// read: a thousand of them must not be felt.
pub(super) fn take_away(
    tx: &Connection,
    key: i64,
    seen: &Placement,
    tally: &mut Tally,
) -> Result<()> {
    let Some(target) = Target::of(tx, key)? else {
        return Ok(());
    };
    if target.verb.arrives() && target.to_mailbox == 0 {
        return reconcile(tx, key, tally);
    }
    if !seen.delete(tx)? {
        // Somebody else wrote between the journal and this.
        return reconcile(tx, key, tally);
    }
    Leaving::keep(tx, seen, key, tally)?;
    if !target.verb.arrives() {
        return Ok(());
    }
    let row = Placement {
        mailbox: target.to_mailbox,
        uid: -target.made,
        message: target.made,
        base: seen.flags.clone(),
        mod_seq: 0,
        is_pending: true,
        via: key,
        hint: 0,
        ..seen.clone()
    };
    row.insert(tx, tally)
}

/// Shows a message no more where it lies.
fn depart(tx: &Connection, target: &Target, tally: &mut Tally) -> Result<()> {
    if Leaving::of(tx, target.key)?.is_some() {
        return Ok(());
    }
    match Placement::of(tx, target.message, target.mailbox)? {
        // A stay that began later is not the one that this target ends.
        Some(placement) if placement.via <= target.key => {
            Leaving::take(tx, &placement, target.key, tally)
        }
        _ => Ok(()),
    }
}

/// Shows a message where it is to be.
fn arrive(tx: &Connection, target: &Target, tally: &mut Tally) -> Result<()> {
    let Some(to) = destination(tx, target)? else {
        return Ok(());
    };
    if Placement::of(tx, target.made, to)?.is_some() || has_moved_on(tx, target, to)? {
        return Ok(());
    }
    let Some(source) = source(tx, target)? else {
        return Ok(());
    };
    if target.made != target.message {
        clone_message(tx, target).doing("showing a copy")?;
    }
    let row = Placement {
        mailbox: to,
        arrived: source.arrived,
        uid: -target.made,
        message: target.made,
        thread: source.thread,
        flags: source.flags.clone(),
        base: source.flags,
        mod_seq: 0,
        has_refs: source.has_refs,
        is_pending: true,
        via: target.key,
        hint: 0,
    };
    row.insert(tx, tally)?;
    // Changes of flags may have been recorded for it already.
    refold(tx, target.made, to, tally)
}

/// Whether what the target brought has been taken away again since.
fn has_moved_on(tx: &Connection, target: &Target, to: i64) -> Result<bool> {
    Ok(Leaving::after(tx, target.made, to, target.key)?.is_some())
}

/// The mailbox that a target brings its message to; bound by name where the key is lost.
fn destination(tx: &Connection, target: &Target) -> Result<Option<i64>> {
    if target.to_mailbox != 0 {
        return Ok(Some(target.to_mailbox));
    }
    let found: Option<i64> = tx
        .prepare_cached(
            "SELECT key FROM mailbox WHERE account = ?1 AND (server_name = ?2 OR name = ?2)
             AND is_gone = 0 ORDER BY server_name IS NULL LIMIT 1",
        )
        .and_then(|mut s| {
            s.query_row((target.to_account, &target.to_name), |row| row.get(0))
                .optional()
        })
        .doing("reading a folder")?;
    if let Some(key) = found {
        tx.prepare_cached("UPDATE own.op_target SET to_mailbox = ?2 WHERE key = ?1")
            .and_then(|mut s| s.execute((target.key, key)))
            .doing("binding the journal")?;
    }
    Ok(found)
}

/// Binds a target to the mailbox that it brings its message to, where that is known.
pub(super) fn bind_destination(tx: &Connection, key: i64) -> Result<()> {
    match Target::of(tx, key)? {
        Some(target) if target.verb.arrives() => destination(tx, &target).map(drop),
        _ => Ok(()),
    }
}

/// What is known of the message that a target copies or moves.
struct Source {
    arrived: i64,
    thread: i64,
    flags: FlagSet,
    has_refs: bool,
}

fn source(tx: &Connection, target: &Target) -> Result<Option<Source>> {
    if let Some(leaving) = Leaving::after(tx, target.message, target.mailbox, target.key - 1)? {
        let stay = Stay::until(leaving.via, leaving.target);
        let open = pending(tx, leaving.message, leaving.mailbox, stay)?;
        return Ok(Some(Source {
            arrived: leaving.arrived,
            thread: leaving.thread,
            flags: fold::visible(&leaving.base, &open),
            has_refs: leaving.has_refs,
        }));
    }
    if let Some(placement) = Placement::of(tx, target.message, target.mailbox)? {
        return Ok(Some(Source {
            arrived: placement.arrived,
            thread: placement.thread,
            flags: placement.flags,
            has_refs: placement.has_refs,
        }));
    }
    if target.mailbox != 0 {
        return Ok(None);
    }
    // Put back after a deletion: it lies nowhere, and what it was like is in `effect`.
    tx.prepare_cached("SELECT arrived FROM message WHERE key = ?1")
        .and_then(|mut s| {
            s.query_row([target.made], |row| {
                Ok(Source {
                    arrived: row.get(0)?,
                    thread: target.made,
                    flags: sql::change(&target.effect).add,
                    has_refs: true,
                })
            })
            .optional()
        })
        .doing("reading a message")
}

/// Makes a message of its own of a copy, with its text where that is here.
fn clone_message(tx: &Connection, target: &Target) -> rusqlite::Result<()> {
    let known = tx
        .prepare_cached("SELECT 1 FROM message WHERE key = ?1")?
        .exists([target.made])?;
    if known {
        return Ok(());
    }
    let keys = (target.made, target.message, target.to_account);
    tx.prepare_cached(
        "INSERT INTO message (key, account, is_here, has_attachment, size, arrived, arrived_offset,
           date, date_offset, parent, subject, sender, preview, recipients, copies, message_id,
           email_id, local)
         SELECT ?1, ?3, is_here, has_attachment, size, arrived, arrived_offset, date, date_offset,
           parent, subject, sender, preview, recipients, copies, message_id,
           CASE WHEN account = ?3 THEN email_id END, CASE WHEN account = ?3 THEN local ELSE 0 END
         FROM message WHERE key = ?2",
    )?
    .execute(keys)?;
    let keys = (target.made, target.message);
    for sql in [
        "INSERT OR IGNORE INTO cold (message, reply_to, hidden, in_reply_to, structure)
         SELECT ?1, reply_to, hidden, in_reply_to, structure FROM cold WHERE message = ?2",
        "INSERT OR IGNORE INTO content.raw (message, size, bytes)
         SELECT ?1, size, bytes FROM whole WHERE message = ?2
           AND (SELECT local FROM message WHERE key = ?1) = 0",
        "INSERT OR IGNORE INTO content.part (message, part, size, bytes)
         SELECT ?1, part, size, bytes FROM content.part WHERE message = ?2",
    ] {
        tx.prepare_cached(sql)?.execute(keys)?;
    }
    Ok(())
}

/// The server has done it: the message is no longer where it was.
fn finish(tx: &Connection, target: &Target, tally: &mut Tally) -> Result<()> {
    let Some(leaving) = Leaving::of(tx, target.key)? else {
        return Ok(());
    };
    leaving.delete(tx, tally)?;
    if target.is_kept {
        // Kept until it can no longer be brought back.
        return tx
            .prepare_cached("INSERT OR IGNORE INTO orphan (message) VALUES (?1)")
            .and_then(|mut s| s.execute([target.message]))
            .doing("keeping a message")
            .map(drop);
    }
    forget_if_homeless(tx, target.message)
}

/// Takes away what was shown of a copy that will not be made. What the mailbox has shown by itself
/// stays.
fn withdraw(tx: &Connection, target: &Target, tally: &mut Tally) -> Result<()> {
    let Some(to) = destination(tx, target)? else {
        return Ok(());
    };
    if let Some(placement) = Placement::of(tx, target.made, to)?
        && placement.via == target.key
        && placement.uid < 0
    {
        drop_placement(tx, &placement, tally)?;
        if target.made != target.message {
            forget_if_homeless(tx, target.made)?;
        }
    }
    Ok(())
}

/// Removes a row with its counts, and nothing else.
fn drop_placement(tx: &Connection, placement: &Placement, tally: &mut Tally) -> Result<()> {
    placement.delete(tx)?;
    let counts = tally.of(placement.mailbox);
    counts.total -= 1;
    counts.unread -= sql::unread(placement.flags.bits());
    counts.base_unread -= placement.base_unread();
    counts.is_touched = true;
    Ok(())
}

/// Shows a message again where it lies.
fn give_back(tx: &Connection, target: &Target, tally: &mut Tally) -> Result<()> {
    let Some(leaving) = Leaving::of(tx, target.key)? else {
        return Ok(());
    };
    if Placement::of(tx, leaving.message, leaving.mailbox)?.is_some() {
        // It came back by another way meanwhile; both are one message, and the row is there.
        return leaving.delete(tx, tally);
    }
    leaving.delete(tx, tally)?;
    let row = Placement {
        mailbox: leaving.mailbox,
        arrived: leaving.arrived,
        uid: leaving.uid,
        message: leaving.message,
        thread: leaving.thread,
        flags: leaving.base.clone(),
        base: leaving.base,
        mod_seq: leaving.mod_seq,
        has_refs: leaving.has_refs,
        is_pending: leaving.via != 0,
        via: leaving.via,
        hint: leaving.hint,
    };
    row.insert(tx, tally)?;
    refold(tx, leaving.message, leaving.mailbox, tally)
}

/// Whether anything is on its way into a mailbox.
pub(super) fn is_any_awaited(tx: &Connection, mailbox: i64) -> Result<bool> {
    tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM placement WHERE mailbox = ?1 AND uid < 0 AND via <> 0)
           OR EXISTS (SELECT 1 FROM leaving WHERE mailbox = ?1 AND uid < 0 AND via <> 0)",
    )
    .and_then(|mut s| s.query_row([mailbox], |row| row.get(0)))
    .doing("reading messages on their way")
}

/// The row that waits for the message which the mailbox now shows: the row learns its id. Returns
/// the message. A row waits only once the server may have been told to make it.
pub(super) fn bind(
    tx: &Connection,
    home: &Home,
    new: &New<'_>,
    tally: &mut Tally,
) -> Result<Option<i64>> {
    let Some((message, via)) =
        awaited(tx, home.mailbox, new).doing("matching messages on their way")?
    else {
        return Ok(None);
    };
    let flags = new.fetched.flags.clone().unwrap_or_default();
    let mod_seq = new.fetched.mod_seq.map_or(0, |m| sql::signed(m.0));
    let old = Placement::of(tx, message, home.mailbox)?.filter(|p| p.via == via && p.uid < 0);
    if let Some(old) = old {
        let mut now = old.clone();
        now.uid = i64::from(new.uid);
        now.arrived = new.arrived.unix_secs;
        now.base = flags;
        now.mod_seq = mod_seq;
        now.via = 0;
        now.hint = 0;
        // What waits for it was recorded after it came.
        let open = pending(tx, message, home.mailbox, Stay::here(via))?;
        now.flags = fold::visible(&now.base, &open);
        now.is_pending = !open.is_empty();
        now.write(tx, &old, tally)?;
    } else {
        let left = Leaving::all_in(tx, home.mailbox)?
            .into_iter()
            .find(|l| l.message == message && l.via == via && l.uid < 0);
        let Some(mut left) = left else {
            return Ok(None);
        };
        left.uid = i64::from(new.uid);
        left.base = flags;
        left.mod_seq = mod_seq;
        left.via = 0;
        left.hint = 0;
        tally.of(home.mailbox).base_unread += sql::unread(left.base.bits());
        left.write(tx)?;
    }
    tx.prepare_cached(
        "UPDATE message SET arrived = ?2, arrived_offset = ?3, email_id = coalesce(?4, email_id)
         WHERE key = ?1 AND (arrived, arrived_offset, email_id) IS NOT (?2, ?3, coalesce(?4, email_id))",
    )
    .and_then(|mut s| {
        s.execute((
            message,
            new.arrived.unix_secs,
            new.arrived.offset_mins,
            &new.fetched.email_id,
        ))
    })
    .doing("matching messages on their way")?;
    super::binding::rename_targets(
        tx,
        message,
        home.mailbox,
        home.uid_validity,
        i64::from(new.uid),
    )?;
    Ok(Some(message))
}

/// The awaited message that `new` is, and the target that brings it: the one whose id the server
/// told, else the first that is the same by EMAILID, or by Message-ID, size and header; of several
/// that are, one with the same flags.
fn awaited(tx: &Connection, mailbox: i64, new: &New<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    let flags = new.fetched.flags.clone().unwrap_or_default();
    tx.prepare_cached(AWAITED)?
        .query_row(
            (
                mailbox,
                new.uid,
                &new.fetched.email_id,
                &new.envelope.message_id,
                sql::signed(new.fetched.size_bytes.unwrap_or(0)),
                &new.envelope.subject,
                sql::addresses_text(&new.envelope.from),
                new.envelope.date.map(|d| d.unix_secs),
                flags.bits(),
                flags.words(),
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
}

const AWAITED: &str = "WITH waiting (message, via, hint, is_like) AS (
    SELECT message, via, hint, (base, base_words) = (?9, ?10) FROM placement
      WHERE mailbox = ?1 AND uid < 0 AND via <> 0
    UNION ALL
    SELECT message, via, hint, (base, base_words) = (?9, ?10) FROM leaving
      WHERE mailbox = ?1 AND uid < 0 AND via <> 0)
  SELECT w.message, w.via FROM waiting w
    CROSS JOIN message m ON m.key = w.message
    CROSS JOIN own.op_target t ON t.key = w.via
  WHERE t.sent <> '' AND ?2 >= t.bound AND w.hint IN (0, ?2)
    AND (m.email_id = ?3 OR (m.message_id, m.size, m.subject, m.sender) = (?4, ?5, ?6, ?7)
      AND m.date IS ?8)
  ORDER BY w.hint = 0, NOT w.is_like, w.via LIMIT 1";

/// Forgets what was to have arrived in a mailbox, by the server's own word, and is not in it: it
/// was moved on or removed by somebody else meanwhile. Returns the targets that had waited for such
/// a message.
pub(super) fn end_awaited(tx: &Connection, mailbox: i64, tally: &mut Tally) -> Result<Vec<i64>> {
    let lost: Vec<(i64, i64)> = tx
        .prepare_cached(
            "SELECT p.message, p.via FROM placement p JOIN own.op_target t ON t.key = p.via
             WHERE p.mailbox = ?1 AND p.uid < 0 AND p.via <> 0 AND t.state = 2
             UNION ALL
             SELECT p.message, p.via FROM leaving p JOIN own.op_target t ON t.key = p.via
             WHERE p.mailbox = ?1 AND p.uid < 0 AND p.via <> 0 AND t.state = 2",
        )
        .and_then(|mut s| {
            s.query_map([mailbox], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("reading messages on their way")?;
    let mut waited = Vec::new();
    for (message, via) in lost {
        waited.extend(Target::open_via(tx, via)?.into_iter().map(|t| t.key));
        if let Some(row) = Placement::of(tx, message, mailbox)?.filter(|p| p.via == via) {
            drop_placement(tx, &row, tally)?;
            waited.extend(
                Target::open_at(tx, message, mailbox)?
                    .into_iter()
                    .map(|t| t.key),
            );
            forget_if_homeless(tx, message)?;
        }
        // What was to go on from here must not be given back: it is not here.
        for left in Leaving::all_in(tx, mailbox)? {
            if left.message == message && left.via == via && left.uid < 0 {
                left.delete(tx, tally)?;
                forget_if_homeless(tx, message)?;
            }
        }
    }
    waited.sort_unstable();
    waited.dedup();
    Ok(waited)
}

/// Notes the ids that the server said copies have.
pub(super) fn put_hint(tx: &Connection, target: &Target, hint: i64) -> Result<()> {
    for sql in [
        "UPDATE placement SET hint = ?2 WHERE message = ?3 AND via = ?1 AND uid < 0",
        "UPDATE leaving SET hint = ?2 WHERE message = ?3 AND via = ?1 AND uid < 0",
    ] {
        tx.prepare_cached(sql)
            .and_then(|mut s| s.execute((target.key, hint, target.made)))
            .doing("noting where a copy went")?;
    }
    Ok(())
}
