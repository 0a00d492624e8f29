//! What hostile messages cost to list and to open, and whether twice the bytes cost more than twice.
//!
//! `cargo bench --no-default-features --bench read [-- KILOBYTES]` (1000 unless told). Needs nothing but the
//! program's own library. Each bomb is measured in a process of its own, so that its memory is known; the run
//! ends with 1 where a limit is broken: a row of the list 50 ms, opening 2 s, 300 MB, and for twice the bytes
//! 2.2 times the time. Opening is the slowest of the text, the files, the cards, and what a page shows. The page
//! for the browser has to be there in 2 s: the library that cleans it is not linear. Times under ten
//! milliseconds have no ratio. Texts are cut at 2 MiB, so that more than a megabyte often costs no more.

#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures time and may end with a panic"
)]

use pillarbox::mime::{self, Form, Source, Viewer};
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::process::{Command, ExitCode};

const LIST_MS: f64 = 50.0;
const OPEN_MS: f64 = 2000.0;
const MEMORY_MB: f64 = 300.0;
const RATIO: f64 = 2.2;
/// Less than this is no measure.
const LEAST_MS: f64 = 10.0;

/// A name, what stands before, what is repeated (`#` is its number), and what stands behind.
type Bomb = (&'static str, &'static str, &'static str, &'static str);

const HTML: &str = "Content-Type: text/html\r\n\r\n";

const CALENDAR: &str =
    "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n";

