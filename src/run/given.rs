//! Programs of the user's: the one that gets the terminal, the viewer of a file, the clipboard's.
//!
//! Called by `run`. Each gets its arguments as a list, never through a shell, and nothing of a mail is
//! among them but the name of a private file.

use crate::model::Safe;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// How long the clipboard's program may take.
const COPY_TIME: Duration = Duration::from_secs(5);

/// A program that has the terminal.
pub(super) struct Given {
    program: Safe,
    child: Child,
}

impl Given {
    /// Starts a program that reads the file, with the terminal for the rest.
    pub(super) fn start(argv: &[String], file: &Path) -> Result<Self, (Safe, Safe)> {
        let name = argv.first().map_or("", String::as_str);
        let program = Safe::line(name);
        let said = |e: std::io::Error| (Safe::line(name), Safe::line(&why(&e)));
        let input = File::open(file).map_err(said)?;
        let child = Command::new(name)
            .args(argv.get(1..).unwrap_or_default())
            .stdin(Stdio::from(input))
            .kill_on_drop(true)
            .spawn()
            .map_err(said)?;
        Ok(Self { program, child })
    }

    /// Waits for its end. Has no effect when it is given up.
    pub(super) async fn wait(&mut self) -> (Safe, Safe) {
        let fault = match self.child.wait().await {
            Ok(status) => fault(status),
            Err(error) => error.to_string(),
        };
        (self.program.clone(), Safe::line(&fault))
    }
}

fn fault(status: ExitStatus) -> String {
    match (status.success(), status.code()) {
        (true, _) => String::new(),
        (false, Some(code)) => format!("it ended with {code}"),
        (false, None) => "it was ended by a signal".to_owned(),
    }
}

fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it is not installed, or not on the path".to_owned(),
        _ => error.to_string(),
    }
}

/// Opens a file: by the user's command, its name last, else by what the system has for its ending.
pub(super) fn open(command: &[String], file: &Path) -> std::io::Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        return open::that_detached(file);
    };
    let mut viewer = std::process::Command::new(program);
    viewer
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut viewer, 0);
    let mut child = viewer.spawn()?;
    // Somebody has to take note of its end.
    std::thread::spawn(move || child.wait());
    Ok(())
}

/// Gives a text to the clipboard's program. Gives what went wrong.
pub(super) async fn copy(command: Vec<String>, text: String) -> Option<Safe> {
    let outcome = tokio::time::timeout(COPY_TIME, feed(&command, &text)).await;
    let name = command.first().map_or("", String::as_str);
    let fault = match outcome {
        Ok(Ok(status)) if status.success() => return None,
        Ok(Ok(status)) => fault(status),
        Ok(Err(error)) => why(&error),
        Err(_) => "it took too long".to_owned(),
    };
    Some(Safe::line(&format!("{name} did not copy: {fault}")))
}

async fn feed(command: &[String], text: &str) -> std::io::Result<ExitStatus> {
    let name = command.first().map_or("", String::as_str);
    let mut child = Command::new(name)
        .args(command.get(1..).unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(text.as_bytes()).await?;
        pipe.shutdown().await?;
    }
    child.wait().await
}
