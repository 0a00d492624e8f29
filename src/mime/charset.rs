//! Bytes in a named, missing or wrong charset to text.
//!
//! Called by `words` (headers) and `render` (bodies). Must never fail or lose bytes silently: what
//! cannot be read becomes U+FFFD, and a label nobody knows leads to a guess.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, ISO_2022_JP, REPLACEMENT, UTF_8};

/// Longer labels are no labels.
const LABEL_MAX: usize = 64;
/// So many bytes of a text tell what it is written in.
const SAMPLE_BYTES: usize = 32 * 1024;

/// Decodes `bytes` by `label` as written in a mail; an empty, unknown or plainly wrong label is
/// answered by [`guess`].
pub(crate) fn decode(label: &[u8], bytes: &[u8]) -> String {
    let label = clean_label(label);
    if says_nothing(&label) {
        return guess(bytes);
    }
    if let Some(encoding) = known(&label) {
        if encoding == UTF_8 {
            return utf8_or_guess(bytes);
        }
        if encoding == ISO_2022_JP {
            return japanese(bytes);
        }
        if encoding != REPLACEMENT {
            return encoding.decode(bytes).0.into_owned();
        }
    }
    // The few that WHATWG leaves out: UTF-7, IBM850 and their kind.
    match mail_parser::decoders::charsets::map::charset_decoder(&label) {
        Some(decoder) => decoder(bytes),
        None => guess(bytes),
    }
}

/// Decodes bytes of which nothing is known: UTF-8 where they are, Japanese where its escapes are,
/// else what the letters and their neighbours speak for.
pub(crate) fn guess(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !has_japanese_escape(bytes) => text.to_owned(),
        Ok(_) => ISO_2022_JP
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
        Err(_) => utf8_or_guess(bytes),
    }
}

/// What is said to be UTF-8 and mostly is, is read as such with marks at its faults; where more of its
/// characters are none, the label lied.
fn utf8_or_guess(bytes: &[u8]) -> String {
    // The usual case, and the quickest to tell.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.trim_start_matches('\u{feff}').to_owned();
    }
    let text = String::from_utf8_lossy(bytes);
    let faults = text.chars().filter(|c| *c == '\u{fffd}').count();
    let right = text.chars().filter(|c| !c.is_ascii()).count() - faults;
    if right >= faults {
        return text.trim_start_matches('\u{feff}').to_owned();
    }
    let encoding = likeliest(bytes);
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// The charset that bytes which are not UTF-8 are most likely written in.
fn likeliest(bytes: &[u8]) -> &'static Encoding {
    // What is ASCII says nothing, but for the word that the first other letter stands in.
    let first = bytes.iter().position(|b| !b.is_ascii()).unwrap_or(0);
    let rest = bytes.get(first.saturating_sub(64)..).unwrap_or(bytes);
    let sample = rest.get(..SAMPLE_BYTES).unwrap_or(rest);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, sample.len() == rest.len());
    detector.guess(None, Utf8Detection::Deny)
}

/// ISO-2022-JP. Where encoded words were joined, one escape follows another; the decoder takes that
/// for an attack, so the first of two goes.
fn japanese(bytes: &[u8]) -> String {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((b, after)) = rest.split_first() {
        let is_doubled = *b == b'\x1b' && rest.get(3) == Some(&b'\x1b');
        rest = if is_doubled {
            rest.get(3..).unwrap_or_default()
        } else {
            after
        };
        if !is_doubled {
            clean.push(*b);
        }
    }
    ISO_2022_JP
        .decode_without_bom_handling(&clean)
        .0
        .into_owned()
}

fn has_japanese_escape(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"\x1b$").is_some()
}

/// Lower case, without quotes, blanks and the language of RFC 2231 section 5.
fn clean_label(label: &[u8]) -> Vec<u8> {
    label
        .iter()
        .take(LABEL_MAX)
        .take_while(|b| **b != b'*')
        .filter(|b| b.is_ascii_graphic() && **b != b'"' && **b != b'\'')
        .map(u8::to_ascii_lowercase)
        .collect()
}

