//! The words about what leaves a message: saved, opened, given to a program, printed.
//!
//! Part of the bus. A program must never be named by anything but the user's keys or configuration.

use super::RequestId;
use crate::model::{PartId, Placed, Safe};
use std::path::PathBuf;

/// What of a message is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// Its exact bytes.
    Message,
    /// An attachment's own bytes, decoded.
    Part {
        /// Which.
        part: PartId,
        /// Its name as shown.
        name: String,
        /// `type/subtype`.
        mime_type: String,
    },
    /// Its headers and text as a person reads them, wrapped for paper.
    Text(super::Form),
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whither {
    /// Into a private file, to be opened; answered by [`TakeEvent::Staged`]. Programs are refused.
    Viewer,
    /// Into a private file, to be read by a program that gets the terminal; answered by
    /// [`TakeEvent::Staged`].
    Terminal,
    /// To a program's standard input: its name and arguments; answered by [`TakeEvent::Ran`].
    Program(Vec<String>),
    /// To the printer: to the first of these programs that is there; answered by [`TakeEvent::Ran`].
    Printer(Vec<Vec<String>>),
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Ties the reply, and cancels.
    pub request: RequestId,
    /// The message.
    pub placed: Placed,
    /// What of it.
    pub what: Taken,
    /// Where to.
    pub to: Whither,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeEvent {
    /// It lies in a file that only this user can read, until the program ends.
    Staged {
        /// The request.
        request: RequestId,
        /// The file.
        file: PathBuf,
    },
    /// A program has ended.
    Ran {
        /// The request.
        request: RequestId,
        /// Its name.
        program: Safe,
        /// What it printed, and below it what it said on its standard error.
        lines: Vec<Safe>,
        /// How it failed; empty: it did not.
        fault: Safe,
    },
}
