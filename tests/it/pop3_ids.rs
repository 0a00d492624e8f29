//! Maildrops on servers whose ids are no good: none, given twice, given anew, odd, all changed at once.
//!
//! By the program, as a user runs it. Each message is here once, and none is deleted on the server for
//! another one that had its id.

use crate::support::maildrop::{Fetching, LEAVE, TAKE, ids, is_once, letter, letters, twin};
use pillarbox::demo::Act;
use pillarbox::demo::pop3::{Options, Uids};

/// Servers whose ids are no good, and one that gives out good ones.
fn servers() -> Vec<(&'static str, Options)> {
    let all = [
        ("lasting", Options::default()),
        ("none", Options::default().without(&["UIDL"])),
        (
            "none, no TOP",
            Options::default().without(&["UIDL", "TOP", "PIPELINING"]),
        ),
        ("doubled", ids(Uids::Doubled)),
        ("doubled, no TOP", ids(Uids::Doubled).without(&["TOP"])),
        ("by place", ids(Uids::Reused)),
        ("reordered", ids(Uids::Reordered)),
        ("odd", ids(Uids::Odd)),
        (
            "TOP of its own",
            Options {
                is_top_true: false,
                ..Options::default()
            },
        ),
        (
            "no ids, TOP of its own",
            Options {
                is_top_true: false,
                ..Options::default().without(&["UIDL"])
            },
        ),
        (
            "no CAPA",
            Options {
                has_capa: false,
                ..Options::default().without(&["TOP", "UIDL"])
            },
        ),
    ];
    all.into_iter().collect()
}

/// Messages of which some are alike.
fn some_alike() -> Vec<Vec<u8>> {
    let mut all = letters(4);
    all.extend([twin('a'), twin('b'), twin('a'), letter(2)]);
    all
}

#[test]
fn mail_that_stays_is_fetched_once_whatever_ids_the_server_gives() {
    for (name, options) in servers() {
        let mut all = some_alike();
        let fetching = Fetching::new(options, LEAVE, &all);
        fetching
            .settle(&all)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let maildrop = fetching.server.peer.maildrop();
        let there = maildrop.messages();
        // Others are before it when another client took some.
        assert!(maildrop.remove(&there[1].id) && maildrop.remove(&there[4].id));
        all.push(letter(50));
        maildrop.deliver(letter(50));
        fetching
            .settle(&all)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(fetching.server.there().len(), 7, "{name}");
        assert_eq!(fetching.server.said("DELE"), 0, "{name}");
    }
}

#[test]
fn what_is_known_is_not_fetched_again_where_the_ids_are_good() {
    let odd_top = Options {
        is_top_true: false,
        ..Options::default()
    };
    let no_top = Options::default().without(&["TOP"]);
    let unknown = Options {
        has_capa: false,
        ..Options::default().without(&["TOP"])
    };
    for (options, fetched) in [
        (Options::default(), 0),
        (ids(Uids::Reordered), 0),
        // Servers that give another beginning are asked for the last message.
        (odd_top, 1),
        (no_top, 0),
        (unknown, 0),
    ] {
        let all = some_alike();
        let fetching = Fetching::new(options, LEAVE, &all);
        fetching.settle(&all).unwrap();
        drop(fetching.server.peer.take_log());
        fetching.sync().expect(0);
        assert_eq!(fetching.server.said("RETR"), fetched);
    }
}

#[test]
fn mail_that_stays_after_all_is_looked_at_once_and_not_again() {
    let all = letters(3);
    let mut fetching = Fetching::new(Options::default(), TAKE, &all);
    fetching.server.peer.faults().once("QUIT", Act::DropBefore);
    fetching.sync().expect(1);
    fetching.configure(LEAVE);
    fetching.settle(&all).unwrap();
    drop(fetching.server.peer.take_log());
    fetching.sync().expect(0);
    assert_eq!(fetching.server.said("RETR"), 0);
    assert_eq!(fetching.server.there().len(), 3);
}

#[test]
fn a_message_that_is_not_given_after_a_lost_quit_is_still_known_later() {
    let all = letters(3);
    for options in [Options::default(), ids(Uids::Doubled)] {
        let fetching = Fetching::new(options, TAKE, &all);
        let faults = fetching.server.peer.faults();
        faults.once("QUIT", Act::DropBefore);
        fetching.sync().expect(1);
        faults.once("RETR", Act::No("[SYS/TEMP] not now".into()));
        fetching.sync().expect(1);
        fetching.settle(&all).unwrap();
        assert_eq!(fetching.server.there().len(), 0);
    }
}

