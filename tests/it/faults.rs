//! What a bad network, a killed program and other clients at the wrong moment may cost: nothing.
//!
//! The engine, or the program itself, against a real Dovecot through a proxy that breaks things.
//! Nobody presses a key and nothing is restarted for it to recover, unless the claim is about that.

use crate::support::desk::{Desk, account_at, placed, subjects};
use crate::support::{Dovecot, Kind, OtherClient, Program, Proxy, wait_until};
use pillarbox::bus::{AccountView, Command, Event, Link};
use pillarbox::engine::AccountSetup;
use pillarbox::model::{Flag, FlagChange, Keyword, ListRow, MailboxKey, OpKind};
use pillarbox::net::Security;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Message {n}\n\
         Message-ID: <m{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{:02}:00 +0200\n\nText {n}.\n",
        n % 60
    )
}

/// A user with so many messages in the inbox.
fn user_with(dovecot: &Dovecot, count: u32) -> String {
    let user = dovecot.fresh_user();
    // The server makes the folders.
    dovecot.client(&user).run("SELECT INBOX");
    let cur = dovecot.maildir(&user).join("cur");
    for n in 1..=count {
        let name = format!("{}.M{n}P1.test:2,", 1_775_000_000 + n);
        fs::write(cur.join(name), message(n)).unwrap();
    }
    dovecot.own_files(&user);
    user
}

fn through(proxy: &Proxy, user: &str) -> AccountSetup {
    account_at(proxy.port, Security::Plain, None, user)
}

/// An engine in step with a user's three messages, behind a proxy.
struct Scene {
    dovecot: &'static Dovecot,
    user: String,
    proxy: Proxy,
    folder: tempfile::TempDir,
    desk: Desk,
    inbox: MailboxKey,
}

impl Scene {
    fn new() -> Self {
        Self::with(Kind::Full, |_| {})
    }

    fn with(kind: Kind, change: impl Fn(&mut AccountSetup)) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = user_with(dovecot, 3);
        let proxy = Proxy::before(dovecot.imap);
        let folder = tempfile::tempdir().unwrap();
        let mut setup = through(&proxy, &user);
        change(&mut setup);
        let mut desk = Desk::start(folder.path(), vec![setup]);
        let inbox = desk.mailbox("INBOX").key;
        desk.send(Command::LookAt(Some(inbox)));
        desk.wait_in_step();
        desk.wait_rows("three messages", inbox, |rows| rows.len() == 3);
        Self {
            dovecot,
            user,
            proxy,
            folder,
            desk,
            inbox,
        }
    }

    /// Ends the engine and starts another one on the same data.
    fn again(self, is_offline: bool) -> Self {
        self.desk.stop();
        let setup = through(&self.proxy, &self.user);
        let mut desk = Desk::start_offline(self.folder.path(), vec![setup], is_offline);
        desk.send(Command::LookAt(Some(self.inbox)));
        Self { desk, ..self }
    }

    fn other(&self) -> OtherClient {
        self.dovecot.client(&self.user)
    }

    fn row(&mut self, mailbox: MailboxKey, subject: &str) -> ListRow {
        self.desk
            .wait_rows(subject, mailbox, |rows| subjects(rows).contains(&subject))
            .into_iter()
            .find(|r| r.subject.as_str() == subject)
            .unwrap()
    }

    fn star(&mut self, mailbox: MailboxKey, subject: &str) {
        let row = self.row(mailbox, subject);
        let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
        self.desk.apply(star, vec![placed(&row)]);
    }

    fn tag(&mut self, subject: &str, keyword: &str) {
        let row = self.row(self.inbox, subject);
        let tag = FlagChange::keyword(Keyword::new(keyword).unwrap(), true);
        self.desk.apply(OpKind::Flags(tag), vec![placed(&row)]);
    }

    fn wait_settled(&mut self) {
        self.desk.wait_tree("nothing pending", |tree| {
            (tree.first()?.pending == 0).then_some(())
        });
    }

    /// Delivers a message and waits until it shows: what was under way before is over.
    fn wait_round(&mut self, n: u32) {
        self.dovecot.deliver(&self.user, "INBOX", &message(n));
        let subject = format!("Message {n}");
        self.row(self.inbox, &subject);
    }

    /// Whether the user was told something with these words.
    fn wait_told(&mut self, words: &str) {
        self.desk.wait_news(
            words,
            |event| matches!(event, Event::Problem(p) if p.summary.as_str().contains(words)),
        );
    }
}

