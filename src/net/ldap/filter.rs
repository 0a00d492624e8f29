//! Search filters: from the text form (RFC 4515) to the wire (RFC 4511 section 4.5.1.7).
//!
//! Used by `mod`. What was typed must never be able to add a condition or an asterisk of its own:
//! it is escaped before it is put into the filter.

use super::ber::{OCTETS, element};

/// Deeper filters are refused.
const DEPTH_MAX: u32 = 16;

/// What was typed, as a value of a filter (RFC 4515 section 3).
pub(super) fn escaped(typed: &str) -> String {
    let mut out = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            '*' => out.push_str("\\2a"),
            '(' => out.push_str("\\28"),
            ')' => out.push_str("\\29"),
            '\\' => out.push_str("\\5c"),
            '\0' => out.push_str("\\00"),
            c => out.push(c),
        }
    }
    out
}

/// The filter with what was typed in place of each `%s`, as it goes over the wire; else what is wrong
/// with it, as the rest of a sentence.
pub fn filter(template: &str, typed: &str) -> Result<Vec<u8>, &'static str> {
    let text = template.replace("%s", &escaped(typed));
    let mut parser = Parser {
        rest: text.trim().as_bytes(),
    };
    let wire = parser.filter(0)?;
    if parser.rest.is_empty() {
        Ok(wire)
    } else {
        Err("has text behind its last bracket")
    }
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn filter(&mut self, depth: u32) -> Result<Vec<u8>, &'static str> {
        if depth > DEPTH_MAX {
            return Err("has too many brackets within brackets");
        }
        if !self.eat(b'(') {
            return Err("has no opening bracket where one belongs");
        }
        let wire = if self.eat(b'&') {
            self.list(0xa0, depth)?
        } else if self.eat(b'|') {
            self.list(0xa1, depth)?
        } else if self.eat(b'!') {
            element(0xa2, &self.filter(depth + 1)?)
        } else {
            self.item()?
        };
        if self.eat(b')') {
            Ok(wire)
        } else {
            Err("has a bracket that is not closed")
        }
    }

    fn list(&mut self, tag: u8, depth: u32) -> Result<Vec<u8>, &'static str> {
        let mut content = Vec::new();
        while self.rest.first() == Some(&b'(') {
            content.extend(self.filter(depth + 1)?);
        }
        Ok(element(tag, &content))
    }

    /// `mail=ann*` and the like.
    fn item(&mut self) -> Result<Vec<u8>, &'static str> {
        let end = memchr::memchr2(b'(', b')', self.rest).unwrap_or(self.rest.len());
        let (item, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        self.rest = rest;
        let equals = memchr::memchr(b'=', item).ok_or("has a condition without =")?;
        let (left, right) = item.split_at_checked(equals).unwrap_or_default();
        let value = right.get(1..).unwrap_or_default();
        let (tag, name) = match left.split_last() {
            Some((b'~', name)) => (0xa8, name),
            Some((b'>', name)) => (0xa5, name),
            Some((b'<', name)) => (0xa6, name),
            Some((b':', _)) => return Err("has a := condition, which is not known here"),
            _ => (0xa3, left),
        };
        let is_in = |b: &u8| b.is_ascii_alphanumeric() || b"-.;_".contains(b);
        if name.is_empty() || !name.iter().all(is_in) {
            return Err("has a condition without the name of an attribute");
        }
        let name = element(OCTETS, name);
        if tag == 0xa3 && value.contains(&b'*') {
            return Ok(match value {
                b"*" => element(0x87, left),
                _ => element(0xa4, &[name, substrings(value)?].concat()),
            });
        }
        Ok(element(
            tag,
            &[name, element(OCTETS, &plain(value)?)].concat(),
        ))
    }
}

/// What stands before, between and behind asterisks.
fn substrings(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let pieces: Vec<&[u8]> = value.split(|b| *b == b'*').collect();
    let last = pieces.len().saturating_sub(1);
    let mut content = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        let tag = match at {
            0 => 0x80,
            at if at == last => 0x82,
            _ => 0x81,
        };
        if !piece.is_empty() {
            content.extend(element(tag, &plain(piece)?));
        }
    }
    Ok(element(0x30, &content))
}

/// A value without its escapes.
fn plain(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let mut digit = || {
            let digit = char::from(*bytes.next()?).to_digit(16)?;
            u8::try_from(digit).ok()
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err("has a backslash without two hexadecimal digits");
        };
        out.push(high << 4 | low);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_written_as_the_standard_has_it() {
        // (&(mail=*)(|(cn=ann*)(sn=a*b*c)(!(uid>=7))))
        let wire = filter("(&(mail=*)(|(cn=%s*)(sn=a*b*c)(!(uid>=7))))", "ann").unwrap();
        let expected = element(
            0xa0,
            &[
                element(0x87, b"mail"),
                element(
                    0xa1,
                    &[
                        element(
                            0xa4,
                            &[element(4, b"cn"), element(0x30, &element(0x80, b"ann"))].concat(),
                        ),
                        element(
                            0xa4,
                            &[
                                element(4, b"sn"),
                                element(
                                    0x30,
                                    &[
                                        element(0x80, b"a"),
                                        element(0x81, b"b"),
                                        element(0x82, b"c"),
                                    ]
                                    .concat(),
                                ),
                            ]
                            .concat(),
                        ),
                        element(
                            0xa2,
                            &element(0xa5, &[element(4, b"uid"), element(4, b"7")].concat()),
                        ),
                    ]
                    .concat(),
                ),
            ]
            .concat(),
        );
        assert_eq!(wire, expected);
    }

    #[test]
    fn what_was_typed_stays_a_value() {
        for typed in [
            "*",
            "a)(uid=*",
            "a*)(|(uid=*))",
            "\\2a",
            "\0",
            "é",
            "(",
            "a\\",
        ] {
            let wire = filter("(cn=%s)", typed).unwrap();
            let expected = [element(4, b"cn"), element(4, typed.as_bytes())].concat();
            assert_eq!(wire, element(0xa3, &expected), "{typed:?}");
        }
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let deep = format!("{}(a=b){}", "(!".repeat(1000), ")".repeat(1000));
        for text in [
            "", "a=b", "(a=b", "(a)", "(=b)", "(a=b))", "((a=b))", "(a=\\zz)", "(a:=b)", "(a b=c)",
            &deep,
        ] {
            assert!(filter(text, "").is_err(), "{text}");
        }
    }
}
