//! What the engine must know of an account before it can start: where, who, when, how much.
//!
//! Made by `cli` from the configuration. Must never hold a secret: `login` fetches it when needed.

use crate::bus::SyncMode;
use crate::config;
use crate::model::Role;
use crate::net::{Login, Options, Server};
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

/// The usual [`AccountSetup::list_every`].
pub const LIST_EVERY: Duration = Duration::from_secs(15);

/// One IMAP account.
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
    /// Mailboxes that take a role whatever the server says, by full name.
    pub roles: BTreeMap<Role, String>,
}

impl fmt::Debug for AccountSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSetup")
            .field("name", &self.name)
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
    /// The accounts, in the order of the sidebar.
    pub accounts: Vec<AccountSetup>,
    /// Where addresses are looked up, files with their whole path.
    pub directory: config::Directory,
    /// The language of the spell check, such as `en_GB`; empty: what its program takes by itself.
    pub spelling: String,
    /// Whether to start without connecting.
    pub is_offline: bool,
}
