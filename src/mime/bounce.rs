//! A message passed on as it is (RFC 5322 section 3.6.6): Resent fields in front, the rest untouched.
//!
//! Called by `compose`. Not a byte of the original may change but for bare line feeds, which become
//! CRLF, and its Bcc fields, which name people who were promised not to be named.

use super::compose::{
    ComposeError, Contents, Stamp, Written, check_recipients, check_sender, open, route,
};
use super::encode::{self, Copying, Strict};
use super::field::Fields;
use super::headers::{field_name, trim_break};
use crate::model::{Content, Draft};
use std::io::{self, Read, Write};

/// A longer header is none.
const HEADER_MAX: usize = 8 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const NAME: &str = "the message to pass on";

/// Writes the message to pass on: the one attached, else the original.
pub(super) fn write(
    draft: &Draft,
    stamp: Stamp,
    contents: &mut dyn Contents,
    out: &mut dyn Write,
) -> Result<Written, ComposeError> {
    let to = route(draft)?;
    let attached = draft.attachments.first().map(|a| a.content.clone());
    let original = attached.or_else(|| draft.original.map(Content::Message));
    let original = original.ok_or(ComposeError::NoOriginal)?;
    let reading = |fault| ComposeError::copying(NAME, Copying::Reading(fault));
    let mut reader = open(contents, &original).map_err(reading)?;
    let (head, rest) = read_header(&mut reader).map_err(reading)?;
    let head = without_bcc(&head).ok_or(ComposeError::NoOriginal)?;
    let mut strict = Strict::new(out);
    let unfit = |copying| ComposeError::copying(NAME, copying);
    strict
        .write_all(&resent(draft, stamp)?)
        .map_err(ComposeError::writing)?;
    let is_utf8 = !head.is_ascii() && std::str::from_utf8(&head).is_ok();
    encode::lines(head.chain(rest.as_slice()).chain(reader), &mut strict).map_err(unfit)?;
    Ok(Written {
        size_bytes: strict.size_bytes,
        needs_8bitmime: strict.has_8bit,
        needs_smtputf8: to.needs_smtputf8 || is_utf8,
    })
}

/// The fields in front.
fn resent(draft: &Draft, stamp: Stamp) -> Result<Vec<u8>, ComposeError> {
    check_sender(draft)?;
    let from = &draft.identity.address;
    let mut fields = Fields::default();
    fields.date("Resent-Date", stamp.date);
    fields.addresses("Resent-From", std::slice::from_ref(from));
    for (name, people) in [("Resent-To", &draft.to), ("Resent-Cc", &draft.cc)] {
        check_recipients(name, people)?;
        fields.addresses(name, &people.valid().cloned().collect::<Vec<_>>());
    }
    fields.ids("Resent-Message-ID", &[stamp.message_id(&from.address)]);
    Ok(fields.into_bytes())
}

/// The header with the empty line at its end, and what was read beyond it.
pub(super) fn read_header(from: &mut dyn Read) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::new();
    let mut chunk = vec![0; CHUNK];
    let mut looked = 0;
    loop {
        let n = match from.read(&mut chunk) {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        read.extend(chunk.iter().take(n));
        if let Some(end) = header_end(&read, looked) {
            let rest = read.split_off(end);
            return Ok((read, rest));
        }
        looked = read.len().saturating_sub(3);
        if n == 0 || read.len() > HEADER_MAX {
            return Ok((read, Vec::new()));
        }
    }
}

/// Where the body begins, if the empty line before it lies behind `from`.
fn header_end(read: &[u8], from: usize) -> Option<usize> {
    let rest = read.get(from..)?;
    memchr::memchr_iter(b'\n', rest).find_map(|at| match rest.get(at + 1..) {
        Some([b'\n', ..]) => Some(from + at + 2),
        Some([b'\r', b'\n', ..]) => Some(from + at + 3),
        _ => None,
    })
}

