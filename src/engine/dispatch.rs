//! Takes the front's commands and hands each to the store, the views, a text task or a board.
//!
//! One task, owned by `Engine`. Must never wait for the network: what needs a server is written on
//! an account's board.

use super::account::Account;
use super::board::Wishes;
use super::changes::Changes;
use super::clock;
use super::first_words;
use super::gather;
use super::indexer;
use super::lane;
use super::maildrop;
use super::opened::OpenedTexts;
use super::owner::{Owner, Taken};
use super::people::{self, Directory};
use super::pictures::Shelf;
use super::sender;
use super::setup::Setup;
use super::staging::Staging;
use super::store_thread::Db;
use super::teller::{Teller, tell};
use super::texts::Texts;
use super::upkeep;
use super::views::{self, Views};
use super::watch;
use super::writers::Writers;
use super::writing::copy_later;
use crate::bus::{AccountView, CardDeed, Command, Event, Link, Problem, RequestId, SyncMode, Take};
use crate::model::{AccountKey, MailboxKey, Placed, Safe};
use crate::store::Result;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};

/// How often the clocks are compared, to notice that the machine slept.
const SLEEP_CHECK_EVERY: Duration = Duration::from_secs(15);
/// How far the clocks may drift apart between two checks before it counts as a sleep.
const SLEEP_SECS: i64 = 20;
/// How often another process's changes are looked for where that process has the network role.
const FOREIGN_EVERY: Duration = Duration::from_secs(1);
/// How long the lanes may take to end.
const GOODBYE: Duration = Duration::from_secs(2);

pub(super) type Tree = Arc<Mutex<Vec<AccountView>>>;

/// The task's state.
pub(crate) struct Dispatch {
    pub(super) setup: Setup,
    pub(super) db: Db,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) changes: Arc<Changes>,
    pub(super) events: mpsc::Sender<Event>,
    views: mpsc::Sender<views::Message>,
    pub(super) tree: Tree,
    pub(super) writers: Arc<Writers>,
    /// Rung when a draft was kept.
    pub(super) kept: Arc<Notify>,
    pub(super) tasks: JoinSet<()>,
    lanes: JoinSet<()>,
    saves: BTreeMap<RequestId, AbortHandle>,
    pub(super) shelf: Arc<Shelf>,
    staging: Arc<Staging>,
    pub(super) directory: Arc<Directory>,
    /// The question for an address that is being answered.
    pub(super) completing: Option<AbortHandle>,
    /// The text that is looked at for misspelt words.
    pub(super) spelling: Option<AbortHandle>,
    /// What was checked or decrypted in this session.
    opened: OpenedTexts,
}

impl Dispatch {
    pub(crate) fn new(
        setup: Setup,
        db: Db,
        accounts: Vec<Arc<Account>>,
        changes: Arc<Changes>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (views, inbox) = mpsc::channel(256);
        let own = accounts.iter().flat_map(|a| {
            let written = a.setup.writing.senders.iter().map(|s| &s.address.address);
            std::iter::once(&a.setup.address).chain(written).cloned()
        });
        let own = own.collect();
        let directory = Directory::new(setup.directory.clone(), own, Arc::clone(&changes));
        let staging = Arc::new(Staging::new(&setup.data_dir));
        let mut tasks = JoinSet::new();
        let shelf = Shelf::new(setup.is_offline);
        let writers = Arc::new(Writers::begin(&setup.data_dir));
        tasks.spawn(Views::new(db.clone(), Arc::clone(&changes), events.clone()).run(inbox));
        Self {
            setup,
            db,
            accounts,
            changes,
            events,
            views,
            tree: Tree::default(),
            writers,
            kept: Arc::default(),
            tasks,
            lanes: JoinSet::new(),
            saves: BTreeMap::new(),
            shelf,
            staging,
            directory,
            completing: None,
            spelling: None,
            opened: OpenedTexts::default(),
        }
    }

