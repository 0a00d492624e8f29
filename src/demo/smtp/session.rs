//! One SMTP session: reads commands one after the other, does them, answers.
//!
//! Run by [`Peer::run`](super::Peer::run). A message must never reach the sink before its end has come,
//! nor twice.

use super::envelope::{self, Envelope};
use super::{Peer, Received, auth};
use crate::demo::faults::Act;
use crate::demo::wire::{Next, Wire};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

#[derive(Debug)]
struct Session {
    peer: Peer,
    is_greeted: bool,
    user: Option<String>,
    envelope: Option<Envelope>,
}

/// What came between DATA and the dot.
enum Body {
    Whole(Vec<u8>),
    /// The answer to a message that cannot be taken.
    Bad(&'static str),
    /// A fault ended the session.
    Over,
}

/// Runs one session until the client leaves, errs badly, or a fault ends it.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(peer: Peer, stream: S) {
    let mut wire = Wire::new(stream);
    let mut session = Session {
        peer,
        is_greeted: false,
        user: None,
        envelope: None,
    };
    // An error here is the client leaving or a fault cutting: either way the session is over.
    drop(session.talk(&mut wire).await);
    wire.close().await;
}

impl Session {
    async fn talk<S>(&mut self, wire: &mut Wire<S>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let act = self.peer.faults().at_connect();
        let greeting = "220 demo.test ESMTP".to_owned();
        let next = match wire.instead(act.as_ref(), words).await? {
            Some(next) => next,
            None => self.answer(act, greeting, wire).await?,
        };
        if next == Next::End {
            return Ok(());
        }
        loop {
            let line = match wire.line().await? {
                None => return Ok(()),
                Some(Ok(line)) => line,
                Some(Err(why)) => return wire.send(line_of(500, "5.5.2", &why.0).as_bytes()).await,
            };
            if self.command(&line, wire).await? == Next::End {
                return Ok(());
            }
        }
    }