fn is_waiting(tree: &[AccountView]) -> Option<()> {
    matches!(tree.first()?.link, Link::Waiting { .. }).then_some(())
}

fn stores(said: &str) -> usize {
    said.matches("UID STORE").count()
}

/// Holds the rows against what the server has.
fn assert_same(rows: &[ListRow], other: &mut OtherClient) {
    let count = other.search("INBOX", "ALL").len();
    let mut there = BTreeSet::new();
    for line in other.run("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])") {
        if let Some((_, subject)) = line.split_once("Subject: ") {
            there.insert(subject.lines().next().unwrap_or_default().trim().to_owned());
        }
    }
    let here: BTreeSet<String> = rows.iter().map(|r| r.subject.as_str().to_owned()).collect();
    assert_eq!(rows.len(), count, "each message once");
    assert_eq!(here, there);
}

#[test]
fn without_a_server_what_is_here_is_there_at_once_and_the_account_recovers_without_a_key() {
    let mut scene = Scene::new();
    let read = scene.row(scene.inbox, "Message 2");
    scene.desk.open(placed(&read)).unwrap();
    scene.proxy.refuse(true);
    let mut scene = scene.again(false);
    let rows = scene.desk.rows(scene.inbox);
    assert_eq!(rows.len(), 3, "before any connection");
    assert!(scene.desk.open(placed(&read)).is_ok());
    let unread = scene.row(scene.inbox, "Message 1");
    let why = scene.desk.open(placed(&unread)).unwrap_err();
    assert!(why.contains("not downloaded"), "{why}");
    scene.desk.wait_tree("waiting", is_waiting);
    scene.proxy.refuse(false);
    scene.wait_round(4);
}

#[test]
fn a_first_pull_that_is_cut_anywhere_resumes_and_converges() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 450);
    thread::scope(|scope| {
        for bytes in [1, 700, 3_000, 30_000, 70_000, 110_000] {
            let user = &user;
            scope.spawn(move || {
                let proxy = Proxy::before(dovecot.imap);
                let folder = tempfile::tempdir().unwrap();
                proxy.cut_after_receiving(bytes);
                let mut desk = Desk::start(folder.path(), vec![through(&proxy, user)]);
                let inbox = desk.mailbox("INBOX").key;
                let rows = desk.wait_rows("all messages", inbox, |rows| rows.len() == 450);
                assert!(proxy.connections() > 1, "{bytes}: it was cut");
                assert_same(&rows, &mut dovecot.client(user));
                desk.wait_in_step();
            });
        }
    });
}

#[test]
fn a_silent_link_is_noticed_and_what_was_changed_meanwhile_arrives() {
    let mut scene = Scene::with(Kind::Full, |setup| {
        setup.options.silence_timeout = Duration::from_secs(1);
        setup.options.connect_timeout = Duration::from_secs(1);
    });
    scene.proxy.stall(true);
    scene.star(scene.inbox, "Message 1");
    scene.desk.wait_tree("waiting", is_waiting);
    scene.proxy.stall(false);
    let mut other = scene.other();
    wait_until("the star to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 1
    });
    scene.wait_settled();
    scene.wait_round(4);
}

#[test]
fn a_first_pull_over_a_link_that_falls_silent_goes_on_later() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 450);
    let proxy = Proxy::before(dovecot.imap);
    proxy.set_round_trip(Duration::from_millis(60));
    let folder = tempfile::tempdir().unwrap();
    let mut setup = through(&proxy, &user);
    setup.options.silence_timeout = Duration::from_secs(1);
    setup.options.connect_timeout = Duration::from_secs(1);
    let mut desk = Desk::start(folder.path(), vec![setup]);
    let inbox = desk.mailbox("INBOX").key;
    proxy.stall(true);
    desk.wait_tree("waiting", is_waiting);
    proxy.stall(false);
    let rows = desk.wait_rows("all messages", inbox, |rows| rows.len() == 450);
    assert_same(&rows, &mut dovecot.client(&user));
}

#[test]
fn changes_made_offline_arrive_once() {
    let mut scene = Scene::new().again(true);
    scene.star(scene.inbox, "Message 1");
    scene.star(scene.inbox, "Message 3");
    scene.tag("Message 2", "later");
    scene.proxy.take_said();
    let mut scene = scene.again(false);
    let mut other = scene.other();
    scene.wait_settled();
    assert_eq!(other.search("INBOX", "FLAGGED").len(), 2);
    assert_eq!(other.search("INBOX", "KEYWORD later").len(), 1);
    assert_eq!(stores(&scene.proxy.take_said()), 2, "one for each change");
    // Whoever has the last word keeps it.
    for uid in other.search("INBOX", "KEYWORD later") {
        other.store("INBOX", uid, "-later");
    }
    scene.wait_round(4);
    let mut scene = scene.again(false);
    scene.wait_round(5);
    assert!(other.search("INBOX", "KEYWORD later").is_empty());
    assert_eq!(stores(&scene.proxy.take_said()), 0);
}

