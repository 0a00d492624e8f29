//! Random lives of a journal: whatever happens in whatever order, what is shown is base with what is
//! pending, and all of it reaches the server in the end.

use super::journal::three;
use super::*;
use crate::model::{Flag, FlagChange, Keyword, OpKind};
use crate::store::Claim;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One step of a life: what a user, the server, the network or a crash does.
#[derive(Debug, Clone)]
enum Step {
    Record {
        message: usize,
        flag: usize,
        on: bool,
    },
    Undo,
    Redo,
    Claim,
    /// The server did it and said so; or it did it and the answer was lost; or it did not.
    Answer {
        is_done: bool,
        is_heard: bool,
    },
    Reject,
    Elsewhere {
        message: usize,
        flag: usize,
        on: bool,
    },
    Pull,
    Crash,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let change = || (0usize..3, 0usize..3, any::<bool>());
    prop_oneof![
        4 => change().prop_map(|(message, flag, on)| Step::Record { message, flag, on }),
        2 => Just(Step::Undo),
        1 => Just(Step::Redo),
        3 => Just(Step::Claim),
        4 => any::<(bool, bool)>().prop_map(|(is_done, is_heard)| Step::Answer { is_done, is_heard }),
        1 => Just(Step::Reject),
        1 => change().prop_map(|(message, flag, on)| Step::Elsewhere { message, flag, on }),
        2 => Just(Step::Pull),
        1 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ]
}

const SUBJECTS: [&str; 3] = ["one", "two", "three"];

fn change_of(flag: usize, on: bool) -> FlagChange {
    match flag {
        0 => FlagChange::one(Flag::Seen, on),
        1 => FlagChange::one(Flag::Flagged, on),
        _ => FlagChange::keyword(Keyword::new("work").unwrap(), on),
    }
}

/// A server with three messages, and what is under way to it.
struct World {
    home: Home,
    server: BTreeMap<u32, FlagSet>,
    claims: Vec<Claim>,
    /// What the user saw last of each message; only kept while nobody else changes anything.
    shown: BTreeMap<usize, FlagSet>,
    is_alone: bool,
}

impl World {
    fn new() -> Self {
        let home = three();
        let server = [(1, ""), (2, "\\Flagged"), (3, "")]
            .map(|(n, flags)| (n, FlagSet::from_wire(flags.split(' '))))
            .into();
        let mut world = Self {
            home,
            server,
            claims: Vec::new(),
            shown: BTreeMap::new(),
            is_alone: true,
        };
        world.look();
        world
    }

    fn look(&mut self) {
        for (i, subject) in SUBJECTS.iter().enumerate() {
            let row = self
                .home
                .list()
                .into_iter()
                .find(|r| r.subject.as_str() == *subject);
            self.shown.insert(i, row.unwrap().flags);
        }
    }

    fn pull(&mut self) {
        let all: Vec<FetchedMessage> = self
            .server
            .iter()
            .map(|(n, flags)| FetchedMessage {
                uid: uid(*n),
                fetched: Fetched {
                    flags: Some(flags.clone()),
                    ..Fetched::default()
                },
            })
            .collect();
        self.home.put(&all);
    }

