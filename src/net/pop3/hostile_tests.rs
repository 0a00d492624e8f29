//! Servers that lie, inject, flood, drip and fall silent.
//!
//! Each test plays one attack against the true adapter over a stream in memory. Nothing may hang, take
//! memory by what a server says, or be taken for a message.

use super::{Outcome, Retrieved, Scan, Session};
use crate::demo::pop3::{Options as Offer, Peer};
use crate::net::{Class, Error, Login, Options, Secret, Security, Server};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

fn server(security: Security) -> Server {
    Server {
        host: "mail.test".into(),
        port: 995,
        security,
        ca_file: None,
    }
}

fn login(password: &str) -> Login {
    Login::Password {
        user: "ann".into(),
        password: Secret::new(password.into()),
    }
}

async fn open(near: DuplexStream, security: Security) -> Result<Session, Error> {
    let (server, login) = (server(security), login("secret"));
    Session::over(Box::new(near), &server, &login, &Options::default()).await
}

/// What the peer does: say this once the client has said so many lines more.
type Turn = (usize, Vec<u8>);

fn turn(lines: usize, text: &str) -> Turn {
    (lines, text.as_bytes().to_vec())
}

/// Greeting, CAPA, USER, PASS, CAPA.
fn admitted(offers: &str) -> Vec<Turn> {
    let capa = format!("+OK\r\n{offers}.\r\n");
    vec![
        turn(0, "+OK hi\r\n"),
        turn(1, &capa),
        turn(1, "+OK\r\n"),
        turn(1, "+OK\r\n"),
        turn(1, &capa),
    ]
}

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
        if far.write_all(&text).await.is_err() {
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

/// Opens a session against these turns, which end with what answers the first verb.
async fn within(offers: &str, more: &[Turn]) -> (Session, tokio::task::JoinHandle<()>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let turns = [admitted(offers), more.to_vec()].concat();
    let peer = tokio::spawn(async move {
        let (far, _) = play(far, turns).await;
        rest(far).await;
    });
    (open(near, Security::Implicit).await.unwrap(), peer)
}

async fn fetch(session: &mut Session, numbers: u32) -> (Vec<Retrieved>, Result<(), Error>) {
    let wanted: Vec<Scan> = (1..=numbers)
        .map(|number| Scan { number, size: 9 })
        .collect();
    let (sink, mut stream) = mpsc::channel(wanted.len() + 1);
    let done = session.retrieve(&wanted, sink).await;
    let mut all = Vec::new();
    while let Some(one) = stream.recv().await {
        all.push(one);
    }
    (all, done)
}

#[tokio::test]
async fn what_is_put_behind_stls_is_an_attack_and_ends_it() {
    for (last, class, told) in [
        (
            "+OK go\r\n+OK INJECTED\r\n",
            Class::Tls,
            "put data into the connection",
        ),
        ("+OK go\r\nx", Class::Tls, "put data into the connection"),
        ("-ERR no\r\n", Class::Tls, "refused STLS"),
        ("-ERR [SYS/TEMP] INJECTED\r\n", Class::Tls, "refused STLS"),
        ("+ go\r\n", Class::Protocol, "not a POP3 server"),
        ("\x1b[2Jboo\r\n", Class::Protocol, "not a POP3 server"),
    ] {
        let (near, far) = tokio::io::duplex(4096);
        let peer = tokio::spawn(play(far, vec![turn(0, "+OK hi\r\n"), turn(1, last)]));
        let error = open(near, Security::StartTls).await.unwrap_err();
        assert_eq!(error.class, class, "{last:?}: {error}");
        assert!(error.summary.contains(told), "{last:?}: {error}");
        assert!(
            !error.summary.contains("boo") && !error.summary.contains("INJ"),
            "{error}"
        );
        let (far, heard) = peer.await.unwrap();
        assert_eq!(heard, "STLS\r\n");
        assert_eq!(rest(far).await, "", "nothing in clear after that");
    }
}

#[tokio::test]
async fn after_stls_the_handshake_follows_and_nothing_in_clear() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let turns = vec![turn(0, "+OK hi\r\n"), turn(1, "+OK go\r\n")];
    let peer = tokio::spawn(play(far, turns));
    let opening = tokio::spawn(open(near, Security::StartTls));
    let (mut far, _) = peer.await.unwrap();
    let mut start = [0; 3];
    far.read_exact(&mut start).await.unwrap();
    assert_eq!(start[..2], [22, 3], "a record of a TLS handshake");
    drop(far);
    let error = opening.await.unwrap().unwrap_err();
    assert_eq!(error.class, Class::Transient, "{error}");
}

