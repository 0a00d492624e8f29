//! Reading by the command line against a real Dovecot: sync, mailboxes, list, show, cache.
//!
//! Every key of the contract with scripts is held here by name and type. What a test asserts must be
//! what the server holds, never what our own store says of it.

use crate::support::{Dovecot, Kind, Program, closed_port};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

const GREETING: &str = "From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.org>\n\
    To: Bob <bob@example.org>, =?utf-8?b?5pel5pys?= <nihon@example.org>\nCc: carol@example.org\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=\nMessage-ID: <greeting@example.org>\n\
    Date: Mon, 06 Apr 2026 10:32:00 +0200\nMIME-Version: 1.0\n\
    Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
    Schöne Grüße!\n\n> zitiert\n";
const REPLY: &str = "From: Bob <bob@example.org>\nTo: joerg@example.org\nSubject: Re: Answer\n\
    Message-ID: <reply@example.org>\nIn-Reply-To: <greeting@example.org>\n\
    References: <greeting@example.org>\nDate: Mon, 06 Apr 2026 11:00:00 -0530\nMIME-Version: 1.0\n\
    Content-Type: multipart/mixed; boundary=outer\n\n\
    --outer\nContent-Type: multipart/alternative; boundary=inner\n\n\
    --inner\nContent-Type: text/plain; charset=us-ascii\n\nThe plain words.\n\
    --inner\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
    <p>The <b>f=F6rmal</b> words.</p>\n--inner--\n\
    --outer\nContent-Type: text/plain; name=\"../../notes.txt\"\n\
    Content-Disposition: attachment; filename=\"../../notes.txt\"\n\nfirst\n\
    --outer\nContent-Type: application/octet-stream\n\
    Content-Disposition: attachment; filename=\"notes.txt\"\nContent-Transfer-Encoding: base64\n\nc2Vjb25kAP8=\n\
    --outer\nContent-Type: application/octet-stream\n\
    Content-Disposition: attachment; filename*=utf-8''%E2%82%AC%1b%5B2J%E2%80%AEgpj.exe\n\nthird\n\
    --outer--\n";
const HOSTILE: &str = "From: \"\x1b]0;owned\x07\" <eve@example.org>\nTo: bob@example.org\n\
    Subject: =?utf-8?q?=1B[31mred_=E2=80=AEevil=C2=9B2J?=\nMessage-ID: <hostile@example.org>\n\
    Date: Mon, 06 Apr 2026 12:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n\
    \x1b[2Jcleared \u{9b}31m \u{202e}backwards\n";

const LIST_KEYS: [&str; 15] = [
    "account",
    "attachments",
    "cc",
    "date",
    "flags",
    "from",
    "id",
    "mailbox",
    "message_id",
    "size",
    "subject",
    "tags",
    "thread",
    "to",
    "uid",
];

/// A user with three messages in INBOX, one in an own folder, and the program, not yet synchronised.
struct Mail {
    dovecot: &'static Dovecot,
    user: String,
    program: Program,
}

