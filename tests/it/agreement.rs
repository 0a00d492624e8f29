//! What we read in real messages, held against what Python's `email` package reads.
//!
//! Runs where `PILLARBOX_CORPUS` names a folder of mail and python3 is installed; elsewhere it says that
//! it was skipped. `docs/mime.md` has the rule of what is well-formed and lists every difference: one that
//! is not listed fails, and so does one that is listed and not there any more.

use crate::corpus::{folder, messages};
use crate::support::repository;
use pillarbox::mime::{self, Form, Source};
use pillarbox::model::{LineKind, Part, PartId, Reading, Safe};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// How much of one thing is read alike.
#[derive(Default)]
struct Tally {
    alike: usize,
    all: usize,
}

impl Tally {
    fn add(&mut self, alike: usize, all: usize) {
        self.alike += alike;
        self.all += all;
    }

    /// In hundredths of a percent.
    fn share(&self) -> usize {
        (self.alike * 10_000)
            .checked_div(self.all)
            .unwrap_or(10_000)
    }
}

/// What is compared.
const KINDS: [&str; 8] = [
    "subject",
    "from",
    "to",
    "date",
    "parts",
    "files",
    "words",
    "words of pages",
];
/// The least share that must be alike, in hundredths of a percent: no list explains away more than the rest.
const SHARE_MIN: usize = 9_950;

