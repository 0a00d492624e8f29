//! Long work that can be called off, and how far it is: for `export` and `import`.
//!
//! The first Ctrl-C ends the work at the next message; the second ends the program. The line that
//! shows how far it is must never reach anything but a terminal.

use super::exit::Failure;
use super::network::runtime;
use crate::engine::clock;
use crate::model::Safe;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often the line is written anew.
const EVERY: Duration = Duration::from_millis(100);
/// How long a step may go on that is called off: a server may be silent.
const GRACE: Duration = Duration::from_secs(5);
/// What a shell expects of a program that a second Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// A runtime for long work, and whether it was called off.
#[derive(Debug)]
pub(super) struct Bulk {
    runtime: Runtime,
    called_off: CancellationToken,
}

impl Bulk {
    /// Begins to listen for Ctrl-C.
    pub(super) fn begin() -> Result<Self, Failure> {
        let runtime = runtime()?;
        let called_off = CancellationToken::new();
        let watched = called_off.clone();
        runtime.spawn(async move {
            let signals = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            );
            let (Ok(mut int), Ok(mut term)) = signals else {
                return;
            };
            for is_first in [true, false] {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                }
                if is_first {
                    watched.cancel();
                }
            }
            std::process::exit(INTERRUPTED);
        });
        Ok(Self {
            runtime,
            called_off,
        })
    }

    /// Whether it was called off.
    pub(super) fn is_called_off(&self) -> bool {
        self.called_off.is_cancelled()
    }

    /// Does a step to its end.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Does a step that should come to its end, but not for ever once it was called off: then `None`.
    pub(super) fn run_or_leave<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                done = work => Some(done),
                () = async {
                    self.called_off.cancelled().await;
                    tokio::time::sleep(GRACE).await;
                } => None,
            }
        })
    }

    /// Does a step that may be left in the middle; `None`: it was called off.
    pub(super) fn try_to_run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime
            .block_on(self.called_off.run_until_cancelled(work))
    }
}

/// One line on standard error that says how far the work is.
#[derive(Debug)]
pub(super) struct Progress {
    is_shown: bool,
    written: Option<Instant>,
}

impl Progress {
    /// Nothing is written yet.
    pub(super) fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            written: None,
        }
    }

    /// Says it, unless it was just said.
    pub(super) fn say(&mut self, text: impl FnOnce() -> String) {
        let now = clock::monotonic();
        let is_due = self
            .written
            .is_none_or(|at| now.duration_since(at) >= EVERY);
        if self.is_shown && is_due {
            self.written = Some(now);
            // Nobody is told where standard error is closed.
            drop(write!(io::stderr(), "\r\x1b[K{}", Safe::line(&text())));
        }
    }

    /// Takes the line away, so that another one can stand there.
    pub(super) fn clear(&mut self) {
        if self.written.take().is_some() {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

/// "1 message", "3 messages".
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
