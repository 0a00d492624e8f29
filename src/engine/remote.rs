//! What holds an account's mail: an IMAP server, or `local.db` on this computer. One set of verbs.
//!
//! Called by the lanes. Each verb must mean the same for both, down to what an error says of it: all
//! that the journal and the pulls rely on is written for one of them.

use super::local::LocalSession;
use crate::model::{
    FetchedMessage, FlagChange, FlagSet, ModSeq, Moment, PartId, Query, Quota, Role, Uid, UidSet,
};
use crate::net::Result;
use crate::net::imap::{
    Append, Appended, Capabilities, IdleEnd, Items, Known, Listed, Notice, Selected, Session,
    Start, Started, Status, Transferred, Window,
};
use tokio::io::AsyncRead;
use tokio::sync::mpsc;

/// A session with what holds the mail.
#[derive(Debug)]
pub(crate) enum Remote {
    /// A server.
    Imap(Box<Session>),
    /// This computer.
    Local(Box<LocalSession>),
}

/// What was found of one mailbox of a visit, or why it was refused.
type Visited = std::result::Result<(Selected, Vec<FetchedMessage>), String>;

/// The same verb of both.
macro_rules! both {
    ($(async fn $name:ident(&mut self $(, $arg:ident: $kind:ty)*) -> $out:ty;)*) => {
        impl Remote {
            $(
                pub(crate) async fn $name(&mut self $(, $arg: $kind)*) -> $out {
                    match self {
                        Self::Imap(session) => session.$name($($arg),*).await,
                        Self::Local(session) => session.$name($($arg),*).await,
                    }
                }
            )*
        }
    };
}

both! {
    async fn start(&mut self, start: &Start) -> Result<Started>;
    async fn list(&mut self) -> Result<Vec<Listed>>;
    async fn status(&mut self, name: &str) -> Result<Status>;
    async fn select(&mut self, name: &str, known: Option<Known>) -> Result<Selected>;
    async fn create(&mut self, name: &str, role: Option<Role>) -> Result<()>;
    async fn rename(&mut self, from: &str, to: &str) -> Result<()>;
    async fn delete_mailbox(&mut self, name: &str) -> Result<()>;
    async fn subscribe(&mut self, name: &str, is_on: bool) -> Result<()>;
    async fn fetch(&mut self, windows: Vec<UidSet>, items: Items, sink: mpsc::Sender<Window>) -> Result<()>;
    async fn first_window(&mut self, count: u32) -> Result<(Vec<FetchedMessage>, UidSet)>;
    async fn changed_since(&mut self, since: ModSeq) -> Result<Vec<Notice>>;
    async fn uids(&mut self) -> Result<UidSet>;
    async fn marked_deleted(&mut self) -> Result<UidSet>;
    async fn with_message_id(&mut self, id: &str, first: Uid) -> Result<UidSet>;
    async fn fetch_raw(&mut self, uids: &[(Uid, u64)], sink: mpsc::Sender<(Uid, Vec<u8>)>) -> Result<()>;
    async fn fetch_parts(&mut self, uid: Uid, parts: &[PartId]) -> Result<Vec<(PartId, Vec<u8>)>>;
    async fn fetch_piece(&mut self, uid: Uid, part: &PartId, offset: u64, bytes: u32) -> Result<Vec<u8>>;
    async fn change_flags(&mut self, uids: &UidSet, change: &FlagChange) -> Result<Vec<Notice>>;
    async fn copy_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred>;
    async fn move_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred>;
    async fn expunge_messages(&mut self, uids: &UidSet) -> Result<Transferred>;
    async fn expunge_marked(&mut self) -> Result<Transferred>;
    async fn append(&mut self, to: &str, flags: &FlagSet, arrived: Option<Moment>, bytes: &[u8]) -> Result<Appended>;
    async fn append_all(&mut self, to: &str, messages: &[Append<'_>], done: &mut Vec<Appended>) -> Result<()>;
    async fn noop(&mut self) -> Result<()>;
}

impl Remote {
    /// What the server finds in the selected mailbox; nothing where there is no server.
    pub(crate) async fn search(&mut self, query: &Query) -> Result<UidSet> {
        match self {
            Self::Imap(session) => session.search(query).await,
            Self::Local(_) => Ok(UidSet::default()),
        }
    }

    /// The same for bytes that come as they are needed.
    pub(crate) async fn append_from<M>(
        &mut self,
        to: &str,
        flags: &FlagSet,
        arrived: Option<Moment>,
        size: u64,
        bytes: M,
    ) -> Result<Appended>
    where
        M: AsyncRead + Unpin + Send,
    {
        match self {
            Self::Imap(session) => session.append_from(to, flags, arrived, size, bytes).await,
            Self::Local(session) => session.append_from(to, flags, arrived, size, bytes).await,
        }
    }

    /// Waits until something is said, or for `wake`.
    pub(crate) async fn idle<F: Future<Output = ()> + Send>(&mut self, wake: F) -> Result<IdleEnd> {
        match self {
            Self::Imap(session) => session.idle(wake).await,
            Self::Local(session) => session.idle(wake).await,
        }
    }

    /// What can be done.
    pub(crate) fn capabilities(&self) -> &Capabilities {
        match self {
            Self::Imap(session) => session.capabilities(),
            Self::Local(session) => session.capabilities(),
        }
    }

    /// What was told and not taken yet.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        match self {
            Self::Imap(session) => session.take_notices(),
            Self::Local(session) => session.take_notices(),
        }
    }

    /// Several mailboxes in one flight; only where QRESYNC is offered.
    pub(crate) async fn visit(
        &mut self,
        mailboxes: &[(String, Option<Known>, Option<Uid>)],
    ) -> Result<Vec<Visited>> {
        match self {
            Self::Imap(session) => session.visit(mailboxes).await,
            Self::Local(_) => Ok(Vec::new()),
        }
    }

    /// Asks to be told of all mailboxes. Whether that is so.
    pub(crate) async fn notify(&mut self) -> Result<bool> {
        match self {
            Self::Imap(session) => session.notify().await,
            Self::Local(_) => Ok(true),
        }
    }

    /// How much room there is, where that is told.
    pub(crate) async fn quota(&mut self, name: &str) -> Result<Option<Quota>> {
        match self {
            Self::Imap(session) => session.quota(name).await,
            Self::Local(_) => Ok(None),
        }
    }

    /// Says goodbye.
    pub(crate) async fn logout(self) {
        match self {
            Self::Imap(session) => session.logout().await,
            Self::Local(_) => {}
        }
    }
}
