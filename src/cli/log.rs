//! The log: a file in the data folder that cannot grow for ever and holds no secrets.
//!
//! Begun by `place`. Nothing is ever logged to the terminal. `PILLARBOX_LOG` sets the level (off,
//! error, warn, info, debug, trace); the libraries that would log what they send, passwords
//! included, are held at `info` in here, whatever is set.

use super::terminal::variable;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// The file is put aside at this size; one older file is kept.
const BYTES_MAX: u64 = 4 << 20;
/// Libraries that at finer levels log what goes over the wire.
const TALKATIVE: [&str; 4] = ["async_imap", "imap_proto", "lettre", "tokio_native_tls"];

/// Begins to log, where the folder can be written. Without a log everything else goes on.
pub(super) fn begin(data_dir: &Path) {
    let level = variable("PILLARBOX_LOG")
        .parse()
        .unwrap_or(LevelFilter::INFO);
    let Ok(file) = LogFile::open(data_dir.join("pillarbox.log")) else {
        return;
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(Mutex::new(file));
    let subscriber = tracing_subscriber::registry()
        .with(lines)
        .with(targets(level));
    // A second begin in one process (tests) keeps the first.
    drop(tracing::subscriber::set_global_default(subscriber));
}

fn targets(level: LevelFilter) -> Targets {
    let held = level.min(LevelFilter::INFO);
    Targets::new()
        .with_default(level)
        .with_targets(TALKATIVE.map(|target| (target, held)))
}

struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size })
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_extension("log.old"))?;
        *self = Self::open(self.path.clone())?;
        Ok(())
    }
}

/// Takes one event at a time, as the formatter writes them.
impl Write for LogFile {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        if self.size >= BYTES_MAX {
            self.rotate()?;
        }
        let line = clean(event);
        self.file.write_all(line.as_bytes())?;
        self.size += line.len() as u64;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// One line: what a server said cannot forge a second one, nor steer the terminal of a reader.
fn clean(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.trim_end_matches('\n').chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn what_libraries_send_is_not_logged_at_any_level() {
        let targets = targets(LevelFilter::TRACE);
        assert!(targets.would_enable("pillarbox::net", &Level::TRACE));
        for library in [
            "async_imap::client",
            "async_imap",
            "imap_proto",
            "lettre::transport::smtp",
        ] {
            assert!(!targets.would_enable(library, &Level::DEBUG), "{library}");
            assert!(targets.would_enable(library, &Level::INFO), "{library}");
        }
    }

    #[test]
    fn the_log_is_put_aside_before_it_grows_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pillarbox.log");
        let mut log = LogFile::open(path.clone()).unwrap();
        let line = vec![b'x'; 1 << 20];
        for _ in 0..12 {
            log.write_all(&line).unwrap();
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        let old = path.with_extension("log.old");
        assert!(size(&path) <= BYTES_MAX + (2 << 20) && size(&old) <= BYTES_MAX + (2 << 20));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_server_cannot_forge_a_line_of_the_log() {
        assert_eq!(
            clean(b"a\r\n2026 ERROR forged\x1b[2J\n"),
            "a\\r\\n2026 ERROR forged\\u{1b}[2J\n"
        );
    }
}
