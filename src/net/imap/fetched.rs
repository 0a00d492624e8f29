//! The data items of a FETCH response (RFC 9051 §7.5.2, RFC 7162, 8474, 8970, and Gmail's).
//!
//! Called by `response`. An item that is not understood must cost no more than itself: what else the
//! response says stays known, the UID and the flags before all.

use super::envelope::{envelope, message_ids};
use super::structure::structure;
use super::tokens::{Malformed, Parsed, Token, Tokens, to_number};
use crate::model::{Fetched, FlagSet, ModSeq, Moment, Uid};
use bytes::Bytes;

/// How many flags of a message are kept.
const FLAGS_MAX: usize = 200;

/// What a FETCH response brought.
#[derive(Debug, Clone, Default)]
pub(super) struct FetchData {
    pub(super) uid: Option<Uid>,
    pub(super) fetched: Fetched,
    pub(super) sections: Vec<Section>,
}

/// Bytes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// What stands between the brackets, in capitals: `1.2.MIME`, empty for the whole.
    pub(super) name: String,
    /// Where the bytes begin; `None`: the section is whole.
    pub(super) origin: Option<u64>,
    /// The bytes; `None` where the server has none.
    pub(super) bytes: Option<Bytes>,
}

/// Reads the items in parentheses.
pub(super) fn fetch_data(tokens: &mut Tokens<'_>) -> Parsed<FetchData> {
    tokens.open()?;
    let mut data = FetchData::default();
    loop {
        match tokens.closes() {
            Ok(false) => {}
            Ok(true) => return Ok(data),
            Err(Malformed) => break,
        }
        let Ok(name) = tokens.item_name() else { break };
        let before = *tokens;
        if item(name, tokens, &mut data).is_err() {
            *tokens = before;
            if tokens.skip_value().is_err() {
                break;
            }
        }
    }
    // Broken off in the middle: of use only when it is known whose data it is.
    if data.uid.is_some() {
        Ok(data)
    } else {
        Err(Malformed)
    }
}

fn item(name: &[u8], tokens: &mut Tokens<'_>, data: &mut FetchData) -> Parsed<()> {
    if name.contains(&b'[') {
        return body(name, tokens, data);
    }
    let known = &mut data.fetched;
    match name.to_ascii_uppercase().as_slice() {
        b"UID" => data.uid = Some(uid(tokens)?),
        b"FLAGS" => known.flags = Some(flags(tokens)?),
        b"INTERNALDATE" => known.arrived = tokens.nstring()?.and_then(|t| internal_date(&t)),
        b"RFC822.SIZE" => known.size_bytes = Some(tokens.number()?),
        b"MODSEQ" => {
            tokens.open()?;
            known.mod_seq = Some(ModSeq(tokens.number()?));
            tokens.skip_to_close()?;
        }
        b"ENVELOPE" => known.envelope = Some(envelope(tokens)?),
        b"BODYSTRUCTURE" => known.structure = Some(structure(tokens)?),
        b"PREVIEW" => known.preview = preview(tokens)?,
        b"EMAILID" => known.email_id = object_id(tokens)?,
        b"THREADID" => known.thread_id = object_id(tokens)?,
        b"X-GM-MSGID" => known.email_id = Some(tokens.number()?.to_string()),
        b"X-GM-THRID" => known.thread_id = Some(tokens.number()?.to_string()),
        _ => tokens.skip_value()?,
    }
    Ok(())
}

fn uid(tokens: &mut Tokens<'_>) -> Parsed<Uid> {
    let number = u32::try_from(tokens.number()?).map_err(|_| Malformed)?;
    Uid::new(number).ok_or(Malformed)
}

fn flags(tokens: &mut Tokens<'_>) -> Parsed<FlagSet> {
    let words = tokens.words()?;
    let words = words.iter().take(FLAGS_MAX);
    let words = words.filter_map(|w| std::str::from_utf8(w).ok());
    Ok(FlagSet::from_wire(words))
}

fn preview(tokens: &mut Tokens<'_>) -> Parsed<Option<String>> {
    let text = tokens.nstring()?;
    Ok(text.map(|t| String::from_utf8_lossy(&t).into_owned()))
}

/// An id in parentheses (RFC 8474), or NIL.
fn object_id(tokens: &mut Tokens<'_>) -> Parsed<Option<String>> {
    if tokens.peek()? != Token::Open {
        tokens.skip_value()?;
        return Ok(None);
    }
    tokens.open()?;
    let id = String::from_utf8_lossy(&tokens.string()?).into_owned();
    tokens.skip_to_close()?;
    Ok(Some(id).filter(|id| !id.is_empty()))
}

fn body(name: &[u8], tokens: &mut Tokens<'_>, data: &mut FetchData) -> Parsed<()> {
    let name = std::str::from_utf8(name).map_err(|_| Malformed)?;
    let (_, after) = name.split_once('[').ok_or(Malformed)?;
    let (section, origin) = after.rsplit_once(']').ok_or(Malformed)?;
    let origin = origin
        .strip_prefix('<')
        .map(|o| o.trim_end_matches('>'))
        .and_then(|o| to_number(o.split('.').next()?.as_bytes()));
    let section = section.to_ascii_uppercase();
    let bytes = tokens.nbytes()?;
    if section.starts_with("HEADER.FIELDS") && section.contains("REFERENCES") {
        let header = bytes.as_deref().unwrap_or_default();
        let value = header.splitn(2, |b| *b == b':').nth(1).unwrap_or_default();
        data.fetched.references = Some(message_ids(value));
        return Ok(());
    }
    data.sections.push(Section {
        name: section,
        origin,
        bytes,
    });
    Ok(())
}

