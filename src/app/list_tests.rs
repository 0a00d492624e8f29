//! The list against an engine whose rows move under it.

use super::list::{List, Window, placed};
use super::scenes::{Scene, mail, row, unread};
use super::{Effect, Input, Settings};
use crate::bus::{Command, Event, RequestId};
use crate::model::{Flag, FlagChange, ListRow, MailboxKey, OpKind, Scope};

fn many(count: i64) -> Vec<ListRow> {
    (1..=count)
        .map(|n| row(n, "Who", &format!("Subject {n}"), n))
        .collect()
}

fn scene(rows: Vec<ListRow>) -> Scene {
    let accounts = vec![super::scenes::account(1, "work")];
    let settings = Settings {
        has_threads: false,
        ..Settings::default()
    };
    Scene::with(120, 20, settings, accounts, rows)
}

fn changed(scene: &mut Scene) {
    scene.input(Input::Engine(Event::Changed(vec![MailboxKey(11)])));
}

fn current(scene: &Scene) -> i64 {
    scene.app.list.current().unwrap().message.0
}

#[test]
fn only_a_few_screens_of_rows_are_asked_for_and_held() {
    let mut scene = scene(many(100_000));
    scene.press("G ctrl-b ctrl-b gg");
    let height = scene.app.list_height().max(20);
    for command in scene.commands() {
        if let Command::LoadWindow { len, .. } = command {
            assert!(len <= height * 3, "{len}");
        }
    }
    assert!(scene.app.list.loaded().count() <= usize::try_from(height * 3).unwrap());
    assert_eq!(current(&scene), 1);
    scene.press("G");
    assert_eq!(current(&scene), 100_000);
}

#[test]
fn walking_a_screen_asks_seldom() {
    let mut scene = scene(many(1000));
    let before = scene.windows;
    for _ in 0..100 {
        scene.press("j");
    }
    assert!(
        scene.windows - before <= 12,
        "{} windows for 100 steps",
        scene.windows - before
    );
}

#[test]
fn the_cursor_moves_before_the_rows_are_there() {
    let mut scene = scene(many(1000));
    scene.is_answering = false;
    scene.press("G");
    assert_eq!(scene.app.list.cursor(), 999);
    assert!(scene.app.list.current().is_none());
    // What was asked for last is not asked for again while the answer is awaited.
    scene.effects.clear();
    scene.press("k k");
    assert!(
        !scene
            .commands()
            .iter()
            .any(|c| matches!(c, Command::LoadWindow { .. }))
    );
}

#[test]
fn the_cursor_stays_on_its_message_when_mail_arrives_above() {
    let mut scene = scene(many(200));
    scene.press("4 0 j");
    let (on, top) = (current(&scene), scene.app.list.top());
    let fresh = (1001..=1007).map(|n| unread(row(n, "New", "News", 0)));
    scene.rows = fresh.chain(many(200)).collect();
    changed(&mut scene);
    assert_eq!(current(&scene), on);
    assert_eq!(scene.app.list.cursor(), 47);
    assert_eq!(
        scene.app.list.top(),
        top + 7,
        "the rows on the screen did not move"
    );
}

#[test]
fn new_mail_shows_at_the_top_when_the_list_stands_there() {
    let mut scene = scene(many(200));
    scene.press("j");
    let on = current(&scene);
    scene.rows.insert(0, unread(row(1001, "New", "News", 0)));
    changed(&mut scene);
    assert_eq!((current(&scene), scene.app.list.top()), (on, 0));
}

#[test]
fn a_message_that_goes_leaves_the_cursor_in_its_place() {
    let mut scene = scene(many(50));
    scene.press("5 j");
    scene.rows.remove(5);
    changed(&mut scene);
    assert_eq!(scene.app.list.cursor(), 5);
    assert_eq!(current(&scene), 7);
    scene.rows.clear();
    changed(&mut scene);
    assert_eq!((scene.app.list.total(), scene.app.list.cursor()), (0, 0));
}

#[test]
fn a_stale_reply_changes_nothing() {
    let mut scene = scene(many(50));
    let before = scene.app.list.clone();
    scene.input(Input::Engine(Event::Window {
        request: RequestId(999),
        offset: 0,
        rows: many(3),
        total: 3,
        around: None,
        is_complete: true,
    }));
    assert_eq!(scene.app.list, before);
}

