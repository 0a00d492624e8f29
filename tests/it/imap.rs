//! Against a real Dovecot.
//!
//! The first tests hold the support itself: what stands on it is only worth what it is worth.

use crate::support::{Dovecot, Kind};

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
        (Kind::Prefixed, "SPECIAL-USE", "X-NONE"),
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
    let mut client = crate::support::OtherClient::connect(dovecot.imap);
    let answer = client.ask(&format!("LOGIN {user} wrong")).pop().unwrap();
    assert!(answer.starts_with("NO"), "{answer}");
}
