//! The first words of a message, as lists show them behind the subject.
//!
//! Called by `summary`, and by `engine` for every text that is stored: so it reads no more of a message
//! than it takes, and is never wrong by showing what the sender hides or what is only quoted.

use super::choose::{Form, choose, says_something, sends_away};
use super::html::{self, is_filler, is_fixed_blank};
use super::render::{Message, Source};
use super::text::{Paragraph, paragraphs};
use crate::model::{Part, Safe};

/// The longest first words, in characters: what a wide list has room for.
const CHARS_MAX: usize = 160;
/// How much of a part is read at first, and where that has too few words; and how many bytes of words
/// are enough to find them among.
const READ: [(usize, usize); 3] = [
    (4 * 1024, CHARS_MAX + CHARS_MAX / 2),
    (16 * 1024, 10 * CHARS_MAX),
    (128 * 1024, 100 * CHARS_MAX),
];
/// So much of a plain text tells whether it says anything.
const SAID: usize = 2 * 1024;
/// More parts are not looked into.
const PARTS_MAX: usize = 4;
/// A line above a quote is broken into so many at most.
const ATTRIBUTION_MAX: usize = 3;
/// No attribution is longer.
const ATTRIBUTION_BYTES: usize = 300;

/// The first words of a message that a person would read; empty where it has none.
#[must_use]
pub fn first_words(source: Source<'_>) -> String {
    of(&Message::open(source))
}

pub(super) fn of(message: &Message<'_>) -> String {
    let says = |plain: &Part, page: &Part| {
        let page_len = usize::try_from(page.size_bytes).unwrap_or(usize::MAX);
        let text = message.beginning(plain, SAID);
        text.is_some_and(|found| says_something(&found.text, page_len))
    };
    let chosen = choose(&message.structure, Form::Auto, says);
    let subject = message.headers.get("Subject").map(super::decode_words);
    let subject = subject.unwrap_or_default();
    for part in chosen.parts.into_iter().take(PARTS_MAX) {
        let words = of_part(message, part, subject.trim());
        if !words.is_empty() {
            return Safe::line(&words).as_str().to_owned();
        }
    }
    String::new()
}

fn of_part(message: &Message<'_>, part: &Part, subject: &str) -> String {
    let mut found = String::new();
    let is_page = part.mime_type == "text/html";
    for (bytes, enough) in READ {
        // Half of a page is tags.
        let bytes = if is_page { bytes } else { bytes / 2 };
        let Some(text) = message.beginning(part, bytes) else {
            break;
        };
        let mut is_all = !text.is_cut;
        let lines = if is_page {
            let lines = html::skim(&text.text, enough);
            is_all &= lines.iter().map(|l| l.text.len()).sum::<usize>() < enough;
            lines
        } else {
            paragraphs(&text.text, text.flow)
        };
        found = words(&lines, subject);
        if is_all || found.len() >= CHARS_MAX / 2 {
            break;
        }
    }
    found
}

/// Whether the first words that a server gave say nothing: they are empty, a quote, or only tell who wrote
/// what is quoted below.
#[must_use]
pub fn are_no_words(given: &str) -> bool {
    let given = given.trim();
    given.is_empty() || given.starts_with('>') || is_attribution(given)
}

/// The words of lines, without what is no word of the sender's, nor a title that the list shows before
/// them.
fn words(lines: &[Paragraph], subject: &str) -> String {
    let mut gathered = Gathered::default();
    // What sends the reader away, and the subject once more, are better than nothing.
    let mut aside = Gathered::default();
    let mut is_signature = false;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let text = line.text.trim();
        let rest = lines.get(at..).unwrap_or_default();
        at += 1;
        if line.quote > 0 {
            is_signature = false;
        } else if text == "--" {
            is_signature = true;
        } else if is_signature || text.is_empty() || is_rule(text) {
        } else if text.starts_with("-----BEGIN PGP ") {
            // Armour: its header lines end with an empty one.
            if text != "-----BEGIN PGP SIGNED MESSAGE-----" {
                break;
            }
            let is_end = |p: &Paragraph| p.text.trim().is_empty();
            at += rest.iter().skip(1).position(is_end).unwrap_or(0);
        } else if let Some(len) = header_block(rest) {
            if !gathered.out.is_empty() {
                break;
            }
            at += len - 1;
        } else if let Some(len) = attribution_len(rest) {
            at += len - 1;
        } else if text.len() < 120 && sends_away(&text.to_lowercase())
            || gathered.out.is_empty() && text == subject
        {
            aside.add(text);
        } else if gathered.add(text) {
            break;
        }
    }
    if gathered.out.is_empty() {
        aside.out
    } else {
        gathered.out
    }
}

