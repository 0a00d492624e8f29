//! Tests of whole readings: which words, notes, attachments and headers come out.
//!
//! Called by the test runner alone. Must never depend on the corpus folder.

use super::*;
use crate::mime::structure;

fn read(raw: &str, width: u16, form: Form) -> Reading {
    reading(Source::Whole(raw.as_bytes()), width, form)
}

fn words(reading: &Reading) -> Vec<String> {
    reading
        .body
        .iter()
        .map(|l| l.spans.iter().map(|s| s.text.as_str()).collect())
        .collect()
}

const BOTH: &str = "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain\n\n\
    plain words\n--x\nContent-Type: text/html\n\n<b>html words</b>\n--x--\n";

#[test]
fn each_form_can_be_had() {
    for (form, text, is_html) in [
        (Form::Auto, "plain words", false),
        (Form::Plain, "plain words", false),
        (Form::Html, "html words", true),
    ] {
        let found = read(BOTH, 80, form);
        assert_eq!(words(&found), [text]);
        assert_eq!((found.is_html, found.has_other_form), (is_html, true));
    }
}

#[test]
fn texts_of_a_mixed_message_are_shown_apart() {
    let raw = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\nContent-Type: text/html\n\n<p>two\n--x--\n";
    let found = read(raw, 20, Form::Auto);
    assert_eq!(words(&found), ["one", &"─".repeat(20), "two"]);
    assert_eq!(found.body[1].kind, LineKind::Rule);
    assert!(!found.has_other_form);
}

#[test]
fn what_was_fetched_reads_like_the_whole() {
    let raw = "Subject: s\r\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nf=FCr =\r\n\r\nalle\r\n";
    let whole = read(raw, 80, Form::Auto);
    assert_eq!(words(&whole), ["für alle"]);
    let structure = structure(raw.as_bytes());
    let (header, body) = raw.split_at(raw.find("\r\n\r\n").unwrap() + 4);
    for part in [raw.to_owned(), format!("\r\n{body}")] {
        let parts = [(PartId(vec![1]), part.into_bytes())];
        let found = reading(
            Source::Parts {
                header: header.as_bytes(),
                structure: &structure,
                parts: &parts,
            },
            80,
            Form::Auto,
        );
        assert_eq!(found, whole);
    }
    let found = reading(
        Source::Parts {
            header: header.as_bytes(),
            structure: &structure,
            parts: &[],
        },
        80,
        Form::Auto,
    );
    assert_eq!(found.body[0].kind, LineKind::Note);
}

#[test]
fn when_only_one_form_is_here_it_is_shown() {
    let structure = structure(BOTH.as_bytes());
    let html = b"Content-Type: text/html\r\n\r\n<b>html words</b>".to_vec();
    let parts = [(PartId(vec![2]), html)];
    let source = Source::Parts {
        header: b"",
        structure: &structure,
        parts: &parts,
    };
    assert_eq!(words(&reading(source, 80, Form::Auto)), ["html words"]);
}

#[test]
fn files_messages_and_invitations_are_listed() {
    let raw = "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nhi\n\
        --x\nContent-Type: application/pdf; name=\"../../a.pdf\"\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n\
        --x\nContent-Type: message/rfc822\n\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n\nsecret words\n\
        --x\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n\
        --x\nContent-Type: image/gif; name=in.gif\nContent-ID: <a@b>\n\nx\n\
        --x\nContent-Type: image/png\n\nx\n--x--\n";
    let found = read(raw, 80, Form::Auto);
    let listed: Vec<(String, &str)> = found
        .attachments
        .iter()
        .map(|a| (a.part.to_string(), a.name.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            ("2".to_owned(), "a.pdf"),
            ("3".to_owned(), "Grüße.eml"),
            ("4".to_owned(), "invitation-3.ics"),
            ("6".to_owned(), "attachment-4.png"),
            ("5".to_owned(), "in.gif"),
        ]
    );
    assert_eq!(words(&found), ["hi"]);
    assert_eq!(found.attachments[0].size_bytes, 6);
}

#[test]
fn every_message_gives_a_reading_that_says_what_is_wrong() {
    for (raw, note) in [
        ("", "This message is empty."),
        ("Subject: x\n\n", "This message has no text."),
        ("Content-Type: image/png\n\nx", "This message has no text."),
        (
            "Content-Type: multipart/encrypted; boundary=x\n\n--x\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--x--",
            "This message is encrypted. The line above tells how to read it.",
        ),
    ] {
        let found = read(raw, 80, Form::Auto);
        assert_eq!(words(&found), [note], "{raw}");
        assert_eq!(found.body[0].kind, LineKind::Note);
    }
    assert_eq!(words(&read("just words", 80, Form::Auto)), ["just words"]);
    let nul = "\0".repeat(1000);
    let found = read(&nul, 80, Form::Auto);
    assert!(words(&found).concat().starts_with('␀'));
}

#[test]
fn no_line_is_wider_than_the_screen_or_the_measure() {
    let raw = format!("\n{}\n> {}\n", "word ".repeat(100), "x".repeat(500));
    for width in [0, 1, 2, 7, 20, 100, 500] {
        for line in read(&raw, width, Form::Auto).body {
            let wide: usize = line.spans.iter().map(|s| s.text.as_str().len()).sum();
            let quoted = wide + crate::model::Line::quote_cols(line.quote);
            assert!(
                quoted <= usize::from(width).clamp(1, MEASURE_MAX),
                "{width}: {line:?}"
            );
        }
    }
}

