//! The bytes of messages that wait to be sent: one file each, in the folder `outbox`.
//!
//! Written by `engine` and `cli` before a message is put into the outbox. A row must never name a
//! file that is not on the disk, whole; a file without a row is left over and goes.

use super::folder::{make_private_folder, sync_folder};
use super::{Error, Result, Store};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The folder's name in the data directory.
const FOLDER: &str = "outbox";
/// What is written at once.
const BUFFER: usize = 64 * 1024;
/// How often another name is tried.
const NAMES_MAX: u32 = 16;

/// A message that is being written to the disk. Dropped before it is sealed it is gone.
#[derive(Debug)]
pub struct Spool {
    out: BufWriter<File>,
    path: PathBuf,
    name: String,
    size: u64,
    is_sealed: bool,
}

/// A message that is on the disk, whole. It is kept from being taken for a left-over until this is
/// dropped.
#[derive(Debug)]
pub struct Sealed {
    pub(super) name: String,
    pub(super) size: u64,
    /// Holds the lock that says that somebody is about to name this file.
    _lock: File,
}

impl Store {
    /// Begins the file of a message.
    ///
    /// # Errors
    /// [`Error::Disk`].
    pub fn spool(&self) -> Result<Spool> {
        let folder = self.dir.join(FOLDER);
        make_private_folder(&folder).map_err(|e| cannot(&folder, &e))?;
        for _ in 0..NAMES_MAX {
            let name = format!("{:016x}.eml", fastrand::u64(..));
            let path = folder.join(&name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = match options.open(&path) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(|e| cannot(&path, &e))?,
            };
            // Whoever clears left-overs away may have been faster than the lock.
            if file.try_lock().is_ok() && path.exists() {
                return Ok(Spool {
                    out: BufWriter::with_capacity(BUFFER, file),
                    path,
                    name,
                    size: 0,
                    is_sealed: false,
                });
            }
        }
        Err(Error::Disk {
            file: folder.display().to_string(),
            detail: "no file can be made and locked there; choose a data folder on a local disk"
                .to_owned(),
        })
    }

    /// Where the bytes of a message in the outbox are.
    #[must_use]
    pub fn outbox_file(&self, name: &str) -> PathBuf {
        self.dir.join(FOLDER).join(name)
    }

    /// Removes files that no row names: what a crash left, and what is done with.
    ///
    /// # Errors
    /// When the outbox cannot be read. What cannot be removed stays for the next time.
    pub fn clear_left_overs(&self) -> Result<()> {
        let Ok(found) = std::fs::read_dir(self.dir.join(FOLDER)) else {
            return Ok(());
        };
        let reader = self.reader()?;
        for entry in found.filter_map(io::Result::ok) {
            let path = entry.path();
            // A lock that is held says that somebody is writing it. The rows are read behind the
            // lock: who gave it up meanwhile has put its row in.
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if file.try_lock().is_err() {
                continue;
            }
            let named: BTreeSet<String> = reader.outbox_files()?;
            let is_named = entry
                .file_name()
                .to_str()
                .is_some_and(|n| named.contains(n));
            if !is_named {
                drop(std::fs::remove_file(&path));
            }
        }
        Ok(())
    }
}

impl Spool {
    /// Brings it to the disk: the file, and the folder that names it.
    ///
    /// # Errors
    /// [`Error::Disk`]; nothing is left then.
    pub fn seal(mut self) -> Result<Sealed> {
        self.out.flush().map_err(|e| cannot(&self.path, &e))?;
        let file = self.out.get_ref();
        file.sync_all().map_err(|e| cannot(&self.path, &e))?;
        let lock = file.try_clone().map_err(|e| cannot(&self.path, &e))?;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder).map_err(|e| cannot(folder, &e))?;
        }
        self.is_sealed = true;
        Ok(Sealed {
            name: self.name.clone(),
            size: self.size,
            _lock: lock,
        })
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.size += u64::try_from(count).unwrap_or(u64::MAX);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.is_sealed {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    let is_full = error.kind() == io::ErrorKind::StorageFull;
    Error::Disk {
        file: path.display().to_string(),
        detail: if is_full {
            super::sql::FULL.to_owned()
        } else {
            error.to_string()
        },
    }
}
