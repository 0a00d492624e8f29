//! STARTTLS (RFC 9051 §6.2.1) on the bare stream.
//!
//! Called by `open`. Nothing that is said before TLS may be kept, shown as the server's words, or
//! answered with more than STARTTLS itself; there is no way on without TLS.

use crate::net::error::{Class, Error, Result};
use crate::net::line::Lines;
use crate::net::stream::Wire;
use tokio::io::AsyncWriteExt;

const TAG: &str = "T1";

/// Gets the server to the point where the handshake begins.
pub(super) async fn negotiate<W: Wire>(stream: &mut W) -> Result<()> {
    let mut lines = Lines::default();
    let greeting = lines.next(stream).await?;
    check_greeting(&greeting)?;
    stream
        .write_all(format!("{TAG} STARTTLS\r\n").as_bytes())
        .await
        .map_err(Error::from_io)?;
    stream.flush().await.map_err(Error::from_io)?;
    loop {
        let line = lines.next(stream).await?;
        let mut words = line.split(|b| *b == b' ');
        if words.next() != Some(TAG.as_bytes()) {
            continue;
        }
        let is_ok = words.next().is_some_and(|w| w.eq_ignore_ascii_case(b"OK"));
        if is_ok {
            return lines.finish();
        }
        return Err(
            Error::new(Class::Tls, "The server refused STARTTLS; nothing was sent.")
                .hint("Use TLS from the start (port 993) if the server has it."),
        );
    }
}

fn check_greeting(line: &[u8]) -> Result<()> {
    let start = line.get(..9.min(line.len())).unwrap_or_default();
    let start = start.to_ascii_uppercase();
    if start.starts_with(b"* OK") {
        return Ok(());
    }
    if start.starts_with(b"* PREAUTH") {
        return Err(Error::new(
            Class::Tls,
            "The server says that we are logged in already, before TLS was started; the connection was closed.",
        )
        .hint("Somebody may be trying to keep the connection unencrypted."));
    }
    if start.starts_with(b"* BYE") {
        return Err(Error::transient(
            "The server does not take connections now.",
        ));
    }
    Err(Error::protocol("This is not an IMAP server, or not one that begins in clear.").hint(
        "Check the host and port: 143 is usual for STARTTLS; port 993 wants TLS from the start.",
    ))
}
