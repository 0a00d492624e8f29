//! What a newcomer meets: the first keys, waiting, what happens by itself, and an account that stopped.

use super::scenes::{self, Scene};
use super::{Input, Settings, Token};
use crate::bus::{Command, Event, Link};
use crate::model::{MailboxKey, Safe};

/// Whether each change that was asked for happened by itself.
fn changes(scene: &mut Scene) -> Vec<bool> {
    let is_automatic = |c: &Command| match c {
        Command::Apply { is_automatic, .. } => Some(*is_automatic),
        _ => None,
    };
    scene.commands().iter().filter_map(is_automatic).collect()
}

fn is_mark_read(token: &Token) -> bool {
    matches!(token, Token::MarkRead(_))
}

#[test]
fn the_first_keys_are_explained_until_one_is_pressed_and_nothing_is_read_behind_it() {
    let settings = Settings {
        has_tour: true,
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = Scene::with(80, 24, settings, accounts, scenes::mail());
    scene.time_out(is_mark_read);
    assert!(scene.app.has_tour);
    assert!(changes(&mut scene).is_empty(), "it was not to be seen");
    scene.press("p p");
    assert!(!scene.app.has_tour);
    scene.time_out(is_mark_read);
    assert_eq!(changes(&mut scene), [true]);
}

#[test]
fn while_the_first_mail_comes_in_the_cursor_stays_on_the_first_row_until_a_key_is_pressed() {
    let mut scene = Scene::new(80, 24);
    let arrive = |scene: &mut Scene, key: i64| {
        let row = scenes::row(key, "New", "News", 0);
        scene.rows.insert(0, row);
        scene.input(Input::Engine(Event::Changed(vec![MailboxKey(11)])));
    };
    arrive(&mut scene, 1_001);
    assert_eq!(scene.app.list.cursor(), 0);
    // Who looks at the first message for a while reads it.
    let later = |monotonic_ms| Input::Tick {
        now_secs: scenes::NOW,
        monotonic_ms,
    };
    scene.input(later(60_000));
    arrive(&mut scene, 1_002);
    assert_eq!(scene.app.list.cursor(), 1);
    let mut scene = Scene::new(80, 24);
    scene.press("j");
    arrive(&mut scene, 1_001);
    assert_eq!(scene.app.list.cursor(), 2);
}

#[test]
fn what_is_read_by_being_shown_is_no_step_to_undo() {
    let mut scene = Scene::new(80, 24);
    scene.press("enter U");
    assert_eq!(changes(&mut scene), [true, false]);
}

#[test]
fn a_list_that_takes_its_time_says_so_and_a_quick_one_does_not() {
    let is_slow = |t: &Token| matches!(t, Token::SlowList(_));
    let mut scene = Scene::new(80, 24);
    scene.time_out(is_slow);
    assert!(!scene.app.is_list_slow, "it was there before");
    scene.is_answering = false;
    scene.press("g d");
    assert!(!scene.app.is_list_slow);
    scene.time_out(is_slow);
    assert!(scene.app.is_list_slow);
}

#[test]
fn a_stopped_account_tells_why_and_how_to_try_again() {
    let mut account = scenes::account(1, "work");
    account.link = Link::Stopped {
        why: Safe::fixed("the server refused the password"),
        can_retry: true,
    };
    let scene = Scene::with(80, 24, Settings::default(), vec![account], Vec::new());
    let text = scene.app.link_text(&scene.app.accounts[0]);
    assert_eq!(
        text.as_str(),
        "stopped, gR tries again: the server refused the password"
    );
}
