//! Replays what moves messages: move, copy, append, remove, with every fallback.
//!
//! Called by `replay`. A source must never be removed before its copy is confirmed, and a copy whose
//! answer was lost is looked for before it is made again.

use super::account::Failure;
use super::clock;
use super::lane::Lane;
use super::replay::{Batch, Sent, gone_in, set_of};
use crate::model::{Flag, FlagChange, MailboxKey, MessageKey, Placed, TargetKey, Uid, UidSet};
use crate::net::Error;
use crate::net::imap::Transferred;
use crate::store::Work;

/// Of so many messages that are deleted for good at once the texts are kept, so that it can be undone.
const KEPT_MAX: usize = 50;
/// Texts larger than this are not fetched to be kept.
const KEPT_SIZE_MAX: u64 = 256 * 1024;
/// How often a mailbox is pulled on, to look for a copy in it.
const PULLS_MAX: u32 = 10_000;
/// Why a message may be left with a mark.
const MARKED: &str = "it is marked as deleted: the server can only remove all marked messages of a \
     folder at once, and others are marked there, too";

impl Lane {
    /// UID MOVE: what is confirmed is settled, one by one where only part of it was done.
    pub(super) async fn send_move(
        &mut self,
        batch: Batch,
        to: MailboxKey,
    ) -> Result<Sent, Failure> {
        let Some(name) = self.server_name(to).await? else {
            return self
                .refuse(&batch.keys(), "the folder it was to go to is gone")
                .await;
        };
        let done = self.session.move_messages(&batch.uids, &name).await?;
        let gone = gone_in(&done.notices);
        let copied = self.note_hints(&batch, &done).await?;
        let Some(error) = done.refused.clone() else {
            self.settle(batch.keys()).await?;
            self.look_later(to);
            self.hear(&batch, &done).await?;
            return Ok(Sent::Known);
        };
        let is_done =
            |uid: &Option<Uid>| uid.is_some_and(|uid| gone.contains(&uid) || copied.contains(uid));
        let (did, did_not): (Vec<_>, Vec<_>) = batch
            .targets
            .iter()
            .copied()
            .partition(|(uid, _)| is_done(uid));
        let keys = |list: Vec<(Option<Uid>, TargetKey)>| list.into_iter().map(|t| t.1).collect();
        let (did, did_not): (Vec<TargetKey>, Vec<TargetKey>) = (keys(did), keys(did_not));
        if !did.is_empty() {
            self.settle(did).await?;
            self.look_later(to);
        }
        self.hear(&batch, &done).await?;
        self.refused_transfer(&did_not, to, &name, error).await
    }

    /// UID COPY; the first half of a move goes on with the second.
    pub(super) async fn send_copy(
        &mut self,
        batch: Batch,
        to: MailboxKey,
        is_move: bool,
    ) -> Result<Sent, Failure> {
        let Some(name) = self.server_name(to).await? else {
            return self
                .refuse(&batch.keys(), "the folder it was to go to is gone")
                .await;
        };
        let done = self.session.copy_messages(&batch.uids, &name).await?;
        let copied = self.note_hints(&batch, &done).await?;
        if let Some(error) = done.refused.clone() {
            self.hear(&batch, &done).await?;
            if batch.uids.len() > 1 && copied.is_empty() {
                // A part may have been copied by a command before; it is looked for.
                return self.put_off_looking(&batch, to, &error).await;
            }
            let did = batch.of(&copied);
            let did_not: Vec<TargetKey> = batch
                .keys()
                .into_iter()
                .filter(|t| !did.contains(t))
                .collect();
            if !did.is_empty() && !is_move {
                self.settle(did).await?;
            }
            self.look_later(to);
            return self.refused_transfer(&did_not, to, &name, error).await;
        }
        let targets = batch.keys();
        self.account
            .db
            .write(move |w| w.note_copied(&targets, &[]))
            .await?;
        self.look_later(to);
        self.hear(&batch, &done).await?;
        if is_move {
            return self.remove(batch, false).await;
        }
        self.settle(batch.keys()).await?;
        Ok(Sent::Known)
    }

