//! What the engine tells of what is written and sent.
//!
//! Called by `app::events`. A reply whose request is no longer awaited must never change anything;
//! a command that was refused must never be taken for done.

use super::keeping::{kept, later};
use super::{Composer, WritingUndo, attach, complete, review, writing};
use crate::app::{App, Effect, NoticeKind, Outbox, outbox, stops};
use crate::bus::{Problem, RequestId, WritingCommand, WritingEvent};
use crate::model::{Caret, Draft, DraftKey, Identity, OutboxKey, Safe};

/// Takes an event.
pub(in crate::app) fn event(app: &mut App, event: WritingEvent) -> Vec<Effect> {
    match event {
        WritingEvent::Opened {
            request,
            key,
            draft,
            caret,
            identities,
            notes,
        } => opened(app, request, key, *draft, caret, identities, &notes),
        WritingEvent::Kept { key, revision } => kept(app, key, revision),
        WritingEvent::Discarded { request, key } => {
            stops::set_stale::<Outbox>(app);
            if app.writing.dropping == Some(request) {
                app.writing.dropping = None;
                return app.say(Safe::fixed("Nothing was written: no draft is kept"));
            }
            app.writing.undo = Some(WritingUndo::Reopen(key));
            let text = Safe::fixed("Threw the draft away");
            vec![
                app.notices
                    .show(NoticeKind::Undoable, text, Safe::fixed("brings it back")),
            ]
        }
        WritingEvent::Reviewed { request, review } => review::receive(app, request, review),
        WritingEvent::Queued {
            request,
            item,
            label,
        } => queued(app, request, item, label),
        WritingEvent::Cancelled { label, .. } => {
            stops::set_stale::<Outbox>(app);
            app.say(label)
        }
        WritingEvent::Outbox {
            request,
            items,
            drafts,
        } => {
            outbox::receive(app, request, items, drafts);
            Vec::new()
        }
        WritingEvent::OutboxChanged {
            waiting,
            stuck,
            recovered,
        } => outbox_changed(app, waiting, stuck, recovered),
        WritingEvent::Sent { item, label } => sent(app, item, label),
        WritingEvent::Completions { request, items, .. } => {
            complete::receive(app, request, items);
            Vec::new()
        }
        WritingEvent::Paths { request, items } => {
            attach::paths(app, request, items);
            Vec::new()
        }
        WritingEvent::Attached { request, attached } => attach::attached(app, request, attached),
        WritingEvent::Misspelt { request, words } => {
            review::misspelt(app, request, words);
            Vec::new()
        }
    }
}

fn opened(
    app: &mut App,
    request: RequestId,
    key: DraftKey,
    draft: Draft,
    caret: Caret,
    identities: Vec<Identity>,
    notes: &[Safe],
) -> Vec<Effect> {
    if app.writing.opening != Some(request) || app.writing.composer.is_some() {
        // Nobody waits for it any more; if nothing is in it, it goes.
        let is_open = app.composer().is_some_and(|c| c.key == key);
        return if is_open {
            Vec::new()
        } else {
            vec![writing(WritingCommand::Leave { key })]
        };
    }
    app.writing.opening = None;
    app.overlay = None;
    app.notices.clear();
    // What was written here last counts more than what had reached the disk.
    let newer = app.writing.closing.remove(&key);
    let mut composer = match &newer {
        Some(left) => Composer::new(key, (*left.draft).clone(), left.caret, identities),
        None => Composer::new(key, draft, caret, identities),
    };
    if let Some(left) = newer {
        composer.set_changed(left.revision + 1);
    }
    composer.is_new = app.writing.beginning.take() == Some(request);
    app.writing.composer = Some(composer);
    let mut effects = super::keeping::keep_now(app);
    if app.writing.taking_back.take() == Some(request) {
        app.writing.undo = None;
        effects.extend(app.say(Safe::fixed("Taken back: it was not sent")));
    }
    if !notes.is_empty() {
        effects.extend(app.say(Safe::join(notes, "; ")));
    }
    effects
}

