//! Builds RFC 5322 messages from the letters of a source.
//!
//! Called by `sample`. The same letter at the same time must always give the same bytes, and every
//! line must end in CRLF.

use super::decode::BASE64;
use super::source::{Letter, Person, Piece, Source, Written};
use super::{dates, files};
use crate::model::Moment;
use base64::Engine;
use encoding_rs::{Encoding, UTF_8};

/// A day in seconds.
const DAY: i64 = 86_400;
/// A reply comes at the earliest so long after what it answers.
const REPLY_SECS: i64 = 90;
/// The longest encoded word (RFC 2047 §2).
const WORD_MAX: usize = 75;

/// Builds the messages of one account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Builder<'a> {
    /// Where the letters stand.
    pub(crate) source: &'a Source,
    /// When the demo began.
    pub(crate) start_secs: i64,
    /// What "now" is for letters that arrive while one looks.
    pub(crate) now_secs: i64,
}

/// A MIME part that is being put together.
struct Body {
    /// Content-* lines.
    headers: Vec<String>,
    bytes: Vec<u8>,
}

impl Builder<'_> {
    /// When a letter was written, in its writer's zone.
    pub(crate) fn written(&self, letter: &Letter) -> Moment {
        // Letters can answer one another in a chain, never in a circle, as ids come in order; the
        // bound is for sources that are wrong.
        let mut chain = vec![letter];
        while let Some(before) = chain.last().and_then(|l| self.source.letter(l.key("re"))) {
            if chain.len() > 50 {
                break;
            }
            chain.push(before);
        }
        let mut secs = i64::MIN;
        for one in chain.iter().rev() {
            secs = self.plain_secs(one).max(secs.saturating_add(REPLY_SECS));
        }
        Moment {
            unix_secs: secs,
            offset_mins: letter.from.zone_mins,
        }
    }

    fn plain_secs(&self, letter: &Letter) -> i64 {
        // Nobody writes on the full minute.
        let odd = i64::from(checksum(&letter.id) % 60);
        match letter.written {
            Written::Live => self.now_secs,
            Written::Ago(secs) => self.start_secs - secs - odd,
            Written::Day(days, minutes) => {
                let zone = i64::from(self.source.zone_mins()) * 60;
                let midnight = (self.start_secs + zone).div_euclid(DAY) * DAY - zone;
                midnight - days * DAY + minutes * 60 + odd
            }
        }
    }

    /// The subject: its own, or that of what it answers.
    pub(crate) fn subject(&self, letter: &Letter) -> String {
        let own = letter.key("subject");
        if !own.is_empty() {
            return self.with_dates(own);
        }
        let mut root = letter;
        for _ in 0..50 {
            match self.source.letter(root.key("re")) {
                Some(before) if root.key("subject").is_empty() => root = before,
                _ => break,
            }
        }
        let subject = self.with_dates(root.key("subject"));
        if subject.starts_with("Re: ") {
            return subject;
        }
        format!("Re: {subject}")
    }

    /// The Message-ID with its angle brackets.
    pub(crate) fn message_id(letter: &Letter) -> String {
        let domain = letter.from.address.address.rsplit('@').next();
        let number = checksum(&letter.id);
        let domain = domain.unwrap_or("example.org");
        format!("<{number:08x}.{}@{domain}>", letter.id)
    }

    /// The whole message.
    pub(crate) fn build(&self, letter: &Letter) -> Vec<u8> {
        let body = self.body(letter);
        let mut head = self.head(letter);
        head.push("MIME-Version: 1.0".into());
        head.extend(body.headers);
        let mut out = Vec::new();
        let encoding = raw_encoding(letter);
        for line in head {
            out.extend_from_slice(&encoding.encode(&line).0);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend(body.bytes);
        out
    }

    fn head(&self, letter: &Letter) -> Vec<String> {
        let at = self.written(letter);
        let people = |list: &[Person]| {
            let all: Vec<String> = list.iter().map(|p| header_address(p, letter)).collect();
            all.join(",\r\n ")
        };
        let mut head = Vec::new();
        if !letter.mailbox.starts_with("Sent") && !letter.mailbox.starts_with("Drafts") {
            let domain = letter.from.address.address.rsplit('@').next();
            head.push(format!(
                "Received: from mail.{} by mx.example.net with ESMTPS id {:08x};\r\n {}",
                domain.unwrap_or_default(),
                checksum(&letter.id).rotate_left(7),
                dates::rfc5322(at)
            ));
        }
        head.push(format!("Date: {}", dates::rfc5322(at)));
        head.push(format!(
            "From: {}",
            people(std::slice::from_ref(&letter.from))
        ));
        for (name, list) in [("To", &letter.to), ("Cc", &letter.cc), ("Bcc", &letter.bcc)] {
            if !list.is_empty() {
                head.push(format!("{name}: {}", people(list)));
            }
        }
        head.push(format!("Subject: {}", words(&self.subject(letter), letter)));
        head.push(format!("Message-ID: {}", Self::message_id(letter)));
        let references = self.references(letter);
        if let Some(last) = references.last() {
            head.push(format!("In-Reply-To: {last}"));
            head.push(format!("References: {}", references.join("\r\n ")));
        }
        head.extend(letter.headers.iter().map(|h| self.with_dates(h)));
        head
    }

    fn references(&self, letter: &Letter) -> Vec<String> {
        let mut ids = Vec::new();
        let mut at = letter;
        while let Some(before) = self.source.letter(at.key("re")) {
            ids.push(Self::message_id(before));
            at = before;
            if ids.len() > 50 {
                break;
            }
        }
        ids.reverse();
        ids
    }

    /// The text with its quotes and its signature.
    pub(crate) fn text(&self, letter: &Letter) -> Vec<String> {
        let mut lines = Vec::new();
        for line in &letter.text {
            match line.as_str() {
                "{on}" | "{quote}" => {
                    let Some(before) = self.source.letter(letter.key("re")) else {
                        continue;
                    };
                    let when = dates::format(self.written(before), "%a, %-d %b %Y at %H:%M");
                    let who = before.from.address.shown();
                    lines.push(format!("On {when}, {who} wrote:"));
                    if line == "{quote}" {
                        let quoted = self.text(before).into_iter();
                        let body = quoted.take_while(|l| l != "-- ");
                        let mut all: Vec<String> = body.map(|l| quote(&l)).collect();
                        while all.last().is_some_and(|l| l.trim_end() == ">") {
                            all.pop();
                        }
                        lines.extend(all);
                    }
                }
                line => lines.push(self.with_dates(line)),
            }
        }
        if letter.key("sig") != "no" && !letter.from.signature.is_empty() && !lines.is_empty() {
            lines.extend([String::new(), "-- ".into()]);
            lines.extend(letter.from.signature.iter().cloned());
        }
        lines
    }

    fn body(&self, letter: &Letter) -> Body {
        let mut forms = Vec::new();
        let text = self.text(letter);
        if !text.is_empty() {
            let flowed = if letter.key("flowed") == "yes" {
                "; format=flowed"
            } else {
                ""
            };
            let kind = format!("text/plain; charset={}{flowed}", charset(letter));
            forms.push(text_part(&kind, &text, letter));
        }
        let mut parts = Vec::new();
        for piece in &letter.pieces {
            let (Piece::Alternative(kind, lines) | Piece::Part(kind, lines)) = piece;
            let lines: Vec<String> = lines.iter().map(|l| self.with_dates(l)).collect();
            let part = text_part(&self.kind_of(kind, letter), &lines, letter);
            match piece {
                Piece::Alternative(..) => forms.push(part),
                Piece::Part(..) => parts.push(part),
            }
        }
        let list = |key: &str| -> Vec<String> {
            let names = letter.key(key).split(',').map(str::trim);
            names.filter(|n| !n.is_empty()).map(str::to_owned).collect()
        };
        let mut main = join(forms, "multipart/alternative", &letter.id, 1);
        let pictures = list("related")
            .into_iter()
            .filter_map(|n| file_part(&n, true));
        main.extend(pictures);
        let main = join(main, "multipart/related", &letter.id, 2);
        let mut all = main;
        all.append(&mut parts);
        all.extend(
            list("attach")
                .into_iter()
                .filter_map(|n| file_part(&n, false)),
        );
        let outer = Some(letter.key("type")).filter(|t| !t.is_empty());
        let outer = outer.unwrap_or("multipart/mixed");
        let mut whole = join(all, outer, &letter.id, 3);
        whole
            .pop()
            .unwrap_or_else(|| text_part("text/plain", &[], letter))
    }

    fn kind_of(&self, kind: &str, letter: &Letter) -> String {
        if kind == "text/html" {
            return format!("text/html; charset={}", charset(letter));
        }
        self.with_dates(kind)
    }

    /// Fills in `{@+2d %A}`.
    fn with_dates(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once("{@") {
            out.push_str(before);
            let filled = tail.split_once('}').and_then(|(inner, after)| {
                let (days, form) = inner.split_once("d ")?;
                let at = Moment {
                    unix_secs: self.start_secs + days.parse::<i64>().ok()? * DAY,
                    offset_mins: self.source.zone_mins(),
                };
                out.push_str(&dates::format(at, form));
                Some(after)
            });
            rest = filled.unwrap_or_else(|| {
                out.push_str("{@");
                tail
            });
        }
        out.push_str(rest);
        out
    }
}

