//! Encoded words of RFC 2047 and raw 8-bit bytes in header values.
//!
//! Called by `net` for every envelope and by `headers` for every field. Must take linear time
//! whatever the bytes are, and must never treat what it decoded as syntax again.

use super::charset;
use super::transfer::{Base64, hex};

/// Where the encoded word that begins at `start` ends, if one does.
pub(crate) fn word_end(raw: &[u8], start: usize) -> Option<usize> {
    if raw.get(start..start + 2) != Some(b"=?") {
        return None;
    }
    word_at(raw, start).ok().map(|word| word.end)
}

/// Decodes the encoded words of RFC 2047 in a header value; raw 8-bit bytes are guessed at.
///
/// Neighbouring words of one charset are joined as bytes first, so that a character split between
/// them survives. What is not quite an encoded word stays as written.
#[must_use]
pub fn decode_words(raw: &[u8]) -> String {
    // Folded without a branch so that the compiler can look at many bytes at once: this is what
    // nearly every one of the hundred thousand calls of a first synchronisation comes to.
    let is_odd = raw.iter().fold(false, |odd, b| {
        odd | (*b < b' ') | (*b >= 0x7f) | (*b == b'=')
    });
    if !is_odd && let Ok(text) = std::str::from_utf8(raw) {
        return text.to_owned();
    }
    decode_slowly(&unfold(raw))
}

/// Takes line breaks out (RFC 5322 section 2.2.3); one that no blank follows becomes a blank.
pub(crate) fn unfold(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut was_break = false;
    for b in raw {
        if matches!(b, b'\r' | b'\n') {
            was_break = true;
            continue;
        }
        if was_break && !is_blank(*b) {
            out.push(b' ');
        }
        was_break = false;
        out.push(*b);
    }
    out
}

const fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

fn decode_slowly(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut run = Run::default();
    let mut literal_from = 0;
    let mut at = 0;
    while let Some(rest) = raw.get(at..) {
        let Some(found) = memchr::memmem::find(rest, b"=?") else {
            break;
        };
        let start = at + found;
        match word_at(raw, start) {
            Ok(word) => {
                let between = raw.get(literal_from..start).unwrap_or_default();
                let is_gap = between.iter().copied().all(is_blank);
                if !(is_gap && run.is_open) {
                    run.finish(&mut out);
                    out.push_str(&charset::guess(between));
                } else if !run.takes(&word) {
                    run.finish(&mut out);
                }
                run.add(&word);
                at = word.end;
                literal_from = word.end;
            }
            Err(next) => at = next,
        }
    }
    run.finish(&mut out);
    out.push_str(&charset::guess(raw.get(literal_from..).unwrap_or_default()));
    out
}

/// One encoded word as it stands in the value.
struct Word<'a> {
    charset: &'a [u8],
    is_base64: bool,
    text: &'a [u8],
    end: usize,
}

/// The word that begins with the `=?` at `start`, or where to look on. Never looks at a byte that
/// the next call looks at again, but for the few of the charset's name.
fn word_at(raw: &[u8], start: usize) -> Result<Word<'_>, usize> {
    const CHARSET_MAX: usize = 64;
    let from = start + 2;
    let head = raw.get(from..).unwrap_or_default();
    let head = head.get(..CHARSET_MAX).unwrap_or(head);
    let charset_len = head
        .iter()
        .position(|b| *b == b'?' || !b.is_ascii_graphic())
        .ok_or(from)?;
    let charset = raw.get(from..from + charset_len).unwrap_or_default();
    let is_base64 = match raw.get(from + charset_len..from + charset_len + 3) {
        Some([b'?', b'B' | b'b', b'?']) => true,
        Some([b'?', b'Q' | b'q', b'?']) => false,
        _ => return Err(from),
    };
    if charset.is_empty() {
        return Err(from);
    }
    let text_from = from + charset_len + 3;
    let rest = raw.get(text_from..).unwrap_or_default();
    for mark in memchr::memchr_iter(b'?', rest) {
        if rest.get(mark + 1) == Some(&b'=') {
            let text = rest.get(..mark).unwrap_or_default();
            return Ok(Word {
                charset,
                is_base64,
                text,
                end: text_from + mark + 2,
            });
        }
        // Another word begins before this one ended: this one is broken.
        if mark > 0 && rest.get(mark - 1) == Some(&b'=') {
            return Err(text_from + mark - 1);
        }
    }
    // Not one of the words after this one can have an end either.
    Err(raw.len())
}

/// Neighbouring words of one charset, decoded to bytes.
#[derive(Default)]
struct Run {
    is_open: bool,
    charset: Vec<u8>,
    bytes: Vec<u8>,
    /// What base64 has over from the word before.
    base64: Base64,
}

impl Run {
    fn takes(&self, word: &Word<'_>) -> bool {
        self.charset.eq_ignore_ascii_case(word.charset)
    }

