//! What the engine tells: replies that are awaited, notices that make things stale.
//!
//! Called by `update`. A reply whose request is no longer awaited must never change anything.

use super::actions::page_made;
use super::activity;
use super::compose;
use super::gallery;
use super::gather::{Gather, Purpose, Turn};
use super::list::Window;
use super::settle::turn_to;
use super::{Activity, App, Body, Effect, NoticeKind, Target, stops, taking};
use crate::bus::{AccountView, Command, Event, Problem, RequestId, Take};
use crate::model::{ListRow, MailboxKey, Placed, Reading, Rest, Role, Safe, Scope};
use std::path::PathBuf;

/// How many different tags are remembered for completion.
const TAGS_MAX: usize = 500;

/// Takes an event of the engine.
pub(super) fn event(app: &mut App, event: Event) -> Vec<Effect> {
    match event {
        Event::Tree(accounts) => tree(app, accounts),
        Event::Window {
            request,
            offset,
            rows,
            total,
            around,
            is_complete,
        } => {
            let window = Window {
                offset,
                rows,
                total,
                around,
                is_complete,
            };
            self::window(app, request, window)
        }
        Event::Message {
            request,
            placed,
            reading,
            progress,
        } => message(app, request, placed, reading, progress),
        Event::Unavailable { request, why } => {
            unavailable(app, request, &why);
            Vec::new()
        }
        Event::Source { request, lines } => source(app, request, lines),
        Event::Applied {
            request,
            op,
            label,
            can_undo,
            undo,
        } => {
            let is_done = op.is_some();
            let undo = (can_undo && is_done).then_some(undo);
            applied(app, request, is_done, label, undo)
        }
        Event::Activity { request, ops } => {
            activity::receive(app, request, ops);
            Vec::new()
        }
        Event::Saved { request, files } => saved(app, request, &files),
        Event::CardDone {
            request,
            placed,
            text,
        } => card_done(app, request, placed, text),
        Event::Taken(event) => taking::event(app, event),
        page @ Event::Page { .. } => page_made(app, page),
        Event::Writing(event) => compose::event(app, event),
        Event::Progress {
            request,
            done,
            total,
        } => {
            progress(app, request, done, total);
            Vec::new()
        }
        picture @ (Event::Picture { .. } | Event::Fetched { .. }) => gallery::event(app, picture),
        Event::Failed { request, problem } => failed(app, request, problem),
        news @ (Event::Changed(_) | Event::Arrived { .. } | Event::Problem(_) | Event::Stopped) => {
            self::news(app, news)
        }
    }
}

fn source(app: &mut App, request: RequestId, lines: Vec<Safe>) -> Vec<Effect> {
    if app.reader.asked_source == Some(request) {
        app.reader.receive_source(lines);
    }
    Vec::new()
}

fn card_done(app: &mut App, request: RequestId, placed: Placed, text: Safe) -> Vec<Effect> {
    app.jobs.remove(&request);
    if app.reader.placed == Some(placed) {
        app.reader.tried = None;
    }
    if text.is_empty() {
        return Vec::new();
    }
    app.say(text)
}

fn progress(app: &mut App, request: RequestId, done: u64, total: u64) {
    if gallery::is_fetching(app, request) {
        gallery::progress(app, request, done, total);
    } else if let Some(job) = app.jobs.get_mut(&request) {
        job.progress = Some((done, total));
    }
}

/// Takes what no request asked for.
fn news(app: &mut App, event: Event) -> Vec<Effect> {
    match event {
        Event::Changed(mailboxes) => {
            changed(app, &mailboxes);
            Vec::new()
        }
        Event::Arrived {
            mailbox,
            count,
            who,
            subject,
        } => arrived(app, mailbox, count, &who, &subject),
        Event::Problem(problem) => app.complain(problem.summary, problem.hint),
        Event::Stopped => app.complain(
            Safe::fixed("The mail engine has stopped; nothing is sent or fetched any more"),
            Safe::fixed("quit with Q and start again; no change is lost"),
        ),
        _ => Vec::new(),
    }
}

