//! Reads the messages of a Maildir, oldest first.
//!
//! Used by `Source`. Nothing but plain files is opened: a link or a pipe must never lead elsewhere or
//! make the program wait.

use super::maildir::words;
use super::maildir_names::Words;
use super::{Found, MESSAGE_MAX, Message, Unfit};
use crate::model::Moment;
use rustix::fs::OFlags;
use std::cmp::Reverse;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A Maildir that is read.
#[derive(Debug)]
pub(super) struct MaildirReader {
    words: Words,
    /// The files, the next one last.
    files: Vec<PathBuf>,
    count: u64,
    /// How many things that are no plain files.
    others: u64,
    subfolders: Vec<String>,
}

impl MaildirReader {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let mut found: Vec<(i64, PathBuf)> = Vec::new();
        let mut others = 0;
        for sub in ["new", "cur"] {
            for entry in fs::read_dir(root.join(sub))? {
                let entry = entry?;
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                // Another program may have renamed it just now.
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_file() {
                    found.push((about.mtime(), entry.path()));
                } else {
                    others += 1;
                }
            }
        }
        found.sort_by_cached_key(|one| Reverse(order(one)));
        Ok(Self {
            words: words(root),
            count: u64::try_from(found.len()).unwrap_or(u64::MAX),
            files: found.into_iter().map(|(_, path)| path).collect(),
            others,
            subfolders: subfolders(root)?,
        })
    }

    pub(super) const fn len(&self) -> u64 {
        self.count
    }

    /// How many were given out.
    pub(super) fn taken(&self) -> u64 {
        let left = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        self.count.saturating_sub(left)
    }

    pub(super) fn passed_over(&self) -> Vec<String> {
        let mut said = Vec::new();
        match self.others {
            0 => {}
            n => said.push(format!(
                "{n} links, folders or pipes in it were passed over"
            )),
        }
        if let Some(first) = self.subfolders.first() {
            let count = self.subfolders.len();
            said.push(format!(
                "its {count} subfolders (such as {first}) were passed over; import each by itself"
            ));
        }
        said
    }

    pub(super) fn next(&mut self) -> Option<Found> {
        let path = self.files.pop()?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let message = match read(&path) {
            Ok(read) => read.map(|(raw, arrived)| {
                let (flags, is_exact) = self.words.read(&name);
                let raw = if !is_exact && is_lf(&raw) {
                    with_crlf(&raw)
                } else {
                    raw
                };
                Message {
                    raw,
                    flags,
                    arrived: Some(arrived),
                }
            }),
            Err(error) => Err(Unfit::Unreadable(error)),
        };
        Some(Found {
            place: name.into_owned(),
            message,
        })
    }
}

/// By time, then by the numbers in the name, so that ten comes after nine.
fn order((mtime, path): &(i64, PathBuf)) -> (i64, Vec<u64>, PathBuf) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let numbers = name.split(|c: char| !c.is_ascii_digit());
    let numbers = numbers.filter_map(|n| n.parse().ok()).take(4).collect();
    (*mtime, numbers, path.clone())
}

/// Maildirs within, as Maildir++ names them.
fn subfolders(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && entry.path().join("cur").is_dir() {
            found.push(name);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> io::Result<Result<(Vec<u8>, Moment), Unfit>> {
    // What was a plain file may be something else by now.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    let limit = u64::try_from(MESSAGE_MAX).unwrap_or(u64::MAX);
    if about.len() > limit {
        return Ok(Err(Unfit::TooLarge(about.len())));
    }
    let mut raw = Vec::new();
    file.take(limit).read_to_end(&mut raw)?;
    let arrived = Moment {
        unix_secs: about.mtime(),
        offset_mins: 0,
    };
    Ok(Ok((raw, arrived)))
}

/// Whether every line break is LF alone, as programs write files of a Maildir.
pub(super) fn is_lf(raw: &[u8]) -> bool {
    let mut has_any = false;
    for at in memchr::memchr_iter(b'\n', raw) {
        if at > 0 && raw.get(at - 1) == Some(&b'\r') {
            return false;
        }
        has_any = true;
    }
    has_any
}

fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for line in raw.split_inclusive(|b| *b == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}
