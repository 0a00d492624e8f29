//! Several mailboxes in one flight: SELECT and what is new in each.
//!
//! Called by `engine` after reconnecting. Responses are one stream: each completion ends its section,
//! and if completions come in another order nothing can be attributed and the call fails.

use super::command::Command;
use super::fetch::{Collect, items_of};
use super::response::Condition;
use super::select::Sent;
use super::session::{Pace, Session, Tag};
use super::types::{Items, Known, Selected};
use crate::model::{FetchedMessage, Uid, UidSet};
use crate::net::error::{Error, Result, quoted};

/// How many mailboxes go out in one flight.
const FLIGHT: usize = 64;

/// What one visit asks for.
type Wanted = (String, Option<Known>, Option<Uid>);
/// What it finds, or why it was refused.
type Visited = std::result::Result<(Selected, Vec<FetchedMessage>), String>;

impl Session {
    /// Selects several mailboxes one after the other and fetches the summaries of what is new in
    /// each (from `uid_next` on), all in one flight: for a resync after reconnecting.
    pub async fn visit(
        &mut self,
        mailboxes: &[(String, Option<Known>, Option<Uid>)],
    ) -> Result<Vec<std::result::Result<(Selected, Vec<FetchedMessage>), String>>> {
        let mut visited = Vec::new();
        for flight in mailboxes.chunks(FLIGHT) {
            self.begin(Pace::Bulk).await?;
            let mut sent = Vec::new();
            for wanted in flight {
                sent.push(self.send_visit(wanted).await?);
            }
            for ((_, known, uid_next), (select, fetch)) in flight.iter().zip(sent) {
                let found = self.finish_visit(select, fetch, *known, *uid_next).await?;
                visited.push(found);
            }
        }
        Ok(visited)
    }

    async fn send_visit(
        &mut self,
        (name, known, uid_next): &Wanted,
    ) -> Result<(Sent, Option<Tag>)> {
        let select = self.send_select(name, *known).await?;
        let Some(first) = uid_next else {
            return Ok((select, None));
        };
        // Whether this mailbox counts modifications is not known before it is open.
        let items = items_of(Items::Summary, &self.state.capabilities, false);
        let command = Command::new(&format!("UID FETCH {first}:* ({items})"));
        Ok((select, Some(self.send(&command).await?)))
    }

    async fn finish_visit(
        &mut self,
        select: Sent,
        fetch: Option<Tag>,
        known: Option<Known>,
        uid_next: Option<Uid>,
    ) -> Result<Visited> {
        let selected = self.finish_select(select).await?;
        let asked = uid_next.map_or_else(UidSet::new, |first| UidSet::range(first, Uid::MAX));
        let mut collect = Collect::new(asked, Items::Summary);
        let mut is_fetched = true;
        if let Some(tag) = fetch {
            let said = self.finish(tag, |r| collect.take(r)).await?;
            is_fetched = said.condition == Condition::Ok;
        }
        if self.is_out_of_order() {
            return Err(self.fail(Error::protocol(
                "The server answered commands in another order than they were sent.",
            )));
        }
        let mut selected = match selected {
            Ok(selected) => selected,
            Err(said) => return Ok(Err(quoted(&said.text))),
        };
        selected.notices.extend(self.state.take_mailbox_notices());
        if !is_fetched {
            return Ok(Err("the new messages could not be read".to_owned()));
        }
        let is_other_era = known.is_some_and(|k| k.uid_validity != selected.uid_validity);
        // Ids of another era were asked for: what came is not what was meant.
        let messages = if is_other_era {
            Vec::new()
        } else {
            collect.messages
        };
        Ok(Ok((selected, messages)))
    }
}
