//! The built program with a configuration, a data folder and a home of its own.
//!
//! Used by tests to run commands as a script does. It must never see the user's own files.

use super::{PATIENCE, Screen};
use portable_pty::CommandBuilder;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use tempfile::TempDir;

/// Where one test's program lives.
pub(crate) struct Program {
    folder: TempDir,
    variables: Vec<(&'static str, PathBuf)>,
    /// A program that runs ours, and its arguments.
    under: Vec<String>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code; `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Output {
    /// Holds the exit code, and shows all where it is another.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The objects of `--json` output.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}

impl Program {
    /// With that configuration.
    pub(crate) fn new(config: &str) -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
            under: Vec::new(),
        };
        fs::create_dir(program.folder.path().join("home")).unwrap();
        program.write_config(config);
        program
    }

    /// The same with one more variable in its environment.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// The same run by another program, whose arguments these are: a tracer.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        self.under = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// What is to be started, and the arguments that stand before those of ours.
    fn words(&self) -> (String, Vec<String>) {
        let own = env!("CARGO_BIN_EXE_pillarbox").to_owned();
        match self.under.split_first() {
            None => (own, Vec::new()),
            Some((first, rest)) => (first.clone(), [rest, &[own]].concat()),
        }
    }

    /// Replaces the configuration.
    pub(crate) fn write_config(&self, config: &str) {
        fs::write(self.config_file(), config).unwrap();
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Everything the program may write to.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut variables = vec![
            ("HOME", self.folder.path().join("home")),
            ("PILLARBOX_CONFIG", self.config_file()),
            ("PILLARBOX_DATA_DIR", self.data_dir()),
            ("LC_ALL", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
        ];
        variables.extend(self.variables.iter().cloned());
        variables
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Runs a command with something on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Output {
        Self::output(self.run_bytes(args, input))
    }

    /// Runs a command with more variables in its environment.
    pub(crate) fn run_under(&self, args: &[&str], variables: &[(&str, String)]) -> Output {
        Self::output(self.run_in(args, variables, ""))
    }

    fn output((code, stdout, stderr): (Option<i32>, Vec<u8>, Vec<u8>)) -> Output {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Output {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// Runs a command whose output need not be text: exit code, standard output, standard error.
    pub(crate) fn run_bytes(&self, args: &[&str], input: &str) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        self.run_in(args, &[], input)
    }

    fn run_in(
        &self,
        args: &[&str],
        variables: &[(&str, String)],
        input: &str,
    ) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        let (first, before) = self.words();
        let mut command = Command::new(first);
        command
            .args(before)
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
            .envs(self.environment())
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .current_dir(self.folder.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, input.as_bytes())));
        let [stdout, stderr] = [read(child.stdout.take()), read(child.stderr.take())];
        let Ok(stdout) = stdout.recv_timeout(PATIENCE) else {
            child.kill().unwrap();
            panic!("pillarbox {args:?} did not end");
        };
        let stderr = stderr.recv_timeout(PATIENCE).unwrap();
        (child.wait().unwrap().code(), stdout, stderr)
    }

    /// Starts a command and leaves it running; nobody reads what it says.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pillarbox"));
        command
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .envs(self.environment())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Starts it on a terminal.
    pub(crate) fn screen(&self, args: &[&str], columns: u16, rows: u16) -> Screen {
        let (first, before) = self.words();
        let mut command = CommandBuilder::new(first);
        command.args(before);
        command.args(args);
        command.env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command.cwd(self.folder.path());
        Screen::start(command, columns, rows)
    }
}

fn read<R: Read + Send + 'static>(pipe: Option<R>) -> std::sync::mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    let mut pipe = pipe.unwrap();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        sender.send(bytes).unwrap();
    });
    receiver
}
