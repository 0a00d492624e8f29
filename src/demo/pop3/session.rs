//! One POP3 session: reads commands one after the other, does them, answers.
//!
//! Run by [`Peer::run`](super::Peer::run). A message must never be gone from the maildrop unless QUIT
//! came for a session that had marked it.

use super::maildrop::{Held, Hold, Mail};
use super::{Peer, Sizes, Uids};
use crate::demo::decode::BASE64;
use crate::demo::faults::Act;
use crate::demo::sasl;
use crate::demo::wire::{Next, Wire};
use base64::Engine;
use std::collections::BTreeSet;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

#[derive(Debug)]
struct Session {
    peer: Peer,
    user: Option<String>,
    hold: Option<Hold>,
    /// The numbers that are marked as deleted.
    marked: BTreeSet<usize>,
}

/// Runs one session until the client leaves, errs badly, or a fault ends it.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(peer: Peer, stream: S) {
    let mut wire = Wire::new(stream);
    let mut session = Session {
        peer,
        user: None,
        hold: None,
        marked: BTreeSet::new(),
    };
    // An error here is the client leaving or a fault cutting: either way the session is over.
    drop(session.talk(&mut wire).await);
    // Before the client can know that the connection has ended.
    session.hold = None;
    wire.close().await;
}

impl Session {
    async fn talk<S>(&mut self, wire: &mut Wire<S>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let act = self.peer.faults().at_connect();
        let next = match wire.instead(act.as_ref(), words).await? {
            Some(next) => next,
            None => self.answer(act, ok("The demo is ready"), wire).await?,
        };
        if next == Next::End {
            return Ok(());
        }
        loop {
            let line = match wire.line().await? {
                None => return Ok(()),
                Some(Ok(line)) => line,
                Some(Err(why)) => return wire.send(&err(&why.0)).await,
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
            return self.answer(None, err("This is not UTF-8"), wire).await;
        };
        let (name, argument) = line.split_once(' ').unwrap_or((line, ""));
        let name = name.to_ascii_uppercase();
        self.peer.note(match name.as_str() {
            "AUTH" => format!("AUTH {}", argument.split(' ').next().unwrap_or_default()),
            "PASS" => "PASS".to_owned(),
            _ => line.to_owned(),
        });
        let may_follow = self.peer.has("PIPELINING") && self.hold.is_some();
        if !wire.input.is_empty() && !may_follow {
            wire.send(&err("Wait for the answer")).await?;
            return Ok(Next::End);
        }
        let act = self.peer.faults().at_command(&name);
        if let Some(next) = wire.instead(act.as_ref(), words).await? {
            return Ok(next);
        }
        let reply = match (name.as_str(), self.hold.is_some()) {
            ("CAPA", _) => self.capabilities(),
            ("AUTH", false) => self.authenticate(argument, wire).await?,
            ("QUIT", _) => self.quit(),
            (_, false) => self.introduce(&name, argument),
            (_, true) => self.perform(&name, argument).unwrap_or_else(err),
        };
        let next = self.answer(act, reply, wire).await?;
        Ok(if name == "QUIT" { Next::End } else { next })
    }

    fn capabilities(&self) -> Vec<u8> {
        let options = self.peer.options();
        if !options.has_capa {
            return err("There is no such command");
        }
        let mut lines = options.capabilities.clone();
        if let Some(delay) = options.login_delay {
            lines.push(format!("LOGIN-DELAY {}", delay.as_secs()));
        }
        listing(lines)
    }

    /// What can be said before the login.
    fn introduce(&mut self, name: &str, argument: &str) -> Vec<u8> {
        match (name, self.user.take()) {
            ("USER", _) if !argument.is_empty() => {
                self.user = Some(argument.to_owned());
                ok("And the password?")
            }
            ("PASS", Some(user)) => {
                let options = self.peer.options();
                let is_right = user == options.user && argument == options.password;
                self.admit(is_right)
            }
            ("STLS", _) if self.peer.has("STLS") => err("There is no certificate here"),
            _ => err("Log in first"),
        }
    }

    async fn authenticate<S>(&mut self, argument: &str, wire: &mut Wire<S>) -> io::Result<Vec<u8>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let options = self.peer.options().clone();
        let (mechanism, initial) = match argument.split_once(' ') {
            Some((mechanism, initial)) => (mechanism.to_ascii_uppercase(), Some(initial)),
            None => (argument.to_ascii_uppercase(), None),
        };
        let mut lines = options.capabilities.iter();
        let offered = lines.find_map(|line| line.strip_prefix("SASL "));
        if !offered.is_some_and(|all| all.split(' ').any(|name| name == mechanism)) {
            return Ok(err("This mechanism is not offered"));
        }
        let message = match initial {
            Some(initial) => initial.as_bytes().to_vec(),
            None => challenge(wire, "").await?,
        };
        let Ok(message) = BASE64.decode(message) else {
            return Ok(err("This is not base64"));
        };
        let message = String::from_utf8_lossy(&message);
        let is_right = sasl::is_right(&mechanism, &message, &options.user, &options.password);
        if !is_right && mechanism != "PLAIN" {
            // RFC 7628 §3.2.2: the error comes as a challenge, which the client must answer.
            challenge(wire, r#"{"status":"invalid_token"}"#).await?;
        }
        Ok(self.admit(is_right))
    }

    fn admit(&mut self, is_right: bool) -> Vec<u8> {
        let code = |keyword: &str, code: &str, text: &str| {
            let code = if self.peer.has(keyword) { code } else { "" };
            err(format!("{code} {text}").trim())
        };
        if !is_right {
            return code("AUTH-RESP-CODE", "[AUTH]", "Wrong name or password");
        }
        match self.peer.maildrop().hold(self.peer.options().login_delay) {
            Ok(hold) => {
                self.hold = Some(hold);
                ok("Logged in")
            }
            Err(Held::InUse) => code("RESP-CODES", "[IN-USE]", "The maildrop is locked"),
            Err(Held::TooSoon) => code("RESP-CODES", "[LOGIN-DELAY]", "Try again later"),
        }
    }

    /// The update state (RFC 1939 §6).
    fn quit(&mut self) -> Vec<u8> {
        if let Some(hold) = self.hold.take() {
            let marked = self.marked.iter();
            let mails = marked.filter_map(|number| hold.messages.get(number - 1));
            hold.delete(&mails.map(|mail| mail.id.as_str()).collect());
        }
        ok("Goodbye")
    }

    /// What can be said in the transaction state.
    fn perform(&mut self, name: &str, argument: &str) -> Result<Vec<u8>, &'static str> {
        let mut words = argument.split(' ').filter(|word| !word.is_empty());
        let (first, second) = (words.next(), words.next());
        match (name, first, second) {
            ("STAT", None, _) => {
                let sizes: Vec<u64> = self.present().map(|(_, mail)| self.size(mail)).collect();
                let all = sizes
                    .iter()
                    .fold(0, |sum: u64, size| sum.saturating_add(*size));
                Ok(ok(&format!("{} {all}", sizes.len())))
            }
            ("LIST", None, _) => {
                let lines = self.present();
                Ok(listing(lines.map(|(number, mail)| {
                    format!("{number} {}", self.size(mail))
                })))
            }
            ("LIST", Some(word), None) => {
                let (number, mail) = self.find(word)?;
                Ok(ok(&format!("{number} {}", self.size(mail))))
            }
            ("UIDL", None, _) if self.peer.has("UIDL") => {
                let ids = self
                    .present()
                    .map(|(number, _)| format!("{number} {}", self.id(number)));
                let mut ids: Vec<String> = ids.collect();
                if self.peer.options().uids == Uids::Reordered {
                    ids.reverse();
                }
                Ok(listing(ids))
            }
            ("UIDL", Some(word), None) if self.peer.has("UIDL") => {
                let (number, _) = self.find(word)?;
                Ok(ok(&format!("{number} {}", self.id(number))))
            }
            ("RETR", Some(word), None) => Ok(self.text(&self.find(word)?.1.raw)),
            ("TOP", Some(word), Some(lines)) if self.peer.has("TOP") => {
                let lines = lines.parse().map_err(|_| "How many lines?")?;
                let top = top(&self.find(word)?.1.raw, lines);
                Ok(match self.peer.options().is_top_true {
                    true => self.text(top),
                    false => self.text(&[b"X-Top: yes\r\n", top].concat()),
                })
            }
            ("DELE", Some(word), None) => {
                let (number, _) = self.find(word)?;
                self.marked.insert(number);
                Ok(ok("Marked"))
            }
            ("NOOP", None, _) => Ok(ok("Here")),
            ("RSET", None, _) => {
                self.marked.clear();
                Ok(ok("Nothing is marked"))
            }
            _ => Err("There is no such command"),
        }
    }

