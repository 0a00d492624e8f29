//! Starts the screen: with the configured accounts, or with the demo's.
//!
//! Called by `mod.rs`. The screen must never be started where there is no terminal.

use super::exit::{Exit, Failure};
use super::place::Place;

/// The screen with the configured accounts.
pub(super) fn screen(_place: &Place) -> Result<Exit, Failure> {
    Err(Failure::failed(
        "this build has no screen; use the commands (`pillarbox --help`)",
    ))
}

/// The screen on a server of our own with sample mail.
pub(super) fn demo() -> Result<Exit, Failure> {
    Err(Failure::failed(
        "this build has no screen; use the commands (`pillarbox --help`)",
    ))
}
