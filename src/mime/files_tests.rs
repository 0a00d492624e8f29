//! Tests of what is listed, saved and opened: inside of texts, of winmail.dat and of attached messages.
//!
//! Called by the test runner alone. Must never depend on the corpus folder.

use super::super::tnef::tests::{sample, with_page};
use super::super::{part, part_body, structure};
use super::*;
use crate::model::{Line, LineKind};

fn listing(files: &[File]) -> Vec<String> {
    files
        .iter()
        .map(|f| format!("{} {} {} {}", f.part, f.name, f.mime_type, f.size_bytes))
        .collect()
}

fn lines(body: &[Line]) -> Vec<String> {
    let text = |l: &Line| l.spans.iter().map(|s| s.text.as_str()).collect();
    body.iter().map(text).collect()
}

fn whole(raw: &[u8]) -> (Vec<String>, Reading) {
    let source = Source::Whole(raw);
    (
        listing(&files(source)),
        render::reading(source, 80, Form::Auto),
    )
}

/// The same message as it is when its parts were fetched one by one.
fn apart(raw: &[u8]) -> (Vec<String>, Reading) {
    let structure = structure(raw);
    let nodes = super::super::tree::scan(raw);
    let needed: Vec<&PartId> = structure.needed().map(|p| &p.id).collect();
    let parts: Vec<(PartId, Vec<u8>)> = nodes
        .iter()
        .filter(|n| needed.contains(&&n.part.id))
        .map(|n| (n.part.id.clone(), raw[n.header.start..n.body.end].to_vec()))
        .collect();
    let header = &raw[..super::super::parse_headers(raw).body_at];
    let source = Source::Parts {
        header,
        structure: &structure,
        parts: &parts,
    };
    (
        listing(&files(source)),
        render::reading(source, 80, Form::Auto),
    )
}

fn bytes(raw: &[u8], id: &str) -> Option<Vec<u8>> {
    part_body(raw, &PartId::parse(id).unwrap())
}

