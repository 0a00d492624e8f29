//! The outbox as a person meets it: what it says, and that nothing is sent twice unasked.

use super::Input;
use super::compose_tests::sent;
use super::scenes::{Scene, writing};
use crate::bus::{Event, WritingCommand, WritingEvent};
use crate::model::{OutboxKey, OutboxState, RecipientState, Safe};

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
    let is_retry = |c: &WritingCommand| {
        matches!(
            c,
            WritingCommand::Retry {
                item: OutboxKey(3),
                ..
            }
        )
    };
    scene.press("enter");
    let commands = sent(&mut scene);
    assert!(!commands.iter().any(is_retry), "{commands:?}");
    let Some(super::Overlay::Outbox(list)) = &scene.app.overlay else {
        panic!("the list is open again");
    };
    assert_eq!(list.on(), Some(super::OutboxRow::Item(OutboxKey(3))));
    scene.press("r y");
    let commands = sent(&mut scene);
    assert!(commands.iter().any(is_retry), "{commands:?}");
    scene.press("y");
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

#[test]
fn what_became_of_a_message_is_told_once() {
    let mut refused = writing::message(5, "Offer", OutboxState::Failed);
    refused.recipients[0].state = RecipientState::Delivered;
    refused.recipients[1].state = RecipientState::Refused;
    refused.recipients[1].said = Safe::fixed("550 5.1.1 no such user");
    refused.error =
        Safe::fixed("refused for dave@example.com (550 5.1.1 no such user); the others have it");
    let mut lost = writing::message(6, "Plan", OutboxState::Unconfirmed);
    lost.error = Safe::fixed("nobody knows whether it was sent: no answer in 300 s");
    let mut scene = Scene::new(80, 24);
    scene.desk.outbox = vec![refused, lost];
    scene.press("go");
    let Some(super::Overlay::Outbox(list)) = &scene.app.overlay else {
        panic!("the list is open");
    };
    let lines = list.lines(&scene.app);
    let all: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
    let all = all.join("\n");
    assert_eq!(all.matches("550 5.1.1").count(), 1, "{all}");
    assert!(!all.contains("The connection was lost"), "{all}");
}
