//! Tests of the MIME tree: numbering, decoding, broken and hostile structures.
//!
//! Called by the test runner alone. Must never rest on time: cost is shown by what is found.

use super::*;
use crate::mime::part_body;

fn shape(raw: &str) -> Vec<(String, String)> {
    structure(raw.as_bytes())
        .parts
        .into_iter()
        .map(|p| (p.id.to_string(), p.mime_type))
        .collect()
}

fn ids(raw: &str) -> String {
    let words: Vec<String> = shape(raw)
        .into_iter()
        .map(|(id, mime_type)| format!("{id}:{}", mime_type.rsplit('/').next().unwrap()))
        .collect();
    words.join(" ")
}

fn body(raw: &str, id: &str) -> Option<String> {
    part_body(raw.as_bytes(), &PartId::parse(id).unwrap())
        .map(|b| String::from_utf8_lossy(&b).into_owned())
}

/// The example of RFC 9051 section 6.4.5.1, whose numbers are given there.
fn rfc_example() -> String {
    "Content-Type: multipart/mixed; boundary=a\r\n\r\n\
     --a\r\nContent-Type: text/plain\r\n\r\none\r\n\
     --a\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n\
     --a\r\nContent-Type: message/rfc822\r\n\r\nSubject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
     --b\r\n\r\nthree-one\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\nthree-two\r\n--b--\r\n\
     --a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n\
     --c\r\nContent-Type: image/gif\r\n\r\nfour-one\r\n\
     --c\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n\
     --d\r\n\r\nfour-two-one\r\n\
     --d\r\nContent-Type: multipart/alternative; boundary=e\r\n\r\n\
     --e\r\nContent-Type: text/plain\r\n\r\nplain\r\n--e\r\nContent-Type: text/richtext\r\n\r\nrich\r\n--e--\r\n\
     --d--\r\n--c--\r\n--a--\r\n"
        .to_owned()
}

#[test]
fn parts_are_numbered_as_imap_numbers_them() {
    let raw = rfc_example();
    assert_eq!(
        ids(&raw),
        ":mixed 1:plain 2:octet-stream 3:rfc822 4:mixed 4.1:gif 4.2:rfc822"
    );
    for (id, text) in [
        ("1", "one"),
        ("2", "two"),
        ("3.1", "three-one"),
        ("3.2", "three-two"),
        ("4.1", "four-one"),
        ("4.2.1", "four-two-one"),
        ("4.2.2.1", "plain"),
        ("4.2.2.2", "rich"),
    ] {
        assert_eq!(body(&raw, id).as_deref(), Some(text), "{id}");
    }
    assert_eq!(body(&raw, "5"), None);
    assert_eq!(body(&raw, "3.3"), None);
    let attached = structure(raw.as_bytes());
    assert_eq!(attached.part(&PartId(vec![3])).unwrap().name, "three");
}

#[test]
fn a_message_that_is_one_part_has_the_number_one() {
    let raw = "Subject: x\r\nContent-Transfer-Encoding: BASE64\r\n\r\naGVsbG8=\r\n";
    assert_eq!(ids(raw), "1:plain");
    assert_eq!(body(raw, "1").as_deref(), Some("hello"));
    assert_eq!(ids(""), "1:plain");
    assert_eq!(ids("just text"), "1:plain");
    assert_eq!(body("just text", "1").as_deref(), Some("just text"));
    let nested = "Content-Type: message/rfc822\n\nSubject: in\n\ntext";
    assert_eq!(ids(nested), "1:rfc822");
    assert_eq!(body(nested, "1.1").as_deref(), Some("text"));
}

#[test]
fn the_break_before_a_boundary_belongs_to_it_and_no_other() {
    let raw = "Content-Type: multipart/mixed; boundary=\"x y\"\n\npre\n--x y  \n\na\n\n--x y\n\n--x y--\nepi\n";
    assert_eq!(ids(raw), ":mixed 1:plain 2:plain");
    assert_eq!(body(raw, "1").as_deref(), Some("a\n"));
    assert_eq!(body(raw, "2").as_deref(), Some(""));
}

#[test]
fn a_boundary_that_begins_like_another_is_told_apart() {
    let raw = "Content-Type: multipart/mixed; boundary=foo\n\n--foo\n\
        Content-Type: multipart/alternative; boundary=foobar\n\n--foobar\n\nin\n--foobar--\n--foo\n\nout\n--foo--\n";
    assert_eq!(ids(raw), ":mixed 1:alternative 1.1:plain 2:plain");
    assert_eq!(body(raw, "2").as_deref(), Some("out"));
}

#[test]
fn broken_structures_are_shown_as_far_as_they_go() {
    let head = "Content-Type: multipart/mixed; boundary=x\n\n";
    // No end, an inner group without an end, a header cut by a boundary.
    assert_eq!(
        ids(&format!("{head}--x\n\na\n--x\n\nb")),
        ":mixed 1:plain 2:plain"
    );
    let inner = format!(
        "{head}--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\na\n--x\n\nb\n--x--\n"
    );
    assert_eq!(ids(&inner), ":mixed 1:mixed 1.1:plain 2:plain");
    assert_eq!(body(&inner, "1.1").as_deref(), Some("a"));
    let cut = format!("{head}--x\nContent-Type: text/html\n--x\n\nb\n--x--");
    assert_eq!(ids(&cut), ":mixed 1:html 2:plain");
    // A group without boundary or without any part is text.
    assert_eq!(ids("Content-Type: multipart/mixed\n\ntext"), "1:plain");
    assert_eq!(ids(&format!("{head}text without parts")), "1:plain");
    assert_eq!(
        body(&format!("{head}text without parts"), "1").as_deref(),
        Some("text without parts")
    );
    assert_eq!(ids("Content-Type: text\n\nx"), "1:plain");
    assert_eq!(ids("Content-Type: ;;;=\n\nx"), "1:plain");
}

