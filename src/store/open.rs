//! Opening the files: creating, migrating, setting damaged caches aside, repairing after a crash.
//!
//! Called once at the start. `own.db` must never be moved, emptied or made anew here.

use super::folder::make_private_folder;
use super::migrate::{CONTENT, LOCAL, MIRROR, OWN, SEARCH, Schema, migrate};
use super::sql::{Doing, meta, set_meta};
use super::{Error, Reader, Result, Store, Writer, binding, text, words};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a call waits for another process to finish its transaction.
const BUSY: Duration = Duration::from_secs(5);
/// After so many changed rows the logs are worth emptying: not for a single change, which would cost
/// the disk more than it saves.
const MUCH: u64 = 500;

/// Whole messages, wherever their bytes are.
const TEXTS: &str = "CREATE TEMP VIEW whole AS
    SELECT message, size, bytes FROM content.raw
    UNION ALL SELECT m.key, r.size, r.bytes FROM main.message m JOIN local.raw r ON r.key = m.local
      WHERE m.local <> 0 AND r.drop_size = 0;";

impl Store {
    /// Opens or creates the files of `dir`, migrates them with a backup, repairs what a crash left.
    /// Quick: damage is looked for in the background by [`Reader::check`].
    ///
    /// # Errors
    /// [`Error::TooNew`], [`Error::Corrupt`] (of `own.db` only), [`Error::Disk`].
    pub fn open(dir: &Path) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(|e| cannot(dir, &e))?;
        make_private_folder(&dir).map_err(|e| cannot(&dir, &e))?;
        let shown = dir.display().to_string();
        Self::open_files(dir).map_err(|error| match error {
            // SQLite does not say which of its files it was.
            Error::Disk { file, detail } if !file.contains(&shown) => Error::Disk {
                file: format!("{file} in {shown}"),
                detail,
            },
            other => other,
        })
    }

    fn open_files(dir: PathBuf) -> Result<Self> {
        let mut own = prepare_truth(
            &dir,
            &OWN,
            "it holds changes that may not have been sent, so it was left as it is; \
             move it away to start with an empty journal",
        )?;
        drop(prepare_truth(
            &dir,
            &LOCAL,
            "it holds mail that is nowhere else, so it was left as it is; put back a copy of it, \
             or move it away to start without that mail",
        )?);
        if meta(&own, "main", "id")
            .doing("opening the journal")?
            .is_none()
        {
            own.execute(
                "INSERT OR IGNORE INTO meta (name, value) VALUES ('id', ?1)",
                [fresh_id()],
            )
            .doing("opening the journal")?;
        }
        for schema in [&MIRROR, &CONTENT, &SEARCH] {
            prepare_cache(&mut own, &dir, schema)?;
        }
        drop(own);
        let store = Self { dir };
        let mut writer = store.writer()?;
        link(&mut writer)?;
        // Another process that holds the lock is alive and finishes what it began.
        match binding::repair(&mut writer) {
            Err(Error::Busy) => {}
            done => done?,
        }
        Ok(store)
    }

    /// Opens the writing connection.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn writer(&self) -> Result<Writer> {
        let conn = self.connection(12 << 10)?;
        let seen = data_version(&conn)?;
        Ok(Writer {
            conn,
            seen,
            role_names: std::collections::BTreeMap::new(),
            emptied_at: 0,
            is_broken: false,
        })
    }

    /// Opens a reading connection.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn reader(&self) -> Result<Reader> {
        let conn = self.connection(6 << 10)?;
        conn.pragma_update(None, "query_only", true)
            .doing("opening the mail store")?;
        let seen = Cell::new(data_version(&conn)?);
        Ok(Reader {
            conn,
            dir: self.dir.clone(),
            seen,
        })
    }

    /// One connection with all files, `cache_kib` for the mirror.
    fn connection(&self, cache_kib: i64) -> Result<Connection> {
        let conn = connect(&self.dir.join(MIRROR.file))?;
        for (schema, name) in [
            (OWN, "own"),
            (CONTENT, "content"),
            (LOCAL, "local"),
            (SEARCH, "search"),
        ] {
            let path = self.dir.join(schema.file);
            let Some(path) = path.to_str() else {
                return Err(not_utf8(&path));
            };
            conn.execute(&format!("ATTACH DATABASE ?1 AS {name}"), [path])
                .doing("opening the mail store")?;
        }
        conn.execute_batch(&format!(
            "PRAGMA main.synchronous = NORMAL;
             PRAGMA own.synchronous = FULL;
             PRAGMA content.synchronous = NORMAL;
             PRAGMA local.synchronous = FULL;
             PRAGMA search.synchronous = NORMAL;
             PRAGMA main.cache_size = -{cache_kib};
             PRAGMA own.cache_size = -1024;
             PRAGMA content.cache_size = -1024;
             PRAGMA local.cache_size = -2048;
             PRAGMA search.cache_size = -2048;
             PRAGMA wal_autocheckpoint = 8000;
             PRAGMA main.journal_size_limit = 33554432;
             PRAGMA own.journal_size_limit = 4194304;
             PRAGMA content.journal_size_limit = 33554432;
             PRAGMA local.journal_size_limit = 33554432;
             PRAGMA search.journal_size_limit = 33554432;
             {TEXTS}"
        ))
        .doing("opening the mail store")?;
        // Without this, SQLite prepares a statement anew whenever the value of its LIMIT is bound.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .doing("opening the mail store")?;
        text::register(&conn).doing("opening the mail store")?;
        conn.set_prepared_statement_cache_capacity(96);
        Ok(conn)
    }
}

