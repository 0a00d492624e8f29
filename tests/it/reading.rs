//! What a reader does with a message on the screen: finding words in it, saving, piping, printing it.
//!
//! The server is Dovecot, the terminal a pty. A test here must look only at what a user sees, and at
//! the files and programs that the user named.

use crate::support::{Dovecot, Kind, Program, Screen};

/// A program on a mailbox with that one message, which is open on a screen of 100 by 30.
fn open(letter: &str, ui: &str) -> (Program, Screen) {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    dovecot.client(&user).append("INBOX", "", letter);
    let config = dovecot.account("work", &user) + "[ui]\n" + ui;
    let program = Program::new(&config);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Harbour");
    screen.keys("<Enter>");
    screen.wait_for("Esc back");
    (program, screen)
}

const LETTER: &str = "From: Bo <bo@example.org>\nTo: ann@example.org\nSubject: Harbour dues\n\
    Date: Fri, 10 Apr 2026 10:32:00 +0000\nMessage-ID: <dues@example.org>\n\
    Content-Type: text/plain; charset=utf-8\n\n\
    The caf\u{e9} by the quay is open.\n\n> Is there a Cafe?\n> > one\n> > two\n> > a hidden cafe\n\n\
    We meet in the Cafe.\n";

#[test]
fn a_word_is_found_in_the_message_with_its_folded_quotes_and_in_its_source() {
    let (_program, mut screen) = open(LETTER, "");
    screen.wait_for("3 quoted lines");
    screen.keys("/cafe");
    screen.wait_for("a hidden cafe");
    screen.wait_for("1 of 4");
    screen.keys("<Enter>nn");
    screen.wait_for("3 of 4");
    screen.keys("<Esc>");
    screen.wait_for("3 quoted lines");
    screen.keys("HH");
    screen.wait_for("Message-ID: <dues@example.org>");
    screen.keys("/Dues@<Enter>");
    screen.wait_for("is not in this message");
    screen.keys("<C-u>dues@<Enter>");
    screen.wait_for("Esc end the search");
    assert_eq!(screen.quit(), 0);
}
