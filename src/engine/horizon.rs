//! What a connection can know of a mailbox that another one works on, too.
//!
//! Called by `pull`. Two lanes may have the same mailbox selected, each with its own view of it: what
//! one of them has not been told of must never be taken for gone, nor for fetched.

use super::account::Failure;
use super::lane::{Lane, Open};
use crate::model::{Uid, UidSet};

impl Lane {
    /// Where arrivals begin that may not be in the store: a mailbox that was selected for a change
    /// only, or by another lane, can be behind what its SELECT said.
    pub(super) async fn first_unknown(&self, open: &Open) -> Result<Option<Uid>, Failure> {
        let key = open.mailbox;
        let cursor = self.account.db.read(move |r| r.cursor(key)).await?;
        let is_same_era = cursor.uid_validity == Some(open.uid_validity);
        let in_store = cursor.uid_next.filter(|_| is_same_era);
        Ok(in_store.map_or(open.uid_next, |uid| {
            Some(open.uid_next.map_or(uid, |next| next.min(uid)))
        }))
    }

    /// Which of the ids in the store are gone, where `there` are all that this connection sees.
    /// Those behind its sight were put there by another one.
    pub(super) fn gone_from(&self, there: &UidSet, here: &UidSet) -> UidSet {
        let last = there.ranges().next_back().map(|(_, last)| last);
        let behind = last.and_then(|last| Uid::new(last.get().saturating_add(1)));
        let next = self.open.as_ref().and_then(|open| open.uid_next);
        let gone = here.minus(there);
        match behind.max(next) {
            Some(unseen) => gone.minus(&UidSet::range(unseen, Uid::MAX)),
            None => gone,
        }
    }
}
