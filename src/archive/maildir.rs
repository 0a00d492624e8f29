//! Writes messages into a Maildir: into `tmp`, to the disk, then into `cur`.
//!
//! Used by `destination`. Nothing may lie in `cur` that is not whole, and no file of others may be
//! overwritten, though other programs use the Maildir at the same time.

use super::Message;
use super::destination::Problem;
use super::maildir_names::{EXACT, FILE, FILE_MAX, Words, host};
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// So many messages are brought to the disk together.
const BATCH: usize = 128;
/// Or so many bytes.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// Whether a folder is a Maildir.
pub(super) fn is_maildir(path: &Path) -> bool {
    ["cur", "new"].iter().all(|sub| path.join(sub).is_dir())
}

/// Makes one, for its user only.
pub(super) fn make(path: &Path) -> io::Result<()> {
    let mut folder = DirBuilder::new();
    folder.mode(0o700).create(path)?;
    for sub in ["cur", "new", "tmp"] {
        folder.create(path.join(sub))?;
    }
    Ok(())
}

/// The words of a Maildir's letters.
pub(super) fn words(root: &Path) -> Words {
    let mut text = Vec::new();
    let read = File::open(root.join(FILE)).and_then(|f| f.take(FILE_MAX).read_to_end(&mut text));
    match read {
        Ok(_) => Words::parse(&String::from_utf8_lossy(&text)),
        Err(_) => Words::default(),
    }
}

/// A Maildir that messages are put into.
#[derive(Debug)]
pub(super) struct MaildirWriter {
    root: PathBuf,
    /// What all names of this writer have: time, process, chance.
    stem: (String, String),
    count: u64,
    words: Words,
    has_new_words: bool,
    /// Messages in `tmp` with their flags; what they are called is known when the words are.
    waiting: Vec<(String, crate::model::FlagSet)>,
    waiting_bytes: usize,
    lost_tags: u64,
}

impl MaildirWriter {
    pub(super) fn open(root: &Path, now_secs: i64) -> Self {
        let system = rustix::system::uname();
        let host = host(&system.nodename().to_string_lossy());
        let chance = fastrand::u32(..);
        let process = std::process::id();
        Self {
            root: root.to_owned(),
            stem: (
                format!("{}.{process}_", now_secs.max(0)),
                format!("_{chance:08x}.{host}"),
            ),
            count: 0,
            words: words(root),
            has_new_words: false,
            waiting: Vec::new(),
            waiting_bytes: 0,
            lost_tags: 0,
        }
    }

    /// How many tags of messages found no letter.
    pub(super) const fn lost_tags(&self) -> u64 {
        self.lost_tags
    }

    pub(super) fn put(&mut self, message: &Message) -> Result<(), Problem> {
        self.count += 1;
        let raw = &message.raw;
        // Read again, line breaks of LF alone would be taken for a file's way to write CRLF.
        let exact = if super::maildir_read::is_lf(raw) {
            EXACT
        } else {
            ""
        };
        let (before, behind) = &self.stem;
        let name = format!("{before}{}{behind},S={}{exact}", self.count, raw.len());
        let path = self.root.join("tmp").join(&name);
        write(&path, message).map_err(Problem::io(&path))?;
        self.has_new_words |= self.words.add(message.flags.keywords());
        self.waiting.push((name, message.flags.clone()));
        self.waiting_bytes += raw.len();
        if self.waiting.len() >= BATCH || self.waiting_bytes >= BATCH_BYTES {
            self.settle()?;
        }
        Ok(())
    }

    /// Brings what waits to the disk, and into `cur`.
    pub(super) fn settle(&mut self) -> Result<(), Problem> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.sync()?;
        if self.has_new_words {
            self.keep_words()?;
        }
        let (tmp, cur) = (self.root.join("tmp"), self.root.join("cur"));
        for (name, flags) in std::mem::take(&mut self.waiting) {
            let (letters, lost) = self.words.letters(&flags);
            self.lost_tags += lost;
            let to = cur.join(format!("{name}:2,{letters}"));
            fs::rename(tmp.join(&name), &to).map_err(Problem::io(&to))?;
        }
        self.waiting_bytes = 0;
        self.sync()
    }

    /// One call for all files: a call for each would take most of the time.
    fn sync(&self) -> Result<(), Problem> {
        let folder = self.root.join("cur");
        #[cfg(target_os = "linux")]
        let synced = File::open(&folder).and_then(|file| Ok(rustix::fs::syncfs(file)?));
        #[cfg(not(target_os = "linux"))]
        let synced = {
            rustix::fs::sync();
            File::open(&folder).and_then(|file| file.sync_all())
        };
        synced.map_err(Problem::io(&folder))
    }

    /// Writes the words as Dovecot does, so that both can have them at the same time: the file under
    /// its new name is the lock.
    fn keep_words(&mut self) -> Result<(), Problem> {
        let path = self.root.join(FILE);
        let lock = self.root.join(format!("{FILE}.lock"));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&lock);
        let mut file = file.map_err(Problem::io(&lock))?;
        let mut words = words(&self.root);
        for (_, flags) in &self.waiting {
            words.add(flags.keywords());
        }
        let written = file
            .write_all(words.text().as_bytes())
            .and_then(|()| fs::rename(&lock, &path));
        if let Err(error) = written {
            let _left = fs::remove_file(&lock);
            return Err(Problem::io(&path)(error));
        }
        self.words = words;
        self.has_new_words = false;
        Ok(())
    }
}

impl Drop for MaildirWriter {
    /// What did not come to its place is no use to anybody.
    fn drop(&mut self) {
        for (name, _) in &self.waiting {
            let _gone = fs::remove_file(self.root.join("tmp").join(name));
        }
    }
}

fn write(path: &Path, message: &Message) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&message.raw)?;
    let Some(arrived) = message.arrived else {
        return Ok(());
    };
    let away = Duration::from_secs(arrived.unix_secs.unsigned_abs());
    let time = if arrived.unix_secs < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(away)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(away)
    };
    if let Some(time) = time {
        // A time that the file system does not know is no reason to lose the message.
        let _unset = file.set_times(FileTimes::new().set_modified(time));
    }
    Ok(())
}
