//! Address lists of a header (RFC 5322 §3.4) in the form that ENVELOPE wants.
//!
//! Called by `structure`. It must never lose an address, however it is written: what is not
//! understood stands as a mailbox name without a host.

use super::structure::{nstring, string};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(Vec<u8>),
    Sign(u8),
}

/// The wire form of an address list; empty where there is none.
pub(crate) fn wire(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pending: Vec<Token> = Vec::new();
    let mut is_in_group = false;
    for token in tokens(value) {
        match token {
            Token::Sign(b',') => out.extend(mailbox(&std::mem::take(&mut pending))),
            Token::Sign(b':') => {
                let name = words(&std::mem::take(&mut pending));
                out.extend(entry(None, &name, None));
                is_in_group = true;
            }
            Token::Sign(b';') => {
                out.extend(mailbox(&std::mem::take(&mut pending)));
                if std::mem::take(&mut is_in_group) {
                    out.extend_from_slice(b"(NIL NIL NIL NIL)");
                }
            }
            other => pending.push(other),
        }
    }
    out.extend(mailbox(&pending));
    if is_in_group {
        out.extend_from_slice(b"(NIL NIL NIL NIL)");
    }
    if out.is_empty() {
        return out;
    }
    let mut list = b"(".to_vec();
    list.append(&mut out);
    list.push(b')');
    list
}

/// Splits into words (quotes undone, comments left out) and signs. A blank ends a word.
fn tokens(value: &[u8]) -> Vec<Token> {
    let mut all = Vec::new();
    let mut bytes = value.iter().copied().peekable();
    let mut word: Option<Vec<u8>> = None;
    while let Some(b) = bytes.next() {
        match b {
            b'"' => {
                let word = word.get_or_insert_default();
                while let Some(q) = bytes.next().filter(|q| *q != b'"') {
                    word.extend(if q == b'\\' { bytes.next() } else { Some(q) });
                }
            }
            b'(' => {
                let mut depth = 1_u32;
                while depth > 0 {
                    match bytes.next() {
                        Some(b'(') => depth += 1,
                        Some(b')') => depth -= 1,
                        Some(b'\\') => drop(bytes.next()),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
            b' ' | b'\t' | b'\r' | b'\n' => all.extend(word.take().map(Token::Word)),
            b'<' | b'>' | b',' | b':' | b';' | b'@' => {
                all.extend(word.take().map(Token::Word));
                all.push(Token::Sign(b));
            }
            b => word.get_or_insert_default().push(b),
        }
    }
    all.extend(word.map(Token::Word));
    all
}

fn words(tokens: &[Token]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for token in tokens {
        if let Token::Word(word) = token {
            if !out.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    out
}

fn mailbox(tokens: &[Token]) -> Vec<u8> {
    if tokens.is_empty() {
        return Vec::new();
    }
    let open = tokens.iter().position(|t| *t == Token::Sign(b'<'));
    let (name, address) = match open.and_then(|at| tokens.split_at_checked(at)) {
        Some((name, address)) => (Some(words(name)).filter(|n| !n.is_empty()), address),
        None => (None, tokens),
    };
    let at = address.iter().rposition(|t| *t == Token::Sign(b'@'));
    match at.and_then(|at| address.split_at_checked(at)) {
        Some((local, host)) => entry(name.as_deref(), &words(local), Some(&words(host))),
        // Without a host it would read as the start of a group.
        None => entry(name.as_deref(), &words(address), Some(b"MISSING_DOMAIN")),
    }
}

fn entry(name: Option<&[u8]>, local: &[u8], host: Option<&[u8]>) -> Vec<u8> {
    let mut out = b"(".to_vec();
    out.extend(nstring(name));
    out.extend_from_slice(b" NIL ");
    out.extend(string(local));
    out.push(b' ');
    out.extend(nstring(host));
    out.push(b')');
    out
}
