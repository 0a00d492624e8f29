//! Structured header fields: `Content-Type: text/plain; charset=utf-8` (RFC 2045 section 5.1) and
//! the parameters of RFC 2231, split over fields or not.
//!
//! Called by `tree`. Must never let a decoded value be read as syntax again, and takes linear time.

use super::charset;
use super::headers::skip_comment;
use super::transfer::hex;
use super::words::{decode_words, unfold};

/// More of a field is not looked at, nor more parameters.
const FIELD_MAX: usize = 64 * 1024;
const PARAMS_MAX: usize = 256;

/// The value of a field and its parameters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// What stands before the first semicolon, in lower case, without blanks and comments.
    pub(crate) value: String,
    params: Vec<Param>,
}

/// One parameter as written: `name*2*` is `("name", 2, true)`.
#[derive(Debug, PartialEq, Eq)]
struct Param {
    name: String,
    section: u16,
    is_encoded: bool,
    value: Vec<u8>,
}

impl Field {
    /// Reads a field's raw value.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let raw = unfold(raw.get(..FIELD_MAX).unwrap_or(raw));
        let mut scan = Scan { rest: &raw };
        let value = scan.token_until(b";");
        let first = value.split(u8::is_ascii_whitespace).next();
        let mut field = Self {
            value: lower(first.unwrap_or_default()),
            params: Vec::new(),
        };
        // The first semicolon is forgotten now and then.
        let glued = value
            .get(first.map_or(0, <[u8]>::len)..)
            .unwrap_or_default();
        if memchr::memchr(b'=', glued).is_some() {
            let param = Scan { rest: glued }.param();
            field.params.extend(param);
        }
        while !scan.rest.is_empty() && field.params.len() < PARAMS_MAX {
            if let Some(param) = scan.param() {
                field.params.push(param);
            }
        }
        field
    }

    /// The parameter of that name as bytes, where no charset is expected: a boundary, a charset.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let first = self.params.iter().find(|p| p.name == name)?;
        if first.section == 0 && !first.is_encoded && !self.is_continued(name) {
            return Some(first.value.clone());
        }
        self.text(name).map(String::into_bytes)
    }

    /// The parameter of that name, decoded: RFC 2231 as it should be, RFC 2047 as it is done.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let mut sections: Vec<&Param> = self.params.iter().filter(|p| p.name == name).collect();
        // An encoded form is there for those who can read it; the plain one beside it is for others.
        if !self.is_continued(name) {
            let best = sections
                .iter()
                .find(|p| p.is_encoded)
                .or(sections.first())?;
            sections = vec![best];
        }
        sections.sort_by_key(|p| p.section);
        sections.dedup_by_key(|p| p.section);
        if !sections.first()?.is_encoded && sections.iter().all(|p| !p.is_encoded) {
            let joined: Vec<u8> = sections.iter().flat_map(|p| p.value.clone()).collect();
            return Some(decode_words(&joined));
        }
        // Joined as bytes before decoding, since a character may be split between two sections.
        let mut label: &[u8] = b"";
        let mut bytes = Vec::new();
        for (i, param) in sections.iter().enumerate() {
            let mut value = param.value.as_slice();
            if i == 0
                && param.is_encoded
                && let Some((charset, rest)) = split_charset(value)
            {
                (label, value) = (charset, rest);
            }
            if param.is_encoded {
                percent(value, &mut bytes);
            } else {
                bytes.extend_from_slice(value);
            }
        }
        Some(charset::decode(label, &bytes))
    }

    fn is_continued(&self, name: &str) -> bool {
        self.params.iter().any(|p| p.name == name && p.section > 0)
    }
}

/// `utf-8'de'rest` (RFC 2231 section 4): the charset and the rest.
fn split_charset(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = memchr::memchr(b'\'', value)?;
    let (charset, rest) = value.split_at_checked(first)?;
    let rest = rest.get(1..)?;
    let second = memchr::memchr(b'\'', rest)?;
    Some((charset, rest.get(second + 1..)?))
}

pub(super) fn percent(value: &[u8], out: &mut Vec<u8>) {
    let mut bytes = value.iter();
    while let Some(b) = bytes.next() {
        match (b, bytes.as_slice()) {
            (b'%', [high, low, ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    bytes.nth(1);
                }
                _ => out.push(b'%'),
            },
            _ => out.push(*b),
        }
    }
}

