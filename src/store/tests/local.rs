//! Mail that is kept on this computer: nothing goes but when it is told to, and what is known of a
//! maildrop is true.

use super::*;
use crate::model::{Flag, FlagChange, LocalKey, UidSet};
use crate::store::{Deletion, DropNew, DropSeen, Error, Lies, LocalNew, Packed};

const NOW: i64 = 1_800_000_000;
const RAW: &[u8] = b"From: ann@here.test\r\nSubject: Kept\r\nMessage-ID: <a@x>\r\n\r\nHello.\r\n";

fn new(raw: &[u8], id: &str) -> LocalNew {
    LocalNew {
        packed: Packed::whole(raw, id).unwrap(),
        flags: FlagSet::new(),
        arrived: Moment::default(),
    }
}

fn dropped(uidl: &str, raw: &[u8], place: u32) -> DropNew {
    DropNew {
        message: new(raw, uidl),
        uidl: uidl.to_owned(),
        size: 70,
        probe: format!("probe of {uidl}"),
        digest: format!("digest of {uidl}"),
        place,
        is_certain: true,
    }
}

fn set(uids: &[u32]) -> UidSet {
    uids.iter().filter_map(|uid| Uid::new(*uid)).collect()
}

/// The number of a mailbox of the account `pop`, and the ids that lie in it.
fn held(home: &Home, name: &str) -> (i64, Vec<u32>) {
    let mailbox = home.reader.local_mailbox("pop", name).unwrap().unwrap();
    let uids = home.reader.local_uids(mailbox.key, None).unwrap();
    (mailbox.key, uids.iter().map(Uid::get).collect())
}

fn begun() -> Home {
    let mut home = Home::new();
    home.writer.begin_local("pop", NOW).unwrap();
    home
}

#[test]
fn an_account_begins_with_a_folder_for_each_use_and_only_once() {
    let mut home = begun();
    home.writer.begin_local("pop", NOW).unwrap();
    let mailboxes = home.reader.local_mailboxes("pop").unwrap();
    let roles: Vec<_> = mailboxes.iter().filter_map(|m| m.role).collect();
    assert_eq!(mailboxes.len(), Role::ALL.len());
    assert!(Role::ALL.iter().all(|role| roles.contains(role)));
    assert!(home.reader.local_mailboxes("other").unwrap().is_empty());
}

#[test]
fn bytes_come_back_as_they_were_after_the_store_was_opened_again() {
    let mut home = begun();
    let put = home
        .writer
        .append_local("pop", "INBOX", &[new(RAW, "a@x"), new(b"\0\xff\n.\r", "")])
        .unwrap();
    let reader = home.store.reader().unwrap();
    assert_eq!(reader.local_raw(put.keys[0]).unwrap().unwrap(), RAW);
    assert_eq!(
        reader.local_raw(put.keys[1]).unwrap().unwrap(),
        b"\0\xff\n.\r"
    );
    assert_eq!(reader.local_raw(LocalKey(99)).unwrap(), None);
}

#[test]
fn a_copy_shares_the_bytes_and_they_go_with_the_last_of_them() {
    let mut home = begun();
    let put = home
        .writer
        .append_local("pop", "INBOX", &[new(RAW, "a@x")])
        .unwrap();
    let (inbox, _) = held(&home, "INBOX");
    let (_, pairs) = home
        .writer
        .transfer_local("pop", inbox, &set(&[1]), "Archive", false)
        .unwrap();
    assert_eq!(pairs.len(), 1);
    let (archive, _) = held(&home, "Archive");
    let mark = FlagChange::one(Flag::Deleted, true);
    for (mailbox, is_left) in [(inbox, true), (archive, false)] {
        home.writer.flag_local(mailbox, &set(&[1]), &mark).unwrap();
        let gone = home.writer.expunge_local(mailbox, None).unwrap();
        assert_eq!(gone, set(&[1]));
        assert_eq!(
            home.reader.local_raw(put.keys[0]).unwrap().is_some(),
            is_left
        );
    }
}

#[test]
fn only_what_is_marked_as_deleted_is_removed_and_ids_are_never_given_twice() {
    let mut home = begun();
    let all = [new(RAW, "a"), new(RAW, "b"), new(RAW, "c")];
    home.writer.append_local("pop", "INBOX", &all).unwrap();
    let (inbox, _) = held(&home, "INBOX");
    let mark = FlagChange::one(Flag::Deleted, true);
    home.writer.flag_local(inbox, &set(&[2, 3]), &mark).unwrap();
    let gone = home
        .writer
        .expunge_local(inbox, Some(&set(&[1, 3])))
        .unwrap();
    assert_eq!(gone, set(&[3]));
    home.writer
        .append_local("pop", "INBOX", &[new(RAW, "d")])
        .unwrap();
    assert_eq!(held(&home, "INBOX").1, [1, 2, 4]);
}

