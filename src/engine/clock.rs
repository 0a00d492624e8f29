//! The only place that asks what time it is.
//!
//! Called by the engine and, for `now`, by `run` and `cli`. Must never be used to expire anything
//! that cannot be had again: clocks jump.

/// Seconds since 1970 by the system's clock; 0 if it stands before that.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock is read"
)]
pub fn now_secs() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX))
}

/// A point on the clock that never jumps.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock is read"
)]
pub fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}
