//! What a user may do and how much fits: MYRIGHTS (RFC 4314 §3.5), GETQUOTAROOT (RFC 9208 §4.2.2).
//!
//! Called by the session and by the commands that put messages somewhere. What is told must be what
//! is held to.

use super::list::wire_name;
use super::parser::Cursor;
use super::session::{Answer, Refused, Session, bad, no};
use crate::demo::mailstore::Inner;
use crate::model::UidSet;

/// All that RFC 4314 knows.
const ALL: &str = "lrswipkxtea";

/// The letters of what the user may do in a mailbox.
fn rights<'a>(session: &'a Session, name: &str) -> &'a str {
    let options = session.peer.options();
    let is_foreign = [&options.other_users, &options.shared]
        .into_iter()
        .any(|prefix| !prefix.is_empty() && name.starts_with(prefix.as_str()));
    if is_foreign && session.peer.has("ACL") {
        &options.foreign_rights
    } else {
        ALL
    }
}

/// Refuses where one of the rights is missing.
pub(super) fn check_rights(session: &Session, name: &str, needed: &str) -> Result<(), Refused> {
    let held = rights(session, name);
    if needed.chars().all(|right| held.contains(right)) {
        return Ok(());
    }
    no("[NOPERM] You may not do this in that folder")
}

/// The same for the selected mailbox.
pub(super) fn check_selected(session: &Session, needed: &str) -> Result<(), Refused> {
    let id = session.selected.as_ref().map(|s| s.id).unwrap_or_default();
    match session.peer.store().with(|s| s.name_of(id)) {
        Some(name) => check_rights(session, &name, needed),
        None => Ok(()),
    }
}

/// Bytes of all messages there are.
fn used(store: &Inner) -> usize {
    store.mailboxes().map(|(_, mailbox)| mailbox.size()).sum()
}

/// Refuses where so many more bytes do not fit.
pub(super) fn check_room(session: &Session, more: usize) -> Result<(), Refused> {
    let room = session.peer.options().quota_kib.saturating_mul(1024);
    let is_full = || session.peer.store().with(|s| used(s)).saturating_add(more) > room;
    if session.peer.has("QUOTA") && is_full() {
        return no("[OVERQUOTA] There is no more room");
    }
    Ok(())
}

/// The same for copies of messages.
pub(super) fn check_room_for(session: &Session, id: u64, uids: &UidSet) -> Result<(), Refused> {
    let sizes = session.peer.store().with(|s| {
        let messages = s.by_id(id).map(|m| m.messages.iter());
        let named = messages
            .into_iter()
            .flatten()
            .filter(|(uid, _)| crate::model::Uid::new(**uid).is_some_and(|uid| uids.contains(uid)));
        named.map(|(_, message)| message.raw.len()).sum()
    });
    check_room(session, sizes)
}

/// MYRIGHTS.
pub(super) fn my_rights(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    let name = named(session, cursor, "ACL")?;
    let line = format!(
        "* MYRIGHTS {} {}\r\n",
        wire_name(&name),
        rights(session, &name)
    );
    session.say(&line);
    Ok("Done".into())
}

/// GETQUOTAROOT: one root for everything.
pub(super) fn quota_root(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    let name = named(session, cursor, "QUOTA")?;
    let used = session.peer.store().with(|s| used(s)).div_ceil(1024);
    let limit = session.peer.options().quota_kib;
    let text = format!(
        "* QUOTAROOT {} \"\"\r\n* QUOTA \"\" (STORAGE {used} {limit})\r\n",
        wire_name(&name)
    );
    session.say(&text);
    Ok("Done".into())
}

/// The one argument: a mailbox that is there.
fn named(session: &Session, cursor: &mut Cursor<'_>, capability: &str) -> Result<String, Refused> {
    cursor.space()?;
    let name = cursor.mailbox()?;
    cursor.end()?;
    if !session.peer.has(capability) {
        return bad("There is no such command");
    }
    if session.peer.store().with(|s| s.mailbox(&name).is_none()) {
        return no("[NONEXISTENT] There is no such folder");
    }
    Ok(name)
}