/// Message, kind, ours, theirs.
type Difference = (String, &'static str, String, String);

#[derive(Default)]
struct Comparison {
    tallies: [Tally; KINDS.len()],
    differences: Vec<Difference>,
    messages: usize,
}

impl Comparison {
    fn hold(&mut self, name: &str, kind: &'static str, ours: &[String], theirs: &[String]) {
        let mut left = ours.to_vec();
        let mut missing = Vec::new();
        for one in theirs {
            match left.iter().position(|o| o == one) {
                Some(at) => drop(left.remove(at)),
                None => missing.push(one.clone()),
            }
        }
        self.count(
            name,
            kind,
            theirs.len() - missing.len(),
            theirs.len().max(ours.len()),
            (&left.join(" · "), &missing.join(" · ")),
        );
    }

    fn count(
        &mut self,
        name: &str,
        kind: &'static str,
        alike: usize,
        all: usize,
        differing: (&str, &str),
    ) {
        let at = KINDS.iter().position(|k| *k == kind).unwrap();
        self.tallies[at].add(alike, all);
        if alike < all {
            self.differences.push((
                name.to_owned(),
                kind,
                differing.0.to_owned(),
                differing.1.to_owned(),
            ));
        }
    }

    fn message(&mut self, name: &str, raw: &[u8], python: &Value) {
        self.messages += 1;
        let envelope = mime::envelope(raw);
        let people = |all: &[pillarbox::model::Address]| -> Vec<String> {
            all.iter()
                .map(|a| format!("{} <{}>", a.name, a.address))
                .collect()
        };
        let theirs = |key: &str| -> Vec<String> {
            python[key]
                .as_array()
                .unwrap()
                .iter()
                .map(|a| format!("{} <{}>", a[0].as_str().unwrap(), a[1].as_str().unwrap()))
                .collect()
        };
        self.hold(
            name,
            "subject",
            std::slice::from_ref(&envelope.subject),
            &[python["subject"].as_str().unwrap_or("").to_owned()],
        );
        self.hold(name, "from", &people(&envelope.from), &theirs("from"));
        self.hold(name, "to", &people(&envelope.to), &theirs("to"));
        let date = envelope
            .date
            .map(|d| format!("{}{:+}", d.unix_secs, d.offset_mins));
        let their_date = python["date"]
            .as_array()
            .map(|d| format!("{:.0}{:+}", d[0].as_f64().unwrap(), d[1].as_f64().unwrap()));
        self.hold(
            name,
            "date",
            &[date.unwrap_or_default()],
            &[their_date.unwrap_or_default()],
        );
        let reading = mime::reading(Source::Whole(raw), 100, Form::Plain);
        self.parts(name, raw, python, &reading);
        self.words(name, python, &reading);
    }

    fn parts(&mut self, name: &str, raw: &[u8], python: &Value, reading: &Reading) {
        let structure = mime::structure(raw);
        let print = |part: &Part| {
            let bytes = body(raw, &part.id, &part.mime_type);
            format!("{} {} {}", part.mime_type, bytes.len(), hex(&bytes))
        };
        let all: Vec<&Part> = structure
            .parts
            .iter()
            .filter(|p| !p.is_multipart())
            .collect();
        let ours: Vec<String> = all.iter().map(|p| print(p)).collect();
        let parts = python["parts"].as_array().unwrap();
        let their_print = |p: &Value| {
            format!(
                "{} {} {}",
                p["type"].as_str().unwrap(),
                p["size"],
                p["sha"].as_str().unwrap()
            )
        };
        let theirs: Vec<String> = parts.iter().map(their_print).collect();
        self.hold(name, "parts", &ours, &theirs);
        // Attachments as they are listed and saved.
        // Python does not look into winmail.dat and texts: there the part around a file counts.
        let holder = |id: &PartId| mime::holder(&structure, id).and_then(|h| structure.part(&h.0));
        let mut held: Vec<&Part> = reading
            .attachments
            .iter()
            .filter_map(|file| holder(&file.part))
            .collect();
        held.dedup();
        let is_inline = |p: &&Part| p.mime_type == "text/plain" && !p.is_attachment();
        held.retain(|p| !is_inline(p));
        let listed: Vec<String> = held
            .iter()
            .map(|part| {
                let bytes = body(raw, &part.id, &part.mime_type);
                let is_named = !part.name.is_empty() && !part.mime_type.starts_with("message/");
                let name = mime::file_name(&part.name, &part.mime_type, 0);
                format!("{} {}", if is_named { &name } else { "" }, hex(&bytes))
            })
            .collect();
        let theirs: Vec<String> = parts
            .iter()
            .filter(|p| p["is_file"] == true)
            .map(|p| {
                let (written, kind) = (p["name"].as_str().unwrap(), p["type"].as_str().unwrap());
                let shown = if written.is_empty() || kind.starts_with("message/") {
                    String::new()
                } else {
                    mime::file_name(written, kind, 0)
                };
                format!("{shown} {}", p["sha"].as_str().unwrap())
            })
            .collect();
        self.hold(name, "files", &listed, &theirs);
    }

    fn words(&mut self, name: &str, python: &Value, reading: &Reading) {
        let lines = reading
            .body
            .iter()
            .filter(|l| !matches!(l.kind, LineKind::Note | LineKind::Rule));
        let ours: Vec<String> = lines
            .map(|line| {
                line.spans
                    .iter()
                    .filter(|s| !s.emphasis.is_ours)
                    .map(|s| s.text.as_str())
                    .collect()
            })
            .collect();
        let text = python["text"].as_str().unwrap();
        let theirs: Vec<String> = text
            .lines()
            .map(|line| {
                Safe::line(line.trim_start_matches(['>', ' ']))
                    .as_str()
                    .to_owned()
            })
            .collect();
        let is_page = python["is_page"] == true;
        let (found, missing) = found_in(&theirs, &ours);
        let (back, extra) = if is_page {
            (Vec::new(), Vec::new())
        } else {
            found_in(&ours, &theirs)
        };
        let kind = if is_page { "words of pages" } else { "words" };
        let cut = |words: &[String]| words.iter().take(12).cloned().collect::<Vec<_>>().join(" ");
        let all = found.len() + missing.len() + back.len() + extra.len();
        self.count(
            name,
            kind,
            found.len() + back.len(),
            all,
            (&cut(&extra), &cut(&missing)),
        );
    }
}

/// The bytes of a part. Of an attached message without blanks, since Python gives none as they came.
fn body(raw: &[u8], id: &PartId, mime_type: &str) -> Vec<u8> {
    let mut bytes = mime::part_body(raw, id).unwrap_or_default();
    if mime_type.starts_with("message/") {
        bytes.retain(|b| !matches!(b, b' ' | b'\t'..=b'\r'));
    }
    bytes
}

/// Which words of `lines` stand in `others`, in this order, and which do not. Blanks do not count: where
/// lines are broken is a matter of width.
fn found_in(lines: &[String], others: &[String]) -> (Vec<String>, Vec<String>) {
    const NEAR: usize = 400;
    let tight: String = others
        .iter()
        .flat_map(|l| l.chars())
        .filter(|c| !c.is_whitespace())
        .collect();
    let mut rest = tight.as_str();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for word in lines.iter().flat_map(|l| l.split_whitespace()) {
        let near = rest
            .char_indices()
            .nth(NEAR)
            .map_or(rest, |(at, _)| rest.split_at(at).0);
        match near.find(word).or_else(|| rest.find(word)) {
            Some(at) => {
                rest = rest.split_at(at + word.len()).1;
                found.push(word.to_owned());
            }
            None => missing.push(word.to_owned()),
        }
    }
    (found, missing)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// What Python says of each message; `None` where there is no python3.
fn python(messages: &[(String, Vec<u8>)]) -> Option<Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    for (n, (_, raw)) in messages.iter().enumerate() {
        fs::write(folder.path().join(format!("{n}.eml")), raw).unwrap();
    }
    let script = repository("tests/it/agreement.py");
    let Ok(done) = Command::new("python3")
        .arg(script)
        .arg(folder.path())
        .output()
    else {
        println!("skipped: there is no python3");
        return None;
    };
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let lines = String::from_utf8(done.stdout).unwrap();
    Some(
        lines
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect(),
    )
}

const MARK: &str = "<!-- begin figures -->\n";

/// What stands between the two marks of that name in docs/mime.md.
fn block(page: &str, name: &str) -> String {
    let begin = format!("<!-- begin {name} -->\n");
    let rest = page.split_once(&begin).expect("the mark").1;
    rest.split_once(&format!("<!-- end {name} -->"))
        .expect("its end")
        .0
        .to_owned()
}

/// The differences that docs/mime.md lists: message and kind.
fn listed(page: &str) -> BTreeSet<(String, String)> {
    let list = block(page, "differences");
    let rows = list.lines().filter(|l| l.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row
            .split('|')
            .map(|c| c.trim().trim_matches('`').to_owned())
            .skip(1);
        (cells.next().unwrap(), cells.next().unwrap())
    })
    .collect()
}