    /// Serves until [`Command::Quit`], or until the front is gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        self.tasks.spawn(tell(self.teller()));
        self.tasks
            .spawn(people::fetch_secret(Arc::clone(&self.directory)));
        self.tasks.spawn(gather::run(
            Arc::clone(&self.directory),
            self.db.clone(),
            self.accounts.clone(),
        ));
        self.changes.tree();
        self.recover_drafts().await;
        let owner = Owner::acquire(&self.setup.data_dir);
        match &owner {
            Ok(_) => self.start_lanes(),
            Err(taken) => self.stand_aside(taken),
        }
        let mut rounds = tokio::time::interval(SLEEP_CHECK_EVERY);
        let mut drift = None;
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    None | Some(Command::Quit) => break,
                    Some(command) => self.serve(command).await,
                },
                _ = rounds.tick() => self.notice_sleep(&mut drift),
            }
            while self.tasks.try_join_next().is_some() {}
        }
        self.stop().await;
        drop(owner);
    }

    fn teller(&self) -> Teller {
        Teller {
            db: self.db.clone(),
            accounts: self.accounts.clone(),
            changes: Arc::clone(&self.changes),
            events: self.events.clone(),
            views: self.views.clone(),
            tree: Arc::clone(&self.tree),
        }
    }

    fn start_lanes(&mut self) {
        self.tasks.spawn(upkeep::run(
            self.db.clone(),
            self.accounts.clone(),
            Arc::clone(&self.changes),
        ));
        self.tasks
            .spawn(indexer::run(self.db.clone(), self.accounts.clone()));
        self.tasks
            .spawn(first_words::run(self.db.clone(), Arc::clone(&self.changes)));
        let kept = Arc::clone(&self.kept);
        self.tasks.spawn(copy_later(self.accounts.clone(), kept));
        for account in &self.accounts {
            self.lanes.spawn(lane::work(Arc::clone(account)));
            if account.setup.is_local() {
                self.lanes.spawn(maildrop::poll(Arc::clone(account)));
            } else {
                self.lanes.spawn(watch::watch(Arc::clone(account)));
                self.lanes.spawn(watch::fetch(Arc::clone(account)));
            }
            self.lanes.spawn(sender::run(Arc::clone(account)));
            self.tasks.spawn(intervals(Arc::clone(account)));
        }
        #[cfg(unix)]
        if let Some(bell) = super::owner::Bell::hang(&self.setup.data_dir) {
            self.tasks.spawn(listen(
                bell,
                self.accounts.clone(),
                Arc::clone(&self.changes),
            ));
        }
    }

    /// Another process is connected: this one shows, and writes to the journal.
    fn stand_aside(&mut self, taken: &Taken) {
        for account in &self.accounts {
            account.board.note(|w| w.is_offline = true);
            account.set_link(Link::Stopped {
                why: Safe::line(&taken.to_string()),
                can_retry: false,
            });
        }
        self.changes.event(Event::Problem(Problem {
            account: None,
            summary: Safe::line(&taken.to_string()),
            hint: Safe::fixed("this one shows the same mail; its changes are sent by the other"),
        }));
        let (db, changes) = (self.db.clone(), Arc::clone(&self.changes));
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(FOREIGN_EVERY).await;
                let foreign = db
                    .read(|r| {
                        if r.changes_elsewhere()? {
                            all_mailboxes(r)
                        } else {
                            Ok(Vec::new())
                        }
                    })
                    .await;
                if let Ok(keys) = foreign
                    && !keys.is_empty()
                {
                    changes.mailboxes(keys);
                }
            }
        });
    }

    /// Every connection is made anew after the machine slept: none of the old ones can be trusted.
    fn notice_sleep(&self, drift: &mut Option<i64>) {
        let now = clock::now_secs();
        let awake = i64::try_from(awake_secs()).unwrap_or(0);
        let new = now - awake;
        if let Some(old) = drift.replace(new)
            && (new - old).abs() > SLEEP_SECS
        {
            for account in &self.accounts {
                account.board.post(|w| w.generation += 1);
            }
        }
    }

    async fn serve(&mut self, command: Command) {
        for account in &self.accounts {
            account
                .board
                .note(|w| w.active_at = tokio::time::Instant::now());
        }
        match command {
            Command::LoadTree => self.changes.tree(),
            Command::LoadWindow {
                request,
                view,
                offset,
                len,
                around,
            } => {
                let load = views::Load {
                    request,
                    spec: view,
                    offset,
                    len,
                    around,
                };
                let _gone = self.views.send(views::Message::Load(load)).await;
            }
            Command::Prefetch(wanted) => self.prefetch(&wanted),
            Command::LookAt(mailbox) => self.look_at(mailbox),
            change @ (Command::Apply { .. }
            | Command::Undo { .. }
            | Command::Redo { .. }
            | Command::CancelOp { .. }
            | Command::RetryOp(_)
            | Command::LoadActivity { .. }) => {
                self.serve_change(change).await;
            }
            Command::Writing(writing) => self.serve_writing(writing).await,
            Command::SyncNow(account) => self.sync_now(account),
            Command::SetMode { account, mode } => self.set_mode(account, mode),
            Command::SetOffline(is_offline) => self.set_offline(is_offline),
            text => self.serve_text(text),
        }
    }

    fn serve_text(&mut self, command: Command) {
        match command {
            Command::OpenMessage {
                request,
                placed,
                inside,
                width,
                form,
            } => {
                let texts = self.texts(placed);
                if inside.0.is_empty() {
                    self.tasks.spawn(texts.open(request, placed, width, form));
                } else {
                    self.tasks
                        .spawn(texts.open_inside(request, placed, inside, width, form));
                }
            }
            Command::FetchWhole(all) => {
                for placed in all {
                    self.tasks.spawn(self.texts(placed).want_whole(placed));
                }
            }
            Command::LoadSource {
                request,
                placed,
                inside,
            } => {
                let texts = self.texts(placed);
                self.tasks.spawn(texts.source(request, placed, inside));
            }
            Command::MakePage {
                request,
                placed,
                inside,
            } => {
                let texts = self.texts(placed);
                self.tasks.spawn(texts.page(request, placed, inside));
            }
            Command::Save {
                request,
                placed,
                parts,
                folder,
            } => {
                let folder = folder.unwrap_or_else(|| self.setup.downloads.clone());
                let texts = self.texts(placed);
                let handle = self.tasks.spawn(texts.save(request, placed, parts, folder));
                self.remember(request, handle);
            }
            Command::Card {
                request,
                placed,
                deed,
            } => {
                let handle = match deed {
                    CardDeed::Answer(state) => {
                        let drafts = self.drafts();
                        self.tasks
                            .spawn(drafts.answer_invite(request, placed, state))
                    }
                    deed => {
                        let texts = self.texts(placed);
                        self.tasks.spawn(texts.card(request, placed, deed))
                    }
                };
                self.remember(request, handle);
            }
            Command::Take(order) => self.take(order),
            Command::Cancel(request) => self.cancel(request),
            picture => self.serve_picture(picture),
        }
    }

    fn take(&mut self, order: Take) {
        let (request, placed) = (order.request, order.placed);
        let task = self.texts(placed).take(order, Arc::clone(&self.staging));
        let handle = self.tasks.spawn(task);
        self.remember(request, handle);
    }

    fn account_of(&self, mailbox: MailboxKey) -> Option<Arc<Account>> {
        let tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let key = tree
            .iter()
            .find(|a| a.mailboxes.iter().any(|m| m.key == mailbox))?
            .key;
        self.accounts.iter().find(|a| a.key == key).cloned()
    }

    pub(super) fn texts(&self, placed: Placed) -> Texts {
        Texts {
            db: self.db.clone(),
            account: self.account_of(placed.mailbox),
            events: self.events.clone(),
            web: self.setup.web.clone(),
            opened: self.opened.clone(),
            gpg: (self.setup.gpg.clone(), self.setup.data_dir.clone()),
        }
    }

    pub(super) fn chosen(&self, key: Option<AccountKey>) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts
            .iter()
            .filter(move |a| key.is_none_or(|k| a.key == k))
    }

    /// Keeps what [`Command::Cancel`] needs.
    pub(super) fn remember(&mut self, request: RequestId, task: AbortHandle) {
        self.saves.retain(|_, task| !task.is_finished());
        self.saves.insert(request, task);
    }

    fn cancel(&mut self, request: RequestId) {
        if let Some(task) = self.saves.remove(&request) {
            task.abort();
        }
    }

    fn prefetch(&self, wanted: &[Placed]) {
        for account in &self.accounts {
            let ours: Vec<Placed> = wanted
                .iter()
                .filter(|p| {
                    self.account_of(p.mailbox)
                        .is_some_and(|a| a.key == account.key)
                })
                .copied()
                .collect();
            if account
                .board
                .look(|w| !ours.is_empty() || !w.ahead.is_empty())
            {
                account.board.post(|w| w.ahead = ours.into());
            }
        }
    }

    fn look_at(&self, mailbox: Option<MailboxKey>) {
        let owner = mailbox.and_then(|m| self.account_of(m));
        for account in &self.accounts {
            let wanted = mailbox.filter(|_| owner.as_ref().is_some_and(|o| o.key == account.key));
            if account.board.look(|w| w.looked_at != wanted) {
                account.board.post(|w| {
                    w.looked_at = wanted;
                    if let Some(key) = wanted
                        && !w.pulls.contains(&key)
                    {
                        w.pulls.push_front(key);
                    }
                });
            }
        }
    }

    fn sync_now(&mut self, key: Option<AccountKey>) {
        let accounts: Vec<_> = self.chosen(key).cloned().collect();
        for account in accounts {
            sync_account(&account);
            self.tasks
                .spawn(async move { sender::hurry(&account).await });
        }
    }

    fn set_mode(&self, key: Option<AccountKey>, mode: SyncMode) {
        for account in self.chosen(key) {
            account.board.post(|w| {
                w.mode = mode;
                w.is_sync_wanted = w.is_sync_wanted || matches!(mode, SyncMode::Interval);
                w.is_sending_wanted = w.is_sending_wanted || matches!(mode, SyncMode::Interval);
            });
        }
        self.changes.tree();
    }

    fn set_offline(&self, is_offline: bool) {
        self.shelf.set_offline(is_offline);
        for account in &self.accounts {
            account.board.post(|w| {
                w.is_offline = is_offline;
                if is_offline {
                    // Who waits for a message is told at once.
                    w.fetches.clear();
                }
                w.is_refused = false;
                w.is_sending_refused = false;
                w.generation += 1;
                w.is_sync_wanted = !is_offline && w.mode != SyncMode::Manual;
                w.is_sending_wanted = w.is_sync_wanted;
            });
            account.set_link(Link::Idle);
        }
        self.changes.tree();
    }

    async fn stop(mut self) {
        for account in &self.accounts {
            account.board.post(|w| w.is_stopping = true);
        }
        let ended = async { while self.lanes.join_next().await.is_some() {} };
        let _late = tokio::time::timeout(GOODBYE, ended).await;
        self.lanes.shutdown().await;
        self.tasks.shutdown().await;
        let db = self.db.clone();
        let _closed = tokio::task::spawn_blocking(move || db.close()).await;
        let _gone = self.events.try_send(Event::Stopped);
    }
}

