//! Addresses on the web: which may be asked, and which lie in the user's own network.
//!
//! Used by `mod` and `exchange`. An address that a message or a server named must never lead to a machine
//! that only the user can reach.

use super::refused;
use crate::net::error::Result;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Longer addresses are not asked for.
const URL_BYTES_MAX: usize = 8 * 1024;

/// An address that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    url: Url,
    /// Its host, as it is asked for in DNS.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
}

impl Place {
    /// Reads an address: `https` or `http`, with a host.
    pub(super) fn read(url: &str) -> Result<Self> {
        if url.len() > URL_BYTES_MAX {
            return Err(refused("The address is far too long.".to_owned()));
        }
        let url = Url::parse(url).map_err(|e| refused(format!("The address is no good: {e}.")))?;
        Self::of(url)
    }

    fn of(mut url: Url) -> Result<Self> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(refused(
                "Only addresses that begin with https or http can be fetched.".to_owned(),
            ));
        }
        // Neither goes out: the one would be a login, the other is for who asks.
        let _is_set = url.set_username("");
        let _is_set = url.set_password(None);
        url.set_fragment(None);
        let port = url.port_or_known_default();
        match (url.host(), port) {
            (Some(host), Some(port)) => Ok(Self {
                host: match host {
                    Host::Domain(name) => name.to_owned(),
                    Host::Ipv4(ip) => ip.to_string(),
                    Host::Ipv6(ip) => ip.to_string(),
                },
                port,
                url,
            }),
            _ => Err(refused("The address names no host.".to_owned())),
        }
    }

    /// Where a redirect leads. What was asked for over TLS is never asked for in clear.
    pub(super) fn turn_to(&self, target: &str) -> Result<Self> {
        if target.len() > URL_BYTES_MAX {
            return Err(refused(format!("{} sends us to no address.", self.host)));
        }
        let url = self
            .url
            .join(target)
            .map_err(|_| refused(format!("{} sends us to no address.", self.host)))?;
        let next = Self::of(url)?;
        if self.is_safe() && !next.is_safe() {
            return Err(refused(format!(
                "{} sends us to an address without encryption.",
                self.host
            )));
        }
        Ok(next)
    }

    /// Whether it is asked over TLS.
    pub(super) fn is_safe(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The path and the query, as they are asked for.
    pub(super) fn target(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// The host and the port, as the server is told (`Host`).
    pub(super) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// Whether an address is one of the open internet: not this machine, not a network that only its own people
/// reach (RFC 1918, 4193, 6598, 3927), nor one that means something else than a single machine (RFC 6890).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (b & 0xc0) == 64)
        || (a == 198 && (b & 0xfe) == 18)
        || (a == 192 && b == 0 && c == 0);
    !is_special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Global unicast is 2000::/3; of that, 2001:db8::/32 is for examples.
    let [first, second, ..] = ip.segments();
    first & 0xe000 == 0x2000 && !(first == 0x2001 && second == 0xdb8)
}

/// The IPv4 address that an IPv6 address stands for: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let of = |high: u16, low: u16| {
        let [one, two] = high.to_be_bytes();
        let [three, four] = low.to_be_bytes();
        Ipv4Addr::new(one, two, three, four)
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(of(g, h)),
        (0x2002, ..) => Some(of(b, c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_internet_is_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "240.0.0.1",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["9.9.9.9", "172.32.0.1", "2620:fe::fe", "::ffff:9.9.9.9"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_login_and_a_fragment_do_not_go_out() {
        let place = Place::read("http://ann:secret@h.test:8080/a b?c=ä#frag").unwrap();
        assert_eq!(place.target(), "/a%20b?c=%C3%A4");
        assert_eq!(place.authority(), "h.test:8080");
        assert!(!format!("{place:?}").contains("secret"));
    }

    #[test]
    fn an_odd_way_to_write_an_address_is_seen_through() {
        let place = Place::read("http://0x7f.1/").unwrap();
        assert_eq!(place.host, "127.0.0.1");
        let place = Place::read("http://[::1]:1/").unwrap();
        assert_eq!((place.host.as_str(), place.port), ("::1", 1));
        assert_eq!(place.authority(), "[::1]:1");
    }

    #[test]
    fn other_schemes_and_the_way_down_from_tls_are_refused() {
        for url in ["file:///etc/passwd", "ftp://h/", "data:,x", "nonsense"] {
            assert!(Place::read(url).is_err(), "{url}");
        }
        let safe = Place::read("https://h.test/a/b").unwrap();
        assert!(safe.turn_to("http://h.test/").is_err());
        assert!(safe.turn_to("file:///x").is_err());
        assert_eq!(safe.turn_to("../c?d").unwrap().target(), "/c?d");
        assert!(
            Place::read("http://h.test/")
                .unwrap()
                .turn_to("https://i.test/")
                .is_ok()
        );
    }
}