fn lower(bytes: &[u8]) -> String {
    bytes
        .iter()
        .filter(|b| b.is_ascii_graphic())
        .map(|b| char::from(b.to_ascii_lowercase()))
        .collect()
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// Bytes up to one of `ends`, which is passed, without comments and blanks around.
    fn token_until(&mut self, ends: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(b) = self.rest.first().copied() {
            if b == b'(' {
                self.rest = skip_comment(self.rest);
                continue;
            }
            self.next();
            if ends.contains(&b) {
                break;
            }
            out.push(b);
        }
        out.trim_ascii().to_vec()
    }

    fn param(&mut self) -> Option<Param> {
        let name = self.name()?;
        self.rest = self.rest.trim_ascii_start();
        let value = match self.rest.first() {
            Some(b'"') => self.quoted(),
            _ => self.bare(),
        };
        let name = lower(&name);
        let (name, is_encoded) = match name.strip_suffix('*') {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        let (name, section) = match name.split_once('*') {
            Some((name, section)) => (name, section.parse().ok()?),
            None => (name, 0),
        };
        Some(Param {
            name: name.to_owned(),
            section,
            is_encoded,
            value,
        })
    }

    /// Bytes up to the `=`; `None` where a semicolon comes first.
    fn name(&mut self) -> Option<Vec<u8>> {
        let end = self.rest.iter().position(|b| matches!(b, b'=' | b';'));
        let (name, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        let is_param = rest.first() == Some(&b'=');
        self.rest = rest.get(1..).unwrap_or_default();
        is_param.then(|| name.trim_ascii().to_vec())
    }

    /// A quoted string; without an end it goes to the next semicolon.
    fn quoted(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = self.rest.get(1..).unwrap_or_default().iter();
        while let Some(b) = bytes.next() {
            match b {
                b'"' => {
                    self.rest = bytes.as_slice();
                    // What stands between the quote and the semicolon is nobody's.
                    let end = memchr::memchr(b';', self.rest).map_or(self.rest.len(), |at| at + 1);
                    self.rest = self.rest.get(end..).unwrap_or_default();
                    return out;
                }
                // A path of Windows is written as it is more often than escaped.
                b'\\' if matches!(bytes.as_slice().first(), Some(b'"' | b'\\')) => {
                    out.extend(bytes.next());
                }
                _ => out.push(*b),
            }
        }
        self.next();
        self.bare()
    }

    /// Bytes up to the semicolon: blanks inside are kept, as in `name=annual report.pdf`.
    fn bare(&mut self) -> Vec<u8> {
        let end = memchr::memchr(b';', self.rest).unwrap_or(self.rest.len());
        let value = self.rest.get(..end).unwrap_or_default();
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        // A comment can only follow the value; a bracket in a file name is more common.
        let value = match memchr::memmem::find(value, b" (") {
            Some(at) if value.trim_ascii_end().ends_with(b")") && !value.contains(&b'.') => {
                value.get(..at).unwrap_or(value)
            }
            _ => value,
        };
        value.trim_ascii().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &str, name: &str) -> Option<String> {
        Field::parse(raw.as_bytes()).text(name)
    }

    #[test]
    fn the_examples_of_rfc_2231_are_read() {
        assert_eq!(
            text(
                "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
                "url"
            )
            .as_deref(),
            Some("ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar")
        );
        assert_eq!(
            text(
                "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
                "title"
            )
            .as_deref(),
            Some("This is ***fun***")
        );
        assert_eq!(
            text(
                "application/x-stuff\r\n ;title*1*=us-ascii'en'This%20is%20even%20more%20\r\n ;title*2*=%2A%2A%2Afun%2A%2A%2A%20\r\n ;title*3=\"isn't it!\"",
                "title"
            )
            .as_deref(),
            Some("This is even more ***fun*** isn't it!")
        );
    }

    #[test]
    fn names_as_mail_writes_them_are_read() {
        for (raw, name) in [
            ("a; name=report.pdf", "report.pdf"),
            ("a; name=annual report.pdf; x=1", "annual report.pdf"),
            ("a; name=\"semi;colon (1).pdf\"", "semi;colon (1).pdf"),
            ("a; name=copy (1).pdf", "copy (1).pdf"),
            ("a; name=\"a\\\"b.pdf\"", "a\"b.pdf"),
            ("a; name=\"C:\\new\\x.pdf\"", "C:\\new\\x.pdf"),
            ("a; name=\"=?utf-8?Q?=C3?= =?utf-8?Q?=A4.pdf?=\"", "ä.pdf"),
            ("a; name==?utf-8?B?w6QucGRm?=", "ä.pdf"),
            ("a; name*=utf-8''%C3%A4.pdf; name=old.pdf", "ä.pdf"),
            ("a; name*0*=utf-8''%C3; name*1*=%A4.pdf", "ä.pdf"),
            ("a; name*1=b; name*0=a", "ab"),
            ("a; name=\"open.pdf; x=1", "open.pdf"),
            ("a;;; name = \"x\" junk ; y", "x"),
            ("a; NAME=\"folded\r\n name.pdf\"", "folded name.pdf"),
        ] {
            assert_eq!(text(raw, "name").as_deref(), Some(name), "{raw}");
        }
        let raw = b"a; name=gr\xfc\xdfe.pdf";
        assert_eq!(Field::parse(raw).text("name").as_deref(), Some("grüße.pdf"));
    }

    #[test]
    fn the_value_is_clean_and_comments_are_passed_over() {
        for raw in [
            "Text/HTML; charset=\"utf-8\"",
            " text/html(a comment; with) ; charset=utf-8 (another)",
            "text/html ;\r\n\tCHARSET = utf-8",
            "text/html charset=\"utf-8\"",
        ] {
            let field = Field::parse(raw.as_bytes());
            assert_eq!(field.value, "text/html", "{raw}");
            assert_eq!(
                field.bytes("charset").as_deref(),
                Some(&b"utf-8"[..]),
                "{raw}"
            );
        }
        assert_eq!(Field::parse(b""), Field::default());
        assert_eq!(Field::parse(b"base64 (as agreed)").value, "base64");
    }

    #[test]
    fn a_flood_of_parameters_is_cut() {
        let raw = format!("a{}", "; name*9=x".repeat(100_000));
        assert!(Field::parse(raw.as_bytes()).params.len() <= PARAMS_MAX);
    }
}
