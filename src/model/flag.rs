//! Flags and keywords of a message (RFC 9051 §2.3.2), and changes to them, element by element.
//!
//! Used by `net` (wire form), `store` (columns) and `app` (display). `\Recent` is not modelled: no
//! client can rely on it, so it is dropped where flags are read.

use super::Invalid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A flag with a meaning of its own in this client. `Forwarded` travels as the keyword `$Forwarded`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flag {
    /// Answered.
    Answered,
    /// Marked for removal by an expunge.
    Deleted,
    /// A draft.
    Draft,
    /// Starred.
    Flagged,
    /// Passed on to somebody.
    Forwarded,
    /// Read.
    Seen,
}

impl Flag {
    /// Every flag, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::Deleted,
        Self::Draft,
        Self::Flagged,
        Self::Forwarded,
        Self::Seen,
    ];

    /// The bit that stands for this flag in [`FlagSet::bits`]; fixed for ever, it is on disk.
    #[must_use]
    pub const fn bit(self) -> u8 {
        match self {
            Self::Seen => 1,
            Self::Flagged => 2,
            Self::Answered => 4,
            Self::Forwarded => 8,
            Self::Draft => 16,
            Self::Deleted => 32,
        }
    }

    /// The wire form.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Seen => "\\Seen",
            Self::Flagged => "\\Flagged",
            Self::Answered => "\\Answered",
            Self::Forwarded => "$Forwarded",
            Self::Draft => "\\Draft",
            Self::Deleted => "\\Deleted",
        }
    }

    /// The name in commands and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Flagged => "flagged",
            Self::Answered => "answered",
            Self::Forwarded => "forwarded",
            Self::Draft => "draft",
            Self::Deleted => "deleted",
        }
    }

    /// The flag of that name in commands and JSON.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_name(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|f| f.name() == name)
            .ok_or_else(|| {
                Invalid::new(
                    name,
                    "is not a flag (seen flagged answered forwarded draft deleted)",
                )
            })
    }
}

/// A user's word on a message: an IMAP keyword, shown as a tag. Compared without regard to case,
/// because servers do; written as first seen.
#[derive(Debug, Clone)]
pub struct Keyword(String);

impl Keyword {
    /// A keyword from text: one to 128 bytes that an IMAP atom may hold.
    ///
    /// # Errors
    /// When the text cannot be an atom, or begins with a backslash (a system flag).
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(atom) {
            return Err(Invalid::new(
                text,
                "cannot be a tag: letters, digits and - _ . $ / only, at most 128",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
impl Eq for Keyword {}
impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let folded = |k: &Self| {
            k.0.bytes()
                .map(|b| b.to_ascii_lowercase())
                .collect::<Vec<_>>()
        };
        folded(self).cmp(&folded(other))
    }
}

/// The flags and keywords of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct FlagSet {
    bits: u8,
    keywords: BTreeSet<Keyword>,
}

impl FlagSet {
    /// No flag at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From the stored form: see [`bits`](Self::bits) and [`words`](Self::words).
    #[must_use]
    pub fn from_stored(bits: u8, words: &str) -> Self {
        let keywords = words
            .split(' ')
            .filter_map(|w| Keyword::new(w).ok())
            .collect();
        Self {
            bits: bits & 63,
            keywords,
        }
    }

    /// From wire flags; `\Recent`, unknown system flags and impossible keywords are dropped.
    pub fn from_wire<'a>(flags: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self::new();
        for flag in flags {
            match Flag::ALL
                .into_iter()
                .find(|f| f.wire().eq_ignore_ascii_case(flag))
            {
                Some(known) => set.insert(known),
                None => drop(Keyword::new(flag).map(|k| set.keywords.insert(k))),
            }
        }
        set
    }

