//! Serves what concerns the outbox: putting in, taking back, trying again, the list.
//!
//! Part of `dispatch`. A message must be on the disk, whole, before the front is told that it waits,
//! and what was begun to be sent must never be called taken back.

use super::account::Account;
use super::clock;
use super::dispatch::Dispatch;
use super::owner::Owner;
use crate::bus::{Event, Link, Problem, RequestId, SyncMode, WritingEvent};
use crate::model::{AccountKey, OutboxItem, OutboxKey, OutboxState, Safe, SendWhen};
use crate::store::{self, Store, Withdrawn};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// Where a message stands that is put in now, and before when it is not sent.
pub(crate) fn standing(
    when: SendWhen,
    undo_secs: u64,
    now_secs: i64,
) -> (OutboxState, Option<i64>) {
    let undo = i64::try_from(undo_secs).unwrap_or(0);
    match when {
        SendWhen::At(at) if at.unix_secs > now_secs => (OutboxState::Scheduled, Some(at.unix_secs)),
        _ if undo > 0 => (OutboxState::Held, Some(now_secs + undo)),
        _ => (OutboxState::Queued, None),
    }
}

/// Settles what a process left behind that is gone; nothing where one has the network role.
///
/// # Errors
/// When the store cannot be written.
pub fn settle_outbox(store: &Store, dir: &Path) -> store::Result<()> {
    let (is_sending, _) = store.reader()?.outbox_bustle(clock::now_secs())?;
    if !is_sending {
        // The role is not taken needlessly: a screen that starts just now would stand aside.
        return Ok(());
    }
    let Ok(_owner) = Owner::acquire(dir) else {
        return Ok(());
    };
    store
        .writer()?
        .recover_outbox(None, clock::now_secs())
        .map(drop)
}

/// When a message will be sent, as a sentence.
pub(super) fn label(
    accounts: &[Arc<Account>],
    key: AccountKey,
    state: OutboxState,
    not_before: Option<i64>,
    now: i64,
) -> String {
    let account = accounts.iter().find(|a| a.key == key);
    let looked = account.map(|account| {
        account
            .board
            .look(|w| (w.is_offline, w.is_sending_refused, w.mode))
    });
    let (is_offline, is_refused, mode) = looked.unwrap_or((true, false, SyncMode::Manual));
    let is_other = account.is_some_and(|a| matches!(a.link(), Link::Stopped { .. }));
    match (state, not_before) {
        (OutboxState::Scheduled, Some(at)) => format!("To be sent {}", day_and_time(at, now)),
        _ if is_offline && !is_other => "To be sent when you are online again".to_owned(),
        _ if is_refused => "To be sent when the account is let in again".to_owned(),
        _ if mode == SyncMode::Manual && !is_other => "To be sent when you sync".to_owned(),
        _ if mode == SyncMode::Interval && !is_other => "To be sent with the next round".to_owned(),
        (OutboxState::Held, Some(at)) => match (at - now).max(1) {
            1 => "To be sent in 1 second".to_owned(),
            secs => format!("To be sent in {secs} seconds"),
        },
        _ => "Being sent".to_owned(),
    }
}

/// What waits changed: whoever sends looks at once, in this process or in another one.
pub(super) fn wake(accounts: &[Arc<Account>], key: AccountKey, data_dir: &Path) {
    for account in accounts.iter().filter(|a| a.key == key) {
        // The copy of its draft goes from the server, or comes back to be one.
        account.board.post(|w| w.is_replay_due = true);
        #[cfg(unix)]
        if matches!(account.link(), Link::Stopped { .. }) {
            super::owner::ring(data_dir);
        }
        account.changes.outbox();
    }
}

impl Dispatch {
    /// What waits changed: whoever sends looks at once, in this process or in another one.
    fn wake(&self, key: AccountKey) {
        wake(&self.accounts, key, &self.setup.data_dir);
        self.changes.outbox();
    }

    pub(super) async fn load_outbox(&self, request: RequestId) {
        let mut items = self.db.read(|r| r.outbox()).await.unwrap_or_default();
        items.retain(|item| self.accounts.iter().any(|a| a.key == item.account));
        for account in &self.accounts {
            let progress = *account
                .progress
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some((key, sent)) = progress
                && let Some(item) = items.iter_mut().find(|item| item.key == key)
            {
                item.sent_bytes = sent;
            }
        }
        let event = WritingEvent::Outbox {
            request,
            items,
            drafts: self.drafts().kept().await,
        };
        let _gone = self.events.send(Event::Writing(event)).await;
    }

    async fn item(&self, item: OutboxKey) -> Option<OutboxItem> {
        let found = self.db.read(move |r| r.outbox_item(item)).await;
        found.ok().flatten()
    }

