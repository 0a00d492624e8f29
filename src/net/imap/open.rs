//! From an address to an authenticated session.
//!
//! Called by `engine` and `doctor` for every connection. No credential may be sent before the
//! connection is as safe as asked for, and none twice in one call.

use super::command::Command;
use super::response::{Condition, Response, Said, parse};
use super::session::{Event, GO_AHEADS_MAX, Session, accept, class_of};
use super::starttls;
use crate::net::auth::{self, Sasl};
use crate::net::connect::{check_plain, within};
use crate::net::error::{Class, Error, Result, quoted};
use crate::net::stream::{self, Counters, Meter, Wire};
use crate::net::{Login, Options, Security, Server, tls};
use std::sync::Arc;
use tokio::time::Instant;

/// Where the stream of a session comes from.
struct Connected {
    wire: Box<dyn Wire>,
    counters: Arc<Counters>,
    is_local: bool,
}

impl Session {
    /// Connects, makes it safe, checks the greeting, logs in, learns the capabilities, compresses
    /// where it pays. Sends no credential before the connection is as safe as asked for.
    pub async fn open(server: &Server, login: &Login, options: &Options) -> Result<Self> {
        let deadline = Instant::now() + options.connect_timeout;
        let connecting = async {
            let (tcp, address) = stream::connect(&server.host, server.port).await?;
            let is_local = address.ip().is_loopback();
            check_plain(server, options, is_local)?;
            let meter = Meter::new(tcp);
            let counters = meter.counters();
            let wire = match server.security {
                Security::Implicit => {
                    tls::start(meter, &server.host, server.ca_file.as_deref()).await?
                }
                _ => secure(meter, server).await?,
            };
            Ok(Connected {
                wire,
                counters,
                is_local,
            })
        };
        let connected = within(deadline, server, options, connecting).await?;
        Self::log_in(connected, server, login, options, deadline).await
    }

