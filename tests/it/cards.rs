//! What the cards of a message offer, with real programs and servers: answering an invitation, leaving a
//! list, checking a signature, decrypting.
//!
//! What was decrypted must be nowhere on the disk, and nothing may go to another host than the one shown.

mod invites;

use crate::support::desk::{Desk, account, placed};
use crate::support::keys::Keys;
use crate::support::post::Post;
use crate::support::{Dovecot, Kind, make_certificate};
use pillarbox::bus::CardDeed;
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::{AccountSetup, Gpg, Outgoing, SaveSent, Setup};
use pillarbox::mime::{EightBit, How, NoContents, Purpose, Stamp};
use pillarbox::model::{
    AccountKey, Address, CardKind, Draft, DraftKind, DraftStart, Identity, Leave, LineKind, Moment,
    Placed, Reading, Recipients, Secret, Tone,
};
use pillarbox::net::http::Limits;
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Login, Options, Security, Server};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Somebody who reads.
struct Scene {
    dovecot: &'static Dovecot,
    user: String,
    desk: Desk,
    folder: tempfile::TempDir,
    count: usize,
}

impl Scene {
    fn new(gpg: Gpg, web: Limits) -> Self {
        Self::with(gpg, web, |setup| setup)
    }

    /// One that sends, and the server that takes it.
    fn sending(undo: Duration) -> (Self, Post) {
        let post = Post::start(Offer::default());
        let outgoing = Outgoing {
            server: Server {
                host: "127.0.0.1".to_owned(),
                port: post.port,
                security: Security::Plain,
                ca_file: None,
            },
            login: Arc::new(|| {
                Ok(Login::Password {
                    user: "ann".to_owned(),
                    password: Secret::new("secret".to_owned()),
                })
            }),
            options: Options::default(),
            manner: Manner::default(),
            save_sent: SaveSent::Never,
            undo,
        };
        let scene = Self::with(Gpg::default(), Limits::default(), |setup| AccountSetup {
            outgoing: Some(outgoing),
            ..setup
        });
        (scene, post)
    }

    fn with(gpg: Gpg, web: Limits, change: impl FnOnce(AccountSetup) -> AccountSetup) -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let user = dovecot.fresh_user();
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let mut desk = Desk::start_with(Setup {
            downloads: folder.path().join("downloads"),
            templates: data_dir.join("templates"),
            data_dir,
            accounts: vec![change(account(dovecot, &user))],
            directory: pillarbox::config::Directory::default(),
            spelling: String::new(),
            web,
            gpg,
            is_offline: false,
        });
        desk.wait_in_step();
        Self {
            dovecot,
            user,
            desk,
            folder,
            count: 0,
        }
    }

    /// A message that came in.
    fn receive(&mut self, message: &[u8]) -> Placed {
        let message = String::from_utf8(message.to_vec()).unwrap();
        self.dovecot.deliver(&self.user, "INBOX", &message);
        self.count += 1;
        let count = self.count;
        let inbox = self.desk.mailbox("INBOX").key;
        let rows = self
            .desk
            .wait_rows("the message", inbox, |rows| rows.len() == count);
        placed(rows.iter().max_by_key(|row| row.message).unwrap())
    }

    fn open(&mut self, placed: Placed) -> Reading {
        self.desk.open(placed).unwrap()
    }

    /// Checks or decrypts a message, and opens it again.
    fn check(&mut self, placed: Placed) -> Reading {
        self.desk.card(placed, CardDeed::Check).unwrap();
        self.open(placed)
    }
}

fn seal_lines(reading: &Reading) -> Vec<(Tone, String)> {
    let seals = reading.cards.iter().filter(|c| c.kind == CardKind::Seal);
    let lines = seals.flat_map(|c| &c.lines);
    lines.map(|l| (l.tone, l.text.to_string())).collect()
}

fn text(reading: &Reading) -> String {
    let words = |line: &pillarbox::model::Line| {
        let text: String = line.spans.iter().map(|s| s.text.as_str()).collect();
        if line.kind == LineKind::Frame {
            format!("[{text}]")
        } else {
            text
        }
    };
    reading
        .body
        .iter()
        .map(words)
        .collect::<Vec<_>>()
        .join("\n")
}

fn letter(gpg: &Gpg, from: &str, to: &str, body: &str, is_encrypted: bool) -> Vec<u8> {
    let identity = Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann".to_owned(),
            address: from.to_owned(),
        },
        signature: String::new(),
    };
    let mut draft = Draft::new(DraftKind::New, identity);
    draft.to = Recipients::read(to);
    draft.subject = "Sealed".to_owned();
    draft.body = body.to_owned();
    draft.sending.is_signed = true;
    draft.sending.is_encrypted = is_encrypted;
    let stamp = Stamp {
        date: Moment {
            unix_secs: 1_700_000_000,
            offset_mins: 60,
        },
        token: [7; 16],
    };
    let how = How {
        purpose: Purpose::Sending,
        eight_bit: EightBit::Never,
        stamp,
    };
    let mut out = Vec::new();
    gpg.seal(
        &draft,
        how,
        &mut NoContents,
        &std::env::temp_dir(),
        &mut out,
    )
    .unwrap();
    out
}