    /// Several were to be copied, and the server refused some of it without saying which.
    async fn put_off_looking(
        &mut self,
        batch: &Batch,
        to: MailboxKey,
        error: &Error,
    ) -> Result<Sent, Failure> {
        if error.code.as_deref() == Some("TRYCREATE") {
            // Nothing can have been copied into what is not there.
            let name = self.server_name(to).await?.unwrap_or_default();
            return self
                .refused_transfer(&batch.keys(), to, &name, error.clone())
                .await;
        }
        self.look_through(to).await?;
        let targets = batch.keys();
        let why = error.summary.clone();
        self.account
            .db
            .write(move |w| w.looked_for(&targets))
            .await?;
        // What was not copied is refused now; it would be refused again.
        let targets = batch.keys();
        let left = self
            .account
            .db
            .read(move |r| r.not_copied(&targets))
            .await?;
        if left.is_empty() {
            return Ok(Sent::Known);
        }
        self.refuse(&left, &why).await
    }

    /// Notes where the server said that copies went; returns the ids they are copies of.
    async fn note_hints(&self, batch: &Batch, done: &Transferred) -> Result<UidSet, Failure> {
        let Some(copied) = &done.copied else {
            return Ok(UidSet::new());
        };
        let mut hints = Vec::new();
        for (uid, target) in &batch.targets {
            let pair = copied.pairs.iter().find(|(from, _)| Some(*from) == *uid);
            if let Some((_, new)) = pair {
                hints.push((*target, copied.uid_validity, *new));
            }
        }
        let all = set_of(copied.pairs.iter().map(|(from, _)| *from));
        self.account
            .db
            .write(move |w| w.note_copied(&[], &hints))
            .await?;
        Ok(all)
    }

    /// Takes in what was reported besides.
    async fn hear(&mut self, batch: &Batch, done: &Transferred) -> Result<(), Failure> {
        self.apply(batch.mailbox, batch.uid_validity, &done.notices)
            .await?;
        self.follow(&done.notices).await
    }

    /// A transfer was refused: the mailbox is made where that is what the server wants, once.
    async fn refused_transfer(
        &mut self,
        targets: &[TargetKey],
        to: MailboxKey,
        name: &str,
        error: Error,
    ) -> Result<Sent, Failure> {
        if targets.is_empty() {
            return Ok(Sent::Known);
        }
        let wants_mailbox = error.code.as_deref() == Some("TRYCREATE");
        if !wants_mailbox || self.has_made(to) {
            return self.not_done(targets, error).await;
        }
        match self.session.create(name, None).await {
            Ok(()) => {
                let (targets, now) = (targets.to_vec(), clock::now_secs());
                self.account
                    .db
                    .write(move |w| {
                        w.release(&targets, "", now)?;
                        w.unsent(&targets)
                    })
                    .await?;
                self.account.board.note(|w| w.is_list_due = true);
                Ok(Sent::Known)
            }
            Err(refused) if super::pull::is_answer(&refused) => {
                self.not_done(targets, refused).await
            }
            Err(broken) => Err(broken.into()),
        }
    }

    /// A copy was sent once and the answer never came: the mailbox itself tells.
    pub(super) async fn look_for(&mut self, batch: Batch, to: MailboxKey) -> Result<Sent, Failure> {
        if self.server_name(to).await?.is_none() {
            return self
                .refuse(&batch.keys(), "the folder it was to go to is gone")
                .await;
        }
        self.look_through(to).await?;
        let targets = batch.keys();
        self.account
            .db
            .write(move |w| w.looked_for(&targets))
            .await?;
        Ok(Sent::Known)
    }

