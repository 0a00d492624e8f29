//! Answers and messages passed on: who gets them, what they say, and what a hostile original can do.
//!
//! Called by the test runner. Whatever an original holds, what becomes of it is read again by two
//! parsers.

use super::*;
use crate::mime::compose_tests_support::{how, identity};
use crate::mime::{Composer, NoContents, parse_headers};
use mail_parser::MessageParser;

const ABOVE: Attribution<'_> = Attribution {
    pattern: ATTRIBUTION,
    date: "5 May",
};

fn selves() -> Vec<Identity> {
    let mut all = ["ann@example.org", "a.e@work.example", "ann@bücher.de"]
        .map(identity)
        .to_vec();
    all[1].signature = "Ann at work".to_owned();
    all
}

fn of(raw: &str) -> Original<'_> {
    Original {
        key: MessageKey(7),
        source: Source::Whole(raw.as_bytes()),
    }
}

fn answer(raw: &str, answer: Answer) -> Option<Draft> {
    let all = selves();
    let selves = Selves {
        default: &all[0],
        all: &all,
    };
    reply(of(raw), answer, selves, ABOVE)
}

fn people(raw: &str, whom: Answer) -> (String, String) {
    let draft = answer(raw, whom).unwrap();
    (draft.to.typed().to_owned(), draft.cc.typed().to_owned())
}

