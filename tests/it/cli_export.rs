//! `export` and `import` against a real Dovecot: what another client sees before and after.
//!
//! Bytes, flags, tags and times must come back as they were; what is broken off must neither look whole
//! nor be doubled when it goes on.

use crate::support::{Dovecot, Kind, Output, Program, Proxy, Screen, wait_until};
use portable_pty::CommandBuilder;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// Messages that a format could stumble over, with the flags they have.
fn odd_messages() -> Vec<(&'static str, Vec<u8>)> {
    let long = "long ".repeat(40_000);
    [
        ("\\Seen \\Flagged work", "Subject: plain\r\nMessage-ID: <plain@example.org>\r\n\r\nText.\r\n"),
        ("\\Seen \\Answered $Forwarded", "Subject: from\r\nMessage-ID: <from@example.org>\r\n\r\nFrom here\r\n\r\n\
          From a@b.org Mon Jan  2 15:04:05 2006\r\nSubject: inside\r\n\r\n>From there\r\n"),
        ("\\Draft to-do $Junk", "Subject: no end\r\n\r\nno line break at the end"),
        ("\\Deleted", "Subject: bare\n\nlines of\nLF alone\n"),
        ("", "Subject: mixed\r\nStatus: RO\r\nX-Keywords: theirs\r\nContent-Length: 3\r\n\r\nmixed\nlines\r\n\r\n\r\n"),
        ("\\Seen", "Subject: eight\r\n\r\n\u{fc}ml\u{e4}ute\r\n"),
        ("", "Subject: header alone\r\n"),
        ("", &format!("Subject: long\r\n\r\n{long}\r\n")),
        ("", "no header at all"),
    ]
    .map(|(flags, text)| (flags, text.as_bytes().to_vec()))
    .into_iter()
    .chain([("\\Seen", b"Subject: raw\r\n\r\n\xff\xfe\x80\x01 bytes\r\n".to_vec())])
    .collect()
}

/// A user with mail, and a program that was synchronised with headers alone.
struct Scene {
    dovecot: &'static Dovecot,
    user: String,
    program: Program,
}

impl Scene {
    fn new(kind: Kind, messages: &[(&str, Vec<u8>)]) -> Self {
        let dovecot = Dovecot::shared(kind);
        let user = dovecot.fresh_user();
        let mut client = dovecot.client(&user);
        for (flags, bytes) in messages {
            let refused = client.append_bytes("INBOX", flags, bytes);
            assert_eq!(refused, None, "{}", String::from_utf8_lossy(bytes));
        }
        for folder in ["A", "B"] {
            client.run(&format!("CREATE {folder}"));
        }
        client.leave();
        let program = Program::new(&Dovecot::account_at(dovecot.imap, "work", &user));
        let scene = Self {
            dovecot,
            user,
            program,
        };
        scene.run(&["sync"]);
        scene
    }

    fn run(&self, args: &[&str]) -> Output {
        self.program.run(args).expect(0)
    }

    fn path(&self, name: &str) -> String {
        self.program.folder().join(name).display().to_string()
    }

    /// What another client sees in a folder, in its order: bytes, flags and times.
    fn held(&self, mailbox: &str) -> Vec<(Vec<u8>, Vec<String>, String)> {
        let mut client = self.dovecot.client(&self.user);
        let mut held = Vec::new();
        for uid in client.search(mailbox, "ALL") {
            let time = client
                .run(&format!("UID FETCH {uid} (INTERNALDATE)"))
                .join("");
            let time = time.split('"').nth(1).unwrap().to_owned();
            held.push((client.body(mailbox, uid), client.flags(mailbox, uid), time));
        }
        client.leave();
        held
    }

    fn count(&self, mailbox: &str) -> usize {
        self.dovecot.client(&self.user).search(mailbox, "ALL").len()
    }

    /// Goes through another port from here on.
    fn connect_to(&self, port: u16) {
        self.program
            .write_config(&Dovecot::account_at(port, "work", &self.user));
    }
}

fn letters(numbers: std::ops::RangeInclusive<u32>) -> Vec<(&'static str, Vec<u8>)> {
    numbers
        .map(|n| {
            let text = format!(
                "Subject: letter {n}\r\nMessage-ID: <{n}@example.org>\r\n\r\nText {n}.\r\n"
            );
            ("\\Seen", text.into_bytes())
        })
        .collect()
}

/// Does to a command what Ctrl-C does.
fn interrupt(child: &Child) {
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
}

