//! Attached messages and the files inside of parts, against a real Dovecot: opened, listed and saved.
//!
//! The message is so large that it is fetched in parts. What came in parts must be what the whole
//! message holds.

use crate::support::desk::{Desk, account, placed};
use crate::support::{Dovecot, Kind};
use pillarbox::bus::Command;
use pillarbox::mime::{self, Form, Source};
use pillarbox::model::{LineKind, PartId, Placed, Reading};
use std::fs;

/// A file in what Outlook makes (MS-OXTNEF section 2.1.3).
fn winmail(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x9f, 0x3e, 0x22, 1, 0];
    let name = format!("{name}\0");
    for (id, data) in [
        (0x0006_9002u32, &[1u8, 0, 0, 0][..]),
        (0x0001_8010, name.as_bytes()),
        (0x0006_800f, bytes),
    ] {
        out.push(2);
        out.extend(id.to_le_bytes());
        out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend(data);
        out.extend([0, 0]);
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|b| format!("={b:02X}")).collect();
    digits
        .chunks(20)
        .map(|line| line.concat() + "=\r\n")
        .collect()
}

/// Words with a uuencoded file, much, an attached message with files of its own, and a winmail.dat.
fn large() -> String {
    let text = "From: ann@example.org\r\nSubject: outer\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=a\r\n\r\n\
        --a\r\n\r\nSee all of this.\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n\
        --a\r\nContent-Type: application/octet-stream; name=big.bin\r\n\r\nBIG\
        --a\r\nContent-Type: message/rfc822\r\n\r\n\
        From: Zoe <zoe@example.org>\r\nSubject: inner\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\n\r\nWords inside.\r\n\
        --b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: deep\r\n\r\nDeep words.\r\n--b--\r\n\r\n\
        --a\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nWINMAIL\
        --a--\r\n";
    let big = "0123456789 and so on\r\n".repeat(20_000);
    text.replace("BIG", &big).replace(
        "WINMAIL",
        &(hex(&winmail("plan.txt", b"the plan")) + "\r\n"),
    )
}

fn opened() -> (tempfile::TempDir, Desk, Placed) {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    dovecot.deliver(&user, "INBOX", &large());
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    desk.send(Command::LookAt(Some(inbox)));
    let row = desk.wait_rows("the message", inbox, |rows| rows.len() == 1);
    (folder, desk, placed(&row[0]))
}

fn id(text: &str) -> PartId {
    PartId::parse(text).unwrap()
}

fn words(reading: &Reading) -> Vec<String> {
    let lines = reading.body.iter().filter(|l| l.kind != LineKind::Note);
    let text = |l: &pillarbox::model::Line| l.spans.iter().map(|s| s.text.as_str()).collect();
    lines.map(text).collect()
}

fn names(reading: &Reading) -> Vec<String> {
    let name = |a: &pillarbox::model::Attachment| format!("{} {}", a.part, a.name);
    reading.attachments.iter().map(name).collect()
}

#[test]
fn what_is_fetched_in_parts_is_read_like_the_whole_message() {
    let (_folder, mut desk, message) = opened();
    let outer = desk.open(message).unwrap();
    assert_eq!(words(&outer), ["See all of this."]);
    assert_eq!(
        names(&outer),
        ["1.1 cat.txt", "2 big.bin", "3 inner.eml", "4.1 plan.txt"]
    );
    let raw = large();
    let whole = mime::reading(Source::Whole(raw.as_bytes()), 80, Form::Auto);
    assert_eq!(outer.attachments, whole.attachments);
    assert_eq!(outer.body, whole.body);
    let inner = desk.open_inside(message, id("3")).unwrap();
    assert_eq!(words(&inner), ["Words inside."]);
    assert_eq!(names(&inner), ["3.2 a.pdf", "3.3 deep.eml"]);
    let part = mime::part(raw.as_bytes(), &id("3")).unwrap();
    let cut = mime::reading_inside(&part, &id("3"), 80, Form::Auto).unwrap();
    assert_eq!(inner, cut);
    let deep = desk.open_inside(message, id("3.3")).unwrap();
    assert_eq!(words(&deep), ["Deep words."]);
    for no_message in ["1", "3.2", "9", "3.9"] {
        assert!(
            desk.open_inside(message, id(no_message)).is_err(),
            "{no_message}"
        );
    }
    desk.stop();
}

#[test]
fn an_attached_message_that_was_opened_opens_again_without_the_network() {
    let (_folder, mut desk, message) = opened();
    desk.open(message).unwrap();
    let before = desk.open_inside(message, id("3")).unwrap();
    desk.send(Command::SetOffline(true));
    assert_eq!(desk.open_inside(message, id("3")), Ok(before));
    assert!(
        desk.open_inside(message, id("2")).is_err(),
        "was never fetched"
    );
    desk.stop();
}

#[test]
fn files_are_saved_from_wherever_they_lie() {
    let (_folder, mut desk, message) = opened();
    let parts = ["1.1", "3.2", "4.1", "3.3"].map(id).to_vec();
    let files = desk.save_parts(message, parts);
    let read: Vec<(String, Vec<u8>)> = files
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    let read: Vec<(&str, &[u8])> = read
        .iter()
        .map(|(n, b)| (n.as_str(), b.as_slice()))
        .collect();
    assert_eq!(
        read,
        [
            ("cat.txt", &b"Cat"[..]),
            ("a.pdf", b"%PDF"),
            ("plan.txt", b"the plan"),
            ("deep.eml", b"Subject: deep\r\n\r\nDeep words."),
        ]
    );
    let all: Vec<String> = desk
        .save(message)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(all, ["cat (2).txt", "big.bin", "inner.eml", "plan (2).txt"]);
    desk.stop();
}
