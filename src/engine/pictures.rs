//! Pictures of messages: found in a part, in the text or on the shelf, fetched from the web when the user said so.
//!
//! Called by `dispatch`, one task a request. Nothing but [`Command::FetchPictures`] may make a request to the
//! web, and what came from there is kept in memory only.

use super::dispatch::Dispatch;
use super::texts::{Texts, Why};
use crate::bus::{Command, Event, Problem, RequestId};
use crate::mime;
use crate::model::{Fit, PartId, PictureSource, Pixels, Placed, Reading, Safe};
use crate::net::http;
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};

/// The largest picture that is looked at.
const BYTES_MAX: usize = 10 * 1024 * 1024;
/// The most pictures that are fetched for one message.
const PICTURES_MAX: usize = 40;
/// So many are fetched at the same time.
const AT_ONCE: usize = 4;
/// So many are decoded at the same time.
const DECODED_AT_ONCE: usize = 2;
/// So much is kept.
const SHELF_MAX: usize = 64 * 1024 * 1024;

/// What a picture is kept under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Web(String),
    Part(i64, PartId),
}

#[derive(Debug, Default)]
struct Kept {
    /// Each with when it was asked for last.
    pictures: BTreeMap<Place, (Arc<Vec<u8>>, u64)>,
    bytes: usize,
    clock: u64,
}

/// Pictures that were fetched; what was not asked for the longest goes when there are too many.
#[derive(Debug)]
pub(super) struct Shelf {
    kept: Mutex<Kept>,
    decoding: Semaphore,
    is_offline: watch::Sender<bool>,
}

impl Shelf {
    pub(super) fn new(is_offline: bool) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            decoding: Semaphore::new(DECODED_AT_ONCE),
            is_offline: watch::Sender::new(is_offline),
        })
    }

    /// Ends what is being fetched, and refuses what is asked for.
    pub(super) fn set_offline(&self, is_offline: bool) {
        self.is_offline.send_replace(is_offline);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, place: &Place) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let (bytes, asked) = kept.pictures.get_mut(place)?;
        *asked = clock;
        Some(Arc::clone(bytes))
    }

    fn put(&self, place: Place, bytes: Arc<Vec<u8>>) {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        kept.bytes += bytes.len();
        if let Some((old, _)) = kept.pictures.insert(place, (bytes, clock)) {
            kept.bytes -= old.len();
        }
        while kept.bytes > SHELF_MAX {
            let oldest = kept.pictures.iter().min_by_key(|(_, (_, asked))| *asked);
            let Some(oldest) = oldest.map(|(place, _)| place.clone()) else {
                return;
            };
            if let Some((old, _)) = kept.pictures.remove(&oldest) {
                kept.bytes -= old.len();
            }
        }
    }
}

/// A picture that is asked for.
struct Wanted {
    placed: Placed,
    source: PictureSource,
    size: (Option<u32>, Option<u32>),
    fit: Fit,
    may_fetch: bool,
}

impl Dispatch {
    /// Serves what concerns pictures.
    pub(super) fn serve_picture(&mut self, command: Command) {
        match command {
            Command::LoadPicture {
                request,
                placed,
                source,
                wanted,
                fit,
                may_fetch,
            } => {
                let (texts, shelf) = (self.texts(placed), Arc::clone(&self.shelf));
                let wanted = Wanted {
                    placed,
                    source,
                    size: wanted,
                    fit,
                    may_fetch,
                };
                self.tasks.spawn(texts.load_picture(shelf, request, wanted));
            }
            Command::FetchPictures { request, urls } => {
                let (shelf, limits) = (Arc::clone(&self.shelf), self.setup.web.clone());
                let events = self.events.clone();
                let handle = self.tasks.spawn(async move {
                    let event = fetch(&shelf, &limits, request, urls, &events).await;
                    let _gone = events.send(event).await;
                });
                self.remember(request, handle);
            }
            Command::AllowPictures {
                address,
                is_allowed,
            } => {
                let (db, events) = (self.db.clone(), self.events.clone());
                self.tasks.spawn(async move {
                    let done = db.write(move |w| w.allow_pictures(&address, is_allowed));
                    if let Err(error) = done.await {
                        let problem = Problem {
                            account: None,
                            summary: Safe::line(&error.to_string()),
                            hint: Safe::default(),
                        };
                        let _gone = events.send(Event::Problem(problem)).await;
                    }
                });
            }
            _ => {}
        }
    }
}

