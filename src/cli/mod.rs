//! The command line: arguments in, exit code out.
//!
//! Called by `main`. Commands drive the same store and the same network code as the screen, and may
//! run beside it. What a command prints must never hold an unescaped character from a mail or a
//! server when it goes to a terminal.

mod accounts;
mod actions;
mod args;
mod bulk;
mod cache;
mod change;
mod config;
mod doctor;
mod exit;
mod export;
mod folders;
mod front;
mod import;
mod journal;
mod json;
mod keys;
mod listing;
mod log;
mod mailboxes;
mod network;
mod outbox;
mod output;
mod place;
mod providers;
mod search;
mod send;
mod settle;
mod setup;
mod show;
mod sync;
mod terminal;
mod text;

pub use args::command;
pub use network::{Network, SyncReport};

use crate::model::Role;
use args::{Args, CommandArgs, SetupArgs};
use clap::Parser as _;
use exit::{Exit, Failure};
use output::Output;
use place::Place;
use std::process::ExitCode;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    leave_no_core();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error).into(),
    };
    let mut output = Output::standard();
    let outcome = run(&args, &mut output).and_then(|exit| {
        output.finish()?;
        Ok(exit)
    });
    outcome.unwrap_or_else(|failure| failure.report()).into()
}

/// A crash must not leave mail and passwords on the disk.
fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    let none = Rlimit {
        current: Some(0),
        maximum,
    };
    // Where the system refuses, the user's own limit holds.
    let _refused = setrlimit(Resource::Core, none);
}

fn run(args: &Args, output: &mut Output) -> Result<Exit, Failure> {
    let Some(command) = &args.command else {
        if setup::is_first_run(args, output)? {
            setup::setup(args, &SetupArgs::default(), output)?;
            output.finish()?;
        }
        return front::screen(&Place::open(args)?, None);
    };
    match command {
        CommandArgs::Demo => front::demo(),
        CommandArgs::Setup(given) => setup::setup(args, given, output),
        CommandArgs::Compose { link } => front::compose(&Place::open(args)?, link.as_deref()),
        CommandArgs::Sync { json } => sync::sync(&Place::open(args)?, json.json, output),
        CommandArgs::Mailboxes { json } => {
            mailboxes::mailboxes(&Place::open(args)?, json.json, output)
        }
        CommandArgs::Mailbox(change) => folders::change(&Place::open(args)?, change, output),
        CommandArgs::List(list) => listing::list(&Place::open(args)?, list, output),
        CommandArgs::Search(wanted) => search::search(&Place::open(args)?, wanted, output),
        CommandArgs::Show(show) => show::show(&Place::open(args)?, show, output),
        CommandArgs::Flag(flag) => change::flag(&Place::open(args)?, flag, output),
        CommandArgs::Tag(tag) => change::tag(&Place::open(args)?, tag, output),
        CommandArgs::Move(moved) => change::move_to(&Place::open(args)?, moved, output),
        CommandArgs::Copy(copied) => change::copy_to(&Place::open(args)?, copied, output),
        CommandArgs::Archive(messages) => {
            change::move_to_role(&Place::open(args)?, Role::Archive, messages, output)
        }
        CommandArgs::Trash(messages) => {
            change::move_to_role(&Place::open(args)?, Role::Trash, messages, output)
        }
        CommandArgs::Delete(messages) => change::delete(&Place::open(args)?, messages, output),
        CommandArgs::Undo { offline } => change::undo(&Place::open(args)?, *offline, output),
        CommandArgs::Send(message) => send::send(&Place::open(args)?, message, output),
        CommandArgs::Outbox(outbox) => outbox::outbox(&Place::open(args)?, outbox, output),
        CommandArgs::Journal { json } => journal::journal(&Place::open(args)?, json.json, output),
        CommandArgs::Export(wanted) => export::export(&Place::open(args)?, wanted, output),
        CommandArgs::Import(wanted) => import::import(&Place::open(args)?, wanted, output),
        CommandArgs::Actions { json } => actions::list(json.json, output),
        CommandArgs::Config(config) => config::config(args, config, output),
        CommandArgs::Cache(args::CacheArgs::Clear) => cache::clear(&Place::open(args)?, output),
        CommandArgs::Doctor { json } => doctor::doctor(args, json.json, output),
    }
}
