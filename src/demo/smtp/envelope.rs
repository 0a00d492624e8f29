//! MAIL and RCPT: what an envelope may hold (RFC 5321 §4.1.1.2, §4.1.1.3), strictly.
//!
//! Called by `session`. A parameter of an extension that was not announced must never be taken: the
//! client would find out only at another server.

use super::{Peer, Recipient};

/// A transaction under way.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) from: String,
    pub(super) parameters: Vec<String>,
    pub(super) to: Vec<Recipient>,
    pub(super) is_8bit: bool,
    pub(super) is_utf8: bool,
}

/// The answer to a command that is refused.
pub(super) type Refusal = String;

/// MAIL, behind its name.
pub(super) fn mail(peer: &Peer, argument: &str) -> Result<Envelope, Refusal> {
    let (from, parameters) = path(argument, "FROM:")?;
    let mut envelope = Envelope {
        from,
        ..Envelope::default()
    };
    for parameter in &parameters {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let keyword = keyword.to_ascii_uppercase();
        let extension = match (keyword.as_str(), value) {
            ("SIZE", size) => {
                let size: usize = size.parse().map_err(|_| unknown(parameter))?;
                if size > peer.options().size_max {
                    return Err("552 5.3.4 The message is too large".into());
                }
                "SIZE"
            }
            ("BODY", "8BITMIME" | "7BIT") => {
                envelope.is_8bit = value == "8BITMIME";
                "8BITMIME"
            }
            ("SMTPUTF8", "") => {
                envelope.is_utf8 = true;
                "SMTPUTF8"
            }
            ("RET", "FULL" | "HDRS") => "DSN",
            ("ENVID", id) if is_xtext(id) => "DSN",
            _ => return Err(unknown(parameter)),
        };
        if !peer.has(extension) {
            return Err(unknown(parameter));
        }
    }
    if !envelope.from.is_empty() {
        check_address(&envelope.from, envelope.is_utf8)?;
    }
    envelope.parameters = parameters;
    Ok(envelope)
}

/// RCPT, behind its name.
pub(super) fn rcpt(peer: &Peer, envelope: &mut Envelope, argument: &str) -> Result<(), Refusal> {
    let (address, parameters) = path(argument, "TO:")?;
    for parameter in &parameters {
        let (keyword, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let known = |word: &str| matches!(word, "SUCCESS" | "FAILURE" | "DELAY");
        let is_notify = keyword.eq_ignore_ascii_case("NOTIFY")
            && (value == "NEVER" || value.split(',').all(known));
        if !is_notify || !peer.has("DSN") {
            return Err(unknown(parameter));
        }
    }
    check_address(&address, envelope.is_utf8)?;
    let options = peer.options();
    let mut refusals = options.refusals.iter();
    if let Some((_, reply)) = refusals.find(|(refused, _)| *refused == address) {
        return Err(reply.clone());
    }
    if envelope.to.len() >= options.recipients_max {
        return Err("452 4.5.3 Too many recipients".into());
    }
    envelope.to.push(Recipient {
        address,
        parameters,
    });
    Ok(())
}

/// The address in its brackets, and what follows.
fn path(argument: &str, word: &str) -> Result<(String, Vec<String>), Refusal> {
    let syntax = || format!("501 5.5.4 Syntax: {word}<address>");
    let (head, rest) = argument.split_at_checked(word.len()).ok_or_else(syntax)?;
    if !head.eq_ignore_ascii_case(word) {
        return Err(syntax());
    }
    let rest = rest.strip_prefix('<').ok_or_else(syntax)?;
    let (address, rest) = rest.split_once('>').ok_or_else(syntax)?;
    if !rest.is_empty() && !rest.starts_with(' ') {
        return Err(syntax());
    }
    let words = rest.split(' ').skip(1).map(str::to_owned);
    Ok((address.to_owned(), words.collect()))
}

fn check_address(address: &str, is_utf8: bool) -> Result<(), Refusal> {
    let parts = address.rsplit_once('@');
    let is_whole = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains(char::is_whitespace)
    });
    if !is_whole || address.contains(char::is_control) {
        return Err("501 5.1.3 This is not an address".into());
    }
    if !address.is_ascii() && !is_utf8 {
        return Err("553 5.6.7 SMTPUTF8 was not asked for".into());
    }
    Ok(())
}

fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_fine = match byte {
            b'+' => [bytes.next(), bytes.next()]
                .iter()
                .all(|digit| matches!(digit, Some(b'0'..=b'9' | b'A'..=b'F'))),
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        if !is_fine {
            return false;
        }
    }
    (1..=100).contains(&text.len())
}

fn unknown(parameter: &str) -> Refusal {
    format!("555 5.5.4 Unknown parameter {parameter}")
}
