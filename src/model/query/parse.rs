//! Reading the search language: text to tokens, tokens to a tree.
//!
//! Called through [`Query::parse`]. Must never panic or recurse without bound, whatever was typed.

use super::{DAY_MAX, DAY_MIN, DEPTH_MAX, Query, QueryError, STATES, Term, civil};

/// The most conditions one query may have.
const TERMS_MAX: usize = 200;
/// What may stand before a colon.
const FIELDS: &str =
    "from to cc subject body filename tag in account before after date larger smaller is";
impl Query {
    /// Reads a query; the empty text means everything. `today_days` is the user's day, counted from
    /// 1970-01-01, for `today` and `7d`.
    ///
    /// # Errors
    /// Says what is wrong, what would be right, and where.
    pub fn parse(text: &str, today_days: i32) -> Result<Self, QueryError> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
            today_days,
        };
        if parser.tokens.is_empty() {
            return Ok(Self::And(Vec::new()));
        }
        let query = parser.any()?;
        match parser.peek() {
            Some(token) => Err(error(token.at, "this ) closes nothing; remove it")),
            None => Ok(query),
        }
    }
}

fn error(at: usize, why: impl Into<String>) -> QueryError {
    QueryError {
        why: why.into(),
        at,
    }
}

/// A piece of a query and where it begins, counted in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    at: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Open,
    Close,
    Minus,
    Or,
    /// A word or phrase, with what stood before its colon; `is_quoted` where it was in quotes.
    Word {
        field: Option<String>,
        value: String,
        is_quoted: bool,
    },
}

fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut chars = text.chars().zip(1usize..).peekable();
    let mut out = Vec::new();
    while let Some(&(c, at)) = chars.peek() {
        let kind = match c {
            c if c.is_whitespace() => {
                chars.next();
                continue;
            }
            '(' => Kind::Open,
            ')' => Kind::Close,
            '-' => Kind::Minus,
            _ => {
                out.push(Token {
                    kind: word(&mut chars, at)?,
                    at,
                });
                continue;
            }
        };
        chars.next();
        out.push(Token { kind, at });
    }
    Ok(out)
}

type Chars<'a> =
    std::iter::Peekable<std::iter::Zip<std::str::Chars<'a>, std::ops::RangeFrom<usize>>>;

/// Reads a word, a phrase, or a field with either.
fn word(chars: &mut Chars<'_>, at: usize) -> Result<Kind, QueryError> {
    if let Some(value) = phrase(chars)? {
        return Ok(Kind::Word {
            field: None,
            value,
            is_quoted: true,
        });
    }
    let text = bare(chars);
    let Some((field, rest)) = text.split_once(':').filter(|(f, _)| is_field(f)) else {
        return Ok(match text.as_str() {
            "OR" => Kind::Or,
            _ => Kind::Word {
                field: None,
                value: text,
                is_quoted: false,
            },
        });
    };
    let field = field.to_ascii_lowercase();
    let quoted = if rest.is_empty() {
        phrase(chars)?
    } else {
        None
    };
    let is_quoted = quoted.is_some();
    let value = quoted.unwrap_or_else(|| rest.to_owned());
    if value.is_empty() && !is_quoted {
        return Err(error(at, format!("{field}: needs a word right after it")));
    }
    Ok(Kind::Word {
        field: Some(field),
        value,
        is_quoted,
    })
}

