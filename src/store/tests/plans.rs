//! No hot query walks over a whole table: SQLite's own plan is held against that.

use super::*;
use crate::model::{Query, ThreadKey};
use crate::store::scan::Plan;
use crate::store::search::Filter;
use crate::store::{messages, missing, rows, scan};

fn plan(home: &Home, sql: &str) -> String {
    let mut statement = home
        .reader
        .conn
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let mut found = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = found.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines.join("\n")
}

fn holds(home: &Home, sql: &str) {
    let plan = plan(home, sql);
    assert!(!plan.contains("SCAN"), "{sql}\n{plan}");
}

#[test]
fn lists_read_the_table_in_its_own_order() {
    let home = Home::new();
    let mut home = home;
    home.put(&[message(1, "one", &[])]);
    home.writer
        .put_messages(home.sent, ERA, &[message(1, "one", &[])])
        .unwrap();
    for filter in [None, Some("is:unread"), Some("from:ann before:2024")] {
        let spec = ViewSpec {
            filter: filter.map(|f| Query::parse(f, 0).unwrap()),
            ..view_of(home.inbox)
        };
        let one = Plan::new(&home.reader.conn, &spec).unwrap();
        let all = ViewSpec {
            scope: Scope::Everywhere(None),
            ..spec.clone()
        };
        let all = Plan::new(&home.reader.conn, &all).unwrap();
        for sql in [one.newest_sql(), one.piece_sql(), all.piece_sql()] {
            holds(&home, &sql);
            assert!(
                !plan(&home, &sql).contains("TEMP B-TREE"),
                "{sql}\n{}",
                plan(&home, &sql)
            );
        }
        assert!(plan(&home, &one.piece_sql()).contains("(mailbox=? AND (arrived,uid)<(?,?)"));
        for plan_of in [&one, &all] {
            holds(&home, &plan_of.thread_sql());
            assert!(plan(&home, &plan_of.thread_sql()).contains("placement_thread"));
        }
        let oldest = ViewSpec {
            sort: Sort::Oldest,
            ..spec
        };
        let oldest = Plan::new(&home.reader.conn, &oldest).unwrap();
        holds(&home, &oldest.sorted_sql());
        let lines = plan(&home, &oldest.sorted_sql());
        assert!(!lines.contains("USE TEMP B-TREE FOR ORDER BY"), "{lines}");
    }
    let thread = ViewSpec {
        scope: Scope::Thread(ThreadKey(1)),
        ..view_of(home.inbox)
    };
    let thread = Plan::new(&home.reader.conn, &thread).unwrap();
    holds(&home, &thread.sorted_sql());
}

#[test]
fn pages_and_single_messages_are_looked_up() {
    let home = Home::new();
    holds(&home, rows::ROW);
    for mailboxes in [&[1][..], &[1, 2, 3]] {
        let sql = rows::senders_sql(mailboxes, &Filter::default());
        holds(&home, &sql);
        assert!(plan(&home, &sql).contains("placement_thread"), "{sql}");
    }
    holds(&home, scan::TREE);
    holds(&home, missing::IDS);
    holds(&home, messages::UIDS);
    holds(&home, messages::SUMMARY);
    holds(&home, crate::store::threads::FIND);
}

#[test]
fn what_is_missing_is_found_by_its_own_index() {
    let home = Home::new();
    for (sql, index) in [
        (missing::TEXTS, "message_missing"),
        (missing::REFERENCES, "placement_no_refs"),
    ] {
        holds(&home, sql);
        assert!(plan(&home, sql).contains(index));
        assert!(!plan(&home, sql).contains("TEMP B-TREE"));
    }
}

#[test]
fn another_limit_does_not_prepare_a_statement_anew() {
    let home = Home::new();
    let mut statement = home.reader.conn.prepare(missing::REFERENCES).unwrap();
    for limit in 1..5 {
        assert!(!statement.exists((home.inbox.0, limit)).unwrap());
    }
    let times = statement.get_status(rusqlite::StatementStatus::RePrepare);
    assert_eq!(times, 0);
}

#[test]
fn the_journal_looks_at_open_targets_only() {
    let home = Home::new();
    for sql in [
        crate::store::take::DUE,
        crate::store::placements::PENDING,
        "SELECT count(*) FROM own.op_target WHERE account = 1 AND state < 2",
    ] {
        holds(&home, sql);
    }
    let lines = plan(&home, crate::store::claims::OPEN);
    assert!(
        lines.contains("op_target_open") && lines.contains("op_target_rejected"),
        "{lines}"
    );
}

#[test]
fn addresses_are_gathered_by_keys_alone() {
    let home = Home::new();
    for sql in [
        crate::store::people::NEXT_SQL,
        crate::store::people::ROLES_SQL,
    ] {
        holds(&home, &sql.replace("?1", "7").replace("?2", "7"));
    }
}