    /// The flags as bits, see [`Flag::bit`].
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// The keywords in order, joined by blanks; empty for none.
    #[must_use]
    pub fn words(&self) -> String {
        self.keywords
            .iter()
            .map(Keyword::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Whether `flag` is set.
    #[must_use]
    pub const fn has(&self, flag: Flag) -> bool {
        self.bits & flag.bit() != 0
    }

    /// Whether the keyword is set.
    #[must_use]
    pub fn has_keyword(&self, keyword: &Keyword) -> bool {
        self.keywords.contains(keyword)
    }

    /// Sets a flag.
    pub const fn insert(&mut self, flag: Flag) {
        self.bits |= flag.bit();
    }

    /// Clears a flag.
    pub const fn remove(&mut self, flag: Flag) {
        self.bits &= !flag.bit();
    }

    /// Sets a keyword.
    pub fn insert_keyword(&mut self, keyword: Keyword) {
        self.keywords.insert(keyword);
    }

    /// The flags that are set, in the order of their names.
    pub fn flags(&self) -> impl Iterator<Item = Flag> + '_ {
        Flag::ALL.into_iter().filter(|f| self.has(*f))
    }

    /// The keywords, in order.
    pub fn keywords(&self) -> impl Iterator<Item = &Keyword> {
        self.keywords.iter()
    }

    /// Applies a change: what it adds is set, what it removes is cleared, the rest stays.
    pub fn apply(&mut self, change: &FlagChange) {
        self.bits = (self.bits | change.add.bits) & !change.remove.bits;
        self.keywords.extend(change.add.keywords.iter().cloned());
        self.keywords
            .retain(|k| !change.remove.keywords.contains(k));
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.keywords.is_empty()
    }
}

/// The wire form, for what is kept as text.
impl From<FlagSet> for String {
    fn from(set: FlagSet) -> Self {
        set.to_string()
    }
}

impl From<String> for FlagSet {
    fn from(text: String) -> Self {
        Self::from_wire(text.split(' ').filter(|w| !w.is_empty()))
    }
}

/// The wire form without parentheses: `\Seen $Forwarded work`.
impl fmt::Display for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self
            .flags()
            .map(|flag| flag.wire() as &str)
            .chain(self.keywords.iter().map(Keyword::as_str));
        for (i, word) in words.enumerate() {
            write!(f, "{}{word}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a user wants of a message's flags: these set, those cleared, the others as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlagChange {
    /// To be set.
    pub add: FlagSet,
    /// To be cleared; wins over `add`.
    pub remove: FlagSet,
}

impl FlagChange {
    /// Sets (`on`) or clears one flag.
    #[must_use]
    pub fn one(flag: Flag, on: bool) -> Self {
        let mut change = Self::default();
        if on {
            change.add.insert(flag);
        } else {
            change.remove.insert(flag);
        }
        change
    }

    /// Sets (`on`) or clears one keyword.
    #[must_use]
    pub fn keyword(keyword: Keyword, on: bool) -> Self {
        let mut change = Self::default();
        if on {
            change.add.insert_keyword(keyword);
        } else {
            change.remove.insert_keyword(keyword);
        }
        change
    }

    /// The part of the change that would alter `flags`: what it adds and is missing, what it
    /// removes and is there.
    #[must_use]
    pub fn effect_on(&self, flags: &FlagSet) -> Self {
        let mut after = flags.clone();
        after.apply(self);
        Self {
            add: minus(&after, flags),
            remove: minus(flags, &after),
        }
    }

    /// The change that takes this one back, if this one did alter all that it names.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            add: self.remove.clone(),
            remove: minus(&self.add, &self.remove),
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

fn minus(a: &FlagSet, b: &FlagSet) -> FlagSet {
    FlagSet {
        bits: a.bits & !b.bits,
        keywords: a.keywords.difference(&b.keywords).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_flags_survive_the_way_through_the_stored_form() {
        let set = FlagSet::from_wire([
            "\\Seen",
            "\\RECENT",
            "$forwarded",
            "Work",
            "work",
            "\\Odd",
            "a b",
        ]);
        assert_eq!(set.to_string(), "$Forwarded \\Seen Work");
        assert_eq!(FlagSet::from_stored(set.bits(), &set.words()), set);
    }

    #[test]
    fn a_change_touches_only_what_it_names_and_its_inverse_takes_it_back() {
        let before = FlagSet::from_wire(["\\Flagged", "work"]);
        let mut change = FlagChange::one(Flag::Seen, true);
        change.remove.insert_keyword(Keyword::new("WORK").unwrap());
        change.add.insert(Flag::Flagged);
        let effect = change.effect_on(&before);
        let mut after = before.clone();
        after.apply(&effect);
        assert_eq!(after.to_string(), "\\Flagged \\Seen");
        after.apply(&effect.inverse());
        assert_eq!(after, before);
    }
}
