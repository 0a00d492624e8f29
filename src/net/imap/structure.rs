//! BODYSTRUCTURE (RFC 9051 §7.5.2): the parts of a message, flat.
//!
//! Called by `fetched`. Works with a stack of its own: must never recurse over what a mail nested.
//! An attached message is one part here; what is in it is read when it is opened.

use super::envelope::decoded;
use super::tokens::{Malformed, Parsed, Token, Tokens};
use crate::model::{BodyStructure, Part, PartId};

/// How deep parts may be nested.
const DEPTH_MAX: usize = 100;
/// How many parts a message may have.
const PARTS_MAX: usize = 10_000;

/// A multipart whose parts are being read.
struct Level {
    /// Its place in the list.
    part: usize,
    /// How many parts it has so far.
    children: u16,
}

/// Reads a structure.
pub(super) fn structure(tokens: &mut Tokens<'_>) -> Parsed<BodyStructure> {
    let mut parts: Vec<Part> = Vec::new();
    let mut levels: Vec<Level> = Vec::new();
    loop {
        // One body begins.
        tokens.open()?;
        let id = next_id(&parts, &mut levels);
        if parts.len() >= PARTS_MAX {
            return Err(Malformed);
        }
        if tokens.peek()? == Token::Open {
            if levels.len() >= DEPTH_MAX {
                return Err(Malformed);
            }
            levels.push(Level {
                part: parts.len(),
                children: 0,
            });
            parts.push(Part {
                id,
                ..Part::default()
            });
            continue;
        }
        parts.push(single(tokens, id)?);
        // It has ended; so may the ones around it.
        loop {
            let Some(level) = levels.last() else {
                return Ok(BodyStructure {
                    parts: rooted(parts),
                });
            };
            if tokens.peek()? == Token::Open {
                break;
            }
            let part = parts.get_mut(level.part).ok_or(Malformed)?;
            part.mime_type = format!("multipart/{}", lower(&tokens.string()?));
            attributes_of(tokens, part)?;
            levels.pop();
        }
    }
}

fn next_id(parts: &[Part], levels: &mut [Level]) -> PartId {
    let Some(level) = levels.last_mut() else {
        return PartId::default();
    };
    level.children = level.children.saturating_add(1);
    let mut id = parts
        .get(level.part)
        .map(|p| p.id.clone())
        .unwrap_or_default();
    id.0.push(level.children);
    id
}

/// A message that is one part has it under the number 1 (RFC 9051 §6.4.5.1).
fn rooted(mut parts: Vec<Part>) -> Vec<Part> {
    if let [only] = parts.as_mut_slice()
        && !only.is_multipart()
    {
        only.id = PartId(vec![1]);
    }
    parts
}

fn single(tokens: &mut Tokens<'_>, id: PartId) -> Parsed<Part> {
    let kind = lower(&tokens.string()?);
    let mut part = Part {
        id,
        ..Part::default()
    };
    if kind == "multipart" {
        // Quirk(Exchange, old Cyrus): a multipart without parts is written like a single part.
        part.mime_type = format!("multipart/{}", lower(&tokens.string()?));
        tokens.skip_to_close()?;
        return Ok(part);
    }
    let subtype = lower(&tokens.string()?);
    part.mime_type = format!("{kind}/{subtype}");
    let params = parameters(tokens)?;
    if kind == "text" {
        part.charset = params.get("charset").unwrap_or_default();
    }
    part.name = params.get("name").unwrap_or_default();
    part.content_id = String::from_utf8_lossy(&tokens.string()?)
        .trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
        .to_owned();
    tokens.nstring()?;
    part.encoding = lower(&tokens.string()?);
    part.size_bytes = number_or_nil(tokens)?;
    if kind == "message" && tokens.peek()? == Token::Open {
        // The envelope and the structure of the message inside: one part here, called as it is.
        let subject = subject(*tokens);
        tokens.skip_value()?;
        tokens.skip_value()?;
        if part.name.is_empty() {
            part.name = subject.unwrap_or_default();
        }
        number_or_nil(tokens)?;
    } else if kind == "text" && matches!(tokens.peek()?, Token::Atom(_)) {
        number_or_nil(tokens)?;
    }
    if tokens.closes()? {
        return Ok(part);
    }
    // The MD5 sum.
    tokens.nstring()?;
    disposition(tokens, &mut part)?;
    Ok(part)
}

