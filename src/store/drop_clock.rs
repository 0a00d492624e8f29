//! How much time has passed for an account whose mail leaves the server after some days.
//!
//! Called by the POP3 rounds. Mail must never be deleted early because a clock was wrong: so time is
//! counted from round to round, and a leap that nobody waits for counts nothing.

use super::sql::Doing;
use super::{Result, Writer};
use rusqlite::OptionalExtension;

/// More seconds than these between two rounds are a clock that was set, and no time that passed.
const LEAP: i64 = 400 * 24 * 3600;

/// The time of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DropClock {
    /// Seconds that passed, from the first round's time since 1970 on.
    counted: i64,
    /// Up to here the computer's clock was followed.
    mark: i64,
    /// What that clock said last, where it had leapt; 0: it had not.
    odd: i64,
}

impl DropClock {
    const fn new(now: i64) -> Self {
        Self {
            counted: now,
            mark: now,
            odd: 0,
        }
    }

    /// Another round, at that time by the computer's clock.
    const fn at(self, now: i64) -> Self {
        let passed = now.saturating_sub(self.mark);
        if passed < 0 {
            // Set back: what passes until it is where it was counts nothing.
            return self;
        }
        if passed <= LEAP {
            return Self {
                counted: self.counted.saturating_add(passed),
                mark: now,
                odd: 0,
            };
        }
        // It leapt. From there on it is followed, in case it is right; the mark goes along, so that
        // nothing counts twice when it is set right again.
        let passed = now.saturating_sub(self.odd);
        let passed = if self.odd == 0 || passed < 0 || passed > LEAP {
            0
        } else {
            passed
        };
        Self {
            counted: self.counted.saturating_add(passed),
            mark: self.mark.saturating_add(passed),
            odd: now,
        }
    }
}

impl Writer {
    /// Counts the time that passed since the last round of an account; what it is now.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn count_time(&mut self, account: &str, now_secs: i64) -> Result<i64> {
        let doing = "counting the time";
        self.write(doing, |tx| {
            let before = tx
                .prepare_cached(
                    "SELECT counted, mark, odd FROM local.drop_clock WHERE account = ?1",
                )
                .and_then(|mut s| {
                    s.query_row([account], |row| {
                        Ok(DropClock {
                            counted: row.get(0)?,
                            mark: row.get(1)?,
                            odd: row.get(2)?,
                        })
                    })
                    .optional()
                })
                .doing(doing)?;
            let now = before.map_or(DropClock::new(now_secs), |clock| clock.at(now_secs));
            tx.prepare_cached(
                "INSERT OR REPLACE INTO local.drop_clock (account, counted, mark, odd)
                 VALUES (?1, ?2, ?3, ?4)",
            )
            .and_then(|mut s| s.execute((account, now.counted, now.mark, now.odd)))
            .doing(doing)?;
            Ok(now.counted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, prop, proptest};

    const DAY: i64 = 24 * 3600;
    const BEGUN: i64 = 20_000 * DAY;

    /// The days that are counted over rounds at these days by the computer's clock.
    fn days(rounds: &[i64]) -> i64 {
        let clock = rounds.iter().fold(DropClock::new(BEGUN), |clock, day| {
            clock.at(BEGUN + day * DAY)
        });
        (clock.counted - BEGUN) / DAY
    }

    #[test]
    fn time_that_passes_is_counted_whether_there_were_rounds_or_not() {
        assert_eq!(days(&[1, 2, 3]), 3);
        assert_eq!(days(&[15]), 15);
        assert_eq!(days(&[1, 90]), 90);
    }

    #[test]
    fn a_clock_that_was_set_counts_nothing_and_nothing_twice() {
        let years = 3_653;
        assert_eq!(days(&[1, 1 + years, 2]), 2, "forward, and right again");
        assert_eq!(days(&[1, 1 + years, 11 + years, 12]), 12, "for ten days");
        assert_eq!(days(&[5, 1 - years, 6]), 6, "back, and right again");
        assert_eq!(days(&[5, 0, 5, 6]), 6, "a few days back");
    }

    #[test]
    fn a_clock_that_stays_where_it_leapt_to_is_followed() {
        assert_eq!(days(&[1, 5_000, 5_010, 5_013]), 14);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn never_is_more_counted_than_has_passed(
            // True days between rounds, and whether the clock is ten years ahead, behind or right.
            rounds in prop::collection::vec((0i64..20, 0i64..3), 1..30),
        ) {
            let mut clock = DropClock::new(BEGUN);
            let mut passed = 0;
            for (days, wrong) in rounds {
                passed += days * DAY;
                clock = clock.at(BEGUN + passed + (wrong - 1) * 3_653 * DAY);
                assert!(clock.counted <= BEGUN + passed);
            }
        }
    }
}
