//! From an address to an authenticated connection.
//!
//! Called by the outbox and by `doctor`. No credential and no message may be sent before the
//! connection is as safe as asked for, and no credential twice in one call.

use super::dialogue::Dialogue;
use super::extensions::Extensions;
use super::manner::Manner;
use super::submission::Phase;
use super::{Submitter, starttls};
use crate::net::connect::{check_plain, within};
use crate::net::error::{Error, Result};
use crate::net::stream::{self, Counters, Meter, Wire};
use crate::net::{Login, Options, Security, Server, tls};
use std::sync::Arc;
use tokio::time::Instant;

impl Submitter {
    /// Connects, makes it safe, says EHLO, logs in. Without a login none is tried: there are servers
    /// that take mail by the address it comes from.
    ///
    /// # Errors
    /// When the server cannot be reached, is not as safe as asked for, or does not want us.
    pub async fn open(
        server: &Server,
        login: Option<&Login>,
        options: &Options,
        manner: &Manner,
    ) -> Result<Self> {
        let deadline = Instant::now() + options.connect_timeout;
        let connecting = stream::connect(&server.host, server.port);
        let (tcp, address) = within(deadline, server, options, connecting).await?;
        check_plain(server, options, address.ip().is_loopback())?;
        let meter = Meter::new(tcp);
        let counters = meter.counters();
        let wire: Box<dyn Wire> = match server.security {
            Security::Implicit => encrypt(meter, server, options).await?,
            _ => Box::new(meter),
        };
        Self::begin(wire, counters, server, login, options, manner).await
    }

    /// The same over a stream that exists already: a tunnel, or memory. With
    /// [`Security::Implicit`] the caller vouches that it is safe; STARTTLS is done here.
    ///
    /// # Errors
    /// As with [`open`](Self::open).
    pub async fn over(
        wire: Box<dyn Wire>,
        server: &Server,
        login: Option<&Login>,
        options: &Options,
        manner: &Manner,
    ) -> Result<Self> {
        let meter = Meter::new(wire);
        let counters = meter.counters();
        Self::begin(Box::new(meter), counters, server, login, options, manner).await
    }

    async fn begin(
        mut wire: Box<dyn Wire>,
        counters: Arc<Counters>,
        server: &Server,
        login: Option<&Login>,
        options: &Options,
        manner: &Manner,
    ) -> Result<Self> {
        let is_greeted = server.security == Security::StartTls;
        if is_greeted {
            let limit = manner.patience.greeting;
            let asking = starttls::negotiate(&mut wire, &manner.hello);
            let asked = tokio::time::timeout(limit, asking).await;
            asked.unwrap_or_else(|_| Err(silent(server)))?;
            wire = encrypt(wire, server, options).await?;
        }
        let (dialogue, hello) = Dialogue::begin(wire, is_greeted, manner).await?;
        let mut submitter = Self {
            dialogue,
            extensions: Extensions::read(&hello),
            patience: manner.patience,
            counters,
            phase: Phase::BeforeData,
            is_dirty: false,
        };
        if let Some(login) = login {
            submitter.log_in(server, login).await?;
        }
        Ok(submitter)
    }
}

async fn encrypt<W: Wire + 'static>(
    wire: W,
    server: &Server,
    options: &Options,
) -> Result<Box<dyn Wire>> {
    let deadline = Instant::now() + options.connect_timeout;
    let shaking = tls::start(wire, &server.host, server.ca_file.as_deref());
    within(deadline, server, options, shaking).await
}

fn silent(server: &Server) -> Error {
    Error::transient(format!(
        "{} took the connection and said nothing.",
        server.host
    ))
    .hint("Check `port` and `tls`: 465 is \"implicit\", 587 is \"starttls\".")
}
