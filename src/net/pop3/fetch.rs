//! RETR and TOP (RFC 1939 §5, §7): messages, many of them in one flight where the server can.
//!
//! Called by `engine`. A message must never be handed out before its end has come and what followed it
//! was seen to be the server's next answer: where a server forgets to mark a line that is a dot, the
//! message seems to end there, and its rest comes where an answer should. Its author may have made it
//! look like answers, so that later ones are taken for those of other questions: that shows at the
//! latest where the same question gets another answer than before.

use super::Session;
use super::listing::Scan;
use super::reply::Reply;
use super::unstuff::Unstuffer;
use crate::net::error::{Class, Error, Result};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many commands are on their way at most,
const FLIGHT_MAX: usize = 200;
/// and how many bytes are expected for them. One message is always asked for.
const FLIGHT_BYTES: u64 = 8 * 1024 * 1024;
/// How many bytes are set aside by a server's word alone.
const TRUST_MAX: u64 = 1024 * 1024;
/// How much a message may be larger than announced in any case.
const SLACK: u64 = 1024 * 1024;
/// How large the head of a message is as a rule,
const HEAD: u64 = 4096;
/// and may be.
const HEAD_MAX: u64 = 4 * 1024 * 1024;
/// How long the receiver may take for what it was given: servers end a session that was quiet for ten
/// minutes (RFC 1939 §3).
const SINK_PATIENCE: Duration = Duration::from_secs(9 * 60);

/// A message, or why it is none.
#[derive(Debug)]
pub struct Retrieved {
    /// Its number in this session.
    pub number: u32,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of fetching one message.
#[derive(Debug)]
pub enum Outcome {
    /// All its bytes: lines end as the server sent them, the doubled dots are single again, the line end
    /// before the final dot is kept. After TOP it ends with the lines that were asked for.
    Whole(Vec<u8>),
    /// The same from a server that does not mark lines that begin with a dot, as this one shows: more
    /// than its end may be missing.
    Doubtful(Vec<u8>),
    /// The server refused this one. The others are not concerned.
    Refused(Error),
    /// It is larger than is taken, or than the server said it was. With so many bytes, of which none are
    /// given.
    TooLarge {
        /// Its size as announced, or as far as it was read.
        size: u64,
    },
}

/// One thing to do in its turn.
enum Turn {
    /// A message that was asked for.
    Message {
        number: u32,
        command: String,
        expected: u64,
        ceiling: u64,
    },
    /// A message that is not asked for.
    TooLarge { number: u32, size: u64 },
    /// STAT, before the first message and behind the last: nothing changes its answer within a session,
    /// and no author of a message knows it.
    Fence,
}

impl Turn {
    fn expected(&self) -> u64 {
        match self {
            Self::Message { expected, .. } => *expected,
            Self::TooLarge { .. } | Self::Fence => 0,
        }
    }
}

/// What is on its way.
struct Flight<I> {
    left: Option<I>,
    turns: VecDeque<Turn>,
    bytes: u64,
    count_max: usize,
    /// What the first fence was answered.
    fence: Option<Reply>,
    /// What goes out when the answer that follows it was seen.
    held: Vec<Retrieved>,
    sink: mpsc::Sender<Retrieved>,
}

impl Session {
    /// RETR for each, in this order, into the sink. One message is held in memory besides those that wait
    /// in the sink. What is announced as larger than [`Options::message_max`] is not asked for.
    ///
    /// Dropping the receiver ends it: what was asked for already is read and thrown away, so that the
    /// session can go on.
    ///
    /// # Errors
    /// When the connection is lost, a message gets much larger than announced, the server breaks the
    /// protocol, or the receiver takes nothing for nine minutes. What was handed out before is whole.
    ///
    /// [`Options::message_max`]: crate::net::Options::message_max
    pub async fn retrieve(&mut self, wanted: &[Scan], sink: mpsc::Sender<Retrieved>) -> Result<()> {
        let most = self.message_max;
        // Quirk: there are servers that count a line end as one byte. In a large message that is little.
        let hard = most.saturating_add(most / 8).saturating_add(SLACK);
        let turns = wanted.iter().map(|&Scan { number, size }| {
            if size > most {
                return Turn::TooLarge { number, size };
            }
            Turn::Message {
                number,
                command: format!("RETR {number}"),
                expected: size,
                ceiling: size.saturating_mul(2).saturating_add(SLACK).min(hard),
            }
        });
        self.fetch(turns, sink).await
    }

    /// TOP for each: the header and so many lines of the text. False where the server says that it has no
    /// TOP; nothing was asked then.
    ///
    /// # Errors
    /// As with [`retrieve`](Self::retrieve).
    pub async fn top(
        &mut self,
        wanted: &[u32],
        lines: u32,
        sink: mpsc::Sender<Retrieved>,
    ) -> Result<bool> {
        if !self.offers.has_top {
            return Ok(false);
        }
        let text = u64::from(lines).saturating_mul(1000);
        let turns = wanted.iter().map(|&number| Turn::Message {
            number,
            command: format!("TOP {number} {lines}"),
            expected: HEAD + u64::from(lines).saturating_mul(80),
            ceiling: HEAD_MAX.saturating_add(text),
        });
        self.fetch(turns, sink).await.map(|()| true)
    }

