//! Who is who in a maildrop where the ids do not tell: by the beginnings of messages, else by all of them.
//!
//! Called by `drop_round`. A message must never be taken for another where that would delete one.

use super::account::Failure;
use super::digest::{PROBE_LINES, digest, probe};
use super::drop_plan::is_deletion_due;
use super::drop_round::{Round, WAITING_MAX};
use crate::net::pop3::{Outcome, Retrieved, Scan};
use crate::store::{Deletion, DropRow};
use std::collections::{BTreeMap, HashMap};
use tokio::sync::mpsc;

/// Larger messages have the same size by chance too seldom to be looked at for it.
const CHECKED_MAX: u64 = 1024 * 1024;

impl Round<'_> {
    /// Looks at the last message that is known by its id alone. Where ids are given out anew, new mail
    /// hides under old ids; the last message is the one that is here only if nothing before it went and
    /// something new moved up.
    async fn check_ids(&mut self) -> Result<(), Failure> {
        let Some((number, at)) = self.known.last().copied() else {
            return Ok(());
        };
        let row = self.matching.rows().get(at);
        if row.is_none_or(|row| row.size > CHECKED_MAX) || !self.offers_top() {
            return Ok(());
        }
        if self.are_same(&[(number, at)]).await?.get(&number) != Some(&false) {
            return Ok(());
        }
        for (number, at) in std::mem::take(&mut self.known) {
            self.matching.release(at);
            self.unsure.push(number);
        }
        self.unsure.sort_unstable();
        Ok(())
    }

    /// Whether the server said that it has TOP. Without, all of a message would have to be fetched.
    fn offers_top(&self) -> bool {
        let offers = self.session.offers();
        offers.is_known && offers.has_top
    }

    /// Whether each of these is what is here of the row that it is said to be: by its beginning, and
    /// where that does not show it by all of it. Those that the server does not give are left out.
    pub(super) async fn are_same(
        &mut self,
        said: &[(u32, usize)],
    ) -> Result<HashMap<u32, bool>, Failure> {
        let numbers: Vec<u32> = said.iter().map(|(number, _)| *number).collect();
        let probes = self.probe(&numbers).await?.unwrap_or_default();
        let mut same = HashMap::new();
        for (number, at) in said {
            let row = self.matching.rows().get(*at);
            if row.is_some_and(|row| probes.get(number) == Some(&row.probe)) {
                same.insert(*number, true);
            } else if let Some(is_same) = self.has_bytes(*number, *at).await? {
                // Quirk: there are servers whose TOP gives something else than the beginning.
                same.insert(*number, is_same);
            }
        }
        Ok(same)
    }

    /// Whether the whole of a message is what is here of a row; `None` where it cannot be had.
    async fn has_bytes(&mut self, number: u32, at: usize) -> Result<Option<bool>, Failure> {
        let row = self.matching.rows().get(at);
        let Some((size, expected)) = row.map(|row| (row.size, row.digest.clone())) else {
            return Ok(None);
        };
        if expected.is_empty() {
            return Ok(Some(false));
        }
        let (sink, mut arriving) = mpsc::channel::<Retrieved>(WAITING_MAX);
        self.session
            .retrieve(&[Scan { number, size }], sink)
            .await?;
        match arriving.recv().await.map(|one| one.outcome) {
            Some(Outcome::Whole(raw) | Outcome::Doubtful(raw)) => {
                Ok(Some(digest(&raw) == expected))
            }
            Some(Outcome::Refused(error)) => {
                self.refused.get_or_insert(error);
                Ok(None)
            }
            Some(Outcome::TooLarge { .. }) | None => Ok(None),
        }
    }

    /// Finds out which of the unsure ones are known, by as few bytes as will do; then notes what is
    /// no longer there.
    pub(super) async fn tell_apart(&mut self) -> Result<(), Failure> {
        self.check_ids().await?;
        let unsure = std::mem::take(&mut self.unsure);
        self.doubted.extend(&unsure);
        let mut certain = Vec::new();
        let probes = self.probe(&unsure).await?;
        for number in unsure {
            let Some(probes) = &probes else {
                // Without TOP only the whole message tells.
                certain.push(number);
                continue;
            };
            let found = probes
                .get(&number)
                .and_then(|probe| self.matching.by_probe(number, probe));
            match found {
                None => self.new.push(number),
                Some(at) if self.is_at_stake(at) => certain.push(number),
                Some(at) => self.matching.take(at, number),
            }
        }
        self.new.extend(certain);
        self.new.sort_unstable();
        Ok(())
    }

    /// Whether a mistake would cost a message: it would be deleted on the server.
    fn is_at_stake(&self, at: usize) -> bool {
        let row = self.matching.rows().get(at);
        row.is_none_or(|row| row.deletion != Deletion::None || self.is_due(row))
    }

    pub(super) fn is_due(&self, row: &DropRow) -> bool {
        let leave = self.account.setup.maildrop.unwrap_or_default().leave;
        is_deletion_due(row, leave, self.counted)
    }

    /// The digests of the beginnings; `None` where the server gives none.
    async fn probe(&mut self, numbers: &[u32]) -> Result<Option<BTreeMap<u32, String>>, Failure> {
        if numbers.is_empty() {
            return Ok(Some(BTreeMap::new()));
        }
        let (sink, mut arriving) = mpsc::channel::<Retrieved>(WAITING_MAX);
        let gathering = async {
            let mut probes = BTreeMap::new();
            while let Some(one) = arriving.recv().await {
                if let Outcome::Whole(top) | Outcome::Doubtful(top) = one.outcome {
                    probes.insert(one.number, probe(&top));
                }
            }
            probes
        };
        let asking = self.session.top(numbers, PROBE_LINES, sink);
        let (asked, probes) = tokio::join!(asking, gathering);
        Ok(asked?.then_some(probes))
    }
}
