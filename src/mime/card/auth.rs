//! What one's own server found out about the sender: Authentication-Results (RFC 8601).
//!
//! Called by `sender` and `list`. Anybody can write such a field: only those of the configured server
//! count, only the topmost ones, and without a configured server none.

use super::super::headers::{Headers, skip_comment};
use super::super::words::unfold;

/// More results are not read.
const RESULTS_MAX: usize = 64;
/// More of a field is not read.
const FIELD_MAX: usize = 64 * 1024;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Checked {
    /// `spf`, `dkim`, `dmarc`, in lower case.
    pub(super) method: String,
    /// `pass`, `fail`, in lower case.
    pub(super) result: String,
    /// Properties such as `header.d`, names in lower case.
    properties: Vec<(String, String)>,
}

impl Checked {
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let found = self.properties.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The domain that the result is about.
    pub(super) fn domain(&self) -> Option<&str> {
        let value = match self.method.as_str() {
            "dkim" => self
                .property("header.d")
                .or_else(|| self.property("header.i"))?,
            "spf" => self
                .property("smtp.mailfrom")
                .or_else(|| self.property("smtp.helo"))?,
            _ => self.property("header.from")?,
        };
        Some(value.rsplit_once('@').map_or(value, |(_, domain)| domain))
    }
}

/// What the server of that name found, if it wrote down anything. The fields must stand together:
/// what came with the message stands below them.
pub(super) fn checked(headers: &Headers<'_>, trusted: &str) -> Option<Vec<Checked>> {
    if trusted.is_empty() {
        return None;
    }
    let mut found: Option<Vec<Checked>> = None;
    for field in &headers.fields {
        let results = field
            .name
            .eq_ignore_ascii_case(b"Authentication-Results")
            .then(|| read(field.value, trusted))
            .flatten();
        match (results, &mut found) {
            (Some(results), Some(all)) => all.extend(results),
            (Some(results), None) => found = Some(results),
            (None, Some(_)) => break,
            (None, None) => {}
        }
    }
    found
}

/// The results of one field; `None` where another server wrote it.
fn read(value: &[u8], trusted: &str) -> Option<Vec<Checked>> {
    let value = unfold(value.get(..FIELD_MAX).unwrap_or(value));
    let text = without_comments(&value);
    let mut pieces = text.split(|piece: &Piece| matches!(piece, Piece::End));
    let server = pieces.next()?;
    let Some(Piece::Word(id)) = server.first() else {
        return None;
    };
    // A version may follow the name.
    let is_it = id
        .trim_end_matches('.')
        .eq_ignore_ascii_case(trusted.trim_end_matches('.'));
    is_it.then(|| pieces.filter_map(result).take(RESULTS_MAX).collect())
}

fn result(pieces: &[Piece]) -> Option<Checked> {
    let mut words = pieces.iter().filter_map(|piece| match piece {
        Piece::Word(word) => Some(word.as_str()),
        Piece::End => None,
    });
    let (method, result) = words.next()?.split_once('=')?;
    let method = method.split('/').next().unwrap_or_default();
    let properties = words.filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_ascii_lowercase(), value.to_owned()))
    });
    Some(Checked {
        method: method.to_ascii_lowercase(),
        result: result.to_ascii_lowercase(),
        properties: properties.take(RESULTS_MAX).collect(),
    })
}

/// A word with its quotes taken off, or the end of a result.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Word(String),
    End,
}

fn without_comments(value: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut word: Vec<u8> = Vec::new();
    let mut rest = value;
    let mut is_quoted = false;
    let close = |word: &mut Vec<u8>, pieces: &mut Vec<Piece>| {
        // Blanks around `=` are allowed, and rare.
        let text = String::from_utf8_lossy(word).into_owned();
        word.clear();
        match pieces.last_mut() {
            Some(Piece::Word(last)) if text.starts_with('=') || last.ends_with('=') => {
                last.push_str(&text);
            }
            _ if text.is_empty() => {}
            _ => pieces.push(Piece::Word(text)),
        }
    };
    while let Some((first, after)) = rest.split_first() {
        let from = rest;
        rest = after;
        match first {
            b'\\' if is_quoted => {
                if let Some((next, after)) = rest.split_first() {
                    word.push(*next);
                    rest = after;
                }
            }
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => word.push(*first),
            b'(' => {
                close(&mut word, &mut pieces);
                rest = skip_comment(from);
            }
            b';' => {
                close(&mut word, &mut pieces);
                pieces.push(Piece::End);
            }
            b if b.is_ascii_whitespace() => close(&mut word, &mut pieces),
            _ => word.push(*first),
        }
    }
    close(&mut word, &mut pieces);
    pieces
}

