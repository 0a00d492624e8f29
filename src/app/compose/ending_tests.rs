//! What is said at the end, and what is shown of spelling and of the keys of the outbox.
//!
//! A test here must press keys as a person would.

use crate::app::compose::compose_tests::{answering, sent, writing_scene};
use crate::app::scenes::{Scene, writing};
use crate::app::{Effect, Input, hints};
use crate::bus::{Command, Event, KeptDraft, Problem, RequestId, WritingCommand, WritingEvent};
use crate::model::{AccountKey, DraftKey, Moment, OutboxKey, OutboxState, Safe};

fn tell(scene: &mut Scene, event: WritingEvent) {
    scene.input(Input::Engine(Event::Writing(event)));
}

fn changed(waiting: u32, stuck: u32) -> WritingEvent {
    WritingEvent::OutboxChanged {
        waiting,
        stuck,
        recovered: 0,
    }
}

#[test]
fn what_was_written_is_named_when_the_program_ends() {
    let mut scene = answering();
    scene.is_answering = false;
    assert!(scene.app.last_words().is_empty());
    scene.type_text("Last");
    let words = scene.app.last_words();
    let [Command::Writing(WritingCommand::Keep { draft, .. })] = &words[..] else {
        panic!("{words:?}");
    };
    assert!(draft.body.starts_with("Last"));
    let leave = Command::Writing(WritingCommand::Leave { key: DraftKey(1) });
    assert_eq!(scene.app.farewells(true), [leave]);
    assert!(
        scene.app.farewells(false).is_empty(),
        "a signal took it out of the user's hands: it is told of at the next start"
    );
}

#[test]
fn a_draft_that_was_left_is_given_up_at_the_end_whoever_ends_the_program() {
    let mut scene = writing_scene();
    scene.is_answering = false;
    scene.type_text("x").press("esc");
    let leave = Command::Writing(WritingCommand::Leave { key: DraftKey(1) });
    assert_eq!(scene.app.farewells(false), [leave]);
}

#[test]
fn what_can_still_be_taken_back_is_sent_when_the_user_quits() {
    let mut scene = answering();
    scene.press("ctrl-x y");
    tell(&mut scene, changed(1, 0));
    assert_eq!(scene.app.departing(), [OutboxKey(7)]);
    let words = scene.app.send_off();
    let [Command::Writing(WritingCommand::Retry { item, .. })] = words[..] else {
        panic!("{words:?}");
    };
    assert_eq!(item, OutboxKey(7));
    let left = scene.app.left_behind().unwrap();
    assert!(
        left.as_str().starts_with("1 message is not sent yet"),
        "{left}"
    );
    tell(
        &mut scene,
        WritingEvent::Sent {
            item: OutboxKey(7),
            label: Safe::fixed("Sent to Alice"),
        },
    );
    assert!(scene.app.departing().is_empty());
    assert_eq!(scene.app.left_behind(), None);
}

#[test]
fn what_is_to_be_sent_later_or_was_taken_back_is_not_sent_when_the_user_quits() {
    let mut scene = answering();
    scene
        .press("ctrl-x l")
        .type_text("tomorrow 8:00")
        .press("enter");
    tell(&mut scene, changed(1, 0));
    assert!(scene.app.send_off().is_empty());
    assert_eq!(scene.app.left_behind(), None);
    let mut scene = answering();
    scene.press("ctrl-x y");
    tell(&mut scene, changed(1, 0));
    scene.press("u");
    assert!(scene.app.send_off().is_empty());
}

