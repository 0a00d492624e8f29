//! The web as far as the sample mail knows it: a server that gives its pictures, and takes whoever asks
//! for it off a list.
//!
//! Started by `live` on loopback. It must never give anything but the embedded files.

use super::files;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Longer requests are none of ours.
const REQUEST_MAX: u64 = 16 * 1024;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves until the listener fails.
///
/// # Errors
/// When it fails.
pub(super) async fn serve(listener: TcpListener) -> io::Result<()> {
    let mut visits = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        visits.spawn(async move {
            drop(tokio::time::timeout(PATIENCE, answer(stream)).await);
        });
        while visits.try_join_next().is_some() {}
    }
}

async fn answer(stream: TcpStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading.take(REQUEST_MAX)).lines();
    let request = lines.next_line().await?.unwrap_or_default();
    while lines
        .next_line()
        .await?
        .is_some_and(|line| !line.is_empty())
    {}
    let is_leaving = request.starts_with("POST ");
    let path = request.split(' ').nth(1).unwrap_or_default();
    let name = path.split('?').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let (status, kind, bytes): (_, _, &[u8]) = match files::find(name) {
        _ if is_leaving => ("200 OK", "text/plain", b"You are off the list."),
        Some((bytes, kind)) => ("200 OK", kind, bytes),
        None => ("404 Not Found", "text/plain", b""),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    );
    writing.write_all(head.as_bytes()).await?;
    writing.write_all(bytes).await?;
    writing.shutdown().await
}
