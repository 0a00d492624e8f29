//! What changing a thousand messages takes: to the screen, on the wire, and until all is at rest.
//!
//! `cargo bench --no-default-features --bench change -- [MESSAGES…] [mark|archive|move|newest|spread…]`
//! (5 000 and 100 000 unless told, and all there is). Needs Dovecot, as the tests do. Every figure stands beside a raw socket that asks for the
//! same on a copy of the same mailbox in the same run: compare only within one table.

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

use figures::{Raw, median};
use std::time::{Duration, Instant};
use support::{Dovecot, Kind, Program, Proxy, Turn};
use terminal::Terminal;

/// How many messages are changed at once.
const MANY: u32 = 1_000;
/// How often each change is made.
const TIMES: usize = 5;
/// Where messages go that are moved by name.
const FOLDER: &str = "Project";
const LONG: Duration = Duration::from_secs(900);
const SOON: Duration = Duration::from_secs(20);
/// So long nothing may be said before a connection counts as being at rest.
const QUIET: Duration = Duration::from_millis(1_500);
/// So long after a move the folder that got it has been looked into.
const LOOKED: Duration = Duration::from_secs(11);

/// A thousand messages: the newest, or as many spread over the whole mailbox.
#[derive(Clone, Copy)]
struct Set {
    tag: &'static str,
    /// Of the numbers of messages those that leave `rest` when divided by it.
    stride: u32,
    rest: u32,
    first: u32,
    count: u32,
}

const SPREAD: [&str; TIMES] = ["spread0", "spread1", "spread2", "spread3", "spread4"];

impl Set {
    fn newest(count: u32) -> Self {
        Self {
            tag: "newest",
            stride: 1,
            rest: 0,
            first: count - MANY,
            count,
        }
    }

    /// One of several that have no message in common; the first holds the newest message.
    fn spread(count: u32, number: usize) -> Self {
        let stride = count / MANY;
        Self {
            tag: SPREAD[number],
            stride,
            rest: stride - 1 - u32::try_from(number).unwrap(),
            first: 0,
            count,
        }
    }

    fn holds(self, n: u32) -> bool {
        n >= self.first && n < self.count && n % self.stride == self.rest
    }

