//! Servers that lie, flood, drip and explode.
//!
//! Each test plays one attack against the true session over a stream in memory. Nothing may panic,
//! hang, or take memory by what a server announces.

use super::deflate::Deflate;
use super::gate::TEXT_MAX;
use super::peer_tests::{Script, Step};
use super::response::{Response, parse, parse_tagged};
use super::{Items, Session, Window};
use crate::model::{Uid, UidSet};
use crate::net::{Class, Error, Login, Options, Secret, Security, Server};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream,
};
use tokio::sync::mpsc;

/// A session whose login is over, and the server's end of it.
async fn logged_in(capabilities: &str, compress: bool) -> (Session, DuplexStream) {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let greeting = format!(
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\nP1 OK [CAPABILITY {capabilities}] in\r\n"
    );
    far.write_all(greeting.as_bytes()).await.unwrap();
    let session = open_over(near, compress).await.unwrap();
    (session, far)
}

async fn open_over(
    wire: impl crate::net::Wire + 'static,
    compress: bool,
) -> Result<Session, Error> {
    let server = Server {
        host: "mail.test".into(),
        port: 993,
        security: Security::Implicit,
        ca_file: None,
    };
    let login = Login::Password {
        user: "jo".into(),
        password: Secret::new("secret".into()),
    };
    let options = Options {
        compress: Some(compress),
        ..Options::default()
    };
    Session::over(Box::new(wire), &server, &login, &options).await
}

/// Waits for so many lines, then says the next thing; at last gives the stream back.
async fn answer(mut stream: DuplexStream, turns: Vec<(usize, Vec<u8>)>) -> DuplexStream {
    for (lines, text) in turns {
        let mut waited = 0;
        while waited < lines {
            waited += usize::from(stream.read_u8().await.unwrap() == b'\n');
        }
        stream.write_all(&text).await.unwrap();
    }
    stream
}

/// Answers SELECT of an open mailbox.
const OPENED: &str = "* 9 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\nP2 OK done\r\n";

#[tokio::test(start_paused = true)]
async fn an_endless_line_is_refused_after_a_mebibyte() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let flood = tokio::spawn(async move {
        let mut sent = 0;
        far.write_all(b"* OK ").await.unwrap();
        while far.write_all(&[b'a'; 4096]).await.is_ok() {
            sent += 4096;
        }
        sent
    });
    let error = session.noop().await.unwrap_err();
    assert!(
        error
            .summary
            .contains(&format!("more than {TEXT_MAX} bytes")),
        "{error}"
    );
    drop(session);
    assert!(flood.await.unwrap() < TEXT_MAX + 200_000);
}

#[tokio::test(start_paused = true)]
async fn literals_that_lie_are_refused_unread() {
    for announced in [
        "1048577",
        "4294967296",
        "18446744073709551615",
        "99999999999999999999999",
    ] {
        let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
        let line = format!("* LIST () \"/\" {{{announced}}}\r\n");
        far.write_all(line.as_bytes()).await.unwrap();
        let error = session.noop().await.unwrap_err();
        assert_eq!(error.class, Class::Protocol, "{error}");
        assert!(error.summary.contains("asked for"), "{error}");
    }
    // What is no literal is text, and what should have been in it is no response.
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    far.write_all(b"* LIST () \"/\" {-1}\r\nabc\r\n")
        .await
        .unwrap();
    assert_eq!(session.noop().await.unwrap_err().class, Class::Protocol);
}

