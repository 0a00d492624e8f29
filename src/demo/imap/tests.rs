//! Sessions driven by raw text: what a client would see, byte by byte.
//!
//! Each test is a conversation; it must never look at the peer's inside but through its store.

mod commands;
mod options;
mod resync;

use super::{Options, Peer};
use crate::demo::faults::{Act, Times, When};
use crate::model::{Flag, FlagChange, FlagSet, Moment, Uid, UidSet};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const HELLO: &str = "Date: Sun, 1 Nov 2026 10:00:00 +0100\r\nFrom: Bo <bo@example.org>\r\n\
    To: ann@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.org>\r\n\
    \r\nHello Ann,\r\nhow are you?\r\n";

/// A client that only knows lines.
struct Client {
    stream: DuplexStream,
    unread: String,
    count: u32,
}

impl Client {
    async fn new(peer: &Peer) -> Self {
        let mut client = Self {
            stream: peer.connect(),
            unread: String::new(),
            count: 0,
        };
        assert!(
            client
                .line()
                .await
                .starts_with("* OK [CAPABILITY IMAP4rev1 ")
        );
        client
    }

    /// Logged in, with QRESYNC on or not.
    async fn ready(peer: &Peer, enable: &str) -> Self {
        let mut client = Self::new(peer).await;
        client.ok("LOGIN ann secret").await;
        if !enable.is_empty() {
            client.ok(&format!("ENABLE {enable}")).await;
        }
        client
    }

    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line, or "" at the end.
    async fn line(&mut self) -> String {
        loop {
            if let Some((line, rest)) = self.unread.split_once("\r\n") {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.unread = rest;
                return line;
            }
            let mut bytes = vec![0; 4096];
            match self.stream.read(&mut bytes).await.unwrap() {
                0 => return std::mem::take(&mut self.unread),
                n => self
                    .unread
                    .push_str(std::str::from_utf8(&bytes[..n]).unwrap()),
            }
        }
    }

    /// Sends a command; all answers, the tagged one last and without its tag.
    async fn exchange(&mut self, command: &str) -> Vec<String> {
        self.count += 1;
        let tag = format!("t{}", self.count);
        self.send(&format!("{tag} {command}\r\n")).await;
        self.until_tagged(&tag).await
    }

    async fn until_tagged(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if let Some(last) = line.strip_prefix(&format!("{tag} ")) {
                lines.push(last.to_owned());
                return lines;
            }
            let is_end = line.is_empty() && self.unread.is_empty();
            lines.push(line);
            if is_end && lines.iter().rev().take(3).all(String::is_empty) {
                return lines;
            }
        }
    }

    /// The untagged answers of a command that must succeed.
    async fn ok(&mut self, command: &str) -> Vec<String> {
        let mut lines = self.exchange(command).await;
        let last = lines.pop().unwrap();
        assert!(last.starts_with("OK "), "{command}: {last}");
        lines
    }

    /// The tagged answer.
    async fn tagged(&mut self, command: &str) -> String {
        self.exchange(command).await.pop().unwrap()
    }
}

fn moment() -> Moment {
    Moment {
        unix_secs: 1_793_523_600,
        offset_mins: 60,
    }
}

fn peer_with(options: Options, count: usize) -> Peer {
    let peer = Peer::new(options);
    for _ in 0..count {
        let flags = FlagSet::new();
        peer.store()
            .append("INBOX", HELLO.as_bytes(), flags, moment());
    }
    peer
}

fn uids(all: &[u32]) -> UidSet {
    all.iter().copied().filter_map(Uid::new).collect()
}

#[tokio::test]
async fn commands_wait_for_their_state() {
    let peer = Peer::new(Options::default());
    let mut client = Client::new(&peer).await;
    assert_eq!(client.tagged("SELECT INBOX").await, "BAD Log in first");
    assert!(
        client
            .tagged("LOGIN ann wrong")
            .await
            .starts_with("NO [AUTHENTICATIONFAILED]")
    );
    client.ok("LOGIN ann secret").await;
    assert_eq!(
        client.tagged("LOGIN ann secret").await,
        "BAD You are logged in"
    );
    assert_eq!(
        client.tagged("FETCH 1 FLAGS").await,
        "BAD Select a folder first"
    );
}

