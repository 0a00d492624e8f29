//! Where every message ought to be: changes applied one after the other to plain lists, as a user
//! thinks of them.
//!
//! Used by the random lives. It shares no code with the program, and must stay too simple to be wrong.

use super::held::{Held, Shown};
use std::collections::{BTreeMap, BTreeSet};

/// A message: its Message-ID and its flags.
pub(crate) type Mark = (String, BTreeSet<String>);

/// All mailboxes with what is in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ought {
    pub(crate) mailboxes: BTreeMap<String, Vec<Mark>>,
}

impl Ought {
    /// As the server has it.
    pub(crate) fn of_server(held: &Held) -> Self {
        let mailboxes = held.mailboxes.iter().map(|(name, letters)| {
            let marks = letters.values();
            let marks = marks.map(|l| (l.message_id.clone(), l.flags.iter().cloned().collect()));
            (name.clone(), marks.collect())
        });
        Self {
            mailboxes: mailboxes.collect(),
        }
        .sorted()
    }

    /// As the store shows it.
    pub(crate) fn of_store(shown: &Shown) -> Self {
        let mailboxes = shown.mailboxes.iter().map(|(name, rows)| {
            let marks = rows.iter();
            let marks = marks.map(|r| (r.message_id.clone(), r.flags.iter().cloned().collect()));
            (name.clone(), marks.collect())
        });
        Self {
            mailboxes: mailboxes.collect(),
        }
        .sorted()
    }

    /// The same with the messages of each mailbox in an order that does not matter.
    pub(crate) fn sorted(mut self) -> Self {
        for marks in self.mailboxes.values_mut() {
            marks.sort();
        }
        self
    }

    /// Whether a mailbox has that message.
    pub(crate) fn has(&self, mailbox: &str, message_id: &str) -> bool {
        let marks = self.mailboxes.get(mailbox);
        marks.is_some_and(|marks| marks.iter().any(|(id, _)| id == message_id))
    }

    /// Sets and clears flags of a message where it lies.
    pub(crate) fn flag(&mut self, mailbox: &str, message_id: &str, add: &[String], del: &[String]) {
        for (id, flags) in self.mailboxes.get_mut(mailbox).into_iter().flatten() {
            if id == message_id {
                flags.extend(add.iter().cloned());
                flags.retain(|flag| !del.contains(flag));
            }
        }
    }

    /// Takes a message out of a mailbox.
    pub(crate) fn take(&mut self, mailbox: &str, message_id: &str) -> Option<Mark> {
        let marks = self.mailboxes.get_mut(mailbox)?;
        let at = marks.iter().position(|(id, _)| id == message_id)?;
        Some(marks.remove(at))
    }

    /// Moves a message.
    pub(crate) fn carry(&mut self, from: &str, message_id: &str, to: &str) {
        if from != to
            && let Some(mark) = self.take(from, message_id)
        {
            self.mailboxes.entry(to.to_owned()).or_default().push(mark);
        }
    }

    /// Copies a message.
    pub(crate) fn copy(&mut self, from: &str, message_id: &str, to: &str) {
        let marks = self.mailboxes.get(from).into_iter().flatten();
        let found = marks.filter(|(id, _)| id == message_id).take(1).cloned();
        let found: Vec<Mark> = found.collect();
        self.mailboxes
            .entry(to.to_owned())
            .or_default()
            .extend(found);
    }

    /// Gives a mailbox, with all below it, another name.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let below = format!("{from}/");
        let all = std::mem::take(&mut self.mailboxes);
        self.mailboxes = all
            .into_iter()
            .map(|(name, marks)| match name.strip_prefix(&below) {
                _ if name == from => (to.to_owned(), marks),
                Some(rest) => (format!("{to}/{rest}"), marks),
                None => (name, marks),
            })
            .collect();
    }

    /// The mailboxes below another one.
    pub(crate) fn below(&self, name: &str) -> Vec<String> {
        let below = format!("{name}/");
        let names = self.mailboxes.keys().filter(|n| n.starts_with(&below));
        names.cloned().collect()
    }
}
