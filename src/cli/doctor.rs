//! `pillarbox doctor`: looks at everything that can be wrong, and says what to do about it.
//!
//! Called by `mod.rs`. It must never change anything, and never send a password but to the server
//! that it is for.

mod helpers;
mod servers;

use super::args::Args;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{place, terminal};
use crate::config::{self, Loaded};
use crate::store::Store;
use serde::Serialize;
use std::io::IsTerminal as _;
use std::os::unix::fs::PermissionsExt as _;

/// What was looked at, and what was found. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    check: String,
    ok: bool,
    detail: String,
    remedy: String,
}

impl Check {
    fn good(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            ok: true,
            detail: detail.into(),
            remedy: String::new(),
        }
    }

    fn bad(check: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            ok: false,
            detail: detail.into(),
            remedy: remedy.into(),
        }
    }
}

impl Check {
    /// Whether nothing is wrong.
    pub(super) const fn is_ok(&self) -> bool {
        self.ok
    }

    /// One sentence.
    pub(super) fn sentence(&self) -> String {
        if self.remedy.is_empty() {
            return format!("{}: {}", self.check, self.detail);
        }
        format!("{}: {}; {}", self.check, self.detail, self.remedy)
    }
}

/// Looks at the servers of one account.
pub(super) fn servers(name: &str, account: &config::Account) -> Vec<Check> {
    servers::look(name, account)
}

/// Looks at everything.
pub(super) fn doctor(args: &Args, is_json: bool, output: &mut Output) -> Result<Exit, Failure> {
    let mut is_well = true;
    let mut tell = |checks: Vec<Check>| -> Result<(), Failure> {
        for check in checks {
            is_well &= check.ok;
            print(&check, is_json, output)?;
        }
        // Servers may take their time: what is known is shown at once.
        Ok(output.finish()?)
    };
    let (loaded, checks) = configuration(args);
    if let Some(loaded) = &loaded {
        place::known_account(loaded, args.account.as_deref())?;
    }
    tell(checks)?;
    tell(vec![store(args)])?;
    tell(screen())?;
    if let Some(loaded) = loaded {
        tell(helpers::look(&loaded.config))?;
        for (name, account) in &loaded.config.accounts {
            if args.account.as_deref().is_none_or(|only| only == name) {
                tell(servers::look(name, account))?;
            }
        }
    }
    Ok(if is_well { Exit::Done } else { Exit::Failed })
}

fn print(check: &Check, is_json: bool, output: &mut Output) -> Result<(), Failure> {
    if is_json {
        return Ok(output.json(check)?);
    }
    let mark = if check.ok { "ok  " } else { "BAD " };
    output.line(&format!("{mark}{}: {}", check.check, check.detail))?;
    if !check.remedy.is_empty() {
        output.line(&format!("      {}", check.remedy))?;
    }
    Ok(())
}

fn configuration(args: &Args) -> (Option<Loaded>, Vec<Check>) {
    let read = place::configuration(args);
    let loaded = match read {
        Ok(loaded) => loaded,
        Err(mut error) => {
            let remedy = std::mem::take(&mut error.hint);
            return (
                None,
                vec![Check::bad("configuration", error.to_string(), remedy)],
            );
        }
    };
    let file = loaded.file.display().to_string();
    let mut checks = vec![match loaded.config.accounts.len() {
        0 => Check::bad(
            "configuration",
            format!("{file} has no account"),
            "add one; config.example.toml shows how",
        ),
        n => Check::good("configuration", format!("{file} is right; accounts: {n}")),
    }];
    let mode = std::fs::metadata(&loaded.file).map_or(0, |meta| meta.permissions().mode());
    if mode & 0o077 != 0 && has_password(&loaded) {
        checks.push(Check::bad(
            "configuration: secrets",
            format!("{file} holds a password and can be read by others"),
            format!("run: chmod 600 {file}; or use password_command"),
        ));
    }
    (Some(loaded), checks)
}

fn has_password(loaded: &Loaded) -> bool {
    let servers = |account: &config::Account| {
        [&account.imap, &account.pop3, &account.smtp]
            .into_iter()
            .flatten()
            .any(|server| server.password.is_some())
    };
    let config = &loaded.config;
    let ldap = config.directory.ldap.as_ref();
    ldap.is_some_and(|ldap| ldap.password.is_some())
        || config.accounts.iter().any(|(_, account)| servers(account))
}

fn store(args: &Args) -> Check {
    let folder = match place::data_dir(args) {
        Ok(folder) => folder,
        Err(failure) => return Check::bad("store", failure.sentence(), "see above"),
    };
    let shown = folder.display().to_string();
    let checked = Store::open(&folder).and_then(|store| store.reader()?.check());
    match checked {
        Ok(()) => Check::good("store", format!("{shown} is sound")),
        Err(error) => Check::bad(
            "store",
            error.to_string(),
            "what the server has can be fetched again: `pillarbox cache clear`, then `pillarbox sync`",
        ),
    }
}

fn screen() -> Vec<Check> {
    let term = terminal::variable("TERM");
    let size = terminal::size(std::io::stdout().is_terminal());
    let size = size.map_or("no terminal".to_owned(), |(columns, rows)| {
        format!("{columns}×{rows}")
    });
    let locale = terminal::locale();
    vec![
        if term.is_empty() || term == "dumb" {
            Check::bad(
                "terminal",
                format!("TERM is {term:?}: the screen cannot be drawn"),
                "start it in a terminal window, or set TERM to what the terminal is",
            )
        } else {
            Check::good(
                "terminal",
                format!("{term}, {size}, {}", terminal::colours()),
            )
        },
        if terminal::is_utf8(&locale) {
            Check::good("locale", locale)
        } else {
            Check::bad(
                "locale",
                format!("{locale:?} is not UTF-8: other scripts may not be shown"),
                "set LANG=C.UTF-8, or ascii = true under [ui] in the configuration",
            )
        },
    ]
}
