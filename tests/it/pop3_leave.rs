//! How long mail stays in a maildrop: each way of it over several sessions with a real Dovecot, with
//! the clock moved, and with others at work in the same mailbox.
//!
//! What the server holds is seen by other clients, over POP3 and IMAP. The clock is moved by the shim;
//! where there is none, those tests say that they were skipped.

use crate::support::scenes::{message, named};
use crate::support::shim::{self, Blow, Calls};
use crate::support::{Dovecot, Kind, Output, Program};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const DAY: i64 = 24 * 3600;
const DECADE: i64 = 3_653 * DAY;

/// A user with three messages, and the program that fetches them.
struct Drop {
    user: String,
    program: Program,
}

impl Drop {
    fn new(leave: &str) -> Self {
        let dovecot = Dovecot::shared(Kind::Bare);
        let user = dovecot.fresh_user();
        for name in ["one", "two", "three"] {
            dovecot.deliver(&user, "INBOX", &message(&named(name), name));
        }
        let config = format!(
            "[accounts.drop]\naddress = \"{user}@example.org\"\n[accounts.drop.pop3]\n\
             host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\n\
             password = \"pass\"\n{leave}",
            dovecot.pop3,
        );
        let program = Program::new(&config);
        Self { user, program }
    }

    fn sync(&self) {
        self.program.run(&["sync"]).expect(0);
    }

    /// A session with the clock so many seconds off. `None` where there is no shim.
    fn sync_at(&self, off: i64) -> Option<Output> {
        let shim = shim::shim()?;
        let log = self.program.folder().join("calls");
        let data = self.program.data_dir();
        let blow = Blow::ClockOff(off);
        let environment = shim::environment(shim, &data, &log, Calls::All, blow);
        Some(self.program.run_under(&["sync"], &environment).expect(0))
    }

    /// How many messages the server holds.
    fn left(&self) -> usize {
        let mut client = Dovecot::shared(Kind::Bare).client(&self.user);
        client.search("INBOX", "ALL").len()
    }

