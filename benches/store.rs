//! What the store takes for the work that a user waits for, as a table.
//!
//! Run by hand: `cargo bench --bench store --no-default-features [-- COUNT…]`. It must never be part of
//! the tests: figures depend on the machine.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a measurement for developers: it may stop at once, prints, and needs the clock"
)]

use pillarbox::model::{
    AccountKey, Address, BodyStructure, Destination, Envelope, Fetched, FetchedMessage, Flag,
    FlagChange, FlagSet, Folding, MailboxId, MailboxKey, ModSeq, Moment, OpKind, Part, PartId,
    Placed, Query, Role, Scope, Sort, Uid, UidValidity, ViewSpec,
};
use pillarbox::store::{Cursor, Reader, ServerStatus, Store, TreeEntry, Writer};
use std::time::{Duration, Instant};

const ERA: UidValidity = UidValidity::new(1).unwrap();
const WINDOW: u32 = 2000;
const NAMES: [&str; 8] = [
    "Ann",
    "Bob",
    "Čeněk",
    "Dóra",
    "Eve",
    "François",
    "Grace",
    "Heidi",
];
const WORDS: [&str; 12] = [
    "meeting",
    "invoice",
    "Übersicht",
    "plan",
    "release",
    "the",
    "for",
    "weekly",
    "report",
    "question",
    "about",
    "travel",
];

fn main() {
    let counts: Vec<u32> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let counts = if counts.is_empty() {
        vec![100_000, 1_000_000]
    } else {
        counts
    };
    for count in counts {
        measure(count);
    }
}

/// One figure: what, how long, and the goal.
fn line(what: &str, took: Duration, goal: &str) {
    println!("{what:<46} {:>10.3} ms   {goal}", took.as_secs_f64() * 1e3);
}

fn timed<T>(what: &str, goal: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = work();
    line(what, start.elapsed(), goal);
    out
}

/// The best of several runs: what the work takes when nothing else runs.
fn best<T>(what: &str, goal: &str, mut work: impl FnMut() -> T) -> T {
    let mut least = Duration::MAX;
    let mut out = work();
    for _ in 0..5 {
        let start = Instant::now();
        out = work();
        least = least.min(start.elapsed());
    }
    line(what, least, goal);
    out
}

fn measure(count: u32) {
    let is_small = count > 200_000;
    println!(
        "\n{count} {} messages",
        if is_small { "small" } else { "realistic" }
    );
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer().unwrap();
    let (account, inbox) = tree(&mut writer, &store.reader().unwrap(), count);
    fill(&mut writer, inbox, count, is_small);
    memory("after the first pull");
    drop(writer);
    best("open, nothing wrong", "≤ 5 ms", || {
        Store::open(dir.path()).unwrap()
    });
    let reader = store.reader().unwrap();
    let mut writer = store.writer().unwrap();
    views(&reader, inbox);
    memory("after all views");
    searches(&reader, inbox);
    if !is_small {
        texts(&mut writer, &reader, inbox);
    }
    changes(&mut writer, &reader, account, inbox);
    let size = |name: &str| std::fs::metadata(dir.path().join(name)).map_or(0, |m| m.len());
    println!(
        "mirror.db {:.0} MB, {:.0} bytes a message",
        size("mirror.db") as f64 / 1e6,
        size("mirror.db") as f64 / f64::from(count)
    );
    println!("search.db {:.0} MB", size("search.db") as f64 / 1e6);
    memory("at the end");
}

