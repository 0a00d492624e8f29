//! What can go wrong on the wire, and what it means for the next attempt.
//!
//! Made everywhere in `net`, read by `engine`. A summary must never hold a secret.

/// What an error means for the next attempt. Retry policy looks at this, never at text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again later: connection lost, timeout, temporary refusal.
    Transient,
    /// The credentials were refused: stop all connections of the account.
    Auth,
    /// The server understood and refused (NO).
    Rejected,
    /// The server does not speak the protocol, or broke a limit.
    Protocol,
    /// TLS cannot be had, or the certificate is not valid.
    Tls,
}

/// Why a network call failed: one sentence, what it means, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{summary}")]
pub struct Error {
    /// What it means for the next attempt.
    pub class: Class,
    /// What happened, where. Server text in it is bounded but not yet made safe.
    pub summary: String,
    /// What the user can do; may be empty.
    pub hint: String,
    /// The response code in capitals (`OVERQUOTA`, `LIMIT`, `AUTHENTICATIONFAILED`), if there was one.
    pub code: Option<String>,
}

/// The result of a network call.
pub type Result<T> = std::result::Result<T, Error>;

/// How much of a server's words goes into a summary.
const TEXT_MAX: usize = 300;

impl Error {
    /// An error of that class without hint or code.
    pub(crate) fn new(class: Class, summary: impl Into<String>) -> Self {
        Self {
            class,
            summary: summary.into(),
            hint: String::new(),
            code: None,
        }
    }

    /// Lost, silent or busy: to be tried again later.
    pub(crate) fn transient(summary: impl Into<String>) -> Self {
        Self::new(Class::Transient, summary)
    }

    /// The peer broke the protocol or a limit.
    pub(crate) fn protocol(summary: impl Into<String>) -> Self {
        Self::new(Class::Protocol, summary)
    }

    /// The same with advice.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The same with a response code.
    #[must_use]
    pub(crate) fn code(mut self, code: Option<String>) -> Self {
        self.code = code;
        self
    }

    /// Packs it for the way through a stream; [`from_io`](Self::from_io) takes it out again.
    pub(crate) fn into_io(self) -> std::io::Error {
        std::io::Error::other(self)
    }

    /// What a failed read or write means.
    pub(crate) fn from_io(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(io) => match io.kind() {
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => Self::transient("The server closed the connection."),
                _ => Self::transient(format!("The connection failed: {io}.")),
            },
        }
    }
}

/// The server's words, cut to a length that fits a message.
pub(crate) fn quoted(text: &str) -> String {
    let text = text.trim();
    let mut short: String = text.chars().take(TEXT_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
