//! Damage, loss and company: what only we hold survives, what the server can give again is made anew.

use super::*;
use crate::model::{Flag, FlagChange, OpKind, TargetState};
use crate::store::{Error, ServerStatus};

fn seen(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Seen, on))
}

/// A store with a text and two queued changes, closed.
fn waiting() -> Home {
    let mut home = Home::new();
    home.put(&[
        message(1, "one", &[]),
        message(2, "two", &[]),
        message(3, "three", &[]),
    ]);
    home.writer
        .put_cursor(home.inbox, complete(4), ServerStatus::default())
        .unwrap();
    let (one, two) = (home.placed("one"), home.placed("two"));
    home.writer.put_raw(one.message, b"text").unwrap();
    home.writer.record(&seen(true), &[one, two], 1).unwrap();
    home
}

/// Closes all connections, spoils the files, and opens them again.
fn spoil(home: Home, change: impl FnOnce(&std::path::Path)) -> Home {
    let Home {
        dir,
        store,
        writer,
        reader,
        account,
        inbox,
        sent,
    } = home;
    drop((store, writer, reader));
    change(dir.path());
    let store = Store::open(dir.path()).unwrap();
    let (writer, reader) = (store.writer().unwrap(), store.reader().unwrap());
    Home {
        dir,
        store,
        writer,
        reader,
        account,
        inbox,
        sent,
    }
}

/// Fetches tree and messages as after the loss of the mirror.
fn fetch_again(home: &mut Home, messages: &[FetchedMessage]) {
    let tree = [
        entry("INBOX", Some(Role::Inbox)),
        entry("Sent", Some(Role::Sent)),
    ];
    assert_eq!(
        home.writer.account("work").unwrap(),
        home.account,
        "accounts keep their keys"
    );
    home.writer.put_tree(home.account, &tree).unwrap();
    home.inbox = home.mailbox("INBOX").key;
    home.writer.begin_era(home.inbox, ERA).unwrap();
    home.put(messages);
    home.writer
        .put_cursor(home.inbox, complete(4), ServerStatus::default())
        .unwrap();
}

fn remove(dir: &std::path::Path, file: &str) {
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(dir.join(format!("{file}{end}"))).ok();
    }
}

#[test]
fn queued_changes_survive_the_loss_of_the_mirror() {
    let home = waiting();
    let (old_inbox, old_one) = (home.inbox, home.placed("one"));
    let mut home = spoil(home, |dir| remove(dir, "mirror.db"));
    assert!(home.reader.mailboxes(home.account).unwrap().is_empty());
    assert_eq!(home.reader.open_ops().unwrap().len(), 1);
    // Two did not come again.
    fetch_again(
        &mut home,
        &[message(1, "one", &[]), message(3, "three", &[])],
    );
    assert!(home.inbox > old_inbox && home.placed("one").message > old_one.message);
    assert_eq!(home.flags("one"), "\\Seen");
    let claims = home.writer.claim(home.account, 9, 9, true).unwrap();
    assert_eq!((claims.len(), claims[0].uid), (1, Some(uid(1))));
    home.writer.settle(&claims[0].targets).unwrap();
    let open = &home.reader.open_ops().unwrap()[0];
    assert_eq!(open.state, TargetState::Rejected);
    // And undo still knows what was done.
    home.writer.undo(10).unwrap().unwrap();
    assert_eq!(home.flags("one"), "");
}

#[test]
fn clearing_the_cache_loses_no_change() {
    let mut home = waiting();
    home.writer.clear_cache(Some(home.account)).unwrap();
    assert!(home.list().is_empty());
    assert_eq!(home.mailbox("INBOX").total, 0);
    fetch_again(
        &mut home,
        &[
            message(1, "one", &[]),
            message(2, "two", &[]),
            message(3, "three", &[]),
        ],
    );
    assert_eq!(home.flags("two"), "\\Seen");
    assert_eq!(
        home.writer.claim(home.account, 9, 9, true).unwrap().len(),
        2
    );
    home.writer.clear_cache(None).unwrap();
    home.reopen();
    assert_eq!(home.reader.open_ops().unwrap().len(), 1);
}

