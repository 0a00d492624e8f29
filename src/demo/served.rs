//! The server of a demo account, of either kind, as the post sees it: somewhere to put a message.
//!
//! Used by `live` and `returns`. Mail must never be lost because its folder is gone.

use super::imap::Peer;
use super::{pop3, sample::SampleMessage};
use crate::model::FlagSet;

/// The server of an account. Clones are the same server.
#[derive(Debug, Clone)]
pub enum Served {
    /// It keeps the folders.
    Imap(Peer),
    /// It keeps what was not fetched yet.
    Pop3(pop3::Peer),
}

impl Served {
    /// Delivers a message: into a folder where there is such a one, else into the inbox.
    pub(super) fn put(&self, mailbox: &str, message: &SampleMessage) {
        match self {
            Self::Imap(peer) => {
                let store = peer.store();
                let put = |name: &str| {
                    store.append(name, &message.raw, message.flags.clone(), message.arrived)
                };
                // The user may have renamed or deleted the folder.
                if put(mailbox).is_none() {
                    put("INBOX");
                }
            }
            Self::Pop3(peer) => {
                peer.maildrop().deliver(message.raw.clone());
            }
        }
    }

    /// Delivers a message that is new to its inbox.
    pub(super) fn deliver(&self, raw: &[u8], arrived: crate::model::Moment) {
        let message = SampleMessage {
            raw: raw.to_vec(),
            flags: FlagSet::default(),
            arrived,
        };
        self.put("INBOX", &message);
    }

    /// How many messages lie there.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Imap(peer) => {
                let names = peer.store().names().into_iter();
                let mailboxes = names.filter_map(|name| peer.store().mailbox(&name));
                mailboxes.map(|m| m.messages.len()).sum()
            }
            Self::Pop3(peer) => peer.maildrop().messages().len(),
        }
    }
}
