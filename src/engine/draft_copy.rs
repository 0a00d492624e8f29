//! Copies of drafts in the server's mailbox of drafts: put there, replaced, removed.
//!
//! Called by `replay`. The former copy must never be removed before the new one is confirmed, and
//! nothing but copies of ours may be. Each copy has a Message-ID of its own, so that a lost answer is
//! settled by asking the server before anything is sent again.

use super::account::Failure;
use super::clock;
use super::contents::{self, Kept};
use super::lane::Lane;
use super::pull::is_answer;
use crate::mime::{ComposeError, Composer, EightBit, How, Purpose, Stamp};
use crate::model::{
    Draft, DraftKind, Flag, FlagChange, FlagSet, Mailbox, Moment, Role, Uid, UidSet, UidValidity,
};
use crate::net::{Class, Error};
use crate::store::{CopyState, DraftCopy, DraftDue, DraftRow, Reader};
use std::io::{self, Write};
use std::time::Duration;

/// A larger draft is kept on this computer only, since a copy is held in memory.
const COPY_MAX: usize = 40 * 1024 * 1024;
/// How long a copy is looked for that was sent and not found.
const LOST_SECS: i64 = 10 * 60;
/// How long a draft waits that could not be copied for the moment.
const LATER_SECS: i64 = 60;
/// How long it waits where something of it cannot be read; a change of it ends that.
const UNREADABLE_SECS: i64 = 15 * 60;
/// How long it waits where the server refused it.
const REFUSED_SECS: i64 = 6 * 3600;
/// How long it waits where it is not to be copied as it is; a change of it ends that.
const NEVER_SECS: i64 = 365 * 24 * 3600;

/// A draft as bytes.
struct Composed {
    bytes: Vec<u8>,
    message_id: String,
}

impl Lane {
    /// Brings the mailbox of drafts in line with the drafts that are kept here.
    pub(super) async fn copy_drafts(&mut self) -> Result<(), Failure> {
        self.settle_copies().await?;
        let (account, now) = (self.account.key, clock::now_secs());
        let quiet = self.account.setup.writing.copy_after.as_secs();
        let quiet = now - i64::try_from(quiet).unwrap_or(0);
        let due = self
            .account
            .db
            .read(move |r| r.drafts_to_copy(account, quiet, now))
            .await?;
        for draft in due {
            self.copy_draft(draft).await?;
        }
        self.remove_copies().await?;
        // Of what can still be taken back the copy stays.
        let next = self
            .account
            .db
            .read(move |r| r.next_removal(account, now))
            .await?;
        if let Some(at) = next {
            let wait = u64::try_from(at - now + 1).unwrap_or(0);
            self.replay_within(Duration::from_secs(wait));
        }
        Ok(())
    }

    async fn open_copies(&self) -> Result<Vec<DraftCopy>, Failure> {
        let (account, now) = (self.account.key, clock::now_secs());
        let copies = self
            .account
            .db
            .read(move |r| r.open_copies(account, now))
            .await?;
        Ok(copies)
    }

    /// Asks the mailbox about copies whose answers were lost.
    async fn settle_copies(&mut self) -> Result<(), Failure> {
        for copy in self.open_copies().await? {
            if !matches!(copy.state, CopyState::Sending | CopyState::Lost) {
                continue;
            }
            let (key, now) = (copy.key, clock::now_secs());
            match self.find_copy(&copy.mailbox, &copy.message_id).await? {
                Some(at) => self.copy_arrived(key, Some(at)).await?,
                None if copy.state == CopyState::Sending => {
                    // A server that is slow may still be about to put it there.
                    self.account
                        .db
                        .write(move |w| w.copy_lost(key, now))
                        .await?;
                    self.replay_later();
                }
                None if now - copy.since_secs > LOST_SECS => self.copy_gone(key).await?,
                None => self.replay_later(),
            }
        }
        Ok(())
    }

    async fn copy_arrived(&self, copy: i64, at: Option<(UidValidity, Uid)>) -> Result<(), Failure> {
        self.account
            .db
            .write(move |w| w.copy_arrived(copy, at))
            .await?;
        // The former copy may be in another account.
        self.account.ring_peers();
        Ok(())
    }

    async fn copy_gone(&self, copy: i64) -> Result<(), Failure> {
        self.account.db.write(move |w| w.copy_gone(copy)).await?;
        Ok(())
    }

