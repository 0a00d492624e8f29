//! Address lists of RFC 5322 section 3.4, with groups, comments and the many ways they are broken.
//!
//! Called by `headers`. Syntax is found in the raw bytes, names are decoded after that: a decoded
//! name must never be read as syntax. Takes linear time and keeps [`ADDRESSES_MAX`] addresses.

use super::charset;
use super::words::{decode_words, unfold, word_end};
use crate::model::Address;

/// More addresses of one field are not kept.
pub(crate) const ADDRESSES_MAX: usize = 10_000;

/// Reads an address list. Groups are flattened; an empty group gives nothing.
#[must_use]
pub fn parse_addresses(raw: &[u8]) -> Vec<Address> {
    let raw = unfold(raw);
    let mut list = List::default();
    let mut at = 0;
    while let Some(b) = raw.get(at).copied() {
        if list.found.len() >= ADDRESSES_MAX {
            return list.found;
        }
        at = list.take(&raw, at, b);
    }
    list.flush();
    list.found
}

#[derive(Default)]
struct List {
    found: Vec<Address>,
    /// The words of the entry so far, quotes taken off: what the name is made of.
    name: Vec<u8>,
    /// The same as written: what an address without brackets is made of.
    written: Vec<u8>,
    comment: Vec<u8>,
    angle: Option<Vec<u8>>,
    /// Whether a quote, comment or bracket without an end was met: there is no end for any later one.
    has_open: [bool; 3],
}

impl List {
    /// Takes what begins with `b` at `at`; says where to go on.
    fn take(&mut self, raw: &[u8], at: usize, b: u8) -> usize {
        let rest = raw.get(at + 1..).unwrap_or_default();
        match b {
            b',' | b';' => self.flush(),
            b'"' => {
                if let Some(len) = self.quoted(rest) {
                    return at + 1 + len;
                }
            }
            b'(' => {
                if let Some(len) = self.commented(rest) {
                    return at + 1 + len;
                }
            }
            b'<' => {
                if let Some(len) = self.bracketed(rest) {
                    return at + 1 + len;
                }
            }
            b':' if self.angle.is_none() && !self.written.contains(&b'@') => {
                // The name of a group says nothing that a list of people needs.
                self.name.clear();
                self.written.clear();
                self.comment.clear();
            }
            b'=' => {
                // An encoded word is one piece, also where a careless writer left a comma in it.
                let end = word_end(raw, at).unwrap_or(at + 1);
                let word = raw.get(at..end).unwrap_or_default();
                self.name.extend_from_slice(word);
                self.written.extend_from_slice(word);
                return end;
            }
            b'>' => {}
            _ => {
                self.name.push(b);
                self.written.push(b);
            }
        }
        at + 1
    }

    /// A quoted string without its first quote; its length with the last one.
    fn quoted(&mut self, rest: &[u8]) -> Option<usize> {
        let mut text = Vec::new();
        let mut bytes = rest.iter();
        while let Some(b) = bytes.next().filter(|_| !self.has_open[0]) {
            match b {
                b'"' => {
                    let len = rest.len() - bytes.as_slice().len();
                    self.name.extend_from_slice(&text);
                    self.written.push(b'"');
                    self.written.extend(rest.iter().take(len));
                    return Some(len);
                }
                b'\\' => text.extend(bytes.next()),
                _ => text.push(*b),
            }
        }
        self.has_open[0] = true;
        None
    }

