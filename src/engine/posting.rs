//! From a draft to the outbox: its messages are fetched, it is composed once, and handed over.
//!
//! Called by `writing`, one task a request. The bytes that are composed here are what is sent and
//! what is filed; a draft must never count as sent before they are on the disk and in the outbox.

use super::clock;
use super::contents::{self, Kept};
use super::draft_copy::now;
use super::drafts::{Drafts, failed};
use super::outbox::NewOutbox;
use crate::bus::{Event, Problem, RequestId, WritingEvent};
use crate::mime::{self, Composer, EightBit, How, Purpose, Stamp, Written};
use crate::model::{Draft, DraftKey, DraftKind, Moment, OutboxKey, Safe, SendWhen};
use crate::store::{DraftRow, DraftState, Reader};
use std::io::Write;
use std::time::Duration;

/// How a message is composed that is to be sent: what the server can do is not known yet.
const EIGHT_BIT: EightBit = EightBit::WhereNeeded;

impl Drafts {
    /// Serves [`crate::bus::WritingCommand::Send`].
    pub(super) async fn send(self, request: RequestId, key: DraftKey, when: SendWhen) {
        let event = match self.try_send(key, when).await {
            Ok((item, account)) => {
                let undo = self.undo_of(account);
                Event::Writing(WritingEvent::Queued {
                    request,
                    item,
                    label: Safe::line(&label(when, undo)),
                })
            }
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

    async fn try_send(
        &self,
        key: DraftKey,
        when: SendWhen,
    ) -> Result<(OutboxKey, crate::model::AccountKey), String> {
        let row = self.row(key).await?;
        self.have_all(&row.draft).await?;
        let account = row.account;
        let message_id = self.message_id_of(&row.draft).await?;
        let reader = self.db.another_reader().map_err(|e| e.to_string())?;
        let write = move |out: &mut dyn Write| {
            let stamp = stamp();
            let written = compose(&row.draft, stamp, reader, out)?;
            let route = mime::route(&row.draft).map_err(|e| e.to_string())?;
            let own = stamp.message_id(&row.draft.identity.address.address);
            Ok(NewOutbox {
                account,
                draft: Some(key),
                message_id: message_id.unwrap_or(own),
                sender: route.sender,
                recipients: route.recipients,
                has_8bit: written.needs_8bitmime,
                has_utf8_header: written.needs_smtputf8,
                wants_report: row.draft.sending.wants_report,
                mark: row.draft.mark(),
                subject: row.draft.subject,
                when,
            })
        };
        let item = super::outbox::put(&self.db, &self.data_dir, write).await?;
        Ok((item, account))
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
        let account = self.accounts.iter().find(|a| a.key == account);
        account.map_or(Duration::ZERO, |a| a.setup.writing.undo)
    }
}

/// What is this message's alone.
pub(super) fn stamp() -> Stamp {
    Stamp {
        date: now(),
        token: fastrand::u128(..).to_be_bytes(),
    }
}

/// Writes a draft as it is sent. Blocks; not for async tasks.
pub(super) fn compose(
    draft: &Draft,
    stamp: Stamp,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<Written, String> {
    let how = How {
        purpose: Purpose::Sending,
        eight_bit: EIGHT_BIT,
        stamp,
    };
    Composer::new(draft, how)
        .write(&mut Kept::new(reader), out)
        .map_err(|e| e.to_string())
}

/// What was done, as a sentence.
fn label(when: SendWhen, undo: Duration) -> String {
    match (when, undo.as_secs()) {
        (SendWhen::At(at), _) => format!("To be sent {}", day_and_time(at)),
        (SendWhen::Now, 0) => "To be sent now".to_owned(),
        (SendWhen::Now, 1) => "To be sent in 1 second".to_owned(),
        (SendWhen::Now, secs) => format!("To be sent in {secs} seconds"),
    }
}

/// A time as one says it: "today at 18:00", "tomorrow at 08:00", "on 24 December at 08:00".
fn day_and_time(at: Moment) -> String {
    let here = |secs: i64| {
        let stamp = jiff::Timestamp::from_second(secs).unwrap_or_default();
        stamp.to_zoned(jiff::tz::TimeZone::system())
    };
    let (then, today) = (here(at.unix_secs), here(clock::now_secs()));
    let time = then.strftime("%H:%M");
    if then.date() == today.date() {
        format!("today at {time}")
    } else if today.date().tomorrow().is_ok_and(|day| day == then.date()) {
        format!("tomorrow at {time}")
    } else if then.year() == today.year() {
        format!("on {} at {time}", then.strftime("%-d %B"))
    } else {
        format!("on {} at {time}", then.strftime("%-d %B %Y"))
    }
}

/// Serves [`crate::bus::WritingCommand::Review`], where that cannot be done.
pub(super) fn not_reviewed(request: RequestId, why: &str) -> Event {
    failed(request, &format!("this draft cannot be looked at: {why}"))
}
