//! Real messages through the whole program: server, sync, list, show and screen.
//!
//! Runs where `PILLARBOX_CORPUS` names a folder of mail with a `MANIFEST.tsv`; elsewhere it says that
//! it was skipped. The truth is what the server gives back, and no byte of a mail may steer a terminal.

use crate::support::{Dovecot, Kind, OtherClient, Program, Screen, sequences};
use pillarbox::engine::clock::monotonic;
use pillarbox::mime::{self, Form, Source};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The longest that opening a message may take: no measure, but a limit against what hangs.
const OPENING: Duration = Duration::from_secs(2);
/// The same for all that a row of the list needs of it.
const LISTING: Duration = Duration::from_millis(50);
/// In so many places a message is broken off.
const CUTS: usize = 20;
/// The most memory that the program may ever have.
const MEMORY: u64 = 300 * 1024 * 1024;

pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("PILLARBOX_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: PILLARBOX_CORPUS names no folder of mail");
    }
    folder
}

/// Every message of the folder with its name; mbox files are split at their `From ` lines.
pub(crate) fn messages(root: &Path) -> Vec<(String, Vec<u8>)> {
    let manifest = fs::read_to_string(root.join("MANIFEST.tsv")).expect("a manifest");
    let mut found = Vec::new();
    for row in manifest.lines().skip(1) {
        let mut cells = row.split('\t');
        let (path, kind) = (cells.next().unwrap(), cells.next().unwrap());
        let read = || fs::read(root.join(path)).expect("a file of the manifest");
        match kind {
            "message" => found.push((path.to_owned(), read())),
            "mbox" => {
                for (n, message) in split_mbox(&read()).into_iter().enumerate() {
                    found.push((format!("{path}#{n}"), message));
                }
            }
            _ => {}
        }
    }
    found
}

fn split_mbox(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"From ") {
            messages.push(Vec::new());
        } else if let Some(last) = messages.last_mut() {
            last.extend_from_slice(line);
        }
    }
    messages
}

/// As it goes over the wire: every line ends with CRLF.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(raw.len() + raw.len() / 20);
    for line in raw.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                wire.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
                wire.extend_from_slice(b"\r\n");
            }
            None => wire.extend_from_slice(line),
        }
    }
    wire
}

/// Delivers all that the server takes; what each of them is called, by UID.
pub(crate) fn deliver(
    client: &mut OtherClient,
    messages: &[(String, Vec<u8>)],
) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    let mut uid = 0;
    for (name, raw) in messages {
        // Dovecot takes no NUL (RFC 3501 has none outside of literal8).
        match client.append_bytes("INBOX", "", &with_crlf(raw)) {
            None => {
                uid += 1;
                names.insert(uid, name.clone());
            }
            Some(answer) => println!("not taken by the server: {name}: {answer}"),
        }
    }
    names
}

/// Whether it is done within the limit once in three times: other work on the machine is no fault.
fn is_within(limit: Duration, job: impl Fn()) -> bool {
    (0..3).any(|_| {
        let begun = monotonic();
        job();
        begun.elapsed() < limit
    })
}

#[test]
fn no_real_message_takes_long_to_list_or_to_open() {
    let Some(root) = folder() else { return };
    for (name, raw) in messages(&root) {
        let wire = with_crlf(&raw);
        let cuts = (1..=CUTS).map(|n| wire.get(..wire.len() * n / (CUTS + 1)));
        for raw in cuts.flatten().chain([raw.as_slice(), &wire]) {
            let is_listed = is_within(LISTING, || drop(mime::summary(raw, true)));
            assert!(is_listed, "{name}, {} bytes: listed too slowly", raw.len());
        }
        let is_opened = is_within(OPENING, || {
            drop(mime::reading(Source::Whole(&wire), 80, Form::Auto));
        });
        assert!(is_opened, "{name}: opened too slowly");
    }
}

/// Each message whole, and each broken off, all in different places.
fn whole_and_broken(root: &Path) -> Vec<(String, Vec<u8>)> {
    let whole = messages(root);
    let broken: Vec<(String, Vec<u8>)> = whole
        .iter()
        .enumerate()
        .map(|(n, (name, raw))| {
            let to = raw.len() * (n % CUTS + 1) / (CUTS + 1);
            (format!("{name}, {to} bytes of it"), raw[..to].to_vec())
        })
        .collect();
    whole.into_iter().chain(broken).collect()
}

