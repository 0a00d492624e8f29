//! IDLE (RFC 2177), and NOOP at intervals where it is not offered.
//!
//! Called by the watch in `engine`. IDLE goes on when the call comes back: the next one ends it in its
//! own flight, or goes on with it. What was said in IDLE must never be taken for the answer to what
//! was asked after it.

use super::command::Command;
use super::response::{Condition, parse};
use super::session::Pace;
use super::session::{Event, Idling, Session};
use super::types::IdleEnd;
use crate::net::error::Result;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// After a word of the server's, so long a silence ends the wait for more of the kind.
const QUIET: Duration = Duration::from_millis(20);
/// So long the server may go on before the caller gets to know.
const BURST: Duration = Duration::from_millis(250);

/// What ended one round of waiting.
enum Round {
    Told,
    Woken,
    Expired,
    /// The server ended the command by itself.
    Refused,
}

impl Session {
    /// Waits for the server to say something, or for `wake`. Renews IDLE by itself; where IDLE is
    /// not offered, asks with NOOP at `Options::poll`. Returns at once while there are notices that
    /// were not taken. May be abandoned. The server goes on telling until the next call of another
    /// kind, which ends IDLE without a turn of its own.
    pub async fn idle<F: Future<Output = ()> + Send>(&mut self, wake: F) -> Result<IdleEnd> {
        let mut wake = pin!(wake);
        loop {
            if self.state.has_notices() {
                return Ok(IdleEnd::Told);
            }
            let round = if self.state.capabilities.can_idle() {
                self.idle_once(wake.as_mut()).await?
            } else {
                self.poll_once(wake.as_mut()).await?
            };
            match round {
                Round::Told => return Ok(IdleEnd::Told),
                Round::Woken => return Ok(IdleEnd::Woken),
                Round::Expired => {}
                Round::Refused => self.state.capabilities.lose_idle(),
            }
        }
    }

    async fn idle_once(
        &mut self,
        mut wake: impl Future<Output = ()> + Unpin + Send,
    ) -> Result<Round> {
        let idling = match self.idling {
            Some(idling) if idling.is_on => idling,
            _ => match self.start_idle().await? {
                Ok(idling) => idling,
                Err(round) => return Ok(round),
            },
        };
        self.wait_forever();
        let mut burst_end = None;
        loop {
            let mut quiet_at = idling.renew_at;
            if self.state.has_notices() {
                let now = Instant::now();
                let end = *burst_end.get_or_insert(now + BURST);
                if now >= end {
                    return Ok(Round::Told);
                }
                quiet_at = end.min(now + QUIET);
            }
            tokio::select! {
                biased;
                event = self.event() => match event? {
                    Event::Untagged(frame) => self.state.apply(parse(&frame)),
                    Event::GoAhead(_) => {}
                    Event::Done(done, said) => {
                        self.idling = None;
                        let is_over = done == idling.tag;
                        self.completed(done, said);
                        if is_over {
                            return self.ended_by_server(idling.tag).await;
                        }
                    }
                },
                () = &mut wake => return Ok(Round::Woken),
                () = tokio::time::sleep_until(quiet_at) => {
                    if burst_end.is_some() {
                        return Ok(Round::Told);
                    }
                    self.end_idle(idling).await?;
                    return Ok(Round::Expired);
                }
            }
        }
    }

    /// Begins IDLE; the inner error is how it ended instead.
    async fn start_idle(&mut self) -> Result<std::result::Result<Idling, Round>> {
        self.begin(Pace::Small).await?;
        let renew_at = Instant::now() + self.options.idle_renew;
        let tag = self.send(&Command::new("IDLE")).await?;
        let mut idling = Idling {
            tag,
            is_on: false,
            renew_at,
        };
        self.idling = Some(idling);
        if !self.go_ahead(tag).await? {
            self.idling = None;
            let said = self.finish(tag, Some).await?;
            tracing::debug!(target: "pillarbox::imap", condition = ?said.condition, "IDLE ended");
            return Ok(Err(Round::Refused));
        }
        idling.is_on = true;
        self.idling = Some(idling);
        Ok(Ok(idling))
    }

    async fn ended_by_server(&mut self, tag: super::session::Tag) -> Result<Round> {
        let said = self.finish(tag, Some).await?;
        // An OK without our DONE: some servers end it when something is to be told.
        Ok(match (said.condition, self.state.has_notices()) {
            (_, true) => Round::Told,
            (Condition::Ok, false) => Round::Expired,
            _ => Round::Refused,
        })
    }

    /// Sends DONE in the flight of what follows: the server reads no further before it has ended IDLE
    /// (RFC 2177 §3), so all that comes until then is of IDLE.
    pub(super) async fn end_idle(&mut self, idling: Idling) -> Result<()> {
        self.wait_briefly();
        if idling.is_on || self.go_ahead(idling.tag).await? {
            self.push_line("DONE");
            self.idling = None;
            self.ending = Some(idling.tag);
            self.unattended.push(idling.tag);
            // Quirk(Stalwart before 0.10): what comes in one packet with DONE is never read.
            let program = self.state.program.as_deref().unwrap_or_default();
            if program.starts_with("Stalwart") {
                self.settle().await?;
            }
        } else {
            self.idling = None;
            self.finish(idling.tag, Some).await?;
        }
        Ok(())
    }

    async fn poll_once(&mut self, wake: impl Future<Output = ()> + Unpin + Send) -> Result<Round> {
        tokio::select! {
            biased;
            () = wake => return Ok(Round::Woken),
            () = tokio::time::sleep(self.options.poll) => {}
        }
        self.noop().await?;
        Ok(if self.state.has_notices() {
            Round::Told
        } else {
            Round::Expired
        })
    }
}
