//! Which messages of a maildrop are known, which are new, and which may be deleted there. Pure.
//!
//! Called by the POP3 rounds. A message must never be taken for a known one, or be deleted, by its
//! unique id alone where anything else speaks against it: servers give ids out twice, anew, or not at
//! all (RFC 1939 §7 notwithstanding).

use crate::config::LeaveOnServer;
use crate::store::{Deletion, DropRow, DropSeen, Lies};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A message as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its number in this session.
    pub(super) number: u32,
    /// How large the server says it is.
    pub(super) size: u64,
    /// Its unique id; empty where the server gives none.
    pub(super) uidl: String,
}

/// What is known of a message before anything of it is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is the one of that row.
    Known(usize),
    /// It may be one that is known: its beginning tells.
    Unsure,
    /// Nothing like it is known.
    New,
}

/// A listing held against what is known.
#[derive(Debug)]
pub(super) struct Matching {
    rows: Vec<DropRow>,
    /// For each row, who it was found to be.
    taken: Vec<Option<u32>>,
    listed: BTreeMap<u32, (u32, Listed)>,
    /// The rows by the digests of what they hold.
    by_bytes: HashMap<String, Vec<usize>>,
}

impl Matching {
    /// Holds a complete listing against what is known. The fate of each, in the order of the listing.
    pub(super) fn new(listing: Vec<Listed>, rows: Vec<DropRow>) -> (Self, Vec<(u32, Fate)>) {
        let ids = by_id(&listing, &rows);
        let mut taken = vec![None; rows.len()];
        let mut fates = Vec::with_capacity(listing.len());
        let mut places = Vec::with_capacity(listing.len());
        let mut last_place = None;
        for one in &listing {
            let by_id = match ids.get(one.uidl.as_str()) {
                Some((1, found)) => match found.as_slice() {
                    [at] => Some(*at),
                    _ => None,
                },
                _ => None,
            };
            let known = by_id.filter(|at| {
                rows.get(*at).is_some_and(|row| {
                    // An id that turns up behind others than before may have been given out anew.
                    let is_in_order = last_place.is_none_or(|last| row.place > last);
                    is_in_order && row.size == one.size && row.deletion == Deletion::None
                })
            });
            // Places only say what comes after what: those of known messages stay as they are.
            let next = last_place.map_or(0, |last: u32| last.saturating_add(1));
            let place = known
                .and_then(|at| rows.get(at))
                .map_or(next, |row| row.place);
            last_place = Some(place);
            places.push(place);
            if let Some(at) = known {
                if let Some(taken) = taken.get_mut(at) {
                    *taken = Some(one.number);
                }
                fates.push((one.number, Fate::Known(at)));
            } else {
                fates.push((one.number, Fate::Unsure));
            }
        }
        let left = || rows.iter().zip(&taken).filter(|(_, taken)| taken.is_none());
        let sizes: HashSet<u64> = left().map(|(row, _)| row.size).collect();
        let uidls: HashSet<&str> = left().map(|(row, _)| row.uidl.as_str()).collect();
        let is_left = |one: &Listed| {
            let is_id = !one.uidl.is_empty() && uidls.contains(one.uidl.as_str());
            is_id || sizes.contains(&one.size)
        };
        for ((_, fate), one) in fates.iter_mut().zip(&listing) {
            if *fate == Fate::Unsure && !is_left(one) {
                *fate = Fate::New;
            }
        }
        let listed = listing
            .into_iter()
            .zip(places)
            .map(|(one, place)| (one.number, (place, one)))
            .collect();
        let mut by_bytes: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            for digest in [&row.probe, &row.digest] {
                by_bytes.entry(digest.clone()).or_default().push(at);
            }
        }
        let matching = Self {
            by_bytes,
            rows,
            taken,
            listed,
        };
        (matching, fates)
    }

    /// The message of a number, and its place: those of a listing grow from one to the next.
    pub(super) fn listed(&self, number: u32) -> Option<(u32, &Listed)> {
        self.listed
            .get(&number)
            .map(|(place, listed)| (*place, listed))
    }

    /// The rows as they were.
    pub(super) fn rows(&self) -> &[DropRow] {
        &self.rows
    }

    /// The row that has that beginning and was not found yet; its digest tells the rest, where that is
    /// to be certain.
    pub(super) fn by_probe(&self, number: u32, probe: &str) -> Option<usize> {
        self.find(number, probe)
    }

    /// The row that has those bytes and was not found yet.
    pub(super) fn by_digest(&self, number: u32, digest: &str) -> Option<usize> {
        self.find(number, digest)
    }

    fn find(&self, number: u32, digest: &str) -> Option<usize> {
        let (_, listed) = self.listed(number)?;
        let found = self.by_bytes.get(digest)?;
        let candidates = || {
            let free = |at: &&usize| self.taken.get(**at).is_some_and(Option::is_none);
            let rows = found.iter().filter(free);
            rows.filter_map(|at| Some((*at, self.rows.get(*at)?)))
        };
        // A message of which the server said that it is gone does not come back under another id: that
        // is another one with the same bytes.
        let may_be = |row: &DropRow| {
            let has_ids = !listed.uidl.is_empty() && !row.uidl.is_empty();
            row.size == listed.size && !(has_ids && row.deletion == Deletion::Confirmed)
        };
        candidates()
            .find(|(_, row)| is_same_id(row, listed))
            .or_else(|| candidates().find(|(_, row)| may_be(row)))
            .map(|(at, _)| at)
    }

    /// Notes that a listed message is the one of a row.
    pub(super) fn take(&mut self, at: usize, number: u32) {
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = Some(number);
        }
    }

    /// Notes that it is not certain, after all, who a row is.
    pub(super) fn release(&mut self, at: usize) {
        if let Some(taken) = self.taken.get_mut(at) {
            *taken = None;
        }
    }

    /// The rows that are still in the maildrop, with the number that each has in this session.
    pub(super) fn found(&self) -> impl Iterator<Item = (&DropRow, u32)> {
        let rows = self.rows.iter().zip(&self.taken);
        rows.filter_map(|(row, number)| number.map(|number| (row, number)))
    }

    /// The rows that are no longer in the maildrop.
    pub(super) fn gone(&self) -> Vec<i64> {
        let rows = self.rows.iter().zip(&self.taken);
        rows.filter(|(_, number)| number.is_none())
            .map(|(row, _)| row.key)
            .collect()
    }

    /// What the listing says of known ones that is other than it was; what is listed was not deleted.
    pub(super) fn seen(&self) -> Vec<DropSeen> {
        let changed = self.found().filter_map(|(row, number)| {
            let (place, listed) = self.listed(number)?;
            let is_same = row.uidl == listed.uidl && row.size == listed.size && row.place == place;
            let is_same = is_same && row.deletion == Deletion::None;
            (!is_same).then(|| DropSeen {
                key: row.key,
                uidl: listed.uidl.clone(),
                size: listed.size,
                place,
            })
        });
        changed.collect()
    }
}

