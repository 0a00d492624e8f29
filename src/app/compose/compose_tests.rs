//! The composer as a person meets it: keys in, what is kept, asked and sent out.

use crate::app::scenes::Scene;
use crate::app::{DRAFT_KEYS, Effect, Input, REVIEW_KEYS, Token, hints};
use crate::bus::{Command, Event, Problem, RequestId, ReviewNote, WritingCommand, WritingEvent};
use crate::model::{Draft, DraftField, DraftKey, DraftStart, OutboxKey, Safe, SendWhen};

/// A scene with an empty draft open.
pub(crate) fn writing_scene() -> Scene {
    let mut scene = Scene::new(80, 24);
    scene.press("c");
    scene
}

/// The same with an answer to Alice, and the cursor in its text.
pub(crate) fn answering() -> Scene {
    let mut scene = Scene::new(80, 24);
    scene.press("r");
    scene
}

pub(crate) fn sent(scene: &mut Scene) -> Vec<WritingCommand> {
    let commands = scene.commands().into_iter();
    commands
        .filter_map(|command| match command {
            Command::Writing(command) => Some(command),
            _ => None,
        })
        .collect()
}

fn kept(commands: &[WritingCommand]) -> Vec<&Draft> {
    let kept = commands.iter().filter_map(|c| match c {
        WritingCommand::Keep { draft, .. } => Some(&**draft),
        _ => None,
    });
    kept.collect()
}

fn keep_time(scene: &mut Scene) {
    scene.time_out(|t| matches!(t, Token::Keep(_)));
}

fn focus(scene: &Scene) -> Option<DraftField> {
    scene.app.composer().map(super::Composer::focus)
}

fn draft(scene: &Scene) -> Draft {
    scene.app.composer().expect("a draft is open").draft()
}

#[test]
fn what_is_typed_is_kept_a_second_later_without_a_pause() {
    let mut scene = writing_scene();
    scene.commands();
    scene.type_text("a");
    let timers = |scene: &Scene| {
        let is_keep = |e: &&Effect| {
            matches!(
                e,
                Effect::After {
                    ms: 1_000,
                    token: Token::Keep(_)
                }
            )
        };
        scene.effects.iter().filter(is_keep).count()
    };
    assert_eq!(timers(&scene), 1);
    scene.type_text("nn");
    assert_eq!(timers(&scene), 1, "further letters do not put it off");
    assert!(!scene.app.composer().unwrap().is_kept());
    keep_time(&mut scene);
    let commands = sent(&mut scene);
    assert_eq!(kept(&commands)[0].to.typed(), "ann");
    assert!(scene.app.composer().unwrap().is_kept());
    scene.type_text("@");
    assert_eq!(timers(&scene), 1, "the next letter begins anew");
}

#[test]
fn a_draft_that_the_engine_did_not_take_is_handed_over_again() {
    let mut scene = writing_scene();
    scene.is_answering = false;
    scene.type_text("x");
    keep_time(&mut scene);
    let commands = sent(&mut scene);
    let keep = commands
        .into_iter()
        .find(|c| matches!(c, WritingCommand::Keep { .. }));
    scene.input(Input::Refused(Command::Writing(keep.unwrap())));
    scene.type_text("y");
    keep_time(&mut scene);
    assert_eq!(kept(&sent(&mut scene)).last().unwrap().to.typed(), "xy");
    // No answer comes: it is handed over once more.
    scene.input(Input::Tick {
        now_secs: 0,
        monotonic_ms: 9_000,
    });
    assert!(!scene.app.last_words().is_empty());
}

#[test]
fn a_draft_without_an_answer_is_kept_again_after_a_while() {
    let mut scene = writing_scene();
    scene.desk.is_keeping = false;
    scene.type_text("x");
    keep_time(&mut scene);
    let is_waiting = |e: &Effect| {
        matches!(
            e,
            Effect::After {
                ms: 4_000,
                token: Token::Keep(_)
            }
        )
    };
    assert!(scene.effects.iter().any(is_waiting));
    let before = scene.effects.len();
    keep_time(&mut scene);
    let again = scene.effects.iter().skip(before);
    let is_keep = |e: &&Effect| {
        matches!(
            e,
            Effect::Engine(Command::Writing(WritingCommand::Keep { .. }))
        )
    };
    assert_eq!(again.filter(is_keep).count(), 1);
}

