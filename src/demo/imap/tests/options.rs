//! What a peer leaves out, offers beside, and does wrong on request.
//!
//! Each test is a conversation; see the parent module.

use super::{Client, peer_with, uids};
use crate::demo::faults::{Act, Times, When};
use crate::demo::imap::{Options, Peer};
use crate::model::{Flag, FlagChange, Role};

#[tokio::test]
async fn large_literals_must_be_asked_for_where_only_small_ones_are_offered() {
    let peer = Peer::new(
        Options::default()
            .without(&["LITERAL+"])
            .with(&["LITERAL-"]),
    );
    let mut client = Client::ready(&peer, "").await;
    client.send("a STATUS {5+}\r\nINBOX (MESSAGES)\r\n").await;
    assert!(
        client
            .until_tagged("a")
            .await
            .pop()
            .unwrap()
            .starts_with("OK")
    );
    client.send("b APPEND INBOX {4097+}\r\n").await;
    assert!(client.line().await.starts_with("* BAD [TOOBIG]"));
    let peer = Peer::new(Options::default().without(&["LITERAL+"]));
    let mut client = Client::ready(&peer, "").await;
    client.send("a STATUS {5+}\r\n").await;
    assert!(client.line().await.starts_with("* BAD"));
}

#[tokio::test]
async fn a_literal_that_is_too_large_is_refused_before_it_comes_and_the_next_command_is_taken() {
    let peer = Peer::new(Options::default());
    let mut client = Client::ready(&peer, "").await;
    client.send("a APPEND INBOX {999999999}\r\n").await;
    assert!(client.line().await.starts_with("a NO [TOOBIG]"));
    client.ok("NOOP").await;
}

