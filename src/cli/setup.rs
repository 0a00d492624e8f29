//! `pillarbox setup`: writes an account into the configuration, and asks for what was not given.
//!
//! Called by `mod.rs`. What stands in the file already must never be changed: the account is added at
//! its end. Nothing is written that does not let the user in, unless that is asked for.

use super::args::{Args, SetupArgs};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::providers::{self, Provider};
use super::{doctor, place};
use crate::config::{self, Loaded, Protocol, Tls};
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How often something is asked for that cannot be taken.
const TRIES: u32 = 3;

/// Sets an account up.
pub(super) fn setup(args: &Args, given: &SetupArgs, output: &mut Output) -> Result<Exit, Failure> {
    let may_ask = !given.non_interactive && io::stdin().is_terminal() && output.is_terminal();
    let ask = Asking { may_ask };
    let file = real_file(place::config_file(args)?);
    let before = read(&file)?;
    let account = Account::new(args, given, &ask)?;
    refuse_known(&before, &file, &account.name)?;
    let text = joined(&before, &account.table());
    let loaded = config::parse(&text, &file)?;
    if !given.no_check {
        check(&loaded, &account.name, output)?;
    }
    write(&file, &text)?;
    output.line(&format!(
        "Account {} is in {}: {} with {}. {}",
        account.name,
        file.display(),
        account.incoming,
        account.outgoing,
        account.secret.place()
    ))?;
    output
        .line("`pillarbox` shows it. It stays connected; sync.mode in that file changes that.")?;
    Ok(Exit::Done)
}

/// Whether nothing is set up yet, and somebody is there to be asked.
pub(super) fn is_first_run(args: &Args, output: &Output) -> Result<bool, Failure> {
    let is_there = io::stdin().is_terminal() && output.is_terminal();
    Ok(is_there && !place::config_file(args)?.exists())
}

/// Asks on the terminal, or says which flag is missing.
struct Asking {
    may_ask: bool,
}

impl Asking {
    /// What was given, else what is answered, as `read` takes it; an empty answer means `proposed`. Where
    /// somebody is there, what cannot be taken is asked for again.
    fn ask<T>(
        &self,
        given: Option<&String>,
        flag: &str,
        question: &str,
        proposed: Option<&str>,
        read: impl Fn(&str) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let missing = || Failure::usage(format!("setup: {flag} is missing; give {question}"));
        if let Some(given) = given {
            return read(given);
        }
        if !self.may_ask {
            return proposed.map_or_else(|| Err(missing()), read);
        }
        let mut tries = TRIES;
        loop {
            let answer = answer(question, proposed)?;
            let taken = match (answer.trim(), proposed) {
                ("", Some(proposed)) => read(proposed),
                ("", None) => Err(missing()),
                (answer, _) => read(answer),
            };
            tries -= 1;
            match taken {
                Err(why) if tries > 0 => writeln!(io::stdout(), "{}", why.sentence())?,
                taken => return taken,
            }
        }
    }
}

/// Asks on the terminal.
fn answer(question: &str, proposed: Option<&str>) -> Result<String, Failure> {
    let shown = proposed.map_or(String::new(), |p| format!(" [{p}]"));
    let mut terminal = io::stdout();
    write!(terminal, "{question}{shown}: ")?;
    terminal.flush()?;
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Err(Failure::failed(
            "setup: nothing was answered, and nothing written",
        ));
    }
    Ok(line)
}

/// Takes any answer.
fn as_it_is(text: &str) -> Result<String, Failure> {
    Ok(text.to_owned())
}

/// How the user signs in.
#[derive(Debug)]
enum Secret {
    Command(String),
    Token(String),
    Password(String),
}

impl Secret {
    fn new(given: &SetupArgs, ask: &Asking) -> Result<Self, Failure> {
        if let Some(command) = &given.token_command {
            return Ok(Self::Token(command.clone()));
        }
        if given.password_stdin {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                return Err(Failure::usage(
                    "setup: standard input holds no password; give it as the first line",
                ));
            }
            return Ok(Self::Password(line.to_owned()));
        }
        let question = "a command that prints the password, such as: pass show mail";
        let command = given.password_command.as_ref();
        let flag = "--password-command or --password-stdin";
        ask.ask(command, flag, question, None, as_it_is)
            .map(Self::Command)
    }

    fn key(&self) -> (&'static str, &str) {
        match self {
            Self::Command(command) => ("password_command", command),
            Self::Token(command) => ("token_command", command),
            Self::Password(password) => ("password", password),
        }
    }

    fn place(&self) -> &'static str {
        match self {
            Self::Command(_) => "The password comes from password_command.",
            Self::Token(_) => "The token comes from token_command.",
            Self::Password(_) => "The password is in that file, which only you can read.",
        }
    }
}

