//! Files copies of what was sent, and looks for what may have been sent.
//!
//! Called by the working lane. A copy whose fate is not known is looked for before it is sent again,
//! and none is forgotten before the server has said that it has it.

use super::account::Failure;
use super::clock;
use super::lane::Lane;
use super::pull::is_answer;
use super::setup::SaveSent;
use crate::bus::{Event, WritingEvent};
use crate::model::{Flag, FlagSet, MailboxKey, Namespace, OutboxKey, Role, Safe, Uid, UidValidity};
use crate::net::Error;
use crate::store::{CopyDue, Unconfirmed};
use std::time::Duration;
use tokio::time::Instant;

/// Outgoing servers that put a copy into Sent by themselves.
/// Quirk(Gmail, Outlook): a second copy would be shown twice.
const FILING_HOSTS: [&str; 5] = [
    "smtp.gmail.com",
    "smtp.googlemail.com",
    "smtp.office365.com",
    "smtp-mail.outlook.com",
    "outlook.office365.com",
];
/// How often a copy is looked for that the provider should have filed, before we do.
const LOOKS_MAX: u32 = 4;
/// How long between two such looks.
const LOOK_SECS: i64 = 15;
/// The first wait after a copy was refused; it doubles.
const FIRST_SECS: i64 = 60;
/// The longest.
const LONGEST_SECS: i64 = 3600;
/// How often it is looked whether an unconfirmed message turned up.
const TURN_UP: Duration = Duration::from_secs(300);

impl Lane {
    /// Files what is due, and looks for what is not confirmed.
    pub(crate) async fn file_copies(&mut self) -> Result<(), Failure> {
        self.file_at = None;
        let is_waiting = self.look_for_unconfirmed().await?;
        let (account, now) = (self.account.key, clock::now_secs());
        let due = self
            .account
            .db
            .read(move |r| r.copies_due(account, now))
            .await?;
        let is_any = !due.is_empty();
        for copy in due {
            self.file_copy(&copy).await?;
        }
        if is_any {
            let store = self.account.db.store().clone();
            let _cleared = tokio::task::spawn_blocking(move || store.clear_left_overs()).await;
            self.account.changes.outbox();
        }
        let next = self
            .account
            .db
            .read(move |r| r.next_copy_due(account))
            .await?;
        let next = next.map(|at| at.saturating_sub(clock::now_secs()).clamp(1, LONGEST_SECS));
        let next = next.map(|secs| Duration::from_secs(secs.unsigned_abs()));
        let turn_up = is_waiting.then_some(TURN_UP);
        let wait = next.into_iter().chain(turn_up).min();
        self.file_at = wait.map(|wait| Instant::now() + wait);
        Ok(())
    }

    /// One copy: filed, or put off. Only what ends the connection is an error.
    async fn file_copy(&mut self, copy: &CopyDue) -> Result<(), Failure> {
        let save = self.account.setup.outgoing.as_ref().map(|o| o.save_sent);
        if save == Some(SaveSent::Never) {
            return self.filed(copy.key).await;
        }
        let sent = match self.sent_mailbox().await? {
            Ok(sent) => sent,
            Err(refused) => return self.not_filed(copy, &refused.summary).await,
        };
        if copy.has_twin {
            // The bound must lie behind the other message with this id.
            self.open = None;
        }
        let Some(era) = self.ensure_open(sent).await? else {
            return self
                .not_filed(copy, "the Sent folder cannot be opened")
                .await;
        };
        let is_theirs = save != Some(SaveSent::Always) && self.is_filed_by_provider();
        if (copy.is_doubtful || is_theirs) && self.has_copy(copy, era).await? {
            self.look_later(sent);
            return self.filed(copy.key).await;
        }
        if is_theirs && copy.looks < LOOKS_MAX {
            let (key, at) = (copy.key, clock::now_secs() + LOOK_SECS);
            let put_off = move |w: &mut crate::store::Writer| w.put_off_copy(key, "", at, false);
            return Ok(self.account.db.write(put_off).await?);
        }
        self.append_copy(copy, sent, era).await
    }

