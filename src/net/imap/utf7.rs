//! Modified UTF-7, the wire form of mailbox names (RFC 3501 §5.1.3), both ways.
//!
//! Called where names meet the wire. A name that is not in that form must never be mistaken for one
//! that is: [`decode`] says so, and the caller remembers the wire form.

/// The name in UTF-8 if `wire` is what [`encode`] would make of it.
pub(super) fn decode(wire: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(wire).ok().filter(|t| t.is_ascii())?;
    if !text.contains('&') {
        return Some(text.to_owned());
    }
    let mut name = String::with_capacity(text.len());
    let mut pieces = text.split('&');
    name.push_str(pieces.next()?);
    for piece in pieces {
        let (coded, plain) = piece.split_once('-')?;
        if coded.is_empty() {
            name.push('&');
        } else {
            name.push_str(&String::from_utf16(&units(coded)?).ok()?);
        }
        name.push_str(plain);
    }
    // What has another wire form than the one it came in cannot be named by its decoded form.
    (encode(&name).as_bytes() == wire).then_some(name)
}

/// The wire form of a name.
pub(super) fn encode(name: &str) -> String {
    let mut wire = String::with_capacity(name.len());
    let mut run: Vec<u16> = Vec::new();
    for letter in name.chars() {
        if (' '..='~').contains(&letter) {
            close(&mut run, &mut wire);
            wire.push(letter);
            if letter == '&' {
                wire.push('-');
            }
        } else {
            let mut pair = [0; 2];
            run.extend_from_slice(letter.encode_utf16(&mut pair));
        }
    }
    close(&mut run, &mut wire);
    wire
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

fn close(run: &mut Vec<u16>, wire: &mut String) {
    if run.is_empty() {
        return;
    }
    wire.push('&');
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut put = |value: u32| {
        let letter = ALPHABET.get((value & 63) as usize).copied();
        wire.push(char::from(letter.unwrap_or(b'A')));
    };
    for unit in run.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            put(bits >> count);
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        put(bits << (6 - count));
    }
    wire.push('-');
}

fn units(coded: &str) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(coded.len() * 6 / 16);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in coded.bytes() {
        let value = ALPHABET.iter().position(|b| *b == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from((bits >> count) & 0xffff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_go_both_ways_as_the_standard_has_them() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("A&B", "A&-B"),
            ("😀", "&2D3eAA-"),
            ("a\tb", "a&AAk-b"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_no_such_name_is_not_taken_for_one() {
        for wire in [
            "A&B", "&", "&-&", "&Jjo!-", "&AGEAYg-", "&2D0-", "&U,BTFx-", "&AA-",
        ] {
            assert_eq!(decode(wire.as_bytes()), None, "{wire}");
        }
        assert_eq!(decode("ü".as_bytes()), None);
        assert_eq!(decode(b"\xff"), None);
    }

    proptest! {
        #[test]
        fn every_name_survives(name in any::<String>()) {
            let wire = encode(&name);
            prop_assert!(wire.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert_eq!(decode(wire.as_bytes()), Some(name));
        }
    }
}
