//! The user's editor: it gets the text in a file of its own, and the terminal while it runs.
//!
//! Called by `run`. What an editor did must never cost a word of the draft: a file that is gone,
//! empty, no text or not a file any more leaves the draft as it was, and that is said.

use crate::engine::staging;
use crate::model::{DraftKey, Safe};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// The beginning of the name of each folder that a text is edited in; the process follows.
const PREFIX: &str = "edit-";
/// The largest text that is taken back.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often it is looked whether the editor has saved.
const LOOK: Duration = Duration::from_secs(2);
/// How long an editor may take to end when the program does.
const END: Duration = Duration::from_secs(1);

/// An editor that runs.
pub(super) struct Editing {
    key: DraftKey,
    /// The text as it was last known.
    text: String,
    /// Whether a line break was put at its end, as files of text have one.
    is_ended: bool,
    file: PathBuf,
    child: Child,
    looked: Instant,
    /// Removes the file when this is dropped.
    _folder: TempDir,
}

impl Editing {
    /// Starts the editor on that text.
    pub(super) fn start(
        command: &str,
        data_dir: &Path,
        key: DraftKey,
        text: String,
    ) -> Result<Self, Safe> {
        let words =
            shell_words::split(command).map_err(|_| failed("$EDITOR cannot be read", &command))?;
        let Some((program, arguments)) = words.split_first() else {
            return Err(Safe::fixed("There is no editor: set $EDITOR or $VISUAL"));
        };
        let folder = staging::private_folder(data_dir, PREFIX)
            .map_err(|e| failed("The folder for the editor cannot be made", &e))?;
        let file = folder.path().join("draft.txt");
        let is_ended = !text.is_empty() && !text.ends_with('\n');
        let end = if is_ended { "\n" } else { "" };
        write(&file, &format!("{text}{end}"))
            .map_err(|e| failed("The text cannot be written for the editor", &e))?;
        let child = Command::new(program)
            .args(arguments)
            .arg(&file)
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| failed(&format!("The editor {program} cannot be started"), &e))?;
        Ok(Self {
            key,
            text,
            is_ended,
            file,
            child,
            looked: Instant::now(),
            _folder: folder,
        })
    }

    /// The draft that is edited.
    pub(super) const fn key(&self) -> DraftKey {
        self.key
    }

    /// Waits until the editor ends, or until it is time to look at the file. Has no effect when it
    /// is given up.
    pub(super) async fn wait(&mut self) -> Option<std::io::Result<ExitStatus>> {
        tokio::select! {
            ended = self.child.wait() => Some(ended),
            () = tokio::time::sleep_until(self.looked + LOOK) => None,
        }
    }

    /// What the editor has saved since this was asked last, so that a crash does not cost it.
    pub(super) fn saved(&mut self) -> Option<String> {
        self.looked = Instant::now();
        let text = self.read().ok().filter(|text| !text.trim().is_empty())?;
        if text == self.text {
            return None;
        }
        self.text.clone_from(&text);
        Some(text)
    }

    /// What came of it.
    pub(super) fn outcome(&self, ended: std::io::Result<ExitStatus>) -> Result<String, Safe> {
        let status = ended.map_err(|e| failed("The editor was lost", &e))?;
        if !status.success() {
            return Err(Safe::line(&format!(
                "The editor did not end well ({status})"
            )));
        }
        let text = self.read()?;
        if text.trim().is_empty() && !self.text.trim().is_empty() {
            return Err(Safe::fixed("The editor left the text empty"));
        }
        Ok(text)
    }

    fn read(&self) -> Result<String, Safe> {
        let mut text = read(&self.file)?;
        if self.is_ended && text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// The program ends: so does the editor. Gives what it had saved.
    pub(super) async fn end(mut self) -> Option<String> {
        #[cfg(unix)]
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::HUP);
        }
        let _ended = tokio::time::timeout(END, self.child.wait()).await;
        self.saved()
    }
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> Safe {
    Safe::line(&format!("{what}: {why}"))
}

/// Writes a file that only this user can read.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(file)?.write_all(text.as_bytes())
}

