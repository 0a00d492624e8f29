//! Scripted faults: what a peer does wrong on purpose, and when.
//!
//! Set by tests, asked by every session before a command is done. A fault must never fire more
//! often than it says.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// When a fault fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// When a client connects, before the greeting.
    Connect,
    /// At a command of that name, `UID` included where it has it: `UID MOVE`.
    Command(String),
    /// At the k-th command from now on, the next one being 1, whatever its name and session.
    Nth(u32),
    /// At every command.
    Any,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing is done; the answer is NO with this text, such as `[OVERQUOTA] Full`.
    No(String),
    /// Nothing is done; the answer is BAD with this text.
    Bad(String),
    /// Nothing is done; the server says BYE with this text and closes.
    Bye(String),
    /// Nothing is done, and the connection closes without a word.
    DropBefore,
    /// The command is done, and the connection closes before any of its answer is sent.
    DropAfter,
    /// The command is done, and the connection closes after so many bytes of ours.
    CutAfter(usize),
    /// Nothing more is ever said on this connection, which stays open.
    Stall,
    /// The command is done; its answer waits for [`Faults::release`].
    Hold,
    /// These raw bytes are sent before the command is done.
    Say(String),
}

/// How often a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Once, then never again.
    Once,
    /// So many times.
    Count(u32),
    /// Until [`Faults::clear`].
    Always,
}

/// One scripted fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// When it fires.
    pub when: When,
    /// What goes wrong.
    pub act: Act,
    /// How often.
    pub times: Times,
}

/// The faults of a peer, in the order in which they were added; the first that fits fires.
/// Clones share them.
#[derive(Debug, Clone)]
pub struct Faults {
    script: Arc<Mutex<Vec<Fault>>>,
    held: Arc<Semaphore>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            script: Arc::default(),
            held: Arc::new(Semaphore::new(0)),
        }
    }
}

impl Faults {
    /// Adds a fault.
    pub fn add(&self, when: When, act: Act, times: Times) {
        self.with(|script| script.push(Fault { when, act, times }));
    }

    /// Adds a fault that fires once, at the next command of that name.
    pub fn once(&self, command: &str, act: Act) {
        self.add(When::Command(command.to_owned()), act, Times::Once);
    }

    /// Adds a fault that fires at every command of that name.
    pub fn always(&self, command: &str, act: Act) {
        self.add(When::Command(command.to_owned()), act, Times::Always);
    }

    /// Takes all faults back.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// Whether every fault that was to fire has fired as often as it should.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.with(|script| script.iter().all(|f| f.times == Times::Always))
    }

    /// Lets one held answer go, now or as soon as there is one.
    pub fn release(&self) {
        self.held.add_permits(1);
    }

    /// Waits for a [`release`](Self::release) of one's own.
    pub(crate) async fn wait_for_release(&self) {
        if let Ok(permit) = self.held.acquire().await {
            permit.forget();
        }
    }

    /// What goes wrong with a connection that was just made.
    pub(crate) fn at_connect(&self) -> Option<Act> {
        self.with(|script| {
            let at = script.iter().position(|f| f.when == When::Connect)?;
            fire(script, at)
        })
    }

    /// What goes wrong with this command.
    pub(crate) fn at_command(&self, name: &str) -> Option<Act> {
        self.with(|script| {
            let mut hit = None;
            for (at, fault) in script.iter_mut().enumerate() {
                let fits = match &mut fault.when {
                    When::Connect => false,
                    When::Any => true,
                    When::Command(wanted) => wanted.eq_ignore_ascii_case(name),
                    When::Nth(left) => {
                        *left = left.saturating_sub(1);
                        *left == 0
                    }
                };
                if fits && hit.is_none() {
                    hit = Some(at);
                }
            }
            fire(script, hit?)
        })
    }

    fn with<R>(&self, work: impl FnOnce(&mut Vec<Fault>) -> R) -> R {
        work(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn fire(script: &mut Vec<Fault>, at: usize) -> Option<Act> {
    let fault = script.get_mut(at)?;
    let act = fault.act.clone();
    match &mut fault.times {
        Times::Always => {}
        Times::Count(left) if *left > 1 => *left -= 1,
        Times::Once | Times::Count(_) => drop(script.remove(at)),
    }
    Some(act)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_fires_when_and_as_often_as_it_says() {
        let faults = Faults::default();
        faults.once("uid move", Act::DropAfter);
        faults.add(When::Nth(3), Act::Stall, Times::Once);
        faults.add(When::Command("NOOP".into()), Act::Hold, Times::Count(2));
        let seen: Vec<Option<Act>> = ["NOOP", "UID MOVE", "UID MOVE", "NOOP", "NOOP"]
            .into_iter()
            .map(|name| faults.at_command(name))
            .collect();
        let expected = [Act::Hold, Act::DropAfter, Act::Stall, Act::Hold].map(Some);
        assert_eq!(seen.get(..4), Some(expected.as_slice()));
        assert_eq!(seen.last(), Some(&None));
        assert!(faults.is_done());
    }
}
