//! The search language as SEARCH (RFC 9051 §6.4.4), for the mailbox that is selected.
//!
//! Called by `engine`. What the user typed must never become syntax: it is quoted or a literal.

use super::capability::Capabilities;
use super::command::Command;
use super::session::{Pace, Session, accept};
use crate::model::{Flag, Keyword, Query, Term, UidSet};
use crate::net::error::{Class, Error, Result};

impl Session {
    /// The messages of the selected mailbox that match, by what the server knows of them.
    ///
    /// # Errors
    /// Also for what no server can be asked: names of attachments, folders and accounts.
    pub async fn search(&mut self, query: &Query) -> Result<UidSet> {
        self.begin(Pace::Bulk).await?;
        self.settle().await?;
        let capabilities = &self.state.capabilities;
        let mut head = self.search_head().to_owned();
        if !is_ascii(query) && !capabilities.takes_utf8() {
            head.push_str(" CHARSET UTF-8");
        }
        let command = put(Command::new(&head), query, capabilities)?;
        let mut search = self.search_by(&command).await?;
        let said = self.finish(search.tag, |r| search.take(r)).await?;
        accept(said, "search this folder")?;
        search.found()
    }
}

fn is_ascii(query: &Query) -> bool {
    match query {
        Query::Term(
            Term::Text(text)
            | Term::From(text)
            | Term::To(text)
            | Term::Cc(text)
            | Term::Subject(text)
            | Term::Body(text),
        ) => text.is_ascii(),
        Query::Term(_) => true,
        Query::Not(inner) => is_ascii(inner),
        Query::And(all) | Query::Or(all) => all.iter().all(is_ascii),
    }
}

/// Adds a query, a blank before it. The parser bounds its depth.
fn put(command: Command, query: &Query, capabilities: &Capabilities) -> Result<Command> {
    match query {
        Query::Term(term) => key(command, term, capabilities),
        Query::Not(inner) => put(command.raw(" NOT"), inner, capabilities),
        Query::And(all) => {
            let mut command = command.raw(" (ALL");
            for query in all {
                command = put(command, query, capabilities)?;
            }
            Ok(command.raw(")"))
        }
        Query::Or(any) => {
            let Some((last, before)) = any.split_last() else {
                return Ok(command.raw(" NOT ALL"));
            };
            let mut command = command;
            for query in before {
                command = put(command.raw(" OR"), query, capabilities)?;
            }
            put(command, last, capabilities)
        }
    }
}

fn key(command: Command, term: &Term, capabilities: &Capabilities) -> Result<Command> {
    let words = |name: &str, text: &str| {
        let command = command.clone().raw(name);
        command.string(text.as_bytes(), capabilities)
    };
    Ok(match term {
        Term::Text(text) => return words(" TEXT", text),
        Term::From(text) => return words(" FROM", text),
        Term::To(text) => return words(" TO", text),
        Term::Cc(text) => return words(" CC", text),
        Term::Subject(text) => return words(" SUBJECT", text),
        Term::Body(text) => return words(" BODY", text),
        Term::Tag(tag) if Keyword::new(tag).is_ok() => command.raw(&format!(" KEYWORD {tag}")),
        // No server has such a keyword.
        Term::Tag(_) => command.raw(" NOT ALL"),
        Term::Before(day) => command.raw(&format!(" BEFORE {}", date(*day)?)),
        Term::After(day) => command.raw(&format!(" SINCE {}", date(*day)?)),
        Term::Larger(size) => command.raw(&format!(" LARGER {}", bounded(*size))),
        Term::Smaller(size) => command.raw(&format!(" SMALLER {}", bounded(*size))),
        Term::Is(flag, on) => command.raw(state(*flag, *on)),
        Term::In(_) | Term::Account(_) | Term::Filename(_) | Term::HasAttachment => {
            return Err(Error::new(
                Class::Rejected,
                "A server cannot be asked for attachments.",
            ));
        }
    })
}

const fn state(flag: Flag, on: bool) -> &'static str {
    match (flag, on) {
        (Flag::Seen, true) => " SEEN",
        (Flag::Seen, false) => " UNSEEN",
        (Flag::Flagged, true) => " FLAGGED",
        (Flag::Flagged, false) => " UNFLAGGED",
        (Flag::Answered, true) => " ANSWERED",
        (Flag::Answered, false) => " UNANSWERED",
        (Flag::Draft, true) => " DRAFT",
        (Flag::Draft, false) => " UNDRAFT",
        (Flag::Deleted, true) => " DELETED",
        (Flag::Deleted, false) => " UNDELETED",
        (Flag::Forwarded, true) => " KEYWORD $Forwarded",
        (Flag::Forwarded, false) => " UNKEYWORD $Forwarded",
    }
}

/// The largest number of RFC 9051 for a size is one of 63 bits; older servers know 32.
fn bounded(size: u64) -> u64 {
    size.min(u64::from(u32::MAX))
}

/// A day as `05-Mar-2024`.
fn date(day: i32) -> Result<String> {
    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day));
    let date = date.map_err(|_| Error::new(Class::Rejected, "That day is too far away."))?;
    Ok(date.strftime("%d-%b-%Y").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut capabilities = Capabilities::default();
        capabilities.learn(vec!["LITERAL+".to_owned()]);
        let query = Query::parse(text, 20_000).unwrap();
        let command = put(Command::new("SEARCH"), &query, &capabilities).unwrap();
        String::from_utf8(command.pieces().concat()).unwrap()
    }

    #[test]
    fn a_query_becomes_keys_that_mean_the_same() {
        for (text, keys) in [
            ("word", " TEXT \"word\""),
            ("from:ann -is:read", " (ALL FROM \"ann\" NOT SEEN)"),
            ("a OR b OR c", " OR TEXT \"a\" OR TEXT \"b\" TEXT \"c\""),
            ("subject:é", " SUBJECT {2+}\r\né"),
            (
                "after:2024-03-05 larger:5k",
                " (ALL SINCE 05-Mar-2024 LARGER 5120)",
            ),
            (
                "tag:todo is:forwarded",
                " (ALL KEYWORD todo KEYWORD $Forwarded)",
            ),
        ] {
            assert_eq!(written(text), format!("SEARCH{keys}"), "{text}");
        }
    }

    #[test]
    fn no_words_become_syntax() {
        assert_eq!(
            written("body:\"x\\\" ALL) DELETE\""),
            "SEARCH BODY \"x\\\" ALL) DELETE\""
        );
        assert_eq!(written("tag:\"a b\""), "SEARCH NOT ALL");
    }
}
