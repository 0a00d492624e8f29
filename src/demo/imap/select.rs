//! SELECT, EXAMINE, CLOSE, UNSELECT, and the session's view of the selected mailbox.
//!
//! Called by the session. The view is what the client was told: its sequence numbers must never
//! change without an EXPUNGE or VANISHED that says so.

use super::parser::{Cursor, Parsed, SequenceSet};
use super::session::{Answer, Refused, Session, bad};
use crate::demo::mailstore::Mailbox;
use crate::model::{Flag, FlagSet, Uid, UidSet};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A message as the client was told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) uid: u32,
    /// The change that the client knows.
    pub(super) mod_seq: u64,
}

/// The selected mailbox.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) id: u64,
    pub(super) is_read_only: bool,
    /// In the order of sequence numbers.
    pub(super) view: Vec<Row>,
    /// The client was told everything up to here.
    told: u64,
}

impl Selected {
    /// The sequence number of a UID.
    pub(super) fn number(&self, uid: u32) -> Option<usize> {
        let at = self.view.binary_search_by_key(&uid, |r| r.uid).ok()?;
        Some(at + 1)
    }

    /// The client knows this change of a message.
    pub(super) fn mark_told(&mut self, uid: u32, mod_seq: u64) {
        if let Ok(at) = self.view.binary_search_by_key(&uid, |r| r.uid)
            && let Some(row) = self.view.get_mut(at)
        {
            row.mod_seq = mod_seq;
        }
    }

    /// The UIDs that a set names: ids as they are, sequence numbers by the view.
    pub(super) fn pick(&self, set: &SequenceSet, is_uid: bool) -> Result<Vec<u32>, Refused> {
        let count = u32::try_from(self.view.len()).unwrap_or(u32::MAX);
        let mut picked = BTreeSet::new();
        if is_uid {
            let last = self.view.last().map_or(0, |r| r.uid);
            for (low, high) in set.resolve(last) {
                let from = self.view.partition_point(|r| r.uid < low);
                let rows = self.view.iter().skip(from);
                picked.extend(rows.map(|r| r.uid).take_while(|uid| *uid <= high));
            }
            return Ok(picked.into_iter().collect());
        }
        for (low, high) in set.resolve(count) {
            if low == 0 || high > count {
                return bad("There is no message of that number");
            }
            let skip = usize::try_from(low - 1).unwrap_or(usize::MAX);
            let take = usize::try_from(high - low + 1).unwrap_or(usize::MAX);
            picked.extend(self.view.iter().skip(skip).take(take).map(|r| r.uid));
        }
        Ok(picked.into_iter().collect())
    }
}

/// The state that a client knows, of SELECT … (QRESYNC (…)).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Resync {
    uid_validity: u32,
    mod_seq: u64,
    known: Option<SequenceSet>,
}

fn read_resync(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
    cursor.expect(b'(')?;
    let uid_validity = cursor.number32()?;
    cursor.space()?;
    let mod_seq = cursor.number()?;
    let mut known = None;
    if cursor.eat(b' ') {
        if cursor.peek() != Some(b'(') {
            known = Some(cursor.sequence_set()?);
        }
        if known.is_none() || cursor.eat(b' ') {
            // Sequence match data only saves bytes; it is read and not used.
            cursor.expect(b'(')?;
            cursor.sequence_set()?;
            cursor.space()?;
            cursor.sequence_set()?;
            cursor.expect(b')')?;
        }
    }
    cursor.expect(b')')?;
    Ok(Resync {
        uid_validity,
        mod_seq,
        known,
    })
}

