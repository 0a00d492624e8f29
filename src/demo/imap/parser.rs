//! Reads commands from the client (RFC 9051 §9), strictly: what is not in the grammar is BAD, so
//! that a mistake of our client shows itself here and not at a provider.
//!
//! Called by the sessions. A command must never be half executed because its end was not read yet.

use super::super::decode;
pub(super) use crate::demo::wire::Bad;
use crate::demo::wire::Wire;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};

/// The largest literal.
const LITERAL_MAX: usize = 128 * 1024 * 1024;
/// The largest literal that LITERAL- allows to be sent unasked (RFC 7888 §5).
const LITERAL_MINUS_MAX: usize = 4096;

/// A parsed value, or why it is none.
pub(super) type Parsed<T> = Result<T, Bad>;

fn bad<T>(why: impl Into<String>) -> Parsed<T> {
    Err(Bad(why.into()))
}

/// Which literals may come without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unasked {
    /// None.
    Never,
    /// Up to 4096 bytes (LITERAL-).
    Small,
    /// Any (LITERAL+).
    Any,
}

/// What came from the client.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A whole command, without its last CRLF; literals are in it as on the wire.
    Command(Vec<u8>),
    /// Something that is not one; the session ends.
    Broken(Bad),
    /// The client is gone.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    /// A whole command with its literals.
    pub(super) async fn command(&mut self, unasked: Unasked) -> io::Result<Incoming> {
        let mut command = Vec::new();
        loop {
            let line = match self.line().await? {
                None => return Ok(Incoming::End),
                Some(Err(why)) => return Ok(Incoming::Broken(why)),
                Some(Ok(line)) => line,
            };
            command.extend_from_slice(&line);
            let Some((size, is_unasked)) = literal_at_end(&line) else {
                return Ok(Incoming::Command(command));
            };
            if let Some(why) = literal_refused(size, is_unasked, unasked) {
                if is_unasked {
                    return Ok(Incoming::Broken(Bad(why.into())));
                }
                // Nothing of it was sent: the command is over, and the next one may follow.
                let tag = command.split(|b| *b == b' ').next().unwrap_or_default();
                let tag = String::from_utf8_lossy(tag).into_owned();
                self.send(format!("{tag} NO {why}\r\n").as_bytes()).await?;
                command.clear();
                continue;
            }
            if !is_unasked {
                self.send(b"+ go on\r\n").await?;
            }
            while self.input.len() < size {
                if !self.more().await? {
                    return Ok(Incoming::End);
                }
            }
            let literal = self.input.split_to(size);
            if literal.contains(&0) {
                return Ok(Incoming::Broken(Bad("NUL inside of a literal".into())));
            }
            command.extend_from_slice(b"\r\n");
            command.extend_from_slice(&literal);
        }
    }
}

fn literal_refused(size: usize, is_unasked: bool, unasked: Unasked) -> Option<&'static str> {
    if size > LITERAL_MAX {
        return Some("[TOOBIG] The literal is too large");
    }
    match (is_unasked, unasked) {
        (true, Unasked::Never) => Some("Literals must be asked for here"),
        (true, Unasked::Small) if size > LITERAL_MINUS_MAX => {
            Some("[TOOBIG] Literals over 4096 bytes must be asked for here")
        }
        _ => None,
    }
}

/// The size of the literal that a line announces, and whether it comes unasked.
fn literal_at_end(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|b| *b == b'{')?;
    let digits = inner.get(open + 1..)?;
    let (digits, is_unasked) = match digits.strip_suffix(b"+") {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((size, is_unasked))
}

/// One end of a range in a sequence set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// A number.
    At(u32),
    /// `*`.
    Last,
}

/// A sequence set (RFC 9051 §9) before `*` is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SequenceSet(Vec<(Bound, Bound)>);

impl SequenceSet {
    /// The ranges, with `last` for `*`.
    pub(super) fn resolve(&self, last: u32) -> Vec<(u32, u32)> {
        let value = |b: Bound| match b {
            Bound::At(n) => n,
            Bound::Last => last,
        };
        let ordered = |(a, b): &(Bound, Bound)| {
            let (a, b) = (value(*a), value(*b));
            (a.min(b), a.max(b))
        };
        self.0.iter().map(ordered).collect()
    }
}

/// Reads along one command.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

