//! The client against the demo's server, in memory: what lies in the maildrop is what arrives.

use super::{Expire, Outcome, Retrieved, Scan, Session};
use crate::demo::pop3::{Options as Offer, Peer, Sizes, Uids};
use crate::demo::{Act, Times, When};
use crate::net::{Class, Error, Login, Options, Secret, Security, Server};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

fn server() -> Server {
    Server {
        host: "mail.test".into(),
        port: 995,
        security: Security::Implicit,
        ca_file: None,
    }
}

fn password(text: &str) -> Login {
    Login::Password {
        user: "ann".into(),
        password: Secret::new(text.into()),
    }
}

async fn open_as(peer: &Peer, login: &Login) -> Result<Session, Error> {
    let wire = Box::new(peer.connect());
    Session::over(wire, &server(), login, &Options::default()).await
}

async fn open(peer: &Peer) -> Session {
    open_as(peer, &password("secret")).await.unwrap()
}

/// A peer with these messages.
fn peer(offer: Offer, messages: &[&[u8]]) -> Peer {
    let peer = Peer::new(offer);
    for raw in messages {
        peer.maildrop().deliver(*raw);
    }
    peer
}

/// Fetches what is listed; what came, and how it ended.
async fn fetch(session: &mut Session, wanted: &[Scan]) -> (Vec<Retrieved>, Result<(), Error>) {
    let (sink, mut stream) = mpsc::channel(wanted.len() + 1);
    let done = session.retrieve(wanted, sink).await;
    let mut all = Vec::new();
    while let Some(one) = stream.recv().await {
        all.push(one);
    }
    (all, done)
}

fn whole(one: &Retrieved) -> &[u8] {
    match &one.outcome {
        Outcome::Whole(raw) => raw,
        other => panic!("message {}: {other:?}", one.number),
    }
}

const ODD: [&[u8]; 9] = [
    b"",
    b"\r\n",
    b".\r\n",
    b"..\r\n.\r\n...\r\n",
    b"Subject: x\r\n\r\n.a\r\n.\r\nb\r\n",
    b"no line end",
    b"a\n.\nb\n..\r\n",
    b"a\r.\r\n\r\n",
    b"bytes \x00\xff\x80 of all kinds\r\n",
];

/// What POP3 makes of a message: its last line has an end.
fn ended(raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    if !raw.is_empty() && !raw.ends_with(b"\r\n") {
        raw.extend(b"\r\n");
    }
    raw
}

#[tokio::test]
async fn every_kind_of_message_arrives_byte_by_byte_with_and_without_pipelining() {
    let large = b".a line of a large message\r\n".repeat(30_000);
    let messages: Vec<&[u8]> = ODD.iter().copied().chain([&large[..]]).collect();
    for offer in [
        Offer::default(),
        Offer::default().without(&["PIPELINING"]),
        Offer {
            has_capa: false,
            ..Offer::default().without(&["PIPELINING"])
        },
        Offer::default().without(&["SASL", "RESP-CODES", "USER"]),
    ] {
        let peer = peer(offer, &messages);
        let mut session = open(&peer).await;
        let list = session.list().await.unwrap();
        assert_eq!(session.stat().await.unwrap().0, 10);
        assert_eq!(list.last().unwrap().size, large.len() as u64);
        let (all, done) = fetch(&mut session, &list).await;
        done.unwrap();
        assert_eq!(all.len(), messages.len());
        for (one, raw) in all.iter().zip(&messages) {
            assert!(whole(one) == ended(raw), "message {}", one.number);
        }
        session.noop().await.unwrap();
        session.quit().await.unwrap();
        assert_eq!(peer.maildrop().messages().len(), 10);
        assert!(!peer.log().join("\n").contains("secret"));
    }
}

