//! Content-Transfer-Encodings of RFC 2045 section 6, the writing half, and what bytes need of them.
//!
//! Called by `compose` and `bounce`. Everything that leaves goes through [`Strict`]: it must never
//! let a bare CR or LF, a NUL or a line of more than 998 bytes pass (RFC 5321 section 4.5.3.1.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, Read, Write};

/// The longest line without its break (RFC 5322 section 2.1.1).
pub(crate) const LINE_MAX: usize = 998;
/// The longest line of quoted-printable and of base64.
const ENCODED_MAX: usize = 76;
/// So much is held at a time: whole lines of base64.
const CHUNK: usize = 57 * 1024;

/// What a text or a message is made of, as far as it decides how it may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    pub(crate) has_8bit: bool,
    pub(crate) has_nul: bool,
    /// Controls other than tab and breaks.
    pub(crate) has_control: bool,
    pub(crate) has_bare_cr: bool,
    pub(crate) has_bare_lf: bool,
    /// A line ends with a blank, or begins as an mbox entry does.
    pub(crate) is_fragile: bool,
    pub(crate) longest: usize,
    pub(crate) is_utf8: bool,
}

impl Shape {
    /// Looks at all that `from` gives.
    pub(crate) fn of(mut from: impl Read) -> io::Result<Self> {
        let mut look = Look::default();
        let mut buffer = vec![0; CHUNK];
        loop {
            let chunk = read_some(&mut from, &mut buffer)?;
            if chunk.is_empty() {
                return Ok(look.finish());
            }
            look.add(chunk);
        }
    }

    /// Whether it can travel as it is, but for bare line feeds, which become CRLF.
    pub(crate) const fn is_lines(&self) -> bool {
        !self.has_nul && !self.has_bare_cr && self.longest <= LINE_MAX
    }
}

struct Look {
    shape: Shape,
    line: usize,
    head: [u8; 5],
    before: u8,
    /// The beginning of a character that the chunk before ended within.
    partial: Vec<u8>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            shape: Shape {
                is_utf8: true,
                ..Shape::default()
            },
            line: 0,
            head: [0; 5],
            before: 0,
            partial: Vec::new(),
        }
    }
}

impl Look {
    fn add(&mut self, chunk: &[u8]) {
        for b in chunk {
            self.byte(*b);
        }
        if self.shape.is_utf8 {
            self.partial.extend_from_slice(chunk);
            let rest = match std::str::from_utf8(&self.partial) {
                Ok(_) => self.partial.len(),
                Err(fault) => {
                    self.shape.is_utf8 = fault.error_len().is_none();
                    fault.valid_up_to()
                }
            };
            self.partial.drain(..rest);
        }
    }

    fn byte(&mut self, b: u8) {
        let shape = &mut self.shape;
        shape.has_8bit |= b >= 0x80;
        shape.has_nul |= b == 0;
        shape.has_control |= (b < b' ' && !matches!(b, b'\t' | b'\r' | b'\n')) || b == 0x7f;
        shape.has_bare_cr |= self.before == b'\r' && b != b'\n';
        if b == b'\n' {
            shape.has_bare_lf |= self.before != b'\r';
            self.line = 0;
        } else if b != b'\r' {
            if let Some(place) = self.head.get_mut(self.line) {
                *place = b;
            }
            self.line += 1;
            shape.longest = shape.longest.max(self.line);
            shape.is_fragile |= self.line == 5 && &self.head == b"From ";
        }
        shape.is_fragile |= matches!(b, b'\r' | b'\n') && matches!(self.before, b' ' | b'\t');
        self.before = b;
    }

    fn finish(mut self) -> Shape {
        self.shape.has_bare_cr |= self.before == b'\r';
        self.shape.is_utf8 &= self.partial.is_empty();
        self.shape
    }
}

fn read_some<'a>(from: &mut impl Read, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

/// An error of the side that is read from, told apart from one of the side that is written to.
#[derive(Debug)]
pub(crate) enum Copying {
    Reading(io::Error),
    Writing(io::Error),
}

/// Writes all of `from` as base64 lines.
pub(crate) fn base64(mut from: impl Read, to: &mut dyn Write) -> Result<(), Copying> {
    let mut buffer = vec![0; CHUNK];
    let mut encoded = String::with_capacity(CHUNK / 57 * (ENCODED_MAX + 2));
    loop {
        let chunk = read_some(&mut from, &mut buffer).map_err(Copying::Reading)?;
        if chunk.is_empty() {
            return Ok(());
        }
        encoded.clear();
        for line in chunk.chunks(57) {
            STANDARD.encode_string(line, &mut encoded);
            encoded.push_str("\r\n");
        }
        to.write_all(encoded.as_bytes()).map_err(Copying::Writing)?;
    }
}

/// Writes all of `from` as it is, bare line feeds as CRLF.
pub(crate) fn lines(mut from: impl Read, to: &mut dyn Write) -> Result<(), Copying> {
    let mut buffer = vec![0; CHUNK];
    let mut out = Vec::with_capacity(CHUNK + CHUNK / 20);
    let mut before = 0;
    loop {
        let chunk = read_some(&mut from, &mut buffer).map_err(Copying::Reading)?;
        if chunk.is_empty() {
            return Ok(());
        }
        out.clear();
        for b in chunk {
            if *b == b'\n' && before != b'\r' {
                out.push(b'\r');
            }
            out.push(*b);
            before = *b;
        }
        to.write_all(&out).map_err(Copying::Writing)?;
    }
}