#[tokio::test]
async fn the_demos_server_has_no_tls_and_gets_no_password() {
    let peer = Peer::new(Offer::default().with(&["STLS"]));
    let error = open(peer.connect(), Security::StartTls).await.unwrap_err();
    assert_eq!(error.class, Class::Tls, "{error}");
    assert_eq!(peer.log(), ["STLS"]);
}

#[tokio::test]
async fn a_greeting_that_is_none_gets_no_answer() {
    for (greeting, class) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n", Class::Protocol),
        ("* OK IMAP4rev1\r\n", Class::Protocol),
        ("220 mail ESMTP\r\n", Class::Protocol),
        ("+ \r\n", Class::Protocol),
        ("\r\n", Class::Protocol),
        ("\x16\x03\x01\r\n", Class::Protocol),
        ("-ERR [SYS/TEMP] busy\r\n", Class::Transient),
        ("-ERR go away\r\n", Class::Transient),
        ("+OK hi\r\n+OK injected\r\n", Class::Protocol),
    ] {
        for security in [Security::Implicit, Security::Plain] {
            let (near, mut far) = tokio::io::duplex(4096);
            far.write_all(greeting.as_bytes()).await.unwrap();
            let error = open(near, security).await.unwrap_err();
            assert_eq!(error.class, class, "{greeting:?}: {error}");
            assert_eq!(rest(far).await, "", "{greeting:?}");
        }
    }
}

#[tokio::test]
async fn a_password_that_no_line_can_carry_is_not_sent() {
    for bad in ["a\r\nDELE 1", "a\n", "a\0b", ""] {
        let peer = Peer::new(Offer::default().without(&["SASL"]));
        let (server, login) = (server(Security::Implicit), login(bad));
        let wire = Box::new(peer.connect());
        let error = Session::over(wire, &server, &login, &Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Auth);
        assert_eq!(peer.log(), ["CAPA"]);
    }
}

#[tokio::test]
async fn nothing_is_proved_to_who_said_more_than_was_asked() {
    let (near, far) = tokio::io::duplex(4096);
    let turns = vec![
        turn(0, "+OK\r\n"),
        turn(1, "+OK\r\nUSER\r\n.\r\n+OK\r\n+OK\r\n"),
    ];
    let peer = tokio::spawn(play(far, turns));
    let error = open(near, Security::Implicit).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol, "{error}");
    let (far, heard) = peer.await.unwrap();
    assert_eq!(heard + &rest(far).await, "CAPA\r\n");
}

#[tokio::test]
async fn a_server_that_asks_for_more_and_more_is_given_up() {
    let (near, far) = tokio::io::duplex(4096);
    let mut turns = vec![turn(0, "+OK\r\n"), turn(1, "+OK\r\nSASL PLAIN\r\n.\r\n")];
    turns.extend(std::iter::repeat_n(turn(1, "+ eA==\r\n"), 50));
    let peer = tokio::spawn(play(far, turns));
    let error = open(near, Security::Implicit).await.unwrap_err();
    assert_eq!(error.class, Class::Auth, "{error}");
    let (far, heard) = peer.await.unwrap();
    let heard = heard + &rest(far).await;
    assert!(heard.lines().count() < 8 && heard.matches("AGFubgBzZWNyZXQ=").count() == 1);
}

#[tokio::test]
async fn a_server_that_passes_over_the_first_message_is_told_again_once() {
    let (near, far) = tokio::io::duplex(4096);
    let capa = "+OK\r\nSASL PLAIN\r\n.\r\n";
    let turns = ["+ \r\n", "+OK\r\n", capa].map(|text| turn(1, text));
    let turns = [vec![turn(0, "+OK\r\n"), turn(1, capa)], turns.to_vec()].concat();
    let peer = tokio::spawn(play(far, turns));
    open(near, Security::Implicit).await.unwrap();
    let (_, heard) = peer.await.unwrap();
    let message = "AGFubgBzZWNyZXQ=";
    assert_eq!(
        heard,
        format!("CAPA\r\nAUTH PLAIN {message}\r\n{message}\r\nCAPA\r\n")
    );
}

#[tokio::test]
async fn a_line_or_a_list_without_an_end_is_refused_before_it_is_kept() {
    let endless = "x".repeat(1_000_000);
    let lines = "X-MORE\r\n".repeat(1_000);
    for (greeting, answer) in [
        (endless.as_str(), ""),
        ("+OK\r\n", endless.as_str()),
        ("+OK\r\n", &format!("+OK {endless}\r\n")),
        ("+OK\r\n", &format!("+OK\r\nTOP\r\n{endless}")),
        ("+OK\r\n", &format!("+OK\r\n{lines}")),
    ] {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let peer = tokio::spawn(play(far, vec![turn(0, greeting), turn(1, answer)]));
        let error = open(near, Security::Implicit).await.unwrap_err();
        assert_eq!(error.class, Class::Protocol, "{error}");
        peer.await.unwrap();
    }
}

