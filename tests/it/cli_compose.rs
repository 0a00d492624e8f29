//! Writing on the screen, with the program killed, hung up on, and given bad editors and links.
//!
//! A test here must press keys only as a user would, and look only at what a user or a server sees.

use crate::support::post::Post;
use crate::support::{Dovecot, Kind, Program, Screen};
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::clock::monotonic;
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// An account on a real server, and an outgoing server that takes what comes.
fn desk() -> (Program, Post) {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let post = Post::start(Offer::default());
    let config = format!("{}{}", dovecot.account("work", &user), post.table("work"));
    (Program::new(&config), post)
}

/// Begins a message to Bo; the cursor is in its text.
fn begin(program: &Program) -> Screen {
    let mut screen = program.screen(&[], 120, 40);
    screen.wait_for("c write");
    screen.keys("c");
    screen.wait_for("New message");
    screen.keys("bo@example.org<Tab><Tab><Tab>Hello<Tab>");
    screen.wait_for("New message: Hello");
    screen
}

/// Starts the program again and opens the only draft that is kept.
fn take_up(program: &Program) -> Screen {
    let mut screen = program.screen(&[], 120, 40);
    screen.wait_for("c write");
    screen.keys("go");
    screen.wait_for("Hello  to bo@example.org");
    screen.wait_for("recovered");
    screen.keys("<Enter>");
    screen.wait_for("Subject Hello");
    screen
}

/// Leaves the draft.
fn leave(screen: &mut Screen) {
    screen.keys("<Esc>");
    screen.wait_for("The draft is kept");
}

/// What stands in the text, rows joined.
fn body(screen: &Screen) -> String {
    let text = screen.text();
    let rows = text.lines().skip_while(|line| !line.starts_with("───"));
    let rows: Vec<&str> = rows.skip(1).take(30).map(str::trim).collect();
    rows.join(" ").trim().to_owned()
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "what may be lost is a matter of time: the test says when it typed what"
)]
fn a_kill_while_one_types_costs_no_more_than_the_last_two_seconds() {
    for _ in 0..3 {
        let (program, _post) = desk();
        let mut screen = begin(&program);
        let end = monotonic() + Duration::from_millis(fastrand::u64(1_500..5_000));
        let mut typed = Vec::new();
        while monotonic() < end {
            screen.keys(&format!("w{:04} ", typed.len()));
            typed.push(monotonic());
            std::thread::sleep(Duration::from_millis(fastrand::u64(1..60)));
        }
        let killed = monotonic();
        screen.kill_at_once();
        let mut screen = take_up(&program);
        let old = |at: &&Instant| killed.duration_since(**at) > Duration::from_secs(2);
        let needed = typed.iter().filter(old).count();
        // The cursor is behind what was kept.
        screen.keys("|");
        screen.wait_for("|");
        let body = body(&screen);
        let all: Vec<String> = (0..typed.len()).map(|n| format!("w{n:04} ")).collect();
        let all = all.concat();
        let (kept, rest) = body.split_once('|').unwrap();
        assert!(
            rest.is_empty() && all.starts_with(kept),
            "{body}\n{}",
            screen.text()
        );
        assert!(kept.len() + 1 >= needed * 6, "{needed} words, {body}");
    }
}

#[test]
fn a_signal_that_ends_the_program_costs_nothing_of_what_is_written() {
    for signal in [Signal::HUP, Signal::TERM] {
        let (program, _post) = desk();
        let mut screen = begin(&program);
        screen.keys("Dear Bo,<Enter>this is the end");
        screen.wait_for("this is the end");
        screen.keys("<Up>!");
        screen.wait_for("Dear Bo,!");
        screen.signal(signal);
        let _code = screen.wait_end();
        let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
        assert!(raw.contains("\u{1b}[?1049l"), "the terminal is given back");
        let mut screen = take_up(&program);
        assert_eq!(body(&screen), "Dear Bo,! this is the end");
        screen.keys("|");
        screen.wait_for("Dear Bo,!|");
        leave(&mut screen);
        assert_eq!(screen.quit(), 0);
    }
}

#[test]
fn a_draft_that_was_left_just_before_quitting_is_not_called_recovered() {
    let (program, _post) = desk();
    let mut screen = begin(&program);
    screen.keys("Dear Bo");
    leave(&mut screen);
    assert_eq!(screen.quit(), 0);
    let mut screen = program.screen(&[], 120, 40);
    screen.wait_for("c write");
    screen.keys("go");
    screen.wait_for("Hello  to bo@example.org");
    assert!(!screen.text().contains("recovered"), "{}", screen.text());
}

