//! Mailboxes in memory: ids, eras, modification sequences, and what vanished.
//!
//! Shared by every session of a [`Peer`](super::Peer); tests and the demo change it behind the
//! client's back. A UID must never be given twice within one UIDVALIDITY, and every change must
//! raise the mailbox's modification sequence.

use super::structure::{self, Part};
use crate::model::{FlagChange, FlagSet, Moment, Role, Uid, UidSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::watch;

/// What separates the levels of a mailbox name.
pub(crate) const DELIMITER: char = '/';

/// One message as it lies in one mailbox.
#[derive(Debug, Clone)]
pub struct Message {
    /// The exact bytes.
    pub raw: Arc<[u8]>,
    /// Its flags.
    pub flags: FlagSet,
    /// When it arrived.
    pub arrived: Moment,
    /// When it last changed.
    pub mod_seq: u64,
    /// The same in every mailbox that the message was copied or moved to.
    pub email_id: u64,
    parts: Arc<OnceLock<Part>>,
}

impl Message {
    /// The MIME tree, split at first use.
    pub(crate) fn part(&self) -> &Part {
        self.parts.get_or_init(|| structure::split(&self.raw))
    }
}

/// One mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Survives a rename; a session that has it selected holds on to this.
    pub(crate) id: u64,
    /// The era of its ids.
    pub uid_validity: u32,
    /// The next id.
    pub uid_next: u32,
    /// The highest modification sequence.
    pub mod_seq: u64,
    /// What it is for.
    pub role: Option<Role>,
    /// Whether it can hold messages (not `\Noselect`).
    pub is_selectable: bool,
    /// The messages by id.
    pub messages: BTreeMap<u32, Message>,
    vanished: Vec<(u64, u32)>,
    /// What vanished up to here is forgotten.
    vanished_floor: u64,
}

impl Mailbox {
    fn bump(&mut self) -> u64 {
        self.mod_seq += 1;
        self.mod_seq
    }

    fn add(&mut self, mut message: Message) -> u32 {
        let uid = self.uid_next;
        self.uid_next += 1;
        message.mod_seq = self.bump();
        self.messages.insert(uid, message);
        uid
    }

    fn remove(&mut self, uids: &UidSet) -> Vec<(u32, Message)> {
        let gone: Vec<(u32, Message)> = self
            .messages
            .extract_if(.., |uid, _| {
                Uid::new(*uid).is_some_and(|u| uids.contains(u))
            })
            .collect();
        if !gone.is_empty() {
            let at = self.bump();
            self.vanished.extend(gone.iter().map(|(uid, _)| (at, *uid)));
        }
        gone
    }

    fn set_flags(&mut self, uid: u32, flags: &FlagSet) -> bool {
        let next = self.mod_seq + 1;
        let Some(message) = self.messages.get_mut(&uid) else {
            return false;
        };
        if message.flags != *flags {
            message.flags.clone_from(flags);
            message.mod_seq = next;
            self.mod_seq = next;
        }
        true
    }

    /// What vanished after `since`. Where the log does not reach back that far: every id that is
    /// not there, which RFC 7162 §3.2.5.1 allows.
    pub(crate) fn vanished_since(&self, since: u64) -> UidSet {
        if since < self.vanished_floor {
            return (1..self.uid_next)
                .filter(|uid| !self.messages.contains_key(uid))
                .filter_map(Uid::new)
                .collect();
        }
        self.vanished
            .iter()
            .filter(|(at, _)| *at > since)
            .filter_map(|(_, uid)| Uid::new(*uid))
            .collect()
    }

    /// How many messages are unread.
    pub(crate) fn unseen(&self) -> usize {
        let unread = |m: &&Message| !m.flags.has(crate::model::Flag::Seen);
        self.messages.values().filter(unread).count()
    }

    /// All bytes in it.
    pub(crate) fn size(&self) -> usize {
        self.messages.values().map(|m| m.raw.len()).sum()
    }
}