    fn add(&mut self, word: &Word<'_>) {
        if !self.is_open {
            self.is_open = true;
            self.charset = word.charset.to_vec();
        }
        if word.is_base64 {
            // Some writers cut the base64 stream itself instead of the text: digits left over go
            // on in the next word.
            self.base64.add(word.text, &mut self.bytes);
            self.base64.end_of_word();
        } else {
            self.base64 = Base64::default();
            add_quoted(word.text, &mut self.bytes);
        }
    }

    fn finish(&mut self, out: &mut String) {
        if self.is_open {
            out.push_str(&charset::decode(&self.charset, &self.bytes));
            *self = Self::default();
        }
    }
}

/// The Q encoding; a `=` that no two hexadecimal digits follow stays.
fn add_quoted(text: &[u8], out: &mut Vec<u8>) {
    let mut bytes = text.iter();
    while let Some(b) = bytes.next() {
        match (b, bytes.as_slice()) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    bytes.nth(1);
                }
                _ => out.push(b'='),
            },
            _ => out.push(*b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(raw: &str) -> String {
        decode_words(raw.as_bytes())
    }

    #[test]
    fn the_examples_of_rfc_2047_are_read() {
        for (raw, text) in [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
            ("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"),
            (
                "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",
                "Keld Jørn Simonsen",
            ),
            ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
            ("=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ"),
            ("=?us-ascii*en?q?hi?=", "hi"),
        ] {
            assert_eq!(d(raw), text, "{raw}");
        }
    }

    #[test]
    fn a_character_split_over_two_words_survives() {
        assert_eq!(d("=?utf-8?Q?=C3?= =?UTF-8?Q?=A4?="), "ä");
        assert_eq!(d("=?utf-8?B?w6TD?= =?utf-8?B?tg==?="), "äö");
        assert_eq!(d("=?utf-8?B?w6TD?= =?utf-8?Q?=B6?="), "äö");
        // The base64 stream itself cut after five digits.
        assert_eq!(d("=?utf-8?B?w6TDt?=\r\n =?utf-8?B?g==?="), "äö");
        // Each word begins and ends with an escape of its own.
        assert_eq!(
            d("=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?= =?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?="),
            "テストテスト"
        );
        // Padding forgotten, both words whole.
        assert_eq!(d("=?utf-8?B?YQ?= =?utf-8?B?Yg?="), "ab");
    }

    #[test]
    fn raw_bytes_are_guessed_at() {
        assert_eq!(decode_words("Grüße".as_bytes()), "Grüße");
        assert_eq!(decode_words(b"Gr\xfc\xdfe"), "Grüße");
        assert_eq!(decode_words(b"Gr\xfc\xdfe =?utf-8?Q?=C3=BC?="), "Grüße ü");
    }

    #[test]
    fn what_is_not_a_word_stays_as_written() {
        for raw in [
            "a = b",
            "=?utf-8?Q?open",
            "=?utf-8?X?abc?=",
            "=??Q?abc?=",
            "=?utf-8?Q",
            "=?",
            "1 =? 2 ?= 3",
        ] {
            assert_eq!(d(raw), raw);
        }
        assert_eq!(d("=?utf-8?Q?open =?utf-8?Q?b?="), "=?utf-8?Q?open b");
        assert_eq!(d("=?utf-8?Q?a=ZZ=4?="), "a=ZZ=4");
        assert_eq!(d("x=?utf-8?Q?a b?=y"), "xa by");
        assert_eq!(d("=?utf-8?Q??="), "");
    }

    #[test]
    fn an_unknown_charset_is_read_as_well_as_it_can_be() {
        assert_eq!(d("=?martian?Q?gr=C3=BC=C3=9F?="), "grüß");
        assert_eq!(d("=?martian?Q?gr=FC=DF?="), "grüß");
    }

    #[test]
    fn folds_become_single_blanks_and_nothing_else_changes() {
        assert_eq!(d("a\r\n b"), "a b");
        assert_eq!(d("a\n\tb"), "a\tb");
        assert_eq!(d("a\r\nb"), "a b");
        assert_eq!(d("plain ascii, as always"), "plain ascii, as always");
    }

    #[test]
    fn a_flood_of_broken_beginnings_looks_at_each_byte_few_times() {
        // Counts the steps instead of the time: each failed word must move on.
        for flood in ["=?utf-8?Q?", "=?", "=?a?Q?=", "=?utf-8?B?=?"] {
            let raw = flood.repeat(20_000);
            let (mut at, mut steps) = (0, 0usize);
            while let Some(found) = memchr::memmem::find(&raw.as_bytes()[at..], b"=?") {
                let start = at + found;
                at = match word_at(raw.as_bytes(), start) {
                    Ok(word) => word.end,
                    Err(next) => next,
                };
                assert!(at > start);
                steps += 1;
            }
            assert!(steps <= raw.len());
            assert!(decode_words(raw.as_bytes()).len() <= raw.len());
        }
    }
}
