//! Keys for `gpg` made for one test, with an agent of their own, and the parts of a signed message.
//!
//! Used by the tests of signing and of what is delivered. It must never see the user's own keys.

use pillarbox::engine::Gpg;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// Whether that program is not installed, with a word that the test is skipped.
pub(crate) fn is_missing(program: &str) -> bool {
    let is_missing = Command::new(program).arg("--version").output().is_err();
    if is_missing {
        eprintln!("skipped: {program} is not installed; `.ci/test` installs it where it may");
    }
    is_missing
}

/// A folder for GnuPG, with an agent of its own that ends with it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// An empty one.
    pub(crate) fn new() -> Self {
        // Below /tmp, because the agent's socket must have a short path.
        let folder = tempfile::Builder::new()
            .prefix("pbx-gpg-")
            .tempdir_in("/tmp")
            .unwrap();
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path(), mode).unwrap();
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A `gpg` that knows what is in it.
    pub(crate) fn gpg(&self) -> Gpg {
        Gpg::at("gpg", Some(self.path().to_owned()))
    }

    /// Runs `gpgsm` on it with that passphrase, which must succeed.
    pub(crate) fn gpgsm(&self, arguments: &[&str], passphrase: &str) {
        let file = self.path().join("passphrase");
        fs::write(&file, passphrase).unwrap();
        let mut command = self.program("gpgsm");
        command.args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"]);
        command
            .args(arguments)
            .stdin(fs::File::open(&file).unwrap());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpgsm {arguments:?}: {said}");
    }

    /// Ends the agent, and with it the passphrases that it knows.
    pub(crate) fn end_agent(&self) {
        drop(self.gpgconf("gpg-agent"));
    }

    fn gpgconf(&self, killed: &str) -> std::io::Result<Output> {
        let mut command = Command::new("gpgconf");
        command.arg("--homedir").arg(self.path());
        command.args(["--kill", killed]).output()
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.arg("--homedir").arg(self.path());
        command.args(["--batch", "--no-tty", "--status-fd", "2"]);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.gpgconf("all"));
    }
}

/// Keys of one person.
pub(crate) struct Keys {
    home: Home,
}

impl Keys {
    /// A key for that address; `None`, with a word why, where there is no `gpg`.
    pub(crate) fn of(address: &str) -> Option<Self> {
        Self::with(address, "")
    }

    /// The same, with a passphrase.
    pub(crate) fn with(address: &str, passphrase: &str) -> Option<Self> {
        if is_missing("gpg") {
            return None;
        }
        let keys = Self { home: Home::new() };
        let user = format!("Somebody <{address}>");
        keys.done(&[
            "--passphrase",
            passphrase,
            "--pinentry-mode",
            "loopback",
            "--quick-gen-key",
            &user,
            "future-default",
            "default",
            "never",
        ]);
        keys.forget_passphrases();
        Some(keys)
    }

    /// A `gpg` that knows them.
    pub(crate) fn gpg(&self) -> Gpg {
        self.home.gpg()
    }

    /// Runs `gpg` on them; what it tells of its work is in the errors.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.home.program("gpg");
        command.args(arguments).output().unwrap()
    }

    /// The same, where it must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        output.stdout
    }

    /// Has the agent forget.
    pub(crate) fn forget_passphrases(&self) {
        self.home.end_agent();
    }

    /// Gets to know somebody's key; trusts it where that was checked.
    pub(crate) fn meet(&self, other: &Self, address: &str, is_trusted: bool) {
        let key = other.done(&["--armor", "--export", address]);
        let file = self.home.path().join("key.asc");
        fs::write(&file, key).unwrap();
        self.done(&["--import", file.to_str().unwrap()]);
        if is_trusted {
            let listed = self.done(&["--with-colons", "--list-keys", address]);
            let listed = String::from_utf8(listed).unwrap();
            let print = listed.lines().find_map(|l| l.strip_prefix("fpr:")).unwrap();
            let print = print.trim_matches(':').to_owned();
            self.done(&["--yes", "--quick-lsign-key", &print]);
        }
    }
}

/// The parts between the outermost boundary.
pub(crate) fn parts(message: &[u8]) -> Vec<&[u8]> {
    let text = String::from_utf8_lossy(message);
    let boundary = text.split("boundary=").nth(1).unwrap();
    let boundary = boundary
        .split(['\r', ';'])
        .next()
        .unwrap()
        .trim_matches('"');
    let delimiter = format!("\r\n--{boundary}");
    let mut parts = Vec::new();
    let mut rest = message;
    while let Some(at) = rest
        .windows(delimiter.len())
        .position(|w| w == delimiter.as_bytes())
    {
        parts.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    // Behind each delimiter the line ends.
    parts.iter_mut().skip(1).for_each(|p| *p = &p[2..]);
    parts
}

/// What follows the fields of a part.
pub(crate) fn body(part: &[u8]) -> &[u8] {
    let at = part.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    &part[at + 4..]
}
