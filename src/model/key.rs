//! Local row keys: ours, never reused, and never confused with one another or with server ids.
//!
//! Used by every layer to name things. A key must never be sent to a server.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

key!(
    /// An account of the configuration, as the store knows it.
    AccountKey
);
key!(
    /// A mailbox of an account.
    MailboxKey
);
key!(
    /// A message; the `id` that commands print and take.
    MessageKey
);
key!(
    /// A thread (RFC 5256): the smallest message key that was ever in it.
    ThreadKey
);
key!(
    /// A journal operation.
    OpKey
);
key!(
    /// One target of a journal operation: the part that is claimed, settled or rejected.
    TargetKey
);
key!(
    /// One change of the tree in the journal.
    TreeKey
);
key!(
    /// The bytes of a message that is kept on this computer.
    LocalKey
);
key!(
    /// A message that is being written.
    DraftKey
);
key!(
    /// A message that waits to be sent; the `id` that `pillarbox outbox` prints and takes.
    OutboxKey
);

/// A message where it lies: the same message can lie in several mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Placed {
    /// The message.
    pub message: MessageKey,
    /// The mailbox.
    pub mailbox: MailboxKey,
}
