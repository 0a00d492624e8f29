//! Addresses as a person types them into To, Cc and Bcc: what is read, and what is wrong with it.
//!
//! Used by `app` (while typing), and by `mime`, which writes only what is valid here. An entry must
//! never be valid when it holds a control, a bracket or a line break: it goes into headers and into
//! SMTP commands as it is. Takes linear time.

use super::addr_spec::{Standing, check, wire_address};
use super::{Address, Safe};
use serde::{Deserialize, Serialize};

/// More of what was typed is not read.
const TYPED_MAX: usize = 1024 * 1024;
/// More entries are not kept.
const ENTRIES_MAX: usize = 10_000;

/// One entry of a list of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As typed, without the blanks around it.
    pub text: String,
    /// What was read from it.
    pub address: Address,
    /// Whether it can be sent to.
    pub standing: Standing,
}

/// A list of addresses as typed, and what it says. Kept as its text alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Recipients {
    typed: String,
    entries: Vec<Entry>,
}

impl From<String> for Recipients {
    fn from(typed: String) -> Self {
        Self {
            entries: read(&typed),
            typed,
        }
    }
}

impl From<Recipients> for String {
    fn from(recipients: Recipients) -> Self {
        recipients.typed
    }
}

impl Recipients {
    /// Reads what was typed: entries between commas, semicolons or line breaks, and groups of RFC
    /// 5322 section 3.4, whose names are dropped.
    #[must_use]
    pub fn read(typed: &str) -> Self {
        Self::from(typed.to_owned())
    }

    /// The list that these addresses make, as a person would type it.
    #[must_use]
    pub fn of(addresses: &[Address]) -> Self {
        let typed: Vec<String> = addresses.iter().map(typed_form).collect();
        Self::from(typed.join(", "))
    }

    /// The text as typed.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The entries in their order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The addresses that can be sent to, in their order.
    pub fn valid(&self) -> impl Iterator<Item = &Address> {
        let is_valid = |e: &&Entry| e.standing == Standing::Valid;
        self.entries.iter().filter(is_valid).map(|e| &e.address)
    }

    /// The first entry that cannot be sent to.
    #[must_use]
    pub fn first_problem(&self) -> Option<&Entry> {
        self.entries.iter().find(|e| e.standing != Standing::Valid)
    }

    /// Whether nothing was typed that is an entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Whether two addresses are one mailbox, as far as anybody but its server can say: without regard
/// to case, the host in either form of RFC 5890.
#[must_use]
pub fn is_same_mailbox(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || wire_address(one).to_lowercase() == wire_address(other).to_lowercase()
}

/// `Ann Example <ann@example.org>`, the name quoted where it must be.
fn typed_form(address: &Address) -> String {
    let name = clean_name(&address.name);
    if name.is_empty() {
        return clean_name(&address.address);
    }
    let is_special = |c: char| "()<>[]:;@\\,.\"".contains(c);
    let name = if name.contains(is_special) {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        name
    };
    format!("{name} <{}>", clean_name(&address.address))
}

/// A name on one line: controls and runs of blanks become single blanks.
fn clean_name(name: &str) -> String {
    let is_gap = |c: char| c.is_control() || c.is_whitespace();
    let words = name.split(is_gap).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn read(typed: &str) -> Vec<Entry> {
    let mut end = TYPED_MAX.min(typed.len());
    while !typed.is_char_boundary(end) {
        end -= 1;
    }
    let mut reader = Reader::default();
    let mut chars = typed.get(..end).unwrap_or_default().chars();
    while reader.found.len() < ENTRIES_MAX
        && let Some(c) = chars.next()
    {
        reader.take(c);
    }
    reader.flush();
    let is_cut = end < typed.len() || !chars.as_str().trim().is_empty();
    if is_cut {
        // Said, because those who are left out would not be missed.
        reader.found.push(Entry {
            text: "…".to_owned(),
            address: Address::default(),
            standing: Standing::Wrong("is more than one message can be sent to"),
        });
    }
    reader.found
}

/// What the reader is inside of.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Inside {
    #[default]
    Nothing,
    Quote,
    Angle,
    /// A quote inside of angle brackets.
    AngleQuote,
    /// A comment, so many levels deep.
    Comment(u32),
    /// An address literal such as `[192.0.2.1]`.
    Literal,
}

#[derive(Default)]
struct Reader {
    found: Vec<Entry>,
    inside: Inside,
    is_escaped: bool,
    /// The entry as typed.
    text: String,
    /// The words outside of angle brackets as written, and the same without their quotes.
    words: Vec<(String, String)>,
    is_in_word: bool,
    comment: String,
    angle: Option<String>,
    has_text_behind: bool,
    has_surplus: bool,
}

impl Reader {
    fn take(&mut self, c: char) {
        if matches!(c, '\r' | '\n') {
            // No quote, comment or bracket goes on over a line.
            return self.flush();
        }
        if self.inside == Inside::Nothing && matches!(c, ',' | ';') {
            return self.flush();
        }
        self.text.push(c);
        if std::mem::take(&mut self.is_escaped) {
            return self.escaped(c);
        }
        match self.inside {
            Inside::Nothing => self.plain(c),
            Inside::Quote => match c {
                '"' => {
                    self.inside = Inside::Nothing;
                    self.word(Some(c), None);
                }
                '\\' => {
                    self.is_escaped = true;
                    self.word(Some(c), None);
                }
                _ => self.word(Some(c), Some(c)),
            },
            Inside::Angle | Inside::AngleQuote => self.angled(c),
            Inside::Comment(depth) => {
                let depth = match c {
                    '(' => depth + 1,
                    ')' => depth - 1,
                    _ => depth,
                };
                self.is_escaped = c == '\\';
                if depth == 0 {
                    self.inside = Inside::Nothing;
                } else {
                    self.inside = Inside::Comment(depth);
                    self.comment.extend((c != '\\').then_some(c));
                }
            }
            Inside::Literal => {
                self.word(Some(c), Some(c));
                if c == ']' {
                    self.inside = Inside::Nothing;
                }
            }
        }
    }

