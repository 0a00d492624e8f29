//! Frames of whole messages as senders write them, from `tests/mail`, at two widths.
//!
//! Called by the test runner alone. The messages are made up after the structure of real ones; no
//! name, address or sentence in them belongs to anybody.

use crate::mime::{Form, Source, reading};
use crate::model::{Line, LineKind, Reading};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail")
}

fn mails() -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut all: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// A line as `ui` draws it, behind a letter for what it is.
fn drawn(line: &Line, next: Option<&Line>) -> String {
    let kind = match line.kind {
        LineKind::Text => ' ',
        LineKind::Heading => 'H',
        LineKind::Signature => 's',
        LineKind::Rule => '-',
        LineKind::Note => 'n',
        LineKind::Frame => 'f',
    };
    let mut out = format!("{kind}|{}", "> ".repeat(usize::from(line.quote)));
    let mut owed = 0;
    for (n, span) in line.spans.iter().enumerate() {
        let text = span.text.as_str();
        let taken = usize::from(span.blank_after_number(owed));
        out.push_str(text.get(taken..).unwrap_or_default());
        owed = 0;
        let follows = line
            .spans
            .get(n + 1)
            .or_else(|| next.and_then(|l| l.spans.first()));
        if let Some(link) = span
            .link
            .filter(|l| follows.is_none_or(|s| s.link != Some(*l)))
        {
            let number = format!("[{}]", link + 1);
            owed = u16::try_from(number.len()).unwrap();
            out.push_str(&number);
        }
    }
    out.trim_end().to_owned()
}

fn page(reading: &Reading) -> String {
    let lines = reading.body.iter().enumerate();
    let lines = lines.map(|(n, line)| drawn(line, reading.body.get(n + 1)));
    lines.collect::<Vec<_>>().join("\n")
}

fn frame(raw: &[u8]) -> String {
    let narrow = reading(Source::Whole(raw), 80, Form::Html);
    let wide = reading(Source::Whole(raw), 120, Form::Html);
    let mut out = page(&narrow);
    let wide = page(&wide);
    if wide != out {
        out.push_str("\n\n=== 120 ===\n");
        out.push_str(&wide);
    }
    out.push_str("\n\n=== links ===\n");
    for (n, link) in narrow.links.iter().enumerate() {
        write!(out, "{} {} <{}>", n + 1, link.text, link.host).unwrap();
        out.push('\n');
    }
    writeln!(
        out,
        "=== {} pictures not loaded, {} trackers, {} hidden ===",
        narrow.remote_pictures().len(),
        narrow.trackers,
        narrow.hidden_texts
    )
    .unwrap();
    for hidden in &narrow.hidden {
        for line in &hidden.lines {
            out.push_str(&drawn(line, None));
            out.push('\n');
        }
    }
    out
}

#[test]
fn mail_of_many_kinds_reads_well() {
    let mails = mails();
    assert!(mails.len() >= 20, "{}", mails.len());
    for (name, raw) in mails {
        insta::assert_snapshot!(name, frame(&raw));
    }
}

#[test]
fn no_line_of_any_mail_is_too_wide_and_no_two_are_empty() {
    for (name, raw) in mails() {
        for width in [20u16, 40, 60, 80, 100] {
            let reading = reading(Source::Whole(&raw), width, Form::Html);
            let mut was_empty = false;
            for line in &reading.body {
                let cols: usize = line
                    .spans
                    .iter()
                    .map(|s| crate::mime::wrap::columns(s.text.as_str()))
                    .sum();
                let cols = cols + Line::quote_cols(line.quote);
                assert!(cols <= usize::from(width), "{name} at {width}: {line:?}");
                let is_empty = line.spans.is_empty();
                assert!(
                    !(was_empty && is_empty),
                    "{name} at {width}: two empty lines"
                );
                was_empty = is_empty;
            }
        }
    }
}
