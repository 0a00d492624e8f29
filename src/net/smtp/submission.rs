//! What is asked of a server for one message, and what became of it.
//!
//! Made and read by the outbox. An outcome must never say "delivered" without the server's own word
//! given after the end of the message, and never say "not delivered" where that may be wrong.

use super::address::Path;
use super::reply::Reply;
use crate::net::Error;

/// An SMTP envelope (RFC 5321 §2.3.1) and what has to be known of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Where a report of failure goes; `None`: nowhere (`<>`).
    pub reverse_path: Option<Path>,
    /// Who gets it, Bcc included. One named twice is asked for once.
    pub recipients: Vec<Path>,
    /// Bytes of the message. Fewer or more bytes are never sent.
    pub size: u64,
    /// Whether there is a byte above 127 in it.
    pub has_8bit: bool,
    /// Whether its header holds such bytes (RFC 6532).
    pub has_utf8_header: bool,
    /// Which reports are wished for. Left out where the server does not offer DSN.
    pub dsn: Option<Dsn>,
}

/// A wish for delivery status notifications (RFC 3461 §4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dsn {
    /// Whether a report holds the whole message, not just its header.
    pub returns_all: bool,
    /// A name that comes back in the reports.
    pub envelope_id: Option<String>,
    /// Report that it was delivered.
    pub on_success: bool,
    /// Report that it was not.
    pub on_failure: bool,
    /// Report that it takes long.
    pub on_delay: bool,
}

/// Somebody whom the server does not want to take mail for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// Who.
    pub path: Path,
    /// What it said to RCPT.
    pub reply: Reply,
    /// Whether it is in vain to try again. Not the same as the reply's first digit: "too many
    /// recipients" has two codes.
    pub is_permanent: bool,
}

/// Which command a refusal answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// MAIL: the sender, the size, or mail as such.
    Mail,
    /// RCPT: every recipient.
    Recipients,
    /// DATA.
    Data,
    /// The message itself, at its end or before.
    Message,
}

/// How far a submission had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No byte of the message was sent: nobody has it.
    BeforeData,
    /// Its end was not sent, so the server cannot have taken it: nobody has it.
    InsideData,
    /// Its end was sent, or may have been: nobody knows.
    AfterDot,
}

/// Why a message cannot be sent as it is to this server. Trying again is in vain before the caller
/// has changed something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nobody to send it to.
    #[error("The message has no recipients.")]
    NoRecipients,
    /// It is larger than the server takes.
    #[error("The message has {size} bytes, and the server takes no more than {limit}.")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// The server's limit.
        limit: u64,
    },
    /// The server has no 8BITMIME: quoted-printable or base64 is needed.
    #[error("The server takes only 7-bit text, and the message is not encoded so.")]
    Needs8BitMime,
    /// The server has no SMTPUTF8, which this address needs; `None`: the header does.
    #[error("{}", utf8_needed(.0.as_ref()))]
    NeedsSmtpUtf8(Option<Path>),
    /// The bytes are not what SMTP can carry unharmed, or not what was announced.
    #[error("The message cannot be sent: {0}.")]
    Broken(&'static str),
    /// The bytes could not be had.
    #[error("The message cannot be read: {0}")]
    Unreadable(String),
}

fn utf8_needed(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("The server cannot take the address {path} (no SMTPUTF8)."),
        None => "The server takes no headers with other than ASCII letters (no SMTPUTF8).".into(),
    }
}

/// What became of a submission. `refused` are always those whom RCPT had refused, each with its reply;
/// whoever is neither there nor in `accepted` was not asked for.
#[derive(Debug, Clone)]
pub enum Submitted {
    /// The server has taken it, for these: they must never get it from us again.
    Delivered {
        /// Those it was taken for.
        accepted: Vec<Path>,
        /// The others; each reply says whether they may be tried again.
        refused: Vec<RefusedRecipient>,
        /// What the server said, often with its name for the message.
        reply: Reply,
    },
    /// The server said no: nobody has it.
    Refused {
        /// To what.
        stage: Stage,
        /// What it said; of several the one that leaves most hope.
        reply: Reply,
        /// Those refused on their own account.
        refused: Vec<RefusedRecipient>,
    },
    /// It was not sent, for it would not have worked: nobody has it.
    Unfit(Unfit),
    /// The connection broke, the server fell silent, or spoke nonsense.
    Lost {
        /// Whether somebody may have it.
        phase: Phase,
        /// Those whom RCPT had accepted: the ones who may have it.
        accepted: Vec<Path>,
        /// The others so far.
        refused: Vec<RefusedRecipient>,
        /// What happened.
        error: Error,
    },
}

/// What is known for one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// Has it: must never get it again.
    Delivered,
    /// Does not have it, and will not.
    Refused(&'a Reply),
    /// Does not have it; to be tried again.
    Due,
    /// May have it: only the user can decide.
    Unknown,
    /// Does not have it, and will not as the message is now.
    Unfit(&'a Unfit),
}

impl Submitted {
    /// What is known for one recipient of the submission.
    #[must_use]
    pub fn standing(&self, recipient: &Path) -> Standing<'_> {
        let refused = match self {
            Self::Unfit(why) => return Standing::Unfit(why),
            Self::Delivered { refused, .. }
            | Self::Refused { refused, .. }
            | Self::Lost { refused, .. } => refused,
        };
        if let Some(own) = refused.iter().find(|refused| refused.path == *recipient) {
            return if own.is_permanent {
                Standing::Refused(&own.reply)
            } else {
                Standing::Due
            };
        }
        match self {
            Self::Delivered { accepted, .. } if accepted.contains(recipient) => Standing::Delivered,
            Self::Refused { reply, .. } if reply.is_permanent() => Standing::Refused(reply),
            Self::Lost {
                phase: Phase::AfterDot,
                accepted,
                ..
            } if accepted.contains(recipient) => Standing::Unknown,
            _ => Standing::Due,
        }
    }

    /// Whether trying the same again later, for those who are due, makes sense.
    #[must_use]
    pub fn is_worth_retrying(&self, submission: &Submission) -> bool {
        let mut all = submission.recipients.iter();
        all.any(|recipient| self.standing(recipient) == Standing::Due)
    }
}
