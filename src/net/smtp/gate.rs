//! The gate: where bytes from a server become whole, bounded replies.
//!
//! Lies between the stream and `lettre`'s connection; `dialogue` drives both. The gate cuts the stream
//! into replies itself and keeps them for our own code. What it passes on is text that it has written:
//! `250 .` or `550 .`, one for each reply that was asked for. So lettre must never see a byte that a
//! server chose, and never reads on its own: its parser dies of a line of blanks after EHLO, does not
//! know 571, and takes what a server said too early for the next answer.
//!
//! All waiting is done in here, under one alarm: for a reply, and for the network to take our bytes.

use super::reply::{Assembly, LINE_MAX, Reply};
use crate::net::error::{Error, quoted};
use crate::net::stream::Wire;
use bytes::BytesMut;
use lettre::transport::smtp::client::AsyncTokioStream;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;
const DID_NOT_ANSWER: &str = "did not answer";
const TOOK_NOTHING: &str = "took nothing more";

/// The stream as both sides see it: lettre reads and writes it, `dialogue` asks it what was said.
#[derive(Clone)]
pub(super) struct Gate(Arc<Mutex<Core>>);

struct Core {
    wire: Box<dyn Wire>,
    chunk: Box<[u8]>,
    /// Read and not cut yet.
    buffer: BytesMut,
    assembly: Assembly,
    /// How many replies are asked for and not whole yet.
    awaited: usize,
    /// Whole, and lettre has not been told.
    cut: VecDeque<Reply>,
    /// Whole, and lettre has been told.
    told: VecDeque<Reply>,
    /// What lettre is to read.
    script: VecDeque<u8>,
    limit: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Set by the first error. lettre says QUIT after one, and would wait for the answer.
    is_broken: bool,
    /// Set when nothing can be written any more; what was said before that is still read.
    is_hung_up: bool,
}

/// What goes on before the end of a message was sent.
pub(super) enum Early {
    /// The server answered already.
    Said(Reply),
    /// The connection broke.
    Broke(Error),
}

impl Gate {
    /// A gate before a stream that is as safe as it gets.
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self(Arc::new(Mutex::new(Core {
            wire,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            buffer: BytesMut::new(),
            assembly: Assembly::default(),
            awaited: 0,
            cut: VecDeque::new(),
            told: VecDeque::new(),
            script: VecDeque::new(),
            limit: Duration::ZERO,
            alarm: None,
            is_broken: false,
            is_hung_up: false,
        })))
    }

    fn with<R>(&self, work: impl FnOnce(&mut Core) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on so many replies are awaited, each for so long at most. Nothing may have come
    /// before: what was said without being asked is no answer to what is asked now.
    pub(super) async fn expect(&self, replies: usize, limit: Duration) -> Result<(), Error> {
        std::future::poll_fn(|cx| Poll::Ready(self.with(|core| core.check_quiet(cx)))).await?;
        self.with(|core| core.expect(replies, limit));
        Ok(())
    }

    /// What the server says first, read by ourselves.
    pub(super) async fn greeting(&self, limit: Duration) -> Result<Reply, Error> {
        self.with(|core| core.expect(1, limit));
        std::future::poll_fn(|cx| self.with(|core| core.poll_reply(cx)))
            .await
            .map_err(Error::from_io)
    }

    /// The next reply that lettre was told of.
    pub(super) fn told(&self) -> Option<Reply> {
        self.with(|core| core.told.pop_front())
    }

    /// Lets lettre believe that a greeting has just come.
    pub(super) fn greet(&self) {
        self.with(|core| core.script.extend(b"220 .\r\n"));
    }

    /// Changes how long the network may take to accept what is written, or a reply to come.
    pub(super) fn limit(&self, limit: Duration) {
        self.with(|core| {
            core.limit = limit;
            core.arm();
        });
    }

    /// Writes a piece of a message. A server may refuse it before its end: unless this is the end,
    /// what it says meanwhile ends the writing.
    pub(super) async fn write_piece(&self, piece: &[u8], is_end: bool) -> Result<(), Early> {
        let mut at = 0;
        self.with(Core::arm);
        std::future::poll_fn(|cx| self.with(|core| core.poll_piece(cx, piece, &mut at, is_end)))
            .await
    }

    /// Whether a reply is there that was not awaited yet; reads without waiting.
    pub(super) async fn early(&self) -> Result<(), Early> {
        std::future::poll_fn(|cx| {
            Poll::Ready(match self.with(|core| core.poll_early(cx)) {
                Poll::Ready(early) => Err(early),
                Poll::Pending => Ok(()),
            })
        })
        .await
    }
}

