//! One claim per command: what it does, what it says, and what it refuses.
//!
//! Each test is a conversation; see the parent module.

use super::{Client, HELLO, moment, peer_with, uids};
use crate::demo::imap::{Options, Peer};
use crate::model::{Flag, FlagChange, FlagSet};
use base64::Engine;

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_their_order() {
    let peer = peer_with(Options::default(), 1);
    let mut client = Client::new(&peer).await;
    client
        .send("a LOGIN ann secret\r\nb SELECT INBOX\r\nc UID FETCH 1 (FLAGS)\r\nd NOOP\r\n")
        .await;
    for tag in ["a", "b", "c", "d"] {
        let answer = client.until_tagged(tag).await.pop().unwrap();
        assert!(answer.starts_with("OK"), "{tag}: {answer}");
    }
}

#[tokio::test]
async fn tokens_and_plain_are_taken_with_and_without_an_initial_response() {
    let peer = Peer::new(Options::default());
    for (mechanism, message, is_taken) in [
        ("PLAIN", "\0ann\0secret", true),
        ("PLAIN", "\0ann\0wrong", false),
        ("XOAUTH2", "user=ann\u{1}auth=Bearer token\u{1}\u{1}", true),
        ("XOAUTH2", "user=ann\u{1}auth=Bearer bad\u{1}\u{1}", false),
        ("OAUTHBEARER", "n,a=ann,\u{1}auth=Bearer t\u{1}\u{1}", true),
        ("OAUTHBEARER", "n,a=bo,\u{1}auth=Bearer t\u{1}\u{1}", false),
    ] {
        let status = if is_taken {
            "OK [CAPABILITY"
        } else {
            "NO [AUTHENTICATIONFAILED]"
        };
        let mut client = Client::new(&peer).await;
        client
            .send(&format!(
                "a AUTHENTICATE {mechanism} {}\r\n",
                base64(message)
            ))
            .await;
        if !is_taken && mechanism != "PLAIN" {
            assert!(
                client.line().await.starts_with("+ ey"),
                "the error is a challenge"
            );
            client.send("\r\n").await;
        }
        let answer = client.until_tagged("a").await.pop().unwrap();
        assert!(answer.starts_with(status), "{mechanism}: {answer}");
    }
    let peer = Peer::new(Options::default().without(&["SASL-IR", "AUTH=XOAUTH2"]));
    let mut client = Client::new(&peer).await;
    assert!(
        client
            .tagged("AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=")
            .await
            .starts_with("BAD")
    );
    assert!(
        client
            .tagged("AUTHENTICATE XOAUTH2")
            .await
            .starts_with("NO")
    );
    client.send("a AUTHENTICATE PLAIN\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send("AGFubgBzZWNyZXQ=\r\n").await;
    assert!(
        client
            .until_tagged("a")
            .await
            .pop()
            .unwrap()
            .starts_with("OK")
    );
}

#[tokio::test]
async fn what_is_not_in_the_grammar_is_bad() {
    let peer = peer_with(Options::default(), 1);
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    for command in [
        "NOOP ",
        "FETCH 1  FLAGS",
        "FETCH 0 FLAGS",
        "FETCH 2 FLAGS",
        "FETCH 1 ()",
        "FETCH 1 (FLAGS) ",
        "FETCH 1 BODY[",
        "FETCH 1 BODY[MIME]",
        "FETCH 1 BODY[]<0>",
        "UID FETCH 1 (FLAGS) (VANISHED)",
        "STORE 1 FLAGS \\Nonsense",
        "SEARCH",
        "SEARCH SUBJECT \"caf\u{e9}\"",
        "SEARCH SUBJECT \"a\\b\"",
        "LIST \"\" \"Entw\u{fc}rfe\"",
        "CREATE \"a&\"",
        "STATUS INBOX ()",
        "SELECT INBOX (QRESYNC (1 1))",
        "APPEND INBOX \"no literal\"",
        "XYZZY",
    ] {
        let answer = client.tagged(command).await;
        assert!(answer.starts_with("BAD"), "{command}: {answer}");
    }
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("* BAD"));
    client.ok("NOOP").await;
    for broken in ["a NOOP\n", "a NO\rOP\r\n", "a LOGIN {3}\r\na\0n"] {
        let mut client = Client::new(&peer).await;
        client.send(broken).await;
        let mut line = client.line().await;
        if line.starts_with('+') {
            line = client.line().await;
        }
        assert!(line.starts_with("* BAD"), "{broken:?}: {line}");
        assert_eq!(client.line().await, "* BYE Cannot go on");
    }
}