fn quote(line: &str) -> String {
    if line.is_empty() || line.starts_with('>') {
        format!(">{line}")
    } else {
        format!("> {line}")
    }
}

/// A number that is the same for the same text (FNV-1a).
pub(crate) fn checksum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

fn charset(letter: &Letter) -> &str {
    match letter.key("charset") {
        "" => "utf-8",
        named => named,
    }
}

fn encoding_of(letter: &Letter) -> &'static Encoding {
    Encoding::for_label(charset(letter).as_bytes()).unwrap_or(UTF_8)
}

/// The charset of the header: raw 8-bit where the letter wants it, else it is all ASCII anyway.
fn raw_encoding(letter: &Letter) -> &'static Encoding {
    if letter.key("words") == "no" {
        return encoding_of(letter);
    }
    UTF_8
}

/// A header text, as encoded words where it must be (RFC 2047).
fn words(text: &str, letter: &Letter) -> String {
    if text.is_ascii() || letter.key("words") == "no" {
        return text.to_owned();
    }
    let encoding = encoding_of(letter);
    let (_, _, is_lossy) = encoding.encode(text);
    let (name, encoding) = if is_lossy {
        ("utf-8", UTF_8)
    } else {
        (charset(letter), encoding)
    };
    // Every word must stand for itself, so the text is cut between characters.
    let mut all: Vec<String> = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        let longer = format!("{piece}{c}");
        if word(&longer, name, encoding).len() > WORD_MAX {
            all.push(word(&piece, name, encoding));
            piece = c.to_string();
        } else {
            piece = longer;
        }
    }
    all.push(word(&piece, name, encoding));
    all.join("\r\n ")
}

