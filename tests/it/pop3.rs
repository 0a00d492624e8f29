//! POP3 against a true Dovecot: over TLS, over STLS and in clear, what lies in the maildrop is what arrives.
//!
//! The mail is put there by another client over IMAP, and looked at by it afterwards.

use crate::support::{Dovecot, Kind, TELLING};
use pillarbox::model::Secret;
use pillarbox::net::pop3::{Outcome, Retrieved, Scan, Session};
use pillarbox::net::{Class, Error, Login, Options, Security, Server};
use tokio::sync::mpsc;

fn server(security: Security) -> Server {
    let dovecot = Dovecot::shared(Kind::Bare);
    Server {
        host: "localhost".into(),
        port: match security {
            Security::Implicit => dovecot.pop3s,
            Security::StartTls | Security::Plain => dovecot.pop3,
        },
        security,
        ca_file: Some(dovecot.ca_file.clone()),
    }
}

async fn open(user: &str, password: &str, security: Security) -> Result<Session, Error> {
    let login = Login::Password {
        user: user.to_owned(),
        password: Secret::new(password.to_owned()),
    };
    Session::open(&server(security), &login, &Options::default()).await
}

/// A user with these messages in the maildrop.
fn user_with(messages: &[&str]) -> String {
    let dovecot = Dovecot::shared(Kind::Bare);
    let user = dovecot.fresh_user();
    for message in messages {
        dovecot.deliver(&user, "INBOX", message);
    }
    user
}

/// What the session gives for these; all of it has to be whole.
async fn texts(session: &mut Session, wanted: &[Scan]) -> Vec<Vec<u8>> {
    let (sink, stream) = mpsc::channel(wanted.len() + 1);
    session.retrieve(wanted, sink).await.unwrap();
    all_of(stream).await
}

async fn all_of(mut stream: mpsc::Receiver<Retrieved>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(one) = stream.recv().await {
        match one.outcome {
            Outcome::Whole(raw) => all.push(raw),
            other => panic!("message {}: {other:?}", one.number),
        }
    }
    all
}

#[tokio::test]
async fn every_message_arrives_as_it_was_put_there() {
    let long = format!("Subject: long\r\n\r\n{}\r\n", "x".repeat(300_000));
    let many = format!(
        "Subject: many\r\n\r\n{}",
        ".a line\r\n..\r\n".repeat(20_000)
    );
    let messages = [
        "Subject: plain\r\n\r\nhello\r\n",
        "Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n",
        "Subject: only a header\r\n\r\n",
        "Subject: no line end\r\n\r\nlast",
        "Subject: other bytes\r\n\r\n\u{e4}\u{20ac}\u{1f4ee}\r\n",
        &long,
        &many,
    ];
    let user = user_with(&messages);
    for security in [Security::Implicit, Security::StartTls, Security::Plain] {
        let mut session = open(&user, "pass", security).await.unwrap();
        let offers = session.offers();
        assert!(offers.can_pipeline && offers.has_uidl && offers.has_top && offers.has_resp_codes);
        let list = session.list().await.unwrap();
        let sum: u64 = list.iter().map(|scan| scan.size).sum();
        assert_eq!(session.stat().await.unwrap(), (7, sum));
        let uids = session.uidl().await.unwrap().unwrap();
        assert_eq!(uids.len(), 7);
        for (raw, message) in texts(&mut session, &list).await.iter().zip(messages) {
            let mut expected = message.to_owned();
            if !expected.ends_with("\r\n") {
                expected += "\r\n";
            }
            assert!(raw == expected.as_bytes(), "{message:.40}");
        }
        session.quit().await.unwrap();
    }
}

#[tokio::test]
async fn top_gives_the_header_and_so_many_lines() {
    let user = user_with(&["Subject: x\r\nTo: y\r\n\r\n.one\r\ntwo\r\nthree\r\n"]);
    let mut session = open(&user, "pass", Security::Implicit).await.unwrap();
    for (lines, expected) in [
        (0, "Subject: x\r\nTo: y\r\n\r\n"),
        (2, "Subject: x\r\nTo: y\r\n\r\n.one\r\ntwo\r\n"),
    ] {
        let (sink, stream) = mpsc::channel(1);
        assert!(session.top(&[1], lines, sink).await.unwrap());
        assert_eq!(all_of(stream).await, [expected.as_bytes()]);
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_after_quit_and_ids_last() {
    let user = user_with(&[
        "Subject: a\r\n\r\n",
        "Subject: b\r\n\r\n",
        "Subject: c\r\n\r\n",
    ]);
    let mut session = open(&user, "pass", Security::Implicit).await.unwrap();
    let before = session.uidl().await.unwrap().unwrap();
    assert_eq!(session.delete(&[1, 2, 9]).await.unwrap().numbers, [1, 2]);
    session.reset().await.unwrap();
    assert_eq!(session.delete(&[2]).await.unwrap().numbers, [2]);
    session.noop().await.unwrap();
    session.quit().await.unwrap();
    let mut session = open(&user, "pass", Security::StartTls).await.unwrap();
    let after = session.uidl().await.unwrap().unwrap();
    let ids = |all: &[(u32, String)]| all.iter().map(|(_, id)| id.clone()).collect::<Vec<_>>();
    let mut left = ids(&before);
    left.remove(1);
    assert_eq!(ids(&after), left);
    let list = session.list().await.unwrap();
    assert_eq!(
        texts(&mut session, &list).await,
        [b"Subject: a\r\n\r\n", b"Subject: c\r\n\r\n"]
    );
}

#[tokio::test]
async fn a_session_that_breaks_off_has_deleted_nothing() {
    let user = user_with(&["Subject: a\r\n\r\n"]);
    let mut session = open(&user, "pass", Security::Implicit).await.unwrap();
    assert_eq!(session.delete(&[1]).await.unwrap().numbers, [1]);
    drop(session);
    let mut session = open(&user, "pass", Security::Implicit).await.unwrap();
    assert_eq!(session.stat().await.unwrap().0, 1);
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_certificate_are_told_apart() {
    let user = user_with(&[]);
    for security in [Security::Implicit, Security::StartTls] {
        let error = open(&user, "wrong-pass", security).await.unwrap_err();
        assert_eq!(
            (error.class, error.code.as_deref()),
            (Class::Auth, Some("AUTH")),
            "{error}"
        );
        assert!(!format!("{error:?}").contains("wrong-pass"));
        let mut server = server(security);
        server.ca_file = None;
        let login = Login::Password {
            user: user.clone(),
            password: Secret::new(TELLING.to_owned()),
        };
        let error = Session::open(&server, &login, &Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Tls, "{error}");
    }
}

#[tokio::test]
async fn a_second_session_is_told_that_the_maildrop_is_in_use() {
    let user = user_with(&[]);
    let first = open(&user, "pass", Security::Implicit).await.unwrap();
    // Dovecot waits ten seconds for the first to end before it says so.
    let error = open(&user, "pass", Security::StartTls).await.unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
    assert_eq!(error.code.as_deref(), Some("IN-USE"));
    first.quit().await.unwrap();
    let again = open(&user, "pass", Security::Implicit).await.unwrap();
    again.quit().await.unwrap();
}