/// Lines of dashes and the like.
fn is_rule(text: &str) -> bool {
    let is_mark = |c: char| {
        c.is_ascii_punctuation()
            || c.is_whitespace()
            || is_filler(c)
            || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2500}'..='\u{259f}' | '•' | '·' | '…')
    };
    text.len() >= 3 && text.chars().all(is_mark) && !text.starts_with([':', ';'])
}

/// How many lines tell what is passed on or answered below them, if they do.
fn header_block(lines: &[Paragraph]) -> Option<usize> {
    let first = lines.first()?.text.trim();
    let is_dashed = first.starts_with("---") && first.ends_with("---");
    let is_mark = is_dashed || (first.len() < 60 && first.ends_with("message:"));
    if !is_mark && !first.contains([':', '：']) {
        return None;
    }
    let lead = if is_mark {
        let is_blank = |p: &&Paragraph| p.text.trim().is_empty();
        1 + lines.iter().skip(1).take_while(is_blank).count()
    } else {
        0
    };
    let below = lines.get(lead..).unwrap_or_default();
    let near: Vec<Option<&str>> = below.iter().take(10).map(|p| Some(p.text.trim())).collect();
    let mut len = html::block_len(&near);
    if len == 0 {
        // A mark of its own is known without the names below it.
        let own = html::block_len(&[Some(first)]);
        return (own > 0).then_some(own);
    }
    let is_more = |text: &&Option<&str>| text.is_some_and(html::is_recipients);
    len += near.iter().skip(len).take_while(is_more).count();
    Some(lead + len)
}

/// How many lines tell who wrote what is quoted below them, if they do.
fn attribution_len(lines: &[Paragraph]) -> Option<usize> {
    let mut whole = String::new();
    for (n, line) in lines.iter().take(ATTRIBUTION_MAX).enumerate() {
        let text = line.text.trim();
        if line.quote > 0 || text.is_empty() {
            return None;
        }
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(text);
        if text.ends_with([':', '：']) && is_attribution(&whole) {
            let mut below = lines.iter().skip(n + 1);
            let next = below.find(|p| p.quote > 0 || !p.text.trim().is_empty());
            // At the end, the quote is in a form that is not seen here.
            return next.is_none_or(|p| p.quote > 0).then_some(n + 1);
        }
    }
    None
}