/// SELECT and EXAMINE.
pub(super) fn select(session: &mut Session, cursor: &mut Cursor<'_>, is_read_only: bool) -> Answer {
    cursor.space()?;
    let name = cursor.mailbox()?;
    let (mut wants_condstore, mut resync) = (false, None);
    if cursor.eat(b' ') {
        cursor.expect(b'(')?;
        loop {
            match cursor.word()?.as_str() {
                "CONDSTORE" if session.peer.has("CONDSTORE") => wants_condstore = true,
                "QRESYNC" if session.is_qresync => {
                    cursor.space()?;
                    resync = Some(read_resync(cursor)?);
                }
                "QRESYNC" => return bad("ENABLE QRESYNC first"),
                _ => return bad("This is not offered by SELECT"),
            }
            if !cursor.eat(b' ') {
                break;
            }
        }
        cursor.expect(b')')?;
    }
    cursor.end()?;
    session.is_condstore |= wants_condstore;
    if session.selected.take().is_some() && session.peer.has("QRESYNC") {
        session.say("* OK [CLOSED] The folder before is closed\r\n");
    }
    let store = session.peer.store().clone();
    store.with(|s| {
        let Some(mailbox) = s.mailbox(&name) else {
            return Err(Refused::No("[NONEXISTENT] There is no such folder".into()));
        };
        if !mailbox.is_selectable {
            return Err(Refused::No("[CANNOT] The folder only holds folders".into()));
        }
        announce(session, mailbox, is_read_only);
        let row = |(uid, m): (&u32, &crate::demo::mailstore::Message)| Row {
            uid: *uid,
            mod_seq: m.mod_seq,
        };
        session.selected = Some(Selected {
            id: mailbox.id,
            is_read_only,
            view: mailbox.messages.iter().map(row).collect(),
            told: mailbox.mod_seq,
        });
        if let Some(resync) = resync.filter(|r| r.uid_validity == mailbox.uid_validity) {
            tell_resync(session, mailbox, &resync);
        }
        Ok(())
    })?;
    Ok(if is_read_only {
        "[READ-ONLY] Opened".into()
    } else {
        "[READ-WRITE] Opened".into()
    })
}

fn announce(session: &mut Session, mailbox: &Mailbox, is_read_only: bool) {
    let words: BTreeSet<String> = mailbox
        .messages
        .values()
        .flat_map(|m| {
            m.flags
                .words()
                .split(' ')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .chain(["$Forwarded".to_owned()])
        .filter(|w| !w.is_empty())
        .collect();
    let keywords = words.into_iter().collect::<Vec<_>>().join(" ");
    let flags = format!("\\Answered \\Flagged \\Deleted \\Seen \\Draft {keywords}");
    let permanent = match (is_read_only, session.peer.options().has_keywords) {
        (true, _) => String::new(),
        (false, true) => format!("{flags} \\*"),
        (false, false) => "\\Answered \\Flagged \\Deleted \\Seen \\Draft".to_owned(),
    };
    let mut text = format!(
        "* FLAGS ({flags})\r\n* OK [PERMANENTFLAGS ({permanent})] These last\r\n\
         * {} EXISTS\r\n* 0 RECENT\r\n",
        mailbox.messages.len()
    );
    let unread = |m: &crate::demo::mailstore::Message| !m.flags.has(Flag::Seen);
    if let Some(first) = mailbox.messages.values().position(unread) {
        let _ = write!(text, "* OK [UNSEEN {}] First unread\r\n", first + 1);
    }
    let _ = write!(
        text,
        "* OK [UIDVALIDITY {}] Era\r\n* OK [UIDNEXT {}] Next\r\n",
        mailbox.uid_validity, mailbox.uid_next
    );
    if session.peer.has("CONDSTORE") {
        let _ = write!(text, "* OK [HIGHESTMODSEQ {}] Highest\r\n", mailbox.mod_seq);
    }
    if session.peer.has("OBJECTID") {
        let _ = write!(text, "* OK [MAILBOXID (F{})] Object\r\n", mailbox.id);
    }
    session.say(&text);
}

/// What a client that knew `resync` must hear (RFC 7162 §3.2.5).
fn tell_resync(session: &mut Session, mailbox: &Mailbox, resync: &Resync) {
    let is_known = |uid: u32| match &resync.known {
        Some(set) => set
            .resolve(mailbox.uid_next.saturating_sub(1))
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&uid)),
        None => true,
    };
    let gone: UidSet = mailbox
        .vanished_since(resync.mod_seq)
        .iter()
        .filter(|uid| is_known(uid.get()))
        .collect();
    if !gone.is_empty() {
        session.say(&format!("* VANISHED (EARLIER) {gone}\r\n"));
    }
    let mut text = String::new();
    for (at, (uid, message)) in mailbox.messages.iter().enumerate() {
        if message.mod_seq > resync.mod_seq && is_known(*uid) {
            let _ = write!(
                text,
                "* {} FETCH (UID {uid} FLAGS ({}) MODSEQ ({}))\r\n",
                at + 1,
                message.flags,
                message.mod_seq
            );
        }
    }
    session.say(&text);
}