    /// Tries a message now, in any mode.
    pub(super) async fn retry_item(&self, request: RequestId, item: OutboxKey) {
        let now = clock::now_secs();
        let done = self.db.write(move |w| w.retry_outbox(item, now)).await;
        let account = self.item(item).await.map(|i| i.account);
        match (done, account) {
            (Ok(true), Some(account)) => {
                for account in self.chosen(Some(account)) {
                    account.board.post(|w| {
                        w.is_sending_wanted = true;
                        w.is_sending_refused = false;
                        w.is_filing_due = true;
                    });
                }
                self.wake(account);
            }
            (Ok(_), _) => self.not_done(request, LATE, "").await,
            (Err(error), _) => {
                self.not_done(request, &error.to_string(), "see `pillarbox doctor`")
                    .await;
            }
        }
    }

    pub(super) async fn cancel_item(&self, request: RequestId, item: OutboxKey) {
        let account = self.item(item).await.map(|i| i.account);
        match self.withdraw(item).await {
            Ok(done @ (Withdrawn::Out(_) | Withdrawn::Rest(_))) => {
                let label = match done {
                    Withdrawn::Rest(_) => "Not sent to the rest; some had it already",
                    Withdrawn::Out(Some(_)) => "Not sent; it is a draft again",
                    _ => "Taken out of the outbox: not sent",
                };
                let event = WritingEvent::Cancelled {
                    request,
                    label: Safe::fixed(label),
                };
                let _gone = self.events.send(Event::Writing(event)).await;
                if let Some(account) = account {
                    self.wake(account);
                }
            }
            Ok(_) => self.not_done(request, LATE, "").await,
            Err(error) => {
                self.not_done(request, &error.to_string(), "see `pillarbox doctor`")
                    .await;
            }
        }
    }

    /// Takes a message out; the draft that it was made from comes with it.
    pub(super) async fn withdraw(&self, item: OutboxKey) -> store::Result<Withdrawn> {
        let now = clock::now_secs();
        let done = self.db.write(move |w| w.withdraw(item, now)).await;
        self.changes.outbox();
        done
    }

    /// The user knows that an unconfirmed message was delivered.
    pub(super) async fn was_sent(&self, request: RequestId, item: OutboxKey) {
        let now = clock::now_secs();
        let account = self.item(item).await.map(|i| i.account);
        let saves = account.and_then(|key| {
            let account = self.chosen(Some(key)).next()?;
            let outgoing = account.setup.outgoing.as_ref()?;
            Some(outgoing.save_sent != super::SaveSent::Never)
        });
        let wants_copy = saves.unwrap_or(true);
        let done = self
            .db
            .write(move |w| w.was_sent(item, wants_copy, now))
            .await;
        match (done, account) {
            (Ok(true), Some(account)) => {
                for account in self.chosen(Some(account)) {
                    super::sender::mark_originals(account).await;
                    account.board.post(|w| w.is_filing_due = true);
                }
                self.wake(account);
            }
            (Ok(_), _) => {
                self.not_done(request, "this message is not unconfirmed", "")
                    .await;
            }
            (Err(error), _) => {
                self.not_done(request, &error.to_string(), "see `pillarbox doctor`")
                    .await;
            }
        }
    }

    async fn not_done(&self, request: RequestId, why: &str, hint: &str) {
        let problem = Problem {
            account: None,
            summary: Safe::line(why),
            hint: Safe::line(hint),
        };
        let _gone = self.events.send(Event::Failed { request, problem }).await;
    }
}

/// Why nothing can be done about a message.
pub(super) const LATE: &str = "too late: the message is on its way, or no longer in the outbox";

/// A time as one says it: "today at 18:00", "tomorrow at 08:00", "on 24 December at 08:00".
fn day_and_time(at: i64, now: i64) -> String {
    let here = |secs: i64| {
        let stamp = jiff::Timestamp::from_second(secs).unwrap_or_default();
        stamp.to_zoned(jiff::tz::TimeZone::system())
    };
    let (then, today) = (here(at), here(now));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Moment;

    #[test]
    fn a_message_is_held_for_the_undo_window_or_until_its_time() {
        let at = |unix_secs| {
            SendWhen::At(Moment {
                unix_secs,
                offset_mins: 0,
            })
        };
        assert_eq!(
            standing(SendWhen::Now, 5, 100),
            (OutboxState::Held, Some(105))
        );
        assert_eq!(standing(SendWhen::Now, 0, 100), (OutboxState::Queued, None));
        assert_eq!(
            standing(at(200), 5, 100),
            (OutboxState::Scheduled, Some(200))
        );
        assert_eq!(standing(at(99), 0, 100), (OutboxState::Queued, None));
    }
}
