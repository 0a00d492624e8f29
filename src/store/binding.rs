//! Keeps the journal's targets bound to rows: after losses, renumbering, removals and crashes.
//!
//! Called by the pull (through `messages`, `eras`, `tree_put`) and when the store is opened. A target
//! must never be settled here but where the wanted state is known to be reached.

use super::messages::Home;
use super::placements::{Placement, Stay, Tally, pending};
use super::sql::Doing;
use super::target::{REJECTED, SETTLED, Target, Verb, close_with_heirs, set_state};
use super::{Result, Writer, fold, journal, transit, tree_ops};
use crate::model::MailboxKey;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The ids in this mailbox that the journal waits for since `mirror.db` was lost.
pub(super) fn unbound(tx: &Connection, home: &Home) -> Result<BTreeSet<i64>> {
    tx.prepare_cached(
        "SELECT uid FROM own.op_target WHERE message = 0 AND mailbox = 0
           AND coalesce(nullif(from_account, 0), account) = ?1
           AND mailbox_name = ?2 AND uid_validity = ?3 AND state < 2",
    )
    .and_then(|mut s| {
        s.query_map((home.account, &home.name, home.uid_validity), |row| {
            row.get(0)
        })?
        .collect()
    })
    .doing("reading the journal")
}

/// Binds targets that waited for that id to the message that has it, and those that act on what
/// these bring. Returns them in their order.
pub(super) fn bind(tx: &Connection, home: &Home, uid: i64, message: i64) -> Result<Vec<i64>> {
    let doing = "binding the journal";
    let mut bound: Vec<i64> = tx
        .prepare_cached(
            "UPDATE own.op_target SET message = ?5, mailbox = ?6,
               made = CASE WHEN verb = 'move' THEN ?5 ELSE made END
             WHERE message = 0 AND mailbox = 0
               AND coalesce(nullif(from_account, 0), account) = ?1
               AND mailbox_name = ?2 AND uid_validity = ?3 AND uid = ?4 AND state < 2
             RETURNING key",
        )
        .and_then(|mut s| {
            s.query_map(
                (
                    home.account,
                    &home.name,
                    home.uid_validity,
                    uid,
                    message,
                    home.mailbox,
                ),
                |row| row.get(0),
            )?
            .collect()
        })
        .doing(doing)?;
    let mut at = 0;
    while let Some(key) = bound.get(at).copied() {
        at += 1;
        transit::bind_destination(tx, key)?;
        for heir in Target::open_via(tx, key)? {
            if heir.message == 0 && !bound.contains(&heir.key) {
                tx.prepare_cached(
                    "UPDATE own.op_target SET
                       message = (SELECT made FROM own.op_target WHERE key = ?2),
                       mailbox = (SELECT to_mailbox FROM own.op_target WHERE key = ?2),
                       made = CASE WHEN verb = 'move'
                         THEN (SELECT made FROM own.op_target WHERE key = ?2) ELSE made END
                     WHERE key = ?1",
                )
                .and_then(|mut s| s.execute((heir.key, key)))
                .doing(doing)?;
                bound.push(heir.key);
            }
        }
    }
    bound.sort_unstable();
    Ok(bound)
}

/// Gives targets the new durable name of their message.
pub(super) fn rename_targets(
    tx: &Connection,
    message: i64,
    mailbox: i64,
    uid_validity: i64,
    uid: i64,
) -> Result<()> {
    tx.prepare_cached(
        "UPDATE own.op_target SET uid_validity = ?3, uid = ?4
         WHERE message = ?1 AND mailbox = ?2 AND state < 2",
    )
    .and_then(|mut s| s.execute((message, mailbox, uid_validity, uid)))
    .doing("binding the journal")
    .map(drop)
}

/// Closes what waits for messages that are gone from a mailbox.
pub(super) fn reject_gone(
    writer: &mut Writer,
    mailbox: MailboxKey,
    messages: &[i64],
) -> Result<()> {
    let mut waiting = Vec::new();
    for message in messages {
        waiting.extend(
            Target::open_at(&writer.conn, *message, mailbox.0)?
                .into_iter()
                .map(|t| t.key),
        );
    }
    sources_gone(writer, &waiting)
}

/// The server has no longer what these targets act on. Where that is what they wanted they are
/// settled, else refused, with all that builds on them.
pub(super) fn sources_gone(writer: &mut Writer, targets: &[i64]) -> Result<()> {
    if targets.is_empty() {
        return Ok(());
    }
    let touched = writer.write_journal("writing the journal", |tx| {
        let mut refused = Vec::new();
        let mut touched = Vec::new();
        let mut why = String::new();
        for key in targets {
            let Some(target) = Target::of(tx, *key)? else {
                continue;
            };
            // What was to be done before it left can be done no more.
            for before in Target::open_at(tx, target.message, target.mailbox)? {
                if before.key < target.key && before.verb == Verb::Flags {
                    refused.push(before.key);
                }
            }
            if target.is_done_without_source() {
                set_state(tx, target.key, SETTLED, "")?;
                touched.push(target.key);
            } else {
                refused.push(target.key);
                why = gone(tx, target.mailbox)?;
            }
        }
        if why.is_empty() && !refused.is_empty() {
            "the message is no longer there".clone_into(&mut why);
        }
        touched.extend(close_with_heirs(tx, refused, REJECTED, &why)?);
        Ok(touched)
    })?;
    journal::reconcile(writer, &touched).map(drop)
}

