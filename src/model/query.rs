//! The search language: words, "phrases", `from:`, `is:unread`, dates, sizes, `-`, `OR`, parentheses.
//!
//! Parsed here; compiled to SQL by `store`, and to IMAP SEARCH by `net`. Parsing must never recurse
//! deeper than [`DEPTH_MAX`].
//!
//! | written | means |
//! |---|---|
//! | `word` `"two words"` | these words, in this order, in any header shown or in the text |
//! | `from:` `to:` `cc:` `subject:` `body:` `filename:` | there |
//! | `tag:` `in:` `account:` | with that tag, in that folder (or role), of that account |
//! | `before:` `after:` `date:` | a day `2024-03-05`, month `2024-03`, year `2024`, `today`, `yesterday`, or so long ago: `7d` `2w` `3m` `1y` |
//! | `larger:` `smaller:` | `500` bytes, `5k`, `10M`, `1G` |
//! | `is:` | `unread` `read` `starred` `answered` `draft` `attachment` …; `seen`, `flagged` and the like too |
//! | `-x` `x OR y` `(x y)` | not x; x or y; both |

mod parse;

use super::Flag;
use std::fmt;

/// The deepest nesting of parentheses that is understood.
pub const DEPTH_MAX: usize = 32;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Term {
    /// The words, in this order, in any header shown or in the text.
    Text(String),
    /// In From.
    From(String),
    /// In To.
    To(String),
    /// In Cc.
    Cc(String),
    /// In the subject.
    Subject(String),
    /// In the text.
    Body(String),
    /// In an attachment's name.
    Filename(String),
    /// Has the keyword.
    Tag(String),
    /// In the mailbox of that name, or of that role.
    In(String),
    /// In that account.
    Account(String),
    /// Arrived before that day (days since 1970, local).
    Before(i32),
    /// Arrived on that day or later.
    After(i32),
    /// Larger than so many bytes.
    Larger(u64),
    /// Smaller than so many bytes.
    Smaller(u64),
    /// Has the flag (`true`) or not: `is:read`, `is:unread`.
    Is(Flag, bool),
    /// Has an attachment.
    HasAttachment,
}

/// A query as a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// One condition.
    Term(Term),
    /// Not that.
    Not(Box<Self>),
    /// All of these. Of none: everything.
    And(Vec<Self>),
    /// Any of these.
    Or(Vec<Self>),
}

/// Why a query is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why} at character {at}")]
pub struct QueryError {
    /// What is wrong, and what would be right.
    pub why: String,
    /// Where, counted in characters from 1.
    pub at: usize,
}

/// What may follow `is:`, and what it means. The last ones are what listings call the flags.
const STATES: [(&str, Flag, bool); 16] = [
    ("unread", Flag::Seen, false),
    ("read", Flag::Seen, true),
    ("starred", Flag::Flagged, true),
    ("unstarred", Flag::Flagged, false),
    ("answered", Flag::Answered, true),
    ("unanswered", Flag::Answered, false),
    ("draft", Flag::Draft, true),
    ("undraft", Flag::Draft, false),
    ("forwarded", Flag::Forwarded, true),
    ("unforwarded", Flag::Forwarded, false),
    ("deleted", Flag::Deleted, true),
    ("undeleted", Flag::Deleted, false),
    ("seen", Flag::Seen, true),
    ("unseen", Flag::Seen, false),
    ("flagged", Flag::Flagged, true),
    ("unflagged", Flag::Flagged, false),
];
/// The days of the years 1 and 10000, counted from 1970: dates are kept between them.
const DAY_MIN: i32 = -719_162;
const DAY_MAX: i32 = 2_932_896;

/// The day of a date of the years 1 to 9999, counted from 1970-01-01.
fn civil(year: i32, month: i32, day: i32) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    // March is the first month here, so that the leap day is the last day of a year.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    (date(days) == (year, month, day)).then_some(days)
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(days: i32) -> (i32, i32, i32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let day = of_year - (153 * m + 2) / 5 + 1;
    (year + era * 400 + i32::from(month <= 2), month, day)
}

/// A value as it has to be written.
fn written(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let is_plain = !value.is_empty()
        && value != "OR"
        && !value.starts_with('-')
        && !value.contains(|c: char| parse::ends_word(c) || matches!(c, ':' | '\\'));
    if is_plain {
        return f.write_str(value);
    }
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    write!(f, "\"{escaped}\"")
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, value) = match self {
            Self::Text(value) => return written(f, value),
            Self::From(value) => ("from", value),
            Self::To(value) => ("to", value),
            Self::Cc(value) => ("cc", value),
            Self::Subject(value) => ("subject", value),
            Self::Body(value) => ("body", value),
            Self::Filename(value) => ("filename", value),
            Self::Tag(value) => ("tag", value),
            Self::In(value) => ("in", value),
            Self::Account(value) => ("account", value),
            Self::Before(day) | Self::After(day) => {
                let field = if matches!(self, Self::Before(_)) {
                    "before"
                } else {
                    "after"
                };
                let (year, month, day) = date((*day).clamp(DAY_MIN, DAY_MAX));
                return write!(f, "{field}:{year:04}-{month:02}-{day:02}");
            }
            Self::Larger(size) => return write!(f, "larger:{size}"),
            Self::Smaller(size) => return write!(f, "smaller:{size}"),
            Self::Is(flag, on) => {
                let name = STATES.iter().find(|s| (s.1, s.2) == (*flag, *on));
                return write!(f, "is:{}", name.map_or("", |s| s.0));
            }
            Self::HasAttachment => return f.write_str("is:attachment"),
        };
        write!(f, "{field}:")?;
        written(f, value)
    }
}

/// The text that is read as the same query.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Term(term) => fmt::Display::fmt(term, f),
            Self::Not(inner) => {
                f.write_str("-")?;
                inner.nested(f)
            }
            Self::And(all) => Self::list(f, all, " ", Self::nested),
            Self::Or(any) => Self::list(f, any, " OR ", |q, f| match q {
                // A sequence binds more tightly than OR.
                Self::And(_) => fmt::Display::fmt(q, f),
                _ => q.nested(f),
            }),
        }
    }
}

impl Query {
    /// Whether anything is looked for in the words of texts.
    #[must_use]
    pub fn asks_for_text(&self) -> bool {
        match self {
            Self::Term(term) => matches!(term, Term::Text(_) | Term::Body(_)),
            Self::Not(inner) => inner.asks_for_text(),
            Self::And(all) | Self::Or(all) => all.iter().any(Self::asks_for_text),
        }
    }

    fn nested(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(_) | Self::Or(_) => write!(f, "({self})"),
            Self::Term(_) | Self::Not(_) => fmt::Display::fmt(self, f),
        }
    }

    fn list(
        f: &mut fmt::Formatter<'_>,
        all: &[Self],
        between: &str,
        each: impl Fn(&Self, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        for (i, query) in all.iter().enumerate() {
            if i > 0 {
                f.write_str(between)?;
            }
            each(query, f)?;
        }
        Ok(())
    }
}
