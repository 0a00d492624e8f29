//! What leaves a message: the panel of files, programs, the printer, the clipboard.

use super::scenes::{self, Scene};
use super::{Effect, Input, Overlay};
use crate::bus::{Command, Event, RequestId, Take, TakeEvent, Taken, Whither};
use crate::model::{Content, DraftStart, PartId, Safe};
use std::path::PathBuf;

/// What was asked to be taken since this was asked last.
fn takes(scene: &mut Scene) -> Vec<Take> {
    let all = scene.commands().into_iter().filter_map(|c| match c {
        Command::Take(take) => Some(take),
        _ => None,
    });
    all.collect()
}

/// Answers for the program that was asked for last.
pub(crate) fn answer(scene: &mut Scene, lines: &[&str], fault: &str) {
    let take = takes(scene).pop().unwrap();
    let Whither::Program(argv) = &take.to else {
        panic!("{take:?}");
    };
    let event = TakeEvent::Ran {
        request: take.request,
        program: Safe::line(&argv[0]),
        lines: lines.iter().map(|l| Safe::line(l)).collect(),
        fault: Safe::line(fault),
    };
    scene.input(Input::Engine(Event::Taken(event)));
}

fn staged(scene: &mut Scene, request: RequestId) {
    let file = PathBuf::from("/private/x.pdf");
    let event = TakeEvent::Staged { request, file };
    scene.input(Input::Engine(Event::Taken(event)));
}

fn copied(scene: &Scene) -> Option<&str> {
    scene.effects.iter().rev().find_map(|e| match e {
        Effect::Copy(text) => Some(text.as_str()),
        _ => None,
    })
}

fn details(scene: &Scene) -> Vec<String> {
    let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
        panic!("no panel");
    };
    let all = picker.all().iter();
    all.map(|i| format!("{}: {}", i.label, i.detail)).collect()
}

#[test]
fn enter_in_the_panel_opens_a_copy_and_only_when_it_is_here() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter A enter");
    let take = takes(&mut scene).pop().unwrap();
    assert_eq!(take.to, Whither::Viewer);
    assert!(matches!(&take.what, Taken::Part { part, .. } if *part == PartId(vec![2])));
    scene.input(Input::Engine(Event::Progress {
        request: take.request,
        done: 60_000,
        total: 120_000,
    }));
    assert_eq!(details(&scene)[0], "agenda.pdf: 60 K of 120 K   x stops");
    staged(&mut scene, take.request);
    let file = PathBuf::from("/private/x.pdf");
    assert!(scene.effects.contains(&Effect::OpenFile(file)));
    assert_eq!(
        details(&scene)[0],
        "agenda.pdf: PDF    120 K   on the server"
    );
}

#[test]
fn what_was_stopped_is_not_opened_when_it_comes_all_the_same() {
    for key in ["x", "esc"] {
        let mut scene = Scene::new(120, 40);
        scene.press("enter A enter");
        let take = takes(&mut scene).pop().unwrap();
        scene.press(key);
        assert!(scene.commands().contains(&Command::Cancel(take.request)));
        staged(&mut scene, take.request);
        let is_open = |e: &Effect| matches!(e, Effect::OpenFile(_));
        assert!(!scene.effects.iter().any(is_open), "{key}");
        assert!(scene.app.overlay.is_some(), "{key}: the panel stays");
        scene.press("esc");
        assert!(scene.app.overlay.is_none(), "{key}");
    }
}

#[test]
fn a_program_is_refused_before_anything_is_fetched_and_can_be_saved() {
    let mut scene = Scene::new(120, 40);
    scene.reading.attachments[0].name = Safe::fixed("agenda.pdf.exe");
    scene.app.reader.tried = None;
    scene.input(Input::Resize {
        cols: 120,
        rows: 40,
    });
    scene.press("enter A").commands();
    scene.press("enter");
    assert!(takes(&mut scene).is_empty());
    assert!(scene.notice().contains("not opened"), "{}", scene.notice());
    scene.press("s");
    let saves = scene.commands();
    assert!(saves.iter().any(|c| matches!(c, Command::Save { .. })));
}

