//! What is written survives, and is on the server once: drafts, from the first letter to the last.
//!
//! The engine against a real Dovecot, with another client that looks at what is there. Nothing that
//! was kept may be lost, whatever ends the program.

use crate::support::desk::{Desk, account, placed};
use crate::support::{Dovecot, Kind};
use pillarbox::bus::{Event, WritingEvent};
use pillarbox::engine::{Outgoing, SaveSent, Sender};
use pillarbox::model::{Address, Caret, DraftField, DraftKey, DraftKind, DraftStart, Recipients};
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Options, Security, Server};
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
    assert_eq!(opened.caret, caret(4, 0));
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
        "not begun: not downloaded yet, and Pillarbox is offline"
    );
}

/// Not a test: the process that [`what_was_kept_survives_a_kill`] kills.
#[test]
#[ignore = "run by another test, as a process of its own"]
fn a_writer_that_is_killed() {
    let Some(folder) = std::env::var_os("PILLARBOX_WRITER") else {
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
    crate::support::desk::account_at(port, Security::Plain, None, "ann")
}

/// This program as it runs: its file may be gone, because it was built anew meanwhile.
fn own_program() -> PathBuf {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        running.to_owned()
    } else {
        std::env::current_exe().unwrap()
    }
}

#[test]
fn what_was_kept_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let name = "drafts::a_writer_that_is_killed";
    let mut writer = Command::new(own_program())
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
    let kept = desk.kept();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].is_recovered && !kept[0].is_uploaded && kept[0].key == key);
    let opened = desk.compose(DraftStart::Kept(key)).unwrap();
    assert!(!desk.kept()[0].is_recovered);
    assert_eq!(opened.draft.to.typed(), "bo@example.net, half an addr");
    assert_eq!(opened.draft.subject, "Half a th");
    assert_eq!(opened.draft.body, "One line,\nand half of anoth");
    assert_eq!(opened.caret, caret(1, 17));
}

/// An engine in step whose account writes from two addresses.
fn writing(dovecot: &Dovecot, user: &str, folder: &Path) -> Desk {
    let mut setup = account(dovecot, user);
    let sender = |name: &str, address: &str, signature: &str| Sender {
        address: Address {
            name: name.to_owned(),
            address: address.to_owned(),
        },
        signature: signature.to_owned(),
    };
    setup.writing.senders = vec![
        sender("Ann", &format!("{user}@example.org"), "Ann of work"),
        sender("A. E.", "ann@home.example", "Ann at home"),
    ];
    setup.outgoing = Some(Outgoing {
        server: Server {
            host: "smtp.example.org".to_owned(),
            port: 465,
            security: Security::Implicit,
            ca_file: None,
        },
        login: setup.login.clone(),
        options: Options::default(),
        manner: Manner::default(),
        save_sent: SaveSent::Always,
        undo: Duration::from_secs(60),
    });
    let mut desk = Desk::start(folder, vec![setup]);
    desk.wait_in_step();
    desk
}

#[test]
fn who_was_written_to_answers_with_the_signature_of_that_address() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let question = QUESTION.replace("USER@example.org", "ann+lunch@home.example");
    dovecot.deliver(&user, "INBOX", &question);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = writing(dovecot, &user, folder.path());
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("a question", inbox, |rows| rows.len() == 1);
    let answer = desk.compose(DraftStart::Reply(placed(&rows[0]))).unwrap();
    assert_eq!(answer.draft.identity.address.address, "ann@home.example");
    assert!(
        answer.draft.body.ends_with("\n-- \nAnn at home\n"),
        "{answer:?}"
    );
    assert_eq!(answer.identities.len(), 2);
    let blank = desk.compose(DraftStart::Blank(None)).unwrap();
    assert_eq!(blank.draft.body, "\n\n-- \nAnn of work\n");
    assert_eq!(blank.caret.field, DraftField::To);
}

#[test]
fn a_link_fills_in_what_it_may_and_what_it_may_not_is_told() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    let mut desk = writing(dovecot, &user, folder.path());
    let url = "mailto:bo@example.net?subject=Hi&body=One%0D%0Atwo&bcc=x@y.org&attach=/etc/passwd";
    let opened = desk.compose(DraftStart::Mailto(url.to_owned())).unwrap();
    assert_eq!(opened.draft.to.typed(), "bo@example.net");
    assert_eq!(opened.draft.subject, "Hi");
    assert!(opened.draft.body.starts_with("One\ntwo\n\n-- \n"));
    assert!(opened.draft.bcc.is_empty() && opened.draft.attachments.is_empty());
    let notes: Vec<&str> = opened
        .notes
        .iter()
        .map(pillarbox::model::Safe::as_str)
        .collect();
    assert_eq!(notes, ["The link also asked for bcc, attach: left out."]);
    let bad = desk.compose(DraftStart::Mailto("mailto:a%0Ab@x.org".to_owned()));
    assert!(bad.unwrap_err().starts_with("not begun: "));
}

