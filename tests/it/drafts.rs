//! What is written survives, and is on the server once: drafts, from the first letter to the last.
//!
//! The engine against a real Dovecot, with another client that looks at what is there. Nothing that
//! was kept may be lost, whatever ends the program.

use crate::support::desk::{Desk, account, placed};
use crate::support::{Dovecot, Kind};
use pillarbox::bus::{Event, WritingEvent};
use pillarbox::model::{Caret, DraftField, DraftKey, DraftKind, DraftStart, Recipients};
use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};

const QUESTION: &str = "From: Bo Other <bo@example.net>\nTo: Ann <USER@example.org>\n\
     Cc: cy@example.net\nSubject: Lunch?\nMessage-ID: <q1@example.net>\nReferences: <q0@example.net>\n\
     Date: Mon, 06 Apr 2026 10:12:00 +0200\n\nShall we?\nAt noon.\n";

/// A user with one message to answer.
fn asked(dovecot: &Dovecot) -> String {
    let user = dovecot.fresh_user();
    dovecot.deliver(&user, "INBOX", &QUESTION.replace("USER", &user));
    user
}

fn caret(line: u32, column: u32) -> Caret {
    Caret {
        field: DraftField::Body,
        line,
        column,
    }
}

#[test]
fn an_answer_has_its_fields_and_the_quote() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = asked(dovecot);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("a question", inbox, |rows| rows.len() == 1);
    let opened = desk
        .compose(DraftStart::ReplyAll(placed(&rows[0])))
        .unwrap();
    let draft = &opened.draft;
    assert_eq!(draft.kind, DraftKind::Reply);
    assert_eq!(draft.to.typed(), "Bo Other <bo@example.net>");
    assert_eq!(draft.cc.typed(), "cy@example.net");
    assert_eq!(draft.subject, "Re: Lunch?");
    assert_eq!(draft.in_reply_to, ["q1@example.net"]);
    assert_eq!(draft.references, ["q0@example.net", "q1@example.net"]);
    let lines: Vec<&str> = draft.body.lines().collect();
    assert!(lines[0].ends_with("Bo Other wrote:"), "{lines:?}");
    assert_eq!(lines[1..3], ["> Shall we?", "> At noon."]);
    assert_eq!(opened.caret, caret(3, 0));
    assert_eq!(
        opened.identities[0].address.address,
        format!("{user}@example.org")
    );
    assert!(opened.notes.is_empty());
}

#[test]
fn a_message_that_cannot_be_fetched_is_not_answered_and_that_is_said() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = asked(dovecot);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("a question", inbox, |rows| rows.len() == 1);
    desk.send(pillarbox::bus::Command::SetOffline(true));
    let why = desk.compose(DraftStart::Reply(placed(&rows[0])));
    assert_eq!(
        why.unwrap_err(),
        "not opened: not downloaded yet, and Pillarbox is offline"
    );
}

/// Not a test: the process that [`what_was_kept_survives_a_kill`] kills.
#[test]
#[ignore = "run by another test, as a process of its own"]
fn a_writer_that_is_killed() {
    let Ok(folder) = std::env::var("PILLARBOX_WRITER") else {
        return;
    };
    let mut desk = Desk::start(Path::new(&folder), vec![offline()]);
    let opened = desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("bo@example.net, half an addr");
    draft.subject = "Half a th".to_owned();
    draft.body = "One line,\nand half of anoth".to_owned();
    desk.keep(opened.key, &draft, caret(1, 17));
    println!("\nkept {}", opened.key);
    std::thread::sleep(crate::support::PATIENCE);
}

fn offline() -> pillarbox::engine::AccountSetup {
    let port = crate::support::closed_port();
    crate::support::desk::account_at(port, pillarbox::net::Security::Plain, None, "ann")
}

#[test]
fn what_was_kept_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let name = "drafts::a_writer_that_is_killed";
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env("PILLARBOX_WRITER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufReader::new(writer.stdout.take().unwrap()).lines();
    let kept = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("kept ")?.parse().ok());
    let key = DraftKey(kept.expect("the writer kept nothing"));
    // While it lives, nobody else writes the same draft.
    let mut desk = Desk::start(folder.path(), vec![offline()]);
    let taken = desk.compose(DraftStart::Kept(key)).unwrap_err();
    assert_eq!(taken, "not opened: another Pillarbox is writing this draft");
    desk.stop();
    writer.kill().unwrap();
    writer.wait().unwrap();
    let mut desk = Desk::start(folder.path(), vec![offline()]);
    desk.wait_news("the recovered draft", |event| {
        matches!(
            event,
            Event::Writing(WritingEvent::OutboxChanged { recovered: 1, .. })
        )
    });
    let opened = desk.compose(DraftStart::Kept(key)).unwrap();
    assert_eq!(opened.draft.to.typed(), "bo@example.net, half an addr");
    assert_eq!(opened.draft.subject, "Half a th");
    assert_eq!(opened.draft.body, "One line,\nand half of anoth");
    assert_eq!(opened.caret, caret(1, 17));
}
