//! A query of the search language as a condition of SQL.
//!
//! Called by `order` and `rows`. What the user typed must never become part of the SQL text: it is
//! bound. What is looked for in a text is looked for in its first words as it was typed, and in the
//! index over whole texts word by word.

use super::Result;
use super::sql::{self, Doing};
use super::text::fold;
use super::words;
use crate::model::{DEPTH_MAX, Keyword, MailboxKey, Query, Role, Term};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

/// The first parameter number that a filter uses; those below belong to the statement around it.
const FIRST: usize = 11;

/// A condition on a placement `p` and its message `m`.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// Empty: everything.
    sql: String,
    params: Vec<Value>,
    needs_message: bool,
}

impl Filter {
    /// Compiles a query; names of mailboxes and accounts are looked up now.
    pub(super) fn new(conn: &Connection, query: Option<&Query>) -> Result<Self> {
        let mut filter = Self::default();
        if let Some(query) = query {
            filter.put(conn, query, 0)?;
        }
        Ok(filter)
    }

    /// The condition, to follow another one.
    pub(super) fn and(&self) -> String {
        if self.sql.is_empty() {
            String::new()
        } else {
            format!(" AND {}", self.sql)
        }
    }

    /// The join that the condition needs.
    pub(super) const fn join(&self) -> &'static str {
        if self.needs_message {
            " CROSS JOIN message m ON m.key = p.message"
        } else {
            ""
        }
    }

    /// Prepares a statement around the condition and binds its parameters.
    pub(super) fn prepare<'c>(
        &self,
        conn: &'c Connection,
        text: &str,
        fixed: &[i64],
    ) -> rusqlite::Result<CachedStatement<'c>> {
        let mut statement = conn.prepare_cached(text)?;
        for (i, value) in fixed.iter().enumerate() {
            statement.raw_bind_parameter(i + 1, value)?;
        }
        for (i, value) in self.params.iter().enumerate() {
            statement.raw_bind_parameter(FIRST + i, value)?;
        }
        Ok(statement)
    }

    fn param(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("?{}", FIRST + self.params.len() - 1)
    }

    fn put(&mut self, conn: &Connection, query: &Query, depth: usize) -> Result<()> {
        if depth > 2 * DEPTH_MAX {
            self.sql.push('0');
            return Ok(());
        }
        match query {
            Query::Term(term) => {
                let text = self.term(conn, term)?;
                self.sql.push_str(&text);
                Ok(())
            }
            Query::Not(inner) => {
                self.sql.push_str("NOT ");
                self.put(conn, inner, depth + 1)
            }
            Query::And(all) => self.put_all(conn, all, " AND ", "1", depth),
            Query::Or(any) => self.put_all(conn, any, " OR ", "0", depth),
        }
    }

    fn put_all(
        &mut self,
        conn: &Connection,
        all: &[Query],
        between: &str,
        none: &str,
        depth: usize,
    ) -> Result<()> {
        self.sql.push('(');
        if all.is_empty() {
            self.sql.push_str(none);
        }
        for (i, query) in all.iter().enumerate() {
            if i > 0 {
                self.sql.push_str(between);
            }
            self.put(conn, query, depth + 1)?;
        }
        self.sql.push(')');
        Ok(())
    }

    fn has(&mut self, needle: &str, columns: &str) -> String {
        self.needs_message = true;
        let needle = self.param(Value::Text(fold(needle)));
        format!("has({needle}, {columns})")
    }

    /// The same, or in the whole text as far as that is indexed.
    fn has_text(&mut self, needle: &str, columns: &str) -> String {
        let has = self.has(needle, columns);
        let Some(phrase) = words::phrase(needle) else {
            return has;
        };
        let phrase = self.param(Value::Text(phrase));
        format!(
            "({has} OR p.message IN (SELECT rowid FROM search.words WHERE words MATCH {phrase}))"
        )
    }

    fn term(&mut self, conn: &Connection, term: &Term) -> Result<String> {
        Ok(match term {
            Term::Text(text) => self.has_text(
                text,
                "m.subject, m.sender, m.recipients, m.copies, m.preview",
            ),
            Term::From(text) => self.has(text, "m.sender"),
            Term::To(text) => self.has(text, "m.recipients"),
            Term::Cc(text) => self.has(text, "m.copies"),
            Term::Subject(text) => self.has(text, "m.subject"),
            Term::Body(text) => self.has_text(text, "m.preview"),
            Term::Filename(text) => {
                self.needs_message = true;
                let needle = self.param(Value::Text(fold(text)));
                format!(
                    "(m.has_attachment = 1 AND has_file({needle}, coalesce(\
                     (SELECT structure FROM cold WHERE cold.message = p.message), '')))"
                )
            }
            Term::Tag(word) => match Keyword::new(word) {
                Ok(word) => {
                    let word = word.as_str().to_ascii_lowercase();
                    let word = self.param(Value::Text(format!(" {word} ")));
                    format!("(p.words <> '' AND instr(' ' || lower(p.words) || ' ', {word}) > 0)")
                }
                Err(_) => "0".to_owned(),
            },
            Term::In(name) => mailboxes_named(conn, name)?,
            Term::Account(name) => mailboxes_of(conn, name)?,
            Term::Before(day) => self.day("<", *day, 1),
            Term::After(day) => self.day(">=", *day, -1),
            Term::Larger(size) => self.size(">", *size),
            Term::Smaller(size) => self.size("<", *size),
            Term::Is(flag, on) => {
                let compare = if *on { "<>" } else { "=" };
                format!("(p.flags & {}) {compare} 0", flag.bit())
            }
            Term::HasAttachment => {
                self.needs_message = true;
                "m.has_attachment = 1".to_owned()
            }
        })
    }

    /// Compares the day of arrival, at the place where it was noted, as IMAP SEARCH does. The first
    /// comparison needs no message and sorts out most.
    fn day(&mut self, compare: &str, day: i32, slack_days: i64) -> String {
        self.needs_message = true;
        let start = i64::from(day) * 86_400;
        let wide = self.param(Value::Integer(start + slack_days * 86_400));
        let exact = self.param(Value::Integer(start));
        format!(
            "(p.arrived {compare} {wide} AND \
             p.arrived + 60 * max(-1440, min(1440, m.arrived_offset)) {compare} {exact})"
        )
    }

    fn size(&mut self, compare: &str, size: u64) -> String {
        self.needs_message = true;
        let size = self.param(Value::Integer(sql::signed(size)));
        format!("m.size {compare} {size}")
    }
}

