//! IMAP4rev1 (RFC 3501, RFC 9051) and the extensions that are used when offered.
//!
//! Called by `engine`. Sequence numbers never leave this module. From the wire up: `gate` makes
//! whole, bounded responses of bytes; `tokens`, `response`, `fetched`, `envelope` and `structure`
//! make types of responses; `session` sends commands and pairs them with their completions; `state`
//! sees everything that was not asked for; then one file per verb.

mod append;
mod append_all;
mod capability;
mod command;
mod copied;
mod create;
mod deflate;
mod delete;
mod envelope;
mod expunge;
mod fetch;
mod fetched;
mod flags;
mod gate;
mod idle;
mod list;
mod notify;
mod open;
mod parts;
mod quota;
mod raw;
mod rename;
mod response;
mod rights;
mod search;
mod select;
mod sending;
mod session;
mod start;
mod starttls;
mod state;
mod status;
mod structure;
mod subscribe;
mod tokens;
mod transfer;
mod types;
mod uids;
mod unselect;
mod utf7;
mod visit;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod transcript_tests;
#[cfg(test)]
mod verbs_tests;

pub use capability::Capabilities;
pub use session::Session;
pub use types::{
    Append, Appended, Copied, IdleEnd, Items, Known, Listed, Notice, Selected, Start, Started,
    Status, Transferred, Window,
};
