//! Addresses that are proposed while somebody types: from mail, contacts, a command and a directory.
//!
//! They come at once from what is here, and again when more is known; nothing that a stranger wrote
//! can make a header field.

use crate::support::desk::{Desk, account};
use crate::support::slapd::{BASE, Slapd};
use crate::support::{Dovecot, Kind};
use pillarbox::bus::{Command, Completion, Event, RequestId, WritingCommand, WritingEvent};
use pillarbox::config;
use pillarbox::engine::Setup;
use pillarbox::model::Address;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

fn mail(from: &str, to: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: x\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n\r\nx\r\n"
    )
}

fn setup(dovecot: &Dovecot, user: &str, folder: &Path, directory: config::Directory) -> Setup {
    Setup {
        data_dir: folder.join("data"),
        downloads: folder.to_owned(),
        templates: PathBuf::new(),
        accounts: vec![account(dovecot, user)],
        directory,
        spelling: "en".to_owned(),
        web: pillarbox::net::http::Limits::default(),
        gpg: pillarbox::engine::Gpg::default(),
        is_offline: false,
    }
}

fn shown(items: &[Completion]) -> Vec<String> {
    items.iter().map(|item| item.address.to_string()).collect()
}

fn source<'a>(items: &'a [Completion], address: &str) -> &'a str {
    let item = items.iter().find(|i| i.address.address == address);
    item.unwrap().source.as_str()
}

#[test]
fn who_wrote_and_who_was_written_to_is_proposed_and_junk_and_oneself_are_not() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let own = format!("{user}@example.org");
    let mut client = dovecot.client(&user);
    client.append("INBOX", "", &mail("Annika Berg <annika@example.net>", &own));
    client.append(
        "INBOX",
        "",
        &mail("=?utf-8?q?Andr=C3=A9?= <andre@example.net>", &own),
    );
    client.append(
        "INBOX",
        "",
        &mail("Androids <no-reply@android.example>", &own),
    );
    client.append(
        "INBOX",
        "",
        &mail(
            "\"An\r\n Evil, boss@bank.example\" <an.evil@x.example>",
            &own,
        ),
    );
    client.append("Junk", "", &mail("Anatol <anatol@spam.example>", &own));
    client.append(
        "Sent",
        "",
        &mail(&format!("Anna Self <{own}>"), "Anton <anton@example.net>"),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start_with(setup(
        dovecot,
        &user,
        folder.path(),
        config::Directory::default(),
    ));
    desk.wait_in_step();
    let items = desk.wait_completions("an", |items| items.len() >= 5);
    assert_eq!(items[0].address.to_string(), "Anton <anton@example.net>");
    assert!(source(&items, "anton@example.net").starts_with("written to once"));
    assert_eq!(source(&items, "annika@example.net"), "wrote once");
    assert_eq!(
        items.last().unwrap().address.address,
        "no-reply@android.example"
    );
    let evil = items
        .iter()
        .find(|i| i.address.address == "an.evil@x.example")
        .unwrap();
    assert_eq!(
        evil.address.name, "",
        "a name with an address in it is not taken for one"
    );
    assert_eq!(items.len(), 5, "{items:?}");
    assert_eq!(
        shown(&desk.completions("ANDRE")),
        ["André <andre@example.net>"]
    );
    assert!(desk.completions("anatol").is_empty());
    assert!(desk.completions("self").is_empty());
}