fn all_mailboxes(reader: &crate::store::Reader) -> Result<Vec<MailboxKey>> {
    let mut keys = Vec::new();
    for account in reader.accounts()? {
        keys.extend(reader.mailboxes(account.key)?.into_iter().map(|m| m.key));
    }
    Ok(keys)
}

/// Seconds on the clock that stands still while the machine sleeps.
fn awake_secs() -> u64 {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(clock::monotonic).elapsed().as_secs()
}

/// Where there are rounds, asks for one every so often.
async fn intervals(account: Arc<Account>) {
    let mut bell = account.board.listen();
    while !account.board.look(|w| w.is_stopping) {
        if account.board.look(Wishes::has_rounds) {
            tokio::time::sleep(account.setup.interval).await;
            account.board.post(|w| {
                if w.has_rounds() {
                    w.is_sync_wanted = true;
                    w.is_list_due = true;
                    w.is_thorough = true;
                    w.is_replay_due = true;
                    w.is_sending_wanted = true;
                }
            });
        } else if bell.changed().await.is_err() {
            return;
        }
    }
}

/// The user wants to send and receive now.
fn sync_account(account: &Account) {
    if account.board.look(|w| w.is_offline) {
        account.tell("not synchronised: Pillarbox is offline", "go online first");
        return;
    }
    let is_connected = matches!(account.link(), Link::InStep { .. } | Link::Syncing { .. });
    let is_waiting = matches!(account.link(), Link::Waiting { .. });
    account.board.post(|w| {
        w.is_sync_wanted = true;
        w.is_list_due = true;
        w.is_thorough = true;
        w.is_replay_due = true;
        w.is_refused = false;
        w.is_sending_wanted = true;
        w.is_sending_refused = false;
        if let Some(mailbox) = w.looked_at {
            w.pulls.push_front(mailbox);
        }
        // A look into a maildrop that has begun goes on; one that is waited for begins.
        let is_idle = if w.is_local {
            is_waiting
        } else {
            !is_connected
        };
        if is_idle {
            w.generation += 1;
        }
    });
}

/// Another process wrote to the journal, or wants a round: shows it and sends it.
#[cfg(unix)]
async fn listen(bell: super::owner::Bell, accounts: Vec<Arc<Account>>, changes: Arc<Changes>) {
    loop {
        let is_sync = bell.rung().await;
        for account in &accounts {
            if is_sync {
                sync_account(account);
                sender::hurry(account).await;
            }
            let key = account.key;
            if let Ok(mailboxes) = account.db.read(move |r| r.mailboxes(key)).await {
                changes.mailboxes(mailboxes.into_iter().map(|m| m.key));
            }
            let name = account.setup.name.clone();
            let drop = account.db.read_long(move |r| r.maildrop(&name)).await;
            let is_wanted = drop.is_ok_and(|rows| rows.iter().any(|row| row.is_wanted));
            account.board.post(|w| {
                w.is_replay_due = true;
                // The rest of a large message was asked for.
                w.is_sync_wanted |= is_wanted;
            });
        }
        changes.outbox();
    }
}