fn tree(app: &mut App, accounts: Vec<AccountView>) -> Vec<Effect> {
    app.is_tree_asked = false;
    app.accounts_at_ms = app.monotonic_ms;
    app.accounts = accounts;
    app.sidebar.rebuild(&app.accounts);
    reveal(app);
    stops::set_stale::<Activity>(app);
    let is_gone = match &app.list.view().scope {
        Scope::Mailbox(key) => app.mailbox(*key).is_none(),
        Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => false,
    };
    let has_mailboxes = app.accounts.iter().any(|a| !a.mailboxes.is_empty());
    app.is_tree_loaded = true;
    if !has_mailboxes {
        return Vec::new();
    }
    // A search through all folders is at no place of the tree, and stays.
    let is_first = !std::mem::replace(&mut app.is_home_opened, true);
    if !(is_first || is_gone) {
        return Vec::new();
    }
    // Who has just deleted it is told of that, and of the undo.
    let is_told = app.notices.is_undoable();
    let mut effects = if is_gone && !is_first && !is_told {
        app.say(Safe::fixed("The folder is gone; here is the inbox"))
    } else {
        Vec::new()
    };
    effects.extend(app.open_home());
    effects
}

/// Shows a folder that was made or renamed, once it is there.
fn reveal(app: &mut App) {
    let Some(wanted) = &app.reveal else {
        return;
    };
    let all = app.accounts.iter().flat_map(|a| &a.mailboxes);
    let mut found = all.filter(|m| m.account == wanted.account && m.name == wanted.name);
    if let Some(key) = found.next().map(|m| m.key) {
        app.reveal = None;
        app.sidebar.reveal(&app.accounts, key);
    }
}

fn window(app: &mut App, request: RequestId, window: Window) -> Vec<Effect> {
    for tag in window
        .rows
        .iter()
        .flat_map(|r: &ListRow| r.flags.keywords())
    {
        let is_ours = !tag.as_str().starts_with('$');
        if is_ours && app.tags.len() < TAGS_MAX && !app.tags.contains(tag.as_str()) {
            app.tags.insert(tag.as_str().to_owned());
        }
    }
    if app.list.awaits(request) {
        let height = app.list_height();
        if is_coming_up(app) {
            app.list.unpin();
        }
        app.list.receive(window, height);
        return Vec::new();
    }
    if let Some(effects) = super::conversation::window(app, request, &window.rows) {
        return effects;
    }
    let Some(mut gather) = app.gather.take().filter(|g| g.request == request) else {
        return Vec::new();
    };
    match gather.receive(&window) {
        Turn::More(command) => {
            app.gather = Some(gather);
            vec![Effect::Engine(command)]
        }
        Turn::Done => gathered(app, gather),
        Turn::Found(index) => {
            app.list.move_to(index);
            Vec::new()
        }
    }
}

fn gathered(app: &mut App, gather: Gather) -> Vec<Effect> {
    match gather.purpose {
        Purpose::NextUnread => app.say(Safe::fixed("No unread message further down")),
        Purpose::Change(kind) => app.submit(kind, gather.found.into_iter().collect()),
        Purpose::Select => {
            let count = gather.found.len();
            app.list.select(gather.found);
            let text = match count {
                0 => "Nothing matches; nothing was selected".to_owned(),
                1 => "Selected 1 message".to_owned(),
                n => format!("Selected {n} messages"),
            };
            app.say(Safe::line(&text))
        }
    }
}

fn message(
    app: &mut App,
    request: RequestId,
    placed: Placed,
    reading: Box<Reading>,
    progress: Option<(u64, u64)>,
) -> Vec<Effect> {
    let is_awaited = app.reader.asked.is_some_and(|a| a.request == request);
    if !is_awaited {
        let mut reading = Some(reading);
        super::conversation::message(app, request, &mut reading, progress);
        return Vec::new();
    }
    if progress.is_none() {
        app.reader.asked = None;
    }
    if app.reader.placed != Some(placed) {
        return Vec::new();
    }
    let height = app.reader_height();
    app.reader.receive(reading, progress, height);
    if progress.is_some() {
        return Vec::new();
    }
    prefetch(app, placed)
}

/// Has the messages around the open one fetched, where they are not here yet.
fn prefetch(app: &App, placed: Placed) -> Vec<Effect> {
    let Some((index, _)) = app.list.find(placed) else {
        return Vec::new();
    };
    let around = [index.checked_add(1), index.checked_sub(1)];
    let rows = around.into_iter().flatten().filter_map(|n| app.list.row(n));
    let wanted: Vec<Placed> = rows
        .filter(|row| !row.is_here)
        .map(super::list::placed)
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    vec![Effect::Engine(Command::Prefetch(wanted))]
}

