//! The tokens of a response (RFC 9051 §9): atoms, quoted strings, literals and parentheses.
//!
//! Called by the response parsers. Never recurses, never looks at a byte twice, and never takes more
//! memory than the bytes it was given.

use bytes::Bytes;
use std::borrow::Cow;

/// A response that does not follow the grammar where it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Parsed, or not to be understood.
pub(super) type Parsed<T> = Result<T, Malformed>;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// Anything unquoted.
    Atom(&'a [u8]),
    /// Between quotes, with the backslashes still in it.
    Quoted(&'a [u8]),
    /// The bytes of a literal.
    Literal(&'a [u8]),
    /// The end of the response.
    End,
}

/// Reads a response from left to right. Copying it is how one looks ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    frame: &'a Bytes,
    at: usize,
}

impl<'a> Tokens<'a> {
    /// Begins at the start.
    pub(super) const fn new(frame: &'a Bytes) -> Self {
        Self { frame, at: 0 }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    fn peek_byte(&self) -> Option<u8> {
        self.frame.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek_byte() == Some(b' ') {
            self.at += 1;
        }
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Parsed<Token<'a>> {
        self.skip_spaces();
        let Some(first) = self.peek_byte() else {
            return Ok(Token::End);
        };
        match first {
            b'\r' | b'\n' => Ok(Token::End),
            b'(' => {
                self.at += 1;
                Ok(Token::Open)
            }
            b')' => {
                self.at += 1;
                Ok(Token::Close)
            }
            b'"' => self.quoted(),
            b'{' | b'~' => match self.literal()? {
                Some(bytes) => Ok(Token::Literal(bytes)),
                None => Ok(Token::Atom(self.atom())),
            },
            _ => Ok(Token::Atom(self.atom())),
        }
    }

    fn quoted(&mut self) -> Parsed<Token<'a>> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            let tail = self.frame.get(end..).ok_or(Malformed)?;
            end += memchr::memchr2(b'"', b'\\', tail).ok_or(Malformed)?;
            if self.frame.get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        self.frame
            .get(start..end)
            .map(Token::Quoted)
            .ok_or(Malformed)
    }

    /// The literal that begins here; `None` when it only looks like one.
    fn literal(&mut self) -> Parsed<Option<&'a [u8]>> {
        let tail = self.rest();
        let text = tail.strip_prefix(b"~").unwrap_or(tail);
        let Some(text) = text.strip_prefix(b"{") else {
            return Ok(None);
        };
        let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
        let Some((digits, text)) = text.split_at_checked(digits) else {
            return Ok(None);
        };
        let text = text.strip_prefix(b"+").unwrap_or(text);
        let Some(text) = text.strip_prefix(b"}") else {
            return Ok(None);
        };
        let text = text.strip_prefix(b"\r").unwrap_or(text);
        let (Some(text), Some(size)) = (text.strip_prefix(b"\n"), to_number(digits)) else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(|_| Malformed)?;
        let bytes = text.get(..size).ok_or(Malformed)?;
        self.at = self.frame.len() - text.len() + size;
        Ok(Some(bytes))
    }

    fn atom(&mut self) -> &'a [u8] {
        let tail = self.rest();
        let is_end = |b: &u8| matches!(b, b' ' | b'(' | b')' | b'"' | b'\r' | b'\n');
        // A stray tilde or brace is an atom by itself, so that something is always taken.
        let count = tail.iter().position(is_end).unwrap_or(tail.len());
        self.at += count;
        tail.get(..count).unwrap_or_default()
    }

    /// The name of a FETCH item with its section and origin: `BODY[HEADER.FIELDS (TO)]<0>`.
    pub(super) fn item_name(&mut self) -> Parsed<&'a [u8]> {
        self.skip_spaces();
        let start = self.at;
        let mut is_inside = false;
        let mut is_quoted = false;
        while let Some(byte) = self.peek_byte() {
            match byte {
                b'\r' | b'\n' => break,
                b'"' => is_quoted = is_inside && !is_quoted,
                _ if is_quoted => {}
                b'[' => is_inside = true,
                b']' => is_inside = false,
                b' ' | b'(' | b')' if !is_inside => break,
                _ => {}
            }
            self.at += 1;
        }
        let name = self.frame.get(start..self.at).unwrap_or_default();
        if name.is_empty() || is_inside {
            Err(Malformed)
        } else {
            Ok(name)
        }
    }

    /// The next token without taking it.
    pub(super) fn peek(&self) -> Parsed<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Takes an opening parenthesis.
    pub(super) fn open(&mut self) -> Parsed<()> {
        match self.next()? {
            Token::Open => Ok(()),
            _ => Err(Malformed),
        }
    }

    /// Whether a closing parenthesis or the end is next; takes the parenthesis.
    pub(super) fn closes(&mut self) -> Parsed<bool> {
        match self.peek()? {
            Token::Close => {
                self.next()?;
                Ok(true)
            }
            Token::End => Err(Malformed),
            _ => Ok(false),
        }
    }

    /// A string or NIL. Atoms are taken for strings: some servers forget the quotes.
    pub(super) fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        match self.next()? {
            Token::Atom(word) if word.eq_ignore_ascii_case(b"NIL") => Ok(None),
            Token::Atom(text) | Token::Literal(text) => Ok(Some(Cow::Borrowed(text))),
            Token::Quoted(text) => Ok(Some(unescape(text))),
            Token::Open | Token::Close | Token::End => Err(Malformed),
        }
    }

    /// A string; NIL is an empty one.
    pub(super) fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        Ok(self.nstring()?.unwrap_or_default())
    }

    /// A string as owned bytes that share the frame where they can.
    pub(super) fn nbytes(&mut self) -> Parsed<Option<Bytes>> {
        match self.next()? {
            Token::Literal(text) => Ok(Some(self.frame.slice_ref(text))),
            Token::Quoted(text) => Ok(Some(match unescape(text) {
                Cow::Borrowed(text) => self.frame.slice_ref(text),
                Cow::Owned(text) => text.into(),
            })),
            Token::Atom(word) if word.eq_ignore_ascii_case(b"NIL") => Ok(None),
            Token::Atom(text) => Ok(Some(self.frame.slice_ref(text))),
            Token::Open | Token::Close | Token::End => Err(Malformed),
        }
    }

    /// A number of up to 64 bits, quoted or not.
    pub(super) fn number(&mut self) -> Parsed<u64> {
        match self.next()? {
            Token::Atom(digits) | Token::Quoted(digits) => to_number(digits).ok_or(Malformed),
            _ => Err(Malformed),
        }
    }

    /// Words in parentheses.
    pub(super) fn words(&mut self) -> Parsed<Vec<&'a [u8]>> {
        self.open()?;
        let mut words = Vec::new();
        while !self.closes()? {
            match self.next()? {
                Token::Atom(word) | Token::Quoted(word) | Token::Literal(word) => words.push(word),
                _ => return Err(Malformed),
            }
        }
        Ok(words)
    }

    /// Passes over one value, however deep it is nested.
    pub(super) fn skip_value(&mut self) -> Parsed<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Token::Open => depth += 1,
                Token::Close => depth = depth.checked_sub(1).ok_or(Malformed)?,
                Token::End => return Err(Malformed),
                Token::Atom(_) | Token::Quoted(_) | Token::Literal(_) => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes over everything up to the parenthesis that closes the list one is in.
    pub(super) fn skip_to_close(&mut self) -> Parsed<()> {
        while !self.closes()? {
            self.skip_value()?;
        }
        Ok(())
    }
}

