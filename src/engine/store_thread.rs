//! The store on threads of its own: one writer, one reader for the screen, one for long reads.
//!
//! Called by every part of the engine. An async task must never touch SQLite itself: it hands a
//! closure over and awaits the answer. What the user did is written before what a sync brings.

use crate::store::{Error, Reader, Result, Store, Writer};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, oneshot};

/// How many jobs of a sync may wait for the writer: enough to keep it busy, few enough to bound memory.
const BULK_MAX: usize = 4;

type Job<C> = Box<dyn FnOnce(&mut C) + Send>;

/// Two lines of jobs before one thread; the urgent line is served first.
struct Queue<C> {
    lines: Mutex<Lines<C>>,
    more: Condvar,
}

struct Lines<C> {
    urgent: VecDeque<Job<C>>,
    bulk: VecDeque<Job<C>>,
    is_closed: bool,
}

impl<C> Queue<C> {
    fn new() -> Arc<Self> {
        let lines = Lines {
            urgent: VecDeque::new(),
            bulk: VecDeque::new(),
            is_closed: false,
        };
        Arc::new(Self {
            lines: Mutex::new(lines),
            more: Condvar::new(),
        })
    }

    // A panic in a job is caught in `serve`, outside the lock: the lines are always whole.
    fn lock(&self) -> MutexGuard<'_, Lines<C>> {
        self.lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, job: Job<C>, is_urgent: bool) {
        let mut lines = self.lock();
        let line = if is_urgent {
            &mut lines.urgent
        } else {
            &mut lines.bulk
        };
        line.push_back(job);
        drop(lines);
        self.more.notify_one();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.more.notify_all();
    }

    /// Runs jobs until the queue is closed and empty.
    fn serve(&self, mut connection: C) {
        loop {
            let mut lines = self.lock();
            let job = loop {
                if let Some(job) = lines.urgent.pop_front().or_else(|| lines.bulk.pop_front()) {
                    break job;
                }
                if lines.is_closed {
                    return;
                }
                lines = self
                    .more
                    .wait(lines)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
            };
            drop(lines);
            // The caller of a job that panics finds its answer channel closed; the thread lives on.
            let run = std::panic::AssertUnwindSafe(|| job(&mut connection));
            if std::panic::catch_unwind(run).is_err() {
                tracing::error!("a store job panicked");
            }
        }
    }
}

/// The threads of one open store. Cloning is cheap; the threads end when [`Db::close`] is called.
#[derive(Clone)]
pub(crate) struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Arc<Queue<Writer>>,
    screen: Arc<Queue<Reader>>,
    long: Arc<Queue<Reader>>,
    bulk: Semaphore,
    store: Store,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// Opens the connections and starts the threads.
    pub(crate) fn start(store: &Store) -> Result<Self> {
        let (writer, screen, long) = (Queue::new(), Queue::new(), Queue::new());
        let threads = vec![
            spawn("store-writer", &writer, store.writer()?)?,
            spawn("store-screen", &screen, store.reader()?)?,
            spawn("store-long", &long, store.reader()?)?,
        ];
        let inner = Inner {
            writer,
            screen,
            long,
            bulk: Semaphore::new(BULK_MAX),
            store: store.clone(),
            threads: Mutex::new(threads),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Sets the writer up before anything else is asked of it.
    pub(crate) fn prepare(&self, job: impl FnOnce(&mut Writer) + Send + 'static) {
        self.inner.writer.push(Box::new(job), true);
    }

    /// Writes what the user did, before anything that waits.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        ask(&self.inner.writer, true, job).await
    }

    /// Writes what a sync brought; waits while the writer has enough to do.
    pub(crate) async fn write_bulk<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.inner.bulk.acquire().await;
        ask(&self.inner.writer, false, job).await
    }

    /// Reads what the screen waits for.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        ask(&self.inner.screen, true, job).await
    }

    /// Reads what may take long: whole views, id sets.
    pub(crate) async fn read_long<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        ask(&self.inner.long, true, job).await
    }

    /// The files, for what is not in the database.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// A reading connection for work that nothing may wait behind.
    pub(crate) fn another_reader(&self) -> Result<Reader> {
        self.inner.store.reader()
    }

    /// Lets the waiting jobs end and joins the threads. Blocks: not for async tasks.
    pub(crate) fn close(&self) {
        self.inner.writer.close();
        self.inner.screen.close();
        self.inner.long.close();
        let threads = std::mem::take(
            &mut *self
                .inner
                .threads
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        );
        for thread in threads {
            let _joined = thread.join();
        }
    }
}

fn spawn<C: Send + 'static>(
    name: &str,
    queue: &Arc<Queue<C>>,
    connection: C,
) -> Result<JoinHandle<()>> {
    let queue = Arc::clone(queue);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || queue.serve(connection))
        .map_err(|e| Error::Disk {
            file: name.to_owned(),
            detail: e.to_string(),
        })
}

async fn ask<C: 'static, T: Send + 'static>(
    queue: &Queue<C>,
    is_urgent: bool,
    job: impl FnOnce(&mut C) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (answer, wait) = oneshot::channel();
    queue.push(
        Box::new(move |connection| {
            let _unread = answer.send(job(connection));
        }),
        is_urgent,
    );
    wait.await.unwrap_or_else(|_| {
        Err(Error::Disk {
            file: "the mail store".into(),
            detail: "a store job failed".into(),
        })
    })
}