/// Whether the request was for a text; then the reader says why there is none.
fn unavailable(app: &mut App, request: RequestId, why: &Safe) -> bool {
    if app.reader.asked_source == Some(request) {
        app.reader.receive_source(vec![why.clone()]);
        return true;
    }
    let Some(asked) = app.reader.asked.filter(|a| a.request == request) else {
        return super::conversation::unavailable(app, request, why);
    };
    app.reader.asked = None;
    if app.reader.placed == Some(asked.placed) {
        app.reader.body = Body::Unavailable(why.clone());
        app.reader.progress = None;
        app.reader.lay_out();
    }
    true
}

/// A change is on disk. `undo`: it can be taken back, and what that would do, where more than the
/// word says.
fn applied(
    app: &mut App,
    request: RequestId,
    is_done: bool,
    label: Safe,
    undo: Option<Safe>,
) -> Vec<Effect> {
    if app.quiet.remove(&request) {
        return Vec::new();
    }
    if is_done {
        // Something newer was done: that is what is taken back next.
        app.writing.undo = None;
    }
    let was_undo = app.undo.take_if(|asked| *asked == request).is_some();
    let (kind, hint) = match undo {
        _ if was_undo && is_done => (NoticeKind::Redoable, Safe::default()),
        Some(undo) => (NoticeKind::Undoable, undo),
        None => (NoticeKind::Done, Safe::default()),
    };
    vec![app.notices.show(kind, label, hint)]
}

fn saved(app: &mut App, request: RequestId, files: &[PathBuf]) -> Vec<Effect> {
    app.jobs.remove(&request);
    app.takings.remove(&request);
    app.saved = files.to_vec();
    let shown = |path: &PathBuf| path.display().to_string();
    let text = match files {
        [] => "There was nothing to save".to_owned(),
        [one] => format!("Saved {}", shown(one)),
        [first, ..] => {
            let folder = first.parent().map(|p| p.display().to_string());
            format!(
                "Saved {} files in {}",
                files.len(),
                folder.unwrap_or_default()
            )
        }
    };
    app.say(Safe::line(&text))
}

fn changed(app: &mut App, mailboxes: &[MailboxKey]) {
    let concerns = match &app.list.view().scope {
        Scope::Mailbox(key) => mailboxes.contains(key),
        Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => true,
    };
    if concerns {
        app.list.set_stale();
    }
    super::conversation::set_stale(app);
    // The rest of a message of which only the header was here may have come.
    let is_header = app.reader.reading().is_some_and(|r| r.rest != Rest::Here);
    if is_header
        && app
            .reader
            .placed
            .is_some_and(|p| mailboxes.contains(&p.mailbox))
    {
        app.reader.tried = None;
    }
    app.is_tree_stale = true;
    stops::set_stale::<Activity>(app);
}

fn arrived(
    app: &mut App,
    mailbox: MailboxKey,
    count: u32,
    who: &Safe,
    subject: &Safe,
) -> Vec<Effect> {
    let place = app.mailbox(mailbox).map(super::mailbox_label);
    let place = place.unwrap_or_else(|| Safe::fixed("a folder"));
    let text = match count {
        0 | 1 => format!("New in {place}: {who}: {subject}"),
        n => format!("{n} new in {place}, the latest from {who}: {subject}"),
    };
    // The list tells of it, too; what undo would do now is told only here.
    let mut effects = if app.notices.is_pressing() {
        Vec::new()
    } else {
        app.say(Safe::line(&text))
    };
    if app.settings.has_bell {
        effects.push(Effect::Bell);
    }
    effects
}

fn failed(app: &mut App, request: RequestId, problem: Problem) -> Vec<Effect> {
    app.jobs.remove(&request);
    app.takings.remove(&request);
    app.quiet.remove(&request);
    if app.list.awaits(request) {
        app.list.give_up();
    }
    app.gather = app.gather.take().filter(|g| g.request != request);
    if let Some(left) = app.left.take_if(|left| left.request == request) {
        // What seemed to have left the list has not.
        app.list.set_stale();
        if let Some(at) = left.cursor.filter(|_| app.focus == super::Context::List) {
            app.list.expect(at);
        }
    }
    stops::failed::<Activity>(app, request);
    if let Some(effects) = compose::failed(app, request, &problem) {
        return effects;
    }
    let text = Safe::join(&[problem.summary.clone(), problem.hint.clone()], "; ");
    if unavailable(app, request, &text) {
        return Vec::new();
    }
    app.complain(problem.summary, problem.hint)
}

