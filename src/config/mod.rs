//! What the user may set: documented structs and their defaults, the one source of the format.
//!
//! Read by `cli` and `run`, which hand on to the other layers what they need. The comments in here
//! are the documentation: `config.example.toml` is made from them and from `Default`. A key must
//! never be accepted without being documented here.

mod check;
mod choice;
mod load;
mod secret;
mod value;

pub use choice::{Dates, Keymap, Layout, LdapTls, Pictures, Prefer, SaveSent, Theme, Tls};
pub use load::{Loaded, config_file, data_dir, load, parse};
pub use secret::{Credential, Proof};
pub use value::{Chords, Keep, LeaveOnServer, MarkRead, OAuth2, OAuth2Client, Period, Size};

use crate::model::{Role, Secret, SyncMode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Why a configuration cannot be used: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file, as shown.
    pub file: String,
    /// The line, from 1; `None` where no line is to blame.
    pub line: Option<usize>,
    /// The key with its tables, such as `accounts.work.imap.host`; empty where no key is to blame.
    pub key: String,
    /// What is wrong, as the rest of a sentence that begins with the key.
    pub what: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl std::error::Error for Error {}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        f.write_str(&self.what)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The accounts by name, in the order of the file: the order of the sidebar.
    #[serde(with = "value::in_order")]
    pub accounts: Vec<(String, Account)>,
    /// Where addresses are looked up.
    pub directory: Directory,
    /// How it looks and behaves.
    pub ui: Ui,
    /// Keys of your own, by context and action: `pillarbox actions` lists both.
    pub keys: BTreeMap<String, BTreeMap<String, Chords>>,
}

impl Config {
    /// The account of that name.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, account)| account)
    }
}

/// One mail account. It needs an incoming server: `imap` or `pop3`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// Your address in this account.
    /// Example: `"ann@example.org"`
    pub address: String,
    /// Your name, as others see it.
    /// Example: `"Ann Example"`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whose checks of senders are believed: the name that your own mail server writes at the beginning of its
    /// Authentication-Results. Where it is not set: nobody's, since anybody can write that field.
    /// Example: `"mx.example.org"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_authserv: Option<String>,
    /// The incoming server, where it speaks IMAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imap: Option<Server>,
    /// The incoming server, where it speaks POP3 (instead of `imap`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pop3: Option<Server>,
    /// The outgoing server, with the same keys. User name and password are the incoming server's
    /// unless they are set here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Server>,
    /// When to connect, and what to keep.
    pub sync: Sync,
    /// Names of special folders, only where the server does not tell them or is wrong.
    pub folders: Folders,
    /// How mail is sent.
    pub send: Send,
}

/// The protocol that a server is asked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// IMAP: incoming.
    Imap,
    /// POP3: incoming.
    Pop3,
    /// SMTP submission: outgoing.
    Smtp,
}

impl Protocol {
    /// Its name as a key of an account.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
        }
    }

    /// The port that is used where none is set.
    #[must_use]
    pub const fn port(self, tls: Tls) -> u16 {
        match (self, tls) {
            (Self::Imap, Tls::Implicit) => 993,
            (Self::Imap, Tls::Starttls | Tls::None) => 143,
            (Self::Pop3, Tls::Implicit) => 995,
            (Self::Pop3, Tls::Starttls | Tls::None) => 110,
            (Self::Smtp, Tls::Implicit) => 465,
            (Self::Smtp, Tls::Starttls | Tls::None) => 587,
        }
    }
}

impl Account {
    /// The incoming server and its protocol.
    #[must_use]
    pub fn incoming(&self) -> Option<(Protocol, &Server)> {
        let imap = self.imap.as_ref().map(|s| (Protocol::Imap, s));
        imap.or_else(|| self.pop3.as_ref().map(|s| (Protocol::Pop3, s)))
    }