fn replaced(message: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    assert!(text.contains(old), "{old} in {text}");
    text.replace(old, new).into_bytes()
}

#[test]
fn a_signature_is_told_only_when_it_was_checked_and_by_whose_key_it_is() {
    let Some(ann) = Keys::of("ann@here.test") else {
        return;
    };
    let message = letter(
        &ann.gpg(),
        "ann@here.test",
        "bob@there.test",
        "Pay Ann.",
        false,
    );
    let mut scene = Scene::new(ann.gpg(), Limits::default());
    let good = scene.receive(&message);
    let unchecked = seal_lines(&scene.open(good));
    assert!(unchecked[0].1.contains("not checked"), "{unchecked:?}");
    let shown = scene.check(good);
    let lines = seal_lines(&shown);
    assert!(
        lines[0].0 == Tone::Good
            && lines[0]
                .1
                .starts_with("Good signature of Somebody <ann@here.test>"),
        "{lines:?}"
    );
    assert_eq!(text(&shown).trim(), "Pay Ann.");

    let changed = scene.receive(&replaced(&message, "Pay Ann.", "Pay Eve."));
    let lines = seal_lines(&scene.check(changed));
    assert!(
        lines[0].0 == Tone::Warning && lines[0].1.starts_with("BAD signature"),
        "{lines:?}"
    );

    let other = scene.receive(&replaced(
        &message,
        "From: \"Ann\" <ann@here.test>",
        "From: \"Boss\" <boss@here.test>",
    ));
    let lines = seal_lines(&scene.check(other));
    assert!(
        lines[0].0 == Tone::Warning && lines[0].1.contains("another than the sender"),
        "{lines:?}"
    );

    // A footer that a list put below, as lists do.
    let text_of = String::from_utf8(message).unwrap();
    let (head, body) = text_of
        .split_once("Content-Type: multipart/signed")
        .unwrap();
    let listed = format!(
        "{head}Content-Type: multipart/mixed; boundary=list\r\n\r\n--list\r\nContent-Type: multipart/signed{body}\r\n\
         --list\r\nContent-Type: text/plain\r\n\r\nPay Eve instead.\r\n--list--\r\n"
    );
    let listed = scene.receive(listed.as_bytes());
    let shown = scene.check(listed);
    assert_eq!(seal_lines(&shown)[0].0, Tone::Good);
    let words = text(&shown);
    let (signed, outside) = words.split_once("[Not signed").unwrap();
    assert!(
        signed.contains("[Signed]")
            && signed.contains("Pay Ann.")
            && outside.contains("Pay Eve instead."),
        "{words}"
    );
    scene.desk.stop();
}

#[test]
fn a_key_that_is_not_here_or_not_certified_proves_nothing() {
    let (Some(ann), Some(bob)) = (Keys::of("ann@here.test"), Keys::of("bob@there.test")) else {
        return;
    };
    let message = letter(
        &ann.gpg(),
        "ann@here.test",
        "bob@there.test",
        "Hello",
        false,
    );
    let mut scene = Scene::new(bob.gpg(), Limits::default());
    let placed = scene.receive(&message);
    let lines = seal_lines(&scene.check(placed));
    assert!(
        lines[0].0 == Tone::Warning && lines[0].1.contains("not here: import it"),
        "{lines:?}"
    );
    bob.meet(&ann, "ann@here.test", false);
    let lines = seal_lines(&scene.check(placed));
    assert!(
        lines[0].0 == Tone::Plain && lines[0].1.contains("you have not certified"),
        "{lines:?}"
    );
    bob.meet(&ann, "ann@here.test", true);
    let lines = seal_lines(&scene.check(placed));
    assert_eq!(lines[0].0, Tone::Good, "{lines:?}");
    scene.desk.stop();
}

