//! Starts the screen: with the configured accounts, or with the demo's.
//!
//! Called by `mod.rs`. The demo must never touch the user's configuration, data or network: it lives
//! in a temporary folder and on loopback.

use super::accounts;
use super::exit::{Exit, Failure};
use super::place::Place;
use super::terminal::variable;
use super::{log, network};
use crate::app::{Pictures, Settings};
use crate::bus::SyncMode;
use crate::config::{self, Config, Directory, LeaveOnServer, Ui};
use crate::demo::{Demo, DemoAccount};
use crate::engine::{
    AccountSetup, Gpg, Keep, LIST_EVERY, LoginSource, Maildrop, Outgoing, SaveSent, Sender, Setup,
    Writing, clock,
};
use crate::model::{Address, DraftStart, Safe, Secret};
use crate::net::smtp::Manner;
use crate::net::{Login, Options, Security, Server, http};
use crate::run::{self, Front, PictureWish};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// How often the demo looks into its maildrop: soon enough for whoever looks at the screen.
const DEMO_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Of larger messages in the demo's maildrop only the header is fetched at first, in bytes.
const DEMO_MAX_SIZE: u64 = 256 * 1024;

/// The screen with the configured accounts.
pub(super) fn screen(place: &Place, start: Option<DraftStart>) -> Result<Exit, Failure> {
    let config = &place.loaded.config;
    if config.accounts.is_empty() {
        return Err(Failure::usage(format!(
            "{}: there is no account in it; add one (config.example.toml shows how), or look around with `pillarbox demo`",
            place.loaded.file.display()
        )));
    }
    let setup = Setup {
        templates: place.loaded.file.with_file_name("templates"),
        ..accounts::setup(config, &place.data_dir, place.account.as_deref())
    };
    if setup.accounts.is_empty() {
        return Err(Failure::usage(
            "none of these accounts has a server to fetch from; add [accounts.NAME.imap] or [accounts.NAME.pop3]",
        ));
    }
    let runtime = network::runtime()?;
    let front = Front {
        start,
        ..front(config, setup)
    };
    finish(runtime.block_on(run::run(front)))
}

/// The screen with a new message, empty or as a link has it.
pub(super) fn compose(place: &Place, link: Option<&str>) -> Result<Exit, Failure> {
    let is_mailto = |link: &str| {
        let scheme = link.split(':').next().unwrap_or_default();
        scheme.eq_ignore_ascii_case("mailto") && link.len() > scheme.len()
    };
    let start = match link {
        None => DraftStart::Blank(None),
        Some(link) if is_mailto(link) => DraftStart::Mailto(link.to_owned()),
        Some(_) => {
            return Err(Failure::usage(
                "compose: this is no mailto: link; write mailto:ann@example.org",
            ));
        }
    };
    screen(place, Some(start))
}

/// The screen on a server of our own with sample mail.
pub(super) fn demo() -> Result<Exit, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("pillarbox-demo-")
        .tempdir()
        .map_err(|e| {
            Failure::failed(format!(
                "the temporary folder for the demo cannot be made: {e}"
            ))
        })?;
    log::begin(folder.path());
    let runtime = network::runtime()?;
    let outcome = runtime.block_on(async {
        let demo = Demo::start(clock::now_secs()).await?;
        let setup = Setup {
            data_dir: folder.path().to_owned(),
            downloads: folder.path().join("downloads"),
            templates: folder.path().join("templates"),
            accounts: demo.accounts.iter().map(demo_account).collect(),
            directory: Directory::default(),
            spelling: String::new(),
            gpg: Gpg::default(),
            web: http::Limits {
                instead: Some(demo.web),
                ..http::Limits::default()
            },
            is_offline: false,
        };
        let mut front = front(&Config::default(), setup);
        front.settings.has_tour = true;
        run::run(front).await
    });
    finish(outcome)
}

fn finish(outcome: anyhow::Result<Option<Safe>>) -> Result<Exit, Failure> {
    let last = outcome.map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(text) = last {
        let _gone = writeln!(io::stderr(), "pillarbox: {text}");
    }
    Ok(Exit::Done)
}

