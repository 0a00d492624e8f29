//! What a user asked for is kept, shown, sent and taken back, whatever happens in between.

use super::*;
use crate::model::{Flag, FlagChange, Keyword, OpKind, TargetState, UidSet};
use crate::store::{Claim, ServerStatus};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn star(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Flagged, on))
}

fn seen(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Seen, on))
}

fn three() -> Home {
    let mut home = Home::new();
    home.put(&[
        message(1, "one", &[]),
        message(2, "two", &["\\Flagged"]),
        message(3, "three", &[]),
    ]);
    home.writer
        .put_cursor(home.inbox, complete(4), ServerStatus::default())
        .unwrap();
    home
}

impl Home {
    fn claim(&mut self) -> Vec<Claim> {
        self.writer.claim(self.account, 100, 100).unwrap()
    }
    fn pending(&self) -> u32 {
        self.reader.accounts().unwrap()[0].pending
    }
}

#[test]
fn a_recorded_change_is_shown_at_once_and_only_what_really_changes_is_recorded() {
    let mut home = three();
    let targets = [home.placed("one"), home.placed("two"), home.placed("one")];
    let done = home.writer.record(&star(true), &targets, 1).unwrap();
    assert_eq!(done.label, "Starred message");
    assert_eq!(done.changed, [home.inbox]);
    assert_eq!(done.accounts, [home.account]);
    assert_eq!(home.flags("one"), "\\Flagged");
    assert!(home.list().iter().any(|r| r.is_pending));
    assert_eq!(home.pending(), 1);
    let again = home.writer.record(&star(true), &targets, 1).unwrap();
    assert_eq!(
        (again.op, again.label.as_str()),
        (None, "Nothing to change")
    );
}

#[test]
fn counts_hold_what_is_pending() {
    let mut home = three();
    assert_eq!(home.mailbox("INBOX").unread, 3);
    let targets = [home.placed("one"), home.placed("two")];
    home.writer.record(&seen(true), &targets, 1).unwrap();
    assert_eq!(home.mailbox("INBOX").unread, 1);
    home.reopen();
    assert_eq!(home.mailbox("INBOX").unread, 1);
}

#[test]
fn a_claim_names_what_to_change_and_settling_it_makes_it_base() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&seen(true), &[one], 1).unwrap();
    home.writer.record(&star(true), &[one], 2).unwrap();
    let claims = home.claim();
    assert_eq!(claims.len(), 1);
    assert_eq!(
        (claims[0].uid, claims[0].uid_validity, claims[0].mailbox),
        (uid(1), ERA, home.inbox)
    );
    assert_eq!(claims[0].change.add.to_string(), "\\Flagged \\Seen");
    assert_eq!(home.claim(), [], "what is in flight is not claimed again");
    assert_eq!(
        home.writer.settle(&claims[0].targets).unwrap(),
        [home.inbox]
    );
    assert_eq!(home.pending(), 0);
    let row = home.list().pop().unwrap();
    assert_eq!(
        (row.flags.to_string().as_str(), row.is_pending),
        ("\\Flagged \\Seen", false)
    );
    assert_eq!(home.reader.open_ops().unwrap(), []);
}

#[test]
fn opposite_changes_cancel_out_without_the_network() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&seen(true), &[one], 1).unwrap();
    let done = home.writer.record(&seen(false), &[one], 2).unwrap();
    assert_eq!(done.accounts, []);
    assert_eq!((home.pending(), home.flags("one").as_str()), (0, ""));
    assert_eq!(home.claim(), []);
    assert!(!home.list().iter().any(|r| r.is_pending));
}

#[test]
fn what_may_have_been_sent_is_taken_back_on_the_server_too() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&seen(true), &[one], 1).unwrap();
    let lost = home.claim();
    home.writer
        .release(&lost[0].targets, "connection lost", 50)
        .unwrap();
    home.writer.undo(60).unwrap().unwrap();
    let claims = home.claim();
    assert_eq!(claims[0].change, FlagChange::one(Flag::Seen, false));
    home.writer.settle(&claims[0].targets).unwrap();
    assert_eq!((home.pending(), home.flags("one").as_str()), (0, ""));
}

