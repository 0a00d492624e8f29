//! What the client does with servers that are honest, odd or hostile; run by `cargo test`.
//!
//! Every server here is a real one on the loopback. No test may depend on how fast this machine is.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Limits under which the servers of these tests may be asked.
fn near() -> Limits {
    Limits {
        allow_private: true,
        bytes_max: 100_000,
        ..Limits::default()
    }
}

/// Reads a request: its header, and so much of a body as it announces.
async fn heard(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let said = String::from_utf8_lossy(&text).into_owned();
        if let Some((header, body)) = said.split_once("\r\n\r\n") {
            let announced = header
                .lines()
                .find_map(|l| l.strip_prefix("content-length: "))
                .map_or(0, |n| n.parse().unwrap());
            if body.len() >= announced {
                return said;
            }
        }
        let count = stream.read(&mut chunk).await.unwrap();
        if count == 0 {
            return said;
        }
        text.extend_from_slice(&chunk[..count]);
    }
}

/// A server that answers one request after the other with these bytes, and hangs up after each. Gives its
/// address and what it was asked.
async fn server(answers: Vec<Vec<u8>>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (tell, asked) = mpsc::channel(16);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let said = heard(&mut stream).await;
            tell.send(said).await.unwrap();
            // Who is asked may hang up in the middle.
            let _done = stream.write_all(&answer).await;
        }
    });
    (url, asked)
}

async fn answered(answer: impl Into<Vec<u8>>) -> Result<Answer> {
    let (url, _asked) = server(vec![answer.into()]).await;
    get(&url, &near()).await
}

/// A server that says `start`, then repeats `more` until nobody listens.
async fn endless(start: &'static [u8], more: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        heard(&mut stream).await;
        stream.write_all(start).await.unwrap();
        while stream.write_all(more).await.is_ok() {}
    });
    url
}

#[tokio::test]
async fn what_lies_there_is_given_with_what_it_is_said_to_be() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\nabcd";
    let answer = answered(whole).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"abcd"[..]));
    assert_eq!(answer.content_type, "image/png");
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
    assert_eq!(answered(chunked).await.unwrap().body, b"abcd");
    let to_the_end = "HTTP/1.0 200 OK\r\n\r\nabcd";
    assert_eq!(answered(to_the_end).await.unwrap().body, b"abcd");
}

#[tokio::test]
async fn a_request_says_nothing_about_who_asks() {
    let nothing = b"HTTP/1.1 204 No Content\r\nSet-Cookie: id=1\r\n\r\n".to_vec();
    let (url, mut asked) = server(vec![nothing.clone(), nothing]).await;
    let with_login = url.replace("http://", "http://ann:secret@");
    for _ in 0..2 {
        get(&format!("{with_login}p?q=1#frag"), &near())
            .await
            .unwrap();
        let said = asked.recv().await.unwrap().to_lowercase();
        let mut names: Vec<_> = said
            .lines()
            .skip(1)
            .filter_map(|l| l.split_once(':'))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "accept",
                "accept-encoding",
                "connection",
                "host",
                "user-agent"
            ]
        );
        assert!(said.starts_with("get /p?q=1 http/1.1\r\n"), "{said}");
        assert!(!said.contains("pillarbox"), "{said}");
    }
}

#[tokio::test]
async fn a_form_arrives_whole_and_once() {
    let done = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (url, mut asked) = server(vec![done]).await;
    let body = b"List-Unsubscribe=One-Click";
    let kind = "application/x-www-form-urlencoded";
    let answer = post(&url, kind, body, &near()).await.unwrap();
    assert_eq!(answer.status, 200);
    let said = asked.recv().await.unwrap();
    assert!(said.starts_with("POST / HTTP/1.1\r\n"), "{said}");
    assert!(
        said.contains(&format!("content-type: {kind}\r\n")),
        "{said}"
    );
    assert!(
        said.ends_with("\r\n\r\nList-Unsubscribe=One-Click"),
        "{said}"
    );
    assert!(asked.recv().await.is_none());
}