#[test]
fn misspelt_words_are_shown_in_the_review_and_no_speller_is_no_trouble() {
    let mut scene = answering();
    scene.commands();
    scene.press("ctrl-x");
    let ask = |scene: &mut Scene| -> Option<RequestId> {
        sent(scene).into_iter().find_map(|c| match c {
            WritingCommand::Spell { request, .. } => Some(request),
            _ => None,
        })
    };
    let request = ask(&mut scene).unwrap();
    let words = vec![
        (
            Safe::fixed("teh"),
            vec![Safe::fixed("the"), Safe::fixed("tea")],
        ),
        (Safe::fixed("Kjfxx"), Vec::new()),
    ];
    tell(&mut scene, WritingEvent::Misspelt { request, words });
    let lines = scene.app.composer().unwrap().review_lines();
    let line = lines.iter().find(|l| l.label == "Spelling").unwrap();
    assert_eq!(line.text.as_str(), "teh (the), Kjfxx");
    scene.press("m");
    assert_eq!(ask(&mut scene), None, "once is enough");
    scene.press("esc ctrl-x");
    let request = ask(&mut scene).unwrap();
    let problem = Problem {
        account: None,
        summary: Safe::fixed("neither aspell nor hunspell is there"),
        hint: Safe::default(),
    };
    let before = scene.notice();
    scene.press("esc");
    scene.input(Input::Engine(Event::Failed { request, problem }));
    assert_eq!(scene.notice(), before);
}

#[test]
fn the_line_of_keys_names_what_works_on_the_line_of_the_outbox() {
    let words = |scene: &Scene| -> Vec<String> {
        let all = hints(&scene.app, 120).into_iter();
        all.map(|h| format!("{} {}", h.key, h.label)).collect()
    };
    let mut scene = Scene::new(120, 40);
    scene.press("go");
    assert_eq!(words(&scene), ["s sync", "Esc close"]);
    scene.press("esc");
    scene.desk.outbox = vec![writing::message(3, "Plan", OutboxState::Scheduled)];
    scene.desk.kept = vec![KeptDraft {
        key: DraftKey(4),
        account: AccountKey(1),
        to: Safe::default(),
        subject: Safe::fixed("Notes"),
        changed: Moment {
            unix_secs: 0,
            offset_mins: 0,
        },
        is_recovered: false,
        is_uploaded: false,
    }];
    scene.press("go");
    assert!(
        words(&scene).contains(&"r send now".to_owned()),
        "{:?}",
        words(&scene)
    );
    assert!(!words(&scene).contains(&"y it was sent".to_owned()));
    scene.press("j");
    assert_eq!(words(&scene)[..2], ["Enter write on", "d discard"]);
    assert!(!scene.effects.contains(&Effect::Quit));
}

#[test]
fn a_separator_that_a_proposal_put_in_is_not_doubled_by_typing_it() {
    let mut scene = writing_scene();
    scene
        .type_text("bo@x.org, ")
        .type_text(", ")
        .type_text("al@x.org");
    let draft = scene.app.composer().unwrap().draft();
    assert_eq!(draft.to.typed(), "bo@x.org, al@x.org");
}

#[test]
fn a_draft_in_which_nothing_was_written_is_not_kept_unless_that_was_asked_for() {
    let mut scene = answering();
    sent(&mut scene);
    scene.press("esc");
    let commands = sent(&mut scene);
    assert!(
        matches!(commands[..], [WritingCommand::Discard { .. }]),
        "{commands:?}"
    );
    assert_eq!(scene.notice(), "Nothing was written: no draft is kept");
    for keys in ["ctrl-s esc", "ctrl-x p", "a esc"] {
        let mut scene = answering();
        sent(&mut scene);
        scene.press(keys);
        let commands = sent(&mut scene);
        let is_thrown = |c: &WritingCommand| matches!(c, WritingCommand::Discard { .. });
        assert!(!commands.iter().any(is_thrown), "{keys}: {commands:?}");
        assert_eq!(scene.notice(), "The draft is kept", "{keys}");
    }
}

#[test]
fn names_of_those_that_it_goes_to_are_not_told_as_misspelt() {
    let mut scene = answering();
    sent(&mut scene);
    scene.press("ctrl-x");
    let asked = sent(&mut scene).into_iter().find_map(|c| match c {
        WritingCommand::Spell { request, .. } => Some(request),
        _ => None,
    });
    let request = asked.unwrap();
    let words = ["Johnson", "teh"].map(|word| (Safe::fixed(word), Vec::new()));
    let words = words.to_vec();
    tell(&mut scene, WritingEvent::Misspelt { request, words });
    let lines = scene.app.composer().unwrap().review_lines();
    let line = lines.iter().find(|l| l.label == "Spelling").unwrap();
    assert_eq!(line.text.as_str(), "teh");
}
