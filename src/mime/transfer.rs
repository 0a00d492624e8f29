//! Content-Transfer-Encodings of RFC 2045 section 6, undone as far as the bytes allow.
//!
//! Called by `tree` and `words`. Must never give up on a fault: what is no digit is passed over,
//! what is no escape stays as written, and all the rest is decoded.

use mail_parser::decoders::base64::base64_decode;

/// Undoes `encoding` (lower case, as [`crate::model::Part::encoding`]).
pub(crate) fn decode(encoding: &str, body: &[u8]) -> Vec<u8> {
    match encoding {
        // The strict decoder is the fast one; most mail is faultless.
        "base64" => match base64_decode(body) {
            Some(bytes) if !has_inner_padding(body) => bytes,
            _ => {
                let mut out = Vec::with_capacity(body.len() / 4 * 3);
                Base64::default().add(body, &mut out);
                out
            }
        },
        "quoted-printable" => {
            let mut out = Vec::with_capacity(body.len());
            let mut decoder = Quoted::default();
            decoder.add(body, &mut out);
            decoder.end(&mut out);
            out
        }
        "x-uuencode" | "uuencode" | "x-uue" | "uue" => super::uu::decode(body),
        _ => body.to_vec(),
    }
}

/// The size after decoding, reckoned from the size before it: lines of 76 digits and a break.
pub(crate) fn decoded_size(encoding: &str, size_bytes: u64) -> u64 {
    match encoding {
        "base64" => size_bytes / 78 * 57 + size_bytes % 78 * 3 / 4,
        _ => size_bytes,
    }
}

/// Undoes an encoding piece by piece, as the pieces arrive.
#[derive(Debug)]
pub struct Decoder(Undoing);

#[derive(Debug)]
enum Undoing {
    Base64(Base64),
    Quoted(Quoted),
    /// Nothing is to be undone.
    Plain,
    /// Uuencoded: held to the end, since the file in it must be found. Nobody writes such any more.
    Held(String, Vec<u8>),
}

impl Decoder {
    /// For an encoding as [`crate::model::Part::encoding`] has it.
    #[must_use]
    pub fn new(encoding: &str) -> Self {
        Self(match encoding {
            "base64" => Undoing::Base64(Base64::default()),
            "quoted-printable" => Undoing::Quoted(Quoted::default()),
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => {
                Undoing::Held(encoding.to_owned(), Vec::new())
            }
            _ => Undoing::Plain,
        })
    }

    /// What the next piece gives.
    pub fn add(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len());
        match &mut self.0 {
            Undoing::Base64(decoder) => decoder.add(piece, &mut out),
            Undoing::Quoted(decoder) => decoder.add(piece, &mut out),
            Undoing::Plain => out.extend_from_slice(piece),
            Undoing::Held(_, held) => held.extend_from_slice(piece),
        }
        out
    }

    /// What is left at the end.
    #[must_use]
    pub fn end(self) -> Vec<u8> {
        match self.0 {
            Undoing::Held(encoding, held) => decode(&encoding, &held),
            Undoing::Quoted(decoder) => {
                let mut out = Vec::new();
                decoder.end(&mut out);
                out
            }
            Undoing::Base64(_) | Undoing::Plain => Vec::new(),
        }
    }
}

/// Whether a second base64 text follows the padding of a first, as some writers glue them.
fn has_inner_padding(body: &[u8]) -> bool {
    let text = body.trim_ascii_end();
    let digits = text
        .iter()
        .rposition(|b| *b != b'=')
        .map_or(0, |last| last + 1);
    memchr::memchr(b'=', text.get(..digits).unwrap_or_default()).is_some()
}

/// A base64 decoder that can stop and go on anywhere.
#[derive(Debug, Default)]
pub(crate) struct Base64 {
    acc: u32,
    bits: u32,
    digits: usize,
}

impl Base64 {
    /// Decodes `text` and passes over whatever is no digit; padding begins anew.
    pub(crate) fn add(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for b in text {
            let Some(value) = digit(*b) else {
                if *b == b'=' {
                    *self = Self::default();
                }
                continue;
            };
            self.acc = (self.acc << 6 | value) & 0xffff;
            self.bits += 6;
            self.digits += 1;
            if self.bits >= 8 {
                self.bits -= 8;
                out.extend((self.acc >> self.bits).to_le_bytes().first());
            }
        }
    }

    /// Forgets what is left over, if it is no more than a forgotten padding leaves.
    pub(crate) fn end_of_word(&mut self) {
        if self.digits % 4 != 1 && self.acc & ((1 << self.bits) - 1) == 0 {
            *self = Self::default();
        }
    }
}

