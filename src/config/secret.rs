//! Gets passwords and tokens from where the user keeps them.
//!
//! Called by `cli` and, through what `cli` hands on, by `engine` before it signs in; may block as
//! long as [`TIME_LIMIT`]. Must never say a secret in an error.

use super::{Account, Ldap, Protocol, Server};
use crate::model::Secret;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

/// How long a command may take: long enough to type a passphrase into a window.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// More output than this is not a password.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// How somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name.
    pub user: String,
    /// What proves it.
    pub proof: Proof,
}

/// What proves that it is them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A password.
    Password(Secret),
    /// An OAuth2 access token.
    Token(Secret),
}

impl Account {
    /// How to sign in at the server of that protocol. Runs the user's command where one is set; at
    /// the outgoing server, what is not set there is taken from the incoming one.
    ///
    /// # Errors
    /// One sentence for the user, without the secret.
    pub fn credential(&self, protocol: Protocol) -> Result<Credential, String> {
        self.credential_within(protocol, TIME_LIMIT)
    }

    fn credential_within(&self, protocol: Protocol, limit: Duration) -> Result<Credential, String> {
        let own = self.server(protocol);
        let incoming = self.incoming().map(|(_, server)| server);
        let user = [own, incoming]
            .into_iter()
            .flatten()
            .find_map(|s| s.user.clone());
        let user = user.unwrap_or_else(|| self.address.clone());
        let source = [own, incoming]
            .into_iter()
            .flatten()
            .find(|s| s.has_secret());
        let source = source.ok_or_else(|| {
            format!("no password is set for {user}; add password_command to the configuration")
        })?;
        let proof = source.proof(&user, limit)?;
        Ok(Credential { user, proof })
    }
}

impl Server {
    /// Whether this server says where its secret is.
    const fn has_secret(&self) -> bool {
        self.password.is_some()
            || self.password_command.is_some()
            || self.token_command.is_some()
            || self.keyring
            || self.oauth2.is_some()
    }

    fn proof(&self, user: &str, limit: Duration) -> Result<Proof, String> {
        if let Some(password) = &self.password {
            return Ok(Proof::Password(password.clone()));
        }
        if let Some(command) = &self.password_command {
            return first_line("password_command", command, limit).map(Proof::Password);
        }
        if let Some(command) = &self.token_command {
            return first_line("token_command", command, limit).map(Proof::Token);
        }
        let instead = if self.keyring {
            "keyring = true: this build cannot read the system's keyring; use password_command, \
             such as \"secret-tool lookup service mail\" or \"security find-generic-password -w -s mail\""
        } else {
            "oauth2: this version cannot sign in with a browser; use token_command with a program \
             that gives out tokens, or an app password with password_command"
        };
        Err(format!("cannot sign in as {user} with {instead}"))
    }
}

impl Ldap {
    /// What to sign in with; `None`: nobody signs in. Runs the user's command where one is set.
    ///
    /// # Errors
    /// One sentence for the user, without the secret.
    pub fn secret(&self) -> Result<Option<Secret>, String> {
        match (&self.password, &self.password_command) {
            (Some(password), _) => Ok(Some(password.clone())),
            (None, Some(command)) => first_line("password_command", command, TIME_LIMIT).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// Runs a command of the user's and takes the first line of its output.
fn first_line(key: &str, command: &str, limit: Duration) -> Result<Secret, String> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own: it cannot read from the terminal, and all of it ends at the time limit.
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let mut child = shell
        .spawn()
        .map_err(|e| format!("{key} cannot be run by sh: {e}"))?;
    let output = read_in_background(child.stdout.take());
    let errors = read_in_background(child.stderr.take());
    let Ok(output) = output.recv_timeout(limit) else {
        end_group(&mut child);
        return Err(format!(
            "{key} did not end within {} seconds; it must work without asking at the terminal",
            limit.as_secs()
        ));
    };
    // Its output is closed; a command that goes on all the same is not waited for long.
    let errors = errors
        .recv_timeout(Duration::from_secs(2))
        .unwrap_or_default();
    end_group_unless_done(&mut child);
    let status = child.wait().map_err(|e| format!("{key} was lost: {e}"))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&errors);
        let said: String = said.trim().chars().take(300).collect();
        let said = if said.is_empty() {
            "it said nothing".to_owned()
        } else {
            format!("it said: {said}")
        };
        return Err(format!("{key} failed ({status}); {said}"));
    }
    let text = String::from_utf8(output).map_err(|_| format!("{key} did not print UTF-8 text"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(format!(
            "{key} printed nothing; the first line must be the secret"
        ));
    }
    if line.contains(['\0', '\r']) {
        return Err(format!(
            "{key} printed a control character; the first line must be the secret"
        ));
    }
    Ok(Secret::new(line.to_owned()))
}

/// Reads to the end, within bounds, so that neither pipe can fill up and block the command.
fn read_in_background<R: Read + Send + 'static>(pipe: Option<R>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error counts; the exit status tells the rest.
            drop(pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes));
        }
        drop(sender.send(bytes));
    });
    receiver
}

