//! `mailto:` links (RFC 6068) to drafts.
//!
//! Called by `cli` and by `engine` for links that are followed. A link comes from a stranger: it
//! must never name a file, a sender or a blind copy, and what it asked for beyond recipients,
//! subject and text is told and not done.

use super::field::{is_id, one_line};
use super::headers::parse_ids;
use super::words::decode_words;
use crate::model::{Draft, DraftKind, Identity, Invalid, Recipients, Safe};

/// A longer link is refused.
const URL_MAX: usize = 256 * 1024;
/// So many ignored names are told, each so long.
const IGNORED_MAX: usize = 20;
const NAME_MAX: usize = 40;

/// What a link asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailto {
    /// The draft that it makes, without a signature.
    pub draft: Draft,
    /// The fields that it named and that were not taken.
    pub ignored: Vec<Safe>,
}

/// Reads a link, for a draft of `identity`.
///
/// # Errors
/// When it is no such link, is not encoded as RFC 3986 asks for, or holds a control where none may be.
pub fn mailto(url: &str, identity: Identity) -> Result<Mailto, Invalid> {
    if url.len() > URL_MAX {
        return Err(Invalid::new(url, "is too long for a link"));
    }
    let url = url.trim();
    let (scheme, rest) = url.split_once(':').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("mailto") {
        return Err(Invalid::new(url, "is not a mailto: link"));
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut asked = Asked::default();
    for address in path.split(',').filter(|address| !address.is_empty()) {
        asked.to.push(line(decode(address)?)?);
    }
    for field in query.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        asked.take(&decode(name)?, decode(value)?)?;
    }
    let mut draft = Draft::new(DraftKind::New, identity);
    draft.to = Recipients::read(&asked.to.join(", "));
    draft.cc = Recipients::read(&asked.cc.join(", "));
    draft.subject = asked.subject.unwrap_or_default();
    draft.body = asked.body.unwrap_or_default();
    draft.in_reply_to = asked.in_reply_to;
    draft.references.clone_from(&draft.in_reply_to);
    Ok(Mailto {
        draft,
        ignored: asked.ignored,
    })
}

#[derive(Default)]
struct Asked {
    to: Vec<String>,
    cc: Vec<String>,
    subject: Option<String>,
    body: Option<String>,
    in_reply_to: Vec<String>,
    ignored: Vec<Safe>,
}

impl Asked {
    fn take(&mut self, name: &str, value: String) -> Result<(), Invalid> {
        match name.to_ascii_lowercase().as_str() {
            "to" => self.to.push(line(value)?),
            "cc" => self.cc.push(line(value)?),
            "subject" if self.subject.is_none() => {
                // RFC 6068 section 5 allows encoded words.
                let words = decode_words(line(value)?.as_bytes());
                self.subject = Some(one_line(&words));
            }
            "body" if self.body.is_none() => self.body = Some(text(&value)?),
            "in-reply-to" if self.in_reply_to.is_empty() => {
                let ids = parse_ids(line(value)?.as_bytes());
                self.in_reply_to = ids.into_iter().filter(|id| is_id(id)).take(1).collect();
            }
            _ => {
                let shown: String = name.chars().take(NAME_MAX).collect();
                let shown = Safe::line(&shown);
                if self.ignored.len() < IGNORED_MAX && !self.ignored.contains(&shown) {
                    self.ignored.push(shown);
                }
            }
        }
        Ok(())
    }
}

/// A value that has no line breaks and no other controls.
fn line(value: String) -> Result<String, Invalid> {
    if value.contains(char::is_control) {
        return Err(Invalid::new(&value, "has a control where none may be"));
    }
    Ok(value)
}

/// A text: line breaks and tabs are all the controls that it may hold.
fn text(value: &str) -> Result<String, Invalid> {
    let text = super::flowed::with_plain_breaks(value);
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(is_bad) {
        return Err(Invalid::new(value, "has a control where none may be"));
    }
    Ok(text)
}