#[tokio::test]
async fn a_login_by_literals_and_a_selected_folder_with_its_facts() {
    let peer = peer_with(Options::default(), 2);
    let mut client = Client::new(&peer).await;
    client.send("a LOGIN {3}\r\n").await;
    assert_eq!(client.line().await, "+ go on");
    client.send("ann {6+}\r\nsecret\r\n").await;
    let login = client.until_tagged("a").await.pop().unwrap();
    assert!(
        login.starts_with("OK [CAPABILITY IMAP4rev1 ") && !login.contains("AUTH="),
        "{login}"
    );
    let mailbox = peer.store().mailbox("INBOX").unwrap();
    let lines = client.exchange("SELECT INBOX").await;
    for line in [
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)".to_owned(),
        "* 2 EXISTS".to_owned(),
        "* OK [UNSEEN 1] First unread".to_owned(),
        format!("* OK [UIDVALIDITY {}] Era", mailbox.uid_validity),
        "* OK [UIDNEXT 3] Next".to_owned(),
        "* OK [HIGHESTMODSEQ 3] Highest".to_owned(),
        "OK [READ-WRITE] Opened".to_owned(),
    ] {
        assert!(lines.contains(&line), "{line} is missing in {lines:?}");
    }
    assert_eq!(
        client.tagged("EXAMINE INBOX").await,
        "OK [READ-ONLY] Opened"
    );
    assert!(
        client
            .tagged("SELECT Nowhere")
            .await
            .starts_with("NO [NONEXISTENT]")
    );
    assert!(client.tagged("FETCH 1 FLAGS").await.starts_with("BAD"));
    let log = peer.log();
    assert!(log.iter().all(|l| !l.command.contains("secret")), "{log:?}");
}

#[tokio::test]
async fn fetch_gives_what_was_asked_for() {
    let peer = peer_with(Options::default(), 1);
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    let lines = client
        .ok("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)")
        .await;
    let size = HELLO.len();
    let bo = r#"(("Bo" NIL "bo" "example.org"))"#;
    assert_eq!(
        lines,
        [format!(
            r#"* 1 FETCH (UID 1 FLAGS () INTERNALDATE " 1-Nov-2026 10:00:00 +0100" RFC822.SIZE {size} ENVELOPE ("Sun, 1 Nov 2026 10:00:00 +0100" "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=" {bo} {bo} {bo} ((NIL NIL "ann" "example.org")) NIL NIL NIL "<1@example.org>") BODYSTRUCTURE ("TEXT" "PLAIN" NIL NIL NIL "7bit" 26 2 NIL NIL NIL NIL) PREVIEW "Hello Ann, how are you?")"#
        )]
    );
    let header = client
        .ok("FETCH 1 (BODY.PEEK[HEADER.FIELDS (subject \"To\")] BODY.PEEK[1]<6.4> BODY.PEEK[7])")
        .await;
    assert_eq!(
        header,
        [
            "* 1 FETCH (BODY[HEADER.FIELDS (subject To)] {61}",
            "To: ann@example.org",
            "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
            "",
            " BODY[1]<6> {4}",
            "Ann, BODY[7] NIL)"
        ]
    );
}

#[tokio::test]
async fn a_peek_leaves_unread_and_a_read_marks() {
    let peer = peer_with(Options::default(), 1);
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    client.ok("FETCH 1 BODY.PEEK[]").await;
    assert!(
        peer.store().mailbox("INBOX").unwrap().messages[&1]
            .flags
            .is_empty()
    );
    let lines = client.ok("FETCH 1 BODY[TEXT]").await;
    assert_eq!(lines.last().unwrap(), " FLAGS (\\Seen))");
    assert!(
        peer.store().mailbox("INBOX").unwrap().messages[&1]
            .flags
            .has(Flag::Seen)
    );
}

#[tokio::test]
async fn a_store_is_told_to_all_but_the_silent_one() {
    let peer = peer_with(Options::default(), 3);
    let mut one = Client::ready(&peer, "").await;
    let mut two = Client::ready(&peer, "QRESYNC").await;
    one.ok("SELECT INBOX").await;
    two.ok("SELECT INBOX").await;
    assert!(
        one.ok("UID STORE 2 +FLAGS.SILENT (\\Seen work)")
            .await
            .is_empty()
    );
    assert_eq!(
        two.ok("NOOP").await,
        ["* 2 FETCH (UID 2 FLAGS (\\Seen work) MODSEQ (5))"]
    );
    assert_eq!(
        one.ok("STORE 2:3 -FLAGS \\Seen").await,
        ["* 2 FETCH (FLAGS (work))", "* 3 FETCH (FLAGS ())"]
    );
    assert_eq!(
        two.tagged("UID STORE 2,3 (UNCHANGEDSINCE 5) +FLAGS (\\Flagged)")
            .await,
        "OK [MODIFIED 2] Some had changed"
    );
    peer.store()
        .change_flags("INBOX", 1, &FlagChange::one(Flag::Answered, true));
    assert_eq!(
        one.ok("STORE 1 +FLAGS.SILENT (\\Flagged)").await,
        [
            "* 1 FETCH (FLAGS (\\Answered \\Flagged))",
            "* 3 FETCH (FLAGS (\\Flagged))"
        ],
        "what another did in between must be told"
    );
    assert!(
        one.tagged("STORE 9 +FLAGS (\\Seen)")
            .await
            .starts_with("BAD")
    );
    assert!(
        one.tagged("STORE 1 +FLAGS (\\Recent)")
            .await
            .starts_with("BAD")
    );
}