    /// Where a message with that id is in a mailbox, as the server has it now.
    async fn find_copy(
        &mut self,
        mailbox: &str,
        message_id: &str,
    ) -> Result<Option<(UidValidity, Uid)>, Failure> {
        // Only ours are looked for, and ours are of a plain form.
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_+@[]:".contains(&b);
        if message_id.is_empty() || !message_id.bytes().all(is_plain) {
            return Ok(None);
        }
        let Some(mailbox) = self.mailbox_named(mailbox).await? else {
            return Ok(None);
        };
        let Some(era) = self.ensure_open(mailbox.key).await? else {
            return Ok(None);
        };
        // What arrived by another connection is told first.
        self.session.noop().await?;
        self.absorb_notices().await?;
        if message_id.is_empty() {
            return Ok(None);
        }
        let found = self.session.with_message_id(message_id, Uid::MIN).await?;
        Ok(found.iter().last().map(|uid| (era, uid)))
    }

    async fn delay(&mut self, draft: DraftDue, secs: i64) -> Result<(), Failure> {
        let until = clock::now_secs() + secs;
        self.account
            .db
            .write(move |w| w.delay_copy(draft.draft, until))
            .await?;
        if secs <= LATER_SECS {
            self.replay_later();
        }
        Ok(())
    }

    async fn copy_draft(&mut self, due: DraftDue) -> Result<(), Failure> {
        let row = self.account.db.read(move |r| r.draft(due.draft)).await?;
        let Some(row) = row else { return Ok(()) };
        // What is to be encrypted is nothing for the server to read, and a bounce has no words.
        if row.draft.sending.is_encrypted || row.draft.kind == DraftKind::Bounce {
            return self.delay(due, NEVER_SECS).await;
        }
        if !self.has_all(&row.draft).await? {
            return self.delay(due, LATER_SECS).await;
        }
        let Some(mailbox) = self.drafts_mailbox().await? else {
            return self.delay(due, UNREADABLE_SECS).await;
        };
        let reader = self.account.db.another_reader()?;
        let draft = row.draft.clone();
        let composed = tokio::task::spawn_blocking(move || compose(draft, reader)).await;
        match composed {
            Ok(Ok(composed)) => self.send_copy_of(due, &row, &mailbox, &composed).await,
            Ok(Err(why)) => {
                tracing::info!(draft = %row.key, %why, "a draft is not copied");
                self.delay(due, UNREADABLE_SECS).await
            }
            Err(_) => self.delay(due, UNREADABLE_SECS).await,
        }
    }