#[test]
fn leaving_keeps_the_draft_and_says_how_to_come_back() {
    let mut scene = writing_scene();
    scene.commands();
    scene.type_text("bo@x.org").press("esc");
    assert!(scene.app.composer().is_none());
    assert_eq!(scene.notice(), "The draft is kept");
    let commands = sent(&mut scene);
    assert_eq!(kept(&commands)[0].to.typed(), "bo@x.org");
    assert_eq!(
        commands.last(),
        Some(&WritingCommand::Leave { key: DraftKey(1) })
    );
    assert!(scene.app.last_words().is_empty());
}

#[test]
fn a_draft_that_was_left_is_not_given_up_before_it_is_on_disk() {
    let mut scene = writing_scene();
    scene.is_answering = false;
    scene.type_text("x").press("esc");
    let commands = sent(&mut scene);
    assert!(
        !commands
            .iter()
            .any(|c| matches!(c, WritingCommand::Leave { .. }))
    );
    let keep = commands
        .into_iter()
        .find(|c| matches!(c, WritingCommand::Keep { .. }))
        .unwrap();
    assert_eq!(
        scene.app.last_words().len(),
        1,
        "the end of the program waits for it"
    );
    scene.input(Input::Refused(Command::Writing(keep.clone())));
    scene.time_out(|t| *t == Token::Again);
    assert_eq!(sent(&mut scene), [keep]);
    scene.input(Input::Engine(Event::Writing(WritingEvent::Kept {
        key: DraftKey(1),
        revision: 1,
    })));
    assert_eq!(
        sent(&mut scene),
        [WritingCommand::Leave { key: DraftKey(1) }]
    );
    assert!(scene.app.last_words().is_empty());
}

#[test]
fn tab_enter_and_arrows_move_between_the_fields() {
    let mut scene = writing_scene();
    assert_eq!(focus(&scene), Some(DraftField::To));
    scene.press("enter tab down");
    assert_eq!(focus(&scene), Some(DraftField::Subject));
    scene.press("enter");
    assert_eq!(
        focus(&scene),
        Some(DraftField::Body),
        "there is no file to go to"
    );
    scene.press("up");
    assert_eq!(focus(&scene), Some(DraftField::Subject));
    scene.press("shift-tab shift-tab shift-tab shift-tab");
    assert_eq!(focus(&scene), Some(DraftField::From));
    scene.press("ctrl-o").type_text("r@x.org").press("tab");
    assert_eq!(draft(&scene).reply_to.typed(), "r@x.org");
}

#[test]
fn nothing_that_enters_a_draft_can_steer_a_terminal_or_make_a_field() {
    let mut scene = writing_scene();
    let wild = "a@x.org\x1b[2J\u{202e}\r\nBcc: b@x.org";
    scene.input(Input::Paste(wild.to_owned()));
    scene.press("tab tab tab");
    scene.input(Input::Paste("sub\x07ject\nX-Evil: 1".to_owned()));
    scene.press("tab");
    scene.input(Input::Paste("one\x1b]0;t\x07\r\n\ttwo\u{2028}".to_owned()));
    let draft = draft(&scene);
    assert_eq!(draft.subject, "subject X-Evil: 1");
    assert_eq!(draft.body, "one]0;t\n\ttwo\n");
    assert!(
        !draft
            .to
            .typed()
            .contains(|c: char| c.is_control() || c == '\u{202e}')
    );
    scene.input(Input::Edited {
        key: DraftKey(1),
        outcome: Ok("\x1b[1mbold\u{9b}".to_owned()),
    });
    assert_eq!(self::draft(&scene).body, "[1mbold");
}

