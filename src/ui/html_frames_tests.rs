//! HTML mail on whole screens: what a person sees of some of the messages in `tests/mail`, with styles.
//!
//! Called by the test runner alone. Must show what the real layout gives for the width of the screen.

use super::frames_tests::frame;
use super::{Theme, draw_to};
use crate::app::scenes::{Scene, account, mail};
use crate::app::{LayoutMode, Overlay, Settings};
use crate::bus::Command;
use crate::mime::{Form, Source, reading};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use std::path::Path;

fn raw(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    std::fs::read(folder.join(format!("{name}.eml"))).unwrap()
}

fn scene(name: &str, cols: u16, rows: u16, is_ascii: bool) -> Scene {
    let settings = Settings {
        layout: LayoutMode::ListOnly,
        is_ascii,
        ..Settings::default()
    };
    let mut scene = Scene::with(cols, rows, settings, vec![account(1, "work")], mail());
    let mut shown = scene.app.clone();
    shown.focus = crate::app::Context::Reader;
    let width = shown.panes().text_cols();
    scene.reading = reading(Source::Whole(&raw(name)), width, Form::Html);
    scene.press("enter");
    scene
}

/// The words of the screen that are set off, one kind a line.
fn styles(scene: &Scene) -> String {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    let mut out = String::new();
    for (name, modifier) in [
        ("strong", Modifier::BOLD),
        ("underlined", Modifier::UNDERLINED),
        ("struck", Modifier::CROSSED_OUT),
    ] {
        let is_it = |cell: &&ratatui::buffer::Cell| cell.style().add_modifier.contains(modifier);
        let cells: Vec<_> = buffer.content.iter().collect();
        let runs = cells
            .chunk_by(|a, b| is_it(a) == is_it(b))
            .filter(|run| run.first().is_some_and(is_it))
            .map(|run| run.iter().map(|cell| cell.symbol()).collect::<String>());
        let runs: Vec<String> = runs.map(|r| r.trim().to_owned()).collect();
        out.push_str(name);
        out.push_str(": ");
        out.push_str(&runs.join(" | "));
        out.push('\n');
    }
    out
}

#[test]
fn html_mail_on_the_screen() {
    for name in ["order", "bank", "outlook-reply", "newsletter"] {
        for (cols, rows) in [(80, 44), (120, 44)] {
            let scene = scene(name, cols, rows, false);
            let text = format!("{}{}", frame(&scene), styles(&scene));
            insta::assert_snapshot!(format!("html__{name}__{cols}x{rows}"), text);
        }
    }
}

#[test]
fn signs_of_ours_are_ascii_where_only_that_is_wanted() {
    for name in ["git-forge", "outlook-reply", "bank"] {
        let drawn = frame(&scene(name, 80, 60, true));
        let signs = ['•', '◦', '▪', '─'];
        assert!(!drawn.contains(signs), "{drawn}");
    }
    assert!(frame(&scene("git-forge", 80, 60, true)).contains("o simple"));
}

#[test]
fn what_the_sender_hides_is_shown_on_demand_and_taken_away_again() {
    let mut scene = scene("phishing", 80, 44, false);
    let before = frame(&scene);
    assert!(
        before.contains("1 tracker not loaded") && before.contains("3 hidden"),
        "{before}"
    );
    assert!(!before.contains("recipe garden"), "{before}");
    scene.press("z .");
    let shown = frame(&scene);
    assert!(
        shown.contains("Hidden by the sender: sparrow sparrow bank"),
        "{shown}"
    );
    assert!(
        shown.contains("Hidden by the sender: lorem words"),
        "{shown}"
    );
    scene.press("z .");
    let after = frame(&scene);
    assert!(!after.contains("Hidden by the sender"), "{after}");
}

#[test]
fn the_browser_is_asked_for_once_and_gets_a_page_made_by_the_engine() {
    let mut scene = scene("order", 80, 44, false);
    let makes = |scene: &mut Scene| {
        let commands = scene.commands();
        let made = commands.iter();
        made.filter(|c| matches!(c, Command::MakePage { .. }))
            .count()
    };
    scene.press("g h");
    assert!(matches!(scene.app.overlay, Some(Overlay::Confirm(_))));
    assert_eq!(makes(&mut scene), 0);
    scene.press("esc g h enter");
    assert_eq!(makes(&mut scene), 1);
    scene.press("g h");
    assert!(scene.app.overlay.is_none());
    assert_eq!(makes(&mut scene), 1);
}

#[test]
fn before_a_counted_link_is_opened_it_is_said_where_it_leads_on_to() {
    let mut scene = scene("shop", 100, 44, false);
    scene.press("g x");
    assert!(
        frame(&scene).contains("click.example.com, on to lantern.example"),
        "{}",
        frame(&scene)
    );
    scene.press("6");
    let asked = frame(&scene);
    assert!(asked.contains("Leads to click.example.com"), "{asked}");
    assert!(asked.contains("on to lantern.example/bend"), "{asked}");
}

#[test]
fn the_preferred_form_is_asked_for_and_the_key_changes_it_for_one_message() {
    let settings = Settings {
        prefer: crate::bus::Form::Html,
        ..Settings::default()
    };
    let mut scene = Scene::with(100, 40, settings, vec![account(1, "work")], mail());
    let asked = |scene: &mut Scene| {
        let commands = scene.commands();
        let forms = commands.iter().filter_map(|c| match c {
            Command::OpenMessage { form, .. } => Some(*form),
            _ => None,
        });
        forms.collect::<Vec<_>>()
    };
    let first = asked(&mut scene);
    assert!(
        !first.is_empty() && first.iter().all(|f| *f == crate::bus::Form::Html),
        "{first:?}"
    );
    scene.reading = reading(Source::Whole(&raw("gmail-reply")), 60, Form::Html);
    scene.press("j enter");
    asked(&mut scene);
    scene.press("=");
    assert_eq!(asked(&mut scene), [crate::bus::Form::Plain]);
}
