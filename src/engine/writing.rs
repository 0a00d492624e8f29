//! Commands about what is written, each handed to the part that serves it.
//!
//! Called by `dispatch`. Must never wait: what takes time is a task of its own.

use super::dispatch::Dispatch;
use super::people::{self, Question};
use crate::bus::WritingCommand;
use std::sync::Arc;

impl Dispatch {
    pub(super) fn serve_writing(&mut self, command: WritingCommand) {
        match command {
            WritingCommand::Complete {
                request,
                account,
                typed,
            } => self.complete(Question {
                request,
                account,
                typed,
            }),
            _ => {}
        }
    }

    /// A new question ends the one before: nobody waits for its answer any more.
    fn complete(&mut self, question: Question) {
        if let Some(earlier) = self.completing.take() {
            earlier.abort();
        }
        let directory = Arc::clone(&self.directory);
        let task = people::complete(directory, question, self.events.clone());
        self.completing = Some(self.tasks.spawn(task));
    }
}
