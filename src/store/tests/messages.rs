//! What a pull writes, and what is read of it.

use super::*;
use crate::model::{BodyStructure, Part, PartId, UidSet};
use crate::store::ServerStatus;

#[test]
fn messages_are_listed_newest_first_with_counts() {
    let mut home = Home::new();
    let change = home
        .writer
        .put_messages(
            home.inbox,
            ERA,
            &[
                message(1, "one", &["\\Seen"]),
                message(3, "three", &[]),
                message(2, "two", &["work"]),
            ],
        )
        .unwrap();
    assert_eq!((change.added, change.changed, change.removed), (3, 0, 0));
    assert_eq!(
        change.latest_unread,
        Some(("Ann".to_owned(), "three".to_owned()))
    );
    let rows = home.list();
    assert_eq!(subjects(&rows), ["three", "two", "one"]);
    assert_eq!(rows[1].tags[0].as_str(), "work");
    assert_eq!((rows[0].unread, rows[2].unread), (1, 0));
    assert_eq!(rows[0].who.as_str(), "Ann");
    home.writer
        .put_cursor(home.inbox, complete(4), ServerStatus::default())
        .unwrap();
    let inbox = home.mailbox("INBOX");
    assert_eq!((inbox.total, inbox.unread), (3, 2));
}

#[test]
fn the_same_id_again_updates_flags_and_adds_nothing() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &[])]);
    let change = home
        .writer
        .put_messages(
            home.inbox,
            ERA,
            &[
                message(1, "one", &["\\Seen"]),
                flags_of(2, &["\\Flagged", "x"]),
            ],
        )
        .unwrap();
    assert_eq!((change.added, change.changed), (0, 2));
    assert_eq!(home.flags("one"), "\\Seen");
    assert_eq!(home.flags("two"), "\\Flagged x");
    assert_eq!(home.list().len(), 2);
    let again = home.writer.put_messages(
        home.inbox,
        ERA,
        &[flags_of(2, &["\\Flagged", "x"]), flags_of(9, &[])],
    );
    assert_eq!(again.unwrap().changed, 0);
}

#[test]
fn news_that_was_overtaken_does_not_win() {
    let mut home = Home::new();
    home.put(&[message(5, "five", &[])]);
    let mut late = flags_of(5, &["\\Seen"]);
    late.fetched.mod_seq = Some(ModSeq(9));
    home.put(&[late]);
    let mut early = flags_of(5, &[]);
    early.fetched.mod_seq = Some(ModSeq(8));
    home.put(&[early]);
    assert_eq!(home.flags("five"), "\\Seen");
}

#[test]
fn nothing_of_another_era_is_written() {
    let mut home = Home::new();
    let other = UidValidity::new(8).unwrap();
    let change = home
        .writer
        .put_messages(home.inbox, other, &[message(1, "one", &[])])
        .unwrap();
    assert_eq!(change.added, 0);
    home.put(&[message(1, "one", &[])]);
    home.writer
        .remove(home.inbox, other, &UidSet::range(Uid::MIN, Uid::MAX))
        .unwrap();
    assert_eq!(home.list().len(), 1);
}

#[test]
fn removed_messages_are_gone_with_their_texts_and_keys_are_not_given_out_again() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &["\\Seen"])]);
    let two = home.placed("two");
    home.writer.put_raw(two.message, b"text").unwrap();
    let change = home
        .writer
        .remove(home.inbox, ERA, &UidSet::range(uid(2), Uid::MAX))
        .unwrap();
    assert_eq!(change.removed, 1);
    assert_eq!(subjects(&home.list()), ["one"]);
    assert_eq!(home.reader.raw(two.message).unwrap(), None);
    assert!(home.reader.summary(two.message, None).unwrap().is_none());
    home.put(&[message(3, "three", &[])]);
    assert!(home.placed("three").message > two.message);
}

#[test]
fn a_message_with_an_email_id_is_one_message_in_two_mailboxes() {
    let mut home = Home::new();
    let mut one = message(1, "one", &[]);
    one.fetched.email_id = Some("M1".to_owned());
    home.put(std::slice::from_ref(&one));
    let mut copy = one.clone();
    copy.uid = uid(9);
    home.writer.put_messages(home.sent, ERA, &[copy]).unwrap();
    let here = home.placed("one");
    let there = &home.rows(&view_of(home.sent))[0];
    assert_eq!(there.message, here.message);
    let everywhere = ViewSpec {
        scope: Scope::Everywhere(None),
        ..view_of(home.inbox)
    };
    assert_eq!(home.rows(&everywhere).len(), 1);
    // Gone from one, it is still in the other; moved away and back, it keeps its text.
    home.writer.put_raw(here.message, b"text").unwrap();
    home.writer
        .remove(home.inbox, ERA, &UidSet::range(uid(1), uid(1)))
        .unwrap();
    home.writer
        .remove(home.sent, ERA, &UidSet::range(uid(9), uid(9)))
        .unwrap();
    let mut back = one;
    back.uid = uid(2);
    home.put(&[back]);
    let row = &home.list()[0];
    assert_eq!((row.message, row.is_here), (here.message, true));
}