/// Whether one domain is the other or lies below it, in either direction (RFC 7489 section 3.1).
pub(super) fn is_aligned(one: &str, other: &str) -> bool {
    let clean = |d: &str| d.trim_matches('.').to_ascii_lowercase();
    let (one, other) = (clean(one), clean(other));
    let is_below = |low: &str, high: &str| {
        high.contains('.')
            && low
                .strip_suffix(high)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    !one.is_empty() && (one == other || is_below(&one, &other) || is_below(&other, &one))
}

#[cfg(test)]
mod tests {
    use super::super::super::parse_headers;
    use super::*;

    fn found(raw: &str, trusted: &str) -> Option<Vec<String>> {
        let headers = parse_headers(raw.as_bytes());
        let all = checked(&headers, trusted)?;
        let show = |c: &Checked| format!("{}={} {}", c.method, c.result, c.domain().unwrap_or("-"));
        Some(all.iter().map(show).collect())
    }

    const GOOGLE: &str = "Received: by mx.example\r\nAuthentication-Results: mx.example.org;\r\n       \
        dkim=pass header.i=@news.example header.s=s1 header.b=\"ab;c\";\r\n       \
        spf=pass (mx.example.org: domain of b@news.example designates 1.2.3.4 (a) as permitted) smtp.mailfrom=b@news.example;\r\n       \
        dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=news.example\r\nFrom: a@news.example\r\n\r\n";

    #[test]
    fn results_are_read_through_comments_quotes_and_folds() {
        assert_eq!(
            found(GOOGLE, "MX.example.org").unwrap(),
            [
                "dkim=pass news.example",
                "spf=pass news.example",
                "dmarc=pass news.example"
            ]
        );
        let odd = "Authentication-Results: mx 1 ; dkim/1 = fail reason=\"x; y\" header.d = a.example;none\r\n\r\n";
        assert_eq!(found(odd, "mx").unwrap(), ["dkim=fail a.example"]);
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(found(GOOGLE, ""), None);
        assert_eq!(found(GOOGLE, "other.example.org"), None);
        assert_eq!(found(GOOGLE, "example.org"), None);
        let forged = "Authentication-Results: mx; dkim=fail header.d=a.example\r\nReceived: by mx\r\n\
            Authentication-Results: mx; dkim=pass header.d=bank.example\r\n\r\n";
        assert_eq!(found(forged, "mx").unwrap(), ["dkim=fail a.example"]);
        let in_comment =
            "Authentication-Results: (mx;) evil.example (mx); dkim=pass header.d=b.example\r\n\r\n";
        assert_eq!(found(in_comment, "mx"), None);
    }

    #[test]
    fn several_fields_of_one_server_count_together() {
        let two = "Authentication-Results: mx; spf=pass smtp.mailfrom=a.example\r\n\
            Authentication-Results: mx; dkim=pass header.d=a.example\r\nReceived: x\r\n\r\n";
        assert_eq!(
            found(two, "mx").unwrap(),
            ["spf=pass a.example", "dkim=pass a.example"]
        );
    }

    #[test]
    fn domains_are_aligned_only_along_their_labels() {
        for (one, other, is_same) in [
            ("example.org", "EXAMPLE.org.", true),
            ("mail.example.org", "example.org", true),
            ("notexample.org", "example.org", false),
            ("example.org", "org", false),
            ("", "", false),
        ] {
            assert_eq!(is_aligned(one, other), is_same, "{one} {other}");
        }
    }
}
