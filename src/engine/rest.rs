//! Messages of which only the header is here: what is shown of them, and how the rest is asked for.
//!
//! Called by `dispatch` and `texts`; the maildrop's next round brings what was asked for. A header must
//! never pass for a whole message.

use super::texts::{Texts, Why};
use crate::bus::{Event, Link, Problem};
use crate::mime;
use crate::model::{Placed, Reading, Rest, Safe};

impl Texts {
    /// What can be read of a message of which only the header is here; `None` where that is not so.
    pub(super) async fn header_only(
        &self,
        placed: Placed,
        width: u16,
    ) -> Result<Option<Reading>, Why> {
        let message = placed.message;
        let rest = self.db.read(move |r| r.rest(message)).await?;
        let Some(header) = self.header(placed).await?.filter(|_| rest != Rest::Here) else {
            return Ok(None);
        };
        let rest_bytes = self.summary(placed).await?.size_bytes;
        let said = mime::reading(mime::Source::Whole(&header), width, mime::Form::Auto);
        Ok(Some(Reading {
            headers: said.headers,
            date_secs: said.date_secs,
            all_headers: said.all_headers,
            width,
            rest,
            rest_bytes,
            ..Reading::default()
        }))
    }

    /// The header, where no more is here.
    pub(super) async fn header(&self, placed: Placed) -> Result<Option<Vec<u8>>, Why> {
        let message = placed.message;
        let header = self
            .db
            .read(move |r| match r.header_only(message)? {
                Some(local) => r.local_raw(local),
                None => Ok(None),
            })
            .await?;
        Ok(header)
    }

    /// Serves [`crate::bus::Command::FetchWhole`].
    pub(crate) async fn want_whole(self, placed: Placed) {
        let why = match self.try_want_whole(placed).await {
            Ok(true) => return,
            Ok(false) => "the rest of this message is no longer on the server".to_owned(),
            Err(why) => why.to_string(),
        };
        let problem = Problem {
            account: self.account.as_ref().map(|a| a.key),
            summary: Safe::line(&format!("not fetched: {why}")),
            hint: Safe::default(),
        };
        let _gone = self.events.send(Event::Problem(problem)).await;
    }

    /// `false`: it is not in the maildrop any more.
    async fn try_want_whole(&self, placed: Placed) -> Result<bool, Why> {
        let message = placed.message;
        let found = self.db.read(move |r| r.header_only(message)).await?;
        let (Some(local), Some(account)) = (found, &self.account) else {
            // It came meanwhile.
            return Ok(true);
        };
        let is_there = self.db.write(move |w| w.want_whole(local)).await?;
        account.changes.mailboxes([placed.mailbox]);
        if is_there {
            let is_waiting = matches!(account.link(), Link::Waiting { .. });
            account.board.post(|w| {
                w.is_sync_wanted = true;
                w.is_refused = false;
                if is_waiting {
                    w.generation += 1;
                }
            });
        }
        Ok(is_there)
    }
}