#[tokio::test]
async fn lists_that_make_no_sense_end_the_session() {
    for list in [
        "x y\r\n.\r\n",
        "0 5\r\n.\r\n",
        "1 -5\r\n.\r\n",
        "1\r\n.\r\n",
        "1 9\r\n\r\n.\r\n",
    ] {
        let answer = turn(1, &format!("+OK\r\n{list}"));
        let (mut session, _peer) = within("", &[answer]).await;
        assert_eq!(
            session.list().await.unwrap_err().class,
            Class::Protocol,
            "{list:?}"
        );
        assert!(!session.is_open());
    }
    let (mut session, _peer) = within(
        "UIDL\r\n",
        &[turn(1, "+OK\r\n1\r\n2 a\x1bb\r\n3 c\r\n.\r\n")],
    )
    .await;
    assert_eq!(
        session.uidl().await.unwrap().unwrap(),
        [(3, "c".to_owned())]
    );
    for odd in [
        "+OK\r\n",
        "+OK x y\r\n",
        "+OK 1\r\n",
        "+ \r\n",
        "2 320\r\n",
        "+OK 1 2\r\n+OK\r\n",
    ] {
        let (mut session, _peer) = within("", &[turn(1, odd)]).await;
        let both = async {
            session.stat().await?;
            session.noop().await
        };
        assert_eq!(both.await.unwrap_err().class, Class::Protocol, "{odd:?}");
    }
}

#[tokio::test]
async fn a_message_without_its_end_is_never_handed_out() {
    for cut in [
        "+OK\r\nSubject: x\r\n",
        "+OK\r\n",
        "+OK\r\nx\r\n.",
        "+OK\r\nx\r\n.\r",
        "+OK\r\nx\n.\n",
        "",
    ] {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let answer = turn(1, &format!("+OK 3 27\r\n+OK\r\nwhole\r\n.\r\n{cut}"));
        let turns = [admitted("PIPELINING\r\n"), vec![answer]].concat();
        let peer = tokio::spawn(async move { drop(play(far, turns).await) });
        let mut session = open(near, Security::Implicit).await.unwrap();
        let (all, done) = fetch(&mut session, 3).await;
        assert_eq!(done.unwrap_err().class, Class::Transient, "{cut:?}");
        assert_eq!(all.len(), 1, "{cut:?}");
        assert!(matches!(&all[0].outcome, Outcome::Whole(raw) if raw == b"whole\r\n"));
        peer.await.unwrap();
    }
}

#[tokio::test]
async fn answers_that_nobody_asked_for_are_no_messages() {
    let two = "+OK\r\na\r\n.\r\n+OK\r\nforged\r\n.\r\n";
    let turns = [turn(1, "+OK 2 18\r\n"), turn(1, two)];
    let (mut session, _peer) = within("", &turns).await;
    let (all, done) = fetch(&mut session, 2).await;
    assert_eq!((all.len(), done.unwrap_err().class), (0, Class::Protocol));
    assert!(session.quit().await.is_err());
}

