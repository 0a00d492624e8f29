//! Actions that change folders: make, rename, move, delete, subscribe, empty, mark all read.
//!
//! Called through the table. What would lose mail must ask first, and only what undo covers may
//! not ask.

use super::folders::folder_label;
use super::{Availability, Count};
use crate::app::gather::Purpose;
use crate::app::overlay::Confirmed;
use crate::app::picker::Choice;
use crate::app::targets::FOR_GOOD;
use crate::app::{
    App, Confirm, Context, Effect, Item, Overlay, PickerKind, Prompt, PromptKind, Target, grouped,
};
use crate::bus::AccountView;
use crate::model::{
    AccountKey, DeletePlan, Flag, FlagChange, FolderChange, Mailbox, MailboxId, MailboxKey, OpKind,
    Query, Right, Role, Safe, Scope, Sort, Term, ViewSpec, check_rename, has_all_below_inbox,
    may_rename, plan_delete,
};

/// What the action is about: in the sidebar the row of the cursor, else what the list shows.
fn target(app: &App) -> Option<Target> {
    if app.focus == Context::Sidebar {
        app.sidebar.current().map(|row| row.target.clone())
    } else {
        app.here.clone()
    }
}

/// The folder at hand.
fn folder(app: &App) -> Result<&Mailbox, &'static str> {
    match target(app) {
        Some(Target::Mailbox(key)) => app.mailbox(key).ok_or("the folder is gone"),
        Some(Target::Account(_)) => Err("this is an account, not a folder"),
        Some(Target::Unified | Target::Starred | Target::Role(_)) => {
            Err("this shows several folders; choose one of them")
        }
        None => Err("choose a folder first; {go-to-folder} goes to one"),
    }
}

fn account_of<'a>(app: &'a App, mailbox: &Mailbox) -> Option<&'a AccountView> {
    app.account(mailbox.account)
}

/// The account that a new folder belongs to.
fn account(app: &App) -> Option<&AccountView> {
    let of_target = match target(app) {
        Some(Target::Account(key)) => app.account(key),
        _ => folder(app).ok().and_then(|m| account_of(app, m)),
    };
    let of_row = || app.subject_row().and_then(|row| app.account(row.account));
    of_target
        .or_else(|| app.current_account())
        .or_else(of_row)
        .or_else(|| app.accounts.first())
}

fn id_of(mailbox: &Mailbox) -> MailboxId {
    MailboxId {
        account: mailbox.account,
        name: mailbox.name.clone(),
    }
}

fn known(result: Result<(), &'static str>) -> Availability {
    result.map_or_else(Availability::No, |()| Availability::Yes)
}

pub(super) fn can_rename(app: &App) -> Availability {
    known(folder(app).and_then(may_rename))
}

pub(super) fn can_move(app: &App) -> Availability {
    known(folder(app).and_then(|mailbox| match mailbox.delimiter {
        Some(_) => may_rename(mailbox),
        None => Err("this account has no folders in folders"),
    }))
}

fn plan(app: &App, mailbox: &Mailbox) -> DeletePlan {
    let all = account_of(app, mailbox).map(|a| a.mailboxes.as_slice());
    plan_delete(all.unwrap_or_default(), &mailbox.name)
}

pub(super) fn can_delete(app: &App) -> Availability {
    known(folder(app).and_then(|mailbox| match plan(app, mailbox) {
        DeletePlan::No(why) => Err(why),
        DeletePlan::ToTrash(_) | DeletePlan::AtOnce | DeletePlan::ForGood { .. } => Ok(()),
    }))
}

pub(super) fn can_subscribe(app: &App) -> Availability {
    known(folder(app).map(|_| ()))
}

pub(super) fn can_empty(app: &App) -> Availability {
    known(folder(app).and_then(|mailbox| {
        let rights = mailbox.rights;
        if mailbox.total == 0 {
            Err("there is no message in it")
        } else if !rights.has(Right::DeleteMessages) || !rights.has(Right::Expunge) {
            Err("the server does not let you take messages out of this folder")
        } else {
            Ok(())
        }
    }))
}

