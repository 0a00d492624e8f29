//! Actions that change messages or select them: star, read, tags, undo.
//!
//! Called through the table. A change must never be shown before the engine has it on disk; the
//! sentence that tells of it comes from there.

use super::{Availability, Count};
use crate::app::gather::{Gather, Purpose, is_unread};
use crate::app::{App, Context, Effect, Overlay, Prompt, PromptKind, list::placed, prompt};
use crate::bus::Command;
use crate::model::{Flag, FlagChange, ListRow, OpKind, Placed, Query, Safe, Scope, ThreadKey};
use crate::model::{MailboxKey, ViewSpec};

pub(super) fn has_row(app: &App) -> Availability {
    if app.list.total() == 0 {
        Availability::No("there is no message here")
    } else {
        Availability::Yes
    }
}

pub(super) fn can_change(app: &App) -> Availability {
    if app.list.selected().is_empty() && app.subject_row().is_none() {
        Availability::No("there is no message here")
    } else {
        Availability::Yes
    }
}

pub(super) fn can_redo_last(app: &App) -> Availability {
    match app.last_change {
        Some(_) => can_change(app),
        None => Availability::No("nothing was changed yet"),
    }
}

/// The rows that a change would concern, as far as they are loaded.
fn known_rows(app: &App) -> Vec<&ListRow> {
    if app.focus != Context::Reader
        && (!app.list.selected().is_empty() || app.list.anchor().is_some())
    {
        let selected = app.list.loaded().filter(|(n, _)| app.list.is_selected(*n));
        return selected.map(|(_, row)| row).collect();
    }
    app.subject_row().into_iter().collect()
}

pub(super) fn star(app: &mut App, _: Count) -> Vec<Effect> {
    let rows = known_rows(app);
    let has_all = !rows.is_empty() && rows.iter().all(|r| r.flags.has(Flag::Flagged));
    // A star goes on one message of a thread: the one that the row shows.
    app.change(FlagChange::one(Flag::Flagged, !has_all), false)
}

pub(super) fn toggle_read(app: &mut App, _: Count) -> Vec<Effect> {
    let has_unread = known_rows(app).iter().any(|r| is_unread(r));
    app.change(FlagChange::one(Flag::Seen, has_unread), has_unread)
}

pub(super) fn mark_read(app: &mut App, _: Count) -> Vec<Effect> {
    app.change(FlagChange::one(Flag::Seen, true), true)
}

pub(super) fn mark_unread(app: &mut App, _: Count) -> Vec<Effect> {
    app.change(FlagChange::one(Flag::Seen, false), false)
}

pub(super) fn tag(app: &mut App, _: Count) -> Vec<Effect> {
    let prompt = Prompt::new(app, PromptKind::Tags);
    // Shows the known tags at once.
    prompt::changed(app, prompt)
}

pub(super) fn repeat(app: &mut App, _: Count) -> Vec<Effect> {
    match app.last_change.clone() {
        Some(change) => app.change(change, false),
        None => Vec::new(),
    }
}

pub(super) fn undo(app: &mut App, _: Count) -> Vec<Effect> {
    let request = app.request();
    vec![Effect::Engine(Command::Undo { request })]
}

pub(super) fn redo(app: &mut App, _: Count) -> Vec<Effect> {
    let request = app.request();
    vec![Effect::Engine(Command::Redo { request })]
}

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
            effects = app.gather_thread(thread, mailbox, Purpose::Select);
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
    app.gather_thread(thread, mailbox, Purpose::Select)
}

pub(super) fn select_matching(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(app, PromptKind::Rule)));
    Vec::new()
}

pub(super) fn clear_selection(app: &mut App, _: Count) -> Vec<Effect> {
    app.list.clear_selection();
    Vec::new()
}

impl App {
    /// The row of the message at hand: in the reader the one that is read, else under the cursor.
    pub(in crate::app) fn subject_row(&self) -> Option<&ListRow> {
        if self.focus == Context::Reader
            && let Some(placed) = self.reader.placed
        {
            return self.list.find(placed).map(|(_, row)| row);
        }
        self.list.current()
    }

