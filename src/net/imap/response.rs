//! The responses of a server as types (RFC 9051 §7 and the extensions that are used).
//!
//! Made from whole frames by [`parse`], read by `state` and by the verbs. A response that is not
//! understood must never end a session: it is [`Response::Unknown`] and counted.

use super::fetched::{FetchData, fetch_data};
use super::tokens::{Malformed, Parsed, Token, Tokens, to_number};
use super::types::Status;
use crate::model::{ModSeq, Namespace, Quota, Rights, Uid, UidSet, UidValidity};
use bytes::Bytes;

/// OK, NO, BAD, BYE, PREAUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Ok,
    No,
    Bad,
    Bye,
    PreAuth,
}

/// A response code: its name in capitals and the rest as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) name: String,
    pub(super) args: String,
}

impl Code {
    /// Its argument as a number.
    pub(super) fn number(&self) -> Option<u64> {
        to_number(self.args.split(' ').next()?.as_bytes())
    }

    /// Its arguments as words without parentheses.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.args
            .split([' ', '(', ')'])
            .filter(|word| !word.is_empty())
    }
}

/// A condition with what was said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) condition: Condition,
    pub(super) code: Option<Code>,
    pub(super) text: String,
}

impl Said {
    /// Whether the code has that name.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_ref().is_some_and(|c| c.name == code)
    }
}

/// One line of LIST or LSUB. The name is as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListData {
    pub(super) attributes: Vec<String>,
    pub(super) delimiter: Option<char>,
    pub(super) name: Vec<u8>,
}

impl ListData {
    /// Whether it carries that attribute.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes
            .iter()
            .any(|a| a.eq_ignore_ascii_case(attribute))
    }
}

/// The ids that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// The tag it answers, in ESEARCH.
    pub(super) tag: Option<String>,
    pub(super) ids: UidSet,
}

/// One prefix of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) prefix: Vec<u8>,
    /// What stands between the levels of names below it.
    pub(super) delimiter: Option<u8>,
    pub(super) namespace: Namespace,
}

/// A response.
#[derive(Debug, Clone)]
pub(super) enum Response {
    Said(Said),
    Capability(Vec<String>),
    Enabled(Vec<String>),
    /// All namespaces, the user's own first.
    Namespace(Vec<Prefix>),
    List(ListData),
    Lsub(ListData),
    Status(Vec<u8>, Status),
    Found(Found),
    Flags,
    Exists(u32),
    Recent,
    Expunge(u32),
    Vanished {
        is_earlier: bool,
        uids: UidSet,
    },
    Fetch(u32, Box<FetchData>),
    /// The name of the server's program, if it tells.
    Id(Option<String>),
    /// What the user may do in the mailbox of that name.
    MyRights(Vec<u8>, Rights),
    /// The room under one quota root; `None` where it does not limit bytes.
    Quota(Option<Quota>),
    QuotaRoot,
    Unknown,
}

/// Reads an untagged response.
pub(super) fn parse(frame: &Bytes) -> Response {
    let mut tokens = Tokens::new(frame);
    untagged(&mut tokens).unwrap_or(Response::Unknown)
}

/// Reads a completion: its tag and what was said.
pub(super) fn parse_tagged(frame: &Bytes) -> Option<(String, Said)> {
    let mut tokens = Tokens::new(frame);
    let Ok(Token::Atom(tag)) = tokens.next() else {
        return None;
    };
    let Ok(Token::Atom(word)) = tokens.next() else {
        return None;
    };
    let said = said(condition(word)?, tokens.rest());
    Some((text(tag), said))
}

