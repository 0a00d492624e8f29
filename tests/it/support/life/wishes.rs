//! What a user wants, at random, and where everything ought to be after it.
//!
//! Used by `life.rs`. Only what the screen would let happen is wanted: no folder that exists already
//! is made, and none is put into itself.

use super::{FLAGS, Life, NAMES};
use crate::support::held::{Shown, ShownRow};
use crate::support::ought::Ought;
use pillarbox::model::{Destination, FlagChange, FolderChange, Keyword, MailboxId, OpKind, Role};

const TAGS: [&str; 3] = ["later", "work", "$junk"];

/// A change that the user wants.
pub(super) struct Wish {
    pub(super) kind: OpKind,
    pub(super) targets: Vec<(String, ShownRow)>,
    pub(super) after: Ought,
    pub(super) can_undo: bool,
}

impl Life<'_> {
    pub(super) fn wish(&mut self, shown: &Shown) -> Option<Wish> {
        let roll = self.dice.u32(0..100);
        if self.has_all_kinds && roll >= 80 {
            return self.folder_wish(shown);
        }
        let mut rows = self.rows();
        self.dice.shuffle(&mut rows);
        rows.truncate(self.dice.usize(1..=3));
        if rows.is_empty() {
            return None;
        }
        let mut after = self.ought.clone();
        let kind = match roll {
            _ if !self.has_all_kinds || roll < 30 => self.flag_wish(&rows, &mut after),
            30..60 => {
                let to = self.mailbox_of(shown);
                self.keep_what_may_go(&mut rows, &to);
                for (from, row) in &rows {
                    after.carry(from, &row.message_id, &to);
                }
                OpKind::Move(self.destination(to))
            }
            60..70 => {
                let to = self.mailbox_of(shown);
                self.keep_what_may_go(&mut rows, &to);
                for (from, row) in &rows {
                    after.copy(from, &row.message_id, &to);
                }
                OpKind::Copy(self.destination(to))
            }
            70..75 => {
                for (from, row) in &rows {
                    after.take(from, &row.message_id);
                }
                OpKind::Delete
            }
            _ => {
                let (role, to) = *self
                    .dice
                    .choice(&[(Role::Archive, "Archive"), (Role::Trash, "Trash")])
                    .unwrap();
                self.keep_what_may_go(&mut rows, to);
                for (from, row) in &rows {
                    after.carry(from, &row.message_id, to);
                }
                OpKind::Move(Destination::Role(role))
            }
        };
        let can_undo = !matches!(kind, OpKind::Delete);
        (!rows.is_empty()).then_some(Wish {
            kind,
            targets: rows,
            after,
            can_undo,
        })
    }

    /// A message goes to a mailbox that has none of its copies. (Where one is there already, two of
    /// them lie in one mailbox, and cannot be told apart here; lives with others have that too.)
    pub(super) fn keep_what_may_go(&self, rows: &mut Vec<(String, ShownRow)>, to: &str) {
        if !self.is_alone {
            return;
        }
        rows.retain(|(from, row)| from != to && !self.ought.has(to, &row.message_id));
        rows.sort_by(|a, b| a.1.message_id.cmp(&b.1.message_id));
        rows.dedup_by(|a, b| a.1.message_id == b.1.message_id);
    }

    pub(super) fn mailbox_of(&mut self, shown: &Shown) -> String {
        let names: Vec<&String> = shown.mailboxes.keys().collect();
        (*self.dice.choice(&names).unwrap()).clone()
    }

    pub(super) fn destination(&self, name: String) -> Destination {
        Destination::Mailbox(self.id(name))
    }

    pub(super) fn id(&self, name: String) -> MailboxId {
        MailboxId {
            account: self.account,
            name,
        }
    }

    pub(super) fn flag_wish(&mut self, rows: &[(String, ShownRow)], after: &mut Ought) -> OpKind {
        let mut change = FlagChange::default();
        let (mut add, mut del) = (Vec::new(), Vec::new());
        if self.dice.u32(0..3) == 0 {
            let tag = *self.dice.choice(&TAGS).unwrap();
            let keyword = Keyword::new(tag).unwrap();
            if self.dice.bool() {
                change.add.insert_keyword(keyword);
                add.push(tag.to_owned());
            } else {
                change.remove.insert_keyword(keyword);
                del.push(tag.to_owned());
            }
        } else {
            let (flag, name) = *self.dice.choice(&FLAGS).unwrap();
            if self.dice.bool() {
                change.add.insert(flag);
                add.push(name.to_owned());
            } else {
                change.remove.insert(flag);
                del.push(name.to_owned());
            }
        }
        for (mailbox, row) in rows {
            after.flag(mailbox, &row.message_id, &add, &del);
        }
        OpKind::Flags(change)
    }

    pub(super) fn folder_wish(&mut self, shown: &Shown) -> Option<Wish> {
        let mut after = self.ought.clone();
        let is_there = |name: &str| shown.mailboxes.contains_key(name);
        let name = (*self.dice.choice(&NAMES).unwrap()).to_owned();
        let parent_is_there = |name: &str| name.rsplit_once('/').is_none_or(|(p, _)| is_there(p));
        let change = match self.dice.u32(0..10) {
            0..4 => {
                if is_there(&name) || !parent_is_there(&name) {
                    return None;
                }
                after.mailboxes.insert(name.clone(), Vec::new());
                FolderChange::Create(self.id(name))
            }
            4..7 => {
                let to = (*self.dice.choice(&NAMES).unwrap()).to_owned();
                let is_inside = to.starts_with(&format!("{name}/"));
                if !is_there(&name) || is_there(&to) || is_inside || !parent_is_there(&to) {
                    return None;
                }
                after.rename(&name, &to);
                FolderChange::Rename {
                    from: self.id(name),
                    to,
                }
            }
            7..9 => {
                if !is_there(&name) || !after.below(&name).is_empty() {
                    return None;
                }
                after.mailboxes.remove(&name);
                let lost = shown.mailboxes.get(&name).map_or(0, Vec::len);
                FolderChange::Delete {
                    mailbox: self.id(name),
                    agreed: u32::try_from(lost).unwrap(),
                }
            }
            _ => {
                if !is_there(&name) {
                    return None;
                }
                FolderChange::Subscribe(self.id(name), self.dice.bool())
            }
        };
        let can_undo = !matches!(change, FolderChange::Delete { .. });
        Some(Wish {
            kind: OpKind::Folder(change),
            targets: Vec::new(),
            after,
            can_undo,
        })
    }
}
