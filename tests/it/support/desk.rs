//! An engine without a screen: commands in, events out, as the front would see them.
//!
//! Used by the tests of synchronisation. It must never look into the store: what a test asserts is
//! what a user would have on the screen.

use super::Dovecot;
use pillarbox::bus::{
    AccountView, CardDeed, Command, Completion, Event, Link, RequestId, WritingCommand,
    WritingEvent,
};
use pillarbox::engine::clock::monotonic;
use pillarbox::engine::{AccountSetup, Engine, Gpg, Keep, Setup, Writing};
use pillarbox::model::{
    Folding, ListRow, Mailbox, MailboxKey, OpKind, OutboxItem, PartId, Placed, Reading, Scope,
    Secret, Sort, SyncMode, ViewSpec,
};
use pillarbox::net::{Login, Options, Security, Server};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The longest wait for anything the engine is to do.
const PATIENCE: Duration = Duration::from_secs(40);

/// How often an engine of the tests asks for what it is not told.
const SOON: Duration = Duration::from_secs(1);

/// One running engine.
pub(crate) struct Desk {
    runtime: tokio::runtime::Runtime,
    engine: Option<Engine>,
    /// The accounts as last told.
    pub(crate) tree: Vec<AccountView>,
    /// Everything told that is not a reply, for assertions about notices.
    pub(crate) news: Vec<Event>,
    next: u64,
    /// Told of a change since this was cleared.
    is_changed: bool,
}

/// The request that an answer is to.
const fn request_of(answer: &WritingEvent) -> Option<RequestId> {
    match answer {
        WritingEvent::Outbox { request, .. }
        | WritingEvent::Queued { request, .. }
        | WritingEvent::Cancelled { request, .. } => Some(*request),
        _ => None,
    }
}

/// The setup of one account on that server.
pub(crate) fn account(dovecot: &Dovecot, user: &str) -> AccountSetup {
    account_at(
        dovecot.imaps,
        Security::Implicit,
        Some(&dovecot.ca_file),
        user,
    )
}

/// The setup of one account at that port.
pub(crate) fn account_at(
    port: u16,
    security: Security,
    ca_file: Option<&Path>,
    user: &str,
) -> AccountSetup {
    let login_user = user.to_owned();
    AccountSetup {
        name: user.to_owned(),
        address: format!("{user}@example.org"),
        server: Server {
            host: "localhost".to_owned(),
            port,
            security,
            ca_file: ca_file.map(Path::to_owned),
        },
        login: Arc::new(move || {
            let password = Secret::new("pass".to_owned());
            Ok(Login::Password {
                user: login_user.clone(),
                password,
            })
        }),
        options: Options {
            poll: SOON,
            ..Options::default()
        },
        mode: SyncMode::Push,
        interval: Duration::from_secs(300),
        list_every: SOON,
        keep: Keep::Headers,
        maildrop: None,
        roles: BTreeMap::new(),
        trusted_authserv: String::new(),
        writing: Writing::default(),
        outgoing: None,
    }
}

impl Desk {
    /// Starts an engine on a data directory.
    pub(crate) fn start(data_dir: &Path, accounts: Vec<AccountSetup>) -> Self {
        Self::start_offline(data_dir, accounts, false)
    }

    /// Starts an engine that may be offline from the start.
    pub(crate) fn start_offline(
        data_dir: &Path,
        accounts: Vec<AccountSetup>,
        is_offline: bool,
    ) -> Self {
        Self::start_with(Setup {
            data_dir: data_dir.to_owned(),
            downloads: data_dir.join("downloads"),
            templates: data_dir.join("templates"),
            accounts,
            directory: pillarbox::config::Directory::default(),
            spelling: String::new(),
            web: pillarbox::net::http::Limits::default(),
            gpg: Gpg::default(),
            is_offline,
        })
    }

