//! One conversation with a directory: connect, make it safe, sign in, ask, leave.
//!
//! Used by `mod`. No password and no question may go out before the connection is as safe as asked
//! for, and nothing that was said in clear counts after TLS began.

use super::ber::{self, broken};
use super::message::{self, Answer, Entry, Outcome, Scope, Search};
use super::{Directory, ENTRIES_MAX};
use crate::net::connect::check_plain;
use crate::net::error::{Class, Error, Result};
use crate::net::stream::{self, Wire};
use crate::net::{Security, tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A longer message is none about a person.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// A server may not send more than this in one conversation.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// An open conversation.
#[derive(Debug)]
pub(super) struct Session {
    wire: Box<dyn Wire>,
    buffer: Vec<u8>,
    received: usize,
    id: u32,
}

impl Session {
    /// Connects and makes it safe; signs in where there is a name to sign in with.
    pub(super) async fn open(directory: &Directory) -> Result<Self> {
        let server = &directory.server;
        let (tcp, address) = stream::connect(&server.host, server.port).await?;
        check_plain(server, &directory.options, address.ip().is_loopback())?;
        let ca_file = server.ca_file.as_deref();
        let wire: Box<dyn Wire> = match server.security {
            Security::Plain => Box::new(tcp),
            Security::Implicit => tls::start(tcp, &server.host, ca_file).await?,
            Security::StartTls => {
                let mut clear = Self::over(Box::new(tcp));
                clear.start_tls().await?;
                tls::start(clear.wire, &server.host, ca_file).await?
            }
        };
        let mut session = Self::over(wire);
        if let Some((name, password)) = &directory.login {
            let bind = message::bind(session.next_id(), name, password.reveal());
            session.say(&bind).await?;
            match session.hear().await? {
                Answer::Bound(outcome) => check(&outcome)?,
                _ => return Err(broken()),
            }
        }
        Ok(session)
    }

    pub(super) fn over(wire: Box<dyn Wire>) -> Self {
        Self {
            wire,
            buffer: Vec::new(),
            received: 0,
            id: 0,
        }
    }

    async fn start_tls(&mut self) -> Result<()> {
        let wish = message::start_tls(self.next_id());
        self.say(&wish).await?;
        let is_ready = match self.hear().await {
            Ok(Answer::Extended(outcome)) => outcome.code == 0,
            Ok(_) => false,
            // What was said in clear is not shown as the server's word.
            Err(error) if error.class == Class::Transient => return Err(error),
            Err(_) => false,
        };
        if !is_ready || !self.buffer.is_empty() {
            return Err(Error::new(
                Class::Tls,
                "The directory does not offer StartTLS; nothing was sent.",
            )
            .hint("Use an ldaps:// address if the server has one."));
        }
        Ok(())
    }

    /// The entries that fit. One that finds more than it may tell says so, and what it told counts.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &[u8],
        attributes: &[&str],
    ) -> Result<Vec<Entry>> {
        const TIME_LIMIT_EXCEEDED: u32 = 3;
        const SIZE_LIMIT_EXCEEDED: u32 = 4;
        const REFERRAL: u32 = 10;
        const ADMIN_LIMIT_EXCEEDED: u32 = 11;
        let search = Search {
            base,
            scope,
            filter,
            entries_max: ENTRIES_MAX,
            seconds_max: 2,
            attributes,
        };
        let wish = message::search(self.next_id(), &search);
        self.say(&wish).await?;
        let mut entries = Vec::new();
        loop {
            match self.hear().await? {
                Answer::Entry(entry) => entries.push(entry),
                Answer::Reference => {}
                Answer::Done(outcome) => {
                    return match outcome.code {
                        TIME_LIMIT_EXCEEDED | SIZE_LIMIT_EXCEEDED | REFERRAL
                        | ADMIN_LIMIT_EXCEEDED => Ok(entries),
                        _ => check(&outcome).map(|()| entries),
                    };
                }
                Answer::Bound(_) | Answer::Extended(_) => return Err(broken()),
            }
        }
    }

    /// Says farewell; nothing depends on it.
    pub(super) async fn close(mut self) {
        let farewell = message::unbind(self.next_id());
        if self.say(&farewell).await.is_ok() {
            let _closed = self.wire.shutdown().await;
        }
    }

    fn next_id(&mut self) -> u32 {
        self.id += 1;
        self.id
    }

    async fn say(&mut self, message: &[u8]) -> Result<()> {
        self.wire.write_all(message).await.map_err(Error::from_io)?;
        self.wire.flush().await.map_err(Error::from_io)
    }

    /// The next answer to what was asked last.
    async fn hear(&mut self) -> Result<Answer> {
        loop {
            let content = self.message().await?;
            let (id, answer) = message::read(&content)?;
            if id == self.id {
                return Ok(answer);
            }
            if id == 0 {
                // The notice of disconnection (RFC 4511 section 4.4.1).
                return Err(Error::transient("The directory ended the connection."));
            }
        }
    }

    /// The content of the next message, framed and bounded before anything looks into it.
    async fn message(&mut self) -> Result<Vec<u8>> {
        loop {
            match self.buffer.split_first() {
                Some((&ber::SEQUENCE, rest)) => {
                    if let Some((len, rest)) = ber::length(rest)? {
                        if len > MESSAGE_BYTES_MAX {
                            return Err(Error::protocol(
                                "The directory sent a message that is far too long.",
                            ));
                        }
                        if let Some(content) = rest.get(..len) {
                            let content = content.to_vec();
                            let used = self.buffer.len() - rest.len() + len;
                            self.buffer.drain(..used);
                            return Ok(content);
                        }
                    }
                }
                Some(_) => return Err(broken()),
                None => {}
            }
            let mut chunk = [0; 8192];
            let count = self.wire.read(&mut chunk).await.map_err(Error::from_io)?;
            if count == 0 {
                return Err(Error::transient("The directory closed the connection."));
            }
            self.received += count;
            if self.received > BYTES_MAX {
                return Err(Error::protocol("The directory sent far too much."));
            }
            self.buffer.extend(chunk.iter().take(count));
        }
    }
}

/// What a result code means for the user (RFC 4511 appendix A).
fn check(outcome: &Outcome) -> Result<()> {
    let said = match outcome.said.as_str() {
        "" => String::new(),
        said => format!(" It said: {said}"),
    };
    let code = outcome.code;
    Err(match code {
        0 => return Ok(()),
        8 | 13 => Error::new(
            Class::Tls,
            format!("The directory asks for an encrypted connection.{said}"),
        )
        .hint("Use an ldaps:// address, or tls = \"starttls\"."),
        7 | 48 | 49 => Error::new(
            Class::Auth,
            format!("The directory does not let us sign in.{said}"),
        )
        .hint("Check `bind_dn` and the password."),
        50 => Error::new(
            Class::Rejected,
            format!("The directory does not let us look there.{said}"),
        )
        .hint("Check `bind_dn` and `base`."),
        32 | 34 => Error::new(
            Class::Rejected,
            format!("The directory has no such entry.{said}"),
        )
        .hint("Check `base` and `bind_dn`."),
        51 | 52 => Error::transient(format!("The directory is busy.{said}")),
        _ => Error::new(
            Class::Rejected,
            format!("The directory refused (code {code}).{said}"),
        ),
    })
}
