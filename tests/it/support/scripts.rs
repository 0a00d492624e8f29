//! What the program is told to do while things go wrong: the changes of which each must be done
//! once, whatever is cut or killed.
//!
//! Used by the sweeps over crashes and cuts. The mail holds traps: messages with the Message-ID of
//! another one, one without any, and one that somebody else marked as deleted.

use super::{Kind, Stage};

/// One command, and the scene for it.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    /// What the server offers.
    pub(crate) kind: Kind,
    /// How many accounts there are.
    pub(crate) accounts: usize,
    /// Sets the scene.
    pub(crate) prepare: fn(&Stage),
    /// The command.
    pub(crate) command: fn(&Stage) -> Vec<String>,
    /// What the command does.
    pub(crate) effect: Effect,
}

/// What a command does to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Records a change and sends it.
    Change,
    /// Sends what was recorded when the scene was set.
    Send,
    /// Nothing: it only fetches.
    Fetch,
}

impl Script {
    /// A change by one command, of one account with the usual mail.
    pub(crate) const fn change(kind: Kind, command: fn(&Stage) -> Vec<String>) -> Self {
        Self {
            kind,
            accounts: 1,
            prepare: usual_mail,
            command,
            effect: Effect::Change,
        }
    }

    /// The same with another scene.
    pub(crate) const fn on(mut self, prepare: fn(&Stage)) -> Self {
        self.prepare = prepare;
        self
    }
}

/// Words of a command.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

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
        let id = if name.is_empty() { String::new() } else { named(name) };
        stage.put(mailbox, flags, &message(&id, subject));
    }
}

/// The mail that most scenes have, and a program that knows it.
pub(crate) fn usual_mail(stage: &Stage) {
    put_usual_mail(stage);
    stage.run(&["sync"]);
}

fn put_usual_mail(stage: &Stage) {
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
    let args = move_two(stage);
    stage.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
}

pub(crate) fn flag_two(stage: &Stage) -> Vec<String> {
    let [one, two] = ["three", "two"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("flag {one} {two} --add answered --remove seen"))
}

pub(crate) fn tag_one(stage: &Stage) -> Vec<String> {
    let one = stage.id("INBOX", &named("three"));
    words(&format!("tag {one} --add later --remove work"))
}

pub(crate) fn move_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("move {two} {three} Work"))
}

pub(crate) fn move_the_nameless(stage: &Stage) -> Vec<String> {
    words(&format!("move {} Work", stage.id("INBOX", "")))
}

pub(crate) fn copy_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("copy {two} {three} Work"))
}

pub(crate) fn move_across(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("move {two} {three} home/INBOX"))
}

pub(crate) fn copy_across(stage: &Stage) -> Vec<String> {
    words(&format!("copy {} home/INBOX", stage.id("INBOX", &named("three"))))
}

pub(crate) fn archive(stage: &Stage) -> Vec<String> {
    words(&format!("archive {}", stage.id("INBOX", &named("two"))))
}

pub(crate) fn trash(stage: &Stage) -> Vec<String> {
    words(&format!("trash {}", stage.id("INBOX", &named("two"))))
}

pub(crate) fn delete_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("delete {two} {three}"))
}

pub(crate) fn create(_: &Stage) -> Vec<String> {
    words("mailbox create Work/New")
}

pub(crate) fn rename(_: &Stage) -> Vec<String> {
    words("mailbox rename Plans Projects")
}

pub(crate) fn delete_empty(_: &Stage) -> Vec<String> {
    words("mailbox delete Empty")
}

pub(crate) fn delete_with_mail(_: &Stage) -> Vec<String> {
    words("mailbox delete Plans")
}

pub(crate) fn subscribe(_: &Stage) -> Vec<String> {
    words("mailbox subscribe Plans/2026/May")
}

pub(crate) fn unsubscribe(_: &Stage) -> Vec<String> {
    words("mailbox unsubscribe Work")
}

pub(crate) fn undo(_: &Stage) -> Vec<String> {
    words("undo")
}

pub(crate) fn sync(_: &Stage) -> Vec<String> {
    words("sync")
}
