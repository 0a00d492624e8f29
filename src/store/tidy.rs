//! Looking for damage, clearing caches, giving space back.
//!
//! Called by `engine` in idle moments and by `cache clear`. Must never remove what the server
//! cannot give again.

use super::migrate::{CONTENT, LOCAL, MIRROR, OWN, SEARCH, Schema};
use super::open::mark;
use super::sql::{Doing, meta, set_meta};
use super::{Error, Reader, Result, Writer, messages, people};
use crate::model::AccountKey;
use rusqlite::Connection;

/// How long settled operations stay, so that they can be undone and looked up.
const KEPT_SECS: i64 = 30 * 24 * 3600;
/// How long texts of deleted messages stay, so that the deletion can be undone.
const TEXTS_KEPT_SECS: i64 = 2 * 24 * 3600;
/// How often the slow checks are made.
const CHECKED_SECS: i64 = 24 * 3600;
/// The row of `own.meta` that says when damage was looked for.
const LOOKED_AT: &str = "looked_at";
/// How many rows are cleared away in one transaction.
const PIECE: usize = 2000;

impl Reader {
    /// Looks for damage (`quick_check`); may take long, belongs in the background. A damaged cache
    /// is noted, and set aside at the next start.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the file that is damaged and what to do.
    pub fn check(&self) -> Result<()> {
        for (name, schema) in [
            ("own", OWN),
            ("main", MIRROR),
            ("content", CONTENT),
            ("local", LOCAL),
            ("search", SEARCH),
        ] {
            let Some(detail) = damage(&self.conn, name) else {
                continue;
            };
            let remedy = if schema.is_cache {
                note_damage(&self.dir.join(OWN.file), &schema)?;
                "quit and start again: it is then set aside and fetched anew"
            } else {
                "it holds what is nowhere else; copy it away before you go on"
            };
            return Err(Error::Corrupt {
                file: self.dir.join(schema.file).display().to_string(),
                detail,
                remedy: remedy.to_owned(),
            });
        }
        Ok(())
    }

    /// Whether the last [`Reader::check`] was a day ago or more.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_check_due(&self, now_secs: i64) -> Result<bool> {
        let last = meta(&self.conn, "own", LOOKED_AT).doing("looking for damage")?;
        Ok(last.is_none_or(|at| !(0..CHECKED_SECS).contains(&(now_secs - at))))
    }
}

/// What is wrong with a file, if anything.
fn damage(conn: &Connection, name: &str) -> Option<String> {
    let found: rusqlite::Result<String> =
        conn.query_row(&format!("PRAGMA {name}.quick_check(1)"), (), |row| {
            row.get(0)
        });
    match found {
        Ok(text) if text == "ok" => None,
        Ok(text) => Some(text),
        Err(e) => match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Some(e.to_string())
            }
            // Busy or unreadable for the moment is not damage.
            _ => None,
        },
    }
}

fn note_damage(own: &std::path::Path, schema: &Schema) -> Result<()> {
    let conn = Connection::open(own).doing("noting damage")?;
    conn.busy_timeout(std::time::Duration::from_secs(5))
        .doing("noting damage")?;
    set_meta(&conn, "main", &mark(schema), 1).doing("noting damage")
}

impl Writer {
    /// Drops what the server can give again, of one account or all; never the journal. What waits
    /// in the journal finds its messages when they are fetched again. Of accounts whose mail is kept
    /// here there is nothing that a server could give again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn clear_cache(&mut self, account: Option<AccountKey>) -> Result<()> {
        let doing = "clearing the cache";
        let of = |sql: &str| -> Result<Vec<i64>> {
            let mut statement = self.conn.prepare(sql).doing(doing)?;
            let keys = statement.query_map((), |row| row.get(0));
            keys.and_then(Iterator::collect).doing(doing)
        };
        let local = of("SELECT key FROM own.account
            WHERE name IN (SELECT account FROM local.mailbox)")?;
        match account {
            Some(account) if local.contains(&account.0) => Ok(()),
            None if !local.is_empty() => {
                let all = of("SELECT key FROM own.account")?;
                for account in all.into_iter().filter(|key| !local.contains(key)) {
                    self.clear_cache_of(Some(account))?;
                }
                Ok(())
            }
            account => self.clear_cache_of(account.map(|a| a.0)),
        }
    }

