//! Actions that select messages: one by one, a range, a thread, all that match a rule.
//!
//! Called through the table. What is selected must stay selected until it is changed or let go.

use super::Count;
use crate::app::{App, Effect, Overlay, Prompt, PromptKind, list::placed};
use crate::model::Safe;

pub(super) fn select(app: &mut App, count: Count) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..count.unwrap_or(1).min(1000) {
        let Some(row) = app.list.current() else {
            break;
        };
        let (at, thread, is_folded) = (placed(row), row.thread, row.count > 1);
        let mailbox = row.mailbox;
        let is_on = app.list.selected().contains(&at);
        app.list.toggle(at);
        if is_folded && !is_on && effects.is_empty() {
            let filter = app.list.view().filter.clone();
            effects = app.gather_thread(thread, mailbox, filter);
        }
        app.list.move_by(1);
    }
    effects
}

pub(super) fn select_range(app: &mut App, _: Count) -> Vec<Effect> {
    if app.list.anchor().is_none() {
        let cursor = app.list.cursor();
        app.list.set_anchor(Some(cursor));
        return app.say(Safe::fixed(
            "Move to the other end of the range; v keeps it, Esc drops it",
        ));
    }
    app.keep_range()
}

pub(super) fn select_thread(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(row) = app.list.current() else {
        return Vec::new();
    };
    let (thread, mailbox) = (row.thread, row.mailbox);
    app.gather_thread(thread, mailbox, None)
}

pub(super) fn select_matching(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(app, PromptKind::Rule)));
    Vec::new()
}

pub(super) fn clear_selection(app: &mut App, _: Count) -> Vec<Effect> {
    app.list.clear_selection();
    Vec::new()
}
