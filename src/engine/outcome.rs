//! What an attempt to send came to: for each recipient, in plain words, and when it is tried again.
//!
//! Called by `sender`. Pure. What the server did not say must never be called delivered, nor what it
//! may have taken be due again.

use crate::model::{OutboxState, RecipientState};
use crate::net::Error;
use crate::net::smtp::{Path, Phase, Reply, Standing, Submitted, Unfit};
use crate::store::{Attempted, LIMIT_SECS, OutboxClaim};

/// The first wait; it doubles with each attempt.
const FIRST_SECS: i64 = 30;
/// The longest wait.
const LONGEST_SECS: i64 = 3600;
/// How long a message is tried (RFC 5321 §4.5.4.1).
const PATIENCE_SECS: i64 = 5 * 24 * 3600;
/// How often at least: a clock that jumps must not end it.
const TRIES_MIN: u32 = 10;

/// What keeps more than one message from being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What, in plain words.
    pub(crate) error: String,
    /// Whether nothing else of the account should be tried before `again_at`.
    pub(crate) is_for_all: bool,
    /// In seconds since 1970.
    pub(crate) again_at: i64,
}

/// How long to wait after so many attempts.
pub(crate) fn wait_secs(attempts: u32) -> i64 {
    let doubled = FIRST_SECS.saturating_mul(1 << attempts.saturating_sub(1).min(20));
    doubled.min(LONGEST_SECS)
}

/// Whether a message was tried long enough.
pub(crate) const fn is_over(claim: &OutboxClaim, now_secs: i64) -> bool {
    now_secs - claim.first_try > PATIENCE_SECS && claim.attempts >= TRIES_MIN
}

/// An error with what to do.
pub(crate) fn sentence(error: &Error) -> String {
    with_hint(&error.summary, &error.hint)
}

/// What happened, then what to do: one sentence, or two where the second is one of its own.
pub(super) fn with_hint(summary: &str, hint: &str) -> String {
    let open = summary.trim_end_matches('.');
    match hint.chars().next() {
        None => summary.to_owned(),
        Some(first) if first.is_uppercase() => format!("{open}. {hint}"),
        Some(_) => format!("{open}; {hint}"),
    }
}

/// What is said of a message that is not tried any more.
pub(crate) fn given_up(why: &str) -> String {
    format!("given up after five days: {why}")
}

/// What the user can do, by where a message stands.
pub(crate) const fn hint(state: OutboxState) -> &'static str {
    match state {
        OutboxState::Failed => "it is kept in the outbox: change it, try it again, or cancel it",
        OutboxState::Unconfirmed => {
            "look whether it arrived; in the outbox, say that it was sent, or send it once more"
        }
        _ => "it is kept, and tried again by itself",
    }
}

/// Those who have it now.
pub(crate) fn delivered(attempted: &Attempted) -> Vec<String> {
    let all = attempted.recipients.iter();
    let is_one =
        |(_, state, _): &&(String, RecipientState, String)| *state == RecipientState::Delivered;
    all.filter(is_one).map(|(who, ..)| who.clone()).collect()
}

/// What is to be written down. `paths` are the recipients of the claim; `None` is no address.
pub(crate) fn read(
    claim: &OutboxClaim,
    paths: &[Option<Path>],
    submitted: &Submitted,
    now_secs: i64,
    wants_copy: bool,
) -> (Attempted, Option<Trouble>) {
    let mut recipients = Vec::new();
    for (address, path) in claim.recipients.iter().zip(paths) {
        let (state, said) = match path {
            Some(path) => standing(submitted, path),
            None => (RecipientState::Refused, "this is not an address".to_owned()),
        };
        recipients.push((address.clone(), state, said));
    }
    let mut error = error(submitted, &recipients);
    let is_due = recipients.iter().any(|r| r.1 == RecipientState::Due);
    let is_limit = limit(submitted).is_some();
    let wait = wait_secs(claim.attempts).max(if is_limit { LIMIT_SECS } else { 0 });
    let is_unfit = matches!(submitted, Submitted::Unfit(_));
    let is_over = is_due && is_over(claim, now_secs);
    if is_over && !is_unfit {
        error = given_up(&error);
    }
    let again_at = now_secs + wait;
    let trouble = (is_due && !is_unfit).then(|| Trouble {
        error: error.clone(),
        is_for_all: is_limit || is_server_gone(submitted),
        again_at,
    });
    let attempted = Attempted {
        recipients,
        error,
        next_try: (!is_unfit && !is_over).then_some(again_at),
        wants_copy,
    };
    (attempted, trouble)
}

