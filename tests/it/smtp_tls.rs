//! Mail submission over TLS on loopback: from the first byte, and by STARTTLS.
//!
//! The demo's server behind a certificate made for the test. Nothing of the user's must be said before
//! that certificate was found good.

use crate::support::make_certificate;
use crate::support::outbox::{login, path, submission};
use pillarbox::demo::smtp::{Options as Offer, Peer};
use pillarbox::net::smtp::{Manner, Standing, Submitter};
use pillarbox::net::{Class, Error, Options, Security, Server};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::TlsStream;

type Said = Arc<Mutex<String>>;

/// A server that speaks TLS at once, or after STARTTLS, to one client.
struct Tls {
    folder: tempfile::TempDir,
    peer: Peer,
    port: u16,
    /// What came in clear.
    said: Said,
}

impl Tls {
    async fn start(security: Security) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let identity = native_tls::Identity::from_pkcs8(&read("server.pem"), &read("server.key"));
        let acceptor = native_tls::TlsAcceptor::new(identity.unwrap()).unwrap();
        let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor);
        let peer = Peer::new(Offer::default(), |_| ());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Said::default();
        let (server, heard) = (peer.clone(), Arc::clone(&said));
        drop(tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if security == Security::StartTls {
                ask_for_tls(&mut stream, &heard).await;
            }
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, server, security == Security::StartTls).await;
            }
        }));
        Self {
            folder,
            peer,
            port,
            said,
        }
    }

    async fn open(
        &self,
        host: &str,
        security: Security,
        trusted: bool,
    ) -> Result<Submitter, Error> {
        let server = Server {
            host: host.into(),
            port: self.port,
            security,
            ca_file: trusted.then(|| self.root()),
        };
        let manner = Manner::default();
        let options = Options::default();
        Submitter::open(&server, Some(&login("secret")), &options, &manner).await
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// The part in clear.
async fn ask_for_tls(stream: &mut TcpStream, heard: &Said) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 hi\r\n").await.unwrap();
    for answer in ["250-me\r\n250-SIZE 1\r\n250 STARTTLS\r\n", "220 go\r\n"] {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        heard.lock().unwrap().push_str(&line);
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    assert!(stream.buffer().is_empty(), "nothing before the answer");
}

/// Lets the peer serve a stream. After STARTTLS there is no second greeting: the peer's is kept back.
async fn serve(mut stream: TlsStream<TcpStream>, peer: Peer, is_greeted: bool) {
    if !is_greeted {
        return peer.run(stream).await;
    }
    let mut inside = peer.connect();
    while inside.read_u8().await.unwrap() != b'\n' {}
    drop(tokio::io::copy_bidirectional(&mut stream, &mut inside).await);
}

#[tokio::test]
async fn mail_goes_over_tls_and_what_was_said_in_clear_is_forgotten() {
    for security in [Security::Implicit, Security::StartTls] {
        let tls = Tls::start(security).await;
        let mut submitter = tls.open("localhost", security, true).await.unwrap();
        // In clear it said SIZE 1.
        assert_eq!(submitter.extensions().size_max, Some(50_000_000));
        assert!(!submitter.extensions().has_starttls);
        let text = b"a line\r\n".repeat(100_000);
        let to = submission("jo@here.test", &["ann@there.test"], &text);
        let outcome = submitter.submit(&to, &text[..]).await;
        assert_eq!(
            outcome.standing(&path("ann@there.test")),
            Standing::Delivered
        );
        assert!(submitter.counters().written() > 800_000);
        submitter.quit().await;
        let said = tls.said.lock().unwrap().clone();
        let in_clear = match security {
            Security::StartTls => "EHLO [127.0.0.1]\r\nSTARTTLS\r\n",
            _ => "",
        };
        assert_eq!(said, in_clear);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_good_ends_it_before_a_secret_is_said() {
    for security in [Security::Implicit, Security::StartTls] {
        for (host, trusted, told) in [
            ("localhost", false, "does not know"),
            ("127.0.0.2", true, "another name"),
        ] {
            let tls = Tls::start(security).await;
            // A name that leads here and is not in the certificate.
            let port = tls.port;
            let tls = match host {
                "localhost" => tls,
                _ => Tls {
                    port: forward(host, port).await,
                    ..tls
                },
            };
            let error = tls.open(host, security, trusted).await.unwrap_err();
            assert_eq!(error.class, Class::Tls, "{error}");
            assert!(error.summary.contains(told), "{error}");
            assert!(tls.peer.log().is_empty());
        }
    }
}

/// Another address of this machine that leads to the port.
async fn forward(host: &str, port: u16) -> u16 {
    let listener = TcpListener::bind((host, 0)).await.unwrap();
    let near = listener.local_addr().unwrap().port();
    drop(tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
    }));
    near
}

#[tokio::test]
async fn the_wrong_kind_of_port_is_named() {
    // TLS at once to a server that begins in clear.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = Peer::new(Offer::default(), |_| ());
    drop(tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        peer.run(stream).await;
    }));
    let server = Server {
        host: "localhost".into(),
        port,
        security: Security::Implicit,
        ca_file: None,
    };
    let (options, manner) = (Options::default(), Manner::default());
    let error = Submitter::open(&server, None, &options, &manner).await;
    let error = error.unwrap_err();
    assert_eq!(error.class, Class::Tls, "{error}");
    assert!(error.hint.contains("465"), "{}", error.hint);
}