#[test]
fn a_second_copy_in_the_same_mailbox_is_a_message_of_its_own() {
    let mut home = Home::new();
    let mut one = message(1, "one", &[]);
    one.fetched.email_id = Some("M1".to_owned());
    let mut two = one.clone();
    two.uid = uid(2);
    home.put(&[one, two]);
    let rows = home.list();
    assert_eq!(rows.len(), 2);
    assert_ne!(rows[0].message, rows[1].message);
}

#[test]
fn a_summary_says_all_that_was_fetched() {
    let mut home = Home::new();
    let mut full = message(4, "Grüße", &["\\Seen", "work"]);
    let envelope = full.fetched.envelope.as_mut().unwrap();
    envelope.date = Some(Moment {
        unix_secs: -5,
        offset_mins: -90,
    });
    envelope.cc = envelope.to.clone();
    envelope.bcc = envelope.from.clone();
    envelope.reply_to = envelope.to.clone();
    envelope.in_reply_to = vec!["a@x".to_owned(), "b c@x".to_owned()];
    full.fetched.structure = Some(BodyStructure {
        parts: vec![Part {
            id: PartId(vec![1]),
            mime_type: "application/pdf".to_owned(),
            name: "plan.pdf".to_owned(),
            ..Part::default()
        }],
    });
    home.put(std::slice::from_ref(&full));
    let placed = home.placed("Grüße");
    let summary = home
        .reader
        .summary(placed.message, Some(home.inbox))
        .unwrap()
        .unwrap();
    assert_eq!(Some(summary.envelope), full.fetched.envelope);
    assert_eq!(summary.structure, full.fetched.structure);
    assert_eq!(summary.uid, Some(uid(4)));
    assert_eq!(summary.arrived.offset_mins, 60);
    assert_eq!(summary.size_bytes, 1004);
    assert!(!summary.has_raw);
    assert!(home.list()[0].has_attachment);
    assert_eq!(
        home.reader.uid(placed).unwrap(),
        Some((home.inbox, ERA, uid(4)))
    );
    assert!(
        home.reader
            .summary(placed.message, Some(home.sent))
            .unwrap()
            .is_none()
    );
}

#[test]
fn texts_come_back_byte_for_byte() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &[])]);
    let (one, two) = (home.placed("one").message, home.placed("two").message);
    let raw: Vec<u8> = (0..200_000u32)
        .map(|n| u8::try_from(n % 1009 % 251).unwrap())
        .collect();
    home.writer
        .put_raws(&[(one, raw.clone()), (two, Vec::new())])
        .unwrap();
    assert_eq!(home.reader.raw(one).unwrap(), Some(raw));
    assert_eq!(home.reader.raw(two).unwrap(), Some(Vec::new()));
    assert!(home.list().iter().all(|r| r.is_here));
}

#[test]
fn a_message_is_here_when_header_and_text_parts_are() {
    let mut home = Home::new();
    let mut one = message(1, "one", &[]);
    let part = |id: u16, mime_type: &str| Part {
        id: PartId(vec![id]),
        mime_type: mime_type.to_owned(),
        ..Part::default()
    };
    one.fetched.structure = Some(BodyStructure {
        parts: vec![part(1, "text/plain"), part(2, "image/png")],
    });
    home.put(&[one]);
    let key = home.placed("one").message;
    home.writer
        .put_part(key, &PartId(vec![1]), b"Content-Type: text/plain\r\n\r\nhi")
        .unwrap();
    assert!(!home.list()[0].is_here);
    home.writer
        .put_part(key, &PartId::default(), b"Subject: one\r\n\r\n")
        .unwrap();
    assert!(home.list()[0].is_here);
    let text = home.reader.part(key, &PartId(vec![1])).unwrap().unwrap();
    assert!(text.ends_with(b"hi"));
    assert_eq!(home.reader.part(key, &PartId(vec![2])).unwrap(), None);
}