/// Undoes percent-encoding (RFC 3986 section 2.1), and nothing else: a `+` is a plus.
fn decode(raw: &str) -> Result<String, Invalid> {
    let fault = || Invalid::new(raw, "is not percent-encoded as a link must be");
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(b) = rest.next() {
        if b != b'%' {
            bytes.push(b);
            continue;
        }
        let mut digit = || rest.next().and_then(super::transfer::hex).ok_or_else(fault);
        let (high, low) = (digit()?, digit()?);
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| fault())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::compose_tests_support::identity;

    fn read(url: &str) -> Result<Mailto, Invalid> {
        mailto(url, identity("ann@example.org"))
    }

    fn found(url: &str) -> Draft {
        read(url).unwrap().draft
    }

    #[test]
    fn the_examples_of_rfc_6068_are_read() {
        assert_eq!(
            found("mailto:chris@example.com").to.typed(),
            "chris@example.com"
        );
        let draft = found("mailto:infobot@example.com?body=send%20current-issue%0D%0Asend%20index");
        assert_eq!(draft.body, "send current-issue\nsend index");
        let draft = found("mailto:list@example.org?In-Reply-To=%3C3469A91.D10AF4C@example.com%3E");
        assert_eq!(draft.in_reply_to, ["3469A91.D10AF4C@example.com"]);
        let draft = found("mailto:?to=joe@example.com&cc=bob@example.com&body=hello");
        assert_eq!(
            (draft.to.typed(), draft.cc.typed()),
            ("joe@example.com", "bob@example.com")
        );
        let draft = found("MAILTO:addr1@an.example,addr2@an.example?to=addr3@an.example");
        assert_eq!(draft.to.valid().count(), 3);
        let draft = found("mailto:%22not%40me%22@example.org");
        assert_eq!(
            draft.to.valid().next().unwrap().address,
            "\"not@me\"@example.org"
        );
        let draft = found("mailto:gorby%25kremvax@example.com");
        assert_eq!(
            draft.to.valid().next().unwrap().address,
            "gorby%kremvax@example.com"
        );
        for subject in [
            "caf%C3%A9",
            "%3D%3Futf-8%3FQ%3Fcaf%3DC3%3DA9%3F%3D",
            "%3D%3Fiso-8859-1%3FQ%3Fcaf%3DE9%3F%3D",
        ] {
            assert_eq!(
                found(&format!("mailto:u@example.org?subject={subject}")).subject,
                "café"
            );
        }
        let draft = found("mailto:user@%E7%B4%8D%E8%B1%86.example.org?subject=Test");
        assert_eq!(
            draft.to.valid().next().unwrap().address,
            "user@納豆.example.org"
        );
        assert_eq!(found("mailto:a@b?subject=1+1#top").subject, "1+1");
    }

    #[test]
    fn nothing_but_recipients_subject_and_text_is_taken() {
        let url = "mailto:a@b?attach=/etc/passwd&ATTACHMENT=x&bcc=spy@x&from=boss@x&X-A=1&body=hi&\
                   subject=one&subject=two&bcc=y&reply-to=z";
        let Mailto { draft, ignored } = read(url).unwrap();
        let ignored: Vec<&str> = ignored.iter().map(Safe::as_str).collect();
        assert_eq!(
            ignored,
            [
                "attach",
                "ATTACHMENT",
                "bcc",
                "from",
                "X-A",
                "subject",
                "reply-to"
            ]
        );
        assert!(draft.attachments.is_empty() && draft.bcc.is_empty() && draft.headers.is_empty());
        assert!(draft.reply_to.is_empty());
        assert_eq!(draft.identity.address.address, "ann@example.org");
        assert_eq!(draft.subject, "one");
    }

    #[test]
    fn what_could_end_a_field_or_is_not_encoded_is_refused() {
        for url in [
            "http://x",
            "mailto",
            "mailto:a@b?subject=x%0D%0ABcc:%20y@z",
            "mailto:a@b%0Ac@d",
            "mailto:a@b?cc=x%0Dy",
            "mailto:a@b?body=%00",
            "mailto:a%00@b",
            "mailto:a@b?body=%1B[31m",
            "mailto:a@b?body=%",
            "mailto:a@b?body=%2",
            "mailto:a@b?body=%zz",
            "mailto:a@b?body=%FF",
            "mailto:a@b?bcc=%FF",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
        let decoded = found("mailto:a@b?subject=%3D%3Futf-8%3FQ%3Fx%3D0D%3D0ABcc%3A%3F%3D");
        assert_eq!(decoded.subject, "x Bcc:");
    }

    proptest::proptest! {
        #[test]
        fn no_link_makes_a_field_of_its_own(rest in "([a-z@.,?&=%#]|%0[0aAdD]|bcc=|subject=|body=|cc=){0,30}") {
            if let Ok(Mailto { draft, .. }) = read(&format!("mailto:{rest}")) {
                proptest::prop_assert!(draft.bcc.is_empty() && draft.headers.is_empty());
                proptest::prop_assert!(!draft.subject.contains(char::is_control));
                proptest::prop_assert!(!draft.to.typed().contains(char::is_control));
            }
        }
    }
}
