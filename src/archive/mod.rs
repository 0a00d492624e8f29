//! Mail outside of the store: mbox files and Maildirs, written and read byte for byte.
//!
//! Called by `cli` for `export` and `import`. Holds one message at a time. What was written here must
//! come back with every byte and every flag, and no file of others may end the program.

mod destination;
mod entry;
mod from_line;
mod maildir;
mod maildir_names;
mod maildir_read;
mod mbox_read;

pub use destination::{Destination, Problem};

use crate::mime;
use crate::model::{FlagSet, Moment};
use maildir_read::MaildirReader;
use mbox_read::MboxReader;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The largest message that is read.
pub const MESSAGE_MAX: usize = 150 * 1000 * 1000;

/// What mail is kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One file (RFC 4155, with the quoting of mboxrd).
    Mbox,
    /// A folder with a file for each message.
    Maildir,
}

/// A message of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Its exact bytes.
    pub raw: Vec<u8>,
    /// Its flags and keywords.
    pub flags: FlagSet,
    /// When it arrived, where that is told.
    pub arrived: Option<Moment>,
}

/// What was found at one place of an archive.
#[derive(Debug)]
pub struct Found {
    /// Where, for the user.
    pub place: String,
    /// The message.
    pub message: Result<Message, Unfit>,
}

/// Why a message cannot be had. The others can.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is larger than [`MESSAGE_MAX`].
    #[error("it has {0} bytes, and no more than {MESSAGE_MAX} are read")]
    TooLarge(u64),
    /// Its file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
}

/// An archive that is read from its beginning to its end.
#[derive(Debug)]
pub struct Source {
    reader: Reader,
    /// Bytes of an mbox, messages of a Maildir.
    total: u64,
}

#[derive(Debug)]
enum Reader {
    Mbox(Box<MboxReader<File>>),
    Maildir(MaildirReader),
}

impl Source {
    /// Opens what is there, and finds out what it is. `None`: neither an mbox nor a Maildir.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let about = fs::metadata(path)?;
        if about.is_dir() {
            if !maildir::is_maildir(path) {
                return Ok(None);
            }
            let reader = MaildirReader::open(path)?;
            let total = reader.len();
            return Ok(Some(Self {
                reader: Reader::Maildir(reader),
                total,
            }));
        }
        if !about.is_file() || !begins_an_mbox(path)? {
            return Ok(None);
        }
        Ok(Some(Self {
            reader: Reader::Mbox(Box::new(MboxReader::new(File::open(path)?, MESSAGE_MAX))),
            total: about.len(),
        }))
    }

    /// What it is.
    #[must_use]
    pub const fn format(&self) -> Format {
        match self.reader {
            Reader::Mbox(_) => Format::Mbox,
            Reader::Maildir(_) => Format::Maildir,
        }
    }

    /// How much of it was read, from 0 to 100.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let done = match &self.reader {
            Reader::Mbox(reader) => reader.offset(),
            Reader::Maildir(reader) => reader.taken(),
        };
        done.saturating_mul(100)
            .checked_div(self.total)
            .unwrap_or(100)
            .min(100)
    }

    /// What lies in it that is no message and was passed over, as sentences for the user.
    #[must_use]
    pub fn passed_over(&self) -> Vec<String> {
        match &self.reader {
            Reader::Mbox(_) => Vec::new(),
            Reader::Maildir(reader) => reader.passed_over(),
        }
    }

    /// The next message; `None` at the end.
    ///
    /// # Errors
    /// When the archive cannot be read any further.
    pub fn take_next(&mut self) -> io::Result<Option<Found>> {
        match &mut self.reader {
            Reader::Mbox(reader) => reader.next(),
            Reader::Maildir(reader) => Ok(reader.next()),
        }
    }
}

/// Whether a file begins as an mbox does; an empty one is an mbox without messages.
fn begins_an_mbox(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut head)?;
    let rest = head.strip_prefix(mbox_read::MARK).unwrap_or(&head);
    let rest = rest.trim_ascii_start();
    Ok(rest.is_empty() || rest.starts_with(b"From "))
}

/// The word for the address of a message's sender in a `From ` line.
fn sender(raw: &[u8]) -> String {
    let from = mime::envelope(raw).from.into_iter().next();
    let address = from.map(|a| a.address).unwrap_or_default();
    let is_word =
        (1..=200).contains(&address.len()) && address.bytes().all(|b| b.is_ascii_graphic());
    if is_word {
        address
    } else {
        "MAILER-DAEMON".to_owned()
    }
}

#[cfg(test)]
mod tests;
