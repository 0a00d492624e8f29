//! Text as search and sorting compare it: case folded, subjects without `Re:`; and the SQL functions
//! made of it.
//!
//! Used by `search`, `order`, `threads`. Must never take more than linear time.

use super::sql;
use crate::model::BodyStructure;
use memchr::memmem::Finder;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use std::sync::Arc;

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

/// What is searched for, folded, with what makes most texts quick to settle.
#[derive(Debug)]
pub(super) struct Needle {
    folded: String,
    /// Its rarest byte, in lower and upper case, and where it is.
    rare: [u8; 2],
    before: usize,
    is_ascii: bool,
    /// What a text has to contain one of before folding can bring up the needle; empty: anything.
    signs: Vec<Finder<'static>>,
}

impl Needle {
    /// `folded` must have come out of [`fold`].
    pub(super) fn new(folded: &str) -> Self {
        let (before, rare) = folded
            .bytes()
            .enumerate()
            .max_by_key(|(_, byte)| rarity(*byte))
            .unwrap_or_default();
        Self {
            folded: folded.to_owned(),
            rare: [rare, rare.to_ascii_uppercase()],
            before,
            is_ascii: folded.is_ascii(),
            signs: signs(folded),
        }
    }

    /// Whether `text` contains it, whatever the case of `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        if self.is_ascii && self.is_in_ascii(text) {
            return true;
        }
        if text.is_ascii() || (self.is_ascii && !may_fold_to_ascii(text)) {
            return false;
        }
        let may_be_in = self.signs.is_empty() || self.signs.iter().any(|s| s.find(text).is_some());
        may_be_in && std::str::from_utf8(text).is_ok_and(|text| fold(text).contains(&self.folded))
    }

    fn is_in_ascii(&self, text: &[u8]) -> bool {
        let needle = self.folded.as_bytes();
        if needle.is_empty() {
            return true;
        }
        let fits = |at: usize| {
            at.checked_sub(self.before)
                .and_then(|start| text.get(start..start + needle.len()))
                .is_some_and(|part| part.eq_ignore_ascii_case(needle))
        };
        match self.rare {
            [lower, upper] if lower == upper => memchr::memchr_iter(lower, text).any(fits),
            [lower, upper] => memchr::memchr2_iter(lower, upper, text).any(fits),
        }
    }
}

/// One letter beyond ASCII of what is searched for, in every form that folds into it.
fn signs(folded: &str) -> Vec<Finder<'static>> {
    let Some(letter) = folded.chars().find(|c| !c.is_ascii()) else {
        return Vec::new();
    };
    let mut upper = letter.to_uppercase();
    let (Some(upper), None) = (upper.next(), upper.next()) else {
        return Vec::new();
    };
    let odd = match letter {
        'σ' => 'ς',
        'å' => '\u{212b}',
        'ω' => '\u{2126}',
        'θ' => 'ϴ',
        '\u{307}' => 'İ',
        'ǆ' | 'ǉ' | 'ǌ' | 'ǳ' => return Vec::new(),
        letter => letter,
    };
    let mut all = vec![letter, upper, odd];
    all.dedup();
    let finder = |c: &char| Finder::new(c.encode_utf8(&mut [0; 4]).as_bytes()).into_owned();
    all.iter().map(finder).collect()
}

/// How rare a byte is in mail: the frequent ones are listed, from the most frequent on.
fn rarity(byte: u8) -> usize {
    const FREQUENT: &[u8] = b" etaoinsrhldcumfpgwyb@.vkxjqz";
    let place = FREQUENT.iter().position(|f| *f == byte);
    place.unwrap_or(FREQUENT.len())
}

/// Whether there may be one of the few letters beyond ASCII that fold into it (ß, ẞ, İ and the
/// Kelvin sign): these are the last bytes of their UTF-8.
fn may_fold_to_ascii(text: &[u8]) -> bool {
    memchr::memchr3(0x9f, 0x9e, 0xaa, text).is_some() || memchr::memchr(0xb0, text).is_some()
}

/// What a subject is about: the rest after list names and `Re:`, `Fwd:` and their kin, folded, and
/// whether it answers something.
pub(super) fn base_subject(subject: &str) -> (String, bool) {
    let (rest, is_reply) = without_marks(subject);
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

/// The subject after all marks of answers and of what is passed on, and whether it answers something.
pub(super) fn without_marks(subject: &str) -> (&str, bool) {
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
            return (rest, is_reply);
        }
    }
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
        let needle = needle_of(ctx)?;
        Ok((1..ctx.len()).any(|i| needle.is_in(bytes_of(ctx, i))))
    })?;
    conn.create_scalar_function("has_file", 2, flags, |ctx| {
        let needle = needle_of(ctx)?;
        let parts: BodyStructure = serde_json::from_str(text_of(ctx, 1)).unwrap_or_default();
        Ok(parts
            .parts
            .iter()
            .any(|p| !p.name.is_empty() && needle.is_in(p.name.as_bytes())))
    })?;
    conn.create_scalar_function("sender_key", 1, flags, |ctx| {
        let first = sql::addresses_iter(text_of(ctx, 0)).next();
        Ok(first.map_or_else(String::new, |a| fold(a.shown())))
    })?;
    conn.create_scalar_function("subject_key", 1, flags, |ctx| {
        Ok(base_subject(text_of(ctx, 0)).0)
    })
}

/// The needle, made once for a statement.
fn needle_of(ctx: &Context<'_>) -> Result<Arc<Needle>> {
    ctx.get_or_create_aux(0, |value| {
        let text = value.as_str().unwrap_or_default();
        Ok::<_, rusqlite::Error>(Needle::new(text))
    })
}

fn bytes_of<'a>(ctx: &'a Context<'_>, at: usize) -> &'a [u8] {
    match ctx.get_raw(at) {
        ValueRef::Text(bytes) => bytes,
        _ => &[],
    }
}

fn text_of<'a>(ctx: &'a Context<'_>, at: usize) -> &'a str {
    std::str::from_utf8(bytes_of(ctx, at)).unwrap_or_default()
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
            assert!(
                Needle::new(&fold(needle)).is_in(text.as_bytes()),
                "{text} {needle}"
            );
        }
        for (text, needle) in [("abc", "abcd"), ("", "a"), ("Köln", "koln"), ("50%", "5_")] {
            assert!(
                !Needle::new(&fold(needle)).is_in(text.as_bytes()),
                "{text} {needle}"
            );
        }
    }

    #[test]
    fn no_letter_is_missed_for_the_sake_of_speed() {
        for c in '\0'..=char::MAX {
            let text = format!("é{c}");
            for needle in fold(c.encode_utf8(&mut [0; 4])).chars() {
                let needle = needle.to_string();
                assert!(
                    Needle::new(&needle).is_in(text.as_bytes()),
                    "{c:?} {needle:?}"
                );
            }
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
