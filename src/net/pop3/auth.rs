//! Proving who we are: AUTH (RFC 5034), else USER and PASS (RFC 1939 §7).
//!
//! Called by `open` on a connection that is as safe as asked for. No secret may be in an error, no second
//! way is tried after a refusal (servers count attempts), and nothing is ever proved by APOP or CRAM.

use super::Session;
use super::reply::Reply;
use crate::net::auth::{self, Sasl};
use crate::net::error::{Class, Error, Result, quoted};
use crate::net::{Login, Server};

/// The longest line that may hold the first message (RFC 5034 §4); a longer one waits to be asked.
const LINE_MAX: usize = 255 - 2;
/// How often a server may ask for more in one exchange.
const CHALLENGES_MAX: usize = 4;

impl Session {
    pub(super) async fn log_in(&mut self, server: &Server, login: &Login) -> Result<()> {
        let offers = |name: &str| self.offers.has_mechanism(name);
        let sasl = auth::choose(login, &server.host, server.port, offers)?;
        let (reply, told) = match (sasl, login) {
            (Some(sasl), _) => self.sasl(&sasl).await?,
            // Quirk: servers that do not say USER take it, unless they named other ways.
            (None, Login::Password { user, password })
                if self.offers.has_user || self.offers.sasl.is_empty() =>
            {
                let reply = self.ask(&format!("USER {user}")).await?;
                if reply.is_ok {
                    let password = format!("PASS {}", password.reveal());
                    (self.ask(&password).await?, None)
                } else {
                    (reply, None)
                }
            }
            _ => return Err(no_way_in(&self.offers.sasl, server)),
        };
        if reply.is_ok {
            return Ok(());
        }
        Err(reply.login_refusal(&server.host, told))
    }

    /// One SASL exchange; with what the server explained before it refused.
    async fn sasl(&mut self, sasl: &Sasl) -> Result<(Reply, Option<String>)> {
        let at_once = format!("AUTH {} {}", sasl.name, sasl.message);
        let is_short = at_once.len() <= LINE_MAX;
        self.link.enter()?;
        if is_short {
            self.link.say(&at_once);
        } else {
            self.link.say(&format!("AUTH {}", sasl.name));
        }
        let mut said = usize::from(is_short);
        let mut told = None;
        for _ in 0..CHALLENGES_MAX {
            let reply = self.link.reply_or_challenge().await?;
            if !reply.is_challenge {
                return Ok((reply, told));
            }
            self.link.check_surplus()?;
            // Quirk: there are servers that pass over a message behind AUTH, and ask for it.
            if said == 0 || (said == 1 && reply.text.is_empty()) {
                self.link.say(&sasl.message);
                said += 1;
            } else {
                // A challenge where none is left to answer says why it is going to be refused.
                told = auth::challenge_text(reply.text.as_bytes()).or(told);
                self.link.say(sasl.give_up);
            }
        }
        Err(self.link.over(Error::new(
            Class::Auth,
            "The server asks for more and more when logging in; it was given up.",
        )))
    }
}

fn no_way_in(offered: &[String], server: &Server) -> Error {
    let host = &server.host;
    if offered.is_empty() {
        return Error::new(Class::Auth, format!("{host} does not offer to log in."))
            .hint("Check `port` and `tls`.");
    }
    let names = quoted(&offered.join(", "));
    Error::new(
        Class::Auth,
        format!("{host} offers no way to log in that is known here, only {names}."),
    )
}