const BOMBS: [Bomb; 50] = [
    ("addresses", "To: ", "a#@b.org, ", "\r\n\r\nx"),
    ("groups without an end", "To: ", "g#:", "\r\n\r\nx"),
    ("open brackets in addresses", "From: ", "<\"(", "\r\n\r\nx"),
    ("semicolons", "Cc: ", ";", "\r\n\r\nx"),
    ("References", "References: ", "<#@x>\r\n ", "\r\n\r\nx"),
    ("fields", "", "X-#: y\r\n", "\r\nx"),
    ("one endless field", "Subject: ", "word# ", "\r\n\r\nx"),
    (
        "encoded words",
        "Subject: ",
        "=?utf-8?q?a=C3=BC#?=\r\n ",
        "\r\n\r\nx",
    ),
    (
        "encoded words without an end",
        "Subject: ",
        "=?utf-8?q?",
        "\r\n\r\nx",
    ),
    (
        "parameters",
        "Content-Type: text/plain",
        "; p*#*=a",
        "\r\n\r\nx",
    ),
    (
        "parameter continued",
        "Content-Type: image/png; name*0=a",
        ";\r\n name*#=b",
        "\r\n\r\nx",
    ),
    (
        "quoted lines",
        "\r\n",
        "> a line # that somebody wrote\r\n",
        "",
    ),
    ("quotes ever deeper", "\r\n", ">", " x\r\n"),
    (
        "quotes up and down",
        "\r\n",
        "> > > a #\r\n> b\r\n>> > c\r\n",
        "",
    ),
    ("one endless line", "\r\n", "words and words # ", ""),
    ("one endless word", "\r\n", "x", ""),
    (
        "a flowed paragraph",
        "Content-Type: text/plain; format=flowed\r\n\r\n",
        "words that flow # \r\n",
        "",
    ),
    (
        "addresses of the web",
        "\r\n",
        "http://a#.example.org/b?c=d ",
        "",
    ),
    ("combining characters", "\r\n", "\u{301}\u{200b}", ""),
    (
        "quoted-printable",
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
        "=C3=BC=\r\n=zz ",
        "",
    ),
    (
        "base64",
        "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "AAAA!=\r\n",
        "",
    ),
    (
        "uuencoded files",
        "\r\n",
        "begin 644 f#\r\n#0V%T\r\n`\r\nend\r\n",
        "",
    ),
    ("uuencoded without an end", "\r\n", "begin 644 f#\r\n", ""),
    (
        "parts",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "--b\r\n\r\ntext #\r\n",
        "--b--\r\n",
    ),
    (
        "parts inside parts",
        "",
        "Content-Type: multipart/mixed; boundary=b#\r\n\r\n--b#\r\n",
        "\r\nx",
    ),
    (
        "lines that look like delimiters",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n",
        "--bb\r\n",
        "",
    ),
    (
        "messages inside messages",
        "",
        "Content-Type: message/rfc822\r\n\r\n",
        "Subject: x\r\n\r\nx",
    ),
    ("elements ever deeper", HTML, "<div>", "x"),
    ("tables ever deeper", HTML, "<table><tr><td>", "x"),
    (
        "a table of many rows",
        HTML,
        "<tr><td>a #<td>b<td>c</tr>",
        "",
    ),
    ("lists ever deeper", HTML, "<ul><li>", "x"),
    (
        "text in a page",
        HTML,
        "<p>words <b>and</b> <i>words</i> #</p>",
        "",
    ),
    (
        "links in a page",
        HTML,
        "<a href=\"https://a#.example.org/\">here</a> ",
        "",
    ),
    (
        "rules of style and what they are for",
        HTML,
        "<style>.c#{color:red}</style><p class=\"a b c#\" style=\"color:blue\">x</p>",
        "",
    ),
    (
        "hidden elements",
        HTML,
        "<div style=\"display:none\">x<span style=\"font-size:0\">y",
        "z",
    ),
    (
        "parts that are signed",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        "--b\r\nContent-Type: multipart/signed; boundary=c#\r\n\r\n--c#\r\n\r\nx\r\n--c#--\r\n",
        "--b--\r\n",
    ),
    (
        "people who are invited",
        CALENDAR,
        "ATTENDEE;CN=x#:mailto:a#@b.org\r\n",
        "END:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    ("calendars ever deeper", CALENDAR, "BEGIN:VEVENT\r\n", ""),
    (
        "reports of delivery",
        "Content-Type: message/delivery-status\r\n\r\n",
        "Final-Recipient: x; a#@b\r\n\r\n",
        "",
    ),
    (
        "forms of one text",
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n",
        "--b\r\nContent-Type: text/html\r\n\r\n<p>text #\r\n",
        "--b--\r\n",
    ),
    (
        "rules of style",
        "Content-Type: text/html\r\n\r\n<style>",
        ".c#{color:red;display:none} ",
        "</style><p class=c1>x",
    ),
    ("formats that differ", HTML, "<b a#>x", ""),
    ("formats that others close", HTML, "<b a#></i>x", ""),
    ("fonts that differ", HTML, "<p><font color=#>x", ""),
    ("elements of Office", HTML, "<o:p>x<p>y", ""),
    ("attributes of a body", HTML, "<body a#></body>", "x"),
    (
        "words outside of cells",
        "Content-Type: text/html\r\n\r\n<table>",
        "<i>x</i>",
        "",
    ),
    ("lists of options", HTML, "<select><option>x", ""),
    ("entities", HTML, "&amp;&#x41;&nosuch;", ""),
    (
        "attributes",
        "Content-Type: text/html\r\n\r\n<p ",
        "a#=\"b\" ",
        ">x",
    ),
];

fn build((_, before, piece, after): Bomb, bytes: usize) -> Vec<u8> {
    let mut out = String::with_capacity(bytes + 4096);
    out.push_str("From: a@b.org\r\nDate: Mon, 06 Apr 2026 10:00:00 +0000\r\n");
    out.push_str(before);
    let mut n = 0;
    while out.len() < bytes {
        n += 1;
        match piece.split_once('#') {
            Some((head, tail)) => {
                out.push_str(head);
                write!(out, "{n}").unwrap();
                out.push_str(tail);
            }
            None => out.push_str(piece),
        }
    }
    out.push_str(after);
    out.into_bytes()
}

/// A `winmail.dat` of many small files, as a part of that type.
fn winmail(bytes: usize) -> Vec<u8> {
    let mut out = b"Content-Type: application/ms-tnef\r\n\r\n".to_vec();
    out.extend([0x78, 0x9f, 0x3e, 0x22, 1, 0]);
    while out.len() < bytes {
        for (id, data) in [
            (0x0006_9002u32, &b"\x01\0\0\0"[..]),
            (0x0001_8010, b"a.txt\0"),
            (0x0006_800f, b"x"),
        ] {
            out.push(2);
            out.extend(id.to_le_bytes());
            out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            out.extend(data);
            out.extend([0, 0]);
        }
    }
    out
}

/// A `winmail.dat` of properties that say to have thousands of values, which take no bytes.
fn nothing(bytes: usize) -> Vec<u8> {
    const PROPS: u32 = 10_000;
    let mut set = PROPS.to_le_bytes().to_vec();
    for _ in 0..PROPS {
        set.extend([1, 0x10, 1, 0]);
        set.extend(10_000u32.to_le_bytes());
    }
    let mut out = b"Content-Type: application/ms-tnef\r\n\r\n".to_vec();
    out.extend([0x78, 0x9f, 0x3e, 0x22, 1, 0]);
    while out.len() < bytes {
        out.push(1);
        out.extend(0x0006_9003u32.to_le_bytes());
        out.extend(u32::try_from(set.len()).unwrap().to_le_bytes());
        out.extend(&set);
        out.extend([0, 0]);
    }
    out
}

/// What a server found out, in comments.
fn results(bytes: usize) -> Vec<u8> {
    let field = format!("Authentication-Results: mx; {}\r\n", "()".repeat(30_000));
    (field.repeat(bytes / field.len() + 1) + "\r\nx").into_bytes()
}

/// A page of many pictures, and as many parts that they may mean.
fn pictures(bytes: usize) -> Vec<u8> {
    let mut out =
        "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
            .to_owned();
    for n in 0.. {
        write!(out, "<img src=\"cid:{n}@none\">").unwrap();
        if out.len() >= bytes / 2 {
            break;
        }
    }
    for n in 0.. {
        write!(
            out,
            "\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <{n}@x>\r\n\r\nx"
        )
        .unwrap();
        if out.len() >= bytes {
            break;
        }
    }
    out.into_bytes()
}

type Special = (&'static str, fn(usize) -> Vec<u8>);

const SPECIAL: [Special; 4] = [
    ("files in a winmail.dat", winmail),
    ("properties without bytes in one", nothing),
    ("comments of a server's results", results),
    ("pictures named by their ids", pictures),
];

fn names() -> Vec<&'static str> {
    let others = SPECIAL.iter().map(|s| s.0);
    BOMBS.iter().map(|b| b.0).chain(others).collect()
}

fn message(name: &str, bytes: usize) -> Vec<u8> {
    match BOMBS.iter().find(|b| b.0 == name) {
        Some(bomb) => build(*bomb, bytes),
        None => {
            let special = SPECIAL.iter().find(|s| s.0 == name);
            special.unwrap().1(bytes)
        }
    }
}

/// The fastest of nine, in milliseconds. All of it is work of this thread, so it is the time that the
/// processor gave to the thread, which other programs on the machine touch least.
fn time<T>(job: impl Fn() -> T) -> f64 {
    let now = || {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        let [secs, nanos] = [spent.tv_sec, spent.tv_nsec].map(|n| u32::try_from(n).unwrap());
        f64::from(secs) * 1e3 + f64::from(nanos) / 1e6
    };
    let once = || {
        let begun = now();
        let made = job();
        let took = now() - begun;
        drop(made);
        took
    };
    (0..9).map(|_| once()).fold(f64::MAX, f64::min)
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Measures one bomb at one size, for the process that started this one.
fn measure(name: &str, bytes: usize) {
    let raw = message(name, bytes);
    let list = time(|| mime::summary(&raw, true));
    let plain = time(|| mime::reading(Source::Whole(&raw), 80, Form::Auto));
    let files = time(|| mime::files(Source::Whole(&raw)));
    let viewer = Viewer {
        trusted: "mx".to_owned(),
        ..Viewer::default()
    };
    let cards = time(|| mime::cards(Source::Whole(&raw), &viewer));
    let wanted = time(|| mime::page_pictures(Source::Whole(&raw)));
    let page = time(|| mime::page(Source::Whole(&raw), &[]));
    let slowest = [plain, files, cards, wanted]
        .into_iter()
        .fold(0.0, f64::max);
    println!("{list} {slowest} {page} {}", peak_mb());
}

fn asked(name: &str, bytes: usize) -> [f64; 4] {
    let own = std::env::current_exe().unwrap();
    let done = Command::new(own)
        .args(["measure", name, &bytes.to_string()])
        // Else the system takes large blocks back between two runs, and its giving them out again is
        // most of what is measured from some size on.
        .envs(
            ["TRIM_THRESHOLD", "MMAP_THRESHOLD", "TOP_PAD"]
                .map(|of| (format!("MALLOC_{of}_"), "1000000000")),
        )
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let said = String::from_utf8(done.stdout).unwrap();
    let all: Vec<f64> = said
        .split_whitespace()
        .map(|w| w.parse().unwrap())
        .collect();
    [all[0], all[1], all[2], all[3]]
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    if let [verb, name, bytes] = args.as_slice()
        && verb == "measure"
    {
        measure(name, bytes.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let kilobytes: usize = args.iter().find_map(|a| a.parse().ok()).unwrap_or(1000);
    let bytes = kilobytes * 1000;
    println!("{kilobytes} kB, and twice as much; milliseconds, the fastest of nine\n");
    println!(
        "{:<34} {:>7} {:>7} {:>6} {:>8} {:>8} {:>6} {:>7} {:>7}",
        "bomb", "list", "twice", "ratio", "open", "twice", "ratio", "page", "MB"
    );
    let mut broken = 0;
    for name in names() {
        let [list, open, ..] = asked(name, bytes);
        let [list2, open2, page, memory] = asked(name, 2 * bytes);
        let ratio = |a: f64, b: f64| (b > LEAST_MS && a > 0.0).then(|| b / a);
        let shown = |r: Option<f64>| r.map_or("–".to_owned(), |r| format!("{r:.2}"));
        let (of_list, of_open) = (ratio(list, list2), ratio(open, open2));
        let is_steep = [of_list, of_open].into_iter().flatten().any(|r| r > RATIO);
        let is_over = list2 > LIST_MS || open2.max(page) > OPEN_MS || memory > MEMORY_MB;
        let mark = if is_steep || is_over { "  BROKEN" } else { "" };
        broken += usize::from(is_steep || is_over);
        println!(
            "{name:<34} {list:>7.1} {list2:>7.1} {:>6} {open:>8.1} {open2:>8.1} {:>6} {page:>7.1} {memory:>7.0}{mark}",
            shown(of_list),
            shown(of_open)
        );
    }
    if broken == 0 {
        return ExitCode::SUCCESS;
    }
    println!("\n{broken} beyond the limits");
    ExitCode::FAILURE
}