    /// Starts an engine with a setup of the test's own.
    pub(crate) fn start_with(setup: Setup) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let engine = runtime.block_on(async { Engine::start(setup) }).unwrap();
        Self {
            runtime,
            engine: Some(engine),
            tree: Vec::new(),
            news: Vec::new(),
            next: 0,
            is_changed: false,
        }
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, command: Command) {
        self.engine
            .as_ref()
            .unwrap()
            .commands
            .try_send(command)
            .unwrap();
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.next += 1;
        RequestId(self.next)
    }

    fn event(&mut self, wait: Duration) -> Option<Event> {
        let engine = self.engine.as_mut().unwrap();
        let received = async { tokio::time::timeout(wait, engine.events.recv()).await };
        let event = self.runtime.block_on(received).ok()??;
        if let Event::Tree(tree) = &event {
            self.tree.clone_from(tree);
        }
        self.is_changed |= matches!(event, Event::Changed(_) | Event::Tree(_));
        Some(event)
    }

    /// Takes events until `found` makes something of one; others are kept as news.
    pub(super) fn until<T>(&mut self, what: &str, mut found: impl FnMut(&Event) -> Option<T>) -> T {
        let begun = monotonic();
        while begun.elapsed() < PATIENCE {
            if let Some(event) = self.event(Duration::from_millis(100)) {
                if let Some(value) = found(&event) {
                    return value;
                }
                if !matches!(event, Event::Tree(_) | Event::Changed(_)) {
                    self.news.push(event);
                }
            }
        }
        panic!(
            "waited in vain for {what}; accounts: {:?}; news: {:?}",
            self.tree, self.news
        );
    }

    /// Takes what comes for so long, as a screen does on which nothing is asked for.
    pub(crate) fn listen(&mut self, time: Duration) {
        let begun = monotonic();
        while begun.elapsed() < time {
            if let Some(event) = self.event(time.saturating_sub(begun.elapsed()))
                && !matches!(event, Event::Tree(_) | Event::Changed(_))
            {
                self.news.push(event);
            }
        }
    }

    /// Waits until the accounts stand so.
    pub(crate) fn wait_tree<T>(
        &mut self,
        what: &str,
        found: impl Fn(&[AccountView]) -> Option<T>,
    ) -> T {
        if let Some(value) = found(&self.tree) {
            return value;
        }
        self.until(what, |event| match event {
            Event::Tree(tree) => found(tree),
            _ => None,
        })
    }

    /// Waits until the first account is in step.
    pub(crate) fn wait_in_step(&mut self) {
        self.wait_tree("being in step", |tree| {
            matches!(tree.first()?.link, Link::InStep { .. }).then_some(())
        });
    }

    /// The mailbox of that name, waited for.
    pub(crate) fn mailbox(&mut self, name: &str) -> Mailbox {
        let name = name.to_owned();
        self.wait_tree(&format!("the mailbox {name}"), |tree| {
            tree.iter()
                .flat_map(|a| &a.mailboxes)
                .find(|m| m.name == name)
                .cloned()
        })
    }

    /// The rows of a mailbox as they are now, newest first, threads unfolded or not at all.
    pub(crate) fn rows(&mut self, mailbox: MailboxKey) -> Vec<ListRow> {
        self.window(mailbox, None).0
    }

    /// The rows of a view of a mailbox, and whether the view is complete.
    pub(crate) fn window(
        &mut self,
        mailbox: MailboxKey,
        threads: Option<Folding>,
    ) -> (Vec<ListRow>, u32) {
        let request = self.request();
        let view = ViewSpec {
            scope: Scope::Mailbox(mailbox),
            filter: None,
            sort: Sort::Newest,
            threads,
        };
        self.send(Command::LoadWindow {
            request,
            view,
            offset: 0,
            len: 500,
            around: None,
        });
        self.until("a window", |event| match event {
            Event::Window {
                request: r,
                rows,
                total,
                ..
            } if *r == request => Some((rows.clone(), *total)),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => panic!("{problem:?}"),
            _ => None,
        })
    }

    /// How many rows a mailbox is said to have when a screenful is asked for.
    pub(crate) fn length(&mut self, mailbox: MailboxKey) -> u32 {
        let request = self.request();
        let view = ViewSpec {
            scope: Scope::Mailbox(mailbox),
            filter: None,
            sort: Sort::Newest,
            threads: None,
        };
        self.send(Command::LoadWindow {
            request,
            view,
            offset: 0,
            len: 40,
            around: None,
        });
        self.until("a window", |event| match event {
            Event::Window {
                request: r, total, ..
            } if *r == request => Some(*total),
            _ => None,
        })
    }

    /// Asks for the rows of a mailbox, only after being told that something changed, until they
    /// are as wanted: what a front does that nobody presses a key on.
    pub(crate) fn wait_rows(
        &mut self,
        what: &str,
        mailbox: MailboxKey,
        is_so: impl Fn(&[ListRow]) -> bool,
    ) -> Vec<ListRow> {
        let begun = monotonic();
        loop {
            self.is_changed = false;
            let rows = self.rows(mailbox);
            if is_so(&rows) {
                return rows;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {what}; rows: {rows:#?}"
            );
            // The notice may have come before the rows, which are older then.
            if !self.is_changed {
                self.until(&format!("{what} (a notice of a change)"), |event| {
                    matches!(event, Event::Changed(_) | Event::Tree(_)).then_some(())
                });
            }
        }
    }

    /// Waits until something was told, now or before, that is not a reply.
    pub(crate) fn wait_news(&mut self, what: &str, found: impl Fn(&Event) -> bool) {
        if !self.news.iter().any(&found) {
            self.until(what, |event| found(event).then_some(()));
        }
    }

    /// Applies a change and returns what the notice says.
    pub(crate) fn apply(&mut self, kind: OpKind, targets: Vec<Placed>) -> String {
        let request = self.request();
        self.send(Command::Apply {
            request,
            kind,
            targets,
            is_automatic: false,
        });
        self.applied(request)
    }

    /// Says something about what is written or sent; what is answered, or why it cannot be done.
    pub(crate) fn write(
        &mut self,
        command: impl FnOnce(RequestId) -> WritingCommand,
    ) -> Result<WritingEvent, String> {
        let request = self.request();
        self.send(Command::Writing(command(request)));
        self.until("an answer", |event| match event {
            Event::Writing(answer) if request_of(answer) == Some(request) => {
                Some(Ok(answer.clone()))
            }
            Event::Failed {
                request: r,
                problem,
            } if *r == request => Some(Err(problem.summary.as_str().to_owned())),
            _ => None,
        })
    }

    /// What is in the outbox.
    pub(crate) fn outbox(&mut self) -> Vec<OutboxItem> {
        match self.write(|request| WritingCommand::LoadOutbox { request }) {
            Ok(WritingEvent::Outbox { items, .. }) => items,
            other => panic!("{other:?}"),
        }
    }

    /// Undoes the last change and returns what the notice says.
    pub(crate) fn undo(&mut self) -> String {
        let request = self.request();
        self.send(Command::Undo { request });
        self.applied(request)
    }

    /// The last answer to what was typed of an address.
    pub(crate) fn completions(&mut self, typed: &str) -> Vec<Completion> {
        let request = self.request();
        let account = self.wait_tree("an account", |tree| Some(tree.first()?.key));
        self.send(Command::Writing(WritingCommand::Complete {
            request,
            account,
            typed: typed.to_owned(),
        }));
        self.until("completions", |event| match event {
            Event::Writing(WritingEvent::Completions {
                request: r,
                items,
                is_final: true,
            }) if *r == request => Some(items.clone()),
            _ => None,
        })
    }

    /// Types the same again until the answer is as wanted.
    pub(crate) fn wait_completions(
        &mut self,
        typed: &str,
        is_so: impl Fn(&[Completion]) -> bool,
    ) -> Vec<Completion> {
        let begun = monotonic();
        loop {
            let items = self.completions(typed);
            if is_so(&items) {
                return items;
            }
            assert!(begun.elapsed() < PATIENCE, "in vain: {items:#?}");
            self.listen(Duration::from_millis(50));
        }
    }

    fn applied(&mut self, request: RequestId) -> String {
        self.until("a change to be applied", |event| match event {
            Event::Applied {
                request: r, label, ..
            } if *r == request => Some(label.as_str().to_owned()),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => panic!("{problem:?}"),
            _ => None,
        })
    }

    /// Opens a message and waits for its whole text, or for the reason why there is none.
    pub(crate) fn open(&mut self, placed: Placed) -> Result<Reading, String> {
        self.open_inside(placed, PartId::default())
    }

    /// The same for a part of it that is a message of its own.
    pub(crate) fn open_inside(
        &mut self,
        placed: Placed,
        inside: PartId,
    ) -> Result<Reading, String> {
        let request = self.request();
        let form = pillarbox::bus::Form::Auto;
        self.send(Command::OpenMessage {
            request,
            placed,
            inside,
            width: 80,
            form,
        });
        self.until("a message", |event| match event {
            Event::Message {
                request: r,
                reading,
                progress: None,
                ..
            } if *r == request => Some(Ok((**reading).clone())),
            Event::Unavailable { request: r, why } if *r == request => {
                Some(Err(why.as_str().to_owned()))
            }
            _ => None,
        })
    }

    /// Does what a card offers: what was said of it, or why it was not done.
    pub(crate) fn card(&mut self, placed: Placed, deed: CardDeed) -> Result<String, String> {
        let request = self.request();
        self.send(Command::Card {
            request,
            placed,
            deed,
        });
        self.until("a card", |event| match event {
            Event::CardDone {
                request: r, text, ..
            } if *r == request => Some(Ok(text.to_string())),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => Some(Err(format!("{}; {}", problem.summary, problem.hint))),
            _ => None,
        })
    }

    /// Saves all attachments of a message; the files.
    pub(crate) fn save(&mut self, placed: Placed) -> Vec<std::path::PathBuf> {
        self.save_parts(placed, Vec::new())
    }

    /// The same for some of them.
    pub(crate) fn save_parts(
        &mut self,
        placed: Placed,
        parts: Vec<PartId>,
    ) -> Vec<std::path::PathBuf> {
        let request = self.request();
        self.send(Command::Save {
            request,
            placed,
            parts,
            folder: None,
        });
        self.until("the attachments to be saved", |event| match event {
            Event::Saved { request: r, files } if *r == request => Some(files.clone()),
            Event::Failed {
                request: r,
                problem,
            } if *r == request => panic!("{problem:?}"),
            _ => None,
        })
    }

    /// Ends the engine as a quit does.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(engine) = self.engine.take() {
            let _full = engine.commands.try_send(Command::Quit);
            self.runtime.block_on(engine.join());
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.end();
    }
}

/// The subjects of rows, in order.
pub(crate) fn subjects(rows: &[ListRow]) -> Vec<&str> {
    rows.iter().map(|r| r.subject.as_str()).collect()
}

/// Where a row's message lies.
pub(crate) fn placed(row: &ListRow) -> Placed {
    Placed {
        message: row.message,
        mailbox: row.mailbox,
    }
}
