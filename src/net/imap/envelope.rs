//! ENVELOPE (RFC 9051 §7.5.2): dates, subject, addresses, ids.
//!
//! Called by `fetched`. The text in it was chosen by whoever wrote the mail: it is decoded here and
//! must be made safe before it is shown.

use super::tokens::{Parsed, Token, Tokens};
use crate::mime::{decode_words, parse_date};
use crate::model::{Address, Envelope};

/// Reads an envelope. Fields beyond the ten are passed over.
pub(super) fn envelope(tokens: &mut Tokens<'_>) -> Parsed<Envelope> {
    tokens.open()?;
    let date = tokens.nstring()?.and_then(|raw| parse_date(&raw));
    let subject = decoded(&tokens.string()?);
    let from = addresses(tokens)?;
    // Sender says nothing that the list or the reader shows.
    tokens.skip_value()?;
    let mut reply_to = addresses(tokens)?;
    let to = addresses(tokens)?;
    let cc = addresses(tokens)?;
    let bcc = addresses(tokens)?;
    let in_reply_to = message_ids(&tokens.string()?);
    let message_id = message_ids(&tokens.string()?);
    tokens.skip_to_close()?;
    if reply_to == from {
        reply_to.clear();
    }
    Ok(Envelope {
        date,
        subject,
        from,
        reply_to,
        to,
        cc,
        bcc,
        in_reply_to,
        message_id: message_id.into_iter().next().unwrap_or_default(),
    })
}

/// Undoes RFC 2047; the common case has nothing to undo.
pub(super) fn decoded(raw: &[u8]) -> String {
    let is_plain = raw.is_ascii() && memchr::memmem::find(raw, b"=?").is_none();
    if is_plain {
        String::from_utf8_lossy(raw).into_owned()
    } else {
        decode_words(raw)
    }
}

/// NIL, `()`, or addresses in parentheses; the marks of a group are left out, its members stay.
fn addresses(tokens: &mut Tokens<'_>) -> Parsed<Vec<Address>> {
    if tokens.peek()? != Token::Open {
        tokens.nstring()?;
        return Ok(Vec::new());
    }
    tokens.open()?;
    let mut found = Vec::new();
    while !tokens.closes()? {
        tokens.open()?;
        let name = tokens.string()?;
        tokens.nstring()?;
        let (mailbox, host) = (tokens.nstring()?, tokens.nstring()?);
        tokens.skip_to_close()?;
        // Without a host it is the beginning of a group, without both its end (RFC 9051 §7.5.2).
        let (Some(mailbox), Some(host)) = (mailbox, host) else {
            continue;
        };
        let mailbox = String::from_utf8_lossy(&mailbox);
        let host = String::from_utf8_lossy(&host);
        // Quirk(Dovecot, UW): a missing half is told by a word of their own.
        let is_hostless = matches!(host.as_ref(), "" | "MISSING_DOMAIN" | ".MISSING-HOST-NAME.");
        let address = match (mailbox.as_ref(), is_hostless) {
            ("MISSING_MAILBOX", true) => String::new(),
            (mailbox, true) => mailbox.to_owned(),
            (mailbox, false) => format!("{mailbox}@{host}"),
        };
        let name = decoded(&name);
        if !(name.is_empty() && address.is_empty()) {
            found.push(Address { name, address });
        }
    }
    Ok(found)
}

/// The ids in a header field, without angle brackets and without what folding put into them.
pub(super) fn message_ids(raw: &[u8]) -> Vec<String> {
    let clean = |part: &[u8]| -> String {
        let text = String::from_utf8_lossy(part);
        text.split_ascii_whitespace().collect()
    };
    let mut ids: Vec<String> = Vec::new();
    let mut rest = raw;
    while let Some(start) = memchr::memchr(b'<', rest) {
        let after = rest.get(start + 1..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'>', after) else {
            break;
        };
        ids.push(clean(after.get(..end).unwrap_or_default()));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    if ids.is_empty() {
        // Some mailers write the bare id.
        let words = raw.split(u8::is_ascii_whitespace);
        ids.extend(words.filter(|w| w.contains(&b'@')).map(clean));
    }
    ids.retain(|id| !id.is_empty());
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(text: &str) -> Parsed<Envelope> {
        let frame = Bytes::copy_from_slice(text.as_bytes());
        envelope(&mut Tokens::new(&frame))
    }

    #[test]
    fn an_envelope_gives_addresses_and_ids_as_one_reads_them() {
        let found = read(
            "(NIL {7}\r\nRe: \"a\" ((\"Jo \\\"J\\\" S\" NIL \"jo\" \"h.test\")) ((NIL NIL \"x\" \"y\")) \
             ((\"Jo \\\"J\\\" S\" NIL \"jo\" \"h.test\")) ((NIL NIL \"friends\" NIL)(NIL NIL \"a\" \"b\")\
             (NIL NIL NIL NIL)) () NIL \"<a@b> (x) <c\r\n @d>\" \"<m@n>\" \"extra\")",
        )
        .unwrap();
        assert_eq!(found.subject, "Re: \"a\"");
        assert_eq!(found.from[0].to_string(), "Jo \"J\" S <jo@h.test>");
        assert!(found.reply_to.is_empty(), "the same as From");
        assert_eq!(found.to.len(), 1);
        assert_eq!(found.to[0].address, "a@b");
        assert_eq!(found.in_reply_to, ["a@b", "c@d"]);
        assert_eq!(found.message_id, "m@n");
    }

    #[test]
    fn ids_without_brackets_and_addresses_without_hosts_are_kept() {
        assert_eq!(message_ids(b" x@y z"), ["x@y"]);
        assert_eq!(message_ids(b"<>"), Vec::<String>::new());
        let found =
            read("(NIL NIL ((\"N\" NIL \"u\" \"MISSING_DOMAIN\")) NIL NIL NIL NIL NIL NIL NIL)");
        assert_eq!(found.unwrap().from[0].address, "u");
        assert!(read("(NIL NIL ((NIL NIL \"u\")) NIL").is_err());
    }
}
