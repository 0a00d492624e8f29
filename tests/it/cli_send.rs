//! `pillarbox send` and `pillarbox outbox`, as scripts use them.
//!
//! The submission server is the demo's, on loopback; what it took is what was delivered. Copies are
//! looked for by another client in a real Dovecot, or in the demo's store.

use crate::support::peer::LivePeer;
use crate::support::post::Post;
use crate::support::{Program, closed_port};
use pillarbox::demo::imap::Options;
use pillarbox::demo::smtp::Options as Offer;

const LETTER: &str =
    "From: Ann <ann@example.org>\nTo: bo@there.test\nSubject: Greetings\n\nHello Bo.\n";

/// A program with an incoming and an outgoing server.
struct Sending {
    peer: LivePeer,
    post: Post,
    program: Program,
}

impl Sending {
    fn new(offer: Offer) -> Self {
        let peer = LivePeer::start(Options::default());
        let post = Post::start(offer);
        let program = Program::new(&format!("{}{}", peer.account("work"), post.table("work")));
        Self {
            peer,
            post,
            program,
        }
    }

    fn send(&self, letter: &str) -> crate::support::Output {
        self.program.run_with(&["send"], letter)
    }

    /// The rows of `outbox --json`.
    fn outbox(&self) -> Vec<serde_json::Value> {
        self.program.run(&["outbox", "--json"]).expect(0).json()
    }

    /// How many copies there are.
    fn copies(&self) -> usize {
        self.peer.count("Sent").unwrap_or(0)
    }
}

#[test]
fn a_message_is_delivered_filed_and_nothing_is_left() {
    let sending = Sending::new(Offer::default());
    let said = sending.send(LETTER).expect(0);
    assert_eq!(said.stdout, "Sent to bo@there.test.\n");
    let taken = sending.post.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].from, "ann@example.org");
    let raw = String::from_utf8(taken[0].raw.clone()).unwrap();
    for field in ["Date: ", "Message-ID: <", "MIME-Version: 1.0\r\n"] {
        assert!(raw.contains(field), "{raw}");
    }
    assert!(
        raw.ends_with("Subject: Greetings\r\n\r\nHello Bo.\r\n"),
        "{raw}"
    );
    assert_eq!(sending.copies(), 1);
    let sent = sending.peer.peer.store().mailbox("Sent").unwrap();
    let copy = sent.messages.values().next().unwrap();
    assert_eq!(copy.raw[..], taken[0].raw[..], "the same bytes");
    assert!(sending.outbox().is_empty());
    let left = std::fs::read_dir(sending.program.data_dir().join("outbox")).unwrap();
    assert_eq!(left.count(), 0, "no file is left");
    sending.program.run(&["sync"]).expect(0);
    let listed = sending.program.run(&["list", "sent", "--json"]).expect(0);
    assert_eq!(listed.json()[0]["subject"], "Greetings");
}

#[test]
fn what_was_left_for_later_is_listed_and_sent_by_the_next_sync() {
    let sending = Sending::new(Offer::default());
    let send = ["send", "--offline"];
    sending.program.run_with(&send, LETTER).expect(0);
    let rows = sending.outbox();
    let row = serde_json::json!({
        "id": 1, "account": "work", "to": ["bo@there.test"], "subject": "Greetings",
        "state": "queued", "attempts": 0, "error": null, "not_before": null
    });
    assert_eq!(rows, [row]);
    assert!(sending.post.taken().is_empty());
    let synced = sending.program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(synced[0]["sent"], 1);
    assert_eq!(synced[0]["pending"], 0);
    assert_eq!(sending.post.taken().len(), 1);
    assert_eq!(sending.copies(), 1);
    assert!(sending.outbox().is_empty());
}

#[test]
fn without_a_server_it_is_kept_and_says_why() {
    let peer = LivePeer::start(Options::default());
    let program = Program::new(&format!(
        "{}[accounts.work.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n",
        peer.account("work"),
        closed_port()
    ));
    let said = program.run_with(&["send"], LETTER).expect(75);
    assert!(said.stderr.contains("not sent yet: "), "{}", said.stderr);
    let rows = program.run(&["outbox", "--json"]).expect(0).json();
    assert_eq!(rows[0]["state"], "queued");
    assert_eq!(rows[0]["attempts"], 1);
    assert!(rows[0]["error"].is_string());
}
