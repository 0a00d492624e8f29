//! From the configuration to what the engine and the front are started with.
//!
//! Called by the commands. Must never read a secret before it is needed: it hands over how to get one.

use super::terminal;
use crate::app;
use crate::config::{self, Config, Proof, Protocol, Tls};
use crate::engine::{
    AccountSetup, Gpg, Keep, LIST_EVERY, Maildrop, Outgoing, SaveSent, Sender, Setup, Writing,
};
use crate::model::{Address, Query, is_same_mailbox};
use crate::net::smtp::{Manner, Patience};
use crate::net::{Login, Options, Security, Server, http};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The engine's setup for the IMAP accounts of a configuration, or for the one named `only`.
#[must_use]
pub(super) fn setup(config: &Config, data_dir: &Path, only: Option<&str>) -> Setup {
    let accounts = config
        .accounts
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == name))
        .filter_map(|(name, account)| account_setup(name, account))
        .collect();
    Setup {
        data_dir: data_dir.to_owned(),
        downloads: downloads(config),
        templates: data_dir.join("templates"),
        accounts,
        directory: config.directory.clone(),
        spelling: spelling(config),
        gpg: Gpg::default(),
        web: http::Limits::default(),
        is_offline: false,
    }
}

/// The language of the spell check: as it is set, else that of the locale.
pub(super) fn spelling(config: &Config) -> String {
    config.ui.spelling.clone().unwrap_or_else(|| {
        let locale = terminal::locale();
        let language = locale.split(['.', '@']).next().unwrap_or_default();
        let is_named = !matches!(language, "C" | "POSIX");
        if is_named {
            language.to_owned()
        } else {
            String::new()
        }
    })
}

/// What prints: the program that is set, or those that systems have.
fn printers(config: &Config) -> Vec<Vec<String>> {
    let set = config::Ui::argv(config.ui.print_command.as_ref());
    if set.is_empty() {
        vec![vec!["lp".to_owned()], vec!["lpr".to_owned()]]
    } else {
        vec![set]
    }
}

fn downloads(config: &Config) -> PathBuf {
    let home = directories::UserDirs::new();
    let set = config
        .ui
        .downloads
        .as_ref()
        .map(|path| match (path.strip_prefix("~"), &home) {
            (Ok(rest), Some(home)) => home.home_dir().join(rest),
            _ => path.clone(),
        });
    let found = set.or_else(|| home?.download_dir().map(Path::to_owned));
    let found = found.unwrap_or_else(|| PathBuf::from("."));
    // Where a file was saved is told by this path: `.` would say nothing.
    std::path::absolute(&found).unwrap_or(found)
}

/// The engine's setup for an account; `None` where it has no incoming server.
#[must_use]
pub(super) fn account_setup(name: &str, account: &config::Account) -> Option<AccountSetup> {
    let (protocol, server) = account.incoming()?;
    let source = account.clone();
    Some(AccountSetup {
        name: name.to_owned(),
        address: account.address.clone(),
        server: reached(server, protocol),
        login: Arc::new(move || login(&source, protocol)),
        options: options(server),
        mode: account.sync.mode,
        interval: account.sync.interval.get(),
        list_every: LIST_EVERY,
        keep: match account.sync.keep {
            config::Keep::All => Keep::All,
            config::Keep::Recent(period) => Keep::Recent(period.get()),
            config::Keep::Headers => Keep::Headers,
        },
        maildrop: (protocol == Protocol::Pop3).then(|| Maildrop {
            leave: server.leave_on_server,
            max_size: server.max_size.map(config::Size::bytes),
        }),
        roles: account
            .folders
            .roles()
            .map(|(role, name)| (role, name.to_owned()))
            .collect(),
        trusted_authserv: account.trusted_authserv.clone().unwrap_or_default(),
        writing: writing(account),
        outgoing: outgoing(account),
    })
}

/// How an account sends.
fn outgoing(account: &config::Account) -> Option<Outgoing> {
    let server = account.smtp.as_ref()?;
    let source = account.clone();
    let patience = match patience_secs() {
        Some(secs) => Patience::default().at_most(Duration::from_secs(secs)),
        None => Patience::default(),
    };
    Some(Outgoing {
        server: reached(server, Protocol::Smtp),
        login: Arc::new(move || login(&source, Protocol::Smtp)),
        options: options(server),
        manner: Manner {
            patience,
            ..Manner::default()
        },
        save_sent: match account.send.save_sent {
            config::SaveSent::Auto => SaveSent::Auto,
            config::SaveSent::Always => SaveSent::Always,
            config::SaveSent::Never => SaveSent::Never,
        },
        undo: account.send.undo.get(),
    })
}

/// How long a submission server may be silent at most, where that is set. For tests: what RFC 5321
/// asks for is ten minutes.
fn patience_secs() -> Option<u64> {
    terminal::variable("PILLARBOX_PATIENCE").parse().ok()
}

