//! What is written is read again as the same bytes and flags; what others wrote is read as they meant.

use super::*;
use crate::model::Keyword;
use proptest::prelude::*;
use std::path::PathBuf;

fn message(raw: &[u8], flags: &[&str]) -> Message {
    Message {
        raw: raw.to_vec(),
        flags: FlagSet::from_wire(flags.iter().copied()),
        arrived: Some(Moment {
            unix_secs: 1_136_214_245,
            offset_mins: 0,
        }),
    }
}

/// What comes back of an archive of that format.
fn there_and_back(format: Format, messages: &[Message]) -> Vec<Message> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let mut destination = Destination::create(&path, format, false, 1_700_000_000).unwrap();
    for message in messages {
        destination.put(message).unwrap();
    }
    assert_eq!(destination.finish().unwrap(), 0);
    let back = read(&path);
    assert!(!folder.path().join("archive.partial").exists());
    back
}

fn read(path: &Path) -> Vec<Message> {
    let mut source = Source::open(path).unwrap().expect("an archive");
    let mut found = Vec::new();
    while let Some(next) = source.take_next().unwrap() {
        found.push(next.message.unwrap());
    }
    assert_eq!(source.percent(), 100);
    found
}

/// What a file of others is read as: texts and flags.
fn read_file(bytes: &[u8]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theirs");
    fs::write(&path, bytes).unwrap();
    let all = read(&path).into_iter();
    all.map(|m| (String::from_utf8(m.raw).unwrap(), m.flags.to_string()))
        .collect()
}

