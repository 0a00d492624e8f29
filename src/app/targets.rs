//! Which messages an action concerns, and how a change of them is handed to the engine.
//!
//! Called by actions, overlays and `events`. What was asked for must never reach a message that
//! the user could not see the action to concern: a filter holds for folded threads too.

use super::actions::Count;
use super::gather::{Gather, Purpose};
use super::list::placed;
use super::overlay::Confirmed;
use super::settle::turn_to;
use super::{App, Confirm, Context, Effect, Overlay, grouped, prompt};
use crate::bus::{Command, RequestId};
use crate::model::{
    Destination, ListRow, MailboxKey, OpKind, Placed, Query, Safe, Scope, ThreadKey, ViewSpec,
};
use std::collections::BTreeSet;
use std::ops::Range;

/// What an action concerns: messages by name, and rows of the list that may stand for more.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Concern {
    named: BTreeSet<Placed>,
    rows: Range<u32>,
}

fn counted(count: usize) -> String {
    grouped(u32::try_from(count).unwrap_or(u32::MAX))
}

/// What one has to know before messages are deleted for good.
pub(super) const FOR_GOOD: &str =
    "Gone from the server, too; {undo} brings back only what is kept here whole.";

/// The last change that took messages out of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    /// The request; if it fails, the list is read anew.
    pub request: RequestId,
    /// The message that had the cursor: undo brings the cursor back to it.
    pub cursor: Option<Placed>,
}

impl App {
    /// The row of the message at hand: in the reader the one that is read, else under the cursor.
    pub(super) fn subject_row(&self) -> Option<&ListRow> {
        if self.focus == Context::Reader
            && let Some(placed) = self.reader.placed
        {
            let told = self.thread_view().and_then(super::Conversation::row);
            return told.or_else(|| self.list.find(placed).map(|(_, row)| row));
        }
        self.list.current()
    }

    fn concern(&self, count: Count) -> Concern {
        let is_reading = self.focus == Context::Reader;
        let has_selection = !self.list.selected().is_empty() || self.list.anchor().is_some();
        if !is_reading && has_selection {
            let range = self.list.range().map(|(a, b)| a..b.saturating_add(1));
            return Concern {
                named: self.list.selected().clone(),
                rows: range.unwrap_or(0..0),
            };
        }
        if is_reading && self.thread_view().is_some() {
            return Concern {
                named: self.reader.placed.into_iter().collect(),
                rows: 0..0,
            };
        }
        let many = count.unwrap_or(1).max(1);
        let read = self.reader.placed.filter(|_| is_reading);
        let (first, many, named) = match read.map(|p| (p, self.list.find(p))) {
            Some((_, Some((first, _)))) => (first, many, BTreeSet::new()),
            // The message that is read has left the list; it can still be changed.
            Some((gone, None)) => (self.list.cursor(), many - 1, BTreeSet::from([gone])),
            None => (self.list.cursor(), many, BTreeSet::new()),
        };
        let end = first.saturating_add(many).min(self.list.total());
        Concern {
            named,
            rows: first..end,
        }
    }

    /// The rows that a change would concern, as far as they are loaded.
    pub(super) fn known_rows(&self, count: Count) -> Vec<&ListRow> {
        if let Some(talk) = self.thread_view() {
            return talk.row().into_iter().collect();
        }
        let concern = self.concern(count);
        let is_meant = |(n, row): &(u32, &ListRow)| {
            concern.rows.contains(n) || concern.named.contains(&placed(row))
        };
        self.list.loaded().filter(is_meant).map(|r| r.1).collect()
    }

    /// Whether there is any message that a change would concern.
    pub(super) fn has_subject(&self) -> bool {
        let concern = self.concern(None);
        !concern.named.is_empty() || !concern.rows.is_empty()
    }

    /// Changes what is selected, or the message at hand and, with a count, those after it;
    /// `is_whole`: of folded threads all.
    pub(super) fn change(&mut self, kind: OpKind, is_whole: bool, count: Count) -> Vec<Effect> {
        self.last_change = Some((kind.clone(), is_whole));
        let concern = self.concern(count);
        // In the reader it is one message that one sees, whatever the row stands for.
        let is_whole = is_whole && (self.focus != Context::Reader || count.is_some());
        match self.at_hand(&concern, is_whole) {
            Some(targets) => self.submit(kind, targets),
            None => self.gather_concern(concern, is_whole, Purpose::Change(kind)),
        }
    }

    /// The messages, where the loaded rows tell them all.
    fn at_hand(&self, concern: &Concern, is_whole: bool) -> Option<Vec<Placed>> {
        let mut all = concern.named.clone();
        for n in concern.rows.clone() {
            let row = self.list.row(n).filter(|r| !is_whole || r.count == 1)?;
            all.insert(placed(row));
        }
        Some(all.into_iter().collect())
    }

    /// Has the engine record a change, after asking where it cannot be undone.
    pub(super) fn submit(&mut self, kind: OpKind, targets: Vec<Placed>) -> Vec<Effect> {
        if targets.is_empty() {
            return self.say(Safe::fixed("There is no message to change"));
        }
        if kind == OpKind::Delete {
            self.overlay = Some(Overlay::Confirm(self.ask_to_delete(targets)));
            return Vec::new();
        }
        self.apply(kind, targets)
    }

