//! FETCH of summaries, flags and references in windows, and what changed since (RFC 9051 §6.4.5,
//! RFC 7162).
//!
//! Called by `engine` for every pull. A message counts only under an id that was asked for, and what
//! was said of it first stays.

use super::Capabilities;
use super::command::{Command, in_pieces};
use super::fetched::FetchData;
use super::response::Response;
use super::session::{Pace, Session, Tag, accept};
use super::types::{Items, Notice, Window};
use crate::model::{Fetched, FetchedMessage, ModSeq, Uid, UidSet};
use crate::net::error::{Class, Error, Result};
use std::collections::{HashMap, VecDeque};
use tokio::sync::mpsc;

/// How many windows are under way at once.
const IN_FLIGHT: usize = 2;

/// The items to ask for, without parentheses.
pub(super) fn items_of(items: Items, capabilities: &Capabilities, has_mod_seq: bool) -> String {
    let mod_seq = if has_mod_seq && capabilities.can_condstore() {
        " MODSEQ"
    } else {
        ""
    };
    match items {
        Items::Flags => format!("UID FLAGS{mod_seq}"),
        Items::References => "UID BODY.PEEK[HEADER.FIELDS (REFERENCES)]".to_owned(),
        Items::Summary => {
            let mut text =
                format!("UID FLAGS INTERNALDATE RFC822.SIZE{mod_seq} ENVELOPE BODYSTRUCTURE");
            if capabilities.has("PREVIEW") {
                // What the server would have to open the message for can wait.
                text.push_str(" PREVIEW (LAZY)");
            }
            if capabilities.can_object_id() {
                text.push_str(" EMAILID THREADID");
            } else if capabilities.has("X-GM-EXT-1") {
                text.push_str(" X-GM-MSGID X-GM-THRID");
            }
            text
        }
    }
}

/// Collects the messages of one command or window.
#[derive(Debug)]
pub(super) struct Collect {
    asked: UidSet,
    items: Items,
    pub(super) messages: Vec<FetchedMessage>,
    places: HashMap<Uid, usize>,
}