/// Refuses everything that waits for mailboxes that are gone, or were never made. Where the user
/// deleted the mailbox here, flags of what was in it are no loss, and nothing to tell of.
pub(super) fn reject_of_mailbox(
    writer: &mut Writer,
    mailbox: MailboxKey,
    is_ours: bool,
    reason: &str,
) -> Result<()> {
    let doing = "writing the journal";
    let waiting: Vec<i64> = writer
        .conn
        .prepare_cached(
            "SELECT key FROM own.op_target
             WHERE state < 2 AND (mailbox = ?1 AND verb <> 'append' OR to_mailbox = ?1)",
        )
        .and_then(|mut s| s.query_map([mailbox.0], |row| row.get(0))?.collect())
        .doing(doing)?;
    if waiting.is_empty() {
        return Ok(());
    }
    let touched = writer.write_journal(doing, |tx| {
        let mut refused = Vec::new();
        let mut touched = Vec::new();
        for key in waiting {
            let Some(target) = Target::of(tx, key)? else {
                continue;
            };
            // With the folder the message is gone, too.
            let is_moot = match target.verb {
                Verb::Remove => true,
                Verb::Flags => is_ours,
                _ => false,
            };
            if is_moot && target.mailbox == mailbox.0 {
                set_state(tx, key, SETTLED, "")?;
                touched.push(key);
            } else {
                refused.push(key);
            }
        }
        touched.extend(close_with_heirs(tx, refused, REJECTED, reason)?);
        Ok(touched)
    })?;
    journal::reconcile(writer, &touched).map(drop)
}

/// Closes what waits for messages that the mailbox, now completely known, does not hold.
pub(super) fn reject_lost(writer: &mut Writer, mailbox: MailboxKey) -> Result<()> {
    let lost = lost(&writer.conn, mailbox).doing("reading the journal")?;
    sources_gone(writer, &lost)
}

fn lost(conn: &Connection, mailbox: MailboxKey) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(
        "SELECT t.key FROM own.op_target t, mailbox m WHERE m.key = ?1 AND t.state < 2
           AND t.verb <> 'append'
           AND (t.mailbox = m.key OR t.mailbox = 0 AND t.via = 0 AND t.account = m.account
             AND t.mailbox_name = m.server_name)
           AND NOT EXISTS (SELECT 1 FROM placement p WHERE p.message = t.message
             AND p.mailbox = t.mailbox)
           AND NOT EXISTS (SELECT 1 FROM leaving l WHERE l.message = t.message
             AND l.mailbox = t.mailbox)",
    )?
    .query_map([mailbox.0], |row| row.get(0))?
    .collect()
}

fn gone(conn: &Connection, mailbox: i64) -> Result<String> {
    let name = Home::any(conn, mailbox)?.name;
    if name.is_empty() {
        return Ok("the message is no longer there".to_owned());
    }
    Ok(format!("the message is no longer in the folder {name}"))
}

/// Changes of flags that were made where a message was to arrive go back with it: a move that is
/// not done takes none of them along.
pub(super) fn rehome_flags(tx: &Connection, key: i64) -> Result<()> {
    let Some(target) = Target::of(tx, key)?.filter(|t| t.verb == Verb::Move && t.message != 0)
    else {
        return Ok(());
    };
    tx.prepare_cached(
        "UPDATE own.op_target SET mailbox = ?4, via = ?5,
           (mailbox_name, uid_validity, uid) = (SELECT mailbox_name, uid_validity, uid
             FROM own.op_target WHERE key = ?1)
         WHERE message = ?2 AND mailbox = ?3 AND verb = 'flags' AND state = 0 AND key > ?1",
    )
    .and_then(|mut s| {
        s.execute((
            key,
            target.made,
            target.to_mailbox,
            target.mailbox,
            target.via,
        ))
    })
    .doing("writing the journal")
    .map(drop)
}

/// After a crash: binds what can be bound, closes what waits for nothing, shows what was pending.
/// Only reads where nothing is wrong.
pub(super) fn repair(writer: &mut Writer) -> Result<()> {
    let doing = "repairing after a crash";
    let loose = loose(&writer.conn).doing(doing)?;
    if !loose.is_empty() {
        writer.write_journal(doing, |tx| {
            for (target, mailbox, message) in loose {
                tx.execute(
                    "UPDATE own.op_target SET mailbox = ?2, message = ?3,
                       made = CASE WHEN verb = 'move' THEN ?3 ELSE made END WHERE key = ?1",
                    (target, mailbox, message),
                )
                .doing(doing)?;
            }
            Ok(())
        })?;
    }
    tree_ops::repair(writer)?;
    repair_keys(writer)?;
    let wrong: Vec<i64> = unlike(&writer.conn)?.into_iter().collect();
    journal::reconcile(writer, &wrong)?;
    repair_flags(writer)?;
    let mut lost = Vec::new();
    for target in Target::all_open(&writer.conn)? {
        if target.message != 0 && target.verb != Verb::Append && !has_source(&writer.conn, &target)?
        {
            lost.push(target.key);
        }
    }
    sources_gone(writer, &lost)
}

