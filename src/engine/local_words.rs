//! What a session with mail that is kept here tells, in the words of a server's.
//!
//! Called by `local`. An error must say by its class and code what a server would have said.

use crate::model::{Fetched, Namespace, UidSet};
use crate::net::imap::{Listed, Notice, Status};
use crate::net::{Class, Error};
use crate::store::{self, LOCAL_DELIMITER, LocalItem, LocalMailbox};
use std::collections::BTreeSet;

/// The mailboxes as a server lists them, with what lies between them.
pub(super) fn listed(mailboxes: &[LocalMailbox]) -> Vec<Listed> {
    let mut all: Vec<Listed> = mailboxes
        .iter()
        .map(|mailbox| Listed {
            name: mailbox.name.clone(),
            delimiter: Some(LOCAL_DELIMITER),
            role: mailbox.role,
            is_subscribed: mailbox.is_subscribed,
            is_selectable: true,
            status: status(mailbox),
            namespace: Namespace::default(),
            rights: None,
        })
        .collect();
    let names: BTreeSet<&str> = mailboxes.iter().map(|m| m.name.as_str()).collect();
    let between: BTreeSet<&str> = names
        .iter()
        .flat_map(|name| {
            let ends = name.match_indices(LOCAL_DELIMITER);
            ends.filter_map(|(at, _)| name.get(..at))
        })
        .filter(|above| !names.contains(above))
        .collect();
    all.extend(between.into_iter().map(|name| Listed {
        name: name.to_owned(),
        delimiter: Some(LOCAL_DELIMITER),
        role: None,
        is_subscribed: false,
        is_selectable: false,
        status: Status::default(),
        namespace: Namespace::default(),
        rights: None,
    }));
    all
}

pub(super) fn status(mailbox: &LocalMailbox) -> Status {
    let status = mailbox.status;
    Status {
        messages: status.messages,
        unseen: status.unseen,
        uid_next: status.uid_next,
        uid_validity: status.uid_validity,
        mod_seq: status.mod_seq,
    }
}

pub(super) fn flags_of(item: &LocalItem) -> Fetched {
    Fetched {
        flags: Some(item.flags.clone()),
        mod_seq: Some(item.mod_seq),
        ..Fetched::default()
    }
}

/// What is shown of a message in lists: what its bytes say, and where it lies.
pub(super) fn summary_of(item: &LocalItem, said: Fetched) -> Fetched {
    Fetched {
        flags: Some(item.flags.clone()),
        mod_seq: Some(item.mod_seq),
        arrived: Some(item.arrived),
        size_bytes: Some(item.size),
        email_id: Some(item.local.key.to_string()),
        local: Some(item.local),
        ..said
    }
}

pub(super) fn notice(item: &LocalItem) -> Notice {
    Notice::Flags {
        uid: item.uid,
        flags: item.flags.clone(),
        mod_seq: Some(item.mod_seq),
    }
}

pub(super) fn gone_notice(gone: UidSet) -> Vec<Notice> {
    if gone.is_empty() {
        return Vec::new();
    }
    vec![Notice::Gone(gone)]
}

pub(super) fn no_target(name: &str) -> Error {
    let error = Error::new(Class::Rejected, format!("There is no folder {name}."));
    error.code(Some("TRYCREATE".to_owned()))
}

/// All of a message is asked for of which only the header is here.
pub(super) fn header_only() -> Error {
    Error::new(
        Class::Rejected,
        "Only the header of this message is here; the rest is still on the server.",
    )
    .hint("Fetch the whole message first.")
}

/// What the store could not do, in the words of a session.
pub(super) fn failed(error: &store::Error) -> Error {
    let refused = |code: Option<&str>| {
        Error::new(Class::Rejected, format!("{error}.")).code(code.map(str::to_owned))
    };
    match error {
        store::Error::NoMailbox { .. } => refused(Some("NONEXISTENT")),
        store::Error::MailboxExists { .. } => refused(Some("ALREADYEXISTS")),
        store::Error::Inbox => refused(Some("CANNOT")),
        _ => Error::transient(error.to_string()),
    }
}
