//! SEARCH and UID SEARCH (RFC 9051 §6.4.4), with ESEARCH (RFC 4731) and MODSEQ.
//!
//! Called by the session. Text is compared decoded and without regard to case. Nesting must never
//! exceed [`DEPTH_MAX`].

use super::fetch::part_text;
use super::parser::{Bad, Cursor, Parsed, SequenceSet};
use super::session::{Answer, Refused, Session, bad, no};
use crate::demo::mailstore::Message;
use crate::demo::{dates, decode};
use crate::model::{Flag, Keyword};
use std::fmt::Write;

/// The deepest nesting of NOT, OR and parentheses.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone)]
enum Key {
    All,
    Never,
    Has(Flag),
    Keyword(Keyword),
    Header(String, String),
    Body(String),
    Text(String),
    Larger(u64),
    Smaller(u64),
    /// Of INTERNALDATE, or of the Date field (true): this day is at least / at most.
    Days(bool, i64, i64),
    Numbers(SequenceSet),
    Uids(SequenceSet),
    ModSeq(u64),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Box<Self>, Box<Self>),
}

/// SEARCH and UID SEARCH.
pub(super) fn search(
    session: &mut Session,
    cursor: &mut Cursor<'_>,
    is_uid: bool,
    tag: &str,
) -> Answer {
    let returns = read_returns(session, cursor)?;
    let mut ahead = cursor.clone();
    ahead.space()?;
    if ahead.word().is_ok_and(|w| w == "CHARSET") {
        ahead.space()?;
        let charset = ahead.text()?.to_ascii_uppercase();
        if !matches!(charset.as_str(), "UTF-8" | "US-ASCII") {
            return no("[BADCHARSET (UTF-8 US-ASCII)] Only these charsets are known");
        }
        *cursor = ahead;
    }
    let mut keys = Vec::new();
    while cursor.eat(b' ') {
        keys.push(read_key(session, cursor, 0)?);
    }
    cursor.end()?;
    if keys.is_empty() {
        return bad("SEARCH needs a key");
    }
    let asks_mod_seq = keys.iter().any(|k| matches!(k, Key::ModSeq(_)));
    session.is_condstore |= asks_mod_seq;
    let Some(selected) = &session.selected else {
        return bad("Select a folder first");
    };
    let last = selected.view.last().map_or(0, |r| r.uid);
    let count = selected.view.len();
    let mut highest = 0;
    let hits: Vec<u32> = session.peer.store().with(|s| {
        let Some(mailbox) = s.by_id(selected.id) else {
            return Vec::new();
        };
        let mut hits = Vec::new();
        for (at, row) in selected.view.iter().enumerate() {
            let Some(message) = mailbox.messages.get(&row.uid) else {
                continue;
            };
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let last_number = u32::try_from(count).unwrap_or(u32::MAX);
            let place = Place {
                number: (number, last_number),
                uid: (row.uid, last),
            };
            if keys.iter().all(|k| fits(k, message, place)) {
                highest = highest.max(message.mod_seq);
                hits.push(if is_uid { row.uid } else { number });
            }
        }
        hits
    });
    let mod_seq = (asks_mod_seq && !hits.is_empty()).then_some(highest);
    let text = match returns {
        Some(returns) => extended(&returns, &hits, is_uid, tag, mod_seq),
        None => plain(&hits, mod_seq),
    };
    session.say(&text);
    Ok("Done".into())
}

fn read_returns(
    session: &Session,
    cursor: &mut Cursor<'_>,
) -> Result<Option<Vec<String>>, Refused> {
    let mut ahead = cursor.clone();
    ahead.space()?;
    if !ahead.word().is_ok_and(|w| w == "RETURN") {
        return Ok(None);
    }
    if !session.peer.has("ESEARCH") {
        return bad("RETURN is not offered here");
    }
    ahead.space()?;
    let mut returns = ahead.list_or_none(Cursor::word)?;
    let is_known = |r: &String| matches!(r.as_str(), "MIN" | "MAX" | "ALL" | "COUNT");
    if !returns.iter().all(is_known) {
        return bad("SEARCH returns MIN, MAX, ALL and COUNT only");
    }
    if returns.is_empty() {
        returns.push("ALL".into());
    }
    *cursor = ahead;
    Ok(Some(returns))
}

