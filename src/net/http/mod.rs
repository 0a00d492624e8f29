//! Fetching one thing from the web: bounded in time and size, and without a trace of who asks.
//!
//! Called by `engine` only after a key was pressed for exactly this. A request must never carry a cookie,
//! a Referer or anything that a former answer set, and must never reach into the user's own network.
//! The protocol is spoken by hyper (RFC 9112) over our own connections, so that TLS is checked as everywhere.

mod exchange;
mod place;
#[cfg(test)]
mod tests;

use super::error::{Class, Error, Result};
use exchange::Outcome;
use place::Place;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// So often an answer may send us elsewhere.
const REDIRECTS_MAX: usize = 3;

/// What one request may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long all of it may last, redirects included.
    pub total: Duration,
    /// The largest body that is read.
    pub bytes_max: usize,
    /// What is asked for (`Accept`).
    pub accept: &'static str,
    /// Whether an address inside the user's network may be asked.
    pub allow_private: bool,
    /// Where everything is asked for in clear, whatever its address says: the demo's server.
    pub instead: Option<std::net::SocketAddr>,
    /// An extra trust root (PEM).
    pub ca_file: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            bytes_max: 10 * 1024 * 1024,
            accept: "*/*",
            allow_private: false,
            instead: None,
            ca_file: None,
        }
    }
}

/// What a server gave: its answer was a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status, from 200 to 299.
    pub status: u16,
    /// What it says the body is; its own words, not made safe.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
    /// The host that gave it, which may be another than the one that was asked first.
    pub host: String,
}

/// What is sent along with a POST.
#[derive(Debug, Clone)]
struct Form<'a> {
    content_type: &'a str,
    body: &'a [u8],
}

/// Fetches what lies at an address (RFC 9110 §9.3.1). Dropping the future ends the connection.
///
/// # Errors
/// When the address is none that may be asked, a limit is reached, or the server gives nothing.
pub async fn get(url: &str, limits: &Limits) -> Result<Answer> {
    within(url, limits, None).await
}

/// Sends something to an address (RFC 9110 §9.3.3), and to no other: who sends it was told where it goes,
/// and the page that a redirect leads to would answer as if it had been done. Dropping the future ends the
/// connection; whether the server has acted by then is not known.
///
/// # Errors
/// When the address is none that may be asked, a limit is reached, or the server refuses or sends us elsewhere.
pub async fn post(url: &str, content_type: &str, body: &[u8], limits: &Limits) -> Result<Answer> {
    within(url, limits, Some(Form { content_type, body })).await
}

async fn within(url: &str, limits: &Limits, form: Option<Form<'_>>) -> Result<Answer> {
    let first = Place::read(url)?;
    let host = first.host.clone();
    let deadline = Instant::now() + limits.total;
    tokio::time::timeout_at(deadline, follow(first, limits, form))
        .await
        .unwrap_or_else(|_| {
            Err(Error::transient(format!(
                "{host} did not give it within {} seconds.",
                limits.total.as_secs()
            ))
            .hint("Try again later."))
        })
}

/// Asks, and goes where the answer sends us, a few times.
async fn follow(first: Place, limits: &Limits, form: Option<Form<'_>>) -> Result<Answer> {
    let mut place = first;
    for _ in 0..=REDIRECTS_MAX {
        match exchange::ask(&place, limits, form.as_ref()).await? {
            Outcome::Answer(answer) => return Ok(answer),
            Outcome::Elsewhere(_) if form.is_some() => {
                let why = format!("{} sends us elsewhere instead of doing it.", place.host);
                return Err(refused(why).hint("Open the page in the browser instead."));
            }
            Outcome::Elsewhere(target) => place = place.turn_to(&target)?,
        }
    }
    Err(Error::protocol(format!(
        "{} sends us from one address to the next without an end.",
        place.host
    )))
}

/// A refusal that no other attempt would change.
fn refused(summary: String) -> Error {
    Error::new(Class::Rejected, summary)
}
