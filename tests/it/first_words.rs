//! The first words of messages in the list, where no server tells them.
//!
//! On the screen: a line of the list has to show subject and words side by side.

use crate::support::maildrop::{LEAVE, LiveDrop};
use crate::support::peer::LivePeer;
use crate::support::{Program, Screen};
use pillarbox::demo::{imap, pop3};

const ANSWER: &str = "From: Bo <bo@there.test>\r\nSubject: An answer\r\n\
    Date: Mon, 2 Nov 2026 10:00:00 +0100\r\nMessage-ID: <answer@x>\r\n\r\n\
    On Sun, 1 Nov 2026, Ann wrote:\r\n> Shall we meet?\r\n\r\n\
    Gladly, at the harbour.\r\n\r\n-- \r\nBo\r\n";
const NEWSLETTER: &str = "From: Garden <news@there.test>\r\nSubject: The garden\r\n\
    Date: Mon, 2 Nov 2026 11:00:00 +0100\r\nMessage-ID: <garden@x>\r\n\
    Content-Type: text/html; charset=utf-8\r\n\r\n\
    <html><head><style>p { color: red }</style><title>Title</title></head><body>\
    <div style=\"display:none\">A hidden lure &zwnj;&nbsp;&zwnj;</div>\
    <p><a href=\"https://x.test/view\">View in your browser</a></p>\
    <p>Garlic wants to be in <b>the ground</b>.</p></body></html>\r\n";

/// Waits for both lines, and looks that nothing else stands behind the subjects.
fn see(screen: &Screen) {
    let shows = |text: &str, subject: &str, words: &str| {
        text.lines()
            .any(|line| line.contains(&format!("{subject}  {words}")))
    };
    screen.wait("the first words behind the subjects", |text| {
        shows(text, "An answer", "Gladly, at the harbour.")
            && shows(text, "The garden", "Garlic wants to be in the ground.")
    });
}

#[test]
fn mail_of_a_maildrop_shows_its_own_first_words() {
    let mail = [ANSWER, NEWSLETTER].map(|mail| mail.as_bytes().to_vec());
    let server = LiveDrop::start(pop3::Options::default(), &mail);
    let program = Program::new(&server.account(LEAVE));
    let mut screen = program.screen(&[], 110, 30);
    see(&screen);
    screen.quit();
}

#[test]
fn a_store_that_was_filled_before_gets_its_first_words_while_the_server_is_down() {
    let mail = [ANSWER, NEWSLETTER].map(|mail| mail.as_bytes().to_vec());
    let server = LiveDrop::start(pop3::Options::default(), &mail);
    let program = Program::new(&server.account(LEAVE));
    program.run(&["sync"]).expect(0);
    let mirror = rusqlite::Connection::open(program.data_dir().join("mirror.db")).unwrap();
    let changed = mirror.execute("UPDATE message SET preview = ''", ());
    assert_eq!(changed.unwrap(), 2, "as an earlier version left them");
    drop(mirror);
    drop(server);
    let mut screen = program.screen(&[], 110, 30);
    see(&screen);
    screen.quit();
}

#[test]
fn a_server_without_preview_is_made_up_for_by_the_texts_that_are_fetched_anyway() {
    let live = LivePeer::start(imap::Options::default().without(&["PREVIEW"]));
    for mail in [ANSWER, NEWSLETTER] {
        live.put("INBOX", &mail.replace("\r\n", "\n"));
    }
    let program = live.program();
    let mut screen = program.screen(&[], 110, 30);
    see(&screen);
    screen.quit();
}
