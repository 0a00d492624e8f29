//! The search language: words, "phrases", `from:`, `is:unread`, dates, sizes, `-`, `OR`, parentheses.
//!
//! Parsed here; compiled to SQL by `store`, and to IMAP SEARCH by `net`. Parsing must never recurse
//! deeper than [`DEPTH_MAX`].

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
    Is(super::Flag, bool),
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
