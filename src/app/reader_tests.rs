//! The reader under the keys: its source, its links, its place on a narrow screen.

use super::scenes::Scene;
use super::{Context, Headers, Input, Overlay, hints};
use crate::bus::{Command, Event, Form, RequestId};
use crate::model::{Safe, columns};

#[test]
fn what_is_said_of_a_key_that_does_nothing_goes_with_the_next_key_and_other_notices_stay() {
    let mut scene = Scene::new(80, 24);
    scene.press("enter g B");
    assert!(scene.notice().contains("does nothing here"));
    scene.press("down");
    assert_eq!(scene.notice(), "");
    scene.press("a");
    let said = scene.notice();
    assert_ne!(said, "");
    scene.press("down");
    assert_eq!(scene.notice(), said);
}

#[test]
fn the_source_is_cut_to_the_width_and_nothing_of_it_is_left_out() {
    let mut scene = Scene::new(80, 24);
    scene.press("enter H H");
    let long: String = (0..90).map(|n| format!("<b>{n}</b>")).collect();
    let wide = "日".repeat(100);
    let request = RequestId(7_000);
    scene.app.reader.asked_source = Some(request);
    let lines = vec![Safe::line(&long), Safe::line("To: x"), Safe::line(&wide)];
    scene.input(Input::Engine(Event::Source { request, lines }));
    let source = &scene.app.reader.source;
    assert!(
        source.iter().all(|l| columns(l.as_str()) <= 78),
        "{source:?}"
    );
    let text: String = source.iter().map(Safe::as_str).collect();
    assert_eq!(text, format!("{long}To: x{wide}"));
    assert!(source.contains(&Safe::line("To: x")));
}

#[test]
fn the_key_for_the_folders_leads_there_from_a_message_that_has_all_of_a_narrow_screen() {
    let mut scene = Scene::new(80, 24);
    scene.press("enter");
    assert!(scene.app.panes().sidebar.is_empty());
    scene.press("`");
    assert!(!scene.app.panes().sidebar.is_empty());
    assert_eq!(scene.app.focus, Context::Sidebar);
}

#[test]
fn with_a_link_at_hand_the_last_line_says_what_enter_and_esc_do_with_it() {
    let mut scene = Scene::new(80, 24);
    let line = |scene: &Scene| {
        let all = hints(&scene.app, 80).into_iter();
        let all = all.map(|h| format!("{} {}", h.key, h.label));
        all.collect::<Vec<_>>().join("  ")
    };
    scene.press("enter");
    assert!(!line(&scene).contains("link"));
    scene.press(")");
    let at_hand = "Enter open link  ) next  ( previous  Esc leave it";
    assert!(line(&scene).starts_with(at_hand), "{}", line(&scene));
    scene.press("esc");
    assert_eq!(scene.app.focus, Context::Reader);
    assert!(!line(&scene).contains("link"));
}

#[test]
fn the_keys_that_the_preview_names_work_beside_the_list() {
    let mut scene = Scene::new(200, 50);
    scene.commands();
    scene.press("H =");
    assert_eq!(scene.app.focus, Context::List);
    assert_eq!(scene.app.reader.headers, Headers::Full);
    let is_asked = |c: &Command| {
        matches!(
            c,
            Command::OpenMessage {
                form: Form::Plain | Form::Html,
                ..
            }
        )
    };
    assert!(scene.commands().iter().any(is_asked));
    let all = hints(&scene.app, 300);
    assert!(
        !all.iter().any(|h| h.label.as_str() == "headers"),
        "{all:?}"
    );
}

#[test]
fn without_a_preview_no_key_of_the_list_means_the_message_that_was_read_before() {
    let mut scene = Scene::new(60, 15);
    scene.press("enter A");
    assert!(matches!(scene.app.overlay, Some(Overlay::Picker(_))));
    scene.press("esc esc A");
    assert!(
        scene.app.overlay.is_some(),
        "it is still the one under the cursor"
    );
    scene.press("esc j A");
    assert_eq!(scene.app.overlay, None);
    assert_eq!(scene.notice(), "Not now: Enter reads the message first");
}
