//! Against a real Dovecot.
//!
//! The first tests hold the support itself: what stands on it is only worth what it is worth.

use crate::support::{Dovecot, Kind, OtherClient};
use std::process::{Command, Stdio};

const HELLO: &str = "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Hello\n\
    Message-ID: <hello@example.org>\nDate: Mon, 06 Apr 2026 10:32:00 +0200\n\nHello, Bob.\n";

#[test]
fn a_delivered_message_is_seen_by_another_client() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    assert!(
        client.search("INBOX", "ALL").is_empty(),
        "a fresh user has no mail"
    );
    dovecot.deliver(&user, "INBOX", HELLO);
    assert_eq!(client.search("INBOX", "SUBJECT Hello UNSEEN"), [1]);
    client.store("INBOX", 1, "+\\Seen work");
    assert_eq!(client.flags("INBOX", 1), ["\\Seen", "work"]);
    dovecot.deliver(&user, "Projects/alpha", HELLO);
    assert_eq!(client.search("Projects/alpha", "ALL"), [1]);
}

#[test]
fn each_kind_of_server_offers_what_it_says() {
    for (kind, offered, hidden) in [
        (Kind::Full, "QRESYNC", "X-NONE"),
        (Kind::Condstore, "CONDSTORE", "QRESYNC"),
        (Kind::Plain, "IMAP4rev1", "IDLE"),
        (Kind::Prefixed, "SPECIAL-USE", "ACL"),
        (Kind::Shared, " ACL ", "X-NONE"),
        (Kind::Shared, " QUOTA", "X-NONE"),
    ] {
        let dovecot = Dovecot::shared(kind);
        let mut client = dovecot.client(&dovecot.fresh_user());
        let said = client.run("CAPABILITY").concat();
        assert!(
            said.contains(offered) && !said.contains(hidden),
            "{kind:?}: {said}"
        );
    }
}

#[test]
fn a_prefixed_server_has_its_folders_below_inbox() {
    let dovecot = Dovecot::shared(Kind::Prefixed);
    let mut client = dovecot.client(&dovecot.fresh_user());
    let listed = client.run("LIST \"\" \"*\"").join("\n");
    assert!(listed.contains("\".\" INBOX.Sent"), "{listed}");
}

#[test]
fn a_wrong_password_is_refused_by_the_server() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = OtherClient::connect(dovecot.imap);
    let answer = client.ask(&format!("LOGIN {user} wrong")).pop().unwrap();
    assert!(answer.starts_with("NO"), "{answer}");
}

#[test]
fn the_certificate_is_trusted_by_its_own_root_and_the_account_is_a_right_one() {
    let dovecot = Dovecot::shared(Kind::Full);
    let verify = |root: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-verify_return_error",
            "-verify_hostname",
            "localhost",
        ]);
        openssl.args([
            "-connect",
            &format!("127.0.0.1:{}", dovecot.imaps),
            "-CAfile",
            root,
        ]);
        openssl
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        openssl.status().unwrap().success()
    };
    assert!(verify(dovecot.ca_file.to_str().unwrap()));
    assert!(!verify("/dev/null"), "nobody else trusts it");
    let text = dovecot.account("work", "ann");
    let loaded = pillarbox::config::parse(&text, std::path::Path::new("config.toml")).unwrap();
    assert!(loaded.config.account("work").is_some());
}