fn front(config: &Config, setup: Setup) -> Front {
    let has_no_colour = !variable("NO_COLOR").is_empty();
    // COLORFGBG is what a terminal says of its own background: "0;15" is black on white.
    let is_light = variable("COLORFGBG")
        .rsplit(';')
        .next()
        .is_some_and(|bg| matches!(bg, "7" | "15"));
    Front {
        settings: Settings {
            templates: setup.templates.to_str().map(str::to_owned),
            ..accounts::settings(config, has_no_colour, is_light)
        },
        setup,
        has_mouse: config.ui.mouse,
        pictures: pictures(config),
        asks_ground: config.ui.theme == config::Theme::Auto
            && !has_no_colour
            && !has_no_answer(&variable("TERM")),
        open_url: |url| open::that_detached(url),
        viewer: Ui::argv(config.ui.open_command.as_ref()),
        clipboard: Ui::argv(config.ui.copy_command.as_ref()),
        editor: editor(),
        start: None,
    }
}

/// How pictures are to be shown: as it is set, else by what the terminal says of itself in the environment.
fn pictures(config: &Config) -> PictureWish {
    if config.ui.linear {
        return PictureWish::Fixed(Pictures::Off);
    }
    let term = variable("TERM");
    let colours = variable("COLORTERM");
    let is_true = matches!(colours.as_str(), "truecolor" | "24bit");
    let blocks = Pictures::Blocks { is_true };
    match config.ui.pictures {
        config::Pictures::Off => return PictureWish::Fixed(Pictures::Off),
        config::Pictures::Kitty => return PictureWish::Kittys,
        config::Pictures::Iterm2 => return PictureWish::Fixed(Pictures::Iterm2),
        config::Pictures::Sixel => return PictureWish::Fixed(Pictures::Sixel),
        config::Pictures::Blocks => return PictureWish::Fixed(blocks),
        config::Pictures::Auto => {}
    }
    let has_blocks = is_true || term.contains("256color") || term.contains("direct");
    let fallback = if has_blocks { blocks } else { Pictures::Off };
    // Between us and the terminal these pass on only what they know themselves.
    let is_inside = !variable("TMUX").is_empty() || term.starts_with("screen");
    let program = variable("TERM_PROGRAM");
    let is_kitty = term.contains("kitty")
        || term.contains("ghostty")
        || program == "ghostty"
        || !variable("KITTY_WINDOW_ID").is_empty();
    let is_iterm2 = matches!(program.as_str(), "iTerm.app" | "WezTerm" | "mintty")
        || variable("LC_TERMINAL") == "iTerm2";
    if has_no_answer(&term) {
        return PictureWish::Fixed(fallback);
    }
    PictureWish::Best(match () {
        () if is_kitty && !is_inside => Pictures::Kitty,
        () if is_iterm2 && !is_inside => Pictures::Iterm2,
        () => fallback,
    })
}

/// Whether a terminal of that kind is better not asked anything.
fn has_no_answer(term: &str) -> bool {
    matches!(term, "" | "dumb" | "linux")
}

/// The user's editor. Where none is named: the one that every system has.
fn editor() -> String {
    let named = [variable("VISUAL"), variable("EDITOR")];
    let named = named.into_iter().find(|name| !name.trim().is_empty());
    named.unwrap_or_else(|| "vi".to_owned())
}

/// The server that says in the sample mail what it found out about senders.
const DEMO_AUTHSERV: &str = "mx.tidemark.example";

fn demo_account(account: &DemoAccount) -> AccountSetup {
    let (user, password) = (account.user.clone(), account.password.clone());
    let login: LoginSource = Arc::new(move || {
        let password = Secret::new(password.clone());
        Ok(Login::Password {
            user: user.clone(),
            password,
        })
    });
    let server = |port| Server {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::Plain,
        ca_file: None,
    };
    AccountSetup {
        name: account.name.clone(),
        address: account.address.clone(),
        server: server(account.port),
        login: Arc::clone(&login),
        options: Options::default(),
        mode: SyncMode::Push,
        interval: if account.is_maildrop {
            DEMO_LOOK_EVERY
        } else {
            Duration::from_secs(300)
        },
        list_every: LIST_EVERY,
        keep: Keep::All,
        maildrop: account.is_maildrop.then_some(Maildrop {
            leave: LeaveOnServer::UntilDeleted,
            max_size: Some(DEMO_MAX_SIZE),
        }),
        roles: BTreeMap::new(),
        trusted_authserv: DEMO_AUTHSERV.to_owned(),
        writing: Writing {
            senders: vec![Sender {
                address: Address {
                    name: "Ann Sorrel".to_owned(),
                    address: account.address.clone(),
                },
                signature: String::new(),
            }],
            ..Writing::default()
        },
        outgoing: Some(Outgoing {
            server: server(account.smtp_port),
            login,
            options: Options::default(),
            manner: Manner::default(),
            save_sent: SaveSent::Auto,
            undo: Duration::from_secs(5),
        }),
    }
}
