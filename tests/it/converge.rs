//! Lives of mail at random: whatever the user, others, the network and kills do, in the end the store
//! shows what the server holds, nothing is lost and nothing is there twice.
//!
//! A few lives are lived here; `PILLARBOX_RUNS=2000 cargo test converge -- --nocapture` lives more.
//! A failure names its number: `PILLARBOX_SEED=number` lives that one again.

use crate::support::{Kind, Stage, life};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Lives that are lived where nobody says how many.
const FEW: u64 = 60;
const WORKERS: usize = 3;
const TOLD_MAX: usize = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var_os(name)?.into_string().ok()?.parse().ok()
}

#[test]
fn whatever_happens_the_store_and_the_server_agree_and_nothing_is_lost_or_there_twice() {
    let kinds = [Kind::Full, Kind::Condstore, Kind::Plain];
    let cradles = kinds.map(|kind| (kind, Stage::new(kind, 1)));
    cradles.iter().for_each(|(_, stage)| life::cradle(stage));
    let one = number("PILLARBOX_SEED");
    let runs = number("PILLARBOX_RUNS").unwrap_or(if one.is_some() { 1 } else { FEW });
    let first = one.unwrap_or_else(|| fastrand::u64(0..1 << 40));
    let next = AtomicU64::new(0);
    let failures: Mutex<Vec<String>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .unwrap();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= runs {
                        break;
                    }
                    let seed = first + at;
                    if let Err(why) = life::Life::begin(seed, &cradles, &runtime).live() {
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("PILLARBOX_SEED={seed}, {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!(
        "{runs} lives from {first} on, {} went wrong",
        failures.len()
    );
    let told: Vec<&str> = failures.iter().take(TOLD_MAX).map(String::as_str).collect();
    assert!(
        failures.is_empty(),
        "{} of {runs} lives went wrong:\n{}",
        failures.len(),
        told.join("\n\n")
    );
}
