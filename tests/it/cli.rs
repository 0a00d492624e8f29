//! The command line as a script meets it: exit codes, one sentence for each error, clean output.
//!
//! The contract with scripts stands in the README and in `src/cli`; it must never change silently.

use crate::support::{Program, Screen, sequences};
use std::process::Command;

const ACCOUNT: &str = "[accounts.work]\naddress = \"ann@example.org\"\n[accounts.work.imap]\n\
    host = \"imap.example.org\"\npassword = \"hunter2\"\n";

/// One line that begins as all errors do, with all of the words in it.
fn assert_sentence(stderr: &str, words: &[&str]) {
    assert_eq!(stderr.lines().count(), 1, "one sentence: {stderr}");
    assert!(stderr.starts_with("pillarbox: "), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} in {stderr}");
    }
}

#[test]
fn a_wrong_command_line_ends_with_2_and_one_sentence() {
    let program = Program::new(ACCOUNT);
    for (args, words) in [
        (&["snyc"][..], &["snyc", "did you mean sync?"][..]),
        (&["list"], &["MAILBOX", "--help"]),
        (&["list", "INBOX", "--limit", "many"], &["many", "--limit"]),
        (&["show", "x"], &["'x'", "ID"]),
        (&["--jsn", "mailboxes"], &["--jsn"]),
        (&["show", "1", "--raw", "--html"], &["--raw", "--html"]),
        (&["flag", "1"], &["--add", "--remove"]),
        (&["flag", "1", "--add", "red"], &["red", "seen flagged"]),
        (&["tag", "1", "--add", "a b"], &["a b", "tag"]),
        (&["move", "1"], &["ID", "--help"]),
        (&["move", "Work", "1"], &["'Work'", "ID"]),
        (&["trash"], &["ID", "--help"]),
        (&["mailbox"], &["create, rename, delete, subscribe"]),
        (&["mailbox", "rename", "Work"], &["NEW", "--help"]),
        (&["mailbox", "craete", "x"], &["did you mean create?"]),
    ] {
        let output = program.run(args).expect(2);
        assert_sentence(&output.stderr, words);
        assert_eq!(output.stdout, "", "{args:?}");
    }
}

#[test]
fn help_and_version_end_with_0_and_name_only_commands_that_work() {
    let program = Program::new(ACCOUNT);
    let help = program.run(&["--help"]).expect(0).stdout;
    let listed: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let known = [
        "demo",
        "setup",
        "compose",
        "sync",
        "mailboxes",
        "mailbox",
        "list",
        "search",
        "show",
        "flag",
        "tag",
        "move",
        "copy",
        "archive",
        "trash",
        "delete",
        "undo",
        "send",
        "outbox",
        "journal",
        "export",
        "import",
        "actions",
        "config",
        "cache",
        "doctor",
    ];
    assert_eq!(listed, known);
    assert!(
        program
            .run(&["--version"])
            .expect(0)
            .stdout
            .starts_with("pillarbox ")
    );
}

#[test]
fn a_mistake_in_the_configuration_ends_with_2_and_names_file_line_and_key() {
    let program = Program::new(&ACCOUNT.replace("host", "hots"));
    for args in [
        &["config", "check"][..],
        &["mailboxes"],
        &["sync", "--json"],
        &["list", "INBOX"],
    ] {
        let output = program.run(args).expect(2);
        let words = [
            "config.toml, line 4",
            "accounts.work.imap.hots",
            "did you mean host?",
        ];
        assert_sentence(&output.stderr, &words);
        assert_eq!(output.stdout, "", "{args:?}");
    }
}

#[test]
fn a_wrong_context_action_or_key_under_keys_is_named_with_its_line() {
    for (keys, words) in [
        (
            "[keys.lst]\narchive = \"X\"",
            ["line 6", "keys.lst", "did you mean list?"],
        ),
        (
            "[keys.list]\narchve = \"X\"",
            ["line 7", "keys.list.archve", "did you mean archive?"],
        ),
        (
            "[keys.sidebar]\narchive = \"X\"",
            ["line 7", "keys.sidebar.archive", "actions"],
        ),
        (
            "[keys.list]\narchive = \"ctrl-xx\"",
            ["line 7", "keys.list.archive", "ctrl-xx"],
        ),
        (
            "[keys.list]\narchive = \"X\"\ntrash = \"X\"",
            ["line 8", "keys.list.trash", "archive"],
        ),
    ] {
        let program = Program::new(&format!("{ACCOUNT}{keys}\n"));
        for args in [&["config", "check"][..], &["mailboxes"]] {
            let output = program.run(args).expect(2);
            assert_sentence(&output.stderr, &words);
        }
    }
    let program = Program::new(&format!("{ACCOUNT}[keys.list]\narchive = [\"a\", \"e\"]\n"));
    program.run(&["config", "check"]).expect(0);
}