#[test]
fn another_identity_brings_its_own_signature() {
    let mut scene = answering();
    scene.press("ctrl-t down enter");
    let draft = draft(&scene);
    assert_eq!(draft.identity.address.address, "a.e@work.example");
    assert!(
        draft.body.ends_with("-- \nA. E.\nLaunch Office\n"),
        "{}",
        draft.body
    );
}

#[test]
fn a_proposal_takes_the_place_of_what_was_typed_and_of_nothing_else() {
    let mut scene = writing_scene();
    scene.type_text("bo@x.org, al");
    scene.time_out(|t| matches!(t, Token::Complete(_)));
    let list = scene.app.composer().unwrap().completing().unwrap();
    assert_eq!((list.items().len(), list.at()), (2, Some(0)));
    scene.press("down enter");
    let text = draft(&scene).to.typed().to_owned();
    assert_eq!(text, "bo@x.org, Alan Turing <alan@example.org>, ");
    assert!(scene.app.composer().unwrap().completing().is_none());
    assert_eq!(focus(&scene), Some(DraftField::To));
}

#[test]
fn esc_closes_the_proposals_and_the_draft_stays_open() {
    let mut scene = writing_scene();
    scene.type_text("al");
    scene.time_out(|t| matches!(t, Token::Complete(_)));
    scene.press("esc enter");
    assert_eq!(draft(&scene).to.typed(), "al");
    assert_eq!(focus(&scene), Some(DraftField::Cc));
    assert!(scene.app.composer().is_some());
}

#[test]
fn an_address_that_is_whole_is_not_replaced_by_enter_and_late_proposals_are_dropped() {
    let mut scene = writing_scene();
    scene.is_answering = false;
    scene.type_text("al");
    scene.time_out(|t| matches!(t, Token::Complete(_)));
    let ask = sent(&mut scene)
        .into_iter()
        .find(|c| matches!(c, WritingCommand::Complete { .. }));
    let stale = scene.desk.answer(&ask.unwrap());
    scene.type_text("@new.org");
    scene.time_out(|t| matches!(t, Token::Complete(_)));
    for event in stale {
        scene.input(Input::Engine(event));
    }
    assert!(scene.app.composer().unwrap().completing().is_none());
    scene.press("enter");
    assert_eq!(draft(&scene).to.typed(), "al@new.org");
}

#[test]
fn the_review_is_asked_for_only_when_the_draft_is_on_disk_and_y_sends() {
    let mut scene = answering();
    scene.commands();
    scene.type_text("Yes").press("ctrl-x");
    let commands = sent(&mut scene);
    let names: Vec<bool> = commands
        .iter()
        .map(|c| matches!(c, WritingCommand::Keep { .. }))
        .collect();
    assert_eq!(names, [true, false, false], "{commands:?}");
    scene.press("y");
    let commands = sent(&mut scene);
    assert!(
        matches!(
            commands[..],
            [WritingCommand::Send {
                key: DraftKey(1),
                when: SendWhen::Now,
                ..
            }]
        ),
        "{commands:?}"
    );
    assert!(scene.app.composer().is_none());
    assert_eq!(scene.notice(), "To be sent in 5 seconds");
    scene.press("u");
    assert!(draft(&scene).body.starts_with("Yes"));
}

#[test]
fn u_takes_back_what_was_done_last_and_nothing_before_it() {
    let mut scene = answering();
    scene.press("ctrl-x y").press("s");
    scene.commands();
    scene.press("u");
    assert!(
        scene
            .commands()
            .iter()
            .any(|c| matches!(c, Command::Undo { .. }))
    );
    assert!(scene.app.composer().is_none());
}

#[test]
fn a_message_that_is_on_its_way_cannot_be_taken_back_by_u() {
    let mut scene = answering();
    scene.press("ctrl-x y");
    scene.input(Input::Engine(Event::Writing(WritingEvent::Sent {
        item: OutboxKey(7),
        label: Safe::fixed("Sent to alice@example.com"),
    })));
    assert_eq!(scene.notice(), "Sent to alice@example.com");
    scene.commands();
    scene.press("u");
    assert!(
        scene
            .commands()
            .iter()
            .any(|c| matches!(c, Command::Undo { .. }))
    );
}