#[tokio::test]
async fn a_thousand_messages_need_few_turns_and_come_in_order() {
    let peer = Peer::new(Offer::default());
    for number in 0..1000 {
        peer.maildrop().deliver(format!(
            "Subject: {number}\r\n\r\n{}\r\n",
            "x".repeat(20_000)
        ));
    }
    let mut session = open(&peer).await;
    let list = session.list().await.unwrap();
    let (sink, mut stream) = mpsc::channel(2);
    let reader = tokio::spawn(async move {
        let mut count = 0;
        while let Some(one) = stream.recv().await {
            assert!(whole(&one).starts_with(format!("Subject: {count}\r\n").as_bytes()));
            count += 1;
            assert_eq!(one.number, count);
        }
        count
    });
    // In a task of its own, as the engine has it.
    let fetching = tokio::spawn(async move {
        session.retrieve(&list, sink).await.unwrap();
        let numbers: Vec<u32> = list.iter().map(|scan| scan.number).collect();
        assert_eq!(session.delete(&numbers).await.unwrap().numbers, numbers);
        session.quit().await.unwrap();
    });
    assert_eq!(reader.await.unwrap(), 1000);
    fetching.await.unwrap();
    assert!(peer.maildrop().messages().is_empty());
}

#[tokio::test]
async fn what_was_deleted_is_gone_only_after_quit() {
    let peer = peer(Offer::default(), &[b"a\r\n", b"b\r\n", b"c\r\n"]);
    let mut session = open(&peer).await;
    assert_eq!(session.delete(&[1, 3, 9]).await.unwrap().numbers, [1, 3]);
    drop(session);
    assert_eq!(peer.maildrop().messages().len(), 3);
    let mut session = loop {
        // The server notices in its own time that the first session is over.
        match open_as(&peer, &password("secret")).await {
            Ok(session) => break session,
            Err(error) => assert_eq!(error.code.as_deref(), Some("IN-USE")),
        }
    };
    assert_eq!(session.delete(&[1, 3]).await.unwrap().numbers, [1, 3]);
    session.reset().await.unwrap();
    assert_eq!(session.delete(&[2]).await.unwrap().numbers, [2]);
    session.quit().await.unwrap();
    let left: Vec<_> = peer.maildrop().messages();
    assert_eq!(
        left.iter().map(|mail| &mail.raw[..1]).collect::<Vec<_>>(),
        [b"a", b"c"]
    );
}

#[tokio::test]
async fn a_lost_answer_to_quit_is_no_success() {
    for (act, left) in [
        (Act::DropAfter, 0),
        (Act::DropBefore, 1),
        (Act::No("x".into()), 1),
    ] {
        let peer = peer(Offer::default(), &[b"a\r\n"]);
        let mut session = open(&peer).await;
        session.delete(&[1]).await.unwrap();
        peer.faults().once("QUIT", act);
        let error = session.quit().await.unwrap_err();
        assert_eq!(error.class, Class::Transient, "{error}");
        assert_eq!(peer.maildrop().messages().len(), left);
    }
}