fn digit(b: u8) -> Option<u32> {
    Some(u32::from(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(b: u8) -> Option<u8> {
    char::from(b)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

/// A quoted-printable decoder that can stop and go on anywhere.
#[derive(Debug, Default)]
struct Quoted {
    /// The beginning of a line whose end did not come yet: blanks there may be nobody's.
    line: Vec<u8>,
}

impl Quoted {
    /// A longer line is decoded before its end comes; RFC 2045 allows 76.
    const LINE_MAX: usize = 64 * 1024;

    fn add(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for piece in text.split_inclusive(|b| *b == b'\n') {
            if self.line.is_empty() && piece.ends_with(b"\n") {
                quoted_line(piece, out);
                continue;
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                quoted_line(&std::mem::take(&mut self.line), out);
            } else if self.line.len() > Self::LINE_MAX {
                self.shorten(out);
            }
        }
    }

    /// Decodes what is held, up to what may become something else with the bytes that come.
    fn shorten(&mut self, out: &mut Vec<u8>) {
        let is_settled = |bytes: &[u8]| match bytes {
            [a, b, c] => ![a, b, c].contains(&&b'=') && !c.is_ascii_whitespace(),
            _ => false,
        };
        let Some(at) = self.line.windows(3).rposition(is_settled) else {
            return;
        };
        let rest = self.line.split_off(at + 3);
        unescape(&std::mem::replace(&mut self.line, rest), out);
    }

    fn end(self, out: &mut Vec<u8>) {
        quoted_line(&self.line, out);
    }
}

fn quoted_line(line: &[u8], out: &mut Vec<u8>) {
    // Blanks before a break are never the writer's.
    let text = line.trim_ascii_end();
    if let Some(text) = text.strip_suffix(b"=") {
        unescape(text, out);
    } else if line.ends_with(b"\n") {
        unescape(text, out);
        let from = line.len() - if line.ends_with(b"\r\n") { 2 } else { 1 };
        out.extend_from_slice(line.get(from..).unwrap_or_default());
    } else {
        unescape(line, out);
    }
}

fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let byte = match escape {
            [_, high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        let used = match byte {
            Some((high, low)) => {
                out.push(high << 4 | low);
                3
            }
            None => {
                out.push(b'=');
                1
            }
        };
        rest = escape.get(used..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_breaks_faults_and_glued_texts() {
        for (text, bytes) in [
            ("aGVsbG8=", "hello"),
            ("aGVs\r\nbG8=\r\n", "hello"),
            ("aGVs bG8", "hello"),
            ("aG!Vs*bG8=", "hello"),
            ("aGVsbG8=aGVsbG8=", "hellohello"),
            ("aGVsbG8=\r\naGVsbG8=", "hellohello"),
            ("aGVsbG8=====", "hello"),
            ("aGVsb", "hel"),
            ("", ""),
        ] {
            assert_eq!(
                decode("base64", text.as_bytes()),
                bytes.as_bytes(),
                "{text}"
            );
        }
    }

    #[test]
    fn quoted_printable_keeps_what_is_no_escape() {
        for (text, bytes) in [
            ("a=3Db", "a=b"),
            ("a=\r\nb", "ab"),
            ("a=  \nb", "ab"),
            ("a  \r\nb", "a\r\nb"),
            ("a=3d=zz=4", "a==zz=4"),
            ("50% = half\nb", "50% = half\nb"),
            ("end=", "end"),
        ] {
            let got = decode("quoted-printable", text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&got), bytes, "{text}");
        }
    }

    #[test]
    fn uuencoded_bytes_come_out_whole() {
        let text = b"junk\nbegin 644 cat.txt\n#0V%T\n`\nend\nmore\n";
        assert_eq!(decode("x-uuencode", text), b"Cat");
    }

    #[test]
    fn unknown_and_plain_encodings_change_nothing() {
        for encoding in ["", "7bit", "8bit", "binary", "x-martian"] {
            assert_eq!(decode(encoding, b"a=3D\xff\0"), b"a=3D\xff\0");
        }
    }

    fn in_pieces(encoding: &str, body: &[u8], size: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for piece in body.chunks(size) {
            out.extend(decoder.add(piece));
        }
        out.extend(decoder.end());
        out
    }

    proptest::proptest! {
        #[test]
        fn what_arrives_in_pieces_comes_out_as_the_whole_does(
            body in "([A-Za-z0-9+/]{4}){0,6}(=\r\n|=[0-9A-F]{2}| {1,3}\r?\n|[=! \t\r\n\u{c}zé+/-]{1,4}|begin 644 x\n#0V%T\n`\nend\n){0,6}([A-Za-z0-9=]{0,9})",
        ) {
            let body = body.as_bytes();
            for encoding in ["base64", "quoted-printable", "x-uuencode", "8bit"] {
                let whole = decode(encoding, body);
                for size in 1..=body.len().max(1) {
                    let got = in_pieces(encoding, body, size);
                    proptest::prop_assert_eq!(&got, &whole, "{} {}", encoding, size);
                }
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_held_and_comes_out_as_the_whole_does() {
        let body = "=C3=BC= =zz  x==41".repeat(20_000);
        let whole = decode("quoted-printable", body.as_bytes());
        let mut decoder = Quoted::default();
        let mut out = Vec::new();
        for piece in body.as_bytes().chunks(1_000) {
            decoder.add(piece, &mut out);
            assert!(decoder.line.len() <= Quoted::LINE_MAX + 1_000);
        }
        decoder.end(&mut out);
        assert!(out == whole);
    }

    #[test]
    fn the_size_of_a_decoded_part_is_reckoned_closely() {
        let whole = 1_000_000u64;
        let encoded = whole.div_ceil(57) * 78;
        let reckoned = decoded_size("base64", encoded);
        assert!(reckoned.abs_diff(whole) < 100, "{reckoned}");
    }
}
