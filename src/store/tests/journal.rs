//! What a user asked for is kept, shown, sent and taken back, whatever happens in between.

use super::*;
use crate::model::{
    Destination, Flag, FlagChange, Keyword, MailboxId, OpKind, TargetState, UidSet,
};
use crate::store::{Claim, ServerStatus, Work};

fn star(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Flagged, on))
}

fn seen(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Seen, on))
}

pub(super) fn three() -> Home {
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
    pub(super) fn claim(&mut self) -> Vec<Claim> {
        self.writer.claim(self.account, 100, 100, true).unwrap()
    }
    pub(super) fn pending(&self) -> u32 {
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
        (Some(uid(1)), ERA, home.inbox)
    );
    assert_eq!(
        flags_of_claim(&claims[0]).add.to_string(),
        "\\Flagged \\Seen"
    );
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
    assert_eq!(
        flags_of_claim(&claims[0]),
        FlagChange::one(Flag::Seen, false)
    );
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
    assert_eq!(
        home.writer.claim(home.account, 500, 1, true).unwrap().len(),
        1
    );
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
    assert_eq!(flags_of_claim(&claims[0]).remove.words(), "work");
}

/// A move by copy whose answer is lost, and a tag on what it brings that is taken back meanwhile:
/// the source must not be removed, for there is no copy.
#[test]
fn a_tag_that_was_taken_back_does_not_prove_that_a_copy_was_made() {
    let mut home = three();
    let one = home.placed("one");
    let to = Destination::Mailbox(MailboxId {
        account: home.account,
        name: "Sent".to_owned(),
    });
    home.writer.record(&OpKind::Move(to), &[one], 1).unwrap();
    let claims = home.writer.claim(home.account, 100, 100, false).unwrap();
    assert!(matches!(claims[0].work, Work::Copy { is_move: true, .. }));
    home.reopen();
    let moved = Placed {
        mailbox: home.sent,
        ..one
    };
    home.writer.record(&star(true), &[moved], 2).unwrap();
    home.writer.undo(3).unwrap().unwrap();
    let targets = claims[0].targets.clone();
    home.writer.looked_for(&targets).unwrap();
    let again = home.writer.claim(home.account, 100, 100, false).unwrap();
    let work = again.iter().map(|c| &c.work).collect::<Vec<_>>();
    assert!(
        matches!(work.as_slice(), [Work::Copy { is_move: true, .. }]),
        "{work:?}"
    );
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
    let uids = |claims: &[Claim]| {
        claims
            .iter()
            .map(|c| c.uid.unwrap().get())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        uids(&home.writer.claim(home.account, 9, 2, true).unwrap()),
        [3, 1]
    );
    assert_eq!(
        uids(&home.writer.claim(home.account, 9, 2, true).unwrap()),
        [2]
    );
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

#[test]
fn undo_and_redo_pass_over_what_happened_by_itself() {
    let mut home = three();
    let (one, three) = (home.placed("one"), home.placed("three"));
    home.writer.record(&star(true), &[one], 1).unwrap();
    home.writer
        .record_automatic(&seen(true), &[three], 2)
        .unwrap();
    let undone = home.writer.undo(3).unwrap().unwrap();
    assert_eq!(undone.label, "Undone: starred message");
    let flags = |home: &Home| (home.flags("one"), home.flags("three"));
    assert_eq!(flags(&home), (String::new(), "\\Seen".to_owned()));
    home.writer
        .record_automatic(&seen(true), &[one], 4)
        .unwrap();
    let redone = home.writer.redo(5).unwrap().unwrap();
    assert_eq!(redone.label, "Redone: starred message");
    assert_eq!(home.flags("one"), "\\Flagged \\Seen");
    home.writer.undo(6).unwrap().unwrap();
    assert!(home.writer.undo(7).unwrap().is_none());
    assert_eq!(flags(&home), ("\\Seen".to_owned(), "\\Seen".to_owned()));
}
