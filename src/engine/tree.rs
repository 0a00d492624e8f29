//! Compares the server's tree with ours: the first flight of a connection, and what is behind.
//!
//! Called by the working lane. A mailbox that can be brought into step in passing is visited in one
//! flight with others; the rest is queued for a pull of its own.

use super::account::Failure;
use super::lane::Lane;
use super::pull::{as_store, known_of, syncing};
use super::roles;
use crate::model::{Mailbox, MailboxKey, ModSeq, OpKey, Role, TargetState, Uid};
use crate::net::imap::{Known, Listed, Start};
use crate::store::{Cursor, ServerStatus, TreeEntry};
use std::collections::BTreeSet;

/// Mailboxes visited in one flight.
const VISIT_MAX: usize = 16;

/// A mailbox to visit: its name, where it was, and the first id that is not here.
type Visit = (String, Option<Known>, Option<Uid>);

/// Whether what LIST-STATUS says of a mailbox differs from what we know of it.
fn is_behind(status: &ServerStatus, cursor: &Cursor, mailbox: &Mailbox) -> bool {
    if !cursor.is_complete || cursor.uid_validity != status.uid_validity {
        return true;
    }
    if status.uid_next.is_none() || cursor.uid_next != status.uid_next {
        return true;
    }
    match status.mod_seq {
        Some(now) if now != ModSeq(0) && cursor.mod_seq != ModSeq(0) => now != cursor.mod_seq,
        _ => {
            status.messages.is_some_and(|n| n != mailbox.total)
                || status.unseen.is_some_and(|n| n != mailbox.unread)
        }
    }
}

impl Lane {
    /// The first flight on a new connection: tree, the mailbox on screen, and what changed meanwhile.
    pub(crate) async fn begin(&mut self) -> Result<(), Failure> {
        let wanted = self.wanted_first().await?;
        let (key, name) = wanted.map_or((None, "INBOX".to_owned()), |(k, n)| (Some(k), n));
        let known = match key {
            Some(key) => self.known(key).await?,
            None => None,
        };
        let start = Start {
            select: Some((name.clone(), known)),
            list: true,
        };
        let started = self.session.start(&start).await?;
        let behind = match &started.list {
            Some(list) => self.take_tree(list).await?,
            None => Vec::new(),
        };
        let mut first = None;
        if let Some(Ok(selected)) = started.selected
            && let Some(mailbox) = self.mailbox_named(&name).await?
        {
            first = Some(mailbox.key);
            self.account.set_lane_link(syncing(&mailbox, 0, 0));
            self.pull_selected(mailbox.key, &selected).await?;
        }
        self.post_pulls(behind.into_iter().filter(|k| Some(*k) != first).collect())
            .await?;
        self.account.board.note(|w| {
            w.is_replay_due = true;
            w.is_filing_due = true;
            w.is_background_due = true;
            w.is_list_due = false;
        });
        // What a connection before put off is due by then.
        self.replay_later();
        Ok(())
    }

    /// The changes that were taken back so far.
    pub(crate) async fn refused_ops(&self) -> Result<BTreeSet<OpKey>, Failure> {
        let account = self.account.key;
        let ops = self.account.db.read(|r| r.open_ops()).await?;
        Ok(ops
            .into_iter()
            .filter(|o| o.account == account && o.state == TargetState::Rejected)
            .map(|o| o.op)
            .collect())
    }

    /// Tells of changes that the store took back because what they meant is gone.
    pub(crate) async fn tell_refused_ops(&self, before: &BTreeSet<OpKey>) -> Result<(), Failure> {
        let account = self.account.key;
        let ops = self.account.db.read(|r| r.open_ops()).await?;
        for op in ops.iter().filter(|o| {
            o.account == account && o.state == TargetState::Rejected && !before.contains(&o.op)
        }) {
            let summary = format!("not done on the server: {}: {}", op.label, op.error);
            self.account.tell(&summary, "");
        }
        Ok(())
    }

    async fn wanted_first(&self) -> Result<Option<(MailboxKey, String)>, Failure> {
        let (account, looked_at) = (self.account.key, self.account.board.look(|w| w.looked_at));
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        let found = mailboxes
            .iter()
            .find(|m| Some(m.key) == looked_at && m.is_selectable)
            .or_else(|| mailboxes.iter().find(|m| m.role == Some(Role::Inbox)));
        Ok(found.map(|m| (m.key, m.name.clone())))
    }

    /// Lists the tree anew and queues what is behind.
    pub(crate) async fn list_and_compare(&mut self) -> Result<(), Failure> {
        let list = self.session.list().await?;
        let behind = self.take_tree(&list).await?;
        self.post_pulls(behind).await
    }

