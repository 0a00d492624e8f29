//! The POP3 peer against hand-written dialogues: what it says, and what it must not do.

use super::{Options, Peer, Uids};
use crate::demo::{Act, Times, When};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Says this and hangs up; all that the peer said.
async fn say(peer: &Peer, text: &str) -> String {
    let mut stream = peer.connect();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

/// One after the other, as a client that waits; the answers' first lines.
async fn ask(peer: &Peer, lines: &[&str]) -> Vec<String> {
    let mut stream = tokio::io::BufReader::new(peer.connect());
    let mut answers = Vec::new();
    for line in [&""].into_iter().chain(lines) {
        if !line.is_empty() {
            stream
                .write_all(format!("{line}\r\n").as_bytes())
                .await
                .unwrap();
        }
        let mut answer = String::new();
        tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut answer)
            .await
            .unwrap();
        answers.push(answer.trim_end().to_owned());
    }
    answers.remove(0);
    answers
}

const LOGIN: [&str; 2] = ["USER ann", "PASS secret"];

fn signs(answers: &[String]) -> String {
    answers
        .iter()
        .map(|answer| answer.get(..1).unwrap_or("!"))
        .collect()
}

#[tokio::test]
async fn nothing_is_told_before_the_login_and_secrets_are_not_logged() {
    let peer = Peer::new(Options::default());
    peer.maildrop().deliver("x\r\n");
    let answers = ask(
        &peer,
        &[
            "STAT",
            "RETR 1",
            "PASS secret",
            "USER ann",
            "PASS wrong",
            "NOOP",
        ],
    )
    .await;
    assert_eq!(signs(&answers), "---+--");
    assert!(answers[4].contains("[AUTH]"));
    assert!(!peer.log().join("\n").contains("wrong") && !peer.log().join("\n").contains("secret"));
    let answers = ask(
        &peer,
        &[
            "AUTH PLAIN AGFubgBzZWNyZXQ=",
            "STAT",
            "LIST 1",
            "LIST 2",
            "UIDL 1",
        ],
    )
    .await;
    assert_eq!(
        answers,
        [
            "+OK Logged in",
            "+OK 1 3",
            "+OK 1 3",
            "-ERR There is no such message",
            "+OK 1 demo.00000001"
        ]
    );
    assert!(!peer.log().join("\n").contains("AGFub"));
}

#[tokio::test]
async fn only_one_session_holds_the_maildrop_and_only_quit_deletes() {
    let peer = Peer::new(Options::default());
    peer.maildrop().deliver("x\r\n");
    let mut first = peer.connect();
    first.write_all(b"USER ann\r\n").await.unwrap();
    let mut some = [0; 200];
    let mut said = String::new();
    while said.matches('\n').count() < 2 {
        let count = first.read(&mut some).await.unwrap();
        said += std::str::from_utf8(&some[..count]).unwrap();
    }
    first.write_all(b"PASS secret\r\n").await.unwrap();
    while !said.contains("Logged in") {
        let count = first.read(&mut some).await.unwrap();
        said += std::str::from_utf8(&some[..count]).unwrap();
    }
    assert!(peer.maildrop().is_held());
    assert!(ask(&peer, &LOGIN).await[1].contains("[IN-USE]"));
    first.write_all(b"DELE 1\r\n").await.unwrap();
    drop(first);
    while peer.maildrop().is_held() {
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.maildrop().messages().len(), 1);
    let answers = ask(
        &peer,
        &[
            "USER ann",
            "PASS secret",
            "DELE 1",
            "RETR 1",
            "STAT",
            "QUIT",
        ],
    )
    .await;
    assert_eq!(signs(&answers), "+++-++");
    assert!(peer.maildrop().messages().is_empty());
}

#[tokio::test]
async fn commands_in_one_flight_are_taken_only_where_that_is_offered() {
    let flight = "NOOP\r\nNOOP\r\nQUIT\r\n";
    for (options, count) in [
        (Options::default(), 6),
        (Options::default().without(&["PIPELINING"]), 3),
    ] {
        let peer = Peer::new(options);
        let mut stream = tokio::io::BufReader::new(peer.connect());
        let mut said = String::new();
        for line in ["", "USER ann\r\n", "PASS secret\r\n", flight] {
            stream.write_all(line.as_bytes()).await.unwrap();
            if line != flight {
                tokio::io::AsyncBufReadExt::read_line(&mut stream, &mut said)
                    .await
                    .unwrap();
            }
        }
        stream.read_to_string(&mut said).await.unwrap();
        assert_eq!(said.matches("+OK").count(), count, "{said}");
    }
}

#[tokio::test]
async fn faults_fire_where_they_are_told_to() {
    let peer = Peer::new(Options::default());
    peer.faults().add(
        When::Connect,
        Act::Bye("[SYS/TEMP] Later".into()),
        Times::Once,
    );
    assert_eq!(say(&peer, "").await, "-ERR [SYS/TEMP] Later\r\n");
    peer.faults().once("USER", Act::Bad("what?".into()));
    peer.faults().once("PASS", Act::DropBefore);
    assert_eq!(ask(&peer, &LOGIN).await, ["what?", ""]);
    assert!(peer.faults().is_done());
    assert_eq!(peer.sessions_opened(), 2);
}

#[tokio::test]
async fn a_login_too_soon_is_refused_and_later_ones_are_not() {
    tokio::time::pause();
    let peer = Peer::new(Options {
        login_delay: Some(Duration::from_secs(60)),
        ..Options::default()
    });
    assert_eq!(
        signs(&ask(&peer, &["USER ann", "PASS secret", "QUIT"]).await),
        "+++"
    );
    assert!(ask(&peer, &LOGIN).await[1].contains("[LOGIN-DELAY]"));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(signs(&ask(&peer, &LOGIN).await), "++");
}

#[tokio::test]
async fn ids_by_place_go_to_other_messages() {
    let peer = Peer::new(Options {
        uids: Uids::Reused,
        ..Options::default()
    });
    let gone = peer.maildrop().deliver("a\r\n");
    peer.maildrop().deliver("bb\r\n");
    assert!(peer.maildrop().remove(&gone) && !peer.maildrop().remove(&gone));
    let answers = ask(&peer, &["USER ann", "PASS secret", "UIDL 1", "LIST 1"]).await;
    assert_eq!(answers[2..], ["+OK 1 place.1", "+OK 1 4"]);
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = super::serve(listener, Peer::new(Options::default())).await;
    assert!(refused.unwrap_err().to_string().contains("loopback"));
}