    /// The same over a stream that exists already: a tunnel, or memory. With
    /// [`Security::Implicit`] the caller vouches that it is safe; STARTTLS is done here.
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
        let connected = Connected {
            wire,
            counters,
            is_local: true,
        };
        Self::log_in(connected, server, login, options, deadline).await
    }

    async fn log_in(
        connected: Connected,
        server: &Server,
        login: &Login,
        options: &Options,
        deadline: Instant,
    ) -> Result<Self> {
        let mut session = Self::new(connected.wire, options, connected.counters);
        session.hold_preface(true);
        let is_known = match server.security {
            Security::StartTls => false,
            security => session.greet(security, server, deadline).await?,
        };
        session.wait_briefly();
        if !is_known {
            session.authenticate(server, login).await?;
        }
        if session.state.capabilities.is_empty() {
            session.learn_capabilities().await?;
        }
        if options.compress.unwrap_or(!connected.is_local) {
            session.start_deflate().await?;
        }
        session.hold_preface(false);
        Ok(session)
    }

    /// Reads the greeting; whether it says that we are known already.
    async fn greet(
        &mut self,
        security: Security,
        server: &Server,
        deadline: Instant,
    ) -> Result<bool> {
        self.until(deadline);
        let event = self.event().await.map_err(|e| {
            if e.class == Class::Transient && Instant::now() >= deadline {
                Error::transient(format!(
                    "{} took the connection and said nothing.",
                    server.host
                ))
                .hint("Check `port` and `tls`: 993 is \"implicit\", 143 is \"starttls\".")
            } else {
                e
            }
        })?;
        let said = match event {
            Event::Untagged(frame) => match parse(&frame) {
                Response::Said(said) => said,
                _ => return Err(not_a_greeting()),
            },
            _ => return Err(not_a_greeting()),
        };
        match said.condition {
            Condition::Ok => {}
            // Only where nobody in between can have said it.
            Condition::PreAuth if security == Security::Implicit => {}
            Condition::PreAuth => {
                return Err(Error::new(
                    Class::Tls,
                    "The server says that we are logged in already, on a connection in clear; it was closed.",
                ));
            }
            Condition::Bye | Condition::No => {
                return Err(Error::transient(format!(
                    "{} does not take connections now: {}",
                    server.host,
                    quoted(&said.text)
                ))
                .code(said.code.map(|c| c.name)));
            }
            Condition::Bad => return Err(not_a_greeting()),
        }
        self.state.said(&said);
        Ok(said.condition == Condition::PreAuth)
    }

    async fn learn_capabilities(&mut self) -> Result<()> {
        let said = self.exec(&Command::new("CAPABILITY"), Some).await?;
        accept(said, "tell what it can do")?;
        if self.state.capabilities.is_empty() {
            return Err(Error::protocol("The server does not tell what it can do."));
        }
        Ok(())
    }

    async fn authenticate(&mut self, server: &Server, login: &Login) -> Result<()> {
        if self.state.capabilities.is_empty() {
            self.learn_capabilities().await?;
        }
        let capabilities = &self.state.capabilities;
        let offers = |name: &str| capabilities.has(&format!("AUTH={name}"));
        let sasl = auth::choose(login, &server.host, server.port, offers)?;
        let (said, told) = match (sasl, login) {
            (Some(sasl), _) => self.sasl(&sasl).await?,
            (None, Login::Password { user, password }) => {
                if capabilities.has("LOGINDISABLED") {
                    return Err(Error::new(
                        Class::Auth,
                        "The server does not allow logging in on this connection.",
                    )
                    .hint("Set `tls` to \"implicit\" or \"starttls\"."));
                }
                let command = Command::new("LOGIN")
                    .string(user.as_bytes(), capabilities)?
                    .string(password.reveal().as_bytes(), capabilities)?;
                self.state.capabilities.forget();
                (self.exec(&command, Some).await?, None)
            }
            (None, Login::Token { .. }) => {
                return Err(Error::new(
                    Class::Auth,
                    "The server does not accept tokens.",
                ));
            }
        };
        if said.condition == Condition::Ok {
            return Ok(());
        }
        Err(refusal(&said, told, server))
    }

    /// One SASL exchange; besides the outcome what the server said about a refusal.
    async fn sasl(&mut self, sasl: &Sasl) -> Result<(Said, Option<String>)> {
        let is_initial = self.state.capabilities.has("SASL-IR");
        self.state.capabilities.forget();
        let mut command = Command::new("AUTHENTICATE").raw(" ").raw(sasl.name);
        if is_initial {
            command = command.raw(" ").raw(&sasl.message);
        }
        let tag = self.send(&command).await?;
        let mut is_sent = is_initial;
        let mut told = None;
        for _ in 0..=GO_AHEADS_MAX {
            match self.sasl_step(tag).await? {
                Err(said) => return Ok((said, told)),
                Ok(_) if !is_sent => {
                    is_sent = true;
                    self.push_line(&sasl.message);
                }
                Ok(challenge) => {
                    told = auth::challenge_text(&challenge).or(told);
                    self.push_line(sasl.give_up);
                }
            }
        }
        Err(self.fail(Error::new(
            Class::Auth,
            "The server asks for more and more when logging in; it was given up.",
        )))
    }

    /// Waits for a challenge, or for the outcome.
    async fn sasl_step(
        &mut self,
        tag: super::session::Tag,
    ) -> Result<std::result::Result<bytes::Bytes, Said>> {
        loop {
            match self.event().await? {
                Event::GoAhead(challenge) => return Ok(Ok(challenge)),
                Event::Untagged(frame) => self.state.apply(parse(&frame)),
                Event::Done(done, said) => {
                    self.completed(done, said);
                    return self.finish(tag, Some).await.map(Err);
                }
            }
        }
    }

    async fn start_deflate(&mut self) -> Result<()> {
        if !self.state.capabilities.has("COMPRESS=DEFLATE") {
            return Ok(());
        }
        self.gate().expect_deflate(true);
        let said = self.exec(&Command::new("COMPRESS DEFLATE"), Some).await?;
        if said.condition == Condition::Ok {
            self.compress();
        } else {
            self.gate().expect_deflate(false);
        }
        Ok(())
    }
}

async fn secure<W: Wire + 'static>(mut stream: W, server: &Server) -> Result<Box<dyn Wire>> {
    if server.security != Security::StartTls {
        return Ok(Box::new(stream));
    }
    starttls::negotiate(&mut stream).await?;
    tls::start(stream, &server.host, server.ca_file.as_deref()).await
}

fn not_a_greeting() -> Error {
    Error::protocol("The server does not greet as an IMAP server does.")
        .hint("Check the host and port.")
}

/// What a refused login means. Wrong credentials stop the account; a busy server does not.
fn refusal(said: &Said, told: Option<String>, server: &Server) -> Error {
    let mut class = class_of(said.code.as_ref());
    if class == Class::Rejected {
        class = Class::Auth;
    }
    let mut code = said.code.as_ref().map(|c| c.name.clone());
    let lower = said.text.to_ascii_lowercase();
    // Quirk(Gmail, Yahoo): a full server says so without a code, and the password is right.
    if code.as_deref().is_none_or(|c| c == "ALERT")
        && lower.contains("too many")
        && lower.contains("connection")
    {
        class = Class::Transient;
        code = Some("LIMIT".to_owned());
    }
    let more = told
        .map(|t| format!(" ({})", quoted(&t)))
        .unwrap_or_default();
    let summary = format!(
        "{} refused the login: {}{more}",
        server.host,
        quoted(&said.text)
    );
    let hint = match class {
        Class::Auth => {
            "Check the user name and the password; some providers want a password made for this program, or a token."
        }
        _ => "It will be tried again later.",
    };
    Error::new(class, summary).hint(hint).code(code)
}
