//! What the world around the program does to it: disks without locks, clocks that jump, passwords
//! that expire, floods, windows that change their size, stores of another version.
//!
//! By the command line, by the engine or on a terminal. Nothing may be lost, and what cannot be done
//! is told.

use crate::support::desk::{Desk, account_at};
use crate::support::held::refused;
use crate::support::peer::LivePeer;
use crate::support::scenes::{message, named, usual_mail};
use crate::support::shim::{self, Blow, Calls, Errno};
use crate::support::sweep::stride;
use crate::support::{Dovecot, Kind, Output, Program, Proxy, Stage, wait_until};
use pillarbox::bus::Command;
use pillarbox::demo::imap::Options;
use pillarbox::demo::{Act, Times, When};
use pillarbox::net::Security;
use std::path::Path;

/// Ten years, in seconds.
const DECADE: i64 = 10 * 365 * 24 * 3600;

fn stage() -> Stage {
    let stage = Stage::new(Kind::Full, 1);
    usual_mail(&stage);
    stage
}

/// Runs a command while something is wrong with the computer. `None` where that cannot be done.
fn run_with(program: &Program, args: &[&str], calls: Calls, blow: Blow) -> Option<Output> {
    let log = program.folder().join("calls");
    let environment = shim::environment(shim::shim()?, &program.data_dir(), &log, calls, blow);
    Some(program.run_under(args, &environment))
}

fn flags(stage: &Stage, name: &str) -> Vec<String> {
    let held = &stage.held()[0];
    let mut letters = held.mailboxes["INBOX"].values();
    letters
        .find(|l| l.message_id == named(name))
        .unwrap()
        .flags
        .clone()
}

#[test]
fn a_disk_that_cannot_lock_is_told_and_nothing_is_changed_there() {
    let stage = stage();
    let id = stage.id("INBOX", &named("two"));
    let args = ["flag", &id, "--add", "flagged"];
    let Some(output) = run_with(&stage.program, &args, Calls::All, Blow::NoLocks) else {
        return;
    };
    let output = output.expect(1);
    assert_eq!(output.stdout, "", "{output:?}");
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    stage.settle().unwrap();
    assert_eq!(flags(&stage, "two"), ["\\seen"]);
    stage.run(&args);
    assert_eq!(flags(&stage, "two"), ["\\flagged", "\\seen"]);
}

#[test]
fn a_disk_that_may_only_be_read_is_told_with_the_name_of_the_file() {
    let stage = stage();
    let read_only = Blow::FailFrom(1, Errno::ReadOnly);
    for args in [&["list", "INBOX"][..], &["sync"], &["undo"]] {
        let Some(output) = run_with(&stage.program, args, Calls::Files, read_only) else {
            return;
        };
        let is_named = output.stderr.contains(stage.data_dir().to_str().unwrap());
        assert!(output.code == Some(0) || is_named, "{args:?}: {output:?}");
    }
    stage.run(&["list", "INBOX"]);
}

#[test]
fn a_clock_that_jumps_by_ten_years_loses_no_change_and_keeps_none_back() {
    for off in [DECADE, -DECADE] {
        let stage = stage();
        let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
        stage.run(&["flag", &two, "--add", "flagged", "--offline"]);
        let wrong = Blow::ClockOff(off);
        let args = ["tag", &three, "--add", "then", "--offline"];
        let Some(output) = run_with(&stage.program, &args, Calls::All, wrong) else {
            return;
        };
        output.expect(0);
        run_with(&stage.program, &["sync"], Calls::All, wrong)
            .unwrap()
            .expect(0);
        assert_eq!(flags(&stage, "two"), ["\\flagged", "\\seen"], "{off}");
        assert_eq!(
            flags(&stage, "three"),
            ["\\flagged", "then", "work"],
            "{off}"
        );
        stage.run(&["undo"]);
        assert_eq!(flags(&stage, "three"), ["\\flagged", "work"], "{off}");
        stage.settle().unwrap();
        assert_eq!(refused(&stage.data_dir()), [""; 0]);
    }
}