    /// Whether the copy lies in the mailbox that is open.
    async fn has_copy(&mut self, copy: &CopyDue, era: UidValidity) -> Result<bool, Failure> {
        let bound = copy.bound.filter(|(of, _)| *of == era).map(|(_, uid)| uid);
        if copy.has_twin && copy.is_doubtful && bound.is_none() {
            // It would be the other one that is found.
            return Ok(false);
        }
        self.is_there(&copy.message_id, bound.unwrap_or(Uid::MIN))
            .await
    }

    async fn is_there(&mut self, id: &str, first: Uid) -> Result<bool, Failure> {
        match self.session.with_message_id(id, first).await {
            Ok(found) => Ok(!found.is_empty()),
            Err(error) if is_answer(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn append_copy(
        &mut self,
        copy: &CopyDue,
        sent: MailboxKey,
        era: UidValidity,
    ) -> Result<(), Failure> {
        let Some(name) = self.server_name(sent).await? else {
            return self.not_filed(copy, "the Sent folder is gone").await;
        };
        let path = self.account.db.store().outbox_file(&copy.file);
        let Ok(file) = tokio::fs::File::open(path).await else {
            self.account.tell(
                "no copy of a sent message could be filed: its bytes are no longer on the disk",
                "see `pillarbox doctor`",
            );
            return self.filed(copy.key).await;
        };
        let first = self.open.as_ref().and_then(|open| open.uid_next);
        let (key, bound) = (copy.key, Some((era, first.unwrap_or(Uid::MIN))));
        self.account
            .db
            .write(move |w| w.note_copying(key, bound))
            .await?;
        let mut flags = FlagSet::new();
        flags.insert(Flag::Seen);
        let append = self
            .session
            .append_from(&name, &flags, None, copy.size, file);
        let done = match append.await {
            Ok(done) => done,
            Err(error) => {
                // It was looked for and not there: it may be the copy that ends the connections, and
                // then the account must not lose each of them by it.
                if copy.is_doubtful {
                    let why = format!("the connection ends when it is filed ({})", error.summary);
                    self.put_off(copy, &why, false).await?;
                }
                return Err(error.into());
            }
        };
        let Some(refused) = done.refused else {
            self.look_later(sent);
            self.later_at = Some(Instant::now());
            return self.filed(copy.key).await;
        };
        if refused.code.as_deref() == Some("TRYCREATE") && !self.has_made(sent) {
            match self.session.create(&name, Some(Role::Sent)).await {
                Ok(()) => {
                    self.account.board.note(|w| {
                        w.is_list_due = true;
                        w.is_filing_due = true;
                    });
                    return Ok(());
                }
                Err(error) if is_answer(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.not_filed(copy, &refused.summary).await
    }

    async fn filed(&self, key: OutboxKey) -> Result<(), Failure> {
        let now = clock::now_secs();
        self.account
            .db
            .write(move |w| w.copy_filed(key, now))
            .await?;
        Ok(())
    }

    /// The copy is known not to be there; it is kept, and tried again later.
    async fn not_filed(&self, copy: &CopyDue, why: &str) -> Result<(), Failure> {
        self.put_off(copy, why, true).await
    }

    async fn put_off(&self, copy: &CopyDue, why: &str, is_certain: bool) -> Result<(), Failure> {
        let doubled = FIRST_SECS.saturating_mul(1 << copy.looks.min(10));
        let at = clock::now_secs() + doubled.min(LONGEST_SECS);
        let (key, error) = (copy.key, format!("sent; its copy waits: {why}"));
        self.account
            .db
            .write(move |w| w.put_off_copy(key, &error, at, is_certain))
            .await?;
        if copy.looks == 0 {
            self.account.tell(
                &format!("the message was sent, but its copy could not be filed: {why}"),
                "it is kept, and tried again by itself",
            );
        }
        Ok(())
    }

    /// Whether the provider puts a copy into Sent itself.
    fn is_filed_by_provider(&self) -> bool {
        let outgoing = self.account.setup.outgoing.as_ref();
        let host = outgoing.map(|o| o.server.host.to_ascii_lowercase());
        let is_known = |host: &str| FILING_HOSTS.contains(&host);
        self.session.capabilities().has("X-GM-EXT-1") || host.as_deref().is_some_and(is_known)
    }

    /// The mailbox for copies; made where there is none. Why not, where the server refuses.
    async fn sent_mailbox(&mut self) -> Result<Result<MailboxKey, Error>, Failure> {
        if let Some(key) = self.known_sent().await? {
            return Ok(Ok(key));
        }
        if !self.has_listed {
            self.list_and_compare().await?;
            if let Some(key) = self.known_sent().await? {
                return Ok(Ok(key));
            }
        }
        let account = self.account.key;
        let configured = self.account.setup.roles.get(&Role::Sent).cloned();
        let name = match configured {
            Some(name) => name,
            None => {
                let name = move |r: &mut crate::store::Reader| r.name_for_role(account, Role::Sent);
                self.account.db.read(name).await?
            }
        };
        match self.session.create(&name, Some(Role::Sent)).await {
            Ok(()) => {}
            Err(error) if error.code.as_deref() == Some("ALREADYEXISTS") => {}
            Err(error) if is_answer(&error) => return Ok(Err(error)),
            Err(error) => return Err(error.into()),
        }
        match self.session.subscribe(&name, true).await {
            Err(error) if !is_answer(&error) => return Err(error.into()),
            _ => {}
        }
        self.list_and_compare().await?;
        let found = match self.known_sent().await? {
            Some(key) => Some(key),
            None => self.mailbox_named(&name).await?.map(|m| m.key),
        };
        Ok(found.ok_or_else(|| Error {
            class: crate::net::Class::Rejected,
            summary: format!("the folder {name} was made and is not listed"),
            hint: String::new(),
            code: None,
        }))
    }

    /// The mailbox for copies that the store knows: of the user's own ones the nearest.
    async fn known_sent(&self) -> Result<Option<MailboxKey>, Failure> {
        let account = self.account.key;
        let all = self
            .account
            .db
            .read(move |r| r.server_mailboxes(account))
            .await?;
        let fit = all
            .into_iter()
            .filter(|m| m.role == Some(Role::Sent) && m.is_selectable);
        let nearest = fit.min_by_key(|m| (m.namespace != Namespace::Personal, m.name.len()));
        Ok(nearest.map(|m| m.key))
    }

    /// Looks in Sent and in the inbox for messages that may have been delivered. Whether some are
    /// still unconfirmed.
    async fn look_for_unconfirmed(&mut self) -> Result<bool, Failure> {
        let account = self.account.key;
        let open = self
            .account
            .db
            .read(move |r| r.unconfirmed(account))
            .await?;
        if open.is_empty() {
            return Ok(false);
        }
        if !self.has_listed && self.known_sent().await?.is_none() {
            self.list_and_compare().await?;
        }
        let mut places = Vec::new();
        places.extend(self.known_sent().await?.map(|key| (key, true)));
        let inbox = self.mailbox_named("INBOX").await?;
        places.extend(inbox.map(|m| (m.key, false)));
        let mut left = false;
        for message in open {
            left |= !self.turned_up(&message, &places).await?;
        }
        Ok(left)
    }

    async fn turned_up(
        &mut self,
        message: &Unconfirmed,
        places: &[(MailboxKey, bool)],
    ) -> Result<bool, Failure> {
        for (mailbox, is_sent) in places {
            let is_open = self.ensure_open(*mailbox).await?.is_some();
            if !is_open || !self.is_there(&message.message_id, Uid::MIN).await? {
                continue;
            }
            let save = self.account.setup.outgoing.as_ref().map(|o| o.save_sent);
            let needs_copy = !is_sent && save != Some(SaveSent::Never);
            let (item, now) = (message.key, clock::now_secs());
            let is_new = self
                .account
                .db
                .write(move |w| w.found_sent(item, needs_copy, now))
                .await?;
            if is_new {
                self.account.count_sent(1);
                let place = if *is_sent { "Sent" } else { "the inbox" };
                let label = format!("Sent after all: the message was found in {place}");
                let label = Safe::line(&label);
                self.account
                    .changes
                    .event(Event::Writing(WritingEvent::Sent { item, label }));
                super::sender::mark_originals(&self.account).await;
                self.account.changes.outbox();
            }
            return Ok(true);
        }
        Ok(false)
    }
}
