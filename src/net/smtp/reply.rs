//! Replies of a server (RFC 5321 §4.2) and their status codes (RFC 3463), put together line by line.
//!
//! Called by `gate`, and by `starttls` for what is said in clear. A reply must never be taken for one
//! before its last line has come, nor lines of different codes for one reply.

use crate::net::error::{Error, Result, quoted};
use std::fmt;

/// Bytes of one line of a reply. RFC 5321 §4.5.3.1.5 says 512; servers that explain say more.
pub(super) const LINE_MAX: usize = 8 * 1024;
/// Lines of one reply.
const LINES_MAX: usize = 100;
/// Bytes of one reply.
const REPLY_MAX: usize = 64 * 1024;

/// What a server answered. The text is bounded but not made safe for the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, the first 2 to 5.
    pub code: u16,
    /// The code of RFC 3463 that stood before the text, if it says the same as the first digit.
    pub enhanced: Option<Enhanced>,
    /// The lines, without codes.
    pub lines: Vec<String>,
}

/// An enhanced status code (RFC 3463 §2), such as 5.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enhanced {
    /// 2: done, 4: not now, 5: not ever.
    pub class: u8,
    /// What it is about: 1 the address, 2 the mailbox, 3 the system, 7 a policy…
    pub subject: u16,
    /// What about it.
    pub detail: u16,
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Reply {
    /// 2yz: done.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 3yz: more is awaited from us.
    #[must_use]
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// 4yz: not now; the same may be tried again later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5yz: the same must not be tried again.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// 421 (RFC 5321 §3.8): the server closes the connection, whatever was asked.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.code == 421
    }

    /// All lines in one, without codes, cut to a length that fits a message.
    #[must_use]
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| line.trim());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        quoted(&lines.join(" "))
    }

    /// The most telling code, as text: 5.1.1, else 550.
    #[must_use]
    pub fn code_text(&self) -> String {
        self.enhanced
            .map_or_else(|| self.code.to_string(), |enhanced| enhanced.to_string())
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        let text = self.text();
        if text.is_empty() {
            return Ok(());
        }
        write!(f, " {text}")
    }
}

/// A reply of which some lines have come.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    code: u16,
    lines: Vec<String>,
    size: usize,
}

impl Assembly {
    /// Takes the next line, without its end; the reply if it was the last one.
    pub(super) fn take(&mut self, line: &[u8]) -> Result<Option<Reply>> {
        let (code, is_last, text) = split(line).ok_or_else(|| not_smtp(line))?;
        if !self.lines.is_empty() && code != self.code {
            return Err(not_smtp(line));
        }
        self.code = code;
        self.size += line.len();
        if self.lines.len() >= LINES_MAX || self.size > REPLY_MAX {
            return Err(Error::protocol(format!(
                "The server answered with more than {LINES_MAX} lines or {REPLY_MAX} bytes."
            )));
        }
        self.lines.push(String::from_utf8_lossy(text).into_owned());
        if !is_last {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(finished(done.code, done.lines)))
    }
}

/// A line in its parts: the code, whether it is the last one, the text. Three digits alone are a
/// line as well (RFC 5321 §4.2).
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = matches!(code.first(), Some(b'2'..=b'5')) && code.iter().all(u8::is_ascii_digit);
    if !is_code {
        return None;
    }
    let code = code
        .iter()
        .fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, rest)),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// Takes the enhanced code out of the text: RFC 2034 §4 puts it at the start of every line.
fn finished(code: u16, mut lines: Vec<String>) -> Reply {
    let first = lines.first().map(String::as_str).unwrap_or_default();
    let enhanced = enhanced(first).filter(|e| u16::from(e.class) == code / 100);
    if let Some(enhanced) = enhanced {
        let mark = enhanced.to_string();
        for line in &mut lines {
            let rest = line.strip_prefix(&mark).map(str::to_owned);
            if let Some(rest) = rest.filter(|r| r.is_empty() || r.starts_with(' ')) {
                rest.trim_start().clone_into(line);
            }
        }
    }
    Reply {
        code,
        enhanced,
        lines,
    }
}

fn enhanced(line: &str) -> Option<Enhanced> {
    let mut numbers = line.split(' ').next()?.split('.').map(|number| {
        let is_number = (1..=3).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (number.len() == 1 || !number.starts_with('0'));
        is_number.then(|| number.parse::<u16>().ok()).flatten()
    });
    let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if numbers.next().is_some() || !matches!(class, 2 | 4 | 5) {
        return None;
    }
    Some(Enhanced {
        class: u8::try_from(class).ok()?,
        subject,
        detail,
    })
}

fn not_smtp(line: &[u8]) -> Error {
    let start = line.get(..line.len().min(400)).unwrap_or_default();
    Error::protocol(format!(
        "The server said something that is not SMTP: {}",
        quoted(&String::from_utf8_lossy(start))
    ))
    .hint(
        "Check the host and port: this may be another kind of server, or a portal of the network.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Class;

    fn read(lines: &[&[u8]]) -> Result<Option<Reply>> {
        let mut assembly = Assembly::default();
        let mut last = None;
        for line in lines {
            assert_eq!(last, None, "a reply before its last line");
            last = assembly.take(line)?;
        }
        Ok(last)
    }

    #[test]
    fn a_reply_is_whole_at_its_last_line_and_keeps_its_codes() {
        let reply = read(&[
            b"550-5.1.1 The address",
            b"550-5.1.1",
            b"550 5.1.1 is unknown",
        ]);
        let reply = reply.unwrap().unwrap();
        assert_eq!(reply.to_string(), "550 5.1.1 The address is unknown");
        assert_eq!(reply.code_text(), "5.1.1");
        assert!(reply.is_permanent() && !reply.is_transient());
        assert_eq!(read(&[b"250-a", b"250-b"]).unwrap(), None);
        let bare = read(&[b"250"]).unwrap().unwrap();
        assert_eq!(
            (bare.to_string().as_str(), bare.is_positive()),
            ("250", true)
        );
    }

    #[test]
    fn an_enhanced_code_that_says_something_else_is_text() {
        for (line, text) in [
            (&b"250 5.0.0 odd"[..], "250 5.0.0 odd"),
            (b"550 5.1 short", "550 5.1 short"),
            (b"550 5.1.1.1 long", "550 5.1.1.1 long"),
            (b"450 4.07.1 zero", "450 4.07.1 zero"),
            (b"550 5.1.1x", "550 5.1.1x"),
        ] {
            let reply = read(&[line]).unwrap().unwrap();
            assert_eq!((reply.enhanced, reply.to_string().as_str()), (None, text));
        }
        assert!(read(&[b"571 blocked"]).unwrap().unwrap().is_permanent());
    }

    #[test]
    fn what_is_no_reply_or_too_much_is_an_error() {
        let bad: [&[&[u8]]; 7] = [
            &[b""],
            &[b"25"],
            &[b"HTTP/1.1 400 Bad Request"],
            &[b"250\tx"],
            &[b"150 go"],
            &[b"650 no"],
            &[b"250-one", b"251 other"],
        ];
        for lines in bad {
            assert_eq!(read(lines).unwrap_err().class, Class::Protocol, "{lines:?}");
        }
        let mut assembly = Assembly::default();
        let flood = (0..=LINES_MAX).find_map(|_| assembly.take(b"250-x").err());
        assert!(flood.unwrap().summary.contains("100 lines"));
        let mut assembly = Assembly::default();
        let long = [b"250-".to_vec(), vec![b'x'; LINE_MAX]].concat();
        assert!((0..=8).any(|_| assembly.take(&long).is_err()));
    }
}
