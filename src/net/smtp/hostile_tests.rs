//! Servers that lie, inject, flood, drip and fall silent.
//!
//! Each test plays one attack against the true adapter over a stream in memory. Nothing may hang, take
//! memory by what a server says, or be taken for a delivery.

use super::{Manner, Path, Phase, Stage, Submission, Submitted, Submitter};
use crate::net::{Class, Error, Login, Options, Secret, Security, Server};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

fn server(security: Security) -> Server {
    Server {
        host: "mail.test".into(),
        port: 465,
        security,
        ca_file: None,
    }
}

fn password() -> Login {
    Login::Password {
        user: "jo".into(),
        password: Secret::new("hunter2".into()),
    }
}

fn submission(size: usize) -> Submission {
    Submission {
        reverse_path: Some(Path::parse("jo@here.test").unwrap()),
        recipients: vec![Path::parse("ann@there.test").unwrap()],
        size: size as u64,
        has_8bit: false,
        has_utf8_header: false,
        dsn: None,
    }
}

const TEXT: &[u8] = b"Subject: x\r\n\r\n.x\r\n";

/// What the peer does: say this once the client has said so many lines more.
type Turn = (usize, &'static str);

/// Plays the turns, then keeps the line open; what the client said.
async fn play(mut far: DuplexStream, turns: Vec<Turn>) -> (DuplexStream, String) {
    let mut heard = Vec::new();
    for (lines, text) in turns {
        let mut waited = 0;
        while waited < lines {
            let Ok(byte) = far.read_u8().await else {
                return (far, String::from_utf8(heard).unwrap());
            };
            heard.push(byte);
            waited += usize::from(byte == b'\n');
        }
        if far.write_all(text.as_bytes()).await.is_err() {
            break;
        }
    }
    (far, String::from_utf8(heard).unwrap())
}

/// Everything else that the client says until it hangs up.
async fn rest(mut far: DuplexStream) -> String {
    let mut heard = String::new();
    far.read_to_string(&mut heard).await.unwrap();
    heard
}

async fn open(near: DuplexStream, security: Security, login: bool) -> Result<Submitter, Error> {
    let login = login.then(password);
    Submitter::over(
        Box::new(near),
        &server(security),
        login.as_ref(),
        &Options::default(),
        &Manner::default(),
    )
    .await
}

/// Opens without a login against these turns, and submits one small message.
async fn submit(turns: &[Turn]) -> (Submitted, bool, String) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let peer = tokio::spawn(play(far, turns.to_vec()));
    let mut submitter = open(near, Security::Implicit, false).await.unwrap();
    let outcome = submitter.submit(&submission(TEXT.len()), TEXT).await;
    let is_open = submitter.is_open();
    drop(submitter);
    let (_, heard) = peer.await.unwrap();
    (outcome, is_open, heard)
}

/// Greeting and EHLO; then as far as DATA with its three round trips.
const HELLO: [Turn; 2] = [(0, "220 hi\r\n"), (1, "250 me\r\n")];
const ENVELOPE: [Turn; 2] = [(1, "250 ok\r\n"), (1, "250 ok\r\n")];

fn turns(more: &[Turn]) -> Vec<Turn> {
    [&HELLO[..], &ENVELOPE[..], more].concat()
}

