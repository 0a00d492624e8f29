//! Threads come out the same whatever the order of arrival.

use super::*;
use crate::model::ThreadKey;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A message that answers others: In-Reply-To, and References if they were asked for.
fn answer(n: u32, subject: &str, answers: &[u32], references: Option<&[u32]>) -> FetchedMessage {
    let ids = |all: &[u32]| {
        all.iter()
            .map(|n| format!("{n}@example.org"))
            .collect::<Vec<_>>()
    };
    let mut message = message(n, subject, &[]);
    message.fetched.references = references.map(ids);
    message.fetched.envelope.as_mut().unwrap().in_reply_to = ids(answers);
    message
}

/// Which uids are in one thread, by the smallest of them.
fn partition(home: &Home) -> BTreeSet<BTreeSet<u32>> {
    let mut threads: BTreeMap<ThreadKey, BTreeSet<u32>> = BTreeMap::new();
    for mailbox in [home.inbox, home.sent] {
        for row in home.rows(&view_of(mailbox)) {
            let summary = home
                .reader
                .summary(row.message, Some(mailbox))
                .unwrap()
                .unwrap();
            threads
                .entry(row.thread)
                .or_default()
                .insert(summary.uid.unwrap().get());
        }
    }
    threads.into_values().collect()
}

fn groups(list: &[&[u32]]) -> BTreeSet<BTreeSet<u32>> {
    list.iter().map(|g| g.iter().copied().collect()).collect()
}

#[test]
fn children_that_come_before_their_parents_find_them() {
    let mut home = Home::new();
    home.put(&[
        answer(5, "Re: a", &[4], None),
        answer(4, "Re: a", &[3], None),
    ]);
    home.put(&[answer(3, "a", &[], None), message(2, "b", &[])]);
    assert_eq!(partition(&home), groups(&[&[2], &[3, 4, 5]]));
}

#[test]
fn references_that_come_later_draw_threads_together() {
    let mut home = Home::new();
    home.put(&[answer(5, "Re: a", &[4], None), answer(1, "a", &[], None)]);
    assert_eq!(partition(&home), groups(&[&[1], &[5]]));
    let late = FetchedMessage {
        uid: uid(5),
        fetched: Fetched {
            references: Some(vec!["1@example.org".to_owned(), "4@example.org".to_owned()]),
            ..Fetched::default()
        },
    };
    let change = home.writer.put_messages(home.inbox, ERA, &[late]).unwrap();
    assert_eq!(change.changed, 1, "so that the list is read again");
    assert_eq!(partition(&home), groups(&[&[1, 5]]));
    let first = home.list().iter().map(|r| r.message.0).min().unwrap();
    assert_eq!(
        home.list()[0].thread,
        ThreadKey(first),
        "named after its smallest key"
    );
}

#[test]
fn a_thread_spans_mailboxes_so_that_it_shows_our_own_answers() {
    let mut home = Home::new();
    home.put(&[message(1, "a", &[])]);
    home.writer
        .put_messages(home.sent, ERA, &[answer(8, "Re: a", &[1], None)])
        .unwrap();
    assert_eq!(partition(&home), groups(&[&[1, 8]]));
    let thread = home.list()[0].thread;
    let all = ViewSpec {
        scope: Scope::Thread(thread),
        ..view_of(home.inbox)
    };
    assert_eq!(subjects(&home.rows(&all)), ["a", "Re: a"]);
}

#[test]
fn accounts_do_not_share_threads() {
    let mut home = Home::new();
    home.put(&[message(1, "a", &[])]);
    let other = home.writer.account("home").unwrap();
    home.writer
        .put_tree(other, &[entry("INBOX", Some(Role::Inbox))])
        .unwrap();
    let inbox = home.reader.mailboxes(other).unwrap()[0].key;
    home.writer.begin_era(inbox, ERA).unwrap();
    home.writer
        .put_messages(inbox, ERA, &[answer(2, "Re: a", &[1], None)])
        .unwrap();
    assert_ne!(home.rows(&view_of(inbox))[0].thread, home.list()[0].thread);
}