#[test]
fn a_move_takes_flags_along_and_changes_are_counted_in_both() {
    let mut home = begun();
    home.writer
        .append_local("pop", "INBOX", &[new(RAW, "a")])
        .unwrap();
    let (inbox, _) = held(&home, "INBOX");
    let seen = FlagChange::one(Flag::Seen, true);
    home.writer.flag_local(inbox, &set(&[1]), &seen).unwrap();
    let before = home.reader.local_mailboxes("pop").unwrap();
    home.writer
        .transfer_local("pop", inbox, &set(&[1]), "Trash", true)
        .unwrap();
    assert!(held(&home, "INBOX").1.is_empty());
    let (trash, uids) = held(&home, "Trash");
    let item = home.reader.local_items(trash, &set(&uids)).unwrap();
    assert!(item[0].flags.has(Flag::Seen));
    for name in ["INBOX", "Trash"] {
        let was = before
            .iter()
            .find(|m| m.name == name)
            .unwrap()
            .status
            .mod_seq;
        let now = home.reader.local_mailbox("pop", name).unwrap().unwrap();
        assert!(now.status.mod_seq > was, "{name}");
    }
    let none = home
        .writer
        .transfer_local("pop", trash, &set(&uids), "Nowhere", true);
    assert!(matches!(none, Err(Error::NoMailbox { .. })));
    assert_eq!(held(&home, "Trash").1, uids, "nothing moved");
}

#[test]
fn a_folder_is_renamed_with_what_lies_in_it_and_one_that_is_made_anew_is_another() {
    let mut home = begun();
    home.writer
        .create_local("pop", "Work/Grün/Deep", None, NOW)
        .unwrap();
    home.writer.create_local("pop", "Work2", None, NOW).unwrap();
    home.writer
        .append_local("pop", "Work/Grün", &[new(RAW, "a")])
        .unwrap();
    home.writer
        .rename_local("pop", "Work", "Done/Work", NOW)
        .unwrap();
    assert_eq!(held(&home, "Done/Work/Grün").1, [1]);
    assert!(home.reader.local_mailbox("pop", "Work2").unwrap().is_some());
    assert!(home.reader.local_mailbox("pop", "Work").unwrap().is_none());
    let era = |home: &Home| {
        let mailbox = home.reader.local_mailbox("pop", "Work2").unwrap().unwrap();
        mailbox.status.uid_validity
    };
    let before = era(&home);
    home.writer.delete_local("pop", "Work2").unwrap();
    home.writer.create_local("pop", "Work2", None, 1).unwrap();
    assert_ne!(era(&home), before, "even where the clock was set back");
    let taken = home.writer.create_local("pop", "Work2", None, NOW);
    assert!(matches!(taken, Err(Error::MailboxExists { .. })));
    let inbox = home.writer.delete_local("pop", "INBOX");
    assert!(matches!(inbox, Err(Error::Inbox)));
}

#[test]
fn a_deleted_folder_takes_its_bytes_and_no_others_along() {
    let mut home = begun();
    home.writer.create_local("pop", "Gone", None, NOW).unwrap();
    let put = home
        .writer
        .append_local("pop", "Gone", &[new(RAW, "a"), new(RAW, "b")])
        .unwrap();
    let (gone, _) = held(&home, "Gone");
    home.writer
        .transfer_local("pop", gone, &set(&[2]), "Archive", false)
        .unwrap();
    home.writer.delete_local("pop", "Gone").unwrap();
    assert_eq!(home.reader.local_raw(put.keys[0]).unwrap(), None);
    assert!(home.reader.local_raw(put.keys[1]).unwrap().is_some());
}

#[test]
fn what_became_of_a_message_of_a_maildrop_is_seen_where_it_lies() {
    let mut home = begun();
    let new = [
        dropped("u1", RAW, 0),
        dropped("u2", RAW, 1),
        dropped("u3", RAW, 2),
    ];
    home.writer.put_drop("pop", "INBOX", &new, NOW).unwrap();
    let (inbox, _) = held(&home, "INBOX");
    home.writer
        .transfer_local("pop", inbox, &set(&[2]), "Trash", true)
        .unwrap();
    let mark = FlagChange::one(Flag::Deleted, true);
    home.writer.flag_local(inbox, &set(&[3]), &mark).unwrap();
    home.writer.expunge_local(inbox, None).unwrap();
    let rows = home.reader.maildrop("pop").unwrap();
    let lies: Vec<Lies> = rows.iter().map(|row| row.lies).collect();
    assert_eq!(lies, [Lies::Somewhere, Lies::InTrash, Lies::Nowhere]);
    assert!(
        rows.iter()
            .all(|row| row.stored_at == NOW && row.first_seen == NOW)
    );
    assert!(home.reader.maildrop("other").unwrap().is_empty());
}

