//! Header fields of a message or a part (RFC 5322 section 2.2), and what is commonly asked of them.
//!
//! Called by `tree`, `render` and `engine`. Must never look at a byte more than a few times, keep
//! more than [`FIELDS_MAX`] fields, or fail: what is no field ends the header or is passed over.

use super::address::parse_addresses;
use super::date::parse_date;
use super::words::decode_words;
use crate::model::{Address, Envelope};

/// More fields are not kept; a real message has a hundred.
pub(crate) const FIELDS_MAX: usize = 10_000;
/// More of one value is not read.
pub(crate) const VALUE_MAX: usize = 1024 * 1024;
/// So many ids of a References field are kept: the first and the last ones.
const IDS_MAX: usize = 200;
/// A line that begins so far off a colon is no field.
const NAME_MAX: usize = 256;

/// One field as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawField<'a> {
    /// Its name as written.
    pub name: &'a [u8],
    /// Its value, still folded and encoded, without the last line break.
    pub value: &'a [u8],
}

/// The fields of a header in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The fields.
    pub fields: Vec<RawField<'a>>,
    /// Where the body begins: behind the empty line, or where the fields stopped.
    pub body_at: usize,
}

/// Reads the header at the beginning of `raw`.
#[must_use]
pub fn parse_headers(raw: &[u8]) -> Headers<'_> {
    parse_until(raw, 0, |_| false)
}

/// Reads the header that begins at `from`; a line for which `is_end` holds is not part of it.
pub(crate) fn parse_until(raw: &[u8], from: usize, is_end: impl Fn(&[u8]) -> bool) -> Headers<'_> {
    let mut headers = Headers {
        fields: Vec::new(),
        body_at: from,
    };
    let mut value_at: Option<(&[u8], usize)> = None;
    let mut at = from;
    while let Some(line) = line_at(raw, at) {
        let next = at + line.len();
        let text = trim_break(line);
        if text.is_empty() {
            at = next;
            headers.close(raw, value_at.take(), at - line.len());
            headers.body_at = at;
            return headers;
        }
        if is_end(text) {
            break;
        }
        if matches!(text.first(), Some(b' ' | b'\t')) && value_at.is_some() {
            at = next;
            if text.trim_ascii().is_empty() && !goes_on(raw, next) {
                break;
            }
            continue;
        }
        if let Some(name) = field_name(text) {
            headers.close(raw, value_at.take(), at);
            let colon = text.iter().position(|b| *b == b':').unwrap_or(0);
            value_at = Some((name, at + colon + 1));
        } else if !is_passed_over(raw, text, at == from, next) {
            break;
        }
        at = next;
    }
    headers.close(raw, value_at, at);
    headers.body_at = at;
    headers
}

/// Whether a line that is no field may stand in a header all the same: the first line of an mbox
/// entry, or the rest of a value whose fold lost its blank, which a field follows.
fn is_passed_over(raw: &[u8], text: &[u8], is_first: bool, next: usize) -> bool {
    if is_first {
        return text.starts_with(b"From ") || text.starts_with(b">From ");
    }
    line_at(raw, next).is_some_and(|line| field_name(trim_break(line)).is_some())
}

/// Whether the header goes on behind a line of nothing but blanks: some writers end it with one.
fn goes_on(raw: &[u8], next: usize) -> bool {
    line_at(raw, next).is_some_and(|line| {
        matches!(line.first(), Some(b' ' | b'\t')) || field_name(trim_break(line)).is_some()
    })
}

/// The line that begins at `at`, its break included.
pub(crate) fn line_at(raw: &[u8], at: usize) -> Option<&[u8]> {
    let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
    rest.get(..end)
}

pub(crate) fn trim_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The name of the field that a line begins; the old syntax has blanks before the colon.
pub(crate) fn field_name(line: &[u8]) -> Option<&[u8]> {
    let head = line.get(..NAME_MAX).unwrap_or(line);
    let name = head.get(..head.iter().position(|b| *b == b':')?)?;
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some(name)
}

