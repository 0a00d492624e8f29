//! IDLE (RFC 2177), and NOOP at intervals where it is not offered.
//!
//! Called by the watch in `engine`. Reads to the end of the command whenever it returns, so that the
//! session can be used at once; a call that is dropped halfway is ended by the next one.

use super::command::Command;
use super::response::{Condition, parse};
use super::session::Pace;
use super::session::{Event, Idling, Session};
use super::types::IdleEnd;
use crate::net::error::Result;
use std::pin::pin;
use tokio::time::Instant;

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
    /// were not taken. May be abandoned: the next call ends what is under way.
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
        self.begin(Pace::Small).await?;
        let tag = self.send(&Command::new("IDLE")).await?;
        let mut idling = Idling { tag, is_on: false };
        self.idling = Some(idling);
        if !self.go_ahead(tag).await? {
            self.idling = None;
            let said = self.finish(tag, Some).await?;
            tracing::debug!(target: "pillarbox::imap", condition = ?said.condition, "IDLE ended");
            return Ok(Round::Refused);
        }
        idling.is_on = true;
        self.idling = Some(idling);
        self.wait_forever();
        let renew = Instant::now() + self.options.idle_renew;
        let round = loop {
            if self.state.has_notices() {
                break Round::Told;
            }
            tokio::select! {
                biased;
                event = self.event() => match event? {
                    Event::Untagged(frame) => self.state.apply(parse(&frame)),
                    Event::GoAhead(_) => {}
                    Event::Done(done, said) => {
                        self.idling = None;
                        let is_over = done == tag;
                        self.completed(done, said);
                        if is_over {
                            return self.ended_by_server(tag).await;
                        }
                    }
                },
                () = &mut wake => break Round::Woken,
                () = tokio::time::sleep_until(renew) => break Round::Expired,
            }
        };
        self.end_idle(idling).await?;
        let is_told = self.state.has_notices() && !matches!(round, Round::Woken);
        Ok(if is_told { Round::Told } else { round })
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

    /// Sends DONE and reads to the end of the command.
    pub(super) async fn end_idle(&mut self, idling: Idling) -> Result<()> {
        self.wait_briefly();
        if idling.is_on || self.go_ahead(idling.tag).await? {
            self.push_line("DONE");
        }
        self.idling = None;
        self.finish(idling.tag, Some).await?;
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
