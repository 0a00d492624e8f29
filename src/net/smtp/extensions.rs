//! What a server announces in its answer to EHLO (RFC 5321 §4.1.1.1).
//!
//! Read anew on each connection, under TLS only where TLS was asked for: what was announced in clear
//! must never get here.

use super::reply::Reply;

/// What a server announced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions {
    /// SIZE (RFC 1870): it wants to know the size beforehand.
    pub has_size: bool,
    /// The largest message it takes, if it says so.
    pub size_max: Option<u64>,
    /// 8BITMIME (RFC 6152).
    pub has_8bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub has_smtp_utf8: bool,
    /// DSN (RFC 3461).
    pub has_dsn: bool,
    /// PIPELINING (RFC 2920).
    pub can_pipeline: bool,
    /// CHUNKING (RFC 3030).
    pub can_chunk: bool,
    /// STARTTLS (RFC 3207), on a connection without TLS.
    pub has_starttls: bool,
    /// The mechanisms behind AUTH (RFC 4954), in capitals.
    pub mechanisms: Vec<String>,
    /// All keywords, in capitals, in the order of the server.
    pub keywords: Vec<String>,
}

impl Extensions {
    /// Reads the answer to EHLO; its first line is the server's name.
    #[must_use]
    pub(super) fn read(reply: &Reply) -> Self {
        let mut all = Self::default();
        for line in reply.lines.iter().skip(1) {
            // Quirk(old Exchange, Domino): `AUTH=LOGIN` beside, or instead of, `AUTH LOGIN`.
            let line = line.to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else {
                continue;
            };
            match keyword {
                "SIZE" => {
                    all.has_size = true;
                    // 0 is "no fixed limit" (RFC 1870 §4).
                    let limit = words.next().and_then(|word| word.parse().ok());
                    all.size_max = limit.filter(|limit| *limit > 0);
                }
                "8BITMIME" => all.has_8bit_mime = true,
                "SMTPUTF8" => all.has_smtp_utf8 = true,
                "DSN" => all.has_dsn = true,
                "PIPELINING" => all.can_pipeline = true,
                "CHUNKING" => all.can_chunk = true,
                "STARTTLS" => all.has_starttls = true,
                "AUTH" => {
                    for name in words.map(str::to_owned) {
                        if !all.mechanisms.contains(&name) {
                            all.mechanisms.push(name);
                        }
                    }
                }
                _ => {}
            }
            let keyword = keyword.to_owned();
            if !all.keywords.contains(&keyword) {
                all.keywords.push(keyword);
            }
        }
        all
    }

    /// Whether a mechanism is offered.
    pub(super) fn offers(&self, mechanism: &str) -> bool {
        self.mechanisms.iter().any(|name| name == mechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Extensions {
        Extensions::read(&Reply {
            code: 250,
            enhanced: None,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    #[test]
    fn keywords_are_read_in_any_case_and_the_servers_name_is_none() {
        let all = read(&[
            "SIZE PIPELINING",
            "size 1000",
            "8BitMime",
            "SMTPUTF8",
            "DSN",
            "CHUNKING",
            "AUTH PLAIN LOGIN",
            "AUTH=LOGIN XOAUTH2",
            " ",
            "",
            "X-ODD 1 2",
        ]);
        assert_eq!(all.size_max, Some(1000));
        assert!(all.has_size && all.has_8bit_mime && all.has_smtp_utf8 && all.has_dsn);
        assert!(all.can_chunk && !all.can_pipeline && !all.has_starttls);
        assert_eq!(all.mechanisms, ["PLAIN", "LOGIN", "XOAUTH2"]);
        assert!(all.offers("XOAUTH2") && !all.offers("CRAM-MD5"));
        assert_eq!(all.keywords.last().map(String::as_str), Some("X-ODD"));
    }

    #[test]
    fn a_limit_that_is_none_is_no_limit() {
        for lines in [["h", "SIZE"], ["h", "SIZE 0"], ["h", "SIZE much"]] {
            let all = read(&lines);
            assert_eq!((all.has_size, all.size_max), (true, None));
        }
        assert_eq!(read(&["h", "SIZE 99999999999999999999"]).size_max, None);
        assert_eq!(read(&[]), Extensions::default());
    }
}