    fn commented(&mut self, rest: &[u8]) -> Option<usize> {
        let mut depth = 1usize;
        let mut text = Vec::new();
        let mut bytes = rest.iter();
        while let Some(b) = bytes.next().filter(|_| !self.has_open[1]) {
            match b {
                b'\\' => {
                    text.extend(bytes.next());
                    continue;
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.comment = text;
                return Some(rest.len() - bytes.as_slice().len());
            }
            text.push(*b);
        }
        self.has_open[1] = true;
        None
    }

    /// An address in brackets; where the last one is missing, it goes to the comma.
    fn bracketed(&mut self, rest: &[u8]) -> Option<usize> {
        if self.has_open[2] {
            return None;
        }
        let mut is_quoted = false;
        let mut end = None;
        for (at, b) in rest.iter().enumerate() {
            match b {
                b'"' => is_quoted = !is_quoted,
                b'>' if !is_quoted => {
                    end = Some(at);
                    break;
                }
                // The next one begins: this one was never closed.
                b'<' if !is_quoted => break,
                _ => {}
            }
        }
        // A quote that never ends must not hide the bracket.
        let end = end.or_else(|| {
            memchr::memchr2(b'>', b'<', rest).filter(|at| rest.get(*at) == Some(&b'>'))
        });
        let (len, passed) = match end {
            Some(end) => (end, 1),
            None => (memchr::memchr2(b',', b';', rest).unwrap_or(rest.len()), 0),
        };
        self.has_open[2] = end.is_none() && memchr::memchr(b'>', rest).is_none();
        let inner = rest.get(..len).unwrap_or_default().trim_ascii();
        // A route of RFC 822 says nothing today.
        let inner = match inner.first() {
            Some(b'@') => inner
                .iter()
                .position(|b| *b == b':')
                .and_then(|colon| inner.get(colon + 1..))
                .unwrap_or(inner),
            _ => inner,
        };
        if self.angle.is_none() {
            self.angle = Some(without_comments(inner));
        }
        Some(len + passed)
    }

    fn flush(&mut self) {
        let name = std::mem::take(&mut self.name);
        let written = std::mem::take(&mut self.written);
        let comment = std::mem::take(&mut self.comment);
        match self.angle.take() {
            Some(angle) => self.found.push(Address {
                name: clean(&name),
                address: spaceless(&angle),
            }),
            None if written.contains(&b'@') => self.found.extend(split_bare(&written)),
            // A name without any address: words, or a local user of an old system.
            None if is_words(&written) => self.found.push(Address {
                name: clean(&name),
                address: String::new(),
            }),
            None if written.trim_ascii().is_empty() => return,
            None => self.found.push(Address {
                name: String::new(),
                address: spaceless(&written),
            }),
        }
        if let Some(last) = self.found.last_mut()
            && last.name.is_empty()
        {
            last.name = clean(&comment);
        }
        self.found
            .pop_if(|last| last.name.is_empty() && last.address.is_empty());
    }
}

fn without_comments(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    let mut is_quoted = false;
    let mut has_open = false;
    while let Some((b, after)) = rest.split_first() {
        rest = after;
        if *b == b'(' && !is_quoted && !has_open {
            if let Some(end) = memchr::memchr(b')', after) {
                rest = after.get(end + 1..).unwrap_or_default();
                continue;
            }
            has_open = true;
        }
        is_quoted ^= *b == b'"';
        out.push(*b);
    }
    out
}

/// `Ann Example ann@example.org`: the word with the `@` is the address, the others are the name.
/// Several such words and nothing else are several addresses.
fn split_bare(written: &[u8]) -> Vec<Address> {
    let bare = |address: &[u8]| Address {
        name: String::new(),
        address: spaceless(address),
    };
    if written.contains(&b'"') {
        return vec![bare(written)];
    }
    let tight = tighten(written);
    let (with_at, others): (Vec<&[u8]>, Vec<&[u8]>) = tight
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .partition(|word| word.contains(&b'@'));
    match with_at.as_slice() {
        [one] => vec![Address {
            name: clean(&others.join(&b' ')),
            ..bare(one)
        }],
        all if others.is_empty() => all.iter().map(|one| bare(one)).collect(),
        _ => vec![bare(written)],
    }
}

/// Blanks around the `@` and the dots are the old syntax.
fn tighten(written: &[u8]) -> Vec<u8> {
    let is_joint = |b: &u8| matches!(b, b'@' | b'.');
    let mut out: Vec<u8> = Vec::with_capacity(written.len());
    let mut gap = false;
    for b in written.trim_ascii() {
        if b.is_ascii_whitespace() {
            gap = true;
            continue;
        }
        if gap && !is_joint(b) && !out.last().is_some_and(is_joint) {
            out.push(b' ');
        }
        gap = false;
        out.push(*b);
    }
    out
}

fn is_words(written: &[u8]) -> bool {
    let text = written.trim_ascii();
    text.iter().any(|b| matches!(b, b' ' | b'\t' | b'"')) || text.starts_with(b"=?")
}

/// A name: decoded, without the blanks around it.
fn clean(name: &[u8]) -> String {
    decode_words(name.trim_ascii()).trim().to_owned()
}

/// An address is never decoded, only its bytes are read; blanks outside quotes are none of it.
fn spaceless(address: &[u8]) -> String {
    let mut is_quoted = false;
    let kept: Vec<u8> = address
        .iter()
        .copied()
        .filter(|b| {
            if *b == b'"' {
                is_quoted = !is_quoted;
            }
            is_quoted || !b.is_ascii_whitespace()
        })
        .collect();
    charset::guess(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Vec<(String, String)> {
        parse_addresses(raw.as_bytes())
            .into_iter()
            .map(|a| (a.name, a.address))
            .collect()
    }

    fn one(raw: &str) -> (String, String) {
        let all = read(raw);
        assert_eq!(all.len(), 1, "{raw}: {all:?}");
        all.into_iter().next().unwrap()
    }

    #[test]
    fn the_forms_of_rfc_5322_are_read() {
        for (raw, name, address) in [
            ("john@x.org", "", "john@x.org"),
            ("<john@x.org>", "", "john@x.org"),
            ("John Doe <john@x.org>", "John Doe", "john@x.org"),
            ("\"Doe, John\" <john@x.org>", "Doe, John", "john@x.org"),
            ("\"Joe \\\"Q\\\" Public\" <j@x>", "Joe \"Q\" Public", "j@x"),
            ("john@x.org (John (J.) Doe)", "John (J.) Doe", "john@x.org"),
            (
                "Pete(A nice \\) chap) <pete(his account)@silly.test>",
                "Pete",
                "pete@silly.test",
            ),
            ("<@a.org,@b.org:john@x.org>", "", "john@x.org"),
            ("\"john doe\"@x.org", "", "\"john doe\"@x.org"),
            ("john . doe @ x.org", "", "john.doe@x.org"),
            ("jdoe@test   . example", "", "jdoe@test.example"),
            ("John Q. Doe\r\n <john@x.org>", "John Q. Doe", "john@x.org"),
            ("=?utf-8?Q?J=C3=B6rg?= <j@x>", "Jörg", "j@x"),
            ("\"=?utf-8?Q?J=C3=B6rg?=\" <j@x>", "Jörg", "j@x"),
            ("jörg@exämple.de", "", "jörg@exämple.de"),
        ] {
            let (n, a) = one(raw);
            assert_eq!((n.as_str(), a.as_str()), (name, address), "{raw}");
        }
    }

    #[test]
    fn groups_are_flattened_and_empty_ones_give_nothing() {
        assert_eq!(read("A Group:Ed <ed@x>, joe@y;, solo@z").len(), 3);
        assert_eq!(read("undisclosed-recipients:;"), []);
        assert_eq!(read("unlisted-recipients:; (no To-header on input)"), []);
        assert_eq!(read("a: b@c"), [(String::new(), "b@c".to_owned())]);
    }

    #[test]
    fn broken_lists_give_what_can_be_read() {
        let two = |raw: &str| read(raw).into_iter().map(|a| a.1).collect::<Vec<_>>();
        assert_eq!(two("a@b,, ,c@d,"), ["a@b", "c@d"]);
        assert_eq!(two("a@b; c@d"), ["a@b", "c@d"]);
        assert_eq!(two("A <a@b, C <c@d>"), ["a@b", "c@d"]);
        assert_eq!(two("A <a@b"), ["a@b"]);
        assert_eq!(two("\"open <a@b>, c@d"), ["a@b", "c@d"]);
        assert_eq!(two("(open a@b"), ["a@b"]);
        assert_eq!(
            one("Ann Example ann@x"),
            ("Ann Example".to_owned(), "ann@x".to_owned())
        );
        assert_eq!(two("a@b c@d"), ["a@b", "c@d"]);
        assert_eq!(read("(nobody I know)"), []);
        assert_eq!(one("root"), (String::new(), "root".to_owned()));
        assert_eq!(one("Some Name"), ("Some Name".to_owned(), String::new()));
        assert_eq!(one("A <a@b> <c@d>").1, "a@b");
        assert_eq!(one("'Ann' <a@b>").0, "'Ann'");
        assert_eq!(read(""), []);
        assert_eq!(read(" , ;"), []);
    }

    #[test]
    fn a_decoded_name_is_never_syntax() {
        let (name, address) = one("=?utf-8?Q?boss=40bank.com=3E=2C_x=40y?= <evil@x>");
        assert_eq!(name, "boss@bank.com>, x@y");
        assert_eq!(address, "evil@x");
        let (name, address) = one("=?utf-8?Q?boss@bank.com?=");
        assert_eq!(
            (name.as_str(), address.as_str()),
            ("", "=?utf-8?Q?boss@bank.com?=")
        );
        assert_eq!(one("=?utf-8?Q?Doe,_John?= <j@x>").0, "Doe, John");
    }

    #[test]
    fn a_flood_of_addresses_is_cut_and_open_brackets_are_looked_for_once() {
        assert_eq!(read(&"a@b, ".repeat(100_000)).len(), ADDRESSES_MAX);
        for flood in ["\"", "(", "<", "\"<(", "=?", "<\"", "((("] {
            let raw = flood.repeat(50_000);
            assert!(read(&raw).len() <= ADDRESSES_MAX);
        }
    }
}