#[test]
fn a_boundary_that_the_header_misnames_is_found() {
    let raw = "Content-Type: multipart/mixed; boundary=named\n\n--true\nContent-Type: text/html\n\n<b>\n--true--\n";
    assert_eq!(ids(raw), ":mixed 1:html");
    assert_eq!(body(raw, "1").as_deref(), Some("<b>"));
    // A list of options is no part.
    assert_eq!(
        ids("Content-Type: multipart/mixed; boundary=x\n\n--help\nshows help"),
        "1:plain"
    );
}

#[test]
fn empty_lines_before_the_header_are_passed_over() {
    let raw = "\r\n\r\nContent-Type: text/html\r\n\r\n<b>";
    assert_eq!(ids(raw), "1:html");
    assert_eq!(body(raw, "1").as_deref(), Some("<b>"));
    assert_eq!(
        body("\n\nno field here", "1").as_deref(),
        Some("\nno field here")
    );
}

#[test]
fn parts_of_a_digest_are_messages() {
    let raw = "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: one\n\na\n--x\n\nSubject: two\n\nb\n--x--";
    assert_eq!(ids(raw), ":digest 1:rfc822 2:rfc822");
    assert_eq!(body(raw, "2.1").as_deref(), Some("b"));
}

#[test]
fn an_attached_message_in_base64_is_named_and_opened() {
    let raw = "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\
        Content-Transfer-Encoding: base64\n\nU3ViamVjdDogaGkKCnRleHQ=\n--x--\n";
    let found = structure(raw.as_bytes());
    assert_eq!(found.parts[1].name, "hi");
    assert!(found.parts[1].is_attachment());
    assert_eq!(body(raw, "1.1").as_deref(), Some("text"));
}

#[test]
fn a_part_fetched_alone_is_decoded() {
    let told = Part {
        mime_type: "text/html".to_owned(),
        charset: "ISO-8859-1".to_owned(),
        encoding: "quoted-printable".to_owned(),
        name: "a.html".to_owned(),
        ..Part::default()
    };
    let raw =
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=E4=\r\n";
    let part = decode_part(raw, told.clone());
    assert_eq!(part.bytes, b"\xe4");
    assert_eq!(
        (
            part.mime_type.as_str(),
            part.charset.as_str(),
            part.name.as_str()
        ),
        ("text/html", "ISO-8859-1", "a.html")
    );
    // Its own header knows better, and where there is none, what was told counts.
    let plain = b"Content-Transfer-Encoding: 8bit\r\n\r\n=E4";
    assert_eq!(decode_part(plain, told.clone()).bytes, b"=E4");
    assert_eq!(decode_part(b"\r\nA: =62", told).bytes, b"A: b");
    assert_eq!(decode_part(b"", Part::default()).bytes, b"");
}

#[test]
fn a_text_is_read_in_the_charset_of_its_field_or_page() {
    for raw in [
        &b"Content-Type: text/plain; charset=koi8-r\n\n\xf0\xd2\xc9"[..],
        b"Content-Type: text/html\n\n<meta charset=\"koi8-r\">\xf0\xd2\xc9",
    ] {
        let text = part_text(raw, &structure(raw).parts[0]).unwrap();
        assert!(text.ends_with("При"), "{text}");
    }
}

#[test]
fn a_hundred_thousand_parts_are_cut_and_the_text_stays() {
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n{}",
        "--x\n\nhello\n".repeat(100_000)
    );
    let nodes = scan(raw.as_bytes());
    assert_eq!(nodes.len(), PARTS_MAX);
}

#[test]
fn ten_thousand_levels_end_in_one_opaque_part() {
    use std::fmt::Write;
    let mut raw = String::new();
    for n in 0..10_000 {
        write!(
            raw,
            "Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"
        )
        .unwrap();
    }
    let nodes = scan(raw.as_bytes());
    assert_eq!(nodes.len(), DEPTH_MAX + 1);
    assert!(nodes.last().unwrap().part.is_attachment());
    let raw = "Content-Type: message/rfc822\n\n".repeat(10_000);
    assert_eq!(ids(&raw), "1:rfc822");
    let deep = PartId(vec![1; 9_000]);
    assert_eq!(part_body(raw.as_bytes(), &deep), None);
}

#[test]
fn ten_mebibytes_of_header_are_read_once() {
    let one = format!("Subject: {}\n\nbody", "x".repeat(10 << 20));
    assert_eq!(body(&one, "1").as_deref(), Some("body"));
    let many = format!("{}\nbody", "A: b\n".repeat(2 << 20));
    assert_eq!(body(&many, "1").as_deref(), Some("body"));
    let folds = format!("A: b\n{}\nbody", " x\n".repeat(2 << 20));
    assert_eq!(body(&folds, "1").as_deref(), Some("body"));
}
