//! A user or two with mail and a program that knows it: set up once, then copied for each thing that
//! is to go wrong.
//!
//! Used by the sweeps over crashes and cuts. A copy must have everything in common with its original
//! but the names of the users.

use super::dovecot::copy_folder;
use super::held::{Held, Shown, waiting};
use super::{Dovecot, Kind, Program, poor};
use std::path::PathBuf;

/// The names of the accounts in the configuration; the first is the one that is worked with.
const ACCOUNTS: [&str; 2] = ["work", "home"];

/// How many rounds may be needed until nothing waits.
const ROUNDS_MAX: usize = 3;

/// The scene of one test.
pub(crate) struct Stage {
    pub(crate) dovecot: &'static Dovecot,
    /// One for each account.
    pub(crate) users: Vec<String>,
    pub(crate) program: Program,
    /// Where the program finds the server.
    pub(crate) port: u16,
}

impl Stage {
    /// Fresh users, and a program that was never started.
    pub(crate) fn new(kind: Kind, accounts: usize) -> Self {
        let dovecot = Dovecot::shared(kind);
        let users: Vec<String> = (0..accounts).map(|_| dovecot.fresh_user()).collect();
        for user in &users {
            // The server makes the folders.
            dovecot.client(user).leave();
        }
        let port = poor::port(kind, dovecot.imap);
        let program = Program::new(&configuration(port, &users));
        Self {
            dovecot,
            users,
            program,
            port,
        }
    }

    /// The same with users of its own.
    pub(crate) fn copy(&self) -> Self {
        let (dovecot, port) = (self.dovecot, self.port);
        let users: Vec<String> = self.users.iter().map(|u| dovecot.copy_user(u)).collect();
        let program = Program::new(&configuration(port, &users));
        if self.program.data_dir().exists() {
            copy_folder(&self.program.data_dir(), &program.data_dir());
        }
        Self {
            dovecot,
            users,
            program,
            port,
        }
    }

    /// Lets the program find the server at another port.
    pub(crate) fn connect_to(&self, port: u16) {
        self.program.write_config(&configuration(port, &self.users));
    }

    /// Puts a message into a mailbox of the first user.
    pub(crate) fn put(&self, mailbox: &str, flags: &str, message: &str) {
        let mut client = self.dovecot.client(&self.users[0]);
        client.append(mailbox, flags, message);
        client.leave();
    }

    /// Runs a command that must go well.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        self.program.run(args).expect(0).stdout
    }

    /// The id by which a message is known to commands.
    pub(crate) fn id(&self, mailbox: &str, message_id: &str) -> String {
        let shown = self.shown(0);
        let rows = &shown.mailboxes[mailbox];
        let row = rows.iter().find(|row| row.message_id == message_id);
        let row = row.unwrap_or_else(|| panic!("no {message_id} in {mailbox}: {rows:?}"));
        row.id.to_string()
    }

    /// What the servers hold, one for each account.
    pub(crate) fn held(&self) -> Vec<Held> {
        let users = self.users.iter();
        users.map(|user| Held::of(self.dovecot, user)).collect()
    }

    /// What the store shows of an account.
    pub(crate) fn shown(&self, account: usize) -> Shown {
        Shown::of(&self.data_dir(), ACCOUNTS[account])
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.program.data_dir()
    }

    /// Lets the program send and fetch until nothing waits; what still waits after that, and what
    /// was said. Then once more, so that the store knows the outcome.
    pub(crate) fn settle(&self) -> Result<(), String> {
        let mut said = String::new();
        for _ in 0..ROUNDS_MAX {
            let output = self.program.run(&["sync"]);
            let told = format!("{:?}: {}{}", output.code, output.stdout, output.stderr);
            said.push_str(&told);
            if output.code == Some(0) && waiting(&self.data_dir()).is_empty() {
                self.run(&["sync"]);
                return Ok(());
            }
        }
        let waits = waiting(&self.data_dir());
        Err(format!("still waiting: {waits:?}; sync said:\n{said}"))
    }

    /// Where store and servers differ; empty where they do not.
    pub(crate) fn differences(&self, held: &[Held]) -> String {
        let accounts = held.iter().enumerate();
        accounts
            .map(|(at, held)| held.differs_from(&self.shown(at)))
            .collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for user in &self.users {
            self.dovecot.forget_user(user);
        }
    }
}

fn configuration(port: u16, users: &[String]) -> String {
    let accounts = ACCOUNTS.iter().zip(users);
    accounts
        .map(|(name, user)| Dovecot::account_at(port, name, user))
        .collect()
}
