//! A query finds what it says, and nothing that was typed reaches the SQL text.

use super::*;
use crate::model::{BodyStructure, Part, PartId, Query};

fn library() -> Home {
    let mut home = Home::new();
    let person = |name: &str, address: &str| Address {
        name: name.to_owned(),
        address: address.to_owned(),
    };
    let mut one = message(1, "Grüße aus KÖLN", &["\\Seen", "Work"]);
    let envelope = one.fetched.envelope.as_mut().unwrap();
    envelope.from = vec![person("Änne Weiß", "aenne@example.org")];
    envelope.to = vec![
        person("Bob", "bob@example.net"),
        person("Carl", "carl@example.net"),
    ];
    envelope.cc = vec![person("Dora", "dora@example.net")];
    let mut two = message(2, "100% sure_thing", &["\\Flagged", "workshop"]);
    two.fetched.size_bytes = Some(50_000);
    two.fetched.preview = Some("The quick brown fox".to_owned());
    two.fetched.structure = Some(BodyStructure {
        parts: vec![Part {
            id: PartId(vec![1]),
            mime_type: "application/pdf".to_owned(),
            disposition: "attachment".to_owned(),
            name: "Rechnung Mai.PDF".to_owned(),
            ..Part::default()
        }],
    });
    // 2024-03-05 00:30 at +01:00, which is still the day before in Greenwich.
    two.fetched.arrived = Some(Moment {
        unix_secs: 1_709_595_000,
        offset_mins: 60,
    });
    home.put(&[one, two]);
    home.writer
        .put_messages(home.sent, ERA, &[message(3, "Re: Gruss", &["\\Answered"])])
        .unwrap();
    home
}

fn find(home: &Home, query: &str) -> String {
    let spec = ViewSpec {
        scope: Scope::Everywhere(None),
        filter: Some(Query::parse(query, 19_787).unwrap()),
        sort: Sort::Oldest,
        threads: None,
    };
    let rows = home.rows(&spec);
    let uids: Vec<String> = rows
        .iter()
        .map(|r| {
            let summary = home
                .reader
                .summary(r.message, Some(r.mailbox))
                .unwrap()
                .unwrap();
            summary.uid.unwrap().to_string()
        })
        .collect();
    uids.join(" ")
}

#[test]
fn each_condition_finds_what_it_says() {
    let home = library();
    for (query, found) in [
        ("", "1 3 2"),
        ("köln", "1"),
        ("GRÜSSE", "1"),
        ("\"grüße aus\"", "1"),
        ("fox", "2"),
        ("from:weiss", "1"),
        ("from:AENNE@", "1"),
        ("to:carl", "1"),
        ("cc:dora", "1"),
        ("to:dora", ""),
        ("subject:100%", "2"),
        ("subject:100_", ""),
        ("subject:\"sure_t\"", "2"),
        ("body:\"quick brown\"", "2"),
        ("filename:rechnung", "2"),
        ("filename:fox", ""),
        ("is:attachment", "2"),
        ("tag:work", "1"),
        ("tag:WORKSHOP", "2"),
        ("tag:\"not a tag\"", ""),
        ("in:sent", "3"),
        ("in:INBOX", "1 2"),
        ("in:nowhere", ""),
        ("account:Work", "1 3 2"),
        ("account:other", ""),
        ("is:unread", "3 2"),
        ("is:read", "1"),
        ("is:starred", "2"),
        ("is:answered", "3"),
        ("larger:40k", "2"),
        ("smaller:40k", "1 3"),
        ("date:2024-03-05", "2"),
        ("date:2024-03-04", ""),
        ("before:2024", "1 3"),
        ("after:today", "2"),
        ("-is:unread OR in:sent", "1 3"),
        ("is:unread (fox OR gruss) -is:answered", "2"),
        ("\"') OR 1=1 --\"", ""),
        ("a-word-that-is-nowhere", ""),
    ] {
        assert_eq!(find(&home, query), found, "{query}");
    }
}