/// Whether what stands before a colon is meant as a field: letters only, so that `12:30` is not.
fn is_field(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Reads `"…"`, with `\"` and `\\` for the quote and the backslash themselves.
fn phrase(chars: &mut Chars<'_>) -> Result<Option<String>, QueryError> {
    let Some((_, at)) = chars.next_if(|(c, _)| *c == '"') else {
        return Ok(None);
    };
    let mut out = String::new();
    loop {
        match chars.next() {
            Some(('"', _)) => return Ok(Some(out)),
            Some(('\\', _)) => match chars.next() {
                Some((c @ ('"' | '\\'), _)) => out.push(c),
                Some((c, _)) => out.extend(['\\', c]),
                None => {}
            },
            Some((c, _)) => out.push(c),
            None => return Err(error(at, "this quote is not closed; add \" at the end")),
        }
    }
}

/// Reads up to what ends a word outside of quotes.
fn bare(chars: &mut Chars<'_>) -> String {
    let mut out = String::new();
    while let Some((c, _)) = chars.next_if(|(c, _)| !ends_word(*c)) {
        out.push(c);
    }
    out
}

pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"')
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    today_days: i32,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn is_next(&self, kind: &Kind) -> bool {
        self.peek().is_some_and(|t| t.kind == *kind)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    /// One or more sequences with `OR` between them.
    fn any(&mut self) -> Result<Query, QueryError> {
        let mut all = vec![self.all()?];
        while self.is_next(&Kind::Or) {
            self.next += 1;
            all.push(self.all()?);
        }
        Ok(one_or(all, Query::Or))
    }

    /// One or more conditions in a row.
    fn all(&mut self) -> Result<Query, QueryError> {
        let mut all = vec![self.one()?];
        while self
            .peek()
            .is_some_and(|t| !matches!(t.kind, Kind::Or | Kind::Close))
        {
            all.push(self.one()?);
        }
        Ok(one_or(all, Query::And))
    }

    fn one(&mut self) -> Result<Query, QueryError> {
        let end = self.tokens.last().map_or(1, |t| t.at + 1);
        if self.next > 2 * TERMS_MAX {
            return Err(error(end, "this is too long; search for less at once"));
        }
        let Some(Token { kind, at }) = self.take() else {
            return Err(error(end, "something is missing here, such as a word"));
        };
        match kind {
            Kind::Word {
                field,
                value,
                is_quoted,
            } => self.term(field.as_deref(), value, is_quoted, at),
            Kind::Minus => {
                self.deeper(at)?;
                let inner = self.one()?;
                self.depth -= 1;
                Ok(Query::Not(Box::new(inner)))
            }
            Kind::Open => {
                self.deeper(at)?;
                if self.is_next(&Kind::Close) {
                    return Err(error(at, "there is nothing between these parentheses"));
                }
                let inner = self.any()?;
                if !self.is_next(&Kind::Close) {
                    return Err(error(at, "this ( is not closed; add ) at the end"));
                }
                self.next += 1;
                self.depth -= 1;
                Ok(inner)
            }
            Kind::Close => Err(error(at, "something is missing before this )")),
            Kind::Or => Err(error(
                at,
                "OR needs something on both sides; write \"OR\" to search for the word",
            )),
        }
    }

    fn deeper(&mut self, at: usize) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(error(
                at,
                format!("at most {DEPTH_MAX} levels of ( and - are understood"),
            ));
        }
        Ok(())
    }

    fn term(
        &self,
        field: Option<&str>,
        value: String,
        is_quoted: bool,
        at: usize,
    ) -> Result<Query, QueryError> {
        let term = match field {
            None => Term::Text(value),
            Some("from") => Term::From(value),
            Some("to") => Term::To(value),
            Some("cc") => Term::Cc(value),
            Some("subject") => Term::Subject(value),
            Some("body") => Term::Body(value),
            Some("filename") => Term::Filename(value),
            Some("tag") => Term::Tag(value),
            Some("in") => Term::In(value),
            Some("account") => Term::Account(value),
            Some("larger") => Term::Larger(size(&value, at)?),
            Some("smaller") => Term::Smaller(size(&value, at)?),
            Some("before") => Term::Before(self.days(&value, at)?.0),
            Some("after") => Term::After(self.days(&value, at)?.0),
            Some("date") => {
                let (first, end) = self.days(&value, at)?;
                let after = Query::Term(Term::After(first));
                return Ok(match end {
                    Some(end) => Query::And(vec![after, Query::Term(Term::Before(end))]),
                    None => after,
                });
            }
            Some("is" | "has") => state(&value, at)?,
            // The address of a page is no field.
            Some(field) if !is_quoted && value.starts_with("//") => {
                Term::Text(format!("{field}:{value}"))
            }
            Some(field) => {
                return Err(error(
                    at,
                    format!(
                        "{field}: is not known ({FIELDS}); \
                         to search for the text itself, put it in quotes"
                    ),
                ));
            }
        };
        Ok(Query::Term(term))
    }

    /// The first day of a period, and the day after its last; `None` where it goes on until now.
    fn days(&self, value: &str, at: usize) -> Result<(i32, Option<i32>), QueryError> {
        let bad = || {
            error(
                at,
                "this is no date; write 2024-03-05, 2024-03, 2024, today, yesterday, 7d, 2w, 3m or 1y",
            )
        };
        let today = self.today_days.clamp(DAY_MIN, DAY_MAX);
        let day = |day: i32| {
            (
                day.clamp(DAY_MIN, DAY_MAX),
                Some((day + 1).clamp(DAY_MIN, DAY_MAX)),
            )
        };
        match value.to_ascii_lowercase().as_str() {
            "today" => return Ok(day(today)),
            "yesterday" => return Ok(day(today - 1)),
            _ => {}
        }
        if let Some(unit) = value.chars().last().filter(char::is_ascii_alphabetic) {
            let count: i32 = value.trim_end_matches(unit).parse().map_err(|_| bad())?;
            let days = match unit.to_ascii_lowercase() {
                'd' => 1,
                'w' => 7,
                'm' => 30,
                'y' => 365,
                _ => return Err(bad()),
            };
            if count < 0 || value.trim_end_matches(unit).len() + 1 != value.len() {
                return Err(bad());
            }
            let first = today.saturating_sub(count.saturating_mul(days));
            return Ok((first.clamp(DAY_MIN, DAY_MAX), None));
        }
        let numbers: Vec<i32> = value
            .split('-')
            .map(|n| {
                n.parse()
                    .ok()
                    .filter(|_| n.bytes().all(|b| b.is_ascii_digit()))
            })
            .collect::<Option<_>>()
            .ok_or_else(bad)?;
        period(&numbers).ok_or_else(bad)
    }
}

