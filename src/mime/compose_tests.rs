//! What a draft becomes, read by our own parser and by another one.
//!
//! Called by the test runner. The properties hold for any text in any field.

use super::*;
use crate::mime::compose_tests_support::{draft, how};
use crate::mime::{Headers, envelope, parse_headers, part_body, part_text, structure};
use crate::model::{ExtraField, MessageKey, PartId};
use mail_parser::{MessageParser, MimeHeaders};

fn composed(draft: &Draft) -> String {
    composed_as(draft, how())
}

fn composed_as(draft: &Draft, how: How) -> String {
    let mut out = Vec::new();
    let written = Composer::new(draft, how).write(&mut NoContents, &mut out);
    assert_eq!(written.unwrap().size_bytes, out.len() as u64);
    String::from_utf8(out).unwrap()
}

fn names(headers: &Headers<'_>) -> Vec<String> {
    let fields = headers.fields.iter();
    fields
        .map(|f| String::from_utf8_lossy(f.name).into_owned())
        .collect()
}

fn to_bo() -> Draft {
    let mut draft = draft();
    draft.to = Recipients::read("Bo <bo@y.org>");
    draft.subject = "Hi".to_owned();
    draft.body = "Text".to_owned();
    draft
}

fn attached(mime_type: &str, name: &str, bytes: &[u8]) -> Attached {
    Attached {
        content: Content::Bytes(bytes.to_vec()),
        name: name.to_owned(),
        mime_type: mime_type.to_owned(),
        charset: String::new(),
        size_bytes: None,
    }
}

#[test]
fn a_plain_message_is_these_bytes() {
    let mut draft = to_bo();
    draft.bcc = Recipients::read("secret@z.org");
    assert_eq!(
        composed(&draft),
        "Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
         From: \"Ann\" <ann@example.org>\r\n\
         To: \"Bo\" <bo@y.org>\r\n\
         Subject: Hi\r\n\
         Message-ID: <01010101010101010101010101010101@example.org>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=\"utf-8\"; format=\"flowed\"\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Text\r\n"
    );
    let route = route(&draft).unwrap();
    assert_eq!(route.sender, "ann@example.org");
    assert_eq!(route.recipients, ["bo@y.org", "secret@z.org"]);
}

#[test]
fn only_who_gets_a_copy_of_a_draft_sees_its_blind_copies() {
    let mut draft = draft();
    draft.bcc = Recipients::read("secret@z.org");
    let sent = composed(&draft);
    assert!(!sent.contains("secret") && sent.contains("To: undisclosed-recipients:;\r\n"));
    let kept = How {
        purpose: Purpose::Keeping,
        ..how()
    };
    assert!(composed_as(&draft, kept).contains("Bcc: <secret@z.org>\r\n"));
    draft.to = Recipients::read("half an addr");
    assert!(composed_as(&draft, kept).contains("To: \"half an addr\":;\r\n"));
    draft.to = Recipients::read("Bo <bo@y.org>, half an addr");
    let kept = composed_as(&draft, kept);
    assert!(kept.contains("To: \"Bo\" <bo@y.org>, \"half an addr\":;\r\n"));
    let parsed = envelope(kept.as_bytes());
    assert_eq!(parsed.to.len(), 1);
}

#[test]
fn nobody_gets_it_twice_and_nobody_wrong_gets_it() {
    let mut draft = to_bo();
    draft.cc = Recipients::read("BO@Y.org, c@bücher.de");
    draft.bcc = Recipients::read("c@xn--bcher-kva.de");
    let found = route(&draft).unwrap();
    assert_eq!(found.recipients, ["bo@y.org", "c@xn--bcher-kva.de"]);
    draft.cc = Recipients::read("c@");
    let fault = route(&draft).unwrap_err().to_string();
    assert_eq!(fault, "\"c@\" in Cc has no host after the @");
    draft.cc = Recipients::default();
    draft.to = Recipients::default();
    draft.bcc = Recipients::default();
    assert!(matches!(route(&draft), Err(ComposeError::NoRecipient)));
    draft.identity.address.address = "nonsense".to_owned();
    assert!(matches!(route(&draft), Err(ComposeError::Sender(..))));
}

#[test]
fn a_message_to_be_encrypted_is_never_written_in_clear() {
    let mut draft = to_bo();
    draft.sending.is_encrypted = true;
    let composer = Composer::new(&draft, how());
    let mut out = Vec::new();
    let fault = composer.write(&mut NoContents, &mut out).unwrap_err();
    assert!(matches!(fault, ComposeError::InClear) && out.is_empty());
    composer.entity(&mut NoContents, &mut out).unwrap();
    assert!(out.starts_with(b"Content-Type: text/plain;"));
}

