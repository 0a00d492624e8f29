//! visible = base ⊕ pending: the one place where a change that waits is shown as done. Pure.
//!
//! Called by `placements` (what to show), `claims` (what to send) and `journal` (what cancels out).
//! Must never depend on anything but its arguments, since it is repeated after every crash.

use crate::model::{Flag, FlagChange, FlagSet, TargetKey};

/// One target of the journal that is not settled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// Its key; the order in which the user wanted things.
    pub(super) target: TargetKey,
    /// Whether it was sent and the answer is awaited.
    pub(super) is_in_flight: bool,
    /// What it changes.
    pub(super) effect: FlagChange,
    /// What was sent for it and never answered: the server may have done it or not.
    pub(super) sent: FlagChange,
}

/// What is shown: the base with every pending effect on it, in order.
pub(super) fn visible(base: &FlagSet, pending: &[Pending]) -> FlagSet {
    let mut out = base.clone();
    for one in pending {
        out.apply(&one.effect);
    }
    out
}

/// What has to be sent so that the server shows what we show: where base and visible differ, and
/// everything that was sent before without an answer.
pub(super) fn net(base: &FlagSet, pending: &[Pending]) -> FlagChange {
    let wanted = visible(base, pending);
    let mut change = difference(base, &wanted);
    for one in pending {
        for set in [&one.sent.add, &one.sent.remove] {
            for flag in set.flags() {
                put_flag(&mut change, flag, wanted.has(flag));
            }
            for keyword in set.keywords() {
                let side = if wanted.has_keyword(keyword) {
                    &mut change.add
                } else {
                    &mut change.remove
                };
                side.insert_keyword(keyword.clone());
            }
        }
    }
    change
}

/// The change that makes `to` of `from`.
pub(super) fn difference(from: &FlagSet, to: &FlagSet) -> FlagChange {
    let mut change = FlagChange::default();
    for flag in Flag::ALL {
        if from.has(flag) != to.has(flag) {
            put_flag(&mut change, flag, to.has(flag));
        }
    }
    for keyword in to.keywords().filter(|k| !from.has_keyword(k)) {
        change.add.insert_keyword(keyword.clone());
    }
    for keyword in from.keywords().filter(|k| !to.has_keyword(k)) {
        change.remove.insert_keyword(keyword.clone());
    }
    change
}

fn put_flag(change: &mut FlagChange, flag: Flag, on: bool) {
    if on {
        change.add.insert(flag);
    } else {
        change.remove.insert(flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(n: i64, effect: FlagChange, sent: FlagChange) -> Pending {
        Pending {
            target: TargetKey(n),
            is_in_flight: false,
            effect,
            sent,
        }
    }

    #[test]
    fn a_change_and_its_opposite_need_nothing_of_the_server() {
        let base = FlagSet::from_wire(["\\Flagged", "work"]);
        let both = [
            pending(1, FlagChange::one(Flag::Seen, true), FlagChange::default()),
            pending(2, FlagChange::one(Flag::Seen, false), FlagChange::default()),
        ];
        assert_eq!(visible(&base, &both), base);
        assert!(net(&base, &both).is_empty());
    }

    #[test]
    fn what_may_have_reached_the_server_is_taken_back_in_words() {
        let base = FlagSet::new();
        let seen = FlagChange::one(Flag::Seen, true);
        let both = [
            pending(1, seen.clone(), seen),
            pending(2, FlagChange::one(Flag::Seen, false), FlagChange::default()),
        ];
        assert_eq!(net(&base, &both), FlagChange::one(Flag::Seen, false));
    }
}