#[test]
fn what_is_decrypted_is_shown_in_a_frame_and_is_nowhere_on_the_disk() {
    let (Some(ann), Some(bob)) = (Keys::of("ann@here.test"), Keys::of("bob@there.test")) else {
        return;
    };
    ann.meet(&bob, "bob@there.test", true);
    bob.meet(&ann, "ann@here.test", true);
    let secret = "The-goat-is-behind-the-chapel";
    let message = letter(&ann.gpg(), "ann@here.test", "bob@there.test", secret, true);
    let mut scene = Scene::new(bob.gpg(), Limits::default());
    let placed = scene.receive(&message);
    let shown = scene.open(placed);
    assert!(
        seal_lines(&shown)[0]
            .1
            .starts_with("Encrypted with OpenPGP")
    );
    assert!(!text(&shown).contains(secret));
    let shown = scene.check(placed);
    let lines = seal_lines(&shown);
    assert!(lines[0].1.starts_with("Decrypted"), "{lines:?}");
    assert!(
        lines[1].0 == Tone::Good && lines[1].1.starts_with("Good signature"),
        "{lines:?}"
    );
    let words = text(&shown);
    assert!(
        words.starts_with("[Decrypted]") && words.contains(secret),
        "{words}"
    );
    // An answer does not carry it out in clear.
    let opened = scene.desk.compose(DraftStart::Reply(placed)).unwrap();
    assert!(!opened.draft.body.contains(secret), "{}", opened.draft.body);
    scene.desk.stop();
    no_file_holds(&scene.folder.path().join("data"), secret);
}

fn no_file_holds(folder: &Path, secret: &str) {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            no_file_holds(&path, secret);
        } else if let Ok(bytes) = std::fs::read(&path) {
            count += 1;
            let is_in = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!is_in, "{} holds the secret", path.display());
        }
    }
    assert!(count > 0 || folder.ends_with("spool") || !folder.ends_with("data"));
}

#[test]
fn what_cannot_be_decrypted_says_why() {
    let (Some(ann), Some(eve)) = (Keys::of("ann@here.test"), Keys::of("eve@other.test")) else {
        return;
    };
    let message = letter(
        &ann.gpg(),
        "ann@here.test",
        "ann@here.test",
        "For Ann alone",
        true,
    );
    let mut scene = Scene::new(eve.gpg(), Limits::default());
    let placed = scene.receive(&message);
    let why = scene.desk.card(placed, CardDeed::Check).unwrap_err();
    assert!(why.contains("for a key that is not here"), "{why}");
    // One letter of what was encrypted is changed.
    let text = String::from_utf8(message).unwrap();
    let at = text.find("-----END PGP MESSAGE").unwrap() - 120;
    let mut bytes = text.into_bytes();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let mut own = Scene::new(ann.gpg(), Limits::default());
    let placed = own.receive(&bytes);
    let why = own.desk.card(placed, CardDeed::Check).unwrap_err();
    assert!(
        why.starts_with("Not checked: ") && why.contains("changed or damaged on the way"),
        "{why}"
    );
    let shown = own.open(placed);
    assert!(!text_holds(&shown, "For Ann"), "{shown:?}");
    scene.desk.stop();
    own.desk.stop();
}

fn text_holds(reading: &Reading, words: &str) -> bool {
    text(reading).contains(words)
}

#[test]
fn a_locked_key_is_not_asked_for_on_the_screen() {
    let Some(ann) = Keys::with("ann@here.test", "open sesame") else {
        return;
    };
    let to_encrypt = "--trust-model always --armor --encrypt --recipient ann@here.test";
    let mut arguments: Vec<&str> = to_encrypt.split(' ').collect();
    let folder = tempfile::tempdir().unwrap();
    let clear = folder.path().join("clear");
    std::fs::write(&clear, "Content-Type: text/plain\r\n\r\nHello\r\n").unwrap();
    arguments.extend(["--output", "-", clear.to_str().unwrap()]);
    let armoured = String::from_utf8(ann.done(&arguments)).unwrap();
    let message = format!(
        "From: ann@here.test\r\nSubject: Sealed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted; \
         protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n\
         Version: 1\r\n\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n{armoured}\r\n--b--\r\n"
    );
    let mut scene = Scene::new(ann.gpg(), Limits::default());
    let placed = scene.receive(message.as_bytes());
    let why = scene.desk.card(placed, CardDeed::Check).unwrap_err();
    assert!(
        why.starts_with("Not checked: the secret key is locked: unlock it with gpg-agent first"),
        "{why}"
    );
    scene.desk.stop();
}

#[test]
fn without_gpg_one_sentence_says_what_to_install() {
    let Some(ann) = Keys::of("ann@here.test") else {
        return;
    };
    let message = letter(
        &ann.gpg(),
        "ann@here.test",
        "bob@there.test",
        "Hello",
        false,
    );
    let mut scene = Scene::new(Gpg::at("/nowhere/gpg", None), Limits::default());
    let placed = scene.receive(&message);
    let why = scene.desk.card(placed, CardDeed::Check).unwrap_err();
    assert!(
        why.contains("gpg is not installed") && why.contains("install GnuPG"),
        "{why}"
    );
    scene.desk.stop();
}

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