/// Reads the file, where it still is one.
fn read(file: &Path) -> Result<String, Safe> {
    let gone = |e: std::io::Error| failed("The editor's file is gone", &e);
    let about = std::fs::symlink_metadata(file).map_err(gone)?;
    if !about.is_file() {
        return Err(Safe::fixed(
            "The editor's file was replaced by something else",
        ));
    }
    if about.len() > BYTES_MAX {
        return Err(Safe::fixed("The text is larger than a message can be"));
    }
    let bytes = std::fs::read(file).map_err(gone)?;
    let mut text =
        String::from_utf8(bytes).map_err(|_| Safe::fixed("The editor's file is not UTF-8 text"))?;
    if text.starts_with('\u{feff}') {
        text.remove(0);
    }
    Ok(text)
}

/// Removes what a process left that did not end by itself.
pub(super) fn remove_leftovers(data_dir: &Path) {
    staging::remove_leftovers(data_dir, PREFIX);
    staging::remove_leftovers(data_dir, super::pages::PREFIX);
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    /// Runs a script as the editor; gives what came of it, and what is left in the data folder.
    async fn edit(script: &str, text: &str) -> (Result<String, Safe>, usize) {
        let data = tempfile::tempdir().unwrap();
        let command = format!("sh -c {} sh", shell_words::quote(script));
        let mut editing =
            Editing::start(&command, data.path(), DraftKey(1), text.to_owned()).unwrap();
        let ended = loop {
            if let Some(ended) = editing.wait().await {
                break ended;
            }
        };
        let outcome = editing.outcome(ended);
        drop(editing);
        (outcome, std::fs::read_dir(data.path()).unwrap().count())
    }

    #[tokio::test]
    async fn what_the_editor_saved_is_the_text() {
        let (outcome, left) = edit("printf 'more\\n' >> \"$1\"", "some\n").await;
        assert_eq!((outcome, left), (Ok("some\nmore\n".to_owned()), 0));
        let (outcome, _) = edit("cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\"", "ü").await;
        assert_eq!(outcome.as_deref(), Ok("ü"), "saving by renaming is saving");
        let (outcome, _) = edit("test \"$(wc -l < \"$1\")\" -eq 1", "one").await;
        assert_eq!(
            outcome.as_deref(),
            Ok("one"),
            "no line break is added for good"
        );
    }

    #[tokio::test]
    async fn whatever_else_an_editor_does_is_said_and_gives_no_text() {
        for (script, said) in [
            ("exit 3", "did not end well"),
            ("kill -9 $$", "did not end well"),
            (": > \"$1\"", "empty"),
            ("rm \"$1\"", "is gone"),
            ("rm \"$1\"; mkdir \"$1\"", "replaced"),
            ("rm \"$1\"; ln -s /etc/hostname \"$1\"", "replaced"),
            ("rm \"$1\"; mkfifo \"$1\"", "replaced"),
            ("printf '\\377\\376' > \"$1\"", "not UTF-8"),
        ] {
            let (outcome, left) = edit(script, "text").await;
            let why = outcome.unwrap_err();
            assert!(why.as_str().contains(said), "{script}: {why}");
            assert_eq!(left, 0, "{script}");
        }
    }

    #[test]
    fn a_command_that_cannot_be_run_is_named() {
        let data = tempfile::tempdir().unwrap();
        for (command, said) in [
            ("", "no editor"),
            ("'vi", "cannot be read"),
            ("/nowhere/vi -x", "/nowhere/vi cannot be started"),
        ] {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let _inside = runtime.unwrap().enter();
            let why = Editing::start(command, data.path(), DraftKey(1), String::new());
            let why = why.err().unwrap();
            assert!(why.as_str().contains(said), "{command}: {why}");
        }
    }

    #[tokio::test]
    async fn nobody_else_can_read_the_text_and_the_leftovers_of_the_dead_go() {
        let (outcome, _) = edit(
            "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" | cut -d' ' -f1 > \"$1\"",
            "x",
        )
        .await;
        assert_eq!(outcome.as_deref(), Ok("600\n700"));
        let data = tempfile::tempdir().unwrap();
        let alive = data
            .path()
            .join(format!("{PREFIX}{}-a", std::process::id()));
        let dead = data.path().join(format!("{PREFIX}{}-b", i32::MAX));
        for folder in [&alive, &dead] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("draft.txt"), "x").unwrap();
        }
        remove_leftovers(data.path());
        assert!(alive.exists() && !dead.exists());
    }
}
