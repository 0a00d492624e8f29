//! Ends the program after its n-th write, or lets that write fail: `shim.c`, compiled and preloaded.
//!
//! Used by the tests of crashes and of broken disks. Works on Linux with glibc, and says so
//! elsewhere. It must never reach a program that was not asked for.

use super::repository;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calls {
    /// All that writes: files and their names, syncs, sockets.
    All,
    /// Writes to files, and making, renaming and removing them.
    Files,
    /// fsync and its like.
    Syncs,
}

/// What is to happen at a call of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// Nothing: it only counts.
    None,
    /// The program ends right after it.
    KillAfter(u64),
    /// The program ends in the middle of it.
    Tear(u64),
    /// It fails with that error.
    Fail(u64, Errno),
    /// It fails with that error, and so do all later ones.
    FailFrom(u64, Errno),
    /// No file can be locked.
    NoLocks,
    /// The clock is so many seconds off.
    ClockOff(i64),
}

/// What a disk says that is full or broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errno {
    /// EIO.
    Broken = 5,
    /// EROFS.
    ReadOnly = 30,
    /// ENOSPC.
    Full = 28,
}

/// One call that the program made.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Its name, what it was done to, and how much: for people.
    pub(crate) what: String,
}

/// The compiled shim; `None`, after a word about it, where there can be none.
pub(crate) fn shim() -> Option<&'static Path> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    FILE.get_or_init(|| {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            println!("skipped: writes are counted on Linux with glibc only");
            return None;
        }
        Some(compile())
    })
    .as_deref()
}

fn compile() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    let file = folder.join("shim.so");
    // Another test process may be using the old one.
    let made = folder.join(format!("shim-{}.so", std::process::id()));
    let source = repository("tests/it/support/shim.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([&made, &source])
        .arg("-ldl")
        .output()
        .expect("cc is not installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    fs::rename(&made, &file).unwrap();
    file
}

/// The environment under which the program writes into `folder` what the shim shall see. It logs
/// to `log`.
pub(crate) fn environment(
    shim: &Path,
    folder: &Path,
    log: &Path,
    calls: Calls,
    blow: Blow,
) -> Vec<(&'static str, String)> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut variables = vec![
        ("LD_PRELOAD", text(shim)),
        ("SHIM_DIR", text(folder)),
        ("SHIM_LOG", text(log)),
    ];
    match calls {
        Calls::All => {}
        Calls::Files => variables.push(("SHIM_KIND", "fd".to_owned())),
        Calls::Syncs => variables.push(("SHIM_KIND", "y".to_owned())),
    }
    let mut set = |name, value: i128| variables.push((name, value.to_string()));
    match blow {
        Blow::None => {}
        Blow::KillAfter(n) => set("SHIM_KILL", n.into()),
        Blow::Tear(n) => set("SHIM_TEAR", n.into()),
        Blow::Fail(n, errno) => {
            set("SHIM_FAIL", n.into());
            set("SHIM_ERRNO", errno as i128);
        }
        Blow::FailFrom(n, errno) => {
            set("SHIM_FAIL", n.into());
            set("SHIM_ERRNO", errno as i128);
            set("SHIM_LASTING", 1);
        }
        Blow::NoLocks => set("SHIM_NOLOCKS", 1),
        Blow::ClockOff(seconds) => set("SHIM_CLOCK", seconds.into()),
    }
    variables
}

/// The calls in a log, in their order.
pub(crate) fn calls(log: &Path) -> Vec<Call> {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut numbered: Vec<(u64, Call)> = text
        .lines()
        .filter_map(|line| {
            let (number, what) = line.split_once(' ')?;
            let what = what.trim_end().to_owned();
            Some((number.parse().ok()?, Call { what }))
        })
        .collect();
    // Threads may have changed places between counting and writing.
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, call)| call).collect()
}
