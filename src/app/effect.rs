//! Everything the front may want done: effects as data.
//!
//! Made by `update`, carried out by `run`. An effect must never hold text from a mail that a
//! terminal could take for a command: only [`Effect::Copy`], [`Effect::OpenUrl`] and
//! [`Effect::OpenPage`] carry such text, and `run` lets none of it through as it is.

use crate::bus::Command;
use crate::model::DraftKey;
use std::path::PathBuf;

/// One thing to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Hand this to the engine; if its channel is full, come back with `Input::Refused`.
    Engine(Command),
    /// Open this address with the user's browser or program. The user has seen it and agreed.
    OpenUrl(String),
    /// Open this private file with the program that is set for its kind. It cannot be a program.
    OpenFile(PathBuf),
    /// Give the terminal to this program, with the file as its standard input; come back with
    /// `Input::HasRun`.
    RunOn {
        /// The program and its arguments, as the user typed them.
        argv: Vec<String>,
        /// The file.
        file: PathBuf,
    },
    /// Write this cleaned page to a file of its own and have the user's browser open it.
    OpenPage(String),
    /// Put this text on the clipboard.
    Copy(String),
    /// Ring.
    Bell,
    /// Come back with `Input::Timer(token)` after so many milliseconds.
    After {
        /// How long.
        ms: u64,
        /// What for.
        token: Token,
    },
    /// Clear the terminal and draw every cell anew.
    Redraw,
    /// Give the terminal back and stop until continued.
    Suspend,
    /// Give the terminal to the user's editor with this text; come back with `Input::Edited`.
    EditText {
        /// The draft that it is of.
        key: DraftKey,
        /// The text.
        text: String,
    },
    /// Leave the loop; what is written is put on disk, and the engine ended, after that.
    Quit,
}

/// What a timer is for. A token that was overtaken is ignored when it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// Show which keys may follow.
    WhichKey(u64),
    /// Filter by what was typed.
    Refilter(u64),
    /// Read the message under the cursor.
    Preview(u64),
    /// Mark what is being read as read.
    MarkRead(u64),
    /// Take the notice away.
    Notice(u64),
    /// Say that a text is being waited for.
    Slow(u64),
    /// Say that the list is being waited for.
    SlowList(u64),
    /// Put the draft on disk.
    Keep(u64),
    /// Hand over again what the engine had no room for.
    Again,
    /// Ask for proposals for the address that is typed.
    Complete(u64),
    /// Ask what the path could become that is typed.
    Paths(u64),
}