#[test]
fn what_is_signed_holds_nothing_that_a_server_may_change() {
    let mut draft = to_bo();
    draft.sending.is_signed = true;
    draft.body = format!("Ü From\n{}\n-- \nAnn", "word ".repeat(40));
    draft.attachments = vec![attached(
        "message/rfc822",
        "m.eml",
        "A: b\r\n\r\nü ".as_bytes(),
    )];
    let mut out = Vec::new();
    let how = How {
        eight_bit: EightBit::Freely,
        ..how()
    };
    Composer::new(&draft, how)
        .entity(&mut NoContents, &mut out)
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.is_ascii());
    assert!(
        text.lines()
            .all(|l| !l.ends_with(' ') && !l.starts_with("From "))
    );
}

#[test]
fn markdown_goes_out_as_text_and_as_html() {
    let mut draft = to_bo();
    draft.body = "Say *hello*, Zoë".to_owned();
    draft.sending.is_markdown = true;
    draft.attachments = vec![attached("image/png", "p.png", &[0, 255])];
    let raw = composed(&draft);
    let parts = structure(raw.as_bytes());
    let kinds: Vec<String> = parts
        .parts
        .iter()
        .map(|p| format!("{} {}", p.id, p.mime_type))
        .collect();
    assert_eq!(
        kinds,
        [
            " multipart/mixed",
            "1 multipart/alternative",
            "1.1 text/plain",
            "1.2 text/html",
            "2 image/png"
        ]
    );
    let text = |id: &str| {
        let part = parts.part(&PartId::parse(id).unwrap()).unwrap();
        part_text(raw.as_bytes(), part).unwrap()
    };
    assert_eq!(text("1.1"), "Say *hello*, Zoë\r\n");
    assert!(text("1.2").contains("<em>hello</em>, Zoë"));
}

#[test]
fn what_is_attached_arrives_byte_for_byte() {
    let message = b"From: a@b\r\nSubject: x\r\n\r\n--=_x\r\n.\r\nno end";
    let mut draft = to_bo();
    draft.attachments = vec![
        attached(
            "application/pdf",
            "/home/ann/Jahresabschluß 2024.pdf",
            &[0, 10, 13, 255],
        ),
        attached("message/rfc822", "x.eml", message),
        attached("text/plain", "latin.txt", b"gr\xfc\xdfe\n"),
        attached("text/plain", "u.txt", "grüße".as_bytes()),
        attached("multipart/mixed", "trick", b"--x\r\n"),
        attached("nonsense", &format!("{}.bin", "long name ".repeat(30)), b""),
    ];
    let raw = composed(&draft);
    assert!(!raw.contains("/home"));
    let parts = structure(raw.as_bytes());
    for (n, wanted) in draft.attachments.iter().enumerate() {
        let id = PartId(vec![u16::try_from(n).unwrap() + 2]);
        let Content::Bytes(bytes) = &wanted.content else {
            panic!("bytes")
        };
        assert_eq!(part_body(raw.as_bytes(), &id).as_ref(), Some(bytes), "{id}");
    }
    let part = |n: usize| {
        parts
            .parts
            .iter()
            .filter(|p| p.id.0.len() == 1)
            .nth(n)
            .unwrap()
    };
    assert_eq!(part(1).name, "Jahresabschluß 2024.pdf");
    assert_eq!(part(2).mime_type, "message/rfc822");
    assert_eq!(
        (part(3).charset.as_str(), part(4).charset.as_str()),
        ("", "utf-8")
    );
    assert_eq!(part(5).mime_type, "application/octet-stream");
    assert!(part(6).name.starts_with("long name long name"));
    assert!(raw.lines().all(|l| l.len() <= 998));
}

#[test]
fn a_message_that_cannot_travel_as_one_goes_as_a_file() {
    let long = format!("A: b\r\n\r\n{}\r\n", "x".repeat(1200));
    for (bytes, eight_bit, kind) in [
        (
            &b"A: b\r\n\r\n\0"[..],
            EightBit::Freely,
            "application/octet-stream",
        ),
        (
            b"A: b\r\n\r\na\rb",
            EightBit::Freely,
            "application/octet-stream",
        ),
        (
            long.as_bytes(),
            EightBit::Freely,
            "application/octet-stream",
        ),
        (
            "A: b\r\n\r\nü".as_bytes(),
            EightBit::Never,
            "application/octet-stream",
        ),
        (
            "A: b\r\n\r\nü".as_bytes(),
            EightBit::WhereNeeded,
            "message/rfc822",
        ),
    ] {
        let mut draft = to_bo();
        draft.attachments = vec![attached("message/rfc822", "x.eml", bytes)];
        let raw = composed_as(&draft, How { eight_bit, ..how() });
        let part = structure(raw.as_bytes()).parts.pop().unwrap();
        assert_eq!(part.mime_type, kind);
        assert_eq!(part_body(raw.as_bytes(), &part.id).unwrap(), bytes);
    }
}