#[test]
fn a_damaged_mirror_is_set_aside_and_made_anew() {
    for spoiler in [
        |path: &std::path::Path| {
            std::fs::write(path, b"this is no database at all, not a bit").unwrap();
        },
        |path: &std::path::Path| {
            let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            let len = file.metadata().unwrap().len();
            file.set_len(len / 2).unwrap();
        },
        |path: &std::path::Path| {
            let len = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
            std::fs::write(path, vec![0; len]).unwrap();
        },
    ] {
        let home = waiting();
        let mut home = spoil(home, |dir| {
            let path = dir.join("mirror.db");
            let conn = rusqlite::Connection::open(&path).unwrap();
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
                .unwrap();
            drop(conn);
            spoiler(&path);
        });
        assert!(home.dir.path().join("mirror.db.damaged-1").exists());
        fetch_again(&mut home, &[message(1, "one", &[])]);
        assert_eq!(home.flags("one"), "\\Seen");
    }
}

#[test]
fn a_page_of_rubbish_is_found_by_the_check_and_set_aside_at_the_next_start() {
    let home = waiting();
    let home = spoil(home, |dir| {
        let path = dir.join("mirror.db");
        let conn = rusqlite::Connection::open(&path).unwrap();
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
            .unwrap();
        let page: u64 = conn
            .query_row(
                "SELECT rootpage FROM sqlite_schema WHERE name = 'message_missing'",
                (),
                |r| r.get::<_, i64>(0),
            )
            .unwrap()
            .try_into()
            .unwrap();
        drop(conn);
        let mut bytes = std::fs::read(&path).unwrap();
        let start = usize::try_from((page - 1) * 4096).unwrap();
        bytes[start..start + 4096].fill(0xa5);
        std::fs::write(&path, bytes).unwrap();
    });
    let told = home.reader.check().unwrap_err();
    assert!(
        matches!(&told, Error::Corrupt { file, .. } if file.ends_with("mirror.db")),
        "{told}"
    );
    let home = spoil(home, |_| {});
    assert!(home.dir.path().join("mirror.db.damaged-1").exists());
    home.reader.check().unwrap();
    assert_eq!(home.reader.open_ops().unwrap().len(), 1);
}

