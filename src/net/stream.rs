//! TCP connections: all addresses tried side by side, kept alive, counted, with a limit on silence.
//!
//! Called by the protocol adapters in `net`. No wait in here may be without an end.

use super::error::{Error, Result};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// How long one address has before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// How many addresses of a host are tried.
const ADDRESSES_MAX: usize = 16;

/// A byte stream to a server, whatever lies under it.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> Wire for T {}

/// Bytes that went over a connection, as the network saw them (compressed and encrypted).
#[derive(Debug, Default)]
pub struct Counters {
    read: AtomicU64,
    written: AtomicU64,
}

impl Counters {
    /// Bytes received.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
    /// Bytes sent.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// Counts what passes.
#[derive(Debug)]
pub(crate) struct Meter<W> {
    inner: W,
    counters: Arc<Counters>,
}

impl<W> Meter<W> {
    /// Puts a meter on a stream.
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            counters: Arc::default(),
        }
    }

    /// What it counts.
    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl<W: AsyncRead + Unpin> AsyncRead for Meter<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(cx, buf);
        let count = buf.filled().len() - before;
        self.counters
            .read
            .fetch_add(as_u64(count), Ordering::Relaxed);
        done
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Meter<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = done {
            self.counters
                .written
                .fetch_add(as_u64(count), Ordering::Relaxed);
        }
        done
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Ends a read that brought nothing for too long.
#[derive(Debug)]
pub(crate) struct Tap {
    inner: Box<dyn Wire>,
    limit: Option<Duration>,
    alarm: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

impl Tap {
    /// A tap without a limit.
    pub(crate) fn new(inner: Box<dyn Wire>) -> Self {
        Self {
            inner,
            limit: None,
            alarm: None,
            is_waiting: false,
        }
    }

    /// From now on silence may last so long; `None`: for ever.
    pub(crate) fn listen(&mut self, limit: Option<Duration>) {
        self.limit = limit;
        self.is_waiting = false;
    }

    /// Puts another layer (DEFLATE) under the tap.
    pub(crate) fn wrap(&mut self, layer: impl FnOnce(Box<dyn Wire>) -> Box<dyn Wire>) {
        let inner = std::mem::replace(
            &mut self.inner,
            Box::new(tokio::io::join(tokio::io::empty(), tokio::io::sink())),
        );
        self.inner = layer(inner);
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        if !self.is_waiting {
            self.is_waiting = true;
            alarm.as_mut().reset(Instant::now() + limit);
        }
        alarm.as_mut().poll(cx).map(|()| {
            Err(Error::transient(format!(
                "The server said nothing for {} seconds.",
                limit.as_secs()
            ))
            .into_io())
        })
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_read(cx, buf) {
            Poll::Ready(done) => {
                self.is_waiting = false;
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_alarm(cx),
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The host without the brackets of an IPv6 address.
pub(crate) fn bare_host(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host)
}

/// Connects to the first address of the host that answers. The caller sets the total time limit.
pub(crate) async fn connect(host: &str, port: u16) -> Result<(TcpStream, SocketAddr)> {
    let addresses = addresses(host, port).await.map_err(|error| {
        error.hint("Check the host name in the configuration, and whether you are online.")
    })?;
    connect_to(host, port, addresses).await
}

/// The addresses of a host, in the order in which they are to be tried.
pub(crate) async fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((bare_host(host), port))
        .await
        .map_err(|e| Error::transient(format!("The host {host} was not found: {e}.")))?;
    let addresses = interleave(found);
    if addresses.is_empty() {
        return Err(Error::transient(format!("The host {host} has no address.")));
    }
    Ok(addresses)
}

/// Connects to the first of these addresses that answers.
pub(crate) async fn connect_to(
    host: &str,
    port: u16,
    addresses: Vec<SocketAddr>,
) -> Result<(TcpStream, SocketAddr)> {
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = None;
    loop {
        // The next address gets its turn when one failed, or when none answered for a while.
        if let Some(address) = addresses.next() {
            attempts.push(async move { (TcpStream::connect(address).await, address) });
        }
        let attempt = if addresses.len() > 0 {
            tokio::time::timeout(STAGGER, attempts.next()).await
        } else {
            Ok(attempts.next().await)
        };
        match attempt {
            Ok(Some((Ok(stream), address))) => {
                tune(&stream);
                return Ok((stream, address));
            }
            Ok(Some((Err(e), _))) => last = Some(e),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    let why = last.map_or_else(|| "no answer".to_owned(), |e| e.to_string());
    Err(
        Error::transient(format!("{host} port {port} cannot be reached: {why}."))
            .hint("Check the host and port, and whether you are online."),
    )
}

/// Addresses of both families in turn, beginning with the resolver's favourite.
fn interleave(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (six, four): (Vec<_>, Vec<_>) = found.partition(SocketAddr::is_ipv6);
    let longest = six.len().max(four.len());
    let mut mixed = Vec::new();
    for i in 0..longest {
        mixed.extend(six.get(i).into_iter().chain(four.get(i)).copied());
    }
    mixed.truncate(ADDRESSES_MAX);
    mixed
}

/// No delay for small commands, and probes that notice a dead peer while nothing is said. A system
/// that refuses one of them is no reason to give up the connection.
fn tune(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15));
    drop(stream.set_nodelay(true));
    drop(socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[test]
    fn addresses_of_both_families_take_turns() {
        let found = ["[::1]:1", "[::2]:1", "127.0.0.1:1"].map(|a| a.parse().unwrap());
        let order: Vec<String> = interleave(found.into_iter())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(order, ["[::1]:1", "127.0.0.1:1", "[::2]:1"]);
        assert_eq!(bare_host("[::1]"), "::1");
    }

    #[tokio::test]
    async fn a_dead_address_does_not_keep_the_living_one_from_answering() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (_, address) = connect("localhost", port).await.unwrap();
        assert!(address.ip().is_loopback());
        drop(listener);
        let error = connect("127.0.0.1", port).await.unwrap_err();
        assert_eq!(error.class, super::super::Class::Transient);
        assert!(error.summary.contains("cannot be reached"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_read_and_every_byte_starts_the_wait_anew() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut tap = Tap::new(Box::new(near));
        tap.listen(Some(Duration::from_secs(60)));
        let speaker = tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                tokio::io::AsyncWriteExt::write_all(&mut far, b"x")
                    .await
                    .unwrap();
            }
            far
        });
        let mut three = [0; 3];
        tap.read_exact(&mut three).await.unwrap();
        let _far = speaker.await.unwrap();
        let error = Error::from_io(tap.read_u8().await.unwrap_err());
        assert!(error.summary.contains("60 seconds"), "{error}");
    }
}
