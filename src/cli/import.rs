//! `pillarbox import`: the messages of an mbox or a Maildir into a folder.
//!
//! Called by `mod.rs`. What was not taken is named and counted, and taking the same archive again must
//! not double what is there.

use super::accounts;
use super::args::ImportArgs;
use super::bulk::{Bulk, Progress, counted};
use super::change::check_target;
use super::exit::{Exit, Failure, complain};
use super::output::Output;
use super::place::{Place, Tree};
use crate::archive::{Format, Source};
use crate::engine::owner::{self, Owner};
use crate::engine::{AccountSetup, Importer, Incoming, Put, list_once};
use crate::model::{Mailbox, MailboxKey};
use crate::store::Store;
use serde::Serialize;
use std::path::Path;

/// So many messages are handed over at a time.
const BATCH: usize = 64;
/// Or so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// So many that were refused are named; the rest is counted.
const NAMED_MAX: u64 = 100;

/// Why an import ended that the user ended.
const CALLED_OFF: &str = "called off";

/// `import --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Report<'a> {
    account: &'a str,
    mailbox: &'a str,
    format: &'static str,
    path: String,
    imported: u64,
    present: u64,
    refused: u64,
    complete: bool,
    error: Option<&'a str>,
}

/// An import under way.
struct Import {
    source: Source,
    bulk: Bulk,
    progress: Progress,
    batch: Vec<Incoming>,
    places: Vec<String>,
    batch_bytes: usize,
    imported: u64,
    present: u64,
    refused: u64,
    /// Why it ended before the end of the archive.
    error: String,
}

/// Imports.
pub(super) fn import(
    place: &Place,
    args: &ImportArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let source = open(&args.source)?;
    let store = place.store()?;
    let tree = known_folders(place, &store)?;
    let mailbox = tree.find_target(&args.mailbox)?;
    check_target(mailbox)?;
    let account = tree.account_name(mailbox.account);
    let setup = place.loaded.config.account(account);
    let setup = setup.and_then(|a| accounts::account_setup(account, a));
    let setup = setup.ok_or_else(|| {
        Failure::usage("nothing was imported: this version speaks IMAP only; add an imap server")
    })?;
    let mut import = Import::new(source)?;
    import
        .progress
        .say(|| "Looking at what is in the folder".to_owned());
    let opened = import.open(place, &store, &setup, mailbox.key, args.all);
    match opened {
        Some(Ok(mut importer)) => {
            import.run(&mut importer);
            // Where it was left in the middle, that is said already.
            let closed = import.bulk.run_or_leave(importer.close());
            if let (Some(Err(why)), true) = (closed, import.error.is_empty()) {
                import.error =
                    format!("the folder is not in step yet, the next sync does that: {why}");
            }
        }
        Some(Err(why)) => import.error = why,
        None => CALLED_OFF.clone_into(&mut import.error),
    }
    // A screen that runs beside this shows the folder as it is now.
    owner::ring(&place.data_dir);
    import.finish(account, mailbox, args, output)
}

/// The folders that are known. Those of mail that is kept here need no server: they are made with the
/// first look, which may be this one.
fn known_folders(place: &Place, store: &Store) -> Result<Tree, Failure> {
    let tree = Tree::read(place, &store.reader()?)?;
    let is_known = |name: &str| {
        let key = tree.account_key(name);
        key.is_some_and(|key| tree.mailboxes.iter().any(|m| m.account == key))
    };
    let config = &place.loaded.config;
    let setups = place.account_names().into_iter().filter_map(|name| {
        let account = config.account(name)?;
        let setup = accounts::account_setup(name, account)?;
        (setup.is_local() && !is_known(name)).then_some(setup)
    });
    let setups: Vec<AccountSetup> = setups.collect();
    if setups.is_empty() {
        return Ok(tree);
    }
    let bulk = Bulk::begin()?;
    for setup in &setups {
        if let Err(why) = bulk.run(list_once(store, setup)) {
            complain(&format!("{}: {why}", setup.name));
        }
    }
    Tree::read(place, &store.reader()?)
}

/// Opens the archive.
fn open(path: &Path) -> Result<Source, Failure> {
    let shown = path.display();
    let opened = Source::open(path).map_err(|e| {
        Failure::usage(format!(
            "{shown} cannot be read: {e}; name an mbox or a Maildir"
        ))
    })?;
    opened.ok_or_else(|| {
        Failure::usage(format!(
            "{shown} is neither an mbox (a file that begins with \"From \") nor a Maildir (a folder with cur and new)"
        ))
    })
}

