//! What a program said, over the panes, to be read and closed.
//!
//! Opened by `taking`, fed by `overlay`, drawn by `ui`. It must never hold more than the engine's
//! bound lets through, and nothing that is not clean.

use super::{Code, Key};
use crate::model::Safe;

/// The lines, and how far they are scrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The program.
    pub title: Safe,
    /// What it said.
    pub lines: Vec<Safe>,
    top: usize,
}

impl Output {
    /// From the first line on.
    #[must_use]
    pub const fn new(title: Safe, lines: Vec<Safe>) -> Self {
        let top = 0;
        Self { title, lines, top }
    }

    /// The first visible line.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// All of it as one text.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(Safe::as_str).collect();
        lines.join("\n")
    }

    /// Scrolls by so many lines.
    pub fn scroll_by(&mut self, lines: i64, height: usize) {
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if lines < 0 {
            self.top.saturating_sub(by)
        } else {
            self.top.saturating_add(by)
        };
        self.top = to.min(self.lines.len().saturating_sub(height.max(1)));
    }

    /// Takes a key. Whether it stays open.
    pub fn key(&mut self, key: Key, height: usize) -> bool {
        let page = i64::try_from(height.max(2) - 1).unwrap_or(1);
        let by = match key.code() {
            Code::Esc | Code::Enter | Code::Char('q' | 'h') => return false,
            _ if key.is_ctrl('c') || key.is_ctrl('g') => return false,
            Code::Down | Code::Char('j') => 1,
            Code::Up | Code::Char('k') => -1,
            Code::PageDown | Code::Char(' ') => page,
            Code::PageUp | Code::Backspace => -page,
            Code::Home | Code::Char('g') => i64::MIN / 2,
            Code::End | Code::Char('G') => i64::MAX / 2,
            _ if key.is_ctrl('f') || key.is_ctrl('d') => page,
            _ if key.is_ctrl('b') || key.is_ctrl('u') => -page,
            _ => 0,
        };
        self.scroll_by(by, height);
        true
    }
}