#[test]
fn a_missing_configuration_is_answered_with_what_to_do() {
    let program = Program::new("");
    std::fs::remove_file(program.config_file()).unwrap();
    let output = program.run(&["sync"]).expect(2);
    assert_sentence(
        &output.stderr,
        &["config.toml", "no configuration", "pillarbox demo"],
    );
}

#[test]
fn an_unknown_account_is_refused_with_those_there_are() {
    let program = Program::new(ACCOUNT);
    let output = program.run(&["--account", "wrok", "mailboxes"]).expect(2);
    assert_sentence(&output.stderr, &["wrok", "there is: work"]);
}

#[test]
fn config_check_and_show_never_print_a_secret() {
    let program = Program::new(ACCOUNT);
    let output = program.run(&["config", "check"]).expect(0);
    assert!(output.stdout.contains("1 account"), "{output:?}");
    let output = program.run(&["config", "show"]).expect(0);
    assert!(
        output.stdout.contains("password = \"(hidden)\""),
        "{output:?}"
    );
    assert!(
        !output.stdout.contains("hunter2") && !output.stderr.contains("hunter2"),
        "{output:?}"
    );
    let shown: toml::Table = output.stdout.parse().expect("it is TOML again");
    assert_eq!(
        shown["accounts"]["work"]["sync"]["interval"].as_str(),
        Some("5m")
    );
}

#[test]
fn a_password_stays_in_the_configuration() {
    let program = Program::new(ACCOUNT);
    program.run(&["config", "check"]).expect(0);
    program.run(&["--account", "nobody", "sync"]).expect(2);
    let found = Command::new("grep")
        .args(["-rl", "hunter2"])
        .arg(program.folder())
        .output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    assert_eq!(found.trim(), program.config_file().to_str().unwrap());
}

#[test]
fn actions_are_listed_with_the_keys_of_the_contract() {
    let program = Program::new(ACCOUNT);
    let rows = program.run(&["actions", "--json"]).expect(0).json();
    assert!(rows.len() > 20, "the whole table: {}", rows.len());
    for row in rows {
        let keys: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["contexts", "keys", "name", "title"]);
    }
}

#[test]
fn what_the_user_typed_cannot_steer_the_terminal() {
    let program = Program::new(ACCOUNT);
    let output = program.run(&["\x1b]0;x\x07\u{202e}evil"]).expect(2);
    assert!(sequences(output.stderr.as_bytes()).is_empty(), "{output:?}");
}

#[test]
fn the_screen_shows_what_is_written_and_tells_controls_apart() {
    let program = Program::new(ACCOUNT);
    let mut screen = program.screen(&["config", "show"], 100, 60);
    screen.wait_for("accounts.work.imap");
    assert_eq!(screen.wait_end(), 0);
    screen.wait_gone("no such text");
    screen.resize(40, 12);
    assert!(
        sequences(&screen.raw()).is_empty(),
        "{:?}",
        sequences(&screen.raw())
    );
    let raw = "\x1b[2J\x1b[?25h\x1b]52;c;x\x07\x1b[1;31mé\u{9b}m\x1b(B\u{202e}";
    let found: Vec<String> = sequences(raw.as_bytes()).into_iter().collect();
    let expected = [
        "BIDI 202e",
        "C0 07",
        "C1 9b",
        "CSI ?h",
        "CSI J",
        "CSI m",
        "ESC (B",
        "OSC 52",
    ];
    assert_eq!(found, expected);
}

#[test]
fn keys_typed_on_the_terminal_reach_the_program() {
    let mut command = portable_pty::CommandBuilder::new("cat");
    command.arg("-v");
    let mut screen = Screen::start(command, 80, 24);
    screen.keys("x<lt>é<Up><Enter>");
    // `cat -v` writes an escape as `^[` and é as `M-CM-)`.
    screen.wait_for("x<M-CM-)^[[A");
    screen.keys("<C-d>");
    assert_eq!(screen.wait_end(), 0);
}
