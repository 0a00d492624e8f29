//! The wire-level test peer, also `pillarbox demo`: the other side of the wire.
//!
//! Used by tests (over an in-memory stream) and by the demo (over loopback). It is a demonstration
//! and a test peer and must never be offered as a server: it listens on loopback, in clear.

mod address;
mod dates;
mod decode;
mod faults;
mod files;
mod heard;
pub mod imap;
mod letter;
mod live;
mod mailstore;
pub mod pop3;
mod returns;
mod sample;
mod sasl;
mod served;
pub mod smtp;
mod source;
mod structure;
mod web;
mod wire;

pub use faults::{Act, Fault, Faults, Times, When};
pub use imap::{Logged, Options, Peer, serve};
pub use live::{Demo, DemoAccount, RunningDemo};
pub use mailstore::{Mailbox, Message, Store};
pub use sample::{SampleAccount, SampleMailbox, SampleMessage, sample};
pub use served::Served;