fn is_atom(b: u8) -> bool {
    b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b)
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes `b` if it comes next.
    pub(super) fn eat(&mut self, b: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == b => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn expect(&mut self, b: u8) -> Parsed<()> {
        if self.eat(b) {
            return Ok(());
        }
        bad(format!(
            "Expected {:?} before {:?}",
            char::from(b),
            String::from_utf8_lossy(self.rest.get(..20).unwrap_or(self.rest))
        ))
    }

    pub(super) fn space(&mut self) -> Parsed<()> {
        self.expect(b' ')
    }

    pub(super) fn end(&self) -> Parsed<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        bad(format!(
            "Too much at the end: {:?}",
            String::from_utf8_lossy(self.rest.get(..20).unwrap_or(self.rest))
        ))
    }

    /// Takes the bytes that `keep` likes.
    fn run(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let size = self
            .rest
            .iter()
            .position(|b| !keep(*b))
            .unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(size).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }

    fn some(&mut self, keep: impl Fn(u8) -> bool, what: &str) -> Parsed<String> {
        let taken = self.run(keep);
        if taken.is_empty() {
            return bad(format!("Expected {what}"));
        }
        Ok(String::from_utf8_lossy(taken).into_owned())
    }

    /// An atom, in capitals.
    pub(super) fn word(&mut self) -> Parsed<String> {
        Ok(self.some(is_atom, "a word")?.to_ascii_uppercase())
    }

    /// A FETCH item's name or the like: letters, digits, dots, in capitals; stops before `[`.
    pub(super) fn item(&mut self) -> Parsed<String> {
        let name = self.some(|b| b.is_ascii_alphanumeric() || b == b'.', "an item")?;
        Ok(name.to_ascii_uppercase())
    }

    pub(super) fn tag(&mut self) -> Parsed<String> {
        self.some(|b| (is_atom(b) || b == b']') && b != b'+', "a tag")
    }

    /// What is left, as it is.
    pub(super) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn number(&mut self) -> Parsed<u64> {
        let digits = self.some(|b| b.is_ascii_digit(), "a number")?;
        digits
            .parse()
            .map_err(|_| Bad("The number is too large".into()))
    }

    pub(super) fn number32(&mut self) -> Parsed<u32> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| Bad("The number is too large".into()))
    }

    /// A quoted string or a literal.
    pub(super) fn string(&mut self) -> Parsed<Vec<u8>> {
        if self.eat(b'"') {
            return self.quoted();
        }
        if !self.eat(b'{') {
            return bad("Expected a string");
        }
        let size = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        // Whether it was allowed to come unasked was settled when it was read.
        self.eat(b'+');
        for b in *b"}\r\n" {
            self.expect(b)?;
        }
        let Some((literal, rest)) = self.rest.split_at_checked(size) else {
            return bad("The literal is cut off");
        };
        self.rest = rest;
        Ok(literal.to_vec())
    }

    fn quoted(&mut self) -> Parsed<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let Some((first, rest)) = self.rest.split_first() else {
                return bad("A quoted string has no end");
            };
            self.rest = rest;
            match first {
                b'"' => return Ok(text),
                b'\\' => match self.rest.split_first() {
                    Some((b @ (b'"' | b'\\'), rest)) => {
                        self.rest = rest;
                        text.push(*b);
                    }
                    _ => return bad("Only \\\" and \\\\ may be escaped in a quoted string"),
                },
                b'\r' | b'\n' => return bad("A line end inside of a quoted string"),
                b if !b.is_ascii() => return bad("8-bit text must be sent as a literal"),
                b => text.push(*b),
            }
        }
    }

    /// An atom or a string.
    pub(super) fn astring(&mut self) -> Parsed<Vec<u8>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(self
                .some(|b| is_atom(b) || b == b']', "a string")?
                .into_bytes()),
        }
    }

    /// An astring that must be text.
    pub(super) fn text(&mut self) -> Parsed<String> {
        String::from_utf8(self.astring()?).map_err(|_| Bad("Expected UTF-8 text".into()))
    }

    /// A mailbox name, in UTF-8; INBOX in capitals.
    pub(super) fn mailbox(&mut self) -> Parsed<String> {
        mailbox_name(&self.astring()?)
    }

    /// A name pattern of LIST: like a mailbox name, but `%` and `*` may stand in an atom.
    pub(super) fn pattern(&mut self) -> Parsed<String> {
        let bytes = match self.peek() {
            Some(b'"' | b'{') => self.string()?,
            _ => {
                let keep = |b| is_atom(b) || b"%*]".contains(&b);
                self.some(keep, "a name or a pattern")?.into_bytes()
            }
        };
        mailbox_name(&bytes)
    }

    /// A flag with its backslash, if it has one.
    pub(super) fn flag(&mut self) -> Parsed<String> {
        let slash = if self.eat(b'\\') { "\\" } else { "" };
        let name = self.some(is_atom, "a flag")?;
        let flag = format!("{slash}{name}");
        let known = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];
        if !slash.is_empty() && !known.iter().any(|k| k.eq_ignore_ascii_case(&flag)) {
            return bad(format!("{flag} cannot be set"));
        }
        Ok(flag)
    }

    /// `(a b c)` of at least one.
    pub(super) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(b'(')?;
        let mut all = vec![one(self)?];
        while self.eat(b' ') {
            all.push(one(self)?);
        }
        self.expect(b')')?;
        Ok(all)
    }

    /// `(a b c)`, or `()`.
    pub(super) fn list_or_none<T>(
        &mut self,
        one: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut ahead = self.clone();
        if ahead.eat(b'(') && ahead.eat(b')') {
            *self = ahead;
            return Ok(Vec::new());
        }
        self.list(one)
    }

    pub(super) fn sequence_set(&mut self) -> Parsed<SequenceSet> {
        let mut ranges = Vec::new();
        loop {
            let first = self.bound()?;
            let last = if self.eat(b':') { self.bound()? } else { first };
            ranges.push((first, last));
            if !self.eat(b',') {
                return Ok(SequenceSet(ranges));
            }
        }
    }

    fn bound(&mut self) -> Parsed<Bound> {
        if self.eat(b'*') {
            return Ok(Bound::Last);
        }
        match self.number32()? {
            0 => bad("0 is not a message"),
            n => Ok(Bound::At(n)),
        }
    }
}

fn mailbox_name(wire: &[u8]) -> Parsed<String> {
    let Some(name) = decode::from_utf7(wire) else {
        return bad("The folder name is not modified UTF-7");
    };
    if name.eq_ignore_ascii_case("INBOX") {
        return Ok("INBOX".into());
    }
    Ok(name)
}