#[test]
fn a_folder_comes_back_from_either_format_with_every_byte_flag_tag_and_time() {
    for kind in [Kind::Full, Kind::Plain] {
        let scene = Scene::new(kind, &odd_messages());
        let before = scene.held("INBOX");
        assert_eq!(before.len(), 10);
        for (format, target) in [("mbox", "A"), ("maildir", "B")] {
            let path = scene.path(format);
            let said = scene.run(&["export", "INBOX", "--format", format, &path]);
            assert_eq!(
                said.stdout,
                format!("Exported 10 messages of INBOX to {path}.\n")
            );
            let said = scene.run(&["import", &path, target]);
            assert_eq!(
                said.stdout,
                format!("Imported 10 messages into {target}.\n")
            );
            assert_eq!(scene.held(target), before, "{format}");
            // The same command once more doubles nothing, whatever a message has to be known by.
            let said = scene.run(&["import", &path, target]);
            assert!(
                said.stdout.contains("Imported 0 messages")
                    && said.stdout.contains("; 10 were there"),
                "{said:?}"
            );
            assert_eq!(scene.held(target), before, "{format}");
            let listed = scene.run(&["list", target, "--json"]).json();
            assert_eq!(listed.len(), 10, "in step at once");
        }
        assert_eq!(scene.held("INBOX"), before, "nothing was touched");
    }
}

#[test]
fn many_texts_come_over_one_connection_and_go_over_one() {
    let scene = Scene::new(Kind::Full, &letters(1..=150));
    let proxy = Proxy::before(scene.dovecot.imap);
    scene.connect_to(proxy.port);
    let path = scene.path("box");
    scene.run(&["export", "INBOX", "--format", "mbox", &path]);
    assert_eq!(proxy.connections(), 1);
    let turns = proxy.turns();
    scene.run(&["import", &path, "A"]);
    assert_eq!(proxy.connections(), 2);
    assert!(
        proxy.turns() - turns < 40,
        "{} turns for 150 messages",
        proxy.turns() - turns
    );
    assert_eq!(scene.held("A"), scene.held("INBOX"));
}

#[test]
fn other_programs_read_what_was_exported() {
    let scene = Scene::new(Kind::Full, &odd_messages()[..3]);
    let (file, folder) = (scene.path("box"), scene.path("dir"));
    scene.run(&["export", "INBOX", "--format", "mbox", &file]);
    scene.run(&["export", "INBOX", "--format", "maildir", &folder]);
    let script = "import mailbox, sys\n\
        for box in (mailbox.mbox(sys.argv[1], create=False), mailbox.Maildir(sys.argv[2], create=False)):\n\
        \x20   print(sorted((m['Subject'], ''.join(sorted(set(m.get_flags()) - set('O')))) for m in box))\n";
    let python = Command::new("python3")
        .args(["-c", script, &file, &folder])
        .output();
    match python {
        Ok(out) => {
            assert!(out.status.success(), "{out:?}");
            let said = String::from_utf8(out.stdout).unwrap();
            // Python has its own letters in each format.
            let wanted = "[('from', 'AR'), ('no end', 'T'), ('plain', 'FR')]\n\
                [('from', 'PRS'), ('no end', 'Dbc'), ('plain', 'FSa')]\n";
            assert_eq!(said, wanted);
        }
        Err(_) => eprintln!("skipped: there is no python3 here"),
    }
}

#[test]
fn mutt_shows_what_was_exported_with_its_flags() {
    if Command::new("mutt").arg("-v").output().is_err() {
        eprintln!("skipped: there is no mutt here");
        return;
    }
    let scene = Scene::new(Kind::Full, &odd_messages()[..3]);
    // Where there is none, it would ask whether to make one.
    fs::create_dir(scene.program.folder().join("Mail")).unwrap();
    for format in ["mbox", "maildir"] {
        let path = scene.path(format);
        scene.run(&["export", "INBOX", "--format", format, &path]);
        let mut command = CommandBuilder::new("mutt");
        command.args(["-n", "-F", "/dev/null", "-R", "-f", &path]);
        command.env_clear();
        command.env("TERM", "xterm");
        command.env("HOME", scene.program.folder());
        command.env("PATH", "/usr/bin:/bin");
        let screen = Screen::start(command, 80, 24);
        wait_until("mutt to list three messages", || {
            screen.text().contains("Msgs:3")
        });
        let text = screen.text();
        let line = |subject: &str| {
            text.lines()
                .find(|l| l.trim_end().ends_with(subject))
                .unwrap()
        };
        assert!(line("plain").contains('!'), "flagged: {text}");
        assert!(line("from").contains(" r"), "answered: {text}");
        screen.kill_at_once();
    }
}