fn plain(hits: &[u32], mod_seq: Option<u64>) -> String {
    let mut text = "* SEARCH".to_owned();
    for hit in hits {
        let _ = write!(text, " {hit}");
    }
    if let Some(mod_seq) = mod_seq {
        let _ = write!(text, " (MODSEQ {mod_seq})");
    }
    text + "\r\n"
}

fn extended(
    returns: &[String],
    hits: &[u32],
    is_uid: bool,
    tag: &str,
    mod_seq: Option<u64>,
) -> String {
    let mut text = format!("* ESEARCH (TAG \"{tag}\")");
    if is_uid {
        text.push_str(" UID");
    }
    for item in returns {
        let found = match (item.as_str(), hits.first(), hits.last()) {
            ("COUNT", _, _) => hits.len().to_string(),
            ("MIN", Some(first), _) => first.to_string(),
            ("MAX", _, Some(last)) => last.to_string(),
            ("ALL", Some(_), _) => ranges(hits),
            // Of nothing there is no MIN, MAX or ALL (RFC 4731 §3.1).
            _ => continue,
        };
        let _ = write!(text, " {item} {found}");
    }
    if let Some(mod_seq) = mod_seq {
        let _ = write!(text, " MODSEQ {mod_seq}");
    }
    text + "\r\n"
}

/// Ascending numbers as a sequence set.
fn ranges(hits: &[u32]) -> String {
    let mut all: Vec<(u32, u32)> = Vec::new();
    for hit in hits {
        match all.last_mut() {
            Some(last) if last.1 + 1 == *hit => last.1 = *hit,
            _ => all.push((*hit, *hit)),
        }
    }
    let one = |(low, high): &(u32, u32)| {
        if low == high {
            low.to_string()
        } else {
            format!("{low}:{high}")
        }
    };
    all.iter().map(one).collect::<Vec<_>>().join(",")
}

fn read_key(session: &Session, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Key> {
    if depth > DEPTH_MAX {
        return Err(Bad("The search is nested too deeply".into()));
    }
    if cursor.peek() == Some(b'(') {
        return Ok(Key::And(cursor.list(|c| read_key(session, c, depth + 1))?));
    }
    if cursor
        .peek()
        .is_some_and(|b| b.is_ascii_digit() || b == b'*')
    {
        return Ok(Key::Numbers(cursor.sequence_set()?));
    }
    let name = cursor.word()?;
    let not = |key| Key::Not(Box::new(key));
    Ok(match name.as_str() {
        "ALL" | "OLD" => Key::All,
        // `\Recent` is not kept, so nothing is new.
        "NEW" | "RECENT" => Key::Never,
        "ANSWERED" => Key::Has(Flag::Answered),
        "DELETED" => Key::Has(Flag::Deleted),
        "DRAFT" => Key::Has(Flag::Draft),
        "FLAGGED" => Key::Has(Flag::Flagged),
        "SEEN" => Key::Has(Flag::Seen),
        "UNANSWERED" => not(Key::Has(Flag::Answered)),
        "UNDELETED" => not(Key::Has(Flag::Deleted)),
        "UNDRAFT" => not(Key::Has(Flag::Draft)),
        "UNFLAGGED" => not(Key::Has(Flag::Flagged)),
        "UNSEEN" => not(Key::Has(Flag::Seen)),
        "KEYWORD" => read_keyword(cursor)?,
        "UNKEYWORD" => not(read_keyword(cursor)?),
        "NOT" => {
            cursor.space()?;
            not(read_key(session, cursor, depth + 1)?)
        }
        "OR" => {
            cursor.space()?;
            let first = read_key(session, cursor, depth + 1)?;
            cursor.space()?;
            let second = read_key(session, cursor, depth + 1)?;
            Key::Or(Box::new(first), Box::new(second))
        }
        "UID" => {
            cursor.space()?;
            Key::Uids(cursor.sequence_set()?)
        }
        "MODSEQ" if session.peer.has("CONDSTORE") => {
            cursor.space()?;
            Key::ModSeq(cursor.number()?)
        }
        _ => read_value_key(&name, cursor)?,
    })
}

fn read_keyword(cursor: &mut Cursor<'_>) -> Parsed<Key> {
    cursor.space()?;
    let word = cursor.flag()?;
    if word.eq_ignore_ascii_case("$Forwarded") {
        return Ok(Key::Has(Flag::Forwarded));
    }
    let keyword = Keyword::new(&word).map_err(|_| Bad("This is not a keyword".into()))?;
    Ok(Key::Keyword(keyword))
}

fn read_value_key(name: &str, cursor: &mut Cursor<'_>) -> Parsed<Key> {
    cursor.space()?;
    Ok(match name {
        "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => {
            Key::Header(name.to_owned(), lower(&cursor.text()?))
        }
        "HEADER" => {
            let field = cursor.text()?;
            cursor.space()?;
            Key::Header(field, lower(&cursor.text()?))
        }
        "BODY" => Key::Body(lower(&cursor.text()?)),
        "TEXT" => Key::Text(lower(&cursor.text()?)),
        "LARGER" => Key::Larger(cursor.number()?),
        "SMALLER" => Key::Smaller(cursor.number()?),
        "BEFORE" | "SENTBEFORE" => {
            Key::Days(name.starts_with("SENT"), i64::MIN, read_day(cursor)? - 1)
        }
        "SINCE" | "SENTSINCE" => Key::Days(name.starts_with("SENT"), read_day(cursor)?, i64::MAX),
        "ON" | "SENTON" => {
            let day = read_day(cursor)?;
            Key::Days(name.starts_with("SENT"), day, day)
        }
        _ => return Err(Bad(format!("SEARCH has no key {name}"))),
    })
}