/// The subject of the envelope that comes next.
fn subject(mut tokens: Tokens<'_>) -> Parsed<String> {
    tokens.open()?;
    tokens.nstring()?;
    Ok(decoded(&tokens.string()?))
}

fn number_or_nil(tokens: &mut Tokens<'_>) -> Parsed<u64> {
    match tokens.peek()? {
        Token::Atom(word) if word.eq_ignore_ascii_case(b"NIL") => {
            tokens.next()?;
            Ok(0)
        }
        _ => tokens.number(),
    }
}

/// Parameters and disposition of a multipart, up to its end.
fn attributes_of(tokens: &mut Tokens<'_>, part: &mut Part) -> Parsed<()> {
    if tokens.closes()? {
        return Ok(());
    }
    parameters(tokens)?;
    disposition(tokens, part)
}

/// `("attachment" ("filename" "a.pdf"))`, and everything behind it up to the end of the part.
fn disposition(tokens: &mut Tokens<'_>, part: &mut Part) -> Parsed<()> {
    if tokens.closes()? {
        return Ok(());
    }
    if tokens.peek()? == Token::Open {
        tokens.open()?;
        part.disposition = lower(&tokens.string()?);
        if !tokens.closes()? {
            let params = parameters(tokens)?;
            if let Some(name) = params.get("filename") {
                part.name = name;
            }
            tokens.skip_to_close()?;
        }
    } else {
        tokens.nstring()?;
    }
    tokens.skip_to_close()
}

fn lower(text: &[u8]) -> String {
    String::from_utf8_lossy(text).to_ascii_lowercase()
}

/// Parameters of a Content-Type or Content-Disposition, as they came.
struct Params<'a>(Vec<(String, std::borrow::Cow<'a, [u8]>)>);

fn parameters<'a>(tokens: &mut Tokens<'a>) -> Parsed<Params<'a>> {
    let mut found = Vec::new();
    if tokens.peek()? != Token::Open {
        tokens.nstring()?;
        return Ok(Params(found));
    }
    tokens.open()?;
    while !tokens.closes()? {
        let key = lower(&tokens.string()?);
        let value = tokens.string()?;
        found.push((key, value));
    }
    Ok(Params(found))
}

impl Params<'_> {
    /// The value of a parameter, put together and decoded (RFC 2231, else RFC 2047).
    fn get(&self, key: &str) -> Option<String> {
        let mut pieces: Vec<(u16, bool, &[u8])> = Vec::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(key) else {
                continue;
            };
            let (rest, is_coded) = match rest.strip_suffix('*') {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            match rest.strip_prefix('*') {
                Some(number) => {
                    if let Ok(number) = number.parse() {
                        pieces.push((number, is_coded, value));
                    }
                }
                None if !rest.is_empty() => {}
                None if is_coded => pieces = vec![(0, true, value)],
                None if pieces.is_empty() => pieces.push((0, false, value)),
                None => {}
            }
        }
        pieces.sort_by_key(|piece| piece.0);
        if let [(_, false, value)] = pieces.as_slice() {
            return Some(decoded(value));
        }
        (!pieces.is_empty()).then(|| joined(&pieces))
    }
}

