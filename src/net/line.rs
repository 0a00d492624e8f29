//! Reads single lines of a dialogue in clear, before STARTTLS or STLS, byte by byte bounded.
//!
//! Called by the code that makes a connection safe. It must never read past the line it was asked
//! for without saying so: what is left over is the mark of an attack (response injection).

use super::error::{Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is accepted in clear.
const LINE_MAX: usize = 8 * 1024;
/// How many lines are read before giving up on an answer.
const LINES_MAX: usize = 100;

/// The lines of a peer before the connection is safe.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    count: usize,
}

impl Lines {
    /// The next line without its end.
    pub(crate) async fn next<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Result<Vec<u8>> {
        self.count += 1;
        if self.count > LINES_MAX {
            return Err(Error::protocol(format!(
                "The server sent more than {LINES_MAX} lines before TLS was started."
            )));
        }
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let rest = self.buffer.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            if self.buffer.len() > LINE_MAX {
                return Err(Error::protocol(format!(
                    "The server sent a line of more than {LINE_MAX} bytes before TLS was started."
                )));
            }
            let mut chunk = [0; 1024];
            let count = stream.read(&mut chunk).await.map_err(Error::from_io)?;
            if count == 0 {
                return Err(Error::transient(
                    "The server closed the connection before TLS was started.",
                ));
            }
            self.buffer.extend(chunk.iter().take(count));
        }
    }

    /// Ends the dialogue in clear: nothing may have come behind its last line.
    pub(crate) fn finish(self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            super::Class::Tls,
            "Somebody put data into the connection before TLS was started; it was closed and \
             nothing was sent.",
        )
        .hint(
            "The network may be under attack. Use TLS from the start (`tls = \"implicit\"`) instead of STARTTLS.",
        ))
    }
}
