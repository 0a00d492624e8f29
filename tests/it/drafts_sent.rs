//! From a draft to its recipients: what was written is what arrives, once, and the draft is gone.
//!
//! The engine between a real Dovecot and the demo's submission server. A draft must be on disk, in the
//! outbox or with its recipients at any time.

use crate::support::desk::{Desk, account, placed};
use crate::support::post::Post;
use crate::support::{Dovecot, Kind, OtherClient, wait_until};
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::{Outgoing, SaveSent};
use pillarbox::mime;
use pillarbox::model::{Caret, DraftStart, OutboxState, Recipients, Secret};
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Login, Options, Security, Server};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

struct Scene {
    post: Post,
    folder: TempDir,
    desk: Desk,
    other: OtherClient,
    dovecot: &'static Dovecot,
    user: String,
}

impl Scene {
    fn new(undo_secs: u64) -> Self {
        Self::with(undo_secs, Offer::default())
    }

    fn with(undo_secs: u64, offer: Offer) -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let user = dovecot.fresh_user();
        let post = Post::start(offer);
        let mut setup = account(dovecot, &user);
        setup.outgoing = Some(Outgoing {
            server: Server {
                host: "127.0.0.1".to_owned(),
                port: post.port,
                security: Security::Plain,
                ca_file: None,
            },
            login: Arc::new(|| {
                Ok(Login::Password {
                    user: "ann".to_owned(),
                    password: Secret::new("secret".to_owned()),
                })
            }),
            options: Options::default(),
            manner: Manner::default(),
            save_sent: SaveSent::Always,
            undo: Duration::from_secs(undo_secs),
        });
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::start(folder.path(), vec![setup]);
        desk.wait_in_step();
        Self {
            post,
            folder,
            desk,
            other: dovecot.client(&user),
            dovecot,
            user,
        }
    }

    fn wait_count(&mut self, mailbox: &str, count: usize) {
        let other = &mut self.other;
        wait_until(&format!("{count} messages in {mailbox}"), || {
            other.search(mailbox, "ALL").len() == count
        });
    }
}

#[test]
fn what_was_written_arrives_and_its_draft_goes_from_the_server() {
    let mut scene = Scene::new(0);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let path = scene.folder.path().join("plan.bin");
    std::fs::write(&path, &bytes).unwrap();
    let opened = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("Bo <bo@example.net>");
    draft.bcc = Recipients::read("secret@example.net");
    draft.subject = "Grüße".to_owned();
    draft.body = "Schöne Grüße".to_owned();
    draft.attachments = vec![scene.desk.attach(path.to_str().unwrap()).unwrap()];
    scene.desk.keep(opened.key, &draft, Caret::default());
    scene.desk.leave(opened.key);
    scene.wait_count("Drafts", 1);
    scene.desk.post(opened.key).unwrap();
    let post = &scene.post;
    wait_until("the message", || post.taken().len() == 1);
    let taken = scene.post.taken();
    let to: Vec<&str> = taken[0].to.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(to, ["bo@example.net", "secret@example.net"]);
    let raw = &taken[0].raw;
    assert_eq!(mime::envelope(raw).subject, "Grüße");
    assert!(!raw.windows(6).any(|part| part == b"secret"));
    let structure = mime::structure(raw);
    let file = structure.attachments().next().unwrap();
    assert!(mime::part_body(raw, &file.id).unwrap() == bytes);
    scene.wait_count("Drafts", 0);
    scene.wait_count("Sent", 1);
    let sent = scene.other.search("Sent", "ALL")[0];
    assert!(scene.other.body("Sent", sent) == *raw, "another is filed");
    assert!(scene.desk.kept().is_empty());
    let again = scene.desk.compose(DraftStart::Kept(opened.key));
    assert_eq!(again.unwrap_err(), "not opened: this draft was sent");
}

