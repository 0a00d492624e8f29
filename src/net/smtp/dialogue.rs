//! Commands out, one reply in for each: `lettre`'s connection, driven by hand over our gate.
//!
//! Used by `open` and `submit`. A reply must never be taken for another command's, and after a 421, an
//! error or an abandoned call the connection is never used again.
//!
//! lettre writes the commands and waits for what the gate lets it read. Not used of it: `send`, which
//! does not say how far it came and drops everybody when one recipient is refused; `starttls`, which
//! keeps what was said in clear; `auth`, which does not show why a token was refused; `message_iter`,
//! which cannot wait for bytes, cannot stop when they fail to come, and does not tell when the dot goes
//! out.

use super::gate::{Early, Gate};
use super::manner::Manner;
use super::reply::Reply;
use crate::net::error::Error;
use crate::net::stream::Wire;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use std::fmt;
use std::time::Duration;

/// One connection after its greeting.
pub(super) struct Dialogue {
    connection: AsyncSmtpConnection,
    gate: Gate,
    /// Set while something is under way, so that a call that was dropped leaves it set.
    is_over: bool,
}

/// The replies to several commands, as far as they came.
pub(super) struct Answers {
    pub(super) replies: Vec<Reply>,
    /// Why there are fewer than asked for; not where the last one is a 421.
    pub(super) error: Option<Error>,
}

impl Dialogue {
    /// Reads the greeting, where that was not done before TLS; then says EHLO. With what the server
    /// answered to that.
    pub(super) async fn begin(
        wire: Box<dyn Wire>,
        is_greeted: bool,
        manner: &Manner,
    ) -> Result<(Self, Reply), Error> {
        let gate = Gate::new(wire);
        let limit = manner.patience.greeting;
        if !is_greeted {
            let greeting = gate.greeting(limit).await?;
            if !greeting.is_positive() {
                return Err(turned_away(&greeting));
            }
        }
        gate.greet();
        gate.expect(1, limit).await?;
        let hello = ClientId::Domain(manner.hello.as_str().to_owned());
        let stream = Box::new(gate.clone());
        let connection = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
        let reply = gate.told();
        match (connection, reply) {
            (_, Some(reply)) if !reply.is_positive() => Err(turned_away(&reply)),
            (Ok(connection), Some(reply)) => Ok((
                Self {
                    connection,
                    gate,
                    is_over: false,
                },
                reply,
            )),
            (Err(error), _) => Err(cause(&error)),
            (Ok(_), None) => Err(out_of_step()),
        }
    }

    /// Whether it can still be used.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Never to be used again.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    /// Sends a command, without its line end; the server's reply.
    pub(super) async fn ask(&mut self, command: &str, limit: Duration) -> Result<Reply, Error> {
        let commands = [command.to_owned()];
        let answers = self.ask_all(&commands, limit).await;
        match (answers.replies.into_iter().next(), answers.error) {
            (Some(reply), _) => Ok(reply),
            (None, error) => Err(error.unwrap_or_else(out_of_step)),
        }
    }

    /// Sends several commands at once (RFC 2920); the replies in their order.
    pub(super) async fn ask_all(&mut self, commands: &[String], limit: Duration) -> Answers {
        let mut replies = Vec::with_capacity(commands.len());
        if self.is_over {
            let error = Some(ended());
            return Answers { replies, error };
        }
        self.is_over = true;
        let error = self.exchange(commands, limit, &mut replies).await.err();
        for (command, reply) in commands.iter().zip(&replies) {
            // Never more than the verb: what follows may be a secret or an address.
            let verb = command.split(' ').next().unwrap_or_default();
            let verb = if is_verb(verb) { verb } else { "…" };
            tracing::debug!(target: "pillarbox::smtp", verb, code = reply.code, "answered");
        }
        let is_closing = replies.last().is_some_and(Reply::is_closing);
        self.is_over = error.is_some() || is_closing;
        Answers { replies, error }
    }