/// CLOSE and UNSELECT.
pub(super) fn leave(session: &mut Session, cursor: &Cursor<'_>, is_close: bool) -> Answer {
    cursor.end()?;
    if !is_close && !session.peer.has("UNSELECT") {
        return bad("There is no such command");
    }
    if let Some(selected) = session
        .selected
        .take()
        .filter(|s| is_close && !s.is_read_only)
    {
        session.peer.store().with(|s| {
            let marked = s.by_id(selected.id).map(marked).unwrap_or_default();
            s.expunge(selected.id, &marked);
        });
    }
    Ok("Closed".into())
}

/// The messages marked `\Deleted`.
pub(super) fn marked(mailbox: &Mailbox) -> UidSet {
    let all = mailbox.messages.iter();
    all.filter(|(_, m)| m.flags.has(Flag::Deleted))
        .filter_map(|(uid, _)| Uid::new(*uid))
        .collect()
}

/// The selected mailbox is gone, or has a new era: nothing that was said of it holds.
#[derive(Debug)]
pub(super) struct Gone;

impl Session {
    /// Tells what changed in the selected mailbox since the client was last told.
    pub(super) fn tell_changes(&mut self, may_expunge: bool) -> Result<(), Gone> {
        let store = self.peer.store().clone();
        let (is_condstore, is_qresync) = (self.is_condstore, self.is_qresync);
        let Some(selected) = &mut self.selected else {
            return Ok(());
        };
        let text = store.with(|s| {
            let mailbox = s.by_id(selected.id).ok_or(Gone)?;
            let mut text = String::new();
            if mailbox.mod_seq != selected.told {
                if may_expunge {
                    text.push_str(&tell_gone(selected, mailbox, is_qresync));
                }
                text.push_str(&tell_new(selected, mailbox));
                text.push_str(&tell_flags(selected, mailbox, is_condstore, is_qresync));
                if may_expunge {
                    selected.told = mailbox.mod_seq;
                }
            }
            Ok(text)
        })?;
        self.say(&text);
        Ok(())
    }
}

fn tell_gone(selected: &mut Selected, mailbox: &Mailbox, is_qresync: bool) -> String {
    let is_gone = |row: &Row| !mailbox.messages.contains_key(&row.uid);
    let mut text = String::new();
    if is_qresync {
        let rows = selected.view.iter().filter(|r| is_gone(r));
        let gone: UidSet = rows.filter_map(|r| Uid::new(r.uid)).collect();
        if !gone.is_empty() {
            text = format!("* VANISHED {gone}\r\n");
        }
    } else {
        // Each EXPUNGE moves the numbers behind it down (RFC 9051 §7.5.1).
        let numbers = selected.view.iter().enumerate().filter(|(_, r)| is_gone(r));
        for (told, (at, _)) in numbers.enumerate() {
            let _ = write!(text, "* {} EXPUNGE\r\n", at + 1 - told);
        }
    }
    selected.view.retain(|r| !is_gone(r));
    text
}

fn tell_new(selected: &mut Selected, mailbox: &Mailbox) -> String {
    let from = selected.view.last().map_or(1, |r| r.uid + 1);
    let before = selected.view.len();
    let fresh = mailbox.messages.range(from..);
    selected.view.extend(fresh.map(|(uid, m)| Row {
        uid: *uid,
        mod_seq: m.mod_seq,
    }));
    if selected.view.len() == before {
        return String::new();
    }
    format!("* {} EXISTS\r\n", selected.view.len())
}

fn tell_flags(
    selected: &mut Selected,
    mailbox: &Mailbox,
    is_condstore: bool,
    is_qresync: bool,
) -> String {
    let mut text = String::new();
    for (at, row) in selected.view.iter_mut().enumerate() {
        let Some(message) = mailbox.messages.get(&row.uid) else {
            continue;
        };
        if message.mod_seq > row.mod_seq {
            row.mod_seq = message.mod_seq;
            let uid = is_qresync.then_some(row.uid);
            let told = flags_data(uid, &message.flags, is_condstore.then_some(message.mod_seq));
            let _ = write!(text, "* {} FETCH ({told})\r\n", at + 1);
        }
    }
    text
}

/// `UID 1 FLAGS (\Seen) MODSEQ (7)`, as much of it as is to be said.
pub(super) fn flags_data(uid: Option<u32>, flags: &FlagSet, mod_seq: Option<u64>) -> String {
    let uid = uid.map_or_else(String::new, |uid| format!("UID {uid} "));
    let mod_seq = mod_seq.map_or_else(String::new, |m| format!(" MODSEQ ({m})"));
    format!("{uid}FLAGS ({flags}){mod_seq}")
}