fn is_harmless(c: char) -> bool {
    c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// Runs `show` in its three forms for one message and holds each against what the server has.
fn show(program: &Program, row: &Value, name: &str, body: &[u8]) {
    let id = row["id"].to_string();
    let begun = monotonic();
    let (code, raw, stderr) = program.run_bytes(&["show", &id, "--raw"], "");
    assert_eq!(
        code,
        Some(0),
        "{name}: {}",
        String::from_utf8_lossy(&stderr)
    );
    assert!(
        raw == body,
        "{name}: --raw gives {} bytes, the server {}",
        raw.len(),
        body.len()
    );
    let json = program.run(&["show", &id, "--json"]).expect(0);
    assert!(json.stdout.chars().all(is_harmless), "{name}: json");
    let shown = json.json();
    assert_eq!(shown.len(), 1, "{name}");
    for key in ["id", "uid", "subject", "date", "from", "size"] {
        assert_eq!(shown[0][key], row[key], "{name}: {key}");
    }
    assert!(!shown[0]["parts"].as_array().unwrap().is_empty(), "{name}");
    let text = program.run(&["show", &id]).expect(0);
    assert_eq!(text.stderr, "", "{name}");
    assert!(!text.stdout.is_empty(), "{name}");
    let bad: Vec<char> = text.stdout.chars().filter(|c| !is_harmless(*c)).collect();
    assert!(bad.is_empty(), "{name}: {bad:?}");
    assert!(
        begun.elapsed() < 3 * OPENING,
        "{name} took {:?}",
        begun.elapsed()
    );
}

#[test]
fn every_real_message_comes_through_the_command_line_whole_and_clean() {
    let Some(root) = folder() else { return };
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    let names = deliver(&mut client, &messages(&root));
    assert!(!names.is_empty(), "no message in {}", root.display());
    let program = Program::new(&dovecot.account("work", &user));
    let synced = program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(synced[0]["new"], names.len());
    let listed = program.run(&["list", "INBOX", "--json"]).expect(0);
    assert!(listed.stdout.chars().all(is_harmless));
    let text = program.run(&["list", "INBOX"]).expect(0);
    assert!(text.stdout.chars().all(is_harmless));
    assert_eq!(text.stdout.lines().count(), names.len());
    let rows = listed.json();
    assert_eq!(rows.len(), names.len());
    let bodies: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| {
            client.body(
                "INBOX",
                u32::try_from(row["uid"].as_u64().unwrap()).unwrap(),
            )
        })
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let uid = u32::try_from(row["uid"].as_u64().unwrap()).unwrap();
                    let at = rows.iter().position(|r| r["uid"] == row["uid"]).unwrap();
                    show(&program, row, &names[&uid], &bodies[at]);
                }
            });
        }
    });
}

/// What the screen itself writes: cells, the title (ended by BEL), modes at start and end.
const OURS: [&str; 10] = [
    "C0 07", "CSI ?h", "CSI ?l", "CSI H", "CSI c", "CSI m", "CSI t", "ESC 7", "ESC 8", "OSC 0",
];

/// A count as the screen shows it: `1,414`.
fn counted(n: usize) -> String {
    match n {
        0..1000 => n.to_string(),
        _ => format!("{},{:03}", n / 1000, n % 1000),
    }
}

#[test]
fn every_real_message_can_be_listed_and_opened_on_the_screen() {
    let Some(root) = folder() else { return };
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let names = deliver(&mut dovecot.client(&user), &whole_and_broken(&root));
    let program = Program::new(
        &("[ui]\nthreads = false\nmark_read_after = \"never\"\n".to_owned()
            + &dovecot.account("work", &user)),
    );
    program.run(&["sync"]).expect(0);
    // List and preview side by side: both draw what the mails hold.
    let mut screen = program.screen(&[], 150, 40);
    screen.wait_for(&format!(" 1 of {} ", counted(names.len())));
    for from in (1..names.len()).step_by(500) {
        let to = names.len().min(from + 500);
        screen.keys(&"j".repeat(to - from));
        screen.wait_for(&format!(" {} of ", counted(to)));
    }
    screen.keys("gg");
    screen.wait_for(" 1 of ");
    assert_clean(&mut screen);
    // Under 80 columns the reader has the screen for itself.
    let mut screen = program.screen(&[], 78, 60);
    screen.wait_for(" 1 of ");
    screen.keys("<Enter>");
    for (n, name) in (1..).zip(names.values().rev()) {
        let (place, begun) = (format!(" {} of ", counted(n)), monotonic());
        // The line between header and text stands there only when the text is there.
        screen.wait(&format!("{name}, opened"), |shown| {
            shown.contains(&place) && shown.contains(&"─".repeat(40))
        });
        assert!(
            begun.elapsed() < OPENING,
            "{name} took {:?}",
            begun.elapsed()
        );
        if n < names.len() {
            screen.keys("j");
        }
    }
    assert_clean(&mut screen);
}

/// Ends the program well, and looks at every byte that it wrote.
fn assert_clean(screen: &mut Screen) {
    let peak = screen.peak();
    assert!(
        peak.is_none_or(|peak| peak < MEMORY),
        "{peak:?} bytes of memory"
    );
    assert_eq!(screen.quit(), 0, "{}", screen.text());
    let raw = screen.raw();
    let found = sequences(&raw);
    let foreign: Vec<&String> = found
        .iter()
        .filter(|kind| !OURS.contains(&kind.as_str()))
        .collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    let count = |what: &[u8]| raw.windows(what.len()).filter(|w| *w == what).count();
    assert_eq!(
        count(b"\x07"),
        count(b"\x1b]0;"),
        "no bell but at the end of a title"
    );
    assert!(String::from_utf8(raw).is_ok(), "all of it is UTF-8");
}