/// A list as a query: the one there is, or all of them under one node.
fn one_or(mut all: Vec<Query>, node: impl Fn(Vec<Query>) -> Query) -> Query {
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => one,
        (Some(last), false) => {
            all.push(last);
            node(all)
        }
        (None, _) => node(all),
    }
}

/// First day and day after the last of a year, a month or a day.
fn period(numbers: &[i32]) -> Option<(i32, Option<i32>)> {
    match *numbers {
        [year] => Some((civil(year, 1, 1)?, Some(civil(year, 12, 31)? + 1))),
        [year, month] => {
            let first = civil(year, month, 1)?;
            let next = civil(year, month + 1, 1).or_else(|| civil(year, 12, 31).map(|d| d + 1))?;
            Some((first, Some(next)))
        }
        [year, month, day] => civil(year, month, day).map(|d| (d, Some(d + 1))),
        _ => None,
    }
}

fn size(value: &str, at: usize) -> Result<u64, QueryError> {
    let bad = || error(at, "this is no size; write 500, 5k, 10M or 1G");
    let lower = value.to_ascii_lowercase();
    let text = lower.strip_suffix('b').unwrap_or(&lower);
    let (digits, factor) = [('k', 1u64 << 10), ('m', 1 << 20), ('g', 1 << 30)]
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(*unit)?, *factor)))
        .unwrap_or((text, 1));
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(bad)
}