#[test]
fn an_engine_that_answers_short_is_not_asked_in_a_circle() {
    let mut list = List::new(Scope::Mailbox(MailboxKey(11)), false);
    let mut next = 0;
    let mut asked = 0;
    for _ in 0..20 {
        let command = list.settle(10, || {
            next += 1;
            RequestId(next)
        });
        if command.is_some() {
            asked += 1;
            let rows = many(2);
            let window = Window {
                offset: 0,
                rows,
                total: 500,
                around: None,
                is_complete: false,
            };
            list.receive(window, 10);
        }
    }
    assert!(asked <= 3, "{asked}");
}

#[test]
fn a_refused_window_is_asked_for_again() {
    let mut scene = scene(many(500));
    scene.is_answering = false;
    scene.effects.clear();
    scene.press("G");
    let commands = scene.commands();
    let window = commands
        .into_iter()
        .find(|c| matches!(c, Command::LoadWindow { .. }));
    scene.is_answering = true;
    scene.input(Input::Refused(window.unwrap()));
    assert_eq!(current(&scene), 500);
}

#[test]
fn unread_mail_beyond_the_loaded_rows_is_found() {
    let mut rows = many(2000);
    rows[1500] = unread(rows[1500].clone());
    let mut scene = scene(rows);
    scene.press("]");
    assert_eq!(scene.app.list.cursor(), 1500);
    scene.press("]");
    assert_eq!(scene.notice(), "No unread message further down");
}

#[test]
fn a_range_longer_than_the_window_is_changed_as_a_whole() {
    let mut scene = scene(many(400));
    scene.press("v G s");
    let applied = scene.commands().into_iter().find_map(|c| match c {
        Command::Apply { targets, kind, .. } => Some((targets.len(), kind)),
        _ => None,
    });
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    assert_eq!(applied, Some((400, star)));
    assert!(scene.app.list.selected().is_empty());
}

#[test]
fn a_rule_selects_in_the_whole_folder() {
    let mut scene = scene(many(900));
    scene.press("*").type_text("Subject 7");
    scene.press("enter");
    // Both words: every number with a seven in it.
    assert_eq!(scene.app.list.selected().len(), 252);
    assert_eq!(scene.notice(), "Selected 252 messages");
    scene.press("esc");
    assert!(scene.app.list.selected().is_empty());
}

#[test]
fn a_rule_selects_all_that_match_while_the_engine_knows_only_the_first_of_them() {
    let mut scene = scene(many(1_700));
    scene.press("*").type_text("subject").press("enter");
    assert_eq!(scene.notice(), "Selected 1700 messages");
}

#[test]
fn folding_keeps_the_cursor_on_its_message() {
    let accounts = vec![super::scenes::account(1, "work")];
    let mut scene = Scene::with(120, 40, Settings::default(), accounts, mail());
    scene.press("j j j");
    let on = current(&scene);
    scene.press("zR");
    assert_eq!((current(&scene), scene.app.list.cursor()), (on, 5));
    scene.press("zM");
    assert_eq!((current(&scene), scene.app.list.cursor()), (on, 3));
}

#[test]
fn marking_a_folded_thread_read_marks_all_of_it_but_a_star_goes_on_one() {
    let accounts = vec![super::scenes::account(1, "work")];
    let mut scene = Scene::with(120, 40, Settings::default(), accounts, mail());
    scene.commands();
    scene.press("U");
    let targets = |scene: &mut Scene| {
        scene.commands().into_iter().find_map(|c| match c {
            Command::Apply { targets, .. } => Some(targets.len()),
            _ => None,
        })
    };
    assert_eq!(targets(&mut scene), Some(3));
    scene.press("s");
    assert_eq!(targets(&mut scene), Some(1));
}

#[test]
fn sorting_and_filtering_keep_the_message_under_the_cursor() {
    let mut scene = scene(many(60));
    scene.press("9 j");
    let on = scene.app.list.current().map(placed);
    scene.press("o o");
    assert_eq!(scene.app.list.current().map(placed), on);
    assert_eq!(scene.app.list.cursor(), 50);
    assert!(scene.effects.iter().all(|e| *e != Effect::Bell));
}

#[test]
fn reading_on_through_unread_messages_passes_none_over() {
    let mut scene = scene(
        (1..=5)
            .map(|n| unread(row(n, "Who", "Subject", n)))
            .collect(),
    );
    scene.press("\\ u enter");
    let mut read = Vec::new();
    for _ in 0..5 {
        read.extend(scene.app.reader.placed.map(|p| p.message.0));
        scene.press("j");
    }
    assert_eq!(read, [1, 2, 3, 4, 5]);
}