#[test]
fn an_export_that_is_called_off_keeps_whole_messages_under_another_name() {
    let scene = Scene::new(Kind::Full, &letters(1..=500));
    // The first window is here; the rest is on a server that does not answer.
    scene.run(&["export", "INBOX", "--format", "mbox", &scene.path("first")]);
    let mut client = scene.dovecot.client(&scene.user);
    for (flags, bytes) in letters(501..=520) {
        client.append_bytes("INBOX", flags, &bytes);
    }
    client.leave();
    scene.run(&["sync"]);
    let proxy = Proxy::before(scene.dovecot.imap);
    proxy.stall(true);
    scene.connect_to(proxy.port);
    let path = scene.path("box");
    let mut child = scene
        .program
        .spawn(&["export", "INBOX", "--format", "mbox", &path]);
    wait_until("the export to fetch", || proxy.connections() > 0);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(!Path::new(&path).exists(), "it does not look whole");
    let half = format!("{path}.partial");
    let text = fs::read_to_string(&half).unwrap();
    assert_eq!(text.matches("\nMessage-ID: ").count(), 500);
    let said = scene
        .program
        .run(&["export", "INBOX", "--format", "mbox", &path])
        .expect(1);
    assert!(
        said.stderr.contains("box.partial") && said.stderr.contains("--force"),
        "{said:?}"
    );
    scene.connect_to(scene.dovecot.imap);
    scene.run(&["export", "INBOX", "--format", "mbox", &path, "--force"]);
    assert!(!Path::new(&half).exists());
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("\nMessage-ID: ").count(), 520);
}

#[test]
fn an_export_without_a_server_says_what_is_missing_and_does_not_look_whole() {
    let scene = Scene::new(Kind::Full, &letters(1..=3));
    scene.connect_to(crate::support::closed_port());
    let path = scene.path("box");
    let said = scene
        .program
        .run(&["export", "INBOX", "--format", "mbox", &path, "--json"])
        .expect(1);
    let row = &said.json()[0];
    assert_eq!(
        [&row["complete"], &row["messages"]],
        [&json!(false), &json!(0)]
    );
    assert!(row["path"].as_str().unwrap().ends_with("box.partial"));
    assert!(said.stderr.contains("0 of 3 messages are in"), "{said:?}");
    assert!(!Path::new(&path).exists());
}

