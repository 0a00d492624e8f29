//! Sends what the journal holds to the server: with its two halves the only code that changes one.
//!
//! Called by the working lane. A target settles only on the server's OK; whatever else happens it
//! stays in the journal, and every verb may be repeated without harm. `transfers` does what moves
//! messages, `replay_tree` what changes folders.

use super::account::Failure;
use super::clock;
use super::lane::Lane;
use super::pull::is_answer;
use crate::model::{
    FlagChange, MailboxKey, MessageKey, Placed, TargetKey, Uid, UidSet, UidValidity,
};
use crate::net::{Class, Error};
use crate::store::{Claim, Work};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How many messages are claimed at a time: one command can carry them all.
const CLAIM_MAX: u32 = 5_000;
/// How long a change waits after the server could not take it for the moment.
const LATER_SECS: i64 = 60;
/// How long after a transfer the mailbox that got it is looked into, if nobody looks at it before.
const LOOK_AFTER: Duration = Duration::from_secs(8);
/// How many texts are fetched for the sake of another account in one go.
const TEXTS_MAX: usize = 32;

/// How long a replay is put off at most.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// How often a replay follows folders that were begun anew; a server may do so at each SELECT.
const RENUMBERED_MAX: u32 = 100;

/// What became of a batch.
pub(super) enum Sent {
    /// Settled, refused, or put off.
    Known,
    /// Not sent: its ids are of an era that is over.
    Renumbered(MailboxKey),
}

/// Messages of one mailbox that want the same: one command.
pub(super) struct Batch {
    pub(super) mailbox: MailboxKey,
    pub(super) uid_validity: UidValidity,
    pub(super) work: Work,
    pub(super) uids: UidSet,
    /// Which targets belong to which id; all of an append belong to none.
    pub(super) targets: Vec<(Option<Uid>, TargetKey)>,
    pub(super) messages: Vec<MessageKey>,
}

impl Batch {
    /// All its targets.
    pub(super) fn keys(&self) -> Vec<TargetKey> {
        self.targets.iter().map(|(_, key)| *key).collect()
    }

    /// The part of it that concerns these ids.
    pub(super) fn of(&self, uids: &UidSet) -> Vec<TargetKey> {
        self.targets
            .iter()
            .filter(|(uid, _)| uid.is_some_and(|uid| uids.contains(uid)))
            .map(|(_, key)| *key)
            .collect()
    }
}

fn batches(claims: Vec<Claim>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for claim in claims {
        let is_single = matches!(claim.work, Work::Append { .. });
        let same = batches.iter_mut().find(|b| {
            !is_single
                && b.mailbox == claim.mailbox
                && b.uid_validity == claim.uid_validity
                && b.work == claim.work
        });
        let targets = claim.targets.into_iter().map(|t| (claim.uid, t));
        if let Some(batch) = same {
            if let Some(uid) = claim.uid {
                batch.uids.insert(uid);
            }
            batch.targets.extend(targets);
            batch.messages.push(claim.message);
        } else {
            batches.push(Batch {
                mailbox: claim.mailbox,
                uid_validity: claim.uid_validity,
                work: claim.work,
                uids: claim.uid.into_iter().collect(),
                targets: targets.collect(),
                messages: vec![claim.message],
            });
        }
    }
    // One SELECT per mailbox is enough.
    batches.sort_by_key(|b| b.mailbox);
    batches
}

impl Lane {
    /// Replays until nothing is due.
    pub(crate) async fn replay(&mut self) -> Result<(), Failure> {
        let account = self.account.key;
        self.account.db.write(move |w| w.recover(account)).await?;
        self.made.clear();
        // What was sent of the tree and never answered shows in the list.
        let is_unsure = self
            .account
            .db
            .read(move |r| r.is_tree_unsure(account))
            .await?;
        if is_unsure && !self.has_listed {
            self.list_and_compare().await?;
        }
        let mut renumbered = 0;
        let mut looked = BTreeSet::new();
        loop {
            let mut has_done = self.fetch_for_others().await?;
            has_done |= self.replay_tree().await?;
            has_done |= self.replay_messages(&mut renumbered).await?;
            if !has_done && !self.look_where_needed(&mut looked).await? {
                break;
            }
        }
        self.copy_drafts().await?;
        if !self.later.is_empty() {
            self.later_at = Some(Instant::now() + LOOK_AFTER);
        }
        Ok(())
    }

    /// Looks at once into the mailboxes that got messages from us, if they are known to their ends.
    pub(crate) async fn look_into_later(&mut self) -> Result<(), Failure> {
        for mailbox in std::mem::take(&mut self.later) {
            let cursor = self.account.db.read(move |r| r.cursor(mailbox)).await?;
            if cursor.is_complete {
                self.pull(mailbox).await?;
            }
        }
        Ok(())
    }

