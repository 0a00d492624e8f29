//! AUTH (RFC 4954) on the server's side.
//!
//! Called by `session`. What the client said to prove itself must never get into the log.

use super::Options;
use crate::demo::decode::BASE64;
use crate::demo::sasl;
use crate::demo::wire::Wire;
use base64::Engine;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// What came of an exchange.
pub(super) struct Outcome {
    /// Who it is, if it is right.
    pub(super) user: Option<String>,
    pub(super) reply: String,
}

fn refused(reply: &str) -> Outcome {
    Outcome {
        user: None,
        reply: reply.to_owned(),
    }
}

/// The exchange behind `AUTH `.
pub(super) async fn exchange<S>(
    options: &Options,
    argument: &str,
    wire: &mut Wire<S>,
) -> io::Result<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mechanism, initial) = match argument.split_once(' ') {
        Some((mechanism, initial)) => (mechanism, Some(initial)),
        None => (argument, None),
    };
    let mechanism = mechanism.to_ascii_uppercase();
    let mut lines = options.capabilities.iter();
    let offered = lines.find_map(|line| line.strip_prefix("AUTH "));
    let is_offered = offered.is_some_and(|all| all.split(' ').any(|m| m == mechanism));
    if !is_offered {
        return Ok(refused("504 5.5.4 This mechanism is not offered"));
    }
    let first = match initial {
        Some(initial) => initial.as_bytes().to_vec(),
        None if mechanism == "LOGIN" => ask(wire, "Username:").await?,
        None => ask(wire, "").await?,
    };
    let Some(first) = decoded(&first) else {
        return Ok(refused("501 5.5.2 This is not base64"));
    };
    let is_right = if mechanism == "LOGIN" {
        let password = ask(wire, "Password:").await?;
        first == options.user && decoded(&password).as_ref() == Some(&options.password)
    } else {
        sasl::is_right(&mechanism, &first, &options.user, &options.password)
    };
    let user = is_right.then(|| options.user.clone());
    if user.is_none() && matches!(mechanism.as_str(), "XOAUTH2" | "OAUTHBEARER") {
        // RFC 7628 §3.2.2: the error comes as a challenge, which the client must answer.
        ask(wire, r#"{"status":"invalid_token"}"#).await?;
    }
    let reply = match &user {
        Some(_) => "235 2.7.0 Welcome",
        None => "535 5.7.8 Wrong name or password",
    };
    Ok(Outcome {
        reply: reply.to_owned(),
        user,
    })
}

async fn ask<S>(wire: &mut Wire<S>, what: &str) -> io::Result<Vec<u8>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let challenge = format!("334 {}\r\n", BASE64.encode(what));
    wire.send(challenge.as_bytes()).await?;
    match wire.line().await? {
        Some(Ok(line)) => Ok(line),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn decoded(text: &[u8]) -> Option<String> {
    String::from_utf8(BASE64.decode(text).ok()?).ok()
}
