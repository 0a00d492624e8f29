//! What the program is told to do while things go wrong: the changes of which each must be done
//! once, whatever is cut or killed.
//!
//! Used by the sweeps over crashes, cuts and broken disks. A script must change something that a
//! user would notice, or only fetch.

use super::scenes::{
    changed_elsewhere, moved, named, queued, queued_copy, queued_folder, queued_only_the_copy,
    unseen_mail, usual_mail, with_a_deleted_one, with_folders,
};
use super::{Kind, Program, Stage};

/// One command, and the scene for it.
#[derive(Clone, Copy)]
pub(crate) struct Script {
    /// Begins with the command.
    pub(crate) name: &'static str,
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
    /// The exit code where nothing goes wrong.
    pub(crate) code: i32,
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
    const fn change(name: &'static str, kind: Kind, command: fn(&Stage) -> Vec<String>) -> Self {
        Self {
            name,
            kind,
            accounts: 1,
            prepare: usual_mail,
            command,
            effect: Effect::Change,
            code: 0,
        }
    }

    /// The same with another scene.
    const fn on(mut self, prepare: fn(&Stage)) -> Self {
        self.prepare = prepare;
        self
    }

    /// The same with so many accounts.
    const fn with_accounts(mut self, accounts: usize) -> Self {
        self.accounts = accounts;
        self
    }

    /// A command that sends what the scene recorded.
    const fn sending(mut self) -> Self {
        self.effect = Effect::Send;
        self
    }

    /// A command that only fetches.
    const fn fetching(mut self) -> Self {
        self.effect = Effect::Fetch;
        self
    }

    /// A change that the server can only do by half, which is told.
    const fn told_as_refused(mut self) -> Self {
        self.code = 1;
        self
    }

    /// Whether it is told that a change could not be done wholly.
    pub(crate) const fn is_refused(&self) -> bool {
        self.code == 1
    }

    /// Whether the program knows the command; says so where it does not.
    pub(crate) fn is_there(&self) -> bool {
        is_known(self.name)
    }
}

/// Whether the program knows the command that a name begins with.
fn is_known(name: &str) -> bool {
    let command = name.split([' ', ',']).next().unwrap_or_default();
    let known = Program::new("").run(&[command, "--help"]).code == Some(0);
    if !known {
        println!("{name}: skipped, the program does not know {command:?}");
    }
    known
}

pub(crate) const FLAG: Script = Script::change("flag", Kind::Full, flag_two);
pub(crate) const TAG: Script = Script::change("tag", Kind::Plain, tag_one);
pub(crate) const SYNC_THE_FIRST: Script = Script::change("sync, the first", Kind::Full, sync)
    .on(unseen_mail)
    .fetching();
pub(crate) const SYNC: Script = Script::change("sync", Kind::Full, sync)
    .on(changed_elsewhere)
    .fetching();
pub(crate) const MOVE_MOVE: Script = Script::change("move, MOVE", Kind::Full, move_two);
pub(crate) const MOVE_UIDPLUS: Script = Script::change("move, UIDPLUS", Kind::Condstore, move_two);
pub(crate) const MOVE_NEITHER: Script = Script::change("move, neither", Kind::Plain, move_two);
pub(crate) const MOVE_WITHOUT_AN_ID_NEITHER: Script = Script::change(
    "move without an id, neither",
    Kind::Plain,
    move_the_nameless,
);
pub(crate) const MOVE_BESIDE_A_DELETED_ONE: Script =
    Script::change("move beside a deleted one", Kind::Plain, move_two)
        .on(with_a_deleted_one)
        .told_as_refused();
pub(crate) const COPY_UIDPLUS: Script = Script::change("copy, UIDPLUS", Kind::Full, copy_two);
pub(crate) const COPY_NEITHER: Script = Script::change("copy, neither", Kind::Plain, copy_two);
pub(crate) const MOVE_ACROSS_UIDPLUS: Script =
    Script::change("move across, UIDPLUS", Kind::Full, move_across).with_accounts(2);
pub(crate) const MOVE_ACROSS_NEITHER: Script =
    Script::change("move across, neither", Kind::Plain, move_across).with_accounts(2);
pub(crate) const COPY_ACROSS: Script =
    Script::change("copy across", Kind::Condstore, copy_across).with_accounts(2);
pub(crate) const ARCHIVE: Script = Script::change("archive", Kind::Full, archive);
pub(crate) const TRASH: Script = Script::change("trash", Kind::Condstore, trash);
pub(crate) const DELETE_UIDPLUS: Script =
    Script::change("delete, UIDPLUS", Kind::Full, delete_two).on(with_a_deleted_one);
pub(crate) const DELETE_NEITHER: Script =
    Script::change("delete, neither", Kind::Plain, delete_two);
pub(crate) const DELETE_BESIDE_A_DELETED_ONE: Script =
    Script::change("delete beside a deleted one", Kind::Plain, delete_two)
        .on(with_a_deleted_one)
        .told_as_refused();