fn state(value: &str, at: usize) -> Result<Term, QueryError> {
    let value = value.to_ascii_lowercase();
    if matches!(value.as_str(), "attachment" | "attachments") {
        return Ok(Term::HasAttachment);
    }
    STATES
        .iter()
        .find(|s| s.0 == value)
        .map(|(_, flag, on)| Term::Is(*flag, *on))
        .ok_or_else(|| {
            let names: Vec<&str> = STATES.iter().map(|s| s.0).collect();
            error(
                at,
                format!("is: takes one of {} attachment", names.join(" ")),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flag;
    use proptest::prelude::*;

    /// 2024-03-05.
    const TODAY: i32 = 19_787;

    fn parse(text: &str) -> Query {
        Query::parse(text, TODAY).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    fn text(word: &str) -> Query {
        Query::Term(Term::Text(word.to_owned()))
    }

    #[test]
    fn words_phrases_and_fields_are_told_apart() {
        assert_eq!(parse("  "), Query::And(vec![]));
        assert_eq!(parse("hello"), text("hello"));
        assert_eq!(
            parse(r#"from:ann "two words" Subject:"a \"b\"" -draft"#),
            Query::And(vec![
                Query::Term(Term::From("ann".to_owned())),
                text("two words"),
                Query::Term(Term::Subject("a \"b\"".to_owned())),
                Query::Not(Box::new(text("draft"))),
            ])
        );
        assert_eq!(parse("12:30"), text("12:30"));
        assert_eq!(
            parse("https://example.org/a"),
            text("https://example.org/a")
        );
        assert_eq!(parse("well-known"), text("well-known"));
    }

    #[test]
    fn or_binds_less_than_a_sequence_and_parentheses_more() {
        assert_eq!(
            parse("a b OR c"),
            Query::Or(vec![Query::And(vec![text("a"), text("b")]), text("c")])
        );
        assert_eq!(
            parse("a (b OR c)"),
            Query::And(vec![text("a"), Query::Or(vec![text("b"), text("c")])])
        );
        assert_eq!(
            parse("-(a b)"),
            Query::Not(Box::new(Query::And(vec![text("a"), text("b")])))
        );
        assert_eq!(parse("or \"OR\""), Query::And(vec![text("or"), text("OR")]));
    }

    #[test]
    fn dates_are_days_months_years_or_so_long_ago() {
        let shown = |text: &str| parse(text).to_string();
        assert_eq!(shown("after:2024-02-29"), "after:2024-02-29");
        assert_eq!(shown("before:2024"), "before:2024-01-01");
        assert_eq!(shown("date:2024-12"), "after:2024-12-01 before:2025-01-01");
        assert_eq!(shown("date:2023"), "after:2023-01-01 before:2024-01-01");
        assert_eq!(shown("date:today"), "after:2024-03-05 before:2024-03-06");
        assert_eq!(
            shown("date:yesterday"),
            "after:2024-03-04 before:2024-03-05"
        );
        assert_eq!(shown("after:7d"), "after:2024-02-27");
        assert_eq!(shown("before:1y"), "before:2023-03-06");
        assert_eq!(
            shown("date:9999-12-31"),
            "after:9999-12-31 before:9999-12-31"
        );
        assert_eq!(parse("after:1970-01-01"), Query::Term(Term::After(0)));
        assert_eq!(parse("after:1969-12-31"), Query::Term(Term::After(-1)));
    }

    #[test]
    fn sizes_and_states_are_understood() {
        assert_eq!(parse("larger:5k"), Query::Term(Term::Larger(5120)));
        assert_eq!(parse("smaller:10MB"), Query::Term(Term::Smaller(10 << 20)));
        assert_eq!(parse("is:unread"), Query::Term(Term::Is(Flag::Seen, false)));
        assert_eq!(
            parse("is:Starred"),
            Query::Term(Term::Is(Flag::Flagged, true))
        );
        for flag in Flag::ALL {
            let named = parse(&format!("is:{}", flag.name()));
            assert_eq!(named, Query::Term(Term::Is(flag, true)), "{flag:?}");
        }
        assert_eq!(parse("has:attachment"), Query::Term(Term::HasAttachment));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
        for (text, at, hint) in [
            ("a \"open", 3, "add \""),
            ("(a", 1, "add )"),
            ("a b)", 4, "remove it"),
            ("()", 1, "nothing between"),
            ("a OR", 4, "missing"),
            ("OR a", 1, "both sides"),
            ("from:", 1, "right after"),
            ("é form:ann", 3, "from to cc"),
            ("after:2024-02-30", 1, "2024-03-05"),
            ("after:12345678901d", 1, "2024-03-05"),
            ("larger:many", 1, "10M"),
            ("is:red", 1, "unread"),
            ("a -", 4, "missing"),
        ] {
            let told = Query::parse(text, TODAY).unwrap_err();
            assert!(told.why.contains(hint), "{text}: {told}");
            assert_eq!(told.at, at, "{text}: {told}");
        }
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        for text in [
            "(".repeat(100_000),
            "-".repeat(100_000),
            "a ".repeat(100_000),
        ] {
            assert!(Query::parse(&text, TODAY).is_err());
        }
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,6}",
            "[ a-zA-Z:()\"\\\\é-]{0,8}",
            Just("OR".to_owned()),
            "\\PC{0,6}"
        ]
    }

    fn term() -> impl Strategy<Value = Term> {
        prop_oneof![
            value().prop_map(Term::Text),
            value().prop_map(Term::From),
            value().prop_map(Term::Filename),
            value().prop_map(Term::In),
            (DAY_MIN..DAY_MAX).prop_map(Term::Before),
            (DAY_MIN..DAY_MAX).prop_map(Term::After),
            any::<u64>().prop_map(Term::Larger),
            (0usize..12).prop_map(|i| Term::Is(STATES[i].1, STATES[i].2)),
            Just(Term::HasAttachment),
        ]
    }

    fn query() -> impl Strategy<Value = Query> {
        term()
            .prop_map(Query::Term)
            .prop_recursive(4, 24, 4, |inner| {
                prop_oneof![
                    inner.clone().prop_map(|q| Query::Not(Box::new(q))),
                    prop::collection::vec(inner.clone(), 2..4).prop_map(Query::And),
                    prop::collection::vec(inner, 2..4).prop_map(Query::Or),
                ]
            })
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_as_the_same_query(query in query()) {
            let shown = query.to_string();
            prop_assert_eq!(Query::parse(&shown, TODAY), Ok(query), "{}", shown);
        }

        #[test]
        fn no_text_stops_the_parser(text in "\\PC{0,40}|[a-z:()\" -]{0,40}") {
            if let Ok(query) = Query::parse(&text, TODAY) {
                prop_assert_eq!(Query::parse(&query.to_string(), TODAY), Ok(query));
            }
        }
    }
}
