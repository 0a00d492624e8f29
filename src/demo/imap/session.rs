//! One IMAP session: reads commands one after the other, does them, answers.
//!
//! Run by [`Peer::run`](super::Peer::run). A command must never be done in a state that RFC 9051
//! does not allow it in, and nothing untagged may come at a moment when it must not.

use super::fetch::Fetching;
use super::parser::{Cursor, Incoming, Unasked};
use super::select::Selected;
use super::{Peer, Seat, fetch, flags, limits, list, search, select, transfer};
use crate::demo::decode::BASE64;
use crate::demo::faults::Act;
use crate::demo::sasl;
use crate::demo::wire::{Bad, Next, Wire};
use base64::Engine;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// Why a command is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// It could have been.
    No(String),
    /// It is not a command, or not one for this state.
    Bad(String),
}

impl From<Bad> for Refused {
    fn from(why: Bad) -> Self {
        Self::Bad(why.0)
    }
}

/// What follows OK in the tagged answer, or the refusal.
pub(super) type Answer = Result<String, Refused>;

/// Shorthand for a NO.
pub(super) fn no<T>(text: &str) -> Result<T, Refused> {
    Err(Refused::No(text.into()))
}

/// Shorthand for a BAD.
pub(super) fn bad<T>(text: &str) -> Result<T, Refused> {
    Err(Refused::Bad(text.into()))
}

/// What a session knows.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) peer: Peer,
    pub(super) selected: Option<Selected>,
    pub(super) is_condstore: bool,
    pub(super) is_qresync: bool,
    /// What is to be sent next.
    pub(super) out: Vec<u8>,
    is_authenticated: bool,
    number: u32,
}

/// Runs one session until the client leaves, errs badly, or a fault ends it.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin + Send>(peer: Peer, stream: S) {
    let seat = Seat::take(peer.clone());
    let mut wire = Wire::new(stream);
    let mut session = Session {
        peer,
        selected: None,
        is_condstore: false,
        is_qresync: false,
        out: Vec::new(),
        is_authenticated: false,
        number: seat.number,
    };
    // An error here is the client leaving or a fault cutting: either way the session is over.
    drop(session.talk(&mut wire, seat.is_within_limit).await);
    wire.close().await;
}

