//! Brings a mailbox into step with the server: tree, first pull, later pulls, what IDLE tells.
//!
//! Called by the lanes. Writes only base truth (the store folds pending changes over it). Removal is
//! concluded only from VANISHED, from mapped EXPUNGE, or from a complete, counted id list.

use super::account::{Account, Failure};
use super::lane::{Lane, Open};
use crate::bus::{Event, Link};
use crate::model::{
    Fetched, FetchedMessage, Mailbox, MailboxKey, ModSeq, Role, Safe, Uid, UidSet, UidValidity,
};
use crate::net::imap::{Items, Known, Notice, Selected, Status, Window};
use crate::net::{Class, Error};
use crate::store::{Cursor, PullChange, ServerStatus};
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many messages the first window of a mailbox holds: more than the tallest screen.
const FIRST_WINDOW: u32 = 120;
/// How many messages the later windows hold, one after the other; the last size repeats.
const WINDOWS: [usize; 2] = [400, 1_000];
pub(crate) fn as_store(status: Status) -> ServerStatus {
    ServerStatus {
        messages: status.messages,
        unseen: status.unseen,
        uid_next: status.uid_next,
        uid_validity: status.uid_validity,
        mod_seq: status.mod_seq,
    }
}

impl Account {
    /// The inbox of the account.
    pub(crate) async fn inbox(&self) -> Result<Option<(MailboxKey, String)>, Failure> {
        let account = self.key;
        let mailboxes = self.db.read(move |r| r.server_mailboxes(account)).await?;
        Ok(mailboxes
            .into_iter()
            .find(|m| m.role == Some(Role::Inbox))
            .map(|m| (m.key, m.name)))
    }
}

impl Lane {
    pub(crate) async fn mailbox_named(&self, name: &str) -> Result<Option<Mailbox>, Failure> {
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        Ok(mailboxes.into_iter().find(|m| m.name == name))
    }

    pub(crate) async fn mailbox(&self, key: MailboxKey) -> Result<Option<Mailbox>, Failure> {
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        Ok(mailboxes
            .into_iter()
            .find(|m| m.key == key && m.is_selectable))
    }

    /// Where we were in a mailbox, for QRESYNC.
    pub(crate) async fn known(&self, mailbox: MailboxKey) -> Result<Option<Known>, Failure> {
        let cursor = self.account.db.read(move |r| r.cursor(mailbox)).await?;
        Ok(known_of(&cursor))
    }

