//! Words looked for within a message: what is shown of them, and what `n`, `N` and Esc mean meanwhile.

use super::scenes::Scene;
use super::{Context, Finding, Overlay, Row, Spot, Token, hints};

/// What is told of the place at hand.
fn told(scene: &Scene) -> String {
    let finding = scene.app.reader.finding.as_ref();
    finding.map(Finding::told).unwrap_or_default()
}

fn spot(scene: &Scene) -> Option<Spot> {
    scene.app.reader.finding.as_ref().and_then(Finding::spot)
}

fn keys(scene: &Scene) -> String {
    let all = hints(&scene.app, 120).into_iter();
    all.map(|h| format!("{} {}; ", h.key, h.label)).collect()
}

#[test]
fn what_is_typed_is_found_at_once_and_n_goes_through_it_around_the_end() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter /").type_text("the ");
    assert_eq!(told(&scene), "1 of 9", "every the, whatever its case");
    scene.press("enter n n");
    assert_eq!(told(&scene), "3 of 9");
    assert!(keys(&scene).starts_with("n next match; N previous; Esc end"));
    scene.press("N N N");
    assert_eq!(told(&scene), "9 of 9");
    assert!(scene.notice().contains("around the end"));
    let here = scene.app.reader.placed;
    scene.press("2 n");
    assert_eq!(told(&scene), "2 of 9");
    assert_eq!(scene.app.reader.placed, here, "the list stays where it is");
    scene.press("esc");
    assert_eq!(
        (told(&scene).as_str(), scene.app.focus),
        ("", Context::Reader)
    );
    assert!(!keys(&scene).contains("match"));
    scene.press("esc");
    assert_eq!(scene.app.focus, Context::List);
}

#[test]
fn a_capital_asks_for_that_case() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter /").type_text("Dave");
    assert_eq!(told(&scene), "1 of 2", "in To, and in the quote");
    scene.press("ctrl-u").type_text("DAVE");
    let Some(Overlay::Prompt(prompt)) = &scene.app.overlay else {
        panic!("the prompt stays open");
    };
    let error = prompt.error.as_ref().map(ToString::to_string);
    assert_eq!(error.as_deref(), Some("is not in this message"));
    // What was typed is not lost by Enter.
    scene.press("enter");
    assert!(matches!(scene.app.overlay, Some(Overlay::Prompt(_))));
}

#[test]
fn a_fold_that_holds_a_match_opens_and_closes_again_at_the_end() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter");
    let folds = |scene: &Scene| {
        let rows = scene.app.reader.rows().iter();
        rows.filter(|r| matches!(r, Row::Folded { .. })).count()
    };
    assert_eq!(folds(&scene), 1);
    scene.press("/").type_text("flyers");
    assert_eq!((folds(&scene), told(&scene).as_str()), (0, "1 of 1"));
    assert_eq!(spot(&scene), Some(Spot::Line(8)));
    scene.press("enter esc");
    assert_eq!(folds(&scene), 1);
}

#[test]
fn a_short_window_goes_to_the_match_and_esc_while_typing_goes_back() {
    let mut scene = Scene::new(60, 9);
    scene.press("enter ctrl-e");
    let before = scene.app.reader.scroll();
    scene.press("/").type_text("launch office");
    let rows = scene.app.reader.rows();
    let height = scene.app.reader_height();
    let seen = &rows[scene.app.reader.scroll()..scene.app.reader.scroll() + height];
    assert!(seen.contains(&Row::Line(13)), "{seen:?}");
    scene.press("esc");
    assert_eq!(scene.app.reader.scroll(), before);
    assert_eq!(told(&scene), "");
}

#[test]
fn the_search_begins_at_what_is_visible_and_an_empty_one_is_the_last_one_again() {
    let mut scene = Scene::new(60, 9);
    scene.press("enter G /").type_text("the");
    assert!(spot(&scene) > Some(Spot::Line(3)), "{:?}", spot(&scene));
    scene.press("enter esc / enter");
    assert!(told(&scene).ends_with(" of 10"), "{}", told(&scene));
}

#[test]
fn the_source_is_searched_where_it_is_shown() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter H H /").type_text("from");
    assert!(matches!(spot(&scene), Some(Spot::Source(_))));
    scene.press("enter H");
    assert_eq!(told(&scene), "no match", "the name of a header is no text");
}

#[test]
fn the_words_of_the_lists_search_are_marked_and_n_still_goes_to_the_next_message() {
    let mut scene = Scene::new(120, 40);
    scene.press("/").type_text("launch");
    scene.time_out(|t| matches!(t, Token::Refilter(_)));
    scene.press("enter enter");
    let finding = scene.app.reader.finding.clone().unwrap();
    assert!(!finding.is_own() && finding.len() >= 2);
    assert!(finding.marks(Spot::Line(13)).iter().all(|m| !m.is_at_hand));
    let here = scene.app.reader.placed;
    scene.press("n");
    assert_ne!(scene.app.reader.placed, here);
    // A search of the message's own goes before, and leaves the list's words when it ends.
    scene.press("/").type_text("venue");
    scene.press("enter");
    let here = scene.app.reader.placed;
    scene.press("n");
    assert_eq!(scene.app.reader.placed, here);
    scene.press("esc");
    assert!(!scene.app.reader.finding.clone().unwrap().is_own());
    scene.press("esc esc");
    assert_eq!(scene.app.reader.finding, None);
}