pub(crate) const MAILBOX_CREATE: Script = Script::change("mailbox create", Kind::Full, create);
pub(crate) const MAILBOX_RENAME: Script =
    Script::change("mailbox rename", Kind::Full, rename).on(with_folders);
pub(crate) const MAILBOX_DELETE_EMPTY: Script =
    Script::change("mailbox delete, empty", Kind::Full, delete_empty).on(with_folders);
pub(crate) const MAILBOX_DELETE_WITH_MAIL: Script =
    Script::change("mailbox delete, with mail", Kind::Full, delete_with_mail).on(with_folders);
pub(crate) const MAILBOX_SUBSCRIBE: Script =
    Script::change("mailbox subscribe", Kind::Full, subscribe).on(with_folders);
pub(crate) const MAILBOX_UNSUBSCRIBE: Script =
    Script::change("mailbox unsubscribe", Kind::Plain, unsubscribe).on(with_folders);
pub(crate) const MOVE_UNDONE_MOVE: Script =
    Script::change("move undone, MOVE", Kind::Full, undo).on(moved);
pub(crate) const MOVE_UNDONE_NEITHER: Script =
    Script::change("move undone, neither", Kind::Plain, undo).on(moved);
pub(crate) const MOVE_AND_FLAGS_QUEUED_MOVE: Script =
    Script::change("move and flags queued, MOVE", Kind::Full, sync)
        .on(queued)
        .sending();
pub(crate) const MOVE_AND_FLAGS_QUEUED_UIDPLUS: Script =
    Script::change("move and flags queued, UIDPLUS", Kind::Condstore, sync)
        .on(queued)
        .sending();
pub(crate) const MOVE_AND_FLAGS_QUEUED_NEITHER: Script =
    Script::change("move and flags queued, neither", Kind::Plain, sync)
        .on(queued)
        .sending();

pub(crate) const MOVE_OF_A_COPY_QUEUED_MOVE: Script =
    Script::change("move of a copy queued, MOVE", Kind::Full, sync)
        .on(queued_copy)
        .sending();
pub(crate) const MOVE_OF_A_COPY_QUEUED_NEITHER: Script =
    Script::change("move of a copy queued, neither", Kind::Plain, sync)
        .on(queued_copy)
        .sending();
pub(crate) const ARCHIVE_OF_A_COPY: Script = Script::change(
    "archive, of a copy that is queued",
    Kind::Full,
    archive_the_copy,
)
.on(queued_only_the_copy);
pub(crate) const MAILBOX_WITH_MAIL_QUEUED: Script =
    Script::change("mailbox made, filled, renamed, queued", Kind::Full, sync)
        .on(queued_folder)
        .sending();

/// Words of a command.
fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn flag_two(stage: &Stage) -> Vec<String> {
    let [one, two] = ["three", "two"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("flag {one} {two} --add answered --remove seen"))
}

fn tag_one(stage: &Stage) -> Vec<String> {
    let one = stage.id("INBOX", &named("three"));
    words(&format!("tag {one} --add later --remove work"))
}

fn move_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("move {two} {three} Work"))
}

fn move_the_nameless(stage: &Stage) -> Vec<String> {
    words(&format!("move {} Work", stage.id("INBOX", "")))
}

fn copy_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("copy {two} {three} Work"))
}

fn move_across(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("move {two} {three} home/INBOX"))
}

fn copy_across(stage: &Stage) -> Vec<String> {
    words(&format!(
        "copy {} home/INBOX",
        stage.id("INBOX", &named("three"))
    ))
}

fn archive(stage: &Stage) -> Vec<String> {
    words(&format!("archive {}", stage.id("INBOX", &named("two"))))
}

fn archive_the_copy(stage: &Stage) -> Vec<String> {
    words(&format!("archive {}", stage.id("INBOX", &named("far"))))
}

fn trash(stage: &Stage) -> Vec<String> {
    words(&format!("trash {}", stage.id("INBOX", &named("two"))))
}

fn delete_two(stage: &Stage) -> Vec<String> {
    let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
    words(&format!("delete {two} {three}"))
}

fn create(_: &Stage) -> Vec<String> {
    words("mailbox create Work/New")
}

fn rename(_: &Stage) -> Vec<String> {
    words("mailbox rename Plans Projects")
}

fn delete_empty(_: &Stage) -> Vec<String> {
    words("mailbox delete Empty")
}

fn delete_with_mail(_: &Stage) -> Vec<String> {
    words("mailbox delete Plans")
}

fn subscribe(_: &Stage) -> Vec<String> {
    words("mailbox subscribe Plans/2026/May")
}

fn unsubscribe(_: &Stage) -> Vec<String> {
    words("mailbox unsubscribe Work")
}

fn undo(_: &Stage) -> Vec<String> {
    words("undo")
}

fn sync(_: &Stage) -> Vec<String> {
    words("sync")
}
