//! FETCH and UID FETCH (RFC 9051 §6.4.5), with CHANGEDSINCE and VANISHED (RFC 7162).
//!
//! Called by the session, which asks for one batch after the other, so that a large answer neither
//! fills the memory nor holds the lock. BODY.PEEK must never set `\Seen`.

use super::parser::{Cursor, Parsed};
use super::select::Selected;
use super::session::{Answer, Refused, Session, bad};
use crate::demo::mailstore::Message;
use crate::demo::structure::{Part, literal_head, string};
use crate::demo::{dates, decode};
use crate::model::{Flag, Uid, UidSet};

/// How many messages are answered under one lock.
const BATCH: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Flags,
    Uid,
    InternalDate,
    Size,
    ModSeq,
    Envelope,
    /// BODY (false) or BODYSTRUCTURE (true).
    Structure(bool),
    Preview,
    EmailId,
    ThreadId,
    Section(Section),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Section {
    /// What the answer calls it: `BODY[1.2]`, `RFC822.HEADER`.
    label: String,
    is_peek: bool,
    path: Vec<u32>,
    what: What,
    partial: Option<(u64, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    All,
    Header,
    /// HEADER.FIELDS, or HEADER.FIELDS.NOT (true).
    Fields(bool, Vec<String>),
    Text,
    Mime,
}

/// A FETCH that is being answered.
#[derive(Debug)]
pub(super) struct Fetching {
    items: Vec<Item>,
    uids: std::vec::IntoIter<u32>,
    changed_since: Option<u64>,
    is_missing_some: bool,
    is_uid: bool,
}

/// Reads a FETCH and says VANISHED if asked for.
pub(super) fn start(
    session: &mut Session,
    cursor: &mut Cursor<'_>,
    is_uid: bool,
) -> Result<Fetching, Refused> {
    cursor.space()?;
    let set = cursor.sequence_set()?;
    cursor.space()?;
    let mut items = read_items(session, cursor)?;
    let (mut changed_since, mut wants_vanished) = (None, false);
    if cursor.eat(b' ') {
        cursor.expect(b'(')?;
        loop {
            match cursor.word()?.as_str() {
                "CHANGEDSINCE" if session.peer.has("CONDSTORE") => {
                    cursor.space()?;
                    changed_since = Some(cursor.number()?);
                }
                "VANISHED" if is_uid && session.is_qresync => wants_vanished = true,
                _ => return bad("FETCH has no such modifier here"),
            }
            if !cursor.eat(b' ') {
                break;
            }
        }
        cursor.expect(b')')?;
    }
    cursor.end()?;
    if wants_vanished && changed_since.is_none() {
        return bad("VANISHED needs CHANGEDSINCE");
    }
    if is_uid && !items.contains(&Item::Uid) {
        items.insert(0, Item::Uid);
    }
    if changed_since.is_some() && !items.contains(&Item::ModSeq) {
        items.push(Item::ModSeq);
    }
    session.is_condstore |= items.contains(&Item::ModSeq);
    let Some(selected) = &session.selected else {
        return bad("Select a folder first");
    };
    let uids = selected.pick(&set, is_uid)?;
    if let Some(since) = changed_since.filter(|_| wants_vanished) {
        let gone = session.peer.store().with(|s| {
            let mailbox = s.by_id(selected.id)?;
            let ranges = set.resolve(mailbox.uid_next.saturating_sub(1));
            let is_asked = |uid: &Uid| {
                let mut ranges = ranges.iter();
                ranges.any(|(low, high)| (*low..=*high).contains(&uid.get()))
            };
            let all = mailbox.vanished_since(since);
            Some(all.iter().filter(is_asked).collect::<UidSet>())
        });
        if let Some(gone) = gone.filter(|g| !g.is_empty()) {
            session.say(&format!("* VANISHED (EARLIER) {gone}\r\n"));
        }
    }
    Ok(Fetching {
        items,
        uids: uids.into_iter(),
        changed_since,
        is_missing_some: false,
        is_uid,
    })
}

fn read_items(session: &Session, cursor: &mut Cursor<'_>) -> Result<Vec<Item>, Refused> {
    let one = |c: &mut Cursor<'_>| read_item(session, c);
    if cursor.peek() == Some(b'(') {
        return Ok(cursor.list(one)?);
    }
    let mut ahead = cursor.clone();
    let names: &[Item] = match ahead.item()?.as_str() {
        "FAST" => &[Item::Flags, Item::InternalDate, Item::Size],
        "ALL" => &[Item::Flags, Item::InternalDate, Item::Size, Item::Envelope],
        "FULL" => &[
            Item::Flags,
            Item::InternalDate,
            Item::Size,
            Item::Envelope,
            Item::Structure(false),
        ],
        _ => return Ok(vec![read_item(session, cursor)?]),
    };
    *cursor = ahead;
    Ok(names.to_vec())
}

fn read_item(session: &Session, cursor: &mut Cursor<'_>) -> Parsed<Item> {
    let name = cursor.item()?;
    let has = |capability| session.peer.has(capability);
    Ok(match name.as_str() {
        "FLAGS" => Item::Flags,
        "UID" => Item::Uid,
        "INTERNALDATE" => Item::InternalDate,
        "RFC822.SIZE" => Item::Size,
        "MODSEQ" if has("CONDSTORE") => Item::ModSeq,
        "ENVELOPE" => Item::Envelope,
        "BODYSTRUCTURE" => Item::Structure(true),
        "BODY" if cursor.peek() != Some(b'[') => Item::Structure(false),
        "BODY" => Item::Section(read_section(cursor, false)?),
        "BODY.PEEK" => Item::Section(read_section(cursor, true)?),
        "RFC822" => whole(&name, false, What::All),
        "RFC822.HEADER" => whole(&name, true, What::Header),
        "RFC822.TEXT" => whole(&name, false, What::Text),
        "PREVIEW" if has("PREVIEW") => {
            let mut ahead = cursor.clone();
            if ahead.eat(b' ') && ahead.peek() == Some(b'(') {
                ahead.list(Cursor::word)?;
                *cursor = ahead;
            }
            Item::Preview
        }
        "EMAILID" if has("OBJECTID") => Item::EmailId,
        "THREADID" if has("OBJECTID") => Item::ThreadId,
        _ => return Err(super::parser::Bad(format!("FETCH has no {name} here"))),
    })
}

fn whole(name: &str, is_peek: bool, what: What) -> Item {
    Item::Section(Section {
        label: name.to_owned(),
        is_peek,
        path: Vec::new(),
        what,
        partial: None,
    })
}

fn read_section(cursor: &mut Cursor<'_>, is_peek: bool) -> Parsed<Section> {
    let bad = |why: &str| Err(super::parser::Bad(why.to_owned()));
    cursor.expect(b'[')?;
    let mut path = Vec::new();
    while cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
        match cursor.number32()? {
            0 => return bad("Parts are counted from 1"),
            n => path.push(n),
        }
        if !cursor.eat(b'.') {
            break;
        }
    }
    let mut label: Vec<String> = path.iter().map(u32::to_string).collect();
    let mut what = What::All;
    if cursor.peek() != Some(b']') {
        let name = cursor.item()?;
        what = match name.as_str() {
            "HEADER" => What::Header,
            "TEXT" => What::Text,
            "MIME" if !path.is_empty() => What::Mime,
            "HEADER.FIELDS" | "HEADER.FIELDS.NOT" => {
                cursor.space()?;
                let names = cursor.list(Cursor::text)?;
                What::Fields(name.ends_with("NOT"), names)
            }
            _ => return bad("There is no such section"),
        };
        label.push(match &what {
            What::Fields(_, names) => format!("{name} ({})", names.join(" ")),
            _ => name,
        });
    }
    cursor.expect(b']')?;
    let mut origin = String::new();
    let mut partial = None;
    if cursor.eat(b'<') {
        let start = cursor.number()?;
        cursor.expect(b'.')?;
        let size = cursor.number()?;
        cursor.expect(b'>')?;
        if size == 0 {
            return bad("A partial needs at least one byte");
        }
        partial = Some((start, size));
        origin = format!("<{start}>");
    }
    Ok(Section {
        label: format!("BODY[{}]{origin}", label.join(".")),
        is_peek,
        path,
        what,
        partial,
    })
}

