//! All mailboxes of all namespaces with their status (RFC 9051 §6.3.9, RFC 5258, 5819, 6154, 2342).
//!
//! Called through `Session::list` and `start`. Names are kept as they came until the list is whole;
//! a list that was cut short must never be given out.

use super::command::Command;
use super::response::{Condition, ListData, Response};
use super::session::{Pace, Session, Tag, accept};
use super::state::{is_selectable, merge};
use super::types::{Listed, Status};
use crate::model::{Namespace, Rights, Role};
use crate::net::error::{Error, Result};
use std::collections::{HashMap, HashSet};

/// How many mailboxes an account may have.
const NAMES_MAX: usize = 100_000;
/// Of how many mailboxes the rights are asked for one by one.
const RIGHTS_MAX: usize = 1_000;
/// How many STATUS commands are under way at once.
const STATUS_FLIGHT: usize = 50;

/// The tree as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Tree {
    entries: Vec<(ListData, Status)>,
    places: HashMap<Vec<u8>, usize>,
    subscribed: HashSet<Vec<u8>>,
    rights: HashMap<Vec<u8>, Rights>,
    is_overfull: bool,
}

/// INBOX has one name in any case.
fn key(name: &[u8]) -> Vec<u8> {
    if name.eq_ignore_ascii_case(b"INBOX") {
        b"INBOX".to_vec()
    } else {
        name.to_vec()
    }
}

impl Tree {
    /// Takes what belongs to a list; gives the rest back.
    pub(super) fn take(&mut self, response: Response) -> Option<Response> {
        match response {
            Response::List(list) => self.add(list),
            Response::Lsub(list) => {
                if self.subscribed.len() < NAMES_MAX {
                    self.subscribed.insert(key(&list.name));
                }
            }
            Response::Status(name, status) => match self.places.get(&key(&name)) {
                Some(place) => {
                    if let Some((_, known)) = self.entries.get_mut(*place) {
                        merge(known, status);
                    }
                }
                None => return Some(Response::Status(name, status)),
            },
            Response::MyRights(name, rights) => {
                if self.places.contains_key(&key(&name)) {
                    self.rights.insert(key(&name), rights);
                }
            }
            other => return Some(other),
        }
        None
    }

    fn add(&mut self, list: ListData) {
        if self.entries.len() >= NAMES_MAX {
            self.is_overfull = true;
            return;
        }
        let key = key(&list.name);
        match self.places.get(&key) {
            // Told twice, as by overlapping namespaces: what is known once stays known.
            Some(place) => {
                if let Some((known, _)) = self.entries.get_mut(*place) {
                    known.attributes.extend(list.attributes);
                }
            }
            None => {
                self.places.insert(key, self.entries.len());
                self.entries.push((list, Status::default()));
            }
        }
    }

    /// Whether anything below that prefix was told.
    fn covers(&self, prefix: &[u8]) -> bool {
        self.entries
            .iter()
            .any(|(list, _)| list.name.starts_with(prefix))
    }

    /// Names of mailboxes that have a status, and none was told.
    fn without_status(&self) -> Vec<Vec<u8>> {
        let lacks =
            |(list, status): &&(ListData, Status)| is_selectable(list) && status.messages.is_none();
        let unknown = self.entries.iter().filter(lacks);
        unknown.map(|(list, _)| list.name.clone()).collect()
    }
}

impl Session {
    /// Lists all mailboxes of all namespaces with their status.
    pub async fn list(&mut self) -> Result<Vec<Listed>> {
        self.begin(Pace::Bulk).await?;
        let tags = self.send_list(None).await?;
        let mut tree = Tree::default();
        let mut is_refused = false;
        for tag in tags {
            let said = self.finish(tag, |r| tree.take(r)).await?;
            is_refused |= said.condition != Condition::Ok;
        }
        self.complete_list(tree, is_refused, None).await
    }

    /// Sends what lists everything, or everything below a prefix.
    pub(super) async fn send_list(&mut self, prefix: Option<&[u8]>) -> Result<Vec<Tag>> {
        let capabilities = &self.state.capabilities;
        let mut commands = Vec::new();
        if self.state.namespaces.is_none() && capabilities.has("NAMESPACE") {
            commands.push(Command::new("NAMESPACE"));
        }
        let pattern = [prefix.unwrap_or_default(), b"*"].concat();
        let list = Command::new("LIST \"\"").string(&pattern, capabilities)?;
        if capabilities.has("LIST-EXTENDED") {
            let mut wishes = vec!["SUBSCRIBED".to_owned(), "CHILDREN".to_owned()];
            if capabilities.has("SPECIAL-USE") {
                wishes.push("SPECIAL-USE".to_owned());
            }
            if capabilities.has("LIST-MYRIGHTS") {
                wishes.push("MYRIGHTS".to_owned());
            }
            if capabilities.has("LIST-STATUS") {
                wishes.push(format!("STATUS ({})", self.status_items()));
            }
            commands.push(list.raw(&format!(" RETURN ({})", wishes.join(" "))));
        } else {
            commands.push(list);
            commands.push(Command::new("LSUB \"\"").string(&pattern, capabilities)?);
        }
        let mut tags = Vec::new();
        for command in &commands {
            tags.push(self.send(command).await?);
        }
        Ok(tags)
    }