fn lost(outcome: &Submitted) -> (Phase, Class) {
    match outcome {
        Submitted::Lost { phase, error, .. } => (*phase, error.class),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_put_behind_starttls_is_an_attack_and_ends_it() {
    let glued = "220 go\r\n250 INJECTED\r\n";
    for (last, class, told) in [
        (glued, Class::Tls, "put data into the connection"),
        ("220 go\r\nx", Class::Tls, "put data into the connection"),
        ("502 no\r\n", Class::Tls, "refused STARTTLS"),
        ("250 ok\r\n", Class::Tls, "refused STARTTLS"),
        ("454 later\r\n", Class::Transient, "no TLS now"),
        (
            "\x1b[2Jboo\r\n",
            Class::Protocol,
            "not a server for sending",
        ),
    ] {
        let (near, far) = tokio::io::duplex(4096);
        let turns = vec![
            (0, "220 hi\r\n"),
            (1, "250-me\r\n250 STARTTLS\r\n"),
            (1, last),
        ];
        let peer = tokio::spawn(play(far, turns));
        let error = open(near, Security::StartTls, true).await.unwrap_err();
        assert_eq!(error.class, class, "{last:?}: {error}");
        assert!(error.summary.contains(told), "{last:?}: {error}");
        assert!(
            !error.summary.contains("boo") && !error.summary.contains("INJ"),
            "{error}"
        );
        let (far, heard) = peer.await.unwrap();
        assert_eq!(heard, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n");
        assert_eq!(rest(far).await, "", "nothing in clear after that");
    }
}

#[tokio::test]
async fn without_an_offer_of_starttls_nothing_more_is_said() {
    for answer in [
        "250-me\r\n250 AUTH PLAIN\r\n",
        "250 STARTTLS\r\n",
        "502 what\r\n",
        "250-me\r\n250 XSTARTTLS\r\n",
    ] {
        let (near, far) = tokio::io::duplex(4096);
        let peer = tokio::spawn(play(far, vec![(0, "220 hi\r\n"), (1, answer)]));
        let error = open(near, Security::StartTls, true).await.unwrap_err();
        assert_eq!(error.class, Class::Tls, "{error}");
        let (far, heard) = peer.await.unwrap();
        assert_eq!(heard + &rest(far).await, "EHLO [127.0.0.1]\r\n");
    }
}

#[tokio::test]
async fn after_starttls_the_handshake_follows_and_nothing_in_clear() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let turns = vec![
        (0, "220 hi\r\n"),
        (1, "250-me\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
        (1, "220 go\r\n"),
    ];
    let peer = tokio::spawn(play(far, turns));
    let opening = tokio::spawn(open(near, Security::StartTls, true));
    let (mut far, _) = peer.await.unwrap();
    let mut start = [0; 3];
    far.read_exact(&mut start).await.unwrap();
    assert_eq!(start[..2], [22, 3], "a record of a TLS handshake");
    drop(far);
    let error = opening.await.unwrap().unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
}

#[tokio::test]
async fn a_greeting_that_is_none_gets_no_answer() {
    for (greeting, class) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", Class::Protocol),
        ("* OK IMAP4rev1\r\n", Class::Protocol),
        ("+OK POP3\r\n", Class::Protocol),
        ("554 no\r\n", Class::Rejected),
        ("421 busy\r\n", Class::Transient),
        ("354 what\r\n", Class::Protocol),
        ("220-one\r\n250 two\r\n", Class::Protocol),
        ("220 hi\r\n250 injected\r\n", Class::Protocol),
    ] {
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(greeting.as_bytes()).await.unwrap();
        let error = open(near, Security::Implicit, true).await.unwrap_err();
        assert_eq!(error.class, class, "{greeting:?}: {error}");
        assert_eq!(rest(far).await, "", "{greeting:?}");
    }
}

#[tokio::test]
async fn an_ehlo_that_is_refused_or_odd_is_survived() {
    for (answer, class) in [
        ("502 what\r\n", Class::Rejected),
        ("354 go\r\n", Class::Protocol),
        ("450 later\r\n", Class::Transient),
        ("250-me\r\nboo\r\n", Class::Protocol),
    ] {
        let (near, far) = tokio::io::duplex(4096);
        let _peer = tokio::spawn(play(far, vec![(0, "220 hi\r\n"), (1, answer)]));
        let error = open(near, Security::Implicit, true).await.unwrap_err();
        assert_eq!(error.class, class, "{answer:?}: {error}");
    }
    // What lettre's own reader of capabilities dies of.
    let (near, far) = tokio::io::duplex(4096);
    let odd = "250-\r\n250-   \r\n250-size 5\r\n250\r\n";
    let _peer = tokio::spawn(play(far, vec![(0, "220\r\n"), (1, odd)]));
    let submitter = open(near, Security::Implicit, false).await.unwrap();
    assert_eq!(submitter.extensions().size_max, Some(5));
}

#[tokio::test]
async fn a_reply_that_was_not_asked_for_is_never_an_answer() {
    // Each of them is glued to the reply before; the next one would be taken for good otherwise.
    for (more, phase) in [
        (vec![(1, "250 ok\r\n250 ok\r\n")], Phase::BeforeData),
        (
            vec![(1, "250 ok\r\n"), (1, "250 ok\r\n354 go\r\n250 sent\r\n")],
            Phase::BeforeData,
        ),
        (
            [&ENVELOPE[..], &[(1, "354 go\r\n250 sent\r\n")]].concat(),
            Phase::BeforeData,
        ),
    ] {
        let turns = [&HELLO[..], &more].concat();
        let (outcome, is_open, heard) = submit(&turns).await;
        assert_eq!(lost(&outcome), (phase, Class::Protocol), "{more:?}");
        assert!(!is_open && !heard.contains("Subject"), "{heard}");
    }
}

#[tokio::test]
async fn only_a_2yz_after_the_dot_is_a_delivery() {
    let body = TEXT.iter().filter(|b| **b == b'\n').count() + 1;
    let sent = |last: &'static str| turns(&[(1, "354 go\r\n"), (body, last)]);
    let (outcome, is_open, heard) = submit(&sent("250 2.0.0 queued\r\n")).await;
    assert!(
        matches!(outcome, Submitted::Delivered { .. }),
        "{outcome:?}"
    );
    assert!(
        is_open && heard.ends_with("\r\n\r\n..x\r\n.\r\n"),
        "{heard:?}"
    );
    for last in [
        "354 more\r\n",
        "boo\r\n",
        "250-\r\n251 x\r\n",
        "2\u{660}0 ok\r\n",
        "99\r\n",
        "\r\n",
    ] {
        let (outcome, is_open, _) = submit(&sent(last)).await;
        assert_eq!(
            lost(&outcome),
            (Phase::AfterDot, Class::Protocol),
            "{last:?}"
        );
        assert!(!is_open);
    }
    for last in ["451 later\r\n", "421 bye\r\n", "571 blocked\r\n"] {
        let (outcome, is_open, _) = submit(&sent(last)).await;
        let Submitted::Refused { stage, reply, .. } = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((stage, is_open), (Stage::Message, !reply.is_closing()));
        assert!(last.starts_with(&reply.code.to_string()));
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_ends_the_connection_before_a_byte_of_the_message() {
    for more in [
        vec![(1, "354 go\r\n")],
        vec![(1, "250 ok\r\n"), (1, "354 go\r\n")],
        [&ENVELOPE[..], &[(1, "250 ok\r\n")]].concat(),
    ] {
        let turns = [&HELLO[..], &more].concat();
        let (outcome, is_open, heard) = submit(&turns).await;
        assert_eq!(lost(&outcome), (Phase::BeforeData, Class::Protocol));
        assert!(!is_open && !heard.contains("Subject"), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn floods_and_drips_end() {
    let flood = "x".repeat(9000).leak();
    let many: &'static str = format!("{}250 ok\r\n", "250-x\r\n".repeat(200)).leak();
    let long: &'static str = format!("250 {flood}\r\n").leak();
    for last in [flood, many, long] {
        let (outcome, _, _) = submit(&turns(&[(1, last)])).await;
        assert_eq!(lost(&outcome), (Phase::BeforeData, Class::Protocol));
    }
    // A byte a minute is not an answer, even if it never stops.
    let (near, mut far) = tokio::io::duplex(64);
    let drip = tokio::spawn(async move {
        while far.write_all(b"2").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    let began = Instant::now();
    let error = open(near, Security::Implicit, true).await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
    assert_eq!(began.elapsed().as_secs(), 300);
    drip.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_silence_ends_when_the_standard_allows_it() {
    let body = TEXT.iter().filter(|b| **b == b'\n').count() + 1;
    for (more, phase, limit) in [
        (vec![], Phase::BeforeData, 300),
        (ENVELOPE[..1].to_vec(), Phase::BeforeData, 300),
        (ENVELOPE.to_vec(), Phase::BeforeData, 120),
        (
            [&ENVELOPE[..], &[(1, "354 go\r\n")]].concat(),
            Phase::AfterDot,
            600,
        ),
        (
            [
                &ENVELOPE[..],
                &[(1, "354 go\r\n"), (body, "250-almost\r\n")],
            ]
            .concat(),
            Phase::AfterDot,
            600,
        ),
    ] {
        let began = Instant::now();
        let turns = [&HELLO[..], &more].concat();
        let (outcome, is_open, _) = submit(&turns).await;
        assert_eq!(lost(&outcome), (phase, Class::Transient), "{more:?}");
        assert_eq!(
            (began.elapsed().as_secs(), is_open),
            (limit, false),
            "{more:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_taking_bytes_is_given_up_inside_of_the_message() {
    let (near, far) = tokio::io::duplex(4096);
    let peer = tokio::spawn(play(far, turns(&[(1, "354 go\r\n")])));
    let mut submitter = open(near, Security::Implicit, false).await.unwrap();
    let message = b"line\r\n".repeat(10_000);
    let outcome = submitter
        .submit(&submission(message.len()), &message[..])
        .await;
    assert_eq!(lost(&outcome), (Phase::InsideData, Class::Transient));
    let Submitted::Lost { error, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(
        error.summary.contains("took nothing more within 180"),
        "{error}"
    );
    let _far = peer.await.unwrap();
}

#[tokio::test]
async fn a_refusal_before_the_end_of_a_message_is_believed_and_a_consent_is_not() {
    for (early, refused) in [("552 5.3.4 too large\r\n", true), ("250 sent\r\n", false)] {
        let (near, far) = tokio::io::duplex(4096);
        let peer = tokio::spawn(play(far, turns(&[(1, "354 go\r\n"), (3, early)])));
        let mut submitter = open(near, Security::Implicit, false).await.unwrap();
        let message = b"line\r\n".repeat(10_000);
        let outcome = submitter
            .submit(&submission(message.len()), &message[..])
            .await;
        match outcome {
            Submitted::Refused { stage, reply, .. } if refused => {
                assert_eq!(
                    (stage, reply.code_text().as_str()),
                    (Stage::Message, "5.3.4")
                );
            }
            other => assert_eq!((lost(&other).0, refused), (Phase::InsideData, false)),
        }
        assert!(!submitter.is_open());
        let _far = peer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_consent_while_we_wait_for_the_rest_of_the_message_is_not_believed() {
    let lines = TEXT.iter().filter(|b| **b == b'\n').count();
    let (near, far) = tokio::io::duplex(4096);
    let turns = turns(&[(1, "354 go\r\n"), (lines, "250 sent\r\n")]);
    let peer = tokio::spawn(play(far, turns));
    let mut submitter = open(near, Security::Implicit, false).await.unwrap();
    let (mut writer, message) = tokio::io::duplex(4096);
    let writing = tokio::spawn(async move {
        writer.write_all(TEXT).await.unwrap();
        // The end comes later than what the server says.
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    let outcome = submitter.submit(&submission(TEXT.len()), message).await;
    assert_eq!(lost(&outcome), (Phase::InsideData, Class::Protocol));
    writing.await.unwrap();
    drop(submitter);
    let (far, _) = peer.await.unwrap();
    assert_eq!(rest(far).await, "", "the end was not sent");
}

#[tokio::test]
async fn pipelined_answers_do_not_lock_both_sides() {
    // The peer takes no command while its answers are not read: the client has to do both.
    let (near, mut far) = tokio::io::duplex(256);
    let peer = tokio::spawn(async move {
        far.write_all(b"220 hi\r\n").await.unwrap();
        let (mut lines, mut data) = (0, Vec::new());
        loop {
            let Ok(byte) = far.read_u8().await else {
                return lines;
            };
            data.push(byte);
            if byte != b'\n' {
                continue;
            }
            lines += 1;
            let answer = if data.starts_with(b"EHLO") {
                "250-me\r\n250 PIPELINING\r\n".to_owned()
            } else if data.starts_with(b"RCPT") {
                format!("250 2.1.5 {} taken with many words\r\n", "x".repeat(100))
            } else if data.starts_with(b"DATA") {
                "421 enough\r\n".to_owned()
            } else {
                "250 ok\r\n".to_owned()
            };
            data.clear();
            if far.write_all(answer.as_bytes()).await.is_err() {
                return lines;
            }
        }
    });
    let mut submitter = open(near, Security::Implicit, false).await.unwrap();
    let mut to_many = submission(TEXT.len());
    to_many.recipients = (0..200)
        .map(|n| Path::parse(&format!("r{n}@there.test")).unwrap())
        .collect();
    let outcome = submitter.submit(&to_many, TEXT).await;
    let Submitted::Refused { stage, reply, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((stage, reply.code), (Stage::Data, 421));
    drop(submitter);
    assert_eq!(peer.await.unwrap(), 203);
}

#[tokio::test]
async fn a_login_asked_for_without_end_is_given_up() {
    let (near, far) = tokio::io::duplex(4096);
    let turns = vec![
        (0, "220 hi\r\n"),
        (1, "250-me\r\n250 AUTH PLAIN\r\n"),
        (1, "334 \r\n"),
        (1, "334 \r\n"),
        (1, "334 \r\n"),
    ];
    let peer = tokio::spawn(play(far, turns));
    let error = open(near, Security::Implicit, true).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol, "{error}");
    let (far, _) = peer.await.unwrap_or_else(|e| panic!("{e}"));
    drop(far);
}

#[tokio::test]
async fn a_dropped_call_leaves_the_phase_and_no_connection_to_use() {
    for (more, phase) in [
        (vec![], Phase::BeforeData),
        (turns(&[(1, "354 go\r\n")])[2..].to_vec(), Phase::AfterDot),
    ] {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let peer = tokio::spawn(play(far, [&HELLO[..], &more].concat()));
        let mut submitter = open(near, Security::Implicit, false).await.unwrap();
        let submission = submission(TEXT.len());
        let submitting = submitter.submit(&submission, TEXT);
        let outcome = tokio::time::timeout(Duration::from_millis(100), submitting).await;
        assert!(outcome.is_err());
        assert_eq!((submitter.phase(), submitter.is_open()), (phase, false));
        let again = submitter.submit(&submission, TEXT).await;
        assert_eq!(lost(&again).0, Phase::BeforeData);
        assert!(submitter.noop().await.is_err());
        let _far = peer.await.unwrap();
    }
}

/// What a server might say, sense or nonsense.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let sense = vec![
        "250 ok",
        "354 go",
        "550 5.1.1 no",
        "451 later",
        "421 bye",
        "250",
    ];
    prop_oneof![
        4 => proptest::sample::select(sense).prop_map(|text| format!("{text}\r\n").into_bytes()),
        2 => Just(b"250-me\r\n250-PIPELINING\r\n250 SIZE 9\r\n".to_vec()),
        2 => "[2-5]{0,4}[ -]?\\PC{0,8}(\r\n|\n|)".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
        1 => Just(Vec::new()),
    ]
}

/// A dialogue that ends in a delivery, with some words changed or added.
fn words() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let good = ["220 hi", "250 me", "250 ok", "250 ok", "354 go", "250 ok"];
    let changes = proptest::collection::vec((0..good.len(), any::<bool>(), word()), 0..3);
    changes.prop_map(move |changes| {
        let mut words = good.map(|text| format!("{text}\r\n").into_bytes());
        for (at, is_added, word) in changes {
            if is_added {
                words[at].extend(word);
            } else {
                words[at] = word;
            }
        }
        words.to_vec()
    })
}

/// Answers every line, and every message at its end, with the next words; then hangs up. What it said
/// last, and whether a whole message had come before.
async fn babble(mut far: DuplexStream, words: Vec<Vec<u8>>) -> (Vec<u8>, bool) {
    let (mut line, mut is_data, mut has_message) = (Vec::new(), false, false);
    let mut last = Vec::new();
    for said in words {
        if far.write_all(&said).await.is_err() {
            break;
        }
        is_data |= said.starts_with(b"354");
        last = said;
        loop {
            let Ok(byte) = far.read_u8().await else {
                return (last, has_message);
            };
            line.push(byte);
            if byte == b'\n' {
                let text = std::mem::take(&mut line);
                has_message |= text == b".\r\n";
                if !is_data || text == b".\r\n" {
                    is_data = false;
                    break;
                }
            }
        }
    }
    (last, has_message)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn whatever_a_server_says_a_delivery_is_its_own_word_after_the_end(
        words in words(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let peer = tokio::spawn(babble(far, words.clone()));
            let Ok(mut submitter) = open(near, Security::Implicit, false).await else {
                return;
            };
            let outcome = submitter.submit(&submission(TEXT.len()), TEXT).await;
            drop(submitter);
            let (last, has_message) = peer.await.unwrap();
            if let Submitted::Delivered { .. } = outcome {
                assert!(has_message && last.starts_with(b"2"), "{words:?}");
            }
        });
    }
}