#[test]
fn a_change_put_off_by_a_wrong_clock_does_not_wait_for_years() {
    let live = LivePeer::start(Options::default());
    live.put("INBOX", &message(&named("one"), "One"));
    let program = live.program();
    let rows = crate::support::held::Shown::of(&program.data_dir(), "work");
    let id = rows.mailboxes["INBOX"][0].id.to_string();
    let busy = When::Command("UID STORE".to_owned());
    let later = Act::No("[INUSE] Later".to_owned());
    live.peer.faults().add(busy, later, Times::Once);
    let wrong = Blow::ClockOff(DECADE);
    let args = ["flag", &id, "--add", "flagged"];
    let Some(output) = run_with(&program, &args, Calls::All, wrong) else {
        return;
    };
    output.expect(75);
    // The clock is right again.
    program.run(&["sync"]).expect(0);
    assert_eq!(live.said("UID STORE"), 2);
}

#[test]
fn absurd_dates_are_listed_and_shown() {
    let stage = Stage::new(Kind::Full, 1);
    for (n, date) in [
        "Thu, 01 Jan 1970 00:00:00 +0000",
        "Fri, 31 Dec 9999 23:59:59 +0000",
        "Mon, 01 Jan 0000 00:00:00 +0000",
        "Sat, 30 Feb 2026 25:61:61 +9999",
        "yesterday, or so",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let text = message(&named(&format!("d{n}")), &format!("Dated {n}"));
        stage.put(
            "INBOX",
            "",
            &text.replace("Mon, 06 Apr 2026 10:00:00 +0200", date),
        );
    }
    stage.run(&["sync"]);
    let rows = stage
        .program
        .run(&["list", "INBOX", "--json"])
        .expect(0)
        .json();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let shown = stage.run(&["show", &row["id"].to_string()]);
        assert!(shown.contains("Text of Dated"), "{shown}");
    }
    let mut screen = stage.program.screen(&[], 100, 30);
    screen.wait_for("Dated 5");
    screen.wait_for("Dated 0");
    assert_eq!(screen.quit(), 0);
}

#[test]
fn a_password_that_is_no_longer_right_is_tried_once_and_what_waits_is_kept() {
    let stage = stage();
    let id = stage.id("INBOX", &named("two"));
    let proxy = Proxy::before(stage.port);
    stage.connect_to(proxy.port);
    let config = std::fs::read_to_string(stage.program.config_file()).unwrap();
    let wrong = config.replace("\"pass\"", "\"expired\"");
    stage.program.write_config(&wrong);
    proxy.take_said();
    let output = stage
        .program
        .run(&["flag", &id, "--add", "flagged"])
        .expect(75);
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.contains("password"), "{output:?}");
    let said = proxy.take_said();
    let attempts = said.matches("AUTHENTICATE").count() + said.matches("LOGIN").count();
    assert_eq!(attempts, 1, "{said}");
    stage.program.write_config(&config);
    stage.settle().unwrap();
    assert_eq!(flags(&stage, "two"), ["\\flagged", "\\seen"]);
}

