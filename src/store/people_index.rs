//! Everybody who is known, in memory, and who of them fits what was typed.
//!
//! Made by [`super::Reader::people`] and by `engine` of files of contacts; kept by the caller, as a
//! view is. Must never take more than one pass over the names, whatever was typed.

use super::people::{Heat, identity};
use super::text::fold;
use crate::model::{AccountKey, Address};
use icu_normalizer::DecomposingNormalizerBorrowed;
use memchr::memmem::Finder;

/// Typing more than this finds what its beginning finds.
const TYPED_CHARS_MAX: usize = 200;
/// So many people are compared for each one that is wanted.
const COMPARED: usize = 8;
/// How much it counts that the account at hand knows them, in half-lives.
const SAME_ACCOUNT: f64 = 1.0;
/// How much less an address counts that nobody reads, unless it was written to.
const AUTOMATIC: f64 = -60.0;

/// Somebody with an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub(super) identity: String,
    /// Name and address, as they are put into a field.
    pub address: Address,
    /// The accounts that met them.
    pub accounts: Vec<AccountKey>,
    /// Messages written to them.
    pub sent: u32,
    /// Messages had from them.
    pub received: u32,
    /// When they were last written to, in seconds since 1970; 0: never.
    pub last_sent_secs: i64,
    /// When they were last met at all; 0: never.
    pub last_seen_secs: i64,
    pub(super) heat: Heat,
}

impl Person {
    /// Somebody of whom no message is known.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            identity: identity(&address.address),
            address,
            accounts: Vec::new(),
            sent: 0,
            received: 0,
            last_sent_secs: 0,
            last_seen_secs: 0,
            heat: Heat::NONE,
        }
    }

    /// Who it is: the address in lower case, its host as A-labels.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Adds what another account knows of the same person.
    pub(super) fn join(&mut self, other: Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.received = self.received.saturating_add(other.received);
        self.heat = self.heat.and(other.heat);
        let is_newer = other.last_seen_secs > self.last_seen_secs;
        if self.address.name.is_empty() || (is_newer && !other.address.name.is_empty()) {
            self.address.name = other.address.name;
        }
        self.last_sent_secs = self.last_sent_secs.max(other.last_sent_secs);
        self.last_seen_secs = self.last_seen_secs.max(other.last_seen_secs);
        self.accounts.extend(other.accounts);
    }

    /// Whether it is an address that nobody reads, and was never written to.
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.sent == 0 && is_automatic(&self.identity)
    }

    fn rank(&self) -> f64 {
        if self.is_automatic() {
            self.heat.0 + AUTOMATIC
        } else {
            self.heat.0
        }
    }
}

/// Whether mail from there is made by a program or a list, so that nobody wants to write to it.
fn is_automatic(identity: &str) -> bool {
    const WITHIN: [&str; 12] = [
        "noreply",
        "no-reply",
        "no_reply",
        "no.reply",
        "donotreply",
        "do-not-reply",
        "do_not_reply",
        "mailer-daemon",
        "postmaster",
        "bounce",
        "notification",
        "newsletter",
    ];
    const AT_THE_END: [&str; 4] = ["-request", "-owner", "-announce", "-admin"];
    let local = identity
        .rsplit_once('@')
        .map_or(identity, |(local, _)| local);
    WITHIN.iter().any(|word| local.contains(word))
        || AT_THE_END.iter().any(|word| local.ends_with(word))
        || local.contains('=')
        || local.len() > 40
}

/// Everybody, the best first.
#[derive(Debug, Default)]
pub struct People {
    all: Vec<Person>,
    /// Words of names and of what stands before the `@`, and whole addresses.
    names: Words,
    /// Words of what stands behind it.
    hosts: Words,
}

/// The folded words of everybody in one text, each after a line break.
#[derive(Debug, Default)]
struct Words {
    text: String,
    /// Where the words of each person begin.
    starts: Vec<usize>,
}

impl Words {
    fn begin(&mut self) {
        self.starts.push(self.text.len());
    }

    fn push(&mut self, word: &str) {
        if !word.is_empty() {
            self.text.push('\n');
            self.text.push_str(word);
        }
    }

    fn of(&self, person: usize) -> &str {
        let start = self.starts.get(person).copied().unwrap_or_default();
        let end = self.starts.get(person + 1).copied();
        let end = end.unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default()
    }

