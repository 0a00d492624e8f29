//! Large messages of a maildrop: only the header comes by itself, and the whole when it is asked for.
//!
//! What the program asked of the server is read from the server's log.

use crate::support::maildrop::{Fetching, letter};
use pillarbox::demo::pop3::Options;
use std::fs;

const SMALL_ONLY: &str = "leave_on_server = true\nmax_size = \"2kB\"";

fn large() -> Vec<u8> {
    let mut raw = b"From: Museum <archive@museum.example>\r\nSubject: the picture\r\n\
        Message-ID: <large@x>\r\n\r\nthe first line\r\n"
        .to_vec();
    for n in 0..200 {
        raw.extend(format!("line {n} of a long text\r\n").bytes());
    }
    raw
}

/// A program that has fetched a small letter and the header of a large one; the large one's id.
fn fetched() -> (Fetching, String) {
    let fetching = Fetching::new(Options::default(), SMALL_ONLY, &[letter(1), large()]);
    fetching.program.run(&["sync"]).expect(0);
    let id = id_of(&fetching, "INBOX");
    (fetching, id)
}

fn id_of(fetching: &Fetching, folder: &str) -> String {
    let list = ["list", folder, "--json"];
    let rows = fetching.program.run(&list).expect(0).json();
    let row = rows.iter().find(|row| row["subject"] == "the picture");
    row.map(|row| row["id"].to_string()).unwrap_or_default()
}

#[test]
fn show_prints_the_header_and_how_to_get_the_rest() {
    let (fetching, id) = fetched();
    let before = fetching.server.said("RETR");
    let shown = fetching.program.run(&["show", &id]).expect(0);
    for part in [
        "Subject: the picture",
        "4.9 K; only the header was fetched.",
        "--raw",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("the first line"));
    assert_eq!(fetching.server.said("RETR"), before, "nothing was fetched");
}

#[test]
fn show_raw_fetches_every_byte_once() {
    let (fetching, id) = fetched();
    let before = fetching.server.said("RETR");
    for _ in 0..2 {
        let (code, raw, _) = fetching.program.run_bytes(&["show", &id, "--raw"], "");
        assert_eq!(code, Some(0));
        assert!(raw == large(), "other bytes than the server has");
    }
    assert_eq!(fetching.server.said("RETR"), before + 1);
    // What reads like any other message now is shown like one.
    let shown = fetching.program.run(&["show", &id]).expect(0);
    assert!(shown.stdout.contains("line 199 of a long text"));
}

#[test]
fn the_rest_comes_to_a_message_that_was_moved_too() {
    let (fetching, id) = fetched();
    let program = &fetching.program;
    program.run(&["mailbox", "create", "Pictures"]).expect(0);
    program.run(&["move", &id, "Pictures"]).expect(0);
    let id = id_of(&fetching, "Pictures");
    let (code, raw, _) = program.run_bytes(&["show", &id, "--raw"], "");
    assert_eq!(code, Some(0));
    assert!(raw == large());
    let shown = program.run(&["show", &id]).expect(0);
    assert!(shown.stdout.contains("line 199 of a long text"));
}

#[test]
fn an_export_holds_whole_messages() {
    let (fetching, _) = fetched();
    let mbox = fetching.program.folder().join("all.mbox");
    let export = ["export", "INBOX", "--format", "mbox"];
    let dest = mbox.to_str().unwrap();
    let args: Vec<&str> = export.into_iter().chain([dest]).collect();
    fetching.program.run(&args).expect(0);
    let text = fs::read_to_string(&mbox).unwrap();
    assert!(text.contains("line 199 of a long text"), "{text}");
    assert!(text.contains("Subject: n1"));
}

#[test]
fn what_is_no_longer_there_is_told_and_the_header_stays() {
    let (fetching, id) = fetched();
    let maildrop = fetching.server.peer.maildrop().clone();
    let mail = maildrop.messages().pop().unwrap();
    assert!(maildrop.remove(&mail.id));
    fetching.program.run(&["sync"]).expect(0);
    let shown = fetching.program.run(&["show", &id]).expect(0);
    assert!(
        shown.stdout.contains("no longer on the server"),
        "{}",
        shown.stdout
    );
    let raw = fetching.program.run(&["show", &id, "--raw"]).expect(1);
    assert!(
        raw.stderr.contains("no longer on the server"),
        "{}",
        raw.stderr
    );
}

#[test]
fn beside_a_screen_that_fetches_show_raw_has_it_fetch_the_rest() {
    let (fetching, id) = fetched();
    let mut screen = fetching.program.screen(&[], 100, 30);
    screen.wait_for("checked ");
    let (code, raw, _) = fetching.program.run_bytes(&["show", &id, "--raw"], "");
    assert_eq!(code, Some(0));
    assert!(raw == large());
    screen.quit();
}

#[test]
fn on_the_screen_a_key_brings_the_rest_into_the_open_message() {
    let (fetching, _) = fetched();
    let mut screen = fetching.program.screen(&[], 100, 30);
    screen.wait_for("the picture");
    screen.keys("/picture\r");
    screen.wait_for("only: picture");
    screen.keys("\r");
    screen.wait_for("only the header was fetched");
    screen.keys("gw");
    screen.wait_for("the first line");
    screen.quit();
}
