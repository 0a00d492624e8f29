//! BER as far as LDAP uses it (RFC 4511 section 5.1): definite lengths and tags of one byte.
//!
//! Used by `message` and `filter`. Nothing in here calls itself by what a server says, and a length
//! is believed only up to the bytes that are there.

use crate::net::error::{Error, Result};

/// BOOLEAN.
pub(super) const BOOLEAN: u8 = 0x01;
/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// OCTET STRING.
pub(super) const OCTETS: u8 = 0x04;
/// ENUMERATED.
pub(super) const ENUMERATED: u8 = 0x0a;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;

/// One element.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = Vec::with_capacity(len + 6);
    out.push(tag);
    match u8::try_from(len) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            // Longer than four bytes of length nothing is that we write.
            let bytes = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
            out.push(0x84);
            out.extend_from_slice(&bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A number that is not negative.
pub(super) fn number(tag: u8, value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take(3).take_while(|b| **b == 0).count();
    let mut content = bytes.get(zeros..).unwrap_or_default().to_vec();
    if content.first().is_some_and(|b| b & 0x80 != 0) {
        content.insert(0, 0);
    }
    element(tag, &content)
}

/// Takes elements from the front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Elements<'a> {
    /// The next element, its tag and content; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u8, &'a [u8])>> {
        let Some((tag, rest)) = self.0.split_first() else {
            return Ok(None);
        };
        if tag & 0x1f == 0x1f {
            return Err(broken());
        }
        let (len, rest) = length(rest)?.ok_or_else(broken)?;
        let (content, rest) = rest.split_at_checked(len).ok_or_else(broken)?;
        self.0 = rest;
        Ok(Some((*tag, content)))
    }

    /// The content of the next element, which must be of that kind.
    pub(super) fn want(&mut self, tag: u8) -> Result<&'a [u8]> {
        match self.next()? {
            Some((found, content)) if found == tag => Ok(content),
            _ => Err(broken()),
        }
    }

    /// The next number, of that kind.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32> {
        let content = self.want(tag)?;
        if content.is_empty() || content.len() > 5 {
            return Err(broken());
        }
        let value = content.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
        u32::try_from(value).map_err(|_| broken())
    }
}

/// A length and what follows it; `None` where more bytes are needed to know it.
pub(super) fn length(bytes: &[u8]) -> Result<Option<(usize, &[u8])>> {
    let Some((first, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    if first & 0x80 == 0 {
        return Ok(Some((usize::from(*first), rest)));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 8 {
        return Err(broken());
    }
    let Some((digits, rest)) = rest.split_at_checked(count) else {
        return Ok(None);
    };
    let value = digits.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    let value = usize::try_from(value).map_err(|_| broken())?;
    Ok(Some((value, rest)))
}

/// What is not BER, or not what belongs there.
pub(super) fn broken() -> Error {
    Error::protocol("The directory sent what is not LDAP.")
        .hint("Check the host and the port: ldaps:// is 636, ldap:// is 389.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for value in [0, 1, 127, 128, 255, 256, 65535, 8_388_608, u32::MAX] {
            let bytes = number(INTEGER, value);
            assert_eq!(Elements(&bytes).number(INTEGER).unwrap(), value);
        }
        for len in [0, 1, 127, 128, 70_000] {
            let bytes = element(OCTETS, &vec![7; len]);
            assert_eq!(Elements(&bytes).want(OCTETS).unwrap().len(), len);
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_and_an_endless_one_are_refused() {
        for bytes in [
            &[0x30, 0x05, 1][..],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0x1f, 0x81, 0x01, 0],
            &[0x30],
        ] {
            assert!(Elements(bytes).next().is_err(), "{bytes:?}");
        }
        assert!(Elements(&[]).next().unwrap().is_none());
    }
}