/// The text behind a `+`.
pub(super) fn parse_continue(frame: &Bytes) -> &[u8] {
    let rest = frame.get(1..).unwrap_or_default();
    rest.trim_ascii()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn condition(word: &[u8]) -> Option<Condition> {
    [
        ("OK", Condition::Ok),
        ("NO", Condition::No),
        ("BAD", Condition::Bad),
        ("BYE", Condition::Bye),
        ("PREAUTH", Condition::PreAuth),
    ]
    .into_iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
    .map(|(_, condition)| condition)
}

fn untagged(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    if tokens.next()? != Token::Atom(b"*") {
        return Err(Malformed);
    }
    let Token::Atom(word) = tokens.next()? else {
        return Err(Malformed);
    };
    if let Some(number) = to_number(word) {
        return numbered(u32::try_from(number).map_err(|_| Malformed)?, tokens);
    }
    if let Some(condition) = condition(word) {
        return Ok(Response::Said(said(condition, tokens.rest())));
    }
    match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Ok(Response::Capability(atoms(tokens)?)),
        b"ENABLED" => Ok(Response::Enabled(atoms(tokens)?)),
        b"LIST" => Ok(Response::List(list(tokens)?)),
        b"LSUB" => Ok(Response::Lsub(list(tokens)?)),
        b"STATUS" => status(tokens),
        b"SEARCH" => search(tokens),
        b"ESEARCH" => esearch(tokens),
        b"NAMESPACE" => namespace(tokens),
        b"VANISHED" => vanished(tokens),
        b"FLAGS" => Ok(Response::Flags),
        b"ID" => Ok(Response::Id(program(tokens)?)),
        b"MYRIGHTS" => my_rights(tokens),
        b"QUOTA" => quota(tokens),
        b"QUOTAROOT" => Ok(Response::QuotaRoot),
        _ => Err(Malformed),
    }
}

fn numbered(number: u32, tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let Token::Atom(word) = tokens.next()? else {
        return Err(Malformed);
    };
    match word.to_ascii_uppercase().as_slice() {
        b"FETCH" => Ok(Response::Fetch(number, Box::new(fetch_data(tokens)?))),
        b"EXISTS" => Ok(Response::Exists(number)),
        b"EXPUNGE" => Ok(Response::Expunge(number)),
        b"RECENT" => Ok(Response::Recent),
        _ => Err(Malformed),
    }
}

/// `[CODE args] text`; a bracket that is never closed belongs to the text.
fn said(condition: Condition, rest: &[u8]) -> Said {
    let line = rest.trim_ascii();
    let inside = line.strip_prefix(b"[").and_then(|inner| {
        let end = memchr::memchr(b']', inner)?;
        Some((inner.get(..end)?, inner.get(end + 1..)?))
    });
    let Some((inside, after)) = inside else {
        return Said {
            condition,
            code: None,
            text: text(line),
        };
    };
    let inside = text(inside);
    let (name, args) = inside.split_once(' ').unwrap_or((&inside, ""));
    Said {
        condition,
        code: Some(Code {
            name: name.to_ascii_uppercase(),
            args: args.to_owned(),
        }),
        text: text(after.trim_ascii()),
    }
}

/// The name among the fields of ID (RFC 2971 §3.3).
fn program(tokens: &mut Tokens<'_>) -> Parsed<Option<String>> {
    if tokens.peek()? != Token::Open {
        return Ok(None);
    }
    tokens.open()?;
    while !tokens.closes()? {
        let is_name = tokens.string()?.eq_ignore_ascii_case(b"name");
        let value = tokens.nstring()?;
        if is_name {
            return Ok(value.map(|v| text(&v)));
        }
    }
    Ok(None)
}

fn atoms(tokens: &mut Tokens<'_>) -> Parsed<Vec<String>> {
    let mut words = Vec::new();
    loop {
        match tokens.next()? {
            Token::End => return Ok(words),
            Token::Atom(word) | Token::Quoted(word) => words.push(text(word)),
            _ => {}
        }
    }
}

fn list(tokens: &mut Tokens<'_>) -> Parsed<ListData> {
    let attributes = tokens.words()?.into_iter().map(text).collect();
    let delimiter = tokens.nstring()?;
    let name = match tokens.nstring()? {
        Some(name) => name.into_owned(),
        // A mailbox may be called NIL, and some servers write that name bare.
        None => b"NIL".to_vec(),
    };
    Ok(ListData {
        attributes,
        delimiter: delimiter.and_then(|d| text(&d).chars().next()),
        name,
    })
}

fn status(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let name = tokens.string()?.into_owned();
    let mut status = Status::default();
    tokens.open()?;
    while !tokens.closes()? {
        let Token::Atom(attribute) = tokens.next()? else {
            return Err(Malformed);
        };
        let attribute = attribute.to_ascii_uppercase();
        let ahead = *tokens;
        let Ok(number) = tokens.number() else {
            *tokens = ahead;
            tokens.skip_value()?;
            continue;
        };
        let small = u32::try_from(number).ok();
        match attribute.as_slice() {
            b"MESSAGES" => status.messages = small,
            b"UNSEEN" => status.unseen = small,
            b"UIDNEXT" => status.uid_next = small.and_then(Uid::new),
            b"UIDVALIDITY" => status.uid_validity = small.and_then(UidValidity::new),
            b"HIGHESTMODSEQ" => status.mod_seq = (number > 0).then_some(ModSeq(number)),
            _ => {}
        }
    }
    Ok(Response::Status(name, status))
}

