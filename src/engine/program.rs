//! Runs a helper program: arguments without a shell, bounded output, a time limit, no terminal.
//!
//! Used by the lookup of addresses, spelling, and signing; blocks, so async code calls it on a
//! thread for that. A program must never outlive its limit, nor what it started.

use super::clock;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// How often a running program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long output may be open after the program ended: by something that it started.
const LINGER: Duration = Duration::from_millis(500);
/// So much of what a program says on its standard error is kept.
const ERROR_BYTES_MAX: u64 = 256 * 1024;

/// Bounds of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) time: Duration,
    pub(crate) output_bytes: u64,
}

/// Ends a run from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Ends the run when it is dropped: with the task that waits for it.
#[derive(Debug)]
pub(crate) struct StopOnDrop(Stop);

impl Stop {
    pub(crate) fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.clone())
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("{0} is not installed, or not on the path")]
    Missing(String),
    #[error("{0} cannot be started: {1}")]
    NotStarted(String, io::Error),
    #[error("{0} did not end within {1} seconds")]
    TooLong(String, u64),
    #[error("{0} was stopped")]
    Stopped(String),
    #[error("{0} was lost: {1}")]
    Lost(String, io::Error),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    /// Its exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it printed, cut at the bound; empty where its output goes elsewhere.
    pub(crate) output: Vec<u8>,
    /// What it said on its standard error, cut at a bound.
    pub(crate) errors: Vec<u8>,
}

/// What the program reads and where it prints.
#[derive(Debug)]
pub(crate) enum Streams {
    /// It reads these bytes, and its output is kept.
    Kept(Vec<u8>),
    /// It reads and prints as the command was set up by the caller.
    Set,
}

/// Runs it to its end.
pub(crate) fn run(
    command: &mut Command,
    streams: Streams,
    limits: Limits,
    stop: &Stop,
) -> Result<Ended, Fault> {
    let name = command.get_program().to_string_lossy().into_owned();
    let input = match streams {
        Streams::Kept(input) => {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            Some(input)
        }
        Streams::Set => None,
    };
    // A group of its own: it cannot read from the terminal, and all of it ends together.
    command.stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Fault::Missing(name.clone()),
        _ => Fault::NotStarted(name.clone(), e),
    })?;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // A program that does not want all of its input is no fault.
        std::thread::spawn(move || drop(pipe.write_all(&input)));
    }
    let output = read(child.stdout.take(), limits.output_bytes);
    let errors = read(child.stderr.take(), ERROR_BYTES_MAX);
    let status = match wait(&mut child, limits.time, stop) {
        Ok(Some(status)) => status,
        Ok(None) => {
            end(&mut child);
            return Err(if stop.is_set() {
                Fault::Stopped(name)
            } else {
                Fault::TooLong(name, limits.time.as_secs())
            });
        }
        Err(error) => {
            end(&mut child);
            return Err(Fault::Lost(name, error));
        }
    };
    let output = output.recv_timeout(LINGER);
    let errors = errors.recv_timeout(LINGER);
    if output.is_err() || errors.is_err() {
        end(&mut child);
    }
    Ok(Ended {
        is_success: status.success(),
        code: status.code(),
        output: output.unwrap_or_default(),
        errors: errors.unwrap_or_default(),
    })
}

/// Waits for its end; `None`: it took too long, or is to be stopped.
fn wait(
    child: &mut Child,
    limit: Duration,
    stop: &Stop,
) -> io::Result<Option<std::process::ExitStatus>> {
    let begun = clock::monotonic();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stop.is_set() || begun.elapsed() >= limit {
            return Ok(None);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Reads to the end within bounds, so that no pipe can fill up and block the program.
fn read<R: Read + Send + 'static>(pipe: Option<R>, bytes_max: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error counts; the exit status tells the rest.
            drop(pipe.by_ref().take(bytes_max).read_to_end(&mut bytes));
            drop(io::copy(&mut pipe, &mut io::sink()));
        }
        drop(sender.send(bytes));
    });
    receiver
}

/// Ends the program and all that it started.
fn end(child: &mut Child) {
    let group = rustix::process::Pid::from_child(child);
    let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    let _gone = child.kill();
    let _reaped = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time: Duration::from_secs(10),
        output_bytes: 1000,
    };

    fn sh(script: &str, input: &str, limits: Limits, stop: &Stop) -> Result<Ended, Fault> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(&mut command, Streams::Kept(input.into()), limits, stop)
    }

    #[test]
    fn what_a_program_prints_comes_back_within_the_bound() {
        let ended = sh("cat; echo oops >&2; exit 3", "in", LIMITS, &Stop::default()).unwrap();
        assert_eq!(ended.output, b"in");
        assert_eq!(ended.errors, b"oops\n");
        assert!(!ended.is_success);
        let ended = sh("yes | head -c 1000000", "", LIMITS, &Stop::default()).unwrap();
        assert_eq!(ended.output.len(), 1000);
        let big = "x".repeat(1_000_000);
        assert!(
            sh("exit 0", &big, LIMITS, &Stop::default())
                .unwrap()
                .is_success
        );
    }

    #[test]
    fn what_takes_too_long_or_is_not_wanted_any_more_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        let short = Limits {
            time: Duration::from_millis(300),
            ..LIMITS
        };
        let fault = sh(&script, "", short, &Stop::default()).unwrap_err();
        assert!(matches!(fault, Fault::TooLong(..)), "{fault}");
        assert!(is_gone(&pid_file));
        std::fs::remove_file(&pid_file).unwrap();
        let stop = Stop::default();
        let guard = stop.on_drop();
        let watcher = {
            let pid_file = pid_file.clone();
            std::thread::spawn(move || {
                while std::fs::read_to_string(&pid_file)
                    .unwrap_or_default()
                    .is_empty()
                {
                    std::thread::sleep(LOOK_EVERY);
                }
                drop(guard);
            })
        };
        let fault = sh(&script, "", LIMITS, &stop).unwrap_err();
        watcher.join().unwrap();
        assert!(matches!(fault, Fault::Stopped(_)), "{fault}");
        assert!(is_gone(&pid_file));
    }

    fn is_gone(pid_file: &std::path::Path) -> bool {
        let pid = std::fs::read_to_string(pid_file).unwrap();
        (0..200).any(|_| {
            std::thread::sleep(LOOK_EVERY);
            let status = Command::new("kill")
                .args(["-0", pid.trim()])
                .stderr(Stdio::null())
                .status();
            !status.unwrap().success()
        })
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut command = Command::new("no-such-program-here");
        let fault = run(
            &mut command,
            Streams::Kept(Vec::new()),
            LIMITS,
            &Stop::default(),
        );
        assert!(
            fault
                .unwrap_err()
                .to_string()
                .contains("no-such-program-here is not installed")
        );
    }
}
