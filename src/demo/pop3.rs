//! The POP3 peer (RFC 1939, RFC 2449): one maildrop in memory, and all that a server may do wrong with it.
//!
//! Tests make a [`Peer`] and connect to it in memory; the demo lets it [`serve`] on loopback. It is
//! strict, so that it finds our client's mistakes. It must never log a password.

mod maildrop;
mod session;
#[cfg(test)]
mod tests;

pub use maildrop::{Mail, Maildrop};

use super::faults::Faults;
use super::heard::Heard;
use super::wire;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;

/// What is offered when nothing was taken away.
const CAPABILITIES: [&str; 9] = [
    "TOP",
    "UIDL",
    "USER",
    "SASL PLAIN XOAUTH2 OAUTHBEARER",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    "IMPLEMENTATION Pillarbox-demo",
];

/// What UIDL says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uids {
    /// Every message has an id of its own, for ever.
    #[default]
    Lasting,
    /// Two messages that follow each other have the same id.
    Doubled,
    /// Ids are given by place: after a deletion they mean other messages.
    Reused,
    /// Lasting ids, listed from the last message to the first.
    Reordered,
    /// Lasting ids that are not what RFC 1939 §7 allows: of every three messages the first has one with
    /// a blank and another alphabet, the second one of 200 bytes, the third one with a control character.
    Odd,
}

/// What sizes LIST and STAT say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sizes {
    /// The true ones.
    #[default]
    True,
    /// A line end counts as one byte.
    LineFeeds,
    /// This one for every message.
    Fixed(u64),
}

/// How a peer behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What it announces, and therefore does, as lines of CAPA. `STLS` is announced and refused: there is
    /// no certificate. USER and PASS are always taken.
    pub capabilities: Vec<String>,
    /// Whether it knows CAPA. One that does not still does what stands in `capabilities`.
    pub has_capa: bool,
    /// The user name.
    pub user: String,
    /// The password; any token but `bad` is taken for OAuth.
    pub password: String,
    /// How long after a session the next login is refused.
    pub login_delay: Option<Duration>,
    /// What UIDL says.
    pub uids: Uids,
    /// What sizes are told.
    pub sizes: Sizes,
    /// Whether it marks lines that begin with a dot, as it should.
    pub is_stuffing: bool,
    /// Whether TOP gives the beginning of what RETR gives, as it should; else a line more.
    pub is_top_true: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            has_capa: true,
            user: "ann".into(),
            password: "secret".into(),
            login_delay: None,
            uids: Uids::default(),
            sizes: Sizes::default(),
            is_stuffing: true,
            is_top_true: true,
        }
    }
}

impl Options {
    /// The same without the capabilities that begin with one of these words.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.capabilities.retain(|line| {
            !names
                .iter()
                .any(|name| keyword(line).eq_ignore_ascii_case(name))
        });
        self
    }

    /// The same with some further capabilities announced.
    #[must_use]
    pub fn with(mut self, lines: &[&str]) -> Self {
        self.capabilities
            .extend(lines.iter().map(|line| (*line).to_owned()));
        self
    }
}

fn keyword(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

#[derive(Debug)]
struct Shared {
    options: Options,
    maildrop: Maildrop,
    faults: Faults,
    heard: Heard<String>,
}

/// A POP3 server of our own for one account. Clones are the same peer.
#[derive(Debug, Clone)]
pub struct Peer {
    shared: Arc<Shared>,
}

impl Peer {
    /// A peer with an empty maildrop.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self::with_maildrop(options, Maildrop::default())
    }

    /// A peer for a maildrop that exists already: the same mail on a server that behaves otherwise.
    #[must_use]
    pub fn with_maildrop(options: Options, maildrop: Maildrop) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                maildrop,
                faults: Faults::default(),
                heard: Heard::default(),
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

    /// The mail, to look at and to change behind the client's back.
    #[must_use]
    pub fn maildrop(&self) -> &Maildrop {
        &self.shared.maildrop
    }

    /// What goes wrong on purpose. [`Act::No`](crate::demo::Act::No) is `-ERR` with its text,
    /// [`Act::Bad`](crate::demo::Act::Bad) is its text alone, whatever that is, and
    /// [`Act::Bye`](crate::demo::Act::Bye) is `-ERR` and the end.
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

    /// The commands so far, and forgets them.
    #[must_use]
    pub fn take_log(&self) -> Vec<String> {
        self.shared.heard.take()
    }

    /// How many sessions were opened so far.
    #[must_use]
    pub fn sessions_opened(&self) -> usize {
        self.shared.heard.opened()
    }

    /// Whether a keyword is announced.
    fn has(&self, name: &str) -> bool {
        let mut lines = self.shared.options.capabilities.iter();
        lines.any(|line| keyword(line).eq_ignore_ascii_case(name))
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