    async fn command<S>(&mut self, line: &[u8], wire: &mut Wire<S>) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Ok(line) = std::str::from_utf8(line) else {
            return self
                .answer(None, "500 5.5.2 This is not UTF-8".into(), wire)
                .await;
        };
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let name = name.to_ascii_uppercase();
        self.peer.note(match name.as_str() {
            "AUTH" => format!("AUTH {}", argument.split(' ').next().unwrap_or_default()),
            _ => line.to_owned(),
        });
        let may_follow =
            self.peer.has("PIPELINING") && matches!(name.as_str(), "MAIL" | "RCPT" | "RSET");
        if !wire.input.is_empty() && !may_follow {
            wire.send(b"503 5.5.0 Wait for the answer\r\n").await?;
            return Ok(Next::End);
        }
        let act = self.peer.faults().at_command(&name);
        if let Some(next) = wire.instead(act.as_ref(), words).await? {
            return Ok(next);
        }
        if name == "DATA" {
            return self.data(act, wire).await;
        }
        let reply = if name == "AUTH" {
            self.authenticate(argument, wire).await?
        } else {
            self.perform(&name, argument)
        };
        let next = self.answer(act, reply, wire).await?;
        Ok(if name == "QUIT" { Next::End } else { next })
    }

    /// Does what needs no more of the client than the line.
    fn perform(&mut self, name: &str, argument: &str) -> String {
        match (name, argument) {
            ("EHLO" | "HELO", "") => "501 5.5.4 Say who you are".into(),
            ("EHLO", _) => {
                self.is_greeted = true;
                self.envelope = None;
                self.capabilities()
            }
            ("HELO", _) => "502 5.5.1 Say EHLO".into(),
            ("NOOP", _) => "250 2.0.0 Ok".into(),
            ("RSET", "") => {
                self.envelope = None;
                "250 2.0.0 Forgotten".into()
            }
            ("QUIT", "") => "221 2.0.0 Goodbye".into(),
            ("STARTTLS", "") if self.peer.has("STARTTLS") => {
                "454 4.7.0 There is no certificate here".into()
            }
            ("MAIL", _) => self.mail(argument),
            ("RCPT", _) => match &mut self.envelope {
                None => "503 5.5.1 Say MAIL first".into(),
                Some(envelope) => match envelope::rcpt(&self.peer, envelope, argument) {
                    Ok(()) => "250 2.1.5 Ok".into(),
                    Err(refusal) => refusal,
                },
            },
            _ => "502 5.5.1 There is no such command".into(),
        }
    }

    fn capabilities(&self) -> String {
        let options = self.peer.options();
        let mut lines = vec!["demo.test".to_owned()];
        lines.extend(options.capabilities.iter().map(|line| match line.as_str() {
            "SIZE" => format!("SIZE {}", options.size_max),
            other => other.to_owned(),
        }));
        let last = lines.len() - 1;
        let lines = lines.iter().enumerate().map(|(at, line)| {
            let sign = if at == last { ' ' } else { '-' };
            format!("250{sign}{line}")
        });
        lines.collect::<Vec<_>>().join("\r\n")
    }

    fn mail(&mut self, argument: &str) -> String {
        if !self.is_greeted {
            return "503 5.5.1 Say EHLO first".into();
        }
        if self.peer.options().needs_login && self.user.is_none() {
            return "530 5.7.0 Log in first".into();
        }
        if self.envelope.is_some() {
            return "503 5.5.1 There is a sender already".into();
        }
        match envelope::mail(&self.peer, argument) {
            Ok(envelope) => {
                self.envelope = Some(envelope);
                "250 2.1.0 Ok".into()
            }
            Err(refusal) => refusal,
        }
    }

    async fn authenticate<S>(&mut self, argument: &str, wire: &mut Wire<S>) -> io::Result<String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if self.user.is_some() || self.envelope.is_some() {
            return Ok("503 5.5.1 Not now".into());
        }
        let outcome = auth::exchange(self.peer.options(), argument, wire).await?;
        self.user = outcome.user;
        Ok(outcome.reply)
    }

    async fn data<S>(&mut self, act: Option<Act>, wire: &mut Wire<S>) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let Some(envelope) = self.envelope.take() else {
            return self
                .answer(act, "503 5.5.1 Say MAIL first".into(), wire)
                .await;
        };
        if envelope.to.is_empty() {
            self.envelope = Some(envelope);
            return self
                .answer(act, "554 5.5.1 There are no recipients".into(), wire)
                .await;
        }
        if self.answer(act, "354 Go on".into(), wire).await? == Next::End {
            return Ok(Next::End);
        }
        let raw = match self.body(&envelope, wire).await? {
            Body::Whole(raw) => raw,
            Body::Bad(reply) => {
                wire.send(format!("{reply}\r\n").as_bytes()).await?;
                return Ok(Next::End);
            }
            Body::Over => return Ok(Next::End),
        };
        let act = self.peer.faults().at_command(".");
        if let Some(next) = wire.instead(act.as_ref(), words).await? {
            return Ok(next);
        }
        let reply = if raw.len() > self.peer.options().size_max {
            "552 5.3.4 The message is too large"
        } else {
            self.peer.take(Received {
                user: self.user.clone(),
                from: envelope.from,
                parameters: envelope.parameters,
                to: envelope.to,
                raw,
            });
            "250 2.0.0 Taken"
        };
        self.answer(act, reply.into(), wire).await
    }

    /// Reads a message up to its dot, line by line.
    async fn body<S>(&mut self, envelope: &Envelope, wire: &mut Wire<S>) -> io::Result<Body>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mut raw = Vec::new();
        while wire.input.is_empty() {
            if !wire.more().await? {
                return Ok(Body::Over);
            }
        }
        let act = self.peer.faults().at_command("BODY");
        let is_over = wire.instead(act.as_ref(), words).await?.is_some();
        if is_over || act == Some(Act::DropAfter) {
            return Ok(Body::Over);
        }
        loop {
            let line = match wire.line().await? {
                None => return Ok(Body::Over),
                Some(Ok(line)) => line,
                Some(Err(_)) => {
                    return Ok(Body::Bad("554 5.6.0 Lines end in CRLF, and hold no NUL"));
                }
            };
            if line == b"." {
                return Ok(Body::Whole(raw));
            }
            if line.len() > 999 {
                return Ok(Body::Bad("554 5.6.0 The line is too long"));
            }
            if !line.is_ascii() && !envelope.is_8bit {
                return Ok(Body::Bad("554 5.6.3 8BITMIME was not asked for"));
            }
            // What is too large is read to its end, and not kept.
            if raw.len() <= self.peer.options().size_max {
                raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                raw.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Sends the answer to what was done, unless a fault keeps it.
    async fn answer<S>(
        &mut self,
        act: Option<Act>,
        reply: String,
        wire: &mut Wire<S>,
    ) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match act {
            Some(Act::DropAfter) => return Ok(Next::End),
            Some(Act::Hold) => self.peer.faults().wait_for_release().await,
            Some(Act::CutAfter(bytes)) => wire.cut = Some(bytes),
            _ => {}
        }
        wire.send(format!("{reply}\r\n").as_bytes()).await?;
        Ok(Next::Go)
    }
}

/// What a fault has the server say.
fn words(act: &Act) -> Vec<u8> {
    match act {
        Act::No(reply) | Act::Bad(reply) => format!("{reply}\r\n").into_bytes(),
        Act::Bye(text) => line_of(421, "4.3.2", text).into_bytes(),
        _ => Vec::new(),
    }
}

fn line_of(code: u16, status: &str, text: &str) -> String {
    format!("{code} {status} {text}\r\n")
}
