//! How we introduce ourselves to a server, and how long each of its answers may take.
//!
//! Chosen by whoever opens a connection. No wait may be without an end.

use super::address::is_domain;
use std::net::IpAddr;
use std::time::Duration;

/// What is said in EHLO (RFC 5321 §4.1.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello(String);

impl Hello {
    /// A host name; `None` where it is none.
    #[must_use]
    pub fn name(name: &str) -> Option<Self> {
        let name = idna::domain_to_ascii(name).ok()?;
        is_domain(&name).then_some(Self(name))
    }

    /// An address.
    #[must_use]
    pub fn address(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(four) => format!("[{four}]"),
            IpAddr::V6(six) => format!("[IPv6:{six}]"),
        })
    }

    /// As it stands behind EHLO.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says nothing about this machine: what is said here ends in the header of every message.
impl Default for Hello {
    fn default() -> Self {
        Self("[127.0.0.1]".to_owned())
    }
}

/// How long each wait may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the greeting and the answer to EHLO.
    pub greeting: Duration,
    /// For the answer to a command.
    pub command: Duration,
    /// For the leave to send the message, after DATA.
    pub data: Duration,
    /// For the network to take 64 KiB of a message.
    pub piece: Duration,
    /// For the answer to the end of a message. Where this is over too early, nobody knows whether
    /// the message was sent.
    pub verdict: Duration,
}

/// What RFC 5321 §4.5.3.2 asks for.
impl Default for Patience {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            piece: minutes(3),
            verdict: minutes(10),
        }
    }
}

impl Patience {
    /// The same, but with no wait longer than that: for a check that somebody looks at.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self {
            greeting: self.greeting.min(limit),
            command: self.command.min(limit),
            data: self.data.min(limit),
            piece: self.piece.min(limit),
            verdict: self.verdict.min(limit),
        }
    }
}

/// How to behave towards a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manner {
    /// Who we say we are.
    pub hello: Hello,
    /// How long we wait.
    pub patience: Patience,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_or_an_address_is_said() {
        let said = |name| Hello::name(name).map(|hello| hello.as_str().to_owned());
        assert_eq!(
            said("Desk.example.org").as_deref(),
            Some("desk.example.org")
        );
        assert_eq!(
            said("bücher.example").as_deref(),
            Some("xn--bcher-kva.example")
        );
        for bad in ["", "a b", "a\r\nMAIL FROM:<>", "a>"] {
            assert_eq!(said(bad), None, "{bad:?}");
        }
        let six = Hello::address("::1".parse().unwrap());
        assert_eq!(six.as_str(), "[IPv6:::1]");
        assert_eq!(Hello::default().as_str(), "[127.0.0.1]");
    }
}
