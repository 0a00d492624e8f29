//! The verbs of a session for mail that is kept on this computer.
//!
//! Called through `Remote`. Where a verb returns without an error its effect must be on the disk, as
//! it would be with a server.

use super::clock;
use super::local_words::{
    failed, flags_of, gone_notice, header_only, listed, no_target, notice, status, summary_of,
};
use super::store_thread::Db;
use crate::mime;
use crate::model::{
    FetchedMessage, Flag, FlagChange, FlagSet, ModSeq, Moment, PartId, Role, Uid, UidSet,
};
use crate::net::imap::{
    Append, Appended, Capabilities, Copied, IdleEnd, Items, Known, Listed, Notice, Selected, Start,
    Started, Status, Transferred, Window,
};
use crate::net::{Class, Error, Result};
use crate::store::{self, LocalMailbox, LocalNew, Packed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

/// What it can do, in the words of IMAP.
const CAN: &[&str] = &[
    "IMAP4rev1",
    "IDLE",
    "MOVE",
    "UIDPLUS",
    "CONDSTORE",
    "UNSELECT",
    "NAMESPACE",
    "SPECIAL-USE",
    "OBJECTID",
];
/// How often it is looked whether another process wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Up to so many bytes of messages that come in pieces are gathered.
const GATHERED_MAX: u64 = 256 * 1024 * 1024;

/// A session with the mailboxes of one account.
#[derive(Debug)]
pub(crate) struct LocalSession {
    account: String,
    db: Db,
    selected: Option<LocalMailbox>,
    notices: Vec<Notice>,
    /// How often the file had been changed when it was last looked at.
    changes: i64,
    capabilities: Capabilities,
}

impl LocalSession {
    /// Begins a session, and what the account cannot be without.
    pub(crate) async fn open(account: &str, db: &Db) -> store::Result<Self> {
        let (name, now) = (account.to_owned(), clock::now_secs());
        db.write(move |w| w.begin_local(&name, now)).await?;
        let changes = db.read(|r| r.local_changes()).await?;
        Ok(Self {
            account: account.to_owned(),
            db: db.clone(),
            selected: None,
            notices: Vec::new(),
            changes,
            capabilities: Capabilities::of(CAN),
        })
    }

    pub(crate) const fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The mailbox that is selected.
    fn here(&self) -> Result<i64> {
        let selected = self.selected.as_ref().map(|mailbox| mailbox.key);
        selected.ok_or_else(|| Error::protocol("No folder is open."))
    }

    async fn named(&self, name: &str) -> Result<LocalMailbox> {
        let (account, wanted) = (self.account.clone(), name.to_owned());
        let found = self
            .db
            .read(move |r| r.local_mailbox(&account, &wanted))
            .await
            .map_err(|error| failed(&error))?;
        found.ok_or_else(|| {
            let error = Error::new(Class::Rejected, format!("There is no folder {name}."));
            error.code(Some("NONEXISTENT".to_owned()))
        })
    }

    pub(crate) async fn start(&mut self, start: &Start) -> Result<Started> {
        let mut started = Started::default();
        if start.list {
            started.list = Some(self.list().await?);
        }
        if let Some((name, known)) = &start.select {
            let selected = self.select(name, *known).await;
            started.selected = Some(selected.map_err(|error| error.summary));
        }
        Ok(started)
    }

    pub(crate) async fn list(&mut self) -> Result<Vec<Listed>> {
        let account = self.account.clone();
        let (mailboxes, changes) = self
            .db
            .read(move |r| Ok((r.local_mailboxes(&account)?, r.local_changes()?)))
            .await
            .map_err(|error| failed(&error))?;
        self.changes = changes;
        Ok(listed(&mailboxes))
    }

    pub(crate) async fn status(&mut self, name: &str) -> Result<Status> {
        self.named(name).await.map(|mailbox| status(&mailbox))
    }

    pub(crate) async fn select(&mut self, name: &str, _known: Option<Known>) -> Result<Selected> {
        self.selected = None;
        let mailbox = self.named(name).await?;
        let Some(uid_validity) = mailbox.status.uid_validity else {
            return Err(Error::protocol("A folder has no era."));
        };
        let selected = Selected {
            status: status(&mailbox),
            uid_validity,
            is_read_only: false,
            can_make_keywords: true,
            is_resynced: false,
            notices: Vec::new(),
        };
        self.selected = Some(mailbox);
        Ok(selected)
    }

    pub(crate) async fn create(&mut self, name: &str, role: Option<Role>) -> Result<()> {
        let (account, name, now) = (self.account.clone(), name.to_owned(), clock::now_secs());
        self.db
            .write(move |w| w.create_local(&account, &name, role, now))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.selected = None;
        let (account, now) = (self.account.clone(), clock::now_secs());
        let (from, to) = (from.to_owned(), to.to_owned());
        self.db
            .write(move |w| w.rename_local(&account, &from, &to, now))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn delete_mailbox(&mut self, name: &str) -> Result<()> {
        self.selected = None;
        let (account, name) = (self.account.clone(), name.to_owned());
        self.db
            .write(move |w| w.delete_local(&account, &name))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn subscribe(&mut self, name: &str, is_on: bool) -> Result<()> {
        let (account, name) = (self.account.clone(), name.to_owned());
        self.db
            .write(move |w| w.subscribe_local(&account, &name, is_on))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn fetch(
        &mut self,
        windows: Vec<UidSet>,
        items: Items,
        sink: mpsc::Sender<Window>,
    ) -> Result<()> {
        for asked in windows {
            let messages = self.fetched(asked.clone(), items).await?;
            if sink.send(Window { asked, messages }).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// What is asked for of the messages with these ids.
    async fn fetched(&self, uids: UidSet, items: Items) -> Result<Vec<FetchedMessage>> {
        let mailbox = self.here()?;
        self.db
            .read_long(move |r| {
                let mut found = Vec::new();
                for item in r.local_items(mailbox, &uids)? {
                    let fetched = if items == Items::Flags {
                        flags_of(&item)
                    } else {
                        // Gone since it was listed: the next look tells.
                        let Some(raw) = r.local_raw(item.local.key)? else {
                            continue;
                        };
                        summary_of(&item, mime::summary(&raw, item.local.is_whole))
                    };
                    found.push(FetchedMessage {
                        uid: item.uid,
                        fetched,
                    });
                }
                Ok(found)
            })
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn first_window(
        &mut self,
        count: u32,
    ) -> Result<(Vec<FetchedMessage>, UidSet)> {
        let all = self.uids().await?;
        let newest = all
            .clone()
            .split_off_last(usize::try_from(count).unwrap_or(usize::MAX));
        Ok((self.fetched(newest, Items::Summary).await?, all))
    }

    pub(crate) async fn changed_since(&mut self, since: ModSeq) -> Result<Vec<Notice>> {
        let mailbox = self.here()?;
        let changed = self
            .db
            .read_long(move |r| r.local_changed_since(mailbox, since))
            .await
            .map_err(|error| failed(&error))?;
        Ok(changed.iter().map(notice).collect())
    }

    pub(crate) async fn uids(&mut self) -> Result<UidSet> {
        self.uids_with(None).await
    }

    pub(crate) async fn marked_deleted(&mut self) -> Result<UidSet> {
        self.uids_with(Some(Flag::Deleted)).await
    }

    async fn uids_with(&self, flag: Option<Flag>) -> Result<UidSet> {
        let mailbox = self.here()?;
        self.db
            .read_long(move |r| r.local_uids(mailbox, flag))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn with_message_id(&mut self, id: &str, first: Uid) -> Result<UidSet> {
        let (mailbox, id) = (self.here()?, id.to_owned());
        self.db
            .read(move |r| r.local_with_message_id(mailbox, &id, first))
            .await
            .map_err(|error| failed(&error))
    }

    pub(crate) async fn fetch_raw(
        &mut self,
        uids: &[(Uid, u64)],
        sink: mpsc::Sender<(Uid, Vec<u8>)>,
    ) -> Result<()> {
        let mailbox = self.here()?;
        for (uid, _) in uids {
            let uid = *uid;
            let raw = self
                .db
                .read_long(move |r| {
                    let one = UidSet::range(uid, uid);
                    let item = r.local_items(mailbox, &one)?.pop();
                    item.filter(|item| item.local.is_whole)
                        .map_or(Ok(None), |item| r.local_raw(item.local.key))
                })
                .await
                .map_err(|error| failed(&error))?;
            let Some(raw) = raw else {
                return Err(header_only());
            };
            if sink.send((uid, raw)).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Only what is not here is asked for in parts.
    #[expect(clippy::unused_async, reason = "the same verb as a server's")]
    pub(crate) async fn fetch_parts(
        &mut self,
        _uid: Uid,
        _parts: &[PartId],
    ) -> Result<Vec<(PartId, Vec<u8>)>> {
        Err(header_only())
    }

    /// Only what is not here is asked for in parts.
    #[expect(clippy::unused_async, reason = "the same verb as a server's")]
    pub(crate) async fn fetch_piece(
        &mut self,
        _uid: Uid,
        _part: &PartId,
        _offset: u64,
        _bytes: u32,
    ) -> Result<Vec<u8>> {
        Err(header_only())
    }

    pub(crate) async fn change_flags(
        &mut self,
        uids: &UidSet,
        change: &FlagChange,
    ) -> Result<Vec<Notice>> {
        let (mailbox, uids, change) = (self.here()?, uids.clone(), change.clone());
        let changed = self
            .db
            .write(move |w| w.flag_local(mailbox, &uids, &change))
            .await
            .map_err(|error| failed(&error))?;
        Ok(changed.iter().map(notice).collect())
    }

    pub(crate) async fn copy_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred> {
        self.transfer(uids, to, false).await
    }

    pub(crate) async fn move_messages(&mut self, uids: &UidSet, to: &str) -> Result<Transferred> {
        self.transfer(uids, to, true).await
    }

    async fn transfer(&mut self, uids: &UidSet, to: &str, is_move: bool) -> Result<Transferred> {
        let (mailbox, account) = (self.here()?, self.account.clone());
        let (uids, target) = (uids.clone(), to.to_owned());
        let done = self
            .db
            .write(move |w| w.transfer_local(&account, mailbox, &uids, &target, is_move))
            .await;
        match done {
            Ok((uid_validity, pairs)) => {
                let gone = pairs.iter().filter(|_| is_move).map(|(old, _)| *old);
                let gone: UidSet = gone.collect();
                Ok(Transferred {
                    notices: gone_notice(gone),
                    copied: Some(Copied {
                        uid_validity,
                        pairs,
                    }),
                    refused: None,
                })
            }
            Err(store::Error::NoMailbox { name }) => Ok(Transferred {
                refused: Some(no_target(&name)),
                ..Transferred::default()
            }),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(crate) async fn expunge_messages(&mut self, uids: &UidSet) -> Result<Transferred> {
        self.expunge(Some(uids.clone())).await
    }

    pub(crate) async fn expunge_marked(&mut self) -> Result<Transferred> {
        self.expunge(None).await
    }

    async fn expunge(&mut self, uids: Option<UidSet>) -> Result<Transferred> {
        let mailbox = self.here()?;
        let gone = self
            .db
            .write(move |w| w.expunge_local(mailbox, uids.as_ref()))
            .await
            .map_err(|error| failed(&error))?;
        Ok(Transferred {
            notices: gone_notice(gone),
            ..Transferred::default()
        })
    }

    pub(crate) async fn append(
        &mut self,
        to: &str,
        flags: &FlagSet,
        arrived: Option<Moment>,
        bytes: &[u8],
    ) -> Result<Appended> {
        let one = Append {
            flags,
            arrived,
            bytes,
        };
        let mut done = Vec::new();
        self.append_all(to, &[one], &mut done).await?;
        let done = done.pop();
        done.ok_or_else(|| Error::protocol("A message was neither taken nor refused."))
    }

    /// All of them in one transaction.
    pub(crate) async fn append_all(
        &mut self,
        to: &str,
        messages: &[Append<'_>],
        done: &mut Vec<Appended>,
    ) -> Result<()> {
        let (account, target) = (self.account.clone(), to.to_owned());
        let raws: Vec<(FlagSet, Moment, Vec<u8>)> = messages
            .iter()
            .map(|one| {
                let arrived = one.arrived.unwrap_or_else(|| Moment {
                    unix_secs: clock::now_secs(),
                    offset_mins: 0,
                });
                (one.flags.clone(), arrived, one.bytes.to_vec())
            })
            .collect();
        let count = raws.len();
        // Packed before the writer is held up by it. A panic in a parser has put nothing.
        let packing = move || {
            raws.into_iter()
                .map(packed)
                .collect::<store::Result<Vec<_>>>()
        };
        let new = tokio::task::spawn_blocking(packing)
            .await
            .unwrap_or(Err(store::Error::Busy))
            .map_err(|error| failed(&error))?;
        let put = self
            .db
            .write_bulk(move |w| w.append_local(&account, &target, &new))
            .await;
        match put {
            Ok(put) => {
                let uids = (put.first.get()..).take(count);
                done.extend(uids.map(|uid| Appended {
                    at: Uid::new(uid).map(|uid| (put.uid_validity, uid)),
                    refused: None,
                }));
                Ok(())
            }
            Err(store::Error::NoMailbox { name }) => {
                done.extend((0..count).map(|_| Appended {
                    at: None,
                    refused: Some(no_target(&name)),
                }));
                Ok(())
            }
            Err(error) => Err(failed(&error)),
        }
    }

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
        if size > GATHERED_MAX {
            let summary = format!("A message of {size} bytes is too large to be kept here.");
            return Ok(Appended {
                at: None,
                refused: Some(Error::new(Class::Rejected, summary)),
            });
        }
        let mut gathered = Vec::new();
        let read = bytes.take(size + 1).read_to_end(&mut gathered).await;
        let is_whole = read.is_ok_and(|read| u64::try_from(read).is_ok_and(|read| read == size));
        if !is_whole {
            return Err(Error::transient("A message could not be read as a whole."));
        }
        self.append(to, flags, arrived, &gathered).await
    }

    /// Whether another process, or another part of this one, wrote.
    pub(crate) async fn noop(&mut self) -> Result<()> {
        let changes = self
            .db
            .read(|r| r.local_changes())
            .await
            .map_err(|error| failed(&error))?;
        if std::mem::replace(&mut self.changes, changes) != changes {
            self.notices.push(Notice::ListChanged);
        }
        Ok(())
    }

    pub(crate) async fn idle<F: Future<Output = ()> + Send>(&mut self, wake: F) -> Result<IdleEnd> {
        let mut wake = std::pin::pin!(wake);
        loop {
            self.noop().await?;
            if !self.notices.is_empty() {
                return Ok(IdleEnd::Told);
            }
            if tokio::time::timeout(LOOK_EVERY, wake.as_mut())
                .await
                .is_ok()
            {
                return Ok(IdleEnd::Woken);
            }
        }
    }
}

fn packed((flags, arrived, raw): (FlagSet, Moment, Vec<u8>)) -> store::Result<LocalNew> {
    let message_id = mime::envelope(&raw).message_id;
    Ok(LocalNew {
        packed: Packed::whole(&raw, &message_id)?,
        flags,
        arrived,
    })
}
