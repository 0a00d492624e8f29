//! Changes of the tree by the command line, against real servers: made, renamed, moved, deleted,
//! subscribed; at once and without the network; and taken back.
//!
//! Each claim is held for names with `/` and for names below `INBOX.` with `.`. Another client looks
//! at what arrived: a message must never be lost with its folder.

mod refused;
mod taken_back;

use crate::support::{Dovecot, Kind, Levels, OtherClient, Program, closed_port};
use serde_json::Value;
use std::collections::BTreeSet;

const KINDS: [Kind; 2] = [Kind::Full, Kind::Prefixed];

/// Whether the server is told by a later sync.
const OFFLINE: [bool; 2] = [false, true];

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Letter {n}\n\
         Message-ID: <f{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{n:02}:00 +0200\n\nText {n}.\n"
    )
}

/// A user's tree, ours and the server's.
struct Desk {
    dovecot: &'static Dovecot,
    levels: Levels,
    user: String,
    program: Program,
}

impl Desk {
    /// In step with a server whose user has these folders with so many messages in each, the first of
    /// them starred.
    fn with(kind: Kind, folders: &[(&str, u32)]) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        let levels = Levels(kind);
        let mut other = dovecot.client(&user);
        for (path, count) in folders {
            let wire = levels.wire(path);
            other.run(&format!("CREATE \"{wire}\""));
            for n in 1..=*count {
                let flags = if n == 1 { "\\Flagged \\Seen" } else { "" };
                other.append(&wire, flags, &message(n));
            }
        }
        let program = Program::new(&dovecot.account("work", &user));
        program.run(&["sync"]).expect(0);
        Self {
            dovecot,
            levels,
            user,
            program,
        }
    }

    fn other(&self) -> OtherClient {
        self.dovecot.client(&self.user)
    }

    fn name(&self, path: &str) -> String {
        self.levels.name(path)
    }

    fn wire(&self, path: &str) -> String {
        self.levels.wire(path)
    }

    fn mailbox(&self, args: &[&str], is_offline: bool, code: i32) -> String {
        let mut all = vec!["mailbox"];
        all.extend(args);
        if is_offline {
            all.push("--offline");
        }
        let output = self.program.run(&all).expect(code);
        if code == 0 {
            assert_eq!(output.stderr, "", "{args:?}");
            return output.stdout;
        }
        assert_eq!(
            output.stderr.lines().count(),
            1,
            "{args:?}: {}",
            output.stderr
        );
        output.stderr
    }

    /// The tree on the server, by names on the wire.
    fn on_server(&self) -> Vec<String> {
        self.other().tree()
    }

    fn rows(&self) -> Vec<Value> {
        self.program.run(&["mailboxes", "--json"]).expect(0).json()
    }

    fn row(&self, path: &str) -> Option<Value> {
        let name = self.name(path);
        self.rows().into_iter().find(|row| row["name"] == name)
    }

    /// Whether we show a folder of that name.
    fn has(&self, path: &str) -> bool {
        self.row(path).is_some()
    }

    fn subjects(&self, path: &str) -> Vec<String> {
        let rows = self.program.run(&["list", &self.name(path), "--json"]);
        let rows = rows.expect(0).json();
        let subject = |row: &Value| row["subject"].as_str().unwrap().to_owned();
        rows.iter().map(subject).collect()
    }

    fn journal(&self) -> Vec<Value> {
        self.program.run(&["journal", "--json"]).expect(0).json()
    }

    /// What was recorded waits as a row of that kind, and nothing else does.
    fn assert_waits(&self, kinds: &[&str]) {
        let rows = self.journal();
        let found: Vec<&str> = rows.iter().map(|r| r["kind"].as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{rows:?}");
        for row in rows {
            let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            assert_eq!(
                keys,
                ["account", "attempts", "error", "id", "kind", "state"]
            );
            assert_eq!(
                [&row["account"], &row["state"]],
                ["work", "queued"],
                "{row}"
            );
            assert!(
                row["error"].is_null() && row["attempts"] == 0 && row["id"].is_i64(),
                "{row}"
            );
        }
    }

    fn sync(&self) {
        let row = &self.program.run(&["sync", "--json"]).expect(0).json()[0];
        assert_eq!(row["pending"], 0, "{row}");
    }

    /// After all was sent: nothing waits, and we show what the server has, counts and subscriptions
    /// included; and so it stays with the next sync.
    fn assert_in_step(&self) {
        assert_eq!(self.journal(), Vec::<Value>::new());
        for _ in 0..2 {
            let mut other = self.other();
            let subscribed = other.subscribed();
            let tree = other.tree();
            let wires: BTreeSet<String> = tree
                .iter()
                .map(|name| name.trim_matches(['[', ']']).to_owned())
                .collect();
            let rows = self.rows();
            let shown: BTreeSet<String> = rows.iter().map(|row| coded(row, "name")).collect();
            assert_eq!(shown, wires);
            for row in &rows {
                let name = coded(row, "name");
                let is_subscribed = subscribed.contains(&name);
                assert_eq!(row["subscribed"], is_subscribed, "{row}");
                if tree.contains(&name) {
                    let [total, unread] = other.counts(&name);
                    assert_eq!([&row["total"], &row["unread"]], [total, unread], "{row}");
                }
            }
            self.sync();
        }
    }

    fn cut_off(&self) {
        let account = self.dovecot.account("work", &self.user);
        let port = format!("port = {}", self.dovecot.imaps);
        let closed = format!("port = {}", closed_port());
        self.program.write_config(&account.replace(&port, &closed));
    }

    fn reconnect(&self) {
        let account = self.dovecot.account("work", &self.user);
        self.program.write_config(&account);
    }
}

