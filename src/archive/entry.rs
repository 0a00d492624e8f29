//! One message as it stands in an mbox: its lines quoted as mboxrd does, its flags in header lines.
//!
//! Used by `destination` and `mbox_read`. What is written must be read again as the same bytes and
//! flags: where the usual form cannot hold a message, a line of ours says how it is to be read.

use super::{Message, from_line, sender};
use crate::model::{Flag, FlagSet};

/// Our line: how many bytes the message has, and what its line breaks were.
const MARK: &[u8] = b"X-Pillarbox-Mbox: ";
/// Every line break of the message was CRLF; here it is LF.
const LINES: &str = "crlf";
/// The bytes are the message's own.
const EXACT: &str = "exact";
/// Larger messages have our line in any case, instead of being read again for a look.
const CHECK_MAX: usize = 4 * 1024 * 1024;
/// Fields that tell of flags, in the order in which they are written.
const FIELDS: [&[u8]; 3] = [b"Status", b"X-Status", b"X-Keywords"];

/// The entry of a message: from its `From ` line to the empty line behind it.
pub(super) fn encode(message: &Message) -> Vec<u8> {
    let raw = &message.raw;
    let first = from_line::write(&sender(raw), message.arrived);
    let fields = flag_fields(&message.flags);
    let has_breaks = breaks(raw).all(|at| at > 0 && raw.get(at - 1) == Some(&b'\r'));
    if has_breaks && raw.len() <= CHECK_MAX {
        let body = [fields.as_slice(), &quoted(raw, true)].concat();
        let plain = closed(&first, body);
        let inside = plain.get(first.len()..).unwrap_or_default();
        if !has_length(raw) && decode(inside, true) == (raw.clone(), message.flags.clone()) {
            return plain;
        }
    }
    let form = if has_breaks { LINES } else { EXACT };
    let mut body = fields;
    body.extend_from_slice(MARK);
    body.extend_from_slice(format!("{} {form}\n", raw.len()).as_bytes());
    body.extend(quoted(raw, has_breaks));
    closed(&first, body)
}

/// Where line feeds are.
fn breaks(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    memchr::memchr_iter(b'\n', bytes)
}

/// With the line before it, a line break where its last line has none, and an empty line.
fn closed(first: &str, mut body: Vec<u8>) -> Vec<u8> {
    if !body.is_empty() && !body.ends_with(b"\n") {
        body.push(b'\n');
    }
    body.push(b'\n');
    let mut entry = first.as_bytes().to_vec();
    entry.append(&mut body);
    entry
}

/// Each line with one `>` more where a `From ` stands in it; without its CR where `is_lf`.
fn quoted(raw: &[u8], is_lf: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for line in raw.split_inclusive(|b| *b == b'\n') {
        if from_line::is_quotable(line) {
            out.push(b'>');
        }
        match line.strip_suffix(b"\r\n").filter(|_| is_lf) {
            Some(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// Takes the quoting off again.
fn unquoted(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let inner = line
            .strip_prefix(b">")
            .filter(|l| from_line::is_quotable(l));
        out.extend_from_slice(inner.unwrap_or(line));
    }
    out
}

/// Every line break as CRLF; one that has its CR stays where `keeps_crlf`.
fn with_crlf(body: &[u8], keeps_crlf: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 32);
    for line in body.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) if !(keeps_crlf && text.ends_with(b"\r")) => {
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

/// Flags as mutt, Dovecot and alpine write them.
fn flag_fields(flags: &FlagSet) -> Vec<u8> {
    let letter = |flag: Flag, letter: &'static str| if flags.has(flag) { letter } else { "" };
    let mut text = format!("Status: {}O\n", letter(Flag::Seen, "R"));
    let more = [
        letter(Flag::Answered, "A"),
        letter(Flag::Flagged, "F"),
        letter(Flag::Draft, "T"),
        letter(Flag::Deleted, "D"),
    ]
    .concat();
    if !more.is_empty() {
        text.extend(["X-Status: ", &more, "\n"]);
    }
    let forwarded = flags.has(Flag::Forwarded).then(|| Flag::Forwarded.wire());
    let words: Vec<&str> = forwarded
        .into_iter()
        .chain(flags.keywords().map(crate::model::Keyword::as_str))
        .collect();
    if !words.is_empty() {
        text.extend(["X-Keywords: ", &words.join(" "), "\n"]);
    }
    text.into_bytes()
}

/// Whether the header tells the length of the text: that is believed where a file is read, and it was
/// said of another file.
pub(super) fn has_length(raw: &[u8]) -> bool {
    content_length(header(raw)).is_some()
}

/// The value of Content-Length.
pub(super) fn content_length(header: &[u8]) -> Option<u64> {
    lines(header).find_map(|line| {
        let value = value_of(line, b"Content-Length")?;
        std::str::from_utf8(value).ok()?.trim().parse().ok()
    })
}

/// Whether the entry behind a `From ` line has our line, so that nothing else says where it ends.
pub(super) fn is_marked(body: &[u8]) -> bool {
    marked(body).is_some()
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

/// What stands before the first empty line.
fn header(body: &[u8]) -> &[u8] {
    let mut end = 0;
    for line in lines(body) {
        if matches!(line, b"\n" | b"\r\n") {
            break;
        }
        end += line.len();
    }
    body.get(..end).unwrap_or(body)
}

/// The value of a field of that name.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    if !head.eq_ignore_ascii_case(name) {
        return None;
    }
    rest.trim_ascii_start()
        .strip_prefix(b":")
        .map(<[u8]>::trim_ascii)
}

/// What our line says.
struct Mark<'a> {
    /// The fields of flags before it.
    fields: &'a [u8],
    size: usize,
    is_lf: bool,
    /// What stands behind it.
    rest: &'a [u8],
}

/// Our line, where the entry begins with it or with nothing but flags before it.
fn marked(body: &[u8]) -> Option<Mark<'_>> {
    let mut at = 0;
    for line in lines(body).take(FIELDS.len() + 1) {
        let next = at + line.len();
        if let Some(value) = line.strip_prefix(MARK) {
            let value = std::str::from_utf8(value).ok()?.trim_end();
            let (size, form) = value.split_once(' ')?;
            return Some(Mark {
                fields: body.get(..at)?,
                size: size.parse().ok()?,
                is_lf: match form {
                    LINES => true,
                    EXACT => false,
                    _ => return None,
                },
                rest: body.get(next..)?,
            });
        }
        if !FIELDS.iter().any(|name| value_of(line, name).is_some()) {
            return None;
        }
        at = next;
    }
    None
}

