//! Changes of the tree taken back, before and after the server heard of them.
//!
//! What another client sees, and what we show, must be as it was: names, subscriptions, every byte.

use super::{Desk, KINDS, message};
use crate::support::Kind;
use serde_json::Value;

/// Does something to a tree, takes it back, and looks whether all is as it was: on the server, and
/// here, by names, subscriptions and every byte.
fn taken_back(kind: Kind, is_offline: bool, args: &[&str]) {
    let desk = Desk::with(kind, &[("A", 2), ("A/B", 1), ("Empty", 0), ("Other", 0)]);
    desk.other()
        .run(&format!("SUBSCRIBE \"{}\"", desk.wire("A")));
    desk.sync();
    let state = |desk: &Desk| {
        let mut other = desk.other();
        let (tree, subscribed) = (other.tree(), other.subscribed());
        let mail = ["A", "A/B"].map(|path| other.messages(&desk.wire(path)));
        (tree, subscribed, mail)
    };
    let (before, rows) = (state(&desk), desk.rows());
    let names: Vec<String> = args[1..].iter().map(|path| desk.name(path)).collect();
    let mut args = vec![args[0]];
    args.extend(names.iter().map(String::as_str));
    desk.mailbox(&args, is_offline, 0);
    assert_ne!(desk.rows(), rows, "{args:?} shows");
    let mut undo = vec!["undo"];
    if is_offline {
        undo.push("--offline");
    }
    let said = desk.program.run(&undo).expect(0);
    assert_eq!(said.stderr, "", "{args:?}");
    assert!(said.stdout.contains("Undone"), "{said:?}");
    assert_eq!(desk.rows(), rows, "{args:?} is taken back here");
    if is_offline {
        assert_eq!(
            desk.journal(),
            Vec::<Value>::new(),
            "{args:?}: no word to the server"
        );
    }
    desk.sync();
    assert_eq!(state(&desk), before, "{args:?} is taken back there");
    assert_eq!(desk.rows(), rows);
    desk.assert_in_step();
    let nothing = desk.program.run(&["undo"]).expect(0);
    assert!(nothing.stdout.contains("nothing to undo"), "{nothing:?}");
}

const CHANGES: [&[&str]; 7] = [
    &["create", "New/日本"],
    &["rename", "A", "Z"],
    &["rename", "A/B", "Other/B"],
    &["delete", "Empty"],
    &["delete", "A"],
    &["subscribe", "Other"],
    &["unsubscribe", "A"],
];

#[test]
fn each_change_of_the_tree_is_taken_back_before_the_server_heard_of_it() {
    for kind in KINDS {
        for args in CHANGES {
            taken_back(kind, true, args);
        }
    }
}

#[test]
fn each_change_of_the_tree_is_taken_back_on_the_server() {
    for kind in KINDS {
        for args in CHANGES {
            taken_back(kind, false, args);
        }
    }
}

#[test]
fn taking_back_a_new_folder_loses_no_mail_that_came_into_it_meanwhile() {
    let desk = Desk::with(Kind::Full, &[]);
    desk.mailbox(&["create", "New"], false, 0);
    desk.other().append("New", "", &message(5));
    // It may be refused; what counts is the message.
    desk.program.run(&["undo"]);
    desk.program.run(&["sync"]);
    assert_eq!(desk.other().places("Letter 5").len(), 1);
    let found = desk
        .program
        .run(&["list", "New", "--json"])
        .expect(0)
        .json();
    assert_eq!(found.len(), 1, "and it shows");
}

#[test]
fn a_folder_deleted_for_good_with_its_mail_is_not_said_to_be_back() {
    let desk = Desk::with(Kind::Full, &[("Trash/Old", 2)]);
    desk.mailbox(&["delete", "Trash/Old", "--for-good"], false, 0);
    let undo = desk.program.run(&["undo"]).expect(1);
    assert_eq!(undo.stderr.lines().count(), 1, "{undo:?}");
    for word in ["cannot be undone", "Trash/Old", "gone for good"] {
        assert!(undo.stderr.contains(word), "{word} in {}", undo.stderr);
    }
    assert!(!desk.on_server().contains(&"Trash/Old".to_owned()));
    desk.assert_in_step();
}
