//! How commands end: exit codes, and errors as one sentence on standard error.
//!
//! Used by all commands. The codes are part of the contract with scripts and must never change.

use crate::model::Safe;
use crate::{config, store};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// All done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Some accounts failed.
    SomeFailed = 3,
    /// Kept, to be done later.
    Kept = 75,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do all it was asked for: a sentence, or nothing where the reader is gone.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    sentence: String,
}

impl Failure {
    /// It failed. The sentence says what, where, and what to do.
    pub(super) fn failed(sentence: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            sentence: sentence.into(),
        }
    }

    /// The command line is wrong.
    pub(super) fn usage(sentence: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            sentence: sentence.into(),
        }
    }

    /// It failed for some of the accounts, and is done for the others.
    pub(super) fn some_failed(sentence: impl Into<String>) -> Self {
        Self {
            exit: Exit::SomeFailed,
            sentence: sentence.into(),
        }
    }

    /// It is kept, and will be done later.
    pub(super) fn kept(sentence: impl Into<String>) -> Self {
        Self {
            exit: Exit::Kept,
            sentence: sentence.into(),
        }
    }

    /// What is said.
    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Says it, on standard error.
    pub(super) fn report(&self) -> Exit {
        if !self.sentence.is_empty() {
            complain(&self.sentence);
        }
        self.exit
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            // Whoever read our output has enough: `pillarbox list INBOX | head`.
            return Self {
                exit: Exit::Done,
                sentence: String::new(),
            };
        }
        Self::failed(format!("standard output cannot be written: {error}"))
    }
}

/// One sentence on standard error, made clean.
pub(super) fn complain(sentence: &str) {
    // Where standard error is closed there is nobody to tell.
    drop(writeln!(
        io::stderr(),
        "pillarbox: {}",
        Safe::line(sentence)
    ));
}

/// Help, version, or what is wrong with the command line.
pub(super) fn usage(error: &clap::Error) -> Exit {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        drop(error.print());
        return Exit::Done;
    }
    complain(&usage_sentence(error));
    Exit::Usage
}

fn usage_sentence(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return missing_command(&rendered);
    }
    let first = rendered.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    let what = words.join(" ");
    let what = what
        .strip_prefix("error: ")
        .unwrap_or(&what)
        .trim_end_matches('.');
    let near = error.context().find_map(|(kind, value)| {
        let is_near = matches!(
            kind,
            ContextKind::SuggestedSubcommand
                | ContextKind::SuggestedArg
                | ContextKind::SuggestedValue
        );
        is_near.then(|| match value {
            ContextValue::String(word) => Some(word.clone()),
            ContextValue::Strings(all) => all.first().cloned(),
            _ => None,
        })?
    });
    let remedy = near.map_or_else(
        || "see `pillarbox --help`".to_owned(),
        |word| format!("did you mean {word}? (see `pillarbox --help`)"),
    );
    format!("{what}; {remedy}")
}

/// Where a command has commands of its own and none was named. The error is the help.
fn missing_command(help: &str) -> String {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names: Vec<&str> = listed
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    format!(
        "it is not said what to do; write one of: {} (see `pillarbox --help`)",
        names.join(", ")
    )
}