#[test]
fn a_flood_of_news_leaves_the_store_right_and_the_front_answered() {
    let live = LivePeer::start(Options {
        user: "work".to_owned(),
        password: "pass".to_owned(),
        ..Options::default()
    });
    for n in 0..5 {
        live.put(
            "INBOX",
            &message(&named(&format!("f{n}")), &format!("Flood {n}")),
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let setup = account_at(live.port, Security::Plain, None, "work");
    let mut desk = Desk::start(folder.path(), vec![setup]);
    let inbox = desk.mailbox("INBOX").key;
    desk.send(Command::LookAt(Some(inbox)));
    desk.wait_rows("all", inbox, |rows| rows.len() == 5);
    desk.wait_in_step();
    let flood = "* 1 FETCH (FLAGS (\\Seen))\r\n* 6 EXISTS\r\n* 6 EXPUNGE\r\n".repeat(70_000);
    let idle = When::Command("IDLE".to_owned());
    live.peer.faults().add(idle, Act::Say(flood), Times::Once);
    // Something happens, so that the engine idles anew.
    live.put("INBOX", &message(&named("f5"), "Flood 5"));
    wait_until("the flood", || live.peer.faults().is_done());
    for _ in 0..20 {
        desk.rows(inbox);
    }
    live.put("INBOX", &message(&named("f6"), "Flood 6"));
    let rows = desk.wait_rows("what came after it", inbox, |rows| rows.len() == 7);
    assert!(rows.iter().any(|row| row.subject.as_str() == "Flood 6"));
}

#[test]
fn a_first_fetch_that_is_cut_again_and_again_goes_on_where_it_was() {
    // In full: what is asked of a client; else what a window or two of few messages cost.
    let (letters, cuts, percent) = match stride() {
        Some(_) => (100_000, 20, 120),
        None => (6_000, 2, 140),
    };
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    dovecot.client(&user).run("SELECT INBOX");
    let cur = dovecot.maildir(&user).join("cur");
    for n in 1..=letters {
        let name = format!("{}.M{n}P1.test:2,", 1_775_000_000 + n);
        let text = message(&named(&format!("r{n}")), &format!("Resumed {n}"));
        std::fs::write(cur.join(name), text).unwrap();
    }
    dovecot.own_files(&user);
    let fetch = |cuts: u64, all: u64| {
        let proxy = Proxy::before(dovecot.imap);
        let program = Program::new(&Dovecot::account_at(proxy.port, "work", &user));
        for _ in 0..cuts {
            proxy.cut_after_receiving(all / (cuts + 1));
            program.run(&["sync"]);
        }
        proxy.cut_after_receiving(u64::MAX - 1);
        program.run(&["sync"]).expect(0);
        let shown = crate::support::held::Shown::of(&program.data_dir(), "work");
        assert_eq!(shown.counts["INBOX"].0, letters);
        proxy.bytes().1
    };
    // The first one makes the server's own index.
    fetch(0, 0);
    let whole = fetch(0, 0);
    let cut = fetch(cuts, whole);
    println!("{letters} messages, {cuts} cuts: {cut} bytes, {whole} without cuts");
    assert!(
        cut * 100 <= whole * percent,
        "{cut} bytes, {whole} without cuts"
    );
}

#[test]
fn a_window_that_changes_its_size_all_the_time_shows_everything_in_the_end() {
    let stage = stage();
    let screen = stage.program.screen(&[], 100, 30);
    screen.wait_for("Three");
    for round in 0..40_u16 {
        let (columns, rows) =
            [(1, 1), (500, 200), (40, 12), (3, 90), (300, 2), (80, 24)][usize::from(round) % 6];
        screen.resize(columns, rows);
        match round % 8 {
            3 => screen.signal(rustix::process::Signal::STOP),
            5 => screen.signal(rustix::process::Signal::CONT),
            _ => {}
        }
    }
    screen.signal(rustix::process::Signal::CONT);
    stage.put("INBOX", "", &message(&named("late"), "Came meanwhile"));
    screen.resize(120, 40);
    screen.wait_for("Came meanwhile");
    screen.wait_for("Three");
    let mut screen = screen;
    assert_eq!(screen.quit(), 0);
}

#[test]
fn a_store_of_a_later_version_is_refused_and_left_as_it_is() {
    for file in ["own.db", "mirror.db", "content.db"] {
        let stage = stage();
        let path = stage.data_dir().join(file);
        let version = set_version(&path, 999);
        let before = std::fs::read(&path).unwrap();
        for args in [&["list", "INBOX"][..], &["sync"], &["undo"]] {
            let output = stage.program.run(args).expect(1);
            assert!(output.stderr.contains("newer"), "{file}: {output:?}");
            assert!(output.stderr.contains(file), "{file}: {output:?}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), before, "{file}");
        set_version(&path, version);
        stage.run(&["list", "INBOX"]);
    }
}

/// Sets the schema of a file; what it was.
fn set_version(path: &Path, version: i64) -> i64 {
    let conn = rusqlite::Connection::open(path).unwrap();
    let was = conn.pragma_query_value(None, "user_version", |row| row.get(0));
    conn.pragma_update(None, "user_version", version).unwrap();
    // All of it is in the one file.
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    was.unwrap()
}
