//! `pillarbox list`: the messages of a folder; and the keys that every listing of messages has.
//!
//! Called by `mod.rs`. Reads the store only, row by row; must never hold a whole mailbox.

use super::args::ListArgs;
use super::exit::{Exit, Failure, complain};
use super::output::Output;
use super::place::{Place, Tree};
use super::{terminal, text};
use crate::engine::index_once;
use crate::model::{
    Address, Flag, Folding, Keyword, ListRow, Mailbox, Moment, Query, Safe, Scope, Sort, ViewSpec,
};
use crate::store::{Reader, Store, Summary};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde::Serialize;
use std::time::Duration;

/// Rows that are read at a time.
pub(super) const STEP: u32 = 500;

/// A message in JSON. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
pub(super) struct MessageRow<'a> {
    id: i64,
    account: &'a str,
    mailbox: &'a str,
    uid: Option<u32>,
    message_id: Option<&'a str>,
    thread: i64,
    from: &'a [Address],
    to: &'a [Address],
    cc: &'a [Address],
    subject: &'a str,
    date: Option<String>,
    flags: Vec<&'static str>,
    tags: Vec<&'a str>,
    size: u64,
    attachments: usize,
}

impl<'a> MessageRow<'a> {
    /// The row of a message.
    pub(super) fn new(tree: &'a Tree, mailbox: &'a Mailbox, message: &'a Summary) -> Self {
        let envelope = &message.envelope;
        Self {
            id: message.placed.message.0,
            account: tree.account_name(message.account),
            mailbox: &mailbox.name,
            uid: message.uid.map(crate::model::Uid::get),
            message_id: Some(envelope.message_id.as_str()).filter(|id| !id.is_empty()),
            thread: message.thread.0,
            from: &envelope.from,
            to: &envelope.to,
            cc: &envelope.cc,
            subject: &envelope.subject,
            date: envelope
                .date
                .and_then(rfc3339)
                .or_else(|| rfc3339(message.arrived)),
            flags: message.flags.flags().map(Flag::name).collect(),
            tags: message.flags.keywords().map(Keyword::as_str).collect(),
            size: message.size_bytes,
            attachments: message
                .structure
                .as_ref()
                .map_or(0, |s| s.attachments().count()),
        }
    }
}

/// A moment as RFC 3339 has it; `None` outside of the years 1 to 9999.
fn rfc3339(moment: Moment) -> Option<String> {
    let at = Timestamp::from_second(moment.unix_secs).ok()?;
    let offset = Offset::from_seconds(i32::from(moment.offset_mins) * 60).unwrap_or(Offset::UTC);
    let year = at.to_zoned(TimeZone::fixed(offset)).year();
    (1..=9999)
        .contains(&year)
        .then(|| at.display_with_offset(offset).to_string())
}

/// Lists messages.
pub(super) fn list(place: &Place, args: &ListArgs, output: &mut Output) -> Result<Exit, Failure> {
    let filter = args.query.as_deref().map(query).transpose()?;
    let store = place.store()?;
    if let Some(query) = &filter {
        index(&store, query);
    }
    let reader = store.reader()?;
    let tree = Tree::read(place, &reader)?;
    let mailbox = tree.find(&args.mailbox)?;
    let spec = ViewSpec {
        scope: Scope::Mailbox(mailbox.key),
        filter,
        sort: Sort::Newest,
        threads: args.threads.then(|| Folding {
            is_open: true,
            ..Folding::default()
        }),
    };
    let end = args.offset.saturating_add(args.limit.unwrap_or(u32::MAX));
    let view = if args.limit.is_some() {
        reader.view_head(&spec, end)?
    } else {
        reader.view(&spec)?
    };
    let columns = terminal::columns(output);
    let mut offset = args.offset;
    while offset < end {
        let rows = reader.rows(&view, offset, STEP.min(end - offset))?;
        let Some(count) = u32::try_from(rows.len()).ok().filter(|n| *n > 0) else {
            break;
        };
        for row in &rows {
            print(&reader, &tree, row, args.json.json, columns, output)?;
        }
        offset += count;
    }
    Ok(Exit::Done)
}

/// Prints a row, of a folder that the command is about.
pub(super) fn print(
    reader: &Reader,
    tree: &Tree,
    row: &ListRow,
    is_json: bool,
    columns: Option<usize>,
    output: &mut Output,
) -> Result<(), Failure> {
    let Some(mailbox) = tree.mailboxes.iter().find(|m| m.key == row.mailbox) else {
        return Ok(());
    };
    if !is_json {
        return Ok(output.line(&line(row, columns))?);
    }
    // Another process may have removed the message since the view was made.
    if let Some(summary) = reader.summary(row.message, Some(row.mailbox))? {
        output.json(&MessageRow::new(tree, mailbox, &summary))?;
    }
    Ok(())
}

/// Takes new texts into the index where a query asks for words in them: no screen may have run that does.
pub(super) fn index(store: &Store, query: &Query) {
    const PATIENCE: Duration = Duration::from_secs(20);
    if !query.asks_for_text() {
        return;
    }
    match index_once(store, PATIENCE) {
        Ok(true) => {}
        Ok(false) => complain("not all texts could be looked through yet; search again to go on"),
        Err(error) => complain(&format!("new texts were not looked through: {error}")),
    }
}

/// Reads a query as of today.
pub(super) fn query(text: &str) -> Result<Query, Failure> {
    let epoch = jiff::civil::date(1970, 1, 1);
    let since = Zoned::now().date().since(epoch);
    let today = since.map_or(0, |span| span.get_days());
    text::query(text, today)
        .map_err(|error| Failure::usage(format!("the query {text:?} is not understood: {error}")))
}

/// A row for people: id, marks, date, sender, subject.
fn line(row: &ListRow, columns: Option<usize>) -> String {
    let mark = |is_set: bool, mark: char| if is_set { mark } else { ' ' };
    let marks: String = [
        mark(!row.flags.has(Flag::Seen), 'N'),
        mark(row.flags.has(Flag::Flagged), '*'),
        mark(row.flags.has(Flag::Answered), 'r'),
        mark(row.has_attachment, '@'),
        mark(row.is_pending, '~'),
    ]
    .into_iter()
    .collect();
    let date = Timestamp::from_second(row.arrived_secs).map_or_else(
        |_| " ".repeat(16),
        |at| {
            at.to_zoned(TimeZone::system())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    );
    let who = text::fit(row.who.as_str(), 24);
    let indent = "  ".repeat(usize::from(row.depth.min(8)));
    let tags = Safe::join(&row.tags, " ");
    let tags = if tags.is_empty() {
        String::new()
    } else {
        format!("[{tags}] ")
    };
    let line = format!(
        "{:>7} {marks} {date}  {who}  {indent}{tags}{}",
        row.message, row.subject
    );
    columns.map_or_else(|| line.clone(), |columns| text::cut(&line, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_keeps_the_offset_it_was_written_in_and_an_absurd_one_is_none() {
        let at = |unix_secs, offset_mins| {
            rfc3339(Moment {
                unix_secs,
                offset_mins,
            })
        };
        assert_eq!(at(0, 0).unwrap(), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(1_775_464_320, 120).unwrap(), "2026-04-06T10:32:00+02:00");
        assert_eq!(at(-1, -330).unwrap(), "1969-12-31T18:29:59-05:30");
        for absurd in [i64::MIN, i64::MAX, -70_000_000_000, 253_402_300_800] {
            assert_eq!(at(absurd, 0), None, "{absurd}");
        }
    }
}