/// One encoded word: Q where most of it is ASCII, else B.
fn word(piece: &str, name: &str, encoding: &'static Encoding) -> String {
    let bytes = encoding.encode(piece).0;
    let high = bytes.iter().filter(|b| !b.is_ascii()).count();
    // ISO-2022-JP is all ASCII and escapes.
    if high * 3 < bytes.len() && bytes.iter().all(|b| *b != 0x1b) {
        format!("=?{name}?Q?{}?=", q_word(&bytes))
    } else {
        format!("=?{name}?B?{}?=", BASE64.encode(&bytes))
    }
}

fn q_word(bytes: &[u8]) -> String {
    let one = |b: &u8| match b {
        b' ' => "_".to_owned(),
        b if b.is_ascii_alphanumeric() => char::from(*b).to_string(),
        b => format!("={b:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn header_address(person: &Person, letter: &Letter) -> String {
    let (name, address) = (&person.address.name, &person.address.address);
    let is_atoms = |n: &str| {
        n.chars()
            .all(|c| c.is_ascii_alphanumeric() || " -'".contains(c))
    };
    if name.is_empty() {
        address.clone()
    } else if !name.is_ascii() {
        format!("{} <{address}>", words(name, letter))
    } else if is_atoms(name) {
        format!("{name} <{address}>")
    } else {
        format!("\"{name}\" <{address}>")
    }
}

fn text_part(kind: &str, lines: &[String], letter: &Letter) -> Body {
    let mut text = lines.join("\r\n");
    text.push_str("\r\n");
    let encoding = if kind.contains("utf-8") {
        UTF_8
    } else {
        encoding_of(letter)
    };
    let bytes = encoding.encode(&text).0.into_owned();
    let is_plain = bytes.is_ascii() && text.lines().all(|l| l.len() < 900);
    let transfer = match letter.key("encoding") {
        _ if kind.starts_with("message/") => "7bit",
        "" if is_plain => "7bit",
        "" => "quoted-printable",
        named => named,
    };
    let bytes = match transfer {
        "base64" => base64_lines(&bytes),
        "quoted-printable" => quoted_printable(&bytes),
        _ => bytes,
    };
    Body {
        headers: vec![
            format!("Content-Type: {kind}"),
            format!("Content-Transfer-Encoding: {transfer}"),
        ],
        bytes,
    }
}

fn file_part(name: &str, is_inline: bool) -> Option<Body> {
    let (bytes, kind) = files::find(name)?;
    let mut headers = vec![
        format!("Content-Type: {kind}; name=\"{name}\""),
        "Content-Transfer-Encoding: base64".into(),
    ];
    if is_inline {
        headers.push(format!("Content-ID: <{name}>"));
        headers.push("Content-Disposition: inline".into());
    } else {
        headers.push(format!(
            "Content-Disposition: attachment;\r\n filename=\"{name}\""
        ));
    }
    Some(Body {
        headers,
        bytes: base64_lines(bytes),
    })
}

fn base64_lines(bytes: &[u8]) -> Vec<u8> {
    let text = BASE64.encode(bytes);
    let lines: Vec<&[u8]> = text.as_bytes().chunks(76).collect();
    let mut out = lines.join(b"\r\n".as_slice());
    out.extend_from_slice(b"\r\n");
    out
}

/// RFC 2045 §6.7; lines are cut at 75 characters.
fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut column = 0;
    let mut rest = bytes.iter().copied().peekable();
    while let Some(b) = rest.next() {
        if b == b'\r' || b == b'\n' {
            out.push(b);
            column = 0;
            continue;
        }
        let ends_line = rest.peek().is_none_or(|n| *n == b'\r');
        let is_plain = matches!(b, b'!'..=b'<' | b'>'..=b'~') || (b == b' ' && !ends_line);
        let piece = if is_plain {
            vec![b]
        } else {
            format!("={b:02X}").into_bytes()
        };
        if column + piece.len() > 75 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        column += piece.len();
        out.extend(piece);
    }
    out
}

/// Joins several bodies into one multipart; a single one stays as it is.
fn join(bodies: Vec<Body>, kind: &str, id: &str, level: u8) -> Vec<Body> {
    if bodies.len() < 2 {
        return bodies;
    }
    let boundary = format!("=_{:08x}_{level}", checksum(id));
    let mut bytes = Vec::new();
    let is_digest = kind == "multipart/digest";
    for body in bodies {
        bytes.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        for line in body.headers.iter().filter(|_| !is_digest) {
            bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend(body.bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    vec![Body {
        headers: vec![format!("Content-Type: {kind};\r\n boundary=\"{boundary}\"")],
        bytes,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_is_read_back_and_its_lines_are_short() {
        let text = "Grüße = \r\n".to_owned() + &"ä".repeat(60) + "\r\n";
        let wire = quoted_printable(text.as_bytes());
        let lines = String::from_utf8(wire.clone()).unwrap();
        assert!(lines.lines().all(|l| l.len() <= 76), "{lines}");
        let back = crate::demo::decode::from_transfer("quoted-printable", &wire);
        assert_eq!(String::from_utf8(back).unwrap(), text);
    }
}