/// Whether a line tells who wrote what follows, as mail programs put it above a quote.
fn is_attribution(text: &str) -> bool {
    const VERBS: [&str; 20] = [
        "wrote",
        "writes",
        "schrieb",
        "geschrieben",
        "écrit",
        "escribió",
        "escreveu",
        "scritto",
        "scrive",
        "schreef",
        "skrev",
        "kirjoitti",
        "napisał",
        "napisał(a)",
        "napsal",
        "írta",
        "yazdı",
        "пишет",
        "написал",
        "said",
    ];
    const BEFORE: [&str; 16] = [
        "on ", "am ", "le ", "el ", "em ", "il ", "op ", "den ", "på ", "w dniu ", "dnia ", "dne ",
        "в ", "quoting ", "at ", "in ",
    ];
    let Some(rest) = text.strip_suffix([':', '：']) else {
        return false;
    };
    if text.len() > ATTRIBUTION_BYTES {
        return false;
    }
    let lower = rest.to_lowercase();
    let lower = lower.trim_end();
    let has_verb = VERBS.iter().any(|verb| {
        let before = lower.strip_suffix(verb);
        before.is_some_and(|b| b.is_empty() || b.ends_with(|c: char| !c.is_alphanumeric()))
    });
    let is_east_asian = ["写道", "寫道", "さんは書きました", "のメール", "작성"]
        .iter()
        .any(|verb| lower.ends_with(verb));
    // A verb in the middle: "Am 1.5. schrieb Bo <bo@x>:".
    let has_inner_verb = || {
        let mut words = lower.split_whitespace();
        words.any(|word| VERBS.contains(&word))
    };
    let begins = BEFORE.iter().any(|word| lower.starts_with(word));
    let is_dated = begins && lower.contains(|c: char| c.is_ascii_digit());
    let is_addressed = lower.contains('@');
    if has_verb || is_east_asian {
        return is_dated || is_addressed || lower.split_whitespace().count() <= 5;
    }
    (is_dated || is_addressed) && (has_inner_verb() || is_addressed && begins)
}

/// Words, as many as there is room for.
#[derive(Default)]
struct Gathered {
    out: String,
    chars: usize,
}

impl Gathered {
    /// Adds the words of a line; whether there is no more room.
    fn add(&mut self, text: &str) -> bool {
        let mut was_link = false;
        let mut is_picture = false;
        for word in text.split(|c: char| c.is_whitespace() || is_fixed_blank(c)) {
            if is_picture || word.starts_with("[image:") || word.starts_with("[cid:") {
                is_picture = !word.ends_with(']');
                continue;
            }
            let (kept, has_link) = without_link(word);
            let is_bare = |c: char| is_filler(c) || matches!(c, '\u{200d}' | '\u{fe0f}');
            let says_nothing = kept.chars().all(is_bare);
            let is_bracket = |c: char| matches!(c, '(' | ')' | '[' | ']' | '<' | '>' | '*');
            let is_left = (was_link || has_link) && kept.chars().all(is_bracket);
            was_link = has_link || (was_link && says_nothing);
            if says_nothing || is_left {
                self.unopen(has_link);
            } else if self.push(kept) {
                return true;
            }
        }
        false
    }

    /// Takes back the bracket before a link that was left out.
    fn unopen(&mut self, was_link: bool) {
        let open = self.out.trim_end_matches(['(', '[', '<']);
        if was_link && open.len() < self.out.len() && (open.is_empty() || open.ends_with(' ')) {
            let kept = open.trim_end().len();
            self.out.truncate(kept);
            self.chars = self.out.chars().count();
        }
    }

    fn push(&mut self, word: &str) -> bool {
        if !self.out.is_empty() {
            self.out.push(' ');
            self.chars += 1;
        }
        for c in word.chars().filter(|c| !is_filler(*c)) {
            if self.chars >= CHARS_MAX {
                break;
            }
            self.out.push(c);
            self.chars += 1;
        }
        let is_full = self.chars >= CHARS_MAX;
        if is_full {
            let kept = self.out.trim_end().len();
            self.out.truncate(kept);
        }
        is_full
    }
}

/// A word without the address of a page in it, and whether it had one.
fn without_link(word: &str) -> (&str, bool) {
    if !word.contains(':') {
        return (word, false);
    }
    let found = [
        "http://", "https://", "mailto:", "ftp://", "HTTP://", "HTTPS://",
    ]
    .iter()
    .filter_map(|scheme| word.find(scheme))
    .min();
    let Some(at) = found else {
        return (word, false);
    };
    let before = word.get(..at).unwrap_or_default();
    // What is pasted to the address: "text<https://…>", "[text](https://…)", "Link:https://…".
    let kept = before.trim_end_matches(['<', '(', '[', ']', '"', '\'']);
    let kept = kept.trim_start_matches(['[', '(', '<']);
    (kept, true)
}

#[cfg(test)]
#[path = "first_words_tests.rs"]
mod tests;