/// The table of figures as it stands in docs/mime.md.
fn figures(clean: &Comparison, others: &Comparison, failures: usize) -> String {
    let all = clean.messages + others.messages + failures;
    let mut out = format!(
        "{all} messages, Python {}: {} are well-formed, {} are not, and at {failures} Python fails.\n\n\
         | what | alike, well-formed | listed | alike, not well-formed |\n|---|---|---|---|\n",
        version(),
        clean.messages,
        others.messages
    );
    for (at, kind) in KINDS.iter().enumerate() {
        let cell = |t: &Tally| {
            format!(
                "{} of {} ({}.{:02} %)",
                t.alike,
                t.all,
                t.share() / 100,
                t.share() % 100
            )
        };
        let (a, b) = (&clean.tallies[at], &others.tallies[at]);
        let line = format!(
            "| {kind} | {} | {} | {} |\n",
            cell(a),
            a.all - a.alike,
            cell(b)
        );
        out.push_str(&line);
    }
    out
}

/// The version of Python that the list was made with, or another.
fn version() -> String {
    let done = Command::new("python3").arg("--version").output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let number = said.trim().trim_start_matches("Python ").to_owned();
    number
        .rsplit_once('.')
        .map_or(number.clone(), |(minor, _)| minor.to_owned())
}

/// Prints each difference, for whoever has to find its cause.
fn print(what: &str, differences: &[Difference]) {
    for (name, kind, ours, theirs) in differences {
        println!("{what} {name}: {kind}\n  ours   {ours:.500}\n  Python {theirs:.500}");
    }
}

#[test]
fn well_formed_mail_is_read_as_python_reads_it() {
    let Some(root) = folder() else { return };
    let messages = messages(&root);
    let Some(said) = python(&messages) else {
        return;
    };
    assert_eq!(said.len(), messages.len());
    let (mut clean, mut others) = (Comparison::default(), Comparison::default());
    let mut failures = 0;
    for ((name, raw), python) in messages.iter().zip(&said) {
        let faults = python["faults"].as_array().unwrap();
        if python.get("parts").is_none() {
            failures += 1;
        } else if faults.is_empty() {
            clean.message(name, raw, python);
        } else {
            others.message(name, raw, python);
        }
    }
    print("", &clean.differences);
    print("(not well-formed)", &others.differences);
    let figures = figures(&clean, &others, failures);
    println!("{figures}");
    for (kind, tally) in KINDS.iter().zip(&clean.tallies) {
        assert!(
            tally.share() >= SHARE_MIN,
            "{kind}: {} of {}",
            tally.alike,
            tally.all
        );
    }
    let path = repository("docs/mime.md");
    let page = fs::read_to_string(&path).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(
            &path,
            page.replace(
                &format!("{MARK}{}", block(&page, "figures")),
                &format!("{MARK}{figures}"),
            ),
        )
        .unwrap();
        return;
    }
    let held = block(&page, "figures");
    if !held.contains(&format!("Python {}:", version())) {
        println!("the list of differences was made with another Python: only the shares were held");
        return;
    }
    let listed = listed(&page);
    let found: BTreeSet<(String, String)> = clean
        .differences
        .iter()
        .map(|d| (d.0.clone(), d.1.to_owned()))
        .collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in docs/mime.md: {unlisted:?}");
    let stale: Vec<_> = listed.difference(&found).collect();
    assert!(
        stale.is_empty(),
        "docs/mime.md lists what is alike now: {stale:?}"
    );
    assert_eq!(held, figures, "UPDATE=1 writes the figures anew");
}