fn with_selves<T>(run: impl FnOnce(Selves<'_>) -> T) -> T {
    let all = selves();
    run(Selves {
        default: &all[0],
        all: &all,
    })
}

#[test]
fn an_answer_is_threaded_quoted_and_signed() {
    let raw = "From: Bo <bo@y.org>\nTo: a.e@work.example\nSubject: AW: Plan\n\
        Message-ID: <3@y>\nReferences: <1@y> <2@y>\n\nHello\n> old\n-- \nBo\n";
    let draft = answer(raw, Answer::Sender).unwrap();
    assert_eq!(draft.kind, DraftKind::Reply);
    assert_eq!(draft.identity.address.address, "a.e@work.example");
    assert_eq!(draft.to.typed(), "Bo <bo@y.org>");
    assert_eq!(draft.subject, "Re: Plan");
    assert_eq!(draft.in_reply_to, ["3@y"]);
    assert_eq!(draft.references, ["1@y", "2@y", "3@y"]);
    assert_eq!(draft.original, Some(MessageKey(7)));
    assert_eq!(
        draft.body,
        "On 5 May, Bo wrote:\n> Hello\n>> old\n\n-- \nAnn at work\n"
    );
}

#[test]
fn a_thread_is_found_in_what_there_is() {
    let ids = |raw: &str| answer(raw, Answer::Sender).unwrap().references;
    assert_eq!(
        ids("From: a@b\nMessage-ID: <2@y>\nIn-Reply-To: <1@y>\n\n"),
        ["1@y", "2@y"]
    );
    assert_eq!(
        ids("From: a@b\nMessage-ID: <2@y>\nIn-Reply-To: <0@y> <1@y>\n\n"),
        ["2@y"]
    );
    assert_eq!(ids("From: a@b\nReferences: <1@y>\n\n"), ["1@y"]);
    assert_eq!(
        ids("From: a@b\nMessage-ID: <1@y>\nReferences: <1@y>\n\n"),
        ["1@y"]
    );
    assert_eq!(ids("From: a@b\nMessage-ID: <ü@y>\n\n"), [""; 0]);
}

#[test]
fn an_answer_goes_where_the_writer_wants_it() {
    let raw = "From: Bo <bo@y.org>\nReply-To: Team <team@y.org>\nTo: ann@example.org\n\n";
    assert_eq!(people(raw, Answer::Sender).0, "Team <team@y.org>");
    let raw = "From: Bo <bo@y.org>\nReply-To: nobody\nTo: ann@example.org\n\n";
    assert_eq!(people(raw, Answer::Sender).0, "nobody");
    let raw = "From: Bo <bo@y.org>\nReply-To: \nTo: ann@example.org\n\n";
    assert_eq!(people(raw, Answer::Sender).0, "Bo <bo@y.org>");
    let own = "From: Ann <ann@example.org>\nTo: Bo <bo@y.org>\nCc: c@z\n\n";
    assert_eq!(people(own, Answer::Sender).0, "Bo <bo@y.org>");
    let to_self = "From: ann@example.org\nTo: ann@example.org\n\n";
    assert_eq!(people(to_self, Answer::Sender).0, "ann@example.org");
}

#[test]
fn an_answer_to_all_names_everybody_once_and_not_oneself() {
    let raw = "From: Bo <bo@y.org>\nTo: Ann <ANN@example.org>, c@z, ann+list@example.org\n\
        Cc: Bo <BO@y.org>, C <c@z>, ann@xn--bcher-kva.de, d@z\n\n";
    assert_eq!(
        people(raw, Answer::All),
        ("Bo <bo@y.org>".to_owned(), "c@z, d@z".to_owned())
    );
    let own = "From: ann@example.org\nTo: Bo <bo@y.org>, ann@example.org\nCc: c@z\n\n";
    assert_eq!(
        people(own, Answer::All),
        ("Bo <bo@y.org>".to_owned(), "c@z".to_owned())
    );
    let followup = "From: bo@y\nTo: list@z, c@z\nMail-Followup-To: list@z, ann@example.org\n\n";
    assert_eq!(
        people(followup, Answer::All),
        ("list@z".to_owned(), String::new())
    );
    let only_me = "From: bo@y\nTo: c@z\nMail-Followup-To: ann@example.org\n\n";
    assert_eq!(
        people(only_me, Answer::All),
        ("bo@y".to_owned(), "c@z".to_owned())
    );
    let to_self = "From: ann@example.org\nTo: ann@example.org\n\n";
    assert_eq!(people(to_self, Answer::All).0, "ann@example.org");
    let copied = "From: ann@example.org\nTo: ann@example.org\nCc: c@z\n\n";
    assert_eq!(
        people(copied, Answer::All),
        ("c@z".to_owned(), String::new())
    );
}

#[test]
fn an_answer_to_a_list_goes_to_the_list_and_nowhere_else() {
    let post = |value: &str| {
        let raw = format!("From: bo@y\nTo: x@y\nList-Post: {value}\n\n");
        answer(&raw, Answer::List).map(|d| d.to.typed().to_owned())
    };
    assert_eq!(post("<mailto:list@z>").as_deref(), Some("list@z"));
    assert_eq!(
        post("<https://z/post>, <MAILTO:list@z?subject=x&bcc=spy@x> (all)").as_deref(),
        Some("list@z")
    );
    assert_eq!(post("NO (closed)"), None);
    assert_eq!(post("<mailto:>"), None);
    assert_eq!(answer("From: bo@y\n\n", Answer::List), None);
}

#[test]
fn the_identity_is_the_one_that_was_written_to() {
    let from = |raw: &str| {
        answer(raw, Answer::Sender)
            .unwrap()
            .identity
            .address
            .address
    };
    for (raw, identity) in [
        (
            "From: b@y\nTo: x@y\nCc: A.E@work.example\n\n",
            "a.e@work.example",
        ),
        (
            "From: b@y\nTo: list@y\nDelivered-To: a.e@work.example\n\n",
            "a.e@work.example",
        ),
        (
            "From: b@y\nTo: a.e+shop@work.example\n\n",
            "a.e@work.example",
        ),
        (
            "From: b@y\nTo: a.e+x@work.example, ann@example.org\n\n",
            "ann@example.org",
        ),
        ("From: a.e@work.example\nTo: x@y\n\n", "a.e@work.example"),
        ("From: b@y\nTo: ann@XN--bcher-kva.de\n\n", "ann@bücher.de"),
        ("From: b@y\nTo: list@y\n\n", "ann@example.org"),
    ] {
        assert_eq!(from(raw), identity, "{raw}");
    }
}

const WITH_FILES: &str = "From: Bo <bo@y.org>\nTo: ann@example.org\nSubject: FW: Report\n\
    Content-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/plain; format=flowed\n\nSee the \nfile\n-- \nBo\n\
    --b\nContent-Type: application/pdf; name=\"../r\u{fc}.pdf\"\nContent-Transfer-Encoding: base64\n\nAAEC\n\
    --b\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner text\n\
    --b\nContent-Type: image/png\nContent-ID: <p@y>\n\nx\n--b--\n";

#[test]
fn a_message_passed_on_in_the_text_keeps_its_words_and_files() {
    let draft = with_selves(|selves| forward_inline(of(WITH_FILES), selves, "5 May"));
    assert_eq!(draft.subject, "Fwd: Report");
    assert_eq!(
        draft.body,
        "\n\n---------- Forwarded message ----------\nFrom: Bo <bo@y.org>\nDate: 5 May\n\
         Subject: FW: Report\nTo: ann@example.org\n\nSee the file\n--\nBo\n"
    );
    let signed = WITH_FILES.replace("To: ann@example.org", "To: a.e@work.example");
    let signed = with_selves(|selves| forward_inline(of(&signed), selves, "5 May"));
    assert!(
        signed.body.ends_with("\n--\nBo\n\n-- \nAnn at work\n"),
        "what is passed on is no signature of ours"
    );
    let files: Vec<(&str, String, &str)> = draft
        .attachments
        .iter()
        .map(|a| match &a.content {
            Content::Part { message, part } if *message == MessageKey(7) => {
                (a.name.as_str(), part.to_string(), a.mime_type.as_str())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        files,
        [
            ("rü.pdf", "2".to_owned(), "application/pdf"),
            ("inner.eml", "3".to_owned(), "message/rfc822"),
            ("attachment-3.png", "4".to_owned(), "image/png"),
        ]
    );
}

#[test]
fn a_message_passed_on_whole_is_an_attachment() {
    let originals = [of(WITH_FILES), of("Subject: two\n\nx")];
    let draft = with_selves(|selves| forward_attached(&originals, selves)).unwrap();
    assert_eq!((draft.kind, draft.body.as_str()), (DraftKind::Forward, ""));
    let names: Vec<&str> = draft.attachments.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["FW_ Report.eml", "two.eml"]);
    assert_eq!(
        draft.attachments[1].content,
        Content::Message(MessageKey(7))
    );
    assert!(with_selves(|selves| forward_attached(&[], selves)).is_none());
}

#[test]
fn a_draft_of_another_client_is_taken_up_again() {
    let raw = "From: a.e@work.example\nTo: Bo <bo@y.org>\nBcc: s@z\nReply-To: r@z\nSubject: S\n\
        In-Reply-To: <1@y>\nReferences: <0@y> <1@y>\n\
        Content-Type: text/plain; format=flowed\n\nA paragraph \nof two lines\n> quoted \n> on\n";
    let draft = with_selves(|selves| edit(of(raw), selves, false));
    assert_eq!(draft.identity.address.address, "a.e@work.example");
    assert_eq!(
        (draft.to.typed(), draft.bcc.typed()),
        ("Bo <bo@y.org>", "s@z")
    );
    assert_eq!(
        (draft.reply_to.typed(), draft.subject.as_str()),
        ("r@z", "S")
    );
    assert_eq!(draft.references, ["0@y", "1@y"]);
    assert_eq!(draft.body, "A paragraph of two lines\n> quoted on\n");
    let anew = with_selves(|selves| edit(of(raw), selves, true));
    assert!(anew.references.is_empty() && anew.in_reply_to.is_empty());
    let bounce = with_selves(|selves| bounce(of(raw), selves));
    assert!(bounce.to.is_empty() && bounce.original == Some(MessageKey(7)));
}

/// A header value as a hostile writer would put it.
fn wild() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let nasty = "(=\\?utf-8\\?Q\\?=0D=0ABcc:=20e@x=0D=0A\\?=|=\\?utf-8\\?B\\?DQpCY2M6IGVAeA0K\\?=|\r\n |<|>|@|,|;|:|\"|\\\\|\\(|\\)|<a@b>|=\\?|\\?=| |\u{202e}|\u{0}|\u{85})";
    let text = prop_oneof![
        nasty.prop_map(String::into_bytes),
        "[ -~ü漢]{0,30}".prop_map(String::into_bytes)
    ];
    let bytes = proptest::collection::vec(
        any::<u8>().prop_filter("no break", |b| !matches!(b, b'\r' | b'\n')),
        0..20,
    );
    proptest::collection::vec(prop_oneof![text, bytes], 0..6).prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]

    #[test]
    fn no_original_adds_a_field_to_its_answer(
        subject in wild(), from in wild(), reply_to in wild(), id in wild(), references in wild(),
        cc in wild(), body in wild(), followup in wild(),
    ) {
        let mut raw = b"To: ann@example.org".to_vec();
        for (name, value) in [
            ("Subject", subject), ("From", from), ("Reply-To", reply_to), ("Message-ID", id),
            ("References", references), ("Cc", cc), ("Mail-Followup-To", followup),
        ] {
            raw.extend_from_slice(format!("\r\n{name}: ").as_bytes());
            raw.extend(value);
        }
        raw.extend_from_slice(b"\r\n\r\n");
        raw.extend(body);
        let original = Original { key: MessageKey(7), source: Source::Whole(&raw) };
        for whom in [Answer::Sender, Answer::All] {
            let mut draft = with_selves(|selves| reply(original, whom, selves, ABOVE)).unwrap();
            // What is no address is for the person to mend.
            for field in [&mut draft.to, &mut draft.cc] {
                let valid: Vec<Address> = field.valid().cloned().collect();
                *field = Recipients::of(&valid);
            }
            draft.bcc = Recipients::read("secret@secret.org");
            let mut out = Vec::new();
            Composer::new(&draft, how()).write(&mut NoContents, &mut out).unwrap();
            let mut wanted = vec!["Date", "From"];
            let mut want = |name, is_there| if is_there { wanted.push(name) };
            want("To", !draft.to.is_empty() || draft.cc.is_empty());
            want("Cc", !draft.cc.is_empty());
            want("Subject", true);
            want("Message-ID", true);
            want("In-Reply-To", !draft.in_reply_to.is_empty());
            want("References", !draft.references.is_empty());
            want("MIME-Version", true);
            want("Content-Type", true);
            want("Content-Transfer-Encoding", true);
            let ours = parse_headers(&out);
            let names: Vec<String> = ours.fields.iter().map(|f| String::from_utf8_lossy(f.name).into_owned()).collect();
            proptest::prop_assert_eq!(names, wanted.clone());
            proptest::prop_assert_eq!(ours.text("Subject"), draft.subject);
            proptest::prop_assert_eq!(ours.ids("References"), draft.references);
            let theirs = MessageParser::new().parse(&out).unwrap();
            let found: Vec<&str> = theirs.headers_raw().map(|(name, _)| name).collect();
            proptest::prop_assert_eq!(found, wanted);
            proptest::prop_assert!(!String::from_utf8_lossy(&out).contains("secret"));
        }
    }
}
