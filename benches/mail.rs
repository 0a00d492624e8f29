//! What the program takes, beside what the wire itself takes: one table, one command.
//!
//! `cargo bench --no-default-features --bench mail -- [MESSAGES] [small]` (10 000 unless told). Needs Dovecot, as the
//! tests do. Every figure of ours stands beside a raw socket that issues the same command in the
//! same run: compare only within one table.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a bench measures time and may end with a panic"
)]

#[allow(dead_code, reason = "each bench uses a part of it")]
mod figures;
mod mailbox;
#[path = "../tests/it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the benches use a part of what the tests stand on"
)]
mod support;
#[allow(dead_code, reason = "each bench uses a part of it")]
mod terminal;

use figures::{Raw, Table, median};
use std::time::{Duration, Instant};
use support::{Dovecot, Kind, Program};
use terminal::Terminal;

const SUMMARY: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ ENVELOPE BODYSTRUCTURE)";
const LONG: Duration = Duration::from_secs(900);

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let count = args.iter().find_map(|a| a.parse().ok()).unwrap_or(10_000);
    let is_small = args.iter().any(|a| a == "small");
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    drop(dovecot.client(&user).run("SELECT INBOX"));
    let begun = Instant::now();
    mailbox::fill(&dovecot.maildir(&user), count, is_small);
    dovecot.own_files(&user);
    let mut raw = Raw::connect(dovecot.imap, &user);
    raw.time("SELECT INBOX");
    raw.time(&format!("UID FETCH 1:* {SUMMARY}"));
    println!(
        "{count} messages, made and parsed by the server in {:.0} s\n",
        begun.elapsed().as_secs_f64()
    );
    let table = Table;
    let fetch = median(if count > 200_000 { 1 } else { 3 }, || {
        raw.time(&format!("UID FETCH 1:* {SUMMARY}"))
    });
    let first = count.saturating_sub(49).max(1);
    let newest_fetch = format!("FETCH {first}:{count} {SUMMARY}");
    let newest = median(5, || raw.time(&newest_fetch));
    table.row("raw: 50 newest summaries", newest, None, "s");
    table.row("raw: all summaries", fetch, None, "s");
    let cold = median(5, || {
        let begun = Instant::now();
        let mut raw = Raw::connect(dovecot.imap, &user);
        raw.time("SELECT INBOX");
        raw.time(&newest_fetch);
        begun.elapsed().as_secs_f64()
    });
    table.row("raw: connect, log in, 50 newest", cold, None, "s");
    let account = Dovecot::account_at(dovecot.imap, "bench", &user);
    let program = Program::new(&account);
    let another = Program::new(&account);
    first_sync(&table, &environment(&program), count, (fetch, cold));
    keys_meanwhile(&table, &environment(&another), count);
    let env = environment(&program);
    starts(&table, "second start", &env, count);
    steady(&table, &env, dovecot, &user, count);
    resync(&table, &env, &mut raw, count);
    program.write_config(&account.replace(
        &format!("port = {}", dovecot.imap),
        &format!("port = {}", closed_port()),
    ));
    starts(&table, "second start, server down", &env, count);
}

fn environment(program: &Program) -> [(&'static str, String); 3] {
    let text = |path: std::path::PathBuf| path.display().to_string();
    [
        ("PILLARBOX_CONFIG", text(program.config_file())),
        ("PILLARBOX_DATA_DIR", text(program.data_dir())),
        ("TERM", "xterm-256color".to_owned()),
    ]
}

/// A port at which nobody listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn newest_row(count: u32) -> String {
    format!("({})", count - 1)
}

/// An empty store: to the first useful screen, and to the end of lists and threads.
fn first_sync(table: &Table, env: &[(&str, String)], count: u32, (fetch, cold): (f64, f64)) {
    let mut screen = Terminal::start(&[], env, 200, 60);
    let started = screen.started;
    let newest = newest_row(count);
    let at = screen.wait("the first screen", LONG, |t| t.contains(&newest));
    let seconds = (at - started).as_secs_f64();
    let ratio = Some(seconds / cold);
    table.row(
        "empty store: first useful screen",
        seconds,
        ratio,
        "s, × raw",
    );
    let done = screen.wait("the end of the first sync", LONG, |t| {
        !t.contains("syncing")
    });
    let seconds = (done - started).as_secs_f64();
    let what = "empty store: list and threads complete";
    table.row(what, seconds, Some(seconds / fetch), "s, × raw");
    let (memory, cpu) = screen.usage();
    table.row("  CPU of that", cpu, None, "s");
    table.row("  memory after that", memory, None, "MB");
    screen.settle(Duration::from_secs(1));
    screen.quit();
}