    /// What STATUS is asked for.
    pub(super) fn status_items(&self) -> String {
        let mod_seq = if self.state.capabilities.can_condstore() {
            " HIGHESTMODSEQ"
        } else {
            ""
        };
        format!("MESSAGES UNSEEN UIDNEXT UIDVALIDITY{mod_seq}")
    }

    /// Quirk: some servers announce LIST-EXTENDED or LIST-STATUS and do not understand it. A tree
    /// without names is none, while NAMESPACE and LSUB may fail by themselves.
    async fn list_plainly(&mut self, tree: &mut Tree) -> Result<()> {
        let command = Command::new("LIST \"\" \"*\"");
        let said = self.exec(&command, |r| tree.take(r)).await?;
        accept(said, "list the folders")?;
        let command = Command::new("LSUB \"\" \"*\"");
        self.exec(&command, |r| tree.take(r)).await?;
        Ok(())
    }

    /// Adds the namespaces that `*` did not reach and the status where LIST did not bring it. The
    /// status of the selected mailbox is known by its SELECT.
    pub(super) async fn complete_list(
        &mut self,
        mut tree: Tree,
        is_refused: bool,
        selected: Option<(&str, Status)>,
    ) -> Result<Vec<Listed>> {
        if is_refused && tree.entries.is_empty() {
            self.list_plainly(&mut tree).await?;
        }
        // Quirk(Dovecot, Cyrus): `*` reaches every namespace that is to be listed, and asking for
        // empty ones would cost each start a turn.
        let program = self.state.program.as_deref().unwrap_or_default();
        let is_all = program.starts_with("Dovecot") || program.starts_with("Cyrus");
        let namespaces = self.state.namespaces.get_or_insert_default();
        let missing: Vec<Vec<u8>> = namespaces
            .iter()
            .filter(|n| n.namespace != Namespace::Personal)
            .map(|n| n.prefix.clone())
            .filter(|p| !is_all && !p.is_empty() && !tree.covers(p))
            .collect();
        let mut tags = Vec::new();
        for prefix in &missing {
            tags.extend(self.send_list(Some(prefix)).await?);
        }
        for tag in tags {
            self.finish(tag, |r| tree.take(r)).await?;
        }
        if tree.is_overfull {
            return Err(Error::protocol(format!(
                "The server lists more than {NAMES_MAX} folders."
            )));
        }
        if let Some((name, status)) = selected {
            let wire = self.state.wire_name(name);
            if let Some(place) = tree.places.get(&key(&wire))
                && let Some((_, known)) = tree.entries.get_mut(*place)
            {
                merge(known, status);
            }
        }
        if !(self.state.capabilities.has("LIST-STATUS")
            && self.state.capabilities.has("LIST-EXTENDED"))
        {
            self.ask_status(&mut tree).await?;
        }
        self.ask_foreign_rights(&mut tree).await?;
        Ok(self.listed(tree))
    }

    /// In one's own mailboxes everything is allowed as a rule; what is in others' has to be asked.
    async fn ask_foreign_rights(&mut self, tree: &mut Tree) -> Result<()> {
        if !self.state.capabilities.can_acl() {
            return Ok(());
        }
        let is_unknown = |list: &&ListData| {
            is_selectable(list)
                && !tree.rights.contains_key(&key(&list.name))
                && self.state.namespace(&list.name) != Namespace::Personal
        };
        let lists = tree.entries.iter().map(|(list, _)| list);
        let names: Vec<Vec<u8>> = lists
            .filter(is_unknown)
            .take(RIGHTS_MAX)
            .map(|list| list.name.clone())
            .collect();
        let told = self.ask_rights(&names).await?;
        for (name, rights) in names.into_iter().zip(told) {
            if let Some(rights) = rights {
                tree.rights.insert(key(&name), rights);
            }
        }
        Ok(())
    }

    async fn ask_status(&mut self, tree: &mut Tree) -> Result<()> {
        let items = self.status_items();
        for names in tree.without_status().chunks(STATUS_FLIGHT) {
            let mut tags = Vec::new();
            for name in names {
                let command = Command::new("STATUS").string(name, &self.state.capabilities);
                // A name that cannot be sent with the others has no status; it is listed all the same.
                if let Some(command) = command.ok().filter(|c| !c.has_pauses()) {
                    tags.push(self.send(&command.raw(&format!(" ({items})"))).await?);
                }
            }
            for tag in tags {
                self.finish(tag, |r| tree.take(r)).await?;
            }
        }
        Ok(())
    }

    fn listed(&mut self, tree: Tree) -> Vec<Listed> {
        let Tree {
            entries,
            subscribed,
            mut rights,
            ..
        } = tree;
        entries
            .into_iter()
            .map(|(list, status)| {
                let name = self.state.name(&list.name);
                let by_attribute = list.attributes.iter().find_map(|a| Role::from_attribute(a));
                let role = if name == "INBOX" {
                    Some(Role::Inbox)
                } else {
                    by_attribute
                };
                Listed {
                    delimiter: list.delimiter,
                    role,
                    namespace: self.state.namespace(&list.name),
                    rights: rights.remove(&key(&list.name)),
                    is_subscribed: list.has("\\Subscribed")
                        || subscribed.contains(&key(&list.name)),
                    is_selectable: is_selectable(&list),
                    status,
                    name,
                }
            })
            .collect()
    }
}