#[test]
fn a_folded_thread_counts_only_what_matches() {
    let mut home = Home::new();
    let mut two = message(2, "Re: a", &[]);
    two.fetched.envelope.as_mut().unwrap().in_reply_to = vec!["1@example.org".to_owned()];
    home.put(&[message(1, "a", &["\\Seen"]), two]);
    let spec = ViewSpec {
        filter: Some(Query::parse("is:unread", 0).unwrap()),
        ..threads_of(home.inbox)
    };
    let rows = home.rows(&spec);
    assert_eq!((rows.len(), rows[0].count, rows[0].unread), (1, 1, 1));
}

#[test]
fn a_word_deep_in_a_text_is_found_once_it_is_indexed() {
    let mut home = library();
    let texts = [
        (
            "Grüße aus KÖLN",
            "Der Schlüssel liegt unter der Fußmatte, sagte sie.",
        ),
        (
            "100% sure_thing",
            "昨日東京で会いました。 \"quotes\" and 'more'",
        ),
    ];
    assert_eq!(find(&home, "schlüssel"), "");
    for (subject, text) in texts {
        let placed = home.placed(subject);
        home.writer.put_raw(placed.message, b"\r\nx").unwrap();
        assert_eq!(home.reader.unindexed(10).unwrap(), [placed.message]);
        let words = [(placed.message, text.to_owned())];
        home.writer.put_words(&words).unwrap();
        // Once more, as after a crash.
        home.writer.put_words(&words).unwrap();
    }
    assert_eq!(home.reader.unindexed(10).unwrap(), []);
    for (query, found) in [
        ("schlüssel", "1"),
        ("SCHLUSSEL", "1"),
        ("body:fussm", "1"),
        ("\"unter der fuß\"", "1"),
        ("\"der unter\"", ""),
        ("matte", ""),
        ("body:東京", "2"),
        ("京東", ""),
        ("-body:schlüssel in:inbox", "2"),
        ("body:quotes", "2"),
        ("body:\"' OR words MATCH 'x\"", ""),
        ("subject:schlüssel", ""),
        ("sie is:read", "1"),
    ] {
        assert_eq!(find(&home, query), found, "{query}");
    }
    home.reopen();
    assert_eq!(find(&home, "schlüssel"), "1");
}

#[test]
fn an_index_that_is_lost_is_made_anew_and_one_of_other_messages_is_not_used() {
    let mut home = library();
    let placed = home.placed("Grüße aus KÖLN");
    home.writer.put_raw(placed.message, b"\r\nx").unwrap();
    let words = [(placed.message, "Schlüssel".to_owned())];
    home.writer.put_words(&words).unwrap();
    let remove = |home: &mut Home, file: &str| {
        for end in ["", "-wal", "-shm"] {
            std::fs::remove_file(home.dir.path().join(format!("{file}{end}"))).ok();
        }
        home.reopen();
    };
    remove(&mut home, "search.db");
    assert_eq!(find(&home, "schlüssel"), "");
    assert_eq!(home.reader.unindexed(10).unwrap(), [placed.message]);
    home.writer.put_words(&words).unwrap();
    assert_eq!(find(&home, "schlüssel"), "1");
    std::fs::write(home.dir.path().join("search.db"), [0xa5; 9000]).unwrap();
    home.reopen();
    assert_eq!(find(&home, "schlüssel"), "");
    home.writer.put_words(&words).unwrap();
    // Its numbers meant messages of the mirror before.
    remove(&mut home, "mirror.db");
    let count: i64 = home
        .reader
        .conn
        .query_row("SELECT count(*) FROM search.words_docsize", (), |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(count, 0);
}

#[test]
fn what_is_deleted_from_the_cache_leaves_no_words_behind() {
    let mut home = library();
    let placed = home.placed("Grüße aus KÖLN");
    home.writer.put_raw(placed.message, b"\r\nx").unwrap();
    home.writer
        .put_words(&[(placed.message, "Geheimnis".to_owned())])
        .unwrap();
    home.writer.clear_cache(None).unwrap();
    home.writer.tidy(0).unwrap();
    let mut words = home
        .reader
        .conn
        .prepare("SELECT rowid FROM search.words WHERE words MATCH 'geheimnis'")
        .unwrap();
    assert!(!words.exists(()).unwrap());
}