    async fn exchange(
        &mut self,
        commands: &[String],
        limit: Duration,
        replies: &mut Vec<Reply>,
    ) -> Result<(), Error> {
        let lines: String = commands.iter().map(|line| format!("{line}\r\n")).collect();
        self.gate.expect(commands.len(), limit).await?;
        // Whether lettre takes a reply for good or bad is in the reply, too.
        let mut outcome = self.connection.command(lines).await;
        loop {
            match (self.gate.told(), outcome) {
                (Some(reply), _) => replies.push(reply),
                (None, Err(error)) => return Err(cause(&error)),
                (None, Ok(_)) => return Err(out_of_step()),
            }
            let is_closing = replies.last().is_some_and(Reply::is_closing);
            if is_closing || replies.len() >= commands.len() {
                return Ok(());
            }
            outcome = self.connection.read_response().await;
        }
    }

    /// Begins a message: from now on the one reply to all of it is awaited, and the server has to
    /// take each piece within the limit.
    pub(super) async fn begin_message(&mut self, limit: Duration) -> Result<(), Error> {
        self.is_over = true;
        self.gate.expect(1, limit).await
    }

    /// Sends a piece of the message. Any answer before its end is the end of the connection.
    pub(super) async fn send_piece(&mut self, piece: &[u8]) -> Result<(), Early> {
        self.gate.write_piece(piece, false).await
    }

    /// Whether the server has answered before the end of the message.
    pub(super) async fn check_early(&mut self) -> Result<(), Early> {
        self.gate.early().await
    }

    /// Sends the end of the message and waits for what the server says to all of it.
    pub(super) async fn end_message(
        &mut self,
        dot: &[u8],
        limit: Duration,
    ) -> Result<Reply, Error> {
        match self.gate.write_piece(dot, true).await {
            Ok(()) => {}
            Err(Early::Broke(error)) => return Err(error),
            // It hung up before it had the end, and said why; that it took the message it cannot say.
            Err(Early::Said(reply)) if reply.is_positive() => return Err(out_of_step()),
            Err(Early::Said(reply)) => return Ok(reply),
        }
        self.gate.limit(limit);
        let outcome = self.connection.read_response().await;
        match (self.gate.told(), outcome) {
            (Some(reply), _) => {
                self.is_over = reply.is_closing();
                Ok(reply)
            }
            (None, Err(error)) => Err(cause(&error)),
            (None, Ok(_)) => Err(out_of_step()),
        }
    }
}

impl fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialogue")
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

/// What the lines of AUTH are not.
fn is_verb(word: &str) -> bool {
    let verbs = [
        "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT",
    ];
    verbs.contains(&word)
}

/// Our own error, which went through lettre wrapped into another.
fn cause(error: &lettre::transport::smtp::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return ours.clone();
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let ours = io.get_ref().and_then(|e| e.downcast_ref::<Error>());
            return match ours {
                Some(ours) => ours.clone(),
                None => Error::from_io(io.kind().into()),
            };
        }
        source = inner.source();
    }
    Error::transient(format!("The connection failed: {error}."))
}

/// Why the server does not want to talk to us.
fn turned_away(reply: &Reply) -> Error {
    let summary = format!("The server does not take mail from us: {reply}");
    let code = Some(reply.code_text());
    if reply.is_transient() {
        return Error::transient(summary).code(code);
    }
    if reply.is_permanent() {
        return Error::new(crate::net::Class::Rejected, summary)
            .code(code)
            .hint("Check the host and port: 465 and 587 are for sending mail, 25 is for servers.");
    }
    Error::protocol(format!(
        "The server does not greet as a mail server does: {reply}"
    ))
    .hint("Check the host and port.")
}

fn ended() -> Error {
    Error::transient("The connection had ended before.")
}

fn out_of_step() -> Error {
    Error::protocol("The server's answers do not fit what it was asked.")
}
