//! Looks at the servers of an account, step by step: name, connection, sign-in, what is offered.
//!
//! Called by `doctor`. Every wait has a time limit, and a step is only taken after the one before.

use super::Check;
use crate::cli::accounts;
use crate::config::{Account, Protocol, Server, Tls};
use crate::engine::AccountSetup;
use crate::net::imap::{Capabilities, Session};
use crate::net::{Class, Login};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// The longest wait for one step.
const STEP: Duration = Duration::from_secs(10);
/// RFC 5321 section 4.5.3.1.5: no reply line is longer.
const REPLY_LINE_MAX: u64 = 512;

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
            reach(&format!("{name} pop3"), server, Protocol::Pop3, &mut checks).await;
        }
        if let Some(server) = &account.smtp {
            smtp(name, server, &mut checks).await;
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
    let login = match (setup.login)() {
        Ok(login) => login,
        Err(error) => {
            checks.push(Check::bad(
                format!("{what}: secret"),
                error,
                "see the configuration",
            ));
            return;
        }
    };
    let (Login::Password { user, .. } | Login::Token { user, .. }) = &login;
    let is_safe = || Check::good(format!("{what}: certificate"), certificate(server));
    match Session::open(&setup.server, &login, &setup.options).await {
        Ok(session) => {
            checks.push(is_safe());
            checks.push(Check::good(
                format!("{what}: sign-in"),
                format!("{user} is let in"),
            ));
            checks.push(offered(&what, session.capabilities()));
            session.logout().await;
        }
        Err(error) => {
            let step = match error.class {
                Class::Tls => "certificate",
                Class::Auth => {
                    // Who refuses a password was asked for it, over a connection that was safe.
                    checks.push(is_safe());
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
    }
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
    let missing: Vec<String> = instead
        .into_iter()
        .filter(|(name, _)| !capabilities.has(name))
        .map(|(name, how)| format!("{name} ({how})"))
        .collect();
    let names: Vec<&str> = capabilities.names().collect();
    let missing = match missing.as_slice() {
        [] => "nothing of use is missing".to_owned(),
        some => format!("not offered: {}", some.join(", ")),
    };
    Check::good(
        format!("{what}: capabilities"),
        format!("{}; {missing}", names.join(" ")),
    )
}

async fn smtp(name: &str, server: &Server, checks: &mut Vec<Check>) {
    let what = format!("{name} smtp");
    let Some(stream) = reach(&what, server, Protocol::Smtp, checks).await else {
        return;
    };
    let outcome = match server.tls {
        Tls::Implicit => {
            drop(stream);
            timeout(STEP, over_tls(server)).await
        }
        // Nothing is said in clear: the greeting shows that it is the right kind of server.
        Tls::Starttls | Tls::None => timeout(STEP, greeting(stream)).await,
    };
    let outcome =
        outcome.unwrap_or_else(|_| Err(format!("no greeting within {} s", STEP.as_secs())));
    checks.push(match outcome {
        Ok(said) => Check::good(format!("{what}: greeting"), said),
        Err(error) if error.contains("certificate") => Check::bad(
            format!("{what}: certificate"),
            format!("the certificate is not accepted ({})", reason(&error)),
            "if you trust who signed it, name their certificate (PEM) as ca_file",
        ),
        Err(error) => Check::bad(
            format!("{what}: greeting"),
            error,
            "check host, port and tls; with port 465 tls is \"implicit\", with 587 \"starttls\"",
        ),
    });
}

/// Connects over TLS and says EHLO; no credentials.
async fn over_tls(server: &Server) -> Result<String, String> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let pem = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let root = Certificate::from_pem(&pem).map_err(|e| format!("{}: {e}", file.display()))?;
        parameters = parameters.add_root_certificate(root);
    }
    let parameters = parameters
        .build_native()
        .map_err(|e| format!("TLS cannot be used: {e}"))?;
    let address = (server.host.as_str(), server.port_for(Protocol::Smtp));
    let hello = ClientId::Domain("localhost".to_owned());
    let mut connection =
        AsyncSmtpConnection::connect_tokio1(address, Some(STEP), &hello, Some(parameters), None)
            .await
            .map_err(|e| e.to_string())?;
    connection.abort().await;
    Ok(format!(
        "a mail server, with a certificate that is valid for {}",
        server.host
    ))
}

/// What OpenSSL says in plain words, in the last parentheses of its error; else all of it.
fn reason(error: &str) -> &str {
    let inside = error
        .rsplit_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    inside.map_or(error, |(reason, _)| reason)
}

async fn greeting(stream: TcpStream) -> Result<String, String> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream.take(REPLY_LINE_MAX));
    reader
        .read_until(b'\n', &mut line)
        .await
        .map_err(|e| e.to_string())?;
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    if line.starts_with("220") {
        Ok(line)
    } else {
        Err(format!("not a mail server: it said {line:?}"))
    }
}
