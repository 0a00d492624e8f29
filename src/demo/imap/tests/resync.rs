//! Property: whatever changes, and however a client follows, it ends with what the server has.
//!
//! Two clients follow one mailbox: one by sequence numbers, one that reconnects with QRESYNC.

use super::{Client, HELLO, moment, uids};
use crate::demo::imap::{Options, Peer};
use crate::model::{Flag, FlagChange, FlagSet, UidSet};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Change {
    Append,
    Flag(u32, bool),
    Expunge(u32),
    /// The client by numbers looks.
    Look,
    /// The client by QRESYNC reconnects; with its known ids or not.
    Reconnect(bool),
    /// The server forgets what vanished.
    Forget,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::Append),
        4 => (1..12_u32, any::<bool>()).prop_map(|(uid, on)| Change::Flag(uid, on)),
        3 => (1..12_u32).prop_map(Change::Expunge),
        2 => Just(Change::Look),
        2 => any::<bool>().prop_map(Change::Reconnect),
        1 => Just(Change::Forget),
    ]
}

type State = BTreeMap<u32, String>;

fn truth(peer: &Peer) -> State {
    let messages = peer.store().mailbox("INBOX").unwrap().messages;
    messages
        .into_iter()
        .map(|(uid, m)| (uid, m.flags.to_string()))
        .collect()
}

/// What stands between `before` and the closing bracket that follows.
fn between(line: &str, before: &str) -> Option<String> {
    let rest = line.split_once(before)?.1;
    Some(rest.split_once(')')?.0.to_owned())
}

/// A client that only knows sequence numbers: rows of (uid, flags), as it was told.
#[derive(Default)]
struct ByNumber {
    rows: Vec<Option<(u32, String)>>,
}

impl ByNumber {
    fn hear(&mut self, lines: &[String]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let Some(number) = words.get(1).and_then(|n| n.parse::<usize>().ok()) else {
                continue;
            };
            match words[2] {
                "EXPUNGE" => drop(self.rows.remove(number - 1)),
                "EXISTS" => {
                    assert!(number >= self.rows.len(), "EXISTS must not shrink");
                    self.rows.resize(number, None);
                }
                "FETCH" => {
                    let flags = between(line, "FLAGS (").unwrap();
                    let row = &mut self.rows[number - 1];
                    match (between(line, "UID "), row.take()) {
                        (Some(uid), _) => {
                            let uid = uid.split(' ').next().unwrap().parse().unwrap();
                            *row = Some((uid, flags));
                        }
                        (None, Some((uid, _))) => *row = Some((uid, flags)),
                        (None, None) => {}
                    }
                }
                _ => {}
            }
        }
    }

    async fn look(&mut self, client: &mut Client) -> State {
        self.hear(&client.ok("NOOP").await);
        while let Some(at) = self.rows.iter().position(Option::is_none) {
            let fetched = client.ok(&format!("FETCH {}:* (UID FLAGS)", at + 1)).await;
            self.hear(&fetched);
        }
        self.rows.iter().flatten().cloned().collect()
    }
}

/// A client that was away: what it knew, and up to where.
#[derive(Default)]
struct ByResync {
    known: State,
    mod_seq: u64,
}

impl ByResync {
    async fn reconnect(&mut self, peer: &Peer, names_known: bool) -> &State {
        let mut client = Client::ready(peer, "QRESYNC").await;
        let validity = peer.store().mailbox("INBOX").unwrap().uid_validity;
        let known: UidSet = uids(&self.known.keys().copied().collect::<Vec<_>>());
        let is_named = names_known && !known.is_empty();
        let known = if is_named {
            format!(" {known}")
        } else {
            String::new()
        };
        let mod_seq = self.mod_seq.max(1);
        let command = format!("SELECT INBOX (QRESYNC ({validity} {mod_seq}{known}))");
        let mut lines = client.ok(&command).await;
        if is_named {
            // Named ids bound the answer, so what is new must be asked for.
            let from = self.known.keys().next_back().unwrap() + 1;
            lines.extend(client.ok(&format!("UID FETCH {from}:* (FLAGS)")).await);
        }
        for line in lines {
            if let Some(gone) = line.strip_prefix("* VANISHED (EARLIER) ") {
                for uid in UidSet::parse(gone).unwrap().iter() {
                    self.known.remove(&uid.get());
                }
            } else if let Some(flags) = between(&line, "FLAGS (").filter(|_| line.contains("UID "))
            {
                let uid = between(&line, "UID ").unwrap();
                let uid = uid.split(' ').next().unwrap().parse().unwrap();
                self.known.insert(uid, flags);
            } else if let Some(highest) = line.strip_prefix("* OK [HIGHESTMODSEQ ") {
                self.mod_seq = highest.split(']').next().unwrap().parse().unwrap();
            }
        }
        &self.known
    }
}

async fn follow(changes: Vec<Change>) {
    let peer = Peer::new(Options::default());
    let store = peer.store();
    let mut client = Client::ready(&peer, "").await;
    let (mut numbers, mut resync) = (ByNumber::default(), ByResync::default());
    numbers.hear(&client.ok("SELECT INBOX").await);
    let last = [
        Change::Look,
        Change::Reconnect(false),
        Change::Reconnect(true),
    ];
    for change in changes.into_iter().chain(last) {
        match change {
            Change::Append => {
                store.append("INBOX", HELLO.as_bytes(), FlagSet::new(), moment());
            }
            Change::Flag(uid, on) => {
                store.change_flags("INBOX", uid, &FlagChange::one(Flag::Seen, on));
            }
            Change::Expunge(uid) => drop(store.expunge("INBOX", &uids(&[uid]))),
            Change::Look => assert_eq!(numbers.look(&mut client).await, truth(&peer)),
            Change::Reconnect(names_known) => {
                assert_eq!(*resync.reconnect(&peer, names_known).await, truth(&peer));
            }
            Change::Forget => store.forget_vanished("INBOX"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_that_follows_ends_with_what_the_server_has(
        changes in prop::collection::vec(change(), 0..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(follow(changes));
    }
}
