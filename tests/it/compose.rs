//! Messages that we write, read by another parser: Python's `email`, fields and bytes alike.
//!
//! Runs where python3 is; elsewhere it says that it was skipped. The other side must never be our
//! own code: what both get wrong in the same way would not be seen.

use crate::support::reader::{Seen, has_python};
use pillarbox::mime::{
    self, Answer, Attribution, Composer, Contents, EightBit, How, Original, Purpose, Selves,
    Source, Stamp,
};
use pillarbox::model::{
    AccountKey, Address, Attached, Content, Draft, DraftKind, ExtraField, Identity, MessageKey,
    Moment, Recipients,
};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// The messages and files that drafts refer to.
struct Held<'a>(&'a [(MessageKey, Vec<u8>)]);

impl Contents for Held<'_> {
    fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read + '_>> {
        let raw = |key: &MessageKey| {
            let found = self.0.iter().find(|(k, _)| k == key);
            found.map(|(_, raw)| raw).ok_or(io::ErrorKind::NotFound)
        };
        Ok(match content {
            Content::Path(path) => Box::new(fs::File::open(path)?),
            Content::Message(key) => Box::new(raw(key)?.as_slice()),
            Content::Part { message, part } => {
                let bytes = mime::part_body(raw(message)?, part);
                Box::new(io::Cursor::new(bytes.ok_or(io::ErrorKind::NotFound)?))
            }
            Content::Bytes(bytes) => Box::new(io::Cursor::new(bytes.clone())),
        })
    }
}

fn sent(draft: &Draft, eight_bit: EightBit, held: &[(MessageKey, Vec<u8>)]) -> Seen {
    let how = How {
        purpose: Purpose::Sending,
        eight_bit,
        stamp: Stamp {
            date: Moment {
                unix_secs: 1_700_000_000,
                offset_mins: 120,
            },
            token: *b"0123456789abcdef",
        },
    };
    let mut raw = Vec::new();
    let written = Composer::new(draft, how)
        .write(&mut Held(held), &mut raw)
        .unwrap();
    assert_eq!(written.size_bytes, u64::try_from(raw.len()).unwrap());
    Seen::of(raw)
}

fn identity() -> Identity {
    Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann Example".to_owned(),
            address: "ann@example.org".to_owned(),
        },
        signature: String::new(),
    }
}

fn draft() -> Draft {
    let mut draft = Draft::new(DraftKind::New, identity());
    draft.to = Recipients::read("Bo <bo@y.org>");
    draft.subject = "Hello".to_owned();
    draft
}

fn file(path: &Path, name: &str, mime_type: &str) -> Attached {
    Attached {
        content: Content::Path(path.to_owned()),
        name: name.to_owned(),
        mime_type: mime_type.to_owned(),
        charset: String::new(),
        size_bytes: None,
    }
}

#[test]
fn a_plain_message_has_the_fields_that_were_asked_for_and_no_others() {
    if !has_python() {
        return;
    }
    let mut draft = draft();
    draft.cc = Recipients::read("c@z.org; \"D, E\" <d@z.org>");
    draft.bcc = Recipients::read("secret@z.org");
    draft.reply_to = Recipients::read("ann+r@example.org");
    draft.body = "Hello,\n\nall is well.\n-- \nAnn\n".to_owned();
    draft.references = vec!["1@y.org".to_owned(), "2@y.org".to_owned()];
    draft.in_reply_to = vec!["2@y.org".to_owned()];
    draft.headers = vec![ExtraField::new("X-Ticket", "Ü 17").unwrap()];
    let seen = sent(&draft, EightBit::Never, &[]);
    seen.is_faultless();
    let wanted = serde_json::json!([
        "Date",
        "From",
        "Reply-To",
        "To",
        "Cc",
        "Subject",
        "Message-ID",
        "In-Reply-To",
        "References",
        "X-Ticket",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ]);
    let json = &seen.json;
    assert_eq!(json["fields"], wanted);
    assert_eq!(
        json["from"],
        serde_json::json!([["Ann Example", "ann@example.org"]])
    );
    assert_eq!(
        json["cc"],
        serde_json::json!([["", "c@z.org"], ["D, E", "d@z.org"]])
    );
    assert_eq!(json["reply_to"][0][1], "ann+r@example.org");
    assert_eq!(json["date"], "2023-11-15T00:13:20+02:00");
    assert_eq!(json["id"], "<30313233343536373839616263646566@example.org>");
    assert_eq!(
        json["references"],
        serde_json::json!(["<1@y.org>", "<2@y.org>"])
    );
    assert_eq!(json["in_reply_to"], "<2@y.org>");
    assert_eq!(json["extra"], "Ü 17");
    assert_eq!(json["parts"][0]["params"]["format"], "flowed");
    assert_eq!(seen.text(0), "Hello,\r\n\r\nall is well.\r\n-- \r\nAnn\r\n");
    let all = String::from_utf8(seen.raw).unwrap();
    assert!(!all.contains("secret") && !all.to_lowercase().contains("agent"));
}