#[tokio::test]
async fn ids_are_given_as_the_server_has_them() {
    let messages: [&[u8]; 3] = [b"a\r\n", b"b\r\n", b"c\r\n"];
    let uidl = async |offer| open(&peer(offer, &messages)).await.uidl().await.unwrap();
    let with = |uids| Offer {
        uids,
        ..Offer::default()
    };
    let lasting = uidl(with(Uids::Lasting)).await.unwrap();
    assert_eq!(
        lasting.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let reordered = uidl(with(Uids::Reordered)).await.unwrap();
    assert_eq!(
        reordered.iter().rev().collect::<Vec<_>>(),
        lasting.iter().collect::<Vec<_>>()
    );
    let doubled = uidl(with(Uids::Doubled)).await.unwrap();
    assert!(doubled[0].1 == doubled[1].1 && doubled[1].1 != doubled[2].1);
    assert_eq!(uidl(Offer::default().without(&["UIDL"])).await, None);

    let odd = uidl(with(Uids::Odd)).await.unwrap();
    assert!(odd.len() == 2 && odd[0].1.ends_with('\u{4fe1}') && odd[1].1.len() == 200);

    let peer = peer(with(Uids::Reused), &messages);
    let mut session = open(&peer).await;
    let before = session.uidl().await.unwrap().unwrap();
    session.delete(&[1]).await.unwrap();
    session.quit().await.unwrap();
    let after = open(&peer).await.uidl().await.unwrap().unwrap();
    assert_eq!(after[0], before[0], "and it is another message");
}

#[tokio::test]
async fn a_server_that_has_ids_and_does_not_tell_them_now_is_not_one_without() {
    let peer = peer(Offer::default(), &[b"a\r\n"]);
    peer.faults().once("UIDL", Act::No("later".into()));
    let mut session = open(&peer).await;
    assert_eq!(session.uidl().await.unwrap_err().class, Class::Transient);
    assert_eq!(session.uidl().await.unwrap().unwrap().len(), 1);
}

#[tokio::test]
async fn top_gives_headers_and_says_where_there_is_no_top() {
    let text = b"Subject: x\r\n\r\n.one\r\ntwo\r\nthree\r\n";
    let peer_with = |offer| peer(offer, &[text, b"A: b\r\n\r\n", text]);
    let mut session = open(&peer_with(Offer::default())).await;
    for (lines, expected) in [(0, &text[..14]), (2, &text[..25]), (9, &text[..])] {
        let (sink, mut stream) = mpsc::channel(9);
        assert!(session.top(&[3, 7], lines, sink).await.unwrap());
        assert_eq!(whole(&stream.recv().await.unwrap()), expected);
        let refused = stream.recv().await.unwrap();
        assert!(matches!(refused.outcome, Outcome::Refused(_)) && refused.number == 7);
        assert!(stream.recv().await.is_none());
    }
    let peer = peer_with(Offer::default().without(&["TOP"]));
    let mut session = open(&peer).await;
    assert!(!session.top(&[1], 0, mpsc::channel(1).0).await.unwrap());
    assert!(!peer.log().iter().any(|line| line.starts_with("TOP")));
}

#[tokio::test]
async fn one_refused_message_does_not_concern_the_others() {
    let peer = peer(Offer::default(), &[b"a\r\n", b"b\r\n", b"c\r\n"]);
    let mut session = open(&peer).await;
    let mut list = session.list().await.unwrap();
    list[1].number = 77;
    let (all, done) = fetch(&mut session, &list).await;
    done.unwrap();
    assert_eq!(
        (whole(&all[0]), whole(&all[2])),
        (&b"a\r\n"[..], &b"c\r\n"[..])
    );
    let Outcome::Refused(error) = &all[1].outcome else {
        panic!("{:?}", all[1]);
    };
    assert_eq!(error.class, Class::Rejected);
}

#[tokio::test]
async fn sizes_that_are_counted_otherwise_are_taken_and_lies_end_it() {
    let lines = b"\r\n".repeat(2_000_000);
    let fixed = |size| Offer {
        sizes: Sizes::Fixed(size),
        ..Offer::default()
    };
    let feeds = Offer {
        sizes: Sizes::LineFeeds,
        ..Offer::default()
    };
    for (offer, is_lie) in [(feeds, false), (fixed(3_000_000), false), (fixed(3), true)] {
        let peer = peer(offer, &[b"a\r\n", &lines, b"b\r\n"]);
        let mut session = open(&peer).await;
        let list = session.list().await.unwrap();
        let (all, done) = fetch(&mut session, &list).await;
        assert_eq!(whole(&all[0]), b"a\r\n");
        if is_lie {
            assert!(matches!(all[1].outcome, Outcome::TooLarge { size } if size > 1_000_000));
            assert_eq!((all.len(), done.unwrap_err().class), (2, Class::Protocol));
            assert!(!session.is_open() && session.noop().await.is_err());
        } else {
            done.unwrap();
            assert!(whole(&all[1]) == lines && all.len() == 3);
        }
    }
}

#[tokio::test]
async fn what_is_announced_as_too_large_is_not_asked_for() {
    let peer = peer(Offer::default(), &[b"a\r\n", &[b'x'; 5000], b"b\r\n"]);
    let options = Options {
        message_max: 1000,
        ..Options::default()
    };
    let wire = Box::new(peer.connect());
    let mut session = Session::over(wire, &server(), &password("secret"), &options)
        .await
        .unwrap();
    let list = session.list().await.unwrap();
    let (all, done) = fetch(&mut session, &list).await;
    done.unwrap();
    assert!(matches!(all[1].outcome, Outcome::TooLarge { size: 5000 }));
    assert_eq!((all[1].number, whole(&all[2])), (2, &b"b\r\n"[..]));
    assert!(!peer.log().contains(&"RETR 2".to_owned()));
}

#[tokio::test]
async fn a_receiver_that_leaves_ends_it_and_the_session_goes_on() {
    let peer = Peer::new(Offer::default());
    for _ in 0..2000 {
        peer.maildrop().deliver(vec![b'x'; 20_000]);
    }
    let mut session = open(&peer).await;
    let list = session.list().await.unwrap();
    let (sink, mut stream) = mpsc::channel(1);
    let first = tokio::spawn(async move { stream.recv().await });
    session.retrieve(&list, sink).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap().number, 1);
    let asked = peer
        .log()
        .iter()
        .filter(|line| line.starts_with("RETR"))
        .count();
    assert!(asked < 1000, "{asked}");
    assert_eq!(session.delete(&[1]).await.unwrap().numbers, [1]);
    session.quit().await.unwrap();
    assert_eq!(peer.maildrop().messages().len(), 1999);
}

