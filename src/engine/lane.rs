//! One connection of an account and its loop: connect, do what the board asks, idle, start again.
//!
//! Started by `engine::mod` for each account: a working lane, a watching lane, a fetching lane. The
//! working lane can do everything; the others only relieve it.

use super::account::{Account, Failure};
use super::backoff::Backoff;
use super::board::{Fetch, Want, Wishes};
use super::local::LocalSession;
use super::remote::Remote;
use super::waiting::{pause, until_called_off, wait_until, yield_a_lane};
use crate::bus::{Link, SyncMode};
use crate::model::{MailboxKey, MessageKey, Uid, UidSet, UidValidity};
use crate::net::imap::{IdleEnd, Selected, Session};
use crate::net::{Class, Error, Login};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a connection outlives its work in modes that do not stay connected.
const LINGER: Duration = Duration::from_secs(20);
/// How long after the last command somebody counts as being at the keys.
const ACTIVE: Duration = Duration::from_secs(120);
/// A connection that lived so long is made anew at once when it breaks.
pub(crate) const LIVED: Duration = Duration::from_secs(5);
/// How long a fetch may wait for a connection.
pub(crate) const FETCH_PATIENCE: Duration = Duration::from_secs(90);

/// The mailbox that is selected on a connection.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) mailbox: MailboxKey,
    pub(crate) uid_validity: UidValidity,
    /// The first id that may not be in the store.
    pub(crate) uid_next: Option<Uid>,
    /// Whether it was brought into step when it was selected: what happened before is not told.
    pub(crate) is_pulled: bool,
}

/// A connected lane.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) account: Arc<Account>,
    pub(crate) session: Remote,
    pub(crate) open: Option<Open>,
    pub(crate) bell: watch::Receiver<u64>,
    /// The last slices of background work, to notice what can never be had.
    pub(crate) last_texts: Vec<MessageKey>,
    pub(crate) last_references: BTreeMap<MailboxKey, UidSet>,
    /// Mailboxes that are listed but cannot be opened: not tried again by itself.
    pub(crate) refused: BTreeSet<MailboxKey>,
    /// When what the server could not take for the moment is sent again.
    pub(crate) replay_at: Option<Instant>,
    /// When copies of sent mail that could not be filed are tried again.
    pub(crate) file_at: Option<Instant>,
    /// Mailboxes that got messages from us, to be looked into when there is time: only they can say
    /// under which id a message arrived.
    pub(crate) later: BTreeSet<MailboxKey>,
    /// When that is.
    pub(crate) later_at: Option<Instant>,
    /// When flags were compared everywhere, or the connection began.
    pub(crate) thorough_at: Instant,
    /// Whether the tree was listed on this connection.
    pub(crate) has_listed: bool,
    /// When the server was asked last how much room there is.
    pub(crate) quota_at: Option<Instant>,
    /// Mailboxes that were made because the server wanted that before it took messages.
    pub(crate) made: BTreeSet<MailboxKey>,
}

/// What the working lane does next, most urgent first.
enum Job {
    Leave,
    Fetch(Fetch),
    Replay,
    File,
    List,
    Pull(MailboxKey),
    Ahead,
    Background,
    Rest,
}

/// Runs the working lane until the account stops.
pub(crate) async fn work(account: Arc<Account>) {
    let mut backoff = Backoff::default();
    let mut bell = account.board.listen();
    loop {
        if !wait_until(&account, &mut bell, Wishes::is_connection_wanted).await {
            return;
        }
        let generation = account.board.look(|w| w.generation);
        account.set_lane_link(Link::Connecting);
        let begun = Instant::now();
        let life = async {
            let mut lane = connect(&account).await?;
            lane.work(generation).await?;
            lane.session.logout().await;
            Ok(())
        };
        let outcome = until_called_off(&account, generation, Wishes::is_off, life).await;
        account.board.post(|w| {
            w.is_work_busy = false;
            w.is_settled = false;
        });
        // A connection that breaks at once again and again must not be made anew every two seconds.
        let was_good = is_settled(&account) && begun.elapsed() > LIVED;
        if was_good {
            backoff.reset();
        }
        match outcome {
            Some(Ok(())) | None => account.set_lane_link(Link::Idle),
            // A good connection broke: most often the network changed, and the next one stands.
            Some(Err(failure)) if was_good && is_passing(&failure) => {}
            Some(Err(failure)) => {
                yield_a_lane(&account, &failure);
                pause(&account, &mut bell, &mut backoff, &failure, generation).await;
            }
        }
    }
}

/// Whether the account came as far as working on mailboxes.
fn is_settled(account: &Account) -> bool {
    matches!(account.link(), Link::InStep { .. } | Link::Syncing { .. })
}

fn is_passing(failure: &Failure) -> bool {
    matches!(failure, Failure::Net(e) if e.class == Class::Transient)
}

/// Opens a session with what holds the mail.
async fn open_session(account: &Account) -> Result<Remote, Failure> {
    if account.setup.is_local() {
        let session = LocalSession::open(&account.setup.name, &account.db).await?;
        return Ok(Remote::Local(Box::new(session)));
    }
    let login = credentials(account).await?;
    let opened = Session::open(&account.setup.server, &login, &account.setup.options).await?;
    Ok(Remote::Imap(Box::new(opened)))
}

