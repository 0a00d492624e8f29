//! Actions on sending and receiving, and on the program itself.
//!
//! Called through the table. Quitting must never lose a change: what is pending stays in the store.

use super::{Availability, Count, actions};
use crate::app::overlay::Confirmed;
use crate::app::picker::Choice;
use crate::app::{
    Activity, App, Colours, Confirm, Context, Effect, Help, Item, Overlay, PickerKind, Prompt,
    PromptKind, link_word,
};
use crate::bus::{Command, SyncMode};
use crate::model::{AccountKey, Safe};

pub(super) fn has_account(app: &App) -> Availability {
    if app.accounts.is_empty() {
        Availability::No("no account is known yet")
    } else {
        Availability::Yes
    }
}

/// The account that is looked at, or that of the message at hand.
fn account_here(app: &App) -> Option<AccountKey> {
    let of_row = || app.subject_row().map(|row| row.account);
    app.current_account().map(|a| a.key).or_else(of_row)
}

pub(super) fn sync(app: &mut App, _: Count) -> Vec<Effect> {
    let account = account_here(app);
    let name = account
        .and_then(|key| app.account(key))
        .map(|a| a.name.clone());
    let name = name.unwrap_or_else(|| Safe::fixed("all accounts"));
    let mut effects = app.say(Safe::join(
        &[Safe::fixed("Sending and receiving for"), name],
        " ",
    ));
    effects.push(Effect::Engine(Command::SyncNow(account)));
    effects
}

pub(super) fn sync_all(app: &mut App, _: Count) -> Vec<Effect> {
    let mut effects = app.say(Safe::fixed("Sending and receiving for all accounts"));
    effects.push(Effect::Engine(Command::SyncNow(None)));
    effects
}

const fn mode_meaning(mode: SyncMode, is_maildrop: bool) -> (&'static str, &'static str) {
    match mode {
        SyncMode::Push if is_maildrop => ("p", "At the start and every few minutes"),
        SyncMode::Push => ("p", "Stay connected: new mail at once"),
        SyncMode::OnStart => ("s", "At the start, then when asked"),
        SyncMode::Manual => ("m", "Only when asked"),
        SyncMode::Interval => ("i", "Every few minutes"),
    }
}

pub(super) fn sync_mode(app: &mut App, _: Count) -> Vec<Effect> {
    let account = account_here(app);
    let view = account.and_then(|key| app.account(key));
    let now = view.map(|a| a.mode);
    let is_maildrop = view.is_some_and(|a| a.is_maildrop);
    let items = SyncMode::ALL.into_iter().map(|mode| {
        let (key, label) = mode_meaning(mode, is_maildrop);
        let mark = if now == Some(mode) { "now" } else { "" };
        Item::menu(key, label, Choice::Mode(account, mode)).with_detail(Safe::fixed(mark))
    });
    app.open_picker("When to connect", PickerKind::Menu, items.collect())
}

pub(super) fn cycle_mode(app: &mut App, _: Count) -> Vec<Effect> {
    let account = account_here(app);
    let now = account
        .and_then(|key| app.account(key))
        .or(app.accounts.first());
    let now = now.map_or(SyncMode::Push, |a| a.mode);
    let at = SyncMode::ALL.iter().position(|m| *m == now).unwrap_or(0);
    let next = SyncMode::ALL.get((at + 1) % SyncMode::ALL.len());
    app.set_mode(account, next.copied().unwrap_or_default())
}

pub(super) fn toggle_offline(app: &mut App, _: Count) -> Vec<Effect> {
    app.is_offline = !app.is_offline;
    let text = if app.is_offline {
        "Working offline; changes are kept and sent later"
    } else {
        "Going back online"
    };
    let mut effects = app.say(Safe::fixed(text));
    effects.push(Effect::Engine(Command::SetOffline(app.is_offline)));
    effects
}

pub(super) fn activity(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Activity(Activity::default()));
    Vec::new()
}

/// Closes the pane; in the list, ends the program, and asks if changes wait.
pub(super) fn close(app: &mut App, count: Count) -> Vec<Effect> {
    if app.focus == Context::List && super::motion::is_at_root(app) {
        return quit(app, count);
    }
    super::motion::back(app, count)
}

pub(super) fn quit(app: &mut App, _: Count) -> Vec<Effect> {
    let (pending, jobs) = (app.pending_changes(), app.jobs.len());
    if pending == 0 && jobs == 0 {
        return vec![Effect::Quit];
    }
    let mut lines = Vec::new();
    if pending > 0 {
        let text = match pending {
            1 => "1 change has not reached the server yet.".to_owned(),
            n => format!("{n} changes have not reached the server yet."),
        };
        lines.push(Safe::line(&text));
        lines.push(Safe::fixed("They are kept, and sent at the next start."));
    }
    if jobs > 0 {
        lines.push(Safe::fixed(
            "A file is still being saved; it would be cut off.",
        ));
    }
    app.overlay = Some(Overlay::Confirm(Confirm {
        lines,
        ..Confirm::new("Quit now?", "quit", Confirmed::Quit)
    }));
    Vec::new()
}

pub(super) fn help(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Help(Help::new(app.focus, &app.keymap)));
    Vec::new()
}