/// A name that we show, as the server writes it.
fn coded(row: &Value, key: &str) -> String {
    // The full kind has no prefix and no separator of its own.
    Levels(Kind::Full).wire(row[key].as_str().unwrap())
}

/// Both kinds of server; told at once, and by a later sync.
fn everywhere(claim: impl Fn(Kind, bool)) {
    for kind in KINDS {
        for is_offline in OFFLINE {
            claim(kind, is_offline);
        }
    }
}

const MADE: [&str; 6] = [
    "Projects",
    "Clients/North/Oslo",
    "Entwürfe/日本",
    "Say \"hi\"",
    "R&D",
    "a b/c d",
];

#[test]
fn a_folder_is_made_with_those_above_it_whatever_its_name() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(kind, &[]);
        let before = desk.on_server();
        for path in MADE {
            let said = desk.mailbox(&["create", &desk.name(path)], is_offline, 0);
            assert!(said.contains(&desk.name(path)), "{said}");
            assert!(desk.has(path), "{path} shows at once");
        }
        if is_offline {
            assert_eq!(desk.on_server(), before, "the server was not told");
            desk.assert_waits(&["create"; MADE.len()]);
        }
        // Those above show when the server lists them.
        desk.sync();
        let after = desk.on_server();
        for path in MADE {
            assert!(after.contains(&desk.wire(path)), "{path} in {after:?}");
            let row = desk.row(path).unwrap();
            assert_eq!([&row["total"], &row["unread"]], [0, 0], "{row}");
        }
        assert!(desk.has("Clients/North") && desk.has("Clients"));
        desk.assert_in_step();
    });
}

