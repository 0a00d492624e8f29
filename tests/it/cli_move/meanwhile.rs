//! Moves that wait, while other changes are made here and by other clients.
//!
//! Whatever happens meanwhile, each message must be on the server exactly once, and shown there.

use super::Desk;
use crate::support::Kind;

#[test]
fn without_a_server_a_move_is_kept_and_ends_with_75() {
    let desk = Desk::one(Kind::Full);
    let work = &desk.work;
    let ids = [1, 2, 3].map(|n| desk.id("INBOX", n));
    desk.program.write_config(&work.config_cut_off());
    for args in [
        &["move", &ids[0], "Box"][..],
        &["archive", &ids[1]],
        &["delete", &ids[2]],
    ] {
        let output = desk.program.run(args).expect(75);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains("it is kept"), "{}", output.stderr);
    }
    assert_eq!(desk.shown("INBOX"), [4, 5]);
    desk.program.write_config(&work.config());
    desk.sync();
    assert_eq!(work.places(1), ["Box"]);
    assert_eq!(work.places(2), ["Archive"]);
    assert_eq!(work.places(3), [""; 0]);
}

#[test]
fn a_message_moves_into_a_folder_that_is_only_here_yet() {
    let desk = Desk::one(Kind::Full);
    let one = desk.id("INBOX", 1);
    desk.run(&["mailbox", "create", "New"], true);
    desk.run(&["mailbox", "create", "New/日本"], true);
    desk.run(&["move", &one, "New/日本"], true);
    desk.run(&["mailbox", "rename", "New", "Newer"], true);
    assert_eq!(desk.shown("Newer/日本"), [1]);
    desk.sync();
    assert_eq!(desk.work.places(1), [desk.work.levels.wire("Newer/日本")]);
    assert_eq!(desk.shown("Newer/日本"), [1]);
}

#[test]
fn a_target_that_another_client_deleted_loses_no_message() {
    let desk = Desk::one(Kind::Full);
    let one = desk.id("INBOX", 1);
    desk.work.other().run("DELETE Box");
    // The server may be asked to make it again, or the move is taken back.
    let output = desk.program.run(&["move", &one, "Box"]);
    assert!(matches!(output.code, Some(0 | 1)), "{output:?}");
    desk.program.run(&["sync"]).expect(0);
    let places = desk.work.places(1);
    assert_eq!(places.len(), 1, "{places:?}");
    assert_eq!(
        desk.shown(&places[0]),
        if places[0] == "Box" {
            vec![1]
        } else {
            vec![1, 2, 3, 4, 5]
        }
    );
    assert_eq!(output.code == Some(1), places[0] == "INBOX");
}

#[test]
fn a_message_that_another_client_moved_meanwhile_is_not_lost() {
    let desk = Desk::one(Kind::Full);
    let one = desk.id("INBOX", 1);
    desk.run(&["move", &one, "Box"], true);
    let mut other = desk.work.other();
    other.run("SELECT INBOX");
    other.run("UID MOVE 1 Archive");
    desk.program.run(&["sync"]).expect(0);
    let places = desk.work.places(1);
    assert_eq!(places.len(), 1, "{places:?}");
    desk.program.run(&["sync"]).expect(0);
    assert_eq!(desk.shown(&places[0]), [1]);
    assert_eq!(desk.shown("INBOX"), [2, 3, 4, 5]);
}

#[test]
fn several_changes_of_one_message_arrive_as_one() {
    let desk = Desk::one(Kind::Full);
    let work = &desk.work;
    let one = desk.id("INBOX", 1);
    desk.run(
        &["flag", &one, "--remove", "flagged", "--add", "answered"],
        true,
    );
    desk.run(&["move", &one, "Box"], true);
    desk.run(&["tag", &one, "--add", "later"], true);
    desk.run(&["archive", &one], true);
    assert_eq!(desk.shown("Archive"), [1]);
    assert_eq!(desk.shown("Box"), [0; 0]);
    desk.sync();
    assert_eq!(work.places(1), ["Archive"]);
    let flags = &work.on_server("Archive")[0].1;
    assert_eq!(*flags, ["\\Answered", "\\Seen", "later", "plan"]);
}

#[test]
fn beside_a_screen_a_move_shows_there_and_reaches_the_server() {
    let desk = Desk::one(Kind::Full);
    let five = desk.id("INBOX", 5);
    let mut screen = desk.program.screen(&[], 120, 30);
    screen.wait_for("Letter 5");
    desk.run(&["trash", &five], false);
    assert_eq!(desk.work.places(5), ["Trash"], "0 says that it arrived");
    screen.wait_gone("Letter 5");
    desk.run(&["undo"], false);
    screen.wait_for("Letter 5");
    assert_eq!(screen.quit(), 0);
}