    /// The server of that protocol.
    #[must_use]
    pub const fn server(&self, protocol: Protocol) -> Option<&Server> {
        match protocol {
            Protocol::Imap => self.imap.as_ref(),
            Protocol::Pop3 => self.pop3.as_ref(),
            Protocol::Smtp => self.smtp.as_ref(),
        }
    }
}

/// A server and how to sign in there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The host's name. Its certificate must be valid for it.
    /// Example: `"mail.example.org"`
    pub host: String,
    /// The port. Where it is not set, `tls` decides: 993 or 143 (IMAP), 995 or 110 (POP3), 465 or 587 (SMTP).
    /// Example: `993`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the connection is made safe: "implicit" (TLS from the first byte), "starttls", or "none"
    /// (in clear, on this computer only).
    pub tls: Tls,
    /// The user name. Where it is not set: the address.
    /// Example: `"ann@example.org"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A command whose first line of output is the password. It is run by `sh -c`, without a terminal.
    /// Example: `"pass show mail"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<String>,
    /// The password itself. Better: `password_command`.
    /// Example: `"…"`
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "value::hidden"
    )]
    pub password: Option<Secret>,
    /// Whether the password is in the system's keyring. This version cannot read it and says so:
    /// use `password_command` with the keyring's own program.
    pub keyring: bool,
    /// A command whose first line of output is an OAuth2 access token, used instead of a password.
    /// Example: `"oama access ann@example.org"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_command: Option<String>,
    /// Sign in with a browser (this version cannot, and says so: use `token_command`): "google", "microsoft",
    /// or a client of your own as
    /// { client_id = "…", client_secret = "…", tenant = "…", auth_url = "…", token_url = "…", scope = "…" }.
    /// Example: `"google"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2>,
    /// A file (PEM) with an extra trust root; a relative path starts at this file's folder.
    /// There is no switch to skip verification.
    /// Example: `"extra-root.pem"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Allows `tls = "none"` to another computer: everybody on the way can read mail and password.
    pub insecure_plaintext: bool,
    /// IMAP only: compresses the connection. Where it is not set: wherever it pays.
    /// Example: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<bool>,
    /// POP3 only: whether fetched mail stays on the server: true, false, "14d" (so long after it was
    /// fetched), or "until-deleted" (until it is deleted here).
    #[serde(skip_serializing_if = "LeaveOnServer::is_default")]
    pub leave_on_server: LeaveOnServer,
    /// POP3 only: of larger messages only the headers are fetched until the whole is asked for.
    /// Example: `"5MB"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<Size>,
}

impl Server {
    /// The port to connect to.
    #[must_use]
    pub fn port_for(&self, protocol: Protocol) -> u16 {
        self.port.unwrap_or_else(|| protocol.port(self.tls))
    }
}

/// When an account connects, and what it keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// When to connect: "push" (stays connected), "on-start" (once at the start; then changes are
    /// sent at once, and mail is fetched when asked), "interval" (at the start, then every so often,
    /// sending too), or "manual" (only when asked, sending too).
    #[serde(with = "value::sync_mode")]
    pub mode: SyncMode,
    /// How often, where the mode is "interval"; and how often other folders are looked at in "push".
    pub interval: Period,
    /// What is kept for reading offline: "all", "90d" (what arrived so recently), or "headers".
    pub keep: Keep,
    /// Folders that are watched all the time where the server cannot tell of all of them. This
    /// version watches the inbox and the folder on the screen, whatever stands here.
    pub watch: Vec<String>,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            mode: SyncMode::Push,
            interval: Period::from_secs(5 * 60),
            keep: Keep::All,
            watch: vec!["INBOX".to_owned()],
        }
    }
}

/// Names of special folders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Folders {
    /// Where archived mail goes.
    /// Example: `"Archive"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Where drafts are kept.
    /// Example: `"Drafts"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drafts: Option<String>,
    /// Where copies of sent mail are kept.
    /// Example: `"Sent Items"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// Where unwanted mail goes.
    /// Example: `"Spam"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub junk: Option<String>,
    /// Where deleted mail goes.
    /// Example: `"Trash"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trash: Option<String>,
}