#[test]
fn a_thread_id_of_the_server_wins() {
    let mut home = Home::new();
    let with = |n, answers: &[u32], id: &str| {
        let mut one = answer(n, "x", answers, None);
        one.fetched.thread_id = Some(id.to_owned());
        one
    };
    home.put(&[with(1, &[], "T1"), with(2, &[1], "T2"), with(3, &[], "T1")]);
    assert_eq!(partition(&home), groups(&[&[1, 3], &[2]]));
}

#[test]
fn an_answer_without_a_parent_goes_by_its_subject_for_a_while() {
    let mut home = Home::new();
    let mut late = message(9, "Re: Plan", &[]);
    late.fetched.arrived = Some(Moment {
        unix_secs: 1_800_000_000,
        offset_mins: 0,
    });
    home.put(&[
        message(1, "Plan", &[]),
        message(2, "AW: [team] plan", &[]),
        message(3, "Plan", &[]),
        message(4, "Re: Other", &[]),
        answer(5, "Re: Plan", &[77], None),
        late,
    ]);
    // 3 came after the answer, 5 names a parent, 9 is years later.
    assert_eq!(partition(&home), groups(&[&[1, 2], &[3], &[4], &[5], &[9]]));
}

#[test]
fn a_folded_row_names_its_senders_the_latest_last() {
    let mut home = Home::new();
    let from = |mut m: FetchedMessage, name: &str| {
        m.fetched.envelope.as_mut().unwrap().from[0].name = name.to_owned();
        m
    };
    home.put(&[
        from(answer(1, "a", &[], None), "Cleo"),
        from(answer(2, "Re: a", &[1], None), "Dan"),
        from(answer(3, "Re: a", &[2], None), "Cleo"),
        from(message(4, "b", &["\\Seen"]), "Eve"),
    ]);
    let rows = home.rows(&threads_of(home.inbox));
    assert_eq!(subjects(&rows), ["b", "Re: a"]);
    assert_eq!(
        (rows[1].who.as_str(), rows[1].count, rows[1].unread),
        ("Dan, Cleo", 3, 3)
    );
    assert_eq!(
        (rows[0].who.as_str(), rows[0].count, rows[0].unread),
        ("Eve", 1, 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn threads_do_not_depend_on_the_order_of_arrival(
        parents in prop::collection::vec((0u32..14, any::<bool>(), 0u32..14, 0usize..3), 1..12),
        shuffle in any::<u64>(),
        at_once in 1usize..5,
    ) {
        // Message n answers an earlier, a later or an unknown one, or none and goes by its subject.
        let all: Vec<FetchedMessage> = (1u32..)
            .zip(&parents)
            .map(|(n, (parent, has_refs, other, subject))| {
                let subject = ["Plan", "Re: Plan", "x"][*subject];
                let answers: &[u32] = if *parent == 0 { &[] } else { &[*parent] };
                let refs = [*other, *parent];
                let refs: Option<&[u32]> = (*has_refs && *parent > 0).then_some(&refs);
                let mut one = answer(n, subject, answers, refs);
                // Days apart, so that some answers come too late to go by their subject.
                let secs = 1_700_000_000 + i64::from(*other) * 5 * 24 * 3600;
                one.fetched.arrived = Some(Moment { unix_secs: secs, offset_mins: 0 });
                one
            })
            .collect();
        let mut straight = Home::new();
        straight.put(&all);
        let mut shuffled = all.clone();
        let mut seed = shuffle;
        for i in (1..shuffled.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, usize::try_from(seed >> 33).unwrap() % (i + 1));
        }
        let mut other = Home::new();
        // Some References come later, as they do from a server that has to look them up.
        let mut later = Vec::new();
        for message in &mut shuffled {
            if message.uid.get() % 2 == 0 && let Some(references) = message.fetched.references.take() {
                later.push(FetchedMessage {
                    uid: message.uid,
                    fetched: Fetched { references: Some(references), ..Fetched::default() },
                });
            }
        }
        for window in shuffled.chunks(at_once) {
            other.put(window);
        }
        other.put(&later);
        prop_assert_eq!(partition(&straight), partition(&other));
    }
}

/// What the server knows of a message: its References, if it answers anything.
fn references_of(n: u32, parents: &[u32]) -> Vec<u32> {
    let mut chain = Vec::new();
    let mut at = n;
    while let Some(parent) = parents.get(at as usize - 1).filter(|p| **p > 0 && **p < at) {
        chain.insert(0, *parent);
        at = *parent;
    }
    chain
}

#[test]
fn references_are_asked_for_only_where_they_can_tell_something() {
    let mut home = Home::new();
    home.put(&[
        message(1, "a", &[]),
        answer(2, "Re: a", &[1], None),
        answer(3, "Re: b", &[77], None),
        message(4, "Re: c", &[]),
        answer(5, "loop", &[5], None),
    ]);
    home.put(&[answer(6, "Re: a", &[2], None)]);
    let missing = home.reader.missing_references(home.inbox, 9).unwrap();
    let wanted: Vec<u32> = missing.wanted.iter().map(Uid::get).collect();
    assert_eq!(wanted, [3, 4, 5]);
    // The second of two windows: its parent is found in the store.
    assert_eq!(missing.needless, [home.list()[0].message]);
    home.writer.skip_references(&missing.needless).unwrap();
    let missing = home.reader.missing_references(home.inbox, 9).unwrap();
    assert_eq!((missing.wanted.len(), missing.needless.len()), (3, 0));
}

#[test]
fn references_of_whole_texts_draw_threads_together() {
    let mut home = Home::new();
    home.put(&[message(1, "a", &[]), answer(3, "Re: a", &[2], None)]);
    let key = |n: usize| home.list()[n].message;
    let ids = |list: &[u32]| list.iter().map(|n| format!("{n}@example.org")).collect();
    let found: Vec<(_, Vec<String>)> = vec![(key(0), ids(&[1, 2])), (key(1), ids(&[99]))];
    let change = home.writer.put_references(home.account, &found).unwrap();
    assert_eq!(change.changed, 1);
    assert_eq!(partition(&home), groups(&[&[1, 3]]));
    let left = home.reader.missing_references(home.inbox, 9).unwrap();
    assert_eq!(left.wanted.len(), 0);
    home.put(&[message(99, "z", &[])]);
    assert_eq!(
        partition(&home),
        groups(&[&[1, 3, 99]]),
        "although 1 looks like no answer"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn threads_are_the_same_whether_all_references_were_asked_for_or_only_those_that_tell(
        parents in prop::collection::vec(0u32..14, 1..14),
        gone in any::<u16>(),
        shuffle in any::<u64>(),
        at_once in 1usize..5,
        asks in any::<u16>(),
    ) {
        let here = (1u32..).take(parents.len()).filter(|n| gone >> n & 1 == 0);
        let make = |n: u32, is_told: bool| {
            let chain = references_of(n, &parents);
            let parent = chain.last().copied();
            let subject = format!("{}s{n}", if parent.is_some() { "Re: " } else { "" });
            answer(n, &subject, parent.as_slice(), is_told.then_some(&chain))
        };
        let all: Vec<FetchedMessage> = here.clone().map(|n| make(n, true)).collect();
        let mut told = Home::new();
        told.put(&all);
        let mut order: Vec<u32> = here.collect();
        let mut seed = shuffle;
        for i in (1..order.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(i, usize::try_from(seed >> 33).unwrap() % (i + 1));
        }
        let mut lazy = Home::new();
        let ask = |home: &mut Home| {
            let missing = home.reader.missing_references(home.inbox, 3).unwrap();
            home.writer.skip_references(&missing.needless).unwrap();
            let answers: Vec<FetchedMessage> = missing.wanted.iter().map(|uid| FetchedMessage {
                uid,
                fetched: Fetched {
                    references: make(uid.get(), true).fetched.references,
                    ..Fetched::default()
                },
            }).collect();
            home.put(&answers);
            !missing.needless.is_empty() || !answers.is_empty()
        };
        for (i, window) in order.chunks(at_once).enumerate() {
            let window: Vec<FetchedMessage> = window.iter().map(|n| make(*n, false)).collect();
            lazy.put(&window);
            // The background work comes in between, or not.
            if asks >> (i % 16) & 1 == 1 {
                ask(&mut lazy);
            }
        }
        while ask(&mut lazy) {}
        prop_assert_eq!(partition(&told), partition(&lazy));
    }
}
