//! Looks at a POP3 server: sign-in, the mail there, what is offered, and what follows from that.
//!
//! Called by `servers` for accounts whose mail is fetched. It must never fetch or delete a message.

use super::{compared, failed, let_in, reach, secret};
use crate::cli::accounts;
use crate::cli::doctor::Check;
use crate::config::{Account, LeaveOnServer, Protocol, Server};
use crate::net::pop3::{Expire, Offers, Session};
use crate::net::{Error, Result};
use std::collections::HashSet;
use std::time::Duration;

/// Takes all steps.
pub(super) async fn look(name: &str, account: &Account, server: &Server, checks: &mut Vec<Check>) {
    let what = format!("{name} pop3");
    if reach(&what, server, Protocol::Pop3, checks).await.is_none() {
        return;
    }
    let Some(login) = secret(&what, accounts::login(account, Protocol::Pop3), checks) else {
        return;
    };
    let reached = accounts::reached(server, Protocol::Pop3);
    match Session::open(&reached, &login, &accounts::options(server)).await {
        Ok(mut session) => {
            let_in(&what, server, &login, checks);
            match mail(&what, server, &mut session).await {
                Ok(found) => checks.extend(found),
                Err(error) => return failed(&what, server, error, checks),
            }
            checks.push(offered(&what, session.offers()));
            checks.extend(terms(&what, session.offers()));
            // Nothing was deleted that the answer could tell of.
            drop(session.quit().await);
        }
        Err(error) => failed(&what, server, explained(error), checks),
    }
}

/// What is to be done about a server that is busy: nothing here tries again by itself.
fn explained(mut error: Error) -> Error {
    match error.code.as_deref() {
        Some("IN-USE") => {
            error.hint = "Another program holds the mailbox, maybe pillarbox itself: wait until it is done, or close it.".into();
        }
        Some("LOGIN-DELAY") => {
            error.hint =
                "The server wants more time between two sign-ins: wait for some minutes.".into();
        }
        _ => {}
    }
    error
}

/// How much mail there is, and whether its messages can be told apart.
async fn mail(what: &str, server: &Server, session: &mut Session) -> Result<Vec<Check>> {
    let (count, bytes) = session.stat().await?;
    let ids = session.uidl().await?;
    let mut checks = vec![Check::good(
        format!("{what}: mail"),
        format!(
            "messages on the server: {count}, together {} kB",
            bytes.div_ceil(1000)
        ),
    )];
    let is_left = server.leave_on_server != LeaveOnServer::Never;
    let trouble = match &ids {
        None => Some("the server gives messages no ids that last (UIDL)"),
        Some(ids) => {
            let mut seen = HashSet::new();
            let is_repeated = !ids.iter().all(|(_, id)| seen.insert(id));
            is_repeated.then_some("the server gives the same id (UIDL) to several messages")
        }
    };
    let check = format!("{what}: ids");
    checks.push(match trouble {
        None => Check::good(check, "every message has an id that lasts"),
        Some(trouble) if is_left => Check::bad(
            check,
            format!(
                "{trouble}: what stays there is read again each time, to see whether it is new"
            ),
            "set leave_on_server = false, or use IMAP if the provider has it",
        ),
        Some(trouble) => Check::good(
            check,
            format!("{trouble}: messages are told apart by their content"),
        ),
    });
    Ok(checks)
}

/// What the server offers, and what becomes of the lack of the rest.
fn offered(what: &str, offers: &Offers) -> Check {
    if !offers.is_known {
        return Check::good(
            format!("{what}: capabilities"),
            "the server does not tell what it can do (CAPA): messages are fetched one by one",
        );
    }
    let names = [
        (offers.has_uidl, "UIDL"),
        (offers.has_top, "TOP"),
        (offers.can_pipeline, "PIPELINING"),
        (offers.has_resp_codes, "RESP-CODES"),
        (offers.has_stls, "STLS"),
    ];
    let names: Vec<&str> = names
        .iter()
        .filter_map(|(is_there, name)| is_there.then_some(*name))
        .collect();
    let instead = [
        ("TOP", "the headers of a large message cannot be had alone"),
        ("PIPELINING", "each message costs a round trip"),
        (
            "RESP-CODES",
            "a mailbox that is in use is known only by the words of the refusal",
        ),
    ];
    compared(what, &names, &instead)
}

/// What the server asks for and promises: how often, for how long.
fn terms(what: &str, offers: &Offers) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(delay) = offers.login_delay.filter(|delay| !delay.is_zero()) {
        checks.push(Check::good(
            format!("{what}: interval"),
            format!("the server wants {} between two sign-ins", told(delay)),
        ));
    }
    let kept = match offers.expire {
        None => return checks,
        Some(Expire::Never) => "the server keeps mail until it is deleted".to_owned(),
        Some(Expire::Days(0)) => {
            "the server deletes a message as soon as it was fetched, whatever leave_on_server says"
                .to_owned()
        }
        Some(Expire::Days(days)) => format!(
            "the server may delete mail after {days} days; what was fetched stays on this computer"
        ),
    };
    checks.push(Check::good(format!("{what}: keeping"), kept));
    checks
}

fn told(time: Duration) -> String {
    match time.as_secs() {
        secs if secs % 60 == 0 => format!("{} min", secs / 60),
        secs => format!("{secs} s"),
    }
}