fn queued(app: &mut App, request: RequestId, item: OutboxKey, label: Safe) -> Vec<Effect> {
    let sending = app
        .composer()
        .and_then(|c| c.review())
        .and_then(|r| r.sending);
    if sending == Some(request)
        && let Some(composer) = app.writing.composer.take()
        && composer.review.is_some_and(|r| r.is_for_now)
    {
        let account = composer.base.identity.account;
        app.writing.departing.insert(item, account);
        // The engine's own count comes a moment later, and one may quit before it.
        app.writing.waiting = app.writing.waiting.max(1);
    }
    app.writing.undo = Some(WritingUndo::TakeBack(item));
    stops::set_stale::<Outbox>(app);
    vec![
        app.notices
            .show(NoticeKind::Undoable, label, Safe::fixed("takes it back")),
    ]
}

fn sent(app: &mut App, item: OutboxKey, label: Safe) -> Vec<Effect> {
    if app.writing.undo == Some(WritingUndo::TakeBack(item)) {
        app.writing.undo = None;
    }
    app.writing.departing.remove(&item);
    stops::set_stale::<Outbox>(app);
    if app.notices.has_error() {
        return Vec::new();
    }
    app.say(label)
}

fn outbox_changed(app: &mut App, waiting: u32, stuck: u32, recovered: u32) -> Vec<Effect> {
    stops::set_stale::<Outbox>(app);
    let more = stuck > app.writing.stuck;
    (app.writing.waiting, app.writing.stuck) = (waiting, stuck);
    if more {
        // That it is stuck is told; it does not just wait for its time any more.
        app.writing.departing.clear();
    }
    if more {
        let text = match stuck {
            1 => "1 message was not sent as it should be".to_owned(),
            n => format!("{n} messages were not sent as they should be"),
        };
        let hint = app.with_keys("{outbox} shows what is known and what can be done");
        return app.complain(Safe::line(&text), hint);
    }
    if recovered > 0 && !app.writing.is_recovery_told {
        app.writing.is_recovery_told = true;
        let text = match recovered {
            1 => "1 draft was recovered".to_owned(),
            n => format!("{n} drafts were recovered"),
        };
        let hint = app.with_keys("{outbox} shows it");
        return vec![app.notices.show(NoticeKind::Done, Safe::line(&text), hint)];
    }
    Vec::new()
}

/// A request failed. `true`: it was one of writing, and all that had to be said is said.
pub(in crate::app) fn failed(
    app: &mut App,
    request: RequestId,
    problem: &Problem,
) -> Option<Vec<Effect>> {
    if app.writing.opening == Some(request) {
        app.writing.opening = None;
        return None;
    }
    if app.templates_asked == Some(request) {
        crate::app::actions::templates_listed(app, request, &[]);
        return Some(Vec::new());
    }
    stops::failed::<Outbox>(app, request);
    if app.writing.spelling == Some(request) {
        // Where nobody looks for misspelt words, nothing is said of them.
        return Some(Vec::new());
    }
    if review::failed(app, request) {
        return None;
    }
    attach::failed(app, request, problem)
}

/// The engine had no room for a command.
pub(in crate::app) fn refused(app: &mut App, command: &WritingCommand) -> Vec<Effect> {
    let request = match command {
        WritingCommand::Keep { .. } | WritingCommand::Leave { .. } => {
            return later(app, command.clone());
        }
        WritingCommand::Discard { .. } => return later(app, command.clone()),
        // Asked again with the next letter.
        WritingCommand::Complete { .. }
        | WritingCommand::ListPaths { .. }
        | WritingCommand::Spell { .. } => return Vec::new(),
        WritingCommand::LoadOutbox { request } => {
            stops::failed::<Outbox>(app, *request);
            stops::set_stale::<Outbox>(app);
            return Vec::new();
        }
        WritingCommand::Send { request, .. } => {
            let _ours = review::failed(app, *request);
            return app.complain(
                Safe::fixed("The engine is busy; it was not sent, the draft is kept"),
                Safe::fixed("y tries again"),
            );
        }
        WritingCommand::Open { request, .. }
        | WritingCommand::Review { request, .. }
        | WritingCommand::TakeBack { request, .. }
        | WritingCommand::Retry { request, .. }
        | WritingCommand::Cancel { request, .. }
        | WritingCommand::WasSent { request, .. }
        | WritingCommand::Attach { request, .. } => *request,
    };
    let problem = Problem {
        account: None,
        summary: Safe::fixed("The engine is busy; this was not done"),
        hint: Safe::fixed("try again in a moment"),
    };
    match failed(app, request, &problem) {
        Some(effects) => effects,
        None => app.complain(problem.summary, problem.hint),
    }
}