/// Takes the words of whole texts into the index, 1.5 kB a message, and looks for some of them.
fn texts(writer: &mut Writer, reader: &Reader, inbox: MailboxKey) {
    const WORDS_A_TEXT: usize = 240;
    let view = reader.view(&spec(inbox)).unwrap();
    let keys: Vec<_> = (0..view.len())
        .filter_map(|row| Some(view.placed(row)?.message))
        .collect();
    let mut random = fastrand::Rng::with_seed(7);
    // As in a language: few words are frequent, and most are rare.
    let mut text = || -> String {
        let words = (0..WORDS_A_TEXT).map(|_| {
            let rank = (random.f64() * 10.8).exp() as u32;
            format!(
                "{}{rank:x} ",
                ["a", "be", "con", "de", "ver"][rank as usize % 5]
            )
        });
        words.collect()
    };
    let pieces: Vec<Vec<_>> = keys
        .chunks(25)
        .map(|piece| piece.iter().map(|key| (*key, text())).collect())
        .collect();
    let bytes: usize = pieces.iter().flatten().map(|one| one.1.len()).sum();
    let mut longest = Duration::ZERO;
    timed("index all texts, 25 at a time", "", || {
        for piece in &pieces {
            let begun = Instant::now();
            writer.put_words(piece).unwrap();
            longest = longest.max(begun.elapsed());
        }
    });
    line("  the longest of these", longest, "≤ 50 ms");
    println!("  {:.0} MB of text", bytes as f64 / 1e6);
    for (what, query) in [
        ("a rare word in the texts", "body:a1e24"),
        ("a frequent word", "body:be1"),
        ("two letters that many words begin with", "body:be"),
        ("three words in a row", "body:\"a5 be6 con7\""),
        ("a word anywhere in a message", "con2a"),
    ] {
        let query = Query::parse(query, 0).unwrap();
        let filtered = ViewSpec {
            filter: Some(query),
            ..spec(inbox)
        };
        best(what, "≤ 100 ms", || reader.view(&filtered).unwrap());
    }
}

fn tree(writer: &mut Writer, reader: &Reader, count: u32) -> (AccountKey, MailboxKey) {
    let account = writer.account("bench").unwrap();
    let status = ServerStatus {
        messages: Some(count),
        ..ServerStatus::default()
    };
    let entry = |name: &str, role| TreeEntry {
        namespace: pillarbox::model::Namespace::Personal,
        rights: None,
        name: name.to_owned(),
        delimiter: Some('/'),
        role,
        is_subscribed: true,
        is_selectable: true,
        status,
    };
    writer
        .put_tree(
            account,
            &[entry("INBOX", Some(Role::Inbox)), entry("Other", None)],
        )
        .unwrap();
    let inbox = reader.mailboxes(account).unwrap().first().unwrap().key;
    writer.begin_era(inbox, ERA).unwrap();
    (account, inbox)
}

fn fill(writer: &mut Writer, inbox: MailboxKey, count: u32, is_small: bool) {
    let (mut took, mut cpu) = (Duration::ZERO, 0.0);
    let mut last = count;
    let mut quarter = Duration::ZERO;
    while last > 0 {
        let first = last.saturating_sub(WINDOW) + 1;
        let window: Vec<FetchedMessage> = (first..=last).map(|n| message(n, is_small)).collect();
        let (start, used) = (Instant::now(), cpu_secs());
        writer.put_messages(inbox, ERA, &window).unwrap();
        took += start.elapsed();
        cpu += cpu_secs() - used;
        if last > count - count / 4 {
            quarter = took;
        }
        last = first - 1;
    }
    let cursor = Cursor {
        uid_validity: Some(ERA),
        uid_next: Uid::new(count + 1),
        mod_seq: ModSeq(1),
        is_complete: true,
    };
    writer
        .put_cursor(inbox, cursor, ServerStatus::default())
        .unwrap();
    line("put_messages, all", took, "100k: ≤ 1500 ms");
    println!(
        "  CPU {cpu:.2} s; {:.1} µs a message in the first quarter, {:.1} in all",
        quarter.as_secs_f64() * 4e6 / f64::from(count),
        took.as_secs_f64() * 1e6 / f64::from(count)
    );
}

fn spec(inbox: MailboxKey) -> ViewSpec {
    ViewSpec {
        scope: Scope::Mailbox(inbox),
        filter: None,
        sort: Sort::Newest,
        threads: None,
    }
}