#[tokio::test]
async fn a_redirect_is_followed_but_a_form_goes_nowhere_else() {
    for status in [301, 302, 303, 307, 308] {
        let moved = format!("HTTP/1.1 {status} x\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
        let done = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let both = || vec![moved.clone().into_bytes(), done.into()];
        let (url, mut asked) = server(both()).await;
        get(&url, &near()).await.unwrap();
        assert!(asked.recv().await.unwrap().starts_with("GET / "));
        assert!(asked.recv().await.unwrap().starts_with("GET /b "));
        let (url, mut asked) = server(both()).await;
        let error = post(&url, "text/plain", b"x", &near()).await.unwrap_err();
        assert_eq!(error.class, Class::Rejected, "{status}");
        assert!(error.summary.contains("elsewhere"), "{error}");
        assert!(asked.recv().await.unwrap().starts_with("POST / "));
        assert!(asked.try_recv().is_err(), "{status}: and nothing more");
    }
}

#[tokio::test]
async fn redirects_without_an_end_are_given_up() {
    let moved = b"HTTP/1.1 302 x\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n".to_vec();
    let (url, mut asked) = server(vec![moved; 9]).await;
    let error = get(&url, &near()).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol);
    assert!(error.summary.contains("without an end"), "{error}");
    let mut count = 0;
    while asked.try_recv().is_ok() {
        count += 1;
    }
    assert_eq!(count, 4, "three redirects and not one more");
}

#[tokio::test]
async fn a_machine_in_the_users_own_network_is_not_asked() {
    let (url, mut asked) = server(vec![Vec::new()]).await;
    let local = url.replace("127.0.0.1", "localhost");
    for inside in [url.as_str(), &local, "http://[::1]/", "http://0x7f000001/"] {
        let error = get(inside, &Limits::default()).await.unwrap_err();
        assert_eq!(error.class, Class::Rejected, "{inside}");
        assert!(error.summary.contains("own network"), "{error}");
    }
    assert!(asked.try_recv().is_err(), "nothing was said to it");
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_at_the_limit() {
    let url = endless(b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 4096]).await;
    let error = get(&url, &near()).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected);
    assert!(error.summary.contains("larger than 100 K"), "{error}");
}

#[tokio::test]
async fn a_header_without_an_end_is_cut_at_the_limit() {
    let url = endless(b"HTTP/1.1 200 OK\r\nX: ", &[b'x'; 4096]).await;
    let error = get(&url, &near()).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol, "{error}");
    let url = endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n").await;
    let error = get(&url, &near()).await.unwrap_err();
    assert_eq!(error.class, Class::Protocol, "{error}");
}

#[tokio::test]
async fn a_length_that_is_a_lie_is_noticed() {
    let too_long = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabcd";
    let error = answered(too_long).await.unwrap_err();
    assert_eq!(error.class, Class::Transient);
    assert!(error.summary.contains("before all was there"), "{error}");
    let far_too_long = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabcd";
    let error = answered(far_too_long).await.unwrap_err();
    assert!(error.summary.contains("larger than"), "{error}");
    let too_short = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcd";
    assert_eq!(answered(too_short).await.unwrap().body, b"ab");
    let no_number = "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabcd";
    assert!(answered(no_number).await.is_err());
}

#[tokio::test]
async fn nonsense_and_controls_never_get_into_what_is_told() {
    for answer in [
        "HTTP/1.1 500 \x1b]0;owned\x07\x1b[31m\r\n\r\n",
        "HTTP/1.1 404 \u{9b}31m\r\n\r\n",
        "* OK IMAP4rev1 ready\r\n",
        "\x1b[31m",
        "",
        "HTTP/1.1 302 x\r\nLocation: \x1b[31m\r\n\r\n",
    ] {
        let error = answered(answer).await.unwrap_err();
        let told = format!("{} {}", error.summary, error.hint);
        assert!(!told.chars().any(char::is_control), "{told:?}");
        assert!(!told.contains("31m"), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_says_whether_it_is_worth_another_try() {
    let class = async |status: u16| {
        let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
        answered(answer).await.unwrap_err().class
    };
    assert_eq!(class(404).await, Class::Rejected);
    assert_eq!(class(403).await, Class::Rejected);
    assert_eq!(class(503).await, Class::Transient);
    assert_eq!(class(429).await, Class::Transient);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_trickles_is_left_when_the_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        heard(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let error = get(&url, &near()).await.unwrap_err();
    assert_eq!(error.class, Class::Transient);
    assert!(error.summary.contains("30 seconds"), "{error}");
    // It notices that nobody listens any more.
    server.await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_dropped_ends_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let asking = tokio::spawn(async move { get(&url, &near()).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    heard(&mut stream).await;
    asking.abort();
    let mut rest = [0; 1];
    assert_eq!(stream.read(&mut rest).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn what_does_not_speak_tls_gets_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/secret", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 512];
        let count = stream.read(&mut first).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        first[..count].to_vec()
    });
    assert!(get(&url, &near()).await.is_err());
    let said = server.await.unwrap();
    assert!(!String::from_utf8_lossy(&said).contains("secret"));
}
