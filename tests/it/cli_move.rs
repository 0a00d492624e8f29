//! Messages moved, copied, archived, thrown away and deleted by the command line, against real
//! servers: at once, without the network, between two accounts, and taken back.
//!
//! Another client looks at what arrived: each message must be there exactly once for each place that
//! it was sent to, with every byte and flag, whatever happens on the way.

mod between;
mod meanwhile;
mod taken_back;

use crate::support::{Dovecot, Kind, Levels, OtherClient, Program, closed_port};
use serde_json::Value;

/// With MOVE, without MOVE, without UIDPLUS, and with other names.
const KINDS: [Kind; 4] = [Kind::Full, Kind::Condstore, Kind::Plain, Kind::Prefixed];

/// Whether the server is told by a later sync.
const OFFLINE: [bool; 2] = [false, true];

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Letter {n}\n\
         Message-ID: <v{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{n:02}:00 +0200\n\n\
         Text {n}, na\u{ef}ve.\n"
    )
}

/// One user's account, as we and as the server have it.
struct Account {
    name: &'static str,
    dovecot: &'static Dovecot,
    levels: Levels,
    user: String,
}

impl Account {
    /// With so many messages in the inbox, numbered from `first` on; the first is starred and tagged.
    fn new(name: &'static str, kind: Kind, first: u32, count: u32) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        let mut other = dovecot.client(&user);
        for n in first..first + count {
            let flags = if n == first {
                "\\Flagged \\Seen plan"
            } else {
                ""
            };
            other.append("INBOX", flags, &message(n));
        }
        let levels = Levels(kind);
        Self {
            name,
            dovecot,
            levels,
            user,
        }
    }

    fn config(&self) -> String {
        self.dovecot.account(self.name, &self.user)
    }

    /// The same where nobody answers.
    fn config_cut_off(&self) -> String {
        let port = format!("port = {}", self.dovecot.imaps);
        let closed = format!("port = {}", closed_port());
        self.config().replace(&port, &closed)
    }

    fn other(&self) -> OtherClient {
        self.dovecot.client(&self.user)
    }

    fn make(&self, path: &str) {
        self.other()
            .run(&format!("CREATE \"{}\"", self.levels.wire(path)));
    }

    /// What `pillarbox` is to call a folder of this account.
    fn address(&self, path: &str) -> String {
        format!("{}/{}", self.name, self.levels.name(path))
    }

    /// Every message on the server with what belongs to it.
    fn on_server(&self, path: &str) -> Vec<(String, Vec<String>, String)> {
        self.other().messages(&self.levels.wire(path))
    }

    fn count_on_server(&self, path: &str) -> u32 {
        self.other().counts(&self.levels.wire(path))[0]
    }

    /// Where on the server the letter of that number lies: once for each message. Servers search for
    /// parts of words, so no number here begins with another one.
    fn places(&self, n: u32) -> Vec<String> {
        self.other().places(&format!("Letter {n}"))
    }
}

/// The program with its accounts.
struct Desk {
    work: Account,
    home: Option<Account>,
    program: Program,
}

impl Desk {
    /// One account with five letters in its inbox, and a folder `Box`.
    fn one(kind: Kind) -> Self {
        let work = Account::new("work", kind, 1, 5);
        work.make("Box");
        let program = Program::new(&work.config());
        program.run(&["sync"]).expect(0);
        Self {
            work,
            home: None,
            program,
        }
    }

    /// Two accounts on different servers: letters 1 to 3 here, 61 and 62 there, and a `Box` in each.
    fn two() -> Self {
        Self::two_with("")
    }

    /// The same with more in the first one's tables.
    fn two_with(more: &str) -> Self {
        let work = Account::new("work", Kind::Full, 1, 3);
        let home = Account::new("home", Kind::Prefixed, 61, 2);
        work.make("Box");
        home.make("Box");
        let program = Program::new(&(work.config() + more + &home.config()));
        program.run(&["sync"]).expect(0);
        Self {
            work,
            home: Some(home),
            program,
        }
    }

    fn home(&self) -> &Account {
        self.home.as_ref().unwrap()
    }

