//! Who is known after mail was had and sent.

use super::*;
use crate::store::People;

const OWN: &str = "bob@example.org";

/// Looks through all there is, two messages at a time.
fn gather(home: &mut Home) {
    loop {
        let found = home.reader.find_people(&[OWN.to_owned()], 2).unwrap();
        assert!(home.writer.put_people(&found).unwrap());
        if !found.is_more {
            return;
        }
    }
}

#[test]
fn whose_pictures_are_loaded_is_the_users_word_alone_and_survives_a_restart() {
    let mut home = Home::new();
    assert!(!home.reader.allows_pictures("News@Example.org").unwrap());
    home.writer
        .allow_pictures("News@Example.org", true)
        .unwrap();
    home.writer
        .allow_pictures("news@example.org", true)
        .unwrap();
    home.reopen();
    assert!(home.reader.allows_pictures("news@EXAMPLE.org").unwrap());
    assert!(!home.reader.allows_pictures("other@example.org").unwrap());
    home.writer
        .allow_pictures("news@example.org", false)
        .unwrap();
    assert!(!home.reader.allows_pictures("news@example.org").unwrap());
}

fn people(home: &Home) -> People {
    home.reader.people(&[OWN.to_owned()]).unwrap()
}

/// Address, messages written and had of each, the best first.
fn known(home: &Home) -> Vec<(String, u32, u32)> {
    let people = people(home);
    let all = people.find("", None, 100);
    all.iter()
        .map(|p| (p.address.address.clone(), p.sent, p.received))
        .collect()
}

fn from(n: u32, name: &str, address: &str) -> FetchedMessage {
    let mut message = message(n, "x", &[]);
    let envelope = message.fetched.envelope.as_mut().unwrap();
    envelope.from = vec![Address {
        name: name.to_owned(),
        address: address.to_owned(),
    }];
    message
}

fn to(n: u32, addresses: &[&str]) -> FetchedMessage {
    let mut message = from(n, "Bob", OWN);
    let envelope = message.fetched.envelope.as_mut().unwrap();
    let address = |address: &&str| Address {
        name: String::new(),
        address: (*address).to_owned(),
    };
    envelope.to = addresses.iter().map(address).collect();
    message
}

fn put_sent(home: &mut Home, messages: &[FetchedMessage]) {
    home.writer.put_messages(home.sent, ERA, messages).unwrap();
}

#[test]
fn who_wrote_and_who_was_written_to_is_known_once_whatever_the_form_of_the_address() {
    let mut home = Home::new();
    home.put(&[
        from(1, "Ann Old", "ann@bücher.example"),
        from(2, "Ann New", "Ann@xn--bcher-kva.example"),
        from(3, "Broken", "not an address"),
        from(4, "Bob", OWN),
    ]);
    put_sent(
        &mut home,
        &[to(1, &["ANN@BÜCHER.example", "eve@example.net", OWN])],
    );
    gather(&mut home);
    gather(&mut home);
    let mut all = known(&home);
    all.sort();
    assert_eq!(
        all,
        [
            ("Ann@xn--bcher-kva.example".to_owned(), 1, 2),
            ("eve@example.net".to_owned(), 1, 0)
        ]
    );
    let people = people(&home);
    assert_eq!(people.find("ann", None, 9)[0].address.name, "Ann New");
}

#[test]
fn senders_of_junk_are_not_known() {
    let mut home = Home::new();
    let tree = [
        entry("INBOX", Some(Role::Inbox)),
        entry("Sent", Some(Role::Sent)),
        entry("Junk", Some(Role::Junk)),
    ];
    home.writer.put_tree(home.account, &tree).unwrap();
    let junk = home.mailbox("Junk").key;
    home.writer.begin_era(junk, ERA).unwrap();
    let spam = from(1, "Spam", "spam@example.net");
    home.writer.put_messages(junk, ERA, &[spam]).unwrap();
    home.put(&[from(1, "Ann", "ann@example.org")]);
    gather(&mut home);
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 0, 1)]);
}

#[test]
fn what_was_sent_from_here_is_counted_once_when_its_copy_comes() {
    let mut home = Home::new();
    let ann = Address {
        name: "Ann".to_owned(),
        address: "ann@example.org".to_owned(),
    };
    home.writer
        .note_written(home.account, std::slice::from_ref(&ann), 1_700_000_000)
        .unwrap();
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 1, 0)]);
    put_sent(&mut home, &[to(1, &["ann@example.org"])]);
    gather(&mut home);
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 1, 0)]);
    put_sent(&mut home, &[to(2, &["ann@example.org"])]);
    gather(&mut home);
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 2, 0)]);
}

#[test]
fn clearing_the_cache_neither_forgets_anybody_nor_counts_twice() {
    let mut home = Home::new();
    let mail = [
        from(1, "Ann", "ann@example.org"),
        from(2, "Eve", "eve@example.net"),
    ];
    home.put(&mail);
    gather(&mut home);
    let before = known(&home);
    home.writer.clear_cache(None).unwrap();
    assert_eq!(known(&home).len(), 2);
    home.writer.begin_era(home.inbox, ERA).unwrap();
    home.put(&mail);
    gather(&mut home);
    assert_eq!(known(&home), before);
}

#[test]
fn a_mirror_made_anew_is_looked_through_from_its_beginning() {
    let mut home = Home::new();
    home.put(&[from(1, "Ann", "ann@example.org")]);
    gather(&mut home);
    for end in ["", "-wal", "-shm"] {
        std::fs::remove_file(home.dir.path().join(format!("mirror.db{end}"))).ok();
    }
    home.reopen();
    let tree = [entry("INBOX", Some(Role::Inbox))];
    home.writer.put_tree(home.account, &tree).unwrap();
    home.inbox = home.mailbox("INBOX").key;
    home.writer.begin_era(home.inbox, ERA).unwrap();
    home.put(&[
        from(1, "Ann", "ann@example.org"),
        from(2, "Ann", "ann@example.org"),
    ]);
    gather(&mut home);
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 0, 2)]);
}

#[test]
fn of_two_who_gather_at_once_one_is_turned_away() {
    let mut home = Home::new();
    home.put(&[from(1, "Ann", "ann@example.org")]);
    let one = home.reader.find_people(&[], 10).unwrap();
    let other = home.reader.find_people(&[], 10).unwrap();
    assert!(home.writer.put_people(&one).unwrap());
    assert!(!home.writer.put_people(&other).unwrap());
    assert_eq!(known(&home), [("ann@example.org".to_owned(), 0, 1)]);
}
