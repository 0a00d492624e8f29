//! `pillarbox flag`, `tag`, `move`, `copy`, `archive`, `trash`, `delete` and `undo`: changes of messages.
//!
//! Called by `mod.rs`. A change must be in the journal before anything else is done about it, and a
//! message that is not known must keep all of it from being recorded: half a change is none.

use super::accounts;
use super::args::{FlagArgs, MessagesArgs, TagArgs, TransferArgs};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::{Place, Tree};
use super::settle::{now_secs, settle};
use crate::model::{
    Destination, Flag, FlagChange, Keyword, Mailbox, MailboxId, MessageKey, OpKind, Placed, Right,
    Role,
};
use crate::store::Reader;

/// Sets and clears flags.
pub(super) fn flag(place: &Place, args: &FlagArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut change = FlagChange::default();
    for name in &args.add {
        change
            .add
            .insert(Flag::from_name(name).map_err(|e| Failure::usage(e.to_string()))?);
    }
    for name in &args.remove {
        change
            .remove
            .insert(Flag::from_name(name).map_err(|e| Failure::usage(e.to_string()))?);
    }
    change_flags(place, change, &args.ids, args.offline, output)
}

/// Adds and removes tags.
pub(super) fn tag(place: &Place, args: &TagArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut change = FlagChange::default();
    for word in &args.add {
        change
            .add
            .insert_keyword(Keyword::new(word).map_err(|e| Failure::usage(e.to_string()))?);
    }
    for word in &args.remove {
        let keyword = Keyword::new(word).map_err(|e| Failure::usage(e.to_string()))?;
        change.remove.insert_keyword(keyword);
    }
    change_flags(place, change, &args.ids, args.offline, output)
}

fn change_flags(
    place: &Place,
    change: FlagChange,
    ids: &[i64],
    is_offline: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if change.is_empty() {
        return Err(Failure::usage(
            "nothing is to be changed; say --add or --remove",
        ));
    }
    apply(place, &OpKind::Flags(change), ids, is_offline, output)
}

/// Moves messages.
pub(super) fn move_to(
    place: &Place,
    args: &TransferArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let kind = OpKind::Move(destination(place, &args.mailbox)?);
    apply(place, &kind, &args.ids, args.offline, output)
}

/// Copies messages.
pub(super) fn copy_to(
    place: &Place,
    args: &TransferArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let kind = OpKind::Copy(destination(place, &args.mailbox)?);
    apply(place, &kind, &args.ids, args.offline, output)
}

/// Moves messages to where their own account keeps what is for that use.
pub(super) fn move_to_role(
    place: &Place,
    role: Role,
    args: &MessagesArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let kind = OpKind::Move(Destination::Role(role));
    apply(place, &kind, &args.ids, args.offline, output)
}

/// Deletes messages for good.
pub(super) fn delete(
    place: &Place,
    args: &MessagesArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    apply(place, &OpKind::Delete, &args.ids, args.offline, output)
}

/// The folder that messages are to go to. What it cannot take is refused before it is recorded.
fn destination(place: &Place, wanted: &str) -> Result<Destination, Failure> {
    let tree = Tree::read(place, &place.store()?.reader()?)?;
    let mailbox = tree.find_target(wanted)?;
    check_target(mailbox)?;
    Ok(Destination::Mailbox(MailboxId {
        account: mailbox.account,
        name: mailbox.name.clone(),
    }))
}

/// Refuses a folder that cannot take messages.
pub(super) fn check_target(mailbox: &Mailbox) -> Result<(), Failure> {
    let name = &mailbox.name;
    if !mailbox.is_selectable {
        return Err(Failure::failed(format!(
            "the folder {name:?} can hold no messages, only folders; name one below it"
        )));
    }
    if !mailbox.rights.has(Right::Insert) {
        return Err(Failure::failed(format!(
            "the server does not let you put messages into the folder {name:?}; name another one"
        )));
    }
    Ok(())
}

fn apply(
    place: &Place,
    kind: &OpKind,
    ids: &[i64],
    is_offline: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let store = place.store()?;
    let targets = targets(&store.reader()?, ids)?;
    let mut writer = store.writer()?;
    for setup in accounts::setup(&place.loaded.config, &place.data_dir, None).accounts {
        let account = writer.account(&setup.name)?;
        for (role, name) in &setup.roles {
            writer.keep_role_in(account, *role, name);
        }
    }
    let recorded = writer.record(kind, &targets, now_secs())?;
    settle(place, &store, &recorded, is_offline, output)
}

/// Where the messages lie. All must be known: half a change is none.
fn targets(reader: &Reader, ids: &[i64]) -> Result<Vec<Placed>, Failure> {
    ids.iter()
        .map(|id| {
            let summary = reader.summary(MessageKey(*id), None)?;
            summary
                .map(|found| found.placed)
                .ok_or_else(|| unknown_message(*id))
        })
        .collect()
}

/// The error for an id that is none.
pub(super) fn unknown_message(id: i64) -> Failure {
    Failure::failed(format!(
        "there is no message {id}; `pillarbox list` prints the ids of those there are"
    ))
}

/// Takes back the last change.
pub(super) fn undo(place: &Place, is_offline: bool, output: &mut Output) -> Result<Exit, Failure> {
    let store = place.store()?;
    let Some(recorded) = store.writer()?.undo(now_secs())? else {
        output.line("There is nothing to undo.")?;
        return Ok(Exit::Done);
    };
    if recorded.op.is_none() && !recorded.label.starts_with("Undone") {
        // What is gone for good cannot be had back; the label says so, and why.
        return Err(Failure::failed(lower_first(&recorded.label)));
    }
    settle(place, &store, &recorded, is_offline, output)
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
