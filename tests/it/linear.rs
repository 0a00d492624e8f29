//! Plain lines on a real terminal: how little is written for a key, and where the cursor is left.
//!
//! What a screen reader follows is the cursor and what changes; a test here must count the bytes.

use crate::support::{Dovecot, Kind, Program, wait_until};

#[test]
fn a_move_in_the_list_writes_a_line_or_two_and_leaves_the_cursor_on_the_row() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    for n in 1..=12 {
        client.append(
            "INBOX",
            "\\Seen",
            &format!("From: ann@example.org\nSubject: Letter {n}.\n\nx\n"),
        );
    }
    let config = dovecot.account("work", &user) + "[ui]\nlinear = true\nthreads = false\n";
    let program = Program::new(&config);
    program.run(&["sync"]).expect(0);
    let mut screen = program.screen(&[], 80, 24);
    screen.wait_for("ann@example.org, Letter 12.");
    screen.wait_for("watching");
    for row in 2..=8 {
        let before = screen.raw().len();
        screen.keys("j");
        // Row 1 is the second line; the title stands above it.
        let place = format!("\x1b[{};1H", row + 1).into_bytes();
        let has_moved = |raw: &[u8]| raw.windows(place.len()).any(|w| w == place);
        wait_until("the cursor to move", || has_moved(&screen.raw()[before..]));
        let raw = screen.raw()[before..].to_vec();
        assert!(
            raw.len() < 200,
            "{} bytes: {}",
            raw.len(),
            raw.escape_ascii()
        );
        assert!(
            !raw.windows(2).any(|w| w == b"\x1b[2"),
            "nothing is cleared"
        );
    }
    assert!(
        screen.raw().windows(6).any(|w| w == b"\x1b[?25h"),
        "the cursor is seen"
    );
    assert_eq!(screen.quit(), 0);
}
