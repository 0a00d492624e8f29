//! The connection under a session: bytes both ways at once, framed and bounded.
//!
//! Used by every verb of `pop3`. It must never wait to write without reading meanwhile (RFC 2449 §6.6: a
//! server that cannot get rid of its answers does not read on), keep a line that has no end, or read on
//! when an answer came that nobody asked for.

use super::reply::Reply;
use crate::net::error::{Error, Result};
use crate::net::stream::Wire;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How much is read at once.
const BUFFER: usize = 128 * 1024;
/// The longest line of an answer. RFC 1939 §3 and RFC 2449 §4 allow 512.
pub(super) const LINE_MAX: usize = 4096;
/// How long the last words to the network may take. Nothing depends on it.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);
/// How many bytes have to come before the wait begins anew: a server that sends one now and then is as
/// good as silent.
const PACE: usize = 512;

/// A connection with what was read and not taken yet, and what is to be written.
#[derive(Debug)]
pub(super) struct Link {
    wire: Box<dyn Wire>,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    written: usize,
    is_flushed: bool,
    /// How many answers are still to come.
    awaited: usize,
    /// How long an answer may take.
    limit: Duration,
    deadline: Instant,
    /// Bytes until the deadline is moved.
    pace: usize,
    is_over: bool,
}

impl Link {
    pub(super) fn new(wire: Box<dyn Wire>, limit: Duration) -> Self {
        Self {
            wire,
            input: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            output: Vec::new(),
            written: 0,
            is_flushed: true,
            awaited: 0,
            limit,
            deadline: Instant::now() + limit,
            pace: PACE,
            is_over: false,
        }
    }

    pub(super) fn wire_mut(&mut self) -> &mut Box<dyn Wire> {
        &mut self.wire
    }

    /// From now on an answer may take so long.
    pub(super) fn set_limit(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Whether every answer has come, and nothing went wrong.
    pub(super) fn is_in_step(&self) -> bool {
        !self.is_over && self.awaited == 0
    }

    /// Makes sure that the next answer will be the one to the next command.
    pub(super) fn enter(&mut self) -> Result<()> {
        if !self.is_in_step() {
            self.is_over = true;
            return Err(Error::transient("The session with the server is over."));
        }
        self.check_surplus()
    }

    /// Nothing may have come that was not asked for.
    pub(super) fn check_surplus(&mut self) -> Result<()> {
        if self.awaited > 0 || self.start == self.end {
            return Ok(());
        }
        Err(self.over(Error::protocol(
            "The server said something that it was not asked for.",
        )))
    }

    /// Ends the session for that reason.
    pub(super) fn over(&mut self, error: Error) -> Error {
        self.is_over = true;
        error
    }

    /// Puts down a command. It is written while an answer is read.
    pub(super) fn say(&mut self, command: &str) {
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        self.output.extend_from_slice(command.as_bytes());
        self.output.extend_from_slice(b"\r\n");
        self.is_flushed = false;
        self.awaited += 1;
    }

    /// Something comes that no command of its own was said for: the greeting, or lines behind a yes.
    pub(super) fn expect_more(&mut self) {
        self.awaited += 1;
    }

    /// And now it has come to its end.
    pub(super) fn got_all(&mut self) {
        self.awaited = self.awaited.saturating_sub(1);
    }

    /// The first line of the next answer. Where more lines follow it is up to the caller to read them.
    pub(super) async fn reply(&mut self) -> Result<Reply> {
        let reply = self.reply_or_challenge().await?;
        if !reply.is_challenge {
            return Ok(reply);
        }
        Err(self.over(Error::protocol(
            "The server asks for more where there is no more to say.",
        )))
    }

    /// The same where the server may ask for more: while logging in.
    pub(super) async fn reply_or_challenge(&mut self) -> Result<Reply> {
        self.begin_wait();
        let length = self.line().await?;
        match Reply::parse(self.take(length)) {
            Some(reply) => {
                self.awaited = self.awaited.saturating_sub(1);
                Ok(reply)
            }
            None => Err(self.over(Error::protocol(
                "The server said something that is not an answer of a POP3 server.",
            ))),
        }
    }

    /// The time that an answer has begins now.
    pub(super) fn begin_wait(&mut self) {
        self.deadline = Instant::now() + self.limit;
        self.pace = PACE;
    }

    /// Reads until a line is whole; its length with its end.
    pub(super) async fn line(&mut self) -> Result<usize> {
        let mut searched = 0;
        loop {
            let unread = self.unread();
            let found = memchr::memchr(b'\n', unread.get(searched..).unwrap_or_default());
            searched = match found {
                Some(at) => searched + at + 1,
                None => unread.len(),
            };
            if searched > LINE_MAX {
                return Err(self.over(Error::protocol(format!(
                    "The server sent a line of more than {LINE_MAX} bytes."
                ))));
            }
            if found.is_some() {
                return Ok(searched);
            }
            self.fill().await?;
        }
    }

    /// What was read and not taken yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.input.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes so many bytes of what was read.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let from = self.start;
        self.start = from.saturating_add(count).min(self.end);
        self.input.get(from..self.start).unwrap_or_default()
    }

    /// Reads more, and writes what there is to write meanwhile.
    pub(super) async fn fill(&mut self) -> Result<()> {
        let deadline = self.deadline;
        let exchanging = std::future::poll_fn(|cx| self.poll_exchange(cx));
        let count = match tokio::time::timeout_at(deadline, exchanging).await {
            Ok(Ok(0)) => Err(Error::transient("The server closed the connection.")),
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(Error::from_io(error)),
            Err(_) => Err(Error::transient(format!(
                "The server said nothing, or next to nothing, for {} seconds.",
                self.limit.as_secs()
            ))),
        };
        let count = count.map_err(|error| self.over(error))?;
        self.pace = self.pace.saturating_sub(count);
        if self.pace == 0 {
            self.begin_wait();
        }
        Ok(())
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // A server that takes nothing more may have said why: it is heard to the end.
        if self.poll_output(cx).is_err() {
            self.output.clear();
            self.written = 0;
            self.is_flushed = true;
        }
        self.make_room();
        let mut buffer = ReadBuf::new(self.input.get_mut(self.end..).unwrap_or_default());
        let done = Pin::new(&mut self.wire).poll_read(cx, &mut buffer);
        let count = buffer.filled().len();
        self.end += count;
        done.map_ok(|()| count)
    }

    /// Writes what can be written now.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Some(rest) = self.output.get(self.written..)
            && !rest.is_empty()
        {
            match Pin::new(&mut self.wire).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
        if !self.is_flushed
            && let Poll::Ready(done) = Pin::new(&mut self.wire).poll_flush(cx)
        {
            done?;
            self.is_flushed = true;
        }
        Ok(())
    }

    /// Moves what is unread to the front. It is next to nothing: whoever reads takes what is there
    /// before asking for more.
    fn make_room(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        } else if self.start > BUFFER / 2 {
            self.input.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }
}

/// A line without its end.
pub(super) fn bare(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
