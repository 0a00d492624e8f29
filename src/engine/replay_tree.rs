//! Replays changes of the tree: create, rename, delete, subscribe, one after the other.
//!
//! Called by `replay`. A mailbox must never be deleted with more in it than the user agreed to lose.

use super::account::Failure;
use super::clock;
use super::lane::Lane;
use super::pull::is_answer;
use crate::model::{FolderChange, MailboxId};
use crate::net::{Class, Error};
use crate::store::TreeClaim;

/// How long a change waits after the server could not take it for the moment.
const LATER_SECS: i64 = 60;

impl Lane {
    /// Does what is due; whether there was anything.
    pub(super) async fn replay_tree(&mut self) -> Result<bool, Failure> {
        let account = self.account.key;
        let mut has_done = false;
        loop {
            let now = clock::now_secs();
            let claim = self
                .account
                .db
                .write(move |w| w.claim_tree(account, now))
                .await?;
            let Some(claim) = claim else {
                return Ok(has_done);
            };
            has_done = true;
            let done = self.change_tree(&claim).await;
            self.end_tree(&claim, done).await?;
            // What the server made of it besides, and the counts, are listed when there is time.
            self.account.board.note(|w| w.is_list_due = true);
            self.account.changes.tree();
        }
    }

    async fn end_tree(
        &mut self,
        claim: &TreeClaim,
        done: Result<(), Error>,
    ) -> Result<(), Failure> {
        let key = claim.key;
        match done {
            Ok(()) => {
                self.account.db.write(move |w| w.settle_tree(key)).await?;
                self.account.count_sent(1);
                Ok(())
            }
            Err(error) if error.class == Class::Rejected => {
                let reason = error.summary.clone();
                self.account
                    .db
                    .write(move |w| w.reject_tree(key, &reason))
                    .await?;
                let what = describe(&claim.change);
                self.account.tell(
                    &format!("{what} was refused and taken back: {}", error.summary),
                    &error.hint,
                );
                Ok(())
            }
            Err(error) => {
                let (reason, is_answered) = (error.summary.clone(), is_answer(&error));
                let due = clock::now_secs() + if is_answered { LATER_SECS } else { 0 };
                self.account
                    .db
                    .write(move |w| w.release_tree(key, &reason, due))
                    .await?;
                if is_answered {
                    self.replay_later();
                    return Ok(());
                }
                self.account.board.note(|w| w.is_replay_due = true);
                Err(error.into())
            }
        }
    }

    async fn change_tree(&mut self, claim: &TreeClaim) -> Result<(), Error> {
        match &claim.change {
            FolderChange::Create(id) => self.create(id, claim).await,
            FolderChange::Rename { from, to } => self.rename(claim, from, to).await,
            FolderChange::Delete { mailbox, agreed } => {
                self.delete(mailbox, *agreed, claim.is_done).await
            }
            FolderChange::Subscribe(id, is_on) => {
                if claim.is_done {
                    return Ok(());
                }
                self.session.subscribe(&id.name, *is_on).await
            }
        }
    }

    async fn create(&mut self, id: &MailboxId, claim: &TreeClaim) -> Result<(), Error> {
        if !claim.is_done {
            match self.session.create(&id.name, claim.role).await {
                Err(error) if error.code.as_deref() == Some("ALREADYEXISTS") => {}
                done => done?,
            }
        }
        if claim.is_followed {
            self.follow_mailbox(&id.name, true).await?;
        }
        Ok(())
    }

    async fn rename(&mut self, claim: &TreeClaim, from: &MailboxId, to: &str) -> Result<(), Error> {
        if !claim.is_done {
            // The session steps out of what it renames.
            self.open = None;
            self.session.rename(&from.name, to).await?;
        }
        for old in &claim.followed {
            let rest = old.strip_prefix(&from.name).unwrap_or_default();
            self.follow_mailbox(&format!("{to}{rest}"), true).await?;
            self.follow_mailbox(old, false).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, id: &MailboxId, agreed: u32, is_done: bool) -> Result<(), Error> {
        if !is_done {
            self.open = None;
            let found = match self.session.status(&id.name).await {
                Ok(status) => status.messages.unwrap_or(0),
                // Not a mailbox that holds messages, or no longer there: the deletion tells.
                Err(error) if error.class == Class::Rejected => 0,
                Err(error) => return Err(error),
            };
            if found > agreed {
                return Err(Error::new(
                    Class::Rejected,
                    format!("it holds {found} messages by now, so nothing was deleted"),
                ));
            }
            match self.session.delete_mailbox(&id.name).await {
                Err(error) if error.code.as_deref() == Some("NONEXISTENT") => {}
                done => done?,
            }
        }
        self.follow_mailbox(&id.name, false).await
    }

    /// Subscribes or unsubscribes; a server that will not is no reason to take anything back.
    async fn follow_mailbox(&mut self, name: &str, is_on: bool) -> Result<(), Error> {
        match self.session.subscribe(name, is_on).await {
            Err(error) if !is_answer(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn describe(change: &FolderChange) -> String {
    let name = &change.mailbox().name;
    match change {
        FolderChange::Create(_) => format!("making the folder {name}"),
        FolderChange::Rename { to, .. } => format!("renaming the folder {name} to {to}"),
        FolderChange::Delete { .. } => format!("deleting the folder {name}"),
        FolderChange::Subscribe(_, true) => format!("subscribing to {name}"),
        FolderChange::Subscribe(_, false) => format!("unsubscribing from {name}"),
    }
}