    /// Runs a command that must succeed without a word on standard error.
    fn run(&self, args: &[&str], is_offline: bool) -> String {
        let mut all = args.to_vec();
        if is_offline {
            all.push("--offline");
        }
        let output = self.program.run(&all).expect(0);
        assert_eq!(output.stderr, "", "{args:?}");
        output.stdout
    }

    fn rows(&self, address: &str) -> Vec<Value> {
        let rows = self.program.run(&["list", address, "--json"]);
        rows.expect(0).json()
    }

    /// The id of a letter in a folder.
    fn id(&self, address: &str, n: u32) -> String {
        let subject = format!("Letter {n}");
        let rows = self.rows(address);
        let found = rows.iter().find(|row| row["subject"] == subject.as_str());
        found.unwrap_or_else(|| panic!("{subject} in {rows:?}"))["id"].to_string()
    }

    /// The numbers of the letters that we show in a folder, sorted.
    fn shown(&self, address: &str) -> Vec<u32> {
        let number = |row: &Value| {
            let subject = row["subject"].as_str().unwrap();
            subject.strip_prefix("Letter ").unwrap().parse().unwrap()
        };
        let mut numbers: Vec<u32> = self.rows(address).iter().map(number).collect();
        numbers.sort_unstable();
        numbers
    }

    fn journal(&self) -> Vec<Value> {
        self.program.run(&["journal", "--json"]).expect(0).json()
    }

    fn assert_waits(&self, kind: &str) {
        let rows = self.journal();
        assert!(!rows.is_empty(), "{kind} waits");
        for row in rows {
            let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
            assert_eq!(
                keys,
                ["account", "attempts", "error", "id", "kind", "state"]
            );
            assert_eq!([&row["kind"], &row["state"]], [kind, "queued"], "{row}");
        }
    }

    fn assert_settled(&self) {
        assert_eq!(self.journal(), Vec::<Value>::new());
    }

    /// Synchronises until nothing waits: between accounts, one goes before the other.
    fn sync(&self) {
        for _ in 0..3 {
            let rows = self.program.run(&["sync", "--json"]).expect(0).json();
            if rows.iter().all(|row| row["pending"] == 0) {
                break;
            }
        }
        self.assert_settled();
    }

    fn undo(&self, is_offline: bool) {
        let said = self.run(&["undo"], is_offline);
        assert!(said.contains("Undone"), "{said}");
    }
}

fn everywhere(claim: impl Fn(Kind, bool)) {
    for kind in KINDS {
        for is_offline in OFFLINE {
            claim(kind, is_offline);
        }
    }
}

#[test]
fn moved_messages_are_there_and_no_longer_here_with_every_byte_and_flag() {
    everywhere(|kind, is_offline| {
        let desk = Desk::one(kind);
        let work = &desk.work;
        let (inbox, target) = (work.address("INBOX"), work.address("Box"));
        let before = work.on_server("INBOX");
        let one = desk.id(&inbox, 1);
        let ids = [2, 4].map(|n| desk.id(&inbox, n));
        desk.run(&["move", &one, &target], is_offline);
        desk.run(&["move", &ids[0], &ids[1], &target], is_offline);
        assert_eq!(desk.shown(&target), [1, 2, 4], "at once");
        assert_eq!(desk.shown(&inbox), [3, 5]);
        if is_offline {
            assert_eq!(work.count_on_server("INBOX"), 5, "not told yet");
            desk.assert_waits("move");
            desk.sync();
        }
        desk.assert_settled();
        let (left, moved) = (work.on_server("INBOX"), work.on_server("Box"));
        let is_of = |n: u32| move |text: &&str| text.contains(&format!("Letter {n}\r\n"));
        let texts = |all: &[(String, Vec<String>, String)], n| {
            all.iter().map(|m| m.2.as_str()).filter(is_of(n)).count()
        };
        for n in [1, 2, 4] {
            assert_eq!([texts(&moved, n), texts(&left, n)], [1, 0], "letter {n}");
        }
        let mut all = [left, moved].concat();
        all.sort();
        assert_eq!(all, before, "dates, flags and bytes");
        desk.sync();
        assert_eq!(desk.shown(&target), [1, 2, 4], "and so it stays");
        assert_eq!(desk.shown(&inbox), [3, 5]);
        let row = &desk.rows(&target)[2];
        assert_eq!(row["flags"], serde_json::json!(["flagged", "seen"]));
        assert_eq!(row["tags"], serde_json::json!(["plan"]));
        assert_eq!(row["mailbox"], work.levels.name("Box"));
        assert_eq!(desk.id(&target, 1), one, "it keeps its id");
        let text = desk.program.run(&["show", &one]).expect(0).stdout;
        assert!(text.contains("Text 1, na\u{ef}ve."), "{text}");
    });
}

