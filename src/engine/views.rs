//! Keeps the order of the list that is on the screen, and answers for its windows.
//!
//! One task, owned by the engine. The answer for the top of a list must never wait for the whole:
//! the head is read at once, the rest is ordered in the background.

use super::changes::Changes;
use super::clock;
use super::store_thread::Db;
use crate::bus::{Event, Problem, RequestId};
use crate::model::{MailboxKey, Placed, Safe, Scope, ViewSpec};
use crate::store::{Result, View};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A view of up to so many rows is ordered anew at once when something changed.
const SMALL: u32 = 4_000;
/// At least so many rows are read of a view's head.
const HEAD_MIN: u32 = 200;
/// Windows that end before this row are answered from the head alone.
const HEAD_MAX: u32 = 2_000;
/// The background may be ordering for at most one part in so many of the time.
const REST_FACTOR: u32 = 4;

/// What the task is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A window is wanted.
    Load(Load),
    /// These mailboxes changed.
    Changed(Arc<BTreeSet<MailboxKey>>),
}

/// A window that is wanted.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) request: RequestId,
    pub(crate) spec: ViewSpec,
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) around: Option<Placed>,
}

struct Kept {
    spec: ViewSpec,
    view: Arc<View>,
    is_fresh: bool,
}

/// The task's state.
pub(crate) struct Views {
    db: Db,
    changes: Arc<Changes>,
    events: mpsc::Sender<Event>,
    kept: Option<Kept>,
    ordering: Option<Ordering>,
    rest_until: Option<tokio::time::Instant>,
}

struct Ordering {
    spec: ViewSpec,
    /// Something changed after it began.
    is_outdated: bool,
    begun: std::time::Instant,
    task: JoinHandle<Result<View>>,
}

impl Views {
    pub(crate) fn new(db: Db, changes: Arc<Changes>, events: mpsc::Sender<Event>) -> Self {
        Self {
            db,
            changes,
            events,
            kept: None,
            ordering: None,
            rest_until: None,
        }
    }

