//! Looks at the servers of an account, step by step: name, connection, sign-in, what is offered.
//!
//! Called by `doctor`. Every wait has a time limit, and a step is only taken after the one before.

mod pop3;

use super::Check;
use crate::cli::accounts;
use crate::config::{Account, Protocol, Server, Tls};
use crate::engine::AccountSetup;
use crate::net::imap::{Capabilities, Session};
use crate::net::smtp::{Manner, Patience, Submitter};
use crate::net::{Class, Error, Login};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// The longest wait for one step.
const STEP: Duration = Duration::from_secs(10);

/// Looks at all servers of an account.
pub(super) fn look(name: &str, account: &Account) -> Vec<Check> {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return vec![Check::bad(
                name,
                format!("no network: {error}"),
                "close other programs",
            )];
        }
    };
    runtime.block_on(async {
        let mut checks = Vec::new();
        if let (Some(server), Some(setup)) = (&account.imap, accounts::account_setup(name, account))
        {
            imap(server, &setup, &mut checks).await;
        }
        if let Some(server) = &account.pop3 {
            pop3::look(name, account, server, &mut checks).await;
        }
        if let Some(server) = &account.smtp {
            smtp(name, account, server, &mut checks).await;
        }
        checks
    })
}

/// Looks the name up and connects. Says whether both worked.
async fn reach(
    what: &str,
    server: &Server,
    protocol: Protocol,
    checks: &mut Vec<Check>,
) -> Option<TcpStream> {
    let (host, port) = (server.host.as_str(), server.port_for(protocol));
    let found = timeout(STEP, lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            let remedy =
                "check the host's name in the configuration, and whether the network is up";
            checks.push(Check::bad(
                format!("{what}: name"),
                format!("{host} is not known: {error}"),
                remedy,
            ));
            return None;
        }
        Err(_) => {
            checks.push(Check::bad(
                format!("{what}: name"),
                format!(
                    "no name server answered for {host} within {} s",
                    STEP.as_secs()
                ),
                "check whether the network is up",
            ));
            return None;
        }
    };
    let shown: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
    checks.push(Check::good(
        format!("{what}: name"),
        format!("{host} is {}", shown.join(", ")),
    ));
    let mut last = format!("no answer within {} s", STEP.as_secs());
    for address in &addresses {
        match timeout(STEP, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                checks.push(Check::good(
                    format!("{what}: connection"),
                    format!("port {port} answers"),
                ));
                return Some(stream);
            }
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => {}
        }
    }
    checks.push(Check::bad(
        format!("{what}: connection"),
        format!("port {port} of {host} does not answer: {last}"),
        "check port and tls in the configuration; a firewall may be in the way",
    ));
    None
}

async fn imap(server: &Server, setup: &AccountSetup, checks: &mut Vec<Check>) {
    let what = format!("{} imap", setup.name);
    if reach(&what, server, Protocol::Imap, checks).await.is_none() {
        return;
    }
    let Some(login) = secret(&what, (setup.login)(), checks) else {
        return;
    };
    match Session::open(&setup.server, &login, &setup.options).await {
        Ok(session) => {
            let_in(&what, server, &login, checks);
            checks.push(offered(&what, session.capabilities()));
            session.logout().await;
        }
        Err(error) => failed(&what, server, error, checks),
    }
}

/// The secret, or why there is none.
fn secret(what: &str, login: Result<Login, String>, checks: &mut Vec<Check>) -> Option<Login> {
    login
        .map_err(|error| {
            checks.push(Check::bad(
                format!("{what}: secret"),
                error,
                "see the configuration",
            ));
        })
        .ok()
}

fn let_in(what: &str, server: &Server, login: &Login, checks: &mut Vec<Check>) {
    let (Login::Password { user, .. } | Login::Token { user, .. }) = login;
    checks.push(safe(what, server));
    checks.push(Check::good(
        format!("{what}: sign-in"),
        format!("{user} is let in"),
    ));
}

fn failed(what: &str, server: &Server, error: Error, checks: &mut Vec<Check>) {
    let step = match error.class {
        Class::Tls => "certificate",
        Class::Auth => {
            // Who refuses a password was asked for it, over a connection that was safe.
            checks.push(safe(what, server));
            "sign-in"
        }
        Class::Transient | Class::Rejected | Class::Protocol => "session",
    };
    checks.push(Check::bad(
        format!("{what}: {step}"),
        error.summary,
        error.hint,
    ));
}

fn safe(what: &str, server: &Server) -> Check {
    Check::good(format!("{what}: certificate"), certificate(server))
}

fn certificate(server: &Server) -> String {
    match server.tls {
        Tls::None => "none: the connection is in clear".to_owned(),
        Tls::Implicit | Tls::Starttls => format!("valid for {}", server.host),
    }
}

/// What the server offers, and what is done instead of what it does not.
fn offered(what: &str, capabilities: &Capabilities) -> Check {
    let instead = [
        ("IDLE", "news is asked for again and again"),
        ("UIDPLUS", "what was moved is found by its Message-ID"),
        ("MOVE", "moving copies, then deletes"),
        ("CONDSTORE", "all flags are compared at each sync"),
        ("QRESYNC", "ids are compared to find what is gone"),
    ];
    let names: Vec<&str> = capabilities.names().collect();
    compared(what, &names, &instead)
}

/// Names what is there, and what becomes of the lack of the rest.
fn compared(what: &str, names: &[&str], instead: &[(&str, &str)]) -> Check {
    let missing: Vec<String> = instead
        .iter()
        .filter(|(name, _)| !names.iter().any(|n| n.eq_ignore_ascii_case(name)))
        .map(|(name, how)| format!("{name} ({how})"))
        .collect();
    let missing = match missing.as_slice() {
        [] => "nothing of use is missing".to_owned(),
        some => format!("not offered: {}", some.join(", ")),
    };
    Check::good(
        format!("{what}: capabilities"),
        format!("{}; {missing}", names.join(" ")),
    )
}

async fn smtp(name: &str, account: &Account, server: &Server, checks: &mut Vec<Check>) {
    let what = format!("{name} smtp");
    if reach(&what, server, Protocol::Smtp, checks).await.is_none() {
        return;
    }
    let Some(login) = secret(&what, accounts::login(account, Protocol::Smtp), checks) else {
        return;
    };
    let manner = Manner {
        patience: Patience::default().at_most(STEP),
        ..Manner::default()
    };
    let reached = accounts::reached(server, Protocol::Smtp);
    let options = accounts::options(server);
    match Submitter::open(&reached, Some(&login), &options, &manner).await {
        Ok(submitter) => {
            let_in(&what, server, &login, checks);
            let instead = [
                (
                    "SIZE",
                    "a message that is too large is refused only at its end",
                ),
                ("8BITMIME", "text is sent encoded"),
                (
                    "SMTPUTF8",
                    "addresses in other alphabets cannot be written to",
                ),
                ("DSN", "reports of delivery cannot be asked for"),
                ("PIPELINING", "each recipient costs a round trip"),
            ];
            let names = &submitter.extensions().keywords;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            checks.push(compared(&what, &names, &instead));
            submitter.quit().await;
        }
        Err(error) => failed(&what, server, error, checks),
    }
}
