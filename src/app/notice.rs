//! The one line that says what just happened, and what to do about it.
//!
//! Set by `update` and actions, drawn by `ui` in the status line. It must never move the list, and
//! a notice of ours must never push away an error that was not seen.

use super::{Effect, Token};
use crate::model::Safe;

/// How long a notice stays.
const STAYS_MS: u64 = 6_000;
/// How long an error stays.
const ERROR_STAYS_MS: u64 = 20_000;

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something was done or is so.
    Done,
    /// Something was done that `u` takes back.
    Undoable,
    /// Something was taken back, and can be done again.
    Redoable,
    /// A key could do nothing: the next one makes it old.
    Refused,
    /// Something went wrong.
    Error,
}

/// A sentence for the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// What happened.
    pub text: Safe,
    /// What to do about it, or what undoing it would do; may be empty.
    pub hint: Safe,
}

/// The place where notices are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Notices {
    shown: Option<Notice>,
    serial: u64,
}

impl Notices {
    /// The notice that is shown.
    #[must_use]
    pub(crate) const fn shown(&self) -> Option<&Notice> {
        self.shown.as_ref()
    }

    /// Shows a notice for a while.
    pub(crate) fn show(&mut self, kind: NoticeKind, text: Safe, hint: Safe) -> Effect {
        self.serial += 1;
        self.shown = Some(Notice { kind, text, hint });
        let ms = match kind {
            NoticeKind::Error => ERROR_STAYS_MS,
            NoticeKind::Done
            | NoticeKind::Undoable
            | NoticeKind::Redoable
            | NoticeKind::Refused => STAYS_MS,
        };
        Effect::After {
            ms,
            token: Token::Notice(self.serial),
        }
    }

    /// The time of that notice is over.
    pub(crate) fn expire(&mut self, serial: u64) {
        if serial == self.serial {
            self.shown = None;
        }
    }

    /// Whether an error is shown.
    #[must_use]
    pub(super) fn has_error(&self) -> bool {
        matches!(&self.shown, Some(n) if n.kind == NoticeKind::Error)
    }

    /// Whether something is shown that the user wants to read: an error, or what was just done.
    #[must_use]
    pub(super) fn is_pressing(&self) -> bool {
        let is_pressing = |n: &Notice| !matches!(n.kind, NoticeKind::Done | NoticeKind::Refused);
        self.shown.as_ref().is_some_and(is_pressing)
    }

    /// Whether what was done last is shown, with its undo.
    #[must_use]
    pub(super) fn is_undoable(&self) -> bool {
        matches!(&self.shown, Some(n) if n.kind == NoticeKind::Undoable)
    }

    /// Takes away what is not an error: elsewhere its keys mean something else.
    pub(super) fn clear(&mut self) {
        if !self.has_error() {
            self.shown = None;
        }
    }

    /// Takes away what was said of a key that did nothing.
    pub(super) fn drop_refusal(&mut self) {
        if matches!(&self.shown, Some(n) if n.kind == NoticeKind::Refused) {
            self.shown = None;
        }
    }

    /// Takes an error away. Whether there was one.
    pub(crate) fn dismiss_error(&mut self) -> bool {
        let is_error = self.has_error();
        if is_error {
            self.shown = None;
        }
        is_error
    }
}
