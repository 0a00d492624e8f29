//! What lists show of a message, from its bytes: as an IMAP server would say it.
//!
//! Called by `engine` for mail that is kept on this computer. Must take any bytes in linear time.

use super::headers::parse_until;
use super::render::{Message, Source};
use super::{first_words, tree};
use crate::model::Fetched;

/// Envelope, parts, References and first words of a message; of a header alone what it tells.
#[must_use]
pub fn summary(raw: &[u8], is_whole: bool) -> Fetched {
    let mut fetched = Fetched {
        size_bytes: u64::try_from(raw.len()).ok(),
        ..Fetched::default()
    };
    let headers = if is_whole {
        let message = Message::open(Source::Whole(raw));
        fetched.preview = Some(first_words::of(&message));
        fetched.structure = Some(message.structure.into_owned());
        message.headers
    } else {
        parse_until(raw, tree::message_start(raw), |_| false)
    };
    fetched.envelope = Some(headers.envelope());
    fetched.references = Some(headers.ids("References"));
    fetched
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
        References: <a@x> <b@x>\r\nMessage-ID: <c@x>\r\nContent-Type: text/plain\r\n\r\nHello.\r\n";

    #[test]
    fn a_message_is_summed_up_with_its_parts_and_a_header_without() {
        let whole = summary(RAW, true);
        let envelope = whole.envelope.unwrap();
        assert_eq!(envelope.subject, "Grüße");
        assert_eq!(envelope.message_id, "c@x");
        assert_eq!(whole.references.unwrap(), ["a@x", "b@x"]);
        assert_eq!(whole.structure.unwrap().parts.len(), 1);
        assert_eq!(whole.preview.as_deref(), Some("Hello."));
        let header = summary(RAW, false);
        assert!(header.structure.is_none() && header.preview.is_none());
    }
}