#[test]
fn a_fault_forbids_sending_and_is_told_first() {
    let mut scene = answering();
    let note = |text, is_fatal| ReviewNote {
        text: Safe::fixed(text),
        is_fatal,
    };
    scene.desk.notes = vec![
        note("bo has no @", true),
        note("The subject is empty", false),
    ];
    scene.press("ctrl-x");
    let lines = scene.app.composer().unwrap().review_lines();
    assert_eq!(lines[0].text.as_str(), "bo has no @");
    scene.commands();
    scene.press("y");
    assert_eq!(scene.notice(), "bo has no @");
    assert!(sent(&mut scene).is_empty());
    scene.press("e");
    assert!(scene.app.composer().unwrap().review().is_none());
}

#[test]
fn sending_that_was_refused_or_failed_says_so_and_leaves_the_draft() {
    let mut scene = answering();
    scene.press("ctrl-x");
    scene.is_answering = false;
    scene.press("y");
    let send = sent(&mut scene).pop().unwrap();
    scene.input(Input::Refused(Command::Writing(send)));
    assert!(
        scene.notice().contains("was not sent"),
        "{}",
        scene.notice()
    );
    scene.press("y");
    let Some(WritingCommand::Send { request, .. }) = sent(&mut scene).pop() else {
        panic!("it is tried again");
    };
    scene.input(Input::Engine(failed(request, "The disk is full")));
    assert_eq!(scene.notice(), "The disk is full");
    assert!(scene.app.composer().unwrap().review().is_some());
}

fn failed(request: RequestId, text: &'static str) -> Event {
    Event::Failed {
        request,
        problem: Problem {
            account: None,
            summary: Safe::fixed(text),
            hint: Safe::default(),
        },
    }
}

#[test]
fn a_time_is_asked_for_and_what_is_none_is_said() {
    let mut scene = answering();
    scene.press("ctrl-x l").type_text("whenever").press("enter");
    assert!(scene.app.overlay.is_some());
    scene.press("ctrl-u").type_text("+2h").press("enter");
    let commands = sent(&mut scene);
    let Some(WritingCommand::Send {
        when: SendWhen::At(at),
        ..
    }) = commands.last()
    else {
        panic!("{commands:?}");
    };
    assert_eq!(at.unix_secs, crate::app::scenes::NOW + 7_200);
}

#[test]
fn throwing_away_asks_once_and_u_brings_it_back() {
    let mut scene = answering();
    scene.press("ctrl-x q enter");
    assert!(scene.app.composer().is_some(), "Enter loses nothing");
    scene.press("q y");
    assert!(scene.app.composer().is_none());
    scene.press("u");
    let commands = sent(&mut scene);
    let open = commands.last();
    assert!(
        matches!(
            open,
            Some(WritingCommand::Open {
                start: DraftStart::Kept(DraftKey(1)),
                ..
            })
        ),
        "{open:?}"
    );
}

#[test]
fn a_file_is_attached_by_its_path_and_taken_off_again() {
    let mut scene = answering();
    scene.press("ctrl-a").type_text("/home/ann/pl");
    scene.time_out(|t| matches!(t, Token::Paths(_)));
    scene.press("tab tab enter");
    assert_eq!(draft(&scene).attachments[0].name, "plan.pdf");
    scene.press("shift-tab");
    assert_eq!(focus(&scene), Some(DraftField::Attachments));
    scene.press("x");
    assert!(draft(&scene).attachments.is_empty());
}

#[test]
fn a_path_that_is_no_file_is_said_where_it_was_typed() {
    let mut scene = answering();
    scene.press("ctrl-a").type_text("/nowhere").press("enter");
    let crate::app::Overlay::Prompt(prompt) = scene.app.overlay.as_ref().unwrap() else {
        panic!("the prompt is open");
    };
    assert_eq!(
        prompt.error.as_ref().unwrap().as_str(),
        "/nowhere is no file"
    );
    assert_eq!(prompt.edit.text(), "/nowhere");
}

