//! Synchronisation against a real Dovecot: what others change shows, what we change arrives.
//!
//! Each claim about other clients' changes is held for a server with QRESYNC, one with CONDSTORE
//! only, and one with neither.

use crate::support::desk::{Desk, account, placed, subjects};
use crate::support::{Dovecot, Kind, wait_until};
use pillarbox::bus::Command;
use pillarbox::model::{Flag, FlagChange, Keyword, OpKind};

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Message {n}\n\
         Message-ID: <m{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{:02}:00 +0200\n\nText {n}.\n",
        n % 60
    )
}

/// A server with a user who has three messages, and an engine in step with it.
fn in_step(kind: Kind) -> (&'static Dovecot, String, tempfile::TempDir, Desk) {
    let dovecot = Dovecot::shared(kind);
    let user = dovecot.fresh_user();
    for n in 1..=3 {
        dovecot.deliver(&user, "INBOX", &message(n));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    desk.send(Command::LookAt(Some(inbox)));
    desk.wait_rows("three messages", inbox, |rows| rows.len() == 3);
    (dovecot, user, folder, desk)
}

fn flags_of_others_show(kind: Kind) {
    let (dovecot, user, _folder, mut desk) = in_step(kind);
    let inbox = desk.mailbox("INBOX").key;
    let mut other = dovecot.client(&user);
    other.store("INBOX", 2, "+\\Seen \\Flagged work");
    let work = Keyword::new("work").unwrap();
    desk.wait_rows("flags set elsewhere", inbox, |rows| {
        rows.iter().any(|r| {
            r.subject.as_str() == "Message 2"
                && r.flags.has(Flag::Seen)
                && r.flags.has(Flag::Flagged)
                && r.flags.has_keyword(&work)
        })
    });
    desk.wait_tree("the unread count", |tree| {
        tree.first()?
            .mailboxes
            .iter()
            .any(|m| m.key == inbox && m.unread == 2)
            .then_some(())
    });
    other.store("INBOX", 2, "-\\Seen work");
    desk.wait_rows("flags cleared elsewhere", inbox, |rows| {
        rows.iter().any(|r| {
            r.subject.as_str() == "Message 2"
                && !r.flags.has(Flag::Seen)
                && r.flags.has(Flag::Flagged)
                && !r.flags.has_keyword(&work)
        })
    });
}

fn arrivals_and_expunges_of_others_show(kind: Kind) {
    let (dovecot, user, _folder, mut desk) = in_step(kind);
    let inbox = desk.mailbox("INBOX").key;
    dovecot.deliver(&user, "INBOX", &message(4));
    let rows = desk.wait_rows("an arrival", inbox, |rows| rows.len() == 4);
    assert_eq!(
        subjects(&rows).first(),
        Some(&"Message 4"),
        "the newest first"
    );
    let mut other = dovecot.client(&user);
    other.store("INBOX", 1, "+\\Deleted");
    other.run("EXPUNGE");
    desk.wait_rows("an expunge", inbox, |rows| {
        let mut left = subjects(rows);
        left.sort_unstable();
        left == ["Message 2", "Message 3", "Message 4"]
    });
    desk.wait_tree("the count", |tree| {
        tree.first()?
            .mailboxes
            .iter()
            .any(|m| m.key == inbox && m.total == 3)
            .then_some(())
    });
}

fn mailboxes_of_others_show(kind: Kind) {
    let (dovecot, user, _folder, mut desk) = in_step(kind);
    let mut other = dovecot.client(&user);
    other.run("CREATE Projects/one");
    let has = |name: &'static str| {
        move |tree: &[pillarbox::bus::AccountView]| {
            tree.first()?
                .mailboxes
                .iter()
                .any(|m| m.name == name)
                .then_some(())
        }
    };
    let has_not = |name: &'static str| {
        move |tree: &[pillarbox::bus::AccountView]| {
            (!tree.first()?.mailboxes.iter().any(|m| m.name == name)).then_some(())
        }
    };
    desk.wait_tree("a mailbox made elsewhere", has("Projects/one"));
    dovecot.deliver(&user, "Projects/one", &message(7));
    other.run("RENAME Projects/one Projects/two");
    desk.wait_tree("a mailbox renamed elsewhere", has("Projects/two"));
    desk.wait_tree("the old name to go", has_not("Projects/one"));
    let key = desk.mailbox("Projects/two").key;
    desk.wait_rows("its message", key, |rows| subjects(rows) == ["Message 7"]);
    // Dovecot's list index does not tell two changes within one second apart.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    other.run("DELETE Projects/two");
    desk.wait_tree("a mailbox deleted elsewhere", has_not("Projects/two"));
}

#[test]
fn flags_set_by_another_client_show_with_qresync() {
    flags_of_others_show(Kind::Full);
}

#[test]
fn flags_set_by_another_client_show_with_condstore_only() {
    flags_of_others_show(Kind::Condstore);
}

#[test]
fn flags_set_by_another_client_show_with_neither() {
    flags_of_others_show(Kind::Plain);
}

#[test]
fn arrivals_and_expunges_show_with_qresync() {
    arrivals_and_expunges_of_others_show(Kind::Full);
}

#[test]
fn arrivals_and_expunges_show_with_condstore_only() {
    arrivals_and_expunges_of_others_show(Kind::Condstore);
}

#[test]
fn arrivals_and_expunges_show_with_neither() {
    arrivals_and_expunges_of_others_show(Kind::Plain);
}

#[test]
fn mailboxes_made_renamed_and_deleted_elsewhere_show_with_qresync() {
    mailboxes_of_others_show(Kind::Full);
}