    /// The people of whom a word begins so, in their order.
    fn find<'a>(&'a self, finder: &'a Finder<'_>) -> impl Iterator<Item = usize> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + finder.find(self.text.as_bytes().get(from..)?)?;
            let after = self.starts.partition_point(|start| *start <= at);
            from = self.starts.get(after).copied().unwrap_or(self.text.len());
            Some(after.saturating_sub(1))
        })
    }
}

impl People {
    /// Puts people in their order.
    #[must_use]
    pub fn new(mut all: Vec<Person>) -> Self {
        all.sort_by(|a, b| {
            let by_rank = b.rank().total_cmp(&a.rank());
            by_rank.then_with(|| a.identity.cmp(&b.identity))
        });
        let (mut names, mut hosts) = (Words::default(), Words::default());
        for person in &all {
            names.begin();
            hosts.begin();
            for word in words(&folded(&person.address.name)) {
                names.push(word);
            }
            let (local, host) = person
                .identity
                .rsplit_once('@')
                .unwrap_or((&person.identity, ""));
            names.push(&folded(&person.identity));
            for word in words(&folded(local)).skip(1) {
                names.push(word);
            }
            let shown = folded(&person.address.address);
            let shown = shown.rsplit_once('@').map_or("", |(_, host)| host);
            for host in [host].into_iter().chain((shown != host).then_some(shown)) {
                hosts.push(host);
                for label in host.split('.').skip(1) {
                    hosts.push(label);
                }
            }
        }
        Self { all, names, hosts }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those of whom a word of the name or of the address begins with each word typed, the best
    /// first, at most `limit`; where nothing is typed, the best of all. Case and accents do not
    /// count. Who fits by the host alone comes last.
    #[must_use]
    pub fn find(&self, typed: &str, account: Option<AccountKey>, limit: usize) -> Vec<&Person> {
        let typed: String = typed.chars().take(TYPED_CHARS_MAX).collect();
        let typed = folded(&typed);
        let wanted: Vec<&str> = typed
            .split(|c: char| c.is_whitespace() || "<>(),;\"".contains(c))
            .filter(|word| words(word).next().is_some())
            .collect();
        let longest = wanted
            .iter()
            .filter_map(|word| words(word).next())
            .max_by_key(|word| word.len());
        let Some(longest) = longest else {
            return self.all.iter().take(limit).collect();
        };
        let needle = format!("\n{longest}");
        let finder = Finder::new(&needle);
        let mut found = Vec::new();
        for index in [&self.names, &self.hosts] {
            let fits = index
                .find(&finder)
                .filter(|at| !found.contains(at) && self.is_fit(*at, &wanted));
            let mut more: Vec<usize> = fits.take(limit.saturating_mul(COMPARED)).collect();
            more.sort_by(|a, b| {
                let rank = |at: &usize| self.rank(*at, account);
                rank(b).total_cmp(&rank(a))
            });
            found.extend(more);
            if found.len() >= limit {
                break;
            }
        }
        let people = found.iter().filter_map(|at| self.all.get(*at));
        people.take(limit).collect()
    }

    fn rank(&self, at: usize, account: Option<AccountKey>) -> f64 {
        self.all.get(at).map_or(f64::MIN, |person| {
            let is_known = account.is_some_and(|a| person.accounts.contains(&a));
            person.rank() + if is_known { SAME_ACCOUNT } else { 0.0 }
        })
    }

    fn is_fit(&self, at: usize, wanted: &[&str]) -> bool {
        let has = |word: &str| {
            let needle = format!("\n{word}");
            self.names.of(at).contains(&needle) || self.hosts.of(at).contains(&needle)
        };
        wanted.iter().all(|word| has(word) || words(word).all(has))
    }
}

/// The words of a folded text.
fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The text without case and without accents, as [`People::find`] compares it.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let parts = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let mut plain = String::with_capacity(parts.len());
    for c in parts.chars().filter(|c| !is_accent(*c)) {
        // Letters with a stroke are letters of their own, and typed without it all the same.
        match c {
            'Ø' | 'ø' => plain.push('o'),
            'Ł' | 'ł' => plain.push('l'),
            'Đ' | 'đ' | 'Ð' | 'ð' => plain.push('d'),
            'Æ' | 'æ' => plain.push_str("ae"),
            'Œ' | 'œ' => plain.push_str("oe"),
            'Þ' | 'þ' => plain.push_str("th"),
            'ı' => plain.push('i'),
            c => plain.push(c),
        }
    }
    fold(&plain)
}

const fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
#[path = "people_index_tests.rs"]
mod tests;