fn views(reader: &Reader, inbox: MailboxKey) {
    let flat = spec(inbox);
    let threads = ViewSpec {
        threads: Some(Folding::default()),
        ..flat.clone()
    };
    best("view_head, 50 rows", "≤ 1 ms", || {
        reader.view_head(&flat, 50).unwrap()
    });
    let head = best("view_head, 50 threads", "≤ 1 ms", || {
        reader.view_head(&threads, 50).unwrap()
    });
    best("rows of that head", "≤ 1 ms", || {
        reader.rows(&head, 0, 50).unwrap()
    });
    let whole = best("view", "1M: ≤ 300 ms", || reader.view(&flat).unwrap());
    let middle = whole.len() / 2;
    best("rows, 60 from the middle", "≤ 1 ms", || {
        reader.rows(&whole, middle, 60).unwrap()
    });
    let whole = best("view, threads", "1M: ≤ 300 ms", || {
        reader.view(&threads).unwrap()
    });
    println!("  {} threads", whole.len());
    let middle = whole.len() / 2;
    best("rows, 60 threads from the middle", "≤ 1 ms", || {
        reader.rows(&whole, middle, 60).unwrap()
    });
    let placed = whole.placed(middle).unwrap();
    best("position", "", || whole.position(placed));
    drop(whole);
    let everywhere = ViewSpec {
        scope: Scope::Everywhere(None),
        ..threads.clone()
    };
    best("view everywhere, threads", "", || {
        reader.view(&everywhere).unwrap()
    });
    let oldest = ViewSpec {
        sort: Sort::Oldest,
        ..flat.clone()
    };
    best("view_head, oldest first", "≤ 1 ms", || {
        reader.view_head(&oldest, 50).unwrap()
    });
    let subject = ViewSpec {
        sort: Sort::Subject,
        ..flat.clone()
    };
    timed("view by subject", "", || reader.view(&subject).unwrap());
    let open = Folding {
        is_open: true,
        ..Folding::default()
    };
    let open = ViewSpec {
        threads: Some(open),
        ..flat
    };
    best("view_head, all threads unfolded", "≤ 1 ms", || {
        reader.view_head(&open, 50).unwrap()
    });
    timed("view, all threads unfolded", "", || {
        reader.view(&open).unwrap()
    });
    best("uids", "", || reader.uids(inbox).unwrap());
}

fn searches(reader: &Reader, inbox: MailboxKey) {
    for text in [
        "subject:nowhere",
        "from:nowhere",
        "nowhere",
        "übers",
        "is:unread",
        "after:2023-11-01",
    ] {
        let filter = Some(Query::parse(text, 20_000).unwrap());
        let filtered = ViewSpec {
            filter,
            ..spec(inbox)
        };
        best(&format!("filter {text}"), "100k: ≤ 30 ms", || {
            reader.view(&filtered).unwrap()
        });
    }
}

/// Changes of 1 000 messages that lie close together, and of as many all over the mailbox.
fn changes(writer: &mut Writer, reader: &Reader, account: AccountKey, inbox: MailboxKey) {
    let view = reader.view(&spec(inbox)).unwrap();
    let placed = |first: u32, step: u32| -> Vec<Placed> {
        (0..1000)
            .filter_map(|n| view.placed(first + n * step))
            .collect()
    };
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    timed("record, 1 message", "", || {
        writer.record(&star, &placed(0, 7)[..1], 1).unwrap()
    });
    let everywhere = (view.len() - 10) / 1000;
    for (name, step) in [("near", 7), ("all over", everywhere)] {
        for first in 1..4 {
            flagged(writer, account, name, &placed(first, step));
        }
        for first in 1..4 {
            moved(writer, account, name, &placed(first, step));
        }
    }
    let top = reader.uids(inbox).unwrap().ranges().last().unwrap().1.get();
    let flags: Vec<FetchedMessage> = (top - 9999..=top).map(flags).collect();
    timed("put_messages, 10000 flags", "", || {
        writer.put_messages(inbox, ERA, &flags).unwrap()
    });
    let placed = placed(6, 7);
    best("missing_texts, 100", "≤ 1 ms", || {
        reader.missing_texts(account, 0, 1 << 20, 100).unwrap()
    });
    let text = text();
    let raws: Vec<_> = placed.iter().map(|p| (p.message, text.clone())).collect();
    timed("put_raws, 1000 of 10 kB", "", || {
        writer.put_raws(&raws).unwrap();
    });
    timed("tidy", "", || writer.tidy(1_700_000_000).unwrap());
}

fn flagged(writer: &mut Writer, account: AccountKey, name: &str, placed: &[Placed]) {
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    timed(&format!("record, 1000 {name}"), "≤ 30 ms", || {
        writer.record(&star, placed, 1).unwrap()
    });
    claimed(writer, account, name);
    timed(&format!("undo, 1000 {name}"), "≤ 30 ms", || {
        writer.undo(3).unwrap()
    });
    claimed(writer, account, name);
}

fn moved(writer: &mut Writer, account: AccountKey, name: &str, placed: &[Placed]) {
    let to = MailboxId {
        account,
        name: "Other".to_owned(),
    };
    let away = OpKind::Move(Destination::Mailbox(to));
    timed(&format!("record a move, 1000 {name}"), "≤ 40 ms", || {
        writer.record(&away, placed, 4).unwrap()
    });
    claimed(writer, account, name);
}

