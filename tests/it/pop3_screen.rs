//! What the screen says of a maildrop: between two looks, while another program has it, by hand, offline.
//!
//! The server is ours, and holds the maildrop as another client's session would.

use crate::support::Program;
use crate::support::maildrop::{LEAVE, LiveDrop, letter, letters};
use pillarbox::demo::pop3::Options;

fn program(server: &LiveDrop, more: &str) -> Program {
    Program::new(&format!("{}{more}", server.account(LEAVE)))
}

#[test]
fn between_two_looks_it_says_when_it_looked_and_f5_looks_again() {
    let server = LiveDrop::start(Options::default(), &letters(3));
    let program = program(&server, "");
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("n3");
    screen.wait_for("checked ");
    server.peer.maildrop().deliver(letter(4));
    screen.keys("gR");
    screen.wait_for("n4");
    screen.quit();
}

#[test]
fn a_maildrop_that_another_program_has_is_not_called_offline_and_asking_ends_the_wait() {
    let server = LiveDrop::start(Options::default(), &letters(3));
    server.peer.maildrop().set_held(true);
    let program = program(&server, "");
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("another program fetches, again in ");
    assert!(!screen.text().contains("offline"), "{}", screen.text());
    server.peer.maildrop().set_held(false);
    screen.keys("gR");
    screen.wait_for("n3");
    screen.wait_for("checked ");
    screen.quit();
}

#[test]
fn by_hand_nothing_is_fetched_until_the_user_asks() {
    let server = LiveDrop::start(Options::default(), &letters(3));
    let manual = "[accounts.old.sync]\nmode = \"manual\"\n";
    let program = program(&server, manual);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("by hand, gR fetches");
    assert_eq!(server.peer.sessions_opened(), 0);
    screen.keys("gR");
    screen.wait_for("n3");
    screen.wait_for("checked ");
    screen.quit();
}

#[test]
fn folders_and_moves_work_offline_and_nobody_asks_the_server() {
    let server = LiveDrop::start(Options::default(), &letters(3));
    let program = program(&server, "");
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("checked ");
    screen.keys("gO");
    screen.wait_for("offline");
    let before = server.peer.sessions_opened();
    screen.keys("FnKept\r");
    screen.wait_for("Created folder Kept");
    screen.wait("the folder in the tree", |shown| {
        shown.matches("Kept").count() > 1
    });
    screen.keys("mKept");
    screen.wait_for("> Kept");
    screen.keys("\r");
    screen.wait_for("Moved message to Kept");
    screen.keys("u");
    screen.wait_for("Undone: moved message to Kept");
    assert_eq!(server.peer.sessions_opened(), before);
    screen.quit();
}