    /// Brings a mailbox wholly into step, from its first message to its last.
    pub(super) async fn look_through(&mut self, mailbox: MailboxKey) -> Result<(), Failure> {
        for _ in 0..PULLS_MAX {
            self.pull(mailbox).await?;
            let cursor = self.account.db.read(move |r| r.cursor(mailbox)).await?;
            if cursor.is_complete || self.refused.contains(&mailbox) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Deletes for good where the messages lie: those that were copied away, or that the user wants
    /// gone.
    pub(super) async fn remove(&mut self, batch: Batch, is_asked: bool) -> Result<Sent, Failure> {
        if is_asked {
            self.keep(&batch).await?;
            if self.ensure_open(batch.mailbox).await? != Some(batch.uid_validity) {
                return Ok(Sent::Renumbered(batch.mailbox));
            }
        }
        let mark = FlagChange::one(Flag::Deleted, true);
        match self.session.change_flags(&batch.uids, &mark).await {
            Ok(notices) => {
                self.apply(batch.mailbox, batch.uid_validity, &notices)
                    .await?;
            }
            Err(error) => return self.not_done(&batch.keys(), error).await,
        }
        if !self.session.capabilities().can_uidplus() {
            let marked = self.session.marked_deleted().await?;
            if !marked.minus(&batch.uids).is_empty() {
                return self.leave_marked(&batch).await;
            }
        }
        let done = if self.session.capabilities().can_uidplus() {
            self.session.expunge_messages(&batch.uids).await?
        } else {
            self.session.expunge_marked().await?
        };
        if let Some(error) = done.refused.clone() {
            self.hear(&batch, &done).await?;
            return self.not_done(&batch.keys(), error).await;
        }
        self.settle(batch.keys()).await?;
        self.account.ring_peers();
        self.hear(&batch, &done).await?;
        Ok(Sent::Known)
    }

    async fn leave_marked(&mut self, batch: &Batch) -> Result<Sent, Failure> {
        let targets = batch.keys();
        let changed = self
            .account
            .db
            .write(move |w| w.left_marked(&targets, MARKED))
            .await?;
        self.account.changes.mailboxes(changed);
        self.account.tell(
            &format!("{} messages were not removed: {MARKED}", batch.uids.len()),
            "",
        );
        Ok(Sent::Known)
    }

    /// Keeps what can be kept of messages that go for good, so that it can be undone.
    async fn keep(&mut self, batch: &Batch) -> Result<(), Failure> {
        if batch.messages.len() > KEPT_MAX {
            return Ok(());
        }
        let mailbox = batch.mailbox;
        let mut missing = Vec::new();
        for (message, (uid, _)) in batch.messages.iter().zip(&batch.targets) {
            let (message, Some(uid)) = (*message, *uid) else {
                continue;
            };
            let size = self
                .account
                .db
                .read(move |r| {
                    Ok(match r.raw(message)? {
                        Some(_) => None,
                        None => Some(r.message_size(message)?),
                    })
                })
                .await?;
            if let Some(size) = size.filter(|s| *s <= KEPT_SIZE_MAX) {
                missing.push((message, uid, size));
            }
        }
        self.fetch_texts(mailbox, &missing).await?;
        let (targets, now) = (batch.keys(), clock::now_secs());
        self.account
            .db
            .write(move |w| w.keep_texts(&targets, now))
            .await?;
        Ok(())
    }

    /// Fetches whole texts out of a mailbox; whether it could be opened.
    pub(super) async fn fetch_texts(
        &mut self,
        mailbox: MailboxKey,
        wanted: &[(MessageKey, Uid, u64)],
    ) -> Result<bool, Failure> {
        if wanted.is_empty() {
            return Ok(false);
        }
        let cursor = self.account.db.read(move |r| r.cursor(mailbox)).await?;
        let era = self.ensure_open(mailbox).await?;
        if era.is_none() || era != cursor.uid_validity {
            self.account.board.note(|w| w.want_pull(mailbox));
            return Ok(false);
        }
        self.fetch_raws(mailbox, wanted).await?;
        Ok(true)
    }

    /// APPEND of bytes that are here: a copy from another account, or what was deleted.
    pub(super) async fn append(&mut self, batch: Batch) -> Result<Sent, Failure> {
        let to = batch.mailbox;
        let (
            Work::Append {
                source,
                kept,
                flags,
                arrived,
                ..
            },
            Some(target),
        ) = (batch.work.clone(), batch.keys().first().copied())
        else {
            return Ok(Sent::Known);
        };
        let Some(name) = self.server_name(to).await? else {
            return self
                .refuse(&batch.keys(), "the folder it was to go to is gone")
                .await;
        };
        let Some(bytes) = self.bytes_of(source, kept).await? else {
            return self
                .refuse(&batch.keys(), "the text of the message is no longer here")
                .await;
        };
        self.account
            .db
            .write(move |w| w.note_appending(target))
            .await?;
        let done = self.session.append(&name, &flags, arrived, &bytes).await?;
        if let Some(error) = done.refused {
            return self.refused_transfer(&[target], to, &name, error).await;
        }
        if let Some((era, uid)) = done.at {
            self.account
                .db
                .write(move |w| w.note_copied(&[], &[(target, era, uid)]))
                .await?;
        }
        self.settle(vec![target]).await?;
        self.look_later(to);
        self.account.ring_peers();
        Ok(Sent::Known)
    }

    async fn bytes_of(
        &self,
        source: Placed,
        kept: Option<TargetKey>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let bytes = self
            .account
            .db
            .read(move |r| match kept {
                Some(deletion) => match r.kept_text(deletion)? {
                    Some(bytes) => Ok(Some(bytes)),
                    None => r.raw(source.message),
                },
                None => r.raw(source.message),
            })
            .await?;
        Ok(bytes)
    }
}
