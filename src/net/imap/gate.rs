//! The gate: where bytes from a server become whole, bounded responses.
//!
//! Lies between the stream and `async_imap::Client`; `session` drives both. The gate cuts the stream
//! into responses itself and keeps them, as they are, in a queue for our own parser. What it passes
//! on to async-imap is text that it has written: `* OK .` for the untagged responses queued since,
//! `+ .` for a continuation, `TAG OK .` for a completion. So imap-proto must never see a byte that a
//! server chose, but for a tag of letters and digits; and a hundred thousand FETCH lines cost
//! async-imap a few hundred short ones.
//!
//! Bounds: a response is refused before it is kept when its text or its literals exceed the limits
//! set for the command under way. The queue holds what one read brought, and the stream is not read
//! again before that is taken, so a fast server waits for a slow reader.

use super::deflate::Deflate;
use crate::net::error::{Error, quoted};
use crate::net::stream::{Tap, Wire};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of one response outside its literals.
pub(super) const TEXT_MAX: usize = 1024 * 1024;
/// Bytes of one literal that nothing in particular was announced for.
pub(super) const LITERAL_MAX: usize = 1024 * 1024;
/// The largest message that is taken over, in bytes.
pub(super) const MESSAGE_MAX: usize = 150 * 1000 * 1000;
/// Bytes read at once.
const CHUNK: usize = 32 * 1024;
/// Queued commands that are written before more are taken in.
const OUT_MAX: usize = 256 * 1024;

/// How much one response may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes outside literals.
    pub(super) text: usize,
    /// Bytes of one literal.
    pub(super) literal: usize,
    /// Bytes of all literals of a response.
    pub(super) total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text: TEXT_MAX,
            literal: LITERAL_MAX,
            total: 4 * LITERAL_MAX,
        }
    }
}

/// One whole response, with its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Begins with `*`.
    Untagged(Bytes),
    /// Begins with a tag.
    Tagged(Bytes),
    /// Begins with `+`.
    Continue(Bytes),
}

/// See the module.
pub(super) struct Gate {
    tap: Tap,
    chunk: Box<[u8]>,
    /// What was read and not cut yet; begins at a response.
    buffer: BytesMut,
    cut: Cut,
    limits: Limits,
    queue: VecDeque<Frame>,
    /// Whether responses were queued that no marker stands for yet.
    is_unmarked: bool,
    /// What async-imap is to read.
    script: Vec<u8>,
    script_at: usize,
    out: Vec<u8>,
    out_at: usize,
    is_flushing: bool,
    /// Stop cutting behind the next tagged response: what follows is compressed.
    is_last: bool,
    blank_lines: u64,
    received: u64,
}

/// How far the first response of the buffer was looked through.
#[derive(Debug, Default)]
struct Cut {
    /// Where its current line begins.
    line: usize,
    /// Where the search for the line's end goes on.
    searched: usize,
    /// Its bytes in literals so far.
    literals: usize,
}

/// Shows nothing of the buffers: a password may be on its way out.
impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("queued", &self.queue.len())
            .field("blank_lines", &self.blank_lines)
            .finish_non_exhaustive()
    }
}

impl Gate {
    /// A gate over a stream that is as safe as it is going to be.
    pub(super) fn new(wire: Box<dyn Wire>) -> Self {
        Self {
            tap: Tap::new(wire),
            chunk: vec![0; CHUNK].into_boxed_slice(),
            buffer: BytesMut::new(),
            cut: Cut::default(),
            limits: Limits::default(),
            queue: VecDeque::new(),
            is_unmarked: false,
            script: Vec::new(),
            script_at: 0,
            out: Vec::new(),
            out_at: 0,
            is_flushing: false,
            is_last: false,
            blank_lines: 0,
            received: 0,
        }
    }

    /// Bytes that came in so far, inflated.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// The next response that waits, if it is of that kind.
    pub(super) fn take(&mut self, wanted: fn(&Frame) -> bool) -> Option<Frame> {
        self.queue.pop_front_if(|f| wanted(f))
    }

    /// Queues bytes to be sent; they go out together with whatever is read next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// How many queued bytes were not written yet.
    pub(super) const fn unsent(&self) -> usize {
        self.out.len().saturating_sub(self.out_at)
    }

    /// Starts the wait for an answer anew; silence may last so long.
    pub(super) fn listen(&mut self, limit: Option<Duration>) {
        self.tap.listen(limit);
    }

