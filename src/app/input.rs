//! Everything that can happen to the front.
//!
//! Made by `run` from the terminal, the engine and timers; consumed by `update`. An input must
//! never carry anything that `update` would have to wait for.

use super::{Key, Token};
use crate::bus::{Command, Event};
use crate::model::{DraftKey, Safe};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now. To be sent once before the first draw.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The mouse did something.
    Mouse(Mouse),
    /// The time. To be sent at the start, then when [`App::tick_ms`](super::App::tick_ms) says.
    Tick {
        /// Seconds since 1970.
        now_secs: i64,
        /// Milliseconds of a clock that never runs backwards.
        monotonic_ms: u64,
    },
    /// A timer of [`Effect::After`](super::Effect::After) ran out.
    Timer(Token),
    /// The engine tells something.
    Engine(Event),
    /// The engine's channel was full: this command was not taken.
    Refused(Command),
    /// The user's editor has ended, or could not begin.
    Edited {
        /// The draft.
        key: DraftKey,
        /// The text, or why there is none.
        outcome: Result<String, Safe>,
    },
    /// A program that had the terminal has ended, or could not begin.
    HasRun {
        /// Its name.
        program: Safe,
        /// How it failed; empty: it did not.
        fault: Safe,
    },
    /// Something that was asked of the system was not done: what, and what to do.
    NotDone(Safe, Safe),
    /// No program could be started to open an address or a page; where it is a page, the file that it is
    /// in.
    Unopened(Option<Safe>),
    /// The program runs again after [`Effect::Suspend`](super::Effect::Suspend).
    Resumed,
}

/// A mouse event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mouse {
    /// What it did.
    pub kind: MouseKind,
    /// The column, from 0.
    pub x: u16,
    /// The row, from 0.
    pub y: u16,
}

/// What a mouse does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button went down.
    Down,
    /// The mouse moved with the left button down.
    Drag,
    /// The left button went up.
    Up,
    /// The wheel turned away from the user.
    WheelUp,
    /// The wheel turned towards the user.
    WheelDown,
}