/// Fetches the credentials.
pub(crate) async fn credentials(account: &Account) -> Result<Login, Failure> {
    let source = Arc::clone(&account.setup.login);
    tokio::task::spawn_blocking(move || source())
        .await
        .unwrap_or_else(|_| Err("the password could not be read".to_owned()))
        .map_err(|why| {
            let hint = "check password or password_command of the account".to_owned();
            Error {
                class: Class::Auth,
                summary: why,
                hint,
                code: None,
            }
            .into()
        })
}

pub(crate) async fn connect(account: &Arc<Account>) -> Result<Lane, Failure> {
    let session = open_session(account).await?;
    let bell = account.board.listen();
    Ok(Lane {
        account: Arc::clone(account),
        session,
        open: None,
        bell,
        last_texts: Vec::new(),
        last_references: BTreeMap::new(),
        refused: BTreeSet::new(),
        replay_at: None,
        file_at: None,
        later: BTreeSet::new(),
        later_at: None,
        thorough_at: Instant::now(),
        has_listed: false,
        quota_at: None,
        made: BTreeSet::new(),
    })
}

impl Lane {
    /// The working lane's life on one connection.
    async fn work(&mut self, generation: u64) -> Result<(), Failure> {
        self.begin().await?;
        self.account.board.post(|w| w.is_settled = true);
        let mut listed = Instant::now();
        loop {
            // Before the board is looked at: whatever is posted from here on ends the rest.
            self.bell.mark_unchanged();
            if self.account.board.look(|w| w.generation) != generation {
                return Ok(());
            }
            match self.next_job() {
                Job::Leave => return Ok(()),
                Job::Fetch(fetch) => self.serve_fetch(fetch).await?,
                Job::Replay => self.replay().await?,
                Job::File => self.file_copies().await?,
                Job::List => {
                    listed = Instant::now();
                    self.list_and_compare().await?;
                }
                Job::Pull(mailbox) => self.pull(mailbox).await?,
                Job::Ahead => self.fetch_ahead().await?,
                Job::Background => self.background().await?,
                Job::Rest => {
                    let is_kept_open = self.account.board.note(|w| {
                        // Of mail that is kept here, what is wanted is a look into the maildrop.
                        w.is_sync_wanted &= w.is_local;
                        w.is_kept_open()
                    });
                    self.account.set_lane_link(Link::InStep {
                        is_watched: is_kept_open,
                    });
                    if is_kept_open {
                        self.rest(listed + self.list_every()).await?;
                    } else if !self.linger(LINGER).await {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// All there is to do, then back: for a round without a screen.
    pub(crate) async fn work_once(&mut self) -> Result<(), Failure> {
        self.begin().await?;
        self.clear_board().await
    }

    /// All there is to do on a connection that has begun.
    pub(crate) async fn clear_board(&mut self) -> Result<(), Failure> {
        loop {
            match self.next_job() {
                Job::Rest if self.post_later() => {}
                Job::Leave | Job::Rest => return Ok(()),
                Job::Fetch(fetch) => self.serve_fetch(fetch).await?,
                Job::Replay => self.replay().await?,
                Job::File => self.file_copies().await?,
                Job::List => self.list_and_compare().await?,
                Job::Pull(mailbox) => self.pull(mailbox).await?,
                Job::Ahead => self.fetch_ahead().await?,
                Job::Background => self.background().await?,
            }
        }
    }

    /// Has the mailboxes looked into that got messages from us. Whether there are any.
    pub(crate) fn post_later(&mut self) -> bool {
        self.later_at = None;
        let later = std::mem::take(&mut self.later);
        let is_any = !later.is_empty();
        self.account.board.note(|w| {
            for key in later {
                w.want_pull(key);
            }
        });
        is_any
    }

    /// Takes the next job off the board. Whether it is a long one is noted with the same look, so
    /// that no fetch can wait unseen behind it.
    fn next_job(&self) -> Job {
        let (job, has_turned) = self.account.board.note(|w| {
            let job = Self::choose(w);
            let is_long = match &job {
                Job::Rest | Job::Leave => false,
                Job::Fetch(fetch) => matches!(fetch.want, Want::Part(..)),
                _ => true,
            };
            let has_turned = w.is_work_busy != is_long;
            w.is_work_busy = is_long;
            (job, has_turned)
        });
        if has_turned {
            self.account.board.ring();
        }
        job
    }

    fn choose(w: &mut Wishes) -> Job {
        if w.is_off() {
            return Job::Leave;
        }
        if let Some(fetch) = w.fetches.pop_front() {
            return Job::Fetch(fetch);
        }
        if std::mem::take(&mut w.is_replay_due) {
            return Job::Replay;
        }
        if std::mem::take(&mut w.is_filing_due) {
            return Job::File;
        }
        if std::mem::take(&mut w.is_list_due) {
            return Job::List;
        }
        // What is on the screen first; it is also what the others are compared with.
        if let Some(key) = w
            .looked_at
            .filter(|k| w.pulls.contains(k))
            .or(w.pulls.front().copied())
        {
            w.pulls.retain(|k| *k != key);
            return Job::Pull(key);
        }
        if !w.ahead.is_empty() {
            return Job::Ahead;
        }
        if w.is_background_due {
            return Job::Background;
        }
        Job::Rest
    }

    fn list_every(&self) -> Duration {
        // What is kept here tells by itself that it changed.
        if self.account.setup.is_local() {
            return self.account.setup.interval;
        }
        let is_active = self.account.board.look(|w| w.active_at.elapsed() < ACTIVE);
        let usual = self.account.setup.interval;
        if is_active {
            self.account.setup.list_every.min(usual)
        } else {
            usual
        }
    }

    /// Nothing to do: idles on the mailbox that is looked at until something is said or wanted.
    async fn rest(&mut self, list_at: Instant) -> Result<(), Failure> {
        self.open_for_rest().await?;
        // Something was wanted since this job was chosen.
        if self.bell.has_changed().unwrap_or(true) || matches!(self.peek(), Peek::Something) {
            return Ok(());
        }
        let mut bell = self.bell.clone();
        let wake_at = [self.replay_at, self.file_at, self.later_at]
            .into_iter()
            .flatten()
            .fold(list_at, Instant::min);
        let end = self
            .session
            .idle(async move {
                tokio::select! {
                    () = tokio::time::sleep_until(wake_at) => {}
                    _rung = bell.changed() => {}
                }
            })
            .await?;
        let now = Instant::now();
        if now >= list_at && !self.session.capabilities().can_idle() && self.open.is_some() {
            // The wait for the list cuts short the wait for the next question: ask now.
            self.session.noop().await?;
            self.absorb_notices().await?;
        } else if end == IdleEnd::Told {
            self.absorb_notices().await?;
        }
        if now >= list_at {
            let is_time = self.thorough_at.elapsed() >= self.account.setup.interval;
            if is_time {
                self.thorough_at = now;
            }
            self.account.board.note(|w| {
                w.is_list_due = true;
                w.is_thorough |= is_time;
            });
        }
        if self.later_at.is_some_and(|at| now >= at) {
            self.post_later();
        }
        if self.replay_at.is_some_and(|at| now >= at) {
            self.replay_at = None;
            self.account.board.note(|w| w.is_replay_due = true);
        }
        if self.file_at.is_some_and(|at| now >= at) {
            self.file_at = None;
            self.account.board.note(|w| w.is_filing_due = true);
        }
        Ok(())
    }

    fn peek(&self) -> Peek {
        let generation_or_work = self.account.board.look(|w| {
            w.is_off()
                || w.is_replay_due
                || w.is_filing_due
                || w.is_list_due
                || (w.is_sync_wanted && !w.is_local)
                || w.is_background_due
                || !w.fetches.is_empty()
                || !w.pulls.is_empty()
                || !w.ahead.is_empty()
                || w.looked_at
                    .is_some_and(|k| self.open.as_ref().is_some_and(|o| o.mailbox != k))
        });
        if generation_or_work {
            Peek::Something
        } else {
            Peek::Nothing
        }
    }

    /// Selects what is looked at, so that its changes are told. Another lane watches the inbox.
    async fn open_for_rest(&mut self) -> Result<(), Failure> {
        let looked_at = self.account.board.look(|w| w.looked_at);
        match (looked_at, &self.open) {
            (Some(wanted), Some(open)) if open.mailbox == wanted && open.is_pulled => Ok(()),
            (Some(wanted), _) => self.pull(wanted).await,
            (None, _) => Ok(()),
        }
    }

    /// Waits for more work while the connection stands; `false` when none came.
    async fn linger(&mut self, how_long: Duration) -> bool {
        let mut bell = self.bell.clone();
        let until = Instant::now() + how_long;
        loop {
            bell.mark_unchanged();
            if matches!(self.peek_ignoring_view(), Peek::Something) {
                return true;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return false,
                rung = bell.changed() => if rung.is_err() { return false },
            }
        }
    }

    fn peek_ignoring_view(&self) -> Peek {
        let is_work = self.account.board.look(|w| {
            w.is_off()
                || (w.is_sync_wanted && !w.is_local)
                || (w.is_replay_due && w.mode == SyncMode::OnStart)
                || w.is_filing_due
                || w.mode == SyncMode::Push
                || !w.fetches.is_empty()
                || !w.ahead.is_empty()
        });
        if is_work {
            Peek::Something
        } else {
            Peek::Nothing
        }
    }

    /// Remembers what is selected.
    pub(crate) fn opened(&mut self, mailbox: MailboxKey, selected: &Selected, is_pulled: bool) {
        self.refused.remove(&mailbox);
        self.open = Some(Open {
            mailbox,
            uid_validity: selected.uid_validity,
            uid_next: selected.status.uid_next,
            is_pulled,
        });
    }
}

enum Peek {
    Nothing,
    Something,
}
