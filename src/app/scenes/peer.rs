//! The engine of a scene: answers each command from rows and folders that are kept in memory.
//!
//! Used by `scenes`. It must answer like the engine does: with the request's id, and never by
//! itself.

use super::Scene;
use crate::bus::{AccountView, Command, Event, RequestId};
use crate::model::{
    Flag, FolderChange, ListRow, Mailbox, MailboxKey, OpKey, OpKind, Placed, Query, Reading, Safe,
    Scope, Sort, Term, ViewSpec,
};

/// So many rows of a view are worked out at least.
const HEAD: usize = 200;

/// What there was before a change, and the sentence that told of it.
pub(crate) struct Before {
    rows: Vec<ListRow>,
    accounts: Vec<AccountView>,
    label: String,
}

impl Scene {
    /// What the engine says to a command.
    pub(crate) fn answer(&mut self, command: &Command) -> Vec<Event> {
        match command {
            Command::LoadTree => vec![Event::Tree(self.accounts.clone())],
            Command::LoadWindow { .. } => self.window(command),
            Command::OpenMessage {
                request,
                placed,
                width,
                ..
            } => vec![Event::Message {
                request: *request,
                placed: *placed,
                reading: Box::new(Reading {
                    width: *width,
                    ..self.reading.clone()
                }),
                progress: None,
            }],
            Command::LoadSource { request, .. } => vec![Event::Source {
                request: *request,
                lines: Safe::lines("From: a@b\n\nHello").collect(),
            }],
            Command::Apply {
                request,
                kind,
                targets,
                ..
            } => self.apply(*request, kind, targets),
            Command::Undo { request } => self.undo(*request),
            Command::LoadActivity { request } => vec![Event::Activity {
                request: *request,
                ops: self.ops.clone(),
            }],
            Command::CancelOp { request, op } => {
                self.ops.retain(|o| o.op != *op);
                vec![applied(*request, "Taken back", ""), changed()]
            }
            Command::Writing(command) => {
                let events = self.desk.answer(command).into_iter();
                events.collect()
            }
            _ => Vec::new(),
        }
    }

    fn window(&mut self, command: &Command) -> Vec<Event> {
        let Command::LoadWindow {
            request,
            view,
            offset,
            len,
            around,
        } = command
        else {
            return Vec::new();
        };
        self.windows += 1;
        let mut shown = shown(&self.rows, view);
        let whole = shown.len();
        if view.filter.is_some() {
            // Of a view that has just been worked out the engine knows only the beginning.
            let end = usize::try_from(offset.saturating_add(*len)).unwrap();
            shown.truncate(end.max(HEAD));
        }
        let total = u32::try_from(shown.len()).unwrap();
        let offset = (*offset).min(total);
        let from = usize::try_from(offset).unwrap();
        let len = usize::try_from(*len).unwrap();
        let is_complete = shown.len() == whole;
        let place = |p: &Placed| shown.iter().position(|r| r.message == p.message);
        let around = around.as_ref().and_then(place);
        vec![Event::Window {
            request: *request,
            offset,
            total,
            around: around.map(|n| u32::try_from(n).unwrap()),
            rows: shown.into_iter().skip(from).take(len).collect(),
            is_complete,
        }]
    }

    fn apply(&mut self, request: RequestId, kind: &OpKind, targets: &[Placed]) -> Vec<Event> {
        let label = kind.label(targets.len());
        self.before.push(Before {
            rows: self.rows.clone(),
            accounts: self.accounts.clone(),
            label: label.clone(),
        });
        let is_target = |row: &ListRow| targets.iter().any(|t| t.message == row.message);
        let mut undo = String::new();
        match kind {
            OpKind::Flags(change) => {
                for row in self.rows.iter_mut().filter(|r| is_target(r)) {
                    row.flags.apply(change);
                    row.unread = u32::from(!row.flags.has(Flag::Seen));
                }
            }
            OpKind::Move(_) | OpKind::Delete => {
                self.rows.retain(|r| !is_target(r));
                undo = match targets.len() {
                    1 => "moves it back to INBOX".to_owned(),
                    n => format!("moves {n} messages back to INBOX"),
                };
            }
            OpKind::Folder(change) => change_tree(&mut self.accounts, change),
            OpKind::Copy(_) | OpKind::Empty(_) | OpKind::ReadAll(_) => {}
        }
        vec![applied(request, &label, &undo), changed()]
    }

