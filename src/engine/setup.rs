//! What the engine must know of an account before it can start: where, who, when, how much.
//!
//! Made by `cli` from the configuration. Must never hold a secret: `login` fetches it when needed.

use super::crypto::Gpg;
use crate::bus::SyncMode;
use crate::config;
use crate::model::{Address, Role};
use crate::net::smtp::Manner;
use crate::net::{Login, Options, Server, http};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Fetches the credentials; may run a command and block. The error is a sentence for the user.
pub type LoginSource = Arc<dyn Fn() -> Result<Login, String> + Send + Sync>;

/// What is kept for offline reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The text of every message.
    #[default]
    All,
    /// The text of messages that arrived so recently.
    Recent(Duration),
    /// Headers only; texts when they are opened.
    Headers,
}

/// An address that an account writes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// The name and the address.
    pub address: Address,
    /// What is put below the text; may be empty.
    pub signature: String,
}

/// How an account writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// The addresses it writes from, the usual one first. None: the account's address alone.
    pub senders: Vec<Sender>,
    /// How long a draft must stay unchanged before it is copied to the server.
    pub copy_after: Duration,
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            senders: Vec::new(),
            copy_after: Duration::from_secs(30),
        }
    }
}

/// The usual [`AccountSetup::list_every`].
pub const LIST_EVERY: Duration = Duration::from_secs(15);

/// How mail is fetched from a maildrop (POP3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maildrop {
    /// Whether it stays there.
    pub leave: config::LeaveOnServer,
    /// Of messages that are larger, in bytes, only the header is fetched by itself.
    pub max_size: Option<u64>,
}

/// One account.
#[derive(Clone)]
pub struct AccountSetup {
    /// Its name in the configuration: what the store knows it by.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Where to connect.
    pub server: Server,
    /// How to log in.
    pub login: LoginSource,
    /// Limits and wishes of connections.
    pub options: Options,
    /// When to connect.
    pub mode: SyncMode,
    /// How often in [`SyncMode::Interval`].
    pub interval: Duration,
    /// How often the tree is compared with the server's while somebody is at the keys, in
    /// [`SyncMode::Push`]; at other times it is `interval`.
    pub list_every: Duration,
    /// What is kept for offline reading.
    pub keep: Keep,
    /// Set where the server is a POP3 server: the mailboxes are then kept on this computer.
    pub maildrop: Option<Maildrop>,
    /// Mailboxes that take a role whatever the server says, by full name.
    pub roles: BTreeMap<Role, String>,
    /// The server whose Authentication-Results are believed; empty: none.
    pub trusted_authserv: String,
    /// How it writes.
    pub writing: Writing,
    /// How it sends; `None`: it does not.
    pub outgoing: Option<Outgoing>,
}

impl AccountSetup {
    /// Whether its mailboxes are kept on this computer, and nowhere else.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.maildrop.is_some()
    }
}

/// Whether copies of sent mail are put into the Sent mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SaveSent {
    /// Unless the provider does it.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// The outgoing server of an account.
#[derive(Clone)]
pub struct Outgoing {
    /// Where to connect.
    pub server: Server,
    /// How to log in.
    pub login: LoginSource,
    /// Limits and wishes of connections.
    pub options: Options,
    /// How long its answers may take.
    pub manner: Manner,
    /// What becomes of the copy.
    pub save_sent: SaveSent,
    /// How long a sent message can be taken back.
    pub undo: Duration,
}

impl fmt::Debug for AccountSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSetup")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Everything the engine starts with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Where attachments are saved unless the user says otherwise.
    pub downloads: PathBuf,
    /// Where the user's templates are.
    pub templates: PathBuf,
    /// The accounts, in the order of the sidebar.
    pub accounts: Vec<AccountSetup>,
    /// Where addresses are looked up, files with their whole path.
    pub directory: config::Directory,
    /// The language of the spell check, such as `en_GB`; empty: what its program takes by itself.
    pub spelling: String,
    /// How messages are signed and encrypted.
    pub gpg: Gpg,
    /// How the web is asked, where a key asks for it.
    pub web: http::Limits,
    /// Whether to start without connecting.
    pub is_offline: bool,
}
