//! Actions that go to folders: by name, by role, the next one, those of another account.
//!
//! Called through the table. Going to a folder must never give the sidebar the keys.

use super::{Availability, Count};
use crate::app::picker::Choice;
use crate::app::{App, Context, Effect, Item, PickerKind, Target, role_name};
use crate::model::{AccountKey, Mailbox, Role, Safe, Scope};

pub(super) fn has_folders(app: &App) -> Availability {
    if app.sidebar.rows().is_empty() {
        Availability::No("no folder is known yet")
    } else {
        Availability::Yes
    }
}

pub(super) fn open(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(row) = app.sidebar.current().cloned() else {
        return Vec::new();
    };
    if !row.is_selectable {
        return fold(app, None);
    }
    app.focus = Context::List;
    app.open_target(row.target)
}

pub(super) fn fold(app: &mut App, _: Count) -> Vec<Effect> {
    app.sidebar.toggle_fold(&app.accounts);
    Vec::new()
}

fn neighbour(app: &mut App, is_forward: bool) -> Vec<Effect> {
    let from = app.here.clone().unwrap_or(Target::Unified);
    match app.sidebar.neighbour(&from, is_forward) {
        Some(target) => app.open_target(target),
        None if is_forward => app.say(Safe::fixed("This is the last folder")),
        None => app.say(Safe::fixed("This is the first folder")),
    }
}

pub(super) fn next(app: &mut App, _: Count) -> Vec<Effect> {
    neighbour(app, true)
}

pub(super) fn previous(app: &mut App, _: Count) -> Vec<Effect> {
    neighbour(app, false)
}

/// A folder's full name as it is chosen by, with its account where there are several.
pub(super) fn folder_label(app: &App, mailbox: &Mailbox) -> Safe {
    let name = match mailbox.role {
        Some(Role::Inbox) => Safe::fixed("Inbox"),
        _ => Safe::line(&mailbox.name),
    };
    match app.account(mailbox.account) {
        Some(account) if app.accounts.len() > 1 => Safe::join(&[account.name.clone(), name], " / "),
        _ => name,
    }
}

/// A folder to choose; it is found by what it is for, too.
pub(super) fn folder_item(app: &App, mailbox: &Mailbox, choice: Choice) -> Item {
    Item {
        words: mailbox.role.map_or("", role_name),
        ..Item::new(folder_label(app, mailbox), choice)
    }
}

pub(super) fn pick(app: &mut App, _: Count) -> Vec<Effect> {
    let mut items = Vec::new();
    if app.accounts.len() > 1 {
        items.push(Item::new(
            Safe::fixed("All inboxes"),
            Choice::Open(Scope::Role(Role::Inbox)),
        ));
    }
    let all = app.accounts.iter().flat_map(|a| &a.mailboxes);
    for mailbox in all.filter(|m| m.is_selectable) {
        let detail = match mailbox.unread {
            0 => String::new(),
            n => format!("{n} unread"),
        };
        let choice = Choice::Open(Scope::Mailbox(mailbox.key));
        items.push(folder_item(app, mailbox, choice).with_detail(Safe::line(&detail)));
    }
    app.open_picker("Go to folder", PickerKind::Fuzzy, items)
}

pub(super) fn pick_account(app: &mut App, _: Count) -> Vec<Effect> {
    let items = app.accounts.iter().map(|account| {
        Item::new(account.name.clone(), Choice::Account(account.key))
            .with_detail(account.address.clone())
    });
    let items = items.collect();
    app.open_picker("Go to account", PickerKind::Fuzzy, items)
}

/// Goes to the folder of that role: of this account, or of all where all are shown together.
fn role(app: &mut App, role: Role) -> Vec<Effect> {
    app.focus = Context::List;
    let account = app.current_account().map(|a| a.key);
    let of_role = |key: AccountKey| {
        let account = app.account(key)?;
        account.mailboxes.iter().find(|m| m.role == Some(role))
    };
    match account {
        Some(key) => match of_role(key).map(|m| m.key) {
            Some(mailbox) => app.open_target(Target::Mailbox(mailbox)),
            None => {
                let text = format!("This account has no folder for {}", role_name(role));
                app.say(Safe::line(&text))
            }
        },
        None => app.open_target(Target::Role(role)),
    }
}

pub(super) fn inbox(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Inbox)
}

pub(super) fn sent(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Sent)
}

pub(super) fn drafts(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Drafts)
}

pub(super) fn archive(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Archive)
}

pub(super) fn junk(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Junk)
}

pub(super) fn trash(app: &mut App, _: Count) -> Vec<Effect> {
    role(app, Role::Trash)
}

pub(super) fn starred(app: &mut App, _: Count) -> Vec<Effect> {
    app.focus = Context::List;
    app.open_target(Target::Starred)
}

pub(super) fn unified(app: &mut App, _: Count) -> Vec<Effect> {
    app.focus = Context::List;
    app.open_target(Target::Role(Role::Inbox))
}

impl App {
    /// Goes to an account's inbox.
    pub(in crate::app) fn open_account(&mut self, key: AccountKey) -> Vec<Effect> {
        self.focus = Context::List;
        let inbox = self.account(key).and_then(|account| {
            let inbox = account
                .mailboxes
                .iter()
                .find(|m| m.role == Some(Role::Inbox));
            inbox.or(account.mailboxes.first()).map(|m| m.key)
        });
        match inbox {
            Some(mailbox) => self.open_target(Target::Mailbox(mailbox)),
            None => self.say(Safe::fixed("No folder of this account is known yet")),
        }
    }
}
