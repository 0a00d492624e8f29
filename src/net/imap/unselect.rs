//! Leaving the selected mailbox without opening another (UNSELECT, RFC 3691).
//!
//! Called by the verbs that rename or delete mailboxes. CLOSE must never be used: it removes what is
//! marked as deleted.

use super::command::Command;
use super::session::Session;
use super::status::is_same_name;

impl Session {
    /// Leaves the selected mailbox if it has that name on the wire, or may lie below it. In the same
    /// flight as the command that follows.
    pub(super) fn step_out_of(&mut self, wire: &[u8]) {
        let is_inside = self
            .state
            .selected_name()
            .is_some_and(|open| is_same_name(open, wire) || may_lie_below(open, wire));
        if !is_inside {
            return;
        }
        // Where UNSELECT is not offered, INBOX is opened to be read only: it is always there, and
        // nothing is removed from the mailbox that was open (RFC 9051 §6.3.2).
        let text = if self.state.capabilities.has("UNSELECT") {
            "UNSELECT"
        } else {
            "EXAMINE INBOX"
        };
        self.send_unattended(&Command::new(text));
        drop(self.leave_mailbox());
    }
}

/// What separates the levels is not known here; a letter or digit it is not.
fn may_lie_below(open: &[u8], above: &[u8]) -> bool {
    let rest = open.strip_prefix(above);
    rest.and_then(<[u8]>::first)
        .is_some_and(|b| !b.is_ascii_alphanumeric())
}
