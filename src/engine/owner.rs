//! Who speaks to the servers for a data directory: one process, named in a lock file.
//!
//! Called by `dispatch` and `once`. The lock is the operating system's: it ends with its process, so
//! a kill or a reboot never leaves one in the way. Others write to the journal and ring the bell.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The network role of a data directory, held until dropped.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

/// Why the role cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Taken {
    /// Another process has it.
    #[error("another Pillarbox (process {pid}) is connected for this mail store")]
    By {
        /// Its process id, `?` if it cannot be read.
        pid: String,
    },
    /// The lock file cannot be used.
    #[error("{file}: {detail}")]
    Failed {
        /// Which file.
        file: String,
        /// What the system said.
        detail: String,
    },
}

fn lock_file(dir: &Path) -> PathBuf {
    dir.join("network.lock")
}

#[cfg(unix)]
fn bell_file(dir: &Path) -> PathBuf {
    dir.join("network.bell")
}

impl Owner {
    /// Takes the role if nobody has it.
    ///
    /// # Errors
    /// When another process has it, or the lock file cannot be made.
    pub fn acquire(dir: &Path) -> Result<Self, Taken> {
        let path = lock_file(dir);
        let failed = |e: std::io::Error| Taken::Failed {
            file: path.display().to_string(),
            detail: e.to_string(),
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let _unread = lock.read_to_string(&mut pid);
                let pid = pid
                    .trim()
                    .parse::<u32>()
                    .map_or("?".to_owned(), |n| n.to_string());
                return Err(Taken::By { pid });
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        lock.set_len(0).map_err(failed)?;
        lock.rewind().map_err(failed)?;
        lock.write_all(std::process::id().to_string().as_bytes())
            .map_err(failed)?;
        Ok(Self { _lock: lock })
    }
}

/// A bell that other processes ring after they wrote to the journal.
#[cfg(unix)]
#[derive(Debug)]
pub struct Bell {
    socket: tokio::net::UnixDatagram,
}

#[cfg(unix)]
impl Bell {
    /// Hangs the bell up; for the [`Owner`] only. `None` where the system refuses (then the journal
    /// is looked at when the next thing happens).
    #[must_use]
    pub fn hang(dir: &Path) -> Option<Self> {
        let path = bell_file(dir);
        let _old = std::fs::remove_file(&path);
        tokio::net::UnixDatagram::bind(&path)
            .ok()
            .map(|socket| Self { socket })
    }

    /// Waits for a ring; whether a round is asked for.
    pub async fn rung(&self) -> bool {
        let mut bytes = [0u8; 8];
        if self.socket.recv(&mut bytes).await.is_err() {
            std::future::pending::<()>().await;
        }
        bytes.starts_with(SYNC)
    }
}

/// What is sent to say that something was written to the journal.
#[cfg(unix)]
const NEWS: &[u8] = b"!";
/// What is sent to ask for a round of all accounts.
#[cfg(unix)]
const SYNC: &[u8] = b"s";

/// Rings the bell of whoever has the network role.
#[cfg(unix)]
pub fn ring(dir: &Path) {
    let _is_heard = say(dir, NEWS);
}

/// Asks whoever has the network role to send and receive. `false`: nobody listens; a command that has
/// the role goes by itself.
#[cfg(unix)]
#[must_use]
pub fn ask_to_sync(dir: &Path) -> bool {
    say(dir, SYNC)
}

#[cfg(unix)]
fn say(dir: &Path, what: &[u8]) -> bool {
    let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() else {
        return false;
    };
    let _blocking = socket.set_nonblocking(true);
    socket.send_to(what, bell_file(dir)).is_ok()
}
