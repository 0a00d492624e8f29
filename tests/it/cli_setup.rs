//! `pillarbox setup` as scripts use it: what is written, and when nothing is.
//!
//! The server is a real Dovecot. What was written before must stand there unchanged.

use crate::support::{Dovecot, Kind, Program};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// The flags for a user of that server, with that password.
fn flags(dovecot: &Dovecot, user: &str, password: &str) -> Vec<String> {
    let account = dovecot.account("work", user);
    let value = |key: &str| {
        let line = account.lines().find(|l| l.starts_with(key)).unwrap();
        let (_, value) = line.split_once(" = ").unwrap();
        value.trim_matches('"').to_owned()
    };
    let host = format!("{}:{}", value("host"), dovecot.imaps);
    let command = format!("echo {password}");
    let (email, ca_file) = (value("address"), value("ca_file"));
    [
        "setup",
        "--non-interactive",
        "--email",
        &email,
        "--imap",
        &host,
        "--smtp",
        "-",
        "--user",
        user,
        "--ca-file",
        &ca_file,
        "--password-command",
        &command,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn run(program: &Program, words: &[String], more: &[&str]) -> crate::support::Output {
    let words = words.iter().map(String::as_str);
    program.run(&words.chain(more.iter().copied()).collect::<Vec<_>>())
}

#[test]
fn setup_adds_an_account_that_works_and_leaves_the_rest_of_the_file_alone() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let before = "# mine\n[ui]\nbell = true # loud";
    let program = Program::new(before);
    let words = flags(dovecot, &user, "pass");
    run(&program, &words, &["--account", "work"]).expect(0);
    let text = fs::read_to_string(program.config_file()).unwrap();
    assert!(text.starts_with(before), "{text}");
    let mode = fs::metadata(program.config_file()).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let rows = program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(rows[0]["account"], "work");
    let again = run(&program, &words, &["--account", "work"]).expect(2);
    assert!(
        again.stderr.contains("\"work\" already"),
        "{}",
        again.stderr
    );
    assert_eq!(fs::read_to_string(program.config_file()).unwrap(), text);
}

#[test]
fn setup_writes_nothing_where_the_server_does_not_let_the_user_in() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let program = Program::new("");
    fs::remove_file(program.config_file()).unwrap();
    let words = flags(dovecot, &user, "wrong");
    let said = run(&program, &words, &[]).expect(1);
    assert!(
        said.stderr.contains("nothing was written"),
        "{}",
        said.stderr
    );
    assert!(!program.config_file().exists());
    run(&program, &words, &["--no-check"]).expect(0);
    program.run(&["config", "check"]).expect(0);
}

#[test]
fn setup_for_scripts_names_the_flag_that_is_missing_and_knows_providers() {
    let program = Program::new("");
    let base = ["setup", "--non-interactive", "--no-check"].map(str::to_owned);
    for (more, flag) in [
        (&[][..], "--email"),
        (&["--email", "ann@example.org"], "--imap"),
        (
            &["--email", "ann@example.org", "--imap", "mail.example.org"],
            "--smtp",
        ),
        (&["--email", "ann@gmail.com"], "--password-command"),
    ] {
        let said = run(&program, &base, more).expect(2);
        let wanted = format!("{flag} ");
        assert!(said.stderr.contains(&wanted), "{}", said.stderr);
        assert_eq!(said.stderr.lines().count(), 1);
    }
    let known = ["--email", "ann.lee@me.com", "--password-command", "pass me"];
    run(&program, &base, &known).expect(0);
    let shown = program.run(&["config", "show"]).expect(0).stdout;
    for line in [
        "[accounts.me.imap]",
        "name = \"Ann Lee\"",
        "host = \"imap.mail.me.com\"",
        "user = \"ann.lee\"",
        "port = 587",
        "tls = \"starttls\"",
        "user = \"ann.lee@me.com\"",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn setup_on_a_terminal_asks_again_for_what_it_cannot_take_and_ends_with_an_account_that_works() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let program = Program::new("");
    fs::remove_file(program.config_file()).unwrap();
    let all = flags(dovecot, &user, "pass");
    let value = |flag: &str| {
        let at = all.iter().position(|word| word == flag).unwrap();
        all[at + 1].clone()
    };
    let (trust, user) = (value("--ca-file"), value("--user"));
    let words = ["--account", "work", "--user", &user, "--ca-file", &trust];
    let words = [&["setup"][..], &words].concat();
    let mut screen = program.screen(&words, 120, 30);
    let mut answer = |question: &str, text: &str| {
        screen.wait_for(question);
        screen.keys(&format!("{text}<Enter>"));
    };
    answer("your address:", "nonsense");
    answer("write it as ann@example.org", &value("--email"));
    answer("your name [", "");
    answer("the incoming server (IMAP)", "two words");
    answer("is not a server", &value("--imap"));
    answer("the outgoing server (SMTP)", "-");
    answer(
        "a command that prints the password",
        &value("--password-command"),
    );
    screen.wait_for("Account work is in");
    let rows = program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(rows[0]["ok"], true, "{rows:?}");
}