/// A server as it was given: its name, and its port where it was said.
#[derive(Debug, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
    tls: Tls,
}

impl Host {
    fn parse(text: &str, tls: Option<Tls>) -> Result<Self, Failure> {
        let bad = || {
            Failure::usage(format!(
                "setup: {text:?} is not a server; write HOST or HOST:PORT"
            ))
        };
        let (name, port) = match text.rsplit_once(':') {
            // An IPv6 address without a port.
            Some((name, _)) if name.contains(':') && !name.ends_with(']') => (text, None),
            Some((name, port)) => (name, Some(port.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']');
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(bad());
        }
        let by_port = match port {
            Some(143 | 110 | 587 | 25) => Tls::Starttls,
            _ => Tls::Implicit,
        };
        Ok(Self {
            name: name.to_owned(),
            port,
            tls: tls.unwrap_or(by_port),
        })
    }

    fn shown(&self, protocol: Protocol) -> String {
        let port = self.port.unwrap_or_else(|| protocol.port(self.tls));
        format!("{} {port}", self.name)
    }
}

/// What is written.
#[derive(Debug)]
struct Account {
    name: String,
    address: String,
    own_name: String,
    user: Option<String>,
    protocol: Protocol,
    server: Host,
    smtp: Option<(Host, Option<String>)>,
    ca_file: Option<PathBuf>,
    secret: Secret,
    incoming: String,
    outgoing: String,
}

impl Account {
    fn new(args: &Args, given: &SetupArgs, ask: &Asking) -> Result<Self, Failure> {
        let (local, domain) = ask.ask(
            given.email.as_ref(),
            "--email",
            "your address",
            None,
            address_of,
        )?;
        let address = format!("{local}@{domain}");
        let provider = providers::of(&address);
        let guess = name_of(&local);
        let own_name = ask.ask(
            given.name.as_ref(),
            "--name",
            "your name",
            Some(&guess),
            as_it_is,
        )?;
        let (protocol, server) = incoming(given, provider, ask)?;
        let smtp = outgoing(given, provider, ask)?;
        if let Some(note) = provider
            .map(|p| p.note)
            .filter(|n| ask.may_ask && !n.is_empty())
        {
            writeln!(io::stdout(), "{domain}: {note}")?;
        }
        let user = given.user.clone();
        let is_local = provider.is_some_and(|p| p.is_local_part);
        let smtp_user = is_local.then(|| address.clone()).filter(|_| user.is_none());
        Ok(Self {
            name: args
                .account
                .clone()
                .unwrap_or_else(|| account_name(&domain)),
            own_name,
            user: user.or_else(|| is_local.then_some(local)),
            incoming: server.shown(protocol),
            outgoing: smtp.as_ref().map_or_else(
                || "no outgoing server".to_owned(),
                |s| s.shown(Protocol::Smtp),
            ),
            secret: Secret::new(given, ask)?,
            protocol,
            server,
            smtp: smtp.map(|host| (host, smtp_user)),
            ca_file: given
                .ca_file
                .as_ref()
                .map(std::path::absolute)
                .transpose()?,
            address,
        })
    }

    /// The tables of the account.
    fn table(&self) -> String {
        let name = key(&self.name);
        let mut text = format!("[accounts.{name}]\naddress = {}\n", quoted(&self.address));
        if !self.own_name.is_empty() {
            let _ = writeln!(text, "name = {}", quoted(&self.own_name));
        }
        let _ = write!(text, "\n[accounts.{name}.{}]\n", self.protocol.key());
        self.put(&mut text, &self.server, self.user.as_deref());
        let (secret, value) = self.secret.key();
        let _ = writeln!(text, "{secret} = {}", quoted(value));
        if let Some((host, user)) = &self.smtp {
            let _ = write!(text, "\n[accounts.{name}.smtp]\n");
            self.put(&mut text, host, user.as_deref());
        }
        text
    }