/// Joins the pieces of RFC 2231 §4.1; the first one names the charset.
fn joined(pieces: &[(u16, bool, &[u8])]) -> String {
    let mut charset = String::new();
    let mut bytes = Vec::new();
    for (i, (_, is_coded, value)) in pieces.iter().enumerate() {
        let mut value = *value;
        if i == 0 && *is_coded {
            let mut quotes = value.splitn(3, |b| *b == b'\'');
            if let (Some(name), Some(_), Some(rest)) = (quotes.next(), quotes.next(), quotes.next())
            {
                charset = lower(name);
                value = rest;
            }
        }
        if *is_coded {
            bytes.extend(percent_decoded(value));
        } else {
            bytes.extend_from_slice(value);
        }
    }
    match encoding_rs::Encoding::for_label(charset.as_bytes()) {
        Some(encoding) => encoding.decode_without_bom_handling(&bytes).0.into_owned(),
        None => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        let byte = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => bytes.push(*first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn read(text: &str) -> Parsed<Vec<Part>> {
        let frame = Bytes::copy_from_slice(text.as_bytes());
        structure(&mut Tokens::new(&frame)).map(|s| s.parts)
    }

    fn outline(parts: &[Part]) -> Vec<String> {
        parts
            .iter()
            .map(|p| {
                format!("{} {} {}", p.id, p.mime_type, p.name)
                    .trim()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn parts_get_the_addresses_that_a_fetch_wants() {
        let parts = read(
            "(((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"8BIT\" 215 3 NIL NIL NIL NIL)\
             (\"text\" \"html\" NIL \"<c@d>\" NIL \"base64\" 1364 18) \"alternative\" (\"boundary\" \"x\") NIL)\
             (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 500 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1) 12 NIL (\"attachment\" (\"filename\" \"m.eml\")) NIL)\
             (\"application\" \"pdf\" (\"name\" \"x\") NIL \"d\" \"base64\" 99 NIL (\"attachment\" \
             (\"filename*0*\" \"utf-8''%C3%A4\" \"filename*1\" \"b.pdf\")) \"en\" \"loc\" \"new\") \"mixed\")",
        )
        .unwrap();
        assert_eq!(
            outline(&parts),
            [
                "multipart/mixed",
                "1 multipart/alternative",
                "1.1 text/plain",
                "1.2 text/html",
                "2 message/rfc822 m.eml",
                "3 application/pdf äb.pdf"
            ]
        );
        assert_eq!(
            (parts[2].charset.as_str(), parts[2].size_bytes),
            ("utf-8", 215)
        );
        assert_eq!(parts[3].content_id, "c@d");
        assert_eq!(parts[5].disposition, "attachment");
    }

    #[test]
    fn a_message_of_one_part_has_the_number_one() {
        let parts = read("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 891 15)").unwrap();
        assert_eq!(outline(&parts), ["1 text/plain"]);
        let parts = read("(\"multipart\" \"mixed\" NIL NIL NIL \"7bit\" 0)").unwrap();
        assert_eq!(outline(&parts), ["multipart/mixed"]);
        let parts = read(
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 5 (NIL \"Hi\" NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1) 1)",
        );
        assert_eq!(outline(&parts.unwrap()), ["1 message/rfc822 Hi"]);
        // Some servers leave out the envelope of a message they could not parse.
        let parts =
            read("(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 5 NIL NIL NIL NIL)").unwrap();
        assert_eq!(outline(&parts), ["1 message/rfc822"]);
    }

    #[test]
    fn nesting_beyond_measure_is_refused_in_linear_time() {
        for deep in [102, 10_000, 300_000] {
            assert!(read(&"(".repeat(deep)).is_err());
            let whole = format!(
                "{}\"a\" \"b\" NIL NIL NIL NIL 1{}",
                "(".repeat(deep),
                " \"mixed\")".repeat(deep)
            );
            assert!(read(&whole).is_err());
        }
        let fits = format!(
            "{}\"a\" \"b\" NIL NIL NIL NIL 1){}",
            "(".repeat(101),
            " \"mixed\")".repeat(100)
        );
        assert_eq!(read(&fits).unwrap().len(), 101);
    }

    #[test]
    fn file_names_come_decoded_in_every_spelling() {
        let name = |params: &str| {
            read(&format!("(\"a\" \"b\" ({params}) NIL NIL \"7bit\" 1)"))
                .unwrap()
                .remove(0)
                .name
        };
        assert_eq!(name("\"name\" \"a b.txt\""), "a b.txt");
        assert_eq!(name("\"NAME*\" \"iso-8859-1'en'%e4%\""), "ä%");
        assert_eq!(name("\"name*1\" \"b\" \"name*0\" \"a\""), "ab");
        assert_eq!(name("\"name\" \"old\" \"name*\" \"utf-8''new\""), "new");
        assert_eq!(name("\"name*x\" \"b\""), "");
    }
}
