//! Reading through a view in pages, to find messages that are not in the list's window.
//!
//! Used for what concerns many rows at once: a whole thread, a range, all that match a rule, the
//! next unread. Only keys are kept; it must never hold more rows than one page.

use super::list::{Window, placed};
use crate::bus::{Command, RequestId};
use crate::model::{Flag, ListRow, MailboxKey, OpKind, Placed, Scope, Sort, ThreadKey, ViewSpec};
use std::collections::BTreeSet;

/// Rows in a page.
const PAGE: u32 = 500;
/// Messages that one gathering may find.
pub(super) const FOUND_MAX: usize = 50_000;
/// Pages that are searched for the next unread message.
const PAGES_MAX: u32 = 40;

/// What the messages are wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To select them.
    Select,
    /// To change them.
    Change(OpKind),
    /// To go to the first unread one.
    NextUnread,
}

/// A gathering under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gather {
    /// The page that is waited for.
    pub request: RequestId,
    /// What they are wanted for.
    pub purpose: Purpose,
    /// What was found so far.
    pub found: BTreeSet<Placed>,
    /// The view that was started from.
    origin: ViewSpec,
    /// The view that is read now: that one, or a thread of it.
    view: ViewSpec,
    /// Of what is read now, only what lies there.
    only: Option<MailboxKey>,
    /// Whether a folded thread is found as a whole.
    is_whole: bool,
    /// Folded threads still to be read.
    threads: Vec<(ThreadKey, MailboxKey)>,
    next: u32,
    end: u32,
    pages: u32,
}

/// What comes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask for the next page.
    More(Command),
    /// All is found.
    Done,
    /// The row to go to was found at that place.
    Found(u32),
}

impl Gather {
    /// Gathers these rows of `view`, each as the one message that it shows.
    #[must_use]
    pub(super) fn new(
        request: RequestId,
        view: ViewSpec,
        rows: std::ops::Range<u32>,
        purpose: Purpose,
    ) -> Self {
        Self {
            request,
            purpose,
            found: BTreeSet::new(),
            origin: view.clone(),
            view,
            only: None,
            is_whole: false,
            threads: Vec::new(),
            next: rows.start,
            end: rows.end,
            pages: 0,
        }
    }

    /// The same with what was found already; `is_whole`: of folded threads all.
    #[must_use]
    pub(super) fn with(self, found: BTreeSet<Placed>, is_whole: bool) -> Self {
        Self {
            found,
            is_whole,
            ..self
        }
    }

    /// Gathers what the folded row of a thread stands for in `view`.
    #[must_use]
    pub(super) fn of_thread(
        request: RequestId,
        view: ViewSpec,
        thread: ThreadKey,
        mailbox: MailboxKey,
        purpose: Purpose,
    ) -> Self {
        let mut gather = Self::new(request, view, 0..0, purpose);
        gather.turn_to(thread, mailbox);
        gather
    }

    fn turn_to(&mut self, thread: ThreadKey, mailbox: MailboxKey) {
        // In a folder, what of the thread lies elsewhere is left alone.
        self.only = match &self.origin.scope {
            Scope::Everywhere(_) | Scope::Thread(_) => None,
            Scope::Mailbox(_) | Scope::Role(_) => Some(mailbox),
        };
        self.view = ViewSpec {
            scope: Scope::Thread(thread),
            filter: self.origin.filter.clone(),
            sort: Sort::Oldest,
            threads: None,
        };
        (self.next, self.end) = (0, u32::MAX);
    }

    /// The request for the next page.
    #[must_use]
    pub(super) fn ask(&self) -> Command {
        Command::LoadWindow {
            request: self.request,
            view: self.view.clone(),
            offset: self.next,
            len: self.end.saturating_sub(self.next).min(PAGE),
            around: None,
        }
    }

    /// Takes a page.
    pub(super) fn receive(&mut self, window: &Window) -> Turn {
        self.pages += 1;
        let (offset, rows) = (window.offset, window.rows.as_slice());
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let end = self.end;
        let mut numbered = (offset..end).zip(rows);
        if self.purpose == Purpose::NextUnread {
            if let Some((index, _)) = numbered.find(|(_, row)| is_unread(row)) {
                return Turn::Found(index);
            }
        } else {
            for (_, row) in numbered {
                self.take(row);
            }
        }
        let before = std::mem::replace(&mut self.next, offset.saturating_add(count));
        // While only the beginning of a view is known, its end is not where it seems to be.
        let known_end = if window.is_complete {
            window.total
        } else {
            u32::MAX
        };
        let is_over = self.next <= before || self.next >= self.end.min(known_end);
        let is_enough = self.found.len() >= FOUND_MAX
            || (self.purpose == Purpose::NextUnread && self.pages >= PAGES_MAX);
        if !is_over && !is_enough {
            return Turn::More(self.ask());
        }
        match self.threads.pop().filter(|_| !is_enough) {
            Some((thread, mailbox)) => {
                self.turn_to(thread, mailbox);
                Turn::More(self.ask())
            }
            None => Turn::Done,
        }
    }

    fn take(&mut self, row: &ListRow) {
        if self.only.is_some_and(|m| m != row.mailbox) {
            return;
        }
        if self.is_whole && row.count > 1 {
            self.threads.push((row.thread, row.mailbox));
        } else {
            self.found.insert(placed(row));
        }
    }
}

/// Whether the row stands for anything unread.
#[must_use]
pub(super) fn is_unread(row: &ListRow) -> bool {
    row.unread > 0 || !row.flags.has(Flag::Seen)
}
