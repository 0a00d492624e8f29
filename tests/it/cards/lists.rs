//! Leaving a list by one request, with a web server that is asked.
//!
//! Nothing may go to another host than the one shown, and nothing may be told to it but that one word.

use super::Scene;
use crate::support::make_certificate;
use pillarbox::bus::CardDeed;
use pillarbox::engine::Gpg;
use pillarbox::model::{CardKind, Leave};
use pillarbox::net::http::Limits;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A server that takes one request after the other, and what was asked.
struct Web {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    _runtime: tokio::runtime::Runtime,
}

impl Web {
    fn start(folder: &Path, answer: impl Into<String>) -> Self {
        let answer = answer.into();
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let identity = native_tls::Identity::from_pkcs8(&read("server.pem"), &read("server.key"));
        let acceptor = native_tls::TlsAcceptor::new(identity.unwrap()).unwrap();
        let acceptor = tokio_native_tls::TlsAcceptor::from(acceptor);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listening = tokio::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = runtime.block_on(listening).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        drop(runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                while !String::from_utf8_lossy(&request).contains("One-Click") {
                    match stream.read(&mut piece).await {
                        Ok(count) if count > 0 => request.extend_from_slice(&piece[..count]),
                        _ => break,
                    }
                }
                heard
                    .lock()
                    .unwrap()
                    .push(String::from_utf8(request).unwrap());
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        }));
        Self {
            port,
            asked,
            _runtime: runtime,
        }
    }
}

#[test]
fn a_list_is_left_by_one_post_that_says_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    make_certificate(folder.path());
    let limits = Limits {
        allow_private: true,
        ca_file: Some(folder.path().join("ca.pem")),
        ..Limits::default()
    };
    let fine = Web::start(
        folder.path(),
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    );
    let broken = Web::start(
        folder.path(),
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
    );
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: https://localhost:{}/done\r\nContent-Length: 0\r\n\r\n",
        fine.port
    );
    let moved = Web::start(folder.path(), moved);
    let mut scene = Scene::new(Gpg::default(), limits);
    let mut leave = |port: u16| {
        let message = format!(
            "From: l@list.test\r\nSubject: News\r\nList-Id: News <news.list.test>\r\n\
             List-Unsubscribe: <https://localhost:{port}/leave?who=a%26b>\r\n\
             List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nNews.\r\n"
        );
        let placed = scene.receive(message.as_bytes());
        let shown = scene.open(placed);
        let card = shown.cards.iter().find_map(|card| match &card.kind {
            CardKind::List(list) => list.way.clone(),
            _ => None,
        });
        let Some(Leave::OneClick { url, host }) = card else {
            panic!("{:?}", shown.cards);
        };
        assert_eq!(host.as_str(), "localhost");
        scene.desk.card(placed, CardDeed::Unsubscribe { url })
    };
    // What it leads to would answer as if all had gone well.
    let why = leave(moved.port).unwrap_err();
    assert!(why.contains("sends us elsewhere"), "{why}");
    assert_eq!(moved.asked.lock().unwrap().len(), 1);
    assert!(fine.asked.lock().unwrap().is_empty());
    assert_eq!(leave(fine.port).unwrap(), "localhost took you off the list");
    let asked = fine.asked.lock().unwrap().clone();
    let [request] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /leave?who=a%26b HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_lowercase()
            .contains("content-type: application/x-www-form-urlencoded")
    );
    assert_eq!(body, "List-Unsubscribe=One-Click");
    for word in ["cookie", "referer", "from:"] {
        assert!(!head.to_lowercase().contains(word), "{head}");
    }
    let why = leave(broken.port).unwrap_err();
    assert!(
        why.starts_with("Not unsubscribed: ") && !why.ends_with("; "),
        "{why}"
    );
    scene.desk.stop();
}
