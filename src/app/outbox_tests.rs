//! The outbox as a person meets it: what it says, and that nothing is sent twice unasked.

use super::Input;
use super::compose_tests::sent;
use super::scenes::{Scene, writing};
use crate::bus::{Event, WritingCommand, WritingEvent};
use crate::model::{OutboxKey, OutboxState};

#[test]
fn trouble_in_the_outbox_is_told_with_the_way_there() {
    let mut scene = Scene::new(80, 24);
    let tell = |scene: &mut Scene, stuck, recovered| {
        scene.input(Input::Engine(Event::Writing(WritingEvent::OutboxChanged {
            waiting: 1,
            stuck,
            recovered,
        })));
        let notice = scene.app.notices.shown().cloned();
        notice
            .map(|n| format!("{}: {}", n.text, n.hint))
            .unwrap_or_default()
    };
    assert_eq!(tell(&mut scene, 0, 1), "1 draft was recovered: go shows it");
    let text = tell(&mut scene, 1, 1);
    assert!(
        text.starts_with("1 message was not sent") && text.contains("go "),
        "{text}"
    );
}

#[test]
fn an_unconfirmed_message_is_sent_again_only_after_a_question_that_says_what_is_known() {
    let mut scene = Scene::new(80, 24);
    scene.desk.outbox = vec![writing::message(3, "Plan", OutboxState::Unconfirmed)];
    scene.press("go r");
    let question = scene.app.overlay.clone();
    let Some(super::Overlay::Confirm(question)) = question else {
        panic!("{question:?}");
    };
    assert!(
        question.lines[1]
            .as_str()
            .contains("lost before the server said")
    );
    scene.commands();
    scene.press("enter");
    assert!(sent(&mut scene).is_empty());
    scene.press("go r y");
    let commands = sent(&mut scene);
    let is_retry = |c: &WritingCommand| {
        matches!(
            c,
            WritingCommand::Retry {
                item: OutboxKey(3),
                ..
            }
        )
    };
    assert!(commands.iter().any(is_retry), "{commands:?}");
    scene.press("go y");
    let commands = sent(&mut scene);
    let is_told = |c: &WritingCommand| {
        matches!(
            c,
            WritingCommand::WasSent {
                item: OutboxKey(3),
                ..
            }
        )
    };
    assert!(commands.iter().any(is_told), "{commands:?}");
}
