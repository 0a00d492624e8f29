//! Text as search and sorting compare it: case folded, subjects without `Re:`; and the SQL functions
//! made of it.
//!
//! Used by `search`, `order`, `threads`. Must never take more than linear time.

use super::sql;
use crate::model::BodyStructure;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

/// The text with case folded (Unicode, letter by letter): what differs only in case becomes equal.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            '\0'..='\x7f' => out.push(c),
            'ß' | 'ẞ' => out.push_str("ss"),
            'ς' => out.push('σ'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

/// Whether `text` contains `needle`, which is folded already, whatever the case of `text`.
pub(super) fn contains(text: &str, needle: &str) -> bool {
    if needle.is_ascii() && contains_ascii(text.as_bytes(), needle.as_bytes()) {
        return true;
    }
    // Folding beyond ASCII can only matter where the text goes beyond ASCII.
    !text.is_ascii() && fold(text).contains(needle)
}

fn contains_ascii(text: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return true;
    };
    let upper = first.to_ascii_uppercase();
    let fits = |at: usize| {
        text.get(at + 1..at + 1 + rest.len())
            .is_some_and(|tail| tail.eq_ignore_ascii_case(rest))
    };
    if upper == *first {
        memchr::memchr_iter(*first, text).any(fits)
    } else {
        memchr::memchr2_iter(*first, upper, text).any(fits)
    }
}

/// What a subject is about: the rest after list names and `Re:`, `Fwd:` and their kin, folded, and
/// whether it answers something.
pub(super) fn base_subject(subject: &str) -> (String, bool) {
    let mut rest = subject.trim();
    let mut is_reply = false;
    loop {
        if let Some(after) = without_mark(rest, &REPLY_MARKS) {
            is_reply = true;
            rest = after;
        } else if let Some(after) = without_mark(rest, &FORWARD_MARKS) {
            rest = after;
        } else if let Some(after) = without_list_name(rest) {
            rest = after;
        } else {
            break;
        }
    }
    let mut out = String::with_capacity(rest.len());
    for word in fold(rest).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    while let Some(before) = out.strip_suffix("(fwd)") {
        out = before.trim_end().to_owned();
    }
    (out, is_reply)
}

/// What mail programs of several languages write before the subject of an answer.
const REPLY_MARKS: [&str; 9] = ["re", "aw", "antw", "sv", "vs", "odp", "ynt", "回复", "答复"];
/// What they write before the subject of a message passed on.
const FORWARD_MARKS: [&str; 8] = ["fwd", "fw", "wg", "tr", "doorst", "vb", "转发", "轉寄"];

/// The text after one of the marks and its colon (`Re:`, `RE [2]:`, `AW：`), if it begins with one.
fn without_mark<'a>(text: &'a str, marks: &[&str]) -> Option<&'a str> {
    let colon = text.find([':', '：'])?;
    let (mark, rest) = text.split_at_checked(colon)?;
    if mark.len() > 24 {
        return None;
    }
    let word = mark
        .split(['[', '('])
        .next()
        .unwrap_or_default()
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '^' || c == ' ');
    let folded = fold(word);
    marks.contains(&folded.as_str()).then(|| {
        let mut chars = rest.chars();
        chars.next();
        chars.as_str().trim_start()
    })
}

/// The text after a leading `[name]`, unless nothing would be left.
fn without_list_name(text: &str) -> Option<&str> {
    let (name, rest) = text.strip_prefix('[')?.split_once(']')?;
    let rest = rest.trim_start();
    (!name.contains('[') && !rest.is_empty()).then_some(rest)
}

/// Makes our comparisons known to SQLite:
///
/// - `has(needle, text…)`: whether one of the texts contains the folded needle,
/// - `has_file(needle, structure)`: whether an attachment's name contains it,
/// - `sender_key(list)`, `subject_key(text)`: what to sort by.
pub(super) fn register(conn: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    conn.create_scalar_function("has", -1, flags, |ctx| {
        let needle = text_of(ctx, 0);
        Ok((1..ctx.len()).any(|i| contains(text_of(ctx, i), needle)))
    })?;
    conn.create_scalar_function("has_file", 2, flags, |ctx| {
        let (needle, structure) = (text_of(ctx, 0), text_of(ctx, 1));
        let parts: BodyStructure = serde_json::from_str(structure).unwrap_or_default();
        Ok(parts
            .parts
            .iter()
            .any(|p| !p.name.is_empty() && contains(&p.name, needle)))
    })?;
    conn.create_scalar_function("sender_key", 1, flags, |ctx| {
        let first = sql::addresses_iter(text_of(ctx, 0)).next();
        Ok(first.map_or_else(String::new, |a| fold(a.shown())))
    })?;
    conn.create_scalar_function("subject_key", 1, flags, |ctx| {
        Ok(base_subject(text_of(ctx, 0)).0)
    })
}

fn text_of<'a>(ctx: &'a Context<'_>, at: usize) -> &'a str {
    match ctx.get_raw(at) {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_whatever_its_case_in_any_script() {
        for (text, needle) in [
            ("Hello World", "o wor"),
            ("GRÜẞE aus Köln", "grüsse"),
            ("STRASSE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("Привет", "ПРИ"),
            ("aaab", "aab"),
            ("日本語", "本"),
            ("anything", ""),
        ] {
            assert!(contains(text, &fold(needle)), "{text} {needle}");
        }
        for (text, needle) in [("abc", "abcd"), ("", "a"), ("Köln", "koln"), ("50%", "5_")] {
            assert!(!contains(text, &fold(needle)), "{text} {needle}");
        }
    }

    #[test]
    fn a_base_subject_is_what_the_thread_is_about() {
        for (subject, base, is_reply) in [
            ("Plan", "plan", false),
            ("Re: Plan", "plan", true),
            ("RE[2]: AW:  Fwd: Plan ", "plan", true),
            ("[list] Re: [list] Plan (fwd)", "plan", true),
            ("Fwd: Plan", "plan", false),
            ("Re : Plan", "plan", true),
            ("Reply: Plan", "reply: plan", false),
            ("[only]", "[only]", false),
            ("Re:", "", true),
            ("回复：计划", "计划", true),
            ("12:30 lunch", "12:30 lunch", false),
        ] {
            assert_eq!(
                base_subject(subject),
                (base.to_owned(), is_reply),
                "{subject}"
            );
        }
    }
}
