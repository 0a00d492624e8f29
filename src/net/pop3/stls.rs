//! STLS (RFC 2595 §4) on the bare stream.
//!
//! Called by `open`. Nothing that is said before TLS may be kept or shown as the server's words, or
//! answered with more than STLS itself; there is no way on without TLS.

use super::reply::Reply;
use crate::net::error::{Class, Error, Result};
use crate::net::line::Lines;
use crate::net::stream::Wire;
use tokio::io::AsyncWriteExt;

/// Gets the server to the point where the handshake begins.
pub(super) async fn negotiate<W: Wire>(stream: &mut W) -> Result<()> {
    let mut lines = Lines::default();
    let greeting = reply(&mut lines, stream).await?;
    if !greeting.is_ok {
        return Err(Error::transient(
            "The server does not take connections now.",
        ));
    }
    stream
        .write_all(b"STLS\r\n")
        .await
        .map_err(Error::from_io)?;
    stream.flush().await.map_err(Error::from_io)?;
    if reply(&mut lines, stream).await?.is_ok {
        return lines.finish();
    }
    Err(
        Error::new(Class::Tls, "The server refused STLS; nothing was sent.")
            .hint("Use TLS from the start (port 995, `tls = \"implicit\"`) if the server has it."),
    )
}

/// An answer. The error for none does not show what was said in clear.
async fn reply<W: Wire>(lines: &mut Lines, stream: &mut W) -> Result<Reply> {
    let line = lines.next(stream).await?;
    let reply = Reply::parse(&line).filter(|reply| !reply.is_challenge);
    reply.ok_or_else(|| {
        Error::protocol("This is not a POP3 server, or not one that begins in clear.").hint(
            "Check the host and port: 110 is usual for STLS; port 995 wants TLS from the start.",
        )
    })
}