    fn apply(&mut self, claim: &Claim) {
        self.server
            .get_mut(&claim.uid.unwrap().get())
            .unwrap()
            .apply(&flags_of_claim(claim));
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Record { message, flag, on } => {
                let placed = self.home.placed(SUBJECTS[message]);
                let kind = OpKind::Flags(change_of(flag, on));
                self.home.writer.record(&kind, &[placed], 1).unwrap();
                self.look();
            }
            Step::Undo => {
                self.home.writer.undo(1).unwrap();
                self.look();
            }
            Step::Redo => {
                self.home.writer.redo(1).unwrap();
                self.look();
            }
            Step::Claim => {
                let more = self.home.claim();
                self.claims.extend(more);
            }
            Step::Answer { is_done, is_heard } => {
                if let Some(claim) = self.claims.pop() {
                    if is_done {
                        self.apply(&claim);
                    }
                    if is_done && is_heard {
                        self.home.writer.settle(&claim.targets).unwrap();
                    } else {
                        self.home.writer.release(&claim.targets, "lost", 0).unwrap();
                    }
                }
            }
            Step::Reject => {
                if let Some(claim) = self.claims.pop() {
                    self.home.writer.reject(&claim.targets, "no").unwrap();
                    // What was sent before without an answer may have been done all the same.
                    self.is_alone = false;
                    self.look();
                }
            }
            Step::Elsewhere { message, flag, on } => {
                let n = u32::try_from(message + 1).unwrap();
                self.server.get_mut(&n).unwrap().apply(&change_of(flag, on));
                self.is_alone = false;
            }
            Step::Pull => self.pull(),
            Step::Crash => {
                // Everything that is kept twice is lost on one side.
                let broken =
                    "UPDATE placement SET flags = base, words = base_words, is_pending = 0";
                self.home.writer.conn.execute_batch(broken).unwrap();
                self.home.reopen();
                self.home.writer.recover(self.home.account).unwrap();
                self.home
                    .writer
                    .conn
                    .execute_batch(
                        "UPDATE mailbox SET unread = (SELECT count(*) FROM placement
                       WHERE mailbox = mailbox.key AND flags & 1 = 0)",
                    )
                    .unwrap();
                self.claims.clear();
            }
            Step::Restart => {
                self.home.reopen();
                self.home.writer.recover(self.home.account).unwrap();
                self.claims.clear();
            }
        }
    }

    /// visible = base ⊕ pending, and what is counted is what is shown.
    fn check(&self) {
        let rows = self.home.list();
        for (i, subject) in SUBJECTS.iter().enumerate() {
            let row = rows
                .iter()
                .find(|r| r.subject.as_str() == *subject)
                .unwrap();
            let stored = crate::store::placements::Placement::of(
                &self.home.reader.conn,
                row.message.0,
                row.mailbox.0,
            );
            let base = stored.unwrap().unwrap().base;
            let open = crate::store::placements::pending(
                &self.home.reader.conn,
                row.message.0,
                row.mailbox.0,
                crate::store::placements::Stay::here(0),
            );
            let open = open.unwrap();
            assert_eq!(
                row.flags,
                crate::store::fold::visible(&base, &open),
                "{subject}"
            );
            assert_eq!(row.is_pending, !open.is_empty(), "{subject}");
            if self.is_alone {
                assert_eq!(
                    Some(&row.flags),
                    self.shown.get(&i),
                    "{subject} changed by itself"
                );
            }
        }
        let unread = rows.iter().filter(|r| !r.flags.has(Flag::Seen)).count();
        assert_eq!(
            self.home.mailbox("INBOX").unread,
            u32::try_from(unread).unwrap()
        );
    }

    /// Lets everything that waits get through.
    fn finish(&mut self) {
        self.home.writer.recover(self.home.account).unwrap();
        for claim in self.home.claim() {
            self.apply(&claim);
            self.home.writer.settle(&claim.targets).unwrap();
        }
        self.check();
        assert_eq!(self.home.pending(), 0);
        self.pull();
        self.check();
        for (i, subject) in SUBJECTS.iter().enumerate() {
            let n = u32::try_from(i + 1).unwrap();
            let shown = self.home.flags(subject);
            assert_eq!(
                shown,
                self.server[&n].to_string(),
                "{subject} on the server"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_the_user_asked_for_is_shown_and_reaches_the_server(
        mut steps in prop::collection::vec(step(), 1..40),
        is_calm in prop::bool::weighted(0.7),
    ) {
        let mut world = World::new();
        if is_calm {
            // Then what the user saw last is what the server must end with.
            steps.retain(|s| !matches!(s, Step::Reject | Step::Elsewhere { .. }));
        }
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}