#[tokio::test]
async fn copies_and_moves_say_where_the_messages_are_now() {
    let peer = peer_with(Options::default(), 4);
    peer.store().create("Kept", None);
    let validity = peer.store().mailbox("Kept").unwrap().uid_validity;
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    assert_eq!(
        client.tagged("UID COPY 1,3:4 Kept").await,
        format!("OK [COPYUID {validity} 1,3:4 1:3] Copied")
    );
    assert_eq!(
        client.exchange("MOVE 1:2 Kept").await,
        [
            format!("* OK [COPYUID {validity} 1:2 4:5] Moved"),
            "* 1 EXPUNGE".into(),
            "* 1 EXPUNGE".into(),
            "OK Done".into(),
        ]
    );
    assert!(
        client
            .tagged("UID MOVE 3 Nowhere")
            .await
            .starts_with("NO [TRYCREATE]")
    );
    assert_eq!(
        client.tagged("UID MOVE 99 Kept").await,
        "OK Done",
        "a missing source is done"
    );
    let mut quick = Client::ready(&peer, "QRESYNC").await;
    quick.ok("SELECT INBOX").await;
    assert_eq!(
        quick.exchange("UID MOVE 3 Kept").await,
        [
            format!("* OK [COPYUID {validity} 3 6] Moved"),
            "* VANISHED 3".into(),
            "OK [HIGHESTMODSEQ 7] Done".into(),
        ]
    );
    assert_eq!(peer.store().mailbox("Kept").unwrap().messages.len(), 6);
}

#[tokio::test]
async fn only_marked_and_named_messages_are_expunged() {
    let peer = peer_with(Options::default(), 4);
    for uid in [1, 2, 4] {
        peer.store()
            .change_flags("INBOX", uid, &FlagChange::one(Flag::Deleted, true));
    }
    let left = || -> Vec<u32> {
        peer.store()
            .mailbox("INBOX")
            .unwrap()
            .messages
            .into_keys()
            .collect()
    };
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    assert_eq!(client.ok("UID EXPUNGE 2:3").await, ["* 2 EXPUNGE"]);
    assert_eq!(left(), [1, 3, 4]);
    client.ok("UNSELECT").await;
    assert_eq!(left(), [1, 3, 4]);
    client.ok("EXAMINE INBOX").await;
    assert!(client.tagged("EXPUNGE").await.starts_with("NO"));
    assert!(
        client
            .tagged("STORE 1 +FLAGS (\\Seen)")
            .await
            .starts_with("NO")
    );
    client.ok("CLOSE").await;
    assert_eq!(left(), [1, 3, 4]);
    client.ok("SELECT INBOX").await;
    assert!(client.ok("CLOSE").await.is_empty());
    assert_eq!(left(), [3]);
}

