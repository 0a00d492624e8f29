//! DELE (RFC 1939 §5): marks messages, which go when the session ends with QUIT.
//!
//! Called by `engine` for messages that are stored for good on this computer. A message must never count
//! as marked without the server's yes to its number.

use super::Session;
use crate::net::error::{Error, Result};
use std::collections::VecDeque;

/// How many commands are on their way at most.
const FLIGHT_MAX: usize = 500;

/// What came of marking messages.
#[derive(Debug, Default)]
pub struct Marked {
    /// The numbers of those that the server marked.
    pub numbers: Vec<u32>,
    /// Why it did not mark another, if so: its first refusal.
    pub refused: Option<Error>,
}

impl Session {
    /// DELE for each. What the server marks is deleted by [`quit`](Self::quit) only.
    ///
    /// # Errors
    /// When the connection is lost, or the server breaks the protocol. Nothing is deleted then.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<Marked> {
        self.link.enter()?;
        let ahead = if self.offers.can_pipeline {
            FLIGHT_MAX
        } else {
            1
        };
        let mut left = numbers.iter().copied();
        let mut flight = VecDeque::new();
        let mut marked = Marked::default();
        loop {
            self.link.check_surplus()?;
            if flight.len() <= ahead / 2 {
                for number in left.by_ref().take(ahead - flight.len()) {
                    self.link.say(&format!("DELE {number}"));
                    flight.push_back(number);
                }
            }
            let Some(number) = flight.pop_front() else {
                return Ok(marked);
            };
            let reply = self.link.reply().await?;
            if reply.is_ok {
                marked.numbers.push(number);
            } else if marked.refused.is_none() {
                let error = reply.refusal(&format!("delete message {number}"));
                let hint = "It is here, and stays there; it will be tried again.";
                marked.refused = Some(error.hint(hint));
            }
        }
    }
}
