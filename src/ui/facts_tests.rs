//! What stands around the text, on whole screens: facts with their keys, headers, and panels that are too long.
//!
//! Called by the test runner alone. Must never look at more than what a person sees.

use super::frames_tests::frame;
use crate::app::scenes::{Scene, line};
use crate::mime::{Form, Source, reading};
use crate::model::{Attachment, PartId, Safe};

/// The lines of the screen that hold that.
fn rows(scene: &Scene, words: &str) -> Vec<String> {
    let seen = frame(scene);
    let lines = seen.lines().filter(|l| l.contains(words));
    lines.map(str::to_owned).collect()
}

fn shown(html: &str) -> Scene {
    let mut scene = Scene::new(80, 24);
    let raw = format!("Subject: s\r\nContent-Type: text/html\r\n\r\n{html}");
    scene.reading = reading(Source::Whole(raw.as_bytes()), 78, Form::Html);
    scene.press("j k enter");
    scene
}

#[test]
fn only_pictures_that_can_be_loaded_are_said_not_to_be() {
    let nowhere = "<p>Words.</p><img src='http://h/a.png' alt='' width=90 height=9>";
    let mut scene = shown(nowhere);
    assert_eq!(rows(&scene, "not loaded"), [""; 0], "{}", frame(&scene));
    scene.press("I");
    assert!(scene.notice().contains("no remote picture"));

    let scene = shown(&format!(
        "{nowhere}<img src='http://h/b.png' alt='B' width=90 height=90>"
    ));
    assert!(
        rows(&scene, "1 picture not loaded").len() == 1,
        "{}",
        frame(&scene)
    );
}

/// A message of which there is nothing to tell but that it has another form.
fn with_form_alone(scene: &mut Scene) {
    let reading = &mut scene.reading;
    reading.links.clear();
    reading.pictures.clear();
    (reading.is_html, reading.has_other_form) = (false, true);
}

#[test]
fn the_form_of_a_text_stands_beside_a_header_where_it_is_all_there_is_to_tell() {
    let mut scene = Scene::new(80, 24);
    with_form_alone(&mut scene);
    scene.press("j k enter");
    // Who it went to takes most of the line.
    let found = rows(&scene, "HTML =");
    assert_eq!(found.len(), 1, "{}", frame(&scene));
    assert!(
        found[0].contains("Re: Q2") && found[0].ends_with("HTML ="),
        "{found:?}"
    );
    assert!(rows(&scene, "agenda.pdf")[0].trim_end().ends_with(" A"));
    scene.reading.headers[1].1 = Safe::fixed("ann@work.example");
    scene.press("j k");
    assert!(
        rows(&scene, "HTML =")[0].contains("ann@work"),
        "{}",
        frame(&scene)
    );
    // With more to tell there is a row for it.
    scene.reading.trackers = 1;
    scene.press("j k");
    assert!(rows(&scene, "HTML =")[0].contains("1 tracker blocked"));
}

#[test]
fn a_conversation_has_the_form_of_a_text_too() {
    let mut scene = crate::app::conversation_tests::scene(80, 40);
    with_form_alone(&mut scene);
    scene.press("j k g c");
    assert_eq!(rows(&scene, "HTML =").len(), 1, "{}", frame(&scene));
}

#[test]
fn all_headers_have_colons_and_the_title_stays_above_them() {
    let mut scene = Scene::new(80, 24);
    scene.press("enter H");
    let seen = frame(&scene);
    for line in [
        "Message-ID:    <plan-7@example.com>",
        "From:          Alice",
    ] {
        assert!(seen.contains(line), "{line}\n{seen}");
    }
    let at = |words: &str| seen.lines().position(|l| l.contains(words));
    let subjects: Vec<String> = rows(&scene, "Re: Q2 launch plan");
    assert!(subjects.iter().any(|l| l.starts_with(" Re: Q2")), "{seen}");
    assert!(at("Re: Q2 launch plan") < at("From:"), "{seen}");
}

#[test]
fn a_panel_of_more_files_than_fit_says_how_many_follow() {
    let mut scene = Scene::new(80, 24);
    let file = |n: u16| Attachment {
        outside: "",
        part: PartId(vec![n]),
        name: Safe::line(&format!("photo {n}.jpg")),
        mime_type: Safe::fixed("image/jpeg"),
        size_bytes: 1000,
    };
    scene.reading.attachments = (1..=60).map(file).collect();
    scene.reading.body = vec![line("Words.")];
    scene.press("j k enter A");
    let below = |scene: &Scene| rows(scene, " more ").into_iter().find(|l| l.contains("─ "));
    let seen = frame(&scene);
    let files = seen
        .lines()
        .filter(|l| l.contains(".jpg") && l.contains('│'))
        .count();
    let told = below(&scene).unwrap_or_else(|| panic!("{seen}"));
    assert!(told.contains(&format!(" {} more ", 60 - files)), "{seen}");
    scene.press("G");
    assert_eq!(below(&scene), None, "{}", frame(&scene));
}
