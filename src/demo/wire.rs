//! A connection of a client, as the sessions see it: lines in, bytes out, which a fault may cut.
//!
//! Used by the sessions of every protocol. A line must never be taken before its end has come.

use super::faults::Act;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The longest line.
const LINE_MAX: usize = 64 * 1024;

/// Why something is not a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad(pub(super) String);

/// How a command leaves the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    End,
}

/// A connection: bytes in, and bytes of ours, which a fault may cut.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// Read and not taken yet.
    pub(super) input: bytes::BytesMut,
    /// How many more bytes of ours go out before the connection is cut.
    pub(super) cut: Option<usize>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            input: bytes::BytesMut::new(),
            cut: None,
        }
    }

    /// Sends bytes, or as many as the fault lets through and then an error.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let allowed = self.cut.map_or(bytes.len(), |left| left.min(bytes.len()));
        if let Some(now) = bytes.get(..allowed) {
            self.stream.write_all(now).await?;
        }
        self.stream.flush().await?;
        if let Some(left) = &mut self.cut {
            *left -= allowed;
            if *left == 0 {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(())
    }

    /// What a fault does instead of a command; nothing where the command is to be done. `words` gives
    /// the bytes of [`Act::No`], [`Act::Bad`] and [`Act::Bye`] in the protocol's own way.
    pub(super) async fn instead(
        &mut self,
        act: Option<&Act>,
        words: fn(&Act) -> Vec<u8>,
    ) -> io::Result<Option<Next>> {
        let Some(act) = act else { return Ok(None) };
        match act {
            Act::No(_) | Act::Bad(_) => {
                self.send(&words(act)).await?;
                Ok(Some(Next::Go))
            }
            Act::Bye(_) => {
                self.send(&words(act)).await?;
                Ok(Some(Next::End))
            }
            Act::DropBefore => Ok(Some(Next::End)),
            Act::Stall => {
                self.drain().await?;
                Ok(Some(Next::End))
            }
            Act::Say(raw) => {
                self.send(raw.as_bytes()).await?;
                Ok(None)
            }
            Act::DropAfter | Act::Hold | Act::CutAfter(_) => Ok(None),
        }
    }

    /// Closes our side.
    pub(super) async fn close(&mut self) {
        // The client may be gone already; there is nobody left to tell.
        drop(self.stream.shutdown().await);
    }

    /// Takes whatever comes until the client leaves.
    pub(super) async fn drain(&mut self) -> io::Result<()> {
        while self.more().await? {
            self.input.clear();
        }
        Ok(())
    }

    /// Reads until more input is there; false at the end. Safe to cancel.
    pub(super) async fn more(&mut self) -> io::Result<bool> {
        self.input.reserve(4096);
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
    }

    /// One line without its CRLF, or why it is none. Safe to cancel: nothing is taken before the line
    /// is whole.
    pub(super) async fn line(&mut self) -> io::Result<Option<Result<Vec<u8>, Bad>>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.input) {
                let taken = self.input.split_to(at + 1);
                let Some(line) = taken.strip_suffix(b"\r\n") else {
                    return Ok(Some(Err(Bad("A line must end in CRLF".into()))));
                };
                if line.contains(&b'\r') || line.contains(&0) {
                    return Ok(Some(Err(Bad("CR or NUL inside of a line".into()))));
                }
                return Ok(Some(Ok(line.to_vec())));
            }
            if self.input.len() > LINE_MAX {
                return Ok(Some(Err(Bad("The line is too long".into()))));
            }
            if !self.more().await? {
                return Ok(None);
            }
        }
    }
}

/// Runs a session for every client of a listener, in clear. All of them end when this future is dropped.
pub(super) async fn serve<F>(
    listener: TcpListener,
    run: impl Fn(TcpStream) -> F + Send,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    if !listener.local_addr()?.ip().is_loopback() {
        return Err(io::Error::other(
            "The demo's mail server speaks in clear and listens on loopback only",
        ));
    }
    let mut sessions = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        // Small answers must not wait for more.
        stream.set_nodelay(true)?;
        sessions.spawn(run(stream));
        while sessions.try_join_next().is_some() {}
    }
}
