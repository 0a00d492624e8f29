//! A message that was given as bytes (RFC 5322) to what is sent: CRLF, no Bcc, nothing missing.
//!
//! Called by `cli`. Bcc must never be part of what is written, and nothing else of the message may
//! change but line breaks, and the fields in front that were missing.

use super::bounce::{read_header, without_bcc};
use super::compose::Stamp;
use super::encode::Strict;
use super::field::Fields;
use super::headers::{Headers, parse_headers};
use crate::model::{Address, Standing, check_address, is_same_mailbox, wire_address};
use std::io::{self, Read, Write};

const CHUNK: usize = 64 * 1024;
/// One message cannot be sent to more.
const RECIPIENTS_MAX: usize = 10_000;

/// What has to be known of a message that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Who wrote it: the first address in From.
    pub from: Address,
    /// The sender of the envelope.
    pub sender: String,
    /// Everybody in To, Cc and Bcc, each once.
    pub recipients: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The Message-ID without angle brackets.
    pub message_id: String,
    /// Whether there is a byte above 127 in it.
    pub has_8bit: bool,
    /// Whether its header holds such bytes.
    pub has_utf8_header: bool,
}

/// Why a message cannot be sent as it was given.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// It has no header, or none that ends.
    #[error("it does not begin with the header of a message")]
    NoHeader,
    /// Nobody wrote it.
    #[error("it has no From with an address")]
    NoFrom,
    /// It goes to nobody.
    #[error("it has no recipient in To, Cc or Bcc")]
    NoRecipient,
    /// It goes to too many.
    #[error("it has more recipients than one message can have")]
    TooMany,
    /// An address is none.
    #[error("{address:?} in {field} {why}")]
    Wrong {
        /// The field.
        field: &'static str,
        /// The address.
        address: String,
        /// What is wrong, as the rest of a sentence.
        why: &'static str,
    },
    /// It holds what no mail may hold.
    #[error("it {0}")]
    Unfit(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Reading(io::Error),
    /// It cannot be written.
    #[error("it cannot be kept: {0}")]
    Writing(io::Error),
}

/// Reads a message and writes what is sent and filed of it.
///
/// # Errors
/// When it has no sender or recipients, holds what mail cannot carry, or cannot be read or written.
pub fn given(from: impl Read, stamp: Stamp, out: &mut dyn Write) -> Result<Given, GivenError> {
    let mut from = Canonical::new(from);
    let (head, rest) = read_header(&mut from).map_err(GivenError::Reading)?;
    let whole = head;
    let head = without_bcc(&whole).ok_or(GivenError::NoHeader)?;
    let mut given = who(&parse_headers(&whole))?;
    let fields = parse_headers(&head);
    let mut front = Fields::default();
    if fields.get("Date").is_none() {
        front.date("Date", stamp.date);
    }
    match fields.ids("Message-ID").into_iter().next() {
        Some(id) => given.message_id = id,
        None => {
            given.message_id = stamp.message_id(&given.sender);
            front.ids("Message-ID", std::slice::from_ref(&given.message_id));
        }
    }
    if fields.get("MIME-Version").is_none() {
        front.fixed("MIME-Version", "1.0");
    }
    given.has_utf8_header = !head.is_ascii();
    let mut strict = Strict::new(out);
    let mut put = |bytes: &[u8]| strict.write_all(bytes).map_err(unfit);
    put(&front.into_bytes())?;
    put(&head)?;
    if !head.ends_with(b"\r\n\r\n") {
        put(b"\r\n")?;
    }
    put(&rest)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).map_err(GivenError::Reading)?;
        if count == 0 {
            break;
        }
        put(chunk.get(..count).unwrap_or_default())?;
    }
    given.has_8bit = strict.has_8bit;
    Ok(given)
}

fn unfit(fault: io::Error) -> GivenError {
    if fault.kind() == io::ErrorKind::InvalidData {
        GivenError::Unfit(fault.to_string())
    } else {
        GivenError::Writing(fault)
    }
}

/// Sender and recipients.
fn who(fields: &Headers<'_>) -> Result<Given, GivenError> {
    let authors = fields.addresses("From");
    let from = authors.first().cloned().ok_or(GivenError::NoFrom)?;
    check("From", &from)?;
    // With several authors, Sender is the one who sends (RFC 5322 section 3.6.2).
    let sender = fields.addresses("Sender").into_iter().next();
    let sender = sender.filter(|_| authors.len() > 1);
    let sender = sender.unwrap_or_else(|| from.clone());
    check("Sender", &sender)?;
    let mut recipients: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for field in ["To", "Cc", "Bcc"] {
        for address in fields.addresses(field) {
            check(field, &address)?;
            let wire = wire_address(&address.address);
            if seen.insert(wire.to_lowercase()) {
                recipients.push(wire);
            }
        }
    }
    if recipients.is_empty() {
        return Err(GivenError::NoRecipient);
    }
    if recipients.len() >= RECIPIENTS_MAX {
        return Err(GivenError::TooMany);
    }
    Ok(Given {
        sender: wire_address(&sender.address),
        from,
        recipients,
        subject: fields.text("Subject"),
        message_id: String::new(),
        has_8bit: false,
        has_utf8_header: false,
    })
}

fn check(field: &'static str, address: &Address) -> Result<(), GivenError> {
    let shown = if address.address.is_empty() {
        &address.name
    } else {
        &address.address
    };
    match check_address(&address.address) {
        Standing::Valid => Ok(()),
        Standing::Unfinished(why) | Standing::Wrong(why) => Err(GivenError::Wrong {
            field,
            address: shown.clone(),
            why,
        }),
    }
}

