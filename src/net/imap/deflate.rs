//! DEFLATE under the gate (RFC 4978), inflated in small steps.
//!
//! Put in place by `open` after the server agreed. It must never produce more than one read asks
//! for: a bomb meets the same limits as a server that sends as much by itself.

use crate::net::stream::Wire;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read from below at once.
const CHUNK: usize = 16 * 1024;
/// Compressed bytes that may wait before a write is held back.
const OUT_MAX: usize = 64 * 1024;

/// A stream whose both directions are compressed.
#[derive(Debug)]
pub(super) struct Deflate {
    inner: Box<dyn Wire>,
    inflate: Decompress,
    deflate: Compress,
    input: Vec<u8>,
    taken: usize,
    chunk: Box<[u8]>,
    /// Whether the last step filled all it was given, so that more may be waiting inside.
    is_full: bool,
    out: Vec<u8>,
    sent: usize,
    is_dirty: bool,
}

impl Deflate {
    /// Compresses over `inner`; `head` was read already and belongs to the compressed stream.
    pub(super) fn new(inner: Box<dyn Wire>, head: &[u8]) -> Self {
        Self {
            inner,
            inflate: Decompress::new(false),
            deflate: Compress::new(Compression::default(), false),
            input: head.to_vec(),
            taken: 0,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            is_full: false,
            out: Vec::new(),
            sent: 0,
            is_dirty: false,
        }
    }

    /// One step of inflating into `buf`; whether it brought anything.
    fn step(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<bool> {
        let input = self.input.get(self.taken..).unwrap_or_default();
        if input.is_empty() && !self.is_full {
            return Ok(false);
        }
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let space = buf.initialize_unfilled();
        let wanted = space.len();
        let status = self
            .inflate
            .decompress(input, space, FlushDecompress::None)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let made = count(self.inflate.total_out() - out_before);
        self.taken += count(self.inflate.total_in() - in_before);
        self.is_full = made == wanted;
        buf.advance(made);
        if made == 0 && status == Status::StreamEnd {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(made > 0)
    }

    fn squeeze(&mut self, mut text: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.out.reserve(text.len() / 2 + 128);
            let before = self.deflate.total_in();
            self.deflate
                .compress_vec(text, &mut self.out, flush)
                .map_err(io::Error::other)?;
            let took = usize::try_from(self.deflate.total_in() - before).unwrap_or(usize::MAX);
            text = text.get(took..).unwrap_or_default();
            // Room left over means that the compressor had nothing more to give.
            if text.is_empty() && self.out.len() < self.out.capacity() {
                return Ok(());
            }
        }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.out.get(self.sent..).filter(|r| !r.is_empty()) {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Deflate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if buf.remaining() == 0 || this.step(buf)? {
                return Poll::Ready(Ok(()));
            }
            if this.taken < this.input.len() {
                continue;
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.input.clear();
            this.input.extend_from_slice(chunk.filled());
            this.taken = 0;
        }
    }
}

impl AsyncWrite for Deflate {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.out.len() - this.sent > OUT_MAX {
            ready!(this.poll_out(cx))?;
        }
        let part = buf.get(..buf.len().min(CHUNK)).unwrap_or_default();
        this.squeeze(part, FlushCompress::None)?;
        this.is_dirty = true;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.is_dirty {
            this.squeeze(&[], FlushCompress::Sync)?;
            this.is_dirty = false;
        }
        ready!(this.poll_out(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn both_directions_arrive_as_they_were_sent() {
        let (a, b) = tokio::io::duplex(100);
        let mut a = Deflate::new(Box::new(a), b"");
        let mut b = Deflate::new(Box::new(b), b"");
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        let sent = text.clone();
        let writer = tokio::spawn(async move {
            for piece in sent.chunks(7_000) {
                a.write_all(piece).await.unwrap();
                a.flush().await.unwrap();
            }
            a
        });
        let mut got = vec![0; text.len()];
        b.read_exact(&mut got).await.unwrap();
        assert!(got == text);
        drop(writer.await.unwrap());
        assert_eq!(b.read(&mut got).await.unwrap(), 0, "the end is seen");
    }

    #[tokio::test]
    async fn a_bomb_gives_no_more_than_a_read_asks_for() {
        let mut bomb = Vec::new();
        let mut maker = Compress::new(Compression::best(), false);
        bomb.reserve(200_000);
        maker
            .compress_vec(&vec![0; 50_000_000], &mut bomb, FlushCompress::Sync)
            .unwrap();
        let (near, _far) = tokio::io::duplex(10);
        let mut stream = Deflate::new(Box::new(near), &bomb);
        let mut buf = vec![1; 4096];
        for _ in 0..1_000 {
            assert!(stream.read(&mut buf).await.unwrap() <= 4096);
        }
        assert!(stream.input.len() <= bomb.len());
    }
}