/// The condition that a placement is in one of these mailboxes.
pub(super) fn in_mailboxes(mailboxes: &[i64]) -> String {
    match mailboxes {
        [] => "0".to_owned(),
        [one] => format!("p.mailbox = {one}"),
        all => {
            let all: Vec<String> = all.iter().map(i64::to_string).collect();
            format!("p.mailbox IN ({})", all.join(", "))
        }
    }
}

/// The mailboxes of that full name, last level or role.
fn mailboxes_named(conn: &Connection, name: &str) -> Result<String> {
    let wanted = fold(name);
    let mut statement = conn
        .prepare_cached("SELECT key, name, delimiter, role FROM mailbox")
        .doing("searching")?;
    let found: rusqlite::Result<Vec<MailboxKey>> = statement
        .query_map((), |row| {
            let (key, name): (i64, String) = (row.get(0)?, row.get(1)?);
            let delimiter: Option<String> = row.get(2)?;
            let role: Option<String> = row.get(3)?;
            let leaf = delimiter
                .filter(|d| !d.is_empty())
                .and_then(|d| name.rsplit(d.as_str()).next().map(fold));
            let is_it = fold(&name) == wanted
                || leaf.as_deref() == Some(wanted.as_str())
                || role
                    .and_then(|r| Role::from_name(&r))
                    .is_some_and(|r| r.name() == wanted);
            Ok(is_it.then_some(MailboxKey(key)))
        })
        .and_then(|rows| rows.filter_map(rusqlite::Result::transpose).collect());
    let keys: Vec<i64> = found.doing("searching")?.iter().map(|m| m.0).collect();
    Ok(in_mailboxes(&keys))
}

/// The mailboxes of the account of that name.
fn mailboxes_of(conn: &Connection, name: &str) -> Result<String> {
    let wanted = fold(name);
    let mut statement = conn
        .prepare_cached(
            "SELECT m.key, a.name FROM mailbox m JOIN own.account a ON a.key = m.account",
        )
        .doing("searching")?;
    let found: rusqlite::Result<Vec<(i64, String)>> = statement
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect);
    let keys: Vec<i64> = found
        .doing("searching")?
        .into_iter()
        .filter(|(_, account)| fold(account) == wanted)
        .map(|(key, _)| key)
        .collect();
    Ok(in_mailboxes(&keys))
}