impl Core {
    fn expect(&mut self, replies: usize, limit: Duration) {
        self.awaited = replies;
        self.limit = limit;
        self.arm();
    }

    /// Nothing more is read or written after an error.
    fn broken<T>(&mut self, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = done {
            self.is_broken = true;
            self.awaited = 0;
        }
        done
    }

    fn arm(&mut self) {
        let at = Instant::now() + self.limit;
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().reset(at),
            None => self.alarm = Some(Box::pin(tokio::time::sleep_until(at))),
        }
    }

    /// Ends a wait; `what` is what the server did not do.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, what: &str) -> Poll<io::Error> {
        let Some(alarm) = &mut self.alarm else {
            return Poll::Pending;
        };
        ready!(alarm.as_mut().poll(cx));
        let seconds = self.limit.as_secs();
        let error = Error::transient(format!("The server {what} within {seconds} seconds."));
        Poll::Ready(error.into_io())
    }

    /// Cuts as many replies out of what was read as are awaited.
    fn cut(&mut self) -> Result<(), Error> {
        while self.awaited > 0 {
            let Some(end) = memchr::memchr(b'\n', &self.buffer) else {
                break;
            };
            check_length(end)?;
            let line = self.buffer.split_to(end + 1);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(reply) = self.assembly.take(line)? {
                self.awaited -= 1;
                if reply.is_closing() {
                    // Nothing follows it, whatever else was asked.
                    self.awaited = 0;
                }
                self.cut.push_back(reply);
                self.arm();
            }
        }
        check_length(self.buffer.len())
    }

    /// Reads once. Pending only when there is nothing to read.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut chunk = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(&mut self.wire).poll_read(cx, &mut chunk))?;
        if chunk.filled().is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.buffer.extend_from_slice(chunk.filled());
        Poll::Ready(self.cut().map_err(Error::into_io))
    }

    /// Waits for the next whole reply. Where none is awaited the stream is at its end.
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Reply>> {
        self.cut().map_err(Error::into_io)?;
        loop {
            if let Some(reply) = self.cut.pop_front() {
                return Poll::Ready(Ok(reply));
            }
            if self.awaited == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            match self.poll_fill(cx) {
                Poll::Ready(done) => done?,
                Poll::Pending => return self.poll_alarm(cx, DID_NOT_ANSWER).map(Err),
            }
        }
    }

    /// Whether the server is silent, as it has to be before it is asked.
    fn check_quiet(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let read = match self.buffer.is_empty() {
            true => self.poll_fill(cx),
            false => Poll::Ready(Ok(())),
        };
        match read {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(Error::from_io(error)),
            Poll::Ready(Ok(())) => Err(unasked(&self.buffer)),
        }
    }

    /// What the server says before the end of a message.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<Early> {
        loop {
            if let Some(reply) = self.cut.pop_front() {
                return Poll::Ready(Early::Said(reply));
            }
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(Early::Broke(Error::from_io(error)));
            }
        }
    }

    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        piece: &[u8],
        at: &mut usize,
        is_end: bool,
    ) -> Poll<Result<(), Early>> {
        loop {
            if self.is_hung_up {
                // It may have said why. The runtime can be told of that later than of the hanging up,
                // but is told: a stream that cannot be written can be read to its end at once.
                let early = match self.poll_early(cx) {
                    Poll::Ready(early) => early,
                    Poll::Pending => {
                        Early::Broke(Error::from_io(ready!(self.poll_alarm(cx, DID_NOT_ANSWER))))
                    }
                };
                return Poll::Ready(Err(early));
            }
            if !is_end && let Poll::Ready(early) = self.poll_early(cx) {
                return Poll::Ready(Err(early));
            }
            let rest = piece.get(*at..).unwrap_or_default();
            let wire = Pin::new(&mut self.wire);
            let wrote = if rest.is_empty() {
                wire.poll_flush(cx).map_ok(|()| None)
            } else {
                wire.poll_write(cx, rest).map_ok(Some)
            };
            match wrote {
                Poll::Ready(Ok(None)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(Some(0))) => {
                    let error = Error::from_io(io::ErrorKind::WriteZero.into());
                    return Poll::Ready(Err(Early::Broke(error)));
                }
                Poll::Ready(Ok(Some(count))) => *at += count,
                Poll::Ready(Err(_)) => self.is_hung_up = true,
                Poll::Pending => {
                    return self
                        .poll_alarm(cx, TOOK_NOTHING)
                        .map(|error| Err(Early::Broke(Error::from_io(error))));
                }
            }
        }
    }

    /// While a command waits to be written, the answers to what was written of it are taken in: a
    /// server that cannot get rid of them would not read on (RFC 2920 §3.1).
    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while self.awaited > 0 {
            match self.poll_fill(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(error),
                Poll::Pending => break,
            }
        }
        self.poll_alarm(cx, TOOK_NOTHING)
    }
}

