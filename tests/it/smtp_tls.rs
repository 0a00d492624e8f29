//! Mail submission over TLS on loopback: from the first byte, and by STARTTLS.
//!
//! The demo's server behind a certificate made for the test. Nothing of the user's must be said before
//! that certificate was found good.

use crate::support::outbox::{login, path, submission};
use crate::support::tls_post::TlsPost;
use pillarbox::demo::smtp::{Options as Offer, Peer};
use pillarbox::net::smtp::{Manner, Standing, Submitter};
use pillarbox::net::{Class, Error, Options, Security, Server};
use tokio::net::{TcpListener, TcpStream};

async fn open(
    tls: &TlsPost,
    host: &str,
    security: Security,
    trusted: bool,
) -> Result<Submitter, Error> {
    let mut server = tls.server(host, security);
    server.ca_file = server.ca_file.filter(|_| trusted);
    let (options, manner) = (Options::default(), Manner::default());
    Submitter::open(&server, Some(&login("secret")), &options, &manner).await
}

fn peer() -> Peer {
    Peer::new(Offer::default(), |_| ())
}

#[tokio::test]
async fn mail_goes_over_tls_and_what_was_said_in_clear_is_forgotten() {
    for security in [Security::Implicit, Security::StartTls] {
        let tls = TlsPost::start(security, peer()).await;
        let mut submitter = open(&tls, "localhost", security, true).await.unwrap();
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
        let said = tls.said();
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
            let mut tls = TlsPost::start(security, peer()).await;
            if host != "localhost" {
                // A name that leads here and is not in the certificate.
                tls.port = forward(host, tls.port).await;
            }
            let error = open(&tls, host, security, trusted).await.unwrap_err();
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
    let peer = peer();
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
