//! What is said to the engine of drafts and messages when the program ends.
//!
//! Asked by `run`. What was written must never be lost by quitting, nor a message that was sent be
//! left behind without a word.

use super::Composer;
use crate::app::App;
use crate::bus::{Command, Link, SyncMode, WritingCommand};
use crate::model::{OutboxKey, Safe};

impl App {
    /// What must be on disk before the program ends.
    #[must_use]
    pub fn last_words(&self) -> Vec<Command> {
        let closing = self.writing.closing.iter();
        let left = closing.map(|(key, c)| WritingCommand::Keep {
            key: *key,
            draft: c.draft.clone(),
            caret: c.caret,
            revision: c.revision,
        });
        let open = self.writing.composer.iter().filter(|c| !c.is_kept());
        left.chain(open.map(Composer::keep))
            .map(Command::Writing)
            .collect()
    }

    /// What is said when that is on disk: of which drafts nobody writes any more. A draft on the
    /// screen belongs to them only where the user quits: else it is told of at the next start.
    #[must_use]
    pub fn farewells(&self, is_wanted: bool) -> Vec<Command> {
        let open = self.writing.composer.iter().filter(|_| is_wanted);
        let left = self.writing.closing.keys().copied();
        left.chain(open.map(|c| c.key))
            .map(|key| Command::Writing(WritingCommand::Leave { key }))
            .collect()
    }

    /// Has messages sent whose time to be taken back is not over, as far as they can be: nobody is
    /// there to take them back any more.
    pub fn send_off(&mut self) -> Vec<Command> {
        let all = self.departing();
        if !all.is_empty() {
            let text = Safe::fixed("Sending what waits, then Pillarbox ends");
            let _until = self.say(text);
        }
        all.into_iter()
            .map(|item| {
                let request = self.request();
                Command::Writing(WritingCommand::Retry { request, item })
            })
            .collect()
    }

    /// Messages that are to be sent at once, can be, and are not known to be.
    #[must_use]
    pub fn departing(&self) -> Vec<OutboxKey> {
        let can_be_sent = |key| {
            let account = self.accounts.iter().find(|a| a.key == key);
            account.is_some_and(|a| {
                a.mode != SyncMode::Manual
                    && !matches!(a.link, Link::Waiting { .. } | Link::Stopped { .. })
            })
        };
        let all = self
            .writing
            .departing
            .iter()
            .filter(|_| self.writing.waiting > 0);
        all.filter(|(_, account)| can_be_sent(**account))
            .map(|(item, _)| *item)
            .collect()
    }

    /// What is to be said where messages are left behind.
    #[must_use]
    pub fn left_behind(&self) -> Option<Safe> {
        let text = match self.writing.departing.len() {
            _ if self.writing.waiting == 0 => return None,
            0 => return None,
            1 => "1 message is not sent yet; it is kept, and sent at the next start".to_owned(),
            n => {
                format!("{n} messages are not sent yet; they are kept, and sent at the next start")
            }
        };
        Some(Safe::line(&text))
    }
}

#[cfg(test)]
#[path = "ending_tests.rs"]
mod tests;
