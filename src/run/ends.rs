//! The signals that end the program.
//!
//! Called by `run`. A signal must never be acted on twice, nor the terminal be left as it was used.

/// The signals that end the program as if the user had quit.
pub(super) struct Ends {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
}

impl Ends {
    #[cfg(unix)]
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for one. Whether it is an interrupt, as Ctrl-C makes it.
    #[cfg(unix)]
    pub(super) async fn wait(&mut self) -> bool {
        tokio::select! {
            _ = self.term.recv() => false,
            _ = self.hup.recv() => false,
            _ = self.int.recv() => true,
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn wait(&mut self) -> bool {
        std::future::pending().await
    }
}