    /// The names of what is shown in a folder here.
    fn shown(&self, folder: &str) -> Vec<String> {
        let rows = self.program.run(&["list", folder, "--json"]).expect(0);
        let ids = rows.json().into_iter().map(|row| {
            let id = row["message_id"].as_str().unwrap_or_default();
            id.split('@').next().unwrap_or_default().to_owned()
        });
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    fn id(&self, name: &str) -> String {
        let rows = self.program.run(&["list", "INBOX", "--json"]).expect(0);
        let wanted = named(name);
        let row = rows
            .json()
            .into_iter()
            .find(|row| row["message_id"] == wanted.as_str());
        row.unwrap()["id"].to_string()
    }
}

const ALL: [&str; 3] = ["one", "three", "two"];

#[test]
fn with_true_all_stays_and_nothing_is_fetched_twice() {
    let drop = Drop::new("leave_on_server = true\n");
    for _ in 0..3 {
        drop.sync();
        assert_eq!(drop.left(), 3);
        assert_eq!(drop.shown("INBOX"), ALL);
    }
    let id = drop.id("two");
    drop.program.run(&["delete", &id]).expect(0);
    drop.sync();
    assert_eq!(drop.left(), 3, "what is deleted here stays there");
    assert_eq!(
        drop.shown("INBOX"),
        ["one", "three"],
        "and does not come back"
    );
}

#[test]
fn with_false_all_goes_once_it_is_here() {
    let drop = Drop::new("leave_on_server = false\n");
    drop.sync();
    assert_eq!(drop.left(), 0);
    assert_eq!(drop.shown("INBOX"), ALL);
    let dovecot = Dovecot::shared(Kind::Bare);
    dovecot.deliver(&drop.user, "INBOX", &message(&named("four"), "Four"));
    drop.sync();
    assert_eq!(drop.left(), 0);
    assert_eq!(drop.shown("INBOX"), ["four", "one", "three", "two"]);
}

#[test]
fn with_until_deleted_a_message_goes_when_it_was_deleted_or_put_into_the_trash_here() {
    let drop = Drop::new("leave_on_server = \"until-deleted\"\n");
    drop.sync();
    drop.sync();
    assert_eq!(drop.left(), 3);
    let [one, two] = ["one", "two"].map(|name| drop.id(name));
    drop.program.run(&["trash", &one]).expect(0);
    drop.program.run(&["move", &two, "Archive"]).expect(0);
    drop.sync();
    assert_eq!(drop.left(), 2, "what was only moved stays");
    drop.program.run(&["delete", &two]).expect(0);
    drop.sync();
    assert_eq!(drop.left(), 1);
    assert_eq!(drop.shown("INBOX"), ["three"]);
    assert_eq!(drop.shown("Trash"), ["one"], "the trash keeps it here");
}

#[test]
fn with_a_number_of_days_a_message_goes_when_it_was_here_so_long() {
    let drop = Drop::new("leave_on_server = \"14d\"\n");
    drop.sync();
    let Some(_) = drop.sync_at(13 * DAY) else {
        return;
    };
    assert_eq!(drop.left(), 3);
    let dovecot = Dovecot::shared(Kind::Bare);
    dovecot.deliver(&drop.user, "INBOX", &message(&named("four"), "Four"));
    drop.sync_at(14 * DAY);
    assert_eq!(drop.left(), 1, "what has just come stays");
    drop.sync_at(27 * DAY);
    assert_eq!(drop.left(), 1);
    drop.sync_at(28 * DAY);
    assert_eq!(drop.left(), 0);
    assert_eq!(drop.shown("INBOX"), ["four", "one", "three", "two"]);
}

#[test]
fn a_clock_that_leaps_deletes_nothing_early() {
    let drop = Drop::new("leave_on_server = \"14d\"\n");
    drop.sync();
    for off in [DECADE, DECADE + 5 * DAY, -DECADE, -5 * DAY, 0, 5 * DAY] {
        if drop.sync_at(off).is_none() {
            return;
        }
        assert_eq!(drop.left(), 3, "{} days off", off / DAY);
    }
    drop.sync_at(14 * DAY);
    assert_eq!(
        drop.left(),
        0,
        "it is counted again when the clock is right"
    );
    assert_eq!(drop.shown("INBOX"), ALL);
}

/// What another POP3 client is answered to these commands, a line each.
fn by_pop3(user: &str, commands: &[&str]) -> Vec<String> {
    let port = Dovecot::shared(Kind::Bare).pop3;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut answers = Vec::new();
    let user = format!("USER {user}");
    let begin = ["", user.as_str(), "PASS pass"];
    for command in begin.iter().chain(commands).chain(&["QUIT"]) {
        if !command.is_empty() {
            stream
                .write_all(format!("{command}\r\n").as_bytes())
                .unwrap();
        }
        answers.push(lines.next().unwrap().unwrap());
    }
    answers
}

#[test]
fn what_other_clients_take_away_stays_here_and_what_they_leave_is_not_doubled() {
    let drop = Drop::new("leave_on_server = \"until-deleted\"\n");
    drop.sync();
    let said = by_pop3(&drop.user, &["DELE 2"]);
    assert!(said.iter().all(|line| line.starts_with("+OK")), "{said:?}");
    assert_eq!(drop.left(), 2);
    let dovecot = Dovecot::shared(Kind::Bare);
    let mut imap = dovecot.client(&drop.user);
    let uid = imap.search("INBOX", "ALL")[0];
    imap.store("INBOX", uid, "+\\Deleted");
    imap.run("EXPUNGE");
    imap.run("CREATE Elsewhere");
    dovecot.deliver(&drop.user, "INBOX", &message(&named("four"), "Four"));
    drop.sync();
    drop.sync();
    assert_eq!(drop.shown("INBOX"), ["four", "one", "three", "two"]);
    assert_eq!(drop.left(), 2, "nobody deleted these here");
    let four = drop.id("four");
    drop.program.run(&["delete", &four]).expect(0);
    drop.sync();
    let said = by_pop3(&drop.user, &["STAT"]);
    assert!(said[3].starts_with("+OK 1 "), "{said:?}");
    assert_eq!(drop.shown("INBOX"), ["one", "three", "two"]);
}

#[test]
fn another_way_of_it_holds_for_what_is_there_already() {
    let drop = Drop::new("leave_on_server = true\n");
    drop.sync();
    assert_eq!(drop.left(), 3);
    let config = std::fs::read_to_string(drop.program.config_file()).unwrap();
    let config = config.replace("leave_on_server = true", "leave_on_server = false");
    drop.program.write_config(&config);
    drop.sync();
    assert_eq!(drop.left(), 0);
    assert_eq!(drop.shown("INBOX"), ALL);
}