impl Folders {
    /// The folders that are named, with their roles.
    pub fn roles(&self) -> impl Iterator<Item = (Role, &str)> {
        [
            (Role::Archive, &self.archive),
            (Role::Drafts, &self.drafts),
            (Role::Sent, &self.sent),
            (Role::Junk, &self.junk),
            (Role::Trash, &self.trash),
        ]
        .into_iter()
        .filter_map(|(role, name)| Some((role, name.as_deref()?)))
    }
}

/// How mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Send {
    /// How long a sent message can be taken back.
    pub undo: Period,
    /// Whether a copy goes to the Sent folder: "auto" (unless the provider does it), "always", "never".
    pub save_sent: SaveSent,
    /// Other addresses that you write from.
    /// Example: `[{ address = "a.e@example.org", name = "A. E.", signature = "…" }]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
}

impl Default for Send {
    fn default() -> Self {
        Self {
            undo: Period::from_secs(5),
            save_sent: SaveSent::Auto,
            identities: Vec::new(),
        }
    }
}

/// An address that one writes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The address.
    pub address: String,
    /// The name that goes with it.
    pub name: String,
    /// What is put below the text.
    pub signature: String,
}

/// Where addresses are looked up, beside those of mail sent and received.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directory {
    /// Files of contacts (vCard), and folders with such files. They are read again when they change.
    /// Example: `["~/contacts"]`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vcards: Vec<PathBuf>,
    /// A command that is asked for addresses, run without a shell: %s becomes what was typed. It answers
    /// with one address a line, a tab, a name, as `mutt` has it.
    /// Example: `"khard email --parsable %s"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// An LDAP directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldap: Option<Ldap>,
}

impl Directory {
    /// The command's program and arguments; empty where there is none.
    #[must_use]
    pub fn argv(&self) -> Vec<String> {
        let command = self.command.as_deref();
        command.and_then(value::words).unwrap_or_default()
    }
}

/// An LDAP directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ldap {
    /// Where it is: ldaps:// or ldap://.
    /// Example: `"ldaps://ldap.example.org"`
    pub url: String,
    /// Below which entry to look.
    /// Example: `"dc=example,dc=org"`
    pub base: String,
    /// How an ldap:// connection is made safe: "starttls", or "none" (in clear, on this computer only).
    pub tls: LdapTls,
    /// Which entries fit: %s becomes what was typed.
    pub filter: String,
    /// Who asks. Where it is not set: nobody in particular.
    /// Example: `"uid=ann,ou=people,dc=example,dc=org"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_dn: Option<String>,
    /// A command whose first line of output is the password. It is run by `sh -c`, without a terminal.
    /// Example: `"pass show ldap"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_command: Option<String>,
    /// The password itself. Better: `password_command`.
    /// Example: `"…"`
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "value::hidden"
    )]
    pub password: Option<Secret>,
    /// A file (PEM) with an extra trust root; a relative path starts at this file's folder.
    /// There is no switch to skip verification.
    /// Example: `"extra-root.pem"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Allows `tls = "none"` to another computer: everybody on the way can read what is asked and answered.
    pub insecure_plaintext: bool,
}

impl Ldap {
    /// Finds people by the beginning of their names or of their address.
    pub const FILTER: &str =
        "(&(mail=*)(|(cn=%s*)(cn=* %s*)(sn=%s*)(givenName=%s*)(displayName=%s*)(mail=%s*)))";
}

impl Ldap {
    /// What follows `ldaps://` or `ldap://`, up to a slash; `None` where it is no URL of a directory.
    fn authority(&self) -> Option<&str> {
        let url = self.url.as_str();
        let rest = url
            .strip_prefix("ldaps://")
            .or_else(|| url.strip_prefix("ldap://"))?;
        rest.split('/').next()
    }