/// What replay does with the store when the server agrees.
fn claimed(writer: &mut Writer, account: AccountKey, name: &str) {
    let claims = timed(&format!("  claim, 1000 {name}"), "", || {
        writer.claim(account, 5, 2000, true).unwrap()
    });
    let targets: Vec<_> = claims.iter().flat_map(|c| c.targets.clone()).collect();
    timed(&format!("  settle, 1000 {name}"), "", || {
        writer.settle(&targets).unwrap()
    });
}

fn text() -> Vec<u8> {
    let mut seed = 1;
    let mut out = String::new();
    while out.len() < 10_000 {
        out.push_str(WORDS[random(&mut seed, WORDS.len() as u64) as usize]);
        out.push_str(&format!(" {} ", random(&mut seed, 1000)));
    }
    out.into_bytes()
}

fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn flags(n: u32) -> FetchedMessage {
    let mut seed = u64::from(n) + 7;
    let seen = ["\\Seen"];
    FetchedMessage {
        uid: Uid::new(n).unwrap(),
        fetched: Fetched {
            flags: Some(FlagSet::from_wire(
                seen.into_iter().filter(|_| random(&mut seed, 2) > 0),
            )),
            ..Fetched::default()
        },
    }
}

fn person(seed: &mut u64) -> Address {
    let name = NAMES[random(seed, 8) as usize];
    Address {
        name: format!("{name} Example-{}", random(seed, 5000)),
        address: format!(
            "{}.{}@mail.example.org",
            name.to_lowercase(),
            random(seed, 5000)
        ),
    }
}

fn id(n: u32) -> String {
    let mut seed = u64::from(n) * 77;
    let (a, b) = (random(&mut seed, 1 << 30), random(&mut seed, 1 << 30));
    format!("{a:08x}.{b:08x}.{n}@mail.example.org")
}

/// Message `n` of a mailbox: a third of them answer one of the last thirty.
fn message(n: u32, is_small: bool) -> FetchedMessage {
    let mut seed = u64::from(n) * 31;
    random(&mut seed, 2);
    let is_answer = n > 30 && random(&mut seed, 3) == 0;
    let parent = n - 1 - random(&mut seed, 29).min(u64::from(n) - 1) as u32;
    let mut subject = if is_answer {
        "Re: ".to_owned()
    } else {
        String::new()
    };
    for _ in 0..if is_small { 2 } else { 6 } {
        subject.push_str(WORDS[random(&mut seed, 12) as usize]);
        subject.push(' ');
    }
    subject.push_str(&random(&mut seed, 100_000).to_string());
    let arrived = Moment {
        unix_secs: 1_600_000_000 + i64::from(n) * 97,
        offset_mins: 60,
    };
    let envelope = Envelope {
        date: Some(arrived),
        subject,
        from: vec![person(&mut seed)],
        to: (0..1 + random(&mut seed, 3))
            .map(|_| person(&mut seed))
            .collect(),
        cc: (0..random(&mut seed, 2))
            .map(|_| person(&mut seed))
            .collect(),
        in_reply_to: if is_answer {
            vec![id(parent)]
        } else {
            Vec::new()
        },
        message_id: id(n),
        ..Envelope::default()
    };
    FetchedMessage {
        uid: Uid::new(n).unwrap(),
        fetched: Fetched {
            flags: flags(n).fetched.flags,
            arrived: Some(arrived),
            size_bytes: Some(2000 + random(&mut seed, 60_000)),
            mod_seq: Some(ModSeq(u64::from(n))),
            envelope: Some(envelope),
            structure: (!is_small).then(structure),
            ..Fetched::default()
        },
    }
}

fn structure() -> BodyStructure {
    let part = |id: &[u16], mime_type: &str| Part {
        id: PartId(id.to_vec()),
        mime_type: mime_type.to_owned(),
        charset: "utf-8".to_owned(),
        encoding: "quoted-printable".to_owned(),
        size_bytes: 4321,
        ..Part::default()
    };
    BodyStructure {
        parts: vec![
            part(&[], "multipart/alternative"),
            part(&[1], "text/plain"),
            part(&[2], "text/html"),
        ],
    }
}

fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos: u64 = stat
        .split(' ')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    nanos as f64 / 1e9
}

fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status
            .lines()
            .find(|l| l.starts_with(name))
            .unwrap_or_default();
        line.split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0.0)
            / 1000.0
    };
    println!(
        "memory {when}: {:.0} MB, at most {:.0}",
        of("VmRSS:"),
        of("VmHWM:")
    );
}
