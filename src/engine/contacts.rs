//! Files of contacts (vCard 3.0 and 4.0, RFC 6350): who is in them, read again when they change.
//!
//! Used by `gather`, on a thread for what blocks. Never writes to them, and never proposes what cannot
//! be sent to.

use crate::model::Address;
use crate::store::{People, Person};
use calcard::vcard::{
    VCard, VCardEntry, VCardParameterName, VCardParameterValue, VCardProperty, VCardValue,
};
use calcard::{Entry, Parser};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// So many files are looked at.
const FILES_MAX: usize = 50_000;
/// So deep folders within folders are looked into.
const DEPTH_MAX: u32 = 4;
/// Larger files are left out: they are none of contacts, or of pictures.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Of all files together so much is read.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The files, and how they were when they were read.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    paths: Vec<PathBuf>,
    seen: Option<Vec<Seen>>,
}

/// A file as it was.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    path: PathBuf,
    size: u64,
    changed: Option<SystemTime>,
}

impl Contacts {
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, seen: None }
    }

    /// Reads the files where one of them changed, came or went since.
    pub(crate) fn refresh(&mut self) -> Option<People> {
        let mut seen = Vec::new();
        for path in &self.paths {
            list(path, DEPTH_MAX, true, &mut seen);
        }
        seen.sort_by(|a, b| a.path.cmp(&b.path));
        if self.seen.as_ref() == Some(&seen) {
            return None;
        }
        let mut people: Vec<Person> = Vec::new();
        let mut left = BYTES_MAX;
        for file in &seen {
            if file.size > FILE_BYTES_MAX.min(left) {
                continue;
            }
            left -= file.size;
            if let Ok(bytes) = std::fs::read(&file.path) {
                people.extend(
                    read(&String::from_utf8_lossy(&bytes))
                        .into_iter()
                        .map(Person::new),
                );
            }
        }
        people.sort_by(|a, b| a.identity().cmp(b.identity()));
        people.dedup_by(|later, first| {
            let is_same = later.identity() == first.identity();
            if is_same && first.address.name.is_empty() {
                first.address.name = std::mem::take(&mut later.address.name);
            }
            is_same
        });
        self.seen = Some(seen);
        Some(People::new(people))
    }
}

/// What can be read there: `Ok` of how many files, else which path cannot be read and why.
///
/// # Errors
/// When the path is not there, or not readable.
pub fn look_at_contacts(path: &Path) -> std::io::Result<usize> {
    if std::fs::metadata(path)?.is_dir() {
        drop(std::fs::read_dir(path)?);
    } else {
        drop(std::fs::File::open(path)?);
    }
    let mut seen = Vec::new();
    list(path, DEPTH_MAX, true, &mut seen);
    Ok(seen.len())
}

/// The files at that path. One that is named is taken whatever its name; in folders those of contacts.
fn list(path: &Path, depth: u32, is_named: bool, seen: &mut Vec<Seen>) {
    let Ok(meta) = std::fs::metadata(path) else {
        return;
    };
    if meta.is_dir() {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        for entry in entries {
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if !is_hidden && seen.len() < FILES_MAX {
                list(&entry.path(), depth, false, seen);
            }
        }
        return;
    }
    let is_card = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("vcf") || e.eq_ignore_ascii_case("vcard"));
    if meta.is_file() && (is_named || is_card) {
        seen.push(Seen {
            path: path.to_owned(),
            size: meta.len(),
            changed: meta.modified().ok(),
        });
    }
}

/// The addresses in a text of vCards, those that are preferred before the others of the same person.
fn read(text: &str) -> Vec<Address> {
    let mut found = Vec::new();
    let mut parser = Parser::new(text);
    // Each entry takes something of the text, so there cannot be more of them than bytes.
    for _ in 0..=text.len() {
        match parser.entry() {
            Entry::VCard(card) => found.extend(addresses(&card)),
            Entry::Eof => break,
            _ => {}
        }
    }
    found
}

fn addresses(card: &VCard) -> Vec<Address> {
    let name = name(card);
    let mut mails: Vec<(u32, Address)> = Vec::new();
    for entry in card
        .entries
        .iter()
        .filter(|e| e.name == VCardProperty::Email)
    {
        for value in texts(entry) {
            let value = value.trim();
            let address = Address {
                name: name.clone(),
                address: value.strip_prefix("mailto:").unwrap_or(value).to_owned(),
            };
            mails.extend(address.proposal().map(|a| (preference(entry), a)));
        }
    }
    mails.sort_by_key(|(preference, _)| *preference);
    mails.into_iter().map(|(_, address)| address).collect()
}

/// How they are called: FN, else N, else the firm.
fn name(card: &VCard) -> String {
    let of = |wanted: &VCardProperty| {
        let mut entries = card.entries.iter().filter(|e| e.name == *wanted);
        entries.find_map(|e| {
            let words: Vec<&str> = texts(e).map(str::trim).filter(|t| !t.is_empty()).collect();
            (!words.is_empty()).then_some(words)
        })
    };
    if let Some(words) = of(&VCardProperty::Fn) {
        return words.join(" ");
    }
    if let Some(words) = of(&VCardProperty::N) {
        // The family's name comes first there.
        let given = words.get(1).copied();
        let family = words.first().copied();
        let both: Vec<&str> = given.into_iter().chain(family).collect();
        return both.join(" ");
    }
    of(&VCardProperty::Org).map_or_else(String::new, |words| words.join(" "))
}

fn texts(entry: &VCardEntry) -> impl Iterator<Item = &str> {
    entry.values.iter().flat_map(|value| match value {
        VCardValue::Text(text) => std::slice::from_ref(text).iter().map(String::as_str),
        VCardValue::Component(parts) => parts.iter().map(String::as_str),
        _ => [].iter().map(String::as_str),
    })
}

/// From 1, the most wanted, to 101, of which nothing is said: `PREF=1`, and `TYPE=pref` of 3.0.
fn preference(entry: &VCardEntry) -> u32 {
    let of = |name: &VCardParameterName, value: &VCardParameterValue| match (name, value) {
        (VCardParameterName::Pref, VCardParameterValue::Integer(n)) => Some(*n),
        (VCardParameterName::Pref, _) => Some(1),
        (VCardParameterName::Type, VCardParameterValue::Text(text))
            if text.eq_ignore_ascii_case("pref") =>
        {
            Some(1)
        }
        _ => None,
    };
    let said = entry
        .params
        .iter()
        .filter_map(|p| of(&p.name, &p.value))
        .min();
    said.unwrap_or(101)
}

#[cfg(test)]
#[path = "contacts_tests.rs"]
mod tests;