impl Mail {
    fn new(extra: &str) -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let user = dovecot.fresh_user();
        let mut client = dovecot.client(&user);
        client.append("INBOX", "\\Seen \\Flagged work $Forwarded", GREETING);
        client.append("INBOX", "", REPLY);
        client.append("INBOX", "\\Answered \\Draft \\Deleted", HOSTILE);
        client.append(
            "Bücher/Über"
                .replace('ü', "&APw-")
                .replace('Ü', "&ANw-")
                .as_str(),
            "",
            GREETING,
        );
        let program = Program::new(&(dovecot.account("work", &user) + extra));
        Self {
            dovecot,
            user,
            program,
        }
    }

    fn synced(extra: &str) -> Self {
        let mail = Self::new(extra);
        mail.program.run(&["sync"]).expect(0);
        mail
    }

    fn list(&self, args: &[&str]) -> Vec<Value> {
        let all: Vec<&str> = ["list", "INBOX", "--json"]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.program.run(&all).expect(0).json()
    }

    /// The id of the message with that UID in INBOX.
    fn id(&self, uid: u32) -> String {
        let rows = self.list(&[]);
        let row = rows.iter().find(|row| row["uid"] == uid).unwrap();
        row["id"].to_string()
    }

    /// From now on nobody answers on the server's port.
    fn cut_off(&self, extra: &str) {
        let account = self.dovecot.account("work", &self.user);
        let port = format!("port = {}", self.dovecot.imaps);
        let closed = account.replace(&port, &format!("port = {}", closed_port()));
        self.program.write_config(&(closed + extra));
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn uids(rows: &[Value]) -> Vec<u64> {
    rows.iter()
        .map(|row| row["uid"].as_u64().unwrap())
        .collect()
}

const HEADERS_ONLY: &str = "[accounts.work.sync]\nkeep = \"headers\"\n";

#[test]
fn sync_counts_what_it_did_and_says_so_with_the_keys_of_the_contract() {
    let mail = Mail::new("");
    let rows = mail.program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(rows.len(), 1);
    let names = [
        "account", "changed", "error", "new", "ok", "pending", "removed", "seconds", "sent",
    ];
    assert_eq!(keys(&rows[0]), names);
    let counts = |row: &Value| {
        ["new", "changed", "removed", "sent", "pending"].map(|k| row[k].as_u64().unwrap())
    };
    assert_eq!(rows[0]["account"], "work");
    assert_eq!(rows[0]["ok"], true);
    assert_eq!(rows[0]["error"], Value::Null);
    assert!(rows[0]["seconds"].is_f64());
    assert_eq!(counts(&rows[0]), [4, 0, 0, 0, 0]);
    let mut other = mail.dovecot.client(&mail.user);
    other.store("INBOX", 1, "-\\Seen");
    other.store("INBOX", 2, "+\\Deleted");
    other.run("UID EXPUNGE 2");
    mail.dovecot.deliver(&mail.user, "INBOX", REPLY);
    mail.program
        .run(&["flag", &mail.id(3), "--add", "flagged", "--offline"])
        .expect(0);
    let row = &mail.program.run(&["sync", "--json"]).expect(0).json()[0];
    assert_eq!(counts(row), [1, 1, 1, 1, 0], "{row}");
    let text = mail.program.run(&["sync"]).expect(0);
    assert!(
        text.stdout
            .starts_with("work: 0 new, 0 changed, 0 removed, 0 sent"),
        "{text:?}"
    );
}

#[test]
fn one_account_that_fails_leaves_the_others_alone_and_ends_with_3_all_with_1() {
    let mail = Mail::new("");
    let config = |port: u16, also: bool| {
        let good = mail.dovecot.account("work", &mail.user);
        let bad = format!(
            "[accounts.away]\naddress = \"a@example.org\"\n[accounts.away.imap]\nhost = \"127.0.0.1\"\n\
             port = {port}\ntls = \"none\"\npassword = \"pass\"\n"
        );
        if also { bad + &good } else { bad }
    };
    mail.program.write_config(&config(closed_port(), true));
    let output = mail.program.run(&["sync", "--json"]).expect(3);
    let rows = output.json();
    let names: Vec<&str> = rows
        .iter()
        .map(|r| r["account"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["away", "work"], "the order of the configuration");
    assert_eq!([&rows[0]["ok"], &rows[1]["ok"]], [false, true]);
    assert_eq!(rows[1]["new"], 4);
    let error = rows[0]["error"].as_str().unwrap();
    assert!(error.contains("127.0.0.1"), "{error}");
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    assert!(
        output.stderr.starts_with("pillarbox: away: "),
        "{}",
        output.stderr
    );
    mail.program.run(&["sync", "--account", "work"]).expect(0);
    mail.program.run(&["sync", "--account", "away"]).expect(1);
    mail.program.write_config(&config(closed_port(), false));
    mail.program.run(&["sync"]).expect(1);
}

#[test]
fn mailboxes_are_listed_with_their_roles_counts_and_names_in_their_own_script() {
    let mail = Mail::synced("");
    let rows = mail.program.run(&["mailboxes", "--json"]).expect(0).json();
    for row in &rows {
        let names = [
            "account",
            "delimiter",
            "name",
            "role",
            "subscribed",
            "total",
            "unread",
        ];
        assert_eq!(keys(row), names);
    }
    let find = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    let inbox = json!({"account": "work", "name": "INBOX", "delimiter": "/", "role": "inbox",
        "total": 3, "unread": 2, "subscribed": find("INBOX")["subscribed"]});
    assert_eq!(*find("INBOX"), inbox);
    let own = json!({"account": "work", "name": "Bücher/Über", "delimiter": "/", "role": null,
        "total": 1, "unread": 1, "subscribed": false});
    assert_eq!(*find("Bücher/Über"), own);
    for (name, role) in [
        ("Sent", "sent"),
        ("Trash", "trash"),
        ("Junk", "junk"),
        ("Archive", "archive"),
    ] {
        assert_eq!(find(name)["role"], role);
        assert_eq!(find(name)["subscribed"], true);
    }
    let text = mail.program.run(&["mailboxes"]).expect(0).stdout;
    assert!(text.contains("INBOX (inbox): 2 unread, 3 in all"), "{text}");
}

#[test]
fn list_has_every_key_of_the_contract_with_its_type() {
    let mail = Mail::synced("");
    let rows = mail.list(&[]);
    assert_eq!(uids(&rows), [3, 2, 1], "the newest first");
    for row in &rows {
        assert_eq!(keys(row), LIST_KEYS);
    }
    let size = mail.dovecot.client(&mail.user).body("INBOX", 1).len();
    let wanted = json!({
        "id": rows[2]["id"].as_i64().unwrap(), "account": "work", "mailbox": "INBOX", "uid": 1,
        "message_id": "greeting@example.org", "thread": rows[2]["thread"].as_i64().unwrap(),
        "from": [{"name": "Jörg Müller", "address": "joerg@example.org"}],
        "to": [{"name": "Bob", "address": "bob@example.org"}, {"name": "日本", "address": "nihon@example.org"}],
        "cc": [{"name": "", "address": "carol@example.org"}],
        "subject": "Grüße aus Köln", "date": "2026-04-06T10:32:00+02:00",
        "flags": ["flagged", "forwarded", "seen"], "tags": ["work"], "size": size, "attachments": 0,
    });
    assert_eq!(rows[2], wanted);
    assert_eq!(rows[1]["date"], "2026-04-06T11:00:00-05:30");
    assert_eq!(rows[1]["attachments"], 3);
    assert_eq!(rows[1]["flags"], json!([]));
    assert_eq!(
        rows[1]["thread"], rows[2]["thread"],
        "an answer is in the thread"
    );
    assert_ne!(rows[0]["thread"], rows[2]["thread"]);
    assert_eq!(rows[0]["flags"], json!(["answered", "deleted", "draft"]));
    // What a mail holds reads back exactly, and is harmless as it stands.
    assert_eq!(rows[0]["subject"], "\x1b[31mred \u{202e}evil\u{9b}2J");
    let output = mail.program.run(&["list", "INBOX", "--json"]).expect(0);
    assert!(output.stdout.chars().all(is_harmless), "{}", output.stdout);
    let text = mail.program.run(&["list", "INBOX"]).expect(0);
    assert!(text.stdout.chars().all(is_harmless), "{}", text.stdout);
    assert!(text.stdout.contains("Grüße aus Köln") && text.stdout.contains("[work]"));
}

fn is_harmless(c: char) -> bool {
    c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[test]
fn list_is_cut_filtered_and_grouped_as_asked() {
    let mail = Mail::synced("");
    assert_eq!(uids(&mail.list(&["--limit", "2"])), [3, 2]);
    assert_eq!(uids(&mail.list(&["--limit", "1", "--offset", "1"])), [2]);
    assert_eq!(uids(&mail.list(&["--offset", "2"])), [1]);
    assert_eq!(uids(&mail.list(&["--offset", "9"])), [0_u64; 0]);
    assert_eq!(uids(&mail.list(&["--limit", "0"])), [0_u64; 0]);
    assert_eq!(uids(&mail.list(&["--query", "from:bob"])), [2]);
    assert_eq!(
        uids(&mail.list(&["--query", "subject:grüße is:starred"])),
        [1]
    );
    assert_eq!(uids(&mail.list(&["--query", "is:unread"])), [3, 2]);
    assert_eq!(uids(&mail.list(&["--query", "tag:work"])), [1]);
    // Another message of the first thread arrives last: its thread is listed together.
    mail.dovecot.deliver(
        &mail.user,
        "INBOX",
        "From: ann@example.org\nSubject: late\nMessage-ID: <late@example.org>\n\
         References: <greeting@example.org>\nDate: Tue, 07 Apr 2026 10:00:00 +0000\n\nlate\n",
    );
    mail.program.run(&["sync"]).expect(0);
    assert_eq!(uids(&mail.list(&[])), [4, 3, 2, 1]);
    let mut grouped = uids(&mail.list(&["--threads"]));
    assert_eq!(grouped.pop(), Some(3), "the other thread is older");
    grouped.sort_unstable();
    assert_eq!(grouped, [1, 2, 4]);
    let bad = mail
        .program
        .run(&["list", "INBOX", "--query", "size:enormous"])
        .expect(2);
    assert!(bad.stderr.contains("size:enormous"), "{bad:?}");
    let missing = mail.program.run(&["list", "INBIX"]).expect(1);
    assert!(
        missing.stderr.contains("did you mean \"INBOX\"?"),
        "{missing:?}"
    );
    assert_eq!(
        mail.program
            .run(&["list", "bücher/über", "--json"])
            .expect(0)
            .json()
            .len(),
        1
    );
    assert_eq!(
        mail.program
            .run(&["list", "work/inbox", "--json"])
            .expect(0)
            .json()
            .len(),
        4
    );
}

#[test]
fn show_prints_text_html_and_headers_and_nothing_that_steers_a_terminal() {
    let mail = Mail::synced("");
    let text = mail.program.run(&["show", &mail.id(1)]).expect(0).stdout;
    for line in [
        "From: Jörg Müller <joerg@example.org>",
        "Subject: Grüße aus Köln",
        "Schöne Grüße!",
        "> zitiert",
    ] {
        assert!(text.lines().any(|l| l == line), "{line:?} in {text}");
    }
    let reply = mail.id(2);
    let html = mail
        .program
        .run(&["show", &reply, "--html"])
        .expect(0)
        .stdout;
    assert_eq!(html.trim(), "<p>The <b>förmal</b> words.</p>");
    let none = mail.program.run(&["show", &mail.id(1), "--html"]).expect(1);
    assert!(none.stderr.contains("no HTML part"), "{none:?}");
    let headers = mail
        .program
        .run(&["show", &reply, "--headers"])
        .expect(0)
        .stdout;
    assert!(
        headers
            .lines()
            .any(|l| l == "In-Reply-To: <greeting@example.org>"),
        "{headers}"
    );
    let hostile = mail.id(3);
    for args in [
        &["show", &hostile][..],
        &["show", &hostile, "--headers"],
        &["show", &hostile, "--json"],
    ] {
        let output = mail.program.run(args).expect(0);
        assert!(
            output.stdout.chars().all(is_harmless),
            "{args:?}: {:?}",
            output.stdout
        );
        assert!(output.stdout.contains("cleared") || args.contains(&"--headers"));
    }
    let unknown = mail.program.run(&["show", "987654"]).expect(1);
    assert!(unknown.stderr.contains("no message 987654"), "{unknown:?}");
}

#[test]
fn show_json_has_the_keys_of_list_and_its_own() {
    let mail = Mail::synced("");
    let reply = mail.id(2);
    let shown = &mail
        .program
        .run(&["show", &reply, "--json"])
        .expect(0)
        .json()[0];
    let mut names = LIST_KEYS.to_vec();
    names.extend(["headers", "html", "parts", "text"]);
    names.sort_unstable();
    assert_eq!(keys(shown), names);
    assert_eq!(shown["text"].as_str().unwrap().trim(), "The plain words.");
    assert_eq!(shown["html"], false);
    assert_eq!(
        shown["headers"][0],
        json!(["From", "Bob <bob@example.org>"])
    );
    assert_eq!(shown["headers"].as_array().unwrap().len(), 9);
    let parts = shown["parts"].as_array().unwrap();
    assert_eq!(keys(&parts[0]), ["name", "size", "type"]);
    let types: Vec<&str> = parts.iter().map(|p| p["type"].as_str().unwrap()).collect();
    let octets = "application/octet-stream";
    assert_eq!(
        types,
        ["text/plain", "text/html", "text/plain", octets, octets]
    );
    assert_eq!(parts[2]["name"], "../../notes.txt");
    let row = mail.list(&[]).into_iter().find(|r| r["uid"] == 2).unwrap();
    for key in LIST_KEYS {
        assert_eq!(shown[key], row[key], "{key} is as in the list");
    }
}

#[test]
fn show_raw_gives_a_pipe_what_the_server_holds_byte_for_byte() {
    let mail = Mail::synced("");
    let mut other = mail.dovecot.client(&mail.user);
    for (uid, sent) in [(1, GREETING), (2, REPLY), (3, HOSTILE)] {
        let (code, stdout, _) = mail
            .program
            .run_bytes(&["show", &mail.id(uid), "--raw"], "");
        assert_eq!(code, Some(0));
        assert_eq!(
            stdout,
            sent.replace('\n', "\r\n").as_bytes(),
            "message {uid}"
        );
        assert_eq!(stdout, other.body("INBOX", uid));
    }
}

#[test]
fn on_a_terminal_raw_bytes_and_html_are_made_clean() {
    let mail = Mail::synced("");
    let hostile = mail.id(3);
    let screen = mail.program.screen(&["show", &hostile, "--raw"], 100, 40);
    screen.wait_for("backwards");
    let found = crate::support::sequences(&screen.raw());
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn attachments_are_saved_under_clean_names_never_over_a_file_and_for_the_owner_only() {
    let mail = Mail::synced("");
    let folder = mail.program.folder().join("deep/down");
    let victim = mail.program.folder().join("victim");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    std::os::unix::fs::symlink(&victim, folder.join("notes (2).txt")).unwrap();
    let args = [
        "show",
        &mail.id(2),
        "--save-attachments",
        folder.to_str().unwrap(),
    ];
    let output = mail.program.run(&args).expect(0);
    let saved: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(saved.len(), 3, "{saved:?}");
    assert!(output.stdout.chars().all(is_harmless), "{saved:?}");
    assert_eq!(saved[0], folder.join("notes (3).txt").to_str().unwrap());
    assert_eq!(saved[1], folder.join("notes (4).txt").to_str().unwrap());
    assert_eq!(fs::read(folder.join("notes.txt")).unwrap(), b"mine");
    assert!(!victim.exists(), "nothing is written through a link");
    assert_eq!(fs::read(saved[1]).unwrap(), b"second\0\xff");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(name.chars().all(is_harmless), "{name:?}");
        let mode = fs::symlink_metadata(entry.path())
            .unwrap()
            .permissions()
            .mode();
        if saved.contains(&entry.path().to_str().unwrap()) {
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        names.push(name);
    }
    assert_eq!(names.len(), 5, "{names:?}");
    let none = mail
        .program
        .run(&[
            "show",
            &mail.id(1),
            "--save-attachments",
            folder.to_str().unwrap(),
        ])
        .expect(0);
    assert!(none.stdout.contains("no attachments"), "{none:?}");
    let blocked = mail.program.config_file();
    let args = [
        "show",
        &mail.id(2),
        "--save-attachments",
        blocked.to_str().unwrap(),
    ];
    let refused = mail.program.run(&args).expect(1);
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    assert!(
        refused.stderr.contains("config.toml") && refused.stderr.contains("another folder"),
        "{refused:?}"
    );
}

#[test]
fn what_is_not_here_yet_is_fetched_and_without_a_server_the_reason_is_said() {
    let mail = Mail::synced(HEADERS_ONLY);
    let text = mail.program.run(&["show", &mail.id(1)]).expect(0).stdout;
    assert!(text.contains("Schöne Grüße!"), "{text}");
    let flags = mail.dovecot.client(&mail.user).flags("INBOX", 2);
    let (here, away) = (mail.id(1), mail.id(2));
    mail.cut_off(HEADERS_ONLY);
    let again = mail.program.run(&["show", &here]).expect(0).stdout;
    assert_eq!(again, text, "what was fetched is here");
    for args in [
        &["show", &away][..],
        &["show", &away, "--raw"],
        &["show", &away, "--json"],
    ] {
        let output = mail.program.run(args).expect(1);
        assert_eq!(output.stdout, "");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        for word in [
            "the text of message",
            "not here",
            "cannot be fetched",
            "localhost",
        ] {
            assert!(
                output.stderr.contains(word),
                "{word:?} in {}",
                output.stderr
            );
        }
        assert!(
            !output.stderr.contains(".;") && !output.stderr.contains("F5"),
            "{}",
            output.stderr
        );
    }
    assert_eq!(mail.list(&[]).len(), 3, "the list needs no server");
    let now = mail.dovecot.client(&mail.user).flags("INBOX", 2);
    assert_eq!(now, flags, "showing a message marks nothing");
}

#[test]
fn a_cleared_cache_comes_back_with_the_next_sync_and_the_journal_survives() {
    let mail = Mail::synced("");
    let before = mail.list(&[]);
    let queued = ["flag", &mail.id(2), "--add", "flagged", "--offline"];
    mail.program.run(&queued).expect(0);
    let journal = mail.program.run(&["journal", "--json"]).expect(0).stdout;
    assert_eq!(journal.lines().count(), 1);
    mail.program.run(&["cache", "clear"]).expect(0);
    assert_eq!(
        mail.program.run(&["journal", "--json"]).expect(0).stdout,
        journal
    );
    mail.program.run(&["sync"]).expect(0);
    let after = mail.list(&[]);
    assert_eq!(uids(&after), uids(&before));
    for (old, new) in before.iter().zip(&after) {
        for key in [
            "subject",
            "date",
            "from",
            "to",
            "size",
            "attachments",
            "tags",
            "message_id",
        ] {
            assert_eq!(old[key], new[key], "{key}");
        }
    }
    assert_eq!(after[1]["flags"], json!(["flagged"]));
    assert_eq!(
        mail.dovecot.client(&mail.user).search("INBOX", "FLAGGED"),
        [1, 2]
    );
    assert_eq!(
        mail.program.run(&["journal", "--json"]).expect(0).stdout,
        ""
    );
    let text = mail.program.run(&["show", &mail.id(1)]).expect(0).stdout;
    assert!(text.contains("Schöne Grüße!"), "{text}");
}