impl<'a> Headers<'a> {
    fn close(&mut self, raw: &'a [u8], field: Option<(&'a [u8], usize)>, end: usize) {
        if let Some((name, from)) = field
            && self.fields.len() < FIELDS_MAX
        {
            let value = trim_break(raw.get(from..end).unwrap_or_default());
            self.fields.push(RawField { name, value });
        }
    }

    /// The values of all fields of that name, in their order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> + '_ {
        let name = name.to_owned();
        self.fields
            .iter()
            .filter(move |f| f.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|f| f.value.get(..VALUE_MAX).unwrap_or(f.value))
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The first field of that name, decoded; empty when there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.get(name)
            .map(|raw| decode_words(raw).trim().to_owned())
            .unwrap_or_default()
    }

    /// The addresses of all fields of that name.
    #[must_use]
    pub fn addresses(&self, name: &str) -> Vec<Address> {
        self.all(name).flat_map(parse_addresses).collect()
    }

    /// The ids of the fields of that name, without angle brackets, oldest first.
    #[must_use]
    pub fn ids(&self, name: &str) -> Vec<String> {
        let mut ids: Vec<String> = self.all(name).flat_map(parse_ids).collect();
        if ids.len() > IDS_MAX {
            // The first one names the thread, the last ones the place in it.
            ids.drain(1..=ids.len() - IDS_MAX);
        }
        ids
    }

    /// The envelope of RFC 9051 section 7.5.2 that these fields make.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        let from = self.addresses("From");
        let reply_to = self.addresses("Reply-To");
        Envelope {
            date: self.get("Date").and_then(parse_date),
            subject: self.text("Subject"),
            reply_to: if reply_to == from {
                Vec::new()
            } else {
                reply_to
            },
            from,
            to: self.addresses("To"),
            cc: self.addresses("Cc"),
            bcc: self.addresses("Bcc"),
            in_reply_to: self.ids("In-Reply-To"),
            message_id: self
                .ids("Message-ID")
                .into_iter()
                .next()
                .unwrap_or_default(),
        }
    }
}

/// The message ids in a value: what stands in angle brackets, or failing that, each word with an `@`.
#[must_use]
pub fn parse_ids(raw: &[u8]) -> Vec<String> {
    let clean = |id: &[u8]| -> Option<String> {
        let id: Vec<u8> = id
            .iter()
            .copied()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let is_id = !id.is_empty() && id.len() <= 998;
        is_id.then(|| super::charset::guess(&id))
    };
    let raw = raw.get(..VALUE_MAX).unwrap_or(raw);
    let mut ids = Vec::new();
    let mut rest = raw;
    while let Some(open) = memchr::memchr(b'<', rest) {
        rest = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = memchr::memchr2(b'>', b'<', rest) else {
            break;
        };
        if rest.get(close) == Some(&b'>') {
            ids.extend(rest.get(..close).and_then(clean));
        }
        rest = rest.get(close..).unwrap_or_default();
    }
    if ids.is_empty() {
        let is_gap = |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b'<' | b'>' | b';');
        let words = raw.split(is_gap).filter(|w| w.contains(&b'@'));
        ids.extend(words.filter_map(clean));
    }
    ids
}

