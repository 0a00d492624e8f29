//! The verbs that change mail against a real Dovecot, one by one, as another client sees them.
//!
//! Each runs on the kinds of server that its promise is for. What ours is told must be what is there.

use crate::support::{Dovecot, Kind, OtherClient, Proxy};
use pillarbox::model::{Flag, FlagChange, FlagSet, Moment, Namespace, Right, Role, Secret, UidSet};
use pillarbox::net::imap::{IdleEnd, Listed, Notice, Session, Start, Transferred};
use pillarbox::net::{Class, Login, Options, Security, Server};
use std::fs;
use std::future::ready;

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

async fn open(port: u16, user: &str) -> Session {
    let server = Server {
        host: "127.0.0.1".into(),
        port,
        security: Security::Plain,
        ca_file: None,
    };
    let login = Login::Password {
        user: user.into(),
        password: Secret::new("pass".into()),
    };
    Session::open(&server, &login, &Options::default())
        .await
        .unwrap()
}

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Message {n}\r\n\
         Message-ID: <m{n}@example.org>\r\n\r\nText {n}.\r\n"
    )
}

/// A user with so many messages in the inbox, and a session that has it open and knows its ids.
struct Scene {
    user: String,
    other: OtherClient,
    session: Session,
}

impl Scene {
    async fn new(kind: Kind, count: u32) -> Self {
        let dovecot = Dovecot::shared(kind);
        Self::at(dovecot, dovecot.imap, count).await
    }

    async fn at(dovecot: &Dovecot, port: u16, count: u32) -> Self {
        let user = dovecot.fresh_user();
        let mut other = dovecot.client(&user);
        other.run("SELECT INBOX");
        let cur = dovecot.maildir(&user).join("cur");
        for n in 1..=count {
            let name = format!("{}.M{n}P1.test:2,", 1_775_000_000 + n);
            fs::write(cur.join(name), message(n)).unwrap();
        }
        dovecot.own_files(&user);
        let mut session = open(port, &user).await;
        session.start(&Start::default()).await.unwrap();
        session.select("INBOX", None).await.unwrap();
        assert_eq!(session.uids().await.unwrap().len(), u64::from(count));
        Self {
            user,
            other,
            session,
        }
    }

    /// What the session says is in a mailbox, and what the other client sees in it.
    fn subjects(&mut self, mailbox: &str) -> Vec<u32> {
        let found: Vec<u32> = (1..=9)
            .filter(|n| {
                let wanted = format!("SUBJECT \"Message {n}\"");
                !self.other.search(mailbox, &wanted).is_empty()
            })
            .collect();
        found
    }
}

fn set(text: &str) -> UidSet {
    UidSet::parse(text).unwrap()
}

fn gone(done: &Transferred) -> UidSet {
    let mut gone = UidSet::new();
    for notice in &done.notices {
        match notice {
            Notice::Gone(uids) => uids.ranges().for_each(|(a, b)| gone.insert_range(a, b)),
            Notice::GoneUnknown => panic!("not told which"),
            _ => {}
        }
    }
    gone
}

fn pairs(done: &Transferred) -> Vec<(u32, u32)> {
    let copied = done.copied.as_ref().expect("where copies went is told");
    copied
        .pairs
        .iter()
        .map(|(a, b)| (a.get(), b.get()))
        .collect()
}

#[test]
fn moved_messages_are_in_the_other_folder_under_the_ids_that_are_told() {
    for kind in [Kind::Full, Kind::Condstore, Kind::Plain, Kind::Shared] {
        run(async {
            let mut scene = Scene::new(kind, 5).await;
            scene
                .session
                .create("Ablage/\"ä\" {3}", None)
                .await
                .unwrap();
            let to = "Ablage/\"ä\" {3}";
            let done = scene
                .session
                .move_messages(&set("2,4:5"), to)
                .await
                .unwrap();
            assert!(done.refused.is_none(), "{kind:?}: {done:?}");
            assert_eq!(gone(&done), set("2,4:5"), "{kind:?}");
            assert_eq!(pairs(&done), [(2, 1), (4, 2), (5, 3)], "{kind:?}");
            let status = scene.session.status(to).await.unwrap();
            assert_eq!(status.uid_validity, done.copied.map(|c| c.uid_validity));
            assert_eq!(status.messages, Some(3), "{kind:?}");
            assert_eq!(scene.subjects("INBOX"), [1, 3]);
            let wire = "Ablage/\\\"&AOQ-\\\" {3}";
            assert_eq!(scene.subjects(wire), [2, 4, 5]);
            assert_eq!(scene.other.search(wire, "SUBJECT \"Message 5\""), [3]);
            // Once more: what is no longer there is passed over.
            let again = scene
                .session
                .move_messages(&set("2,4:5"), to)
                .await
                .unwrap();
            assert!(
                again.refused.is_none() && again.copied.is_none(),
                "{again:?}"
            );
            assert_eq!(scene.subjects(wire), [2, 4, 5]);
        });
    }
}