/// Fetches what is not on the shelf yet, a few at a time.
async fn fetch(
    shelf: &Shelf,
    limits: &http::Limits,
    request: RequestId,
    urls: Vec<String>,
    events: &tokio::sync::mpsc::Sender<Event>,
) -> Event {
    let limits = http::Limits {
        bytes_max: BYTES_MAX,
        accept: "image/png,image/jpeg,image/gif,image/webp",
        ..limits.clone()
    };
    let urls: BTreeSet<String> = urls.into_iter().take(PICTURES_MAX).collect();
    let total = urls.len();
    let (mut done, mut why) = (0, String::new());
    let missing = urls
        .into_iter()
        .filter(|url| shelf.get(&Place::Web(url.clone())).is_none());
    let limits = &limits;
    let fetches = missing.map(|url| async move {
        let answer = http::get(&url, limits).await;
        answer.map(|answer| shelf.put(Place::Web(url), Arc::new(answer.body)))
    });
    let fetches: Vec<_> = fetches.collect();
    let mut left = fetches.len();
    let mut answers = futures_util::stream::iter(fetches).buffer_unordered(AT_ONCE);
    let mut is_offline = shelf.is_offline.subscribe();
    loop {
        let answer = tokio::select! {
            biased;
            _ = is_offline.wait_for(|is_offline| *is_offline) => {
                why = "Pillarbox is offline.".to_owned();
                break;
            }
            answer = answers.next() => answer,
        };
        match answer {
            Some(Ok(())) => {
                left -= 1;
                let (here, all) = (total - left, total);
                let event = Event::Progress {
                    request,
                    done: here as u64,
                    total: all as u64,
                };
                let _gone = events.send(event).await;
            }
            Some(Err(error)) => why = error.summary,
            None => break,
        }
    }
    done += total - left;
    Event::Fetched {
        request,
        done,
        failed: left,
        why: Safe::line(&why),
    }
}

impl Texts {
    /// Says who the one sender is, and whether the user wants to see their pictures.
    pub(super) async fn add_sender(
        &self,
        placed: Placed,
        reading: &mut Reading,
    ) -> Result<(), Why> {
        let from = self.summary(placed).await?.envelope.from;
        if let [sender] = from.as_slice() {
            let address = Safe::line(&sender.address);
            let asked = address.as_str().to_owned();
            reading.is_sender_allowed = self.db.read(move |r| r.allows_pictures(&asked)).await?;
            reading.sender = address;
        }
        Ok(())
    }

    async fn load_picture(self, shelf: Arc<Shelf>, request: RequestId, wanted: Wanted) {
        let (pixels, why) = match self.bytes_of(&shelf, request, &wanted).await {
            Ok(Some(bytes)) => decode(&shelf, bytes, &wanted).await,
            Ok(None) => (None, String::new()),
            Err(why) => (None, why.to_string()),
        };
        let event = Event::Picture {
            request,
            pixels,
            why: Safe::line(&why),
        };
        let _gone = self.events.send(event).await;
    }

    /// The bytes of a picture, where they are here or the mail server may be asked.
    async fn bytes_of(
        &self,
        shelf: &Shelf,
        request: RequestId,
        wanted: &Wanted,
    ) -> Result<Option<Arc<Vec<u8>>>, Why> {
        let place = match &wanted.source {
            PictureSource::Inline(url) => return Ok(mime::data_url(url).map(Arc::new)),
            PictureSource::Remote(url) => return Ok(shelf.get(&Place::Web(url.clone()))),
            PictureSource::Part(id) => Place::Part(wanted.placed.message.0, id.clone()),
        };
        if let Some(bytes) = shelf.get(&place) {
            return Ok(Some(bytes));
        }
        let Place::Part(_, id) = &place else {
            return Ok(None);
        };
        let Some(bytes) = self.part_bytes(request, wanted, id).await? else {
            return Ok(None);
        };
        let bytes = Arc::new(bytes);
        shelf.put(place, Arc::clone(&bytes));
        Ok(Some(bytes))
    }