pub(super) fn palette(app: &mut App, _: Count) -> Vec<Effect> {
    let here = app.focus;
    let all = actions().iter().enumerate();
    let mut items: Vec<(bool, u8, Item)> = all
        .filter(|(_, action)| action.id != "palette")
        .map(|(index, action)| {
            let dim = if action.is_in(here) {
                match (action.available)(app) {
                    Availability::Yes => None,
                    Availability::No(why) => Some(app.with_keys(why)),
                }
            } else {
                Some(Safe::fixed("not in this pane"))
            };
            let item = Item {
                key: app.keymap.first(action.id, here),
                words: action.words,
                dim,
                ..Item::new(action.title_now(app), Choice::Action(index))
            };
            // What is used most comes first, as in the line of keys.
            let rank = action.rank(here).wrapping_sub(1);
            (item.dim.is_some(), rank, item)
        })
        .collect();
    items.sort_by_key(|(is_dim, rank, _)| (*is_dim, *rank));
    let items = items.into_iter().map(|(_, _, item)| item).collect();
    app.open_picker("What do you want to do?", PickerKind::Palette, items)
}

pub(super) fn command(app: &mut App, _: Count) -> Vec<Effect> {
    app.overlay = Some(Overlay::Prompt(Prompt::new(app, PromptKind::Command)));
    Vec::new()
}

pub(super) fn next_theme(app: &mut App, _: Count) -> Vec<Effect> {
    let all = Colours::ALL;
    let at = all
        .iter()
        .position(|c| *c == app.settings.colours)
        .unwrap_or(0);
    let next = all.get((at + 1) % all.len()).copied().unwrap_or_default();
    app.settings.colours = next;
    app.say(Safe::join(
        &[Safe::fixed("Colours:"), Safe::fixed(next.name())],
        " ",
    ))
}

/// What switching would do now.
pub(super) fn linear_title(app: &App) -> Option<Safe> {
    let text = "Use panes instead of plain lines";
    app.is_linear().then(|| Safe::fixed(text))
}

/// Draws plain lines for a screen reader, or panes.
pub(super) fn toggle_linear(app: &mut App, _: Count) -> Vec<Effect> {
    let is_linear = !app.is_linear();
    app.settings.is_linear = is_linear;
    app.say(Safe::fixed(if is_linear {
        "Plain lines, one pane at a time"
    } else {
        "Panes side by side"
    }))
}

pub(super) fn redraw(_: &mut App, _: Count) -> Vec<Effect> {
    vec![Effect::Redraw]
}

pub(super) fn suspend(_: &mut App, _: Count) -> Vec<Effect> {
    vec![Effect::Suspend]
}

impl App {
    /// Sets when an account connects.
    pub(in crate::app) fn set_mode(
        &mut self,
        account: Option<AccountKey>,
        mode: SyncMode,
    ) -> Vec<Effect> {
        let view = account.and_then(|key| self.account(key));
        let name = view.map_or_else(|| Safe::fixed("all accounts"), |a| a.name.clone());
        let is_maildrop = view.is_some_and(|a| a.is_maildrop);
        let meaning = mode_meaning(mode, is_maildrop).1.to_lowercase();
        let text = format!("When to connect for {name}: {meaning}");
        let mut effects = self.say(Safe::line(&text));
        effects.push(Effect::Engine(Command::SetMode { account, mode }));
        effects
    }

    /// How an account stands, in words.
    #[must_use]
    pub fn link_text(&self, account: &crate::bus::AccountView) -> Safe {
        use crate::bus::Link;
        match &account.link {
            Link::Waiting {
                secs,
                is_put_off,
                why,
            } => {
                let passed = self.monotonic_ms.saturating_sub(self.accounts_at_ms) / 1000;
                let left = u64::from(*secs).saturating_sub(passed);
                let text = match (left, is_put_off) {
                    (0, true) => format!("{why}, trying again"),
                    (n, true) => format!("{why}, again in {n} s"),
                    (0, false) => format!("offline, trying again ({why})"),
                    (n, false) => format!("offline, retry in {n} s ({why})"),
                };
                Safe::line(&text)
            }
            Link::Stopped {
                why,
                can_retry: false,
            } => Safe::join(&[Safe::fixed("stopped:"), why.clone()], " "),
            Link::Stopped { why, .. } => {
                let retry = self.keymap.first("sync-all", self.focus);
                Safe::line(&format!("stopped, {retry} tries again: {why}"))
            }
            Link::Syncing {
                mailbox,
                done,
                total,
            } => {
                let text = match total {
                    n if mailbox.is_empty() => format!("fetching {done} of {n}"),
                    0 => format!("syncing {mailbox}"),
                    n => format!("syncing {mailbox} {done}/{n}"),
                };
                Safe::line(&text)
            }
            Link::Checked { secs } => Safe::line(&format!("checked {}", self.clock(*secs))),
            Link::Idle if self.is_offline => Safe::fixed("offline"),
            Link::Idle if account.mode == SyncMode::Manual => {
                let sync = self.keymap.first("sync-all", self.focus);
                Safe::line(&format!("by hand, {sync} fetches"))
            }
            other @ (Link::Idle | Link::Connecting | Link::InStep { .. }) => {
                Safe::fixed(link_word(other))
            }
        }
    }
}
