//! Commands about what is written, each handed to the part that serves it.
//!
//! Called by `dispatch`. Must never wait: what takes time is a task of its own.

use super::dispatch::Dispatch;
use super::people::{self, Question};
use super::spelling;
use crate::bus::{RequestId, WritingCommand};
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
            WritingCommand::Spell { request, text } => self.spell(request, text),
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

    /// A new text ends the look at the one before.
    fn spell(&mut self, request: RequestId, text: String) {
        if let Some(earlier) = self.spelling.take() {
            earlier.abort();
        }
        let language = self.setup.spelling.clone();
        let task = spelling::spell(request, text, language, self.events.clone());
        self.spelling = Some(self.tasks.spawn(task));
    }
}
