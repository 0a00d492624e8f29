//! The address proper, `local@host`: whether it may go into a header and an SMTP command, and how it
//! is written there.
//!
//! Used by `recipients` and by `mime`. What is valid here must never hold a control, a blank outside
//! of quotes or an angle bracket (RFC 5321 section 4.1.2, RFC 6531 section 3.3).

use super::recipients::is_unseen;
use serde::Serialize;
use std::net::{Ipv4Addr, Ipv6Addr};

/// RFC 5321 section 4.5.3.1.
const LOCAL_MAX: usize = 64;
const ADDRESS_MAX: usize = 254;

/// Whether something typed can be used, and why not, as the rest of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "why")]
pub enum Standing {
    /// It can be used.
    Valid,
    /// It may become valid as typing goes on: "has no @".
    Unfinished(&'static str),
    /// It is wrong, whatever follows.
    Wrong(&'static str),
}

/// Whether an address can be sent to.
#[must_use]
pub fn check(address: &str) -> Standing {
    match parts(address) {
        Err(standing) => standing,
        Ok((local, host)) => {
            let checked = check_local(local).and_then(|()| check_host(host));
            let is_long = address.len().max(wire_address(address).len()) > ADDRESS_MAX;
            match checked {
                Err(standing) => standing,
                Ok(()) if is_long => Standing::Wrong("is too long for an address"),
                Ok(()) => Standing::Valid,
            }
        }
    }
}

/// The address as it goes over the wire: the host as A-labels (RFC 5890), which every server knows.
#[must_use]
pub fn wire_address(address: &str) -> String {
    match parts(address) {
        Ok((local, host)) if !host.starts_with('[') => {
            let host = idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_owned());
            format!("{local}@{host}")
        }
        _ => address.to_owned(),
    }
}

/// What stands before and behind the `@`.
pub(super) fn parts(address: &str) -> Result<(&str, &str), Standing> {
    if address.is_empty() {
        return Err(Standing::Unfinished("has no address"));
    }
    let at = if address.starts_with('"') {
        let end = quote_end(address).ok_or(Standing::Wrong("has a quote that is not closed"))?;
        let is_at = address.get(end..).is_some_and(|rest| rest.starts_with('@'));
        is_at.then_some(end)
    } else {
        address.find('@')
    };
    let at = at.ok_or(Standing::Unfinished("has no @"))?;
    let local = address.get(..at).unwrap_or_default();
    Ok((local, address.get(at + 1..).unwrap_or_default()))
}

/// Where the quoted string at the beginning ends, its last quote included.
fn quote_end(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => drop(chars.next()),
            _ => {}
        }
    }
    None
}

const fn held(is_held: bool, why: &'static str) -> Result<(), Standing> {
    if is_held {
        Ok(())
    } else {
        Err(Standing::Wrong(why))
    }
}

/// RFC 5322 section 3.4.1, with the characters of RFC 6532 section 3.2.
fn check_local(local: &str) -> Result<(), Standing> {
    if local.is_empty() {
        return Err(Standing::Wrong("has nothing before the @"));
    }
    if local.len() > LOCAL_MAX {
        return Err(Standing::Wrong("is too long before the @"));
    }
    if local.chars().any(|c| c.is_control() || is_unseen(c)) {
        return Err(Standing::Wrong("has a character that cannot be seen"));
    }
    if local.starts_with('"') {
        // A blank other than the plain one would not survive the fold of a header.
        let is_odd = local.chars().any(|c| c != ' ' && c.is_whitespace());
        let is_whole = quote_end(local) == Some(local.len());
        let is_whole = is_whole && !is_odd && !local.contains(['<', '>']);
        return held(is_whole, "has a character that does not belong there");
    }
    if local.contains(char::is_whitespace) {
        return Err(Standing::Wrong("has a blank in it"));
    }
    if local.split('.').any(str::is_empty) {
        return Err(Standing::Wrong("has a dot too many before the @"));
    }
    let may_be =
        |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    held(
        local.chars().all(may_be),
        "has a character that does not belong there",
    )
}

fn check_host(host: &str) -> Result<(), Standing> {
    const NAME_MAX: usize = 253;
    if host.is_empty() {
        return Err(Standing::Unfinished("has no host after the @"));
    }
    if let Some(literal) = host.strip_prefix('[') {
        let literal = literal.strip_suffix(']');
        let literal = literal.ok_or(Standing::Unfinished("has no closing ]"))?;
        let is_address = match literal.strip_prefix("IPv6:") {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
            None => literal.parse::<Ipv4Addr>().is_ok(),
        };
        return held(is_address, "has no such host");
    }
    if host.contains('@') {
        return Err(Standing::Wrong("has more than one @"));
    }
    if host.contains(char::is_whitespace) {
        return Err(Standing::Wrong("has a blank in it"));
    }
    if host.ends_with(['.', '-']) {
        return Err(Standing::Unfinished("has a host that is not finished"));
    }
    let is_label = |label: &str| {
        let is_in = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_in)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host = !host.chars().any(is_unseen)
        && idna::domain_to_ascii(host)
            .is_ok_and(|ascii| ascii.len() <= NAME_MAX && ascii.split('.').all(is_label));
    held(is_host, "has a host that cannot be")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_every_kind_are_valid() {
        for address in [
            "ann@example.org",
            "ann@x",
            "o'brien+tag@sub.example.org",
            "\"john doe\"@x.org",
            "\"a\\\"b@c\"@x.org",
            "jörg@exämple.de",
            "用户@例え.jp",
            "ann@xn--bcher-kva.de",
            "root@[192.0.2.1]",
            "root@[IPv6:2001:db8::1]",
        ] {
            assert_eq!(check(address), Standing::Valid, "{address}");
        }
    }

    #[test]
    fn what_could_steer_a_server_or_lead_nowhere_is_refused() {
        for address in [
            "@x",
            "a b@x",
            "a@b c",
            "a@b@c",
            "a..b@x",
            ".a@x",
            "a.@x",
            "a@-x",
            "a@x..y",
            "a@x_y",
            "a@b>",
            "<a@b",
            "a\r\nRCPT@x",
            "a@x\n",
            "a\0@x",
            "\"a\r\nb\"@x",
            "\"a>\"@x",
            "a@[x]",
            "a@[192.0.2.300]",
            "a\u{202e}@x",
            "a@x\u{200b}y.org",
            "a\u{a0}b@x",
            "\"a\u{2028}b\"@x",
        ] {
            assert!(matches!(check(address), Standing::Wrong(_)), "{address:?}");
        }
        let long = format!("{}@x", "a".repeat(65));
        assert!(matches!(check(&long), Standing::Wrong(_)));
        let long = format!("a@{}org", "abcdefgh.".repeat(30));
        assert!(matches!(check(&long), Standing::Wrong(_)));
    }

    #[test]
    fn what_may_still_be_typed_is_unfinished() {
        for address in ["", "ann", "ann@", "ann@x.", "ann@x-", "ann@[192.0"] {
            assert!(
                matches!(check(address), Standing::Unfinished(_)),
                "{address}"
            );
        }
    }

    #[test]
    fn hosts_go_over_the_wire_in_ascii_and_nothing_else_changes() {
        for (address, wire) in [
            ("ann@bücher.de", "ann@xn--bcher-kva.de"),
            ("Jörg@Exämple.DE", "Jörg@xn--exmple-cua.de"),
            ("Ann@Example.org", "Ann@example.org"),
            ("\"a@b\"@bücher.de", "\"a@b\"@xn--bcher-kva.de"),
            ("root@[192.0.2.1]", "root@[192.0.2.1]"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(wire_address(address), wire);
        }
    }
}