/// What the lock guards.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    mailboxes: BTreeMap<String, Mailbox>,
    subscribed: BTreeSet<String>,
    next_id: u64,
    next_validity: u32,
    next_email: u64,
    /// Grows with every change; what sessions wait for.
    version: u64,
}

/// The answer to a change of the mailbox tree.
pub(crate) type TreeResult = Result<(), (&'static str, &'static str)>;

impl Inner {
    /// The mailbox of that name.
    pub(crate) fn mailbox(&self, name: &str) -> Option<&Mailbox> {
        self.mailboxes.get(name)
    }

    /// The mailbox of that id, whatever it is called now.
    pub(crate) fn by_id(&self, id: u64) -> Option<&Mailbox> {
        self.mailboxes.values().find(|m| m.id == id)
    }

    fn by_id_mut(&mut self, id: u64) -> Option<&mut Mailbox> {
        self.version += 1;
        self.mailboxes.values_mut().find(|m| m.id == id)
    }

    /// Every mailbox, by name.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = (&String, &Mailbox)> {
        self.mailboxes.iter()
    }

    /// Whether the name is subscribed to.
    pub(crate) fn is_subscribed(&self, name: &str) -> bool {
        self.subscribed.contains(name)
    }

    /// The subscribed names, whether they exist or not.
    pub(crate) fn subscribed(&self) -> impl Iterator<Item = &String> {
        self.subscribed.iter()
    }

    /// Subscribes or unsubscribes.
    pub(crate) fn subscribe(&mut self, name: &str, on: bool) {
        self.version += 1;
        if on {
            self.subscribed.insert(name.to_owned());
        } else {
            self.subscribed.remove(name);
        }
    }

    /// Makes a mailbox, and the levels above it that are missing (RFC 9051 §6.3.4).
    pub(crate) fn create(&mut self, name: &str, role: Option<Role>) -> TreeResult {
        let name = name.strip_suffix(DELIMITER).unwrap_or(name);
        if name.is_empty() || name.split(DELIMITER).any(str::is_empty) {
            return Err(("CANNOT", "A folder needs a name on every level"));
        }
        if self.mailboxes.contains_key(name) {
            return Err(("ALREADYEXISTS", "There is a folder of that name"));
        }
        self.version += 1;
        for (at, _) in name.match_indices(DELIMITER) {
            if let Some(parent) = name.get(..at)
                && !self.mailboxes.contains_key(parent)
            {
                let made = self.fresh(None);
                self.mailboxes.insert(parent.to_owned(), made);
            }
        }
        let made = self.fresh(role);
        self.mailboxes.insert(name.to_owned(), made);
        Ok(())
    }

    fn fresh(&mut self, role: Option<Role>) -> Mailbox {
        self.next_id += 1;
        self.next_validity = self.next_validity.max(1000) + 1;
        Mailbox {
            id: self.next_id,
            uid_validity: self.next_validity,
            uid_next: 1,
            mod_seq: 1,
            role,
            is_selectable: true,
            messages: BTreeMap::new(),
            vanished: Vec::new(),
            vanished_floor: 0,
        }
    }

    /// Removes a mailbox that has none below it.
    pub(crate) fn delete(&mut self, name: &str) -> TreeResult {
        if name == "INBOX" {
            return Err(("CANNOT", "INBOX cannot be deleted"));
        }
        if !self.mailboxes.contains_key(name) {
            return Err(("NONEXISTENT", "There is no folder of that name"));
        }
        if self.mailboxes.keys().any(|k| is_below(k, name)) {
            return Err(("HASCHILDREN", "The folder has others below it"));
        }
        self.version += 1;
        self.mailboxes.remove(name);
        Ok(())
    }

    /// Renames a mailbox and all below it. INBOX stays and gives up its messages (§6.3.6).
    pub(crate) fn rename(&mut self, old: &str, new: &str) -> TreeResult {
        if !self.mailboxes.contains_key(old) {
            return Err(("NONEXISTENT", "There is no folder of that name"));
        }
        if self.mailboxes.contains_key(new) {
            return Err(("ALREADYEXISTS", "There is a folder of that name"));
        }
        if is_below(new, old) {
            return Err(("CANNOT", "A folder cannot be put below itself"));
        }
        if old == "INBOX" {
            self.create(new, None)?;
            let all = UidSet::range(Uid::MIN, Uid::MAX);
            return self
                .transfer("INBOX", &all, new, true)
                .map(|_| ())
                .ok_or(("CANNOT", "INBOX could not be emptied"));
        }
        self.create(new, None)?;
        let moving: Vec<String> = self
            .mailboxes
            .keys()
            .filter(|k| *k == old || is_below(k, old))
            .cloned()
            .collect();
        for name in moving {
            let tail = name.strip_prefix(old).unwrap_or_default();
            if let Some(mailbox) = self.mailboxes.remove(&name) {
                self.mailboxes.insert(format!("{new}{tail}"), mailbox);
            }
        }
        Ok(())
    }

    /// Adds a message; its id, or nothing where the mailbox is missing.
    pub(crate) fn append(
        &mut self,
        mailbox: &str,
        raw: &[u8],
        flags: FlagSet,
        arrived: Moment,
    ) -> Option<u32> {
        let target = self.mailboxes.get_mut(mailbox)?;
        self.version += 1;
        self.next_email += 1;
        Some(target.add(Message {
            raw: raw.into(),
            flags,
            arrived,
            mod_seq: 0,
            email_id: self.next_email,
            parts: Arc::default(),
        }))
    }

    /// Sets the flags of one message; whether it is there.
    pub(crate) fn set_flags(&mut self, mailbox: u64, uid: u32, flags: &FlagSet) -> bool {
        self.by_id_mut(mailbox)
            .is_some_and(|m| m.set_flags(uid, flags))
    }

    /// Removes messages for good; what was there of them.
    pub(crate) fn expunge(&mut self, mailbox: u64, uids: &UidSet) -> UidSet {
        let gone = self.by_id_mut(mailbox).map(|m| m.remove(uids));
        gone.into_iter()
            .flatten()
            .filter_map(|(uid, _)| Uid::new(uid))
            .collect()
    }

    /// Copies or moves messages: pairs of old and new id, in order of the old.
    pub(crate) fn transfer(
        &mut self,
        source: &str,
        uids: &UidSet,
        target: &str,
        is_move: bool,
    ) -> Option<Vec<(u32, u32)>> {
        self.mailboxes.get(target)?;
        self.version += 1;
        let from = self.mailboxes.get_mut(source)?;
        let picked: Vec<(u32, Message)> = if is_move {
            from.remove(uids)
        } else {
            let wanted = |uid: &u32| Uid::new(*uid).is_some_and(|u| uids.contains(u));
            let all = from.messages.iter().filter(|(uid, _)| wanted(uid));
            all.map(|(uid, m)| (*uid, m.clone())).collect()
        };
        let to = self.mailboxes.get_mut(target)?;
        Some(
            picked
                .into_iter()
                .map(|(uid, m)| (uid, to.add(m)))
                .collect(),
        )
    }

    /// The name of the mailbox of that id.
    pub(crate) fn name_of(&self, id: u64) -> Option<String> {
        let mut all = self.mailboxes.iter();
        all.find(|(_, m)| m.id == id).map(|(n, _)| n.clone())
    }
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_prefix(above)
        .is_some_and(|rest| rest.starts_with(DELIMITER))
}

