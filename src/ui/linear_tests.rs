//! Plain lines for screen readers: sentences, a parked cursor, and nothing that changes without need.
//!
//! A test here must look at whole frames, as a screen reader gets them.

use super::frames_tests::frame;
use super::{Theme, draw_to};
use crate::app::scenes::{self, Scene};
use crate::app::{Settings, Token};
use crate::bus::Event;
use crate::model::Safe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn linear(cols: u16, rows: u16) -> Scene {
    let settings = Settings {
        is_linear: true,
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    Scene::with(cols, rows, settings, accounts, scenes::mail())
}

fn drawn(scene: &Scene) -> (Vec<String>, Option<(u16, u16)>) {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    let cursor = draw_to(app, &Theme::of(app), &mut buffer);
    (frame(scene).lines().map(str::to_owned).collect(), cursor)
}

#[test]
fn list_message_and_folders_are_sentences() {
    let mut scene = linear(80, 24);
    insta::assert_snapshot!("linear__list", frame(&scene));
    scene.press("enter");
    insta::assert_snapshot!("linear__reader", frame(&scene));
    scene.press("esc shift-tab");
    insta::assert_snapshot!("linear__folders", frame(&scene));
    scene.press("ctrl-k").type_text("unread");
    insta::assert_snapshot!("linear__palette", frame(&scene));
}

#[test]
fn no_line_or_box_is_drawn_anywhere() {
    let drawing = |c: char| ('\u{2500}'..='\u{25ff}').contains(&c) || "+●★▌".contains(c);
    for keys in [
        "", "enter", "tab", "?", "ctrl-k", "g j", "o", "enter A", "D", "g f", "c",
    ] {
        let mut scene = linear(80, 24);
        scene.press(keys);
        let (lines, _) = drawn(&scene);
        for line in lines {
            assert!(!line.contains(drawing), "{keys}: {line}");
        }
    }
}

#[test]
fn a_move_changes_two_lines_at_most_and_the_cursor_is_on_the_row() {
    let mut scene = linear(80, 24);
    let (mut before, _) = drawn(&scene);
    for _ in 0..15 {
        scene.press("j");
        let (lines, cursor) = drawn(&scene);
        let changed = lines.iter().zip(&before).filter(|(a, b)| a != b).count();
        assert!(changed <= 2, "{changed} lines");
        let (x, y) = cursor.unwrap();
        assert_eq!(x, 0);
        let place = format!("{} of ", scene.app.list.cursor() + 1);
        assert!(
            lines[usize::from(y)].contains(&place),
            "{}",
            lines[usize::from(y)]
        );
        before = lines;
    }
}

#[test]
fn the_cursor_is_on_what_would_be_chosen() {
    let mut scene = linear(80, 24);
    for (keys, wanted) in [
        ("o j", "Oldest"),
        ("esc ctrl-k down", ", "),
        ("esc shift-tab j", "Drafts"),
    ] {
        scene.press(keys);
        let (lines, cursor) = drawn(&scene);
        let line = &lines[usize::from(cursor.unwrap().1)];
        assert!(line.contains(wanted), "{keys}: {line}");
    }
}

#[test]
fn a_notice_stays_until_another_comes_and_nothing_ticks() {
    let mut scene = linear(80, 24);
    scene.press("s");
    let said = scene.notice();
    assert!(!said.is_empty());
    scene.time_out(|token| matches!(token, Token::Notice(_)));
    assert_eq!(scene.notice(), said);
    let mut account = scenes::account(1, "work");
    account.link = crate::app::Link::Waiting {
        secs: 30,
        is_put_off: false,
        why: Safe::fixed("no route"),
    };
    scene.input(crate::app::Input::Engine(Event::Tree(vec![account])));
    let (before, _) = drawn(&scene);
    assert_eq!(scene.app.tick_ms(), 60_000);
    scene.input(crate::app::Input::Tick {
        now_secs: scenes::NOW + 2,
        monotonic_ms: 3_000,
    });
    assert_eq!(drawn(&scene).0, before);
}

#[test]
fn the_palette_switches_there_and_back() {
    let mut scene = Scene::new(120, 40);
    let panes = frame(&scene);
    scene.press(":").type_text("toggle-linear").press("enter");
    assert!(frame(&scene).contains(", 1 of "), "{}", frame(&scene));
    scene.press(":").type_text("toggle-linear").press("enter");
    let without_notice = |text: &str| text.lines().take(30).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(without_notice(&frame(&scene)), without_notice(&panes));
}