#[test]
fn what_the_server_must_be_able_to_do_is_known() {
    let needs = |draft: &Draft, eight_bit| {
        let composer = Composer::new(draft, How { eight_bit, ..how() });
        let written = composer.write(&mut NoContents, &mut Vec::new()).unwrap();
        (written.needs_8bitmime, written.needs_smtputf8)
    };
    let mut draft = to_bo();
    draft.body = "Grüße".to_owned();
    draft.subject = "Grüße".to_owned();
    draft.cc = Recipients::read("Ü <u@bücher.de>");
    assert_eq!(needs(&draft, EightBit::WhereNeeded), (false, false));
    assert_eq!(needs(&draft, EightBit::Freely), (true, false));
    draft.body = "ü".repeat(1000);
    assert_eq!(needs(&draft, EightBit::Freely), (false, false));
    draft.attachments = vec![attached("message/rfc822", "", "A: b\r\n\r\nü".as_bytes())];
    assert_eq!(needs(&draft, EightBit::WhereNeeded), (true, false));
    draft.attachments.clear();
    draft.bcc = Recipients::read("jörg@x.org");
    assert_eq!(needs(&draft, EightBit::Never), (false, true));
    draft.cc = Recipients::read("jörg@x.org");
    assert_eq!(needs(&draft, EightBit::Never), (true, true));
}

#[test]
fn a_reader_that_fails_or_changes_ends_the_writing() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    struct Open(u32);
    impl Contents for Open {
        fn open(&mut self, _: &Content) -> io::Result<Box<dyn Read + '_>> {
            self.0 += 1;
            if self.0 == 1 {
                return Ok(Box::new(&b"A: b\r\n\r\nx"[..]));
            }
            Ok(Box::new(&b"A: b\r\n\r\nx\0"[..]))
        }
    }
    struct Broken;
    impl Contents for Broken {
        fn open(&mut self, _: &Content) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(Failing))
        }
    }
    let mut draft = to_bo();
    draft.attachments = vec![attached("message/rfc822", "x.eml", b"")];
    draft.attachments[0].content = Content::Message(MessageKey(1));
    let write = |contents: &mut dyn Contents| {
        let composer = Composer::new(&draft, how());
        composer
            .write(contents, &mut Vec::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(write(&mut Open(0)), "\"x.eml\" has a NUL");
    assert_eq!(write(&mut Broken), "\"x.eml\" cannot be read: disk on fire");
    assert!(write(&mut NoContents).starts_with("\"x.eml\" cannot be read"));
}

#[test]
fn a_large_attachment_is_not_held_in_memory() {
    // No piece that is written, and no read, is larger than a small part of the whole.
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(buffer.len() < 1 << 20);
            let n = u64::try_from(buffer.len()).unwrap().min(self.0);
            self.0 -= n;
            Ok(usize::try_from(n).unwrap())
        }
    }
    struct Open;
    impl Contents for Open {
        fn open(&mut self, _: &Content) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(Endless(8 << 20)))
        }
    }
    struct Sink(usize);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(bytes.len() < 1 << 20);
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut draft = to_bo();
    draft.attachments = vec![attached("video/mp4", "x.mp4", b"")];
    draft.attachments[0].content = Content::Path("x.mp4".into());
    let mut sink = Sink(0);
    let written = Composer::new(&draft, how())
        .write(&mut Open, &mut sink)
        .unwrap();
    assert_eq!(written.size_bytes, sink.0 as u64);
    assert!(sink.0 > 10 << 20);
}

