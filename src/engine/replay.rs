//! Sends what the journal holds to the server: the only code that changes a server mailbox.
//!
//! Called by the working lane. A target settles only on the server's OK; whatever else happens it
//! stays in the journal, and every verb may be repeated without harm.

use super::account::Failure;
use super::clock;
use super::lane::Lane;
use super::pull::is_answer;
use crate::model::{FlagChange, MailboxKey, TargetKey, Uid, UidSet, UidValidity};
use crate::net::Class;
use crate::store::Claim;
use std::time::Duration;
use tokio::time::Instant;

/// How many messages are claimed at a time: one command can carry them all.
const CLAIM_MAX: u32 = 5_000;
/// How long a change waits after the server could not take it for the moment.
const LATER_SECS: i64 = 60;

/// How often a replay follows folders that were begun anew; a server may do so at each SELECT.
const RENUMBERED_MAX: u32 = 100;

/// What became of a batch.
enum Sent {
    /// Settled, refused, or put off.
    Known,
    /// Not sent: its ids are of an era that is over.
    Renumbered(MailboxKey),
}

/// Messages of one mailbox that want the same change: one command.
struct Batch {
    mailbox: MailboxKey,
    uid_validity: UidValidity,
    change: FlagChange,
    uids: UidSet,
    targets: Vec<TargetKey>,
}

fn batches(claims: Vec<Claim>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for claim in claims {
        let same = batches.iter_mut().find(|b| {
            b.mailbox == claim.mailbox
                && b.uid_validity == claim.uid_validity
                && b.change == claim.change
        });
        if let Some(batch) = same {
            batch.uids.insert(claim.uid);
            batch.targets.extend(claim.targets);
        } else {
            let uids: UidSet = [claim.uid]
                .into_iter()
                .collect::<Vec<Uid>>()
                .into_iter()
                .collect();
            batches.push(Batch {
                mailbox: claim.mailbox,
                uid_validity: claim.uid_validity,
                change: claim.change,
                uids,
                targets: claim.targets,
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
        let mut renumbered = 0;
        loop {
            let now = clock::now_secs();
            let claims = self
                .account
                .db
                .write(move |w| w.claim(account, now, CLAIM_MAX))
                .await?;
            if claims.is_empty() {
                return Ok(());
            }
            let mut batches = batches(claims).into_iter();
            while let Some(batch) = batches.next() {
                let targets = batch.targets.clone();
                let sent = self.send(batch).await;
                if matches!(sent, Ok(Sent::Known)) {
                    continue;
                }
                // The answer is not known for this one, the others were not sent: all wait.
                let mut back = targets;
                back.extend(batches.by_ref().flat_map(|b| b.targets));
                let why = match &sent {
                    Err(failure) => failure.summary(),
                    Ok(_) => "the server renumbered the folder".to_owned(),
                };
                let mut due = now;
                renumbered += u32::from(sent.is_ok());
                if renumbered > RENUMBERED_MAX {
                    due += LATER_SECS;
                    self.replay_later();
                }
                self.account
                    .db
                    .write(move |w| w.release(&back, &why, due))
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
        }
    }

    /// What the server could not take now is due again after a while, on this connection too.
    pub(crate) fn replay_later(&mut self) {
        let wait = Duration::from_secs(LATER_SECS.unsigned_abs() + 1);
        self.replay_at = Some(Instant::now() + wait);
    }

    async fn send(&mut self, batch: Batch) -> Result<Sent, Failure> {
        let Some(era) = self.ensure_open(batch.mailbox).await? else {
            return self.refuse(batch, "the folder is gone").await;
        };
        if era != batch.uid_validity {
            // A pull re-keys what it recognises; until then nothing can be named.
            return Ok(Sent::Renumbered(batch.mailbox));
        }
        match self.session.change_flags(&batch.uids, &batch.change).await {
            Ok(notices) => {
                // What was said up to the answer is older than what the answer confirms.
                self.apply(batch.mailbox, era, &notices).await?;
                let targets = batch.targets;
                let count = targets.len();
                let changed = self.account.db.write(move |w| w.settle(&targets)).await?;
                self.account.count_sent(count);
                self.account.changes.mailboxes(changed);
                self.follow(&notices).await?;
                Ok(Sent::Known)
            }
            Err(error) if error.class == Class::Rejected => {
                self.refuse(batch, &error.summary).await
            }
            Err(error) if is_answer(&error) => {
                // Busy, or broken for the moment: the connection and all else go on.
                let (targets, why) = (batch.targets, error.summary);
                let later = clock::now_secs() + LATER_SECS;
                self.account
                    .db
                    .write(move |w| w.release(&targets, &why, later))
                    .await?;
                self.replay_later();
                Ok(Sent::Known)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The server said no: taken back on the screen, and told.
    async fn refuse(&mut self, batch: Batch, why: &str) -> Result<Sent, Failure> {
        let (targets, reason) = (batch.targets, why.to_owned());
        let count = batch.uids.len();
        let changed = self
            .account
            .db
            .write(move |w| w.reject(&targets, &reason))
            .await?;
        self.account.changes.mailboxes(changed);
        let what = if count == 1 {
            "a change of one message".to_owned()
        } else {
            format!("a change of {count} messages")
        };
        self.account
            .tell(&format!("{what} was refused and taken back: {why}"), "");
        Ok(Sent::Known)
    }
}