/// A line without end is refused before it is kept.
fn check_length(bytes: usize) -> Result<(), Error> {
    if bytes <= LINE_MAX {
        return Ok(());
    }
    Err(Error::protocol(format!(
        "The server sent a line of more than {LINE_MAX} bytes."
    )))
}

/// What unasked words mean: 421 is how a server says that it will wait no longer (RFC 5321 §3.8).
fn unasked(said: &[u8]) -> Error {
    let text = String::from_utf8_lossy(said.get(..said.len().min(400)).unwrap_or_default());
    let text = quoted(text.lines().next().unwrap_or_default());
    if text.starts_with("421") {
        return Error::transient(format!("The server ended the connection: {text}"));
    }
    Error::protocol(format!(
        "The server said something that it was not asked for: {text}"
    ))
}

impl AsyncRead for Gate {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|core| {
            if core.script.is_empty() {
                let reply = core.poll_reply(cx);
                let reply = ready!(core.broken(reply))?;
                let line: &[u8] = match reply.code / 100 {
                    2 => b"250 .\r\n",
                    3 => b"354 .\r\n",
                    4 => b"450 .\r\n",
                    _ => b"550 .\r\n",
                };
                core.script.extend(line);
                core.told.push_back(reply);
            }
            while buf.remaining() > 0
                && let Some(byte) = core.script.pop_front()
            {
                buf.put_slice(&[byte]);
            }
            Poll::Ready(Ok(()))
        })
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|core| {
            if core.is_broken {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let done = match Pin::new(&mut core.wire).poll_write(cx, buf) {
                Poll::Pending => core.poll_blocked(cx).map(Err),
                done @ Poll::Ready(_) => done,
            };
            core.broken(done)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|core| {
            let done = match Pin::new(&mut core.wire).poll_flush(cx) {
                Poll::Pending => core.poll_blocked(cx).map(Err),
                done @ Poll::Ready(_) => done,
            };
            core.broken(done)
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|core| Pin::new(&mut core.wire).poll_shutdown(cx))
    }
}

impl AsyncTokioStream for Gate {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that said why it hung up, on a machine that tells of the hanging up first: what was
    /// said can be read only when the writer has waited.
    #[derive(Debug)]
    struct HungUp {
        said: &'static [u8],
        reads: usize,
    }

    impl AsyncRead for HungUp {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.reads += 1;
            if self.reads < 3 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            buf.put_slice(std::mem::take(&mut self.said));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for HungUp {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// What comes of a piece that is written to it.
    async fn written(said: &'static [u8]) -> Early {
        let gate = Gate::new(Box::new(HungUp { said, reads: 0 }));
        gate.with(|core| core.expect(1, Duration::from_secs(5)));
        gate.write_piece(b"half a message", false)
            .await
            .unwrap_err()
    }

    #[tokio::test]
    async fn what_a_server_said_before_it_hung_up_is_heard() {
        match written(b"554 5.7.1 Never\r\n").await {
            Early::Said(reply) => assert_eq!(reply.code, 554),
            Early::Broke(error) => panic!("{error:?}"),
        }
    }

    #[tokio::test]
    async fn a_server_that_hung_up_without_a_word_is_gone() {
        assert!(matches!(written(b"").await, Early::Broke(_)));
    }
}