/// Any text, with what could break a header made likely.
fn wild() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let nasty = "(\r\nBcc: evil@x\r\n|\r\n\r\n|\r|\n|\0|\t|=\\?utf-8\\?Q\\?=0D=0ABcc:\\?=|\\?=|\"|\\\\|<|>|,|;|:|@| {1,3}|\u{202e}|\u{2028}|\u{85})";
    let piece = prop_oneof![
        nasty,
        "\\PC{0,20}",
        "[a-z]{0,90}",
        "[äß漢]{0,40}",
        any::<String>()
    ];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]

    #[test]
    fn the_output_has_exactly_the_fields_asked_for(
        subject in wild(), name in wild(), own_name in wild(), to in wild(), id in wild(),
        body in wild(), file in wild(), extra in wild(), kind in wild(), typed in wild(),
    ) {
        let mut draft = draft();
        draft.identity.address.name = own_name;
        let person = Address { name, address: "bo@y.org".to_owned() };
        draft.to = Recipients::of(&[person]);
        draft.cc = Recipients::read(&format!("c@z.org, {to}"));
        if draft.cc.first_problem().is_some() {
            draft.cc = Recipients::read("c@z.org");
        }
        draft.reply_to = Recipients::read(&typed);
        if draft.reply_to.first_problem().is_some() {
            draft.reply_to = Recipients::default();
        }
        draft.bcc = Recipients::read("secret@secret.org");
        draft.subject = subject;
        draft.body = body;
        draft.in_reply_to = vec![id.clone()];
        draft.references = vec!["first@x".to_owned(), id];
        draft.headers.extend(ExtraField::new("X-Extra", &extra).ok());
        draft.attachments = vec![attached(&kind, &file, b"data")];
        let raw = composed(&draft);
        let mut wanted = vec!["Date", "From"];
        let mut want = |name, is_there| if is_there { wanted.push(name) };
        want("Reply-To", !draft.reply_to.is_empty());
        want("To", true);
        want("Cc", true);
        want("Subject", !one_line(&draft.subject).is_empty());
        want("Message-ID", true);
        want("In-Reply-To", draft.in_reply_to.iter().any(|i| crate::mime::field::is_id(i)));
        want("References", true);
        want("X-Extra", draft.headers.iter().any(|h| !h.value().is_empty()));
        want("MIME-Version", true);
        want("Content-Type", true);
        let ours = parse_headers(raw.as_bytes());
        proptest::prop_assert_eq!(names(&ours), wanted.clone());
        proptest::prop_assert!(!raw.contains("secret"));
        proptest::prop_assert!(raw.is_ascii() || draft.cc.valid().chain(draft.reply_to.valid()).any(|a| !a.address.is_ascii()));
        proptest::prop_assert_eq!(ours.text("Subject"), one_line(&draft.subject));
        proptest::prop_assert_eq!(ours.addresses("To").len(), 1);
        proptest::prop_assert_eq!(ours.addresses("From").len(), 1);
        let theirs = MessageParser::new().parse(raw.as_bytes()).unwrap();
        let found: Vec<&str> = theirs.headers_raw().map(|(name, _)| name).collect();
        proptest::prop_assert_eq!(found, wanted);
        proptest::prop_assert_eq!(theirs.subject().unwrap_or_default().trim(), one_line(&draft.subject));
        proptest::prop_assert_eq!(theirs.to().unwrap().iter().count(), 1);
        let part = structure(raw.as_bytes()).parts.pop().unwrap();
        proptest::prop_assert_eq!(part_body(raw.as_bytes(), &part.id).unwrap(), b"data");
        proptest::prop_assert_eq!(theirs.attachment_count(), 1);
        proptest::prop_assert!(theirs.attachment(0).unwrap().contents() == b"data");
    }

    #[test]
    fn names_and_files_arrive_as_they_were(name in wild(), file in wild(), subject in wild()) {
        let mut draft = to_bo();
        draft.to = Recipients::of(&[Address { name: name.clone(), address: "bo@y.org".to_owned() }]);
        draft.attachments = vec![attached("application/pdf", &file, b"data")];
        draft.subject = subject;
        let wanted = draft.to.valid().next().unwrap().name.clone();
        let raw = composed(&draft);
        let theirs = MessageParser::new().parse(raw.as_bytes()).unwrap();
        let found = theirs.to().unwrap().first().unwrap().clone();
        proptest::prop_assert_eq!(found.name().unwrap_or_default().trim(), wanted.as_str());
        proptest::prop_assert_eq!(found.address(), Some("bo@y.org"));
        let sent = crate::mime::leaf::sent_name(&one_line(&file));
        let found = theirs.attachment(0).unwrap().attachment_name().unwrap_or_default();
        proptest::prop_assert_eq!(found, sent.as_str());
        let ours = structure(raw.as_bytes()).parts.pop().unwrap();
        proptest::prop_assert_eq!(ours.name, sent);
    }

    #[test]
    fn the_text_arrives_as_it_was(body in "([ -~äß漢\t\u{0}\u{1b}\r]{0,120}\n){0,6}") {
        let mut draft = to_bo();
        draft.body = body;
        for eight_bit in [EightBit::Never, EightBit::Freely] {
            let raw = composed_as(&draft, How { eight_bit, ..how() });
            let part = structure(raw.as_bytes()).parts.pop().unwrap();
            let sent = crate::mime::flowed::flow(&draft.body);
            let found = part_text(raw.as_bytes(), &part).unwrap();
            proptest::prop_assert_eq!(found.trim_end(), sent.trim_end());
        }
    }
}