    fn put(&self, text: &mut String, host: &Host, user: Option<&str>) {
        let _ = writeln!(text, "host = {}", quoted(&host.name));
        if let Some(port) = host.port {
            let _ = writeln!(text, "port = {port}");
        }
        let tls = match host.tls {
            Tls::Implicit => "implicit",
            Tls::Starttls => "starttls",
            Tls::None => "none",
        };
        let _ = writeln!(text, "tls = {}", quoted(tls));
        if let Some(user) = user {
            let _ = writeln!(text, "user = {}", quoted(user));
        }
        if let Some(file) = self.ca_file.as_deref().and_then(Path::to_str) {
            let _ = writeln!(text, "ca_file = {}", quoted(file));
        }
    }
}

fn incoming(
    given: &SetupArgs,
    provider: Option<&Provider>,
    ask: &Asking,
) -> Result<(Protocol, Host), Failure> {
    let tls = given.tls.map(super::args::TlsArg::tls);
    if let Some(host) = &given.pop3 {
        return Ok((Protocol::Pop3, Host::parse(host, tls)?));
    }
    let question = "the incoming server (IMAP), as HOST or HOST:PORT";
    let found = provider.map(|p| p.imap);
    let read = |text: &str| Host::parse(text, tls);
    let host = ask.ask(
        given.imap.as_ref(),
        "--imap or --pop3",
        question,
        found,
        read,
    )?;
    Ok((Protocol::Imap, host))
}

fn outgoing(
    given: &SetupArgs,
    provider: Option<&Provider>,
    ask: &Asking,
) -> Result<Option<Host>, Failure> {
    let tls = given.smtp_tls.map(super::args::TlsArg::tls);
    let question = "the outgoing server (SMTP), as HOST or HOST:PORT, - for none";
    let read = |text: &str| match text {
        "-" => Ok(None),
        text => Host::parse(text, tls).map(Some),
    };
    let found = provider.map(|p| p.smtp);
    ask.ask(given.smtp.as_ref(), "--smtp", question, found, read)
}

/// What stands before and behind the @.
fn address_of(text: &str) -> Result<(String, String), Failure> {
    let parts = text.trim().rsplit_once('@');
    let is_whole = |(local, domain): &(&str, &str)| !local.is_empty() && !domain.is_empty();
    parts
        .filter(is_whole)
        .map(|(local, domain)| (local.to_owned(), domain.to_owned()))
        .ok_or_else(|| {
            Failure::usage(format!(
                "setup: {text:?} is no address; write it as ann@example.org"
            ))
        })
}

/// `ann.example` as `Ann Example`.
fn name_of(local: &str) -> String {
    let words = local.split(['.', '_', '-']).filter(|w| !w.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars
            .next()
            .map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
    };
    words.map(capital).collect::<Vec<String>>().join(" ")
}

/// `example` of `mail.example.org`: what stands before the last dot.
fn account_name(domain: &str) -> String {
    let mut labels = domain.rsplit('.');
    let last = labels.next().unwrap_or(domain);
    labels.next().unwrap_or(last).to_owned()
}

/// A key of TOML.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Where a link leads: the file behind it is written.
fn real_file(file: PathBuf) -> PathBuf {
    file.canonicalize().unwrap_or(file)
}

/// What is in the file; nothing where there is none.
fn read(file: &Path) -> Result<String, Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::usage(format!(
            "{} cannot be read: {error}; check the path and its permissions",
            file.display()
        ))),
    }
}

fn joined(before: &str, table: &str) -> String {
    let gap = match before {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{before}{gap}{table}")
}

/// An account that is there already is left alone.
fn refuse_known(before: &str, file: &Path, name: &str) -> Result<(), Failure> {
    let known = config::parse(before, file)?;
    match known.config.account(name) {
        None => Ok(()),
        Some(_) => Err(Failure::usage(format!(
            "{}: there is an account {name:?} already; name the new one with --account",
            file.display()
        ))),
    }
}

/// Signs in at both servers.
fn check(loaded: &Loaded, name: &str, output: &mut Output) -> Result<(), Failure> {
    let Some(account) = loaded.config.account(name) else {
        return Ok(());
    };
    for check in doctor::servers(name, account) {
        if !check.is_ok() {
            output.finish()?;
            return Err(Failure::failed(format!(
                "nothing was written: {}; --no-check writes it all the same",
                check.sentence().trim_end_matches('.')
            )));
        }
        output.line(&check.sentence())?;
    }
    output.finish()?;
    Ok(())
}

/// Replaces the file as a whole; only its user can read it.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!(
            "{} cannot be written: {error}; name another file with --config",
            file.display()
        ))
    };
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        crate::store::make_private_folder(folder).map_err(failed)?;
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut handle = options.open(&new).map_err(failed)?;
    let written = handle
        .write_all(text.as_bytes())
        .and_then(|()| handle.sync_all())
        .and_then(|()| std::fs::rename(&new, file));
    written
        .inspect_err(|_| drop(std::fs::remove_file(&new)))
        .map_err(failed)
}