    async fn part_bytes(
        &self,
        request: RequestId,
        wanted: &Wanted,
        id: &PartId,
    ) -> Result<Option<Vec<u8>>, Why> {
        let message = wanted.placed.message;
        if id.is_opened() {
            let part = self.part(request, wanted.placed, id).await?;
            return Ok(Some(part.bytes).filter(|bytes| bytes.len() <= BYTES_MAX));
        }
        if let Some(raw) = self.db.read(move |r| r.raw(message)).await? {
            let id = id.clone();
            let found = tokio::task::spawn_blocking(move || mime::part_body(&raw, &id)).await;
            return Ok(found
                .ok()
                .flatten()
                .filter(|bytes| bytes.len() <= BYTES_MAX));
        }
        if !wanted.may_fetch {
            return Ok(None);
        }
        // Of a part of an attached message, the message is fetched.
        let structure = self.summary(wanted.placed).await?.structure;
        let size = structure.and_then(|s| {
            let (holder, _) = mime::holder(&s, id)?;
            s.part(&holder).map(|p| p.size_bytes)
        });
        if size.is_none_or(|size| usize::try_from(size).is_ok_and(|n| n > BYTES_MAX)) {
            return Ok(None);
        }
        let part = self.part(request, wanted.placed, id).await?;
        Ok(Some(part.bytes))
    }
}

async fn decode(
    shelf: &Shelf,
    bytes: Arc<Vec<u8>>,
    wanted: &Wanted,
) -> (Option<Arc<Pixels>>, String) {
    let _turn = shelf.decoding.acquire().await;
    let (size, fit) = (wanted.size, wanted.fit);
    let decoded = tokio::task::spawn_blocking(move || mime::picture(&bytes, size, fit)).await;
    match decoded {
        Ok(Ok(pixels)) => (Some(Arc::new(pixels)), String::new()),
        Ok(Err(why)) => (None, why.to_owned()),
        Err(_) => (None, "it is damaged".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_keeps_what_was_asked_for_last_and_no_more_than_it_may() {
        let shelf = Shelf::new(false);
        let large = || Arc::new(vec![0; SHELF_MAX / 2]);
        let place = |n: u8| Place::Web(format!("http://h/{n}"));
        shelf.put(place(1), large());
        shelf.put(place(2), large());
        assert!(shelf.get(&place(1)).is_some());
        shelf.put(place(3), large());
        assert!(shelf.get(&place(2)).is_none());
        assert!(shelf.get(&place(1)).is_some() && shelf.get(&place(3)).is_some());
        shelf.put(place(3), large());
        assert!(shelf.lock().bytes <= SHELF_MAX);
        assert!(shelf.get(&place(1)).is_some());
    }

    #[tokio::test]
    async fn offline_nothing_is_asked_for() {
        let shelf = Shelf::new(true);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let limits = http::Limits {
            instead: Some(listener.local_addr().unwrap()),
            ..http::Limits::default()
        };
        let (events, _told) = tokio::sync::mpsc::channel(8);
        let urls = vec!["http://h.test/a".to_owned()];
        let Event::Fetched {
            done, failed, why, ..
        } = fetch(&shelf, &limits, RequestId(1), urls, &events).await
        else {
            panic!("no reply");
        };
        assert_eq!((done, failed), (0, 1));
        assert!(why.as_str().contains("offline"), "{why:?}");
        let waited = tokio::time::timeout(std::time::Duration::ZERO, listener.accept());
        assert!(waited.await.is_err(), "somebody connected");
    }
}
