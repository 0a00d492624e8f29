//! Reads every message of a folder of real mail, whole and broken off, in all forms and widths.
//!
//! Called by the test runner; the folder is named by `PILLARBOX_CORPUS` and has a `MANIFEST.tsv` of
//! path and kind. Without it the test says so and returns. Must never write to the folder.

use super::{Form, Source, decode_part, envelope, part_body, reading, structure};
use crate::model::{PartId, Reading, Safe};
use std::path::{Path, PathBuf};

#[allow(
    clippy::disallowed_methods,
    reason = "the corpus lies outside the tree and is named by the environment"
)]
pub(super) fn folder() -> Option<PathBuf> {
    let root = std::env::var("PILLARBOX_CORPUS").ok();
    if root.is_none() {
        println!("skipped: PILLARBOX_CORPUS names no folder of mail");
    }
    root.map(PathBuf::from)
}

/// Every message of the folder, named.
pub(super) fn messages(root: &Path) -> Vec<(String, Vec<u8>)> {
    let manifest = std::fs::read_to_string(root.join("MANIFEST.tsv")).expect("a manifest");
    let mut out = Vec::new();
    for row in manifest.lines().skip(1) {
        let mut cells = row.split('\t');
        let (Some(path), Some(kind)) = (cells.next(), cells.next()) else {
            continue;
        };
        if !matches!(kind, "message" | "mbox") {
            continue;
        }
        let bytes = std::fs::read(root.join(path)).expect("a message");
        if kind == "message" {
            out.push((path.to_owned(), bytes));
            continue;
        }
        for (n, message) in split_mbox(&bytes).into_iter().enumerate() {
            out.push((format!("{path}#{n}"), message));
        }
    }
    out
}

fn split_mbox(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"From ") || out.is_empty() {
            out.push(Vec::new());
        }
        if let Some(last) = out.last_mut() {
            last.extend_from_slice(line);
        }
    }
    out
}

pub(super) fn with_breaks(raw: &[u8], line_break: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 20);
    for line in raw.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
                out.extend_from_slice(line_break);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn texts(reading: &Reading) -> impl Iterator<Item = &Safe> {
    let pairs = reading.headers.iter().chain(&reading.all_headers);
    let spans = reading.body.iter().flat_map(|l| &l.spans).map(|s| &s.text);
    let links = reading
        .links
        .iter()
        .flat_map(|l| [&l.shown, &l.host, &l.text]);
    let files = reading
        .attachments
        .iter()
        .flat_map(|a| [&a.name, &a.mime_type]);
    pairs
        .flat_map(|(n, v)| [n, v])
        .chain(spans)
        .chain(links)
        .chain(files)
}

/// Checks what must hold of a reading, whatever the bytes are.
fn check_reading(name: &str, raw: &[u8], width: u16, form: Form) -> Reading {
    let found = reading(Source::Whole(raw), width, form);
    assert!(!found.body.is_empty(), "{name}");
    for text in texts(&found) {
        assert!(!text.as_str().contains(is_unsafe), "{name}: {text:?}");
    }
    for line in &found.body {
        let wide: usize = line
            .spans
            .iter()
            .map(|s| super::wrap::columns(s.text.as_str()))
            .sum();
        let wide = wide + crate::model::Line::quote_cols(line.quote);
        assert!(wide <= usize::from(width), "{name} at {width}: {line:?}");
    }
    found
}

/// Reads one message in every way.
fn check(name: &str, raw: &[u8]) {
    let envelope = envelope(raw);
    let structure = structure(raw);
    assert!(!structure.parts.is_empty(), "{name}");
    let first = structure.parts.iter().find(|p| !p.id.0.is_empty());
    let id = first.map(|p| p.id.clone()).unwrap_or_default();
    assert!(part_body(raw, &id).is_some(), "{name}: {id}");
    let fetched = decode_part(raw, structure.parts[0].clone());
    assert!(fetched.mime_type.contains('/'), "{name}");
    for width in [20, 80, 200] {
        for form in [Form::Auto, Form::Plain, Form::Html] {
            let found = check_reading(name, raw, width, form);
            let is_headed = envelope.subject.is_empty() || !found.headers.is_empty();
            assert!(is_headed, "{name}");
        }
    }
    check_files(name, raw);
}

/// Every file that is listed can be saved, and what can be opened is read like any message.
fn check_files(name: &str, raw: &[u8]) {
    for file in super::files(Source::Whole(raw)) {
        let part = super::part(raw, &file.part);
        let part = part.unwrap_or_else(|| panic!("{name}: {} is not there", file.part));
        if let Some(inner) = super::reading_inside(&part, &file.part, 80, Form::Auto) {
            for text in texts(&inner) {
                assert!(!text.as_str().contains(is_unsafe), "{name}: {text:?}");
            }
        }
    }
}

/// In so many places each message is broken off.
const CUTS: usize = 20;

#[test]
fn every_real_message_opens_whole_and_broken() {
    let Some(root) = folder() else { return };
    let messages = messages(&root);
    assert!(!messages.is_empty(), "no message in {}", root.display());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, raw)) =
                    messages.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    check(name, &with_breaks(raw, b"\n"));
                    let raw = with_breaks(raw, b"\r\n");
                    check(name, &raw);
                    for cut in 1..=CUTS {
                        let cut = raw.len() * cut / (CUTS + 1);
                        let raw = raw.get(..cut).unwrap_or_default();
                        check_reading(name, raw, 80, Form::Auto);
                        check_files(name, raw);
                    }
                }
            });
        }
    });
    println!("{} messages read", messages.len());
}

#[test]
fn what_was_fetched_of_a_real_message_reads_like_the_whole() {
    let Some(root) = folder() else { return };
    for (name, raw) in messages(&root) {
        let nodes = super::tree::scan(&raw);
        let structure = structure(&raw);
        let parts: Vec<(PartId, Vec<u8>)> = nodes
            .iter()
            .map(|n| {
                (
                    n.part.id.clone(),
                    raw.get(n.header.start..n.body.end)
                        .unwrap_or_default()
                        .to_vec(),
                )
            })
            .collect();
        let header = raw
            .get(..super::parse_headers(&raw).body_at)
            .unwrap_or_default();
        let source = Source::Parts {
            header,
            structure: &structure,
            parts: &parts,
        };
        let (whole, parts) = (
            reading(Source::Whole(&raw), 80, Form::Auto),
            reading(source, 80, Form::Auto),
        );
        assert_eq!(parts.body, whole.body, "{name}");
        assert_eq!(parts.attachments, whole.attachments, "{name}");
    }
}
