//! Unique identifiers of IMAP messages and their eras (RFC 9051 §2.3.1.1), and sets of them.
//!
//! Used by `net`, `store` and `engine`. A `Uid` is never zero and can never meet a sequence number.

use super::Invalid;
use std::fmt;
use std::num::NonZeroU32;

/// A message's unique id within one mailbox and one [`UidValidity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The largest id there can be.
    pub const MAX: Self = Self(NonZeroU32::MAX);
    /// The smallest id there can be.
    pub const MIN: Self = Self(NonZeroU32::MIN);

    /// An id from a number; `None` for zero.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number that goes over the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The era of a mailbox's ids: when it changes, every id learnt before is void. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(NonZeroU32);

impl UidValidity {
    /// An era from a number; `None` for zero.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number that goes over the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A modification sequence (RFC 7162): grows with every change of a mailbox. Zero means "none known".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModSeq(pub u64);

/// A set of unique ids as sorted, disjoint, inclusive ranges, at least one id apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UidSet {
    ranges: Vec<(u32, u32)>,
}

impl UidSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All ids from `first` to `last`, whichever is smaller first.
    #[must_use]
    pub fn range(first: Uid, last: Uid) -> Self {
        let (low, high) = if first <= last {
            (first, last)
        } else {
            (last, first)
        };
        Self {
            ranges: vec![(low.get(), high.get())],
        }
    }

    /// Adds one id.
    pub fn insert(&mut self, uid: Uid) {
        self.insert_range(uid, uid);
    }

    /// Adds all ids from `first` to `last`. Ascending insertion is the cheap case.
    pub fn insert_range(&mut self, first: Uid, last: Uid) {
        let (mut low, mut high) = (first.get().min(last.get()), first.get().max(last.get()));
        // Everything from `start` to `end` touches or overlaps the new range and melts into it.
        let start = self.ranges.partition_point(|r| r.1 < low.saturating_sub(1));
        let end = self
            .ranges
            .partition_point(|r| r.0 <= high.saturating_add(1));
        if let Some(touched) = self.ranges.get(start..end.max(start))
            && let (Some(head), Some(tail)) = (touched.first(), touched.last())
        {
            low = low.min(head.0);
            high = high.max(tail.1);
        }
        self.ranges.splice(start..end.max(start), [(low, high)]);
    }

    /// Whether `uid` is in the set.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let at = self.ranges.partition_point(|r| r.1 < uid.get());
        self.ranges.get(at).is_some_and(|r| r.0 <= uid.get())
    }

    /// Whether there is no id in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many ids are in the set.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|r| u64::from(r.1 - r.0) + 1).sum()
    }

    /// The ids that are in this set and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut others = other.ranges.iter().copied().peekable();
        for &(low, high) in &self.ranges {
            let mut from = Some(low);
            while let Some((other_low, other_high)) = others.peek().copied() {
                let Some(start) = from else { break };
                if other_high < start {
                    others.next();
                } else if other_low > high {
                    break;
                } else {
                    if other_low > start {
                        ranges.push((start, other_low - 1));
                    }
                    from = other_high.checked_add(1).filter(|next| *next <= high);
                }
            }
            if let Some(start) = from {
                ranges.push((start, high));
            }
        }
        Self { ranges }
    }

    /// Takes the `count` largest ids out of the set.
    #[must_use]
    pub fn split_off_last(&mut self, count: usize) -> Self {
        let mut left = count as u64;
        let mut ranges = Vec::new();
        while left > 0 {
            let Some((low, high)) = self.ranges.pop() else {
                break;
            };
            let size = u64::from(high - low) + 1;
            if size <= left {
                left -= size;
                ranges.push((low, high));
            } else {
                // `left` is smaller than the size of a range of `u32`, so it fits.
                let cut = high - u32::try_from(left).unwrap_or(0);
                self.ranges.push((low, cut));
                ranges.push((cut + 1, high));
                left = 0;
            }
        }
        ranges.reverse();
        Self { ranges }
    }

    /// The ranges, ascending, inclusive.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = (Uid, Uid)> + '_ {
        self.ranges
            .iter()
            .filter_map(|r| Some((Uid::new(r.0)?, Uid::new(r.1)?)))
    }

    /// Every id, ascending. A set from a server may name four thousand million: check [`len`](Self::len).
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.ranges
            .iter()
            .flat_map(|r| r.0..=r.1)
            .filter_map(Uid::new)
    }

    /// Reads the wire form of a set without `*` (RFC 9051 `uid-set`): `4:6,9`.
    ///
    /// # Errors
    /// Names the text when it is not such a set.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new(text, "is not a set of message ids");
        let number = |s: &str| s.parse().ok().and_then(Uid::new).ok_or_else(bad);
        let mut set = Self::new();
        for range in text.split(',') {
            match range.split_once(':') {
                Some((first, last)) => set.insert_range(number(first)?, number(last)?),
                None => set.insert(number(range)?),
            }
        }
        Ok(set)
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<T: IntoIterator<Item = Uid>>(iter: T) -> Self {
        let mut all: Vec<u32> = iter.into_iter().map(Uid::get).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for uid in all {
            match ranges.last_mut() {
                Some(last) if uid <= last.1.saturating_add(1) => last.1 = uid,
                _ => ranges.push((uid, uid)),
            }
        }
        Self { ranges }
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (low, high)) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if low == high {
                write!(f, "{comma}{low}")?;
            } else {
                write!(f, "{comma}{low}:{high}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(n: u32) -> Uid {
        Uid::new(n).unwrap()
    }

    #[test]
    fn a_set_melts_touching_ranges_into_one() {
        let mut set = UidSet::new();
        for n in [5, 1, 3, 2, 9, 8, 4] {
            set.insert(uid(n));
        }
        assert_eq!(set.to_string(), "1:5,8:9");
        set.insert_range(uid(6), uid(7));
        assert_eq!(set.to_string(), "1:9");
        assert_eq!(set.len(), 9);
    }

    #[test]
    fn a_set_reads_what_it_writes_and_refuses_the_rest() {
        for text in ["1", "4:6,9", "1:4294967295"] {
            assert_eq!(UidSet::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(UidSet::parse("6:4").unwrap().to_string(), "4:6");
        for text in ["", "0", "1:*", "a", "4294967296", "1,,2", "-1"] {
            assert!(UidSet::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn difference_and_splitting_lose_no_id_and_invent_none() {
        let parse = |t: &str| UidSet::parse(t).unwrap();
        assert_eq!(
            parse("1:10,20:30")
                .minus(&parse("1,5:7,9:22,30:40"))
                .to_string(),
            "2:4,8,23:29"
        );
        assert_eq!(parse("5:6").minus(&parse("1:4294967295")), UidSet::new());
        assert_eq!(
            parse("1:4294967295")
                .minus(&parse("2:4294967295"))
                .to_string(),
            "1"
        );
        assert_eq!(parse("5:9").minus(&UidSet::new()).to_string(), "5:9");
        let mut set = parse("1:10,20:30");
        assert_eq!(set.split_off_last(13).to_string(), "9:10,20:30");
        assert_eq!(set.to_string(), "1:8");
        assert_eq!(set.split_off_last(100).to_string(), "1:8");
        assert!(set.is_empty());
    }

    #[test]
    fn a_set_contains_exactly_what_was_put_in() {
        let set: UidSet = [7, 3, 4, 100].into_iter().map(uid).collect();
        let found: Vec<u32> = (1..=120).filter(|n| set.contains(uid(*n))).collect();
        assert_eq!(found, [3, 4, 7, 100]);
        assert_eq!(set.iter().map(Uid::get).collect::<Vec<_>>(), found);
    }
}
