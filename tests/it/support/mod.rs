//! What the integration tests stand on: a private Dovecot, another client, the program itself.
//!
//! Used by the test modules. Nothing in here may outlive the test run.

pub(crate) mod desk;
mod dovecot;
mod dovecot_config;
pub(crate) mod held;
pub(crate) mod keys;
pub(crate) mod life;
pub(crate) mod maildrop;
mod other_client;
mod ought;
pub(crate) mod outbox;
pub(crate) mod peer;
mod poor;
pub(crate) mod post;
mod program;
mod proxy;
pub(crate) mod reader;
pub(crate) mod scenes;
mod screen;
pub(crate) mod scripts;
pub(crate) mod shim;
pub(crate) mod slapd;
pub(crate) mod smime;
mod stage;
pub(crate) mod sweep;
mod takes;
pub(crate) mod tls_post;
mod tree;
pub(crate) mod writer;

pub(crate) use dovecot::{Dovecot, Kind, TELLING, copy_folder, make_certificate};
pub(crate) use other_client::OtherClient;
pub(crate) use program::{Output, Program};
#[allow(unused_imports, reason = "for the benches")]
pub(crate) use proxy::{Proxy, Turn};
pub(crate) use screen::{Screen, sequences};
pub(crate) use stage::Stage;
pub(crate) use tree::Levels;

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// The longest that a test waits for something to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

/// Asks again and again until there is an answer.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if let Some(answer) = ask() {
            return answer;
        }
        sleep(STEP);
    }
    panic!("waited {} s for {what}", PATIENCE.as_secs());
}

/// Asks again and again until it is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}

/// A port of this computer that nobody answers on.
pub(crate) fn closed_port() -> u16 {
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    held.local_addr().unwrap().port()
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The most memory that a process ever had, in bytes; `None` where the system does not tell.
pub(crate) fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
