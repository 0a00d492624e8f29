//! Reading through a view in pages, to find messages that are not in the list's window.
//!
//! Used for what concerns many rows at once: a whole thread, a range, all that match a rule, the
//! next unread. Only keys are kept; it must never hold more rows than one page.

use super::list::placed;
use crate::bus::{Command, RequestId};
use crate::model::{Flag, FlagChange, ListRow, MailboxKey, Placed, ViewSpec};

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
    Change(FlagChange),
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
    pub found: Vec<Placed>,
    view: ViewSpec,
    mailbox: Option<MailboxKey>,
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
    /// Gathers the rows of `view` from `first` up to and without `end`; only those in `mailbox`,
    /// where one is given.
    #[must_use]
    pub(super) fn new(
        request: RequestId,
        view: ViewSpec,
        rows: std::ops::Range<u32>,
        mailbox: Option<MailboxKey>,
        purpose: Purpose,
    ) -> Self {
        Self {
            request,
            purpose,
            found: Vec::new(),
            view,
            mailbox,
            next: rows.start,
            end: rows.end,
            pages: 0,
        }
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
    pub(super) fn receive(&mut self, offset: u32, rows: &[ListRow], total: u32) -> Turn {
        self.pages += 1;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let numbered = || (offset..self.end).zip(rows);
        if self.purpose == Purpose::NextUnread {
            if let Some((index, _)) = numbered().find(|(_, row)| is_unread(row)) {
                return Turn::Found(index);
            }
        } else {
            let wanted =
                numbered().filter(|(_, row)| self.mailbox.is_none_or(|m| m == row.mailbox));
            self.found.extend(wanted.map(|(_, row)| placed(row)));
        }
        self.next = offset.saturating_add(count);
        let is_over = count == 0 || self.next >= self.end.min(total);
        let is_enough = self.found.len() >= FOUND_MAX
            || (self.purpose == Purpose::NextUnread && self.pages >= PAGES_MAX);
        if is_over || is_enough {
            return Turn::Done;
        }
        Turn::More(self.ask())
    }
}

/// Whether the row stands for anything unread.
#[must_use]
pub(super) fn is_unread(row: &ListRow) -> bool {
    row.unread > 0 || !row.flags.has(Flag::Seen)
}
