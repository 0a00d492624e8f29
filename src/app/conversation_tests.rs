//! A thread read as one conversation: what is unfolded, what is at hand, what a key means there.

use super::scenes::{self, Scene};
use super::{Context, Conversation, Settings, ThreadRow};
use crate::bus::Command;
use crate::model::{Flag, ListRow, MailboxKey, OpKind};

/// The scene's thread of three, the last of it unread, and an answer of one's own in Sent.
pub(crate) fn scene(cols: u16, rows: u16) -> Scene {
    let mut mail = scenes::mail();
    let own = ListRow {
        mailbox: MailboxKey(13),
        thread: mail[0].thread,
        preview: crate::model::Safe::fixed("Thanks, I will ask the printers today."),
        ..scenes::row(90, "Alice Johnson", "Re: Q2 launch plan", 30)
    };
    mail.push(own);
    let accounts = vec![scenes::account(1, "work")];
    Scene::with(cols, rows, Settings::default(), accounts, mail)
}

fn talk(scene: &Scene) -> &Conversation {
    scene.app.thread_view().unwrap()
}

fn heads(scene: &Scene) -> Vec<(i64, bool)> {
    let talk = talk(scene);
    let all = talk.messages().iter().enumerate();
    all.map(|(n, m)| (m.row.message.0, talk.is_unfolded(n)))
        .collect()
}

#[test]
fn all_messages_are_there_by_date_and_the_read_ones_are_folded() {
    let mut scene = scene(120, 40);
    scene.press("g c");
    assert_eq!(scene.app.focus, Context::Reader);
    assert_eq!(
        heads(&scene),
        [(3, false), (2, false), (90, false), (1, true)]
    );
    assert_eq!(talk(&scene).at(), 3);
    scene.press("k");
    assert_eq!(heads(&scene)[2..], [(90, true), (1, true)]);
    assert_eq!(scene.app.reader.placed.unwrap().message.0, 90);
    let texts = talk(&scene).rows().iter();
    let of_own = texts.filter(|r| matches!(r, ThreadRow::Text(2, _))).count();
    assert!(of_own > 5, "its text is here");
    // What was only passed over folds again; what was unfolded by a key stays.
    scene.press("k enter enter k");
    assert!(heads(&scene)[1].1 && !heads(&scene)[2].1);
    scene.press("k");
    assert!(scene.notice().contains("first message"));
}

#[test]
fn a_key_means_the_message_at_hand_and_the_next_one_is_at_hand_then() {
    let mut scene = scene(120, 40);
    scene.press("g c k k").commands();
    assert_eq!(scene.app.reader.placed.unwrap().message.0, 2);
    scene.press("s");
    let starred = scene.commands().into_iter().find_map(|c| match c {
        Command::Apply {
            kind: OpKind::Flags(change),
            targets,
            ..
        } if change.add.has(Flag::Flagged) => Some(targets),
        _ => None,
    });
    assert_eq!(starred.unwrap(), [scenes::placed(2)]);
    scene.press("a");
    assert_eq!(scene.app.reader.placed.unwrap().message.0, 90);
    assert_eq!(heads(&scene).len(), 3);
}

#[test]
fn esc_and_the_same_key_lead_back_and_a_lone_message_is_said_to_be_one() {
    let mut scene = scene(120, 40);
    scene.press("g c g c");
    assert!(scene.app.thread_view().is_none());
    assert_eq!(scene.app.focus, Context::Reader);
    scene.press("g c esc");
    assert!(scene.app.thread_view().is_none());
    assert_eq!(scene.app.focus, Context::List);
    scene.press("j g c");
    assert!(
        scene.notice().contains("alone in its thread"),
        "{}",
        scene.notice()
    );
}

#[test]
fn enter_shows_it_where_that_is_set() {
    let mut scene = scene(80, 24);
    scene.app.settings.has_conversation = true;
    scene.press("enter");
    assert_eq!(heads(&scene).len(), 4);
}

#[test]
fn scrolling_takes_the_message_at_hand_along() {
    let mut scene = scene(60, 12);
    scene.press("g c k k k enter enter g g");
    assert_eq!(talk(&scene).at(), 0);
    scene.press("G");
    assert!(talk(&scene).at() > 0);
    let last = talk(&scene).scroll() + scene.app.reader_height();
    assert_eq!(last, talk(&scene).rows().len());
}
