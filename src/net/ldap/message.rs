//! Messages of LDAP: those that we send, and those that may come back (RFC 4511 section 4).
//!
//! Used by `session`. What comes back is taken for what it is only after all of it was looked at.

use super::ber::{
    BOOLEAN, ENUMERATED, Elements, INTEGER, OCTETS, SEQUENCE, SET, broken, element, number,
};
use crate::net::error::{Result, quoted};

/// The name of StartTLS (RFC 4511 section 4.14).
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// More values of one attribute are not looked at.
const VALUES_MAX: usize = 20;
/// A longer value is none of a person's.
const VALUE_BYTES_MAX: usize = 1000;

fn message(id: u32, operation: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&number(INTEGER, id), operation].concat())
}

/// Signing in with a name and a password (section 4.2).
pub(super) fn bind(id: u32, name: &str, password: &str) -> Vec<u8> {
    let content = [
        number(INTEGER, 3),
        element(OCTETS, name.as_bytes()),
        element(0x80, password.as_bytes()),
    ];
    message(id, &element(0x60, &content.concat()))
}

/// Which entries are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The base alone.
    Base = 0,
    /// All below it.
    Subtree = 2,
}

/// What to look for.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) scope: Scope,
    /// As `filter` writes it.
    pub(super) filter: &'a [u8],
    pub(super) entries_max: u32,
    pub(super) seconds_max: u32,
    pub(super) attributes: &'a [&'a str],
}

/// A search (section 4.5.1); aliases are followed only when the base is found.
pub(super) fn search(id: u32, search: &Search<'_>) -> Vec<u8> {
    let scope = match search.scope {
        Scope::Base => 0,
        Scope::Subtree => 2,
    };
    let names = search.attributes.iter();
    let names: Vec<Vec<u8>> = names.map(|a| element(OCTETS, a.as_bytes())).collect();
    let content = [
        element(OCTETS, search.base.as_bytes()),
        number(ENUMERATED, scope),
        number(ENUMERATED, 2),
        number(INTEGER, search.entries_max),
        number(INTEGER, search.seconds_max),
        element(BOOLEAN, &[0]),
        search.filter.to_vec(),
        element(SEQUENCE, &names.concat()),
    ];
    message(id, &element(0x63, &content.concat()))
}

/// The wish for TLS.
pub(super) fn start_tls(id: u32) -> Vec<u8> {
    message(id, &element(0x77, &element(0x80, START_TLS)))
}

/// The farewell.
pub(super) fn unbind(id: u32) -> Vec<u8> {
    message(id, &element(0x42, &[]))
}

/// How an operation ended (section 4.1.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: u32,
    /// The server's words, bounded.
    pub(super) said: String,
}

/// An entry: names of attributes in lower case, and their values that are text.
pub(super) type Entry = Vec<(String, Vec<String>)>;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Bound(Outcome),
    Entry(Entry),
    /// To another server: not followed.
    Reference,
    Done(Outcome),
    Extended(Outcome),
}

/// Reads the content of a message: its id and what it says. An answer without being asked has id 0.
pub(super) fn read(content: &[u8]) -> Result<(u32, Answer)> {
    let mut parts = Elements(content);
    let id = parts.number(INTEGER)?;
    let (tag, content) = parts.next()?.ok_or_else(broken)?;
    let answer = match tag {
        0x61 => Answer::Bound(outcome(content)?),
        0x64 => Answer::Entry(entry(content)?),
        0x65 => Answer::Done(outcome(content)?),
        0x73 => Answer::Reference,
        0x78 => Answer::Extended(outcome(content)?),
        _ => return Err(broken()),
    };
    Ok((id, answer))
}

fn outcome(content: &[u8]) -> Result<Outcome> {
    let mut parts = Elements(content);
    let code = parts.number(ENUMERATED)?;
    let _matched = parts.want(OCTETS)?;
    let said = String::from_utf8_lossy(parts.want(OCTETS)?);
    Ok(Outcome {
        code,
        said: quoted(&said),
    })
}

fn entry(content: &[u8]) -> Result<Entry> {
    let mut parts = Elements(content);
    let _name = parts.want(OCTETS)?;
    let mut attributes = Elements(parts.want(SEQUENCE)?);
    let mut entry = Entry::new();
    while let Some((tag, attribute)) = attributes.next()? {
        if tag != SEQUENCE {
            return Err(broken());
        }
        let mut attribute = Elements(attribute);
        let name = String::from_utf8_lossy(attribute.want(OCTETS)?).to_ascii_lowercase();
        // `cn;lang-de` is a `cn` too.
        let name = name.split(';').next().unwrap_or_default().to_owned();
        let mut set = Elements(attribute.want(SET)?);
        let mut values = Vec::new();
        while let Some((tag, value)) = set.next()? {
            if tag != OCTETS {
                return Err(broken());
            }
            if let Ok(text) = std::str::from_utf8(value)
                && values.len() < VALUES_MAX
                && text.len() <= VALUE_BYTES_MAX
            {
                values.push(text.to_owned());
            }
        }
        entry.push((name, values));
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_the_standard_has_them() {
        assert_eq!(
            bind(1, "cn=a", "pw"),
            b"\x30\x12\x02\x01\x01\x60\x0d\x02\x01\x03\x04\x04cn=a\x80\x02pw"
        );
        assert_eq!(unbind(3), b"\x30\x05\x02\x01\x03\x42\x00");
        assert_eq!(
            start_tls(1),
            b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
        );
    }

    #[test]
    fn no_answer_however_broken_is_more_than_an_error() {
        let entry = element(
            0x64,
            &[
                element(OCTETS, b"cn=a"),
                element(
                    SEQUENCE,
                    &element(
                        SEQUENCE,
                        &[
                            element(OCTETS, b"MAIL;x-y"),
                            element(SET, &element(OCTETS, b"a@example.org")),
                        ]
                        .concat(),
                    ),
                ),
            ]
            .concat(),
        );
        let whole = [number(INTEGER, 2), entry].concat();
        let expected = vec![("mail".to_owned(), vec!["a@example.org".to_owned()])];
        assert_eq!(read(&whole).unwrap(), (2, Answer::Entry(expected)));
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x30, 0x7f, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                drop(read(&broken));
            }
        }
    }
}