    fn undo(&mut self, request: RequestId) -> Vec<Event> {
        let Some(before) = self.before.pop() else {
            return vec![Event::Applied {
                request,
                op: None,
                label: Safe::fixed("There is nothing to undo"),
                can_undo: false,
                undo: Safe::default(),
            }];
        };
        (self.rows, self.accounts) = (before.rows, before.accounts);
        let mut label = before.label;
        let first = label.remove(0).to_ascii_lowercase();
        label.insert(0, first);
        vec![applied(request, &format!("Undone: {label}"), ""), changed()]
    }
}

fn changed() -> Event {
    Event::Changed(vec![MailboxKey(11)])
}

fn applied(request: RequestId, label: &str, undo: &str) -> Event {
    Event::Applied {
        request,
        op: Some(OpKey(1)),
        label: Safe::line(label),
        can_undo: true,
        undo: Safe::line(undo),
    }
}

fn change_tree(accounts: &mut [AccountView], change: &FolderChange) {
    let of = change.mailbox();
    let account = accounts.iter_mut().find(|a| a.key == of.account).unwrap();
    let all = &mut account.mailboxes;
    match change {
        FolderChange::Create(made) => all.push(Mailbox {
            total: 0,
            is_pending: true,
            ..super::mailbox(1000, made.account.0, &made.name, None, 0)
        }),
        FolderChange::Rename { from, to } => {
            let is_meant = |m: &Mailbox| m.name == from.name || m.is_below(&from.name);
            for mailbox in all.iter_mut().filter(|m| is_meant(m)) {
                mailbox.name = mailbox.name.replacen(&from.name, to, 1);
                mailbox.is_pending = true;
            }
        }
        FolderChange::Delete { mailbox, .. } => {
            all.retain(|m| m.name != mailbox.name && !m.is_below(&mailbox.name));
        }
        FolderChange::Subscribe(mailbox, on) => {
            for found in all.iter_mut().filter(|m| m.name == mailbox.name) {
                found.is_subscribed = *on;
            }
        }
    }
    // Roles first, then by name: the order of the tree.
    all.sort_by_key(|m| (m.role.is_none(), m.role, m.name.clone()));
}

/// The rows of a view: filtered by what the tests use, threads folded into their latest message.
fn shown(rows: &[ListRow], view: &ViewSpec) -> Vec<ListRow> {
    fn matches(row: &ListRow, query: &Query) -> bool {
        match query {
            Query::And(all) => all.iter().all(|q| matches(row, q)),
            Query::Or(any) => any.iter().any(|q| matches(row, q)),
            Query::Not(not) => !matches(row, not),
            Query::Term(Term::Is(flag, on)) => row.flags.has(*flag) == *on,
            Query::Term(Term::HasAttachment) => row.has_attachment,
            Query::Term(Term::Text(text) | Term::From(text)) => {
                let hay = format!("{} {}", row.subject, row.who).to_lowercase();
                hay.contains(&text.to_lowercase())
            }
            Query::Term(_) => false,
        }
    }
    let mut all: Vec<ListRow> = rows
        .iter()
        .filter(|r| view.filter.as_ref().is_none_or(|q| matches(r, q)))
        .filter(|r| !matches!(view.scope, Scope::Thread(thread) if thread != r.thread))
        .cloned()
        .collect();
    match view.sort {
        Sort::Subject => all.sort_by_key(|r| r.subject.clone()),
        Sort::Oldest => all.reverse(),
        _ => {}
    }
    let Some(folding) = &view.threads else {
        for row in &mut all {
            row.depth = 0;
        }
        return all;
    };
    let mut shown: Vec<ListRow> = Vec::new();
    for row in all {
        let latest = shown.iter_mut().find(|r| r.thread == row.thread);
        match latest {
            Some(latest) if !folding.is_unfolded(row.thread) => {
                latest.count += 1;
                latest.unread += row.unread;
            }
            _ => shown.push(row),
        }
    }
    shown
}