/// Another empty store, with somebody at the keys.
fn keys_meanwhile(table: &Table, env: &[(&str, String)], count: u32) {
    let mut screen = Terminal::start(&[], env, 200, 60);
    let newest = newest_row(count);
    screen.wait("the first screen", LONG, |t| t.contains(&newest));
    let mut lags = Vec::new();
    while lags.len() < 200 && (lags.len() < 2 || screen.text().contains("syncing")) {
        let key = if lags.len() % 2 == 0 { "j" } else { "k" };
        lags.push(screen.lag(key));
    }
    table.lags("key during the first sync", &mut lags);
    screen.quit();
}

fn starts(table: &Table, what: &str, env: &[(&str, String)], count: u32) {
    let newest = newest_row(count);
    let time = median(5, || {
        let mut screen = Terminal::start(&[], env, 200, 60);
        let at = screen.wait("the list", LONG, |t| t.contains(&newest));
        let time = (at - screen.started).as_secs_f64() * 1e3;
        screen.settle(Duration::from_millis(300));
        screen.quit();
        time
    });
    table.row(&format!("{what}: usable list"), time, None, "ms");
}

/// In step: keys, pages, memory, CPU while idle, and how fast a delivery shows.
fn steady(table: &Table, env: &[(&str, String)], dovecot: &Dovecot, user: &str, count: u32) {
    let mut screen = Terminal::start(&[], env, 200, 60);
    let newest = newest_row(count);
    screen.wait("the list", LONG, |t| t.contains(&newest));
    screen.settle(Duration::from_secs(2));
    table.row("memory, second start", screen.usage().0, None, "MB");
    let mut lags: Vec<f64> = (0..60).map(|_| screen.lag("j")).collect();
    table.lags("key: cursor down", &mut lags);
    let mut lags: Vec<f64> = (0..30).map(|_| screen.lag("\x06")).collect();
    table.lags("key: page of unseen rows", &mut lags);
    screen.keys("gg");
    screen.settle(Duration::from_secs(1));
    let mut gaps = Vec::new();
    for n in 0..9 {
        let mut watcher = Raw::connect(dovecot.imap, user);
        watcher.time("SELECT INBOX");
        watcher.send("IDLE");
        watcher.wait_for("+ ");
        let told = std::thread::spawn(move || watcher.wait_for("EXISTS"));
        dovecot.deliver(
            user,
            "INBOX",
            &format!("From: New <new@example.org>\nTo: me@example.org\nSubject: fresh {n}\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nHi.\n"),
        );
        let at = screen.wait("the delivery", LONG, |t| t.contains(&format!("fresh {n}")));
        let told = told.join().unwrap();
        let after = at.saturating_duration_since(told).as_secs_f64();
        let before = told.saturating_duration_since(at).as_secs_f64();
        gaps.push((after - before) * 1e3);
    }
    table.lags("delivery: after a raw IDLE was told", &mut gaps);
    // The look for damage that is due once a day comes first.
    screen.settle_for(Duration::from_secs(25));
    let before = screen.usage().1;
    screen.settle_for(Duration::from_secs(30));
    table.row(
        "CPU of 30 s of idling",
        (screen.usage().1 - before) * 1e3,
        None,
        "ms",
    );
    screen.quit();
}

/// 1 000 flags changed by another client while the program was away.
fn resync(table: &Table, env: &[(&str, String)], raw: &mut Raw, count: u32) {
    raw.time("SELECT INBOX");
    let first = count.saturating_sub(999).max(1);
    raw.time(&format!("STORE {first}:{count} +FLAGS.SILENT (marked)"));
    let at_raw = median(3, || {
        raw.time(&format!("UID FETCH {first}:{count} (FLAGS MODSEQ)"))
    });
    let mut screen = Terminal::start(&[], env, 200, 60);
    let at = screen.wait("the tags", LONG, |t| t.matches("marked").count() > 20);
    let seconds = (at - screen.started).as_secs_f64();
    table.row("raw: 1 000 flags", at_raw, None, "s");
    table.row("start and resync after 1 000 changes", seconds, None, "s");
    screen.quit();
}