#[test]
fn mailboxes_made_renamed_and_deleted_elsewhere_show_with_condstore_only() {
    mailboxes_of_others_show(Kind::Condstore);
}

#[test]
fn mailboxes_made_renamed_and_deleted_elsewhere_show_with_neither() {
    mailboxes_of_others_show(Kind::Plain);
}

#[test]
fn a_change_shows_at_once_arrives_on_the_server_and_undo_takes_it_back_there() {
    let (dovecot, user, _folder, mut desk) = in_step(Kind::Full);
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.rows(inbox);
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    let label = desk.apply(star, rows.iter().map(placed).collect());
    assert_eq!(label, "Starred 3 messages");
    assert!(
        desk.rows(inbox).iter().all(|r| r.flags.has(Flag::Flagged)),
        "at once, before the server"
    );
    let mut other = dovecot.client(&user);
    wait_until("the stars to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 3
    });
    desk.wait_rows("the changes to be confirmed", inbox, |rows| {
        rows.iter().all(|r| !r.is_pending)
    });
    desk.undo();
    assert!(desk.rows(inbox).iter().all(|r| !r.flags.has(Flag::Flagged)));
    wait_until("the stars to go", || {
        other.search("INBOX", "FLAGGED").is_empty()
    });
}

#[test]
fn the_list_and_what_was_read_are_there_without_a_server_and_offline_changes_arrive_later() {
    let (dovecot, user, folder, mut desk) = in_step(Kind::Full);
    let inbox = desk.mailbox("INBOX").key;
    let row = desk
        .rows(inbox)
        .into_iter()
        .find(|r| r.subject.as_str() == "Message 2")
        .unwrap();
    let reading = desk.open(placed(&row)).unwrap();
    assert!(
        format!("{:?}", reading.body).contains("Text 2."),
        "{reading:?}"
    );
    desk.stop();
    let mut desk = Desk::start_offline(folder.path(), vec![account(dovecot, &user)], true);
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("the list from the store", inbox, |rows| rows.len() == 3);
    let again = rows.iter().find(|r| r.message == row.message).unwrap();
    assert!(
        desk.open(placed(again)).is_ok(),
        "what was read once is here"
    );
    let unread = rows.iter().find(|r| r.message != row.message).unwrap();
    let why = desk.open(placed(unread)).unwrap_err();
    assert!(
        why.contains("not downloaded") && why.contains("offline"),
        "{why}"
    );
    desk.apply(
        OpKind::Flags(FlagChange::one(Flag::Flagged, true)),
        vec![placed(again)],
    );
    desk.apply(
        OpKind::Flags(FlagChange::keyword(Keyword::new("later").unwrap(), true)),
        vec![placed(unread)],
    );
    desk.stop();
    assert!(dovecot.client(&user).search("INBOX", "FLAGGED").is_empty());
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    let mut other = dovecot.client(&user);
    wait_until("the star to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 1
    });
    wait_until("the tag to arrive", || {
        other.search("INBOX", "KEYWORD later").len() == 1
    });
    desk.wait_tree("nothing pending", |tree| {
        (tree.first()?.pending == 0).then_some(())
    });
}

#[test]
fn a_wrong_password_stops_the_account_and_says_so() {
    let dovecot = Dovecot::shared(Kind::Full);
    let folder = tempfile::tempdir().unwrap();
    let mut setup = account(dovecot, &dovecot.fresh_user());
    setup.login = std::sync::Arc::new(|| {
        let password = pillarbox::model::Secret::new("wrong".to_owned());
        Ok(pillarbox::net::Login::Password {
            user: "nobody".to_owned(),
            password,
        })
    });
    let mut desk = Desk::start(folder.path(), vec![setup]);
    let why = desk.wait_tree("the refusal", |tree| match &tree.first()?.link {
        pillarbox::bus::Link::Stopped { why, .. } => Some(why.as_str().to_owned()),
        _ => None,
    });
    assert!(
        why.to_lowercase().contains("password") || why.contains("refused"),
        "{why}"
    );
}

#[test]
fn attachments_are_saved_under_the_names_that_the_screen_shows_never_over_a_file() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let part = |head: &str, body: &str| format!("--b\n{head}\n\n{body}\n");
    let message = format!(
        "From: Ann <ann@example.org>\nSubject: Files\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=b\n\n{}{}{}--b--\n",
        part("Content-Type: text/plain", "See below."),
        part("Content-Type: text/calendar", "BEGIN:VCALENDAR"),
        part(
            "Content-Type: text/x-notes\nContent-Disposition: attachment; filename=\"../a b.txt\"",
            "Notes."
        ),
    );
    dovecot.deliver(&user, "INBOX", &message);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    let inbox = desk.mailbox("INBOX").key;
    let row = desk.wait_rows("the message", inbox, |rows| rows.len() == 1)[0].clone();
    let shown: Vec<String> = desk
        .open(placed(&row))
        .unwrap()
        .attachments
        .iter()
        .map(|a| a.name.as_str().to_owned())
        .collect();
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let first = desk.save(placed(&row));
    assert_eq!(first.iter().map(name).collect::<Vec<_>>(), shown);
    assert!(
        first.iter().all(|path| path.starts_with(folder.path())),
        "{first:?}"
    );
    let text = std::fs::read_to_string(&first[1]).unwrap();
    assert_eq!(text.trim_end(), "Notes.");
    let second = desk.save(placed(&row));
    assert!(
        second.iter().all(|path| !first.contains(path)),
        "{second:?}"
    );
}
