//! The screen as the program starts it, on the configured accounts.
//!
//! A test here must press keys only as a user would, and look only at what a user sees.

use crate::support::{Dovecot, Kind, Program};

#[test]
fn a_list_longer_than_its_first_window_is_known_to_its_end_without_a_key() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    for n in 1..=230 {
        let letter = format!("From: ann@example.org\nSubject: Letter {n}.\n\nText.\n");
        client.append("INBOX", "\\Seen", &letter);
    }
    let config = dovecot.account("work", &user) + "[ui]\nthreads = false\n";
    let program = Program::new(&config);
    program.run(&["sync"]).expect(0);
    let mut screen = program.screen(&[], 78, 24);
    screen.wait_for("1 of 230 ");
    screen.keys("G");
    screen.wait_for("Letter 1.");
    screen.wait_for("230 of 230 ");
    assert_eq!(screen.quit(), 0);
}
