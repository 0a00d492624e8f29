//! Scenes: what mail there is, and what the program knows of it, before something goes wrong.
//!
//! Used by `scripts.rs`. The mail holds traps: messages with the Message-ID of another one, one
//! without any, and one that somebody else marked as deleted.

use super::Stage;

/// A message with that Message-ID (none where it is empty) and text.
pub(crate) fn message(message_id: &str, subject: &str) -> String {
    let message_id = match message_id {
        "" => String::new(),
        id => format!("Message-ID: <{id}>\n"),
    };
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: {subject}\n{message_id}\
         Date: Mon, 06 Apr 2026 10:00:00 +0200\n\nText of {subject}.\n"
    )
}

/// The Message-ID of a letter.
pub(crate) fn named(name: &str) -> String {
    format!("{name}@example.org")
}

/// Puts letters: mailbox, flags, name for the Message-ID, subject.
pub(crate) fn put(stage: &Stage, letters: &[(&str, &str, &str, &str)]) {
    for (mailbox, flags, name, subject) in letters {
        let id = if name.is_empty() {
            String::new()
        } else {
            named(name)
        };
        stage.put(mailbox, flags, &message(&id, subject));
    }
}

/// The mail that most scenes have, and a program that knows it.
pub(crate) fn usual_mail(stage: &Stage) {
    put_usual_mail(stage);
    stage.run(&["sync"]);
}

pub(crate) fn put_usual_mail(stage: &Stage) {
    put(
        stage,
        &[
            ("INBOX", "", "one", "One"),
            ("INBOX", "\\Seen", "two", "Two"),
            ("INBOX", "\\Flagged work", "three", "Three"),
            ("INBOX", "", "one", "Another one with the same id"),
            ("INBOX", "\\Answered", "", "One without an id"),
            ("Work", "", "far", "Far"),
            ("Work", "\\Seen", "two", "Not the same two"),
        ],
    );
}

/// The usual mail, and one message in the inbox that somebody else marked as deleted.
pub(crate) fn with_a_deleted_one(stage: &Stage) {
    put_usual_mail(stage);
    put(stage, &[("INBOX", "\\Deleted", "bin", "Marked elsewhere")]);
    stage.run(&["sync"]);
}

/// Folders with folders and mail in them.
pub(crate) fn with_folders(stage: &Stage) {
    put_usual_mail(stage);
    put(
        stage,
        &[
            ("Plans", "", "p1", "Plan one"),
            ("Plans/2026", "\\Seen", "p2", "Plan two"),
            ("Plans/2026/May", "", "p3", "Plan three"),
            ("Empty", "", "gone", "Soon gone"),
        ],
    );
    let mut client = stage.dovecot.client(&stage.users[0]);
    client.store("Empty", 1, "+\\Deleted");
    client.run("EXPUNGE");
    for name in ["Plans", "Plans/2026", "Empty", "Work"] {
        client.run(&format!("SUBSCRIBE \"{name}\""));
    }
    client.leave();
    stage.run(&["sync"]);
}

/// The usual mail, with a program that has never seen it.
pub(crate) fn unseen_mail(stage: &Stage) {
    put_usual_mail(stage);
}

/// The usual mail as the program knows it, and what others changed since.
pub(crate) fn changed_elsewhere(stage: &Stage) {
    usual_mail(stage);
    let mut client = stage.dovecot.client(&stage.users[0]);
    client.store("INBOX", 1, "+\\Seen elsewhere");
    client.store("INBOX", 3, "-\\Flagged");
    client.store("INBOX", 2, "+\\Deleted");
    client.run("EXPUNGE");
    client.run("CREATE News");
    client.run("SELECT INBOX");
    client.run("UID COPY 1,4 News");
    client.leave();
    put(stage, &[("INBOX", "", "six", "Six")]);
}

/// A star, a move and another star, all recorded without the server.
pub(crate) fn queued(stage: &Stage) {
    usual_mail(stage);
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    stage.run(&["flag", &three, "--add", "seen", "--offline"]);
    stage.run(&["move", &two, &three, "Work", "--offline"]);
    stage.run(&["flag", &two, "--add", "flagged", "--offline"]);
}

/// Two messages that were moved, on the server too.
pub(crate) fn moved(stage: &Stage) {
    usual_mail(stage);
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    stage.run(&["move", &two, &three, "Work"]);
}

/// A copy and a move of that copy, recorded without the server.
pub(crate) fn queued_copy(stage: &Stage) {
    usual_mail(stage);
    let three = stage.id("INBOX", &named("three"));
    stage.run(&["copy", &three, "Work", "--offline"]);
    let copy = stage.id("Work", &named("three"));
    stage.run(&["move", &copy, "Archive", "--offline"]);
}

/// A copy, recorded without the server.
pub(crate) fn queued_only_the_copy(stage: &Stage) {
    usual_mail(stage);
    let far = stage.id("Work", &named("far"));
    stage.run(&["copy", &far, "INBOX", "--offline"]);
}

/// A folder that was made, got mail, and was renamed, recorded without the server.
pub(crate) fn queued_folder(stage: &Stage) {
    usual_mail(stage);
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    stage.run(&["mailbox", "create", "Fresh", "--offline"]);
    stage.run(&["move", &two, &three, "Fresh", "--offline"]);
    stage.run(&["mailbox", "rename", "Fresh", "Filed", "--offline"]);
}
