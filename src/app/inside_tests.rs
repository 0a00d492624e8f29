//! An attached message that is read on its own: what is asked for, and the way back.
//!
//! Called by the test runner alone. Must never look at more than a user or the engine notices.

use super::scenes::Scene;
use super::{Context, Row};
use crate::bus::Command;
use crate::model::{Attachment, PartId, Safe};

#[test]
fn an_attached_message_is_read_on_its_own_and_esc_goes_back_to_the_one_around_it() {
    let mut scene = Scene::new(120, 40);
    let message = Attachment {
        outside: "",
        part: PartId(vec![4]),
        name: Safe::fixed("inner.eml"),
        mime_type: Safe::fixed("message/rfc822"),
        size_bytes: 1000,
    };
    scene.reading.attachments = vec![message];
    let opened = |scene: &mut Scene| -> Vec<String> {
        let commands = scene.commands().into_iter();
        let inside = |c: Command| match c {
            Command::OpenMessage { inside, .. } => Some(inside.to_string()),
            Command::LoadSource { inside, .. } => Some(format!("source of {inside}")),
            Command::MakePage { inside, .. } => Some(format!("page of {inside}")),
            _ => None,
        };
        commands.filter_map(inside).collect()
    };
    // What the preview shows already is asked for anew.
    scene.app.reader.tried = None;
    scene.press("enter");
    scene.press("A enter");
    assert_eq!(opened(&mut scene).last().unwrap(), "4");
    assert_eq!(scene.app.reader.rows().first(), Some(&Row::Inside));
    scene.press("r f");
    let is_writing = |c: &Command| matches!(c, Command::Writing(_));
    assert!(!scene.commands().iter().any(is_writing));
    assert!(scene.notice().contains("attached to another"));
    // The browser gets what is read.
    scene.press("g h enter");
    assert_eq!(opened(&mut scene).last().unwrap(), "page of 4");
    scene.press("g h");
    assert_eq!(opened(&mut scene).last().unwrap(), "page of 4");
    // In it there may be another one; the source is its own.
    scene.press("A enter");
    assert_eq!(scene.app.reader.insides.len(), 2);
    scene.press("H H");
    assert_eq!(opened(&mut scene).last().unwrap(), "source of 4");
    scene.press("esc");
    assert_eq!(scene.app.reader.insides.len(), 1);
    scene.press("esc");
    assert_eq!(opened(&mut scene).last().unwrap(), "");
    assert!(scene.app.reader.insides.is_empty());
    assert_eq!(scene.app.focus, Context::Reader);
    // All that is saved there is what is attached there.
    scene.press("A enter A S");
    let saved = scene.commands().into_iter().find_map(|c| match c {
        Command::Save { parts, .. } => Some(parts),
        _ => None,
    });
    assert_eq!(saved, Some(vec![PartId(vec![4])]));
    // The next message is read as such.
    scene.press("j");
    assert!(scene.app.reader.insides.is_empty());
}