/// Renames a folder that has mail in it and below it; all of it must be there under the new name.
fn renamed(kind: Kind, is_offline: bool, from: &str, to: &str) {
    let folders = [("A", 1), ("A/B", 3), ("A/B/C", 2), ("Other", 0)];
    let desk = Desk::with(kind, &folders);
    let old: Vec<String> = folders
        .iter()
        .map(|(path, _)| (*path).to_owned())
        .filter(|path| path == from || path.starts_with(&format!("{from}/")))
        .collect();
    let new = |path: &str| format!("{to}{}", path.strip_prefix(from).unwrap());
    let before: Vec<_> = old
        .iter()
        .map(|p| desk.other().messages(&desk.wire(p)))
        .collect();
    assert!(before.iter().any(|all| !all.is_empty()));
    let subjects: Vec<_> = old.iter().map(|path| desk.subjects(path)).collect();
    desk.mailbox(&["rename", &desk.name(from), &desk.name(to)], is_offline, 0);
    let assert_shown = || {
        for (path, subjects) in old.iter().zip(&subjects) {
            assert!(!desk.has(path), "{path} is gone");
            assert_eq!(desk.subjects(&new(path)), *subjects, "{path} to {to}");
        }
    };
    assert_shown();
    if is_offline {
        assert!(desk.on_server().contains(&desk.wire(from)), "not told yet");
        desk.assert_waits(&["rename"]);
        desk.sync();
        assert_shown();
    }
    let tree = desk.on_server();
    for (path, before) in old.iter().zip(&before) {
        assert!(!tree.contains(&desk.wire(path)), "{path} in {tree:?}");
        let now = desk.other().messages(&desk.wire(&new(path)));
        assert_eq!(now, *before, "{path} to {}", new(path));
    }
    desk.assert_in_step();
}

#[test]
fn a_renamed_folder_keeps_every_byte_of_what_is_in_it_and_below_it() {
    everywhere(|kind, is_offline| {
        renamed(kind, is_offline, "A/B/C", "A/B/日本");
        renamed(kind, is_offline, "A", "Z");
    });
}

#[test]
fn a_folder_moves_below_another_one_and_to_the_top() {
    everywhere(|kind, is_offline| {
        renamed(kind, is_offline, "A/B", "Other/B");
        renamed(kind, is_offline, "A/B", "Up");
    });
}

#[test]
fn a_renamed_folder_stays_subscribed() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(kind, &[("Old", 1), ("Old/Sub", 0), ("Old/Not", 0)]);
        for path in ["Old", "Old/Sub"] {
            desk.other()
                .run(&format!("SUBSCRIBE \"{}\"", desk.wire(path)));
        }
        desk.sync();
        desk.mailbox(
            &["rename", &desk.name("Old"), &desk.name("New")],
            is_offline,
            0,
        );
        desk.sync();
        let subscribed = desk.other().subscribed();
        for path in ["New", "New/Sub"] {
            assert!(
                subscribed.contains(&desk.wire(path)),
                "{path} in {subscribed:?}"
            );
        }
        for path in ["Old", "Old/Sub", "New/Not"] {
            assert!(
                !subscribed.contains(&desk.wire(path)),
                "{path} in {subscribed:?}"
            );
        }
        desk.assert_in_step();
    });
}

#[test]
fn an_empty_folder_is_deleted_and_one_with_mail_goes_to_trash() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(kind, &[("Empty", 0), ("Full", 2), ("Full/Below", 3)]);
        let before = ["Full", "Full/Below"].map(|p| desk.other().messages(&desk.wire(p)));
        desk.mailbox(&["delete", &desk.name("Empty")], is_offline, 0);
        let said = desk.mailbox(&["delete", &desk.name("Full")], is_offline, 0);
        assert!(
            said.contains(&desk.name("Trash/Full")),
            "it says where to: {said}"
        );
        assert!(!desk.has("Empty") && !desk.has("Full") && !desk.has("Full/Below"));
        assert_eq!(desk.subjects("Trash/Full/Below").len(), 3);
        if is_offline {
            let tree = desk.on_server();
            assert!(tree.contains(&desk.wire("Empty")) && tree.contains(&desk.wire("Full")));
            desk.assert_waits(&["delete-mailbox", "rename"]);
            desk.sync();
        }
        let tree = desk.on_server();
        for path in ["Empty", "Full", "Full/Below"] {
            assert!(!tree.contains(&desk.wire(path)), "{path} in {tree:?}");
        }
        let after = ["Trash/Full", "Trash/Full/Below"];
        let after = after.map(|p| desk.other().messages(&desk.wire(p)));
        assert_eq!(after, before);
        desk.assert_in_step();
    });
}