fn base64(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    super::super::encode::base64(bytes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn with_winmail(text: &str) -> Vec<u8> {
    around(text, &sample())
}

fn around(text: &str, winmail: &[u8]) -> Vec<u8> {
    format!(
        "Subject: s\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n{text}\n--x\n\
         Content-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n{}\n--x--\n",
        base64(winmail)
    )
    .into_bytes()
}

#[test]
fn a_uuencoded_file_is_listed_saved_and_gone_from_the_text() {
    let raw = b"Subject: old\n\nHere it is:\n\nbegin 644 a/cat.txt\n#0V%T\n`\nend\n\nBye\n";
    let (listed, reading) = whole(raw);
    assert_eq!(listed, ["1.1 cat.txt text/plain 3"]);
    assert_eq!(bytes(raw, "1.1").unwrap(), b"Cat");
    assert_eq!(bytes(raw, "1.2"), None);
    assert_eq!(
        lines(&reading.body),
        [
            "Here it is:",
            "[The file cat.txt, 3 bytes, is among the attachments.]",
            "Bye"
        ]
    );
    assert_eq!(reading.body[1].kind, LineKind::Note);
    assert_eq!(apart(raw), (listed, reading));
}

#[test]
fn the_files_of_a_winmail_are_listed_in_its_place() {
    let raw = with_winmail("Hello.");
    let (listed, reading) = whole(&raw);
    assert_eq!(
        listed,
        [
            "2.1 План проекта.pdf application/pdf 4",
            "2.2 b.bin application/octet-stream 3",
            "2.3 Inner.tnef application/ms-tnef 129"
        ]
    );
    assert_eq!(lines(&reading.body), ["Hello."]);
    assert_eq!(bytes(&raw, "2.1").unwrap(), b"%PDF");
    assert_eq!(bytes(&raw, "2.3.1").unwrap(), b"deep");
    assert_eq!(bytes(&raw, "2").unwrap(), sample());
    assert_eq!(bytes(&raw, "2.4"), None);
    assert_eq!(apart(&raw), (listed, reading));
}

#[test]
fn the_text_of_a_winmail_is_read_where_there_is_no_other() {
    let raw = with_winmail(" ");
    let (listed, reading) = whole(&raw);
    assert_eq!(lines(&reading.body), ["Привет"]);
    assert_eq!(apart(&raw), (listed, reading));
}

#[test]
fn a_winmail_that_cannot_be_read_is_a_file() {
    let raw = b"Content-Type: application/ms-tnef; name=winmail.dat\n\nno such thing";
    assert_eq!(whole(raw).0, ["1 winmail.dat application/ms-tnef 13"]);
}

fn opened(raw: &[u8], id: &str) -> Option<Reading> {
    let id = PartId::parse(id).unwrap();
    reading_inside(&part(raw, &id)?, &id, 80, Form::Auto)
}

const FORWARD: &str = "Subject: outer\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nSee below.\n--x\n\
    Content-Type: message/rfc822\n\nFrom: Ann <ann@x.org>\nSubject: inner\n\
    Content-Type: multipart/mixed; boundary=y\n\n--y\n\nInner words.\nbegin 644 cat.txt\n#0V%T\n`\nend\n--y\n\
    Content-Type: application/pdf; name=a.pdf\n\n%PDF\n--y\nContent-Type: message/rfc822\n\n\
    Subject: deep\n\nDeep words.\n--y--\n--x--\n";

#[test]
fn an_attached_message_is_read_as_one_and_its_files_are_numbered_on() {
    let raw = FORWARD.as_bytes();
    assert_eq!(whole(raw).0, ["2 inner.eml message/rfc822 246"]);
    let inner = opened(raw, "2").unwrap();
    let subject = inner.headers.last().unwrap();
    assert_eq!(
        (subject.0.as_str(), subject.1.as_str()),
        ("Subject", "inner")
    );
    assert_eq!(lines(&inner.body)[0], "Inner words.");
    let files: Vec<(String, &str, bool)> = inner
        .attachments
        .iter()
        .map(|a| (a.part.to_string(), a.name.as_str(), a.is_readable()))
        .collect();
    assert_eq!(
        files,
        [
            ("2.1.1".to_owned(), "cat.txt", false),
            ("2.2".to_owned(), "a.pdf", false),
            ("2.3".to_owned(), "deep.eml", true)
        ]
    );
    assert_eq!(bytes(raw, "2.1.1").unwrap(), b"Cat");
    assert_eq!(bytes(raw, "2.2").unwrap(), b"%PDF");
    assert_eq!(lines(&opened(raw, "2.3").unwrap().body), ["Deep words."]);
    assert_eq!(opened(raw, "2.2"), None);
    assert_eq!(opened(raw, "1"), None);
}

#[test]
fn the_pictures_of_an_attached_message_are_numbered_on_and_can_be_had() {
    let raw = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nSee below.\n--x\nContent-Type: message/rfc822\n\n\
        Content-Type: multipart/related; boundary=y\n\n--y\nContent-Type: text/html\n\n\
        <img src=cid:p@x alt=Boat width=300><img src=https://x.example/far.png alt=Far width=300>\n--y\n\
        Content-Type: image/png\nContent-ID: <p@x>\n\nboat\n--y--\n--x--\n";
    let inner = opened(raw.as_bytes(), "2").unwrap();
    let sources: Vec<&PictureSource> = inner.pictures.iter().map(|p| &p.source).collect();
    let far = PictureSource::Remote("https://x.example/far.png".to_owned());
    let boat = PictureSource::Part(PartId(vec![2, 2]));
    assert_eq!(sources, [&boat, &far]);
    assert_eq!(bytes(raw.as_bytes(), "2.2").unwrap(), b"boat");
}

#[test]
fn a_wrapped_message_is_read_as_one() {
    let raw = with_winmail("Hello.");
    let inner = opened(&raw, "2.3").unwrap();
    assert_eq!(lines(&inner.body), ["Words inside."]);
    assert_eq!(inner.headers[0].1.as_str(), "Inner");
    assert_eq!(inner.attachments[0].part.to_string(), "2.3.1");
    let outer = opened(&raw, "2").unwrap();
    assert_eq!(outer.attachments.len(), 3);
}

#[test]
fn the_pictures_of_a_wrapped_page_are_found_wherever_it_is_read() {
    let boat = PictureSource::Part(PartId(vec![2, 2]));
    let raw = around(" ", &with_page());
    for reading in [opened(&raw, "2").unwrap(), whole(&raw).1] {
        let sources: Vec<_> = reading.pictures.iter().map(|p| &p.source).collect();
        assert_eq!(sources, [&boat]);
    }
    assert_eq!(bytes(&raw, "2.2").unwrap(), b"boat");
    let part = super::super::part(&raw, &PartId(vec![2])).unwrap();
    let page = super::super::page_inside(&part).unwrap();
    let inline = format!("src=\"data:image/png;base64,{}\"", base64(b"boat").trim());
    assert!(page.html.contains(&inline), "{}", page.html);
    assert!(page.html.contains("<title>Regatta</title>"));
}

#[test]
fn a_message_that_was_sent_as_a_file_is_read_as_one() {
    let raw = format!(
        "Content-Type: application/octet-stream; name=mail.EML\nContent-Transfer-Encoding: base64\n\n{}",
        base64(b"Subject: s\n\nwords")
    );
    assert_eq!(lines(&opened(raw.as_bytes(), "1").unwrap().body), ["words"]);
}

#[test]
fn the_part_that_must_be_fetched_is_found_by_its_beginning() {
    let structure = structure(FORWARD.as_bytes());
    for (id, holder, rest) in [
        ("2.3.1", "2", &[3, 1][..]),
        ("1", "1", &[]),
        ("2", "2", &[]),
    ] {
        let id = PartId::parse(id).unwrap();
        let found = super::super::holder(&structure, &id).unwrap();
        assert_eq!((found.0.to_string().as_str(), found.1), (holder, rest));
    }
    let nowhere = PartId::parse("7.1").unwrap();
    assert_eq!(super::super::holder(&structure, &nowhere), None);
}

#[test]
fn messages_inside_one_another_end_somewhere() {
    let mut raw = b"Subject: core\n\nwords".to_vec();
    for _ in 0..500 {
        raw = [b"Content-Type: message/rfc822\n\n".as_slice(), &raw].concat();
    }
    let id = |depth: usize| PartId(vec![1; depth]);
    assert!(part(&raw, &id(50)).is_some());
    assert!(part(&raw, &id(5_000)).is_none());
}
