//! AUTH (RFC 4954): proving who we are, once per connection.
//!
//! Called by `open` on a connection that is as safe as asked for. No secret may be in an error, and no
//! second mechanism is tried after a refusal: servers count attempts.

use super::Submitter;
use super::reply::Reply;
use crate::net::auth::{self, Sasl};
use crate::net::error::{Class, Error, Result, quoted};
use crate::net::{Login, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// How often a server may ask for more in one exchange.
const CHALLENGES_MAX: usize = 3;
/// The longest line that may hold the first message (RFC 4954 §3); a longer one waits to be asked.
const LINE_MAX: usize = 12_288 - 2;

impl Submitter {
    pub(super) async fn log_in(&mut self, server: &Server, login: &Login) -> Result<()> {
        let offered = &self.extensions;
        let offers = |name: &str| offered.offers(name);
        let sasl = auth::choose(login, &server.host, server.port, offers)?;
        let (reply, told) = match (sasl, login) {
            (Some(sasl), _) => self.sasl(&sasl).await?,
            (None, Login::Password { user, password }) if offers("LOGIN") => {
                let lines = [user.as_str(), password.reveal()];
                let lines = lines.map(|text| STANDARD.encode(text));
                (self.exchange("AUTH LOGIN", &lines).await?, None)
            }
            _ => return Err(no_way_in(&offered.mechanisms, server)),
        };
        if reply.is_positive() {
            return Ok(());
        }
        self.dialogue.end();
        Err(refusal(&reply, told, server))
    }

    /// One message of ours; with what the server explained before it refused.
    async fn sasl(&mut self, sasl: &Sasl) -> Result<(Reply, Option<String>)> {
        let at_once = format!("AUTH {} {}", sasl.name, sasl.message);
        let reply = if at_once.len() <= LINE_MAX {
            self.say(&at_once).await?
        } else {
            let command = format!("AUTH {}", sasl.name);
            let message = std::slice::from_ref(&sasl.message);
            self.exchange(&command, message).await?
        };
        if !reply.is_intermediate() {
            return Ok((reply, None));
        }
        // A challenge where none is left to answer says why it is going to be refused.
        let challenge = reply.lines.first().map(String::as_str).unwrap_or_default();
        let told = auth::challenge_text(challenge.trim().as_bytes());
        Ok((self.say(sasl.give_up).await?, told))
    }

    /// A command and what it is to be followed by, each line when the server asks for it. The reply
    /// to the last line, or to the one after which it did not ask.
    async fn exchange(&mut self, command: &str, lines: &[String]) -> Result<Reply> {
        let mut reply = self.say(command).await?;
        for line in lines.iter().take(CHALLENGES_MAX) {
            if !reply.is_intermediate() {
                break;
            }
            reply = self.say(line).await?;
        }
        Ok(reply)
    }

    async fn say(&mut self, line: &str) -> Result<Reply> {
        self.dialogue.ask(line, self.patience.command).await
    }
}

fn no_way_in(offered: &[String], server: &Server) -> Error {
    let host = &server.host;
    if offered.is_empty() {
        return Error::new(Class::Auth, format!("{host} does not offer to log in.")).hint(
            "Check `port` and `tls`: most servers let one log in only on 465 or 587, with TLS.",
        );
    }
    let names = quoted(&offered.join(", "));
    Error::new(
        Class::Auth,
        format!("{host} offers no way to log in that is known here, only {names}."),
    )
}

/// What a refused login means. Wrong credentials stop the account; a busy server does not.
fn refusal(reply: &Reply, told: Option<String>, server: &Server) -> Error {
    let class = match reply.code {
        400..=499 => Class::Transient,
        500..=599 => Class::Auth,
        _ => Class::Protocol,
    };
    let hint = match (class, reply.code) {
        (Class::Transient, _) => "It will be tried again later.",
        (_, 530 | 538) => "Set `tls` to \"implicit\" or \"starttls\".",
        _ => {
            "Check the user name and the password; some providers want a password made for this program, or a token."
        }
    };
    let more = told
        .map(|told| format!(" ({})", quoted(&told)))
        .unwrap_or_default();
    let summary = format!("{} refused the login: {reply}{more}", server.host);
    Error::new(class, summary)
        .hint(hint)
        .code(Some(reply.code_text()))
}
