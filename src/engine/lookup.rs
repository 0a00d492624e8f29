//! The slow sources of addresses: a directory (LDAP), and a command of the user's.
//!
//! Asked by `people` while somebody types. Both have a time limit, and end when the question does. What
//! was typed must never be an option of the command, nor a condition of the directory's filter.

use super::people::Told;
use super::program::{self, Limits, Stop, Streams};
use crate::config;
use crate::model::{Address, Safe, Secret};
use crate::net::{self, Options, Security, Server, ldap};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long a source may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);
/// So much of what a command prints is read.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024;
/// So many of its lines.
const LINES_MAX: usize = 200;
/// So much of what was typed is handed on.
const TYPED_CHARS_MAX: usize = 100;

/// How to ask the directory that is configured.
#[must_use]
pub fn directory_of(ldap: &config::Ldap, password: Option<Secret>) -> ldap::Directory {
    let is_implicit = ldap.is_implicit();
    let security = match ldap.tls {
        _ if is_implicit => Security::Implicit,
        config::LdapTls::Starttls => Security::StartTls,
        config::LdapTls::None => Security::Plain,
    };
    let name = ldap.bind_dn.clone();
    ldap::Directory {
        server: Server {
            host: ldap.host().unwrap_or_default().to_owned(),
            port: ldap.port(),
            security,
            ca_file: ldap.ca_file.clone(),
        },
        options: Options {
            allow_plaintext: ldap.insecure_plaintext,
            ..Options::default()
        },
        login: name.zip(password),
        base: ldap.base.clone(),
        filter: ldap.filter.clone(),
    }
}

/// Asks the directory.
pub(crate) async fn ask_directory(
    directory: &ldap::Directory,
    typed: &str,
) -> net::Result<Vec<Told>> {
    let found = directory.find(&cleaned(typed), LIMIT).await?;
    let told = |address: Address| Told {
        address,
        source: Safe::fixed("LDAP"),
    };
    Ok(found.into_iter().map(told).collect())
}

/// Asks the command. Dropping this ends it.
pub(crate) async fn ask_command(argv: &[String], typed: &str) -> Result<Vec<Told>, String> {
    let Some(mut command) = command(argv, typed) else {
        return Ok(Vec::new());
    };
    let stop = Stop::default();
    let _guard = stop.on_drop();
    let limits = Limits {
        time: LIMIT,
        output_bytes: OUTPUT_BYTES_MAX,
    };
    let run = tokio::task::spawn_blocking(move || {
        program::run(&mut command, Streams::Kept(Vec::new()), limits, &stop)
    });
    let ended = match run.await {
        Ok(ended) => ended.map_err(|fault| fault.to_string())?,
        Err(_) => return Err("the command for addresses was lost".to_owned()),
    };
    // Such programs often end with an error where they found nobody.
    let name = argv.first().map_or("", String::as_str);
    let name = Path::new(name).file_name().unwrap_or_default();
    Ok(lines(&ended.output, &Safe::line(&name.to_string_lossy())))
}

/// The command with what was typed in it; `None` where nothing is left of that.
fn command(argv: &[String], typed: &str) -> Option<Command> {
    let (program, arguments) = argv.split_first()?;
    let typed = cleaned(typed);
    if typed.is_empty() {
        return None;
    }
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|a| a.replace("%s", &typed)));
    if !arguments.iter().any(|a| a.contains("%s")) {
        command.arg(&typed);
    }
    Some(command)
}

/// What was typed as somebody else may be given it: one line, and no option of a program.
pub(crate) fn cleaned(typed: &str) -> String {
    let plain = Safe::line(typed);
    let plain: String = plain.as_str().chars().take(TYPED_CHARS_MAX).collect();
    let plain = plain.trim_start_matches(|c: char| c == '-' || c.is_whitespace() || c == '"');
    plain
        .trim_end()
        .trim_end_matches(['<', '"'])
        .trim_end()
        .to_owned()
}

/// What `mutt` reads too: an address, a tab, a name, perhaps more. Other lines are talk.
fn lines(output: &[u8], source: &Safe) -> Vec<Told> {
    let text = String::from_utf8_lossy(output);
    let address = |line: &str| {
        let mut fields = line.split('\t').map(str::trim);
        Address {
            address: fields.next().unwrap_or_default().to_owned(),
            name: fields.next().unwrap_or_default().to_owned(),
        }
        .proposal()
    };
    text.lines()
        .take(LINES_MAX)
        .filter_map(address)
        .map(|address| Told {
            address,
            source: source.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_one_argument_and_never_an_option() {
        let argv: Vec<String> = ["prog", "-q", "name=%s"].map(str::to_owned).to_vec();
        let given = |typed: &str, argv: &[String]| {
            let command = command(argv, typed)?;
            let arguments = command.get_args().map(|a| a.to_string_lossy().into_owned());
            Some(arguments.collect::<Vec<_>>())
        };
        let some = |words: &[&str]| Some(words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            given("ann; rm -rf $HOME", &argv),
            some(&["-q", "name=ann; rm -rf $HOME"])
        );
        assert_eq!(given("-- --exec=x", &argv[..2]), some(&["-q", "exec=x"]));
        assert_eq!(given("a\r\nb\0c", &argv[..1]).unwrap().len(), 1);
        assert!(!given("a\r\nb\0c", &argv[..1]).unwrap()[0].contains(['\n', '\0']));
        assert_eq!(given(" -- ", &argv), None);
        assert_eq!(given("x", &[]), None);
    }

    #[test]
    fn lines_of_addresses_are_read_and_talk_is_passed_over() {
        let output =
            b"searching for 'ann' ...\nann@example.org\tAnn Example\tfriends\nbob@example.org\n\
            \tnobody\nevil@x.example>\\nBcc: y\tx\ncoco@example.org\tCo\x1b[31mco\n\xff@\xff\tx\n";
        let told = lines(output, &Safe::fixed("khard"));
        let told: Vec<String> = told.iter().map(|t| t.address.to_string()).collect();
        assert_eq!(
            told,
            [
                "Ann Example <ann@example.org>",
                "bob@example.org",
                "coco@example.org"
            ]
        );
    }
}