#[tokio::test]
async fn a_connection_cut_within_a_message_gives_only_the_whole_ones_before_it() {
    let messages: [&[u8]; 3] = [b"first\r\n", b"second\r\nmore\r\n", b"third\r\n"];
    let answer = "+OK Here it is\r\n".len();
    for cut in 1..answer + messages[1].len() + 3 {
        let peer = peer(Offer::default(), &messages);
        peer.faults().add(
            When::Command("RETR".into()),
            Act::Say(String::new()),
            Times::Once,
        );
        let mut session = open(&peer).await;
        let list = session.list().await.unwrap();
        peer.faults().once("RETR", Act::CutAfter(cut));
        let (all, done) = fetch(&mut session, &list).await;
        assert_eq!(done.unwrap_err().class, Class::Transient);
        assert_eq!(all.len(), 1, "cut after {cut}");
        assert_eq!(whole(&all[0]), messages[0]);
    }
}

/// A whole session over a connection of which so many bytes arrive: what was fetched, and whether all
/// of it was done.
async fn cut_session(peer: &Peer, bytes: u64) -> (Vec<Retrieved>, bool) {
    let (read, write) = tokio::io::split(peer.connect());
    let wire = tokio::io::join(read.take(bytes), write);
    let login = password("secret");
    let opened = Session::over(Box::new(wire), &server(), &login, &Options::default()).await;
    let Ok(mut session) = opened else {
        return (Vec::new(), false);
    };
    let Ok(list) = session.list().await else {
        return (Vec::new(), false);
    };
    let (all, done) = fetch(&mut session, &list).await;
    let numbers: Vec<u32> = list.iter().map(|scan| scan.number).collect();
    let is_done =
        done.is_ok() && session.delete(&numbers).await.is_ok() && session.quit().await.is_ok();
    (all, is_done)
}