    fn clear_cache_of(&mut self, account: Option<i64>) -> Result<()> {
        let doing = "clearing the cache";
        self.write_journal(doing, |tx| {
            tx.execute(
                "UPDATE own.op_target SET mailbox = 0, message = 0
                 WHERE (?1 IS NULL OR coalesce(nullif(from_account, 0), account) = ?1)
                   AND (verb <> 'append' OR mailbox <> 0)",
                [account],
            )
            .doing(doing)?;
            people::forget_counts(tx, account).doing(doing)
        })?;
        self.write(doing, |tx| {
            for sql in [
                "DELETE FROM content.raw WHERE ?1 IS NULL
                   OR message IN (SELECT key FROM main.message WHERE account = ?1)",
                "DELETE FROM content.part WHERE ?1 IS NULL
                   OR message IN (SELECT key FROM main.message WHERE account = ?1)",
                "DELETE FROM cold WHERE ?1 IS NULL
                   OR message IN (SELECT key FROM message WHERE account = ?1)",
                "DELETE FROM orphan WHERE ?1 IS NULL
                   OR message IN (SELECT key FROM message WHERE account = ?1)",
                "DELETE FROM placement WHERE ?1 IS NULL
                   OR mailbox IN (SELECT key FROM mailbox WHERE account = ?1)",
                "DELETE FROM leaving WHERE ?1 IS NULL
                   OR mailbox IN (SELECT key FROM mailbox WHERE account = ?1)",
                "DELETE FROM message WHERE ?1 IS NULL OR account = ?1",
                "UPDATE mailbox SET uid_validity = NULL, uid_next = NULL, mod_seq = 0,
                   is_complete = 0, total = 0, unread = 0, base_unread = 0, stale = 0
                   WHERE ?1 IS NULL OR account = ?1",
            ] {
                tx.execute(sql, [account]).doing(doing)?;
            }
            let is_empty = !tx
                .prepare("SELECT 1 FROM message LIMIT 1")
                .and_then(|mut s| s.exists(()))
                .doing(doing)?;
            if is_empty {
                tx.execute_batch(
                    "DELETE FROM thread_id; DELETE FROM thread_id_new; DELETE FROM thread_merged;
                     DELETE FROM thread_subject;",
                )
                .doing(doing)?;
            }
            Ok(())
        })?;
        self.drop_lost_words()?;
        give_back(&self.conn)
    }