    /// What follows a backslash stands for itself.
    fn escaped(&mut self, c: char) {
        match self.inside {
            Inside::Quote => self.word(Some(c), Some(c)),
            Inside::Comment(_) => self.comment.push(c),
            Inside::Angle | Inside::AngleQuote => self.angle.get_or_insert_default().push(c),
            Inside::Nothing | Inside::Literal => {}
        }
    }

    fn plain(&mut self, c: char) {
        match c {
            '<' if self.angle.is_none() => {
                self.inside = Inside::Angle;
                self.angle = Some(String::new());
                self.is_in_word = false;
            }
            '<' | '>' => self.has_surplus = true,
            '(' => {
                self.inside = Inside::Comment(1);
                self.is_in_word = false;
            }
            ':' if self.angle.is_none() && !self.words.iter().any(|(raw, _)| raw.contains('@')) => {
                // What came before is the name of a group.
                let found = std::mem::take(&mut self.found);
                *self = Self {
                    found,
                    ..Self::default()
                };
            }
            c if c.is_whitespace() => self.is_in_word = false,
            _ => {
                match c {
                    '"' => self.inside = Inside::Quote,
                    '[' => self.inside = Inside::Literal,
                    _ => {}
                }
                self.word(Some(c), Some(c).filter(|c| *c != '"'));
            }
        }
    }

    fn angled(&mut self, c: char) {
        if c == '>' && self.inside == Inside::Angle {
            self.inside = Inside::Nothing;
            return;
        }
        match (c, self.inside) {
            ('"', Inside::Angle) => self.inside = Inside::AngleQuote,
            ('"', _) => self.inside = Inside::Angle,
            ('\\', Inside::AngleQuote) => self.is_escaped = true,
            _ => {}
        }
        self.angle.get_or_insert_default().push(c);
    }

    /// Adds to the word at hand, as written and without its quotes.
    fn word(&mut self, raw: Option<char>, plain: Option<char>) {
        self.has_text_behind |= self.angle.is_some();
        if !std::mem::replace(&mut self.is_in_word, true) {
            self.words.push((String::new(), String::new()));
        }
        if let Some((written, read)) = self.words.last_mut() {
            written.extend(raw);
            read.extend(plain);
        }
    }

    fn flush(&mut self) {
        let found = std::mem::take(&mut self.found);
        let entry = std::mem::replace(
            self,
            Self {
                found,
                ..Self::default()
            },
        );
        if !entry.text.trim().is_empty() {
            self.found.push(entry.entry());
        }
    }

    /// The entry that was read.
    fn entry(mut self) -> Entry {
        let mut standing = self.structure();
        let address = match self.angle.take() {
            Some(angle) => angle.trim().to_owned(),
            None => {
                let last = self.words.pop_if(|(raw, _)| raw.contains('@'));
                last.map(|(raw, _)| raw).unwrap_or_default()
            }
        };
        let name: Vec<String> = self.words.into_iter().map(|(_, read)| read).collect();
        let name = match clean_name(&name.join(" ")) {
            name if name.is_empty() => clean_name(&self.comment),
            name => name,
        };
        if standing == Standing::Valid {
            standing = check(&address);
        }
        Entry {
            text: self.text.trim().to_owned(),
            address: Address { name, address },
            standing,
        }
    }

    /// What is wrong with the entry before one looks at the address itself.
    fn structure(&self) -> Standing {
        let with_at = self.words.iter().filter(|(raw, _)| raw.contains('@'));
        let is_last = self.words.last().is_some_and(|(raw, _)| raw.contains('@'));
        match (self.inside, &self.angle) {
            (Inside::Quote | Inside::AngleQuote, _) => {
                Standing::Unfinished("has a quote that is not closed")
            }
            (Inside::Comment(_), _) => Standing::Unfinished("has a bracket that is not closed"),
            (Inside::Literal, _) => Standing::Unfinished("has no closing ]"),
            (Inside::Angle, _) => Standing::Unfinished("has no closing >"),
            _ if self.has_surplus => Standing::Wrong("has a bracket too many"),
            _ if self.has_text_behind => Standing::Wrong("has text behind the address"),
            (_, Some(_)) => Standing::Valid,
            (_, None) => match with_at.count() {
                0 => Standing::Unfinished("has no @"),
                1 if is_last => Standing::Valid,
                1 => Standing::Wrong("has a blank or text behind the @"),
                _ => Standing::Wrong("holds several addresses: separate them with commas"),
            },
        }
    }
}

/// Whether a character has no place in an address, though no rule of mail forbids it.
pub(super) fn is_unseen(c: char) -> bool {
    let mut buffer = [0; 4];
    let text = c.encode_utf8(&mut buffer);
    Safe::line(text).as_str() != text
}

#[cfg(test)]
#[path = "recipients_tests.rs"]
mod tests;