/// The mailboxes of one account. Clones share them.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// A store with an empty INBOX.
    #[must_use]
    pub fn new() -> Self {
        let store = Self {
            inner: Arc::default(),
            changed: watch::Sender::new(0),
        };
        store.create("INBOX", Some(Role::Inbox));
        store
    }

    /// Works on the mailboxes under the lock, then wakes the sessions if anything changed.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        let (result, version) = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            (work(&mut inner), inner.version)
        };
        self.changed.send_if_modified(|v| {
            let is_new = *v != version;
            *v = version;
            is_new
        });
        result
    }

    /// Wakes when anything changed.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Makes a subscribed mailbox; whether it was made.
    pub fn create(&self, name: &str, role: Option<Role>) -> bool {
        self.with(|s| {
            let made = s.create(name, role).is_ok();
            if made {
                s.subscribe(name, true);
            }
            made
        })
    }

    /// Removes a mailbox; whether it could be.
    pub fn delete(&self, name: &str) -> bool {
        self.with(|s| s.delete(name).is_ok())
    }

    /// Renames a mailbox; whether it could be.
    pub fn rename(&self, old: &str, new: &str) -> bool {
        self.with(|s| s.rename(old, new).is_ok())
    }

    /// Adds a message; its id, or nothing where the mailbox is missing.
    pub fn append(
        &self,
        mailbox: &str,
        raw: &[u8],
        flags: FlagSet,
        arrived: Moment,
    ) -> Option<u32> {
        self.with(|s| s.append(mailbox, raw, flags, arrived))
    }

    /// Changes the flags of one message; whether it is there.
    pub fn change_flags(&self, mailbox: &str, uid: u32, change: &FlagChange) -> bool {
        self.with(|s| {
            let Some((id, mut flags)) = s
                .mailbox(mailbox)
                .and_then(|m| Some((m.id, m.messages.get(&uid)?.flags.clone())))
            else {
                return false;
            };
            flags.apply(change);
            s.set_flags(id, uid, &flags)
        })
    }

    /// Removes messages for good; what was there of them.
    pub fn expunge(&self, mailbox: &str, uids: &UidSet) -> UidSet {
        self.with(|s| {
            let id = s.mailbox(mailbox).map(|m| m.id);
            id.map_or_else(UidSet::new, |id| s.expunge(id, uids))
        })
    }

    /// Moves messages; pairs of old and new id.
    pub fn transfer(&self, source: &str, uids: &UidSet, target: &str) -> Vec<(u32, u32)> {
        self.with(|s| s.transfer(source, uids, target, true))
            .unwrap_or_default()
    }

    /// Lets a mailbox hold messages, or only other mailboxes (`\Noselect`).
    pub fn set_selectable(&self, name: &str, is_selectable: bool) {
        self.with(|s| {
            s.version += 1;
            if let Some(mailbox) = s.mailboxes.get_mut(name) {
                mailbox.is_selectable = is_selectable;
            }
        });
    }

    /// The flags of one message.
    #[must_use]
    pub fn flags(&self, mailbox: &str, uid: u32) -> Option<FlagSet> {
        self.with(|s| {
            let mailbox = s.mailbox(mailbox)?;
            mailbox.messages.get(&uid).map(|m| m.flags.clone())
        })
    }

    /// A copy of one mailbox as it is now.
    #[must_use]
    pub fn mailbox(&self, name: &str) -> Option<Mailbox> {
        self.with(|s| s.mailbox(name).cloned())
    }

    /// All mailbox names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.with(|s| s.mailboxes.keys().cloned().collect())
    }

    /// The names that are subscribed to.
    #[must_use]
    pub fn subscribed(&self) -> Vec<String> {
        self.with(|s| s.subscribed.iter().cloned().collect())
    }

    /// Begins a new era: every message gets a new id, from 1 on, and the old ids are void.
    pub fn jump_uid_validity(&self, name: &str) {
        self.with(|s| {
            s.version += 1;
            s.next_validity += 17;
            let validity = s.next_validity;
            s.next_id += 1;
            let id = s.next_id;
            if let Some(mailbox) = s.mailboxes.get_mut(name) {
                let old = std::mem::take(&mut mailbox.messages);
                mailbox.id = id;
                mailbox.uid_validity = validity;
                mailbox.uid_next = 1;
                mailbox.vanished.clear();
                for message in old.into_values() {
                    mailbox.add(message);
                }
            }
        });
    }

    /// Forgets what vanished so far, as a server with a bounded log does.
    pub fn forget_vanished(&self, name: &str) {
        self.with(|s| {
            if let Some(mailbox) = s.mailboxes.get_mut(name) {
                mailbox.vanished.clear();
                mailbox.vanished_floor = mailbox.mod_seq;
            }
        });
    }
}
