//! What has to be done before the program ends: drafts on the disk, messages on their way.
//!
//! Called by `run` when its loop is over, however that ended. Each wait has an end.

use super::Loop;
use crate::app::{Input, update};
use crate::bus::{Command, Event, WritingCommand, WritingEvent};
use crate::model::DraftKey;
use std::time::Duration;
use tokio::time::Instant;

/// How long the engine may take to put a draft on disk when the program ends.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long messages may take to leave that were sent just before the program ends.
const SEND_OFF: Duration = Duration::from_secs(5);

impl Loop {
    /// Has what is written put on disk, and waits for that a while.
    pub(super) async fn last_words(&mut self) {
        if let Some(editing) = self.editing.take() {
            let key = editing.key();
            if let Some(text) = editing.end().await {
                let outcome = Ok(text);
                let _effects = update(&mut self.app, Input::Edited { key, outcome });
            }
        }
        let words = self.app.last_words();
        let mut left: Vec<_> = words.iter().filter_map(kept_by).collect();
        let engine = &mut self.engine;
        let said = tokio::time::timeout(LAST_WORDS, async {
            for command in words {
                if engine.commands.send(command).await.is_err() {
                    return;
                }
            }
            while !left.is_empty() {
                let Some(event) = engine.events.recv().await else {
                    return;
                };
                if let Event::Writing(WritingEvent::Kept { key, revision }) = event {
                    left.retain(|one| *one != (key, revision));
                }
            }
        });
        if said.await.is_err() {
            tracing::error!("the draft on the screen was not put on disk in time");
            return;
        }
        for command in self.app.farewells(self.is_quit) {
            let _gone = self.engine.commands.try_send(command);
        }
        self.send_off().await;
    }

    /// Has what was sent just now leave, and waits for that a while.
    async fn send_off(&mut self) {
        let words = self.app.send_off();
        if words.is_empty() {
            return;
        }
        let _gone = self.draw();
        for command in words {
            let _gone = self.engine.commands.try_send(command);
        }
        let end = Instant::now() + SEND_OFF;
        while !self.app.departing().is_empty() {
            let event = tokio::time::timeout_at(end, self.engine.events.recv()).await;
            let Ok(Some(event)) = event else {
                return;
            };
            let _effects = update(&mut self.app, Input::Engine(event));
        }
    }
}

/// Which state of which draft a command puts on disk.
const fn kept_by(command: &Command) -> Option<(DraftKey, u64)> {
    match command {
        Command::Writing(WritingCommand::Keep { key, revision, .. }) => Some((*key, *revision)),
        _ => None,
    }
}