pub(super) fn can_read_all(app: &App) -> Availability {
    if let Some(Target::Role(role)) = target(app) {
        let all = app.accounts.iter().flat_map(|a| &a.mailboxes);
        let mut of_role = all.filter(|m| m.role == Some(role));
        let has_unread = of_role.any(|m| m.unread > 0);
        return known(has_unread.then_some(()).ok_or("nothing is unread here"));
    }
    known(folder(app).and_then(|mailbox| {
        if mailbox.unread == 0 {
            Err("nothing is unread here")
        } else if mailbox.rights.has(Right::Seen) {
            Ok(())
        } else {
            Err("the server does not keep what you read in this folder")
        }
    }))
}

pub(super) fn subscribe_title(app: &App) -> Option<Safe> {
    let mailbox = folder(app).ok()?;
    let verb = if mailbox.is_subscribed {
        "Unsubscribe from"
    } else {
        "Subscribe to"
    };
    Some(Safe::line(&format!("{verb} {}", mailbox.leaf())))
}

/// Asks for a name; it begins with the folder at hand, except where that is an inbox: what lies
/// there on some servers is shown beside it, and on others hardly anybody wants it below.
pub(super) fn new(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(key) = account(app).map(|a| a.key) else {
        return Vec::new();
    };
    let above = folder(app).ok().filter(|m| m.role != Some(Role::Inbox));
    let start = above.and_then(|m| m.delimiter.map(|d| format!("{}{d}", m.name)));
    let prompt = Prompt::new(app, PromptKind::NewFolder(key));
    let prompt = prompt.starting_with(&start.unwrap_or_default());
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

pub(super) fn rename(app: &mut App, _: Count) -> Vec<Effect> {
    let Ok(mailbox) = folder(app) else {
        return Vec::new();
    };
    let (key, name) = (mailbox.key, mailbox.name.clone());
    let prompt = Prompt::new(app, PromptKind::RenameFolder(key)).starting_with(&name);
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

/// Asks for the folder above.
pub(super) fn pick_parent(app: &mut App, _: Count) -> Vec<Effect> {
    let Ok(mailbox) = folder(app) else {
        return Vec::new();
    };
    let Some(account) = account_of(app, mailbox) else {
        return Vec::new();
    };
    let all = account.mailboxes.as_slice();
    let item = |label: Safe, to: String| {
        let dim = match check_rename(all, mailbox, &to) {
            _ if to == mailbox.name => Some("it is there now"),
            Ok(_) => None,
            Err(problem) if problem.why == "exists already" => Some("has a folder of that name"),
            Err(problem) => Some(problem.why),
        };
        Item {
            dim: dim.map(Safe::fixed),
            ..Item::new(label, Choice::Rename(mailbox.key, to))
        }
    };
    let leaf = mailbox.leaf();
    let below = |above: &str, delimiter| format!("{above}{delimiter}{leaf}");
    // Where all lies below the inbox, that is what one sees as the top.
    let is_top = |m: &Mailbox| m.role == Some(Role::Inbox) && has_all_below_inbox(all);
    let others = all
        .iter()
        .filter(|m| m.key != mailbox.key && !m.is_below(&mailbox.name) && !is_top(m));
    let others = others.filter_map(|m| {
        let to = below(&m.name, m.delimiter?);
        Some(item(Safe::line(&m.name), to))
    });
    let top = match all.iter().find(|m| is_top(m)).zip(mailbox.delimiter) {
        Some((inbox, delimiter)) => below(&inbox.name, delimiter),
        None => leaf.to_owned(),
    };
    let top = item(Safe::fixed("Top level"), top);
    let items = std::iter::once(top).chain(others).collect();
    app.open_picker("Move the folder into", PickerKind::Fuzzy, items)
}

pub(super) fn delete(app: &mut App, _: Count) -> Vec<Effect> {
    let Ok(mailbox) = folder(app) else {
        return Vec::new();
    };
    let (id, label) = (id_of(mailbox), folder_label(app, mailbox));
    let delete = |agreed| {
        OpKind::Folder(FolderChange::Delete {
            mailbox: id.clone(),
            agreed,
        })
    };
    match plan(app, mailbox) {
        DeletePlan::No(why) => app.refuse(why),
        DeletePlan::ToTrash(to) => {
            if app.focus == Context::Sidebar {
                app.sidebar.step_off();
            }
            app.change_folder(FolderChange::Rename { from: id, to })
        }
        DeletePlan::AtOnce => app.apply(delete(0), Vec::new()),
        DeletePlan::ForGood { messages, folders } => {
            let title = format!("Delete the folder {label} for good?");
            let what = match (messages, folders) {
                (0, n) => counted(n, "folder"),
                (n, 0) => counted(n, "message"),
                (n, m) => format!("{} and {}", counted(n, "message"), counted(m, "folder")),
            };
            let line = format!("What is in it goes with it: {what}.");
            let then = Confirmed::Apply(delete(messages), Vec::new());
            app.overlay = Some(Overlay::Confirm(Confirm {
                lines: vec![Safe::line(&line)],
                warning: Some(Safe::fixed("This cannot be undone.")),
                ..Confirm::grave(&title, "delete", then)
            }));
            Vec::new()
        }
    }
}

/// "1 message", "3 messages".
pub(super) fn counted(n: u32, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(n))
}

pub(super) fn subscribe(app: &mut App, _: Count) -> Vec<Effect> {
    let Ok(mailbox) = folder(app) else {
        return Vec::new();
    };
    let change = FolderChange::Subscribe(id_of(mailbox), !mailbox.is_subscribed);
    app.change_folder(change)
}

/// Asks, then deletes all messages of the folder.
pub(super) fn empty(app: &mut App, _: Count) -> Vec<Effect> {
    let Ok(mailbox) = folder(app) else {
        return Vec::new();
    };
    let label = folder_label(app, mailbox);
    let count = counted(mailbox.total, "message");
    let is_usual = matches!(mailbox.role, Some(Role::Trash | Role::Junk));
    let mut lines = vec![Safe::line(&format!("{count} will be deleted for good."))];
    if !is_usual {
        lines.push(Safe::fixed("This folder is neither Trash nor Junk."));
    }
    let then = Confirmed::Apply(OpKind::Empty(id_of(mailbox)), Vec::new());
    let title = format!("Empty {label}?");
    app.overlay = Some(Overlay::Confirm(Confirm {
        lines,
        warning: Some(app.with_keys(FOR_GOOD)),
        ..Confirm::grave(&title, "empty it", then)
    }));
    Vec::new()
}

/// Marks all of a folder as read; of folders shown together, what is unread in any of them.
pub(super) fn read_all(app: &mut App, _: Count) -> Vec<Effect> {
    if let Some(Target::Role(role)) = target(app) {
        let view = ViewSpec {
            scope: Scope::Role(role),
            filter: Some(Query::Term(Term::Is(Flag::Seen, false))),
            sort: Sort::Newest,
            threads: None,
        };
        let read = OpKind::Flags(FlagChange::one(Flag::Seen, true));
        return app.gather_all(view, Purpose::Change(read));
    }
    match folder(app).map(id_of) {
        Ok(id) => app.apply(OpKind::ReadAll(id), Vec::new()),
        Err(_) => Vec::new(),
    }
}

impl App {
    /// Has the engine record a change of the tree.
    pub(in crate::app) fn change_folder(&mut self, change: FolderChange) -> Vec<Effect> {
        self.apply(OpKind::Folder(change), Vec::new())
    }

    /// Gives a folder another name, which was checked.
    pub(in crate::app) fn rename_folder(&mut self, key: MailboxKey, to: String) -> Vec<Effect> {
        let Some(from) = self.mailbox(key).map(id_of) else {
            return self.say(Safe::fixed("That folder is gone"));
        };
        self.reveal = Some(MailboxId {
            account: from.account,
            name: to.clone(),
        });
        self.change_folder(FolderChange::Rename { from, to })
    }

    /// Makes a folder whose name was checked.
    pub(in crate::app) fn make_folder(&mut self, account: AccountKey, name: String) -> Vec<Effect> {
        let made = MailboxId { account, name };
        self.reveal = Some(made.clone());
        self.change_folder(FolderChange::Create(made))
    }
}