#[test]
fn what_only_holds_other_folders_is_renamed_and_deleted_with_them() {
    for kind in KINDS {
        let desk = Desk::with(kind, &[("Clients/North/Oslo", 1), ("Plans/East/Bern", 0)]);
        let name = |path| desk.name(path);
        desk.mailbox(&["rename", &name("Clients"), &name("Customers")], false, 0);
        assert_eq!(desk.subjects("Customers/North/Oslo"), ["Letter 1"]);
        desk.assert_in_step();
        desk.mailbox(&["delete", &name("Customers/North")], false, 0);
        assert_eq!(desk.subjects("Trash/North/Oslo"), ["Letter 1"]);
        desk.assert_in_step();
        desk.mailbox(&["delete", &name("Plans"), "--for-good"], false, 0);
        desk.mailbox(&["delete", &name("Trash/North"), "--for-good"], false, 0);
        let tree = desk.on_server();
        let is_left = |leaf: &str| tree.iter().any(|name| name.contains(leaf));
        assert!(!is_left("Oslo") && !is_left("Plans"), "{tree:?}");
        desk.assert_in_step();
    }
}

#[test]
fn what_lies_in_trash_goes_for_good_only_when_that_is_said() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(
            kind,
            &[("Trash/Old", 2), ("Trash/Old/Sub", 1), ("Trash/New", 1)],
        );
        let old = desk.name("Trash/Old");
        let said = desk.mailbox(&["delete", &old], is_offline, 1);
        for word in ["3 messages", "1 folder", "--for-good"] {
            assert!(said.contains(word), "{word} in {said}");
        }
        assert!(desk.has("Trash/Old") && desk.journal().is_empty());
        desk.mailbox(&["delete", &old, "--for-good"], is_offline, 0);
        assert!(!desk.has("Trash/Old") && !desk.has("Trash/Old/Sub"));
        if is_offline {
            assert!(
                desk.on_server().contains(&desk.wire("Trash/Old")),
                "not told yet"
            );
            desk.assert_waits(&["delete-mailbox"]);
            desk.sync();
        }
        let tree = desk.on_server();
        assert!(!tree.contains(&desk.wire("Trash/Old")), "{tree:?}");
        assert!(!tree.contains(&desk.wire("Trash/Old/Sub")), "{tree:?}");
        assert_eq!(desk.other().counts(&desk.wire("Trash/New")), [1, 0]);
        desk.assert_in_step();
    });
}

#[test]
fn where_there_is_no_trash_mail_goes_for_good_only_when_that_is_said() {
    let desk = Desk::with(Kind::Bare, &[("Old", 2), ("Empty", 0)]);
    let said = desk.mailbox(&["delete", "Old"], false, 1);
    assert!(
        said.contains("2 messages") && said.contains("--for-good"),
        "{said}"
    );
    assert_eq!(desk.other().counts("Old"), [2, 1]);
    desk.mailbox(&["delete", "Empty"], false, 0);
    desk.mailbox(&["delete", "Old", "--for-good"], false, 0);
    assert_eq!(desk.on_server(), ["INBOX"]);
    desk.assert_in_step();
}

#[test]
fn a_folder_that_holds_more_than_was_known_is_not_deleted_for_good() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(kind, &[("Empty", 0), ("Old", 1)]);
        let delete = [
            (8, &["delete", "Empty"][..]),
            (9, &["delete", "Old", "--for-good"]),
        ];
        for (n, args) in delete {
            // Another client fills them meanwhile.
            desk.other().append(&desk.wire(args[1]), "", &message(n));
            let name = desk.name(args[1]);
            let mut args = args.to_vec();
            args[1] = &name;
            if is_offline {
                desk.mailbox(&args, true, 0);
                continue;
            }
            let said = desk.mailbox(&args, false, 1);
            assert!(
                said.contains("refused") || said.contains("not deleted"),
                "{said}"
            );
        }
        desk.program.run(&["sync"]);
        assert_eq!(desk.other().counts(&desk.wire("Empty")), [1, 1]);
        assert_eq!(desk.other().counts(&desk.wire("Old")), [2, 1]);
        assert_eq!(desk.subjects("Empty"), ["Letter 8"], "it is back here");
        assert_eq!(desk.subjects("Old"), ["Letter 9", "Letter 1"]);
        let states: Vec<Value> = desk.journal().iter().map(|r| r["state"].clone()).collect();
        assert_eq!(states, ["rejected", "rejected"]);
    });
}

