//! The IMAP4rev1 peer: who may connect, what is offered, and what was said.
//!
//! Tests make a [`Peer`] and connect to it in memory; the demo lets it [`serve`] on loopback. It is
//! strict, so that it finds our client's mistakes. It must never log a password.

mod fetch;
mod flags;
mod limits;
mod list;
mod parser;
mod search;
mod select;
mod session;
#[cfg(test)]
mod tests;
mod transfer;

use super::faults::Faults;
use super::heard::Heard;
use super::mailstore::Store;
use super::wire;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;

/// What is offered when nothing was taken away.
const CAPABILITIES: [&str; 26] = [
    "IMAP4rev1",
    "SASL-IR",
    "AUTH=PLAIN",
    "AUTH=XOAUTH2",
    "AUTH=OAUTHBEARER",
    "LITERAL+",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "UIDPLUS",
    "MOVE",
    "ESEARCH",
    "UNSELECT",
    "CONDSTORE",
    "QRESYNC",
    "STATUS=SIZE",
    "PREVIEW",
    "OBJECTID",
    "CREATE-SPECIAL-USE",
    "QUOTA",
    "ACL",
];

/// How a peer behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What it announces, and therefore does. Names as on the wire.
    pub capabilities: Vec<String>,
    /// The user name.
    pub user: String,
    /// The password; any token but `bad` is taken for OAuth.
    pub password: String,
    /// Whether keywords can be set (`\*` in PERMANENTFLAGS); if not, they are dropped.
    pub has_keywords: bool,
    /// How many sessions there may be at once; one more is turned away with `BYE [LIMIT]`.
    pub sessions_max: usize,
    /// What comes before every personal mailbox but INBOX, such as `INBOX/`; empty for nothing.
    pub prefix: String,
    /// What comes before the mailboxes of other users, such as `user/`; empty for no such namespace.
    pub other_users: String,
    /// What comes before shared mailboxes, such as `shared/`; empty for no such namespace.
    pub shared: String,
    /// What the user may do in the mailboxes of others and shared ones, as letters of RFC 4314.
    pub foreign_rights: String,
    /// How much room there is, in units of 1024 bytes.
    pub quota_kib: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            user: "ann".into(),
            password: "secret".into(),
            has_keywords: true,
            sessions_max: 100,
            prefix: String::new(),
            other_users: String::new(),
            shared: String::new(),
            foreign_rights: "lrs".into(),
            quota_kib: 1024 * 1024,
        }
    }
}

impl Options {
    /// The same without some capabilities. QRESYNC goes with CONDSTORE, LIST-STATUS with
    /// LIST-EXTENDED, because the ones build on the others.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        let is_named = |c: &str| names.iter().any(|n| n.eq_ignore_ascii_case(c));
        let needs = |c: &str| match c {
            "QRESYNC" => is_named("CONDSTORE"),
            "LIST-STATUS" => is_named("LIST-EXTENDED"),
            _ => false,
        };
        self.capabilities.retain(|c| !is_named(c) && !needs(c));
        self
    }

    /// The same with some further capabilities announced.
    #[must_use]
    pub fn with(mut self, names: &[&str]) -> Self {
        self.capabilities
            .extend(names.iter().map(|n| (*n).to_owned()));
        self
    }
}

/// A command that a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Which session, counted from 1 in the order of connecting.
    pub session: u32,
    /// The command without its tag; secrets and the content of literals left out.
    pub command: String,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    store: Store,
    faults: Faults,
    heard: Heard<Logged>,
    open: AtomicUsize,
    most: AtomicUsize,
}

/// An IMAP server of our own for one account. Clones are the same peer.
#[derive(Debug, Clone)]
pub struct Peer {
    shared: Arc<Shared>,
}

impl Peer {
    /// A peer with an empty INBOX.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                store: Store::new(),
                faults: Faults::default(),
                heard: Heard::default(),
                open: AtomicUsize::new(0),
                most: AtomicUsize::new(0),
            }),
        }
    }

    /// Connects in memory: the client's end. The session runs in a task of its own and ends when
    /// the client's end is dropped.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        drop(tokio::spawn(self.clone().run(far)));
        near
    }

    /// Serves one connection until it ends.
    pub async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(self, stream: S) {
        session::run(self, stream).await;
    }

    /// The mailboxes, to look at and to change behind the client's back.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What goes wrong on purpose.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How it behaves.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Every command so far, without secrets.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.shared.heard.all()
    }

    /// The commands so far, and forgets them.
    #[must_use]
    pub fn take_log(&self) -> Vec<Logged> {
        self.shared.heard.take()
    }

    /// How many sessions were opened so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.shared.heard.opened()
    }

    /// How many sessions are open.
    #[must_use]
    pub fn sessions_open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many sessions were open at once at most.
    #[must_use]
    pub fn sessions_most(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    fn has(&self, capability: &str) -> bool {
        let mut all = self.shared.options.capabilities.iter();
        all.any(|c| c.eq_ignore_ascii_case(capability))
    }

    fn note(&self, session: u32, command: String) {
        self.shared.heard.note(Logged { session, command });
    }
}

/// Counts a session for as long as it lives.
#[derive(Debug)]
struct Seat {
    peer: Peer,
    number: u32,
    is_within_limit: bool,
}

impl Seat {
    fn take(peer: Peer) -> Self {
        let number = peer.shared.heard.open();
        let open = peer.shared.open.fetch_add(1, Ordering::SeqCst) + 1;
        peer.shared.most.fetch_max(open, Ordering::SeqCst);
        let is_within_limit = open <= peer.shared.options.sessions_max;
        Self {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            is_within_limit,
            peer,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.peer.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Serves every client of a listener, in clear. All sessions end when this future is dropped.
///
/// # Errors
/// When the listener is not on loopback, or fails.
pub async fn serve(listener: TcpListener, peer: Peer) -> io::Result<()> {
    wire::serve(listener, |stream| peer.clone().run(stream)).await
}
