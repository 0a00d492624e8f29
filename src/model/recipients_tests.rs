//! What people type into an address field, and what is read from it.
//!
//! Called by the test runner. The lists are the ones that clients get wrong: quotes, groups, hosts
//! in other scripts, half an address.

use super::*;

fn read_all(typed: &str) -> Vec<(String, String)> {
    let list = Recipients::read(typed);
    list.entries
        .into_iter()
        .map(|e| (e.address.name, e.address.address))
        .collect()
}

fn one(typed: &str) -> Entry {
    let entries = Recipients::read(typed).entries;
    assert_eq!(entries.len(), 1, "{typed}: {entries:?}");
    entries.into_iter().next().unwrap()
}

#[test]
fn a_list_is_read_as_the_person_means_it() {
    let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
    assert_eq!(
        read_all("Ann <ann@x>, bob@y; \"Müller, Ü\" <u@z>"),
        [
            pair("Ann", "ann@x"),
            pair("", "bob@y"),
            pair("Müller, Ü", "u@z")
        ]
    );
    assert_eq!(
        read_all("Friends: a@x, Bo <b@y>;, c@z"),
        [pair("", "a@x"), pair("Bo", "b@y"), pair("", "c@z")]
    );
    assert_eq!(
        read_all("a@x\r\nb@y\n"),
        [pair("", "a@x"), pair("", "b@y")],
        "one address on a line, as pasted from a table"
    );
    assert_eq!(read_all(" , ;; \n"), []);
    assert_eq!(read_all("undisclosed-recipients:;"), []);
    for (typed, name, address) in [
        ("ann@x (Ann B)", "Ann B", "ann@x"),
        ("Ann B ann@x", "Ann B", "ann@x"),
        ("\"Ann \\\"the\\\" B\" <ann@x>", "Ann \"the\" B", "ann@x"),
        ("\"john doe\"@x", "", "\"john doe\"@x"),
        ("<\"a,b\"@x>", "", "\"a,b\"@x"),
        ("\"a,b\"@x", "", "\"a,b\"@x"),
        ("Ü <ü@bücher.de>", "Ü", "ü@bücher.de"),
        ("a@[IPv6:2001:db8::1]", "", "a@[IPv6:2001:db8::1]"),
        ("  Ann   B  < ann@x > ", "Ann B", "ann@x"),
        ("O'Brien <o'brien@x>", "O'Brien", "o'brien@x"),
    ] {
        let entry = one(typed);
        assert_eq!(entry.standing, Standing::Valid, "{typed}");
        assert_eq!(entry.address.name, name, "{typed}");
        assert_eq!(entry.address.address, address, "{typed}");
    }
}

#[test]
fn each_entry_says_whether_it_is_whole_and_why_not() {
    for (typed, why) in [
        ("ann", "has no @"),
        ("Ann B", "has no @"),
        ("ann@", "has no host after the @"),
        ("Ann <ann@x", "has no closing >"),
        ("Ann <", "has no closing >"),
        ("\"Ann", "has a quote that is not closed"),
        ("ann@x (Ann", "has a bracket that is not closed"),
        ("Ann <>", "has no address"),
    ] {
        assert_eq!(one(typed).standing, Standing::Unfinished(why), "{typed}");
    }
    for (typed, why) in [
        (
            "a@x b@y",
            "holds several addresses: separate them with commas",
        ),
        ("ann@x Ann", "has a blank or text behind the @"),
        ("<a@x> <b@y>", "has a bracket too many"),
        ("<a@x> more", "has text behind the address"),
        ("Ann <a b@x>", "has a blank in it"),
        ("a@x>", "has a bracket too many"),
        ("Ann <a@x, Bo <b@y>", "has more than one @"),
    ] {
        let list = Recipients::read(typed);
        assert_eq!(list.entries[0].standing, Standing::Wrong(why), "{typed}");
    }
    let list = Recipients::read("a@x, bob, c@z");
    assert_eq!(list.valid().count(), 2);
    assert_eq!(list.first_problem().unwrap().text, "bob");
}

#[test]
fn an_address_is_one_mailbox_however_it_is_written() {
    assert!(is_same_mailbox("Ann@X.org", "ann@x.ORG"));
    assert!(is_same_mailbox("ann@bücher.de", "ann@XN--bcher-kva.de"));
    assert!(!is_same_mailbox("ann@x.org", "ann+a@x.org"));
}

#[test]
fn a_flood_is_cut_and_read_once() {
    let list = Recipients::read(&"a@b,".repeat(200_000));
    assert_eq!(list.valid().count(), ENTRIES_MAX);
    let problem = list.first_problem().unwrap().standing;
    assert_eq!(
        problem,
        Standing::Wrong("is more than one message can be sent to"),
        "those left out are not left out in silence"
    );
    let list = Recipients::read(&"a@b,".repeat(ENTRIES_MAX));
    assert_eq!(list.first_problem(), None);
    for flood in ["\"", "(", "<", "[", "a@", ":", "\\", "\"a\" "] {
        let list = Recipients::read(&flood.repeat(300_000));
        assert!(list.entries.len() <= ENTRIES_MAX + 1, "{flood}");
    }
}

#[test]
fn a_list_is_kept_as_its_text() {
    let list = Recipients::read("Ann <ann@x>, bo");
    let json = serde_json::to_string(&list).unwrap();
    assert_eq!(json, "\"Ann <ann@x>, bo\"");
    assert_eq!(serde_json::from_str::<Recipients>(&json).unwrap(), list);
}

proptest::proptest! {
    #[test]
    fn nothing_valid_can_steer_a_header_or_a_server(typed in "[a-z@<>\"\\\\(),;:.\\[\\] \r\n\t\0ü\u{202e}]{0,60}") {
        for address in Recipients::read(&typed).valid() {
            let text = &address.address;
            proptest::prop_assert!(!text.contains(['<', '>', '\r', '\n', '\0', '\t']), "{text:?}");
            proptest::prop_assert!(!address.name.contains(char::is_control));
            let is_quoted = text.starts_with('"');
            proptest::prop_assert!(is_quoted || !text.contains(' '), "{text:?}");
        }
    }

    #[test]
    fn a_list_made_of_addresses_reads_back_the_same(names in proptest::collection::vec("\\PC{0,30}", 1..5)) {
        let addresses: Vec<Address> = names
            .iter()
            .map(|name| Address { name: clean_name(name), address: "u@x.org".to_owned() })
            .collect();
        let list = Recipients::of(&addresses);
        let found: Vec<&Address> = list.valid().collect();
        proptest::prop_assert_eq!(found, addresses.iter().collect::<Vec<_>>());
    }
}