#[tokio::test]
async fn answers_that_the_author_of_a_message_wrote_are_noticed_at_the_latest_at_the_end() {
    // Two messages from a server that marks no dots; the first one holds an answer. What belongs to
    // the second comes late.
    let forged = "+OK 2 18\r\n+OK\r\na\r\n.\r\n+OK\r\nforged\r\n.\r\n+OK 2nd\r\n";
    let (mut session, _peer) = within("PIPELINING\r\n", &[turn(4, forged)]).await;
    let (all, done) = fetch(&mut session, 2).await;
    assert_eq!((all.len(), done.unwrap_err().class), (1, Class::Protocol));
    assert!(session.delete(&[1]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn silence_and_single_drops_end_every_wait() {
    let options = Options::default();
    let begun = Instant::now();
    let (near, far) = tokio::io::duplex(4096);
    let error = open(near, Security::Implicit).await.unwrap_err();
    assert!(error.summary.contains("said nothing") && error.class == Class::Transient);
    assert!(begun.elapsed() <= options.connect_timeout);
    drop(far);

    for start in ["+OK ", "+OK\r\nSubject: x"] {
        let (near, far) = tokio::io::duplex(4096);
        let peer = tokio::spawn(async move {
            let fetching = vec![turn(1, "+OK 1 9\r\n"), turn(1, start)];
            let turns = [admitted(""), fetching].concat();
            let (mut far, _) = play(far, turns).await;
            while far.write_u8(b'x').await.is_ok() {
                tokio::time::sleep(Duration::from_secs(25)).await;
            }
        });
        let mut session = open(near, Security::Implicit).await.unwrap();
        let begun = Instant::now();
        let (all, done) = fetch(&mut session, 1).await;
        assert_eq!((all.len(), done.unwrap_err().class), (0, Class::Transient));
        assert!(begun.elapsed() <= options.silence_timeout);
        drop(session);
        peer.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_ends_it() {
    let peer = Peer::new(Offer::default());
    for _ in 0..3 {
        peer.maildrop().deliver("x\r\n");
    }
    let mut session = open(peer.connect(), Security::Implicit).await.unwrap();
    let list = session.list().await.unwrap();
    let (sink, stream) = mpsc::channel(1);
    let error = session.retrieve(&list, sink).await.unwrap_err();
    assert_eq!(error.class, Class::Transient);
    assert!(!session.is_open());
    drop(stream);
}

#[tokio::test]
async fn small_buffers_on_the_way_stop_neither_side() {
    let peer = Peer::new(Offer::default());
    for _ in 0..600 {
        peer.maildrop().deliver("x".repeat(300));
    }
    let (near, far) = tokio::io::duplex(16);
    tokio::spawn(peer.clone().run(far));
    let mut session = open(near, Security::Implicit).await.unwrap();
    let list = session.list().await.unwrap();
    let (sink, mut stream) = mpsc::channel(1000);
    let (done, marked) = tokio::time::timeout(Duration::from_secs(60), async {
        let done = session.retrieve(&list, sink).await;
        let numbers: Vec<u32> = list.iter().map(|scan| scan.number).collect();
        (done, session.delete(&numbers).await.unwrap().numbers)
    })
    .await
    .unwrap();
    done.unwrap();
    assert_eq!(marked.len(), 600);
    let mut count = 0;
    while stream.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 600);
}

/// Pieces that a server's words are made of.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let words = [
        "+OK\r\n",
        "+OK 2 320\r\n",
        "-ERR\r\n",
        "-ERR [IN-USE] x\r\n",
        "+ \r\n",
        "+ eA==\r\n",
        ".\r\n",
        "..\r\n",
        "\r\n",
        "\n",
        "\r",
        ".",
        "1 120\r\n",
        "2 x\r\n",
        "TOP\r\n",
        "UIDL\r\n",
        "PIPELINING\r\n",
        "SASL PLAIN\r\n",
        "Subject: x\r\n\r\n",
        "[",
        "]",
        "+OK\r\n.\r\n",
        "+OK\r\n1 9\r\n.\r\n",
        "+OK\r\nPIPELINING\r\n.\r\n",
    ];
    let word = (0..words.len()).prop_map(move |at| words[at].as_bytes().to_vec());
    let piece = prop_oneof![8 => word, 1 => proptest::collection::vec(any::<u8>(), 0..8), 1 => Just(vec![b'x'; 5000])];
    let answer = proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(answer, 0..14)
}

async fn all_verbs(near: DuplexStream) -> Result<(), Error> {
    let mut session = open(near, Security::Implicit).await?;
    // What one of them is refused, the next may get.
    drop(session.stat().await);
    drop(session.uidl().await);
    drop(session.list().await);
    let (all, done) = fetch(&mut session, 3).await;
    assert!(all.len() <= 3);
    assert!(done.is_err() || all.len() == 3);
    let marked = session.delete(&[1, 2]).await.unwrap_or_default();
    assert!(marked.numbers.len() <= 2);
    session.quit().await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn no_words_of_a_server_panic_or_hang(
        answers in pieces(),
        is_admitted in any::<bool>(),
        is_cut in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (near, far) = tokio::io::duplex(64 * 1024);
            let mut turns = if is_admitted { admitted("UIDL\r\nPIPELINING\r\n") } else { Vec::new() };
            turns.extend(answers.into_iter().map(|answer| (1, answer)));
            if let Some(first) = turns.first_mut() {
                first.0 = 0;
            }
            let peer = tokio::spawn(async move {
                let (far, _) = play(far, turns).await;
                if !is_cut {
                    rest_of(far).await;
                }
            });
            let begun = Instant::now();
            drop(all_verbs(near).await);
            assert!(begun.elapsed() < Duration::from_secs(600));
            peer.await.unwrap();
        });
    }
}

/// Reads until the client hangs up, whatever it says.
async fn rest_of(mut far: DuplexStream) {
    let mut heard = Vec::new();
    drop(far.read_to_end(&mut heard).await);
}
