//! Answers invitations: a draft with the answer, put into the outbox at once.
//!
//! Called by `dispatch`, one task a request, after the user was shown to whom it goes. The answer goes
//! out as any message does: it can be taken back, and is then a draft again.

use super::clock;
use super::drafts::{Drafts, Refused, failed, selves};
use super::texts::Texts;
use crate::bus::{Event, RequestId, WritingEvent};
use crate::mime::{self, Original};
use crate::model::{Card, CardKind, Caret, PartStat, Placed, Safe, SendWhen};
use jiff::Timestamp;
use jiff::tz::TimeZone;

impl Drafts {
    /// Serves [`crate::bus::CardDeed::Answer`].
    pub(crate) async fn answer_invite(self, request: RequestId, placed: Placed, state: PartStat) {
        match self.try_answer(request, placed, state).await {
            Ok(queued) => {
                let text = Safe::default();
                for event in [
                    Event::Writing(queued),
                    Event::CardDone {
                        request,
                        placed,
                        text,
                    },
                ] {
                    let _gone = self.events.send(event).await;
                }
            }
            Err(why) => {
                let event = failed(request, &format!("not answered: {why}"));
                let _gone = self.events.send(event).await;
            }
        }
    }

    async fn try_answer(
        &self,
        request: RequestId,
        placed: Placed,
        state: PartStat,
    ) -> Result<WritingEvent, Refused> {
        let held = self.texts(placed).text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        let now = clock::now_secs();
        let original = Original {
            key: placed.message,
            source: held.source(),
        };
        let answer = mime::answer_invite(original, selves(&identities)?, state, now);
        let answer = answer.map_err(|why| Refused::Said(why.to_owned()))?;
        let account = self.account_key(placed);
        let account = account.unwrap_or(answer.draft.identity.account);
        let (kept, writer) = (answer.draft, self.writers.id());
        let key = self
            .db
            .write(move |w| w.begin_draft(kept, Caret::default(), writer, now))
            .await?;
        let queued = match self.try_send(request, key, SendWhen::Now).await {
            Ok(queued) => queued,
            Err(why) => {
                self.db.write(move |w| w.discard_draft(key, now)).await?;
                return Err(Refused::Said(why));
            }
        };
        let (uid, recurrence) = (answer.uid, answer.recurrence);
        self.db
            .write(move |w| w.note_answer(account, (&uid, &recurrence), state, key, now))
            .await?;
        Ok(queued)
    }
}

impl Texts {
    /// Puts on the card of an invitation what was answered from here.
    pub(super) async fn add_answers(&self, cards: &mut [Card]) {
        let Some(account) = self.account.as_ref().map(|a| a.key) else {
            return;
        };
        for card in cards {
            let CardKind::Invite(invite) = &card.kind else {
                continue;
            };
            let (uid, recurrence) = (invite.uid.clone(), invite.recurrence.clone());
            let found = self
                .db
                .read(move |r| r.answer(account, &uid, &recurrence))
                .await;
            if let Ok(Some((state, at))) = found {
                mime::answered(card, state, &day(at));
            }
        }
    }
}

fn day(secs: i64) -> String {
    let at = Timestamp::from_second(secs).ok();
    at.map_or_else(String::new, |at| {
        let here = at.to_zoned(TimeZone::system());
        here.strftime("on %a %-d %b at %H:%M").to_string()
    })
}