#[test]
fn subscribing_and_unsubscribing_shows_in_the_list_of_subscriptions() {
    everywhere(|kind, is_offline| {
        let desk = Desk::with(kind, &[("News", 1), ("Entwürfe/日本", 0)]);
        let (news, drafts) = (desk.name("News"), desk.name("Entwürfe/日本"));
        desk.other()
            .run(&format!("SUBSCRIBE \"{}\"", desk.wire("News")));
        desk.sync();
        desk.mailbox(&["unsubscribe", &news], is_offline, 0);
        desk.mailbox(&["subscribe", &drafts], is_offline, 0);
        let shown = |path: &str| desk.row(path).unwrap()["subscribed"].clone();
        assert_eq!([shown("News"), shown("Entwürfe/日本")], [false, true]);
        if is_offline {
            let before = desk.other().subscribed();
            assert!(
                before.contains(&desk.wire("News")),
                "not told yet: {before:?}"
            );
            desk.assert_waits(&["unsubscribe", "subscribe"]);
            desk.sync();
        }
        let subscribed = desk.other().subscribed();
        assert!(!subscribed.contains(&desk.wire("News")), "{subscribed:?}");
        assert!(
            subscribed.contains(&desk.wire("Entwürfe/日本")),
            "{subscribed:?}"
        );
        let again = desk.mailbox(&["subscribe", &drafts], is_offline, 0);
        assert!(again.contains("Nothing was to be changed"), "{again}");
        desk.assert_in_step();
    });
}

#[test]
fn changes_of_one_folder_after_each_other_arrive_as_they_were_made() {
    for kind in KINDS {
        let desk = Desk::with(kind, &[("A", 2), ("Sent/Old", 1)]);
        let before = desk.other().messages(&desk.wire("A"));
        let name = |path| desk.name(path);
        for args in [
            vec!["create", "P"],
            vec!["rename", "A", "P/Q"],
            vec!["create", "P/Q/R"],
            vec!["rename", "P", "S"],
            vec!["subscribe", "S/Q"],
            // The name is free again.
            vec!["create", "A"],
            vec!["delete", "A"],
            vec!["create", "P"],
        ] {
            let names: Vec<String> = args[1..].iter().map(|path| name(path)).collect();
            let mut args = vec![args[0]];
            args.extend(names.iter().map(String::as_str));
            desk.mailbox(&args, true, 0);
        }
        let wanted = ["S", "S/Q", "S/Q/R", "P"];
        assert!(wanted.iter().all(|path| desk.has(path)));
        assert!(!desk.has("A") && !desk.has("P/Q"));
        desk.sync();
        let tree = desk.on_server();
        for path in wanted {
            assert!(tree.contains(&desk.wire(path)), "{path} in {tree:?}");
        }
        for path in ["A", "P/Q", "P/Q/R"] {
            assert!(!tree.contains(&desk.wire(path)), "{path} in {tree:?}");
        }
        assert_eq!(desk.other().messages(&desk.wire("S/Q")), before);
        assert!(desk.other().subscribed().contains(&desk.wire("S/Q")));
        desk.assert_in_step();
    }
}

#[test]
fn beside_a_screen_a_new_folder_shows_there_and_reaches_the_server() {
    let desk = Desk::with(Kind::Full, &[]);
    let mut screen = desk.program.screen(&[], 120, 30);
    screen.wait_for("Archive");
    desk.mailbox(&["create", "Lighthouse"], false, 0);
    assert!(
        desk.on_server().contains(&"Lighthouse".to_owned()),
        "0 says that it arrived"
    );
    screen.wait_for("Lighthouse");
    desk.mailbox(&["rename", "Lighthouse", "Bookshelf"], false, 0);
    screen.wait_for("Bookshelf");
    screen.wait_gone("Lighthouse");
    assert_eq!(screen.quit(), 0);
}