#[test]
fn a_change_whose_answer_is_lost_is_done_once() {
    let mut scene = Scene::new();
    scene.proxy.take_said();
    scene.proxy.cut_after_saying("UID STORE");
    scene.tag("Message 2", "later");
    scene.desk.wait_tree("the connection to break", |tree| {
        (!matches!(tree.first()?.link, Link::InStep { .. })).then_some(())
    });
    let mut other = scene.other();
    wait_until("the tag to arrive", || {
        other.search("INBOX", "KEYWORD later").len() == 1
    });
    scene.wait_settled();
    scene.wait_round(4);
    for uid in other.search("INBOX", "KEYWORD later") {
        other.store("INBOX", uid, "-later");
    }
    let later = Keyword::new("later").unwrap();
    scene.desk.wait_rows("the tag to go", scene.inbox, |rows| {
        rows.iter().all(|r| !r.flags.has_keyword(&later))
    });
    scene.wait_round(5);
    assert!(other.search("INBOX", "KEYWORD later").is_empty());
    assert!(
        stores(&scene.proxy.take_said()) <= 2,
        "sent again at most once"
    );
}

#[test]
fn a_change_cut_off_on_its_way_arrives_over_the_next_connection() {
    for bytes in [1, 10, 30] {
        let mut scene = Scene::new();
        // Within DONE, at its end, and within the command after it.
        scene.proxy.cut_after_sending(bytes);
        scene.star(scene.inbox, "Message 2");
        let mut other = scene.other();
        wait_until("the star to arrive", || {
            other.search("INBOX", "FLAGGED").len() == 1
        });
        scene.wait_settled();
    }
}

#[test]
fn a_renumbered_folder_gets_the_changes_that_waited_and_what_is_gone_is_told() {
    let mut scene = Scene::new();
    for n in 11..=13 {
        scene.dovecot.deliver(&scene.user, "Work", &message(n));
    }
    let work = scene.desk.mailbox("Work").key;
    scene
        .desk
        .wait_rows("three more", work, |rows| rows.len() == 3);
    let mut scene = scene.again(true);
    scene.star(work, "Message 11");
    scene.star(work, "Message 13");
    let mut other = scene.other();
    other.run("CREATE New");
    other.run("SELECT Work");
    other.run("UID COPY 1:2 New");
    other.run("SELECT INBOX");
    other.run("DELETE Work");
    other.run("RENAME New Work");
    let mut scene = scene.again(false);
    // A session that knew the old folder cannot be trusted with the new one.
    let mut other = scene.other();
    wait_until("the star to arrive", || {
        other.search("Work", "FLAGGED SUBJECT \"Message 11\"").len() == 1
    });
    scene.wait_told("no longer in the folder");
    scene.wait_settled();
    let rows = scene
        .desk
        .wait_rows("what is there", work, |rows| rows.len() == 2);
    let mut left = subjects(&rows);
    left.sort_unstable();
    assert_eq!(left, ["Message 11", "Message 12"]);
    assert_eq!(other.search("Work", "FLAGGED").len(), 1);
}

#[test]
fn a_folder_renumbered_while_connected_gets_the_change() {
    let mut scene = Scene::new();
    for n in 11..=12 {
        scene.dovecot.deliver(&scene.user, "Work", &message(n));
    }
    let work = scene.desk.mailbox("Work").key;
    scene
        .desk
        .wait_rows("two more", work, |rows| rows.len() == 2);
    scene.desk.stop();
    let mut setup = through(&scene.proxy, &scene.user);
    // The tree is not compared again: the change itself finds the folder as it is.
    setup.list_every = Duration::from_secs(300);
    scene.desk = Desk::start(scene.folder.path(), vec![setup]);
    scene.desk.send(Command::LookAt(Some(scene.inbox)));
    scene.desk.wait_in_step();
    let mut other = scene.other();
    other.run("CREATE New");
    other.run("SELECT Work");
    other.run("UID COPY 1:2 New");
    other.run("SELECT INBOX");
    other.run("DELETE Work");
    other.run("RENAME New Work");
    scene.star(work, "Message 12");
    let mut other = scene.other();
    wait_until("the star to arrive", || {
        other.search("Work", "FLAGGED SUBJECT \"Message 12\"").len() == 1
    });
    scene.wait_settled();
    scene.wait_round(4);
}