#[tokio::test]
async fn a_connection_cut_at_any_byte_leaves_each_message_whole_and_somewhere() {
    for pipelining in [true, false] {
        let offer = match pipelining {
            true => Offer::default(),
            false => Offer::default().without(&["PIPELINING"]),
        };
        let mut last = 0;
        for bytes in 0.. {
            let peer = peer(offer.clone(), &ODD);
            let (all, is_done) = cut_session(&peer, bytes).await;
            for (one, raw) in all.iter().zip(ODD) {
                assert!(
                    whole(one) == ended(raw),
                    "message {}, cut at {bytes}",
                    one.number
                );
            }
            assert!(all.len() >= last, "cut at {bytes}");
            last = all.len();
            let left = peer.maildrop().messages().len();
            assert!(left == ODD.len() || (left == 0 && all.len() == ODD.len()));
            if is_done {
                assert_eq!((left, all.len()), (0, ODD.len()));
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_mark_dots_gives_no_half_message() {
    for pipelining in [true, false] {
        let mut offer = Offer {
            is_stuffing: false,
            ..Offer::default()
        };
        if !pipelining {
            offer = offer.without(&["PIPELINING"]);
        }
        let peer = peer(offer, &[b"a\r\n", b"half\r\n.\r\nof it\r\n"]);
        let mut session = open(&peer).await;
        let list = session.list().await.unwrap();
        let (all, done) = fetch(&mut session, &list).await;
        assert_eq!(done.unwrap_err().class, Class::Protocol);
        assert_eq!(all.len(), 1);
        assert!(session.delete(&[1]).await.is_err());
    }
}

fn token(text: &str) -> Login {
    Login::Token {
        user: "ann".into(),
        token: Secret::new(text.into()),
    }
}

#[tokio::test]
async fn tokens_and_passwords_log_in_by_the_best_way_there_is() {
    let long = "x".repeat(2000);
    for (offer, login, said) in [
        (Offer::default(), token("good"), "AUTH OAUTHBEARER"),
        (Offer::default(), token(&long), "AUTH OAUTHBEARER"),
        (
            Offer::default().without(&["SASL"]).with(&["SASL XOAUTH2"]),
            token(&long),
            "AUTH XOAUTH2",
        ),
        (Offer::default(), password("secret"), "AUTH PLAIN"),
        (
            Offer::default().without(&["SASL"]),
            password("secret"),
            "USER ann\nPASS",
        ),
    ] {
        let peer = Peer::new(offer);
        open_as(&peer, &login).await.unwrap();
        assert_eq!(peer.log().join("\n"), format!("CAPA\n{said}\nCAPA"));
    }
}

#[tokio::test]
async fn refused_logins_are_told_apart_and_show_no_secret() {
    for (offer, login, code, told) in [
        (
            Offer::default(),
            token("bad"),
            Some("AUTH"),
            "invalid_token",
        ),
        (
            Offer::default().without(&["SASL"]).with(&["SASL XOAUTH2"]),
            token("bad"),
            Some("AUTH"),
            "invalid_token",
        ),
        (
            Offer::default().without(&["SASL"]),
            token("good"),
            None,
            "does not accept tokens",
        ),
        (
            Offer::default(),
            password("wrong"),
            Some("AUTH"),
            "refused the login",
        ),
        (
            Offer::default().without(&["SASL", "AUTH-RESP-CODE"]),
            password("wrong"),
            None,
            "refused the login",
        ),
        (
            Offer::default()
                .without(&["SASL", "USER"])
                .with(&["SASL CRAM-MD5"]),
            password("secret"),
            None,
            "only CRAM-MD5",
        ),
    ] {
        let error = open_as(&Peer::new(offer), &login).await.unwrap_err();
        assert_eq!(
            (error.class, error.code.as_deref()),
            (Class::Auth, code),
            "{error}"
        );
        assert!(error.summary.contains(told), "{error}");
        assert!(!error.summary.contains("wrong") && !error.summary.contains("bad"));
    }
}

#[tokio::test]
async fn a_maildrop_that_is_held_and_a_login_too_soon_are_for_later() {
    for codes in [true, false] {
        let mut offer = Offer {
            login_delay: Some(Duration::from_secs(900)),
            ..Offer::default()
        };
        if !codes {
            offer = offer.without(&["RESP-CODES"]);
        }
        let peer = Peer::new(offer);
        peer.maildrop().set_held(true);
        let error = open_as(&peer, &password("secret")).await.unwrap_err();
        assert_eq!(error.class, Class::Transient);
        assert_eq!(error.code.as_deref(), codes.then_some("IN-USE"));
        peer.maildrop().set_held(false);
        let session = open(&peer).await;
        assert_eq!(session.offers().login_delay, Some(Duration::from_secs(900)));
        assert_eq!(session.offers().expire, Some(Expire::Never));
        session.quit().await.unwrap();
        let error = open_as(&peer, &password("secret")).await.unwrap_err();
        assert_eq!(error.class, Class::Transient);
        assert_eq!(error.code.as_deref(), codes.then_some("LOGIN-DELAY"));
    }
}
