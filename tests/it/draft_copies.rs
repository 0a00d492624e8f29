//! Drafts in the server's mailbox of drafts: each there once, as it was written last.
//!
//! The engine against a real Dovecot, through a proxy where answers get lost. Another client looks at
//! what is there, and writes drafts of its own. Never two copies of a draft, and never none.

use crate::support::desk::{Desk, account, account_at, placed};
use crate::support::{Dovecot, Kind, OtherClient, Proxy, wait_for, wait_until};
use pillarbox::bus::Command;
use pillarbox::mime;
use pillarbox::model::{Attached, Caret, Content, Draft, DraftKey, DraftStart, Recipients};
use pillarbox::net::Security;
use tempfile::TempDir;

/// An engine in step, and another client of the same user.
struct Scene {
    folder: TempDir,
    desk: Desk,
    other: OtherClient,
    dovecot: &'static Dovecot,
    user: String,
}

impl Scene {
    fn new(kind: Kind) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::start(folder.path(), vec![account(dovecot, &user)]);
        desk.wait_in_step();
        let other = dovecot.client(&user);
        Self {
            folder,
            desk,
            other,
            dovecot,
            user,
        }
    }

    /// A draft with these words, kept.
    fn write(&mut self, subject: &str) -> (DraftKey, Draft) {
        let opened = self.desk.compose(DraftStart::Blank(None)).unwrap();
        let mut draft = opened.draft;
        draft.to = Recipients::read("Bo <bo@example.net>, half an addr");
        draft.bcc = Recipients::read("secret@example.net");
        draft.subject = subject.to_owned();
        draft.body = format!("The text of {subject}.");
        self.desk.keep(opened.key, &draft, Caret::default());
        (opened.key, draft)
    }

    fn write_and_leave(&mut self, subject: &str) -> (DraftKey, Draft) {
        let (key, draft) = self.write(subject);
        self.desk.leave(key);
        self.wait_copies(&[subject]);
        (key, draft)
    }

    /// Takes a kept draft up, changes its subject, and leaves it.
    fn change_and_leave(&mut self, start: DraftStart, subject: &str) -> DraftKey {
        let opened = self.desk.compose(start).unwrap();
        let mut draft = opened.draft;
        draft.subject = subject.to_owned();
        self.desk.keep(opened.key, &draft, Caret::default());
        self.desk.leave(opened.key);
        opened.key
    }

    /// The ids in the mailbox of drafts that are not marked as deleted.
    fn uids(&mut self) -> Vec<u32> {
        let answers = self.other.ask("SELECT \"Drafts\"");
        if answers.last().is_some_and(|end| end.starts_with("NO")) {
            // It is not made yet.
            return Vec::new();
        }
        self.other.search("Drafts", "UNDELETED")
    }

    /// The subjects in the mailbox of drafts, in order.
    fn subjects(&mut self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for uid in self.uids() {
            let raw = self.other.body_if_there("Drafts", uid);
            found.extend(raw.map(|raw| mime::envelope(&raw).subject));
        }
        found.sort();
        found
    }

    /// Waits until nothing else is there, not even marked; its id.
    fn wait_alone(&mut self) -> u32 {
        let other = &mut self.other;
        wait_for("the only copy", || {
            match other.search("Drafts", "ALL").as_slice() {
                [uid] => Some(*uid),
                _ => None,
            }
        })
    }

    fn wait_copies(&mut self, wanted: &[&str]) {
        for round in 0..600 {
            let found = self.subjects();
            if found == wanted {
                return;
            }
            assert!(round < 599, "waited in vain for {wanted:?}: {found:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}

#[test]
fn a_draft_is_on_the_server_once_and_replaced_there() {
    for kind in [Kind::Full, Kind::Plain, Kind::Bare] {
        let mut scene = Scene::new(kind);
        let (key, _) = scene.write_and_leave("First");
        let first = scene.uids();
        let raw = scene.other.body("Drafts", first[0]);
        let text = String::from_utf8(raw).unwrap();
        assert!(text.contains("Bcc: <secret@example.net>\r\n"), "{text}");
        assert!(text.contains("half an addr"), "{text}");
        assert!(text.ends_with("\r\n\r\nThe text of First.\r\n"), "{text}");
        let flags = scene.other.flags("Drafts", first[0]);
        assert_eq!(flags, ["\\Draft", "\\Seen"]);
        scene.change_and_leave(DraftStart::Kept(key), "Second");
        scene.wait_copies(&["Second"]);
        let all = scene.wait_alone();
        assert!(all > first[0], "{kind:?}");
        // What was not changed is not sent again.
        let opened = scene.desk.compose(DraftStart::Kept(key)).unwrap();
        scene.desk.leave(opened.key);
        let (other, _) = scene.write("Another");
        scene.desk.leave(other);
        scene.wait_copies(&["Another", "Second"]);
        assert!(scene.uids().contains(&all), "{kind:?}");
    }
}

#[test]
fn without_uidplus_the_marked_messages_of_others_stay() {
    let mut scene = Scene::new(Kind::Plain);
    let (key, _) = scene.write_and_leave("First");
    scene
        .other
        .append("Drafts", "\\Deleted", "Subject: Theirs\n\nx\n");
    scene.change_and_leave(DraftStart::Kept(key), "Second");
    scene.wait_copies(&["Second"]);
    let marked = scene.other.search("Drafts", "DELETED");
    let of = |scene: &mut Scene, uid| mime::envelope(&scene.other.body("Drafts", uid)).subject;
    let marked: Vec<String> = marked.iter().map(|uid| of(&mut scene, *uid)).collect();
    assert!(marked.contains(&"Theirs".to_owned()), "{marked:?}");
}

#[test]
fn a_draft_that_is_discarded_goes_from_the_server_and_no_other_does() {
    let mut scene = Scene::new(Kind::Full);
    scene
        .other
        .append("Drafts", "\\Draft", "Subject: Theirs\n\nx\n");
    let (key, _) = scene.write("Ours");
    scene.desk.leave(key);
    scene.wait_copies(&["Ours", "Theirs"]);
    scene.desk.discard(key);
    scene.wait_copies(&["Theirs"]);
    // Taken up again for all that, it is there again.
    let opened = scene.desk.compose(DraftStart::Kept(key)).unwrap();
    assert_eq!(opened.draft.subject, "Ours");
    scene.desk.leave(key);
    scene.wait_copies(&["Ours", "Theirs"]);
}

#[test]
fn a_draft_in_which_nothing_was_written_leaves_no_trace() {
    let mut scene = Scene::new(Kind::Full);
    let blank = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    scene.desk.leave(blank.key);
    let opened = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    scene.desk.keep(opened.key, &opened.draft, Caret::default());
    scene.desk.leave(opened.key);
    scene.write_and_leave("Written");
    for key in [blank.key, opened.key] {
        let why = scene.desk.compose(DraftStart::Kept(key)).unwrap_err();
        assert_eq!(why, "not opened: this draft is gone");
    }
}

#[test]
fn a_pause_is_enough_for_a_copy() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    let mut setup = account(dovecot, &user);
    setup.writing.copy_after = std::time::Duration::from_secs(1);
    let mut desk = Desk::start(folder.path(), vec![setup]);
    desk.wait_in_step();
    let mut scene = Scene {
        other: dovecot.client(&user),
        folder,
        desk,
        dovecot,
        user,
    };
    let (key, mut draft) = scene.write("Paused");
    scene.wait_copies(&["Paused"]);
    draft.subject = "Went on".to_owned();
    scene.desk.keep(key, &draft, Caret::default());
    scene.wait_copies(&["Went on"]);
}

#[test]
fn a_draft_that_was_left_offline_is_copied_when_there_is_a_connection() {
    let mut scene = Scene::new(Kind::Full);
    scene.desk.send(Command::SetOffline(true));
    let (key, _) = scene.write("Far away");
    scene.desk.leave(key);
    let opened = scene.desk.compose(DraftStart::Kept(key)).unwrap();
    assert_eq!(opened.draft.subject, "Far away");
    scene.desk.leave(key);
    scene.desk.send(Command::SetOffline(false));
    scene.wait_copies(&["Far away"]);
}

#[test]
fn a_lost_answer_makes_no_second_copy_and_loses_none() {
    for kind in [Kind::Full, Kind::Plain] {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        let proxy = Proxy::before(dovecot.imap);
        let folder = tempfile::tempdir().unwrap();
        let setup = account_at(proxy.port, Security::Plain, None, &user);
        let mut desk = Desk::start(folder.path(), vec![setup]);
        desk.wait_in_step();
        let mut scene = Scene {
            other: dovecot.client(&user),
            folder,
            desk,
            dovecot,
            user,
        };
        // The server gets all of it, and its answer is lost.
        proxy.cut_after_saying("The text of First.");
        let (key, _) = scene.write("First");
        scene.desk.leave(key);
        scene.wait_copies(&["First"]);
        // The server has the whole change or none of it: then its answer is lost again.
        proxy.cut_after_saying("UID STORE");
        scene.change_and_leave(DraftStart::Kept(key), "Second");
        scene.wait_copies(&["Second"]);
        scene.desk.wait_in_step();
        scene.wait_copies(&["Second"]);
        // Cut in the middle: the server does not have it.
        let (_, body) = (key, "x".repeat(600_000));
        let opened = scene.desk.compose(DraftStart::Kept(key)).unwrap();
        let mut draft = opened.draft;
        draft.subject = "Third".to_owned();
        draft.body = body;
        scene.desk.keep(key, &draft, Caret::default());
        proxy.cut_after_sending(100_000);
        scene.desk.leave(key);
        wait_until("the connection to break", || proxy.is_over());
        proxy.cut_after_sending(u64::MAX);
        scene.wait_copies(&["Third"]);
        scene.wait_alone();
    }
}

#[test]
fn a_draft_of_another_client_is_taken_up_and_replaced() {
    let mut scene = Scene::new(Kind::Full);
    scene.other.append(
        "Drafts",
        "\\Draft \\Seen",
        "From: Ann <USER@example.org>\nTo: bo@example.net\nBcc: cy@example.net\nSubject: Theirs\n\
         Message-ID: <their.draft@example.org>\nIn-Reply-To: <q@example.net>\n\nBegun elsewhere.\n",
    );
    let drafts = scene.desk.mailbox("Drafts").key;
    let rows = scene
        .desk
        .wait_rows("their draft", drafts, |rows| rows.len() == 1);
    let there = placed(&rows[0]);
    // Looked at and left as it was, it stays.
    let opened = scene.desk.compose(DraftStart::Resume(there)).unwrap();
    assert_eq!(opened.draft.body.trim_end(), "Begun elsewhere.");
    assert_eq!(opened.draft.bcc.typed(), "cy@example.net");
    assert_eq!(opened.draft.in_reply_to, ["q@example.net"]);
    scene.desk.leave(opened.key);
    let key = scene.change_and_leave(DraftStart::Resume(there), "Ours");
    assert_ne!(key, opened.key);
    scene.wait_copies(&["Ours"]);
    // From its place in the mailbox it is the same draft.
    let rows = scene.desk.wait_rows("our copy", drafts, |rows| {
        rows.len() == 1 && rows[0].subject.as_str() == "Ours"
    });
    let again = scene
        .desk
        .compose(DraftStart::Resume(placed(&rows[0])))
        .unwrap();
    assert_eq!(again.key, key);
}

#[test]
fn a_copy_that_another_client_replaced_is_taken_up_as_it_left_it() {
    let mut scene = Scene::new(Kind::Full);
    let (key, _) = scene.write_and_leave("Ours");
    let ours = scene.uids()[0];
    scene.other.append(
        "Drafts",
        "\\Draft",
        "From: ann@example.org\nSubject: Changed\nMessage-ID: <c@example.org>\n\nNewer words.\n",
    );
    scene.other.store("Drafts", ours, "+\\Deleted");
    scene.other.run("EXPUNGE");
    let drafts = scene.desk.mailbox("Drafts").key;
    let rows = scene.desk.wait_rows("the other's", drafts, |rows| {
        rows.len() == 1 && rows[0].subject.as_str() == "Changed"
    });
    let opened = scene
        .desk
        .compose(DraftStart::Resume(placed(&rows[0])))
        .unwrap();
    assert_ne!(opened.key, key);
    assert_eq!(opened.draft.body.trim_end(), "Newer words.");
}

#[test]
fn what_is_passed_on_arrives_as_it_was() {
    let mut scene = Scene::new(Kind::Full);
    // Larger than what is fetched whole when it is opened.
    let bytes: Vec<u8> = (0..600_000u32)
        .map(|n| (n * 7 + n / 251).to_le_bytes()[0])
        .collect();
    let encoded = base64(&bytes);
    let message = format!(
        "From: bo@example.net\nTo: ann@example.org\nSubject: Pictures\nMessage-ID: <p@example.net>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
         Content-Type: text/plain\n\nLook.\n--b\nContent-Type: image/png\n\
         Content-Disposition: attachment; filename=\"a b.png\"\n\
         Content-Transfer-Encoding: base64\n\n{encoded}--b--\n"
    );
    scene.dovecot.deliver(&scene.user, "INBOX", &message);
    let inbox = scene.desk.mailbox("INBOX").key;
    let rows = scene.desk.wait_rows("mail", inbox, |rows| rows.len() == 1);
    let there = placed(&rows[0]);
    let path = scene.folder.path().join("own.bin");
    std::fs::write(&path, &bytes).unwrap();
    let own = scene.desk.attach(path.to_str().unwrap()).unwrap();
    let opened = scene.desk.compose(DraftStart::Forward(there)).unwrap();
    let mut draft = opened.draft;
    assert_eq!(draft.attachments.len(), 1);
    draft.attachments.push(own);
    draft.attachments.push(Attached {
        content: Content::Bytes(bytes.clone()),
        name: "held.bin".to_owned(),
        mime_type: "application/octet-stream".to_owned(),
        charset: String::new(),
        size_bytes: None,
    });
    draft.body = format!("See below.\n{}", draft.body);
    scene.desk.keep(opened.key, &draft, Caret::default());
    scene.desk.leave(opened.key);
    scene.wait_copies(&["Fwd: Pictures"]);
    let uid = scene.uids()[0];
    let raw = scene.other.body("Drafts", uid);
    let structure = mime::structure(&raw);
    let files: Vec<_> = structure.attachments().collect();
    let names: Vec<&str> = files.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a b.png", "own.bin", "held.bin"]);
    for file in files {
        let arrived = mime::part_body(&raw, &file.id).unwrap();
        assert!(arrived == bytes, "{} has other bytes", file.name);
    }
    // Whole, as an attachment: not a byte is other than on the server.
    let inbox_uid = scene.other.search("INBOX", "ALL")[0];
    let original = scene.other.body("INBOX", inbox_uid);
    let start = DraftStart::ForwardAttached(vec![there]);
    let attached = scene.desk.compose(start).unwrap();
    let mut draft = attached.draft;
    draft.subject = "Whole".to_owned();
    scene.desk.keep(attached.key, &draft, Caret::default());
    scene.desk.leave(attached.key);
    scene.wait_copies(&["Fwd: Pictures", "Whole"]);
    let whole = wait_for("the copy", || {
        let found = scene.other.search("Drafts", "SUBJECT Whole");
        found.first().copied()
    });
    let raw = scene.other.body("Drafts", whole);
    let found = raw.windows(original.len()).any(|part| part == original);
    assert!(found, "the attached message was changed");
}

/// In lines, as mail has it.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(76).map(|line| {
        let line = std::str::from_utf8(line).unwrap();
        format!("{line}\n")
    });
    lines.collect()
}

#[test]
fn a_draft_that_goes_over_to_another_account_leaves_the_first_ones_folder() {
    let dovecot = Dovecot::shared(Kind::Full);
    let users = [dovecot.fresh_user(), dovecot.fresh_user()];
    let folder = tempfile::tempdir().unwrap();
    let setups = users.iter().map(|user| account(dovecot, user)).collect();
    let mut desk = Desk::start(folder.path(), setups);
    desk.wait_in_step();
    let mut scene = Scene {
        other: dovecot.client(&users[0]),
        folder,
        desk,
        dovecot,
        user: users[0].clone(),
    };
    let (key, mut draft) = scene.write_and_leave("Ours");
    let opened = scene.desk.compose(DraftStart::Kept(key)).unwrap();
    draft.identity = opened.identities[1].clone();
    scene.desk.keep(key, &draft, Caret::default());
    scene.desk.leave(key);
    scene.wait_copies(&[]);
    scene.other = dovecot.client(&users[1]);
    scene.wait_copies(&["Ours"]);
}