/// The header without its Bcc fields and the first line of an mbox entry; `None` where it does not
/// begin with a field, or has no end that was found.
pub(super) fn without_bcc(head: &[u8]) -> Option<Vec<u8>> {
    if head.len() > HEADER_MAX {
        return None;
    }
    let mut kept = Vec::with_capacity(head.len());
    let mut is_dropped = false;
    let mut has_field = false;
    for line in head.split_inclusive(|b| *b == b'\n') {
        let goes_on = matches!(line.first(), Some(b' ' | b'\t'));
        if !goes_on {
            let name = field_name(trim_break(line));
            let is_mbox = !has_field && name.is_none() && line.starts_with(b"From ");
            has_field |= name.is_some();
            let is_bcc =
                |n: &[u8]| n.eq_ignore_ascii_case(b"bcc") || n.eq_ignore_ascii_case(b"resent-bcc");
            is_dropped = is_mbox || name.is_some_and(is_bcc);
            if !has_field && !is_mbox {
                return None;
            }
        }
        if !is_dropped {
            kept.extend_from_slice(line);
        }
    }
    has_field.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::compose_tests_support::{draft, stamp};
    use crate::model::{Attached, DraftKind, Recipients};

    fn passed_on(raw: &[u8]) -> Result<(String, Written), ComposeError> {
        let mut draft = draft();
        draft.kind = DraftKind::Bounce;
        draft.to = Recipients::read("Bo <bo@y.org>");
        draft.bcc = Recipients::read("secret@z.org");
        draft.attachments = vec![Attached {
            content: Content::Bytes(raw.to_vec()),
            name: String::new(),
            mime_type: "message/rfc822".to_owned(),
            charset: String::new(),
            size_bytes: None,
        }];
        let mut out = Vec::new();
        let written = write(&draft, stamp(), &mut crate::mime::NoContents, &mut out)?;
        assert_eq!(written.size_bytes, out.len() as u64);
        Ok((String::from_utf8(out).unwrap(), written))
    }

    const FRONT: &str = "Resent-Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
        Resent-From: \"Ann\" <ann@example.org>\r\nResent-To: \"Bo\" <bo@y.org>\r\n\
        Resent-Message-ID: <01010101010101010101010101010101@example.org>\r\n";

    #[test]
    fn the_original_follows_untouched() {
        let raw = "Received: x\r\n\ty\r\nFrom: a@b\r\nSubject: =?x?= \r\n\r\n.\r\n\r\nno end";
        let (out, written) = passed_on(raw.as_bytes()).unwrap();
        assert_eq!(out, format!("{FRONT}{raw}"));
        assert!(!written.needs_8bitmime && !written.needs_smtputf8);
        assert!(!out.contains("secret"));
    }

    #[test]
    fn who_got_a_blind_copy_of_the_original_is_not_told() {
        let raw = b"From: a@b\nBcc: one@x,\n two@x\nBCC : three@x\nTo: c@d\n\nbcc: text\n";
        let (out, _) = passed_on(raw).unwrap();
        assert_eq!(
            out,
            format!("{FRONT}From: a@b\r\nTo: c@d\r\n\r\nbcc: text\r\n")
        );
        let (out, _) = passed_on(b"From me Mon Jan 1\nTo: c@d\n\nx\n").unwrap();
        assert_eq!(out, format!("{FRONT}To: c@d\r\n\r\nx\r\n"));
    }

    #[test]
    fn what_the_server_must_be_able_to_do_is_known() {
        let (_, written) = passed_on("To: c@d\r\n\r\nü".as_bytes()).unwrap();
        assert!(written.needs_8bitmime && !written.needs_smtputf8);
        let (_, written) = passed_on("To: ü@d\r\n\r\n".as_bytes()).unwrap();
        assert!(written.needs_smtputf8);
    }

    #[test]
    fn what_is_no_message_or_cannot_travel_is_refused() {
        assert!(matches!(passed_on(b""), Err(ComposeError::NoOriginal)));
        assert!(matches!(
            passed_on(b"words\n\nx"),
            Err(ComposeError::NoOriginal)
        ));
        let long = format!("A: b\r\n\r\n{}", "x".repeat(999));
        for bad in [
            &b"A: b\r\n\r\na\0"[..],
            b"A: b\r\n\r\na\rb",
            long.as_bytes(),
        ] {
            assert!(matches!(passed_on(bad), Err(ComposeError::Unfit { .. })));
        }
    }

    #[test]
    fn a_header_is_found_over_any_chunks() {
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let take = self.0.len().min(1);
                buffer[..take].copy_from_slice(&self.0[..take]);
                self.0 = &self.0[take..];
                Ok(take)
            }
        }
        let (head, rest) = read_header(&mut Slow(b"A: b\r\n\r\nbody")).unwrap();
        assert_eq!(
            (head.as_slice(), rest.as_slice()),
            (&b"A: b\r\n\r\n"[..], &b""[..])
        );
        let (head, rest) = read_header(&mut &b"A: b\n\nbody"[..]).unwrap();
        assert_eq!(
            (head.as_slice(), rest.as_slice()),
            (&b"A: b\n\n"[..], &b"body"[..])
        );
    }
}
