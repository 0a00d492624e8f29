//! From a draft to the outbox: its messages are fetched, it is composed once, and handed over.
//!
//! Called by `writing`, one task a request. The bytes that are composed here are what is sent and
//! what is filed; a draft must never count as sent before they are on the disk and in the outbox.

use super::clock;
use super::contents::{self, Kept};
use super::crypto::Gpg;
use super::draft_copy::now;
use super::drafts::{Drafts, failed};
use super::outbox;
use crate::bus::{Event, Problem, RequestId, WritingEvent};
use crate::mime::{self, Composer, EightBit, How, Purpose, Stamp, Written};
use crate::model::{Address, Draft, DraftKey, DraftKind, DraftStart, OutboxKey, Safe, SendWhen};
use crate::store::{DraftRow, DraftState, NewOutboxItem, Reader, Withdrawn};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How a message is composed that is to be sent: what the server can do is not known yet.
const EIGHT_BIT: EightBit = EightBit::WhereNeeded;

impl Drafts {
    /// Serves [`crate::bus::WritingCommand::Send`].
    pub(super) async fn send(self, request: RequestId, key: DraftKey, when: SendWhen) {
        let event = match self.try_send(request, key, when).await {
            Ok(queued) => Event::Writing(queued),
            Err(why) => Event::Failed {
                request,
                problem: Problem {
                    account: None,
                    summary: Safe::line(&format!("not sent: {why}")),
                    hint: Safe::fixed("the draft is kept as it is"),
                },
            },
        };
        let _gone = self.events.send(event).await;
    }

    pub(super) async fn try_send(
        &self,
        request: RequestId,
        key: DraftKey,
        when: SendWhen,
    ) -> Result<WritingEvent, String> {
        let row = self.row(key).await?;
        let account = row.account;
        let outgoing = self
            .account(account)
            .and_then(|a| a.setup.outgoing.as_ref());
        if outgoing.is_none() {
            return Err("no outgoing server is set up for this account".to_owned());
        }
        self.have_all(&row.draft).await?;
        let message_id = self.message_id_of(&row.draft).await?;
        let fields = [&row.draft.to, &row.draft.cc, &row.draft.bcc];
        let people: Vec<Address> = fields.iter().flat_map(|f| f.valid().cloned()).collect();
        let reader = self.db.another_reader().map_err(|e| e.to_string())?;
        let store = self.db.store().clone();
        let undo_secs = self.undo_of(account).as_secs();
        let (gpg, folder) = (self.gpg.clone(), self.data_dir.clone());
        let composing = move || {
            let mut spool = store.spool().map_err(|e| e.to_string())?;
            let stamp = stamp();
            let written = compose(&row.draft, stamp, reader, (&gpg, &folder), &mut spool)?;
            let sealed = spool.seal().map_err(|e| e.to_string())?;
            let route = mime::route(&row.draft).map_err(|e| e.to_string())?;
            let own = stamp.message_id(&row.draft.identity.address.address);
            let (state, not_before) = outbox::standing(when, undo_secs, clock::now_secs());
            let new = NewOutboxItem {
                account,
                draft: Some(key),
                state,
                not_before,
                subject: row.draft.subject.clone(),
                message_id: message_id.unwrap_or(own),
                sender: route.sender,
                recipients: route.recipients,
                has_8bit: written.needs_8bitmime,
                has_utf8_header: written.needs_smtputf8,
                wants_report: row.draft.sending.wants_report,
                mark: row.draft.mark(),
            };
            Ok::<_, String>((new, sealed))
        };
        let composed = tokio::task::spawn_blocking(composing).await;
        let (new, sealed) = composed.map_err(|_| "the message cannot be composed".to_owned())??;
        let now = clock::now_secs();
        let (state, not_before) = (new.state, new.not_before);
        let queued = self
            .db
            .write(move |w| {
                let item = w.send_draft(key, &new, &sealed, now)?;
                // Proposing addresses is a convenience: it must not undo what was just done.
                if item.is_some()
                    && let Err(error) = w.note_written(account, &people, now)
                {
                    tracing::warn!(%error, "whom this goes to is not remembered");
                }
                Ok(item)
            })
            .await;
        let item = queued
            .map_err(|e| e.to_string())?
            .ok_or("this draft was sent or discarded meanwhile")?;
        outbox::wake(&self.accounts, account, &self.data_dir);
        let label = outbox::label(&self.accounts, account, state, not_before, now);
        Ok(WritingEvent::Queued {
            request,
            item,
            label: Safe::line(&label),
        })
    }