/// The engine's channel was full. What can wait is asked for again; a change is given back.
pub(super) fn refused(app: &mut App, command: &Command) -> Vec<Effect> {
    match command {
        Command::LoadTree => {
            (app.is_tree_asked, app.is_tree_stale) = (false, true);
            Vec::new()
        }
        Command::LoadWindow { request, .. } if app.list.awaits(*request) => {
            app.list.ask_again();
            Vec::new()
        }
        Command::OpenMessage { request, .. } => {
            if app.reader.asked.is_some_and(|a| a.request == *request) {
                app.reader.asked = None;
                app.reader.tried = None;
            }
            Vec::new()
        }
        Command::LoadWindow { request, .. }
        | Command::LoadSource { request, .. }
        | Command::Apply { request, .. }
        | Command::Undo { request }
        | Command::Redo { request }
        | Command::LoadActivity { request }
        | Command::CancelOp { request, .. }
        | Command::Card { request, .. }
        | Command::Take(Take { request, .. })
        | Command::MakePage { request, .. }
        | Command::Save { request, .. } => {
            let problem = Problem {
                account: None,
                summary: Safe::fixed("The engine is busy; nothing was changed"),
                hint: Safe::fixed("try again in a moment"),
            };
            failed(app, *request, problem)
        }
        Command::LoadPicture { request, .. } => {
            gallery::receive(app, *request, None, Safe::default());
            Vec::new()
        }
        Command::FetchPictures { request, .. } => {
            gallery::fetched(app, *request, 0, 1, &Safe::fixed("the engine is busy"))
        }
        Command::Prefetch(_) | Command::LookAt(_) | Command::Cancel(_) | Command::Quit => {
            Vec::new()
        }
        Command::Writing(command) => compose::refused(app, command),
        Command::SyncNow(_)
        | Command::FetchWhole(_)
        | Command::SetMode { .. }
        | Command::SetOffline(_)
        | Command::AllowPictures { .. }
        | Command::RetryOp(_) => app.complain(
            Safe::fixed("The engine is busy; this was not done"),
            Safe::fixed("try again in a moment"),
        ),
    }
}

impl App {
    /// Opens what a start shows: all inboxes, or the one there is.
    pub(super) fn open_home(&mut self) -> Vec<Effect> {
        let all = || self.accounts.iter().flat_map(|a| &a.mailboxes);
        let inboxes = all().filter(|m| m.role == Some(Role::Inbox)).count();
        let first = all()
            .find(|m| m.role == Some(Role::Inbox))
            .or_else(|| all().find(|m| m.is_selectable))
            .map(|m| m.key);
        match first {
            _ if inboxes > 1 => self.open_target(Target::Role(Role::Inbox)),
            Some(key) => self.open_target(Target::Mailbox(key)),
            None => Vec::new(),
        }
    }

    /// Shows what a row of the sidebar stands for.
    pub(super) fn open_target(&mut self, target: Target) -> Vec<Effect> {
        let Some((scope, base)) = super::sidebar::scope_of(&target) else {
            return Vec::new();
        };
        let mailbox = match &scope {
            Scope::Mailbox(key) => Some(*key),
            Scope::Role(_) | Scope::Everywhere(_) | Scope::Thread(_) => None,
        };
        self.list.show(scope);
        self.list.change_view(|view| view.filter = base);
        self.user_filter = None;
        self.filter_text = Safe::default();
        self.gather = None;
        turn_to(self, None);
        if self.focus == super::Context::Reader {
            self.focus = super::Context::List;
        }
        self.sidebar.go_to(&target);
        self.here = Some(target);
        vec![Effect::Engine(Command::LookAt(mailbox))]
    }

    /// Shows a scope that was picked by name.
    pub(super) fn open_scope(&mut self, scope: Scope) -> Vec<Effect> {
        self.focus = super::Context::List;
        match scope {
            Scope::Mailbox(key) => self.open_target(Target::Mailbox(key)),
            Scope::Role(role) => self.open_target(Target::Role(role)),
            other => {
                self.here = None;
                self.list.show(other);
                vec![Effect::Engine(Command::LookAt(None))]
            }
        }
    }
}

/// Whether the first mail may still be coming in, account by account: the cursor stays on the first row then,
/// and not with the message that happened to be there first.
const fn is_coming_up(app: &App) -> bool {
    const WHILE_MS: u64 = 5_000;
    app.is_untouched && (app.has_tour || app.monotonic_ms < WHILE_MS)
}