    fn ask_to_delete(&self, targets: Vec<Placed>) -> Confirm {
        let (title, lines) = match targets.as_slice() {
            [one] => {
                let subject = self.list.find(*one).map(|(_, row)| row.subject.clone());
                let lines = subject.filter(|s| !s.is_empty()).into_iter().collect();
                ("Delete this message for good?".to_owned(), lines)
            }
            many => (
                format!("Delete {} messages for good?", counted(many.len())),
                Vec::new(),
            ),
        };
        Confirm {
            lines,
            warning: Some(self.with_keys(FOR_GOOD)),
            ..Confirm::grave(&title, "delete", Confirmed::Apply(OpKind::Delete, targets))
        }
    }

    /// Has the engine record a change. What leaves the list leaves it at once.
    pub(super) fn apply(&mut self, kind: OpKind, targets: Vec<Placed>) -> Vec<Effect> {
        let request = self.request();
        if !targets.is_empty() {
            if self.focus != Context::Reader {
                self.list.clear_selection();
            }
            if self.leaves(&kind) {
                self.take_out(request, &targets.iter().copied().collect());
            }
        }
        vec![Effect::Engine(Command::Apply {
            request,
            kind,
            targets,
            is_automatic: false,
        })]
    }

    /// Whether messages that are changed so are no longer shown here.
    fn leaves(&self, kind: &OpKind) -> bool {
        let to = match kind {
            OpKind::Delete => return true,
            OpKind::Move(to) => to,
            OpKind::Flags(_)
            | OpKind::Copy(_)
            | OpKind::Empty(_)
            | OpKind::ReadAll(_)
            | OpKind::Folder(_) => return false,
        };
        match (&self.list.view().scope, to) {
            (Scope::Mailbox(key), Destination::Mailbox(to)) => {
                let here = self.mailbox(*key);
                here.is_none_or(|m| m.account != to.account || m.name != to.name)
            }
            (Scope::Mailbox(key), Destination::Role(role)) => {
                self.mailbox(*key).is_none_or(|m| m.role != Some(*role))
            }
            (Scope::Role(here), Destination::Role(role)) => here != role,
            (Scope::Role(_), Destination::Mailbox(_)) => true,
            (Scope::Everywhere(_) | Scope::Thread(_), _) => false,
        }
    }

    /// Takes messages out of the list before the engine has answered, so that the next key meets
    /// the next message. The reader goes on to it.
    fn take_out(&mut self, request: RequestId, gone: &BTreeSet<Placed>) {
        self.left = Some(Left {
            request,
            cursor: self.list.current().map(placed),
        });
        self.list.take_out(gone);
        if self.focus == Context::Reader && super::conversation::take_out(self, gone) {
            return;
        }
        let is_read_gone = self.reader.placed.is_some_and(|p| gone.contains(&p));
        if self.focus == Context::Reader && is_read_gone {
            let next = self.list.current().map(placed);
            turn_to(self, next);
            if next.is_none() {
                self.focus = Context::List;
            }
        }
    }

    /// Selects the rows of the range for good.
    pub(super) fn keep_range(&mut self) -> Vec<Effect> {
        let Some((first, last)) = self.list.range() else {
            return Vec::new();
        };
        let concern = Concern {
            named: BTreeSet::new(),
            rows: first..last.saturating_add(1),
        };
        self.list.set_anchor(None);
        match self.at_hand(&concern, true) {
            Some(all) => {
                self.list.select(all);
                Vec::new()
            }
            None => self.gather_concern(concern, true, Purpose::Select),
        }
    }

    fn gather_concern(
        &mut self,
        concern: Concern,
        is_whole: bool,
        purpose: Purpose,
    ) -> Vec<Effect> {
        let request = self.request();
        let view = self.list.view().clone();
        let gather = Gather::new(request, view, concern.rows, purpose);
        self.begin(gather.with(concern.named, is_whole))
    }

    /// Finds the messages of a thread: those that match `filter`, in the mailbox at hand.
    pub(super) fn gather_thread(
        &mut self,
        thread: ThreadKey,
        mailbox: MailboxKey,
        filter: Option<Query>,
    ) -> Vec<Effect> {
        let request = self.request();
        let view = ViewSpec {
            filter,
            ..self.list.view().clone()
        };
        self.begin(Gather::of_thread(
            request,
            view,
            thread,
            mailbox,
            Purpose::Select,
        ))
    }

    /// Finds all messages of a view.
    pub(super) fn gather_all(&mut self, view: ViewSpec, purpose: Purpose) -> Vec<Effect> {
        let request = self.request();
        self.begin(Gather::new(request, view, 0..u32::MAX, purpose))
    }

    fn begin(&mut self, gather: Gather) -> Vec<Effect> {
        let ask = gather.ask();
        self.gather = Some(gather);
        vec![Effect::Engine(ask)]
    }

    /// Selects all messages of the view that match a query.
    pub(super) fn select_rule(&mut self, text: &str) -> Result<Vec<Effect>, Safe> {
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
        Ok(self.gather_all(view, Purpose::Select))
    }
}
