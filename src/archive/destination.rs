//! Where an archive is written to. It gets its name when it is whole.
//!
//! Used by `cli` for `export`. What was there before must never be overwritten unasked, and what was
//! broken off must never bear the name of what was asked for.

use super::maildir::MaildirWriter;
use super::{Format, Message, entry, maildir};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something is there.
    #[error("{} is there already; name another place, or overwrite it with --force", .0.display())]
    Exists(PathBuf),
    /// What an export left that was broken off.
    #[error("{} is there, from an export that was broken off; take it away, or overwrite it with --force", .0.display())]
    LeftOver(PathBuf),
    /// A folder is there, and no Maildir.
    #[error("{} is a folder and no Maildir; name a Maildir, an empty folder, or a new place", .0.display())]
    NotMaildir(PathBuf),
    /// A folder is there where an mbox is to go.
    #[error("{} is a folder, and an mbox is a file; name a file", .0.display())]
    Folder(PathBuf),
    /// The system refused.
    #[error("{} cannot be written: {source}; check the path, its permissions and the disk, or name another place", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Problem {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<'_> {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// An archive that is being written.
#[derive(Debug)]
pub struct Destination {
    /// Where it is to be.
    path: PathBuf,
    /// Where it is meanwhile; the same for a Maildir that messages are added to.
    at: PathBuf,
    is_forced: bool,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Mbox(BufWriter<File>),
    Maildir(MaildirWriter),
}

impl Destination {
    /// Begins an archive there. `now_secs`: seconds since 1970, for the names of files.
    ///
    /// # Errors
    /// When something is there that is not to be overwritten, or it cannot be written.
    pub fn create(
        path: &Path,
        format: Format,
        is_forced: bool,
        now_secs: i64,
    ) -> Result<Self, Problem> {
        let mut name = path.as_os_str().to_owned();
        name.push(OsString::from(".partial"));
        let mut at = PathBuf::from(name);
        let writer = match format {
            Format::Mbox => Writer::Mbox(create_mbox(path, &at, is_forced)?),
            Format::Maildir => {
                if maildir::is_maildir(path) {
                    path.clone_into(&mut at);
                } else {
                    make_room_for_maildir(path, &at, is_forced)?;
                    maildir::make(&at).map_err(Problem::io(&at))?;
                }
                Writer::Maildir(MaildirWriter::open(&at, now_secs))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            at,
            is_forced,
            writer,
        })
    }

    /// Adds a message.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&mut self, message: &Message) -> Result<(), Problem> {
        match &mut self.writer {
            Writer::Mbox(file) => file
                .write_all(&entry::encode(message))
                .map_err(Problem::io(&self.at)),
            Writer::Maildir(writer) => writer.put(message),
        }
    }

    /// Brings it to the disk and gives it its name; how many tags of messages it could not hold.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<u64, Problem> {
        let lost = self.settle()?;
        if self.at != self.path {
            if !self.is_forced && matches!(self.writer, Writer::Mbox(_)) && exists(&self.path) {
                return Err(Problem::Exists(self.path));
            }
            fs::rename(&self.at, &self.path).map_err(Problem::io(&self.path))?;
            let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty());
            // The name is on the disk when its folder is; not every file system can be told so.
            let _untold = File::open(parent.unwrap_or(Path::new("."))).and_then(|d| d.sync_all());
        }
        Ok(lost)
    }

    /// Ends it before it is whole; where the messages are that it has.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn leave(mut self) -> Result<PathBuf, Problem> {
        self.settle()?;
        Ok(self.at)
    }

    fn settle(&mut self) -> Result<u64, Problem> {
        match &mut self.writer {
            Writer::Mbox(file) => {
                let flushed = file.flush().and_then(|()| file.get_ref().sync_all());
                flushed.map_err(Problem::io(&self.at))?;
                Ok(0)
            }
            Writer::Maildir(writer) => writer.settle().map(|()| writer.lost_tags()),
        }
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn create_mbox(path: &Path, at: &Path, is_forced: bool) -> Result<BufWriter<File>, Problem> {
    if path.is_dir() {
        return Err(Problem::Folder(path.to_owned()));
    }
    if exists(path) && !is_forced {
        return Err(Problem::Exists(path.to_owned()));
    }
    if is_forced && fs::symlink_metadata(at).is_ok_and(|about| !about.is_dir()) {
        fs::remove_file(at).map_err(Problem::io(at))?;
    }
    // Nobody else's business, and never through a link.
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(at);
    match file {
        Ok(file) => Ok(BufWriter::with_capacity(256 * 1024, file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Problem::LeftOver(at.to_owned()))
        }
        Err(error) => Err(Problem::io(path)(error)),
    }
}

/// A Maildir can be made where nothing is, or an empty folder.
fn make_room_for_maildir(path: &Path, at: &Path, is_forced: bool) -> Result<(), Problem> {
    if exists(path) {
        if !path.is_dir() {
            return Err(Problem::NotMaildir(path.to_owned()));
        }
        let mut inside = fs::read_dir(path).map_err(Problem::io(path))?;
        if inside.next().is_some() {
            return Err(Problem::NotMaildir(path.to_owned()));
        }
    }
    if !exists(at) {
        return Ok(());
    }
    if is_forced && maildir::is_maildir(at) {
        return fs::remove_dir_all(at).map_err(Problem::io(at));
    }
    Err(Problem::LeftOver(at.to_owned()))
}
