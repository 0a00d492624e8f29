//! What begins a message: each key asks for the right draft, of the right message.

use crate::app::compose_tests::sent;
use crate::app::scenes::{self, Scene, placed};
use crate::app::{Input, Overlay, Settings};
use crate::bus::{Command, Event, Problem, WritingCommand};
use crate::model::{AccountKey, DraftStart, MailboxKey, Placed, Safe};

/// What the keys ask for, on a list or in a reader of the first message.
fn asked(keys: &str) -> Option<DraftStart> {
    let mut scene = Scene::new(80, 24);
    scene.commands();
    scene.press(keys);
    sent(&mut scene).into_iter().find_map(|c| match c {
        WritingCommand::Open { start, .. } => Some(start),
        _ => None,
    })
}

#[test]
fn each_key_asks_for_its_draft_of_the_message_at_hand() {
    let first = placed(1);
    for (keys, start) in [
        ("c", DraftStart::Blank(Some(AccountKey(1)))),
        ("r", DraftStart::Reply(first)),
        ("R", DraftStart::ReplyAll(first)),
        ("L", DraftStart::ReplyList(first)),
        ("f", DraftStart::Forward(first)),
        ("zf", DraftStart::ForwardAttached(vec![first])),
        ("b", DraftStart::Bounce(first)),
        ("e", DraftStart::EditAsNew(first)),
    ] {
        assert_eq!(asked(keys), Some(start.clone()), "{keys} in the list");
        let in_reader = format!("enter {keys}");
        assert_eq!(asked(&in_reader), Some(start), "{keys} in the reader");
    }
}

#[test]
fn selected_messages_are_forwarded_together() {
    let start = asked("j x x zf");
    let Some(DraftStart::ForwardAttached(all)) = start else {
        panic!("{start:?}");
    };
    assert_eq!(all, [placed(4), placed(5)]);
}

#[test]
fn in_drafts_a_message_is_taken_up_where_it_lies() {
    for key in ["enter", "e"] {
        let mut scene = Scene::new(80, 24);
        for row in &mut scene.rows {
            row.mailbox = MailboxKey(12);
        }
        scene.press("gd");
        scene.commands();
        scene.press(key);
        let commands = sent(&mut scene);
        let draft = Placed {
            mailbox: MailboxKey(12),
            ..placed(1)
        };
        let is_it = |c: &WritingCommand| matches!(c, WritingCommand::Open { start: DraftStart::Resume(at), .. } if *at == draft);
        assert!(commands.iter().any(is_it), "{key}: {commands:?}");
    }
}

fn with_templates(folder: &str) -> Scene {
    let settings = Settings {
        templates: Some(folder.to_owned()),
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    Scene::with(80, 24, settings, accounts, scenes::mail())
}

#[test]
fn a_template_is_chosen_by_its_name() {
    let mut scene = with_templates("/home/ann/");
    scene.press(":").type_text("template").press("enter");
    scene.type_text("notes").press("enter");
    let commands = sent(&mut scene);
    let is_it = |c: &WritingCommand| matches!(c, WritingCommand::Open { start: DraftStart::Template(name), .. } if name == "notes.txt");
    assert!(commands.iter().any(is_it), "{commands:?}");
}

#[test]
fn where_there_is_no_template_it_is_said_where_they_would_be() {
    let mut scene = with_templates("/nowhere");
    scene.is_answering = false;
    scene.press(":").type_text("template").press("enter");
    let request = scene.commands().into_iter().find_map(|c| match c {
        Command::Writing(WritingCommand::ListPaths { request, .. }) => Some(request),
        _ => None,
    });
    scene.input(Input::Engine(Event::Failed {
        request: request.unwrap(),
        problem: Problem {
            account: None,
            summary: Safe::fixed("there is no such folder"),
            hint: Safe::default(),
        },
    }));
    let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
        panic!("{:?}", scene.app.overlay);
    };
    assert!(picker.is_empty() && picker.empty.contains("templates"));
}
