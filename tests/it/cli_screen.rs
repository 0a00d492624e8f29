//! The screen as the program starts it, on the configured accounts.
//!
//! A test here must press keys only as a user would, and look only at what a user sees.

use crate::support::desk::{Desk, account};
use crate::support::{Dovecot, Kind, Program, wait_until};
use pillarbox::model::{Flag, FlagChange, OpKind};

fn deliver(dovecot: &Dovecot, user: &str) {
    let mut client = dovecot.client(user);
    for n in 1..=230 {
        let letter = format!("From: ann@example.org\nSubject: Letter {n}.\n\nText.\n");
        client.append("INBOX", "\\Seen", &letter);
    }
}

#[test]
fn a_list_longer_than_its_first_window_is_known_to_its_end_without_a_key() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    deliver(dovecot, &user);
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

#[test]
fn a_change_does_not_make_a_list_shorter_for_a_moment() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    deliver(dovecot, &user);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
    desk.wait_in_step();
    let inbox = desk.mailbox("INBOX").key;
    wait_until("the length of the list", || desk.length(inbox) == 230);
    let rows = desk.rows(inbox);
    for (n, row) in rows.iter().take(4).enumerate() {
        let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
        desk.apply(star, vec![crate::support::desk::placed(row)]);
        for _ in 0..20 {
            assert_eq!(desk.length(inbox), 230, "after change {n}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[test]
fn a_terminal_that_cannot_draw_gets_a_sentence_and_no_sequences() {
    let dovecot = Dovecot::shared(Kind::Full);
    let config = dovecot.account("work", &dovecot.fresh_user());
    let program = Program::new(&config).with("TERM", "dumb");
    let screen = program.screen(&[], 120, 30);
    screen.wait_for("pillarbox: TERM is dumb");
}
