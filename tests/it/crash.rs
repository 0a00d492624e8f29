//! The program killed right after each thing that it writes: to the journal, to the store, to the
//! server.
//!
//! A few points of each script are tried here; `PILLARBOX_FULL=1 cargo test crash -- --nocapture`
//! tries all of them, with `PILLARBOX_ONLY=kills` without those in the middle of a write and those
//! that come twice. After any kill a change is done once or, where nobody was told of it, not at
//! all; the store and the server agree; and no other message is touched.

use crate::support::scripts::{self, Effect, Script};
use crate::support::shim::{self, Blow, Calls};
use crate::support::sweep::{self, Rehearsed, stride};

/// Commands that change something on the server.
const VERBS: [&str; 9] = [
    "MOVE",
    "COPY",
    "STORE",
    "EXPUNGE",
    "APPEND",
    "CREATE",
    "RENAME",
    "DELETE",
    "SUBSCRIBE",
];
/// How many writes later the answer is there and its consequence is being written.
const ANSWERED: u64 = 2;
/// How many points are tried beside those right after such commands.
const FEW: usize = 4;

/// How many things a sync writes, at least; and a number that hits all of them in turn.
const LIKELY: u64 = 400;
const SPREAD: u64 = 7_919;

fn killed_anywhere(script: Script) {
    let Some(rehearsed) = Rehearsed::new(script) else {
        return;
    };
    let shim = shim::shim().unwrap();
    let points = points(&rehearsed);
    rehearsed.sweep(&points, |point| {
        let stage = rehearsed.stage.copy();
        let (output, calls) = rehearsed.run_under(shim, &stage, Calls::All, point.first);
        let is_told = !output.stdout.is_empty() && rehearsed.script.effect == Effect::Change;
        let mut last = calls.last().map_or(String::new(), |call| call.what.clone());
        let was_recorded = rehearsed.was_recorded(&stage);
        if let Some(second) = point.second {
            let sync = ["sync".to_owned()];
            let (_, calls) = sweep::run_under(shim, &stage, &sync, second);
            last += &calls
                .last()
                .map_or(String::new(), |call| format!(", then {}", call.what));
        }
        rehearsed
            .judge(&stage, is_told, was_recorded)
            .map_err(|why| format!("after {last:?} ({:?}): {why}", output.code))
    });
}

/// What goes wrong with the command, and then with the first attempt to go on.
#[derive(Debug, Clone, Copy)]
struct Point {
    first: Blow,
    second: Option<Blow>,
}

/// Where to kill. The last ones lie beyond the end: a run may write a little more than the first.
fn points(rehearsed: &Rehearsed) -> Vec<Point> {
    let total = rehearsed.calls.len() as u64;
    let once = |first| Point {
        first,
        second: None,
    };
    let twice = |n| Point {
        first: Blow::KillAfter(n),
        second: Some(Blow::KillAfter(n * SPREAD % LIKELY + 1)),
    };
    if let Some(stride) = stride() {
        let kills = (1..=total + 3).map(Blow::KillAfter).map(once);
        let torn = (1..=total).map(Blow::Tear).map(once);
        if std::env::var_os("PILLARBOX_ONLY").is_some_and(|only| only == "kills") {
            return kills.step_by(stride).collect();
        }
        let all = kills.chain(torn).chain((1..=total).map(twice));
        return all.step_by(stride).collect();
    }
    let numbered = (1..).zip(&rehearsed.calls);
    let mut chosen: Vec<u64> = numbered
        .filter(|(_, call)| VERBS.iter().any(|verb| call.what.contains(verb)))
        .flat_map(|(n, _)| [n, n + ANSWERED])
        .collect();
    chosen.extend((1..=FEW as u64).map(|part| total * part / (FEW as u64 + 1) + 1));
    chosen.sort_unstable();
    chosen.dedup();
    let last = chosen.last().copied().map(twice);
    let kills = chosen.into_iter().map(Blow::KillAfter).map(once);
    kills.chain(last).collect()
}

#[test]
fn what_the_program_writes_to_files_and_to_the_server_is_seen() {
    let Some(rehearsed) = Rehearsed::new(scripts::FLAG) else {
        return;
    };
    let calls = &rehearsed.calls;
    let count = |words: &[&str]| {
        let has_all = |what: &str| words.iter().all(|word| what.contains(word));
        calls.iter().filter(|call| has_all(&call.what)).count()
    };
    assert!(count(&["pwrite own.db-wal"]) >= 2, "{calls:#?}");
    assert!(count(&["sync own.db-wal"]) >= 2, "{calls:#?}");
    assert!(count(&["pwrite mirror.db-wal"]) >= 2, "{calls:#?}");
    assert_eq!(count(&["server", "UID STORE"]), 2, "{calls:#?}");
    assert_eq!(count(&["server", "LOGOUT"]), 1, "{calls:#?}");
}