fn search(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let mut ids = Vec::new();
    loop {
        match tokens.next()? {
            Token::Atom(digits) => ids.push(uid(digits).ok_or(Malformed)?),
            // (MODSEQ n)
            Token::Open => tokens.skip_to_close()?,
            Token::End => break,
            _ => return Err(Malformed),
        }
    }
    Ok(Response::Found(Found {
        tag: None,
        ids: ids.into_iter().collect(),
    }))
}

fn uid(digits: &[u8]) -> Option<Uid> {
    Uid::new(u32::try_from(to_number(digits)?).ok()?)
}

fn esearch(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let mut found = Found::default();
    if tokens.peek()? == Token::Open {
        tokens.next()?;
        tokens.next()?;
        found.tag = Some(text(&tokens.string()?));
        tokens.skip_to_close()?;
    }
    loop {
        let word = match tokens.next()? {
            Token::End => return Ok(Response::Found(found)),
            Token::Atom(word) => word.to_ascii_uppercase(),
            _ => return Err(Malformed),
        };
        match word.as_slice() {
            b"UID" => {}
            b"ALL" => found.ids = uids(tokens)?,
            _ => tokens.skip_value()?,
        }
    }
}

fn uids(tokens: &mut Tokens<'_>) -> Parsed<UidSet> {
    match tokens.next()? {
        Token::Atom(set) => std::str::from_utf8(set)
            .ok()
            .and_then(uid_set)
            .ok_or(Malformed),
        _ => Err(Malformed),
    }
}

/// Reads a set that a server made. Sorted first, so that a set in odd order costs no more than one
/// in order.
fn uid_set(text: &str) -> Option<UidSet> {
    let mut ranges = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (first, last) = (uid(first.as_bytes())?, uid(last.as_bytes())?);
        ranges.push((first.min(last), first.max(last)));
    }
    ranges.sort_unstable();
    let mut set = UidSet::new();
    for (first, last) in ranges {
        set.insert_range(first, last);
    }
    Some(set)
}

fn vanished(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let is_earlier = tokens.peek()? == Token::Open;
    if is_earlier {
        tokens.skip_value()?;
    }
    let uids = uids(tokens)?;
    Ok(Response::Vanished { is_earlier, uids })
}

fn namespace(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let mut prefixes = Vec::new();
    for namespace in [
        Namespace::Personal,
        Namespace::OtherUsers,
        Namespace::Shared,
    ] {
        match tokens.next()? {
            Token::Open => {}
            Token::End => break,
            // NIL: there is none.
            _ => continue,
        }
        while !tokens.closes()? {
            tokens.open()?;
            let prefix = tokens.string()?.into_owned();
            let delimiter = match tokens.peek()? {
                Token::Close => None,
                _ => tokens.nstring()?,
            };
            tokens.skip_to_close()?;
            prefixes.push(Prefix {
                prefix,
                delimiter: delimiter.and_then(|d| d.first().copied()),
                namespace,
            });
        }
    }
    Ok(Response::Namespace(prefixes))
}

fn my_rights(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    let name = tokens.string()?.into_owned();
    let letters = text(&tokens.string()?);
    Ok(Response::MyRights(name, Rights::from_letters(&letters)))
}

/// The STORAGE of a quota root, in units of 1024 octets (RFC 9208 §5.1).
fn quota(tokens: &mut Tokens<'_>) -> Parsed<Response> {
    tokens.string()?;
    tokens.open()?;
    let mut storage = None;
    while !tokens.closes()? {
        let is_storage = tokens.string()?.eq_ignore_ascii_case(b"STORAGE");
        let (used_kib, limit_kib) = (tokens.number()?, tokens.number()?);
        // Some servers say zero where there is no limit.
        if is_storage && limit_kib > 0 {
            storage = Some(Quota {
                used_kib,
                limit_kib,
            });
        }
    }
    Ok(Response::Quota(storage))
}
