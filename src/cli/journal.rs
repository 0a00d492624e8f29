//! `pillarbox journal`: the changes that are not settled.
//!
//! Called by `mod.rs`. Reads the store only; must never ask a server.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::Place;
use super::text;
use crate::model::TargetState;
use crate::store::OpenOp;
use serde::Serialize;

/// A line of `journal --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: i64,
    account: &'a str,
    kind: &'static str,
    state: &'static str,
    attempts: u32,
    error: Option<&'a str>,
}

const fn state_name(state: TargetState) -> &'static str {
    match state {
        TargetState::Queued => "queued",
        TargetState::InFlight => "sent",
        TargetState::Settled => "settled",
        TargetState::Rejected => "rejected",
    }
}

/// Lists what is not settled.
pub(super) fn journal(place: &Place, is_json: bool, output: &mut Output) -> Result<Exit, Failure> {
    let reader = place.store()?.reader()?;
    let accounts = reader.accounts()?;
    let name_of = |open: &OpenOp| {
        let row = accounts.iter().find(|row| row.key == open.account);
        row.map_or("", |row| row.name.as_str())
    };
    let open_ops = reader.open_ops()?;
    let is_meant = |open: &&OpenOp| place.account.as_deref().is_none_or(|n| n == name_of(open));
    let mut count = 0;
    for open in open_ops.iter().filter(is_meant) {
        count += 1;
        let error = Some(open.error.as_str()).filter(|e| !e.is_empty());
        if is_json {
            output.json(&Row {
                id: open.op.0,
                account: name_of(open),
                kind: open.kind.name(),
                state: state_name(open.state),
                attempts: open.attempts,
                error,
            })?;
        } else {
            let error = error.map_or(String::new(), |e| format!(" ({e})"));
            output.line(&format!(
                "{:>6} {}: {}, {}, {}{error}",
                open.op,
                name_of(open),
                open.label,
                state_name(open.state),
                text::tried(open.attempts)
            ))?;
        }
    }
    if count == 0 && !is_json {
        output.line("Every change is confirmed.")?;
    }
    Ok(Exit::Done)
}