/// What follows the comment that begins `rest`; only the bracket is passed when it has no end.
pub(crate) fn skip_comment(rest: &[u8]) -> &[u8] {
    let mut depth = 0usize;
    let mut bytes = rest.iter();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => drop(bytes.next()),
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return bytes.as_slice();
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(raw: &str) -> Vec<String> {
        parse_headers(raw.as_bytes())
            .fields
            .iter()
            .map(|f| String::from_utf8_lossy(f.name).into_owned())
            .collect()
    }

    #[test]
    fn fields_come_in_order_and_folds_belong_to_them() {
        let raw = "A: 1\r\nB : 2\r\n 3\r\nA:\r\n\t4\r\n\r\nbody: no";
        let headers = parse_headers(raw.as_bytes());
        assert_eq!(names(raw), ["A", "B", "A"]);
        assert_eq!(headers.text("b"), "2 3");
        assert_eq!(headers.all("a").count(), 2);
        assert_eq!(raw.get(headers.body_at..), Some("body: no"));
    }

    #[test]
    fn a_header_ends_where_it_is_broken_and_no_text_is_lost() {
        let body = |raw: &'static str| raw.split_at(parse_headers(raw.as_bytes()).body_at).1;
        assert_eq!(body("just text\n\nmore"), "just text\n\nmore");
        assert_eq!(body("A: 1\nThis is text.\n\nmore"), "This is text.\n\nmore");
        assert_eq!(body("\nbody"), "body");
        assert_eq!(body(""), "");
        assert_eq!(body("A: 1"), "");
        assert_eq!(body("A: 1\n\n"), "");
        assert_eq!(body("A: 1\r\n\r\n\r\nx"), "\r\nx");
        assert_eq!(body("A: 1\n \n--x\nB: 2\n"), "--x\nB: 2\n");
        assert_eq!(body("A: 1\n \n 2\nB: 2\n\nx"), "x");
    }

    #[test]
    fn a_fold_that_lost_its_blank_does_not_end_the_header() {
        let raw = "Subject: long\nrest of it\nFrom: a@b\n\nbody";
        assert_eq!(names(raw), ["Subject", "From"]);
        assert_eq!(names("From a@b Mon Jan 1\nSubject: x\n\n"), ["Subject"]);
    }

    #[test]
    fn ids_are_found_in_whatever_stands_around_them() {
        for (raw, ids) in [
            ("<a@b> <c@d>", &["a@b", "c@d"][..]),
            ("<a@b><c@d>\r\n\t<e@f>", &["a@b", "c@d", "e@f"]),
            ("Your message of <a@b> \"<\"", &["a@b"]),
            ("a@b, c@d", &["a@b", "c@d"]),
            ("<a@\r\n b>", &["a@b"]),
            ("<open <a@b>", &["a@b"]),
            ("none", &[]),
            ("<>", &[]),
        ] {
            assert_eq!(parse_ids(raw.as_bytes()), ids, "{raw}");
        }
    }

    #[test]
    fn a_flood_of_ids_keeps_the_first_and_the_last() {
        let many: String = (0..5_000).map(|n| format!("<{n}@x> ")).collect();
        let raw = format!("References: {many}\n\n");
        let ids = parse_headers(raw.as_bytes()).ids("references");
        assert_eq!(ids.len(), IDS_MAX);
        assert_eq!(ids.first().unwrap(), "0@x");
        assert_eq!(ids.last().unwrap(), "4999@x");
    }

    #[test]
    fn an_envelope_is_decoded_and_drops_a_reply_to_that_says_nothing() {
        let raw = "From: =?utf-8?Q?J=C3=B6rg?= <j@x.de>\nReply-To: =?utf-8?Q?J=C3=B6rg?= <j@x.de>\n\
                   To: a@b, c@d\nSubject:  =?utf-8?Q?Gr=C3=BC?=\n =?utf-8?Q?=C3=9Fe?= \n\
                   Date: 1 Jan 1970 00:00:01 +0100\nMessage-Id: <m@x>\nIn-Reply-To: <r@x>\n\n";
        let envelope = parse_headers(raw.as_bytes()).envelope();
        assert_eq!(envelope.from[0].name, "Jörg");
        assert!(envelope.reply_to.is_empty());
        assert_eq!(envelope.to.len(), 2);
        assert_eq!(envelope.subject, "Grüße");
        assert_eq!(envelope.date.unwrap().unix_secs, -3599);
        assert_eq!(envelope.message_id, "m@x");
        assert_eq!(envelope.in_reply_to, ["r@x"]);
    }
}