    /// Changes may wait for the id of a message that has just arrived somewhere: the mailbox tells,
    /// once. Whether there was any to look into.
    async fn look_where_needed(
        &mut self,
        looked: &mut BTreeSet<MailboxKey>,
    ) -> Result<bool, Failure> {
        let account = self.account.key;
        let wanted = self
            .account
            .db
            .read(move |r| r.mailboxes_awaited(account))
            .await?;
        let mut has_any = false;
        for mailbox in wanted {
            if looked.insert(mailbox) {
                self.pull(mailbox).await?;
                has_any = true;
            }
        }
        Ok(has_any)
    }

    async fn replay_messages(&mut self, renumbered: &mut u32) -> Result<bool, Failure> {
        let account = self.account.key;
        let now = clock::now_secs();
        let can_move = self.session.capabilities().can_move();
        let before = self.refused_ops().await?;
        let claims = self
            .account
            .db
            .write(move |w| w.claim(account, now, CLAIM_MAX, can_move))
            .await?;
        self.tell_refused_ops(&before).await?;
        if claims.is_empty() {
            return Ok(false);
        }
        let mut batches = batches(claims).into_iter();
        while let Some(batch) = batches.next() {
            let targets = batch.keys();
            let sent = self.send(batch).await;
            if matches!(sent, Ok(Sent::Known)) {
                continue;
            }
            // The answer is not known for this one, the others were not sent: all wait.
            let mut unsent: Vec<TargetKey> = Vec::new();
            for batch in batches.by_ref() {
                unsent.extend(batch.keys());
            }
            let why = match &sent {
                Err(failure) => failure.summary(),
                Ok(_) => "the server renumbered the folder".to_owned(),
            };
            let mut due = now;
            *renumbered += u32::from(sent.is_ok());
            if *renumbered > RENUMBERED_MAX {
                due += LATER_SECS;
                self.replay_later();
            }
            let is_unsent = sent.is_ok();
            self.account
                .db
                .write(move |w| {
                    w.release(&targets, &why, due)?;
                    w.unsent(&unsent)?;
                    if is_unsent {
                        w.unsent(&targets)?;
                    }
                    Ok(())
                })
                .await?;
            match sent {
                Ok(Sent::Renumbered(mailbox)) => self.pull(mailbox).await?,
                Ok(Sent::Known) => {}
                Err(failure) => {
                    self.account.board.note(|w| w.is_replay_due = true);
                    return Err(failure);
                }
            }
        }
        self.account.changes.tree();
        Ok(true)
    }

    /// What the server could not take now is due again after a while, on this connection too.
    pub(crate) fn replay_later(&mut self) {
        let wait = Duration::from_secs(LATER_SECS.unsigned_abs() + 1);
        self.replay_at = Some(Instant::now() + wait);
    }

    /// Something is due after that time, if nothing is before.
    pub(super) fn replay_within(&mut self, wait: Duration) {
        let at = Instant::now() + wait.min(WAIT_MAX);
        self.replay_at = Some(self.replay_at.map_or(at, |other| other.min(at)));
    }

    async fn send(&mut self, batch: Batch) -> Result<Sent, Failure> {
        if matches!(batch.work, Work::Append { .. }) {
            return self.append(batch).await;
        }
        if let Work::Look { to } = batch.work {
            return self.look_for(batch, to).await;
        }
        let Some(era) = self.ensure_open(batch.mailbox).await? else {
            return self.refuse(&batch.keys(), "the folder is gone").await;
        };
        if era != batch.uid_validity {
            // A pull re-keys what it recognises; until then nothing can be named.
            return Ok(Sent::Renumbered(batch.mailbox));
        }
        match batch.work.clone() {
            Work::Flags(change) => self.send_flags(batch, era, &change).await,
            Work::Move { to } => self.send_move(batch, to).await,
            Work::Copy { to, is_move } => self.send_copy(batch, to, is_move).await,
            Work::RemoveCopied => self.remove(batch, false).await,
            Work::Remove { is_asked } => self.remove(batch, is_asked).await,
            Work::Look { .. } | Work::Append { .. } => Ok(Sent::Known),
        }
    }

    async fn send_flags(
        &mut self,
        batch: Batch,
        era: UidValidity,
        change: &FlagChange,
    ) -> Result<Sent, Failure> {
        match self.session.change_flags(&batch.uids, change).await {
            Ok(notices) => {
                // What was said up to the answer is older than what the answer confirms.
                self.apply(batch.mailbox, era, &notices).await?;
                self.settle(batch.keys()).await?;
                self.follow(&notices).await?;
                Ok(Sent::Known)
            }
            Err(error) => self.not_done(&batch.keys(), error).await,
        }
    }

