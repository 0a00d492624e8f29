//! Serves what the front wants while something is written: each command to the part that does it.
//!
//! Part of `dispatch`. What changes a draft must be done in the order in which it was asked for, and
//! is answered only when it is on disk; what may take long is a task of its own.

use super::account::Account;
use super::clock;
use super::dispatch::Dispatch;
use super::drafts::{Drafts, failed};
use super::paths;
use super::people::{self, Question};
use super::spelling;
use crate::bus::{Event, Link, Problem, RequestId, WritingCommand, WritingEvent};
use crate::model::{AccountKey, Caret, Draft, DraftKey, Safe};
use crate::store::Left;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long a disk may take to tell of a folder or a file.
const PATHS_PATIENCE: Duration = Duration::from_secs(10);

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
            WritingCommand::Review { request, key } => {
                let drafts = self.drafts();
                self.tasks.spawn(drafts.review(request, key));
            }
            WritingCommand::Send { request, key, when } => {
                let drafts = self.drafts();
                self.tasks.spawn(drafts.send(request, key, when));
            }
            WritingCommand::TakeBack { request, item } => {
                let drafts = self.drafts();
                self.tasks.spawn(drafts.take_back(request, item));
            }
            WritingCommand::LoadOutbox { request } => self.load_outbox(request).await,
            WritingCommand::Retry { request, item } => self.retry_item(request, item).await,
            WritingCommand::Cancel { request, item } => self.cancel_item(request, item).await,
            WritingCommand::WasSent { request, item } => self.was_sent(request, item).await,
            WritingCommand::ListPaths { request, typed } => {
                let events = self.events.clone();
                self.tasks.spawn(list_paths(events, request, typed));
            }
            WritingCommand::Attach { request, path } => {
                let events = self.events.clone();
                self.tasks.spawn(attach(events, request, path));
            }
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

    /// Finds drafts whose writers ended without a word, and tells of them.
    pub(super) async fn recover_drafts(&self) {
        let living = self.writers.living();
        let recovered = self.db.write(move |w| w.recover_drafts(living)).await;
        if recovered.is_ok_and(|n| n > 0) {
            self.changes.outbox();
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
            data_dir: self.setup.data_dir.clone(),
            gpg: self.setup.gpg.clone(),
            changes: Arc::clone(&self.changes),
        }
    }

    /// Has copies on servers brought in line, by this process or by the one that is connected.
    fn ring_for(&self, account: Option<AccountKey>) {
        for account in self.chosen(account) {
            account.board.post(|w| w.is_replay_due = true);
        }
        #[cfg(unix)]
        if self
            .accounts
            .iter()
            .any(|a| matches!(a.link(), Link::Stopped { .. }))
        {
            super::owner::ring(&self.setup.data_dir);
        }
    }

    async fn keep(&self, key: DraftKey, draft: Draft, caret: Caret, revision: u64) {
        let now = clock::now_secs();
        let kept = self
            .db
            .write(move |w| w.keep_draft(key, draft, caret, now))
            .await;
        let event = match kept {
            Ok(true) => {
                self.kept.notify_one();
                Event::Writing(WritingEvent::Kept { key, revision })
            }
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
                self.ring_for(Some(account));
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
                self.ring_for(None);
                Event::Writing(WritingEvent::Discarded { request, key })
            }
            Err(error) => failed(request, &format!("the draft was not discarded: {error}")),
        };
        let _gone = self.events.send(event).await;
    }
}

/// Has drafts copied to their servers when nothing was kept for a while.
pub(super) async fn copy_later(accounts: Vec<Arc<Account>>, kept: Arc<Notify>) {
    let waits = accounts.iter().map(|a| a.setup.writing.copy_after);
    let wait = waits.max().unwrap_or_default() + Duration::from_secs(1);
    loop {
        kept.notified().await;
        while tokio::time::timeout(wait, kept.notified()).await.is_ok() {}
        for account in &accounts {
            account.board.post(|w| w.is_replay_due = true);
        }
    }
}

async fn list_paths(events: mpsc::Sender<Event>, request: RequestId, typed: String) {
    let listing = tokio::task::spawn_blocking(move || paths::list(&typed));
    // A folder of a network drive that is gone may hang.
    let listed = tokio::time::timeout(PATHS_PATIENCE, listing).await;
    let items = listed.ok().and_then(Result::ok).unwrap_or_default();
    let event = Event::Writing(WritingEvent::Paths { request, items });
    let _gone = events.send(event).await;
}

async fn attach(events: mpsc::Sender<Event>, request: RequestId, path: PathBuf) {
    let looking = tokio::task::spawn_blocking(move || paths::attach(&path));
    let event = match tokio::time::timeout(PATHS_PATIENCE, looking).await {
        Ok(Ok(Ok(attached))) => Event::Writing(WritingEvent::Attached { request, attached }),
        Ok(Ok(Err(why))) => failed(request, &format!("not attached: {why}")),
        _ => failed(request, "not attached: the disk does not answer"),
    };
    let _gone = events.send(event).await;
}