    /// What a response may bring from now on.
    pub(super) const fn limit(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes what follows the next tagged response for compressed.
    pub(super) const fn expect_deflate(&mut self, is_expected: bool) {
        self.is_last = is_expected;
    }

    /// Compresses from here on.
    pub(super) fn deflate(&mut self) {
        self.is_last = false;
        let head = self.buffer.split();
        self.cut = Cut::default();
        self.tap
            .wrap(|inner| Box::new(Deflate::new(inner, &head)) as Box<dyn Wire>);
    }

    /// Finds the end of the first response; `None`: not all of it is here.
    fn end(&mut self) -> Result<Option<usize>, Error> {
        loop {
            let tail = self.buffer.get(self.cut.searched..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'\n', tail) else {
                // Inside a literal `searched` lies ahead of what has come.
                self.cut.searched = self.cut.searched.max(self.buffer.len());
                let text = self.buffer.len().saturating_sub(self.cut.literals);
                return self.check_text(text).map(|()| None);
            };
            let end = self.cut.searched + at + 1;
            self.check_text(end - self.cut.literals)?;
            let line = self.buffer.get(self.cut.line..end).unwrap_or_default();
            let start = self.buffer.get(..16.min(end)).unwrap_or_default();
            let Some(literal) = literal_len(line).filter(|_| may_hold_literals(start)) else {
                self.cut = Cut::default();
                return Ok(Some(end));
            };
            let size = usize::try_from(literal).unwrap_or(usize::MAX);
            let total = self.cut.literals.saturating_add(size);
            if size > self.limits.literal || total > self.limits.total {
                return Err(Error::protocol(format!(
                    "The server announced {literal} bytes where at most {} were asked for.",
                    self.limits.literal.min(self.limits.total)
                )));
            }
            self.cut.literals = total;
            self.cut.line = end + size;
            self.cut.searched = end + size;
        }
    }

    fn check_text(&self, text: usize) -> Result<(), Error> {
        if text > self.limits.text {
            return Err(Error::protocol(format!(
                "The server sent a line of more than {} bytes.",
                self.limits.text
            )));
        }
        Ok(())
    }

    /// Cuts all whole responses off the buffer and writes the script for them.
    fn sort(&mut self) -> Result<(), Error> {
        while let Some(end) = self.end()? {
            let frame = self.buffer.split_to(end).freeze();
            match frame.first() {
                Some(b'*') => {
                    self.queue.push_back(Frame::Untagged(frame));
                    self.is_unmarked = true;
                }
                Some(b'+') => {
                    self.mark();
                    self.queue.push_back(Frame::Continue(frame));
                    self.script.extend_from_slice(b"+ .\r\n");
                }
                Some(b'\r' | b'\n') => self.blank_lines += 1,
                _ => {
                    let line = completion(&frame).ok_or_else(|| not_imap(&frame))?;
                    self.mark();
                    self.queue.push_back(Frame::Tagged(frame));
                    self.script.extend_from_slice(&line);
                    if self.is_last {
                        return Ok(());
                    }
                }
            }
        }
        self.mark();
        Ok(())
    }

    fn mark(&mut self) {
        if std::mem::take(&mut self.is_unmarked) {
            self.script.extend_from_slice(b"* OK .\r\n");
        }
    }

    /// Moves the output on, without waiting for it.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let had_output = self.out_at < self.out.len();
        while let Some(rest) = self.out.get(self.out_at..).filter(|r| !r.is_empty()) {
            match Pin::new(&mut self.tap).poll_write(cx, rest) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(done) => self.out_at += done?,
            }
        }
        self.out.clear();
        self.out_at = 0;
        if had_output || self.is_flushing {
            self.is_flushing = true;
            let done = Pin::new(&mut self.tap).poll_flush(cx);
            self.is_flushing = done.is_pending();
            return done;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let rest = this.script.get(this.script_at..).unwrap_or_default();
            if !rest.is_empty() {
                let part = rest
                    .get(..rest.len().min(buf.remaining()))
                    .unwrap_or_default();
                buf.put_slice(part);
                this.script_at += part.len();
                return Poll::Ready(Ok(()));
            }
            this.script.clear();
            this.script_at = 0;
            // A failed write is not the end yet: the server may have said why it hung up.
            if let Poll::Ready(Err(_)) = this.poll_out(cx) {
                this.out.clear();
                this.out_at = 0;
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            match Pin::new(&mut this.tap).poll_read(cx, &mut chunk) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(done) => done?,
            }
            if chunk.filled().is_empty() {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            this.received += u64::try_from(chunk.filled().len()).unwrap_or(u64::MAX);
            this.buffer.extend_from_slice(chunk.filled());
            this.sort().map_err(Error::into_io)?;
        }
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.out.len() - self.out_at > OUT_MAX {
            std::task::ready!(self.poll_out(cx))?;
        }
        self.out.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_out(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.tap).poll_shutdown(cx)
    }
}

/// The number in `{n}`, `{n+}` or `~{n}` at the end of a line; huge where it does not fit.
fn literal_len(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_suffix(b"}")?;
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let digits = line.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, number) = line.split_at_checked(line.len() - digits)?;
    if number.is_empty() || before.last() != Some(&b'{') {
        return None;
    }
    let value = number.iter().fold(0_u64, |n, b| {
        n.saturating_mul(10).saturating_add(u64::from(b - b'0'))
    });
    Some(value)
}

/// Only data has literals. The free text of a status response may end in `{5}` and mean nothing.
fn may_hold_literals(start: &[u8]) -> bool {
    let Some(rest) = start.strip_prefix(b"* ") else {
        return false;
    };
    let word: Vec<u8> = rest
        .iter()
        .take_while(|b| b.is_ascii_alphabetic())
        .map(u8::to_ascii_uppercase)
        .collect();
    !matches!(
        word.as_slice(),
        b"OK" | b"NO" | b"BAD" | b"BYE" | b"PREAUTH"
    )
}

/// The completion as async-imap gets to see it, if the line is one.
fn completion(frame: &[u8]) -> Option<Vec<u8>> {
    let mut words = frame.split(u8::is_ascii_whitespace);
    let (tag, status) = (words.next()?, words.next()?);
    let is_tag = (1..=16).contains(&tag.len()) && tag.iter().all(u8::is_ascii_alphanumeric);
    let status = status.to_ascii_uppercase();
    if !is_tag || !matches!(status.as_slice(), b"OK" | b"NO" | b"BAD") {
        return None;
    }
    Some([tag, b" ", &status, b" .\r\n"].concat())
}

fn not_imap(frame: &[u8]) -> Error {
    Error::protocol(format!(
        "The server said something that is not IMAP: {}",
        quoted(&String::from_utf8_lossy(
            frame.get(..frame.len().min(400)).unwrap_or_default()
        ))
    ))
    .hint(
        "Check the host and port: this may be another kind of server, or a portal of the network.",
    )
}