/// Pieces that an mbox could stumble over.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let texts: Vec<&[u8]> = vec![
        b"\n",
        b"\r\n",
        b"\r",
        b"\r\r\n",
        b"From ",
        b">From ",
        b">>From x",
        b"\nFrom a@b.org Mon Jan  2 15:04:05 2006\n",
        b"\r\n\r\nFrom a@b.org Mon Jan  2 15:04:05 2006\r\nSubject: x\r\n",
        b"Subject: x\r\n",
        b"Status: RO\r\n",
        b"X-Status: A\r\n",
        b"X-Keywords: a b\r\n",
        b"X-Mozilla-Status: 0001\r\n",
        b"Content-Length: 7\r\n",
        b"Content-Length: 80\n",
        b"X-Pillarbox-Mbox: 5 crlf\n",
        b"X-Pillarbox-Mbox: 12 exact\r\n",
        b" folded\r\n",
        b"text\r\n",
        b"\0",
        b"\xff\xfe",
        b"X-IMAP: 1\r\n",
    ];
    prop_oneof![
        4 => prop::sample::select(texts).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let raw = prop::collection::vec(piece(), 0..14).prop_map(|pieces| pieces.concat());
    let words = prop::sample::subsequence(vec!["work", "$Junk", "to-do", "Zebra", "a"], 0..5);
    (raw, 0_u8..64, words, -100_000_000_i64..4_000_000_000).prop_map(|(raw, bits, words, secs)| {
        let mut flags = FlagSet::from_stored(bits, "");
        for word in words {
            flags.insert_keyword(Keyword::new(word).unwrap());
        }
        let arrived = Some(Moment {
            unix_secs: secs,
            offset_mins: 0,
        });
        Message {
            raw,
            flags,
            arrived,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_mbox_gives_back_any_bytes_and_flags_in_their_order(messages in prop::collection::vec(any_message(), 0..6)) {
        prop_assert_eq!(there_and_back(Format::Mbox, &messages), messages);
    }

    #[test]
    fn no_bytes_end_the_reader_of_an_mbox(pieces in prop::collection::vec(piece(), 0..30)) {
        let bytes = [b"From x".as_slice(), &pieces.concat()].concat();
        for limit in [0, 7, 64, MESSAGE_MAX] {
            let mut reader = MboxReader::new(bytes.as_slice(), limit);
            let mut count = 0;
            while reader.next().unwrap().is_some() {
                count += 1;
            }
            prop_assert!(count >= 1);
            prop_assert_eq!(reader.offset(), bytes.len() as u64);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_maildir_gives_back_any_bytes_and_flags(messages in prop::collection::vec(any_message(), 0..6)) {
        let mut back = there_and_back(Format::Maildir, &messages);
        let mut sent = messages;
        let key = |m: &Message| (m.arrived, m.raw.clone(), m.flags.to_string());
        back.sort_by_key(key);
        sent.sort_by_key(key);
        prop_assert_eq!(back, sent);
    }
}

#[test]
fn a_usual_message_stands_in_an_mbox_as_every_program_has_it() {
    let raw = b"From: Ann <ann@example.org>\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box");
    let mut destination = Destination::create(&path, Format::Mbox, false, 0).unwrap();
    let flags = ["\\Seen", "\\Answered", "\\Flagged", "$Forwarded", "work"];
    destination.put(&message(raw, &flags)).unwrap();
    destination.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let wanted = "From ann@example.org Mon Jan  2 15:04:05 2006\nStatus: RO\nX-Status: AF\n\
        X-Keywords: $Forwarded work\nFrom: Ann <ann@example.org>\nSubject: x\n\n>From here\n>>From there\n\n";
    assert_eq!(text, wanted);
}

#[test]
fn what_only_the_exact_form_can_hold_comes_back_too_and_an_edited_one_is_read_as_it_is() {
    for raw in [
        b"".as_slice(),
        b"\n",
        b"Subject: no end",
        b"Subject: x\n\nbare\n",
        b"Subject: x\r\nStatus: RO\r\n\r\nis its own\r\n",
        b"Subject: x\r\n\r\nmixed\nlines\r\r\n\0\xff",
    ] {
        let sent = [
            message(raw, &["\\Draft"]),
            message(b"Subject: 2\r\n\r\n", &[]),
        ];
        assert_eq!(there_and_back(Format::Mbox, &sent), sent);
    }
    let edited = b"From a@b.org Mon Jan  2 15:04:05 2006\nX-Pillarbox-Mbox: 20 crlf\nSubject: x\nStatus: R\n\ntext\n\n";
    assert_eq!(
        read_file(edited),
        [("Subject: x\r\n\r\ntext\r\n".to_owned(), "\\Seen".to_owned())]
    );
}

#[test]
fn mboxes_of_others_are_read_as_they_meant() {
    let line = "From a@b.org Mon Jan  2 15:04:05 2006";
    let one = |text: &str, flags: &str| (text.replace('\n', "\r\n"), flags.to_owned());
    // Mutt and Dovecot: flags anywhere in the header, a length that is right with a From_ line inside.
    let inner = format!("quoted by none:\n\n{line}\nSubject: inside\n\n>From as it was\n");
    let dovecot = format!(
        "{line}\nSubject: a\nStatus: RO\nX-Status: FT\nX-Keywords: work    \nContent-Length: {}\n\n{inner}\n{line}\nSubject: b\n\nb\n",
        inner.len()
    );
    let first = format!("Subject: a\nContent-Length: {}\n\n{inner}", inner.len());
    assert_eq!(
        read_file(dovecot.as_bytes()),
        [
            one(&first, "\\Draft \\Flagged \\Seen work"),
            one("Subject: b\n\nb\n", "")
        ]
    );
    // A length that is wrong is believed no more; CRLF files; no empty line before the next message.
    let wrong = format!("{line}\nContent-Length: 9999\n\na\n\n{line}\nSubject: b\n\nb\n");
    let texts: Vec<String> = read_file(wrong.as_bytes())
        .into_iter()
        .map(|m| m.0)
        .collect();
    assert_eq!(
        texts,
        [
            "Content-Length: 9999\r\n\r\na\r\n",
            "Subject: b\r\n\r\nb\r\n"
        ]
    );
    let crlf = format!("{line}\nSubject: a\n\na\n{line}\nSubject: b\n\nFrom now on\n")
        .replace('\n', "\r\n");
    assert_eq!(
        read_file(crlf.as_bytes()),
        [
            one("Subject: a\n\na\n", ""),
            one("Subject: b\n\nFrom now on\n", "")
        ]
    );
    // Prose is no beginning, nor is a line that looks like one without a header behind it.
    let prose = format!(
        "{line}\nSubject: a\n\na\n\nFrom then on it rained\nFrom bob@b.org\n{line}\nsaid he\n"
    );
    assert_eq!(read_file(prose.as_bytes()).len(), 1);
    let thunderbird = "From - Mon Jan 02 15:04:05 2006\nX-Mozilla-Status: 1003\nX-Mozilla-Keys: to-do  \nSubject: a\n\na\n";
    assert_eq!(
        read_file(thunderbird.as_bytes())[0].1,
        "\\Answered $Forwarded \\Seen to-do"
    );
    let netscape = "\u{feff}From -\nSubject: a\n\na\nFrom - \nSubject: b\n\nFrom Russia\nYear: 1963\nFrom - here\n";
    let texts: Vec<String> = read_file(netscape.as_bytes())
        .into_iter()
        .map(|m| m.0)
        .collect();
    let second = "Subject: b\r\n\r\nFrom Russia\r\nYear: 1963\r\nFrom - here\r\n";
    assert_eq!(texts, ["Subject: a\r\n\r\na\r\n", second]);
    let notes = format!(
        "{line}\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\nStatus: RO\n\nnotes\n\n{line}\nSubject: b\n\nb\n"
    );
    assert_eq!(read_file(notes.as_bytes()).len(), 1);
    assert!(read_file(b"").is_empty());
}

#[test]
fn a_message_that_is_too_large_is_passed_over_and_the_next_is_read() {
    let line = "From a@b.org Mon Jan  2 15:04:05 2006\n";
    let long = "x".repeat(700_000);
    let file = format!(
        "{line}Subject: a\n\na\n\n{line}Subject: b\n\n{long}\n{long}\n\n{line}Subject: c\n\nc\n"
    );
    let mut reader = MboxReader::new(file.as_bytes(), 1000);
    let mut found = Vec::new();
    while let Some(next) = reader.next().unwrap() {
        found.push(next.message.map(|m| m.raw.len()).map_err(|e| e.to_string()));
    }
    assert_eq!(found[0], Ok(17));
    assert!(
        found[1].as_ref().unwrap_err().starts_with("it has 14000"),
        "{found:?}"
    );
    assert_eq!(found[2], Ok(17));
}

#[test]
fn a_maildir_of_others_is_read_with_what_its_names_say_and_nothing_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("Maildir");
    for sub in ["cur", "new", "tmp", ".Sent/cur"] {
        fs::create_dir_all(root.join(sub)).unwrap();
    }
    let put = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
    put("dovecot-keywords", "0 work\n3 $Junk\n");
    put("cur/1.a,S=99999:2,FSad", "Subject: a\n\na\n");
    put("new/2.b", "Subject: b\r\n\r\nb\r\n");
    put("cur/.hidden", "no");
    put("tmp/3.c", "half");
    std::os::unix::fs::symlink("/etc/passwd", root.join("cur/4.d:2,")).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .arg(root.join("cur/5.e:2,"))
        .status();
    assert!(pipe.unwrap().success());
    let mut found: Vec<(String, String)> = read(&root)
        .into_iter()
        .map(|m| (String::from_utf8(m.raw).unwrap(), m.flags.to_string()))
        .collect();
    found.sort();
    let wanted = [
        ("Subject: a\r\n\r\na\r\n", "\\Flagged \\Seen $Junk work"),
        ("Subject: b\r\n\r\nb\r\n", ""),
    ];
    assert_eq!(found, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let said = Source::open(&root)
        .unwrap()
        .unwrap()
        .passed_over()
        .join("; ");
    assert!(said.contains("2 links") && said.contains(".Sent"), "{said}");
}

#[test]
fn tags_that_find_no_letter_are_counted_and_those_of_others_keep_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("box");
    let words: Vec<String> = (0..28).map(|n| format!("tag{n}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for part in [&words[..2], &words[..]] {
        let mut destination = Destination::create(&root, Format::Maildir, false, 0).unwrap();
        destination
            .put(&message(b"Subject: x\r\n\r\n", part))
            .unwrap();
        let lost = destination.finish().unwrap();
        assert_eq!(lost, if part.len() > 26 { 2 } else { 0 });
    }
    let text = fs::read_to_string(root.join("dovecot-keywords")).unwrap();
    assert!(text.starts_with("0 tag0\n1 tag1\n"), "{text}");
    assert_eq!(read(&root).len(), 2);
}

#[test]
fn nothing_is_overwritten_unasked_and_what_is_broken_off_has_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let begin = |path: PathBuf, format, is_forced| Destination::create(&path, format, is_forced, 0);
    fs::write(at("file"), "theirs").unwrap();
    fs::create_dir_all(at("folder/inside")).unwrap();
    for (name, format, word) in [
        ("file", Format::Mbox, "--force"),
        ("folder", Format::Mbox, "is a folder"),
        ("file", Format::Maildir, "no Maildir"),
        ("folder", Format::Maildir, "no Maildir"),
        ("not/there", Format::Mbox, "cannot be written"),
    ] {
        let said = begin(at(name), format, false).unwrap_err().to_string();
        assert!(said.contains(word), "{said}");
    }
    for format in [Format::Mbox, Format::Maildir] {
        let mut half = begin(at("half"), format, false).unwrap();
        half.put(&message(b"Subject: x\r\n\r\n", &[])).unwrap();
        let left = half.leave().unwrap();
        assert_eq!(
            (left.clone(), at("half").exists()),
            (at("half.partial"), false)
        );
        assert_eq!(read(&left).len(), 1, "what is written is whole");
        let said = begin(at("half"), format, false).unwrap_err().to_string();
        assert!(said.contains("broken off"), "{said}");
        assert_eq!(
            begin(at("half"), format, true).unwrap().finish().unwrap(),
            0
        );
        assert!(read(&at("half")).is_empty());
        drop(fs::remove_file(at("half")));
    }
    begin(at("file"), Format::Mbox, true)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!(fs::read(at("file")).unwrap(), b"");
}
