//! A disk that is full or broken, at each thing that the program writes there.
//!
//! A write fails once, or all later ones do, too; then there is room again. A change is done once or,
//! where nobody was told of it, not at all. A few points are tried here; `PILLARBOX_FULL=1 cargo test
//! disk -- --nocapture` tries all of them.

use crate::support::scripts::{self, Effect, Script};
use crate::support::shim::{self, Blow, Calls, Errno};
use crate::support::sweep::{Rehearsed, stride};

/// How many points are tried where not all are.
const FEW: u64 = 5;

/// What the disk does, and which calls are counted for it.
#[derive(Debug, Clone, Copy)]
struct Fault {
    calls: Calls,
    blow: Blow,
}

fn failing_anywhere(script: Script, calls: Calls, blow: impl Fn(u64) -> Blow) {
    let Some(rehearsed) = Rehearsed::new(script) else {
        return;
    };
    let shim = shim::shim().unwrap();
    let stage = rehearsed.stage.copy();
    let (_, seen) = rehearsed.run_under(shim, &stage, calls, Blow::None);
    let total = seen.len() as u64;
    let numbers: Vec<u64> = match stride() {
        Some(stride) => (1..=total).step_by(stride).collect(),
        None => (0..FEW).map(|part| 1 + total * part / FEW).collect(),
    };
    let faults = numbers.into_iter().map(|n| Fault {
        calls,
        blow: blow(n),
    });
    let faults: Vec<Fault> = faults.collect();
    rehearsed.sweep(&faults, |fault| {
        let stage = rehearsed.stage.copy();
        let (output, calls) = rehearsed.run_under(shim, &stage, fault.calls, fault.blow);
        let Some(code) = output.code else {
            return Err(format!("it did not end by itself: {output:?}"));
        };
        // Whatever it says, it says in one sentence for each thing that failed.
        if code != 0 && !output.stderr.starts_with("pillarbox: ") {
            return Err(format!("it does not say why: {output:?}"));
        }
        let last = calls.last().map_or("nothing", |call| call.what.as_str());
        let is_told = !output.stdout.is_empty() && rehearsed.script.effect == Effect::Change;
        rehearsed
            .judge(&stage, is_told, rehearsed.was_recorded(&stage))
            .map_err(|why| format!("last {last:?}, {output:?}: {why}"))
    });
}

#[test]
fn a_change_meets_a_write_that_finds_no_room() {
    failing_anywhere(scripts::FLAG, Calls::Files, |n| Blow::Fail(n, Errno::Full));
}

#[test]
fn a_change_meets_a_disk_that_is_full_from_then_on() {
    let blow = |n| Blow::FailFrom(n, Errno::Full);
    failing_anywhere(scripts::FLAG, Calls::Files, blow);
}

#[test]
fn a_change_meets_a_write_that_fails() {
    failing_anywhere(scripts::FLAG, Calls::Files, |n| {
        Blow::Fail(n, Errno::Broken)
    });
}

#[test]
fn a_change_meets_a_sync_that_fails() {
    failing_anywhere(scripts::FLAG, Calls::Syncs, |n| {
        Blow::Fail(n, Errno::Broken)
    });
}

#[test]
fn a_change_meets_a_disk_that_syncs_no_more() {
    let blow = |n| Blow::FailFrom(n, Errno::Broken);
    failing_anywhere(scripts::FLAG, Calls::Syncs, blow);
}

#[test]
fn a_move_meets_a_disk_that_is_full_from_then_on() {
    let blow = |n| Blow::FailFrom(n, Errno::Full);
    failing_anywhere(scripts::MOVE_NEITHER, Calls::Files, blow);
}

#[test]
fn a_move_to_another_account_meets_a_write_that_fails() {
    let blow = |n| Blow::Fail(n, Errno::Broken);
    failing_anywhere(scripts::MOVE_ACROSS_UIDPLUS, Calls::Files, blow);
}

#[test]
fn a_renamed_folder_meets_a_write_that_finds_no_room() {
    let blow = |n| Blow::Fail(n, Errno::Full);
    failing_anywhere(scripts::MAILBOX_RENAME, Calls::Files, blow);
}

#[test]
fn a_first_fetch_meets_a_disk_that_is_full_from_then_on() {
    let blow = |n| Blow::FailFrom(n, Errno::Full);
    failing_anywhere(scripts::SYNC_THE_FIRST, Calls::Files, blow);
}

#[test]
fn a_fetch_meets_a_write_that_fails() {
    failing_anywhere(scripts::SYNC, Calls::Files, |n| {
        Blow::Fail(n, Errno::Broken)
    });
}
