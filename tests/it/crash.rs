//! The program killed right after each thing that it writes: to the journal, to the store, to the
//! server.
//!
//! A few points of each script are tried here; `PILLARBOX_FULL=1 cargo test crash -- --nocapture`
//! tries all of them. After any kill a change is done once or, where nobody was told of it, not at
//! all; the store and the server agree; and no other message is touched.

use crate::support::Kind;
use crate::support::scripts::{self, Effect, Script};
use crate::support::shim::{self, Blow, Calls};
use crate::support::sweep::{Rehearsed, is_full};

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
/// How many points are tried beside those right after such commands.
const FEW: usize = 4;

fn killed_anywhere(name: &str, script: Script) {
    let Some(rehearsed) = Rehearsed::new(script) else {
        return;
    };
    let shim = shim::shim().unwrap();
    let points = points(&rehearsed);
    rehearsed.sweep(name, &points, |blow| {
        let stage = rehearsed.stage.copy();
        let (output, calls) = rehearsed.run_under(shim, &stage, Calls::All, *blow);
        let is_told = !output.stdout.is_empty() && rehearsed.script.effect == Effect::Change;
        let last = calls.last().map_or("nothing", |call| call.what.as_str());
        rehearsed
            .judge(&stage, is_told)
            .map_err(|why| format!("after {last:?} ({:?}): {why}", output.code))
    });
}

/// Where to kill. The last ones lie beyond the end: a run may write a little more than the first.
fn points(rehearsed: &Rehearsed) -> Vec<Blow> {
    let total = rehearsed.calls.len() as u64;
    if is_full() {
        let kills = (1..=total + 3).map(Blow::KillAfter);
        return kills.chain((1..=total).map(Blow::Tear)).collect();
    }
    let numbered = (1..).zip(&rehearsed.calls);
    let mut chosen: Vec<u64> = numbered
        .filter(|(_, call)| VERBS.iter().any(|verb| call.what.contains(verb)))
        .map(|(n, _)| n)
        .collect();
    chosen.extend((1..=FEW as u64).map(|part| total * part / (FEW as u64 + 1) + 1));
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(Blow::KillAfter).collect()
}

#[test]
fn what_the_program_writes_to_files_and_to_the_server_is_seen() {
    let script = Script::change(Kind::Full, scripts::flag_two);
    let Some(rehearsed) = Rehearsed::new(script) else {
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
    killed_anywhere("flag", Script::change(Kind::Full, scripts::flag_two));
}

#[test]
fn tags_arrive_once_wherever_the_program_is_killed() {
    killed_anywhere("tag", Script::change(Kind::Plain, scripts::tag_one));
}

#[test]
fn a_first_fetch_killed_anywhere_ends_with_each_message_once() {
    let script = Script {
        effect: Effect::Fetch,
        ..Script::change(Kind::Full, scripts::sync).on(scripts::unseen_mail)
    };
    killed_anywhere("first fetch", script);
}

#[test]
fn a_fetch_of_what_others_changed_killed_anywhere_ends_with_what_is_there() {
    let script = Script {
        effect: Effect::Fetch,
        ..Script::change(Kind::Full, scripts::sync).on(scripts::changed_elsewhere)
    };
    killed_anywhere("fetch", script);
}
