//! What is known of the session and the selected mailbox, kept by everything the server says.
//!
//! Fed by `session` with each response that no command took for itself. Positions become ids only
//! while that is certain: after any contradiction the answer must be "unknown", never a guess.

use super::capability::Capabilities;
use super::fetched::FetchData;
use super::response::{Condition, ListData, Prefix, Response, Said};
use super::types::{Notice, Status};
use super::utf7;
use crate::model::{Namespace, Uid, UidSet};
use crate::net::error::quoted;
use std::collections::HashMap;

/// How many notices are kept; beyond that only the advice to compare everything.
const NOTICES_MAX: usize = 500_000;
/// The largest mailbox whose positions are followed: each removal moves all ids behind it.
const POSITIONS_MAX: u32 = 300_000;
/// How many ranges one notice of removals holds: a set is dear to grow from behind.
const RANGES_MAX: usize = 4_096;
/// How many namespaces are listed.
const NAMESPACES_MAX: usize = 50;
/// How many wire names that cannot be derived are remembered.
const NAMES_MAX: usize = 10_000;

/// The selected mailbox.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// How many messages are in it.
    pub(super) exists: u32,
    /// Whether it counts modifications (HIGHESTMODSEQ was said).
    pub(super) has_mod_seq: bool,
    /// The ids by position, as far as they are known from the first position on.
    ids: Option<Vec<u32>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) capabilities: Capabilities,
    pub(super) mailbox: Option<Mailbox>,
    /// The wire name of the last mailbox that was to be selected.
    pub(super) selecting: Option<Vec<u8>>,
    /// The prefixes of all namespaces; `None`: not asked yet.
    pub(super) namespaces: Option<Vec<Prefix>>,
    /// The server's program, as it calls itself.
    pub(super) program: Option<String>,
    /// What the server said when it hung up.
    pub(super) farewell: Option<String>,
    pub(super) unknown: u64,
    notices: Vec<Notice>,
    /// Ranges put into the last notice of removals.
    gone_ranges: usize,
    wire_names: HashMap<String, Vec<u8>>,
}

impl State {
    /// Applies a response that no command asked for.
    pub(super) fn apply(&mut self, response: Response) {
        match response {
            Response::Said(said) => self.said(&said),
            Response::Capability(names) => self.capabilities.learn(names),
            Response::Enabled(names) => self.capabilities.enabled(&names),
            Response::Namespace(mut prefixes) => {
                prefixes.truncate(NAMESPACES_MAX);
                self.namespaces = Some(prefixes);
            }
            Response::Exists(count) => self.exists(count),
            Response::Expunge(position) => self.expunged(position),
            Response::Vanished { is_earlier, uids } => self.vanished(is_earlier, &uids),
            Response::Fetch(position, data) => self.fetched(position, *data),
            Response::Status(name, status) => {
                let name = self.name(&name);
                self.push(Notice::Elsewhere(name, status));
            }
            Response::Id(program) => self.program = program,
            Response::List(_) => self.list_changed(),
            Response::Unknown => self.unknown = self.unknown.saturating_add(1),
            Response::Lsub(_)
            | Response::Found(_)
            | Response::Flags
            | Response::Recent
            | Response::MyRights(..)
            | Response::Quota(_)
            | Response::QuotaRoot => {}
        }
    }

    /// What is worth remembering of a condition, tagged or not.
    pub(super) fn said(&mut self, said: &Said) {
        if said.condition == Condition::Bye {
            self.farewell = Some(said.text.clone());
        }
        let Some(code) = &said.code else { return };
        match code.name.as_str() {
            "ALERT" => self.push(Notice::Alert(quoted(&said.text))),
            "CAPABILITY" => self
                .capabilities
                .learn(code.words().map(str::to_owned).collect()),
            "HIGHESTMODSEQ" => {
                if let Some(mailbox) = &mut self.mailbox {
                    mailbox.has_mod_seq = true;
                }
            }
            _ => {}
        }
    }

    fn list_changed(&mut self) {
        if !self.notices.contains(&Notice::ListChanged) {
            self.push(Notice::ListChanged);
        }
    }

    fn exists(&mut self, count: u32) {
        let Some(mailbox) = &mut self.mailbox else {
            return;
        };
        let known = mailbox.ids.as_ref().map_or(0, Vec::len);
        let is_shrunk = count < mailbox.exists || usize::try_from(count).is_ok_and(|n| n < known);
        mailbox.exists = count;
        if is_shrunk {
            // Messages went without a word: nothing that was known of positions holds.
            mailbox.ids = None;
            self.push(Notice::GoneUnknown);
        }
        self.push(Notice::Exists(count));
    }