#[test]
fn what_is_listed_no_more_is_forgotten_and_its_message_stays() {
    let mut home = begun();
    let new = [dropped("u1", RAW, 0), dropped("u2", RAW, 1)];
    home.writer.put_drop("pop", "INBOX", &new, NOW).unwrap();
    let rows = home.reader.maildrop("pop").unwrap();
    home.writer
        .note_deletions(&[rows[1].key], Deletion::Sent)
        .unwrap();
    let seen = [DropSeen {
        key: rows[1].key,
        uidl: "anew".to_owned(),
        size: 71,
        place: 0,
    }];
    home.writer
        .note_listing("pop", &[rows[0].key], &seen)
        .unwrap();
    let rows = home.reader.maildrop("pop").unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].uidl.as_str(), rows[0].size), ("anew", 71));
    assert_eq!(rows[0].deletion, Deletion::None, "it is there");
    assert_eq!(held(&home, "INBOX").1, [1, 2]);
}

#[test]
fn what_is_not_certain_to_be_all_of_a_message_is_kept_and_not_called_stored() {
    let mut home = begun();
    let new = DropNew {
        is_certain: false,
        ..dropped("u1", RAW, 0)
    };
    home.writer.put_drop("pop", "INBOX", &[new], NOW).unwrap();
    let rows = home.reader.maildrop("pop").unwrap();
    assert_eq!((rows[0].stored_at, rows[0].first_seen), (0, NOW));
    assert_eq!(held(&home, "INBOX").1, [1]);
}

#[test]
fn a_header_is_completed_where_it_lies() {
    let mut home = begun();
    let header = &RAW[..RAW.len() - 8];
    let new = DropNew {
        message: LocalNew {
            packed: Packed::header(header, "a@x", 5_000_000).unwrap(),
            ..new(RAW, "")
        },
        digest: String::new(),
        ..dropped("u1", RAW, 0)
    };
    let put = home.writer.put_drop("pop", "INBOX", &[new], NOW).unwrap();
    let (inbox, _) = held(&home, "INBOX");
    let item = home
        .reader
        .local_items(inbox, &set(&[1]))
        .unwrap()
        .remove(0);
    assert!(!item.local.is_whole);
    assert_eq!(item.size, 5_000_000);
    assert_eq!(home.reader.maildrop("pop").unwrap()[0].stored_at, 0);
    assert!(home.writer.want_whole(item.local.key).unwrap());
    assert!(home.reader.maildrop("pop").unwrap()[0].is_wanted);
    let whole = Packed::whole(RAW, "a@x").unwrap();
    assert!(
        home.writer
            .complete_drop(put.rows[0], &whole, "digest", NOW + 5)
            .unwrap()
    );
    let now = home
        .reader
        .local_items(inbox, &set(&[1]))
        .unwrap()
        .remove(0);
    assert!(now.local.is_whole && now.mod_seq > item.mod_seq);
    assert_eq!(home.reader.local_raw(now.local.key).unwrap().unwrap(), RAW);
    let row = &home.reader.maildrop("pop").unwrap()[0];
    assert_eq!((row.stored_at, row.is_wanted), (NOW + 5, false));
    assert!(!home.writer.want_whole(item.local.key).unwrap());
}

#[test]
fn a_header_that_was_deleted_here_is_not_completed() {
    let mut home = begun();
    let new = DropNew {
        message: LocalNew {
            packed: Packed::header(RAW, "a@x", 5_000_000).unwrap(),
            ..new(RAW, "")
        },
        digest: String::new(),
        ..dropped("u1", RAW, 0)
    };
    let put = home.writer.put_drop("pop", "INBOX", &[new], NOW).unwrap();
    let (inbox, _) = held(&home, "INBOX");
    let mark = FlagChange::one(Flag::Deleted, true);
    home.writer.flag_local(inbox, &set(&[1]), &mark).unwrap();
    home.writer.expunge_local(inbox, None).unwrap();
    let whole = Packed::whole(RAW, "a@x").unwrap();
    let done = home
        .writer
        .complete_drop(put.rows[0], &whole, "digest", NOW)
        .unwrap();
    assert!(!done);
    assert!(held(&home, "INBOX").1.is_empty());
}

#[test]
fn clearing_the_cache_leaves_what_no_server_can_give_again() {
    let mut home = begun();
    let pop = home.writer.account("pop").unwrap();
    let inbox = entry("INBOX", Some(Role::Inbox));
    home.writer.put_tree(pop, &[inbox]).unwrap();
    home.writer
        .put_drop("pop", "INBOX", &[dropped("u1", RAW, 0)], NOW)
        .unwrap();
    let mailbox = home.reader.mailboxes(pop).unwrap()[0].key;
    home.writer.begin_era(mailbox, ERA).unwrap();
    let kept = message(1, "Kept", &[]);
    home.writer.put_messages(mailbox, ERA, &[kept]).unwrap();
    home.writer.clear_cache(None).unwrap();
    home.writer.clear_cache(Some(pop)).unwrap();
    assert_eq!(home.reader.mailboxes(pop).unwrap()[0].total, 1);
    assert_eq!(held(&home, "INBOX").1, [1]);
}
