//! How long to wait before the next attempt to connect: doubling, with jitter, bounded.
//!
//! Called by `lane`. Pure: randomness comes in as a number.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Counts failures in a row and says how long to wait after each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure. `random` in 0..1 spreads it over 75 % to 125 %, so that
    /// many clients of a server that comes back do not all knock at once.
    pub(crate) fn next(&mut self, random: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(12));
        self.failures = self.failures.saturating_add(1);
        doubled
            .min(LONGEST)
            .mul_f64(0.75 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Forgets the failures.
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_two_seconds_to_a_quarter_of_an_hour_and_start_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..12).map(|_| backoff.next(0.5).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::from_millis(1500));
        assert_eq!(backoff.next(1.0), Duration::from_secs(5));
    }
}
