//! Standard output: lines of clean text, JSON Lines, and bytes for a pipe.
//!
//! Used by all commands. Bytes from outside must never reach a terminal as they are.

use super::json;
use crate::model::Safe;
use serde::Serialize;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};

/// Where a command's output goes.
pub(super) struct Output {
    sink: Box<dyn Write>,
    is_terminal: bool,
}

impl Output {
    /// The standard output of the process.
    pub(super) fn standard() -> Self {
        let sink: BufWriter<StdoutLock<'static>> = BufWriter::new(io::stdout().lock());
        Self {
            sink: Box::new(sink),
            is_terminal: io::stdout().is_terminal(),
        }
    }

    /// Whether a person sees it.
    pub(super) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// A line for people.
    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.sink, "{}", Safe::line(text))
    }

    /// An object of JSON Lines.
    pub(super) fn json<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        writeln!(self.sink, "{}", json::line(value)?)
    }

    /// Bytes as they are where they go into a file or a pipe; clean lines on a terminal.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.is_terminal {
            return self.sink.write_all(bytes);
        }
        for line in Safe::lines(&String::from_utf8_lossy(bytes)) {
            writeln!(self.sink, "{line}")?;
        }
        Ok(())
    }

    /// Hands on what is still here. To be called at the end: an error there is an error.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
