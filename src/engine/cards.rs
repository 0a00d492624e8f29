//! Does what a card of a message offers: one request to leave a list.
//!
//! Called by `dispatch`, one task a request, after the user has agreed. Must never ask another address
//! than the one that was shown.

use super::program::Stop;
use super::texts::{Texts, Why};
use crate::bus::{CardDeed, Event, Problem, RequestId};
use crate::mime::{self, Opened};
use crate::model::{CardLine, Placed, Safe, Tone};
use crate::net::http;
use std::time::Duration;

/// How long a server may take to take somebody off a list.
const PATIENCE: Duration = Duration::from_secs(30);
/// What it answers is of no interest.
const ANSWER_MAX: usize = 64 * 1024;

impl Texts {
    /// Serves [`crate::bus::Command::Card`].
    pub(crate) async fn card(self, request: RequestId, placed: Placed, deed: CardDeed) {
        let (not, done) = match deed {
            CardDeed::Unsubscribe { url } => ("Not unsubscribed", self.unsubscribe(&url).await),
            CardDeed::Check => ("Not checked", self.check(placed).await),
            // `invites` serves it.
            CardDeed::Answer(_) => return,
        };
        let event = match done {
            Ok(text) => Event::CardDone {
                request,
                placed,
                text: Safe::line(&text),
            },
            Err((why, hint)) => Event::Failed {
                request,
                problem: Problem {
                    account: self.account.as_ref().map(|a| a.key),
                    summary: Safe::line(&format!("{not}: {why}")),
                    hint: Safe::line(&hint),
                },
            },
        };
        let _gone = self.events.send(event).await;
    }

    /// Checks or decrypts a message, and remembers what came of it for this session.
    async fn check(&self, placed: Placed) -> Result<String, (String, String)> {
        let raw = self.raw(placed).await?;
        let (gpg, folder) = self.gpg.clone();
        let stop = Stop::default();
        let _ends_with_this = stop.on_drop();
        let checking = tokio::task::spawn_blocking(move || {
            let opened = gpg.unseal(&raw, &folder, &stop);
            opened.map_err(|why| (why, mime::seal(&raw).is_some_and(|s| s.kind.is_encrypted())))
        });
        let opened = checking.await.map_err(|_| {
            let why = "the message could not be taken apart".to_owned();
            (why, String::new())
        })?;
        let (opened, told) = match opened {
            Ok(Some(opened)) => {
                let told = told(&opened);
                (opened, told)
            }
            Ok(None) => {
                let why = "nothing in it is signed or encrypted".to_owned();
                return Err((why, String::new()));
            }
            // The card has room for what is to be done about it, and stays.
            Err((why, is_encrypted)) => {
                let (not, told) = if is_encrypted {
                    ("Not decrypted", "Not decrypted; why stands above the text")
                } else {
                    ("Not checked", "Not checked; why stands above the text")
                };
                let line = CardLine::new(Tone::Warning, &format!("{not}: {why}"));
                let opened = Opened {
                    lines: vec![line.with("check-seal")],
                    ..Opened::default()
                };
                (opened, told)
            }
        };
        self.opened.put(placed.message, opened);
        Ok(told.to_owned())
    }

    /// One request, as RFC 8058 section 3.1 has it: a POST over TLS with that one word, and nothing
    /// that says who asks.
    async fn unsubscribe(&self, url: &str) -> Result<String, (String, String)> {
        let refused = |why: &str| {
            (
                why.to_owned(),
                "open the page of the list instead".to_owned(),
            )
        };
        let parsed = url::Url::parse(url).map_err(|_| refused("its address cannot be read"))?;
        if parsed.scheme() != "https" {
            return Err(refused("its address is not a safe one"));
        }
        if let Some(account) = &self.account
            && account.board.look(|w| w.is_offline && !w.is_local)
        {
            let hint = "go online and do it again".to_owned();
            return Err(("Pillarbox is offline".to_owned(), hint));
        }
        let limits = http::Limits {
            total: PATIENCE,
            bytes_max: ANSWER_MAX,
            ..self.web.clone()
        };
        let kind = "application/x-www-form-urlencoded";
        let answer = http::post(url, kind, b"List-Unsubscribe=One-Click", &limits).await;
        let answer = answer.map_err(|e| {
            let hint = match e.hint.as_str() {
                "" => "try again later, or mark what comes as junk".to_owned(),
                hint => hint.to_owned(),
            };
            (e.summary.trim_end_matches('.').to_owned(), hint)
        })?;
        Ok(format!("{} took you off the list", answer.host))
    }
}

/// That it was done, in few words: the card has the rest, and may be out of sight.
fn told(opened: &Opened) -> &'static str {
    let is_warned = opened.lines.iter().any(|line| line.tone == Tone::Warning);
    match (opened.is_decrypted && opened.entity.is_some(), is_warned) {
        (true, false) => "Decrypted",
        (true, true) => "Decrypted; there is a warning above the text",
        (false, false) => "Checked",
        (false, true) => "Checked; there is a warning above the text",
    }
}

impl From<Why> for (String, String) {
    fn from(why: Why) -> Self {
        (why.to_string(), String::new())
    }
}