#[test]
fn what_is_taken_back_is_a_draft_again_with_the_copy_it_had() {
    let mut scene = Scene::new(60);
    let opened = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("bo@example.net");
    draft.subject = "Wait".to_owned();
    scene.desk.keep(opened.key, &draft, Caret::default());
    scene.desk.leave(opened.key);
    scene.wait_count("Drafts", 1);
    let before = scene.other.search("Drafts", "ALL");
    let (item, label) = scene.desk.post(opened.key).unwrap();
    assert_eq!(label, "To be sent in 60 seconds");
    assert!(scene.desk.kept().is_empty());
    let (key, back) = scene.desk.take_back(item).unwrap();
    assert_eq!((key, &back), (opened.key, &draft));
    assert!(scene.desk.take_back(item).is_err());
    scene.desk.leave(key);
    // What was changed later is on the server after it: so the first is settled.
    let other = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    draft.subject = "Other".to_owned();
    scene.desk.keep(other.key, &draft, Caret::default());
    scene.desk.leave(other.key);
    scene.wait_count("Drafts", 2);
    assert_eq!(scene.other.search("Drafts", "SUBJECT Wait"), before);
    // Cancelled, it is a draft as before: nobody loses what was written.
    let (item, _) = scene.desk.post(key).unwrap();
    assert_eq!(scene.desk.kept().len(), 1);
    scene.desk.cancel(item);
    assert_eq!(scene.desk.kept().len(), 2);
    let again = scene.desk.compose(DraftStart::Kept(key)).unwrap();
    assert_eq!(again.draft.subject, "Wait");
    assert!(scene.post.taken().is_empty());
}

#[test]
fn who_has_it_already_is_not_in_the_draft_that_comes_back() {
    let refusals = vec![(
        "cy@there.test".to_owned(),
        "550 5.1.1 Nobody here".to_owned(),
    )];
    let offer = Offer {
        refusals,
        ..Offer::default()
    };
    let mut scene = Scene::with(0, offer);
    let opened = scene.desk.compose(DraftStart::Blank(None)).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("Bo <BO@there.test>, Cy <cy@there.test>");
    draft.subject = "Both".to_owned();
    scene.desk.keep(opened.key, &draft, Caret::default());
    let (item, _) = scene.desk.post(opened.key).unwrap();
    let desk = &mut scene.desk;
    wait_until("the refusal", || {
        let items = desk.outbox();
        items
            .iter()
            .any(|i| i.key == item && i.state == OutboxState::Failed)
    });
    let (key, mut back) = scene.desk.take_back(item).unwrap();
    assert_eq!(back.to.typed(), "Cy <cy@there.test>");
    back.to = Recipients::read("cyrus@there.test");
    scene.desk.keep(key, &back, Caret::default());
    scene.desk.post(key).unwrap();
    let post = &scene.post;
    wait_until("the message", || post.taken().len() == 2);
    let given = scene.post.given();
    let expected = [("BO@there.test", 1), ("cyrus@there.test", 1)];
    let expected = expected.map(|(who, count)| (who.to_owned(), count));
    assert_eq!(given, expected);
}

#[test]
fn what_is_passed_on_as_it_is_is_the_same_and_its_original_is_marked() {
    let mut scene = Scene::new(0);
    let original = "From: bo@example.net\nTo: USER@example.org\nSubject: Look\n\
         Message-ID: <look@example.net>\n\nAs it is.\n";
    scene.dovecot.deliver(&scene.user, "INBOX", original);
    let inbox = scene.desk.mailbox("INBOX").key;
    let rows = scene.desk.wait_rows("mail", inbox, |rows| rows.len() == 1);
    let uid = scene.other.search("INBOX", "ALL")[0];
    let raw = scene.other.body("INBOX", uid);
    let start = DraftStart::Bounce(placed(&rows[0]));
    let opened = scene.desk.compose(start).unwrap();
    let mut draft = opened.draft;
    draft.to = Recipients::read("cy@example.net");
    scene.desk.keep(opened.key, &draft, Caret::default());
    scene.desk.post(opened.key).unwrap();
    let post = &scene.post;
    wait_until("the message", || post.taken().len() == 1);
    let taken = scene.post.taken();
    assert!(taken[0].raw.ends_with(&raw), "the message was changed");
    assert!(taken[0].raw.starts_with(b"Resent-Date: "));
    let other = &mut scene.other;
    wait_until("the mark", || {
        other.flags("INBOX", uid).contains(&"$Forwarded".to_owned())
    });
}