    /// The messages that are not marked, by number.
    fn present(&self) -> impl Iterator<Item = (usize, &Mail)> {
        let all = self.hold.iter().flat_map(|hold| &hold.messages);
        let numbered = all.enumerate().map(|(at, mail)| (at + 1, mail));
        numbered.filter(|(number, _)| !self.marked.contains(number))
    }

    fn find(&self, word: &str) -> Result<(usize, &Mail), &'static str> {
        let number: usize = word.parse().map_err(|_| "This is not a number")?;
        let mut present = self.present();
        present
            .find(|(there, _)| *there == number)
            .ok_or("There is no such message")
    }

    fn id(&self, number: usize) -> String {
        let uids = self.peer.options().uids;
        let place = match uids {
            Uids::Lasting | Uids::Reordered | Uids::Odd => number,
            Uids::Doubled => (number - 1) / 2 * 2 + 1,
            Uids::Reused => return format!("place.{number}"),
        };
        let mut messages = self.hold.iter().flat_map(|hold| &hold.messages);
        let id = messages.nth(place - 1).map(|mail| mail.id.clone());
        let id = id.unwrap_or_default();
        match (uids, number % 3) {
            (Uids::Odd, 1) => format!("{id} \u{e4}\u{4fe1}"),
            (Uids::Odd, 2) => format!("{id:x<200}"),
            (Uids::Odd, _) => format!("{id}\x1b[2J"),
            _ => id,
        }
    }

    fn size(&self, mail: &Mail) -> u64 {
        let whole = u64::try_from(mail.raw.len()).unwrap_or(u64::MAX);
        match self.peer.options().sizes {
            Sizes::True => whole,
            Sizes::Fixed(size) => size,
            Sizes::LineFeeds => {
                let ends = memchr::memmem::find_iter(&mail.raw, b"\r\n").count();
                whole - u64::try_from(ends).unwrap_or(0)
            }
        }
    }

    /// A text with its dots marked and its end.
    fn text(&self, raw: &[u8]) -> Vec<u8> {
        let mut out = ok("Here it is");
        out.reserve(raw.len() + raw.len() / 64);
        let mut rest = raw;
        while !rest.is_empty() {
            if rest.first() == Some(&b'.') && self.peer.options().is_stuffing {
                out.push(b'.');
            }
            let end = memchr::memmem::find(rest, b"\r\n").map_or(rest.len(), |at| at + 2);
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, b""));
            out.extend_from_slice(line);
            rest = behind;
        }
        if !raw.is_empty() && !raw.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
        out
    }

    /// Sends the answer to what was done, unless a fault keeps it.
    async fn answer<S>(
        &mut self,
        act: Option<Act>,
        reply: Vec<u8>,
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
        wire.send(&reply).await?;
        Ok(Next::Go)
    }
}

