//! How long a key takes to the screen in a long draft, beside an empty one: one table, one command.
//!
//! `cargo bench --no-default-features --bench compose -- [KEYS]` (200 unless told). Needs nothing:
//! the drafts are written in the demo, and filled by an editor that only copies a file.

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
mod terminal;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use terminal::Terminal;

const LONG: Duration = Duration::from_secs(60);
/// Of each draft so many bytes.
const BYTES: usize = 200_000;

fn main() {
    let mut numbers = std::env::args().filter_map(|arg| arg.parse::<usize>().ok());
    let keys = numbers.next().unwrap_or(200);
    let fill = |piece: &str| piece.repeat(BYTES / piece.len());
    let texts = [
        ("empty", String::new()),
        (
            "200 kB in lines",
            fill("A line of a long letter, as long as lines of letters mostly are, and a bit.\n"),
        ),
        ("200 kB in one line", fill("word ")),
        ("200 kB in one line, not ASCII", fill("wörter ")),
        ("200 kB without a blank", fill("x")),
    ];
    println!("| a key in a draft | at the start, median / p95 ms | at the end, median / p95 ms |");
    println!("|---|---|---|");
    for (name, text) in texts {
        let [start, end] = measure(&text, keys);
        println!("| {name} | {start} | {end} |");
    }
}

/// Types so many keys at the start and at the end of a draft with that text.
fn measure(text: &str, keys: usize) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = open(folder.path(), text);
    ["\x1b[1;5H", "\x1b[1;5F"].map(|place| {
        terminal.keys(place);
        terminal.settle(Duration::from_millis(500));
        let mut times: Vec<f64> = (0..keys).map(|_| lag(&mut terminal)).collect();
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        format!("{:.1} / {:.1}", at(50), at(95))
    })
}

/// A new message in the demo, with that text, and the cursor in it.
fn open(folder: &Path, text: &str) -> Terminal {
    let (letter, editor) = (folder.join("letter"), folder.join("editor"));
    fs::write(&letter, text).unwrap();
    let script = format!("#!/bin/sh\ncat '{}' > \"$1\"\n", letter.display());
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let env = [
        ("VISUAL", editor.display().to_string()),
        ("HOME", folder.display().to_string()),
        ("TERM", "xterm-256color".to_owned()),
    ];
    let mut terminal = Terminal::start(&["demo"], &env, 120, 40);
    terminal.wait("the demo", LONG, |screen| screen.contains("watching"));
    terminal.keys("c");
    terminal.wait("a new message", LONG, |screen| screen.contains("Ctrl-X"));
    terminal.keys("\x05");
    let head: String = text.chars().take(20).collect();
    terminal.wait("the text", LONG, |screen| {
        screen.contains(head.trim()) && screen.contains("Ctrl-F")
    });
    terminal.settle_for(Duration::from_secs(3));
    terminal
}

/// Types a letter; how long it takes until the screen is another, in milliseconds.
fn lag(terminal: &mut Terminal) -> f64 {
    terminal.settle_for(Duration::from_millis(20));
    let before = terminal.text();
    let pressed = std::time::Instant::now();
    terminal.keys("k");
    let shown = terminal.wait("the letter", LONG, |screen| screen != before);
    (shown - pressed).as_secs_f64() * 1e3
}