impl Given {
    /// Whether it was written by that address.
    #[must_use]
    pub fn is_from(&self, address: &str) -> bool {
        is_same_mailbox(&self.from.address, address)
    }
}

/// A reader that makes CRLF of line breaks of any kind, and gives the last line an end: over the wire
/// every line has one.
struct Canonical<R> {
    from: R,
    chunk: Vec<u8>,
    ready: Vec<u8>,
    given: usize,
    /// A CR was seen whose LF may still come.
    after_cr: bool,
    /// Whether the last line has no end yet.
    is_open: bool,
    is_over: bool,
}

impl<R: Read> Canonical<R> {
    fn new(from: R) -> Self {
        Self {
            from,
            chunk: vec![0; CHUNK],
            ready: Vec::with_capacity(CHUNK + CHUNK / 16),
            given: 0,
            after_cr: false,
            is_open: false,
            is_over: false,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        let count = match self.from.read(&mut self.chunk) {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        };
        if count == 0 {
            self.is_over = true;
            if self.is_open {
                self.ready.extend_from_slice(b"\r\n");
            }
            return Ok(());
        }
        for byte in self.chunk.iter().take(count) {
            let is_second = std::mem::take(&mut self.after_cr) && *byte == b'\n';
            match byte {
                _ if is_second => {}
                b'\r' | b'\n' => {
                    self.after_cr = *byte == b'\r';
                    self.is_open = false;
                    self.ready.extend_from_slice(b"\r\n");
                }
                _ => {
                    self.is_open = true;
                    self.ready.push(*byte);
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Canonical<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.ready.len() && !self.is_over {
            self.fill()?;
        }
        let rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::compose_tests_support::stamp;

    fn sent(raw: &[u8]) -> Result<(Given, String), GivenError> {
        let mut out = Vec::new();
        let given = given(raw, stamp(), &mut out)?;
        Ok((given, String::from_utf8_lossy(&out).into_owned()))
    }

    const FRONT: &str = "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
        Message-ID: <01010101010101010101010101010101@example.org>\r\nMIME-Version: 1.0\r\n";

    #[test]
    fn what_is_missing_is_put_in_front_and_blind_copies_are_only_recipients() {
        let raw = b"From: Ann <ann@example.org>\nTo: b@x, Team: c@x, d@x;\nBcc: secret@x,\n  B@X\nSubject: =?utf-8?Q?=C3=BC?=\n\nText\n";
        let (given, out) = sent(raw).unwrap();
        assert_eq!(
            out,
            format!(
                "{FRONT}From: Ann <ann@example.org>\r\nTo: b@x, Team: c@x, d@x;\r\n\
                 Subject: =?utf-8?Q?=C3=BC?=\r\n\r\nText\r\n"
            )
        );
        assert_eq!(given.recipients, ["b@x", "c@x", "d@x", "secret@x"]);
        assert_eq!((given.subject.as_str(), given.has_8bit), ("ü", false));
        assert!(given.is_from("ANN@example.org"));
    }

    #[test]
    fn what_is_there_stays_and_every_kind_of_line_break_becomes_one() {
        let raw = b"From: a@x\rTo: b@x\r\nDate: now\nMessage-ID: <1@x>\nMIME-Version: 1.0\r\r\na\rb\r\n\n.\nc";
        let (given, out) = sent(raw).unwrap();
        assert_eq!(
            out,
            "From: a@x\r\nTo: b@x\r\nDate: now\r\nMessage-ID: <1@x>\r\nMIME-Version: 1.0\r\n\r\n\
             a\r\nb\r\n\r\n.\r\nc\r\n"
        );
        assert_eq!(given.message_id, "1@x");
        let (_, out) =
            sent(b"From: a@x\nTo: b@x\nDate: now\nMessage-ID: <1@x>\nMIME-Version: 1").unwrap();
        assert!(out.ends_with("MIME-Version: 1\r\n\r\n"), "{out:?}");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_says_why() {
        let why = |raw: &[u8]| sent(raw).unwrap_err().to_string();
        assert!(why(b"To: b@x\n\n").contains("no From"));
        assert!(why(b"From: a@x\n\n").contains("no recipient"));
        assert!(why(b"From: a@x\nTo: undisclosed-recipients:;\n\n").contains("no recipient"));
        assert!(why(b"From: a@x\nTo: b@x, nobody\n\n").contains("\"nobody\" in To"));
        assert!(why(b"From: a@x\nTo: b@x\n\na\0b").contains("NUL"));
        let long = format!("From: a@x\nTo: b@x\n\n{}", "x".repeat(999));
        assert!(why(long.as_bytes()).contains("998 bytes"));
        assert!(sent(b"").is_err());
    }

    #[test]
    fn what_the_server_must_be_able_to_do_is_known() {
        let (given, _) = sent("From: a@x\nTo: b@x\n\nü".as_bytes()).unwrap();
        assert!(given.has_8bit && !given.has_utf8_header);
        let (given, _) = sent("From: ü <a@x>\nTo: b@x\n\n".as_bytes()).unwrap();
        assert!(given.has_8bit && given.has_utf8_header);
    }

    #[test]
    fn with_several_authors_the_sender_sends() {
        let (given, _) = sent(b"From: a@x, c@x\nSender: s@x\nTo: b@x\n\n").unwrap();
        assert_eq!(
            (given.sender.as_str(), given.from.address.as_str()),
            ("s@x", "a@x")
        );
    }
}