#[test]
fn the_same_bytes_that_come_again_under_another_id_are_another_message() {
    let mut all = letters(1);
    let fetching = Fetching::new(Options::default(), TAKE, &all);
    for _ in 0..2 {
        fetching.sync().expect(0);
        assert_eq!(fetching.server.there().len(), 0);
        fetching.server.peer.maildrop().deliver(letter(1));
        all.push(letter(1));
    }
    fetching.settle(&all).unwrap();
}

#[test]
fn mail_is_taken_once_whatever_ids_the_server_gives() {
    for (name, options) in servers() {
        let mut all = some_alike();
        let fetching = Fetching::new(options, TAKE, &all);
        let maildrop = fetching.server.peer.maildrop();
        for more in [letter(50), twin('a'), twin('b')] {
            fetching.sync().expect(0);
            is_once(&fetching.kept(), &all).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(fetching.server.there().len(), 0, "{name}");
            maildrop.deliver(more.clone());
            all.push(more);
        }
        fetching
            .settle(&all)
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(fetching.server.there().len(), 0, "{name}");
    }
}

#[test]
fn mail_is_taken_once_where_a_quit_is_lost_and_the_ids_are_no_good() {
    for (name, options) in servers() {
        for act in [Act::DropBefore, Act::DropAfter] {
            let mut all = some_alike();
            let fetching = Fetching::new(options.clone(), TAKE, &all);
            fetching.server.peer.faults().once("QUIT", act.clone());
            fetching.sync().expect(1);
            fetching.server.peer.maildrop().deliver(letter(50));
            all.push(letter(50));
            let settled = fetching.settle(&all);
            settled.unwrap_or_else(|e| panic!("{name}, {act:?}: {e}"));
            assert_eq!(fetching.server.there().len(), 0, "{name}");
        }
    }
}

#[test]
fn an_id_that_was_given_to_another_message_hides_none() {
    for keys in [LEAVE, TAKE, "leave_on_server = \"14d\""] {
        let mut all = vec![letter(1), twin('a'), twin('b')];
        let fetching = Fetching::new(ids(Uids::Reused), keys, &all);
        fetching.settle(&all).unwrap();
        let maildrop = fetching.server.peer.maildrop();
        for new in ['c', 'd', 'e'] {
            // The ids count places: the new one gets that of a message that is known, of its size.
            if let Some(first) = maildrop.messages().first() {
                maildrop.remove(&first.id);
            }
            maildrop.deliver(twin(new));
            all.push(twin(new));
            fetching
                .settle(&all)
                .unwrap_or_else(|e| panic!("{keys}: {e}"));
        }
    }
}

#[test]
fn the_message_that_is_deleted_is_the_one_that_is_here_and_not_one_with_its_id() {
    let first = vec![twin('a'), twin('b')];
    let mut fetching = Fetching::new(ids(Uids::Reused), LEAVE, &first);
    fetching.settle(&first).unwrap();
    let maildrop = fetching.server.peer.maildrop().clone();
    for mail in maildrop.messages() {
        maildrop.remove(&mail.id);
    }
    let second = vec![twin('c'), twin('d')];
    for message in &second {
        maildrop.deliver(message.clone());
    }
    fetching.configure(TAKE);
    let all = [first, second].concat();
    fetching.settle(&all).unwrap();
    assert_eq!(fetching.server.there().len(), 0);
}

#[test]
fn ids_that_all_changed_at_once_bring_no_message_twice() {
    let all = some_alike();
    for other in [
        ids(Uids::Reused),
        ids(Uids::Odd),
        Options::default().without(&["UIDL"]),
    ] {
        for keys in [LEAVE, "leave_on_server = \"until-deleted\""] {
            let mut fetching = Fetching::new(Options::default(), keys, &all);
            fetching.settle(&all).unwrap();
            fetching.become_other(other.clone());
            fetching.settle(&all).unwrap();
            fetching.become_other(Options::default());
            fetching.settle(&all).unwrap();
            assert_eq!(fetching.server.there().len(), all.len());
            fetching.configure(TAKE);
            fetching.settle(&all).unwrap();
            assert_eq!(fetching.server.there().len(), 0);
        }
    }
}

#[test]
fn a_last_message_that_is_not_given_now_casts_no_doubt_on_the_others() {
    let all = some_alike();
    let fetching = Fetching::new(Options::default(), LEAVE, &all);
    fetching.settle(&all).unwrap();
    drop(fetching.server.peer.take_log());
    for command in ["TOP", "RETR"] {
        let faults = fetching.server.peer.faults();
        faults.once(command, Act::No("[SYS/TEMP] not now".into()));
    }
    let output = fetching.sync().expect(1);
    assert!(output.stderr.contains("not now"), "{output:?}");
    assert_eq!(fetching.server.said("TOP"), 1);
    assert_eq!(fetching.server.said("RETR"), 1);
    fetching.settle(&all).unwrap();
}
