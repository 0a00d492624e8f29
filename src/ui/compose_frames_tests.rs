//! Whole screens of writing and sending, as text.
//!
//! Snapshots are named screen, state, size. The clock, the theme and the mail are fixed.

use super::frames_tests::{frame, underlined};
use crate::app::compose_tests::{answering, sent, writing_scene};
use crate::app::scenes::{self, Scene, writing};
use crate::app::{Input, Token};
use crate::bus::{Event, KeptDraft, Problem, ReviewNote, WritingCommand, WritingEvent};
use crate::model::{AccountKey, DraftKey, Moment, OutboxState, RecipientState, Safe};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (50, 12)];

/// Draws the scene at each size.
fn at_each_size(name: &str, make: impl Fn() -> Scene) {
    for (cols, rows) in SIZES {
        let mut scene = make();
        scene.input(Input::Resize { cols, rows });
        insta::assert_snapshot!(format!("{name}__{cols}x{rows}"), frame(&scene));
    }
}

#[test]
fn an_empty_draft() {
    at_each_size("compose__empty", writing_scene);
}

#[test]
fn an_answer_with_quotes_a_fault_and_files() {
    at_each_size("compose__answer", || {
        let mut scene = answering();
        scene.input(Input::Paste("/home/ann/plan.pdf".to_owned()));
        scene.input(Input::Paste("/home/ann/会議.pdf".to_owned()));
        scene
            .press("shift-tab shift-tab shift-tab shift-tab")
            .type_text("bo, ann@x.org");
        scene.press("tab tab tab tab").type_text(
            "The 24th is fine. 会議は火曜日です。 I have asked the printers, and they need two weeks.",
        );
        scene
    });
}

#[test]
fn proposals_for_an_address() {
    at_each_size("compose__proposals", || {
        let mut scene = writing_scene();
        scene.type_text("bo@x.org, a");
        scene.time_out(|t| matches!(t, Token::Complete(_)));
        scene.press("down");
        scene
    });
}

#[test]
fn paths_of_files() {
    at_each_size("compose__paths", || {
        let mut scene = answering();
        scene.press("ctrl-a").type_text("/home/ann/");
        scene.time_out(|t| matches!(t, Token::Paths(_)));
        scene.press("tab");
        scene
    });
}

#[test]
fn the_review_with_faults() {
    at_each_size("review__faults", || {
        let mut scene = answering();
        let note = |text, is_fatal| ReviewNote {
            text: Safe::fixed(text),
            is_fatal,
        };
        scene.desk.notes = vec![
            note("bo has no @", true),
            note("The text speaks of an attachment, and there is none", false),
        ];
        scene.press("ctrl-x");
        scene
    });
}

#[test]
fn the_review_before_anything_is_known() {
    at_each_size("review__checking", || {
        let mut scene = answering();
        scene.is_answering = false;
        scene.press("ctrl-x");
        scene
    });
}

#[test]
fn the_time_to_send_is_asked_for() {
    at_each_size("review__later", || {
        let mut scene = answering();
        scene.press("ctrl-x l").type_text("tomorow").press("enter");
        scene
    });
}

#[test]
fn passed_on_as_it_is() {
    at_each_size("compose__bounce", || {
        let mut scene = Scene::new(80, 24);
        scene.press("b");
        scene
    });
}

#[test]
fn the_review_shows_the_text_and_how_much_of_it_is_below() {
    at_each_size("review__text", || {
        let mut scene = answering();
        let lines: Vec<String> = (1..=30)
            .map(|n| format!("Point {n} of the plan."))
            .collect();
        scene.input(Input::Paste(lines.join("\n")));
        scene.press("ctrl-x j j");
        scene
    });
}

#[test]
fn no_time_to_send_was_typed() {
    at_each_size("review__later_empty", || {
        let mut scene = answering();
        scene.press("ctrl-x l enter");
        scene
    });
}

#[test]
fn passed_on_within_the_text() {
    at_each_size("compose__forward", || {
        let mut scene = Scene::new(80, 24);
        scene.press("f");
        scene
    });
}

#[test]
fn passed_on_as_an_attachment() {
    at_each_size("compose__forward_attached", || {
        let mut scene = Scene::new(80, 24);
        scene.press("z f");
        scene
    });
}

#[test]
fn a_draft_is_to_be_thrown_away() {
    at_each_size("compose__discard", || {
        let mut scene = answering();
        scene.press("ctrl-x q");
        scene
    });
}