/// Whether what a target acts on is there.
pub(super) fn has_source(conn: &Connection, target: &Target) -> Result<bool> {
    let exists = |sql: &str| {
        conn.prepare_cached(sql)
            .and_then(|mut s| s.exists((target.message, target.mailbox, target.key)))
            .doing("reading a message")
    };
    if target.verb.departs() {
        return exists("SELECT 1 FROM leaving WHERE message = ?1 AND mailbox = ?2 AND target = ?3");
    }
    Ok(
        exists("SELECT 1 FROM placement WHERE message = ?1 AND mailbox = ?2 AND ?3 > 0")?
            || exists("SELECT 1 FROM leaving WHERE message = ?1 AND mailbox = ?2 AND target > ?3")?,
    )
}

/// A crash can come between noting a key in the journal and noting that it is given out.
fn repair_keys(writer: &mut Writer) -> Result<()> {
    let doing = "repairing after a crash";
    let highest: Option<i64> = writer
        .conn
        .query_row(
            "SELECT max(made) FROM own.op_target WHERE state < 2",
            (),
            |row| row.get(0),
        )
        .doing(doing)?;
    let next = super::sql::meta(&writer.conn, "main", "next_message").doing(doing)?;
    match highest {
        Some(highest) if next.is_none_or(|n| n <= highest) => writer.write(doing, |tx| {
            super::sql::set_meta(tx, "main", "next_message", highest + 1).doing(doing)
        }),
        _ => Ok(()),
    }
}

/// Targets whose rows do not show what the journal says.
fn unlike(conn: &Connection) -> Result<BTreeSet<i64>> {
    let mut wrong: BTreeSet<i64> = BTreeSet::new();
    for target in Target::all_open(conn)? {
        let is_bound = target.message != 0 || target.verb == Verb::Append;
        if target.verb != Verb::Flags && is_bound && !transit::is_shown(conn, &target)? {
            wrong.insert(target.key);
        }
    }
    let closed: Vec<i64> = conn
        .prepare_cached(
            "SELECT l.target FROM leaving l JOIN own.op_target t ON t.key = l.target
               WHERE t.state >= 2
             UNION SELECT p.via FROM placement p JOIN own.op_target t ON t.key = p.via
               WHERE p.is_pending = 1 AND p.via <> 0 AND t.state >= 3",
        )
        .and_then(|mut s| s.query_map((), |row| row.get(0))?.collect())
        .doing("repairing after a crash")?;
    wrong.extend(closed);
    Ok(wrong)
}

/// Folds flags anew where a crash came between the journal and the rows.
fn repair_flags(writer: &mut Writer) -> Result<()> {
    let places: Vec<(i64, i64)> = writer
        .conn
        .prepare_cached(
            "SELECT message, mailbox FROM own.op_target
               WHERE state < 2 AND message <> 0 AND verb = 'flags'
             UNION SELECT message, mailbox FROM placement WHERE is_pending = 1",
        )
        .and_then(|mut s| {
            s.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .doing("repairing after a crash")?;
    let mut wrong = Vec::new();
    for (message, mailbox) in places {
        if let Some(p) = Placement::of(&writer.conn, message, mailbox)? {
            let open = pending(&writer.conn, message, mailbox, Stay::here(p.via))?;
            let is_pending = !open.is_empty() || p.via != 0;
            if fold::visible(&p.base, &open) != p.flags || is_pending != p.is_pending {
                wrong.push((message, mailbox));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    writer.write("repairing after a crash", |tx| {
        let mut tally = Tally::default();
        for (message, mailbox) in wrong {
            transit::refold(tx, message, mailbox, &mut tally)?;
        }
        tally.write(tx)
    })
}

/// Unbound targets whose message is there after all: target, mailbox, message.
fn loose(conn: &Connection) -> rusqlite::Result<Vec<(i64, i64, i64)>> {
    conn.prepare_cached(
        "SELECT t.key, m.key, p.message FROM own.op_target t
           CROSS JOIN mailbox m ON m.account = coalesce(nullif(t.from_account, 0), t.account)
             AND m.server_name = t.mailbox_name AND m.uid_validity = t.uid_validity
           CROSS JOIN placement p ON p.mailbox = m.key AND p.uid = t.uid
         WHERE t.message = 0 AND t.mailbox = 0 AND t.state < 2",
    )?
    .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
    .collect()
}