    fn expunged(&mut self, position: u32) {
        let Some(mailbox) = &mut self.mailbox else {
            return;
        };
        let is_possible = (1..=mailbox.exists).contains(&position);
        let index = usize::try_from(position).unwrap_or(usize::MAX);
        let gone = match &mut mailbox.ids {
            Some(ids) if is_possible && index <= ids.len() => Uid::new(ids.remove(index - 1)),
            _ => None,
        };
        mailbox.exists = mailbox.exists.saturating_sub(1);
        if !is_possible {
            mailbox.ids = None;
        }
        match gone {
            Some(uid) => self.gone(&UidSet::range(uid, uid)),
            None => self.push(Notice::GoneUnknown),
        }
    }

    fn vanished(&mut self, is_earlier: bool, uids: &UidSet) {
        let Some(mailbox) = &mut self.mailbox else {
            return;
        };
        if !is_earlier {
            let count = match &mut mailbox.ids {
                Some(ids) if ids.len() == usize::try_from(mailbox.exists).unwrap_or(usize::MAX) => {
                    let before = ids.len();
                    ids.retain(|id| Uid::new(*id).is_none_or(|id| !uids.contains(id)));
                    u64::try_from(before - ids.len()).unwrap_or(u64::MAX)
                }
                ids => {
                    // Which of them were among the unknown ones cannot be told.
                    *ids = None;
                    uids.len()
                }
            };
            mailbox.exists = mailbox
                .exists
                .saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        }
        self.gone(uids);
    }

    fn gone(&mut self, uids: &UidSet) {
        let ranges = uids.ranges().count();
        match self.notices.last_mut() {
            Some(Notice::Gone(set)) if self.gone_ranges + ranges <= RANGES_MAX => {
                self.gone_ranges += ranges;
                for (first, last) in uids.ranges() {
                    set.insert_range(first, last);
                }
            }
            _ => {
                self.gone_ranges = ranges;
                self.push(Notice::Gone(uids.clone()));
            }
        }
    }

    fn fetched(&mut self, position: u32, data: FetchData) {
        let Some(mailbox) = &mut self.mailbox else {
            return;
        };
        let uid = mailbox.identify(position, data.uid);
        let Some(flags) = data.fetched.flags else {
            return;
        };
        match uid {
            Some(uid) => self.push(Notice::Flags {
                uid,
                flags,
                mod_seq: data.fetched.mod_seq,
            }),
            None => self.push_once(Notice::FlagsUnknown),
        }
    }

    fn push_once(&mut self, notice: Notice) {
        if self.notices.last() != Some(&notice) {
            self.push(notice);
        }
    }

    fn push(&mut self, notice: Notice) {
        if self.notices.len() >= NOTICES_MAX {
            self.notices
                .retain(|n| matches!(n, Notice::Alert(_) | Notice::Elsewhere(..)));
            self.notices.truncate(NOTICES_MAX / 2);
            let exists = self.mailbox.as_ref().map_or(0, |m| m.exists);
            self.notices.extend([
                Notice::Exists(exists),
                Notice::GoneUnknown,
                Notice::FlagsUnknown,
                Notice::ListChanged,
            ]);
        }
        self.notices.push(notice);
    }

    /// Hands out what was said so far.
    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Whether something was said.
    pub(super) fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Hands out what was said of the selected mailbox; the rest stays.
    pub(super) fn take_mailbox_notices(&mut self) -> Vec<Notice> {
        let (other, mailbox) = std::mem::take(&mut self.notices)
            .into_iter()
            .partition(|n| {
                matches!(
                    n,
                    Notice::Alert(_) | Notice::Elsewhere(..) | Notice::ListChanged
                )
            });
        self.notices = other;
        mailbox
    }

    /// Whose a mailbox is: the longest prefix decides, and INBOX is everybody's own.
    pub(super) fn namespace(&self, wire: &[u8]) -> Namespace {
        let is_below = |n: &&Prefix| {
            let root = match n.delimiter {
                Some(delimiter) => n.prefix.strip_suffix(&[delimiter]),
                None => None,
            };
            wire.starts_with(&n.prefix) || root == Some(wire)
        };
        let prefixes = self.namespaces.iter().flatten();
        let longest = prefixes
            .filter(is_below)
            .rev()
            .max_by_key(|n| n.prefix.len());
        longest
            .filter(|_| !wire.eq_ignore_ascii_case(b"INBOX"))
            .map_or(Namespace::Personal, |n| n.namespace)
    }