#[test]
fn a_rejected_change_restores_the_row_and_stays_listed() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    let claims = home.claim();
    let changed = home
        .writer
        .reject(&claims[0].targets, "permission denied")
        .unwrap();
    assert_eq!(changed, [home.inbox]);
    assert_eq!(home.flags("one"), "");
    let listed = home.reader.open_ops().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].state, TargetState::Rejected);
    assert_eq!(
        (listed[0].error.as_str(), listed[0].attempts),
        ("permission denied", 1)
    );
    assert_eq!(
        home.writer.undo(9).unwrap(),
        None,
        "there is nothing left to undo"
    );
}

#[test]
fn a_released_change_waits_for_its_time() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    let claims = home.claim();
    home.writer
        .release(&claims[0].targets, "busy", 500)
        .unwrap();
    assert_eq!(home.claim(), []);
    let listed = &home.reader.open_ops().unwrap()[0];
    assert_eq!(
        (listed.state, listed.error.as_str()),
        (TargetState::Queued, "busy")
    );
    assert_eq!(home.writer.claim(home.account, 500, 1).unwrap().len(), 1);
}

#[test]
fn what_was_in_flight_is_sent_again_by_the_next_owner_only() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    home.claim();
    home.reopen();
    assert_eq!(
        home.claim(),
        [],
        "another process may still wait for the answer"
    );
    assert_eq!(home.writer.recover(home.account).unwrap(), 1);
    assert_eq!(home.claim().len(), 1);
}

#[test]
fn a_pull_never_flickers_a_pending_change_away() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&seen(true), &[one], 1).unwrap();
    home.put(&[flags_of(1, &["\\Answered"])]);
    assert_eq!(home.flags("one"), "\\Answered \\Seen");
    let claims = home.claim();
    home.put(&[flags_of(1, &["\\Answered", "\\Flagged"])]);
    assert_eq!(home.flags("one"), "\\Answered \\Flagged \\Seen");
    home.writer.settle(&claims[0].targets).unwrap();
    assert_eq!(home.flags("one"), "\\Answered \\Flagged \\Seen");
}

#[test]
fn undo_and_redo_go_back_and_forth_in_series_and_after_a_restart() {
    let mut home = three();
    let (one, three) = (home.placed("one"), home.placed("three"));
    home.writer.record(&star(true), &[one, three], 1).unwrap();
    home.writer.record(&seen(true), &[one], 2).unwrap();
    let state = |home: &Home| format!("{} | {}", home.flags("one"), home.flags("three"));
    assert_eq!(state(&home), "\\Flagged \\Seen | \\Flagged");
    assert_eq!(
        home.writer.undo(3).unwrap().unwrap().label,
        "Undone: marked read message"
    );
    assert_eq!(state(&home), "\\Flagged | \\Flagged");
    home.reopen();
    assert_eq!(
        home.writer.undo(4).unwrap().unwrap().label,
        "Undone: starred 2 messages"
    );
    assert_eq!(state(&home), " | ");
    assert_eq!(home.writer.undo(5).unwrap(), None);
    assert_eq!(home.pending(), 0, "all of it cancelled out");
    assert_eq!(
        home.writer.redo(6).unwrap().unwrap().label,
        "Redone: starred 2 messages"
    );
    assert_eq!(state(&home), "\\Flagged | \\Flagged");
    home.reopen();
    assert_eq!(
        home.writer.redo(7).unwrap().unwrap().label,
        "Redone: marked read message"
    );
    assert_eq!(state(&home), "\\Flagged \\Seen | \\Flagged");
    assert_eq!(home.writer.redo(8).unwrap(), None);
    home.writer.undo(9).unwrap().unwrap();
    home.writer.undo(10).unwrap().unwrap();
    assert_eq!(state(&home), " | ");
    home.writer.redo(11).unwrap().unwrap();
    home.writer.record(&star(false), &[three], 12).unwrap();
    assert_eq!(
        home.writer.redo(13).unwrap(),
        None,
        "something else was done since"
    );
    home.writer.undo(14).unwrap().unwrap();
    assert_eq!(state(&home), "\\Flagged | \\Flagged");
}

