//! COPY, MOVE, EXPUNGE, APPEND and their UID forms, with UIDPLUS (RFC 4315) and MOVE (RFC 6851).
//!
//! Called by the session. A message must never be removed that its command did not name, but for
//! bare EXPUNGE, which removes whatever is marked.

use super::limits;
use super::parser::{Bad, Cursor};
use super::select::marked;
use super::session::{Answer, Session, bad, no};
use crate::demo::dates;
use crate::model::{FlagSet, Moment, Uid, UidSet};

/// COPY and MOVE.
pub(super) fn transfer(
    session: &mut Session,
    cursor: &mut Cursor<'_>,
    is_uid: bool,
    is_move: bool,
) -> Answer {
    if is_move && !session.peer.has("MOVE") {
        return bad("There is no such command");
    }
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    let target = cursor.mailbox()?;
    cursor.end()?;
    let Some(selected) = &session.selected else {
        return bad("Select a folder first");
    };
    if is_move && selected.is_read_only {
        return no("[READ-ONLY] The folder is open for reading only");
    }
    let uids: UidSet = selected
        .pick(&set, is_uid)?
        .into_iter()
        .filter_map(Uid::new)
        .collect();
    let id = selected.id;
    if session.peer.store().with(|s| s.mailbox(&target).is_some()) {
        limits::check_rights(session, &target, "i")?;
    }
    if is_move {
        limits::check_selected(session, "te")?;
    } else {
        limits::check_room_for(session, id, &uids)?;
    }
    let done = session.peer.store().with(|s| {
        let validity = s.mailbox(&target)?.uid_validity;
        let source = s.name_of(id)?;
        Some((validity, s.transfer(&source, &uids, &target, is_move)?))
    });
    let Some((validity, pairs)) = done else {
        return no("[TRYCREATE] There is no such folder");
    };
    let code = copy_code(session, validity, &pairs);
    if !is_move {
        return Ok(format!("{code}Copied"));
    }
    if !code.is_empty() {
        // RFC 6851 §4.3: the code comes before the messages are said to be gone.
        session.say(&format!("* OK {code}Moved\r\n"));
    }
    Ok(told_up_to(session, "Done"))
}

fn copy_code(session: &Session, validity: u32, pairs: &[(u32, u32)]) -> String {
    if !session.peer.has("UIDPLUS") || pairs.is_empty() {
        return String::new();
    }
    let set = |side: fn(&(u32, u32)) -> u32| -> UidSet {
        pairs.iter().map(side).filter_map(Uid::new).collect()
    };
    format!("[COPYUID {validity} {} {}] ", set(|p| p.0), set(|p| p.1))
}

/// With QRESYNC, a command that removes says how far the client is in step (RFC 7162 §3.2.7).
fn told_up_to(session: &Session, text: &str) -> String {
    let id = session.selected.as_ref().map(|s| s.id).unwrap_or_default();
    let highest = session
        .peer
        .store()
        .with(|s| s.by_id(id).map(|m| m.mod_seq));
    match highest.filter(|_| session.is_qresync) {
        Some(highest) => format!("[HIGHESTMODSEQ {highest}] {text}"),
        None => text.to_owned(),
    }
}

/// EXPUNGE and UID EXPUNGE; the session tells the client what is gone.
pub(super) fn expunge(session: &mut Session, cursor: &mut Cursor<'_>, is_uid: bool) -> Answer {
    if is_uid && !session.peer.has("UIDPLUS") {
        return bad("There is no such command");
    }
    let mut only: Option<UidSet> = None;
    let Some(selected) = &session.selected else {
        return bad("Select a folder first");
    };
    if is_uid {
        cursor.space()?;
        let set = cursor.sequence_set()?;
        let picked = selected.pick(&set, true)?;
        only = Some(picked.into_iter().filter_map(Uid::new).collect());
    }
    cursor.end()?;
    if selected.is_read_only {
        return no("[READ-ONLY] The folder is open for reading only");
    }
    let id = selected.id;
    limits::check_selected(session, "e")?;
    session.peer.store().with(|s| {
        let all = s.by_id(id).map(marked).unwrap_or_default();
        let is_named = |uid: &Uid| only.as_ref().is_none_or(|o| o.contains(*uid));
        s.expunge(id, &all.iter().filter(is_named).collect())
    });
    Ok(told_up_to(session, "Expunged"))
}

/// APPEND of one message.
pub(super) fn append(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    cursor.space()?;
    let target = cursor.mailbox()?;
    cursor.space()?;
    let mut flags = FlagSet::new();
    if cursor.peek() == Some(b'(') {
        let words = cursor.list_or_none(Cursor::flag)?;
        flags = FlagSet::from_wire(words.iter().map(String::as_str));
        cursor.space()?;
    }
    let mut arrived = None;
    if cursor.peek() == Some(b'"') {
        let text = String::from_utf8_lossy(&cursor.string()?).into_owned();
        let Some(moment) = dates::parse_internal(&text) else {
            return bad("The date cannot be read");
        };
        arrived = Some(moment);
        cursor.space()?;
    }
    if cursor.peek() != Some(b'{') {
        return bad("The message must be a literal");
    }
    let raw = cursor.string()?;
    cursor.end()?;
    check_message(&raw)?;
    if session.peer.store().with(|s| s.mailbox(&target).is_some()) {
        limits::check_rights(session, &target, "i")?;
        limits::check_room(session, raw.len())?;
    }
    // Without a date the server takes its own clock; ours takes the message's, having none.
    let arrived = arrived.unwrap_or_else(|| date_of(&raw));
    let done = session.peer.store().with(|s| {
        let uid = s.append(&target, &raw, flags, arrived)?;
        Some((s.mailbox(&target)?.uid_validity, uid))
    });
    match done {
        Some((validity, uid)) if session.peer.has("UIDPLUS") => {
            Ok(format!("[APPENDUID {validity} {uid}] Appended"))
        }
        Some(_) => Ok("Appended".into()),
        None => no("[TRYCREATE] There is no such folder"),
    }
}

/// A message must have CRLF line ends only, and a header that begins like one.
fn check_message(raw: &[u8]) -> Result<(), Bad> {
    let mut before = 0;
    for b in raw {
        if (*b == b'\n') != (before == b'\r') {
            return Err(Bad("The message has a CR or LF that is no line end".into()));
        }
        before = *b;
    }
    let first = raw.split(|b| *b == b'\r').next().unwrap_or_default();
    if before == b'\r' || !first.contains(&b':') {
        return Err(Bad("This is not a message".into()));
    }
    Ok(())
}

fn date_of(raw: &[u8]) -> Moment {
    let root = crate::demo::structure::split(raw);
    root.field("Date")
        .and_then(|v| dates::parse_rfc5322(&String::from_utf8_lossy(v)))
        .unwrap_or_default()
}