impl Fetching {
    /// Answers the next messages; false when there were none left.
    pub(super) fn step(&mut self, session: &mut Session) -> bool {
        let batch: Vec<u32> = self.uids.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return false;
        }
        let store = session.peer.store().clone();
        let Some(selected) = &mut session.selected else {
            return false;
        };
        let sets_seen = !selected.is_read_only
            && self
                .items
                .iter()
                .any(|i| matches!(i, Item::Section(s) if !s.is_peek));
        let out = &mut session.out;
        store.with(|s| {
            for uid in batch {
                let mut message = s.by_id(selected.id).and_then(|m| m.messages.get(&uid));
                let is_unread = message.is_some_and(|m| !m.flags.has(Flag::Seen));
                let becomes_seen = sets_seen && is_unread;
                if let Some(read) = message.filter(|_| becomes_seen) {
                    let mut flags = read.flags.clone();
                    flags.insert(Flag::Seen);
                    s.set_flags(selected.id, uid, &flags);
                    message = s.by_id(selected.id).and_then(|m| m.messages.get(&uid));
                }
                match message {
                    Some(message) => self.write(out, selected, uid, message, becomes_seen),
                    // Another session removed it, and ours was not told yet.
                    None => self.is_missing_some = true,
                }
            }
        });
        true
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        selected: &mut Selected,
        uid: u32,
        message: &Message,
        becomes_seen: bool,
    ) {
        if self
            .changed_since
            .is_some_and(|since| message.mod_seq <= since)
        {
            return;
        }
        let Some(number) = selected.number(uid) else {
            return;
        };
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let tells_flags = self.items.contains(&Item::Flags);
        let extra = (becomes_seen && !tells_flags).then_some(&Item::Flags);
        for item in self.items.iter().chain(extra) {
            pieces.push(data(item, uid, message));
        }
        if tells_flags || becomes_seen {
            selected.mark_told(uid, message.mod_seq);
        }
        out.extend_from_slice(format!("* {number} FETCH (").as_bytes());
        out.extend(pieces.join(&b' '));
        out.extend_from_slice(b")\r\n");
    }

    /// The tagged answer, once every message was answered.
    pub(super) fn answer(&self) -> Answer {
        if self.is_missing_some && !self.is_uid {
            // RFC 5530 §3: some of it is gone, and the client will hear of it.
            return super::session::no("[EXPUNGEISSUED] Some of these messages are gone");
        }
        Ok("Done".into())
    }
}

