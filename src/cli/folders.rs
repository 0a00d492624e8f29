//! `pillarbox mailbox create`, `rename`, `delete`, `subscribe` and `unsubscribe`: changes of the tree.
//!
//! Called by `mod.rs`. What cannot be is refused before it is recorded; a message must never be lost
//! with its folder unless `--for-good` said so.

use super::args::MailboxArgs;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::{Place, Tree};
use super::settle::{now_secs, settle};
use crate::model::{
    DeletePlan, FolderChange, Invalid, Mailbox, MailboxId, Namespace, OpKind, check_new_name,
    check_rename, may_rename, plan_delete,
};

/// Records a change of the tree, and tells the server.
pub(super) fn change(
    place: &Place,
    args: &MailboxArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let store = place.store()?;
    let tree = Tree::read(place, &store.reader()?)?;
    let (change, is_offline) = match args {
        MailboxArgs::Create { name, offline } => (create(place, &tree, name)?, *offline),
        MailboxArgs::Rename { old, new, offline } => (rename(place, &tree, old, new)?, *offline),
        MailboxArgs::Delete {
            name,
            for_good,
            offline,
        } => (delete(&tree, name, *for_good)?, *offline),
        MailboxArgs::Subscribe(args) => (subscribe(&tree, &args.name, true)?, args.offline),
        MailboxArgs::Unsubscribe(args) => (subscribe(&tree, &args.name, false)?, args.offline),
    };
    let kind = OpKind::Folder(change);
    let recorded = store.writer()?.record(&kind, &[], now_secs())?;
    settle(place, &store, &recorded, is_offline, output)
}

fn create(place: &Place, tree: &Tree, wanted: &str) -> Result<FolderChange, Failure> {
    let (account_name, name) = home(place, wanted)?;
    let known = tree.account_key(account_name);
    let known = known.map(|account| (account, tree.of(account)));
    let Some((account, mailboxes)) = known.filter(|(_, mailboxes)| !mailboxes.is_empty()) else {
        return Err(Failure::failed(format!(
            "the folders of {account_name} are not known yet, so none is made; run `pillarbox sync` first"
        )));
    };
    let delimiter = delimiter_for(&mailboxes, name);
    let cannot = |wrong: &Invalid| {
        format!(
            "no folder can be made in {account_name}: {wrong}; choose another name \
             (`pillarbox mailboxes` lists those there are)"
        )
    };
    // What is wrong in any tree is wrong on the command line.
    check_new_name(&[], name, delimiter).map_err(|e| Failure::usage(cannot(&e)))?;
    let name =
        check_new_name(&mailboxes, name, delimiter).map_err(|e| Failure::failed(cannot(&e)))?;
    Ok(FolderChange::Create(MailboxId { account, name }))
}

/// The account that a folder is to be made in, and the name without it.
fn home<'a>(place: &'a Place, wanted: &'a str) -> Result<(&'a str, &'a str), Failure> {
    let names = place.account_names();
    match names.as_slice() {
        [] => Err(Failure::usage(format!(
            "{}: there is no account in it; add one (config.example.toml shows how)",
            place.loaded.file.display()
        ))),
        // Nothing has to tell the accounts apart: all of it is the name.
        [only] => Ok((only, wanted)),
        several => {
            let mut meant = several
                .iter()
                .filter_map(|account| Some((*account, below_account(wanted, account)?)));
            meant.next().ok_or_else(|| {
                Failure::usage(format!(
                    "it is not said in which account the folder {wanted:?} is to be; \
                     name one with --account: {}",
                    several.join(", ")
                ))
            })
        }
    }
}

/// What follows the account in ACCOUNT/NAME.
fn below_account<'a>(wanted: &'a str, account: &str) -> Option<&'a str> {
    wanted.strip_prefix(account)?.strip_prefix('/')
}

/// What separates levels where a name belongs: as in the folder that it lies below, else as in the
/// user's own ones.
fn delimiter_for(mailboxes: &[Mailbox], name: &str) -> Option<char> {
    let above = mailboxes.iter().filter(|m| {
        let rest = name.strip_prefix(m.name.as_str());
        rest.is_some_and(|rest| m.delimiter.is_some_and(|d| rest.starts_with(d)))
    });
    let nearest = above.max_by_key(|m| m.name.len());
    let own = || {
        let mut own = mailboxes
            .iter()
            .filter(|m| m.namespace == Namespace::Personal);
        own.find_map(|m| m.delimiter)
    };
    nearest.and_then(|m| m.delimiter).or_else(own)
}

