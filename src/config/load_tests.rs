//! What a user is told of each mistake in the configuration.
//!
//! Part of `load`. Every error must name the file, the line and the key, and say what to do.

use super::*;
use crate::config::{Chords, Keep, LeaveOnServer, Period, Protocol, Tls};
use crate::model::SyncMode;

/// A right account; what is put in stands on line 5 and following, in the IMAP table.
fn account_with(lines: &str) -> String {
    format!(
        "[accounts.work]\naddress = \"ann@example.org\"\n[accounts.work.imap]\nhost = \"imap.example.org\"\n{lines}\n"
    )
}

fn read(text: &str) -> Result<Loaded, Error> {
    parse(text, Path::new("config.toml"))
}

/// The error, held to line and key, as it is shown.
fn refused(text: &str, line: usize, key: &str) -> String {
    let error = read(text).expect_err(text);
    assert_eq!(
        (error.line, error.key.as_str()),
        (Some(line), key),
        "{error}"
    );
    assert!(!error.hint.is_empty(), "says what to do: {error}");
    error.to_string()
}

#[test]
fn a_full_account_is_read_with_the_defaults_of_what_it_leaves_out() {
    let text = account_with(
        "password = \"x\"\n[accounts.work.smtp]\nhost = \"smtp.example.org\"\ntls = \"starttls\"\n\
         [accounts.work.sync]\nmode = \"interval\"\nkeep = \"90d\"\n[keys.list]\narchive = [\"a\", \"e\"]\nquit = \"Q\"",
    );
    let config = read(&text).unwrap().config;
    let work = config.account("work").unwrap();
    assert_eq!(work.imap.as_ref().unwrap().port_for(Protocol::Imap), 993);
    assert_eq!(work.smtp.as_ref().unwrap().port_for(Protocol::Smtp), 587);
    assert_eq!(work.sync.mode, SyncMode::Interval);
    assert_eq!(work.sync.interval, Period::from_secs(300));
    assert_eq!(work.sync.keep, Keep::Recent(Period::from_secs(90 * 86_400)));
    assert_eq!(work.sync.watch, ["INBOX"]);
    assert_eq!(
        config.keys["list"]["archive"],
        Chords(vec!["a".into(), "e".into()])
    );
    assert_eq!(config.keys["list"]["quit"], Chords(vec!["Q".into()]));
}

#[test]
fn accounts_keep_the_order_of_the_file() {
    let one = |name: &str| {
        format!(
            "[accounts.{name}]\naddress = \"a@b.c\"\nimap = {{ host = \"h\", password = \"x\" }}\n"
        )
    };
    let config = read(&(one("zoe") + &one("ann") + &one("mia")))
        .unwrap()
        .config;
    let names: Vec<&str> = config
        .accounts
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["zoe", "ann", "mia"]);
}