#[tokio::test(start_paused = true)]
async fn many_small_literals_do_not_add_up_to_a_large_one() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let flood = tokio::spawn(async move {
        far.write_all(b"* 1 FETCH (").await.unwrap();
        let piece = [b"X {1000000}\r\n".to_vec(), vec![b'a'; 1_000_000]].concat();
        for sent in 0..100 {
            if far.write_all(&piece).await.is_err() {
                return sent;
            }
        }
        100
    });
    let error = session.noop().await.unwrap_err();
    assert!(error.summary.contains("asked for"), "{error}");
    drop(session);
    assert!(flood.await.unwrap() <= 5);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_levels_leave_a_message_without_structure() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let nested = [vec![b'('; 10_000], vec![b')'; 10_000]].concat();
    let answers = [
        OPENED.as_bytes(),
        b"* 1 FETCH (UID 4 RFC822.SIZE 5 BODYSTRUCTURE ",
        &nested,
        b" FLAGS (\\Seen))\r\n* 2 FETCH (UID 5 RFC822.SIZE 5 BODYSTRUCTURE ((((((\r\nP3 OK done\r\n",
    ];
    far.write_all(&answers.concat()).await.unwrap();
    session.select("A", None).await.unwrap();
    let (sink, mut source) = mpsc::channel(1);
    let set = UidSet::parse("4:5").unwrap();
    session
        .fetch(vec![set], Items::Summary, sink)
        .await
        .unwrap();
    let window = source.recv().await.unwrap();
    let [first, second] = window.messages.as_slice() else {
        panic!("{window:?}")
    };
    assert!(first.fetched.structure.is_none() && first.fetched.flags.is_some());
    assert_eq!((second.uid.get(), second.fetched.size_bytes), (5, Some(5)));
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_does_not_keep_a_call_alive() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let drip = tokio::spawn(async move {
        while far.write_all(b"* OK still here\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
    });
    let begin = tokio::time::Instant::now();
    let error = session.noop().await.unwrap_err();
    assert_eq!(error.summary, "The server took too long to answer.");
    assert!(begin.elapsed() <= Duration::from_secs(200));
    drop(session);
    drip.await.unwrap();
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let drip = tokio::spawn(async move {
        while far.write_all(b"* OK x\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(50)).await;
        }
    });
    let begin = tokio::time::Instant::now();
    session.select("A", None).await.unwrap_err();
    assert!(begin.elapsed() <= Duration::from_secs(40 * 60));
    drop(session);
    drip.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_steady_download_is_not_cut_off() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    far.write_all(OPENED.as_bytes()).await.unwrap();
    session.select("A", None).await.unwrap();
    let server = tokio::spawn(async move {
        far.write_all(b"* 1 FETCH (UID 4 BODY[1.MIME] NIL BODY[2] NIL BODY[1] {5000000}\r\n")
            .await
            .unwrap();
        for _ in 0..5_000 {
            tokio::time::sleep(Duration::from_millis(900)).await;
            far.write_all(&[b'a'; 1000]).await.unwrap();
        }
        far.write_all(b")\r\n* 2 EXISTS\r\nP3 OK done\r\n")
            .await
            .unwrap();
        far
    });
    let part = crate::model::PartId(vec![2]);
    let uid = Uid::new(4).unwrap();
    let parts = session
        .fetch_parts(uid, std::slice::from_ref(&part))
        .await
        .unwrap();
    assert!(parts.is_empty(), "that part was NIL");
    drop(server.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn more_than_a_hundred_thousand_folders_are_refused() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let flood = tokio::spawn(async move {
        for n in 0..100_010 {
            let line = format!("* LIST () \"/\" f{n}\r\n");
            far.write_all(line.as_bytes()).await.unwrap();
        }
        far.write_all(b"P2 OK done\r\nP3 OK done\r\n")
            .await
            .unwrap();
        far
    });
    let error = session.list().await.unwrap_err();
    assert!(error.summary.contains("100000 folders"), "{error}");
    drop(flood.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_does_not_take_holds_the_server_back() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    far.write_all(OPENED.as_bytes()).await.unwrap();
    session.select("A", None).await.unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let server = tokio::spawn(async move {
        for tag in 3..13 {
            for _ in 0..2_000 {
                let line = format!(
                    "* 1 FETCH (UID {} FLAGS (\\Seen) X \"{}\")\r\n",
                    tag - 2,
                    "x".repeat(500)
                );
                if far.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
                counter.fetch_add(line.len(), Ordering::Relaxed);
            }
            far.write_all(format!("P{tag} OK done\r\n").as_bytes())
                .await
                .ok();
        }
    });
    let windows = (1..=10)
        .map(|n| UidSet::parse(&n.to_string()).unwrap())
        .collect();
    let (sink, source) = mpsc::channel(1);
    let stuck = session.fetch(windows, Items::Flags, sink);
    tokio::time::timeout(Duration::from_secs(50), stuck)
        .await
        .unwrap_err();
    // Two windows went through, one waits; the rest waits on the wire.
    assert!(sent.load(Ordering::Relaxed) < 4 * 2_000 * 560);
    drop(source);
    // The call was given up in the middle: whose answers come next cannot be told.
    let error = session.noop().await.unwrap_err();
    assert!(error.summary.contains("given up halfway"), "{error}");
    drop(session);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_ends_the_fetch_and_leaves_the_session_usable() {
    let (mut session, mut far) = logged_in("IMAP4rev1", false).await;
    let answers = "P3 OK done\r\nP4 OK done\r\nP5 OK done\r\n";
    far.write_all(format!("{OPENED}{answers}").as_bytes())
        .await
        .unwrap();
    session.select("A", None).await.unwrap();
    let windows = (1..=9)
        .map(|n| UidSet::parse(&n.to_string()).unwrap())
        .collect();
    let (sink, source) = mpsc::channel::<Window>(1);
    drop(source);
    session.fetch(windows, Items::Flags, sink).await.unwrap();
    session.noop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_large_message_is_put_together_from_its_pieces() {
    let message: Vec<u8> = (0..2_700_000_u32)
        .map(|n| b'a' + u8::try_from(n % 23).unwrap())
        .collect();
    let (mut session, far) = logged_in("IMAP4rev1", false).await;
    let whole = message.clone();
    let server = tokio::spawn(async move {
        let mut lines = tokio::io::BufReader::new(far).lines();
        // The login, which was answered beforehand.
        lines.next_line().await.unwrap();
        while let Some(line) = lines.next_line().await.unwrap() {
            let (tag, rest) = line.split_once(' ').unwrap();
            let mut answer = Vec::new();
            if let Some((_, piece)) = rest.split_once("BODY.PEEK[]<") {
                let (offset, count) = piece.trim_end_matches(">)").split_once('.').unwrap();
                let offset: usize = offset.parse().unwrap();
                let count: usize = count.parse().unwrap();
                let end = (offset + count).min(whole.len());
                let bytes = whole.get(offset..end).unwrap_or_default();
                let head = format!("* 1 FETCH (UID 4 BODY[]<{offset}> {{{}}}\r\n", bytes.len());
                answer = [head.as_bytes(), bytes, b")\r\n"].concat();
            }
            answer.extend(format!("{tag} OK done\r\n").bytes());
            lines.get_mut().write_all(&answer).await.unwrap();
        }
    });
    let (sink, mut source) = mpsc::channel(1);
    let uid = Uid::new(4).unwrap();
    session.fetch_raw(&[(uid, 2_700_000)], sink).await.unwrap();
    let (found, bytes) = source.recv().await.unwrap();
    assert!(found == uid && bytes == message);
    drop(session);
    server.await.unwrap();
}

/// Counts how often the client wrote.
#[derive(Debug)]
struct CountWrites(DuplexStream, Arc<AtomicUsize>);

impl AsyncRead for CountWrites {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for CountWrites {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        std::pin::Pin::new(&mut self.0).poll_write(cx, buf)
    }
    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_flight_goes_out_as_one_write() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let writes = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn(answer(
        far,
        vec![
            (
                0,
                "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n".into(),
            ),
            (
                1,
                "P1 OK [CAPABILITY IMAP4rev1 ID ENABLE QRESYNC NAMESPACE] in\r\n".into(),
            ),
            (
                6,
                "P2 OK\r\nP3 OK\r\nP4 OK\r\n* LIST () NIL INBOX\r\nP5 OK\r\nP6 OK\r\n\
                 * 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\nP7 OK\r\n"
                    .into(),
            ),
        ],
    ));
    let mut session = open_over(CountWrites(near, Arc::clone(&writes)), false)
        .await
        .unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1, "login");
    let start = super::Start {
        select: Some(("INBOX".into(), None)),
        list: true,
    };
    let started = session.start(&start).await.unwrap();
    assert_eq!(started.list.unwrap().len(), 1);
    assert_eq!(writes.load(Ordering::Relaxed), 2, "the whole first flight");
    drop(server.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn compression_begins_right_behind_the_answer() {
    // The first compressed bytes come with the same segment as the answer in clear.
    let (tool, mut made) = tokio::io::duplex(64 * 1024);
    let mut tool = Deflate::new(Box::new(tool), b"");
    tool.write_all(b"* OK [ALERT] squeezed\r\nP3 OK done\r\n")
        .await
        .unwrap();
    tool.flush().await.unwrap();
    let mut squeezed = vec![0; 1000];
    let count = made.read(&mut squeezed).await.unwrap();
    squeezed.truncate(count);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    let server = tokio::spawn(answer(
        far,
        vec![
            (0, greeting.into()),
            (
                1,
                "P1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n".into(),
            ),
            (1, [b"P2 OK go\r\n".to_vec(), squeezed].concat()),
        ],
    ));
    let mut session = open_over(near, true).await.unwrap();
    assert!(session.is_compressed());
    session.noop().await.unwrap();
    assert_eq!(
        session.take_notices(),
        [super::Notice::Alert("squeezed".into())]
    );
    drop(server.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_bomb_meets_the_limit_of_a_line() {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    let server = tokio::spawn(answer(
        far,
        vec![
            (0, greeting.into()),
            (
                1,
                "P1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n".into(),
            ),
            (1, "P2 OK go\r\n".into()),
        ],
    ));
    let mut session = open_over(near, true).await.unwrap();
    let far = server.await.unwrap();
    let bomb = tokio::spawn(async move {
        let mut far = Deflate::new(Box::new(far), b"");
        let mut sent = 0;
        while far.write_all(&[b'0'; 16 * 1024]).await.is_ok() && sent < 1_000_000_000 {
            sent += 16 * 1024;
            if sent % (1024 * 1024) == 0 && far.flush().await.is_err() {
                break;
            }
        }
        sent
    });
    let error = session.noop().await.unwrap_err();
    assert!(
        error.summary.contains("not IMAP") || error.summary.contains("more than"),
        "{error}"
    );
    drop(session);
    assert!(bomb.await.unwrap() < 300_000_000);
}

/// All that servers say in the transcripts.
fn recorded() -> Vec<u8> {
    let said = |step: Step| match step {
        Step::Say(bytes) => bytes,
        Step::Expect(_) | Step::HangUp => Vec::new(),
    };
    Script::all()
        .into_iter()
        .flat_map(|s| s.steps)
        .flat_map(said)
        .collect()
}

fn mutate(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    const SPICE: &[u8] = b"()\"\\{}[]~+* \r\n0179\0\xff";
    for _ in 0..random.usize(1..6) {
        if bytes.is_empty() {
            return;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..5) {
            0 => bytes[at] = SPICE[random.usize(..SPICE.len())],
            1 => bytes[at] = random.u8(..),
            2 => bytes.insert(at, SPICE[random.usize(..SPICE.len())]),
            3 => drop(bytes.remove(at)),
            _ => {
                let end = (at + random.usize(..30)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn no_mutation_of_a_recorded_response_makes_the_parser_panic() {
    let recorded = recorded();
    let lines: Vec<&[u8]> = recorded.split_inclusive(|b| *b == b'\n').collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut understood = 0;
    for _ in 0..60_000 {
        let at = random.usize(..lines.len());
        let end = (at + random.usize(1..3)).min(lines.len());
        let mut bytes = lines[at..end].concat();
        mutate(&mut random, &mut bytes);
        let frame = Bytes::from(bytes);
        understood += usize::from(!matches!(parse(&frame), Response::Unknown));
        drop(parse_tagged(&frame));
    }
    assert!(
        understood > 10_000,
        "the parser gives up too easily: {understood}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_mutation_of_a_session_makes_it_panic_or_hang() {
    let mut random = fastrand::Rng::with_seed(11);
    for script in Script::all() {
        for _ in 0..40 {
            let mut steps = script.steps.clone();
            let says: Vec<usize> = (0..steps.len())
                .filter(|i| matches!(steps[*i], Step::Say(_)))
                .collect();
            if let Some(Step::Say(bytes)) =
                says.get(random.usize(..says.len())).map(|i| &mut steps[*i])
            {
                mutate(&mut random, bytes);
            }
            // The clock of this test runs ahead only while everybody waits: a hang ends in a limit.
            let play = tokio::time::timeout(Duration::from_secs(100_000), script.play(steps));
            assert!(play.await.is_ok(), "{} hangs", script.name);
        }
    }
}
