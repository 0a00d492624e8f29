//! What the cards of a message offer, with real programs and servers: answering an invitation, leaving a
//! list, checking a signature, decrypting.
//!
//! What was decrypted must be nowhere on the disk, and nothing may go to another host than the one shown.

mod invites;
mod lists;
mod opened;
mod openpgp;
mod smime;

use crate::support::desk::{Desk, account, placed};
use crate::support::post::Post;
use crate::support::{Dovecot, Kind};
use pillarbox::bus::CardDeed;
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::{AccountSetup, Gpg, Outgoing, SaveSent, Setup};
use pillarbox::model::{CardKind, LineKind, Placed, Reading, Secret, Tone};
use pillarbox::net::http::Limits;
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Login, Options, Security, Server};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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

    /// One with these keys, who asks the web for nothing.
    fn reading(gpg: Gpg) -> Self {
        Self::new(gpg, Limits::default())
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
        let said = self.desk.card(placed, CardDeed::Check).unwrap();
        // The card says the rest, and need not say it twice.
        let words = ["Checked", "Decrypted", "Not checked; ", "Not decrypted; "];
        let is_short = words.iter().any(|word| said.starts_with(word)) && said.len() < 50;
        assert!(is_short, "{said}");
        self.open(placed)
    }

    /// The same of a message that comes in now.
    fn checked(&mut self, message: &[u8]) -> Reading {
        let placed = self.receive(message);
        self.check(placed)
    }

    /// Why a message that comes in now is not checked.
    fn refused(&mut self, message: &[u8]) -> String {
        let shown = self.checked(message);
        let card = shown.cards.iter().find(|c| c.kind == CardKind::Seal);
        let line = card.unwrap().lines.first().unwrap().clone();
        assert_eq!((line.tone, line.action), (Tone::Warning, "check-seal"));
        line.text.to_string()
    }

    /// Ends the engine; these words must be in no file that it wrote.
    fn ends_without(self, secret: &str) {
        let Self { desk, folder, .. } = self;
        desk.stop();
        no_file_holds(&folder.path().join("data"), secret);
    }
}

/// What the card says of a seal: it must be meant like that and begin so.
fn is_told(reading: &Reading, line: usize, tone: Tone, begin: &str) {
    let lines = seal_lines(reading);
    let is_so = lines
        .get(line)
        .is_some_and(|l| l.0 == tone && l.1.starts_with(begin));
    assert!(is_so, "{begin:?} in line {line} of {lines:#?}");
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

fn replaced(message: &str, old: &str, new: &str) -> Vec<u8> {
    assert!(message.contains(old), "{old} in {message}");
    message.replace(old, new).into_bytes()
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

fn text_holds(reading: &Reading, words: &str) -> bool {
    text(reading).contains(words)
}