fn end_group_unless_done(child: &mut Child) {
    for _ in 0..100 {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    end_group(child);
}

/// Ends the command and all it started.
fn end_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    drop(
        Command::new("kill")
            .args(["-KILL", "--", &group])
            .stderr(Stdio::null())
            .status(),
    );
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(key: &str, value: &str) -> Account {
        let text = format!(
            "[accounts.a]\naddress = \"a@example.org\"\n[accounts.a.imap]\nhost = \"localhost\"\n{key} = {value}"
        );
        let loaded = super::super::parse(&text, std::path::Path::new("c.toml")).unwrap();
        loaded.config.account("a").unwrap().clone()
    }

    #[test]
    fn the_first_line_of_the_command_is_the_password_and_its_pipes_are_the_users() {
        let account = account("password_command", "'printf \"se cret\\nsecond\\n\" | cat'");
        let credential = account.credential(Protocol::Imap).unwrap();
        assert_eq!(credential.user, "a@example.org");
        assert_eq!(
            credential.proof,
            Proof::Password(Secret::new("se cret".to_owned()))
        );
    }

    #[test]
    fn a_failing_command_is_quoted_by_what_it_said_and_not_by_what_it_printed() {
        let account = account(
            "password_command",
            "'echo hunter2; echo locked >&2; exit 3'",
        );
        let error = account.credential(Protocol::Imap).unwrap_err();
        assert!(error.contains("locked") && error.contains('3'), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let command = format!("'sleep 600 & echo $! > {}; wait'", pid_file.display());
        let account = account("token_command", &command);
        let error = account
            .credential_within(Protocol::Imap, Duration::from_secs(1))
            .unwrap_err();
        assert!(error.contains("did not end"), "{error}");
        let pid = std::fs::read_to_string(pid_file).unwrap();
        let gone = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(20));
            let status = Command::new("kill")
                .args(["-0", pid.trim()])
                .stderr(Stdio::null())
                .status();
            !status.unwrap().success()
        });
        assert!(gone, "sleep is still there");
    }

    #[test]
    fn the_outgoing_server_signs_in_as_the_incoming_one_unless_it_says_otherwise() {
        let text = "[accounts.a]\naddress = \"a@example.org\"\n[accounts.a.imap]\nhost = \"localhost\"\n\
            user = \"ann\"\npassword = \"one\"\n[accounts.a.smtp]\nhost = \"localhost\"\nuser = \"bob\"";
        let loaded = super::super::parse(text, std::path::Path::new("c.toml")).unwrap();
        let credential = loaded
            .config
            .account("a")
            .unwrap()
            .credential(Protocol::Smtp)
            .unwrap();
        assert_eq!(credential.user, "bob");
        assert_eq!(
            credential.proof,
            Proof::Password(Secret::new("one".to_owned()))
        );
    }

    #[test]
    fn what_this_build_cannot_do_is_said_with_what_to_use_instead() {
        for (key, value) in [("keyring", "true"), ("oauth2", "\"google\"")] {
            let error = account(key, value).credential(Protocol::Imap).unwrap_err();
            assert!(
                error.contains(key) && error.contains("password_command"),
                "{error}"
            );
        }
    }
}
