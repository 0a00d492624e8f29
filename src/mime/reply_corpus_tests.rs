//! Answers every message of a folder of real mail, passes it on in each way, and reads what came out.
//!
//! Called by the test runner; the folder is named by `PILLARBOX_CORPUS`. Must never write to it.

use super::compose_tests_support::{how, identity};
use super::corpus_tests::{folder, messages, with_breaks};
use super::flowed::flow;
use super::{
    ATTRIBUTION, Answer, Attribution, ComposeError, Composer, Contents, Original, Selves, Source,
    bounce, edit, forward_attached, forward_inline, parse_headers, part_body, part_text, reply,
    structure,
};
use crate::model::{Address, Content, Draft, MessageKey, PartId, Recipients};
use std::io::{self, Read};

struct Held<'a>(&'a [u8]);

impl Contents for Held<'_> {
    fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read + '_>> {
        match content {
            Content::Part { part, .. } => {
                let bytes = part_body(self.0, part).ok_or(io::ErrorKind::NotFound)?;
                Ok(Box::new(io::Cursor::new(bytes)))
            }
            _ => Ok(Box::new(self.0)),
        }
    }
}

fn written(draft: &Draft, raw: &[u8]) -> Result<Vec<u8>, ComposeError> {
    let mut out = Vec::new();
    let composer = Composer::new(draft, how());
    composer.write(&mut Held(raw), &mut out).map(|_| out)
}

/// Takes out what a person would have to mend, and names somebody to send it to.
fn mend(draft: &mut Draft) {
    for field in [
        &mut draft.to,
        &mut draft.cc,
        &mut draft.bcc,
        &mut draft.reply_to,
    ] {
        let valid: Vec<Address> = field.valid().cloned().collect();
        *field = Recipients::of(&valid);
        assert!(field.first_problem().is_none(), "{}", field.typed());
        assert_eq!(field.valid().cloned().collect::<Vec<_>>(), valid);
    }
    if draft.to.is_empty() {
        draft.to = Recipients::read("bo@y.org");
    }
}

/// A draft of words comes out as it was, under the fields that were asked for.
fn check_words(name: &str, mut draft: Draft, raw: &[u8]) {
    mend(&mut draft);
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!draft.body.contains(is_bad), "{name}");
    assert!(!draft.subject.contains(char::is_control), "{name}");
    let out = written(&draft, raw).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let headers = parse_headers(&out);
    let known = [
        "Date",
        "From",
        "Reply-To",
        "To",
        "Cc",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    for field in &headers.fields {
        assert!(known.iter().any(|k| k.as_bytes() == field.name), "{name}");
    }
    assert_eq!(headers.text("Subject"), draft.subject, "{name}");
    let to: Vec<Address> = headers.addresses("To");
    assert!(
        to.len() <= draft.to.valid().count() && !to.is_empty(),
        "{name}"
    );
    let parts = structure(&out);
    let text = parts.parts.iter().find(|p| p.mime_type == "text/plain");
    let text = part_text(&out, text.unwrap()).unwrap();
    assert_eq!(text.trim_end(), flow(&draft.body).trim_end(), "{name}");
    for (n, attached) in draft.attachments.iter().enumerate() {
        let Content::Part { part, .. } = &attached.content else {
            panic!("{name}: {attached:?}")
        };
        let sent = PartId(vec![u16::try_from(n).unwrap() + 2]);
        let (was, is) = (
            part_body(raw, part).unwrap(),
            part_body(&out, &sent).unwrap(),
        );
        // Messages get CRLF where they had none.
        assert!(
            was == is || with_breaks(&was, b"\r\n") == is,
            "{name}: {part}"
        );
    }
}

fn check_whole(name: &str, raw: &[u8], selves: Selves<'_>, original: Original<'_>) {
    let mut attached = forward_attached(&[original], selves).unwrap();
    mend(&mut attached);
    let out = written(&attached, raw).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(part_body(&out, &PartId(vec![2])).unwrap() == raw, "{name}");
    let mut passed = bounce(original, selves);
    mend(&mut passed);
    match written(&passed, raw) {
        Ok(out) => {
            let at = memchr::memmem::rfind(raw, b"\r\n\r\n").unwrap_or(0);
            assert!(out.ends_with(raw.get(at..).unwrap_or_default()), "{name}");
        }
        Err(ComposeError::Unfit { .. } | ComposeError::NoOriginal) => {}
        Err(fault) => panic!("{name}: {fault}"),
    }
}

#[test]
fn every_real_message_can_be_answered_and_passed_on() {
    let Some(root) = folder() else { return };
    let all = [identity("ann@example.org")];
    let selves = Selves {
        default: &all[0],
        all: &all,
    };
    let above = Attribution {
        pattern: ATTRIBUTION,
        date: "5 May",
    };
    for (name, raw) in messages(&root) {
        let raw = with_breaks(&raw, b"\r\n");
        let original = Original {
            key: MessageKey(1),
            source: Source::Whole(&raw),
        };
        for answer in [Answer::Sender, Answer::All, Answer::List] {
            if let Some(draft) = reply(original, answer, selves, above) {
                check_words(&name, draft, &raw);
            }
        }
        check_words(&name, forward_inline(original, selves, "5 May"), &raw);
        check_words(&name, edit(original, selves, true), &raw);
        check_whole(&name, &raw, selves, original);
    }
}
