//! `pillarbox flag`, `tag`, `undo` and `journal`: changes, and what became of them.
//!
//! Called by `mod.rs`. A change must be in the journal before anything else is done about it; what
//! the network then says decides on the exit code only.

use super::args::{FlagArgs, TagArgs};
use super::exit::{Exit, Failure};
use super::network::{SyncReport, network};
use super::output::Output;
use super::place::Place;
use crate::model::{Flag, FlagChange, Keyword, MessageKey, OpKind, Placed, TargetState};
use crate::store::{OpenOp, Reader, Recorded, Store};
use serde::Serialize;

/// Sets and clears flags.
pub(super) fn flag(place: &Place, args: &FlagArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut change = FlagChange::default();
    for name in &args.add {
        change
            .add
            .insert(Flag::from_name(name).map_err(|e| Failure::usage(e.to_string()))?);
    }
    for name in &args.remove {
        change
            .remove
            .insert(Flag::from_name(name).map_err(|e| Failure::usage(e.to_string()))?);
    }
    apply(place, change, &args.ids, args.offline, output)
}

/// Adds and removes tags.
pub(super) fn tag(place: &Place, args: &TagArgs, output: &mut Output) -> Result<Exit, Failure> {
    let mut change = FlagChange::default();
    for word in &args.add {
        change
            .add
            .insert_keyword(Keyword::new(word).map_err(|e| Failure::usage(e.to_string()))?);
    }
    for word in &args.remove {
        let keyword = Keyword::new(word).map_err(|e| Failure::usage(e.to_string()))?;
        change.remove.insert_keyword(keyword);
    }
    apply(place, change, &args.ids, args.offline, output)
}

fn apply(
    place: &Place,
    change: FlagChange,
    ids: &[i64],
    is_offline: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if change.is_empty() {
        return Err(Failure::usage(
            "nothing is to be changed; say --add or --remove",
        ));
    }
    let store = place.store()?;
    let targets = targets(&store.reader()?, ids)?;
    let recorded = store
        .writer()?
        .record(&OpKind::Flags(change), &targets, now_secs())?;
    settle(place, &store, &recorded, is_offline, output)
}

/// Where the messages lie. All must be known: half a change is none.
fn targets(reader: &Reader, ids: &[i64]) -> Result<Vec<Placed>, Failure> {
    ids.iter()
        .map(|id| {
            let summary = reader.summary(MessageKey(*id), None)?;
            summary
                .map(|found| found.placed)
                .ok_or_else(|| unknown_message(*id))
        })
        .collect()
}

/// The error for an id that is none.
pub(super) fn unknown_message(id: i64) -> Failure {
    Failure::failed(format!(
        "there is no message {id}; `pillarbox list` prints the ids of those there are"
    ))
}

/// Takes back the last change.
pub(super) fn undo(place: &Place, is_offline: bool, output: &mut Output) -> Result<Exit, Failure> {
    let store = place.store()?;
    match store.writer()?.undo(now_secs())? {
        Some(recorded) => settle(place, &store, &recorded, is_offline, output),
        None => {
            output.line("There is nothing to undo.")?;
            Ok(Exit::Done)
        }
    }
}

/// Says what was recorded, tells the servers unless that is left for later, and says what they said.
fn settle(
    place: &Place,
    store: &Store,
    recorded: &Recorded,
    is_offline: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if recorded.op.is_none() && recorded.accounts.is_empty() {
        output.line("Nothing was to be changed.")?;
        return Ok(Exit::Done);
    }
    output.line(&format!("{}.", recorded.label))?;
    if is_offline || recorded.accounts.is_empty() {
        return Ok(Exit::Done);
    }
    let reader = store.reader()?;
    let rows = reader.accounts()?;
    let is_meant = |name: &str| {
        rows.iter()
            .any(|row| row.name == name && recorded.accounts.contains(&row.key))
    };
    // `--account` narrows what is listed, not where a change belongs.
    let configured = place
        .loaded
        .config
        .accounts
        .iter()
        .map(|(name, _)| name.as_str());
    let names: Vec<&str> = configured.filter(|name| is_meant(name)).collect();
    if names.is_empty() {
        return Err(Failure::kept(
            "not sent: the account is not in the configuration any more; the change is kept",
        ));
    }
    let reports = network(place).replay(&names);
    outcome(&reader, recorded, &reports)
}

/// What became of a change. The journal decides: another process may have sent it, and a round that
/// went well may have left it for later.
fn outcome(reader: &Reader, recorded: &Recorded, reports: &[SyncReport]) -> Result<Exit, Failure> {
    let open_ops = reader.open_ops()?;
    let of_this = || open_ops.iter().filter(|open| Some(open.op) == recorded.op);
    if let Some(open) = of_this().find(|open| open.state == TargetState::Rejected) {
        return Err(Failure::failed(format!(
            "the server refused: {}; it was taken back here: {}",
            recorded.label, open.error
        )));
    }
    let Some(open) = of_this().next() else {
        return Ok(Exit::Done);
    };
    let failed = reports.iter().find(|report| !report.error.is_empty());
    let why = failed.map_or_else(
        || open.error.clone(),
        |report| format!("{}: {}", report.account, report.error),
    );
    Err(Failure::kept(format!(
        "not sent to the server yet: {why}; it is kept, and the next sync sends it"
    )))
}

fn now_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

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
                "{:>6} {}: {}, {}, tried {} times{error}",
                open.op,
                name_of(open),
                open.label,
                state_name(open.state),
                open.attempts
            ))?;
        }
    }
    if count == 0 && !is_json {
        output.line("Every change is confirmed.")?;
    }
    Ok(Exit::Done)
}
