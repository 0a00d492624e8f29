//! The demo's submission server behind a certificate made for the test: TLS at once, or STARTTLS.
//!
//! Used by the tests of TLS and of what is delivered. It serves every client until its runtime ends.

use super::make_certificate;
use pillarbox::demo::smtp::Peer;
use pillarbox::net::{Security, Server};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::{TlsAcceptor, TlsStream};

type Said = Arc<Mutex<String>>;

/// A running server.
pub(crate) struct TlsPost {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    /// What came in clear.
    said: Said,
}

impl TlsPost {
    /// Starts one in the runtime that this is called in.
    pub(crate) async fn start(security: Security, peer: Peer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_certificate(folder.path());
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let identity = native_tls::Identity::from_pkcs8(&read("server.pem"), &read("server.key"));
        let acceptor = native_tls::TlsAcceptor::new(identity.unwrap()).unwrap();
        let acceptor = TlsAcceptor::from(acceptor);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Said::default();
        let (server, heard) = (peer.clone(), Arc::clone(&said));
        drop(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Small answers must not wait for more.
                stream.set_nodelay(true).unwrap();
                let (acceptor, server) = (acceptor.clone(), server.clone());
                let session = serve(stream, security, acceptor, server, Arc::clone(&heard));
                drop(tokio::spawn(session));
            }
        }));
        Self {
            peer,
            port,
            folder,
            said,
        }
    }

    /// Where it is, for a client that trusts it.
    pub(crate) fn server(&self, host: &str, security: Security) -> Server {
        Server {
            host: host.to_owned(),
            port: self.port,
            security,
            ca_file: Some(self.folder.path().join("ca.pem")),
        }
    }

    /// All that was said in clear so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    security: Security,
    acceptor: TlsAcceptor,
    peer: Peer,
    heard: Said,
) {
    let is_asked = security == Security::StartTls;
    if is_asked {
        ask_for_tls(&mut stream, &heard).await;
    }
    if let Ok(stream) = acceptor.accept(stream).await {
        speak(stream, peer, is_asked).await;
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
async fn speak(mut stream: TlsStream<TcpStream>, peer: Peer, is_greeted: bool) {
    if !is_greeted {
        return peer.run(stream).await;
    }
    let mut inside = peer.connect();
    while inside.read_u8().await.unwrap() != b'\n' {}
    drop(tokio::io::copy_bidirectional(&mut stream, &mut inside).await);
}
