//! COPYUID and APPENDUID (RFC 4315 §3): where copies went, as the server says.
//!
//! Read by `transfer` and `append`. No memory may be taken for what a server only claims: what does
//! not fit the messages that were asked for is as if it had not been said.

use super::response::{Code, Condition, Said};
use super::tokens::to_number;
use super::types::Copied;
use crate::model::{Uid, UidSet, UidValidity};

/// How many pairs are believed.
const PAIRS_MAX: u64 = 1_000_000;

/// The pairs that were told, for the messages that were asked for.
#[derive(Debug)]
pub(super) struct Mapping {
    asked: UidSet,
    era: Option<UidValidity>,
    pairs: Vec<(Uid, Uid)>,
    is_odd: bool,
}

impl Mapping {
    /// Nothing was told yet.
    pub(super) fn new(asked: &UidSet) -> Self {
        Self {
            asked: asked.clone(),
            era: None,
            pairs: Vec::new(),
            is_odd: false,
        }
    }

    /// Takes COPYUID out of an OK, tagged or not.
    pub(super) fn hear(&mut self, said: &Said) {
        let Some(code) = said.code.as_ref().filter(|c| c.name == "COPYUID") else {
            return;
        };
        if said.condition != Condition::Ok || self.is_odd {
            return;
        }
        let room = self.asked.len().min(PAIRS_MAX);
        match copy_uid(code, room) {
            Some((era, pairs)) if self.era.is_none_or(|e| e == era) && self.fits(&pairs) => {
                self.era = Some(era);
                self.pairs.extend(pairs);
            }
            _ => self.is_odd = true,
        }
    }

    /// Whether they are of what was asked for, and not many more than that in all: servers may tell
    /// twice.
    fn fits(&self, pairs: &[(Uid, Uid)]) -> bool {
        let all = u64::try_from(self.pairs.len() + pairs.len()).unwrap_or(u64::MAX);
        all <= self.asked.len().saturating_mul(2)
            && pairs.iter().all(|(source, _)| self.asked.contains(*source))
    }

    /// All that was told, if it makes sense: each message once, each copy of one message.
    pub(super) fn copied(mut self) -> Option<Copied> {
        let uid_validity = self.era.filter(|_| !self.is_odd)?;
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let targets: UidSet = self.pairs.iter().map(|(_, target)| *target).collect();
        let sources: UidSet = self.pairs.iter().map(|(source, _)| *source).collect();
        let count = u64::try_from(self.pairs.len()).unwrap_or(u64::MAX);
        (sources.len() == count && targets.len() == count).then_some(Copied {
            uid_validity,
            pairs: self.pairs,
        })
    }
}

/// The era and the pairs of a COPYUID of at most `room` messages.
fn copy_uid(code: &Code, room: u64) -> Option<(UidValidity, Vec<(Uid, Uid)>)> {
    let mut words = code.words();
    let era = UidValidity::new(small(words.next()?)?)?;
    let sources = ranges(words.next()?, room)?;
    let targets = ranges(words.next()?, room)?;
    if words.next().is_some() || sources.len() != targets.len() {
        return None;
    }
    Some((era, sources.into_iter().zip(targets).collect()))
}

/// The era and the id of an APPENDUID of one message.
pub(super) fn append_uid(said: &Said) -> Option<(UidValidity, Uid)> {
    let code = said.code.as_ref().filter(|c| c.name == "APPENDUID")?;
    let mut words = code.words();
    let era = UidValidity::new(small(words.next()?)?)?;
    let uid = Uid::new(small(words.next()?)?)?;
    (said.condition == Condition::Ok && words.next().is_none()).then_some((era, uid))
}

fn small(digits: &str) -> Option<u32> {
    u32::try_from(to_number(digits.as_bytes())?).ok()
}

/// The ids of a set in the order in which its ranges stand; each range ascends (RFC 4315 §3).
fn ranges(text: &str, room: u64) -> Option<Vec<Uid>> {
    let mut ids = Vec::new();
    let mut left = room;
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let (first, last) = (Uid::new(small(first)?)?, Uid::new(small(last)?)?);
        let range = UidSet::range(first, last);
        left = left.checked_sub(range.len())?;
        ids.extend(range.iter());
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(asked: &UidSet, args: &str) -> Option<Copied> {
        let mut mapping = Mapping::new(asked);
        mapping.hear(&Said {
            condition: Condition::Ok,
            code: Some(Code {
                name: "COPYUID".into(),
                args: args.into(),
            }),
            text: String::new(),
        });
        mapping.copied()
    }

    #[test]
    fn ranges_ascend_and_pairs_are_told_by_the_order_of_the_ranges() {
        let asked = UidSet::parse("1:99").unwrap();
        let copied = told(&asked, "7 12:10,3 4:6,9").unwrap();
        let pairs: Vec<_> = copied
            .pairs
            .iter()
            .map(|(a, b)| (a.get(), b.get()))
            .collect();
        assert_eq!(pairs, [(3, 9), (10, 4), (11, 5), (12, 6)]);
    }

    #[test]
    fn a_claim_of_all_there_could_be_costs_nothing_even_where_all_was_asked_for() {
        let all = UidSet::range(Uid::MIN, Uid::MAX);
        assert_eq!(told(&all, "7 1:4294967295 1:4294967295"), None);
        let many = format!("7 {} 1", vec!["1:900000"; 9_000].join(","));
        assert_eq!(told(&all, &many), None);
    }

    proptest! {
        #[test]
        fn whatever_is_told_only_what_was_asked_for_is_believed(
            args in "[0-9]{1,2} ([0-9]{0,2}[:,*]?){0,4} ([0-9]{0,2}[:,]?){0,4}",
        ) {
            let asked = UidSet::parse("2,5:9,40").unwrap();
            if let Some(copied) = told(&asked, &args) {
                prop_assert!(copied.pairs.len() <= 7);
                prop_assert!(copied.pairs.iter().all(|(source, _)| asked.contains(*source)));
            }
        }
    }
}
