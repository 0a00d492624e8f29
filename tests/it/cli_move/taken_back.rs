//! Moves and copies taken back, before and after the server heard of them.
//!
//! Every message must be where it was, with every byte and flag, and nowhere else.

use super::Desk;
use crate::support::Kind;

/// What each change is, and where the letters 1 and 2 lie after it.
const CHANGES: [(&[&str], &str); 4] = [
    (&["move", "1", "2", "Box"], "Box"),
    (&["copy", "1", "2", "Box"], "Box"),
    (&["archive", "1", "2"], "Archive"),
    (&["trash", "1", "2"], "Trash"),
];

/// Does it, takes it back, and looks whether every message is where it was.
fn taken_back(kind: Kind, is_offline: bool, args: &[&str], path: &str) {
    let desk = Desk::one(kind);
    let work = &desk.work;
    let before = work.on_server("INBOX");
    let (inbox, target) = (work.address("INBOX"), work.address(path));
    let ids = [1, 2].map(|n| desk.id(&inbox, n));
    let real: Vec<&str> = args
        .iter()
        .map(|arg| match *arg {
            "1" => ids[0].as_str(),
            "2" => ids[1].as_str(),
            "Box" => target.as_str(),
            other => other,
        })
        .collect();
    desk.run(&real, is_offline);
    assert_eq!(desk.shown(&target), [1, 2], "{args:?}");
    desk.undo(is_offline);
    assert_eq!(desk.shown(&target), [0; 0], "{args:?} is taken back here");
    assert_eq!(desk.shown(&inbox), [1, 2, 3, 4, 5]);
    if is_offline {
        desk.assert_settled();
    }
    desk.sync();
    assert_eq!(
        work.on_server("INBOX"),
        before,
        "{args:?} is taken back there"
    );
    assert_eq!(work.count_on_server(path), 0, "{args:?}");
    assert_eq!(desk.shown(&inbox), [1, 2, 3, 4, 5]);
    assert_eq!(desk.shown(&target), [0; 0]);
    let nothing = desk.program.run(&["undo"]).expect(0);
    assert!(nothing.stdout.contains("nothing to undo"), "{nothing:?}");
}

#[test]
fn a_move_is_taken_back_before_the_server_heard_of_it() {
    for kind in [Kind::Full, Kind::Prefixed] {
        for (args, path) in CHANGES {
            taken_back(kind, true, args, path);
        }
    }
}

#[test]
fn a_move_is_taken_back_on_the_server() {
    for kind in [Kind::Full, Kind::Prefixed] {
        for (args, path) in CHANGES {
            taken_back(kind, false, args, path);
        }
    }
    for kind in [Kind::Condstore, Kind::Plain] {
        for (args, path) in &CHANGES[..1] {
            taken_back(kind, false, args, path);
        }
    }
}

#[test]
fn deleting_for_good_is_taken_back_before_the_server_heard_of_it() {
    let desk = Desk::one(Kind::Full);
    let before = desk.work.on_server("INBOX");
    let one = desk.id("INBOX", 1);
    desk.run(&["delete", &one], true);
    desk.undo(true);
    desk.assert_settled();
    desk.sync();
    assert_eq!(desk.shown("INBOX"), [1, 2, 3, 4, 5]);
    assert_eq!(desk.work.on_server("INBOX"), before);
}

#[test]
fn what_the_server_deleted_for_good_is_put_back_from_here_or_it_is_said_that_it_cannot_be() {
    for keep in ["all", "headers"] {
        let desk = Desk::one(Kind::Full);
        let work = &desk.work;
        let sync = format!("[accounts.work.sync]\nkeep = \"{keep}\"\n");
        desk.program.write_config(&(work.config() + &sync));
        desk.program.run(&["cache", "clear"]).expect(0);
        desk.sync();
        let before = work.on_server("INBOX");
        let one = desk.id("INBOX", 1);
        desk.run(&["delete", &one], false);
        assert_eq!(work.places(1), [""; 0]);
        let undo = desk.program.run(&["undo"]);
        desk.sync();
        if undo.code == Some(0) {
            assert!(undo.stdout.contains("Undone"), "{undo:?}");
            assert_eq!(work.on_server("INBOX"), before, "dates, flags and bytes");
            assert_eq!(desk.shown("INBOX"), [1, 2, 3, 4, 5]);
        } else {
            assert_eq!((undo.code, keep), (Some(1), "headers"), "{undo:?}");
            assert!(undo.stderr.contains("cannot be undone"), "{undo:?}");
            assert_eq!(work.places(1), [""; 0]);
            assert_eq!(desk.shown("INBOX"), [2, 3, 4, 5]);
        }
    }
}