/// Digits as a number; `None` for anything else or more than fits.
pub(super) fn to_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |n, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_add(digit)
    })
}

/// Takes the backslashes out of a quoted string.
fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' {
            *bytes.next().unwrap_or(byte)
        } else {
            *byte
        });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> Vec<String> {
        let frame = Bytes::copy_from_slice(text);
        let mut tokens = Tokens::new(&frame);
        let mut found = Vec::new();
        loop {
            match tokens.next() {
                Ok(Token::End) => return found,
                Ok(token) => found.push(match token {
                    Token::Atom(t) => format!("a:{}", String::from_utf8_lossy(t)),
                    Token::Quoted(t) => format!("q:{}", String::from_utf8_lossy(&unescape(t))),
                    Token::Literal(t) => format!("l:{}", String::from_utf8_lossy(t)),
                    other => format!("{other:?}"),
                }),
                Err(Malformed) => {
                    found.push("bad".into());
                    return found;
                }
            }
        }
    }

    #[test]
    fn tokens_come_as_the_grammar_has_them() {
        assert_eq!(
            all(b"* 1 (NIL \"a \\\"b\\\\\" {3}\r\nx\r\n ~{2+}\r\nyz \\Seen)\r\n"),
            [
                "a:*",
                "a:1",
                "Open",
                "a:NIL",
                "q:a \"b\\",
                "l:x\r\n",
                "l:yz",
                "a:\\Seen",
                "Close"
            ]
        );
        assert_eq!(all(b"{5}\r\nab"), ["bad"], "cut literal");
        assert_eq!(all(b"\"ab\\"), ["bad"], "cut string");
        assert_eq!(
            all(b"{x} ~ {99999999999999999999}\r\n"),
            ["a:{x}", "a:~", "a:{99999999999999999999}"]
        );
    }

    #[test]
    fn an_item_name_holds_its_section() {
        let frame = Bytes::from_static(b"BODY[HEADER.FIELDS (\"X-]\" TO)]<12> {2}\r\nok");
        let mut tokens = Tokens::new(&frame);
        assert_eq!(
            tokens.item_name(),
            Ok(&b"BODY[HEADER.FIELDS (\"X-]\" TO)]<12>"[..])
        );
        assert_eq!(tokens.nbytes(), Ok(Some(Bytes::from_static(b"ok"))));
    }

    #[test]
    fn nesting_of_any_depth_is_passed_over() {
        let text = [vec![b'('; 100_000], vec![b')'; 100_000], b" 7".to_vec()].concat();
        let frame = Bytes::from(text);
        let mut tokens = Tokens::new(&frame);
        assert_eq!(tokens.skip_value(), Ok(()));
        assert_eq!(tokens.number(), Ok(7));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_at_most_as_many_tokens(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(all(&text).len() <= text.len() + 1);
        }

        #[test]
        fn grammar_like_bytes_never_panic(text in "[(){}~+\"\\\\\r\n a1N\\[\\]*]{0,200}") {
            let frame = Bytes::from(text.into_bytes());
            let mut tokens = Tokens::new(&frame);
            while tokens.skip_value().is_ok() {}
            let mut tokens = Tokens::new(&frame);
            while tokens.item_name().is_ok() && tokens.nbytes().is_ok() {}
        }
    }
}