#[tokio::test]
async fn idle_tells_of_arrivals_changes_and_removals_at_once() {
    let peer = peer_with(Options::default(), 2);
    let mut plain = Client::ready(&peer, "").await;
    let mut quick = Client::ready(&peer, "QRESYNC").await;
    for client in [&mut plain, &mut quick] {
        client.ok("SELECT INBOX").await;
        client.send("i IDLE\r\n").await;
        assert_eq!(client.line().await, "+ idling");
    }
    let store = peer.store();
    store.append("INBOX", HELLO.as_bytes(), FlagSet::new(), moment());
    assert_eq!(plain.line().await, "* 3 EXISTS");
    assert_eq!(quick.line().await, "* 3 EXISTS");
    store.change_flags("INBOX", 3, &FlagChange::one(Flag::Seen, true));
    assert_eq!(plain.line().await, "* 3 FETCH (FLAGS (\\Seen))");
    assert_eq!(
        quick.line().await,
        "* 3 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (5))"
    );
    store.expunge("INBOX", &uids(&[1, 2]));
    assert_eq!(plain.line().await, "* 1 EXPUNGE");
    assert_eq!(plain.line().await, "* 1 EXPUNGE");
    assert_eq!(quick.line().await, "* VANISHED 1:2");
    for client in [&mut plain, &mut quick] {
        client.send("DONE\r\n").await;
        assert_eq!(client.line().await, "i OK Done");
    }
}

#[tokio::test]
async fn the_list_tells_subscription_children_use_and_status() {
    let peer = peer_with(Options::default(), 2);
    peer.store()
        .create("Entwürfe", Some(crate::model::Role::Drafts));
    peer.store().create("Projects/Roof", None);
    let mut client = Client::ready(&peer, "").await;
    assert_eq!(
        client.ok("LSUB \"\" Pro*").await,
        [r#"* LSUB () "/" "Projects/Roof""#]
    );
    let lines = client
        .ok("LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))")
        .await;
    assert_eq!(
        lines,
        [
            r#"* LIST (\HasNoChildren \Subscribed \Drafts) "/" "Entw&APw-rfe""#,
            r#"* STATUS "Entw&APw-rfe" (MESSAGES 0 UNSEEN 0)"#,
            r#"* LIST (\HasNoChildren \Subscribed) "/" "INBOX""#,
            r#"* STATUS "INBOX" (MESSAGES 2 UNSEEN 2)"#,
            r#"* LIST (\HasChildren) "/" "Projects""#,
            r#"* STATUS "Projects" (MESSAGES 0 UNSEEN 0)"#,
            r#"* LIST (\HasNoChildren \Subscribed) "/" "Projects/Roof""#,
            r#"* STATUS "Projects/Roof" (MESSAGES 0 UNSEEN 0)"#,
        ]
    );
    assert_eq!(
        client.ok("LIST \"\" \"\"").await,
        [r#"* LIST (\Noselect) "/" """#]
    );
    assert_eq!(
        client.ok("LSUB \"\" P%").await,
        Vec::<String>::new(),
        "the percent sign stops at the level"
    );
    assert_eq!(
        client.ok("NAMESPACE").await,
        [r#"* NAMESPACE (("" "/")) NIL NIL"#]
    );
}

#[tokio::test]
async fn a_fault_cuts_drops_refuses_and_holds() {
    let peer = peer_with(Options::default(), 1);
    peer.faults()
        .once("UID STORE", Act::No("[OVERQUOTA] Full".into()));
    peer.faults().once("NOOP", Act::CutAfter(4));
    let mut client = Client::ready(&peer, "").await;
    client.ok("SELECT INBOX").await;
    assert_eq!(
        client.tagged("UID STORE 1 +FLAGS (\\Seen)").await,
        "NO [OVERQUOTA] Full"
    );
    client.ok("UID STORE 1 +FLAGS (\\Seen)").await;
    client.send("n NOOP\r\n").await;
    assert_eq!(client.line().await, "n OK");

    peer.faults().add(When::Nth(2), Act::DropAfter, Times::Once);
    let mut client = Client::ready(&peer, "").await;
    client.send("s SELECT INBOX\r\n").await;
    assert_eq!(client.line().await, "", "nothing of the answer is seen");

    peer.faults().once("NOOP", Act::Hold);
    let mut client = Client::ready(&peer, "").await;
    client.send("n NOOP\r\n").await;
    peer.faults().release();
    assert_eq!(client.line().await, "n OK Done");
    assert!(peer.faults().is_done());
    assert_eq!((peer.sessions_opened(), peer.sessions_most()), (3, 1));
}