#[test]
fn quitting_while_a_message_can_be_taken_back_sends_it_first() {
    let (program, post) = desk();
    let mut screen = begin(&program);
    screen.keys("Dear Bo");
    screen.keys("<C-x>");
    screen.wait_for("Goes to");
    screen.keys("y");
    screen.wait_for("takes it back");
    assert_eq!(screen.quit(), 0);
    assert_eq!(post.given(), [("bo@example.org".to_owned(), 1)]);
    assert!(!screen.text().contains("not sent"), "{}", screen.text());
}

#[test]
fn a_message_that_cannot_leave_before_the_end_is_told_of() {
    let (program, post) = desk();
    let mut screen = begin(&program);
    screen.keys("Dear Bo<C-x>");
    screen.wait_for("Goes to");
    drop(post);
    screen.keys("y");
    screen.wait_for("takes it back");
    assert_eq!(screen.quit(), 0);
    screen.wait_for("1 message is not sent yet");
    let left = program.run(&["outbox", "--json"]).expect(0).json();
    assert_eq!(left.len(), 1);
}

#[test]
fn whatever_the_editor_does_the_draft_stays_as_it_was_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (editor, act) = (folder.path().join("editor"), folder.path().join("act"));
    let script = format!("#!/bin/sh\n. '{}'\n", act.display());
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let (program, post) = desk();
    let program = program.with("VISUAL", &editor.display().to_string());
    let mut screen = begin(&program);
    screen.keys("Dear Bo");
    for (deed, said) in [
        ("kill -9 $$", "did not end well"),
        ("kill -TERM $$", "did not end well"),
        ("printf Lost > \"$1\"; exit 3", "did not end well"),
        (": > \"$1\"", "left the text empty"),
        ("rm \"$1\"", "file is gone"),
        ("rm \"$1\"; mkdir \"$1\"", "replaced by something else"),
        ("head -c 4000 /dev/urandom > \"$1\"", "not UTF-8 text"),
    ] {
        fs::write(&act, deed).unwrap();
        screen.keys("<C-e>");
        screen.wait_for(said);
        assert_eq!(body(&screen).split("  ").next(), Some("Dear Bo"), "{deed}");
        screen.wait_for("New message: Hello");
        screen.keys("<Esc>");
        screen.wait_gone(said);
    }
    fs::write(&act, "printf ', hello' >> \"$1\"").unwrap();
    screen.keys("<C-e>");
    screen.wait_for(", hello");
    leave(&mut screen);
    assert_eq!(screen.quit(), 0);
    assert!(post.taken().is_empty());
    assert!(
        program
            .run(&["outbox", "--json"])
            .expect(0)
            .json()
            .is_empty()
    );
}

#[test]
fn a_link_fills_in_only_what_is_safe_and_the_rest_is_told() {
    let (program, post) = desk();
    let link = "mailto:bo@example.org?attach=/etc/passwd&bcc=x@example.org\
                &subject=a%0d%0aBcc:%20y@example.org&body=hi";
    let mut screen = program.screen(&["compose", link], 120, 40);
    screen.wait_for("has a control where none may be");
    assert!(!screen.text().contains("Subject"), "{}", screen.text());
    assert_eq!(screen.quit(), 0);
    let link = link.replace("a%0d%0aBcc:%20y@example.org", "a");
    let mut screen = program.screen(&["compose", &link], 120, 40);
    screen.wait_for("New message: a");
    screen.wait_for("attach, bcc");
    assert_eq!(body(&screen).split("  ").next(), Some("hi"));
    screen.keys("<C-x>");
    screen.wait_for("Size");
    let text = screen.text();
    assert!(
        !text.contains("passwd") && !text.contains("x@example.org"),
        "{text}"
    );
    screen.keys("y");
    screen.wait_for("takes it back");
    assert_eq!(screen.quit(), 0);
    assert_eq!(post.given(), [("bo@example.org".to_owned(), 1)]);
}

#[test]
fn a_template_beside_the_configuration_begins_a_message() {
    let (program, _post) = desk();
    let folder = program.config_file().with_file_name("templates");
    fs::create_dir(&folder).unwrap();
    let template = "Subject: Weekly\nTo: bo@example.org\n\nDear Bo,\n";
    fs::write(folder.join("weekly.txt"), template).unwrap();
    let mut screen = program.screen(&[], 120, 40);
    screen.wait_for("c write");
    screen.keys("<C-k>template<Enter>");
    screen.wait_for("weekly.txt");
    screen.keys("<Enter>");
    screen.wait_for("New message: Weekly");
    let text = screen.text();
    assert!(text.contains("To bo@example.org"), "{text}");
    assert!(body(&screen).starts_with("Dear Bo,"), "{text}");
}