/// For each unique id that is listed: how often it is, and which rows have it.
fn by_id<'a>(listing: &'a [Listed], rows: &[DropRow]) -> HashMap<&'a str, (usize, Vec<usize>)> {
    let mut ids: HashMap<&str, (usize, Vec<usize>)> = HashMap::new();
    for one in listing.iter().filter(|one| !one.uidl.is_empty()) {
        ids.entry(&one.uidl).or_default().0 += 1;
    }
    for (at, row) in rows.iter().enumerate() {
        if let Some(found) = ids.get_mut(row.uidl.as_str()) {
            found.1.push(at);
        }
    }
    ids
}

fn is_same_id(row: &DropRow, listed: &Listed) -> bool {
    !listed.uidl.is_empty() && row.uidl == listed.uidl
}

/// Whether a message is to be deleted in the maildrop at that time, as it is counted for the account.
/// Never one that is not here as a whole,
/// unless the user deleted it here.
pub(super) fn is_deletion_due(row: &DropRow, leave: LeaveOnServer, counted: i64) -> bool {
    let is_here = row.stored_at > 0 && !row.digest.is_empty();
    let is_deleted_here = row.lies != Lies::Somewhere;
    match leave {
        LeaveOnServer::Always => false,
        LeaveOnServer::Never => is_here || is_deleted_here,
        LeaveOnServer::UntilDeleted => is_deleted_here,
        LeaveOnServer::For(period) => {
            let since = row.first_seen.max(row.stored_at);
            let age = counted.saturating_sub(since);
            let due = i64::try_from(period.get().as_secs()).unwrap_or(i64::MAX);
            (is_here || is_deleted_here) && age >= due
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LocalKey;
    use proptest::prelude::{ProptestConfig, any, prop, proptest};

    fn row(key: i64, uidl: &str, size: u64, place: u32) -> DropRow {
        DropRow {
            key,
            uidl: uidl.to_owned(),
            size,
            probe: format!("p{key}"),
            digest: format!("d{key}"),
            local: LocalKey(key),
            place,
            first_seen: 1_000,
            stored_at: 1_000,
            is_wanted: false,
            deletion: Deletion::None,
            lies: Lies::Somewhere,
        }
    }

    fn listed(number: u32, uidl: &str, size: u64) -> Listed {
        Listed {
            number,
            size,
            uidl: uidl.to_owned(),
        }
    }

    fn fates(listing: Vec<Listed>, rows: Vec<DropRow>) -> Vec<Fate> {
        let (_, fates) = Matching::new(listing, rows);
        fates.into_iter().map(|(_, fate)| fate).collect()
    }

    #[test]
    fn a_message_is_known_by_its_id_and_others_are_new() {
        let found = fates(
            vec![listed(1, "a", 10), listed(2, "b", 20)],
            vec![row(7, "a", 10, 0)],
        );
        assert_eq!(found, [Fate::Known(0), Fate::New]);
    }

    #[test]
    fn an_id_that_is_listed_twice_proves_nothing() {
        let found = fates(
            vec![listed(1, "a", 10), listed(2, "a", 10)],
            vec![row(7, "a", 10, 0)],
        );
        assert_eq!(found, [Fate::Unsure, Fate::Unsure]);
    }

    #[test]
    fn an_id_with_another_size_or_another_place_is_looked_at() {
        let found = fates(vec![listed(1, "a", 11)], vec![row(7, "a", 10, 0)]);
        assert_eq!(found, [Fate::Unsure]);
        let rows = vec![row(7, "a", 10, 0), row(8, "b", 20, 1)];
        let found = fates(vec![listed(1, "b", 20), listed(2, "a", 10)], rows);
        assert_eq!(found, [Fate::Known(1), Fate::Unsure]);
    }

    #[test]
    fn what_was_deleted_and_is_listed_again_is_looked_at() {
        let mut deleted = row(7, "a", 10, 0);
        deleted.deletion = Deletion::Confirmed;
        assert_eq!(
            fates(vec![listed(1, "a", 10)], vec![deleted]),
            [Fate::Unsure]
        );
    }

    #[test]
    fn ids_that_were_all_given_out_anew_are_recognised_by_their_bytes() {
        let rows = vec![row(7, "a", 10, 0), row(8, "b", 20, 1)];
        let listing = vec![listed(1, "x", 10), listed(2, "y", 20), listed(3, "z", 30)];
        let (mut matching, found) = Matching::new(listing, rows);
        let found: Vec<Fate> = found.into_iter().map(|(_, fate)| fate).collect();
        assert_eq!(found, [Fate::Unsure, Fate::Unsure, Fate::New]);
        let at = matching.by_probe(2, "p8").unwrap();
        matching.take(at, 2);
        assert_eq!(matching.by_probe(1, "p8"), None);
        let seen = matching.seen();
        assert_eq!((seen[0].key, seen[0].uidl.as_str()), (8, "y"));
    }

    #[test]
    fn two_messages_with_the_same_bytes_are_two() {
        let (mut matching, _) = Matching::new(
            vec![listed(1, "", 10), listed(2, "", 10)],
            vec![row(7, "", 10, 0)],
        );
        let at = matching.by_probe(1, "p7").unwrap();
        matching.take(at, 1);
        assert_eq!(matching.by_probe(2, "p7"), None);
    }

    #[test]
    fn only_what_is_here_as_a_whole_or_was_deleted_here_is_deleted_there() {
        let day = 24 * 3600;
        let period = LeaveOnServer::For("14d".parse().unwrap());
        let whole = row(1, "a", 10, 0);
        let header = DropRow {
            digest: String::new(),
            stored_at: 0,
            ..row(2, "b", 10, 0)
        };
        let trashed = DropRow {
            lies: Lies::InTrash,
            ..row(3, "c", 10, 0)
        };
        let due = |row: &DropRow, leave, days: i64| is_deletion_due(row, leave, 1_000 + days * day);
        assert!(!due(&whole, LeaveOnServer::Always, 99));
        assert!(due(&whole, LeaveOnServer::Never, 0));
        assert!(!due(&header, LeaveOnServer::Never, 99));
        assert!(!due(&whole, LeaveOnServer::UntilDeleted, 99));
        assert!(due(&trashed, LeaveOnServer::UntilDeleted, 0));
        assert!(!due(&whole, period, 13));
        assert!(due(&whole, period, 14));
        assert!(!due(&header, period, 99));
        assert!(!due(&whole, period, -99), "a clock that was set back");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn no_row_is_ever_two_messages(
            listing in prop::collection::vec(("[ab]?", 1u64..3), 0..8),
            rows in prop::collection::vec(("[ab]?", 1u64..3, any::<bool>()), 0..8),
        ) {
            let listing: Vec<Listed> = listing
                .into_iter()
                .zip(1..)
                .map(|((uidl, size), number)| Listed { number, size, uidl })
                .collect();
            let rows: Vec<DropRow> = rows
                .into_iter()
                .zip(0..)
                .map(|((uidl, size, is_deleted), place)| DropRow {
                    deletion: if is_deleted { Deletion::Sent } else { Deletion::None },
                    ..row(i64::from(place), &uidl, size, place)
                })
                .collect();
            let (_, fates) = Matching::new(listing, rows);
            let mut known: Vec<usize> = fates
                .iter()
                .filter_map(|(_, fate)| match fate {
                    Fate::Known(at) => Some(*at),
                    _ => None,
                })
                .collect();
            let count = known.len();
            known.sort_unstable();
            known.dedup();
            assert_eq!(known.len(), count);
        }
    }
}
