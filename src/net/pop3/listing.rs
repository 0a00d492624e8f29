//! Answers of many lines: LIST and UIDL (RFC 1939 §5, §7), and CAPA for `open`.
//!
//! Called by `engine` at the start of each session. Never keeps more lines than a maildrop can have
//! messages, nor longer ones than an id can be.

use super::Session;
use super::link::bare;
use crate::net::error::{Class, Error, Result};

/// The most messages of a maildrop.
const MESSAGES_MAX: usize = 2_000_000;
/// The longest id that is taken. RFC 1939 §7 allows 70 bytes.
const ID_MAX: usize = 255;

/// A message of the maildrop, as LIST shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// Its number, good for this session only.
    pub number: u32,
    /// Its size in bytes, as the server says. Not all servers count right.
    pub size: u64,
}

impl Session {
    /// LIST: number and size of every message.
    ///
    /// # Errors
    /// When the server refuses, sends nonsense or more lines than can be, or the connection is lost.
    pub async fn list(&mut self) -> Result<Vec<Scan>> {
        self.done("LIST", "list the messages").await?;
        let mut found = Vec::new();
        self.listing(MESSAGES_MAX, |line| {
            let (number, rest) = numbered(line)?;
            let size = rest.split(u8::is_ascii_whitespace).next()?;
            let size = std::str::from_utf8(size).ok()?.parse().ok()?;
            found.push(Scan { number, size });
            Some(())
        })
        .await?;
        Ok(found)
    }

    /// UIDL: number and lasting id of every message; `None` where the server has no such ids.
    ///
    /// Ids are given as the server sends them, repeated or not, and in its order. A message whose id is
    /// none (empty, longer than 255 bytes, not text, with controls) is left out.
    ///
    /// # Errors
    /// When a server that has ids does not tell them now, sends nonsense or more lines than can be, or
    /// when the connection is lost.
    pub async fn uidl(&mut self) -> Result<Option<Vec<(u32, String)>>> {
        let reply = self.ask("UIDL").await?;
        if !reply.is_ok {
            let mut error = reply.refusal("tell the ids of the messages");
            if !self.offers.has_uidl && error.class == Class::Rejected {
                return Ok(None);
            }
            // Whoever took that for a server without ids would fetch all mail once more.
            error.class = Class::Transient;
            return Err(error);
        }
        let mut found = Vec::new();
        self.listing(MESSAGES_MAX, |line| {
            let (number, rest) = numbered(line)?;
            if let Some(id) = id(rest) {
                found.push((number, id));
            }
            Some(())
        })
        .await?;
        Ok(Some(found))
    }

    /// The lines behind a yes, up to the dot; `take` says whether a line makes sense.
    pub(super) async fn listing(
        &mut self,
        lines_max: usize,
        mut take: impl FnMut(&[u8]) -> Option<()> + Send,
    ) -> Result<()> {
        // What follows belongs to the answer.
        self.link.expect_more();
        for _ in 0..=lines_max {
            let length = self.link.line().await?;
            let line = bare(self.link.take(length));
            if line == b"." {
                self.link.got_all();
                return self.link.check_surplus();
            }
            let line = line.strip_prefix(b".").unwrap_or(line);
            if take(line).is_none() {
                return Err(self.link.over(Error::protocol(
                    "The server's list of messages holds a line that makes no sense.",
                )));
            }
        }
        Err(self.link.over(Error::protocol(format!(
            "The server sent a list of more than {lines_max} lines."
        ))))
    }
}

/// The number at the start of a line, and what follows the blanks behind it.
fn numbered(line: &[u8]) -> Option<(u32, &[u8])> {
    let end = line.iter().position(u8::is_ascii_whitespace);
    let (number, rest) = line.split_at_checked(end.unwrap_or(line.len()))?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    (number > 0).then_some((number, rest.trim_ascii()))
}

/// An id that can be kept. More is allowed than RFC 1939 §7 has, since servers take more.
fn id(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let is_id = (1..=ID_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    is_id.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ids_are_taken_and_those_that_are_none_are_not() {
        for good in ["whqtswO00WBw418f9t5JxYwZ", "a b", "ä", &"x".repeat(255)] {
            assert_eq!(id(good.as_bytes()).as_deref(), Some(good));
        }
        for bad in [
            &b""[..],
            b"a\x1b[2J",
            b"\xff",
            "\u{85}".as_bytes(),
            &[b'x'; 256],
        ] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_line_of_a_list_begins_with_a_number() {
        assert_eq!(numbered(b"1 120"), Some((1, &b"120"[..])));
        assert_eq!(numbered(b"7\t x y "), Some((7, &b"x y"[..])));
        assert_eq!(numbered(b"7"), Some((7, &b""[..])));
        for bad in [
            &b""[..],
            b"0 1",
            b" 1 1",
            b"x 1",
            b"-1 1",
            b"4294967296 1",
            b"1\xff 2",
        ] {
            assert_eq!(numbered(bad), None, "{bad:?}");
        }
    }
}