#[test]
fn text_and_names_in_every_script_arrive_as_they_were() {
    if !has_python() {
        return;
    }
    let mut draft = draft();
    draft.identity.address.name = "Ånn Éxample (ÄÖÜ)".to_owned();
    draft.to =
        Recipients::read("\"Müller, Ü\" <u@bücher.de>, Иван Петров <i@пример.рф>, 田中 <t@x.jp>");
    draft.subject = "Grüße 漢字 🎉 ".repeat(12).trim_end().to_owned();
    draft.body = format!("{}\n> > zitiert\n漢字\n", "Grüße an alle. ".repeat(30));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, b"\0\xff").unwrap();
    let long = format!("{} 漢字.pdf", "Jahresabschluß ".repeat(10).trim_end());
    draft.attachments = vec![
        file(&path, "Übersicht 2024.pdf", "application/pdf"),
        file(&path, &long, "application/pdf"),
        file(
            &path,
            "plain but \"quoted\"; long name.bin",
            "application/pdf",
        ),
    ];
    for eight_bit in [EightBit::Never, EightBit::Freely] {
        let seen = sent(&draft, eight_bit, &[]);
        seen.is_faultless();
        let json = &seen.json;
        assert_eq!(json["subject"], draft.subject.as_str());
        assert_eq!(json["from"][0][0], "Ånn Éxample (ÄÖÜ)");
        assert_eq!(
            json["to"],
            serde_json::json!([
                ["Müller, Ü", "u@xn--bcher-kva.de"],
                ["Иван Петров", "i@xn--e1afmkfd.xn--p1ai"],
                ["田中", "t@x.jp"],
            ])
        );
        let text = seen.text(1).replace(" \r\n", " ");
        assert_eq!(
            text,
            format!(
                "{}\r\n>> zitiert\r\n漢字\r\n",
                "Grüße an alle. ".repeat(30).trim_end()
            )
        );
        for (part, attached) in draft.attachments.iter().enumerate() {
            assert_eq!(json["parts"][part + 2]["name"], attached.name.as_str());
            assert_eq!(seen.bytes(part + 2), b"\0\xff");
        }
        let encoding = if eight_bit == EightBit::Freely {
            "8bit"
        } else {
            "quoted-printable"
        };
        assert_eq!(json["parts"][1]["encoding"], encoding);
    }
}

#[test]
fn markdown_goes_out_as_text_and_html_beside_each_other() {
    if !has_python() {
        return;
    }
    let mut draft = draft();
    draft.body = "Dear **Bo**,\n\n- ä\n- b\n".to_owned();
    draft.sending.is_markdown = true;
    let seen = sent(&draft, EightBit::WhereNeeded, &[]);
    seen.is_faultless();
    assert_eq!(
        seen.types(),
        ["multipart/alternative", "text/plain", "text/html"]
    );
    assert_eq!(seen.text(1), "Dear **Bo**,\r\n\r\n- ä\r\n- b\r\n");
    assert!(seen.text(2).contains("<strong>Bo</strong>") && seen.text(2).contains("<li>ä</li>"));
}