    /// The wire name of the mailbox that is selected.
    pub(super) fn selected_name(&self) -> Option<&[u8]> {
        self.mailbox.as_ref()?;
        self.selecting.as_deref()
    }

    /// The name of a mailbox in UTF-8. Where the wire form cannot be derived from it, it is kept.
    pub(super) fn name(&mut self, wire: &[u8]) -> String {
        if wire.eq_ignore_ascii_case(b"INBOX") {
            return "INBOX".to_owned();
        }
        let derived = if self.capabilities.takes_utf8() {
            String::from_utf8(wire.to_vec()).ok()
        } else {
            utf7::decode(wire)
        };
        if let Some(name) = derived {
            return name;
        }
        let name = String::from_utf8_lossy(wire).into_owned();
        if self.wire_names.len() < NAMES_MAX {
            self.wire_names.insert(name.clone(), wire.to_vec());
        }
        name
    }

    /// The wire form of a name.
    pub(super) fn wire_name(&self, name: &str) -> Vec<u8> {
        match self.wire_names.get(name) {
            Some(wire) => wire.clone(),
            None if self.capabilities.takes_utf8() => name.as_bytes().to_vec(),
            None => utf7::encode(name).into_bytes(),
        }
    }
}

impl Mailbox {
    /// A mailbox that was just selected.
    pub(super) const fn new(exists: u32, has_mod_seq: bool) -> Self {
        Self {
            exists,
            has_mod_seq,
            ids: None,
        }
    }

    /// Notes the ids from the first position on: all but what came since they were asked for.
    pub(super) fn learn_ids(&mut self, uids: &UidSet) {
        let is_known = uids.len() <= u64::from(self.exists) && self.exists <= POSITIONS_MAX;
        self.ids = is_known.then(|| uids.iter().map(Uid::get).collect());
    }

    /// The id of a position, said or known. Where the two differ, nothing is known any more.
    fn identify(&mut self, position: u32, said: Option<Uid>) -> Option<Uid> {
        let (Some(ids), Some(before)) = (self.ids.as_mut(), position.checked_sub(1)) else {
            return said;
        };
        let index = usize::try_from(before).unwrap_or(usize::MAX);
        let known = ids.get(index).copied().and_then(Uid::new);
        match (known, said) {
            (Some(known), Some(said)) if known != said => {
                self.ids = None;
                Some(said)
            }
            (None, Some(said)) => {
                let is_next = index == ids.len() && position <= self.exists;
                if is_next && ids.last().is_none_or(|last| *last < said.get()) {
                    ids.push(said.get());
                }
                Some(said)
            }
            (known, said) => said.or(known),
        }
    }
}

/// The mailboxes of a list by their attributes.
pub(super) fn is_selectable(list: &ListData) -> bool {
    !list.has("\\Noselect") && !list.has("\\NonExistent")
}

/// Adds what a second status says to a first.
pub(super) fn merge(status: &mut Status, more: Status) {
    status.messages = more.messages.or(status.messages);
    status.unseen = more.unseen.or(status.unseen);
    status.uid_next = more.uid_next.or(status.uid_next);
    status.uid_validity = more.uid_validity.or(status.uid_validity);
    status.mod_seq = more.mod_seq.or(status.mod_seq);
}

#[cfg(test)]
mod tests {
    use super::super::response::parse;
    use super::*;
    use bytes::Bytes;

    fn selected(exists: u32, uids: &str) -> State {
        let mut mailbox = Mailbox::new(exists, false);
        if !uids.is_empty() {
            mailbox.learn_ids(&UidSet::parse(uids).unwrap());
        }
        State {
            mailbox: Some(mailbox),
            ..State::default()
        }
    }

    fn told(state: &mut State, lines: &[&str]) -> Vec<Notice> {
        for line in lines {
            state.apply(parse(&Bytes::from(format!("* {line}\r\n"))));
        }
        state.take_notices()
    }

    fn gone(uids: &str) -> Notice {
        Notice::Gone(UidSet::parse(uids).unwrap())
    }

    #[test]
    fn an_expunge_names_its_message_while_all_positions_are_known() {
        let mut state = selected(4, "10,20,30,40");
        assert_eq!(
            told(&mut state, &["2 EXPUNGE", "2 EXPUNGE"]),
            [gone("20,30")]
        );
        assert_eq!(told(&mut state, &["2 EXPUNGE"]), [gone("40")]);
        assert_eq!(state.mailbox.unwrap().exists, 1);
        let mut state = selected(4, "");
        assert_eq!(told(&mut state, &["2 EXPUNGE"]), [Notice::GoneUnknown]);
    }