#[tokio::test]
async fn what_is_not_offered_is_refused_and_left_out() {
    let options = Options::default().without(&[
        "CONDSTORE",
        "MOVE",
        "UIDPLUS",
        "IDLE",
        "ESEARCH",
        "LIST-EXTENDED",
        "NAMESPACE",
        "ID",
        "ENABLE",
        "UNSELECT",
        "SPECIAL-USE",
        "CHILDREN",
        "STATUS=SIZE",
        "PREVIEW",
        "OBJECTID",
    ]);
    let peer = peer_with(options, 1);
    peer.store().create("Sent", Some(Role::Sent));
    let mut client = Client::ready(&peer, "").await;
    let selected = client.ok("SELECT INBOX").await.join("\n");
    assert!(!selected.contains("HIGHESTMODSEQ") && !selected.contains("MAILBOXID"));
    for command in [
        "ENABLE QRESYNC",
        "ID NIL",
        "NAMESPACE",
        "IDLE",
        "UNSELECT",
        "MOVE 1 Sent",
        "UID MOVE 1 Sent",
        "UID EXPUNGE 1",
        "UID SEARCH RETURN (ALL) ALL",
        "UID FETCH 1 (MODSEQ)",
        "UID FETCH 1 (FLAGS) (CHANGEDSINCE 1)",
        "FETCH 1 PREVIEW",
        "FETCH 1 EMAILID",
        "UID STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)",
        "SELECT INBOX (CONDSTORE)",
        "STATUS INBOX (HIGHESTMODSEQ)",
        "STATUS INBOX (SIZE)",
        "LIST \"\" \"*\" RETURN (SUBSCRIBED)",
    ] {
        let answer = client.tagged(command).await;
        assert!(answer.starts_with("BAD"), "{command}: {answer}");
        client.ok("SELECT INBOX").await;
    }
    assert_eq!(client.ok("LIST \"\" S*").await, [r#"* LIST () "/" "Sent""#]);
    assert_eq!(client.tagged("UID COPY 1 Sent").await, "OK Copied");
    client.send("a APPEND Sent {10}\r\n").await;
    assert_eq!(client.line().await, "+ go on");
    client.send("A: b\r\n\r\nhi\r\n").await;
    assert_eq!(client.until_tagged("a").await, ["OK Appended"]);
    let only_list = Options::default().without(&["LIST-STATUS"]);
    let mut client = Client::ready(&peer_with(only_list, 0), "").await;
    let answer = client
        .tagged("LIST \"\" \"*\" RETURN (STATUS (MESSAGES))")
        .await;
    assert!(answer.starts_with("BAD"), "{answer}");
    client.ok("LIST \"\" \"*\" RETURN (SUBSCRIBED)").await;
}

#[tokio::test]
async fn a_new_era_ends_the_session_that_had_the_folder_open() {
    let peer = peer_with(Options::default(), 2);
    let before = peer.store().mailbox("INBOX").unwrap().uid_validity;
    peer.store().expunge("INBOX", &uids(&[1]));
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    peer.store().jump_uid_validity("INBOX");
    client.send("n NOOP\r\n").await;
    assert!(client.line().await.starts_with("* BYE"));
    let mailbox = peer.store().mailbox("INBOX").unwrap();
    assert!(mailbox.uid_validity > before);
    assert_eq!(mailbox.messages.keys().collect::<Vec<_>>(), [&1]);
    let mut client = Client::ready(&peer, "QRESYNC").await;
    let resync = format!("SELECT INBOX (QRESYNC ({before} 1))");
    let lines = client.ok(&resync).await.join("\n");
    assert!(
        !lines.contains("FETCH") && !lines.contains("VANISHED"),
        "{lines}"
    );
}

#[tokio::test]
async fn faults_refuse_stall_speak_and_turn_away() {
    let options = Options {
        sessions_max: 1,
        ..Options::default()
    };
    let peer = peer_with(options, 1);
    let mut client = Client::ready(&peer, "").await;
    let mut second = peer.connect();
    let mut line = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut second, &mut line)
        .await
        .unwrap();
    assert_eq!(line, "* BYE [LIMIT] Too many connections\r\n");
    peer.faults().always("SELECT", Act::Bad("Unhappy".into()));
    assert_eq!(client.tagged("SELECT INBOX").await, "BAD Unhappy");
    assert_eq!(client.tagged("SELECT INBOX").await, "BAD Unhappy");
    peer.faults().clear();
    peer.faults()
        .once("SELECT", Act::Say("* OK [ALERT] Mind the gap\r\n".into()));
    let lines = client.ok("SELECT INBOX").await;
    assert_eq!(lines.first().unwrap(), "* OK [ALERT] Mind the gap");
    peer.faults().add(When::Any, Act::Stall, Times::Once);
    client.send("a NOOP\r\nb NOOP\r\n").await;
    tokio::task::yield_now().await;
    assert_eq!(peer.log().last().unwrap().command, "NOOP");
    drop(client);
    while peer.sessions_open() > 0 {
        tokio::task::yield_now().await;
    }
    peer.faults().once("NOOP", Act::DropBefore);
    let mut client = Client::ready(&peer, "").await;
    client.send("a NOOP\r\n").await;
    assert_eq!(client.line().await, "");
}

#[tokio::test]
async fn what_changed_and_what_vanished_can_be_asked_for() {
    let peer = peer_with(Options::default(), 5);
    let mut client = Client::ready(&peer, "QRESYNC").await;
    client.ok("SELECT INBOX").await;
    peer.store()
        .change_flags("INBOX", 4, &FlagChange::one(Flag::Seen, true));
    peer.store().expunge("INBOX", &uids(&[1, 3]));
    client.ok("NOOP").await;
    assert_eq!(
        client
            .ok("UID FETCH 2:* (FLAGS) (CHANGEDSINCE 6 VANISHED)")
            .await,
        [
            "* VANISHED (EARLIER) 3",
            "* 2 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (7))"
        ]
    );
    assert!(
        client
            .ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 8)")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_folder_of_folders_is_listed_but_not_opened() {
    let options = Options {
        other_users: "user/".into(),
        shared: "shared/".into(),
        ..Options::default()
    };
    let peer = peer_with(options, 0);
    peer.store().create("shared/team", None);
    peer.store().set_selectable("shared", false);
    let mut client = Client::ready(&peer, "").await;
    assert_eq!(
        client
            .ok("LIST \"\" \"shared%\" RETURN (STATUS (MESSAGES))")
            .await,
        [r#"* LIST (\Noselect \HasChildren) "/" "shared""#]
    );
    assert!(
        client
            .tagged("SELECT shared")
            .await
            .starts_with("NO [CANNOT]")
    );
    assert_eq!(
        client.ok("NAMESPACE").await,
        [r#"* NAMESPACE (("" "/")) (("user/" "/")) (("shared/" "/"))"#]
    );
}

#[tokio::test]
async fn keywords_are_dropped_where_the_folder_has_none() {
    let options = Options {
        has_keywords: false,
        ..Options::default()
    };
    let peer = peer_with(options, 1);
    let mut client = Client::ready(&peer, "").await;
    let selected = client.ok("SELECT INBOX").await.join("\n");
    assert!(!selected.contains("\\*"), "{selected}");
    client.ok("UID STORE 1 +FLAGS (\\Seen work)").await;
    assert_eq!(
        peer.store().flags("INBOX", 1).unwrap().to_string(),
        "\\Seen"
    );
}

#[tokio::test]
async fn the_demo_never_listens_beyond_this_machine() {
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
    let refused = crate::demo::imap::serve(listener, Peer::new(Options::default())).await;
    assert!(refused.unwrap_err().to_string().contains("loopback"));
}