#[test]
fn a_line_that_needs_a_shell_is_not_run_as_if_it_did_not() {
    let mut scene = Scene::new(120, 40);
    for line in ["sort | head", "cat > file", "!less && true"] {
        scene.press("enter |").type_text(line);
        scene.press("enter");
        assert!(takes(&mut scene).is_empty(), "{line}");
        let Some(Overlay::Prompt(prompt)) = &scene.app.overlay else {
            panic!("what was typed stays: {line}");
        };
        let told = prompt.error.as_ref().map(Safe::as_str).unwrap_or_default();
        assert!(told.contains("sh -c"), "{told}");
        scene.press("esc");
    }
    for line in ["grep '|'", "sh -c 'sort | head'", "grep -F 'a > b'"] {
        scene.press("|").type_text(line);
        scene.press("enter");
        assert_eq!(takes(&mut scene).len(), 1, "{line}");
    }
}

#[test]
fn the_panel_pipes_forwards_and_copies_the_name() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter A j y");
    assert_eq!(copied(&scene), Some("budget 2026.ods"));
    scene.press("|").type_text("sh -c 'wc -c'");
    scene.press("enter");
    let take = takes(&mut scene).pop().unwrap();
    let argv = ["sh", "-c", "wc -c"].map(str::to_owned).to_vec();
    assert_eq!(take.to, Whither::Program(argv));
    assert!(matches!(&take.what, Taken::Part { part, .. } if *part == PartId(vec![3])));
    scene.press("A f");
    let begun = scene.commands().into_iter().find_map(|c| match c {
        Command::Writing(crate::bus::WritingCommand::Open { start, .. }) => Some(start),
        _ => None,
    });
    let Some(DraftStart::WithPart(placed, attached)) = begun else {
        panic!("{begun:?}");
    };
    assert_eq!(placed, scenes::placed(1));
    assert!(matches!(attached.content, Content::Part { .. }));
}

#[test]
fn what_a_program_says_is_shown_and_how_it_failed_is_told() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter |").type_text("grep x");
    scene.press("enter");
    answer(&mut scene, &["one", "two"], "it ended with 2");
    assert!(matches!(scene.app.overlay, Some(Overlay::Output(_))));
    assert_eq!(scene.notice(), "grep failed: it ended with 2");
    scene.press("y");
    assert_eq!(copied(&scene), Some("one\ntwo"));
    scene.press("esc |").type_text("'open");
    scene.press("enter");
    assert!(matches!(scene.app.overlay, Some(Overlay::Prompt(_))));
}

#[test]
fn a_program_behind_a_mark_gets_the_terminal() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter |").type_text("!less -R");
    scene.press("enter");
    let take = takes(&mut scene).pop().unwrap();
    assert_eq!((take.what, take.to), (Taken::Message, Whither::Terminal));
    staged(&mut scene, take.request);
    let argv = vec!["less".to_owned(), "-R".to_owned()];
    let file = PathBuf::from("/private/x.pdf");
    assert!(scene.effects.contains(&Effect::RunOn { argv, file }));
}

#[test]
fn the_copy_menu_gives_addresses_links_paragraphs_and_the_text() {
    let mut scene = Scene::new(120, 40);
    for (keys, text) in [
        ("a", "alice@example.com"),
        ("A", "alice@example.com, ann@work.example, dave@example.com"),
        ("s", "Re: Q2 launch plan"),
        ("i", "plan-7@example.com"),
        ("l 1", "https://wiki.example.com/launch/plan?rev=7"),
        (
            "b",
            "Hey, just a short follow-up on the timeline we spoke about:\n\
             the venue is booked, and the press list is nearly done.",
        ),
        (
            "B down down down enter",
            "Do we have a date?\nThe printers need two weeks.\nAnd the flyers?",
        ),
    ] {
        scene.press("enter y").press(keys);
        assert_eq!(copied(&scene), Some(text), "{keys}");
    }
    scene.press("y t");
    assert!(
        copied(&scene)
            .unwrap()
            .contains("\n>> And the flyers?\n>>> Somebody")
    );
}

#[test]
fn what_no_terminal_would_take_is_not_said_to_be_copied() {
    let mut scene = Scene::new(120, 40);
    scene.reading.body = (0..2_000).map(|_| scenes::line(&"x".repeat(60))).collect();
    scene.app.reader.tried = None;
    scene.input(Input::Resize {
        cols: 120,
        rows: 40,
    });
    scene.press("enter y t");
    assert_eq!(copied(&scene), None);
    assert!(scene.notice().contains("too long"), "{}", scene.notice());
    scene.app.settings.has_copy_command = true;
    scene.press("y t");
    assert!(copied(&scene).is_some());
}