/// Text with CRLF breaks as quoted-printable (RFC 2045 section 6.7).
pub(crate) fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    let text = text.strip_suffix("\r\n").unwrap_or(text);
    for line in text.split("\r\n") {
        let mut used = 0;
        let last = line.len().saturating_sub(1);
        for (at, b) in line.bytes().enumerate() {
            let is_plain =
                matches!(b, b'!'..=b'<' | b'>'..=b'~') || (matches!(b, b' ' | b'\t') && at < last);
            // A dot alone is the end of a message, and "From " the beginning of an mbox entry.
            let is_guarded =
                at == 0 && ((b == b'.' && line == ".") || (b == b'F' && line.starts_with("From ")));
            let width = if is_plain && !is_guarded { 1 } else { 3 };
            let room = ENCODED_MAX - usize::from(at < last);
            if used + width > room {
                out.push_str("=\r\n");
                used = 0;
            }
            if width == 1 {
                out.push(char::from(b));
            } else {
                out.extend(["=", hex(b >> 4), hex(b & 15)]);
            }
            used += width;
        }
        out.push_str("\r\n");
    }
    out
}

fn hex(digit: u8) -> &'static str {
    const DIGITS: &str = "0123456789ABCDEF";
    let at = usize::from(digit);
    DIGITS.get(at..=at).unwrap_or("0")
}

/// Counts what passes, and refuses what no mail may hold.
pub(crate) struct Strict<'a> {
    to: &'a mut dyn Write,
    pub(crate) size_bytes: u64,
    pub(crate) has_8bit: bool,
    line: usize,
    before: u8,
}

impl<'a> Strict<'a> {
    pub(crate) fn new(to: &'a mut dyn Write) -> Self {
        Self {
            to,
            size_bytes: 0,
            has_8bit: false,
            line: 0,
            before: 0,
        }
    }

    fn check(&mut self, bytes: &[u8]) -> io::Result<()> {
        let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why.to_owned()));
        for b in bytes {
            if (self.before == b'\r') != (*b == b'\n') {
                return refuse("has a line break that is not CRLF");
            }
            match b {
                0 => return refuse("has a NUL"),
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
            if self.line > LINE_MAX {
                return refuse("has a line of more than 998 bytes");
            }
            self.has_8bit |= *b >= 0x80;
            self.before = *b;
        }
        Ok(())
    }
}

impl Write for Strict<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check(bytes)?;
        self.to.write_all(bytes)?;
        self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::transfer;

    fn shape(bytes: &[u8]) -> Shape {
        Shape::of(bytes).unwrap()
    }

    #[test]
    fn what_bytes_need_is_seen() {
        let plain = shape(b"a\r\nb\r\n");
        assert!(plain.is_lines() && plain.is_utf8 && !plain.has_8bit && !plain.has_bare_lf);
        assert!(shape(b"a\nb").has_bare_lf && shape(b"a\nb").is_lines());
        assert!(shape(b"a\rb").has_bare_cr && shape(b"a\r").has_bare_cr);
        assert!(!shape(b"a\0b").is_lines() && shape(b"a\x1bb").has_control);
        assert!(shape("ä".as_bytes()).has_8bit && shape("ä".as_bytes()).is_utf8);
        assert!(!shape(b"\xe4x").is_utf8 && !shape(b"\xc3").is_utf8);
        assert!(shape(b"a \r\n").is_fragile && shape(b"x\r\nFrom y").is_fragile);
        assert!(!shape(b"xFrom y").is_fragile);
        assert!(shape(&[b'x'; 998]).is_lines() && !shape(&[b'x'; 999]).is_lines());
    }

    #[test]
    fn a_character_over_two_chunks_is_no_fault() {
        let mut text = vec![b'x'; CHUNK - 1];
        text.extend("ä\nü".as_bytes());
        assert!(shape(&text).is_utf8);
    }

    #[test]
    fn only_what_every_server_must_take_passes() {
        let try_all = |pieces: &[&[u8]]| {
            let mut out = Vec::new();
            let mut strict = Strict::new(&mut out);
            pieces.iter().try_for_each(|p| strict.write_all(p)).is_ok()
        };
        assert!(try_all(&[b"a\r\n", b"b\r", b"\nc"]));
        assert!(try_all(&[&[b'x'; 998], b"\r\n"]));
        for bad in [
            &b"a\nb"[..],
            b"a\rb",
            b"\r\r\n",
            b"\n",
            b"a\0",
            &[b'x'; 999],
        ] {
            assert!(!try_all(&[bad]), "{bad:?}");
        }
        assert!(!try_all(&[b"a\r", b"b"]));
    }

    #[test]
    fn lines_of_either_kind_go_out_with_crlf() {
        let mut out = Vec::new();
        lines(&b"a\nb\r\n\nc"[..], &mut out).unwrap();
        assert_eq!(out, b"a\r\nb\r\n\r\nc");
    }

    proptest::proptest! {
        #[test]
        fn quoted_printable_reads_back_and_stays_narrow(text in "([ -~\tüß漢=\u{1b}]{0,120}\r\n){0,5}") {
            let encoded = quoted_printable(&text);
            for line in encoded.split("\r\n") {
                proptest::prop_assert!(line.len() <= ENCODED_MAX && line.is_ascii());
                proptest::prop_assert!(!line.ends_with([' ', '\t']) && line != "." && !line.starts_with("From "));
            }
            let back = transfer::decode("quoted-printable", encoded.as_bytes());
            let wanted = if text.is_empty() { "\r\n" } else { &text };
            proptest::prop_assert_eq!(String::from_utf8_lossy(&back), wanted);
        }

        #[test]
        fn base64_reads_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..500)) {
            let mut out = Vec::new();
            base64(&bytes[..], &mut out).unwrap();
            proptest::prop_assert_eq!(transfer::decode("base64", &out), bytes);
        }
    }
}