#[test]
fn a_file_dropped_on_the_text_is_attached_and_undo_makes_it_text() {
    let mut scene = answering();
    scene.input(Input::Paste("file:///home/ann/plan.pdf\n".to_owned()));
    assert_eq!(draft(&scene).attachments.len(), 1);
    scene.press("ctrl-z");
    let with_text = draft(&scene);
    assert!(with_text.attachments.is_empty());
    assert!(with_text.body.starts_with("file:///home/ann/plan.pdf"));
}

#[test]
fn a_pasted_path_that_names_no_file_is_text() {
    let mut scene = answering();
    scene.input(Input::Paste("/etc/nothing-there".to_owned()));
    let draft = draft(&scene);
    assert!(draft.attachments.is_empty());
    assert!(draft.body.starts_with("/etc/nothing-there"));
}

#[test]
fn the_editor_gets_the_text_and_its_fault_leaves_the_draft_as_it_was() {
    let mut scene = answering();
    scene.type_text("Hi").press("ctrl-e");
    let Some(Effect::EditText { key, text }) = scene.effects.last().cloned() else {
        panic!("{:?}", scene.effects.last());
    };
    assert!(text.starts_with("Hi"));
    let before = draft(&scene);
    scene.input(Input::Edited {
        key,
        outcome: Err(Safe::fixed("The editor left the text empty")),
    });
    assert_eq!(draft(&scene), before);
    assert_eq!(scene.notice(), "The editor left the text empty");
    scene.input(Input::Edited {
        key,
        outcome: Ok("New".to_owned()),
    });
    assert_eq!(draft(&scene).body, "New");
    scene.press("ctrl-z");
    assert_eq!(draft(&scene).body, before.body, "it can be taken back");
}

#[test]
fn text_is_looked_for_while_it_is_typed() {
    let mut scene = answering();
    scene
        .press("ctrl-f")
        .type_text("venue")
        .press("enter")
        .type_text("!");
    assert!(
        draft(&scene).body.contains("the !venue"),
        "{}",
        draft(&scene).body
    );
}

#[test]
fn a_draft_nobody_waits_for_any_more_does_not_open() {
    let mut scene = Scene::new(80, 24);
    scene.is_answering = false;
    scene.press("c");
    let first = sent(&mut scene).pop().unwrap();
    scene.press("c");
    let second = sent(&mut scene).pop().unwrap();
    for command in [first, second] {
        for event in scene.desk.answer(&command) {
            scene.input(Input::Engine(event));
        }
    }
    let left = sent(&mut scene);
    assert!(
        left.contains(&WritingCommand::Leave { key: DraftKey(1) }),
        "{left:?}"
    );
    assert!(scene.app.composer().is_some());
}

#[test]
fn every_key_that_is_told_does_something() {
    let press = |scene: &mut Scene, chord: &str, place: &str| {
        scene.press(chord);
        let notice = scene.notice();
        assert!(
            !notice.contains("does nothing"),
            "{chord} in {place}: {notice}"
        );
    };
    for (chord, _, _) in DRAFT_KEYS {
        press(&mut answering(), chord, "a draft");
    }
    for (chord, _, _) in REVIEW_KEYS {
        let mut scene = answering();
        scene.press("ctrl-x");
        press(&mut scene, chord, "the review");
    }
    for places in 0..7 {
        let mut scene = answering();
        scene.input(Input::Paste("/home/ann/plan.pdf".to_owned()));
        for _ in 0..places {
            scene.press("tab");
        }
        for hint in hints(&scene.app, 200)
            .into_iter()
            .filter(|h| !h.key.is_empty())
        {
            let mut scene = answering();
            scene.input(Input::Paste("/home/ann/plan.pdf".to_owned()));
            for _ in 0..places {
                scene.press("tab");
            }
            let place = format!("{:?}", focus(&scene));
            press(&mut scene, hint.key.as_str(), &place);
        }
    }
}