    /// Whether the messages that a draft is composed of are here; fetches those of this account.
    async fn has_all(&mut self, draft: &Draft) -> Result<bool, Failure> {
        for message in contents::messages(draft) {
            let missing = self
                .account
                .db
                .read(move |r| {
                    Ok(match r.raw(message)? {
                        Some(_) => None,
                        None => Some(r.summary(message, None)?),
                    })
                })
                .await?;
            let Some(missing) = missing else { continue };
            let Some(summary) = missing.filter(|s| s.account == self.account.key) else {
                return Ok(false);
            };
            let Some((mailbox, uid, size)) = self.whereabouts(summary.placed).await? else {
                return Ok(false);
            };
            if !self.fetch_texts(mailbox, &[(message, uid, size)]).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The mailbox of drafts; made where there is none.
    async fn drafts_mailbox(&mut self) -> Result<Option<Mailbox>, Failure> {
        if let Some(found) = self.mailbox_for_drafts().await? {
            return Ok(Some(found));
        }
        let account = self.account.key;
        let named = self.account.setup.roles.get(&Role::Drafts).cloned();
        let name = match named {
            Some(name) => name,
            None => {
                let db = &self.account.db;
                db.read(move |r| r.name_for(account, Role::Drafts)).await?
            }
        };
        match self.session.create(&name, Some(Role::Drafts)).await {
            Ok(()) => {}
            Err(error) if is_answer(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        self.list_and_compare().await?;
        self.mailbox_for_drafts().await
    }

    async fn mailbox_for_drafts(&self) -> Result<Option<Mailbox>, Failure> {
        let account = self.account.key;
        let mailboxes = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        Ok(mailboxes
            .into_iter()
            .find(|m| m.role == Some(Role::Drafts) && m.is_selectable))
    }

    async fn send_copy_of(
        &mut self,
        due: DraftDue,
        row: &DraftRow,
        mailbox: &Mailbox,
        composed: &Composed,
    ) -> Result<(), Failure> {
        let (noted, name, id) = (
            row.clone(),
            mailbox.name.clone(),
            composed.message_id.clone(),
        );
        let now = clock::now_secs();
        let copy = self
            .account
            .db
            .write(move |w| w.begin_copy(&noted, &name, &id, now))
            .await?;
        let mut flags = FlagSet::default();
        flags.insert(Flag::Draft);
        flags.insert(Flag::Seen);
        // Where this breaks the connection, the next one asks what became of it.
        let done = self
            .session
            .append(&mailbox.name, &flags, None, &composed.bytes)
            .await?;
        if let Some(error) = done.refused {
            self.copy_gone(copy).await?;
            return self.copy_refused(due, &error).await;
        }
        let at = match done.at {
            Some(at) => Some(at),
            None => self.find_copy(&mailbox.name, &composed.message_id).await?,
        };
        self.copy_arrived(copy, at).await?;
        self.account.board.note(|w| w.want_pull(mailbox.key));
        Ok(())
    }

    async fn copy_refused(&mut self, due: DraftDue, error: &Error) -> Result<(), Failure> {
        if error.code.as_deref() == Some("TRYCREATE") {
            self.account.board.note(|w| w.is_list_due = true);
        }
        if error.class != Class::Rejected || error.code.as_deref() == Some("TRYCREATE") {
            return self.delay(due, LATER_SECS).await;
        }
        self.account.tell(
            &format!("a draft was not copied to the server: {}", error.summary),
            "it is kept on this computer",
        );
        self.delay(due, REFUSED_SECS).await
    }

    /// Removes copies that are out of date, and those of drafts that were sent or discarded.
    async fn remove_copies(&mut self) -> Result<(), Failure> {
        for copy in self.open_copies().await? {
            if copy.state == CopyState::Leaving {
                self.remove_copy(&copy).await?;
            }
        }
        Ok(())
    }

    async fn remove_copy(&mut self, copy: &DraftCopy) -> Result<(), Failure> {
        let Some(mailbox) = self.mailbox_named(&copy.mailbox).await? else {
            return self.copy_gone(copy.key).await;
        };
        let Some(era) = self.ensure_open(mailbox.key).await? else {
            return Ok(());
        };
        let uid = match copy.at {
            Some((known, uid)) if known == era => Some(uid),
            // The ids are others now; its Message-ID is its own.
            _ => self
                .find_copy(&copy.mailbox, &copy.message_id)
                .await?
                .map(|(_, uid)| uid),
        };
        let Some(uid) = uid else {
            return self.copy_gone(copy.key).await;
        };
        match self.expunge_one(&mailbox, era, uid).await {
            Ok(()) => self.copy_gone(copy.key).await,
            Err(Failure::Net(error)) if error.class == Class::Rejected => {
                self.account.tell(
                    &format!("an old copy of a draft was not removed: {}", error.summary),
                    "",
                );
                self.copy_gone(copy.key).await
            }
            Err(Failure::Net(error)) if is_answer(&error) => {
                self.replay_later();
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Marks one message and removes it; where only all marked ones can be removed and others' are
    /// among them, it stays marked.
    async fn expunge_one(
        &mut self,
        mailbox: &Mailbox,
        era: UidValidity,
        uid: Uid,
    ) -> Result<(), Failure> {
        let uids: UidSet = std::iter::once(uid).collect();
        let mark = FlagChange::one(Flag::Deleted, true);
        let notices = self.session.change_flags(&uids, &mark).await?;
        self.apply(mailbox.key, era, &notices).await?;
        self.follow(&notices).await?;
        let done = if self.session.capabilities().can_uidplus() {
            self.session.expunge_messages(&uids).await?
        } else {
            let marked = self.session.marked_deleted().await?;
            if !marked.minus(&uids).is_empty() {
                return Ok(());
            }
            self.session.expunge_marked().await?
        };
        self.apply(mailbox.key, era, &done.notices).await?;
        self.follow(&done.notices).await?;
        match done.refused {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// Writes a draft as the mailbox of drafts has it.
fn compose(mut draft: Draft, reader: Reader) -> Result<Composed, ComposeError> {
    // A signature is made when it is sent.
    draft.sending.is_signed = false;
    let stamp = Stamp {
        date: now(),
        token: fastrand::u128(..).to_be_bytes(),
    };
    let how = How {
        purpose: Purpose::Keeping,
        eight_bit: EightBit::WhereNeeded,
        stamp,
    };
    let mut out = Bounded(Vec::new());
    Composer::new(&draft, how).write(&mut Kept::new(reader), &mut out)?;
    Ok(Composed {
        message_id: stamp.message_id(&draft.identity.address.address),
        bytes: out.0,
    })
}

/// Now, with the offset of this place.
pub(super) fn now() -> Moment {
    let unix_secs = clock::now_secs();
    let stamp = jiff::Timestamp::from_second(unix_secs).unwrap_or_default();
    let offset = jiff::tz::TimeZone::system().to_offset(stamp).seconds() / 60;
    Moment {
        unix_secs,
        offset_mins: i16::try_from(offset).unwrap_or(0),
    }
}

/// Bytes in memory, so many and no more.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > COPY_MAX {
            return Err(io::Error::other("it is too large to be copied"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
