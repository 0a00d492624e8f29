//! From an address to an authorized session.
//!
//! Called by `engine` and `doctor`. No credential may be sent before the connection is as safe as asked
//! for, and none twice in one call.

use super::link::Link;
use super::offers::Offers;
use super::reply::Reply;
use super::{Session, stls};
use crate::net::connect::{check_plain, within};
use crate::net::error::{Class, Error, Result, quoted};
use crate::net::stream::{self, Counters, Meter, Wire};
use crate::net::{Login, Options, Security, Server, tls};
use std::sync::Arc;
use tokio::time::Instant;

impl Session {
    /// Connects, makes it safe (TLS from the start, or STLS), asks what is offered, logs in, and asks
    /// again: a server may offer other things to who is known (RFC 2449 §5).
    ///
    /// # Errors
    /// When the server cannot be reached, is not as safe as asked for, refuses the login, or when the
    /// maildrop is held by another session (code `IN-USE`).
    pub async fn open(server: &Server, login: &Login, options: &Options) -> Result<Self> {
        let deadline = Instant::now() + options.connect_timeout;
        let connecting = async {
            let (tcp, address) = stream::connect(&server.host, server.port).await?;
            check_plain(server, options, address.ip().is_loopback())?;
            let meter = Meter::new(tcp);
            let counters = meter.counters();
            let wire = match server.security {
                Security::Implicit => {
                    tls::start(meter, &server.host, server.ca_file.as_deref()).await?
                }
                _ => secure(meter, server).await?,
            };
            Ok((wire, counters))
        };
        let (wire, counters) = within(deadline, server, options, connecting).await?;
        Self::begin(wire, counters, server, login, options).await
    }

    /// The same over a stream that exists already: a tunnel, or memory. With
    /// [`Security::Implicit`] the caller vouches that it is safe; STLS is done here.
    ///
    /// # Errors
    /// As with [`open`](Self::open).
    pub async fn over(
        wire: Box<dyn Wire>,
        server: &Server,
        login: &Login,
        options: &Options,
    ) -> Result<Self> {
        let deadline = Instant::now() + options.connect_timeout;
        let meter = Meter::new(wire);
        let counters = meter.counters();
        let wire = within(deadline, server, options, secure(meter, server)).await?;
        Self::begin(wire, counters, server, login, options).await
    }

    async fn begin(
        wire: Box<dyn Wire>,
        counters: Arc<Counters>,
        server: &Server,
        login: &Login,
        options: &Options,
    ) -> Result<Self> {
        let mut session = Self {
            link: Link::new(wire, options.connect_timeout),
            offers: Offers::unknown(),
            message_max: options.message_max,
            counters,
        };
        // After STLS no second greeting comes (RFC 2595 §4).
        if server.security != Security::StartTls {
            session.greet(server, options).await?;
        }
        session.link.set_limit(options.silence_timeout);
        session.learn().await?;
        session.log_in(server, login).await?;
        if session.offers.is_known {
            session.learn().await?;
        }
        Ok(session)
    }

    async fn greet(&mut self, server: &Server, options: &Options) -> Result<()> {
        let deadline = Instant::now() + options.connect_timeout;
        self.link.expect_more();
        let greeting = self.link.reply().await.map_err(|error| match error.class {
            Class::Protocol => Error::protocol("The server does not greet as a POP3 server does.")
                .hint("Check the host and port: 995 is usual, with TLS from the start."),
            Class::Transient if Instant::now() >= deadline => Error::transient(format!(
                "{} took the connection and said nothing.",
                server.host
            ))
            .hint("Check `port` and `tls`: 995 is \"implicit\", 110 is \"starttls\"."),
            _ => error,
        })?;
        if greeting.is_ok {
            return Ok(());
        }
        Err(turned_away(&greeting, server))
    }

    /// CAPA (RFC 2449 §5). A server that does not know it is an old one, and no worse for it.
    async fn learn(&mut self) -> Result<()> {
        if !self.ask("CAPA").await?.is_ok {
            return Ok(());
        }
        let mut offers = Offers {
            is_known: true,
            ..Offers::default()
        };
        self.listing(LINES_MAX, |line| {
            offers.take(line);
            Some(())
        })
        .await?;
        self.offers = offers;
        Ok(())
    }
}

/// The most lines that CAPA may have.
const LINES_MAX: usize = 200;

fn turned_away(greeting: &Reply, server: &Server) -> Error {
    let error = greeting.refusal("take connections now");
    Error::transient(format!(
        "{} does not take connections now: {}",
        server.host,
        quoted(&greeting.text)
    ))
    .code(error.code)
}

async fn secure<W: Wire + 'static>(mut stream: W, server: &Server) -> Result<Box<dyn Wire>> {
    if server.security != Security::StartTls {
        return Ok(Box::new(stream));
    }
    stls::negotiate(&mut stream).await?;
    tls::start(stream, &server.host, server.ca_file.as_deref()).await
}