    /// Notes that [`Reader::check`] was made.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn note_check(&mut self, now_secs: i64) -> Result<()> {
        self.write_journal("noting a check", |tx| {
            set_meta(tx, "own", LOOKED_AT, now_secs).doing("noting a check")
        })
    }

    /// Gives space back and shortens the write-ahead log; for idle moments. Once a day it also
    /// checks what is kept twice: counts, and which texts are here.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn tidy(&mut self, now_secs: i64) -> Result<()> {
        let checked = meta(&self.conn, "own", "checked_at").doing("tidying up")?;
        if checked.is_none_or(|at| !(0..CHECKED_SECS).contains(&(now_secs - at))) {
            self.write_journal("tidying up", |tx| {
                prune(tx, now_secs - KEPT_SECS).doing("tidying up")?;
                set_meta(tx, "own", "checked_at", now_secs).doing("tidying up")
            })?;
            self.purge_orphans()?;
            self.reconcile_texts()?;
            self.drop_lost_words()?;
            self.recount()?;
        }
        give_back(&self.conn)
    }

    /// Forgets messages that did not turn up again.
    fn purge_orphans(&mut self) -> Result<()> {
        let orphans = keys(
            &self.conn,
            "SELECT message FROM orphan WHERE message NOT IN (SELECT t.message
               FROM own.kept k JOIN own.op_target t ON t.key = k.target)",
        )?;
        for piece in orphans.chunks(PIECE) {
            self.write("tidying up", |tx| {
                for message in piece {
                    let lies = tx
                        .prepare_cached(
                            "SELECT 1 FROM placement WHERE message = ?1
                             UNION ALL SELECT 1 FROM leaving WHERE message = ?1",
                        )
                        .and_then(|mut s| s.exists([message]))
                        .doing("tidying up")?;
                    if !lies {
                        messages::forget_message(tx, *message).doing("tidying up")?;
                    }
                    tx.prepare_cached("DELETE FROM orphan WHERE message = ?1")
                        .and_then(|mut s| s.execute([message]))
                        .doing("tidying up")?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Makes `content.db` and what is said of it agree, after a loss of power.
    fn reconcile_texts(&mut self) -> Result<()> {
        let lost = keys(
            &self.conn,
            "SELECT key FROM message m WHERE is_here = 1
               AND NOT EXISTS (SELECT 1 FROM whole WHERE message = m.key)
               AND NOT EXISTS (SELECT 1 FROM content.part WHERE message = m.key)",
        )?;
        let mut homeless = keys(
            &self.conn,
            "SELECT message FROM content.raw r
             WHERE NOT EXISTS (SELECT 1 FROM main.message WHERE key = r.message)",
        )?;
        homeless.extend(keys(
            &self.conn,
            "SELECT DISTINCT message FROM content.part r
             WHERE NOT EXISTS (SELECT 1 FROM main.message WHERE key = r.message)",
        )?);
        for (sql, messages) in [
            (
                "UPDATE message SET is_here = 0, is_indexed = 0 WHERE key = ?1",
                &lost,
            ),
            ("DELETE FROM content.raw WHERE message = ?1", &homeless),
            ("DELETE FROM content.part WHERE message = ?1", &homeless),
        ] {
            for piece in messages.chunks(PIECE) {
                self.write("tidying up", |tx| {
                    let mut statement = tx.prepare_cached(sql).doing("tidying up")?;
                    for message in piece {
                        statement.execute([message]).doing("tidying up")?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Holds the counts against the rows they count.
    fn recount(&mut self) -> Result<()> {
        for mailbox in keys(&self.conn, "SELECT key FROM mailbox")? {
            let is_wrong = !self
                .conn
                .prepare_cached(&format!(
                    "{RECOUNT} SELECT 1 FROM n, mailbox m WHERE m.key = ?1
                    AND (m.total, m.unread, m.base_unread) = (n.total, n.unread, n.base_unread)"
                ))
                .and_then(|mut s| s.exists([mailbox]))
                .doing("tidying up")?;
            if is_wrong {
                self.write("tidying up", |tx| {
                    tx.prepare_cached(&format!(
                        "{RECOUNT} UPDATE mailbox SET (total, unread, base_unread) =
                           (SELECT total, unread, base_unread FROM n) WHERE key = ?1"
                    ))
                    .and_then(|mut s| s.execute([mailbox]))
                    .doing("tidying up")
                })?;
            }
        }
        Ok(())
    }
}

const RECOUNT: &str = "WITH n (total, unread, base_unread) AS (SELECT count(*),
    coalesce(sum(flags & 1 = 0), 0), coalesce(sum(base & 1 = 0 AND via = 0), 0)
      + (SELECT count(*) FROM leaving WHERE mailbox = ?1 AND base & 1 = 0 AND via = 0)
  FROM placement WHERE mailbox = ?1)";

fn keys(conn: &Connection, sql: &str) -> Result<Vec<i64>> {
    conn.prepare(sql)
        .and_then(|mut s| s.query_map((), |row| row.get(0))?.collect())
        .doing("tidying up")
}

/// Forgets operations of which nothing is open and that are too old to be undone.
fn prune(tx: &Connection, before_secs: i64) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM own.op WHERE created_at < ?1
           AND NOT EXISTS (SELECT 1 FROM own.op_target WHERE op = own.op.key AND state < 2)
           AND NOT EXISTS (SELECT 1 FROM own.op_tree WHERE op = own.op.key AND state < 2)",
        [before_secs],
    )?;
    tx.execute(
        "DELETE FROM own.op_tree WHERE NOT EXISTS
           (SELECT 1 FROM own.op WHERE key = own.op_tree.op)",
        (),
    )?;
    tx.execute(
        "DELETE FROM own.kept WHERE at < ?1",
        [before_secs + KEPT_SECS - TEXTS_KEPT_SECS],
    )?;
    tx.execute(
        "DELETE FROM own.op_target WHERE NOT EXISTS
           (SELECT 1 FROM own.op WHERE key = own.op_target.op)",
        (),
    )
    .map(drop)
}

/// Returns free pages to the file system and empties the write-ahead logs, as far as readers let us.
fn give_back(conn: &Connection) -> Result<()> {
    for name in ["main", "content", "search"] {
        conn.prepare(&format!("PRAGMA {name}.incremental_vacuum(4000)"))
            .and_then(|mut s| {
                let mut rows = s.query(())?;
                while rows.next()?.is_some() {}
                Ok(())
            })
            .doing("giving space back")?;
    }
    match conn
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .doing("tidying up")
    {
        Err(Error::Busy) => Ok(()),
        done => done,
    }
}