/// Bytes and flags of an entry, from behind its `From ` line to the end of the empty line behind it.
/// `is_quoted`: whether lines with `From ` were quoted in it.
pub(super) fn decode(body: &[u8], is_quoted: bool) -> (Vec<u8>, FlagSet) {
    let body = without_last_line(body);
    let Some(mark) = marked(body) else {
        return decode_plain(body, is_quoted);
    };
    let mut raw = unquoted(mark.rest);
    if mark.is_lf {
        raw = with_crlf(&raw, false);
    }
    let is_filled = raw
        .get(mark.size..)
        .is_some_and(|more| more.is_empty() || matches!(more, b"\n" | b"\r\n"));
    if !is_filled {
        // Another program changed it: it is read as any other.
        let rest = [mark.fields, mark.rest].concat();
        return decode_plain(&rest, is_quoted);
    }
    raw.truncate(mark.size);
    let mut flags = FlagSet::new();
    for line in lines(mark.fields) {
        note_flags(line, &mut flags);
    }
    (raw, flags)
}

/// The empty line behind a message is no part of it.
fn without_last_line(body: &[u8]) -> &[u8] {
    if body == b"\n" || body == b"\r\n" {
        return &[];
    }
    for end in [b"\r\n".as_slice(), b"\n"] {
        if let Some(rest) = body.strip_suffix(end) {
            return if rest.ends_with(b"\n") { rest } else { body };
        }
    }
    body
}

fn decode_plain(body: &[u8], is_quoted: bool) -> (Vec<u8>, FlagSet) {
    let mut flags = FlagSet::new();
    let head = header(body);
    let mut text = Vec::with_capacity(body.len());
    let mut is_dropped = false;
    for line in lines(head) {
        let is_more = matches!(line.first(), Some(b' ' | b'\t'));
        if !is_more {
            is_dropped = note_flags(line, &mut flags);
        }
        if !is_dropped {
            text.extend_from_slice(line);
        }
    }
    text.extend_from_slice(body.get(head.len()..).unwrap_or_default());
    if is_quoted {
        text = unquoted(&text);
    }
    (with_crlf(&text, true), flags)
}

/// Takes over what a field says of flags. Whether it is one that says nothing else.
fn note_flags(line: &[u8], flags: &mut FlagSet) -> bool {
    if let Some(value) = value_of(line, b"Status").or_else(|| value_of(line, b"X-Status")) {
        for letter in value {
            let flag = match letter {
                b'R' => Flag::Seen,
                b'A' => Flag::Answered,
                b'F' => Flag::Flagged,
                b'T' => Flag::Draft,
                b'D' => Flag::Deleted,
                _ => continue,
            };
            flags.insert(flag);
        }
        return true;
    }
    if let Some(value) = value_of(line, b"X-Keywords") {
        let words = String::from_utf8_lossy(value);
        note_words(&words, flags);
        return true;
    }
    if let Some(value) = value_of(line, b"X-Mozilla-Status") {
        note_mozilla(value, flags);
    } else if let Some(value) = value_of(line, b"X-Mozilla-Keys") {
        note_words(&String::from_utf8_lossy(value), flags);
    }
    false
}

fn note_words(words: &str, flags: &mut FlagSet) {
    let words = FlagSet::from_wire(
        words
            .split_ascii_whitespace()
            .filter(|w| !w.starts_with('\\')),
    );
    if words.has(Flag::Forwarded) {
        flags.insert(Flag::Forwarded);
    }
    for word in words.keywords() {
        flags.insert_keyword(word.clone());
    }
}

/// Thunderbird's flags, four hexadecimal digits. The line stays: it says more than that.
fn note_mozilla(value: &[u8], flags: &mut FlagSet) {
    let bits = std::str::from_utf8(value)
        .ok()
        .and_then(|text| u16::from_str_radix(text, 16).ok())
        .unwrap_or(0);
    for (bit, flag) in [
        (0x0001, Flag::Seen),
        (0x0002, Flag::Answered),
        (0x0004, Flag::Flagged),
        (0x0008, Flag::Deleted),
        (0x1000, Flag::Forwarded),
    ] {
        if bits & bit != 0 {
            flags.insert(flag);
        }
    }
}
