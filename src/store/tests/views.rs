//! Views: the head is the beginning of the whole, rows stand where they should.

use super::*;
use crate::model::{Query, ThreadKey};
use proptest::prelude::*;

fn answer(n: u32, subject: &str, parent: u32) -> FetchedMessage {
    let mut one = message(n, subject, &[]);
    if parent > 0 {
        one.fetched.envelope.as_mut().unwrap().in_reply_to = vec![format!("{parent}@example.org")];
    }
    one
}

fn family() -> Home {
    let mut home = Home::new();
    home.put(&[
        answer(1, "root", 0),
        answer(2, "left", 1),
        answer(3, "lone", 0),
        answer(4, "right", 1),
        answer(5, "deep", 2),
        answer(6, "last", 0),
    ]);
    home
}

fn shape(rows: &[ListRow]) -> Vec<(&str, u8, u32)> {
    rows.iter()
        .map(|r| (r.subject.as_str(), r.depth, r.count))
        .collect()
}

#[test]
fn a_folded_thread_stands_where_its_newest_message_stands() {
    let home = family();
    let rows = home.rows(&threads_of(home.inbox));
    assert_eq!(
        shape(&rows),
        [("last", 0, 1), ("deep", 0, 4), ("lone", 0, 1)]
    );
}

#[test]
fn an_unfolded_thread_shows_its_tree_oldest_first() {
    let home = family();
    let open = ViewSpec {
        threads: Some(Folding {
            is_open: true,
            ..Folding::default()
        }),
        ..view_of(home.inbox)
    };
    let want = [
        ("last", 0, 1),
        ("root", 0, 1),
        ("left", 1, 1),
        ("deep", 2, 1),
        ("right", 1, 1),
        ("lone", 0, 1),
    ];
    assert_eq!(shape(&home.rows(&open)), want);
    // The same by unfolding just that one.
    let thread = home.placed("deep");
    let thread = home
        .reader
        .summary(thread.message, None)
        .unwrap()
        .unwrap()
        .thread;
    let one = ViewSpec {
        threads: Some(Folding {
            is_open: false,
            except: [thread].into(),
        }),
        ..view_of(home.inbox)
    };
    assert_eq!(shape(&home.rows(&one)), want);
    let view = home.reader.view(&one).unwrap();
    assert_eq!(view.position(home.placed("right")), Some(4));
}

#[test]
fn a_message_is_found_in_its_row_even_behind_another() {
    let home = family();
    let view = home.reader.view(&threads_of(home.inbox)).unwrap();
    assert_eq!(view.position(home.placed("left")), Some(1));
    assert_eq!(view.position(home.placed("lone")), Some(2));
    let nobody = Placed {
        message: crate::model::MessageKey(999),
        mailbox: home.inbox,
    };
    assert_eq!(view.position(nobody), None);
    assert!(view.is_complete());
    assert_eq!(view.placed(0), Some(home.placed("last")));
}

#[test]
fn every_sort_order_is_what_it_says() {
    let mut home = Home::new();
    let make = |n, subject: &str, from: &str, size| {
        let mut one = message(n, subject, &[]);
        one.fetched.size_bytes = Some(size);
        one.fetched.envelope.as_mut().unwrap().from[0].name = from.to_owned();
        one
    };
    home.put(&[
        make(1, "Re: apple", "bea", 30),
        make(2, "Cherry", "Ärn", 10),
        make(3, "banana", "Ann", 20),
        make(4, "AW: Banana", "ann", 20),
    ]);
    let sorted = |sort| {
        let rows = home.rows(&ViewSpec {
            sort,
            ..view_of(home.inbox)
        });
        rows.iter()
            .map(|r| u32::try_from(r.message.0).unwrap())
            .collect::<Vec<_>>()
    };
    // Keys were given newest first: 4 is key 1.
    let key_of = |n: u32| 5 - n;
    for (sort, order) in [
        (Sort::Newest, [4, 3, 2, 1]),
        (Sort::Oldest, [1, 2, 3, 4]),
        (Sort::From, [4, 3, 1, 2]),
        (Sort::Subject, [1, 4, 3, 2]),
        (Sort::Size, [1, 4, 3, 2]),
    ] {
        assert_eq!(sorted(sort), order.map(key_of), "{sort:?}");
    }
}

#[test]
fn a_unified_view_merges_mailboxes_by_date() {
    let mut home = Home::new();
    let other = home.writer.account("home").unwrap();
    home.writer
        .put_tree(other, &[entry("INBOX", Some(Role::Inbox))])
        .unwrap();
    let second = home.reader.mailboxes(other).unwrap()[0].key;
    home.writer.begin_era(second, ERA).unwrap();
    home.put(&[
        message(1, "one", &[]),
        message(4, "four", &[]),
        message(5, "five", &[]),
    ]);
    home.writer
        .put_messages(
            second,
            ERA,
            &[
                message(2, "two", &[]),
                message(3, "three", &[]),
                message(6, "six", &[]),
            ],
        )
        .unwrap();
    let unified = ViewSpec {
        scope: Scope::Role(Role::Inbox),
        ..view_of(home.inbox)
    };
    assert_eq!(
        subjects(&home.rows(&unified)),
        ["six", "five", "four", "three", "two", "one"]
    );
    let one = ViewSpec {
        scope: Scope::Everywhere(Some(other)),
        ..view_of(home.inbox)
    };
    assert_eq!(subjects(&home.rows(&one)), ["six", "three", "two"]);
}