#[test]
fn changes_for_a_folder_that_was_deleted_elsewhere_are_told_and_do_not_wait() {
    let mut scene = Scene::new();
    scene.dovecot.deliver(&scene.user, "Work", &message(11));
    let work = scene.desk.mailbox("Work").key;
    scene
        .desk
        .wait_rows("one more", work, |rows| rows.len() == 1);
    let mut scene = scene.again(true);
    scene.star(work, "Message 11");
    scene.star(scene.inbox, "Message 1");
    scene.other().run("DELETE Work");
    let mut scene = scene.again(false);
    scene.wait_told("Work");
    scene.wait_settled();
    assert_eq!(scene.other().search("INBOX", "FLAGGED").len(), 1);
}

#[test]
fn a_server_that_grants_one_connection_is_enough() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 3);
    dovecot.deliver(&user, "Work", &message(11));
    let proxy = Proxy::before(dovecot.imap);
    proxy.grant(1);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![through(&proxy, &user)]);
    let work = desk.mailbox("Work").key;
    desk.send(Command::LookAt(Some(work)));
    desk.wait_rows("the one there", work, |rows| rows.len() == 1);
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("the inbox", inbox, |rows| rows.len() == 3);
    let first = rows.first().unwrap();
    desk.open(placed(first)).unwrap();
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    desk.apply(star, vec![placed(first)]);
    let mut other = dovecot.client(&user);
    wait_until("the star to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 1
    });
    dovecot.deliver(&user, "INBOX", &message(4));
    desk.wait_rows("an arrival elsewhere", inbox, |rows| rows.len() == 4);
    proxy.cut();
    dovecot.deliver(&user, "Work", &message(12));
    desk.wait_rows("an arrival after a cut", work, |rows| rows.len() == 2);
    desk.wait_in_step();
}

#[test]
fn a_limit_that_comes_up_later_leaves_the_one_connection_to_the_work() {
    let mut scene = Scene::new();
    let proxy = &scene.proxy;
    wait_until("the second connection", || proxy.connections() == 2);
    proxy.grant(1);
    proxy.cut();
    scene.star(scene.inbox, "Message 1");
    let mut other = scene.other();
    wait_until("the star to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 1
    });
    scene.wait_round(4);
}

#[test]
fn the_inbox_is_watched_without_a_key_while_another_folder_is_looked_at() {
    let mut scene = Scene::with(Kind::Full, |setup| {
        setup.list_every = Duration::from_secs(300);
    });
    scene.dovecot.deliver(&scene.user, "Drafts", &message(11));
    let drafts = scene.desk.mailbox("Drafts").key;
    scene.desk.send(Command::LookAt(Some(drafts)));
    scene
        .desk
        .wait_rows("the draft", drafts, |rows| rows.len() == 1);
    scene.wait_round(4);
}