fn rename(place: &Place, tree: &Tree, old: &str, new: &str) -> Result<FolderChange, Failure> {
    let mailbox = tree.find(old)?;
    let name = new_name(place, tree, mailbox, old, new)?;
    let old = &mailbox.name;
    may_rename(mailbox).map_err(|why| {
        Failure::failed(format!(
            "the folder {old:?} cannot be renamed: {why}; `pillarbox mailboxes` lists the others"
        ))
    })?;
    let cannot = |wrong: &Invalid| {
        format!(
            "the folder {old:?} cannot be renamed: {wrong}; choose another name \
             (`pillarbox mailboxes` lists those there are)"
        )
    };
    check_new_name(&[], name, mailbox.delimiter).map_err(|e| Failure::usage(cannot(&e)))?;
    let to = check_rename(&tree.of(mailbox.account), mailbox, name)
        .map_err(|e| Failure::failed(cannot(&e)))?;
    Ok(FolderChange::Rename {
        from: id(mailbox),
        to,
    })
}

/// The new name without the account, where the old one was given with it.
fn new_name<'a>(
    place: &Place,
    tree: &Tree,
    mailbox: &Mailbox,
    old: &str,
    new: &'a str,
) -> Result<&'a str, Failure> {
    let account = tree.account_name(mailbox.account);
    if below_account(old, account).is_none() || old == mailbox.name {
        return Ok(new);
    }
    let names = place.account_names();
    let is_elsewhere = |other: &&str| *other != account && below_account(new, other).is_some();
    if names.iter().any(is_elsewhere) {
        return Err(Failure::usage(format!(
            "the folder {old:?} cannot become {new:?}: a folder stays in its account; \
             make one there with `pillarbox mailbox create`, and move the messages"
        )));
    }
    Ok(below_account(new, account).unwrap_or(new))
}

fn delete(tree: &Tree, wanted: &str, is_for_good: bool) -> Result<FolderChange, Failure> {
    let mailbox = tree.find(wanted)?;
    let name = &mailbox.name;
    let mailboxes = tree.of(mailbox.account);
    let for_good = |agreed| FolderChange::Delete {
        mailbox: id(mailbox),
        agreed,
    };
    match plan_delete(&mailboxes, name) {
        DeletePlan::No(why) => Err(Failure::failed(format!(
            "the folder {name:?} cannot be deleted: {why}; `pillarbox mailboxes` lists the others"
        ))),
        DeletePlan::AtOnce => Ok(for_good(0)),
        _ if is_for_good => Ok(for_good(messages(&mailboxes, mailbox))),
        DeletePlan::ToTrash(to) => Ok(FolderChange::Rename {
            from: id(mailbox),
            to,
        }),
        DeletePlan::ForGood { messages, folders } => Err(Failure::failed(format!(
            "the folder {name:?} is not deleted: it cannot go to Trash, so {} would go for good; \
             say --for-good if they may",
            counted(messages, folders)
        ))),
    }
}

/// How many messages are in a folder and below it.
fn messages(mailboxes: &[Mailbox], mailbox: &Mailbox) -> u32 {
    let below = mailboxes.iter().filter(|m| m.is_below(&mailbox.name));
    below
        .map(|m| m.total)
        .fold(mailbox.total, u32::saturating_add)
}

/// "3 messages and 1 folder below it".
fn counted(messages: u32, folders: u32) -> String {
    let number = |count, one: &str| match count {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    };
    let messages = number(messages, "message");
    match folders {
        0 => messages,
        n => format!("{messages} and {} below it", number(n, "folder")),
    }
}

fn subscribe(tree: &Tree, wanted: &str, is_wanted: bool) -> Result<FolderChange, Failure> {
    let mailbox = tree.find(wanted)?;
    Ok(FolderChange::Subscribe(id(mailbox), is_wanted))
}

fn id(mailbox: &Mailbox) -> MailboxId {
    MailboxId {
        account: mailbox.account,
        name: mailbox.name.clone(),
    }
}
