//! What a directory may say, and what is made of it; the other side is written by hand here.

use super::ber::{ENUMERATED, INTEGER, OCTETS, SEQUENCE, SET, element, number};
use super::*;
use crate::net::Security;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn said(id: u32, operation: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[&number(INTEGER, id), operation].concat())
}

fn ended(tag: u8, code: u32, words: &str) -> Vec<u8> {
    let parts = [
        number(ENUMERATED, code),
        element(OCTETS, b""),
        element(OCTETS, words.as_bytes()),
    ];
    element(tag, &parts.concat())
}

fn entry(attributes: &[(&str, &[&str])]) -> Vec<u8> {
    let attribute = |(name, values): &(&str, &[&str])| {
        let values: Vec<Vec<u8>> = values
            .iter()
            .map(|v| element(OCTETS, v.as_bytes()))
            .collect();
        let parts = [
            element(OCTETS, name.as_bytes()),
            element(SET, &values.concat()),
        ];
        element(SEQUENCE, &parts.concat())
    };
    let all: Vec<Vec<u8>> = attributes.iter().map(attribute).collect();
    let parts = [element(OCTETS, b"cn=x"), element(SEQUENCE, &all.concat())];
    element(0x64, &parts.concat())
}

/// A directory that says this to whoever asks, and what it was told.
async fn directory(says: Vec<u8>) -> (Directory, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let count = stream.read(&mut heard).await.unwrap();
        heard.truncate(count);
        stream.write_all(&says).await.ok();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
        heard.extend(rest);
        heard
    });
    let directory = Directory {
        server: Server {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::Plain,
            ca_file: None,
        },
        options: Options::default(),
        login: None,
        base: "dc=example".to_owned(),
        filter: "(cn=%s*)".to_owned(),
    };
    (directory, task)
}

const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn each_address_of_an_entry_is_told_with_the_name_that_is_shown() {
    let says = [
        said(
            1,
            &entry(&[
                ("cn", &["Example, Ann"]),
                ("Mail", &["ann@example.org", " a@example.net "]),
                ("displayName;lang-en", &["Ann Example"]),
            ]),
        ),
        said(1, &element(0x73, &element(OCTETS, b"ldap://elsewhere"))),
        said(1, &entry(&[("cn", &["Nobody"])])),
        said(1, &ended(0x65, 4, "there is more")),
    ];
    let (directory, task) = directory(says.concat()).await;
    let found = directory.find("an*", LIMIT).await.unwrap();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "Ann Example <ann@example.org>",
            "Ann Example <a@example.net>"
        ]
    );
    let heard = task.await.unwrap();
    assert!(
        heard.windows(5).any(|w| w == b"\x80\x03an*"),
        "the asterisk is a letter"
    );
}

#[tokio::test]
async fn a_refusal_is_told_in_plain_words_with_what_to_check() {
    for (code, word, hint) in [
        (32, "no such entry", "base"),
        (49, "sign in", "bind_dn"),
        (13, "encrypted", "starttls"),
    ] {
        let (directory, _task) = directory(said(1, &ended(0x65, code, "dear me"))).await;
        let error = directory.find("ann", LIMIT).await.unwrap_err();
        assert!(
            error.summary.contains(word) && error.summary.contains("dear me"),
            "{error}"
        );
        assert!(error.hint.contains(hint), "{}", error.hint);
    }
}

#[tokio::test]
async fn what_is_no_directory_is_told_and_not_waited_for() {
    let nested = (0..50_000).fold(Vec::new(), |inside: Vec<u8>, _| {
        if inside.len() > 60_000 {
            inside
        } else {
            element(SEQUENCE, &inside)
        }
    });
    for says in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"\x30\x84\xff\xff\xff\xff".to_vec(),
        said(1, &nested),
        said(1, b""),
        said(0, &ended(0x78, 52, "going down")),
        said(1, &ended(0x61, 0, "")),
        said(7, &ended(0x65, 0, "")).repeat(200_000),
    ] {
        let (directory, _task) = directory(says.clone()).await;
        let error = directory.find("ann", LIMIT).await.unwrap_err();
        assert!(!error.summary.contains("within"), "{error}");
    }
    let (directory, _task) = directory(Vec::new()).await;
    let error = directory
        .find("ann", Duration::from_millis(50))
        .await
        .unwrap_err();
    assert!(error.summary.contains("did not answer"), "{error}");
}

#[tokio::test]
async fn without_tls_nothing_is_asked_where_tls_is_required() {
    let two = [said(1, &ended(0x78, 0, "")), said(1, &ended(0x65, 0, ""))];
    for says in [
        said(1, &ended(0x78, 2, "no")),
        said(1, &ended(0x65, 0, "")),
        two.concat(),
    ] {
        let (mut directory, task) = directory(says).await;
        directory.server.security = Security::StartTls;
        directory.login = Some(("cn=ann".to_owned(), Secret::new("hunter2".to_owned())));
        let error = directory.find("ann", LIMIT).await.unwrap_err();
        assert!(error.summary.contains("StartTLS"), "{error}");
        let heard = task.await.unwrap();
        assert!(!heard.windows(7).any(|w| w == b"hunter2"));
    }
}
