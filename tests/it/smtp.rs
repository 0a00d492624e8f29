//! Mail submission against the demo's own server: what is sent is what arrives, and who got it is known.
//!
//! In memory, with the true adapter. The server is asked what it really took.

use crate::support::outbox::{Outbox, login, path, submission};
use pillarbox::demo::smtp::{Options as Offer, Received};
use pillarbox::model::Secret;
use pillarbox::net::smtp::{Dsn, Path, Stage, Standing, Submission, Submitted, Unfit};
use pillarbox::net::{Class, Login};
use proptest::prelude::{ProptestConfig, any, proptest};

/// Reads in steps of that size, as a slow disk might.
struct Slow<'a>(&'a [u8], usize);

impl tokio::io::AsyncRead for Slow<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let count = self.1.min(self.0.len()).min(buf.remaining());
        let (now, later) = self.0.split_at(count);
        buf.put_slice(now);
        self.0 = later;
        std::task::Poll::Ready(Ok(()))
    }
}

fn delivered(outcome: &Submitted) -> (Vec<&str>, Vec<(&str, bool)>) {
    let Submitted::Delivered {
        accepted, refused, ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    (
        accepted.iter().map(Path::as_str).collect(),
        refused
            .iter()
            .map(|r| (r.path.as_str(), r.is_permanent))
            .collect(),
    )
}

fn addresses(message: &Received) -> Vec<&str> {
    message.to.iter().map(|to| to.address.as_str()).collect()
}

#[tokio::test]
async fn several_messages_go_over_one_connection_byte_by_byte() {
    for offer in [
        Offer::default(),
        Offer::default().without(&["PIPELINING", "SIZE", "DSN", "8BITMIME"]),
    ] {
        let outbox = Outbox::new(offer);
        let mut submitter = outbox.open().await.unwrap();
        let large = b".a line of a large message\r\n".repeat(20_000);
        for (number, text) in [&b"Subject: x\r\n\r\n.\r\n..\r\n"[..], &large, b""]
            .into_iter()
            .enumerate()
        {
            let to = submission("jo@here.test", &["ann@there.test"], text);
            let outcome = submitter.submit(&to, text).await;
            assert_eq!(delivered(&outcome).0, ["ann@there.test"]);
            let taken = outbox.taken();
            assert!(taken.len() == number + 1 && taken[number].raw == text);
            submitter.noop().await.unwrap();
        }
        submitter.quit().await;
        assert_eq!(outbox.peer.sessions_opened(), 1);
        let log = outbox.peer.log();
        assert_eq!(log.last().map(String::as_str), Some("QUIT"));
        assert!(!log.contains(&"RSET".to_owned()), "nothing was left behind");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn bytes_in_are_bytes_out_however_they_are_cut(
        lines in proptest::collection::vec("(\\.{0,3}[ -~]{0,30}|\\PC{0,20}|\\.)", 0..60),
        step in 1_usize..200,
        grow in 1_usize..40,
        utf8 in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text: String = lines.iter().map(|line| format!("{}\r\n", line.replace(['\r', '\n', '\0'], ""))).collect();
        let text = text.repeat(grow);
        let text = text.as_bytes();
        let taken = runtime.block_on(async {
            let outbox = Outbox::new(Offer::default());
            let mut submitter = outbox.open().await.unwrap();
            let mut to = submission("jo@here.test", &["ann@there.test"], text);
            to.has_utf8_header = utf8;
            let outcome = submitter.submit(&to, Slow(text, step)).await;
            delivered(&outcome);
            outbox.taken()
        });
        assert!(taken.len() == 1 && taken[0].raw == text);
    }
}

#[tokio::test]
async fn those_who_are_refused_are_named_and_the_others_get_it_once() {
    for offer in [Offer::default(), Offer::default().without(&["PIPELINING"])] {
        let offer = Offer {
            refusals: vec![
                ("gone@there.test".into(), "550 5.1.1 No such user".into()),
                ("full@there.test".into(), "452 4.2.2 Over quota".into()),
            ],
            ..offer
        };
        let outbox = Outbox::new(offer);
        let mut submitter = outbox.open().await.unwrap();
        let all = [
            "gone@there.test",
            "ann@there.test",
            "full@there.test",
            "Ann@there.test",
            "ann@THERE.test",
        ];
        let to = submission("jo@here.test", &all, b"x\r\n");
        let outcome = submitter.submit(&to, &b"x\r\n"[..]).await;
        let (accepted, refused) = delivered(&outcome);
        assert_eq!(accepted, ["ann@there.test", "Ann@there.test"], "once each");
        assert_eq!(
            refused,
            [("gone@there.test", true), ("full@there.test", false)]
        );
        assert_eq!(addresses(&outbox.taken()[0]), accepted);
        assert_eq!(
            outcome.standing(&path("ann@there.TEST")),
            Standing::Delivered
        );
        assert_eq!(outcome.standing(&path("full@there.test")), Standing::Due);
        let Standing::Refused(reply) = outcome.standing(&path("gone@there.test")) else {
            panic!("{outcome:?}")
        };
        assert_eq!(reply.to_string(), "550 5.1.1 No such user");
        assert!(outcome.is_worth_retrying(&to));
    }
}

#[tokio::test]
async fn nobody_accepted_means_no_data_and_a_clean_connection() {
    let offer = Offer {
        refusals: vec![
            ("gone@there.test".into(), "550 5.1.1 No such user".into()),
            ("full@there.test".into(), "452 4.2.2 Over quota".into()),
        ],
        ..Offer::default()
    };
    let outbox = Outbox::new(offer);
    let mut submitter = outbox.open().await.unwrap();
    let to = submission(
        "jo@here.test",
        &["gone@there.test", "full@there.test"],
        b"x\r\n",
    );
    let outcome = submitter.submit(&to, &b"x\r\n"[..]).await;
    let Submitted::Refused { stage, reply, .. } = &outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (*stage, reply.code),
        (Stage::Recipients, 452),
        "there is hope"
    );
    assert_eq!(outcome.standing(&path("full@there.test")), Standing::Due);
    let to = submission("jo@here.test", &["gone@there.test"], b"x\r\n");
    let outcome = submitter.submit(&to, &b"x\r\n"[..]).await;
    assert!(!outcome.is_worth_retrying(&to), "{outcome:?}");
    let to = submission("jo@here.test", &["ann@there.test"], b"x\r\n");
    delivered(&submitter.submit(&to, &b"x\r\n"[..]).await);
    let log = outbox.peer.log();
    assert_eq!(log.iter().filter(|line| *line == "DATA").count(), 1);
    assert_eq!(log.iter().filter(|line| *line == "RSET").count(), 2);
}

#[tokio::test]
async fn two_hundred_recipients_go_in_few_flights_and_those_too_many_are_due() {
    let offer = Offer {
        recipients_max: 150,
        refusals: vec![("r7@there.test".into(), "552 Too many".into())],
        ..Offer::default()
    };
    let outbox = Outbox::new(offer);
    let mut submitter = outbox.open().await.unwrap();
    let all: Vec<String> = (0..200).map(|n| format!("r{n}@there.test")).collect();
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let to = submission("jo@here.test", &names, b"x\r\n");
    let outcome = submitter.submit(&to, &b"x\r\n"[..]).await;
    let (accepted, refused) = delivered(&outcome);
    assert_eq!((accepted.len(), refused.len()), (150, 50));
    assert!(refused.iter().all(|(_, is_permanent)| !is_permanent));
    assert_eq!(addresses(&outbox.taken()[0]), accepted);
    // Those who are due get it with the next one, and nobody else.
    let due: Vec<&str> = refused
        .iter()
        .map(|(address, _)| *address)
        .skip(1)
        .collect();
    let to = submission("jo@here.test", &due, b"x\r\n");
    delivered(&submitter.submit(&to, &b"x\r\n"[..]).await);
    assert_eq!(addresses(&outbox.taken()[1]), due);
}

#[tokio::test]
async fn what_the_server_cannot_take_is_not_tried() {
    let offer = Offer {
        size_max: 100,
        ..Offer::default()
    };
    let outbox = Outbox::new(offer.without(&["SMTPUTF8", "8BITMIME"]));
    let mut submitter = outbox.open().await.unwrap();
    let before = outbox.peer.log().len();
    let plain = submission("jo@here.test", &["ann@there.test"], b"x\r\n");
    type IsRight = fn(&Unfit) -> bool;
    let mut cases: Vec<(Submission, IsRight)> = Vec::new();
    let mut case = |change: fn(&mut Submission), is_right| {
        let mut changed = plain.clone();
        change(&mut changed);
        cases.push((changed, is_right));
    };
    case(
        |s| s.size = 101,
        |u| {
            matches!(
                u,
                Unfit::TooLarge {
                    size: 101,
                    limit: 100
                }
            )
        },
    );
    case(|s| s.has_8bit = true, |u| *u == Unfit::Needs8BitMime);
    case(
        |s| s.has_utf8_header = true,
        |u| *u == Unfit::NeedsSmtpUtf8(None),
    );
    case(
        |s| s.recipients.push(path("jörg@there.test")),
        |u| *u == Unfit::NeedsSmtpUtf8(Some(path("jörg@there.test"))),
    );
    case(|s| s.recipients.clear(), |u| *u == Unfit::NoRecipients);
    for (submission, is_right) in &cases {
        let outcome = submitter.submit(submission, &b"x\r\n"[..]).await;
        let Submitted::Unfit(why) = &outcome else {
            panic!("{outcome:?}")
        };
        assert!(is_right(why), "{why:?}");
        assert!(!outcome.is_worth_retrying(submission));
    }
    assert_eq!(outbox.peer.log().len(), before, "not a word of it was said");
    // A domain of another alphabet needs nothing of the server.
    let to = submission("jo@here.test", &["ann@bücher.test"], b"x\r\n");
    delivered(&submitter.submit(&to, &b"x\r\n"[..]).await);
    assert_eq!(addresses(&outbox.taken()[0]), ["ann@xn--bcher-kva.test"]);
}

#[tokio::test]
async fn bytes_that_are_not_as_announced_get_no_end() {
    for (text, announced) in [
        (&b"a\r\nb\r\n"[..], 3),
        (b"a\r\n", 6),
        (b"a\nb\r\n", 5),
        ("ä\r\n".as_bytes(), 4),
    ] {
        let outbox = Outbox::new(Offer::default());
        let mut submitter = outbox.open().await.unwrap();
        let mut to = submission("jo@here.test", &["ann@there.test"], b"");
        to.size = announced;
        let outcome = submitter.submit(&to, text).await;
        assert!(
            matches!(outcome, Submitted::Unfit(Unfit::Broken(_))),
            "{outcome:?}"
        );
        assert!(!submitter.is_open());
        drop(submitter);
        outbox.settle().await;
        assert!(outbox.taken().is_empty());
    }
}

#[tokio::test]
async fn wishes_go_to_a_server_that_knows_them() {
    let outbox = Outbox::new(Offer::default());
    let mut submitter = outbox.open().await.unwrap();
    let text = "Subject: ä\r\n\r\nx\r\n".as_bytes();
    let mut to = submission("jo@here.test", &["jörg@bücher.test"], text);
    to.has_utf8_header = true;
    to.dsn = Some(Dsn {
        envelope_id: Some("a b+c".into()),
        on_success: true,
        on_delay: true,
        ..Dsn::default()
    });
    delivered(&submitter.submit(&to, text).await);
    to.reverse_path = None;
    to.dsn = Some(Dsn {
        returns_all: true,
        envelope_id: Some("not\r\nprintable".into()),
        ..Dsn::default()
    });
    delivered(&submitter.submit(&to, text).await);
    let taken = outbox.taken();
    let size = format!("SIZE={}", text.len());
    assert_eq!(
        taken[0].parameters,
        [
            &size,
            "BODY=8BITMIME",
            "SMTPUTF8",
            "RET=HDRS",
            "ENVID=a+20b+2Bc"
        ]
    );
    assert_eq!(taken[0].to[0].address, "jörg@bücher.test");
    assert_eq!(taken[0].to[0].parameters, ["NOTIFY=SUCCESS,DELAY"]);
    assert_eq!(taken[1].from, "");
    assert_eq!(taken[1].parameters.last().unwrap(), "RET=FULL");
    assert_eq!(taken[1].to[0].parameters, ["NOTIFY=NEVER"]);
}

#[tokio::test]
async fn each_way_of_logging_in_works_and_the_best_is_taken() {
    let token = |text: &str| Login::Token {
        user: "ann".into(),
        token: Secret::new(text.into()),
    };
    let long = "t".repeat(13_000);
    for (offered, login, line) in [
        ("LOGIN PLAIN", login("secret"), "AUTH PLAIN"),
        ("LOGIN", login("secret"), "AUTH LOGIN"),
        ("XOAUTH2 OAUTHBEARER", token("good"), "AUTH OAUTHBEARER"),
        ("XOAUTH2", token("good"), "AUTH XOAUTH2"),
        ("XOAUTH2", token(&long), "AUTH XOAUTH2"),
    ] {
        let outbox = Outbox::new(offering(offered));
        let mut submitter = outbox.open_as(Some(&login)).await.unwrap();
        let to = submission("jo@here.test", &["ann@there.test"], b"x\r\n");
        delivered(&submitter.submit(&to, &b"x\r\n"[..]).await);
        assert_eq!(outbox.taken()[0].user.as_deref(), Some("ann"));
        assert!(outbox.peer.log().contains(&line.to_owned()));
    }
}

fn offering(mechanisms: &str) -> Offer {
    let mut offer = Offer::default().without(&["AUTH"]);
    if !mechanisms.is_empty() {
        offer.capabilities.push(format!("AUTH {mechanisms}"));
    }
    offer
}

#[tokio::test]
async fn a_refused_login_is_told_and_not_tried_twice() {
    let bad_token = Login::Token {
        user: "ann".into(),
        token: Secret::new("bad".into()),
    };
    for (offered, login, told) in [
        ("PLAIN LOGIN", login("wrong"), "535 5.7.8"),
        ("LOGIN", login("wrong"), "535 5.7.8"),
        ("OAUTHBEARER", bad_token.clone(), "invalid_token"),
        ("XOAUTH2", bad_token.clone(), "invalid_token"),
        ("PLAIN", bad_token, "does not accept tokens"),
        ("CRAM-MD5", login("secret"), "only CRAM-MD5"),
        ("", login("secret"), "does not offer to log in"),
    ] {
        let outbox = Outbox::new(offering(offered));
        let error = outbox.open_as(Some(&login)).await.unwrap_err();
        assert_eq!(error.class, Class::Auth, "{error}");
        assert!(error.summary.contains(told), "{error}");
        assert!(
            !error.summary.contains("wrong") && !error.hint.is_empty() || offered == "CRAM-MD5"
        );
        let log = outbox.peer.log();
        assert!(log.iter().filter(|line| line.starts_with("AUTH")).count() <= 1);
    }
    let outbox = Outbox::new(Offer::default());
    let mut submitter = outbox.open_as(None).await.unwrap();
    let to = submission("jo@here.test", &["ann@there.test"], b"x\r\n");
    let outcome = submitter.submit(&to, &b"x\r\n"[..]).await;
    let Submitted::Refused { stage, reply, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((stage, reply.code), (Stage::Mail, 530));
}
