//! What it takes to fetch a maildrop, beside a raw pipelined read of the same messages.
//!
//! `cargo bench --no-default-features --bench pop3 -- [MESSAGES]` (10 000 unless told). Needs Dovecot,
//! as the tests do. Every figure of ours stands beside a raw socket that asks for all messages at once
//! and drops what comes, in the same run: compare only within one table. Ours are on the disk at the
//! end of theirs, in a list, with threads.

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

use figures::{Table, median};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use support::{Dovecot, Kind, Program, peak};
use terminal::Terminal;

const LONG: Duration = Duration::from_secs(900);
const TIMES: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let count: u32 = args.iter().find_map(|a| a.parse().ok()).unwrap_or(10_000);
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    drop(dovecot.client(&user).run("SELECT INBOX"));
    mailbox::fill(&dovecot.maildir(&user), count, false);
    dovecot.own_files(&user);
    let (_, bytes) = raw(dovecot.pop3, &user, count);
    println!("{count} messages, {} MB\n", bytes / 1_000_000);
    let table = Table;
    let raws = median(TIMES, || raw(dovecot.pop3, &user, count).0);
    table.row("raw: all, pipelined", raws, None, "s");
    let mut memory = 0.0f64;
    let ours = median(TIMES, || {
        let program = Program::new(&config(dovecot.pop3, &user, "true"));
        let (seconds, peak) = sync(&program, count);
        memory = memory.max(peak);
        seconds
    });
    table.row("ours: all, stored", ours, Some(ours / raws), "s, × raw");
    table.row("  memory at its peak, the most of all", memory, None, "MB");
    let again = {
        let program = Program::new(&config(dovecot.pop3, &user, "true"));
        sync(&program, count);
        median(TIMES, || sync(&program, 0).0)
    };
    table.row("ours: nothing new", again, None, "s");
    let first = median(3, || first_row(dovecot.pop3, &user));
    table.row("ours: from the start to the first rows", first, None, "s");
    let program = Program::new(&config(dovecot.pop3, &user, "false"));
    let (taken, _) = sync(&program, count);
    table.row(
        "ours: all, stored, then deleted there",
        taken,
        Some(taken / raws),
        "s, × raw",
    );
    let left = dovecot.client(&user).search("INBOX", "ALL").len();
    assert_eq!(left, 0, "all were deleted on the server");
}

fn config(port: u16, user: &str, leave: &str) -> String {
    format!(
        "[accounts.bench]\naddress = \"{user}@example.org\"\n[accounts.bench.pop3]\n\
         host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"{user}\"\n\
         password = \"pass\"\nleave_on_server = {leave}\n"
    )
}

/// Asks for all messages at once and drops what comes: seconds from the connection to the last byte,
/// and the bytes.
fn raw(port: u16, user: &str, count: u32) -> (f64, u64) {
    let begun = Instant::now();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut asking = stream.try_clone().unwrap();
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    let mut line = String::new();
    let mut answered = |reader: &mut BufReader<TcpStream>| {
        line.clear();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with("+OK"), "{line}");
    };
    answered(&mut reader);
    asking
        .write_all(format!("USER {user}\r\nPASS pass\r\n").as_bytes())
        .unwrap();
    answered(&mut reader);
    answered(&mut reader);
    let asked = std::thread::spawn(move || {
        let all: String = (1..=count).map(|n| format!("RETR {n}\r\n")).collect();
        asking.write_all(all.as_bytes()).unwrap();
        asking.write_all(b"QUIT\r\n").unwrap();
    });
    let mut chunk = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read = reader.read(&mut chunk).unwrap();
        if read == 0 {
            break;
        }
        bytes += u64::try_from(read).unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    asked.join().unwrap();
    (seconds, bytes)
}

/// One round of the real program: seconds, and MB at the peak.
fn sync(program: &Program, expected: u32) -> (f64, f64) {
    let begun = Instant::now();
    let mut child = program.spawn(&["sync"]);
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        most = most.max(peak(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = begun.elapsed().as_secs_f64();
    assert!(status.success());
    if expected > 0 {
        let rows = program.run(&["mailboxes", "--json"]).expect(0).json();
        let inbox = rows.iter().find(|row| row["role"] == "inbox").unwrap();
        assert_eq!(inbox["total"], expected, "{rows:?}");
    }
    (
        seconds,
        f64::from(u32::try_from(most / 1_000).unwrap()) / 1e3,
    )
}

/// From the start of the program on an empty store to the first rows of the list.
fn first_row(port: u16, user: &str) -> f64 {
    let program = Program::new(&config(port, user, "true"));
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
    let mut screen = Terminal::start(&[], &env, 200, 60);
    let started = screen.started;
    let at = screen.wait("the first rows", LONG, |t| {
        t.lines().next().is_some_and(|title| title.contains(" of "))
    });
    let seconds = (at - started).as_secs_f64();
    screen.settle(Duration::from_secs(1));
    screen.quit();
    seconds
}
