//! Schemas and the numbered steps that lead to them.
//!
//! Called when a file is opened. A step runs in one transaction with its number, and must never be
//! changed once it was released: a new step is added after it.

use super::sql::Doing;
use super::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

/// One of the files and how it came to be what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schema {
    /// Its name in the data directory.
    pub(super) file: &'static str,
    /// Step n leads from version n to n + 1.
    pub(super) steps: &'static [&'static str],
    /// Whether it can be fetched again, so that damage is set aside and no backup is needed.
    pub(super) is_cache: bool,
    /// Bytes of a page: large ones suit large values.
    pub(super) page_size: u32,
}

/// Journal, accounts, people.
pub(super) const OWN: Schema = Schema {
    file: "own.db",
    steps: &[
        include_str!("schema_own.sql"),
        // What the program did by itself is no step that a user wants taken back.
        "ALTER TABLE op ADD COLUMN is_automatic INTEGER NOT NULL DEFAULT 0;",
        include_str!("schema_own_3.sql"),
        include_str!("schema_own_4.sql"),
        include_str!("schema_own_5.sql"),
        include_str!("schema_own_6.sql"),
        include_str!("schema_own_7.sql"),
        include_str!("schema_own_8.sql"),
    ],
    is_cache: false,
    page_size: 4096,
};
/// Mailboxes and messages.
pub(super) const MIRROR: Schema = Schema {
    file: "mirror.db",
    steps: &[
        include_str!("schema_mirror.sql"),
        include_str!("schema_mirror_2.sql"),
        include_str!("schema_mirror_3.sql"),
        include_str!("schema_mirror_4.sql"),
    ],
    is_cache: true,
    page_size: 4096,
};
/// Mail that is kept here and nowhere else.
pub(super) const LOCAL: Schema = Schema {
    file: "local.db",
    steps: &[include_str!("schema_local.sql")],
    is_cache: false,
    page_size: 8192,
};
/// Texts.
pub(super) const CONTENT: Schema = Schema {
    file: "content.db",
    steps: &[include_str!("schema_content.sql")],
    is_cache: true,
    page_size: 8192,
};

/// The words of texts.
pub(super) const SEARCH: Schema = Schema {
    file: "search.db",
    steps: &[include_str!("schema_search.sql")],
    is_cache: true,
    page_size: 8192,
};

/// Brings a file to the newest version; a file that is not a cache is copied first.
///
/// # Errors
/// [`Error::TooNew`] where the file is ahead of us; [`Error::Corrupt`] where it is not ours.
pub(super) fn migrate(conn: &mut Connection, path: &Path, schema: &Schema) -> Result<()> {
    let known = i64::try_from(schema.steps.len()).unwrap_or(i64::MAX);
    let found = version(conn)?;
    if found == known {
        return Ok(());
    }
    if found > known {
        return Err(Error::TooNew {
            file: path.display().to_string(),
            found,
            known,
        });
    }
    if found == 0 {
        begin_file(conn, path, schema)?;
    } else if !schema.is_cache {
        back_up(conn, path, found)?;
    }
    let tx = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing("updating the mail store")?;
    // Another process may have been quicker while we waited for the lock.
    let done = usize::try_from(version(&tx)?).unwrap_or(0);
    for step in schema.steps.iter().skip(done) {
        tx.execute_batch(step).doing("updating the mail store")?;
    }
    tx.pragma_update(None, "user_version", known.max(version(&tx)?))
        .doing("updating the mail store")?;
    tx.commit().doing("updating the mail store")
}

fn version(conn: &Connection) -> Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
        .doing("reading the version of the mail store")
}

/// Settles what can be settled only while a file is empty.
fn begin_file(conn: &Connection, path: &Path, schema: &Schema) -> Result<()> {
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .doing("reading the schema")?;
    if tables > 0 && version(conn)? == 0 {
        return Err(Error::Corrupt {
            file: path.display().to_string(),
            detail: "it is not a file of Pillarbox".to_owned(),
            remedy: "it was left as it is; move it away and start again".to_owned(),
        });
    }
    let set = |name: &str, value: &dyn rusqlite::ToSql| {
        conn.pragma_update(None, name, value)
            .doing("setting up the mail store")
    };
    set("page_size", &schema.page_size)?;
    if schema.is_cache {
        set("auto_vacuum", &"INCREMENTAL")?;
    }
    // Two processes may create the file at once; the change of mode does not wait by itself.
    let mut mode = String::new();
    for attempt in 0..100 {
        let answer = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
        match answer.doing("setting up the mail store") {
            Ok(text) => {
                mode = text;
                break;
            }
            Err(Error::Busy) if attempt < 99 => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(e) => return Err(e),
        }
    }
    if mode == "wal" {
        return Ok(());
    }
    Err(Error::Disk {
        file: path.display().to_string(),
        detail: "the folder cannot hold a write-ahead log (a network drive?); \
                 choose a data folder on a local disk"
            .to_owned(),
    })
}

/// Copies a file beside itself before it is changed: `own.db.v1.bak`.
fn back_up(conn: &Connection, path: &Path, found: i64) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{found}.bak"));
    let copy = PathBuf::from(name);
    if copy.exists() {
        return Ok(());
    }
    let Some(target) = copy.to_str() else {
        return Err(super::open::not_utf8(&copy));
    };
    conn.execute("VACUUM INTO ?1", [target])
        .doing("backing up the mail store")
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: Schema = Schema {
        steps: &["CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);"],
        ..OWN
    };
    const V2: Schema = Schema {
        steps: &[
            "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);",
            "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 3;",
        ],
        ..OWN
    };
    const BROKEN: Schema = Schema {
        steps: &[
            "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);",
            "UPDATE a SET x = 8; ALTER TABLE nothing ADD COLUMN y;",
        ],
        ..OWN
    };

    #[test]
    fn an_older_file_is_copied_and_brought_up_with_its_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.db");
        let mut conn = Connection::open(&path).unwrap();
        migrate(&mut conn, &path, &V1).unwrap();
        migrate(&mut conn, &path, &V2).unwrap();
        let row: (i64, i64) = conn
            .query_row("SELECT x, y FROM a", (), |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap();
        assert_eq!(row, (7, 3));
        let copy = Connection::open(dir.path().join("own.db.v1.bak")).unwrap();
        assert_eq!(version(&copy).unwrap(), 1);
        let x: i64 = copy.query_row("SELECT x FROM a", (), |r| r.get(0)).unwrap();
        assert_eq!(x, 7);
    }

    #[test]
    fn a_failed_step_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.db");
        let mut conn = Connection::open(&path).unwrap();
        migrate(&mut conn, &path, &V1).unwrap();
        assert!(migrate(&mut conn, &path, &BROKEN).is_err());
        assert_eq!(version(&conn).unwrap(), 1);
        let x: i64 = conn.query_row("SELECT x FROM a", (), |r| r.get(0)).unwrap();
        assert_eq!(x, 7);
    }

    #[test]
    fn a_newer_file_is_refused_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.db");
        let mut conn = Connection::open(&path).unwrap();
        migrate(&mut conn, &path, &V2).unwrap();
        let told = migrate(&mut conn, &path, &V1).unwrap_err();
        assert!(matches!(
            told,
            Error::TooNew {
                found: 2,
                known: 1,
                ..
            }
        ));
        assert!(told.to_string().contains("update Pillarbox"));
    }

    #[test]
    fn somebody_elses_database_is_not_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("own.db");
        let mut conn = Connection::open(&path).unwrap();
        conn.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(
            migrate(&mut conn, &path, &OWN),
            Err(Error::Corrupt { .. })
        ));
    }
}