#[test]
fn a_hundred_thousand_texts_are_cut_with_a_word() {
    let raw = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n{}",
        "--x\n\nhello\n".repeat(100_000)
    );
    let found = read(&raw, 80, Form::Auto);
    assert!(words(&found).last().unwrap().contains("more texts"));
}

proptest::proptest! {
    #[test]
    fn random_bytes_are_read_without_fault(raw: Vec<u8>, width in 0u16..200) {
        let found = reading(Source::Whole(&raw), width, Form::Auto);
        proptest::prop_assert!(!found.body.is_empty());
    }

    #[test]
    fn random_pieces_of_mail_are_read_without_fault(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "Content-Type: multipart/mixed; boundary=x\n", "Content-Type: text/html\n", "\n", "--x\n", "--x--\n",
            "Content-Type: multipart/alternative; boundary=\"y\"\n", "--y\n", "Subject: =?utf-8?Q?a=", "?= \n",
            "Content-Transfer-Encoding: base64\n", "Content-Type: message/rfc822\n", "<table><td>", "<a href=http://x>",
            "</table>", "> > ", "text \n", "\u{202e}\u{1b}", "From: \"a <b@c\n", "=\n", "&#27;", "-- \n", "日本",
            "<blockquote><ul><li>", "<img src=http://x width=1>", "\r\n", "<pre>\t", "filename*0*=utf-8''%", ";",
        ]), 0..40),
        width in 0u16..60,
    ) {
        let raw = pieces.concat();
        for form in [Form::Auto, Form::Plain, Form::Html] {
            let found = reading(Source::Whole(raw.as_bytes()), width, form);
            proptest::prop_assert!(!found.body.is_empty());
            for span in found.body.iter().flat_map(|l| &l.spans) {
                let is_unsafe = |c: char| c.is_control() || c == '\u{202e}';
                proptest::prop_assert!(!span.text.as_str().contains(is_unsafe));
                proptest::prop_assert!(span.link.is_none_or(|n| n < found.links.len()));
            }
        }
    }
}

#[test]
fn a_picture_has_a_place_and_a_source_in_the_reading() {
    let raw = b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
        <p>before</p><img src=\"cid:chart%40example.org\" alt=\"Chart\" width=\"600\"><p>in words \
        <img src='https://example.org/sign.png' alt='ok' width=16 height=16> here</p>\
        <img src='cid:nobody' alt='Lost'>\r\n\
        --b\r\nContent-Type: image/png\r\nContent-ID: <chart@example.org>\r\n\r\nx\r\n--b--\r\n";
    let reading = reading(Source::Whole(raw), 80, Form::Auto);
    let found: Vec<(usize, &str)> = reading
        .body
        .iter()
        .flat_map(|l| l.spans.iter().map(move |s| (l.spans.len(), s)))
        .filter_map(|(n, s)| Some((n, s.picture.map(|_| s.text.as_str())?)))
        .collect();
    assert_eq!(found, [(1, "[picture: Chart]")]);
    let sources: Vec<&PictureSource> = reading.pictures.iter().map(|p| &p.source).collect();
    assert_eq!(sources, [&PictureSource::Part(PartId(vec![2]))]);
    assert_eq!(reading.pictures[0].alt.as_str(), "Chart");
    assert_eq!(reading.pictures[0].width_px, Some(600));
    assert!(reading.pictures[0].is_worth_showing());
    let has = |words: &str| {
        let mut spans = reading.body.iter().flat_map(|l| &l.spans);
        spans.any(|s| s.text.as_str().contains(words))
    };
    assert!(has("[picture: Lost]") && has("in words ok here"));
}

#[test]
fn what_is_hidden_stands_before_the_same_line_when_notes_above_it_are_broken() {
    let page = "<form><input name=a></form><p>one</p><div style=display:none>not to be seen</div><p>two</p>";
    for raw in [
        format!("Content-Type: text/html\n\n{page}"),
        format!(
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nbegin 644 cat.txt\n#0V%T\n`\nend\n\
             --x\nContent-Type: text/html\n\n{page}\n--x--\n"
        ),
    ] {
        let mut found = read(&raw, 30, Form::Auto);
        let before = found.clone();
        found.show_hidden(true);
        let all = words(&found);
        let at = all.iter().position(|l| l.starts_with("Hidden by"));
        let two = all.iter().position(|l| l == "two");
        let lines = found.hidden[0].lines.len();
        let between = &all[at.unwrap() + lines..two.unwrap()];
        assert!(between.iter().all(String::is_empty), "{all:?}");
        found.show_hidden(false);
        assert_eq!(found, before);
    }
}

#[test]
fn a_lone_part_that_came_without_its_header_is_what_the_message_says() {
    let header = b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n";
    let structure = structure(header);
    let parts = [(PartId(vec![1]), b"\r\nAAAA".to_vec())];
    let message = Message::open(Source::Parts {
        header,
        structure: &structure,
        parts: &parts,
    });
    let content = message.content(&structure.parts[0]).unwrap();
    assert_eq!(content.text("smime-type").unwrap(), "signed-data");
}