/// The header, the blank line, and so many lines of what follows (RFC 1939 §7).
fn top(raw: &[u8], lines: usize) -> &[u8] {
    let Some(head) = memchr::memmem::find(raw, b"\r\n\r\n") else {
        return raw;
    };
    let body = head + 4;
    let ends = memchr::memchr_iter(b'\n', raw.get(body..).unwrap_or_default());
    let end = match lines {
        0 => body,
        count => ends
            .map(|at| body + at + 1)
            .nth(count - 1)
            .unwrap_or(raw.len()),
    };
    raw.get(..end).unwrap_or(raw)
}

/// What a fault has the server say.
fn words(act: &Act) -> Vec<u8> {
    match act {
        Act::Bad(line) => format!("{line}\r\n").into_bytes(),
        Act::No(text) | Act::Bye(text) => err(text),
        _ => Vec::new(),
    }
}

/// Asks for more; the line that comes.
async fn challenge<S>(wire: &mut Wire<S>, what: &str) -> io::Result<Vec<u8>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    wire.send(format!("+ {}\r\n", BASE64.encode(what)).as_bytes())
        .await?;
    match wire.line().await? {
        Some(Ok(line)) => Ok(line),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn ok(text: &str) -> Vec<u8> {
    format!("+OK {text}\r\n").into_bytes()
}

fn err(text: &str) -> Vec<u8> {
    format!("-ERR {text}\r\n").into_bytes()
}

fn listing(lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut out = ok("A list follows");
    for line in lines {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
