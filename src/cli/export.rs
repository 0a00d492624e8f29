//! `pillarbox export`: the messages of a folder into an mbox or a Maildir.
//!
//! Called by `mod.rs`. An export that is not whole must never bear the name that was asked for, unless
//! all that is missing is gone for good, and that is said.

use super::accounts;
use super::args::{ExportArgs, FormatArg};
use super::bulk::{Bulk, Progress, counted};
use super::exit::{Exit, Failure, complain};
use super::output::Output;
use super::place::{Place, Tree};
use super::settle::now_secs;
use crate::archive::{Destination, Format, Message, Problem};
use crate::engine::Texts;
use crate::engine::owner::Owner;
use crate::model::{Mailbox, Placed, Scope, Sort, ViewSpec};
use crate::store::{Reader, Store};
use serde::Serialize;

/// Rows that are read at a time.
const STEP: u32 = 500;
/// So many bytes are fetched at a time.
const WINDOW: u64 = 16 * 1024 * 1024;

/// `export --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Report<'a> {
    account: &'a str,
    mailbox: &'a str,
    format: &'static str,
    path: String,
    messages: u64,
    bytes: u64,
    missing: u64,
    complete: bool,
    error: Option<&'a str>,
}

/// An export under way.
struct Export<'a> {
    place: &'a Place,
    store: Store,
    reader: Reader,
    account: &'a str,
    bulk: Bulk,
    progress: Progress,
    texts: Option<Texts>,
    /// Held while a maildrop is looked into, which one process may do at a time.
    owner: Option<Owner>,
    destination: Destination,
    total: u64,
    messages: u64,
    bytes: u64,
    /// How many could not be had.
    missing: u64,
    why: String,
}

/// How an export ended that the archive did not hinder.
enum End {
    Whole,
    CalledOff,
    /// The server cannot be reached; why.
    CutOff(String),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::failed(problem.to_string())
    }
}

/// Exports.
pub(super) fn export(
    place: &Place,
    args: &ExportArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let store = place.store()?;
    let reader = store.reader()?;
    let tree = Tree::read(place, &reader)?;
    let mailbox = tree.find(&args.mailbox)?;
    refuse_unread(&reader, mailbox)?;
    let keys = keys(&reader, mailbox)?;
    let format = args.format.format();
    let destination = Destination::create(&args.dest, format, args.force, now_secs())?;
    let mut export = Export {
        place,
        account: tree.account_name(mailbox.account),
        store,
        reader,
        bulk: Bulk::begin()?,
        progress: Progress::new(),
        texts: None,
        owner: None,
        destination,
        total: u64::try_from(keys.len()).unwrap_or(u64::MAX),
        messages: 0,
        bytes: 0,
        missing: 0,
        why: String::new(),
    };
    let end = export.run(&keys);
    export.progress.clear();
    if let Some(texts) = export.texts.take() {
        export.bulk.run(texts.close());
    }
    export.finish(end?, mailbox, args, output)
}

/// A folder of which not every message is known cannot be exported whole.
fn refuse_unread(reader: &Reader, mailbox: &Mailbox) -> Result<(), Failure> {
    if mailbox.is_pending || !mailbox.is_selectable || reader.cursor(mailbox.key)?.is_complete {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "not every message of the folder {:?} is known here yet; run `pillarbox sync` first",
        mailbox.name
    )))
}

/// The messages, oldest first.
fn keys(reader: &Reader, mailbox: &Mailbox) -> Result<Vec<Placed>, Failure> {
    let spec = ViewSpec {
        scope: Scope::Mailbox(mailbox.key),
        filter: None,
        sort: Sort::Newest,
        threads: None,
    };
    let view = reader.view(&spec)?;
    let mut keys = Vec::new();
    for offset in (0..view.len()).step_by(STEP as usize) {
        let rows = reader.rows(&view, offset, STEP)?;
        keys.extend(rows.iter().map(|row| Placed {
            message: row.message,
            mailbox: row.mailbox,
        }));
    }
    // What came at the same second stays in its order: the oldest first, by the ids.
    keys.reverse();
    Ok(keys)
}