#[test]
fn all_sources_make_one_list_with_each_address_once() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let own = format!("{user}@example.org");
    let folder = tempfile::tempdir().unwrap();
    dovecot.deliver(&user, "INBOX", &mail("A. Example <ANN@example.org>", &own));
    let card = "BEGIN:VCARD\nVERSION:4.0\nFN:Ann of the Mountains\nEMAIL:ann@example.org\nEMAIL:ann@home.example\nEND:VCARD\n";
    fs::write(folder.path().join("ann.vcf"), card).unwrap();
    let script = folder.path().join("query");
    fs::write(
        &script,
        "#!/bin/sh\necho searching\nprintf 'annalena@example.com\\tAnnalena %s\\tx\\n' \"$#-$2\"\n\
         printf 'ann@home.example\\tOther Name\\n'\nprintf 'ann@x>\\\\r\\nBcc: y\\tEvil\\n'\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let slapd = Slapd::shared();
    let directory = config::Directory {
        vcards: vec![folder.path().to_owned()],
        command: Some(format!("'{}' --find %s", script.display())),
        ldap: slapd.map(|slapd| config::Ldap {
            url: format!("ldap://127.0.0.1:{}", slapd.ldap),
            base: BASE.to_owned(),
            tls: config::LdapTls::None,
            ..config::Ldap::default()
        }),
    };
    let mut desk = Desk::start_with(setup(dovecot, &user, folder.path(), directory));
    desk.wait_in_step();
    let items = desk.wait_completions("ann", |items| {
        items.iter().any(|i| i.source.as_str().contains("wrote"))
    });
    let mut expected = vec![
        "Ann of the Mountains <ann@example.org>",
        "Ann of the Mountains <ann@home.example>",
        "Annalena 2-ann <annalena@example.com>",
    ];
    if slapd.is_some() {
        expected.push("Ann E. Example <annie@example.net>");
        assert_eq!(source(&items, "annie@example.net"), "LDAP");
        let hostile = desk.completions("hostile");
        let hostile = hostile
            .iter()
            .find(|i| i.source.as_str() == "LDAP")
            .unwrap();
        let Address { name, address } = &hostile.address;
        assert_eq!(address, "hostile@example.org");
        assert!(!name.contains(['\r', '\n', '@']), "{name:?}");
    }
    let mut found = shown(&items);
    // The two slow sources answer in either order.
    found.sort();
    for address in &mut found {
        *address = address.replace("ANN@", "ann@");
    }
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(source(&items, "ann@home.example").contains("contact"));
    assert_eq!(source(&items, "annalena@example.com"), "query");
    fs::write(
        folder.path().join("ann.vcf"),
        card.replace("Mountains", "Valley"),
    )
    .unwrap();
    desk.wait_completions("valley", |items| items.len() == 2);
}

#[test]
fn a_source_that_hangs_or_fails_keeps_nobody_from_the_others() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("a.vcf"),
        "BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nEMAIL:ann@example.org\nEND:VCARD\n",
    )
    .unwrap();
    let marks = folder.path().join("marks");
    let script = format!("sh -c 'echo $1 >> {}; sleep 600' sh", marks.display());
    let directory = config::Directory {
        vcards: vec![folder.path().join("a.vcf")],
        command: Some(
            script
                .replace("sh -c '", "sh -c \"")
                .replace("600'", "600\""),
        ),
        ldap: Some(config::Ldap {
            url: format!("ldap://127.0.0.1:{}", crate::support::closed_port()),
            base: "dc=x".to_owned(),
            tls: config::LdapTls::None,
            ..config::Ldap::default()
        }),
    };
    let mut desk = Desk::start_with(setup(dovecot, &user, folder.path(), directory));
    desk.wait_in_step();
    desk.wait_completions("ann", |items| items.len() == 1);
    desk.wait_news("a word about LDAP", |event| match event {
        Event::Problem(problem) => problem.summary.as_str().contains("without LDAP"),
        _ => false,
    });
    // A question that is followed by another one is not answered to its end.
    let account = desk.tree[0].key;
    for (number, typed) in [(900, "an"), (901, "ann")] {
        desk.send(Command::Writing(WritingCommand::Complete {
            request: RequestId(number),
            account,
            typed: typed.to_owned(),
        }));
    }
    desk.wait_news("the last answer", |event| {
        matches!(
            event,
            Event::Writing(WritingEvent::Completions {
                request: RequestId(901),
                is_final: true,
                ..
            })
        )
    });
    let is_ended = |event: &Event| {
        matches!(
            event,
            Event::Writing(WritingEvent::Completions {
                request: RequestId(900),
                is_final: true,
                ..
            })
        )
    };
    assert!(!desk.news.iter().any(is_ended));
    desk.stop();
}

#[test]
fn misspelt_words_are_told_with_proposals_or_that_nothing_can_be_looked_at() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start_with(setup(
        dovecot,
        &user,
        folder.path(),
        config::Directory::default(),
    ));
    desk.send(Command::Writing(WritingCommand::Spell {
        request: RequestId(7),
        text: "A wrnog word\n> qouted".to_owned(),
    }));
    desk.wait_news("an answer", |event| match event {
        Event::Writing(WritingEvent::Misspelt { request, words }) => {
            assert_eq!(words.len(), 1, "{words:?}");
            let (word, proposals) = &words[0];
            *request == RequestId(7)
                && word.as_str() == "wrnog"
                && (1..=5).contains(&proposals.len())
        }
        Event::Failed { problem, .. } => problem.hint.as_str().contains("aspell"),
        _ => false,
    });
}