#[test]
fn a_large_file_and_many_recipients_arrive_whole() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big");
    let mut random = fastrand::Rng::with_seed(7);
    let bytes: Vec<u8> = (0..25 << 20).map(|_| random.u8(..)).collect();
    fs::write(&path, &bytes).unwrap();
    let mut draft = draft();
    let people: Vec<String> = (0..200)
        .map(|n| format!("Persön {n} <p{n}@example.org>"))
        .collect();
    draft.to = Recipients::read(&people.join(", "));
    draft.attachments = vec![file(&path, "big.bin", "application/octet-stream")];
    let seen = sent(&draft, EightBit::WhereNeeded, &[]);
    seen.is_faultless();
    assert!(seen.bytes(2) == bytes, "the file came out otherwise");
    let to = seen.json["to"].as_array().unwrap();
    assert_eq!(to.len(), 200);
    assert_eq!(
        to[199],
        serde_json::json!(["Persön 199", "p199@example.org"])
    );
    assert_eq!(mime::route(&draft).unwrap().recipients.len(), 200);
}

const ORIGINAL: &str = "Received: by x\r\n\tfor y\r\nFrom: =?utf-8?Q?B=C3=B6?= <bo@y.org>\r\nTo: ann@example.org\r\n\
    Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m@y.org>\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    Gr=FC=DFe\r\n-- \r\nB=F6\r\n\
    --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''%C3%BC.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nAP8=\r\n--b--\r\n";

fn original(raw: &str) -> Original<'_> {
    Original {
        key: MessageKey(3),
        source: Source::Whole(raw.as_bytes()),
    }
}

#[test]
fn what_is_passed_on_keeps_its_files_and_a_whole_message_its_bytes() {
    if !has_python() {
        return;
    }
    let me = identity();
    let selves = Selves {
        default: &me,
        all: std::slice::from_ref(&me),
    };
    let held = [(MessageKey(3), ORIGINAL.as_bytes().to_vec())];
    let mut inline = mime::forward_inline(original(ORIGINAL), selves, "5 May");
    inline.to = Recipients::read("c@z.org");
    let seen = sent(&inline, EightBit::WhereNeeded, &held);
    seen.is_faultless();
    assert_eq!(seen.json["subject"], "Fwd: Grüße");
    assert!(
        seen.text(1).contains("From: Bö <bo@y.org>\r\n") && seen.text(1).contains("\r\nGrüße\r\n")
    );
    assert_eq!(seen.json["parts"][2]["name"], "ü.pdf");
    assert_eq!(seen.bytes(2), b"\0\xff");

    let mut whole = mime::forward_attached(&[original(ORIGINAL)], selves).unwrap();
    whole.to = Recipients::read("c@z.org");
    let seen = sent(&whole, EightBit::WhereNeeded, &held);
    seen.is_faultless();
    assert_eq!(
        seen.types(),
        ["multipart/mixed", "text/plain", "message/rfc822"]
    );
    assert_eq!(seen.json["parts"][2]["subject"], "Grüße");
    let at = memchr::memmem::find(&seen.raw, ORIGINAL.as_bytes());
    assert!(at.is_some(), "the message is in there byte for byte");

    let mut bounce = mime::bounce(original(ORIGINAL), selves);
    bounce.to = Recipients::read("C <c@z.org>");
    let seen = sent(&bounce, EightBit::WhereNeeded, &held);
    assert!(seen.raw.ends_with(ORIGINAL.as_bytes()));
    assert_eq!(seen.json["resent_to"], "C <c@z.org>");
    assert_eq!(seen.json["to"][0][1], "ann@example.org");
    let names = serde_json::json!([
        "Resent-Date",
        "Resent-From",
        "Resent-To",
        "Resent-Message-ID"
    ]);
    let fields = seen.json["fields"].as_array().unwrap();
    assert_eq!(fields.get(..4), names.as_array().map(Vec::as_slice));
}

#[test]
fn an_answer_says_what_it_answers() {
    if !has_python() {
        return;
    }
    let me = identity();
    let selves = Selves {
        default: &me,
        all: std::slice::from_ref(&me),
    };
    let above = Attribution {
        pattern: mime::ATTRIBUTION,
        date: "5. Mai",
    };
    let draft = mime::reply(original(ORIGINAL), Answer::All, selves, above).unwrap();
    let seen = sent(&draft, EightBit::Never, &[]);
    seen.is_faultless();
    assert_eq!(seen.json["subject"], "Re: Grüße");
    assert_eq!(seen.json["to"], serde_json::json!([["Bö", "bo@y.org"]]));
    assert_eq!(seen.json["references"], serde_json::json!(["<m@y.org>"]));
    assert_eq!(seen.text(0), "On 5. Mai, Bö wrote:\r\n> Grüße\r\n");
}