impl Export<'_> {
    fn run(&mut self, keys: &[Placed]) -> Result<End, Failure> {
        let mut rest = keys;
        while !rest.is_empty() {
            let (count, absent) = self.window(rest)?;
            let (window, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = later;
            if !absent.is_empty() {
                match self.fetch(&absent) {
                    Some(Ok(None)) => {}
                    Some(Ok(Some(why))) => self.why = why,
                    Some(Err(why)) => return Ok(End::CutOff(why)),
                    None => return Ok(End::CalledOff),
                }
            }
            for placed in window {
                if self.bulk.is_called_off() {
                    return Ok(End::CalledOff);
                }
                self.write(*placed)?;
            }
        }
        Ok(End::Whole)
    }

    /// How many messages come next, and which of them are not here.
    fn window(&self, keys: &[Placed]) -> Result<(usize, Vec<Placed>), Failure> {
        let mut bytes = 0;
        let mut absent = Vec::new();
        for (count, placed) in keys.iter().enumerate().take(STEP as usize) {
            let summary = self.reader.summary(placed.message, Some(placed.mailbox))?;
            let Some(summary) = summary.filter(|s| !s.has_raw) else {
                continue;
            };
            if !absent.is_empty() && bytes + summary.size_bytes > WINDOW {
                return Ok((count, absent));
            }
            bytes += summary.size_bytes;
            absent.push(*placed);
        }
        Ok((keys.len().min(STEP as usize), absent))
    }

    /// Brings what is not here; `None`: called off.
    fn fetch(&mut self, absent: &[Placed]) -> Option<Result<Option<String>, String>> {
        self.say("fetching");
        if self.texts.is_none() {
            let all = &self.place.loaded.config;
            let setup = all
                .account(self.account)
                .and_then(|account| accounts::account_setup(self.account, account));
            let Some(setup) = setup else {
                return Some(Err("the account has no server to fetch from".to_owned()));
            };
            if setup.is_local() {
                match Owner::acquire(&self.place.data_dir) {
                    Ok(owner) => self.owner = Some(owner),
                    Err(taken) => return Some(Err(taken.to_string())),
                }
            }
            match self.bulk.run(Texts::open(&self.store, &setup)) {
                Ok(texts) => self.texts = Some(texts),
                Err(why) => return Some(Err(why)),
            }
        }
        let texts = self.texts.as_mut()?;
        self.bulk.try_to_run(texts.bring(absent))
    }

    fn write(&mut self, placed: Placed) -> Result<(), Failure> {
        let summary = self.reader.summary(placed.message, Some(placed.mailbox))?;
        let Some(summary) = summary else {
            // Gone from the folder since the export began.
            return Ok(());
        };
        let Some(raw) = self.reader.raw(placed.message)? else {
            self.missing += 1;
            return Ok(());
        };
        self.bytes += u64::try_from(raw.len()).unwrap_or(0);
        self.destination.put(&Message {
            raw,
            flags: summary.flags,
            arrived: Some(summary.arrived),
        })?;
        self.messages += 1;
        self.say("written");
        Ok(())
    }

    fn say(&mut self, doing: &str) {
        let (messages, total) = (self.messages, self.total);
        self.progress
            .say(|| format!("Exporting: {messages} of {total} messages ({doing})"));
    }

    /// Gives the archive its name, where it is whole, and says what became of it.
    fn finish(
        self,
        end: End,
        mailbox: &Mailbox,
        args: &ExportArgs,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let (messages, missing, total) = (self.messages, self.missing, self.total);
        let mut path = args.dest.clone();
        let (is_whole, mut error) = match end {
            End::Whole => (true, String::new()),
            End::CalledOff => (false, "called off".to_owned()),
            End::CutOff(why) => (false, format!("not all texts could be fetched: {why}")),
        };
        if is_whole {
            let lost = self.destination.finish()?;
            if lost > 0 {
                complain(&format!(
                    "not in it: {}: a Maildir has room for 26 different ones",
                    counted(lost, "tag")
                ));
            }
        } else {
            path = self.destination.leave()?;
            error = format!(
                "{error}: {messages} of {} are in {}",
                counted(total, "message"),
                path.display()
            );
        }
        if missing > 0 {
            let why = if self.why.is_empty() {
                "the server does not have them any more"
            } else {
                &self.why
            };
            complain(&format!(
                "not in it: {}: {why}",
                counted(missing, "message")
            ));
        }
        if args.json.json {
            output.json(&Report {
                account: self.account,
                mailbox: &mailbox.name,
                format: args.format.name(),
                path: path.display().to_string(),
                messages,
                bytes: self.bytes,
                missing,
                complete: is_whole && missing == 0,
                error: (!error.is_empty()).then_some(&error),
            })?;
        } else if is_whole {
            output.line(&format!(
                "Exported {} of {} to {}.",
                counted(messages, "message"),
                mailbox.name,
                path.display()
            ))?;
        }
        match (error.is_empty(), missing) {
            (true, 0) => Ok(Exit::Done),
            (true, _) => Ok(Exit::Failed),
            (false, _) => Err(Failure::failed(error)),
        }
    }
}

impl FormatArg {
    const fn format(self) -> Format {
        match self {
            Self::Mbox => Format::Mbox,
            Self::Maildir => Format::Maildir,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Mbox => "mbox",
            Self::Maildir => "maildir",
        }
    }
}