#[tokio::test]
async fn an_appended_message_keeps_its_bytes_flags_and_date() {
    let peer = Peer::new(Options::default());
    let validity = peer.store().mailbox("INBOX").unwrap().uid_validity;
    let mut client = Client::ready(&peer, "").await;
    let size = HELLO.len();
    let date = " 1-Nov-2026 10:00:00 +0100";
    client
        .send(&format!(
            "a APPEND INBOX (\\Seen $Junk) \"{date}\" {{{size}+}}\r\n{HELLO}\r\n"
        ))
        .await;
    assert_eq!(
        client.until_tagged("a").await,
        [format!("OK [APPENDUID {validity} 1] Appended")]
    );
    let message = peer.store().mailbox("INBOX").unwrap().messages[&1].clone();
    assert_eq!(&*message.raw, HELLO.as_bytes());
    assert_eq!(message.flags.to_string(), "\\Seen $Junk");
    assert_eq!(message.arrived, moment());
    for (command, answer) in [
        (
            "APPEND Nowhere {12+}\r\nA: b\r\n\r\nhi\r\n",
            "NO [TRYCREATE]",
        ),
        ("APPEND INBOX {9+}\r\nA: b\n\nhi\n", "BAD"),
        (
            "APPEND INBOX \"tomorrow\" {12+}\r\nA: b\r\n\r\nhi\r\n",
            "BAD",
        ),
        ("APPEND INBOX (\\Recent) {12+}\r\nA: b\r\n\r\nhi\r\n", "BAD"),
    ] {
        let got = client.tagged(command).await;
        assert!(got.starts_with(answer), "{command}: {got}");
    }
}

#[tokio::test]
async fn searches_find_what_they_name_and_nothing_else() {
    let peer = peer_with(Options::default(), 2);
    let store = peer.store();
    let other = "Date: Mon, 2 Nov 2026 08:00:00 +0000\r\nFrom: Cy <cy@example.net>\r\n\
        To: ann@example.org\r\nSubject: plans\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nCaf=E9 at ten?\r\n";
    store.append(
        "INBOX",
        other.as_bytes(),
        FlagSet::from_wire(["\\Seen", "work"]),
        moment(),
    );
    store.expunge("INBOX", &uids(&[1]));
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    for (keys, hits) in [
        ("ALL", " 2 3"),
        ("UNSEEN", " 2"),
        ("KEYWORD work", " 3"),
        ("UNKEYWORD work SEEN", ""),
        ("FROM cy", " 3"),
        ("SUBJECT {7+}\r\ngr\u{fc}\u{df}e", " 2"),
        ("CHARSET UTF-8 BODY {5+}\r\ncaf\u{e9}", " 3"),
        ("TEXT \"HOW ARE\"", " 2"),
        ("HEADER Message-ID 1@example", " 2"),
        ("OR FROM bo FROM cy", " 2 3"),
        ("NOT (FROM bo TO ann)", " 3"),
        ("SENTSINCE 2-Nov-2026", " 3"),
        ("SENTBEFORE 2-Nov-2026", " 2"),
        ("ON 1-Nov-2026", " 2 3"),
        ("BEFORE 1-Nov-2026", ""),
        ("LARGER 10 SMALLER 100000", " 2 3"),
        ("UID 3:*", " 3"),
        ("1", " 2"),
        ("MODSEQ 4", " 3 (MODSEQ 4)"),
    ] {
        let line = client.ok(&format!("UID SEARCH {keys}")).await;
        assert_eq!(line, [format!("* SEARCH{hits}")], "{keys}");
    }
    client.count = 40;
    assert_eq!(
        client.ok("UID SEARCH RETURN (COUNT ALL MIN MAX) ALL").await,
        ["* ESEARCH (TAG \"t41\") UID COUNT 2 ALL 2:3 MIN 2 MAX 3"]
    );
    assert_eq!(
        client.ok("SEARCH RETURN () FLAGGED").await,
        ["* ESEARCH (TAG \"t42\")"]
    );
    let answer = client.tagged("SEARCH CHARSET KOI8-R ALL").await;
    assert!(answer.starts_with("NO [BADCHARSET"), "{answer}");
    let deep = "NOT ".repeat(40) + "ALL";
    assert!(
        client
            .tagged(&format!("SEARCH {deep}"))
            .await
            .starts_with("BAD")
    );
}