#[test]
fn a_message_that_was_taken_back() {
    at_each_size("compose__taken_back", || {
        let mut scene = answering();
        scene.press("ctrl-x y u");
        scene
    });
}

#[test]
fn a_folder_is_gone_into_for_a_file() {
    at_each_size("compose__paths_folder", || {
        let mut scene = answering();
        scene.press("ctrl-a").type_text("/home/ann/");
        scene.time_out(|t| matches!(t, Token::Paths(_)));
        scene.press("down");
        scene
    });
}

/// An outbox with a message in each state, and drafts.
fn full_outbox() -> Scene {
    let mut scene = Scene::new(80, 24);
    let at = |secs| Moment {
        unix_secs: scenes::NOW + secs,
        offset_mins: 0,
    };
    let mut later = writing::message(1, "Minutes of the meeting", OutboxState::Scheduled);
    later.not_before = Some(at(21 * 3_600));
    let mut again = writing::message(2, "Weekly notes", OutboxState::Queued);
    again.attempts = 2;
    again.not_before = Some(at(600));
    again.error = Safe::fixed("smtp.work.example asks to come back later (451 4.7.1)");
    let mut sending = writing::message(3, "Photos", OutboxState::Sending);
    sending.sent_bytes = 700_000;
    let lost = writing::message(4, "Offer", OutboxState::Unconfirmed);
    let mut refused = writing::message(5, "", OutboxState::Failed);
    refused.recipients[0].state = RecipientState::Delivered;
    refused.recipients[1].state = RecipientState::Refused;
    refused.recipients[1].said = Safe::fixed("550 5.1.1 no such user");
    scene.desk.outbox = vec![later, again, sending, lost, refused];
    let draft = |key, subject: &'static str, is_recovered| KeptDraft {
        key: DraftKey(key),
        account: AccountKey(1),
        to: Safe::fixed("bo@x.org"),
        subject: Safe::fixed(subject),
        changed: at(-3_600),
        is_recovered,
        is_uploaded: !is_recovered,
    };
    scene.desk.kept = vec![
        draft(21, "Half a thought", true),
        draft(22, "Holidays", false),
    ];
    scene.input(Input::Engine(Event::Writing(WritingEvent::OutboxChanged {
        waiting: 3,
        stuck: 2,
        recovered: 1,
    })));
    scene.press("go j j j");
    scene
}

#[test]
fn the_outbox() {
    at_each_size("outbox__all_states", full_outbox);
}

#[test]
fn a_message_perhaps_sent_is_asked_about() {
    at_each_size("outbox__send_again", || {
        let mut scene = full_outbox();
        scene.press("r");
        scene
    });
}

#[test]
fn what_was_just_sent_can_be_taken_back() {
    at_each_size("list__to_be_sent", || {
        let mut scene = answering();
        scene.press("ctrl-x y");
        scene
    });
}

#[test]
fn misspelt_words_are_named_and_marked_in_the_text() {
    let misspelt = || {
        let mut scene = answering();
        scene.type_text("Teh 会議 is teh plan.");
        scene.commands();
        scene.press("ctrl-x");
        let asked = sent(&mut scene).into_iter().find_map(|c| match c {
            WritingCommand::Spell { request, .. } => Some(request),
            _ => None,
        });
        let words = vec![(Safe::fixed("teh"), vec![Safe::fixed("the")])];
        scene.input(Input::Engine(Event::Writing(WritingEvent::Misspelt {
            request: asked.unwrap(),
            words,
        })));
        scene
    };
    at_each_size("review__spelling", misspelt);
    let scene = misspelt();
    let marked: Vec<String> = underlined(&scene);
    assert_eq!(marked, ["teh"]);
}

#[test]
fn a_fault_and_what_to_do_are_one_sentence() {
    at_each_size("review__fault_told", || {
        let mut scene = answering();
        scene.desk.notes = vec![ReviewNote {
            text: Safe::fixed("\"bo\" in To has no @."),
            is_fatal: true,
        }];
        scene.press("ctrl-x y");
        scene
    });
}

#[test]
fn an_error_leaves_the_keys_of_the_outbox_where_they_are() {
    at_each_size("outbox__error", || {
        let mut scene = full_outbox();
        let problem = Problem {
            account: Some(AccountKey(1)),
            summary: Safe::fixed(
                "work: mail was not sent: smtp.work.example does not offer to log in.",
            ),
            hint: Safe::fixed("check the account's smtp settings, then sync it"),
        };
        scene.input(Input::Engine(Event::Problem(problem)));
        scene
    });
}
