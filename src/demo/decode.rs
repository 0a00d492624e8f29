//! Small decoders that the peer needs for itself: modified UTF-7, encoded words, transfer encodings.
//!
//! Called by the IMAP sessions (names, SEARCH, PREVIEW) and by the sample mail's tests. They must
//! never fail: what cannot be decoded is given back as it was, except for names.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};

const UTF7: GeneralPurpose = GeneralPurpose::new(&alphabet::IMAP_MUTF7, NO_PAD);
/// Base64 as mail has it.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PAD);
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A mailbox name from its wire form (RFC 3501 §5.1.3); nothing where it is not well formed.
pub(crate) fn from_utf7(wire: &[u8]) -> Option<String> {
    let wire = std::str::from_utf8(wire).ok().filter(|w| w.is_ascii())?;
    let mut name = String::new();
    let mut pieces = wire.split('&');
    name.push_str(pieces.next()?);
    for piece in pieces {
        let (shifted, plain) = piece.split_once('-')?;
        if shifted.is_empty() {
            name.push('&');
        } else {
            let bytes = UTF7.decode(shifted).ok()?;
            let (pairs, odd) = bytes.as_chunks::<2>();
            if !odd.is_empty() {
                return None;
            }
            let units: Vec<u16> = pairs.iter().map(|p| u16::from_be_bytes(*p)).collect();
            name.push_str(&String::from_utf16(&units).ok()?);
        }
        name.push_str(plain);
    }
    // A name that could be written in another way is a mistake of the sender.
    (to_utf7(&name) == wire).then_some(name)
}

/// The wire form of a mailbox name.
pub(crate) fn to_utf7(name: &str) -> String {
    let mut wire = String::new();
    let mut shifted = String::new();
    for c in name.chars() {
        if !matches!(c, ' '..='~') {
            shifted.push(c);
            continue;
        }
        flush_utf7(&mut wire, &mut shifted);
        wire.push(c);
        if c == '&' {
            wire.push('-');
        }
    }
    flush_utf7(&mut wire, &mut shifted);
    wire
}

fn flush_utf7(wire: &mut String, shifted: &mut String) {
    if !shifted.is_empty() {
        let bytes: Vec<u8> = shifted.encode_utf16().flat_map(u16::to_be_bytes).collect();
        wire.push('&');
        wire.push_str(&UTF7.encode(bytes));
        wire.push('-');
        shifted.clear();
    }
}

/// Text from bytes of a named charset; unknown ones are taken for UTF-8.
pub(crate) fn from_charset(charset: &str, bytes: &[u8]) -> String {
    let encoding = encoding_rs::Encoding::for_label(charset.as_bytes());
    let (text, _, _) = encoding.unwrap_or(encoding_rs::UTF_8).decode(bytes);
    text.into_owned()
}

/// Undoes a Content-Transfer-Encoding.
pub(crate) fn from_transfer(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding.to_ascii_lowercase().as_str() {
        "base64" => {
            let solid: Vec<u8> = bytes
                .iter()
                .copied()
                .filter(|b| !b.is_ascii_whitespace())
                .collect();
            LENIENT.decode(&solid).unwrap_or_else(|_| bytes.to_vec())
        }
        "quoted-printable" => from_quoted_printable(bytes),
        _ => bytes.to_vec(),
    }
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(high)? * 16 + digit(low)?)
}

fn from_quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'=' {
            if let [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] = tail {
                rest = after;
                continue;
            }
            if let [high, low, after @ ..] = tail
                && let Some(byte) = hex_pair(*high, *low)
            {
                out.push(byte);
                rest = after;
                continue;
            }
        }
        out.push(*first);
    }
    out
}

/// A header value with its encoded words (RFC 2047) decoded; raw 8-bit is taken for UTF-8.
pub(crate) fn header_text(value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let mut text = String::new();
    let mut rest = value.as_ref();
    let mut is_after_word = false;
    while let Some((before, tail)) = rest.split_once("=?") {
        let Some((word, after)) = encoded_word(tail) else {
            text.push_str(before);
            text.push_str("=?");
            rest = tail;
            is_after_word = false;
            continue;
        };
        if !(is_after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&word);
        rest = after;
        is_after_word = true;
    }
    text.push_str(rest);
    text
}

fn encoded_word(tail: &str) -> Option<(String, &str)> {
    let (charset, tail) = tail.split_once('?')?;
    let (encoding, tail) = tail.split_once('?')?;
    let (data, after) = tail.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => LENIENT.decode(data).ok()?,
        "Q" | "q" => from_quoted_printable(data.replace('_', " ").as_bytes()),
        _ => return None,
    };
    Some((from_charset(charset, &bytes), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_names_survive_the_way_over_the_wire() {
        for (name, wire) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("Q&A", "Q&-A"),
            ("日本語/台北", "&ZeVnLIqe-/&U,BTFw-"),
            ("🎻", "&2Dzfuw-"),
        ] {
            assert_eq!(to_utf7(name), wire);
            assert_eq!(from_utf7(wire.as_bytes()).as_deref(), Some(name));
        }
        for wire in ["Entwürfe", "a&", "&AGE-", "a&A-", "&!!-"] {
            assert_eq!(from_utf7(wire.as_bytes()), None, "{wire}");
        }
    }

    #[test]
    fn encoded_words_join_and_the_rest_stays() {
        let value = b"=?utf-8?Q?Gr=C3=BC=C3=9Fe_?= =?iso-8859-1?B?YXVzIEv2bG4=?= =?x? 2 =? 3";
        assert_eq!(header_text(value), "Grüße aus Köln =?x? 2 =? 3");
    }

    #[test]
    fn transfer_encodings_are_undone() {
        let text = from_transfer("Quoted-Printable", b"caf=C3=A9 =\r\nau lait =3D 1=");
        assert_eq!(text, "café au lait = 1=".as_bytes());
        assert_eq!(from_transfer("base64", b"aGVs\r\nbG8=\r\n"), b"hello");
    }
}
