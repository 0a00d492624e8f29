//! `pillarbox send` and `pillarbox outbox`, as scripts use them.
//!
//! The submission server is the demo's, on loopback; what it took is what was delivered. Copies are
//! looked for by another client in a real Dovecot, or in the demo's store.

use crate::support::peer::LivePeer;
use crate::support::post::{Post, Sending};
use crate::support::{Program, closed_port, wait_until};
use pillarbox::demo::imap::Options;
use pillarbox::demo::smtp::Options as Offer;

const LETTER: &str =
    "From: Ann <ann@example.org>\nTo: bo@there.test\nSubject: Greetings\n\nHello Bo.\n";

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

#[test]
fn the_next_sync_tries_again_at_once_and_says_what_it_could_not_send() {
    let sending = Sending::new(Offer::default());
    let config = sending.config();
    let port = format!("port = {}", sending.post.port);
    let closed = config.replace(&port, &format!("port = {}", closed_port()));
    sending.program.write_config(&closed);
    sending.send(LETTER).expect(75);
    let failed = sending.program.run(&["sync", "--json"]).expect(1);
    let row = &failed.json()[0];
    assert_eq!(
        (&row["ok"], &row["pending"]),
        (&false.into(), &1.into()),
        "{row}"
    );
    let error = row["error"].as_str().unwrap();
    assert!(error.contains("mail was not sent: "), "{error}");
    assert_eq!(sending.outbox()[0]["attempts"], 2);
    sending.program.write_config(&config);
    let synced = sending.program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(synced[0]["sent"], 1);
    assert_eq!(sending.post.taken().len(), 1);
    assert!(sending.outbox().is_empty());
}

#[test]
fn what_is_no_letter_is_refused_with_2_and_nothing_is_kept() {
    let sending = Sending::new(Offer::default());
    for (letter, why) in [
        ("To: bo@there.test\n\nx\n", "no From"),
        ("From: ann@example.org\n\nx\n", "no recipient"),
        ("From: ann@example.org\nTo: bo\n\nx\n", "\"bo\" in To"),
        ("just text", "does not begin with"),
    ] {
        let said = sending.send(letter).expect(2);
        assert!(said.stderr.contains(why), "{letter:?}: {}", said.stderr);
    }
    let missing = sending.program.run(&["send", "nowhere.eml"]).expect(2);
    assert!(missing.stderr.contains("nowhere.eml"), "{}", missing.stderr);
    assert!(sending.outbox().is_empty());
    let left = std::fs::read_dir(sending.program.data_dir().join("outbox")).unwrap();
    assert_eq!(left.count(), 0);
}

#[test]
fn from_chooses_the_account_unless_one_is_named() {
    let peers = [
        LivePeer::start(Options::default()),
        LivePeer::start(Options::default()),
    ];
    let posts = [Post::start(Offer::default()), Post::start(Offer::default())];
    let of = |at: usize, name: &str, address: &str| {
        let table = peers[at].account(name).replace("ann@example.org", address);
        format!("{table}{}", posts[at].table(name))
    };
    let program = Program::new(&format!(
        "{}{}[accounts.home.send]\nidentities = [{{ address = \"choir@example.net\" }}]\n",
        of(0, "work", "ann@example.org"),
        of(1, "home", "ann@example.net"),
    ));
    let counts = || posts.each_ref().map(|post| post.taken().len());
    program.run_with(&["send"], LETTER).expect(0);
    assert_eq!(counts(), [1, 0]);
    let by = |address: &str| LETTER.replace("ann@example.org", address);
    program
        .run_with(&["send"], &by("Ann@Example.NET"))
        .expect(0);
    program
        .run_with(&["send"], &by("choir@example.net"))
        .expect(0);
    assert_eq!(counts(), [1, 2]);
    let said = program
        .run_with(&["send"], &by("x@elsewhere.test"))
        .expect(2);
    assert!(said.stderr.contains("--account"), "{}", said.stderr);
    let named = ["--account", "home", "send"];
    program.run_with(&named, &by("x@elsewhere.test")).expect(0);
    assert_eq!(counts(), [1, 3]);
}

#[test]
fn blind_copies_are_delivered_and_nobody_is_told() {
    let sending = Sending::new(Offer::default());
    let letter = LETTER.replace(
        "Subject",
        "Cc: Team: cy@there.test, di@there.test;\nBcc: eve@there.test\nSubject",
    );
    sending.send(&letter).expect(0);
    let given = sending.post.given();
    let names: Vec<&str> = given.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(
        names,
        [
            "bo@there.test",
            "cy@there.test",
            "di@there.test",
            "eve@there.test"
        ]
    );
    assert!(given.iter().all(|(_, count)| *count == 1));
    let sent = sending.peer.peer.store().mailbox("Sent").unwrap();
    let copy = String::from_utf8_lossy(&sent.messages.values().next().unwrap().raw).into_owned();
    assert!(
        !copy.to_lowercase().contains("bcc") && !copy.contains("eve@"),
        "{copy}"
    );
    let wire = String::from_utf8(sending.post.taken()[0].raw.clone()).unwrap();
    assert_eq!(wire, copy);
}

#[test]
fn a_cancelled_message_is_not_sent() {
    let sending = Sending::new(Offer::default());
    sending
        .program
        .run_with(&["send", "--offline"], LETTER)
        .expect(0);
    sending.program.run(&["outbox", "cancel", "1"]).expect(0);
    assert!(sending.outbox().is_empty());
    sending.program.run(&["sync"]).expect(0);
    assert!(sending.post.taken().is_empty());
    sending.program.run(&["outbox", "cancel", "1"]).expect(1);
    sending.program.run(&["outbox", "retry", "7"]).expect(1);
}

#[test]
fn beside_a_running_screen_the_screen_sends_it() {
    let sending = Sending::new(Offer::default());
    let screen = sending.program.screen(&[], 100, 30);
    screen.wait_for("watching");
    sending.send(LETTER).expect(0);
    assert_eq!(sending.post.taken().len(), 1);
    wait_until("the copy", || sending.copies() == 1);
    wait_until("the outbox to be empty", || sending.outbox().is_empty());
    assert_eq!(sending.post.peer.sessions_opened(), 1);
}