    /// Serves [`crate::bus::WritingCommand::TakeBack`].
    pub(super) async fn take_back(self, request: RequestId, item: OutboxKey) {
        let (writer, now) = (self.writers.id(), clock::now_secs());
        let taken = self.db.write(move |w| w.take_back(item, writer, now)).await;
        for account in &self.accounts {
            account.changes.outbox();
        }
        let why = match taken {
            Ok(Some(Withdrawn::Out(Some(draft)) | Withdrawn::Rest(Some(draft)))) => {
                return self.open(request, DraftStart::Kept(draft)).await;
            }
            Ok(None) => "this message was not written here; it stays in the outbox".to_owned(),
            Ok(_) => outbox::LATE.to_owned(),
            Err(error) => error.to_string(),
        };
        let _gone = self.events.send(failed(request, &why)).await;
    }

    /// A draft that can be sent.
    pub(super) async fn row(&self, key: DraftKey) -> Result<DraftRow, String> {
        let row = self.db.read(move |r| r.draft(key)).await;
        let row = row.map_err(|e| e.to_string())?;
        let row = row.ok_or("this draft is gone")?;
        match row.state {
            DraftState::Written | DraftState::Left => Ok(row),
            DraftState::Sent => Err("this draft was sent".to_owned()),
            DraftState::Discarded => Err("this draft was discarded".to_owned()),
        }
    }

    /// Has everything here that a draft is composed of.
    pub(super) async fn have_all(&self, draft: &Draft) -> Result<(), String> {
        for message in contents::messages(draft) {
            let had = self.have(message).await;
            had.map_err(|why| format!("a message that goes with it cannot be had: {why}"))?;
        }
        Ok(())
    }

    /// The id by which what is sent is found again, where it is not made here: a message that is
    /// passed on as it is keeps its own.
    async fn message_id_of(&self, draft: &Draft) -> Result<Option<String>, String> {
        let original = draft.original.filter(|_| draft.kind == DraftKind::Bounce);
        let Some(original) = original else {
            return Ok(None);
        };
        let summary = self.db.read(move |r| r.summary(original, None)).await;
        let summary = summary.map_err(|e| e.to_string())?;
        let id = summary.map(|s| s.envelope.message_id);
        Ok(id.filter(|id| !id.is_empty()))
    }

    fn undo_of(&self, account: crate::model::AccountKey) -> Duration {
        let outgoing = self
            .account(account)
            .and_then(|a| a.setup.outgoing.as_ref());
        outgoing.map_or(Duration::ZERO, |outgoing| outgoing.undo)
    }
}

/// What is this message's alone.
pub(super) fn stamp() -> Stamp {
    Stamp {
        date: now(),
        token: fastrand::u128(..).to_be_bytes(),
    }
}

/// Writes a draft as it is sent, signed and encrypted where that is wanted, with temporary files in
/// the folder. Blocks; not for async tasks.
pub(super) fn compose(
    draft: &Draft,
    stamp: Stamp,
    reader: Reader,
    (gpg, folder): (&Gpg, &Path),
    out: &mut dyn Write,
) -> Result<Written, String> {
    let how = How {
        purpose: Purpose::Sending,
        eight_bit: EIGHT_BIT,
        stamp,
    };
    let mut contents = Kept::new(reader);
    if draft.sending.is_signed || draft.sending.is_encrypted {
        let sealed = gpg.seal(draft, how, &mut contents, folder, out);
        return sealed.map_err(|e| e.to_string());
    }
    Composer::new(draft, how)
        .write(&mut contents, out)
        .map_err(|e| e.to_string())
}

/// Serves [`crate::bus::WritingCommand::Review`], where that cannot be done.
pub(super) fn not_reviewed(request: RequestId, why: &str) -> Event {
    failed(request, &format!("this draft cannot be looked at: {why}"))
}