impl Writer {
    /// Whether another process (or another writer) changed the store since this was last asked.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn changes_elsewhere(&mut self) -> Result<bool> {
        let now = data_version(&self.conn)?;
        Ok(std::mem::replace(&mut self.seen, now) != now)
    }

    /// Moves what was written out of the write-ahead logs, if it is much. For moments in which nobody
    /// waits: where this is left to SQLite, it is the change which fills the log that takes longer.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn empty_logs(&mut self) -> Result<()> {
        let changed = self.conn.total_changes();
        if changed - self.emptied_at < MUCH {
            return Ok(());
        }
        self.emptied_at = changed;
        self.conn
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
            .doing("emptying the logs")
    }

    /// Runs `work` in one transaction that holds the write lock from its start.
    pub(super) fn write<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let tx = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .doing(doing)?;
        let out = work(&tx)?;
        tx.commit().doing(doing)?;
        Ok(out)
    }

    /// The same for the journal: after a failed write to the disk nothing more is recorded, since
    /// the system may claim the next time that all is well.
    pub(super) fn write_journal<T>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        if self.is_broken {
            return Err(Error::Disk {
                file: OWN.file.to_owned(),
                detail: "an earlier write failed, so no change is taken any more; \
                         check the disk and start again"
                    .to_owned(),
            });
        }
        let done = self.write(doing, work);
        if let Err(Error::Disk { detail, .. }) = &done
            && detail != super::sql::FULL
        {
            self.is_broken = true;
        }
        done
    }
}

impl Reader {
    /// Whether anybody, our own writer included, changed the store since this was last asked.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn changes_elsewhere(&self) -> Result<bool> {
        let now = data_version(&self.conn)?;
        Ok(self.seen.replace(now) != now)
    }
}

/// Grows by one with each commit of another connection, in the mirror or the journal.
fn data_version(conn: &Connection) -> Result<i64> {
    let of = |schema: &str| -> Result<i64> {
        conn.pragma_query_value(Some(schema), "data_version", |row| row.get(0))
            .doing("looking for changes")
    };
    Ok(of("main")? + of("own")?)
}

fn connect(path: &Path) -> Result<Connection> {
    make_file(path)?;
    // Without SQLITE_OPEN_URI, so that no path can be taken for a URI with options.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).doing("opening the mail store")?;
    conn.busy_timeout(BUSY).doing("opening the mail store")?;
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF;")
        .doing("opening the mail store")?;
    Ok(conn)
}

