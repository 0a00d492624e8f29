//! Names of files in a Maildir, and the letters in them that stand for flags and tags.
//!
//! Used by `maildir` and `maildir_read`. Flags are those of every program (D F P R S T); tags are
//! Dovecot's letters a to z, whose words the file `dovecot-keywords` has.

use crate::model::{Flag, FlagSet, Keyword};
use std::collections::BTreeMap;

/// The file with the words.
pub(super) const FILE: &str = "dovecot-keywords";
/// More of it is not read.
pub(super) const FILE_MAX: u64 = 1024 * 1024;
/// How many letters there are.
const LETTERS: usize = 26;
/// Behind the size: the line breaks of the message are its own, though they are no CRLF.
pub(super) const EXACT: &str = ",X=exact";

const FLAGS: [(char, Flag); 6] = [
    ('D', Flag::Draft),
    ('F', Flag::Flagged),
    ('P', Flag::Forwarded),
    ('R', Flag::Answered),
    ('S', Flag::Seen),
    ('T', Flag::Deleted),
];

/// The words that letters stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    by_number: BTreeMap<usize, String>,
}

impl Words {
    /// Reads the file: a number and a word on each line.
    pub(super) fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (number, word) = line.trim_end().split_once(' ')?;
            Some((number.parse().ok()?, word.to_owned()))
        };
        Self {
            by_number: text.lines().filter_map(line).collect(),
        }
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let line = |(number, word): (&usize, &String)| format!("{number} {word}\n");
        self.by_number.iter().map(line).collect()
    }

    /// Adds words as far as there are letters. Whether any was added.
    pub(super) fn add<'a>(&mut self, words: impl Iterator<Item = &'a Keyword>) -> bool {
        let mut is_changed = false;
        for word in words {
            if self.number(word).is_some() {
                continue;
            }
            let free = (0..LETTERS).find(|n| !self.by_number.contains_key(n));
            if let Some(number) = free {
                self.by_number.insert(number, word.as_str().to_owned());
                is_changed = true;
            }
        }
        is_changed
    }

    fn number(&self, word: &Keyword) -> Option<usize> {
        let mut all = self.by_number.iter();
        all.find(|(number, known)| **number < LETTERS && known.eq_ignore_ascii_case(word.as_str()))
            .map(|(number, _)| *number)
    }

    /// The letters of flags and tags, and how many tags have none.
    pub(super) fn letters(&self, flags: &FlagSet) -> (String, u64) {
        let known = FLAGS.into_iter().filter(|(_, flag)| flags.has(*flag));
        let mut letters: String = known.map(|(letter, _)| letter).collect();
        let mut lost = 0;
        let mut tags = Vec::new();
        for word in flags.keywords() {
            match self.number(word).and_then(|n| ('a'..='z').nth(n)) {
                Some(letter) => tags.push(letter),
                None => lost += 1,
            }
        }
        tags.sort_unstable();
        letters.extend(tags);
        (letters, lost)
    }

    /// Flags and tags of the letters.
    fn flags(&self, letters: &str) -> FlagSet {
        let mut flags = FlagSet::new();
        for letter in letters.chars() {
            if let Some((_, flag)) = FLAGS.iter().find(|(known, _)| *known == letter) {
                flags.insert(*flag);
            } else if let Some(number) = ('a'..='z').position(|known| known == letter) {
                let word = self.by_number.get(&number);
                if let Some(word) = word.and_then(|word| Keyword::new(word).ok()) {
                    flags.insert_keyword(word);
                }
            }
        }
        flags
    }

    /// What the name of a file says: flags, and whether the line breaks are to be left as they are.
    pub(super) fn read(&self, name: &str) -> (FlagSet, bool) {
        let (base, info) = name.split_once(":2,").unwrap_or((name, ""));
        let letters = info.split(',').next().unwrap_or_default();
        (self.flags(letters), base.ends_with(EXACT))
    }
}

/// A host's name as it may stand in the name of a file.
pub(super) fn host(name: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let name: String = name.chars().filter(is_plain).take(64).collect();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
