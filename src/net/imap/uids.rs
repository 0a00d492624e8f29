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

/// A search under way, and what it found.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) tag: Tag,
    /// How many ranges are believed.
    room: usize,
    ranges: Vec<(Uid, Uid)>,
    /// Whether there was an answer at all.
    is_told: bool,
    /// How many messages there are, as far as was said.
    exists: u32,
    /// How many there were when the answer came, and what went after it.
    then: u32,
    later: Vec<Gone>,
    /// Whether something went between two lines of the answer.
    is_torn: bool,
}

/// What went after the answer and before the search was over: the answer still lists it.
#[derive(Debug)]
enum Gone {
    At(u32),
    Ids(UidSet),
}

impl Search {
    /// Takes the ids that answer this search; gives the rest back.
    pub(super) fn take(&mut self, response: Response) -> Option<Response> {
        let Response::Found(Found { tag, ids }) = response else {
            self.watch(&response);
            return Some(response);
        };
        let answers = self.tag.to_string();
        let is_ours = tag.is_none_or(|t| t.eq_ignore_ascii_case(&answers));
        self.is_told |= is_ours;
        self.is_torn |= !self.later.is_empty();
        self.then = self.exists;
        if is_ours && self.ranges.len() <= self.room {
            self.ranges.extend(ids.ranges());
        }
        None
    }

    /// Counts along: what came and went before the answer, and what after it.
    fn watch(&mut self, response: &Response) {
        let gone = match response {
            Response::Exists(count) => {
                self.is_torn |= *count < self.exists;
                self.exists = *count;
                return;
            }
            Response::Expunge(position) => Gone::At(*position),
            Response::Vanished {
                is_earlier: false,
                uids,
            } => Gone::Ids(uids.clone()),
            _ => return,
        };
        let count = match &gone {
            Gone::At(_) => 1,
            Gone::Ids(uids) => u32::try_from(uids.len()).unwrap_or(u32::MAX),
        };
        self.exists = self.exists.saturating_sub(count);
        if self.is_told {
            self.later.push(gone);
        }
    }

    /// The set without what went since, if it was as large as the mailbox.
    fn complete(mut self) -> Result<std::result::Result<UidSet, u64>> {
        let later = std::mem::take(&mut self.later);
        let (then, is_torn) = (self.then, self.is_torn);
        let found = self.found()?;
        if is_torn || found.len() != u64::from(then) {
            return Ok(Err(found.len()));
        }
        let mut ids: Vec<Uid> = found.iter().collect();
        for gone in later {
            match gone {
                Gone::At(position) => {
                    let index = usize::try_from(position).unwrap_or(usize::MAX);
                    // Beyond the end: it came and went after the answer.
                    if (1..=ids.len()).contains(&index) {
                        ids.remove(index - 1);
                    }
                }
                Gone::Ids(uids) => ids.retain(|id| !uids.contains(*id)),
            }
        }
        Ok(Ok(ids.into_iter().collect()))
    }

    pub(super) fn found(mut self) -> Result<UidSet> {
        if self.ranges.len() > self.room {
            return Err(Error::protocol(
                "The server lists more messages than there are.",
            ));
        }
        // In order first: a set is dear to grow from behind.
        self.ranges.sort_unstable();
        let mut uids = UidSet::new();
        for (first, last) in self.ranges {
            uids.insert_range(first, last);
        }
        Ok(uids)
    }
}

impl Session {
    /// The complete set of ids of the selected mailbox, checked against its count.
    pub async fn uids(&mut self) -> Result<UidSet> {
        self.begin(Pace::Bulk).await?;
        // How much may come depends on what the mailbox holds: what was left unsaid comes first.
        self.settle().await?;
        let search = self.send_uids().await?;
        match self.finish_uids(search).await? {
            Ok(uids) => Ok(uids),
            Err(_) => self.ask_again().await,
        }
    }

    /// The newest `count` messages of the selected mailbox (by position), and the complete set of
    /// its ids, in one flight.
    pub async fn first_window(&mut self, count: u32) -> Result<(Vec<FetchedMessage>, UidSet)> {
        self.begin(Pace::Bulk).await?;
        self.settle().await?;
        let exists = self.count()?;
        let mut fetching = None;
        if exists > 0 && count > 0 {
            // A command by position, then one that may report removals: never the other way round.
            let first = exists.saturating_sub(count - 1).max(1);
            let items = items_of(Items::Summary, &self.state.capabilities, self.has_mod_seq());
            let command = Command::new(&format!("FETCH {first}:* ({items})"));
            fetching = Some(self.send(&command).await?);
        }
        let mut search = self.send_uids().await?;
        let any = UidSet::range(Uid::MIN, Uid::MAX);
        let mut collect = Collect::new(any, Items::Summary);
        let fetched = match fetching {
            // A server may work on both at once: either answer may come first.
            Some(tag) => {
                let take = |r| collect.take(r).and_then(|r| search.take(r));
                Some(self.finish(tag, take).await?)
            }
            None => None,
        };
        let found = self.finish_uids(search).await?;
        if let Some(said) = fetched {
            accept(said, "read messages")?;
        }
        let uids = match found {
            Ok(uids) => uids,
            Err(_) => self.ask_again().await?,
        };
        let messages = collect
            .messages
            .into_iter()
            .filter(|m| uids.contains(m.uid));
        Ok((messages.collect(), uids))
    }