    /// The server did it.
    pub(super) async fn settle(&mut self, targets: Vec<TargetKey>) -> Result<(), Failure> {
        let count = targets.len();
        let changed = self.account.db.write(move |w| w.settle(&targets)).await?;
        self.account.count_sent(count);
        self.account.changes.mailboxes(changed);
        Ok(())
    }

    /// The server answered, and did not do it: never or not now. Otherwise the connection is over.
    pub(super) async fn not_done(
        &mut self,
        targets: &[TargetKey],
        error: Error,
    ) -> Result<Sent, Failure> {
        if error.class == Class::Rejected {
            return self.refuse(targets, &error.summary).await;
        }
        if !is_answer(&error) {
            return Err(error.into());
        }
        // Busy, or broken for the moment: the connection and all else go on.
        let (targets, why) = (targets.to_vec(), error.summary);
        let later = clock::now_secs() + LATER_SECS;
        self.account
            .db
            .write(move |w| {
                w.release(&targets, &why, later)?;
                w.unsent(&targets)
            })
            .await?;
        self.replay_later();
        Ok(Sent::Known)
    }

    /// The server said no: taken back on the screen, and told.
    pub(super) async fn refuse(
        &mut self,
        targets: &[TargetKey],
        why: &str,
    ) -> Result<Sent, Failure> {
        let (keys, reason) = (targets.to_vec(), why.to_owned());
        let changed = self
            .account
            .db
            .write(move |w| w.reject(&keys, &reason))
            .await?;
        self.account.changes.mailboxes(changed);
        let what = match targets.len() {
            1 => "a change of one message".to_owned(),
            count => format!("a change of {count} messages"),
        };
        self.account
            .tell(&format!("{what} was refused and taken back: {why}"), "");
        Ok(Sent::Known)
    }

    /// Texts of ours that another account waits for, to put copies into its own mailboxes.
    async fn fetch_for_others(&mut self) -> Result<bool, Failure> {
        let account = self.account.key;
        let wanted = self
            .account
            .db
            .read(move |r| r.texts_wanted_elsewhere(account))
            .await?;
        if wanted.is_empty() {
            return Ok(false);
        }
        let mut has_any = false;
        let mut by_mailbox: BTreeMap<MailboxKey, Vec<(MessageKey, Uid, u64)>> = BTreeMap::new();
        for placed in wanted.into_iter().take(TEXTS_MAX) {
            if let Some((mailbox, uid, size)) = self.whereabouts(placed).await? {
                let list = by_mailbox.entry(mailbox).or_default();
                list.push((placed.message, uid, size));
            }
        }
        for (mailbox, list) in by_mailbox {
            if self.fetch_texts(mailbox, &list).await? {
                has_any = true;
            }
        }
        if has_any {
            self.account.ring_peers();
        }
        Ok(has_any)
    }

    /// Where the server has a message, under which id, and how large it is.
    pub(super) async fn whereabouts(
        &self,
        placed: Placed,
    ) -> Result<Option<(MailboxKey, Uid, u64)>, Failure> {
        let found = self
            .account
            .db
            .read(move |r| {
                let Some((mailbox, era, uid)) = r.uid(placed)? else {
                    return Ok(None);
                };
                let is_current = r.cursor(mailbox)?.uid_validity == Some(era);
                let size = r.message_size(placed.message)?;
                Ok(is_current.then_some((mailbox, uid, size)))
            })
            .await?;
        Ok(found)
    }

    /// The name that the server has for a mailbox; `None` where it has it no more.
    pub(super) async fn server_name(&self, key: MailboxKey) -> Result<Option<String>, Failure> {
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        Ok(mailboxes.into_iter().find(|m| m.key == key).map(|m| m.name))
    }

    /// Notes that a mailbox got messages from us.
    pub(super) fn look_later(&mut self, mailbox: MailboxKey) {
        self.later.insert(mailbox);
    }

    /// Whether a mailbox was made already on behalf of what goes into it, in this replay.
    pub(super) fn has_made(&mut self, mailbox: MailboxKey) -> bool {
        !self.made.insert(mailbox)
    }
}

/// The ids as a set.
pub(super) fn set_of(uids: impl IntoIterator<Item = Uid>) -> UidSet {
    uids.into_iter().collect()
}

/// Ids that were reported gone.
pub(super) fn gone_in(notices: &[crate::net::imap::Notice]) -> BTreeSet<Uid> {
    let mut gone = BTreeSet::new();
    for notice in notices {
        if let crate::net::imap::Notice::Gone(uids) = notice {
            gone.extend(uids.iter());
        }
    }
    gone
}
