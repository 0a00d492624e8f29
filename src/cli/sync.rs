//! `pillarbox sync`: one send-and-receive of each account.
//!
//! Called by `mod.rs`. Where an account fails the others must go on.

use super::exit::{Exit, Failure, complain};
use super::network::{SyncReport, network};
use super::output::Output;
use super::place::Place;
use serde::Serialize;

/// A line of `sync --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Row<'a> {
    account: &'a str,
    ok: bool,
    new: u64,
    changed: u64,
    removed: u64,
    sent: u64,
    pending: u32,
    error: Option<&'a str>,
    seconds: f64,
}

/// Synchronises.
pub(super) fn sync(place: &Place, is_json: bool, output: &mut Output) -> Result<Exit, Failure> {
    let names = place.account_names();
    if names.is_empty() {
        return Err(Failure::usage(format!(
            "{}: there is no account in it; add one (config.example.toml shows how)",
            place.loaded.file.display()
        )));
    }
    let reports = network(place).sync(&names);
    for report in &reports {
        if is_json {
            output.json(&row(report))?;
        } else if report.error.is_empty() {
            output.line(&text(report))?;
        }
        if !report.error.is_empty() {
            complain(&format!("{}: {}", report.account, report.error));
        }
    }
    let failed = reports
        .iter()
        .filter(|report| !report.error.is_empty())
        .count();
    let is_left = |report: &SyncReport| report.by_other.is_some() && report.pending > 0;
    if failed == 0 && reports.iter().any(is_left) {
        return Err(Failure::kept(
            "another Pillarbox is connected for this mail store, and has not sent everything yet; it goes on by itself",
        ));
    }
    Ok(match failed {
        0 => Exit::Done,
        n if n == reports.len() => Exit::Failed,
        _ => Exit::SomeFailed,
    })
}

fn row(report: &SyncReport) -> Row<'_> {
    let error = report.error.as_str();
    Row {
        account: &report.account,
        ok: error.is_empty(),
        new: report.added,
        changed: report.changed,
        removed: report.removed,
        sent: report.sent,
        pending: report.pending,
        error: (!error.is_empty()).then_some(error),
        seconds: report.seconds,
    }
}

fn text(report: &SyncReport) -> String {
    if let Some(pid) = &report.by_other {
        return format!(
            "{}: another Pillarbox (process {pid}) is connected for this mail store, and was asked to sync",
            report.account
        );
    }
    let pending = match report.pending {
        0 => String::new(),
        n => format!(", {n} still to send"),
    };
    format!(
        "{}: {} new, {} changed, {} removed, {} sent{pending} ({:.1} s)",
        report.account, report.added, report.changed, report.removed, report.sent, report.seconds
    )
}
