//! One authenticated session: commands out, whole responses in, each completion to its command.
//!
//! The only code that reads or writes an IMAP connection; every verb goes through it. A completion
//! must never be taken for another command's, and a connection that ended is never a success.

use super::command::Command;
use super::gate::{Frame, Gate, Limits, MESSAGE_MAX};
use super::response::{Condition, Response, Said, parse, parse_continue, parse_tagged};
use super::state::State;
use super::types::Notice;
use super::{Capabilities, response::Code};
use crate::net::Options;
use crate::net::error::{Class, Error, Result, quoted};
use crate::net::stream::{Counters, Wire};
use async_imap::imap_proto;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a server may ask for more in one exchange.
pub(super) const GO_AHEADS_MAX: u32 = 3;
/// A call that moves little data is given up after so many silences' time, even if a byte drips in
/// now and then.
const SMALL_FACTOR: u32 = 3;
/// A call that moves much has so long, and a second more for each KiB that comes.
const BULK_TIME: Duration = Duration::from_secs(30 * 60);
/// Bytes that one command may bring, whatever it asks for.
const ANSWER_MAX: usize = 2 * MESSAGE_MAX;

/// The name of a command under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "P{}", self.0)
    }
}

/// Whether a call moves little or much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// A total time limit besides the limit on silence.
    Small,
    /// As long as data keeps coming.
    Bulk,
}

/// What comes from the server.
#[derive(Debug)]
pub(super) enum Event {
    /// A response of its own.
    Untagged(Bytes),
    /// The end of a command.
    Done(Tag, Said),
    /// It waits for more; with what it said.
    GoAhead(Bytes),
}

/// An IDLE that is under way, perhaps left behind by a call that was abandoned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idling {
    pub(super) tag: Tag,
    /// Whether the server has agreed.
    pub(super) is_on: bool,
    /// When it has to be renewed.
    pub(super) renew_at: Instant,
}

/// One authenticated session: the only reader and writer of its connection. Not cancel-safe unless
/// a method says so: drop the session where a call was abandoned.
#[derive(Debug)]
pub struct Session {
    client: async_imap::Client<Gate>,
    pub(super) state: State,
    pub(super) options: Options,
    pub(super) idling: Option<Idling>,
    counters: Arc<Counters>,
    pub(super) next_tag: u32,
    /// Sent and not completed.
    pub(super) open: Vec<Tag>,
    /// Completed before somebody asked.
    early: Vec<(Tag, Said)>,
    /// Those whose outcome is in untagged responses alone.
    pub(super) unattended: Vec<Tag>,
    /// An IDLE that was told to end, until it has: all before its end belongs to no other command.
    pub(super) ending: Option<Tag>,
    /// The ENABLE that is under way.
    pub(super) enabling: Option<Tag>,
    pub(super) is_prefaced: bool,
    is_compressed: bool,
    is_dead: bool,
    time: Option<Time>,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
struct Time {
    end: Instant,
    /// Bytes received before it began, where more bytes earn more time.
    earning_from: Option<u64>,
}

impl Time {
    fn deadline(self, received: u64) -> Instant {
        let earned = self
            .earning_from
            .map_or(0, |from| received.saturating_sub(from) / 1024);
        self.end + Duration::from_secs(earned)
    }
}

impl Session {
    /// A session over a stream that is as safe as it gets; nothing was said yet.
    pub(super) fn new(wire: Box<dyn Wire>, options: &Options, counters: Arc<Counters>) -> Self {
        Self {
            client: async_imap::Client::new(Gate::new(wire)),
            state: State::default(),
            options: options.clone(),
            idling: None,
            counters,
            next_tag: 1,
            open: Vec::new(),
            early: Vec::new(),
            unattended: Vec::new(),
            ending: None,
            enabling: None,
            is_prefaced: false,
            is_compressed: false,
            is_dead: false,
            time: None,
        }
    }

    /// What the server can do.
    #[must_use]
    pub const fn capabilities(&self) -> &Capabilities {
        &self.state.capabilities
    }

    /// Whether a mailbox is selected. Deleting or renaming it, or one above it, leaves none.
    #[must_use]
    pub const fn has_selected(&self) -> bool {
        self.state.mailbox.is_some()
    }

    /// What was said outside of what was asked since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        self.state.take_notices()
    }

