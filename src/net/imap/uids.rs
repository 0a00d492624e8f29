//! Which messages there are: the complete set of ids (RFC 9051 §6.4.4), and the newest ones by
//! position.
//!
//! Called by `engine`. A set that does not count up to what the mailbox holds must never be given
//! out: what is missing in it would be taken for deleted.

use super::command::Command;
use super::fetch::{Collect, items_of};
use super::gate::{Limits, TEXT_MAX};
use super::response::{Found, Response};
use super::session::{Pace, Session, Tag, accept};
use super::types::Items;
use crate::model::{FetchedMessage, Uid, UidSet};
use crate::net::error::{Error, Result};

/// Bytes that one id may take in an answer.
const PER_ID: usize = 12;
/// How many ranges of ids an answer may have.
const RANGES_MAX: usize = 20_000_000;
/// The largest answer to a search.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

impl Session {
    /// The complete set of ids of the selected mailbox, checked against its count.
    pub async fn uids(&mut self) -> Result<UidSet> {
        self.begin(Pace::Bulk).await?;
        let tag = self.send_uids().await?;
        let found = self.finish_uids(tag).await?;
        match self.checked(found) {
            Some(uids) => Ok(uids),
            None => self.ask_again().await,
        }
    }

    /// The newest `count` messages of the selected mailbox (by position), and the complete set of
    /// its ids, in one flight.
    pub async fn first_window(&mut self, count: u32) -> Result<(Vec<FetchedMessage>, UidSet)> {
        self.begin(Pace::Bulk).await?;
        let exists = self.count()?;
        let mut fetching = None;
        if exists > 0 && count > 0 {
            // A command by position, then one that may report removals: never the other way round.
            let first = exists.saturating_sub(count - 1).max(1);
            let items = items_of(Items::Summary, &self.state.capabilities, self.has_mod_seq());
            let command = Command::new(&format!("FETCH {first}:* ({items})"));
            fetching = Some(self.send(&command).await?);
        }
        let searching = self.send_uids().await?;
        let any = UidSet::range(Uid::MIN, Uid::MAX);
        let mut collect = Collect::new(any, Items::Summary);
        let fetched = match fetching {
            Some(tag) => self.finish(tag, |r| collect.take(r)).await.map(Some)?,
            None => None,
        };
        let found = self.finish_uids(searching).await?;
        if let Some(said) = fetched {
            accept(said, "read messages")?;
        }
        let uids = match self.checked(found) {
            Some(uids) => uids,
            None => self.ask_again().await?,
        };
        let messages = collect
            .messages
            .into_iter()
            .filter(|m| uids.contains(m.uid));
        Ok((messages.collect(), uids))
    }

    /// How many messages the selected mailbox holds.
    fn count(&self) -> Result<u32> {
        let mailbox = self.state.mailbox.as_ref();
        let count = mailbox.map(|m| m.exists);
        count.ok_or_else(|| Error::protocol("No folder is open on this connection."))
    }

    async fn send_uids(&mut self) -> Result<Tag> {
        let exists = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        let room = exists.saturating_mul(PER_ID).min(ANSWER_MAX);
        self.limit(Limits {
            text: TEXT_MAX + room,
            ..Limits::default()
        });
        let text = if self.state.capabilities.has("ESEARCH") {
            "UID SEARCH RETURN (ALL) ALL"
        } else {
            "UID SEARCH ALL"
        };
        self.send(&Command::new(text)).await
    }

    async fn finish_uids(&mut self, tag: Tag) -> Result<UidSet> {
        let room = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        let room = room.min(RANGES_MAX).saturating_add(1_000);
        let mut found: Vec<(Uid, Uid)> = Vec::new();
        let answers = tag.to_string();
        let said = self
            .finish(tag, |response| match response {
                Response::Found(Found { tag, ids }) => {
                    let is_ours = tag.is_none_or(|t| t.eq_ignore_ascii_case(&answers));
                    if is_ours && found.len() <= room {
                        found.extend(ids.ranges());
                    }
                    None
                }
                other => Some(other),
            })
            .await?;
        accept(said, "list the messages")?;
        if found.len() > room {
            return Err(Error::protocol(
                "The server lists more messages than there are.",
            ));
        }
        // In order first: a set is dear to grow from behind.
        found.sort_unstable();
        let mut uids = UidSet::new();
        for (first, last) in found {
            uids.insert_range(first, last);
        }
        Ok(uids)
    }

    /// The set, if it is as large as the mailbox.
    fn checked(&mut self, found: UidSet) -> Option<UidSet> {
        let mailbox = self.state.mailbox.as_mut()?;
        if found.len() != u64::from(mailbox.exists) {
            return None;
        }
        mailbox.learn_ids(&found);
        Some(found)
    }

    /// Mail may have come in between: the second answer has to fit.
    async fn ask_again(&mut self) -> Result<UidSet> {
        let tag = self.send_uids().await?;
        let found = self.finish_uids(tag).await?;
        let count = found.len();
        match self.checked(found) {
            Some(uids) => Ok(uids),
            None => Err(Error::protocol(format!(
                "The server lists {count} messages and says that the folder holds {}.",
                self.count()?
            ))),
        }
    }
}
