//! STARTTLS (RFC 3207) on the bare stream.
//!
//! Called by `open`. Nothing that is said before TLS may be kept or shown as the server's words, or
//! answered with more than EHLO and STARTTLS; there is no way on without TLS.

use super::extensions::Extensions;
use super::manner::Hello;
use super::reply::{Assembly, Reply};
use crate::net::error::{Class, Error, Result};
use crate::net::line::Lines;
use crate::net::stream::Wire;
use tokio::io::AsyncWriteExt;

/// Gets the server to the point where the handshake begins.
pub(super) async fn negotiate<W: Wire>(stream: &mut W, hello: &Hello) -> Result<()> {
    let mut lines = Lines::default();
    let greeting = reply(&mut lines, stream).await?;
    if greeting.is_transient() {
        return Err(Error::transient(
            "The server does not take connections now.",
        ));
    }
    if !greeting.is_positive() {
        return Err(Error::new(
            Class::Rejected,
            "The server does not take mail from us.",
        ));
    }
    say(stream, &format!("EHLO {}", hello.as_str())).await?;
    let answer = reply(&mut lines, stream).await?;
    if answer.is_transient() {
        return Err(Error::transient("The server does not take mail now."));
    }
    if !answer.is_positive() || !Extensions::read(&answer).has_starttls {
        return Err(without(
            "The server does not offer STARTTLS; nothing was sent.",
        ));
    }
    say(stream, "STARTTLS").await?;
    let answer = reply(&mut lines, stream).await?;
    if answer.is_transient() {
        return Err(Error::transient(
            "The server has no TLS now; nothing was sent.",
        ));
    }
    if answer.code != 220 {
        return Err(without("The server refused STARTTLS; nothing was sent."));
    }
    lines.finish()
}

async fn reply<W: Wire>(lines: &mut Lines, stream: &mut W) -> Result<Reply> {
    let mut assembly = Assembly::default();
    loop {
        let line = lines.next(stream).await?;
        match assembly.take(&line) {
            Ok(Some(reply)) => return Ok(reply),
            Ok(None) => {}
            // The error would show what was said in clear.
            Err(_) => {
                return Err(Error::protocol(
                    "This is not a server for sending mail, or not one that begins in clear.",
                )
                .hint("Check the host and port: 587 is usual for STARTTLS; port 465 wants TLS from the start."));
            }
        }
    }
}

async fn say<W: Wire>(stream: &mut W, command: &str) -> Result<()> {
    let line = format!("{command}\r\n");
    let bytes = line.as_bytes();
    stream.write_all(bytes).await.map_err(Error::from_io)?;
    stream.flush().await.map_err(Error::from_io)
}

fn without(summary: &str) -> Error {
    Error::new(Class::Tls, summary)
        .hint("Use TLS from the start (port 465, `tls = \"implicit\"`) if the server has it.")
}
