//! STORE and UID STORE (RFC 9051 §6.4.6), with UNCHANGEDSINCE (RFC 7162).
//!
//! Called by the session. A message that changed after UNCHANGEDSINCE must never be changed.

use super::limits;
use super::parser::Cursor;
use super::select::flags_data;
use super::session::{Answer, Session, bad, no};
use crate::model::{Flag, FlagChange, FlagSet, Uid, UidSet};
use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Replace,
    Add,
    Remove,
}

/// STORE and UID STORE.
pub(super) fn store(session: &mut Session, cursor: &mut Cursor<'_>, is_uid: bool) -> Answer {
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    let mut unchanged_since = None;
    if cursor.eat(b'(') {
        if cursor.word()? != "UNCHANGEDSINCE" || !session.peer.has("CONDSTORE") {
            return bad("STORE has no such modifier here");
        }
        cursor.space()?;
        unchanged_since = Some(cursor.number()?);
        cursor.expect(b')')?;
        cursor.space()?;
    }
    let verb = if cursor.eat(b'+') {
        Verb::Add
    } else if cursor.eat(b'-') {
        Verb::Remove
    } else {
        Verb::Replace
    };
    let is_silent = match cursor.item()?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return bad("STORE changes FLAGS only"),
    };
    cursor.space()?;
    let words = if cursor.peek() == Some(b'(') {
        cursor.list_or_none(Cursor::flag)?
    } else {
        let mut words = vec![cursor.flag()?];
        while cursor.eat(b' ') {
            words.push(cursor.flag()?);
        }
        words
    };
    cursor.end()?;
    let mut flags = FlagSet::from_wire(words.iter().map(String::as_str));
    if !session.peer.options().has_keywords {
        flags = FlagSet::from_stored(flags.bits(), "");
    }
    session.is_condstore |= unchanged_since.is_some();
    let Some(selected) = &session.selected else {
        return bad("Select a folder first");
    };
    if selected.is_read_only {
        return no("[READ-ONLY] The folder is open for reading only");
    }
    let uids = selected.pick(&set, is_uid)?;
    limits::check_selected(session, &rights_for(&flags))?;
    let modified = apply(
        session,
        &uids,
        verb,
        &flags,
        unchanged_since,
        (is_silent, is_uid),
    );
    if modified.is_empty() {
        return Ok("Done".into());
    }
    let named = if is_uid {
        modified.to_string()
    } else {
        numbers(session, &modified)
    };
    Ok(format!("[MODIFIED {named}] Some had changed"))
}

/// The rights that changing these flags takes (RFC 4314 §4).
fn rights_for(flags: &FlagSet) -> String {
    let mut rest = flags.clone();
    rest.remove(Flag::Seen);
    rest.remove(Flag::Deleted);
    let needed = [
        (flags.has(Flag::Seen), 's'),
        (flags.has(Flag::Deleted), 't'),
        (!rest.is_empty(), 'w'),
    ];
    needed.iter().filter(|n| n.0).map(|n| n.1).collect()
}

/// Sequence numbers have the same wire form as ids, and this is the one place that lends it.
fn numbers(session: &Session, uids: &UidSet) -> String {
    let Some(selected) = &session.selected else {
        return String::new();
    };
    uids.iter()
        .filter_map(|uid| selected.number(uid.get()))
        .map(|n| n.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

/// Changes what may be changed, answers, and gives back what had changed in between.
fn apply(
    session: &mut Session,
    uids: &[u32],
    verb: Verb,
    flags: &FlagSet,
    unchanged_since: Option<u64>,
    (is_silent, is_uid): (bool, bool),
) -> UidSet {
    let store = session.peer.store().clone();
    let is_condstore = session.is_condstore;
    let tells_uid = is_uid || session.is_qresync;
    let mut modified = UidSet::new();
    let mut text = String::new();
    let Some(selected) = &mut session.selected else {
        return modified;
    };
    store.with(|s| {
        for uid in uids {
            let message = s.by_id(selected.id).and_then(|m| m.messages.get(uid));
            let (Some(message), Some(number)) = (message, selected.number(*uid)) else {
                continue;
            };
            let before = message.mod_seq;
            if unchanged_since.is_some_and(|since| before > since) {
                Uid::new(*uid).into_iter().for_each(|u| modified.insert(u));
                continue;
            }
            let is_known = selected
                .view
                .get(number - 1)
                .is_some_and(|r| r.mod_seq == before);
            let mut after = message.flags.clone();
            change(&mut after, verb, flags);
            s.set_flags(selected.id, *uid, &after);
            let now = s.by_id(selected.id).and_then(|m| m.messages.get(uid));
            let now = now.map_or(before, |m| m.mod_seq);
            let told_uid = tells_uid.then_some(*uid);
            if !is_silent {
                let told = flags_data(told_uid, &after, is_condstore.then_some(now));
                let _ = write!(text, "* {number} FETCH ({told})\r\n");
            } else if is_condstore && is_known {
                let uid = told_uid.map_or_else(String::new, |u| format!("UID {u} "));
                let _ = write!(text, "* {number} FETCH ({uid}MODSEQ ({now}))\r\n");
            }
            // Somebody else's change in between must still be told, silent or not.
            if !is_silent || is_known {
                selected.mark_told(*uid, now);
            }
        }
    });
    session.say(&text);
    modified
}

fn change(flags: &mut FlagSet, verb: Verb, named: &FlagSet) {
    match verb {
        Verb::Replace => flags.clone_from(named),
        Verb::Add => flags.apply(&FlagChange {
            add: named.clone(),
            remove: FlagSet::new(),
        }),
        Verb::Remove => flags.apply(&FlagChange {
            add: FlagSet::new(),
            remove: named.clone(),
        }),
    }
}