    /// Changes what is selected, or the message at hand; `is_whole`: of a folded thread all.
    pub(in crate::app) fn change(&mut self, change: FlagChange, is_whole: bool) -> Vec<Effect> {
        self.last_change = Some(change.clone());
        if self.focus != Context::Reader {
            if let Some((first, last)) = self.list.range() {
                let loaded = (first..=last).map(|n| self.list.row(n).map(placed));
                if let Some(all) = loaded.collect::<Option<Vec<Placed>>>() {
                    self.list.select(all);
                    self.list.set_anchor(None);
                } else {
                    return self
                        .gather_rows(first..last.saturating_add(1), Purpose::Change(change));
                }
            }
            if !self.list.selected().is_empty() {
                let targets = self.list.selected().iter().copied().collect();
                self.list.clear_selection();
                return self.apply(change, targets);
            }
        }
        let Some(row) = self.subject_row() else {
            // The message that is read has left the list; it can still be changed.
            let read = self.reader.placed.filter(|_| self.focus == Context::Reader);
            return self.apply(change, read.into_iter().collect());
        };
        let (at, thread, mailbox) = (placed(row), row.thread, row.mailbox);
        if is_whole && row.count > 1 {
            return self.gather_thread(thread, mailbox, Purpose::Change(change));
        }
        self.apply(change, vec![at])
    }

    /// Has the engine record a change.
    pub(in crate::app) fn apply(
        &mut self,
        change: FlagChange,
        targets: Vec<Placed>,
    ) -> Vec<Effect> {
        if targets.is_empty() {
            return self.say(Safe::fixed("There is no message to change"));
        }
        let request = self.request();
        vec![Effect::Engine(Command::Apply {
            request,
            kind: OpKind::Flags(change),
            targets,
            is_automatic: false,
        })]
    }

    /// Selects the rows of the range for good.
    fn keep_range(&mut self) -> Vec<Effect> {
        let Some((first, last)) = self.list.range() else {
            return Vec::new();
        };
        let loaded = (first..=last).map(|n| self.list.row(n).map(placed));
        match loaded.collect::<Option<Vec<Placed>>>() {
            Some(all) => {
                self.list.select(all);
                self.list.set_anchor(None);
                Vec::new()
            }
            None => self.gather_rows(first..last.saturating_add(1), Purpose::Select),
        }
    }

    fn gather_rows(&mut self, rows: std::ops::Range<u32>, purpose: Purpose) -> Vec<Effect> {
        self.list.set_anchor(None);
        let view = self.list.view().clone();
        self.gather(view, rows, None, purpose)
    }

    fn gather_thread(
        &mut self,
        thread: ThreadKey,
        mailbox: MailboxKey,
        purpose: Purpose,
    ) -> Vec<Effect> {
        let view = ViewSpec {
            scope: Scope::Thread(thread),
            filter: None,
            sort: crate::model::Sort::Oldest,
            threads: None,
        };
        // In a folder, what of the thread lies elsewhere is left alone.
        let only = match &self.list.view().scope {
            Scope::Everywhere(_) | Scope::Thread(_) => None,
            Scope::Mailbox(_) | Scope::Role(_) => Some(mailbox),
        };
        self.gather(view, 0..u32::MAX, only, purpose)
    }

    fn gather(
        &mut self,
        view: ViewSpec,
        rows: std::ops::Range<u32>,
        only: Option<MailboxKey>,
        purpose: Purpose,
    ) -> Vec<Effect> {
        let request = self.request();
        let gather = Gather::new(request, view, rows, only, purpose);
        let ask = gather.ask();
        self.gather = Some(gather);
        vec![Effect::Engine(ask)]
    }

    /// Selects all messages of the view that match a query.
    pub(in crate::app) fn select_rule(&mut self, text: &str) -> Result<Vec<Effect>, Safe> {
        let Some(rule) = prompt::parse(self, text)? else {
            return Ok(Vec::new());
        };
        let view = self.list.view();
        let filter = match &view.filter {
            Some(filter) => Query::And(vec![filter.clone(), rule]),
            None => rule,
        };
        let view = ViewSpec {
            filter: Some(filter),
            threads: None,
            ..view.clone()
        };
        Ok(self.gather(view, 0..u32::MAX, None, Purpose::Select))
    }
}