#[test]
fn a_folder_that_cannot_be_opened_neither_stops_the_others_nor_is_tried_again_and_again() {
    let mut scene = Scene::new();
    scene.dovecot.deliver(&scene.user, "Work", &message(11));
    scene.desk.mailbox("Work");
    let folder = scene.dovecot.maildir(&scene.user).join(".Work");
    scene.dovecot.forbid(&folder);
    let fresh = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(fresh.path(), vec![through(&scene.proxy, &scene.user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    desk.wait_rows("the inbox", inbox, |rows| rows.len() == 3);
    scene.proxy.take_said();
    scene.dovecot.deliver(&scene.user, "INBOX", &message(4));
    desk.wait_rows("an arrival", inbox, |rows| rows.len() == 4);
    let tries = scene.proxy.take_said().matches("SELECT \"Work\"").count();
    assert!(tries < 5, "{tries} tries");
}

fn configuration(port: u16, user: &str) -> String {
    format!(
        "[accounts.work]\naddress = \"{user}@example.org\"\n[accounts.work.imap]\n\
         host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"{user}\"\n\
         password = \"pass\"\n[accounts.work.sync]\nkeep = \"headers\"\n"
    )
}

fn desk_of(program: &Program, port: u16, user: &str) -> Desk {
    let mut setup = account_at(port, Security::Plain, None, user);
    setup.name = "work".to_owned();
    Desk::start(Path::new(&program.data_dir()), vec![setup])
}

#[test]
fn a_program_killed_at_any_moment_of_the_first_pull_goes_on_where_it_was() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 450);
    let proxy = Proxy::before(dovecot.imap);
    proxy.set_round_trip(Duration::from_millis(10));
    let program = Program::new(&configuration(proxy.port, &user));
    for _ in 0..20 {
        let screen = program.screen(&[], 100, 30);
        thread::sleep(Duration::from_millis(fastrand::u64(20..600)));
        screen.kill_at_once();
    }
    let screen = program.screen(&[], 100, 30);
    screen.wait_for("Message 450");
    screen.kill_at_once();
    proxy.refuse(true);
    let screen = program.screen(&[], 100, 30);
    screen.wait_for("Message 450");
    screen.kill_at_once();
    let mut desk = desk_of(&program, dovecot.imap, &user);
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("all messages", inbox, |rows| rows.len() == 450);
    assert_same(&rows, &mut dovecot.client(&user));
}

#[test]
fn a_star_that_was_set_offline_survives_a_kill_and_arrives_once() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 8);
    let proxy = Proxy::before(dovecot.imap);
    let program = Program::new(&configuration(proxy.port, &user));
    let screen = program.screen(&[], 100, 30);
    screen.wait_for("Message 1 ");
    screen.kill_at_once();
    proxy.refuse(true);
    for n in 0..6 {
        let mut screen = program.screen(&[], 100, 30);
        screen.wait_for("Message 8");
        screen.keys(&format!("{}s", "j".repeat(n)));
        screen.wait_for("Starred");
        screen.kill_at_once();
    }
    proxy.refuse(false);
    proxy.take_said();
    let mut other = dovecot.client(&user);
    let screen = program.screen(&[], 100, 30);
    wait_until("the stars to arrive", || {
        other.search("INBOX", "FLAGGED").len() == 6
    });
    dovecot.deliver(&user, "INBOX", &message(9));
    screen.wait_for("Message 9");
    assert_eq!(stores(&proxy.take_said()), 1, "one command for all");
    screen.kill_at_once();
    other.store("INBOX", 8, "-\\Flagged");
    let screen = program.screen(&[], 100, 30);
    dovecot.deliver(&user, "INBOX", &message(10));
    screen.wait_for("Message 10");
    assert_eq!(other.search("INBOX", "FLAGGED").len(), 5);
    assert_eq!(stores(&proxy.take_said()), 0);
}

#[test]
fn fifty_folders_are_in_step_again_after_at_most_eight_turns() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = user_with(dovecot, 40);
    for n in 1..=45 {
        dovecot.deliver(&user, &format!("Folder {n}"), &message(100 + n));
    }
    let proxy = Proxy::before(dovecot.imap);
    let folder = tempfile::tempdir().unwrap();
    let setup = || AccountSetup {
        list_every: Duration::from_secs(300),
        ..through(&proxy, &user)
    };
    let mut desk = Desk::start(folder.path(), vec![setup()]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    let three = desk.mailbox("Folder 3").key;
    let nine = desk.mailbox("Folder 9").key;
    desk.wait_rows("the inbox", inbox, |rows| rows.len() == 40);
    desk.wait_rows("a folder", three, |rows| rows.len() == 1);
    desk.wait_rows("a folder", nine, |rows| rows.len() == 1);
    desk.stop();
    let mut other = dovecot.client(&user);
    other.store("INBOX", 5, "+\\Flagged");
    other.store("INBOX", 6, "+\\Deleted");
    other.run("EXPUNGE");
    dovecot.deliver(&user, "INBOX", &message(41));
    dovecot.deliver(&user, "Folder 3", &message(203));
    other.store("Folder 9", 1, "+\\Seen");
    proxy.set_round_trip(Duration::from_millis(100));
    let before = proxy.turns();
    let mut desk = Desk::start(folder.path(), vec![setup()]);
    desk.send(Command::LookAt(Some(inbox)));
    desk.wait_rows("the inbox", inbox, |rows| {
        rows.len() == 40
            && subjects(rows).contains(&"Message 41")
            && rows.iter().any(|r| r.flags.has(Flag::Flagged))
    });
    desk.wait_rows("an arrival", three, |rows| rows.len() == 2);
    desk.wait_rows("a flag", nine, |rows| {
        rows.iter().all(|r| r.flags.has(Flag::Seen))
    });
    let turns = proxy.turns() - before;
    let (up, down) = proxy.bytes();
    assert!(
        turns <= 8,
        "{turns} turns; {up} bytes sent, {down} received"
    );
}