#[test]
fn copied_messages_are_in_both_places() {
    everywhere(|kind, is_offline| {
        let desk = Desk::one(kind);
        let work = &desk.work;
        let (inbox, target) = (work.address("INBOX"), work.address("Box"));
        let before = work.on_server("INBOX");
        let ids = [1, 3].map(|n| desk.id(&inbox, n));
        desk.run(&["copy", &ids[0], &ids[1], &target], is_offline);
        assert_eq!(desk.shown(&inbox), [1, 2, 3, 4, 5]);
        if is_offline {
            assert_eq!(work.count_on_server("Box"), 0, "not told yet");
            desk.assert_waits("copy");
            desk.sync();
        }
        desk.sync();
        assert_eq!(desk.shown(&target), [1, 3]);
        assert_eq!(desk.shown(&inbox), [1, 2, 3, 4, 5]);
        assert_eq!(work.on_server("INBOX"), before);
        let copied = work.on_server("Box");
        assert_eq!(copied.len(), 2);
        assert!(
            copied.iter().all(|message| before.contains(message)),
            "{copied:?}"
        );
    });
}

#[test]
fn archive_and_trash_go_where_the_server_keeps_such_mail() {
    everywhere(|kind, is_offline| {
        let desk = Desk::one(kind);
        let work = &desk.work;
        let inbox = work.address("INBOX");
        let ids = [1, 2, 3].map(|n| desk.id(&inbox, n));
        desk.run(&["archive", &ids[0], &ids[1]], is_offline);
        desk.run(&["trash", &ids[2]], is_offline);
        let shown = || ["INBOX", "Archive", "Trash"].map(|p| desk.shown(&work.address(p)));
        let wanted = [vec![4, 5], vec![1, 2], vec![3]];
        assert_eq!(shown(), wanted, "at once");
        if is_offline {
            desk.assert_waits("move");
            assert_eq!(work.count_on_server("INBOX"), 5, "not told yet");
        }
        desk.sync();
        assert_eq!(shown(), wanted);
        for (n, path) in [(1, "Archive"), (2, "Archive"), (3, "Trash"), (4, "INBOX")] {
            assert_eq!(work.places(n), [work.levels.wire(path)], "letter {n}");
        }
        let again = desk.run(&["trash", &ids[2]], is_offline);
        assert!(again.contains("Nothing was to be changed"), "{again}");
    });
}

#[test]
fn deleted_messages_are_nowhere() {
    everywhere(|kind, is_offline| {
        let desk = Desk::one(kind);
        let work = &desk.work;
        let inbox = work.address("INBOX");
        // What another client marked is not ours to remove.
        work.other().store("INBOX", 5, "+\\Deleted");
        let ids = [2, 4].map(|n| desk.id(&inbox, n));
        let mut args = vec!["delete", &ids[0], &ids[1]];
        if is_offline || kind == Kind::Plain {
            args.push("--offline");
        }
        let said = desk.program.run(&args).expect(0).stdout;
        assert!(said.contains("for good"), "{said}");
        assert_eq!(desk.shown(&inbox), [1, 3, 5], "at once");
        if kind == Kind::Plain {
            // It can only expunge all that is marked: so ours are marked, and that is said.
            desk.program.run(&["sync"]);
            let journal = desk.program.run(&["journal"]).expect(0).stdout;
            assert!(journal.contains("marked as deleted"), "{journal}");
            assert_eq!(work.other().search("INBOX", "UNDELETED"), [1, 3]);
            assert_eq!(work.other().search("INBOX", "ALL"), [1, 2, 3, 4, 5]);
            assert_eq!(desk.shown(&inbox), [1, 2, 3, 4, 5], "with their marks");
            return;
        }
        if is_offline {
            assert_eq!(work.count_on_server("INBOX"), 5, "not told yet");
            desk.assert_waits("delete");
            desk.sync();
        }
        desk.assert_settled();
        let left = work.other().search("INBOX", "ALL");
        assert_eq!(left, [1, 3, 5], "{kind:?}");
        for n in [2, 4] {
            assert_eq!(work.places(n), [""; 0], "letter {n}");
        }
        desk.sync();
        assert_eq!(desk.shown(&inbox), [1, 3, 5]);
        let gone = desk.program.run(&["show", &ids[0]]).expect(1);
        assert!(gone.stderr.contains("no message"), "{gone:?}");
    });
}