#[test]
fn a_move_to_nowhere_is_refused_and_everything_stays() {
    for kind in [Kind::Full, Kind::Plain] {
        run(async {
            let mut scene = Scene::new(kind, 3).await;
            for verb in ["move", "copy"] {
                let all = set("1:3");
                let done = match verb {
                    "move" => scene.session.move_messages(&all, "Nowhere").await,
                    _ => scene.session.copy_messages(&all, "Nowhere").await,
                };
                let refused = done.unwrap().refused.unwrap();
                assert_eq!(refused.class, Class::Rejected, "{kind:?}");
                assert_eq!(refused.code.as_deref(), Some("TRYCREATE"), "{kind:?}");
            }
            assert_eq!(scene.subjects("INBOX"), [1, 2, 3]);
            scene.session.noop().await.unwrap();
        });
    }
}

#[test]
fn where_there_is_no_move_copies_are_expunged_one_by_one_and_those_marked_by_others_stay() {
    run(async {
        let mut scene = Scene::new(Kind::Condstore, 4).await;
        assert!(!scene.session.capabilities().can_move());
        assert!(scene.session.capabilities().can_uidplus());
        scene.other.store("INBOX", 1, "+\\Deleted");
        let done = scene
            .session
            .copy_messages(&set("2:3"), "Archive")
            .await
            .unwrap();
        assert_eq!(pairs(&done), [(2, 1), (3, 2)]);
        assert!(gone(&done).is_empty());
        let delete = FlagChange::one(Flag::Deleted, true);
        scene
            .session
            .change_flags(&set("2:3"), &delete)
            .await
            .unwrap();
        assert_eq!(scene.session.marked_deleted().await.unwrap(), set("1:3"));
        let done = scene.session.expunge_messages(&set("2:3")).await.unwrap();
        assert!(done.refused.is_none());
        assert_eq!(gone(&done), set("2:3"));
        assert_eq!(scene.subjects("INBOX"), [1, 4]);
        assert_eq!(scene.subjects("Archive"), [2, 3]);
    });
}

#[test]
fn a_plain_expunge_removes_all_that_are_marked_and_tells_which() {
    for kind in [Kind::Plain, Kind::Full] {
        run(async {
            let mut scene = Scene::new(kind, 4).await;
            assert!(scene.session.marked_deleted().await.unwrap().is_empty());
            scene.other.store("INBOX", 1, "+\\Deleted");
            let delete = FlagChange::one(Flag::Deleted, true);
            scene
                .session
                .change_flags(&set("3"), &delete)
                .await
                .unwrap();
            assert_eq!(
                scene.session.marked_deleted().await.unwrap(),
                set("1,3"),
                "{kind:?}"
            );
            let done = scene.session.expunge_marked().await.unwrap();
            assert_eq!(gone(&done), set("1,3"), "{kind:?}");
            assert_eq!(scene.subjects("INBOX"), [2, 4]);
            assert_eq!(scene.session.uids().await.unwrap(), set("2,4"));
        });
    }
}

