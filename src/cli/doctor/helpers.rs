//! Looks at what helps in writing: the sources of addresses, `gpg`, the spell check, the editor.
//!
//! Called by `doctor`. What nobody asked for is never a fault where it is missing: it is said what
//! goes without it.

use super::Check;
use crate::cli::{accounts, terminal};
use crate::config::{Config, Directory, Ldap};
use crate::engine::{CryptoError, Gpg, directory_of, look_at_contacts, look_at_spelling};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest wait for the directory.
const STEP: Duration = Duration::from_secs(10);

/// Looks at all of them.
pub(super) fn look(config: &Config) -> Vec<Check> {
    let mut checks = directory(&config.directory);
    checks.push(gpg());
    checks.push(spelling(config));
    checks.push(editor());
    checks
}

fn directory(directory: &Directory) -> Vec<Check> {
    let mut checks: Vec<Check> = directory.vcards.iter().map(|path| contacts(path)).collect();
    if let Some(program) = directory.argv().first() {
        checks.push(if find(program).is_some() {
            Check::good("addresses: command", format!("{program} is there"))
        } else {
            Check::bad(
                "addresses: command",
                format!("{program} is not installed, or not on the path"),
                "install it, or change command under [directory]",
            )
        });
    }
    checks.extend(directory.ldap.as_ref().map(ldap));
    checks
}

fn contacts(path: &Path) -> Check {
    let shown = path.display();
    match look_at_contacts(path) {
        Ok(1) => Check::good("addresses: contacts", format!("{shown} can be read")),
        Ok(0) => Check::bad(
            "addresses: contacts",
            format!("{shown} has no file that ends in .vcf"),
            "export your contacts there, or change vcards under [directory]",
        ),
        Ok(files) => Check::good(
            "addresses: contacts",
            format!("{shown} can be read; files: {files}"),
        ),
        Err(error) => Check::bad(
            "addresses: contacts",
            format!("{shown} cannot be read: {error}"),
            "check the path and its permissions, or change vcards under [directory]",
        ),
    }
}

fn ldap(ldap: &Ldap) -> Check {
    const WHAT: &str = "addresses: LDAP";
    let secret = match ldap.secret() {
        Ok(secret) => secret,
        Err(error) => {
            return Check::bad(WHAT, error, "see [directory.ldap] in the configuration");
        }
    };
    if let Err(why) = crate::net::ldap::filter(&ldap.filter, "x") {
        return Check::bad(
            WHAT,
            format!("the filter {why}"),
            "mend filter under [directory.ldap], or take it out",
        );
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Check::bad(WHAT, error.to_string(), "close other programs"),
    };
    let directory = directory_of(ldap, secret);
    match runtime.block_on(directory.probe(STEP)) {
        Ok(()) => Check::good(
            WHAT,
            format!("{} answers; {} is there", ldap.url, ldap.base),
        ),
        Err(error) => {
            let remedy = match error.hint.as_str() {
                "" => "check url under [directory.ldap]".to_owned(),
                hint => hint.to_owned(),
            };
            Check::bad(WHAT, error.summary, remedy)
        }
    }
}

fn gpg() -> Check {
    match Gpg::default().version() {
        Ok(version) => Check::good("gpg", version),
        Err(CryptoError::Missing) => Check::good(
            "gpg",
            "not installed: messages cannot be signed or encrypted",
        ),
        Err(error) => Check::bad("gpg", error.to_string(), "run: gpg --version"),
    }
}

fn spelling(config: &Config) -> Check {
    match look_at_spelling(&accounts::spelling(config)) {
        Ok(program) => Check::good("spelling", program),
        Err(why) if config.ui.spelling.is_some() => Check::bad(
            "spelling",
            why,
            "install that dictionary, or change spelling under [ui]",
        ),
        Err(why) => Check::good("spelling", format!("cannot be checked: {why}")),
    }
}

fn editor() -> Check {
    let set = ["VISUAL", "EDITOR"].map(|name| (name, terminal::variable(name)));
    let set = set.into_iter().find(|(_, value)| !value.trim().is_empty());
    let Some((name, value)) = set else {
        return Check::good("editor", "no $EDITOR is set; messages are written here");
    };
    let program = value.split_whitespace().next().unwrap_or_default();
    if find(program).is_some() {
        Check::good("editor", format!("${name} is {value}"))
    } else {
        Check::bad(
            "editor",
            format!("${name} is {value}, which is not installed or not on the path"),
            format!("set {name} to an editor that is there"),
        )
    }
}

/// Where a program is that can be run.
fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(is_program);
    }
    let folders = terminal::variable("PATH");
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(program));
    paths.find(is_program)
}