    async fn fetch(
        &mut self,
        turns: impl Iterator<Item = Turn>,
        sink: mpsc::Sender<Retrieved>,
    ) -> Result<()> {
        self.link.enter()?;
        let mut flight = Flight {
            left: Some(
                std::iter::once(Turn::Fence)
                    .chain(turns)
                    .chain(std::iter::once(Turn::Fence)),
            ),
            turns: VecDeque::new(),
            bytes: 0,
            count_max: if self.offers.can_pipeline {
                FLIGHT_MAX
            } else {
                1
            },
            fence: None,
            held: Vec::new(),
            sink,
        };
        let done = self.fly(&mut flight).await;
        match done {
            Err(error) if error.class == Class::Protocol && error.hint.is_empty() => Err(error.hint(
                "Nothing was deleted there. It may be that the server cuts a message at a line that is a dot: look at the mail in the provider's web page, and tell the provider.",
            )),
            Err(error) if error.class != Class::Protocol => {
                // Their ends have come, and behind them no nonsense but nothing.
                drop(flight.hand_out().await);
                Err(error)
            }
            done => done,
        }
    }

    async fn fly<I>(&mut self, flight: &mut Flight<I>) -> Result<()>
    where
        I: Iterator<Item = Turn>,
    {
        loop {
            self.launch(flight);
            let Some(turn) = flight.turns.pop_front() else {
                return Ok(());
            };
            flight.bytes = flight.bytes.saturating_sub(turn.expected());
            let (number, outcome) = match turn {
                Turn::TooLarge { number, size } => (number, Outcome::TooLarge { size }),
                Turn::Fence => {
                    let reply = self.link.reply().await?;
                    if flight.fence.get_or_insert_with(|| reply.clone()) != &reply {
                        return Err(self.link.over(out_of_step()));
                    }
                    self.link.check_surplus()?;
                    flight.hand_out().await?;
                    continue;
                }
                Turn::Message {
                    number,
                    expected,
                    ceiling,
                    ..
                } => {
                    let reply = self.link.reply().await?;
                    flight.hand_out().await?;
                    if reply.is_ok {
                        (number, self.text(number, expected, ceiling, flight).await?)
                    } else {
                        let error = reply.refusal(&format!("give message {number}"));
                        let hint = "The others are not concerned; it will be asked for again.";
                        (number, Outcome::Refused(error.hint(hint)))
                    }
                }
            };
            flight.held.push(Retrieved { number, outcome });
        }
    }

    /// Puts down as many commands as may be on their way. It waits until half of them are answered, so
    /// that they are not written one by one.
    fn launch<I>(&mut self, flight: &mut Flight<I>)
    where
        I: Iterator<Item = Turn>,
    {
        if flight.sink.is_closed() {
            flight.left = None;
        }
        if flight.turns.len() > flight.count_max / 2 || flight.bytes > FLIGHT_BYTES / 2 {
            return;
        }
        while flight.turns.len() < flight.count_max
            && flight.bytes < FLIGHT_BYTES
            && let Some(turn) = flight.left.as_mut().and_then(Iterator::next)
        {
            match &turn {
                Turn::Message { command, .. } => self.link.say(command),
                Turn::Fence => self.link.say("STAT"),
                Turn::TooLarge { .. } => {}
            }
            flight.bytes = flight.bytes.saturating_add(turn.expected());
            flight.turns.push_back(turn);
        }
    }

    /// What follows a yes, up to the dot.
    async fn text<I>(
        &mut self,
        number: u32,
        expected: u64,
        ceiling: u64,
        flight: &mut Flight<I>,
    ) -> Result<Outcome> {
        self.link.expect_more();
        let aside = usize::try_from(expected.min(TRUST_MAX)).unwrap_or(0);
        let mut unstuffer = Unstuffer::new(aside + 64);
        loop {
            let step = unstuffer.push(self.link.unread());
            self.link.take(step.taken);
            let size = u64::try_from(unstuffer.len()).unwrap_or(u64::MAX);
            if size > ceiling {
                let outcome = Outcome::TooLarge { size };
                flight.held.push(Retrieved { number, outcome });
                flight.hand_out().await?;
                return Err(self.link.over(Error::protocol(format!(
                    "The server announced message {number} with {expected} bytes and sent more than {ceiling}; the connection was closed."
                ))));
            }
            if step.is_end {
                self.link.got_all();
                self.link.check_surplus()?;
                let is_unmarked = unstuffer.is_unmarked();
                let text = unstuffer.into_text();
                return Ok(if is_unmarked {
                    Outcome::Doubtful(text)
                } else {
                    Outcome::Whole(text)
                });
            }
            self.link.fill().await?;
        }
    }
}

fn out_of_step() -> Error {
    Error::protocol("The server's answers do not belong to what it was asked.")
}

impl<I> Flight<I> {
    /// Gives what is held to whoever wants it. That nobody does is no error.
    async fn hand_out(&mut self) -> Result<()> {
        for message in self.held.drain(..) {
            let giving = tokio::time::timeout(SINK_PATIENCE, self.sink.send(message));
            if giving.await.is_err() {
                return Err(Error::transient(
                    "The messages from the server were not stored in time.",
                ));
            }
        }
        Ok(())
    }
}