    /// Its ids in a mailbox where nothing has been moved yet.
    fn uids(self) -> String {
        if self.stride == 1 {
            return format!("{}:{}", self.first + 1, self.count);
        }
        let all = (self.first..self.count).filter(|n| self.holds(*n));
        all.map(|n| (n + 1).to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// What the program is asked to do.
#[derive(Clone, Copy)]
struct Change {
    what: &'static str,
    /// Pressed before the clock starts.
    before: &'static str,
    key: &'static str,
    /// The sentence that tells of it.
    says: &'static str,
    /// What a raw client asks for, behind the set.
    raw: (&'static str, &'static str),
}

const READ: Change = Change {
    what: "mark read",
    before: "",
    key: "U",
    says: "Marked read 1000 messages",
    raw: ("UID STORE", "+FLAGS.SILENT (\\Seen)"),
};
const ARCHIVE: Change = Change {
    what: "archive",
    before: "",
    key: "a",
    says: "Archived 1000 messages",
    raw: ("UID MOVE", "Archive"),
};
const MOVE: Change = Change {
    what: "move",
    before: "mProject",
    key: "\r",
    says: "Moved 1000 messages to Project",
    raw: ("UID MOVE", FOLDER),
};

impl Change {
    fn is_move(self) -> bool {
        self.raw.0 == "UID MOVE"
    }
}

/// What one change took.
struct Took {
    /// From the key to the rows that show it, and to the sentence that tells that it is on disk.
    screen_ms: f64,
    told_ms: f64,
    /// From the key to the command, and to the IDLE after its answer.
    sent_ms: f64,
    rest_ms: f64,
    /// Until then.
    turns: Vec<Turn>,
    bytes: (u64, u64),
    /// What was said after that: the folder is looked into that got the messages.
    later: Vec<Turn>,
}

fn main() {
    let counts: Vec<u32> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let counts = if counts.is_empty() {
        vec![5_000, 100_000]
    } else {
        counts
    };
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a.starts_with(char::is_alphabetic))
        .collect();
    for count in counts {
        measure(count, &wanted);
    }
}

fn measure(count: u32, wanted: &[String]) {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    drop(dovecot.client(&user).run("SELECT INBOX"));
    mailbox::fill(&dovecot.maildir(&user), count, false);
    dovecot.own_files(&user);
    let mut raw = Raw::connect(dovecot.imap, &user);
    raw.time("SELECT INBOX");
    raw.time(&format!("CREATE {FOLDER}"));
    raw.time(&format!("SUBSCRIBE {FOLDER}"));
    raw.time("UID STORE 1:* +FLAGS.SILENT (\\Seen)");
    let spread: Vec<Set> = (0..TIMES).map(|n| Set::spread(count, n)).collect();
    for set in spread.iter().chain([&Set::newest(count)]) {
        let (uids, tag) = (set.uids(), set.tag);
        raw.time(&format!("UID STORE {uids} +FLAGS.SILENT ({tag})"));
        raw.time(&format!("UID STORE {uids} -FLAGS.SILENT (\\Seen)"));
    }
    raw.time("UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)");
    drop(raw);
    let copy = dovecot.copy_user(&user);
    let proxy = Proxy::before(dovecot.imap);
    let account = Dovecot::account_at(proxy.port, "bench", &user);
    // Without the preview, which would fetch the text of the message that the cursor comes to.
    let ui = "[ui]\nmark_read_after = \"never\"\nlayout = \"list-only\"\n";
    let program = Program::new(&format!("{account}{ui}"));
    println!("\n{count} messages, {MANY} of them changed");
    let mut bench = Bench {
        screen: first_sync(&program, count),
        proxy,
        raw: RawSide::new(dovecot, &copy),
        program,
    };
    let newest = [Set::newest(count); TIMES];
    for (which, change, sets) in [
        ("newest", READ, newest.as_slice()),
        ("spread", READ, &spread),
        ("newest", ARCHIVE, &newest),
        ("spread", MOVE, &spread),
    ] {
        let name = format!("{} {which}", change.what);
        if wanted.iter().all(|word| name.contains(word)) {
            bench.compare(which, change, sets);
        }
    }
    bench.screen.quit();
    dovecot.forget_user(&user);
    dovecot.forget_user(&copy);
}

fn first_sync(program: &Program, count: u32) -> Terminal {
    let text = |path: std::path::PathBuf| path.display().to_string();
    let env = [
        ("PILLARBOX_CONFIG", text(program.config_file())),
        ("PILLARBOX_DATA_DIR", text(program.data_dir())),
        ("TERM", "xterm-256color".to_owned()),
    ];
    let mut screen = Terminal::start(&[], &env, 200, 60);
    let newest = format!("({})", count - 1);
    screen.wait("the first screen", LONG, |t| t.contains(&newest));
    screen.wait("the end of the first sync", LONG, |t| {
        !t.contains("syncing")
    });
    // References, and the look for damage that is due once a day.
    screen.settle_for(Duration::from_secs(25));
    screen
}

struct Bench {
    screen: Terminal,
    proxy: Proxy,
    raw: RawSide,
    program: Program,
}

impl Bench {
    /// Makes a change again and again, each time undone, and prints it beside the raw socket's.
    fn compare(&mut self, which: &str, change: Change, sets: &[Set]) {
        let all: Vec<Took> = sets.iter().map(|set| self.once(change, *set)).collect();
        let raw: Vec<(f64, (u64, u64))> = sets.iter().map(|s| self.raw.once(change, *s)).collect();
        println!("{} {MANY}, {which}", change.what);
        let row = |what: &str, get: fn(&Took) -> f64| {
            let mut values: Vec<f64> = all.iter().map(get).collect();
            values.sort_by(f64::total_cmp);
            let (best, middle) = (values[0], values[values.len() / 2]);
            println!("  {what:<42} {middle:10.1} {best:8.1}  ms, median and best");
        };
        row("key to rows", |t| t.screen_ms);
        row("key to sentence", |t| t.told_ms);
        row("key to command", |t| t.sent_ms);
        row("key to IDLE again", |t| t.rest_ms);
        row("command to IDLE again", |t| t.rest_ms - t.sent_ms);
        let mut times = raw.iter().map(|r| r.0 * 1e3);
        let raw_time = median(raw.len(), || times.next().unwrap());
        let best = raw.iter().map(|r| r.0 * 1e3).fold(f64::MAX, f64::min);
        println!("  {:<42} {raw_time:10.1} {best:8.1}", "raw");
        let last = all.last().unwrap();
        let (up, down) = last.bytes;
        let (raw_up, raw_down) = raw.last().unwrap().1;
        println!("  bytes {up} up, {down} down; raw {raw_up} up, {raw_down} down");
        let turns: Vec<usize> = all.iter().map(|t| t.turns.len()).collect();
        let commands: Vec<usize> = all.iter().map(|t| commands(&t.turns)).collect();
        println!("  turns {turns:?}, commands {commands:?}; of the last:");
        print_turns(&last.turns);
        let later: Vec<usize> = all.iter().map(|t| t.later.len()).collect();
        println!("  later on: turns {later:?}; of the last:");
        print_turns(&last.later);
    }

    fn once(&mut self, change: Change, set: Set) -> Took {
        self.screen.keys("gg");
        self.screen.keys(&format!("*tag:{}\r", set.tag));
        self.screen.wait("the selection", SOON, |t| {
            t.contains("Selected 1000 messages")
        });
        self.screen.keys(change.before);
        self.settle(QUIET);
        drop(self.proxy.take_turns());
        let before = self.proxy.bytes();
        let pressed = Instant::now();
        self.screen.keys(change.key);
        let (mut rows, mut told) = (None, None);
        while rows.is_none() || told.is_none() {
            let at = self.screen.next(SOON);
            if rows.is_none() && rows_are_so(&self.screen, change, set) {
                rows = Some(at);
            }
            if told.is_none() && self.screen.text().contains(change.says) {
                told = Some(at);
            }
        }
        self.settle(QUIET);
        let after = self.proxy.bytes();
        let mut turns = self.proxy.take_turns();
        assert!(!self.screen.text().contains("to send"), "the journal");
        let verb = |t: &Turn| t.said.contains(change.raw.0);
        let sent = turns.iter().position(verb).expect("the command");
        let (at, connection) = (turns[sent].at, turns[sent].connection);
        let is_rest = |t: &Turn| t.connection == connection && t.said.ends_with(" IDLE\r\n");
        let rest = sent + turns[sent..].iter().position(is_rest).expect("IDLE again");
        let rest_at = turns[rest].at;
        let mut later = turns.split_off(rest + 1);
        later.extend(self.later(change));
        self.undo();
        drop(self.later(change));
        let ms = |at: Instant| (at - pressed).as_secs_f64() * 1e3;
        Took {
            screen_ms: ms(rows.unwrap()),
            told_ms: ms(told.unwrap()),
            sent_ms: ms(at),
            rest_ms: ms(rest_at),
            turns,
            bytes: (after.0 - before.0, after.1 - before.1),
            later,
        }
    }

    fn undo(&mut self) {
        self.screen.keys("u");
        self.screen
            .wait("the undo", SOON, |t| t.contains("Undone: "));
        self.settle(QUIET);
        assert!(!self.screen.text().contains("to send"), "the journal");
        let left = self.program.run(&["journal", "--json"]).expect(0).stdout;
        assert!(left.is_empty(), "{left}");
    }

    fn later(&mut self, change: Change) -> Vec<Turn> {
        if !change.is_move() {
            return Vec::new();
        }
        self.screen.settle_for(LOOKED);
        self.settle(QUIET);
        self.proxy.take_turns()
    }

    /// Waits until nothing is said for so long; when the last word was.
    fn settle(&mut self, quiet: Duration) -> Instant {
        let mut seen = self.proxy.bytes();
        let mut last = Instant::now();
        while last.elapsed() < quiet {
            self.screen.settle_for(Duration::from_millis(1));
            let now = self.proxy.bytes();
            if now != seen {
                (seen, last) = (now, Instant::now());
            }
        }
        last
    }
}

/// Whether the visible rows show the change.
fn rows_are_so(screen: &Terminal, change: Change, set: Set) -> bool {
    let rows = screen.rows();
    if rows.iter().any(|row| row.contains("···")) {
        return false;
    }
    rows.iter().all(|row| {
        let is_meant = number_of(row).is_some_and(|n| set.holds(n));
        !is_meant || (!change.is_move() && !row.contains('●'))
    })
}

/// The number that stands in brackets behind the subject; behind it may be the size of the thread.
fn number_of(row: &str) -> Option<u32> {
    row.split('(')
        .skip(1)
        .filter_map(|part| part.split_once(')')?.0.parse().ok())
        .max()
}

fn commands(turns: &[Turn]) -> usize {
    let is_command = |line: &&str| line.split(' ').count() > 1;
    turns
        .iter()
        .flat_map(|t| t.said.lines())
        .filter(is_command)
        .count()
}

fn print_turns(turns: &[Turn]) {
    for Turn {
        connection, said, ..
    } in turns
    {
        let short = |line: &str| -> String {
            let mut out: String = line.chars().take(60).collect();
            if out.len() < line.len() {
                out.push('…');
            }
            out
        };
        let lines: Vec<String> = said.lines().map(short).collect();
        println!("    connection {connection}: {}", lines.join(" + "));
    }
}

/// The same changes by one socket, on a copy of the mailbox.
struct RawSide {
    raw: Raw,
    proxy: Proxy,
}

impl RawSide {
    fn new(dovecot: &Dovecot, user: &str) -> Self {
        let proxy = Proxy::before(dovecot.imap);
        let mut raw = Raw::connect(proxy.port, user);
        raw.time("SELECT INBOX");
        Self { raw, proxy }
    }

    fn once(&mut self, change: Change, set: Set) -> (f64, (u64, u64)) {
        let (verb, rest) = change.raw;
        let uids = self.raw.search(&format!("UID SEARCH KEYWORD {}", set.tag));
        assert!(!uids.is_empty());
        let before = self.proxy.bytes();
        let time = self.raw.time(&format!("{verb} {uids} {rest}"));
        let after = self.proxy.bytes();
        if change.is_move() {
            self.raw.time(&format!("SELECT {rest}"));
            self.raw.time("UID MOVE 1:* INBOX");
            self.raw.time("SELECT INBOX");
        } else {
            self.raw
                .time(&format!("{verb} {uids} -FLAGS.SILENT (\\Seen)"));
        }
        (time, (after.0 - before.0, after.1 - before.1))
    }
}
