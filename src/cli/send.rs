//! `pillarbox send`: a message from a file or standard input into the outbox, then an attempt.
//!
//! Called by `mod.rs`. The outbox alone decides on the exit code: a message must never be called
//! delivered that the outbox does not know to be.

use super::accounts::utc_offset_mins;
use super::args::SendArgs;
use super::exit::{Exit, Failure};
use super::network::{SyncReport, network};
use super::output::Output;
use super::place::Place;
use super::settle::now_secs;
use super::text::{self, Given, GivenError, Stamp};
use crate::config::Account;
use crate::model::{Moment, OutboxItem, OutboxKey, OutboxState, RecipientState};
use crate::store::{NewOutboxItem, Sealed, Spool, Store};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Sends.
pub(super) fn send(place: &Place, args: &SendArgs, output: &mut Output) -> Result<Exit, Failure> {
    let store = place.store()?;
    let (given, sealed) = keep(args.file.as_deref(), store.spool()?)?;
    let account = account_for(place, &given)?;
    let mut writer = store.writer()?;
    let key = writer.account(account)?;
    let new = NewOutboxItem {
        account: key,
        draft: None,
        state: OutboxState::Queued,
        not_before: None,
        subject: given.subject,
        message_id: given.message_id,
        sender: given.sender,
        recipients: given.recipients,
        has_8bit: given.has_8bit,
        has_utf8_header: given.has_utf8_header,
        wants_report: false,
        mark: None,
    };
    let item = writer.put_in_outbox(&new, &sealed, now_secs())?;
    drop((sealed, writer));
    if args.offline {
        output.line(&format!("Message {item} is in the outbox."))?;
        return Ok(Exit::Done);
    }
    let reports = network(place).send(&[account]);
    let error = reports
        .first()
        .map_or("", |report: &SyncReport| report.error.as_str());
    outcome(&store, item, error, output)
}

/// Reads the message and brings it to the disk.
fn keep(file: Option<&Path>, mut spool: Spool) -> Result<(Given, Sealed), Failure> {
    let (name, from): (String, Box<dyn Read>) = match file.filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path)
                .map_err(|e| Failure::usage(format!("{name} cannot be read: {e}; name a file")))?;
            (name, Box::new(file))
        }
        None => ("standard input".to_owned(), Box::new(io::stdin().lock())),
    };
    let given = text::given(from, stamp(), &mut spool).map_err(|error| refused(&name, &error))?;
    let sealed = spool.seal()?;
    Ok((given, sealed))
}

fn refused(name: &str, error: &GivenError) -> Failure {
    let sentence = format!("nothing was sent: {name}: {error}");
    match error {
        GivenError::NoHeader => {
            Failure::usage(format!("{sentence}; give a message with From and To"))
        }
        GivenError::NoFrom | GivenError::NoRecipient => {
            Failure::usage(format!("{sentence}; add one to its header"))
        }
        GivenError::TooMany => Failure::usage(format!("{sentence}; send it several times")),
        GivenError::Wrong { .. } => Failure::usage(format!("{sentence}; correct the address")),
        GivenError::Unfit(_) => Failure::failed(format!(
            "{sentence}; encode it as quoted-printable or base64"
        )),
        GivenError::Reading(_) | GivenError::Writing(_) => Failure::failed(sentence),
    }
}

fn stamp() -> Stamp {
    let unix_secs = now_secs();
    Stamp {
        date: Moment {
            unix_secs,
            offset_mins: i16::try_from(utc_offset_mins(unix_secs)).unwrap_or(0),
        },
        token: std::array::from_fn(|_| fastrand::u8(..)),
    }
}

/// The account that sends: the one that was named, else the one whose address wrote it.
fn account_for<'a>(place: &'a Place, given: &Given) -> Result<&'a str, Failure> {
    let all = &place.loaded.config.accounts;
    let by_name = || place.account.as_deref();
    let named = all
        .iter()
        .find(|(name, _)| Some(name.as_str()) == by_name());
    let is_writer = |account: &Account| {
        let identities = account.send.identities.iter();
        let mut own = identities.map(|i| i.address.as_str());
        given.is_from(&account.address) || own.any(|address| given.is_from(address))
    };
    let writer = all.iter().find(|(_, account)| is_writer(account));
    let only = all.first().filter(|_| all.len() == 1);
    let Some((name, account)) = named.or(writer).or(only) else {
        return Err(Failure::usage(format!(
            "nothing was sent: no account has the address {}; name one with --account",
            given.from.address
        )));
    };
    if account.smtp.is_none() {
        return Err(Failure::usage(format!(
            "nothing was sent: the account {name} has no outgoing server; add [accounts.{name}.smtp]"
        )));
    }
    if account.imap.is_none() {
        return Err(Failure::usage(format!(
            "nothing was sent: this version sends for accounts with IMAP only; add [accounts.{name}.imap]"
        )));
    }
    Ok(name)
}

/// What became of it.
pub(super) fn outcome(
    store: &Store,
    key: OutboxKey,
    error: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let Some(item) = store.reader()?.outbox_item(key)? else {
        return Err(Failure::failed(format!(
            "message {key} is no longer in the outbox; another Pillarbox took it out"
        )));
    };
    let why = if item.error.is_empty() {
        error
    } else {
        item.error.as_str()
    };
    match item.state {
        OutboxState::Sent => {
            output.line(&format!("Sent to {}.", all_of(&item)))?;
            if !item.error.is_empty() {
                super::exit::complain(item.error.as_str());
            }
            Ok(Exit::Done)
        }
        OutboxState::Failed | OutboxState::Cancelled => Err(Failure::failed(format!(
            "not sent: {why}; message {key} is kept in the outbox as failed"
        ))),
        OutboxState::Unconfirmed => Err(Failure::kept(format!(
            "perhaps sent: {why}; message {key} is kept: look whether it arrived, then \
             `pillarbox outbox retry {key}` sends it once more, `pillarbox outbox cancel {key}` does not"
        ))),
        OutboxState::Held | OutboxState::Queued | OutboxState::Scheduled | OutboxState::Sending => {
            let why = Some(why).filter(|why| !why.is_empty());
            let why = why.map_or(String::new(), |why| {
                format!(": {}", why.trim_end_matches('.'))
            });
            Err(Failure::kept(format!(
                "not sent yet{why}; message {key} is kept in the outbox, and the next sync sends it"
            )))
        }
    }
}

fn all_of(item: &OutboxItem) -> String {
    let have = item
        .recipients
        .iter()
        .filter(|r| r.state == RecipientState::Delivered);
    let have: Vec<&str> = have.map(|r| r.address.as_str()).collect();
    match have.as_slice() {
        [first, _, _, _, rest @ ..] => format!("{first} and {} others", rest.len() + 3),
        few => few.join(", "),
    }
}