/// How an account writes: as itself first, unless one of its identities is that.
fn writing(account: &config::Account) -> Writing {
    let named = |name: &str| match name {
        "" => account.name.clone(),
        name => name.to_owned(),
    };
    let mut senders: Vec<Sender> = account
        .send
        .identities
        .iter()
        .map(|identity| Sender {
            address: Address {
                name: named(&identity.name),
                address: identity.address.clone(),
            },
            signature: identity.signature.clone(),
        })
        .collect();
    let is_own = |s: &Sender| is_same_mailbox(&s.address.address, &account.address);
    let usual = match senders.iter().position(is_own) {
        Some(place) => senders.remove(place),
        None => Sender {
            address: Address {
                name: account.name.clone(),
                address: account.address.clone(),
            },
            signature: String::new(),
        },
    };
    senders.insert(0, usual);
    Writing {
        senders,
        ..Writing::default()
    }
}

/// Where a server is and how it is made safe.
pub(super) fn reached(server: &config::Server, protocol: Protocol) -> Server {
    Server {
        host: server.host.clone(),
        port: server.port_for(protocol),
        security: match server.tls {
            Tls::Implicit => Security::Implicit,
            Tls::Starttls => Security::StartTls,
            Tls::None => Security::Plain,
        },
        ca_file: server.ca_file.clone(),
    }
}

/// The limits and wishes of a connection to it.
pub(super) fn options(server: &config::Server) -> Options {
    Options {
        compress: server.compress,
        allow_plaintext: server.insecure_plaintext,
        ..Options::default()
    }
}

/// How to prove there who we are.
///
/// # Errors
/// Where there is no secret, or it cannot be had; with what to do.
pub(super) fn login(account: &config::Account, protocol: Protocol) -> Result<Login, String> {
    let credential = account.credential(protocol)?;
    let user = credential.user;
    Ok(match credential.proof {
        Proof::Password(password) => Login::Password { user, password },
        Proof::Token(token) => Login::Token { user, token },
    })
}

/// The front's settings. What the terminal says of itself comes in: `NO_COLOR`, and whether it is light.
#[must_use]
pub(super) fn settings(config: &Config, has_no_colour: bool, is_light: bool) -> app::Settings {
    let ui = &config.ui;
    let colours = match ui.theme {
        _ if has_no_colour => app::Colours::None,
        config::Theme::None => app::Colours::None,
        config::Theme::Light => app::Colours::Light,
        config::Theme::Auto if is_light => app::Colours::Light,
        config::Theme::Auto | config::Theme::Dark => app::Colours::Dark,
    };
    app::Settings {
        colours,
        is_ascii: ui.ascii,
        is_linear: ui.linear,
        date_style: match ui.dates {
            config::Dates::Short => app::DateStyle::Short,
            config::Dates::Iso => app::DateStyle::Iso,
        },
        prefer: match ui.prefer {
            config::Prefer::Auto => crate::bus::Form::Auto,
            config::Prefer::Plain => crate::bus::Form::Plain,
            config::Prefer::Html => crate::bus::Form::Html,
        },
        mark_read_after: match ui.mark_read_after {
            config::MarkRead::After(period) => {
                Some(u32::try_from(period.get().as_secs()).unwrap_or(u32::MAX))
            }
            config::MarkRead::Never => None,
        },
        layout: match ui.layout {
            config::Layout::Auto => app::LayoutMode::Auto,
            config::Layout::Beside => app::LayoutMode::Beside,
            config::Layout::Below => app::LayoutMode::Below,
            config::Layout::ListOnly => app::LayoutMode::ListOnly,
        },
        has_threads: ui.threads,
        has_conversation: ui.conversation,
        has_bell: ui.bell,
        has_tour: false,
        preset: match ui.keymap {
            config::Keymap::Vim => app::Preset::Vim,
            config::Keymap::Mutt => app::Preset::Mutt,
            config::Keymap::Gmail => app::Preset::Gmail,
            config::Keymap::Alpine => app::Preset::Alpine,
        },
        key_overrides: key_overrides(config),
        utc_offset_mins,
        templates: None,
        printers: printers(config),
        has_copy_command: ui.copy_command.is_some(),
        parse_query: PARSE_QUERY,
        ..app::Settings::default()
    }
}

fn key_overrides(config: &Config) -> Vec<app::KeyOverride> {
    let of_context = |(context, actions): (&String, &BTreeMap<String, config::Chords>)| {
        let context = context.clone();
        let one = move |(action, chords): (&String, &config::Chords)| app::KeyOverride {
            context: context.clone(),
            action: action.clone(),
            chords: chords.0.clone(),
        };
        actions.iter().map(one).collect::<Vec<_>>()
    };
    config.keys.iter().flat_map(of_context).collect()
}

/// The query language.
pub(super) const PARSE_QUERY: app::ParseQuery = Query::parse;

/// Local time minus UTC in minutes at a moment.
#[must_use]
pub(super) fn utc_offset_mins(unix_secs: i64) -> i32 {
    jiff::Timestamp::from_second(unix_secs).map_or(0, |at| {
        jiff::tz::TimeZone::system().to_offset(at).seconds() / 60
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn files_are_saved_in_a_folder_that_is_told_in_full() {
        let mut config = Config::default();
        assert!(downloads(&config).is_absolute());
        config.ui.downloads = Some(PathBuf::from("."));
        let here = std::env::current_dir().unwrap();
        assert_eq!(downloads(&config), here);
    }
}