#[test]
fn lost_texts_are_fetched_again() {
    let home = waiting();
    let one = home.placed("one");
    assert!(home.list()[2].is_here);
    let home = spoil(home, |dir| remove(dir, "content.db"));
    assert!(!home.list()[2].is_here);
    assert_eq!(home.reader.raw(one.message).unwrap(), None);
    assert_eq!(
        home.reader
            .missing_texts(home.account, 0, u64::MAX, 9)
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_damaged_journal_is_told_and_left_alone() {
    let Home {
        dir,
        store,
        writer,
        reader,
        ..
    } = waiting();
    drop((store, writer, reader));
    let path = dir.path().join("own.db");
    std::fs::write(&path, b"this is no database at all, not a bit").unwrap();
    let told = Store::open(dir.path()).unwrap_err();
    assert!(told.to_string().contains("left as it is"), "{told}");
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"this is no database at all, not a bit"
    );
}

#[test]
fn a_mirror_of_another_journal_is_not_used() {
    let home = waiting();
    let home = spoil(home, |dir| remove(dir, "own.db"));
    assert!(home.dir.path().join("mirror.db.damaged-1").exists());
    assert!(home.reader.accounts().unwrap().is_empty());
}

#[test]
fn files_of_a_newer_version_are_refused() {
    for file in ["own.db", "mirror.db", "content.db"] {
        let Home {
            dir,
            store,
            writer,
            reader,
            ..
        } = waiting();
        drop((store, writer, reader));
        let conn = rusqlite::Connection::open(dir.path().join(file)).unwrap();
        conn.pragma_update(None, "user_version", 99).unwrap();
        drop(conn);
        let told = Store::open(dir.path()).unwrap_err();
        assert!(matches!(&told, Error::TooNew { found: 99, .. }), "{told}");
        assert!(!dir.path().join(format!("{file}.damaged-1")).exists());
    }
}

#[test]
fn two_writers_take_turns_and_see_each_other() {
    let mut home = waiting();
    let mut other = home.store.writer().unwrap();
    assert!(!home.writer.changes_elsewhere().unwrap());
    let three = home.placed("three");
    other.record(&seen(true), &[three], 5).unwrap();
    assert!(home.writer.changes_elsewhere().unwrap());
    assert!(!home.writer.changes_elsewhere().unwrap());
    assert!(home.reader.changes_elsewhere().unwrap());
    assert_eq!(home.flags("three"), "\\Seen");
    // A claim of one is not claimed by the other, and undo is one history.
    assert_eq!(
        home.writer.claim(home.account, 9, 1, true).unwrap().len(),
        1
    );
    assert_eq!(other.claim(home.account, 9, 9, true).unwrap().len(), 2);
    home.writer.undo(6).unwrap().unwrap();
    assert_eq!(home.flags("three"), "");
}

#[test]
fn writers_in_two_threads_lose_nothing() {
    let mut home = waiting();
    let mut other = home.store.writer().unwrap();
    let inbox = home.inbox;
    let placed = home.placed("three");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for i in 0..30 {
                other.record(&seen(i % 2 == 0), &[placed], i).unwrap();
            }
        });
        for n in 10..40 {
            home.writer
                .put_messages(inbox, ERA, &[message(n, "more", &[])])
                .unwrap();
        }
    });
    assert_eq!(home.list().len(), 33);
    assert_eq!(home.flags("three"), "");
    let inbox = home.mailbox("INBOX");
    assert_eq!((inbox.total, inbox.unread), (33, 31));
}

#[test]
fn a_full_disk_is_told_and_work_goes_on_when_there_is_room() {
    let mut home = waiting();
    let full = |home: &Home, pages: i64| {
        for schema in ["main", "own"] {
            let sql = format!("PRAGMA {schema}.max_page_count = {pages}");
            home.writer.conn.query_row(&sql, (), |_| Ok(())).unwrap();
        }
    };
    full(&home, 1);
    let many: Vec<FetchedMessage> = (10..600).map(|n| message(n, "more", &[])).collect();
    let told = home
        .writer
        .put_messages(home.inbox, ERA, &many)
        .unwrap_err();
    assert!(told.to_string().contains("disk is full"), "{told}");
    let tag = |n: u32| {
        let word = format!("{}{n}", "long".repeat(30));
        let word = crate::model::Keyword::new(&word).unwrap();
        OpKind::Flags(FlagChange::keyword(word, true))
    };
    let three = home.placed("three");
    let mut told = None;
    for n in 0..200 {
        told = home.writer.record(&tag(n), &[three], 5).err();
        if told.is_some() {
            break;
        }
    }
    assert!(matches!(told, Some(Error::Disk { .. })), "{told:?}");
    assert_eq!(home.list().len(), 3, "what was there is still there");
    full(&home, 1_000_000);
    home.writer.put_messages(home.inbox, ERA, &many).unwrap();
    home.writer.record(&tag(999), &[three], 6).unwrap();
    assert_eq!(home.list().len(), 593);
    home.reader.check().unwrap();
}

#[test]
fn tidying_puts_right_what_was_counted_wrong() {
    let mut home = waiting();
    home.writer
        .conn
        .execute_batch(
            "UPDATE mailbox SET total = 99, unread = 0, base_unread = 7; DELETE FROM content.raw;",
        )
        .unwrap();
    home.writer.tidy(1_000_000).unwrap();
    let inbox = home.mailbox("INBOX");
    assert_eq!((inbox.total, inbox.unread), (3, 1));
    assert!(home.list().iter().all(|r| !r.is_here));
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let store = Store::open(&dir).unwrap();
    let _writer = store.writer().unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