impl Session {
    async fn talk<S>(&mut self, wire: &mut Wire<S>, is_within_limit: bool) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if !is_within_limit {
            return wire.send(b"* BYE [LIMIT] Too many connections\r\n").await;
        }
        match self.peer.faults().at_connect() {
            Some(Act::Bye(text)) => return wire.send(format!("* BYE {text}\r\n").as_bytes()).await,
            Some(Act::DropBefore | Act::DropAfter) => return Ok(()),
            Some(Act::Stall) => return wire.drain().await,
            Some(Act::CutAfter(bytes)) => wire.cut = Some(bytes),
            Some(Act::Say(text)) => wire.send(text.as_bytes()).await?,
            Some(Act::Hold) => self.peer.faults().wait_for_release().await,
            Some(Act::No(_) | Act::Bad(_)) | None => {}
        }
        let greeting = format!("* OK [CAPABILITY {}] Hello\r\n", self.capabilities());
        wire.send(greeting.as_bytes()).await?;
        loop {
            match wire.command(self.unasked()).await? {
                Incoming::Command(bytes) => {
                    if let Next::End = self.command(&bytes, wire).await? {
                        return Ok(());
                    }
                }
                Incoming::Broken(why) => {
                    let text = format!("* BAD {}\r\n* BYE Cannot go on\r\n", why.0);
                    return wire.send(text.as_bytes()).await;
                }
                Incoming::End => return Ok(()),
            }
        }
    }

    fn unasked(&self) -> Unasked {
        match (self.peer.has("LITERAL+"), self.peer.has("LITERAL-")) {
            (true, _) => Unasked::Any,
            (false, true) => Unasked::Small,
            (false, false) => Unasked::Never,
        }
    }

    /// What is announced in this state, in order.
    fn capabilities(&self) -> String {
        let before = |c: &str| {
            let early = "IMAP4REV1 SASL-IR LITERAL+ LITERAL- ID ENABLE IDLE LOGINDISABLED";
            c.starts_with("AUTH=") || early.split(' ').any(|e| e.eq_ignore_ascii_case(c))
        };
        let after = |c: &str| !c.starts_with("AUTH=") && c != "SASL-IR";
        let all = self.peer.options().capabilities.iter().map(String::as_str);
        let shown: Vec<&str> = all
            .filter(|c| {
                if self.is_authenticated {
                    after(c)
                } else {
                    before(c)
                }
            })
            .collect();
        shown.join(" ")
    }

    async fn command<S>(&mut self, bytes: &[u8], wire: &mut Wire<S>) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let mut cursor = Cursor::new(bytes);
        let head = command_head(&mut cursor);
        let (tag, name) = match head {
            Ok(head) => head,
            Err(why) => {
                wire.send(format!("* BAD {}\r\n", why.0).as_bytes()).await?;
                return Ok(Next::Go);
            }
        };
        self.peer.note(self.number, loggable(&name, &cursor));
        let act = self.peer.faults().at_command(&name);
        match &act {
            Some(Act::No(text)) => return self.finish(wire, &tag, "NO", text).await,
            Some(Act::Bad(text)) => return self.finish(wire, &tag, "BAD", text).await,
            Some(Act::Bye(text)) => {
                wire.send(format!("* BYE {text}\r\n").as_bytes()).await?;
                return Ok(Next::End);
            }
            Some(Act::DropBefore) => return Ok(Next::End),
            Some(Act::Stall) => {
                wire.drain().await?;
                return Ok(Next::End);
            }
            Some(Act::CutAfter(bytes)) => wire.cut = Some(*bytes),
            Some(Act::Say(text)) => self.say(text),
            Some(Act::DropAfter | Act::Hold) | None => {}
        }
        let is_silent = act == Some(Act::DropAfter);
        let answer = self.perform(&name, cursor, &tag, wire, is_silent).await?;
        if is_silent {
            return Ok(Next::End);
        }
        if act == Some(Act::Hold) {
            self.peer.faults().wait_for_release().await;
        }
        self.answer(wire, &tag, &name, answer).await
    }

    async fn answer<S>(
        &mut self,
        wire: &mut Wire<S>,
        tag: &str,
        name: &str,
        answer: Answer,
    ) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        // While these answer, sequence numbers must stay as they are (RFC 9051 §7.5.1).
        let may_expunge = !matches!(name, "FETCH" | "STORE" | "SEARCH");
        if name != "LOGOUT" && self.tell_changes(may_expunge).is_err() {
            self.say("* BYE The selected folder is gone\r\n");
            wire.send(&std::mem::take(&mut self.out)).await?;
            return Ok(Next::End);
        }
        let (status, text) = match answer {
            Ok(text) => ("OK", text),
            Err(Refused::No(text)) => ("NO", text),
            Err(Refused::Bad(text)) => ("BAD", text),
        };
        self.finish(wire, tag, status, &text).await?;
        Ok(if name == "LOGOUT" {
            Next::End
        } else {
            Next::Go
        })
    }

    async fn finish<S>(
        &mut self,
        wire: &mut Wire<S>,
        tag: &str,
        status: &str,
        text: &str,
    ) -> io::Result<Next>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        self.say(&format!("{tag} {status} {text}\r\n"));
        wire.send(&std::mem::take(&mut self.out)).await?;
        Ok(Next::Go)
    }

    /// Adds text to what is to be sent.
    pub(super) fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Whether the state allows the command (RFC 9051 §6).
    fn check_state(&self, name: &str) -> Result<(), Refused> {
        match name {
            "CAPABILITY" | "NOOP" | "LOGOUT" | "ID" => Ok(()),
            "LOGIN" | "AUTHENTICATE" if self.is_authenticated => bad("You are logged in"),
            "LOGIN" | "AUTHENTICATE" => Ok(()),
            _ if !self.is_authenticated => bad("Log in first"),
            "CHECK" | "CLOSE" | "UNSELECT" | "EXPUNGE" | "SEARCH" | "FETCH" | "STORE" | "COPY"
            | "MOVE" | "UID EXPUNGE" | "UID SEARCH" | "UID FETCH" | "UID STORE" | "UID COPY"
            | "UID MOVE"
                if self.selected.is_none() =>
            {
                bad("Select a folder first")
            }
            _ => Ok(()),
        }
    }

    async fn perform<S>(
        &mut self,
        name: &str,
        mut cursor: Cursor<'_>,
        tag: &str,
        wire: &mut Wire<S>,
        is_silent: bool,
    ) -> io::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if let Err(refused) = self.check_state(name) {
            return Ok(Err(refused));
        }
        match name {
            "FETCH" | "UID FETCH" => {
                let started = fetch::start(self, &mut cursor, name == "UID FETCH");
                return match started {
                    Ok(fetching) => self.fetch_all(fetching, wire, is_silent).await,
                    Err(refused) => Ok(Err(refused)),
                };
            }
            "AUTHENTICATE" => return self.authenticate(cursor, wire).await,
            "IDLE" => return self.idle(&cursor, wire).await,
            _ => {}
        }
        Ok(match name {
            "LOGIN" => self.login(&mut cursor),
            "SEARCH" | "UID SEARCH" => search::search(self, &mut cursor, name == "UID SEARCH", tag),
            _ => self.perform_plain(name, &mut cursor),
        })
    }

    fn perform_plain(&mut self, name: &str, cursor: &mut Cursor<'_>) -> Answer {
        match name {
            "CAPABILITY" => {
                cursor.end()?;
                let text = format!("* CAPABILITY {}\r\n", self.capabilities());
                self.say(&text);
                Ok("Done".into())
            }
            "NOOP" | "CHECK" => {
                cursor.end()?;
                Ok("Done".into())
            }
            "LOGOUT" => {
                cursor.end()?;
                self.say("* BYE Goodbye\r\n");
                Ok("Done".into())
            }
            "ID" => self.id(cursor),
            "ENABLE" => self.enable(cursor),
            "NAMESPACE" => list::namespace(self, cursor),
            "LIST" => list::list(self, cursor),
            "LSUB" => list::lsub(self, cursor),
            "STATUS" => list::status(self, cursor),
            "CREATE" | "DELETE" | "RENAME" | "SUBSCRIBE" | "UNSUBSCRIBE" => {
                list::change(self, name, cursor)
            }
            "SELECT" | "EXAMINE" => select::select(self, cursor, name == "EXAMINE"),
            "CLOSE" | "UNSELECT" => select::leave(self, cursor, name == "CLOSE"),
            "STORE" | "UID STORE" => flags::store(self, cursor, name == "UID STORE"),
            "COPY" | "UID COPY" => transfer::transfer(self, cursor, name == "UID COPY", false),
            "MOVE" | "UID MOVE" => transfer::transfer(self, cursor, name == "UID MOVE", true),
            "EXPUNGE" | "UID EXPUNGE" => transfer::expunge(self, cursor, name == "UID EXPUNGE"),
            "APPEND" => transfer::append(self, cursor),
            "MYRIGHTS" => limits::my_rights(self, cursor),
            "GETQUOTAROOT" => limits::quota_root(self, cursor),
            _ => bad("There is no such command"),
        }
    }

    async fn fetch_all<S>(
        &mut self,
        mut fetching: Fetching,
        wire: &mut Wire<S>,
        is_silent: bool,
    ) -> io::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        while fetching.step(self) {
            if is_silent {
                self.out.clear();
            }
            wire.send(&std::mem::take(&mut self.out)).await?;
        }
        Ok(fetching.answer())
    }

    fn login(&mut self, cursor: &mut Cursor<'_>) -> Answer {
        cursor.space()?;
        let user = cursor.text()?;
        cursor.space()?;
        let password = cursor.text()?;
        cursor.end()?;
        if self.peer.has("LOGINDISABLED") {
            return no("[PRIVACYREQUIRED] LOGIN is not offered here");
        }
        self.admit(user == self.peer.options().user && password == self.peer.options().password)
    }

    fn admit(&mut self, is_right: bool) -> Answer {
        if !is_right {
            return no("[AUTHENTICATIONFAILED] User name or password is wrong");
        }
        self.is_authenticated = true;
        Ok(format!("[CAPABILITY {}] Logged in", self.capabilities()))
    }

    async fn authenticate<S>(
        &mut self,
        mut cursor: Cursor<'_>,
        wire: &mut Wire<S>,
    ) -> io::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let parsed = (|| {
            cursor.space()?;
            let mechanism = cursor.word()?;
            let initial = cursor.eat(b' ').then(|| cursor.take_rest().to_vec());
            cursor.end()?;
            Ok::<_, Bad>((mechanism, initial))
        })();
        let (mechanism, initial) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => return Ok(Err(why.into())),
        };
        if !self.peer.has(&format!("AUTH={mechanism}")) {
            return Ok(no("[CANNOT] This mechanism is not offered"));
        }
        if initial.is_some() && !self.peer.has("SASL-IR") {
            return Ok(bad("An initial response is not allowed here"));
        }
        let response = match initial {
            Some(initial) if initial == b"=" => Vec::new(),
            Some(initial) => initial,
            None => {
                wire.send(b"+ \r\n").await?;
                match wire.line().await? {
                    Some(Ok(line)) => line,
                    Some(Err(why)) => return Ok(Err(why.into())),
                    None => return Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        };
        if response == b"*" {
            return Ok(bad("Cancelled"));
        }
        let Ok(message) = BASE64.decode(&response) else {
            return Ok(bad("The response is not base64"));
        };
        let is_right = {
            let (user, password) = (&self.peer.options().user, &self.peer.options().password);
            sasl::is_right(
                &mechanism,
                &String::from_utf8_lossy(&message),
                user,
                password,
            )
        };
        if !is_right && mechanism != "PLAIN" {
            // RFC 7628 §3.2.2: the error comes as a challenge, which the client must answer.
            let error = BASE64.encode(r#"{"status":"invalid_token"}"#);
            wire.send(format!("+ {error}\r\n").as_bytes()).await?;
            drop(wire.line().await?);
        }
        Ok(self.admit(is_right))
    }

    fn id(&mut self, cursor: &mut Cursor<'_>) -> Answer {
        if !self.peer.has("ID") {
            return bad("There is no such command");
        }
        cursor.space()?;
        if cursor.peek() == Some(b'(') {
            let nil_or_string = |c: &mut Cursor<'_>| match c.peek() {
                Some(b'"' | b'{') => c.string().map(drop),
                _ => c.word().map(drop),
            };
            let count = cursor.list_or_none(nil_or_string)?.len();
            if count % 2 != 0 {
                return bad("ID takes pairs");
            }
        } else if cursor.word()? != "NIL" {
            return bad("ID takes a list or NIL");
        }
        cursor.end()?;
        self.say("* ID (\"name\" \"Pillarbox demo\")\r\n");
        Ok("Done".into())
    }

    fn enable(&mut self, cursor: &mut Cursor<'_>) -> Answer {
        if !self.peer.has("ENABLE") {
            return bad("There is no such command");
        }
        if self.selected.is_some() {
            // RFC 5161 §3.1: only before any mailbox is selected.
            return bad("ENABLE comes before a folder is selected");
        }
        let mut enabled = String::new();
        while cursor.eat(b' ') {
            let name = cursor.word()?;
            let is_known = matches!(name.as_str(), "CONDSTORE" | "QRESYNC");
            if is_known && self.peer.has(&name) {
                self.is_condstore = true;
                self.is_qresync |= name == "QRESYNC";
                enabled.push(' ');
                enabled.push_str(&name);
            }
        }
        cursor.end()?;
        self.say(&format!("* ENABLED{enabled}\r\n"));
        Ok("Done".into())
    }

    async fn idle<S>(&mut self, cursor: &Cursor<'_>, wire: &mut Wire<S>) -> io::Result<Answer>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if !self.peer.has("IDLE") {
            return Ok(bad("There is no such command"));
        }
        if let Err(why) = cursor.end() {
            return Ok(Err(why.into()));
        }
        let mut changed = self.peer.store().watch();
        self.say("+ idling\r\n");
        loop {
            changed.mark_unchanged();
            if self.tell_changes(true).is_err() {
                self.say("* BYE The selected folder is gone\r\n");
                wire.send(&std::mem::take(&mut self.out)).await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if !self.out.is_empty() {
                wire.send(&std::mem::take(&mut self.out)).await?;
            }
            tokio::select! {
                line = wire.line() => return match line? {
                    Some(Ok(line)) if line.eq_ignore_ascii_case(b"DONE") => Ok(Ok("Done".into())),
                    Some(Ok(_)) => Ok(bad("IDLE is ended by DONE")),
                    Some(Err(why)) => Ok(Err(why.into())),
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                },
                still = changed.changed() => if still.is_err() {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                },
            }
        }
    }
}

/// The tag and the name of a command, `UID` joined to what follows it.
fn command_head(cursor: &mut Cursor<'_>) -> Result<(String, String), Bad> {
    let tag = cursor.tag()?;
    cursor.space()?;
    let mut name = cursor.word()?;
    if name == "UID" {
        cursor.space()?;
        name = format!("UID {}", cursor.word()?);
    }
    Ok((tag, name))
}

/// The command for the log: no secrets, and of literals only their size.
fn loggable(name: &str, cursor: &Cursor<'_>) -> String {
    if matches!(name, "LOGIN" | "AUTHENTICATE") {
        return format!("{name} …");
    }
    let rest = cursor.clone().take_rest();
    let first_line = rest.split(|b| *b == b'\r').next().unwrap_or_default();
    format!("{name}{}", String::from_utf8_lossy(first_line))
}