    /// The host of the URL; `None` where it is no URL of a directory.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let authority = self.authority()?;
        let host = match authority.strip_prefix('[') {
            Some(address) => address.split(']').next(),
            None => authority.split(':').next(),
        };
        host.filter(|host| !host.is_empty())
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        let port = self.authority().and_then(|a| a.rsplit_once(':'));
        let port = port.and_then(|(_, port)| port.parse().ok());
        port.unwrap_or(if self.is_implicit() { 636 } else { 389 })
    }

    /// Whether the connection begins with TLS.
    #[must_use]
    pub fn is_implicit(&self) -> bool {
        self.url.starts_with("ldaps://")
    }
}

impl Default for Ldap {
    fn default() -> Self {
        Self {
            url: String::new(),
            base: String::new(),
            tls: LdapTls::Starttls,
            filter: Self::FILTER.to_owned(),
            bind_dn: None,
            password_command: None,
            password: None,
            ca_file: None,
            insecure_plaintext: false,
        }
    }
}

/// How it looks and behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// The colours: "auto" (as the terminal's ground is), "dark", "light" or "none". NO_COLOR in the
    /// environment means "none".
    pub theme: Theme,
    /// Where the preview is: "auto" (as the window's size allows), "beside", "below" or "list-only".
    pub layout: Layout,
    /// Dates in lists: "short" (10:32, Apr 05, 2025-11-02) or "iso" (always 2025-11-02).
    pub dates: Dates,
    /// Which form of a message is shown where it has two: "auto" (the plain text where it says
    /// anything, else the HTML), "plain" or "html". The key = changes it for one message.
    pub prefer: Prefer,
    /// How long a message must stay in the preview to count as read, such as "2s", or "never". One
    /// that is opened counts at once.
    pub mark_read_after: MarkRead,
    /// Which keys to start from: "vim", "mutt", "gmail" or "alpine".
    pub keymap: Keymap,
    /// Whether messages are grouped by thread at the start.
    pub threads: bool,
    /// Whether Enter shows the whole thread of a message as one conversation.
    pub conversation: bool,
    /// Whether new mail rings the terminal's bell.
    pub bell: bool,
    /// Whether the mouse is used; without it, the terminal selects text as ever.
    pub mouse: bool,
    /// How pictures are shown: "auto" (as well as the terminal can), "kitty", "iterm2", "sixel",
    /// "blocks" (two colours in each cell) or "off".
    pub pictures: Pictures,
    /// For screen readers: one pane at a time as plain lines, the cursor on the line at hand.
    pub linear: bool,
    /// Draws with plain ASCII only.
    pub ascii: bool,
    /// Where attachments are saved. Where it is not set: the system's folder for downloads.
    /// Example: `"~/Downloads"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downloads: Option<PathBuf>,
    /// The program that opens an attachment; the name of a copy of the file is put behind its arguments.
    /// Where it is not set: what the system has for files of that ending.
    /// Example: `"xdg-open"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_command: Option<String>,
    /// The program that prints what it reads from its standard input. Where it is not set: lp or lpr.
    /// Example: `"lp -d office"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub print_command: Option<String>,
    /// The program that puts what it reads on the clipboard. Where it is not set: the terminal does (OSC 52).
    /// Example: `"wl-copy"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_command: Option<String>,
    /// The language of the spell check, as aspell and hunspell call it. Where it is not set: the
    /// system's.
    /// Example: `"en_GB"`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spelling: Option<String>,
}

impl Ui {
    /// The words of one of the commands; empty where there is none.
    #[must_use]
    pub fn argv(command: Option<&String>) -> Vec<String> {
        command.and_then(|c| value::words(c)).unwrap_or_default()
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            theme: Theme::Auto,
            layout: Layout::Auto,
            dates: Dates::Short,
            prefer: Prefer::Auto,
            mark_read_after: MarkRead::After(Period::from_secs(2)),
            keymap: Keymap::Vim,
            threads: true,
            conversation: false,
            bell: false,
            mouse: true,
            pictures: Pictures::Auto,
            linear: false,
            ascii: false,
            downloads: None,
            open_command: None,
            print_command: None,
            copy_command: None,
            spelling: None,
        }
    }
}