    /// Whether the connection is compressed.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.is_compressed
    }

    /// Bytes that went over the connection.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many responses were not understood and passed over.
    #[must_use]
    pub const fn unknown_responses(&self) -> u64 {
        self.state.unknown
    }

    /// Begins a call: ends an IDLE in the flight of what follows, sets the limits.
    pub(super) async fn begin(&mut self, pace: Pace) -> Result<()> {
        if self.is_dead {
            return Err(Error::transient("The connection is closed."));
        }
        self.wait(pace);
        if let Some(idling) = self.idling {
            self.end_idle(idling).await?;
        }
        let is_quiet = self.open.iter().all(|tag| self.unattended.contains(tag));
        if !is_quiet {
            // Somebody stopped listening in the middle: whose answer comes next cannot be told.
            self.is_dead = true;
            return Err(Error::transient(
                "An earlier request on this connection was given up halfway.",
            ));
        }
        self.wait(pace);
        self.limit(Limits::default());
        self.preface();
        Ok(())
    }

    fn wait(&mut self, pace: Pace) {
        let silence = self.options.silence_timeout;
        let now = Instant::now();
        self.time = Some(match pace {
            Pace::Small => Time {
                end: now + silence * SMALL_FACTOR,
                earning_from: None,
            },
            Pace::Bulk => Time {
                end: now + BULK_TIME,
                earning_from: Some(self.gate().received()),
            },
        });
        self.gate().listen(Some(silence));
    }

    /// Starts the wait for the next word of the server anew.
    pub(super) fn hear_anew(&mut self) {
        let silence = self.options.silence_timeout;
        self.gate().listen(Some(silence));
    }

    /// Gives a call the time that so many bytes need on their way to the server.
    pub(super) fn allow_for(&mut self, bytes: usize) {
        let size = u64::try_from(bytes).unwrap_or(u64::MAX);
        if let Some(time) = &mut self.time {
            time.end += Duration::from_secs(size / 1024);
        }
    }

    /// Lets the server be silent for so much longer than usual until the next call.
    pub(super) fn hear_later(&mut self, longer: Duration) {
        let silence = self.options.silence_timeout + longer;
        self.gate().listen(Some(silence));
    }

    /// Sets the latest moment for what follows.
    pub(super) fn until(&mut self, end: Instant) {
        self.gate().listen(None);
        self.time = Some(Time {
            end,
            earning_from: None,
        });
    }

    /// Waits without a limit on silence: for IDLE.
    pub(super) fn wait_forever(&mut self) {
        self.time = None;
        self.gate().listen(None);
    }

    /// Waits with the usual limit again.
    pub(super) fn wait_briefly(&mut self) {
        self.wait(Pace::Small);
    }

    /// What one response may bring in this call.
    pub(super) fn limit(&mut self, limits: Limits) {
        self.gate().limit(limits);
    }

    /// The gate under async-imap.
    pub(super) fn gate(&mut self) -> &mut Gate {
        self.client.get_mut()
    }

    /// Puts off ID and ENABLE until the session is open.
    pub(super) const fn hold_preface(&mut self, is_held: bool) {
        self.is_prefaced = is_held;
    }

    /// Whether SELECT may use QRESYNC: enabled, or being enabled ahead of it in this flight.
    pub(super) fn may_qresync(&self) -> bool {
        let capabilities = &self.state.capabilities;
        let is_coming = self.enabling.is_some() && capabilities.has("QRESYNC");
        capabilities.can_qresync() || is_coming
    }

    /// Keeps a completion for the one who will ask for it.
    pub(super) fn completed(&mut self, tag: Tag, said: Said) {
        self.state.said(&said);
        self.ending = self.ending.filter(|t| *t != tag);
        self.enabling = self.enabling.filter(|t| *t != tag);
        if let Some(at) = self.unattended.iter().position(|t| *t == tag) {
            self.unattended.swap_remove(at);
        } else {
            self.early.push((tag, said));
        }
    }

    /// Whether a command was completed that nobody asked for yet: the server answers out of order.
    pub(super) const fn is_out_of_order(&self) -> bool {
        !self.early.is_empty()
    }

    /// Reads to the end of a command. `take` sees each response first; what it gives back, or
    /// nobody wanted, changes the state.
    pub(super) async fn finish(
        &mut self,
        tag: Tag,
        mut take: impl FnMut(Response) -> Option<Response> + Send,
    ) -> Result<Said> {
        let mut go_aheads = 0;
        let mut bytes = 0;
        loop {
            if let Some(at) = self.early.iter().position(|(t, _)| *t == tag) {
                return Ok(self.early.swap_remove(at).1);
            }
            match self.event().await? {
                Event::Untagged(frame) => {
                    bytes += frame.len();
                    if bytes > ANSWER_MAX {
                        return Err(self.fail(Error::protocol(format!(
                            "The server sent more than {ANSWER_MAX} bytes for one request."
                        ))));
                    }
                    let is_of_idle = self.ending.is_some_and(|t| t != tag);
                    let response = parse(&frame);
                    let left = if is_of_idle {
                        Some(response)
                    } else {
                        take(response)
                    };
                    if let Some(response) = left {
                        self.state.apply(response);
                    }
                }
                Event::Done(done, said) => self.completed(done, said),
                Event::GoAhead(_) => {
                    go_aheads += 1;
                    if go_aheads > GO_AHEADS_MAX {
                        return Err(self.fail(Error::protocol(
                            "The server keeps asking for more although there is nothing to send.",
                        )));
                    }
                }
            }
        }
    }

    /// The next thing that comes. Safe to abandon: nothing is lost.
    pub(super) async fn event(&mut self) -> Result<Event> {
        loop {
            let waiting = self.gate().take(|f| matches!(f, Frame::Untagged(_)));
            if let Some(Frame::Untagged(frame)) = waiting {
                return Ok(Event::Untagged(frame));
            }
            match self.read().await {
                Ok(Some(event)) => return Ok(event),
                Ok(None) => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    /// One step of async-imap; `None`: it was the mark for untagged responses in the gate.
    async fn read(&mut self) -> Result<Option<Event>> {
        let time = self.time;
        let received = self.gate().received();
        let reading = self.client.read_response();
        let response = match time {
            None => reading.await,
            Some(time) => {
                let deadline = time.deadline(received);
                match tokio::time::timeout_at(deadline, reading).await {
                    Ok(response) => response,
                    // A long literal that is still coming in has earned more time meanwhile.
                    Err(_) if time.deadline(self.gate().received()) > deadline => return Ok(None),
                    Err(_) => {
                        return Err(Error::transient("The server took too long to answer."));
                    }
                }
            }
        };
        let response = response
            .map_err(Error::from_io)?
            .ok_or_else(|| Error::transient("The server closed the connection."))?;
        let frame = match response.parsed() {
            imap_proto::Response::Done { .. } => {
                self.gate().take(|f| matches!(f, Frame::Tagged(_)))
            }
            imap_proto::Response::Continue(_) => {
                self.gate().take(|f| matches!(f, Frame::Continue(_)))
            }
            _ => return Ok(None),
        };
        match frame {
            Some(Frame::Tagged(frame)) => self.done(&frame).map(Some),
            Some(Frame::Continue(frame)) => {
                let text = parse_continue(&frame);
                Ok(Some(Event::GoAhead(frame.slice_ref(text))))
            }
            _ => Err(Error::protocol("The server's answers are out of step.")),
        }
    }

    fn done(&mut self, frame: &Bytes) -> Result<Event> {
        let found = parse_tagged(frame).and_then(|(tag, said)| {
            let at = self.open.iter().position(|t| t.to_string() == tag)?;
            Some((self.open.remove(at), said))
        });
        let Some((tag, said)) = found else {
            return Err(Error::protocol(
                "The server answered a command that was never sent; the connection was dropped.",
            ));
        };
        if self.ending.is_some_and(|idle| idle.0 < tag.0) {
            // What came of it cannot be told from what IDLE had to say.
            return Err(Error::protocol(
                "The server answered a command before it had ended IDLE.",
            ));
        }
        tracing::debug!(target: "pillarbox::imap", %tag, condition = ?said.condition, "done");
        Ok(Event::Done(tag, said))
    }

    /// Ends the session for good, and says why as well as can be.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        self.is_dead = true;
        match &self.state.farewell {
            Some(text) if error.class == Class::Transient => {
                Error::transient(format!("The server hung up: {}", quoted(text)))
            }
            _ => error,
        }
    }

    /// Sends one command and reads to its end.
    pub(super) async fn exec(
        &mut self,
        command: &Command,
        take: impl FnMut(Response) -> Option<Response> + Send,
    ) -> Result<Said> {
        let tag = self.send(command).await?;
        self.finish(tag, take).await
    }

    /// Notes that the connection is compressed from here on.
    pub(super) fn compress(&mut self) {
        self.gate().deflate();
        self.is_compressed = true;
    }

    /// Asks whether there is anything to say (NOOP).
    pub async fn noop(&mut self) -> Result<()> {
        self.begin(Pace::Small).await?;
        let said = self.exec(&Command::new("NOOP"), Some).await?;
        accept(said, "answer NOOP").map(drop)
    }

    /// Says goodbye, waiting at most two seconds.
    pub async fn logout(mut self) {
        let farewell = async {
            self.begin(Pace::Small).await?;
            self.exec(&Command::new("LOGOUT"), Some).await
        };
        // The answer changes nothing: the connection is closed either way.
        drop(tokio::time::timeout(Duration::from_secs(2), farewell).await);
    }
}

/// What a code says about trying again (RFC 5530).
pub(super) fn class_of(code: Option<&Code>) -> Class {
    match code.map_or("", |c| c.name.as_str()) {
        "UNAVAILABLE" | "INUSE" | "SERVERBUG" | "LIMIT" => Class::Transient,
        "AUTHENTICATIONFAILED"
        | "AUTHORIZATIONFAILED"
        | "EXPIRED"
        | "PRIVACYREQUIRED"
        | "CONTACTADMIN" => Class::Auth,
        _ => Class::Rejected,
    }
}

/// An OK as it is, a NO or BAD as an error.
pub(super) fn accept(said: Said, doing: &str) -> Result<Said> {
    match said.condition {
        Condition::Ok => Ok(said),
        _ => Err(refusal(said, doing)),
    }
}

/// What a NO or BAD means: "The server refused to {doing}: …".
pub(super) fn refusal(said: Said, doing: &str) -> Error {
    let text = quoted(&said.text);
    let class = class_of(said.code.as_ref());
    let code = said.code.map(|c| c.name);
    if said.condition == Condition::Bad {
        let summary = format!("The server did not understand the request to {doing}: {text}");
        return Error::protocol(summary).code(code);
    }
    Error::new(class, format!("The server refused to {doing}: {text}")).code(code)
}
