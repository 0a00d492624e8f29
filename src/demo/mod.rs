//! The wire-level test peer, also `pillarbox demo`: the other side of the wire.
//!
//! Used by tests (over an in-memory stream) and by the demo (over loopback). It is a demonstration
//! and a test peer and must never be offered as a server: it listens on loopback, in clear.

mod address;
mod dates;
mod decode;
mod faults;
pub mod imap;
mod mailstore;
mod structure;

pub use faults::{Act, Fault, Faults, Times, When};
pub use imap::{Logged, Options, Peer, serve};
pub use mailstore::{Mailbox, Message, Store};
