//! `pillarbox outbox`: what waits to be sent, and what the user decides about it.
//!
//! Called by `mod.rs`. What was begun to be sent must never be called cancelled.

use super::args::OutboxArgs;
use super::exit::{Exit, Failure};
use super::network::network;
use super::output::Output;
use super::place::Place;
use super::settle::now_secs;
use super::text;
use crate::engine::settle_outbox;
use crate::model::{Moment, OutboxItem, OutboxKey, OutboxState, RecipientState};
use crate::store::{Store, Withdrawn};
use serde::Serialize;

/// A line of `outbox --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: i64,
    account: &'a str,
    to: Vec<&'a str>,
    subject: &'a str,
    state: &'static str,
    attempts: u32,
    error: Option<&'a str>,
    not_before: Option<String>,
}

const fn state_name(state: OutboxState) -> &'static str {
    match state {
        OutboxState::Held | OutboxState::Queued => "queued",
        OutboxState::Scheduled => "scheduled",
        OutboxState::Sending | OutboxState::Sent => "sending",
        OutboxState::Unconfirmed => "unconfirmed",
        OutboxState::Failed | OutboxState::Cancelled => "failed",
    }
}

/// Those who do not have it yet; of one that was delivered, all.
fn concerned(item: &OutboxItem) -> Vec<&str> {
    let all = item.recipients.iter();
    let left = |r: &&crate::model::OutboxRecipient| {
        r.state != RecipientState::Delivered || item.state == OutboxState::Sent
    };
    all.filter(left).map(|r| r.address.as_str()).collect()
}

fn time(moment: Moment) -> Option<String> {
    let at = jiff::Timestamp::from_second(moment.unix_secs).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::system());
    Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// Lists, tries again, or cancels.
pub(super) fn outbox(
    place: &Place,
    args: &OutboxArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let store = place.store()?;
    settle_outbox(&store, &place.data_dir)?;
    match args.command {
        None => list(place, &store, args.json.json, output),
        Some(super::args::OutboxCommand::Retry { id }) => {
            retry(place, &store, OutboxKey(id), output)
        }
        Some(super::args::OutboxCommand::Cancel { id }) => {
            cancel(place, &store, OutboxKey(id), output)
        }
    }
}

fn list(place: &Place, store: &Store, is_json: bool, output: &mut Output) -> Result<Exit, Failure> {
    let reader = store.reader()?;
    let accounts = reader.accounts()?;
    let items = reader.outbox()?;
    let name_of = |item: &OutboxItem| {
        let row = accounts.iter().find(|row| row.key == item.account);
        row.map_or("", |row| row.name.as_str())
    };
    let is_meant = |item: &&OutboxItem| place.account.as_deref().is_none_or(|n| n == name_of(item));
    let mut count = 0;
    for item in items.iter().filter(is_meant) {
        count += 1;
        let row = Row {
            id: item.key.0,
            account: name_of(item),
            to: concerned(item),
            subject: item.subject.as_str(),
            state: state_name(item.state),
            attempts: item.attempts,
            error: Some(item.error.as_str()).filter(|e| !e.is_empty()),
            not_before: item.not_before.and_then(time),
        };
        if is_json {
            output.json(&row)?;
        } else {
            let error = row.error.map_or(String::new(), |e| format!(" ({e})"));
            let when = row
                .not_before
                .map_or(String::new(), |at| format!(", not before {at}"));
            output.line(&format!(
                "{:>6} {}: {:?} to {}: {}{when}, {}{error}",
                row.id,
                row.account,
                row.subject,
                row.to.join(", "),
                row.state,
                text::tried(row.attempts)
            ))?;
        }
    }
    if count == 0 && !is_json {
        output.line("Nothing waits to be sent.")?;
    }
    Ok(Exit::Done)
}

fn known(store: &Store, key: OutboxKey) -> Result<OutboxItem, Failure> {
    let item = store.reader()?.outbox_item(key)?;
    let is_open = |item: &OutboxItem| item.state != OutboxState::Cancelled;
    let filed = store.reader()?.is_filed(key)?;
    item.filter(|item| is_open(item) && !filed).ok_or_else(|| {
        Failure::failed(format!(
            "there is no message {key} in the outbox; `pillarbox outbox` lists them"
        ))
    })
}

fn retry(
    place: &Place,
    store: &Store,
    key: OutboxKey,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let item = known(store, key)?;
    if !store.writer()?.retry_outbox(key, now_secs())? {
        return Err(Failure::failed(format!(
            "message {key} is being sent; wait for what comes of it"
        )));
    }
    let accounts = store.reader()?.accounts()?;
    let row = accounts.iter().find(|row| row.key == item.account);
    let name = row.map_or("", |row| row.name.as_str());
    let reports = network(place).send(&[name]);
    let error = reports.first().map_or("", |report| report.error.as_str());
    super::send::outcome(store, key, error, output)
}

fn cancel(
    place: &Place,
    store: &Store,
    key: OutboxKey,
    output: &mut Output,
) -> Result<Exit, Failure> {
    known(store, key)?;
    let done = store.writer()?.withdraw(key, now_secs())?;
    #[cfg(unix)]
    crate::engine::owner::ring(&place.data_dir);
    match done {
        Withdrawn::Out(_) => output.line("Taken out of the outbox: not sent.")?,
        Withdrawn::Rest(_) => output.line("Not sent to the rest; some have it already.")?,
        Withdrawn::OnItsWay => {
            return Err(Failure::failed(format!(
                "message {key} is being sent, and it is too late to cancel it"
            )));
        }
        Withdrawn::Gone => {
            return Err(Failure::failed(format!(
                "message {key} was delivered, and cannot be cancelled"
            )));
        }
    }
    Ok(Exit::Done)
}
