//! When an account connects and fetches.
//!
//! Set by `config`, switched by `app`, obeyed by `engine`.

/// When an account connects and fetches. Each mode governs sending too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SyncMode {
    /// Stays connected; the server tells of changes at once.
    #[default]
    Push,
    /// Once at the start, then when asked.
    OnStart,
    /// Only when asked.
    Manual,
    /// At the start and then at the configured interval.
    Interval,
}

impl SyncMode {
    /// Every mode, in the order in which a key cycles through them.
    pub const ALL: [Self; 4] = [Self::Push, Self::OnStart, Self::Manual, Self::Interval];

    /// The name in the configuration and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::OnStart => "on-start",
            Self::Manual => "manual",
            Self::Interval => "interval",
        }
    }
}