/// Labels that stand for "whatever it may be".
fn says_nothing(label: &[u8]) -> bool {
    let text = std::str::from_utf8(label).unwrap_or("");
    matches!(
        text,
        "" | "us-ascii"
            | "ascii"
            | "ansi_x3.4-1968"
            | "unknown-8bit"
            | "unknown"
            | "x-unknown"
            | "default"
            | "default_charset"
            | "8bit"
            | "binary"
            | "utf8mb4"
            | "none"
            | "ansi"
    )
}

fn known(label: &[u8]) -> Option<&'static Encoding> {
    let alias: &[u8] = match label {
        b"cp932" | b"ms932" | b"windows-932" => b"shift_jis",
        b"cp936" | b"ms936" | b"windows-936" => b"gbk",
        b"cp949" | b"ms949" | b"windows-949" | b"uhc" => b"euc-kr",
        b"cp950" | b"ms950" | b"windows-950" => b"big5",
        b"iso-2022-jp-1" | b"iso-2022-jp-2" | b"iso-2022-jp-3" | b"iso-2022-jp-ms" | b"cp50220"
        | b"cp50221" => b"iso-2022-jp",
        b"iso-10646-ucs-2" | b"ucs-2" => b"utf-16be",
        _ => label,
    };
    Encoding::for_label(alias)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_as_mail_writes_them_are_known() {
        for (label, bytes, text) in [
            ("iso-8859-1", &b"\xe9\x80"[..], "é€"),
            ("ISO-8859-15*de", b"\xa4", "€"),
            ("\"KOI8-R\"", b"\xf0\xd2\xc9", "При"),
            ("gb2312", b"\xc4\xe3", "你"),
            ("cp949", b"\xbe\xc8", "안"),
            ("iso-2022-jp", b"\x1b$B%O\x1b(B", "ハ"),
            ("utf-7", b"+ZYc-", "文"),
            ("ibm850", b"\x9b", "ø"),
            ("utf-8", b"\xef\xbb\xbfa", "a"),
        ] {
            assert_eq!(decode(label.as_bytes(), bytes), text, "{label}");
        }
    }

    #[test]
    fn an_unknown_or_lying_label_leads_to_a_guess() {
        assert_eq!(decode(b"x-martian", "né".as_bytes()), "né");
        assert_eq!(decode(b"x-martian", b"n\xe9"), "né");
        assert_eq!(decode(b"us-ascii", "né".as_bytes()), "né");
        assert_eq!(decode(b"utf-8", b"n\xe9e"), "née");
        assert_eq!(decode(b"", b"\x1b$B%O\x1b(B"), "ハ");
    }

    #[test]
    fn what_has_no_label_is_read_by_its_letters() {
        for (label, text) in [
            ("windows-1252", "Schöne Grüße aus Köln, für alle"),
            ("windows-1252", "À bientôt, j’espère que ça t’a plu"),
            ("iso-8859-2", "Zażółć gęślą jaźń, dziękuję bardzo"),
            ("koi8-r", "Добрый день, посылаю вам договор"),
            ("windows-1251", "Добрый день, посылаю вам договор"),
            ("windows-1253", "Καλημέρα σας, σας στέλνω το αρχείο"),
            ("windows-1255", "שלום לכולם, מצורף הקובץ"),
            ("shift_jis", "お世話になっております。資料を送ります"),
            ("euc-jp", "お世話になっております。資料を送ります"),
            ("gbk", "您好，附件是合同，请查收。谢谢"),
            ("big5", "您好，附件是合約，請查收。謝謝"),
            ("euc-kr", "안녕하세요, 첨부 파일을 확인해 주세요"),
        ] {
            let encoding = Encoding::for_label(label.as_bytes()).unwrap();
            let bytes = encoding.encode(text).0;
            assert_eq!(guess(&bytes), text, "{label}");
            // A long text is known by its beginning, wherever that is cut.
            let long = bytes.repeat(SAMPLE_BYTES / bytes.len() + 2);
            assert!(guess(&long).starts_with(text), "{label}");
            let late = [&b"all of it in ASCII ".repeat(5000)[..], &bytes].concat();
            assert!(guess(&late).ends_with(text), "{label}");
        }
    }

    #[test]
    fn utf8_with_one_fault_stays_utf8() {
        assert_eq!(decode(b"utf-8", "né\u{0}".as_bytes()), "né\0");
        assert_eq!(decode(b"utf-8", b"n\xc3\xa9 \xc3"), "né \u{fffd}");
    }
}