#[test]
fn sent_mail_shows_to_whom_it_went() {
    let mut home = Home::new();
    home.writer
        .put_messages(home.sent, ERA, &[message(1, "one", &["\\Seen"])])
        .unwrap();
    assert_eq!(home.rows(&view_of(home.sent))[0].who.as_str(), "Bob");
}

#[test]
fn text_of_a_row_is_clean() {
    let mut home = Home::new();
    let mut evil = message(1, "a\x1b[31mb\u{202e}c", &[]);
    evil.fetched.preview = Some("x\r\ny\x07".to_owned());
    evil.fetched.envelope.as_mut().unwrap().from[0].name = "\x1b]0;boo\x07".to_owned();
    home.put(&[evil]);
    let row = &home.list()[0];
    for text in [&row.subject, &row.preview, &row.who] {
        assert!(!text.as_str().chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn a_row_whose_message_went_is_left_out() {
    let mut home = family();
    let view = home.reader.view(&view_of(home.inbox)).unwrap();
    home.writer
        .remove(
            home.inbox,
            ERA,
            &crate::model::UidSet::range(uid(6), uid(6)),
        )
        .unwrap();
    let rows = home.reader.rows(&view, 0, 2).unwrap();
    assert_eq!(subjects(&rows), ["deep"]);
    assert_eq!(home.reader.rows(&view, 90, 5).unwrap(), []);
}

fn spec() -> impl Strategy<Value = ViewSpec> {
    let sort = prop::sample::select(vec![
        Sort::Newest,
        Sort::Oldest,
        Sort::From,
        Sort::Subject,
        Sort::Size,
    ]);
    let scope = 0usize..4;
    let threads = prop::option::of((any::<bool>(), prop::collection::btree_set(1i64..20, 0..4)));
    let filter = prop::option::of(prop::sample::select(vec![
        "is:unread",
        "a",
        "-b",
        "larger:1010",
    ]));
    (sort, scope, threads, filter).prop_map(|(sort, scope, threads, filter)| ViewSpec {
        scope: match scope {
            0 => Scope::Mailbox(crate::model::MailboxKey(1)),
            1 => Scope::Role(Role::Inbox),
            2 => Scope::Everywhere(None),
            _ => Scope::Thread(ThreadKey(1)),
        },
        filter: filter.map(|f| Query::parse(f, 0).unwrap()),
        sort,
        threads: threads.map(|(is_open, except)| Folding {
            is_open,
            except: except.into_iter().map(ThreadKey).collect(),
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_head_is_the_beginning_of_the_whole_view(
        parents in prop::collection::vec((1u32..8, any::<bool>(), any::<bool>(), 0i64..40), 0..24),
        specs in prop::collection::vec((spec(), 0u32..12), 6),
    ) {
        let mut home = Home::new();
        for (n, (parent, is_seen, is_sent, minute)) in (1u32..).zip(&parents) {
            // Some answer one of the last few, so that threads lie within one another.
            let mut one = answer(n, if *is_seen { "a" } else { "b" }, n.saturating_sub(*parent));
            if *is_seen {
                one.fetched.flags = Some(FlagSet::from_wire(["\\Seen"]));
            }
            // Equal dates, and the same message in both mailboxes.
            one.fetched.arrived = Some(Moment { unix_secs: minute * 60, offset_mins: 0 });
            one.fetched.email_id = Some(format!("E{}", n - u32::from(n % 5 == 0)));
            let mailbox = if *is_sent { home.sent } else { home.inbox };
            home.writer.put_messages(mailbox, ERA, &[one]).unwrap();
        }
        for (spec, rows) in specs {
            let whole = home.reader.view(&spec).unwrap();
            let head = home.reader.view_head(&spec, rows).unwrap();
            prop_assert!(head.len() >= rows.min(whole.len()));
            prop_assert!(whole.is_complete());
            prop_assert_eq!(head.is_complete(), head.len() == whole.len() || head.len() > rows && head.is_complete());
            let all = home.reader.rows(&whole, 0, whole.len()).unwrap();
            let first = home.reader.rows(&head, 0, head.len()).unwrap();
            // The counts of a head are worked out for the rows that are shown, so even they agree.
            prop_assert_eq!(&first[..], &all[..first.len()]);
            let mut seen = std::collections::BTreeSet::new();
            for (at, row) in (0u32..).zip(&all) {
                prop_assert!(seen.insert(row.message), "one row a message");
                let placed = Placed { message: row.message, mailbox: row.mailbox };
                prop_assert_eq!(whole.position(placed), Some(at));
            }
            let messages: u32 = all.iter().map(|r| r.count).sum();
            let flat = home.reader.view(&ViewSpec { threads: None, ..spec }).unwrap();
            prop_assert_eq!(messages, flat.len(), "no message is lost or doubled");
        }
    }
}