    /// The messages of the selected mailbox that are marked as deleted, whoever marked them: what an
    /// EXPUNGE would remove.
    ///
    /// # Errors
    /// Also when the server says nothing: silence must not be taken for "none".
    pub async fn marked_deleted(&mut self) -> Result<UidSet> {
        self.begin(Pace::Bulk).await?;
        self.settle().await?;
        let mut search = self.send_search("DELETED").await?;
        let said = self.finish(search.tag, |r| search.take(r)).await?;
        accept(said, "list the deleted messages")?;
        if !search.is_told {
            return Err(Error::protocol(
                "The server did not say which messages are marked as deleted.",
            ));
        }
        search.found()
    }

    /// The messages of the selected mailbox from `first` on whose Message-ID is that one; `id` is
    /// without angle brackets.
    ///
    /// # Errors
    /// Also when the server says nothing: silence must not be taken for "none".
    pub async fn with_message_id(&mut self, id: &str, first: Uid) -> Result<UidSet> {
        self.begin(Pace::Bulk).await?;
        self.settle().await?;
        let head = self.search_head();
        let range = format!("{head} UID {first}:* HEADER Message-ID");
        let command =
            Command::new(&range).string(format!("<{id}>").as_bytes(), &self.state.capabilities)?;
        let mut search = self.search_by(&command).await?;
        let said = self.finish(search.tag, |r| search.take(r)).await?;
        accept(said, "look for a message")?;
        if !search.is_told {
            return Err(Error::protocol(
                "The server did not say which messages it found.",
            ));
        }
        // A range whose beginning lies beyond the last message names the last one.
        Ok(search.found()?.iter().filter(|uid| *uid >= first).collect())
    }

    /// How many messages the selected mailbox holds.
    fn count(&self) -> Result<u32> {
        let mailbox = self.state.mailbox.as_ref();
        let count = mailbox.map(|m| m.exists);
        count.ok_or_else(|| Error::protocol("No folder is open on this connection."))
    }

    async fn send_uids(&mut self) -> Result<Search> {
        self.send_search("ALL").await
    }

    async fn send_search(&mut self, wanted: &str) -> Result<Search> {
        let head = self.search_head();
        self.search_by(&Command::new(&format!("{head} {wanted}")))
            .await
    }

    /// How a search begins, so that the answer is as short as can be.
    pub(super) fn search_head(&self) -> &'static str {
        if self.state.capabilities.has("ESEARCH") {
            "UID SEARCH RETURN (ALL)"
        } else {
            "UID SEARCH"
        }
    }

    pub(super) async fn search_by(&mut self, command: &Command) -> Result<Search> {
        let exists = usize::try_from(self.count()?).unwrap_or(usize::MAX);
        let room = exists.saturating_mul(PER_ID).min(ANSWER_MAX);
        self.limit(Limits {
            text: TEXT_MAX + room,
            ..Limits::default()
        });
        Ok(Search {
            tag: self.send(command).await?,
            room: exists.min(RANGES_MAX).saturating_add(1_000),
            ranges: Vec::new(),
            is_told: false,
            exists: self.count()?,
            then: 0,
            later: Vec::new(),
            is_torn: false,
        })
    }

    /// The complete set, or how many ids were listed where that cannot be it.
    async fn finish_uids(
        &mut self,
        mut search: Search,
    ) -> Result<std::result::Result<UidSet, u64>> {
        let said = self.finish(search.tag, |r| search.take(r)).await?;
        accept(said, "list the messages")?;
        let complete = search.complete()?;
        if let (Ok(uids), Some(mailbox)) = (&complete, self.state.mailbox.as_mut()) {
            mailbox.learn_ids(uids);
        }
        Ok(complete)
    }

    /// Mail may have come in between: the second answer has to fit.
    async fn ask_again(&mut self) -> Result<UidSet> {
        let search = self.send_uids().await?;
        let listed = self.finish_uids(search).await?;
        let exists = self.count()?;
        listed.map_err(|count| {
            Error::protocol(format!(
                "The server lists {count} messages and says that the folder holds {exists}.",
            ))
        })
    }
}