impl Collect {
    /// Nothing yet of what is asked for.
    pub(super) fn new(asked: UidSet, items: Items) -> Self {
        Self {
            asked,
            items,
            messages: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Takes the messages that were asked for; gives the rest back.
    pub(super) fn take(&mut self, response: Response) -> Option<Response> {
        let Response::Fetch(position, data) = response else {
            return Some(response);
        };
        let Some(uid) = data.uid.filter(|uid| self.asked.contains(*uid)) else {
            return Some(Response::Fetch(position, data));
        };
        let place = self.places.get(&uid).copied();
        if let Some(known) = place.and_then(|place| self.messages.get_mut(place)) {
            let news = complement(&mut known.fetched, *data, uid);
            return news.map(|data| Response::Fetch(position, Box::new(data)));
        }
        if !self.is_answer(&data) {
            // A change of flags that came in between says nothing of what was asked.
            return Some(Response::Fetch(position, data));
        }
        self.places.insert(uid, self.messages.len());
        self.messages.push(FetchedMessage {
            uid,
            fetched: data.fetched,
        });
        None
    }

    fn is_answer(&self, data: &FetchData) -> bool {
        let known = &data.fetched;
        match self.items {
            Items::Summary => {
                known.envelope.is_some() || known.size_bytes.is_some() || known.arrived.is_some()
            }
            Items::Flags => known.flags.is_some(),
            Items::References => known.references.is_some(),
        }
    }
}

/// Fills the gaps of what is known of a message. Flags that are said again are news: they are
/// applied, and given back to be told.
fn complement(known: &mut Fetched, more: FetchData, uid: Uid) -> Option<FetchData> {
    let FetchData { fetched: more, .. } = more;
    let mut news = None;
    if known.flags.is_some() && more.flags.is_some() {
        known.flags.clone_from(&more.flags);
        known.mod_seq = more.mod_seq.or(known.mod_seq);
        let fetched = Fetched {
            flags: more.flags.clone(),
            mod_seq: more.mod_seq,
            ..Fetched::default()
        };
        news = Some(FetchData {
            uid: Some(uid),
            fetched,
            ..FetchData::default()
        });
    }
    known.flags = known.flags.take().or(more.flags);
    known.arrived = known.arrived.or(more.arrived);
    known.size_bytes = known.size_bytes.or(more.size_bytes);
    known.mod_seq = known.mod_seq.or(more.mod_seq);
    known.envelope = known.envelope.take().or(more.envelope);
    known.structure = known.structure.take().or(more.structure);
    known.preview = known.preview.take().or(more.preview);
    known.email_id = known.email_id.take().or(more.email_id);
    known.thread_id = known.thread_id.take().or(more.thread_id);
    known.references = known.references.take().or(more.references);
    news
}

/// A window under way.
struct Under {
    collect: Collect,
    /// Its commands that are not complete.
    tags: VecDeque<Tag>,
}

impl Session {
    /// Fetches window after window, two in flight, each sent to `sink` when complete. Ends early,
    /// cleanly, when the receiver is gone.
    pub async fn fetch(
        &mut self,
        windows: Vec<UidSet>,
        items: Items,
        sink: mpsc::Sender<Window>,
    ) -> Result<()> {
        self.begin(Pace::Bulk).await?;
        let wanted = items_of(items, &self.state.capabilities, self.has_mod_seq());
        let mut windows = windows.into_iter().filter(|w| !w.is_empty());
        let mut under: VecDeque<Under> = VecDeque::new();
        let mut is_over = false;
        loop {
            while !is_over && under.len() < IN_FLIGHT {
                let Some(asked) = windows.next() else { break };
                under.push_back(self.send_window(asked, items, &wanted).await?);
            }
            if under.is_empty() {
                return Ok(());
            }
            let messages = self.finish_window(&mut under).await;
            let Some(done) = under.pop_front() else {
                return Ok(());
            };
            if let Err(error) = messages {
                // What is under way is read to its end, so that the session stays usable.
                for tag in under.into_iter().flat_map(|u| u.tags) {
                    self.finish(tag, Some).await?;
                }
                return Err(error);
            }
            let window = Window {
                asked: done.collect.asked,
                messages: done.collect.messages,
            };
            if !is_over {
                is_over = sink.send(window).await.is_err();
            }
        }
    }

    /// Whether the selected mailbox counts modifications.
    pub(super) fn has_mod_seq(&self) -> bool {
        self.state.mailbox.as_ref().is_some_and(|m| m.has_mod_seq)
    }

    async fn send_window(&mut self, asked: UidSet, items: Items, wanted: &str) -> Result<Under> {
        let mut tags = VecDeque::new();
        for set in in_pieces(&asked) {
            let command = Command::new(&format!("UID FETCH {set} ({wanted})"));
            tags.push_back(self.send(&command).await?);
        }
        Ok(Under {
            collect: Collect::new(asked, items),
            tags,
        })
    }

    /// Reads the first window to its end. Data that belongs to a later one is put there.
    async fn finish_window(&mut self, under: &mut VecDeque<Under>) -> Result<()> {
        let mut refused = None;
        while let Some(tag) = under.front_mut().and_then(|u| u.tags.pop_front()) {
            let windows = &mut *under;
            let said = self
                .finish(tag, move |response| {
                    windows
                        .iter_mut()
                        .try_fold(response, |response, window| window.collect.take(response))
                })
                .await?;
            refused = refused.or(accept(said, "read messages").err());
        }
        refused.map_or(Ok(()), Err)
    }

    /// Flags of what changed since `since` (RFC 7162 CHANGEDSINCE), as notices.
    pub async fn changed_since(&mut self, since: ModSeq) -> Result<Vec<Notice>> {
        self.begin(Pace::Bulk).await?;
        if !self.has_mod_seq() {
            return Err(Error::new(
                Class::Rejected,
                "The server does not count the changes of this folder.",
            ));
        }
        let vanished = if self.state.capabilities.can_qresync() && since > ModSeq(0) {
            " VANISHED"
        } else {
            ""
        };
        let text = format!(
            "UID FETCH 1:* (UID FLAGS) (CHANGEDSINCE {}{vanished})",
            since.0
        );
        let said = self.exec(&Command::new(&text), Some).await?;
        accept(said, "tell what changed")?;
        Ok(self.state.take_notices())
    }
}
