//! Changes of the tree that cannot be, that the server refuses, or that have to wait for it.
//!
//! What is refused must leave everything as it was, here and there; what waits must not be lost.

use super::Desk;
use crate::support::{Dovecot, Kind, Program};

#[test]
fn a_name_that_cannot_be_is_refused_before_anything_is_recorded() {
    let desk = Desk::with(Kind::Full, &[("Work", 1), ("Work/Sub", 0)]);
    let (tree, rows) = (desk.on_server(), desk.rows());
    for (code, args, words) in [
        (
            1,
            &["rename", "INBOX", "Old"][..],
            &["INBOX", "inbox stays"][..],
        ),
        (
            1,
            &["delete", "inbox", "--for-good"],
            &["INBOX", "inbox stays"],
        ),
        (
            1,
            &["delete", "Wrk"],
            &["\"Wrk\"", "did you mean \"Work\"?"],
        ),
        (
            1,
            &["rename", "Wrk", "x"],
            &["\"Wrk\"", "did you mean \"Work\"?"],
        ),
        (
            1,
            &["subscribe", "Nowhere"],
            &["Nowhere", "pillarbox mailboxes"],
        ),
        (
            1,
            &["create", "Work"],
            &["work", "\"Work\"", "exists already"],
        ),
        (1, &["create", "Inbox"], &["exists already"]),
        (
            1,
            &["rename", "Work", "Sent"],
            &["\"Sent\"", "exists already"],
        ),
        (
            1,
            &["rename", "Work", "Work/Sub/x"],
            &["in the folder itself"],
        ),
        (2, &["create", ""], &["not a name"]),
        (2, &["create", "Work//x"], &["lacks a name"]),
        (2, &["create", "all*"], &["any name"]),
        (2, &["create", "a\u{7}b"], &["no name can have"]),
        (2, &["rename", "Work", "x/"], &["needs a name"]),
    ] {
        let said = desk.mailbox(args, false, code);
        for word in words {
            assert!(said.contains(word), "{args:?}: {word:?} in {said}");
        }
    }
    assert_eq!(desk.on_server(), tree);
    assert_eq!(desk.rows(), rows);
    assert!(desk.journal().is_empty());
}

#[test]
fn what_the_server_refuses_is_taken_back_and_told_in_its_words() {
    for (kind, name, words) in [
        (
            Kind::Full,
            "a.b",
            "Character not allowed in mailbox name: '.'",
        ),
        (
            Kind::Prefixed,
            "INBOX.a/b",
            "Name must not have '/' characters",
        ),
    ] {
        let desk = Desk::with(kind, &[("Work", 1)]);
        // Dovecot separates folders in the file system by dots, and files by slashes.
        let work = desk.name("Work");
        for args in [&["create", name][..], &["rename", &work, name]] {
            let said = desk.mailbox(args, false, 1);
            for word in ["refused", "taken back", words] {
                assert!(said.contains(word), "{args:?}: {word} in {said}");
            }
            let rows = desk.rows();
            assert!(!rows.iter().any(|row| row["name"] == name), "{args:?}");
            assert_eq!(desk.subjects("Work"), ["Letter 1"]);
        }
        assert!(desk.journal().iter().all(|row| row["state"] == "rejected"));
        desk.sync();
        assert_eq!(desk.subjects("Work"), ["Letter 1"]);
    }
}

#[test]
fn without_a_server_each_change_is_kept_and_ends_with_75() {
    let desk = Desk::with(Kind::Full, &[("Old", 2)]);
    desk.cut_off();
    let changes = [
        &["create", "New"][..],
        &["rename", "Old", "New/Old"],
        &["subscribe", "New/Old"],
    ];
    for args in changes {
        let said = desk.mailbox(args, false, 75);
        for word in ["not sent", "work", "it is kept"] {
            assert!(said.contains(word), "{word} in {said}");
        }
    }
    assert_eq!(desk.subjects("New/Old").len(), 2);
    assert!(desk.journal().iter().all(|row| row["state"] == "queued"));
    desk.reconnect();
    desk.sync();
    assert_eq!(desk.other().counts("New/Old"), [2, 1]);
    assert!(desk.other().subscribed().contains(&"New/Old".to_owned()));
    desk.assert_in_step();
}

#[test]
fn of_several_accounts_one_is_named() {
    let desk = Desk::with(Kind::Full, &[("Only", 0)]);
    let other = Desk::with(Kind::Prefixed, &[("There", 1)]);
    let work = desk.dovecot.account("work", &desk.user);
    let home = other.dovecot.account("home", &other.user);
    desk.program.write_config(&(work + &home));
    desk.program.run(&["sync"]).expect(0);
    let said = desk.mailbox(&["create", "New"], false, 2);
    for word in ["in which account", "\"New\"", "--account", "work, home"] {
        assert!(said.contains(word), "{word} in {said}");
    }
    desk.mailbox(&["create", "New", "--account", "home"], false, 0);
    desk.mailbox(&["create", "home/More"], false, 0);
    desk.mailbox(&["create", "work/New"], false, 0);
    // With an account named, all of it is the name.
    desk.mailbox(&["create", "work/Deep", "--account", "work"], false, 0);
    let home = other.on_server();
    assert!(
        ["New", "More"]
            .iter()
            .all(|p| home.contains(&other.wire(p))),
        "{home:?}"
    );
    let work = desk.on_server();
    assert!(
        ["New", "work/Deep"]
            .iter()
            .all(|p| work.contains(&(*p).to_owned())),
        "{work:?}"
    );
    let said = desk.mailbox(&["subscribe", "INBOX"], false, 2);
    assert!(said.contains("work/INBOX, home/INBOX"), "{said}");
    // Where only one account has it, the name alone will do.
    desk.mailbox(&["rename", "INBOX.There", "INBOX.Here"], false, 0);
    assert!(other.on_server().contains(&other.wire("Here")));
    desk.mailbox(&["rename", "work/Only", "work/Once"], false, 0);
    assert!(desk.on_server().contains(&"Once".to_owned()));
    let said = desk.mailbox(&["rename", "work/Once", "home/Once"], false, 2);
    assert!(said.contains("stays in its account"), "{said}");
    assert!(desk.journal().is_empty());
}

#[test]
fn a_tree_that_is_not_known_yet_is_not_changed() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let program = Program::new(&dovecot.account("work", &user));
    let said = program.run(&["mailbox", "create", "New"]).expect(1);
    assert!(said.stderr.contains("pillarbox sync"), "{said:?}");
    assert!(!dovecot.client(&user).tree().contains(&"New".to_owned()));
}