    /// Takes a complete list over; returns the mailboxes that are behind, in the order of work.
    async fn take_tree(&mut self, list: &[Listed]) -> Result<Vec<MailboxKey>, Failure> {
        let roles = roles::roles(list, &self.account.setup.roles);
        let entries: Vec<TreeEntry> = list
            .iter()
            .zip(roles)
            .map(|(l, role)| TreeEntry {
                name: l.name.clone(),
                delimiter: l.delimiter,
                role,
                is_subscribed: l.is_subscribed,
                is_selectable: l.is_selectable,
                status: as_store(l.status),
                namespace: l.namespace,
                rights: l.rights,
            })
            .collect();
        let account = self.account.key;
        let before = self.refused_ops().await?;
        let changed = self
            .account
            .db
            .write(move |w| w.put_tree(account, &entries))
            .await?;
        self.has_listed = true;
        self.tell_refused_ops(&before).await?;
        self.account.changes.mailboxes(changed);
        self.account.changes.tree();
        let is_thorough = self
            .account
            .board
            .note(|w| std::mem::take(&mut w.is_thorough));
        let mut behind = self
            .account
            .db
            .read(move |r| {
                let statuses = r.statuses(account)?;
                let mut behind = Vec::new();
                for mailbox in r
                    .server_mailboxes(account)?
                    .into_iter()
                    .filter(|m| m.is_selectable)
                {
                    let status = statuses.iter().find(|(key, ..)| *key == mailbox.key);
                    let cursor = r.cursor(mailbox.key)?;
                    // Without CONDSTORE the counts tell of arrivals and of what was read, but not
                    // of a star that another client set.
                    let may_hide = is_thorough && cursor.mod_seq == ModSeq(0) && mailbox.total > 0;
                    if may_hide
                        || status.is_none_or(|(.., status)| is_behind(status, &cursor, &mailbox))
                    {
                        behind.push(mailbox);
                    }
                }
                Ok(behind)
            })
            .await?;
        behind.sort_by_key(|m| (m.role != Some(Role::Inbox), m.total));
        Ok(behind.into_iter().map(|m| m.key).collect())
    }

    /// Visits what can be brought into step in one flight; queues the rest.
    async fn post_pulls(&mut self, behind: Vec<MailboxKey>) -> Result<(), Failure> {
        let mut later = Vec::new();
        let mut visits = Vec::new();
        for key in behind {
            let cursor = self.account.db.read(move |r| r.cursor(key)).await?;
            let is_quick = cursor.is_complete && self.session.capabilities().can_qresync();
            match self.mailbox(key).await? {
                Some(_) if self.take_empty(key, &cursor).await? => {}
                Some(mailbox) if is_quick && known_of(&cursor).is_some() => {
                    visits.push((key, (mailbox.name, known_of(&cursor), cursor.uid_next)));
                }
                // What was refused is opened again when somebody looks at it.
                Some(_) if !self.refused.contains(&key) => later.push(key),
                _ => {}
            }
        }
        for flight in visits.chunks(VISIT_MAX) {
            later.extend(self.visit(flight).await?);
        }
        self.account.board.note(|w| {
            for key in later {
                if !w.pulls.contains(&key) {
                    w.pulls.push_back(key);
                }
            }
        });
        Ok(())
    }

    /// A mailbox that was never pulled and holds nothing needs no pull: its status says all.
    async fn take_empty(&mut self, key: MailboxKey, cursor: &Cursor) -> Result<bool, Failure> {
        let account = self.account.key;
        let statuses = self.account.db.read(move |r| r.statuses(account)).await?;
        let status = statuses
            .into_iter()
            .find(|(k, ..)| *k == key)
            .map(|(.., status)| status);
        let Some((status, era)) = status.and_then(|s| Some((s, s.uid_validity?))) else {
            return Ok(false);
        };
        if cursor.uid_next.is_some() || status.messages != Some(0) || status.uid_next.is_none() {
            return Ok(false);
        }
        let cursor = Cursor {
            uid_validity: Some(era),
            uid_next: status.uid_next,
            mod_seq: status.mod_seq.unwrap_or_default(),
            is_complete: true,
        };
        self.account
            .db
            .write(move |w| {
                w.begin_era(key, era)?;
                w.put_cursor(key, cursor, status)
            })
            .await?;
        Ok(true)
    }

    /// One flight over several mailboxes; returns those that need a pull of their own.
    async fn visit(&mut self, flight: &[(MailboxKey, Visit)]) -> Result<Vec<MailboxKey>, Failure> {
        self.absorb_notices().await?;
        let asked: Vec<_> = flight.iter().map(|(_, what)| what.clone()).collect();
        let answers = self.session.visit(&asked).await?;
        let mut later = Vec::new();
        for ((key, (_, known, _)), answer) in flight.iter().zip(answers) {
            let Ok((selected, messages)) = answer else {
                // A SELECT that failed leaves nothing selected.
                self.open = None;
                self.refused.insert(*key);
                continue;
            };
            self.opened(*key, &selected, true);
            let same_era = known.is_some_and(|k| k.uid_validity == selected.uid_validity);
            if !same_era || !selected.is_resynced {
                later.push(*key);
                continue;
            }
            self.apply(*key, selected.uid_validity, &selected.notices)
                .await?;
            self.put(*key, selected.uid_validity, messages, true)
                .await?;
            self.close_pull(*key, &selected).await?;
        }
        Ok(later)
    }
}