#[tokio::test]
async fn folders_are_made_renamed_with_their_children_and_deleted() {
    let peer = peer_with(Options::default(), 2);
    let mut client = Client::ready(&peer, "").await;
    let created = client.tagged("CREATE Projects/Roof").await;
    assert!(created.starts_with("OK [MAILBOXID (F"), "{created}");
    assert!(
        client
            .tagged("CREATE Projects")
            .await
            .starts_with("NO [ALREADYEXISTS]")
    );
    client.ok("SUBSCRIBE Projects/Roof").await;
    client.ok("RENAME Projects \"B&APw-ro\"").await;
    assert_eq!(peer.store().names(), ["Büro", "Büro/Roof", "INBOX"]);
    assert_eq!(
        peer.store().subscribed(),
        ["INBOX", "Projects/Roof"],
        "a subscription is a name and does not move"
    );
    assert!(
        client
            .tagged("DELETE \"B&APw-ro\"")
            .await
            .starts_with("NO [HASCHILDREN]")
    );
    client.ok("DELETE \"B&APw-ro/Roof\"").await;
    client.ok("UNSUBSCRIBE Projects/Roof").await;
    assert!(client.tagged("DELETE inbox").await.starts_with("NO"));
    assert!(
        client
            .tagged("RENAME Nowhere Else")
            .await
            .starts_with("NO [NONEXISTENT]")
    );
    client.ok("RENAME INBOX Old").await;
    assert_eq!(
        client.ok("STATUS Old (MESSAGES UIDNEXT UNSEEN)").await,
        ["* STATUS \"Old\" (MESSAGES 2 UIDNEXT 3 UNSEEN 2)"]
    );
    assert_eq!(
        client.ok("STATUS iNbOx (MESSAGES)").await,
        ["* STATUS \"INBOX\" (MESSAGES 0)"]
    );
}

#[tokio::test]
async fn a_message_removed_elsewhere_is_missed_but_keeps_its_number_until_told() {
    let peer = peer_with(Options::default(), 3);
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    peer.store().expunge("INBOX", &uids(&[2]));
    assert_eq!(
        client.exchange("FETCH 1:3 (UID)").await,
        [
            "* 1 FETCH (UID 1)",
            "* 3 FETCH (UID 3)",
            "NO [EXPUNGEISSUED] Some of these messages are gone"
        ]
    );
    assert_eq!(
        client.exchange("UID FETCH 2:3 (FLAGS)").await,
        ["* 3 FETCH (UID 3 FLAGS ())", "* 2 EXPUNGE", "OK Done"]
    );
}

#[tokio::test]
async fn every_part_of_the_sample_mail_is_as_long_as_its_structure_says() {
    let peer = Peer::new(Options::default());
    for account in crate::demo::sample(1_793_523_600) {
        for message in account.mailboxes.iter().flat_map(|m| &m.messages) {
            let flags = message.flags.clone();
            peer.store()
                .append("INBOX", &message.raw, flags, message.arrived);
        }
    }
    let parser = mail_parser::MessageParser::default();
    for message in peer.store().mailbox("INBOX").unwrap().messages.values() {
        let parsed = parser.parse(&*message.raw).unwrap();
        let root = message.part();
        let top = root.children.len().max(1);
        for number in 1..=u32::try_from(top).unwrap() {
            let part = root.find(&[number]).unwrap();
            let wire = String::from_utf8(part.body_structure(true)).unwrap();
            let is_leaf = part.children.is_empty() && !root.children.is_empty();
            let size = format!(" {}", part.body.len());
            assert!(!is_leaf || wire.contains(&size), "{wire}");
        }
        let id = parsed.message_id().unwrap();
        let leaves = root.walk().iter().filter(|p| p.children.is_empty()).count();
        let theirs = parsed.parts.iter().filter(|p| !p.is_multipart()).count();
        // The other parser keeps messages inside of messages apart; ours has their body beside.
        let nested = root.walk().iter().filter(|p| p.message.is_some()).count();
        assert_eq!(leaves - nested, theirs, "{id}");
    }
}