    /// Serves until the senders are gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        loop {
            let rest_until = self.rest_until;
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Load(load)) => self.load(load).await,
                    Some(Message::Changed(keys)) => self.changed(&keys),
                    None => return,
                },
                done = ordered(&mut self.ordering) => self.take_over(done),
                () = rest(rest_until) => {
                    self.rest_until = None;
                    self.order_if_needed();
                }
            }
        }
    }

    fn changed(&mut self, keys: &BTreeSet<MailboxKey>) {
        let concerns = |spec: &ViewSpec| match spec.scope {
            Scope::Mailbox(key) => keys.contains(&key),
            Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => true,
        };
        if let Some(kept) = self.kept.as_mut().filter(|k| concerns(&k.spec)) {
            kept.is_fresh = false;
        }
        if let Some(ordering) = self.ordering.as_mut().filter(|o| concerns(&o.spec)) {
            ordering.is_outdated = true;
        }
    }

    async fn load(&mut self, load: Load) {
        if let Err(error) = self.answer(&load).await {
            let problem = Problem {
                account: None,
                summary: Safe::line(&format!("the list cannot be shown: {error}")),
                hint: Safe::fixed("see `pillarbox doctor`"),
            };
            let _gone = self
                .events
                .send(Event::Failed {
                    request: load.request,
                    problem,
                })
                .await;
        }
    }

    async fn answer(&mut self, load: &Load) -> Result<()> {
        // A thread that is read beside the list does not take the list's place.
        let is_thread = matches!(load.spec.scope, Scope::Thread(_));
        if is_thread && load.offset == 0 && load.len <= HEAD_MIN {
            let head = self.head(load, HEAD_MIN).await?;
            return self.reply(load, &head, head.len()).await;
        }
        let kept = self.kept.as_ref().filter(|k| k.spec == load.spec);
        let view = match kept {
            Some(kept) if kept.is_fresh => Arc::clone(&kept.view),
            Some(kept) if kept.view.len() > SMALL => {
                let old = Arc::clone(&kept.view);
                self.order_if_needed();
                if load.offset.saturating_add(load.len) <= HEAD_MAX {
                    let head = self.head(load, HEAD_MIN).await?;
                    return self.reply(load, &head, old.len().max(head.len())).await;
                }
                old
            }
            kept => {
                // What changed must not make the list shorter for a moment: keys count on its length.
                let known = kept.map_or(0, |k| k.view.len());
                let head = self.head(load, known.saturating_add(HEAD_MIN)).await?;
                let is_enough = head.is_complete();
                let head = Arc::new(head);
                self.kept = Some(Kept {
                    spec: load.spec.clone(),
                    view: Arc::clone(&head),
                    is_fresh: is_enough,
                });
                if !is_enough {
                    // One that is under way is as good, unless something changed since it began.
                    let is_same = |o: &Ordering| o.spec == load.spec && !o.is_outdated;
                    self.ordering = self.ordering.take().filter(is_same);
                    self.rest_until = None;
                    self.order_if_needed();
                    if load.offset.saturating_add(load.len) > head.len() {
                        self.finish_ordering().await?;
                    }
                }
                self.kept.as_ref().map_or(head, |k| Arc::clone(&k.view))
            }
        };
        let total = view.len();
        self.reply(load, &view, total).await
    }

    /// The head of a view, at least so many rows of it.
    async fn head(&self, load: &Load, rows_min: u32) -> Result<View> {
        let spec = load.spec.clone();
        let rows = load.offset.saturating_add(load.len);
        let rows = rows.max(rows_min).min(SMALL);
        self.db.read(move |r| r.view_head(&spec, rows)).await
    }

    async fn reply(&self, load: &Load, view: &View, total: u32) -> Result<()> {
        let around = load.around.and_then(|placed| view.position(placed));
        let last = view.len().saturating_sub(load.len.min(view.len()));
        let offset = match around {
            Some(at) if at < load.offset || at >= load.offset.saturating_add(load.len) => {
                at.saturating_sub(load.len / 2).min(last)
            }
            _ => load.offset.min(last),
        };
        let (view_copy, len) = (view.clone(), load.len);
        let rows = self
            .db
            .read(move |r| r.rows(&view_copy, offset, len))
            .await?;
        let is_complete = view.is_complete();
        let event = Event::Window {
            request: load.request,
            offset,
            rows,
            total,
            around,
            is_complete,
        };
        let _gone = self.events.send(event).await;
        Ok(())
    }

    /// Starts ordering the kept view in the background, unless that is being done or just was.
    fn order_if_needed(&mut self) {
        let Some(kept) = self.kept.as_ref().filter(|k| !k.is_fresh) else {
            return;
        };
        let is_running = self.ordering.as_ref().is_some_and(|o| o.spec == kept.spec);
        if is_running || self.rest_until.is_some() {
            return;
        }
        let (spec, db) = (kept.spec.clone(), self.db.clone());
        let task = tokio::spawn(async move { db.read_long(move |r| r.view(&spec)).await });
        self.ordering = Some(Ordering {
            spec: kept.spec.clone(),
            is_outdated: false,
            begun: clock::monotonic(),
            task,
        });
    }

    async fn finish_ordering(&mut self) -> Result<()> {
        let done = ordered(&mut self.ordering).await;
        match done {
            Some(Err(error)) => Err(error),
            done => {
                self.take_over(done);
                Ok(())
            }
        }
    }

    fn take_over(&mut self, done: Option<Result<View>>) {
        let Some(ordering) = self.ordering.take() else {
            return;
        };
        let Some(Ok(view)) = done else { return };
        let took = ordering.begun.elapsed();
        let Some(kept) = self.kept.as_mut().filter(|k| k.spec == ordering.spec) else {
            return;
        };
        kept.view = Arc::new(view);
        kept.is_fresh = !ordering.is_outdated;
        if ordering.is_outdated {
            self.rest_until = Some(tokio::time::Instant::now() + took * REST_FACTOR);
        } else {
            self.order_if_needed();
        }
        // The front asks again for what it shows: now the whole is known. It does not come back here
        // as a change, which would begin the ordering anew.
        let shown = match ordering.spec.scope {
            Scope::Mailbox(key) => vec![key],
            Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => Vec::new(),
        };
        self.changes.event(Event::Changed(shown));
    }
}

async fn ordered(ordering: &mut Option<Ordering>) -> Option<Result<View>> {
    match ordering {
        Some(ordering) => (&mut ordering.task).await.ok(),
        None => std::future::pending().await,
    }
}

async fn rest(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
