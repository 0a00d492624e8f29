//! What the program takes, beside what the wire itself takes: one table, one command.
//!
//! `cargo bench --bench mail -- [MESSAGES] [small]` (10 000 unless told). Needs Dovecot, as the
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

mod mailbox;
#[path = "../tests/it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the benches use a part of what the tests stand on"
)]
mod support;
mod terminal;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
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
    let mut table = Table::default();
    let fetch = median(3, || raw.time(&format!("UID FETCH 1:* {SUMMARY}")));
    let newest = median(5, || {
        raw.time(&format!(
            "FETCH {}:{count} {SUMMARY}",
            count.saturating_sub(49).max(1)
        ))
    });
    table.row("raw: 50 newest summaries", newest, None, "s");
    table.row("raw: all summaries", fetch, None, "s");
    let program = Program::new(&dovecot.plain_account("bench", &user));
    let env = [
        (
            "PILLARBOX_CONFIG",
            program.config_file().display().to_string(),
        ),
        (
            "PILLARBOX_DATA_DIR",
            program.data_dir().display().to_string(),
        ),
        ("TERM", "xterm-256color".to_owned()),
    ];
    first_sync(&mut table, &env, count, fetch);
    starts(&mut table, &env, count);
    steady(&mut table, &env, dovecot, &user, count);
    resync(&mut table, &env, &mut raw, count);
    println!("{}", table.text);
}

fn newest_row(count: u32) -> String {
    format!("({})", count - 1)
}

/// An empty store: to the first useful screen, to the end, and the keys meanwhile.
fn first_sync(table: &mut Table, env: &[(&str, String)], count: u32, fetch: f64) {
    let mut screen = Terminal::start(&[], env, 200, 60);
    let started = screen.started;
    let newest = newest_row(count);
    let at = screen.wait("the first screen", LONG, |t| t.contains(&newest));
    table.row(
        "empty store: first useful screen",
        (at - started).as_secs_f64(),
        None,
        "s",
    );
    let mut lags: Vec<f64> = (0..20)
        .map(|n| screen.lag(if n % 2 == 0 { "j" } else { "k" }))
        .collect();
    table.lags("a key during the first sync", &mut lags);
    let done = screen.wait("the end of the first sync", LONG, |t| {
        !t.contains("syncing")
    });
    let seconds = (done - started).as_secs_f64();
    table.row(
        "empty store: whole list here",
        seconds,
        Some(seconds / fetch),
        "s, × raw",
    );
    screen.settle(Duration::from_secs(1));
    screen.quit();
}

fn starts(table: &mut Table, env: &[(&str, String)], count: u32) {
    let newest = newest_row(count);
    let mut times = Vec::new();
    for _ in 0..5 {
        let mut screen = Terminal::start(&[], env, 200, 60);
        let at = screen.wait("the list", LONG, |t| t.contains(&newest));
        times.push((at - screen.started).as_secs_f64() * 1e3);
        screen.settle(Duration::from_millis(300));
        screen.quit();
    }
    times.sort_by(f64::total_cmp);
    table.row(
        "second start: usable list",
        times[times.len() / 2],
        None,
        "ms",
    );
}

/// In step: keys, pages, memory, CPU while idle, and how fast a delivery shows.
fn steady(table: &mut Table, env: &[(&str, String)], dovecot: &Dovecot, user: &str, count: u32) {
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
    let mut watcher = Raw::connect(dovecot.imap, user);
    watcher.time("SELECT INBOX");
    let mut gaps = Vec::new();
    for n in 0..5 {
        watcher.send("IDLE");
        dovecot.deliver(
            user,
            "INBOX",
            &format!("From: New <new@example.org>\nTo: me@example.org\nSubject: fresh {n}\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nHi.\n"),
        );
        let told = watcher.wait_for("EXISTS");
        let at = screen.wait("the delivery", LONG, |t| t.contains(&format!("fresh {n}")));
        gaps.push(at.saturating_duration_since(told).as_secs_f64() * 1e3);
        watcher.say("DONE");
        watcher.until_tagged();
    }
    table.lags("delivery: after a raw IDLE was told", &mut gaps);
    screen.settle(Duration::from_secs(3));
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
fn resync(table: &mut Table, env: &[(&str, String)], raw: &mut Raw, count: u32) {
    raw.time("SELECT INBOX");
    let first = count.saturating_sub(999).max(1);
    raw.time(&format!("STORE {first}:{count} +FLAGS.SILENT (marked)"));
    let at_raw = median(3, || {
        raw.time(&format!("UID FETCH {first}:{count} (FLAGS MODSEQ)"))
    });
    let mut screen = Terminal::start(&[], env, 200, 60);
    let at = screen.wait("the tags", LONG, |t| t.matches("marked").count() > 20);
    let seconds = (at - screen.started).as_secs_f64();
    table.row(
        "start and resync after 1 000 changes",
        seconds,
        Some(seconds / at_raw),
        "s, × raw flags",
    );
    screen.quit();
}

fn median(times: usize, mut measure: impl FnMut() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..times).map(|_| measure()).collect();
    all.sort_by(f64::total_cmp);
    all[times / 2]
}

/// One connection that asks and drops what comes.
struct Raw {
    reader: BufReader<TcpStream>,
    tag: u32,
}

impl Raw {
    fn connect(port: u16, user: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self {
            reader: BufReader::with_capacity(256 * 1024, stream),
            tag: 0,
        };
        raw.wait_for("* OK");
        raw.time(&format!("LOGIN {user} pass"));
        raw.time("ENABLE QRESYNC");
        raw
    }

    fn say(&mut self, line: &str) {
        self.reader
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
    }

    fn send(&mut self, command: &str) {
        self.tag += 1;
        self.say(&format!("T{} {command}", self.tag));
    }

    fn wait_for(&mut self, what: &str) -> Instant {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.reader.read_line(&mut line).unwrap() > 0,
                "the server hung up"
            );
            if line.contains(what) {
                return Instant::now();
            }
        }
    }

    fn until_tagged(&mut self) {
        let tag = format!("T{} ", self.tag);
        let mut line = Vec::new();
        loop {
            line.clear();
            self.reader.by_ref().read_until(b'\n', &mut line).unwrap();
            if line.starts_with(tag.as_bytes()) {
                assert!(
                    line[tag.len()..].starts_with(b"OK"),
                    "{}",
                    String::from_utf8_lossy(&line)
                );
                return;
            }
        }
    }

    fn time(&mut self, command: &str) -> f64 {
        let begun = Instant::now();
        self.send(command);
        self.until_tagged();
        begun.elapsed().as_secs_f64()
    }
}

#[derive(Default)]
struct Table {
    text: String,
}

impl Table {
    fn row(&mut self, what: &str, value: f64, ratio: Option<f64>, unit: &str) {
        use std::fmt::Write as _;
        let ratio = ratio.map_or(String::new(), |r| format!("{r:8.2}"));
        let _ = writeln!(self.text, "{what:<40} {value:10.3} {ratio:>8}  {unit}");
        println!("{what:<40} {value:10.3} {ratio:>8}  {unit}");
    }

    fn lags(&mut self, what: &str, all: &mut [f64]) {
        all.sort_by(f64::total_cmp);
        let at = |share: usize| all[(all.len() - 1) * share / 100];
        self.row(&format!("{what}, median"), at(50), None, "ms");
        self.row(&format!("{what}, p95"), at(95), None, "ms");
    }
}
