//! Actions that change messages where they are: star, read, tags; and undo, redo, repeat.
//!
//! Called through the table. A change must never be called done before the engine has it on disk;
//! the sentence that tells of it comes from there.

use super::{Availability, Count};
use crate::app::compose::WritingUndo;
use crate::app::gather::is_unread;
use crate::app::{App, Context, Effect, Prompt, PromptKind, prompt};
use crate::bus::Command;
use crate::model::{DraftStart, Flag, FlagChange, Mailbox, OpKind, Right, Role, Scope};

pub(super) fn has_row(app: &App) -> Availability {
    if app.list.total() == 0 {
        Availability::No("there is no message here")
    } else {
        Availability::Yes
    }
}

pub(super) fn can_change(app: &App) -> Availability {
    if app.has_subject() {
        Availability::Yes
    } else {
        Availability::No("there is no message here")
    }
}

/// The folder whose messages a change would concern, where it is one.
pub(super) fn source(app: &App) -> Option<&Mailbox> {
    match &app.list.view().scope {
        Scope::Mailbox(key) => app.mailbox(*key),
        Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => {
            app.subject_row().and_then(|row| app.mailbox(row.mailbox))
        }
    }
}

/// What that folder is for.
pub(super) fn source_role(app: &App) -> Option<Role> {
    source(app).and_then(|m| m.role)
}

fn allows(app: &App, right: Right, why: &'static str) -> Availability {
    match can_change(app) {
        Availability::Yes if source(app).is_some_and(|m| !m.rights.has(right)) => {
            Availability::No(why)
        }
        other => other,
    }
}

pub(super) fn can_mark(app: &App) -> Availability {
    allows(
        app,
        Right::Write,
        "the server does not let you mark messages in this folder",
    )
}

pub(super) fn can_read(app: &App) -> Availability {
    allows(
        app,
        Right::Seen,
        "the server does not keep what you read in this folder",
    )
}

pub(super) fn can_repeat(app: &App) -> Availability {
    match app.last_change {
        Some(_) => can_change(app),
        None => Availability::No("nothing was changed yet"),
    }
}

/// Changes flags of what is meant.
fn flag(app: &mut App, flag: Flag, on: bool, is_whole: bool, count: Count) -> Vec<Effect> {
    app.change(OpKind::Flags(FlagChange::one(flag, on)), is_whole, count)
}

pub(super) fn star(app: &mut App, count: Count) -> Vec<Effect> {
    let rows = app.known_rows(count);
    let has_all = !rows.is_empty() && rows.iter().all(|r| r.flags.has(Flag::Flagged));
    // A star goes on one message of a thread: the one that the row shows.
    flag(app, Flag::Flagged, !has_all, false, count)
}

pub(super) fn toggle_read(app: &mut App, count: Count) -> Vec<Effect> {
    let has_unread = app.known_rows(count).iter().any(|r| is_unread(r));
    flag(app, Flag::Seen, has_unread, has_unread, count)
}

pub(super) fn mark_read(app: &mut App, count: Count) -> Vec<Effect> {
    flag(app, Flag::Seen, true, true, count)
}

pub(super) fn mark_unread(app: &mut App, count: Count) -> Vec<Effect> {
    flag(app, Flag::Seen, false, false, count)
}

pub(super) fn tag(app: &mut App, _: Count) -> Vec<Effect> {
    let prompt = Prompt::new(app, PromptKind::Tags);
    // Shows the known tags at once.
    prompt::changed(app, prompt)
}

/// Does to these messages what was done to the last ones.
pub(super) fn repeat(app: &mut App, count: Count) -> Vec<Effect> {
    match app.last_change.clone() {
        Some((kind, is_whole)) => app.change(kind, is_whole, count),
        None => Vec::new(),
    }
}

pub(super) fn undo(app: &mut App, _: Count) -> Vec<Effect> {
    match app.writing.undo.take() {
        Some(WritingUndo::TakeBack(item)) => return app.take_back(item),
        Some(WritingUndo::Reopen(key)) => return app.write(DraftStart::Kept(key)),
        None => {}
    }
    let request = app.request();
    if let Some(at) = app.left.take().and_then(|left| left.cursor)
        && app.focus == Context::List
    {
        app.list.expect(at);
    }
    app.undo = Some(request);
    vec![Effect::Engine(Command::Undo { request })]
}

pub(super) fn redo(app: &mut App, _: Count) -> Vec<Effect> {
    let request = app.request();
    vec![Effect::Engine(Command::Redo { request })]
}