#[test]
fn a_thousand_messages_out_of_idle_are_moved_and_marked_in_one_turn_each() {
    run(async {
        let dovecot = Dovecot::shared(Kind::Full);
        let proxy = Proxy::before(dovecot.imap);
        let mut scene = Scene::at(dovecot, proxy.port, 1_000).await;
        // Far apart, so that the set does not fold up.
        let odd: UidSet = (0..500)
            .filter_map(|n| pillarbox::model::Uid::new(n * 2 + 1))
            .collect();
        assert_eq!(scene.session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
        let before = proxy.turns();
        let seen = FlagChange::one(Flag::Seen, true);
        scene
            .session
            .change_flags(&set("1:1000"), &seen)
            .await
            .unwrap();
        assert_eq!(proxy.turns() - before, 1, "read");
        assert_eq!(scene.session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
        let before = proxy.turns();
        let done = scene.session.move_messages(&odd, "Archive").await.unwrap();
        assert_eq!(proxy.turns() - before, 1, "moved");
        assert_eq!(gone(&done), odd);
        assert_eq!(pairs(&done).len(), 500);
        assert_eq!(scene.other.search("Archive", "SEEN").len(), 500);
    });
}

#[test]
fn what_others_do_while_our_move_ends_idle_is_told_with_it() {
    for kind in [Kind::Full, Kind::Condstore] {
        run(async {
            let mut scene = Scene::new(kind, 4).await;
            assert_eq!(scene.session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
            scene.other.store("INBOX", 1, "+\\Deleted");
            scene.other.run("EXPUNGE");
            let done = scene
                .session
                .move_messages(&set("3"), "Trash")
                .await
                .unwrap();
            let mut all = gone(&done);
            // It may also be told by the next call.
            scene.session.noop().await.unwrap();
            for notice in scene.session.take_notices() {
                if let Notice::Gone(uids) = notice {
                    uids.iter().for_each(|uid| all.insert(uid));
                }
            }
            assert_eq!(all, set("1,3"), "{kind:?}");
            assert_eq!(scene.subjects("INBOX"), [2, 4]);
        });
    }
}

#[test]
fn an_appended_message_is_there_byte_for_byte_with_flags_and_time() {
    let odd =
        b"Subject: =?x?\r\n\r\nP9 LOGOUT\r\n. {5}\r\n\xff\xfe)\r\n\"\\ \r\n\r\nno end".to_vec();
    let large = [b"Subject: large\r\n\r\n".to_vec(), vec![b'x'; 3_000_000]].concat();
    for kind in [Kind::Full, Kind::Plain] {
        run(async {
            let mut scene = Scene::new(kind, 1).await;
            let flags = FlagSet::from_wire(["\\Seen", "\\Recent", "$Forwarded", "work"]);
            let arrived = Moment {
                unix_secs: 1_000_000_007,
                offset_mins: -150,
            };
            scene.session.create("Entwürfe", None).await.unwrap();
            let to = "Entwürfe";
            for bytes in [&odd, &large] {
                assert_eq!(scene.session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
                let done = scene.session.append(to, &flags, Some(arrived), bytes).await;
                let done = done.unwrap();
                assert!(done.refused.is_none(), "{kind:?}: {done:?}");
                let (era, uid) = done.at.expect("Dovecot tells where it went");
                let status = scene.session.status(to).await.unwrap();
                assert_eq!(status.uid_validity, Some(era));
                assert_eq!(
                    &scene.other.body("Entw&APw-rfe", uid.get()),
                    bytes,
                    "{kind:?}"
                );
                let set = scene.other.flags("Entw&APw-rfe", uid.get());
                assert_eq!(set, ["$Forwarded", "\\Seen", "work"]);
                let date = format!("UID FETCH {uid} INTERNALDATE");
                let date = scene.other.run(&date).concat();
                let day = date.contains("-Sep-2001 01:46:47 +0000");
                assert!(day && date.contains("9-Sep"), "{date}");
            }
        });
    }
}

#[test]
fn a_message_that_is_not_wanted_is_refused_and_the_session_goes_on() {
    for kind in [Kind::Full, Kind::Plain, Kind::Shared] {
        run(async {
            let mut scene = Scene::new(kind, 1).await;
            let none = FlagSet::new();
            let text = message(7);
            let done = scene
                .session
                .append("Nowhere", &none, None, text.as_bytes())
                .await
                .unwrap();
            let refused = done.refused.unwrap();
            assert_eq!(
                refused.code.as_deref(),
                Some("TRYCREATE"),
                "{kind:?}: {refused:?}"
            );
            let big = [text.as_bytes(), &vec![b'y'; 2_000_000]].concat();
            let done = scene
                .session
                .append("Sent", &none, None, &big)
                .await
                .unwrap();
            if kind == Kind::Shared {
                let refused = done.refused.unwrap();
                assert_eq!(refused.code.as_deref(), Some("OVERQUOTA"), "{refused:?}");
            } else {
                assert!(done.refused.is_none());
            }
            let done = scene
                .session
                .append("Drafts", &none, None, text.as_bytes())
                .await
                .unwrap();
            assert!(done.refused.is_none(), "{kind:?}: {done:?}");
            assert_eq!(scene.subjects("Drafts"), [7]);
        });
    }
}

async fn listed(session: &mut Session, name: &str) -> Option<Listed> {
    let list = session.list().await.unwrap();
    list.into_iter().find(|l| l.name == name)
}

#[test]
fn folders_are_made_renamed_subscribed_to_and_deleted() {
    for kind in [Kind::Full, Kind::Condstore, Kind::Plain, Kind::Prefixed] {
        run(async {
            let mut scene = Scene::new(kind, 1).await;
            let (prefix, separator) = match kind {
                Kind::Prefixed => ("INBOX.", "."),
                _ => ("", "/"),
            };
            let session = &mut scene.session;
            let name = |leaf: &str| format!("{prefix}Prüfung \"1\" {{9}}{leaf}");
            let (one, two) = (name(""), name(&format!("{separator}& Co")));
            session.create(&two, None).await.unwrap();
            session.subscribe(&two, true).await.unwrap();
            let found = listed(session, &two).await.unwrap();
            assert!(found.is_subscribed && found.is_selectable, "{kind:?}");
            let twice = session.create(&two, None).await.unwrap_err();
            assert_eq!(twice.code.as_deref(), Some("ALREADYEXISTS"), "{kind:?}");
            session.subscribe(&two, false).await.unwrap();
            assert!(!listed(session, &two).await.unwrap().is_subscribed);
            let other = format!("{prefix}Zweite");
            session.rename(&one, &other).await.unwrap();
            assert!(listed(session, &two).await.is_none(), "{kind:?}");
            let moved = format!("{other}{separator}& Co");
            let status = session.status(&moved).await.unwrap();
            assert_eq!(status.messages, Some(0), "{kind:?}");
            assert!(status.uid_next.is_some() && status.uid_validity.is_some());
            session.delete_mailbox(&moved).await.unwrap();
            assert!(listed(session, &moved).await.is_none(), "{kind:?}");
            let missing = session.status(&moved).await.unwrap_err();
            assert_eq!(missing.class, Class::Rejected);
            let missing = session.delete_mailbox(&moved).await.unwrap_err();
            assert_eq!(missing.code.as_deref(), Some("NONEXISTENT"), "{kind:?}");
            let missing = session.rename(&moved, &two).await.unwrap_err();
            assert_eq!(missing.class, Class::Rejected, "{kind:?}");
        });
    }
}

#[test]
fn a_folder_for_a_purpose_is_made_with_it_where_the_server_can() {
    run(async {
        let mut scene = Scene::new(Kind::Full, 1).await;
        scene
            .session
            .create("Ablage", Some(Role::Archive))
            .await
            .unwrap();
        assert!(listed(&mut scene.session, "Ablage").await.is_some());
        let mut scene = Scene::new(Kind::Plain, 1).await;
        scene
            .session
            .create("Ablage", Some(Role::Archive))
            .await
            .unwrap();
        assert!(listed(&mut scene.session, "Ablage").await.is_some());
    });
}

#[test]
fn the_open_folder_is_left_before_it_goes_and_what_is_marked_in_it_stays() {
    for kind in [Kind::Full, Kind::Plain] {
        run(async {
            let mut scene = Scene::new(kind, 3).await;
            let session = &mut scene.session;
            session.create("Weg", None).await.unwrap();
            session.copy_messages(&set("1:3"), "Weg").await.unwrap();
            session.select("Weg", None).await.unwrap();
            let delete = FlagChange::one(Flag::Deleted, true);
            session.change_flags(&set("2"), &delete).await.unwrap();
            assert_eq!(session.idle(ready(())).await.unwrap(), IdleEnd::Woken);
            session.rename("Weg", "Hin").await.unwrap();
            assert!(session.uids().await.is_err(), "{kind:?}: none is open");
            assert_eq!(scene.subjects("Hin"), [1, 2, 3], "{kind:?}");
            let session = &mut scene.session;
            session.select("Hin", None).await.unwrap();
            assert_eq!(session.uids().await.unwrap().len(), 3);
            session.delete_mailbox("Hin").await.unwrap();
            assert!(session.uids().await.is_err(), "{kind:?}: none is open");
            assert!(listed(session, "Hin").await.is_none());
            session.select("INBOX", None).await.unwrap();
            assert_eq!(session.uids().await.unwrap().len(), 3);
            scene.other.run("SELECT INBOX");
        });
    }
}

#[test]
fn others_folders_are_told_apart_with_what_one_may_do_in_them() {
    run(async {
        let dovecot = Dovecot::shared(Kind::Shared);
        let mut scene = Scene::new(Kind::Shared, 2).await;
        let ann = dovecot.fresh_user();
        let mut other = dovecot.client(&ann);
        other.append("Plans", "", &message(8));
        other.run(&format!("SETACL Plans {} lrs", scene.user));
        let session = &mut scene.session;
        let list = session.list().await.unwrap();
        let find = |name: &str| list.iter().find(|l| l.name == name).expect("listed");
        let plans = format!("Shared/{ann}/Plans");
        assert_eq!(find(&plans).namespace, Namespace::OtherUsers);
        let rights = find(&plans).rights.unwrap();
        assert!(rights.has(Right::Read) && rights.has(Right::Seen) && !rights.has(Right::Insert));
        assert_eq!(find("Public/team").namespace, Namespace::Shared);
        assert!(!find("Public/team").rights.unwrap().has(Right::Seen));
        assert!(find("Public/drop").rights.unwrap().has(Right::Expunge));
        assert_eq!(find("INBOX").namespace, Namespace::Personal);
        assert_eq!(find("INBOX").rights, None);
        let names = ["INBOX", "Public/nowhere", "Public/team"].map(str::to_owned);
        let rights = session.my_rights(&names).await.unwrap();
        assert!(rights[0].unwrap().has(Right::DeleteMessages));
        assert!(rights[1].is_none());
        assert!(!rights[2].unwrap().has(Right::Write));
        session.select("INBOX", None).await.unwrap();
        let done = session
            .move_messages(&set("1"), "Public/team")
            .await
            .unwrap();
        let refused = done.refused.unwrap();
        assert_eq!(refused.class, Class::Rejected);
        assert_eq!(refused.code.as_deref(), Some("NOPERM"), "{refused:?}");
        let done = session
            .move_messages(&set("1"), "Public/drop")
            .await
            .unwrap();
        assert!(done.refused.is_none() && done.copied.is_some(), "{done:?}");
        assert_eq!(session.uids().await.unwrap(), set("2"));
        let read_only = session.select(&plans, None).await.unwrap();
        assert_eq!(read_only.status.messages, Some(1));
        let done = session.move_messages(&set("1"), "INBOX").await.unwrap();
        assert!(done.refused.is_some(), "may not be removed there: {done:?}");
    });
}

#[test]
fn the_room_on_the_server_is_told_where_there_is_a_limit() {
    run(async {
        let mut scene = Scene::new(Kind::Shared, 1).await;
        let text = [message(1).into_bytes(), vec![b'z'; 100_000]].concat();
        let before = scene.session.quota("INBOX").await.unwrap().unwrap();
        assert_eq!(before.limit_kib, 1024);
        scene
            .session
            .append("Sent", &FlagSet::new(), None, &text)
            .await
            .unwrap();
        let after = scene.session.quota("INBOX").await.unwrap().unwrap();
        assert!(after.used_kib >= before.used_kib + 97, "{after:?}");
        let mut scene = Scene::new(Kind::Full, 1).await;
        assert_eq!(scene.session.quota("INBOX").await.unwrap(), None);
    });
}
