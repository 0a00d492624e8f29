//! Somebody who writes at an engine without a screen: what the composer sends and gets.
//!
//! Used by the tests of drafts. Like the desk it must never look into the store.

use super::desk::Desk;
use pillarbox::bus::{Command, Event, KeptDraft, RequestId, Review, WritingCommand, WritingEvent};
use pillarbox::model::{
    Attached, Caret, Draft, DraftKey, DraftStart, Identity, OutboxKey, Safe, SendWhen,
};
use std::path::PathBuf;

/// A draft that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) key: DraftKey,
    pub(crate) draft: Draft,
    pub(crate) caret: Caret,
    pub(crate) identities: Vec<Identity>,
    pub(crate) notes: Vec<Safe>,
}

impl Desk {
    fn exchange<T>(
        &mut self,
        what: &str,
        command: impl FnOnce(RequestId) -> WritingCommand,
        found: impl Fn(&WritingEvent) -> Option<T>,
    ) -> Result<T, String> {
        let request = self.request();
        self.send(Command::Writing(command(request)));
        self.until(what, |event| match event {
            Event::Writing(event) => found(event).map(Ok),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => Some(Err(problem.summary.as_str().to_owned())),
            _ => None,
        })
    }

    /// Opens a draft; the sentence where that cannot be done.
    pub(crate) fn compose(&mut self, start: DraftStart) -> Result<Opened, String> {
        self.exchange(
            "a draft",
            |request| WritingCommand::Open { request, start },
            |event| match event {
                WritingEvent::Opened {
                    key,
                    draft,
                    caret,
                    identities,
                    notes,
                    ..
                } => Some(Opened {
                    key: *key,
                    draft: (**draft).clone(),
                    caret: *caret,
                    identities: identities.clone(),
                    notes: notes.clone(),
                }),
                _ => None,
            },
        )
    }

    /// Keeps a draft and waits until it is on disk.
    pub(crate) fn keep(&mut self, key: DraftKey, draft: &Draft, caret: Caret) {
        let revision = self.request().0;
        let draft = Box::new(draft.clone());
        let kept = self.exchange(
            "a draft to be kept",
            |_| WritingCommand::Keep {
                key,
                draft,
                caret,
                revision,
            },
            |event| match event {
                WritingEvent::Kept {
                    key: k,
                    revision: r,
                } => (*k == key && *r == revision).then_some(()),
                _ => None,
            },
        );
        kept.unwrap();
    }

    /// Leaves the composer.
    pub(crate) fn leave(&mut self, key: DraftKey) {
        self.send(Command::Writing(WritingCommand::Leave { key }));
    }

    /// Throws a draft away.
    pub(crate) fn discard(&mut self, key: DraftKey) {
        let discarded = self.exchange(
            "a draft to be discarded",
            |request| WritingCommand::Discard { request, key },
            |event| matches!(event, WritingEvent::Discarded { .. }).then_some(()),
        );
        discarded.unwrap();
    }

    /// What the review screen shows.
    pub(crate) fn review(&mut self, key: DraftKey) -> Result<Review, String> {
        self.exchange(
            "a review",
            |request| WritingCommand::Review { request, key },
            |event| match event {
                WritingEvent::Reviewed { review, .. } => Some((**review).clone()),
                _ => None,
            },
        )
    }

    /// Sends a draft, or the sentence where that cannot be done.
    pub(crate) fn post(&mut self, key: DraftKey) -> Result<(OutboxKey, String), String> {
        let when = SendWhen::Now;
        self.exchange(
            "a draft to be sent",
            |request| WritingCommand::Send { request, key, when },
            |event| match event {
                WritingEvent::Queued { item, label, .. } => {
                    Some((*item, label.as_str().to_owned()))
                }
                _ => None,
            },
        )
    }

    /// Takes a message out of the outbox; its draft's key and the draft.
    pub(crate) fn take_back(&mut self, item: OutboxKey) -> Result<(DraftKey, Draft), String> {
        self.exchange(
            "a message to be taken back",
            |request| WritingCommand::TakeBack { request, item },
            |event| match event {
                WritingEvent::Opened { key, draft, .. } => Some((*key, (**draft).clone())),
                _ => None,
            },
        )
    }

    /// Cancels a message of the outbox.
    pub(crate) fn cancel(&mut self, item: OutboxKey) {
        let cancelled = self.exchange(
            "a message to be cancelled",
            |request| WritingCommand::Cancel { request, item },
            |event| matches!(event, WritingEvent::Cancelled { .. }).then_some(()),
        );
        cancelled.unwrap();
    }

    /// The drafts that are kept here.
    pub(crate) fn kept(&mut self) -> Vec<KeptDraft> {
        let listed = self.exchange(
            "the outbox",
            |request| WritingCommand::LoadOutbox { request },
            |event| match event {
                WritingEvent::Outbox { drafts, .. } => Some(drafts.clone()),
                _ => None,
            },
        );
        listed.unwrap()
    }

    /// Attaches a file.
    pub(crate) fn attach(&mut self, path: &str) -> Result<Attached, String> {
        let path = PathBuf::from(path);
        self.exchange(
            "a file to be attached",
            |request| WritingCommand::Attach { request, path },
            |event| match event {
                WritingEvent::Attached { attached, .. } => Some(attached.clone()),
                _ => None,
            },
        )
    }

    /// What a typed path could become: names, with a slash behind those of folders.
    pub(crate) fn paths(&mut self, typed: &str) -> Vec<String> {
        let typed = typed.to_owned();
        let listed = self.exchange(
            "paths",
            |request| WritingCommand::ListPaths { request, typed },
            |event| match event {
                WritingEvent::Paths { items, .. } => Some(items.clone()),
                _ => None,
            },
        );
        let shown = listed.unwrap().into_iter().map(|item| {
            let slash = if item.is_folder { "/" } else { "" };
            format!("{}{slash}", item.name.as_str())
        });
        shown.collect()
    }
}
