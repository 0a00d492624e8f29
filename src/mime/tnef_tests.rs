//! Tests of reading `winmail.dat`, with files put together here.
//!
//! Called by the test runner, and by other tests of `mime` for the files. Must never depend on the
//! corpus folder.

use super::*;

fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let mut out = vec![level];
    out.extend(id.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    out.extend(data);
    let sum = data
        .iter()
        .fold(0u16, |sum, b| sum.wrapping_add(u16::from(*b)));
    out.extend(sum.to_le_bytes());
    out
}

fn counted(id: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(id.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    out.extend(value);
    out.extend(std::iter::repeat_n(0, value.len().wrapping_neg() % 4));
    out
}

fn number(id: u16, value: u32) -> Vec<u8> {
    let mut out = 3u16.to_le_bytes().to_vec();
    out.extend(id.to_le_bytes());
    out.extend(value.to_le_bytes());
    out
}

fn set(props: &[Vec<u8>]) -> Vec<u8> {
    let mut out = u32::try_from(props.len()).unwrap().to_le_bytes().to_vec();
    out.extend(props.concat());
    out
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn whole(attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out = SIGNATURE.to_le_bytes().to_vec();
    out.extend([1, 0]);
    out.extend(attributes.concat());
    out
}

/// A file with a short name and a long one.
fn file(short: &str, long: &str, bytes: &[u8]) -> Vec<u8> {
    let props = set(&[counted(0x3707, UNICODE, &utf16(long))]);
    [
        attribute(2, 0x0006_9002, &[1, 0, 0, 0]),
        attribute(2, 0x0001_8010, format!("{short}\0").as_bytes()),
        attribute(2, 0x0006_800f, bytes),
        attribute(2, 0x0006_9005, &props),
    ]
    .concat()
}

/// One with a page that shows a picture of its own.
pub(crate) fn with_page() -> Vec<u8> {
    let page = "<p>See <img src=cid:boat@x alt=Boat width=90 height=90></p>";
    let picture = set(&[
        counted(0x3707, UNICODE, &utf16("boat.png")),
        counted(0x370e, UNICODE, &utf16("image/png")),
        counted(0x3712, UNICODE, &utf16("<boat@x>")),
    ]);
    whole(&[
        attribute(1, 0x0001_8004, b"Regatta\0"),
        attribute(
            1,
            0x0006_9003,
            &set(&[counted(0x1013, UNICODE, &utf16(page))]),
        ),
        file("b.bin", "", &[0, 1, 2]),
        attribute(2, 0x0006_9002, &[1, 0, 0, 0]),
        attribute(2, 0x0006_800f, b"boat"),
        attribute(2, 0x0006_9005, &picture),
    ])
}

/// One with a text, two files and an attached message that has a file too.
pub(crate) fn sample() -> Vec<u8> {
    let inner = whole(&[
        attribute(1, 0x0001_8004, b"Inner\0"),
        attribute(1, 0x0002_800c, b"Words inside.\0"),
        file("deep.txt", "", b"deep"),
    ]);
    let object = [[7u8; 16].as_slice(), &inner].concat();
    let attached = set(&[
        counted(0x3701, OBJECT, &object),
        number(0x3705, METHOD_MESSAGE),
        counted(0x3707, UNICODE, &utf16("Fwd")),
    ]);
    let mut named = 0x001eu16.to_le_bytes().to_vec();
    named.extend(0x8005u16.to_le_bytes());
    named.extend([9; 16]);
    named.extend(1u32.to_le_bytes());
    named.extend(6u32.to_le_bytes());
    named.extend(b"a\0b\0\0\0\0\0");
    named.extend(counted(0, 0, b"skipped").split_off(4));
    whole(&[
        attribute(1, 0x0006_9007, &[0xe3, 4, 0, 0, 0, 0, 0, 0]),
        attribute(1, 0x0001_8004, b"\xcf\xf0\xe8\0"),
        attribute(
            1,
            0x0006_9003,
            &set(&[named, counted(0x1000, TEXT, b"\xcf\xf0\xe8\xe2\xe5\xf2\0")]),
        ),
        file("PLAN~1.PDF", "План проекта.pdf", b"%PDF"),
        file("b.bin", "", &[0, 1, 2]),
        attribute(2, 0x0006_9002, &[1, 0, 0, 0]),
        attribute(2, 0x0006_9005, &attached),
    ])
}

#[test]
fn files_texts_and_attached_messages_are_read() {
    let raw = sample();
    let tnef = parse(&raw).unwrap();
    assert_eq!(
        (tnef.subject.as_str(), tnef.text.as_str()),
        ("При", "Привет")
    );
    let files: Vec<(&str, &[u8])> = tnef
        .files
        .iter()
        .map(|f| (f.name.as_str(), f.bytes))
        .collect();
    assert_eq!(files[0], ("План проекта.pdf", &b"%PDF"[..]));
    assert_eq!(files[1], ("b.bin", &[0, 1, 2][..]));
    assert!(tnef.files[2].is_message);
    let inner = parse(tnef.files[2].bytes).unwrap();
    assert_eq!(
        (inner.subject.as_str(), inner.text.as_str()),
        ("Inner", "Words inside.")
    );
    assert_eq!(
        (inner.files[0].name.as_str(), inner.files[0].bytes),
        ("deep.txt", &b"deep"[..])
    );
}

#[test]
fn a_page_is_read_in_its_own_charset() {
    let props = set(&[
        counted(0x1013, BINARY, "<p>né</p>".as_bytes()),
        number(0x3fde, 65001),
        counted(0x1009, BINARY, b"LZFu"),
    ]);
    let raw = whole(&[attribute(1, 0x0006_9003, &props)]);
    let tnef = parse(&raw).unwrap();
    assert_eq!((tnef.html.as_str(), tnef.has_rtf), ("<p>né</p>", true));
}

#[test]
fn lengths_and_counts_that_lie_are_not_believed() {
    let raw = sample();
    for cut in 0..raw.len() {
        if let Some(tnef) = parse(&raw[..cut]) {
            assert!(tnef.files.iter().map(|f| f.bytes.len()).sum::<usize>() <= cut);
        }
    }
    for at in 6..raw.len() {
        let mut bad = raw.clone();
        bad[at] = 0xff;
        assert!(parse(&bad).is_some());
    }
    let many = [u32::MAX.to_le_bytes().as_slice(), &[2, 0, 1, 0, 0, 0, 0, 0]].concat();
    assert_eq!(props(&many).len(), 1);
    assert_eq!(parse(b"no such thing"), None);
    assert_eq!(parse(b""), None);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what is tested is how long it takes"
)]
fn values_that_take_no_bytes_take_no_time_however_many_there_are_said_to_be() {
    let mut nothing = (0x0001 | MANY).to_le_bytes().to_vec();
    nothing.extend([1, 0]);
    nothing.extend(10_000u32.to_le_bytes());
    let many = attribute(1, 0x0006_9003, &set(&vec![nothing; PROPS_MAX]));
    let raw = whole(&vec![many; 10]);
    let begun = std::time::Instant::now();
    assert!(parse(&raw).is_some());
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
}

#[test]
fn a_flood_of_files_is_cut() {
    let raw = whole(&vec![file("a", "b", b"c"); FILES_MAX + 10]);
    assert_eq!(parse(&raw).unwrap().files.len(), FILES_MAX);
}
