//! Changing mail: moves, copies, deletions and folders, on servers that can much or little.
//!
//! The engine against a real Dovecot. What happened is asked of another client, never of ours.

use crate::support::desk::{Desk, account, placed, subjects};
use crate::support::{Dovecot, Kind, wait_until};
use pillarbox::bus::Command;
use pillarbox::model::{Destination, FolderChange, MailboxId, MailboxKey, OpKind, Role};

const KINDS: [Kind; 3] = [Kind::Full, Kind::Condstore, Kind::Plain];

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Message {n}\n\
         Message-ID: <m{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{n:02}:00 +0200\n\nText {n}.\n"
    )
}

struct Scene {
    dovecot: &'static Dovecot,
    user: String,
    _folder: tempfile::TempDir,
    desk: Desk,
    inbox: MailboxKey,
}

impl Scene {
    fn new(kind: Kind) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        for n in 1..=3 {
            dovecot.deliver(&user, "INBOX", &message(n));
        }
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
        let inbox = desk.mailbox("INBOX").key;
        desk.send(Command::LookAt(Some(inbox)));
        desk.wait_in_step();
        desk.wait_rows("three messages", inbox, |rows| rows.len() == 3);
        Self {
            dovecot,
            user,
            _folder: folder,
            desk,
            inbox,
        }
    }

    fn apply(&mut self, kind: OpKind, subject: &str, mailbox: MailboxKey) -> String {
        let rows = self
            .desk
            .wait_rows(subject, mailbox, |rows| subjects(rows).contains(&subject));
        let row = rows.iter().find(|r| r.subject.as_str() == subject).unwrap();
        self.desk.apply(kind, vec![placed(row)])
    }

    fn id(&self, name: &str) -> MailboxId {
        MailboxId {
            account: self.desk.tree[0].key,
            name: name.to_owned(),
        }
    }

    /// Waits until the server has exactly these messages in a mailbox.
    fn wait_there(&self, mailbox: &str, ids: &[&str]) {
        wait_until(&format!("{ids:?} in {mailbox} ({})", self.user), || {
            self.there(mailbox) == ids
        });
    }

    /// The Message-IDs in a mailbox, as another client sees them.
    fn there(&self, mailbox: &str) -> Vec<String> {
        let mut client = self.dovecot.client(&self.user);
        client.ask(&format!("SELECT \"{mailbox}\""));
        let mut ids: Vec<String> = client
            .ask("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            .iter()
            .filter_map(|l| l.split_once("Message-ID: <")?.1.split_once('@'))
            .map(|(id, _)| id.to_owned())
            .collect();
        ids.sort();
        ids
    }
}

#[test]
fn a_moved_message_is_there_once_and_here_no_more_whatever_the_server_can() {
    for kind in KINDS {
        let mut scene = Scene::new(kind);
        let archive = scene.desk.mailbox("Archive").key;
        let inbox = scene.inbox;
        let label = scene.apply(
            OpKind::Move(Destination::Role(Role::Archive)),
            "Message 2",
            inbox,
        );
        assert_eq!(label, "Archived message");
        scene.wait_there("INBOX", &["m1", "m3"]);
        scene.wait_there("Archive", &["m2"]);
        let rows = scene.desk.rows(archive);
        assert_eq!(subjects(&rows), ["Message 2"], "{kind:?}");
        scene.desk.undo();
        scene.wait_there("INBOX", &["m1", "m2", "m3"]);
        scene.wait_there("Archive", &[]);
        scene.desk.stop();
    }
}

#[test]
fn a_copy_is_made_once_and_undo_takes_it_away() {
    for kind in KINDS {
        let mut scene = Scene::new(kind);
        let inbox = scene.inbox;
        let to = OpKind::Copy(Destination::Mailbox(scene.id("Drafts")));
        scene.apply(to, "Message 1", inbox);
        scene.wait_there("Drafts", &["m1"]);
        scene.wait_there("INBOX", &["m1", "m2", "m3"]);
        scene.desk.undo();
        scene.wait_there("Drafts", &[]);
        scene.wait_there("INBOX", &["m1", "m2", "m3"]);
        scene.desk.stop();
    }
}

#[test]
fn a_message_deleted_for_good_comes_back_by_undo() {
    for kind in KINDS {
        let mut scene = Scene::new(kind);
        let inbox = scene.inbox;
        scene.apply(OpKind::Delete, "Message 3", inbox);
        scene.wait_there("INBOX", &["m1", "m2"]);
        let label = scene.desk.undo();
        assert_eq!(label, "Undone: deleted message for good");
        scene.wait_there("INBOX", &["m1", "m2", "m3"]);
        scene
            .desk
            .wait_rows("three again", inbox, |rows| rows.len() == 3);
        scene.desk.stop();
    }
}

#[test]
fn folders_are_made_renamed_and_deleted_with_what_is_in_them() {
    for kind in KINDS {
        let mut scene = Scene::new(kind);
        let inbox = scene.inbox;
        let made = OpKind::Folder(FolderChange::Create(scene.id("Projekte/Äpfel")));
        scene.desk.apply(made, Vec::new());
        let to = OpKind::Move(Destination::Mailbox(scene.id("Projekte/Äpfel")));
        scene.apply(to, "Message 1", inbox);
        scene.wait_there("Projekte/&AMQ-pfel", &["m1"]);
        let renamed = OpKind::Folder(FolderChange::Rename {
            from: scene.id("Projekte"),
            to: "Alt".to_owned(),
        });
        scene.desk.apply(renamed, Vec::new());
        scene.wait_there("Alt/&AMQ-pfel", &["m1"]);
        scene.desk.undo();
        scene.wait_there("Projekte/&AMQ-pfel", &["m1"]);
        scene.desk.stop();
    }
}
