//! Wire adapters; nothing here knows the store, the bus or the screen.
//!
//! Called by `engine` and by `cli doctor`. Every wait in here has a time limit, and no byte of a
//! server is trusted before it was framed and bounded.

pub(crate) mod auth;
pub(crate) mod connect;
mod error;
pub mod http;
pub mod imap;
pub mod ldap;
pub(crate) mod line;
pub mod pop3;
pub mod smtp;
pub(crate) mod stream;
pub(crate) mod tls;

pub use error::{Class, Error, Result};
pub use stream::{Counters, Wire};

use crate::model::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS or STLS, required.
    StartTls,
    /// In clear: loopback, or where the user insists.
    Plain,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name or address; the certificate must be valid for it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How it is made safe.
    pub security: Security,
    /// An extra trust root (PEM).
    pub ca_file: Option<PathBuf>,
}

/// How to prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// User name and password: the best mechanism that is offered (PLAIN before LOGIN).
    Password {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token: OAUTHBEARER, else XOAUTH2.
    Token {
        /// User name.
        user: String,
        /// The token.
        token: Secret,
    },
}

/// Limits and wishes of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// DEFLATE: `None` decides by the address (not on loopback).
    pub compress: Option<bool>,
    /// Longest wait for TCP, TLS and the greeting together.
    pub connect_timeout: Duration,
    /// Longest silence while an answer is awaited.
    pub silence_timeout: Duration,
    /// How often IDLE is renewed.
    pub idle_renew: Duration,
    /// How often NOOP asks where IDLE is not offered.
    pub poll: Duration,
    /// Whether credentials may go over [`Security::Plain`] to a host that is not this machine.
    pub allow_plaintext: bool,
    /// The largest message that POP3 fetches whole, in bytes as announced.
    pub message_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            compress: None,
            connect_timeout: Duration::from_secs(20),
            silence_timeout: Duration::from_secs(60),
            idle_renew: Duration::from_secs(9 * 60),
            poll: Duration::from_secs(15),
            allow_plaintext: false,
            message_max: 256 * 1024 * 1024,
        }
    }
}