/// ` 7-Feb-1994 22:43:04 -0800` (RFC 9051 `date-time`).
fn internal_date(text: &[u8]) -> Option<Moment> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let mut words = text.split_ascii_whitespace();
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    let mut date = date.split('-');
    let day: i64 = date.next()?.parse().ok()?;
    let month = date.next()?.to_ascii_lowercase();
    let names = "jan feb mar apr may jun jul aug sep oct nov dec";
    let month = i64::try_from(names.split(' ').position(|m| m == month)?).ok()? + 1;
    let year: i64 = date.next()?.parse().ok()?;
    let mut time = time.split(':').map(|n| n.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let is_west = zone.starts_with('-');
    let zone: i64 = zone.get(1..)?.parse().ok()?;
    let offset = (zone / 100 * 60 + zone % 100) * if is_west { -1 } else { 1 };
    let is_plain = (1..=31).contains(&day) && (0..=9999).contains(&year);
    let is_clock = hour < 24 && minute < 60 && second <= 60 && hour >= 0 && minute >= 0;
    if !is_plain || !is_clock {
        return None;
    }
    Some(Moment {
        unix_secs: days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
            - offset * 60,
        offset_mins: i16::try_from(offset).ok()?,
    })
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let in_era = year.rem_euclid(400);
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::super::response::{Response, parse};
    use super::*;

    fn fetch(text: &str) -> FetchData {
        match parse(&Bytes::copy_from_slice(text.as_bytes())) {
            Response::Fetch(_, data) => *data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_item_is_taken_over_and_unknown_ones_are_passed() {
        let data = fetch(
            "* 7 FETCH (UID 9 X-NEW ((a \"b)\") {2}\r\n)( NIL) FLAGS (\\Seen \\Recent work) INTERNALDATE \
             \"25-Oct-2026 08:57:16 +0200\" RFC822.SIZE 5000000000 MODSEQ (12345678901) PREVIEW \"a \\\"b\\\"\" \
             EMAILID (M1) THREADID NIL X-GM-LABELS (\"\\\\Sent\" a) BODY[1]<5> {3}\r\nabc BODY[2] NIL)\r\n",
        );
        assert_eq!(data.uid, Uid::new(9));
        let known = data.fetched;
        assert_eq!(known.flags.unwrap().to_string(), "\\Seen work");
        assert_eq!(known.arrived.unwrap().unix_secs, 1_792_911_436);
        assert_eq!(known.arrived.unwrap().offset_mins, 120);
        assert_eq!(known.size_bytes, Some(5_000_000_000));
        assert_eq!(known.mod_seq, Some(ModSeq(12_345_678_901)));
        assert_eq!(known.preview.as_deref(), Some("a \"b\""));
        assert_eq!(
            (known.email_id.as_deref(), known.thread_id),
            (Some("M1"), None)
        );
        let [first, second] = data.sections.as_slice() else {
            panic!()
        };
        assert_eq!((first.name.as_str(), first.origin), ("1", Some(5)));
        assert_eq!(first.bytes.as_deref(), Some(&b"abc"[..]));
        assert_eq!(second.bytes, None);
    }

    #[test]
    fn a_broken_item_leaves_uid_and_flags_known() {
        for broken in [
            "ENVELOPE (NIL)",
            "INTERNALDATE NIL",
            "BODYSTRUCTURE (((",
            "MODSEQ ()",
            "RFC822.SIZE NIL",
            "RFC822.SIZE 99999999999999999999",
            "ENVELOPE \"no end",
        ] {
            let data = fetch(&format!("* 1 FETCH (UID 3 FLAGS (\\Seen) {broken})\r\n"));
            assert_eq!(data.uid, Uid::new(3), "{broken}");
            assert!(data.fetched.flags.is_some(), "{broken}");
            assert!(data.fetched.envelope.is_none(), "{broken}");
        }
        assert!(matches!(
            parse(&Bytes::from_static(b"* 1 FETCH (UID 0 FLAGS (")),
            Response::Unknown
        ));
    }

    #[test]
    fn references_are_read_from_their_header() {
        let data = fetch(
            "* 1 FETCH (UID 3 BODY[HEADER.FIELDS (REFERENCES)] {28}\r\nReferences: <a@b>\r\n <c@d>\r\n)\r\n",
        );
        assert_eq!(data.fetched.references.unwrap(), ["a@b", "c@d"]);
        let data = fetch("* 1 FETCH (UID 3 BODY[HEADER.FIELDS (\"REFERENCES\")] {2}\r\n\r\n)\r\n");
        assert_eq!(data.fetched.references.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn days_follow_the_calendar() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2026, 11, 22), 20_779);
        assert_eq!(
            internal_date(b" 1-Jan-1970 00:00:00 +0000")
                .unwrap()
                .unix_secs,
            0
        );
        assert_eq!(internal_date(b"1-Foo-1970 00:00:00 +0000"), None);
    }
}
