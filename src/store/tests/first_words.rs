//! First words of messages that the server gave none of: looked for once, and never in place of better ones.

use super::*;
use crate::model::MessageKey;

fn is_empty(words: &str) -> bool {
    words.is_empty()
}

fn shown(home: &Home, subject: &str) -> String {
    let list = home.list();
    let row = list.iter().find(|r| r.subject.as_str() == subject).unwrap();
    row.preview.as_str().to_owned()
}

/// All that is found in batches of `limit`.
fn found(home: &mut Home, limit: usize) -> Vec<MessageKey> {
    let mut all = Vec::new();
    while let Some(next) = home.reader.wordless(limit, is_empty).unwrap() {
        assert!(next.messages.len() <= limit);
        all.extend(next.messages);
        home.writer.note_first_words(next.from).unwrap();
    }
    all
}

#[test]
fn each_text_without_words_is_found_once_in_batches_and_never_again() {
    let mut home = Home::new();
    let mut told = message(4, "told", &[]);
    told.fetched.preview = Some("The server's words".to_owned());
    let names = ["one", "two", "three"];
    let mut all: Vec<FetchedMessage> = (1..)
        .zip(names)
        .map(|(n, name)| message(n, name, &[]))
        .collect();
    all.extend([told, message(5, "not here", &[])]);
    home.put(&all);
    for name in ["one", "two", "three", "told"] {
        let key = home.placed(name).message;
        home.writer.put_raw(key, b"text").unwrap();
    }
    let mut keys = found(&mut home, 2);
    keys.sort();
    let mut wanted: Vec<MessageKey> = names.map(|name| home.placed(name).message).to_vec();
    wanted.sort();
    assert_eq!(keys, wanted);
    assert_eq!(found(&mut home, 2), []);
    home.reopen();
    assert_eq!(found(&mut home, 2), []);
}

#[test]
fn words_are_kept_only_where_what_is_known_gives_way() {
    let mut home = Home::new();
    let mut told = message(2, "told", &[]);
    told.fetched.preview = Some("The server's words".to_owned());
    home.put(&[message(1, "one", &[]), told]);
    let words = |name: &str| (home.placed(name).message, format!("Ours of {name}"));
    let ours = [words("one"), words("told")];
    let changed = home.writer.put_first_words(&ours, is_empty).unwrap();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), [home.inbox]);
    assert_eq!(shown(&home, "one"), "Ours of one");
    assert_eq!(shown(&home, "told"), "The server's words");
    let again = home.writer.put_first_words(&ours, is_empty).unwrap();
    assert!(again.is_empty(), "nothing is written twice");
}

#[test]
fn a_server_that_tells_its_words_later_does_not_replace_ours() {
    let mut home = Home::new();
    home.put(&[message(1, "one", &[]), message(2, "two", &[])]);
    let one = home.placed("one").message;
    let ours = [(one, "Ours".to_owned())];
    home.writer.put_first_words(&ours, is_empty).unwrap();
    for (n, name) in [(1, "one"), (2, "two")] {
        let mut again = message(n, name, &[]);
        again.fetched.preview = Some("On Monday Bo wrote:".to_owned());
        home.put(&[again]);
    }
    assert_eq!(shown(&home, "one"), "Ours");
    assert_eq!(shown(&home, "two"), "On Monday Bo wrote:");
}
