//! Actions that take messages elsewhere: archive, trash, junk, another folder, or away for good.
//!
//! Called through the table. A folder that cannot take messages must stay in sight with its reason.

use super::change::{can_change, source, source_role};
use super::folders::{folder_item, folder_label};
use super::{Availability, Count};
use crate::app::picker::{Choice, File};
use crate::app::{App, Effect, PickerKind};
use crate::model::{Destination, Mailbox, MailboxId, MailboxKey, OpKind, Right, Role, Safe, Scope};

/// How many folders are remembered as the latest that messages went to.
const RECENT_MAX: usize = 9;

/// Whether messages may be taken out of the folder that they are in.
pub(super) fn can_take(app: &App) -> Availability {
    let is_allowed =
        |m: &Mailbox| m.rights.has(Right::DeleteMessages) && m.rights.has(Right::Expunge);
    match can_change(app) {
        Availability::Yes if source(app).is_some_and(|m| !is_allowed(m)) => {
            Availability::No("the server does not let you take messages out of this folder")
        }
        other => other,
    }
}

pub(super) fn can_archive(app: &App) -> Availability {
    if source_role(app) == Some(Role::Archive) {
        return Availability::No("this is in Archive already");
    }
    can_take(app)
}

pub(super) fn can_trash(app: &App) -> Availability {
    if source_role(app) == Some(Role::Trash) {
        return Availability::No("this is in Trash already; {delete} deletes it for good");
    }
    can_take(app)
}

/// The folder that messages went to last, if it is still there.
fn latest(app: &App) -> Option<&Mailbox> {
    app.recent.first().and_then(|key| app.mailbox(*key))
}

pub(super) fn can_move_again(app: &App) -> Availability {
    if app.recent.is_empty() {
        return Availability::No("nothing was moved or copied yet; {move} moves");
    }
    match latest(app) {
        Some(to) => why_not(app, to, None).map_or_else(|| can_take(app), Availability::No),
        None => Availability::No("the folder that was last is gone"),
    }
}

/// What moving again would do now.
pub(super) fn move_again_title(app: &App) -> Option<Safe> {
    let label = folder_label(app, latest(app)?);
    Some(Safe::line(&format!("Move to {label} again")))
}

pub(super) fn junk_title(app: &App) -> Option<Safe> {
    let is_junk = source_role(app) == Some(Role::Junk);
    is_junk.then(|| Safe::fixed("Move back to the inbox: it is not junk"))
}

fn send(app: &mut App, role: Role, count: Count) -> Vec<Effect> {
    app.change(OpKind::Move(Destination::Role(role)), true, count)
}

pub(super) fn archive(app: &mut App, count: Count) -> Vec<Effect> {
    send(app, Role::Archive, count)
}

pub(super) fn trash(app: &mut App, count: Count) -> Vec<Effect> {
    send(app, Role::Trash, count)
}

/// Junk goes to Junk; what is there goes back to the inbox.
pub(super) fn junk(app: &mut App, count: Count) -> Vec<Effect> {
    let is_junk = source_role(app) == Some(Role::Junk);
    let to = if is_junk { Role::Inbox } else { Role::Junk };
    send(app, to, count)
}

pub(super) fn delete(app: &mut App, count: Count) -> Vec<Effect> {
    app.change(OpKind::Delete, true, count)
}

pub(super) fn pick_move(app: &mut App, count: Count) -> Vec<Effect> {
    pick(app, false, count)
}

pub(super) fn pick_copy(app: &mut App, count: Count) -> Vec<Effect> {
    pick(app, true, count)
}

pub(super) fn move_again(app: &mut App, count: Count) -> Vec<Effect> {
    let Some(mailbox) = latest(app).map(|m| m.key) else {
        return Vec::new();
    };
    let file = File {
        mailbox,
        is_copy: false,
        count,
    };
    app.file(file)
}

/// Why messages cannot go there.
fn why_not(app: &App, to: &Mailbox, count: Count) -> Option<&'static str> {
    let rows = app.known_rows(count);
    let are_there = !rows.is_empty() && rows.iter().all(|row| row.mailbox == to.key);
    if are_there || app.list.view().scope == Scope::Mailbox(to.key) {
        Some("it is there already")
    } else if !to.is_selectable {
        Some("holds folders only")
    } else if !to.rights.has(Right::Insert) {
        Some("you may not put messages there")
    } else {
        None
    }
}

/// Asks for a folder: the latest first, then those of the account at hand, then all others.
fn pick(app: &mut App, is_copy: bool, count: Count) -> Vec<Effect> {
    let here = source(app).map(|m| m.account);
    let all = || app.accounts.iter().flat_map(|a| &a.mailboxes);
    let (ours, others): (Vec<&Mailbox>, Vec<&Mailbox>) =
        all().partition(|m| Some(m.account) == here);
    let recent = app.recent.iter().filter_map(|key| app.mailbox(*key));
    let is_recent = |m: &Mailbox| app.recent.contains(&m.key);
    let rest = ours.into_iter().chain(others).filter(|m| !is_recent(m));
    let items = recent.chain(rest).map(|mailbox| {
        let file = File {
            mailbox: mailbox.key,
            is_copy,
            count,
        };
        let mut item = folder_item(app, mailbox, Choice::File(file));
        if is_recent(mailbox) {
            item.detail = Safe::fixed("latest");
        }
        item.dim = why_not(app, mailbox, count).map(Safe::fixed);
        item
    });
    let items = items.collect();
    let title = if is_copy { "Copy to" } else { "Move to" };
    app.open_picker(title, PickerKind::Fuzzy, items)
}

impl App {
    /// Moves or copies what is meant to a folder that was chosen.
    pub(in crate::app) fn file(&mut self, file: File) -> Vec<Effect> {
        let Some(to) = self.mailbox(file.mailbox) else {
            return self.say(Safe::fixed("That folder is gone"));
        };
        let to = Destination::Mailbox(MailboxId {
            account: to.account,
            name: to.name.clone(),
        });
        self.remember(file.mailbox);
        let kind = if file.is_copy {
            OpKind::Copy(to)
        } else {
            OpKind::Move(to)
        };
        self.change(kind, true, file.count)
    }

    fn remember(&mut self, mailbox: MailboxKey) {
        self.recent.retain(|key| *key != mailbox);
        self.recent.insert(0, mailbox);
        self.recent.truncate(RECENT_MAX);
    }
}
