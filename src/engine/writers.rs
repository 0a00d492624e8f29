//! Which sessions write drafts: each holds a lock, so that drafts of one that crashed are told apart.
//!
//! Made by `dispatch`. A lock is the operating system's and ends with its process; a session must
//! never be taken for dead while its process lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The session of this process, until it is dropped.
#[derive(Debug)]
pub(crate) struct Writers {
    dir: PathBuf,
    id: i64,
    _lock: Option<File>,
}

impl Writers {
    /// Begins a session in a data directory.
    pub(crate) fn begin(dir: &Path) -> Self {
        let id = fastrand::i64(1..);
        let path = file(dir, id);
        let lock = open(&path, true).filter(|lock| lock.try_lock().is_ok());
        if lock.is_none() {
            tracing::warn!(file = %path.display(), "the session cannot be locked");
        }
        Self {
            dir: dir.to_owned(),
            id,
            _lock: lock,
        }
    }

    /// Its name in the store.
    pub(crate) const fn id(&self) -> i64 {
        self.id
    }

    /// Tells of any session whether it still writes.
    pub(crate) fn living(&self) -> impl Fn(i64) -> bool + Send + 'static {
        let (dir, own) = (self.dir.clone(), self.id);
        move |id| id == own || is_alive(&dir, id)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        let _left = std::fs::remove_file(file(&self.dir, self.id));
    }
}

fn file(dir: &Path, id: i64) -> PathBuf {
    dir.join(format!("writing-{id}.lock"))
}

fn open(path: &Path, is_new: bool) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(is_new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).ok()
}

/// Whether that session's process holds its lock. What a dead one left is cleared away.
fn is_alive(dir: &Path, id: i64) -> bool {
    let path = file(dir, id);
    let Some(lock) = open(&path, false) else {
        return false;
    };
    match lock.try_lock() {
        Ok(()) => {
            let _left = std::fs::remove_file(path);
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lives_until_it_ends_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let one = Writers::begin(dir.path());
        let other = Writers::begin(dir.path());
        let id = other.id();
        assert!(one.living()(id) && one.living()(one.id()));
        drop(other);
        assert!(!one.living()(id));
        // What a crash leaves: a file that nobody holds.
        std::fs::write(file(dir.path(), 7), "").unwrap();
        assert!(!one.living()(7));
        assert!(!file(dir.path(), 7).exists());
    }
}
