//! Runs a script again and again, each time with another thing that goes wrong, and holds what came
//! of it against the run in which nothing did.
//!
//! Used by the tests of crashes, cuts and broken disks. Either nothing of a change may have happened
//! (where it was never recorded and nobody was told of it), or all of it, once; and the store must
//! be equal to the server in the end.

use super::held::{Sight, last_waiting, refused};
use super::scripts::{Effect, Script};
use super::shim::{self, Blow, Call, Calls};
use super::{Output, Program, Stage};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Points that are worked on at the same time.
const WORKERS: usize = 3;
/// How many failures are told in full.
const TOLD_MAX: usize = 6;

/// Every how manieth point is to be tried, where not just a few.
pub(crate) fn stride() -> Option<usize> {
    let value = std::env::var_os("PILLARBOX_FULL")?.into_string();
    value.ok()?.parse().ok().filter(|stride| *stride > 0)
}

/// A scene, and how it ends where nothing goes wrong.
pub(crate) struct Rehearsed {
    pub(crate) script: Script,
    pub(crate) stage: Stage,
    pub(crate) args: Vec<String>,
    pub(crate) before: Vec<Sight>,
    pub(crate) after: Vec<Sight>,
    /// The last operation that the scene recorded and did not send.
    queued: i64,
    /// Everything that the undisturbed run wrote.
    pub(crate) calls: Vec<Call>,
}

impl Rehearsed {
    /// Sets the scene and runs the script undisturbed. `None` where the shim cannot be had, or the
    /// program does not know the command.
    pub(crate) fn new(script: Script) -> Option<Self> {
        if !script.is_there() {
            return None;
        }
        let shim = shim::shim()?;
        let stage = Stage::new(script.kind, script.accounts);
        (script.prepare)(&stage);
        let args = (script.command)(&stage);
        let (queued, before) = unchanged(&stage);
        let mut rehearsed = Self {
            script,
            args,
            before,
            queued,
            after: Vec::new(),
            calls: Vec::new(),
            stage,
        };
        let stage = rehearsed.stage.copy();
        let (output, calls) = rehearsed.run_under(shim, &stage, Calls::All, Blow::None);
        // Another account may want what this round has only just fetched.
        let is_kept = script.accounts > 1 && output.code == Some(75);
        assert!(is_kept || output.code == Some(script.code), "{output:?}");
        stage.settle().unwrap();
        let held = stage.held();
        let differences = stage.differences(&held);
        assert!(differences.is_empty(), "undisturbed: {differences}");
        let refused = refused(&stage.data_dir());
        assert_eq!(!refused.is_empty(), script.is_refused(), "{refused:?}");
        rehearsed.after = held.iter().map(super::held::Held::sight).collect();
        let is_changed = rehearsed.before != rehearsed.after;
        assert_eq!(is_changed, script.effect == Effect::Change, "undisturbed");
        rehearsed.calls = calls;
        Some(rehearsed)
    }

    /// Runs the command on a copy of the scene; what it said and what it wrote.
    pub(crate) fn run_under(
        &self,
        shim: &Path,
        stage: &Stage,
        calls: Calls,
        blow: Blow,
    ) -> (Output, Vec<Call>) {
        run(shim, stage, &self.args, calls, blow)
    }

    /// Whether the journal holds what the command wanted.
    pub(crate) fn was_recorded(&self, stage: &Stage) -> bool {
        match self.script.effect {
            Effect::Change => {
                stage.data_dir().exists() && last_waiting(&stage.data_dir()) > self.queued
            }
            Effect::Send => true,
            Effect::Fetch => false,
        }
    }

