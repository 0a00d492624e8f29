//! The verbs that change mail against the demo's own server: what a demo's user does must work.
//!
//! In memory, with the true session. The demo's store is asked what is really there.

use pillarbox::demo::imap::{Options as Offer, Peer};
use pillarbox::model::{Flag, FlagChange, FlagSet, Moment, Namespace, Right, Role, Secret, UidSet};
use pillarbox::net::imap::{IdleEnd, Notice, Session, Start, Transferred};
use pillarbox::net::{Login, Options, Security, Server};
use std::future::ready;

fn set(text: &str) -> UidSet {
    UidSet::parse(text).unwrap()
}

fn message(n: u32) -> Vec<u8> {
    format!("Subject: Message {n}\r\nMessage-ID: <m{n}@example.org>\r\n\r\nText.\r\n").into_bytes()
}

/// A session that has the inbox open, with three messages in it.
async fn open(offer: Offer) -> (Peer, Session) {
    let peer = Peer::new(offer);
    for n in 1..=3 {
        peer.store()
            .append("INBOX", &message(n), FlagSet::new(), Moment::default());
    }
    let server = Server {
        host: "demo.test".into(),
        port: 143,
        security: Security::Implicit,
        ca_file: None,
    };
    let login = Login::Password {
        user: "ann".into(),
        password: Secret::new("secret".into()),
    };
    let options = Options {
        compress: Some(false),
        ..Options::default()
    };
    let wire = Box::new(peer.connect());
    let mut session = Session::over(wire, &server, &login, &options)
        .await
        .unwrap();
    session.start(&Start::default()).await.unwrap();
    session.select("INBOX", None).await.unwrap();
    session.uids().await.unwrap();
    (peer, session)
}

fn count(peer: &Peer, mailbox: &str) -> Option<usize> {
    peer.store().mailbox(mailbox).map(|m| m.messages.len())
}

fn gone(done: &Transferred) -> Vec<&UidSet> {
    let sets = done.notices.iter().filter_map(|notice| match notice {
        Notice::Gone(uids) => Some(uids),
        _ => None,
    });
    sets.collect()
}

#[tokio::test]
async fn messages_are_copied_moved_and_removed() {
    for offer in [
        Offer::default(),
        Offer::default().without(&["CONDSTORE", "LITERAL+", "ESEARCH"]),
    ] {
        let (peer, mut session) = open(offer).await;
        session.create("Prüfung", None).await.unwrap();
        assert_eq!(session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
        let done = session.copy_messages(&set("1:2"), "Prüfung").await.unwrap();
        assert_eq!(done.copied.unwrap().pairs.len(), 2);
        let done = session.move_messages(&set("3"), "Prüfung").await.unwrap();
        assert_eq!(gone(&done), [&set("3")]);
        assert_eq!(count(&peer, "Prüfung"), Some(3));
        let delete = FlagChange::one(Flag::Deleted, true);
        session.change_flags(&set("1:2"), &delete).await.unwrap();
        assert_eq!(session.marked_deleted().await.unwrap(), set("1:2"));
        let done = session.expunge_messages(&set("2")).await.unwrap();
        assert_eq!(gone(&done), [&set("2")]);
        let done = session.expunge_marked().await.unwrap();
        assert_eq!(gone(&done), [&set("1")]);
        assert_eq!(count(&peer, "INBOX"), Some(0));
        let done = session.move_messages(&set("1"), "Nowhere").await.unwrap();
        assert_eq!(done.refused.unwrap().code.as_deref(), Some("TRYCREATE"));
    }
}

#[tokio::test]
async fn a_message_is_appended_where_there_is_room() {
    for offer in [Offer::default(), Offer::default().without(&["LITERAL+"])] {
        let offer = Offer {
            quota_kib: 100,
            ..offer
        };
        let (peer, mut session) = open(offer).await;
        let flags = FlagSet::from_wire(["\\Seen"]);
        let arrived = Moment {
            unix_secs: 1_793_523_600,
            offset_mins: 60,
        };
        let bytes = message(9);
        let done = session.append("INBOX", &flags, Some(arrived), &bytes).await;
        assert_eq!(done.unwrap().at.unwrap().1.get(), 4);
        let inbox = peer.store().mailbox("INBOX").unwrap();
        assert_eq!(*inbox.messages[&4].raw, *bytes);
        assert_eq!(inbox.messages[&4].arrived, arrived);
        assert!(inbox.messages[&4].flags.has(Flag::Seen));
        let quota = session.quota("INBOX").await.unwrap().unwrap();
        assert_eq!((quota.used_kib, quota.limit_kib), (1, 100));
        let big = [bytes, vec![b'x'; 200_000]].concat();
        let done = session.append("INBOX", &flags, None, &big).await.unwrap();
        assert_eq!(done.refused.unwrap().code.as_deref(), Some("OVERQUOTA"));
        session.noop().await.unwrap();
    }
}

#[tokio::test]
async fn folders_change_and_the_open_one_may_go() {
    for offer in [
        Offer::default(),
        Offer::default().without(&["UNSELECT", "CREATE-SPECIAL-USE", "LIST-EXTENDED"]),
    ] {
        let can_use = offer.capabilities.iter().any(|c| c == "CREATE-SPECIAL-USE");
        let (peer, mut session) = open(offer).await;
        session.create("Ablage", Some(Role::Archive)).await.unwrap();
        session.subscribe("Ablage", true).await.unwrap();
        let list = session.list().await.unwrap();
        let made = list.iter().find(|l| l.name == "Ablage").unwrap();
        assert!(made.is_subscribed);
        assert_eq!(made.role, can_use.then_some(Role::Archive));
        session.select("Ablage", None).await.unwrap();
        session.rename("Ablage", "Alt").await.unwrap();
        assert!(session.uids().await.is_err(), "none is open");
        assert_eq!(session.status("Alt").await.unwrap().messages, Some(0));
        session.select("Alt", None).await.unwrap();
        session.delete_mailbox("Alt").await.unwrap();
        assert_eq!(count(&peer, "Alt"), None);
        session.select("INBOX", None).await.unwrap();
        assert_eq!(session.uids().await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn others_folders_are_told_apart_and_closed_to_what_is_not_allowed() {
    let offer = Offer {
        shared: "Club/".into(),
        foreign_rights: "lrs".into(),
        ..Offer::default()
    };
    let (peer, mut session) = open(offer).await;
    peer.store().create("Club/All", None);
    let list = session.list().await.unwrap();
    let club = list.iter().find(|l| l.name == "Club/All").unwrap();
    assert_eq!(club.namespace, Namespace::Shared);
    assert!(club.rights.unwrap().has(Right::Seen) && !club.rights.unwrap().has(Right::Insert));
    let done = session.move_messages(&set("1"), "Club/All").await.unwrap();
    assert_eq!(done.refused.unwrap().code.as_deref(), Some("NOPERM"));
    assert_eq!(count(&peer, "INBOX"), Some(3));
    let refused = session.delete_mailbox("Club/All").await.unwrap_err();
    assert_eq!(refused.code.as_deref(), Some("NOPERM"));
}
