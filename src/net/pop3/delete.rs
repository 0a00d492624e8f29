//! DELE (RFC 1939 §5): marks messages, which go when the session ends with QUIT.
//!
//! Called by `engine` for messages that are stored for good on this computer. A message must never count
//! as marked without the server's yes to its number.

use super::Session;
use crate::net::error::Result;
use std::collections::VecDeque;

/// How many commands are on their way at most.
const FLIGHT_MAX: usize = 500;

impl Session {
    /// DELE for each: those that the server marked. They are deleted by [`quit`](Self::quit) only.
    ///
    /// # Errors
    /// When the connection is lost, or the server breaks the protocol. Nothing is deleted then.
    pub async fn delete(&mut self, numbers: &[u32]) -> Result<Vec<u32>> {
        self.link.enter()?;
        let ahead = if self.offers.can_pipeline {
            FLIGHT_MAX
        } else {
            1
        };
        let mut left = numbers.iter().copied();
        let mut flight = VecDeque::new();
        let mut marked = Vec::with_capacity(numbers.len());
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
            if self.link.reply().await?.is_ok {
                marked.push(number);
            }
        }
    }
}