    /// Holds what became of a disturbed run against the undisturbed one, after everything settled.
    /// `is_told`: the user was told that it is done, or will be.
    pub(crate) fn judge(
        &self,
        stage: &Stage,
        is_told: bool,
        was_recorded: bool,
    ) -> Result<(), String> {
        stage.settle()?;
        let refused = refused(&stage.data_dir());
        if !refused.is_empty() && !self.script.is_refused() {
            return Err(format!("refused: {refused:?}"));
        }
        let held = stage.held();
        let differences = stage.differences(&held);
        if !differences.is_empty() {
            return Err(format!("store and server differ:\n{differences}"));
        }
        let now: Vec<Sight> = held.iter().map(super::held::Held::sight).collect();
        let may_be_before = !was_recorded && !is_told;
        if now == self.after || (may_be_before && now == self.before) {
            return Ok(());
        }
        let told = if is_told { "told" } else { "not told" };
        let recorded = if was_recorded {
            "recorded"
        } else {
            "not recorded"
        };
        Err(format!(
            "{told}, {recorded}; expected\n{}but there is\n{}",
            shown(&self.after),
            shown(&now)
        ))
    }

    /// Tries points with several workers; panics with what went wrong.
    pub(crate) fn sweep<P: Sync + std::fmt::Debug>(
        &self,
        points: &[P],
        attempt: impl Fn(&P) -> Result<(), String> + Sync,
    ) {
        sweep(self.script.name, points, attempt);
    }
}

/// Tries points with several workers and prints how many there were; panics with what went wrong.
pub(crate) fn sweep<P: Sync + std::fmt::Debug>(
    name: &str,
    points: &[P],
    attempt: impl Fn(&P) -> Result<(), String> + Sync,
) {
    let next = AtomicUsize::new(0);
    let failures: Mutex<Vec<String>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS.min(points.len()) {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = attempt(point) {
                        failures.lock().unwrap().push(format!("{point:?}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{name}: {} points, {} wrong", points.len(), failures.len());
    let told: Vec<&str> = failures.iter().take(TOLD_MAX).map(String::as_str).collect();
    assert!(
        failures.is_empty(),
        "{name}: {} of {} points are wrong:\n{}",
        failures.len(),
        points.len(),
        told.join("\n\n")
    );
}

/// Runs a command on a stage; what it said and what it wrote.
pub(crate) fn run_under(
    shim: &Path,
    stage: &Stage,
    args: &[String],
    blow: Blow,
) -> (Output, Vec<Call>) {
    run(shim, stage, args, Calls::All, blow)
}

fn run(
    shim: &Path,
    stage: &Stage,
    args: &[String],
    calls: Calls,
    blow: Blow,
) -> (Output, Vec<Call>) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    run_program(shim, &stage.program, &args, calls, blow)
}

/// Runs a command of a program; what it said and what it wrote.
pub(crate) fn run_program(
    shim: &Path,
    program: &Program,
    args: &[&str],
    calls: Calls,
    blow: Blow,
) -> (Output, Vec<Call>) {
    let log = program.folder().join("calls");
    // Of a run before this one.
    drop(std::fs::remove_file(&log));
    let environment = shim::environment(shim, &program.data_dir(), &log, calls, blow);
    let output = program.run_under(args, &environment);
    (output, shim::calls(&log))
}

/// How a scene ends without the command, and the last operation that it recorded and did not send.
fn unchanged(stage: &Stage) -> (i64, Vec<Sight>) {
    let queued = match stage.data_dir().exists() {
        true => last_waiting(&stage.data_dir()),
        false => 0,
    };
    if queued == 0 {
        return (0, sights(stage));
    }
    let copy = stage.copy();
    copy.settle().unwrap();
    (queued, sights(&copy))
}

fn sights(stage: &Stage) -> Vec<Sight> {
    stage.held().iter().map(super::held::Held::sight).collect()
}

fn shown(sights: &[Sight]) -> String {
    let mut text = String::new();
    for (mailboxes, subscribed) in sights {
        for (name, letters) in mailboxes {
            let letters: Vec<String> = letters
                .iter()
                .map(|l| format!("{} {:?} {:x}", l.message_id, l.flags, l.hash >> 48))
                .collect();
            writeln!(text, "  {name}: {}", letters.join("; ")).unwrap();
        }
        writeln!(text, "  subscribed: {subscribed:?}").unwrap();
    }
    text
}