fn standing(submitted: &Submitted, path: &Path) -> (RecipientState, String) {
    // Quirk(Gmail): "550 5.4.5 Daily sending limit exceeded" is over tomorrow.
    if limit(submitted).is_some() && !matches!(submitted, Submitted::Delivered { .. }) {
        return (RecipientState::Due, String::new());
    }
    match submitted.standing(path) {
        Standing::Delivered => (RecipientState::Delivered, String::new()),
        Standing::Refused(reply) => (RecipientState::Refused, reply.to_string()),
        Standing::Unknown => (RecipientState::Unknown, String::new()),
        Standing::Due => {
            let said = own_reply(submitted, path).map(ToString::to_string);
            (RecipientState::Due, said.unwrap_or_default())
        }
        Standing::Unfit(_) => (RecipientState::Due, String::new()),
    }
}

/// What the server said about one recipient.
fn own_reply<'a>(submitted: &'a Submitted, path: &Path) -> Option<&'a Reply> {
    let refused = match submitted {
        Submitted::Delivered { refused, .. }
        | Submitted::Refused { refused, .. }
        | Submitted::Lost { refused, .. } => refused,
        Submitted::Unfit(_) => return None,
    };
    let own = refused.iter().find(|refused| refused.path == *path);
    own.map(|refused| &refused.reply)
}

/// The reply that says that no more may be sent for now.
fn limit(submitted: &Submitted) -> Option<&Reply> {
    let Submitted::Refused { reply, .. } = submitted else {
        return None;
    };
    let words = reply.text().to_ascii_lowercase();
    let is_said = [
        "limit",
        "rate",
        "too many",
        "too much",
        "throttl",
        "slow down",
    ]
    .iter()
    .any(|word| words.contains(word));
    let is_daily = reply
        .enhanced
        .is_some_and(|code| (code.subject, code.detail) == (4, 5));
    (is_daily || (reply.is_transient() && is_said)).then_some(reply)
}

/// Whether the server would not take the next message either.
fn is_server_gone(submitted: &Submitted) -> bool {
    match submitted {
        Submitted::Refused { reply, .. } => reply.is_closing(),
        Submitted::Lost { phase, .. } => *phase == Phase::BeforeData,
        _ => false,
    }
}

/// What went wrong, in plain words; empty if nothing.
fn error(submitted: &Submitted, recipients: &[(String, RecipientState, String)]) -> String {
    if let Some(reply) = limit(submitted) {
        return format!("the server limits how much may be sent, and it is tried later: {reply}");
    }
    let of = |state: RecipientState| -> Vec<String> {
        let all = recipients.iter().filter(|r| r.1 == state);
        all.map(|(who, _, said)| format!("{who} ({said})"))
            .collect()
    };
    let (refused, due) = (of(RecipientState::Refused), of(RecipientState::Due));
    match submitted {
        Submitted::Delivered { .. } if refused.is_empty() && due.is_empty() => String::new(),
        Submitted::Delivered { .. } => {
            let mut parts = Vec::new();
            if !refused.is_empty() {
                parts.push(format!("refused for {}", refused.join(", ")));
            }
            if !due.is_empty() {
                parts.push(format!("not yet taken for {}", due.join(", ")));
            }
            format!("{}; the others have it", parts.join("; "))
        }
        Submitted::Refused { reply, .. } if due.is_empty() => {
            let is_about_who = recipients.iter().any(|r| r.2 != reply.to_string());
            if is_about_who {
                format!("the server refused {}", refused.join(", "))
            } else {
                format!("the server refused the message: {reply}")
            }
        }
        Submitted::Refused { reply, .. } => {
            format!("the server does not take the message for now: {reply}")
        }
        Submitted::Unfit(why) => unfit(why),
        Submitted::Lost { phase, error, .. } if *phase == Phase::AfterDot => {
            let why = error.summary.trim_end_matches('.');
            format!("nobody knows whether it was sent, for its end was not confirmed: {why}")
        }
        Submitted::Lost { error, .. } => format!(
            "the connection was lost before the message was sent: {}",
            sentence(error)
        ),
    }
}

