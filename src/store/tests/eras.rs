//! A change of UIDVALIDITY: what is known is kept, what is not valid is not used.

use super::*;
use crate::model::{Flag, FlagChange, OpKind, TargetState};
use crate::store::ServerStatus;

const NEXT: UidValidity = UidValidity::new(8).unwrap();

fn cursor(era: UidValidity) -> Cursor {
    Cursor {
        uid_validity: Some(era),
        ..complete(100)
    }
}

fn seen() -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Seen, true))
}

/// The same message under another id.
fn again(n: u32, old: u32, subject: &str) -> FetchedMessage {
    let mut one = message(old, subject, &[]);
    one.uid = uid(n);
    one
}

#[test]
fn old_rows_stay_on_the_screen_but_have_no_id() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &[])]);
    home.writer
        .put_cursor(home.inbox, cursor(ERA), ServerStatus::default())
        .unwrap();
    let began = home.writer.begin_era(home.inbox, NEXT).unwrap();
    assert_eq!(
        (began.uid_validity, began.uid_next, began.is_complete),
        (Some(NEXT), None, false)
    );
    assert_eq!(home.list().len(), 2);
    let one = home.placed("one");
    assert_eq!(home.reader.uid(one).unwrap(), None);
    assert!(home.reader.uids(home.inbox).unwrap().is_empty());
    home.writer.record(&seen(), &[one], 1).unwrap();
    assert_eq!(
        home.writer.claim(home.account, 1, 9, true).unwrap(),
        [],
        "nothing goes to a void id"
    );
}

#[test]
fn messages_are_recognised_and_keep_key_text_and_queued_changes() {
    let mut home = Home::new();
    home.put(&[
        message(1, "one", &[]),
        message(2, "two", &[]),
        message(3, "three", &[]),
    ]);
    let (one, two, three) = (home.placed("one"), home.placed("two"), home.placed("three"));
    home.writer.put_raw(one.message, b"text").unwrap();
    home.writer.record(&seen(), &[one, two], 1).unwrap();
    home.writer.begin_era(home.inbox, NEXT).unwrap();
    let change = home
        .writer
        .put_messages(
            home.inbox,
            NEXT,
            &[
                again(50, 1, "one"),
                again(51, 3, "three"),
                message(9, "new", &[]),
            ],
        )
        .unwrap();
    assert_eq!(change.added, 1);
    assert_eq!((home.placed("one"), home.placed("three")), (one, three));
    assert_eq!(
        home.reader.uid(one).unwrap(),
        Some((home.inbox, NEXT, uid(50)))
    );
    assert_eq!(
        home.reader.raw(one.message).unwrap().as_deref(),
        Some(&b"text"[..])
    );
    assert_eq!(home.flags("one"), "\\Seen");
    home.writer
        .put_cursor(home.inbox, cursor(NEXT), ServerStatus::default())
        .unwrap();
    // Two did not come again: it goes, and what waited for it is told.
    assert_eq!(subjects(&home.list()), ["new", "three", "one"]);
    let claims = home.writer.claim(home.account, 1, 9, true).unwrap();
    assert_eq!(
        (claims.len(), claims[0].uid, claims[0].uid_validity),
        (1, Some(uid(50)), NEXT)
    );
    home.writer.settle(&claims[0].targets).unwrap();
    let open = &home.reader.open_ops().unwrap()[0];
    assert_eq!(open.state, TargetState::Rejected);
    assert!(open.error.contains("no longer in the folder INBOX"));
    let inbox = home.mailbox("INBOX");
    assert_eq!((inbox.total, inbox.unread), (3, 2));
}

#[test]
fn an_email_id_is_enough_to_recognise_a_message() {
    let mut home = Home::new();
    let mut one = message(1, "one", &[]);
    one.fetched.email_id = Some("E1".to_owned());
    home.put(std::slice::from_ref(&one));
    let placed = home.placed("one");
    home.writer.begin_era(home.inbox, NEXT).unwrap();
    one.uid = uid(70);
    one.fetched.size_bytes = Some(1);
    one.fetched.arrived = None;
    home.writer.put_messages(home.inbox, NEXT, &[one]).unwrap();
    assert_eq!(home.placed("one"), placed);
    assert_eq!(
        home.reader.uid(placed).unwrap(),
        Some((home.inbox, NEXT, uid(70)))
    );
}

#[test]
fn messages_that_only_look_alike_are_not_taken_for_one_another() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[])]);
    home.writer.begin_era(home.inbox, NEXT).unwrap();
    let mut other = again(1, 1, "other");
    other.fetched.size_bytes = Some(9);
    let mut nameless = again(2, 1, "nameless");
    nameless
        .fetched
        .envelope
        .as_mut()
        .unwrap()
        .message_id
        .clear();
    let change = home
        .writer
        .put_messages(home.inbox, NEXT, &[other, nameless])
        .unwrap();
    assert_eq!(change.added, 2);
    assert_eq!(home.list().len(), 3);
    home.writer
        .put_cursor(home.inbox, cursor(NEXT), ServerStatus::default())
        .unwrap();
    assert_eq!(home.list().len(), 2);
}

#[test]
fn two_eras_in_a_row_confuse_nothing() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &[])]);
    let (one, two) = (home.placed("one"), home.placed("two"));
    home.writer.begin_era(home.inbox, NEXT).unwrap();
    home.writer
        .put_messages(home.inbox, NEXT, &[again(2, 1, "one")])
        .unwrap();
    let third = UidValidity::new(9).unwrap();
    home.writer.begin_era(home.inbox, third).unwrap();
    home.writer
        .put_messages(home.inbox, third, &[again(1, 2, "two"), again(2, 1, "one")])
        .unwrap();
    home.writer
        .put_cursor(home.inbox, cursor(third), ServerStatus::default())
        .unwrap();
    assert_eq!((home.placed("one"), home.placed("two")), (one, two));
    assert_eq!(
        home.reader.uid(one).unwrap(),
        Some((home.inbox, third, uid(2)))
    );
    assert_eq!(home.mailbox("INBOX").total, 2);
}