#[test]
fn an_import_whose_line_breaks_goes_on_where_it_was() {
    let scene = Scene::new(Kind::Full, &letters(1..=300));
    let path = scene.path("box");
    scene.run(&["export", "INBOX", "--format", "mbox", &path]);
    let proxy = Proxy::before(scene.dovecot.imap);
    scene.connect_to(proxy.port);
    proxy.cut_after_sending(20_000);
    let said = scene.program.run(&["import", &path, "A"]).expect(1);
    assert!(
        said.stderr.contains("connection was lost") && said.stderr.contains("the same command"),
        "{said:?}"
    );
    let said: usize = said
        .stderr
        .split("so far ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    wait_until("the server to act on what it was sent", || proxy.is_over());
    let there = scene.count("A");
    assert!(
        said > 0 && said <= there && there < 300,
        "{said} of {there}"
    );
    scene.connect_to(scene.dovecot.imap);
    let rest = scene.run(&["import", &path, "A"]);
    assert!(
        rest.stdout
            .starts_with(&format!("Imported {} messages", 300 - there)),
        "{rest:?}"
    );
    assert_eq!(scene.held("A"), scene.held("INBOX"));
}

#[test]
fn an_import_is_called_off_though_the_server_is_silent_and_goes_on_later() {
    let scene = Scene::new(Kind::Plain, &letters(1..=200));
    let path = scene.path("box");
    scene.run(&["export", "INBOX", "--format", "mbox", &path]);
    let proxy = Proxy::before(scene.dovecot.imap);
    proxy.set_round_trip(Duration::from_millis(40));
    scene.connect_to(proxy.port);
    let mut child = scene.program.spawn(&["import", &path, "A"]);
    wait_until("the import to be under way", || proxy.bytes().0 > 3000);
    proxy.stall(true);
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // What had left goes on, and the server hears that nobody is there any more.
    proxy.stall(false);
    proxy.cut();
    wait_until("the server to act on what it was sent", || proxy.is_over());
    let there = scene.count("A");
    assert!(there > 0 && there < 200, "{there}");
    scene.connect_to(scene.dovecot.imap);
    scene.run(&["import", &path, "A"]);
    assert_eq!(scene.held("A"), scene.held("INBOX"));
}

#[test]
fn what_an_archive_holds_twice_is_taken_twice_and_all_takes_it_anew() {
    let scene = Scene::new(Kind::Full, &[]);
    let one =
        "From a@b.org Mon Jan  2 15:04:05 2006\nSubject: x\nMessage-ID: <x@example.org>\n\nx\n\n";
    let two = "From a@b.org Mon Jan  2 15:04:05 2006\nSubject: nameless\n\ny\n\n";
    let path = scene.path("box");
    fs::write(&path, [one, two, one, two].concat()).unwrap();
    for (args, total) in [(&[][..], 4), (&[], 4), (&["--all"], 8)] {
        let args = [&["import", &path, "A"], args].concat();
        scene.run(&args);
        assert_eq!(scene.count("A"), total, "{args:?}");
    }
    let row = &scene.run(&["import", &path, "A", "--json"]).json()[0];
    let wanted = json!({"account": "work", "mailbox": "A", "format": "mbox", "path": path, "imported": 0,
        "present": 4, "refused": 0, "complete": true, "error": null});
    assert_eq!(*row, wanted);
}

#[test]
fn what_cannot_be_taken_is_named_and_the_rest_goes_on() {
    let scene = Scene::new(Kind::Full, &[]);
    let path = scene.path("box");
    let entry = |text: &str| {
        format!("From a@b.org Mon Jan  2 15:04:05 2006\nSubject: {text}\n\n{text}\n\n")
    };
    fs::write(&path, [entry("a"), entry("b\0b"), entry("c")].concat()).unwrap();
    let said = scene.program.run(&["import", &path, "A"]).expect(1);
    assert_eq!(
        said.stdout,
        "Imported 2 messages into A; 1 was not taken.\n"
    );
    assert!(
        said.stderr
            .starts_with("pillarbox: message 2 was not imported: ")
            && said.stderr.contains("NUL"),
        "{said:?}"
    );
    assert_eq!(scene.count("A"), 2);
}

#[test]
fn a_server_without_room_is_not_asked_again_and_again() {
    let scene = Scene::new(Kind::Shared, &[]);
    let path = scene.path("box");
    let text = "x".repeat(200_000);
    let entry = |n| format!("From a@b.org Mon Jan  2 15:04:05 2006\nSubject: {n}\n\n{text}\n\n");
    fs::write(&path, (0..400).map(entry).collect::<String>()).unwrap();
    let said = scene.program.run(&["import", &path, "A"]).expect(1);
    assert!(said.stderr.contains("the server takes no more"), "{said:?}");
    assert!(said.stderr.lines().count() < 20, "{}", said.stderr);
    assert!((1..6).contains(&scene.count("A")));
}

#[test]
fn what_is_asked_for_wrongly_is_said_before_anything_is_done() {
    let scene = Scene::new(Kind::Full, &letters(1..=1));
    let (file, folder) = (scene.path("notes.txt"), scene.path("folder"));
    fs::write(&file, "Dear diary,\n").unwrap();
    fs::create_dir(&folder).unwrap();
    let box_path = scene.path("box");
    fs::write(&box_path, "").unwrap();
    for (args, code, word) in [
        (["import", &file, "A"].as_slice(), 2, "neither an mbox"),
        (&["import", &folder, "A"], 2, "neither an mbox"),
        (
            &["import", "/not/there", "A"],
            2,
            "/not/there cannot be read",
        ),
        (
            &["import", &box_path, "Nowhere"],
            1,
            "pillarbox mailbox create",
        ),
        (
            &["export", "Nowhere", "--format", "mbox", "x"],
            1,
            "no folder \"Nowhere\"",
        ),
        (
            &["export", "INBOX", "--format", "mbox", &box_path],
            1,
            "is there already",
        ),
        (
            &["export", "INBOX", "--format", "maildir", &file],
            1,
            "no Maildir",
        ),
        (
            &["export", "INBOX", "--format", "mh", "x"],
            2,
            "mbox, maildir",
        ),
    ] {
        let said = scene.program.run(args).expect(code);
        assert!(said.stderr.contains(word), "{args:?}: {said:?}");
        assert_eq!(said.stderr.lines().count(), 1, "{said:?}");
    }
    assert_eq!(fs::read(&box_path).unwrap(), b"", "nothing was overwritten");
    assert_eq!(fs::read_to_string(&file).unwrap(), "Dear diary,\n");
    assert_eq!(scene.count("A"), 0);
}

#[test]
fn mail_is_imported_into_an_account_that_keeps_it_here_before_its_server_was_ever_reached() {
    let program = Program::new(
        "[accounts.old]\naddress = \"ann@example.org\"\n[accounts.old.pop3]\nhost = \"127.0.0.1\"\n\
         port = 1\ntls = \"none\"\nuser = \"ann\"\npassword = \"secret\"\n",
    );
    let path = program.folder().join("box");
    fs::write(
        &path,
        "From a@b Thu Jan  1 00:00:00 2026\nSubject: kept\n\nText.\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let said = program.run(&["import", path, "INBOX"]).expect(0);
    assert_eq!(said.stdout, "Imported 1 message into INBOX.\n");
    assert_eq!(program.run(&["list", "INBOX", "--json"]).json().len(), 1);
    // A name that is none of its folders is still refused.
    let said = program.run(&["import", path, "Nowhere"]).expect(1);
    assert!(
        said.stderr.contains("there is no folder \"Nowhere\""),
        "{said:?}"
    );
}