#[test]
fn a_template_is_a_file_of_its_folder_and_no_other() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("templates");
    std::fs::create_dir(&templates).unwrap();
    std::fs::write(folder.path().join("secret"), "Subject: no\n\nno").unwrap();
    let text = "Subject: Weekly\nTo: bo@example.net\nFrom: boss@example.net\n\nAll is well.\n";
    std::fs::write(templates.join("weekly.txt"), text).unwrap();
    let mut desk = writing(dovecot, &user, folder.path());
    let start = DraftStart::Template("weekly".to_owned());
    let opened = desk.compose(start).unwrap();
    assert_eq!(opened.draft.subject, "Weekly");
    assert_eq!(opened.draft.to.typed(), "bo@example.net");
    assert_eq!(opened.draft.identity.address.name, "Ann");
    assert_eq!(opened.draft.body, "All is well.\n\n-- \nAnn of work\n");
    assert_eq!(
        opened.notes[0].as_str(),
        "The template also has From: left out."
    );
    for name in ["../secret", "..", "nothing", "/etc/passwd"] {
        let start = DraftStart::Template(name.to_owned());
        assert!(desk.compose(start).is_err(), "{name}");
    }
}

#[test]
fn the_review_shows_who_gets_what_and_asks_what_one_would_ask() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = asked(dovecot);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = writing(dovecot, &user, folder.path());
    let inbox = desk.mailbox("INBOX").key;
    desk.wait_rows("a question", inbox, |rows| rows.len() == 1);
    let opened = desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("bo@example.net, new@unheard.example");
    draft.bcc = Recipients::read("bo@example.net, cy@example.net");
    draft.body = "The plan is attached.".to_owned();
    desk.keep(opened.key, &draft, Caret::default());
    let review = desk.review(opened.key).unwrap();
    let shown = |list: &[pillarbox::model::Safe]| -> Vec<String> {
        list.iter().map(|s| s.as_str().to_owned()).collect()
    };
    assert_eq!(
        shown(&review.recipients),
        [
            "bo@example.net",
            "new@unheard.example",
            "cy@example.net (Bcc)"
        ]
    );
    let notes: Vec<String> = review
        .notes
        .iter()
        .map(|n| n.text.as_str().to_owned())
        .collect();
    assert_eq!(
        notes,
        [
            "There is no subject.",
            "The text says \"attached\", and nothing is attached.",
            "You never had mail from or to anybody at unheard.example.",
        ]
    );
    assert!(review.notes.iter().all(|n| !n.is_fatal));
    assert_eq!(review.undo_secs, 60);
    assert_eq!(review.server.as_str(), "smtp.example.org, encrypted");
    assert!(review.size_bytes > 200, "{review:?}");
    assert_eq!(shown(&review.parts), ["text"]);
    // Half an address is more than a question.
    draft.to = Recipients::read("bo@example.net, half an addr");
    desk.keep(opened.key, &draft, Caret::default());
    let review = desk.review(opened.key).unwrap();
    assert!(review.notes[0].is_fatal, "{review:?}");
    assert_eq!(
        review.notes[0].text.as_str(),
        "\"half an addr\" in To has no @."
    );
}

#[test]
fn a_file_that_went_before_it_was_sent_is_told_and_the_draft_stays() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    let mut desk = writing(dovecot, &user, folder.path());
    let path = folder.path().join("plan.pdf");
    std::fs::write(&path, "12345").unwrap();
    let opened = desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("bo@example.net");
    draft.subject = "The plan".to_owned();
    draft.attachments = vec![desk.attach(path.to_str().unwrap()).unwrap()];
    desk.keep(opened.key, &draft, Caret::default());
    let review = desk.review(opened.key).unwrap();
    assert_eq!(review.parts[1].as_str(), "plan.pdf, 5 B");
    std::fs::remove_file(&path).unwrap();
    let review = desk.review(opened.key).unwrap();
    let why = "\"plan.pdf\" cannot be read: No such file or directory (os error 2)";
    assert_eq!(review.notes[0].text.as_str(), format!("{why}."));
    assert!(review.notes[0].is_fatal);
    let told = desk.post(opened.key).unwrap_err();
    assert_eq!(told, format!("not sent: {why}"));
    let again = desk.compose(DraftStart::Kept(opened.key)).unwrap();
    assert_eq!(again.draft, draft);
}

#[test]
fn typed_paths_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pictures")).unwrap();
    std::fs::write(folder.path().join("plan.pdf"), "x").unwrap();
    let mut desk = Desk::start(folder.path(), vec![offline()]);
    let typed = format!("{}/p", folder.path().display());
    assert_eq!(desk.paths(&typed), ["pictures/", "plan.pdf"]);
    assert!(desk.attach(folder.path().to_str().unwrap()).is_err());
}