impl Import {
    fn new(source: Source) -> Result<Self, Failure> {
        Ok(Self {
            source,
            bulk: Bulk::begin()?,
            progress: Progress::new(),
            batch: Vec::new(),
            places: Vec::new(),
            batch_bytes: 0,
            imported: 0,
            present: 0,
            refused: 0,
            error: String::new(),
        })
    }

    /// Connects, and looks at what the folder holds; `None`: called off.
    fn open(
        &self,
        place: &Place,
        store: &Store,
        setup: &AccountSetup,
        mailbox: MailboxKey,
        takes_all: bool,
    ) -> Option<Result<Importer, String>> {
        // What waits in the journal is sent by who has the role alone; messages go without it, so
        // that a screen can be started while they do.
        let role = Owner::acquire(&place.data_dir);
        let opening = Importer::open(store, setup, mailbox, takes_all, role.is_ok());
        self.bulk.try_to_run(opening)
    }

    /// Takes the archive to its end, or as far as it can be.
    fn run(&mut self, importer: &mut Importer) {
        loop {
            if self.bulk.is_called_off() {
                CALLED_OFF.clone_into(&mut self.error);
                return;
            }
            let next = match self.source.take_next() {
                Ok(next) => next,
                Err(error) => {
                    self.put(importer);
                    self.error = format!("the archive cannot be read any further: {error}");
                    return;
                }
            };
            let is_last = next.is_none();
            if let Some(found) = next {
                match found.message {
                    Ok(message) => {
                        self.batch_bytes += message.raw.len();
                        self.places.push(found.place);
                        self.batch.push(Incoming {
                            raw: message.raw,
                            flags: message.flags,
                            arrived: message.arrived,
                        });
                    }
                    Err(unfit) => self.refuse(&found.place, &unfit.to_string()),
                }
            }
            let is_full = self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES;
            let can_go_on = !(is_full || is_last) || self.put(importer);
            if is_last || !can_go_on {
                return;
            }
        }
    }

    /// Hands over what was gathered; whether it can go on.
    fn put(&mut self, importer: &mut Importer) -> bool {
        let batch = std::mem::take(&mut self.batch);
        let places = std::mem::take(&mut self.places);
        self.batch_bytes = 0;
        let Some((outcomes, broken)) = self.bulk.run_or_leave(importer.put(&batch)) else {
            CALLED_OFF.clone_into(&mut self.error);
            return false;
        };
        for (place, outcome) in places.iter().zip(outcomes) {
            match outcome {
                Put::Taken => self.imported += 1,
                Put::There => self.present += 1,
                Put::Refused(why) => self.refuse(place, &why),
                // The others that are on their way meet with the same.
                Put::Full(why) => {
                    self.error = format!("the server takes no more: {why}");
                }
                Put::Unknown => {}
            }
        }
        if let Some(why) = broken {
            self.error = format!("the connection was lost: {why}");
        }
        let (imported, percent) = (self.imported, self.source.percent());
        let present = self.present;
        self.progress
            .say(|| format!("Importing: {percent} %, {imported} taken, {present} were there"));
        self.error.is_empty()
    }

    fn refuse(&mut self, place: &str, why: &str) {
        self.refused += 1;
        if self.refused <= NAMED_MAX {
            self.progress.clear();
            complain(&format!("{place} was not imported: {why}"));
        }
    }

    /// Says what became of it.
    fn finish(
        mut self,
        account: &str,
        mailbox: &Mailbox,
        args: &ImportArgs,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        self.progress.clear();
        for sentence in self.source.passed_over() {
            complain(&format!("{}: {sentence}", args.source.display()));
        }
        let (imported, present, refused) = (self.imported, self.present, self.refused);
        let error = self.error.trim_end_matches('.');
        if args.json.json {
            output.json(&Report {
                account,
                mailbox: &mailbox.name,
                format: match self.source.format() {
                    Format::Mbox => "mbox",
                    Format::Maildir => "maildir",
                },
                path: args.source.display().to_string(),
                imported,
                present,
                refused,
                complete: error.is_empty() && refused == 0,
                error: (!error.is_empty()).then_some(error),
            })?;
        } else if error.is_empty() {
            let mut text = format!(
                "Imported {} into {}",
                counted(imported, "message"),
                mailbox.name
            );
            for (count, what) in [(present, "there already"), (refused, "not taken")] {
                let were = if count == 1 { "was" } else { "were" };
                if count > 0 {
                    text.extend([&format!("; {count} {were} "), what]);
                }
            }
            output.line(&format!("{text}."))?;
        }
        if !error.is_empty() {
            return Err(Failure::failed(format!(
                "{error}; so far {} went into {}: the same command goes on from there, and doubles nothing",
                counted(imported, "message"),
                mailbox.name
            )));
        }
        Ok(if refused == 0 {
            Exit::Done
        } else {
            Exit::Failed
        })
    }
}