#[test]
fn missing_texts_and_references_are_asked_for_newest_first_until_none_is_left() {
    let mut home = Home::new();
    home.put(&[
        message(1, "Re: one", &[]),
        message(2, "Re: two", &[]),
        message(3, "Re: three", &[]),
    ]);
    let missing = |home: &Home, size_max| -> Vec<u32> {
        let found = home
            .reader
            .missing_texts(home.account, 0, size_max, 10)
            .unwrap();
        found.iter().map(|(_, uid, _)| uid.get()).collect()
    };
    assert_eq!(missing(&home, u64::MAX), [3, 2, 1]);
    assert_eq!(missing(&home, 1002), [2, 1]);
    let two = home.placed("Re: two").message;
    home.writer.put_raw(two, b"text").unwrap();
    assert_eq!(missing(&home, u64::MAX), [3, 1]);
    let refs = home.reader.missing_references(home.inbox, 2).unwrap();
    assert_eq!(refs.wanted.to_string(), "2:3");
    let with = |n| FetchedMessage {
        uid: uid(n),
        fetched: Fetched {
            references: Some(Vec::new()),
            ..Fetched::default()
        },
    };
    home.put(&[with(3), with(2)]);
    assert_eq!(
        home.reader
            .missing_references(home.inbox, 9)
            .unwrap()
            .wanted
            .to_string(),
        "1"
    );
    assert_eq!(home.reader.uids(home.inbox).unwrap().to_string(), "1:3");
}

#[test]
fn while_a_first_pull_goes_on_the_servers_counts_are_shown() {
    let mut home = Home::new();
    home.put(&[message(9, "nine", &[]), message(8, "eight", &["\\Seen"])]);
    let status = ServerStatus {
        messages: Some(500),
        unseen: Some(40),
        ..ServerStatus::default()
    };
    home.writer
        .put_cursor(
            home.inbox,
            Cursor {
                is_complete: false,
                ..complete(10)
            },
            status,
        )
        .unwrap();
    let inbox = home.mailbox("INBOX");
    assert_eq!((inbox.total, inbox.unread), (500, 40));
    // A change that waits is in the count at once, and stays in it when it is confirmed.
    let nine = home.placed("nine");
    let seen = crate::model::FlagChange::one(crate::model::Flag::Seen, true);
    home.writer
        .record(&crate::model::OpKind::Flags(seen), &[nine], 1)
        .unwrap();
    assert_eq!(home.mailbox("INBOX").unread, 39);
    let claims = home.writer.claim(home.account, 1, 10, true).unwrap();
    home.writer.settle(&claims[0].targets).unwrap();
    assert_eq!(home.mailbox("INBOX").unread, 39);
}

#[test]
fn the_tree_has_roles_first_and_children_after_their_parents() {
    let mut home = Home::new();
    let names = [
        "INBOX/zoo",
        "Archive/2024",
        "Sent",
        "b",
        "INBOX",
        "Archive",
        "a/x",
        "a",
    ];
    let role = |name: &str| match name {
        "INBOX" => Some(Role::Inbox),
        "Sent" => Some(Role::Sent),
        "Archive" => Some(Role::Archive),
        _ => None,
    };
    let tree: Vec<TreeEntry> = names.iter().map(|n| entry(n, role(n))).collect();
    let changed = home.writer.put_tree(home.account, &tree).unwrap();
    assert_eq!(changed.len(), 6, "INBOX and Sent were known");
    let listed = home.reader.mailboxes(home.account).unwrap();
    let shown: Vec<&str> = listed.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(
        shown,
        [
            "INBOX",
            "Sent",
            "Archive",
            "Archive/2024",
            "a",
            "a/x",
            "b",
            "INBOX/zoo"
        ]
    );
    assert_eq!(home.writer.put_tree(home.account, &tree).unwrap(), []);
}

#[test]
fn a_mailbox_that_left_the_list_is_gone_with_its_messages() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[])]);
    let key = home.placed("one").message;
    let changed = home
        .writer
        .put_tree(home.account, &[entry("Sent", Some(Role::Sent))])
        .unwrap();
    assert_eq!(changed, [home.inbox]);
    assert!(home.reader.summary(key, None).unwrap().is_none());
    home.writer
        .put_tree(home.account, &[entry("INBOX", Some(Role::Inbox))])
        .unwrap();
    assert!(
        home.mailbox("INBOX").key > home.inbox,
        "keys are not given out again"
    );
}

#[test]
fn what_list_said_is_remembered_for_the_next_comparison() {
    let mut home = Home::new();
    let status = ServerStatus {
        messages: Some(3),
        unseen: Some(1),
        uid_next: Some(uid(10)),
        uid_validity: Some(ERA),
        mod_seq: Some(ModSeq(99)),
    };
    let mut inbox = entry("INBOX", Some(Role::Inbox));
    inbox.status = status;
    let tree = [inbox, entry("Sent", Some(Role::Sent))];
    assert_eq!(
        home.writer.put_tree(home.account, &tree).unwrap(),
        [home.inbox]
    );
    let said = home.reader.statuses(home.account).unwrap();
    assert_eq!(said[0], (home.inbox, "INBOX".to_owned(), status));
    assert_eq!(said[1].2, ServerStatus::default());
}