/// Makes an empty file for its owner alone; SQLite gives its companions the same rights.
fn make_file(path: &Path) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|e| cannot(path, &e))
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::Disk {
        file: path.display().to_string(),
        detail: error.to_string(),
    }
}

/// SQLite takes the names of further files as UTF-8.
pub(super) fn not_utf8(path: &Path) -> Error {
    Error::Disk {
        file: path.display().to_string(),
        detail: "the name of the data folder is not valid UTF-8; choose another one".to_owned(),
    }
}

fn fresh_id() -> i64 {
    fastrand::i64(1..)
}

/// Opens a file that is never set aside; `remedy` is what to do where it is damaged.
fn prepare_truth(dir: &Path, schema: &Schema, remedy: &str) -> Result<Connection> {
    let path = dir.join(schema.file);
    let opened = connect(&path).and_then(|mut conn| {
        migrate(&mut conn, &path, schema)?;
        Ok(conn)
    });
    match opened {
        Err(Error::Corrupt { detail, .. }) => Err(Error::Corrupt {
            file: path.display().to_string(),
            detail,
            remedy: remedy.to_owned(),
        }),
        opened => opened,
    }
}

/// Makes sure that a cache can be used; sets it aside where it cannot.
fn prepare_cache(own: &mut Connection, dir: &Path, schema: &Schema) -> Result<()> {
    let mark = mark(schema);
    let is_marked = |conn: &Connection| -> Result<bool> {
        Ok(meta(conn, "main", &mark).doing("opening the journal")? == Some(1))
    };
    let path = dir.join(schema.file);
    if !is_marked(own)? {
        match probe(&path, schema) {
            Ok(()) => return Ok(()),
            Err(Error::Corrupt { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    // Only one process may set the file aside; the others find the new one.
    let tx = own
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing("opening the journal")?;
    if is_marked(&tx)? || probe(&path, schema).is_err() {
        set_aside(&path)?;
        probe(&path, schema)?;
        set_meta(&tx, "main", &mark, 0).doing("opening the journal")?;
    }
    tx.commit().doing("opening the journal")
}

/// The row of `own.meta` that says that a cache is damaged.
pub(super) fn mark(schema: &Schema) -> String {
    format!("check_{}", schema.file.trim_end_matches(".db"))
}

/// Opens a cache, migrates it, and touches what a damaged file does not survive.
fn probe(path: &Path, schema: &Schema) -> Result<()> {
    let mut conn = connect(path)?;
    migrate(&mut conn, path, schema)?;
    if is_cut_short(&conn, path)? {
        return Err(Error::Corrupt {
            file: path.display().to_string(),
            detail: "its end is missing".to_owned(),
            remedy: String::new(),
        });
    }
    let mut tables = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .doing("reading the schema")?;
    let names: Vec<String> = tables
        .query_map((), |row| row.get(0))
        .and_then(Iterator::collect)
        .doing("reading the schema")?;
    for wanted in wanted_tables(schema) {
        if !names.iter().any(|n| n == wanted) {
            return Err(Error::Corrupt {
                file: path.display().to_string(),
                detail: format!("the table {wanted} is missing"),
                remedy: String::new(),
            });
        }
        conn.query_row(
            &format!("SELECT count(*) FROM (SELECT 1 FROM {wanted} LIMIT 1)"),
            (),
            |_| Ok(()),
        )
        .doing("reading the schema")?;
    }
    if schema.file == MIRROR.file && is_foreign(&conn, path)? {
        return Err(Error::Corrupt {
            file: path.display().to_string(),
            detail: "it belongs to another journal".to_owned(),
            remedy: String::new(),
        });
    }
    Ok(())
}

fn wanted_tables(schema: &Schema) -> &'static [&'static str] {
    if schema.file == MIRROR.file {
        &[
            "meta",
            "mailbox",
            "message",
            "cold",
            "placement",
            "thread_id",
            "thread_id_new",
            "thread_merged",
            "thread_subject",
            "orphan",
            "leaving",
        ]
    } else if schema.file == SEARCH.file {
        &["meta", "words"]
    } else {
        &["meta", "raw", "part"]
    }
}

/// Whether the mirror was made beside another `own.db`: its keys mean nothing here.
fn is_foreign(conn: &Connection, path: &Path) -> Result<bool> {
    let Some(theirs) = meta(conn, "main", "own").doing("opening the mail store")? else {
        return Ok(false);
    };
    let own = connect(&path.with_file_name(OWN.file))?;
    let ours = meta(&own, "main", "id").doing("opening the journal")?;
    Ok(ours != Some(theirs))
}

/// Whether the file is shorter than its own header says, with nothing left to be written to it.
fn is_cut_short(conn: &Connection, path: &Path) -> Result<bool> {
    let wal = path.with_extension("db-wal");
    let is_settled = std::fs::metadata(wal).map_or(true, |m| m.len() == 0);
    let number = |name| -> Result<u64> {
        conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .doing("opening the mail store")
            .map(super::sql::unsigned)
    };
    let wanted = number("page_count")?.saturating_mul(number("page_size")?);
    let found = std::fs::metadata(path).map_err(|e| cannot(path, &e))?.len();
    Ok(is_settled && found < wanted)
}

/// Renames a damaged cache and its companions: `mirror.db.damaged-1`.
fn set_aside(path: &Path) -> Result<()> {
    let with = |path: &Path, end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let target = (1..10_000)
        .map(|n| with(path, &format!(".damaged-{n}")))
        .find(|p| !p.exists())
        .unwrap_or_else(|| with(path, ".damaged"));
    for end in ["", "-wal", "-shm"] {
        match std::fs::rename(with(path, end), with(&target, end)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cannot(path, &e)),
            _ => {}
        }
    }
    Ok(())
}

/// Ties the files together; notices when one of them was made anew or exchanged.
fn link(writer: &mut Writer) -> Result<()> {
    if is_linked(&writer.conn).doing("opening the mail store")? {
        return Ok(());
    }
    writer.write("opening the mail store", |tx| {
        let doing = "opening the mail store";
        let get = |schema: &str, name: &str| meta(tx, schema, name).doing(doing);
        let own = get("own", "id")?.unwrap_or_default();
        let mirror = get("main", "id")?.unwrap_or_else(fresh_id);
        let content = get("content", "id")?.unwrap_or_else(fresh_id);
        set_meta(tx, "main", "id", mirror).doing(doing)?;
        set_meta(tx, "content", "id", content).doing(doing)?;
        if get("own", "mirror")? != Some(mirror) {
            tx.execute(
                "UPDATE own.op_target SET mailbox = 0, message = 0, to_mailbox = 0
                 WHERE message <> 0 AND (verb <> 'append' OR mailbox <> 0)",
                (),
            )
            .doing(doing)?;
            tx.execute(
                "INSERT INTO meta (name, value) SELECT 'next_' || what, next FROM own.floor WHERE true
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                (),
            )
            .doing(doing)?;
            set_meta(tx, "own", "mirror", mirror).doing(doing)?;
        }
        if get("main", "content")? != Some(content) {
            tx.execute(
                "UPDATE message SET is_here = 0 WHERE is_here = 1 AND local = 0",
                (),
            )
            .doing(doing)?;
            set_meta(tx, "main", "content", content).doing(doing)?;
        }
        if get("search", "mirror")? != Some(mirror) {
            words::empty(tx).doing(doing)?;
            set_meta(tx, "search", "mirror", mirror).doing(doing)?;
        }
        set_meta(tx, "main", "own", own).doing(doing)
    })
}

fn is_linked(conn: &Connection) -> rusqlite::Result<bool> {
    let mirror = meta(conn, "main", "id")?;
    let content = meta(conn, "content", "id")?;
    Ok(mirror.is_some()
        && content.is_some()
        && meta(conn, "main", "own")? == meta(conn, "own", "id")?
        && meta(conn, "own", "mirror")? == mirror
        && meta(conn, "main", "content")? == content
        && meta(conn, "search", "mirror")? == mirror)
}