#[test]
fn flags_arrive_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::FLAG);
}

#[test]
fn tags_arrive_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::TAG);
}

#[test]
fn a_first_fetch_killed_anywhere_ends_with_each_message_once() {
    killed_anywhere(scripts::SYNC_THE_FIRST);
}

#[test]
fn a_fetch_of_what_others_changed_killed_anywhere_ends_with_what_is_there() {
    killed_anywhere(scripts::SYNC);
}

#[test]
fn a_move_by_move_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_MOVE);
}

#[test]
fn a_move_by_copy_and_uid_expunge_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_UIDPLUS);
}

#[test]
fn a_move_by_copy_alone_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_NEITHER);
}

#[test]
fn a_move_of_a_message_without_an_id_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_WITHOUT_AN_ID_NEITHER);
}

#[test]
fn a_move_beside_a_message_that_others_deleted_leaves_that_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_BESIDE_A_DELETED_ONE);
}

#[test]
fn a_copy_is_made_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::COPY_UIDPLUS);
}

#[test]
fn a_copy_is_made_once_without_copyuid_wherever_the_program_is_killed() {
    killed_anywhere(scripts::COPY_NEITHER);
}

#[test]
fn a_move_to_another_account_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_ACROSS_UIDPLUS);
}

#[test]
fn a_move_to_another_account_is_done_once_without_appenduid_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_ACROSS_NEITHER);
}

#[test]
fn a_copy_to_another_account_is_made_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::COPY_ACROSS);
}

#[test]
fn archiving_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::ARCHIVE);
}

#[test]
fn throwing_away_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::TRASH);
}

#[test]
fn deleting_for_good_takes_only_what_was_meant_wherever_the_program_is_killed() {
    killed_anywhere(scripts::DELETE_UIDPLUS);
}

#[test]
fn deleting_for_good_without_uidplus_takes_only_what_was_meant_wherever_the_program_is_killed() {
    killed_anywhere(scripts::DELETE_NEITHER);
}

#[test]
fn deleting_for_good_without_uidplus_leaves_what_others_deleted_wherever_the_program_is_killed() {
    killed_anywhere(scripts::DELETE_BESIDE_A_DELETED_ONE);
}

#[test]
fn a_folder_is_made_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_CREATE);
}

#[test]
fn a_folder_is_renamed_with_all_in_it_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_RENAME);
}

#[test]
fn an_empty_folder_is_deleted_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_DELETE_EMPTY);
}

#[test]
fn a_folder_with_mail_is_thrown_away_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_DELETE_WITH_MAIL);
}

#[test]
fn a_folder_is_subscribed_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_SUBSCRIBE);
}

#[test]
fn a_folder_is_unsubscribed_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_UNSUBSCRIBE);
}

#[test]
fn undo_of_a_move_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_UNDONE_MOVE);
}

#[test]
fn undo_of_a_move_by_copy_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_UNDONE_NEITHER);
}

#[test]
fn what_was_queued_is_sent_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_AND_FLAGS_QUEUED_MOVE);
}

#[test]
fn what_was_queued_is_sent_once_by_copy_and_uid_expunge_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_AND_FLAGS_QUEUED_UIDPLUS);
}

#[test]
fn what_was_queued_is_sent_once_by_copy_alone_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_AND_FLAGS_QUEUED_NEITHER);
}

#[test]
fn a_move_of_a_copy_that_was_not_sent_yet_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MOVE_OF_A_COPY_QUEUED_MOVE);
}

#[test]
fn a_move_of_a_copy_that_was_not_sent_yet_is_done_once_by_copy_alone_wherever_the_program_is_killed()
 {
    killed_anywhere(scripts::MOVE_OF_A_COPY_QUEUED_NEITHER);
}

#[test]
fn a_folder_that_was_made_and_filled_offline_comes_to_be_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::MAILBOX_WITH_MAIL_QUEUED);
}

#[test]
fn archiving_a_copy_that_was_not_sent_yet_is_done_once_wherever_the_program_is_killed() {
    killed_anywhere(scripts::ARCHIVE_OF_A_COPY);
}
