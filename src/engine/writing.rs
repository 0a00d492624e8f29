//! Serves what the front wants while something is written: each command to the part that does it.
//!
//! Part of `dispatch`. What changes a draft must be done in the order in which it was asked for, and
//! is answered only when it is on disk; what may take long is a task of its own.

use super::clock;
use super::dispatch::Dispatch;
use super::drafts::Drafts;
use crate::bus::{Event, Problem, RequestId, WritingCommand, WritingEvent};
use crate::model::{Caret, Draft, DraftKey, Safe};
use crate::store::Left;

impl Dispatch {
    pub(super) async fn serve_writing(&mut self, command: WritingCommand) {
        match command {
            WritingCommand::Open { request, start } => {
                let drafts = self.drafts();
                self.tasks.spawn(drafts.open(request, start));
            }
            WritingCommand::Keep {
                key,
                draft,
                caret,
                revision,
            } => self.keep(key, *draft, caret, revision).await,
            WritingCommand::Leave { key } => self.leave(key).await,
            WritingCommand::Discard { request, key } => self.discard(request, key).await,
            _ => {}
        }
    }

    /// Finds drafts whose writers ended without a word, and tells of them.
    pub(super) async fn recover_drafts(&self) {
        let living = self.writers.living();
        let recovered = self.db.write(move |w| w.recover_drafts(living)).await;
        if let Ok(recovered) = recovered
            && recovered > 0
        {
            self.changes
                .event(Event::Writing(WritingEvent::OutboxChanged {
                    waiting: 0,
                    stuck: 0,
                    recovered,
                }));
        }
    }

    pub(super) fn drafts(&self) -> Drafts {
        Drafts {
            db: self.db.clone(),
            accounts: self.accounts.clone(),
            events: self.events.clone(),
            tree: self.tree.clone(),
            writers: self.writers.clone(),
            templates: self.setup.templates.clone(),
        }
    }

    async fn keep(&self, key: DraftKey, draft: Draft, caret: Caret, revision: u64) {
        let now = clock::now_secs();
        let kept = self
            .db
            .write(move |w| w.keep_draft(key, draft, caret, now))
            .await;
        let event = match kept {
            Ok(true) => Event::Writing(WritingEvent::Kept { key, revision }),
            // Sent or discarded: there is nothing to keep any more.
            Ok(false) => return,
            Err(error) => Event::Problem(Problem {
                account: None,
                summary: Safe::line(&format!("the draft was not kept: {error}")),
                hint: Safe::fixed("copy what you wrote to a safe place"),
            }),
        };
        let _gone = self.events.send(event).await;
    }

    async fn leave(&self, key: DraftKey) {
        let now = clock::now_secs();
        match self.db.write(move |w| w.leave_draft(key, now)).await {
            Ok(Left::Kept(account) | Left::Dropped(account)) => {
                for account in self.chosen(Some(account)) {
                    account.board.post(|w| w.is_replay_due = true);
                }
            }
            Ok(Left::Nothing) => {}
            Err(error) => self.changes.event(Event::Problem(Problem {
                account: None,
                summary: Safe::line(&format!("the draft was not put away: {error}")),
                hint: Safe::default(),
            })),
        }
    }

    async fn discard(&self, request: RequestId, key: DraftKey) {
        let now = clock::now_secs();
        let event = match self.db.write(move |w| w.discard_draft(key, now)).await {
            Ok(_) => {
                for account in &self.accounts {
                    account.board.post(|w| w.is_replay_due = true);
                }
                Event::Writing(WritingEvent::Discarded { request, key })
            }
            Err(error) => Event::Failed {
                request,
                problem: Problem {
                    account: None,
                    summary: Safe::line(&format!("the draft was not discarded: {error}")),
                    hint: Safe::default(),
                },
            },
        };
        let _gone = self.events.send(event).await;
    }
}