fn read_day(cursor: &mut Cursor<'_>) -> Parsed<i64> {
    let text = cursor.text()?;
    dates::parse_day(&text).ok_or_else(|| Bad(format!("{text} is not a date")))
}

fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// Where a message stands: its number and id, and the last ones.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: (u32, u32),
    uid: (u32, u32),
}

fn is_in(set: &SequenceSet, (value, last): (u32, u32)) -> bool {
    let ranges = set.resolve(last);
    ranges
        .iter()
        .any(|(low, high)| (*low..=*high).contains(&value))
}

fn fits(key: &Key, message: &Message, place: Place) -> bool {
    let size = u64::try_from(message.raw.len()).unwrap_or(u64::MAX);
    match key {
        Key::All => true,
        Key::Never => false,
        Key::Has(flag) => message.flags.has(*flag),
        Key::Keyword(keyword) => message.flags.has_keyword(keyword),
        Key::Header(name, needle) => has_header(message, name, needle),
        Key::Body(needle) => has_body(message, needle),
        Key::Text(needle) => {
            let header = message.raw.get(message.part().header.clone());
            let header = header.map(decode::header_text).unwrap_or_default();
            lower(&header).contains(needle) || has_body(message, needle)
        }
        Key::Larger(than) => size > *than,
        Key::Smaller(than) => size < *than,
        Key::Days(false, low, high) => (*low..=*high).contains(&dates::day(message.arrived)),
        Key::Days(true, low, high) => message
            .part()
            .field("Date")
            .and_then(|v| dates::parse_rfc5322(&String::from_utf8_lossy(v)))
            .is_some_and(|at| (*low..=*high).contains(&dates::day(at))),
        Key::Numbers(set) => is_in(set, place.number),
        Key::Uids(set) => is_in(set, place.uid),
        Key::ModSeq(least) => message.mod_seq >= *least,
        Key::Not(inner) => !fits(inner, message, place),
        Key::And(all) => all.iter().all(|k| fits(k, message, place)),
        Key::Or(first, second) => fits(first, message, place) || fits(second, message, place),
    }
}

fn has_header(message: &Message, name: &str, needle: &str) -> bool {
    let mut fields = message.part().fields.iter();
    fields.any(|f| {
        f.name.eq_ignore_ascii_case(name) && lower(&decode::header_text(&f.value)).contains(needle)
    })
}

fn has_body(message: &Message, needle: &str) -> bool {
    let parts = message.part().walk();
    let mut texts = parts.iter().filter(|p| p.kind.word.starts_with("text/"));
    texts.any(|p| lower(&part_text(p, &message.raw)).contains(needle))
}