    #[test]
    fn a_new_message_has_an_unknown_position_until_it_is_said() {
        let mut state = selected(1, "10");
        assert_eq!(
            told(&mut state, &["3 EXISTS", "3 EXPUNGE"]),
            [Notice::Exists(3), Notice::GoneUnknown]
        );
        assert_eq!(
            told(&mut state, &["2 FETCH (UID 15)", "2 EXPUNGE"]),
            [gone("15")]
        );
    }

    #[test]
    fn after_a_contradiction_no_position_is_trusted() {
        for lie in [
            "0 EXPUNGE",
            "9 EXPUNGE",
            "1 EXISTS",
            "1 FETCH (UID 99)",
            "0 EXISTS",
        ] {
            let mut state = selected(2, "10,20");
            told(&mut state, &[lie, "2 EXISTS"]);
            assert_eq!(
                told(&mut state, &["1 EXPUNGE"]),
                [Notice::GoneUnknown],
                "{lie}"
            );
        }
    }

    #[test]
    fn flags_without_an_id_are_named_by_position_or_not_at_all() {
        let mut state = selected(2, "10,20");
        let [Notice::Flags { uid, .. }] = told(&mut state, &["2 FETCH (FLAGS ())"])[..] else {
            panic!()
        };
        assert_eq!(uid.get(), 20);
        let mut state = selected(2, "");
        let lines = [
            "1 FETCH (FLAGS ())",
            "2 FETCH (FLAGS ())",
            "1 FETCH (MODSEQ (9))",
        ];
        assert_eq!(told(&mut state, &lines), [Notice::FlagsUnknown]);
    }

    #[test]
    fn vanished_counts_down_and_earlier_ones_do_not() {
        let mut state = selected(3, "10,20,30");
        assert_eq!(
            told(&mut state, &["VANISHED 20:29", "2 EXPUNGE"]),
            [gone("20:30")]
        );
        assert_eq!(state.mailbox.as_ref().unwrap().exists, 1);
        told(&mut state, &["VANISHED (EARLIER) 1:5"]);
        assert_eq!(state.mailbox.unwrap().exists, 1);
        let mut state = selected(3, "");
        told(&mut state, &["VANISHED 1:4294967295"]);
        assert_eq!(state.mailbox.unwrap().exists, 0);
    }

    #[test]
    fn other_mailboxes_and_alerts_survive_a_change_of_mailbox() {
        let mut state = selected(0, "");
        for line in [
            "STATUS Entw&APw-rfe (MESSAGES 2)",
            "OK [ALERT] Full",
            "LIST () \"/\" a",
            "5 EXISTS",
        ] {
            state.apply(parse(&Bytes::from(format!("* {line}\r\n"))));
        }
        assert_eq!(state.take_mailbox_notices(), [Notice::Exists(5)]);
        let rest = state.take_notices();
        assert!(
            matches!(&rest[0], Notice::Elsewhere(name, s) if name == "Entwürfe" && s.messages == Some(2))
        );
        assert_eq!(
            rest[1..],
            [Notice::Alert("Full".into()), Notice::ListChanged]
        );
    }

    #[test]
    fn a_name_that_is_no_utf_7_is_addressed_as_it_came() {
        let mut state = State::default();
        let name = state.name(b"A&B\xff");
        assert_eq!(name, "A&B\u{fffd}");
        assert_eq!(state.wire_name(&name), b"A&B\xff");
        assert_eq!(state.wire_name("A&B"), b"A&-B");
        assert_eq!(state.name(b"inbox"), "INBOX");
    }

    #[test]
    fn a_server_of_the_new_kind_alone_has_its_names_in_utf_8() {
        let mut state = State::default();
        state.capabilities.learn(vec!["IMAP4rev2".into()]);
        assert_eq!(state.name("Entwürfe & mehr".as_bytes()), "Entwürfe & mehr");
        assert_eq!(state.wire_name("A&B"), b"A&B");
        assert_eq!(state.wire_name("ü"), "ü".as_bytes());
    }

    #[test]
    fn a_flood_of_notices_becomes_the_advice_to_compare() {
        let mut state = selected(7, "");
        let line = Bytes::from_static(b"* 1 FETCH (UID 1 FLAGS ())\r\n");
        for _ in 0..=NOTICES_MAX {
            state.apply(parse(&line));
        }
        let notices = state.take_notices();
        assert!(notices.len() < 10);
        assert!(notices.contains(&Notice::FlagsUnknown) && notices.contains(&Notice::GoneUnknown));
    }
}