fn data(item: &Item, uid: u32, message: &Message) -> Vec<u8> {
    let text = |text: String| text.into_bytes();
    match item {
        Item::Flags => text(format!("FLAGS ({})", message.flags)),
        Item::Uid => text(format!("UID {uid}")),
        Item::InternalDate => text(format!(
            "INTERNALDATE \"{}\"",
            dates::internal(message.arrived)
        )),
        Item::Size => text(format!("RFC822.SIZE {}", message.raw.len())),
        Item::ModSeq => text(format!("MODSEQ ({})", message.mod_seq)),
        Item::Envelope => joined("ENVELOPE ", &message.part().envelope()),
        Item::Structure(true) => joined("BODYSTRUCTURE ", &message.part().body_structure(true)),
        Item::Structure(false) => joined("BODY ", &message.part().body_structure(false)),
        Item::Preview => joined("PREVIEW ", &string(preview(message).as_bytes())),
        Item::EmailId => text(format!("EMAILID (M{})", message.email_id)),
        Item::ThreadId => text("THREADID NIL".into()),
        Item::Section(section) => {
            let mut out = section.label.clone().into_bytes();
            match section_bytes(section, message) {
                Some(bytes) => {
                    out.extend_from_slice(format!(" {}", literal_head(bytes.len())).as_bytes());
                    out.extend(bytes);
                }
                None => out.extend_from_slice(b" NIL"),
            }
            out
        }
    }
}

fn joined(label: &str, bytes: &[u8]) -> Vec<u8> {
    [label.as_bytes(), bytes].concat()
}

fn section_bytes(section: &Section, message: &Message) -> Option<Vec<u8>> {
    let raw = &message.raw;
    let part = message.part().find(&section.path)?;
    let is_root = section.path.is_empty();
    // HEADER and TEXT of a part are those of the message in it (RFC 9051 §6.4.5.1).
    let enclosing = if is_root {
        Some(part)
    } else {
        part.message.as_deref()
    };
    let bytes = match &section.what {
        What::All if is_root => raw.to_vec(),
        What::All => raw.get(part.body.clone())?.to_vec(),
        What::Mime => raw.get(part.header.clone())?.to_vec(),
        What::Header => raw.get(enclosing?.header.clone())?.to_vec(),
        What::Text => raw.get(enclosing?.body.clone())?.to_vec(),
        What::Fields(is_not, names) => fields(raw, enclosing?, *is_not, names),
    };
    let Some((start, size)) = section.partial else {
        return Some(bytes);
    };
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    Some(bytes.into_iter().skip(start).take(size).collect())
}

fn fields(raw: &[u8], part: &Part, is_not: bool, names: &[String]) -> Vec<u8> {
    let is_named = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
    let mut out = Vec::new();
    for field in part.fields.iter().filter(|f| is_named(&f.name) != is_not) {
        out.extend_from_slice(raw.get(field.span.clone()).unwrap_or_default());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The first words of the text (RFC 8970): at most 200 characters, on one line.
fn preview(message: &Message) -> String {
    let parts = message.part().walk();
    let text = |kind: &str| {
        let part = parts.iter().find(|p| p.kind.word == kind)?;
        Some(part_text(part, &message.raw))
    };
    let text = text("text/plain")
        .or_else(|| text("text/html").map(|h| without_tags(&h)))
        .unwrap_or_default();
    let words: Vec<&str> = text
        .lines()
        .filter(|l| !l.starts_with('>'))
        .flat_map(str::split_whitespace)
        .collect();
    words.join(" ").chars().take(200).collect()
}

/// The decoded text of a text part.
pub(super) fn part_text(part: &Part, raw: &[u8]) -> String {
    let bytes = raw.get(part.body.clone()).unwrap_or_default();
    let bytes = decode::from_transfer(&part.encoding(), bytes);
    decode::from_charset(part.kind.get("charset").unwrap_or("utf-8"), &bytes)
}

fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                out.push(' ');
            }
            c if !is_tag => out.push(c),
            _ => {}
        }
    }
    out
}
