//! The program killed right after each thing that it writes while it fetches the mail of a maildrop.
//!
//! A few points are tried here; `PILLARBOX_FULL=1 cargo test pop3_crash -- --nocapture` tries all of
//! them, those in the middle of a write and those that come twice. After any kill nothing is gone from
//! the server that is not here, and in the end each message is here once.

use crate::support::maildrop::{Fetching, LEAVE, TAKE, is_nothing_lost, kept, letters};
use crate::support::shim::{self, Blow, Call, Calls};
use crate::support::sweep::{self, stride};
use crate::support::{Output, copy_folder};
use pillarbox::demo::pop3::Options;

/// How much mail there is.
const COUNT: u32 = 20;
/// What is said to the server when something becomes true there.
const WORDS: [&str; 5] = ["RETR", "STAT", "DELE", "QUIT", "UIDL"];
/// How many other points are tried.
const FEW: u64 = 8;
/// A number that hits all of the points of a second run in turn.
const SPREAD: u64 = 7_919;

/// What goes wrong with the first round, and then with the attempt to go on.
#[derive(Debug, Clone, Copy)]
struct Point {
    first: Blow,
    second: Option<Blow>,
}

/// A round of a program that was never started.
struct Round {
    /// The keys of the server.
    keys: &'static str,
    /// Whether the mail is to stay on the server.
    is_left: bool,
}

const TAKEN: Round = Round {
    keys: TAKE,
    is_left: false,
};
const LEFT: Round = Round {
    keys: LEAVE,
    is_left: true,
};

impl Round {
    fn begin(&self) -> Fetching {
        Fetching::new(Options::default(), self.keys, &letters(COUNT))
    }

    /// Runs it while something is wrong.
    fn run(fetching: &Fetching, blow: Blow) -> Option<(Output, Vec<Call>)> {
        fetching.server.wait_left();
        let shim = shim::shim()?;
        let program = &fetching.program;
        Some(sweep::run_program(
            shim,
            program,
            &["sync"],
            Calls::All,
            blow,
        ))
    }

    fn judge(&self, fetching: &Fetching) -> Result<(), String> {
        fetching.server.wait_left();
        let all = letters(COUNT);
        is_nothing_lost(&untouched(fetching), &fetching.server.there(), &all)?;
        fetching.settle(&all)?;
        let left = fetching.server.there().len();
        let expected = if self.is_left { all.len() } else { 0 };
        if left != expected {
            return Err(format!("{left} messages are on the server"));
        }
        drop(fetching.server.peer.take_log());
        fetching.settle(&all)?;
        match fetching.server.said("RETR") + fetching.server.said("DELE") {
            0 => Ok(()),
            more => Err(format!("{more} commands for what was settled")),
        }
    }

    fn killed_anywhere(&self, name: &str) {
        let rehearsal = self.begin();
        let Some((output, calls)) = Self::run(&rehearsal, Blow::None) else {
            return;
        };
        assert_eq!(output.code, Some(0), "{output:?}");
        self.judge(&rehearsal).unwrap();
        sweep::sweep(name, &points(&calls), |point| {
            let fetching = self.begin();
            let (output, calls) = Self::run(&fetching, point.first).unwrap();
            let mut last = calls.last().map_or(String::new(), |call| call.what.clone());
            if let Some(second) = point.second {
                let (_, calls) = Self::run(&fetching, second).unwrap();
                last += &calls
                    .last()
                    .map_or(String::new(), |call| format!(", then {}", call.what));
            }
            self.judge(&fetching)
                .map_err(|why| format!("after {last:?} ({:?}): {why}", output.code))
        });
    }
}

/// What a program that was killed keeps, seen in a copy: a look into it would tidy up.
fn untouched(fetching: &Fetching) -> Vec<Vec<u8>> {
    let data = fetching.program.data_dir();
    if !data.exists() {
        return Vec::new();
    }
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("data");
    copy_folder(&data, &copied);
    kept(&copied)
}

/// Where to kill. The last ones lie beyond the end: a run may write a little more than the first.
fn points(calls: &[Call]) -> Vec<Point> {
    let total = calls.len() as u64;
    let once = |first| Point {
        first,
        second: None,
    };
    let twice = |n| Point {
        first: Blow::KillAfter(n),
        second: Some(Blow::KillAfter(n * SPREAD % total + 1)),
    };
    if let Some(stride) = stride() {
        let kills = (1..=total + 3).map(Blow::KillAfter).map(once);
        let torn = (1..=total).map(Blow::Tear).map(once);
        let all = kills.chain(torn).chain((1..=total).map(twice));
        return all.step_by(stride).collect();
    }
    let numbered = (1..).zip(calls);
    let mut chosen: Vec<u64> = numbered
        .filter(|(_, call)| WORDS.iter().any(|word| call.what.contains(word)))
        .map(|(n, _)| n)
        .collect();
    chosen.extend((1..=FEW).map(|part| total * part / (FEW + 1) + 1));
    chosen.sort_unstable();
    chosen.dedup();
    let last = chosen.last().copied();
    let torn = last.map(|n| once(Blow::Tear(n)));
    let second = chosen.first().copied().map(twice);
    let kills = chosen.into_iter().map(Blow::KillAfter).map(once);
    kills.chain(torn).chain(second).collect()
}

#[test]
fn fetched_mail_is_here_once_and_nothing_else_is_deleted_wherever_the_program_is_killed() {
    TAKEN.killed_anywhere("maildrop, taken");
}

#[test]
fn mail_that_stays_on_the_server_is_fetched_once_wherever_the_program_is_killed() {
    LEFT.killed_anywhere("maildrop, left");
}

#[test]
fn what_is_deleted_on_the_server_was_on_the_disk_before() {
    let fetching = TAKEN.begin();
    let Some((output, calls)) = Round::run(&fetching, Blow::None) else {
        return;
    };
    assert_eq!(output.code, Some(0), "{output:?}");
    let mut stored = 0;
    let mut unsafe_since = None;
    for call in &calls {
        if call.what.contains("write local.db-wal") {
            stored += 1;
            unsafe_since.get_or_insert(&call.what);
        } else if call.what.contains("sync local.db-wal") {
            unsafe_since = None;
        } else if call.what.contains("DELE") || call.what.contains("QUIT") {
            assert!(stored > 0, "nothing was stored before {}", call.what);
            assert_eq!(unsafe_since, None, "before {}", call.what);
        }
    }
    let is_said = |word: &str| calls.iter().any(|call| call.what.contains(word));
    assert!(is_said("DELE") && is_said("QUIT"), "{calls:#?}");
}