#[test]
fn pop3_has_keys_of_its_own() {
    for (value, expected) in [
        ("true", LeaveOnServer::Always),
        ("false", LeaveOnServer::Never),
        (
            "\"14d\"",
            LeaveOnServer::For(Period::from_secs(14 * 86_400)),
        ),
        ("\"until-deleted\"", LeaveOnServer::UntilDeleted),
    ] {
        let text = format!(
            "[accounts.old]\naddress = \"a@b.c\"\n[accounts.old.pop3]\nhost = \"h\"\npassword = \"x\"\n\
             leave_on_server = {value}\nmax_size = \"5MB\""
        );
        let config = read(&text).unwrap().config;
        let pop3 = config.account("old").unwrap().pop3.clone().unwrap();
        assert_eq!(pop3.leave_on_server, expected);
        assert_eq!(pop3.max_size.unwrap().bytes(), 5_000_000);
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_key() {
    let said = refused(&account_with("prot = 993"), 5, "accounts.work.imap.prot");
    assert!(
        said.starts_with("config.toml, line 5: accounts.work.imap.prot "),
        "{said}"
    );
    assert!(said.contains("did you mean port?"), "{said}");
    let said = refused("[acounts.work]\n", 1, "acounts");
    assert!(said.contains("did you mean accounts?"), "{said}");
    let said = refused("[ui]\nzebra = 1\n", 2, "ui.zebra");
    assert!(
        !said.contains("did you mean") && said.contains("theme"),
        "{said}"
    );
}

#[test]
fn a_wrong_choice_is_answered_with_all_choices() {
    let text = account_with("password = \"x\"\n[accounts.work.sync]\nmode = \"pus\"");
    let said = refused(&text, 7, "accounts.work.sync.mode");
    for word in [
        "\"pus\"",
        "did you mean push?",
        "on-start",
        "manual",
        "interval",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let said = refused(&account_with("tls = \"ssl\""), 5, "accounts.work.imap.tls");
    assert!(said.contains("implicit, starttls, none"), "{said}");
}

#[test]
fn a_wrong_kind_of_value_is_told_in_plain_words() {
    let said = refused(&account_with("port = 70000"), 5, "accounts.work.imap.port");
    assert!(said.contains("1 to 65535"), "{said}");
    let said = refused(
        &account_with("keyring = \"yes\""),
        5,
        "accounts.work.imap.keyring",
    );
    assert!(said.contains("true or false"), "{said}");
    let text = account_with("password = \"x\"\n[accounts.work.sync]\ninterval = 5");
    let said = refused(&text, 7, "accounts.work.sync.interval");
    assert!(said.contains("5m"), "{said}");
    let text = account_with("password = \"x\"\n[accounts.work.send]\nundo = \"5 parsecs\"");
    let error = read(&text).unwrap_err();
    assert_eq!(
        (error.line, error.key.as_str()),
        (Some(7), "accounts.work.send.undo")
    );
    assert!(error.to_string().contains("5 parsecs"), "{error}");
}

#[test]
fn a_password_of_the_wrong_kind_does_not_stand_in_the_error() {
    for (key, value) in [("password", "31337"), ("password", "[\"hunter2\"]")] {
        let said = refused(
            &account_with(&format!("{key} = {value}")),
            5,
            "accounts.work.imap.password",
        );
        assert!(
            !said.contains("31337") && !said.contains("hunter2"),
            "{said}"
        );
    }
    let said = read(&account_with("password = \"hunter2"))
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("line 5") && !said.contains("hunter2"),
        "{said}"
    );
    let shown = format!(
        "{:?}",
        read(&account_with("password = \"hunter2\""))
            .unwrap()
            .config
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn clear_text_is_for_this_computer_unless_the_user_insists() {
    let with = |host: &str, more: &str| {
        format!(
            "[accounts.a]\naddress = \"a@b.c\"\n[accounts.a.imap]\npassword = \"x\"\nhost = \"{host}\"\ntls = \"none\"\n{more}"
        )
    };
    refused(&with("imap.example.org", ""), 6, "accounts.a.imap.tls");
    refused(&with("127.0.0.1.example.org", ""), 6, "accounts.a.imap.tls");
    for host in ["localhost", "127.0.0.1", "::1"] {
        let config = read(&with(host, "")).unwrap().config;
        assert_eq!(config.accounts[0].1.imap.as_ref().unwrap().tls, Tls::None);
    }
    read(&with("imap.example.org", "insecure_plaintext = true")).unwrap();
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let cases = [
        ("host = \"x\"\n", 5, ""),
        ("port = 0\npassword = \"x\"", 5, "accounts.work.imap.port"),
        ("password = \"\"", 5, "accounts.work.imap.password"),
        ("password = \"a\\nb\"", 5, "accounts.work.imap.password"),
        (
            "user = \"\"\npassword = \"x\"",
            5,
            "accounts.work.imap.user",
        ),
        (
            "leave_on_server = true\npassword = \"x\"",
            5,
            "accounts.work.imap.leave_on_server",
        ),
        (
            "password = \"x\"\nkeyring = true",
            6,
            "accounts.work.imap.keyring",
        ),
        (
            "password_command = \" \"",
            5,
            "accounts.work.imap.password_command",
        ),
        (
            "oauth2 = { client_id = \"x\" }",
            5,
            "accounts.work.imap.oauth2",
        ),
        ("", 3, "accounts.work.imap"),
        (
            "password = \"x\"\n[accounts.work.pop3]\nhost = \"h\"\npassword = \"x\"",
            6,
            "accounts.work.pop3",
        ),
        (
            "password = \"x\"\n[accounts.work.sync]\ninterval = \"0s\"",
            7,
            "accounts.work.sync.interval",
        ),
        (
            "password = \"x\"\n[accounts.work.folders]\nsent = \"\"",
            7,
            "accounts.work.folders.sent",
        ),
        (
            "password = \"x\"\n[accounts.work.send]\nidentities = [{ address = \"x\" }]",
            7,
            "accounts.work.send.identities",
        ),
        (
            "password = \"x\"\n[keys.list]\narchive = [\"\"]",
            7,
            "keys.list.archive",
        ),
    ];
    for (lines, line, key) in cases {
        refused(&account_with(lines), line, key);
    }
}

#[test]
fn an_account_needs_a_name_an_address_and_a_host_that_can_be() {
    refused("[accounts.work]\naddress = \"a@b.c\"\n", 1, "accounts.work");
    refused(
        "[accounts.\"a/b\"]\naddress = \"a@b.c\"\nimap = { host = \"h\", password = \"x\" }",
        1,
        "accounts.\"a/b\"",
    );
    refused(
        "[accounts.w]\nimap = { host = \"h\", password = \"x\" }",
        1,
        "accounts.w.address",
    );
    for address in ["ann", "@b.c", "ann@", "a b@c.d", "Ann <a@b.c>", "a@b@c"] {
        let text = format!(
            "[accounts.w]\naddress = \"{address}\"\nimap = {{ host = \"h\", password = \"x\" }}"
        );
        refused(&text, 2, "accounts.w.address");
    }
    for host in ["", "imaps://h", "h:993", "h/x", "a b"] {
        let text = format!(
            "[accounts.w]\naddress = \"a@b.c\"\n[accounts.w.imap]\nhost = \"{host}\"\npassword = \"x\""
        );
        refused(&text, 4, "accounts.w.imap.host");
    }
}

#[test]
fn a_missing_file_is_answered_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&folder.path().join("none.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none.toml") && error.contains("pillarbox demo"),
        "{error}"
    );
    std::fs::write(folder.path().join("latin1.toml"), b"# caf\xe9").unwrap();
    let error = load(&folder.path().join("latin1.toml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn a_relative_trust_root_starts_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(
        &file,
        account_with("password = \"x\"\nca_file = \"root.pem\""),
    )
    .unwrap();
    let config = load(&file).unwrap().config;
    let found = config.accounts[0]
        .1
        .imap
        .as_ref()
        .unwrap()
        .ca_file
        .clone()
        .unwrap();
    assert_eq!(found, folder.path().join("root.pem"));
}

#[test]
fn a_directory_is_found_where_its_url_says() {
    for (url, host, port, is_implicit) in [
        (
            "ldaps://ldap.example.org",
            Some("ldap.example.org"),
            636,
            true,
        ),
        (
            "ldap://ldap.example.org/",
            Some("ldap.example.org"),
            389,
            false,
        ),
        ("ldap://127.0.0.1:3890/dc=x", Some("127.0.0.1"), 3890, false),
        ("ldaps://[::1]:7000", Some("::1"), 7000, true),
        ("ldap://[::1]", Some("::1"), 389, false),
        ("ldap:///", None, 389, false),
        ("ldapi://x", None, 389, false),
    ] {
        let ldap = crate::config::Ldap {
            url: url.to_owned(),
            ..crate::config::Ldap::default()
        };
        assert_eq!(
            (ldap.host(), ldap.port(), ldap.is_implicit()),
            (host, port, is_implicit),
            "{url}"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_asked_is_refused_where_it_stands() {
    let cases = [
        (
            "password = \"x\"\n[directory.ldap]\nurl = \"http://x\"\nbase = \"b\"",
            7,
            "directory.ldap.url",
        ),
        (
            "password = \"x\"\n[directory.ldap]\nurl = \"ldap://x\"\nbase = \"b\"\ntls = \"none\"",
            9,
            "directory.ldap.tls",
        ),
        (
            "password = \"x\"\n[directory.ldap]\nurl = \"ldaps://x\"\nbase = \"b\"\npassword = \"y\"",
            6,
            "directory.ldap.bind_dn",
        ),
        (
            "password = \"x\"\n[directory.ldap]\nurl = \"ldaps://x\"\nbase = \"b\"\nfilter = \"(cn=a)\"",
            9,
            "directory.ldap.filter",
        ),
        (
            "password = \"x\"\n[directory]\ncommand = \"khard 'x\"",
            7,
            "directory.command",
        ),
    ];
    for (lines, line, key) in cases {
        refused(&account_with(lines), line, key);
    }
}
