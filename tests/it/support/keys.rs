//! Keys for `gpg` made for one test, with an agent of their own, and the parts of a signed message.
//!
//! Used by the tests of signing and of what is delivered. It must never see the user's own keys.

use pillarbox::engine::Gpg;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Keys of one person, with an agent of their own that ends with them.
pub(crate) struct Keys {
    folder: tempfile::TempDir,
}

impl Keys {
    /// A key for that address; `None`, with a word why, where there is no `gpg`.
    pub(crate) fn of(address: &str) -> Option<Self> {
        Self::with(address, "")
    }

    /// The same, with a passphrase.
    pub(crate) fn with(address: &str, passphrase: &str) -> Option<Self> {
        if Command::new("gpg").arg("--version").output().is_err() {
            eprintln!("skipped: gpg is not installed; `.ci/test` installs it where it may");
            return None;
        }
        // Below /tmp, because the agent's socket must have a short path.
        let folder = tempfile::Builder::new()
            .prefix("pbx-gpg-")
            .tempdir_in("/tmp")
            .unwrap();
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path(), mode).unwrap();
        let keys = Self { folder };
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

    /// Where they lie.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A `gpg` that knows them.
    pub(crate) fn gpg(&self) -> Gpg {
        Gpg::at("gpg", Some(self.home()))
    }

    /// Runs `gpg` on them; what it tells of its work is in the errors.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        Command::new("gpg")
            .arg("--homedir")
            .arg(self.folder.path())
            .args(["--batch", "--no-tty", "--status-fd", "2"])
            .args(arguments)
            .output()
            .unwrap()
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
        let mut command = Command::new("gpgconf");
        command
            .arg("--homedir")
            .arg(self.folder.path())
            .args(["--kill", "gpg-agent"]);
        drop(command.output());
    }

    /// Gets to know somebody's key; trusts it where that was checked.
    pub(crate) fn meet(&self, other: &Self, address: &str, is_trusted: bool) {
        let key = other.done(&["--armor", "--export", address]);
        let file = self.folder.path().join("key.asc");
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

impl Drop for Keys {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        command
            .arg("--homedir")
            .arg(self.folder.path())
            .args(["--kill", "all"]);
        drop(command.output());
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
