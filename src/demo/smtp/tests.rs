//! The submission peer against hand-written dialogues: what it takes, and what it must not take.

use super::{Options, Peer, Received};
use crate::demo::{Act, Faults};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

type Taken = Arc<Mutex<Vec<Received>>>;

fn peer(options: Options) -> (Peer, Taken) {
    let taken = Taken::default();
    let sink = Arc::clone(&taken);
    let peer = Peer::new(options, move |message| sink.lock().unwrap().push(message));
    (peer, taken)
}

fn open() -> Options {
    Options {
        needs_login: false,
        ..Options::default()
    }
}

/// Connects and reads the greeting.
async fn greeted(peer: &Peer) -> BufReader<DuplexStream> {
    let mut stream = BufReader::new(peer.connect());
    assert_eq!(codes(&mut stream, "", 1).await, ["220"]);
    stream
}

/// Says something; the codes that come back until the peer waits again.
async fn say(stream: &mut BufReader<DuplexStream>, text: &str, replies: usize) -> Vec<String> {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    while all.len() < replies {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            all.push("end".to_owned());
            break;
        }
        if line.as_bytes()[3] == b' ' {
            all.push(line.trim_end().to_owned());
        }
    }
    all
}

async fn codes(stream: &mut BufReader<DuplexStream>, text: &str, replies: usize) -> Vec<String> {
    let all = say(stream, text, replies).await;
    all.iter()
        .map(|line| line.get(..3).unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_message_reaches_the_sink_once_with_its_dots_single() {
    let (peer, taken) = peer(open());
    let mut stream = greeted(&peer).await;
    assert_eq!(codes(&mut stream, "EHLO x\r\n", 1).await, ["250"]);
    let group = "MAIL FROM:<a@b.test> SIZE=9 RET=HDRS ENVID=x+2By\r\nRCPT TO:<c@d.test> NOTIFY=NEVER\r\nDATA\r\n";
    assert_eq!(codes(&mut stream, group, 3).await, ["250", "250", "354"]);
    assert_eq!(
        codes(&mut stream, "..a\r\n.b\r\n\r\n.\r\n", 1).await,
        ["250"]
    );
    assert_eq!(
        codes(&mut stream, "RCPT TO:<c@d.test>\r\n", 1).await,
        ["503"]
    );
    assert_eq!(codes(&mut stream, "QUIT\r\n", 2).await, ["221", "end"]);
    let taken = taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].raw, b".a\r\nb\r\n\r\n");
    assert_eq!((taken[0].from.as_str(), taken[0].to.len()), ("a@b.test", 1));
    assert_eq!(taken[0].to[0].parameters, ["NOTIFY=NEVER"]);
}

#[tokio::test]
async fn what_a_careless_client_does_is_refused() {
    let options = open().without(&["DSN", "SMTPUTF8", "8BITMIME", "PIPELINING"]);
    let (peer, taken) = peer(options);
    let mut stream = greeted(&peer).await;
    let mail = "MAIL FROM:<a@b.test>";
    for (line, code) in [
        (mail, "503"),
        ("EHLO", "501"),
        ("HELO x", "502"),
        ("EHLO x", "250"),
        ("MAIL FROM: <a@b.test>", "501"),
        ("MAIL FROM:a@b.test", "501"),
        ("MAIL FROM:<a@b.test>x", "501"),
        ("MAIL FROM:<a>", "501"),
        ("MAIL FROM:<ä@b.test>", "553"),
        ("MAIL FROM:<a@b.test> RET=FULL", "555"),
        ("MAIL FROM:<a@b.test> BODY=8BITMIME", "555"),
        ("MAIL FROM:<a@b.test> SIZE=99999999999", "552"),
        ("RCPT TO:<a@b.test>", "503"),
        (mail, "250"),
        (mail, "503"),
        ("DATA", "554"),
        ("RSET", "250"),
        (mail, "250"),
        ("RCPT TO:<c@d.test>", "250"),
    ] {
        let said = codes(&mut stream, &format!("{line}\r\n"), 1).await;
        assert_eq!(said, [code], "{line}");
    }
    let said = codes(&mut stream, "DATA\r\nhello\r\n.\r\n", 2).await;
    assert_eq!(said, ["503", "end"], "bytes before the leave to send them");
    assert!(taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_others_could_read_differently_is_refused() {
    for (body, code) in [("a\nb\r\n.\r\n", "554"), ("ä\r\n.\r\n", "554")] {
        let (peer, taken) = peer(open());
        let mut stream = greeted(&peer).await;
        codes(&mut stream, "EHLO x\r\n", 1).await;
        codes(
            &mut stream,
            "MAIL FROM:<>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
            3,
        )
        .await;
        assert_eq!(codes(&mut stream, body, 2).await, [code, "end"]);
        assert!(taken.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn mail_is_taken_from_who_has_logged_in_and_secrets_stay_out_of_the_log() {
    let (peer, _taken) = peer(Options::default());
    let mut stream = greeted(&peer).await;
    codes(&mut stream, "EHLO x\r\n", 1).await;
    assert_eq!(codes(&mut stream, "MAIL FROM:<>\r\n", 1).await, ["530"]);
    // \0ann\0wrong, then \0ann\0secret.
    for (line, code) in [
        ("AUTH PLAIN AGFubgB3cm9uZw==", "535"),
        ("AUTH CRAM-MD5", "504"),
        ("AUTH PLAIN AGFubgBzZWNyZXQ=", "235"),
        ("MAIL FROM:<>", "250"),
    ] {
        assert_eq!(codes(&mut stream, &format!("{line}\r\n"), 1).await, [code]);
    }
    let log = peer.log().join("\n");
    assert!(log.contains("AUTH PLAIN") && !log.contains("AGFu"), "{log}");
}

#[tokio::test]
async fn faults_come_before_or_after_the_deed() {
    let script: [(&str, Act, &str, usize); 4] = [
        (".", Act::DropBefore, "end", 0),
        (".", Act::DropAfter, "end", 1),
        (".", Act::No("451 4.3.0 Later".into()), "451", 0),
        ("BODY", Act::DropBefore, "end", 0),
    ];
    for (at, act, said, count) in script {
        let (peer, taken) = peer(open());
        let faults: &Faults = peer.faults();
        faults.once(at, act.clone());
        let mut stream = greeted(&peer).await;
        codes(&mut stream, "EHLO x\r\n", 1).await;
        codes(
            &mut stream,
            "MAIL FROM:<>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
            3,
        )
        .await;
        assert_eq!(
            codes(&mut stream, "x\r\n.\r\n", 1).await,
            [said],
            "{at} {act:?}"
        );
        assert_eq!(taken.lock().unwrap().len(), count, "{at} {act:?}");
        assert!(peer.faults().is_done());
    }
}