    /// Selects a mailbox and brings it into step.
    pub(crate) async fn pull(&mut self, key: MailboxKey) -> Result<(), Failure> {
        let Some(mailbox) = self.mailbox(key).await? else {
            self.account.board.note(|w| {
                w.looked_at = w.looked_at.filter(|k| *k != key);
            });
            return Ok(());
        };
        self.absorb_notices().await?;
        let known = self.known(key).await?;
        match self.session.select(&mailbox.name, known).await {
            Ok(selected) => self.pull_selected(key, &selected).await,
            Err(error) if is_answer(&error) => {
                self.note_refusal(&mailbox, &error);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deleted or forbidden meanwhile: the tree will tell. One folder that cannot be opened must
    /// neither stop the others nor be tried again and again.
    fn note_refusal(&mut self, mailbox: &Mailbox, error: &Error) {
        self.open = None;
        let key = mailbox.key;
        let is_first = self.refused.insert(key);
        let is_looked_at = self.account.board.note(|w| {
            w.is_list_due |= is_first;
            let is_looked_at = w.looked_at == Some(key);
            w.looked_at = w.looked_at.filter(|k| *k != key);
            is_looked_at
        });
        if is_first && is_looked_at {
            self.account
                .tell(&format!("{}: {}", mailbox.name, error.summary), &error.hint);
        }
    }

    /// Brings the mailbox that was just selected into step.
    pub(crate) async fn pull_selected(
        &mut self,
        key: MailboxKey,
        selected: &Selected,
    ) -> Result<(), Failure> {
        self.opened(key, selected, true);
        let era = selected.uid_validity;
        let before = self.account.db.read(move |r| r.cursor(key)).await?;
        let cursor = self
            .account
            .db
            .write(move |w| w.begin_era(key, era))
            .await?;
        let is_resynced = selected.is_resynced && before.uid_validity == Some(era);
        self.apply(key, era, &selected.notices).await?;
        if !is_resynced && cursor.uid_next.is_some() {
            self.catch_up_flags(key, &cursor, selected).await?;
        }
        if cursor.is_complete {
            self.fetch_new(key, era, cursor.uid_next, selected.status.uid_next)
                .await?;
            if !is_resynced {
                self.drop_missing_if_short(key, era, selected.status.messages)
                    .await?;
            }
            return self.close_pull(key, selected).await;
        }
        self.first_pull(key, &cursor, selected).await
    }

    /// The pull is complete: moves the cursor to where the SELECT said the mailbox was.
    pub(crate) async fn close_pull(
        &mut self,
        key: MailboxKey,
        selected: &Selected,
    ) -> Result<(), Failure> {
        let cursor = Cursor {
            uid_validity: Some(selected.uid_validity),
            uid_next: selected
                .status
                .uid_next
                .or(self.open.as_ref().and_then(|o| o.uid_next)),
            mod_seq: selected.status.mod_seq.unwrap_or_default(),
            is_complete: true,
        };
        let status = as_store(Status {
            unseen: None,
            ..selected.status
        });
        let before = self.refused_ops().await?;
        self.account
            .db
            .write_bulk(move |w| {
                // Before the cursor: once that says that all is seen, nobody may look again.
                w.end_awaited(key)?;
                w.put_cursor(key, cursor, status)
            })
            .await?;
        self.later.remove(&key);
        self.tell_refused_ops(&before).await?;
        self.account.changes.mailboxes([key]);
        Ok(())
    }

    /// Takes what is on screen over from SELECT without pulling everything: for the watching lane.
    pub(crate) async fn absorb_selected(
        &mut self,
        key: MailboxKey,
        selected: &Selected,
    ) -> Result<(), Failure> {
        let cursor = self.account.db.read(move |r| r.cursor(key)).await?;
        if cursor.uid_validity != Some(selected.uid_validity) {
            self.account.board.post(|w| w.want_pull(key));
            return Ok(());
        }
        // The first pull is under way and brings all there is.
        if !cursor.is_complete {
            return Ok(());
        }
        self.apply(key, selected.uid_validity, &selected.notices)
            .await?;
        self.fetch_new(
            key,
            selected.uid_validity,
            cursor.uid_next,
            selected.status.uid_next,
        )
        .await
    }

    /// Applies what was said outside of what was asked.
    pub(crate) async fn apply(
        &mut self,
        key: MailboxKey,
        era: UidValidity,
        notices: &[Notice],
    ) -> Result<(), Failure> {
        self.apply_general(notices).await?;
        let mut gone = UidSet::new();
        let mut flagged = Vec::new();
        for notice in notices {
            match notice {
                Notice::Gone(uids) => {
                    for (first, last) in uids.ranges() {
                        gone.insert_range(first, last);
                    }
                }
                Notice::Flags {
                    uid,
                    flags,
                    mod_seq,
                } => flagged.push(FetchedMessage {
                    uid: *uid,
                    fetched: Fetched {
                        flags: Some(flags.clone()),
                        mod_seq: *mod_seq,
                        ..Fetched::default()
                    },
                }),
                _ => {}
            }
        }
        if !flagged.is_empty() {
            self.put(key, era, flagged, false).await?;
        }
        self.forget(key, era, gone).await?;
        Ok(())
    }

    /// What was said of other things than the selected mailbox.
    async fn apply_general(&mut self, notices: &[Notice]) -> Result<(), Failure> {
        for notice in notices {
            match notice {
                Notice::Alert(text) => self.account.tell(&format!("the server says: {text}"), ""),
                Notice::ListChanged => self.account.board.post(|w| w.is_list_due = true),
                Notice::Elsewhere(name, _) => match self.mailbox_named(name).await? {
                    Some(mailbox) => self.account.board.post(|w| w.want_pull(mailbox.key)),
                    None => self.account.board.post(|w| w.is_list_due = true),
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// What IDLE (or any command) told of the selected mailbox.
    pub(crate) async fn absorb_notices(&mut self) -> Result<(), Failure> {
        let notices = self.session.take_notices();
        if let Some(open) = self.open.clone() {
            self.apply(open.mailbox, open.uid_validity, &notices)
                .await?;
        } else {
            self.apply_general(&notices).await?;
        }
        self.follow(&notices).await
    }

    /// Asks for what notices only hint at: arrivals, and changes that were not named.
    pub(crate) async fn follow(&mut self, notices: &[Notice]) -> Result<(), Failure> {
        let Some(open) = self.open.clone() else {
            return Ok(());
        };
        let exists = notices.iter().rev().find_map(|n| match n {
            Notice::Exists(count) => Some(*count),
            _ => None,
        });
        if exists.is_some() {
            let from = self.first_unknown(&open).await?;
            self.fetch_new(open.mailbox, open.uid_validity, from, None)
                .await?;
            self.advance(open.mailbox, exists).await?;
        }
        if notices.contains(&Notice::GoneUnknown) {
            self.drop_missing(open.mailbox, open.uid_validity).await?;
        }
        if notices.contains(&Notice::FlagsUnknown) {
            let key = open.mailbox;
            let known = self.account.db.read_long(move |r| r.uids(key)).await?;
            self.fetch_windows(key, open.uid_validity, windows(known), Items::Flags, None)
                .await?;
        }
        Ok(())
    }

    /// Moves the cursor behind what IDLE brought, where the mailbox was in step before.
    async fn advance(&mut self, key: MailboxKey, messages: Option<u32>) -> Result<(), Failure> {
        let Some(Open {
            uid_validity,
            uid_next: Some(uid_next),
            ..
        }) = self.open.clone()
        else {
            return Ok(());
        };
        let cursor = self.account.db.read(move |r| r.cursor(key)).await?;
        let is_ours = cursor.uid_validity == Some(uid_validity) && cursor.is_complete;
        if is_ours && cursor.uid_next.is_none_or(|n| n < uid_next) {
            let cursor = Cursor {
                uid_next: Some(uid_next),
                ..cursor
            };
            let status = ServerStatus {
                messages,
                ..ServerStatus::default()
            };
            self.account
                .db
                .write_bulk(move |w| w.put_cursor(key, cursor, status))
                .await?;
        }
        Ok(())
    }

    /// Fetches what arrived since `from`; `to` is UIDNEXT where the server said it.
    async fn fetch_new(
        &mut self,
        key: MailboxKey,
        era: UidValidity,
        from: Option<Uid>,
        to: Option<Uid>,
    ) -> Result<(), Failure> {
        let from = from.unwrap_or(Uid::MIN);
        if to.is_some_and(|to| to <= from) {
            return Ok(());
        }
        let set = UidSet::range(from, Uid::MAX);
        let (sink, mut windows) = mpsc::channel::<Window>(2);
        let fetching = self.session.fetch(vec![set], Items::Summary, sink);
        let gathering = async {
            let mut all = Vec::new();
            while let Some(window) = windows.recv().await {
                all.extend(window.messages);
            }
            all
        };
        let (fetched, messages) = tokio::join!(fetching, gathering);
        fetched?;
        if let (Some(open), Some(last)) = (
            self.open.as_mut().filter(|o| o.mailbox == key),
            messages.iter().map(|m| m.uid).max(),
        ) {
            open.uid_next = Uid::new(last.get().saturating_add(1)).max(open.uid_next);
        }
        self.put(key, era, messages, true).await
    }

    /// Brings flags into step where QRESYNC did not.
    async fn catch_up_flags(
        &mut self,
        key: MailboxKey,
        cursor: &Cursor,
        selected: &Selected,
    ) -> Result<(), Failure> {
        let era = selected.uid_validity;
        let has_mod_seq = selected.status.mod_seq.is_some_and(|m| m != ModSeq(0));
        if self.session.capabilities().can_condstore() && has_mod_seq && cursor.mod_seq != ModSeq(0)
        {
            if selected.status.mod_seq == Some(cursor.mod_seq) {
                return Ok(());
            }
            let notices = self.session.changed_since(cursor.mod_seq).await?;
            return self.apply(key, era, &notices).await;
        }
        let known = self.account.db.read_long(move |r| r.uids(key)).await?;
        self.fetch_windows(key, era, windows(known), Items::Flags, None)
            .await?;
        Ok(())
    }

    /// Compares id lists where the counts do not add up: all that arrived is already here, so equal
    /// counts mean that nothing is gone.
    async fn drop_missing_if_short(
        &mut self,
        key: MailboxKey,
        era: UidValidity,
        exists: Option<u32>,
    ) -> Result<(), Failure> {
        let here = self.account.db.read_long(move |r| r.uids(key)).await?;
        if exists.is_some_and(|n| u64::from(n) == here.len()) {
            return Ok(());
        }
        self.drop_missing(key, era).await
    }

    /// Removes what the server's complete id list lacks.
    async fn drop_missing(&mut self, key: MailboxKey, era: UidValidity) -> Result<(), Failure> {
        // Ours first: what arrives between the two is then in neither or in the server's only.
        let here = self.account.db.read_long(move |r| r.uids(key)).await?;
        let there = self.session.uids().await?;
        let gone = self.gone_from(&there, &here);
        self.forget(key, era, gone).await
    }

    /// Removes what the server said is gone, or what its complete list lacks.
    async fn forget(&self, key: MailboxKey, era: UidValidity, gone: UidSet) -> Result<(), Failure> {
        if gone.is_empty() {
            return Ok(());
        }
        let change = self
            .account
            .db
            .write_bulk(move |w| w.remove(key, era, &gone))
            .await?;
        self.count(key, &change, false);
        Ok(())
    }

    /// The first pull, or the rest of one: newest first, resumable after every window.
    async fn first_pull(
        &mut self,
        key: MailboxKey,
        cursor: &Cursor,
        selected: &Selected,
    ) -> Result<(), Failure> {
        let era = selected.uid_validity;
        if selected.status.messages == Some(0) {
            self.drop_missing(key, era).await?;
            return self.close_pull(key, selected).await;
        }
        let (newest, there) = self.session.first_window(FIRST_WINDOW).await?;
        let mut missing = there.clone();
        missing = missing.minus(&newest.iter().map(|m| m.uid).collect());
        self.put(key, era, newest, cursor.uid_next.is_some())
            .await?;
        let here = self.account.db.read_long(move |r| r.uids(key)).await?;
        let gone = self.gone_from(&there, &here);
        self.forget(key, era, gone).await?;
        missing = missing.minus(&here);
        // From here on flags are in step with the SELECT, so a later start can ask for what changed.
        let begun = Cursor {
            uid_validity: Some(era),
            uid_next: selected.status.uid_next,
            mod_seq: selected.status.mod_seq.unwrap_or_default(),
            is_complete: false,
        };
        let status = as_store(Status {
            unseen: None,
            ..selected.status
        });
        self.account
            .db
            .write_bulk(move |w| w.put_cursor(key, begun, status))
            .await?;
        let total = u32::try_from(there.len()).unwrap_or(u32::MAX);
        let is_whole = self
            .fetch_windows(key, era, windows(missing), Items::Summary, Some(total))
            .await?;
        if is_whole {
            // Changes may have waited for messages to be recognised in a folder begun anew.
            self.account.board.note(|w| w.is_replay_due = true);
            return self.close_pull(key, selected).await;
        }
        self.account.board.note(|w| w.want_pull(key));
        Ok(())
    }

    /// Fetches windows and stores each as it comes. `false`: left off for something more urgent.
    /// `total`: how many messages the mailbox has, to show the progress of a first pull.
    pub(crate) async fn fetch_windows(
        &mut self,
        key: MailboxKey,
        era: UidValidity,
        windows: Vec<UidSet>,
        items: Items,
        total: Option<u32>,
    ) -> Result<bool, Failure> {
        let Some(mailbox) = self.mailbox(key).await? else {
            return Ok(true);
        };
        let todo: u64 = windows.iter().map(UidSet::len).sum();
        let (sink, mut arriving) = mpsc::channel::<Window>(2);
        let account = Arc::clone(&self.account);
        // The receiver goes with this future: left early, the fetch ends at its next window.
        let storing = async move {
            let mut left = todo;
            while let Some(window) = arriving.recv().await {
                left = left.saturating_sub(window.asked.len());
                let messages = window.messages;
                let change = account
                    .db
                    .write_bulk(move |w| w.put_messages(key, era, &messages))
                    .await?;
                account.count(key, &change);
                if let Some(total) = total {
                    let done = total.saturating_sub(u32::try_from(left).unwrap_or(u32::MAX));
                    account.set_lane_link(syncing(&mailbox, done, total));
                }
                if left > 0 && total.is_some() && account.has_something_more_urgent(key) {
                    return Ok::<bool, Failure>(false);
                }
            }
            Ok(true)
        };
        let fetching = self.session.fetch(windows, items, sink);
        let (fetched, stored) = tokio::join!(fetching, storing);
        fetched?;
        stored
    }

    /// Stores messages and tells of new ones where `is_news`.
    pub(crate) async fn put(
        &mut self,
        key: MailboxKey,
        era: UidValidity,
        messages: Vec<FetchedMessage>,
        is_news: bool,
    ) -> Result<(), Failure> {
        if messages.is_empty() {
            return Ok(());
        }
        let change = self
            .account
            .db
            .write(move |w| w.put_messages(key, era, &messages))
            .await?;
        self.count(key, &change, is_news);
        Ok(())
    }

    fn count(&self, key: MailboxKey, change: &PullChange, is_news: bool) {
        self.account.count(key, change);
        if let Some((who, subject)) = change
            .latest_unread
            .as_ref()
            .filter(|_| is_news && change.added > 0)
        {
            self.account.changes.event(Event::Arrived {
                mailbox: key,
                count: change.added,
                who: Safe::line(who),
                subject: Safe::line(subject),
            });
        }
    }
}

/// Whether the server answered, with a refusal: the connection stands.
pub(crate) fn is_answer(error: &Error) -> bool {
    error.class == Class::Rejected || (error.class == Class::Transient && error.code.is_some())
}

pub(crate) fn syncing(mailbox: &Mailbox, done: u32, total: u32) -> Link {
    Link::Syncing {
        mailbox: Safe::line(&mailbox.name),
        done,
        total,
    }
}

pub(crate) fn known_of(cursor: &Cursor) -> Option<Known> {
    let uid_validity = cursor.uid_validity?;
    (cursor.mod_seq != ModSeq(0)).then_some(Known {
        uid_validity,
        mod_seq: cursor.mod_seq,
    })
}

/// Cuts ids into windows, newest first, small ones first.
pub(crate) fn windows(mut uids: UidSet) -> Vec<UidSet> {
    let mut windows = Vec::new();
    while !uids.is_empty() {
        let size = WINDOWS
            .get(windows.len())
            .or(WINDOWS.last())
            .copied()
            .unwrap_or(1);
        windows.push(uids.split_off_last(size));
    }
    windows
}
