//! The submission peer: takes mail over SMTP, and hands each message to whoever made the peer.
//!
//! Tests make a [`Peer`] and connect to it in memory; the demo lets it [`serve`] on loopback, and puts
//! what is sent into its own mailboxes. It is strict, so that it finds our client's mistakes, and it
//! must never pass a message on to another machine.

mod auth;
mod envelope;
mod session;
#[cfg(test)]
mod tests;

use super::faults::Faults;
use super::heard::Heard;
use super::wire;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;

/// What is offered when nothing was taken away.
const CAPABILITIES: [&str; 7] = [
    "PIPELINING",
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER",
];

/// How a peer behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What it announces, and therefore does, as lines behind EHLO; the limit of SIZE is added.
    pub capabilities: Vec<String>,
    /// The user name.
    pub user: String,
    /// The password; any token but `bad` is taken for OAuth.
    pub password: String,
    /// Whether mail is taken only from who has logged in.
    pub needs_login: bool,
    /// The largest message, in bytes.
    pub size_max: usize,
    /// How many recipients a message may have; one more is answered with 452.
    pub recipients_max: usize,
    /// What is answered to some recipients: address and reply.
    pub refusals: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            user: "ann".into(),
            password: "secret".into(),
            needs_login: true,
            size_max: 50_000_000,
            recipients_max: 1000,
            refusals: Vec::new(),
        }
    }
}

impl Options {
    /// The same without the capabilities that begin with one of these words.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        let word = |line: &str| line.split(' ').next().map(str::to_ascii_uppercase);
        self.capabilities
            .retain(|line| !names.iter().any(|name| word(line) == word(name)));
        self
    }
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Who had logged in.
    pub user: Option<String>,
    /// The sender of the envelope; empty for `<>`.
    pub from: String,
    /// The parameters of MAIL, as they were written.
    pub parameters: Vec<String>,
    /// The recipients that were accepted.
    pub to: Vec<Recipient>,
    /// Its bytes, with the doubled dots made single.
    pub raw: Vec<u8>,
}

/// A recipient that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// The parameters of RCPT, as they were written.
    pub parameters: Vec<String>,
}

/// Where messages go.
type Sink = Box<dyn Fn(Received) + Send + Sync>;

struct Shared {
    options: Options,
    faults: Faults,
    heard: Heard<String>,
    sink: Sink,
}

/// A submission server of our own for one account. Clones are the same peer.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// A peer that gives every message it takes to `sink`, before it says so to the client.
    #[must_use]
    pub fn new(options: Options, sink: impl Fn(Received) + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                faults: Faults::default(),
                heard: Heard::default(),
                sink: Box::new(sink),
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
        self.shared.heard.open();
        session::run(self, stream).await;
    }

    /// What goes wrong on purpose. Besides the commands there are two names for what follows DATA:
    /// `BODY`, when the first bytes of the message have come, and `.`, when all have. The texts of
    /// refusals hold the code: `451 4.3.0 Later`.
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
    pub fn log(&self) -> Vec<String> {
        self.shared.heard.all()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.shared.heard.opened()
    }

    /// Whether a keyword is announced.
    fn has(&self, keyword: &str) -> bool {
        let mut lines = self.shared.options.capabilities.iter();
        lines.any(|line| {
            let word = line.split(' ').next().unwrap_or_default();
            word.eq_ignore_ascii_case(keyword)
        })
    }

    fn take(&self, message: Received) {
        (self.shared.sink)(message);
    }

    fn note(&self, command: String) {
        self.shared.heard.note(command);
    }
}

/// Serves every client of a listener, in clear. All sessions end when this future is dropped.
///
/// # Errors
/// When the listener is not on loopback, or fails.
pub async fn serve(listener: TcpListener, peer: Peer) -> io::Result<()> {
    wire::serve(listener, |stream| peer.clone().run(stream)).await
}
