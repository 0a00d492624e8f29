//! How values cross between Rust and SQLite, and what SQLite's errors mean.
//!
//! Used by every file of the store. Must never lose the operation that an error belongs to.

use super::{Error, Result};
use crate::model::{Address, Flag, FlagChange, FlagSet};
use rusqlite::{Connection, ErrorCode};

/// Separates the name from the address, and one address from the next, in stored address lists.
const NAME_END: char = '\u{1f}';
const ADDRESS_END: char = '\u{1e}';

/// What a full disk is called; unlike other failures it passes when there is room again.
pub(super) const FULL: &str = "the disk is full; nothing was lost, make room and go on";

/// Adds to an SQLite error what was being done.
pub(super) trait Doing<T> {
    /// Says what was being done, as the rest of "the mail store failed while".
    fn doing(self, what: &'static str) -> Result<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, what: &'static str) -> Result<T> {
        self.map_err(|source| explain(source, what))
    }
}

/// Sorts an SQLite error into what the user can do about it.
fn explain(source: rusqlite::Error, doing: &'static str) -> Error {
    let files = || "the mail store".to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Corrupt {
            file: files(),
            detail: source.to_string(),
            remedy: "quit and start again: what the server can give again is then fetched anew"
                .to_owned(),
        },
        Some(ErrorCode::DiskFull) => Error::Disk {
            file: files(),
            detail: FULL.to_owned(),
        },
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied,
        ) => Error::Disk {
            file: files(),
            detail: source.to_string(),
        },
        _ => Error::Sql { doing, source },
    }
}

/// A number for a column; what does not fit becomes the largest that does.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number from a column; a negative one becomes zero.
pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A count from a column, brought into range.
pub(super) fn count(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

/// A count of things in memory.
pub(super) fn len(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The flag bits of a column.
pub(super) fn bits(value: i64) -> u8 {
    u8::try_from(value & 63).unwrap_or(0)
}

/// Whether flag bits say "unread", as a number to add up.
pub(super) fn unread(flags: u8) -> i64 {
    i64::from(flags & Flag::Seen.bit() == 0)
}

/// Address lists as a column holds them: searchable as they are, quick to take apart.
pub(super) fn addresses_text(list: &[Address]) -> String {
    let len = list
        .iter()
        .map(|a| a.name.len() + a.address.len() + 2)
        .sum();
    let mut out = String::with_capacity(len);
    let clean = |out: &mut String, text: &str| {
        if memchr::memchr2(0x1e, 0x1f, text.as_bytes()).is_none() {
            out.push_str(text);
        } else {
            out.push_str(&text.replace([NAME_END, ADDRESS_END], " "));
        }
    };
    for (i, address) in list.iter().enumerate() {
        if i > 0 {
            out.push(ADDRESS_END);
        }
        clean(&mut out, &address.name);
        out.push(NAME_END);
        clean(&mut out, &address.address);
    }
    out
}

/// The addresses that [`addresses_text`] wrote.
pub(super) fn addresses(text: &str) -> Vec<Address> {
    addresses_iter(text).collect()
}

/// The same, one after the other.
pub(super) fn addresses_iter(text: &str) -> impl Iterator<Item = Address> + '_ {
    text.split(ADDRESS_END)
        .filter_map(|one| one.split_once(NAME_END))
        .map(|(name, address)| Address {
            name: name.to_owned(),
            address: address.to_owned(),
        })
}

/// A flag change as a column holds it: bits and keywords to set, a line break, those to clear.
pub(super) fn change_text(change: &FlagChange) -> String {
    let FlagChange { add, remove } = change;
    format!(
        "{} {}\n{} {}",
        add.bits(),
        add.words(),
        remove.bits(),
        remove.words()
    )
}

/// The change that [`change_text`] wrote; nothing at all for the empty text.
pub(super) fn change(text: &str) -> FlagChange {
    let set = |line: Option<&str>| {
        let (bits, words) = line.and_then(|l| l.split_once(' ')).unwrap_or(("0", ""));
        FlagSet::from_stored(bits.parse().unwrap_or(0), words)
    };
    let mut lines = text.split('\n');
    FlagChange {
        add: set(lines.next()),
        remove: set(lines.next()),
    }
}

/// A number from the `meta` table of a schema.
pub(super) fn meta(conn: &Connection, schema: &str, name: &str) -> rusqlite::Result<Option<i64>> {
    use rusqlite::OptionalExtension;
    conn.prepare_cached(&format!("SELECT value FROM {schema}.meta WHERE name = ?1"))?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Writes a number to the `meta` table of a schema.
pub(super) fn set_meta(
    conn: &Connection,
    schema: &str,
    name: &str,
    value: i64,
) -> rusqlite::Result<()> {
    conn.prepare_cached(&format!(
        "INSERT OR REPLACE INTO {schema}.meta (name, value) VALUES (?1, ?2)"
    ))?
    .execute((name, value))
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Keyword;

    #[test]
    fn addresses_come_back_as_they_went_in_and_cannot_forge_a_neighbour() {
        let list = vec![
            Address {
                name: "Ann, \"x\"".to_owned(),
                address: "ann@example.org".to_owned(),
            },
            Address::default(),
        ];
        assert_eq!(addresses(&addresses_text(&list)), list);
        let forged = vec![Address {
            name: "a\u{1e}b\u{1f}boss@example.org".to_owned(),
            address: "x@example.net".to_owned(),
        }];
        let back = addresses(&addresses_text(&forged));
        assert_eq!(back.len(), 1);
        assert_eq!(back[0].address, "x@example.net");
        assert!(addresses("").is_empty());
    }

    #[test]
    fn a_change_comes_back_as_it_went_in() {
        let mut one = FlagChange::one(Flag::Seen, true);
        one.add.insert_keyword(Keyword::new("work").unwrap());
        one.remove.insert(Flag::Flagged);
        one.remove.insert_keyword(Keyword::new("$Junk").unwrap());
        assert_eq!(change(&change_text(&one)), one);
        assert!(change("").is_empty());
    }
}