#[test]
fn an_archive_that_is_missing_is_made_once() {
    for is_offline in OFFLINE {
        let desk = Desk::one(Kind::Bare);
        let work = &desk.work;
        let inbox = work.address("INBOX");
        let ids = [1, 2, 3].map(|n| desk.id(&inbox, n));
        desk.run(&["archive", &ids[0]], is_offline);
        desk.run(&["archive", &ids[1]], is_offline);
        desk.run(&["trash", &ids[2]], is_offline);
        assert_eq!(
            desk.shown("archive"),
            [1, 2],
            "it is found by what it is for"
        );
        assert_eq!(desk.shown("trash"), [3]);
        desk.sync();
        assert_eq!(work.other().tree(), ["Archive", "Box", "INBOX", "Trash"]);
        for (n, path) in [(1, "Archive"), (2, "Archive"), (3, "Trash"), (4, "INBOX")] {
            assert_eq!(work.places(n), [path], "letter {n}");
        }
        desk.sync();
        assert_eq!(desk.shown("archive"), [1, 2], "and so it stays");
    }
}

#[test]
fn archive_goes_to_the_folder_that_the_configuration_names() {
    let desk = Desk::one(Kind::Full);
    let work = &desk.work;
    let config = work.config() + "[accounts.work.folders]\narchive = \"Kept/Old\"\n";
    desk.program.write_config(&config);
    desk.program.run(&["sync"]).expect(0);
    let one = desk.id("INBOX", 1);
    desk.run(&["archive", &one], false);
    desk.sync();
    assert_eq!(work.places(1), ["Kept/Old"]);
    assert_eq!(desk.shown("Kept/Old"), [1]);
}

#[test]
fn half_a_change_is_none() {
    let desk = Desk::one(Kind::Full);
    let one = desk.id("INBOX", 1);
    for args in [
        &["move", &one, "999999", "Box"][..],
        &["copy", "999999", &one, "Box"],
        &["archive", &one, "999999"],
        &["trash", &one, "999999"],
        &["delete", &one, "999999"],
    ] {
        let output = desk.program.run(args).expect(1);
        assert!(output.stderr.contains("no message 999999"), "{output:?}");
    }
    let output = desk.program.run(&["move", &one, "Bxo"]).expect(1);
    for word in [
        "\"Bxo\"",
        "did you mean \"Box\"?",
        "pillarbox mailbox create",
    ] {
        assert!(output.stderr.contains(word), "{word} in {}", output.stderr);
    }
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    assert_eq!(desk.shown("INBOX"), [1, 2, 3, 4, 5]);
    desk.assert_settled();
    assert_eq!(desk.work.count_on_server("INBOX"), 5);
}

#[test]
fn a_target_is_named_as_everywhere_else() {
    let desk = Desk::two();
    let (work, home) = (&desk.work, desk.home());
    // What only holds other folders cannot hold a message.
    work.make("Above/Below");
    desk.sync();
    let ids = [1, 2, 3].map(|n| desk.id("work/INBOX", n));
    let asked = desk.program.run(&["move", &ids[0], "archive"]).expect(2);
    assert!(
        asked.stderr.contains("work/Archive, home/INBOX.Archive"),
        "{asked:?}"
    );
    let only = desk.program.run(&["move", &ids[0], "Above"]).expect(1);
    assert!(only.stderr.contains("can hold no messages"), "{only:?}");
    desk.run(&["move", &ids[0], "above/below"], false);
    desk.run(&["move", &ids[1], "archive", "--account", "work"], false);
    desk.run(&["move", &ids[2], "home/trash"], false);
    desk.sync();
    assert_eq!(work.places(1), ["Above/Below"]);
    assert_eq!(work.places(2), ["Archive"]);
    assert_eq!(home.places(3), [home.levels.wire("Trash")]);
}
