//! `pillarbox mailboxes`: the tree of folders with counts.
//!
//! Called by `mod.rs`. Reads the store only; must never ask a server.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::{Place, Tree};
use crate::model::Mailbox;
use serde::Serialize;

/// A line of `mailboxes --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Row<'a> {
    account: &'a str,
    name: &'a str,
    delimiter: Option<char>,
    role: Option<&'static str>,
    total: u32,
    unread: u32,
    subscribed: bool,
}

/// Lists the mailboxes.
pub(super) fn mailboxes(
    place: &Place,
    is_json: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let tree = Tree::read(place, &place.store()?.reader()?)?;
    if is_json {
        for mailbox in &tree.mailboxes {
            output.json(&Row {
                account: tree.account_name(mailbox.account),
                name: &mailbox.name,
                delimiter: mailbox.delimiter,
                role: mailbox.role.map(crate::model::Role::name),
                total: mailbox.total,
                unread: mailbox.unread,
                subscribed: mailbox.is_subscribed,
            })?;
        }
        return Ok(Exit::Done);
    }
    if tree.mailboxes.is_empty() {
        output.line("No folders are known yet; `pillarbox sync` fetches them.")?;
    }
    let mut account = None;
    for mailbox in &tree.mailboxes {
        if account.replace(mailbox.account) != Some(mailbox.account) {
            output.line(tree.account_name(mailbox.account))?;
        }
        output.line(&text(mailbox))?;
    }
    Ok(Exit::Done)
}

fn text(mailbox: &Mailbox) -> String {
    let indent = "  ".repeat(mailbox.depth() + 1);
    let role = mailbox
        .role
        .map_or(String::new(), |role| format!(" ({})", role.name()));
    if !mailbox.is_selectable {
        return format!("{indent}{}", mailbox.leaf());
    }
    format!(
        "{indent}{}{role}: {} unread, {} in all",
        mailbox.leaf(),
        mailbox.unread,
        mailbox.total
    )
}