#[test]
fn an_undo_after_the_server_knew_is_a_change_of_its_own() {
    let mut home = three();
    let one = home.placed("one");
    let tag = OpKind::Flags(FlagChange::keyword(Keyword::new("work").unwrap(), true));
    home.writer.record(&tag, &[one], 1).unwrap();
    let claims = home.claim();
    home.writer.settle(&claims[0].targets).unwrap();
    home.writer.undo(2).unwrap().unwrap();
    assert_eq!(home.flags("one"), "");
    let claims = home.claim();
    assert_eq!(claims[0].change.remove.words(), "work");
}

#[test]
fn an_undo_takes_back_only_what_is_still_so() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    let claims = home.claim();
    home.writer.settle(&claims[0].targets).unwrap();
    home.put(&[flags_of(1, &[])]);
    let undone = home.writer.undo(2).unwrap().unwrap();
    assert_eq!(undone.op, None);
    assert_eq!(home.writer.undo(3).unwrap(), None);
}

#[test]
fn a_change_of_a_message_that_is_gone_is_refused_in_words() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    home.writer
        .remove(home.inbox, ERA, &UidSet::range(uid(1), uid(1)))
        .unwrap();
    assert_eq!(home.claim(), []);
    let listed = &home.reader.open_ops().unwrap()[0];
    assert_eq!(listed.state, TargetState::Rejected);
    assert_eq!(listed.error, "the message is no longer in the folder INBOX");
}

#[test]
fn a_change_in_a_folder_that_is_gone_is_refused_in_words() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    home.writer
        .put_tree(home.account, &[entry("Sent", None)])
        .unwrap();
    let listed = &home.reader.open_ops().unwrap()[0];
    assert_eq!(listed.error, "the folder INBOX is no longer on the server");
    assert_eq!(home.pending(), 0);
}

#[test]
fn claims_come_in_the_order_of_the_user_up_to_the_limit() {
    let mut home = three();
    for subject in ["three", "one", "two"] {
        let placed = home.placed(subject);
        home.writer.record(&seen(true), &[placed], 1).unwrap();
    }
    let uids = |claims: &[Claim]| claims.iter().map(|c| c.uid.get()).collect::<Vec<_>>();
    assert_eq!(
        uids(&home.writer.claim(home.account, 9, 2).unwrap()),
        [3, 1]
    );
    assert_eq!(uids(&home.writer.claim(home.account, 9, 2).unwrap()), [2]);
}

#[test]
fn a_crash_between_the_two_files_is_repaired_at_the_next_start() {
    let mut home = three();
    let one = home.placed("one");
    home.writer.record(&star(true), &[one], 1).unwrap();
    // As if the process had ended after the journal was written and before the row was.
    home.writer
        .conn
        .execute_batch("UPDATE placement SET flags = base, is_pending = 0")
        .unwrap();
    assert_eq!(home.flags("one"), "");
    home.reopen();
    assert_eq!(home.flags("one"), "\\Flagged");
    // And as if it had ended after a refusal was written.
    home.writer
        .conn
        .execute_batch("UPDATE own.op_target SET state = 3")
        .unwrap();
    home.reopen();
    let row = home.list().pop().unwrap();
    assert_eq!(
        (row.flags.to_string().as_str(), row.is_pending),
        ("", false)
    );
}

#[test]
fn old_operations_are_forgotten_but_none_that_is_open() {
    let mut home = three();
    let (one, three) = (home.placed("one"), home.placed("three"));
    home.writer.record(&star(true), &[one], 1).unwrap();
    let claims = home.claim();
    home.writer.settle(&claims[0].targets).unwrap();
    home.writer.record(&star(true), &[three], 2).unwrap();
    let month = 31 * 24 * 3600;
    home.writer.tidy(month).unwrap();
    assert_eq!(home.pending(), 1);
    let undone = home.writer.undo(month).unwrap().unwrap();
    assert_eq!(undone.label, "Undone: starred message");
    assert_eq!(home.writer.undo(month).unwrap(), None);
}

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
            .get_mut(&claim.uid.get())
            .unwrap()
            .apply(&claim.change);
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
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
            world.check();
        }
        world.finish();
    }
}