/// Why a message cannot be sent by this server, and what to do.
fn unfit(why: &Unfit) -> String {
    let remedy = match why {
        Unfit::NoRecipients => "add a recipient",
        Unfit::TooLarge { .. } => "send less at once, or a link to it",
        Unfit::Needs8BitMime => "encode it as quoted-printable or base64",
        Unfit::NeedsSmtpUtf8(_) => "use an address and header fields of plain letters",
        Unfit::Broken(_) => "write it anew",
        Unfit::Unreadable(_) => "check the disk, then try again",
    };
    format!("{}; {remedy}", why.to_string().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::smtp::{Enhanced, RefusedRecipient, Stage};

    fn claim(attempts: u32, first_try: i64) -> OutboxClaim {
        OutboxClaim {
            key: crate::model::OutboxKey(1),
            file: String::new(),
            sender: "ann@here.test".to_owned(),
            recipients: vec!["bo@there.test".to_owned(), "cy@there.test".to_owned()],
            size: 1,
            has_8bit: false,
            has_utf8_header: false,
            wants_report: false,
            attempts,
            first_try,
            error: String::new(),
        }
    }

    fn reply(code: u16, enhanced: Option<(u16, u16)>, text: &str) -> Reply {
        Reply {
            code,
            enhanced: enhanced.map(|(subject, detail)| Enhanced {
                class: 5,
                subject,
                detail,
            }),
            lines: vec![text.to_owned()],
        }
    }

    fn outcome(claim: &OutboxClaim, submitted: &Submitted) -> (Attempted, Option<Trouble>) {
        let paths: Vec<_> = claim
            .recipients
            .iter()
            .map(|r| Path::parse(r).ok())
            .collect();
        read(claim, &paths, submitted, 1_000_000, true)
    }

    fn states(attempted: &Attempted) -> Vec<RecipientState> {
        attempted.recipients.iter().map(|r| r.1).collect()
    }

    #[test]
    fn who_was_refused_is_named_and_who_has_it_never_gets_it_again() {
        let claim = claim(1, 1_000_000);
        let submitted = Submitted::Delivered {
            accepted: vec![Path::parse("bo@there.test").unwrap()],
            refused: vec![RefusedRecipient {
                path: Path::parse("cy@there.test").unwrap(),
                reply: reply(550, Some((1, 1)), "No such user"),
                is_permanent: true,
            }],
            reply: reply(250, None, "Ok"),
        };
        let (attempted, trouble) = outcome(&claim, &submitted);
        let expected = [RecipientState::Delivered, RecipientState::Refused];
        assert_eq!(states(&attempted), expected);
        assert!(
            attempted
                .error
                .contains("cy@there.test (550 5.1.1 No such user)")
        );
        assert!(!attempted.error.contains("bo@"), "{}", attempted.error);
        assert_eq!(trouble, None);
        assert_eq!(delivered(&attempted), ["bo@there.test"]);
    }

    #[test]
    fn a_limit_of_the_provider_is_waited_out_whatever_its_digit() {
        for refusal in [
            reply(550, Some((4, 5)), "Daily user sending limit exceeded"),
            reply(450, None, "Too many messages from you"),
        ] {
            let submitted = Submitted::Refused {
                stage: Stage::Mail,
                reply: refusal,
                refused: Vec::new(),
            };
            let (attempted, trouble) = outcome(&claim(1, 1_000_000), &submitted);
            assert_eq!(states(&attempted), [RecipientState::Due; 2]);
            assert_eq!(attempted.next_try, Some(1_000_000 + LIMIT_SECS));
            assert!(trouble.unwrap().is_for_all);
        }
    }

    #[test]
    fn it_is_tried_for_five_days_and_not_given_up_by_a_clock_that_jumps() {
        let submitted = Submitted::Refused {
            stage: Stage::Data,
            reply: reply(451, None, "Not now"),
            refused: Vec::new(),
        };
        let long_ago = 1_000_000 - PATIENCE_SECS - 1;
        assert!(
            outcome(&claim(2, long_ago), &submitted)
                .0
                .next_try
                .is_some()
        );
        let (attempted, _) = outcome(&claim(TRIES_MIN, long_ago), &submitted);
        assert_eq!(attempted.next_try, None);
        assert!(attempted.error.starts_with("given up after five days"));
        let waits: Vec<i64> = (1..=9).map(wait_secs).collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    }

    #[test]
    fn what_cannot_be_sent_as_it_is_is_not_tried_again_and_says_what_to_do() {
        let (attempted, trouble) = outcome(
            &claim(1, 1_000_000),
            &Submitted::Unfit(Unfit::TooLarge { size: 9, limit: 5 }),
        );
        assert_eq!((attempted.next_try, trouble), (None, None));
        assert!(attempted.error.contains("no more than 5; send less"));
    }

    #[test]
    fn after_the_end_without_an_answer_nothing_is_due() {
        let path = |a| Path::parse(a).unwrap();
        let submitted = Submitted::Lost {
            phase: Phase::AfterDot,
            accepted: vec![path("bo@there.test"), path("cy@there.test")],
            refused: Vec::new(),
            error: Error {
                class: crate::net::Class::Transient,
                summary: "The server closed the connection.".to_owned(),
                hint: String::new(),
                code: None,
            },
        };
        let (attempted, trouble) = outcome(&claim(1, 1_000_000), &submitted);
        assert_eq!(states(&attempted), [RecipientState::Unknown; 2]);
        assert_eq!(trouble, None);
    }
}
